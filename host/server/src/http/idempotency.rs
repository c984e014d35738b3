//! `Idempotency-Key`: a POST that is sent twice is done once.
//!
//! The first request with a key puts a row into the database before it is carried out, and its
//! answer into that row after. A repetition gets the stored answer; another request with the same
//! key is refused; a repetition that comes while the first is under way is told so. The first
//! request runs in a task of its own: a caller who hangs up does not stop it half-way.
//!
//! A refusal is not stored: nothing was done, and the caller may put the request right and use the
//! key again. Neither is an answer that holds a secret (`Withhold`).
//!
//! A host that dies in the middle leaves a row without an answer. The next repetition is carried
//! out again, and carries the key along (`RequestKey`), so that routes whose work must not happen
//! twice put it into the commit that does the work.

use super::auth::Caller;
use super::extract::{body_limit, read_body};
use super::problem::{Code, Problem};
use axum::body::Body;
use axum::extract::Request;
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE, LOCATION};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use jackfield_engine::SharedClock;
use jackfield_store::records::Idempotency;
use jackfield_store::{Commit, CommitError, Query, SharedStore, StoreExt, bucket_of};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::HashSet;
use std::sync::{Arc, Mutex};

/// The header.
pub const HEADER: &str = "idempotency-key";

/// Set on an answer that was given before.
pub const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");

/// How long an answer is kept, in milliseconds: a day.
pub const KEPT: i64 = 24 * 60 * 60 * 1000;

/// The largest answer that is kept, in bytes.
const ANSWER_LIMIT: usize = 4 * 1024 * 1024;

/// The caller's key, for routes that put it into the commit that does the work.
#[derive(Debug, Clone)]
pub struct RequestKey(pub String);

/// Put into the extensions of an answer that holds a secret: it is not kept.
#[derive(Debug, Clone, Copy)]
pub struct Withhold;

/// A kept answer.
#[derive(Debug, Serialize, Deserialize)]
struct Answer {
    status: u16,
    #[serde(default)]
    content_type: Option<String>,
    #[serde(default)]
    location: Option<String>,
    #[serde(default)]
    withheld: bool,
    body: String,
}

/// What is remembered of requests with keys.
pub struct Replay {
    store: SharedStore,
    clock: SharedClock,
    under_way: Mutex<HashSet<(String, String)>>,
}

/// Says that a request is under way for as long as it lives.
struct UnderWay {
    replay: Arc<Replay>,
    name: (String, String),
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        if let Ok(mut all) = self.replay.under_way.lock() {
            all.remove(&self.name);
        }
    }
}

enum Turn {
    Go(UnderWay, Box<Idempotency>),
    Answer(Box<Answer>),
}

impl Replay {
    /// Remembers in this database.
    #[must_use]
    pub fn new(store: SharedStore, clock: SharedClock) -> Replay {
        Replay {
            store,
            clock,
            under_way: Mutex::default(),
        }
    }

    fn enter(self: &Arc<Self>, workspace: &str, key: &str) -> Option<UnderWay> {
        let name = (workspace.to_owned(), key.to_owned());
        let entered = self.under_way.lock().ok()?.insert(name.clone());
        entered.then(|| UnderWay {
            replay: self.clone(),
            name,
        })
    }

    async fn row(&self, row: &Idempotency) -> Result<Option<Idempotency>, Problem> {
        let query = Query::<Idempotency>::of(row.bucket)
            .equal("workspace", row.workspace.as_str())
            .equal("key", row.key.as_str());
        Ok(self.store.first(query).await?)
    }

    /// Decides whether the request is carried out now, or was before.
    async fn turn(
        self: &Arc<Self>,
        workspace: &str,
        key: &str,
        fingerprint: String,
    ) -> Result<Turn, Problem> {
        let now = self.clock.now();
        let mine = Idempotency {
            bucket: bucket_of(self.store.buckets(), &[workspace, key]),
            workspace: workspace.to_owned(),
            key: key.to_owned(),
            fingerprint,
            answer: serde_json::Value::Null,
            at: now,
        };
        let reused = || {
            Problem::new(
                Code::IdempotencyKeyReused,
                format!("`{key}` was sent with another request before. Use a new key for it."),
            )
        };
        let Some(under_way) = self.enter(workspace, key) else {
            return Err(match self.row(&mine).await? {
                Some(row) if row.fingerprint != mine.fingerprint => reused(),
                _ => Problem::new(
                    Code::InProgress,
                    "Wait for the answer to the first request, or send this one again later.",
                )
                .retry_after(1),
            });
        };
        let mut commit = Commit::of(mine.bucket);
        commit.insert(&mine);
        match self.store.commit(commit).await {
            Ok(()) => return Ok(Turn::Go(under_way, Box::new(mine))),
            Err(CommitError::Exists { .. }) => {}
            Err(error) => return Err(error.into()),
        }
        match self.row(&mine).await? {
            Some(row) if row.at + KEPT > now => {
                if row.fingerprint != mine.fingerprint {
                    return Err(reused());
                }
                if !row.answer.is_null() {
                    let answer = serde_json::from_value(row.answer).map_err(Problem::internal)?;
                    return Ok(Turn::Answer(Box::new(answer)));
                }
                // Of an earlier life of this host: carried out again.
                Ok(Turn::Go(under_way, Box::new(row)))
            }
            // Forgotten meanwhile, or too old to count.
            _ => {
                self.put(&mine).await?;
                Ok(Turn::Go(under_way, Box::new(mine)))
            }
        }
    }

