//! `cargo xtask kill`: brings and builds everything, then hands over to the program `jackfield-kill`
//! (`tests/kill`), which loads hosts, kills them and audits what they did.
//!
//! With `--every-commit` it runs the tests of `tests/tests/faults` instead: the main job with the
//! host dying at each of its commits, before and after.

use crate::{plugins, postgres, repo, shell, test};
use anyhow::{Context, Result};
use clap::Args;
use std::fs;
use std::path::PathBuf;
use std::process::{Command, ExitCode};

/// What `cargo xtask kill` accepts.
#[derive(Args)]
pub(crate) struct Options {
    /// Kill a release build
    #[arg(long)]
    release: bool,
    /// Let the host die at every commit of the main job, before it and after it, instead
    #[arg(long)]
    every_commit: bool,
    /// How long there is load [default: 60]
    #[arg(long, value_name = "N")]
    seconds: Option<u64>,
    /// `sqlite`, `postgres` (a server of its own is started), or postgres://... [default: sqlite]
    #[arg(long, value_name = "DATABASE")]
    database: Option<String>,
    /// How many hosts share the database; SQLite takes one [default: 1]
    #[arg(long, value_name = "N")]
    hosts: Option<usize>,
    /// How many clients send [default: 8]
    #[arg(long, value_name = "N")]
    clients: Option<usize>,
    /// Makes the random choices; the instants stay the machine's [default: a random one]
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// Halt hosts (SIGSTOP) for longer than a lease, beside killing them or instead of it
    #[arg(long, num_args = 0..=1, default_missing_value = "beside", value_name = "HOW")]
    stop: Option<String>,
    /// Kill PostgreSQL too, and make it slow, silent and unreachable; takes `--database postgres`
    #[arg(long)]
    database_faults: bool,
    /// Keep the hosts' data and logs in this empty folder
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Print one line of figures, and nothing else on standard output
    #[arg(long)]
    json: bool,
}

impl Options {
    /// The options of the harness itself.
    fn handed_on(&self) -> Vec<String> {
        let number = |number: Option<usize>| number.map(|number| number.to_string());
        let values = [
            ("--seconds", self.seconds.map(|number| number.to_string())),
            ("--database", self.database.clone()),
            ("--hosts", number(self.hosts)),
            ("--clients", number(self.clients)),
            ("--seed", self.seed.map(|number| number.to_string())),
            ("--stop", self.stop.clone()),
            (
                "--data",
                self.data.as_ref().map(|path| path.display().to_string()),
            ),
        ];
        let mut all: Vec<String> = values
            .into_iter()
            .filter_map(|(name, value)| Some([name.to_owned(), value?]))
            .flatten()
            .collect();
        for (given, name) in [
            (self.database_faults, "--database-faults"),
            (self.json, "--json"),
        ] {
            all.extend(given.then(|| name.to_owned()));
        }
        all
    }
}

/// Runs the harness; its exit code is ours: 0 when nothing was lost, repeated, early or out of order.
///
/// # Errors
/// When something cannot be brought or built.
pub(crate) fn run(options: &Options) -> Result<ExitCode> {
    plugins::build()?;
    if options.every_commit || options.database.as_deref() == Some("postgres") {
        postgres::bring()?;
    }
    if options.every_commit {
        return every_commit();
    }
    let profile = if options.release { "release" } else { "debug" };
    let mut build = shell::cargo();
    build.args(["build", "--quiet", "--package", "jackfield-server"]);
    build.args(["--package", "jackfield-kill"]);
    if options.release {
        build.arg("--release");
    }
    shell::run(&mut build)?;
    let status = Command::new(repo::program(profile, "jackfield-kill"))
        .arg("--jackfield")
        .arg(repo::program(profile, "jackfield"))
        .arg("--plugins")
        .arg(repo::target("plugins"))
        .args(options.handed_on())
        .status()?;
    let code = status.code().and_then(|code| u8::try_from(code).ok());
    Ok(code.map_or(ExitCode::FAILURE, ExitCode::from))
}

fn every_commit() -> Result<ExitCode> {
    build_with_faults()?;
    let mut command = shell::cargo();
    command.args(["test", "--package", "jackfield-tests", "--test", "faults"]);
    command.args(["--", "--nocapture"]);
    test::with_paths(&mut command);
    shell::run(&mut command)?;
    Ok(ExitCode::SUCCESS)
}

/// The host that dies at a commit which the environment names, as `target/faults/jackfield`; the
/// ordinary one is left, or put back, where cargo keeps it.
///
/// # Errors
/// When it cannot be built or copied.
pub(crate) fn build_with_faults() -> Result<()> {
    let build = |more: &[&str]| {
        let mut command = shell::cargo();
        // Out of the whole workspace: of one package alone cargo would select fewer features of what
        // it depends on, and build wasmtime and SQLite once more.
        command.args(["build", "--workspace", "--bins"]).args(more);
        shell::run(&mut command)
    };
    build(&["--features", "jackfield-server/faults"])?;
    let (from, to) = (repo::program("debug", "jackfield"), repo::target("faults"));
    fs::create_dir_all(&to).with_context(|| format!("cannot make {}", to.display()))?;
    // A host of an earlier test may still run from the old file: replaced, not written over.
    let next = to.join("jackfield.new");
    fs::copy(&from, &next).with_context(|| format!("cannot copy {}", from.display()))?;
    fs::rename(&next, to.join("jackfield"))?;
    build(&[])
}
