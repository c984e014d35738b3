//! `jackfield host ...`: the hosts that share a database.

use crate::cli::Session;
use crate::cli::exit::Failure;
use crate::cli::table::{As, Column, list};
use clap::Subcommand;
use serde_json::Value;

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Lists the living hosts and how many buckets each owns
    List,
}

const COLUMNS: &[Column] = &[
    ("host", "/id", As::Text),
    ("buckets", "/buckets", As::Text),
    ("lease (ms)", "/lease-ms", As::Text),
    ("answers", "/this", As::Text),
];

pub(crate) async fn run(session: Session, command: Command) -> Result<(), Failure> {
    let Session { client, json } = session;
    match command {
        Command::List => {
            let hosts = client.get(&["v1", "hosts"], &[]).await?;
            let items = hosts.get("items").and_then(Value::as_array);
            list(
                json,
                items.map_or(&[][..], Vec::as_slice),
                COLUMNS,
                "There are no hosts.",
            );
        }
    }
    Ok(())
}
