//! Plugins as an operator handles them: inspected, installed, granted less or more, removed; what is
//! no plugin is refused, and a call beyond the grant is told with the grant that would allow it.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use jackfield_tests::{Answer, Api, Host, plugins};
use reqwest::Method;
use serde_json::{Value, json};

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
async fn plugins_are_installed_inspected_granted_and_removed() {
    let host = Host::start().await;
    let api = &host.api;
    let file = plugins().join("http-request.wasm");
    let bytes = std::fs::read(&file).unwrap();
    let wasm = "application/wasm";

    let inspected = raw(
        api,
        Method::POST,
        "/v1/validate/plugin",
        wasm,
        bytes.clone(),
    )
    .await
    .ok();
    assert_eq!(inspected["kind"], "step", "{inspected:#}");
    // Installing the same again changes nothing.
    let again = raw(api, Method::POST, "/v1/plugins", wasm, bytes.clone()).await;
    assert_eq!(again.status, 201, "{}", again.text);
    assert_eq!(again.json["digest"], inspected["digest"]);
    let built_in = std::fs::read_dir(plugins()).unwrap().count();
    assert_eq!(api.all("/v1/plugins?limit=4").await.len(), built_in);

    // What is no component, or none of ours, is refused with the reason.
    let broken = &bytes[..bytes.len() / 2];
    let refused = raw(api, Method::POST, "/v1/plugins", wasm, broken)
        .await
        .refused(422, "refused");
    assert!(
        refused["detail"].as_str().unwrap().len() > 20,
        "{refused:#}"
    );
    // As large as a plugin may be, it is looked at before it is judged.
    let mut large = b"\0asm\x0d\0\x01\0".to_vec();
    large.resize(3 << 20, 0);
    raw(api, Method::POST, "/v1/plugins", wasm, large.clone())
        .await
        .refused(422, "refused");
    let inspect = raw(api, Method::POST, "/v1/validate/plugin", wasm, large).await;
    inspect.refused(422, "refused");

    // A grant may give less than was asked, and nothing that was not.
    let shown = api.get("/v1/plugins/http-request").await.ok();
    let mut less = shown["asked"].clone();
    less["hosts"] = json!(["GET https://api.example.com"]);
    let granted = api
        .post("/v1/plugins/http-request/grant", json!({"approve": less}))
        .await
        .ok();
    assert_eq!(
        granted["approved"]["hosts"],
        json!(["GET https://api.example.com"]),
        "{granted:#}"
    );
    let more = json!({"approve": {"imports": ["email"]}});
    api.post("/v1/plugins/http-request/grant", more)
        .await
        .refused(422, "invalid");

    // A call beyond the grant is refused, with the very grant that would allow it.
    api.publish(
        "name: fetch\ntrigger: {event: fetch.wanted}\nsteps:\n  \
         fetch: {uses: http-request@1, with: {url: \"https://other.example.com/x\"}}\n",
    )
    .await;
    let run = api.start("fetch.wanted", ANN, json!({})).await;
    let over = api.over(&run).await;
    assert_eq!(over["state"], "failed");
    let timeline = json!(api.timeline(&run).await).to_string();
    assert!(timeline.contains("other.example.com"), "{timeline}");
    let shown = host.cli(["run", "show", &run]).await.ok();
    assert!(shown.contains("other.example.com"), "{shown}");

    // What a published workflow needs is not removed by accident.
    api.delete("/v1/plugins/http-request")
        .await
        .refused(409, "conflict");
    assert_eq!(api.delete("/v1/workflows/fetch").await.status, 204);
    let removed = api.delete("/v1/plugins/http-request").await;
    assert_eq!(removed.status, 200, "{}", removed.text);
    api.get("/v1/plugins/http-request")
        .await
        .refused(404, "not-found");

    // Installed again by hand, it does nothing until it is granted.
    let path = file.display().to_string();
    let installed = host.cli(["plugin", "install", &path]).await.ok();
    assert!(installed.contains("http-request"), "{installed}");
    assert_eq!(
        api.get("/v1/plugins/http-request").await.ok()["approved"],
        Value::Null
    );
    let document = "name: fetch\ntrigger: {event: fetch.wanted}\nsteps:\n  \
                    fetch: {uses: http-request@1, with: {url: \"https://other.example.com/x\"}}\n";
    api.put_workflow(document).await.ok();
    let refused = api.post("/v1/workflows/fetch/publish", json!({})).await;
    assert!(refused.status >= 400, "{}", refused.text);
    host.cli(["plugin", "grant", "http-request"]).await.ok();
    api.post("/v1/workflows/fetch/publish", json!({}))
        .await
        .ok();
}
