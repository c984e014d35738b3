//! When the other side fails: what may pass is tried again as it asks, what does not takes its branch,
//! what nobody knows is not repeated, and what does arrive is heard of.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use jackfield_peers::{Answer, Delivery};
use jackfield_tests::{CALLER, Office, PATIENCE, call, phone};
use serde_json::json;

#[tokio::test]
async fn a_busy_service_is_asked_again_with_the_same_key_and_not_before_it_said() {
    let office = Office::open().await;
    let api = office.api();
    let yaml = format!(
        "name: tell\ntrigger: {{event: tell.wanted}}\nsteps:\n  tell:\n    uses: http-request@1\n    \
         with: {{method: POST, url: \"{}/notes\", body: {{a: 1}}, retries: 2, save-status: status}}\n",
        office.crm.url
    );
    api.publish(&yaml).await;
    let mut busy = Answer::new(503, json!({"error": "busy"}));
    busy.headers
        .push(("retry-after".to_owned(), "3".to_owned()));
    office.crm.answer_next(busy);
    let run = api
        .start("tell.wanted", Some("email:ann@example.com"), json!({}))
        .await;
    let done = api.completed(&run).await;
    assert_eq!(done["variables"]["status"], 201);
    let asked = office.crm.requests().all();
    assert_eq!(
        asked.iter().map(|one| one.status).collect::<Vec<_>>(),
        [503, 201]
    );
    assert_eq!(asked[0].idempotency_key, asked[1].idempotency_key);
    assert!(asked[0].idempotency_key.is_some());

    let timeline = api.timeline(&run).await;
    let failed = timeline
        .iter()
        .find(|entry| entry["kind"] == "step-failed")
        .unwrap();
    assert_eq!(failed["data"]["failure"]["code"], "http-503");
    let woken = timeline
        .iter()
        .find(|entry| entry["kind"] == "woken")
        .unwrap();
    assert_eq!(woken["data"]["by"], "retry");
    let pause = woken["at"].as_i64().unwrap() - failed["at"].as_i64().unwrap();
    assert!(pause >= 3_000, "asked again after {pause} ms");
}

#[tokio::test]
async fn a_service_that_refuses_fails_the_run_and_a_person_can_have_it_go_on() {
    let office = Office::open().await;
    let api = office.api();
    api.publish(&office.example().replace("timeout: 2h", "timeout: 1s"))
        .await;
    office
        .crm
        .answer_next(Answer::new(422, json!({"error": "no such agent"})));
    let run = office.ring(CALLER, call()).await;
    let failed = api.over(&run).await;
    assert_eq!(
        (&failed["state"], &failed["step"]),
        (&json!("failed"), &json!("tell-crm"))
    );
    assert_eq!(failed["outputs"]["tell-crm"]["status"], 422, "{failed:#}");
    let texts = office.gateway.messages().count();

    office.host.cli(["run", "retry", &run]).await.ok();
    api.completed(&run).await;
    let asked = office.crm.requests().all();
    assert_eq!(
        asked.iter().map(|one| one.status).collect::<Vec<_>>(),
        [422, 201]
    );
    assert_ne!(
        asked[0].idempotency_key, asked[1].idempotency_key,
        "a person wanted a new one"
    );
    assert_eq!(
        office.gateway.messages().count(),
        texts,
        "earlier steps were not done again"
    );
    let timeline = api.timeline(&run).await;
    assert!(timeline.iter().any(|entry| entry["kind"] == "retried"));
}

#[tokio::test]
async fn a_text_that_does_not_arrive_takes_the_failure_branch() {
    let office = Office::open().await;
    let api = office.api();
    // Only the first text is not delivered: the question goes through.
    api.publish(&office.example().replace("timeout: 2h", "timeout: 1s"))
        .await;
    office
        .gateway
        .set_delivery(CALLER, Delivery::Undelivered(30005));
    let run = office.ring(CALLER, call()).await;
    api.over(&run).await;
    let message = api.messages(&run).await.remove(0);
    assert_eq!(
        (&message["status"], &message["reason"]),
        (&json!("failed"), &json!("recipient-invalid")),
        "{message:#}"
    );
    let timeline = api.timeline(&run).await;
    let failed = timeline
        .iter()
        .find(|entry| entry["kind"] == "step-failed")
        .unwrap();
    assert_eq!(failed["step"], "text-caller");
    assert_eq!(failed["data"]["failure"]["code"], "recipient-invalid");
    assert_eq!(
        office.mailbox.mails().count(),
        1,
        "the branch leads to the mail"
    );
}

