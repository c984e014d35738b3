//! What needs no key: unsubscribe pages, health, metrics, the OpenAPI document.

use crate::http::app::App;
use crate::http::extract::At;
use crate::http::problem::{Problem, ProblemBody};
use axum::Json;
use axum::extract::State;
use axum::http::{HeaderName, StatusCode, header};
use axum::response::{IntoResponse, Response};
use jackfield_messaging::UnsubscribePage;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(unsubscribe_page, unsubscribe))
        .routes(routes!(healthz))
        .routes(routes!(readyz))
        .routes(routes!(metrics_text))
        .routes(routes!(openapi_document))
}

/// The page is this host's own HTML: its style is inline, its form goes back to it.
const PAGE: &[(HeaderName, &str)] = &[
    (header::CONTENT_TYPE, "text/html; charset=utf-8"),
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; \
         frame-ancestors 'none'; base-uri 'none'",
    ),
];

fn page(page: UnsubscribePage) -> Response {
    let status = StatusCode::from_u16(page.status).unwrap_or(StatusCode::OK);
    let mut response = (status, page.html).into_response();
    for (name, value) in PAGE {
        response
            .headers_mut()
            .insert(name.clone(), header::HeaderValue::from_static(value));
    }
    response
}

/// The page behind an unsubscribe link: asks for confirmation, changes nothing (mail scanners
/// follow links).
#[utoipa::path(
    get, path = "/u/{token}", tag = "contacts-pages",
    params(("token" = String, Path, description = "The signed token of the link")),
    responses(
        (status = 200, description = "The page", body = String, content_type = "text/html"),
        (status = 400, description = "The link is not of this host, or the path cannot be read",
            content((String = "text/html"), (ProblemBody = "application/problem+json")))
    )
)]
async fn unsubscribe_page(State(app): State<App>, At(token): At<String>) -> Response {
    page(app.messaging.unsubscribe().page(&token))
}

/// Unsubscribes: from the page, or by one click (RFC 8058). Doing it again changes nothing.
#[utoipa::path(
    post, path = "/u/{token}", tag = "contacts-pages",
    params(("token" = String, Path, description = "The signed token of the link")),
    responses(
        (status = 200, description = "The page", body = String, content_type = "text/html"),
        (status = 400, description = "The link is not of this host, or the path cannot be read",
            content((String = "text/html"), (ProblemBody = "application/problem+json")))
    )
)]
async fn unsubscribe(State(app): State<App>, At(token): At<String>) -> Result<Response, Problem> {
    Ok(page(app.messaging.unsubscribe().confirm(&token).await?))
}

/// That the host lives.
#[derive(Debug, Serialize, ToSchema)]
struct Health {
    /// `ok`.
    status: &'static str,
    /// The host's version.
    version: &'static str,
}

/// Says that the process lives. It looks at nothing else.
#[utoipa::path(
    get, path = "/healthz", tag = "operation",
    responses((status = 200, description = "It lives", body = Health))
)]
async fn healthz() -> Json<Health> {
    Json(Health {
        status: "ok",
        version: env!("CARGO_PKG_VERSION"),
    })
}

/// Whether the host can do its work.
#[derive(Debug, Serialize, ToSchema)]
struct Readiness {
    /// Whether it can: all checks but `room` are good.
    ready: bool,
    /// Whether new work of some was refused a moment ago, because they ask for too much at once.
    /// Others are served, so such a host is ready all the same.
    refusing: bool,
    /// What was looked at.
    checks: Vec<Check>,
}

/// One thing that was looked at.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = ReadinessCheck)]
pub(crate) struct Check {
    /// `running`, `buckets`, `store`, `disk` or `room`.
    pub(crate) name: &'static str,
    /// Whether it is good.
    pub(crate) ok: bool,
    /// For people: how it is, and where it is not good what to do.
    pub(crate) detail: String,
}

/// Says whether the host can do its work: the database takes writes, there is room on the disk,
/// buckets are owned, the host is not stopping.
///
/// A host that refuses some of what it is asked, because it is asked too much, says so (`refusing`)
/// and is ready: taken out by a load balancer, it would leave its load to the others.
#[utoipa::path(
    get, path = "/readyz", tag = "operation",
    responses(
        (status = 200, description = "It can", body = Readiness),
        (status = 503, description = "It cannot", body = Readiness)
    )
)]
async fn readyz(State(app): State<App>) -> (StatusCode, Json<Readiness>) {
    let mut checks = app.readiness.look(&app).await;
    let ready = checks.iter().all(|check| check.ok);
    let room = crate::http::readiness::room(&app);
    let refusing = !room.ok;
    checks.push(room);
    let status = if ready {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    let readiness = Readiness {
        ready,
        refusing,
        checks,
    };
    (status, Json(readiness))
}

/// The metrics in Prometheus' text format.
#[utoipa::path(
    get, path = "/metrics", tag = "operation",
    responses((status = 200, description = "Metrics", body = String, content_type = "text/plain"))
)]
async fn metrics_text(State(app): State<App>) -> impl IntoResponse {
    // Precise up to 2^53, far more than there are runs.
    #[allow(clippy::cast_precision_loss)]
    metrics::gauge!(crate::telemetry::BURSTS).set(app.engine.bursts() as f64);
    #[allow(clippy::cast_precision_loss)]
    metrics::gauge!(crate::telemetry::BODIES).set(app.admission.body_bytes().0 as f64);
    (
        [(
            header::CONTENT_TYPE,
            "text/plain; version=0.0.4; charset=utf-8",
        )],
        app.metrics.render(),
    )
}

/// This document.
#[utoipa::path(
    get, path = "/openapi.json", tag = "operation",
    responses((status = 200, description = "OpenAPI 3.1", body = Object))
)]
async fn openapi_document() -> impl IntoResponse {
    (
        [
            (header::CONTENT_TYPE, "application/json"),
            (header::CACHE_CONTROL, "public, max-age=300"),
        ],
        crate::http::document_json(),
    )
}
