//! Brings the compiler that builds the plugins, where it is missing.
//!
//! Which compilers there are and how each builds is `jackfield_authoring::languages::rust`; here they are
//! fetched: `rustup target add` first, Debian's packages where rustup cannot download.
//!
//! What must hold: with the target in place nothing is run but one `rustc --print`; a failure tells
//! what was tried and what each attempt said.

use crate::{apt, repo, shell};
use anyhow::{Result, anyhow, bail};
use jackfield_authoring::languages::rust::{self, PACKAGES, TARGET, Toolchain};
use std::path::PathBuf;
use std::process::Command;

/// Where this toolchain's wasm builds go. One for each, so that changing roads and back recompiles
/// nothing.
pub(crate) fn target_folder(toolchain: &Toolchain) -> PathBuf {
    repo::target("wasm").join(toolchain.name())
}

/// `cargo SUBCOMMAND` for the plugins of this repository.
pub(crate) fn cargo(toolchain: &Toolchain, subcommand: &str) -> Command {
    toolchain.cargo(subcommand, &target_folder(toolchain))
}

/// Finds a compiler for [`TARGET`], bringing it first where it is missing.
///
/// # Errors
/// When neither road works; the message names each attempt, what it said, and what to type.
pub(crate) fn bring() -> Result<Toolchain> {
    if rust::has_target() {
        return Ok(Toolchain::Rustup);
    }
    // Where rustup could not download once, it is not asked again on every run.
    let stamp = repo::target("wasm/road-is-debian");
    if stamp.is_file()
        && let Ok(toolchain) = debian()
    {
        return Ok(toolchain);
    }
    let rustup = match add_with_rustup() {
        Ok(()) => return Ok(Toolchain::Rustup),
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

/// Debian's compiler, if all that it needs is on this machine.
fn debian() -> Result<Toolchain> {
    Toolchain::debian().map_err(|missing| anyhow!(missing))
}

fn bring_debian() -> Result<Toolchain> {
    if let Ok(toolchain) = debian() {
        return Ok(toolchain);
    }
    apt::install(&PACKAGES)?;
    debian()
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
    if !rust::has_target() {
        bail!("rustup added the target to another toolchain than the one in use");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_two_roads_do_not_share_a_target_folder() {
        let debian = Toolchain::Debian {
            linkers: Vec::new(),
        };
        assert_ne!(target_folder(&debian), target_folder(&Toolchain::Rustup));
    }
}
