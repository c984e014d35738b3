//! Hostile plugins in a running host: whatever a plugin does to itself or to the machine becomes a
//! typed failure on the timeline of its own run, and the host goes on.
//!
//! Each limit by itself is tested at the sandbox (`host/sandbox/tests`); here the same is shown from
//! outside, through the program, its API and its database.

#![allow(clippy::unwrap_used, clippy::expect_used)]

#[path = "hostile_common/mod.rs"]
mod common;

use common::{
    failure, grant, harm, install, is_well, misbehave, publish_ordinary, read_head, start, workflow,
};
use jackfield_tests::Host;
use serde_json::{Value, json};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// Lower than the defaults, so that the tests are quick.
fn limits() -> Value {
    json!({"fuel": 100_000_000, "memory": 33_554_432, "deadline-ms": 2_000})
}

async fn open() -> Host {
    let host = Host::start().await;
    grant(&host.api, json!({}), limits()).await;
    publish_ordinary(&host.api).await;
    host
}

/// A server that handles every connection so.
async fn serve<F: Future<Output = ()> + Send + 'static>(
    handle: impl Fn(TcpStream) -> F + Send + 'static,
) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(handle(stream));
        }
    });
    url
}

/// Takes connections and says nothing.
async fn silent() -> String {
    serve(|stream| async move {
        tokio::time::sleep(Duration::from_secs(120)).await;
        drop(stream);
    })
    .await
}

#[tokio::test]
async fn every_harm_is_a_typed_failure_of_its_own_run() {
    let host = open().await;
    let silent = silent().await;
    for (name, with, code) in [
        ("spin", json!({"do": "spin"}), "out-of-fuel"),
        ("recurse", json!({"do": "recurse"}), "stack-overflow"),
        ("hoard", json!({"do": "hoard"}), "out-of-memory"),
        (
            "output",
            json!({"do": "output", "n": 2_000_000}),
            "output-too-large",
        ),
        (
            "state",
            json!({"do": "state", "n": 2_000_000}),
            "output-too-large",
        ),
        (
            "argument",
            json!({"do": "argument", "n": 20_000_000}),
            "too-many-bytes-out",
        ),
        (
            "calls",
            json!({"do": "call", "n": 1_000_000}),
            "too-many-host-calls",
        ),
        (
            "lines",
            json!({"do": "log", "n": 1_000_000}),
            "too-many-host-calls",
        ),
        (
            "sleep",
            json!({"do": "fetch", "url": silent, "timeout": "60000"}),
            "deadline",
        ),
        ("panic", json!({"do": "panic"}), "trap"),
    ] {
        let (over, timeline) = harm(&host.api, name, with).await;
        assert_eq!(over["state"], "failed", "{name}: {over:#}");
        let failure = failure(&timeline);
        assert_eq!(failure["code"], code, "{name}: {failure:#}");
        let said = failure["message"].as_str().unwrap();
        assert!(said.len() > 30, "{name}: what to do is not said: {said}");
        is_well(&host).await;
    }
}

#[tokio::test]
async fn a_flood_of_lines_and_calls_leaves_a_short_timeline() {
    let host = open().await;
    let (over, timeline) = harm(&host.api, "lines", json!({"do": "log", "n": 9_000})).await;
    // Its output is no JSON, which is one more thing that it does wrong.
    assert_eq!(over["state"], "failed", "{over:#}");
    let lines = timeline.iter().filter(|entry| entry["kind"] == "log");
    assert_eq!(lines.count(), 1_000, "the rest is dropped");
    let (_, timeline) = harm(&host.api, "calls", json!({"do": "call", "n": 1_000_000})).await;
    let bytes = json!(timeline).to_string().len();
    assert!(bytes < 100_000, "the timeline has {bytes} bytes");
    is_well(&host).await;
}

