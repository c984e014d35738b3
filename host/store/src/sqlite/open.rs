//! Opening a database file: the lock, the check, the migrations, the buckets.
//!
//! Why a lock file beside the database: SQLite itself would let two processes write in turn, and
//! each would believe that it owns every bucket. The operating system releases the lock with the
//! process, however it ends, so after a crash the next one opens at once. The epochs are counted up
//! all the same: a commit of an earlier owner that is still under way is then refused.

use super::writer::{Connection, code};
use super::{SqliteStore, Writer};
use crate::ownership::Ownership;
use sqlx::migrate::{MigrateError, Migrator};
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};
use sqlx::{ConnectOptions as _, Row as _};
use std::collections::BTreeMap;
use std::fs::{File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

pub(super) static MIGRATIONS: Migrator = sqlx::migrate!("migrations/sqlite");

/// How long a statement waits for a lock that another program holds on the file.
const BUSY: Duration = Duration::from_secs(5);
/// How long a reader waits for a free connection.
const ACQUIRE: Duration = Duration::from_secs(10);
/// The largest file that is checked at every start: a fraction of a second.
const CHECKED: u64 = 64 << 20;
/// Only for new databases; see `dialect.rs` for what was measured.
const PAGE_BYTES: u32 = 8_192;
/// Prepared texts: each mixture of tables in a transaction is one.
const TEXTS: usize = 256;

/// The time, in milliseconds since 1970.
pub type Clock = Arc<dyn Fn() -> i64 + Send + Sync>;

/// What is needed to open a database.
#[derive(Clone)]
pub struct Options {
    /// The file; its folder is made if it is not there.
    pub path: PathBuf,
    /// This host's name.
    pub host: String,
    /// How many buckets a new database gets, 1 to 65536. An existing one keeps its number.
    pub buckets: i32,
    /// The clock.
    pub now: Clock,
    /// Every page of a file of so many bytes at most is checked before use (`PRAGMA quick_check`),
    /// which takes as long as reading it. Larger ones are checked when somebody asks.
    pub check_up_to: u64,
    /// The file never grows beyond so many bytes, if given; commits are then `Unavailable`.
    pub max_bytes: Option<u64>,
}

impl Options {
    /// The default settings for a file.
    #[must_use]
    pub fn new(path: impl Into<PathBuf>, host: impl Into<String>, now: Clock) -> Options {
        Options {
            path: path.into(),
            host: host.into(),
            buckets: crate::id::DEFAULT_BUCKETS,
            now,
            check_up_to: CHECKED,
            max_bytes: None,
        }
    }
}

impl std::fmt::Debug for Options {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Options")
            .field("path", &self.path)
            .field("host", &self.host)
            .field("buckets", &self.buckets)
            .finish_non_exhaustive()
    }
}

/// Why a database was not opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process works on it.
    #[error("another process has `{path}` open; stop it first, or use another data folder")]
    Locked {
        /// The database file.
        path: PathBuf,
    },
    /// The file or its folder cannot be used.
    #[error("`{path}` cannot be used: {source}; check the folder, its owner and its permissions")]
    Folder {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// The file is no database, or a page of it is broken.
    #[error("`{path}` is damaged ({reason}); restore it from a backup")]
    Damaged {
        /// The database file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The database was made by a newer Jackfield.
    #[error(
        "the database is of a newer version of Jackfield (migration {migration} is not known here); \
         use that version"
    )]
    Newer {
        /// The first migration that is not known.
        migration: i64,
    },
    /// The number of buckets of a new database makes no sense.
    #[error("a database has 1 to 65536 buckets, not {0}")]
    Buckets(i32),
    /// A migration failed; nothing of it was kept.
    #[error("the database could not be brought up to date: {0}")]
    Migration(MigrateError),
    /// The database does not answer.
    #[error("the database cannot be opened: {0}")]
    Unavailable(sqlx::Error),
}

impl From<sqlx::Error> for OpenError {
    fn from(error: sqlx::Error) -> OpenError {
        OpenError::Unavailable(error)
    }
}

