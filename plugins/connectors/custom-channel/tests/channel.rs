//! The connector `custom-channel` against the test host.
#![allow(clippy::unwrap_used, missing_docs)]

use custom_channel::CustomChannel;
use jackfield_plugin::crypto::{self, Algorithm};
use jackfield_plugin::prelude::*;
use jackfield_plugin::testing::{Host, Installed, Plugged, call_error, response};

const TOKEN: &str = "secret-token";
const NOW: u64 = 1_767_225_600_000;

fn channel(more: Value) -> Plugged<CustomChannel> {
    let mut settings = json!({"webhook-url": "https://chat.example/message", "channel-id": "gfd8"});
    for (name, value) in more.as_object().unwrap() {
        settings[name] = value.clone();
    }
    Plugged::new(settings)
}

fn answering(status: u16, body: &str) -> Installed {
    let body = body.to_owned();
    Host::new()
        .now(NOW)
        .secret("api-token", TOKEN)
        .http(move |_| Ok(response(status, &[("retry-after", "9")], body.clone())))
        .install()
}

fn message(content: Value) -> Value {
    json!({"id": "message-1", "to": ["+60177872890"], "content": content})
}

fn sent(content: Value) -> Value {
    let host = answering(200, r#"{"mId": "xcv"}"#);
    channel(json!({})).send(message(content)).unwrap();
    let body: Value = serde_json::from_slice(host.requests()[0].body.as_deref().unwrap()).unwrap();
    body["message"].clone()
}

fn request(headers: &[(&str, &str)], body: &str) -> WebhookRequest {
    WebhookRequest {
        method: "POST".into(),
        url: "https://j.example/hooks/custom".into(),
        headers: headers
            .iter()
            .map(|(name, value)| ((*name).into(), (*value).into()))
            .collect(),
        body: body.as_bytes().to_vec(),
    }
}

fn posted(body: Value) -> (u16, Vec<Value>) {
    let _host = answering(200, "");
    let request = request(
        &[("authorization", "Bearer secret-token")],
        &body.to_string(),
    );
    let (received, events) = channel(json!({})).receive(request).unwrap();
    (received.status, events)
}

fn event(event: Value) -> Vec<Value> {
    let (status, events) =
        posted(json!({"channelId": "gfd8", "contactId": "+60177872890", "events": [event]}));
    assert_eq!(status, 200);
    events
}

#[test]
fn a_text_is_posted_with_the_token() {
    let host = answering(200, r#"{"mId": "xcv"}"#);
    let receipt = channel(json!({}))
        .send(message(json!({"type": "text", "text": "hi"})))
        .unwrap();
    assert_eq!(
        (receipt.provider_id.as_str(), receipt.status.as_str()),
        ("xcv", "accepted")
    );
    let request = &host.requests()[0];
    assert_eq!(
        (request.method.as_str(), request.url.as_str()),
        ("POST", "https://chat.example/message")
    );
    assert!(
        request
            .headers
            .contains(&("authorization".into(), "Bearer {{secret:api-token}}".into()))
    );
    assert!(
        !request
            .headers
            .iter()
            .any(|(name, _)| name == "x-signature")
    );
    let body: Value = serde_json::from_slice(request.body.as_deref().unwrap()).unwrap();
    assert_eq!(
        body,
        json!({"channelId": "gfd8", "contactId": "+60177872890", "message": {"type": "text", "text": "hi"}})
    );
}

#[test]
fn every_kind_of_message_has_its_form() {
    let file = json!({"url": "https://x.example/a.png", "content-type": "image/png", "file-name": "a.png"});
    assert_eq!(
        sent(json!({"type": "attachment", "attachments": [file], "text": "look"})),
        json!({"type": "attachment", "attachment": {"type": "image", "url": "https://x.example/a.png",
            "mimeType": "image/png", "fileName": "a.png", "description": "look"}})
    );
    assert_eq!(
        sent(
            json!({"type": "quick-reply", "text": "Which?", "replies": [{"title": "A"}, {"title": "B"}]})
        ),
        json!({"type": "quick_reply", "title": "Which?", "replies": ["A", "B"]})
    );
    assert_eq!(
        sent(json!({"type": "location", "latitude": 1.5, "longitude": 2.5})),
        json!({"type": "location", "latitude": 1.5, "longitude": 2.5})
    );
    assert_eq!(
        sent(json!({"type": "custom", "payload": {"type": "card"}})),
        json!({"type": "card"})
    );
}

#[test]
fn a_request_can_be_signed_with_or_without_the_token() {
    for (authentication, with_token) in [("signature", false), ("both", true)] {
        let host = answering(200, "{}");
        let receipt = channel(json!({"authentication": authentication}))
            .send(message(json!({"type": "text", "text": "hi"})))
            .unwrap();
        assert_eq!(receipt.provider_id, "message-1");
        let request = &host.requests()[0];
        let header = |name: &str| {
            request
                .headers
                .iter()
                .find(|(key, _)| key == name)
                .map(|(_, value)| value.clone())
        };
        assert_eq!(header("authorization").is_some(), with_token);
        let timestamp = header("x-timestamp").unwrap();
        assert_eq!(timestamp, (NOW / 1_000).to_string());
        let mut signed = format!("{timestamp}.").into_bytes();
        signed.extend(request.body.clone().unwrap());
        let expected = hex::encode(crypto::hmac(Algorithm::Sha256, "api-token", &signed).unwrap());
        assert_eq!(header("x-signature").unwrap(), format!("sha256={expected}"));
    }
}

#[test]
fn refusals_have_their_kinds_and_keep_the_reason() {
    let refused = |status: u16| {
        let _host = answering(status, r#"{"error": {"message": "not today"}}"#);
        channel(json!({}))
            .send(message(json!({"type": "text", "text": "hi"})))
            .unwrap_err()
    };
    for (status, code) in [
        (400, "unknown"),
        (401, "auth"),
        (403, "auth"),
        (413, "content-rejected"),
        (429, "rate-limited"),
        (500, "transient"),
    ] {
        let failure = refused(status);
        assert_eq!(failure.code, code, "{status}");
        assert!(failure.message.contains("not today"));
    }
    assert_eq!(refused(429).retry_after, Some(9_000));
    assert!(refused(504).maybe_sent && !refused(500).maybe_sent);
    let _host = Host::new()
        .http(|_| Err(call_error("timeout", "slow")))
        .install();
    assert!(
        channel(json!({}))
            .send(message(json!({"type": "text", "text": "hi"})))
            .unwrap_err()
            .maybe_sent
    );
}

#[test]
fn a_contact_is_what_the_id_type_says() {
    let _host = answering(200, "{}");
    let send = |id_type: &str, to: &str| {
        let mut message = message(json!({"type": "text", "text": "hi"}));
        message["to"] = json!([to]);
        channel(json!({"id-type": id_type}))
            .send(message)
            .map_err(|failure| failure.code)
    };
    assert!(send("custom", "user_1").is_ok());
    assert_eq!(send("phone", "user_1").unwrap_err(), "recipient-invalid");
    assert_eq!(send("custom", "a b").unwrap_err(), "recipient-invalid");
    let (status, events) = posted(json!({"contactId": "user_1", "events": []}));
    assert_eq!((status, events.len()), (422, 0));
}

#[test]
fn a_message_comes_in_with_the_contacts_profile() {
    let (status, events) = posted(json!({
        "channelId": "gfd8", "contactId": "+60177872890",
        "events": [{"type": "message", "mId": "xcv", "timestamp": 2_132_131_321_000u64, "message": {"type": "text", "text": "Hello"}}],
        "contact": {"firstName": "Ann", "lastName": "Lee", "profilePic": "https://x.example/p.png", "countryCode": "MY",
            "email": "ann@example.com", "phone": "+60177872890", "language": "en"},
    }));
    assert_eq!(status, 200);
    assert_eq!(
        events,
        [json!({
            "type": "message", "provider-id": "xcv", "from": "+60177872890", "at": 2_132_131_321_000u64,
            "content": {"type": "text", "text": "Hello"},
            "profile": {"firstname": "Ann", "lastname": "Lee", "profile-pic": "https://x.example/p.png", "country": "MY",
                "email": "ann@example.com", "phone": "+60177872890", "language": "en"},
        })]
    );
}

#[test]
fn echoes_updates_files_and_places_come_in() {
    let echo = event(
        json!({"type": "message_echo", "mId": 7, "message": {"type": "text", "text": "From the app"}}),
    );
    assert_eq!(
        (&echo[0]["type"], &echo[0]["provider-id"]),
        (&json!("echo"), &json!("7"))
    );
    let status = event(
        json!({"type": "message_status", "mId": "a", "timestamp": 1_767_225_600, "status": {"value": "delivered"}}),
    );
    assert_eq!(
        status,
        [json!({"type": "status", "provider-id": "a", "status": "delivered", "at": NOW})]
    );
    let status = event(
        json!({"type": "message_status", "mId": "a", "status": {"value": "failed", "message": "gone"}}),
    );
    assert_eq!(
        status[0]["error"],
        json!({"code": "unknown", "message": "gone"})
    );
    let file = event(
        json!({"type": "message", "mId": "b", "message": {"type": "attachment",
        "attachment": {"type": "image", "url": "https://x.example/a.png", "description": "look"}}}),
    );
    assert_eq!(file[0]["content"]["attachments"][0]["kind"], "image");
    let place = event(
        json!({"type": "message", "mId": "c", "message": {"type": "location", "latitude": 1.5, "longitude": 2}}),
    );
    assert_eq!(
        place[0]["content"],
        json!({"type": "location", "latitude": 1.5, "longitude": 2.0})
    );
    let other =
        event(json!({"type": "message", "mId": "d", "message": {"type": "sticker", "id": 3}}));
    assert_eq!(other[0]["content"]["payload"]["id"], 3);
}

#[test]
fn one_bad_event_does_not_spoil_the_others_and_unknown_kinds_are_fine() {
    let (status, events) = posted(json!({"contactId": "+60177872890", "events": [
        {"type": "message", "message": {"type": "text", "text": "no id"}},
        {"type": "typing", "mId": "t"},
        {"type": "message", "mId": "x"},
        {"type": "message", "mId": "good", "message": {"type": "text", "text": "yes"}},
    ]}));
    assert_eq!(status, 200);
    assert_eq!(events.len(), 1);
    assert_eq!(events[0]["provider-id"], "good");
}

#[test]
fn who_cannot_prove_himself_says_nothing() {
    let body = json!({"contactId": "+60177872890", "events": [
        {"type": "message", "mId": "x", "message": {"type": "text", "text": "hi"}}
    ]})
    .to_string();
    let answer = |authentication: &str, headers: &[(&str, &str)]| {
        let (received, events) = channel(json!({"authentication": authentication}))
            .receive(request(headers, &body))
            .unwrap();
        assert_eq!(received.status == 200, events.len() == 1);
        received.status
    };
    let _host = answering(200, "");
    let signed = |timestamp: u64| {
        let text = format!("{timestamp}.{body}");
        format!(
            "sha256={}",
            hex::encode(crypto::hmac(Algorithm::Sha256, "api-token", text.as_bytes()).unwrap())
        )
    };
    let seconds = NOW / 1_000;
    let (good, old, ahead) = (
        signed(seconds),
        signed(seconds - 301),
        signed(seconds + 301),
    );
    let in_milliseconds = signed(NOW);
    let token = ("authorization", "bearer secret-token");

    assert_eq!(answer("bearer", &[token]), 200);
    assert_eq!(answer("bearer", &[]), 401);
    assert_eq!(answer("bearer", &[("authorization", "Bearer other")]), 401);
    assert_eq!(
        answer("bearer", &[("authorization", "Basic secret-token")]),
        401
    );
    let at = |timestamp: u64| timestamp.to_string();
    assert_eq!(
        answer(
            "signature",
            &[("x-timestamp", &at(seconds)), ("x-signature", &good)]
        ),
        200
    );
    assert_eq!(
        answer(
            "signature",
            &[("x-timestamp", &at(NOW)), ("x-signature", &in_milliseconds)]
        ),
        200
    );
    assert_eq!(
        answer(
            "signature",
            &[("x-timestamp", &at(seconds - 301)), ("x-signature", &old)]
        ),
        401
    );
    assert_eq!(
        answer(
            "signature",
            &[("x-timestamp", &at(seconds + 301)), ("x-signature", &ahead)]
        ),
        401
    );
    assert_eq!(
        answer(
            "signature",
            &[("x-timestamp", &at(seconds - 1)), ("x-signature", &good)]
        ),
        401
    );
    assert_eq!(answer("signature", &[token]), 401);
    assert_eq!(answer("both", &[token]), 401);
    assert_eq!(
        answer(
            "both",
            &[token, ("x-timestamp", &at(seconds)), ("x-signature", &good)]
        ),
        200
    );
}

#[test]
fn another_channels_events_and_broken_bodies_are_refused() {
    assert_eq!(
        posted(json!({"channelId": "other", "contactId": "+60177872890", "events": []})).0,
        404
    );
    assert_eq!(posted(json!("?")).0, 400);
    let _host = answering(200, "");
    let get = WebhookRequest {
        method: "GET".into(),
        ..request(&[], "")
    };
    assert_eq!(channel(json!({})).receive(get).unwrap().0.status, 405);
}

#[test]
fn check_and_connect_say_what_they_can() {
    let host = answering(200, "");
    assert_eq!(channel(json!({})).check().unwrap()["account"], "gfd8");
    assert!(host.requests().is_empty());
    let broken =
        Plugged::<CustomChannel>::unchecked(json!({"webhook-url": "https://", "channel-id": "x"}));
    assert!(broken.check().unwrap_err().message.contains("webhook-url"));
    let connected = channel(json!({}))
        .connect("https://j.example/hooks/custom")
        .unwrap();
    assert_eq!(connected["registered"], false);
    assert!(
        connected["instructions"]
            .as_str()
            .unwrap()
            .contains("https://j.example/hooks/custom")
    );
}
