//! The step `send-message` against the test host.
#![allow(clippy::unwrap_used, missing_docs)]

use jackfield_plugin::prelude::*;
use jackfield_plugin::testing::{Host, Installed, Run};
use send_message::SendMessage;

const NOW: u64 = 1_767_225_600_000;

fn host() -> Installed {
    Host::new()
        .now(NOW)
        .contact(json!({"id": "c1"}))
        .channel(json!({"id": "ch-1", "name": "main-sms", "kind": "twilio-sms", "address-kind": "phone"}))
        .channel(json!({"id": "ch-2", "name": "office-mail", "kind": "smtp-email", "address-kind": "email"}))
        .channel(json!({"id": "ch-3", "name": "chat", "kind": "custom-channel", "address-kind": "id",
            "quick-replies": {"max": 3, "title-max": 20}}))
        .template("missed-call", json!({"subject": "Missed", "html": "<p>Missed</p>", "text": "Missed"}))
        .install()
}

fn sent(settings: Value) -> Value {
    let host = host();
    Run::<SendMessage>::new(settings).start().unwrap();
    host.messages().remove(0)
}

fn status(status: &str) -> Value {
    json!({"message": {"id": "message-1", "status": status}})
}

fn failed(code: &str) -> Value {
    json!({"message": {"id": "message-1", "status": "failed", "error": {"code": code, "message": "no"}}})
}

fn done(outcome: Outcome<Value>) -> (Option<String>, Value) {
    match outcome {
        Outcome::Done(done) => (done.branch, done.output.unwrap()),
        other => panic!("not done: {other:?}"),
    }
}

#[test]
fn it_sends_and_is_done_when_the_provider_took_the_message() {
    let host = host();
    let mut run = Run::<SendMessage>::new(
        json!({"channel": "main-sms", "to": "+33612345678", "text": "Hi 🤖"}),
    );
    let Outcome::Wait(wait) = run.start().unwrap() else {
        panic!("it must wait")
    };
    assert_eq!(wait.until, None);
    assert_eq!(
        wait.events,
        [Subscription::to("message.status").about("message-1")]
    );
    assert_eq!(
        host.messages(),
        [
            json!({"channel": "ch-1", "to": ["+33612345678"], "content": {"type": "text", "text": "Hi 🤖"}})
        ]
    );
    let (branch, output) = done(run.event("message.status", status("accepted")).unwrap());
    assert_eq!(branch, None);
    assert_eq!(
        output,
        json!({"message-id": "message-1", "channel": "main-sms", "status": "accepted"})
    );
}

#[test]
fn last_interacted_is_resolved_first_and_the_channels_response_beats_the_default() {
    let responses = json!({"chat": {"text": "for chat"}, "main-sms": {"text": "for sms"}});
    let message = sent(json!({"text": "default", "responses": responses}));
    assert_eq!(
        (&message["channel"], &message["content"]["text"]),
        (&json!("ch-1"), &json!("for sms"))
    );
    let message = sent(json!({"channel": "chat", "text": "default", "responses": responses}));
    assert_eq!(message["content"]["text"], "for chat");
    let message =
        sent(json!({"channel": "office-mail", "text": "default", "responses": responses}));
    assert_eq!(message["content"]["text"], "default");
}

#[test]
fn a_default_message_is_mandatory() {
    let _host = host();
    let failure = Run::<SendMessage>::new(json!({"channel": "main-sms"}))
        .start()
        .unwrap_err();
    assert_eq!(failure.class, FailureClass::InvalidConfig);
}

#[test]
fn unknown_settings_are_refused() {
    let _host = host();
    let failure = Run::<SendMessage>::new(json!({"text": "a", "txet": "b"}))
        .start()
        .unwrap_err();
    assert_eq!(failure.class, FailureClass::InvalidConfig);
}

#[test]
fn a_text_of_two_thousand_characters_is_sent_and_a_longer_one_is_not() {
    assert_eq!(
        sent(json!({"text": "é".repeat(2_000)}))["content"]["type"],
        "text"
    );
    let host = host();
    let failure = Run::<SendMessage>::new(json!({"text": "é".repeat(2_001)}))
        .start()
        .unwrap_err();
    assert_eq!(
        (failure.code.as_str(), failure.class),
        ("content-rejected", FailureClass::Permanent)
    );
    assert!(host.messages().is_empty());
}

