//! PostgreSQL passes the suite (a second time with every transaction as one statement), and what only PostgreSQL has: several hosts, and a server that can
//! be wrong, away or slow. Each test has a database of its own on one real server.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test may stop at the first surprise"
)]

mod at_once;
mod hosts;
mod notices;
mod opening;
mod outages;
mod paused;
#[path = "../suite/mod.rs"]
mod suite;
mod transfer;

use jackfield_store::postgres::{Options, PostgresStore};
use jackfield_store::{Change, Store};
use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Connection, Executor};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use suite::World;
use tokio::task::JoinHandle;

/// Whatever a test waits for comes sooner, or never.
const LONG: Duration = Duration::from_secs(30);

/// A database, and where it is.
pub(crate) struct Postgres {
    url: String,
}

impl Postgres {
    fn new() -> Postgres {
        Postgres {
            url: jackfield_postgres_peer::shared().database().unwrap(),
        }
    }

    fn options(&self) -> Options {
        Options::new(&self.url, "host")
    }

    async fn execute(&self, statements: &str) {
        let mut connection = PgConnection::connect(&self.url).await.unwrap();
        connection
            .execute(sqlx::raw_sql(AssertSqlSafe(statements.to_owned())))
            .await
            .unwrap();
        connection.close().await.unwrap();
    }
}

/// Opens the database as the one host that lives: with all its buckets.
async fn alone(options: Options) -> PostgresStore {
    let store = PostgresStore::open(options).await.unwrap();
    let all = usize::try_from(store.buckets()).unwrap();
    until("the one host owns every bucket", || {
        store.owned().len() == all
    })
    .await;
    store
}

/// Waits until it is so.
async fn until(what: &str, mut so: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !so() {
        assert!(begun.elapsed() < LONG, "never came: {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

impl World for Postgres {
    type Store = PostgresStore;

    async fn make() -> Postgres {
        Postgres::new()
    }

    async fn open(&self) -> PostgresStore {
        alone(self.options()).await
    }

    fn handle(&self) -> String {
        self.url.clone()
    }

    async fn attach(handle: &str) -> PostgresStore {
        alone(Options::new(handle, "child")).await
    }

    async fn steal(&self, bucket: i32) {
        // A host that lives for a while: else the bucket would be taken back at once.
        self.execute(&format!(
            "INSERT INTO host VALUES ('host-2', 1, extract(epoch FROM now()) * 1000 + 5000) \
             ON CONFLICT DO NOTHING; \
             UPDATE buckets SET owner = 'host-2', epoch = epoch + 1 WHERE bucket = {bucket}"
        ))
        .await;
    }
}

suite!(Postgres);

/// A host with the part of an engine that matters here: it drains at once what is to leave.
pub(crate) struct Host {
    store: Arc<PostgresStore>,
    heard: Arc<Mutex<Vec<Change>>>,
    engine: JoinHandle<()>,
}

impl Host {
    async fn open(options: Options) -> Host {
        let store = Arc::new(PostgresStore::open(options).await.unwrap());
        let heard = Arc::new(Mutex::new(Vec::new()));
        let mut changes = store.changes();
        let (of_engine, heard_by) = (store.clone(), heard.clone());
        let engine = tokio::spawn(async move {
            while let Some(change) = changes.recv().await {
                heard_by.lock().unwrap().push(change.clone());
                if let Change::Leaving(bucket) = change {
                    let store = of_engine.clone();
                    // What the database does not take at once it is told later.
                    tokio::spawn(async move { store.release(bucket).await });
                }
            }
        });
        Host {
            store,
            heard,
            engine,
        }
    }

    fn count(&self) -> usize {
        self.store.owned().len()
    }

    /// What it has heard so far.
    fn heard(&self) -> Vec<Change> {
        self.heard.lock().unwrap().clone()
    }

    fn has_heard(&self, change: &Change) -> bool {
        self.heard.lock().unwrap().contains(change)
    }

    async fn close(self) {
        self.store.close().await;
        self.engine.abort();
    }

    /// As if the process had died: nothing is given back.
    async fn die(self) {
        self.engine.abort();
        let _ = self.engine.await;
        assert!(
            Arc::into_inner(self.store).is_some(),
            "somebody still holds the store"
        );
    }
}

/// Every bucket has one owner among these hosts, and none has two more than another.
fn is_shared(hosts: &[&Host]) -> bool {
    let mut all: Vec<i32> = hosts.iter().flat_map(|host| host.store.owned()).collect();
    all.sort_unstable();
    let (most, least) = (
        hosts.iter().map(|host| host.count()).max().unwrap(),
        hosts.iter().map(|host| host.count()).min().unwrap(),
    );
    all == (0..hosts[0].store.buckets()).collect::<Vec<_>>() && most - least <= 1
}
