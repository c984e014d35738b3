//! `jackfield contact ...`

use crate::cli::Session;
use crate::cli::client::Body;
use crate::cli::exit::Failure;
use crate::cli::input;
use crate::cli::table::{As, Column, list, one, print_json, say};
use clap::{Args, Subcommand};
use reqwest::Method;
use serde_json::{Value, json};

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Lists contacts
    List {
        /// Only those whose name, telephone number or address holds this
        #[arg(long)]
        search: Option<String>,
        /// At most so many
        #[arg(long, default_value_t = 50)]
        limit: usize,
    },
    /// Lists pairs of contacts that are probably one person
    MergeSuggestions {
        /// At most so many
        #[arg(long, default_value_t = 50)]
        limit: usize,
    },
    /// Makes two contacts one: the first absorbs the second
    Merge {
        /// The contact that stays: its id, `phone:+33...` or `email:...`
        contact: String,
        /// The one that it absorbs
        from: String,
        /// Fields that win over both, as `name=value`
        fields: Vec<String>,
    },
    /// Shows a contact
    Show {
        /// Its id, `phone:+33...` or `email:...`
        contact: String,
    },
    /// Makes a contact
    Create {
        /// A field, such as `firstname=Ada`, `phone=+33612345678`, `email=ada@example.com`; may be
        /// repeated
        #[arg(required = true, value_name = "FIELD=VALUE")]
        fields: Vec<String>,
    },
    /// Changes fields of a contact, or makes it where nobody has this address yet
    Upsert {
        /// `phone:+33...`, `email:...` or an id
        contact: String,
        /// A field; may be repeated
        #[arg(value_name = "FIELD=VALUE")]
        fields: Vec<String>,
    },
    /// Changes fields of a contact; an empty value clears a field
    Set {
        /// Its id, `phone:+33...` or `email:...`
        contact: String,
        /// A field; may be repeated
        #[arg(required = true, value_name = "FIELD=VALUE")]
        fields: Vec<String>,
    },
    /// Adds tags
    Tag {
        /// Its id, `phone:+33...` or `email:...`
        contact: String,
        /// The tags
        #[arg(required = true)]
        tags: Vec<String>,
    },
    /// Removes tags
    Untag {
        /// Its id, `phone:+33...` or `email:...`
        contact: String,
        /// The tags
        #[arg(required = true)]
        tags: Vec<String>,
    },
    /// Gives a contact to a user, to somebody of a team or of the workspace, or to nobody
    Assign {
        /// Its id, `phone:+33...` or `email:...`
        contact: String,
        #[command(flatten)]
        to: Whom,
        /// How one of several is chosen: round-robin, least-open, least-recent, fewest-completed,
        /// linear, random, weighted-random or ring-all
        #[arg(long)]
        by: Option<String>,
        /// Only users that are online
        #[arg(long)]
        only_online: bool,
        /// Only users that are not on a call
        #[arg(long)]
        not_on_call: bool,
        /// Only users with fewer open contacts
        #[arg(long)]
        fewer_than: Option<u32>,
        /// -100 to 100, higher first
        #[arg(long, allow_negative_numbers = true)]
        priority: Option<i32>,
    },
    /// Accepts nothing from a contact any more and starts nothing for it
    Block {
        /// Its id, `phone:+33...` or `email:...`
        contact: String,
    },
    /// Takes a block back
    Unblock {
        /// Its id, `phone:+33...` or `email:...`
        contact: String,
    },
    /// Says why a contact was not written to, or a workflow not started for it
    Why {
        /// Its id, `phone:+33...` or `email:...`
        contact: String,
        /// At most so many decisions, newest first
        #[arg(long, default_value_t = 50)]
        limit: usize,
    },
    /// Writes contacts out as CSV
    Export {
        /// Only those of a segment
        #[arg(long)]
        segment: Option<String>,
        /// Which columns, with commas between; all where left out
        #[arg(long)]
        columns: Option<String>,
        /// Into this file, not to standard output
        #[arg(long, value_name = "FILE")]
        output: Option<std::path::PathBuf>,
    },
    /// Deletes a contact with its history, for good
    Delete {
        /// Its id, `phone:+33...` or `email:...`
        contact: String,
    },
}

/// Who is to have a contact.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub(crate) struct Whom {
    /// This user: id, mail address or name
    #[arg(long)]
    user: Option<String>,
    /// Somebody of this team
    #[arg(long)]
    team: Option<String>,
    /// Somebody of the workspace
    #[arg(long)]
    anybody: bool,
    /// Nobody
    #[arg(long)]
    nobody: bool,
}

pub(super) const COLUMNS: &[Column] = &[
    ("id", "/id", As::Text),
    ("name", "/name", As::Text),
    ("phone", "/phone", As::Text),
    ("email", "/email", As::Text),
    ("tags", "/tags", As::Words),
    ("blocked", "/blocked", As::Whether),
    ("made", "/created_at", As::Text),
];

const PAIRS: &[Column] = &[
    ("contact", "/contact/id", As::Text),
    ("name", "/contact/name", As::Text),
    ("duplicate", "/duplicate/id", As::Text),
    ("its name", "/duplicate/name", As::Text),
    ("in common", "/shared", As::Text),
];

const DECISIONS: &[Column] = &[
    ("when", "/at", As::Time),
    ("what", "/kind", As::Text),
    ("workflow", "/workflow", As::Text),
    ("of", "/subject", As::Text),
    ("reason", "/reason", As::Text),
    ("looked at", "/detail", As::Text),
];

