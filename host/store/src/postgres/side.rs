//! A PostgreSQL database as one side of a copy, or to be looked at.
//!
//! As long as a copy is under way no host can begin to work on the database: the table of hosts is
//! locked, so a host that starts waits, and gives up after a moment.

use super::errors::{of_looking, of_migration};
use super::open::{MIGRATIONS, connect_options, first_connection, make_buckets, settings};
use super::{OpenError, Postgres, rows};
use crate::sql;
use crate::store::Select;
use crate::table::Table;
use crate::transfer::{Side, TransferError, Use};
use async_trait::async_trait;
use futures::stream::{self, BoxStream, StreamExt as _, TryStreamExt as _};
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{AssertSqlSafe, Connection as _, Error, Executor as _, Row as _};

/// A connection with a transaction.
pub(crate) struct PostgresSide {
    connection: PgConnection,
    place: String,
    buckets: i32,
}

impl PostgresSide {
    /// Opens the database for this use.
    pub(crate) async fn open(url: &str, purpose: Use) -> Result<PostgresSide, TransferError> {
        let options = connect_options(url, "copy")?
            // Copying waits on the other side as long as that takes.
            .options([("idle_in_transaction_session_timeout", "0")]);
        let place = format!(
            "PostgreSQL at {}:{}, database {}",
            options.get_host(),
            options.get_port(),
            options
                .get_database()
                .unwrap_or_else(|| options.get_username())
        );
        let unavailable = |error| TransferError::Unavailable {
            place: place.clone(),
            error,
        };
        let mut connection = first_connection(&options).await?;
        if let Use::Target(buckets) = purpose {
            make(&options, &mut connection, buckets).await?;
        }
        let begin = match purpose {
            Use::Target(_) => "BEGIN",
            Use::Look | Use::Source => "BEGIN ISOLATION LEVEL REPEATABLE READ",
        };
        connection.execute(begin).await.map_err(unavailable)?;
        let looking = |error| TransferError::Postgres(of_looking(&options, error));
        if let Some(migration) = foreign(&mut connection).await.map_err(looking)? {
            return Err(OpenError::Newer { migration }.into());
        }
        if purpose != Use::Look && !is_current(&mut connection).await {
            return Err(TransferError::Version { place });
        }
        if purpose != Use::Look {
            let lock = connection
                .execute("LOCK TABLE host IN EXCLUSIVE MODE")
                .await;
            lock.map_err(unavailable)?;
            let host = living(&mut connection).await.map_err(unavailable)?;
            if let Some(host) = host {
                return Err(TransferError::InUse { place, host });
            }
        }
        let buckets = sqlx::query_scalar("SELECT value::int FROM meta WHERE key = 'buckets'")
            .fetch_one(&mut connection)
            .await
            .map_err(looking)?;
        Ok(PostgresSide {
            connection,
            place,
            buckets,
        })
    }
}

/// Makes the tables and the buckets, if they are not there.
async fn make(
    options: &PgConnectOptions,
    connection: &mut PgConnection,
    buckets: i32,
) -> Result<(), TransferError> {
    settings(connection, true).await?;
    let migrated = MIGRATIONS.run_direct(None, &mut *connection, false).await;
    migrated.map_err(|error| of_migration(options, error))?;
    make_buckets(connection, buckets).await?;
    Ok(())
}

/// Whether it has the tables of this version.
async fn is_current(connection: &mut PgConnection) -> bool {
    let applied: Result<Vec<i64>, Error> =
        sqlx::query_scalar("SELECT version FROM _sqlx_migrations WHERE success ORDER BY version")
            .fetch_all(connection)
            .await;
    let known = MIGRATIONS.iter().map(|known| known.version);
    applied.is_ok_and(|applied| known.eq(applied))
}

/// A migration that this version does not know.
async fn foreign(connection: &mut PgConnection) -> Result<Option<i64>, Error> {
    let applied: Vec<i64> =
        sqlx::query_scalar("SELECT version FROM _sqlx_migrations ORDER BY version")
            .fetch_all(connection)
            .await?;
    let known = |version: &i64| MIGRATIONS.iter().any(|known| known.version == *version);
    Ok(applied.into_iter().find(|version| !known(version)))
}

/// A host whose lease holds.
async fn living(connection: &mut PgConnection) -> Result<Option<String>, Error> {
    let leases: Vec<(String, i64)> = sqlx::query_as(rows::LEASES).fetch_all(connection).await?;
    let living = leases.into_iter().find(|(_, left)| *left > 0);
    Ok(living.map(|(id, _)| id))
}

#[async_trait]
impl Side for PostgresSide {
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
        match sql::select::<Postgres>(&Select::everything(table)) {
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
        let text = sql::insert::<Postgres>(table, 1, sql::ALWAYS);
        sqlx::query(AssertSqlSafe(text))
            .bind(rows)
            .execute(&mut self.connection)
            .await?;
        Ok(())
    }

    async fn insert_blob(&mut self, digest: String, bytes: Vec<u8>) -> Result<(), Error> {
        sqlx::query("INSERT INTO blob (digest, bytes) VALUES ($1, $2)")
            .bind(digest)
            .bind(bytes)
            .execute(&mut self.connection)
            .await?;
        Ok(())
    }

    async fn facts(&mut self) -> Result<Vec<(&'static str, String)>, Error> {
        let mut facts = Vec::new();
        for (name, setting) in [
            ("PostgreSQL", "server_version"),
            ("encoding", "server_encoding"),
            ("fsync", "fsync"),
            ("synchronous_commit", "synchronous_commit"),
            ("full_page_writes", "full_page_writes"),
        ] {
            let value = sqlx::query_scalar("SELECT current_setting($1)").bind(setting);
            facts.push((name, value.fetch_one(&mut self.connection).await?));
        }
        let current = is_current(&mut self.connection).await;
        let migrations = if current {
            "all"
        } else {
            "those of another version"
        };
        facts.push(("migrations", migrations.into()));
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
