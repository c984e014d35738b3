//! Conversations, comments, tags and lists: through the API and the command line, by the steps, and
//! as what starts workflows.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use jackfield_tests::{Api, Host};
use serde_json::{Value, json};

const TOKEN: &str = "a long random text that both sides share";
const ANN: &str = "+33600000001";

async fn contact(api: &Api) -> String {
    let made = api
        .put(
            &format!("/v1/contacts/phone:{ANN}"),
            json!({"firstname": "Ann"}),
        )
        .await
        .ok();
    made["id"].as_str().unwrap().to_owned()
}

/// The run that an event of this name has started, of this workflow.
async fn run_of(api: &Api, workflow: &str) -> Value {
    for _ in 0..200 {
        let runs = api.all(&format!("/v1/runs?workflow={workflow}")).await;
        if let Some(run) = runs.first() {
            let id = run["id"].as_str().unwrap();
            return api.over(id).await;
        }
        tokio::time::sleep(std::time::Duration::from_millis(25)).await;
    }
    panic!("nothing started `{workflow}`");
}

/// A channel on which Ann can write, and how she does.
struct Line {
    host: Host,
    webhook: String,
    client: reqwest::Client,
    written: u32,
}

impl Line {
    async fn open() -> Line {
        let host = Host::start().await;
        let channel = json!({
            "name": "chat",
            "connector": "custom-channel@1",
            "settings": {"webhook-url": "http://127.0.0.1:9/", "channel-id": "c"},
            "secrets": {"api-token": TOKEN},
        });
        let made = host.api.post("/v1/channels", channel).await.ok();
        let webhook = made["webhook"].as_str().unwrap().to_owned();
        Line {
            host,
            webhook,
            client: reqwest::Client::new(),
            written: 0,
        }
    }

    /// Ann writes.
    async fn write(&mut self, text: &str) {
        self.written += 1;
        let body = json!({
            "channelId": "c", "contactId": ANN,
            "events": [{"type": "message", "mId": format!("m{}", self.written),
                "timestamp": 1_795_000_000_000_i64, "message": {"type": "text", "text": text}}],
        });
        let answer = self
            .client
            .post(&self.webhook)
            .bearer_auth(TOKEN)
            .json(&body)
            .send()
            .await
            .unwrap();
        assert!(answer.status().is_success(), "{answer:?}");
    }
}

#[tokio::test]
async fn a_message_opens_a_conversation_and_closing_it_starts_what_listens() {
    let mut line = Line::open().await;
    let api = line.host.api.clone();
    api.publish(
        "name: opened\ntrigger: {event: conversation.opened, when: {field: conversation.source, is: contact}}\n\
         steps:\n  note: {uses: add-comment@1, with: {text: \"said: $conversation.first_message, @bob\"}}\n",
    )
    .await;
    api.publish(
        "name: closed\ntrigger: {event: conversation.closed, when: {field: conversation.category, in: [solved, spam]}}\n\
         steps:\n  tag: {uses: update-contact-tag@1, with: {tags: [\"$conversation.category\"]}}\n",
    )
    .await;
    line.write("Where is my order?").await;
    let run = run_of(&api, "opened").await;
    assert_eq!(run["state"], "completed", "{run:#}");
    let who = format!("/v1/contacts/phone:{ANN}");
    let comments = api.all(&format!("{who}/comments")).await;
    assert_eq!(comments[0]["text"], "said: Where is my order?, @bob");
    assert_eq!(comments[0]["mentions"], json!(["bob"]));
    assert_eq!(comments[0]["author"], "workflow");

    // A second message is of the same conversation.
    line.write("Hello?").await;
    let conversations = api
        .all(&format!("/v1/conversations?contact=phone:%2B{}", &ANN[1..]))
        .await;
    assert_eq!(conversations.len(), 1, "{conversations:#?}");
    let first = &conversations[0];
    assert_eq!(first["state"], "open");
    assert_eq!(first["channel"], "chat");
    assert_eq!(first["first-message"], "Where is my order?");
    let shown = api.get(&who).await.ok();
    assert_eq!(shown["conversation"]["id"], first["id"]);

    let closed = api
        .post(
            &format!("{who}/conversation/close"),
            json!({"category": "solved", "summary": "It came."}),
        )
        .await
        .ok();
    assert_eq!(
        (&closed["state"], &closed["closed-by"]),
        (&json!("closed"), &json!("api"))
    );
    assert!(closed["resolution-time"].as_u64().is_some(), "{closed:#}");
    run_of(&api, "closed").await;
    assert_eq!(api.get(&who).await.ok()["tags"], json!(["solved"]));
    api.post(&format!("{who}/conversation/close"), json!({}))
        .await
        .refused(409, "conflict");
    let one = format!("/v1/conversations/{}", first["id"].as_str().unwrap());
    assert_eq!(api.get(&one).await.ok()["summary"], "It came.");

    // The next message opens another.
    line.write("Thanks!").await;
    let conversations = api
        .all(&format!("/v1/conversations?contact=phone:%2B{}", &ANN[1..]))
        .await;
    assert_eq!(conversations.len(), 2, "{conversations:#?}");
    assert_eq!(api.all("/v1/conversations?state=closed").await.len(), 1);
}

