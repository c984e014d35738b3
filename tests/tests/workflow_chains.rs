//! Workflows that start one another, jumps, and the ways of a calendar.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use jackfield_tests::{Api, Host};
use serde_json::{Value, json};

async fn contact(api: &Api) {
    let who = "/v1/contacts/email:ann@example.com";
    api.put(who, json!({"firstname": "Ann"})).await.ok();
}

const ANN: &str = "email:ann@example.com";

/// The child of a workflow that waits for it.
async fn child(api: &Api, workflow: &str) -> Value {
    for _ in 0..200 {
        if let Some(run) = api
            .all(&format!("/v1/runs?workflow={workflow}"))
            .await
            .first()
        {
            return run.clone();
        }
        tokio::time::sleep(std::time::Duration::from_millis(25)).await;
    }
    panic!("`{workflow}` was not started");
}

#[tokio::test]
async fn another_workflow_is_started_with_variables_and_its_result_is_waited_for() {
    let mut host = Host::start().await;
    let api = host.api.clone();
    contact(&api).await;
    api.publish(
        "name: child\ntrigger: {event: manual}\nsteps:\n  \
         skipped: {uses: update-contact-tag@1, with: {tags: [from-the-beginning]}}\n  \
         here: {uses: update-contact-tag@1, with: {tags: [\"$vars.plan\"]}}\n  \
         rest: {uses: wait@1, with: {event: {name: go.on, when: {field: event.ok, is: true}}, timeout: 1h}}\n",
    )
    .await;
    api.publish(
        "name: parent\ntrigger: {event: manual}\nsteps:\n  \
         call: {uses: trigger-workflow@1, with: {workflow: child, start-at: here, variables: {plan: \"pro-$contact.firstname\"}, wait-for-result: true}}\n  \
         note: {uses: add-comment@1, with: {text: \"$steps.call.state $steps.call.variables.plan\"}}\n",
    )
    .await;
    let parent = api.start_by_hand("parent", ANN).await;
    api.waiting_at(&parent, "call").await;
    let run = child(&api, "child").await;
    let id = run["id"].as_str().unwrap();
    api.waiting_at(id, "rest").await;
    // Nothing of it is lost with the host.
    host.kill();
    host.restart().await;
    let api = host.api.clone();
    api.event("go.on", Some(ANN), json!({"ok": true})).await;
    api.completed(id).await;
    let parent = api.completed(&parent).await;
    assert_eq!(parent["outputs"]["call"]["run"], id, "{parent:#}");
    let comments = api.all("/v1/contacts/email:ann@example.com/comments").await;
    assert_eq!(comments[0]["text"], "completed pro-Ann");
    let tags = api.get("/v1/contacts/email:ann@example.com").await.ok()["tags"].clone();
    assert_eq!(tags, json!(["pro-Ann"]));
}

#[tokio::test]
async fn a_child_that_fails_is_cancelled_or_is_too_slow_is_told() {
    let host = Host::start().await;
    let api = &host.api;
    contact(api).await;
    api.publish(
        "name: slow\ntrigger: {event: manual}\nsteps: {rest: {uses: wait@1, with: {for: 1h}}}\n",
    )
    .await;
    api.publish(
        "name: broken\ntrigger: {event: manual}\nsteps: {rest: {uses: wait@1, with: {until: \"$vars.never\"}}}\n",
    )
    .await;
    for (name, child, timeout) in [
        ("patient", "slow", "1h"),
        ("hasty", "slow", "1s"),
        ("unlucky", "broken", "1h"),
    ] {
        api.publish(&format!(
            "name: {name}\ntrigger: {{event: manual}}\nsteps:\n  \
             call: {{uses: trigger-workflow@1, with: {{workflow: {child}, wait-for-result: true, timeout: {timeout}}}, branches: {{failure: failed, timeout: late}}}}\n  \
             well: {{uses: wait@1, with: {{for: 1ms}}, next: end}}\n  \
             failed: {{uses: update-contact-tag@1, with: {{tags: [\"{name}-failed\"]}}, next: end}}\n  \
             late: {{uses: update-contact-tag@1, with: {{tags: [\"{name}-late\"]}}}}\n"
        ))
        .await;
    }
    let unlucky = api.start_by_hand("unlucky", ANN).await;
    api.completed(&unlucky).await;
    let patient = api.start_by_hand("patient", ANN).await;
    api.waiting_at(&patient, "call").await;
    let run = child(api, "slow").await;
    // The contact is in it already: a second start is refused, and the step fails.
    let hasty = api.start_by_hand("hasty", ANN).await;
    api.completed(&hasty).await;
    api.post(
        &format!("/v1/runs/{}/cancel", run["id"].as_str().unwrap()),
        json!({}),
    )
    .await
    .ok();
    api.completed(&patient).await;
    let hasty = api.start_by_hand("hasty", ANN).await;
    api.completed(&hasty).await;
    let tags = api.get("/v1/contacts/email:ann@example.com").await.ok()["tags"].clone();
    assert_eq!(
        tags,
        json!([
            "unlucky-failed",
            "hasty-failed",
            "patient-failed",
            "hasty-late"
        ])
    );
}

