//! Requests that concern another host's bucket: done there, answered here.
//!
//! A request may reach any host. Where a route finds that the bucket is another's, nothing has been
//! changed yet, and the whole request is handed to the owner as a parcel (`Engine::ask`): with who
//! calls, not with the key, for the gate has been passed here. The owner carries it out as its own
//! and its answer is passed on. A host that owns every bucket never comes here.
//!
//! What must hold: the owner trusts the caller in a parcel, because whoever can write parcels can
//! write the database; a parcel may be done twice (its owner died before it answered), so it always
//! carries a request key, which routes put into the commit that does the work.

use super::app::App;
use super::auth::Caller;
use super::extract::{body_limit, read_body};
use super::idempotency::RequestKey;
use super::problem::{Code, Problem};
use async_trait::async_trait;
use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::header::{ACCEPT, CONTENT_LENGTH, CONTENT_TYPE, HOST, LOCATION, RETRY_AFTER};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use jackfield_engine::{AskError, Worker};
use jackfield_sandbox::Account;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::time::Duration;
use tower::ServiceExt as _;

/// The kind of parcels that carry requests.
pub const REQUEST: &str = "http";

/// How long an owner is waited for: longer than a take-over.
const PATIENCE: Duration = Duration::from_secs(20);

/// The same where the caller waits for a run.
const PATIENCE_FOR_RUNS: Duration = Duration::from_secs(80);

/// What goes along, beside the body.
const REQUEST_HEADERS: [HeaderName; 3] = [ACCEPT, CONTENT_TYPE, HOST];

/// What comes back, beside the body.
const RESPONSE_HEADERS: [HeaderName; 3] = [CONTENT_TYPE, LOCATION, RETRY_AFTER];

/// The largest answer that is passed on, in bytes.
const ANSWER_LIMIT: usize = 4 * 1024 * 1024;

#[derive(Serialize, Deserialize)]
struct Forwarded {
    method: String,
    uri: String,
    headers: Vec<(String, String)>,
    /// Base64.
    body: String,
    caller: Option<Known>,
    request_key: String,
}

/// A request before its route says where it belongs: most belong here, so it is only put together
/// as a parcel where not.
struct Asked {
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
    caller: Option<Caller>,
    request_key: Option<RequestKey>,
}

impl Asked {
    fn patience(&self) -> Duration {
        let waits = self
            .uri
            .query()
            .is_some_and(|query| query.contains("wait="));
        if waits { PATIENCE_FOR_RUNS } else { PATIENCE }
    }

    fn forwarded(self) -> Forwarded {
        Forwarded {
            method: self.method.to_string(),
            uri: self.uri.to_string(),
            headers: kept(&self.headers, &REQUEST_HEADERS),
            body: STANDARD.encode(&self.body),
            caller: self.caller.map(Known::from),
            request_key: self.request_key.map_or_else(
                || format!("forwarded-{}", uuid::Uuid::now_v7().simple()),
                |RequestKey(key)| key,
            ),
        }
    }
}

/// A caller that the gate has let pass.
#[derive(Serialize, Deserialize)]
struct Known {
    key: String,
    workspace: String,
    operator: bool,
    #[serde(default)]
    organisation: Option<String>,
    scopes: Vec<String>,
}

impl From<Caller> for Known {
    fn from(caller: Caller) -> Known {
        Known {
            key: caller.key,
            workspace: caller.workspace,
            operator: caller.operator,
            organisation: caller.organisation,
            scopes: caller.scopes.to_vec(),
        }
    }
}

impl From<Known> for Caller {
    fn from(known: Known) -> Caller {
        Caller {
            key: known.key,
            workspace: known.workspace,
            operator: known.operator,
            organisation: known.organisation,
            scopes: known.scopes.into(),
        }
    }
}

#[derive(Serialize, Deserialize)]
struct Answer {
    status: u16,
    headers: Vec<(String, String)>,
    /// Base64.
    body: String,
}

fn kept(headers: &HeaderMap, names: &[HeaderName]) -> Vec<(String, String)> {
    names
        .iter()
        .filter_map(|name| {
            let value = headers.get(name)?.to_str().ok()?;
            Some((name.as_str().to_owned(), value.to_owned()))
        })
        .collect()
}

fn add(headers: &mut HeaderMap, kept: Vec<(String, String)>) {
    for (name, value) in kept {
        if let (Ok(name), Ok(value)) = (
            HeaderName::from_bytes(name.as_bytes()),
            HeaderValue::from_str(&value),
        ) {
            headers.insert(name, value);
        }
    }
}

