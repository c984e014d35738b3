//! Retention: what is over leaves when its time is up; what is on its way, and who is who, stays.
//!
//! Ids carry the time at which they were made, and within a process never go back. So these are
//! parts of one test, each of them years after the one before.
use crate::support::{NOON, Reply, World, world};
use jackfield_engine::Domain;
use jackfield_messaging::{
    Host as _, ListDeliveries, ListInbound, NewSubscription, Retention, SubscriptionPatch,
};
use jackfield_sandbox::wit::FailureClass;
use jackfield_store::records::{Journal, ProviderRef, Seen};
use jackfield_store::{Query, StoreExt};
use serde_json::json;
use std::time::Duration;

const ANN: &str = "+33612345678";
const BOB: &str = "+33698765432";
const DAY: i64 = 24 * 60 * 60 * 1_000;
/// More than any part of the test lets pass.
const YEARS: i64 = 1_000 * DAY;

/// Messages are kept for so many days.
fn days(days: i64) -> Retention {
    Retention {
        messages: Some(days * DAY),
    }
}

async fn ids(world: &World) -> Vec<String> {
    let messages = world.messages().await.into_iter();
    messages.map(|message| message.id).collect()
}

async fn references(world: &World) -> usize {
    let all = world.host.store().find(Query::<ProviderRef>::all());
    all.await.unwrap().len()
}

#[tokio::test]
async fn what_is_kept_no_longer_leaves_and_nothing_else() {
    let (world, begun) = later(1).await;
    a_message_that_is_over_leaves_with_what_was_noted_of_it(&world, begun).await;
    let (world, begun) = later(2).await;
    what_is_on_its_way_or_uncertain_is_never_removed(&world, begun).await;
    let (world, begun) = later(3).await;
    messages_stay_for_ever_where_nothing_is_said_and_an_opt_out_always_does(&world, begun).await;
    let (world, begun) = later(4).await;
    repetitions_are_known_for_a_month_and_unread_requests_kept_as_long(&world, begun).await;
    let (world, begun) = later(5).await;
    what_was_given_up_can_be_delivered_for_a_month(&world, begun).await;
}

/// A world so many times some years later, and its time.
async fn later(times: i64) -> (World, i64) {
    let world = world(json!({}), json!({})).await;
    let begun = NOON + times * YEARS;
    world.clock.set(begun);
    (world, begun)
}

async fn a_message_that_is_over_leaves_with_what_was_noted_of_it(world: &World, begun: i64) {
    world.script([
        Reply::Takes("p-1", "delivered"),
        Reply::Takes("p-2", "sent"),
    ]);
    let old = world.send(ANN, "old").await;
    world.state(&old, "delivered").await;
    world.until_referred(1).await;
    world.clock.set(begun + 3 * DAY);
    let new = world.send(BOB, "new").await;
    world.state(&new, "sent").await;
    world.until_referred(2).await;
    assert_eq!(world.messaging.prune(&days(4)).await.unwrap().messages, 0);
    let pruned = world.messaging.prune(&days(2)).await.unwrap();
    assert_eq!((pruned.messages, pruned.inbound), (1, 0));
    assert_eq!(ids(world).await, [new]);
    assert_eq!(references(world).await, 1);
    let journal = Query::<Journal>::all().equal("run", old.as_str());
    assert!(world.host.store().find(journal).await.unwrap().is_empty());
    // The contact is no history.
    let ann = format!("phone:{ANN}");
    world.messaging.contacts().get("w", &ann).await.unwrap();
    // A late word of the provider finds no message, and nothing comes of it.
    let late = json!([{"type": "status", "provider-id": "p-1", "status": "read"}]);
    assert_eq!(world.receive(late).await.status, 200);
}

async fn what_is_on_its_way_or_uncertain_is_never_removed(world: &World, begun: i64) {
    world.script([
        Reply::Refuses(FailureClass::Transient, "timeout", true, None),
        Reply::Hangs,
    ]);
    let uncertain = world.send(ANN, "one").await;
    world.state(&uncertain, "uncertain").await;
    let sending = world.send(BOB, "two").await;
    world.state(&sending, "sending").await;
    // Behind it, to the same address.
    let queued = world.send(BOB, "three").await;
    world.clock.set(begun + 400 * DAY);
    assert_eq!(world.messaging.prune(&days(1)).await.unwrap().messages, 0);
    let mut left = ids(world).await;
    left.sort();
    let mut all = vec![uncertain, sending, queued];
    all.sort();
    assert_eq!(left, all);
}

