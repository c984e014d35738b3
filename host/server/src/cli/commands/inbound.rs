//! `jackfield inbound ...`

use crate::cli::Session;
use crate::cli::exit::Failure;
use crate::cli::table::{As, Column, list, say};
use clap::Subcommand;
use serde_json::json;

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Lists providers' requests that could not be read, newest first
    List {
        /// Only of this channel
        #[arg(long)]
        channel: Option<String>,
        /// At most so many
        #[arg(long, default_value_t = 50)]
        limit: usize,
    },
    /// Reads one again, after the connector or its settings were mended
    Replay {
        /// Its id
        id: String,
    },
}

const COLUMNS: &[Column] = &[
    ("id", "/id", As::Text),
    ("channel", "/channel", As::Text),
    ("state", "/state", As::State),
    ("why", "/error", As::Text),
    ("when", "/at", As::Time),
];

pub(crate) async fn run(session: Session, command: Command) -> Result<(), Failure> {
    let Session { client, json } = session;
    match command {
        Command::List { channel, limit } => {
            let query: Vec<(&str, String)> = channel
                .into_iter()
                .map(|channel| ("channel", channel))
                .collect();
            let items = client
                .list(&["v1", "inbound-failures"], &query, limit)
                .await?;
            list(
                json,
                &items,
                COLUMNS,
                "Everything that providers sent could be read.",
            );
        }
        Command::Replay { id } => {
            let path = ["v1", "inbound-failures", id.as_str(), "replay"];
            let answer = client.post(&path, json!({})).await?;
            say(json, &answer, &format!("{id} was read"));
        }
    }
    Ok(())
}
