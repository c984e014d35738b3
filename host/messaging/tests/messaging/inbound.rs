//! What comes in: repetitions, first messages, compliance words, requests that cannot be read.
use crate::support::world;
use jackfield_messaging::{ListContacts, ListInbound};
use serde_json::{Value, json};

const ANN: &str = "+33612345678";

#[tokio::test]
async fn a_repeated_message_is_dropped() {
    let world = world(json!({}), json!({})).await;
    world.texts(ANN, "m-1", "hello").await;
    world.texts(ANN, "m-1", "hello").await;
    assert_eq!(
        world.names(),
        ["contact.created", "conversation.opened", "message.received"]
    );
    assert_eq!(world.messages().await.len(), 1);
    let contact = world
        .messaging
        .contacts()
        .get("w", &format!("phone:{ANN}"))
        .await
        .unwrap();
    assert_eq!(contact["last_incoming"], "hello");
    assert_eq!(contact["last_channel"], "main");
    assert_eq!(contact["phone"], ANN);
}

#[tokio::test]
async fn first_messages_that_arrive_together_make_one_contact() {
    let world = world(json!({}), json!({})).await;
    let all = (0..20).map(|place| {
        let world = &world;
        async move { world.texts(ANN, &format!("m-{place}"), "hello").await }
    });
    futures::future::join_all(all).await;
    let page = world
        .messaging
        .contacts()
        .list("w", &ListContacts::default())
        .await
        .unwrap();
    assert_eq!(page.items.len(), 1);
    assert_eq!(world.count("contact.created"), 1);
    assert_eq!(world.count("message.received"), 20);
}

#[tokio::test]
async fn a_provider_repeats_what_there_is_no_room_for() {
    let world = world(json!({}), json!({})).await;
    *world.host.full.lock().unwrap() = Some(7);
    let said = json!([{"type": "message", "provider-id": "m-1", "from": ANN,
        "content": {"type": "text", "text": "hello"}}]);
    let answer = world.receive(said).await;
    assert_eq!(answer.status, 503);
    let after = answer
        .headers
        .iter()
        .find(|(name, _)| name == "retry-after");
    assert_eq!(after.unwrap().1, "7");
    assert!(world.names().is_empty(), "nothing was done");
    *world.host.full.lock().unwrap() = None;
    world.texts(ANN, "m-1", "hello").await;
    assert_eq!(world.count("message.received"), 1);
}

#[tokio::test]
async fn stop_is_heard_before_anything_else_and_confirmed_once() {
    let world = world(json!({}), json!({})).await;
    world.texts(ANN, "m-1", "hello").await;
    world.texts(ANN, "m-2", "Stop!").await;
    world
        .until(|| async { (world.sent().len() == 1).then_some(()) })
        .await;
    assert!(world.sent()[0].starts_with("You are unsubscribed"));
    assert_eq!(world.count("contact.opted-out"), 1);
    assert_eq!(
        world.count("message.received"),
        1,
        "no question swallows it"
    );
    let id = world.send(ANN, "more").await;
    assert_eq!(world.state(&id, "suppressed").await["reason"], "opted-out");
    for (id, text) in [("m-2", "Stop!"), ("m-3", "STOP")] {
        world.texts(ANN, id, text).await;
    }
    world.texts(ANN, "m-4", "help").await;
    world
        .until(|| async { (world.sent().len() == 2).then_some(()) })
        .await;
    assert!(
        world.sent()[1].starts_with("Reply STOP"),
        "HELP is answered even then"
    );
    world.texts(ANN, "m-5", "START").await;
    world
        .until(|| async { (world.sent().len() == 3).then_some(()) })
        .await;
    let id = world.send(ANN, "more").await;
    world.state(&id, "accepted").await;
    assert_eq!(world.count("contact.opted-in"), 1);
    assert_eq!(world.count("message.received"), 1);
}

#[tokio::test]
async fn a_word_that_the_provider_answered_gets_no_second_answer() {
    let world = world(json!({}), json!({"keywords": false})).await;
    world.texts(ANN, "m-1", "STOP").await;
    assert_eq!(
        world.count("message.received"),
        1,
        "this channel has no compliance words"
    );
    world
        .receive(
            json!([{"type": "message", "provider-id": "m-2", "from": ANN, "keyword": "stop",
        "content": {"type": "text", "text": "Désabonner"}}]),
        )
        .await;
    assert_eq!(world.count("contact.opted-out"), 1);
    let id = world.send(ANN, "more").await;
    world.state(&id, "suppressed").await;
    assert!(world.sent().is_empty());
}

