//! Which settings the step `forward-to-url` takes: three methods, ten headers, ten parameters with names of their own, five retries.
#![allow(clippy::unwrap_used, missing_docs)]

use forward_to_url::ForwardToUrl;
use jackfield_plugin::prelude::*;
use jackfield_plugin::testing::{Host, Run};

const URL: &str = "https://crm.example.com/in";

/// So many names.
fn many(count: usize) -> Value {
    (0..count)
        .map(|n| (format!("x-{n}"), json!("v")))
        .collect::<serde_json::Map<_, _>>()
        .into()
}

/// How a run ends with these settings, where no message started it.
fn code(settings: Value) -> String {
    let _host = Host::new().install();
    Run::<ForwardToUrl>::new(settings).start().unwrap_err().code
}

#[test]
fn settings_up_to_the_limits_are_taken() {
    for settings in [
        json!({"url": URL}),
        json!({"url": URL, "headers": many(10), "parameters": many(10), "retries": 5}),
        json!({"url": URL, "method": "PUT", "body": "form"}),
        json!({"url": URL, "parameters": {"n".repeat(128): 1}}),
    ] {
        assert_eq!(code(settings.clone()), "no-message", "{settings}");
    }
}

#[test]
fn settings_beyond_the_limits_and_unknown_ones_are_refused() {
    for settings in [
        json!({}),
        json!({"url": ""}),
        json!({"url": URL, "method": "DELETE"}),
        json!({"url": URL, "body": "xml"}),
        json!({"url": URL, "headers": many(11)}),
        json!({"url": URL, "parameters": many(11)}),
        json!({"url": URL, "parameters": {"": 1}}),
        json!({"url": URL, "parameters": {"n".repeat(129): 1}}),
        json!({"url": URL, "parameters": {"from": "me"}}),
        json!({"url": URL, "parameters": {"received_at": 1}}),
        json!({"url": URL, "retries": 6}),
        json!({"url": URL, "query": {}}),
    ] {
        assert_eq!(code(settings.clone()), "invalid-config", "{settings}");
    }
}
