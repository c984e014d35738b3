//! Redirects: judged at every hop, credentials stay at home.
#![allow(clippy::unwrap_used, missing_docs)]

mod support;

use std::net::SocketAddr;

use axum::Router;
use axum::body::Bytes;
use axum::http::{HeaderMap, Method, StatusCode, Uri, header};
use axum::response::IntoResponse;
use jackfield_egress::{HttpRequest, HttpResponse, NoSecrets};
use support::*;

const TOKEN: &str = "t0ken-of-the-first-host";

/// Says what it was asked: method, path, credentials, body.
async fn echo() -> SocketAddr {
    let say = |method: Method, uri: Uri, headers: HeaderMap, body: Bytes| async move {
        let mut said = serde_json::json!({
            "method": method.as_str(),
            "uri": uri.to_string(),
            "body": String::from_utf8_lossy(&body),
        });
        for (name, value) in &headers {
            said[name.as_str()] = String::from_utf8_lossy(value.as_bytes()).into();
        }
        said.to_string()
    };
    serve(Router::new().fallback(say)).await
}

/// Answers every request with this status and place.
async fn redirecting(status: u16, location: String) -> SocketAddr {
    let answer = move || {
        let location = location.clone();
        async move {
            (
                StatusCode::from_u16(status).unwrap(),
                [(header::LOCATION, location)],
            )
        }
    };
    serve(Router::new().fallback(answer)).await
}

fn json(response: &HttpResponse) -> serde_json::Value {
    serde_json::from_slice(&response.body).unwrap()
}

fn full(method: &str, url: String) -> HttpRequest {
    HttpRequest {
        method: method.into(),
        url,
        headers: vec![
            ("X-Token".into(), "{{secret:t}}".into()),
            ("X-Plain".into(), "plain".into()),
            ("Cookie".into(), "a=b".into()),
            ("Content-Type".into(), "text/plain".into()),
        ],
        basic_auth: Some(("user".into(), "{{secret:t}}".into())),
        body: Some("the body".into()),
        ..HttpRequest::default()
    }
}

#[tokio::test]
async fn methods_and_bodies_change_as_in_a_browser() {
    let end = echo().await;
    for (status, method, then, body) in [
        (301, "POST", "GET", ""),
        (302, "POST", "GET", ""),
        (303, "PUT", "GET", ""),
        (303, "HEAD", "HEAD", ""),
        (302, "PUT", "PUT", "the body"),
        (307, "POST", "POST", "the body"),
        (308, "PATCH", "PATCH", "the body"),
    ] {
        let start = redirecting(status, format!("http://{end}/end")).await;
        let mut request = full(method, format!("http://{start}/"));
        if method == "HEAD" {
            request.body = None;
        }
        let caller = caller(&["*"], &["secret t in header,basic-auth"]);
        let response = open()
            .http(&caller, request, &secrets(&[("t", TOKEN)]))
            .await
            .unwrap();
        assert_eq!(response.url, format!("http://{end}/end"));
        if method != "HEAD" {
            let said = json(&response);
            assert_eq!(
                (said["method"].as_str(), said["body"].as_str()),
                (Some(then), Some(body))
            );
            assert_eq!(said["content-type"].is_null(), body.is_empty(), "{said}");
        }
    }
}

#[tokio::test]
async fn secrets_and_credentials_do_not_follow_to_another_origin() {
    let end = echo().await;
    let start = redirecting(307, format!("http://{end}/end")).await;
    let rule = format!("secret t in header,basic-auth to http://{start}");
    let caller = caller(&["*"], &[&rule]);
    let request = full("POST", format!("http://{start}/"));
    let response = open()
        .http(&caller, request, &secrets(&[("t", TOKEN)]))
        .await
        .unwrap();
    let said = json(&response);
    assert!(
        said["x-token"].is_null() && said["authorization"].is_null(),
        "{said}"
    );
    assert!(
        said["cookie"].is_null() && said["referer"].is_null(),
        "{said}"
    );
    assert_eq!(
        (said["x-plain"].as_str(), said["body"].as_str()),
        (Some("plain"), Some("the body"))
    );
}

