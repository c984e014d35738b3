//! Snippets: kept once, put into texts with their own variables, and held fast by what needs them.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use jackfield_tests::{Api, Host};
use serde_json::{Value, json};

const ANN: &str = "email:ann@example.com";

async fn comments(api: &Api) -> Vec<String> {
    let all = api.all(&format!("/v1/contacts/{ANN}/comments")).await;
    let texts = all.iter().map(|one| one["text"].as_str().unwrap());
    texts.map(str::to_owned).collect()
}

fn note(name: &str, text: &str) -> String {
    format!(
        "name: {name}\ntrigger: {{event: manual}}\nsteps:\n  \
         note: {{uses: add-comment@1, with: {{text: {}}}}}\n",
        json!(text)
    )
}

/// What publishing says of a workflow with this text.
async fn told(api: &Api, text: &str) -> Vec<(String, Value)> {
    let answer = api.put_workflow(&note("odd", text)).await;
    assert!(answer.status < 300, "{}", answer.text);
    let path = "/v1/workflows/odd/publish";
    let refused = api.post(path, json!({})).await;
    let refused = refused.refused(422, "invalid-document");
    let errors = refused["errors"].as_array().unwrap().iter();
    let code = |error: &Value| error["code"].as_str().unwrap().to_owned();
    errors
        .map(|error| (code(error), error["suggestion"].clone()))
        .collect()
}

#[tokio::test]
async fn a_snippet_is_put_into_texts_with_the_values_of_that_moment() {
    let mut host = Host::start().await;
    let api = host.api.clone();
    let who = format!("/v1/contacts/{ANN}");
    api.put(&who, json!({"firstname": "Ann"})).await.ok();
    let hours = json!({"topic": "Opening", "text": "Dear ${contact.firstname|you}, from 9 to 5",
        "attachments": ["https://example.com/map.pdf"]});
    let made = api.put("/v1/snippets/opening-hours", hours.clone()).await;
    assert_eq!(made.status, 201, "{}", made.text);
    assert_eq!(made.json["topic"], "Opening");
    api.publish(&note(
        "hello",
        "${snippet.opening-hours}. Map: ${snippet.opening-hours.attachments[0]}",
    ))
    .await;
    let run = api.start_by_hand("hello", ANN).await;
    api.completed(&run).await;
    let said = "Dear Ann, from 9 to 5. Map: https://example.com/map.pdf";
    assert_eq!(comments(&api).await, [said]);

    // A new text is used from then on, after a crash too.
    let later = json!({"text": "Closed, $contact.firstname", "attachments": hours["attachments"]});
    let put = api.put("/v1/snippets/opening-hours", later).await;
    assert_eq!(put.status, 200, "{}", put.text);
    assert_eq!(put.json["topic"], Value::Null);
    host.kill();
    host.restart().await;
    let api = host.api.clone();
    let run = api.start_by_hand("hello", ANN).await;
    api.completed(&run).await;
    let said = "Closed, Ann. Map: https://example.com/map.pdf";
    assert!(comments(&api).await.contains(&said.to_owned()));

    // Templates put them in as well: as text, also in HTML.
    let html = json!({"html": "<p>${snippet.opening-hours}</p>"});
    api.put("/v1/templates/letter", html).await.ok();
    let odd =
        json!({"text": "<b>Closed</b>, $contact.firstname", "attachments": hours["attachments"]});
    api.put("/v1/snippets/opening-hours", odd).await.ok();
    let preview = api.post("/v1/templates/letter/preview", json!({"contact": ANN}));
    let preview = preview.await.ok();
    assert_eq!(preview["html"], "<p>&lt;b&gt;Closed&lt;/b&gt;, Ann</p>");
}

#[tokio::test]
async fn publishing_refuses_what_no_snippet_gives() {
    let host = Host::start().await;
    let api = &host.api;
    let hours = json!({"text": "From 9 to 5", "attachments": ["https://example.com/map.pdf"]});
    api.put("/v1/snippets/opening-hours", hours).await.ok();
    let odd = json!({"text": "Your call of $call.duration s"});
    api.put("/v1/snippets/called", odd).await.ok();
    let right = json!("${snippet.opening-hours}");
    for (text, code, suggestion) in [
        ("${snippet.opening-hour}", "unknown-snippet", right.clone()),
        ("$snippet.opening-hours", "unknown-snippet", right),
        ("${snippet.gone|x}", "unknown-snippet", Value::Null),
        (
            "${snippet.opening-hours.attachments[1]}",
            "unknown-attachment",
            Value::Null,
        ),
        (
            "${snippet.opening-hours.topic}",
            "unknown-variable",
            Value::Null,
        ),
        // Its own variables are those of the workflow that puts it in.
        ("$snippet.called", "unknown-namespace", Value::Null),
    ] {
        let found = told(api, text).await;
        let (said, meant) = &found[0];
        assert_eq!((found.len(), said.as_str()), (1, code), "{text}");
        if code == "unknown-snippet" {
            assert_eq!(*meant, suggestion, "{text}");
        }
    }
}

#[tokio::test]
async fn a_snippet_that_is_needed_stays_and_another_workspace_has_its_own() {
    let host = Host::start().await;
    let api = &host.api;
    let path = "/v1/snippets/hours";
    api.put(path, json!({"text": "From 9 to 5"})).await.ok();
    api.publish(&note("hello", "$snippet.hours")).await;
    let refused = api.delete(path).await.refused(409, "conflict");
    assert!(refused["detail"].as_str().unwrap().contains("hello"));
    api.post("/v1/workflows/hello/deactivate", json!({}))
        .await
        .ok();
    let letter = json!({"html": "<p>x</p>", "subject": "$snippet.hours"});
    api.put("/v1/templates/letter", letter).await.ok();
    let refused = api.delete(path).await.refused(409, "conflict");
    assert!(refused["detail"].as_str().unwrap().contains("letter"));
    assert_eq!(api.delete("/v1/templates/letter").await.status, 204);

    api.post("/v1/workspaces", json!({"id": "lyon"})).await.ok();
    let lyon = api.in_workspace("lyon");
    lyon.get(path).await.refused(404, "not-found");
    lyon.delete(path).await.refused(404, "not-found");
    assert_eq!(lyon.all("/v1/snippets").await, Vec::<Value>::new());
    assert_eq!(told(&lyon, "$snippet.hours").await[0].0, "unknown-snippet");
    let own = lyon.put(path, json!({"text": "Lyon"})).await;
    assert_eq!(own.status, 201);
    assert_eq!(api.get(path).await.ok()["text"], "From 9 to 5");

    assert_eq!(api.delete(path).await.status, 204);
    api.get(path).await.refused(404, "not-found");
    assert_eq!(api.all("/v1/snippets").await.len(), 0);
    assert_eq!(lyon.get(path).await.ok()["text"], "Lyon");
}
