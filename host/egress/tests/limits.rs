//! Bytes, time and how much is under way; and whether a failed request may have been taken.
#![allow(clippy::unwrap_used, missing_docs)]

mod support;

use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::HeaderMap;
use axum::routing::{any, get as on_get};
use jackfield_egress::{
    Caller, Egress, Error, HttpLimits, HttpRequest, HttpResponse, NoSecrets, Options, Resolver,
};
use support::*;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

fn small() -> Egress {
    let http = HttpLimits {
        max_response_bytes: 10_000,
        max_request_bytes: 10_000,
        connect_timeout: Duration::from_secs(30),
        ..HttpLimits::default()
    };
    Egress::new(Options {
        http,
        ..open_options()
    })
    .unwrap()
}

fn short(request: HttpRequest) -> HttpRequest {
    HttpRequest {
        timeout: Some(SHORT),
        ..request
    }
}

/// Accepts, reads what comes, answers with these bytes, and keeps the connection open.
async fn raw(answer: &'static [u8]) -> std::net::SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            tokio::spawn(async move {
                let mut buffer = [0; 4096];
                let _ = stream.read(&mut buffer).await;
                let _ = stream.write_all(answer).await;
                let _ = stream.read(&mut buffer).await;
            });
        }
    });
    address
}

#[tokio::test]
async fn a_response_larger_than_the_cap_is_cut_off_and_named() {
    let router = Router::new()
        .route("/sized", on_get(|| async { "x".repeat(20_000) }))
        .route("/fits", on_get(|| async { "x".repeat(9_000) }))
        .route(
            "/endless",
            on_get(|| async { Body::from_stream(futures_stream()) }),
        )
        .route(
            "/headers",
            on_get(|| async { ([("x-long", "y".repeat(11_000))], "") }),
        );
    let server = serve(router).await;
    for path in ["sized", "endless", "headers"] {
        let error = small()
            .http(
                &anywhere(),
                get(format!("http://{server}/{path}")),
                &NoSecrets,
            )
            .await
            .unwrap_err();
        assert_eq!(
            (error.code(), error.maybe_sent()),
            ("too-large", true),
            "{path}: {error}"
        );
        assert!(error.to_string().contains("10000"), "{error}");
    }
    let response = small()
        .http(
            &anywhere(),
            get(format!("http://{server}/fits")),
            &NoSecrets,
        )
        .await
        .unwrap();
    assert_eq!(response.body.len(), 9_000);
}

/// Chunks for ever.
fn futures_stream() -> impl futures::Stream<Item = Result<Bytes, io::Error>> + Send {
    futures::stream::repeat_with(|| Ok(Bytes::from_static(&[b'x'; 1000])))
}

#[tokio::test]
async fn a_request_larger_than_the_cap_does_not_leave() {
    let error = small()
        .http(
            &anywhere(),
            post("http://127.0.0.1:1/", vec![b'x'; 10_001]),
            &NoSecrets,
        )
        .await
        .unwrap_err();
    assert_eq!((error.code(), error.maybe_sent()), ("too-large", false));
}

#[tokio::test]
async fn a_server_that_never_answers_may_have_taken_the_request() {
    let server = raw(b"").await;
    for request in [
        get(format!("http://{server}/")),
        post(format!("http://{server}/"), "x"),
    ] {
        let error = small()
            .http(&anywhere(), short(request), &NoSecrets)
            .await
            .unwrap_err();
        assert!(
            matches!(
                error,
                Error::Timeout {
                    maybe_sent: true,
                    ..
                }
            ),
            "{error:?}"
        );
        assert!(error.transient());
    }
}

#[tokio::test]
async fn a_server_that_drips_its_body_is_cut_off() {
    let server = serve(Router::new().fallback(|| async {
        let drip = futures::stream::unfold((), |()| async {
            tokio::time::sleep(Duration::from_millis(50)).await;
            Some((Ok::<_, io::Error>(Bytes::from_static(b".")), ()))
        });
        Body::from_stream(drip)
    }))
    .await;
    let request = short(get(format!("http://{server}/")));
    let error = small()
        .http(&anywhere(), request, &NoSecrets)
        .await
        .unwrap_err();
    assert!(
        matches!(
            error,
            Error::Timeout {
                maybe_sent: true,
                ..
            }
        ),
        "{error:?}"
    );
}

/// Writes one byte after the other, as slowly as it likes.
async fn drip(mut stream: tokio::net::TcpStream, bytes: &'static [u8]) {
    for byte in bytes.iter().cycle() {
        tokio::time::sleep(Duration::from_millis(20)).await;
        if stream.write_all(&[*byte]).await.is_err() {
            return;
        }
    }
}

