//! The engine with real plugins on a clock that stands still until it is moved: months of waiting
//! take no time, and nothing happens a millisecond before it is due.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use jackfield_engine::{RunFilter, TimelineEntry, WorkflowError};
use jackfield_peers::Crm;
use jackfield_tests::{DAY, Lab, PATIENCE, START};
use serde_json::json;
use std::sync::Arc;

const MINUTE: i64 = 60_000;

fn of_kind<'a>(timeline: &'a [TimelineEntry], kind: &str) -> Vec<&'a TimelineEntry> {
    timeline.iter().filter(|entry| entry.kind == kind).collect()
}

#[tokio::test]
async fn a_wait_of_300_days_ends_in_the_millisecond_when_it_is_due() {
    let lab = Lab::open(&["wait", "branch", "http-request"]).await;
    lab.publish(
        "name: long\ntrigger: {event: long.wanted}\nsteps:\n  \
         pause: {uses: wait@1, with: {for: 300d}}\n",
    )
    .await
    .unwrap();
    let run = lab.start("long.wanted", &lab.contact(1), json!({})).await;
    let waiting = lab.in_state(&run, "waiting").await;
    let due = START + 300 * DAY;
    assert_eq!(waiting.waiting.unwrap().until, due);
    // Weeks pass, and the last day, and all but a millisecond.
    for step in [100 * DAY, 100 * DAY, 99 * DAY, DAY - MINUTE, MINUTE - 1] {
        lab.clock.advance(step);
        lab.settle().await;
        assert_eq!(lab.run(&run).await.state, "waiting");
    }
    lab.clock.advance(1);
    let done = lab.in_state(&run, "completed").await;
    assert_eq!(done.ended_at, Some(due));
    let timeline = lab.timeline(&run).await;
    assert_eq!(of_kind(&timeline, "woken")[0].at, due);
}

#[tokio::test]
async fn a_wait_outlives_the_engine_and_what_fell_due_meanwhile_ends_at_once() {
    let lab = Lab::open(&["wait", "branch", "http-request"]).await;
    let yaml = "name: long\ntrigger: {event: long.wanted}\nsteps:\n  \
                pause: {uses: wait@1, with: {for: \"$event.days.count\"}}\n";
    lab.publish(yaml).await.unwrap();
    let due = lab
        .start(
            "long.wanted",
            &lab.contact(1),
            json!({"days": {"count": "10d"}}),
        )
        .await;
    let later = lab
        .start(
            "long.wanted",
            &lab.contact(2),
            json!({"days": {"count": "30d"}}),
        )
        .await;
    for run in [&due, &later] {
        lab.in_state(run, "waiting").await;
    }
    lab.clock.advance(20 * DAY);
    // Whether it fired before the engine was stopped or after: once.
    let lab = lab.restart().await;
    lab.in_state(&due, "completed").await;
    assert_eq!(lab.run(&later).await.state, "waiting");
    assert_eq!(of_kind(&lab.timeline(&due).await, "woken").len(), 1);
    lab.clock.advance(10 * DAY);
    let done = lab.in_state(&later, "completed").await;
    assert_eq!(done.ended_at, Some(START + 30 * DAY));
}

#[tokio::test]
async fn tries_are_apart_by_growing_pauses_and_end() {
    let lab = Lab::open(&["wait", "branch", "http-request"]).await;
    let crm = Crm::start().await.unwrap();
    lab.publish(&format!(
        "name: ask\ntrigger: {{event: ask.wanted}}\nsteps:\n  ask:\n    uses: http-request@1\n    \
         with: {{method: POST, url: \"{}/x\", body: {{}}, retries: 5}}\n    \
         retry: {{attempts: 4, first: 2s, max: 10s}}\n",
        crm.url
    ))
    .await
    .unwrap();
    for _ in 0..20 {
        crm.answer_next(jackfield_peers::Answer::new(503, json!({})));
    }
    let run = lab.start("ask.wanted", &lab.contact(1), json!({})).await;
    let mut pauses = Vec::new();
    for _ in 0..4 {
        let waiting = lab.in_state(&run, "waiting").await.waiting.unwrap();
        assert_eq!(waiting.what, "retry");
        let now = jackfield_engine::Clock::now(&lab.clock);
        let pause = waiting.until - now;
        pauses.push(pause);
        // Not a millisecond early.
        let tried = crm.requests().count();
        lab.clock.advance(pause - 1);
        lab.settle().await;
        assert_eq!(
            (lab.run(&run).await.state.as_str(), crm.requests().count()),
            ("waiting", tried)
        );
        lab.clock.advance(1);
        crm.requests().at_least(tried + 1, PATIENCE).await.unwrap();
        lab.until(&run, "past the try", |run| {
            run.state == "failed"
                || run
                    .waiting
                    .as_ref()
                    .is_some_and(|w| w.until > waiting.until)
        })
        .await;
    }
    // 2, 4 and 8 seconds, then the longest; half of each is random.
    for (pause, full) in pauses.iter().zip([2_000, 4_000, 8_000, 10_000]) {
        assert!((full / 2..=full).contains(pause), "{pauses:?}");
    }
    let failed = lab.in_state(&run, "failed").await;
    assert_eq!(failed.reason.as_deref(), Some("http-503"));
    let requests = crm.requests().all();
    assert_eq!(requests.len(), 5, "the first try and four more");
    assert!(
        requests
            .iter()
            .all(|one| one.idempotency_key == requests[0].idempotency_key)
    );
    assert!(requests[0].idempotency_key.is_some());
}

