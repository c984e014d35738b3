//! The real peers of the end-to-end tests: programs that others wrote, set up once under
//! `target/peers`.
//!
//! A test against our own idea of a provider proves little, so the tests also talk to a mock made
//! from the provider's OpenAPI document, to the provider's own SDK and to mail servers that others
//! use. They are Python and Node programs, pinned in `xtask/peers/manifests`. Tests find them by the
//! variable `JACKFIELD_PEERS`: `python/bin/python` and `node/node_modules/.bin/NAME` in that folder.
//!
//! What must hold: nothing is set up again while the manifest is the same; a half-finished set-up is
//! begun anew.

use crate::{apt, repo, shell};
use anyhow::{Context, Result, bail};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The variable that names the peers' folder to the tests.
pub(crate) const VARIABLE: &str = "JACKFIELD_PEERS";

const PYTHON: &str = include_str!("../peers/manifests/requirements.txt");
const NODE: &str = include_str!("../peers/manifests/package.json");

/// Where the peers are.
pub(crate) fn folder() -> PathBuf {
    repo::target("peers")
}

/// Sets up what is missing.
///
/// # Errors
/// When Python or Node are missing and may not be installed, or a package cannot be had; the message
/// says which and what to type.
pub(crate) fn bring() -> Result<()> {
    once(&folder().join("python"), PYTHON, python)?;
    once(&folder().join("node"), NODE, node)
}

/// Whether both sets of peers are there, in the pinned versions.
pub(crate) fn present() -> bool {
    is_done(&folder().join("python"), PYTHON) && is_done(&folder().join("node"), NODE)
}

/// Runs `set_up` in an empty `folder` unless it was done with this very manifest. The stamp is the
/// manifest itself, written last.
///
/// # Errors
/// When the folder cannot be written, or `set_up` fails.
pub(crate) fn once(
    folder: &Path,
    manifest: &str,
    set_up: impl FnOnce(&Path) -> Result<()>,
) -> Result<()> {
    if is_done(folder, manifest) {
        return Ok(());
    }
    // Not on standard output, where a benchmark prints figures.
    eprintln!("setting up {} (once)", repo::shown(folder));
    if folder.exists() {
        fs::remove_dir_all(folder)
            .with_context(|| format!("cannot remove {}", folder.display()))?;
    }
    fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))?;
    set_up(folder).with_context(|| format!("{} cannot be set up", repo::shown(folder)))?;
    repo::write_if_changed(&stamp(folder), manifest.as_bytes())?;
    Ok(())
}

fn is_done(folder: &Path, manifest: &str) -> bool {
    fs::read_to_string(stamp(folder)).is_ok_and(|done| done == manifest)
}

fn stamp(folder: &Path) -> PathBuf {
    folder.join("done-with")
}

fn python(folder: &Path) -> Result<()> {
    environment(folder, PYTHON)
}

/// A Python environment with packages: the text of a `requirements.txt`.
///
/// # Errors
/// When Python is missing and may not be installed, or a package cannot be had.
pub(crate) fn environment(folder: &Path, packages: &str) -> Result<()> {
    if shell::find("python3").is_none() {
        apt::install(&["python3", "python3-venv"]).context("Python 3 is missing")?;
    }
    let venv = || {
        let mut command = Command::new("python3");
        command.args(["-m", "venv"]).arg(folder);
        shell::capture(&mut command)
    };
    if let Err(error) = venv() {
        // Debian cuts `venv` out of python3 into a package of its own.
        apt::install(&["python3-venv"]).with_context(|| format!("{error:#}"))?;
        venv()?;
    }
    let requirements = folder.join("requirements.txt");
    repo::write_if_changed(&requirements, packages.as_bytes())?;
    let mut command = Command::new(folder.join("bin/python"));
    command
        .args([
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
            "--requirement",
        ])
        .arg(&requirements);
    shell::capture(&mut command)?;
    Ok(())
}

/// Installs npm, and the Node that it runs with, where they are missing.
///
/// # Errors
/// When they may not be installed, or Node is too old.
pub(crate) fn bring_npm() -> Result<()> {
    if shell::find("npm").is_none() {
        apt::install(&["nodejs", "npm"]).context("Node and npm are missing")?;
    }
    check_node_version()
}

fn node(folder: &Path) -> Result<()> {
    bring_npm()?;
    repo::write_if_changed(&folder.join("package.json"), NODE.as_bytes())?;
    let mut command = Command::new("npm");
    command
        // No package's own programs run while it is installed.
        .args([
            "install",
            "--ignore-scripts",
            "--no-audit",
            "--no-fund",
            "--no-package-lock",
        ])
        .args(["--loglevel", "error"])
        .current_dir(folder);
    shell::capture(&mut command)?;
    Ok(())
}

/// Node's version is only known by asking: Debian 12 has 18, which is enough for every peer.
fn check_node_version() -> Result<()> {
    let mut command = Command::new("node");
    command.arg("--version");
    let version = shell::capture(&mut command)?;
    match major(&version) {
        Some(major) if major >= 18 => Ok(()),
        _ => bail!("Node {version} is too old for the peers: version 18 or newer is needed"),
    }
}

fn major(version: &str) -> Option<u32> {
    version.strip_prefix('v')?.split('.').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn leaves_a_file(folder: &Path) -> Result<()> {
        fs::write(folder.join("made"), b"")?;
        Ok(())
    }

    fn must_not_run(_: &Path) -> Result<()> {
        bail!("this was already set up")
    }

    #[test]
    fn a_set_up_is_done_once_for_each_manifest() {
        let place = tempfile::tempdir().unwrap();
        let folder = place.path().join("peer");
        once(&folder, "a==1", leaves_a_file).unwrap();
        once(&folder, "a==1", must_not_run).unwrap();
        assert!(once(&folder, "a==2", must_not_run).is_err());
    }

    #[test]
    fn a_set_up_that_failed_half_way_is_begun_anew() {
        let place = tempfile::tempdir().unwrap();
        let folder = place.path().join("peer");
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("rest-of-a-failed-try"), b"").unwrap();
        once(&folder, "a==1", leaves_a_file).unwrap();
        assert!(!folder.join("rest-of-a-failed-try").exists());
        assert!(folder.join("made").exists());
    }

    #[test]
    fn every_peer_is_pinned_to_one_version() {
        assert!(
            PYTHON
                .lines()
                .all(|line| line.starts_with('#') || line.contains("=="))
        );
        let manifest: serde_json::Value = serde_json::from_str(NODE).unwrap();
        for version in manifest["dependencies"].as_object().unwrap().values() {
            let version = version.as_str().unwrap();
            assert!(
                version.chars().all(|c| c.is_ascii_digit() || c == '.'),
                "{version}"
            );
        }
    }

    #[test]
    fn nodes_major_version_is_read() {
        assert_eq!(major("v20.20.2"), Some(20));
        assert_eq!(major("unknown"), None);
    }
}
