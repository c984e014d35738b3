//! Several hosts on one PostgreSQL database: they share the work, and take it over from one another
//! when one is stopped, killed, or halted for longer than its lease.
//!
//! The hosts are the real program, the database a real server. What must hold: a request does the
//! same at whichever host it arrives; whoever goes, nothing that was acknowledged is lost and
//! nothing is done twice.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use jackfield_tests::{Api, Cluster, phone, until};
use serde_json::{Value, json};
use std::process::Command;
use std::time::{Duration, Instant};

/// The lease of the hosts, as `serve` takes it when nothing is said.
const LEASE: Duration = Duration::from_secs(3);

/// Waits for a word from the contact, with a timer as the other way on.
const ASK: &str = "name: ask
trigger: {event: asked}
steps:
  hold: {uses: wait@1, with: {event: {name: answered}, timeout: 1h}, branches: {timeout: late}, next: done}
  late: {uses: branch@1, with: {branches: [{name: never, when: {field: event.none, exists: true}}]}, next: end}
  done: {uses: branch@1, with: {branches: [{name: never, when: {field: event.none, exists: true}}]}}
";

/// Ends at once.
const GREET: &str = "name: greet
trigger: {event: greeted}
steps:
  only: {uses: branch@1, with: {branches: [{name: x, when: {field: event.none, exists: true}}]}}
";

/// Rests for a moment.
const REST: &str = "name: rest
trigger: {event: rested}
steps:
  hold: {uses: wait@1, with: {for: 2s}}
";

fn signal(pid: u32, name: &str) {
    let sent = Command::new("kill")
        .args([&format!("-{name}"), &pid.to_string()])
        .status();
    assert!(sent.unwrap().success(), "{name} reaches {pid}");
}

async fn told(api: &Api, event: &str, n: usize) -> Value {
    let contact = format!("phone:{}", phone(n));
    api.event(event, Some(&contact), json!({"n": n})).await
}

