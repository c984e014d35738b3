//! What goes out: order, rules of the moment, failures, crashes.
use crate::support::{NOON, Reply, world};
use jackfield_messaging::ListDecisions;
use jackfield_sandbox::wit::FailureClass::{Blocked, Permanent, Transient};
use serde_json::json;

const ANN: &str = "+33612345678";

#[tokio::test]
async fn a_message_goes_out_and_its_status_only_goes_up() {
    let world = world(json!({}), json!({})).await;
    let id = world.send(ANN, "hello").await;
    let message = world.state(&id, "accepted").await;
    assert_eq!(message["provider_id"], "p-1");
    let update = |status: &str| json!([{"type": "status", "provider-id": "p-1", "status": status}]);
    for status in ["delivered", "sent", "delivered"] {
        assert_eq!(world.receive(update(status)).await.status, 200);
    }
    let told: Vec<String> = {
        let events = world.host.events.lock().unwrap();
        let all = events.iter().filter(|event| event.name == "message.status");
        all.map(|event| event.data["message"]["status"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(told, ["accepted", "delivered"]);
    world.state(&id, "delivered").await;
}

#[tokio::test]
async fn an_update_that_is_faster_than_the_receipt_is_not_lost() {
    let world = world(json!({}), json!({})).await;
    world
        .receive(json!([{"type": "status", "provider-id": "early", "status": "delivered"}]))
        .await;
    world.script([Reply::Takes("early", "accepted")]);
    let id = world.send(ANN, "hello").await;
    world.state(&id, "delivered").await;
    let events = world.host.events.lock().unwrap();
    let statuses: Vec<&str> = events
        .iter()
        .filter(|event| event.name == "message.status")
        .map(|event| event.data["message"]["status"].as_str().unwrap())
        .collect();
    assert_eq!(statuses, ["accepted", "delivered"]);
}

#[tokio::test]
async fn an_address_gets_messages_in_order_even_when_the_first_is_tried_again() {
    let world = world(json!({}), json!({})).await;
    world.script([Reply::Refuses(Transient, "transient", false, None)]);
    let first = world.send(ANN, "one").await;
    let second = world.send(ANN, "two").await;
    let other = world.send("+33611111111", "three").await;
    world.state(&other, "accepted").await;
    let waiting = world.state(&first, "queued").await;
    assert_eq!(waiting["attempts"], 1);
    world.clock.advance(2_000);
    world.state(&second, "accepted").await;
    let to_ann: Vec<String> = world
        .sent()
        .into_iter()
        .filter(|text| text != "three")
        .collect();
    assert_eq!(to_ann, ["one", "one", "two"]);
    let keys: Vec<String> = {
        let sent = world.host.sent.lock().unwrap();
        sent.iter()
            .filter(|(m, _)| m["content"]["text"] == "one")
            .map(|(_, key)| key.clone())
            .collect()
    };
    assert_eq!(keys[0], keys[1], "every try has the same key");
}

#[tokio::test]
async fn a_message_is_tried_three_times_and_then_fails() {
    let world = world(json!({}), json!({})).await;
    world.script((0..3).map(|_| Reply::Refuses(Transient, "transient", false, None)));
    let id = world.send(ANN, "hello").await;
    for tries in 1..3 {
        world
            .until(|| async { (world.sent().len() == tries).then_some(()) })
            .await;
        let messages = world.messaging.messages();
        world
            .until(|| async {
                let message = messages.get("w", &id).await.unwrap();
                (message["status"] == "queued" && message["attempts"] == tries).then_some(())
            })
            .await;
        world.clock.advance(60_000);
    }
    let message = world.state(&id, "failed").await;
    assert_eq!(message["reason"], "transient");
    assert_eq!(world.sent().len(), 3);
    assert_eq!(world.count("message.failed"), 1);
    let told = world.host.events.lock().unwrap().clone();
    let failed = told.iter().find(|event| event.name == "message.failed");
    let message = &failed.unwrap().data["message"];
    assert_eq!(
        (&message["status"], &message["error"]["code"]),
        (&json!("failed"), &json!("transient"))
    );
    let which = ListDecisions {
        subject: Some(id),
        ..ListDecisions::default()
    };
    assert_eq!(
        world
            .messaging
            .decisions()
            .list("w", &which)
            .await
            .unwrap()
            .items
            .len(),
        1
    );
}

#[tokio::test]
async fn bad_credentials_pause_the_channel_and_new_ones_resume_it() {
    let world = world(json!({}), json!({})).await;
    world.script([Reply::Refuses(Blocked, "auth", false, None)]);
    let id = world.send(ANN, "hello").await;
    let channels = world.messaging.channels();
    let shown = world
        .until(|| async {
            let shown = channels.get("w", "main").await.unwrap();
            let message = world.messaging.messages().get("w", &id).await.unwrap();
            (shown["state"] == "paused" && message["status"] == "queued").then_some(shown)
        })
        .await;
    assert_eq!(shown["reason"], "the provider says auth");
    let patch = serde_json::from_value(json!({"secrets": {"token": "new"}})).unwrap();
    let shown = channels.update("w", "main", &patch).await.unwrap();
    assert_eq!(shown["state"], "active");
    world.state(&id, "accepted").await;
}

#[tokio::test]
async fn too_fast_slows_the_whole_channel_as_long_as_the_provider_asks() {
    let world = world(json!({}), json!({})).await;
    world.script([Reply::Refuses(
        Transient,
        "rate-limited",
        false,
        Some(10_000),
    )]);
    let first = world.send(ANN, "one").await;
    world
        .until(|| async {
            let message = world.messaging.messages().get("w", &first).await.unwrap();
            (message["due"] == NOON + 10_000).then_some(())
        })
        .await;
    let second = world.send("+33611111111", "two").await;
    assert_eq!(world.sent(), ["one"]);
    world.clock.advance(9_000);
    tokio::task::yield_now().await;
    assert_eq!(world.sent(), ["one"]);
    world.clock.advance(1_000);
    world
        .until(|| async { (world.sent().len() >= 2).then_some(()) })
        .await;
    world.clock.advance(10_000);
    world.state(&first, "accepted").await;
    world.state(&second, "accepted").await;
}

#[tokio::test]
async fn a_message_of_which_nobody_knows_is_uncertain_and_a_person_sends_it_again() {
    let world = world(json!({}), json!({})).await;
    world.script([Reply::Refuses(Transient, "transient", true, None)]);
    let id = world.send(ANN, "hello").await;
    world.state(&id, "uncertain").await;
    assert_eq!(world.sent().len(), 1);
    world.messaging.messages().resend("w", &id).await.unwrap();
    world.state(&id, "accepted").await;
    assert!(
        world.messaging.messages().resend("w", &id).await.is_err(),
        "it arrived"
    );
}

#[tokio::test]
async fn a_crash_while_sending_leaves_the_message_uncertain() {
    let world = world(json!({}), json!({})).await;
    world.script([Reply::Hangs]);
    let id = world.send(ANN, "hello").await;
    world
        .until(|| async { (world.sent().len() == 1).then_some(()) })
        .await;
    let world = world.reborn().await;
    world.messaging.start().await.unwrap();
    world.state(&id, "uncertain").await;
    assert!(world.sent().is_empty());
    assert_eq!(
        world.count("message.status"),
        1,
        "the run that waits hears of it"
    );
}

#[tokio::test]
async fn a_crash_while_sending_what_may_be_repeated_sends_it_again() {
    for (connector, once) in [(json!({"idempotency": true}), true), (json!({}), false)] {
        let world = world(json!({}), connector).await;
        *world.host.once.lock().unwrap() = once;
        world.script([Reply::Hangs]);
        let id = world.send(ANN, "hello").await;
        world
            .until(|| async { (world.sent().len() == 1).then_some(()) })
            .await;
        let key = world.host.sent.lock().unwrap()[0].1.clone();
        let world = world.reborn().await;
        world.messaging.start().await.unwrap();
        world.state(&id, "accepted").await;
        assert_eq!(
            world.host.sent.lock().unwrap()[0].1,
            key,
            "with the same key"
        );
    }
}

#[tokio::test]
async fn what_was_queued_before_a_crash_goes_out_after_it_in_order() {
    let world = world(json!({}), json!({})).await;
    world
        .messaging
        .channels()
        .pause("w", "main", "wait")
        .await
        .unwrap();
    for text in ["1", "2", "3"] {
        world.send(ANN, text).await;
    }
    let world = world.reborn().await;
    world.messaging.start().await.unwrap();
    world
        .messaging
        .channels()
        .resume("w", "main")
        .await
        .unwrap();
    world
        .until(|| async { (world.sent().len() == 3).then_some(()) })
        .await;
    assert_eq!(world.sent(), ["1", "2", "3"]);
}

#[tokio::test]
async fn what_the_channel_does_not_take_is_refused_with_a_record() {
    let world = world(json!({}), json!({"window": 86400})).await;
    let closed = world.send(ANN, "hello").await;
    assert_eq!(
        world.state(&closed, "suppressed").await["reason"],
        "outside-window"
    );
    world.texts(ANN, "in-1", "hi").await;
    let open = world.send(ANN, "hello").await;
    world.state(&open, "accepted").await;
    let long = world.send(ANN, &"x".repeat(161)).await;
    assert_eq!(
        world.state(&long, "suppressed").await["reason"],
        "content-rejected"
    );
    world
        .messaging
        .contacts()
        .block("w", &format!("phone:{ANN}"), true)
        .await
        .unwrap();
    let blocked = world.send(ANN, "hello").await;
    assert_eq!(
        world.state(&blocked, "suppressed").await["reason"],
        "blocked"
    );
    let internal = world
        .send_as(ANN, "hello", json!({"class": "internal"}))
        .await;
    world.state(&internal, "accepted").await;
    let page = world
        .messaging
        .decisions()
        .list("w", &ListDecisions::default())
        .await
        .unwrap();
    assert_eq!(page.items.len(), 3);
}

#[tokio::test]
async fn marketing_waits_for_its_hours_and_stays_below_its_cap() {
    let settings = json!({
        "marketing-hours": {"friday": ["14:00-15:00"]},
        "frequency-cap": {"messages": 1, "per": "1d"}
    });
    let world = world(settings, json!({})).await;
    let first = world
        .send_as(ANN, "buy", json!({"class": "marketing"}))
        .await;
    world
        .until(|| async {
            let message = world.messaging.messages().get("w", &first).await.unwrap();
            (message["reason"] == "quiet-hours").then_some(())
        })
        .await;
    let talk = world.send(ANN, "hello").await;
    world.state(&talk, "accepted").await;
    world.clock.advance(2 * 3_600_000);
    world.state(&first, "accepted").await;
    let second = world
        .send_as(ANN, "buy", json!({"class": "marketing"}))
        .await;
    assert_eq!(
        world.state(&second, "suppressed").await["reason"],
        "frequency-cap"
    );
}

#[tokio::test]
async fn marketing_waits_for_its_hours_where_the_contact_is() {
    // It is Friday noon in UTC, seven in the morning in New York.
    let hours = json!({"time-zone": "contact", "friday": ["09:00-20:00"]});
    let world = world(json!({"marketing-hours": hours}), json!({})).await;
    let contacts = world.messaging.contacts();
    let mut sent = Vec::new();
    for (phone, zone) in [
        ("+33612345601", "America/New_York"),
        ("+33612345602", "Europe/Paris"),
    ] {
        let contact = json!({"phone": phone, "time_zone": zone});
        contacts.create("w", &contact).await.unwrap();
        let class = json!({"class": "marketing"});
        sent.push(world.send_as(phone, "buy", class).await);
    }
    world.state(&sent[1], "accepted").await;
    let waiting = world.state(&sent[0], "queued").await;
    assert_eq!(waiting["reason"], "quiet-hours", "{waiting:#}");
    assert_eq!(waiting["due"], 1_795_183_200_000_i64, "{waiting:#}");
    world.clock.advance(2 * 3_600_000);
    world.state(&sent[0], "accepted").await;
    let wrong = json!({"time_zone": "Nowhere/Town"});
    let refused = contacts.create("w", &wrong).await.unwrap_err();
    assert!(refused.to_string().contains("Europe/Paris"), "{refused}");
}

#[tokio::test]
async fn a_recipient_that_the_provider_knows_as_opted_out_gets_nothing_more() {
    let world = world(json!({}), json!({})).await;
    world.script([Reply::Refuses(
        Permanent,
        "recipient-opted-out",
        false,
        None,
    )]);
    let first = world.send(ANN, "one").await;
    world.state(&first, "failed").await;
    let second = world.send(ANN, "two").await;
    assert_eq!(
        world.state(&second, "suppressed").await["reason"],
        "opted-out"
    );
    let all = world.messaging.opt_outs().of("w", ANN).await.unwrap();
    assert_eq!(all[0].source, "provider");
}

#[tokio::test]
async fn a_queued_message_can_be_cancelled() {
    let world = world(json!({}), json!({})).await;
    world
        .messaging
        .channels()
        .pause("w", "main", "wait")
        .await
        .unwrap();
    let id = world.send(ANN, "hello").await;
    world.messaging.messages().cancel("w", &id).await.unwrap();
    world
        .messaging
        .channels()
        .resume("w", "main")
        .await
        .unwrap();
    let other = world.send(ANN, "other").await;
    world.state(&other, "accepted").await;
    assert_eq!(world.sent(), ["other"]);
}

#[tokio::test]
async fn mails_of_one_workflow_to_one_contact_are_a_thread() {
    let mail = json!({"address": "email", "message-types": ["email"]});
    let world = world(json!({}), mail).await;
    let contact = world
        .messaging
        .contacts()
        .create("w", &json!({"email": "ann@example.com"}))
        .await
        .unwrap();
    let id = contact["id"].as_str().unwrap();
    for place in 0..2 {
        let actor = world.actor(id, &format!("call-{place}"));
        let message = json!({"channel": "main", "content": {"type": "email", "subject": "Hi", "text": "x"},
            "unsubscribe": {}});
        let call = jackfield_sandbox::HostCall::MessagesSend {
            message: message.to_string(),
        };
        let (reply, effects) = world.call(&actor, call, &[]).await;
        let message = crate::support::text(reply).unwrap();
        world.apply(&actor, &effects).await;
        world.state(&message, "accepted").await;
        world.clock.advance(1_000);
    }
    let sent = world.host.sent.lock().unwrap();
    assert!(sent[0].0.get("thread").is_none());
    assert_eq!(
        sent[1].0["thread"],
        json!({"id": "p-1", "in-reply-to": "p-1", "references": ["p-1"]})
    );
    assert!(
        sent[0].0["unsubscribe-url"]
            .as_str()
            .unwrap()
            .starts_with("https://jack.example.com/u/")
    );
    assert!(
        sent[0].0["content"]["text"]
            .as_str()
            .unwrap()
            .contains("\nUnsubscribe here: https://")
    );
}
