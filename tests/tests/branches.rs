//! Conditions as the step `branch`, a step's `when` and a trigger meet them: every category over a
//! real contact with real messages, the three places agree, and the limits of a branch.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use jackfield_peers::{Answer, Crm};
use jackfield_tests::{Api, Host};
use serde_json::{Value, json};

const TOKEN: &str = "a long random text that both sides share";
const ANN: &str = "+33600000001";
const WHO: &str = "phone:+33600000001";

/// A host with a channel, and the integrator behind it.
struct Chat {
    host: Host,
    _integrator: Crm,
    webhook: String,
    client: reqwest::Client,
    events: u32,
}

impl Chat {
    async fn open() -> Chat {
        let host = Host::start().await;
        let integrator = Crm::start().await.unwrap();
        for n in 0..50 {
            integrator.answer_next(Answer::new(200, json!({"mId": format!("mid-{n}")})));
        }
        let channel = json!({
            "name": "chat",
            "connector": "custom-channel@1",
            "settings": {"webhook-url": format!("{}/message", integrator.url), "channel-id": "c"},
            "secrets": {"api-token": TOKEN},
        });
        let made = host.api.post("/v1/channels", channel).await.ok();
        let webhook = made["webhook"].as_str().unwrap().to_owned();
        Chat {
            host,
            _integrator: integrator,
            webhook,
            client: reqwest::Client::new(),
            events: 0,
        }
    }

    fn api(&self) -> &Api {
        &self.host.api
    }

    /// A message of Ann's (`message`), or one that somebody of ours wrote to her elsewhere
    /// (`message_echo`).
    async fn say(&mut self, kind: &str, text: &str) {
        self.post(kind, json!({"type": "text", "text": text})).await;
    }

    async fn post(&mut self, kind: &str, message: Value) {
        self.events += 1;
        let body = json!({
            "channelId": "c", "contactId": ANN,
            "events": [{"type": kind, "mId": format!("in-{}", self.events),
                "timestamp": 1_795_000_000_000_i64, "message": message}],
        });
        let request = self.client.post(&self.webhook).bearer_auth(TOKEN);
        let answer = request.json(&body).send().await.unwrap();
        assert!(answer.status().is_success(), "{answer:?}");
    }

    async fn contact(&self) -> Value {
        self.api().get(&format!("/v1/contacts/{WHO}")).await.ok()
    }

    /// Waits until the contact's last outgoing message is of this source.
    async fn written_by(&self, source: &str) -> Value {
        jackfield_tests::until(&format!("a message of `{source}`"), async || {
            Some(self.contact().await).filter(|contact| contact["last_outgoing_source"] == source)
        })
        .await
    }

    /// Which way a run with this condition goes, by its branch, by its step's `when` and by its
    /// trigger.
    async fn ways(&self, when: &Value) -> [bool; 3] {
        let api = self.api();
        let document = json!({
            "name": "split", "triggers": [{"event": "manual"}, {"event": "split.wanted"}],
            "steps": {
                "split": {"uses": "branch@1", "with": {"branches": [{"name": "yes", "when": when}]}, "branches": {"yes": "rest"}},
                "rest": {"uses": "branch@1", "when": when, "with": {"branches": [
                    {"name": "never", "when": {"field": "vars.never", "exists": true}}]}, "branches": {"never": "end"}},
            },
        });
        api.put("/v1/workflows/split", document).await.ok();
        api.post("/v1/workflows/split/publish", json!({}))
            .await
            .ok();
        let data = json!({"plan": "pro", "seats": 12, "at": "2026-11-20T10:00:00Z"});
        let started = json!({"contact": WHO, "data": data});
        let run = api.post("/v1/workflows/split/runs", started).await.ok();
        let run = run["id"].as_str().unwrap().to_owned();
        let over = api.completed(&run).await;
        let outputs = &over["outputs"];
        let trigger = json!({
            "name": "triggered", "trigger": {"event": "triggered.wanted", "when": when},
            "steps": {"rest": {"uses": "update-contact-tag@1", "with": {"tags": ["vip"]}}},
        });
        api.put("/v1/workflows/triggered", trigger).await.ok();
        api.post("/v1/workflows/triggered/publish", json!({}))
            .await
            .ok();
        let accepted = api.event("triggered.wanted", Some(WHO), data).await;
        let runs = accepted["runs"].as_array().unwrap();
        for run in runs {
            api.over(run.as_str().unwrap()).await;
        }
        [
            outputs["split"]["branch"] == "yes",
            outputs["rest"].is_object(),
            runs.len() == 1,
        ]
    }
}

