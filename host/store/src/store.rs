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

    /// The buckets that this host owns now.
    fn owned(&self) -> Vec<i32>;

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
