//! `jackfield conversation ...`

use crate::cli::Session;
use crate::cli::exit::Failure;
use crate::cli::table::{As, Column, list, say};
use clap::Subcommand;
use serde_json::json;

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Lists conversations, newest first
    List {
        /// Only with this contact
        #[arg(long)]
        contact: Option<String>,
        /// Only those that stand so: open, snoozed or closed
        #[arg(long)]
        state: Option<String>,
        /// At most so many
        #[arg(long, default_value_t = 50)]
        limit: usize,
    },
    /// Opens a conversation with a contact
    Open {
        /// The contact: id:..., phone:+33... or email:...
        contact: String,
    },
    /// Sets the conversation with a contact aside until a time, or until the contact writes
    #[command(group(clap::ArgGroup::new("time").required(true)))]
    Snooze {
        /// The contact: id:..., phone:+33... or email:...
        contact: String,
        /// For so long, such as 2h
        #[arg(long = "for", value_name = "DURATION", group = "time")]
        length: Option<String>,
        /// Until then, such as "2026-12-01 09:00" in the workspace's time zone
        #[arg(long, value_name = "TIME", group = "time")]
        until: Option<String>,
    },
    /// Takes up again the conversation with a contact that is snoozed
    Unsnooze {
        /// The contact: id:..., phone:+33... or email:...
        contact: String,
    },
    /// Closes the conversation with a contact
    Close {
        /// The contact: id:..., phone:+33... or email:...
        contact: String,
        /// The closing note's category
        #[arg(long)]
        category: Option<String>,
        /// The closing note's summary
        #[arg(long)]
        summary: Option<String>,
    },
    /// Lists what was noted about a contact, newest first
    Comments {
        /// The contact: id:..., phone:+33... or email:...
        contact: String,
        /// At most so many
        #[arg(long, default_value_t = 50)]
        limit: usize,
    },
    /// Notes something about a contact; it is never sent to it
    Comment {
        /// The contact: id:..., phone:+33... or email:...
        contact: String,
        /// What is noted
        text: String,
    },
}

const CONVERSATIONS: &[Column] = &[
    ("conversation", "/id", As::Text),
    ("contact", "/contact", As::Text),
    ("state", "/state", As::Text),
    ("opened by", "/source", As::Text),
    ("opened", "/opened-at", As::Text),
    ("category", "/category", As::Text),
];

const COMMENTS: &[Column] = &[
    ("when", "/at", As::Time),
    ("by", "/author", As::Text),
    ("comment", "/text", As::Text),
];

pub(crate) async fn run(session: Session, command: Command) -> Result<(), Failure> {
    let Session { client, json } = session;
    match command {
        Command::List {
            contact,
            state,
            limit,
        } => {
            let filters = [("contact", contact), ("state", state)];
            let query: Vec<(&str, String)> = filters
                .into_iter()
                .filter_map(|(name, value)| Some((name, value?)))
                .collect();
            let items = client.list(&["v1", "conversations"], &query, limit).await?;
            list(json, &items, CONVERSATIONS, "There is no conversation.");
        }
        Command::Open { contact } => {
            let path = ["v1", "contacts", &contact, "conversation", "open"];
            let answer = client.post(&path, json!({})).await?;
            let id = answer["id"].as_str().unwrap_or_default();
            say(json, &answer, &format!("the conversation {id} is open"));
        }
        Command::Snooze {
            contact,
            length,
            until,
        } => {
            let path = ["v1", "contacts", &contact, "conversation", "snooze"];
            let time = json!({"for": length, "until": until});
            let answer = client.post(&path, time).await?;
            let id = answer["id"].as_str().unwrap_or_default();
            let until = answer["snoozed-until"].as_str().unwrap_or_default();
            let said = format!("the conversation {id} is snoozed until {until}");
            say(json, &answer, &said);
        }
        Command::Unsnooze { contact } => {
            let path = ["v1", "contacts", &contact, "conversation", "unsnooze"];
            let answer = client.post(&path, json!({})).await?;
            let id = answer["id"].as_str().unwrap_or_default();
            say(json, &answer, &format!("the conversation {id} is open"));
        }
        Command::Close {
            contact,
            category,
            summary,
        } => {
            let path = ["v1", "contacts", &contact, "conversation", "close"];
            let note = json!({"category": category, "summary": summary});
            let answer = client.post(&path, note).await?;
            let id = answer["id"].as_str().unwrap_or_default();
            say(json, &answer, &format!("the conversation {id} is closed"));
        }
        Command::Comments { contact, limit } => {
            let path = ["v1", "contacts", &contact, "comments"];
            let items = client.list(&path, &[], limit).await?;
            list(json, &items, COMMENTS, "Nothing was noted.");
        }
        Command::Comment { contact, text } => {
            let path = ["v1", "contacts", &contact, "comments"];
            let answer = client.post(&path, json!({"text": text})).await?;
            say(json, &answer, "noted");
        }
    }
    Ok(())
}
