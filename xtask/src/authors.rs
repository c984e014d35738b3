//! The plugins of `examples/plugins`, built as their authors would, and the tool-chains that it takes:
//! `cargo xtask examples`.
//!
//! A third party brings its own tools and is told what is missing; here they are brought, once, under
//! `target/authors`: `python` is an environment with `componentize-py`, `js` a new project with the
//! packages that its lock file names. Tests find them by the variable `JACKFIELD_AUTHORS`.
//!
//! What must hold: an example is built again when its sources, its SDK, the contract or the builder
//! changed, and not otherwise; what lies in `target/plugins-examples` is what the sources say.

use crate::{apt, peers, plugins, repo, shell, wasm_target};
use anyhow::{Context, Result};
use jackfield_authoring::languages::{c, python};
use jackfield_authoring::{self as authoring, Kind, Language, New, Project};
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

/// The variable that names the tool-chains' folder to the tests.
pub(crate) const VARIABLE: &str = "JACKFIELD_AUTHORS";

/// Where the tool-chains are.
pub(crate) fn folder() -> PathBuf {
    repo::target("authors")
}

/// Where the built examples are.
pub(crate) fn output() -> PathBuf {
    repo::target("plugins-examples")
}

/// Runs `cargo xtask examples`.
///
/// # Errors
/// As of [`build`].
pub(crate) fn run() -> Result<ExitCode> {
    build()?;
    Ok(ExitCode::SUCCESS)
}

/// Brings every tool-chain.
///
/// # Errors
/// When one cannot be had; the message says which, and what to type.
pub(crate) fn bring() -> Result<()> {
    wasm_target::bring()?;
    if c::ready().is_err() {
        apt::install(&c::PACKAGES).context("the C compiler for plugins is missing")?;
    }
    peers::once(&folder().join("python"), &python::requirement(), |folder| {
        peers::environment(folder, &python::requirement())
    })?;
    peers::bring_npm()?;
    let place = folder().join("js");
    let fresh = tempfile_beside(&place)?;
    let new = New {
        name: "new-step".to_owned(),
        language: Language::Js,
        kind: Kind::Step,
        needs: Vec::new(),
    };
    authoring::create(&fresh, &new)?;
    let lock = fs::read_to_string(fresh.join("package-lock.json"))?;
    peers::once(&place, &lock, |place| {
        authoring::create(&place.join("project"), &new)?;
        packages(&place.join("project"))
    })?;
    fs::remove_dir_all(&fresh)?;
    Ok(())
}

/// A folder that is not there yet, beside another.
fn tempfile_beside(place: &Path) -> Result<PathBuf> {
    let fresh = place.with_extension("new");
    if fresh.exists() {
        fs::remove_dir_all(&fresh)?;
    }
    Ok(fresh)
}

/// Every example, by name.
///
/// # Errors
/// When a manifest cannot be read.
pub(crate) fn projects() -> Result<Vec<Project>> {
    let mut folders: Vec<PathBuf> = fs::read_dir(repo::root().join("examples/plugins"))?
        .flatten()
        .map(|entry| entry.path())
        .filter(|folder| folder.join(authoring::MANIFEST).is_file())
        .collect();
    folders.sort();
    folders
        .iter()
        .map(|folder| Project::of(folder).with_context(|| repo::shown(folder)))
        .collect()
}

/// Builds every example that changed.
///
/// # Errors
/// When a tool-chain cannot be had, or an example does not build.
pub(crate) fn build() -> Result<()> {
    bring()?;
    for project in projects()? {
        ready(&project)?;
        let file = output().join(format!("{}.wasm", project.name));
        let stamp = output().join(format!("{}.built-from", project.name));
        let from = fingerprint(&project)?;
        if file.is_file() && fs::read_to_string(&stamp).is_ok_and(|done| done == from) {
            continue;
        }
        eprintln!("building {}", repo::shown(&project.folder));
        let built = authoring::build(&project).with_context(|| repo::shown(&project.folder))?;
        repo::write_if_changed(&file, &fs::read(&built.file)?)?;
        repo::write_if_changed(&stamp, from.as_bytes())?;
    }
    Ok(())
}

