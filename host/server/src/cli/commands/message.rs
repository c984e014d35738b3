//! `jackfield message ...`

use crate::cli::Session;
use crate::cli::exit::Failure;
use crate::cli::input;
use crate::cli::table::{As, Column, list, one, print_json, say};
use clap::Subcommand;
use serde_json::{Value, json};

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Lists messages, newest first
    List {
        /// Only of this contact
        #[arg(long, value_name = "WHO")]
        contact: Option<String>,
        /// Only of this run
        #[arg(long)]
        run: Option<String>,
        /// Only of this channel
        #[arg(long)]
        channel: Option<String>,
        /// Only with this status, such as `failed`
        #[arg(long)]
        status: Option<String>,
        /// At most so many
        #[arg(long, default_value_t = 50)]
        limit: usize,
    },
    /// Shows a message and what became of it
    Show {
        /// Its id
        id: String,
    },
    /// Sends a message
    Send {
        /// The channel's name or id, or `last-interacted`
        #[arg(long)]
        channel: String,
        /// An address; may be repeated
        #[arg(long, value_name = "ADDRESS")]
        to: Vec<String>,
        /// The contact: its id, `phone:+33...` or `email:...`
        #[arg(long, value_name = "WHO")]
        contact: Option<String>,
        /// The user who wrote it: id, mail address or name
        #[arg(long, value_name = "USER")]
        user: Option<String>,
        /// The text; `@FILE` or `-` for standard input
        #[arg(long)]
        text: Option<String>,
        /// The subject of a mail
        #[arg(long)]
        subject: Option<String>,
        /// What it is for: which of opt-outs, quiet hours and caps it obeys
        #[arg(long, value_parser = ["transactional", "marketing", "internal"])]
        class: Option<String>,
        /// The content as the API takes it: JSON or `@FILE`; instead of text and subject
        #[arg(long, value_name = "JSON", conflicts_with_all = ["text", "subject"])]
        content: Option<String>,
    },
    /// Sends a failed or uncertain message again
    Resend {
        /// Its id
        id: String,
    },
    /// Takes back a message that has not left
    Cancel {
        /// Its id
        id: String,
    },
}

const COLUMNS: &[Column] = &[
    ("id", "/id", As::Text),
    ("way", "/direction", As::Text),
    ("address", "/address", As::Text),
    ("channel", "/channel", As::Text),
    ("status", "/status", As::State),
    ("why", "/reason", As::Text),
    ("accepted", "/created-at", As::Time),
];

const SHEET: &[Column] = &[
    ("id", "/id", As::Text),
    ("way", "/direction", As::Text),
    ("address", "/address", As::Text),
    ("contact", "/contact", As::Text),
    ("channel", "/channel", As::Text),
    ("status", "/status", As::State),
    ("why", "/reason", As::Text),
    ("said", "/error/message", As::Text),
    ("run", "/run", As::Text),
    ("provider's id", "/provider-id", As::Text),
    ("tries", "/attempts", As::Text),
    ("content", "/content", As::Text),
    ("accepted", "/created-at", As::Time),
    ("changed", "/updated-at", As::Time),
];

pub(crate) async fn run(session: Session, command: Command) -> Result<(), Failure> {
    let Session { client, json } = session;
    match command {
        Command::List {
            contact,
            run,
            channel,
            status,
            limit,
        } => {
            let query: Vec<(&str, String)> = [
                ("contact", contact),
                ("run", run),
                ("channel", channel),
                ("status", status),
            ]
            .into_iter()
            .filter_map(|(name, value)| Some((name, value?)))
            .collect();
            let items = client.list(&["v1", "messages"], &query, limit).await?;
            list(json, &items, COLUMNS, "There are no such messages.");
        }
        Command::Show { id } => {
            let answer = client.get(&["v1", "messages", &id], &[]).await?;
            if json {
                print_json(&answer);
            } else {
                one(false, &answer, SHEET);
                let zone = jiff::tz::TimeZone::system();
                for step in answer
                    .get("history")
                    .and_then(Value::as_array)
                    .into_iter()
                    .flatten()
                {
                    let state = step.get("state").and_then(Value::as_str).unwrap_or("?");
                    let at = step.get("at").and_then(Value::as_i64).unwrap_or_default();
                    println!("  {}  {state}", crate::cli::text::date_time(at, &zone));
                }
            }
        }
        Command::Send {
            channel,
            to,
            contact,
            user,
            text,
            subject,
            class,
            content,
        } => {
            let content = match (content, text) {
                (Some(content), _) => input::json(&content)?,
                (None, Some(text)) => {
                    let text = match text.strip_prefix('@') {
                        Some(file) => input::text(file)?,
                        None if text == "-" => input::text("-")?,
                        None => text,
                    };
                    match subject {
                        Some(subject) => json!({"type": "email", "subject": subject, "text": text}),
                        None => json!({"type": "text", "text": text}),
                    }
                }
                (None, None) => {
                    return Err(Failure::Usage("give --text or --content".to_owned()));
                }
            };
            let mut body = json!({"channel": channel, "content": content});
            if !to.is_empty() {
                body["to"] = to.into();
            }
            if let Some(contact) = contact {
                body["contact"] = contact.into();
            }
            if let Some(user) = user {
                body["user"] = user.into();
            }
            if let Some(class) = class {
                body["class"] = class.into();
            }
            one(
                json,
                &client.post(&["v1", "messages"], body).await?,
                COLUMNS,
            );
        }
        Command::Resend { id } => {
            let answer = client
                .post(&["v1", "messages", &id, "resend"], json!({}))
                .await?;
            say(json, &answer, &format!("{id} is queued again"));
        }
        Command::Cancel { id } => {
            let answer = client
                .post(&["v1", "messages", &id, "cancel"], json!({}))
                .await?;
            say(json, &answer, &format!("{id} is cancelled"));
        }
    }
    Ok(())
}
