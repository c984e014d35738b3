//! Which settings the step `forward-to-email` takes: one to ten addresses.
#![allow(clippy::unwrap_used, missing_docs)]

use forward_to_email::ForwardToEmail;
use jackfield_plugin::prelude::*;
use jackfield_plugin::testing::{Host, Run};

/// How a run ends with these settings, where no message started it.
fn code(settings: Value) -> String {
    let _host = Host::new().install();
    Run::<ForwardToEmail>::new(settings)
        .start()
        .unwrap_err()
        .code
}

#[test]
fn settings_up_to_the_limits_are_taken() {
    for settings in [
        json!({"channel": "mail", "addresses": ["a@example.com"]}),
        json!({"channel": "mail", "addresses": vec!["a@example.com"; 10], "keyword": "win"}),
    ] {
        assert_eq!(code(settings.clone()), "no-message", "{settings}");
    }
}

#[test]
fn settings_beyond_the_limits_and_unknown_ones_are_refused() {
    for settings in [
        json!({"addresses": ["a@example.com"]}),
        json!({"channel": "mail"}),
        json!({"channel": "mail", "addresses": []}),
        json!({"channel": "mail", "addresses": vec!["a@example.com"; 11]}),
        json!({"channel": "mail", "addresses": ["a@example.com"], "subject": "no"}),
    ] {
        assert_eq!(code(settings.clone()), "invalid-config", "{settings}");
    }
}
