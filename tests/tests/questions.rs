//! The step `ask-question` in the whole program: every kind of answer asked, refused, asked again,
//! stored and saved; every way out; fragments, late answers and STOP.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use jackfield_peers::Answer;
use jackfield_tests::{ANN_WHO as WHO, Chat, Host};
use serde_json::{Value, json};

const DAY: i64 = 24 * 60 * 60 * 1_000;

/// A chat in which Ann has said hello.
async fn chat() -> Chat {
    greeted(Chat::open().await).await
}

/// The same, with a clock that can be put forward.
async fn clocked_chat() -> Chat {
    greeted(Chat::open_clocked().await).await
}

async fn greeted(mut chat: Chat) -> Chat {
    chat.write("hello").await;
    chat
}

/// Questions that are asked in a chat.
trait Asks {
    /// Publishes a workflow of one question.
    async fn publish(&self, name: &str, settings: Value);
    /// Starts a workflow of one question; the run, once it waits for the answer.
    async fn ask(&self, name: &str, settings: Value) -> String;
    /// The branch and the output with which a run's question ended.
    async fn end(&self, run: &str) -> (String, Value);
}

impl Asks for Chat {
    async fn publish(&self, name: &str, settings: Value) {
        let document = json!({
            "name": name, "trigger": {"event": "manual"},
            "steps": {"ask": {"uses": "ask-question@1", "with": settings, "branches": {
                "timeout": "end", "invalid": "end", "skipped": "end", "message-failure": "end", "failure": "end",
            }}},
        });
        let api = self.api();
        api.put(&format!("/v1/workflows/{name}"), document)
            .await
            .ok();
        let publish = format!("/v1/workflows/{name}/publish");
        api.post(&publish, json!({})).await.ok();
    }

    async fn ask(&self, name: &str, settings: Value) -> String {
        self.publish(name, settings).await;
        let api = self.api();
        let before = self.integrator.requests().count();
        let run = api.start_by_hand(name, WHO).await;
        api.waiting_at(&run, "ask").await;
        self.sent(before + 1).await;
        run
    }

    async fn end(&self, run: &str) -> (String, Value) {
        let done = self.api().completed(run).await;
        let timeline = self.api().timeline(run).await;
        let left = timeline
            .iter()
            .find(|entry| entry["kind"] == "step-finished")
            .unwrap_or_else(|| panic!("{timeline:#?}"));
        let branch = left["data"]["branch"].as_str().unwrap().to_owned();
        (branch, done["outputs"]["ask"].clone())
    }
}

