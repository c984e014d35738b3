//! The archive: a file for each day (UTC), in it one line of JSON for each run that left the
//! database: `{"run": {…}, "journal": [{…}, …]}`, the rows as they stood.
//!
//! What must hold: when `write` returns, the lines are on the disk. A line that a crash cut off is
//! ended before the next one begins, so that every whole line can be read. A run may have two
//! lines (a crash between archive and removal, or a run that was set going again): the last counts.

use super::PruneError;
use jackfield_store::records::{Journal, Run};
use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

/// A folder of archive files.
pub(super) struct Archive {
    folder: PathBuf,
}

impl Archive {
    pub(super) fn new(folder: PathBuf) -> Archive {
        Archive { folder }
    }

    /// Writes runs with their journal, synced.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub(super) async fn write(
        &self,
        runs: &[Run],
        journal: Vec<Journal>,
        now: i64,
    ) -> Result<(), PruneError> {
        let lines = lines(runs, journal);
        let path = self.folder.join(file_name(now));
        let folder = self.folder.clone();
        let failed = {
            let path = path.clone();
            move |source| PruneError::Archive { path, source }
        };
        // A slow disk must not hold a thread of the runtime.
        tokio::task::spawn_blocking(move || append(&folder, &path, &lines))
            .await
            .unwrap_or_else(|error| Err(std::io::Error::other(error)))
            .map_err(failed)
    }
}

fn file_name(now: i64) -> String {
    let day = jiff::Timestamp::from_millisecond(now)
        .unwrap_or(jiff::Timestamp::UNIX_EPOCH)
        .to_zoned(jiff::tz::TimeZone::UTC)
        .date();
    format!("runs-{day}.jsonl")
}

fn lines(runs: &[Run], journal: Vec<Journal>) -> Vec<u8> {
    let mut entries: HashMap<String, Vec<Journal>> = HashMap::new();
    for entry in journal {
        entries.entry(entry.run.clone()).or_default().push(entry);
    }
    let mut out = Vec::new();
    for run in runs {
        let journal = entries.remove(&run.id).unwrap_or_default();
        let line = serde_json::json!({ "run": run, "journal": journal });
        out.extend_from_slice(line.to_string().as_bytes());
        out.push(b'\n');
    }
    out
}

fn append(folder: &Path, path: &Path, lines: &[u8]) -> std::io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    let mut options = OpenOptions::new();
    options.read(true).append(true).create(true);
    // What contacts said stands in it.
    #[cfg(unix)]
    {
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    }
    builder.create(folder)?;
    let is_new = !path.exists();
    let mut file = options.open(path)?;
    if ends_half_way(&mut file)? {
        file.write_all(b"\n")?;
    }
    file.write_all(lines)?;
    file.sync_data()?;
    if is_new {
        // The name of the file must survive as well as its content.
        File::open(folder)?.sync_all()?;
    }
    Ok(())
}

fn ends_half_way(file: &mut File) -> std::io::Result<bool> {
    if file.metadata()?.len() == 0 {
        return Ok(false);
    }
    file.seek(SeekFrom::End(-1))?;
    let mut last = [0];
    file.read_exact(&mut last)?;
    Ok(last != *b"\n")
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_line_that_was_cut_off_is_ended_before_the_next() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deep/runs-2026-11-20.jsonl");
        append(path.parent().unwrap(), &path, b"{\"whole\":1}\n").unwrap();
        append(path.parent().unwrap(), &path, b"{\"cut o").unwrap();
        append(path.parent().unwrap(), &path, b"{\"whole\":2}\n").unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        assert_eq!(text, "{\"whole\":1}\n{\"cut o\n{\"whole\":2}\n");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let mode = std::fs::metadata(&path).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
    }

    #[test]
    fn a_file_is_of_one_day() {
        assert_eq!(file_name(1_795_168_800_000), "runs-2026-11-20.jsonl");
    }
}
