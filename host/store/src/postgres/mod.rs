//! The store on PostgreSQL: several hosts, one database, each bucket with one owner at a time.
//!
//! A few connections write (`writer.rs`, each with a group commit of its own; a bucket is always
//! written by the same one, so its commits keep their order), a pool reads, one connection renews
//! the host's lease and shares the buckets out (`hosts.rs`), one listens to the other hosts
//! (`listen.rs`). What must hold: a commit passes only if this host owns its bucket under the epoch
//! that it knew when the commit was handed in; what was acknowledged is on the server's disk; a
//! database that goes away and comes back is used again without a restart.

mod dialect;
mod errors;
mod hosts;
mod link;
mod listen;
mod notes;
mod one;
mod open;
mod reader;
mod rows;
mod shared;
mod side;
mod spread;
mod writer;

pub use open::{OpenError, Options};
pub use reader::{PostgresReader, ServerView};

pub(crate) use dialect::Postgres;
pub(crate) use side::PostgresSide;

use crate::commit::{Commit, CommitError, Notice};
use crate::group::Writer;
use crate::plan::Member;
use crate::sql::{self, Bound};
use crate::store::{Change, HostInfo, ReadError, Select, Store};
use async_trait::async_trait;
use errors::unavailable;
use hosts::Command;
use link::within;
use shared::Shared;
use sqlx::postgres::{PgArguments, PgPool, PgRow};
use sqlx::{AssertSqlSafe, Error, Row as _};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::mpsc::{self, UnboundedReceiver};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// How long a read may take, the wait for a connection included.
const PATIENCE: Duration = Duration::from_secs(45);
/// A read whose connection turns out to be broken is tried again, so often in all.
const READS: usize = 3;

/// One host's view of a PostgreSQL database that it shares with others.
///
/// Dropped without `close` it is to the others as a host that died: they take its buckets over when
/// its lease has lapsed.
#[derive(Debug)]
pub struct PostgresStore {
    writers: Vec<Writer>,
    readers: PgPool,
    manager: mpsc::Sender<Command>,
    background: Vec<JoinHandle<()>>,
    shared: Arc<Shared>,
    changes: Mutex<Option<UnboundedReceiver<Change>>>,
    closed: AtomicBool,
}

impl PostgresStore {
    /// Opens the database, makes its tables if they are not there, and takes this host's share of
    /// the buckets that are free.
    ///
    /// # Errors
    /// See `OpenError`: each says what to do.
    pub async fn open(options: Options) -> Result<PostgresStore, OpenError> {
        // Boxed: whoever opens a store holds no more than a pointer to all the steps of opening.
        Box::pin(open::open(options)).await
    }

    /// Makes the tables and brings them up to date, without a host: hosts that work on the database
    /// go on.
    ///
    /// # Errors
    /// See `OpenError`.
    pub async fn migrate(options: &Options) -> Result<(), OpenError> {
        open::migrate(options).await
    }

    fn member(&self, commit: Commit) -> Result<Member, CommitError> {
        if self.closed.load(Ordering::Acquire) {
            return Err(CommitError::Unavailable("the store is closed".into()));
        }
        let fence = self.shared.ownership.fence(&commit)?;
        if let Some(bucket) = commit.bucket
            && !(0..self.shared.buckets).contains(&bucket)
        {
            return Err(CommitError::Fenced { bucket });
        }
        let long = |notice: &Notice| match notice {
            Notice::Owner => false,
            Notice::Host { text, .. } | Notice::All { text } => text.len() > notes::LONGEST,
        };
        if commit.notices.iter().any(long) {
            return Err(CommitError::Invalid(format!(
                "a notice has at most {} bytes",
                notes::LONGEST
            )));
        }
        Member::of(commit, fence)
    }

    /// Always the same one for a bucket, so that its commits keep their order.
    fn writer(&self, bucket: Option<i32>) -> &Writer {
        let place = bucket.map_or(0, |bucket| bucket.unsigned_abs() as usize);
        &self.writers[place % self.writers.len()]
    }

    /// The rows of a query; asked again where an idle connection has broken meanwhile.
    async fn rows(&self, text: &str, bound: &[Bound]) -> Result<Vec<PgRow>, Error> {
        within(PATIENCE, async {
            for _ in 1..READS {
                match query(text, bound).fetch_all(&self.readers).await {
                    Err(error) if errors::is_stale(&error) => {}
                    outcome => return outcome,
                }
            }
            query(text, bound).fetch_all(&self.readers).await
        })
        .await
    }
}

type Query<'q> = sqlx::query::Query<'q, sqlx::Postgres, PgArguments>;

/// The text is the store's own (`sql.rs`); what comes from outside is bound.
fn query<'q>(text: &str, bound: &[Bound]) -> Query<'q> {
    bound.iter().fold(
        sqlx::query(AssertSqlSafe(text.to_owned())),
        |query, value| match value {
            Bound::Text(text) => query.bind(text.clone()),
            Bound::Int(number) => query.bind(*number),
            Bound::Bool(truth) => query.bind(*truth),
        },
    )
}

