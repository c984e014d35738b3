//! The templates of workflows: each is refused for the places that are to be filled in, and for
//! nothing else, and can be published once they are.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use jackfield_tests::{Chat, fill_in};
use serde_json::{Value, json};

/// What goes into the places, by how what they say begins.
const FILLINGS: &[(&str, &str)] = &[
    ("the mail address", "boss@example.com"),
    ("the URL", "https://example.com/in"),
    ("the model's name", "small-model"),
    ("the table", "csat"),
    ("the team", "everybody"),
    ("the list", "newsletter"),
    ("the keyword", "join"),
    ("the word", "desabonner"),
    ("the mail channel", "chat"),
    ("the SMS channel", "chat"),
    ("the channel", "chat"),
];

async fn furnish(chat: &Chat) {
    let api = chat.api();
    let ann = json!({"email": "ann@example.com", "name": "Ann"});
    api.post("/v1/users", ann).await.ok();
    let members = json!({"members": [{"user": "ann@example.com"}]});
    api.put("/v1/teams/everybody", members).await.ok();
    api.put("/v1/lists/newsletter", json!({})).await.ok();
    let csat = json!({"columns": ["name", "stars", "assignee", "at"]});
    api.put("/v1/tables/csat", csat).await.ok();
}

#[tokio::test]
async fn every_template_can_be_published_once_its_places_are_filled_in() {
    let chat = Chat::open().await;
    furnish(&chat).await;
    let api = chat.api();
    let listed = chat
        .host
        .cli(["workflow", "templates", "--json"])
        .await
        .ok();
    let listed: Vec<Value> = serde_json::from_str(&listed).unwrap();
    assert!(listed.len() >= 15, "{listed:#?}");
    for item in listed {
        let name = item["name"].as_str().unwrap();
        assert_ne!(item["title"], "", "{name}");
        let source = chat
            .host
            .cli(["workflow", "new", "--template", name])
            .await
            .ok();
        let places = source.matches("FILL-IN ").count();
        let document = fill_in(&source, FILLINGS);
        if places > 0 {
            api.put_workflow(&source).await.ok();
            let refused = api
                .post(&format!("/v1/workflows/{name}/publish"), json!({}))
                .await
                .refused(422, "invalid-document");
            let errors = refused["errors"].as_array().unwrap();
            let errors = errors.iter().filter(|error| error["severity"] != "warning");
            let told: Vec<&Value> = errors.map(|error| &error["code"]).collect();
            assert_eq!(told, vec!["fill-in"; places], "{name}: {refused:#}");
        }
        let published = api.publish(&document).await;
        let warnings = published["warnings"].as_array();
        assert!(warnings.is_none_or(Vec::is_empty), "{name}: {published:#}");
    }
}

#[tokio::test]
async fn a_template_takes_a_name_and_one_that_is_not_there_is_refused_with_those_that_are() {
    let chat = Chat::open().await;
    let made = [
        "workflow",
        "new",
        "--template",
        "away-message",
        "--name",
        "night",
    ];
    let made = chat.host.cli(made).await.ok();
    assert!(made.contains("\nname: night\n"), "{made}");
    for (given, said) in [
        (
            ["--template", "away-mesage", "--name", "night"],
            "away-message",
        ),
        (
            ["--template", "away-message", "--name", "At night"],
            "lower-case words",
        ),
    ] {
        let done = chat
            .host
            .cli(["workflow", "new"].iter().chain(&given))
            .await;
        assert_eq!(done.status.code(), Some(2), "{done:?}");
        assert!(done.err.contains(said), "{done:?}");
    }
}
