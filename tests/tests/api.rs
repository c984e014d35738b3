//! The HTTP API and the CLI as integrators and operators use them: what is refused is refused in one
//! form with a stable code, keys and workspaces keep people apart, and a request that is sent twice
//! is done once.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use futures::StreamExt as _;
use jackfield_tests::{Answer, Api, Host, plugins};
use reqwest::Method;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

const PAUSE: &str = "name: pause\ntrigger: {event: pause.wanted}\nsteps:\n  \
                     pause: {uses: wait@1, with: {for: 1h}}\n";
const QUICK: &str = "name: quick\ntrigger: {event: quick.wanted}\nsteps:\n  \
                     quick: {uses: wait@1, with: {until: \"2020-01-01 00:00\"}}\n";
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

async fn key(api: &Api, body: Value) -> String {
    api.post("/v1/keys", body).await.ok()["key"]
        .as_str()
        .expect("a key")
        .to_owned()
}

#[tokio::test]
async fn every_bad_input_is_a_problem_with_a_stable_code() {
    let host = Host::start().await;
    let api = &host.api;
    let json_type = "application/json";
    let long = format!("{{\"name\": \"{}\"}}", "x".repeat(1_100_000));
    let table: Vec<(Method, &str, &str, Vec<u8>, u16, &str)> = vec![
        (
            Method::POST,
            "/v1/events",
            json_type,
            b"{".to_vec(),
            400,
            "invalid-json",
        ),
        (
            Method::POST,
            "/v1/events",
            json_type,
            b"{\"name\": \"\xff\"}".to_vec(),
            400,
            "invalid-utf8",
        ),
        (
            Method::POST,
            "/v1/events",
            json_type,
            b"[]".to_vec(),
            422,
            "invalid",
        ),
        (
            Method::POST,
            "/v1/events",
            json_type,
            b"{\"nme\": \"a.b\"}".to_vec(),
            422,
            "invalid",
        ),
        (
            Method::POST,
            "/v1/events",
            json_type,
            b"{\"name\": \"A B\"}".to_vec(),
            422,
            "invalid",
        ),
        (
            Method::POST,
            "/v1/events",
            json_type,
            b"{\"name\": \"message.received\"}".to_vec(),
            422,
            "invalid",
        ),
        (
            Method::POST,
            "/v1/events",
            json_type,
            b"{\"name\": \"a.b\", \"data\": 7}".to_vec(),
            422,
            "invalid",
        ),
        (
            Method::POST,
            "/v1/events",
            json_type,
            b"{\"name\": \"a.b\", \"contact\": \"phone:x\"}".to_vec(),
            422,
            "invalid",
        ),
        (
            Method::POST,
            "/v1/events",
            json_type,
            long.into_bytes(),
            413,
            "too-large",
        ),
        (
            Method::POST,
            "/v1/events",
            "text/csv",
            b"a;b".to_vec(),
            415,
            "unsupported-media-type",
        ),
        (
            Method::POST,
            "/v1/events",
            "",
            b"{}".to_vec(),
            415,
            "unsupported-media-type",
        ),
        (
            Method::DELETE,
            "/v1/events",
            "",
            vec![],
            405,
            "method-not-allowed",
        ),
        (Method::GET, "/v1/nothing", "", vec![], 404, "unknown-route"),
        (
            Method::GET,
            "/v1/runs/run_nothing",
            "",
            vec![],
            404,
            "not-found",
        ),
        (
            Method::GET,
            "/v1/runs?limit=0",
            "",
            vec![],
            400,
            "invalid-parameter",
        ),
        (
            Method::GET,
            "/v1/runs?limit=many",
            "",
            vec![],
            400,
            "invalid-parameter",
        ),
        (
            Method::GET,
            "/v1/runs?cursor=abc",
            "",
            vec![],
            400,
            "invalid-cursor",
        ),
        (
            Method::GET,
            "/v1/contacts/phone:%2B3360000",
            "",
            vec![],
            404,
            "not-found",
        ),
        (
            Method::POST,
            "/v1/workflows/none/publish",
            json_type,
            b"{}".to_vec(),
            404,
            "not-found",
        ),
        (
            Method::POST,
            "/v1/workflows/none/runs",
            json_type,
            b"{}".to_vec(),
            404,
            "not-found",
        ),
        (
            Method::POST,
            "/v1/workflows/none/runs?wait=1h",
            json_type,
            b"{}".to_vec(),
            400,
            "invalid-parameter",
        ),
        (
            Method::PUT,
            "/v1/workflows/x",
            "application/yaml",
            b"name: [".to_vec(),
            422,
            "invalid-document",
        ),
        (
            Method::PUT,
            "/v1/workflows/x",
            "text/html",
            b"x".to_vec(),
            415,
            "unsupported-media-type",
        ),
        (
            Method::POST,
            "/v1/contacts",
            json_type,
            b"{\"phone\": \"12\"}".to_vec(),
            422,
            "invalid",
        ),
        (
            Method::POST,
            "/v1/contacts",
            json_type,
            b"{\"no_such_field\": 1}".to_vec(),
            422,
            "invalid",
        ),
        (
            Method::POST,
            "/v1/channels",
            json_type,
            b"{\"name\": \"x\", \"connector\": \"fax@1\"}".to_vec(),
            404,
            "not-found",
        ),
        (
            Method::POST,
            "/v1/messages",
            json_type,
            b"{}".to_vec(),
            422,
            "invalid",
        ),
        (
            Method::PUT,
            "/v1/contact-fields/Bad%20Name",
            json_type,
            b"{\"kind\": \"text\"}".to_vec(),
            422,
            "invalid",
        ),
        (
            Method::PUT,
            "/v1/contact-fields/ok",
            json_type,
            b"{\"kind\": \"colour\"}".to_vec(),
            422,
            "invalid",
        ),
        (
            Method::POST,
            "/v1/keys",
            json_type,
            b"{\"name\": \"x\", \"scopes\": [\"fly\"]}".to_vec(),
            422,
            "invalid",
        ),
        (
            Method::PATCH,
            "/v1/workspaces/main",
            json_type,
            b"{\"settings\": {\"time-zone\": \"Mars\"}}".to_vec(),
            422,
            "invalid",
        ),
        (
            Method::POST,
            "/v1/plugins",
            "application/wasm",
            b"no component".to_vec(),
            422,
            "refused",
        ),
        (
            Method::POST,
            "/v1/plugins",
            "application/wasm",
            b"\0asm\x01\0\0\0".to_vec(),
            422,
            "refused",
        ),
        (
            Method::POST,
            "/v1/plugins",
            json_type,
            b"{}".to_vec(),
            415,
            "unsupported-media-type",
        ),
        (
            Method::POST,
            "/v1/plugins/nothing/grant",
            "",
            vec![],
            404,
            "not-found",
        ),
    ];
    let mut wrong = Vec::new();
    for (method, path, kind, body, status, code) in table {
        let shown = format!(
            "{method} {path} {}",
            String::from_utf8_lossy(&body[..body.len().min(80)])
        );
        let answer = raw(api, method, path, kind, body).await;
        let is_problem = answer.header("content-type") == Some("application/problem+json");
        if (answer.status, answer.json["code"].as_str(), is_problem) != (status, Some(code), true) {
            wrong.push(format!(
                "{shown}: expected {status} {code}: {} {}",
                answer.status, answer.text
            ));
            continue;
        }
        // The request can be found in the log.
        assert_eq!(
            answer.json["request-id"].as_str(),
            answer.header("x-request-id"),
            "{shown}"
        );
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    // The host is none the worse for it.
    api.publish(QUICK).await;
    let run = api.start("quick.wanted", ANN, json!({})).await;
    api.completed(&run).await;
}

#[tokio::test]
async fn keys_open_their_own_workspace_and_nothing_beyond_their_scopes() {
    let host = Host::start().await;
    let operator = &host.api;
    operator
        .without_key()
        .get("/v1/runs")
        .await
        .refused(401, "unauthenticated");
    operator
        .with_key("nonsense")
        .get("/v1/runs")
        .await
        .refused(401, "invalid-key");
    let unknown = format!("jf_{}_{}", "0".repeat(16), "0".repeat(43));
    operator
        .with_key(&unknown)
        .get("/v1/runs")
        .await
        .refused(401, "invalid-key");

    let created = operator
        .post(
            "/v1/keys",
            json!({"name": "site", "scopes": ["events:write", "keys:admin"]}),
        )
        .await
        .ok();
    let site = operator.with_key(created["key"].as_str().unwrap());
    let sent = site.post("/v1/events", json!({"name": "a.b"})).await;
    assert_eq!(sent.status, 202, "{}", sent.text);
    site.get("/v1/runs").await.refused(403, "missing-scope");
    // A key cannot make one that may do more than itself.
    let more = json!({"name": "more", "scopes": ["runs:read"]});
    site.post("/v1/keys", more)
        .await
        .refused(403, "missing-scope");
    let operators = json!({"name": "more", "scopes": ["events:write"], "operator": true});
    site.post("/v1/keys", operators)
        .await
        .refused(403, "operator-only");

    // Another workspace is out of reach, and what is in it does not exist here.
    let made = operator.post("/v1/workspaces", json!({"id": "lyon"})).await;
    assert_eq!(made.status, 201, "{}", made.text);
    operator.publish(PAUSE).await;
    let run = operator.start("pause.wanted", ANN, json!({})).await;
    let message = operator
        .post(
            "/v1/contacts",
            json!({"phone": "+33612345678", "firstname": "Ann"}),
        )
        .await
        .ok();
    let contact = message["id"].as_str().unwrap();
    let lyon = operator.in_workspace("lyon");
    let lyon_key = key(&lyon, json!({"name": "all", "scopes": ["*"]})).await;
    let foreign = operator.with_key(&lyon_key);
    for api in [&lyon, &foreign] {
        assert_eq!(api.get("/v1/runs").await.ok()["items"], json!([]));
        for path in [
            format!("/v1/runs/{run}"),
            format!("/v1/runs/{run}/timeline"),
            format!("/v1/contacts/{contact}"),
            "/v1/workflows/pause".to_owned(),
        ] {
            api.get(&path).await.refused(404, "not-found");
        }
        api.post(&format!("/v1/runs/{run}/cancel"), json!({}))
            .await
            .refused(404, "not-found");
        api.delete("/v1/workflows/pause")
            .await
            .refused(404, "not-found");
    }
    foreign
        .in_workspace("main")
        .get("/v1/runs")
        .await
        .refused(403, "other-workspace");
    foreign
        .get("/v1/workspaces/main")
        .await
        .refused(403, "other-workspace");
    operator
        .in_workspace("nowhere")
        .get("/v1/runs")
        .await
        .refused(404, "not-found");
    assert_eq!(operator.run(&run).await["state"], "waiting");

    // What was taken back opens nothing.
    let id = created["id"].as_str().unwrap();
    assert_eq!(operator.delete(&format!("/v1/keys/{id}")).await.status, 204);
    site.post("/v1/events", json!({"name": "a.b"}))
        .await
        .refused(401, "revoked-key");
    // The last operator's key stays, or nobody could get in.
    let keys = operator.all("/v1/keys?limit=100").await;
    let own = keys.iter().find(|key| key["workspace"] == "*").unwrap()["id"]
        .as_str()
        .unwrap();
    operator
        .delete(&format!("/v1/keys/{own}"))
        .await
        .refused(409, "conflict");
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
    assert_eq!(api.all("/v1/plugins?limit=4").await.len(), 9);

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
    assert_eq!(removed.status, 204, "{}", removed.text);
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

#[tokio::test]
async fn secrets_never_come_back() {
    let host = Host::start().await;
    let api = &host.api;
    let crm = jackfield_peers::Crm::start().await.unwrap();
    let secret = "a value that must not be seen 4711";
    assert_eq!(
        api.put("/v1/secrets/crm-token", json!({"value": secret}))
            .await
            .status,
        204
    );
    let listed = api.get("/v1/secrets").await;
    assert!(listed.text.contains("crm-token") && !listed.text.contains(secret));
    api.get("/v1/secrets/crm-token")
        .await
        .refused(405, "method-not-allowed");

    // The step may name it where the operator has granted it, and only there.
    let url = format!("{}/echo", crm.url);
    let document = format!(
        "name: use\ntrigger: {{event: use.wanted}}\nsteps:\n  use:\n    uses: http-request@1\n    \
         with: {{method: POST, url: \"{url}\", headers: {{authorization: \"Bearer {{{{secret:crm-token}}}}\"}}, body: {{a: 1}}}}\n"
    );
    api.publish(&document).await;
    let run = api.start("use.wanted", ANN, json!({})).await;
    let over = api.over(&run).await;
    assert_eq!(over["state"], "failed", "not granted yet: {over:#}");
    assert_eq!(crm.requests().count(), 0);
    let mut texts = vec![
        api.get(&format!("/v1/runs/{run}")).await.text,
        api.get(&format!("/v1/runs/{run}/timeline")).await.text,
    ];
    let mut approve = api.get("/v1/plugins/http-request").await.ok()["asked"].clone();
    approve["secrets"] = json!({"crm-token": {"hosts": [crm.url], "places": ["header"]}});
    let granted = api
        .post(
            "/v1/plugins/http-request/grant",
            json!({"approve": approve}),
        )
        .await;
    texts.push(granted.text.clone());
    if granted.status == 200 {
        // The service says the secret back, as careless ones do.
        let echo = json!({"you-sent": format!("Bearer {secret}")});
        crm.answer_next(jackfield_peers::Answer::new(200, echo));
        let run = api
            .start("use.wanted", Some("email:bob@example.com"), json!({}))
            .await;
        api.completed(&run).await;
        let bearer = crm.requests().all()[0]
            .header("authorization")
            .unwrap()
            .to_owned();
        assert_eq!(bearer, format!("Bearer {secret}"));
        texts.push(api.get(&format!("/v1/runs/{run}")).await.text);
        texts.push(json!(api.timeline(&run).await).to_string());
        texts.push(host.cli(["run", "show", &run]).await.ok());
    } else {
        eprintln!(
            "a step cannot be granted a secret that it does not ask for: {}",
            granted.text
        );
    }
    texts.push(host.log());
    texts.push(api.get("/metrics").await.text);
    for text in texts {
        assert!(!text.contains(secret), "{text}");
    }
    // Nor does it stand in the files.
    let database = std::fs::read(host.data().join("jackfield.db")).unwrap();
    let journal = std::fs::read(host.data().join("jackfield.db-wal")).unwrap_or_default();
    for bytes in [database, journal] {
        let found = bytes
            .windows(secret.len())
            .any(|window| window == secret.as_bytes());
        assert!(!found, "the secret stands in the database");
    }
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
    assert!(
        doctor.status.success() && doctor.out.contains("9 installed"),
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
    let mut host = Host::start_with(&["--otlp", &collector.url]).await;
    host.api.publish(QUICK).await;
    let run = host.api.start("quick.wanted", ANN, json!({})).await;
    host.api.completed(&run).await;
    // What is under way is handed over before the host ends.
    assert_eq!(host.stop().await.code(), Some(0));
    let sent = collector.requests().all();
    assert!(sent.iter().all(|one| one.path == "/v1/traces"), "{sent:?}");
    let has = |words: &str| {
        sent.iter()
            .any(|one| String::from_utf8_lossy(&one.body).contains(words))
    };
    for words in [
        "jackfield",
        "POST /v1/events",
        "/v1/workflows/{name}/publish",
    ] {
        assert!(has(words), "{words} is missing in the traces");
    }
    // Addresses of people are no names of spans.
    assert!(!has("ann@example.com") && !has("Bearer"));
}
