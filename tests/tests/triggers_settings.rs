//! Settings of triggers that say in short what their condition says at length: which field, stage,
//! tag, source and category.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use jackfield_tests::{Api, Host, until};
use serde_json::{Value, json};

const ANN: &str = "email:ann@example.com";
const STEPS: &str = "steps:\n  look: {uses: branch@1, with: {branches: [{name: it, when: {field: workflow.name, exists: true}}]}, branches: {it: end}}\n";

async fn publish(api: &Api, name: &str, trigger: &str) -> Value {
    let yaml = format!("name: {name}\ntrigger: {{event: {trigger}}}\n{STEPS}");
    api.put_workflow(&yaml).await.ok();
    let publish = format!("/v1/workflows/{name}/publish");
    api.post(&publish, json!({})).await.ok()
}

/// A host with Ann.
async fn office() -> Host {
    let host = Host::start().await;
    let ann = json!({"email": "ann@example.com"});
    host.api.post("/v1/contacts", ann).await.ok();
    host
}

async fn change(api: &Api, fields: Value) {
    api.patch(&format!("/v1/contacts/{ANN}"), fields).await.ok();
}

/// How often each of the workflows has run.
async fn counts<const N: usize>(api: &Api, workflows: [&str; N]) -> [usize; N] {
    // A contact that is in a workflow is not started in it again.
    let runs = until("all runs to be over", async || {
        let runs = api.all("/v1/runs").await;
        let over = runs.iter().all(|run| !run["ended-at"].is_null());
        over.then_some(runs)
    });
    let runs = runs.await;
    workflows.map(|name| runs.iter().filter(|run| run["workflow"] == name).count())
}

#[tokio::test]
async fn a_field_and_its_values_before_and_now() {
    let host = office().await;
    let api = &host.api;
    api.put("/v1/contact-fields/city", json!({"kind": "text"}))
        .await
        .ok();
    publish(api, "city", "contact.field-updated, field: city").await;
    publish(
        api,
        "paris",
        "contact.field-updated, field: city, new: {is: Paris}",
    )
    .await;
    publish(
        api,
        "moved",
        "contact.field-updated, field: city, old: {exists: true}, new: {is-not: Paris}",
    )
    .await;
    let said = publish(api, "typo", "contact.field-updated, field: citty").await;
    assert_eq!(said["warnings"][0]["code"], "unknown-field", "{said:#}");
    assert_eq!(said["warnings"][0]["suggestion"], "city");
    let names = ["city", "paris", "moved", "typo"];
    change(api, json!({"firstname": "Ann"})).await;
    assert_eq!(counts(api, names).await, [0, 0, 0, 0]);
    change(api, json!({"city": "Paris"})).await;
    assert_eq!(counts(api, names).await, [1, 1, 0, 0]);
    change(api, json!({"city": "Nice"})).await;
    assert_eq!(counts(api, names).await, [2, 1, 1, 0]);
    let run = &api.all("/v1/runs?workflow=moved").await[0];
    let field = json!({"name": "city", "old": "Paris", "new": "Nice"});
    assert_eq!(run["trigger"]["field"], field);
    // Set to what it is: nothing has changed.
    change(api, json!({"city": "Nice"})).await;
    assert_eq!(counts(api, names).await, [2, 1, 1, 0]);
}

#[tokio::test]
async fn stages_of_the_life_cycle_and_leaving_them() {
    let host = office().await;
    let api = &host.api;
    publish(api, "stages", "lifecycle.updated").await;
    publish(
        api,
        "won",
        "lifecycle.updated, from: [lead, prospect], to: [customer]",
    )
    .await;
    publish(api, "all", "lifecycle.updated, when-cleared: true").await;
    publish(
        api,
        "lost",
        "lifecycle.updated, to: [lost], when-cleared: true",
    )
    .await;
    let names = ["stages", "won", "all", "lost"];
    change(api, json!({"lifecycle": "lead"})).await;
    assert_eq!(counts(api, names).await, [1, 0, 1, 0]);
    change(api, json!({"lifecycle": "customer"})).await;
    assert_eq!(counts(api, names).await, [2, 1, 2, 0]);
    change(api, json!({"lifecycle": null})).await;
    assert_eq!(counts(api, names).await, [2, 1, 3, 1]);
    let why = api.all(&format!("/v1/contacts/{ANN}/decisions")).await;
    let stages = why.iter().find(|one| one["workflow"] == "stages").unwrap();
    assert_eq!(stages["reason"], "cleared", "{why:#?}");
    change(api, json!({"lifecycle": "lost"})).await;
    assert_eq!(counts(api, names).await, [3, 1, 4, 2]);
    let run = &api.all("/v1/runs?workflow=lost").await[0];
    assert_eq!(
        run["trigger"]["lifecycle"],
        json!({"old": null, "new": "lost"})
    );
    // Nobody else raises it.
    let event = json!({"name": "lifecycle.updated", "contact": ANN});
    api.post("/v1/events", event).await.refused(422, "invalid");
    let event = json!({"name": "click-to-chat", "contact": ANN});
    api.post("/v1/events", event).await.refused(422, "invalid");
}

#[tokio::test]
async fn tags_sources_and_categories() {
    let host = office().await;
    let api = &host.api;
    publish(api, "vip", "tag.updated, tags: [vip, gold], action: added").await;
    publish(api, "gone", "tag.updated, action: removed").await;
    publish(api, "by-api", "conversation.opened, source: {is: api}").await;
    publish(api, "not-api", "conversation.opened, source: {is-not: api}").await;
    publish(
        api,
        "spam",
        "conversation.closed, category: {has-any-of: [spam, test]}",
    )
    .await;
    publish(
        api,
        "serious",
        "conversation.closed, category: {has-none-of: [spam]}, source: {is: api}",
    )
    .await;
    publish(api, "by-user", "conversation.closed, source: {is: user}").await;
    change(api, json!({"tags": ["vip", "new"]})).await;
    assert_eq!(counts(api, ["vip", "gone"]).await, [1, 0]);
    change(api, json!({"tags": ["new"]})).await;
    assert_eq!(counts(api, ["vip", "gone"]).await, [1, 1]);

    let notes = json!({"settings": {"closing-notes": {"mode": "category", "categories": [{"name": "spam"}, {"name": "sold"}]}}});
    api.patch("/v1/workspaces/main", notes).await.ok();
    let path = |what: &str| format!("/v1/contacts/{ANN}/conversation/{what}");
    let names = ["by-api", "not-api", "spam", "serious", "by-user"];
    api.post(&path("open"), json!({})).await.ok();
    assert_eq!(counts(api, names).await, [1, 0, 0, 0, 0]);
    api.post(&path("close"), json!({"category": "spam"}))
        .await
        .ok();
    assert_eq!(counts(api, names).await, [1, 0, 1, 0, 0]);
    api.post(&path("open"), json!({})).await.ok();
    api.post(&path("close"), json!({"category": "sold"}))
        .await
        .ok();
    assert_eq!(counts(api, names).await, [2, 0, 1, 1, 0]);
}
