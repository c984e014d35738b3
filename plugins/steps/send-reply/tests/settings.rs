//! Which settings the step `send-reply` takes: a text.
#![allow(clippy::unwrap_used, missing_docs)]

use jackfield_plugin::prelude::*;
use jackfield_plugin::testing::{Host, Run};
use send_reply::SendReply;

/// How a run ends with these settings, where no message started it.
fn code(settings: Value) -> String {
    let _host = Host::new().install();
    Run::<SendReply>::new(settings).start().unwrap_err().code
}

#[test]
fn settings_up_to_the_limits_are_taken() {
    for settings in [json!({"text": "a"}), json!({"text": "$message.text"})] {
        assert_eq!(code(settings.clone()), "no-message", "{settings}");
    }
}

#[test]
fn settings_beyond_the_limits_and_unknown_ones_are_refused() {
    for settings in [
        json!({}),
        json!({"text": ""}),
        json!({"text": 1}),
        json!({"text": "a", "txet": "b"}),
    ] {
        assert_eq!(code(settings.clone()), "invalid-config", "{settings}");
    }
}
