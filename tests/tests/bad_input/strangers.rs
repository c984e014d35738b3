//! Ids of another workspace: on every route that takes one they do not exist.

use crate::state::{everything, is_one_of, none, operations, same};
use jackfield_tests::{Host, until};
use serde_json::{Value, json};
use std::collections::BTreeMap;

const PAUSE: &str = "name: pause\ntrigger: {event: pause.wanted}\nsteps:\n  \
                     pause: {uses: wait@1, with: {for: 1h}}\n";
const FORM: &str = "name: form\ntriggers: [{event: webhook}, {event: shortcut, title: Rest}]\nsteps:\n  \
                    pause: {uses: wait@1, with: {for: 1h}}\n";
const ANN: &str = "email:ann@example.com";

/// One of everything in `main`; gives what stands for each kind of parameter.
async fn furnish(host: &Host) -> BTreeMap<&'static str, Vec<String>> {
    let api = &host.api;
    let id = |value: &Value| value["id"].as_str().expect("an id").to_owned();
    api.publish(PAUSE).await;
    api.publish(FORM).await;
    let contact = json!({"email": "ann@example.com", "phone": "+33612345678"});
    let contact = id(&api.post("/v1/contacts", contact).await.ok());
    let channel = json!({"name": "chat", "connector": "custom-channel@1",
        "settings": {"webhook-url": "http://127.0.0.1:9/message", "channel-id": "c"},
        "secrets": {"api-token": "long and random"}});
    let channel = api.post("/v1/channels", channel).await.ok();
    // What is sent to it stays queued.
    api.post("/v1/channels/chat/pause", json!({})).await.ok();
    // Without its secret the connector cannot say who sent this: it is kept.
    let secret = "/v1/channels/chat/secrets/api-token";
    assert_eq!(api.delete(secret).await.status, 204);
    let hook = channel["webhook"].as_str().unwrap();
    let event = json!({"channelId": "c", "contactId": "+33612345678", "events": []});
    api.with_key("long and random").post(hook, event).await;
    let failures = api.all("/v1/inbound-failures?limit=1").await;
    let value = json!({"value": "long and random"});
    assert_eq!(api.put(secret, value).await.status, 204);
    api.put("/v1/templates/hello", json!({"html": "<p>Hi"}))
        .await
        .ok();
    api.put("/v1/snippets/hours", json!({"text": "From 9 to 5"}))
        .await
        .ok();
    let list = api.request(reqwest::Method::PUT, "/v1/files/list.txt");
    let list = list.header("content-type", "text/plain").body("a");
    api.send(list).await.ok();
    api.put("/v1/contact-fields/city", json!({"kind": "text"}))
        .await
        .ok();
    assert_eq!(
        api.put("/v1/secrets/crm", json!({"value": "x"}))
            .await
            .status,
        204
    );
    let message = json!({"contact": ANN, "channel": "chat", "to": "+33612345678",
        "content": {"type": "text", "text": "hi"}});
    let message = id(&api.post("/v1/messages", message).await.ok());
    let open = format!("/v1/contacts/{ANN}/conversation/open");
    let conversation = id(&api.post(&open, json!({})).await.ok());
    let answers = json!({"columns": ["name"]});
    api.put("/v1/tables/answers", answers).await.ok();
    api.put("/v1/lists/news", json!({})).await.ok();
    let user = api.post("/v1/users", json!({"email": "bo@example.com"}));
    let user = id(&user.await.ok());
    let team = json!({"members": [{"user": user}]});
    api.put("/v1/teams/sales", team).await.ok();
    let queue = json!({"team": "sales", "by": "ring-all"});
    let assign = format!("/v1/contacts/{ANN}/assignee");
    let place = api.put(&assign, queue).await.ok();
    let place = place["queued"].as_str().unwrap().to_owned();
    let known = json!({"filter": {"field": "contact.email", "exists": true}});
    api.put("/v1/segments/known", known).await.ok();
    let hours = json!({"hours": {"monday": ["09:00-18:00"]}});
    api.put("/v1/calendars/office", hours).await.ok();
    let noted = json!({"note": "at night"});
    api.put("/v1/blacklist/+33899*", noted).await.ok();
    // Nobody listens there; one delivery waits for its next try.
    let subscription = json!({"url": "http://127.0.0.1:9/events", "events": ["a.told"]});
    let subscription = api.post("/v1/webhook-subscriptions", subscription).await;
    let subscription = id(&subscription.ok());
    api.event("a.told", None, json!({})).await;
    let deliveries = format!("/v1/webhook-subscriptions/{subscription}/deliveries?limit=1");
    let delivery = api.all(&deliveries).await.first().map(id);
    let shown = format!("/v1/webhook-subscriptions/{subscription}");
    until("the receiver is known to fail", async || {
        let shown = api.get(&shown).await.ok();
        (shown["state"] == "failing").then_some(())
    })
    .await;
    let file = api.request(reqwest::Method::POST, "/v1/imports");
    let file = file
        .header("content-type", "text/csv")
        .body("firstname,phone\nAnn,12\n");
    let file = id(&api.send(file).await.ok());
    let run = api.start("pause.wanted", Some(ANN), json!({})).await;
    api.waiting_at(&run, "pause").await;
    let key = api
        .post("/v1/keys", json!({"name": "k", "scopes": ["runs:read"]}))
        .await;
    BTreeMap::from([
        ("workflows", vec!["pause".to_owned(), "form".to_owned()]),
        ("shortcuts", vec!["form".to_owned()]),
        (
            "contacts",
            vec![
                contact.clone(),
                format!("id:{contact}"),
                ANN.to_owned(),
                "phone:+33612345678".to_owned(),
                "channel:chat:+33612345678".to_owned(),
            ],
        ),
        ("channels", vec!["chat".to_owned(), id(&channel)]),
        ("conversations", vec![conversation]),
        ("lists", vec!["news".to_owned()]),
        ("tables", vec!["answers".to_owned()]),
        ("users", vec![user, "bo@example.com".to_owned()]),
        ("teams", vec!["sales".to_owned()]),
        ("queue", vec![place]),
        ("segments", vec!["known".to_owned()]),
        ("calendars", vec!["office".to_owned()]),
        ("imports", vec![file]),
        ("blacklist", vec!["+33899*".to_owned()]),
        ("templates", vec!["hello".to_owned()]),
        ("snippets", vec!["hours".to_owned()]),
        ("files", vec!["list.txt".to_owned()]),
        ("contact-fields", vec!["city".to_owned()]),
        ("secrets", vec!["crm".to_owned(), "api-token".to_owned()]),
        ("messages", vec![message]),
        ("runs", vec![run]),
        ("keys", vec![id(&key.ok())]),
        (
            "inbound-failures",
            vec![failures.first().map(id).expect("a kept request")],
        ),
        ("workspaces", vec!["main".to_owned()]),
        ("organisations", vec!["main".to_owned()]),
        ("webhook-subscriptions", vec![subscription]),
        ("deliveries", vec![delivery.expect("a delivery")]),
    ])
}

