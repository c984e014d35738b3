//! A database file seen from outside: by the doctor, and by whoever makes a copy of it.
//!
//! It takes no lock and owns no bucket, so it works beside a host that runs and on a database that
//! nobody has open; it brings nothing up to date and refuses every commit. What it reads while a
//! host writes is one moment of the past for each query.

use super::open::{MIGRATIONS, OpenError, damaged, read_options};
use super::{Sqlite, column, query, unavailable};
use crate::commit::{Commit, CommitError};
use crate::records::TABLES;
use crate::sql;
use crate::store::{Change, HostInfo, ReadError, Select, Store};
use async_trait::async_trait;
use sqlx::migrate::Migrator;
use sqlx::sqlite::{SqlitePool, SqlitePoolOptions};
use std::path::Path;
use tokio::sync::mpsc::UnboundedReceiver;

/// Reads a database file.
#[derive(Debug)]
pub struct SqliteReader {
    pool: SqlitePool,
    buckets: i32,
}

/// How far a database has been brought up to date.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Migrations {
    /// How many were applied.
    pub applied: usize,
    /// Those that this version knows and the database lacks: the next start applies them.
    pub missing: Vec<i64>,
    /// Those that this version does not know, or knows otherwise: it is of another version.
    pub foreign: Vec<i64>,
}

impl Migrations {
    /// From what is known here, and what was applied: version and checksum.
    pub(crate) fn of(known: &Migrator, applied: &[(i64, Vec<u8>)]) -> Migrations {
        let here = |version: i64| known.iter().find(|one| one.version == version);
        let foreign = applied.iter().filter(|(version, checksum)| {
            here(*version).is_none_or(|one| one.checksum.as_ref() != checksum.as_slice())
        });
        let missing = known
            .iter()
            .map(|one| one.version)
            .filter(|one| applied.iter().all(|(version, _)| version != one));
        Migrations {
            foreign: foreign.map(|(version, _)| *version).collect(),
            missing: missing.collect(),
            applied: applied.len(),
        }
    }
}

/// What a database file holds, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size {
    /// Its pages.
    pub bytes: u64,
    /// Those of them that hold nothing: they are used again before the file grows.
    pub free: u64,
}

impl SqliteReader {
    /// Opens a file that is there.
    ///
    /// # Errors
    /// `Damaged` when it is no database of Jackfield.
    pub async fn open(path: &Path) -> Result<SqliteReader, OpenError> {
        let pool = SqlitePoolOptions::new()
            .max_connections(2)
            .connect_with(read_options(path))
            .await
            .map_err(|error| damaged(path, error))?;
        let buckets: Option<String> =
            sqlx::query_scalar("SELECT value FROM meta WHERE key = 'buckets'")
                .fetch_optional(&pool)
                .await
                .map_err(|error| match &error {
                    // There is no such table.
                    sqlx::Error::Database(said) if said.message().contains("no such table") => {
                        OpenError::Damaged {
                            path: path.to_owned(),
                            reason: "it is no database of Jackfield".to_owned(),
                        }
                    }
                    _ => damaged(path, error),
                })?;
        let buckets = buckets.and_then(|buckets| buckets.parse().ok());
        let buckets = buckets.ok_or_else(|| OpenError::Damaged {
            path: path.to_owned(),
            reason: "it does not say how many buckets it has".to_owned(),
        })?;
        Ok(SqliteReader { pool, buckets })
    }

