//! Conversations that are set aside: they come back at their time, or by a message, once.

use crate::support::{NOON, World, text, world};
use jackfield_engine::Domain as _;
use jackfield_messaging::{Note, Snooze};
use jackfield_sandbox::HostCall;
use serde_json::{Value, json};

const ANN: &str = "+33612345678";
const WHO: &str = "phone:+33612345678";
const HOUR: i64 = 60 * 60 * 1_000;

fn hours(hours: i64) -> Snooze {
    Snooze {
        length: Some(format!("{hours}h")),
        ..Snooze::default()
    }
}

/// A world in which Ann has written once.
async fn talking() -> (World, String) {
    let world = world(json!({}), json!({})).await;
    world.texts(ANN, "p-1", "hello").await;
    let contact = world.messaging.contacts().get("w", WHO).await.unwrap();
    (world, contact["id"].as_str().unwrap().to_owned())
}

/// The conversation, once both of its rows say the same.
async fn conversation(world: &World) -> Value {
    for _ in 0..1_000 {
        let contact = world.messaging.contacts().get("w", WHO).await.unwrap();
        let shown = contact["conversation"].clone();
        let id = shown["id"].as_str().unwrap();
        let own = world.messaging.conversations().get("w", id).await.unwrap();
        if ["state", "snoozed_until"]
            .iter()
            .all(|key| own.get(*key) == shown.get(*key))
        {
            return shown;
        }
    }
    panic!("the rows of the contact and the conversation differ");
}

/// The contact's timer is called, whatever time it is.
async fn due(world: &World, contact: &str) {
    world.messaging.due(contact);
    // What is called for is done under the contact's lock, beside.
    for _ in 0..50 {
        tokio::time::sleep(std::time::Duration::from_millis(2)).await;
    }
}

#[tokio::test]
async fn it_comes_back_at_its_time_and_not_before() {
    let (world, contact) = talking().await;
    let talks = world.messaging.conversations();
    talks.snooze("w", WHO, &hours(1)).await.unwrap();
    assert_eq!(conversation(&world).await["state"], "snoozed");
    world.clock.set(NOON + HOUR - 1);
    due(&world, &contact).await;
    assert_eq!(conversation(&world).await["state"], "snoozed");
    assert_eq!(world.count("conversation.unsnoozed"), 0);
    // For longer: the first time passes.
    talks.snooze("w", WHO, &hours(2)).await.unwrap();
    world.clock.set(NOON + 2 * HOUR);
    due(&world, &contact).await;
    assert_eq!(conversation(&world).await["state"], "snoozed");
    // The host died and came back meanwhile.
    let world = world.reborn().await;
    world.clock.set(NOON + 3 * HOUR);
    world.messaging.due(&contact);
    world
        .until(|| async { (world.count("conversation.unsnoozed") == 1).then_some(()) })
        .await;
    let shown = conversation(&world).await;
    assert_eq!(shown["state"], "open");
    assert_eq!(shown["unsnoozed_by"], "timer");
    // A second call finds nothing to do.
    due(&world, &contact).await;
    assert_eq!(world.count("conversation.unsnoozed"), 1);
}

#[tokio::test]
async fn a_message_brings_it_back_and_no_second_conversation_is_opened() {
    let (world, _) = talking().await;
    let talks = world.messaging.conversations();
    let first = conversation(&world).await;
    talks.snooze("w", WHO, &hours(5)).await.unwrap();
    world.texts(ANN, "p-2", "are you there?").await;
    let shown = conversation(&world).await;
    assert_eq!(
        (&shown["id"], &shown["state"]),
        (&first["id"], &json!("open"))
    );
    assert_eq!(shown["unsnoozed_by"], "contact");
    assert_eq!(world.count("conversation.opened"), 1);
    // Told before the message, so that who listens to it finds the conversation open.
    let names = world.names();
    let place = |name: &str| names.iter().rposition(|one| one == name).unwrap();
    assert!(place("conversation.unsnoozed") < place("message.received"));
    // STOP is heard, and is no message to anybody.
    talks.snooze("w", WHO, &hours(5)).await.unwrap();
    world.texts(ANN, "p-3", "STOP").await;
    assert_eq!(conversation(&world).await["state"], "snoozed");
}

#[tokio::test]
async fn what_cannot_be_is_refused_and_closing_ends_it() {
    let (world, contact) = talking().await;
    let talks = world.messaging.conversations();
    let refused = talks.unsnooze("w", WHO).await.unwrap_err();
    assert_eq!(refused.code, "no-snoozed-conversation");
    let refused = talks.snooze("w", WHO, &hours(0)).await.unwrap_err();
    assert_eq!(refused.code, "invalid");
    let refused = talks.snooze("other", WHO, &hours(1)).await.unwrap_err();
    assert_eq!(refused.kind, jackfield_messaging::ErrorKind::NotFound);
    talks.snooze("w", WHO, &hours(1)).await.unwrap();
    assert_eq!(talks.unsnooze("w", WHO).await.unwrap()["state"], "open");
    talks.snooze("w", WHO, &hours(1)).await.unwrap();
    let closed = talks.close("w", WHO, Note::default()).await.unwrap();
    assert_eq!(closed["state"], "closed");
    assert_eq!(closed.get("snoozed_until"), None);
    world.clock.set(NOON + 2 * HOUR);
    due(&world, &contact).await;
    assert_eq!(conversation(&world).await["state"], "closed");
    let refused = talks.snooze("w", WHO, &hours(1)).await.unwrap_err();
    assert_eq!(refused.code, "no-open-conversation");
}

#[tokio::test]
async fn a_workflow_that_opens_takes_up_what_is_set_aside() {
    let (world, contact) = talking().await;
    let talks = world.messaging.conversations();
    talks.snooze("w", WHO, &hours(1)).await.unwrap();
    let actor = world.actor(&contact, "1");
    let (reply, effects) = world.call(&actor, HostCall::ConversationsOpen, &[]).await;
    let shown: Value = serde_json::from_str(&text(reply).unwrap()).unwrap();
    assert_eq!(
        (&shown["state"], &shown["unsnoozed_by"]),
        (&json!("open"), &json!("workflow"))
    );
    world.apply(&actor, &effects).await;
    assert_eq!(conversation(&world).await["state"], "open");
    assert_eq!(world.count("conversation.unsnoozed"), 1);
    // Its time passes, and nothing is left to do.
    world.clock.set(NOON + 2 * HOUR);
    due(&world, &contact).await;
    assert_eq!(world.count("conversation.unsnoozed"), 1);
}
