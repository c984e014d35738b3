//! How many commits a second this machine takes: `cargo run --release -p jackfield-store --example
//! commits [SECONDS] [sqlite | postgres | postgres://…] [WRITERS] [WAITERS]`. A commit is what a step costs:
//! one journal row and the run's row. On SQLite, beside it, a bare loop over one connection, without
//! group commit, fence or keys. `postgres` alone is a server of its own, with its usual settings, on
//! this machine: it and its client share the cores. Compare ratios only.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a tool for the developer's terminal"
)]

use jackfield_store::records::{Journal, Run};
use jackfield_store::{Commit, PostgresStore, SharedStore, SqliteStore, postgres, sqlite};
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

async fn grouped(store: SharedStore, waiters: i32, time: Duration) {
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
    let arguments: Vec<String> = std::env::args().collect();
    let seconds = arguments.get(1).and_then(|text| text.parse().ok());
    let time = Duration::from_secs(seconds.unwrap_or(3));
    let database = arguments.get(2).map_or("sqlite", String::as_str);
    let writers = arguments.get(3).and_then(|text| text.parse().ok());
    let folder = tempfile::tempdir().unwrap();
    let server;
    let store: SharedStore = if database == "sqlite" {
        bare(time).await;
        let path = folder.path().join("commits.db");
        let options = sqlite::Options::new(path, "host-1", Arc::new(|| 0));
        Arc::new(SqliteStore::open(options).await.unwrap())
    } else {
        let url = if database == "postgres" {
            server = jackfield_postgres_peer::Server::start(&[]).unwrap();
            server.database().unwrap()
        } else {
            database.to_owned()
        };
        let mut options = postgres::Options::new(url, "host-1");
        options.writers = writers.unwrap_or(options.writers);
        Arc::new(PostgresStore::open(options).await.unwrap())
    };
    let waiters = arguments.get(4).and_then(|text| text.parse().ok());
    for waiters in waiters.map_or(vec![1, 16, 64, 256], |waiters| vec![waiters]) {
        grouped(store.clone(), waiters, time).await;
    }
    store.close().await;
}