#[tokio::test]
async fn services_that_dribble_cost_their_time_and_no_more() {
    let host = open().await;
    let dribble = serve(|mut stream| async move {
        read_head(&mut stream).await;
        let head = b"HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\n";
        let _ = stream.write_all(head).await;
        while stream.write_all(b".").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    })
    .await;
    let sip = serve(|mut stream| async move {
        let mut byte = [0; 1];
        while stream.read_exact(&mut byte).await.is_ok() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    })
    .await;
    for (name, with) in [
        (
            "dribble",
            json!({"do": "leak", "url": dribble, "timeout": "700"}),
        ),
        (
            "sip",
            json!({"do": "leak", "url": sip, "timeout": "700", "method": "PUT", "n": 7_000_000}),
        ),
    ] {
        let began = Instant::now();
        let (over, timeline) = harm(&host.api, name, with).await;
        let said = over["outputs"]["harm"].to_string();
        assert!(said.contains("timeout"), "{name}: {over:#} {timeline:#?}");
        assert!(began.elapsed() < Duration::from_secs(20), "{name}");
        is_well(&host).await;
    }
}

#[tokio::test]
async fn files_that_are_no_plugins_are_refused_and_nothing_is_installed() {
    let host = Host::start().await;
    publish_ordinary(&host.api).await;
    let before = host.api.all("/v1/plugins?limit=100").await.len();
    let mut broken = misbehave();
    broken.truncate(broken.len() / 2);
    let step = r#"(instance $n) (export "jackfield:plugin/step@1.0.0" (instance $n))"#;
    let text = |text: String| wat::parse_str(text).unwrap();
    for (what, wasm, said) in [
        ("malformed", broken, "malformed"),
        ("a core module", text("(module)".to_owned()), "core module"),
        ("no plugin", text("(component)".to_owned()), "export"),
        (
            "an import that nobody offers",
            text(format!(
                r#"(component (import "acme:files/all@1.0.0" (instance)) {step})"#
            )),
            "does not offer",
        ),
        (
            "nothing behind the names",
            text(format!("(component {step})")),
            "describe",
        ),
        (
            "exports of the wrong type",
            text(
                r#"(component
                     (core module $m (func (export "f") (result i32) i32.const 1))
                     (core instance $i (instantiate $m))
                     (func $f (result u32) (canon lift (core func $i "f")))
                     (instance $step (export "describe" (func $f)) (export "start" (func $f))
                       (export "resume" (func $f)))
                     (export "jackfield:plugin/step@1.0.0" (instance $step)))"#
                    .to_owned(),
            ),
            "describe",
        ),
    ] {
        let refused = install(&host.api, wasm).await.refused(422, "refused");
        let detail = refused["detail"].as_str().unwrap();
        assert!(detail.contains(said), "{what}: {detail}");
    }
    assert_eq!(host.api.all("/v1/plugins?limit=100").await.len(), before);
    is_well(&host).await;
}

#[tokio::test]
async fn fifty_hostile_runs_at_once_leave_the_host_to_others() {
    let host = open().await;
    let silent = silent().await;
    let harms = [
        ("spin", json!({"do": "spin"}), "out-of-fuel"),
        ("hoard", json!({"do": "hoard"}), "out-of-memory"),
        (
            "lines",
            json!({"do": "log", "n": 1_000_000}),
            "too-many-host-calls",
        ),
        (
            "calls",
            json!({"do": "call", "n": 1_000_000}),
            "too-many-host-calls",
        ),
        (
            "sleep",
            json!({"do": "fetch", "url": silent, "timeout": "60000"}),
            "deadline",
        ),
    ];
    let mut runs = Vec::new();
    for (name, with, _) in &harms {
        host.api.publish(&workflow(name, with)).await;
    }
    for n in 0..10 {
        for (name, _, code) in &harms {
            let run = start(&host.api, name, &format!("eve-{n}")).await;
            runs.push((run, *code));
        }
    }
    for _ in 0..10 {
        is_well(&host).await;
    }
    for (run, code) in runs {
        let over = host.api.over(&run).await;
        assert_eq!(over["state"], "failed", "{over:#}");
        let timeline = host.api.timeline(&run).await;
        let said = failure(&timeline)["code"].as_str().unwrap().to_owned();
        // Ten bombs at once may find the memory that all share used up.
        assert!(
            said == code || said == "sandbox-unavailable",
            "{said} for {code}"
        );
    }
    is_well(&host).await;
}
