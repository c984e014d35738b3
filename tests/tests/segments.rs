//! Segments: what they mean, what is refused, how they are paged and counted, and that they end at the
//! workspace's border.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use jackfield_tests::{Api, Host};
use serde_json::{Value, json};

async fn contact(api: &Api, fields: Value) -> String {
    let made = api.post("/v1/contacts", fields).await.ok();
    made["id"].as_str().unwrap().to_owned()
}

/// First names, sorted, of those that a filter means.
async fn found(api: &Api, filter: Value) -> Vec<String> {
    let page = api
        .post("/v1/contacts/search", json!({"filter": filter}))
        .await
        .ok();
    assert_eq!(page["next"], Value::Null, "{page:#}");
    let items = page["items"].as_array().unwrap();
    let names = items.iter().map(|one| one["firstname"].as_str().unwrap());
    let mut names: Vec<String> = names.map(str::to_owned).collect();
    names.sort();
    names
}

#[tokio::test]
async fn every_kind_of_test_that_a_filter_can_make() {
    let host = Host::start().await;
    let api = &host.api;
    api.put("/v1/contact-fields/spent", json!({"kind": "number"}))
        .await
        .ok();
    api.put("/v1/contact-fields/since", json!({"kind": "date"}))
        .await
        .ok();
    api.put("/v1/lists/news", json!({})).await.ok();
    api.put("/v1/lists/old", json!({})).await.ok();
    contact(
        api,
        json!({"firstname": "Ann", "email": "ann@example.com", "country": "FR", "language": "fr",
            "lifecycle": "customer", "tags": ["vip", "paris"], "spent": 120, "since": "2026-03-01"}),
    )
    .await;
    api.post("/v1/users", json!({"email": "bob@example.com"}))
        .await
        .ok();
    let assign = "/v1/contacts/email:ann@example.com/assignee";
    api.put(assign, json!({"user": "bob@example.com"}))
        .await
        .ok();
    contact(
        api,
        json!({"firstname": "Bob", "phone": "+33612345678", "country": "BE", "spent": 7,
            "since": "2025-12-31", "tags": ["paris"]}),
    )
    .await;
    let channel = json!({"name": "chat", "connector": "custom-channel@1",
        "settings": {"webhook-url": "http://127.0.0.1:9/", "channel-id": "c"},
        "secrets": {"api-token": "a long random text"}});
    let channel = api.post("/v1/channels", channel).await.ok();
    contact(api, json!({"firstname": "Cy"})).await;
    let hook = channel["webhook"].as_str().unwrap();
    let body = json!({"channelId": "c", "contactId": "+33612345678", "events": [{
        "type": "message", "mId": "m1", "timestamp": 1_795_000_000_000_i64,
        "message": {"type": "text", "text": "hello"}}]});
    let written = api.with_key("a long random text").post(hook, body).await;
    assert_eq!(written.status, 200, "{}", written.text);
    for (list, who) in [
        ("news", "email:ann@example.com"),
        ("news", "phone:+33612345678"),
        ("old", "phone:+33612345678"),
    ] {
        api.post(
            &format!("/v1/lists/{list}/contacts"),
            json!({"contact": who}),
        )
        .await
        .ok();
    }
    let contact = |field: &str| format!("contact.{field}");
    let table: Vec<(Value, &[&str])> = vec![
        (json!({"field": contact("country"), "is": "fr"}), &["Ann"]),
        (
            json!({"field": contact("country"), "is-not": "FR"}),
            &["Bob", "Cy"],
        ),
        (
            json!({"field": contact("spent"), "greater-than": 100}),
            &["Ann"],
        ),
        (
            json!({"field": contact("spent"), "less-than": 100}),
            &["Bob"],
        ),
        (
            json!({"field": contact("spent"), "between": [7, 120]}),
            &["Ann", "Bob"],
        ),
        (json!({"field": contact("email"), "exists": true}), &["Ann"]),
        (
            json!({"field": contact("email"), "not-exists": true}),
            &["Bob", "Cy"],
        ),
        (json!({"field": contact("name"), "contains": "b"}), &["Bob"]),
        (
            json!({"field": contact("name"), "not-contains": "b"}),
            &["Ann", "Cy"],
        ),
        (
            json!({"field": contact("since"), "after": "2026-01-01"}),
            &["Ann"],
        ),
        (
            json!({"field": contact("since"), "before": "2026-01-01"}),
            &["Bob"],
        ),
        (
            json!({"field": contact("since"), "between": ["2025-12-31", "2026-03-01"]}),
            &["Ann", "Bob"],
        ),
        (
            json!({"field": contact("tags"), "has-any-of": ["vip", "none"]}),
            &["Ann"],
        ),
        (
            json!({"field": contact("tags"), "has-all-of": ["vip", "paris"]}),
            &["Ann"],
        ),
        (
            json!({"field": contact("tags"), "has-none-of": ["vip"]}),
            &["Bob", "Cy"],
        ),
        (json!({"field": contact("tags"), "is-empty": true}), &["Cy"]),
        (
            json!({"field": contact("lifecycle"), "is": "customer"}),
            &["Ann"],
        ),
        (
            json!({"field": contact("assignee"), "exists": true}),
            &["Ann"],
        ),
        (
            json!({"field": contact("lists"), "has-any-of": ["news"]}),
            &["Ann", "Bob"],
        ),
        (
            json!({"field": contact("lists"), "has-all-of": ["news", "old"]}),
            &["Bob"],
        ),
        (
            json!({"field": contact("lists"), "is-empty": true}),
            &["Cy"],
        ),
        (
            json!({"field": contact("channels"), "has-any-of": ["chat"]}),
            &["Bob"],
        ),
        (
            json!({"field": contact("last_channel"), "is": "chat"}),
            &["Bob"],
        ),
        (
            json!({"field": contact("last_incoming_at"), "newer-than": "1h"}),
            &["Bob"],
        ),
        (
            json!({"not": {"field": contact("last_incoming_at"), "newer-than": "1h"}}),
            &["Ann", "Cy"],
        ),
        (
            json!({"field": contact("last_outgoing_at"), "exists": true}),
            &[],
        ),
        (
            json!({"field": contact("created_at"), "newer-than": "7d"}),
            &["Ann", "Bob", "Cy"],
        ),
        (
            json!({"field": contact("created_at"), "older-than": "1h"}),
            &[],
        ),
        (
            json!({"field": contact("conversation.state"), "is": "open"}),
            &["Bob"],
        ),
        (
            json!({"any": [
                {"all": [{"field": contact("country"), "is": "FR"}, {"field": contact("tags"), "has-any-of": ["vip"]}]},
                {"not": {"field": contact("country"), "exists": true}}]}),
            &["Ann", "Cy"],
        ),
    ];
    for (filter, names) in table {
        assert_eq!(found(api, filter.clone()).await, names, "{filter}");
    }
    for (name, names) in [
        ("created-last-7-days", 3),
        ("inactive-30-days", 0),
        ("with-tags", 2),
        ("country-known", 2),
        ("language-known", 1),
    ] {
        let path = format!("/v1/contacts?segment={name}");
        assert_eq!(api.all(&path).await.len(), names, "{name}");
    }
}

