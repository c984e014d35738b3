//! Secrets: put in where granted, and taken out of whatever comes back.
#![allow(clippy::unwrap_used, missing_docs)]

mod support;

use std::net::SocketAddr;

use async_trait::async_trait;
use axum::Router;
use axum::body::Bytes;
use axum::http::{HeaderMap, Uri};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use jackfield_egress::{HttpRequest, NoSecrets, Secret, Secrets, SecretsError};
use support::*;

const VALUE: &str = "s3cret/with+odd=\"signs\" é";

/// Sends back all it got: as it is, in base64, in hex, in a header.
async fn echo() -> SocketAddr {
    let say = |uri: Uri, headers: HeaderMap, body: Bytes| async move {
        let mut said = format!("{uri}\n");
        for (name, value) in &headers {
            said.push_str(&format!(
                "{name}: {}\n",
                String::from_utf8_lossy(value.as_bytes())
            ));
        }
        said.push_str(&String::from_utf8_lossy(&body));
        let encoded = BASE64_STANDARD.encode(&said);
        let hexed = hex::encode(&said);
        let in_header = format!("you said {}", uri.query().unwrap_or("nothing"));
        (
            [("x-echo", in_header)],
            format!("{said}\n{encoded}\n{hexed}"),
        )
    };
    serve(Router::new().fallback(say)).await
}

