//! How many may wait for somebody, and how well they were attended to: through the API, the command
//! line and the step `assign-to`.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use jackfield_tests::{Api, Host};
use serde_json::{Value, json};
use std::time::Duration;

/// A user who is away, alone in the team `sales`.
async fn sales(api: &Api, most: u32) {
    let ann = json!({"email": "ann@example.com", "name": "Ann"});
    api.post("/v1/users", ann).await.ok();
    let members = json!([{"user": "ann@example.com"}]);
    let team = json!({"members": members, "max-waiting": most});
    let team = api.put("/v1/teams/sales", team).await.ok();
    assert_eq!(team["max-waiting"], most);
}

async fn online(api: &Api) {
    let online = json!({"presence": "online"});
    let path = "/v1/users/ann@example.com/presence";
    api.put(path, online).await.ok();
}

/// A contact with an open conversation.
async fn contact(api: &Api, number: u32) -> String {
    let path = format!("/v1/contacts/phone:+336000000{number:02}");
    api.put(&path, json!({})).await.ok();
    api.post(&format!("{path}/conversation/open"), json!({}))
        .await
        .ok();
    path
}

fn to_sales() -> Value {
    json!({"team": "sales", "only-online": true})
}

async fn queue(api: &Api, team: Option<&str>) -> Value {
    let queues = api.all("/v1/queues").await;
    let found = queues
        .into_iter()
        .find(|queue| queue["team"] == json!(team));
    found.expect("every queue is listed")
}

#[tokio::test]
async fn nobody_enters_a_queue_that_is_full() {
    let host = Host::start().await;
    let api = &host.api;
    sales(api, 2).await;
    let mut waiting = Vec::new();
    for number in 0..2 {
        let path = contact(api, number).await;
        let answer = api.put(&format!("{path}/assignee"), to_sales()).await.ok();
        assert!(answer["queued"].is_string(), "{answer:#}");
        waiting.push(path);
    }
    let late = contact(api, 9).await;
    let told = api
        .put(&format!("{late}/assignee"), to_sales())
        .await
        .refused(409, "conflict");
    let detail = told["detail"].as_str().unwrap();
    assert!(detail.contains("`sales` is full: 2 wait"), "{told:#}");
    assert_eq!(api.all("/v1/queue").await.len(), 2);
    assert_eq!(queue(api, Some("sales")).await["waiting"], 2);
    // Who waits already may change what is asked for.
    let mut again = to_sales();
    again["priority"] = json!(5);
    let path = format!("{}/assignee", waiting[0]);
    assert!(api.put(&path, again).await.ok()["queued"].is_string());
    // Other queues have room, and one who has a user by name needs none.
    let anybody = json!({"workspace": true, "only-online": true});
    let path = format!("{late}/assignee");
    assert!(api.put(&path, anybody).await.ok()["queued"].is_string());
    let named = json!({"user": "ann@example.com"});
    api.put(&path, named).await.ok();
    // Where one leaves there is room.
    let place = api.all("/v1/queue").await[0]["id"].clone();
    let place = format!("/v1/queue/{}", place.as_str().unwrap());
    assert_eq!(api.delete(&place).await.status, 204);
    assert!(api.put(&path, to_sales()).await.ok()["queued"].is_string());
    // 0 is any number, and more than 100,000 is refused.
    let none = json!({"max-waiting": 0});
    api.put("/v1/teams/sales", none).await.ok();
    let more = contact(api, 3).await;
    api.put(&format!("{more}/assignee"), to_sales()).await.ok();
    let too_many = json!({"max-waiting": 100_001});
    api.put("/v1/teams/sales", too_many)
        .await
        .refused(422, "invalid");
    // A change of something else leaves the limit.
    let limit = json!({"max-waiting": 100_000});
    api.put("/v1/teams/sales", limit).await.ok();
    let title = json!({"title": "Sales"});
    let team = api.put("/v1/teams/sales", title).await.ok();
    assert_eq!(team["max-waiting"], 100_000);
}

