//! Whole stories, one for each group of use cases: scripted conversations over a channel, from the
//! first message to the closing, on a clock that is put forward. Where there is a template of
//! workflows for the story, it is the template that runs.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use jackfield_peers::{Answer, Crm};
use jackfield_tests::{ANN, ANN_WHO, Api, Chat, PATIENCE, template, until};
use jiff::civil::Weekday;
use serde_json::{Value, json};

const BOB: &str = "+33600000002";
const BOB_WHO: &str = "phone:+33600000002";
const HOUR: i64 = 60 * 60 * 1_000;

/// A user who is online, as the only member of a team.
async fn team(api: &Api, name: &str) {
    let email = format!("{name}@example.com");
    let user = json!({"email": email, "name": name});
    api.post("/v1/users", user).await.ok();
    present(api, name, "online").await;
    let members = json!({"members": [{"user": email}]});
    api.put(&format!("/v1/teams/{name}"), members).await.ok();
}

async fn present(api: &Api, name: &str, presence: &str) {
    let path = format!("/v1/users/{name}@example.com/presence");
    api.put(&path, json!({"presence": presence})).await.ok();
}

async fn contact(api: &Api, who: &str) -> Value {
    api.get(&format!("/v1/contacts/{who}")).await.ok()
}

/// Waits until the contact is as it should be.
async fn contact_until(api: &Api, who: &str, what: &str, holds: impl Fn(&Value) -> bool) -> Value {
    until(what, async || {
        let contact = contact(api, who).await;
        holds(&contact).then_some(contact)
    })
    .await
}

async fn assigned(api: &Api, who: &str, name: &str) {
    let email = format!("{name}@example.com");
    let what = format!("{who} with {email}");
    contact_until(api, who, &what, |contact| {
        contact["assignee"] == email.as_str()
    })
    .await;
}

async fn close(api: &Api, who: &str) {
    let path = format!("/v1/contacts/{who}/conversation/close");
    api.post(&path, json!({})).await.ok();
}

/// Every run of the workspace has come to an end that is no failure.
async fn all_well(api: &Api) {
    until("the end of every run", async || {
        let runs = api.all("/v1/runs").await;
        let over = runs.iter().all(|run| run["state"] == "completed");
        let failed: Vec<&Value> = runs
            .iter()
            .filter(|run| run["state"] == "failed" || run["state"] == "needs-attention")
            .collect();
        assert!(failed.is_empty(), "{failed:#?}");
        over.then_some(())
    })
    .await;
}

#[tokio::test]
async fn who_is_new_is_welcomed_who_returns_is_known_and_at_night_nobody_waits_in_vain() {
    let mut chat = Chat::open_clocked().await;
    let api = chat.api().clone();
    for name in ["welcome-message", "away-message"] {
        api.publish(&template(&chat.host, name, &[]).await).await;
    }
    chat.ahead_to(Weekday::Monday, 10);
    chat.write("Hello?").await;
    chat.told("Welcome, dear guest!").await;
    all_well(&api).await;
    assert_eq!(chat.integrator.requests().count(), 1, "nobody is away");
    close(&api, ANN_WHO).await;

    chat.ahead_to(Weekday::Saturday, 22);
    chat.write("Are you there?").await;
    chat.told("Good to see you again").await;
    chat.told("Monday to Friday, 9 to 6").await;
    all_well(&api).await;
    assert_eq!(chat.integrator.requests().count(), 3);
}

