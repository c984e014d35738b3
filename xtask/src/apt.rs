//! Debian packages: installed where we may (root), asked for where we may not.

use crate::shell;
use anyhow::{Result, bail};
use std::process::Command;

/// Whether this machine has Debian's package tools at all.
pub(crate) fn available() -> bool {
    shell::find("apt-get").is_some() && shell::find("dpkg-query").is_some()
}

/// The command that brings `packages`, as a person types it.
pub(crate) fn command_line(packages: &[&str]) -> String {
    format!(
        "sudo apt-get update && sudo apt-get install -y {}",
        packages.join(" ")
    )
}

/// Installs `packages` in the newest version that Debian offers, older ones included. For callers
/// that found something missing: it always asks apt-get.
///
/// # Errors
/// When this is not Debian, when we are not root, or when apt-get fails; each says what to type.
pub(crate) fn install(packages: &[&str]) -> Result<()> {
    if !available() {
        bail!(
            "this is not a Debian system (no apt-get), so {} cannot be installed",
            packages.join(", ")
        );
    }
    if !is_root() {
        bail!(
            "packages must be installed by root; run: {}",
            command_line(packages)
        );
    }
    eprintln!("installing {} with apt-get", packages.join(", "));
    let quiet = |arguments: &[&str]| {
        let mut command = Command::new("apt-get");
        command
            .args(arguments)
            .env("DEBIAN_FRONTEND", "noninteractive");
        shell::capture(&mut command)
    };
    quiet(&["update"])?;
    quiet(&[&["install", "-y", "--no-install-recommends"], packages].concat())?;
    Ok(())
}

/// Whether we may install packages.
pub(crate) fn is_root() -> bool {
    let mut command = Command::new("id");
    command.arg("-u");
    shell::capture(&mut command).is_ok_and(|id| id == "0")
}
