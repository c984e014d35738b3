//! The embedded store: one SQLite file, one process, every bucket.
//!
//! Why so: a single host needs no database server. One connection writes (`writer.rs`), a pool of
//! read-only ones reads beside it (write-ahead log). What must hold: one process at a time owns the
//! file (`open.rs`); what was committed survives the process and the machine (`synchronous=FULL`).

mod dialect;
mod open;
mod reader;
mod side;
mod writer;

pub use open::{Clock, OpenError, Options};
pub use reader::{Migrations, Size, SqliteReader};

pub(crate) use dialect::Sqlite;
pub(crate) use side::SqliteSide;

use crate::commit::{Commit, CommitError};
use crate::group::Writer;
use crate::ownership::Ownership;
use crate::plan::Member;
use crate::sql::{self, Bound};
use crate::store::{Change, HostInfo, ReadError, Select, Store};
use async_trait::async_trait;
use sqlx::sqlite::{SqliteArguments, SqlitePool};
use sqlx::{AssertSqlSafe, Error};
use std::sync::Arc;
use tokio::sync::mpsc::UnboundedReceiver;

/// One host's view of a SQLite database that it alone has open.
#[derive(Debug)]
pub struct SqliteStore {
    writer: Writer,
    readers: SqlitePool,
    ownership: Arc<Ownership>,
    buckets: i32,
    host: String,
}

impl SqliteStore {
    /// Opens the database, makes it if it is not there, and takes all its buckets.
    ///
    /// # Errors
    /// See `OpenError`: each says what to do.
    pub async fn open(options: Options) -> Result<SqliteStore, OpenError> {
        open::open(options).await
    }

    fn member(&self, commit: Commit) -> Result<Member, CommitError> {
        let fence = self.ownership.fence(&commit)?;
        Member::of(commit, fence)
    }
}

type Query<'q> = sqlx::query::Query<'q, sqlx::Sqlite, SqliteArguments>;

/// The text is the store's own (`sql.rs`); what comes from outside is bound.
fn query<'q>(sql: String, bound: Vec<Bound>) -> Query<'q> {
    bound.into_iter().fold(
        sqlx::query(AssertSqlSafe(sql)),
        |query, value| match value {
            Bound::Text(text) => query.bind(text),
            Bound::Int(number) => query.bind(number),
            Bound::Bool(truth) => query.bind(truth),
        },
    )
}

fn unavailable(error: Error) -> ReadError {
    ReadError::Unavailable(error.to_string())
}

#[async_trait]
impl Store for SqliteStore {
    async fn commit(&self, commit: Commit) -> Result<(), CommitError> {
        if commit.is_empty() {
            return Ok(());
        }
        let member = self.member(commit)?;
        self.writer.commit(member).await
    }

    async fn select(&self, select: Select) -> Result<Vec<String>, ReadError> {
        let (text, bound) = sql::select::<Sqlite>(&select)?;
        let rows = query(text, bound)
            .fetch_all(&self.readers)
            .await
            .map_err(unavailable)?;
        rows.iter().map(column).collect()
    }

    async fn count(&self, select: Select) -> Result<i64, ReadError> {
        let (text, bound) = sql::count::<Sqlite>(&select)?;
        let row = query(text, bound)
            .fetch_one(&self.readers)
            .await
            .map_err(unavailable)?;
        column(&row)
    }

    async fn put_blob(&self, digest: &str, bytes: Vec<u8>) -> Result<(), CommitError> {
        let blob = Some((digest.to_owned(), bytes));
        self.writer
            .commit(Member {
                blob,
                ..Member::default()
            })
            .await
    }

    async fn blob(&self, digest: &str) -> Result<Option<Vec<u8>>, ReadError> {
        let row = sqlx::query("SELECT bytes FROM blob WHERE digest = ?")
            .bind(digest.to_owned())
            .fetch_optional(&self.readers)
            .await
            .map_err(unavailable)?;
        row.as_ref().map(column).transpose()
    }

    fn buckets(&self) -> i32 {
        self.buckets
    }

    fn host(&self) -> &str {
        &self.host
    }

    fn owned(&self) -> Vec<i32> {
        self.ownership.buckets()
    }

    fn epoch(&self, bucket: i32) -> Option<i64> {
        self.ownership.epoch(bucket)
    }

    fn changes(&self) -> UnboundedReceiver<Change> {
        // The one host of the file owns all of it: nothing changes hands after that.
        let (sender, changes) = tokio::sync::mpsc::unbounded_channel();
        for bucket in self.ownership.buckets() {
            let _ = sender.send(Change::Taken(bucket));
        }
        changes
    }

    fn join(&self) {}

    async fn release(&self, _bucket: i32) -> Result<(), ReadError> {
        Ok(())
    }

    async fn hosts(&self) -> Result<Vec<HostInfo>, ReadError> {
        Ok(vec![HostInfo {
            id: self.host.clone(),
            buckets: self.ownership.buckets().len(),
            lease_ms: None,
        }])
    }

    fn living(&self) -> usize {
        1
    }

    async fn close(&self) {
        self.readers.close().await;
        self.writer.close().await;
    }
}

/// The only column of a row.
fn column<'r, T>(row: &'r sqlx::sqlite::SqliteRow) -> Result<T, ReadError>
where
    T: sqlx::Decode<'r, sqlx::Sqlite> + sqlx::Type<sqlx::Sqlite>,
{
    sqlx::Row::try_get(row, 0).map_err(unavailable)
}
