//! Retention on a clock that is moved by hand: what is over leaves when its time has come, in the
//! archive first; what is not over stays, however old it is.
//!
//! One test for the ages and one for the number: ids carry the time, and a process that has seen a
//! later time makes no earlier ids.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use async_trait::async_trait;
use jackfield_egress::{Egress, NoSecrets, Secrets};
use jackfield_engine::{
    Actor, Answer, Applied, Domain, DomainError, Effect, Engine, NewEvent, PruneError, Pruned,
    Retention, RunError, SecretOwner, SimulatedClock, Template, View,
};
use jackfield_sandbox::{HostCall, Sandbox};
use jackfield_store::records::{Event, Journal, Run, Timer, Wait};
use jackfield_store::{Commit, Query, SqliteStore, StoreExt, sqlite};
use jackfield_tests::{PATIENCE, plugins};
use serde_json::{Map, Value, json};
use std::any::Any;
use std::path::Path;
use std::sync::Arc;

/// 2026-11-20T10:00:00Z.
const START: i64 = 1_795_168_800_000;
const DAY: i64 = 24 * 60 * 60 * 1_000;

/// A layer above the engine that knows contacts by their ids alone.
struct Nobody;

#[async_trait]
impl Domain for Nobody {
    async fn view(&self, _: &str, _: Option<&str>, _: &[Effect]) -> Result<View, DomainError> {
        Ok(View {
            namespaces: Map::new(),
            time_zone: jiff::tz::TimeZone::UTC,
            unset: jackfield_engine::variables::Unset::Empty,
        })
    }

    async fn call(&self, _: &Actor, call: &HostCall, _: &[Effect]) -> Result<Answer, DomainError> {
        Err(DomainError::Invalid(call.name().to_owned()))
    }

    async fn apply(&self, _: &Actor, _: &[Effect], _: &mut Commit) -> Result<Applied, DomainError> {
        Ok(Applied::default())
    }

    fn committed(&self, _: Box<dyn Any + Send>) {}

    async fn template(&self, _: &str, _: &str) -> Result<Option<Template>, DomainError> {
        Ok(None)
    }

    fn secrets(&self, _: &str, _: SecretOwner<'_>) -> Arc<dyn Secrets> {
        Arc::new(NoSecrets)
    }

    fn message_due(&self, _: &str) {}

    async fn taken(&self, _: &[i32]) -> Result<(), DomainError> {
        Ok(())
    }

    async fn leave(&self, _: i32) {}

    fn lost(&self, _: i32) {}
}

struct Lab {
    engine: Engine,
    clock: SimulatedClock,
    data: tempfile::TempDir,
}

impl Lab {
    async fn open() -> Lab {
        let data = tempfile::tempdir().unwrap();
        let clock = SimulatedClock::at(START);
        let now = clock.clone();
        let database = sqlite::Options::new(
            data.path().join("jackfield.db"),
            "test",
            Arc::new(move || jackfield_engine::Clock::now(&now)),
        );
        let engine = Engine::new(jackfield_engine::Options {
            room: jackfield_engine::RoomOptions::default(),
            store: Arc::new(SqliteStore::open(database).await.unwrap()),
            clock: Arc::new(clock.clone()),
            sandbox: Sandbox::new(jackfield_sandbox::Options::new(
                data.path().join("compiled"),
            ))
            .unwrap(),
            egress: Egress::new(jackfield_egress::Options::default()).unwrap(),
        });
        engine.attach(Arc::new(Nobody));
        let wait = std::fs::read(plugins().join("wait.wasm")).unwrap();
        let view = engine.plugins().install(wait, START).await.unwrap();
        engine.plugins().grant(&view.digest, None).await.unwrap();
        engine.plugins_changed();
        engine.start().await.unwrap();
        let lab = Lab {
            engine,
            clock,
            data,
        };
        for (name, step) in [
            ("short", "{until: \"2020-01-01 00:00\"}"),
            ("long", "{for: 365d}"),
        ] {
            let yaml = format!(
                "name: {name}\ntrigger: {{event: {name}}}\nsteps:\n  a: {{uses: wait@1, with: {step}}}\n"
            );
            let workflows = lab.engine.workflows();
            let view = workflows.put("main", &yaml, None, START).await.unwrap();
            workflows.publish("main", &view.name, START).await.unwrap();
        }
        lab
    }

