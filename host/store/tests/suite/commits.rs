//! Commits: whole or not at all, in order, durable, and no harm to others.

use super::{World, journal, run, timer, wait, workflow};
use futures::future::join_all;
use jackfield_store::records::{Journal, Run, Timer, Wait, Workflow};
use jackfield_store::{Commit, CommitError, Query, Record, Store, StoreExt, Write};
use serde_json::{Value, json};

fn step(bucket: i32, id: &str, seq: i64) -> Commit {
    let mut commit = Commit::of(bucket);
    commit
        .insert(&journal(bucket, id, seq))
        .put(&run(bucket, id, seq + 1));
    commit
}

pub(crate) async fn what_was_acknowledged_is_there_after_reopening<W: World>() {
    let world = W::make().await;
    let store = world.open().await;
    for seq in 0..5 {
        store.commit(step(3, "run_a", seq)).await.unwrap();
    }
    let mut control = Commit::control();
    control.put(&workflow("welcome"));
    store.commit(control).await.unwrap();
    store.close().await;

    let store = world.open().await;
    let rows: Vec<Journal> = store
        .find(Query::of(3).equal("run", "run_a").ascending("seq"))
        .await
        .unwrap();
    assert_eq!(
        rows,
        (0..5)
            .map(|seq| journal(3, "run_a", seq))
            .collect::<Vec<_>>()
    );
    let found: Vec<Run> = store.find(Query::of(3)).await.unwrap();
    assert_eq!(found, [run(3, "run_a", 5)]);
    let found: Vec<Workflow> = store.find(Query::all()).await.unwrap();
    assert_eq!(found, [workflow("welcome")]);
    store.close().await;
}

pub(crate) async fn an_empty_commit_is_no_commit<W: World>() {
    let world = W::make().await;
    let store = world.open().await;
    store.commit(Commit::of(1)).await.unwrap();
    store.commit(Commit::control()).await.unwrap();
    store.close().await;
}

pub(crate) async fn a_commit_is_applied_whole_or_not_at_all<W: World>() {
    let world = W::make().await;
    let store = world.open().await;
    store.commit(step(1, "run_a", 0)).await.unwrap();
    let mut second = Commit::of(1);
    second.delete::<Run>([json!("run_a")]);
    second
        .insert(&timer(1, "run_a", 5))
        .insert(&journal(1, "run_a", 0))
        .put(&run(1, "run_b", 1));
    let error = store.commit(second).await.unwrap_err();
    assert!(
        matches!(error, CommitError::Exists { table: "journal" }),
        "{error}"
    );
    assert_eq!(store.total(Query::<Timer>::all()).await.unwrap(), 0);
    let runs: Vec<Run> = store.find(Query::all()).await.unwrap();
    assert_eq!(runs, [run(1, "run_a", 1)]);
    store.close().await;
}

pub(crate) async fn deletes_come_first_then_inserts_then_puts<W: World>() {
    let world = W::make().await;
    let store = world.open().await;
    let mut first = Commit::of(1);
    first
        .insert(&wait(1, "run_a", 0))
        .insert(&wait(1, "run_a", 1))
        .insert(&wait(1, "run_b", 0));
    store.commit(first).await.unwrap();

    let mut second = Commit::of(1);
    let mut newer = wait(1, "run_a", 0);
    newer.topic = "newest".into();
    second
        .put(&newer)
        .insert(&wait(1, "run_a", 0))
        .delete::<Wait>([json!("run_a")]);
    store.commit(second).await.unwrap();
    let waits: Vec<Wait> = store.find(Query::of(1).ascending("run")).await.unwrap();
    assert_eq!(waits, [newer, wait(1, "run_b", 0)]);
    store.close().await;
}

pub(crate) async fn of_many_that_insert_one_row_the_first_wins<W: World>() {
    let world = W::make().await;
    let store = world.open().await;
    let commits = (0..60).map(|number| {
        let mut commit = Commit::of(1);
        commit
            .insert(&journal(1, "run_a", 0))
            .put(&run(1, &format!("run_{number:02}"), 1));
        store.commit(commit)
    });
    let outcomes = join_all(commits).await;
    let applied: Vec<usize> = (0..60).filter(|number| outcomes[*number].is_ok()).collect();
    assert_eq!(applied, [0]);
    assert!(
        outcomes[1..]
            .iter()
            .all(|outcome| matches!(outcome, Err(CommitError::Exists { table: "journal" })))
    );
    let runs: Vec<Run> = store.find(Query::of(1)).await.unwrap();
    assert_eq!(runs, [run(1, "run_00", 1)]);
    store.close().await;
}

