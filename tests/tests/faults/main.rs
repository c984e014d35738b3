//! Faults put where a kill at a random instant seldom falls: at every commit of the main job, on
//! both sides of it and on both databases; a file that cannot grow; a database that another program
//! holds; a clock that jumps.
//!
//! The host of some of these is a build with the feature `faults`, which ends itself at the commit
//! that `JACKFIELD_FAULT` names. What must hold is the same as of any crash: what was acknowledged
//! goes on, nothing is done twice, and what nobody can know is said.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod clock;
mod every_commit;
mod rows;
mod telling;

use jackfield_tests::{Host, phone, program_on_a_limited_disk, until};
use reqwest::Method;
use rustix::process::{Pid, Resource, Rlimit, prlimit};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

fn is_over(run: &Value) -> bool {
    matches!(
        run["state"].as_str(),
        Some("completed" | "failed" | "cancelled" | "needs-attention")
    )
}

/// Whether a request with a key is known to be done.
async fn acknowledged(request: reqwest::RequestBuilder) -> Option<()> {
    let answer = request.timeout(Duration::from_secs(10)).send().await.ok()?;
    let status = answer.status();
    let body: Value = answer.json().await.ok()?;
    match body["code"].as_str() {
        _ if status.is_success() => Some(()),
        // Done before, by the life that died with the answer.
        Some("answer-not-kept") => Some(()),
        Some("in-progress") => None,
        _ if status.is_server_error() => None,
        _ => panic!("{status} {body:#}"),
    }
}

/// Publishes a workflow that waits for a moment and counts the contact.
async fn publish_count(host: &Host) {
    let field = json!({"kind": "number"});
    host.api.put("/v1/contact-fields/visits", field).await.ok();
    host.api
        .publish(
            "name: count\ntrigger: {event: count.wanted}\nsteps:\n  \
             pause: {uses: wait@1, with: {for: 1s}}\n  \
             count:\n    uses: update-contact-field@1\n    \
             with: {field: visits, operation: increment, value: 1}\n",
        )
        .await;
}

/// Sends so many events, each about a contact of its own, repeated until they are acknowledged.
/// `troubled` is called when one was not acknowledged at once.
async fn send_counts(host: &Host, from: usize, count: usize, troubled: impl Fn()) {
    for n in from..from + count {
        let contact = format!("phone:{}", phone(n));
        let body = json!({"name": "count.wanted", "contact": contact, "data": {"n": n}});
        until("the acknowledgement", async || {
            let request = host.api.request(Method::POST, "/v1/events");
            let request = request.header("Idempotency-Key", format!("count-{n}"));
            let done = acknowledged(request.json(&body)).await;
            if done.is_none() {
                troubled();
            }
            done
        })
        .await;
    }
}

/// Each contact was counted once, by one run.
async fn counted_once(host: &Host, count: usize) {
    until("every run to be over", async || {
        let runs = host.api.all("/v1/runs?limit=100").await;
        runs.iter().all(is_over).then_some(())
    })
    .await;
    let runs = host.api.all("/v1/runs?limit=100").await;
    assert_eq!(runs.len(), count);
    assert!(
        runs.iter().all(|run| run["state"] == "completed"),
        "{runs:#?}"
    );
    for n in 0..count {
        let path = format!("/v1/contacts/phone:%2B{}", &phone(n)[1..]);
        let contact = host.api.get(&path).await.ok();
        assert_eq!(contact["visits"].as_f64(), Some(1.0), "{contact:#}");
    }
}

/// A file that cannot grow is what a full disk is to a program. (`host/store/tests` does the same
/// with SQLite's own limit, which is told apart as `SQLITE_FULL`.)
#[tokio::test]
async fn a_disk_on_which_nothing_can_be_written_delays_and_loses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let wrapper = program_on_a_limited_disk(folder.path());
    let mut host = Host::start_program(&wrapper, &[]).await;
    publish_count(&host).await;
    send_counts(&host, 0, 10, || {}).await;
    let process = host.process().expect("it runs");
    let process = Pid::from_raw(i32::try_from(process).unwrap());
    let limit = |current| {
        let limit = Rlimit {
            current,
            maximum: None,
        };
        prlimit(process, Resource::Fsize, limit).expect("the limit can be set");
    };
    limit(Some(4_096));
    let refused = std::cell::Cell::new(0);
    let began = Instant::now();
    send_counts(&host, 10, 10, || {
        refused.set(refused.get() + 1);
        // Somebody makes room.
        if began.elapsed() > Duration::from_secs(3) {
            limit(None);
        }
    })
    .await;
    assert!(refused.get() > 0, "the limit was not felt");
    assert!(host.process().is_some(), "it ended:\n{}", host.log());
    counted_once(&host, 20).await;
    host.restart().await;
    counted_once(&host, 20).await;
}

/// `sqlite3` in an operator's hands, or a backup that holds the database for too long.
#[tokio::test]
async fn a_database_that_another_program_holds_for_seconds_delays_and_loses_nothing() {
    use sqlx::{Connection as _, Executor as _};
    let mut host = Host::start().await;
    publish_count(&host).await;
    send_counts(&host, 0, 10, || {}).await;
    let url = format!("sqlite://{}", host.data().join("jackfield.db").display());
    let mut other = sqlx::SqliteConnection::connect(&url).await.unwrap();
    other.execute("BEGIN IMMEDIATE").await.unwrap();
    let held = tokio::spawn(async move {
        // Longer than the host waits for a lock within a commit.
        tokio::time::sleep(Duration::from_secs(12)).await;
        other.execute("ROLLBACK").await.unwrap();
        other.close().await.unwrap();
    });
    let began = Instant::now();
    send_counts(&host, 10, 10, || {}).await;
    assert!(
        began.elapsed() > Duration::from_secs(11),
        "the lock was not felt"
    );
    held.await.unwrap();
    assert!(host.process().is_some(), "it ended:\n{}", host.log());
    counted_once(&host, 20).await;
}
