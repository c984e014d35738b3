//! Contacts through the API and through steps.
use crate::support::{World, text, world};
use jackfield_engine::{Domain, SecretOwner};
use jackfield_messaging::{ErrorKind, FieldKind, ListContacts, NewField};
use jackfield_sandbox::wit::contacts::Operation;
use jackfield_sandbox::{HostCall, HostReply};
use serde_json::{Value, json};

async fn field(world: &World, name: &str, kind: FieldKind) {
    let field = NewField {
        name: name.to_owned(),
        title: None,
        kind,
        options: Vec::new(),
    };
    world
        .messaging
        .contacts()
        .put_field("w", &field)
        .await
        .unwrap();
}

fn update(field: &str, operation: Operation, value: Value) -> HostCall {
    HostCall::ContactsUpdate {
        field: field.to_owned(),
        operation,
        value: value.to_string(),
    }
}

#[tokio::test]
async fn a_contact_is_made_found_changed_and_deleted() {
    let world = world(json!({"default-country": "FR"}), json!({})).await;
    let contacts = world.messaging.contacts();
    field(&world, "city", FieldKind::Text).await;
    let made = contacts
        .create("w", &json!({"name": "Ann Lee", "phone": "06 12 34 56 78", "email": "ann@x.org", "city": "Paris", "tags": ["vip"]}))
        .await
        .unwrap();
    assert_eq!(made["phone"], "+33612345678");
    for reference in [
        "phone:0612345678",
        "email:ann@X.org",
        made["id"].as_str().unwrap(),
    ] {
        assert_eq!(
            contacts.get("w", reference).await.unwrap()["id"],
            made["id"],
            "{reference}"
        );
    }
    let taken = contacts
        .create("w", &json!({"email": "ann@x.org"}))
        .await
        .unwrap_err();
    assert_eq!(
        (taken.kind, taken.code),
        (ErrorKind::Conflict, "address-taken")
    );
    let (changed, new) = contacts
        .upsert(
            "w",
            "email:ann@x.org",
            &json!({"city": null, "phone": "+33700000000"}),
        )
        .await
        .unwrap();
    assert!(!new);
    assert!(changed.get("city").is_none());
    assert!(
        contacts.get("w", "phone:+33612345678").await.is_err(),
        "the old number is nobody's"
    );
    assert_eq!(
        contacts.get("w", "phone:+33700000000").await.unwrap()["id"],
        made["id"]
    );
    let search = ListContacts {
        search: Some("ann".to_owned()),
        ..ListContacts::default()
    };
    assert_eq!(contacts.list("w", &search).await.unwrap().items.len(), 1);
    contacts.delete("w", "email:ann@x.org").await.unwrap();
    assert!(contacts.get("w", "email:ann@x.org").await.is_err());
    assert!(
        contacts
            .get("w", made["id"].as_str().unwrap())
            .await
            .is_err()
    );
    let (_, new) = contacts
        .upsert("w", "email:ann@x.org", &json!({}))
        .await
        .unwrap();
    assert!(new, "and can be made again");
}

#[tokio::test]
async fn another_workspace_sees_nothing() {
    let world = world(json!({}), json!({})).await;
    world
        .messaging
        .workspaces()
        .create("other", "org", "Other", &json!({}))
        .await
        .unwrap();
    let made = world
        .messaging
        .contacts()
        .create("w", &json!({"email": "a@x.org"}))
        .await
        .unwrap();
    let contacts = world.messaging.contacts();
    assert!(contacts.get("other", "email:a@x.org").await.is_err());
    assert!(
        contacts
            .get("other", made["id"].as_str().unwrap())
            .await
            .is_err()
    );
    assert!(
        world
            .messaging
            .channels()
            .get("other", "main")
            .await
            .is_err()
    );
}

#[tokio::test]
async fn every_wrong_field_is_named() {
    let world = world(json!({}), json!({})).await;
    field(&world, "age", FieldKind::Number).await;
    let error = world
        .messaging
        .contacts()
        .create(
            "w",
            &json!({"age": "old", "email": "nope", "colour": "red"}),
        )
        .await
        .unwrap_err();
    let fields: Vec<&str> = error
        .problems
        .iter()
        .map(|problem| problem.field.as_str())
        .collect();
    assert_eq!(fields, ["age", "email", "colour"]);
    assert!(error.message.contains("there are: firstname"));
}

#[tokio::test]
async fn a_step_sees_what_it_changed_and_increments_count_once_each() {
    let world = world(json!({}), json!({})).await;
    field(&world, "points", FieldKind::Number).await;
    let made = world
        .messaging
        .contacts()
        .create("w", &json!({"email": "a@x.org", "points": 1}))
        .await
        .unwrap();
    let id = made["id"].as_str().unwrap();
    let actor = world.actor(id, "1");
    let (reply, mut effects) = world
        .call(
            &actor,
            update("points", Operation::Increment, json!(2)),
            &[],
        )
        .await;
    assert_eq!(text(reply).unwrap(), "3");
    let (reply, more) = world
        .call(
            &actor,
            update("points", Operation::Increment, json!(2)),
            &effects,
        )
        .await;
    assert_eq!(text(reply).unwrap(), "5", "laid over what is pending");
    effects.extend(more);
    let tags = HostCall::ContactsAddTags {
        tags: vec!["vip".to_owned()],
    };
    let (reply, more) = world.call(&actor, tags, &effects).await;
    assert_eq!(reply, HostReply::Done(Ok(())));
    effects.extend(more);
    let view = world
        .messaging
        .view("w", Some(id), &effects, None)
        .await
        .unwrap();
    assert_eq!(view.namespaces["contact"]["points"], 5);
    assert_eq!(
        world.messaging.contacts().get("w", id).await.unwrap()["points"],
        1,
        "nothing is applied yet"
    );
    world
        .messaging
        .contacts()
        .update("w", id, &json!({"points": 10}))
        .await
        .unwrap();
    let events = world.apply(&actor, &effects).await;
    let names: Vec<&str> = events.iter().map(|event| event.name.as_str()).collect();
    assert_eq!(
        names,
        [
            "contact.field-updated",
            "contact.field-updated",
            "tag.updated"
        ]
    );
    assert_eq!(
        events[1].data["field"],
        json!({"name": "points", "old": 12, "new": 14})
    );
    let contact = world.messaging.contacts().get("w", id).await.unwrap();
    assert_eq!(
        (&contact["points"], &contact["tags"]),
        (&json!(14), &json!(["vip"]))
    );
}