/// The innermost layer: hands a request on where its route says that it belongs elsewhere.
pub async fn elsewhere<F: Future<Output = Response>>(
    app: &App,
    request: Request,
    next: impl FnOnce(Request) -> F,
) -> Result<Response, Problem> {
    let everything = usize::try_from(app.engine.store().buckets()).unwrap_or(0);
    if app.engine.owned() == everything || request.method().is_safe() {
        return Ok(next(request).await);
    }
    let (parts, body) = request.into_parts();
    let length = parts
        .headers
        .get(CONTENT_LENGTH)
        .and_then(|value| value.to_str().ok()?.parse().ok());
    let body = read_body(body, length, body_limit(parts.uri.path())).await?;
    let asked = Asked {
        method: parts.method.clone(),
        uri: parts.uri.clone(),
        headers: parts.headers.clone(),
        body: body.clone(),
        caller: parts.extensions.get::<Caller>().cloned(),
        request_key: parts.extensions.get::<RequestKey>().cloned(),
    };
    let response = next(Request::from_parts(parts, Body::from(body))).await;
    let problem = response.extensions().get::<Problem>();
    let Some(bucket) = problem.and_then(Problem::elsewhere) else {
        return Ok(response);
    };
    let patience = asked.patience();
    let parcel = serde_json::to_value(asked.forwarded()).map_err(Problem::internal)?;
    match app.engine.ask(bucket, REQUEST, parcel, patience).await {
        Ok(answer) => passed_on(answer),
        Err(AskError::NoAnswer { .. }) => Err(Problem::new(
            Code::Unavailable,
            "The host that has this contact does not answer. What the request changes may still \
             happen: send it again with an Idempotency-Key, or look first.",
        )
        .retry_after(5)),
        Err(AskError::Read(error)) => Err(error.into()),
        Err(AskError::Commit(error)) => Err(error.into()),
    }
}

fn passed_on(answer: Value) -> Result<Response, Problem> {
    let answer: Answer = serde_json::from_value(answer).map_err(Problem::internal)?;
    let status = StatusCode::from_u16(answer.status).map_err(Problem::internal)?;
    let body = STANDARD.decode(&answer.body).map_err(Problem::internal)?;
    let mut response = (status, body).into_response();
    response.headers_mut().remove(CONTENT_TYPE);
    add(response.headers_mut(), answer.headers);
    Ok(response)
}

/// Carries out requests that other hosts hand on.
pub struct Desk {
    routes: Router,
}

impl Desk {
    /// With the routes alone: gate and keys were passed at the host that got the request.
    #[must_use]
    pub fn new(routes: Router) -> Desk {
        Desk { routes }
    }

    async fn carry_out(&self, forwarded: Forwarded) -> Result<Option<Answer>, Problem> {
        let body = STANDARD
            .decode(&forwarded.body)
            .map_err(Problem::internal)?;
        let mut request = Request::builder()
            .method(forwarded.method.as_str())
            .uri(&forwarded.uri)
            .body(Body::from(body))
            .map_err(Problem::internal)?;
        add(request.headers_mut(), forwarded.headers);
        let extensions = request.extensions_mut();
        extensions.insert(RequestKey(forwarded.request_key));
        if let Some(caller) = forwarded.caller {
            extensions.insert(Caller::from(caller));
        }
        let response = self
            .routes
            .clone()
            .oneshot(request)
            .await
            .map_err(Problem::internal)?;
        let problem = response.extensions().get::<Problem>();
        if problem.is_some_and(|problem| problem.elsewhere().is_some()) {
            return Ok(None);
        }
        let (parts, body) = response.into_parts();
        let body = axum::body::to_bytes(body, ANSWER_LIMIT)
            .await
            .map_err(Problem::internal)?;
        Ok(Some(Answer {
            status: parts.status.as_u16(),
            headers: kept(&parts.headers, &RESPONSE_HEADERS),
            body: STANDARD.encode(&body),
        }))
    }
}

#[async_trait]
impl Worker for Desk {
    /// Of a webhook nobody calls: all of them are one account.
    fn account(&self, body: &Value) -> Account {
        let word = |name: &str| body["caller"][name].as_str().unwrap_or("/");
        Account::new(word("workspace"), word("key"))
    }

    async fn work(&self, body: Value) -> Option<Value> {
        let carried_out = match serde_json::from_value(body) {
            Ok(forwarded) => self.carry_out(forwarded).await,
            // A host of another version.
            Err(error) => Err(Problem::internal(error)),
        };
        let answer = match carried_out {
            Ok(answer) => answer?,
            Err(problem) => Answer {
                status: problem.body(None).status,
                headers: vec![(
                    CONTENT_TYPE.as_str().to_owned(),
                    super::problem::CONTENT_TYPE.to_owned(),
                )],
                body: STANDARD.encode(serde_json::to_vec(&problem.body(None)).unwrap_or_default()),
            },
        };
        serde_json::to_value(answer).ok()
    }
}
