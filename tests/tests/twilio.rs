//! `twilio-sms` against what Twilio itself publishes: a mock made by Prism from Twilio's own OpenAPI
//! document takes what is sent, and requests that Twilio's own SDK has signed are taken.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use jackfield_peers::{Delivery, Gateway};
use jackfield_tests::{ACCOUNT_SID, AUTH_TOKEN, CALLER, Host, OFFICE, PATIENCE, Program, until};
use jackfield_tests::{free_port, openapi};
use reqwest::Method;
use serde_json::{Value, json};
use std::path::Path;

/// Makes the channel `sms`; gives its webhook.
async fn channel(host: &Host, base_url: &str) -> String {
    let channel = json!({
        "name": "sms",
        "connector": "twilio-sms@1",
        "settings": {"account-sid": ACCOUNT_SID, "from": OFFICE, "base-url": base_url},
        "secrets": {"auth-token": AUTH_TOKEN},
    });
    let made = host.api.post("/v1/channels", channel).await.ok();
    made["webhook"].as_str().expect("a webhook").to_owned()
}

/// Sends a text to the caller; gives the message's id.
async fn send(host: &Host, content: Value) -> String {
    let message =
        json!({"contact": format!("phone:{CALLER}"), "channel": "sms", "content": content});
    let sent = host.api.post("/v1/messages", message).await.ok();
    sent["id"].as_str().unwrap().to_owned()
}

/// The document with OpenAPI's default for lists in forms written out (`MediaUrl=a&MediaUrl=b`), as
/// Prism does not know it.
fn spelled_out(document: &Path, folder: &Path) -> String {
    let mut whole: Value = serde_json::from_slice(&std::fs::read(document).unwrap()).unwrap();
    let form = "/paths/~12010-04-01~1Accounts~1{AccountSid}~1Messages.json/post/requestBody/content\
                /application~1x-www-form-urlencoded";
    let form = whole
        .pointer_mut(form)
        .expect("Twilio's document describes the form");
    form["encoding"] = json!({"MediaUrl": {"style": "form", "explode": true}});
    let file = folder.join("twilio.json");
    std::fs::write(&file, whole.to_string()).unwrap();
    file.display().to_string()
}

#[tokio::test]
async fn what_is_sent_passes_a_mock_made_from_twilios_own_openapi_document() {
    let Some(document) = openapi("twilio_api_v2010.json") else {
        return;
    };
    let port = free_port().to_string();
    let folder = tempfile::tempdir().unwrap();
    let document = spelled_out(&document, folder.path());
    let arguments = [
        "mock",
        "--errors",
        "-h",
        "127.0.0.1",
        "-p",
        &port,
        &document,
    ];
    let _prism = Program::npm("prism", &arguments);
    let base = format!("http://127.0.0.1:{port}");
    let host = Host::start().await;
    let messages = format!("{base}/2010-04-01/Accounts/{ACCOUNT_SID}/Messages.json");
    let ask = async |form: &[(&str, &str)]| {
        let request = host.api.without_key().request(Method::POST, &messages);
        let answer = request
            .basic_auth(ACCOUNT_SID, Some("x"))
            .form(form)
            .send()
            .await;
        answer.ok().map(|answer| answer.status().as_u16())
    };
    // The mock judges: what lacks a recipient is refused.
    let refused = until("the mock", async || {
        ask(&[("From", OFFICE), ("Body", "x")]).await
    })
    .await;
    assert_eq!(refused, 422);
    assert_eq!(
        ask(&[("From", OFFICE), ("To", CALLER), ("Body", "x")]).await,
        Some(201)
    );

    channel(&host, &base).await;
    let contents = [
        json!({"type": "text", "text": "Grüße & more = 100 %, +1 💬"}),
        json!({"type": "attachment", "text": "Look", "attachments": [
            {"url": "https://example.com/a.png", "kind": "image"},
            {"url": "https://example.com/b.png", "kind": "image"},
        ]}),
        json!({"type": "template", "name": "HX0123456789abcdef0123456789abcdef",
            "variables": {"1": "Ann"}}),
    ];
    for content in contents {
        let id = send(&host, content.clone()).await;
        let judged = host
            .api
            .message_until(&id, "judged", |message| {
                !matches!(message["status"].as_str(), Some("queued" | "sending"))
            })
            .await;
        assert_eq!(judged["error"], Value::Null, "{content}: {judged:#}");
        assert!(judged["provider-id"].is_string(), "{judged:#}");
        assert_eq!(judged["attempts"], 1);
    }
}