#[tokio::test]
async fn start_of_somebody_who_never_opted_out_is_an_ordinary_message() {
    let world = world(json!({}), json!({})).await;
    world.texts(ANN, "m-1", "START").await;
    assert_eq!(world.count("message.received"), 1);
}

#[tokio::test]
async fn nothing_of_a_blocked_contact_is_accepted() {
    let world = world(json!({}), json!({})).await;
    world.texts(ANN, "m-1", "hello").await;
    world
        .messaging
        .contacts()
        .block("w", &format!("phone:{ANN}"), true)
        .await
        .unwrap();
    world.texts(ANN, "m-2", "again").await;
    world.texts(ANN, "m-3", "STOP").await;
    assert_eq!(world.count("message.received"), 1);
    assert_eq!(world.messages().await.len(), 1);
    assert!(world.sent().is_empty());
    assert_eq!(
        world.messaging.opt_outs().of("w", ANN).await.unwrap().len(),
        1,
        "but STOP is honoured"
    );
}

#[tokio::test]
async fn a_request_that_cannot_be_read_is_kept_and_can_be_replayed() {
    let world = world(json!({}), json!({})).await;
    let answer = world.receive_raw(b"boom".to_vec()).await;
    assert_eq!(answer.status, 200);
    for place in 0..4 {
        world
            .receive_raw(format!("boom {place}").into_bytes())
            .await;
    }
    let kept = world
        .messaging
        .inbound()
        .list("w", &ListInbound::default())
        .await
        .unwrap();
    assert_eq!(kept.items.len(), 3, "bounded");
    let id = kept.items[0]["id"].as_str().unwrap();
    let error = world.messaging.inbound().replay("w", id).await.unwrap_err();
    assert_eq!(error.code, "still-unreadable");
    *world.host.mended.lock().unwrap() = true;
    assert_eq!(
        world
            .messaging
            .inbound()
            .replay_all("w", "main")
            .await
            .unwrap(),
        3
    );
    assert_eq!(
        world.count("message.received"),
        1,
        "they say the same, and it is heard once"
    );
}

#[tokio::test]
async fn one_bad_event_does_not_spoil_the_others() {
    let world = world(json!({}), json!({})).await;
    let good = json!({"type": "message", "provider-id": "m-1", "from": ANN, "content": {"type": "text", "text": "hi"}});
    let answer = world.receive(json!([{"type": "nonsense"}, good])).await;
    assert_eq!(answer.status, 200);
    assert_eq!(world.count("message.received"), 1);
    let kept = world
        .messaging
        .inbound()
        .list("w", &ListInbound::default())
        .await
        .unwrap();
    assert_eq!(kept.items.len(), 1);
}

#[tokio::test]
async fn too_large_and_unknown_are_refused() {
    let world = world(json!({}), json!({})).await;
    assert_eq!(world.receive_raw(vec![b' '; 2 << 20]).await.status, 413);
    let answer = world
        .messaging
        .inbound()
        .receive("chn_x", "POST", "u", Vec::new(), Vec::new())
        .await;
    assert_eq!(answer.status, 404);
}

#[tokio::test]
async fn an_echo_is_an_outgoing_message_unless_it_is_our_own() {
    let world = world(json!({}), json!({})).await;
    let id = world.send(ANN, "ours").await;
    world.state(&id, "accepted").await;
    let echo = |id: &str| json!([{"type": "echo", "provider-id": id, "from": ANN, "content": {"type": "text", "text": "theirs"}}]);
    for id in ["p-1", "other", "other"] {
        world.receive(echo(id)).await;
    }
    // The receipt and the echo of our own may cross; in the end there is one message.
    world
        .until(|| async {
            let all: Vec<Value> = world
                .messages()
                .await
                .into_iter()
                .map(|row| row.data)
                .collect();
            let echoes = all.iter().filter(|data| data["source"] == "echo").count();
            (echoes == 1 && all.len() == 2).then_some(())
        })
        .await;
    assert_eq!(world.count("message.received"), 0);
}

