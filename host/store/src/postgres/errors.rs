//! What PostgreSQL's errors mean to us, and why a database is not opened.
//!
//! No decision rests on a text, only on the five characters of SQLSTATE
//! (<https://www.postgresql.org/docs/current/errcodes-appendix.html>) and on the severity: after
//! FATAL and PANIC the connection is gone.

use crate::group::Failure;
use crate::store::ReadError;
use sqlx::Error;
use sqlx::migrate::MigrateError;
use sqlx::postgres::{PgConnectOptions, PgDatabaseError, PgSeverity};

/// Why a database was not opened. No text of it holds the password.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The address cannot be read.
    #[error(
        "the database's address is not of the form postgres://USER:PASSWORD@HOST:PORT/NAME: {0}; \
         characters such as @ and / in a password are written as %40 and %2F"
    )]
    Address(String),
    /// Nobody answers there.
    #[error(
        "PostgreSQL at {server} cannot be reached: {reason}; check that it runs and listens there"
    )]
    Unreachable {
        /// Host and port.
        server: String,
        /// What went wrong.
        reason: String,
    },
    /// The server does not let this user in.
    #[error(
        "PostgreSQL at {server} refuses the user `{user}`: {reason}; check the name, the password and pg_hba.conf"
    )]
    Refused {
        /// Host and port.
        server: String,
        /// The user's name.
        user: String,
        /// What the server said.
        reason: String,
    },
    /// There is no such database.
    #[error(
        "PostgreSQL at {server} has no database `{database}`; make it with: createdb --encoding=UTF8 --template=template0 {database}"
    )]
    NoDatabase {
        /// Host and port.
        server: String,
        /// The database's name.
        database: String,
    },
    /// The server is too old.
    #[error("PostgreSQL {found} is too old: version 14 or newer is needed")]
    Version {
        /// What it calls itself.
        found: String,
    },
    /// The database keeps text in another encoding.
    #[error(
        "the database keeps text as {found}; make one with: createdb --encoding=UTF8 --template=template0 NAME"
    )]
    Encoding {
        /// Which one.
        found: String,
    },
    /// The server takes no writes.
    #[error(
        "PostgreSQL takes no writes there (a standby, or default_transaction_read_only); use the address of the primary"
    )]
    ReadOnly,
    /// A setting makes the server forget what it acknowledged.
    #[error(
        "PostgreSQL's setting `{setting}` is {value}, so what was acknowledged could be lost; set it \
         to `on`, or allow it where losing data does not matter"
    )]
    Unsafe {
        /// The setting.
        setting: &'static str,
        /// What it is.
        value: String,
    },
    /// The user may not make tables.
    #[error(
        "the user `{user}` may not make tables in `{database}`; as its owner run: GRANT CREATE, USAGE \
         ON SCHEMA public TO {user}"
    )]
    Rights {
        /// The user's name.
        user: String,
        /// The database's name.
        database: String,
    },
    /// The user may not read or write the tables.
    #[error(
        "the user `{user}` may not use the tables of `{database}` ({reason}); a host's user is to own \
         them, and for a look it is enough to run as their owner: GRANT SELECT ON ALL TABLES IN \
         SCHEMA public TO {user}"
    )]
    Denied {
        /// The user's name.
        user: String,
        /// The database's name.
        database: String,
        /// What the server said.
        reason: String,
    },
    /// No host has worked on it yet.
    #[error(
        "the database `{database}` has no tables yet; the first `jackfield serve` makes them, and \
         `jackfield db migrate` does"
    )]
    Empty {
        /// The database's name.
        database: String,
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
    /// A setting of ours makes no sense.
    #[error("{0}")]
    Setting(&'static str),
    /// What the database says of itself does not fit together.
    #[error("the database is damaged ({0}); restore it from a backup")]
    Damaged(String),
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

const UNIQUE_VIOLATION: &str = "23505";
const SERIALIZATION_FAILURE: &str = "40001";
const DEADLOCK_DETECTED: &str = "40P01";
const INSUFFICIENT_PRIVILEGE: &str = "42501";
const UNDEFINED_TABLE: &str = "42P01";
const INVALID_PASSWORD: &str = "28P01";
const INVALID_AUTHORIZATION: &str = "28000";
const NO_DATABASE: &str = "3D000";

fn of_database(error: &Error) -> Option<&PgDatabaseError> {
    error.as_database_error()?.try_downcast_ref()
}

/// The error's SQLSTATE, if the server sent it.
pub(super) fn code(error: &Error) -> Option<&str> {
    of_database(error).map(PgDatabaseError::code)
}

/// Whether the connection is of no more use.
pub(super) fn is_broken(error: &Error) -> bool {
    of_database(error)
        .is_none_or(|error| matches!(error.severity(), PgSeverity::Fatal | PgSeverity::Panic))
}

/// Whether a connection that was idle turned out to be broken: another one may stand.
pub(super) fn is_stale(error: &Error) -> bool {
    is_broken(error) && matches!(error, Error::Io(_) | Error::Database(_))
}

/// Whether the same transaction may well pass at the next attempt.
pub(super) fn is_conflict(error: &Error) -> bool {
    matches!(code(error), Some(SERIALIZATION_FAILURE | DEADLOCK_DETECTED))
}

/// What an error before COMMIT means: nothing was written. An error of the rows (data exceptions,
/// constraints, limits such as that of an index row) is the caller's, every other one may pass.
pub(super) fn failure(error: &Error) -> Failure {
    match code(error) {
        Some(UNIQUE_VIOLATION) => Failure::Taken,
        Some(code) if ["22", "23", "54"].contains(&code.get(..2).unwrap_or_default()) => {
            Failure::Refused(error.to_string())
        }
        _ => Failure::Unavailable(error.to_string()),
    }
}

/// What an error of COMMIT itself means: a server that refuses it has undone it; where the
/// connection breaks, nobody knows.
pub(super) fn failure_of_commit(error: &Error) -> Failure {
    if is_broken(error) {
        Failure::Unknown(error.to_string())
    } else {
        failure(error)
    }
}

/// What an error of a query of this table means. The query's own values are the caller's.
pub(super) fn of_read(table: &'static str, error: &Error) -> ReadError {
    match code(error) {
        Some(code) if code.starts_with("22") => ReadError::Corrupt {
            table,
            reason: error.to_string(),
        },
        _ => unavailable(error),
    }
}

/// What an error of any other read means.
pub(super) fn unavailable(error: &Error) -> ReadError {
    ReadError::Unavailable(match error {
        Error::PoolTimedOut => "it cannot be reached, or all connections are in use".into(),
        Error::PoolClosed => "the store is closed".into(),
        _ => error.to_string(),
    })
}

/// Why the first connection was not made. No text of it holds the password.
pub(super) fn of_connecting(options: &PgConnectOptions, error: Error) -> OpenError {
    let server = server(options);
    let code = code(&error).map(str::to_owned);
    match (code.as_deref(), error) {
        (Some(INVALID_PASSWORD | INVALID_AUTHORIZATION), error) => OpenError::Refused {
            server,
            user: options.get_username().to_owned(),
            reason: error.to_string(),
        },
        (Some(NO_DATABASE), _) => OpenError::NoDatabase {
            server,
            database: database(options).to_owned(),
        },
        (None, error @ (Error::Io(_) | Error::Tls(_))) => OpenError::Unreachable {
            server,
            reason: error.to_string(),
        },
        (_, error) => OpenError::Unavailable(error),
    }
}

/// Why the tables were not made.
pub(super) fn of_migration(options: &PgConnectOptions, error: MigrateError) -> OpenError {
    let cause = match &error {
        MigrateError::VersionMissing(migration) => {
            return OpenError::Newer {
                migration: *migration,
            };
        }
        MigrateError::Execute(cause) | MigrateError::ExecuteMigration(cause, _) => Some(cause),
        _ => None,
    };
    if cause.and_then(code) == Some(INSUFFICIENT_PRIVILEGE) {
        return OpenError::Rights {
            user: options.get_username().to_owned(),
            database: database(options).to_owned(),
        };
    }
    OpenError::Migration(error)
}

/// Why tables that a host has made cannot be looked at.
pub(super) fn of_looking(options: &PgConnectOptions, error: Error) -> OpenError {
    match code(&error) {
        Some(UNDEFINED_TABLE) => OpenError::Empty {
            database: database(options).to_owned(),
        },
        Some(INSUFFICIENT_PRIVILEGE) => OpenError::Denied {
            user: options.get_username().to_owned(),
            database: database(options).to_owned(),
            reason: error.to_string(),
        },
        _ => OpenError::Unavailable(error),
    }
}

/// Without a name it is that of the user.
fn database(options: &PgConnectOptions) -> &str {
    let named = options.get_database();
    named.unwrap_or_else(|| options.get_username())
}

fn server(options: &PgConnectOptions) -> String {
    match options.get_socket() {
        Some(folder) => folder.display().to_string(),
        None => format!("{}:{}", options.get_host(), options.get_port()),
    }
}
