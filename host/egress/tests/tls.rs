//! TLS: the name that was asked for must be the certificate's, whatever the address.
#![allow(clippy::unwrap_used, missing_docs)]

mod support;

use jackfield_egress::{Egress, NoSecrets, Options};
use support::*;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

async fn https(acceptor: tokio_rustls::TlsAcceptor) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let Ok(mut stream) = acceptor.accept(stream).await else {
                continue;
            };
            let mut buffer = [0; 4096];
            let _ = stream.read(&mut buffer).await;
            let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nhi";
            let _ = stream.write_all(answer).await;
            let _ = stream.shutdown().await;
        }
    });
    port
}

#[tokio::test]
async fn a_certificate_must_be_trusted_and_of_that_name() {
    let authority = authority(&["good.example"]);
    let port = https(authority.acceptor).await;
    let names = || {
        Answers::new(&[
            ("good.example", &[&["127.0.0.1"]]),
            ("other.example", &[&["127.0.0.1"]]),
        ])
    };
    let trusting = Options {
        extra_authorities: vec![authority.pem],
        ..open_options()
    };
    let egress = Egress::with_resolver(trusting, names()).unwrap();
    let url = |name: &str| get(format!("https://{name}:{port}/"));
    let response = egress
        .http(&anywhere(), url("good.example"), &NoSecrets)
        .await
        .unwrap();
    assert_eq!(response.body.as_ref(), b"hi");

    let wary = Egress::with_resolver(open_options(), names()).unwrap();
    for error in [
        egress
            .http(&anywhere(), url("other.example"), &NoSecrets)
            .await
            .unwrap_err(),
        egress
            .http(&anywhere(), url("127.0.0.1"), &NoSecrets)
            .await
            .unwrap_err(),
        wary.http(&anywhere(), url("good.example"), &NoSecrets)
            .await
            .unwrap_err(),
    ] {
        assert_eq!(
            (error.code(), error.maybe_sent(), error.transient()),
            ("tls", false, false),
            "{error}"
        );
    }
}

#[tokio::test]
async fn plain_http_behind_an_https_url_is_a_tls_error() {
    let server = serve(axum::Router::new()).await;
    let request = get(format!("https://{server}/"));
    let error = open()
        .http(&anywhere(), request, &NoSecrets)
        .await
        .unwrap_err();
    assert_eq!(
        (error.code(), error.maybe_sent()),
        ("tls", false),
        "{error}"
    );
}