#[tokio::test]
async fn every_category_of_conditions_is_seen_by_branches_steps_and_triggers_alike() {
    let mut chat = Chat::open().await;
    let api = chat.api().clone();
    for (field, kind) in [("city", "text"), ("age", "number"), ("born", "date")] {
        api.put(
            &format!("/v1/contact-fields/{field}"),
            json!({"kind": kind}),
        )
        .await
        .ok();
    }
    chat.say("message", "Hello, my ORDER is late").await;
    let fields = json!({"city": "Évry", "age": 41, "born": "1985-03-07", "tags": ["vip", "fr"]});
    api.put(&format!("/v1/contacts/{WHO}"), fields).await.ok();
    let message = json!({"contact": WHO, "channel": "chat", "content": {"type": "text", "text": "We look into it"}});
    api.post("/v1/messages", message).await.ok();
    chat.written_by("api").await;
    for (when, expected) in [
        // Contact field.
        (json!({"field": "contact.city", "is": "évry"}), true),
        (json!({"field": "contact.city", "is": "evry"}), false),
        (
            json!({"field": "contact.city", "is": "evry", "fold-accents": true}),
            true,
        ),
        (json!({"field": "contact.city", "is-not": "Paris"}), true),
        (json!({"field": "contact.age", "greater-than": 40}), true),
        (json!({"field": "contact.age", "less-than": 41}), false),
        (json!({"field": "contact.age", "between": [41, 50]}), true),
        (json!({"field": "contact.country", "exists": true}), false),
        (
            json!({"field": "contact.country", "not-exists": true}),
            true,
        ),
        (json!({"field": "contact.country", "is-not": "FR"}), true),
        (json!({"field": "contact.city", "contains": "vr"}), true),
        (
            json!({"field": "contact.city", "not-contains": "vr"}),
            false,
        ),
        (
            json!({"field": "contact.born", "after": "1985-03-06"}),
            true,
        ),
        (
            json!({"field": "contact.born", "before": "1985-03-07"}),
            false,
        ),
        (
            json!({"field": "contact.born", "between": ["1985-03-07", "1985-03-07"]}),
            true,
        ),
        // Tags.
        (
            json!({"field": "contact.tags", "has-any-of": ["x", "VIP"]}),
            true,
        ),
        (
            json!({"field": "contact.tags", "has-all-of": ["vip", "x"]}),
            false,
        ),
        (
            json!({"field": "contact.tags", "has-none-of": ["x", "y"]}),
            true,
        ),
        (json!({"field": "contact.tags", "exists": true}), true),
        // Variables: what the trigger brings.
        (json!({"field": "event.plan", "is": "pro"}), true),
        (json!({"field": "event.seats", "at-least": "12"}), true),
        (json!({"field": "event.seats", "is": "twelve"}), false),
        (
            json!({"field": "event.at", "before": "2026-11-20T10:00:01Z"}),
            true,
        ),
        (json!({"field": "event.gone", "not-exists": true}), true),
        // The assignee's status: nobody is assigned.
        (json!({"field": "assignee.status", "is": "online"}), false),
        (
            json!({"field": "assignee.status", "is-not": "online"}),
            true,
        ),
        (
            json!({"field": "assignee.status", "not-exists": true}),
            true,
        ),
        // The last channel.
        (json!({"field": "contact.last_channel", "is": "chat"}), true),
        (
            json!({"field": "channel.kind", "is": "custom-channel"}),
            true,
        ),
        (
            json!({"field": "contact.last_incoming_channel", "is": "chat"}),
            true,
        ),
        (
            json!({"field": "contact.last_outgoing_channel", "is-not": "sms"}),
            true,
        ),
        // The last messages.
        (
            json!({"field": "contact.last_incoming", "contains": "order"}),
            true,
        ),
        (
            json!({"field": "contact.last_incoming", "not-contains": "refund"}),
            true,
        ),
        (
            json!({"field": "contact.last_incoming", "exists": true}),
            true,
        ),
        (
            json!({"field": "contact.last_outgoing", "contains": "LOOK INTO"}),
            true,
        ),
        (
            json!({"field": "contact.last_outgoing", "contains": "order"}),
            false,
        ),
        // Who wrote last.
        (
            json!({"field": "contact.last_outgoing_source", "is": "api"}),
            true,
        ),
        (
            json!({"field": "contact.last_outgoing_source", "is-not": "workflow"}),
            true,
        ),
        // How long ago.
        (
            json!({"field": "contact.last_incoming_at", "newer-than": "1h"}),
            true,
        ),
        (
            json!({"field": "contact.last_incoming_at", "older-than": "1h"}),
            false,
        ),
        (
            json!({"field": "contact.last_outgoing_at", "between": ["0s", "1d"]}),
            true,
        ),
        (
            json!({"field": "contact.last_outgoing_at", "between": ["1d", "2d"]}),
            false,
        ),
        (
            json!({"field": "contact.last_outgoing_at", "after": "2020-01-01"}),
            true,
        ),
        (
            json!({"field": "contact.last_incoming_at", "before": "2020-01-01"}),
            false,
        ),
        // Groups.
        (
            json!({"all": [{"any": [{"field": "contact.city", "is": "Paris"}, {"field": "contact.age", "is": 41}]},
            {"not": {"field": "contact.tags", "has-any-of": ["do-not-call"]}}]}),
            true,
        ),
        (
            json!({"all": [{"field": "contact.age", "is": 41}, {"field": "contact.city", "is": "Paris"}]}),
            false,
        ),
        (
            json!({"any": [{"field": "contact.age", "is": 42}, {"field": "contact.city", "is": "Paris"}]}),
            false,
        ),
        // Beyond: starts with, ends with, one of, a pattern.
        (
            json!({"field": "contact.phone", "starts-with": "+336"}),
            true,
        ),
        (
            json!({"field": "contact.last_incoming", "ends-with": "is late"}),
            true,
        ),
        (
            json!({"field": "contact.city", "in": ["Paris", "ÉVRY"]}),
            true,
        ),
        (
            json!({"field": "contact.last_incoming", "matches": "order.*late$"}),
            true,
        ),
    ] {
        assert_eq!(chat.ways(&when).await, [expected; 3], "{when}");
    }
}