/// The first column of a row.
fn column<'r, T>(row: &'r PgRow) -> Result<T, Error>
where
    T: sqlx::Decode<'r, sqlx::Postgres> + sqlx::Type<sqlx::Postgres>,
{
    row.try_get(0)
}

#[async_trait]
impl Store for PostgresStore {
    async fn commit(&self, commit: Commit) -> Result<(), CommitError> {
        if commit.is_empty() && commit.notices.is_empty() {
            return Ok(());
        }
        let bucket = commit.bucket;
        let member = self.member(commit)?;
        self.writer(bucket).commit(member).await
    }

    async fn select(&self, select: Select) -> Result<Vec<String>, ReadError> {
        let (text, bound) = sql::select::<Postgres>(&select)?;
        let rows = self.rows(&text, &bound).await;
        rows.and_then(|rows| rows.iter().map(column).collect())
            .map_err(|error| errors::of_read(select.table.name, &error))
    }

    async fn count(&self, select: Select) -> Result<i64, ReadError> {
        let (text, bound) = sql::count::<Postgres>(&select)?;
        let rows = self.rows(&text, &bound).await;
        rows.and_then(|rows| rows.first().map_or(Err(Error::RowNotFound), column))
            .map_err(|error| errors::of_read(select.table.name, &error))
    }

    async fn put_blob(&self, digest: &str, bytes: Vec<u8>) -> Result<(), CommitError> {
        let blob = Some((digest.to_owned(), bytes));
        self.writer(None)
            .commit(Member {
                blob,
                ..Member::default()
            })
            .await
    }

    async fn blob(&self, digest: &str) -> Result<Option<Vec<u8>>, ReadError> {
        let bound = [Bound::Text(digest.to_owned())];
        let rows = self.rows("SELECT bytes FROM blob WHERE digest = $1", &bound);
        let bytes = rows
            .await
            .and_then(|rows| rows.first().map(column).transpose());
        bytes.map_err(|error| unavailable(&error))
    }

    fn buckets(&self) -> i32 {
        self.shared.buckets
    }

    fn host(&self) -> &str {
        &self.shared.host
    }

    fn owned(&self) -> Vec<i32> {
        self.shared.ownership.buckets()
    }

    fn epoch(&self, bucket: i32) -> Option<i64> {
        self.shared.ownership.epoch(bucket)
    }

    fn changes(&self) -> UnboundedReceiver<Change> {
        let mut changes = self.changes.lock().unwrap_or_else(PoisonError::into_inner);
        // Whoever asks twice hears nothing the second time.
        changes
            .take()
            .unwrap_or_else(|| mpsc::unbounded_channel().1)
    }

    async fn release(&self, bucket: i32) -> Result<(), ReadError> {
        let (done, released) = oneshot::channel();
        let closed = || ReadError::Unavailable("the store is closed".into());
        let command = Command::Release(bucket, done);
        self.manager.send(command).await.map_err(|_| closed())?;
        released.await.map_err(|_| closed())?
    }

    async fn hosts(&self) -> Result<Vec<HostInfo>, ReadError> {
        let read = async {
            let counts = self.rows(rows::COUNTS, &[]).await?;
            let counts: BTreeMap<String, i64> = counts
                .iter()
                .map(|row| Ok((row.try_get(0)?, row.try_get(1)?)))
                .collect::<Result<_, Error>>()?;
            let leases = self.rows(rows::LEASES, &[]).await?;
            let mut hosts = Vec::new();
            for row in &leases {
                let (id, left): (String, i64) = (row.try_get(0)?, row.try_get(1)?);
                if left > 0 {
                    let buckets = counts.get(&id).copied().unwrap_or_default();
                    hosts.push(HostInfo {
                        id,
                        buckets: usize::try_from(buckets).unwrap_or_default(),
                        lease_ms: Some(left),
                    });
                }
            }
            Ok(hosts)
        };
        read.await.map_err(|error: Error| unavailable(&error))
    }

    fn join(&self) {
        self.shared.joined.store(true, Ordering::Release);
        self.shared.look.notify_one();
    }

    fn living(&self) -> usize {
        self.shared.living.load(Ordering::Relaxed)
    }

    async fn close(&self) {
        self.closed.store(true, Ordering::Release);
        self.readers.close().await;
        for writer in &self.writers {
            writer.close().await;
        }
        let (done, closed) = oneshot::channel();
        if self.manager.send(Command::Close(done)).await.is_ok() {
            let _ = closed.await;
        }
        self.background.iter().for_each(JoinHandle::abort);
    }
}

impl Drop for PostgresStore {
    fn drop(&mut self) {
        self.background.iter().for_each(JoinHandle::abort);
    }
}