#[tokio::test]
async fn a_segment_is_kept_changed_paged_counted_and_deleted() {
    let host = Host::start().await;
    let api = &host.api;
    for n in 0..7 {
        let country = if n == 3 { "BE" } else { "FR" };
        contact(
            api,
            json!({"firstname": format!("N{n}"), "country": country}),
        )
        .await;
    }
    let french = json!({"field": "contact.country", "is": "FR"});
    let put = json!({"title": "French", "filter": french, "time-zone": "Europe/Paris"});
    let made = api.put("/v1/segments/french", put.clone()).await;
    assert_eq!(made.status, 201, "{}", made.text);
    let again = api
        .put("/v1/segments/french", json!({"filter": french}))
        .await;
    assert_eq!(
        (again.status, &again.json["title"]),
        (200, &json!("French"))
    );
    assert_eq!(again.json["time-zone"], Value::Null);
    let shown = api.get("/v1/segments/french").await.ok();
    assert_eq!(shown["filter"], french);
    for limit in [1, 2, 3, 5, 6, 100] {
        let path = format!("/v1/contacts?segment=french&limit={limit}");
        let names = api.all(&path).await;
        let names: Vec<&str> = names
            .iter()
            .filter_map(|one| one["firstname"].as_str())
            .collect();
        assert_eq!(names, ["N6", "N5", "N4", "N2", "N1", "N0"], "limit {limit}");
    }
    let count = json!({"segment": "french"});
    let counted = api.post("/v1/contacts/count", count).await.ok();
    assert_eq!(counted, json!({"count": 6, "next": null}));
    let cli = |words: &'static [&'static str]| host.cli(words.iter().copied());
    assert_eq!(cli(&["segment", "count", "french"]).await.ok().trim(), "6");
    assert!(
        cli(&["segment", "contacts", "french"])
            .await
            .ok()
            .contains("N6")
    );
    let filter = r#"{"field": "contact.country", "is": "BE"}"#;
    cli(&[
        "segment",
        "put",
        "belgian",
        r#"{"field": "contact.country", "is": "BE"}"#,
    ])
    .await
    .ok();
    assert!(
        cli(&["segment", "show", "belgian"])
            .await
            .ok()
            .contains("BE"),
        "{filter}"
    );
    let listed = cli(&["segment", "list"]).await.ok();
    assert!(
        listed.contains("belgian") && listed.contains("with-tags"),
        "{listed}"
    );
    cli(&["segment", "delete", "belgian"]).await.ok();
    api.get("/v1/segments/belgian")
        .await
        .refused(404, "not-found");

    // Nothing of it is there in another workspace.
    api.post("/v1/workspaces", json!({"id": "lyon"})).await.ok();
    let lyon = api.in_workspace("lyon");
    lyon.get("/v1/segments/french")
        .await
        .refused(404, "not-found");
    lyon.get("/v1/contacts?segment=french")
        .await
        .refused(404, "not-found");
    let everybody = json!({"filter": {"field": "contact.id", "exists": true}});
    let page = lyon.post("/v1/contacts/search", everybody).await.ok();
    assert_eq!(page["items"], json!([]));
}

