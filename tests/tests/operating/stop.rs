//! Stopping: in good order, within a bound, and nothing is lost.

use crate::support::Slow;
use jackfield_tests::{Host, until};
use reqwest::Method;
use serde_json::json;
use std::time::{Duration, Instant};

const WAITS: &str =
    "name: waits\ntrigger: {event: waits.wanted}\nsteps:\n  a: {uses: wait@1, with: {for: 1h}}\n";

#[tokio::test]
async fn a_host_with_nothing_to_do_stops_at_once_whatever_connections_are_open() {
    let mut host = Host::start().await;
    let address = host.url().trim_start_matches("http://").to_owned();
    // One on which nothing was ever asked, and one that is kept alive.
    let silent = tokio::net::TcpStream::connect(&address).await.unwrap();
    host.api.get("/v1/runs").await.ok();
    host.api.publish(WAITS).await;
    let run = host.api.start("waits.wanted", None, json!({})).await;
    host.api.waiting_at(&run, "a").await;
    let began = Instant::now();
    let status = host.stop().await;
    let took = began.elapsed();
    drop(silent);
    assert_eq!(status.code(), Some(0), "{}", host.log());
    // The machine may be busy; without care it was 20 s for the silent connection.
    assert!(took < Duration::from_secs(5), "{took:?}\n{}", host.log());
    assert!(
        host.log().contains("nothing was left under way"),
        "{}",
        host.log()
    );
}

#[tokio::test]
async fn a_request_that_waits_for_a_run_is_answered_with_the_run_as_it_stands() {
    let mut host = Host::start().await;
    host.api.publish(WAITS).await;
    let api = host.api.clone();
    let waiting = tokio::spawn(async move {
        api.post("/v1/workflows/waits/runs?wait=50s", json!({}))
            .await
    });
    until("the run to wait", async || {
        let runs = host.api.all("/v1/runs").await;
        runs.iter()
            .any(|run| run["state"] == "waiting")
            .then_some(())
    })
    .await;
    let status = host.stop().await;
    let answer = waiting.await.unwrap();
    assert_eq!(answer.status, 202, "{}", answer.text);
    assert_eq!(answer.json["state"], "waiting", "{}", answer.text);
    assert_eq!(status.code(), Some(0), "{}", host.log());
}

#[tokio::test]
async fn a_call_under_way_is_finished_and_the_run_goes_on_after_the_next_start() {
    let slow = Slow::start().await;
    let mut host = Host::start().await;
    let run = slow.run(&host).await;
    let api = host.api.clone();
    let meanwhile = async {
        // Turned away, and told so; the probe is answered all the same.
        until("the host to be stopping", async || {
            let ready = api.send(api.request(Method::GET, "/readyz")).await;
            (ready.status == 503 && ready.text.contains("stopping")).then_some(())
        })
        .await;
        let event = json!({"name": "ask.wanted", "contact": "email:bob@example.com"});
        let refused = api.post("/v1/events", event).await;
        assert!(refused.header("retry-after").is_some());
        let said = refused.refused(503, "unavailable");
        assert!(
            said["detail"].as_str().unwrap().contains("stopping"),
            "{said}"
        );
        assert_eq!(api.get("/healthz").await.status, 200);
        slow.answer();
    };
    let (status, ()) = tokio::join!(host.stop(), meanwhile);
    assert_eq!(status.code(), Some(0), "{}", host.log());
    assert!(
        host.log().contains("nothing was left under way"),
        "{}",
        host.log()
    );
    assert_eq!(
        slow.requests(),
        1,
        "the second step belongs to the next life"
    );

    host.begin().await;
    let over = host.api.completed(&run).await;
    assert_eq!(slow.requests(), 2, "each step asked once: {over:#}");
    assert_eq!(host.api.all("/v1/runs").await.len(), 1, "bob's was refused");
}

#[tokio::test]
async fn what_is_not_done_in_time_is_left_to_the_next_start_and_said() {
    let slow = Slow::start().await;
    let mut host = Host::start_with(&["--shutdown-grace", "1s"]).await;
    let run = slow.run(&host).await;
    let began = Instant::now();
    let status = host.stop().await;
    let took = began.elapsed();
    assert_eq!(status.code(), Some(0), "{}", host.log());
    assert!(
        took >= Duration::from_millis(900) && took < Duration::from_secs(15),
        "{took:?}"
    );
    let log = host.log();
    let line = log
        .lines()
        .find(|line| line.contains("stopped before all was done"));
    let line = line.unwrap_or_else(|| panic!("{log}"));
    assert!(
        line.contains("runs=1") && line.contains("requests=0"),
        "{line}"
    );

    slow.answer();
    host.begin().await;
    host.api.completed(&run).await;
    // It carries an idempotency key: the first step's call was begun twice, with the same.
    assert_eq!(slow.requests(), 3);
}

#[tokio::test]
async fn a_second_signal_ends_the_host_at_once() {
    let slow = Slow::start().await;
    let mut host = Host::start().await;
    let run = slow.run(&host).await;
    let pid = host.pid().to_string();
    let api = host.api.clone();
    let second = async {
        until("the host to be stopping", async || {
            let ready = api.send(api.request(Method::GET, "/readyz")).await;
            (ready.status == 503).then_some(())
        })
        .await;
        let done = std::process::Command::new("kill")
            .args(["-TERM", &pid])
            .status();
        assert!(done.unwrap().success());
    };
    let (status, ()) = tokio::join!(host.stop(), second);
    assert_eq!(status.code(), Some(143), "{}", host.log());
    slow.answer();
    host.begin().await;
    host.api.completed(&run).await;
}
