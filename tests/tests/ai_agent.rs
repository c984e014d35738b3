//! The step `ai-agent` in the whole program, with a stand-in for a model's server that answers as
//! OpenAI's reference of the chat API says: files as knowledge, the key at its place and nowhere else,
//! restarts in the middle of a talk, and what comes of trouble.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use jackfield_peers::{Answer, Crm, Request};
use jackfield_tests::{ANN_WHO, Chat, Program};
use serde_json::{Value, json};

const KEY: &str = "sk-a-key-that-nobody-is-to-see";

/// `chat.completion` with a message.
fn completion(message: Value) -> Answer {
    let body = json!({
        "id": "chatcmpl-1", "object": "chat.completion", "created": 1_795_000_000, "model": "small-model",
        "choices": [{"index": 0, "message": message, "logprobs": null, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 90, "completion_tokens": 10, "total_tokens": 100},
    });
    Answer::new(200, body)
}

fn says(text: &str) -> Answer {
    completion(json!({"role": "assistant", "content": text, "refusal": null}))
}

fn calls(tool: &str, arguments: Value) -> Answer {
    let function = json!({"name": tool, "arguments": arguments.to_string()});
    let call = json!({"id": "call_1", "type": "function", "function": function});
    completion(json!({"role": "assistant", "content": null, "refusal": null, "tool_calls": [call]}))
}

/// What OpenAI's reference asks of a request: a model, messages of known roles with texts, functions
/// with a schema of an object.
fn is_well_formed(request: &Request) {
    let body = &request.json;
    assert_eq!(
        (request.method.as_str(), request.path.as_str()),
        ("POST", "/v1/chat/completions")
    );
    assert_eq!(request.header("content-type"), Some("application/json"));
    assert_eq!(body["model"], "small-model");
    assert!(body["max_completion_tokens"].as_u64().unwrap() > 0);
    for message in body["messages"].as_array().unwrap() {
        let role = message["role"].as_str().unwrap();
        assert!(["system", "user", "assistant"].contains(&role), "{message}");
        assert!(
            !message["content"].as_str().unwrap().is_empty(),
            "{message}"
        );
    }
    for tool in body["tools"].as_array().unwrap() {
        assert_eq!(tool["type"], "function");
        let function = &tool["function"];
        assert!(function["name"].as_str().unwrap().len() <= 64);
        assert_eq!(function["parameters"]["type"], "object");
    }
    let known = ["model", "messages", "max_completion_tokens", "tools"];
    let keys = body.as_object().unwrap().keys();
    assert!(
        keys.clone().all(|key| known.contains(&key.as_str())),
        "{keys:?}"
    );
}

fn workflow(url: &str, more: &str) -> String {
    format!(
        "name: talk\ntrigger: {{event: message.received, when: {{field: message.text, is: Hello}}}}\nsteps:\n  talk:\n    \
         uses: ai-agent@1\n    with:\n      endpoint: {url}/v1\n      model: small-model\n      key: ai-key\n      {more}\n    \
         retry: {{first: 1s, max: 1s}}\n    branches: {{others: note, speak-to-human: note, unable-to-answer: note, idle: note}}\n    next: end\n  \
         note: {{uses: add-comment@1, with: {{text: \"Left: ${{steps.talk.reason|no reason}}\"}}}}\n"
    )
}

async fn run_of(chat: &Chat) -> String {
    jackfield_tests::until("the run", async || {
        let runs = chat.api().all("/v1/runs?workflow=talk").await;
        runs.first()
            .map(|run| run["id"].as_str().unwrap().to_owned())
    })
    .await
}

/// OpenAI's own client asks what the step has asked, in the same way, and reads from the stand-in's
/// answers what the step has read.
async fn reads_as_openais_client(model: &Crm, asked: &[Request]) {
    let address = format!("{}/v1", model.url);
    let mut client = Program::node("openai-chat.cjs", &[&address]).await;
    let reason = json!({"reason": "wants a person"});
    for (answer, read) in [
        (
            says("49 euros."),
            json!({"content": "49 euros.", "tools": []}),
        ),
        (
            calls("speak_to_human", reason.clone()),
            json!({"content": null, "tools": [["speak_to_human", reason]]}),
        ),
    ] {
        for ours in asked {
            model.answer_next(answer.clone());
            let question = json!({"key": KEY, "request": ours.json});
            assert_eq!(client.ask(question).await, read);
            let requests = model.requests().all();
            let theirs = requests.last().unwrap();
            assert_eq!(
                (&ours.method, &ours.path, &ours.json),
                (&theirs.method, &theirs.path, &theirs.json)
            );
            for name in ["authorization", "content-type"] {
                assert_eq!(ours.header(name), theirs.header(name));
            }
        }
    }
}

#[tokio::test]
async fn a_talk_is_had_from_files_over_a_restart_and_the_key_is_seen_by_its_server_alone() {
    let mut chat = Chat::open().await;
    let api = chat.api().clone();
    let model = Crm::start().await.unwrap();
    let key = json!({"value": KEY});
    assert_eq!(api.put("/v1/secrets/ai-key", key).await.status, 204);
    let file = api
        .request(reqwest::Method::PUT, "/v1/files/prices.txt")
        .header("content-type", "text/plain")
        .body("A check of a bicycle costs 49 euros.");
    api.send(file).await.ok();
    let snippet = json!({"text": "Open on weekdays, 9 to 6."});
    api.put("/v1/snippets/hours", snippet).await.ok();
    let more =
        "files: [prices.txt]\n      knowledge: [\"$snippet.hours\"]\n      speak-to-human: true";
    api.publish(&workflow(&model.url, more)).await;

    model.answer_next(says("Hello! How can I help?"));
    chat.write("Hello").await;
    chat.told("How can I help?").await;
    let run = run_of(&chat).await;
    api.waiting_at(&run, "talk").await;
    api.accepted(&run).await;
    chat.host.restart().await;
    let api = chat.api().clone();
    model.answer_next(says("49 euros."));
    chat.write("What does a check cost? {{secret:ai-key}}")
        .await;
    chat.told("49 euros.").await;
    model.answer_next(calls(
        "speak_to_human",
        json!({"reason": "wants a person", "say": "One moment."}),
    ));
    chat.write("A person, please").await;
    chat.told("One moment.").await;
    api.completed(&run).await;

    let asked = model.requests().all();
    assert_eq!(asked.len(), 3);
    for request in &asked {
        is_well_formed(request);
        assert_eq!(
            request.header("authorization"),
            Some(format!("Bearer {KEY}").as_str())
        );
        assert!(!String::from_utf8_lossy(&request.body).contains(KEY));
        assert!(request.idempotency_key.is_some());
    }
    reads_as_openais_client(&model, &asked).await;
    let rules = asked[0].json["messages"][0]["content"].as_str().unwrap();
    assert!(
        rules.contains("49 euros") && rules.contains("9 to 6"),
        "{rules}"
    );
    let last = asked[2].json["messages"].as_array().unwrap();
    assert_eq!(last.len(), 6, "rules and five lines: {last:#?}");
    let told = json!(api.timeline(&run).await).to_string()
        + &chat.host.log()
        + &api.get(&format!("/v1/runs/{run}")).await.text;
    assert!(!told.contains(KEY));
    let comments = api.all(&format!("/v1/contacts/{ANN_WHO}/comments")).await;
    let texts: Vec<&str> = comments
        .iter()
        .map(|one| one["text"].as_str().unwrap())
        .collect();
    assert!(texts.contains(&"Left: wants a person"), "{texts:#?}");
    let talk = "AI agent, speak-to-human (wants a person)\nContact: Hello\nAgent: Hello! How can I help?\n";
    assert!(
        texts.iter().any(|text| text.starts_with(talk)),
        "{texts:#?}"
    );
}

#[tokio::test]
async fn trouble_is_tried_again_and_then_the_talk_leaves_by_others() {
    let mut chat = Chat::open().await;
    let api = chat.api().clone();
    let model = Crm::start().await.unwrap();
    api.put("/v1/secrets/ai-key", json!({"value": KEY})).await;
    api.publish(&workflow(&model.url, "retries: 1")).await;
    // Once busy, then well; the same question both times.
    let busy = || {
        Answer::new(
            503,
            json!({"error": {"message": "overloaded", "type": "server_error"}}),
        )
    };
    model.answer_next(busy());
    model.answer_next(says("Hello!"));
    chat.write("Hello").await;
    chat.told("Hello!").await;
    let asked = model.requests().all();
    assert_eq!(asked.len(), 2);
    assert_eq!(asked[0].json, asked[1].json);
    // Then busy for good.
    model.answer_next(busy());
    model.answer_next(busy());
    chat.write("Are you there?").await;
    let run = run_of(&chat).await;
    api.completed(&run).await;
    assert_eq!(model.requests().count(), 4);
    let comments = api.all(&format!("/v1/contacts/{ANN_WHO}/comments")).await;
    assert!(
        json!(comments).to_string().contains("Left: http-503"),
        "{comments:#?}"
    );
    assert_eq!(
        chat.integrator.requests().count(),
        1,
        "nothing else was said"
    );
}
