//! Tables: what fits is kept with the outcome, what does not is refused, and a full one says so.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use crate::support::{text, world};
use jackfield_sandbox::HostCall;
use serde_json::{Value, json};

fn append(table: &str, row: Value) -> HostCall {
    HostCall::TablesAppend {
        table: table.to_owned(),
        row: row.to_string(),
    }
}

#[tokio::test]
async fn a_table_takes_as_many_rows_as_it_may_have() {
    let world = world(json!({}), json!({})).await;
    let tables = world.messaging.tables();
    let columns = vec!["n".to_owned()];
    tables.put("w", "t", None, columns).await.unwrap();
    let contacts = world.messaging.contacts();
    let made = contacts.create("w", &json!({"email": "a@x.org"})).await;
    let made = made.unwrap();
    let id = made["id"].as_str().unwrap();
    // This world's tables have three rows at most.
    for n in 1..=5 {
        let actor = world.actor(id, &n.to_string());
        let (reply, effects) = world.call(&actor, append("t", json!({"n": n})), &[]).await;
        match n {
            1..=3 => assert!(text(reply).unwrap().starts_with("row_")),
            _ => assert!(text(reply).unwrap_err().contains("full")),
        }
        world.apply(&actor, &effects).await;
    }
    let mut export = tables.export("w", "t").await.unwrap();
    let bytes = export.next().await.unwrap().unwrap();
    assert_eq!(String::from_utf8(bytes).unwrap(), "n\n1\n2\n3\n");
    assert_eq!(export.next().await.unwrap(), None);

    // What is deleted makes room, as soon as the rows are counted anew.
    contacts.delete("w", id).await.unwrap();
    let made = contacts.create("w", &json!({"email": "b@x.org"})).await;
    let made = made.unwrap();
    let actor = world.actor(made["id"].as_str().unwrap(), "6");
    world.clock.set(world.now() + 10_000);
    let (reply, _) = world.call(&actor, append("t", json!({"n": 6})), &[]).await;
    assert!(text(reply).is_ok());
    for (table, row, said) in [
        ("u", json!({"n": 1}), "there are: t"),
        ("t", json!({"m": 1}), "it has: n"),
        ("t", json!([]), "object"),
    ] {
        let (reply, effects) = world.call(&actor, append(table, row), &[]).await;
        let refused = text(reply).unwrap_err();
        assert!(refused.contains(said), "{refused}");
        assert!(effects.is_empty());
    }
    // Another workspace has no such table.
    assert!(tables.export("x", "t").await.is_err());
}