#[tokio::test]
async fn a_step_is_told_what_would_fit() {
    let world = world(json!({}), json!({})).await;
    let made = world
        .messaging
        .contacts()
        .create("w", &json!({"email": "a@x.org"}))
        .await
        .unwrap();
    let actor = world.actor(made["id"].as_str().unwrap(), "1");
    let (reply, effects) = world
        .call(&actor, update("phone", Operation::Set, json!("12")), &[])
        .await;
    assert!(text(reply).unwrap_err().starts_with("invalid: `phone`"));
    assert!(effects.is_empty());
    let (reply, _) = world
        .call(&actor, update("nope", Operation::Set, json!("12")), &[])
        .await;
    assert!(
        text(reply)
            .unwrap_err()
            .starts_with("not-found: contacts have no field `nope`")
    );
    let channel = |name: &str| HostCall::MessagesChannel {
        name: name.to_owned(),
    };
    let (reply, _) = world.call(&actor, channel("last-interacted"), &[]).await;
    assert!(text(reply).unwrap_err().starts_with("no-channel"));
    let (reply, _) = world.call(&actor, channel("mian"), &[]).await;
    assert_eq!(
        text(reply).unwrap_err(),
        "not-found: there is no channel `mian`; there are: main"
    );
    let (reply, _) = world.call(&actor, channel("main"), &[]).await;
    assert_eq!(
        serde_json::from_str::<Value>(&text(reply).unwrap()).unwrap()["address-kind"],
        "phone"
    );
    let send = json!({"channel": "main", "content": {"type": "text", "text": "x"}}).to_string();
    let (reply, _) = world
        .call(&actor, HostCall::MessagesSend { message: send }, &[])
        .await;
    assert!(text(reply).unwrap_err().starts_with("no-address"));
}

#[tokio::test]
async fn the_same_call_of_a_run_sends_the_same_message_once() {
    let world = world(json!({}), json!({})).await;
    let made = world
        .messaging
        .contacts()
        .create("w", &json!({"phone": "+33612345678"}))
        .await
        .unwrap();
    let actor = world.actor(made["id"].as_str().unwrap(), "1");
    let send = || HostCall::MessagesSend {
        message: json!({"channel": "main", "content": {"type": "text", "text": "x"}}).to_string(),
    };
    let (first, effects) = world.call(&actor, send(), &[]).await;
    let (again, _) = world.call(&actor, send(), &[]).await;
    assert_eq!(first, again);
    world.apply(&actor, &effects).await;
    let message = world.state(&text(first).unwrap(), "accepted").await;
    assert_eq!(
        (&message["source"], &message["workflow"]),
        (&json!("workflow"), &json!("flow"))
    );
    let view = world
        .messaging
        .view("w", made["id"].as_str(), &[], None)
        .await
        .unwrap();
    assert_eq!(view.namespaces["channel"]["name"], "main");
    assert_eq!(view.namespaces["contact"]["last_outgoing"], "x");
}

#[tokio::test]
async fn a_phone_number_that_a_step_sets_leads_to_the_contact() {
    let world = world(json!({}), json!({})).await;
    let made = world
        .messaging
        .contacts()
        .create("w", &json!({"email": "a@x.org"}))
        .await
        .unwrap();
    let actor = world.actor(made["id"].as_str().unwrap(), "1");
    let (_, effects) = world
        .call(
            &actor,
            update("phone", Operation::Set, json!("+33612345678")),
            &[],
        )
        .await;
    world.apply(&actor, &effects).await;
    let contacts = world.messaging.contacts();
    let found = world
        .until(|| async { contacts.get("w", "phone:+33612345678").await.ok() })
        .await;
    assert_eq!(found["id"], made["id"]);
}

#[tokio::test]
async fn secrets_are_named_never_shown_and_resolved_for_their_owner_only() {
    let world = world(json!({}), json!({})).await;
    let shown = world.messaging.channels().get("w", "main").await.unwrap();
    assert_eq!(
        shown["secrets"][0],
        json!({"name": "token", "title": "Token", "optional": false, "set": true})
    );
    assert!(!shown.to_string().contains("t0ken"));
    let own = Domain::secrets(&world.messaging, "w", SecretOwner::Channel(&world.channel));
    assert_eq!(
        own.resolve("token").await.unwrap().unwrap().expose(),
        "t0ken"
    );
    let workspace = Domain::secrets(&world.messaging, "w", SecretOwner::Workspace);
    assert!(workspace.resolve("token").await.unwrap().is_none());
    let bad = json!({"name": "Bad", "connector": "fake@1", "settings": {"form": 1}, "secrets": {"tokn": "x"}});
    let new = serde_json::from_value(bad).unwrap();
    let error = world
        .messaging
        .channels()
        .create("w", &new)
        .await
        .unwrap_err();
    let fields: Vec<&str> = error
        .problems
        .iter()
        .map(|problem| problem.field.as_str())
        .collect();
    assert_eq!(
        fields,
        ["name", "settings", "secrets/tokn", "secrets/token"]
    );
}