#[tokio::test]
async fn steps_open_comment_and_close_and_what_is_done_already_is_left_alone() {
    let host = Host::start().await;
    let api = &host.api;
    contact(api).await;
    api.publish(
        "name: talk\ntrigger: {event: manual}\nsteps:\n  \
         close-none: {uses: close-conversation@1}\n  \
         open: {uses: open-conversation@1}\n  \
         again: {uses: open-conversation@1}\n  \
         note: {uses: add-comment@1, with: {text: \"$contact.firstname is back\"}}\n  \
         close: {uses: close-conversation@1, with: {category: solved, summary: \"By $workflow.name\"}}\n  \
         see: {uses: branch@1, with: {branches: [{name: closed, when: {field: conversation.state, is: closed}}]}, branches: {closed: end, else: fail}}\n  \
         fail: {uses: jump-to@1, with: {step: see}}\n",
    )
    .await;
    let run = api.start_by_hand("talk", &format!("phone:{ANN}")).await;
    let run = api.over(&run).await;
    assert_eq!(run["state"], "completed", "{run:#}");
    let outputs = &run["outputs"];
    assert_eq!(outputs["close-none"]["closed"], false, "{run:#}");
    assert_eq!(outputs["open"]["opened"], true);
    assert_eq!(outputs["again"]["opened"], false);
    assert_eq!(outputs["close"]["closed"], true);
    let conversations = api.all("/v1/conversations").await;
    assert_eq!(conversations.len(), 1);
    assert_eq!(conversations[0]["source"], "workflow");
    assert_eq!(conversations[0]["closed-by"], "workflow");
    assert_eq!(conversations[0]["summary"], "By talk");
    let comments = api.all(&format!("/v1/contacts/phone:{ANN}/comments")).await;
    assert_eq!(comments[0]["conversation"], conversations[0]["id"]);
}

#[tokio::test]
async fn a_workspace_says_what_a_closing_note_is() {
    let host = Host::start().await;
    let api = &host.api;
    contact(api).await;
    let settings = json!({"closing-notes": {
        "mode": "category", "categories": [{"name": "solved"}, {"name": "spam", "description": "Not meant for us"}],
    }});
    api.patch("/v1/workspaces/main", json!({"settings": settings}))
        .await
        .ok();
    let close = format!("/v1/contacts/phone:{ANN}/conversation/close");
    let open = format!("/v1/contacts/phone:{ANN}/conversation/open");
    api.post(&open, json!({})).await.ok();
    let said = api.post(&close, json!({})).await.refused(422, "invalid");
    assert!(said.to_string().contains("wants a category"), "{said:#}");
    let said = api
        .post(&close, json!({"category": "lost"}))
        .await
        .refused(422, "invalid");
    assert!(
        said.to_string().contains("there are: solved, spam"),
        "{said:#}"
    );
    api.post(&close, json!({"category": "spam"})).await.ok();
    // What is mandatory for people binds no workflow, unless it is told to.
    api.publish(
        "name: shut\ntrigger: {event: manual}\nsteps: {close: {uses: close-conversation@1}}\n",
    )
    .await;
    api.post(&open, json!({})).await.ok();
    let run = api.start_by_hand("shut", &format!("phone:{ANN}")).await;
    api.completed(&run).await;
    let mut strict = settings.clone();
    strict["closing-notes"]["apply-to-automation"] = true.into();
    api.patch("/v1/workspaces/main", json!({"settings": strict}))
        .await
        .ok();
    api.post(&open, json!({})).await.ok();
    let run = api.start_by_hand("shut", &format!("phone:{ANN}")).await;
    let run = api.over(&run).await;
    assert_eq!(
        (&run["state"], &run["reason"]),
        (&json!("failed"), &json!("invalid-note"))
    );
}

