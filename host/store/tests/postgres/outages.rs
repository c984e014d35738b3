//! The server goes away, connections break, tables are locked: nothing acknowledged is lost, nothing
//! is there twice, and all goes on without a restart.

use super::suite::{journal, run, workflow};
use super::{Host, LONG, Postgres, alone, until};
use jackfield_postgres_peer::Server;
use jackfield_store::postgres::{Options, PostgresStore};
use jackfield_store::records::{Journal, Run, Workflow};
use jackfield_store::{Commit, CommitError, Query, Store, StoreExt};
use sqlx::{Connection, Executor, PgConnection};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use tokio::task::JoinHandle;

const RUNS: i32 = 24;

fn id(number: i32) -> String {
    format!("run_{number:02}")
}

/// One run's commits, one after another; after an error it looks where the run stands, as an engine
/// does. Returns how many it had acknowledged, and how many errors it met.
async fn load(store: Arc<PostgresStore>, number: i32, stop: Arc<AtomicBool>) -> (i64, u32) {
    let (mut seq, mut errors) = (0, 0);
    while !stop.load(Ordering::Relaxed) {
        let mut commit = Commit::of(number);
        commit
            .insert(&journal(number, &id(number), seq))
            .put(&run(number, &id(number), seq + 1));
        match store.commit(commit).await {
            Ok(()) => seq += 1,
            Err(CommitError::Exists { .. } | CommitError::Invalid(_)) => {
                panic!("{number} at {seq}")
            }
            Err(_) => {
                errors += 1;
                seq = stands(&store, number, seq).await;
            }
        }
    }
    (seq, errors)
}

/// Where the run stands: where it was, or one further.
async fn stands(store: &PostgresStore, number: i32, seq: i64) -> i64 {
    let begun = Instant::now();
    loop {
        assert!(begun.elapsed() < LONG, "the database does not come back");
        let found: Result<Option<Run>, _> = store.first(Query::of(number)).await;
        match found {
            Ok(found) if store.epoch(number).is_some() => {
                let there = found.map_or(0, |run| run.seq);
                assert!(
                    there == seq || there == seq + 1,
                    "{number}: {seq} known, {there} there"
                );
                return there;
            }
            _ => tokio::time::sleep(Duration::from_millis(10)).await,
        }
    }
}

fn start(store: &Arc<PostgresStore>) -> (Arc<AtomicBool>, Vec<JoinHandle<(i64, u32)>>) {
    let stop = Arc::new(AtomicBool::new(false));
    let tasks = (0..RUNS).map(|number| tokio::spawn(load(store.clone(), number, stop.clone())));
    (stop.clone(), tasks.collect())
}

/// Ends the load; all that it had acknowledged is there, once. Returns the errors that were met.
async fn audit(
    store: &PostgresStore,
    (stop, tasks): (Arc<AtomicBool>, Vec<JoinHandle<(i64, u32)>>),
) -> u32 {
    stop.store(true, Ordering::Relaxed);
    let mut met = 0;
    for (number, task) in (0..RUNS).zip(tasks) {
        let (seq, errors) = task.await.unwrap();
        met += errors;
        let query = Query::of(number).ascending("seq");
        let rows: Vec<Journal> = store.find(query).await.unwrap();
        let places: Vec<i64> = rows.iter().map(|row| row.seq).collect();
        assert_eq!(places, (0..seq).collect::<Vec<_>>(), "run {number}");
        assert!(seq > 0, "run {number} never got on");
    }
    met
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_that_are_killed_under_load_lose_nothing_and_write_nothing_twice() {
    let world = Postgres::new();
    let store = Arc::new(alone(world.options()).await);
    let load = start(&store);
    for _ in 0..12 {
        tokio::time::sleep(Duration::from_millis(120)).await;
        world
            .execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
                 WHERE datname = current_database() AND application_name LIKE 'jackfield/%'",
            )
            .await;
    }
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert!(
        audit(&store, load).await > 0,
        "no commit met a broken connection"
    );
    store.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_stops_and_comes_back_is_used_again() {
    let server = tokio::task::spawn_blocking(|| Arc::new(Server::start(&[]).unwrap()));
    let server = server.await.unwrap();
    let store = Host::open(Options::new(server.database().unwrap(), "host")).await;
    let load = start(&store.store);
    for crash in [false, true] {
        tokio::time::sleep(Duration::from_millis(500)).await;
        let told = server.clone();
        tokio::task::spawn_blocking(move || told.stop(crash).unwrap())
            .await
            .unwrap();
        let mut control = Commit::control();
        control.put(&workflow("while-away"));
        let error = store.store.commit(control).await.unwrap_err();
        assert!(
            matches!(error, CommitError::Unavailable(_) | CommitError::Unknown(_)),
            "{error}"
        );
        assert!(store.store.find::<Workflow>(Query::all()).await.is_err());
        // Longer than the lease, once: by its own clock it has then lost everything.
        let wait = if crash { 4_000 } else { 300 };
        tokio::time::sleep(Duration::from_millis(wait)).await;
        if crash {
            assert_eq!(store.count(), 0);
        }
        let told = server.clone();
        tokio::task::spawn_blocking(move || told.again().unwrap())
            .await
            .unwrap();
        until("it has all again", || store.count() == 256).await;
    }
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(audit(&store.store, load).await > 0);
    store.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_locked_table_refuses_commits_for_a_while() {
    let world = Postgres::new();
    let store = alone(world.options()).await;
    let mut other = PgConnection::connect(&world.url).await.unwrap();
    other.execute("BEGIN; LOCK TABLE journal").await.unwrap();
    let mut commit = Commit::of(1);
    commit.insert(&journal(1, "run_a", 0));
    let begun = Instant::now();
    let error = store.commit(commit.clone()).await.unwrap_err();
    assert!(matches!(error, CommitError::Unavailable(_)), "{error}");
    assert!(
        begun.elapsed() < Duration::from_secs(15),
        "{:?}",
        begun.elapsed()
    );
    // The lease does not wait for it, nor do other tables.
    assert_eq!(store.owned().len(), 256);
    let mut control = Commit::control();
    control.put(&workflow("welcome"));
    store.commit(control).await.unwrap();
    other.execute("ROLLBACK").await.unwrap();
    store.commit(commit).await.unwrap();
    assert_eq!(store.total(Query::<Journal>::all()).await.unwrap(), 1);
    store.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_bucket_in_a_transaction_is_as_right_as_many() {
    let world = Postgres::new();
    let options = Options {
        one_bucket_commits: true,
        ..world.options()
    };
    let store = alone(options).await;
    let outcomes = futures::future::join_all((0..400).map(|number| {
        let bucket = number % 7;
        let seq = i64::from(number / 7);
        let mut commit = Commit::of(bucket);
        commit
            .insert(&journal(bucket, &id(bucket), seq))
            .put(&run(bucket, &id(bucket), seq));
        store.commit(commit)
    }));
    assert!(outcomes.await.iter().all(Result::is_ok));
    for bucket in 0..7 {
        let found: Vec<Run> = store.find(Query::of(bucket)).await.unwrap();
        let last = i64::from((399 - bucket) / 7);
        assert_eq!(
            found,
            [run(bucket, &id(bucket), last)],
            "the last put counts"
        );
    }
    assert_eq!(store.total(Query::<Journal>::all()).await.unwrap(), 400);
    store.close().await;
}
