//! Opening a PostgreSQL database: the server's settings, the migrations, the buckets, this host.
//!
//! What must hold: a server on which an acknowledged commit can be lost is refused, unless the
//! operator says so; nothing is written before the server has been looked at; of several hosts that
//! open a new database at once one makes the tables and the others wait for it.

use super::PostgresStore;
use super::errors;
use super::hosts::Manager;
use super::link::within;
use super::listen;
use super::shared::Shared;
use super::writer::Connection;
use crate::group::Writer;
use sqlx::migrate::Migrator;
use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};
use sqlx::{ConnectOptions as _, Connection as _, PgConnection};
use std::str::FromStr as _;
use std::sync::Arc;
use std::time::Duration;

pub use super::errors::OpenError;

pub(super) static MIGRATIONS: Migrator = sqlx::migrate!("migrations/postgres");

/// How long the first connection may take.
const CONNECT: Duration = Duration::from_secs(10);
/// How long a reader waits for a free connection, or for a server that is away.
const ACQUIRE: Duration = Duration::from_secs(5);
/// A connection that was idle for longer is asked whether it still stands before it is used.
const IDLE: Duration = Duration::from_secs(1);
/// Prepared texts of a connection: each table has a handful, each form of query one.
const TEXTS: usize = 512;
/// The oldest PostgreSQL that its makers still mend.
const OLDEST: i32 = 14;
/// Of a host's name as much as leaves room for the rest of its id in the name of a channel.
const NAME: usize = 40;

/// What is needed to open a database.
#[derive(Clone)]
pub struct Options {
    /// `postgres://USER:PASSWORD@HOST:PORT/NAME`, with parameters such as `?sslmode=verify-full`.
    pub url: String,
    /// This host's name. Its id is made of it, with an ending that is new at every start.
    pub host: String,
    /// How many buckets a new database gets, 1 to 65536. An existing one keeps its number.
    pub buckets: i32,
    /// Connections that write; each bucket is written by one of them. More of them do more at once,
    /// and share fewer commits in a transaction: with 64 commits at once, four took twice the CPU
    /// time for each commit that one took, and two hosts on two cores did a fifth fewer runs with two
    /// of them than with one. By default one for two cores, four at most.
    pub writers: usize,
    /// How often a transaction of the same tables comes on a connection before it is sent as one
    /// statement: a text is planned once, which costs more than one transaction spares. 4 by default.
    pub one_statement_after: u32,
    /// Connections that read, at most.
    pub readers: u32,
    /// How long this host counts as living after it last said so. It says so three times as often.
    pub lease: Duration,
    /// Whether hosts tell each other by LISTEN and NOTIFY. Without it (a pooler in transaction mode
    /// passes neither) everything is found by looking, three times in each lease.
    pub notify: bool,
    /// Whether a transaction touches one bucket at most: for Citus, where several lie on several
    /// nodes.
    pub one_bucket_commits: bool,
    /// Whether this host takes no bucket before `Store::join`: what a start still has to do would
    /// otherwise keep them waiting.
    pub wait_to_join: bool,
    /// Whether a server with `fsync` or `synchronous_commit` off is used all the same: what was
    /// acknowledged may then be lost.
    pub allow_unsafe: bool,
}

impl Options {
    /// The default settings for an address.
    #[must_use]
    pub fn new(url: impl Into<String>, host: impl Into<String>) -> Options {
        Options {
            url: url.into(),
            host: host.into(),
            buckets: crate::id::DEFAULT_BUCKETS,
            writers: std::thread::available_parallelism()
                .map_or(2, |cores| (cores.get() / 2).clamp(1, 4)),
            one_statement_after: 4,
            readers: 8,
            lease: Duration::from_secs(3),
            notify: true,
            one_bucket_commits: false,
            wait_to_join: false,
            allow_unsafe: false,
        }
    }
}

impl std::fmt::Debug for Options {
    /// Without the address, which holds a password.
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Options")
            .field("host", &self.host)
            .field("buckets", &self.buckets)
            .field("writers", &self.writers)
            .field("readers", &self.readers)
            .field("lease", &self.lease)
            .finish_non_exhaustive()
    }
}

