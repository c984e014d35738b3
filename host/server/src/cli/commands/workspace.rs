//! `jackfield workspace ...`

use crate::cli::Session;
use crate::cli::client::Body;
use crate::cli::exit::Failure;
use crate::cli::input;
use crate::cli::table::{As, Column, list, print_json};
use clap::Subcommand;
use reqwest::Method;
use serde_json::json;

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Lists the workspaces
    List,
    /// Makes a workspace
    Create {
        /// Its id: lower-case words with hyphens
        id: String,
        /// For people [default: the id]
        #[arg(long)]
        title: Option<String>,
        /// The organisation that owns it [default: main]
        #[arg(long)]
        organisation: Option<String>,
    },
    /// Gives a workspace to another organisation
    Move {
        /// Its id
        id: String,
        /// The organisation that is to own it
        organisation: String,
    },
    /// Shows a workspace with its settings
    Show {
        /// Its id
        id: String,
    },
    /// Changes settings; null takes one back to its default
    Set {
        /// Its id
        id: String,
        /// The settings: JSON, `@FILE`, or `-` for standard input
        settings: String,
    },
}

const COLUMNS: &[Column] = &[
    ("id", "/id", As::Text),
    ("title", "/title", As::Text),
    ("organisation", "/organisation", As::Text),
    ("made", "/created-at", As::Time),
];

pub(crate) async fn run(session: Session, command: Command) -> Result<(), Failure> {
    let Session { client, json } = session;
    match command {
        Command::List => {
            let items = client.list(&["v1", "workspaces"], &[], usize::MAX).await?;
            list(json, &items, COLUMNS, "There are no workspaces.");
        }
        Command::Create {
            id,
            title,
            organisation,
        } => {
            let title = title.unwrap_or_else(|| id.clone());
            let body = json!({"id": id, "title": title, "organisation": organisation});
            print_json(&client.post(&["v1", "workspaces"], body).await?);
        }
        Command::Move { id, organisation } => {
            let body = Body::Json(json!({"organisation": organisation}));
            let path = ["v1", "workspaces", id.as_str()];
            print_json(&client.call(Method::PATCH, &path, &[], body).await?);
        }
        Command::Show { id } => {
            print_json(&client.get(&["v1", "workspaces", &id], &[]).await?);
        }
        Command::Set { id, settings } => {
            let body = Body::Json(json!({"settings": input::json(&settings)?}));
            let path = ["v1", "workspaces", id.as_str()];
            print_json(&client.call(Method::PATCH, &path, &[], body).await?);
        }
    }
    Ok(())
}