pub(crate) async fn run(session: Session, command: Command) -> Result<(), Failure> {
    let Session { client, json } = &session;
    let json = *json;
    match command {
        Command::List { search, limit } => {
            let query: Vec<(&str, String)> = search
                .into_iter()
                .map(|search| ("search", search))
                .collect();
            let items = client.list(&["v1", "contacts"], &query, limit).await?;
            list(json, &items, COLUMNS, "There are no such contacts.");
            Ok(())
        }
        Command::Show { contact } => {
            let answer = client.get(&["v1", "contacts", &contact], &[]).await?;
            show(json, &answer);
            Ok(())
        }
        Command::Create { fields } => {
            let fields = Value::Object(input::pairs(&fields)?);
            show(json, &client.post(&["v1", "contacts"], fields).await?);
            Ok(())
        }
        Command::Upsert { contact, fields } => {
            let body = Body::Json(Value::Object(input::pairs(&fields)?));
            let path = ["v1", "contacts", contact.as_str()];
            show(json, &client.call(Method::PUT, &path, &[], body).await?);
            Ok(())
        }
        Command::Set { contact, fields } => {
            let mut fields = input::pairs(&fields)?;
            for value in fields
                .values_mut()
                .filter(|value| value.as_str() == Some(""))
            {
                *value = Value::Null;
            }
            let body = Body::Json(Value::Object(fields));
            let path = ["v1", "contacts", contact.as_str()];
            show(json, &client.call(Method::PATCH, &path, &[], body).await?);
            Ok(())
        }
        Command::Tag { contact, tags } => tags_of(&session, &contact, "add", tags).await,
        Command::Untag { contact, tags } => tags_of(&session, &contact, "remove", tags).await,
        Command::Assign {
            contact,
            to,
            by,
            only_online,
            not_on_call,
            fewer_than,
            priority,
        } => {
            let body = json!({
                "user": to.user,
                "team": to.team,
                "workspace": to.anybody,
                "nobody": to.nobody,
                "by": by,
                "only-online": only_online,
                "not-on-call": not_on_call,
                "fewer-than": fewer_than,
                "priority": priority,
            });
            let path = ["v1", "contacts", contact.as_str(), "assignee"];
            let answer = client
                .call(Method::PUT, &path, &[], Body::Json(body))
                .await?;
            let said = match (&answer["queued"], &answer["assignee"]["email"]) {
                (Value::String(place), _) => format!("{contact} waits for somebody, at {place}"),
                (_, Value::String(user)) => format!("{user} has {contact}"),
                _ => format!("nobody has {contact}"),
            };
            say(json, &answer, &said);
            Ok(())
        }
        Command::Block { contact } => {
            let answer = client
                .post(&["v1", "contacts", &contact, "block"], json!({}))
                .await?;
            say(json, &answer, &format!("{contact} is blocked"));
            Ok(())
        }
        Command::Unblock { contact } => {
            let answer = client
                .post(&["v1", "contacts", &contact, "unblock"], json!({}))
                .await?;
            say(json, &answer, &format!("{contact} is not blocked any more"));
            Ok(())
        }
        Command::Merge {
            contact,
            from,
            fields,
        } => {
            let body = json!({"from": from, "fields": input::pairs(&fields)?});
            let path = ["v1", "contacts", contact.as_str(), "merge"];
            show(json, &client.post(&path, body).await?);
            Ok(())
        }
        Command::MergeSuggestions { limit } => {
            let path = ["v1", "contacts", "merge-suggestions"];
            let items = client.list(&path, &[], limit).await?;
            list(json, &items, PAIRS, "No two contacts share an address.");
            Ok(())
        }
        Command::Why { contact, limit } => {
            let path = ["v1", "contacts", contact.as_str(), "decisions"];
            let items = client.list(&path, &[], limit).await?;
            list(
                json,
                &items,
                DECISIONS,
                "Nothing was held back from this contact.",
            );
            Ok(())
        }
        Command::Export {
            segment,
            columns,
            output,
        } => {
            let mut query = Vec::new();
            query.extend(segment.map(|segment| ("segment", segment)));
            query.extend(columns.map(|columns| ("columns", columns)));
            let path = ["v1", "contacts", "export"];
            match output {
                None => client.download(&path, &query, &mut std::io::stdout()).await,
                Some(file) => {
                    let unwritten = |error| {
                        Failure::Failed(format!("{} cannot be written: {error}", file.display()))
                    };
                    let mut to = std::fs::File::create(&file).map_err(unwritten)?;
                    client.download(&path, &query, &mut to).await
                }
            }
        }
        Command::Delete { contact } => {
            let path = ["v1", "contacts", contact.as_str()];
            let answer = client.call(Method::DELETE, &path, &[], Body::Empty).await?;
            say(json, &answer, &format!("{contact} is deleted"));
            Ok(())
        }
    }
}

async fn tags_of(
    session: &Session,
    contact: &str,
    what: &str,
    tags: Vec<String>,
) -> Result<(), Failure> {
    let path = ["v1", "contacts", contact, "tags"];
    show(
        session.json,
        &session.client.post(&path, json!({what: tags})).await?,
    );
    Ok(())
}

fn show(json: bool, contact: &Value) {
    if json {
        print_json(contact);
        return;
    }
    one(false, contact, COLUMNS);
    let shown: Vec<&str> = COLUMNS.iter().map(|(_, place, _)| &place[1..]).collect();
    for (name, value) in contact.as_object().into_iter().flatten() {
        if !shown.contains(&name.as_str()) && !value.is_null() {
            let value = value
                .as_str()
                .map_or_else(|| value.to_string(), str::to_owned);
            println!("  {name}: {}", crate::cli::text::line(&value, 200));
        }
    }
}