#[tokio::test]
async fn a_message_that_a_plain_wait_hears_opens_a_conversation() {
    let mut line = Line::open().await;
    let api = line.host.api.clone();
    contact(&api).await;
    api.publish(
        "name: ask\ntrigger: {event: manual}\nsteps:\n  \
         wait: {uses: wait@1, with: {event: {name: message.received}}}\n",
    )
    .await;
    // A plain wait is no question: it does not take the message from others.
    let run = api.start_by_hand("ask", &format!("phone:{ANN}")).await;
    api.waiting_at(&run, "wait").await;
    line.write("hello").await;
    api.completed(&run).await;
    assert_eq!(api.all("/v1/conversations?state=open").await.len(), 1);
}

#[tokio::test]
async fn tags_start_workflows_unless_they_are_changed_silently() {
    let host = Host::start().await;
    let api = &host.api;
    contact(api).await;
    api.publish(
        "name: tagged\ntrigger: {event: tag.updated, when: {all: [{field: tag.name, is: vip}, {field: tag.action, is: added}]}}\n\
         steps: {note: {uses: add-comment@1, with: {text: \"tagged $tag.name\"}}}\n",
    )
    .await;
    for (name, silent) in [("quiet", true), ("loud", false)] {
        api.publish(&format!(
            "name: {name}\ntrigger: {{event: manual}}\nsteps:\n  \
             off: {{uses: update-contact-tag@1, with: {{action: remove, tags: [vip], silent: true}}}}\n  \
             on: {{uses: update-contact-tag@1, with: {{tags: [vip, vip], silent: {silent}}}}}\n"
        ))
        .await;
        let run = api.start_by_hand(name, &format!("phone:{ANN}")).await;
        let run = api.completed(&run).await;
        assert_eq!(
            run["outputs"]["on"],
            json!({"added": ["vip"], "removed": []}),
            "{run:#}"
        );
        let started = api.all("/v1/runs?workflow=tagged").await.len();
        assert_eq!(started, usize::from(!silent), "{name}");
    }
    run_of(api, "tagged").await;
}

#[tokio::test]
async fn a_list_is_made_before_and_holds_a_contact_once() {
    let host = Host::start().await;
    let api = &host.api;
    let id = contact(api).await;
    let yaml = "name: join\ntrigger: {event: manual}\nsteps:\n  \
         join: {uses: add-to-list@1, with: {list: newsletter}}\n  \
         twice: {uses: add-to-list@1, with: {list: newsletter}}\n  \
         leave: {uses: remove-from-list@1, with: {list: newsletter}}\n  \
         back: {uses: add-to-list@1, with: {list: newsletter}}\n";
    let refused = api.put_workflow(yaml).await;
    assert!(
        refused.text.contains("unknown-list")
            || api
                .post("/v1/workflows/join/publish", json!({}))
                .await
                .status
                != 200,
        "a list that there is not"
    );
    host.cli(["list", "put", "newsletter", "--title", "News"])
        .await
        .ok();
    api.publish(yaml).await;
    api.publish(
        "name: joined\ntrigger: {event: list.updated, when: {field: list.action, is: added}, once-per-contact: true}\n\
         steps: {note: {uses: add-comment@1, with: {text: \"on $list.name\"}}}\n",
    )
    .await;
    let run = api.start_by_hand("join", &format!("phone:{ANN}")).await;
    let run = api.completed(&run).await;
    let added = |step: &str| run["outputs"][step].clone();
    assert_eq!(added("join"), json!({"added": true}), "{run:#}");
    assert_eq!(added("twice"), json!({"added": false}));
    assert_eq!(added("leave"), json!({"removed": true}));
    assert_eq!(added("back"), json!({"added": true}));
    let on = api.all("/v1/lists/newsletter/contacts").await;
    assert_eq!(on.len(), 1);
    assert_eq!(
        (&on[0]["contact"], &on[0]["source"]),
        (&json!(id), &json!("workflow"))
    );
    run_of(api, "joined").await;

    let path = format!("/v1/lists/newsletter/contacts/phone:{ANN}");
    assert_eq!(api.delete(&path).await.ok()["changed"], true);
    assert_eq!(api.delete(&path).await.ok()["changed"], false);
    let one = json!({"contact": format!("phone:{ANN}")});
    let put = api
        .post("/v1/lists/newsletter/contacts", one.clone())
        .await
        .ok();
    assert_eq!(put["changed"], true);
    api.post("/v1/lists/fax/contacts", one)
        .await
        .refused(404, "not-found");
    api.put("/v1/lists/No Good", json!({}))
        .await
        .refused(422, "invalid");

    // A list that is made anew under an old name begins empty.
    api.delete("/v1/lists/newsletter").await.ok();
    api.get("/v1/lists/newsletter")
        .await
        .refused(404, "not-found");
    api.put("/v1/lists/newsletter", json!({})).await.ok();
    assert_eq!(
        api.all("/v1/lists/newsletter/contacts").await,
        Vec::<Value>::new()
    );
}

