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
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::{Duration, Instant};
use tokio::task::JoinHandle;

const RUNS: i32 = 24;

fn id(number: i32) -> String {
    format!("run_{number:02}")
}

/// One run's commits, one after another; after an error it looks where the run stands, as an engine
/// does. Returns how many errors it met.
async fn load(store: Arc<PostgresStore>, number: i32, shared: Arc<Shared>) -> u32 {
    let known = &shared.known[usize::try_from(number).unwrap()];
    let mut errors = 0;
    while !shared.stop.load(Ordering::Relaxed) {
        let seq = known.load(Ordering::Relaxed);
        let mut commit = Commit::of(number);
        commit
            .insert(&journal(number, &id(number), seq))
            .put(&run(number, &id(number), seq + 1));
        match store.commit(commit).await {
            Ok(()) => known.store(seq + 1, Ordering::Relaxed),
            Err(CommitError::Exists { .. } | CommitError::Invalid(_)) => {
                panic!("{number} at {seq}")
            }
            Err(_) => {
                errors += 1;
                known.store(stands(&store, number, seq).await, Ordering::Relaxed);
            }
        }
    }
    errors
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

/// What the tasks of a load share.
struct Shared {
    stop: AtomicBool,
    /// Of each run, how many commits are known to be there.
    known: Vec<AtomicI64>,
}

struct Load {
    shared: Arc<Shared>,
    tasks: Vec<JoinHandle<u32>>,
}

impl Load {
    fn start(store: &Arc<PostgresStore>) -> Load {
        let shared = Arc::new(Shared {
            stop: AtomicBool::new(false),
            known: (0..RUNS).map(|_| AtomicI64::new(0)).collect(),
        });
        let tasks = (0..RUNS)
            .map(|number| tokio::spawn(load(store.clone(), number, shared.clone())))
            .collect();
        Load { shared, tasks }
    }

    /// Waits until every run has got on by one commit.
    async fn moves(&self) {
        let known = |run: &AtomicI64| run.load(Ordering::Relaxed);
        let before: Vec<i64> = self.shared.known.iter().map(known).collect();
        until("every run gets on", || {
            let now = self.shared.known.iter().map(known);
            now.zip(&before).all(|(now, before)| now > *before)
        })
        .await;
    }

    /// Ends the load; all that it had acknowledged is there, once. Returns the errors that were met.
    async fn audit(self, store: &PostgresStore) -> u32 {
        self.shared.stop.store(true, Ordering::Relaxed);
        let mut met = 0;
        for (number, task) in (0..RUNS).zip(self.tasks) {
            met += task.await.unwrap();
            let known = &self.shared.known[usize::try_from(number).unwrap()];
            let query = Query::of(number).ascending("seq");
            let rows: Vec<Journal> = store.find(query).await.unwrap();
            let places: Vec<i64> = rows.iter().map(|row| row.seq).collect();
            let expected: Vec<i64> = (0..known.load(Ordering::Relaxed)).collect();
            assert_eq!(places, expected, "run {number}");
        }
        met
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_that_are_killed_under_load_lose_nothing_and_write_nothing_twice() {
    let world = Postgres::new();
    let store = Arc::new(alone(world.options()).await);
    let load = Load::start(&store);
    for round in 0..12 {
        load.moves().await;
        // At another point of the transactions each time.
        tokio::time::sleep(Duration::from_millis(round * 3)).await;
        world
            .execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
                 WHERE datname = current_database() AND application_name LIKE 'jackfield/%'",
            )
            .await;
    }
    load.moves().await;
    let met = load.audit(&store).await;
    assert!(met > 0, "no commit met a broken connection");
    store.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_stops_and_comes_back_is_used_again() {
    let server = tokio::task::spawn_blocking(|| Arc::new(Server::start(&[]).unwrap()));
    let server = server.await.unwrap();
    let store = Host::open(Options::new(server.database().unwrap(), "host")).await;
    let load = Load::start(&store.store);
    for crash in [false, true] {
        load.moves().await;
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
    load.moves().await;
    assert!(load.audit(&store.store).await > 0);
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
