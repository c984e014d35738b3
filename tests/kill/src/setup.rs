//! Before the load: hosts that are ready, the channel, the field, the workflows.

use crate::api::Api;
use crate::hosts::Host;
use crate::outside::Outside;
use crate::story;
use anyhow::{Context as _, Result, ensure};
use reqwest::Method;
use serde_json::json;

const JSON: &str = "application/json";

/// Starts every host and publishes everything; gives the way to all of them.
pub(crate) async fn begin(hosts: &mut [Host], outside: &Outside) -> Result<Api> {
    // The first one makes the keys.
    for host in hosts.iter_mut() {
        host.start()?;
        let ready = host.ready().await?;
        ensure!(
            ready,
            "host {} does not start:\n{}",
            host.place,
            host.last_words()
        );
    }
    let first = hosts.first().context("there must be a host")?;
    let key = first.data.join("operator.key");
    let key = std::fs::read_to_string(&key).with_context(|| format!("{}", key.display()))?;
    let api = Api::new(
        hosts.iter().map(|host| host.url.clone()).collect(),
        key.trim(),
    )?;

    let field = format!("/v1/contact-fields/{}", story::COUNT);
    let number = json!({"kind": "number"}).to_string();
    api.set(Method::PUT, &field, JSON, number).await?;
    let channel = outside.channel().to_string();
    let channel = api.set(Method::POST, "/v1/channels", JSON, channel).await?;
    let webhook = channel["webhook"]
        .as_str()
        .context("the channel has no webhook")?;
    // The address of whichever host lives is put before it.
    let path = webhook.find("/hooks/").map(|start| &webhook[start..]);
    outside.answer_at(api.clone(), path.context("an odd webhook")?.to_owned());
    for (name, document) in story::workflows(&outside.url) {
        let path = format!("/v1/workflows/{name}");
        api.set(Method::PUT, &path, "application/yaml", document)
            .await
            .with_context(|| format!("the workflow {name}"))?;
        let publish = format!("{path}/publish");
        api.set(Method::POST, &publish, JSON, "{}".to_owned())
            .await
            .with_context(|| format!("the workflow {name}"))?;
    }
    Ok(api)
}
