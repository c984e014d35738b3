//! The program of `cargo xtask kill`: the options, the words, the exit code.

use anyhow::{Context as _, Result};
use clap::{Parser, ValueEnum};
use indicatif::{ProgressBar, ProgressStyle};
use jackfield_kill::hosts::Program;
use jackfield_kill::verdict::{Figures, Verdict};
use jackfield_kill::{Options, Signals};
use jackfield_postgres_peer::Server;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

/// How many findings are shown.
const SHOWN: usize = 25;

/// Kills hosts under load at random instants, and audits by event what they did
#[derive(Parser)]
#[command(name = "cargo xtask kill")]
struct Arguments {
    /// How long there is load
    #[arg(long, default_value_t = 60, value_name = "N")]
    seconds: u64,
    /// `sqlite`, `postgres` (a server of its own is started), or the address of an empty PostgreSQL
    /// database (postgres://...)
    #[arg(long, default_value = "sqlite", value_name = "DATABASE")]
    database: String,
    /// How many hosts share the database; SQLite takes one
    #[arg(long, default_value_t = 1, value_name = "N")]
    hosts: usize,
    /// How many clients send
    #[arg(long, default_value_t = 8, value_name = "N")]
    clients: usize,
    /// Makes the random choices; the instants stay the machine's [default: a random one]
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// Halts hosts for longer than a lease, beside killing them or instead of it
    #[arg(long, value_enum, num_args = 0..=1, default_missing_value = "beside", value_name = "HOW")]
    stop: Option<Stop>,
    /// Kills PostgreSQL too, and makes it slow, silent and unreachable, of all hosts or of one;
    /// takes `--database postgres`
    #[arg(long)]
    database_faults: bool,
    /// Prints one line of figures, and nothing else on standard output
    #[arg(long)]
    json: bool,
    /// Keeps the hosts' data and logs in this empty folder
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// The program
    #[arg(long, value_name = "FILE")]
    jackfield: PathBuf,
    /// The folder of the plugins
    #[arg(long, value_name = "DIR")]
    plugins: PathBuf,
}

#[derive(Clone, Copy, ValueEnum)]
enum Stop {
    Beside,
    Instead,
}

#[tokio::main]
async fn main() -> ExitCode {
    match run(Arguments::parse()).await {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::from(2)
        }
    }
}

async fn run(arguments: Arguments) -> Result<bool> {
    let kept = tempfile::tempdir().context("no temporary folder can be made")?;
    let sqlite = arguments.database == "sqlite";
    // Stopped when it is dropped.
    let server = match arguments.database.as_str() {
        "postgres" => Some(Arc::new(Server::start(&[])?)),
        _ => None,
    };
    let address = match &server {
        Some(server) => Some(server.database()?),
        None => (!sqlite).then_some(arguments.database),
    };
    anyhow::ensure!(
        arguments.hosts >= 1 && (!sqlite || arguments.hosts == 1),
        "--hosts {}: one host has a SQLite database to itself; several share PostgreSQL",
        arguments.hosts
    );
    anyhow::ensure!(
        server.is_some() || !arguments.database_faults,
        "--database-faults: the harness kills a server of its own; take --database postgres"
    );
    let options = Options {
        time: Duration::from_secs(arguments.seconds),
        database: if sqlite { "sqlite" } else { "postgres" }.to_owned(),
        program: Program {
            jackfield: arguments.jackfield,
            plugins: arguments.plugins,
            database: address,
        },
        hosts: arguments.hosts,
        clients: arguments.clients,
        seed: arguments.seed.unwrap_or_else(rand::random),
        signals: match arguments.stop {
            None => Signals::Kill,
            Some(Stop::Beside) => Signals::Both,
            Some(Stop::Instead) => Signals::Stop,
        },
        database_faults: server.clone().filter(|_| arguments.database_faults),
        data: arguments.data.unwrap_or_else(|| kept.path().to_owned()),
    };
    let bar = ProgressBar::new_spinner()
        .with_style(ProgressStyle::with_template("{spinner} {elapsed} {msg}")?);
    bar.enable_steady_tick(Duration::from_millis(200));
    let verdict = jackfield_kill::run(&options, |what| bar.set_message(what.to_owned())).await;
    bar.finish_and_clear();
    let verdict = verdict?;
    tell(&verdict, arguments.json)?;
    let good = verdict.figures.is_good();
    if !good && options.data == kept.path() {
        eprintln!("the hosts' data and logs are in {}", kept.keep().display());
    }
    Ok(good)
}

fn tell(verdict: &Verdict, json: bool) -> Result<()> {
    for finding in verdict.findings.iter().take(SHOWN) {
        eprintln!("{finding}");
    }
    if let Some(more) = verdict.findings.len().checked_sub(SHOWN + 1) {
        eprintln!("... and {} more", more + 1);
    }
    if json {
        println!("{}", serde_json::to_string(&verdict.figures)?);
    } else {
        print!("{}", table(&verdict.figures)?);
    }
    Ok(())
}

/// One figure a line.
fn table(figures: &Figures) -> Result<String> {
    let figures = serde_json::to_value(figures)?;
    let mut text = String::new();
    for (name, value) in figures.as_object().into_iter().flatten() {
        let value = value
            .as_str()
            .map_or_else(|| value.to_string(), str::to_owned);
        text.push_str(&format!("{:20} {value:>12}\n", name.replace('_', " ")));
    }
    Ok(text)
}
