//! Keys that open nothing: on every route, before anything else is looked at.

use crate::state::{Operation, everything, is_one_of, none, operations, same};
use jackfield_tests::{Api, Host, until};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// Calls every route with a key; each must refuse as said.
async fn refused_everywhere(api: &Api, all: &[Operation], expected: &[&str]) -> Vec<String> {
    let mut wrong = Vec::new();
    for operation in all.iter().filter(|one| one.closed) {
        let path = operation.at(|_| "1".to_owned());
        // With a body that is none: it must not even be read.
        let request = api.request(operation.method.clone(), &path).body("{");
        let answer = api.send(request).await;
        if let Err(said) = is_one_of(&answer, expected) {
            wrong.push(format!("{operation}: {said}"));
        } else if answer.status == 401 && answer.header("www-authenticate").is_none() {
            wrong.push(format!("{operation}: no header WWW-Authenticate"));
        }
    }
    wrong
}

#[tokio::test]
async fn a_key_that_is_missing_wrong_expired_or_revoked_opens_no_route() {
    let host = Host::start().await;
    let all = operations(&host).await;
    let make = async |expires: &str| {
        let body = json!({"name": "short", "scopes": ["*"], "expires-in": expires});
        host.api.post("/v1/keys", body).await.ok()
    };
    let (expired, revoked) = (make("1ms").await, make("1d").await);
    let text = |key: &Value| key["key"].as_str().unwrap().to_owned();
    let id = revoked["id"].as_str().unwrap();
    assert_eq!(host.api.delete(&format!("/v1/keys/{id}")).await.status, 204);
    until("the key to expire", async || {
        let answer = host.api.with_key(&text(&expired)).get("/v1/runs").await;
        (answer.json["code"] == "expired-key").then_some(())
    })
    .await;
    let before = everything(&host.api).await;
    let good = std::fs::read_to_string(host.data().join("operator.key")).unwrap();
    let good = good.trim();
    let (start, end) = good.split_at(good.len() - 1);
    let altered = format!("{start}{}", if end == "0" { "1" } else { "0" });
    let unknown = format!("jf_{}_{}", "0".repeat(16), "0".repeat(64));
    let mut wrong = Vec::new();
    for (key, expected) in [
        (None, "401 unauthenticated"),
        (Some(String::new()), "401 invalid-key"),
        (Some("nonsense".to_owned()), "401 invalid-key"),
        (Some(unknown), "401 invalid-key"),
        (Some(altered), "401 invalid-key"),
        (Some(format!("{good} {good}")), "401 invalid-key"),
        (
            Some("jf_".to_owned() + &"a".repeat(9_000)),
            "401 invalid-key",
        ),
        (Some(text(&expired)), "401 expired-key"),
        (Some(text(&revoked)), "401 revoked-key"),
    ] {
        let api = key
            .as_ref()
            .map_or_else(|| host.api.without_key(), |key| host.api.with_key(key));
        let shown = key.map(|key| key.chars().take(30).collect::<String>());
        for said in refused_everywhere(&api, &all, &[expected]).await {
            wrong.push(format!("{shown:?} {said}"));
        }
    }
    none(&wrong);
    same(&before, &everything(&host.api).await).unwrap();
}

#[tokio::test]
async fn a_key_opens_no_other_workspace_and_nothing_without_its_scope() {
    let host = Host::start().await;
    let all = operations(&host).await;
    host.api
        .post("/v1/workspaces", json!({"id": "lyon"}))
        .await
        .ok();
    let lyon = host.api.in_workspace("lyon");
    let key = async |scopes: Value| {
        let made = lyon
            .post("/v1/keys", json!({"name": "x", "scopes": scopes}))
            .await
            .ok();
        made["key"].as_str().unwrap().to_owned()
    };
    let whole = host.api.with_key(&key(json!(["*"])).await);
    let before = everything(&host.api).await;
    let mut wrong =
        refused_everywhere(&whole.in_workspace("main"), &all, &["403 other-workspace"]).await;
    // Each route with a key that has every scope but its own.
    let document = host.api.without_key().get("/openapi.json").await.ok();
    let every = scopes(&document);
    assert!(every.len() >= 20, "{every:?}");
    for operation in all.iter().filter(|one| one.closed) {
        let route = &document["paths"][&operation.path][operation.method.as_str().to_lowercase()];
        let needed = route["security"][0]["key"][0].as_str().unwrap();
        let others: Vec<&String> = every.iter().filter(|one| *one != needed).collect();
        let api = host.api.with_key(&key(json!(others)).await);
        let one = std::slice::from_ref(operation);
        wrong.extend(refused_everywhere(&api, one, &["403 missing-scope"]).await);
    }
    none(&wrong);
    let after = everything(&host.api).await;
    let without_keys = |mut all: Value| {
        all["keys"] = json!([]);
        all
    };
    same(&without_keys(before), &without_keys(after)).unwrap();
}

/// Every scope that a route needs.
fn scopes(document: &Value) -> BTreeSet<String> {
    let items = document["paths"].as_object().unwrap().values();
    let routes = items.flat_map(|item| item.as_object().unwrap().values());
    routes
        .filter_map(|route| Some(route["security"][0]["key"][0].as_str()?.to_owned()))
        .collect()
}

#[tokio::test]
async fn what_concerns_the_whole_host_needs_an_operators_key() {
    let host = Host::start().await;
    let all = json!({"name": "all", "scopes": ["*"]});
    let made = host.api.post("/v1/keys", all).await.ok();
    let workspace = host.api.with_key(made["key"].as_str().unwrap());
    let before = everything(&host.api).await;
    let component = std::fs::read(jackfield_tests::plugins().join("wait.wasm")).unwrap();
    let install = workspace
        .request(reqwest::Method::POST, "/v1/plugins")
        .header("content-type", "application/wasm")
        .body(component);
    for answer in [
        workspace.send(install).await,
        workspace.post("/v1/plugins/wait/grant", json!({})).await,
        workspace.delete("/v1/plugins/wait").await,
        workspace.delete("/v1/plugins/wait?force=true").await,
        workspace
            .post("/v1/workspaces", json!({"id": "lyon"}))
            .await,
        workspace
            .post(
                "/v1/keys",
                json!({"name": "x", "scopes": ["*"], "operator": true}),
            )
            .await,
    ] {
        answer.refused(403, "operator-only");
    }
    same(&before, &everything(&host.api).await).unwrap();
}
