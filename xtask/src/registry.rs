//! A real OCI registry for the tests, and another program that reads and writes there.
//!
//! The tests of `host/registry` start registries of their own (`host/registry/tests/common`) and look
//! for the programs in the same places as this module: the PATH and `/usr/bin`. What must hold: a
//! machine that has them is left as it is. Each Debian package has the name of its program.

use crate::{apt, shell};
use anyhow::{Context, Result};
use std::path::Path;

/// The registry, and the tool that others use with registries.
pub(crate) const PROGRAMS: [&str; 2] = ["docker-registry", "skopeo"];

/// Which of them this machine does not have.
pub(crate) fn missing() -> Vec<&'static str> {
    PROGRAMS
        .into_iter()
        .filter(|name| shell::find(name).is_none() && !Path::new("/usr/bin").join(name).is_file())
        .collect()
}

/// Installs those that are missing.
///
/// # Errors
/// When they may not be installed; the message says what to type.
pub(crate) fn bring() -> Result<()> {
    let missing = missing();
    if missing.is_empty() {
        return Ok(());
    }
    apt::install(&missing).context("the OCI registry that the tests need is missing")
}
