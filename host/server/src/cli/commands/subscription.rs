//! `jackfield subscription ...`

use crate::cli::Session;
use crate::cli::client::Body;
use crate::cli::exit::Failure;
use crate::cli::table::{As, Column, list, one, print_json, say};
use clap::{Args, Subcommand};
use reqwest::Method;
use serde_json::{Value, json};

const ROOT: &str = "webhook-subscriptions";

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Lists the subscriptions
    List,
    /// Makes a subscription; its signing secret is shown this once
    Create {
        /// Where deliveries go, such as `https://example.com/events`
        #[arg(value_name = "URL")]
        address: String,
        /// An event, such as call.ended, or * for all; may be repeated
        #[arg(long = "event", required = true, value_name = "EVENT")]
        events: Vec<String>,
        #[command(flatten)]
        only: Only,
        /// For people
        #[arg(long)]
        title: Option<String>,
    },
    /// Shows a subscription
    Show {
        /// Its id
        id: String,
    },
    /// Changes a subscription; what is not named stays
    Update {
        /// Its id
        id: String,
        /// Where deliveries go
        #[arg(long = "to", value_name = "URL")]
        target: Option<String>,
        /// An event, such as call.ended, or * for all; may be repeated
        #[arg(long = "event", value_name = "EVENT")]
        events: Vec<String>,
        #[command(flatten)]
        only: Only,
        /// For people
        #[arg(long)]
        title: Option<String>,
    },
    /// Pauses a subscription: it is told of nothing that happens meanwhile
    Pause {
        /// Its id
        id: String,
    },
    /// Goes on with one that was paused, or that its failures disabled
    Enable {
        /// Its id
        id: String,
    },
    /// Deletes a subscription; what waits for it is not delivered
    Delete {
        /// Its id
        id: String,
    },
    /// Gives a subscription another secret; for a day both sign
    RotateSecret {
        /// Its id
        id: String,
    },
    /// Sends a test event, and says what came of it
    Test {
        /// Its id
        id: String,
    },
    /// Lists what was, is or could not be delivered, newest first
    Deliveries {
        /// The subscription's id
        id: String,
        /// Only those in this state
        #[arg(long, value_parser = ["pending", "delivered", "dead"])]
        state: Option<String>,
        /// At most so many
        #[arg(long, default_value_t = 50)]
        limit: usize,
    },
    /// Shows a delivery with its tries
    Delivery {
        /// The subscription's id
        id: String,
        /// The delivery's id
        delivery: String,
    },
    /// Delivers once more: one delivery, or all that were given up
    Redeliver {
        /// The subscription's id
        id: String,
        /// The delivery's id; all that were given up when left out
        delivery: Option<String>,
    },
}

/// Which of the events.
#[derive(Debug, Args)]
pub(crate) struct Only {
    /// Only those caused by this: contact, user, workflow, api...; may be repeated
    #[arg(long = "source", value_name = "SOURCE")]
    sources: Vec<String>,
    /// Only messages of this type: text, image...; may be repeated
    #[arg(long = "message-type", value_name = "TYPE")]
    message_types: Vec<String>,
    /// Only changes of this field of contacts; may be repeated
    #[arg(long = "field", value_name = "FIELD")]
    fields: Vec<String>,
}

const SUBSCRIPTIONS: &[Column] = &[
    ("id", "/id", As::Text),
    ("url", "/url", As::Text),
    ("events", "/events", As::Words),
    ("state", "/state", As::State),
    ("title", "/title", As::Text),
];

const SUBSCRIPTION: &[Column] = &[
    ("id", "/id", As::Text),
    ("url", "/url", As::Text),
    ("title", "/title", As::Text),
    ("events", "/events", As::Words),
    ("sources", "/sources", As::Words),
    ("message types", "/message-types", As::Words),
    ("fields", "/fields", As::Words),
    ("state", "/state", As::State),
    ("reason", "/reason", As::Text),
    ("failing since", "/failing-since", As::Time),
    ("old secret until", "/previous-secret-until", As::Time),
    ("made", "/created-at", As::Time),
];

const DELIVERIES: &[Column] = &[
    ("id", "/id", As::Text),
    ("event", "/name", As::Text),
    ("state", "/state", As::State),
    ("tries", "/attempts", As::Text),
    ("next", "/due", As::Time),
    ("accepted", "/created-at", As::Time),
];

const DELIVERY: &[Column] = &[
    ("id", "/id", As::Text),
    ("event", "/name", As::Text),
    ("event id", "/event", As::Text),
    ("contact", "/contact", As::Text),
    ("state", "/state", As::State),
    ("tries", "/attempts", As::Text),
    ("next", "/due", As::Time),
    ("body", "/body", As::Text),
];

