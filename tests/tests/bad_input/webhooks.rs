//! What comes to `/hooks/{channel}` and is no provider's. `twilio` and `custom_channel` hold the
//! signatures of their providers; here it is bytes, methods and sizes, for every connector that
//! hears.

use crate::state::{everything, same};
use crate::wire::exchange;
use jackfield_tests::{ACCOUNT_SID, AUTH_TOKEN, Host, OFFICE};
use reqwest::Method;
use serde_json::{Value, json};

const TOKEN: &str = "a long random text that both sides share";

/// A channel of each connector that has a webhook; gives the addresses.
async fn hooks(host: &Host) -> Vec<String> {
    let chat = json!({"name": "chat", "connector": "custom-channel@1",
        "settings": {"webhook-url": "http://127.0.0.1:9/message", "channel-id": "c"},
        "secrets": {"api-token": TOKEN}});
    let sms = json!({"name": "sms", "connector": "twilio-sms@1",
        "settings": {"account-sid": ACCOUNT_SID, "from": OFFICE, "base-url": "http://127.0.0.1:9"},
        "secrets": {"auth-token": AUTH_TOKEN}});
    let mut hooks = Vec::new();
    for channel in [chat, sms] {
        let made = host.api.post("/v1/channels", channel).await.ok();
        hooks.push(made["webhook"].as_str().unwrap().to_owned());
    }
    hooks
}

fn bodies() -> Vec<Vec<u8>> {
    vec![
        Vec::new(),
        b"{".to_vec(),
        b"\xff\xfe\0".to_vec(),
        b"[".repeat(100_000),
        b"a=%ff&b=%&c".to_vec(),
        b"Body=STOP&From=%2B33612345678&MessageSid=SM1&AccountSid=x".to_vec(),
        json!({"channelId": "c", "contactId": "+33612345678", "events": [{"type": "message",
            "mId": "m", "timestamp": 1, "message": {"type": "text", "text": "STOP"}}]})
        .to_string()
        .into_bytes(),
    ]
}

#[tokio::test]
async fn what_no_provider_signed_is_refused_and_leaves_nothing() {
    let host = Host::start().await;
    let hooks = hooks(&host).await;
    let before = everything(&host.api).await;
    let stranger = host.api.without_key();
    for hook in &hooks {
        for method in [
            Method::GET,
            Method::POST,
            Method::PUT,
            Method::PATCH,
            Method::DELETE,
        ] {
            for body in bodies() {
                for (name, value) in [
                    ("x-none", "none".to_owned()),
                    ("authorization", "Bearer wrong".to_owned()),
                    ("authorization", format!("Bearer {}", &TOKEN[1..])),
                    ("x-signature", "00".to_owned()),
                    (
                        "x-twilio-signature",
                        "AAAAAAAAAAAAAAAAAAAAAAAAAAA=".to_owned(),
                    ),
                    ("x-twilio-signature", "\u{e9}".to_owned()),
                ] {
                    let request = stranger
                        .request(method.clone(), hook)
                        .header(name, value.as_bytes())
                        .body(body.clone());
                    let answer = stranger.send(request).await;
                    assert!(
                        matches!(answer.status, 400..=499),
                        "{method} {hook} {name}: {} {}",
                        answer.status,
                        answer.text
                    );
                }
            }
        }
    }
    // Neither is an address that no channel has, nor a path that is no text.
    for path in [
        "/hooks/chn_unknown",
        "/hooks/%ff",
        "/hooks/%00",
        "/hooks/..%2f",
        "/hooks/chat",
    ] {
        let answer = stranger.post(path, json!({})).await;
        assert!(
            matches!(answer.status, 400..=404),
            "{path}: {}",
            answer.text
        );
    }
    same(&before, &everything(&host.api).await).unwrap();
}

#[tokio::test]
async fn ten_megabytes_at_a_webhook_are_refused_before_they_are_read() {
    let host = Host::start().await;
    for hook in hooks(&host).await {
        let path = hook.split_once("/hooks/").unwrap().1;
        let head =
            format!("POST /hooks/{path} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n");
        let length = 10 << 20;
        let announced = format!("{head}content-length: {length}\r\n\r\n");
        assert_eq!(exchange(&host, &announced, length, false).await.status, 413);
        let pieces = format!("{head}transfer-encoding: chunked\r\n\r\n");
        assert_eq!(exchange(&host, &pieces, length, true).await.status, 413);
    }
    assert!(
        host.api
            .all("/v1/inbound-failures?limit=100")
            .await
            .is_empty()
    );
}

#[tokio::test]
async fn a_partner_that_talks_nonsense_is_told_and_what_is_good_of_it_is_kept_once() {
    let host = Host::start().await;
    let hooks = hooks(&host).await;
    let partner = host.api.with_key(TOKEN);
    let text = |id: Value| {
        json!({"type": "message", "mId": id, "timestamp": 1_795_000_000_000_i64,
            "message": {"type": "text", "text": "Hello"}})
    };
    let with =
        |events: Value| json!({"channelId": "c", "contactId": "+33612345678", "events": events});
    for body in [
        json!(7),
        json!([]),
        json!({}),
        with(json!(7)),
        with(json!([7])),
        with(json!([{"type": "hologram"}])),
        json!({"channelId": "c", "contactId": {"a": 1}, "events": [text(json!("m"))]}),
    ] {
        let answer = partner.post(&hooks[0], body.clone()).await;
        assert!(
            answer.status < 500,
            "{body}: {} {}",
            answer.status,
            answer.text
        );
    }
    assert!(host.api.all("/v1/messages?limit=100").await.is_empty());
    assert!(host.api.all("/v1/contacts?limit=100").await.is_empty());
    // One good event among bad ones, and the whole of it again: one message of one contact.
    for _ in 0..3 {
        let mixed = with(json!([{"type": "hologram"}, text(json!("m-1"))]));
        let answer = partner.post(&hooks[0], mixed).await;
        assert!(answer.status < 500, "{}", answer.text);
        let again = partner
            .post(&hooks[0], with(json!([text(json!("m-1"))])))
            .await;
        assert!(again.status < 300, "{}", again.text);
    }
    assert_eq!(host.api.all("/v1/messages?limit=100").await.len(), 1);
    assert_eq!(host.api.all("/v1/contacts?limit=100").await.len(), 1);
}
