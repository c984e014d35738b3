//! A copy of a database while a host works on it.
//!
//! SQLite's `VACUUM INTO` copies what one moment holds, by a connection that only reads: the host
//! is not asked, and its commits go on meanwhile. The copy is looked at page by page before it
//! gets its name.

use super::partial::Partial;
use super::{Done, partial};
use crate::DATABASE;
use crate::cli::exit::Failure;
use crate::cli::{progress, text};
use crate::start::SECRET_KEY;
use jackfield_store::sqlite::{Migrations, SqliteReader};
use serde_json::{Map, Value, json};
use std::path::Path;
use std::time::{Duration, Instant};

/// How often the growing copy is looked at.
const LOOK: Duration = Duration::from_millis(100);

/// Copies the database of a data folder into a file.
pub(super) async fn backup(data: &Path, file: &Path) -> Result<Done, Failure> {
    let start = Instant::now();
    let database = data.join(DATABASE);
    if !database.is_file() {
        return Err(Failure::Usage(format!(
            "there is no {}; --data (JACKFIELD_DATA) names the host's data folder",
            database.display()
        )));
    }
    let reader = open(&database).await?;
    let written = Partial::create(file)?;
    copy(&reader, &written.path).await?;
    let counts = check(&written.path, file).await?;
    let bytes = std::fs::metadata(&written.path).map_or(0, |about| about.len());
    written.finish()?;
    let seconds = start.elapsed().as_secs_f64();
    let rows: i64 = counts.values().filter_map(Value::as_i64).sum();
    Ok(Done {
        answer: json!({
            "file": file.display().to_string(),
            "bytes": bytes,
            "seconds": (seconds * 1_000.0).round() / 1_000.0,
            "rows": counts,
        }),
        sentences: vec![
            format!(
                "{} holds the database: {}, {rows} rows, every page checked",
                file.display(),
                indicatif::BinaryBytes(bytes)
            ),
            format!(
                "secrets are sealed in it: keep a copy of {} and of the operator's key elsewhere",
                data.join(SECRET_KEY).display()
            ),
        ],
    })
}

pub(super) async fn open(path: &Path) -> Result<SqliteReader, Failure> {
    let opened = SqliteReader::open(path).await;
    opened.map_err(|error| Failure::Failed(error.to_string()))
}

pub(super) fn unreadable(error: &jackfield_store::ReadError) -> Failure {
    Failure::Failed(error.to_string())
}

/// Writes the copy, and shows how far it is.
async fn copy(reader: &SqliteReader, to: &Path) -> Result<(), Failure> {
    let size = reader.size().await.map_err(|error| unreadable(&error))?;
    let bar = progress::bytes("copying", size.bytes - size.free);
    let copying = reader.copy_to(to);
    tokio::pin!(copying);
    let mut tick = tokio::time::interval(LOOK);
    loop {
        tokio::select! {
            done = &mut copying => {
                bar.finish_and_clear();
                return done.map_err(|error| unreadable(&error));
            }
            _ = tick.tick() => {
                bar.set_position(std::fs::metadata(to).map_or(0, |about| about.len()));
            }
        }
    }
}

/// Looks at a file that should be a database; gives how many rows its tables have. What is said of
/// it names another file: the one that it is, or will be, a copy of.
pub(super) async fn check(path: &Path, name: &Path) -> Result<Map<String, Value>, Failure> {
    let spinner = progress::spinner("checking every page");
    let reader = SqliteReader::open(path)
        .await
        .map_err(|error| Failure::Failed(format!("{} cannot be used: {error}", name.display())))?;
    let found = reader.quick_check().await;
    spinner.finish_and_clear();
    if let Some(wrong) = found.map_err(|error| unreadable(&error))? {
        return Err(Failure::Failed(format!(
            "{} is damaged: {}",
            name.display(),
            text::line(&wrong, 200)
        )));
    }
    let Migrations { foreign, .. } = reader
        .migrations()
        .await
        .map_err(|error| unreadable(&error))?;
    if !foreign.is_empty() {
        return Err(Failure::Failed(format!(
            "{} is of another version of Jackfield (migrations {foreign:?}); use that version",
            name.display()
        )));
    }
    let counts = reader.counts().await.map_err(|error| unreadable(&error))?;
    jackfield_store::Store::close(&reader).await;
    let sync = std::fs::File::open(path).and_then(|file| file.sync_all());
    sync.map_err(|error| partial::failed(path, &error))?;
    let counts = counts.into_iter();
    Ok(counts
        .map(|(table, rows)| (table.to_owned(), rows.into()))
        .collect())
}
