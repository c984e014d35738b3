//! The step `ask-question` against the test host.
#![allow(clippy::unwrap_used, missing_docs)]

use ask_question::AskQuestion;
use jackfield_plugin::Wait;
use jackfield_plugin::prelude::*;
use jackfield_plugin::testing::{Host, Installed, Run, call_error};

const NOW: u64 = 1_767_225_600_000;
const DAY: u64 = 24 * 3_600_000;

fn host() -> Installed {
    Host::new()
        .now(NOW)
        .contact(json!({"id": "c1", "country": "FR"}))
        .channel(
            json!({"id": "ch-1", "name": "sms", "kind": "twilio-sms", "address-kind": "phone"}),
        )
        .channel(
            json!({"id": "ch-2", "name": "chat", "kind": "custom-channel", "address-kind": "id",
            "quick-replies": {"max": 3, "title-max": 20}}),
        )
        .install()
}

fn waits(outcome: Outcome<Value>) -> Wait<Value> {
    match outcome {
        Outcome::Wait(wait) => wait,
        other => panic!("it should wait: {other:?}"),
    }
}

fn done(outcome: Outcome<Value>) -> (String, Value) {
    match outcome {
        Outcome::Done(done) => (
            done.branch.unwrap_or("success".into()),
            done.output.unwrap(),
        ),
        other => panic!("it should be done: {other:?}"),
    }
}

fn says(run: &mut Run<AskQuestion>, text: &str) -> Outcome<Value> {
    run.event(
        "message.received",
        json!({"message": {"id": "in-1", "channel": "sms", "text": text}}),
    )
    .unwrap()
}

/// The branch and the answer after one reply, without retries.
fn answer(mut settings: Value, text: &str) -> (String, Value) {
    let _host = host();
    settings["text"] = json!("Question?");
    settings["max-retries"] = json!(0);
    let mut run = Run::<AskQuestion>::new(settings);
    run.start().unwrap();
    let (branch, output) = done(says(&mut run, text));
    (branch, output["answer"].clone())
}

#[test]
fn it_asks_waits_and_saves_the_answer() {
    let host = host();
    let save = json!({"field": "city", "variable": "city"});
    let mut run = Run::<AskQuestion>::new(json!({"text": "Where do you live?", "save": save}));
    let wait = waits(run.start().unwrap());
    assert_eq!(
        host.messages(),
        [json!({"channel": "ch-1", "content": {"type": "text", "text": "Where do you live?"}})]
    );
    assert_eq!(wait.until, Some(NOW + 7 * DAY));
    assert_eq!(wait.events[0], Subscription::to("message.received").claim());
    assert_eq!(
        (
            wait.events[1].event.as_str(),
            wait.events[1].subject.as_deref()
        ),
        ("message.status", Some("message-1"))
    );

    let (branch, output) = done(says(&mut run, " Paris "));
    assert_eq!(branch, "success");
    assert_eq!(
        (&output["answer"], &output["text"]),
        (&json!("Paris"), &json!(" Paris "))
    );
    assert_eq!(
        host.updates(),
        [("city".into(), "set".into(), json!("Paris"))]
    );
    assert_eq!(host.variables(), json!({"city": "Paris"}));
}

#[test]
fn every_kind_of_answer_is_stored_as_its_kind() {
    for (settings, text, expected) in [
        (json!({}), "anything", json!("anything")),
        (
            json!({"type": "multiple-choice", "options": ["Été", "Hiver"]}),
            "ete",
            json!("Été"),
        ),
        (
            json!({"type": "number", "min": 1, "max": 10}),
            "3,5",
            json!(3.5),
        ),
        (
            json!({"type": "date", "format": "DD/MM/YYYY"}),
            "31/12/2026",
            json!("2026-12-31"),
        ),
        (
            json!({"type": "phone"}),
            "06 12 34 56 78",
            json!("+33612345678"),
        ),
        (
            json!({"type": "phone", "default-country": "gb"}),
            "020 7946 0958",
            json!("+442079460958"),
        ),
        (
            json!({"type": "email"}),
            "Ann@Example.com",
            json!("Ann@example.com"),
        ),
        (
            json!({"type": "url"}),
            "example.com",
            json!("https://example.com"),
        ),
        (json!({"type": "rating"}), "⭐⭐⭐", json!(3)),
        (
            json!({"type": "location"}),
            "48.5, 2.25",
            json!({"latitude": 48.5, "longitude": 2.25, "label": null}),
        ),
    ] {
        assert_eq!(
            answer(settings.clone(), text),
            ("success".into(), expected),
            "{settings}"
        );
    }
}

