//! What surrounds every request.

use super::Fixture;
use crate::http::layers::{Bounds, bound, detach, observe, unknown_route};
use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::Response;
use axum::routing::{get, post};
use reqwest::Method;
use serde_json::Value;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;
use tokio_util::task::TaskTracker;
use tower::ServiceExt as _;

async fn explode() -> &'static str {
    panic!("the secret is hunter2")
}

async fn for_ever() {
    std::future::pending::<()>().await;
}

fn router(bounds: Bounds) -> Router {
    Router::new()
        .route("/explode", get(explode).post(explode))
        .route("/for-ever", get(for_ever))
        .fallback(unknown_route)
        .layer(from_fn(in_a_task))
        .layer(from_fn_with_state(bounds, bounded))
        .layer(from_fn(async |request: Request, next: Next| {
            observe(request, |request| next.run(request)).await
        }))
}

async fn in_a_task(request: Request, next: Next) -> Response {
    detach(&TaskTracker::new(), request, async |request| {
        next.run(request).await
    })
    .await
}

async fn bounded(State(bounds): State<Bounds>, request: Request, next: Next) -> Response {
    bound(&bounds, request, |request| next.run(request)).await
}

async fn body(response: Response) -> Value {
    let bytes = axum::body::to_bytes(response.into_body(), 1 << 20)
        .await
        .unwrap();
    serde_json::from_slice(&bytes).unwrap()
}

#[tokio::test]
async fn a_panic_becomes_a_problem_that_tells_nothing_of_it() {
    let router = router(Bounds::new(1, Duration::from_secs(5)));
    for method in ["GET", "POST"] {
        let request = Request::builder()
            .method(method)
            .uri("/explode")
            .body(Body::empty());
        let response = router.clone().oneshot(request.unwrap()).await.unwrap();
        assert_eq!(response.status(), 500, "{method}");
        let body = body(response).await;
        assert_eq!(body["code"], "internal");
        assert!(!body.to_string().contains("hunter2"), "{body}");
        assert!(body["request-id"].as_str().unwrap().starts_with("req_"));
    }
}

#[tokio::test]
async fn a_request_that_takes_too_long_is_answered() {
    let router = router(Bounds::new(1, Duration::from_millis(1)));
    let response = router
        .oneshot(Request::get("/for-ever").body(Body::empty()).unwrap())
        .await
        .unwrap();
    assert_eq!(response.status(), 504);
    assert_eq!(body(response).await["code"], "timeout");
}

#[tokio::test]
async fn more_requests_than_places_are_refused_at_once() {
    let router = router(Bounds::new(0, Duration::from_secs(5)));
    let response = router
        .oneshot(Request::get("/explode").body(Body::empty()).unwrap())
        .await
        .unwrap();
    assert_eq!(response.status(), 503);
    assert_eq!(response.headers()["retry-after"], "1");
    assert_eq!(body(response).await["code"], "overloaded");
}

#[tokio::test]
async fn what_changes_something_goes_on_when_the_caller_hangs_up() {
    let (begun, done) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let go = Arc::new(Notify::new());
    let route = {
        let (begun, done, go) = (begun.clone(), done.clone(), go.clone());
        post(async move || {
            begun.notify_one();
            go.notified().await;
            done.notify_one();
        })
    };
    let router = Router::new()
        .route("/work", route)
        .layer(from_fn(in_a_task));
    let request = Request::post("/work").body(Body::empty()).unwrap();
    let caller = tokio::spawn(router.oneshot(request));
    begun.notified().await;
    caller.abort();
    go.notify_one();
    done.notified().await;
}

#[tokio::test]
async fn every_answer_has_an_id_and_security_headers() {
    let fixture = Fixture::new().await;
    for path in ["/healthz", "/v1/runs", "/nothing", "/u/x", "/openapi.json"] {
        let response = fixture.bare(Method::GET, path).send().await.unwrap();
        let headers = response.headers();
        assert_eq!(headers["x-content-type-options"], "nosniff", "{path}");
        assert_eq!(headers["x-frame-options"], "DENY", "{path}");
        assert!(headers.contains_key("content-security-policy"), "{path}");
        assert!(headers.contains_key("referrer-policy"), "{path}");
        assert!(
            headers["x-request-id"]
                .to_str()
                .unwrap()
                .starts_with("req_"),
            "{path}"
        );
    }
    let given = fixture
        .bare(Method::GET, "/healthz")
        .header("x-request-id", "trace-7");
    assert_eq!(
        given.send().await.unwrap().headers()["x-request-id"],
        "trace-7"
    );
    let odd = fixture
        .bare(Method::GET, "/healthz")
        .header("x-request-id", "a b");
    assert!(odd.send().await.unwrap().headers()["x-request-id"] != "a b");
}
