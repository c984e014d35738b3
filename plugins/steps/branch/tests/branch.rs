//! The step `branch` against the test host.
#![allow(clippy::unwrap_used, missing_docs)]

use branch::BranchStep;
use jackfield_plugin::prelude::*;
use jackfield_plugin::testing::{Host, Run, call_error};

fn settings() -> Value {
    json!({"branches": [
        {"name": "paris", "when": {"field": "contact.city", "is": "Paris"}},
        {"name": "vip", "when": {"field": "contact.vip", "is": true}},
    ]})
}

fn taken(outcome: Outcome<Value>) -> String {
    match outcome {
        Outcome::Done(done) => done.branch.unwrap(),
        other => panic!("not done: {other:?}"),
    }
}

#[test]
fn the_first_branch_that_holds_is_taken() {
    let _host = Host::new().condition(|_| Ok(true)).install();
    assert_eq!(
        taken(Run::<BranchStep>::new(settings()).start().unwrap()),
        "paris"
    );
    let _host = Host::new()
        .condition(|condition| Ok(condition["field"] == "contact.vip"))
        .install();
    assert_eq!(
        taken(Run::<BranchStep>::new(settings()).start().unwrap()),
        "vip"
    );
}

#[test]
fn else_is_taken_when_none_holds() {
    let _host = Host::new().install();
    assert_eq!(
        taken(Run::<BranchStep>::new(settings()).start().unwrap()),
        "else"
    );
}

#[test]
fn a_wrong_condition_names_its_branch() {
    let _host = Host::new()
        .condition(|_| Err(call_error("invalid", "no operator")))
        .install();
    let failure = Run::<BranchStep>::new(settings()).start().unwrap_err();
    assert_eq!(failure.class, FailureClass::InvalidConfig);
    assert!(
        failure.message.contains("branches[0].when"),
        "{}",
        failure.message
    );
}

#[test]
fn names_are_unique_and_not_reserved() {
    let _host = Host::new().install();
    for name in ["else", "failure", "paris"] {
        let mut settings = settings();
        settings["branches"][1]["name"] = json!(name);
        let failure = Run::<BranchStep>::new(settings).start().unwrap_err();
        assert!(
            failure.message.contains("branches[1].name"),
            "{}",
            failure.message
        );
    }
}

#[test]
fn ten_branches_are_too_many() {
    let _host = Host::new().install();
    let branches: Vec<_> = (0..10)
        .map(|n| json!({"name": format!("b{n}"), "when": {"field": "a", "is": n}}))
        .collect();
    let failure = Run::<BranchStep>::new(json!({"branches": branches}))
        .start()
        .unwrap_err();
    assert_eq!(failure.class, FailureClass::InvalidConfig);
}

#[test]
fn nine_branches_of_ten_tests_are_taken_and_one_more_test_is_not() {
    let _host = Host::new().install();
    let test = |n: usize| json!({"field": "call.duration", "is": n});
    let with = |when: Value| {
        let branches: Vec<_> = (0..9)
            .map(|n| json!({"name": format!("b{n}"), "when": when}))
            .collect();
        Run::<BranchStep>::new(json!({"branches": branches})).start()
    };
    let five = |from: usize| (from..from + 5).map(test).collect::<Vec<_>>();
    for when in [
        json!({"all": (0..10).map(test).collect::<Vec<_>>()}),
        json!({"any": [{"all": five(0)}, {"not": {"any": five(5)}}]}),
    ] {
        assert_eq!(taken(with(when).unwrap()), "else");
    }
    for when in [
        json!({"any": (0..11).map(test).collect::<Vec<_>>()}),
        json!({"all": [{"any": five(0)}, {"not": {"all": five(5)}}, test(10)]}),
    ] {
        let failure = with(when).unwrap_err();
        assert_eq!(failure.class, FailureClass::InvalidConfig);
        assert!(
            failure.message.contains("branches[0].when") && failure.message.contains("11 tests"),
            "{}",
            failure.message
        );
    }
}
