//! Hosts come, go and die: their buckets are shared evenly, and each has one owner at a time.

use super::suite::journal;
use super::{Host, LONG, Postgres, is_shared, until};
use jackfield_store::records::{Journal, Parcel};
use jackfield_store::{Change, Commit, CommitError, Query, Store, StoreExt};
use serde_json::{Value, json};
use sqlx::{Connection, PgConnection};
use std::time::{Duration, Instant};

pub(super) fn parcel(bucket: i32, id: &str) -> Parcel {
    Parcel {
        bucket,
        id: id.into(),
        sender: "host-x".into(),
        kind: "domain".into(),
        body: json!({"work": 1}),
        answer: Value::Null,
        at: 0,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hosts_that_come_and_go_share_the_buckets_evenly() {
    let world = Postgres::new();
    let one = Host::open(world.options()).await;
    assert_eq!(one.count(), 256);
    let two = Host::open(world.options()).await;
    until("two share", || is_shared(&[&one, &two])).await;
    let (three, four) = tokio::join!(Host::open(world.options()), Host::open(world.options()));
    until("four share", || is_shared(&[&one, &two, &three, &four])).await;
    until("four are seen", || one.store.living() == 4).await;
    let hosts = one.store.hosts().await.unwrap();
    assert_eq!(
        hosts.iter().map(|host| host.buckets).collect::<Vec<_>>(),
        [64; 4]
    );
    assert!(
        hosts
            .iter()
            .all(|host| host.lease_ms.is_some_and(|left| left > 0))
    );
    assert_ne!(one.store.host(), two.store.host());

    // Nobody waits for a lease when a host says goodbye.
    let begun = Instant::now();
    two.close().await;
    until("three share", || is_shared(&[&one, &three, &four])).await;
    assert!(
        begun.elapsed() < Duration::from_secs(2),
        "{:?}",
        begun.elapsed()
    );
    one.close().await;
    until("two share", || is_shared(&[&three, &four])).await;
    assert!(three.has_heard(&Change::Taken(three.store.owned()[0])));

    // What is even stays as it is.
    let before = (three.heard().len(), four.heard().len());
    tokio::time::sleep(Duration::from_millis(2_500)).await;
    assert_eq!((three.heard().len(), four.heard().len()), before);
    three.close().await;
    four.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_hosts_that_start_at_once_share_a_new_database() {
    let world = Postgres::new();
    let hosts = futures::future::join_all((0..5).map(|_| Host::open(world.options()))).await;
    let all: Vec<&Host> = hosts.iter().collect();
    until("five share", || is_shared(&all)).await;
    for host in hosts {
        host.close().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_buckets_of_a_dead_host_are_taken_over_when_its_lease_has_lapsed() {
    let world = Postgres::new();
    let one = Host::open(world.options()).await;
    let two = Host::open(world.options()).await;
    until("two share", || is_shared(&[&one, &two])).await;
    let bucket = one.store.owned()[0];
    let mut commit = Commit::of(bucket);
    commit.insert(&journal(bucket, "run_a", 0));
    one.store.commit(commit).await.unwrap();

    let lease = world.options().lease;
    let begun = Instant::now();
    one.die().await;
    until("the other has all", || two.count() == 256).await;
    let took = begun.elapsed();
    // It was renewed at most a third of a lease before, and is looked at three times in a lease.
    assert!(took > lease / 2, "{took:?}");
    assert!(
        took < lease + lease / 3 + Duration::from_secs(1),
        "{took:?}"
    );
    assert!(two.has_heard(&Change::Taken(bucket)));
    let mut commit = Commit::of(bucket);
    commit.insert(&journal(bucket, "run_a", 1));
    two.store.commit(commit).await.unwrap();
    let rows = two.store.total(Query::<Journal>::of(bucket)).await.unwrap();
    assert_eq!((rows, two.store.living()), (2, 1));
    two.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_host_that_others_hold_for_dead_forgets_everything_and_begins_anew() {
    let world = Postgres::new();
    let one = Host::open(world.options()).await;
    let epoch = one.store.epoch(7);
    world.execute("DELETE FROM host").await;
    until("it has lost", || one.has_heard(&Change::Lost(7))).await;
    until("it has all again", || one.count() == 256).await;
    assert!(one.store.epoch(7) > epoch);
    let mut late = Commit::of(7);
    late.insert(&journal(7, "run_a", 0));
    late.epoch = epoch;
    let error = one.store.commit(late).await.unwrap_err();
    assert!(
        matches!(error, CommitError::Fenced { bucket: 7 }),
        "{error}"
    );
    one.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_host_that_begins_anew_gives_what_it_had_too_much() {
    let world = Postgres::new();
    let one = Host::open(world.options()).await;
    // A second host is there when the first one finds itself dead, with every bucket in its name.
    world
        .execute(
            "DELETE FROM host; \
             INSERT INTO host VALUES ('host-2', 1, extract(epoch FROM now()) * 1000 + 60000)",
        )
        .await;
    until("it has lost", || one.has_heard(&Change::Lost(7))).await;
    until("it has its share", || one.count() == 128).await;
    let mut connection = PgConnection::connect(&world.url).await.unwrap();
    let begun = Instant::now();
    loop {
        assert!(begun.elapsed() < LONG, "the rest keeps its name");
        let named: i64 = sqlx::query_scalar("SELECT count(*) FROM buckets WHERE owner = $1")
            .bind(one.store.host())
            .fetch_one(&mut connection)
            .await
            .unwrap();
        if named == 128 {
            break;
        }
    }
    one.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bucket_that_was_handed_back_takes_no_commit() {
    let world = Postgres::new();
    let one = Host::open(world.options()).await;
    let epoch = one.store.epoch(7).unwrap();
    one.store.release(7).await.unwrap();
    let mut commit = Commit::of(7);
    commit.insert(&journal(7, "run_a", 0));
    commit.epoch = Some(epoch);
    let error = one.store.commit(commit).await.unwrap_err();
    assert!(
        matches!(error, CommitError::Fenced { bucket: 7 }),
        "{error}"
    );
    // Nobody else is there to take it.
    until("it is taken again", || {
        one.store.epoch(7) == Some(epoch + 1)
    })
    .await;
    one.store.release(-1).await.unwrap();
    one.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_host_writes_shared_rows_into_a_bucket_of_another_and_no_others() {
    let world = Postgres::new();
    let one = Host::open(world.options()).await;
    let two = Host::open(world.options()).await;
    until("two share", || is_shared(&[&one, &two])).await;
    let bucket = two.store.owned()[0];
    let mut commit = Commit::of(bucket);
    commit.insert(&parcel(bucket, "par_1"));
    one.store.commit(commit.clone()).await.unwrap();
    let error = two.store.commit(commit).await.unwrap_err();
    assert!(
        matches!(error, CommitError::Exists { table: "parcel" }),
        "{error}"
    );
    let mut mixed = Commit::of(bucket);
    mixed.insert(&parcel(bucket, "par_2"));
    mixed.insert(&journal(bucket, "run_a", 0));
    let error = one.store.commit(mixed).await.unwrap_err();
    assert!(matches!(error, CommitError::Fenced { .. }), "{error}");
    let found: Vec<Parcel> = two.store.find(Query::of(bucket)).await.unwrap();
    assert_eq!(found, [parcel(bucket, "par_1")]);
    let mut outside = Commit::of(256);
    outside.insert(&parcel(256, "par_3"));
    assert!(one.store.commit(outside).await.is_err());
    one.close().await;
    two.close().await;
}