#[tokio::test]
async fn a_server_that_drips_its_headers_is_cut_off() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let server = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(drip(
                stream,
                b"HTTP/1.1 200 OK\r\nx-slow: aaaaaaaaaaaaaaaaaaaaaaaa",
            ));
        }
    });
    let began = std::time::Instant::now();
    let error = small()
        .http(
            &anywhere(),
            short(get(format!("http://{server}/"))),
            &NoSecrets,
        )
        .await
        .unwrap_err();
    let timeout = matches!(
        error,
        Error::Timeout {
            maybe_sent: true,
            ..
        }
    );
    assert!(timeout, "{error:?}");
    assert!(began.elapsed() < SHORT * 5, "{:?}", began.elapsed());
}

#[tokio::test]
async fn a_server_that_reads_its_upload_slowly_is_left() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let server = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut byte = [0; 1];
                while stream.read_exact(&mut byte).await.is_ok() {
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
            });
        }
    });
    let request = HttpRequest {
        // More than the sockets of both sides hold.
        body: Some(Bytes::from(vec![b'x'; 9 << 20])),
        ..short(post(format!("http://{server}/"), ""))
    };
    let error = open()
        .http(&anywhere(), request, &NoSecrets)
        .await
        .unwrap_err();
    let timeout = matches!(
        error,
        Error::Timeout {
            maybe_sent: true,
            ..
        }
    );
    assert!(timeout, "{error:?}");
}

#[tokio::test]
async fn where_no_connection_stood_nothing_was_sent() {
    struct Silent;
    #[async_trait::async_trait]
    impl Resolver for Silent {
        async fn resolve(&self, _: &str) -> io::Result<Vec<IpAddr>> {
            std::future::pending().await
        }
    }
    // A resolver that never answers.
    let egress = Egress::with_resolver(open_options(), Arc::new(Silent)).unwrap();
    let request = short(post("http://silent.example/", "x"));
    let error = egress
        .http(&anywhere(), request, &NoSecrets)
        .await
        .unwrap_err();
    assert!(
        matches!(
            error,
            Error::Timeout {
                maybe_sent: false,
                ..
            }
        ),
        "{error:?}"
    );

    // A server that accepts and never speaks TLS.
    let server = raw(b"").await;
    let request = short(post(format!("https://{server}/"), "x"));
    let error = small()
        .http(&anywhere(), request, &NoSecrets)
        .await
        .unwrap_err();
    assert!(
        matches!(
            error,
            Error::Timeout {
                maybe_sent: false,
                ..
            }
        ),
        "{error:?}"
    );

    // A closed port.
    let closed = TcpListener::bind("127.0.0.1:0")
        .await
        .unwrap()
        .local_addr()
        .unwrap();
    let request = post(format!("http://{closed}/"), "x");
    let error = small()
        .http(&anywhere(), request, &NoSecrets)
        .await
        .unwrap_err();
    assert_eq!(
        (error.code(), error.maybe_sent(), error.transient()),
        ("connect", false, true)
    );

    // The connect timeout.
    let http = HttpLimits {
        connect_timeout: Duration::from_millis(100),
        ..HttpLimits::default()
    };
    let egress = Egress::with_resolver(
        Options {
            http,
            ..open_options()
        },
        Arc::new(Silent),
    )
    .unwrap();
    let error = egress
        .http(&anywhere(), get("http://silent.example/"), &NoSecrets)
        .await
        .unwrap_err();
    assert_eq!(
        (error.code(), error.maybe_sent()),
        ("connect", false),
        "{error}"
    );
}

#[tokio::test]
async fn a_connection_that_breaks_may_have_taken_the_request() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let server = listener.local_addr().unwrap();
    tokio::spawn(async move {
        for answer in [
            &b""[..],
            b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n12345",
            b"SSH-2.0-x\r\n",
        ] {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut buffer = [0; 4096];
            let _ = stream.read(&mut buffer).await;
            let _ = stream.write_all(answer).await;
        }
    });
    for _ in 0..3 {
        let request = post(format!("http://{server}/path-is-private"), "x");
        let error = small()
            .http(&anywhere(), request, &NoSecrets)
            .await
            .unwrap_err();
        assert!(
            matches!(
                error,
                Error::Broken {
                    maybe_sent: true,
                    ..
                }
            ),
            "{error:?}"
        );
        assert!(!error.to_string().contains("path-is-private"), "{error}");
    }
}

