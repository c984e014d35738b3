//! Which compiler builds the plugins, and how it gets the target `wasm32-unknown-unknown`.
//!
//! The plugins need a standard library for a target that a fresh machine does not have. Two roads
//! lead there, tried in this order:
//!
//! 1. **rustup**: `rustup target add wasm32-unknown-unknown`. Seconds, where rustup can download.
//! 2. **Debian**: where it cannot, the packages `rustc-web`, `cargo-web` and `rust-web-src` bring a
//!    compiler together with the sources of std, and cargo builds std itself (`-Zbuild-std`, which a
//!    release compiler allows under `RUSTC_BOOTSTRAP=1`). Std lands in the target folder of that
//!    build, so it is compiled once. Debian has no linker for wasm in these packages: the rustup
//!    toolchain's own `rust-lld` is put on the PATH.
//!
//! The host is always built with the ordinary toolchain. What must hold: with the target in place
//! nothing is run but one `rustc --print`; a failure tells what was tried and what each attempt said.

use crate::{apt, repo, shell};
use anyhow::{Context, Result, bail};
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The target of every built-in plugin: no WASI, so a plugin imports Jackfield's contract alone.
pub(crate) const TARGET: &str = "wasm32-unknown-unknown";

/// Debian's packages, all three in one version.
const PACKAGES: [&str; 3] = ["rustc-web", "cargo-web", "rust-web-src"];

/// A compiler that can build for [`TARGET`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum WasmToolchain {
    /// The toolchain in use has the target.
    Rustup,
    /// Debian's compiler with std built from source; `linkers` are the folders with `rust-lld`.
    Debian {
        /// Folders that must come first on the PATH.
        linkers: Vec<PathBuf>,
    },
}

impl WasmToolchain {
    /// `cargo SUBCOMMAND` for [`TARGET`], writing into a target folder of this toolchain's own.
    pub(crate) fn cargo(&self, subcommand: &str) -> Command {
        let mut command = match self {
            WasmToolchain::Rustup => {
                let mut command = shell::cargo();
                command.arg(subcommand);
                command
            }
            WasmToolchain::Debian { linkers } => {
                let mut command = Command::new("/usr/bin/cargo");
                command
                    .arg(subcommand)
                    .arg("-Zbuild-std=std,panic_abort")
                    .env("RUSTC_BOOTSTRAP", "1")
                    .env("RUSTC", "/usr/bin/rustc")
                    .env("PATH", path_with(linkers))
                    // Set for us by `cargo run`: the other toolchain's libraries.
                    .env_remove("LD_LIBRARY_PATH")
                    .env_remove("RUSTUP_TOOLCHAIN")
                    .env_remove("CARGO")
                    .env_remove("RUSTDOC");
                command
            }
        };
        command
            .arg("--target")
            .arg(TARGET)
            .arg("--target-dir")
            .arg(self.target_folder());
        command
    }

    /// Where this toolchain's wasm builds go. One for each, so that changing roads and back
    /// recompiles nothing.
    pub(crate) fn target_folder(&self) -> PathBuf {
        match self {
            WasmToolchain::Rustup => repo::target("wasm/rustup"),
            WasmToolchain::Debian { .. } => repo::target("wasm/debian"),
        }
    }

    /// The road in words, for `doctor` and for headings.
    pub(crate) fn road(&self) -> &'static str {
        match self {
            WasmToolchain::Rustup => "the Rust toolchain in use",
            WasmToolchain::Debian { .. } => "Debian's rustc-web, with std built from source",
        }
    }
}

/// Finds a compiler for [`TARGET`], bringing it first where it is missing.
///
/// # Errors
/// When neither road works; the message names each attempt, what it said, and what to type.
pub(crate) fn bring() -> Result<WasmToolchain> {
    if has_target() {
        return Ok(WasmToolchain::Rustup);
    }
    // Where rustup could not download once, it is not asked again on every run.
    let stamp = repo::target("wasm/road-is-debian");
    if stamp.is_file()
        && let Ok(toolchain) = debian()
    {
        return Ok(toolchain);
    }
    let rustup = match add_with_rustup() {
        Ok(()) => return Ok(WasmToolchain::Rustup),
        Err(error) => error,
    };
    eprintln!(
        "rustup could not bring {TARGET}; trying Debian's {}",
        PACKAGES.join(", ")
    );
    let debian = match bring_debian() {
        Ok(toolchain) => {
            repo::write_if_changed(
                &stamp,
                b"rustup could not add the target; delete to retry\n",
            )?;
            return Ok(toolchain);
        }
        Err(error) => error,
    };
    bail!(
        "the plugins need a Rust compiler for {TARGET}, and none could be had.\n\
         \x20 tried: rustup target add {TARGET}\n\
         \x20        {rustup:#}\n\
         \x20 tried: Debian's packages {}\n\
         \x20        {debian:#}\n\
         One of these is enough: run `rustup target add {TARGET}` where the network allows it, or\n\
         `{}`; then run this command again.",
        PACKAGES.join(", "),
        apt::command_line(&PACKAGES),
    )
}

