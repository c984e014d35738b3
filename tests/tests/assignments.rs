//! Users, teams, and who gets which contact: through the API, the command line and the step
//! `assign-to`, with the queue, over a `kill -9`, and over two hosts.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use jackfield_tests::{Api, Cluster, Host};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::Duration;

async fn user(api: &Api, name: &str) {
    let email = format!("{name}@example.com");
    let body = json!({"email": email, "name": name});
    api.post("/v1/users", body).await.ok();
    present(api, name, "online").await;
}

async fn present(api: &Api, name: &str, presence: &str) {
    let path = format!("/v1/users/{name}@example.com/presence");
    api.put(&path, json!({"presence": presence})).await.ok();
}

async fn team(api: &Api, name: &str, members: &[&str]) {
    let members: Vec<Value> = members
        .iter()
        .enumerate()
        .map(
            |(position, name)| json!({"user": format!("{name}@example.com"), "position": position}),
        )
        .collect();
    let path = format!("/v1/teams/{name}");
    api.put(&path, json!({"members": members})).await.ok();
}

fn who(number: u32) -> String {
    format!("phone:+336000000{number:02}")
}

/// A contact with an open conversation.
async fn contact(api: &Api, number: u32) -> String {
    let path = format!("/v1/contacts/{}", who(number));
    api.put(&path, json!({"firstname": format!("c{number}")}))
        .await
        .ok();
    let path = format!("{path}/conversation/open");
    api.post(&path, json!({})).await.ok();
    who(number)
}

async fn assign(api: &Api, contact: &str, request: Value) -> Value {
    let path = format!("/v1/contacts/{contact}/assignee");
    api.put(&path, request).await.ok()
}

async fn assignee(api: &Api, contact: &str) -> Option<String> {
    let shown = api.get(&format!("/v1/contacts/{contact}")).await.ok();
    shown["assignee"].as_str().map(str::to_owned)
}

