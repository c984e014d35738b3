//! `custom-channel` against an integrator's server written from the channel's documents alone
//! (`peers/custom_channel.py`), in both directions.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use jackfield_tests::{Host, Program};
use serde_json::{Value, json};

const TOKEN: &str = "a long random text that both sides share";
const ANN: &str = "+60177872890";

struct Chat {
    host: Host,
    server: Program,
    webhook: String,
}

impl Chat {
    async fn open() -> Chat {
        let server = Program::python("custom_channel.py", &[TOKEN]).await;
        let host = Host::start().await;
        let channel = json!({
            "name": "chat",
            "connector": "custom-channel@1",
            "settings": {"webhook-url": server.ready["url"], "channel-id": "gfd8g7fd89dgfd"},
            "secrets": {"api-token": TOKEN},
        });
        let made = host.api.post("/v1/channels", channel).await.ok();
        let webhook = made["webhook"].as_str().unwrap().to_owned();
        Chat {
            host,
            server,
            webhook,
        }
    }

    /// Sends a message to Ann and waits until it is judged.
    async fn send(&self, content: Value) -> Value {
        let message = json!({"channel": "chat", "to": [ANN], "content": content});
        let sent = self.host.api.post("/v1/messages", message).await.ok();
        let id = sent["id"].as_str().unwrap();
        let judged =
            |message: &Value| !matches!(message["status"].as_str(), Some("queued" | "sending"));
        self.host.api.message_until(id, "judged", judged).await
    }

    async fn message(&self, message: &Value) -> Value {
        let id = message["id"].as_str().unwrap();
        self.host.api.get(&format!("/v1/messages/{id}")).await.ok()
    }

    async fn sent(&mut self) -> Vec<Value> {
        self.server
            .ask(json!({"sent": true}))
            .await
            .as_array()
            .unwrap()
            .clone()
    }

    /// The integrator posts events about Ann; gives status and body.
    async fn push(&mut self, events: Value) -> (u64, Value) {
        let body = json!({
            "channelId": "gfd8g7fd89dgfd", "contactId": ANN, "events": events,
            "contact": {
                "firstName": "Ann", "lastName": "Lee", "countryCode": "MY",
                "email": "ann@example.com", "phone": ANN, "language": "en",
            },
        });
        self.push_with(body, json!(TOKEN)).await
    }

    async fn push_with(&mut self, body: Value, token: Value) -> (u64, Value) {
        let question = json!({"push": self.webhook, "body": body, "token": token});
        let answer = self.server.ask(question).await;
        let body = serde_json::from_str(answer["body"].as_str().unwrap()).unwrap_or_default();
        (answer["status"].as_u64().unwrap(), body)
    }

    async fn received(&self) -> Vec<Value> {
        let mut all = self.host.api.all("/v1/messages?status=received").await;
        all.reverse();
        all
    }
}

fn text(id: &str, text: &str) -> Value {
    json!({"type": "message", "mId": id, "timestamp": 1_795_000_000_000_i64,
        "message": {"type": "text", "text": text}})
}

fn status(id: &str, value: &str) -> Value {
    json!({"type": "message_status", "mId": id, "timestamp": 1_795_000_000_000_i64,
        "status": {"value": value}})
}

#[tokio::test]
async fn every_kind_of_message_goes_out_as_the_documents_say() {
    let mut chat = Chat::open().await;
    let contents = [
        json!({"type": "text", "text": "hi – ✓"}),
        json!({"type": "attachment", "text": "Our prices", "attachments": [{
            "url": "https://example.com/p.pdf", "kind": "file",
            "content-type": "application/pdf", "file-name": "prices.pdf"}]}),
        json!({"type": "location", "latitude": 48.8566, "longitude": 2.3522, "name": "Paris"}),
        json!({"type": "quick-reply", "text": "Which?",
            "replies": [{"title": "A"}, {"title": "B"}]}),
    ];
    for content in contents {
        let message = chat.send(content).await;
        assert_eq!(message["status"], "accepted", "{message:#}");
    }
    let sent = chat.sent().await;
    for request in &sent {
        assert_eq!(request["channelId"], "gfd8g7fd89dgfd");
        assert_eq!(request["contactId"], ANN);
    }
    let messages: Vec<&Value> = sent.iter().map(|request| &request["message"]).collect();
    assert_eq!(*messages[0], json!({"type": "text", "text": "hi – ✓"}));
    assert_eq!(
        *messages[1],
        json!({"type": "attachment", "attachment": {
        "type": "file", "url": "https://example.com/p.pdf", "mimeType": "application/pdf",
        "fileName": "prices.pdf", "description": "Our prices"}})
    );
    assert_eq!(
        *messages[2],
        json!({"type": "location", "latitude": 48.8566, "longitude": 2.3522, "name": "Paris"})
    );
    assert_eq!(
        *messages[3],
        json!({"type": "quick_reply", "title": "Which?", "replies": ["A", "B"]})
    );
}

