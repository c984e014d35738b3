//! `jackfield shortcut ...`

use super::event::accepted;
use crate::cli::Session;
use crate::cli::client::Body;
use crate::cli::exit::Failure;
use crate::cli::input;
use crate::cli::table::{As, Column, list};
use clap::Subcommand;
use reqwest::Method;
use serde_json::json;

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Lists the shortcuts of live workflows
    List,
    /// Fills in the form of a workflow, which starts it about a contact
    Run {
        /// The workflow's name
        workflow: String,
        /// The contact: its id, `phone:+33...` or `email:...`
        #[arg(long, value_name = "WHO")]
        contact: String,
        /// A value, as `variable=value`; may be given several times
        #[arg(long = "value", value_name = "VARIABLE=VALUE")]
        values: Vec<String>,
        /// Who fills it in: a user's id or mail address
        #[arg(long)]
        user: Option<String>,
        /// Sent twice with the same key, it is accepted once
        #[arg(long, value_name = "KEY")]
        idempotency_key: Option<String>,
    },
}

const COLUMNS: &[Column] = &[
    ("workflow", "/workflow", As::Text),
    ("icon", "/icon", As::Text),
    ("title", "/title", As::Text),
    ("description", "/description", As::Text),
    ("form", "/form", As::Text),
];

pub(crate) async fn run(session: Session, command: Command) -> Result<(), Failure> {
    let Session { client, json } = session;
    match command {
        Command::List => {
            let items = client.list(&["v1", "shortcuts"], &[], usize::MAX).await?;
            let none = "No live workflow has the trigger `shortcut`.";
            list(json, &items, COLUMNS, none);
        }
        Command::Run {
            workflow,
            contact,
            values,
            user,
            idempotency_key,
        } => {
            let body = json!({"contact": contact, "values": input::pairs(&values)?, "user": user});
            let key = idempotency_key.unwrap_or_else(|| uuid::Uuid::new_v4().to_string());
            let headers = [("idempotency-key", key.as_str())];
            let path = ["v1", "shortcuts", &workflow];
            let sent = client.send(Method::POST, &path, &[], Body::Json(body), &headers);
            let answer = client.read(sent.await?).await?;
            accepted(json, &answer);
        }
    }
    Ok(())
}
