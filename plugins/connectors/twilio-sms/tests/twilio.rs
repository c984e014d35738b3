//! The connector `twilio-sms` against the test host.
#![allow(clippy::unwrap_used, missing_docs)]

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jackfield_plugin::crypto::{self, Algorithm};
use jackfield_plugin::form;
use jackfield_plugin::prelude::*;
use jackfield_plugin::testing::{Host, Installed, Plugged, call_error, response};
use twilio_sms::TwilioSms;

const SID: &str = "ACaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
const HOOK: &str = "https://j.example/hooks/ch-1";

fn channel() -> Plugged<TwilioSms> {
    Plugged::new(json!({"account-sid": SID, "from": "+15017122661"}))
}

fn answering(status: u16, body: Value) -> Installed {
    Host::new()
        .secret("auth-token", "t")
        .http(move |_| Ok(response(status, &[("retry-after", "3")], body.to_string())))
        .install()
}

fn taken() -> Installed {
    answering(
        201,
        json!({"sid": "SM1", "status": "queued", "error_code": null, "num_segments": "2", "price": null}),
    )
}

fn text(text: &str) -> Value {
    json!({"id": "message-1", "to": ["+15558675310"], "content": {"type": "text", "text": text}, "status-url": HOOK})
}

fn fields(host: &Installed) -> Vec<(String, String)> {
    form::parse(host.requests()[0].body.as_deref().unwrap())
}

fn pair(name: &str, value: &str) -> (String, String) {
    (name.into(), value.into())
}

/// What Twilio would post, signed.
fn posted(url: &str, params: &[(&str, &str)]) -> (u16, String, Vec<Value>) {
    let _host = Host::new().secret("auth-token", "t").install();
    let mut sorted = params.to_vec();
    sorted.sort_unstable();
    let signed = sorted
        .iter()
        .fold(url.to_owned(), |text, (name, value)| text + name + value);
    let signature =
        STANDARD.encode(crypto::hmac(Algorithm::Sha1, "auth-token", signed.as_bytes()).unwrap());
    let request = WebhookRequest {
        method: "POST".into(),
        url: url.into(),
        headers: vec![
            pair("content-type", "application/x-www-form-urlencoded"),
            pair("x-twilio-signature", &signature),
        ],
        body: form::encode(params.iter().copied()).into_bytes(),
    };
    let (received, events) = channel().receive(request).unwrap();
    (
        received.status,
        String::from_utf8(received.body).unwrap(),
        events,
    )
}

#[test]
fn a_text_is_posted_with_credentials_and_a_status_callback_of_its_own() {
    let host = taken();
    let receipt = channel().send(text("Hi é")).unwrap();
    assert_eq!(
        (receipt.provider_id.as_str(), receipt.status.as_str()),
        ("SM1", "accepted")
    );
    assert_eq!(receipt.detail.unwrap()["segments"], 2);
    let request = &host.requests()[0];
    assert_eq!(
        request.url,
        format!("https://api.twilio.com/2010-04-01/Accounts/{SID}/Messages.json")
    );
    let auth = request.basic_auth.clone().unwrap();
    assert_eq!(
        (auth.username.as_str(), auth.password.as_str()),
        (SID, "{{secret:auth-token}}")
    );
    assert_eq!(request.idempotency_header, None);
    assert_eq!(
        fields(&host),
        [
            pair("To", "+15558675310"),
            pair("From", "+15017122661"),
            pair("Body", "Hi é"),
            pair(
                "StatusCallback",
                "https://j.example/hooks/ch-1?message=message-1"
            ),
        ]
    );
}

#[test]
fn a_messaging_service_an_api_key_and_another_address_can_be_set() {
    let host = taken();
    let settings = json!({"account-sid": SID, "messaging-service-sid": "MG1234", "api-key-sid": "SK1234",
        "base-url": "http://127.0.0.1:4010/"});
    Plugged::<TwilioSms>::new(settings)
        .send(text("Hi"))
        .unwrap();
    let request = &host.requests()[0];
    assert!(
        request.url.starts_with("http://127.0.0.1:4010/2010-04-01/"),
        "{}",
        request.url
    );
    assert_eq!(
        request.basic_auth.clone().unwrap().password,
        "{{secret:api-key-secret}}"
    );
    assert!(fields(&host).contains(&pair("MessagingServiceSid", "MG1234")));
}