#[tokio::test]
async fn what_the_server_refuses_fails_and_what_it_cannot_do_now_is_tried_again() {
    let mut chat = Chat::open().await;
    let refused = chat.send(json!({"type": "text", "text": "fail-400"})).await;
    assert_eq!(refused["status"], "failed", "{refused:#}");
    assert!(
        refused["error"]["message"]
            .as_str()
            .unwrap()
            .contains("no such user")
    );
    let later = chat.send(json!({"type": "text", "text": "fail-500"})).await;
    assert_eq!(
        (&later["status"], &later["attempts"]),
        (&json!("accepted"), &json!(2)),
        "{later:#}"
    );
    assert_eq!(chat.sent().await.len(), 1);
}

#[tokio::test]
async fn messages_come_in_with_their_contact() {
    let mut chat = Chat::open().await;
    let location = json!({"type": "message", "mId": "in-2", "timestamp": 1_795_000_000,
        "message": {"type": "location", "latitude": 3.139, "longitude": 101.6869}});
    let file = json!({"type": "message", "mId": "in-3", "timestamp": 1_795_000_000_000_i64,
        "message": {"type": "attachment", "attachment": {"type": "image",
            "url": "https://example.com/cat.png", "mimeType": "image/png", "description": "Cat"}}});
    let events = json!([text("in-1", "Hello ✓"), location, file]);
    assert_eq!(chat.push(events).await, (200, json!({"accepted": 3})));
    let received = chat.received().await;
    let contents: Vec<&Value> = received.iter().map(|message| &message["content"]).collect();
    let of = |kind: &str| {
        let found = contents.iter().find(|content| content["type"] == kind);
        found.unwrap_or_else(|| panic!("no {kind}: {contents:#?}"))
    };
    assert_eq!(of("text")["text"], "Hello ✓");
    assert_eq!(of("location")["longitude"], 101.6869);
    assert_eq!(
        of("attachment")["attachments"][0]["url"],
        "https://example.com/cat.png"
    );
    assert_eq!(of("attachment")["attachments"][0]["kind"], "image");

    let id = received[0]["contact"].as_str().unwrap();
    let contact = chat.host.api.get(&format!("/v1/contacts/{id}")).await.ok();
    for (field, value) in [
        ("firstname", "Ann"),
        ("lastname", "Lee"),
        ("country", "MY"),
        ("email", "ann@example.com"),
        ("phone", ANN),
        ("language", "en"),
    ] {
        assert_eq!(contact[field], value, "{contact:#}");
    }
    // A repetition changes nothing.
    assert_eq!(chat.push(json!([text("in-1", "Hello ✓")])).await.0, 200);
    assert_eq!(chat.received().await.len(), 3);
}

