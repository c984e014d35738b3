//! Which addresses are connected to, and that no trick of names leads elsewhere.
#![allow(clippy::unwrap_used, missing_docs)]

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::routing::get as on_get;
use jackfield_egress::{Egress, Error, NoSecrets, Options};
use support::*;

/// A server that counts who came.
async fn counting(address: &str) -> (std::net::SocketAddr, Arc<AtomicUsize>) {
    let count = Arc::new(AtomicUsize::new(0));
    let seen = count.clone();
    let router = Router::new().fallback(move || {
        seen.fetch_add(1, Ordering::SeqCst);
        async { "hello" }
    });
    (serve_at(address, router).await, count)
}

#[tokio::test]
async fn every_spelling_of_a_forbidden_address_is_refused_though_granted() {
    let (server, count) = counting("127.0.0.1:0").await;
    let egress = Egress::new(Options::default()).unwrap();
    let port = server.port();
    for host in [
        "127.0.0.1",
        "127.1",
        "2130706433",
        "0x7f000001",
        "0177.0.0.1",
        "127.0.0.1.",
        "0.0.0.0",
        "0",
        "[::1]",
        "[::]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[::127.0.0.1]",
        "[64:ff9b::127.0.0.1]",
        "[2002:7f00:1::]",
        "localhost",
        "LOCALHOST",
        "localhost.",
        "169.254.169.254",
        "10.0.0.1",
        "[fd00:ec2::254]",
        "168.63.129.16",
        "１２７.0.0.1",
    ] {
        let url = format!("http://{host}:{port}/");
        let error = egress
            .http(&anywhere(), get(&url), &NoSecrets)
            .await
            .unwrap_err();
        assert_eq!(error.code(), "address-refused", "{url}: {error}");
        assert!(!error.maybe_sent() && !error.transient());
    }
    assert_eq!(count.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn the_refusal_names_the_rule_that_would_allow_it() {
    let (server, count) = counting("127.0.0.1:0").await;
    let url = format!("http://{server}/");
    let egress = Egress::new(Options::default()).unwrap();
    let error = egress
        .http(&anywhere(), get(&url), &NoSecrets)
        .await
        .unwrap_err();
    let Error::AddressRefused { allow, reason, .. } = &error else {
        panic!("{error}")
    };
    assert_eq!(*reason, "loopback");
    let options = Options {
        allow_addresses: rules(&[allow]),
        ..Options::default()
    };
    let egress = Egress::new(options).unwrap();
    let response = egress
        .http(&anywhere(), get(&url), &NoSecrets)
        .await
        .unwrap();
    assert_eq!(
        (response.status, response.body.as_ref()),
        (200, &b"hello"[..])
    );
    assert_eq!(count.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_rule_with_a_port_opens_no_other_port_for_names_either() {
    let (allowed, _) = counting("127.0.0.1:0").await;
    let (other, count) = counting("127.0.0.1:0").await;
    let names = Answers::new(&[("evil.example", &[&["127.0.0.1"]])]);
    let options = Options {
        allow_addresses: rules(&[&allowed.to_string()]),
        ..Options::default()
    };
    let egress = Egress::with_resolver(options, names).unwrap();
    let fetch = |port| get(format!("http://evil.example:{port}/"));
    assert!(
        egress
            .http(&anywhere(), fetch(allowed.port()), &NoSecrets)
            .await
            .is_ok()
    );
    let error = egress
        .http(&anywhere(), fetch(other.port()), &NoSecrets)
        .await
        .unwrap_err();
    assert_eq!(error.code(), "address-refused", "{error}");
    assert_eq!(count.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_name_that_changes_its_answer_gains_nothing() {
    // 127.0.0.2 stands for the honest address, 127.0.0.1 for what the attacker is after.
    let (honest, honest_count) = counting("127.0.0.2:0").await;
    let (_, inner_count) = counting(&format!("127.0.0.1:{}", honest.port())).await;
    let names = Answers::new(&[("rebind.example", &[&["127.0.0.2"], &["127.0.0.1"]])]);
    let options = Options {
        allow_addresses: rules(&["127.0.0.2"]),
        ..Options::default()
    };
    let egress = Egress::with_resolver(options.clone(), names.clone()).unwrap();
    let url = format!("http://rebind.example:{}/", honest.port());

    egress
        .http(&anywhere(), get(&url), &NoSecrets)
        .await
        .unwrap();
    assert_eq!(
        names.asked(),
        1,
        "one look-up serves the check and the connection"
    );

    // The pooled connection still goes to the judged address, without a new look-up.
    egress
        .http(&anywhere(), get(&url), &NoSecrets)
        .await
        .unwrap();
    assert_eq!((names.asked(), honest_count.load(Ordering::SeqCst)), (1, 2));

    // A new connection is judged anew.
    let fresh = Egress::with_resolver(options, names.clone()).unwrap();
    let error = fresh
        .http(&anywhere(), get(&url), &NoSecrets)
        .await
        .unwrap_err();
    assert_eq!(error.code(), "address-refused", "{error}");
    assert_eq!((names.asked(), inner_count.load(Ordering::SeqCst)), (2, 0));
}

#[tokio::test]
async fn of_a_mixed_answer_only_the_good_addresses_are_used() {
    let (good, count) = counting("127.0.0.2:0").await;
    let (_, bad_count) = counting(&format!("127.0.0.1:{}", good.port())).await;
    let names = Answers::new(&[
        ("mixed.example", &[&["127.0.0.1", "::1", "127.0.0.2"]]),
        ("bad.example", &[&["127.0.0.1", "10.1.2.3"]]),
        ("empty.example", &[&[]]),
    ]);
    let options = Options {
        allow_addresses: rules(&["127.0.0.2"]),
        ..Options::default()
    };
    let egress = Egress::with_resolver(options, names).unwrap();
    let fetch = |name: &str| get(format!("http://{name}:{}/", good.port()));
    egress
        .http(&anywhere(), fetch("mixed.example"), &NoSecrets)
        .await
        .unwrap();
    assert_eq!(
        (
            count.load(Ordering::SeqCst),
            bad_count.load(Ordering::SeqCst)
        ),
        (1, 0)
    );
    for (name, code) in [
        ("bad.example", "address-refused"),
        ("empty.example", "connect"),
        ("unknown.example", "connect"),
    ] {
        let error = egress
            .http(&anywhere(), fetch(name), &NoSecrets)
            .await
            .unwrap_err();
        assert_eq!(error.code(), code, "{error}");
        assert!(!error.maybe_sent());
    }
}

#[tokio::test]
async fn a_redirect_to_a_forbidden_address_is_refused() {
    let (inner, count) = counting("127.0.0.1:0").await;
    let to = format!("http://127.1:{}/latest/meta-data", inner.port());
    let router = Router::new().route(
        "/",
        on_get(move || async move { axum::response::Redirect::temporary(&to) }),
    );
    let outer = serve_at("127.0.0.2:0", router).await;
    let options = Options {
        allow_addresses: rules(&["127.0.0.2"]),
        ..Options::default()
    };
    let egress = Egress::new(options).unwrap();
    let error = egress
        .http(&anywhere(), get(format!("http://{outer}/")), &NoSecrets)
        .await
        .unwrap_err();
    assert_eq!(error.code(), "address-refused", "{error}");
    assert!(error.maybe_sent(), "the first request was taken");
    assert_eq!(count.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn no_request_comes_to_the_server_itself_by_any_spelling_name_or_detour() {
    let (server, count) = counting("127.0.0.1:0").await;
    let port = server.port();
    let own = |url: String| url.parse::<url::Url>().unwrap();
    let options = Options {
        own: vec![
            own(format!("http://{server}")),
            own("https://jack.example.com/below".to_owned()),
        ],
        ..open_options()
    };
    let names = Answers::new(&[
        ("me.example", &[&["127.0.0.1"]]),
        ("also-me.example", &[&["127.0.0.2", "127.0.0.1"]]),
        ("other.example", &[&["127.0.0.2"]]),
    ]);
    let egress = Egress::with_resolver(options, names.clone()).unwrap();
    let away = format!("http://127.0.0.1:{port}/on");
    let detour = move || {
        let away = away.clone();
        async move { (axum::http::StatusCode::FOUND, [("location", away)]) }
    };
    let detour = serve(Router::new().fallback(detour)).await;
    for url in [
        format!("http://127.0.0.1:{port}/"),
        format!("https://127.0.0.1:{port}/"),
        format!("http://2130706433:{port}/"),
        format!("http://me.example:{port}/"),
        format!("http://also-me.example:{port}/"),
        "https://jack.example.com/hooks/x".to_owned(),
        "http://JACK.example.com.:443/".to_owned(),
        format!("http://{detour}/"),
    ] {
        let error = egress
            .http(&anywhere(), get(&url), &NoSecrets)
            .await
            .unwrap_err();
        assert_eq!(error.code(), "address-refused", "{url}: {error}");
        assert!(!error.transient());
        assert!(error.to_string().contains("trigger-workflow"), "{error}");
    }
    assert_eq!(count.load(Ordering::SeqCst), 0);
    // Another address with the same port, and another port of the same address, are others.
    let (elsewhere, there) = counting(&format!("127.0.0.2:{port}")).await;
    for url in [
        format!("http://{elsewhere}/"),
        format!("http://other.example:{port}/"),
    ] {
        egress
            .http(&anywhere(), get(&url), &NoSecrets)
            .await
            .unwrap();
    }
    let (beside, here) = counting("127.0.0.1:0").await;
    let beside = format!("http://me.example:{}/", beside.port());
    egress
        .http(&anywhere(), get(&beside), &NoSecrets)
        .await
        .unwrap();
    assert_eq!(
        (there.load(Ordering::SeqCst), here.load(Ordering::SeqCst)),
        (2, 1)
    );
}
