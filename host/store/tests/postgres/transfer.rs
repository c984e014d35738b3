//! Moving a database from SQLite to PostgreSQL and back: everything arrives, and nothing is moved
//! onto something else or from under a host's feet.

use super::suite::{NOW, contact, journal, run, timer, wait, workflow};
use super::{Host, Postgres, alone};
use jackfield_store::records::{Journal, Run, TABLES, WorkflowVersion};
use jackfield_store::sqlite::{self, SqliteStore};
use jackfield_store::transfer::{Place, Progress, Step, TransferError, check, copy};
use jackfield_store::{Commit, Query, Store, StoreExt};
use serde_json::json;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tempfile::TempDir;

fn sqlite_options(path: &Path) -> sqlite::Options {
    sqlite::Options {
        buckets: 32,
        ..sqlite::Options::new(path, "host", Arc::new(|| NOW))
    }
}

/// Rows of many kinds, more than fit in a page, with values that are easily harmed.
async fn fill(store: &impl Store) {
    let mut control = Commit::control();
    control.put(&workflow("welcome"));
    control.put(&WorkflowVersion {
        workspace: "acme".into(),
        workflow: "welcome".into(),
        version: 1,
        source: "name: x\n\"ü\" 🦀".into(),
        document: json!({"z": 1, "a": [1e16, -0.5, 0.1, u64::MAX, i64::MIN], "": null}),
        pins: json!({}),
        published_at: NOW,
    });
    store.commit(control).await.unwrap();
    for bucket in 0..32 {
        let id = format!("run_{bucket:02}");
        let mut commit = Commit::of(bucket);
        commit
            .put(&run(bucket, &id, 70))
            .put(&timer(bucket, &id, i64::MAX))
            .put(&wait(bucket, &id, 0))
            .put(&contact(bucket, "con_'\\ü", Some("\u{10ffff} \"x\" \u{1}")));
        for seq in 0..70 {
            commit.insert(&journal(bucket, &id, seq));
        }
        store.commit(commit).await.unwrap();
    }
    store
        .put_blob("sha256:a", (0..=255).cycle().take(1 << 20).collect())
        .await
        .unwrap();
    store.put_blob("sha256:empty", Vec::new()).await.unwrap();
}

struct Worlds {
    folder: TempDir,
    postgres: Postgres,
}

