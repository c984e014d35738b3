//! Pairs of contacts that are probably one person.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use jackfield_tests::{Api, Host};
use reqwest::Method;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::time::Duration;

/// Adds every row of a file as a contact of its own.
async fn add_all(api: &Api, csv: &str) {
    let file = api.request(Method::POST, "/v1/imports?name=people.csv");
    let file = file.header("content-type", "text/csv").body(csv.to_owned());
    let file = api.send(file).await.ok();
    let path = format!("/v1/imports/{}", file["id"].as_str().unwrap());
    let plan = json!({"purpose": "add-all"});
    api.post(&format!("{path}/start"), plan).await.ok();
    for _ in 0..600 {
        if api.get(&path).await.ok()["state"] == "completed" {
            return;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    panic!("the import does not end");
}

fn pair(one: &Value) -> (String, String, Vec<String>) {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let shared = one["shared"].as_array().unwrap().iter().map(text);
    (
        text(&one["contact"]["name"]),
        text(&one["duplicate"]["name"]),
        shared.collect(),
    )
}

#[tokio::test]
async fn contacts_with_the_same_address_are_suggested_once() {
    let host = Host::start().await;
    let api = &host.api;
    let path = "/v1/contacts/merge-suggestions";
    for contact in [
        json!({"firstname": "Ann", "phone": "+33612345678", "email": "ann@example.com"}),
        json!({"firstname": "Bob", "phone": "+33612345679"}),
        json!({"firstname": "Cy", "email": "cy@example.com"}),
    ] {
        api.post("/v1/contacts", contact).await.ok();
    }
    assert_eq!(api.all(path).await, Vec::<Value>::new());
    add_all(
        api,
        "first name,phone,email\nAnna,+33612345678,ann@example.com\nBobby,+33612345679,\n\
         Both,+33612345679,cy@example.com\nDee,+33612345670,dee@example.com\n",
    )
    .await;
    let words = |all: &[&str]| all.iter().map(|one| (*one).to_owned()).collect::<Vec<_>>();
    let expected = BTreeSet::from([
        (
            "Ann".to_owned(),
            "Anna".to_owned(),
            words(&["phone", "email"]),
        ),
        ("Bob".to_owned(), "Bobby".to_owned(), words(&["phone"])),
        ("Bob".to_owned(), "Both".to_owned(), words(&["phone"])),
        ("Cy".to_owned(), "Both".to_owned(), words(&["email"])),
    ]);
    // However small the pages, every pair once.
    for limit in [1, 2, 3, 100] {
        let all = api.all(&format!("{path}?limit={limit}")).await;
        assert_eq!(all.len(), expected.len(), "{limit}: {all:#?}");
        assert_eq!(all.iter().map(pair).collect::<BTreeSet<_>>(), expected);
    }

    // Another workspace has none, also with the cursor of this one.
    api.post("/v1/workspaces", json!({"id": "lyon"})).await.ok();
    let lyon = api.in_workspace("lyon");
    let same = json!({"firstname": "Ann", "phone": "+33612345678"});
    lyon.post("/v1/contacts", same).await.ok();
    assert_eq!(lyon.all(path).await, Vec::<Value>::new());
    let first = api.get(&format!("{path}?limit=1")).await.ok();
    let next = format!("{path}?cursor={}", first["next"].as_str().unwrap());
    assert_eq!(lyon.get(&next).await.ok()["items"], json!([]));

    // Whoever gives the address up, or is gone, is nobody's duplicate.
    let all = api.all(path).await;
    let id = |name: &str| {
        let one = all.iter().find(|one| one["duplicate"]["name"] == name);
        one.unwrap()["duplicate"]["id"].as_str().unwrap().to_owned()
    };
    let bobby = format!("/v1/contacts/{}", id("Bobby"));
    api.patch(&bobby, json!({"phone": null})).await.ok();
    let both = format!("/v1/contacts/{}", id("Both"));
    assert_eq!(api.delete(&both).await.status, 204);
    let left = api.all(path).await;
    assert_eq!(left.iter().map(pair).collect::<Vec<_>>().len(), 1);
    assert_eq!(left[0]["contact"]["name"], "Ann");
}
