//! Two contacts that become one: what the one then has of the other, where the old id and the old
//! addresses lead, and what remains when the host dies in the midst of it.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use jackfield_tests::{Api, Chat, Cluster, Host, phone, program_with_faults, until};
use serde_json::{Value, json};

const ONE: &str = "+33600000001";
const TWO: &str = "+33600000002";
/// Waits for an hour.
const HOLD: &str = "name: hold\ntrigger: {event: hold.wanted, once-per-contact: true}\nsteps:\n  \
                    pause: {uses: wait@1, with: {for: 1h}}\n";
/// Says of every merge that it was.
const NOTE: &str = "name: note\ntrigger: {event: contact.merged}\nsteps:\n  \
                    note: {uses: add-comment@1, with: {text: \"absorbed $merged.name, $merged.phone\"}}\n";

fn who(number: &str) -> String {
    format!("/v1/contacts/phone:{number}")
}

async fn id_of(api: &Api, path: &str) -> String {
    let found = api.get(path).await.ok();
    found["id"].as_str().unwrap().to_owned()
}

async fn merge(api: &Api, one: &str, from: &str, fields: Value) -> jackfield_tests::Answer {
    let body = json!({"from": from, "fields": fields});
    api.post(&format!("/v1/contacts/{one}/merge"), body).await
}

/// The texts of comments, the newest first.
async fn comments(api: &Api, id: &str) -> Vec<Value> {
    let all = api.all(&format!("/v1/contacts/{id}/comments")).await;
    all.into_iter().map(|one| one["text"].clone()).collect()
}

