//! Which settings the step `forward-to-mobile` takes: one to ten numbers.
#![allow(clippy::unwrap_used, missing_docs)]

use forward_to_mobile::ForwardToMobile;
use jackfield_plugin::prelude::*;
use jackfield_plugin::testing::{Host, Run};

/// How a run ends with these settings, where no message started it.
fn code(settings: Value) -> String {
    let _host = Host::new().install();
    Run::<ForwardToMobile>::new(settings)
        .start()
        .unwrap_err()
        .code
}

#[test]
fn settings_up_to_the_limits_are_taken() {
    for settings in [
        json!({"channel": "sms", "numbers": ["+331"]}),
        json!({"channel": "sms", "numbers": vec!["+331"; 10]}),
        json!({"channel": "sms", "numbers": ["+331"], "own-numbers": vec!["+332"; 50]}),
    ] {
        assert_eq!(code(settings.clone()), "no-message", "{settings}");
    }
}

#[test]
fn settings_beyond_the_limits_and_unknown_ones_are_refused() {
    for settings in [
        json!({"numbers": ["+331"]}),
        json!({"channel": "sms"}),
        json!({"channel": "sms", "numbers": []}),
        json!({"channel": "sms", "numbers": vec!["+331"; 11]}),
        json!({"channel": "sms", "numbers": ["+331"], "own-numbers": vec!["+332"; 51]}),
        json!({"channel": "sms", "numbers": ["+331"], "number": "+332"}),
    ] {
        assert_eq!(code(settings.clone()), "invalid-config", "{settings}");
    }
}
