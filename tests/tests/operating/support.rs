//! A service that takes its time, and small helpers.

use jackfield_tests::{Host, until};
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::watch;

/// Answers no request before it is told to.
pub(crate) struct Slow {
    pub(crate) url: String,
    requests: Arc<AtomicUsize>,
    answer: watch::Sender<bool>,
}

impl Slow {
    pub(crate) async fn start() -> Slow {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let requests = Arc::new(AtomicUsize::new(0));
        let answer = watch::Sender::new(false);
        let (count, go) = (requests.clone(), answer.subscribe());
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let (count, mut go) = (count.clone(), go.clone());
                tokio::spawn(async move {
                    let mut head = Vec::new();
                    while !head.windows(4).any(|end| end == b"\r\n\r\n") {
                        let mut piece = [0; 1_024];
                        match stream.read(&mut piece).await {
                            Ok(0) | Err(_) => return,
                            Ok(read) => head.extend_from_slice(&piece[..read]),
                        }
                    }
                    count.fetch_add(1, Ordering::SeqCst);
                    let _ = go.wait_for(|go| *go).await;
                    let _ = stream
                        .write_all(
                            b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}",
                        )
                        .await;
                });
            }
        });
        Slow {
            url,
            requests,
            answer,
        }
    }

    pub(crate) fn requests(&self) -> usize {
        self.requests.load(Ordering::SeqCst)
    }

    /// Answers what was asked, and from now on at once.
    pub(crate) fn answer(&self) {
        self.answer.send_replace(true);
    }

    /// Publishes a workflow that asks this service twice, and starts a run that waits for the first
    /// answer.
    pub(crate) async fn run(&self, host: &Host) -> String {
        let ask = format!(
            "{{uses: http-request@1, with: {{method: POST, url: \"{}/x\", body: {{a: 1}}, timeout: 60s}}}}",
            self.url
        );
        let workflow = format!(
            "name: ask\ntrigger: {{event: ask.wanted}}\nsteps:\n  one: {ask}\n  two: {ask}\n"
        );
        host.api.publish(&workflow).await;
        let contact = Some("email:ann@example.com");
        let run = host.api.start("ask.wanted", contact, json!({})).await;
        until("the first request", async || {
            (self.requests() > 0).then_some(())
        })
        .await;
        run
    }
}

/// The findings of `jackfield doctor --json`, and its exit code.
pub(crate) async fn doctor(host: &Host, flags: &[&str]) -> (i32, Vec<Value>) {
    let mut line = vec!["doctor", "--json"];
    line.extend_from_slice(flags);
    let done = host.cli(line).await;
    let findings: Value = serde_json::from_str(&done.out)
        .unwrap_or_else(|error| panic!("{error}: {}{}", done.out, done.err));
    let code = done.status.code().expect("it was not killed");
    (code, findings.as_array().unwrap().clone())
}

/// The findings about one thing.
pub(crate) fn about<'a>(findings: &'a [Value], what: &str) -> Vec<&'a Value> {
    let found: Vec<&Value> = findings
        .iter()
        .filter(|finding| finding["what"] == what)
        .collect();
    assert!(!found.is_empty(), "nothing about {what}: {findings:#?}");
    found
}

/// That a thing is at this level, says these words, and, unless it is good, what to do.
pub(crate) fn says(findings: &[Value], what: &str, level: &str, words: &str) {
    let found = about(findings, what);
    let fits = |finding: &&&Value| {
        finding["level"] == level
            && finding["said"]
                .as_str()
                .is_some_and(|said| said.contains(words))
            && (level == "ok"
                || finding["do"]
                    .as_str()
                    .is_some_and(|advice| !advice.is_empty()))
    };
    assert!(
        found.iter().any(|finding| fits(&finding)),
        "{what} should be {level} with {words:?}: {found:#?}"
    );
}
