//! The step `vat-check` against the test host, natively: `cargo test`.
#![allow(clippy::unwrap_used, missing_docs)]

use jackfield_plugin::prelude::*;
use jackfield_plugin::testing::{Host, Run, response};
use vat_check::VatCheck;

fn branch(number: &str, status: u16, body: &str) -> String {
    let body = body.to_owned();
    let _host = Host::new().http(move |_| Ok(response(status, &[], body.clone()))).install();
    match Run::<VatCheck>::new(json!({"number": number})).start().unwrap() {
        Outcome::Done(done) => done.branch.unwrap_or_else(|| "success".into()),
        other => panic!("{other:?}"),
    }
}

#[test]
fn each_answer_has_its_branch() {
    assert_eq!(branch("fr 40 303 265 045", 200, r#"{"userError":"VALID","name":"ACME"}"#), "success");
    assert_eq!(branch("FR40303265045", 200, r#"{"userError":"INVALID"}"#), "invalid");
    assert_eq!(branch("FR40303265045", 200, r#"{"userError":"MS_UNAVAILABLE"}"#), "unavailable");
    assert_eq!(branch("FR40303265045", 503, "busy"), "unavailable");
    assert_eq!(branch("é1", 200, ""), "invalid");
}