#[tokio::test]
async fn one_contact_has_all_that_two_had() {
    let mut chat = Chat::open().await;
    let api = chat.api().clone();
    api.publish(HOLD).await;
    api.publish(NOTE).await;
    for list in ["news", "vips"] {
        api.put(&format!("/v1/lists/{list}"), json!({})).await.ok();
    }
    let field = json!({"kind": "text"});
    api.put("/v1/contact-fields/city", field).await.ok();

    // Two is older, has written, waits in a workflow, and is on both lists.
    chat.write_as(TWO, "hello from two").await;
    let two = id_of(&api, &who(TWO)).await;
    let more = json!({"firstname": "Anna", "lastname": "Lee", "email": "ann@example.com",
        "city": "Lyon", "tags": ["lead", "fair"]});
    api.patch(&who(TWO), more).await.ok();
    let said = json!({"text": "prefers mornings"});
    api.post(&format!("{}/comments", who(TWO)), said).await.ok();
    let run = api
        .start("hold.wanted", Some(&format!("phone:{TWO}")), json!({}))
        .await;
    api.waiting_at(&run, "pause").await;
    let made = json!({"firstname": "Ann", "phone": ONE, "tags": ["vip", "lead"]});
    let one = api.post("/v1/contacts", made).await.ok();
    let (one, made_at) = (
        one["id"].as_str().unwrap().to_owned(),
        one["created_at"].clone(),
    );
    for (list, contact) in [("news", &one), ("news", &two), ("vips", &two)] {
        let body = json!({"contact": contact});
        let path = format!("/v1/lists/{list}/contacts");
        assert!(api.post(&path, body).await.status < 300);
    }
    let talk = api.all("/v1/conversations").await[0]["id"].clone();
    let talk = talk.as_str().unwrap();

    let merged = merge(&api, &one, &two, json!({"language": "fr", "city": "Paris"}));
    let merged = merged.await.ok();
    for (field, value) in [
        ("id", json!(one)),
        ("firstname", json!("Ann")),
        ("lastname", json!("Lee")),
        ("phone", json!(ONE)),
        ("email", json!("ann@example.com")),
        ("city", json!("Paris")),
        ("language", json!("fr")),
        ("tags", json!(["vip", "lead", "fair"])),
        ("merged", json!([two])),
        ("last_incoming", json!("hello from two")),
    ] {
        assert_eq!(merged[field], value, "{field}: {merged:#}");
    }
    let other = json!({"kind": "phone", "value": TWO});
    assert!(
        merged["other_addresses"]
            .as_array()
            .unwrap()
            .contains(&other)
    );
    assert!(merged["created_at"].as_str() < made_at.as_str());
    assert!(merged["merging"].is_null());

    // Whatever led to either leads to the one.
    let email = "/v1/contacts/email:ann@example.com".to_owned();
    let old = format!("/v1/contacts/{two}");
    for path in [
        who(ONE),
        who(TWO),
        email,
        old.clone(),
        format!("/v1/contacts/id:{two}"),
    ] {
        assert_eq!(id_of(&api, &path).await, one, "{path}");
    }
    assert_eq!(api.all("/v1/contacts").await.len(), 1);
    for list in ["news", "vips"] {
        let on = api.all(&format!("/v1/lists/{list}/contacts")).await;
        assert_eq!(on.len(), 1, "{on:#?}");
        assert!(on[0].to_string().contains(&one), "{on:#?}");
    }

    // Its history is read with the one's, by either name.
    for contact in [&one, &two] {
        let messages = api.all(&format!("/v1/messages?contact={contact}")).await;
        assert_eq!(messages.len(), 1, "{messages:#?}");
        let talks = format!("/v1/conversations?contact={contact}");
        let talks = api.all(&talks).await;
        assert_eq!((talks.len(), &talks[0]["state"]), (1, &json!("open")));
        let runs = format!("/v1/runs?contact={contact}&workflow=hold");
        assert_eq!(api.all(&runs).await.len(), 1);
    }
    assert_eq!(
        api.get(&format!("/v1/conversations/{talk}")).await.ok()["contact"],
        json!(one)
    );
    // The run of the other has ended, and says why; the one was in that workflow, too.
    let ended = api.over(&run).await;
    assert_eq!(ended["state"], "cancelled", "{ended:#}");
    assert!(
        ended.to_string().contains("contact-merged"),
        "it says why: {ended:#}"
    );
    let again = api.event("hold.wanted", Some(&one), json!({})).await;
    assert_eq!(again["skipped"][0]["reason"], "once-per-contact");
    // The event has told of it.
    until("the merge to be noted", async || {
        let said = json!(format!("absorbed Anna Lee, {TWO}"));
        let all = comments(&api, &one).await;
        (all.contains(&said) && all.contains(&json!("prefers mornings"))).then_some(())
    })
    .await;

    // What comes from the old number is the one's, and so is the answer.
    chat.write_as(TWO, "still me").await;
    let messages = api.all(&format!("/v1/messages?contact={one}")).await;
    assert_eq!(messages.len(), 2, "{messages:#?}");
    let reply = json!({"contact": one, "channel": "chat",
        "content": {"type": "text", "text": "got it"}});
    let reply = api.post("/v1/messages", reply).await.ok();
    assert!(reply.to_string().contains(TWO), "{reply:#}");
    chat.told("got it").await;

    // Deleting it deletes what both had.
    assert_eq!(api.delete(&format!("/v1/contacts/{one}")).await.status, 204);
    for list in ["contacts", "messages", "conversations"] {
        let left = api.all(&format!("/v1/{list}")).await;
        assert!(left.is_empty(), "{list}: {left:#?}");
    }
    for path in [old, who(ONE), who(TWO)] {
        api.get(&path).await.refused(404, "not-found");
    }
    chat.write_as(TWO, "who am I?").await;
    let stranger = id_of(&api, &who(TWO)).await;
    assert!(stranger != one && stranger != two);
}