#[tokio::test]
async fn a_menu_in_two_levels_leads_to_the_team_that_knows() {
    let mut chat = Chat::open().await;
    let api = chat.api().clone();
    for name in ["sales", "accounts", "support"] {
        team(&api, name).await;
    }
    let menu = [
        ("the team that sells", "sales"),
        ("the team that knows invoices", "accounts"),
        ("the team that helps", "support"),
    ];
    api.publish(&template(&chat.host, "chat-menu", &menu).await)
        .await;

    // Ann takes the way back and another one; what she writes is not always an option.
    chat.write("Hi").await;
    chat.told("What is it about?").await;
    chat.write("support").await;
    chat.told("What can we help").await;
    chat.write("3").await;
    until("the menu once more", async || {
        (chat.integrator.requests().count() == 3).then_some(())
    })
    .await;
    chat.write("what?").await;
    until("the question again", async || {
        (chat.integrator.requests().count() == 4).then_some(())
    })
    .await;
    chat.write("BUYING").await;
    assigned(&api, ANN_WHO, "sales").await;

    // Bob has a question about his invoice.
    chat.write_as(BOB, "Hello").await;
    until("Bob's menu", async || {
        (chat.integrator.requests().count() == 5).then_some(())
    })
    .await;
    chat.write_as(BOB, "2").await;
    until("Bob's second menu", async || {
        (chat.integrator.requests().count() == 6).then_some(())
    })
    .await;
    chat.write_as(BOB, "My invoice").await;
    assigned(&api, BOB_WHO, "accounts").await;
    all_well(&api).await;
}

#[tokio::test]
async fn nobody_keeps_a_contact_whose_conversation_is_closed() {
    let mut chat = Chat::open().await;
    let api = chat.api().clone();
    team(&api, "support").await;
    let fillings = [("the team", "support")];
    for name in ["assign-least-open", "unassign-after-close"] {
        api.publish(&template(&chat.host, name, &fillings).await)
            .await;
    }
    chat.write("Hello").await;
    assigned(&api, ANN_WHO, "support").await;
    close(&api, ANN_WHO).await;
    contact_until(&api, ANN_WHO, "nobody", |contact| {
        contact["assignee"].is_null()
    })
    .await;
    chat.write("One thing more").await;
    assigned(&api, ANN_WHO, "support").await;
    all_well(&api).await;
}

#[tokio::test]
async fn each_shift_gets_the_contacts_of_its_hours() {
    let mut chat = Chat::open_clocked().await;
    let api = chat.api().clone();
    for name in ["day", "night"] {
        team(&api, name).await;
    }
    api.publish(
        "name: shifts\ntrigger: {event: conversation.opened}\nsteps:\n  \
         shift:\n    uses: date-time@1\n    with:\n      time-zone: UTC\n      business-hours:\n        \
         {monday: [\"08:00-20:00\"], tuesday: [\"08:00-20:00\"], wednesday: [\"08:00-20:00\"]}\n    \
         branches: {else: night}\n  \
         day: {uses: assign-to@1, with: {team: day}, next: end}\n  \
         night: {uses: assign-to@1, with: {team: night}}\n",
    )
    .await;
    chat.ahead_to(Weekday::Tuesday, 19);
    for name in ["day", "night"] {
        present(&api, name, "online").await;
    }
    chat.write("Still there?").await;
    assigned(&api, ANN_WHO, "day").await;
    chat.ahead_to(Weekday::Tuesday, 20);
    chat.write_as(BOB, "And now?").await;
    assigned(&api, BOB_WHO, "night").await;
    all_well(&api).await;
}

#[tokio::test]
async fn important_contacts_go_past_the_queue() {
    let mut chat = Chat::open().await;
    let api = chat.api().clone();
    team(&api, "support").await;
    api.patch("/v1/users/support@example.com", json!({"max-open": 1}))
        .await
        .ok();
    api.publish(
        "name: vip\ntrigger: {event: conversation.opened}\nsteps:\n  \
         vip:\n    uses: branch@1\n    with: {branches: [{name: \"yes\", when: {field: contact.tags, has-any-of: [vip]}}]}\n    \
         branches: {\"yes\": first, else: in-turn}\n  \
         first: {uses: assign-to@1, with: {team: support, priority: 50}, next: end}\n  \
         in-turn: {uses: assign-to@1, with: {team: support}}\n",
    )
    .await;
    api.put("/v1/contacts/phone:+33600000009", json!({"tags": ["vip"]}))
        .await
        .ok();
    chat.write("I was first").await;
    assigned(&api, ANN_WHO, "support").await;
    chat.write_as(BOB, "I was second").await;
    until("Bob in the queue", async || {
        (api.all("/v1/queue").await.len() == 1).then_some(())
    })
    .await;
    chat.write_as("+33600000009", "I am important").await;
    until("both in the queue", async || {
        (api.all("/v1/queue").await.len() == 2).then_some(())
    })
    .await;
    close(&api, ANN_WHO).await;
    assigned(&api, "phone:+33600000009", "support").await;
    assert!(contact(&api, BOB_WHO).await["assignee"].is_null());
    close(&api, "phone:+33600000009").await;
    assigned(&api, BOB_WHO, "support").await;
    all_well(&api).await;
}

