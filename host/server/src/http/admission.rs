//! Who is let in when much is asked at once: requests, their bytes, and new runs.
//!
//! Three things are bounded, each with a share for every workspace, and within it for every key
//! ([`Shares`]): who floods leaves room for others, and is told to come again, before anything was
//! done for the request. Under `/v1` that is 429 `rate-limited`; what has no key is answered 503
//! `overloaded`, which has a provider repeat its webhook. `Retry-After` follows from the load.
//!
//! What an operator reads counts by itself, so a host that is flooded can be looked at; health and
//! metrics are not counted at all.
//!
//! What must hold: a request that is refused here has changed nothing; one that was let in keeps
//! its share until its answer begins, and a body is not read before its bytes are granted.

use super::app::App;
use super::auth::{Caller, EVERY};
use super::extract::body_limit;
use super::layers::vital;
use super::problem::{Code, Problem};
use axum::body::HttpBody as _;
use axum::extract::Request;
use axum::http::header::CONTENT_LENGTH;
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse, Response};
use jackfield_engine::Busy;
use jackfield_sandbox::{Account, Share, Shares};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Counts requests that were refused because too much is asked, by reason.
pub(crate) const REFUSED: &str = "jackfield_http_requests_refused_total";
/// The unit of a body's weight, in bytes.
const UNIT: usize = 1_024;
/// So long after the last refusal the host still says that it refuses.
const RECENTLY: Duration = Duration::from_secs(10);
/// How many watchers of timelines there may be.
const STREAMS: usize = 512;
/// The longest that anybody is told to wait, in seconds.
const LONGEST: u64 = 60;
/// The mean time of requests is that of about so many.
const MEAN: u64 = 64;
/// Of the mean time, so much is to pass before one asks again: by then a part of those under way
/// is through.
const PART: u64 = 8;

/// The room for requests.
#[derive(Debug)]
pub struct Admission {
    requests: Arc<Shares>,
    bodies: Arc<Shares>,
    streams: Arc<Shares>,
    /// The mean time of requests, in microseconds.
    mean: AtomicU64,
    begun: Instant,
    /// Milliseconds from `begun` to the last refusal, plus one; 0 for never.
    refused: AtomicU64,
}

impl Admission {
    /// So many requests at once, with so many bytes of bodies.
    #[must_use]
    pub fn new(requests: usize, body_bytes: u64) -> Admission {
        let units = usize::try_from(body_bytes).unwrap_or(usize::MAX) / UNIT;
        Admission {
            requests: Shares::places(requests.max(1)),
            bodies: Shares::places(units.max(1)),
            streams: Shares::places(STREAMS),
            mean: AtomicU64::new(0),
            begun: Instant::now(),
            refused: AtomicU64::new(0),
        }
    }

    /// A place for a watcher of a timeline.
    ///
    /// # Errors
    /// `rate-limited`.
    pub(super) fn stream(&self, caller: &Caller) -> Result<Share, Problem> {
        let account = Account::new(&caller.workspace, &caller.key);
        self.streams.try_take(&account).ok_or_else(|| {
            let said = "Too many timelines are watched; read it in pages instead.";
            Problem::new(Code::RateLimited, said).retry_after(5)
        })
    }

    /// How many requests are under way of how many.
    pub(super) fn requests(&self) -> (usize, usize) {
        let size = self.requests.size();
        (size - self.requests.free(), size)
    }

    /// How many bytes of bodies are in memory of how many.
    pub(super) fn body_bytes(&self) -> (usize, usize) {
        let size = self.bodies.size();
        ((size - self.bodies.free()) * UNIT, size * UNIT)
    }

    /// Whether a request was refused a moment ago.
    pub(super) fn refuses(&self) -> bool {
        let last = self.refused.load(Ordering::Relaxed);
        let since = self.since_begun().saturating_sub(last.saturating_sub(1));
        last > 0 && Duration::from_millis(since) < RECENTLY
    }

    fn since_begun(&self) -> u64 {
        u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    fn refuse(&self, reason: &'static str) {
        metrics::counter!(REFUSED, "reason" => reason).increment(1);
        self.refused
            .store(self.since_begun() + 1, Ordering::Relaxed);
    }

    /// A request was answered.
    fn took(&self, time: Duration) {
        let time = u64::try_from(time.as_micros()).unwrap_or(u64::MAX / MEAN);
        let mean = self.mean.load(Ordering::Relaxed);
        // Of two at the same moment one may be lost: it is a mean.
        let next = mean - mean / MEAN + time / MEAN;
        self.mean.store(next, Ordering::Relaxed);
    }

    /// Seconds until a part of the requests under way will be through.
    fn retry_after(&self) -> u64 {
        let seconds = (self.mean.load(Ordering::Relaxed) / PART).div_ceil(1_000_000);
        seconds.clamp(1, LONGEST)
    }

    fn let_in(&self, account: &Account, weight: usize) -> Result<(Share, Option<Share>), Refused> {
        let place = self.requests.try_take(account).ok_or(Refused::Requests)?;
        if weight == 0 {
            return Ok((place, None));
        }
        let bytes = self.bodies.try_take_many(account, weight);
        Ok((place, Some(bytes.ok_or(Refused::Bytes)?)))
    }
}

/// What there is too much of.
#[derive(Debug, Clone, Copy)]
enum Refused {
    Requests,
    Bytes,
    Runs(Busy),
}

impl Refused {
    const fn reason(self) -> &'static str {
        match self {
            Refused::Requests => "requests",
            Refused::Bytes => "bytes",
            Refused::Runs(_) => "runs",
        }
    }