/// A request of Twilio's, signed by its SDK.
struct Twilio {
    signer: Program,
    webhook: String,
}

impl Twilio {
    async fn of(webhook: String) -> Twilio {
        Twilio {
            signer: Program::node("twilio-sign.cjs", &[]).await,
            webhook,
        }
    }

    /// Signs for the webhook with this query.
    async fn sign(&mut self, query: &str, form: &[(&str, &str)]) -> (String, String) {
        let url = format!("{}{query}", self.webhook);
        let params: serde_json::Map<String, Value> = form
            .iter()
            .map(|(name, value)| ((*name).to_owned(), json!(value)))
            .collect();
        let question = json!({"token": AUTH_TOKEN, "url": url, "params": params});
        let signed = self.signer.ask(question).await;
        (url, signed["signature"].as_str().unwrap().to_owned())
    }

    /// Signs and posts; gives status and body.
    async fn post(&mut self, host: &Host, query: &str, form: &[(&str, &str)]) -> (u16, String) {
        let (url, signature) = self.sign(query, form).await;
        post(host, &url, Some(&signature), form).await
    }
}

async fn post(
    host: &Host,
    url: &str,
    signature: Option<&str>,
    form: &[(&str, &str)],
) -> (u16, String) {
    let mut request = host.api.without_key().request(Method::POST, url).form(form);
    if let Some(signature) = signature {
        request = request.header("X-Twilio-Signature", signature);
    }
    let answer = host.api.send(request).await;
    (answer.status, answer.text)
}

fn inbound<'a>(sid: &'a str, body: &'a str) -> Vec<(&'a str, &'a str)> {
    vec![
        ("AccountSid", ACCOUNT_SID),
        ("ApiVersion", "2010-04-01"),
        ("Body", body),
        ("From", CALLER),
        ("FromCountry", "FR"),
        ("MessageSid", sid),
        ("NumMedia", "0"),
        ("NumSegments", "1"),
        ("SmsMessageSid", sid),
        ("SmsSid", sid),
        ("SmsStatus", "received"),
        ("To", OFFICE),
    ]
}

async fn received(host: &Host) -> Vec<Value> {
    host.api.all("/v1/messages?status=received").await
}