    /// An event that starts a run about the n-th contact.
    async fn start(&self, name: &str, n: i32) -> String {
        let bucket = n % self.engine.store().buckets();
        let event = NewEvent {
            workspace: "main".to_owned(),
            name: name.to_owned(),
            contact: Some(self.engine.new_id("ctc", bucket)),
            subject: None,
            data: json!({"n": n}),
            source: "api".to_owned(),
        };
        let lock = self.engine.lock(bucket).await.unwrap();
        let commit = Commit::of(bucket);
        let accepted = self.engine.accept(&lock, vec![event], commit).await;
        accepted.unwrap().events[0].runs[0].clone()
    }

    async fn until(&self, id: &str, state: &str) {
        let mut moved = self.engine.runs().watch(id);
        let wait = async {
            loop {
                moved.mark_unchanged();
                if self.engine.runs().get("main", id).await.unwrap().state == state {
                    return;
                }
                moved.changed().await.unwrap();
            }
        };
        let done = tokio::time::timeout(PATIENCE, wait).await;
        done.unwrap_or_else(|_| panic!("{id} is not {state}"));
    }

    async fn is_there(&self, id: &str) -> bool {
        match self.engine.runs().get("main", id).await {
            Ok(_) => true,
            Err(RunError::NotFound(_)) => false,
            Err(error) => panic!("{error}"),
        }
    }

    /// Rows of runs, journal, events, waits and timers.
    async fn rows(&self) -> [i64; 5] {
        let store = self.engine.store();
        [
            store.total(Query::<Run>::all()).await.unwrap(),
            store.total(Query::<Journal>::all()).await.unwrap(),
            store.total(Query::<Event>::all()).await.unwrap(),
            store.total(Query::<Wait>::all()).await.unwrap(),
            store.total(Query::<Timer>::all()).await.unwrap(),
        ]
    }
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
    let lab = Lab::open().await;
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
        short.push(lab.start("short", if n % 2 == 0 { 7 } else { n }).await);
    }
    let long = lab.start("long", 3).await;
    let cancelled = lab.start("long", 4).await;
    for id in &short {
        lab.until(id, "completed").await;
    }
    lab.until(&long, "waiting").await;
    lab.until(&cancelled, "waiting").await;
    let journal = lab.rows().await[1];

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
    assert_eq!(lab.rows().await[0], 122, "nothing leaves without its line");

    let pruned = lab.engine.prune(&month).await.unwrap();
    assert_eq!((pruned.runs, pruned.events), (120, 0), "{pruned:?}");
    for id in &short {
        assert!(!lab.is_there(id).await, "{id} is there");
    }
    assert!(lab.is_there(&long).await, "it waits: it is not over");
    assert!(lab.is_there(&cancelled).await, "it ended a moment ago");
    let [runs, left, events, waits, timers] = lab.rows().await;
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
    assert!(!lab.is_there(&cancelled).await);
    // What waits still ends at its time.
    lab.clock.advance(400 * DAY);
    lab.until(&long, "completed").await;
    lab.engine.stop().await;
}

#[tokio::test]
async fn no_more_finished_runs_than_wanted_are_kept_and_the_oldest_leave() {
    let lab = Lab::open().await;
    let mut ids = Vec::new();
    for _ in 0..130 {
        let id = lab.start("short", 9).await;
        lab.until(&id, "completed").await;
        ids.push(id);
    }
    let waiting = lab.start("long", 9).await;
    lab.until(&waiting, "waiting").await;
    let most = |max_runs| Retention {
        max_runs: Some(max_runs),
        ..Retention::default()
    };
    assert_eq!(lab.engine.prune(&most(130)).await.unwrap().runs, 0);
    assert_eq!(lab.engine.prune(&most(20)).await.unwrap().runs, 110);
    for (n, id) in ids.iter().enumerate() {
        assert_eq!(lab.is_there(id).await, n >= 110, "the {n}-th");
    }
    assert_eq!(lab.engine.prune(&most(0)).await.unwrap().runs, 20);
    assert!(lab.is_there(&waiting).await, "it is not over");
    lab.engine.stop().await;
}
