//! `jackfield list ...`

use crate::cli::Session;
use crate::cli::client::Body;
use crate::cli::exit::Failure;
use crate::cli::table::{As, Column, list, say};
use clap::Subcommand;
use reqwest::Method;
use serde_json::json;

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Lists the lists of contacts
    List,
    /// Makes a list, or changes its title and description
    Put {
        /// Its name: lower-case words with hyphens
        name: String,
        /// For people
        #[arg(long)]
        title: Option<String>,
        /// For people
        #[arg(long)]
        description: Option<String>,
    },
    /// Deletes a list; its contacts stay
    Delete {
        /// Its name
        name: String,
    },
    /// Lists who is on a list
    Contacts {
        /// Its name
        name: String,
        /// At most so many
        #[arg(long, default_value_t = 50)]
        limit: usize,
    },
    /// Puts a contact on a list
    Add {
        /// The list's name
        name: String,
        /// The contact: id:..., phone:+33... or email:...
        contact: String,
    },
    /// Takes a contact off a list
    Remove {
        /// The list's name
        name: String,
        /// The contact: id:..., phone:+33... or email:...
        contact: String,
    },
}

const LISTS: &[Column] = &[
    ("name", "/name", As::Text),
    ("title", "/title", As::Text),
    ("since", "/created-at", As::Time),
];

const CONTACTS: &[Column] = &[
    ("contact", "/contact", As::Text),
    ("put there by", "/source", As::Text),
    ("since", "/at", As::Time),
];

pub(crate) async fn run(session: Session, command: Command) -> Result<(), Failure> {
    let Session { client, json } = session;
    match command {
        Command::List => {
            let items = client.list(&["v1", "lists"], &[], usize::MAX).await?;
            list(json, &items, LISTS, "There is no list yet.");
        }
        Command::Put {
            name,
            title,
            description,
        } => {
            let body = json!({"title": title, "description": description});
            let answer = client
                .call(Method::PUT, &["v1", "lists", &name], &[], Body::Json(body))
                .await?;
            say(json, &answer, &format!("{name} is there"));
        }
        Command::Delete { name } => {
            let answer = client
                .call(Method::DELETE, &["v1", "lists", &name], &[], Body::Empty)
                .await?;
            say(json, &answer, &format!("{name} is deleted"));
        }
        Command::Contacts { name, limit } => {
            let path = ["v1", "lists", &name, "contacts"];
            let items = client.list(&path, &[], limit).await?;
            list(json, &items, CONTACTS, "Nobody is on it.");
        }
        Command::Add { name, contact } => {
            let path = ["v1", "lists", &name, "contacts"];
            let answer = client.post(&path, json!({"contact": contact})).await?;
            say(json, &answer, &format!("{contact} is on {name}"));
        }
        Command::Remove { name, contact } => {
            let path = ["v1", "lists", &name, "contacts", &contact];
            let answer = client.call(Method::DELETE, &path, &[], Body::Empty).await?;
            say(json, &answer, &format!("{contact} is not on {name}"));
        }
    }
    Ok(())
}