#[tokio::test]
async fn a_contact_is_deleted_with_its_conversations_comments_and_lists() {
    let host = Host::start().await;
    let api = &host.api;
    contact(api).await;
    let who = format!("/v1/contacts/phone:{ANN}");
    api.put("/v1/lists/news", json!({})).await.ok();
    let one = json!({"contact": format!("phone:{ANN}")});
    api.post("/v1/lists/news/contacts", one).await.ok();
    api.post(&format!("{who}/conversation/open"), json!({}))
        .await
        .ok();
    host.cli([
        "conversation",
        "comment",
        &format!("phone:{ANN}"),
        "to be forgotten",
    ])
    .await
    .ok();
    api.delete(&who).await.ok();
    assert_eq!(api.all("/v1/conversations").await, Vec::<Value>::new());
    assert_eq!(
        api.all("/v1/lists/news/contacts").await,
        Vec::<Value>::new()
    );
}

#[tokio::test]
async fn a_trigger_sees_the_contact_as_the_event_has_left_it() {
    let host = Host::start().await;
    let api = &host.api;
    contact(api).await;
    api.publish(
        "name: parisian\ntrigger: {event: contact.field-updated, when: {all: [{field: field.name, is: country}, {field: contact.country, is: FR}]}}\n\
         steps: {note: {uses: add-comment@1, with: {text: \"now in $contact.country\"}}}\n",
    )
    .await;
    let who = format!("/v1/contacts/phone:{ANN}");
    api.patch(&who, json!({"country": "DE"})).await.ok();
    assert_eq!(api.all("/v1/runs?workflow=parisian").await.len(), 0);
    api.patch(&who, json!({"country": "FR"})).await.ok();
    run_of(api, "parisian").await;
}

#[tokio::test]
async fn a_conversation_that_is_closed_by_hand_ends_runs_that_say_so_and_one_closed_by_a_workflow_none()
 {
    let host = Host::start().await;
    let api = &host.api;
    contact(api).await;
    api.publish(
        "name: rest\ntrigger: {event: manual}\nexit-on: [conversation-closed]\n\
         steps: {rest: {uses: wait@1, with: {for: 1h}}}\n",
    )
    .await;
    api.publish(
        "name: shut\ntrigger: {event: manual}\nsteps: {close: {uses: close-conversation@1}}\n",
    )
    .await;
    let who = format!("phone:{ANN}");
    let open = format!("/v1/contacts/{who}/conversation/open");
    api.post(&open, json!({})).await.ok();
    let run = api.start_by_hand("rest", &who).await;
    api.waiting_at(&run, "rest").await;
    let shut = api.start_by_hand("shut", &who).await;
    api.completed(&shut).await;
    assert_eq!(api.run(&run).await["state"], "waiting");
    api.post(&open, json!({})).await.ok();
    host.cli(["conversation", "close", &who]).await.ok();
    let over = api.over(&run).await;
    assert_eq!(
        (&over["state"], &over["reason"]),
        (&json!("cancelled"), &json!("conversation-closed"))
    );
}

#[tokio::test]
async fn the_answer_to_a_pending_question_leaves_a_closed_conversation_closed() {
    let mut line = Line::open().await;
    let api = line.host.api.clone();
    api.publish(
        "name: ask\ntrigger: {event: manual}\nsteps:\n  \
         ask: {uses: ask-question@1, with: {text: \"Well?\", type: text, timeout: 1h}}\n",
    )
    .await;
    line.write("hello").await;
    let who = format!("phone:{ANN}");
    for (reopen, conversations) in [(false, 1), (true, 2)] {
        let settings = json!({"reopen-on-bot-reply": reopen});
        api.patch("/v1/workspaces/main", json!({"settings": settings}))
            .await
            .ok();
        let run = api.start_by_hand("ask", &who).await;
        api.waiting_at(&run, "ask").await;
        if !api.all("/v1/conversations?state=open").await.is_empty() {
            line.host.cli(["conversation", "close", &who]).await.ok();
        }
        line.write("fine").await;
        let all = api.all("/v1/conversations").await;
        assert_eq!(all.len(), conversations, "{all:#?}");
    }
}

