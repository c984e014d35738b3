//! Blacklists: what comes from them is dropped before anything sees it, what goes to them is
//! suppressed, and both are told.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use jackfield_tests::{Api, Host};
use serde_json::{Value, json};

const TOKEN: &str = "a long random text that both sides share";
const ANN: &str = "+33600000001";
const BOB: &str = "+33600000002";

async fn channel(api: &Api) -> String {
    let channel = json!({"name": "chat", "connector": "custom-channel@1",
        "settings": {"webhook-url": "http://127.0.0.1:9/", "channel-id": "c"},
        "secrets": {"api-token": TOKEN}});
    let made = api.post("/v1/channels", channel).await.ok();
    made["webhook"].as_str().unwrap().to_owned()
}

async fn write(api: &Api, hook: &str, from: &str, id: &str, text: &str) {
    let body = json!({"channelId": "c", "contactId": from, "events": [{
        "type": "message", "mId": id, "timestamp": 1_795_000_000_000_i64,
        "message": {"type": "text", "text": text}}]});
    let answer = api.with_key(TOKEN).post(hook, body).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
}

async fn reasons(api: &Api, contact: &str) -> Vec<String> {
    let all = api
        .all(&format!("/v1/contacts/{contact}/decisions?limit=100"))
        .await;
    let reasons = all.iter().map(|one| one["reason"].as_str().unwrap());
    reasons.map(str::to_owned).collect()
}

#[tokio::test]
async fn what_comes_from_a_blacklisted_address_is_dropped_before_anything_sees_it() {
    let host = Host::start().await;
    let api = &host.api;
    let hook = channel(api).await;
    api.publish(
        "name: heard\ntrigger: {event: message.received}\nsteps:\n  \
         note: {uses: add-comment@1, with: {text: heard}}\n",
    )
    .await;
    api.publish(
        "name: made\ntrigger: {event: contact.created}\nsteps:\n  \
         note: {uses: add-comment@1, with: {text: made}}\n",
    )
    .await;
    let known = json!({"firstname": "Bob", "phone": BOB});
    api.post("/v1/contacts", known).await.ok();
    let before = api.all("/v1/runs?limit=100").await.len();
    let inbound = json!({"direction": "inbound"});
    assert_eq!(api.put("/v1/blacklist/+336000*", inbound).await.status, 201);
    write(api, &hook, ANN, "m1", "hello").await;
    write(api, &hook, ANN, "m1", "hello").await;
    write(api, &hook, BOB, "m2", "hello").await;
    let who = format!("/v1/contacts/phone:{ANN}");
    api.get(&who).await.refused(404, "not-found");
    assert_eq!(api.all("/v1/runs?limit=100").await.len(), before);
    assert_eq!(api.all("/v1/messages?limit=100").await.len(), 0);
    assert_eq!(api.all("/v1/conversations?limit=100").await.len(), 0);
    assert_eq!(reasons(api, &format!("phone:{BOB}")).await, ["blacklisted"]);

    // Whoever wants nothing more is heard all the same.
    write(api, &hook, ANN, "m3", "STOP").await;
    let opted = api
        .all(&format!("/v1/opt-outs?address=%2B{}", &ANN[1..]))
        .await;
    assert_eq!(opted.len(), 1, "{opted:#?}");
    assert_eq!(api.all("/v1/runs?limit=100").await.len(), before);

    // Off the list, the same person is heard.
    assert_eq!(api.delete("/v1/blacklist/+336000*").await.status, 204);
    write(api, &hook, BOB, "m4", "hello").await;
    assert_eq!(api.all("/v1/conversations?limit=100").await.len(), 1);
}

#[tokio::test]
async fn what_goes_to_a_blacklisted_address_is_suppressed() {
    let host = Host::start().await;
    let api = &host.api;
    channel(api).await;
    api.post("/v1/contacts", json!({"firstname": "Ann", "phone": ANN}))
        .await
        .ok();
    let path = format!("/v1/blacklist/{ANN}");
    api.put(&path, json!({"direction": "outbound"})).await.ok();
    let send = |class: &str| {
        json!({"channel": "chat", "to": [ANN], "class": class,
            "content": {"type": "text", "text": "Hello"}})
    };
    for class in ["transactional", "marketing"] {
        let made = api.post("/v1/messages", send(class)).await.ok();
        let id = made["id"].as_str().unwrap();
        let message = api
            .message_until(id, "suppressed", |one| {
                one["state"] == "suppressed" || one["status"] == "suppressed"
            })
            .await;
        assert_eq!(message["reason"], "blacklisted", "{message:#}");
    }
    // One that is closed the other way only may be written to.
    api.put(&path, json!({"direction": "inbound"})).await.ok();
    let made = api.post("/v1/messages", send("transactional")).await.ok();
    let id = made["id"].as_str().unwrap();
    api.message_until(id, "tried", |one| {
        one["reason"] != "blacklisted" && one["attempts"].as_u64().unwrap_or(1) > 0
    })
    .await;
}

#[tokio::test]
async fn entries_are_kept_changed_and_refused() {
    let host = Host::start().await;
    let api = &host.api;
    let made = api
        .put(
            "/v1/blacklist/+33 6 00 00 00 01",
            json!({"note": "at night"}),
        )
        .await;
    assert_eq!(made.status, 201, "{}", made.text);
    assert_eq!(
        (&made.json["address"], &made.json["direction"]),
        (&json!(ANN), &json!("both"))
    );
    let path = format!("/v1/blacklist/{ANN}");
    let changed = api.put(&path, json!({"direction": "inbound"})).await;
    assert_eq!(
        (changed.status, &changed.json["note"]),
        (200, &json!("at night"))
    );
    assert_eq!(api.get(&path).await.ok()["direction"], "inbound");
    for (address, said) in [
        ("*", "is no pattern"),
        ("a*b", "is no pattern"),
        ("ann@", "no mail address"),
        ("+33", "no phone number"),
    ] {
        let problem = api
            .put(&format!("/v1/blacklist/{address}"), Value::Null)
            .await;
        let problem = problem.refused(422, "invalid");
        assert!(problem.to_string().contains(said), "{problem:#}");
    }
    let long = json!({"note": "x".repeat(501)});
    api.put(&path, long).await.refused(422, "invalid");
    api.put(&path, json!({"direction": "out"}))
        .await
        .refused(422, "invalid");
    // Another workspace has a blacklist of its own.
    api.post("/v1/workspaces", json!({"id": "lyon"})).await.ok();
    let lyon = api.in_workspace("lyon");
    lyon.get(&path).await.refused(404, "not-found");
    assert_eq!(lyon.all("/v1/blacklist?limit=100").await.len(), 0);

    host.cli([
        "blacklist",
        "put",
        "*@spam.example",
        "--direction",
        "outbound",
    ])
    .await
    .ok();
    let said = host.cli(["blacklist", "list"]).await.ok();
    assert!(
        said.contains("*@spam.example") && said.contains("outbound"),
        "{said}"
    );
    host.cli(["blacklist", "delete", "*@spam.example"])
        .await
        .ok();
    assert_eq!(api.delete(&path).await.status, 204);
    api.delete(&path).await.refused(404, "not-found");
}
