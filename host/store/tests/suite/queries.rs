//! Queries: every operator, order, pages.

use super::{NOW, World, contact, run, wait, workflow};
use jackfield_store::records::{Contact, Plugin, Run, Wait, Workflow};
use jackfield_store::{Commit, Is, Query, ReadError, Store, StoreExt};
use serde_json::{Value, json};

async fn put_runs<S: Store>(store: &S) {
    for seq in 0..10_i64 {
        let bucket = i32::try_from(seq % 2).unwrap();
        let mut row = run(bucket, &format!("run_{seq}"), seq);
        row.state = if seq < 3 { "waiting" } else { "completed" }.into();
        row.ended_at = (seq >= 3).then_some(NOW + seq);
        row.created_at = NOW + seq / 5;
        let mut commit = Commit::of(bucket);
        commit.put(&row);
        store.commit(commit).await.unwrap();
    }
}

async fn seqs<S: Store>(store: &S, query: Query<Run>) -> Vec<i64> {
    let total = store.total(query.clone()).await.unwrap();
    let rows: Vec<Run> = store.find(query.ascending("seq")).await.unwrap();
    assert_eq!(i64::try_from(rows.len()).unwrap(), total);
    rows.into_iter().map(|row| row.seq).collect()
}

pub(crate) async fn every_operator_finds_what_it_should<W: World>() {
    let world = W::make().await;
    let store = world.open().await;
    put_runs(&store).await;
    let all = Query::<Run>::all;
    let cases: Vec<(Query<Run>, Vec<i64>)> = vec![
        (all(), (0..10).collect()),
        (Query::of(1), vec![1, 3, 5, 7, 9]),
        (all().equal("seq", 4), vec![4]),
        (all().equal("state", "waiting"), vec![0, 1, 2]),
        (
            all().filter("state", Is::NotEqual, "waiting"),
            (3..10).collect(),
        ),
        (all().filter("seq", Is::Less, 2), vec![0, 1]),
        (all().filter("seq", Is::AtMost, 2), vec![0, 1, 2]),
        (all().filter("seq", Is::Greater, 7), vec![8, 9]),
        (all().filter("seq", Is::AtLeast, 7), vec![7, 8, 9]),
        (all().filter("id", Is::Greater, "run_7"), vec![8, 9]),
        (all().filter("seq", Is::In, vec![9, 1, 77]), vec![1, 9]),
        (
            all().filter("state", Is::In, vec!["waiting", "queued"]),
            vec![0, 1, 2],
        ),
        (all().filter("state", Is::In, Vec::<String>::new()), vec![]),
        (all().filter("id", Is::Prefix, "run_"), (0..10).collect()),
        (all().filter("id", Is::Prefix, "run_4"), vec![4]),
        (all().filter("id", Is::Prefix, "RUN"), vec![]),
        (all().filter("id", Is::Prefix, ""), (0..10).collect()),
        (
            all().equal("data", json!({"variables": {"name": "Zoë"}})),
            (0..10).collect(),
        ),
        (
            Query::of(0)
                .equal("state", "waiting")
                .filter("seq", Is::Greater, 0),
            vec![2],
        ),
    ];
    for (query, expected) in cases {
        let text = format!("{query:?}");
        assert_eq!(seqs(&store, query).await, expected, "{text}");
    }
    let mut commit = Commit::of(1);
    let mut quiet = wait(1, "run_b", 0);
    quiet.claim = false;
    commit.put(&wait(1, "run_a", 0)).put(&quiet);
    store.commit(commit).await.unwrap();
    let found: Vec<Wait> = store
        .find(Query::all().equal("claim", false))
        .await
        .unwrap();
    assert_eq!(found, [quiet]);
    store.close().await;
}

