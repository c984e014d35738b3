//! Shortcuts: forms that people fill in to start a workflow about a contact.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use jackfield_tests::{Api, Host};
use serde_json::{Value, json};

const ANN: &str = "email:ann@example.com";
const CALL_BACK: &str = "name: call-back
trigger:
  event: shortcut
  title: Call back
  icon: phone
  description: Says when the contact wants to be called.
  form:
    - {variable: day, label: On which day?, type: date, required: true}
    - {variable: about, type: list, options: [Offer, Invoice]}
    - {variable: urgent, type: checkbox}
    - {variable: budget, type: number}
    - {variable: mobile, type: phone}
  when: {not: {field: vars.about, is: Invoice}}
steps:
  look:
    uses: branch@1
    with: {branches: [{name: soon, when: {field: vars.urgent, is: true}}]}
    branches: {soon: pause, else: end}
  pause: {uses: wait@1, with: {for: 1h}}
";

async fn office() -> Host {
    let host = Host::start().await;
    let ann = json!({"email": "ann@example.com", "phone": "+33612345678"});
    host.api.post("/v1/contacts", ann).await.ok();
    host.api.publish(CALL_BACK).await;
    host
}

async fn fill(api: &Api, values: Value) -> Value {
    let body = json!({"contact": ANN, "values": values});
    api.post("/v1/shortcuts/call-back", body).await.ok()
}

#[tokio::test]
async fn a_form_starts_the_workflow_with_a_variable_for_each_field() {
    let host = office().await;
    let api = &host.api;
    let bo = json!({"email": "bo@example.com", "name": "Bo"});
    let bo = api.post("/v1/users", bo).await.ok();
    let shown = api.all("/v1/shortcuts").await;
    assert_eq!(shown.len(), 1);
    assert_eq!(shown[0]["workflow"], "call-back");
    assert_eq!(
        (&shown[0]["title"], &shown[0]["icon"]),
        (&json!("Call back"), &json!("phone"))
    );
    let day = json!({"variable": "day", "label": "On which day?", "type": "date", "required": true, "options": []});
    assert_eq!(shown[0]["form"][0], day);
    assert_eq!(shown[0]["form"][1]["label"], "about");
    assert_eq!(shown[0]["form"][1]["options"], json!(["Offer", "Invoice"]));

    let body = json!({"contact": ANN, "user": "bo@example.com", "values": {
        "day": "2026-12-01", "about": "offer", "urgent": "yes", "budget": "12,5", "mobile": ""}});
    let accepted = api.post("/v1/shortcuts/call-back", body).await.ok();
    let run = accepted["runs"][0].as_str().unwrap();
    let run = api.waiting_at(run, "pause").await;
    let wanted = json!({"day": "2026-12-01", "about": "Offer", "urgent": true, "budget": 12.5});
    assert_eq!(run["variables"], wanted, "{run:#}");
    let user = json!({"id": bo["id"], "name": "Bo", "email": "bo@example.com"});
    assert_eq!(run["trigger"]["shortcut"]["user"], user);
    // Who is in the workflow is not started again, and who is blocked is not started.
    let again = fill(api, json!({"day": "2026-12-02"})).await;
    assert_eq!(
        again["skipped"][0]["reason"], "already-enrolled",
        "{again:#}"
    );
    api.post(
        &format!("/v1/runs/{}/cancel", run["id"].as_str().unwrap()),
        json!({}),
    )
    .await
    .ok();
    let other = fill(api, json!({"day": "2026-12-02", "about": "Invoice"})).await;
    assert_eq!(other["skipped"][0]["reason"], "condition", "{other:#}");
    api.post(&format!("/v1/contacts/{ANN}/block"), json!({}))
        .await
        .ok();
    let blocked = fill(api, json!({"day": "2026-12-02"})).await;
    assert_eq!(blocked["skipped"][0]["reason"], "blocked", "{blocked:#}");
}

#[tokio::test]
async fn every_value_that_is_wrong_is_named_and_nothing_is_done() {
    let host = office().await;
    let api = &host.api;
    let path = "/v1/shortcuts/call-back";
    let values =
        json!({"about": "Other", "urgent": "maybe", "budget": "much", "mobile": "1", "extra": 1});
    let body = json!({"contact": ANN, "values": values});
    let said = api.post(path, body).await.refused(422, "invalid");
    let errors = said["errors"].as_array().unwrap();
    let paths: Vec<&str> = errors
        .iter()
        .map(|one| one["path"].as_str().unwrap())
        .collect();
    let wanted = ["extra", "day", "about", "urgent", "budget", "mobile"];
    assert_eq!(
        paths,
        wanted.map(|name| format!("/values/{name}")),
        "{said:#}"
    );
    let day = json!({"day": "2026-12-01"});
    for (body, status, code) in [
        (json!({"values": day}), 422, "invalid"),
        (json!({"contact": ANN, "values": []}), 422, "invalid"),
        (json!({"contact": ANN, "value": day}), 422, "invalid"),
        (
            json!({"contact": "email:eve@example.com", "values": day}),
            404,
            "not-found",
        ),
        (json!({"contact": "ann", "values": day}), 422, "invalid"),
        (
            json!({"contact": ANN, "values": day, "user": "nobody@example.com"}),
            404,
            "not-found",
        ),
    ] {
        api.post(path, body).await.refused(status, code);
    }
    assert!(api.all("/v1/runs").await.is_empty());
    let body = json!({"contact": ANN, "values": day});
    api.post("/v1/shortcuts/none", body.clone())
        .await
        .refused(404, "not-found");
    api.publish(
        "name: plain\ntrigger: {event: manual}\nsteps:\n  rest: {uses: wait@1, with: {for: 1s}}\n",
    )
    .await;
    api.post("/v1/shortcuts/plain", body.clone())
        .await
        .refused(404, "not-found");
    // Nobody else raises it.
    let event = json!({"name": "shortcut", "contact": ANN});
    api.post("/v1/events", event).await.refused(422, "invalid");

    api.post("/v1/workspaces", json!({"id": "lyon"})).await.ok();
    let lyon = api.in_workspace("lyon");
    assert!(lyon.all("/v1/shortcuts").await.is_empty());
    lyon.post(path, body.clone())
        .await
        .refused(404, "not-found");
    api.post("/v1/workflows/call-back/deactivate", json!({}))
        .await
        .ok();
    assert!(api.all("/v1/shortcuts").await.is_empty());
    api.post(path, body).await.refused(404, "not-found");
}

#[tokio::test]
async fn the_command_line_lists_and_fills_in_forms_and_a_key_makes_it_once() {
    let host = office().await;
    let api = &host.api;
    let table = host.cli(["shortcut", "list"]).await.ok();
    assert!(
        table.contains("call-back") && table.contains("Call back"),
        "{table}"
    );
    let run = [
        "shortcut",
        "run",
        "call-back",
        "--contact",
        ANN,
        "--value",
        "day=2026-12-01",
        "--value",
        "about=Offer",
        "--idempotency-key",
        "once",
    ];
    let said = host.cli(run).await.ok();
    assert!(said.contains("started run_"), "{said}");
    host.cli(run).await.ok();
    assert_eq!(api.all("/v1/runs").await.len(), 1);
}