/// A body that each route would take, were the thing there.
fn body(path: &str) -> Option<Value> {
    Some(match path {
        "/v1/runs/{id}/events" => json!({"name": "go.on"}),
        "/v1/channels/{channel}" => json!({"uncertain": "fail"}),
        "/v1/contacts/{contact}" => json!({"firstname": "Eve"}),
        "/v1/contacts/{contact}/merge" => json!({"from": ANN}),
        "/v1/contacts/{contact}/comments" => json!({"text": "taken"}),
        "/v1/shortcuts/{workflow}" => json!({"contact": ANN}),
        "/v1/contacts/{contact}/conversation/snooze" => json!({"for": "1h"}),
        "/v1/queue/{id}/take" => json!({"user": "bo@example.com"}),
        "/v1/imports/{id}/review" | "/v1/imports/{id}/start" => json!({"purpose": "upsert"}),
        "/v1/tables/{name}" => json!({"columns": ["name"]}),
        "/v1/lists/{name}/contacts" => json!({"contact": ANN}),
        "/v1/organisations/{id}" | "/v1/workspaces/{id}" => json!({"title": "Taken"}),
        path if path.ends_with("/secrets/{name}") => json!({"value": "taken"}),
        _ => return None,
    })
}

#[tokio::test]
async fn ids_of_another_workspace_do_not_exist_on_any_route() {
    let host = Host::start().await;
    host.api
        .post("/v1/workspaces", json!({"id": "lyon"}))
        .await
        .ok();
    let names = furnish(&host).await;
    let lyon = host.api.in_workspace("lyon");
    let made = lyon
        .post("/v1/keys", json!({"name": "all", "scopes": ["*"]}))
        .await
        .ok();
    let key = host.api.with_key(made["key"].as_str().unwrap());
    let before = everything(&host.api).await;
    let mut wrong = Vec::new();
    let mut asked = 0;
    for operation in operations(&host).await {
        // What a PUT names is made in the workspace of its key; plugins are those of the whole host.
        let makes = operation.method == "PUT" && !operation.path.contains("/channels/");
        if !operation.path.contains('{') || makes || operation.path.contains("/plugins") {
            continue;
        }
        let kind = operation.path.split('/').nth(2).unwrap();
        for name in &names[kind] {
            let path = operation.at(|parameter| match parameter {
                "version" => "1".to_owned(),
                "name" if kind == "channels" => "api-token".to_owned(),
                "delivery" => names["deliveries"][0].clone(),
                _ => name.clone(),
            });
            let expected: &[&str] = match kind {
                "workspaces" => &["403 other-workspace"],
                "organisations" => &["403 other-organisation", "403 operator-only"],
                _ => &["404 not-found"],
            };
            for api in [&lyon, &key] {
                // The operator may see every workspace and every key, from wherever.
                if std::ptr::eq(api, &lyon)
                    && matches!(kind, "workspaces" | "organisations" | "keys")
                {
                    continue;
                }
                let mut request = api.request(operation.method.clone(), &path);
                if let Some(body) = body(&operation.path) {
                    request = request.json(&body);
                } else if operation.takes_json() && !operation.optional {
                    request = request.json(&json!({}));
                }
                let answer = api.send(request).await;
                asked += 1;
                if let Err(said) = is_one_of(&answer, expected) {
                    wrong.push(format!("{} {path}: {said}", operation.method));
                }
            }
        }
    }
    assert!(asked > 80, "{asked}");
    // Neither in a body nor in a query.
    let (contact, run, message) = (
        &names["contacts"][0],
        &names["runs"][0],
        &names["messages"][0],
    );
    let id = &names["channels"][1];
    for (method, path, body) in [
        (
            "POST",
            "/v1/events".to_owned(),
            json!({"name": "a.b", "contact": contact}),
        ),
        (
            "POST",
            "/v1/events".to_owned(),
            json!({"name": "a.b", "contact": {"id": contact}}),
        ),
        (
            "POST",
            "/v1/workflows/pause/runs".to_owned(),
            json!({"contact": contact}),
        ),
        (
            "POST",
            "/v1/messages".to_owned(),
            json!({"contact": contact, "channel": "chat", "content": {"type": "text", "text": "x"}}),
        ),
        (
            "POST",
            "/v1/messages".to_owned(),
            json!({"channel": id, "to": "+33612345678", "content": {"type": "text", "text": "x"}}),
        ),
        (
            "POST",
            "/v1/opt-outs".to_owned(),
            json!({"address": "+33612345678", "channel": id}),
        ),
        ("GET", format!("/v1/runs?contact={contact}"), Value::Null),
        (
            "GET",
            format!("/v1/messages?contact={contact}"),
            Value::Null,
        ),
    ] {
        let method = reqwest::Method::from_bytes(method.as_bytes()).unwrap();
        let answer = key
            .send(key.request(method.clone(), &path).json(&body))
            .await;
        if let Err(said) = is_one_of(&answer, &["404 not-found"]) {
            wrong.push(format!("{method} {path} {body}: {said}"));
        }
    }
    for path in [
        format!("/v1/messages?run={run}"),
        "/v1/opt-outs?address=ann@example.com".to_owned(),
        "/v1/runs?workflow=pause".to_owned(),
    ] {
        let listed = key.get(&path).await.ok();
        if listed["items"] != json!([]) {
            wrong.push(format!("{path}: {listed}"));
        }
    }
    none(&wrong);
    // All of it stands as it stood.
    assert_eq!(host.api.run(run).await["state"], "waiting");
    assert!(!message.is_empty());
    same(&before, &everything(&host.api).await).unwrap();
}
