//! An HTTP service that records every request and answers in JSON: the demo's CRM, and what tests
//! of outgoing HTTP talk to.
//!
//! It honours idempotency as services with an `Idempotency-Key` header do: a second request with
//! the key, method and path of an earlier one that succeeded gets the earlier answer and is marked
//! as a repeat, so that a test can tell "asked twice" from "done twice".

use crate::{Error, Record, Server};
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

/// A CRM on loopback. Stops when it is dropped.
#[derive(Debug)]
pub struct Crm {
    /// `http://127.0.0.1:PORT`, without a slash at the end.
    pub url: String,
    state: Arc<Shared>,
    _server: Server,
}

/// A request as it arrived.
#[derive(Clone, Debug)]
pub struct Request {
    /// `POST`, `GET`, …
    pub method: String,
    /// The path, with the query where there is one.
    pub path: String,
    /// Every header, names in lower case, in the order of arrival.
    pub headers: Vec<(String, String)>,
    /// The header `Idempotency-Key`.
    pub idempotency_key: Option<String>,
    /// The body where it is JSON, else null.
    pub json: Value,
    /// The body's bytes.
    pub body: Vec<u8>,
    /// The status that was answered.
    pub status: u16,
    /// Whether its key had been seen on this method and path with success, so that nothing was done
    /// again.
    pub repeat: bool,
}

impl Request {
    /// The first header of that name, whatever its case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self
            .headers
            .iter()
            .find(|(other, _)| other.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }
}

/// An answer that the CRM was told to give.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// Headers besides the content type (`("retry-after", "1")`).
    pub headers: Vec<(String, String)>,
    /// The body.
    pub json: Value,
}

impl Answer {
    /// An answer with a status and a body.
    #[must_use]
    pub fn new(status: u16, json: Value) -> Self {
        Self {
            status,
            headers: Vec::new(),
            json,
        }
    }
}

#[derive(Debug, Default)]
struct Shared {
    requests: Record<Request>,
    next: Mutex<VecDeque<Answer>>,
    seen: Mutex<HashMap<(String, String, String), Answer>>,
}

impl Crm {
    /// Starts on a free port.
    ///
    /// # Errors
    /// [`Error::Listen`].
    pub async fn start() -> Result<Self, Error> {
        let state = Arc::new(Shared::default());
        let router = Router::new()
            .fallback(handle)
            .with_state(Arc::clone(&state));
        let (server, url) = crate::serve(router).await?;
        Ok(Self {
            url,
            state,
            _server: server,
        })
    }

    /// Every request so far, repeats and refused ones included.
    #[must_use]
    pub fn requests(&self) -> Record<Request> {
        self.state.requests.clone()
    }

    /// Answers the next request like this, once; answers that are given so queue up.
    /// Without one, a request is answered 201 with `{"id": "crm-N", "status": "recorded"}`, and a
    /// GET, HEAD or DELETE 200.
    pub fn answer_next(&self, answer: Answer) {
        lock(&self.state.next).push_back(answer);
    }

    /// The same, before all answers that are waiting.
    pub fn answer_instead(&self, answer: Answer) {
        lock(&self.state.next).push_front(answer);
    }
}

async fn handle(
    State(state): State<Arc<Shared>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let path = uri
        .path_and_query()
        .map_or_else(|| uri.path().to_owned(), ToString::to_string);
    let text =
        |value: &axum::http::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    let key = headers.get("idempotency-key").map(text);
    let identity = key
        .clone()
        .map(|key| (method.to_string(), path.clone(), key));

    let earlier = identity
        .as_ref()
        .and_then(|identity| lock(&state.seen).get(identity).cloned());
    let repeat = earlier.is_some();
    let answer = earlier.unwrap_or_else(|| {
        let told = lock(&state.next).pop_front();
        told.unwrap_or_else(|| by_default(&method, state.requests.count() + 1))
    });
    if let Some(identity) = identity
        && answer.status < 300
    {
        lock(&state.seen).insert(identity, answer.clone());
    }
    state.requests.push(Request {
        method: method.to_string(),
        path,
        headers: headers
            .iter()
            .map(|(name, value)| (name.to_string(), text(value)))
            .collect(),
        idempotency_key: key,
        json: serde_json::from_slice(&body).unwrap_or(Value::Null),
        body: body.to_vec(),
        status: answer.status,
        repeat,
    });
    respond(&answer)
}

fn by_default(method: &Method, number: usize) -> Answer {
    let status = if [Method::GET, Method::HEAD, Method::DELETE].contains(method) {
        200
    } else {
        201
    };
    Answer::new(
        status,
        json!({"id": format!("crm-{number}"), "status": "recorded"}),
    )
}

fn respond(answer: &Answer) -> Response {
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = (
        status,
        [(header::CONTENT_TYPE, "application/json")],
        answer.json.to_string(),
    )
        .into_response();
    for (name, value) in &answer.headers {
        if let (Ok(name), Ok(value)) = (
            header::HeaderName::try_from(name.as_str()),
            header::HeaderValue::try_from(value.as_str()),
        ) {
            response.headers_mut().insert(name, value);
        }
    }
    response
}

/// A panic of another task while it held the lock leaves a queue or a map, both still whole.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    async fn post(crm: &Crm, key: &str) -> (u16, Value) {
        let response = reqwest::Client::new()
            .post(format!("{}/contacts?notify=1", crm.url))
            .header("Idempotency-Key", key)
            .json(&json!({"name": "Ann"}))
            .send()
            .await
            .unwrap();
        (response.status().as_u16(), response.json().await.unwrap())
    }

    #[tokio::test]
    async fn a_request_is_recorded_as_it_came() {
        let crm = Crm::start().await.unwrap();
        let (status, _) = post(&crm, "k1").await;
        let request = crm.requests().all().remove(0);
        assert_eq!(status, 201);
        assert_eq!(
            (request.method.as_str(), request.path.as_str()),
            ("POST", "/contacts?notify=1")
        );
        assert_eq!(request.idempotency_key.as_deref(), Some("k1"));
        assert_eq!(request.json, json!({"name": "Ann"}));
        assert_eq!(request.header("Content-Type"), Some("application/json"));
    }

    #[tokio::test]
    async fn the_same_key_gets_the_same_answer_and_is_marked_as_a_repeat() {
        let crm = Crm::start().await.unwrap();
        let first = post(&crm, "k1").await;
        assert_eq!(post(&crm, "k1").await, first);
        assert_ne!(post(&crm, "k2").await, first);
        let repeats: Vec<bool> = crm
            .requests()
            .all()
            .iter()
            .map(|request| request.repeat)
            .collect();
        assert_eq!(repeats, [false, true, false]);
    }

    #[tokio::test]
    async fn a_refusal_is_given_once_and_its_key_may_be_tried_again() {
        let crm = Crm::start().await.unwrap();
        crm.answer_next(Answer::new(503, json!({"error": "busy"})));
        assert_eq!(post(&crm, "k1").await.0, 503);
        assert_eq!(post(&crm, "k1").await.0, 201);
        assert!(crm.requests().all().iter().all(|request| !request.repeat));
    }
}
