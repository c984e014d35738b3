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
pub(crate) mod webhooks;

use app::App;
use auth::Gate;
use axum::Router;
use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse as _, Response};
use layers::Bounds;
use std::sync::{Arc, LazyLock};
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
    let around = Arc::new(Around {
        app: app.clone(),
        gate: Gate::new(app.access.clone(), openapi::needs(document())),
        bounds,
    });
    let (router, _) = routes::all(openapi::blank()).split_for_parts();
    router
        .fallback(layers::unknown_route)
        .method_not_allowed_fallback(layers::wrong_method)
        .with_state(app.clone())
        .layer(from_fn_with_state(around, surround))
}

/// What surrounds a route.
struct Around {
    app: App,
    gate: Gate,
    bounds: Bounds,
}

/// All that surrounds a route, from the outside in. One layer and not eight: for every request each
/// layer of a router is copied, with all that are below it.
async fn surround(State(around): State<Arc<Around>>, request: Request, next: Next) -> Response {
    let app = &around.app;
    let route = {
        let around = around.clone();
        async move |request| behind_the_gate(&around, request, next).await
    };
    layers::observe(request, |request| {
        stopping::turn_away(app, request, |request| {
            layers::bound(&around.bounds, request, |request| {
                layers::detach(&app.tasks, request, route)
            })
        })
    })
    .await
}

async fn behind_the_gate(around: &Around, request: Request, next: Next) -> Response {
    let app = &around.app;
    auth::gate(&around.gate, request, |request| {
        admission::admit(app, request, async |request| {
            let answered = idempotency::replay(&app.replay, request, async |request| {
                let answered = forward::elsewhere(app, request, |request| next.run(request));
                answered.await.into_response()
            });
            answered.await.into_response()
        })
    })
    .await
}

#[cfg(test)]
mod tests;