pub(crate) async fn null_is_compared_as_null<W: World>() {
    let world = W::make().await;
    let store = world.open().await;
    put_runs(&store).await;
    let all = Query::<Run>::all;
    assert_eq!(
        seqs(&store, all().equal("ended_at", Value::Null)).await,
        [0, 1, 2]
    );
    let ended = all().filter("ended_at", Is::NotEqual, Value::Null);
    assert_eq!(seqs(&store, ended).await, (3..10).collect::<Vec<_>>());

    let plugin = |digest: &str, approved: Value| Plugin {
        digest: digest.into(),
        name: "x".into(),
        version: "1.0.0".into(),
        kind: "step".into(),
        descriptor: json!({}),
        asked: json!([]),
        approved,
        size: 1,
        installed_at: NOW,
        removed_at: None,
        source: None,
        signed_by: None,
        current_since: None,
        update_of: None,
    };
    let (waiting, approved) = (plugin("a", Value::Null), plugin("b", json!([])));
    let mut commit = Commit::control();
    commit.put(&waiting).put(&approved);
    store.commit(commit).await.unwrap();
    let found: Vec<Plugin> = store
        .find(Query::all().equal("approved", Value::Null))
        .await
        .unwrap();
    assert_eq!(found, [waiting]);
    let query = Query::all().filter("approved", Is::NotEqual, Value::Null);
    assert_eq!(store.find::<Plugin>(query).await.unwrap(), [approved]);
    store.close().await;
}

pub(crate) async fn rows_come_in_order_and_pages<W: World>() {
    let world = W::make().await;
    let store = world.open().await;
    put_runs(&store).await;
    let ids = |rows: Vec<Run>| rows.into_iter().map(|row| row.seq).collect::<Vec<_>>();
    let rows = store
        .find(Query::all().descending("seq").limit(3))
        .await
        .unwrap();
    assert_eq!(ids(rows), [9, 8, 7]);
    // Rows of one time come by their key: by bucket, then by id.
    let rows = store
        .find(Query::all().ascending("created_at"))
        .await
        .unwrap();
    assert_eq!(ids(rows), [0, 2, 4, 1, 3, 6, 8, 5, 7, 9]);
    let rows = store
        .find(Query::all().descending("created_at"))
        .await
        .unwrap();
    assert_eq!(ids(rows), [9, 7, 5, 8, 6, 3, 1, 4, 2, 0]);
    let mut seen = Vec::new();
    let mut after = String::new();
    loop {
        let query = Query::all()
            .filter("id", Is::Greater, after.as_str())
            .ascending("id")
            .limit(4);
        let page: Vec<Run> = store.find(query).await.unwrap();
        let Some(last) = page.last() else { break };
        after.clone_from(&last.id);
        seen.extend(ids(page));
    }
    assert_eq!(seen, (0..10).collect::<Vec<_>>());
    assert_eq!(
        ids(store.find(Query::all().limit(0)).await.unwrap()),
        Vec::<i64>::new()
    );
    let first: Option<Run> = store.first(Query::all().descending("seq")).await.unwrap();
    assert_eq!(first.unwrap().seq, 9);
    store.close().await;
}

pub(crate) async fn a_prefix_is_no_pattern<W: World>() {
    let world = W::make().await;
    let store = world.open().await;
    let names = [
        "100% sure",
        "100 sure",
        "a_b",
        "aXb",
        "Ab",
        "äb",
        "\u{10ffff}x",
        "'; --",
    ];
    let mut commit = Commit::of(1);
    for (number, name) in names.iter().enumerate() {
        commit.put(&contact(1, &format!("con_{number}"), Some(name)));
    }
    commit.put(&contact(1, "con_none", None));
    store.commit(commit).await.unwrap();
    let prefixes = [
        ("100%", 1),
        ("a_", 1),
        ("a", 2),
        ("A", 1),
        ("ä", 1),
        ("\u{10ffff}", 1),
        ("'", 1),
    ];
    for (prefix, count) in prefixes {
        let query = Query::<Contact>::all().filter("name", Is::Prefix, prefix);
        assert_eq!(store.total(query).await.unwrap(), count, "{prefix}");
    }
    store.close().await;
}

pub(crate) async fn a_query_that_makes_no_sense_is_refused<W: World>() {
    let world = W::make().await;
    let store = world.open().await;
    let all = Query::<Workflow>::all;
    for query in [
        all().equal("colour", 1),
        all().ascending("colour"),
        all().equal("priority", "high"),
        all().equal("priority", 1.5),
        all().filter("priority", Is::Prefix, "1"),
        all().filter("name", Is::In, "one"),
        all().filter("name", Is::Less, Value::Null),
    ] {
        let text = format!("{query:?}");
        let error = store.find(query).await.unwrap_err();
        assert!(
            matches!(
                error,
                ReadError::Corrupt {
                    table: "workflow",
                    ..
                }
            ),
            "{text}: {error}"
        );
    }
    assert!(
        store
            .find(all().equal("name", workflow("x").name))
            .await
            .unwrap()
            .is_empty()
    );
    store.close().await;
}
