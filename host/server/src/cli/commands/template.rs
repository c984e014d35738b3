//! `jackfield template ...`

use crate::cli::Session;
use crate::cli::client::Body;
use crate::cli::exit::Failure;
use crate::cli::input;
use crate::cli::table::{As, Column, list, print_json, say};
use crate::cli::text;
use clap::Subcommand;
use reqwest::Method;
use serde_json::{Value, json};

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Makes or replaces a template
    Put {
        /// Its name: lower-case words with hyphens
        name: String,
        /// The file of its HTML; `-` for standard input
        file: String,
        /// The subject, for mails
        #[arg(long)]
        subject: Option<String>,
        /// The file of its plain text
        #[arg(long, value_name = "FILE")]
        text: Option<String>,
    },
    /// Lists the templates
    List,
    /// Shows a template
    Show {
        /// Its name
        name: String,
    },
    /// Deletes a template
    Delete {
        /// Its name
        name: String,
    },
}

const COLUMNS: &[Column] = &[
    ("name", "/name", As::Text),
    ("subject", "/subject", As::Text),
    ("plain text", "/text", As::Whether),
    ("changed", "/updated-at", As::Time),
];

pub(crate) async fn run(session: Session, command: Command) -> Result<(), Failure> {
    let Session { client, json } = session;
    match command {
        Command::Put {
            name,
            file,
            subject,
            text,
        } => {
            let body = json!({
                "html": input::text(&file)?,
                "subject": subject,
                "text": text.as_deref().map(input::text).transpose()?,
            });
            let path = ["v1", "templates", name.as_str()];
            let answer = client
                .call(Method::PUT, &path, &[], Body::Json(body))
                .await?;
            say(json, &answer, &format!("template {name} is kept"));
        }
        Command::List => {
            let items = client.list(&["v1", "templates"], &[], usize::MAX).await?;
            list(json, &items, COLUMNS, "There are no templates.");
        }
        Command::Show { name } => {
            let answer = client.get(&["v1", "templates", &name], &[]).await?;
            if json {
                print_json(&answer);
            } else {
                for (title, part) in [("subject", "subject"), ("text", "text"), ("html", "html")] {
                    if let Some(source) = answer.get(part).and_then(Value::as_str) {
                        println!("{title}:\n{}\n", text::safe(source).trim_end());
                    }
                }
            }
        }
        Command::Delete { name } => {
            let path = ["v1", "templates", name.as_str()];
            let answer = client.call(Method::DELETE, &path, &[], Body::Empty).await?;
            say(json, &answer, &format!("template {name} is deleted"));
        }
    }
    Ok(())
}