async fn messages_stay_for_ever_where_nothing_is_said_and_an_opt_out_always_does(
    world: &World,
    begun: i64,
) {
    world.texts(ANN, "m-1", "Stop").await;
    world
        .until(|| async { (world.sent().len() == 1).then_some(()) })
        .await;
    let before = ids(world).await.len();
    world.clock.set(begun + 400 * DAY);
    let pruned = world.messaging.prune(&Retention::default()).await.unwrap();
    assert_eq!(pruned.messages, 0);
    assert_eq!(ids(world).await.len(), before);
    world.messaging.prune(&days(1)).await.unwrap();
    assert!(ids(world).await.is_empty());
    let id = world.send(ANN, "hello again").await;
    let message = world.state(&id, "suppressed").await;
    assert_eq!(message["reason"], "opted-out", "{message:#}");
}

async fn repetitions_are_known_for_a_month_and_unread_requests_kept_as_long(
    world: &World,
    begun: i64,
) {
    world.texts(ANN, "m-1", "hello").await;
    world.receive_raw(b"no list".to_vec()).await;
    let kept = async || {
        let list = ListInbound::default();
        let page = world.messaging.inbound().list("w", &list).await.unwrap();
        page.items.len()
    };
    let marks = async || {
        let all = world.host.store().find(Query::<Seen>::all()).await.unwrap();
        all.into_iter()
            .filter(|seen| seen.key.contains("m-1"))
            .count()
    };
    assert_eq!((kept().await, marks().await), (1, 1));
    world.clock.set(begun + 29 * DAY);
    let pruned = world.messaging.prune(&Retention::default()).await.unwrap();
    assert_eq!((pruned.seen, pruned.inbound), (0, 0));
    world.texts(ANN, "m-1", "hello").await;
    assert_eq!(world.count("message.received"), 1, "it is still known");
    world.clock.set(begun + 31 * DAY);
    let pruned = world.messaging.prune(&Retention::default()).await.unwrap();
    assert_eq!(pruned.inbound, 1);
    assert!(pruned.seen >= 1, "{pruned:?}");
    assert_eq!((kept().await, marks().await), (0, 0));
}

impl World {
    /// Waits until so many providers' ids are written: that is done right after a receipt.
    async fn until_referred(&self, many: usize) {
        for _ in 0..500 {
            if references(self).await == many {
                return;
            }
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
        panic!("no reference was written");
    }
}

async fn what_was_given_up_can_be_delivered_for_a_month(world: &World, begun: i64) {
    let subscriptions = world.messaging.subscriptions();
    let new = NewSubscription {
        url: "https://example.com/events".to_owned(),
        events: vec!["a.told".to_owned()],
        ..NewSubscription::default()
    };
    let (subscription, _) = subscriptions.create("w", new).await.unwrap();
    world.tell(false).await;
    let off = SubscriptionPatch {
        enabled: Some(false),
        ..SubscriptionPatch::default()
    };
    subscriptions
        .update("w", &subscription.id, off)
        .await
        .unwrap();
    let list = ListDeliveries::default();
    let all = || subscriptions.deliveries("w", &subscription.id, &list);
    let id = all().await.unwrap().items[0].id.clone();
    Domain::due(&world.messaging, &id);
    while all().await.unwrap().items[0].state != "dead" {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    world.clock.set(begun + 30 * DAY);
    let pruned = world.messaging.prune(&Retention::default()).await.unwrap();
    assert_eq!(pruned.deliveries, 0);
    world.clock.set(begun + 30 * DAY + 1_000);
    let pruned = world.messaging.prune(&Retention::default()).await.unwrap();
    assert_eq!(pruned.deliveries, 1);
    assert!(all().await.unwrap().items.is_empty());
}