    fn problem(self, admission: &Admission, keyed: bool) -> Problem {
        let code = if keyed {
            Code::RateLimited
        } else {
            Code::Overloaded
        };
        match self {
            Refused::Requests => Problem::new(
                code,
                "As many requests of this workspace or key are under way as its share of this \
                 host allows. Nothing was done; send it again when some are answered.",
            )
            .retry_after(admission.retry_after()),
            Refused::Bytes => Problem::new(
                code,
                "The requests of this workspace or key that are under way hold as many bytes as \
                 its share of this host allows. Nothing was done; send it again when some are \
                 answered, or with a Content-Length, without which the longest body is reckoned.",
            )
            .retry_after(admission.retry_after()),
            Refused::Runs(busy) => Problem::from(busy),
        }
    }
}

/// The refusal of new runs by the engine.
impl From<Busy> for Problem {
    fn from(busy: Busy) -> Problem {
        let Busy {
            of,
            in_line,
            retry_after,
        } = busy;
        let said = format!(
            "{in_line} runs of this {of} wait to begin, as many as its share of this host allows. \
             Nothing was done; send it again in {retry_after} s, when some have begun."
        );
        Problem::new(Code::RateLimited, said).retry_after(retry_after)
    }
}

/// The layer: behind the gate, which says who asks.
pub(super) async fn admit<F: Future<Output = Response>>(
    app: &App,
    request: Request,
    next: impl FnOnce(Request) -> F,
) -> Response {
    let path = request.uri().path();
    if vital(path) {
        return next(request).await;
    }
    let admission = &app.admission;
    let caller = request.extensions().get::<Caller>();
    let account = account(caller, request.method(), path);
    let admitted = match caller.filter(|_| begins_runs(request.method(), path)) {
        Some(caller) => app.engine.admit(&caller.workspace, None),
        None => Ok(()),
    };
    let admitted = admitted
        .map_err(Refused::Runs)
        .and_then(|()| admission.let_in(&account, weight(&request)));
    let _share = match admitted {
        Ok(share) => share,
        Err(refused) => {
            admission.refuse(refused.reason());
            let keyed = caller.is_some();
            return refused.problem(admission, keyed).into_response();
        }
    };
    let streams = path.ends_with("/timeline");
    let start = Instant::now();
    let response = next(request).await;
    admission.took(start.elapsed());
    // By the engine, which knows the workflow, or by another host.
    if response.status() == StatusCode::TOO_MANY_REQUESTS {
        admission.refuse(if streams { "streams" } else { "runs" });
    }
    response
}

/// On whose behalf a request is.
fn account(caller: Option<&Caller>, method: &Method, path: &str) -> Account {
    match caller {
        Some(caller) if caller.operator && method.is_safe() => Account::new(EVERY, &caller.key),
        Some(caller) => Account::new(&caller.account(), &caller.key),
        // Webhooks of a channel, and pages: the first words of the path.
        None => {
            let mut words = path.split('/').skip(1);
            let first = words.next().unwrap_or_default();
            let second = words.next().unwrap_or_default();
            let second = if first == "hooks" { second } else { "" };
            Account::new(&format!("/{first}"), second)
        }
    }
}

/// Whether a request does nothing but begin runs.
fn begins_runs(method: &Method, path: &str) -> bool {
    let of_workflow = |path: &str| {
        path.strip_prefix("/v1/workflows/")
            .is_some_and(|rest| rest.ends_with("/runs"))
    };
    method == Method::POST && (path == "/v1/events" || of_workflow(path))
}

/// What the body of a request weighs. Without a length the longest is reckoned.
fn weight(request: &Request) -> usize {
    let limit = body_limit(request.uri().path());
    let said = request.headers().get(CONTENT_LENGTH);
    let length = match said.and_then(|length| length.to_str().ok()?.parse::<usize>().ok()) {
        Some(length) => length.min(limit),
        None if request.body().is_end_stream() => 0,
        None => limit,
    };
    length.div_ceil(UNIT)
}

/// Says what the metrics of this layer are.
pub(crate) fn describe() {
    metrics::describe_counter!(REFUSED, "Requests refused for the load, by reason");
}

#[cfg(test)]
#[path = "tests/admission.rs"]
mod tests;
