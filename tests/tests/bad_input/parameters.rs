//! Parameters of path, query and headers; methods and routes that are none.

use crate::state::{everything, is_one_of, is_problem, none, operations, same};
use jackfield_tests::Host;
use reqwest::Method;
use serde_json::json;

/// What nothing is named by. `%2F` is a slash inside of a name.
const NAMES: &[&str] = &[
    "%ff",
    "a%c0%af",
    "%00",
    "a%00b",
    "%ed%a0%80",
    "%2F",
    "..%2F..%2Fetc%2Fpasswd",
    "%20",
    "%0d%0aSet-Cookie:%20a=b",
    "%F0%9F%92%A9",
    "'%20OR%201=1--",
    "%25",
    "id:",
    "phone:",
    "email:@",
    "channel:x:",
    "ctc_",
    "run_01",
    "-1",
    "9223372036854775808",
    "1e3",
    "wait@",
    "@1",
];

#[tokio::test]
async fn names_that_nothing_has_are_refused_on_every_route_and_nothing_is_done() {
    let host = Host::start().await;
    let before = everything(&host.api).await;
    let long = "a".repeat(9_000);
    let names: Vec<&str> = NAMES.iter().copied().chain([long.as_str()]).collect();
    let mut wrong = Vec::new();
    for operation in operations(&host).await {
        // A file may have any name that is one, and any bytes.
        let keeps = operation.method == "PUT" && operation.path == "/v1/files/{name}";
        if !operation.path.contains('{') || keeps {
            continue;
        }
        for name in &names {
            let path = operation.at(|_| (*name).to_owned());
            let mut request = host.api.request(operation.method.clone(), &path);
            if operation.takes_json() {
                request = request.json(&json!({}));
            } else if let Some(media) = operation.bodies.first() {
                request = request.header("content-type", media).body("name: [");
            }
            let answer = host.api.send(request).await;
            if let Err(said) = is_problem(&answer) {
                wrong.push(format!("{} {path:.100}: {said:.600}", operation.method));
            }
        }
    }
    none(&wrong);
    same(&before, &everything(&host.api).await).unwrap();
}

#[tokio::test]
async fn limits_cursors_and_waits_that_are_none_are_refused_on_every_list() {
    let host = Host::start().await;
    let mut wrong = Vec::new();
    let mut lists = 0;
    for operation in operations(&host).await {
        let document = host.api.without_key().get("/openapi.json").await.ok();
        let route = &document["paths"][&operation.path][operation.method.as_str().to_lowercase()];
        if !route["parameters"].to_string().contains("\"cursor\"") {
            continue;
        }
        lists += 1;
        let path = operation.at(|_| "1".to_owned());
        for (query, code) in [
            ("limit=0", "400 invalid-parameter"),
            ("limit=101", "400 invalid-parameter"),
            ("limit=-1", "400 invalid-parameter"),
            ("limit=1.5", "400 invalid-parameter"),
            ("limit=", "400 invalid-parameter"),
            ("limit=99999999999999999999", "400 invalid-parameter"),
            ("limit=1&limit=2", "400 invalid-parameter"),
            ("limit=%ff", "400 invalid-parameter"),
            ("cursor=%00", "400 invalid-parameter"),
            ("cursor=", "400 invalid-cursor"),
            ("cursor=abc", "400 invalid-cursor"),
            ("cursor=%F0%9F%92%A9", "400 invalid-cursor"),
            ("cursor=cnVuczo", "400 invalid-cursor"),
        ] {
            // `cnVuczo` is the cursor of the list of runs before its first.
            if query == "cursor=cnVuczo" && operation.path == "/v1/runs" {
                continue;
            }
            let answer = host.api.get(&format!("{path}?{query}")).await;
            // The thing whose list this is may be looked for first.
            let expected = [
                code,
                "400 invalid-parameter",
                "404 not-found",
                "422 invalid",
            ];
            let expected = if operation.path.contains('{') {
                &expected[..]
            } else {
                &expected[..1]
            };
            if let Err(said) = is_one_of(&answer, expected) {
                wrong.push(format!("{operation}?{query}: {said}"));
            }
        }
    }
    assert!(lists > 12, "{lists}");
    let document = "name: pause\ntrigger: {event: pause.wanted}\nsteps:\n  \
                    pause: {uses: wait@1, with: {for: 1h}}\n";
    host.api.publish(document).await;
    for wait in [
        "",
        "s",
        "-1s",
        "61s",
        "2m",
        "1h",
        "soon",
        "1e3s",
        "99999999999999999999s",
        "%ff",
        "%00",
    ] {
        let answer = host
            .api
            .post(&format!("/v1/workflows/pause/runs?wait={wait}"), json!({}))
            .await;
        if let Err(said) = is_one_of(&answer, &["400 invalid-parameter"]) {
            wrong.push(format!("wait={wait}: {said}"));
        }
    }
    none(&wrong);
    assert!(host.api.all("/v1/runs?limit=100").await.is_empty());
}

