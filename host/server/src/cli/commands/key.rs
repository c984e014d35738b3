//! `jackfield key ...`

use crate::cli::Session;
use crate::cli::client::Body;
use crate::cli::exit::Failure;
use crate::cli::table::{As, Column, list, print_json, say};
use clap::Subcommand;
use reqwest::Method;
use serde_json::{Value, json};

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Makes a key; it is shown this once
    Create {
        /// What it is for
        name: String,
        /// What it may do, such as `events:write`; may be repeated
        #[arg(long = "scope", required = true, value_name = "SCOPE")]
        scopes: Vec<String>,
        /// Makes an operator's key, which opens every workspace
        #[arg(long)]
        operator: bool,
        /// Makes a key of this organisation, which opens each of its workspaces
        #[arg(long, value_name = "ORGANISATION", conflicts_with = "operator")]
        organisation: Option<String>,
        /// How long it is good, such as `90d`
        #[arg(long, value_name = "TIME")]
        expires_in: Option<String>,
    },
    /// Lists the keys
    List,
    /// Takes a key back
    Revoke {
        /// Its id
        id: String,
    },
}

const COLUMNS: &[Column] = &[
    ("id", "/id", As::Text),
    ("name", "/name", As::Text),
    ("state", "/state", As::State),
    ("workspace", "/workspace", As::Text),
    ("scopes", "/scopes", As::Words),
    ("made", "/created-at", As::Time),
    ("expires", "/expires-at", As::Time),
];

pub(crate) async fn run(session: Session, command: Command) -> Result<(), Failure> {
    let Session { client, json } = session;
    match command {
        Command::Create {
            name,
            scopes,
            operator,
            organisation,
            expires_in,
        } => {
            let body = json!({
                "name": name,
                "scopes": scopes,
                "operator": operator,
                "organisation": organisation,
                "expires-in": expires_in,
            });
            let answer = client.post(&["v1", "keys"], body).await?;
            if json {
                print_json(&answer);
            } else {
                println!(
                    "{}",
                    answer
                        .get("key")
                        .and_then(Value::as_str)
                        .unwrap_or_default()
                );
                eprintln!("Keep it well: it is not shown again.");
            }
        }
        Command::List => {
            let items = client.list(&["v1", "keys"], &[], usize::MAX).await?;
            list(json, &items, COLUMNS, "There are no keys.");
        }
        Command::Revoke { id } => {
            let path = ["v1", "keys", id.as_str()];
            let answer = client.call(Method::DELETE, &path, &[], Body::Empty).await?;
            say(json, &answer, &format!("{id} is revoked"));
        }
    }
    Ok(())
}
