//! How many commits a second this machine takes: `cargo run --release -p jackfield-store --example
//! commits [SECONDS]`. A commit is what a step costs: one journal row and the run's row. Beside it a
//! bare loop over one connection, without group commit, fence or keys. Compare ratios only.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a tool for the developer's terminal"
)]

use jackfield_store::records::{Journal, Run};
use jackfield_store::sqlite::{Options, SqliteStore};
use jackfield_store::{Commit, Store};
use serde_json::json;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sqlx::{ConnectOptions, Connection, Executor};
use std::sync::Arc;
use std::time::{Duration, Instant};

fn rows(bucket: i32, id: &str, seq: i64) -> (Journal, Run) {
    let data = json!({
        "input": {"text": "Hello dear customer, your order has been sent", "tier": "gold"},
        "output": {"message": "msg_0123456789abcdef0123456789abcdef0001", "state": "accepted"},
        "fuel": 151_585, "ms": 12,
    });
    let journal = Journal {
        bucket,
        run: id.into(),
        seq,
        kind: "step-finished".into(),
        step: Some("greet".into()),
        data: data.clone(),
        at: seq,
    };
    let run = Run {
        bucket,
        id: id.into(),
        workspace: "acme".into(),
        workflow: "welcome".into(),
        version: 3,
        state: "running".into(),
        contact: Some("con_0123456789abcdef0123456789abcdef0001".into()),
        event: None,
        step: Some("greet".into()),
        reason: None,
        data,
        seq: seq + 1,
        created_at: 0,
        updated_at: seq,
        ended_at: None,
    };
    (journal, run)
}

async fn grouped(waiters: i32, time: Duration) {
    let folder = tempfile::tempdir().unwrap();
    let options = Options::new(folder.path().join("commits.db"), "host-1", Arc::new(|| 0));
    let store = Arc::new(SqliteStore::open(options).await.unwrap());
    let start = Instant::now();
    let tasks: Vec<_> = (0..waiters)
        .map(|waiter| {
            let store = store.clone();
            tokio::spawn(async move {
                let mut latencies = Vec::new();
                let bucket = waiter * 7 % 256;
                while start.elapsed() < time {
                    let id = jackfield_store::new_id("run", bucket, 0);
                    // A run of five steps, then the next.
                    for seq in 0..5 {
                        let (journal, run) = rows(bucket, &id, seq);
                        let mut commit = Commit::of(bucket);
                        commit.insert(&journal).put(&run);
                        let begun = Instant::now();
                        store.commit(commit).await.unwrap();
                        latencies.push(begun.elapsed());
                    }
                }
                latencies
            })
        })
        .collect();
    let mut latencies = Vec::new();
    for task in tasks {
        latencies.extend(task.await.unwrap());
    }
    report(&format!("{waiters} waiters"), start.elapsed(), latencies);
    store.close().await;
}

async fn bare(time: Duration) {
    let folder = tempfile::tempdir().unwrap();
    let mut connection = SqliteConnectOptions::new()
        .filename(folder.path().join("bare.db"))
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .connect()
        .await
        .unwrap();
    connection
        .execute(
            "CREATE TABLE run (bucket INTEGER, id TEXT, row TEXT, PRIMARY KEY (bucket, id)); \
             CREATE TABLE journal (bucket INTEGER, run TEXT, seq INTEGER, row TEXT, \
             PRIMARY KEY (bucket, run, seq))",
        )
        .await
        .unwrap();
    let start = Instant::now();
    let mut latencies = Vec::new();
    while start.elapsed() < time {
        let id = jackfield_store::new_id("run", 1, 0);
        for seq in 0..5_i64 {
            let (journal, run) = rows(1, &id, seq);
            let begun = Instant::now();
            let mut transaction = connection.begin().await.unwrap();
            sqlx::query("INSERT INTO journal VALUES (1, ?, ?, ?)")
                .bind(&id)
                .bind(seq)
                .bind(serde_json::to_string(&journal).unwrap())
                .execute(&mut *transaction)
                .await
                .unwrap();
            sqlx::query("INSERT OR REPLACE INTO run VALUES (1, ?, ?)")
                .bind(&id)
                .bind(serde_json::to_string(&run).unwrap())
                .execute(&mut *transaction)
                .await
                .unwrap();
            transaction.commit().await.unwrap();
            latencies.push(begun.elapsed());
        }
    }
    report("bare loop", start.elapsed(), latencies);
}

#[expect(clippy::cast_precision_loss, reason = "figures for people")]
fn report(what: &str, time: Duration, mut latencies: Vec<Duration>) {
    latencies.sort();
    let commits = latencies.len();
    println!(
        "{what:12} {:>8.0} commits/s {:>8.0} rows/s  p50 {:>9.3?}  p99 {:>9.3?}",
        commits as f64 / time.as_secs_f64(),
        2.0 * commits as f64 / time.as_secs_f64(),
        latencies[commits / 2],
        latencies[commits * 99 / 100],
    );
}

#[tokio::main]
async fn main() {
    let seconds = std::env::args()
        .nth(1)
        .and_then(|text| text.parse().ok())
        .unwrap_or(3);
    let time = Duration::from_secs(seconds);
    bare(time).await;
    for waiters in [1, 16, 64, 256] {
        grouped(waiters, time).await;
    }
}
