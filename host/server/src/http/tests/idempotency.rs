//! A POST that is sent twice is done once.

use crate::http::auth::Caller;
use crate::http::idempotency::{KEPT, Replay, RequestKey, Withhold, replay};
use axum::body::Body;
use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Extension, Router};
use jackfield_engine::{Clock as _, SimulatedClock};
use jackfield_store::records::Idempotency;
use jackfield_store::{Commit, SharedStore, SqliteStore, bucket_of, sqlite};
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tempfile::TempDir;
use tokio::sync::{Notify, Semaphore};
use tower::ServiceExt as _;

struct Fixture {
    router: Router,
    store: SharedStore,
    clock: SimulatedClock,
    work: Arc<Work>,
    folder: TempDir,
}

#[derive(Default)]
struct Work {
    done: AtomicUsize,
    begun: Notify,
    gate: Option<Semaphore>,
}

async fn open(folder: &TempDir, clock: &SimulatedClock) -> SharedStore {
    let clock = clock.clone();
    let options = sqlite::Options::new(
        folder.path().join("x.db"),
        "test",
        Arc::new(move || clock.now()),
    );
    Arc::new(SqliteStore::open(options).await.unwrap())
}

async fn work(State(work): State<Arc<Work>>, key: Option<Extension<RequestKey>>) -> Response {
    work.begun.notify_one();
    if let Some(gate) = &work.gate {
        gate.acquire().await.unwrap().forget();
    }
    let count = work.done.fetch_add(1, Ordering::SeqCst) + 1;
    let key = key.map(|Extension(key)| key.0);
    (
        axum::http::StatusCode::CREATED,
        axum::Json(json!({"count": count, "key": key})),
    )
        .into_response()
}

async fn refuse(State(work): State<Arc<Work>>) -> Response {
    work.done.fetch_add(1, Ordering::SeqCst);
    axum::http::StatusCode::UNPROCESSABLE_ENTITY.into_response()
}

async fn secret(State(work): State<Arc<Work>>) -> (Extension<Withhold>, &'static str) {
    work.done.fetch_add(1, Ordering::SeqCst);
    (Extension(Withhold), "jf_secret")
}

async fn layer(State(answers): State<Arc<Replay>>, request: Request, next: Next) -> Response {
    let answered = replay(&answers, request, |request| next.run(request)).await;
    answered.into_response()
}

fn router(store: &SharedStore, clock: &SimulatedClock, state: &Arc<Work>) -> Router {
    let answers = Arc::new(Replay::new(store.clone(), Arc::new(clock.clone())));
    let caller = Caller {
        key: "k".to_owned(),
        workspace: "main".to_owned(),
        operator: false,
        organisation: None,
        scopes: Arc::from([]),
    };
    Router::new()
        .route("/work", post(work))
        .route("/refuse", post(refuse))
        .route("/secret", post(secret))
        .with_state(state.clone())
        .layer(from_fn_with_state(answers, layer))
        .layer(Extension(caller))
}

async fn fixture(gate: Option<Semaphore>) -> Fixture {
    let folder = tempfile::tempdir().unwrap();
    let clock = SimulatedClock::at(1_000_000);
    let store = open(&folder, &clock).await;
    let work = Arc::new(Work {
        gate,
        ..Work::default()
    });
    Fixture {
        router: router(&store, &clock, &work),
        store,
        clock,
        work,
        folder,
    }
}

async fn send(router: &Router, path: &str, key: &str, body: &str) -> (u16, bool, Value) {
    let request = Request::post(path)
        .header("idempotency-key", key)
        .header("content-type", "application/json")
        .body(Body::from(body.to_owned()))
        .unwrap();
    let response = router.clone().oneshot(request).await.unwrap();
    let status = response.status().as_u16();
    let replayed = response.headers().get("idempotency-replayed").is_some();
    let bytes = axum::body::to_bytes(response.into_body(), 1 << 20)
        .await
        .unwrap();
    (
        status,
        replayed,
        serde_json::from_slice(&bytes).unwrap_or_default(),
    )
}

#[tokio::test]
async fn the_same_request_gets_the_same_answer_and_is_done_once() {
    let fixture = fixture(None).await;
    let first = send(&fixture.router, "/work", "a", "{}").await;
    assert_eq!(first, (201, false, json!({"count": 1, "key": "a"})));
    let second = send(&fixture.router, "/work", "a", "{}").await;
    assert_eq!(second, (201, true, json!({"count": 1, "key": "a"})));
    assert_eq!(fixture.work.done.load(Ordering::SeqCst), 1);
    assert_eq!(
        send(&fixture.router, "/work", "b", "{}").await.2["count"],
        2
    );
}

