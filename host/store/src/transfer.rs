//! Moving everything from one database to another, and looking whether all is well in one.
//!
//! A copy goes either way between the backends (`Side`), table by table in the order of the keys, a
//! page of rows a statement. What must hold: the whole copy is one transaction of the target, and
//! it is committed only after every row was read back from it and is what the source has; the source
//! is not changed; no host works on either side meanwhile; a target that holds anything is refused.

mod check;
mod side;

pub use check::{Finding, Report, check};

pub(crate) use side::{Side, Use};

use crate::records::TABLES;
use crate::table::Table;
use crate::{postgres, sqlite};
use futures::stream::TryStreamExt as _;
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use sqlx::Error;
use std::path::PathBuf;

/// Rows in one statement at most, and bytes (a single row may be larger).
const PAGE: (usize, usize) = (1_000, 1 << 20);
/// The table of bytes by their digest, which holds no records.
const BLOBS: &str = "blob";

/// Where a database is.
#[derive(Clone, PartialEq, Eq)]
pub enum Place {
    /// A SQLite file.
    Sqlite(PathBuf),
    /// The address of a PostgreSQL database.
    Postgres(String),
}

impl Place {
    /// An address that begins with `postgres://` or `postgresql://`, or else the path of a file.
    #[must_use]
    pub fn of(text: &str) -> Place {
        let forms = ["postgres://", "postgresql://"];
        if forms.iter().any(|form| text.starts_with(form)) {
            Place::Postgres(text.to_owned())
        } else {
            Place::Sqlite(text.into())
        }
    }
}

impl std::fmt::Debug for Place {
    /// Without the address, which holds a password.
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Place::Sqlite(path) => write!(formatter, "Sqlite({})", path.display()),
            Place::Postgres(_) => formatter.write_str("Postgres(…)"),
        }
    }
}

/// How far a copy has come in one table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// The table.
    pub table: &'static str,
    /// What is done in it.
    pub step: Step,
    /// Rows so far.
    pub done: u64,
    /// Rows in all.
    pub total: u64,
}

/// The two things that are done with each table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Rows are written.
    Copying,
    /// They are read back and compared.
    Comparing,
}

/// What was copied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Copied {
    /// Every table and how many rows it had.
    pub tables: Vec<(&'static str, u64)>,
    /// The number of buckets, which the target now has too.
    pub buckets: i32,
}

/// Why nothing was copied.
#[derive(Debug, thiserror::Error)]
pub enum TransferError {
    /// A file cannot be opened.
    #[error(transparent)]
    Sqlite(#[from] sqlite::OpenError),
    /// A server's database cannot be opened.
    #[error(transparent)]
    Postgres(#[from] postgres::OpenError),
    /// There is no such file.
    #[error("there is no database at `{0}`")]
    Missing(PathBuf),
    /// A host works on it.
    #[error("a host works on {place} ({host}); stop it first")]
    InUse {
        /// Which database.
        place: String,
        /// The host.
        host: String,
    },
    /// The target holds something already.
    #[error("{place} has rows in `{table}` already; copy into a new database")]
    NotEmpty {
        /// Which database.
        place: String,
        /// The first table that holds anything.
        table: &'static str,
    },
    /// The source was made by another version.
    #[error(
        "{place} is of another version of Jackfield; start this version on it once, and stop it"
    )]
    Version {
        /// Which database.
        place: String,
    },
    /// The target has another number of buckets.
    #[error("{place} has {found} buckets and not {wanted}; copy into a new database")]
    Buckets {
        /// Which database.
        place: String,
        /// How many it has.
        found: i32,
        /// How many the source has.
        wanted: i32,
    },
    /// What was read back is not what was written. Nothing was kept.
    #[error("rows of `{table}` did not arrive as they were")]
    Differs {
        /// The table.
        table: &'static str,
    },
    /// A database does not answer.
    #[error("{place} does not answer as it should: {error}")]
    Unavailable {
        /// Which database.
        place: String,
        /// What went wrong.
        error: Error,
    },
}

async fn open(place: &Place, purpose: Use) -> Result<Box<dyn Side>, TransferError> {
    Ok(match place {
        Place::Sqlite(path) => Box::new(sqlite::SqliteSide::open(path, purpose).await?),
        Place::Postgres(url) => Box::new(postgres::PostgresSide::open(url, purpose).await?),
    })
}

/// Copies everything. The target must be empty; it is made if it is not there (a PostgreSQL database
/// itself must be).
///
/// # Errors
/// See `TransferError`; nothing is then in the target that was not there before.
pub async fn copy(
    from: &Place,
    to: &Place,
    mut progress: impl FnMut(Progress) + Send,
) -> Result<Copied, TransferError> {
    let mut source = open(from, Use::Source).await?;
    let mut target = open(to, Use::Target(source.buckets())).await?;
    let copied = copy_all(&mut *source, &mut *target, &mut progress).await;
    let place = target.place();
    let unavailable = |error| TransferError::Unavailable { place, error };
    let ended = target.finish(copied.is_ok()).await.map_err(unavailable);
    let _ = source.finish(false).await;
    let copied = copied?;
    ended?;
    Ok(copied)
}

