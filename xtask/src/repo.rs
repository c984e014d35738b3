//! Where things are: the repository's root and every path under `target/` that xtask writes.
//!
//! One place, because the demo, the tests and the CI file all name these paths to each other.

use anyhow::{Context, Result};
use std::fs;
use std::path::{Path, PathBuf};

/// The repository's root folder: the parent of this crate's.
pub(crate) fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here).to_path_buf()
}

/// A path under `target/`.
pub(crate) fn target(relative: &str) -> PathBuf {
    root().join("target").join(relative)
}

/// Where cargo puts the host's programs, for `debug` or `release`.
pub(crate) fn program(profile: &str, name: &str) -> PathBuf {
    target(profile).join(name)
}

/// Writes `bytes` to `path` unless they are there already, so that what watches modification times
/// (cargo, the host's compile cache) sees only real changes. Says whether it wrote.
///
/// # Errors
/// When the folder or the file cannot be written; the message names the path.
pub(crate) fn write_if_changed(path: &Path, bytes: &[u8]) -> Result<bool> {
    if fs::read(path).is_ok_and(|present| present == bytes) {
        return Ok(false);
    }
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)
            .with_context(|| format!("cannot create the folder {}", folder.display()))?;
    }
    // Written beside and renamed: a host that reads the folder at this moment sees a whole file.
    let beside = path.with_extension("partial");
    fs::write(&beside, bytes).with_context(|| format!("cannot write {}", beside.display()))?;
    fs::rename(&beside, path).with_context(|| format!("cannot write {}", path.display()))?;
    Ok(true)
}

/// `path` as a person types it at the repository's root.
pub(crate) fn shown(path: &Path) -> String {
    path.strip_prefix(root())
        .unwrap_or(path)
        .display()
        .to_string()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_file_with_the_same_bytes_is_not_written_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deep/file.wasm");
        assert!(write_if_changed(&path, b"one").unwrap());
        let written = fs::metadata(&path).unwrap().modified().unwrap();
        assert!(!write_if_changed(&path, b"one").unwrap());
        assert_eq!(fs::metadata(&path).unwrap().modified().unwrap(), written);
        assert!(write_if_changed(&path, b"two").unwrap());
        assert_eq!(fs::read(&path).unwrap(), b"two");
    }

    #[test]
    fn the_root_is_where_the_contract_is() {
        assert!(root().join("wit/worlds.wit").is_file());
    }
}
