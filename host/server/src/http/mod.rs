//! The HTTP API: routes, what surrounds each request, and the OpenAPI document of both.
//!
//! `problem` is how it refuses, `auth` who may call what, `admission` how much at once, `layers` what
//! happens to every request,
//! `routes` the things of the API. A route is declared once, beside its handler; router, document
//! and the enforced scopes come from that declaration.

pub mod admission;
pub mod app;
pub mod auth;
pub mod extract;
pub mod forward;
pub mod idempotency;
pub mod json;
pub mod key;
pub mod layers;
pub mod openapi;
pub mod paging;
pub mod problem;
pub mod readiness;
mod refusals;
mod routes;
pub mod scopes;
mod stopping;
pub mod views;

use app::App;
use auth::Gate;
use axum::Router;
use axum::middleware::{from_fn, from_fn_with_state};
use layers::Bounds;
use std::sync::LazyLock;
use utoipa::openapi::OpenApi;

static DOCUMENT: LazyLock<OpenApi> = LazyLock::new(|| {
    let (_, mut document) = routes::all(openapi::blank()).split_for_parts();
    openapi::finish(&mut document);
    document
});

/// The OpenAPI document.
#[must_use]
pub fn document() -> &'static OpenApi {
    &DOCUMENT
}

/// The OpenAPI document as it is served and kept in the repository.
#[must_use]
pub fn document_json() -> String {
    let mut text = serde_json::to_string_pretty(document()).unwrap_or_default();
    text.push('\n');
    text
}

/// The routes without what surrounds them, for requests that another host hands on.
pub fn desk(app: &App) -> forward::Desk {
    let (router, _) = routes::all(openapi::blank()).split_for_parts();
    forward::Desk::new(router.with_state(app.clone()))
}

/// The service of a host.
pub fn router(app: &App, bounds: Bounds) -> Router {
    let gate = Gate::new(app.access.clone(), openapi::needs(document()));
    let (router, _) = routes::all(openapi::blank()).split_for_parts();
    // The last layer is the outermost.
    router
        .fallback(layers::unknown_route)
        .method_not_allowed_fallback(layers::wrong_method)
        .with_state(app.clone())
        .layer(from_fn_with_state(app.clone(), forward::elsewhere))
        .layer(from_fn_with_state(app.replay.clone(), idempotency::replay))
        .layer(from_fn_with_state(app.clone(), admission::admit))
        .layer(from_fn_with_state(gate, auth::gate))
        .layer(from_fn_with_state(app.tasks.clone(), layers::detach))
        .layer(from_fn_with_state(bounds, layers::bound))
        .layer(from_fn_with_state(app.clone(), stopping::turn_away))
        .layer(from_fn(layers::observe))
}

#[cfg(test)]
mod tests;
