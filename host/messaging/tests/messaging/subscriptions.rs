//! Deliveries over days, on a clock that is moved by hand: nothing leaves this host, so all fail.
use crate::support::{NOON, World, world};
use jackfield_engine::Domain;
use jackfield_messaging::{
    DeliveryView, ListDeliveries, NewSubscription, SubscriptionPatch, SubscriptionView,
};
use serde_json::json;
use std::time::Duration;

const HOUR: i64 = 60 * 60 * 1_000;
const DAY: i64 = 24 * HOUR;

async fn subscribed(world: &World) -> String {
    let new = NewSubscription {
        url: "https://example.com/events".to_owned(),
        events: vec!["a.told".to_owned()],
        ..NewSubscription::default()
    };
    let made = world.messaging.subscriptions().create("w", new).await;
    made.unwrap().0.id
}

async fn shown(world: &World, id: &str) -> SubscriptionView {
    let subscriptions = world.messaging.subscriptions();
    subscriptions.get("w", id).await.unwrap()
}

async fn deliveries(world: &World, id: &str) -> Vec<DeliveryView> {
    let subscriptions = world.messaging.subscriptions();
    let list = ListDeliveries::default();
    subscriptions
        .deliveries("w", id, &list)
        .await
        .unwrap()
        .items
}

/// The newest delivery, once it was tried so often.
async fn tried(world: &World, id: &str, times: u32) -> DeliveryView {
    loop {
        let newest = deliveries(world, id).await.into_iter().next().unwrap();
        if newest.attempts >= times {
            return newest;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn what_never_arrives_is_tried_ten_times_in_three_days_and_kept() {
    let world = world(json!({}), json!({})).await;
    let id = subscribed(&world).await;
    world.tell(true).await;
    let mut now = NOON;
    for times in 1..10 {
        let delivery = tried(&world, &id, times).await;
        assert_eq!(
            (delivery.state.as_str(), delivery.attempts),
            ("pending", times)
        );
        let due = delivery.due.unwrap();
        assert!(due > now);
        now = due;
        world.clock.set(now);
        Domain::due(&world.messaging, &delivery.id);
    }
    let dead = tried(&world, &id, 10).await;
    assert_eq!((dead.state.as_str(), dead.due), ("dead", None));
    assert_eq!(dead.tries.len(), 10);
    assert!(
        dead.tries
            .iter()
            .all(|one| one.code.as_deref() == Some("unavailable"))
    );
    assert!((72 * HOUR..84 * HOUR).contains(&(now - NOON)), "{now}");
    // Once more begins at the beginning.
    let subscriptions = world.messaging.subscriptions();
    subscriptions.redeliver("w", &id, &dead.id).await.unwrap();
    loop {
        let again = tried(&world, &id, 1).await;
        if again.tries.len() == 11 {
            assert_eq!((again.state.as_str(), again.attempts), ("pending", 1));
            break;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn five_days_without_a_delivery_disable_a_subscription() {
    let world = world(json!({}), json!({})).await;
    let id = subscribed(&world).await;
    let fails = async |at: i64, count: usize| {
        world.clock.set(at);
        world.tell(true).await;
        while deliveries(&world, &id).await.len() < count {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        tried(&world, &id, 1).await;
    };
    fails(NOON, 1).await;
    while shown(&world, &id).await.state != "failing" {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let since = shown(&world, &id).await.failing_since;
    assert_eq!(since, Some(NOON));
    fails(NOON + 5 * DAY - 1, 2).await;
    assert_eq!(shown(&world, &id).await.state, "failing");
    fails(NOON + 5 * DAY, 3).await;
    while shown(&world, &id).await.state != "disabled" {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let reason = shown(&world, &id).await.reason.unwrap();
    assert!(reason.contains("five days"), "{reason}");
    // What waits is given up at its next try, and nothing more is put by.
    let newest = tried(&world, &id, 1).await;
    world.clock.set(newest.due.unwrap());
    Domain::due(&world.messaging, &newest.id);
    let dead = tried(&world, &id, 2).await;
    assert_eq!(dead.state, "dead");
    assert_eq!(dead.tries[1].code.as_deref(), Some("disabled"));
    world.tell(true).await;
    assert_eq!(deliveries(&world, &id).await.len(), 3);
    let on = SubscriptionPatch {
        enabled: Some(true),
        ..SubscriptionPatch::default()
    };
    let subscriptions = world.messaging.subscriptions();
    let on = subscriptions.update("w", &id, on).await.unwrap();
    assert_eq!((on.state, on.failing_since), ("active", None));
    world.tell(true).await;
    assert_eq!(deliveries(&world, &id).await.len(), 4);
}

#[tokio::test]
async fn what_was_committed_is_taken_up_by_the_next_life() {
    let world = world(json!({}), json!({})).await;
    let id = subscribed(&world).await;
    world.tell(false).await;
    let world = world.reborn().await;
    assert_eq!(deliveries(&world, &id).await[0].attempts, 0);
    world.messaging.start().await.unwrap();
    tried(&world, &id, 1).await;
}