#[tokio::test]
async fn every_kind_of_answer_is_refused_asked_again_and_stored_as_its_kind() {
    let mut chat = chat().await;
    let api = chat.api().clone();
    let settings = json!({"default-country": "FR", "date-format": "DD/MM/YYYY"});
    api.patch("/v1/workspaces/main", json!({"settings": settings}))
        .await
        .ok();
    let fields = [
        ("city", json!({"kind": "text"})),
        (
            "season",
            json!({"kind": "list", "options": ["Summer", "Winter"]}),
        ),
        ("age", json!({"kind": "number"})),
        ("born", json!({"kind": "date"})),
        ("mobile", json!({"kind": "phone"})),
        ("work_mail", json!({"kind": "email"})),
        ("site", json!({"kind": "url"})),
        ("stars", json!({"kind": "number"})),
        ("place", json!({"kind": "text"})),
    ];
    for (name, field) in fields {
        api.put(&format!("/v1/contact-fields/{name}"), field)
            .await
            .ok();
    }
    let text = |text: &str| json!({"type": "text", "text": text});
    let picture = json!({"type": "attachment", "attachment": {"type": "image", "url": "https://example.com/a.png"}});
    let options = json!(["Summer", {"label": "Winter", "id": "w"}]);
    for (kind, field, more, wrong, right, stored, in_field) in [
        (
            "text",
            "city",
            json!({}),
            picture,
            text(" Paris "),
            json!("Paris"),
            json!("Paris"),
        ),
        (
            "multiple-choice",
            "season",
            json!({"options": options, "save": {"tag": true}}),
            text("autumn"),
            text("2"),
            json!("Winter"),
            json!("Winter"),
        ),
        (
            "number",
            "age",
            json!({"min": 1, "max": 99.5}),
            text("100"),
            text("41,5"),
            json!(41.5),
            json!(41.5),
        ),
        (
            "date",
            "born",
            json!({}),
            text("30/02/2000"),
            text("29/02/2000"),
            json!("2000-02-29"),
            json!("2000-02-29"),
        ),
        (
            "phone",
            "mobile",
            json!({}),
            text("12"),
            text("06 12 34 56 78"),
            json!("+33612345678"),
            json!("+33612345678"),
        ),
        (
            "email",
            "work_mail",
            json!({}),
            text("ann at example.com"),
            text("Ann@Example.COM"),
            json!("Ann@example.com"),
            json!("Ann@example.com"),
        ),
        (
            "url",
            "site",
            json!({}),
            text("ftp://example.com"),
            text("example.com/a?b=1"),
            json!("https://example.com/a?b=1"),
            json!("https://example.com/a?b=1"),
        ),
        (
            "rating",
            "stars",
            json!({}),
            text("6"),
            text("⭐⭐⭐⭐"),
            json!(4),
            json!(4),
        ),
        (
            "location",
            "place",
            json!({}),
            text("91, 2"),
            json!({"type": "location", "latitude": 48.5, "longitude": 2.25, "name": "Home"}),
            json!({"latitude": 48.5, "longitude": 2.25, "label": "Home"}),
            json!("48.5,2.25"),
        ),
    ] {
        let mut settings = json!({"text": format!("Your {field}?"), "type": kind});
        for (key, value) in more.as_object().unwrap() {
            settings[key] = value.clone();
        }
        settings["save"]["field"] = field.into();
        settings["save"]["variable"] = "given".into();
        let run = chat.ask(&format!("ask-{kind}"), settings).await;
        let asked = chat.integrator.requests().count();
        chat.say(wrong).await;
        let again = chat.sent(asked + 1).await;
        let words = again["text"].as_str().or(again["title"].as_str());
        assert!(words.unwrap().starts_with("Please"), "{kind}: {again}");
        chat.say(right).await;
        let (branch, output) = chat.end(&run).await;
        assert_eq!(
            (branch.as_str(), &output["answer"], &output["retries"]),
            ("success", &stored, &json!(1)),
            "{kind}: {output}"
        );
        assert_eq!(api.run(&run).await["variables"]["given"], stored, "{kind}");
        let contact = api.get(&format!("/v1/contacts/{WHO}")).await.ok();
        assert_eq!(contact[field], in_field, "{kind}");
    }
    let contact = api.get(&format!("/v1/contacts/{WHO}")).await.ok();
    assert_eq!(contact["tags"], json!(["Winter"]));
}

#[tokio::test]
async fn a_choice_has_buttons_that_are_pressed_and_a_numbered_list_where_they_do_not_fit() {
    let mut chat = chat().await;
    let options: Vec<String> = (1..=10).map(|n| format!("Option number {n:>6}")).collect();
    assert!(options.iter().all(|option| option.chars().count() == 20));
    let settings = json!({"text": "Which?", "type": "multiple-choice", "options": options});
    let run = chat.ask("ten", settings.clone()).await;
    assert_eq!(
        chat.sent(1).await,
        json!({"type": "quick_reply", "title": "Which?", "replies": options})
    );
    chat.say(json!({"type": "quick_reply", "title": options[6], "payload": "option-7"}))
        .await;
    let (branch, output) = chat.end(&run).await;
    assert_eq!(
        (branch.as_str(), &output["index"], &output["answer"]),
        ("success", &json!(7), &json!(options[6]))
    );
    // One more, or one character more, is refused before anything is published.
    for (options, said) in [
        (
            (1..=11).map(|n| n.to_string()).collect::<Vec<_>>(),
            "options",
        ),
        (vec!["a label of 21 letters".to_owned()], "20"),
    ] {
        let document = json!({"name": "wrong", "trigger": {"event": "manual"}, "steps": {"ask": {
            "uses": "ask-question@1", "with": {"text": "?", "type": "multiple-choice", "options": options},
        }}});
        chat.api().put("/v1/workflows/wrong", document).await.ok();
        let refused = chat
            .api()
            .post("/v1/workflows/wrong/publish", json!({}))
            .await;
        let refused = refused.refused(422, "invalid-document");
        assert!(refused.to_string().contains(said), "{refused:#}");
    }
}