#[test]
fn a_text_that_its_variables_left_empty_is_not_sent() {
    let _host = host();
    assert_eq!(
        Run::<SendMessage>::new(json!({"text": " "}))
            .start()
            .unwrap_err()
            .code,
        "content-rejected"
    );
}

#[test]
fn a_mail_has_its_headers_and_may_have_a_blank_subject() {
    let message = sent(json!({
        "channel": "office-mail", "to": "a@x.example, b@x.example", "text": "Hello", "html": "<p>Hello</p>",
        "from-name": "Ann", "from-address": "ann@x.example", "reply-to": "r@x.example", "cc": ["c@x.example"],
        "bcc": "d@x.example", "class": "internal", "unsubscribe": {},
    }));
    assert_eq!(
        message,
        json!({
            "channel": "ch-2", "to": ["a@x.example", "b@x.example"], "class": "internal", "unsubscribe": {},
            "content": {
                "type": "email", "subject": "", "html": "<p>Hello</p>", "text": "Hello", "from-name": "Ann",
                "from-address": "ann@x.example", "reply-to": "r@x.example", "cc": ["c@x.example"],
                "bcc": ["d@x.example"],
            },
        })
    );
}

#[test]
fn a_template_is_the_mails_body_and_the_settings_subject_wins() {
    let message = sent(json!({"channel": "office-mail", "template": "missed-call"}));
    assert_eq!(
        message["content"],
        json!({"type": "email", "subject": "Missed", "html": "<p>Missed</p>", "text": "Missed"})
    );
    let message =
        sent(json!({"channel": "office-mail", "template": "missed-call", "subject": "Call"}));
    assert_eq!(message["content"]["subject"], "Call");
    let message = sent(json!({"channel": "main-sms", "template": "missed-call"}));
    assert_eq!(
        message["content"],
        json!({"type": "text", "text": "Missed"})
    );
}

#[test]
fn media_are_attachments_at_most_five_in_a_mail() {
    let file = json!({"url": "https://x.example/a.png", "content-type": "image/png"});
    let message = sent(json!({"channel": "main-sms", "media": [file], "text": "look"}));
    assert_eq!(
        message["content"],
        json!({"type": "attachment", "text": "look", "attachments": [
            {"url": "https://x.example/a.png", "content-type": "image/png", "kind": "image"}
        ]})
    );
    let media = vec![file.clone(); 5];
    let message = sent(json!({"channel": "office-mail", "media": media}));
    assert_eq!(
        message["content"]["attachments"].as_array().unwrap().len(),
        5
    );
    let _host = host();
    let settings = json!({"channel": "office-mail", "media": vec![file; 6]});
    assert_eq!(
        Run::<SendMessage>::new(settings).start().unwrap_err().code,
        "content-rejected"
    );
    let failure = Run::<SendMessage>::new(json!({"media": [{"kind": "image"}]}))
        .start()
        .unwrap_err();
    assert!(failure.message.contains("media[0]"), "{}", failure.message);
}

#[test]
fn other_kinds_of_messages_are_passed_on() {
    let message = sent(
        json!({"channel": "chat", "text": "Which?", "quick-replies": ["A", {"title": "B", "payload": "b"}]}),
    );
    assert_eq!(
        message["content"],
        json!({"type": "quick-reply", "text": "Which?", "replies": [{"title": "A"}, {"title": "B", "payload": "b"}]})
    );
    let message =
        sent(json!({"channel": "main-sms", "text": "Which?", "quick-replies": ["A", "B"]}));
    assert_eq!(
        message["content"],
        json!({"type": "text", "text": "Which?\n1. A\n2. B"})
    );
    let message =
        sent(json!({"channel": "chat", "location": {"latitude": 48.85, "longitude": 2.35}}));
    assert_eq!(message["content"]["type"], "location");
    let template = json!({"name": "HX1", "variables": {"1": "Ann"}});
    let message = sent(
        json!({"channel": "main-sms", "text": "x", "responses": {"main-sms": {"provider-template": template}}}),
    );
    assert_eq!(
        message["content"],
        json!({"type": "template", "name": "HX1", "variables": {"1": "Ann"}})
    );
    let message = sent(json!({"channel": "chat", "custom": {"a": 1}}));
    assert_eq!(message["content"]["payload"], json!({"a": 1}));
}