#[tokio::test]
async fn a_step_takes_the_branch_full() {
    let host = Host::start().await;
    let api = &host.api;
    sales(api, 1).await;
    let workflow = r#"
name: hand-over
trigger: {event: asks}
steps:
  assign:
    uses: assign-to@1
    with: {team: sales, only-online: true}
    branches: {full: sorry}
    next: end
  sorry: {uses: add-comment@1, with: {text: "Too many wait."}}
"#;
    let told = r#"
name: told
trigger: {event: queue.full}
steps:
  note: {uses: update-contact-field@1, with: {field: language, value: "x-${queue.team}-${queue.max_waiting}"}}
"#;
    api.publish(workflow).await;
    api.publish(told).await;
    for number in 0..2 {
        let who = format!("phone:+336000000{number:02}");
        api.event("asks", Some(&who), json!({})).await;
        // The first waits before the second comes.
        for _ in 0..400 {
            if queue(api, Some("sales")).await["waiting"] == 1 {
                break;
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
    }
    let late = "/v1/contacts/phone:+33600000001";
    let mut seen = Value::Null;
    for _ in 0..400 {
        seen = api.get(late).await.ok();
        if seen["language"] == "x-sales-1" {
            break;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    assert_eq!(seen["language"], "x-sales-1", "{seen:#}");
    let mut comments = Vec::new();
    for _ in 0..400 {
        comments = api.all(&format!("{late}/comments")).await;
        if !comments.is_empty() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    assert_eq!(comments[0]["text"], "Too many wait.");
    assert_eq!(queue(api, Some("sales")).await["waiting"], 1);
}

#[tokio::test]
async fn a_queue_says_how_well_it_was_attended_to() {
    let host = Host::start().await;
    let api = &host.api;
    sales(api, 0).await;
    let empty = queue(api, Some("sales")).await;
    assert_eq!(empty["all"]["service-level"], Value::Null);
    // One gives up in time, one late, and then one is attended to in time and one late.
    let leave = async |number: u32, level: &str| {
        let path = contact(api, number).await;
        let mut request = to_sales();
        request["service-level"] = json!(level);
        let path = format!("{path}/assignee");
        let place = api.put(&path, request).await.ok()["queued"].clone();
        tokio::time::sleep(Duration::from_millis(1_100)).await;
        format!("/v1/queue/{}", place.as_str().unwrap())
    };
    for (number, level) in [(0, "1h"), (1, "1s")] {
        let place = leave(number, level).await;
        assert_eq!(api.delete(&place).await.status, 204);
    }
    leave(2, "1h").await;
    leave(3, "1s").await;
    online(api).await;
    let mut counted = Value::Null;
    for _ in 0..400 {
        counted = queue(api, Some("sales")).await;
        if counted["all"]["attended-late"] == 1 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    for when in ["now", "today", "all"] {
        let counted = &counted[when];
        assert_eq!(
            (
                &counted["attended"],
                &counted["attended-late"],
                &counted["abandoned"],
                &counted["abandoned-late"]
            ),
            (&json!(1), &json!(1), &json!(1), &json!(1)),
            "{counted:#}"
        );
        let level = counted["service-level"].as_f64().unwrap();
        assert!((level - 1.0 / 3.0).abs() < 1e-9, "{counted:#}");
        assert!(counted["average-wait"].as_f64().unwrap() > 1.0);
    }
    assert_eq!(counted["waiting"], 0);
    let shown = host.cli(["queue", "stats"]).await.ok();
    assert!(shown.contains("sales"), "{shown}");
    // Another workspace has its own queues, and none of these.
    api.post("/v1/workspaces", json!({"id": "lyon"})).await.ok();
    let queues = api.in_workspace("lyon").all("/v1/queues").await;
    assert_eq!(queues.len(), 1, "{queues:#?}");
}
