//! Which database a host works on: the file in its data folder, or a PostgreSQL database that it
//! shares with other hosts.
//!
//! What must hold: the address, which holds a password, is shown nowhere.

use clap::Args;
use jackfield_engine::{SharedClock, schedule};
use jackfield_store::{PostgresStore, SharedStore, SqliteStore, postgres, sqlite};
use std::path::Path;
use std::str::FromStr;
use std::sync::Arc;

/// How long a host counts as living after it last said so, when nothing is said.
const DEFAULT_LEASE: &str = "3s";

/// The address of a PostgreSQL database.
#[derive(Clone, PartialEq, Eq)]
pub struct DatabaseUrl(String);

impl DatabaseUrl {
    /// The address, with its password.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for DatabaseUrl {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("postgres://...")
    }
}

impl FromStr for DatabaseUrl {
    type Err = String;

    fn from_str(text: &str) -> Result<DatabaseUrl, String> {
        if text.starts_with("postgres://") || text.starts_with("postgresql://") {
            return Ok(DatabaseUrl(text.to_owned()));
        }
        Err(
            "write postgres://USER:PASSWORD@HOST:PORT/NAME; without --database a host keeps its \
             data in a SQLite file of its data folder"
                .to_owned(),
        )
    }
}

/// Which database.
#[derive(Debug, Clone, Args)]
pub struct DatabaseOptions {
    /// A PostgreSQL database that this host shares with others, such as
    /// postgres://jackfield:secret@db.example/jackfield [default: a SQLite file in the data folder]
    #[arg(
        long,
        env = "JACKFIELD_DATABASE",
        hide_env_values = true,
        value_name = "URL"
    )]
    pub database: Option<DatabaseUrl>,

    /// This host's name among those that share the database
    #[arg(
        long,
        env = "JACKFIELD_HOST_NAME",
        default_value = "host",
        value_name = "NAME"
    )]
    pub host_name: String,

    /// How long this host counts as living after it last said so; after that others take its work
    /// over
    #[arg(
        long,
        env = "JACKFIELD_LEASE",
        default_value = DEFAULT_LEASE,
        value_name = "TIME"
    )]
    pub lease: schedule::Duration,

    /// Does without LISTEN and NOTIFY, for a pooler that passes neither: what other hosts do is then
    /// found by looking, three times in each lease
    #[arg(long, env = "JACKFIELD_NO_NOTIFY")]
    pub no_notify: bool,

    /// Lets a transaction touch one bucket only, for Citus
    #[arg(long, env = "JACKFIELD_ONE_BUCKET_COMMITS")]
    pub one_bucket_commits: bool,

    /// Works on a server whose settings can lose what was acknowledged (fsync or synchronous_commit
    /// is off)
    #[arg(long, env = "JACKFIELD_ALLOW_UNSAFE_DATABASE")]
    pub allow_unsafe_database: bool,
}

impl Default for DatabaseOptions {
    fn default() -> DatabaseOptions {
        DatabaseOptions {
            database: None,
            host_name: "host".to_owned(),
            lease: schedule::Duration::from_millis(3_000),
            no_notify: false,
            one_bucket_commits: false,
            allow_unsafe_database: false,
        }
    }
}

/// Why the database was not opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The file.
    #[error(transparent)]
    Sqlite(#[from] sqlite::OpenError),
    /// The server.
    #[error(transparent)]
    Postgres(#[from] postgres::OpenError),
}

impl DatabaseOptions {
    /// The options of the PostgreSQL database, if that is meant.
    #[must_use]
    pub fn postgres(&self) -> Option<postgres::Options> {
        let url = self.database.as_ref()?;
        let mut options = postgres::Options::new(url.reveal(), self.host_name.clone());
        options.lease = self.lease.to_std();
        options.notify = !self.no_notify;
        options.one_bucket_commits = self.one_bucket_commits;
        options.allow_unsafe = self.allow_unsafe_database;
        // Installing plugins may take long at a start.
        options.wait_to_join = true;
        Some(options)
    }

    /// Opens the database.
    ///
    /// # Errors
    /// See [`OpenError`]: each says what to do.
    pub async fn open(&self, data: &Path, clock: &SharedClock) -> Result<SharedStore, OpenError> {
        if let Some(options) = self.postgres() {
            return Ok(Arc::new(PostgresStore::open(options).await?));
        }
        let now = Arc::clone(clock);
        let options = sqlite::Options::new(
            data.join(crate::DATABASE),
            self.host_name.clone(),
            Arc::new(move || now.now()),
        );
        Ok(Arc::new(SqliteStore::open(options).await?))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn the_address_is_shown_nowhere() {
        let url: DatabaseUrl = "postgres://me:hunter2@db/jackfield".parse().unwrap();
        let options = DatabaseOptions {
            database: Some(url),
            ..DatabaseOptions::default()
        };
        assert!(!format!("{options:?}").contains("hunter2"));
        assert!(!format!("{:?}", options.postgres()).contains("hunter2"));
        assert!("mysql://x".parse::<DatabaseUrl>().is_err());
    }
}
