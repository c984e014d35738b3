//! Plugins: what a file is, what a plugin says of itself, and what the built-in ones read of
//! providers and contacts.
//!
//! Inside a host the built-in plugins run as WebAssembly; here they are native code against the
//! SDK's test host, which holds everything that they hand over against the published schemas. A
//! sandbox would catch a panic of theirs; it would still be a request that is lost.

use crate::{json, parts, text};
use ask_question::AskQuestion;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use custom_channel::CustomChannel;
use jackfield_engine::document::StepDescriptor;
use jackfield_plugin::crypto::{Algorithm, hmac};
use jackfield_plugin::testing::{Host, Plugged, Run, describe_step};
use jackfield_plugin::{WebhookRequest, form};
use jackfield_sandbox::{InspectError, inspect};
use serde_json::{Value, json};
use std::sync::LazyLock;
use twilio_sms::TwilioSms;

static STEPS: LazyLock<Vec<StepDescriptor>> = LazyLock::new(|| {
    [
        describe_step::<AskQuestion>(),
        describe_step::<branch::BranchStep>(),
        describe_step::<http_request::HttpRequest>(),
        describe_step::<send_message::SendMessage>(),
        describe_step::<update_contact_field::UpdateContactField>(),
        describe_step::<wait::WaitStep>(),
    ]
    .iter()
    .map(|descriptor| StepDescriptor::from_value(descriptor).expect("a descriptor"))
    .collect()
});

/// What the built-in steps say of themselves.
pub(crate) fn steps() -> &'static [StepDescriptor] {
    &STEPS
}

/// A file that is said to be a plugin: looked at, or refused with what would be right.
pub fn component(data: &[u8]) {
    const MOST: u64 = 64 << 20;
    match inspect(data, MOST) {
        Ok(inspection) => {
            assert_eq!(inspection.size, data.len() as u64);
            assert!(inspection.digest.starts_with("sha256:"));
        }
        Err(error) => {
            assert!(!error.to_string().is_empty());
            if !data.starts_with(b"\0asm") {
                assert!(matches!(error, InspectError::NotWasm), "{error}");
            }
        }
    }
}

/// What a step says of itself, and settings under the schema that it says.
pub fn descriptor(data: &[u8]) {
    let Some(text) = text(data) else { return };
    let [descriptor, settings] = parts(text);
    let Ok(descriptor) = StepDescriptor::parse(descriptor) else {
        return;
    };
    assert!(descriptor.major().is_some());
    let settings = json(settings);
    drop(descriptor.branches_in(&settings));
    drop(descriptor.check_settings(&settings, true));
    drop(descriptor.check_settings(&settings, false));
    for branch in descriptor.fixed_branches() {
        assert!(descriptor.otherwise(&branch).is_some(), "{branch}");
    }
}

const HOOK: &str = "https://j.example/hooks/ch-1";

fn header(name: &str, value: impl Into<String>) -> (String, String) {
    (name.to_owned(), value.into())
}

/// Twilio's webhook: a query, and a form as it comes. Signed as Twilio signs, it is read; altered by
/// one byte, no event comes of it.
pub fn webhook_twilio(data: &[u8]) {
    let Some(text) = text(data) else { return };
    let [query, body] = parts(text);
    let _host = Host::new().secret("auth-token", "t").install();
    let channel = Plugged::<TwilioSms>::unchecked(
        json!({"account-sid": format!("AC{}", "a".repeat(32)), "from": "+15017122661"}),
    );
    let url = format!("{HOOK}{query}");
    let mut fields = form::parse(body.as_bytes());
    fields.sort();
    fields.dedup();
    let signed = fields
        .iter()
        .fold(url.clone(), |text, (name, value)| text + name + value);
    let Ok(mac) = hmac(Algorithm::Sha1, "auth-token", signed.as_bytes()) else {
        return;
    };
    let request = |url: &str, body: &str, signature: &str| WebhookRequest {
        method: "POST".into(),
        url: url.into(),
        headers: vec![
            header("content-type", "application/x-www-form-urlencoded"),
            header("x-twilio-signature", signature),
        ],
        body: body.as_bytes().to_vec(),
    };
    let signature = STANDARD.encode(mac);
    let _ = channel.receive(request(&url, body, &signature));
    // Anything may stand where the signature should.
    for signature in ["", query] {
        if let Ok((received, events)) = channel.receive(request(&url, body, signature)) {
            assert!(events.is_empty() && received.status >= 400, "{events:?}");
        }
    }
    let altered = format!("{body}&Body=altered");
    if let Ok((_, events)) = channel.receive(request(&url, &altered, &signature)) {
        assert!(events.is_empty(), "{events:?}");
    }
}

/// The custom channel's webhook: a body as it comes. With the token it is read; without, no event
/// comes of it.
pub fn webhook_custom(data: &[u8]) {
    let _host = Host::new().secret("api-token", "secret-token").install();
    let channel = Plugged::<CustomChannel>::unchecked(
        json!({"webhook-url": "https://chat.example/message", "channel-id": "gfd8"}),
    );
    let request = |headers| WebhookRequest {
        method: "POST".into(),
        url: HOOK.into(),
        headers,
        body: data.to_vec(),
    };
    let good = vec![header("authorization", "Bearer secret-token")];
    let _ = channel.receive(request(good));
    for headers in [
        Vec::new(),
        vec![header("authorization", String::from_utf8_lossy(data))],
        vec![header("x-signature", "00")],
    ] {
        if let Ok((received, events)) = channel.receive(request(headers)) {
            assert!(events.is_empty() && received.status >= 400, "{events:?}");
        }
    }
}

/// The settings of a question, and what the contact answers.
pub fn answer(data: &[u8]) {
    let Some(text) = text(data) else { return };
    let [settings, answer] = parts(text);
    let mut settings = json(settings);
    if !settings.is_object() {
        return;
    }
    settings["text"] = json!("Question?");
    let _host = Host::new()
        .contact(json!({"id": "c1", "country": "FR"}))
        .channel(
            json!({"id": "ch-1", "name": "sms", "kind": "twilio-sms", "address-kind": "phone"}),
        )
        .install();
    let mut run = Run::<AskQuestion>::new(settings);
    if !matches!(run.start(), Ok(jackfield_plugin::Outcome::Wait(_))) {
        return;
    }
    let message: Value = match serde_json::from_str::<Value>(answer) {
        Ok(Value::Object(message)) => message.into(),
        _ => json!({"id": "in-1", "channel": "sms", "text": answer}),
    };
    let _ = run.event("message.received", json!({"message": message}));
}
