//! Plugins in Rust: which compiler builds them, and how.
//!
//! They need a standard library for `wasm32-unknown-unknown`. A compiler that has it comes by two
//! roads, and whichever is there is used:
//!
//! 1. **rustup**: `rustup target add wasm32-unknown-unknown`.
//! 2. **Debian**: the packages `rustc-web`, `cargo-web` and `rust-web-src` bring a compiler together
//!    with the sources of std, and cargo builds std itself (`-Zbuild-std`, which a release compiler
//!    allows under `RUSTC_BOOTSTRAP=1`). Std lands in the target folder of that build, so it is
//!    compiled once. Debian has no linker for wasm in these packages: the rustup toolchain's own
//!    `rust-lld` is put on the PATH, or that of the package `lld`.
//!
//! What must hold: with the target in place nothing is run but one `rustc --print`.

use super::{Chain, Made, Source};
use crate::errors::BuildError;
use crate::project::Project;
use crate::shell::{self, ShellError};
use include_dir::include_dir;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The target of plugins: no WASI, so a plugin imports Jackfield's contract alone.
pub const TARGET: &str = "wasm32-unknown-unknown";

/// Debian's packages, all three in one version.
pub const PACKAGES: [&str; 3] = ["rustc-web", "cargo-web", "rust-web-src"];

pub(crate) static CHAIN: Chain = Chain {
    common: include_dir!("$CARGO_MANIFEST_DIR/templates/rust"),
    step: include_dir!("$CARGO_MANIFEST_DIR/templates/rust-step"),
    connector: include_dir!("$CARGO_MANIFEST_DIR/templates/rust-connector"),
    sdk: &[
        (
            "jackfield/sdk/rust/src",
            Source::Folder(include_dir!("$CARGO_MANIFEST_DIR/../../sdk/rust/src")),
        ),
        (
            "jackfield/sdk/rust/Cargo.toml",
            Source::File(include_bytes!("../../../../sdk/rust/Cargo.toml")),
        ),
        // The versions that the SDK is tested with.
        (
            "Cargo.lock",
            Source::File(include_bytes!("../../../../sdk/rust/Cargo.lock")),
        ),
    ],
    tests: "cargo test",
    build,
};

/// A compiler that can build for [`TARGET`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Toolchain {
    /// The toolchain in use has the target.
    Rustup,
    /// Debian's compiler with std built from source; `linkers` are the folders with `rust-lld`.
    Debian {
        /// Folders that must come first on the PATH.
        linkers: Vec<PathBuf>,
    },
}

impl Toolchain {
    /// The toolchain that is ready now.
    ///
    /// # Errors
    /// What Debian's lacks, if the toolchain in use has not the target.
    pub fn present() -> Result<Toolchain, String> {
        if has_target() {
            return Ok(Toolchain::Rustup);
        }
        Toolchain::debian()
    }

    /// Debian's compiler.
    ///
    /// # Errors
    /// What of it is not on this machine.
    pub fn debian() -> Result<Toolchain, String> {
        let mut versions = Vec::new();
        for package in PACKAGES {
            versions.push(installed(package).ok_or_else(|| format!("{package} is not installed"))?);
        }
        if versions.iter().any(|version| *version != versions[0]) {
            return Err(format!(
                "{} are installed in different versions ({})",
                PACKAGES.join(", "),
                versions.join(", "),
            ));
        }
        let mut sysroot = Command::new("/usr/bin/rustc");
        sysroot
            .args(["--print", "sysroot"])
            .env_remove("LD_LIBRARY_PATH");
        let said = |error: ShellError| error.to_string();
        let sources = shell::capture(&mut sysroot).map_err(said)?;
        let sources = Path::new(&sources).join("lib/rustlib/src/rust/library/std");
        if !sources.is_dir() {
            return Err(format!(
                "rust-web-src {} brings no sources of std at {}",
                versions[0],
                sources.display()
            ));
        }
        Ok(Toolchain::Debian {
            linkers: linkers()?,
        })
    }

    /// `cargo SUBCOMMAND` for [`TARGET`], writing into this target folder.
    #[must_use]
    pub fn cargo(&self, subcommand: &str, target_folder: &Path) -> Command {
        let mut command = match self {
            Toolchain::Rustup => {
                let mut command = shell::cargo();
                command.arg(subcommand);
                command
            }
            Toolchain::Debian { linkers } => {
                let mut command = Command::new("/usr/bin/cargo");
                command
                    .arg(subcommand)
                    .arg("-Zbuild-std=std,panic_abort")
                    .env("RUSTC_BOOTSTRAP", "1")
                    .env("RUSTC", "/usr/bin/rustc")
                    .env("PATH", shell::path_with(linkers))
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
            .arg(target_folder);
        command
    }

    /// A short name, for folders: those of two toolchains are not to be mixed.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Toolchain::Rustup => "rustup",
            Toolchain::Debian { .. } => "debian",
        }
    }

    /// The road in words, for headings.
    #[must_use]
    pub fn road(&self) -> &'static str {
        match self {
            Toolchain::Rustup => "the Rust toolchain in use",
            Toolchain::Debian { .. } => "Debian's rustc-web, with std built from source",
        }
    }
}

/// Builds the core module of a project.
fn build(project: &Project) -> Result<Made, BuildError> {
    let toolchain = Toolchain::present().map_err(|debian| BuildError::Missing {
        what: format!("a Rust compiler for {TARGET}"),
        found: format!("the Rust toolchain in use has not that target, and of Debian's {debian}"),
        get: format!(
            "`rustup target add {TARGET}`, or `sudo apt-get install {}`",
            PACKAGES.join(" ")
        ),
    })?;
    let target = std::env::var_os("CARGO_TARGET_DIR")
        .map_or_else(|| project.folder.join("target"), PathBuf::from)
        .join(toolchain.name());
    let mut command = toolchain.cargo("build", &target);
    command
        .args(["--release", "--manifest-path"])
        .arg(project.folder.join("Cargo.toml"));
    shell::run(&mut command).map_err(BuildError::Compile)?;
    let name = format!("{}.wasm", project.name.replace('-', "_"));
    let module = target.join(TARGET).join("release").join(name);
    if !module.is_file() {
        return Err(BuildError::NoModule(module));
    }
    crate::files::read(&module).map(Made::Module)
}

/// Whether the toolchain in use has the target's core library.
#[must_use]
pub fn has_target() -> bool {
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

/// The installed version of one of Debian's packages, if it is installed.
fn installed(package: &str) -> Option<String> {
    let mut command = Command::new("dpkg-query");
    command
        .args(["-W", "-f=${db:Status-Status} ${Version}", package])
        .stderr(Stdio::null());
    let answer = shell::capture(&mut command).ok()?;
    answer.strip_prefix("installed ").map(str::to_owned)
}

/// The folders with `rust-lld` and `wasm-ld` of the toolchain in use; none where the PATH has one.
fn linkers() -> Result<Vec<PathBuf>, String> {
    let mut command = shell::rustc();
    command.args(["--print", "target-libdir"]);
    if let Ok(libraries) = shell::capture(&mut command)
        && let Some(folder) = PathBuf::from(libraries).parent()
    {
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
    Err(
        "there is no linker for wasm: neither the toolchain's rust-lld nor wasm-ld (package lld)"
            .to_owned(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ffi::OsStr;

    #[test]
    fn the_debian_road_builds_std_with_debians_compiler_and_the_toolchains_linker() {
        let toolchain = Toolchain::Debian {
            linkers: vec![PathBuf::from("/opt/lld")],
        };
        let command = toolchain.cargo("build", Path::new("/tmp/target"));
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
}
