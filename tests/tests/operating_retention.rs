//! Retention on a clock that is moved by hand: what is over leaves when its time has come, in the
//! archive first; what is not over stays, however old it is.
//!
//! One test for the ages and one for the number: ids carry the time, and a process that has seen a
//! later time makes no earlier ids.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use jackfield_engine::{PruneError, Pruned, Retention, RunError};
use jackfield_store::records::{Event, Journal, Run, Timer, Wait};
use jackfield_store::{Query, StoreExt};
use jackfield_tests::{DAY, Lab};
use serde_json::{Value, json};
use std::path::Path;

/// With a workflow that is over at once and one that waits for a year.
async fn lab() -> Lab {
    let lab = Lab::open(&["wait"]).await;
    for (name, step) in [
        ("short", "{until: \"2020-01-01 00:00\"}"),
        ("long", "{for: 365d}"),
    ] {
        let yaml = format!(
            "name: {name}\ntrigger: {{event: {name}}}\nsteps:\n  a: {{uses: wait@1, with: {step}}}\n"
        );
        lab.publish(&yaml).await.unwrap();
    }
    lab
}

/// Starts a run about a contact in the n-th bucket.
async fn start(lab: &Lab, name: &str, n: i32) -> String {
    lab.start(name, &lab.contact(n), json!({"n": n})).await
}

async fn is_there(lab: &Lab, id: &str) -> bool {
    match lab.engine.runs().get("main", id).await {
        Ok(_) => true,
        Err(RunError::NotFound(_)) => false,
        Err(error) => panic!("{error}"),
    }
}

/// Rows of runs, journal, events, waits and timers.
async fn rows(lab: &Lab) -> [i64; 5] {
    let store = lab.engine.store();
    [
        store.total(Query::<Run>::all()).await.unwrap(),
        store.total(Query::<Journal>::all()).await.unwrap(),
        store.total(Query::<Event>::all()).await.unwrap(),
        store.total(Query::<Wait>::all()).await.unwrap(),
        store.total(Query::<Timer>::all()).await.unwrap(),
    ]
}

fn archived(folder: &Path) -> Vec<Value> {
    let mut lines = Vec::new();
    for file in std::fs::read_dir(folder).unwrap().flatten() {
        let text = std::fs::read_to_string(file.path()).unwrap();
        lines.extend(text.lines().map(|line| serde_json::from_str(line).unwrap()));
    }
    lines
}

#[tokio::test]
async fn what_is_over_leaves_when_its_time_has_come_and_is_archived_first() {
    let lab = lab().await;
    let archive = lab.data.path().join("archive");
    let month = Retention {
        runs: Some(30 * DAY),
        history: Some(60 * DAY),
        archive: Some(archive.clone()),
        ..Retention::default()
    };
    // More than one batch of one bucket.
    let mut short = Vec::new();
    for n in 0..120 {
        short.push(start(&lab, "short", if n % 2 == 0 { 7 } else { n }).await);
    }
    let long = start(&lab, "long", 3).await;
    let cancelled = start(&lab, "long", 4).await;
    for id in &short {
        lab.in_state(id, "completed").await;
    }
    lab.in_state(&long, "waiting").await;
    lab.in_state(&cancelled, "waiting").await;
    let journal = rows(&lab).await[1];

    lab.clock.advance(30 * DAY);
    let early = lab.engine.prune(&month).await.unwrap();
    assert_eq!(early, Pruned::default(), "nothing leaves early");
    assert!(!archive.exists(), "an archive without a line");
    // It began long ago and has just ended.
    lab.engine
        .runs()
        .cancel("main", &cancelled, "not wanted")
        .await
        .unwrap();

    lab.clock.advance(1);
    let blocked = Retention {
        archive: Some("/dev/null/archive".into()),
        ..month.clone()
    };
    let error = lab.engine.prune(&blocked).await.unwrap_err();
    assert!(matches!(error, PruneError::Archive { .. }), "{error}");
    assert_eq!(rows(&lab).await[0], 122, "nothing leaves without its line");

    let pruned = lab.engine.prune(&month).await.unwrap();
    assert_eq!((pruned.runs, pruned.events), (120, 0), "{pruned:?}");
    for id in &short {
        assert!(!is_there(&lab, id).await, "{id} is there");
    }
    assert!(is_there(&lab, &long).await, "it waits: it is not over");
    assert!(is_there(&lab, &cancelled).await, "it ended a moment ago");
    let [runs, left, events, waits, timers] = rows(&lab).await;
    assert_eq!((runs, events, waits, timers), (2, 122, 0, 1));
    assert!(left > 0 && left < journal);

    let lines = archived(&archive);
    assert_eq!(lines.len(), 120);
    let total: usize = lines
        .iter()
        .map(|line| line["journal"].as_array().unwrap().len())
        .sum();
    // Rows of the journal hold an entry each, or several.
    assert!(total > 0 && journal > left);
    for line in &lines {
        let id = line["run"]["id"].as_str().unwrap();
        assert!(short.iter().any(|run| run == id), "{id}");
        let seqs: Vec<i64> = line["journal"]
            .as_array()
            .unwrap()
            .iter()
            .map(|entry| entry["seq"].as_i64().unwrap())
            .collect();
        assert!(seqs.is_sorted() && !seqs.is_empty(), "{line:#}");
    }

    lab.clock.advance(30 * DAY);
    let later = lab.engine.prune(&month).await.unwrap();
    assert_eq!((later.runs, later.events), (1, 122), "{later:?}");
    assert!(!is_there(&lab, &cancelled).await);
    // What waits still ends at its time.
    lab.clock.advance(400 * DAY);
    lab.in_state(&long, "completed").await;
    lab.engine.stop().await;
}

#[tokio::test]
async fn no_more_finished_runs_than_wanted_are_kept_and_the_oldest_leave() {
    let lab = lab().await;
    let mut ids = Vec::new();
    for _ in 0..130 {
        let id = start(&lab, "short", 9).await;
        lab.in_state(&id, "completed").await;
        ids.push(id);
    }
    let waiting = start(&lab, "long", 9).await;
    lab.in_state(&waiting, "waiting").await;
    let most = |max_runs| Retention {
        max_runs: Some(max_runs),
        ..Retention::default()
    };
    assert_eq!(lab.engine.prune(&most(130)).await.unwrap().runs, 0);
    assert_eq!(lab.engine.prune(&most(20)).await.unwrap().runs, 110);
    for (n, id) in ids.iter().enumerate() {
        assert_eq!(is_there(&lab, id).await, n >= 110, "the {n}-th");
    }
    assert_eq!(lab.engine.prune(&most(0)).await.unwrap().runs, 20);
    assert!(is_there(&lab, &waiting).await, "it is not over");
    lab.engine.stop().await;
}
