//! Requests of a host that stops: those under way are counted until their last byte was handed
//! over, new ones are turned away.
//!
//! Turned away means a problem that says so, not a broken connection: the caller knows that
//! nothing was done, and can ask again. Who asks for the host's health is always answered.
//!
//! Providers are still listened to: what they report they report once, and many of them take an
//! error for an answer. What they say is committed, and the next start goes on with it.

use super::app::App;
use super::layers::vital;
use super::problem::{Code, Problem};
use axum::body::Body;
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use http_body_util::BodyExt as _;
use tokio_util::task::task_tracker::TaskTrackerToken;

/// Where providers report.
const HOOKS: &str = "/hooks/";

/// Seconds after which a caller may ask again.
const AGAIN: u64 = 2;

/// The layer.
pub(super) async fn turn_away<F: Future<Output = Response>>(
    app: &App,
    request: Request,
    next: impl FnOnce(Request) -> F,
) -> Response {
    if vital(request.uri().path()) {
        return next(request).await;
    }
    // Counted before the look: a host that stops waits for whoever saw it running.
    let token = app.under_way.token();
    if !app.stopping.is_cancelled() {
        return held(next(request).await, token);
    }
    if request.uri().path().starts_with(HOOKS) {
        return next(request).await;
    }
    let said = "The host is stopping; nothing was done. Send the request again in a moment.";
    Problem::new(Code::Unavailable, said)
        .retry_after(AGAIN)
        .into_response()
}

/// The answer, which counts as under way until its body is through or given up.
fn held(response: Response, token: TaskTrackerToken) -> Response {
    let (parts, body) = response.into_parts();
    let body = body.inspect_frame(move |_| {
        let _under_way = &token;
    });
    Response::from_parts(parts, Body::new(body))
}
