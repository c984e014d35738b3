//! The outside world: where runs send requests and messages, and who answers questions.
//!
//! It lives as long as the harness, so it sees what every life of the hosts did. It writes down
//! each arrival with its time before it answers, answers after a while drawn at random, so that
//! kills fall into the middle of calls, and honours no key: what arrives twice is seen twice.

use crate::api::{Api, Said};
use crate::now;
use anyhow::{Context as _, Result};
use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Json, Response};
use axum::routing::{any, post};
use rand::Rng as _;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;
use tokio::sync::watch;

/// The secret that channel and host share.
pub const TOKEN: &str = "a token of the harness, for loopback alone";
/// The channel's id on both sides.
const CHANNEL_ID: &str = "kill";
/// How long a reply is tried before its sender gives up.
const REPLY_PATIENCE: Duration = Duration::from_secs(120);

/// Something that arrived.
#[derive(Clone, Debug)]
pub struct Arrival {
    /// Milliseconds since 1970.
    pub at: i64,
    /// The header `Idempotency-Key`.
    pub key: Option<String>,
    /// The body where it is JSON.
    pub body: Value,
}

#[derive(Default)]
struct Seen {
    /// By what and story: `once/c1-2`, `keyed/c1-2`, `put/c1-2`, and texts of messages.
    arrivals: HashMap<String, Vec<Arrival>>,
    /// Stories whose answer the host has taken.
    answered: Vec<String>,
    /// Replies that the host refused, or did not take in time.
    trouble: Vec<String>,
}

/// The outside world; cheap to clone.
#[derive(Clone)]
pub struct Outside {
    /// `http://127.0.0.1:PORT`.
    pub url: String,
    seen: Arc<Mutex<Seen>>,
    hook: Arc<OnceLock<(Api, String)>>,
    /// How many replies are on their way.
    replies: Arc<watch::Sender<usize>>,
}

impl Outside {
    /// Listens on a free port of loopback, until the program ends.
    ///
    /// # Errors
    /// When no port can be listened on.
    pub async fn open() -> Result<Outside> {
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0))
            .await
            .context("no port of 127.0.0.1 can be listened on; is loopback up?")?;
        let outside = Outside {
            url: format!("http://{}", listener.local_addr()?),
            seen: Arc::default(),
            hook: Arc::default(),
            replies: Arc::default(),
        };
        let router = Router::new()
            .route("/chat", post(chat))
            .route("/{kind}/{key}", any(call))
            .with_state(outside.clone());
        tokio::spawn(async move {
            // Ends only when the listener fails, and then every call of a run does, which is seen.
            let _ = axum::serve(listener, router).await;
        });
        Ok(outside)
    }

    /// The channel as the host is told of it.
    #[must_use]
    pub fn channel(&self) -> Value {
        json!({
            "name": crate::story::CHANNEL,
            "connector": "custom-channel@1",
            "settings": {"webhook-url": format!("{}/chat", self.url), "channel-id": CHANNEL_ID},
            "secrets": {"api-token": TOKEN},
        })
    }

    /// Where answers to questions go: the channel's webhook, a path.
    pub fn answer_at(&self, api: Api, webhook: String) {
        // Set once, before any question is asked.
        let _ = self.hook.set((api, webhook));
    }

    /// Everything that arrived, and the stories whose answer the host has taken.
    #[must_use]
    pub fn record(&self) -> (HashMap<String, Vec<Arrival>>, Vec<String>) {
        let seen = self.lock();
        (seen.arrivals.clone(), seen.answered.clone())
    }

    /// How much arrived.
    #[must_use]
    pub fn count(&self) -> usize {
        self.lock().arrivals.values().map(Vec::len).sum()
    }

    /// What went wrong with replies.
    #[must_use]
    pub fn trouble(&self) -> Vec<String> {
        self.lock().trouble.clone()
    }

    /// Waits until every reply that is on its way has been taken.
    pub async fn settle(&self) {
        let mut replies = self.replies.subscribe();
        // The sender lives as long as `self`, so this ends by there being none.
        let _ = replies.wait_for(|count| *count == 0).await;
    }

    fn arrived(&self, what: String, headers: &HeaderMap, body: Value) {
        let key = headers.get("idempotency-key");
        let arrival = Arrival {
            at: now(),
            key: key.map(|key| String::from_utf8_lossy(key.as_bytes()).into_owned()),
            body,
        };
        self.lock().arrivals.entry(what).or_default().push(arrival);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The contact answers the question of a story; the channel repeats it until it is taken.
    async fn reply(&self, key: String, contact: Value) {
        let Some((api, webhook)) = self.hook.get() else {
            return;
        };
        pause(300).await;
        let body = json!({
            "channelId": CHANNEL_ID, "contactId": contact,
            "events": [{
                "type": "message", "mId": format!("in-{key}"), "timestamp": now(),
                "message": {"type": "text", "text": format!("answer {key}")},
            }],
        });
        let said = api.hook(webhook, TOKEN, &body, REPLY_PATIENCE).await;
        let mut seen = self.lock();
        match said {
            Said::Done(_) | Said::DoneBefore => seen.answered.push(key),
            Said::Refused(said) => seen.trouble.push(format!("the reply of {key}: {said}")),
            Said::Nothing => seen
                .trouble
                .push(format!("the reply of {key} was not taken")),
        }
    }
}

async fn call(
    State(outside): State<Outside>,
    Path((kind, key)): Path<(String, String)>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let body = serde_json::from_slice(&body).unwrap_or_default();
    outside.arrived(format!("{kind}/{key}"), &headers, body);
    pause(30).await;
    (StatusCode::CREATED, Json(json!({"id": key}))).into_response()
}

async fn chat(State(outside): State<Outside>, headers: HeaderMap, body: Bytes) -> Response {
    let body: Value = serde_json::from_slice(&body).unwrap_or_default();
    let text = body["message"]["text"]
        .as_str()
        .unwrap_or_default()
        .to_owned();
    outside.arrived(text.clone(), &headers, body.clone());
    if let Some(key) = text.strip_prefix("ask ") {
        let (replier, key) = (outside.clone(), key.to_owned());
        let contact = body["contactId"].clone();
        outside.replies.send_modify(|count| *count += 1);
        tokio::spawn(async move {
            replier.reply(key, contact).await;
            replier.replies.send_modify(|count| *count -= 1);
        });
    }
    pause(30).await;
    (StatusCode::OK, Json(json!({"mId": format!("out-{text}")}))).into_response()
}

/// Takes a while, at most so many milliseconds, and now and then ten times as long.
async fn pause(most: u64) {
    let milliseconds = {
        let mut rng = rand::rng();
        let most = if rng.random_bool(0.02) {
            most * 10
        } else {
            most
        };
        rng.random_range(0..=most)
    };
    tokio::time::sleep(Duration::from_millis(milliseconds)).await;
}
