//! A PostgreSQL database seen from outside, by the doctor: it owns no bucket and is no host, brings
//! nothing up to date, and refuses every commit; the server itself refuses its connections to write.

use super::errors::of_looking;
use super::open::{MIGRATIONS, OpenError, Options, connect_options, first_connection, settings};
use super::{Postgres, query};
use crate::commit::{Commit, CommitError};
use crate::sql;
use crate::sqlite::Migrations;
use crate::store::{Change, HostInfo, ReadError, Select, Store};
use async_trait::async_trait;
use sqlx::Row as _;
use sqlx::postgres::{PgPool, PgPoolOptions, PgRow};
use tokio::sync::mpsc::UnboundedReceiver;

/// Reads a database.
#[derive(Debug)]
pub struct PostgresReader {
    pool: PgPool,
    buckets: i32,
}

/// The server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerView {
    /// What it calls itself.
    pub version: String,
    /// Bytes of the database.
    pub bytes: i64,
    /// Its clock, in milliseconds since 1970.
    pub now: i64,
}

impl PostgresReader {
    /// Opens a database that a host has made, after a look at the server's settings.
    ///
    /// # Errors
    /// See `OpenError`: each says what to do.
    pub async fn open(options: &Options) -> Result<PostgresReader, OpenError> {
        let connect = connect_options(&options.url, "doctor")?;
        settings(&mut first_connection(&connect).await?, options.allow_unsafe).await?;
        let looking = |error| of_looking(&connect, error);
        let read_only = connect.clone().options([
            ("default_transaction_read_only", "on"),
            ("statement_timeout", "30s"),
        ]);
        let pool = PgPoolOptions::new()
            .max_connections(2)
            .connect_with(read_only)
            .await?;
        let buckets: Option<String> =
            sqlx::query_scalar("SELECT value FROM meta WHERE key = 'buckets'")
                .fetch_optional(&pool)
                .await
                .map_err(looking)?;
        let buckets = buckets.and_then(|buckets| buckets.parse().ok());
        let unsaid = || OpenError::Damaged("it does not say how many buckets it has".to_owned());
        Ok(PostgresReader {
            pool,
            buckets: buckets.ok_or_else(unsaid)?,
        })
    }

    /// The server: its version, size and clock.
    ///
    /// # Errors
    /// When it does not answer.
    pub async fn server(&self) -> Result<ServerView, ReadError> {
        let (version, bytes, now) = sqlx::query_as(
            "SELECT current_setting('server_version'), pg_database_size(current_database()), \
             (extract(epoch FROM clock_timestamp()) * 1000)::bigint",
        )
        .fetch_one(&self.pool)
        .await
        .map_err(unavailable)?;
        Ok(ServerView {
            version,
            bytes,
            now,
        })
    }

    /// How far it has been brought up to date.
    ///
    /// # Errors
    /// When it does not answer.
    pub async fn migrations(&self) -> Result<Migrations, ReadError> {
        let applied: Vec<(i64, Vec<u8>)> =
            sqlx::query_as("SELECT version, checksum FROM _sqlx_migrations WHERE success")
                .fetch_all(&self.pool)
                .await
                .map_err(unavailable)?;
        Ok(Migrations::of(&MIGRATIONS, &applied))
    }
}

fn unavailable(error: sqlx::Error) -> ReadError {
    super::unavailable(&error)
}

/// What is said to whoever wants to write.
fn read_only() -> CommitError {
    CommitError::Unavailable("the database is open for reading alone".to_owned())
}

fn column<'r, T>(row: &'r PgRow) -> Result<T, ReadError>
where
    T: sqlx::Decode<'r, sqlx::Postgres> + sqlx::Type<sqlx::Postgres>,
{
    row.try_get(0).map_err(unavailable)
}

#[async_trait]
impl Store for PostgresReader {
    async fn commit(&self, _: Commit) -> Result<(), CommitError> {
        Err(read_only())
    }

    async fn select(&self, select: Select) -> Result<Vec<String>, ReadError> {
        let (text, bound) = sql::select::<Postgres>(&select)?;
        let rows = query(&text, &bound).fetch_all(&self.pool).await;
        rows.map_err(unavailable)?.iter().map(column).collect()
    }

    async fn count(&self, select: Select) -> Result<i64, ReadError> {
        let (text, bound) = sql::count::<Postgres>(&select)?;
        let row = query(&text, &bound).fetch_one(&self.pool).await;
        column(&row.map_err(unavailable)?)
    }

    async fn put_blob(&self, _: &str, _: Vec<u8>) -> Result<(), CommitError> {
        Err(read_only())
    }

    async fn blob(&self, digest: &str) -> Result<Option<Vec<u8>>, ReadError> {
        let row = sqlx::query("SELECT bytes FROM blob WHERE digest = $1")
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
        let rows: Vec<(String, i64, i64)> = sqlx::query_as(
            "SELECT h.id, (SELECT count(*) FROM buckets AS b WHERE b.owner = h.id), \
             h.lease_until - (extract(epoch FROM now()) * 1000)::bigint \
             FROM host AS h WHERE h.lease_until > (extract(epoch FROM now()) * 1000)::bigint \
             ORDER BY h.id",
        )
        .fetch_all(&self.pool)
        .await
        .map_err(unavailable)?;
        let hosts = rows.into_iter().map(|(id, buckets, lease)| HostInfo {
            id,
            buckets: usize::try_from(buckets).unwrap_or(0),
            lease_ms: Some(lease),
        });
        Ok(hosts.collect())
    }

    fn living(&self) -> usize {
        1
    }

    async fn close(&self) {
        self.pool.close().await;
    }
}