#[tokio::test]
async fn a_loop_with_a_wait_goes_round_and_one_that_does_not_rest_is_stopped() {
    let lab = Lab::open(&["wait", "branch", "http-request"]).await;
    // A wait that is over at once does not pause: publishing cannot see it, the guard does.
    lab.publish(
        "name: spin\ntrigger: {event: spin.wanted}\nmax-visits: 20\nsteps:\n  \
         a: {uses: wait@1, with: {until: \"2020-01-01 00:00\"}}\n  \
         b:\n    uses: branch@1\n    with: {branches: [{name: again, when: {field: event.go.on, is: true}}]}\n    \
         branches: {again: a, else: end}\n",
    )
    .await
    .unwrap();
    let run = lab
        .start("spin.wanted", &lab.contact(1), json!({"go": {"on": true}}))
        .await;
    let failed = lab.in_state(&run, "failed").await;
    assert_eq!(failed.reason.as_deref(), Some("loop-guard"));
    let visits = of_kind(&lab.timeline(&run).await, "step-finished").len();
    assert_eq!(visits, 20);
    // The host goes on as before, and the loop can end by itself.
    let run = lab
        .start("spin.wanted", &lab.contact(2), json!({"go": {"on": false}}))
        .await;
    lab.in_state(&run, "completed").await;

    // With a real pause in it, a loop may go round for as long as it likes.
    lab.publish(
        "name: round\ntrigger: {event: round.wanted}\nmax-visits: 5\nsteps:\n  \
         a: {uses: wait@1, with: {for: 1d}}\n  \
         b:\n    uses: branch@1\n    with: {branches: [{name: again, when: {field: event.go.on, is: true}}]}\n    \
         branches: {again: a, else: end}\n",
    )
    .await
    .unwrap();
    let run = lab
        .start("round.wanted", &lab.contact(3), json!({"go": {"on": true}}))
        .await;
    for day in 1..=8 {
        let due = START + day * DAY;
        lab.until(&run, "waiting for the next day", |run| {
            run.waiting
                .as_ref()
                .is_some_and(|waiting| waiting.until == due)
        })
        .await;
        lab.clock.advance(DAY);
    }
    let due = START + 9 * DAY;
    lab.until(&run, "waiting after eight days", |run| {
        run.waiting
            .as_ref()
            .is_some_and(|waiting| waiting.until == due)
    })
    .await;
    // Steps that go round without any pause are not published at all.
    let refused = lab
        .publish(
            "name: endless\ntrigger: {event: a.b}\nsteps:\n  a:\n    uses: branch@1\n    \
             with: {branches: [{name: x, when: {field: event.go.on, is: true}}]}\n    \
             branches: {x: a, else: a}\n",
        )
        .await;
    assert!(
        matches!(refused, Err(WorkflowError::Problems(_))),
        "{refused:?}"
    );
}

#[tokio::test]
async fn events_of_many_contacts_at_once_start_each_its_run_and_one_contact_only_one() {
    let lab = Arc::new(Lab::open(&["wait", "branch", "http-request"]).await);
    lab.publish(
        "name: greet\ntrigger: {event: greet.wanted}\nsteps:\n  \
         pause: {uses: wait@1, with: {event: {name: go.on}, timeout: 10d}}\n",
    )
    .await
    .unwrap();
    let contacts: Vec<String> = (0..50).map(|n| lab.contact(n)).collect();
    let mut tasks = Vec::new();
    for contact in &contacts {
        // Three times the same event for each, all at the same time.
        for _ in 0..3 {
            let (lab, contact) = (Arc::clone(&lab), contact.clone());
            tasks.push(tokio::spawn(async move {
                let accepted = lab.event("greet.wanted", &contact, json!({})).await;
                accepted.events[0].runs.len()
            }));
        }
    }
    let mut started = 0;
    for task in tasks {
        started += task.await.unwrap();
    }
    assert_eq!(started, contacts.len());
    let filter = RunFilter {
        limit: 1_000,
        ..RunFilter::default()
    };
    let runs = lab.engine.runs().list("main", filter).await.unwrap();
    assert_eq!(runs.len(), contacts.len());
    for run in &runs {
        lab.in_state(&run.id, "waiting").await;
    }
    // The event and the timer at the same time: one of them ends the wait, and only once.
    lab.clock.advance(10 * DAY);
    let mut woken = 0;
    for contact in &contacts {
        woken += lab.event("go.on", contact, json!({})).await.events[0]
            .woken
            .len();
    }
    for run in &runs {
        lab.in_state(&run.id, "completed").await;
        let timeline = lab.timeline(&run.id).await;
        assert_eq!(of_kind(&timeline, "woken").len(), 1);
        assert_eq!(of_kind(&timeline, "run-finished").len(), 1);
    }
    assert!(woken <= contacts.len());
}
