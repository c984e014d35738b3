//! What one user hands to another: it returns where it is left alone.

use crate::support::{NOON, Reply, World, world};
use jackfield_engine::Domain as _;
use jackfield_messaging::{AssignRequest, UserPatch};
use serde_json::{Value, json};

const ANN: &str = "+33612345678";
const WHO: &str = "phone:+33612345678";
const MINUTE: i64 = 60 * 1_000;

async fn user(world: &World, name: &str) {
    let patch = UserPatch {
        email: Some(format!("{name}@example.com")),
        name: Some(name.to_owned()),
        ..UserPatch::default()
    };
    world.messaging.users().create("w", patch).await.unwrap();
}

/// Ann has written, and Bob has her; Eve is there too.
async fn talking(settings: Value) -> (World, String) {
    let world = world(settings, json!({})).await;
    user(&world, "bob").await;
    user(&world, "eve").await;
    world.texts(ANN, "p-1", "hello").await;
    give(&world, "bob").await;
    let contact = world.messaging.contacts().get("w", WHO).await.unwrap();
    (world, contact["id"].as_str().unwrap().to_owned())
}

async fn give(world: &World, user: &str) {
    let request = AssignRequest {
        user: Some(user.to_owned()),
        ..AssignRequest::default()
    };
    world
        .messaging
        .assignments()
        .assign("w", WHO, request)
        .await
        .unwrap();
}

/// The contact's timer is called at this time; waits until that user has the contact.
async fn with(world: &World, contact: &str, time: i64, user: Option<&str>) -> Value {
    world.clock.set(time);
    world.messaging.due(contact);
    tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    let email = user.map(|user| format!("{user}@example.com"));
    for _ in 0..1_000 {
        let shown = world.messaging.contacts().get("w", WHO).await.unwrap();
        if shown.get("assignee").and_then(Value::as_str) == email.as_deref() {
            return shown;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    panic!(
        "{:#}",
        world.messaging.contacts().get("w", WHO).await.unwrap()
    );
}

fn five() -> Value {
    json!({"max-transfer-time": "5m"})
}

#[tokio::test]
async fn what_is_left_alone_returns_to_who_transferred_it() {
    let (world, contact) = talking(five()).await;
    // The first to have it got it from nobody.
    with(&world, &contact, NOON + 60 * MINUTE, Some("bob")).await;
    give(&world, "eve").await;
    let end = NOON + 65 * MINUTE;
    with(&world, &contact, end - 1, Some("eve")).await;
    let world = world.reborn().await;
    let shown = with(&world, &contact, end, Some("bob")).await;
    assert_eq!(shown["conversation"]["assignee"], "bob@example.com");
    let events = world.host.events.lock().unwrap().clone();
    let told = events
        .iter()
        .find(|event| event.name == "conversation.assigned");
    let told = told.unwrap();
    assert_eq!(told.data["assignment"]["by"], "transfer");
    assert_eq!(told.data["assignment"]["previous"]["name"], "eve");
    assert_eq!(told.source, "queue");
    // That was no transfer: it stays.
    with(&world, &contact, end + 60 * MINUTE, Some("bob")).await;
}

#[tokio::test]
async fn who_writes_keeps_it_and_so_does_who_had_no_time_set() {
    let (world, contact) = talking(five()).await;
    give(&world, "eve").await;
    world.script([Reply::Takes("sent-1", "accepted")]);
    let message = json!({"channel": "main", "content": {"type": "text", "text": "I look"}});
    let messages = world.messaging.messages();
    messages
        .send("w", Some(WHO), Some("eve"), &message, None)
        .await
        .unwrap();
    with(&world, &contact, NOON + 60 * MINUTE, Some("eve")).await;
    let (world, contact) = talking(json!({"max-transfer-time": "0s"})).await;
    give(&world, "eve").await;
    with(&world, &contact, NOON + 60 * MINUTE, Some("eve")).await;
}

#[tokio::test]
async fn a_closed_conversation_returns_to_nobody() {
    let (world, contact) = talking(five()).await;
    give(&world, "eve").await;
    let talks = world.messaging.conversations();
    talks
        .close("w", WHO, jackfield_messaging::Note::default())
        .await
        .unwrap();
    with(&world, &contact, NOON + 60 * MINUTE, Some("eve")).await;
    talks.open("w", WHO).await.unwrap();
    with(&world, &contact, NOON + 120 * MINUTE, Some("eve")).await;
}

#[tokio::test]
async fn where_who_transferred_is_gone_it_stands_at_the_head_of_the_queue() {
    let (world, contact) = talking(five()).await;
    give(&world, "eve").await;
    world.messaging.users().delete("w", "bob").await.unwrap();
    world.clock.set(NOON + 5 * MINUTE);
    world.messaging.due(&contact);
    world
        .until(|| async { (world.count("queue.entered") == 1).then_some(()) })
        .await;
    let events = world.host.events.lock().unwrap().clone();
    let entered = events.iter().find(|event| event.name == "queue.entered");
    assert_eq!(entered.unwrap().data["queue"]["priority"], 100);
}

#[tokio::test]
async fn a_time_is_a_duration_of_a_week_at_most() {
    let world = world(json!({}), json!({})).await;
    for (time, is) in [("0s", true), ("7d", true), ("7d1s", false), ("soon", false)] {
        let settings = json!({"max-transfer-time": time});
        let workspaces = world.messaging.workspaces();
        let done = workspaces.update("w", None, Some(&settings)).await;
        assert_eq!(done.is_ok(), is, "{time}: {done:?}");
    }
}