#[tokio::test]
async fn a_snoozed_conversation_comes_back_by_a_message_or_at_its_time_though_the_host_is_killed() {
    let mut line = Line::open().await;
    let api = line.host.api.clone();
    api.publish(
        "name: back\ntrigger: {event: conversation.unsnoozed, when: {field: conversation.unsnoozed_by, is: timer}}\n\
         steps:\n  tag: {uses: update-contact-tag@1, with: {tags: [back]}}\n",
    )
    .await;
    line.write("Later, please.").await;
    let who = format!("phone:{ANN}");
    let path = format!("/v1/contacts/{who}");
    let aside = line
        .host
        .cli(["conversation", "snooze", &who, "--for", "2h"])
        .await
        .ok();
    assert!(aside.contains("is snoozed until"), "{aside}");
    assert_eq!(api.all("/v1/conversations?state=snoozed").await.len(), 1);
    let filter = json!({"filter": {"field": "contact.conversation.state", "is": "snoozed"}});
    let found = api.post("/v1/contacts/search", filter).await.ok();
    assert_eq!(
        found["items"].as_array().map(Vec::len),
        Some(1),
        "{found:#}"
    );
    line.write("Now!").await;
    let shown = api.get(&path).await.ok();
    assert_eq!(shown["conversation"]["state"], "open");
    assert_eq!(shown["conversation"]["unsnoozed_by"], "contact");

    let snooze = format!("{path}/conversation/snooze");
    for wrong in [
        json!({}),
        json!({"for": "1h", "until": "2999-01-01"}),
        json!({"for": "366d"}),
        json!({"until": "2020-01-01"}),
    ] {
        api.post(&snooze, wrong).await.refused(422, "invalid");
    }
    api.post(&format!("{path}/conversation/unsnooze"), json!({}))
        .await
        .refused(409, "conflict");

    api.post(&snooze, json!({"for": "1s"})).await.ok();
    line.host.restart().await;
    let api = line.host.api.clone();
    run_of(&api, "back").await;
    let shown = api.get(&path).await.ok();
    assert_eq!(shown["conversation"]["state"], "open");
    assert_eq!(shown["tags"], json!(["back"]));
}

#[tokio::test]
async fn what_a_user_writes_is_the_first_answer_and_ends_the_runs_that_say_so() {
    let mut line = Line::open().await;
    let api = line.host.api.clone();
    api.publish(
        "name: rest\ntrigger: {event: manual}\nexit-on: [outgoing-human-message]\n\
         steps: {rest: {uses: wait@1, with: {for: 1h}}}\n",
    )
    .await;
    api.publish(
        "name: wrote\ntrigger: {event: message.sent-by-human}\n\
         steps:\n  note: {uses: add-comment@1, with: {text: \"$message.text\"}}\n",
    )
    .await;
    let settings = json!({"auto-close": {"after": "30m"}});
    api.patch("/v1/workspaces/main", json!({"settings": settings}))
        .await
        .ok();
    let bob = json!({"email": "bob@example.com", "name": "Bob"});
    api.post("/v1/users", bob).await.ok();
    line.write("Where is my order?").await;
    let who = format!("phone:{ANN}");
    let run = api.start_by_hand("rest", &who).await;
    api.waiting_at(&run, "rest").await;
    let message = json!({"contact": who, "channel": "chat",
        "content": {"type": "text", "text": "On its way"}});
    api.post("/v1/messages", message.clone()).await.ok();
    let path = format!("/v1/contacts/{who}");
    let shown = api.get(&path).await.ok();
    assert_eq!(shown["conversation"].get("first_response_at"), None);
    assert_eq!(api.run(&run).await["state"], "waiting");

    let mut stranger = message;
    stranger["user"] = "eve@example.com".into();
    api.post("/v1/messages", stranger)
        .await
        .refused(404, "not-found");
    let send = ["message", "send", "--channel", "chat", "--contact", &who];
    let more = ["--user", "bob@example.com", "--text", "It came today"];
    line.host.cli(send.into_iter().chain(more)).await.ok();
    let over = api.over(&run).await;
    assert_eq!(over["reason"], "outgoing-human-message");
    let shown = api.get(&path).await.ok();
    let talk = &shown["conversation"];
    assert_eq!(talk["first_response_by"], "bob@example.com");
    assert!(talk["first_response_time"].is_u64(), "{talk:#}");
    assert!(talk["closes_at"].is_string(), "{talk:#}");
    let run = run_of(&api, "wrote").await;
    assert_eq!(run["state"], "completed", "{run:#}");
    let comments = api.all(&format!("{path}/comments")).await;
    assert_eq!(comments[0]["text"], "It came today");
    // The contact answers: nothing is closed by itself.
    line.write("Thanks").await;
    let shown = api.get(&path).await.ok();
    assert_eq!(shown["conversation"].get("closes_at"), None);
    assert_eq!(shown["conversation"]["state"], "open");
}