#[test]
fn a_choice_has_buttons_where_the_channel_has_them_and_a_numbered_list_otherwise() {
    let asked = |settings: Value| {
        let host = host();
        Run::<AskQuestion>::new(settings).start().unwrap();
        host.messages()[0]["content"].clone()
    };
    let settings = json!({"text": "Which?", "type": "multiple-choice", "options": ["A", {"label": "B", "id": "b"}]});
    assert_eq!(
        asked(settings.clone()),
        json!({"type": "text", "text": "Which?\n1. A\n2. B"})
    );
    let mut on_chat = settings.clone();
    on_chat["channel"] = json!("chat");
    assert_eq!(
        asked(on_chat.clone()),
        json!({"type": "quick-reply", "text": "Which?", "replies": [
            {"title": "A", "payload": "option-1"}, {"title": "B", "payload": "b"}
        ]})
    );
    on_chat["options"] = json!(["A", "B", "C", "D"]);
    assert_eq!(asked(on_chat)["type"], "text");
}

#[test]
fn a_pressed_button_is_an_answer_and_may_become_a_tag() {
    let host = host();
    let mut run = Run::<AskQuestion>::new(json!({
        "text": "Which?", "type": "multiple-choice", "options": ["A", {"label": "B", "id": "b"}], "save": {"tag": true},
        "channel": "chat", "debounce": "10s",
    }));
    let wait = waits(run.start().unwrap());
    assert_eq!(
        wait.events[0].when,
        Some(
            json!({"any": [{"field": "message.channel", "is": "chat"}, {"field": "message.channel", "is": "ch-2"}]})
        )
    );
    let pressed = json!({"message": {"id": "in", "channel": "chat", "text": "B", "payload": "b"}});
    let (_, output) = done(run.event("message.received", pressed).unwrap());
    assert_eq!(
        (&output["answer"], &output["index"], &output["id"]),
        (&json!("B"), &json!(2), &json!("b"))
    );
    assert_eq!(host.tags(), ["B"]);
}

#[test]
fn a_wrong_answer_is_asked_for_again_and_then_invalid() {
    let host = host();
    let mut run = Run::<AskQuestion>::new(json!({
        "text": "How many?", "type": "number", "min": 1, "max": 10, "timeout": "1h", "max-retries": 2,
    }));
    run.start().unwrap();
    host.advance(60_000);
    let wait = waits(says(&mut run, "many"));
    assert_eq!(wait.until, Some(NOW + 60_000 + 3_600_000));
    assert_eq!(wait.events[1].subject.as_deref(), Some("message-2"));
    waits(says(&mut run, "11"));
    assert_eq!(
        host.messages()[2]["content"]["text"],
        "Please answer with a number from 1 to 10."
    );
    let (branch, output) = done(says(&mut run, "0"));
    assert_eq!(
        (branch.as_str(), &output["retries"], &output["text"]),
        ("invalid", &json!(2), &json!("0"))
    );
}

#[test]
fn the_retry_text_is_the_authors_and_repeats_the_options() {
    let host = host();
    let settings = json!({
        "text": "Which?", "type": "multiple-choice", "options": ["A", "B"], "retry-text": "A or B, please.",
    });
    let mut run = Run::<AskQuestion>::new(settings);
    run.start().unwrap();
    waits(says(&mut run, "C"));
    assert_eq!(
        host.messages()[1]["content"]["text"],
        "A or B, please.\n1. A\n2. B"
    );
    assert_eq!(done(says(&mut run, "b")).0, "success");
}