#[test]
fn a_message_may_have_a_sender_files_or_a_template() {
    let host = taken();
    let mut message = text("x");
    message["sender"] = json!("ACME");
    message["content"] = json!({"type": "attachment", "text": "look", "attachments": [
        {"url": "https://x.example/1.png"}, {"url": "https://x.example/2.png"}
    ]});
    channel().send(message.clone()).unwrap();
    let sent = fields(&host);
    assert!(sent.contains(&pair("From", "ACME")) && sent.contains(&pair("Body", "look")));
    assert_eq!(
        sent.iter().filter(|(name, _)| name == "MediaUrl").count(),
        2
    );

    let host = taken();
    message["content"] =
        json!({"type": "template", "name": "HX1", "variables": {"1": "Ann", "2": 3}});
    channel().send(message.clone()).unwrap();
    let sent = fields(&host);
    assert!(
        sent.contains(&pair("ContentSid", "HX1"))
            && sent.contains(&pair("ContentVariables", r#"{"1":"Ann","2":"3"}"#))
    );

    let _host = taken();
    message["content"] = json!({"type": "attachment", "attachments": [{"content": "aGk="}]});
    assert_eq!(
        channel().send(message.clone()).unwrap_err().code,
        "unsupported"
    );
    message["content"] = json!({"type": "location", "latitude": 1.0, "longitude": 2.0});
    assert_eq!(channel().send(message).unwrap_err().code, "unsupported");
}

#[test]
fn sixteen_hundred_characters_are_the_limit() {
    let host = taken();
    channel().send(text(&"é".repeat(1_600))).unwrap();
    assert_eq!(
        channel().send(text(&"é".repeat(1_601))).unwrap_err().code,
        "content-rejected"
    );
    assert_eq!(host.requests().len(), 1);
}

#[test]
fn errors_have_their_kinds() {
    let refused = |status: u16, code: u32| {
        let _host = answering(
            status,
            json!({"code": code, "message": "no", "status": status}),
        );
        channel().send(text("Hi")).unwrap_err()
    };
    for (kind, codes) in [
        ("auth", vec![20003, 63001]),
        ("outside-window", vec![63016]),
        (
            "recipient-invalid",
            vec![21211, 21614, 21612, 30005, 30006, 63003, 63024],
        ),
        ("recipient-opted-out", vec![21610, 63014, 63033]),
        ("rate-limited", vec![14107, 63018, 21611]),
        ("transient", vec![30001, 30008, 63012]),
        ("policy", vec![30002, 21408, 30007, 63013]),
        ("content-rejected", vec![21617]),
        ("unknown", vec![99999]),
    ] {
        for code in codes {
            assert_eq!(refused(400, code).code, kind, "{code}");
        }
    }
    assert_eq!(refused(401, 20003).class, FailureClass::Blocked);
    let failure = refused(429, 20429);
    assert_eq!(
        (failure.code.as_str(), failure.class, failure.retry_after),
        ("rate-limited", FailureClass::Transient, Some(3_000))
    );
    let failure = refused(503, 0);
    assert_eq!(
        (failure.code.as_str(), failure.maybe_sent),
        ("transient", false)
    );
    assert!(refused(504, 0).maybe_sent);
    assert!(refused(400, 21211).message.contains("21211"));
}

#[test]
fn a_send_without_an_answer_may_have_arrived() {
    let without_answer = |code: &'static str| {
        let _host = Host::new()
            .http(move |_| Err(call_error(code, "no")))
            .install();
        channel().send(text("Hi")).unwrap_err()
    };
    let failure = without_answer("timeout");
    assert_eq!(
        (failure.code.as_str(), failure.maybe_sent),
        ("transient", true)
    );
    assert!(!without_answer("connect").maybe_sent);
    let _host = answering(200, json!("?"));
    assert!(channel().send(text("Hi")).unwrap_err().maybe_sent);
}

#[test]
fn a_message_that_failed_at_once_is_a_failure() {
    let _host = answering(
        201,
        json!({"sid": "SM1", "status": "failed", "error_code": 21610, "error_message": "stopped"}),
    );
    assert_eq!(
        channel().send(text("Hi")).unwrap_err().code,
        "recipient-opted-out"
    );
}

#[test]
fn an_sms_comes_in() {
    let (status, body, events) = posted(
        HOOK,
        &[
            ("MessageSid", "SM9"),
            ("SmsStatus", "received"),
            ("From", "+33612345678"),
            ("To", "+15017122661"),
            ("Body", "Hello & bye"),
            ("NumMedia", "0"),
            ("FromCountry", "FR"),
            ("AccountSid", SID),
        ],
    );
    assert_eq!((status, body.as_str()), (200, "<Response/>"));
    let event = &events[0];
    assert_eq!(
        (
            &event["type"],
            &event["provider-id"],
            &event["from"],
            &event["to"]
        ),
        (
            &json!("message"),
            &json!("SM9"),
            &json!("+33612345678"),
            &json!("+15017122661")
        )
    );
    assert_eq!(
        event["content"],
        json!({"type": "text", "text": "Hello & bye"})
    );
    assert_eq!(event["profile"], json!({"country": "FR"}));
    assert_eq!(event["keyword"], Value::Null);
}

#[test]
fn an_mms_comes_in_with_its_files() {
    let (_, _, events) = posted(
        HOOK,
        &[
            ("MessageSid", "MM9"),
            ("From", "+33612345678"),
            ("Body", ""),
            ("NumMedia", "2"),
            ("MediaUrl0", "https://api.twilio.com/m/0"),
            ("MediaContentType0", "image/jpeg"),
            ("MediaUrl1", "https://api.twilio.com/m/1"),
            ("MediaContentType1", "application/pdf"),
        ],
    );
    assert_eq!(
        events[0]["content"],
        json!({"type": "attachment", "attachments": [
            {"url": "https://api.twilio.com/m/0", "kind": "image", "content-type": "image/jpeg"},
            {"url": "https://api.twilio.com/m/1", "kind": "file", "content-type": "application/pdf"},
        ]})
    );
}

#[test]
fn stop_start_and_help_are_known_where_twilio_knows_them() {
    for (word, keyword) in [("STOP", "stop"), ("START", "start"), ("HELP", "help")] {
        let (_, _, events) = posted(
            HOOK,
            &[
                ("MessageSid", "SM9"),
                ("From", "+33612345678"),
                ("Body", word),
                ("OptOutType", word),
            ],
        );
        assert_eq!(events[0]["keyword"], keyword);
    }
}

#[test]
fn a_body_that_looks_like_base64_is_left_as_it_is() {
    let (_, _, events) = posted(
        HOOK,
        &[
            ("MessageSid", "SM9"),
            ("From", "+33612345678"),
            ("Body", "SGVsbG8="),
        ],
    );
    assert_eq!(events[0]["content"]["text"], "SGVsbG8=");
}

#[test]
fn delivery_updates_find_their_message() {
    let url = format!("{HOOK}?message=message-1");
    let update = |status: &str| {
        let (code, _, events) = posted(
            &url,
            &[
                ("MessageSid", "SM1"),
                ("MessageStatus", status),
                ("SmsStatus", status),
                ("ErrorCode", "30005"),
            ],
        );
        assert_eq!(code, 200);
        events
    };
    for (theirs, ours) in [
        ("sent", "sent"),
        ("delivered", "delivered"),
        ("read", "read"),
        ("partially_delivered", "sent"),
        ("undelivered", "failed"),
        ("failed", "failed"),
        ("canceled", "failed"),
    ] {
        let events = update(theirs);
        assert_eq!(events[0]["status"], ours, "{theirs}");
        assert_eq!(
            (&events[0]["provider-id"], &events[0]["message-id"]),
            (&json!("SM1"), &json!("message-1"))
        );
    }
    let error = &update("undelivered")[0]["error"];
    assert_eq!(
        (&error["code"], &error["provider-code"]),
        (&json!("recipient-invalid"), &json!("30005"))
    );
    for early in ["accepted", "scheduled", "queued", "sending", "new-status"] {
        assert!(update(early).is_empty(), "{early}");
    }
}

#[test]
fn a_missing_token_is_a_failure_so_that_the_request_is_kept() {
    let _host = Host::new().install();
    let request = WebhookRequest {
        method: "POST".into(),
        url: HOOK.into(),
        headers: vec![pair("x-twilio-signature", "AAAA")],
        body: Vec::new(),
    };
    assert_eq!(
        channel().receive(request).unwrap_err().code,
        "secret-missing"
    );
}

#[test]
fn check_reads_the_account() {
    let host = answering(
        200,
        json!({"friendly_name": "Acme", "status": "active", "type": "Full"}),
    );
    assert_eq!(channel().check().unwrap()["account"], "Acme");
    assert_eq!(
        host.requests()[0].url,
        format!("https://api.twilio.com/2010-04-01/Accounts/{SID}.json")
    );
    let _host = answering(200, json!({"friendly_name": "Acme", "status": "suspended"}));
    assert_eq!(channel().check().unwrap_err().code, "policy");
    let _host = answering(401, json!({"code": 20003, "message": "Authenticate"}));
    assert_eq!(channel().check().unwrap_err().code, "auth");
    let host = answering(200, json!({"messages": []}));
    let with_key = json!({"account-sid": SID, "from": "+1", "api-key-sid": "SK1234"});
    assert_eq!(
        Plugged::<TwilioSms>::new(with_key).check().unwrap()["api-key"],
        "SK1234"
    );
    assert!(
        host.requests()[0]
            .url
            .ends_with("/Messages.json?PageSize=1")
    );
}

#[test]
fn connect_sets_the_numbers_webhook_or_says_how() {
    let host = answering(200, json!({"incoming_phone_numbers": [{"sid": "PN1"}]}));
    assert_eq!(channel().connect(HOOK).unwrap()["registered"], true);
    let requests = host.requests();
    assert!(
        requests[0]
            .url
            .ends_with("/IncomingPhoneNumbers.json?PhoneNumber=%2B15017122661"),
        "{}",
        requests[0].url
    );
    assert!(requests[1].url.ends_with("/IncomingPhoneNumbers/PN1.json"));
    assert_eq!(
        form::parse(requests[1].body.as_deref().unwrap()),
        [pair("SmsUrl", HOOK), pair("SmsMethod", "POST")]
    );

    let _host = answering(200, json!({"incoming_phone_numbers": []}));
    assert_eq!(channel().connect(HOOK).unwrap()["registered"], false);
    let service =
        Plugged::<TwilioSms>::new(json!({"account-sid": SID, "messaging-service-sid": "MG1234"}));
    let connected = service.connect(HOOK).unwrap();
    assert_eq!(connected["registered"], false);
    assert!(connected["instructions"].as_str().unwrap().contains(HOOK));
}
