//! Who may call what.

use super::{Fixture, read};
use reqwest::Method;
use serde_json::{Value, json};

async fn with(fixture: &Fixture, key: &str, path: &str) -> (u16, Value) {
    read(
        fixture
            .bare(Method::GET, path)
            .bearer_auth(key)
            .send()
            .await
            .unwrap(),
    )
    .await
}

#[tokio::test]
async fn a_request_without_a_good_key_is_refused() {
    let fixture = Fixture::new().await;
    let sent = fixture.bare(Method::GET, "/v1/runs").send().await.unwrap();
    assert_eq!(sent.headers()["www-authenticate"], "Bearer");
    assert_eq!(read(sent).await.1["code"], "unauthenticated");

    let basic = fixture
        .bare(Method::GET, "/v1/runs")
        .basic_auth("a", Some("b"));
    assert_eq!(
        read(basic.send().await.unwrap()).await.1["code"],
        "invalid-key"
    );
    for key in ["", "x", "jf_0011223344556677_00112233445566778899"] {
        let (status, body) = with(&fixture, key, "/v1/runs").await;
        assert_eq!(
            (status, &body["code"]),
            (401, &json!("invalid-key")),
            "{key}"
        );
    }
    // The right id with another secret.
    let mut wrong = fixture.key.clone();
    let last = if wrong.ends_with('0') { "1" } else { "0" };
    wrong.replace_range(wrong.len() - 1.., last);
    assert_eq!(
        with(&fixture, &wrong, "/v1/runs").await.1["code"],
        "invalid-key"
    );
    assert_eq!(with(&fixture, &fixture.key, "/v1/runs").await.0, 200);
}

#[tokio::test]
async fn an_expired_and_a_revoked_key_are_refused_as_such() {
    let fixture = Fixture::new().await;
    let old = fixture.key("main", &["runs:read"], Some(1)).await;
    assert_eq!(
        with(&fixture, &old, "/v1/runs").await.1["code"],
        "expired-key"
    );

    let made = json!({"name": "x", "scopes": ["runs:read"], "expires-in": "90d"});
    let (status, made) = fixture.post("/v1/keys", made).await;
    assert_eq!(status, 201, "{made}");
    let key = made["key"].as_str().unwrap();
    assert_eq!(with(&fixture, key, "/v1/runs").await.0, 200);
    let path = format!("/v1/keys/{}", made["id"].as_str().unwrap());
    let revoked = fixture.request(Method::DELETE, &path).send().await.unwrap();
    assert_eq!(revoked.status(), 204);
    assert_eq!(
        with(&fixture, key, "/v1/runs").await.1["code"],
        "revoked-key"
    );
}

#[tokio::test]
async fn a_key_may_do_what_its_scopes_say() {
    let fixture = Fixture::new().await;
    let key = fixture.key("main", &["runs:read"], None).await;
    assert_eq!(with(&fixture, &key, "/v1/runs").await.0, 200);
    let (status, body) = with(&fixture, &key, "/v1/workflows").await;
    assert_eq!((status, &body["code"]), (403, &json!("missing-scope")));
    assert!(
        body["detail"].as_str().unwrap().contains("workflows:read"),
        "{body}"
    );
}

#[tokio::test]
async fn a_key_opens_its_own_workspace_and_an_operators_key_every_one() {
    let fixture = Fixture::new().await;
    let (status, body) = fixture.post("/v1/workspaces", json!({"id": "shop"})).await;
    assert_eq!(status, 201, "{body}");
    let put = fixture
        .request(Method::PUT, "/v1/workflows/waits")
        .header("jackfield-workspace", "shop")
        .header("content-type", "application/yaml")
        .body(super::WAITS);
    assert_eq!(put.send().await.unwrap().status(), 200);
    assert_eq!(
        fixture.get("/v1/workflows/waits").await.0,
        404,
        "main must not see it"
    );

    let own = fixture.key("shop", &["*"], None).await;
    assert_eq!(with(&fixture, &own, "/v1/workflows/waits").await.0, 200);
    let other = fixture
        .bare(Method::GET, "/v1/workflows")
        .bearer_auth(&own)
        .header("jackfield-workspace", "main");
    assert_eq!(
        read(other.send().await.unwrap()).await.1["code"],
        "other-workspace"
    );
    let (_, body) = with(&fixture, &own, "/v1/workspaces").await;
    assert_eq!(body["items"].as_array().unwrap().len(), 1, "{body}");
    assert_eq!(
        with(&fixture, &own, "/v1/workspaces/main").await.1["code"],
        "other-workspace"
    );

    let none = fixture
        .request(Method::GET, "/v1/runs")
        .header("jackfield-workspace", "none");
    assert_eq!(read(none.send().await.unwrap()).await.0, 404);
}

#[tokio::test]
async fn a_key_cannot_make_one_that_may_do_more() {
    let fixture = Fixture::new().await;
    let key = fixture
        .key("main", &["keys:admin", "runs:read"], None)
        .await;
    let post = |body: Value| {
        fixture
            .bare(Method::POST, "/v1/keys")
            .bearer_auth(&key)
            .json(&body)
            .send()
    };
    let more = post(json!({"name": "x", "scopes": ["runs:write"]}))
        .await
        .unwrap();
    assert_eq!(read(more).await.1["code"], "missing-scope");
    let operator = post(json!({"name": "x", "scopes": ["runs:read"], "operator": true})).await;
    assert_eq!(read(operator.unwrap()).await.1["code"], "operator-only");
    let unknown = post(json!({"name": "x", "scopes": ["runs:reed"]}))
        .await
        .unwrap();
    let (status, body) = read(unknown).await;
    assert_eq!(
        (status, &body["errors"][0]["suggestion"]),
        (422, &json!("runs:read")),
        "{body}"
    );
    let same = post(json!({"name": "x", "scopes": ["runs:read"]}))
        .await
        .unwrap();
    assert_eq!(read(same).await.0, 201);
}

#[tokio::test]
async fn no_secret_of_a_key_is_listed_or_stored() {
    let fixture = Fixture::new().await;
    let (_, made) = fixture
        .post("/v1/keys", json!({"name": "x", "scopes": ["*"]}))
        .await;
    let secret = made["key"]
        .as_str()
        .unwrap()
        .rsplit('_')
        .next()
        .unwrap()
        .to_owned();
    let (_, list) = fixture.get("/v1/keys").await;
    assert!(!list.to_string().contains(&secret));
    assert_eq!(list["items"].as_array().unwrap().len(), 2);
    assert!(list["items"][0].get("hash").is_none());
}

#[tokio::test]
async fn the_last_operators_key_cannot_be_revoked() {
    let fixture = Fixture::new().await;
    let id = fixture.key.split('_').nth(1).unwrap();
    let sent = fixture
        .request(Method::DELETE, &format!("/v1/keys/{id}"))
        .send()
        .await
        .unwrap();
    assert_eq!(read(sent).await.1["code"], "conflict");
}
