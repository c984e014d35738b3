//! `jackfield calendar ...`

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
    /// Lists the calendars
    List,
    /// Makes a calendar, or changes its hours
    Put {
        /// Its name: lower-case words with hyphens
        name: String,
        /// The hours as JSON, such as '{"monday": ["09:00-18:00"]}', or @file
        #[arg(required_unless_present = "preset")]
        hours: Option<String>,
        /// Copies hours that ship with Jackfield: `fr`, `us`
        #[arg(long, conflicts_with = "hours")]
        preset: Option<String>,
        /// For people
        #[arg(long)]
        title: Option<String>,
    },
    /// Shows a calendar
    Show {
        /// Its name
        name: String,
    },
    /// Deletes a calendar that nothing names
    Delete {
        /// Its name
        name: String,
    },
}

const COLUMNS: &[Column] = &[
    ("name", "/name", As::Text),
    ("title", "/title", As::Text),
    ("hours", "/hours", As::Text),
    ("changed", "/updated-at", As::Time),
];

pub(crate) async fn run(session: Session, command: Command) -> Result<(), Failure> {
    let Session { client, json } = session;
    match command {
        Command::List => {
            let items = client.list(&["v1", "calendars"], &[], usize::MAX).await?;
            list(json, &items, COLUMNS, "There is no calendar.");
        }
        Command::Put {
            name,
            hours,
            preset,
            title,
        } => {
            let hours = match hours {
                Some(hours) => input::json(&hours)?,
                None => json!({"preset": preset}),
            };
            let path = ["v1", "calendars", &name];
            let body = Body::Json(json!({"title": title, "hours": hours}));
            let answer = client.call(Method::PUT, &path, &[], body).await?;
            say(json, &answer, &format!("{name} is there"));
        }
        Command::Show { name } => {
            let answer = client.get(&["v1", "calendars", &name], &[]).await?;
            one(json, &answer, COLUMNS);
        }
        Command::Delete { name } => {
            let path = ["v1", "calendars", &name];
            let answer = client.call(Method::DELETE, &path, &[], Body::Empty).await?;
            say(json, &answer, &format!("{name} is deleted"));
        }
    }
    Ok(())
}
