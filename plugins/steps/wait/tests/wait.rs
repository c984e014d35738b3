//! The step `wait` against the test host.
#![allow(clippy::unwrap_used, missing_docs)]

use jackfield_plugin::prelude::*;
use jackfield_plugin::testing::{Host, Run};
use wait::WaitStep;

const NOW: u64 = 1_767_225_600_000; // 2026-01-01T00:00:00Z
const HOUR: u64 = 3_600_000;
const DAY: u64 = 24 * HOUR;

fn until(settings: Value) -> Option<u64> {
    let _host = Host::new().now(NOW).next_open(NOW + 9 * HOUR).install();
    match Run::<WaitStep>::new(settings).start().unwrap() {
        Outcome::Wait(wait) => wait.until,
        Outcome::Done(_) => None,
        other => panic!("{other:?}"),
    }
}

fn refused(settings: Value) -> String {
    let _host = Host::new().now(NOW).install();
    let failure = Run::<WaitStep>::new(settings).start().unwrap_err();
    assert_eq!(failure.class, FailureClass::InvalidConfig);
    failure.message
}

#[test]
fn it_waits_for_a_time_and_until_a_time() {
    assert_eq!(until(json!({"for": "1d12h"})), Some(NOW + 36 * HOUR));
    assert_eq!(
        until(json!({"until": "2026-01-02 06:30"})),
        Some(NOW + 30 * HOUR + HOUR / 2)
    );
}

#[test]
fn a_time_that_has_passed_goes_on_at_once() {
    assert_eq!(until(json!({"until": "2025-12-31"})), None);
    assert_eq!(until(json!({"for": "0s"})), None);
}

#[test]
fn business_hours_come_after_the_time() {
    assert_eq!(
        until(json!({"business-hours": {"monday": ["09:00-18:00"]}})),
        Some(NOW + 9 * HOUR)
    );
    let hours = json!({"for": "10h", "business-hours": {"monday": ["09:00-18:00"]}});
    assert_eq!(until(hours), Some(NOW + 10 * HOUR));
}

#[test]
fn never_open_hours_are_a_mistake_in_the_settings() {
    assert!(refused(json!({"business-hours": {}})).contains("business-hours"));
}

#[test]
fn the_longest_wait_is_a_year() {
    assert_eq!(until(json!({"for": "365d"})), Some(NOW + 365 * DAY));
    assert!(refused(json!({"for": "366d"})).contains("365"));
    assert!(refused(json!({"until": "2028-01-01"})).contains("365"));
}

#[test]
fn settings_that_contradict_each_other_are_refused() {
    refused(json!({}));
    refused(json!({"for": "1h", "until": "2026-02-01"}));
    refused(json!({"for": "1h", "timeout": "1h"}));
    refused(json!({"for": "1h", "event": {"name": "x"}}));
    refused(json!({"for": "soon"}));
}

#[test]
fn an_event_ends_the_wait_by_success_and_its_absence_by_timeout() {
    let _host = Host::new().now(NOW).install();
    let settings = json!({"event": {"name": "order.paid", "when": {"field": "order.id", "is": "7"}}, "timeout": "2d"});
    let mut run = Run::<WaitStep>::new(settings);
    let Outcome::Wait(wait) = run.start().unwrap() else {
        panic!("it must wait")
    };
    assert_eq!(wait.until, Some(NOW + 2 * DAY));
    assert_eq!(
        wait.events,
        [Subscription::to("order.paid").when(json!({"field": "order.id", "is": "7"}))]
    );

    let Outcome::Done(done) = run
        .event("order.paid", json!({"order": {"id": "7"}}))
        .unwrap()
    else {
        panic!()
    };
    assert_eq!(done.branch, None);
    let output = done.output.unwrap();
    assert_eq!(
        (&output["woken-by"], &output["event"]["data"]["order"]["id"]),
        (&json!("event"), &json!("7"))
    );

    run.start().unwrap();
    let Outcome::Done(done) = run.timer().unwrap() else {
        panic!()
    };
    assert_eq!(done.branch.as_deref(), Some("timeout"));
}

#[test]
fn a_timer_ends_the_wait_by_success() {
    let _host = Host::new().install();
    let mut run = Run::<WaitStep>::new(json!({"for": "1h"}));
    run.start().unwrap();
    assert_eq!(
        run.timer().unwrap(),
        Outcome::done().output(json!({"woken-by": "timer"})).into()
    );
}

#[test]
fn an_event_may_be_about_something_else_than_the_contact() {
    let _host = Host::new().now(NOW).install();
    let mut run =
        Run::<WaitStep>::new(json!({"event": {"name": "message.status", "subject": "message-9"}}));
    let Outcome::Wait(wait) = run.start().unwrap() else {
        panic!("it must wait")
    };
    assert_eq!(wait.until, Some(NOW + 365 * DAY));
    assert_eq!(wait.events[0].subject.as_deref(), Some("message-9"));
}