#[tokio::test]
async fn an_echoing_server_gives_nothing_away() {
    let server = echo().await;
    let caller = caller(&["*"], &["secret t in header,basic-auth,query,path,body"]);
    let request = HttpRequest {
        method: "POST".into(),
        url: format!("http://{server}/a/{{{{secret:t}}}}/b?k={{{{secret:t}}}}&open=1"),
        headers: vec![("Content-Type".into(), "application/json".into())],
        basic_auth: Some(("someone".into(), "{{secret:t}}".into())),
        body: Some(r#"{"k": "{{secret:t}}", "other": "{{secret:unknown}}"}"#.into()),
        ..HttpRequest::default()
    };
    let response = open()
        .http(&caller, request, &secrets(&[("t", VALUE)]))
        .await
        .unwrap();
    let body = String::from_utf8(response.body.to_vec()).unwrap();
    assert!(body.contains("/a/***/b?k=***&open=1"), "{body}");
    assert!(body.contains("authorization: Basic ***"), "{body}");
    assert!(
        body.contains(r#"{"k": "***", "other": "{{secret:unknown}}"}"#),
        "{body}"
    );
    assert_eq!(
        response.url,
        format!("http://{server}/a/***/b?k=***&open=1")
    );
    let header = response
        .headers
        .iter()
        .find(|(name, _)| name == "x-echo")
        .unwrap();
    assert_eq!(header.1, "you said k=***&open=1");
    // Not in the encoded parts either.
    for hidden in [
        "s3cret",
        &hex::encode("s3cret"),
        &BASE64_STANDARD.encode("s3cret")[..7],
    ] {
        assert!(!body.contains(hidden), "{hidden} in {body}");
    }
}

#[tokio::test]
async fn the_value_arrives_as_it_is_written() {
    let server = echo().await;
    // A scrubber knows only what was put in by placeholder, so an unrelated call shows the text.
    let caller = caller(&["*"], &["secret t in header"]);
    let mut request = get(format!("http://{server}/"));
    request.headers = vec![("X-Key".into(), "Key {{secret:t}}!".into())];
    let response = open()
        .http(&caller, request, &secrets(&[("t", "plain-value")]))
        .await
        .unwrap();
    let body = String::from_utf8(response.body.to_vec()).unwrap();
    assert!(body.contains("x-key: Key ***!"), "{body}");
}

#[tokio::test]
async fn a_secret_without_rule_for_place_or_host_is_denied_before_anything_leaves() {
    let server = echo().await;
    let url = format!("http://{server}/");
    let caller = caller(&["*"], &["secret t in header to https://other.example"]);
    let values = secrets(&[("t", VALUE), ("u", VALUE)]);
    let header = |value: &str| HttpRequest {
        headers: vec![("X".into(), value.into())],
        ..get(&url)
    };
    for (request, grant) in [
        (
            header("{{secret:t}}"),
            format!("secret t in header to http://{server}"),
        ),
        (
            header("{{secret:u}}"),
            format!("secret u in header to http://{server}"),
        ),
        (
            post(&url, "{{secret:t}}"),
            format!("secret t in body to http://{server}"),
        ),
        (
            get(format!("{url}?{{{{secret:t}}}}")),
            format!("secret t in query to http://{server}"),
        ),
        (
            get(format!("{url}{{{{secret:t}}}}")),
            format!("secret t in path to http://{server}"),
        ),
    ] {
        let error = open().http(&caller, request, &values).await.unwrap_err();
        assert_eq!(
            (error.code(), error.grant().unwrap(), error.maybe_sent()),
            ("denied", grant, false)
        );
    }
}

#[tokio::test]
async fn a_missing_secret_and_an_unreachable_store_are_told_apart() {
    struct Down;
    #[async_trait]
    impl Secrets for Down {
        async fn resolve(&self, _: &str) -> Result<Option<Secret>, SecretsError> {
            Err("the database is away".into())
        }
    }
    let server = echo().await;
    let caller = caller(&["*"], &["secret t in header"]);
    let mut request = get(format!("http://{server}/"));
    request.headers = vec![("X".into(), "{{secret:t}}".into())];
    let error = open()
        .http(&caller, request.clone(), &NoSecrets)
        .await
        .unwrap_err();
    assert_eq!((error.code(), error.transient()), ("secret-missing", false));
    let error = open().http(&caller, request, &Down).await.unwrap_err();
    assert_eq!(
        (error.code(), error.transient(), error.maybe_sent()),
        ("unavailable", true, false)
    );
}

#[tokio::test]
async fn a_secret_cannot_break_a_header() {
    let server = echo().await;
    let caller = caller(&["*"], &["secret t in header"]);
    let mut request = get(format!("http://{server}/"));
    request.headers = vec![("X".into(), "{{secret:t}}".into())];
    for value in ["a\r\nInjected: yes", "a\nb", "a\0b"] {
        let error = open()
            .http(&caller, request.clone(), &secrets(&[("t", value)]))
            .await
            .unwrap_err();
        assert_eq!(error.code(), "invalid");
        assert!(!error.to_string().contains("Injected"), "{error}");
    }
    request.headers = vec![("X".into(), "a\r\nb: c".into())];
    assert_eq!(
        open()
            .http(&caller, request, &NoSecrets)
            .await
            .unwrap_err()
            .code(),
        "invalid"
    );
}

#[tokio::test]
async fn values_cannot_break_out_of_json_and_forms() {
    let server = serve(
        Router::new().fallback(|body: Bytes| async move { BASE64_STANDARD.encode(blank(&body)) }),
    )
    .await;
    // The server turns letters into dots, so that the scrubber does not hide the structure.
    fn blank(body: &[u8]) -> Vec<u8> {
        body.iter()
            .map(|b| if b.is_ascii_alphanumeric() { b'.' } else { *b })
            .collect()
    }
    let caller = caller(&["*"], &["secret t in body"]);
    let values = secrets(&[("t", "a\"&b=c")]);
    for (content_type, body, expected) in [
        (
            "application/json",
            r#"{"k":"{{secret:t}}"}"#,
            r#"{".":".\"&.=."}"#,
        ),
        (
            "application/x-www-form-urlencoded",
            "k={{secret:t}}&z=1",
            ".=.%..%...%...&.=.",
        ),
        ("text/plain", "{{secret:t}}", ".\"&.=."),
    ] {
        let mut request = post(format!("http://{server}/"), body);
        request.headers = vec![("Content-Type".into(), content_type.into())];
        let response = open().http(&caller, request, &values).await.unwrap();
        let seen = BASE64_STANDARD.decode(&response.body).unwrap();
        assert_eq!(String::from_utf8(seen).unwrap(), expected, "{content_type}");
    }
}