#[tokio::test]
async fn settings_that_cannot_work_are_refused_when_the_workflow_is_published() {
    let host = Host::start().await;
    let api = &host.api;
    api.put("/v1/contact-fields/age", json!({"kind": "number"}))
        .await
        .ok();
    for (settings, said) in [
        (json!({"text": ""}), "text"),
        (json!({"text": "?", "type": "colour"}), "`type` must be"),
        (json!({"text": "?", "max-retries": 6}), "max-retries"),
        (json!({"text": "?", "max-retries": -1}), "max-retries"),
        (
            json!({"text": "?", "skip-words": vec!["x"; 21]}),
            "skip-words",
        ),
        (
            json!({"text": "?", "save": {"variable": "Not a name"}}),
            "variable",
        ),
        (
            json!({"text": "?", "save": {"field": "agee"}}),
            "\"suggestion\":\"age\"",
        ),
        (
            json!({"text": "?", "save": {"field": "tags"}}),
            "there is no field",
        ),
        (
            json!({"text": "?", "save": {"field": "age"}}),
            "takes no `text`",
        ),
        (
            json!({"text": "?", "type": "date", "save": {"field": "email"}}),
            "takes no `date`",
        ),
        (json!({"text": "?", "retries": 1}), "max-retries"),
    ] {
        let document = json!({"name": "wrong", "trigger": {"event": "manual"}, "steps": {
            "ask": {"uses": "ask-question@1", "with": settings},
        }});
        api.put("/v1/workflows/wrong", document).await.ok();
        let refused = api.post("/v1/workflows/wrong/publish", json!({})).await;
        let refused = refused.refused(422, "invalid-document").to_string();
        assert!(refused.contains(said), "{settings}: {refused}");
    }
    // What only a run can tell fails the step, before anything is asked.
    for (settings, said) in [
        (json!({"text": "?", "timeout": "999ms"}), "timeout"),
        (json!({"text": "?", "timeout": "7d1s"}), "timeout"),
        (json!({"text": "?", "debounce": "31s"}), "debounce"),
        (
            json!({"text": "?", "type": "number", "min": 2, "max": 1}),
            "min",
        ),
        (
            json!({"text": "?", "type": "date", "format": "DD/MM"}),
            "format",
        ),
        (
            json!({"text": "?", "type": "phone", "default-country": "XX"}),
            "default-country",
        ),
        (json!({"text": "?", "save": {"tag": true}}), "save.tag"),
    ] {
        let document = json!({"name": "late", "trigger": {"event": "manual"}, "steps": {
            "ask": {"uses": "ask-question@1", "with": settings},
        }});
        api.put("/v1/workflows/late", document).await.ok();
        api.post("/v1/workflows/late/publish", json!({})).await.ok();
        api.put(&format!("/v1/contacts/{WHO}"), json!({}))
            .await
            .ok();
        let run = api.start_by_hand("late", WHO).await;
        let over = api.over(&run).await;
        assert_eq!(over["state"], "failed", "{settings}");
        let failure = over["outputs"]["ask"]["error"].to_string();
        assert!(
            failure.contains(said) && failure.contains("invalid-config"),
            "{settings}: {failure}"
        );
    }
}

#[tokio::test]
async fn retries_are_counted_from_none_to_five_and_then_the_answer_is_invalid() {
    let mut chat = chat().await;
    for retries in [0_u64, 1, 5] {
        let settings = json!({"text": "How many?", "type": "number", "max-retries": retries,
            "retry-text": "A number, please."});
        let run = chat.ask(&format!("tries-{retries}"), settings).await;
        let asked = chat.integrator.requests().count();
        for n in 0..retries {
            chat.write("many").await;
            let again = chat.sent(asked + 1 + usize::try_from(n).unwrap()).await;
            assert_eq!(again["text"], "A number, please.");
            chat.api().waiting_at(&run, "ask").await;
        }
        chat.write("lots").await;
        let (branch, output) = chat.end(&run).await;
        assert_eq!(
            (
                branch.as_str(),
                &output["retries"],
                &output["text"],
                &output["answer"]
            ),
            ("invalid", &json!(retries), &json!("lots"), &Value::Null)
        );
        assert!(
            output["reason"].as_str().unwrap().contains("number"),
            "{output}"
        );
    }
}