const TRIES: &[Column] = &[
    ("at", "/at", As::Time),
    ("ms", "/took", As::Text),
    ("status", "/status", As::Text),
    ("code", "/code", As::Text),
    ("error", "/error", As::Text),
];

/// A list where something was said, else null: what is null stays as it is.
fn given(words: Vec<String>) -> Value {
    if words.is_empty() {
        Value::Null
    } else {
        words.into()
    }
}

fn secret(json: bool, answer: &Value) {
    if json {
        return print_json(answer);
    }
    let said = |field: &str| answer[field].as_str().unwrap_or_default();
    println!("{}", said("secret"));
    eprintln!(
        "The secret of {}. Keep it well: it is not shown again.",
        said("id")
    );
}

pub(crate) async fn run(session: Session, command: Command) -> Result<(), Failure> {
    let Session { client, json } = session;
    match command {
        Command::List => {
            let items = client.list(&["v1", ROOT], &[], usize::MAX).await?;
            list(json, &items, SUBSCRIPTIONS, "There is no subscription.");
        }
        Command::Create {
            address,
            events,
            only,
            title,
        } => {
            let body = json!({
                "url": address, "title": title, "events": events, "sources": only.sources,
                "message-types": only.message_types, "fields": only.fields,
            });
            secret(json, &client.post(&["v1", ROOT], body).await?);
        }
        Command::Show { id } => {
            let answer = client.get(&["v1", ROOT, &id], &[]).await?;
            one(json, &answer, SUBSCRIPTION);
        }
        Command::Update {
            id,
            target,
            events,
            only,
            title,
        } => {
            let body = json!({
                "url": target, "title": title, "events": given(events),
                "sources": given(only.sources), "message-types": given(only.message_types),
                "fields": given(only.fields),
            });
            let path = ["v1", ROOT, &id];
            let answer = client.call(Method::PATCH, &path, &[], Body::Json(body));
            say(json, &answer.await?, &format!("{id} is changed"));
        }
        Command::Pause { id } => {
            let body = Body::Json(json!({"enabled": false}));
            let path = ["v1", ROOT, &id];
            let answer = client.call(Method::PATCH, &path, &[], body).await?;
            say(json, &answer, &format!("{id} is paused"));
        }
        Command::Enable { id } => {
            let body = Body::Json(json!({"enabled": true}));
            let path = ["v1", ROOT, &id];
            let answer = client.call(Method::PATCH, &path, &[], body).await?;
            say(json, &answer, &format!("{id} is told of events"));
        }
        Command::Delete { id } => {
            let path = ["v1", ROOT, &id];
            let answer = client.call(Method::DELETE, &path, &[], Body::Empty).await?;
            say(json, &answer, &format!("{id} is deleted"));
        }
        Command::RotateSecret { id } => {
            let path = ["v1", ROOT, &id, "rotate-secret"];
            secret(json, &client.post(&path, json!({})).await?);
        }
        Command::Test { id } => {
            let path = ["v1", ROOT, &id, "test"];
            let answer = client.post(&path, json!({})).await?;
            let took = &answer["took"];
            let said = match answer["error"].as_str() {
                Some(error) => format!("not delivered: {error}"),
                None => format!("delivered: {} in {took} ms", answer["status"]),
            };
            say(json, &answer, &said);
        }
        Command::Deliveries { id, state, limit } => {
            let query: Vec<(&str, String)> =
                state.into_iter().map(|state| ("state", state)).collect();
            let path = ["v1", ROOT, &id, "deliveries"];
            let items = client.list(&path, &query, limit).await?;
            list(json, &items, DELIVERIES, "There is no delivery.");
        }
        Command::Delivery { id, delivery } => {
            let path = ["v1", ROOT, &id, "deliveries", &delivery];
            let answer = client.get(&path, &[]).await?;
            one(json, &answer, DELIVERY);
            if !json {
                let tries = answer["tries"].as_array().cloned().unwrap_or_default();
                list(json, &tries, TRIES, "It was not tried yet.");
            }
        }
        Command::Redeliver { id, delivery } => match delivery {
            Some(delivery) => {
                let path = ["v1", ROOT, &id, "deliveries", &delivery, "redeliver"];
                let answer = client.post(&path, json!({})).await?;
                say(json, &answer, &format!("{delivery} is tried now"));
            }
            None => {
                let mut count = 0;
                loop {
                    let path = ["v1", ROOT, &id, "redeliver"];
                    let answer = client.post(&path, json!({})).await?;
                    count += answer["redelivered"].as_u64().unwrap_or_default();
                    if answer["more"] != true || answer["redelivered"] == 0 {
                        break;
                    }
                }
                let answer = json!({"redelivered": count});
                say(json, &answer, &format!("{count} are tried now"));
            }
        },
    }
    Ok(())
}
