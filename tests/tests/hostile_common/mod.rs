//! What the tests of hostile plugins share: a host with `misbehave` installed and granted, a
//! workflow for each harm, and the sight that the host is well.

#![allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "shared by several test binaries, none of which uses all of it"
)]

use jackfield_tests::{Answer, Api, Host, repository};
use reqwest::Method;
use serde_json::{Value, json};
use std::path::PathBuf;
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;

/// The bytes of `tests/hostile/misbehave`, as `cargo xtask plugins` builds it.
pub fn misbehave() -> Vec<u8> {
    hostile("misbehave")
}

/// The bytes of a hostile plugin, as `cargo xtask plugins` builds it.
pub fn hostile(name: &str) -> Vec<u8> {
    let folder = std::env::var_os("JACKFIELD_HOSTILE_PLUGINS").map_or_else(
        || repository().join("target/plugins-hostile"),
        PathBuf::from,
    );
    let file = folder.join(format!("{name}.wasm"));
    std::fs::read(&file)
        .unwrap_or_else(|error| panic!("{}: {error}; run `cargo xtask plugins`", file.display()))
}

/// The same plugin with another text in the place of one as long.
pub fn variant(wasm: &[u8], from: &str, to: &str) -> Vec<u8> {
    assert_eq!(
        from.len(),
        to.len(),
        "{from} and {to} must be of one length"
    );
    let place = wasm
        .windows(from.len())
        .position(|window| window == from.as_bytes())
        .unwrap_or_else(|| panic!("the component holds no {from}"));
    let mut wasm = wasm.to_vec();
    wasm[place..place + to.len()].copy_from_slice(to.as_bytes());
    wasm
}

/// Sends a component to be installed.
pub async fn install(api: &Api, wasm: Vec<u8>) -> Answer {
    let request = api
        .request(Method::POST, "/v1/plugins")
        .header("content-type", "application/wasm")
        .body(wasm);
    api.send(request).await
}

/// Installs `misbehave` and grants it all imports and hosts, these secrets and these limits.
pub async fn grant(api: &Api, secrets: Value, limits: Value) {
    install(api, misbehave()).await.ok();
    let mut approve = api.get("/v1/plugins/misbehave").await.ok()["asked"].clone();
    approve["secrets"] = secrets;
    approve["limits"] = limits;
    let approve = json!({"approve": approve});
    api.post("/v1/plugins/misbehave/grant", approve).await.ok();
}

/// A workflow of one step of `misbehave`, started by the event `NAME.wanted`.
pub fn workflow(name: &str, with: &Value) -> String {
    format!(
        "name: {name}\ntrigger: {{event: {name}.wanted}}\nsteps:\n  \
         harm: {{uses: misbehave@1, with: {with}}}\n"
    )
}

/// Publishes the workflow and has it run once, to its end.
pub async fn harm(api: &Api, name: &str, with: Value) -> (Value, Vec<Value>) {
    api.publish(&workflow(name, &with)).await;
    let run = start(api, name, "eve").await;
    let over = api.over(&run).await;
    (over, api.timeline(&run).await)
}

/// Starts a run of such a workflow; a contact is in one workflow once at a time.
pub async fn start(api: &Api, name: &str, contact: &str) -> String {
    let event = format!("{name}.wanted");
    let contact = format!("email:{contact}@example.com");
    api.start(&event, Some(&contact), json!({})).await
}

/// Reads a request's head, as every server does before it answers.
pub async fn read_head(stream: &mut TcpStream) {
    let mut head = Vec::new();
    let mut byte = [0; 1];
    while !head.ends_with(b"\r\n\r\n") && stream.read_exact(&mut byte).await.is_ok() {
        head.push(byte[0]);
    }
}

/// The failure that the timeline shows.
pub fn failure(timeline: &[Value]) -> &Value {
    let failed = timeline.iter().find(|entry| entry["kind"] == "step-failed");
    &failed.unwrap_or_else(|| panic!("nothing failed: {timeline:#?}"))["data"]["failure"]
}

/// Publishes an ordinary workflow of the built-in `branch`.
pub async fn publish_ordinary(api: &Api) {
    api.publish(
        "name: ordinary\ntrigger: {event: ordinary.wanted}\nsteps:\n  \
         tier: {uses: branch@1, with: {branches: [{name: pro, when: {field: event.tier, is: pro}}]}}\n",
    )
    .await;
}

/// The host says that it is well, and runs the ordinary workflow.
pub async fn is_well(host: &Host) {
    assert_eq!(host.api.get("/healthz").await.status, 200);
    assert_eq!(host.api.get("/readyz").await.status, 200);
    let contact = Some("email:bob@example.com");
    let run = host
        .api
        .start("ordinary.wanted", contact, json!({"tier": "pro"}))
        .await;
    let done = host.api.completed(&run).await;
    assert_eq!(done["outputs"]["tier"]["branch"], "pro", "{done:#}");
}
