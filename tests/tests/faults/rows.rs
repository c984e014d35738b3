//! Rows of a table, and what a subscription is told, with the host dying at each transaction: a row
//! is there once, and who subscribed is told at least once.

use crate::telling::{FAULT, revive};
use crate::{acknowledged, is_over};
use jackfield_peers::Crm;
use jackfield_tests::{Host, PATIENCE, phone, program_with_faults};
use reqwest::Method;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

const WORKFLOW: &str = "name: keep\ntrigger: {event: answer.given}\nsteps:\n  \
    first: {uses: add-sheet-row@1, with: {table: answers, row: {n: $event.n, place: first}}}\n  \
    pause: {uses: wait@1, with: {for: 1s}}\n  \
    second: {uses: add-sheet-row@1, with: {table: answers, row: {n: $event.n, place: second}}}\n";

/// A host that may die once.
struct Mortal {
    host: Host,
    fault: String,
    died: bool,
}

impl Mortal {
    /// Looks until there is something to see, with whichever life of the host.
    async fn until<T>(&mut self, what: &str, mut look: impl AsyncFnMut(&Host) -> Option<T>) -> T {
        let began = Instant::now();
        loop {
            revive(&mut self.host, &self.fault, &mut self.died).await;
            if let Some(seen) = look(&self.host).await {
                return seen;
            }
            let log = self.host.log();
            assert!(
                began.elapsed() < PATIENCE,
                "{}: waited for {what}\n{log}",
                self.fault
            );
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// One event, with a fault at the n-th commit; false when all ended without reaching it.
    async fn give(&mut self, n: usize, side: &str) -> bool {
        self.fault = format!("{side}:{}", n + 1);
        self.died = false;
        self.host.kill();
        self.host.set_environment(FAULT, Some(&self.fault));
        // It may die while it starts, too.
        self.host.try_begin().await;
        let contact = format!("phone:{}", phone(n));
        let body = json!({"name": "answer.given", "contact": contact, "data": {"n": n}});
        self.until("the acknowledgement", async |host| {
            let request = host.api.request(Method::POST, "/v1/events");
            let request = request.header("Idempotency-Key", format!("answer-{n}"));
            acknowledged(request.json(&body)).await
        })
        .await;
        let path = format!("/v1/runs?contact=phone:%2B{}", &phone(n)[1..]);
        let ended = self.until("the end of the run", async |host| {
            let page = read(host, &path).await?;
            let runs = page["items"].as_array()?.clone();
            runs.iter().all(is_over).then_some(runs)
        });
        let runs = ended.await;
        assert_eq!(runs.len(), 1, "{}: {runs:#?}", self.fault);
        assert_eq!(runs[0]["state"], "completed", "{}: {runs:#?}", self.fault);
        self.died
    }
}

async fn read(host: &Host, path: &str) -> Option<Value> {
    let request = host.api.request(Method::GET, path);
    let answer = request.timeout(Duration::from_secs(10)).send().await.ok()?;
    let good = answer.status().is_success();
    answer.json().await.ok().filter(|_| good)
}

async fn at_every_commit(side: &str) {
    let host = Host::start_program(&program_with_faults(), &[]).await;
    let receiver = Crm::start().await.unwrap();
    let columns = json!({"columns": ["n", "place"]});
    assert_eq!(
        host.api.put("/v1/tables/answers", columns).await.status,
        201
    );
    let subscription = json!({"url": receiver.url, "events": ["answer.given"]});
    let made = host.api.post("/v1/webhook-subscriptions", subscription);
    assert_eq!(made.await.status, 201);
    host.api.publish(WORKFLOW).await;
    let mut mortal = Mortal {
        host,
        fault: String::new(),
        died: false,
    };
    let mut commits = 0;
    while mortal.give(commits, side).await {
        commits += 1;
    }
    // It would be fewer if the host took no notice of the variable.
    assert!(commits >= 5, "all was done after {commits} commits");
    let given = commits + 1;
    receiver
        .requests()
        .until("each event to be told", PATIENCE, |all| {
            let told: BTreeSet<_> = all
                .iter()
                .map(|one| one.json["data"]["event"]["n"].to_string())
                .collect();
            told.len() == given
        })
        .await
        .unwrap();
    let rows = mortal.host.api.get("/v1/tables/answers/export").await;
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for row in rows.text.lines().skip(1) {
        *counts.entry(row).or_default() += 1;
    }
    assert_eq!(counts.len(), 2 * given, "a row is missing: {counts:#?}");
    assert!(
        counts.values().all(|count| *count == 1),
        "twice: {counts:#?}"
    );
    println!("{side}: the host died at each of {commits} commits");
}

#[tokio::test]
async fn a_host_that_dies_before_any_commit_adds_each_row_once_and_tells_each_event() {
    at_every_commit("before-commit").await;
}

#[tokio::test]
async fn a_host_that_dies_after_any_commit_adds_each_row_once_and_tells_each_event() {
    at_every_commit("after-commit").await;
}