#[tokio::test]
async fn a_channel_that_is_disabled_neither_sends_nor_hears() {
    let mut chat = Chat::open().await;
    let disabled = [
        "channel",
        "disable",
        "chat",
        "--reason",
        "the shop is closed",
    ];
    let said = chat.host.cli(disabled).await.ok();
    assert!(said.contains("nothing comes in"), "{said}");
    let shown = chat.host.api.get("/v1/channels/chat").await.ok();
    assert_eq!(shown["state"], "disabled");
    assert_eq!(shown["reason"], "the shop is closed");
    let doctor = chat.host.cli(["doctor"]).await;
    assert!(doctor.out.contains("chat is disabled"), "{}", doctor.out);
    let content = json!({"type": "text", "text": "Hello"});
    let message = json!({"channel": "chat", "to": [ANN], "content": content});
    let sent = chat.host.api.post("/v1/messages", message).await.ok();
    let id = sent["id"].as_str().unwrap().to_owned();
    assert_eq!(chat.push(json!([text("in-1", "Hello?")])).await.0, 404);
    assert!(chat.received().await.is_empty());
    // What was written waits, and leaves once it is enabled; what is said then is heard.
    let waiting = chat.host.api.get(&format!("/v1/messages/{id}")).await.ok();
    assert_eq!(waiting["status"], "queued", "{waiting:#}");
    chat.host.cli(["channel", "resume", "chat"]).await.ok();
    let left = |message: &Value| message["status"] != "queued" && message["status"] != "sending";
    chat.host.api.message_until(&id, "sent", left).await;
    assert_eq!(chat.push(json!([text("in-1", "Hello?")])).await.0, 200);
    assert_eq!(chat.received().await.len(), 1);
    assert_eq!(chat.sent().await.len(), 1);
}

#[tokio::test]
async fn requests_without_the_token_are_401_and_change_nothing() {
    let mut chat = Chat::open().await;
    let body = json!({"channelId": "gfd8g7fd89dgfd", "contactId": ANN,
        "events": [text("in-1", "Hello")]});
    for token in [
        Value::Null,
        json!("wrong"),
        json!(""),
        json!(format!("{TOKEN} ")),
    ] {
        let (status, answer) = chat.push_with(body.clone(), token.clone()).await;
        // White space around the token does not belong to it.
        if token == format!("{TOKEN} ") {
            assert_eq!(status, 200);
            continue;
        }
        assert_eq!(status, 401, "{token}");
        assert!(answer["error"]["message"].is_string(), "{answer}");
        assert_eq!(chat.received().await.len(), 0);
    }
}

#[tokio::test]
async fn what_cannot_be_read_is_refused_with_a_reason() {
    let mut chat = Chat::open().await;
    let events = json!([text("in-1", "Hello")]);
    let table = [
        (json!("{broken"), 400),
        (
            json!({"channelId": "another", "contactId": ANN, "events": events}),
            404,
        ),
        (
            json!({"channelId": "gfd8g7fd89dgfd", "contactId": "not a number", "events": events}),
            422,
        ),
    ];
    for (body, expected) in table {
        let (status, answer) = chat.push_with(body.clone(), json!(TOKEN)).await;
        assert_eq!(status, expected, "{body} {answer}");
        assert!(answer["error"]["message"].is_string(), "{answer}");
    }
    assert_eq!(chat.received().await.len(), 0);
}

#[tokio::test]
async fn receipts_move_a_message_up_and_never_down() {
    let mut chat = Chat::open().await;
    let message = chat.send(json!({"type": "text", "text": "hi"})).await;
    let id = message["provider-id"].as_str().unwrap().to_owned();
    assert_eq!(id, "mid-1");
    let mut shown = Vec::new();
    for value in ["delivered", "sent", "read", "delivered", "failed"] {
        assert_eq!(chat.push(json!([status(&id, value)])).await.0, 200);
        shown.push(
            chat.message(&message).await["status"]
                .as_str()
                .unwrap()
                .to_owned(),
        );
    }
    assert_eq!(shown, ["delivered", "delivered", "read", "read", "read"]);
}

#[tokio::test]
async fn an_echo_of_our_own_message_is_no_second_one_and_a_foreign_one_is_kept() {
    let mut chat = Chat::open().await;
    let message = chat.send(json!({"type": "text", "text": "hi"})).await;
    let echo = |id: &str, text: &str| {
        json!({"type": "message_echo", "mId": id, "timestamp": 1_795_000_000_000_i64,
            "message": {"type": "text", "text": text}})
    };
    let own = message["provider-id"].as_str().unwrap();
    let events = json!([echo(own, "hi"), echo("elsewhere-1", "From my own phone")]);
    assert_eq!(chat.push(events.clone()).await.0, 200);
    assert_eq!(chat.push(events).await.0, 200);
    let all = chat.host.api.all("/v1/messages?channel=chat").await;
    assert_eq!(all.len(), 2, "{all:#?}");
    let foreign = all
        .iter()
        .find(|message| message["source"] == "echo")
        .unwrap();
    assert_eq!(foreign["direction"], "out");
    assert_eq!(foreign["content"]["text"], "From my own phone");
}

