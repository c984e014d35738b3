//! `jackfield ready`: can the host do its work now? For the health checks of containers and
//! scripts; `doctor` says more, and takes longer.

use crate::cli::client::{Body, Client, Connection};
use crate::cli::exit::Failure;
use crate::cli::table::say;
use reqwest::Method;
use serde_json::Value;

/// Asks `/readyz`.
pub(crate) async fn ready(to: &Connection) -> Result<(), Failure> {
    let client = Client::without_key(to)?;
    let response = client
        .send(Method::GET, &["readyz"], &[], Body::Empty, &[])
        .await?;
    let ready = response.status().is_success();
    let answer: Value = response.json().await.unwrap_or_default();
    if ready {
        say(to.json, &answer, "ready");
        return Ok(());
    }
    let checks = answer.get("checks").and_then(Value::as_array);
    let bad: Vec<String> = checks
        .into_iter()
        .flatten()
        .filter(|check| check.get("ok").and_then(Value::as_bool) != Some(true))
        .map(|check| {
            let word = |name: &str| check.get(name).and_then(Value::as_str).unwrap_or("?");
            format!("{}: {}", word("name"), word("detail"))
        })
        .collect();
    Err(Failure::Failed(format!(
        "the host is not ready ({}); `jackfield doctor` says more",
        bad.join("; ")
    )))
}