/// The lock on a database, released when it is dropped or the process ends.
pub(super) struct Lock(#[expect(dead_code, reason = "held, not read")] File);

pub(super) fn lock(path: &Path) -> Result<Lock, OpenError> {
    let mut name = path.as_os_str().to_owned();
    name.push(".lock");
    let name = PathBuf::from(name);
    let folder = |source| OpenError::Folder {
        path: name.clone(),
        source,
    };
    let mut options = OpenOptions::new();
    let file = options
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(&name);
    let file = file.map_err(folder)?;
    match file.try_lock() {
        Ok(()) => Ok(Lock(file)),
        Err(TryLockError::WouldBlock) => Err(OpenError::Locked {
            path: path.to_owned(),
        }),
        Err(TryLockError::Error(source)) => Err(folder(source)),
    }
}

/// The file's path without links in it, so that two names of one file are one lock.
pub(super) fn resolve(path: &Path) -> Result<PathBuf, OpenError> {
    let folder = |source| OpenError::Folder {
        path: path.to_owned(),
        source,
    };
    if let Ok(path) = path.canonicalize() {
        return Ok(path);
    }
    let parent = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    std::fs::create_dir_all(parent).map_err(folder)?;
    let name = path.file_name().ok_or_else(|| {
        folder(std::io::Error::new(
            std::io::ErrorKind::InvalidInput,
            "it names no file",
        ))
    })?;
    Ok(parent.canonicalize().map_err(folder)?.join(name))
}

fn connect_options(options: &Options, path: &Path) -> SqliteConnectOptions {
    let mut connect = SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(true)
        .page_size(PAGE_BYTES)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        .busy_timeout(BUSY)
        .statement_cache_capacity(TEXTS)
        .pragma("temp_store", "MEMORY")
        // 64 MiB: the pages of hot runs and of the indexes' ends.
        .pragma("cache_size", "-65536")
        // In pages, 32 MiB: each checkpoint writes a page once, however often it changed.
        .pragma("wal_autocheckpoint", "4000")
        .pragma("journal_size_limit", "67108864")
        .disable_statement_logging();
    if let Some(bytes) = options.max_bytes {
        connect = connect.pragma(
            "max_page_count",
            (bytes / u64::from(PAGE_BYTES)).to_string(),
        );
    }
    connect
}

pub(super) async fn open(options: Options) -> Result<SqliteStore, OpenError> {
    if !(1..=65_536).contains(&options.buckets) {
        return Err(OpenError::Buckets(options.buckets));
    }
    let path = resolve(&options.path)?;
    let lock = lock(&path)?;
    let connect = connect_options(&options, &path);
    let epochs = prepare(&path, &options, connect.clone()).await?;

    let buckets = i32::try_from(epochs.len()).map_err(|_| OpenError::Buckets(options.buckets))?;
    if buckets != options.buckets {
        tracing::info!(
            buckets,
            asked = options.buckets,
            "the database keeps its buckets"
        );
    }
    let ownership = Arc::new(Ownership::of(epochs));
    let readers = std::thread::available_parallelism().map_or(4, |cores| cores.get().clamp(2, 8));
    let readers = SqlitePoolOptions::new()
        .max_connections(u32::try_from(readers).unwrap_or(4))
        .acquire_timeout(ACQUIRE)
        .test_before_acquire(false)
        .idle_timeout(None)
        .max_lifetime(None)
        .connect_with(read_options(&path))
        .await?;
    let host = options.host.clone();
    let connection = Connection::open(connect, options.host, lock).await?;
    let writer = Writer::start(connection, ownership.clone());
    Ok(SqliteStore {
        writer,
        readers,
        ownership,
        buckets,
        host,
    })
}

/// Everything that happens once, before the first reader.
async fn prepare(
    path: &Path,
    options: &Options,
    connect: SqliteConnectOptions,
) -> Result<BTreeMap<i32, i64>, OpenError> {
    // The check reads every page once: a large cache would only stay behind in the allocator.
    let one = SqlitePoolOptions::new()
        .max_connections(1)
        .connect_with(connect.pragma("cache_size", "-2048"));
    let one = one.await.map_err(|error| damaged(path, error))?;
    if std::fs::metadata(path).is_ok_and(|file| file.len() <= options.check_up_to) {
        check(path, &one).await?;
    }
    migrate(&one).await?;
    let epochs = own(path, &one, options).await?;
    one.close().await;
    Ok(epochs)
}

pub(super) fn read_options(path: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .read_only(true)
        .busy_timeout(BUSY)
        .statement_cache_capacity(TEXTS)
        .row_buffer_size(1_024)
        .pragma("temp_store", "MEMORY")
        .pragma("mmap_size", "134217728")
        .disable_statement_logging()
}

/// `SQLITE_CORRUPT` and `SQLITE_NOTADB`.
pub(super) fn damaged(path: &Path, error: sqlx::Error) -> OpenError {
    match code(&error) {
        Some(11 | 26) => OpenError::Damaged {
            path: path.to_owned(),
            reason: error.to_string(),
        },
        _ => OpenError::Unavailable(error),
    }
}

async fn check(path: &Path, connection: &SqlitePool) -> Result<(), OpenError> {
    let found: String = sqlx::query_scalar("PRAGMA quick_check(1)")
        .fetch_one(connection)
        .await
        .map_err(|error| damaged(path, error))?;
    if found == "ok" {
        return Ok(());
    }
    Err(OpenError::Damaged {
        path: path.to_owned(),
        reason: found,
    })
}

async fn migrate(connection: &SqlitePool) -> Result<(), OpenError> {
    MIGRATIONS
        .run(connection)
        .await
        .map_err(|error| match error {
            MigrateError::VersionMissing(migration) => OpenError::Newer { migration },
            other => OpenError::Migration(other),
        })
}

/// Takes all buckets, each under the next epoch. A new database gets its buckets first.
async fn own(
    path: &Path,
    connection: &SqlitePool,
    options: &Options,
) -> Result<BTreeMap<i32, i64>, OpenError> {
    let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await?;
    sqlx::query("INSERT INTO meta (key, value) VALUES ('buckets', ?) ON CONFLICT DO NOTHING")
        .bind(options.buckets.to_string())
        .execute(&mut *transaction)
        .await?;
    let value: String = sqlx::query_scalar("SELECT value FROM meta WHERE key = 'buckets'")
        .fetch_one(&mut *transaction)
        .await?;
    let broken = |reason: String| OpenError::Damaged {
        path: path.to_owned(),
        reason,
    };
    let buckets: i32 = value
        .parse()
        .map_err(|_| broken(format!("it says that it has `{value}` buckets")))?;
    sqlx::query(
        "WITH RECURSIVE n(bucket) AS (SELECT 0 UNION ALL SELECT bucket + 1 FROM n LIMIT ?) \
         INSERT INTO buckets (bucket, epoch) SELECT bucket, 0 FROM n WHERE true ON CONFLICT DO NOTHING",
    )
    .bind(buckets)
    .execute(&mut *transaction)
    .await?;
    // The lease has lapsed as soon as it is written: here the file lock says which host lives.
    sqlx::query(
        "INSERT INTO host (id, epoch, lease_until) VALUES (?, 1, ?) \
         ON CONFLICT (id) DO UPDATE SET epoch = epoch + 1, lease_until = excluded.lease_until",
    )
    .bind(options.host.clone())
    .bind((options.now)())
    .execute(&mut *transaction)
    .await?;
    // Compare-and-set without a comparison: nobody else writes before this transaction ends.
    let rows =
        sqlx::query("UPDATE buckets SET owner = ?, epoch = epoch + 1 RETURNING bucket, epoch")
            .bind(options.host.clone())
            .fetch_all(&mut *transaction)
            .await?;
    transaction.commit().await?;
    let epochs = rows
        .iter()
        .map(|row| Ok((row.try_get(0)?, row.try_get(1)?)))
        .collect::<Result<BTreeMap<i32, i64>, sqlx::Error>>()?;
    if i32::try_from(epochs.len()) != Ok(buckets) {
        return Err(broken(format!(
            "it has {} of {buckets} buckets",
            epochs.len()
        )));
    }
    Ok(epochs)
}
