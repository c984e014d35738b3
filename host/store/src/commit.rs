//! A commit: the rows of one bucket that change together, as data.
//!
//! Why data and not SQL in closures: commits of many runs are merged into one transaction with one
//! statement for each table (group commit), and the same commit means the same on both databases.
//!
//! What must hold: a commit is applied whole or not at all; it touches one bucket (or, for control
//! records, none); it is refused if this host no longer owns the bucket; when `Store::commit`
//! returns `Ok`, it survives whatever dies.

use crate::table::{Record, Table};
use serde_json::Value;

/// One change of one row.
#[derive(Debug, Clone)]
pub enum Write {
    /// Adds the row; if its key is taken, the whole commit is refused as `CommitError::Exists`.
    Insert {
        /// The table.
        table: &'static Table,
        /// The row's JSON form.
        row: String,
    },
    /// Adds the row, or replaces the one with its key. Not for append-only tables.
    Put {
        /// The table.
        table: &'static Table,
        /// The row's JSON form.
        row: String,
    },
    /// Removes the rows whose first key columns have these values (`bucket` is the first).
    Delete {
        /// The table.
        table: &'static Table,
        /// Values of the first key columns, in order.
        key: Vec<Value>,
    },
}

impl Write {
    /// Whose row is changed.
    #[must_use]
    pub fn table(&self) -> &'static Table {
        match self {
            Write::Insert { table, .. }
            | Write::Put { table, .. }
            | Write::Delete { table, .. } => table,
        }
    }
}

/// Who is told when a commit is durable. A hint: what is told stands in the database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Notice {
    /// The owner of the commit's bucket, if that is another host: `Change::Knock`.
    Owner,
    /// A host: `Change::Notice`.
    Host {
        /// Its id.
        host: String,
        /// At most 4,000 bytes.
        text: String,
    },
    /// Every other host: `Change::Notice`.
    All {
        /// At most 4,000 bytes.
        text: String,
    },
}

/// Rows that change together. Within a commit deletes come first, then inserts, then puts.
#[derive(Debug, Clone, Default)]
pub struct Commit {
    /// The bucket; none for control records.
    pub bucket: Option<i32>,
    /// Under which epoch what it rests on was read; a bucket that was lost and taken again in
    /// between is `Fenced`. Where none is given, whatever epoch holds when it is handed in.
    pub epoch: Option<i64>,
    /// The changes.
    pub writes: Vec<Write>,
    /// Who is told.
    pub notices: Vec<Notice>,
}

impl Commit {
    /// A commit of a bucket's records.
    #[must_use]
    pub fn of(bucket: i32) -> Commit {
        Commit {
            bucket: Some(bucket),
            ..Commit::default()
        }
    }

    /// A commit of control records.
    #[must_use]
    pub fn control() -> Commit {
        Commit::default()
    }

    /// Whether it changes nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.writes.is_empty()
    }

    /// Adds a row that must be new.
    pub fn insert<R: Record>(&mut self, record: &R) -> &mut Commit {
        self.check(record);
        self.writes.push(Write::Insert {
            table: R::TABLE,
            row: json(record),
        });
        self
    }

    /// Adds or replaces a row. A row of an append-only table is inserted.
    pub fn put<R: Record>(&mut self, record: &R) -> &mut Commit {
        self.check(record);
        let row = json(record);
        self.writes.push(if R::TABLE.append_only {
            Write::Insert {
                table: R::TABLE,
                row,
            }
        } else {
            Write::Put {
                table: R::TABLE,
                row,
            }
        });
        self
    }

    /// Removes the rows whose first key columns have these values. For a bucketed table the bucket
    /// is put in front; give the rest.
    pub fn delete<R: Record>(&mut self, key: impl IntoIterator<Item = Value>) -> &mut Commit {
        let bucket = if R::TABLE.bucketed {
            self.bucket.map(Value::from)
        } else {
            None
        };
        self.writes.push(Write::Delete {
            table: R::TABLE,
            key: bucket.into_iter().chain(key).collect(),
        });
        self
    }

    /// Whether only rows are written that any host may write, owner of their bucket or not.
    #[must_use]
    pub fn is_shared(&self) -> bool {
        self.writes.iter().all(|write| write.table().shared)
    }

    fn check<R: Record>(&self, record: &R) {
        debug_assert_eq!(
            record.bucket(),
            self.bucket,
            "a commit touches one bucket; a row of `{}` is of another",
            R::TABLE.name
        );
    }
}

#[expect(
    clippy::expect_used,
    reason = "records are plain structs of text, numbers and JSON"
)]
fn json<R: Record>(record: &R) -> String {
    serde_json::to_string(record).expect("a record has a JSON form")
}

/// Why a commit was not applied, by what the caller can do.
#[derive(Debug, thiserror::Error, Clone)]
pub enum CommitError {
    /// A row that must be new is there already: the caller decides what that means.
    #[error("a row with this key exists already in `{table}`")]
    Exists {
        /// The table.
        table: &'static str,
    },
    /// This host no longer owns the bucket: forget what is in memory of it.
    #[error("bucket {bucket} belongs to another host now")]
    Fenced {
        /// The bucket.
        bucket: i32,
    },
    /// Nothing was written and the same commit may be tried again (locked, busy, disk full, gone).
    #[error("the database does not take writes at the moment: {0}")]
    Unavailable(String),
    /// Nobody knows whether it was written: forget what is in memory and load it again.
    #[error("the database connection broke during a commit: {0}")]
    Unknown(String),
    /// The commit itself is wrong: a defect.
    #[error("the database refuses this commit: {0}")]
    Invalid(String),
}