async fn assigned_to(api: &Api, contact: &str, email: &str) {
    for _ in 0..400 {
        if assignee(api, contact).await.as_deref() == Some(email) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    panic!(
        "{contact} never came to {email}; it is with {:?}",
        assignee(api, contact).await
    );
}

async fn close(api: &Api, contact: &str) {
    let path = format!("/v1/contacts/{contact}/conversation/close");
    api.post(&path, json!({})).await.ok();
}

async fn queue(api: &Api) -> Vec<Value> {
    api.all("/v1/queue").await
}

#[tokio::test]
async fn users_and_teams_are_made_changed_and_deleted() {
    let host = Host::start().await;
    let api = &host.api;
    let ann = api
        .post(
            "/v1/users",
            json!({"email": "Ann@Example.com", "name": "Ann", "role": "manager", "max-open": 3}),
        )
        .await
        .ok();
    assert_eq!(
        (&ann["email"], &ann["presence"], &ann["max-open"]),
        (&json!("ann@example.com"), &json!("offline"), &json!(3))
    );
    api.post("/v1/users", json!({"email": "ann@example.com"}))
        .await
        .refused(409, "conflict");
    for wrong in [
        json!({"email": "ann"}),
        json!({"email": "b@example.com", "max-open": 0}),
        json!({"email": "b@example.com", "name": "x".repeat(201)}),
    ] {
        api.post("/v1/users", wrong).await.refused(422, "invalid");
    }
    // By id, by mail address whatever the case, by name.
    for known in [ann["id"].as_str().unwrap(), "ANN@example.com", "ann"] {
        assert_eq!(
            api.get(&format!("/v1/users/{known}")).await.ok()["id"],
            ann["id"]
        );
    }
    let told = api.get("/v1/users/bob").await.refused(404, "not-found");
    assert!(
        told["detail"].as_str().unwrap().contains("ann@example.com"),
        "{told:#}"
    );
    let changed = api
        .patch(
            "/v1/users/ann",
            json!({"name": "Ann Smith", "max-open": null}),
        )
        .await
        .ok();
    assert_eq!(
        (&changed["name"], &changed["max-open"], &changed["role"]),
        (&json!("Ann Smith"), &Value::Null, &json!("manager"))
    );
    let online = api
        .put(
            "/v1/users/ann@example.com/presence",
            json!({"presence": "online", "on-call": true, "for": "8h"}),
        )
        .await
        .ok();
    assert_eq!(
        (&online["presence"], &online["on-call"]),
        (&json!("online"), &json!(true))
    );
    assert!(online["until"].as_i64().unwrap() > online["created-at"].as_i64().unwrap());
    api.put(
        "/v1/users/ann@example.com/presence",
        json!({"presence": "online", "for": "soon"}),
    )
    .await
    .refused(422, "invalid");

    let sales = api
        .put(
            "/v1/teams/sales",
            json!({"title": "Sales", "members": [{"user": "ann@example.com", "penalty": 100}]}),
        )
        .await
        .ok();
    assert_eq!(
        sales["members"],
        json!([{"user": ann["id"], "position": 0, "penalty": 100}])
    );
    for wrong in [
        json!({"members": [{"user": "nobody@example.com"}]}),
        json!({"members": [{"user": "ann@example.com"}, {"user": "ann@example.com"}]}),
        json!({"members": [{"user": "ann@example.com", "penalty": 101}]}),
    ] {
        api.put("/v1/teams/sales", wrong)
            .await
            .refused(422, "invalid");
    }
    // Without members, they stay.
    let titled = api
        .put("/v1/teams/sales", json!({"title": "All of sales"}))
        .await
        .ok();
    assert_eq!(titled["members"], sales["members"]);

    // Whoever has an open contact stays; whoever is deleted leaves the team.
    let one = contact(api, 1).await;
    assign(api, &one, json!({"user": "ann@example.com"})).await;
    let told = api
        .delete("/v1/users/ann@example.com")
        .await
        .refused(409, "conflict");
    assert!(
        told["detail"].as_str().unwrap().contains("1 open contacts"),
        "{told:#}"
    );
    close(api, &one).await;
    api.delete("/v1/users/ann@example.com").await.ok();
    assert_eq!(api.get("/v1/teams/sales").await.ok()["members"], json!([]));
    api.delete("/v1/teams/sales").await.ok();
    api.get("/v1/teams/sales").await.refused(404, "not-found");

    // The same by the command line.
    host.cli(["user", "add", "bob@example.com", "--name", "Bob"])
        .await
        .ok();
    host.cli([
        "user",
        "presence",
        "bob@example.com",
        "online",
        "--for",
        "8h",
    ])
    .await
    .ok();
    host.cli(["team", "put", "support", "--member", "bob@example.com:20"])
        .await
        .ok();
    let shown = host.cli(["team", "show", "support"]).await.ok();
    assert!(shown.contains("20"), "{shown}");
    let said = host
        .cli(["contact", "assign", &one, "--team", "support"])
        .await
        .ok();
    assert!(said.contains("bob@example.com has"), "{said}");
    assert!(
        host.cli(["queue", "list"])
            .await
            .ok()
            .contains("Nobody waits")
    );
}

#[tokio::test]
async fn a_user_gets_a_contact_and_that_starts_workflows() {
    let host = Host::start().await;
    let api = &host.api;
    user(api, "ann").await;
    user(api, "bob").await;
    api.publish(
        "name: told\ntrigger: {event: conversation.assigned, when: {field: assignment.by, is: workflow}}\n\
         steps:\n  note: {uses: add-comment@1, with: {text: \"$assignee.name ($assignee.status) has it\"}}\n",
    )
    .await;
    api.publish(
        "name: give\ntrigger: {event: manual}\n\
         steps:\n  ann: {uses: assign-to@1, with: {user: ann@example.com}}\n  \
         to: {uses: assign-to@1, with: {user: bob}}\n",
    )
    .await;
    let one = contact(api, 1).await;
    let run = api.start_by_hand("give", &one).await;
    api.completed(&run).await;
    assert_eq!(
        assignee(api, &one).await.as_deref(),
        Some("bob@example.com")
    );
    let path = format!("/v1/contacts/{one}");
    let comments = jackfield_tests::until("the comment", async || {
        let comments = api.all(&format!("{path}/comments")).await;
        (!comments.is_empty()).then_some(comments)
    })
    .await;
    // Both came to pass in one commit, and a contact is in a workflow once at a time.
    assert_eq!(comments[0]["text"], "bob (online) has it");
    let talk = &api.get(&path).await.ok()["conversation"];
    assert_eq!(
        (&talk["assignee"], &talk["assignments"]),
        (&json!("bob@example.com"), &json!(2))
    );
    assert!(talk["first_assigned_at"].is_string(), "{talk:#}");

    let freed = assign(api, &one, json!({"nobody": true})).await;
    assert_eq!(freed, json!({"assignee": null}));
    assert_eq!(assignee(api, &one).await, None);
    // It is no field that is written.
    api.patch(&path, json!({"assignee": "bob@example.com"}))
        .await
        .refused(422, "invalid");
    for (wrong, status, code) in [
        (json!({}), 422, "invalid"),
        (json!({"user": "ann", "nobody": true}), 422, "invalid"),
        (json!({"user": "carl"}), 404, "not-found"),
        (json!({"team": "none"}), 404, "not-found"),
        (json!({"user": "ann", "by": "linear"}), 422, "invalid"),
        (json!({"workspace": true, "fewer-than": 0}), 422, "invalid"),
        (json!({"workspace": true, "priority": 101}), 422, "invalid"),
    ] {
        let path = format!("{path}/assignee");
        api.put(&path, wrong).await.refused(status, code);
    }
}

#[tokio::test]
async fn turns_go_round_and_whoever_is_away_keeps_the_place() {
    let host = Host::start().await;
    let api = &host.api;
    for name in ["ann", "bob", "cy"] {
        user(api, name).await;
    }
    team(api, "sales", &["ann", "bob", "cy"]).await;
    api.publish(
        "name: route\ntrigger: {event: manual}\n\
         steps:\n  to: {uses: assign-to@1, with: {team: sales, only-online: true}}\n",
    )
    .await;
    present(api, "bob", "away").await;
    let mut had: BTreeMap<String, u32> = BTreeMap::new();
    for number in 1..=9 {
        if number == 5 {
            present(api, "bob", "online").await;
        }
        let one = contact(api, number).await;
        let run = api.start_by_hand("route", &one).await;
        let over = api.completed(&run).await;
        let email = assignee(api, &one).await.unwrap();
        if number == 5 {
            assert_eq!(email, "bob@example.com", "{over:#}");
        }
        *had.entry(email).or_default() += 1;
    }
    assert_eq!(had["ann@example.com"] + had["cy@example.com"], 7, "{had:?}");
    assert_eq!(had["bob@example.com"], 2, "{had:?}");
    // The fewest open contacts go first, whoever's turn it is.
    let ten = contact(api, 10).await;
    let answer = assign(api, &ten, json!({"team": "sales", "by": "least-open"})).await;
    assert_eq!(answer["assignee"]["email"], "bob@example.com");
}

#[tokio::test]
async fn contacts_wait_in_order_until_somebody_is_free() {
    let host = Host::start().await;
    let api = &host.api;
    user(api, "ann").await;
    team(api, "sales", &["ann"]).await;
    for event in ["queue.entered", "queue.finished"] {
        let name = event.replace('.', "-");
        api.publish(&format!(
            "name: {name}\ntrigger: {{event: {event}}}\n\
             steps:\n  tag: {{uses: update-contact-tag@1, with: {{tags: [\"{name}-$queue.outcome\"]}}}}\n"
        ))
        .await;
    }
    let wanted = json!({"team": "sales", "fewer-than": 1});
    let first = contact(api, 1).await;
    let answer = assign(api, &first, wanted.clone()).await;
    assert_eq!(answer["assignee"]["email"], "ann@example.com");
    let mut places = Vec::new();
    for (number, priority) in [(2, 0), (3, 0), (4, 5)] {
        let one = contact(api, number).await;
        let mut wanted = wanted.clone();
        wanted["priority"] = priority.into();
        let answer = assign(api, &one, wanted).await;
        places.push(answer["queued"].as_str().unwrap().to_owned());
    }
    let waiting: Vec<String> = queue(api)
        .await
        .iter()
        .map(|place| place["id"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(
        waiting,
        [places[2].clone(), places[0].clone(), places[1].clone()]
    );
    // One at a time, the one with the priority first, then who came first.
    for (closed, next) in [(1, 4), (4, 2), (2, 3)] {
        close(api, &who(closed)).await;
        assigned_to(api, &who(next), "ann@example.com").await;
    }
    assert!(queue(api).await.is_empty());
    for _ in 0..200 {
        let tags = api.get(&format!("/v1/contacts/{}", who(3))).await.ok()["tags"].to_string();
        if tags.contains("queue-finished-assigned") && tags.contains("queue-entered-") {
            return;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    panic!("the queue's events started nothing");
}

#[tokio::test]
async fn a_step_waits_for_somebody_and_its_timeout_takes_the_contact_out() {
    let host = Host::start().await;
    let api = &host.api;
    user(api, "ann").await;
    team(api, "sales", &["ann"]).await;
    team(api, "empty", &[]).await;
    present(api, "ann", "offline").await;
    let workflow = |name: &str, with: &str| {
        format!(
            "name: {name}\ntrigger: {{event: manual}}\nsteps:\n  \
             to: {{uses: assign-to@1, with: {with}, branches: {{timeout: late, failure: failed}}}}\n  \
             good: {{uses: update-contact-tag@1, with: {{tags: [{name}-good]}}, next: end}}\n  \
             late: {{uses: update-contact-tag@1, with: {{tags: [{name}-late]}}, next: end}}\n  \
             failed: {{uses: update-contact-tag@1, with: {{tags: [{name}-failed]}}, next: end}}\n"
        )
    };
    api.publish(&workflow("wait", "{team: sales, only-online: true}"))
        .await;
    api.publish(&workflow(
        "short",
        "{team: sales, only-online: true, timeout: 1s}",
    ))
    .await;
    api.publish(&workflow("none", "{team: empty}")).await;
    let tags = async |contact: &str| {
        api.get(&format!("/v1/contacts/{contact}")).await.ok()["tags"].clone()
    };

    let one = contact(api, 1).await;
    let waiting = api.start_by_hand("wait", &one).await;
    api.waiting_at(&waiting, "to").await;
    let two = contact(api, 2).await;
    let short = api.start_by_hand("short", &two).await;
    api.completed(&short).await;
    assert_eq!(tags(&two).await, json!(["short-late"]));
    // The list of those who wait is told after the run's commit.
    for _ in 0..200 {
        if queue(api).await.len() == 1 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    assert_eq!(queue(api).await.len(), 1);
    let run = api.start_by_hand("none", &two).await;
    api.completed(&run).await;
    assert_eq!(tags(&two).await, json!(["short-late", "none-failed"]));

    // Ann comes: the contact that waits is hers, the one that was taken out is not.
    present(api, "ann", "online").await;
    api.completed(&waiting).await;
    assert_eq!(tags(&one).await, json!(["wait-good"]));
    assert_eq!(
        assignee(api, &one).await.as_deref(),
        Some("ann@example.com")
    );
    assert_eq!(assignee(api, &two).await, None);

    // A team that is not there is refused before it is published.
    let told = api
        .put_workflow("name: typo\ntrigger: {event: manual}\nsteps:\n  to: {uses: assign-to@1, with: {team: sale}}\n")
        .await;
    drop(told);
    let told = api.post("/v1/workflows/typo/publish", json!({})).await;
    assert!(
        told.text.contains("unknown-team") && told.text.contains("sales"),
        "{}",
        told.text
    );

    // Closing ends the wait too.
    present(api, "ann", "offline").await;
    let three = contact(api, 3).await;
    let waiting = api.start_by_hand("wait", &three).await;
    api.waiting_at(&waiting, "to").await;
    close(api, &three).await;
    api.completed(&waiting).await;
    assert_eq!(tags(&three).await, json!(["wait-failed"]));
    assert!(queue(api).await.is_empty());
}

#[tokio::test]
async fn whoever_is_first_takes_what_rings_at_all() {
    let host = Host::start().await;
    let api = &host.api;
    user(api, "ann").await;
    user(api, "bob").await;
    let one = contact(api, 1).await;
    let answer = assign(
        api,
        &one,
        json!({"workspace": true, "by": "ring-all", "service-level": "1s"}),
    )
    .await;
    let place = answer["queued"].as_str().unwrap().to_owned();
    api.publish(
        "name: overdue\ntrigger: {event: queue.overdue}\n\
         steps:\n  tag: {uses: update-contact-tag@1, with: {tags: [overdue]}}\n",
    )
    .await;
    let path = format!("/v1/contacts/{one}");
    for turn in 0.. {
        assert!(turn < 400, "the queue was never overdue");
        if api.get(&path).await.ok()["tags"] == json!(["overdue"]) {
            break;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    let shown = api.get(&path).await.ok();
    assert_eq!(shown["queue"]["id"], place.as_str());

    let take = format!("/v1/queue/{place}/take");
    api.post(&take, json!({"user": "carl"}))
        .await
        .refused(404, "not-found");
    let (ann, bob) = tokio::join!(
        api.post(&take, json!({"user": "ann"})),
        api.post(&take, json!({"user": "bob"})),
    );
    let statuses = [ann.status, bob.status];
    assert!(
        statuses == [200, 404] || statuses == [404, 200],
        "{statuses:?}"
    );
    assert!(assignee(api, &one).await.is_some());
    api.delete(&format!("/v1/queue/{place}"))
        .await
        .refused(404, "not-found");

    let two = contact(api, 2).await;
    let answer = assign(api, &two, json!({"workspace": true, "by": "ring-all"})).await;
    let place = answer["queued"].as_str().unwrap();
    // Another workspace sees nothing of it.
    api.post("/v1/workspaces", json!({"id": "other"}))
        .await
        .ok();
    let other = api.in_workspace("other");
    assert!(queue(&other).await.is_empty() && other.all("/v1/users").await.is_empty());
    other
        .delete(&format!("/v1/queue/{place}"))
        .await
        .refused(404, "not-found");
    api.delete(&format!("/v1/queue/{place}")).await.ok();
    assert!(queue(api).await.is_empty());
}

#[tokio::test]
async fn what_waits_is_served_after_a_kill() {
    let mut host = Host::start().await;
    let api = host.api.clone();
    user(&api, "ann").await;
    team(&api, "sales", &["ann"]).await;
    let mut contacts = Vec::new();
    for number in 1..=8 {
        let one = contact(&api, number).await;
        assign(&api, &one, json!({"team": "sales", "fewer-than": 1})).await;
        contacts.push(one);
    }
    // The conversation is closed, and the host killed, at once: somebody is free, and may not know.
    for (number, one) in contacts.iter().enumerate() {
        assigned_to(&api, one, "ann@example.com").await;
        if number % 2 == 0 {
            let (closing, path) = (
                api.clone(),
                format!("/v1/contacts/{one}/conversation/close"),
            );
            let closing = tokio::spawn(async move {
                let request = closing
                    .request(reqwest::Method::POST, &path)
                    .json(&json!({}));
                request.send().await.is_ok()
            });
            tokio::time::sleep(Duration::from_millis(3 * number as u64)).await;
            host.kill();
            let _ = closing.await;
            host.begin().await;
            let open = api.get(&format!("/v1/contacts/{one}")).await.ok();
            if open["conversation"]["state"] == "open" {
                close(&api, one).await;
            }
        } else {
            close(&api, one).await;
        }
    }
    assert!(queue(&api).await.is_empty());
    // Nobody is counted twice: the next comes at once.
    let last = contact(&api, 9).await;
    let answer = assign(&api, &last, json!({"team": "sales", "fewer-than": 1})).await;
    assert_eq!(answer["assignee"]["email"], "ann@example.com");
}

#[tokio::test]
async fn two_hosts_choose_as_one() {
    let cluster = Cluster::start(2, &[]).await;
    let (one, two) = (cluster.api(0), cluster.api(1));
    for name in ["ann", "bob"] {
        user(&one, name).await;
    }
    team(&two, "sales", &["ann", "bob"]).await;
    let mut had: BTreeMap<String, u32> = BTreeMap::new();
    for number in 1..=12 {
        let api = if number % 2 == 0 { &one } else { &two };
        let who = contact(api, number).await;
        let answer = assign(api, &who, json!({"team": "sales", "fewer-than": 6})).await;
        let email = answer["assignee"]["email"].as_str().unwrap().to_owned();
        *had.entry(email).or_default() += 1;
    }
    assert_eq!(had.values().copied().collect::<Vec<_>>(), [6, 6], "{had:?}");
    let last = contact(&two, 13).await;
    let answer = assign(&two, &last, json!({"team": "sales", "fewer-than": 6})).await;
    assert!(answer["queued"].is_string(), "{answer:#}");
    close(&one, &who(1)).await;
    for turn in 0.. {
        assert!(turn < 400, "nobody got the contact that waited");
        if assignee(&two, &last).await.is_some() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
}