#[tokio::test]
async fn the_last_messages_are_cut_and_say_who_wrote_and_where() {
    let mut chat = Chat::open().await;
    let api = chat.api().clone();
    chat.say("message", &"é".repeat(1_001)).await;
    let contact = chat.contact().await;
    assert_eq!(contact["last_incoming"], "é".repeat(1_000));
    assert_eq!(contact["last_incoming_channel"], "chat");
    assert_eq!(contact["tags"], json!([]));
    for never in ["last_outgoing", "last_outgoing_at", "last_outgoing_source"] {
        assert!(contact[never].is_null(), "{contact:#}");
    }
    let untagged = json!({"field": "contact.tags", "exists": false});
    assert_eq!(chat.ways(&untagged).await[..2], [true; 2]);

    api.publish(
        "name: greet\ntrigger: {event: manual}\nsteps:\n  \
         hello: {uses: send-message@1, with: {channel: last-interacted, text: \"From a workflow\"}}\n  \
         split: {uses: branch@1, with: {branches: [{name: mine, when: {field: contact.last_outgoing_source, is: workflow}}]}, branches: {mine: end, else: end}}\n",
    )
    .await;
    let run = api.start_by_hand("greet", WHO).await;
    let over = api.completed(&run).await;
    assert_eq!(over["outputs"]["split"]["branch"], "mine", "{over:#}");
    let contact = chat.contact().await;
    assert_eq!(
        (&contact["last_outgoing"], &contact["last_outgoing_channel"]),
        (&json!("From a workflow"), &json!("chat"))
    );
    // What a person of ours writes by other means is a user's.
    chat.say("message_echo", "From my own phone").await;
    let contact = chat.written_by("user").await;
    assert_eq!(contact["last_outgoing"], "From my own phone");
    let message = json!({"contact": WHO, "channel": "chat", "content": {"type": "text", "text": "From the API"}});
    api.post("/v1/messages", message).await.ok();
    chat.written_by("api").await;
    // The host's own answer to STOP is a bot's.
    chat.say("message", "STOP").await;
    chat.written_by("bot").await;
    // A picture without words leaves no text behind.
    let picture = json!({"type": "image", "url": "https://example.com/a.png"});
    chat.post(
        "message",
        json!({"type": "attachment", "attachment": picture}),
    )
    .await;
    assert!(chat.contact().await["last_incoming"].is_null());
}

