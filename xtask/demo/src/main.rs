//! `jackfield-demo`: the main job, shown on a machine that has nothing but this repository.
//!
//! `cargo xtask demo` builds everything and then starts this program with the paths of what it
//! built. It starts the other side on loopback, a mailbox, a phone gateway and a CRM, servers that
//! know nothing of Jackfield ([`Peers`]); starts the host ([`host`]) and tells the story
//! ([`story`]).

mod host;
mod peers;
mod story;

use anyhow::Result;
use clap::Parser;
use host::Host;
use peers::Peers;
use std::path::PathBuf;
use std::process::ExitCode;

/// The demo: an event becomes a run that reaches a mailbox, a phone and a CRM.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask demo", bin_name = "cargo xtask demo")]
struct Options {
    /// The program `jackfield`
    #[arg(long, value_name = "FILE", hide = true)]
    jackfield: PathBuf,
    /// The folder with the plugins
    #[arg(long, value_name = "FOLDER", hide = true)]
    plugins: PathBuf,
    /// The folder with the example workflows
    #[arg(
        long,
        value_name = "FOLDER",
        hide = true,
        default_value = "examples/workflows"
    )]
    examples: PathBuf,
    /// Where the host keeps its files; emptied first
    #[arg(long, value_name = "FOLDER", default_value = "target/demo")]
    data: PathBuf,
    /// End when the run is over: 0 if it completed as expected
    #[arg(long)]
    exit: bool,
}

#[tokio::main]
async fn main() -> ExitCode {
    match demo(Options::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Without a backtrace: what went wrong is said in words.
            let said: Vec<String> = error.chain().map(ToString::to_string).collect();
            eprintln!("\nThe demo stopped: {}", said.join(": "));
            ExitCode::FAILURE
        }
    }
}

async fn demo(options: Options) -> Result<()> {
    let peers = Peers::start().await?;
    print!("{peers}");
    let mut host = Host::new(&options.jackfield, &options.plugins, &options.data)?;
    host.start().await?;
    println!("host       {}", host.url());
    story::set_up(&host, &peers, &options.examples).await?;
    let run = story::tell(&mut host, &peers).await?;
    story::check(&host, &peers, &run).await?;
    if options.exit {
        println!("\nThe run completed as expected.");
        return host.kill().await;
    }
    println!(
        "\nThe host serves on at {}; its files are in {}.",
        host.url(),
        host.data().display()
    );
    println!(
        "Try: JACKFIELD_URL={} JACKFIELD_DATA={} {} run list",
        host.url(),
        host.data().display(),
        options.jackfield.display()
    );
    println!("Ctrl-C ends it.");
    tokio::select! {
        ended = tokio::signal::ctrl_c() => ended?,
        ended = host.wait() => ended?,
    }
    Ok(())
}
