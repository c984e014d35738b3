//! Shares: who floods leaves room, everybody has a turn, and nothing is lost or left behind.

#![allow(clippy::unwrap_used)]

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use super::*;

fn account(workspace: &str, workflow: &str) -> Account {
    Account {
        workspace: workspace.into(),
        workflow: workflow.into(),
    }
}

type Waiting<'a> = Pin<Box<dyn Future<Output = Share> + 'a>>;

fn poll(waiting: &mut Waiting<'_>) -> Option<Share> {
    match waiting
        .as_mut()
        .poll(&mut Context::from_waker(Waker::noop()))
    {
        Poll::Ready(share) => Some(share),
        Poll::Pending => None,
    }
}

/// Starts to wait; it must have to.
fn wait<'a>(shares: &'a Arc<Shares>, account: &'a Account) -> Waiting<'a> {
    let mut waiting: Waiting<'a> = Box::pin(shares.take(account));
    assert!(poll(&mut waiting).is_none());
    waiting
}

fn take_all(shares: &Arc<Shares>, account: &Account) -> Vec<Share> {
    std::iter::from_fn(|| shares.try_take(account)).collect()
}

#[test]
fn who_floods_leaves_room_for_others() {
    let shares = Shares::places(100);
    let flood = take_all(&shares, &account("a", "one"));
    assert_eq!(flood.len(), 50, "a workflow alone gets half");
    let more = take_all(&shares, &account("a", "two"));
    assert_eq!(
        flood.len() + more.len(),
        75,
        "its neighbour half of the rest"
    );
    for name in ["three", "four", "five", "six", "seven"] {
        std::mem::forget(take_all(&shares, &account("a", name)));
    }
    assert_eq!(shares.free(), 20, "a workspace gets four fifths");
    assert_eq!(take_all(&shares, &account("b", "one")).len(), 10);
    assert!(shares.try_take(&account("c", "one")).is_some());
}

#[test]
fn of_one_place_everybody_gets_it_in_turn() {
    let shares = Shares::places(1);
    let (greedy, other) = (account("a", "one"), account("b", "one"));
    let neighbour = account("a", "two");
    let held = shares.try_take(&greedy).unwrap();
    let mut crowd: Vec<_> = (0..3).map(|_| wait(&shares, &greedy)).collect();
    let mut single = wait(&shares, &other);
    let mut beside = wait(&shares, &neighbour);
    drop(held);
    let first = poll(&mut crowd[0]).unwrap();
    drop(first);
    let second = poll(&mut single).unwrap();
    drop(second);
    let third = poll(&mut beside).unwrap();
    assert!(poll(&mut crowd[1]).is_none());
    drop(third);
    drop(poll(&mut crowd[1]).unwrap());
    drop(poll(&mut crowd[2]).unwrap());
    assert_eq!(shares.free(), 1);
}

#[test]
fn who_is_over_its_threshold_holds_nobody_up() {
    let shares = Shares::places(4);
    let (greedy, other) = (account("a", "one"), account("b", "one"));
    let held = take_all(&shares, &greedy);
    assert_eq!(held.len(), 2);
    let mut waiting = wait(&shares, &greedy);
    let passed = shares.try_take(&other).unwrap();
    assert!(poll(&mut waiting).is_none());
    drop(passed);
    drop(held);
    assert!(poll(&mut waiting).is_some());
}

#[test]
fn turns_are_all_taken_when_nobody_else_wants_them() {
    let shares = Shares::turns(3);
    let alone = account("a", "one");
    assert_eq!(take_all(&shares, &alone).len(), 3);
}

#[test]
fn a_wait_that_is_given_up_leaves_nothing_behind_and_loses_nothing() {
    let shares = Shares::places(1);
    let (one, two) = (account("a", "one"), account("b", "two"));
    let held = shares.try_take(&one).unwrap();
    let gone = wait(&shares, &one);
    let granted = wait(&shares, &two);
    let mut last = wait(&shares, &one);
    drop(gone);
    // It was handed its place, and goes without ever having looked.
    drop(held);
    drop(granted);
    drop(poll(&mut last).unwrap());
    drop(last);
    assert_eq!(shares.free(), 1);
    let state = shares.lock();
    assert!(state.workspaces.is_empty() && state.order.is_empty());
}

#[test]
fn what_is_large_takes_several_and_is_not_overtaken_for_ever() {
    let shares = Shares::places(10);
    let large = account("a", "large");
    let held = shares.try_take_many(&large, 4).unwrap();
    let small = shares.try_take_many(&account("b", "small"), 4).unwrap();
    assert_eq!(shares.free(), 2);
    let other = account("c", "large");
    let mut waiting: Waiting<'_> = Box::pin(shares.take_many(&other, 5));
    assert!(poll(&mut waiting).is_none());
    let later = account("d", "small");
    let mut behind = wait_for(&shares, &later, 3);
    drop(small);
    assert_eq!(shares.free(), 1, "it took 5 of the 6");
    let share = poll(&mut waiting).unwrap();
    assert!(poll(&mut behind).is_none());
    drop(held);
    assert!(poll(&mut behind).is_some());
    drop(share);
    drop((waiting, behind));
    assert_eq!(shares.free(), 10);
}

#[test]
fn who_wanted_much_and_left_keeps_nobody_waiting() {
    let shares = Shares::places(4);
    let first = shares.try_take_many(&account("a", "x"), 3).unwrap();
    let (much, little) = (account("b", "much"), account("c", "little"));
    let waiting = wait_for(&shares, &much, 3);
    let mut behind = wait_for(&shares, &little, 2);
    drop(waiting);
    assert!(poll(&mut behind).is_none(), "two are not free");
    drop(first);
    assert!(poll(&mut behind).is_some());
}

#[test]
fn more_than_there_are_means_all() {
    let shares = Shares::places(4);
    let all = shares.try_take_many(&account("a", "x"), 100).unwrap();
    assert_eq!(shares.free(), 0);
    drop(all);
    assert_eq!(shares.free(), 4);
}

/// Starts to wait for so many; it must have to.
fn wait_for<'a>(shares: &'a Arc<Shares>, account: &'a Account, weight: usize) -> Waiting<'a> {
    let mut waiting: Waiting<'a> = Box::pin(shares.take_many(account, weight));
    assert!(poll(&mut waiting).is_none());
    waiting
}