#[tokio::test]
async fn what_is_not_known_of_a_contact_is_asked_for_and_kept() {
    let mut chat = Chat::open_clocked().await;
    let api = chat.api().clone();
    let source = template(&chat.host, "welcome-ask-email", &[]).await;
    api.publish(&source).await;
    chat.write("Hi").await;
    chat.told("mail address").await;
    chat.write("it is ann at example").await;
    until("the question again", async || {
        (chat.integrator.requests().count() == 3).then_some(())
    })
    .await;
    chat.write("ann@EXAMPLE.com").await;
    chat.told("We write to ann@example.com").await;
    assert_eq!(contact(&api, ANN_WHO).await["email"], "ann@example.com");
    // Bob would rather not, and never answers: a day later that is the end of it.
    chat.write_as(BOB, "Hi").await;
    until("Bob's question", async || {
        (chat.integrator.requests().count() == 6).then_some(())
    })
    .await;
    chat.forward(25 * HOUR);
    all_well(&api).await;
    assert!(contact(&api, BOB_WHO).await["email"].is_null());

    // The phone number is known already, as the channel's addresses are phone numbers; what the
    // contact has is not asked for.
    let source = template(&chat.host, "collect-contact-details", &[]).await;
    api.publish(&source).await;
    let run = api.start_by_hand("collect-contact-details", ANN_WHO).await;
    api.completed(&run).await;
    chat.told("Thank you, that is all").await;
}

#[tokio::test]
async fn leads_are_qualified_by_their_budget() {
    let mut chat = Chat::open().await;
    let api = chat.api().clone();
    team(&api, "sales").await;
    api.publish(
        "name: qualify\ntrigger: {event: conversation.opened}\nsteps:\n  \
         ask:\n    uses: ask-question@1\n    with: {text: \"What is your budget?\", type: number, min: 0, save: {variable: budget}}\n    \
         branches: {timeout: end, invalid: end}\n  \
         sort:\n    uses: branch@1\n    with: {branches: [{name: large, when: {field: vars.budget, at-least: 10000}}]}\n    \
         branches: {large: hot, else: cold}\n  \
         hot: {uses: update-contact-field@1, with: {field: lifecycle, value: hot lead}}\n  \
         sell: {uses: assign-to@1, with: {team: sales}, next: end}\n  \
         cold: {uses: update-contact-field@1, with: {field: lifecycle, value: cold lead}}\n  \
         bye: {uses: send-message@1, with: {text: \"Our catalogue: https://example.com/catalogue\"}}\n",
    )
    .await;
    chat.write("I want to buy").await;
    chat.told("budget").await;
    chat.write("25 000").await;
    assigned(&api, ANN_WHO, "sales").await;
    assert_eq!(contact(&api, ANN_WHO).await["lifecycle"], "hot lead");
    chat.write_as(BOB, "Me too").await;
    until("Bob's question", async || {
        (chat.integrator.requests().count() == 2).then_some(())
    })
    .await;
    chat.write_as(BOB, "12,50").await;
    chat.told("catalogue").await;
    assert_eq!(contact(&api, BOB_WHO).await["lifecycle"], "cold lead");
    all_well(&api).await;
}

