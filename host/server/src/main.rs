//! The binary `jackfield`: a host and its commands. All of it lives in the library.

mod memory;

use clap::Parser as _;
use std::process::ExitCode;

fn main() -> ExitCode {
    let cli = jackfield_server::cli::Cli::parse();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .on_thread_park(memory::give_back)
        .build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("error: no threads can be started ({error})");
            return ExitCode::FAILURE;
        }
    };
    let code = runtime.block_on(memory::giving_back(cli.run()));
    // What is still on a thread of its own (a plugin that compiles) must not keep the process.
    runtime.shutdown_background();
    code
}