    async fn put(&self, row: &Idempotency) -> Result<(), CommitError> {
        let mut commit = Commit::of(row.bucket);
        commit.put(row);
        self.store.commit(commit).await
    }

    /// Keeps the answer, or frees the key where nothing was done.
    async fn settle(&self, mut row: Idempotency, response: Response) -> Response {
        if !response.status().is_success() {
            let mut commit = Commit::of(row.bucket);
            commit.delete::<Idempotency>([row.workspace.into(), row.key.into()]);
            if let Err(error) = self.store.commit(commit).await {
                tracing::warn!(%error, "an idempotency key could not be freed");
            }
            return response;
        }
        let (parts, body) = response.into_parts();
        let bytes = match axum::body::to_bytes(body, ANSWER_LIMIT).await {
            Ok(bytes) => bytes,
            Err(error) => return Problem::internal(error).into_response(),
        };
        let withheld = parts.extensions.get::<Withhold>().is_some();
        let text = |name| {
            parts
                .headers
                .get(name)
                .and_then(|value| value.to_str().ok())
                .map(str::to_owned)
        };
        let answer = Answer {
            status: parts.status.as_u16(),
            content_type: text(CONTENT_TYPE),
            location: text(LOCATION),
            withheld,
            body: if withheld {
                String::new()
            } else {
                String::from_utf8_lossy(&bytes).into_owned()
            },
        };
        row.answer = serde_json::to_value(&answer).unwrap_or_default();
        if let Err(error) = self.put(&row).await {
            // The work is done; only its repetition would not be recognised by the answer.
            tracing::warn!(%error, "an answer could not be kept for its idempotency key");
        }
        Response::from_parts(parts, Body::from(bytes))
    }

    /// Removes answers that are older than a day; says how many.
    ///
    /// # Errors
    /// When the database cannot be used.
    pub async fn sweep(&self) -> Result<usize, Problem> {
        let old = Query::<Idempotency>::all()
            .filter("at", jackfield_store::Is::Less, self.clock.now() - KEPT)
            .limit(1_000);
        let rows = self.store.find(old).await?;
        let count = rows.len();
        for row in rows {
            let mut commit = Commit::of(row.bucket);
            commit.delete::<Idempotency>([row.workspace.into(), row.key.into()]);
            self.store.commit(commit).await?;
        }
        Ok(count)
    }
}

/// The caller's key, if there is one.
///
/// # Errors
/// `invalid-header`.
pub(super) fn key_of(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let Some(value) = headers.get(HEADER) else {
        return Ok(None);
    };
    let good = |key: &&str| {
        (1..=255).contains(&key.len()) && key.bytes().all(|byte| byte.is_ascii_graphic())
    };
    match value.to_str().ok().map(str::trim).filter(good) {
        Some(key) => Ok(Some(key.to_owned())),
        None => Err(Problem::new(
            Code::InvalidHeader,
            "Idempotency-Key must be 1 to 255 printable ASCII characters without spaces; a UUID is \
             a good choice.",
        )),
    }
}

fn fingerprint(request: &axum::http::request::Parts, body: &Bytes) -> String {
    let mut hash = Sha256::new();
    hash.update(
        request
            .uri
            .path_and_query()
            .map_or("", |whole| whole.as_str()),
    );
    hash.update([0]);
    hash.update(
        request
            .headers
            .get(CONTENT_TYPE)
            .map_or(&b""[..], HeaderValue::as_bytes),
    );
    hash.update([0]);
    hash.update(body);
    hex::encode(hash.finalize())
}

fn replayed(answer: Answer) -> Response {
    if answer.withheld {
        return Problem::new(
            Code::AnswerNotKept,
            "The first request with this key was carried out. Its answer held a secret and is not \
             shown again.",
        )
        .into_response();
    }
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::OK);
    let mut response = (status, answer.body).into_response();
    let headers = response.headers_mut();
    headers.insert(REPLAYED, HeaderValue::from_static("true"));
    for (name, value) in [
        (CONTENT_TYPE, answer.content_type),
        (LOCATION, answer.location),
    ] {
        match value.and_then(|value| value.parse().ok()) {
            Some(value) => headers.insert(name, value),
            None => headers.remove(name),
        };
    }
    response
}

/// The layer. Stands behind the gate: the key belongs to the caller's workspace.
pub async fn replay<F: Future<Output = Response>>(
    replay: &Arc<Replay>,
    request: Request,
    next: impl FnOnce(Request) -> F,
) -> Result<Response, Problem> {
    if request.method() != Method::POST {
        return Ok(next(request).await);
    }
    let (Some(key), Some(caller)) = (
        key_of(request.headers())?,
        request.extensions().get::<Caller>().cloned(),
    ) else {
        return Ok(next(request).await);
    };
    let (mut parts, body) = request.into_parts();
    let length = parts
        .headers
        .get(CONTENT_LENGTH)
        .and_then(|value| value.to_str().ok()?.parse().ok());
    let body = read_body(body, length, body_limit(parts.uri.path())).await?;
    let fingerprint = fingerprint(&parts, &body);
    match replay.turn(&caller.account(), &key, fingerprint).await? {
        Turn::Answer(answer) => Ok(replayed(*answer)),
        Turn::Go(under_way, row) => {
            parts.extensions.insert(RequestKey(key));
            let request = Request::from_parts(parts, Body::from(body));
            let response = next(request).await;
            let response = replay.settle(*row, response).await;
            drop(under_way);
            Ok(response)
        }
    }
}
