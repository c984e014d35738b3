//! A SQLite file as one side of a copy, or to be looked at.
//!
//! For a copy the file's lock is held, as by a host: no host can have it open meanwhile.

use super::open::{Lock, MIGRATIONS, lock, read_options, resolve};
use super::{OpenError, Options, Sqlite, SqliteStore};
use crate::sql;
use crate::store::{Select, Store as _};
use crate::table::Table;
use crate::transfer::{Side, TransferError, Use};
use async_trait::async_trait;
use futures::stream::{self, BoxStream, StreamExt as _, TryStreamExt as _};
use sqlx::sqlite::SqliteConnection;
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _, Error, Executor as _, Row as _};
use std::path::Path;
use std::sync::Arc;

/// A connection with a transaction.
pub(crate) struct SqliteSide {
    connection: SqliteConnection,
    place: String,
    buckets: i32,
    /// Held as long as anything is read or written for a copy.
    _lock: Option<Lock>,
}

impl SqliteSide {
    /// Opens the file for this use.
    pub(crate) async fn open(path: &Path, purpose: Use) -> Result<SqliteSide, TransferError> {
        if let Use::Target(buckets) = purpose {
            let options = Options {
                buckets,
                check_up_to: 0,
                // The lease that it writes has lapsed at once, whatever the time.
                ..Options::new(path, "copy", Arc::new(|| 0))
            };
            SqliteStore::open(options).await?.close().await;
        } else if !path.is_file() {
            return Err(TransferError::Missing(path.to_owned()));
        }
        let path = resolve(path)?;
        let lock = match purpose {
            Use::Look => None,
            Use::Source | Use::Target(_) => Some(lock(&path)?),
        };
        let place = format!("the file {}", path.display());
        let writes = matches!(purpose, Use::Target(_));
        let options = read_options(&path).read_only(!writes);
        let mut connection = options.connect().await.map_err(OpenError::from)?;
        let unavailable = |error| TransferError::Unavailable {
            place: place.clone(),
            error,
        };
        if writes {
            let durable = connection.execute("PRAGMA synchronous = FULL").await;
            durable.map_err(unavailable)?;
        }
        connection.execute("BEGIN").await.map_err(unavailable)?;
        if !is_current(&mut connection).await {
            return Err(TransferError::Version { place });
        }
        let buckets: i64 =
            sqlx::query_scalar("SELECT CAST(value AS INTEGER) FROM meta WHERE key = 'buckets'")
                .fetch_one(&mut connection)
                .await
                .map_err(unavailable)?;
        Ok(SqliteSide {
            connection,
            place,
            buckets: i32::try_from(buckets).unwrap_or_default(),
            _lock: lock,
        })
    }
}

/// Whether it has the tables of this version.
async fn is_current(connection: &mut SqliteConnection) -> bool {
    let applied: Result<Vec<i64>, Error> =
        sqlx::query_scalar("SELECT version FROM _sqlx_migrations WHERE success ORDER BY version")
            .fetch_all(connection)
            .await;
    let known = MIGRATIONS.iter().map(|known| known.version);
    applied.is_ok_and(|applied| known.eq(applied))
}

#[async_trait]
impl Side for SqliteSide {
    fn place(&self) -> String {
        self.place.clone()
    }

    fn buckets(&self) -> i32 {
        self.buckets
    }

    async fn ask(&mut self, statement: String) -> Result<(i64, Option<String>), Error> {
        let row = sqlx::query(AssertSqlSafe(statement))
            .fetch_one(&mut self.connection)
            .await?;
        Ok((row.try_get(0)?, row.try_get(1)?))
    }

    fn rows<'s>(&'s mut self, table: &'static Table) -> BoxStream<'s, Result<String, Error>> {
        match sql::select::<Sqlite>(&Select::everything(table)) {
            Ok((text, _)) => sqlx::query(AssertSqlSafe(text))
                .fetch(&mut self.connection)
                .and_then(async |row| row.try_get(0))
                .boxed(),
            Err(error) => stream::once(async { Err(Error::Decode(Box::new(error))) }).boxed(),
        }
    }

    fn blobs(&mut self) -> BoxStream<'_, Result<(String, Vec<u8>), Error>> {
        sqlx::query_as("SELECT digest, bytes FROM blob ORDER BY digest").fetch(&mut self.connection)
    }

    async fn insert(&mut self, table: &'static Table, rows: String) -> Result<(), Error> {
        sqlx::query(AssertSqlSafe(sql::insert::<Sqlite>(table, 1, sql::ALWAYS)))
            .bind(rows)
            .execute(&mut self.connection)
            .await?;
        Ok(())
    }

    async fn insert_blob(&mut self, digest: String, bytes: Vec<u8>) -> Result<(), Error> {
        sqlx::query("INSERT INTO blob (digest, bytes) VALUES (?, ?)")
            .bind(digest)
            .bind(bytes)
            .execute(&mut self.connection)
            .await?;
        Ok(())
    }

    async fn facts(&mut self) -> Result<Vec<(&'static str, String)>, Error> {
        let mut facts = Vec::new();
        for (name, statement) in [
            ("SQLite", "SELECT sqlite_version()"),
            ("journal_mode", "PRAGMA journal_mode"),
            ("quick_check", "PRAGMA quick_check(1)"),
        ] {
            let value = sqlx::query_scalar(statement).fetch_one(&mut self.connection);
            facts.push((name, value.await?));
        }
        facts.push(("migrations", "all".into()));
        Ok(facts)
    }

    async fn finish(mut self: Box<Self>, keep: bool) -> Result<(), Error> {
        let end = if keep { "COMMIT" } else { "ROLLBACK" };
        self.connection.execute(end).await?;
        // What was committed is there, however the goodbye goes.
        let _ = self.connection.close().await;
        Ok(())
    }
}
