//! Who is let in, by account, by bytes, and what is told to who is not.

#![allow(clippy::unwrap_used)]

use super::*;
use axum::body::Body;

fn caller(workspace: &str, key: &str, operator: bool) -> Caller {
    Caller {
        key: key.to_owned(),
        workspace: workspace.to_owned(),
        operator,
        organisation: None,
        scopes: Arc::from([]),
    }
}

fn of(caller: &Caller, method: &Method) -> Account {
    account(Some(caller), method, "/v1/runs")
}

#[test]
fn who_floods_leaves_room_for_other_keys_workspaces_and_the_operator() {
    let admission = Admission::new(20, 1 << 20);
    let take = |account: &Account| admission.let_in(account, 0).ok();
    let flood = of(&caller("a", "one", false), &Method::POST);
    let mut held: Vec<_> = std::iter::from_fn(|| take(&flood)).collect();
    assert_eq!(held.len(), 10, "a key alone gets half");
    assert!(take(&of(&caller("a", "two", false), &Method::POST)).is_some());
    for key in ["2", "3", "4", "5", "6", "7"] {
        let more = of(&caller("a", key, false), &Method::POST);
        held.extend(std::iter::from_fn(|| take(&more)));
    }
    assert_eq!(held.len(), 16, "a workspace gets four fifths");
    let operator = caller("a", "operator", true);
    assert!(take(&of(&operator, &Method::POST)).is_none());
    assert!(take(&of(&operator, &Method::GET)).is_some());
    assert!(take(&of(&caller("b", "one", false), &Method::POST)).is_some());
    assert!(take(&account(None, &Method::POST, "/hooks/chn_1")).is_some());
    assert_eq!(admission.requests(), (16, 20));
}

#[test]
fn webhooks_are_counted_by_channel_and_all_together() {
    let admission = Admission::new(20, 1 << 20);
    let take = |path: &str| {
        let account = account(None, &Method::POST, path);
        admission.let_in(&account, 0).ok()
    };
    let mut held: Vec<_> = std::iter::from_fn(|| take("/hooks/chn_1/x")).collect();
    assert_eq!(held.len(), 10);
    for n in 0..20 {
        held.extend(take(&format!("/hooks/chn_{n}")));
    }
    assert_eq!(held.len(), 16, "whatever channels a stranger names");
    assert!(take("/u/token").is_some());
}

#[test]
fn bytes_are_granted_before_a_body_is_read() {
    let request = |path: &str, length: Option<&str>, body: Body| {
        let mut request = Request::post(path);
        if let Some(length) = length {
            request = request.header(CONTENT_LENGTH, length);
        }
        request.body(body).unwrap()
    };
    let stream = || Body::from_stream(futures::stream::pending::<std::io::Result<String>>());
    assert_eq!(weight(&request("/v1/events", None, Body::empty())), 0);
    assert_eq!(weight(&request("/v1/events", Some("1025"), stream())), 2);
    assert_eq!(weight(&request("/v1/events", None, stream())), 1 << 10);
    let huge = Some("99999999999");
    assert_eq!(weight(&request("/v1/events", huge, stream())), 1 << 10);
    assert_eq!(weight(&request("/v1/plugins", None, stream())), 64 << 10);
    let admission = Admission::new(100, 8 << 20);
    let account = of(&caller("a", "one", false), &Method::POST);
    let held: Vec<_> = (0..9)
        .map_while(|_| admission.let_in(&account, 1 << 10).ok())
        .collect();
    assert_eq!(held.len(), 4, "half of the bytes");
    assert_eq!(admission.body_bytes().0, 4 << 20);
    assert!(matches!(
        admission.let_in(&account, 1 << 10),
        Err(Refused::Bytes)
    ));
    assert!(admission.let_in(&account, 0).is_ok());
    drop(held);
    assert_eq!(admission.body_bytes().0, 0);
    assert_eq!(admission.requests().0, 0);
}

#[test]
fn a_refusal_says_when_to_come_again() {
    let admission = Admission::new(1, 1);
    assert!(!admission.refuses());
    assert_eq!(admission.retry_after(), 1);
    for _ in 0..1_000 {
        admission.took(Duration::from_secs(40));
    }
    assert_eq!(admission.retry_after(), 5);
    admission.refuse("requests");
    assert!(admission.refuses());
    let problem = Refused::Requests.problem(&admission, true);
    assert_eq!(problem.code(), Code::RateLimited);
    assert_eq!(problem.respond(None).headers()["retry-after"], "5");
    let problem = Refused::Bytes.problem(&admission, false);
    assert_eq!(problem.code(), Code::Overloaded);
    let busy = Busy {
        of: "workflow",
        in_line: 7,
        retry_after: 3,
    };
    let response = Refused::Runs(busy).problem(&admission, true).respond(None);
    assert_eq!(response.status(), 429);
    assert_eq!(response.headers()["retry-after"], "3");
}

#[test]
fn only_what_begins_runs_asks_for_room_for_them() {
    for (method, path, begins) in [
        (Method::POST, "/v1/events", true),
        (Method::POST, "/v1/workflows/greet/runs", true),
        (Method::POST, "/v1/workflows/greet/publish", false),
        (Method::GET, "/v1/events", false),
        (Method::POST, "/v1/runs/run_1/cancel", false),
    ] {
        assert_eq!(begins_runs(&method, path), begins, "{method} {path}");
    }
}
