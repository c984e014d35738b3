//! `jackfield table ...`

use crate::cli::Session;
use crate::cli::client::Body;
use crate::cli::exit::Failure;
use crate::cli::table::{As, Column, list, say};
use clap::Subcommand;
use reqwest::Method;
use serde_json::json;

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Lists the tables
    List,
    /// Shows a table
    Show {
        /// Its name
        name: String,
    },
    /// Makes a table, or changes its title
    Put {
        /// Its name: lower-case words with hyphens
        name: String,
        /// A column; once for each, in order
        #[arg(long = "column", required = true)]
        columns: Vec<String>,
        /// For people
        #[arg(long)]
        title: Option<String>,
    },
    /// Writes the rows of a table as CSV
    Export {
        /// Its name
        name: String,
    },
    /// Deletes a table with its rows
    Delete {
        /// Its name
        name: String,
    },
}

const TABLES: &[Column] = &[
    ("name", "/name", As::Text),
    ("title", "/title", As::Text),
    ("columns", "/columns", As::Text),
    ("since", "/created-at", As::Time),
];

pub(crate) async fn run(session: Session, command: Command) -> Result<(), Failure> {
    let Session { client, json } = session;
    match command {
        Command::List => {
            let items = client.list(&["v1", "tables"], &[], usize::MAX).await?;
            list(json, &items, TABLES, "There is no table yet.");
        }
        Command::Show { name } => {
            let table = client.get(&["v1", "tables", &name], &[]).await?;
            list(json, &[table], TABLES, "There is no such table.");
        }
        Command::Put {
            name,
            columns,
            title,
        } => {
            let body = json!({"title": title, "columns": columns});
            let path = ["v1", "tables", name.as_str()];
            let answer = client
                .call(Method::PUT, &path, &[], Body::Json(body))
                .await?;
            say(json, &answer, &format!("{name} is there"));
        }
        Command::Export { name } => {
            let path = ["v1", "tables", &name, "export"];
            let out = &mut std::io::stdout();
            return client.download(&path, &[], out).await;
        }
        Command::Delete { name } => {
            let path = ["v1", "tables", name.as_str()];
            let answer = client.call(Method::DELETE, &path, &[], Body::Empty).await?;
            say(json, &answer, &format!("{name} is deleted"));
        }
    }
    Ok(())
}
