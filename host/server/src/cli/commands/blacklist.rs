//! `jackfield blacklist ...`

use crate::cli::Session;
use crate::cli::client::Body;
use crate::cli::exit::Failure;
use crate::cli::table::{As, Column, list, say};
use clap::{Subcommand, ValueEnum};
use reqwest::Method;
use serde_json::json;

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Lists the blacklist
    List {
        /// At most so many
        #[arg(long, default_value_t = 50)]
        limit: usize,
    },
    /// Puts an address or a pattern on it, or changes its entry
    Put {
        /// A telephone number, a mail address, id:... for what is neither, or a pattern: '+33899*',
        /// '*@spam.example'
        address: String,
        /// Which way is closed
        #[arg(long, value_enum, default_value_t = Direction::Both)]
        direction: Direction,
        /// For people
        #[arg(long)]
        note: Option<String>,
    },
    /// Takes an address or a pattern off it
    Delete {
        /// As it stands in the list
        address: String,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Direction {
    /// Nothing is taken from it
    Inbound,
    /// Nothing is sent to it
    Outbound,
    /// Neither
    Both,
}

const COLUMNS: &[Column] = &[
    ("address", "/address", As::Text),
    ("closed", "/direction", As::Text),
    ("note", "/note", As::Text),
    ("since", "/created-at", As::Time),
];

pub(crate) async fn run(session: Session, command: Command) -> Result<(), Failure> {
    let Session { client, json } = session;
    match command {
        Command::List { limit } => {
            let items = client.list(&["v1", "blacklist"], &[], limit).await?;
            list(json, &items, COLUMNS, "Nobody is on it.");
        }
        Command::Put {
            address,
            direction,
            note,
        } => {
            let direction = direction.to_possible_value();
            let direction = direction
                .as_ref()
                .map(clap::builder::PossibleValue::get_name);
            let body = Body::Json(json!({"direction": direction, "note": note}));
            let path = ["v1", "blacklist", &address];
            let answer = client.call(Method::PUT, &path, &[], body).await?;
            say(json, &answer, &format!("{address} is on the blacklist"));
        }
        Command::Delete { address } => {
            let path = ["v1", "blacklist", &address];
            let answer = client.call(Method::DELETE, &path, &[], Body::Empty).await?;
            say(json, &answer, &format!("{address} is off the blacklist"));
        }
    }
    Ok(())
}
