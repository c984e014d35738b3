//! Rows: what comes back is what went in.

use super::{NOW, World, contact, journal, run, timer, wait, workflow};
use jackfield_store::records::{Contact, ContactField, Journal, Run, Timer, Wait, Workflow};
use jackfield_store::{Commit, Query, Record, Store, StoreExt};
use serde_json::{Value, json};

async fn same<S: Store, R: Record + PartialEq + std::fmt::Debug>(store: &S, row: R) {
    let mut commit = row.bucket().map_or_else(Commit::control, Commit::of);
    commit.insert(&row);
    store.commit(commit).await.unwrap();
    assert_eq!(store.find::<R>(Query::all()).await.unwrap(), [row]);
}

pub(crate) async fn rows_come_back_as_they_were_put<W: World>() {
    let world = W::make().await;
    let store = world.open().await;
    same::<_, Run>(&store, run(1, "run_a", 3)).await;
    same::<_, Journal>(&store, journal(1, "run_a", 3)).await;
    same::<_, Timer>(&store, timer(1, "run_a", i64::MAX)).await;
    same::<_, Wait>(&store, wait(1, "run_a", 3)).await;
    same::<_, Contact>(&store, contact(1, "con_a", None)).await;
    same::<_, Workflow>(&store, workflow("welcome")).await;
    let field = ContactField {
        workspace: "acme".into(),
        name: "city".into(),
        title: "City".into(),
        kind: "list".into(),
        options: json!(["Köln", "Łódź"]),
        created_at: NOW,
    };
    same::<_, ContactField>(&store, field).await;
    store.close().await;
}

pub(crate) async fn odd_values_survive<W: World>() {
    let world = W::make().await;
    let store = world.open().await;
    let values = [
        Value::Null,
        json!(true),
        json!(""),
        json!("null"),
        json!("tab\t newline\n quote\" backslash\\ \u{1} \u{7f} \u{2028} 🦀 e\u{301}"),
        json!("\\u0041 stays as it is"),
        json!([]),
        json!({}),
        json!(i64::MAX),
        json!(u64::MAX),
        json!(0.1),
        json!(-1.5e-7),
        json!({"a": null, "": [1, [2, [3, {"'; DROP TABLE run; --": "%s ? $1"}]]]}),
        json!([0, -0.5, 1_000_000_000_000_000_i64]),
    ];
    let mut commit = Commit::of(1);
    for (seq, value) in (0..).zip(&values) {
        let mut row = journal(1, "run_a", seq);
        row.data = value.clone();
        row.step = value.as_str().map(str::to_owned);
        commit.insert(&row);
    }
    store.commit(commit).await.unwrap();
    let rows: Vec<Journal> = store.find(Query::of(1).ascending("seq")).await.unwrap();
    for (row, value) in rows.iter().zip(&values) {
        assert_eq!(row.data, *value);
        assert_eq!(row.step.as_deref(), value.as_str());
    }
    assert_eq!(rows.len(), values.len());
    store.close().await;
}

pub(crate) async fn the_character_nul_is_replaced<W: World>() {
    let world = W::make().await;
    let store = world.open().await;
    let mut row = contact(1, "con_a", Some("a\0b"));
    row.data = json!({"x\0": "\0\\u0000"});
    let mut commit = Commit::of(1);
    commit.put(&row);
    store.commit(commit).await.unwrap();
    row.name = Some("a\u{fffd}b".into());
    row.data = json!({"x\u{fffd}": "\u{fffd}\\u0000"});
    let query = || Query::<Contact>::all().equal("name", "a\0b");
    assert_eq!(store.find(query()).await.unwrap(), [row]);
    store.close().await;
}

pub(crate) async fn large_rows_are_rows<W: World>() {
    let world = W::make().await;
    let store = world.open().await;
    let mut row = run(1, "run_a", 0);
    row.data = json!({"text": "ä".repeat(3 << 20)});
    let mut commit = Commit::of(1);
    commit.put(&row);
    store.commit(commit).await.unwrap();
    let mut many = Commit::of(1);
    for seq in 0..5_000 {
        many.insert(&journal(1, "run_a", seq));
    }
    store.commit(many).await.unwrap();
    assert_eq!(store.find::<Run>(Query::all()).await.unwrap(), [row]);
    assert_eq!(store.total(Query::<Journal>::of(1)).await.unwrap(), 5_000);
    assert_eq!(
        store.find(Query::<Journal>::of(1)).await.unwrap().len(),
        5_000
    );
    store.close().await;
}

pub(crate) async fn blobs_are_kept_once<W: World>() {
    let world = W::make().await;
    let store = world.open().await;
    let bytes: Vec<u8> = (0..=255).cycle().take(1 << 20).collect();
    assert_eq!(store.blob("sha256:a").await.unwrap(), None);
    store.put_blob("sha256:a", bytes.clone()).await.unwrap();
    store.put_blob("sha256:a", bytes.clone()).await.unwrap();
    store.put_blob("sha256:empty", Vec::new()).await.unwrap();
    store.close().await;
    let store = world.open().await;
    assert_eq!(store.blob("sha256:a").await.unwrap(), Some(bytes));
    assert_eq!(store.blob("sha256:empty").await.unwrap(), Some(Vec::new()));
    store.close().await;
}