#[tokio::test]
async fn a_profile_fills_what_is_not_known() {
    let world = world(json!({}), json!({"address": "id"})).await;
    world
        .receive(
            json!([{"type": "message", "provider-id": "m-1", "from": "u-1",
        "content": {"type": "text", "text": "hi"},
        "profile": {"name": "Ann Lee", "email": "Ann@Example.com", "phone": "nonsense"}}]),
        )
        .await;
    let contact = world
        .messaging
        .contacts()
        .get("w", "channel:main:u-1")
        .await
        .unwrap();
    assert_eq!(contact["name"], "Ann Lee");
    assert_eq!(contact["addresses"][0]["address"], "u-1");
    assert!(contact.get("phone").is_none());
    let same = world
        .messaging
        .contacts()
        .get("w", "email:ann@example.com")
        .await;
    assert!(same.is_err(), "local parts keep their case");
    let same = world
        .messaging
        .contacts()
        .get("w", "email:Ann@example.com")
        .await
        .unwrap();
    assert_eq!(same["id"], contact["id"]);
}

#[tokio::test]
async fn an_advertisement_that_led_to_a_message_is_told_with_it() {
    let world = world(json!({}), json!({})).await;
    let ad = json!({"id": "a1", "title": "Spring", "source": "facebook", "url": "https://fb.example/a1"});
    let said = |id: &str, ad: &Value| {
        json!([{"type": "message", "provider-id": id, "from": ANN,
            "content": {"type": "text", "text": "hello"}, "ad": ad}])
    };
    assert_eq!(world.receive(said("m-1", &ad)).await.status, 200);
    assert_eq!(
        world.names(),
        [
            "contact.created",
            "conversation.opened",
            "message.received",
            "click-to-chat"
        ]
    );
    let events = world.host.events.lock().unwrap().clone();
    assert_eq!(
        events[1].data["conversation"]["source"],
        "click-to-chat-ads"
    );
    assert_eq!((&events[2].data["ad"], &events[3].data["ad"]), (&ad, &ad));
    assert_eq!(events[3].data["message"]["text"], "hello");
    // Said again, it is dropped; without an id, it is not one.
    world.receive(said("m-1", &ad)).await;
    assert_eq!(world.count("click-to-chat"), 1);
    for wrong in [
        json!({}),
        json!({"title": "x"}),
        json!("a1"),
        json!({"id": ""}),
        json!({"id": "a", "price": 1}),
    ] {
        world.receive(said("m-2", &wrong)).await;
    }
    assert_eq!(
        (
            world.count("click-to-chat"),
            world.count("message.received")
        ),
        (1, 1)
    );
}

#[tokio::test]
async fn the_first_answer_to_a_broadcast_is_told_with_it() {
    let world = world(json!({}), json!({})).await;
    world.texts(ANN, "m-1", "hi").await;
    let contacts = world.messaging.contacts();
    let contact = contacts.get("w", &format!("phone:{ANN}")).await.unwrap();
    let contact = contact["id"].as_str().unwrap();
    let mut run = world.actor(contact, "1/0");
    run.broadcast = true;
    let offer = world.say(&run, "Half price today").await;
    assert_eq!(offer["source"], "broadcast");
    world.texts(ANN, "m-2", "how much?").await;
    world.texts(ANN, "m-3", "hello?").await;
    let events = world.host.events.lock().unwrap().clone();
    let told = |name: &str| events.iter().rfind(|event| event.name == name).unwrap();
    let data = &told("broadcast.replied").data;
    assert_eq!(data["message"]["text"], "how much?");
    assert_eq!(data["broadcast"]["message_id"], offer["id"]);
    assert_eq!(data["broadcast"]["workflow"], "flow");
    assert_eq!(data["broadcast"]["text"], "Half price today");
    assert_eq!(data["broadcast"]["channel"], "main");
    assert!(data["broadcast"]["sent_at"].is_string(), "{data:#}");
    assert_eq!(told("message.received").data["broadcast"], Value::Null);
    assert_eq!(world.count("broadcast.replied"), 1);
    // What the run says from now on is a talk.
    run.call_key = "2/0".to_owned();
    assert_eq!(world.say(&run, "Nine euros").await["source"], "workflow");
    world.texts(ANN, "m-4", "fine").await;
    // Another broadcast is one again, but whatever else is written after it is what is answered.
    let mut next = world.actor(contact, "1/0");
    next.broadcast = true;
    assert_eq!(world.say(&next, "Last day").await["source"], "broadcast");
    let other = world.actor(contact, "9/0");
    world.say(&other, "Your parcel is there").await;
    world.texts(ANN, "m-5", "thanks").await;
    assert_eq!(world.count("broadcast.replied"), 1);
}
