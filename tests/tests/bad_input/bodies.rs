//! Bodies: every route that takes one refuses what it cannot read, and reads no more than it says.

use crate::state::{Operation, everything, is_one_of, is_problem, none, operations, same};
use crate::wire::exchange;
use jackfield_tests::{Answer, Host};
use std::time::{Duration, Instant};

const JSON: &str = "application/json";
/// Nobody waits long for a refusal, even of a debug build on a busy machine.
const SOON: Duration = Duration::from_secs(20);

async fn send(host: &Host, operation: &Operation, media: &str, body: Vec<u8>) -> Answer {
    let path = operation.at(|_| "1".to_owned());
    let mut request = host.api.request(operation.method.clone(), &path).body(body);
    if !media.is_empty() {
        request = request.header("content-type", media);
    }
    host.api.send(request).await
}

/// No JSON, or not an object, or one that says things twice: the body and the refusals that fit.
fn unreadable() -> Vec<(&'static str, Vec<u8>, &'static [&'static str])> {
    const BROKEN: &[&str] = &["400 invalid-json"];
    const WRONG: &[&str] = &["422 invalid"];
    vec![
        ("a beginning", b"{".to_vec(), BROKEN),
        ("no JSON", b"<a/>".to_vec(), BROKEN),
        (
            "two bodies",
            b"{} {}".to_vec(),
            &["400 invalid-json", "422 invalid"],
        ),
        ("a comma too many", br#"{"name": "a",}"#.to_vec(), BROKEN),
        (
            "half a surrogate pair",
            br#"{"name": "\ud800"}"#.to_vec(),
            BROKEN,
        ),
        (
            "a raw line break in a text",
            b"{\"name\": \"a\nb\"}".to_vec(),
            BROKEN,
        ),
        ("a NUL between", b"{\0}".to_vec(), BROKEN),
        (
            "too deep",
            [b"{\"a\":".repeat(5_000), b"1".to_vec(), b"}".repeat(5_000)].concat(),
            BROKEN,
        ),
        (
            "too deep a list",
            [b"{\"a\":".to_vec(), b"[".repeat(500_000)].concat(),
            BROKEN,
        ),
        (
            "a number without end",
            br#"{"data": 1e99999}"#.to_vec(),
            BROKEN,
        ),
        ("no number", br#"{"data": NaN}"#.to_vec(), BROKEN),
        (
            "no UTF-8",
            b"{\"name\": \"\xff\xfe\"}".to_vec(),
            &["400 invalid-utf8"],
        ),
        (
            "an overlong slash",
            b"{\"name\": \"\xc0\xaf\"}".to_vec(),
            &["400 invalid-utf8"],
        ),
        ("UTF-16", b"\xff\xfe{\0}\0".to_vec(), &["400 invalid-utf8"]),
        ("a list", b"[]".to_vec(), WRONG),
        ("an object in a list", b" [{}]".to_vec(), WRONG),
        (
            "a list of all fields",
            br#"["a.b", null, {}, null]"#.to_vec(),
            WRONG,
        ),
        ("a number", b"7".to_vec(), WRONG),
        ("a text", b"\"x\"".to_vec(), WRONG),
        (
            "a name twice",
            br#"{"name": "a.b", "name": "c.d"}"#.to_vec(),
            WRONG,
        ),
        (
            "a name twice within",
            br#"{"data": {"a": 1, "\u0061": 2}}"#.to_vec(),
            WRONG,
        ),
        ("NUL in a text", br#"{"name": "a\u0000b"}"#.to_vec(), WRONG),
        ("NUL in a name", br#"{"a\u0000b": 1}"#.to_vec(), WRONG),
    ]
}

#[tokio::test]
async fn a_body_that_cannot_be_read_is_refused_on_every_route_and_nothing_is_done() {
    let host = Host::start().await;
    let before = everything(&host.api).await;
    let mut wrong = Vec::new();
    let mut asked = 0;
    for operation in operations(&host).await {
        if !operation.takes_json() {
            continue;
        }
        for (what, body, expected) in unreadable() {
            let began = Instant::now();
            let answer = send(&host, &operation, JSON, body).await;
            if let Err(said) = is_one_of(&answer, expected) {
                wrong.push(format!("{operation}, {what}: {said}"));
            }
            if began.elapsed() > SOON {
                wrong.push(format!("{operation}, {what}: {:?}", began.elapsed()));
            }
            asked += 1;
        }
    }
    none(&wrong);
    assert!(asked > 400, "{asked}");
    same(&before, &everything(&host.api).await).unwrap();
}

#[tokio::test]
async fn a_body_of_another_kind_is_refused_on_every_route() {
    let host = Host::start().await;
    let before = everything(&host.api).await;
    let mut wrong = Vec::new();
    for operation in operations(&host).await {
        // A file of a workspace is of any type.
        if operation.bodies.is_empty() || operation.path == "/v1/files/{name}" {
            continue;
        }
        for media in [
            "",
            "text/html",
            "application/x-www-form-urlencoded",
            "json",
            "\"",
            "a/b/c",
        ] {
            let answer = send(&host, &operation, media, b"{}".to_vec()).await;
            if let Err(said) = is_one_of(&answer, &["415 unsupported-media-type"]) {
                wrong.push(format!("{operation}, {media:?}: {said}"));
            }
        }
        // And the empty body, where one is needed.
        if operation.takes_json() && !operation.optional {
            let answer = send(&host, &operation, JSON, Vec::new()).await;
            if let Err(said) = is_one_of(&answer, &["400 invalid-json"]) {
                wrong.push(format!("{operation}, empty: {said}"));
            }
        }
    }
    none(&wrong);
    same(&before, &everything(&host.api).await).unwrap();
}

#[tokio::test]
async fn fields_that_nobody_knows_and_values_of_another_kind_are_refused() {
    let host = Host::start().await;
    let before = everything(&host.api).await;
    let mut wrong = Vec::new();
    for operation in operations(&host).await {
        if !operation.takes_json() {
            continue;
        }
        let body = br#"{"no-such-field-anywhere": {"a": [1]}}"#.to_vec();
        let answer = send(&host, &operation, JSON, body).await;
        // Where the thing itself is looked for first, that is what is said.
        if let Err(said) = is_one_of(&answer, &["422 invalid", "404 not-found"]) {
            wrong.push(format!("{operation}: {said}"));
        }
    }
    // One field of each kind, with values of every other kind.
    let fields: &[(&str, &str, &[&str])] = &[
        (
            "POST /v1/events",
            r#"{"name": ?}"#,
            &["7", "null", "[]", "{}", "true", "\"\"", "\"A\""],
        ),
        (
            "POST /v1/events",
            r#"{"name": "a.b", "data": ?}"#,
            &["7", "[]", "\"x\"", "false"],
        ),
        (
            "POST /v1/events",
            r#"{"name": "a.b", "contact": ?}"#,
            &["7", "[]", "\"x\"", "{}", r#"{"email": 7}"#, "\"phone:\""],
        ),
        (
            "POST /v1/events",
            r#"{"name": "a.b", "account": ?}"#,
            &["7", "[]", "{}"],
        ),
        (
            "POST /v1/keys",
            r#"{"name": "x", "scopes": ?}"#,
            &["7", "[]", "{}", "[7]", "[\"fly\"]", "null"],
        ),
        (
            "POST /v1/keys",
            r#"{"name": "x", "scopes": ["*"], "expires-in": ?}"#,
            &[
                "7",
                "\"-1d\"",
                "\"soon\"",
                "\"0s\"",
                "\"99999999999999999999d\"",
            ],
        ),
        (
            "POST /v1/keys",
            r#"{"name": "x", "scopes": ["*"], "operator": ?}"#,
            &["7", "\"yes\"", "null"],
        ),
        (
            "POST /v1/contacts",
            r#"{"email": ?}"#,
            &["7", "[]", "{}", "\"x\"", "\"a@b@c\"", "\"a\\r\\nb@c.de\""],
        ),
        (
            "POST /v1/contacts",
            r#"{"phone": ?}"#,
            &[
                "7",
                "\"+1\"",
                "\"++33612345678\"",
                "\"+336123456789012345\"",
            ],
        ),
        ("POST /v1/contacts", r#"{"firstname": ?}"#, &["[]", "{}"]),
        (
            "POST /v1/opt-outs",
            r#"{"address": ?}"#,
            &["7", "null", "\"\"", "{}"],
        ),
        (
            "POST /v1/workspaces",
            r#"{"id": ?}"#,
            &["7", "\"\"", "\"A B\"", "\"../x\"", "\"*\""],
        ),
        (
            "POST /v1/workspaces",
            r#"{"id": "x", "settings": ?}"#,
            &["7", "[]", r#"{"time-zone": 7}"#, r#"{"nothing": 1}"#],
        ),
        (
            "POST /v1/channels",
            r#"{"name": "x", "connector": ?}"#,
            &["7", "\"\"", "\"a@b@c\"", "null"],
        ),
        (
            "POST /v1/channels",
            r#"{"name": "x", "connector": "custom-channel@1", "settings": ?}"#,
            &[
                "7",
                "[]",
                "{}",
                r#"{"webhook-url": "file:///etc/passwd", "channel-id": "c"}"#,
            ],
        ),
        (
            "POST /v1/channels",
            r#"{"name": "x", "connector": "custom-channel@1", "settings": {"webhook-url": "https://a.example", "channel-id": "c"}, "secrets": ?}"#,
            &["7", r#"{"api-token": 7}"#, r#"{"other": "x"}"#],
        ),
        (
            "POST /v1/messages",
            r#"{"channel": ?, "content": {"type": "text", "text": "x"}}"#,
            &["7", "{}", "null"],
        ),
        (
            "POST /v1/messages",
            r#"{"channel": "x", "content": ?}"#,
            &[
                "7",
                "{}",
                r#"{"type": "hologram"}"#,
                r#"{"type": "text"}"#,
                r#"{"type": "text", "text": 7}"#,
            ],
        ),
        (
            "PUT /v1/secrets/x",
            r#"{"value": ?}"#,
            &["7", "null", "\"\"", "[]"],
        ),
        (
            "PUT /v1/templates/x",
            r#"{"html": ?}"#,
            &["7", "null", "[]"],
        ),
        (
            "PUT /v1/snippets/x",
            r#"{"text": ?}"#,
            &["7", "null", "[]", "\"\"", "\"${snippet.y}\""],
        ),
        (
            "PUT /v1/snippets/x",
            r#"{"text": "x", "attachments": [?]}"#,
            &["7", "null", "\"map.pdf\""],
        ),
        (
            "PUT /v1/contact-fields/x",
            r#"{"kind": ?}"#,
            &["7", "\"colour\"", "null"],
        ),
        (
            "PUT /v1/contact-fields/x",
            r#"{"kind": "list", "options": ?}"#,
            &["7", "[7]", "{}"],
        ),
        (
            "POST /v1/plugins/wait/grant",
            r#"{"approve": ?}"#,
            &["7", "[]", "\"x\"", r#"{"hosts": 7}"#, r#"{"all": true}"#],
        ),
        (
            "PATCH /v1/workspaces/main",
            r#"{"settings": ?}"#,
            &["7", "[]", r#"{"time-zone": "Mars"}"#, r#"{"dispatch": []}"#],
        ),
    ];
    for (line, form, values) in fields {
        let (method, path) = line.split_once(' ').unwrap();
        for value in *values {
            let body = form.replace('?', value);
            let method = reqwest::Method::from_bytes(method.as_bytes()).unwrap();
            let request = host.api.request(method, path).header("content-type", JSON);
            let answer = host.api.send(request.body(body.clone())).await;
            let expected = ["422 invalid", "404 not-found"];
            if let Err(said) = is_one_of(&answer, &expected) {
                wrong.push(format!("{line} {body}: {said}"));
            }
        }
    }
    none(&wrong);
    same(&before, &everything(&host.api).await).unwrap();
}

#[tokio::test]
async fn ten_megabytes_are_refused_before_they_are_read() {
    const LENGTH: usize = 10 << 20;
    let host = Host::start().await;
    let before = everything(&host.api).await;
    let key = std::fs::read_to_string(host.data().join("operator.key")).unwrap();
    let mut wrong = Vec::new();
    for operation in operations(&host).await {
        // A file of a workspace may be as large, whatever is in it.
        if operation.path == "/v1/files/{name}" {
            continue;
        }
        let path = operation.at(|_| "1".to_owned());
        let media = operation.bodies.first().map_or(JSON, String::as_str);
        let head = format!(
            "{} {path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\ncontent-type: {media}\r\n",
            operation.method,
            key.trim()
        );
        // Announced by its length; and in pieces, whose end nobody knows. One piece is enough for
        // the first, and the second may stop when it has its answer.
        let announced = format!("{head}content-length: {LENGTH}\r\n\r\n");
        let pieces = format!("{head}transfer-encoding: chunked\r\n\r\n");
        for (what, head, chunked) in [("announced", announced, false), ("in pieces", pieces, true)]
        {
            let answer = exchange(&host, &head, LENGTH, chunked).await;
            let large = ["application/wasm", "text/csv"].contains(&media);
            let fits = match answer.status {
                // Plugins and files may be as large, but this is none.
                422 if large => true,
                413 => !large,
                // A route that takes no body does not wait for one.
                200..=499 => operation.bodies.is_empty(),
                _ => false,
            };
            if !fits {
                wrong.push(format!(
                    "{operation}, {what}: {} {}",
                    answer.status, answer.text
                ));
            }
            if answer.status == 413
                && let Err(said) = is_problem(&answer)
            {
                wrong.push(format!("{operation}, {what}: {said}"));
            }
        }
    }
    none(&wrong);
    same(&before, &everything(&host.api).await).unwrap();
}
