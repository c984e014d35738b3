//! The five-step workflow that every host is measured with.
//!
//! An HTTP request starts a run → branch on the tier → two more branches → POST to a sink → branch
//! on its answer → the request is answered.

use crate::host::Host;
use crate::load::Target;
use anyhow::Result;
use axum::routing::post;

/// What a run is started with.
pub const BODY: &str = r#"{"data":{"tier":"pro","name":"Ann"}}"#;
/// The settings of a branch, for activations without a workflow.
pub const SETTINGS: &str =
    r#"{"branches":[{"name":"paying","when":{"field":"event.tier","is":"pro"}}]}"#;

fn document(sink: &str) -> String {
    format!(
        "name: bench
trigger: {{event: manual}}
steps:
  tier: {{uses: branch@1, with: {{branches: [{{name: pro, when: {{field: event.tier, is: pro}}}}]}}}}
  greeting: {{uses: branch@1, with: {{branches: [{{name: hi, when: {{field: event.name, exists: true}}}}]}}}}
  text: {{uses: branch@1, with: {{branches: [{{name: hi, when: {{field: event.name, is: Ann}}}}]}}}}
  tell:
    uses: http-request@1
    with: {{method: POST, url: '{sink}', body: {{text: 'Hello ${{event.name}}', tier: $event.tier}}, save-status: told}}
  record: {{uses: branch@1, with: {{branches: [{{name: ok, when: {{field: vars.told, is: 200}}}}]}}}}
"
    )
}

/// Answers 200 and does nothing; gives its address.
///
/// # Errors
/// When no port is free.
pub async fn sink() -> Result<String> {
    let router = axum::Router::new().route("/", post(|| async { "{}" }));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}/", listener.local_addr()?);
    tokio::spawn(async move { axum::serve(listener, router).await });
    Ok(url)
}

/// Publishes the workflow on a host.
///
/// # Errors
/// When the host refuses it.
pub async fn publish(host: &Host, sink: &str) -> Result<()> {
    host.publish("bench", document(sink)).await
}

/// A run of it on a host, to its end.
#[must_use]
pub fn target(host: &Host) -> Target {
    host.target("bench", BODY)
}
