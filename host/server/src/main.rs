//! The binary `jackfield`: a host and its commands. All of it lives in the library.

use clap::Parser as _;

#[tokio::main]
async fn main() -> std::process::ExitCode {
    jackfield_server::cli::Cli::parse().run().await
}
