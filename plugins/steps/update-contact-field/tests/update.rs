//! The step `update-contact-field` against the test host.
#![allow(clippy::unwrap_used, missing_docs)]

use jackfield_plugin::prelude::*;
use jackfield_plugin::testing::{Host, Installed, Run, call_error};
use update_contact_field::UpdateContactField;

fn host() -> Installed {
    Host::new().contact(json!({"id": "c1"})).install()
}

fn change(settings: Value) -> (String, String, Value) {
    let host = host();
    Run::<UpdateContactField>::new(settings).start().unwrap();
    host.updates().remove(0)
}

#[test]
fn a_value_is_set() {
    assert_eq!(
        change(json!({"field": "city", "value": "Paris"})),
        ("city".into(), "set".into(), json!("Paris"))
    );
}

#[test]
fn an_empty_value_clears() {
    for value in [json!(""), json!("  "), json!(null), json!([])] {
        assert_eq!(change(json!({"field": "city", "value": value})).1, "clear");
    }
    assert_eq!(
        change(json!({"field": "city", "operation": "clear", "value": "x"})).1,
        "clear"
    );
}

#[test]
fn zero_and_false_are_values() {
    assert_eq!(change(json!({"field": "n", "value": 0})).1, "set");
    assert_eq!(change(json!({"field": "b", "value": false})).1, "set");
}

#[test]
fn increment_takes_numbers_also_as_text_and_one_by_default() {
    let by =
        |value: Value| change(json!({"field": "n", "operation": "increment", "value": value})).2;
    assert_eq!(by(json!("2.5")), json!(2.5));
    assert_eq!(by(json!(-3)), json!(-3));
    assert_eq!(by(json!("")), json!(1));
    let _host = host();
    let failure = Run::<UpdateContactField>::new(
        json!({"field": "n", "operation": "increment", "value": "many"}),
    )
    .start();
    assert_eq!(failure.unwrap_err().code, "type-mismatch");
}

#[test]
fn append_needs_a_value() {
    assert_eq!(
        change(json!({"field": "notes", "operation": "append", "value": "x"})).1,
        "append"
    );
    let _host = host();
    let failure =
        Run::<UpdateContactField>::new(json!({"field": "notes", "operation": "append"})).start();
    assert_eq!(failure.unwrap_err().code, "empty-value");
}

#[test]
fn a_type_that_does_not_fit_fails_with_the_hosts_reason() {
    let _host = Host::new()
        .contact(json!({"id": "c1"}))
        .update(|_| Err(call_error("invalid", "`age` is a number")))
        .install();
    let failure = Run::<UpdateContactField>::new(json!({"field": "age", "value": "old"}))
        .start()
        .unwrap_err();
    assert_eq!(
        (failure.code.as_str(), failure.message.as_str()),
        ("type-mismatch", "`age` is a number")
    );
}

#[test]
fn a_run_without_a_contact_fails() {
    let _host = Host::new().install();
    let failure = Run::<UpdateContactField>::new(json!({"field": "age", "value": 3}))
        .start()
        .unwrap_err();
    assert_eq!(failure.code, "not-found");
}

#[test]
fn the_output_is_the_stored_value() {
    let _host = Host::new()
        .contact(json!({}))
        .update(|_| Ok(json!(43)))
        .install();
    let outcome = Run::<UpdateContactField>::new(json!({"field": "age", "value": "43"}))
        .start()
        .unwrap();
    assert_eq!(
        outcome,
        Outcome::done()
            .output(json!({"field": "age", "value": 43}))
            .into()
    );
}
