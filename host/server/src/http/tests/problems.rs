//! Every bad input is answered with a problem of its own.

use super::Fixture;
use reqwest::{Method, Response};
use serde_json::{Value, json};

async fn problem(response: Response, status: u16, code: &str) -> Value {
    let got = response.status().as_u16();
    let headers = response.headers().clone();
    let text = response.text().await.unwrap();
    assert_eq!(got, status, "{code}: {text}");
    assert_eq!(
        headers["content-type"], "application/problem+json",
        "{code}: {text}"
    );
    let body: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(body["code"], code, "{text}");
    assert_eq!(body["status"], status, "{text}");
    assert_eq!(body["type"], format!("urn:jackfield:problem:{code}"));
    assert!(!body["title"].as_str().unwrap().is_empty());
    assert!(!body["detail"].as_str().unwrap().is_empty());
    assert_eq!(
        body["request-id"],
        headers["x-request-id"].to_str().unwrap()
    );
    body
}

#[tokio::test]
async fn bad_bodies_are_named() {
    let fixture = Fixture::new().await;
    let post = |media: &str, body: Vec<u8>| {
        fixture
            .request(Method::POST, "/v1/events")
            .header("content-type", media)
            .body(body)
            .send()
    };
    let json = "application/json";
    let sent = post(json, b"{\"name\": ".to_vec()).await.unwrap();
    let body = problem(sent, 400, "invalid-json").await;
    assert_eq!(body["errors"][0]["line"], 1);

    let sent = post(json, b"{\"name\": \"a\xff\"}".to_vec()).await.unwrap();
    problem(sent, 400, "invalid-utf8").await;

    let sent = post(json, b"{\"name\": 7}".to_vec()).await.unwrap();
    let body = problem(sent, 422, "invalid").await;
    assert_eq!(body["errors"][0]["path"], "/name");

    let sent = post(json, b"{\"name\": \"a\", \"dta\": {}}".to_vec())
        .await
        .unwrap();
    let body = problem(sent, 422, "invalid").await;
    assert!(
        body["errors"][0]["message"]
            .as_str()
            .unwrap()
            .contains("`data`"),
        "{body}"
    );

    let sent = post(json, b"{\"name\": \"Not A Name\"}".to_vec())
        .await
        .unwrap();
    problem(sent, 422, "invalid").await;

    let sent = post("text/plain", b"{\"name\": \"a\"}".to_vec())
        .await
        .unwrap();
    problem(sent, 415, "unsupported-media-type").await;

    let sent = post(json, vec![b' '; 1024 * 1024 + 1]).await.unwrap();
    problem(sent, 413, "too-large").await;

    // Without a length the body is measured as it comes.
    let pieces = (0..17).map(|_| Ok::<_, std::io::Error>(vec![b' '; 64 * 1024]));
    let stream = reqwest::Body::wrap_stream(futures::stream::iter(pieces));
    let request = fixture
        .request(Method::POST, "/v1/events")
        .header("content-type", json);
    problem(request.body(stream).send().await.unwrap(), 413, "too-large").await;
}

#[tokio::test]
async fn bad_routes_and_parameters_are_named() {
    let fixture = Fixture::new().await;
    let get = |path: &str| fixture.request(Method::GET, path).send();
    problem(get("/v1/nothing").await.unwrap(), 404, "unknown-route").await;
    problem(get("/").await.unwrap(), 404, "unknown-route").await;
    problem(get("/v1/runs/run_1").await.unwrap(), 404, "not-found").await;
    problem(get("/v1/workflows/none").await.unwrap(), 404, "not-found").await;
    problem(get("/v1/plugins/none").await.unwrap(), 404, "not-found").await;
    problem(get("/v1/channels/none").await.unwrap(), 404, "not-found").await;
    problem(get("/v1/messages/none").await.unwrap(), 404, "not-found").await;
    problem(get("/v1/templates/none").await.unwrap(), 404, "not-found").await;
    problem(
        get("/v1/runs?limit=0").await.unwrap(),
        400,
        "invalid-parameter",
    )
    .await;
    problem(
        get("/v1/runs?limit=101").await.unwrap(),
        400,
        "invalid-parameter",
    )
    .await;
    problem(
        get("/v1/runs?limit=many").await.unwrap(),
        400,
        "invalid-parameter",
    )
    .await;
    problem(
        get("/v1/runs?cursor=xx").await.unwrap(),
        400,
        "invalid-cursor",
    )
    .await;
    problem(
        get("/v1/workflows/%ff").await.unwrap(),
        400,
        "invalid-parameter",
    )
    .await;
    problem(
        get("/v1/workflows/a/versions/one").await.unwrap(),
        400,
        "invalid-parameter",
    )
    .await;

    let sent = fixture
        .request(Method::DELETE, "/v1/events")
        .send()
        .await
        .unwrap();
    assert_eq!(sent.headers()["allow"], "POST");
    problem(sent, 405, "method-not-allowed").await;

    let request = fixture
        .request(Method::POST, "/v1/events")
        .header("idempotency-key", "a b");
    problem(
        request.json(&json!({"name": "a"})).send().await.unwrap(),
        400,
        "invalid-header",
    )
    .await;
}

#[tokio::test]
async fn a_wrong_workflow_is_refused_with_line_column_and_suggestion() {
    let fixture = Fixture::new().await;
    let put = |path: &str, source: &'static str| {
        fixture
            .request(Method::PUT, path)
            .header("content-type", "application/yaml")
            .body(source)
            .send()
    };
    let source = "name: greet\ntriger: {event: call.ended}\nsteps: {}\n";
    let sent = put("/v1/workflows/greet", source).await.unwrap();
    let body = problem(sent, 422, "invalid-document").await;
    let item = body["errors"]
        .as_array()
        .unwrap()
        .iter()
        .find(|item| item["line"] == 2)
        .unwrap_or_else(|| panic!("{body}"));
    assert_eq!(item["suggestion"], "trigger", "{body}");
    let sent = put("/v1/workflows/other", super::WAITS).await.unwrap();
    let body = problem(sent, 422, "invalid").await;
    assert_eq!(body["errors"][0]["path"], "/name");
}

#[tokio::test]
async fn what_is_no_component_is_refused() {
    let fixture = Fixture::new().await;
    let post = |media: &str, body: &'static [u8]| {
        fixture
            .request(Method::POST, "/v1/plugins")
            .header("content-type", media)
            .body(body)
            .send()
    };
    problem(
        post("application/wasm", b"hello").await.unwrap(),
        422,
        "refused",
    )
    .await;
    problem(
        post("application/wasm", b"\0asm\x0d\0\x01\0")
            .await
            .unwrap(),
        422,
        "refused",
    )
    .await;
    problem(
        post("application/json", b"{}").await.unwrap(),
        415,
        "unsupported-media-type",
    )
    .await;
}