#[tokio::test]
async fn another_request_with_the_same_key_is_refused() {
    let fixture = fixture(None).await;
    send(&fixture.router, "/work", "a", "{}").await;
    for (path, body) in [
        ("/work", "{\"x\": 1}"),
        ("/work?x=1", "{}"),
        ("/secret", "{}"),
    ] {
        let (status, _, body) = send(&fixture.router, path, "a", body).await;
        assert_eq!(
            (status, &body["code"]),
            (422, &json!("idempotency-key-reused")),
            "{path}"
        );
    }
    assert_eq!(fixture.work.done.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_repetition_while_the_first_is_under_way_is_told_so() {
    let fixture = fixture(Some(Semaphore::new(0))).await;
    let router = fixture.router.clone();
    let first = tokio::spawn(async move { send(&router, "/work", "a", "{}").await });
    fixture.work.begun.notified().await;
    let (status, _, body) = send(&fixture.router, "/work", "a", "{}").await;
    assert_eq!((status, &body["code"]), (409, &json!("in-progress")));
    let (_, _, body) = send(&fixture.router, "/work", "a", "[]").await;
    assert_eq!(body["code"], "idempotency-key-reused");
    fixture.work.gate.as_ref().unwrap().add_permits(1);
    assert_eq!(first.await.unwrap().0, 201);
    assert!(send(&fixture.router, "/work", "a", "{}").await.1);
}

#[tokio::test]
async fn a_refusal_frees_the_key() {
    let fixture = fixture(None).await;
    for _ in 0..2 {
        assert_eq!(send(&fixture.router, "/refuse", "a", "{}").await.0, 422);
    }
    assert_eq!(fixture.work.done.load(Ordering::SeqCst), 2);
    assert_eq!(send(&fixture.router, "/work", "a", "{}").await.0, 201);
}

#[tokio::test]
async fn an_answer_with_a_secret_is_not_kept() {
    let fixture = fixture(None).await;
    assert_eq!(send(&fixture.router, "/secret", "a", "{}").await.0, 200);
    let (status, _, body) = send(&fixture.router, "/secret", "a", "{}").await;
    assert_eq!((status, &body["code"]), (409, &json!("answer-not-kept")));
    assert_eq!(fixture.work.done.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn answers_outlive_a_restart() {
    let fixture = fixture(None).await;
    send(&fixture.router, "/work", "a", "{}").await;
    fixture.store.close().await;
    drop(fixture.router);
    drop(fixture.store);
    let store = open(&fixture.folder, &fixture.clock).await;
    let again = router(&store, &fixture.clock, &fixture.work);
    let (status, replayed, _) = send(&again, "/work", "a", "{}").await;
    assert_eq!((status, replayed), (201, true));
    assert_eq!(fixture.work.done.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_request_of_an_earlier_life_without_an_answer_is_carried_out_with_its_key() {
    let fixture = fixture(None).await;
    // The same request, so that its fingerprint is known.
    send(&fixture.router, "/work", "a", "{}").await;
    let bucket = bucket_of(fixture.store.buckets(), &["main", "a"]);
    let row = jackfield_store::StoreExt::first(
        &*fixture.store,
        jackfield_store::Query::<Idempotency>::of(bucket),
    );
    let row = row.await.unwrap().unwrap();
    let mut commit = Commit::of(bucket);
    commit.put(&Idempotency {
        answer: Value::Null,
        ..row
    });
    fixture.store.commit(commit).await.unwrap();
    let (status, replayed, body) = send(&fixture.router, "/work", "a", "{}").await;
    assert_eq!(
        (status, replayed, body),
        (201, false, json!({"count": 2, "key": "a"}))
    );
}

#[tokio::test]
async fn a_key_is_good_again_after_a_day_and_swept() {
    let fixture = fixture(None).await;
    send(&fixture.router, "/work", "a", "{}").await;
    fixture.clock.advance(KEPT + 1);
    let (_, replayed, body) = send(&fixture.router, "/work", "a", "[]").await;
    assert_eq!((replayed, &body["count"]), (false, &json!(2)));
    fixture.clock.advance(KEPT + 1);
    let answers = Replay::new(fixture.store.clone(), Arc::new(fixture.clock.clone()));
    assert_eq!(answers.sweep().await.unwrap(), 1);
    assert_eq!(answers.sweep().await.unwrap(), 0);
}
