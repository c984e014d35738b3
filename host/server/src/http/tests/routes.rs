//! The routes together, as far as that goes without plugins; what plugins do is tried end to end.

use super::Fixture;
use reqwest::Method;
use serde_json::{Value, json};

#[tokio::test]
async fn a_draft_is_kept_validated_listed_and_deleted() {
    let fixture = Fixture::new().await;
    let put = fixture
        .request(Method::PUT, "/v1/workflows/waits?priority=5")
        .header("content-type", "application/yaml; charset=utf-8")
        .body(super::WAITS);
    assert_eq!(put.send().await.unwrap().status(), 200);
    let (_, shown) = fixture.get("/v1/workflows/waits").await;
    assert_eq!(
        (&shown["state"], &shown["priority"]),
        (&json!("draft"), &json!(5)),
        "{shown}"
    );
    assert_eq!(shown["source"], super::WAITS);
    let (_, list) = fixture.get("/v1/workflows").await;
    assert_eq!(
        (&list["items"][0]["name"], &list["next"]),
        (&json!("waits"), &Value::Null)
    );

    let validate = fixture
        .request(Method::POST, "/v1/validate/workflow")
        .header("content-type", "application/yaml")
        .body(super::WAITS);
    let (_, found) = super::read(validate.send().await.unwrap()).await;
    assert_eq!(
        found["valid"], false,
        "no plugin `wait` is installed: {found}"
    );
    let (status, body) = fixture.post("/v1/workflows/waits/publish", json!({})).await;
    assert_eq!((status, &body["code"]), (422, &json!("invalid-document")));
    let (status, body) = fixture.post("/v1/workflows/waits/runs", json!({})).await;
    assert_eq!((status, &body["code"]), (409, &json!("conflict")), "{body}");

    let gone = fixture
        .request(Method::DELETE, "/v1/workflows/waits")
        .send()
        .await
        .unwrap();
    assert_eq!(gone.status(), 204);
    assert_eq!(fixture.get("/v1/workflows/waits").await.0, 404);
}

#[tokio::test]
async fn an_event_is_accepted_once_for_a_contact_that_it_makes() {
    let fixture = Fixture::new().await;
    let event = json!({"name": "call.ended", "contact": "phone:+33612345678",
        "data": {"call": {"status": "missed"}}, "account": "paris"});
    let send = || {
        fixture
            .request(Method::POST, "/v1/events")
            .header("idempotency-key", "call-1")
            .json(&event)
            .send()
    };
    let (status, first) = super::read(send().await.unwrap()).await;
    assert_eq!(status, 202, "{first}");
    assert!(first["id"].as_str().unwrap().starts_with("evt_"));
    assert_eq!(
        (&first["runs"], &first["skipped"]),
        (&json!([]), &json!([]))
    );
    let again = send().await.unwrap();
    assert_eq!(again.headers()["idempotency-replayed"], "true");
    assert_eq!(super::read(again).await.1, first);

    let (status, contact) = fixture.get("/v1/contacts/phone:+33612345678").await;
    assert_eq!((status, &contact["id"]), (200, &first["contact"]));
    let body =
        json!({"name": "order.paid", "contact": {"email": "ada@example.com", "firstname": "Ada"}});
    let (status, paid) = fixture.post("/v1/events", body).await;
    assert_eq!(status, 202, "{paid}");
    let (_, contact) = fixture.get("/v1/contacts/email:ada@example.com").await;
    assert_eq!(contact["firstname"], "Ada", "{contact}");
    let (status, body) = fixture
        .post("/v1/events", json!({"name": "message.received"}))
        .await;
    assert_eq!((status, &body["errors"][0]["path"]), (422, &json!("/name")));
}