    /// Looks at every page; answers with the first thing that is wrong. Takes as long as reading
    /// the whole file.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub async fn quick_check(&self) -> Result<Option<String>, ReadError> {
        let found: String = sqlx::query_scalar("PRAGMA quick_check(1)")
            .fetch_one(&self.pool)
            .await
            .map_err(unavailable)?;
        Ok((found != "ok").then_some(found))
    }

    /// How far it has been brought up to date.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub async fn migrations(&self) -> Result<Migrations, ReadError> {
        let applied: Vec<(i64, Vec<u8>)> =
            sqlx::query_as("SELECT version, checksum FROM _sqlx_migrations WHERE success")
                .fetch_all(&self.pool)
                .await
                .map_err(unavailable)?;
        Ok(Migrations::of(&MIGRATIONS, &applied))
    }

    /// How large it is.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub async fn size(&self) -> Result<Size, ReadError> {
        let (pages, free, page): (i64, i64, i64) = sqlx::query_as(
            "SELECT * FROM pragma_page_count(), pragma_freelist_count(), pragma_page_size()",
        )
        .fetch_one(&self.pool)
        .await
        .map_err(unavailable)?;
        let bytes = |pages: i64| pages.unsigned_abs() * page.unsigned_abs();
        Ok(Size {
            bytes: bytes(pages),
            free: bytes(free),
        })
    }

    /// When a host last began to work on it, in milliseconds since 1970.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub async fn last_start(&self) -> Result<Option<i64>, ReadError> {
        sqlx::query_scalar("SELECT max(lease_until) FROM host")
            .fetch_one(&self.pool)
            .await
            .map_err(unavailable)
    }

    /// How many rows each table has.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub async fn counts(&self) -> Result<Vec<(&'static str, i64)>, ReadError> {
        let mut counts = Vec::with_capacity(TABLES.len());
        for table in TABLES {
            let everything = Select {
                table,
                filters: Vec::new(),
                order: None,
                limit: None,
            };
            counts.push((table.name, self.count(everything).await?));
        }
        Ok(counts)
    }

    /// Writes a copy of one moment into a file that is empty or not there, while a host may go on
    /// writing. The copy has no free pages; it is not synced yet. Until it ends, the write-ahead
    /// log of the host cannot begin anew.
    ///
    /// # Errors
    /// When the file cannot be read or the copy not be written.
    pub async fn copy_to(&self, path: &Path) -> Result<(), ReadError> {
        let name = path
            .to_str()
            .ok_or_else(|| ReadError::Unavailable(format!("{} is no UTF-8", path.display())))?;
        sqlx::query("VACUUM INTO ?")
            .bind(name.to_owned())
            .execute(&self.pool)
            .await
            .map_err(unavailable)?;
        Ok(())
    }
}

/// What is said to whoever wants to write.
fn read_only() -> CommitError {
    CommitError::Unavailable("the database is open for reading alone".to_owned())
}

#[async_trait]
impl Store for SqliteReader {
    async fn commit(&self, _: Commit) -> Result<(), CommitError> {
        Err(read_only())
    }

    async fn select(&self, select: Select) -> Result<Vec<String>, ReadError> {
        let (text, bound) = sql::select::<Sqlite>(&select)?;
        let rows = query(text, bound).fetch_all(&self.pool).await;
        rows.map_err(unavailable)?.iter().map(column).collect()
    }

    async fn count(&self, select: Select) -> Result<i64, ReadError> {
        let (text, bound) = sql::count::<Sqlite>(&select)?;
        let row = query(text, bound).fetch_one(&self.pool).await;
        column(&row.map_err(unavailable)?)
    }

    async fn put_blob(&self, _: &str, _: Vec<u8>) -> Result<(), CommitError> {
        Err(read_only())
    }

    async fn blob(&self, digest: &str) -> Result<Option<Vec<u8>>, ReadError> {
        let row = sqlx::query("SELECT bytes FROM blob WHERE digest = ?")
            .bind(digest.to_owned())
            .fetch_optional(&self.pool)
            .await
            .map_err(unavailable)?;
        row.as_ref().map(column).transpose()
    }

    fn buckets(&self) -> i32 {
        self.buckets
    }

    fn host(&self) -> &str {
        ""
    }

    fn owned(&self) -> Vec<i32> {
        Vec::new()
    }

    fn epoch(&self, _: i32) -> Option<i64> {
        None
    }

    fn changes(&self) -> UnboundedReceiver<Change> {
        tokio::sync::mpsc::unbounded_channel().1
    }

    fn join(&self) {}

    async fn release(&self, _: i32) -> Result<(), ReadError> {
        Ok(())
    }

    async fn hosts(&self) -> Result<Vec<HostInfo>, ReadError> {
        Ok(Vec::new())
    }

    fn living(&self) -> usize {
        1
    }

    async fn close(&self) {
        self.pool.close().await;
    }
}