#[tokio::test]
async fn nine_branches_of_ten_tests_are_checked_in_order_and_more_is_refused() {
    let host = Host::start().await;
    let api = &host.api;
    api.put(&format!("/v1/contacts/{WHO}"), json!({}))
        .await
        .ok();
    let test = |n: usize| json!({"field": "event.n", "is": n});
    let document = |branches: usize, tests: usize| {
        let branch = |n: usize| {
            // The first that holds wins: each holds for its own number and all below.
            let tests: Vec<Value> = (0..tests)
                .map(|m| test(if m == 0 { n } else { 100 + m }))
                .collect();
            json!({"name": format!("b{n}"), "when": {"any": [tests[0], {"field": "event.n", "less-than": n}, {"any": tests[2..]}]}})
        };
        let branches: Vec<Value> = (1..=branches).map(branch).collect();
        json!({"name": "split", "trigger": {"event": "manual"}, "steps": {
            "split": {"uses": "branch@1", "with": {"branches": branches}, "branches": {"else": "end"}},
        }})
    };
    api.put("/v1/workflows/split", document(9, 10)).await.ok();
    api.post("/v1/workflows/split/publish", json!({}))
        .await
        .ok();
    for (n, expected) in [(1, "b1"), (5, "b5"), (0, "b1"), (9, "b9"), (10, "else")] {
        let run = api
            .post(
                "/v1/workflows/split/runs",
                json!({"contact": WHO, "data": {"n": n}}),
            )
            .await
            .ok();
        let over = api.completed(run["id"].as_str().unwrap()).await;
        assert_eq!(over["outputs"]["split"]["branch"], expected, "{n}");
    }
    for (branches, tests, said) in [
        (10, 10, "branches"),
        (9, 11, "at most 10 tests"),
        (0, 10, "branches"),
    ] {
        api.put("/v1/workflows/split", document(branches, tests))
            .await
            .ok();
        let refused = api.post("/v1/workflows/split/publish", json!({})).await;
        let refused = refused.refused(422, "invalid-document").to_string();
        assert!(refused.contains(said), "{refused}");
    }
    for name in ["else", "failure", "Not a name"] {
        let branches = json!([{"name": name, "when": test(1)}]);
        let document = json!({"name": "split", "trigger": {"event": "manual"}, "steps": {
            "split": {"uses": "branch@1", "with": {"branches": branches}},
        }});
        api.put("/v1/workflows/split", document).await.ok();
        let refused = api.post("/v1/workflows/split/publish", json!({})).await;
        if refused.status == 200 {
            // What the document cannot tell, the step does.
            let run = api.start_by_hand("split", WHO).await;
            let over = api.over(&run).await;
            assert_eq!(over["state"], "failed", "{name}: {over:#}");
        } else {
            refused.refused(422, "invalid-document");
        }
    }
}
