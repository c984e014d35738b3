//! `jackfield opt-out ...`

use crate::cli::Session;
use crate::cli::exit::Failure;
use crate::cli::table::{As, Column, list, say};
use clap::Subcommand;
use serde_json::json;

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Lists who wants nothing more, those who took it back too
    List {
        /// Only of this address
        #[arg(long)]
        address: Option<String>,
        /// At most so many
        #[arg(long, default_value_t = 50)]
        limit: usize,
    },
    /// Notes that an address wants nothing more
    Add {
        /// The address
        address: String,
        /// Only by this channel
        #[arg(long, value_name = "CHANNEL")]
        channel: Option<String>,
    },
    /// Takes an opt-out back
    Clear {
        /// The address
        address: String,
        /// Only of this channel
        #[arg(long, value_name = "CHANNEL")]
        channel: Option<String>,
    },
}

const COLUMNS: &[Column] = &[
    ("address", "/address", As::Text),
    ("scope", "/scope", As::Text),
    ("by", "/source", As::Text),
    ("words", "/text", As::Text),
    ("since", "/at", As::Time),
    ("taken back", "/cleared-at", As::Time),
];

pub(crate) async fn run(session: Session, command: Command) -> Result<(), Failure> {
    let Session { client, json } = session;
    match command {
        Command::List { address, limit } => {
            let query: Vec<(&str, String)> = address
                .into_iter()
                .map(|address| ("address", address))
                .collect();
            let items = client.list(&["v1", "opt-outs"], &query, limit).await?;
            list(json, &items, COLUMNS, "Nobody has opted out.");
        }
        Command::Add { address, channel } => {
            let body = json!({"address": address, "channel": channel});
            let answer = client.post(&["v1", "opt-outs"], body).await?;
            say(json, &answer, &format!("{address} gets nothing more"));
        }
        Command::Clear { address, channel } => {
            let body = json!({"address": address, "channel": channel});
            let answer = client.post(&["v1", "opt-outs", "clear"], body).await?;
            say(json, &answer, &format!("{address} may be written to again"));
        }
    }
    Ok(())
}
