//! The database: that it can be read, its version, its pages, its write-ahead log.

use super::{Findings, bytes};
use crate::DATABASE;
use crate::options::Options;
use jackfield_store::postgres::{self, PostgresReader};
use jackfield_store::sqlite::{Migrations, SqliteReader};
use jackfield_store::{ReadError, SharedStore, Store as _};
use std::path::Path;
use std::sync::Arc;

/// A larger database is checked page by page only with `--full`.
const LARGE: u64 = 1 << 30;

/// The log is cut back to 64 MiB at each new beginning; four times that has not begun anew for long.
const LONG_LOG: u64 = 256 << 20;

/// A database that is read from outside.
pub(super) enum Database {
    /// The file of the data folder.
    Sqlite(Arc<SqliteReader>),
    /// A server.
    Postgres(Arc<PostgresReader>),
}

impl Database {
    /// Its records.
    pub(super) fn store(&self) -> SharedStore {
        match self {
            Database::Sqlite(reader) => reader.clone(),
            Database::Postgres(reader) => reader.clone(),
        }
    }
}

/// Looks at the database that the options mean; gives it, if it can be read.
pub(super) async fn look(
    data: &Path,
    options: Option<&Options>,
    full: bool,
    findings: &mut Findings,
) -> Option<Database> {
    match options.and_then(|options| options.database.postgres()) {
        Some(options) => postgres(&options, findings).await,
        None => sqlite(data, full, findings).await,
    }
}

/// The server's settings are looked at by `PostgresReader::open`.
async fn postgres(options: &postgres::Options, findings: &mut Findings) -> Option<Database> {
    let reader = match PostgresReader::open(options).await {
        Ok(reader) => reader,
        Err(error @ postgres::OpenError::Empty { .. }) => {
            findings.warn(
                "database",
                error.to_string(),
                "start a host on it; JACKFIELD_DATABASE names it",
            );
            return None;
        }
        Err(error) => {
            findings.fail(
                "database",
                error.to_string(),
                "mend that; JACKFIELD_DATABASE names it",
            );
            return None;
        }
    };
    match reader.server().await {
        Ok(server) => {
            let size = bytes(u64::try_from(server.bytes).unwrap_or(0));
            let said = format!(
                "PostgreSQL {}, {size}, its settings keep what is acknowledged",
                server.version
            );
            findings.ok("database", said);
        }
        Err(error) => findings.fail("database", error.to_string(), "look at the server's log"),
    }
    migrations(reader.migrations().await, findings);
    match reader.hosts().await {
        Ok(hosts) => {
            let names: Vec<String> = hosts
                .iter()
                .map(|host| format!("{} with {} buckets", host.id, host.buckets))
                .collect();
            let said = match names.len() {
                0 => "none works on the database".to_owned(),
                _ => names.join(", "),
            };
            findings.ok("hosts", said);
        }
        Err(error) => findings.fail("hosts", error.to_string(), "look at the server's log"),
    }
    Some(Database::Postgres(Arc::new(reader)))
}

async fn sqlite(data: &Path, full: bool, findings: &mut Findings) -> Option<Database> {
    let path = data.join(DATABASE);
    if !path.exists() {
        findings.warn(
            "database",
            format!("there is no {}", path.display()),
            "the first `jackfield serve` makes it; `jackfield db restore` brings a backup back",
        );
        return None;
    }
    let reader = match SqliteReader::open(&path).await {
        Ok(reader) => reader,
        Err(error) => {
            findings.fail(
                "database",
                error.to_string(),
                "restore the last backup into a new folder: `jackfield db restore FILE --data DIR`",
            );
            return None;
        }
    };
    let size = size(&reader, findings).await?;
    migrations(reader.migrations().await, findings);
    if full || size <= LARGE {
        pages(&reader, findings).await;
    } else {
        findings.ok(
            "pages",
            "not looked at, because the database is large; --full does",
        );
    }
    log(&path, findings);
    Some(Database::Sqlite(Arc::new(reader)))
}

async fn size(reader: &SqliteReader, findings: &mut Findings) -> Option<u64> {
    match reader.size().await {
        Ok(size) => {
            let said = format!(
                "SQLite, {}, of it {} free",
                bytes(size.bytes),
                bytes(size.free)
            );
            findings.ok("database", said);
            Some(size.bytes)
        }
        Err(error) => {
            findings.fail(
                "database",
                error.to_string(),
                "check the disk and the file's owner",
            );
            None
        }
    }
}

fn migrations(found: Result<Migrations, ReadError>, findings: &mut Findings) {
    match found {
        Ok(found) if !found.foreign.is_empty() => findings.fail(
            "migrations",
            format!(
                "the database is of another version of Jackfield ({:?})",
                found.foreign
            ),
            "use the version that made it, or a newer one",
        ),
        Ok(found) if !found.missing.is_empty() => findings.warn(
            "migrations",
            format!("{} are to be applied", found.missing.len()),
            "make a backup; the next start of this version applies them",
        ),
        Ok(found) => findings.ok("migrations", format!("all {} are applied", found.applied)),
        Err(error) => findings.fail("migrations", error.to_string(), "check the file"),
    }
}

async fn pages(reader: &SqliteReader, findings: &mut Findings) {
    match reader.quick_check().await {
        Ok(None) => findings.ok("pages", "all are whole"),
        Ok(Some(wrong)) => findings.fail(
            "pages",
            format!("the database is damaged: {wrong}"),
            "stop the host, and restore the last backup into a new folder",
        ),
        Err(error) => findings.fail("pages", error.to_string(), "check the disk"),
    }
}

fn log(path: &Path, findings: &mut Findings) {
    let mut name = path.as_os_str().to_owned();
    name.push("-wal");
    let size = std::fs::metadata(&name).map_or(0, |about| about.len());
    if size > LONG_LOG {
        findings.warn(
            "log",
            format!("the write-ahead log has {}", bytes(size)),
            "something reads one moment of the database for long, such as a backup; end it",
        );
    } else {
        findings.ok("log", format!("the write-ahead log has {}", bytes(size)));
    }
}
