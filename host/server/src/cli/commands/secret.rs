//! `jackfield secret ...`: values come from standard input or a file, never from the command line.

use crate::cli::Session;
use crate::cli::client::Body;
use crate::cli::exit::Failure;
use crate::cli::input;
use crate::cli::table::{As, Column, list, say};
use clap::Subcommand;
use reqwest::Method;
use serde_json::json;

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Sets a secret; its value is read from a file or standard input
    Set {
        /// Its name
        name: String,
        /// The file that holds the value; `-` for standard input
        #[arg(long, default_value = "-")]
        file: String,
        /// Of this channel instead of the workspace
        #[arg(long, value_name = "CHANNEL")]
        channel: Option<String>,
    },
    /// Lists the names of the secrets
    List {
        /// Of this channel instead of the workspace
        #[arg(long, value_name = "CHANNEL")]
        channel: Option<String>,
    },
    /// Deletes a secret
    Delete {
        /// Its name
        name: String,
        /// Of this channel instead of the workspace
        #[arg(long, value_name = "CHANNEL")]
        channel: Option<String>,
    },
}

const COLUMNS: &[Column] = &[
    ("name", "/name", As::Text),
    ("set", "/updated-at", As::Time),
];

pub(crate) async fn run(session: Session, command: Command) -> Result<(), Failure> {
    let Session { client, json } = session;
    match command {
        Command::Set {
            name,
            file,
            channel,
        } => {
            let value = input::text(&file)?;
            let value = value.trim_end_matches(['\r', '\n']);
            let body = Body::Json(json!({"value": value}));
            let answer = client
                .call(Method::PUT, &path(&channel, &name), &[], body)
                .await?;
            say(json, &answer, &format!("{name} is set"));
        }
        Command::List { channel } => {
            let mut path = path(&channel, "");
            path.pop();
            let items = client.list(&path, &[], usize::MAX).await?;
            list(json, &items, COLUMNS, "There are no secrets.");
        }
        Command::Delete { name, channel } => {
            let path = path(&channel, &name);
            let answer = client.call(Method::DELETE, &path, &[], Body::Empty).await?;
            say(json, &answer, &format!("{name} is deleted"));
        }
    }
    Ok(())
}

fn path<'a>(channel: &'a Option<String>, name: &'a str) -> Vec<&'a str> {
    match channel {
        Some(channel) => vec!["v1", "channels", channel, "secrets", name],
        None => vec!["v1", "secrets", name],
    }
}