/// How every connection is: what it is called, and what the server shall not let it do.
pub(super) fn connect_options(url: &str, name: &str) -> Result<PgConnectOptions, OpenError> {
    let options = PgConnectOptions::from_str(url).map_err(|error| {
        OpenError::Address(match error {
            sqlx::Error::Configuration(cause) => cause.to_string(),
            _ => "it cannot be read".into(),
        })
    })?;
    if !["postgres://", "postgresql://"]
        .iter()
        .any(|form| url.starts_with(form))
    {
        return Err(OpenError::Address("it begins otherwise".into()));
    }
    Ok(options
        .application_name(&format!("jackfield/{name}"))
        .statement_cache_capacity(TEXTS)
        .options([
            ("default_transaction_isolation", "read committed"),
            ("standard_conforming_strings", "on"),
            ("client_min_messages", "warning"),
            // The server gives up on a connection whose other end is gone, and on a host that was
            // suspended while it held the locks of a transaction.
            ("idle_in_transaction_session_timeout", "2s"),
            ("tcp_keepalives_idle", "5"),
            ("tcp_keepalives_interval", "2"),
            ("tcp_keepalives_count", "3"),
            ("tcp_user_timeout", "10s"),
            // Our statements are small, whatever the planner thinks of an empty table.
            ("jit", "off"),
        ])
        .disable_statement_logging())
}

/// With a limit for each statement, and for each lock that it waits for.
pub(super) fn limited(options: PgConnectOptions, statement: &str, lock: &str) -> PgConnectOptions {
    options.options([("statement_timeout", statement), ("lock_timeout", lock)])
}

/// A host's id: its name as far as it can stand in the name of a channel, and an ending of its own.
fn host_id(name: &str) -> String {
    let name: String = name
        .chars()
        .map(|c| match c {
            'a'..='z' | 'A'..='Z' | '0'..='9' | '.' | '_' | '-' => c,
            _ => '-',
        })
        .take(NAME)
        .collect();
    let ending = uuid::Uuid::new_v4().simple().to_string();
    format!("{name}-{}", &ending[..8])
}

/// Takes everything that is set in `Options` for granted no longer.
fn check(options: &Options) -> Result<(), OpenError> {
    if !(1..=65_536).contains(&options.buckets) {
        return Err(OpenError::Buckets(options.buckets));
    }
    if !(1..=64).contains(&options.writers) {
        return Err(OpenError::Setting(
            "a host has 1 to 64 connections that write",
        ));
    }
    if options.readers == 0 {
        return Err(OpenError::Setting("a host needs a connection that reads"));
    }
    if options.lease < Duration::from_millis(300) {
        return Err(OpenError::Setting("a lease lasts 300 ms at least"));
    }
    Ok(())
}

pub(super) async fn open(options: Options) -> Result<PostgresStore, OpenError> {
    check(&options)?;
    let id = host_id(&options.host);
    let connect = connect_options(&options.url, &id)?;
    let (buckets, revision) = prepare(&options, &connect).await?;
    if buckets != options.buckets {
        tracing::info!(
            buckets,
            asked = options.buckets,
            "the database keeps its buckets"
        );
    }
    let (shared, changes) = Shared::new(id, buckets, revision, &options);
    let shared = Arc::new(shared);
    let mut background = Vec::new();
    if options.notify {
        background.push(listen::start(connect.clone(), shared.clone()));
    }
    let (manager, task) = Manager::start(&connect, shared.clone(), options.lease).await?;
    background.push(task);
    let writers = (0..options.writers)
        .map(|_| {
            let connection = Connection::new(connect.clone(), shared.clone(), &options);
            Writer::start(connection, shared.ownership.clone())
        })
        .collect();
    Ok(PostgresStore {
        writers,
        readers: readers(&connect, options.readers),
        manager,
        background,
        shared,
        changes: std::sync::Mutex::new(Some(changes)),
        closed: std::sync::atomic::AtomicBool::new(false),
    })
}

/// Makes the tables and brings them up to date, and nothing more.
pub(super) async fn migrate(options: &Options) -> Result<(), OpenError> {
    check(options)?;
    let connect = connect_options(&options.url, "migrate")?;
    prepare(options, &connect).await.map(|_| ())
}

/// Everything that happens once, before this host does anything: how many buckets there are, and
/// the revision of the control records.
async fn prepare(options: &Options, connect: &PgConnectOptions) -> Result<(i32, i64), OpenError> {
    let mut connection = first_connection(connect).await?;
    settings(&mut connection, options.allow_unsafe).await?;
    MIGRATIONS
        .run_direct(None, &mut connection, false)
        .await
        .map_err(|error| errors::of_migration(connect, error))?;
    let facts = make_buckets(&mut connection, options.buckets).await?;
    let _ = connection.close().await;
    Ok(facts)
}