#[test]
fn it_waits_until_the_message_is_as_far_as_asked() {
    let _host = host();
    let mut run =
        Run::<SendMessage>::new(json!({"text": "Hi", "until": "delivered", "within": "15m"}));
    let Outcome::Wait(wait) = run.start().unwrap() else {
        panic!()
    };
    assert_eq!(wait.until, Some(NOW + 900_000));
    for update in ["accepted", "sent", "accepted"] {
        let Outcome::Wait(wait) = run.event("message.status", status(update)).unwrap() else {
            panic!()
        };
        assert_eq!(wait.until, Some(NOW + 900_000));
    }
    assert_eq!(
        done(run.event("message.status", status("read")).unwrap()).1["status"],
        "read"
    );
}

#[test]
fn a_message_that_is_too_slow_takes_the_timeout_branch() {
    let _host = host();
    let mut run = Run::<SendMessage>::new(json!({"text": "Hi", "until": "read"}));
    let Outcome::Wait(wait) = run.start().unwrap() else {
        panic!()
    };
    assert_eq!(wait.until, Some(NOW + 24 * 3_600_000));
    run.event("message.status", status("sent")).unwrap();
    let (branch, output) = done(run.timer().unwrap());
    assert_eq!(
        (branch.as_deref(), &output["status"]),
        (Some("timeout"), &json!("sent"))
    );
}

#[test]
fn a_message_that_failed_fails_the_step_with_its_code_and_is_not_retried() {
    let ended = |data: Value| {
        let _host = host();
        let mut run = Run::<SendMessage>::new(json!({"text": "Hi"}));
        run.start().unwrap();
        run.event("message.status", data).unwrap_err()
    };
    let failure = ended(failed("outside-window"));
    assert_eq!(
        (failure.code.as_str(), failure.class),
        ("outside-window", FailureClass::Permanent)
    );
    assert_eq!(ended(failed("transient")).class, FailureClass::Permanent);
    assert_eq!(ended(failed("auth")).class, FailureClass::Blocked);
    assert_eq!(ended(status("suppressed")).code, "suppressed");
    let failure = ended(status("uncertain"));
    assert_eq!(
        (failure.code.as_str(), failure.maybe_sent),
        ("uncertain", true)
    );
}

#[test]
fn a_contact_without_such_a_channel_fails() {
    let _host = Host::new().install();
    let failure = Run::<SendMessage>::new(json!({"text": "Hi"}))
        .start()
        .unwrap_err();
    assert_eq!(
        (failure.code.as_str(), failure.class),
        ("not-found", FailureClass::Permanent)
    );
}

#[test]
fn the_next_channel_is_tried_when_one_fails_but_never_after_uncertainty_or_an_opt_out() {
    let settings =
        json!({"channel": "main-sms", "text": "Hi", "fallback": ["gone", "office-mail"]});
    let host = host();
    let mut run = Run::<SendMessage>::new(settings.clone());
    run.start().unwrap();
    let next = run
        .event("message.status", failed("recipient-invalid"))
        .unwrap();
    let Outcome::Wait(wait) = next else {
        panic!("it must wait")
    };
    assert_eq!(
        wait.events,
        [Subscription::to("message.status").about("message-2")]
    );
    assert_eq!(host.messages()[1]["channel"], "ch-2");
    assert_eq!(
        run.event("message.status", failed("policy"))
            .unwrap_err()
            .code,
        "policy"
    );

    for last in ["uncertain", "suppressed"] {
        run.start().unwrap();
        assert_eq!(
            run.event("message.status", status(last)).unwrap_err().code,
            last
        );
    }
}

#[test]
fn a_message_to_somebody_else_never_falls_back_to_the_contact() {
    let settings = json!({"channel": "office-mail", "to": "agent@x.example", "text": "internal", "fallback": ["main-sms"]});
    let host = host();
    let mut run = Run::<SendMessage>::new(settings);
    run.start().unwrap();
    assert_eq!(
        run.event("message.status", failed("policy"))
            .unwrap_err()
            .code,
        "unsupported"
    );
    assert_eq!(host.messages().len(), 1);
}

/// A message that the host did not let out, because the window is closed.
fn closed(id: &str) -> Value {
    json!({"message": {"id": id, "status": "suppressed", "reason": "outside-window"}})
}

fn whatsapp() -> Installed {
    Host::new()
        .now(NOW)
        .contact(json!({"id": "c1"}))
        .channel(json!({"id": "ch-1", "name": "whatsapp", "kind": "w", "address-kind": "phone", "templates": true}))
        .channel(json!({"id": "ch-2", "name": "main-sms", "kind": "s", "address-kind": "phone"}))
        .install()
}

