//! What a keyword does, in the whole program: a text comes in, its sender is answered, and the message
//! goes on to phones, mailboxes and a web service, each action by its own step and title.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use jackfield_peers::Answer;
use jackfield_tests::{Api, CALLER, OFFICE, Office, PATIENCE};
use serde_json::{Value, json};

const BOSS: &str = "+33700000001";

/// The only run of the workflow, once it is over.
async fn run_of(api: &Api, workflow: &str) -> Value {
    for _ in 0..400 {
        let runs = api.all(&format!("/v1/runs?workflow={workflow}")).await;
        if let Some(run) = runs.first() {
            return api.over(run["id"].as_str().unwrap()).await;
        }
        tokio::time::sleep(std::time::Duration::from_millis(25)).await;
    }
    panic!("nothing started `{workflow}`");
}

/// A workflow of one step on the keyword, with a branch for its failure.
fn document(step: &str, settings: &Value) -> Value {
    json!({
        "name": step,
        "trigger": {"event": "message.received", "when": {"field": "message.text", "starts-with-word": "win"}},
        "steps": {
            "act": {"uses": format!("{step}@1"), "with": settings, "branches": {"failure": "note"}, "next": "end"},
            "note": {"uses": "add-comment@1", "with": {"text": "${steps.act.error.code|answered}"}},
        },
    })
}

/// Keeps and publishes a document.
async fn publish(api: &Api, document: Value) -> jackfield_tests::Answer {
    let at = format!("/v1/workflows/{}", document["name"].as_str().unwrap());
    api.put(&at, document).await.ok();
    api.post(&format!("{at}/publish"), json!({})).await
}

/// The comments about who wrote.
async fn comments(api: &Api) -> Vec<Value> {
    api.all(&format!("/v1/contacts/phone:{CALLER}/comments"))
        .await
}

#[tokio::test]
async fn a_keyword_is_answered_and_forwarded_to_phones_mailboxes_and_a_service() {
    let office = Office::open().await;
    let api = office.api();
    let document = format!(
        "name: contest\n\
         trigger: {{event: message.received, when: {{field: message.text, starts-with-word: win}}}}\n\
         steps:\n\
        \x20 thank: {{title: Thank the sender, uses: send-reply@1, with: {{text: \"Good luck, ${{contact.firstname|friend}}!\"}}}}\n\
        \x20 boss:\n\
        \x20   title: Tell the boss\n\
        \x20   uses: forward-to-mobile@1\n\
        \x20   with: {{channel: main-sms, numbers: [\"{BOSS}\", \"{CALLER}\", \"{OFFICE}\"], own-numbers: [\"{OFFICE}\"]}}\n\
        \x20 mail:\n\
        \x20   title: Mail the office\n\
        \x20   uses: forward-to-email@1\n\
        \x20   with: {{channel: office-mail, addresses: [ann@example.com, bob@example.com], keyword: WIN}}\n\
        \x20 crm:\n\
        \x20   title: Tell the CRM\n\
        \x20   uses: forward-to-url@1\n\
        \x20   with: {{url: \"{}/in\", headers: {{X-Who: \"$message.address\"}}, parameters: {{campaign: spring}}}}\n",
        office.crm.url
    );
    api.publish(&document).await;
    office.write(CALLER, "Win, a “bike”!").await;
    let over = run_of(api, "contest").await;
    assert_eq!(over["state"], "completed", "{over:#}");

    let reply = office.text(CALLER, "Good luck, friend!").await;
    assert_eq!(reply.from, OFFICE);
    let forwarded = office.text(BOSS, "bike").await;
    assert_eq!(forwarded.body, format!("{CALLER}: Win, a “bike”!"));
    // Neither the sender nor the office itself got the forwarded one.
    assert_eq!(office.gateway.messages().count(), 2);

    let mails = office.mailbox.mails().at_least(1, PATIENCE).await.unwrap();
    assert_eq!(mails.len(), 1);
    let mail = &mails[0];
    assert_eq!(mail.envelope_to, ["ann@example.com", "bob@example.com"]);
    assert_eq!(mail.subject, format!("{OFFICE}: WIN"));
    let text = mail.text.as_deref().unwrap().replace("\r\n", "\n");
    assert!(
        text.starts_with(&format!("From: {CALLER}\nTo: {OFFICE}\nReceived: 20")),
        "{text}"
    );
    assert!(text.contains("Win, a “bike”!"), "{text}");

    let told = office.crm.requests().at_least(1, PATIENCE).await.unwrap();
    let told = &told[0];
    assert_eq!((told.method.as_str(), told.path.as_str()), ("POST", "/in"));
    assert_eq!(told.header("x-who"), Some(CALLER));
    assert!(told.idempotency_key.is_some());
    let received = api.all("/v1/messages?status=received").await;
    let at = told.json["received_at"].as_str().unwrap();
    assert!(at.starts_with("20") && at.contains('T'), "{at}");
    assert_eq!(
        told.json,
        json!({
            "message_id": received[0]["id"], "from": CALLER, "to": OFFICE, "text": "Win, a “bike”!",
            "received_at": at, "keyword": "Win", "campaign": "spring",
        })
    );
}

