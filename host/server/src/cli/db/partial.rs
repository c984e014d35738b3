//! A file that is there whole or not at all: written under another name beside it, synced, and given
//! its name at the end, never in the place of another file.

use crate::cli::exit::Failure;
use std::fs::{File, OpenOptions};
use std::path::{Path, PathBuf};

/// A file that is being written. Dropped before it is finished, it is removed.
pub(super) struct Partial {
    /// Where it is written to.
    pub(super) path: PathBuf,
    target: PathBuf,
}

impl Partial {
    /// An empty file that only its owner can read.
    ///
    /// # Errors
    /// When the target is there, or another command writes it.
    pub(super) fn create(target: &Path) -> Result<Partial, Failure> {
        if target.symlink_metadata().is_ok() {
            return Err(Failure::Usage(format!(
                "{} is there already; nothing is overwritten. Give another name.",
                target.display()
            )));
        }
        let mut name = target.as_os_str().to_owned();
        name.push(".partial");
        let path = PathBuf::from(name);
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        match options.open(&path) {
            Ok(_) => Ok(Partial {
                path,
                target: target.to_owned(),
            }),
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
                Err(Failure::Failed(format!(
                    "{} is there: it is being written, or was cut off. If nobody writes it, remove \
                     it.",
                    path.display()
                )))
            }
            Err(error) => Err(failed(&path, &error)),
        }
    }

    /// Syncs the file and gives it its name.
    ///
    /// # Errors
    /// When it cannot be synced, or something has taken the name meanwhile.
    pub(super) fn finish(self) -> Result<(), Failure> {
        let synced = File::open(&self.path).and_then(|file| file.sync_all());
        synced.map_err(|error| failed(&self.path, &error))?;
        // A second name, unlike a new one, never takes the place of a file.
        std::fs::hard_link(&self.path, &self.target)
            .map_err(|error| failed(&self.target, &error))?;
        remove(&self.path);
        let folder = match self.target.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        };
        let synced = File::open(folder).and_then(|folder| folder.sync_all());
        synced.map_err(|error| failed(folder, &error))
    }
}

impl Drop for Partial {
    fn drop(&mut self) {
        remove(&self.path);
    }
}

/// Removes a file, with what SQLite lays beside a database when it is looked at.
fn remove(path: &Path) {
    for ending in ["", "-wal", "-shm"] {
        let mut name = path.as_os_str().to_owned();
        name.push(ending);
        let _ = std::fs::remove_file(PathBuf::from(name));
    }
}

/// A file cannot be used.
pub(super) fn failed(path: &Path, error: &std::io::Error) -> Failure {
    Failure::Failed(format!(
        "{}: {error}; check the folder, its owner, its permissions and the room on its disk",
        path.display()
    ))
}