#[tokio::test]
async fn requests_that_twilios_sdk_signed_are_taken_and_altered_ones_are_not() {
    let host = Host::start().await;
    let mut twilio = Twilio::of(channel(&host, "http://127.0.0.1:9").await).await;
    let form = inbound(
        "SM00000000000000000000000000000001",
        "Grüße & 100 % + 'x' = ✓",
    );
    let (url, signature) = twilio.sign("", &form).await;
    assert_eq!(
        post(&host, &url, Some(&signature), &form).await,
        (200, "<Response/>".to_owned())
    );
    let taken = received(&host).await;
    assert_eq!(taken.len(), 1);
    assert_eq!(taken[0]["content"]["text"], "Grüße & 100 % + 'x' = ✓");
    assert_eq!(taken[0]["address"], CALLER);

    // Signed with a query.
    let second = inbound("SM00000000000000000000000000000002", "second");
    assert_eq!(
        twilio
            .post(&host, "?a=%27b%27&c=%20d&e=1+2", &second)
            .await
            .0,
        200
    );
    assert_eq!(received(&host).await.len(), 2);

    // A body that is no form is signed by its digest in the address.
    let body = "{\"a\": 1}";
    let question = json!({"token": AUTH_TOKEN, "url": twilio.webhook, "body": body});
    let signed = twilio.signer.ask(question).await;
    for (sent, status) in [(body, 200), ("{\"a\": 2}", 403)] {
        let request = host
            .api
            .without_key()
            .request(Method::POST, signed["url"].as_str().unwrap())
            .header("X-Twilio-Signature", signed["signature"].as_str().unwrap())
            .header("content-type", "application/json")
            .body(sent);
        assert_eq!(host.api.send(request).await.status, status, "{sent}");
    }
    assert_eq!(received(&host).await.len(), 2);

    let mut altered = inbound("SM00000000000000000000000000000003", "Send me money");
    let signature_of_another = twilio.sign("", &altered).await.1;
    altered[2].1 = "Send me more money";
    let mut more = inbound("SM00000000000000000000000000000003", "Send me money");
    more.push(("OptOutType", "STOP"));
    let attempts = [
        (
            url.clone(),
            Some(signature_of_another.clone()),
            altered.clone(),
        ),
        (url.clone(), Some(signature_of_another.clone()), more),
        (
            format!("{url}?x=1"),
            Some(signature_of_another),
            inbound("SM3", "Send me money"),
        ),
        (url.clone(), Some("AAAA".to_owned()), altered.clone()),
        (url.clone(), Some("no base64 !".to_owned()), altered.clone()),
        (url, None, altered),
    ];
    for (url, signature, form) in attempts {
        let (status, _) = post(&host, &url, signature.as_deref(), &form).await;
        assert_eq!(status, 403, "{url} {signature:?}");
    }
    assert_eq!(
        received(&host).await.len(),
        2,
        "an unverified request yields no event"
    );
    assert_eq!(
        host.api.all("/v1/opt-outs?limit=100").await,
        Vec::<Value>::new()
    );

    // Another channel's webhook is another secret's, and an unknown one is nobody's.
    let unknown = format!("{}/hooks/chn_unknown", host.url());
    assert_eq!(post(&host, &unknown, None, &[]).await.0, 404);
}

#[tokio::test]
async fn a_message_that_twilio_repeats_is_heard_once() {
    let host = Host::start().await;
    let mut twilio = Twilio::of(channel(&host, "http://127.0.0.1:9").await).await;
    let document = "name: hear\ntrigger: {event: message.received}\nsteps:\n  \
                    a: {uses: wait@1, with: {until: \"2020-01-01 00:00\"}}\n";
    host.api.publish(document).await;
    let form = inbound("SM00000000000000000000000000000001", "Hello");
    for _ in 0..3 {
        assert_eq!(twilio.post(&host, "", &form).await.0, 200);
    }
    assert_eq!(received(&host).await.len(), 1);
    assert_eq!(host.api.all("/v1/runs?workflow=hear").await.len(), 1);
}

#[tokio::test]
async fn statuses_that_come_twice_or_out_of_order_leave_the_highest() {
    let gateway = Gateway::start(ACCOUNT_SID, AUTH_TOKEN).await.unwrap();
    gateway.set_delivery(CALLER, Delivery::Held);
    let host = Host::start().await;
    let mut twilio = Twilio::of(channel(&host, &gateway.url).await).await;
    let id = send(&host, json!({"type": "text", "text": "Hello"})).await;
    let sms = gateway
        .messages()
        .at_least(1, PATIENCE)
        .await
        .unwrap()
        .remove(0);
    let callback = sms.status_callback.clone().unwrap();
    let query = callback
        .strip_prefix(&twilio.webhook)
        .expect("a callback to our webhook");
    let mut shown = Vec::new();
    for status in [
        "queued",
        "sent",
        "delivered",
        "sent",
        "delivered",
        "queued",
        "undelivered",
    ] {
        let mut form = vec![
            ("AccountSid", ACCOUNT_SID),
            ("From", OFFICE),
            ("MessageSid", sms.sid.as_str()),
            ("MessageStatus", status),
            ("SmsSid", sms.sid.as_str()),
            ("SmsStatus", status),
            ("To", CALLER),
        ];
        if status == "undelivered" {
            form.push(("ErrorCode", "30003"));
        }
        assert_eq!(twilio.post(&host, query, &form).await.0, 200, "{status}");
        let message = host.api.get(&format!("/v1/messages/{id}")).await.ok();
        shown.push(message["status"].as_str().unwrap().to_owned());
    }
    assert_eq!(
        shown[1..],
        [
            "sent",
            "delivered",
            "delivered",
            "delivered",
            "delivered",
            "delivered"
        ]
    );
}