#[tokio::test]
async fn secrets_follow_where_their_rule_names_the_other_host() {
    let end = echo().await;
    let start = redirecting(307, format!("http://{end}/end")).await;
    let rule = format!("secret t in header,basic-auth to http://{start} and http://{end}");
    let caller = caller(&["*"], &[&rule]);
    let request = full("POST", format!("http://{start}/"));
    let response = open()
        .http(&caller, request, &secrets(&[("t", TOKEN)]))
        .await
        .unwrap();
    let said = json(&response);
    // It came, and was taken out of the answer.
    assert_eq!(said["x-token"].as_str(), Some("***"), "{said}");
    assert_eq!(said["authorization"].as_str(), Some("Basic ***"), "{said}");
}

#[tokio::test]
async fn a_secret_in_the_body_is_not_sent_on_to_a_host_without_rule() {
    let end = echo().await;
    let start = redirecting(308, format!("http://{end}/end")).await;
    let rule = format!("secret t in body to http://{start}");
    let caller = caller(&["*"], &[&rule]);
    let request = post(format!("http://{start}/"), "k={{secret:t}}");
    let error = open()
        .http(&caller, request, &secrets(&[("t", TOKEN)]))
        .await
        .unwrap_err();
    assert_eq!(error.code(), "denied", "{error}");
    assert_eq!(
        error.grant().unwrap(),
        format!("secret t in body to http://{end}")
    );
    assert!(error.maybe_sent());
}

#[tokio::test]
async fn a_secret_in_the_address_is_never_followed_into_another_origin() {
    let end = echo().await;
    for place in ["{end}/?k={token}", "{end}/{token}/x"] {
        let to = place
            .replace("{end}", &format!("http://{end}"))
            .replace("{token}", TOKEN);
        let start = redirecting(302, to).await;
        let caller = caller(&["*"], &["secret t in query"]);
        let request = get(format!("http://{start}/?k={{{{secret:t}}}}"));
        let error = open()
            .http(&caller, request, &secrets(&[("t", TOKEN)]))
            .await
            .unwrap_err();
        assert_eq!((error.code(), error.grant()), ("denied", None), "{error}");
        assert!(
            error.maybe_sent() && !error.to_string().contains(TOKEN),
            "{error}"
        );
    }
}

#[tokio::test]
async fn every_hop_is_judged_by_the_grant() {
    let end = echo().await;
    let start = redirecting(302, format!("http://{end}/secret/path?q")).await;
    let caller = caller(&[&format!("http://{start}")], &[]);
    let error = open()
        .http(&caller, get(format!("http://{start}/")), &NoSecrets)
        .await
        .unwrap_err();
    assert_eq!(error.code(), "denied");
    assert_eq!(error.grant().unwrap(), format!("http://{end}"));
    // A redirect that turns POST into GET asks for GET.
    let caller = support::caller(
        &[
            &format!("POST http://{start}"),
            &format!("POST http://{end}"),
        ],
        &[],
    );
    let error = open()
        .http(&caller, post(format!("http://{start}/"), "x"), &NoSecrets)
        .await
        .unwrap_err();
    assert_eq!(error.grant().unwrap(), format!("GET http://{end}"));
}

#[tokio::test]
async fn redirects_that_mislead_are_refused() {
    for to in [
        "file:///etc/passwd",
        "ftp://a.example/",
        "http://u:p@127.0.0.1/",
        "http://",
        "gopher://x",
    ] {
        let start = redirecting(302, to.into()).await;
        let error = open()
            .http(&anywhere(), get(format!("http://{start}/")), &NoSecrets)
            .await
            .unwrap_err();
        assert_eq!(error.code(), "invalid", "{to}: {error}");
        assert!(error.maybe_sent());
    }
}

#[tokio::test]
async fn endless_redirects_end_and_none_are_followed_where_none_are_wanted() {
    let start = redirecting(302, "/again".into()).await;
    let url = format!("http://{start}/");
    let error = open()
        .http(&anywhere(), get(&url), &NoSecrets)
        .await
        .unwrap_err();
    assert_eq!(error.code(), "too-many-redirects");
    assert!(error.to_string().contains('3'), "{error}");
    let mut request = get(&url);
    request.max_redirects = Some(0);
    let response = open().http(&anywhere(), request, &NoSecrets).await.unwrap();
    assert_eq!((response.status, response.url), (302, url));
}

#[tokio::test]
async fn a_redirect_without_place_is_an_answer() {
    let server =
        serve(Router::new().fallback(|| async { StatusCode::FOUND.into_response() })).await;
    let response = open()
        .http(&anywhere(), get(format!("http://{server}/")), &NoSecrets)
        .await
        .unwrap();
    assert_eq!(response.status, 302);
}