#[test]
fn a_closed_window_sends_the_template_once_and_then_the_next_channel() {
    let host = whatsapp();
    let mut run = Run::<SendMessage>::new(json!({
        "text": "Hi", "fallback": ["main-sms"], "sender": "+33199000000", "until": "delivered",
        "window-template": {"name": "hello", "language": "en", "variables": {"1": "Ann"}},
    }));
    run.start().unwrap();
    let next = run.event("message.status", closed("message-1")).unwrap();
    let Outcome::Wait(wait) = next else {
        panic!("it must wait")
    };
    assert_eq!(
        wait.events,
        [Subscription::to("message.status").about("message-2")]
    );
    assert_eq!(wait.until, Some(NOW + 24 * 3_600_000));
    assert_eq!(
        host.messages()[1],
        json!({
            "channel": "ch-1", "sender": "+33199000000",
            "content": {"type": "template", "name": "hello", "language": "en", "variables": {"1": "Ann"}},
        })
    );
    // The provider refuses the template too: it is not sent again.
    run.event("message.status", failed("outside-window"))
        .unwrap();
    let messages = host.messages();
    assert_eq!(messages.len(), 3);
    assert_eq!(
        (&messages[2]["channel"], &messages[2]["content"]["text"]),
        (&json!("ch-2"), &json!("Hi"))
    );
    let delivered = run
        .event("message.status", status("delivered"))
        .map(done)
        .unwrap();
    assert_eq!(delivered.1["channel"], "main-sms");
}

#[test]
fn the_template_is_the_one_of_the_channels_response_and_a_provider_may_ask_for_it() {
    let host = whatsapp();
    let mut run = Run::<SendMessage>::new(json!({
        "channel": "whatsapp", "text": "Hi", "window-template": {"name": "of-all"},
        "responses": {"whatsapp": {"text": "Hi there", "window-template": {"name": "of-whatsapp"}}},
    }));
    run.start().unwrap();
    run.event("message.status", failed("outside-window"))
        .unwrap();
    assert_eq!(host.messages()[1]["content"]["name"], "of-whatsapp");
    let ended = run.event("message.status", status("accepted")).map(done);
    assert_eq!(ended.unwrap().0, None);
}

#[test]
fn a_closed_window_without_a_template_goes_to_the_next_channel_or_fails() {
    let host = whatsapp();
    let mut run = Run::<SendMessage>::new(json!({"text": "Hi", "fallback": ["main-sms"]}));
    run.start().unwrap();
    run.event("message.status", closed("message-1")).unwrap();
    assert_eq!(host.messages()[1]["channel"], "ch-2");
    // A channel without templates of its own gets none.
    for settings in [
        json!({"channel": "whatsapp", "text": "Hi"}),
        json!({"channel": "main-sms", "text": "Hi", "window-template": {"name": "hello"}}),
    ] {
        let sent = host.messages().len();
        let mut run = Run::<SendMessage>::new(settings);
        run.start().unwrap();
        let failure = run
            .event("message.status", closed("message-1"))
            .unwrap_err();
        assert_eq!(
            (failure.code.as_str(), failure.class),
            ("outside-window", FailureClass::Permanent)
        );
        assert_eq!(host.messages().len(), sent + 1);
    }
}

#[test]
fn only_a_closed_window_asks_for_the_template() {
    for data in [
        failed("recipient-invalid"),
        status("uncertain"),
        json!({"message": {"id": "message-1", "status": "suppressed", "reason": "opted-out"}}),
    ] {
        let host = whatsapp();
        let settings = json!({"text": "Hi", "window-template": {"name": "hello"}});
        let mut run = Run::<SendMessage>::new(settings);
        run.start().unwrap();
        run.event("message.status", data).unwrap_err();
        assert_eq!(host.messages().len(), 1);
    }
}

#[test]
fn unknown_settings_of_a_channels_response_are_refused() {
    let _host = host();
    let settings = json!({"text": "a", "responses": {"chat": {"txet": "b"}}});
    assert_eq!(
        Run::<SendMessage>::new(settings).start().unwrap_err().class,
        FailureClass::InvalidConfig
    );
}

#[test]
fn unknown_settings_of_a_file_are_refused() {
    let _host = host();
    let settings = json!({"media": [{"url": "https://x.example/a.png", "txet": "b"}]});
    assert_eq!(
        Run::<SendMessage>::new(settings).start().unwrap_err().class,
        FailureClass::InvalidConfig
    );
}