#[test]
fn numbers_and_dates_are_read_as_the_setting_the_contact_or_the_workspace_says() {
    let answer = |contact: Value, settings: Value, text: &str| {
        let _host = Host::new()
            .contact(contact)
            .channel(json!({"id": "ch-1", "name": "sms", "address-kind": "phone"}))
            .value("workspace.default_country", json!("gb"))
            .value("workspace.date_format", json!("M/D/YY"))
            .install();
        let mut settings = settings;
        settings["text"] = json!("?");
        settings["max-retries"] = json!(0);
        let mut run = Run::<AskQuestion>::new(settings);
        run.start().unwrap();
        done(says(&mut run, text)).1["answer"].clone()
    };
    let phone = json!({"type": "phone"});
    let (at_home, abroad) = (json!({"country": "fr"}), json!({"country": "nowhere"}));
    assert_eq!(
        answer(at_home.clone(), phone.clone(), "06 12 34 56 78"),
        "+33612345678"
    );
    assert_eq!(
        answer(abroad, phone.clone(), "020 7946 0958"),
        "+442079460958"
    );
    assert_eq!(answer(json!({}), phone, "020 7946 0958"), "+442079460958");
    let spain = json!({"type": "phone", "default-country": "es"});
    assert_eq!(answer(at_home, spain, "612 345 678"), "+34612345678");
    let date = json!({"type": "date"});
    assert_eq!(answer(json!({}), date, "12/31/26"), "2026-12-31");
    let date = json!({"type": "date", "format": "D.M.YYYY"});
    assert_eq!(answer(json!({}), date, "31.12.2026"), "2026-12-31");
}

#[test]
fn no_answer_takes_the_timeout_branch() {
    let _host = host();
    let mut run = Run::<AskQuestion>::new(json!({"text": "?", "timeout": "5m"}));
    assert_eq!(waits(run.start().unwrap()).until, Some(NOW + 300_000));
    assert_eq!(done(run.timer().unwrap()).0, "timeout");
}

#[test]
fn a_skip_word_skips() {
    let (branch, _) = answer(
        json!({"type": "email", "skip-words": ["passer", "skip"]}),
        "Skip!",
    );
    assert_eq!(branch, "skipped");
    let options =
        json!({"type": "multiple-choice", "options": ["Skip", "Go"], "skip-words": ["skip"]});
    assert_eq!(answer(options, "skip").0, "success");
}

#[test]
fn a_question_that_cannot_be_sent_takes_the_message_failure_branch() {
    let _host = Host::new().contact(json!({})).install();
    let (branch, output) = done(
        Run::<AskQuestion>::new(json!({"text": "?"}))
            .start()
            .unwrap(),
    );
    assert_eq!(branch, "message-failure");
    assert!(
        output["reason"]
            .as_str()
            .unwrap()
            .contains("last-interacted")
    );

    let _host = host();
    for status in ["failed", "suppressed", "uncertain"] {
        let mut run = Run::<AskQuestion>::new(json!({"text": "?"}));
        run.start().unwrap();
        waits(
            run.event(
                "message.status",
                json!({"message": {"id": "message-1", "status": "accepted"}}),
            )
            .unwrap(),
        );
        let bad = json!({"message": {"id": "message-1", "status": status}});
        assert_eq!(
            done(run.event("message.status", bad).unwrap()).0,
            "message-failure",
            "{status}"
        );
    }
}

#[test]
fn an_answer_in_fragments_is_one_answer() {
    let host = host();
    let mut run = Run::<AskQuestion>::new(json!({"text": "Address?", "debounce": "10s"}));
    run.start().unwrap();
    let wait = waits(says(&mut run, "10 rue"));
    assert_eq!(wait.until, Some(NOW + 10_000));
    assert_eq!(wait.events.len(), 1);
    host.advance(4_000);
    assert_eq!(
        waits(says(&mut run, "de la Paix")).until,
        Some(NOW + 14_000)
    );
    host.advance(10_000);
    let (branch, output) = done(run.timer().unwrap());
    assert_eq!(
        (branch.as_str(), &output["answer"]),
        ("success", &json!("10 rue de la Paix"))
    );
}