async fn copy_all(
    source: &mut dyn Side,
    target: &mut dyn Side,
    progress: &mut (dyn FnMut(Progress) + Send),
) -> Result<Copied, TransferError> {
    let buckets = source.buckets();
    if target.buckets() != buckets {
        return Err(TransferError::Buckets {
            place: target.place(),
            found: target.buckets(),
            wanted: buckets,
        });
    }
    for table in TABLES.iter().map(|table| table.name).chain([BLOBS]) {
        if count(target, table).await? > 0 {
            let place = target.place();
            return Err(TransferError::NotEmpty { place, table });
        }
    }
    let mut tables = Vec::new();
    for table in TABLES {
        let total = count(source, table.name).await?;
        let sent = copy_table(source, target, table, total, progress).await?;
        let came = digest_of(target, table, total, progress).await?;
        if sent != came || sent.rows != total {
            return Err(TransferError::Differs { table: table.name });
        }
        tables.push((table.name, total));
    }
    tables.push((BLOBS, copy_blobs(source, target, progress).await?));
    Ok(Copied { tables, buckets })
}

/// How many rows a table has.
async fn count(side: &mut dyn Side, table: &str) -> Result<u64, TransferError> {
    let statement = format!("SELECT count(*), NULL FROM {table}");
    match side.ask(statement).await {
        Ok((count, _)) => Ok(count.unsigned_abs()),
        Err(error) => Err(unavailable(side, error)),
    }
}

fn unavailable(side: &dyn Side, error: Error) -> TransferError {
    let place = side.place();
    TransferError::Unavailable { place, error }
}

/// The rows of a table in their order, as something to compare.
#[derive(Default)]
struct Summary {
    rows: u64,
    hash: Sha256,
}

impl Summary {
    /// Two databases write one row differently (spaces, escapes): the values count.
    fn add(&mut self, table: &Table, row: &str) -> Result<(), serde_json::Error> {
        let row: Value = serde_json::from_str(row)?;
        for column in table.columns {
            let value = row.get(column.name).unwrap_or(&Value::Null);
            self.hash.update(value.to_string());
            self.hash.update([b'\n']);
        }
        self.rows += 1;
        Ok(())
    }

    fn end(self) -> Sum {
        Sum {
            rows: self.rows,
            hash: self.hash.finalize().to_vec(),
        }
    }
}

#[derive(PartialEq, Eq)]
struct Sum {
    rows: u64,
    hash: Vec<u8>,
}

async fn copy_table(
    source: &mut dyn Side,
    target: &mut dyn Side,
    table: &'static Table,
    total: u64,
    progress: &mut (dyn FnMut(Progress) + Send),
) -> Result<Sum, TransferError> {
    let place = source.place();
    let mut summary = Summary::default();
    let mut rows = source.rows(table);
    let mut page = String::new();
    let mut in_page = 0;
    loop {
        let row = rows
            .try_next()
            .await
            .map_err(|error| TransferError::Unavailable {
                place: place.clone(),
                error,
            })?;
        let full = in_page == PAGE.0 || page.len() > PAGE.1;
        if in_page > 0 && (full || row.is_none()) {
            page.push(']');
            let written = target.insert(table, std::mem::take(&mut page)).await;
            written.map_err(|error| unavailable(target, error))?;
            in_page = 0;
            progress(Progress {
                table: table.name,
                step: Step::Copying,
                done: summary.rows,
                total,
            });
        }
        let Some(row) = row else {
            return Ok(summary.end());
        };
        let added = summary.add(table, &row);
        added.map_err(|_| TransferError::Differs { table: table.name })?;
        page.push(if in_page == 0 { '[' } else { ',' });
        page.push_str(&row);
        in_page += 1;
    }
}

async fn digest_of(
    side: &mut dyn Side,
    table: &'static Table,
    total: u64,
    progress: &mut (dyn FnMut(Progress) + Send),
) -> Result<Sum, TransferError> {
    let place = side.place();
    let mut summary = Summary::default();
    let mut rows = side.rows(table);
    while let Some(row) = rows
        .try_next()
        .await
        .map_err(|error| TransferError::Unavailable {
            place: place.clone(),
            error,
        })?
    {
        let added = summary.add(table, &row);
        added.map_err(|_| TransferError::Differs { table: table.name })?;
        if summary.rows.is_multiple_of(PAGE.0 as u64) || summary.rows == total {
            progress(Progress {
                table: table.name,
                step: Step::Comparing,
                done: summary.rows,
                total,
            });
        }
    }
    Ok(summary.end())
}

async fn copy_blobs(
    source: &mut dyn Side,
    target: &mut dyn Side,
    progress: &mut (dyn FnMut(Progress) + Send),
) -> Result<u64, TransferError> {
    let total = count(source, BLOBS).await?;
    let place = source.place();
    let mut sent = Summary::default();
    let mut blobs = source.blobs();
    while let Some((digest, bytes)) =
        blobs
            .try_next()
            .await
            .map_err(|error| TransferError::Unavailable {
                place: place.clone(),
                error,
            })?
    {
        add_blob(&mut sent, &digest, &bytes);
        let written = target.insert_blob(digest, bytes).await;
        written.map_err(|error| unavailable(target, error))?;
        progress(Progress {
            table: BLOBS,
            step: Step::Copying,
            done: sent.rows,
            total,
        });
    }
    drop(blobs);
    let place = target.place();
    let mut came = Summary::default();
    let mut blobs = target.blobs();
    while let Some((digest, bytes)) =
        blobs
            .try_next()
            .await
            .map_err(|error| TransferError::Unavailable {
                place: place.clone(),
                error,
            })?
    {
        add_blob(&mut came, &digest, &bytes);
    }
    if sent.end() != came.end() {
        return Err(TransferError::Differs { table: BLOBS });
    }
    Ok(total)
}

fn add_blob(summary: &mut Summary, digest: &str, bytes: &[u8]) {
    summary.hash.update(digest);
    summary.hash.update(bytes.len().to_be_bytes());
    summary.hash.update(bytes);
    summary.rows += 1;
}
