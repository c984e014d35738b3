//! The HTTP API and the CLI as integrators and operators use them: what is refused is refused in one
//! form with a stable code, and a request that is sent twice is done once.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use futures::StreamExt as _;
use jackfield_tests::{Answer, Api, Host};
use reqwest::Method;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

const PAUSE: &str = "name: pause\ntrigger: {event: pause.wanted}\nsteps:\n  \
                     pause: {uses: wait@1, with: {for: 1h}}\n";
const QUICK: &str = "name: quick\ntrigger: {event: quick.wanted}\nsteps:\n  \
                     quick: {uses: wait@1, with: {until: \"2020-01-01 00:00\"}}\n";
const ANN: Option<&str> = Some("email:ann@example.com");

const JSON: &str = "application/json";

/// One line for each: request, media type, body, and what it is refused with.
#[rustfmt::skip]
const BAD: &[(&str, &str, &[u8], &str)] = &[
    ("POST /v1/events", JSON, b"{", "400 invalid-json"),
    ("POST /v1/events", JSON, b"{\"name\": \"\xff\"}", "400 invalid-utf8"),
    ("POST /v1/events", JSON, b"[]", "422 invalid"),
    ("POST /v1/events", JSON, br#"{"nme": "a.b"}"#, "422 invalid"),
    ("POST /v1/events", JSON, br#"{"name": "A B"}"#, "422 invalid"),
    ("POST /v1/events", JSON, br#"{"name": "message.received"}"#, "422 invalid"),
    ("POST /v1/events", JSON, br#"{"name": "a.b", "data": 7}"#, "422 invalid"),
    ("POST /v1/events", JSON, br#"{"name": "a.b", "contact": "phone:x"}"#, "422 invalid"),
    ("POST /v1/events", JSON, &[b'x'; 1_100_000], "413 too-large"),
    ("POST /v1/events", "text/csv", b"a;b", "415 unsupported-media-type"),
    ("POST /v1/events", "", b"{}", "415 unsupported-media-type"),
    ("DELETE /v1/events", "", b"", "405 method-not-allowed"),
    ("GET /v1/nothing", "", b"", "404 unknown-route"),
    ("GET /v1/runs/run_nothing", "", b"", "404 not-found"),
    ("GET /v1/runs?limit=0", "", b"", "400 invalid-parameter"),
    ("GET /v1/runs?limit=many", "", b"", "400 invalid-parameter"),
    ("GET /v1/runs?cursor=abc", "", b"", "400 invalid-cursor"),
    ("GET /v1/contacts/phone:%2B3360000", "", b"", "404 not-found"),
    ("POST /v1/workflows/none/publish", JSON, b"{}", "404 not-found"),
    ("POST /v1/workflows/none/runs", JSON, b"{}", "404 not-found"),
    ("POST /v1/workflows/none/runs?wait=1h", JSON, b"{}", "400 invalid-parameter"),
    ("PUT /v1/workflows/x", "application/yaml", b"name: [", "422 invalid-document"),
    ("PUT /v1/workflows/x", "text/html", b"x", "415 unsupported-media-type"),
    ("POST /v1/contacts", JSON, br#"{"phone": "12"}"#, "422 invalid"),
    ("POST /v1/contacts", JSON, br#"{"no_such_field": 1}"#, "422 invalid"),
    ("POST /v1/channels", JSON, br#"{"name": "x", "connector": "fax@1"}"#, "404 not-found"),
    ("POST /v1/messages", JSON, b"{}", "422 invalid"),
    ("PUT /v1/contact-fields/Bad%20Name", JSON, br#"{"kind": "text"}"#, "422 invalid"),
    ("PUT /v1/contact-fields/ok", JSON, br#"{"kind": "colour"}"#, "422 invalid"),
    ("POST /v1/keys", JSON, br#"{"name": "x", "scopes": ["fly"]}"#, "422 invalid"),
    ("PATCH /v1/workspaces/main", JSON, br#"{"settings": {"time-zone": "Mars"}}"#, "422 invalid"),
    ("POST /v1/plugins", "application/wasm", b"no component", "422 refused"),
    ("POST /v1/plugins", "application/wasm", b"\0asm\x01\0\0\0", "422 refused"),
    ("POST /v1/plugins", JSON, b"{}", "415 unsupported-media-type"),
    ("POST /v1/plugins/nothing/grant", "", b"", "404 not-found"),
];

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
async fn every_bad_input_is_a_problem_with_a_stable_code() {
    let host = Host::start().await;
    let api = &host.api;
    let mut wrong = Vec::new();
    for (line, kind, body, refusal) in BAD {
        let (method, path) = line.split_once(' ').unwrap();
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        let answer = raw(api, method, path, kind, *body).await;
        let got = format!(
            "{} {}",
            answer.status,
            answer.json["code"].as_str().unwrap_or("-")
        );
        if got != *refusal || answer.header("content-type") != Some("application/problem+json") {
            let start = String::from_utf8_lossy(&body[..body.len().min(80)]);
            wrong.push(format!(
                "{line} {start}: expected {refusal}: {got} {}",
                answer.text
            ));
            continue;
        }
        // The request can be found in the log.
        assert_eq!(
            answer.json["request-id"].as_str(),
            answer.header("x-request-id"),
            "{line}"
        );
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    // The host is none the worse for it.
    api.publish(QUICK).await;
    let run = api.start("quick.wanted", ANN, json!({})).await;
    api.completed(&run).await;
}

#[tokio::test]
async fn a_request_with_an_idempotency_key_is_done_once() {
    let host = Host::start().await;
    let api = &host.api;
    api.publish(PAUSE).await;
    let send = async |key: &str, who: &str| {
        let body = json!({"name": "pause.wanted", "contact": format!("email:{who}@example.com")});
        api.send(
            api.request(Method::POST, "/v1/events")
                .header("idempotency-key", key)
                .json(&body),
        )
        .await
    };
    let first = send("key-1", "ann").await;
    assert_eq!(
        (first.status, first.header("idempotency-replayed")),
        (202, None),
        "{}",
        first.text
    );
    let again = send("key-1", "ann").await;
    assert_eq!(
        (again.status, again.header("idempotency-replayed")),
        (202, Some("true"))
    );
    assert_eq!(again.text, first.text);
    send("key-1", "bob")
        .await
        .refused(422, "idempotency-key-reused");
    send("a key with spaces", "ann")
        .await
        .refused(400, "invalid-header");
    assert_eq!(api.all("/v1/runs?workflow=pause").await.len(), 1);

    // Many at the same time: one is carried out, the others are told so or get its answer.
    let all = futures::future::join_all((0..8).map(|_| send("key-2", "bob"))).await;
    for answer in &all {
        assert!(
            answer.status == 202 || answer.json["code"] == "in-progress",
            "{}",
            answer.text
        );
    }
    assert_eq!(api.all("/v1/runs?workflow=pause").await.len(), 2);

    // A refusal does not use the key up.
    let wrong = api
        .request(Method::POST, "/v1/events")
        .header("idempotency-key", "key-3");
    assert_eq!(
        api.send(wrong.json(&json!({"name": "Wrong"}))).await.status,
        422
    );
    assert_eq!(send("key-3", "eve").await.status, 202);

    // A key of the API is shown once, also to who asks twice.
    let make = async || {
        let body = json!({"name": "x", "scopes": ["runs:read"]});
        let request = api
            .request(Method::POST, "/v1/keys")
            .header("idempotency-key", "key-4");
        api.send(request.json(&body)).await
    };
    assert_eq!(make().await.status, 201);
    make().await.refused(409, "answer-not-kept");
}

#[tokio::test]
async fn an_idempotency_key_outlives_a_restart() {
    let mut host = Host::start().await;
    host.api.publish(PAUSE).await;
    let body = json!({"name": "pause.wanted", "contact": "email:ann@example.com"});
    let mut answers = Vec::new();
    for _ in 0..2 {
        let request = host
            .api
            .request(Method::POST, "/v1/events")
            .header("idempotency-key", "k");
        answers.push(host.api.send(request.json(&body)).await.ok());
        host.restart().await;
    }
    assert_eq!(answers[0], answers[1]);
    assert_eq!(host.api.all("/v1/runs?workflow=pause").await.len(), 1);
}

#[tokio::test]
async fn lists_come_in_pages_without_gap_or_overlap() {
    let host = Host::start().await;
    let api = &host.api;
    api.publish(PAUSE).await;
    let mut runs = Vec::new();
    for n in 0..7 {
        let contact = format!("email:user-{n}@example.com");
        runs.push(api.start("pause.wanted", Some(&contact), json!({})).await);
    }
    for limit in [1, 2, 3, 7, 100] {
        let listed = api.all(&format!("/v1/runs?limit={limit}")).await;
        let mut ids: Vec<&str> = listed.iter().filter_map(|run| run["id"].as_str()).collect();
        assert_eq!(ids.len(), 7, "limit {limit}");
        ids.sort_unstable();
        let mut expected: Vec<&str> = runs.iter().map(String::as_str).collect();
        expected.sort_unstable();
        assert_eq!(ids, expected, "limit {limit}");
    }
    let contacts = api.all("/v1/contacts?limit=3").await;
    assert_eq!(contacts.len(), 7);
    let one = api.all("/v1/runs?contact=email:user-3@example.com").await;
    assert_eq!(one.len(), 1);
    let next = api.get("/v1/runs?limit=2").await.ok()["next"]
        .as_str()
        .unwrap()
        .to_owned();
    let foreign = format!("/v1/contacts?cursor={next}");
    api.get(&foreign).await.refused(400, "invalid-cursor");
}

#[tokio::test]
async fn a_run_can_be_started_and_waited_for() {
    let host = Host::start().await;
    let api = &host.api;
    api.publish(QUICK).await;
    api.publish(PAUSE).await;
    let quick = api
        .post(
            "/v1/workflows/quick/runs?wait=30s",
            json!({"data": {"n": 1}}),
        )
        .await;
    assert_eq!(quick.status, 200, "{}", quick.text);
    assert_eq!(
        (&quick.json["state"], &quick.json["trigger"]["n"]),
        (&json!("completed"), &json!(1))
    );
    let began = Instant::now();
    let pause = api
        .post("/v1/workflows/pause/runs?wait=500ms", json!({}))
        .await;
    assert_eq!(
        (pause.status, &pause.json["state"]),
        (202, &json!("waiting")),
        "{}",
        pause.text
    );
    assert!(began.elapsed() >= Duration::from_millis(500));
    let location = pause.header("location").unwrap().to_owned();
    let cancelled = api
        .post(&format!("{location}/cancel"), json!({"reason": "enough"}))
        .await
        .ok();
    assert_eq!(
        (&cancelled["state"], &cancelled["reason"]),
        (&json!("cancelled"), &json!("enough"))
    );
    api.post(&format!("{location}/cancel"), json!({}))
        .await
        .refused(409, "conflict");
    api.post(&format!("{location}/retry"), json!({}))
        .await
        .refused(409, "conflict");

    let shown = host.cli(["run", "start", "quick", "--wait", "30s"]).await;
    assert!(shown.status.success(), "{}", shown.err);
    assert_eq!(
        host.cli(["run", "show", "run_none"]).await.status.code(),
        Some(3)
    );
}

#[tokio::test]
async fn a_timeline_can_be_followed_as_it_grows() {
    let host = Host::start().await;
    let api = &host.api;
    api.publish(
        "name: signal\ntrigger: {event: signal.wanted}\nsteps:\n  \
         pause: {uses: wait@1, with: {event: {name: go.on}, timeout: 1h}}\n",
    )
    .await;
    let run = api.start("signal.wanted", ANN, json!({})).await;
    api.waiting_at(&run, "pause").await;
    let stream = async |after: Option<&str>| {
        let path = format!("/v1/runs/{run}/timeline");
        let mut request = api
            .request(Method::GET, &path)
            .header("accept", "text/event-stream");
        if let Some(after) = after {
            request = request.header("last-event-id", after);
        }
        let response = request.send().await.unwrap();
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        response
    };
    // Both watch before anything more happens; the second has seen entry 0.
    let (whole, rest) = (stream(None).await, stream(Some("0")).await);
    api.event("go.on", ANN, json!({"answer": 42})).await;
    let read = async |response: reqwest::Response| {
        let mut bytes = response.bytes_stream();
        let mut text = String::new();
        let all = async {
            while let Some(chunk) = bytes.next().await {
                text.push_str(&String::from_utf8_lossy(&chunk.unwrap()));
            }
        };
        tokio::time::timeout(Duration::from_secs(30), all)
            .await
            .expect("the stream ends");
        text
    };
    let (whole, rest) = (read(whole).await, read(rest).await);
    let ids = |text: &str| {
        let lines = text
            .lines()
            .filter_map(|line| line.strip_prefix("id: ").or(line.strip_prefix("id:")));
        lines
            .map(|id| id.trim().parse::<usize>().unwrap())
            .collect::<Vec<_>>()
    };
    let count = api.timeline(&run).await.len();
    assert_eq!(ids(&whole), (0..count).collect::<Vec<_>>(), "{whole}");
    assert_eq!(ids(&rest), (1..count).collect::<Vec<_>>(), "{rest}");
    for kind in [
        "run-started",
        "waiting",
        "woken",
        "step-finished",
        "run-finished",
        "end",
    ] {
        assert!(whole.contains(kind), "{kind} is missing in {whole}");
    }
    let bad = api.request(Method::GET, &format!("/v1/runs/{run}/timeline"));
    let bad = bad
        .header("accept", "text/event-stream")
        .header("last-event-id", "last");
    api.send(bad).await.refused(400, "invalid-header");
}

#[tokio::test]
async fn the_openapi_document_describes_what_is_served() {
    let host = Host::start().await;
    let document = host.api.without_key().get("/openapi.json").await.ok();
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1"));
    let printed: Value =
        serde_json::from_str(&host.cli(["openapi"]).await.ok()).expect("the CLI prints it too");
    assert_eq!(printed, document);
    let mut checked = 0;
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            if method == "parameters" {
                continue;
            }
            checked += 1;
            assert!(
                operation["summary"].is_string(),
                "{method} {path} says nothing"
            );
            assert!(operation["operationId"].is_string(), "{method} {path}");
            if !path.starts_with("/v1/") {
                continue;
            }
            // Every route is there, and closed to who has no key, but for the schema.
            let mut real = path.clone();
            while let (Some(from), Some(to)) = (real.find('{'), real.find('}')) {
                real.replace_range(from..=to, "1");
            }
            let method = Method::from_bytes(method.to_uppercase().as_bytes()).unwrap();
            let answer = host
                .api
                .send(host.api.without_key().request(method, &real))
                .await;
            if operation["security"]
                .as_array()
                .is_some_and(|all| all.iter().any(|one| one["key"].is_array()))
            {
                answer.refused(401, "unauthenticated");
            } else {
                assert_eq!(answer.status, 200, "{path}");
            }
        }
    }
    assert!(checked > 60, "{checked}");
}

#[tokio::test]
async fn a_webhook_takes_no_body_without_end() {
    let host = Host::start().await;
    let api = &host.api;
    let channel = json!({"name": "chat", "connector": "custom-channel@1",
        "settings": {"webhook-url": "http://127.0.0.1:9/message", "channel-id": "c"},
        "secrets": {"api-token": "a long random text"}});
    let made = api.post("/v1/channels", channel).await.ok();
    let hook = made["webhook"].as_str().unwrap();
    let huge = vec![b'x'; 2 << 20];
    let answer = raw(
        &api.without_key(),
        Method::POST,
        hook,
        "application/json",
        huge,
    )
    .await;
    assert_eq!(answer.status, 413, "{}", answer.text);
    assert_eq!(
        api.get("/v1/inbound-failures").await.ok()["items"],
        json!([])
    );
}

#[tokio::test]
async fn health_readiness_and_metrics_need_no_key() {
    let host = Host::start().await;
    let open = host.api.without_key();
    assert_eq!(open.get("/healthz").await.ok()["status"], "ok");
    let ready = open.get("/readyz").await.ok();
    assert_eq!(ready["ready"], true, "{ready:#}");
    let metrics = open.get("/metrics").await;
    assert!(
        metrics
            .header("content-type")
            .unwrap()
            .starts_with("text/plain")
    );
    assert!(
        metrics.text.contains("jackfield_http_requests_total"),
        "{}",
        metrics.text
    );
    let doctor = host.cli(["doctor"]).await;
    let installed = std::fs::read_dir(jackfield_tests::plugins())
        .unwrap()
        .count();
    assert!(
        doctor.status.success() && doctor.out.contains(&format!("{installed} installed")),
        "{}",
        doctor.out
    );
    let other = host
        .cli(["run", "list", "--url", "http://127.0.0.1:9"])
        .await;
    assert_eq!(other.status.code(), Some(5), "{}", other.err);
}

#[tokio::test]
async fn traces_reach_a_collector_from_the_request_to_the_host_call() {
    let collector = jackfield_peers::Crm::start().await.unwrap();
    let crm = jackfield_peers::Crm::start().await.unwrap();
    let mut host = Host::start_with(&["--otlp", &collector.url]).await;
    let document = format!(
        "name: fetch\ntrigger: {{event: fetch.wanted}}\nsteps:\n  \
         fetch: {{uses: http-request@1, with: {{url: \"{}/x\"}}}}\n",
        crm.url
    );
    host.api.publish(&document).await;
    let run = host.api.start("fetch.wanted", ANN, json!({})).await;
    host.api.completed(&run).await;
    // What is under way is handed over before the host ends.
    assert_eq!(host.stop().await.code(), Some(0));
    let sent = collector.requests().all();
    assert!(sent.iter().all(|one| one.path == "/v1/traces"), "{sent:?}");
    let has = |words: &str| {
        sent.iter()
            .any(|one| String::from_utf8_lossy(&one.body).contains(words))
    };
    for words in ["jackfield", "POST /v1/events", "activation", "egress.http"] {
        assert!(has(words), "{words} is missing in the traces");
    }
    // Addresses of people are no names of spans.
    assert!(!has("ann@example.com") && !has("Bearer"));
}
