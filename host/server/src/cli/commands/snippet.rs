//! `jackfield snippet ...`

use crate::cli::Session;
use crate::cli::client::Body;
use crate::cli::exit::Failure;
use crate::cli::input;
use crate::cli::table::{As, Column, list, one, say};
use clap::Subcommand;
use reqwest::Method;
use serde_json::json;

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Lists the snippets
    List,
    /// Makes or replaces a snippet
    #[command(group(clap::ArgGroup::new("source").required(true)))]
    Put {
        /// Its name: lower-case words with hyphens
        name: String,
        /// The text, with variables such as $contact.firstname
        #[arg(long, group = "source")]
        text: Option<String>,
        /// The file of its text; `-` for standard input
        #[arg(long, value_name = "FILE", group = "source")]
        text_file: Option<String>,
        /// What it is about, for people
        #[arg(long)]
        topic: Option<String>,
        /// The address of a file on the web; may be given several times
        #[arg(long = "attachment", value_name = "URL")]
        attachments: Vec<String>,
    },
    /// Shows a snippet
    Show {
        /// Its name
        name: String,
    },
    /// Deletes a snippet that nothing puts in any more
    Delete {
        /// Its name
        name: String,
    },
}

const COLUMNS: &[Column] = &[
    ("name", "/name", As::Text),
    ("topic", "/topic", As::Text),
    ("text", "/text", As::Text),
    ("changed", "/updated-at", As::Time),
];

const DETAILS: &[Column] = &[
    ("name", "/name", As::Text),
    ("topic", "/topic", As::Text),
    ("text", "/text", As::Text),
    ("attachments", "/attachments", As::Text),
    ("made", "/created-at", As::Time),
    ("changed", "/updated-at", As::Time),
];

pub(crate) async fn run(session: Session, command: Command) -> Result<(), Failure> {
    let Session { client, json } = session;
    match command {
        Command::List => {
            let items = client.list(&["v1", "snippets"], &[], usize::MAX).await?;
            list(json, &items, COLUMNS, "There are no snippets.");
        }
        Command::Put {
            name,
            text,
            text_file,
            topic,
            attachments,
        } => {
            let from_file = text_file.as_deref().map(input::text).transpose()?;
            let body = json!({
                "topic": topic,
                "text": text.or(from_file).unwrap_or_default(),
                "attachments": attachments,
            });
            let path = ["v1", "snippets", name.as_str()];
            let answer = client
                .call(Method::PUT, &path, &[], Body::Json(body))
                .await?;
            say(json, &answer, &format!("snippet {name} is kept"));
        }
        Command::Show { name } => {
            let answer = client.get(&["v1", "snippets", &name], &[]).await?;
            one(json, &answer, DETAILS);
        }
        Command::Delete { name } => {
            let path = ["v1", "snippets", name.as_str()];
            let answer = client.call(Method::DELETE, &path, &[], Body::Empty).await?;
            say(json, &answer, &format!("snippet {name} is deleted"));
        }
    }
    Ok(())
}
