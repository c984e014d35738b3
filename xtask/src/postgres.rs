//! PostgreSQL for the tests: the server's programs, from wherever they are, or from Debian.
//!
//! The tests start servers of their own (`xtask/postgres`) and look for the programs in the same
//! places as this module: `JACKFIELD_POSTGRES_BIN`, the PATH, Debian's folders. What must hold: a
//! machine that has them is left as it is.

use crate::{apt, shell};
use anyhow::{Context, Result};
use std::path::{Path, PathBuf};

/// The variable that names the folder of the programs, where they are in none of the usual places.
const VARIABLE: &str = "JACKFIELD_POSTGRES_BIN";
/// Where Debian and Ubuntu put each version.
const DEBIAN: &str = "/usr/lib/postgresql";

/// Where the server is, if there is one.
pub(crate) fn find() -> Option<PathBuf> {
    let named = std::env::var_os(VARIABLE).map(|folder| PathBuf::from(folder).join("initdb"));
    named
        .filter(|program| program.is_file())
        .or_else(|| shell::find("initdb"))
        .or_else(|| of_debian(Path::new(DEBIAN)))
}

/// Installs PostgreSQL where it is missing.
///
/// # Errors
/// When it may not be installed; the message says what to type.
pub(crate) fn bring() -> Result<()> {
    if find().is_some() {
        return Ok(());
    }
    apt::install(&["postgresql"])
        .context("PostgreSQL, which the tests of the store need, is missing")
}

/// `VERSION/bin/initdb` of any version.
fn of_debian(folder: &Path) -> Option<PathBuf> {
    let versions = std::fs::read_dir(folder).ok()?.flatten();
    versions
        .map(|version| version.path().join("bin/initdb"))
        .find(|program| program.is_file())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_version_without_its_server_is_passed_over() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(folder.path().join("15/lib")).unwrap();
        assert_eq!(of_debian(folder.path()), None);
        std::fs::create_dir_all(folder.path().join("17/bin")).unwrap();
        std::fs::write(folder.path().join("17/bin/initdb"), b"").unwrap();
        let found = of_debian(folder.path()).unwrap();
        assert!(found.ends_with("17/bin/initdb"));
    }
}