#[tokio::test]
async fn a_contact_is_told_once_in_half_a_day() {
    let mut chat = Chat::open_clocked().await;
    let api = chat.api().clone();
    api.publish(
        "name: told\ntrigger: {event: came-by, once-per-contact: 12h}\n\
         steps:\n  note: {uses: add-comment@1, with: {text: Came by.}}\n",
    )
    .await;
    let who = Some(ANN_WHO);
    let first = api.start("came-by", who, json!({})).await;
    api.completed(&first).await;
    chat.forward(11 * HOUR);
    let again = api.event("came-by", who, json!({})).await;
    let skipped = &again["skipped"][0];
    assert_eq!(skipped["reason"], "once-per-contact", "{again:#}");
    assert_eq!(skipped["detail"]["run"], first.as_str());
    // Another contact is not held up by it, and this one not after the time.
    api.start("came-by", Some(BOB_WHO), json!({})).await;
    chat.forward(HOUR);
    let second = api.start("came-by", who, json!({})).await;
    api.completed(&second).await;
    // The time runs from the last start, not from the first.
    chat.forward(11 * HOUR);
    let again = api.event("came-by", who, json!({})).await;
    assert_eq!(
        again["skipped"][0]["reason"], "once-per-contact",
        "{again:#}"
    );
}

#[tokio::test]
async fn whoever_answers_a_broadcast_comes_to_somebody_who_sells() {
    let mut chat = Chat::open_clocked().await;
    let api = chat.api().clone();
    team(&api, "sales").await;
    api.put("/v1/lists/newsletter", json!({})).await.ok();
    for (number, who) in [(ANN, ANN_WHO), (BOB, BOB_WHO)] {
        chat.write_as(number, "Hi").await;
        contact_until(&api, who, "the contact", |contact| {
            contact["last_incoming"] == "Hi"
        })
        .await;
        let member = json!({"contact": who});
        api.post("/v1/lists/newsletter/contacts", member).await.ok();
    }
    api.publish(
        "name: winter-offers\ntrigger: {event: schedule, cron: \"0 10 * * 1\", for: {list: newsletter}}\nsteps:\n  \
         offer: {uses: send-message@1, with: {channel: chat, text: \"Half price in winter!\"}}\n",
    )
    .await;
    api.publish(
        "name: interested\ntrigger: {event: broadcast.replied, broadcasts: [winter-offers]}\nsteps:\n  \
         tag: {uses: update-contact-tag@1, with: {tags: [\"answered ${broadcast.workflow}\"]}}\n  \
         sales: {uses: assign-to@1, with: {team: sales}}\n",
    )
    .await;
    chat.ahead_to(Weekday::Monday, 10);
    let sent = chat.integrator.requests().at_least(2, PATIENCE).await;
    assert_eq!(sent.unwrap().len(), 2);
    let offers = until("both offers to be accepted", async || {
        let mut all = api.all("/v1/messages").await;
        all.retain(|one| one["status"] == "accepted");
        (all.len() == 2).then_some(all)
    })
    .await;
    for offer in offers {
        assert_eq!(offer["source"], "broadcast", "{offer:#}");
    }
    chat.write("Tell me more").await;
    assigned(&api, ANN_WHO, "sales").await;
    let ann = contact(&api, ANN_WHO).await;
    assert_eq!(ann["tags"], json!(["answered winter-offers"]));
    chat.write("And do you deliver?").await;
    all_well(&api).await;
    assert_eq!(api.all("/v1/runs?workflow=interested").await.len(), 1);
    assert_eq!(contact(&api, BOB_WHO).await["tags"], json!([]));
}

