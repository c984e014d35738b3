//! Reading: a filter over one table, as data, the same on both databases.
//!
//! Every query of a bucketed table names its bucket, or says that it means all buckets (lists of
//! the API, recovery at start). Pages are by cursor: `after` the last row's sort column.

use crate::table::Record;
use serde_json::Value;
use std::marker::PhantomData;

/// How a column is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Is {
    /// `=`; with null: `IS NULL`.
    Equal,
    /// `<>`; with null: `IS NOT NULL`.
    NotEqual,
    /// `<`
    Less,
    /// `<=`
    AtMost,
    /// `>`
    Greater,
    /// `>=`
    AtLeast,
    /// One of a list.
    In,
    /// Begins with the text (case counts).
    Prefix,
}

/// A filter over the rows of one table.
#[derive(Debug, Clone)]
pub struct Query<R> {
    /// Conditions, all of which must hold.
    pub filters: Vec<(&'static str, Is, Value)>,
    /// The column to sort by, and whether descending.
    pub order: Option<(&'static str, bool)>,
    /// At most so many rows.
    pub limit: Option<i64>,
    record: PhantomData<fn() -> R>,
}

impl<R: Record> Default for Query<R> {
    fn default() -> Self {
        Query {
            filters: Vec::new(),
            order: None,
            limit: None,
            record: PhantomData,
        }
    }
}

impl<R: Record> Query<R> {
    /// All rows of the table.
    #[must_use]
    pub fn all() -> Self {
        Self::default()
    }

    /// The rows of one bucket.
    #[must_use]
    pub fn of(bucket: i32) -> Self {
        Self::default().equal("bucket", bucket)
    }

    /// Only rows whose column compares so.
    #[must_use]
    pub fn filter(mut self, column: &'static str, is: Is, value: impl Into<Value>) -> Self {
        self.filters.push((column, is, value.into()));
        self
    }

    /// Only rows whose column has this value.
    #[must_use]
    pub fn equal(self, column: &'static str, value: impl Into<Value>) -> Self {
        self.filter(column, Is::Equal, value)
    }

    /// Sorted upwards by a column.
    #[must_use]
    pub fn ascending(mut self, column: &'static str) -> Self {
        self.order = Some((column, false));
        self
    }

    /// Sorted downwards by a column.
    #[must_use]
    pub fn descending(mut self, column: &'static str) -> Self {
        self.order = Some((column, true));
        self
    }

    /// At most so many rows.
    #[must_use]
    pub fn limit(mut self, rows: i64) -> Self {
        self.limit = Some(rows);
        self
    }
}
