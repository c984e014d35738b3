//! The data of a host from a backup.
//!
//! The folder must hold no data, so that nothing is overwritten and no host works there. The copy
//! is looked at page by page before it gets its name: a start on it finds a whole database or none.

use super::Done;
use super::backup::check;
use super::partial::{Partial, failed};
use crate::cli::exit::Failure;
use crate::cli::progress;
use crate::start::{SECRET_KEY, private_folder};
use crate::{DATABASE, OPERATOR_KEY};
use serde_json::json;
use std::fs::File;
use std::io::{Read as _, Write as _};
use std::path::Path;

/// Bytes that are copied at a time.
const PIECE: usize = 1 << 20;

/// Copies a backup into a data folder that holds nothing but keys.
pub(super) async fn restore(file: &Path, data: &Path) -> Result<Done, Failure> {
    let source = File::open(file)
        .map_err(|error| Failure::Usage(format!("{} cannot be read ({error})", file.display())))?;
    refuse_data(data)?;
    private_folder(data).map_err(|error| Failure::Failed(error.to_string()))?;
    let target = data.join(DATABASE);
    let written = Partial::create(&target)?;
    let path = written.path.clone();
    let copied = tokio::task::spawn_blocking(move || copy(source, &path)).await;
    let bytes = copied
        .unwrap_or_else(|error| Err(std::io::Error::other(error)))
        .map_err(|error| failed(&target, &error))?;
    let counts = check(&written.path, file).await?;
    written.finish()?;
    let rows: i64 = counts.values().filter_map(serde_json::Value::as_i64).sum();
    let mut sentences = vec![format!(
        "{} holds the backup: {}, {rows} rows, every page checked",
        target.display(),
        indicatif::BinaryBytes(bytes)
    )];
    for (name, loss) in [
        (
            SECRET_KEY,
            "secrets cannot be opened, and links in old messages do not work",
        ),
        (
            OPERATOR_KEY,
            "only keys that somebody else holds open the API",
        ),
    ] {
        if !data.join(name).exists() {
            sentences.push(format!(
                "put {name} beside it before the start; without it {loss}"
            ));
        }
    }
    Ok(Done {
        answer: json!({
            "database": target.display().to_string(),
            "bytes": bytes,
            "rows": counts,
        }),
        sentences,
    })
}

/// Nothing but keys may be there.
fn refuse_data(data: &Path) -> Result<(), Failure> {
    let entries = match std::fs::read_dir(data) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(failed(data, &error)),
    };
    for entry in entries.flatten() {
        let name = entry.file_name();
        if name != SECRET_KEY && name != OPERATOR_KEY {
            return Err(Failure::Usage(format!(
                "{} holds {} already; a backup goes into a folder that is new, empty, or holds \
                 only {SECRET_KEY} and {OPERATOR_KEY}",
                data.display(),
                name.display()
            )));
        }
    }
    Ok(())
}

fn copy(mut source: File, to: &Path) -> std::io::Result<u64> {
    let length = source.metadata()?.len();
    let bar = progress::bytes("copying", length);
    let mut target = std::fs::OpenOptions::new().write(true).open(to)?;
    let mut piece = vec![0; PIECE];
    let mut copied = 0;
    loop {
        let read = source.read(&mut piece)?;
        if read == 0 {
            break;
        }
        target.write_all(&piece[..read])?;
        copied += read as u64;
        bar.set_position(copied);
    }
    target.sync_all()?;
    bar.finish_and_clear();
    Ok(copied)
}