pub(crate) async fn a_member_that_fails_is_taken_out_of_its_batch<W: World>() {
    let world = W::make().await;
    let store = world.open().await;
    for number in 0..10 {
        let id = format!("run_{number:03}");
        store.commit(step(number, &id, 0)).await.unwrap();
    }
    let outcomes = join_all((0..100).map(|number| {
        let id = format!("run_{number:03}");
        store.commit(step(number, &id, 0))
    }))
    .await;
    for (number, outcome) in outcomes.iter().enumerate() {
        let exists = matches!(outcome, Err(CommitError::Exists { table: "journal" }));
        assert_eq!(exists, number < 10, "{number}: {outcome:?}");
    }
    assert_eq!(store.total(Query::<Run>::all()).await.unwrap(), 100);
    assert_eq!(store.total(Query::<Journal>::all()).await.unwrap(), 100);
    store.close().await;
}

pub(crate) async fn a_wrong_row_fails_alone<W: World>() {
    let world = W::make().await;
    let store = world.open().await;
    let wrong = |row: Value| Commit {
        bucket: Some(1),
        writes: vec![Write::Put {
            table: Run::TABLE,
            row: row.to_string(),
        }],
        ..Commit::default()
    };
    let mut commits = vec![
        // Without a column that must have a value, with a text for a number, without its key.
        wrong(json!({"bucket": 1, "id": "run_x", "workspace": "acme"})),
        wrong(json!({"bucket": 1})),
    ];
    let mut text = serde_json::to_value(run(1, "run_y", 1)).unwrap();
    text["version"] = json!("seven");
    commits.push(wrong(text));
    let bad = commits.len();
    commits.extend((0..20).map(|number| step(number, &format!("run_{number}"), 0)));
    let outcomes = join_all(commits.into_iter().map(|commit| store.commit(commit))).await;
    for (number, outcome) in outcomes.iter().enumerate() {
        match outcome {
            Ok(()) => assert!(number >= bad),
            Err(CommitError::Invalid(_)) => assert!(number < bad),
            Err(other) => panic!("{number}: {other}"),
        }
    }
    let append_only = Commit {
        bucket: Some(1),
        writes: vec![Write::Put {
            table: Journal::TABLE,
            row: serde_json::to_string(&journal(1, "run_a", 0)).unwrap(),
        }],
        ..Commit::default()
    };
    let error = store.commit(append_only).await.unwrap_err();
    assert!(matches!(error, CommitError::Invalid(_)), "{error}");
    assert_eq!(store.total(Query::<Run>::all()).await.unwrap(), 20);
    store.close().await;
}

pub(crate) async fn puts_of_one_row_are_applied_in_order<W: World>() {
    let world = W::make().await;
    let store = world.open().await;
    let outcomes = join_all((0..200).map(|seq| {
        let mut commit = Commit::of(1);
        commit
            .put(&run(1, "run_a", seq))
            .insert(&journal(1, "run_a", seq));
        store.commit(commit)
    }))
    .await;
    assert!(outcomes.iter().all(Result::is_ok));
    let runs: Vec<Run> = store.find(Query::of(1)).await.unwrap();
    assert_eq!(runs, [run(1, "run_a", 199)]);
    store.close().await;
}

pub(crate) async fn a_row_may_come_and_go_within_a_batch<W: World>() {
    let world = W::make().await;
    let store = world.open().await;
    let commits = (0..99).map(|number| {
        let mut commit = Commit::of(1);
        match number % 3 {
            0 => commit.insert(&timer(1, "run_a", number)),
            1 => commit.put(&timer(1, "run_a", number)),
            _ => commit.delete::<Timer>([json!("run_a")]),
        };
        store.commit(commit)
    });
    for (number, outcome) in join_all(commits).await.into_iter().enumerate() {
        assert!(outcome.is_ok(), "{number}: {outcome:?}");
    }
    assert_eq!(store.total(Query::<Timer>::all()).await.unwrap(), 0);
    store.close().await;
}

pub(crate) async fn many_commits_at_once_all_arrive<W: World>() {
    let world = W::make().await;
    let store = world.open().await;
    join_all((0..256).map(|number| {
        let store = &store;
        async move {
            let id = format!("run_{number:03}");
            for seq in 0..10 {
                store.commit(step(number, &id, seq)).await.unwrap();
            }
        }
    }))
    .await;
    assert_eq!(store.total(Query::<Journal>::all()).await.unwrap(), 2_560);
    let query = Query::<Run>::all().equal("seq", 10);
    assert_eq!(store.total(query).await.unwrap(), 256);
    store.close().await;
}

pub(crate) async fn a_closed_store_says_so<W: World>() {
    let world = W::make().await;
    let store = world.open().await;
    store.close().await;
    let error = store.commit(step(1, "run_a", 0)).await.unwrap_err();
    assert!(matches!(error, CommitError::Unavailable(_)), "{error}");
    assert!(store.find(Query::<Run>::all()).await.is_err());
    store.close().await;
}
