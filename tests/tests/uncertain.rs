//! A kill in the middle of an external call: with an idempotency key it is made again with the same
//! key; without one nobody knows, and it is not made again unless a person has said so.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use jackfield_tests::{CALLER, Host, until};
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

/// A service that takes its first request and never answers it; the ones after are answered.
struct Silent {
    url: String,
    heads: Arc<Mutex<Vec<String>>>,
}

impl Silent {
    async fn start(answer: &'static str) -> Silent {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let heads = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&heads);
        tokio::spawn(async move {
            let mut held = Vec::new();
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut head = Vec::new();
                let mut buffer = [0; 4096];
                while !head.windows(4).any(|four| four == b"\r\n\r\n") {
                    match stream.read(&mut buffer).await {
                        Ok(0) | Err(_) => break,
                        Ok(read) => head.extend_from_slice(&buffer[..read]),
                    }
                }
                let count = {
                    let mut seen = seen.lock().unwrap();
                    seen.push(String::from_utf8_lossy(&head).to_lowercase());
                    seen.len()
                };
                if count > 1 {
                    let length = answer.len();
                    let answer = format!(
                        "HTTP/1.1 201 Created\r\ncontent-type: application/json\r\n\
                         content-length: {length}\r\nconnection: close\r\n\r\n{answer}"
                    );
                    let _ = stream.write_all(answer.as_bytes()).await;
                    let _ = stream.shutdown().await;
                }
                held.push(stream);
            }
        });
        Silent { url, heads }
    }

    fn heads(&self) -> Vec<String> {
        self.heads.lock().unwrap().clone()
    }

    async fn asked(&self) {
        until("the request", async || {
            (!self.heads().is_empty()).then_some(())
        })
        .await;
    }
}

/// The value of a header in a request's head.
fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
}

/// A run that asks the service, killed while it waits for the answer.
async fn killed_while_asking(silent: &Silent, more: &str) -> (Host, String) {
    let mut host = Host::start().await;
    host.api
        .publish(&format!(
            "name: ask\ntrigger: {{event: ask.wanted}}\nsteps:\n  ask:\n    uses: http-request@1\n    \
             with: {{method: POST, url: \"{}/x\", body: {{a: 1}}, timeout: 60s{more}}}\n",
            silent.url
        ))
        .await;
    let run = host
        .api
        .start("ask.wanted", Some("email:ann@example.com"), json!({}))
        .await;
    silent.asked().await;
    host.restart().await;
    (host, run)
}

#[tokio::test]
async fn a_request_under_way_is_repeated_with_its_key_after_a_kill() {
    let silent = Silent::start("{}").await;
    let (host, run) = killed_while_asking(&silent, "").await;
    host.api.completed(&run).await;
    let heads = silent.heads();
    assert_eq!(heads.len(), 2, "{heads:?}");
    let keys: Vec<_> = heads
        .iter()
        .map(|head| header(head, "idempotency-key"))
        .collect();
    assert!(keys[0].is_some() && keys[0] == keys[1], "{keys:?}");
    let timeline = host.api.timeline(&run).await;
    assert!(
        timeline.iter().any(|entry| entry["kind"] == "recovered"),
        "{timeline:#?}"
    );
}

#[tokio::test]
async fn a_request_without_a_key_is_uncertain_after_a_kill_and_never_repeated() {
    let silent = Silent::start("{}").await;
    let (host, run) = killed_while_asking(&silent, ", idempotency-header: false, retries: 5").await;
    let over = host.api.over(&run).await;
    assert_eq!(
        (&over["state"], &over["reason"]),
        (&json!("failed"), &json!("uncertain")),
        "{over:#}"
    );
    assert_eq!(silent.heads().len(), 1);
    assert_eq!(header(&silent.heads()[0], "idempotency-key"), None);
    let shown = host.cli(["run", "show", &run]).await.ok();
    assert!(shown.contains("uncertain"), "{shown}");
}

#[tokio::test]
async fn a_text_under_way_is_uncertain_after_a_kill_unless_the_channel_says_resend() {
    const TAKEN: &str = r#"{"sid": "SM0123456789abcdef0123456789abcdef", "status": "queued"}"#;
    for (uncertain, status, requests) in [("fail", "uncertain", 1), ("resend", "accepted", 2)] {
        let silent = Silent::start(TAKEN).await;
        let mut host = Host::start().await;
        let channel = json!({
            "name": "sms", "connector": "twilio-sms@1", "uncertain": uncertain,
            "settings": {
                "account-sid": jackfield_tests::ACCOUNT_SID, "from": jackfield_tests::OFFICE,
                "base-url": silent.url,
            },
            "secrets": {"auth-token": "a token"},
        });
        host.api.post("/v1/channels", channel).await.ok();
        let message = json!({"channel": "sms", "to": [CALLER],
            "content": {"type": "text", "text": "Hello"}});
        let sent = host.api.post("/v1/messages", message).await.ok();
        silent.asked().await;
        host.restart().await;
        let judged =
            |message: &Value| !matches!(message["status"].as_str(), Some("queued" | "sending"));
        let id = sent["id"].as_str().unwrap();
        let message = host.api.message_until(id, "judged", judged).await;
        assert_eq!(message["status"], status, "{message:#}");
        assert_eq!(silent.heads().len(), requests, "{uncertain}");
    }
}
