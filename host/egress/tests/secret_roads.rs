//! A granted server that gives the secret back: by whatever road it comes, the plugin does not see
//! it. What a server can do beyond these (encrypt it, take it apart) is said in `docs/security.md`.
#![allow(clippy::unwrap_used, missing_docs)]

mod support;

use std::net::SocketAddr;

use axum::Router;
use axum::http::{StatusCode, header};
use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use jackfield_egress::{Error, HttpRequest, HttpResponse};
use support::*;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

const VALUE: &str = "tok/en+4711";

/// Sends the secret in a header, and gives back whatever came.
async fn send(url: &str, max_redirects: u8) -> Result<HttpResponse, Error> {
    let caller = caller(&["*"], &["secret t in header,query"]);
    let request = HttpRequest {
        headers: vec![("X-Key".into(), "{{secret:t}}".into())],
        max_redirects: Some(max_redirects),
        ..get(url)
    };
    open()
        .http(&caller, request, &secrets(&[("t", VALUE)]))
        .await
}

/// Answers every connection with these bytes, piece by piece.
async fn saying(pieces: Vec<Vec<u8>>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let pieces = pieces.clone();
            tokio::spawn(async move {
                stream.set_nodelay(true).unwrap();
                let mut buffer = [0; 4096];
                let _ = stream.read(&mut buffer).await;
                for piece in pieces {
                    let _ = stream.write_all(&piece).await;
                    tokio::task::yield_now().await;
                }
            });
        }
    });
    address
}

/// All that a plugin would see of it.
fn seen(result: &Result<HttpResponse, Error>) -> String {
    match result {
        Ok(response) => format!(
            "{} {} {:?} {}",
            response.status,
            response.url,
            response.headers,
            String::from_utf8_lossy(&response.body)
        ),
        Err(error) => format!("{error} {error:?} {:?}", error.grant()),
    }
}

fn is_hidden(road: &str, result: &Result<HttpResponse, Error>) {
    let seen = seen(result);
    let backwards: String = VALUE.chars().rev().collect();
    for form in [
        VALUE.to_owned(),
        backwards,
        hex::encode(VALUE),
        BASE64_STANDARD.encode(VALUE),
        BASE64_URL_SAFE_NO_PAD.encode(VALUE),
        "tok%2Fen%2B4711".to_owned(),
        "tok%2fen%2b4711".to_owned(),
    ] {
        let found = seen
            .to_ascii_lowercase()
            .contains(&form.to_ascii_lowercase());
        assert!(!found, "{road}: {form} in {seen}");
    }
}

#[tokio::test]
async fn a_secret_in_body_header_or_status_text_does_not_come_back() {
    let backwards: String = VALUE.chars().rev().collect();
    let dresses = [
        VALUE.to_owned(),
        format!("Basic {}", BASE64_STANDARD.encode(format!("me:{VALUE}"))),
        BASE64_URL_SAFE_NO_PAD.encode(VALUE),
        hex::encode(VALUE),
        hex::encode_upper(VALUE),
        "tok%2Fen%2B4711".to_owned(),
        "tok\\/en+4711".to_owned(),
        backwards,
    ];
    for dress in dresses {
        for answer in [
            format!(
                "HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{dress}",
                dress.len()
            ),
            format!("HTTP/1.1 200 OK\r\nx-echo: {dress}\r\ncontent-length: 0\r\n\r\n"),
            format!("HTTP/1.1 403 {dress}\r\ncontent-length: 0\r\n\r\n"),
        ] {
            let server = saying(vec![answer.clone().into_bytes()]).await;
            let result = send(&format!("http://{server}/"), 3).await;
            assert!(result.is_ok(), "{answer}: {result:?}");
            is_hidden(&answer, &result);
        }
    }
}

#[tokio::test]
async fn a_secret_as_the_name_of_a_header_or_of_a_host_does_not_come_back() {
    let mixed = "ToKen4711";
    for road in [
        format!("200 OK\r\n{mixed}: yes"),
        format!("302 Found\r\nlocation: http://{mixed}.example/"),
    ] {
        let answer = format!("HTTP/1.1 {road}\r\ncontent-length: 0\r\n\r\n");
        let server = saying(vec![answer.into_bytes()]).await;
        let caller = caller(&["*"], &["secret t in header"]);
        let request = HttpRequest {
            headers: vec![("X-Key".into(), "{{secret:t}}".into())],
            ..get(format!("http://{server}/"))
        };
        let values = secrets(&[("t", mixed)]);
        let result = open().http(&caller, request, &values).await;
        let seen = seen(&result).to_ascii_lowercase();
        assert!(!seen.contains("token4711"), "{road}: {seen}");
    }
}

#[tokio::test]
async fn a_secret_that_is_split_across_chunks_does_not_come_back() {
    let mut pieces = vec![b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n".to_vec()];
    for byte in format!("<{VALUE}>").bytes() {
        pieces.push(format!("1\r\n{}\r\n", char::from(byte)).into_bytes());
    }
    pieces.push(format!("0\r\nx-trailer: {VALUE}\r\n\r\n").into_bytes());
    let server = saying(pieces).await;
    let result = send(&format!("http://{server}/"), 0).await;
    assert_eq!(result.as_ref().unwrap().body.as_ref(), b"<***>");
    is_hidden("chunks", &result);
}

#[tokio::test]
async fn a_secret_in_a_redirect_does_not_come_back() {
    let here = serve(Router::new().fallback(|| async { "here" })).await;
    for location in [
        format!("/next?k={VALUE}"),
        "/next?k=tok%2Fen%2B4711".to_owned(),
        format!("http://{here}/?k={VALUE}"),
        format!("ftp://x/{VALUE}"),
        format!("http://[{VALUE}"),
    ] {
        let place = location.clone();
        let server = serve(Router::new().fallback(move |uri: axum::http::Uri| {
            let place = place.clone();
            async move {
                let status = if uri.path() == "/" { 302 } else { 200 };
                let status = StatusCode::from_u16(status).unwrap();
                (status, [(header::LOCATION, place)])
            }
        }))
        .await;
        for max_redirects in [0, 3] {
            let result = send(&format!("http://{server}/"), max_redirects).await;
            is_hidden(&format!("{location} ({max_redirects})"), &result);
        }
    }
}

#[tokio::test]
async fn a_secret_in_an_answer_that_breaks_the_protocol_is_not_in_the_error() {
    for answer in [
        format!("{VALUE}\r\n\r\n"),
        format!("HTTP/1.1 {VALUE}\r\n\r\n"),
        format!("HTTP/1.1 200 OK\r\n{VALUE}\r\n\r\n"),
        format!("HTTP/1.1 200 OK\r\ncontent-length: {VALUE}\r\n\r\n"),
        format!("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n{VALUE}\r\n"),
        format!("HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\n{VALUE}"),
    ] {
        let server = saying(vec![answer.clone().into_bytes()]).await;
        let result = send(&format!("http://{server}/"), 3).await;
        assert!(result.is_err(), "{answer}");
        is_hidden(&answer, &result);
    }
}
