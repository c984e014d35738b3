//! What the benchmarks share: starting hosts, loading them, the bare ceiling, and the table.
//!
//! A figure means nothing on its own on a shared machine. Each benchmark therefore runs Jackfield
//! and a bare ceiling (the least program that does the same work with the same libraries) side by
//! side in one run, in turns, and prints the ratio.

pub mod bare;
pub mod host;
pub mod load;
pub mod options;
pub mod process;
pub mod sleepers;
pub mod table;
pub mod workflow;

use anyhow::{Context, Result};
use std::path::PathBuf;

/// The bytes of a built-in plugin.
///
/// # Errors
/// When it was not built.
pub fn plugin(name: &str) -> Result<Vec<u8>> {
    let folder = std::env::var_os("JACKFIELD_PLUGINS")
        .map_or_else(|| PathBuf::from("target/plugins"), PathBuf::from);
    let path = folder.join(format!("{name}.wasm"));
    std::fs::read(&path).with_context(|| {
        format!(
            "cannot read {}; run it as `cargo xtask bench`",
            path.display()
        )
    })
}