pub(super) async fn first_connection(
    connect: &PgConnectOptions,
) -> Result<PgConnection, OpenError> {
    within(CONNECT, connect.connect())
        .await
        .map_err(|error| errors::of_connecting(connect, error))
}

/// What the server is and how it is set.
pub(super) async fn settings(
    connection: &mut PgConnection,
    allow_unsafe: bool,
) -> Result<(), OpenError> {
    let (number, version, encoding, standby, read_only): (i32, String, String, bool, bool) =
        sqlx::query_as(
            "SELECT current_setting('server_version_num')::int, current_setting('server_version'), \
             current_setting('server_encoding'), pg_is_in_recovery(), \
             current_setting('default_transaction_read_only')::boolean",
        )
        .fetch_one(&mut *connection)
        .await?;
    if number / 10_000 < OLDEST {
        return Err(OpenError::Version { found: version });
    }
    if encoding != "UTF8" {
        return Err(OpenError::Encoding { found: encoding });
    }
    if standby || read_only {
        return Err(OpenError::ReadOnly);
    }
    let (fsync, commit): (String, String) =
        sqlx::query_as("SELECT current_setting('fsync'), current_setting('synchronous_commit')")
            .fetch_one(connection)
            .await?;
    for (setting, value) in [("fsync", fsync), ("synchronous_commit", commit)] {
        if value == "off" {
            if !allow_unsafe {
                return Err(OpenError::Unsafe { setting, value });
            }
            tracing::warn!(setting, "what is acknowledged may be lost on this server");
        }
    }
    Ok(())
}

/// Gives a new database its buckets, and reads how many there are.
pub(super) async fn make_buckets(
    connection: &mut PgConnection,
    buckets: i32,
) -> Result<(i32, i64), OpenError> {
    let mut transaction = connection.begin().await?;
    sqlx::query(
        "INSERT INTO meta (key, value) VALUES ('buckets', $1), ('revision', '0') \
         ON CONFLICT (key) DO NOTHING",
    )
    .bind(buckets.to_string())
    .execute(&mut *transaction)
    .await?;
    let number = async |connection: &mut PgConnection, key: &str| {
        let value: String = sqlx::query_scalar("SELECT value FROM meta WHERE key = $1")
            .bind(key)
            .fetch_one(connection)
            .await?;
        let broken = || OpenError::Damaged(format!("it says that `{key}` is `{value}`"));
        value.parse::<i64>().map_err(|_| broken())
    };
    let buckets = number(&mut transaction, "buckets").await?;
    let revision = number(&mut transaction, "revision").await?;
    sqlx::query(
        "INSERT INTO buckets (bucket, epoch) SELECT bucket, 0 \
         FROM generate_series(0, $1 - 1) AS n(bucket) WHERE true ON CONFLICT (bucket) DO NOTHING",
    )
    .bind(buckets)
    .execute(&mut *transaction)
    .await?;
    let found: i64 = sqlx::query_scalar("SELECT count(*) FROM buckets")
        .fetch_one(&mut *transaction)
        .await?;
    transaction.commit().await?;
    match i32::try_from(buckets) {
        Ok(count) if found == buckets => Ok((count, revision)),
        _ => Err(OpenError::Damaged(format!(
            "it has {found} of {buckets} buckets"
        ))),
    }
}

/// Connections are made when they are needed; one that was idle is tried before it is used.
fn readers(connect: &PgConnectOptions, most: u32) -> PgPool {
    PgPoolOptions::new()
        .max_connections(most)
        .acquire_timeout(ACQUIRE)
        .test_before_acquire(false)
        .before_acquire(|connection, meta| {
            Box::pin(async move {
                Ok(meta.idle_for < IDLE || within(IDLE, connection.ping()).await.is_ok())
            })
        })
        .connect_lazy_with(limited(connect.clone(), "30s", "5s"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hosts_id_can_stand_in_a_channels_name() {
        let id = host_id("Büro 7 \"; DROP/örtlich.example.org-and-very-long-indeed");
        assert!(id.is_ascii() && id.len() <= NAME + 9, "{id}");
        assert!(!id.contains([' ', '"', ';', '/']), "{id}");
        assert_ne!(host_id("a"), host_id("a"));
    }

    #[test]
    fn a_wrong_address_is_refused_without_its_password() {
        for url in [
            "",
            "jackfield.db",
            "mysql://u:hunter2@h/d",
            "postgres://u:hunter2@h:port/d",
        ] {
            let error = connect_options(url, "a").map(drop);
            let text = error.map_err(|error| error.to_string());
            assert!(text.is_err_and(|text| !text.contains("hunter2")), "{url}");
        }
    }
}
