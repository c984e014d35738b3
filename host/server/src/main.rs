//! The binary `jackfield`: a host and its commands. All of it lives in the library.

use clap::Parser as _;
use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let cli = jackfield_server::cli::Cli::parse();
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("error: no threads can be started ({error})");
            return ExitCode::FAILURE;
        }
    };
    let code = runtime.block_on(cli.run());
    // What is still on a thread of its own (a plugin that compiles) must not keep the process.
    runtime.shutdown_background();
    code
}