#[tokio::test]
async fn of_a_mail_that_broke_off_nobody_knows_so_it_is_uncertain_and_not_repeated() {
    let office = Office::open().await;
    let api = office.api();
    api.publish(
        "name: mail\ntrigger: {event: mail.wanted}\nsteps:\n  mail:\n    uses: send-message@1\n    \
         with: {channel: office-mail, to: bob@example.com, subject: Hi, text: Hello}\n    \
         branches: {failure: note}\n  note: {uses: wait@1, with: {until: \"2020-01-01 00:00\"}}\n",
    )
    .await;
    office.mailbox.hang_up_after_next_mail();
    let run = api
        .start("mail.wanted", Some("email:ann@example.com"), json!({}))
        .await;
    api.completed(&run).await;
    let message = api.messages(&run).await.remove(0);
    assert_eq!(message["status"], "uncertain", "{message:#}");
    let timeline = api.timeline(&run).await;
    let failed = timeline
        .iter()
        .find(|entry| entry["kind"] == "step-failed")
        .unwrap();
    assert_eq!(failed["data"]["failure"]["code"], "uncertain");
    assert_eq!(office.mailbox.mails().count(), 1, "the mail did arrive");

    // An operator sees it, and may decide that it is sent again, with the id of the first.
    let doctor = office.host.cli(["doctor"]).await;
    assert!(doctor.out.contains("uncertain"), "{}", doctor.out);
    let id = message["id"].as_str().unwrap();
    office.host.cli(["message", "resend", id]).await.ok();
    let sent = api
        .message_until(id, "sent", |message| message["status"] == "accepted")
        .await;
    assert_eq!(sent["attempts"], 1, "{sent:#}");
    let mails = office.mailbox.mails().at_least(2, PATIENCE).await.unwrap();
    assert_eq!(mails[0].header("message-id"), mails[1].header("message-id"));
}

#[tokio::test]
async fn however_fast_a_text_is_delivered_its_run_hears_of_it() {
    let office = Office::open().await;
    let api = office.api();
    api.publish(
        "name: text\ntrigger: {event: text.wanted}\nsteps:\n  text:\n    uses: send-message@1\n    \
         with: {channel: main-sms, text: Hello, until: delivered, within: 20s}\n",
    )
    .await;
    let count = 40;
    for n in 0..count {
        office.gateway.set_delivery(&phone(n), Delivery::Held);
    }
    let wanted = (0..count).map(|n| async move {
        api.start(
            "text.wanted",
            Some(&format!("phone:{}", phone(n))),
            json!({}),
        )
        .await
    });
    let runs = futures::future::join_all(wanted).await;
    // `sent` and `delivered` at the same time: while the run hears of one, the other comes in.
    let sent = office
        .gateway
        .messages()
        .at_least(count, PATIENCE)
        .await
        .unwrap();
    let told = sent.iter().map(|sms| async {
        let sent = office.gateway.call_back(&sms.sid, "sent", None);
        tokio::join!(sent, office.gateway.call_back(&sms.sid, "delivered", None));
    });
    futures::future::join_all(told).await;
    let mut missed = Vec::new();
    for run in runs {
        let message = api.messages(&run).await.remove(0);
        assert_eq!(message["status"], "delivered", "{message:#}");
        if api.completed(&run).await["outputs"]["text"]["status"] != "delivered" {
            missed.push(run);
        }
    }
    assert!(
        missed.is_empty(),
        "{} of {count} runs did not hear of it: {missed:?}",
        missed.len()
    );
}