#[tokio::test]
async fn a_workflow_talks_both_ways() {
    let mut chat = Chat::open().await;
    let document = "name: talk\ntrigger:\n  event: message.received\n  \
                    when: {field: message.text, is: order}\n\
                    steps:\n  ask:\n    uses: ask-question@1\n    with: {text: How many?, \
                    type: number, min: 1, max: 9, save: {variable: count}}\n";
    chat.host.api.publish(document).await;
    assert_eq!(chat.push(json!([text("in-1", "order")])).await.0, 200);
    let run = chat.host.api.all("/v1/runs?workflow=talk").await.remove(0);
    let run = run["id"].as_str().unwrap().to_owned();
    chat.host.api.waiting_at(&run, "ask").await;
    jackfield_tests::until("the question", async || {
        (chat.sent().await.len() == 1).then_some(())
    })
    .await;
    assert_eq!(chat.push(json!([text("in-2", "7")])).await.0, 200);
    assert_eq!(chat.host.api.completed(&run).await["variables"]["count"], 7);
    assert_eq!(chat.sent().await[0]["message"]["text"], "How many?");
}

#[tokio::test]
async fn a_request_that_cannot_be_read_is_kept_and_read_again_when_that_is_mended() {
    let mut chat = Chat::open().await;
    let secret = "/v1/channels/chat/secrets/api-token";
    assert_eq!(chat.host.api.delete(secret).await.status, 204);
    // Nobody can say whether this is the integrator; it is kept, for it may well be.
    chat.push(json!([text("in-1", "Hello")])).await;
    assert_eq!(chat.received().await.len(), 0);
    let kept = chat.host.api.all("/v1/inbound-failures?channel=chat").await;
    assert_eq!(
        (kept.len(), &kept[0]["state"]),
        (1, &json!("failed")),
        "{kept:#?}"
    );
    assert!(
        !json!(kept).to_string().contains(TOKEN),
        "the token is shown"
    );

    assert_eq!(
        chat.host
            .api
            .put(secret, json!({"value": TOKEN}))
            .await
            .status,
        204
    );
    let id = kept[0]["id"].as_str().unwrap();
    for _ in 0..2 {
        // The second time there is nothing more to do, whatever the answer says.
        let replay = chat.host.cli(["inbound", "replay", id]).await;
        assert!(
            matches!(replay.status.code(), Some(0 | 4)),
            "{}{}",
            replay.out,
            replay.err
        );
    }
    let received = chat.received().await;
    assert_eq!(
        (received.len(), &received[0]["content"]["text"]),
        (1, &json!("Hello"))
    );
    let kept = chat
        .host
        .api
        .all("/v1/inbound-failures?state=replayed")
        .await;
    assert_eq!(kept.len(), 1, "{kept:#?}");
}

#[tokio::test]
async fn a_number_on_the_channel_is_the_contact_of_that_number() {
    let mut chat = Chat::open().await;
    let contact = format!("phone:{ANN}");
    let known = chat
        .host
        .api
        .put(
            &format!("/v1/contacts/{contact}"),
            json!({"firstname": "Ann"}),
        )
        .await
        .ok();
    let (status, _) = chat.push(json!([text("m1", "Hello")])).await;
    assert_eq!(status, 200);
    assert_eq!(chat.received().await[0]["contact"], known["id"]);
    assert_eq!(chat.host.api.all("/v1/contacts").await.len(), 1);
    // And a message to that contact needs no address.
    let message = json!({"channel": "chat", "contact": contact,
        "content": {"type": "text", "text": "Hello Ann"}});
    chat.host.api.post("/v1/messages", message).await.ok();
}
