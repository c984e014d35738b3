//! `jackfield user ...`

use crate::cli::Session;
use crate::cli::client::Body;
use crate::cli::exit::Failure;
use crate::cli::table::{As, Column, list, say};
use clap::Subcommand;
use reqwest::Method;
use serde_json::{Map, Value, json};

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Lists the users
    List,
    /// Makes a user, who is offline at first
    Add {
        /// Mail address
        email: String,
        /// For people
        #[arg(long)]
        name: Option<String>,
        /// owner, manager or agent
        #[arg(long)]
        role: Option<String>,
        /// How many open contacts the user takes from a queue at most
        #[arg(long)]
        max_open: Option<u32>,
    },
    /// Changes a user
    Update {
        /// Id, mail address or name
        user: String,
        /// Another mail address
        #[arg(long)]
        email: Option<String>,
        /// Another name
        #[arg(long)]
        name: Option<String>,
        /// owner, manager or agent
        #[arg(long)]
        role: Option<String>,
        /// How many open contacts the user takes from a queue at most; 0 for no limit
        #[arg(long)]
        max_open: Option<u32>,
    },
    /// Says whether a user is there
    Presence {
        /// Id, mail address or name
        user: String,
        /// online, away or offline
        presence: String,
        /// The user is on a call
        #[arg(long)]
        on_call: bool,
        /// For how long, such as 8h; for good where it is left out
        #[arg(long = "for")]
        length: Option<String>,
    },
    /// Deletes a user who has no open contact
    Delete {
        /// Id, mail address or name
        user: String,
    },
}

const USERS: &[Column] = &[
    ("user", "/email", As::Text),
    ("name", "/name", As::Text),
    ("role", "/role", As::Text),
    ("presence", "/presence", As::Text),
    ("on a call", "/on-call", As::Text),
    ("at most", "/max-open", As::Text),
];

pub(crate) async fn run(session: Session, command: Command) -> Result<(), Failure> {
    let Session { client, json } = session;
    match command {
        Command::List => {
            let items = client.list(&["v1", "users"], &[], usize::MAX).await?;
            list(json, &items, USERS, "There is no user yet.");
        }
        Command::Add {
            email,
            name,
            role,
            max_open,
        } => {
            let body = json!({"email": email, "name": name, "role": role, "max-open": max_open});
            let answer = client.post(&["v1", "users"], body).await?;
            say(json, &answer, &format!("{email} is a user"));
        }
        Command::Update {
            user,
            email,
            name,
            role,
            max_open,
        } => {
            let mut body = Map::new();
            for (key, value) in [("email", email), ("name", name), ("role", role)] {
                if let Some(value) = value {
                    body.insert(key.to_owned(), value.into());
                }
            }
            if let Some(most) = max_open {
                let most = if most == 0 { Value::Null } else { most.into() };
                body.insert("max-open".to_owned(), most);
            }
            let body = Body::Json(Value::Object(body));
            let path = ["v1", "users", &user];
            let answer = client.call(Method::PATCH, &path, &[], body).await?;
            say(json, &answer, &format!("{user} is changed"));
        }
        Command::Presence {
            user,
            presence,
            on_call,
            length,
        } => {
            let body = json!({"presence": presence, "on-call": on_call, "for": length});
            let path = ["v1", "users", &user, "presence"];
            let answer = client
                .call(Method::PUT, &path, &[], Body::Json(body))
                .await?;
            say(json, &answer, &format!("{user} is {presence}"));
        }
        Command::Delete { user } => {
            let path = ["v1", "users", &user];
            let answer = client.call(Method::DELETE, &path, &[], Body::Empty).await?;
            say(json, &answer, &format!("{user} is deleted"));
        }
    }
    Ok(())
}
