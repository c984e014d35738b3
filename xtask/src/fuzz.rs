//! `cargo xtask fuzz`: libFuzzer on every reader of bytes that strangers write.
//!
//! The targets are functions of `tests/fuzz-targets`, their programs stand in the workspace `fuzz/`,
//! which is built with instrumentation into a target folder of its own. This brings `cargo fuzz`
//! and runs each target for a while, from its seeds (`fuzz/seeds`, kept in the repository) and from
//! what earlier runs on this machine found worth keeping (`fuzz/corpus`, not kept).
//!
//! What must hold: a target that breaks does not keep the others from their turn, and the command
//! fails at the end with where the input lies. The ordinary tests replay that input until it is
//! mended (`tests/fuzz-targets/tests/replay.rs`).

use crate::{repo, shell};
use anyhow::{Context, Result, bail};
use clap::Args;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

/// The version that is installed where there is none.
const VERSION: &str = "0.13.2";
/// So long one input may take, in seconds: anything here should take milliseconds.
const SLOWEST: u32 = 10;
/// So much memory a target may use, in MiB.
const MOST_MEMORY: u32 = 2048;

/// What `cargo xtask fuzz` accepts.
#[derive(Args)]
pub(crate) struct Options {
    /// Run these targets alone
    #[arg(value_name = "TARGET")]
    targets: Vec<String>,
    /// How long each target runs
    #[arg(long, value_name = "N", default_value_t = 60, value_parser = clap::value_parser!(u32).range(1..))]
    seconds: u32,
    /// List the targets
    #[arg(long)]
    list: bool,
}

/// Runs the targets, one after another.
///
/// # Errors
/// When the tool cannot be had, a target is unknown or does not build. A target that breaks is told
/// at the end, and by the exit code.
pub(crate) fn run(options: &Options) -> Result<ExitCode> {
    let folder = repo::root().join("fuzz");
    let all = targets(&folder)?;
    if options.list {
        for target in &all {
            println!("{target}");
        }
        return Ok(ExitCode::SUCCESS);
    }
    let chosen = chosen(&all, &options.targets)?;
    let tool = bring()?;
    // Built before, so that the time of each is spent on running; and no more than was asked for.
    for target in &chosen {
        shell::run(fuzz(&tool, &folder, "build").args(sanitizer()).arg(target))?;
    }
    let mut broken = Vec::new();
    for target in &chosen {
        println!("\n=== {target}: {} s", options.seconds);
        if let Err(error) = shell::run(&mut command(&tool, &folder, target, options.seconds)?) {
            println!("{error:#}");
            broken.push(target.as_str());
        }
    }
    if broken.is_empty() {
        println!(
            "\n{} targets, {} s each: nothing found",
            chosen.len(),
            options.seconds
        );
        return Ok(ExitCode::SUCCESS);
    }
    println!("\nbroken: {}", broken.join(", "));
    println!(
        "The inputs are in fuzz/artifacts/TARGET. `cargo test -p jackfield-fuzz-targets` replays \
         them; once that passes, move each to fuzz/seeds/TARGET under a name that says what was \
         wrong."
    );
    Ok(ExitCode::FAILURE)
}

/// The targets, by the files of their programs.
fn targets(folder: &Path) -> Result<Vec<String>> {
    let programs = folder.join("fuzz_targets");
    let entries = fs::read_dir(&programs)
        .with_context(|| format!("cannot read {}", repo::shown(&programs)))?;
    let mut names: Vec<String> = entries
        .flatten()
        .filter_map(|entry| Some(entry.path().file_stem()?.to_str()?.to_owned()))
        .collect();
    names.sort();
    Ok(names)
}

fn chosen(all: &[String], asked: &[String]) -> Result<Vec<String>> {
    if let Some(unknown) = asked.iter().find(|name| !all.contains(name)) {
        bail!(
            "there is no target `{unknown}`; there are: {}",
            all.join(", ")
        );
    }
    Ok(if asked.is_empty() { all } else { asked }.to_vec())
}

/// Memory errors are looked for by the compiler: the targets are safe Rust. Without a sanitizer
/// they run several times as fast, and need no nightly libraries.
fn sanitizer() -> [&'static str; 2] {
    ["--sanitizer", "none"]
}

fn fuzz(tool: &Path, folder: &Path, verb: &str) -> Command {
    let mut command = Command::new(tool);
    command
        .args(["fuzz", verb, "--fuzz-dir"])
        .arg(folder)
        .current_dir(repo::root())
        // Instrumentation is an unstable flag of every compiler; this makes a stable one take it.
        .env("RUSTC_BOOTSTRAP", "1");
    command
}

fn command(tool: &Path, folder: &Path, target: &str, seconds: u32) -> Result<Command> {
    let corpus = folder.join("corpus").join(target);
    fs::create_dir_all(&corpus)
        .with_context(|| format!("cannot create {}", repo::shown(&corpus)))?;
    let mut command = fuzz(tool, folder, "run");
    command
        .args(sanitizer())
        .arg(target)
        // What is found is kept in the first folder; the second is read alone.
        .arg(corpus)
        .arg(folder.join("seeds").join(target))
        .arg("--")
        .arg(format!("-max_total_time={seconds}"))
        .arg(format!("-timeout={SLOWEST}"))
        .arg(format!("-rss_limit_mb={MOST_MEMORY}"))
        .args(["-print_final_stats=1", "-verbosity=0"]);
    Ok(command)
}

/// The tool, taken from the PATH or installed once under `target/tools`.
fn bring() -> Result<PathBuf> {
    let own = repo::target("tools/bin/cargo-fuzz");
    let present = || shell::find("cargo-fuzz").or_else(|| own.is_file().then(|| own.clone()));
    if let Some(tool) = present() {
        return Ok(tool);
    }
    println!("installing cargo-fuzz {VERSION} into target/tools (once; some minutes)");
    let mut command = shell::cargo();
    command
        .args(["install", "cargo-fuzz", "--locked", "--version", VERSION])
        .arg("--root")
        .arg(repo::target("tools"));
    shell::run(&mut command)?;
    present().context("cargo installed cargo-fuzz, but it is not in target/tools/bin")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn every_target_has_seeds() {
        let folder = repo::root().join("fuzz");
        let all = targets(&folder).unwrap();
        assert!(all.len() > 10, "{all:?}");
        for target in all {
            let seeds = fs::read_dir(folder.join("seeds").join(&target));
            assert!(seeds.unwrap().next().is_some(), "{target}");
        }
    }

    #[test]
    fn an_unknown_target_is_named_with_those_that_there_are() {
        let all = vec!["document".to_owned(), "html".to_owned()];
        assert_eq!(chosen(&all, &[]).unwrap(), all);
        assert_eq!(chosen(&all, &all[1..]).unwrap(), ["html"]);
        let said = chosen(&all, &["documents".to_owned()]).unwrap_err();
        assert!(said.to_string().contains("document, html"));
    }
}