#[tokio::test]
async fn without_consent_nothing_is_advertised() {
    let mut chat = Chat::open().await;
    let api = chat.api().clone();
    api.publish(
        "name: consent\ntrigger: {event: conversation.opened, once-per-contact: true}\nsteps:\n  \
         ask:\n    uses: ask-question@1\n    with: {text: \"May we write to you about offers?\", type: multiple-choice, options: [\"Yes\", \"No\"], save: {tag: true}}\n    \
         branches: {timeout: end, invalid: end}\n",
    )
    .await;
    api.publish(
        "name: offer\ntrigger: {event: manual}\nsteps:\n  \
         may:\n    uses: branch@1\n    with: {branches: [{name: \"yes\", when: {field: contact.tags, has-any-of: [\"Yes\"]}}]}\n    branches: {\"yes\": offer, else: end}\n  \
         offer: {uses: send-message@1, with: {text: \"Half price today!\", unsubscribe: {}}}\n",
    )
    .await;
    chat.write("Hi").await;
    chat.told("May we write").await;
    chat.write("Yes").await;
    contact_until(&api, ANN_WHO, "the tag", |contact| {
        contact["tags"] == json!(["Yes"])
    })
    .await;
    api.completed(&api.start_by_hand("offer", ANN_WHO).await)
        .await;
    chat.told("Half price").await;
    chat.write_as(BOB, "Hi").await;
    until("Bob's question", async || {
        (chat.integrator.requests().count() == 3).then_some(())
    })
    .await;
    chat.write_as(BOB, "no").await;
    contact_until(&api, BOB_WHO, "the tag", |contact| {
        contact["tags"] == json!(["No"])
    })
    .await;
    api.completed(&api.start_by_hand("offer", BOB_WHO).await)
        .await;
    assert_eq!(chat.integrator.requests().count(), 3, "Bob was left alone");

    // Ann has had enough: one confirmation, and no offer any more.
    chat.write("STOP").await;
    let sent = chat
        .integrator
        .requests()
        .at_least(4, PATIENCE)
        .await
        .unwrap();
    assert_eq!(sent.len(), 4);
    let run = api.start_by_hand("offer", ANN_WHO).await;
    assert_eq!(api.over(&run).await["state"], "failed");
    assert_eq!(chat.integrator.requests().count(), 4);
}

#[tokio::test]
async fn whoever_waits_too_long_is_escalated_to_somebody_who_answers() {
    let mut chat = Chat::open_clocked().await;
    let api = chat.api().clone();
    for name in ["support", "managers"] {
        team(&api, name).await;
    }
    present(&api, "support", "offline").await;
    api.publish(
        "name: front\ntrigger: {event: conversation.opened}\nsteps:\n  \
         assign: {uses: assign-to@1, with: {team: support, only-online: true, service-level: 30m}, branches: {failure: end}}\n",
    )
    .await;
    let fillings = [
        ("the mail channel", "chat"),
        ("the mail address", "+33600000008"),
        ("the team", "managers"),
    ];
    let source = template(&chat.host, "issue-escalation", &fillings).await;
    api.publish(&source).await;
    chat.write("It is urgent").await;
    until("the queue", async || {
        (api.all("/v1/queue").await.len() == 1).then_some(())
    })
    .await;
    chat.forward(31 * 60_000);
    present(&api, "managers", "online").await;
    chat.told("Last message: It is urgent").await;
    assigned(&api, ANN_WHO, "managers").await;
    let comments = api.all(&format!("/v1/contacts/{ANN_WHO}/comments")).await;
    let text = comments[0]["text"].as_str().unwrap();
    assert_eq!(text, "Waited for too long for support: escalated.");
    all_well(&api).await;
    close(&api, ANN_WHO).await;
}

