//! `cargo deny`: licences, bans and sources of every dependency, and known advisories where the
//! advisory database can be reached.
//!
//! The tool is taken from the PATH, or installed once under `target/tools`. An unreachable database
//! is said and skipped: a test run must be possible without a network, and the checks that need no
//! network are never skipped.

use crate::{plugins, repo, shell};
use anyhow::{Context, Result};
use std::path::{Path, PathBuf};
use std::process::Command;

/// The version that is installed where there is none.
const VERSION: &str = "0.20.2";

/// Checks the host's workspace and every plugin workspace under the one `deny.toml`.
///
/// # Errors
/// When a dependency breaks a rule of `deny.toml`, or the tool cannot be had.
pub(crate) fn check() -> Result<()> {
    let tool = bring()?;
    let mut checks = vec!["bans", "licenses", "sources"];
    if fetch_advisories(&tool).is_ok() {
        checks.push("advisories");
    } else {
        println!(
            "advisories: skipped, because their database (RustSec/advisory-db on GitHub) cannot be \
             reached; `cargo deny fetch db` says why"
        );
    }
    let root = repo::root().join("Cargo.toml");
    for manifest in std::iter::once(root).chain(plugins::manifests()) {
        println!("{}: {}", repo::shown(&manifest), checks.join(", "));
        let mut command = deny(&tool, &manifest);
        command
            .args(["check", "--hide-inclusion-graph"])
            .args(&checks);
        shell::run(&mut command)?;
    }
    Ok(())
}

/// The tool, if it is on this machine.
pub(crate) fn present() -> Option<PathBuf> {
    let own = repo::target("tools/bin/cargo-deny");
    shell::find("cargo-deny").or_else(|| own.is_file().then_some(own))
}

fn bring() -> Result<PathBuf> {
    if let Some(tool) = present() {
        return Ok(tool);
    }
    println!("installing cargo-deny {VERSION} into target/tools (once; some minutes)");
    let mut command = shell::cargo();
    command
        .args([
            "install",
            "cargo-deny",
            "--locked",
            "--version",
            VERSION,
            "--root",
        ])
        .arg(repo::target("tools"));
    shell::run(&mut command)?;
    present().context("cargo installed cargo-deny, but it is not in target/tools/bin")
}

fn deny(tool: &Path, manifest: &Path) -> Command {
    let mut command = Command::new(tool);
    command
        // Duplicates of a transitive crate are worth knowing when one looks, not on each run.
        .args(["--log-level", "error", "--workspace", "--config"])
        .arg(repo::root().join("deny.toml"))
        .arg("--manifest-path")
        .arg(manifest);
    command
}

fn fetch_advisories(tool: &Path) -> Result<()> {
    let mut command = deny(tool, &repo::root().join("Cargo.toml"));
    command
        .args(["fetch", "db"])
        .env("GIT_TERMINAL_PROMPT", "0");
    shell::capture(&mut command)?;
    Ok(())
}
