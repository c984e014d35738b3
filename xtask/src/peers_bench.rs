//! `cargo xtask bench --peers`: other engines for the benchmark `peers`, set up once under
//! `target/bench-peers`.
//!
//! Each has a folder in `tests/bench/peers`: a manifest and a lock file that pin its npm packages,
//! and the workflow as its users would write it. One more brings the Node that runs them. What must
//! hold: nothing is asked of the network where the packages of the same lock file are there already,
//! and nothing at all without `--peers`; no package's own programs run while it is installed.

use crate::{peers, postgres, repo, shell};
use anyhow::{Context, Result};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The variable that names the engines' folder to the benchmark.
pub(crate) const VARIABLE: &str = "JACKFIELD_BENCH_PEERS";

/// The folders of `tests/bench/peers`.
const FOLDERS: &[&str] = &["node", "node-red", "restate", "dbos"];
const MANIFEST: &str = "package.json";
const LOCK: &str = "package-lock.json";

/// Where the engines are.
pub(crate) fn folder() -> PathBuf {
    repo::target("bench-peers")
}

/// Sets up what is missing.
///
/// # Errors
/// When Node, npm or PostgreSQL are missing and may not be installed, or a package cannot be had.
pub(crate) fn bring() -> Result<()> {
    postgres::bring()?;
    for name in FOLDERS {
        let (from, to) = (source(name), folder().join(name));
        let lock = read(&from.join(LOCK))?;
        peers::once(&to, &lock, install)?;
        bring_programs(&from, &to)?;
    }
    Ok(())
}

fn source(name: &str) -> PathBuf {
    repo::root().join("tests/bench/peers").join(name)
}

/// Installs what the lock file of the folder's name says.
fn install(folder: &Path) -> Result<()> {
    peers::bring_npm()?;
    let name = folder.file_name().unwrap_or_default().to_string_lossy();
    for file in [MANIFEST, LOCK] {
        let text = read(&source(&name).join(file))?;
        repo::write_if_changed(&folder.join(file), text.as_bytes())?;
    }
    let mut command = Command::new("npm");
    command
        .args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"])
        .args(["--loglevel", "error"])
        .current_dir(folder);
    shell::capture(&mut command)?;
    Ok(())
}

/// The workflow and its settings, beside the packages that they need: they may have changed since
/// these were installed.
fn bring_programs(from: &Path, to: &Path) -> Result<()> {
    let entries = fs::read_dir(from).with_context(|| format!("cannot read {}", from.display()))?;
    for entry in entries {
        let path = entry?.path();
        if let Some(name) = path.file_name().filter(|_| path.is_file()) {
            repo::write_if_changed(&to.join(name), read(&path)?.as_bytes())?;
        }
    }
    Ok(())
}

fn read(path: &Path) -> Result<String> {
    fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use serde_json::Value;

    fn json(name: &str, file: &str) -> Value {
        serde_json::from_str(&read(&source(name).join(file)).unwrap()).unwrap()
    }

    #[test]
    fn every_engine_is_pinned_to_one_version() {
        for name in FOLDERS {
            let manifest = json(name, MANIFEST);
            let wanted = ["dependencies", "optionalDependencies"]
                .iter()
                .filter_map(|kind| manifest[kind].as_object())
                .flatten();
            let mut count = 0;
            for (package, version) in wanted {
                let version = version.as_str().unwrap();
                assert!(
                    version.chars().all(|c| c.is_ascii_digit() || c == '.'),
                    "{package} {version}"
                );
                count += 1;
            }
            assert!(count > 0, "{name} needs nothing");
        }
    }

    #[test]
    fn the_lock_files_name_every_package_by_what_it_holds_and_no_registry() {
        for name in FOLDERS {
            let lock = json(name, LOCK);
            let packages = lock["packages"].as_object().unwrap();
            assert!(packages.len() > 1, "{name}");
            for (path, package) in packages.iter().filter(|(path, _)| !path.is_empty()) {
                // What a package brings within itself is covered by that package's hash.
                let covered = package["inBundle"] == true || package["integrity"].is_string();
                assert!(covered, "{name}: {path}");
                assert!(package["resolved"].is_null(), "{name}: {path}");
            }
        }
    }

    #[test]
    fn every_folder_with_a_manifest_is_set_up() {
        let parent = source("node");
        let mut found: Vec<String> = fs::read_dir(parent.parent().unwrap())
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.join(MANIFEST).is_file())
            .map(|path| path.file_name().unwrap().to_str().unwrap().to_owned())
            .collect();
        found.sort();
        let mut listed = FOLDERS.to_vec();
        listed.sort_unstable();
        assert_eq!(found, listed);
    }
}
