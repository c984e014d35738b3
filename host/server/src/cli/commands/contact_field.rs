//! `jackfield contact-field ...`

use crate::cli::Session;
use crate::cli::client::Body;
use crate::cli::exit::Failure;
use crate::cli::table::{As, Column, list, one, say};
use clap::Subcommand;
use reqwest::Method;
use serde_json::json;

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Lists the custom fields
    List,
    /// Makes or changes a custom field
    Put {
        /// Its name, as in `$contact.city`
        name: String,
        /// What it holds
        #[arg(long, value_parser = [
            "text", "list", "checkbox", "email", "number", "url", "date", "time", "phone",
            "time-zone"
        ])]
        kind: String,
        /// For people [default: the name]
        #[arg(long)]
        title: Option<String>,
        /// A value that a list allows; may be repeated
        #[arg(long = "option", value_name = "VALUE")]
        options: Vec<String>,
    },
    /// Deletes a custom field
    Delete {
        /// Its name
        name: String,
    },
}

const COLUMNS: &[Column] = &[
    ("name", "/name", As::Text),
    ("kind", "/kind", As::Text),
    ("title", "/title", As::Text),
    ("options", "/options", As::Words),
];

pub(crate) async fn run(session: Session, command: Command) -> Result<(), Failure> {
    let Session { client, json } = session;
    match command {
        Command::List => {
            let items = client
                .list(&["v1", "contact-fields"], &[], usize::MAX)
                .await?;
            list(json, &items, COLUMNS, "There are no custom fields.");
        }
        Command::Put {
            name,
            kind,
            title,
            options,
        } => {
            let body = json!({
                "kind": kind,
                "title": title.unwrap_or_else(|| name.clone()),
                "options": options,
            });
            let path = ["v1", "contact-fields", name.as_str()];
            one(
                json,
                &client
                    .call(Method::PUT, &path, &[], Body::Json(body))
                    .await?,
                COLUMNS,
            );
        }
        Command::Delete { name } => {
            let path = ["v1", "contact-fields", name.as_str()];
            let answer = client.call(Method::DELETE, &path, &[], Body::Empty).await?;
            say(json, &answer, &format!("{name} is deleted"));
        }
    }
    Ok(())
}