impl Worlds {
    fn new() -> Worlds {
        Worlds {
            folder: TempDir::new().unwrap(),
            postgres: Postgres::new(),
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn file(&self, name: &str) -> Place {
        Place::Sqlite(self.path(name))
    }

    fn server(&self) -> Place {
        Place::of(&self.postgres.url)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_arrives_on_the_other_side_and_back() {
    let worlds = Worlds::new();
    let store = SqliteStore::open(sqlite_options(&worlds.path("first.db")))
        .await
        .unwrap();
    fill(&store).await;
    let runs: Vec<Run> = store.find(Query::all().ascending("id")).await.unwrap();
    store.close().await;

    let mut seen: Vec<Progress> = Vec::new();
    let copied = copy(&worlds.file("first.db"), &worlds.server(), |step| {
        seen.push(step)
    })
    .await;
    let copied = copied.unwrap();
    assert_eq!(copied.buckets, 32);
    assert_eq!(copied.tables.len(), TABLES.len() + 1);
    assert!(copied.tables.contains(&("journal", 2_240)) && copied.tables.contains(&("blob", 2)));
    let steps: Vec<(Step, u64)> = seen
        .iter()
        .filter(|progress| progress.table == "journal")
        .map(|progress| (progress.step, progress.done))
        .collect();
    let copying = [1_000, 2_000, 2_240].map(|done| (Step::Copying, done));
    let comparing = [1_000, 2_000, 2_240].map(|done| (Step::Comparing, done));
    assert_eq!(steps, [copying, comparing].concat());

    let server = alone(worlds.postgres.options()).await;
    assert_eq!(server.buckets(), 32);
    let found: Vec<Run> = server.find(Query::all().ascending("id")).await.unwrap();
    assert_eq!(found, runs);
    let mut commit = Commit::of(3);
    commit.insert(&journal(3, "run_03", 70));
    server.commit(commit).await.unwrap();
    server.close().await;

    let report = check(&worlds.server()).await.unwrap();
    assert_eq!(report.findings, []);
    assert!(report.tables.contains(&("journal", 2_241)));

    let back = copy(&worlds.server(), &worlds.file("second.db"), |_| {})
        .await
        .unwrap();
    assert!(back.tables.contains(&("journal", 2_241)));
    let report = check(&worlds.file("second.db")).await.unwrap();
    assert_eq!((report.findings, report.buckets), (vec![], 32));
    let store = SqliteStore::open(sqlite_options(&worlds.path("second.db")))
        .await
        .unwrap();
    let found: Vec<Run> = store.find(Query::all().ascending("id")).await.unwrap();
    assert_eq!(found, runs);
    assert_eq!(store.blob("sha256:empty").await.unwrap(), Some(Vec::new()));
    store.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_moved_onto_something_nor_from_under_a_host() {
    let worlds = Worlds::new();
    let (file, server) = (worlds.file("a.db"), worlds.server());
    let error = copy(&file, &server, |_| {}).await.unwrap_err();
    assert!(matches!(error, TransferError::Missing(_)), "{error}");

    let store = SqliteStore::open(sqlite_options(&worlds.path("a.db")))
        .await
        .unwrap();
    fill(&store).await;
    let error = copy(&file, &server, |_| {}).await.unwrap_err();
    assert!(matches!(error, TransferError::Sqlite(_)), "{error}");
    store.close().await;

    // A database with another number of buckets, with a host on it, then with rows.
    let host = Host::open(worlds.postgres.options()).await;
    let error = copy(&file, &server, |_| {}).await.unwrap_err();
    assert!(matches!(error, TransferError::InUse { .. }), "{error}");
    host.close().await;
    let error = copy(&file, &server, |_| {}).await.unwrap_err();
    let wrong = matches!(
        error,
        TransferError::Buckets {
            found: 256,
            wanted: 32,
            ..
        }
    );
    assert!(wrong, "{error}");
    let other = Place::of(&Postgres::new().url);
    copy(&file, &other, |_| {}).await.unwrap();
    let error = copy(&file, &other, |_| {}).await.unwrap_err();
    assert!(matches!(error, TransferError::NotEmpty { .. }), "{error}");
    let error = copy(&other, &file, |_| {}).await.unwrap_err();
    assert!(matches!(error, TransferError::NotEmpty { .. }), "{error}");
    let error = copy(&server, &worlds.file("b.db"), |_| {}).await;
    assert_eq!(error.unwrap().buckets, 256);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_lacks_its_other_half_is_found() {
    let worlds = Worlds::new();
    let store = SqliteStore::open(sqlite_options(&worlds.path("a.db")))
        .await
        .unwrap();
    fill(&store).await;
    let mut commit = Commit::of(3);
    commit.delete::<Run>([json!("run_03")]);
    store.commit(commit).await.unwrap();
    let mut commit = Commit::of(4);
    let mut lost = run(4, "run_lost", 0);
    lost.version = 9;
    commit.put(&lost).put(&timer(4, "run_none", 1));
    commit.insert(&journal(4, "run_none", 0));
    store.commit(commit).await.unwrap();
    assert_eq!(store.total(Query::<Journal>::all()).await.unwrap(), 2_241);

    // The same on both sides, with a host at work on one of them.
    let mut reports = vec![check(&worlds.file("a.db")).await.unwrap()];
    store.close().await;
    copy(&worlds.file("a.db"), &worlds.server(), |_| {})
        .await
        .unwrap();
    reports.push(check(&worlds.server()).await.unwrap());
    for report in reports {
        let found: Vec<(&str, u64, Option<&str>)> = report
            .findings
            .iter()
            .map(|finding| {
                (
                    finding.what.as_str(),
                    finding.count,
                    finding.example.as_deref(),
                )
            })
            .collect();
        assert_eq!(
            found,
            [
                (
                    "journal entries of no run and no message",
                    71,
                    Some("run_03")
                ),
                ("waits of no run", 1, Some("run_03")),
                ("timers of no run", 2, Some("run_03")),
                (
                    "runs that have not ended and whose version of the workflow is not there",
                    1,
                    Some("run_lost")
                ),
            ],
            "{}",
            report.place
        );
    }
}
