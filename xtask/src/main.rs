//! `cargo xtask …`: the project's own commands.
//!
//! `demo` and `test` are the two commands that a newcomer types on a fresh machine, so everything
//! here brings what is missing (the wasm target, `cargo deny`, the real peers of the end-to-end
//! tests) and says in plain words what to do where it cannot. What must hold: a second run does
//! nothing twice; nothing is written outside `target/`; a command that fails exits with a status
//! other than 0 and names the command line that failed.
//!
//! Where to start reading: [`wasm_target`] (which compiler builds the plugins), [`plugins`] (from
//! crates to components), [`mod@test`] (the stages of a test run). The demo's own story and the servers
//! that it talks to are crates of their own (`xtask/demo`, `xtask/peers`), so that this one compiles
//! in seconds.

mod apt;
mod authors;
mod bench;
mod demo;
mod deny;
mod doctor;
mod fuzz;
mod kill;
mod peers;
mod peers_bench;
mod plugins;
mod postgres;
mod registry;
mod repo;
mod shell;
mod test;
mod wasm_target;

use clap::{Parser, Subcommand};
use std::process::ExitCode;

#[derive(Parser)]
#[command(
    name = "cargo xtask",
    about = "Jackfield's own commands",
    disable_help_subcommand = true
)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Build everything, start Jackfield with real peers on loopback and run the main job
    Demo(demo::Options),
    /// Run every check and every test, in stages, up to the first that fails
    Test(test::Options),
    /// Build the plugins into target/plugins/NAME.wasm
    Plugins(plugins::Options),
    /// Build the example plugins in every language into target/plugins-examples/NAME.wasm
    Examples,
    /// Run the benchmarks against a release build
    Bench(bench::Options),
    /// Kill hosts under load at random instants, and audit what they did
    Kill(kill::Options),
    /// Run the fuzz targets of everything that reads what strangers write
    Fuzz(fuzz::Options),
    /// Say what this machine has, what is missing and how to get it
    Doctor,
}

fn main() -> ExitCode {
    let result = match Arguments::parse().command {
        Command::Demo(options) => demo::run(&options),
        Command::Test(options) => test::run(&options),
        Command::Plugins(options) => plugins::run(&options),
        Command::Examples => authors::run(),
        Command::Bench(options) => bench::run(&options),
        Command::Kill(options) => kill::run(&options),
        Command::Fuzz(options) => fuzz::run(&options),
        Command::Doctor => doctor::run(),
    };
    match result {
        Ok(code) => code,
        Err(error) => {
            eprintln!("\nerror: {error:#}");
            ExitCode::FAILURE
        }
    }
}
