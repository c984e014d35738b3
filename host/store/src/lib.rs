//! The store: SQLite (and PostgreSQL) behind one trait. Records in, records out, group commit.
//!
//! It knows nothing of workflows, plugins or messages beyond the shape of their rows. Everything
//! durable belongs to one of a fixed number of buckets; a commit is the rows of one bucket that
//! change together, fenced by the bucket's epoch; commits of many callers are merged into one
//! transaction while the previous one is being made durable.
//!
//! Read `records.rs` for what is kept, `commit.rs` for how it changes, `query.rs` for how it is
//! read; the rest needs reading only to change a backend: `row.rs` and `plan.rs` merge commits,
//! `group.rs` is the writer, `sql.rs` makes statements from tables, `sqlite/` is the embedded
//! backend, `postgres/` the one that several hosts share.

mod commit;
#[cfg(feature = "faults")]
mod faults;
mod group;
mod id;
mod meter;
mod ownership;
mod plan;
pub mod postgres;
mod query;
pub mod records;
mod row;
mod sql;
pub mod sqlite;
mod store;
mod table;
pub mod transfer;

pub use commit::{Commit, CommitError, Notice, Write};
pub use id::{DEFAULT_BUCKETS, bucket_in, bucket_of, first_id, new_id, observe};
pub use postgres::PostgresStore;
pub use query::{Is, Query};
pub use sqlite::SqliteStore;
pub use store::{Change, HostInfo, ReadError, Select, SharedStore, Store, StoreExt};
pub use table::{Column, Kind, Record, Table};
