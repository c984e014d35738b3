//! What people of ours write: the first answer is timed, and each one starts the time after which
//! the conversation is closed by itself. What workflows and programs write does neither.

use crate::support::{NOON, Reply, World, text, world};
use jackfield_engine::Domain as _;
use jackfield_messaging::{Snooze, UserPatch};
use jackfield_sandbox::HostCall;
use serde_json::{Value, json};

const ANN: &str = "+33612345678";
const WHO: &str = "phone:+33612345678";
const MINUTE: i64 = 60 * 1_000;
const HOUR: i64 = 60 * MINUTE;

/// A world where conversations are closed an hour after the last word of ours, and Ann has written.
async fn talking(settings: Value) -> (World, String) {
    let world = world(settings, json!({})).await;
    let bob = UserPatch {
        email: Some("bob@example.com".to_owned()),
        name: Some("Bob".to_owned()),
        ..UserPatch::default()
    };
    world.messaging.users().create("w", bob).await.unwrap();
    world.texts(ANN, "p-1", "hello").await;
    let contact = world.messaging.contacts().get("w", WHO).await.unwrap();
    (world, contact["id"].as_str().unwrap().to_owned())
}

fn on() -> Value {
    json!({"auto-close": {"after": "1h"}})
}

/// The conversation, once both of its rows say the same.
async fn conversation(world: &World) -> Value {
    for _ in 0..1_000 {
        let contact = world.messaging.contacts().get("w", WHO).await.unwrap();
        let shown = contact["conversation"].clone();
        let id = shown["id"].as_str().unwrap();
        let own = world.messaging.conversations().get("w", id).await.unwrap();
        if ["state", "closes_at"]
            .iter()
            .all(|key| own.get(*key) == shown.get(*key))
        {
            return shown;
        }
    }
    panic!("the rows of the contact and the conversation differ");
}

/// Somebody writes to Ann; a program where no user is named.
async fn write(world: &World, user: Option<&str>) -> Value {
    world.script([Reply::Takes("sent-1", "accepted")]);
    let message = json!({"channel": "main", "content": {"type": "text", "text": "we look"}});
    let messages = world.messaging.messages();
    messages
        .send("w", Some(WHO), user, &message, None)
        .await
        .unwrap()
}

/// The contact's timer is called, at this time. Waits until the conversation stands so, and gives it.
async fn at(world: &World, contact: &str, time: i64, state: &str) -> Value {
    world.clock.set(time);
    world.messaging.due(contact);
    // What is not to happen has some time to happen.
    tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    holding(world, |talk| talk["state"] == state).await
}

async fn holding(world: &World, holds: impl Fn(&Value) -> bool) -> Value {
    for _ in 0..1_000 {
        let talk = conversation(world).await;
        if holds(&talk) {
            return talk;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    panic!("{:#}", conversation(world).await);
}

#[tokio::test]
async fn it_is_closed_so_long_after_the_last_word_of_a_person() {
    let (world, contact) = talking(on()).await;
    world.clock.set(NOON + 90_500);
    let sent = write(&world, Some("bob")).await;
    assert_eq!(
        (&sent["source"], &sent["user"]),
        (&json!("user"), &json!("bob@example.com"))
    );
    let talk = conversation(&world).await;
    assert_eq!(talk["first_response_time"], 90);
    assert_eq!(talk["first_response_by"], "bob@example.com");
    assert_eq!(world.count("message.sent-by-human"), 1);
    // A second word sets it anew, and is no first answer.
    world.clock.set(NOON + 10 * MINUTE);
    write(&world, Some("bob@example.com")).await;
    assert_eq!(conversation(&world).await["first_response_time"], 90);
    let end = NOON + 10 * MINUTE + HOUR;
    at(&world, &contact, end - 1, "open").await;
    // The host died and came back meanwhile.
    let world = world.reborn().await;
    world.clock.set(end);
    world.messaging.due(&contact);
    world
        .until(|| async { (world.count("conversation.closed") == 1).then_some(()) })
        .await;
    let talk = conversation(&world).await;
    assert_eq!(
        (&talk["state"], &talk["closed_by"]),
        (&json!("closed"), &json!("auto-close"))
    );
    at(&world, &contact, end + HOUR, "closed").await;
    assert_eq!(world.count("conversation.closed"), 1);
}

#[tokio::test]
async fn a_reply_cancels_it_and_snoozing_takes_precedence() {
    let (world, contact) = talking(on()).await;
    write(&world, Some("bob")).await;
    world.texts(ANN, "p-2", "thanks, but").await;
    assert_eq!(conversation(&world).await.get("closes_at"), None);
    at(&world, &contact, NOON + 2 * HOUR, "open").await;
    write(&world, Some("bob")).await;
    let snooze = Snooze {
        length: Some("5h".to_owned()),
        ..Snooze::default()
    };
    let talks = world.messaging.conversations();
    talks.snooze("w", WHO, &snooze).await.unwrap();
    // What is written meanwhile starts nothing.
    write(&world, Some("bob")).await;
    at(&world, &contact, NOON + 4 * HOUR, "snoozed").await;
    at(&world, &contact, NOON + 8 * HOUR, "open").await;
    at(&world, &contact, NOON + 99 * HOUR, "open").await;
}

#[tokio::test]
async fn programs_and_workflows_neither_start_it_nor_answer() {
    let (world, contact) = talking(on()).await;
    write(&world, None).await;
    let actor = world.actor(&contact, "1");
    let message = json!({"channel": "main", "content": {"type": "text", "text": "bot"}});
    let call = HostCall::MessagesSend {
        message: message.to_string(),
    };
    let (reply, effects) = world.call(&actor, call, &[]).await;
    text(reply).unwrap();
    world.apply(&actor, &effects).await;
    let talk = conversation(&world).await;
    assert_eq!(talk.get("first_response_at"), None);
    assert_eq!(talk.get("closes_at"), None);
    assert_eq!(world.count("message.sent-by-human"), 0);
    let message = json!({"channel": "main", "content": {"type": "text", "text": "?"}});
    let messages = world.messaging.messages();
    let refused = messages
        .send("w", Some(WHO), Some("eve"), &message, None)
        .await;
    assert_eq!(refused.unwrap_err().code, "not-found");
}

#[tokio::test]
async fn only_what_was_opened_while_it_was_on_is_closed() {
    let (world, contact) = talking(json!({})).await;
    let change = |settings: Value| {
        let workspaces = world.messaging.workspaces();
        async move { workspaces.update("w", None, Some(&settings)).await.unwrap() }
    };
    change(on()).await;
    write(&world, Some("bob")).await;
    assert_eq!(conversation(&world).await.get("closes_at"), None);
    let talks = world.messaging.conversations();
    talks
        .close("w", WHO, jackfield_messaging::Note::default())
        .await
        .unwrap();
    talks.open("w", WHO).await.unwrap();
    write(&world, Some("bob")).await;
    assert!(conversation(&world).await["closes_at"].is_string());
    // Switched off before its time: it stays.
    change(json!({"auto-close": null})).await;
    at(&world, &contact, NOON + 2 * HOUR, "open").await;
    holding(&world, |talk| talk.get("closes_at").is_none()).await;
    for (after, is) in [
        ("29m59s", false),
        ("30m", true),
        ("14d", true),
        ("14d1s", false),
        ("x", false),
    ] {
        let settings = json!({"auto-close": {"after": after}});
        let workspaces = world.messaging.workspaces();
        let done = workspaces.update("w", None, Some(&settings)).await;
        assert_eq!(done.is_ok(), is, "{after}: {done:?}");
    }
}