#[tokio::test]
async fn responses_that_lie_about_their_length_do_not_take_memory() {
    let server = raw(b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999\r\n\r\nx").await;
    let error = small()
        .http(&anywhere(), get(format!("http://{server}/")), &NoSecrets)
        .await
        .unwrap_err();
    assert_eq!(error.code(), "too-large");
}

#[tokio::test]
async fn bodies_travel_with_their_length() {
    let server = serve(
        Router::new().fallback(any(|headers: HeaderMap, body: Bytes| async move {
            let text = |name| {
                headers
                    .get(name)
                    .map_or("none", |value| value.to_str().unwrap())
                    .to_owned()
            };
            format!(
                "{} {} {} {}",
                text("content-length"),
                text("transfer-encoding"),
                body.len(),
                text("user-agent")
            )
        })),
    )
    .await;
    let version = env!("CARGO_PKG_VERSION");
    for (request, said) in [
        (get(format!("http://{server}/")), "none none 0"),
        (post(format!("http://{server}/"), "four"), "4 none 4"),
        (post(format!("http://{server}/"), ""), "0 none 0"),
    ] {
        let response = small()
            .http(&anywhere(), request, &NoSecrets)
            .await
            .unwrap();
        let body = String::from_utf8(response.body.to_vec()).unwrap();
        assert_eq!(body, format!("{said} Jackfield/{version}"));
    }
}

/// A server whose answers wait for `go`, and that tells by `arrived` when a request has come.
async fn gated() -> (String, Arc<Semaphore>, Arc<Semaphore>) {
    let (arrived, go) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
    let (tell, wait) = (arrived.clone(), go.clone());
    let router = Router::new().fallback(move || {
        let (tell, wait) = (tell.clone(), wait.clone());
        async move {
            tell.add_permits(1);
            wait.acquire().await.unwrap().forget();
            "done"
        }
    });
    (format!("http://{}/", serve(router).await), arrived, go)
}

type Started = tokio::task::JoinHandle<Result<HttpResponse, Error>>;

fn start(egress: &Egress, plugin: &str, url: &str) -> Started {
    let (egress, request) = (egress.clone(), get(url));
    let caller = Caller {
        plugin: plugin.into(),
        ..anywhere()
    };
    tokio::spawn(async move { egress.http(&caller, request, &NoSecrets).await })
}

#[tokio::test]
async fn a_plugin_has_its_share_and_waiting_counts_as_time() {
    let (url, arrived, go) = gated().await;
    let egress = Egress::new(Options {
        per_plugin_concurrency: 1,
        ..open_options()
    })
    .unwrap();
    let first = start(&egress, "tested", &url);
    arrived.acquire().await.unwrap().forget();
    let error = egress
        .http(&anywhere(), short(get(&url)), &NoSecrets)
        .await
        .unwrap_err();
    assert_eq!(
        (error.code(), error.maybe_sent(), error.transient()),
        ("busy", false, true)
    );
    assert!(error.to_string().contains("plugin tested"), "{error}");

    // Another plugin is not held up; a request that waits has its turn when the first has ended.
    let waiting = start(&egress, "tested", &url);
    let other = start(&egress, "other", &url);
    arrived.acquire().await.unwrap().forget();
    go.add_permits(3);
    for one in [first, waiting, other] {
        assert_eq!(one.await.unwrap().unwrap().status, 200);
    }
}

#[tokio::test]
async fn a_flood_of_one_workspace_leaves_another_its_share_of_the_same_plugin() {
    let (url, arrived, go) = gated().await;
    let egress = Egress::new(Options {
        per_plugin_concurrency: 1,
        ..open_options()
    })
    .unwrap();
    let ask = |workspace: &str| {
        let (egress, request) = (egress.clone(), short(get(&url)));
        let caller = anywhere().on_behalf_of(workspace);
        async move { egress.http(&caller, request, &NoSecrets).await }
    };
    let flood = tokio::spawn(ask("paris"));
    arrived.acquire().await.unwrap().forget();
    let mut beside = tokio::spawn(ask("lyon"));
    tokio::select! {
        arrived = arrived.acquire() => arrived.unwrap().forget(),
        ended = &mut beside => panic!("it was held up: {ended:?}"),
    }
    go.add_permits(2);
    assert_eq!(beside.await.unwrap().unwrap().status, 200);
    assert_eq!(flood.await.unwrap().unwrap().status, 200);
}

#[tokio::test]
async fn a_host_has_its_share_over_all_plugins() {
    let (url, arrived, go) = gated().await;
    let (elsewhere, _, go_elsewhere) = gated().await;
    let egress = Egress::new(Options {
        per_host_concurrency: 1,
        ..open_options()
    })
    .unwrap();
    let first = start(&egress, "other", &url);
    arrived.acquire().await.unwrap().forget();
    let error = egress
        .http(&anywhere(), short(get(&url)), &NoSecrets)
        .await
        .unwrap_err();
    assert_eq!((error.code(), error.maybe_sent()), ("busy", false));
    assert!(
        error.to_string().contains("host http://127.0.0.1:"),
        "{error}"
    );

    // Another host is not held up.
    go_elsewhere.add_permits(1);
    assert!(
        egress
            .http(&anywhere(), get(&elsewhere), &NoSecrets)
            .await
            .is_ok()
    );
    go.add_permits(1);
    assert_eq!(first.await.unwrap().unwrap().status, 200);
}

#[tokio::test]
async fn settings_that_cannot_work_are_refused_at_the_start() {
    let options = Options {
        per_host_concurrency: 0,
        ..Options::default()
    };
    let error = Egress::new(options).unwrap_err();
    assert!(
        error.to_string().contains("per_host_concurrency"),
        "{error}"
    );
    let options = Options {
        extra_authorities: vec!["no pem".into()],
        ..Options::default()
    };
    assert_eq!(Egress::new(options).unwrap_err().code(), "options");
}
