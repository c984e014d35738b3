//! The pages in `docs/triggers` are what the host says of its events, and the example on each can be
//! published and run.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use jackfield_tests::{Host, repository};
use serde_json::{Value, json};

/// The events of the host.
async fn events(host: &Host) -> Vec<String> {
    let listed = host.cli(["workflow", "triggers", "--json"]).await.ok();
    let listed: Vec<Value> = serde_json::from_str(&listed).unwrap();
    let name = |event: &Value| event["event"].as_str().unwrap().to_owned();
    listed.iter().map(name).collect()
}

#[tokio::test]
async fn every_event_has_the_page_that_the_host_makes_of_it() {
    let host = Host::start().await;
    let events = events(&host).await;
    for event in &events {
        let example = repository().join(format!("examples/triggers/{event}.yaml"));
        let example = example.to_str().unwrap();
        let page = ["workflow", "triggers", event, "--example", example];
        let made = host.cli(page).await.ok();
        let file = repository().join(format!("docs/triggers/{event}.md"));
        if std::env::var_os("UPDATE_SNAPSHOTS").is_some() {
            std::fs::create_dir_all(file.parent().unwrap()).unwrap();
            std::fs::write(&file, &made).unwrap();
        }
        let kept = std::fs::read_to_string(&file).unwrap_or_default();
        assert!(
            made == kept,
            "docs/triggers/{event}.md is not what the host says; write it anew with\n    \
             UPDATE_SNAPSHOTS=1 and this test"
        );
    }
    let pages = std::fs::read_dir(repository().join("docs/triggers")).unwrap();
    assert_eq!(
        pages.count(),
        events.len(),
        "pages of events that there are not"
    );
}

#[tokio::test]
async fn the_example_of_every_event_is_published_as_it_stands_and_runs() {
    let host = Host::start().await;
    let api = &host.api;
    let user = json!({"email": "ann@example.com", "name": "Ann"});
    api.post("/v1/users", user).await.ok();
    let path = "/v1/users/ann@example.com/presence";
    api.put(path, json!({"presence": "online"})).await.ok();
    let members = json!({"members": [{"user": "ann@example.com"}]});
    api.put("/v1/teams/support", members).await.ok();
    api.put("/v1/lists/newsletter", json!({})).await.ok();
    let outages = json!({"columns": ["subscription", "reason"]});
    api.put("/v1/tables/outages", outages).await.ok();
    api.put("/v1/contacts/phone:+33600000001", json!({}))
        .await
        .ok();
    for event in events(&host).await {
        let file = repository().join(format!("examples/triggers/{event}.yaml"));
        let source =
            std::fs::read_to_string(file).unwrap_or_else(|_| panic!("{event} has no example"));
        assert!(source.contains(&format!("event: {event}")), "{event}");
        let published = api.publish(&source).await;
        let warnings = published["warnings"].as_array();
        assert!(warnings.is_none_or(Vec::is_empty), "{event}: {published:#}");
        let name = source.lines().next().unwrap().trim_start_matches("name: ");
        let run = api.start_by_hand(name, "phone:+33600000001").await;
        let run = api.over(&run).await;
        assert_eq!(run["state"], "completed", "{event}: {run:#}");
        // It is not to be started by what the next one does.
        api.post(&format!("/v1/workflows/{name}/deactivate"), json!({}))
            .await
            .ok();
    }
}
