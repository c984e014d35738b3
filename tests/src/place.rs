//! Where things are: the repository, the program, the plugins, the peers.
//!
//! `cargo xtask test` says it by environment variables; without them the places of a debug build
//! are taken, so that `cargo test -p jackfield-tests` works in a checkout that was built.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::{env, fs};

/// What to do when something is not there.
const BUILD: &str = "run `cargo xtask test --only end-to-end`, which builds and brings it";

/// The root of the checkout.
#[must_use]
pub fn repository() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

fn named(variable: &str, usual: &str) -> PathBuf {
    let path = env::var_os(variable).map_or_else(|| repository().join(usual), PathBuf::from);
    path.canonicalize()
        .unwrap_or_else(|error| panic!("{} ({variable}): {error}; {BUILD}", path.display()))
}

/// The program `jackfield`.
#[must_use]
pub fn program() -> PathBuf {
    named("JACKFIELD_BIN", "target/debug/jackfield")
}

/// The program, as a script in this folder, for a process whose files may not grow beyond a limit.
/// The signal that comes with the limit would end the process; a full disk sends none.
#[must_use]
pub fn program_on_a_limited_disk(folder: &Path) -> PathBuf {
    let wrapper = folder.join("jackfield");
    let script = format!(
        "#!/bin/sh\ntrap '' XFSZ\nexec {} \"$@\"\n",
        program().display()
    );
    fs::write(&wrapper, script).expect("the folder takes files");
    let may_run = fs::Permissions::from_mode(0o755);
    fs::set_permissions(&wrapper, may_run).expect("the file is ours");
    wrapper
}

/// The program, built so that it ends itself at a commit which the environment names.
#[must_use]
pub fn program_with_faults() -> PathBuf {
    named("JACKFIELD_FAULTS_BIN", "target/faults/jackfield")
}

/// The folder with the built-in plugins.
#[must_use]
pub fn plugins() -> PathBuf {
    named("JACKFIELD_PLUGINS", "target/plugins")
}

/// A file in the folder of the peers that others wrote.
#[must_use]
pub fn peer(file: &str) -> PathBuf {
    let folder = named("JACKFIELD_PEERS", "target/peers");
    // Not canonical: Python knows by the path of its link that it belongs to an environment.
    let path = folder.join(file);
    assert!(path.exists(), "{} is missing; {BUILD}", path.display());
    path
}

/// A provider's own OpenAPI document, kept beside the checkout because of its licence and size.
/// None where it is not there: the test says so and proves nothing.
#[must_use]
pub fn openapi(file: &str) -> Option<PathBuf> {
    let usual = repository().join("../shared/openapi");
    let folder = env::var_os("JACKFIELD_OPENAPI").map_or(usual, PathBuf::from);
    let path = folder.join(file);
    if path.is_file() {
        return Some(path);
    }
    eprintln!(
        "SKIPPED: {} is not there; JACKFIELD_OPENAPI names the folder of providers' documents",
        path.display()
    );
    None
}