#[tokio::test]
async fn contacts_are_made_changed_tagged_blocked_and_deleted() {
    let fixture = Fixture::new().await;
    let (status, field) = fixture
        .send(
            Method::PUT,
            "/v1/contact-fields/city",
            json!({"kind": "text"}),
        )
        .await;
    assert_eq!(status, 200, "{field}");
    let fields = json!({"firstname": "Ada", "phone": "+33612345678", "city": "Lyon"});
    let (status, contact) = fixture.post("/v1/contacts", fields).await;
    assert_eq!(
        (status, &contact["city"]),
        (201, &json!("Lyon")),
        "{contact}"
    );
    let path = "/v1/contacts/phone:+33612345678";
    let (status, contact) = fixture
        .send(Method::PATCH, path, json!({"city": null}))
        .await;
    assert_eq!((status, contact.get("city")), (200, None), "{contact}");
    let (_, contact) = fixture
        .post(&format!("{path}/tags"), json!({"add": ["vip"]}))
        .await;
    assert_eq!(contact["tags"], json!(["vip"]));
    let (_, contact) = fixture.post(&format!("{path}/block"), json!({})).await;
    assert_eq!(contact["blocked"], true);
    let (_, list) = fixture.get("/v1/contacts?search=ada").await;
    assert_eq!(list["items"].as_array().unwrap().len(), 1, "{list}");
    assert_eq!(fixture.get(&format!("{path}/decisions")).await.0, 200);
    let gone = fixture.request(Method::DELETE, path).send().await.unwrap();
    assert_eq!(gone.status(), 204);
    assert_eq!(fixture.get(path).await.0, 404);
    let (status, body) = fixture.get("/v1/contacts/nobody").await;
    assert_eq!(status, 422, "{body}");
}

#[tokio::test]
async fn pages_of_contacts_follow_one_another() {
    let fixture = Fixture::new().await;
    for number in 0..5 {
        let fields = json!({"phone": format!("+3361234567{number}")});
        assert_eq!(fixture.post("/v1/contacts", fields).await.0, 201);
    }
    let (mut seen, mut path) = (Vec::new(), "/v1/contacts?limit=2".to_owned());
    loop {
        let (_, page) = fixture.get(&path).await;
        seen.extend(
            page["items"]
                .as_array()
                .unwrap()
                .iter()
                .map(|it| it["id"].to_string()),
        );
        let Some(next) = page["next"].as_str() else {
            break;
        };
        path = format!("/v1/contacts?limit=2&cursor={next}");
    }
    let count = seen.len();
    seen.sort();
    seen.dedup();
    assert_eq!((count, seen.len()), (5, 5));
}

#[tokio::test]
async fn a_secret_is_set_and_listed_and_never_shown() {
    let fixture = Fixture::new().await;
    let (status, _) = fixture
        .send(
            Method::PUT,
            "/v1/secrets/crm-token",
            json!({"value": "hunter2-hunter2"}),
        )
        .await;
    assert_eq!(status, 204);
    let (_, list) = fixture.get("/v1/secrets").await;
    assert_eq!(list["items"][0]["name"], "crm-token");
    assert!(!list.to_string().contains("hunter2"));
    let gone = fixture
        .request(Method::DELETE, "/v1/secrets/crm-token")
        .send()
        .await
        .unwrap();
    assert_eq!(gone.status(), 204);
}

#[tokio::test]
async fn a_template_is_kept_and_previewed() {
    let fixture = Fixture::new().await;
    let body = json!({"subject": "Hi ${contact.firstname|you}", "html": "<p>Hi $contact.firstname: $call.why</p>"});
    assert_eq!(
        fixture
            .send(Method::PUT, "/v1/templates/missed", body)
            .await
            .0,
        200
    );
    let values = json!({"values": {"contact": {"firstname": "<Ada>"}}});
    let (status, shown) = fixture.post("/v1/templates/missed/preview", values).await;
    assert_eq!(status, 200, "{shown}");
    assert_eq!(shown["subject"], "Hi <Ada>");
    assert_eq!(shown["html"], "<p>Hi &lt;Ada&gt;: $call.why</p>");
    assert_eq!(shown["warnings"][0]["variable"], "call.why", "{shown}");
}

#[tokio::test]
async fn opt_outs_are_added_listed_and_taken_back() {
    let fixture = Fixture::new().await;
    for number in 0..3 {
        let body = json!({"address": format!("+3361234567{number}")});
        let (status, answer) = fixture.post("/v1/opt-outs", body).await;
        assert_eq!(
            (status, &answer["changed"]),
            (200, &json!(true)),
            "{answer}"
        );
    }
    let (_, first) = fixture.get("/v1/opt-outs?limit=2").await;
    assert_eq!(first["items"].as_array().unwrap().len(), 2, "{first}");
    let next = first["next"].as_str().unwrap();
    let (_, second) = fixture
        .get(&format!("/v1/opt-outs?limit=2&cursor={next}"))
        .await;
    assert_eq!(second["items"][0]["address"], "+33612345672", "{second}");
    assert_eq!(second["next"], Value::Null);
    let body = json!({"address": "+33612345670"});
    let (_, answer) = fixture.post("/v1/opt-outs/clear", body.clone()).await;
    assert!(answer["items"][0]["cleared-at"].is_number(), "{answer}");
    assert_eq!(fixture.post("/v1/opt-outs/clear", body).await.0, 404);
}

