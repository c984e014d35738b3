//! `jackfield team ...`

use crate::cli::Session;
use crate::cli::client::Body;
use crate::cli::exit::Failure;
use crate::cli::table::{As, Column, list, say};
use clap::Subcommand;
use reqwest::Method;
use serde_json::{Value, json};

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Lists the teams
    List,
    /// Shows a team with its users
    Show {
        /// Its name
        name: String,
    },
    /// Makes a team, or changes its title, its users and its queue
    Put {
        /// Its name: lower-case words with hyphens
        name: String,
        /// For people
        #[arg(long)]
        title: Option<String>,
        /// A user, in the order that `linear` follows, with a penalty of 0 to 100 behind a colon where
        /// there is one: ann@example.com:20. Several times; all users of the team are named
        #[arg(long = "member")]
        members: Vec<String>,
        /// How many contacts may wait for it; 0 for any number
        #[arg(long)]
        max_waiting: Option<u32>,
    },
    /// Deletes a team; its users stay
    Delete {
        /// Its name
        name: String,
    },
}

const TEAMS: &[Column] = &[
    ("team", "/name", As::Text),
    ("title", "/title", As::Text),
    ("since", "/created-at", As::Time),
];

const MEMBERS: &[Column] = &[
    ("user", "/user", As::Text),
    ("position", "/position", As::Text),
    ("penalty", "/penalty", As::Text),
];

pub(crate) async fn run(session: Session, command: Command) -> Result<(), Failure> {
    let Session { client, json } = session;
    match command {
        Command::List => {
            let items = client.list(&["v1", "teams"], &[], usize::MAX).await?;
            list(json, &items, TEAMS, "There is no team yet.");
        }
        Command::Show { name } => {
            let path = ["v1", "teams", &name];
            let team = client.call(Method::GET, &path, &[], Body::Empty).await?;
            let members = team["members"].as_array().cloned().unwrap_or_default();
            list(json, &members, MEMBERS, "Nobody is in it.");
        }
        Command::Put {
            name,
            title,
            members,
            max_waiting,
        } => {
            let mut body = json!({"title": title, "max-waiting": max_waiting});
            if !members.is_empty() {
                body["members"] = members.iter().enumerate().map(member).collect();
            }
            let path = ["v1", "teams", &name];
            let answer = client
                .call(Method::PUT, &path, &[], Body::Json(body))
                .await?;
            say(json, &answer, &format!("{name} is there"));
        }
        Command::Delete { name } => {
            let path = ["v1", "teams", &name];
            let answer = client.call(Method::DELETE, &path, &[], Body::Empty).await?;
            say(json, &answer, &format!("{name} is deleted"));
        }
    }
    Ok(())
}

/// A user as it was typed, at its place.
fn member((place, text): (usize, &String)) -> Value {
    let penalty = text
        .rsplit_once(':')
        .and_then(|(user, penalty)| Some((user, penalty.parse::<u32>().ok()?)));
    let (user, penalty) = penalty.unwrap_or((text, 0));
    json!({"user": user, "position": place, "penalty": penalty})
}