#[tokio::test]
async fn what_cannot_be_started_is_refused_when_it_is_published() {
    let host = Host::start().await;
    let api = &host.api;
    let calls = |name: &str, other: &str| {
        format!(
            "name: {name}\ntrigger: {{event: manual}}\nsteps: {{call: {{uses: trigger-workflow@1, with: {{workflow: {other}}}}}}}\n"
        )
    };
    let refused = async |yaml: &str, code: &str| {
        let name = yaml
            .lines()
            .next()
            .unwrap()
            .trim_start_matches("name: ")
            .to_owned();
        let put = api.put_workflow(yaml).await;
        let answer = if put.status < 300 {
            api.post(&format!("/v1/workflows/{name}/publish"), json!({}))
                .await
        } else {
            put
        };
        assert!(answer.status >= 400, "{}", answer.text);
        assert!(answer.text.contains(code), "{}", answer.text);
    };
    refused(&calls("first", "nowhere"), "unknown-workflow").await;
    refused(&calls("itself", "itself"), "workflow-loop").await;
    api.publish(
        "name: last\ntrigger: {event: manual}\nsteps: {rest: {uses: wait@1, with: {for: 1s}}}\n",
    )
    .await;
    api.publish(
        "name: listens\ntrigger: {event: a.b}\nsteps: {rest: {uses: wait@1, with: {for: 1s}}}\n",
    )
    .await;
    refused(&calls("first", "listens"), "unknown-workflow").await;
    api.publish(&calls("middle", "last")).await;
    api.publish(&calls("first", "middle")).await;
    // The last of the chain would close the circle.
    refused(&calls("last", "first"), "last → first → middle → last").await;
}

#[tokio::test]
async fn jumps_are_counted_and_then_passed_by() {
    let host = Host::start().await;
    let api = &host.api;
    contact(api).await;
    api.put("/v1/contact-fields/n", json!({"kind": "number"}))
        .await
        .ok();
    api.publish(
        "name: jump\ntrigger: {event: manual}\nsteps:\n  \
         count: {uses: update-contact-field@1, with: {field: n, operation: increment}}\n  \
         again: {uses: jump-to@1, with: {step: count, max-jumps: 3}}\n  \
         after: {uses: update-contact-tag@1, with: {tags: [after]}}\n",
    )
    .await;
    for rounds in 1..=2 {
        let run = api.start_by_hand("jump", ANN).await;
        api.completed(&run).await;
        let shown = api.get("/v1/contacts/email:ann@example.com").await.ok();
        // The count begins anew with every run.
        assert_eq!(shown["n"], json!(4 * rounds), "{shown:#}");
        assert_eq!(shown["tags"], json!(["after"]));
    }
}

#[tokio::test]
async fn a_calendar_sends_a_run_one_way_or_the_other() {
    let host = Host::start().await;
    let api = &host.api;
    contact(api).await;
    let always = ([
        "monday",
        "tuesday",
        "wednesday",
        "thursday",
        "friday",
        "saturday",
        "sunday",
    ])
    .map(|day| format!("{day}: [\"00:00-24:00\"]"))
    .join(", ");
    let today = jiff::Zoned::now()
        .with_time_zone(jiff::tz::TimeZone::UTC)
        .date();
    let tomorrow = today.tomorrow().unwrap();
    let yesterday = today.yesterday().unwrap();
    let ways = [
        ("open", format!("business-hours: {{{always}}}"), "within"),
        ("shut", "business-hours: {}".to_owned(), "outside"),
        (
            "holiday",
            format!(
                "business-hours: {{{always}, holidays: [\"{yesterday}\", \"{today}\", \"{tomorrow}\"]}}"
            ),
            "outside",
        ),
        (
            "range",
            format!("from: \"{yesterday}\", to: \"{tomorrow}\", time-zone: Asia/Tokyo"),
            "within",
        ),
        (
            "over",
            format!("to: \"{}\"", yesterday.yesterday().unwrap()),
            "outside",
        ),
    ];
    for (name, with, way) in ways {
        api.publish(&format!(
            "name: {name}\ntrigger: {{event: manual}}\nsteps:\n  \
             when: {{uses: date-time@1, with: {{{with}}}, branches: {{else: outside}}}}\n  \
             within: {{uses: update-contact-tag@1, with: {{tags: [{name}-within]}}, next: end}}\n  \
             outside: {{uses: update-contact-tag@1, with: {{tags: [{name}-outside]}}}}\n"
        ))
        .await;
        let run = api.start_by_hand(name, ANN).await;
        api.completed(&run).await;
        let tags = api.get("/v1/contacts/email:ann@example.com").await.ok()["tags"].clone();
        let newest = tags.as_array().unwrap().last().unwrap().clone();
        assert_eq!(newest, json!(format!("{name}-{way}")), "{tags}");
    }
    // Where `else` leads nowhere, the run ends.
    api.publish(
        "name: ends\ntrigger: {event: manual}\nsteps:\n  \
         when: {uses: date-time@1, with: {to: \"2020-01-01\"}}\n  \
         never: {uses: update-contact-tag@1, with: {tags: [never]}}\n",
    )
    .await;
    let run = api.start_by_hand("ends", ANN).await;
    let run = api.completed(&run).await;
    assert_eq!(run["reason"], "else", "{run:#}");
}
