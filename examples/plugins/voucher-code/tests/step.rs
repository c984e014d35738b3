//! The step `voucher-code` against the test host, natively: `cargo test`.
#![allow(clippy::unwrap_used, missing_docs)]

use jackfield_plugin::prelude::*;
use jackfield_plugin::testing::{Host, Run};
use voucher_code::VoucherCode;

#[test]
fn the_code_has_its_prefix_its_length_and_a_check_character() {
    let host = Host::new().install();
    let settings = json!({"prefix": "SPRING", "length": 10, "variable": "voucher"});
    let Outcome::Done(done) = Run::<VoucherCode>::new(settings).start().unwrap() else {
        panic!("it must be done")
    };
    let code = done.output.unwrap()["code"].clone();
    let text = code.as_str().unwrap();
    assert_eq!(text.len(), "SPRING-".len() + 10 + 1, "{text}");
    assert_eq!(host.variables(), json!({"voucher": code}));
}
