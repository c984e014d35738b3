//! Hosts tell each other; and where they cannot, everything is found by looking.

use super::hosts::parcel;
use super::suite::workflow;
use super::{Host, Postgres, is_shared, until};
use jackfield_store::postgres::Options;
use jackfield_store::{Change, Commit, CommitError, Notice, Store};
use std::time::{Duration, Instant};

fn with_notice(mut commit: Commit, notice: Notice) -> Commit {
    commit.notices.push(notice);
    commit
}

fn knock(bucket: i32, id: &str) -> Commit {
    let mut commit = Commit::of(bucket);
    commit.insert(&parcel(bucket, id));
    with_notice(commit, Notice::Owner)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_host_is_told_arrives_at_once_and_nowhere_else() {
    let world = Postgres::new();
    // So long a lease that nobody looks meanwhile.
    let options = || Options {
        lease: Duration::from_secs(120),
        ..world.options()
    };
    let one = Host::open(options()).await;
    let two = Host::open(options()).await;
    let three = Host::open(options()).await;
    until("three share", || is_shared(&[&one, &two, &three])).await;

    let bucket = two.store.owned()[0];
    let begun = Instant::now();
    one.store.commit(knock(bucket, "par_1")).await.unwrap();
    until("the owner hears", || two.has_heard(&Change::Knock(bucket))).await;
    assert!(
        begun.elapsed() < Duration::from_secs(2),
        "{:?}",
        begun.elapsed()
    );

    let text = "a 'quoted' notice: ü\n".to_owned();
    let to_two = Notice::Host {
        host: two.store.host().to_owned(),
        text: text.clone(),
    };
    let to_all = Notice::All { text: "all".into() };
    one.store
        .commit(with_notice(Commit::of(bucket), to_two))
        .await
        .unwrap();
    one.store
        .commit(with_notice(Commit::control(), to_all))
        .await
        .unwrap();
    for host in [&two, &three] {
        until("everybody hears", || {
            host.has_heard(&Change::Notice("all".into()))
        })
        .await;
    }
    assert!(two.has_heard(&Change::Notice(text.clone())));
    assert!(!three.has_heard(&Change::Notice(text)));
    assert!(!three.has_heard(&Change::Knock(bucket)));

    let mut control = Commit::control();
    control.put(&workflow("welcome"));
    one.store.commit(control).await.unwrap();
    for host in [&two, &three] {
        until("control records changed", || {
            host.has_heard(&Change::Control)
        })
        .await;
    }
    let own = one.heard();
    assert!(!own.contains(&Change::Control) && !own.contains(&Change::Notice("all".into())));

    let long = Notice::All {
        text: "x".repeat(4_001),
    };
    let error = one
        .store
        .commit(with_notice(Commit::control(), long))
        .await
        .unwrap_err();
    assert!(matches!(error, CommitError::Invalid(_)), "{error}");
    for host in [one, two, three] {
        host.close().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_that_is_refused_tells_nobody() {
    let world = Postgres::new();
    let one = Host::open(world.options()).await;
    let two = Host::open(world.options()).await;
    until("two share", || is_shared(&[&one, &two])).await;
    let bucket = two.store.owned()[0];
    let notice = || Notice::All {
        text: "once".into(),
    };
    let mut commit = Commit::of(bucket);
    commit.insert(&parcel(bucket, "par_1"));
    one.store
        .commit(with_notice(commit.clone(), notice()))
        .await
        .unwrap();
    one.store
        .commit(with_notice(commit, notice()))
        .await
        .unwrap_err();
    let last = Notice::All {
        text: "last".into(),
    };
    one.store
        .commit(with_notice(Commit::control(), last))
        .await
        .unwrap();
    until("the last is heard", || {
        two.has_heard(&Change::Notice("last".into()))
    })
    .await;
    let once = Change::Notice("once".into());
    assert_eq!(
        two.heard().iter().filter(|heard| **heard == once).count(),
        1
    );
    one.close().await;
    two.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_notify_everything_is_found_by_looking() {
    let world = Postgres::new();
    let options = || Options {
        notify: false,
        ..world.options()
    };
    let one = Host::open(options()).await;
    let two = Host::open(options()).await;
    until("two share", || is_shared(&[&one, &two])).await;
    let bucket = two.store.owned()[0];
    one.store.commit(knock(bucket, "par_1")).await.unwrap();
    let mut control = Commit::control();
    control.put(&workflow("welcome"));
    one.store.commit(control).await.unwrap();
    until("the parcel is found", || {
        two.has_heard(&Change::Knock(bucket))
    })
    .await;
    until("control records changed", || {
        two.has_heard(&Change::Control)
    })
    .await;
    assert!(!one.has_heard(&Change::Control));
    one.close().await;
    until("the other has all", || two.count() == 256).await;
    two.close().await;
}
