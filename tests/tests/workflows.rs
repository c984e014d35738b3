//! Workflow documents as their authors meet them: mistakes by line and column with what was probably
//! meant, the same from API and CLI; versions that stay.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use jackfield_tests::{Answer, Api, Host};
use reqwest::Method;
use serde_json::json;

const PAUSE: &str = "name: pause\ntrigger: {event: pause.wanted}\nsteps:\n  \
                     pause: {uses: wait@1, with: {for: 1h}}\n";
const ANN: Option<&str> = Some("email:ann@example.com");

async fn raw(
    api: &Api,
    method: Method,
    path: &str,
    kind: &str,
    body: impl Into<Vec<u8>>,
) -> Answer {
    let mut request = api.request(method, path).body(body.into());
    if !kind.is_empty() {
        request = request.header("content-type", kind);
    }
    api.send(request).await
}

#[tokio::test]
async fn a_wrong_document_is_told_by_line_column_and_suggestion() {
    let host = Host::start().await;
    let api = &host.api;
    let yaml = "name: greet\ntrigger: {event: call.ended}\nsteps:\n  hello:\n    uses: wiat@1\n    \
                with: {for: 1s}\n    branches: {timeout: gone}\n  bye:\n    uses: wait@1\n    \
                with: {fro: 1s}\n    next: hello\n";
    let checked = raw(
        api,
        Method::POST,
        "/v1/validate/workflow",
        "application/yaml",
        yaml,
    )
    .await
    .ok();
    assert_eq!(checked["valid"], false);
    let problems = checked["problems"].as_array().unwrap();
    assert!(!problems.is_empty());
    for problem in problems {
        for field in ["code", "path", "message", "severity"] {
            assert!(problem[field].is_string(), "{problem:#}");
        }
        assert!(
            problem["line"].is_u64() && problem["column"].is_u64(),
            "{problem:#}"
        );
    }
    let dangling = problems
        .iter()
        .find(|problem| problem["message"].as_str().unwrap().contains("gone"));
    assert_eq!(
        dangling.expect("the dangling branch")["line"],
        7,
        "{problems:#?}"
    );

    let yaml = yaml.replace("gone", "bye");
    let checked = raw(
        api,
        Method::POST,
        "/v1/validate/workflow",
        "application/yaml",
        yaml.clone(),
    )
    .await
    .ok();
    let plugin = &checked["problems"][0];
    assert_eq!(
        (
            &plugin["code"],
            &plugin["line"],
            &plugin["column"],
            &plugin["suggestion"]
        ),
        (
            &json!("unknown-plugin"),
            &json!(5),
            &json!(5),
            &json!("wait@1")
        ),
        "{checked:#}"
    );

    // The CLI says the same, as compilers do, and so does publishing.
    let file = host.data().join("greet.yaml");
    std::fs::write(&file, &yaml).unwrap();
    let said = host
        .cli(["workflow".as_ref(), "validate".as_ref(), file.as_os_str()])
        .await;
    assert_eq!(said.status.code(), Some(4), "{}{}", said.out, said.err);
    let all = format!("{}{}", said.out, said.err);
    assert!(
        all.contains("greet.yaml:5:5") && all.contains("did you mean `wait@1`?"),
        "{all}"
    );
    api.put_workflow(&yaml).await.ok();
    let refused = api
        .post("/v1/workflows/greet/publish", json!({}))
        .await
        .refused(422, "invalid-document");
    assert_eq!(refused["errors"][0]["line"], 5, "{refused:#}");

    // JSON is the same document, and the published schema takes it.
    let document = json!({"name": "greet", "trigger": {"event": "call.ended"},
        "steps": {"hello": {"uses": "wait@1", "with": {"for": "1s"}}}});
    api.put("/v1/workflows/greet", document).await.ok();
    api.post("/v1/workflows/greet/publish", json!({}))
        .await
        .ok();
    let schema = api.without_key().get("/v1/schemas/workflow").await;
    assert_eq!(
        schema.header("content-type"),
        Some("application/schema+json")
    );
    assert_eq!(
        schema.json["$schema"],
        "https://json-schema.org/draft/2020-12/schema"
    );
    let loops = "name: spin\ntrigger: {event: a.b}\nsteps:\n  a:\n    uses: branch@1\n    \
                 with: {branches: [{name: x, when: {field: contact.city, is: Paris}}]}\n    \
                 branches: {x: a, else: a}\n";
    let checked = raw(
        api,
        Method::POST,
        "/v1/validate/workflow",
        "application/yaml",
        loops,
    )
    .await
    .ok();
    assert_eq!(
        checked["problems"][0]["code"], "endless-loop",
        "{checked:#}"
    );
}

#[tokio::test]
async fn versions_are_kept_and_runs_stay_on_theirs() {
    let host = Host::start().await;
    let api = &host.api;
    api.publish(PAUSE).await;
    let first = api.start("pause.wanted", ANN, json!({})).await;
    api.publish(&PAUSE.replace("1h", "2h")).await;
    let second = api
        .start("pause.wanted", Some("email:bob@example.com"), json!({}))
        .await;
    assert_eq!(api.run(&first).await["version"], 1);
    assert_eq!(api.run(&second).await["version"], 2);
    let versions = api.all("/v1/workflows/pause/versions?limit=1").await;
    let numbers: Vec<i64> = versions
        .iter()
        .filter_map(|one| one["version"].as_i64())
        .collect();
    assert_eq!(numbers, [2, 1]);
    assert!(
        versions[0]["pins"]["wait@1"]
            .as_str()
            .unwrap()
            .starts_with("sha256:"),
        "{versions:#?}"
    );
    let one = api.get("/v1/workflows/pause/versions/1").await.ok();
    assert!(one["source"].as_str().unwrap().contains("1h"));
    api.delete("/v1/workflows/pause")
        .await
        .refused(409, "conflict");
}