/// The toolchain that is ready now, without bringing anything.
pub(crate) fn present() -> Option<WasmToolchain> {
    if has_target() {
        return Some(WasmToolchain::Rustup);
    }
    debian().ok()
}

fn bring_debian() -> Result<WasmToolchain> {
    if let Ok(toolchain) = debian() {
        return Ok(toolchain);
    }
    apt::install(&PACKAGES)?;
    debian()
}

/// Whether the toolchain in use has the target's core library.
fn has_target() -> bool {
    let mut command = shell::rustc();
    command
        .args(["--print", "target-libdir", "--target", TARGET])
        .stderr(Stdio::null());
    let Ok(folder) = shell::capture(&mut command) else {
        return false;
    };
    let Ok(files) = std::fs::read_dir(folder) else {
        return false;
    };
    files.flatten().any(|file| {
        let name = file.file_name().to_string_lossy().into_owned();
        name.starts_with("libcore-") && name.ends_with(".rlib")
    })
}

fn add_with_rustup() -> Result<()> {
    if shell::find("rustup").is_none() {
        bail!("rustup is not installed (see https://rustup.rs)");
    }
    eprintln!("rustup target add {TARGET}");
    let mut command = Command::new("rustup");
    command
        .args(["target", "add", TARGET])
        .env("RUST_BACKTRACE", "0");
    shell::capture(&mut command)?;
    if !has_target() {
        bail!("rustup added the target to another toolchain than the one in use");
    }
    Ok(())
}

/// Debian's compiler, if all that it needs is on this machine.
fn debian() -> Result<WasmToolchain> {
    let mut versions = Vec::new();
    for package in PACKAGES {
        versions
            .push(apt::installed(package).with_context(|| format!("{package} is not installed"))?);
    }
    if versions.iter().any(|version| *version != versions[0]) {
        bail!(
            "{} are installed in different versions ({}); run: {}",
            PACKAGES.join(", "),
            versions.join(", "),
            apt::command_line(&PACKAGES)
        );
    }
    let mut sysroot = Command::new("/usr/bin/rustc");
    sysroot
        .args(["--print", "sysroot"])
        .env_remove("LD_LIBRARY_PATH");
    let sources =
        Path::new(&shell::capture(&mut sysroot)?).join("lib/rustlib/src/rust/library/std");
    if !sources.is_dir() {
        bail!(
            "rust-web-src {} brings no sources of std at {}",
            versions[0],
            sources.display()
        );
    }
    Ok(WasmToolchain::Debian {
        linkers: linkers()?,
    })
}

/// The folders with `rust-lld` and `wasm-ld` of the toolchain in use; none where the PATH has one.
fn linkers() -> Result<Vec<PathBuf>> {
    let mut command = shell::rustc();
    command.args(["--print", "target-libdir"]);
    let libraries = PathBuf::from(shell::capture(&mut command)?);
    if let Some(folder) = libraries.parent() {
        let bin = folder.join("bin");
        if bin.join("rust-lld").is_file() {
            return Ok(vec![bin.join("gcc-ld"), bin]);
        }
    }
    if shell::find("rust-lld")
        .or_else(|| shell::find("wasm-ld"))
        .is_some()
    {
        return Ok(Vec::new());
    }
    bail!("there is no linker for wasm: neither the toolchain's rust-lld nor wasm-ld (package lld)")
}

fn path_with(first: &[PathBuf]) -> OsString {
    let rest = std::env::var_os("PATH").unwrap_or_default();
    let folders = first.iter().cloned().chain(std::env::split_paths(&rest));
    // A folder whose name contains the separator cannot stand on any PATH; then it stays as it was.
    std::env::join_paths(folders).unwrap_or(rest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ffi::OsStr;

    #[test]
    fn the_debian_road_builds_std_with_debians_compiler_and_the_toolchains_linker() {
        let toolchain = WasmToolchain::Debian {
            linkers: vec![PathBuf::from("/opt/lld")],
        };
        let command = toolchain.cargo("build");
        let line = shell::shown(&command);
        assert!(
            line.starts_with(
                "cargo build -Zbuild-std=std,panic_abort --target wasm32-unknown-unknown"
            ),
            "{line}"
        );
        let variable = |name: &str| {
            command
                .get_envs()
                .find(|(key, _)| *key == OsStr::new(name))
                .and_then(|(_, value)| value)
        };
        assert_eq!(command.get_program(), OsStr::new("/usr/bin/cargo"));
        assert_eq!(variable("RUSTC"), Some(OsStr::new("/usr/bin/rustc")));
        assert_eq!(variable("RUSTC_BOOTSTRAP"), Some(OsStr::new("1")));
        assert!(
            variable("PATH").is_some_and(|path| path.to_string_lossy().starts_with("/opt/lld"))
        );
    }

    #[test]
    fn the_two_roads_do_not_share_a_target_folder() {
        let debian = WasmToolchain::Debian {
            linkers: Vec::new(),
        };
        assert_ne!(
            debian.target_folder(),
            WasmToolchain::Rustup.target_folder()
        );
    }
}
