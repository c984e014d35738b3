//! `jackfield queue ...`

use crate::cli::Session;
use crate::cli::client::Body;
use crate::cli::exit::Failure;
use crate::cli::table::{As, Column, list, say};
use clap::Subcommand;
use reqwest::Method;
use serde_json::json;

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Lists the contacts that wait for somebody, in the order in which they are served
    List {
        /// At most so many
        #[arg(long, default_value_t = 50)]
        limit: usize,
    },
    /// Shows each queue: how many wait, and how well it was attended to today
    Stats,
    /// Gives a waiting contact to the user who takes it
    Take {
        /// The place's id
        place: String,
        /// Id, mail address or name
        #[arg(long)]
        user: String,
    },
    /// Takes a contact out of the queue
    Leave {
        /// The place's id
        place: String,
    },
}

const PLACES: &[Column] = &[
    ("place", "/id", As::Text),
    ("contact", "/contact", As::Text),
    ("team", "/request/team", As::Text),
    ("since", "/since", As::Text),
];

const QUEUES: &[Column] = &[
    ("team", "/team", As::Text),
    ("waiting", "/waiting", As::Text),
    ("max", "/max-waiting", As::Text),
    ("attended", "/today/attended", As::Text),
    ("late", "/today/attended-late", As::Text),
    ("abandoned", "/today/abandoned", As::Text),
    ("abandoned late", "/today/abandoned-late", As::Text),
    ("service level", "/today/service-level", As::Text),
];

pub(crate) async fn run(session: Session, command: Command) -> Result<(), Failure> {
    let Session { client, json } = session;
    match command {
        Command::List { limit } => {
            let items = client.list(&["v1", "queue"], &[], limit).await?;
            list(json, &items, PLACES, "Nobody waits.");
        }
        Command::Stats => {
            let items = client.list(&["v1", "queues"], &[], usize::MAX).await?;
            list(json, &items, QUEUES, "There is no queue.");
        }
        Command::Take { place, user } => {
            let path = ["v1", "queue", &place, "take"];
            let answer = client.post(&path, json!({"user": user})).await?;
            say(json, &answer, &format!("{user} has it"));
        }
        Command::Leave { place } => {
            let path = ["v1", "queue", &place];
            let answer = client.call(Method::DELETE, &path, &[], Body::Empty).await?;
            say(json, &answer, "it waits no more");
        }
    }
    Ok(())
}
