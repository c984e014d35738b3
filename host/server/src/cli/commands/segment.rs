//! `jackfield segment ...`

use super::contact::COLUMNS as CONTACTS;
use crate::cli::Session;
use crate::cli::client::{Body, Client};
use crate::cli::exit::Failure;
use crate::cli::input;
use crate::cli::progress;
use crate::cli::table::{As, Column, list, one, say};
use clap::Subcommand;
use reqwest::Method;
use serde_json::{Value, json};

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Lists the segments
    List,
    /// Makes a segment, or replaces its filter
    Put {
        /// Its name: lower-case words with hyphens
        name: String,
        /// The condition as JSON, such as '{"field": "contact.country", "is": "FR"}', or @file
        filter: String,
        /// For people
        #[arg(long)]
        title: Option<String>,
        /// For people
        #[arg(long)]
        description: Option<String>,
        /// In which dates are read; the workspace's where left out
        #[arg(long)]
        time_zone: Option<String>,
    },
    /// Shows a segment
    Show {
        /// Its name
        name: String,
    },
    /// Deletes a segment; its contacts stay
    Delete {
        /// Its name
        name: String,
    },
    /// Lists the contacts of a segment
    Contacts {
        /// Its name
        name: String,
        /// At most so many
        #[arg(long, default_value_t = 50)]
        limit: usize,
    },
    /// Counts the contacts of a segment
    Count {
        /// Its name
        name: String,
    },
}

const SEGMENTS: &[Column] = &[
    ("name", "/name", As::Text),
    ("title", "/title", As::Text),
    ("built in", "/built-in", As::Whether),
    ("changed", "/updated-at", As::Time),
];

const SEGMENT: &[Column] = &[
    ("name", "/name", As::Text),
    ("title", "/title", As::Text),
    ("description", "/description", As::Text),
    ("filter", "/filter", As::Text),
    ("time zone", "/time-zone", As::Text),
    ("built in", "/built-in", As::Whether),
    ("changed", "/updated-at", As::Time),
];

pub(crate) async fn run(session: Session, command: Command) -> Result<(), Failure> {
    let Session { client, json } = session;
    match command {
        Command::List => {
            let items = client.list(&["v1", "segments"], &[], usize::MAX).await?;
            list(json, &items, SEGMENTS, "There is no segment.");
        }
        Command::Put {
            name,
            filter,
            title,
            description,
            time_zone,
        } => {
            let filter = input::json(&filter)?;
            let body = json!({
                "title": title, "description": description, "filter": filter, "time-zone": time_zone,
            });
            let path = ["v1", "segments", &name];
            let answer = client
                .call(Method::PUT, &path, &[], Body::Json(body))
                .await?;
            say(json, &answer, &format!("{name} is there"));
        }
        Command::Show { name } => {
            let answer = client.get(&["v1", "segments", &name], &[]).await?;
            one(json, &answer, SEGMENT);
        }
        Command::Delete { name } => {
            let path = ["v1", "segments", &name];
            let answer = client.call(Method::DELETE, &path, &[], Body::Empty).await?;
            say(json, &answer, &format!("{name} is deleted"));
        }
        Command::Contacts { name, limit } => {
            let query = [("segment", name)];
            let items = client.list(&["v1", "contacts"], &query, limit).await?;
            list(json, &items, CONTACTS, "Nobody is in it.");
        }
        Command::Count { name } => {
            let count = count(&client, &name).await?;
            say(json, &json!({"count": count}), &count.to_string());
        }
    }
    Ok(())
}

/// The sum over all pages.
async fn count(client: &Client, segment: &str) -> Result<u64, Failure> {
    let bar = progress::spinner("counting");
    let (mut count, mut cursor) = (0, Value::Null);
    loop {
        let body = json!({"segment": segment, "cursor": cursor});
        let mut answer = client.post(&["v1", "contacts", "count"], body).await?;
        count += answer["count"].as_u64().unwrap_or_default();
        bar.set_message(format!("counting: {count}"));
        cursor = answer["next"].take();
        if cursor.is_null() {
            bar.finish_and_clear();
            return Ok(count);
        }
    }
}