#[tokio::test]
async fn stop_start_and_help_are_heard_and_answered() {
    let gateway = Gateway::start(ACCOUNT_SID, AUTH_TOKEN).await.unwrap();
    let host = Host::start().await;
    let mut twilio = Twilio::of(channel(&host, &gateway.url).await).await;
    let texts = async |count: usize| {
        let all = gateway.messages().at_least(count, PATIENCE).await.unwrap();
        all[count - 1].body.clone()
    };
    let opt_outs = async || {
        let all = host.api.all("/v1/opt-outs?limit=100").await;
        all.into_iter()
            .filter(|one| one["cleared-at"].is_null())
            .count()
    };
    let help = inbound("SM00000000000000000000000000000001", "Help!");
    assert_eq!(twilio.post(&host, "", &help).await.0, 200);
    assert!(!texts(1).await.is_empty());
    assert_eq!(opt_outs().await, 0);

    let stop = inbound("SM00000000000000000000000000000002", " Arrêt ! ");
    assert_eq!(twilio.post(&host, "", &stop).await.0, 200);
    assert_eq!(opt_outs().await, 1);
    let confirmed = texts(2).await;
    let id = send(&host, json!({"type": "text", "text": "Hello"})).await;
    let kept = host
        .api
        .message_until(&id, "judged", |one| one["status"] != "queued")
        .await;
    assert_eq!(
        (&kept["status"], &kept["reason"]),
        (&json!("suppressed"), &json!("opted-out"))
    );

    // Said again, it is confirmed no second time; the provider's own word needs no answer at all.
    let again = inbound("SM00000000000000000000000000000003", "STOP");
    assert_eq!(twilio.post(&host, "", &again).await.0, 200);
    let mut start = inbound("SM00000000000000000000000000000004", "START");
    start.push(("OptOutType", "START"));
    assert_eq!(twilio.post(&host, "", &start).await.0, 200);
    assert_eq!(opt_outs().await, 0);
    let id = send(&host, json!({"type": "text", "text": "Welcome back"})).await;
    host.api
        .message_until(&id, "delivered", |message| message["status"] == "delivered")
        .await;
    assert_eq!(texts(3).await, "Welcome back", "after {confirmed:?}");
    assert_eq!(gateway.messages().count(), 3);
}

#[tokio::test]
async fn twilios_errors_lead_where_they_should() {
    let gateway = Gateway::start(ACCOUNT_SID, AUTH_TOKEN).await.unwrap();
    let host = Host::start().await;
    channel(&host, &gateway.url).await;
    let table = [
        // Too fast, and overloaded: tried again.
        (20429, "delivered", None),
        (20503, "delivered", None),
        // Said STOP at Twilio: that is an opt-out.
        (21610, "failed", Some("recipient-opted-out")),
    ];
    for (code, status, reason) in table {
        gateway.refuse_next(code);
        let id = send(&host, json!({"type": "text", "text": "Hello"})).await;
        let message = host
            .api
            .message_until(&id, status, |message| message["status"] == status)
            .await;
        assert_eq!(message["reason"].as_str(), reason, "{code}: {message:#}");
    }
    let id = send(&host, json!({"type": "text", "text": "Hello"})).await;
    let kept = host
        .api
        .message_until(&id, "judged", |one| one["status"] != "queued")
        .await;
    assert_eq!(kept["status"], "suppressed", "{kept:#}");
}
