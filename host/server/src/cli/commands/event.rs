//! `jackfield event ...`

use crate::cli::Session;
use crate::cli::client::Body;
use crate::cli::exit::Failure;
use crate::cli::input;
use crate::cli::table::print_json;
use clap::Subcommand;
use reqwest::Method;
use serde_json::{Value, json};

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Sends an event: what it matches starts or wakes
    Send {
        /// Its name, such as `call.ended`
        name: String,
        /// The contact: its id, `phone:+33...` or `email:...`; an unknown address makes a contact
        #[arg(long, value_name = "WHO")]
        contact: Option<String>,
        /// Its data: JSON, `@FILE`, or `-` for standard input
        #[arg(long, value_name = "JSON")]
        data: Option<String>,
        /// The account that it happened in, for workflows with a scope of accounts
        #[arg(long)]
        account: Option<String>,
        /// Sent twice with the same key, it is accepted once
        #[arg(long, value_name = "KEY")]
        idempotency_key: Option<String>,
    },
}

pub(crate) async fn run(session: Session, command: Command) -> Result<(), Failure> {
    let Command::Send {
        name,
        contact,
        data,
        account,
        idempotency_key,
    } = command;
    let mut body = json!({
        "name": name,
        "data": data.as_deref().map(input::json).transpose()?.unwrap_or_else(|| json!({})),
    });
    for (field, value) in [("contact", contact), ("account", account)] {
        if let Some(value) = value {
            body[field] = value.into();
        }
    }
    let key = idempotency_key.unwrap_or_else(|| uuid::Uuid::new_v4().to_string());
    let headers = [("idempotency-key", key.as_str())];
    let client = &session.client;
    let response = client
        .send(
            Method::POST,
            &["v1", "events"],
            &[],
            Body::Json(body),
            &headers,
        )
        .await?;
    let answer = client.read(response).await?;
    accepted(session.json, &answer);
    Ok(())
}

/// Prints what became of an event.
pub(super) fn accepted(json: bool, answer: &Value) {
    if json {
        print_json(answer);
        return;
    }
    println!(
        "accepted as {}",
        answer.get("id").and_then(Value::as_str).unwrap_or("?")
    );
    let words = |name: &str| -> Vec<String> {
        let list = answer
            .get(name)
            .and_then(Value::as_array)
            .cloned()
            .unwrap_or_default();
        list.iter()
            .filter_map(|one| one.as_str().map(str::to_owned))
            .collect()
    };
    for run in words("runs") {
        println!("  started {run}");
    }
    for run in words("woken") {
        println!("  woke {run}");
    }
    for skipped in answer
        .get("skipped")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
    {
        println!(
            "  workflow {} was not started: {}",
            skipped
                .get("workflow")
                .and_then(Value::as_str)
                .unwrap_or("?"),
            skipped.get("reason").and_then(Value::as_str).unwrap_or("?"),
        );
    }
}