/// The tests of the SDKs other than Rust's, and of every example, by the commands that their authors
/// type.
///
/// # Errors
/// When a tool-chain cannot be had, or a test fails.
pub(crate) fn test(tests: &mut shell::Tests) -> Result<()> {
    bring()?;
    let sdk = |name: &str| repo::root().join("sdk").join(name);
    packages(&sdk("js"))?;
    typed(&sdk("js"), "npm test")?;
    typed(&sdk("python"), "python3 check.py")?;
    typed(&sdk("c"), "make test")?;
    for project in projects()? {
        ready(&project)?;
        if project.language == Language::Rust {
            println!("testing {}", repo::shown(&project.folder));
            let mut command = plugins::host_cargo("test");
            command
                .arg("--manifest-path")
                .arg(project.folder.join("Cargo.toml"));
            let (counted, outcome) = shell::count_tests(&mut command, &mut std::io::stdout())?;
            tests.add(counted);
            outcome?;
        } else {
            typed(&project.folder, project.language.tests())?;
        }
    }
    Ok(())
}

/// A line as an author types it in a folder.
fn typed(folder: &Path, line: &str) -> Result<()> {
    println!("testing {}: {line}", repo::shown(folder));
    // The packages are there, as `ready` has put them.
    let line = line.strip_prefix("npm ci && ").unwrap_or(line);
    let mut command = Command::new("sh");
    command.args(["-c", line]).current_dir(folder);
    shell::run(&mut command)
}

/// Puts the tools of a project where it looks for them.
///
/// # Errors
/// When packages cannot be had.
pub(crate) fn ready(project: &Project) -> Result<()> {
    match project.language {
        Language::Rust | Language::C => Ok(()),
        Language::Python => {
            let venv = project.folder.join(".venv");
            if !venv.exists() {
                symlink(folder().join("python"), &venv)?;
            }
            Ok(())
        }
        Language::Js => {
            // npm leaves the packages of a linked SDK to the SDK.
            packages(&repo::root().join("sdk/js"))?;
            packages(&project.folder)
        }
    }
}

/// `npm ci`, where the lock file is another than the last time.
pub(crate) fn packages(folder: &Path) -> Result<()> {
    let lock = fs::read_to_string(folder.join("package-lock.json"))?;
    let stamp = folder.join("node_modules/.installed-from");
    if fs::read_to_string(&stamp).is_ok_and(|done| done == lock) {
        return Ok(());
    }
    eprintln!("installing the packages of {}", repo::shown(folder));
    let mut command = Command::new("npm");
    command
        // No package's own programs run while it is installed.
        .args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"])
        .args(["--loglevel", "error"])
        .current_dir(folder);
    shell::capture(&mut command)?;
    repo::write_if_changed(&stamp, lock.as_bytes())?;
    Ok(())
}

/// What an example is built from, in short.
fn fingerprint(project: &Project) -> Result<String> {
    let mut hasher = DefaultHasher::new();
    let sdk = match project.language {
        Language::Rust => "sdk/rust/src",
        Language::C => "sdk/c",
        Language::Python => "sdk/python/jackfield_plugin",
        Language::Js => "sdk/js",
    };
    for folder in [
        project.folder.clone(),
        repo::root().join(sdk),
        repo::root().join("wit"),
        repo::root().join("host/authoring/src"),
    ] {
        hash(&folder, &mut hasher)?;
    }
    Ok(format!("{:016x}", hasher.finish()))
}

/// What builds and tools leave in a folder.
const LEFT: [&str; 5] = ["build", "target", "node_modules", ".venv", "__pycache__"];

fn hash(folder: &Path, hasher: &mut DefaultHasher) -> Result<()> {
    let mut entries: Vec<PathBuf> = fs::read_dir(folder)
        .with_context(|| repo::shown(folder))?
        .flatten()
        .map(|entry| entry.path())
        .collect();
    entries.sort();
    for path in entries {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if LEFT.contains(&name.as_ref()) || name.ends_with(".wasm") {
            continue;
        }
        if path.is_dir() {
            hash(&path, hasher)?;
        } else {
            name.hash(hasher);
            fs::read(&path)?.hash(hasher);
        }
    }
    Ok(())
}
