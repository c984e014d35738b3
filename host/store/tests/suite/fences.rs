//! Fences: who has lost a bucket writes nothing there any more.

use super::{World, journal, run, workflow};
use futures::future::join_all;
use jackfield_store::records::{Journal, Run};
use jackfield_store::{Commit, CommitError, Query, Store, StoreExt};

fn step(bucket: i32, id: &str) -> Commit {
    let mut commit = Commit::of(bucket);
    commit
        .insert(&journal(bucket, id, 0))
        .put(&run(bucket, id, 1));
    commit
}

pub(crate) async fn a_bucket_that_another_host_took_is_fenced<W: World>() {
    let world = W::make().await;
    let store = world.open().await;
    assert_eq!(store.owned(), (0..store.buckets()).collect::<Vec<_>>());
    world.steal(7).await;
    world.steal(9).await;

    let buckets = [1, 7, 2, 9, 7, 3];
    let outcomes = join_all(buckets.iter().enumerate().map(|(number, bucket)| {
        let id = format!("run_{number}");
        store.commit(step(*bucket, &id))
    }))
    .await;
    for (bucket, outcome) in buckets.iter().zip(outcomes) {
        match outcome {
            Ok(()) => assert!(![7, 9].contains(bucket)),
            Err(CommitError::Fenced { bucket: refused }) => {
                assert!([7, 9].contains(bucket));
                assert_eq!(refused, *bucket);
            }
            Err(other) => panic!("{other}"),
        }
    }
    assert_eq!(store.total(Query::<Run>::all()).await.unwrap(), 3);
    assert_eq!(store.total(Query::<Journal>::all()).await.unwrap(), 3);
    assert!(!store.owned().contains(&7) && !store.owned().contains(&9));
    assert_eq!(
        store.owned().len() + 2,
        usize::try_from(store.buckets()).unwrap()
    );

    let error = store.commit(step(7, "run_late")).await.unwrap_err();
    assert!(
        matches!(error, CommitError::Fenced { bucket: 7 }),
        "{error}"
    );
    let mut control = Commit::control();
    control.put(&workflow("welcome"));
    store.commit(control).await.unwrap();
    store.close().await;
}

pub(crate) async fn a_bucket_that_was_never_owned_is_fenced<W: World>() {
    let world = W::make().await;
    let store = world.open().await;
    for bucket in [-1, store.buckets(), i32::MAX] {
        let error = store.commit(step(bucket, "run_a")).await.unwrap_err();
        assert!(
            matches!(error, CommitError::Fenced { bucket: b } if b == bucket),
            "{error}"
        );
    }
    store.close().await;
}

pub(crate) async fn reopening_takes_every_bucket_back<W: World>() {
    let world = W::make().await;
    let store = world.open().await;
    world.steal(7).await;
    store.close().await;
    let store = world.open().await;
    store.commit(step(7, "run_a")).await.unwrap();
    store.close().await;
}
