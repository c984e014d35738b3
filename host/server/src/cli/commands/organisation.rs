//! `jackfield organisation ...`

use crate::cli::Session;
use crate::cli::client::Body;
use crate::cli::exit::Failure;
use crate::cli::table::{As, Column, list, one, say};
use clap::Subcommand;
use reqwest::Method;
use serde_json::json;

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Lists the organisations
    List,
    /// Makes an organisation
    Create {
        /// Its id: lower-case words with hyphens
        id: String,
        /// For people [default: the id]
        #[arg(long)]
        title: Option<String>,
    },
    /// Shows an organisation with its workspaces
    Show {
        /// Its id
        id: String,
    },
    /// Gives an organisation another title
    Update {
        /// Its id
        id: String,
        /// For people
        #[arg(long)]
        title: String,
    },
    /// Deletes an organisation that has no workspace any more; its keys end
    Delete {
        /// Its id
        id: String,
    },
}

const COLUMNS: &[Column] = &[
    ("id", "/id", As::Text),
    ("title", "/title", As::Text),
    ("workspaces", "/workspaces", As::Words),
    ("made", "/created-at", As::Time),
];

pub(crate) async fn run(session: Session, command: Command) -> Result<(), Failure> {
    let Session { client, json } = session;
    const ROOT: [&str; 2] = ["v1", "organisations"];
    match command {
        Command::List => {
            let items = client.list(&ROOT, &[], usize::MAX).await?;
            list(json, &items, COLUMNS, "There are no organisations.");
        }
        Command::Create { id, title } => {
            let answer = client
                .post(&ROOT, json!({"id": id, "title": title}))
                .await?;
            say(json, &answer, &format!("{id} is there"));
        }
        Command::Show { id } => {
            let answer = client.get(&["v1", "organisations", &id], &[]).await?;
            one(json, &answer, COLUMNS);
        }
        Command::Update { id, title } => {
            let body = Body::Json(json!({"title": title}));
            let path = ["v1", "organisations", id.as_str()];
            let answer = client.call(Method::PATCH, &path, &[], body).await?;
            say(json, &answer, &format!("{id} is changed"));
        }
        Command::Delete { id } => {
            let path = ["v1", "organisations", id.as_str()];
            let answer = client.call(Method::DELETE, &path, &[], Body::Empty).await?;
            say(json, &answer, &format!("{id} is deleted"));
        }
    }
    Ok(())
}