#[tokio::test]
async fn without_a_branch_an_invalid_answer_fails_the_run_and_no_answer_ends_it() {
    let mut chat = chat().await;
    let api = chat.api().clone();
    api.publish(
        "name: strict\ntrigger: {event: manual}\nsteps:\n  \
         ask: {uses: ask-question@1, with: {text: \"How many?\", type: number, max-retries: 0}}\n  \
         never: {uses: update-contact-tag@1, with: {tags: [never]}}\n",
    )
    .await;
    let run = api.start_by_hand("strict", WHO).await;
    api.waiting_at(&run, "ask").await;
    chat.write("many").await;
    let over = api.over(&run).await;
    assert_eq!(
        (&over["state"], &over["reason"]),
        (&json!("failed"), &json!("invalid")),
        "{over:#}"
    );
    api.publish(
        "name: brief\ntrigger: {event: manual}\nsteps:\n  \
         ask: {uses: ask-question@1, with: {text: \"Still there?\", timeout: 1s}}\n  \
         never: {uses: update-contact-tag@1, with: {tags: [never]}}\n",
    )
    .await;
    let run = api.start_by_hand("brief", WHO).await;
    let over = api.completed(&run).await;
    assert_eq!(over["reason"], "timeout");
    let contact = api.get(&format!("/v1/contacts/{WHO}")).await.ok();
    assert_eq!(contact["tags"], json!([]));
}

#[tokio::test]
async fn skip_words_skip_and_an_attachment_is_no_answer() {
    let mut chat = chat().await;
    let settings = json!({"text": "Your mail?", "type": "email", "skip-words": ["passer", "skip"], "max-retries": 0});
    let run = chat.ask("skip", settings.clone()).await;
    chat.write("  SKIP! ").await;
    let (branch, output) = chat.end(&run).await;
    assert_eq!(
        (branch.as_str(), &output["text"]),
        ("skipped", &json!("  SKIP! "))
    );
    let run = chat.ask("skip", settings).await;
    chat.say(json!({"type": "attachment", "attachment": {"type": "image", "url": "https://example.com/a.png"}}))
        .await;
    assert_eq!(chat.end(&run).await.0, "invalid");
}

#[tokio::test]
async fn a_question_that_does_not_leave_takes_the_branch_message_failure() {
    let chat = chat().await;
    let api = chat.api();
    // Nobody has written on any channel, so there is none to ask on.
    api.put("/v1/contacts/email:bob@example.com", json!({}))
        .await
        .ok();
    let document = "name: ask\ntrigger: {event: manual}\nsteps:\n  \
                    ask: {uses: ask-question@1, with: {text: \"Well?\"}, branches: {message-failure: end}}\n";
    api.publish(document).await;
    let run = api.start_by_hand("ask", "email:bob@example.com").await;
    let (branch, output) = chat.end(&run).await;
    assert_eq!(branch, "message-failure");
    assert!(
        output["reason"].as_str().unwrap().contains("channel"),
        "{output}"
    );

    // The other side refuses it.
    let deaf = jackfield_peers::Crm::start().await.unwrap();
    deaf.answer_next(Answer::new(
        400,
        json!({"error": {"message": "no such user"}}),
    ));
    let channel = json!({
        "name": "deaf", "connector": "custom-channel@1",
        "settings": {"webhook-url": format!("{}/message", deaf.url), "channel-id": "d"},
        "secrets": {"api-token": "a text that both sides share"},
    });
    api.post("/v1/channels", channel).await.ok();
    api.publish(
        &document
            .replace("text:", "channel: deaf, text:")
            .replace("name: ask", "name: refused"),
    )
    .await;
    let run = api.start_by_hand("refused", WHO).await;
    let (branch, output) = chat.end(&run).await;
    assert_eq!(branch, "message-failure", "{output}");

    // Without that branch it is a failure.
    api.publish("name: plain\ntrigger: {event: manual}\nsteps:\n  ask: {uses: ask-question@1, with: {text: \"Well?\"}}\n")
        .await;
    let run = api.start_by_hand("plain", "email:bob@example.com").await;
    let over = api.over(&run).await;
    assert_eq!(over["state"], "failed", "{over:#}");
}

