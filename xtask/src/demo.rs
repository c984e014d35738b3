//! `cargo xtask demo`: brings and builds everything, then hands over to the program
//! `jackfield-demo` (`xtask/demo`), which starts the host and its peers and tells the story.
//!
//! The story is a program of its own because it needs servers and an HTTP client: xtask stays small
//! enough to be compiled first.

use crate::{plugins, repo, shell};
use anyhow::Result;
use clap::Args;
use std::process::{Command, ExitCode, ExitStatus};

/// What `cargo xtask demo` accepts.
#[derive(Args)]
pub(crate) struct Options {
    /// Options for the demo itself (`--exit`: end when the run is over; `--help` lists them)
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    rest: Vec<String>,
}

/// Runs the demo; its exit code is ours.
///
/// # Errors
/// When something cannot be brought or built.
pub(crate) fn run(options: &Options) -> Result<ExitCode> {
    let status = demo(&options.rest)?;
    Ok(status
        .code()
        .and_then(|code| u8::try_from(code).ok())
        .map_or(ExitCode::FAILURE, ExitCode::from))
}

/// The demo as a test: whether its run completed as expected.
///
/// # Errors
/// As of [`run`].
pub(crate) fn tell_and_exit() -> Result<bool> {
    Ok(demo(&["--exit".to_owned()])?.success())
}

fn demo(rest: &[String]) -> Result<ExitStatus> {
    println!("=== building the plugins");
    plugins::build()?;
    println!("=== building Jackfield");
    let mut build = shell::cargo();
    build.args([
        "build",
        "--package",
        "jackfield-server",
        "--package",
        "jackfield-demo",
    ]);
    shell::run(&mut build)?;
    let mut demo = Command::new(repo::program("debug", "jackfield-demo"));
    demo.arg("--jackfield")
        .arg(repo::program("debug", "jackfield"))
        .arg("--plugins")
        .arg(repo::target("plugins"))
        .arg("--examples")
        .arg(repo::root().join("examples/workflows"))
        .arg("--data")
        .arg(repo::target("demo"))
        .args(rest);
    Ok(demo.status()?)
}