#[tokio::test]
async fn a_service_that_fails_is_the_branch_failure_after_its_tries() {
    let office = Office::open().await;
    let api = office.api();
    for status in [503, 503, 404] {
        office.crm.answer_next(Answer::new(status, json!({})));
    }
    let settings =
        json!({"method": "GET", "url": format!("{}/in?v=1", office.crm.url), "retries": 2});
    let mut source = document("forward-to-url", &settings);
    source["steps"]["act"]["retry"] = json!({"attempts": 2, "first": "1s", "max": "1s"});
    publish(api, source).await.ok();
    office.write(CALLER, "win").await;
    let over = run_of(api, "forward-to-url").await;
    assert_eq!(over["state"], "completed", "{over:#}");
    let told = office.crm.requests().at_least(3, PATIENCE).await.unwrap();
    assert_eq!(told.len(), 3);
    for request in &told {
        assert!(
            request.path.starts_with("/in?v=1&from=%2B33612345678&")
                && request.path.contains("&keyword=win"),
            "{}",
            request.path
        );
    }
    assert_eq!(comments(api).await[0]["text"], "answered");
}

#[tokio::test]
async fn a_message_is_never_forwarded_in_a_circle() {
    let office = Office::open().await;
    let api = office.api();
    let settings =
        json!({"channel": "main-sms", "numbers": [CALLER, OFFICE], "own-numbers": [OFFICE]});
    publish(api, document("forward-to-mobile", &settings))
        .await
        .ok();
    office.write(CALLER, "win").await;
    run_of(api, "forward-to-mobile").await;
    assert_eq!(comments(api).await[0]["text"], "loop-guard");
    assert_eq!(office.gateway.messages().count(), 0);
}

#[tokio::test]
async fn a_number_that_the_provider_refuses_leaves_the_others_alone() {
    let office = Office::open().await;
    let api = office.api();
    let settings = json!({"channel": "main-sms", "numbers": ["nobody", BOSS]});
    let mut source = document("forward-to-mobile", &settings);
    source["steps"]["act"]["branches"]["partly"] = "note".into();
    source["steps"]["note"]["with"]["text"] =
        "${steps.act.forwarded[0].error}, ${steps.act.forwarded[1].status}".into();
    publish(api, source).await.ok();
    office.write(CALLER, "win").await;
    let over = run_of(api, "forward-to-mobile").await;
    assert_eq!(over["state"], "completed", "{over:#}");
    assert_eq!(comments(api).await[0]["text"], "invalid, accepted");
    office.text(BOSS, "win").await;
}

#[tokio::test]
async fn who_has_opted_out_gets_no_reply_but_the_message_is_forwarded() {
    let office = Office::open().await;
    let api = office.api();
    publish(api, document("send-reply", &json!({"text": "Thank you."})))
        .await
        .ok();
    let mail = json!({"channel": "office-mail", "addresses": ["ann@example.com"]});
    publish(api, document("forward-to-email", &mail)).await.ok();
    office.write(CALLER, "STOP").await;
    let texts = office.gateway.messages().count();
    office.write(CALLER, "win").await;
    let over = run_of(api, "send-reply").await;
    assert_eq!(over["state"], "completed", "{over:#}");
    run_of(api, "forward-to-email").await;
    let noted = comments(api).await;
    assert_eq!(noted.len(), 1, "{noted:#?}");
    assert_eq!(noted[0]["text"], "opted-out");
    office.mailbox.mails().at_least(1, PATIENCE).await.unwrap();
    let after = office.gateway.messages().all();
    let replies = after.iter().filter(|sms| sms.body == "Thank you.");
    assert_eq!(replies.count(), 0, "{texts} before: {after:#?}");
}

#[tokio::test]
async fn without_a_message_every_one_of_them_fails_and_says_why() {
    let office = Office::open().await;
    let api = office.api();
    for (step, settings) in [
        ("send-reply", json!({"text": "Hi"})),
        (
            "forward-to-mobile",
            json!({"channel": "main-sms", "numbers": [BOSS]}),
        ),
        (
            "forward-to-email",
            json!({"channel": "office-mail", "addresses": ["ann@example.com"]}),
        ),
        ("forward-to-url", json!({"url": office.crm.url})),
    ] {
        let source = json!({
            "name": step, "trigger": {"event": "manual"},
            "steps": {"act": {"uses": format!("{step}@1"), "with": settings}},
        });
        publish(api, source).await.ok();
        let who = format!("phone:{CALLER}");
        api.put(&format!("/v1/contacts/{who}"), json!({}))
            .await
            .ok();
        let run = api.start_by_hand(step, &who).await;
        let over = api.over(&run).await;
        assert_eq!(
            (&over["state"], &over["reason"]),
            (&json!("failed"), &json!("no-message")),
            "{step}: {over:#}"
        );
    }
    assert_eq!(office.crm.requests().count(), 0);
}

#[tokio::test]
async fn what_cannot_work_is_refused_when_it_is_published() {
    let office = Office::open().await;
    let api = office.api();
    for (step, settings, wrong) in [
        (
            "forward-to-mobile",
            json!({"channel": "gone", "numbers": [BOSS]}),
            "gone",
        ),
        (
            "forward-to-mobile",
            json!({"channel": "main-sms", "numbers": []}),
            "numbers",
        ),
        (
            "forward-to-email",
            json!({"channel": "gone", "addresses": ["a@example.com"]}),
            "gone",
        ),
        (
            "forward-to-url",
            json!({"url": "https://example.com", "parameters": {"from": "me"}}),
            "parameters",
        ),
    ] {
        let answer = publish(api, document(step, &settings)).await;
        assert!(
            (400..500).contains(&answer.status),
            "{step}: {}",
            answer.text
        );
        assert!(answer.text.contains(wrong), "{step}: {}", answer.text);
    }
}