#[tokio::test]
async fn an_answer_in_three_messages_is_one_answer() {
    let mut chat = chat().await;
    let run = chat
        .ask(
            "address",
            json!({"text": "Your address?", "debounce": "2s"}),
        )
        .await;
    for part in ["10 rue", "de la Paix", "Paris"] {
        chat.write(part).await;
    }
    let (branch, output) = chat.end(&run).await;
    assert_eq!(
        (branch.as_str(), &output["answer"]),
        ("success", &json!("10 rue de la Paix Paris"))
    );
    // A button is whole at once, and what was written before it does not spoil it.
    let settings = json!({"text": "Which?", "type": "multiple-choice", "options": ["A", "B"], "debounce": "30s"});
    let run = chat.ask("press", settings).await;
    chat.write("well").await;
    chat.say(json!({"type": "quick_reply", "title": "B", "payload": "option-2"}))
        .await;
    assert_eq!(chat.end(&run).await.1["answer"], "B");
}

#[tokio::test]
async fn stop_wins_over_any_question_and_is_no_answer() {
    let mut chat = chat().await;
    let run = chat
        .ask("any", json!({"text": "Anything?", "skip-words": ["stop"]}))
        .await;
    chat.write("STOP").await;
    let opted_out = jackfield_tests::until("the opt-out", async || {
        let all = chat.api().all("/v1/opt-outs?limit=10").await;
        all.first().cloned()
    })
    .await;
    assert_eq!(opted_out["source"], "keyword");
    assert_eq!(chat.api().run(&run).await["state"], "waiting");
    // Whoever stopped is not asked again.
    chat.publish("next", json!({"text": "And now?"})).await;
    let next = chat.api().start_by_hand("next", WHO).await;
    assert_eq!(chat.end(&next).await.0, "message-failure");
}

#[tokio::test]
async fn the_newest_question_gets_the_answer_and_no_workflow_starts_beside_it() {
    let mut chat = chat().await;
    let api = chat.api().clone();
    let first = chat.ask("first", json!({"text": "First?"})).await;
    let second = chat.ask("second", json!({"text": "Second?"})).await;
    chat.write("to the second").await;
    assert_eq!(chat.end(&second).await.1["answer"], "to the second");
    assert_eq!(api.run(&first).await["state"], "waiting");
    chat.write("to the first").await;
    assert_eq!(chat.end(&first).await.1["answer"], "to the first");
}

#[tokio::test]
async fn seven_days_are_waited_and_a_late_answer_is_an_ordinary_message() {
    let mut chat = clocked_chat().await;
    let api = chat.api().clone();
    let run = chat.ask("patient", json!({"text": "Well?"})).await;
    chat.ahead(7 * DAY - 60_000);
    chat.write("just in time").await;
    assert_eq!(chat.end(&run).await.1["answer"], "just in time");

    let run = chat.ask("patient", json!({"text": "Well?"})).await;
    chat.ahead(14 * DAY);
    let (branch, output) = chat.end(&run).await;
    assert_eq!(
        (branch.as_str(), &output["answer"]),
        ("timeout", &Value::Null)
    );
    api.publish(
        "name: late\ntrigger: {event: message.received, when: {field: message.text, is: sorry}}\n\
         steps: {tag: {uses: update-contact-tag@1, with: {tags: [late]}}}\n",
    )
    .await;
    chat.write("sorry").await;
    let started = jackfield_tests::until("the message to start a workflow", async || {
        api.all("/v1/runs?workflow=late").await.first().cloned()
    })
    .await;
    api.completed(started["id"].as_str().unwrap()).await;
}
