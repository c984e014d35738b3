//! Timelines as text.

#![allow(clippy::unwrap_used)]

use super::*;
use serde_json::json;

fn used(us: u64, calls: Value) -> Value {
    json!({"fuel": 152_345, "us": us, "bytes-in": 2_150, "bytes-out": 310, "memory": 1_114_112, "calls": calls})
}

fn drawn(run: &Value, entries: &[Value], messages: &[Value]) -> String {
    let sheet = Sheet {
        run,
        entries,
        messages,
        now: 10_000,
    };
    render(&sheet, &TimeZone::UTC, Paint::OFF)
}

#[test]
fn a_run_reads_as_a_tree_of_stays_with_calls_and_measurements() {
    let run = json!({"id": "run_1", "workflow": "greet", "version": 3, "state": "completed",
        "contact": "ctc_1", "created-at": 1_000, "ended-at": 4_200});
    let entries = [
        json!({"seq": 0, "at": 1_000, "kind": "run-started", "data": {"version": 3, "event": "call.ended"}}),
        json!({"seq": 1, "at": 1_010, "kind": "waiting", "step": "text", "data": {"visit": 1,
            "until": 86_400_000, "events": ["message.status"],
            "used": used(1_250, json!([{"name": "messages.send", "summary": "main-sms", "us": 40, "result": "ok"}]))}}),
        json!({"seq": 2, "at": 1_500, "kind": "woken", "step": "text",
            "data": {"by": "event", "event": "evt_1", "name": "message.status"}}),
        json!({"seq": 3, "at": 1_501, "kind": "step-finished", "step": "text",
            "data": {"visit": 1, "branch": "success", "used": used(300, json!([]))}}),
        json!({"seq": 4, "at": 1_600, "kind": "call-started", "step": "crm", "data": {"activation": 3,
            "ordinal": 0, "name": "http.fetch", "fingerprint": "x", "once": true, "summary": "POST crm.example"}}),
        json!({"seq": 5, "at": 1_720, "kind": "call-finished", "step": "crm", "data": {
            "ordinal": 0, "result": "201, 512 bytes", "ms": 120}}),
        json!({"seq": 6, "at": 1_721, "kind": "step-finished", "step": "crm", "data": {"visit": 1,
            "branch": "success", "used": used(121_000, json!([
                {"name": "http.fetch", "summary": "POST crm.example", "us": 120_000, "result": "ok"},
                {"name": "variables.set", "us": 9, "result": "ok"}]))}}),
        json!({"seq": 7, "at": 4_200, "kind": "run-finished", "step": "crm", "data": {"state": "completed"}}),
    ];
    let messages = [
        json!({"id": "msg_1", "direction": "out", "address": "+33600000001",
        "channel": "main-sms", "status": "delivered",
        "history": [{"state": "queued", "at": 1_010}, {"state": "delivered", "at": 2_000}]}),
    ];
    assert_eq!(
        drawn(&run, &entries, &messages),
        "\
run_1  completed
  workflow  greet, version 3
  contact   ctc_1
  started   1970-01-01 00:00:01 (took 3.2 s)

1970-01-01
00:00:01.000  started by call.ended (version 3)
00:00:01.010  text
00:00:01.010  ├ waits for message.status, until 1970-01-02 00:00:00 at the latest  (1.2 ms, 152 k fuel, 2.1 kB in, 310 B out, 1.1 MB memory)
              │ └ messages.send main-sms  ok  (40 µs)
00:00:01.500  ├ woken by message.status
00:00:01.501  └ done: success  (300 µs, 152 k fuel, 2.1 kB in, 310 B out, 1.1 MB memory)
00:00:01.600  crm
00:00:01.600  ├ http.fetch POST crm.example  201, 512 bytes  (120 ms)
00:00:01.721  └ done: success  (121 ms, 152 k fuel, 2.1 kB in, 310 B out, 1.1 MB memory)
                └ variables.set  ok  (9 µs)
00:00:04.200  completed

Messages
  msg_1  to +33600000001 by main-sms: delivered
    queued 00:00:01.010 · delivered 00:00:02.000
"
    );
}

#[test]
fn a_failed_run_says_why_at_the_top() {
    let run = json!({"id": "run_2", "workflow": "greet", "state": "failed", "reason": "denied",
        "created-at": 1_000, "ended-at": 2_000});
    let entries = [
        json!({"at": 1_500, "kind": "step-failed", "step": "crm", "data": {"visit": 1, "attempt": 3,
        "failure": {"class": "blocked", "code": "denied", "message": "crm.example is not granted"},
        "used": {}}}),
    ];
    let text = drawn(&run, &entries, &[]);
    assert!(
        text.contains("why       step crm: denied: crm.example is not granted"),
        "{text}"
    );
    assert!(
        text.contains("failed, try 3: denied (blocked): crm.example"),
        "{text}"
    );
}

#[test]
fn a_waiting_run_says_for_what_and_until_when() {
    let run = json!({"id": "run_3", "workflow": "ask", "state": "waiting", "created-at": 1_000});
    let entries = [json!({"at": 1_500, "kind": "waiting", "step": "ask",
        "data": {"until": 3_610_000, "events": ["message.received"], "used": {}}})];
    let text = drawn(&run, &entries, &[]);
    assert!(
        text.contains("waits     at ask for message.received, until 1970-01-01 01:00:10 at the latest (in 1 h)"),
        "{text}"
    );
}

#[test]
fn an_external_call_without_a_result_says_so() {
    let entries = [json!({"at": 1, "kind": "call-started", "step": "crm",
        "data": {"activation": 1, "ordinal": 0, "name": "http.fetch", "summary": "POST x", "once": true}})];
    let text = drawn(&json!({"id": "run_4", "state": "running"}), &entries, &[]);
    assert!(
        text.contains("http.fetch POST x  no result is known"),
        "{text}"
    );
}

#[test]
fn calls_committed_half_way_show_until_the_activation_lists_them() {
    let call = json!({"at": 1, "kind": "call", "step": "s",
        "data": {"ordinal": 0, "name": "clock.now", "result": "ok"}});
    let run = json!({"id": "run_5", "state": "running"});
    let open = drawn(&run, std::slice::from_ref(&call), &[]);
    assert!(open.contains("clock.now  ok"), "{open}");
    let done = json!({"at": 2, "kind": "step-finished", "step": "s", "data": {"branch": "success",
        "used": {"us": 1, "fuel": 1, "calls": [{"name": "clock.now", "us": 1, "result": "ok"}]}}});
    let closed = drawn(&run, &[call, done], &[]);
    assert_eq!(closed.matches("clock.now").count(), 1, "{closed}");
}

#[test]
fn a_kind_of_a_later_version_is_shown_as_it_is() {
    let entries = [json!({"at": 1, "kind": "child-started", "data": {"run": "run_9"}})];
    let text = drawn(&json!({"id": "run_6", "state": "running"}), &entries, &[]);
    assert!(text.contains(r#"child-started {"run":"run_9"}"#), "{text}");
}

#[test]
fn a_second_visit_is_a_node_of_its_own() {
    let done = |at: i64| json!({"at": at, "kind": "step-finished", "step": "s", "data": {"branch": "again"}});
    let text = drawn(
        &json!({"id": "run_7", "state": "running"}),
        &[done(1), done(2)],
        &[],
    );
    assert_eq!(text.matches("  s\n").count(), 2, "{text}");
}
