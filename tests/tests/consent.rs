//! Consent: who unsubscribes by the link or says STOP gets nothing more, on any way, and the record
//! says why.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use jackfield_tests::{CALLER, Office, call};
use reqwest::Method;
use serde_json::{Value, json};

/// The address behind "Unsubscribe here: " in a text.
fn link(text: &str) -> String {
    let (_, link) = text
        .split_once("Unsubscribe here: ")
        .expect("an unsubscribe link");
    link.split_whitespace()
        .next()
        .expect("an address")
        .to_owned()
}

#[tokio::test]
async fn after_unsubscribing_a_contact_gets_nothing_more_and_the_record_says_why() {
    let office = Office::open().await;
    let api = office.api();
    api.publish(
        "name: text\ntrigger: {event: text.wanted}\n\
         steps:\n  text:\n    uses: send-message@1\n    with:\n      channel: main-sms\n      \
         to: $event.user.phone\n      text: Hello\n      unsubscribe: {}\n",
    )
    .await;
    let contact = format!("phone:{CALLER}");
    let wanted = async || {
        api.start(
            "text.wanted",
            Some(&contact),
            json!({"user": {"phone": CALLER}}),
        )
        .await
    };
    api.completed(&wanted().await).await;
    let address = link(&office.text(CALLER, "Hello").await.body);

    // Looking changes nothing: scanners of mails and messages look at every link.
    let page = api.without_key().get(&address).await;
    assert_eq!(page.status, 200);
    assert!(page.text.contains("<form method=\"post\">") && page.text.contains(CALLER));
    assert!(
        page.header("content-security-policy")
            .unwrap()
            .contains("default-src 'none'")
    );
    api.completed(&wanted().await).await;
    assert_eq!(office.gateway.messages().count(), 2);

    // A link that somebody made up is no link.
    let mut forged = address.clone();
    let last = if forged.pop() == Some('A') { 'Q' } else { 'A' };
    forged.push(last);
    for method in [Method::GET, Method::POST] {
        let answer = api.send(api.without_key().request(method, &forged)).await;
        assert_eq!(answer.status, 400, "{}", answer.text);
    }

    // One click, as RFC 8058 has it, and once more: the same.
    for _ in 0..2 {
        let click = api
            .without_key()
            .request(Method::POST, &address)
            .form(&[("List-Unsubscribe", "One-Click")]);
        let answer = api.send(click).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        assert!(answer.text.contains("unsubscribed"));
    }
    let opt_outs = api
        .all(&format!("/v1/opt-outs?address=%2B{}", &CALLER[1..]))
        .await;
    assert_eq!(opt_outs.len(), 1, "{opt_outs:#?}");
    assert_eq!(
        (&opt_outs[0]["scope"], &opt_outs[0]["source"]),
        (&json!("account"), &json!("link"))
    );

    let run = wanted().await;
    let over = api.over(&run).await;
    assert_eq!(over["state"], "failed", "{over:#}");
    let message = api.messages(&run).await.remove(0);
    assert_eq!(
        (&message["status"], &message["reason"]),
        (&json!("suppressed"), &json!("opted-out"))
    );
    let decisions = api
        .get(&format!("/v1/contacts/{contact}/decisions"))
        .await
        .ok();
    let about = |one: &&Value| one["subject"] == message["id"];
    let decision = decisions["items"].as_array().unwrap().iter().find(about);
    assert_eq!(
        decision.expect("a decision about the message")["reason"],
        "opted-out"
    );
    // A message that the API sends obeys the same rule.
    let sent = api
        .post(
            "/v1/messages",
            json!({"contact": contact, "channel": "main-sms",
            "content": {"type": "text", "text": "Hello again"}}),
        )
        .await
        .ok();
    let id = sent["id"].as_str().unwrap();
    let refused = api
        .message_until(id, "judged", |message| message["status"] != "queued")
        .await;
    assert_eq!(refused["status"], "suppressed", "{refused:#}");
    assert_eq!(office.gateway.messages().count(), 2);
}

#[tokio::test]
async fn stop_in_the_middle_of_a_question_opts_out_and_is_no_answer() {
    let office = Office::open().await;
    let api = office.api();
    api.publish(&office.example().replace("timeout: 2h", "timeout: 5s"))
        .await;
    let run = office.ring(CALLER, call()).await;
    office.text(CALLER, "call you back?").await;
    api.waiting_at(&run, "ask-when").await;
    office.write(CALLER, "STOP").await;
    let opt_outs = api
        .all(&format!("/v1/opt-outs?address=%2B{}", &CALLER[1..]))
        .await;
    assert_eq!(opt_outs[0]["source"], "keyword", "{opt_outs:#?}");
    api.completed(&run).await;
    assert_eq!(
        office.crm.requests().all()[0].json["call_back"],
        "no answer"
    );
    let count = office.gateway.messages().count();

    // The next call goes to the agent and the CRM, and not to the caller.
    let next = office.ring(CALLER, call()).await;
    let over = api.over(&next).await;
    for message in api.messages(&next).await {
        let suppressed = message["channel"] == "main-sms";
        assert_eq!(message["status"] == "suppressed", suppressed, "{message:#}");
    }
    assert_eq!(
        over["state"], "failed",
        "the question could not be asked: {over:#}"
    );
    assert_eq!(
        office.gateway.messages().count(),
        count,
        "nothing more left"
    );
    assert_eq!(office.mailbox.mails().count(), 2);
}
