//! What happens to every request, whatever its route.
//!
//! From the outside in: `observe` gives the request an id, a span, metrics, security headers, and
//! turns a panic into a problem · `bound` keeps the number of requests under way and their time
//! finite · `detach` carries out what changes something in a task of its own, so that a caller who
//! hangs up does not stop it half-way · then the gate, the idempotency keys and the route.
//!
//! What must hold: nothing of a request's path, query, headers or body is logged, for they may hold
//! addresses, tokens and secrets: the log has the route's template and the id.

use super::problem::{Code, Problem};
use axum::extract::{MatchedPath, Request};
use axum::http::{HeaderName, HeaderValue, Method, header};
use axum::response::{IntoResponse, Response};
use futures::FutureExt as _;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::Semaphore;
use tokio_util::task::TaskTracker;
use tracing::Instrument as _;

/// The header that carries the request's id in both directions.
pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Counts requests by route, method and status.
pub const REQUESTS: &str = "jackfield_http_requests_total";

/// Measures requests by route and method.
pub const SECONDS: &str = "jackfield_http_request_seconds";

/// The requests under way.
pub const UNDER_WAY: &str = "jackfield_http_requests_under_way";

/// The id of a request, for whoever wants to name it.
#[derive(Debug, Clone)]
pub struct RequestId(pub String);

/// An id that the caller gave, if it is fit to be logged; else a new one.
fn request_id(request: &Request) -> String {
    let good = |id: &&str| {
        (1..=64).contains(&id.len())
            && id
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
    };
    request
        .headers()
        .get(REQUEST_ID)
        .and_then(|value| value.to_str().ok())
        .filter(good)
        .map_or_else(
            || format!("req_{}", uuid::Uuid::now_v7().simple()),
            str::to_owned,
        )
}

/// Gives the request an id, a span and metrics, and finishes the answer.
pub async fn observe<F: Future<Output = Response>>(
    mut request: Request,
    next: impl FnOnce(Request) -> F,
) -> Response {
    let id = request_id(&request);
    let method = request.method().clone();
    let route = request
        .extensions()
        .get::<MatchedPath>()
        .map_or_else(|| "unknown".to_owned(), |path| path.as_str().to_owned());
    let span = tracing::info_span!(
        "request",
        otel.name = %format!("{method} {route}"),
        otel.kind = "server",
        request.id = %id,
        http.request.method = %method,
        http.route = %route,
        http.response.status_code = tracing::field::Empty,
        workspace = tracing::field::Empty,
    );
    request.extensions_mut().insert(RequestId(id.clone()));
    let start = Instant::now();
    metrics::gauge!(UNDER_WAY).increment(1.0);
    let answered = AssertUnwindSafe(next(request))
        .catch_unwind()
        .instrument(span.clone())
        .await;
    metrics::gauge!(UNDER_WAY).decrement(1.0);
    let mut response = match answered {
        Ok(response) => response,
        Err(_) => {
            let _entered = span.enter();
            Problem::internal("a route panicked").into_response()
        }
    };
    if let Some(problem) = response.extensions_mut().remove::<Problem>() {
        response = problem.respond(Some(&id));
    }
    let status = response.status().as_u16();
    span.record("http.response.status_code", status);
    span.in_scope(|| tracing::debug!(status, ms = start.elapsed().as_millis() as u64, "answered"));
    let labels = [("route", route), ("method", method.to_string())];
    metrics::histogram!(SECONDS, &labels).record(start.elapsed().as_secs_f64());
    let [route, method] = labels;
    metrics::counter!(
        REQUESTS, "route" => route.1, "method" => method.1, "status" => status.to_string()
    )
    .increment(1);
    secure(&mut response, &id);
    response
}

/// The headers of every answer. An answer that set one itself keeps it.
const SECURITY: &[(HeaderName, &str)] = &[
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::REFERRER_POLICY, "no-referrer"),
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; frame-ancestors 'none'",
    ),
    (header::CACHE_CONTROL, "no-store"),
];

fn secure(response: &mut Response, id: &str) {
    let headers = response.headers_mut();
    for (name, value) in SECURITY {
        headers
            .entry(name.clone())
            .or_insert(HeaderValue::from_static(value));
    }
    if let Ok(id) = HeaderValue::from_str(id) {
        headers.insert(REQUEST_ID, id);
    }
}

/// How many requests may be under way, and for how long.
#[derive(Clone)]
pub struct Bounds {
    places: Arc<Semaphore>,
    time: Duration,
}

/// How long a request to install a plugin may take: compiling a large one takes a minute.
const UPLOAD_TIME: Duration = Duration::from_secs(300);

impl Bounds {
    /// At most `requests` at once, each at most `time`.
    #[must_use]
    pub fn new(requests: usize, time: Duration) -> Bounds {
        Bounds {
            places: Arc::new(Semaphore::new(requests)),
            time,
        }
    }

    fn time(&self, path: &str) -> Duration {
        if path.starts_with("/v1/plugins") {
            self.time.max(UPLOAD_TIME)
        } else {
            self.time
        }
    }
}

/// Whether a route must answer however busy the host is.
pub(super) fn vital(path: &str) -> bool {
    matches!(path, "/healthz" | "/readyz" | "/metrics")
}

/// Keeps the number of requests under way and their time finite.
pub async fn bound<F: Future<Output = Response>>(
    bounds: &Bounds,
    request: Request,
    next: impl FnOnce(Request) -> F,
) -> Response {
    let path = request.uri().path();
    let time = bounds.time(path);
    let place = if vital(path) {
        None
    } else {
        match bounds.places.clone().try_acquire_owned() {
            Ok(place) => Some(place),
            Err(_) => {
                return Problem::new(Code::Overloaded, "Send the request again in a moment.")
                    .retry_after(1)
                    .into_response();
            }
        }
    };
    let answered = tokio::time::timeout(time, next(request)).await;
    drop(place);
    answered.unwrap_or_else(|_| {
        Problem::new(
            Code::Timeout,
            format!(
                "There was no answer within {} s. What it changes may still happen: look before \
                 you send it again, or send it with an Idempotency-Key.",
                time.as_secs()
            ),
        )
        .into_response()
    })
}

/// Carries out what changes something in a task of its own.
pub async fn detach<F: Future<Output = Response> + Send + 'static>(
    tasks: &TaskTracker,
    request: Request,
    next: impl FnOnce(Request) -> F,
) -> Response {
    if matches!(
        *request.method(),
        Method::GET | Method::HEAD | Method::OPTIONS
    ) {
        return next(request).await;
    }
    let span = tracing::Span::current();
    match tasks.spawn(next(request).instrument(span)).await {
        Ok(response) => response,
        Err(_) => Problem::internal("a route panicked").into_response(),
    }
}

/// Answers what no route takes.
pub async fn unknown_route(request: Request) -> Problem {
    let method = request.method();
    Problem::new(
        Code::UnknownRoute,
        format!("No route takes {method} here. GET /openapi.json lists all of them."),
    )
}

/// Answers a method that the route does not take. axum adds the header `Allow`.
pub async fn wrong_method(method: Method) -> Problem {
    Problem::new(
        Code::MethodNotAllowed,
        format!("This route does not take {method}; the header Allow says which methods it takes."),
    )
}

/// Says what the metrics of this layer are.
pub fn describe() {
    metrics::describe_counter!(REQUESTS, "Requests, by route, method and status");
    metrics::describe_histogram!(
        SECONDS,
        metrics::Unit::Seconds,
        "Time until the answer begins"
    );
    metrics::describe_gauge!(UNDER_WAY, "Requests that wait for their answer");
}
