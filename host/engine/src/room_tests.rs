//! Room: what stands in line is served in order, can be taken out, and bounds what comes new.

#![allow(clippy::unwrap_used)]

use super::*;
use crate::tenure::Tenures;
use serde_json::json;
use tokio_util::sync::CancellationToken;

fn room(driven: usize, in_line: usize) -> Room {
    Room::new(RoomOptions { driven, in_line })
}

fn tenure(tenures: &Tenures, bucket: i32) -> Arc<Tenure> {
    tenures.begin(bucket, 1, 0, &CancellationToken::new())
}

fn fill(room: &Room, tenure: &Arc<Tenure>, account: &Account, many: usize) {
    for n in 0..many {
        room.put(
            account,
            InLine::recovered(tenure, format!("run_{n}").into(), 1),
        );
    }
}

#[test]
fn of_one_workflow_nobody_overtakes_and_others_are_not_held_up() {
    let room = room(4, 100);
    let tenures = Tenures::default();
    let (slow, other) = (Account::new("a", "slow"), Account::new("b", "other"));
    let held: Vec<Share> = std::iter::from_fn(|| room.enter(&slow, 1)).collect();
    assert_eq!(held.len(), 2, "a workflow alone gets half");
    fill(&room, &tenure(&tenures, 1), &slow, 1);
    drop(held);
    assert!(
        room.enter(&slow, 1).is_none(),
        "there is room, and somebody before"
    );
    assert!(room.enter(&other, 1).is_some());
    assert_eq!(&*room.next(&slow).unwrap().id, "run_0");
    assert!(room.next(&slow).is_none(), "the line has ended");
    assert!(room.enter(&slow, 1).is_some());
}

#[test]
fn who_is_taken_out_of_a_line_or_has_another_owner_is_not_next() {
    let room = room(1, 100);
    let tenures = Tenures::default();
    let account = Account::new("a", "x");
    fill(&room, &tenure(&tenures, 1), &account, 3);
    room.put(
        &account,
        InLine::recovered(&tenure(&tenures, 2), "run_9".into(), 1),
    );
    assert!(room.withdraw(&account, "run_1").is_some());
    assert!(room.withdraw(&account, "run_1").is_none());
    assert!(room.withdraw(&Account::new("a", "y"), "run_2").is_none());
    tenures.end(1);
    assert_eq!(room.waiting(), 3);
    assert_eq!(&*room.next(&account).unwrap().id, "run_9");
    assert_eq!(room.waiting(), 0);
    fill(&room, &tenure(&tenures, 3), &account, 5);
    assert_eq!(room.withdraw_some(&account, 3).len(), 3);
    assert_eq!(room.withdraw_some(&account, 3).len(), 2);
    assert!(room.withdraw_some(&account, 3).is_empty());
    assert!(room.next(&account).is_none());
    assert_eq!(room.waiting(), 0);
}

#[test]
fn new_work_is_refused_by_workspace_and_workflow_and_never_to_who_has_little() {
    let room = room(1, 1_000);
    let tenures = Tenures::default();
    let tenure = tenure(&tenures, 1);
    let (one, two) = (Account::new("a", "one"), Account::new("a", "two"));
    fill(&room, &tenure, &one, 499);
    assert_eq!(room.admit("a", Some("one")), Ok(()));
    fill(&room, &tenure, &one, 1);
    let busy = room.admit("a", Some("one")).unwrap_err();
    assert_eq!((busy.of, busy.in_line), ("workflow", 500));
    assert!((1..=60).contains(&busy.retry_after));
    assert_eq!(room.admit("a", Some("two")), Ok(()));
    assert_eq!(room.admit("a", None), Ok(()));
    fill(&room, &tenure, &two, 300);
    let busy = room.admit("a", Some("three")).unwrap_err();
    assert_eq!((busy.of, busy.in_line), ("workspace", 800));
    assert_eq!(room.admit("b", Some("one")), Ok(()));
    // What cannot be refused fills it up and more; who has little is let in all the same.
    fill(&room, &tenure, &two, 400);
    fill(&room, &tenure, &Account::new("b", "one"), ALWAYS - 1);
    assert_eq!(room.admit("b", Some("one")), Ok(()));
    fill(&room, &tenure, &Account::new("b", "one"), 1);
    assert!(room.admit("b", Some("one")).is_err());
    // Providers have room longer.
    assert_eq!(room.admit_inbound("b"), Ok(()));
    assert!(room.admit_inbound("a").is_err());
}

#[test]
fn retry_after_follows_the_pace() {
    let room = room(1, 1_000);
    let tenures = Tenures::default();
    let account = Account::new("a", "x");
    fill(&room, &tenure(&tenures, 1), &account, 800);
    let still = room.admit("a", None).unwrap_err().retry_after;
    assert_eq!(still, 60, "nothing has begun yet");
    for _ in 0..100 {
        room.next(&account).unwrap();
    }
    fill(&room, &tenure(&tenures, 1), &account, 100);
    let moving = room.admit("a", None).unwrap_err().retry_after;
    assert!(moving < still, "{moving}");
}

#[test]
fn a_run_with_much_data_takes_several_places() {
    assert_eq!(weight(&json!({"a": 1})), 1);
    let large = weight(&json!({"a": "x".repeat(256 << 10)}));
    assert_eq!(large, 9);
    let many: Vec<Value> = (0..20_000).map(Value::from).collect();
    assert!(weight(&json!(many)) > 8);
    assert_eq!(weight(&json!("x".repeat(10 << 20))), LARGEST);
}