#[tokio::test]
async fn what_customers_think_becomes_rows_of_a_table() {
    let mut chat = Chat::open().await;
    let api = chat.api().clone();
    let columns = json!({"columns": ["name", "stars", "assignee", "at"]});
    api.put("/v1/tables/csat", columns).await.ok();
    let fillings = [("the table", "csat")];
    api.publish(&template(&chat.host, "csat-to-sheet", &fillings).await)
        .await;
    let ann = json!({"firstname": "Ann"});
    api.put(&format!("/v1/contacts/{ANN_WHO}"), ann).await.ok();
    // Ann answers at the second try, Bob never as he should.
    chat.write("Where is my parcel?").await;
    chat.write_as(BOB, "Hello?").await;
    for who in [ANN_WHO, BOB_WHO] {
        contact_until(&api, who, "the conversation", |contact| {
            !contact["last_incoming_at"].is_null()
        })
        .await;
        close(&api, who).await;
    }
    until("both questions", async || {
        (chat.integrator.requests().count() == 2).then_some(())
    })
    .await;
    chat.write("splendid").await;
    chat.told("A number from 1 to 5").await;
    chat.write("5").await;
    chat.told("Thank you for the 5!").await;
    chat.write_as(BOB, "why?").await;
    until("Bob's second question", async || {
        (chat.integrator.requests().count() == 5).then_some(())
    })
    .await;
    chat.write_as(BOB, "no").await;
    all_well(&api).await;
    let export = api.get("/v1/tables/csat/export").await.text;
    let lines: Vec<&str> = export.lines().collect();
    assert_eq!(lines.len(), 2, "{export}");
    assert_eq!(lines[0], "name,stars,assignee,at");
    assert!(lines[1].starts_with("Ann,5,nobody,20"), "{export}");
}

#[tokio::test]
async fn a_model_collects_what_is_missing_and_a_large_budget_is_marked() {
    let mut chat = Chat::open().await;
    let api = chat.api().clone();
    let model = Crm::start().await.unwrap();
    let key = json!({"value": "sk-of-the-story"});
    assert_eq!(api.put("/v1/secrets/ai-key", key).await.status, 204);
    let url = format!("{}/v1", model.url);
    let fillings = [
        ("the URL", url.as_str()),
        ("the model's name", "small-model"),
    ];
    api.publish(&template(&chat.host, "collect-with-ai", &fillings).await)
        .await;
    chat.write("Hello").await;
    contact_until(&api, ANN_WHO, "Ann", |contact| contact["id"].is_string()).await;
    let says = |arguments: Value| {
        let call = json!({"id": "call-1", "type": "function",
            "function": {"name": "save", "arguments": arguments.to_string()}});
        let message = json!({"role": "assistant", "content": null, "tool_calls": [call]});
        let body =
            json!({"choices": [{"index": 0, "message": message}], "usage": {"total_tokens": 50}});
        Answer::new(200, body)
    };
    let greeting = json!({"choices": [{"index": 0, "message": {"role": "assistant",
        "content": "Hello! Where may we write to you?"}}], "usage": {"total_tokens": 50}});
    model.answer_next(Answer::new(200, greeting));
    model.answer_next(says(
        json!({"email": "ann@example.com", "say": "And at which number can we call?"}),
    ));
    model.answer_next(says(
        json!({"phone": "+33 6 00 00 00 01", "say": "What may it cost?"}),
    ));
    model.answer_next(says(json!({"budget": 2500, "say": "Thank you, Ann."})));
    let run = api.start_by_hand("collect-with-ai", ANN_WHO).await;
    chat.told("Where may we write").await;
    chat.write("ann@example.com").await;
    chat.told("at which number").await;
    chat.write("This one, +33 6 00 00 00 01").await;
    chat.told("What may it cost").await;
    chat.write("2500 euros").await;
    chat.told("Thank you, Ann.").await;
    api.completed(&run).await;
    let ann = contact(&api, ANN_WHO).await;
    assert_eq!(ann["email"], "ann@example.com", "{ann:#}");
    assert_eq!(ann["tags"], json!(["large-budget"]), "{ann:#}");
    let comments = api.all(&format!("/v1/contacts/{ANN_WHO}/comments")).await;
    let text = comments[0]["text"].as_str().unwrap();
    assert!(text.starts_with("AI agent, success\n"), "{text}");
    assert!(text.contains("Contact: 2500 euros\n"), "{text}");
}