#[tokio::test]
async fn settings_of_a_workspace_are_merged() {
    let fixture = Fixture::new().await;
    let change = json!({"settings": {"time-zone": "Europe/Paris"}});
    let (status, shown) = fixture
        .send(Method::PATCH, "/v1/workspaces/main", change)
        .await;
    assert_eq!(
        (status, &shown["effective"]["time-zone"]),
        (200, &json!("Europe/Paris")),
        "{shown}"
    );
    let wrong = json!({"settings": {"time-zone": "Mars/Base"}});
    let (status, body) = fixture
        .send(Method::PATCH, "/v1/workspaces/main", wrong)
        .await;
    assert_eq!(
        (status, &body["errors"][0]["path"]),
        (422, &json!("/time-zone")),
        "{body}"
    );
}

#[tokio::test]
async fn what_needs_no_key_answers_without_one() {
    let fixture = Fixture::new().await;
    let get = |path: &str| fixture.bare(Method::GET, path).send();
    let (status, health) = super::read(get("/healthz").await.unwrap()).await;
    assert_eq!((status, &health["status"]), (200, &json!("ok")));
    let (status, ready) = super::read(get("/readyz").await.unwrap()).await;
    assert_eq!((status, &ready["ready"]), (200, &json!(true)), "{ready}");
    let metrics = get("/metrics").await.unwrap().text().await.unwrap();
    assert!(
        metrics.contains("jackfield_http_requests_total"),
        "{metrics}"
    );
    assert!(
        metrics.contains("jackfield_store_commit_seconds_bucket"),
        "{metrics}"
    );
    let (_, schema) = super::read(get("/v1/schemas/workflow").await.unwrap()).await;
    assert!(schema["properties"]["steps"].is_object());
    let page = get("/u/forged.token").await.unwrap();
    assert_eq!(page.status(), 400);
    assert!(
        page.headers()["content-type"]
            .to_str()
            .unwrap()
            .starts_with("text/html")
    );
    let hook = fixture
        .bare(Method::POST, "/hooks/chn_none")
        .body("x")
        .send()
        .await
        .unwrap();
    assert_eq!(hook.status(), 404);
    let document = get("/openapi.json").await.unwrap().text().await.unwrap();
    assert_eq!(document, crate::http::document_json());
}

#[tokio::test]
async fn a_host_whose_disk_is_nearly_full_is_not_ready_and_says_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let mut options = crate::Options::in_folder(folder.path());
    options.max_activations = Some(2);
    // No disk has so much room.
    options.load.disk_reserve = u64::MAX;
    let host = crate::serve(&options).await.unwrap();
    let asked = reqwest::get(format!("{}/readyz", host.url())).await;
    let (status, readiness) = super::read(asked.unwrap()).await;
    assert_eq!((status, &readiness["ready"]), (503, &json!(false)));
    for check in readiness["checks"].as_array().unwrap() {
        let disk = check["name"] == "disk";
        assert_eq!(check["ok"], !disk, "{readiness:#}");
        let said = check["detail"].as_str().unwrap();
        assert_eq!(said.contains("make room"), disk, "{said}");
    }
    host.stop().await;
}

#[tokio::test]
async fn a_host_stops_in_good_order_and_starts_again_with_the_same_keys() {
    let folder = tempfile::tempdir().unwrap();
    let mut options = crate::Options::in_folder(folder.path());
    options.max_activations = Some(2);
    let host = crate::serve(&options).await.unwrap();
    let written = host.operator_key.clone().unwrap();
    let key = std::fs::read_to_string(&written).unwrap();
    host.stop().await;
    let host = crate::serve(&options).await.unwrap();
    assert_eq!(host.operator_key, None, "nothing twice");
    assert_eq!(std::fs::read_to_string(&written).unwrap(), key);
    let sent = reqwest::Client::new().get(format!("{}/v1/runs", host.url()));
    assert_eq!(
        sent.bearer_auth(key.trim()).send().await.unwrap().status(),
        200
    );
    host.stop().await;
}
