//! The store: records in, records out. One trait, two backends, one suite of tests.
//!
//! A `Store` is one host's view of the database: it knows which host it is, which buckets it owns
//! and under which epoch, and puts the fence into every commit by itself.

use crate::commit::{Commit, CommitError};
use crate::query::Query;
use crate::table::{Record, Table};
use async_trait::async_trait;
use serde_json::Value;
use std::sync::Arc;
use tokio::sync::mpsc::UnboundedReceiver;

/// Why a read failed.
#[derive(Debug, thiserror::Error, Clone)]
pub enum ReadError {
    /// May succeed later.
    #[error("the database cannot be read at the moment: {0}")]
    Unavailable(String),
    /// A row does not have the form of its record: a defect, or a database of another version.
    #[error("a row of `{table}` cannot be read: {reason}")]
    Corrupt {
        /// The table.
        table: &'static str,
        /// What is wrong with it.
        reason: String,
    },
}

/// A query without its record's type.
#[derive(Debug, Clone)]
pub struct Select {
    /// The table.
    pub table: &'static Table,
    /// As in `Query`.
    pub filters: Vec<(&'static str, crate::query::Is, Value)>,
    /// As in `Query`.
    pub order: Option<(&'static str, bool)>,
    /// As in `Query`.
    pub limit: Option<i64>,
}

impl Select {
    /// All rows of a table, in the order of its key.
    #[must_use]
    pub fn everything(table: &'static Table) -> Select {
        Select {
            table,
            filters: Vec::new(),
            order: table.key.first().map(|first| (*first, false)),
            limit: None,
        }
    }
}

/// What happened beside this host's own work. Buckets change hands on a database that several
/// hosts share; what another host did is told as a hint, and found by looking all the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// The bucket is this host's now: load what it holds.
    Taken(i32),
    /// Another host is to have the bucket: bring what is under way to its next commit and call
    /// `release`. Until then commits on it pass.
    Leaving(i32),
    /// The bucket is another's, or the lease has lapsed: forget everything of it.
    Lost(i32),
    /// Another host has put something into this bucket of ours.
    Knock(i32),
    /// Another host has changed control records: forget the copies.
    Control,
    /// A notice to this host.
    Notice(String),
}

/// A living host.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct HostInfo {
    /// Its id, new at every start.
    pub id: String,
    /// How many buckets it owns.
    pub buckets: usize,
    /// How long its lease lasts if it is not renewed; none where a host is alone by nature.
    pub lease_ms: Option<i64>,
}

/// One host's view of the database.
#[async_trait]
pub trait Store: Send + Sync + 'static {
    /// Applies a commit; when it returns `Ok`, the commit is durable.
    ///
    /// # Errors
    /// See `CommitError`; but for `Unknown` nothing was written.
    async fn commit(&self, commit: Commit) -> Result<(), CommitError>;

    /// The rows that a query means, each in its JSON form.
    ///
    /// # Errors
    /// `Unavailable` when the database does not answer.
    async fn select(&self, select: Select) -> Result<Vec<String>, ReadError>;

    /// How many rows a query means (its limit and order do not count).
    ///
    /// # Errors
    /// `Unavailable` when the database does not answer.
    async fn count(&self, select: Select) -> Result<i64, ReadError>;

    /// Keeps bytes under their digest (`sha256:...`). Keeping the same twice is no error.
    ///
    /// # Errors
    /// As `commit`.
    async fn put_blob(&self, digest: &str, bytes: Vec<u8>) -> Result<(), CommitError>;

    /// The bytes of a digest.
    ///
    /// # Errors
    /// `Unavailable` when the database does not answer.
    async fn blob(&self, digest: &str) -> Result<Option<Vec<u8>>, ReadError>;

    /// How many buckets this database has; fixed when it was made.
    fn buckets(&self) -> i32;

    /// This host's id; on a database that several share, another one at every start.
    fn host(&self) -> &str;

    /// The buckets that this host owns now.
    fn owned(&self) -> Vec<i32>;

    /// The epoch under which this host owns the bucket, if it does.
    fn epoch(&self, bucket: i32) -> Option<i64>;

    /// What happens beside this host's own work. It begins with `Taken` for every bucket that this
    /// host owns already. Called once.
    fn changes(&self) -> UnboundedReceiver<Change>;

    /// Takes part in the work, where the store was opened to wait for this.
    fn join(&self);

    /// Gives a bucket back that was drained, for another host to take at once.
    ///
    /// # Errors
    /// When the database does not answer; the bucket is not this host's any more all the same.
    async fn release(&self, bucket: i32) -> Result<(), ReadError>;

    /// The living hosts.
    ///
    /// # Errors
    /// `Unavailable` when the database does not answer.
    async fn hosts(&self) -> Result<Vec<HostInfo>, ReadError>;

    /// How many hosts were alive when this one last looked; at least 1.
    fn living(&self) -> usize;

    /// Waits for what is under way and closes the database.
    async fn close(&self);
}

/// A handle that many parts share.
pub type SharedStore = Arc<dyn Store>;

/// Typed reading on top of a store.
#[async_trait]
pub trait StoreExt {
    /// The rows that a query means.
    async fn find<R: Record>(&self, query: Query<R>) -> Result<Vec<R>, ReadError>;

    /// The first row that a query means.
    async fn first<R: Record>(&self, query: Query<R>) -> Result<Option<R>, ReadError>;

    /// How many rows a query means.
    async fn total<R: Record>(&self, query: Query<R>) -> Result<i64, ReadError>;
}

fn select<R: Record>(query: Query<R>) -> Select {
    Select {
        table: R::TABLE,
        filters: query.filters,
        order: query.order,
        limit: query.limit,
    }
}

#[async_trait]
impl<S: Store + ?Sized> StoreExt for S {
    async fn find<R: Record>(&self, query: Query<R>) -> Result<Vec<R>, ReadError> {
        let rows = self.select(select(query)).await?;
        rows.iter()
            .map(|row| {
                serde_json::from_str(row).map_err(|error| ReadError::Corrupt {
                    table: R::TABLE.name,
                    reason: error.to_string(),
                })
            })
            .collect()
    }

    async fn first<R: Record>(&self, query: Query<R>) -> Result<Option<R>, ReadError> {
        Ok(self.find(query.limit(1)).await?.into_iter().next())
    }

    async fn total<R: Record>(&self, query: Query<R>) -> Result<i64, ReadError> {
        self.count(select(query)).await
    }
}