#[tokio::test]
async fn what_is_wrong_with_a_segment_is_said() {
    let host = Host::start().await;
    let api = &host.api;
    api.put("/v1/lists/news", json!({})).await.ok();
    let good = json!({"field": "contact.country", "exists": true});
    for (filter, said) in [
        (json!({}), "`field` is missing"),
        (
            json!({"field": "contact.contry", "is": "FR"}),
            "did you mean `country`",
        ),
        (
            json!({"field": "country", "is": "FR"}),
            "write namespace and name",
        ),
        (
            json!({"field": "call.status", "is": "missed"}),
            "what a contact has",
        ),
        (
            json!({"field": "contact.country", "equals": "FR"}),
            "did you mean `is`",
        ),
        (
            json!({"field": "contact.lists", "has-any-of": ["new"]}),
            "did you mean `news`",
        ),
        (
            json!({"field": "contact.last_channel", "is": "chat"}),
            "no channel `chat`",
        ),
        (
            json!({"field": "contact.country", "is": "$event.country"}),
            "what a contact has",
        ),
        (json!({"all": []}), "at least one condition"),
    ] {
        for path in [
            "/v1/segments/odd",
            "/v1/contacts/search",
            "/v1/contacts/count",
        ] {
            let body = json!({"filter": filter});
            let answer = if path.starts_with("/v1/segments") {
                api.put(path, body).await
            } else {
                api.post(path, body).await
            };
            let problem = answer.refused(422, "invalid");
            assert!(
                problem.to_string().contains(said),
                "{path} {filter}: {problem:#}"
            );
        }
    }
    for (name, body, said) in [
        ("Odd", json!({"filter": good}), "lower-case words"),
        (
            "odd",
            json!({"filter": good, "time-zone": "Paris"}),
            "Europe/Paris",
        ),
        (
            "odd",
            json!({"filter": good, "title": "x".repeat(501)}),
            "at most 500",
        ),
    ] {
        let problem = api.put(&format!("/v1/segments/{name}"), body).await;
        let problem = problem.refused(422, "invalid");
        assert!(problem.to_string().contains(said), "{problem:#}");
    }
    let title = json!({"filter": good, "title": "x".repeat(500)});
    assert_eq!(api.put("/v1/segments/long", title).await.status, 201);
    api.put("/v1/segments/with-tags", json!({"filter": good}))
        .await
        .refused(409, "conflict");
    api.delete("/v1/segments/with-tags")
        .await
        .refused(409, "conflict");
    api.delete("/v1/segments/none")
        .await
        .refused(404, "not-found");
    for body in [
        json!({}),
        json!({"segment": "long", "filter": good}),
        json!({"segment": "long", "time-zone": "UTC"}),
        json!({"filter": good, "limt": 5}),
    ] {
        api.post("/v1/contacts/search", body)
            .await
            .refused(422, "invalid");
    }
    for (field, value, code) in [
        ("limit", json!(0), "invalid-parameter"),
        ("limit", json!(101), "invalid-parameter"),
        ("cursor", json!("abc"), "invalid-cursor"),
    ] {
        let body = json!({"segment": "long", field: value});
        api.post("/v1/contacts/search", body)
            .await
            .refused(400, code);
    }
    api.get("/v1/contacts?segment=long&search=a")
        .await
        .refused(400, "invalid-parameter");

    // 500 at most, and one that is there can still be changed.
    for n in 1..500 {
        let path = format!("/v1/segments/n-{n}");
        assert_eq!(api.put(&path, json!({"filter": good})).await.status, 201);
    }
    let said = api.put("/v1/segments/more", json!({"filter": good})).await;
    let said = said.refused(409, "conflict");
    assert!(said.to_string().contains("at most 500"), "{said:#}");
    assert_eq!(
        api.put("/v1/segments/long", json!({"filter": good}))
            .await
            .status,
        200
    );
}
