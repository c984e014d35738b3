//! The served OpenAPI document is kept to: Schemathesis reads it, makes up requests (good ones, ones
//! that break it in one place, and any bytes) and holds the answers against it.
//!
//! What must hold: no answer of 500 or more; none with a status, a media type or a body that the
//! document does not name; nothing taken that the document forbids; no operation open to who has no
//! key. The seed is fixed and the time bounded, so that a run is the same everywhere; a longer one:
//! `JACKFIELD_FUZZ_SECONDS=1800 cargo test -p jackfield-tests --test openapi_fuzz`, and another:
//! `JACKFIELD_FUZZ_SEED=7`. What a run finds is printed with a command that shows it again.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use jackfield_tests::{Host, peer, repository};
use serde_json::{Value, json};
use std::path::Path;
use std::process::Stdio;
use tokio::process::Command;

const PAUSE: &str = "name: pause\ntrigger: {event: pause.wanted}\nsteps:\n  \
                     pause: {uses: wait@1, with: {for: 1h}}\n";
const EXPENDABLE: &str = "name: expendable\ntrigger: {event: gone.by}\nsteps:\n  \
                          pause: {uses: wait@1, with: {for: 1h}}\n";
/// Seconds for each of the two runs, where nobody says otherwise.
const SECONDS: u32 = 60;
/// The checks that hold for this API; `openapi_fuzz.toml` says where one does not apply, and why.
const CHECKS: &str = "not_a_server_error,status_code_conformance,content_type_conformance,\
                      response_schema_conformance,response_headers_conformance,\
                      negative_data_rejection,missing_required_header,unsupported_method,\
                      allow_header_conformance,ignored_auth";

/// Puts in something of every kind, so that requests get further than to "there is no such thing".
/// Gives what stands for what in the configuration.
async fn furnish(host: &Host) -> Vec<(&'static str, String)> {
    let api = &host.api;
    let id = |value: &Value| value["id"].as_str().expect("an id").to_owned();
    api.publish(PAUSE).await;
    api.put_workflow(EXPENDABLE).await.ok();
    let contact = json!({"email": "ann@example.com", "phone": "+33612345678"});
    let contact = api.post("/v1/contacts", contact).await.ok();
    api.post("/v1/contacts", json!({"email": "expendable@example.com"}))
        .await
        .ok();
    let mut channels = Vec::new();
    for name in ["chat", "expendable"] {
        let channel = json!({"name": name, "connector": "custom-channel@1",
            "settings": {"webhook-url": "http://127.0.0.1:9/message", "channel-id": "c"},
            "secrets": {"api-token": "a long random text"}});
        channels.push(api.post("/v1/channels", channel).await.ok());
    }
    for name in ["hello", "expendable"] {
        let template = json!({"subject": "Hello", "html": "<p>Hi ${contact.firstname|there}"});
        api.put(&format!("/v1/templates/{name}"), template)
            .await
            .ok();
        let secret = json!({"value": "nobody sees it"});
        api.put(&format!("/v1/secrets/{name}"), secret).await.ok();
    }
    for name in ["city", "expendable"] {
        let field = json!({"kind": "text"});
        api.put(&format!("/v1/contact-fields/{name}"), field)
            .await
            .ok();
    }
    api.post("/v1/workspaces", json!({"id": "lyon"})).await.ok();
    let message = json!({"contact": "email:ann@example.com", "channel": "chat", "to": "+33612345678",
        "content": {"type": "text", "text": "hi"}});
    let message = api.post("/v1/messages", message).await.ok();
    let run = api
        .start("pause.wanted", Some("email:ann@example.com"), json!({}))
        .await;
    vec![
        ("@CONTACT@", id(&contact)),
        ("@CHANNEL@", id(&channels[0])),
        ("@MESSAGE@", id(&message)),
        ("@RUN@", run),
    ]
}

fn configuration(folder: &Path, names: &[(&str, String)]) -> std::path::PathBuf {
    let peers = repository().join("tests/peers");
    let mut text = std::fs::read_to_string(peers.join("openapi_fuzz.toml")).unwrap();
    // A module of the folder in which the program runs.
    std::fs::copy(
        peers.join("openapi_hooks.py"),
        folder.join("openapi_hooks.py"),
    )
    .unwrap();
    text = text.replace("@HOOKS@", "openapi_hooks");
    for (place, name) in names {
        text = text.replace(place, name);
    }
    assert!(!text.contains("\"@"), "{text}");
    let file = folder.join("schemathesis.toml");
    std::fs::write(&file, text).unwrap();
    file
}

/// One run of these phases; `examples` for each operation.
async fn fuzz(phases: &str, examples: u32, least: u64) {
    let host = Host::start().await;
    let names = furnish(&host).await;
    let folder = tempfile::tempdir().unwrap();
    let file = configuration(folder.path(), &names);
    let key = std::fs::read_to_string(host.data().join("operator.key")).unwrap();
    let asked = |name: &str| std::env::var(name).ok().and_then(|text| text.parse().ok());
    let seconds = asked("JACKFIELD_FUZZ_SECONDS").unwrap_or(SECONDS);
    let report = folder.path().join("report.json");
    let mut command = Command::new(peer("python/bin/schemathesis"));
    command
        .arg("--config-file")
        .arg(&file)
        .arg("run")
        .arg(format!("{}/openapi.json", host.url()))
        .args(["--header", &format!("Authorization: Bearer {}", key.trim())])
        .args(["--phases", phases, "--checks", CHECKS])
        .args(["--max-examples", &examples.to_string()])
        .args(["--max-time", &seconds.to_string()])
        .arg("--report-json-path")
        .arg(&report)
        .current_dir(folder.path())
        .env("PYTHONPATH", folder.path())
        .env("NO_PROXY", "*")
        .stdin(Stdio::null());
    if let Some(seed) = asked("JACKFIELD_FUZZ_SEED") {
        command.args(["--seed", &seed.to_string()]);
    }
    let output = command.output().await.expect("schemathesis starts");
    let told = format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(output.status.success(), "{told}");
    let requests = counted(&told);
    assert!(requests >= least, "only {requests} requests:\n{told}");
    println!("{phases}: {requests} requests in {seconds} s at most");
    // The host is none the worse for it.
    assert_eq!(host.api.get("/readyz").await.ok()["ready"], true);
    assert!(!host.log().contains("panicked"), "{}", host.log());
}

/// How many requests were made, as the summary says: `6617 generated`.
fn counted(told: &str) -> u64 {
    let line = told.lines().find(|line| line.contains(" generated"));
    let words = line.and_then(|line| line.trim().split(' ').next());
    words.and_then(|number| number.parse().ok()).unwrap_or(0)
}

/// Every bound of every schema, from both sides, one at a time.
#[tokio::test]
async fn answers_at_every_bound_of_the_document_are_documented() {
    fuzz("examples,coverage", 1, 500).await;
}

/// Whole requests made up at random, many of them wrong.
#[tokio::test]
async fn answers_to_made_up_requests_are_documented() {
    fuzz("fuzzing", 12, 100).await;
}