async fn started(api: &Api, event: &str, n: usize) -> String {
    let accepted = told(api, event, n).await;
    let runs = accepted["runs"].as_array().unwrap();
    assert_eq!(runs.len(), 1, "{accepted:#}");
    runs[0].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_does_the_same_at_whichever_host_it_arrives() {
    for flags in [&[][..], &["--no-notify"]] {
        let cluster = Cluster::start(2, flags).await;
        let apis = [cluster.api(0), cluster.api(1)];
        cluster.balanced(2, &apis[0]).await;
        // What is published at one is live at the other.
        apis[0].publish(ASK).await;
        apis[1].publish(GREET).await;
        until("both workflows to be known at both hosts", async || {
            let live = async |api: &Api| {
                let accepted = told(api, "greeted", 900).await;
                accepted["runs"]
                    .as_array()
                    .is_some_and(|runs| runs.len() == 1)
            };
            (live(&apis[0]).await && live(&apis[1]).await).then_some(())
        })
        .await;
        let rounds = if flags.is_empty() { 24 } else { 6 };
        for n in 0..rounds {
            let (one, other) = (&apis[n % 2], &apis[(n + 1) % 2]);
            let run = started(one, "asked", n).await;
            one.waiting_at(&run, "hold").await;
            // The contact's own answer arrives at the other host.
            let answered = told(other, "answered", n).await;
            assert_eq!(answered["woken"], json!([run]), "{answered:#}");
            assert_eq!(other.completed(&run).await["state"], "completed");
            // A second run by hand, waited for, at either.
            let contact = format!("phone:{}", phone(n));
            let body = json!({"contact": contact, "data": {}});
            let by_hand = one.post("/v1/workflows/greet/runs?wait=20s", body).await;
            assert_eq!(by_hand.ok()["state"], "completed");
            // Fields, tags and opt-outs by address live in other buckets still.
            let path = format!("/v1/contacts/{contact}");
            let changed = other
                .patch(
                    &path,
                    json!({"firstname": "Ann", "email": format!("ann-{n}@example.com")}),
                )
                .await
                .ok();
            assert_eq!(changed["firstname"], "Ann");
            let found = one
                .get(&format!("/v1/contacts/email:ann-{n}@example.com"))
                .await
                .ok();
            assert_eq!(found["id"], changed["id"]);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hosts_share_the_buckets_evenly_as_they_come_and_go() {
    let mut cluster = Cluster::start(1, &[]).await;
    let first = cluster.api(0);
    first.publish(ASK).await;
    cluster.balanced(1, &first).await;
    let mut runs = Vec::new();
    for n in 0..20 {
        runs.push(started(&first, "asked", n).await);
    }
    cluster.join().await;
    cluster.balanced(2, &first).await;
    cluster.join().await;
    cluster.join().await;
    cluster.balanced(4, &first).await;
    // One leaves in order: its share is the others' at once, without waiting for a lease.
    let mut leaving = cluster.hosts.remove(1);
    let asked = Instant::now();
    assert!(leaving.stop().await.success(), "{}", leaving.log());
    let stopped = asked.elapsed();
    cluster.balanced(3, &first).await;
    let over = asked.elapsed() - stopped;
    assert!(over < LEASE, "handed over only after {over:?}");
    for (n, run) in runs.iter().enumerate() {
        let api = cluster.api(n % 3);
        let answered = told(&api, "answered", n).await;
        assert_eq!(answered["woken"], json!([run]), "{answered:#}");
        api.completed(run).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_hosts_work_is_taken_over_within_its_lease() {
    let mut cluster = Cluster::start(2, &[]).await;
    let survivor = cluster.api(0);
    survivor.publish(ASK).await;
    survivor.publish(REST).await;
    cluster.balanced(2, &survivor).await;
    let mut asked = Vec::new();
    let mut resting = Vec::new();
    for n in 0..20 {
        asked.push(started(&survivor, "asked", n).await);
        resting.push(started(&survivor, "rested", n).await);
    }
    cluster.hosts[1].kill();
    let killed = Instant::now();
    cluster.balanced(1, &survivor).await;
    let taken = killed.elapsed();
    // Lease, a tick of a third of it, and what a busy machine needs to look.
    assert!(
        taken < LEASE * 2 + Duration::from_secs(2),
        "taken over after {taken:?}"
    );
    for run in &resting {
        survivor.completed(run).await;
    }
    for (n, run) in asked.iter().enumerate() {
        let answered = told(&survivor, "answered", n).await;
        assert_eq!(answered["woken"], json!([run]), "{answered:#}");
        survivor.completed(run).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_host_that_was_halted_past_its_lease_writes_nothing_of_what_it_lost() {
    let cluster = Cluster::start(2, &[]).await;
    let (survivor, halted) = (cluster.api(0), cluster.api(1));
    survivor.publish(REST).await;
    cluster.balanced(2, &survivor).await;
    let mut runs = Vec::new();
    for n in 0..40 {
        runs.push(started(&survivor, "rested", n).await);
    }
    let pid = cluster.hosts[1].pid();
    signal(pid, "STOP");
    cluster.balanced(1, &survivor).await;
    for run in &runs {
        survivor.completed(run).await;
    }
    signal(pid, "CONT");
    // It finds that its lease has lapsed, and shares the work again.
    cluster.balanced(2, &survivor).await;
    for run in &runs {
        let kinds: Vec<String> = survivor
            .timeline(run)
            .await
            .iter()
            .map(|entry| entry["kind"].as_str().unwrap().to_owned())
            .collect();
        let finished = kinds.iter().filter(|kind| *kind == "run-finished").count();
        let woken = kinds.iter().filter(|kind| *kind == "woken").count();
        assert_eq!((finished, woken), (1, 1), "{run}: {kinds:?}");
    }
    let run = started(&halted, "rested", 50).await;
    halted.completed(&run).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hosts_that_share_a_database_share_the_key_that_seals_secrets() {
    let cluster = Cluster::start(1, &[]).await;
    let folder = tempfile::tempdir().unwrap();
    let other = tokio::process::Command::new(jackfield_tests::program())
        .args(["serve", "--listen", "127.0.0.1:0", "--max-activations", "8"])
        .args(["--database", cluster.database(), "--data"])
        .arg(folder.path())
        .output()
        .await
        .unwrap();
    let said = String::from_utf8_lossy(&other.stderr);
    assert!(!other.status.success(), "{said}");
    assert!(said.contains("--secret-key-file"), "{said}");
    assert!(!said.contains("jackfield-test@"), "no password: {said}");
}