#[tokio::test]
async fn what_cannot_be_merged_is_refused_and_said() {
    let host = Host::start().await;
    let api = &host.api;
    let mut ids = Vec::new();
    for n in 1..=4 {
        let made = api.post("/v1/contacts", json!({"phone": phone(n)})).await;
        ids.push(made.ok()["id"].as_str().unwrap().to_owned());
    }
    let (one, two, three) = (&ids[0], &ids[1], &ids[2]);
    let none = || json!({});
    merge(api, one, one, none()).await.refused(422, "invalid");
    let same = format!("phone:{}", phone(1));
    merge(api, one, &same, none()).await.refused(422, "invalid");
    merge(api, one, "ctc_none", none())
        .await
        .refused(422, "invalid");
    merge(api, one, "phone:+33699999999", none())
        .await
        .refused(404, "not-found");
    merge(api, "phone:+33699999999", one, none())
        .await
        .refused(404, "not-found");
    let wrong = merge(api, one, two, json!({"shoe": 42})).await;
    wrong.refused(422, "invalid");
    let taken = merge(api, one, two, json!({"phone": phone(4)})).await;
    assert!(
        taken.refused(409, "conflict")["detail"]
            .to_string()
            .contains(&ids[3])
    );

    // Of another workspace there is none, on either side.
    api.post("/v1/workspaces", json!({"id": "lyon"})).await.ok();
    let lyon = api.in_workspace("lyon");
    let theirs = lyon.post("/v1/contacts", json!({"phone": phone(1)})).await;
    let theirs = theirs.ok()["id"].as_str().unwrap().to_owned();
    merge(api, one, &theirs, none())
        .await
        .refused(404, "not-found");
    merge(api, &theirs, one, none())
        .await
        .refused(404, "not-found");

    // The number of the other may be had, the own one is kept.
    let merged = merge(api, one, two, json!({"phone": phone(2)})).await.ok();
    assert_eq!(merged["phone"], phone(2));
    for n in [1, 2] {
        assert_eq!(&id_of(api, &who(&phone(n))).await, one);
    }
    // Once more changes nothing; into another is refused, and says where it is.
    let once_more = merge(api, one, two, none()).await.ok();
    assert_eq!(once_more, api.get(&who(&phone(1))).await.ok());
    let gone = merge(api, three, two, none()).await;
    assert!(
        gone.refused(409, "conflict")["detail"]
            .to_string()
            .contains(one.as_str())
    );
    lyon.get(&format!("/v1/contacts/{two}"))
        .await
        .refused(404, "not-found");

    // A chain of them leads to the last.
    merge(api, three, one, none()).await.ok();
    for id in [one, two, three] {
        assert_eq!(&id_of(api, &format!("/v1/contacts/{id}")).await, three);
    }
    let shown = api.get(&format!("/v1/contacts/{two}")).await.ok();
    assert_eq!(shown["merged"], json!([two, one]));
    for n in 1..=3 {
        assert_eq!(&id_of(api, &who(&phone(n))).await, three);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_that_absorb_each_other_at_once_are_one_or_stay_two() {
    let host = Host::start().await;
    for round in 0..10 {
        let api = &host.api;
        let mut ids = Vec::new();
        for n in [2 * round + 10, 2 * round + 11] {
            let made = api.post("/v1/contacts", json!({"phone": phone(n)})).await;
            ids.push(made.ok()["id"].as_str().unwrap().to_owned());
        }
        let (first, second) = tokio::join!(
            merge(api, &ids[0], &ids[1], json!({})),
            merge(api, &ids[1], &ids[0], json!({}))
        );
        let good = [first.status, second.status];
        assert!(
            good.iter().all(|status| [200, 409, 422].contains(status)),
            "{good:?}"
        );
        let found = [
            id_of(api, &format!("/v1/contacts/{}", ids[0])).await,
            id_of(api, &format!("/v1/contacts/{}", ids[1])).await,
        ];
        if good.contains(&200) {
            assert_eq!(found[0], found[1], "{good:?}");
        } else {
            assert_eq!(found.to_vec(), ids, "{good:?}");
            // Nothing of it stays behind: it can be done afterwards.
            merge(api, &ids[0], &ids[1], json!({})).await.ok();
        }
    }
}

/// The host dies at the n-th commit of a merge; false where it ended before.
async fn survives(host: &mut Host, side: &str, n: usize) -> bool {
    let api = host.api.clone();
    let (keeps, goes) = (phone(1_000 + 2 * n), phone(1_001 + 2 * n));
    let made = json!({"phone": keeps, "firstname": "Ann", "tags": ["a"]});
    let one = api.post("/v1/contacts", made).await.ok();
    let made = json!({"phone": goes, "lastname": "Lee", "tags": ["b"]});
    let two = api.post("/v1/contacts", made).await.ok();
    let (one, two) = (one["id"].as_str().unwrap(), two["id"].as_str().unwrap());
    let run = api.start("hold.wanted", Some(two), json!({})).await;
    api.waiting_at(&run, "pause").await;
    let listed = json!({"contact": two});
    api.post("/v1/lists/news/contacts", listed).await;
    host.kill();
    host.set_environment("JACKFIELD_FAULT", Some(&format!("{side}:{n}")));
    let mut died = !host.try_begin().await;
    let body = json!({"from": two});
    let path = format!("/v1/contacts/{one}/merge");
    if !died {
        let request = api.request(reqwest::Method::POST, &path).json(&body);
        let answer = request.send().await;
        died = answer.is_err() || host.process().is_none();
    }
    // In its next life nothing is in its way.
    host.kill();
    host.set_environment("JACKFIELD_FAULT", None);
    host.begin().await;
    let old = format!("/v1/contacts/{two}");
    // What was begun goes on by itself; what was not may be asked again. Both may be found.
    let known = api.get(&format!("/v1/contacts/{one}")).await.ok();
    if known["merged"].is_null() && id_of(&api, &old).await == two {
        api.post(&path, body.clone()).await.ok();
    }
    let merged = until("the merge to be whole", async || {
        let shown = api.get(&old).await.ok();
        let whole = shown["merged"] == json!([two])
            && id_of(&api, &who(&goes)).await == one
            && api.run(&run).await["state"] == "cancelled";
        whole.then_some(shown)
    })
    .await;
    assert_eq!(merged["tags"], json!(["a", "b"]), "{side} {n}: {merged:#}");
    assert_eq!(merged["name"], "Ann Lee", "{side} {n}");
    let on = api.all("/v1/lists/news/contacts").await;
    let on = on.iter().filter(|row| row.to_string().contains(one));
    assert_eq!(on.count(), 1, "{side} {n}");
    // Asked once more it is done.
    let again = api.post(&path, body).await.ok();
    assert_eq!(again["merged"], json!([two]));
    assert_eq!(api.delete(&old).await.status, 204);
    api.get(&old).await.refused(404, "not-found");
    died
}

async fn at_every_commit(side: &str, mut host: Host) {
    host.api.publish(HOLD).await;
    host.api.put("/v1/lists/news", json!({})).await.ok();
    let mut n = 1;
    while survives(&mut host, side, n).await {
        n += 1;
        assert!(n < 60, "a merge has not so many commits");
    }
    assert!(n > 4, "it ended after {n} commits");
}

#[tokio::test]
async fn a_host_that_dies_before_any_commit_of_a_merge_loses_nothing() {
    let host = Host::start_program(&program_with_faults(), &[]).await;
    at_every_commit("before-commit", host).await;
}

#[tokio::test]
async fn a_host_that_dies_after_any_commit_of_a_merge_loses_nothing() {
    let host = Host::start_program(&program_with_faults(), &[]).await;
    at_every_commit("after-commit", host).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn contacts_of_two_hosts_become_one() {
    let cluster = Cluster::start(2, &[]).await;
    let apis = [cluster.api(0), cluster.api(1)];
    cluster.balanced(2, &apis[0]).await;
    for n in 0..12 {
        let mut ids = Vec::new();
        for number in [phone(2 * n), phone(2 * n + 1)] {
            let made = apis[n % 2].post("/v1/contacts", json!({"phone": number}));
            ids.push(made.await.ok()["id"].as_str().unwrap().to_owned());
        }
        let merged = merge(&apis[(n / 2) % 2], &ids[0], &ids[1], json!({})).await;
        assert_eq!(merged.ok()["merged"], json!([ids[1]]));
        for api in &apis {
            for number in [phone(2 * n), phone(2 * n + 1)] {
                assert_eq!(id_of(api, &who(&number)).await, ids[0]);
            }
        }
        let old = format!("/v1/contacts/{}", ids[1]);
        assert_eq!(apis[(n + 1) % 2].delete(&old).await.status, 204);
        apis[n % 2].get(&old).await.refused(404, "not-found");
    }
}