#[tokio::test]
async fn headers_that_cannot_be_read_are_refused_on_every_post() {
    let host = Host::start().await;
    let before = everything(&host.api).await;
    let mut wrong = Vec::new();
    let long = "k".repeat(256);
    for operation in operations(&host).await {
        if operation.method != Method::POST {
            continue;
        }
        let path = operation.at(|_| "1".to_owned());
        for key in ["", "a b", long.as_str(), "\u{e9}", "\t"] {
            let request = host
                .api
                .request(Method::POST, &path)
                .header("idempotency-key", key.as_bytes())
                .json(&json!({}));
            let answer = host.api.send(request).await;
            if let Err(said) = is_one_of(&answer, &["400 invalid-header"]) {
                wrong.push(format!("{operation}, {key:.20?}: {said}"));
            }
        }
        for workspace in ["\u{e9}", "nowhere", "", "*", "a b"] {
            let request = host
                .api
                .request(Method::POST, &path)
                .header("jackfield-workspace", workspace.as_bytes())
                .json(&json!({}));
            let answer = host.api.send(request).await;
            if let Err(said) = is_one_of(&answer, &["400 invalid-header", "404 not-found"]) {
                wrong.push(format!("{operation} in {workspace:?}: {said}"));
            }
        }
    }
    none(&wrong);
    same(&before, &everything(&host.api).await).unwrap();
}

#[tokio::test]
async fn a_key_that_was_used_for_another_request_is_refused_on_every_post() {
    let host = Host::start().await;
    let first = host
        .api
        .request(Method::POST, "/v1/contacts")
        .header("idempotency-key", "k");
    let made = host
        .api
        .send(first.json(&json!({"email": "ann@example.com"})))
        .await;
    assert_eq!(made.status, 201, "{}", made.text);
    let before = everything(&host.api).await;
    let mut wrong = Vec::new();
    for operation in operations(&host).await {
        if operation.method != Method::POST {
            continue;
        }
        let path = operation.at(|_| "1".to_owned());
        let request = host
            .api
            .request(Method::POST, &path)
            .header("idempotency-key", "k");
        let answer = host.api.send(request.json(&json!({"name": "a"}))).await;
        if let Err(said) = is_one_of(&answer, &["422 idempotency-key-reused"]) {
            wrong.push(format!("{operation}: {said}"));
        }
    }
    none(&wrong);
    same(&before, &everything(&host.api).await).unwrap();
}

#[tokio::test]
async fn methods_and_routes_that_are_none_are_refused() {
    let host = Host::start().await;
    let all = operations(&host).await;
    let mut wrong = Vec::new();
    for operation in &all {
        let path = operation.at(|_| "1".to_owned());
        for method in [
            "GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND", "JACK",
        ] {
            let taken = all
                .iter()
                .any(|one| one.path == operation.path && one.method.as_str() == method);
            if taken {
                continue;
            }
            let method = Method::from_bytes(method.as_bytes()).unwrap();
            let answer = host.api.send(host.api.request(method.clone(), &path)).await;
            let said = is_one_of(&answer, &["405 method-not-allowed"]);
            if let Err(said) = said {
                wrong.push(format!("{method} {path}: {said}"));
            } else if answer.header("allow").is_none_or(str::is_empty) {
                wrong.push(format!("{method} {path}: no header Allow"));
            }
        }
    }
    for path in [
        "/",
        "/v1",
        "/v1/",
        "/v1/nothing",
        "/v2/runs",
        "/v1/runs/1/2/3",
        "//v1/runs",
        "/v1/runs/",
        "/%ff",
        "/..%2f",
    ] {
        let answer = host.api.get(path).await;
        if let Err(said) = is_one_of(
            &answer,
            &[
                "404 unknown-route",
                "404 not-found",
                "400 invalid-parameter",
            ],
        ) {
            wrong.push(format!("GET {path}: {said}"));
        }
    }
    none(&wrong);
}