#[test]
fn an_attachment_alone_is_no_text() {
    let _host = host();
    let mut run = Run::<AskQuestion>::new(json!({"text": "?", "debounce": "5s", "max-retries": 0}));
    run.start().unwrap();
    let picture =
        json!({"message": {"id": "in", "content": {"type": "attachment", "attachments": []}}});
    assert_eq!(
        done(run.event("message.received", picture).unwrap()).0,
        "invalid"
    );
}

#[test]
fn a_field_that_does_not_take_the_answer_fails_the_step() {
    let _host = Host::new()
        .contact(json!({}))
        .channel(json!({"id": "ch-1", "name": "sms", "address-kind": "phone"}))
        .update(|_| Err(call_error("invalid", "`age` is a number")))
        .install();
    let mut run = Run::<AskQuestion>::new(json!({"text": "?", "save": {"field": "age"}}));
    run.start().unwrap();
    let failure = run
        .event("message.received", json!({"message": {"text": "old"}}))
        .unwrap_err();
    assert_eq!(failure.message, "`age` is a number");
}

#[test]
fn wrong_settings_are_named() {
    let host = host();
    let refused = |mut settings: Value, name: &str| {
        settings["text"] = json!("?");
        let failure = Run::<AskQuestion>::new(settings).start().unwrap_err();
        let classes = [FailureClass::InvalidConfig, FailureClass::Permanent];
        assert!(classes.contains(&failure.class), "{failure:?}");
        assert!(failure.message.contains(name), "{}", failure.message);
    };
    refused(json!({"type": "multiple-choice"}), "options");
    refused(json!({"options": ["A"]}), "options");
    refused(
        json!({"type": "multiple-choice", "options": ["A", "a"]}),
        "options[1]",
    );
    refused(
        json!({"type": "multiple-choice", "options": ["a label that is too long"]}),
        "options/0",
    );
    refused(
        json!({"type": "multiple-choice", "options": (0..11).map(|n| n.to_string()).collect::<Vec<_>>()}),
        "options",
    );
    let same = json!([{"label": "A", "id": "x"}, {"label": "B", "id": "x"}]);
    refused(
        json!({"type": "multiple-choice", "options": same}),
        "options[1]",
    );
    let same = json!([{"label": "A", "id": "option-2"}, "B"]);
    refused(
        json!({"type": "multiple-choice", "options": same}),
        "options[1]",
    );
    refused(json!({"timeout": "8d"}), "timeout");
    refused(json!({"timeout": "999ms"}), "timeout");
    refused(json!({"retry-text": "x".repeat(2_001)}), "retry text");
    refused(json!({"debounce": "31s"}), "debounce");
    refused(json!({"max-retries": 6}), "max-retries");
    refused(json!({"type": "number", "min": 2, "max": 1}), "min");
    refused(json!({"type": "date", "format": "soon"}), "format");
    refused(
        json!({"type": "phone", "default-country": "XX"}),
        "default-country",
    );
    refused(json!({"save": {"tag": true}}), "save.tag");
    assert!(host.messages().is_empty());
}

#[test]
fn settings_at_their_limits_are_taken() {
    for settings in [
        json!({"timeout": "1s"}),
        json!({"timeout": "7d", "debounce": "30s", "max-retries": 5}),
        json!({"retry-text": "x".repeat(2_000)}),
        json!({"type": "multiple-choice", "options": (0..10).map(|n| format!("{n:>020}")).collect::<Vec<_>>()}),
        json!({"type": "number", "min": 1, "max": 1}),
    ] {
        let _host = host();
        let mut settings = settings;
        settings["text"] = json!("x".repeat(2_000));
        waits(Run::<AskQuestion>::new(settings).start().unwrap());
    }
    let _host = host();
    let failure = Run::<AskQuestion>::new(json!({"text": "x".repeat(2_001)}))
        .start()
        .unwrap_err();
    assert_eq!(failure.code, "content-rejected");
}
