//! The life of a plugin in a host that works: updated while others go on, taken back, gone back from,
//! removed by force; and what becomes of the runs that stand on it.

#![allow(clippy::unwrap_used, clippy::expect_used)]

#[path = "hostile_common/mod.rs"]
mod common;

use common::{install, misbehave, start, variant, workflow};
use jackfield_tests::{Answer, Api, Host, plugins};
use reqwest::Method;
use serde_json::{Value, json};
use std::time::Duration;

/// `misbehave` of this version, which asks for all web hosts or for none.
fn version(number: &str, hosts: bool) -> Vec<u8> {
    let wasm = variant(
        &misbehave(),
        r#""version":"1.0.0""#,
        &format!(r#""version":"{number}""#),
    );
    if hosts {
        wasm
    } else {
        variant(&wasm, r#""hosts":["*"]"#, r#""hosts":[   ]"#)
    }
}

async fn update(api: &Api, plugin: &str, wasm: Vec<u8>) -> Answer {
    let request = api
        .request(Method::PUT, &format!("/v1/plugins/{plugin}"))
        .header("content-type", "application/wasm")
        .body(wasm);
    api.send(request).await
}

async fn live_version(api: &Api, workflow: &str) -> i64 {
    let shown = api.get(&format!("/v1/workflows/{workflow}")).await.ok();
    shown["version"].as_i64().unwrap()
}

#[tokio::test]
async fn an_update_takes_over_and_one_that_asks_for_more_waits_while_the_old_one_goes_on() {
    let host = Host::start().await;
    let api = &host.api;
    let first = install(api, version("1.0.0", false)).await.ok();
    assert_eq!(first["current"], false, "{first:#}");
    let granted = api
        .post("/v1/plugins/misbehave/grant", json!({}))
        .await
        .ok();
    assert_eq!(granted["current"], true, "{granted:#}");
    assert_eq!(granted["moves"], json!([]));
    api.publish(&workflow("work", &json!({"do": "behave"})))
        .await;
    api.publish(&workflow("rest", &json!({"do": "state", "n": 5})))
        .await;
    let waiting = start(api, "rest", "ann").await;
    api.waiting_at(&waiting, "harm").await;
    // What its author has begun to change is not what is moved.
    let draft = workflow("work", &json!({"do": "fail"}));
    api.put_workflow(&draft).await.ok();

    // A name is not taken by other bytes, and an update is of the plugin that it says.
    let taken = install(api, version("1.1.0", false)).await;
    let taken = taken.refused(409, "conflict");
    assert!(
        taken["detail"]
            .as_str()
            .unwrap()
            .contains("plugin update misbehave"),
        "{taken:#}"
    );
    update(api, "wait", version("1.1.0", false))
        .await
        .refused(422, "refused");
    update(api, "nothing", version("1.1.0", false))
        .await
        .refused(422, "refused");

    let second = update(api, "misbehave", version("1.1.0", false)).await.ok();
    assert_eq!(second["current"], true, "{second:#}");
    assert_eq!(second["approved"], granted["approved"]);
    assert_eq!(second["update-of"], first["digest"]);
    let moved = |answer: &Value| {
        let mut moved: Vec<String> = answer["moves"]
            .as_array()
            .unwrap()
            .iter()
            .map(|one| {
                assert_eq!(one["kept"], Value::Null, "{answer:#}");
                format!("{} {} {}", one["kind"], one["name"], one["version"])
            })
            .collect();
        moved.sort();
        moved
    };
    assert_eq!(
        moved(&second),
        [r#""workflow" "rest" 2"#, r#""workflow" "work" 2"#]
    );
    // Runs stay on what they began with; new ones take the new one.
    assert_eq!(api.run(&waiting).await["version"], 1);
    let run = start(api, "work", "bob").await;
    let run = api.completed(&run).await;
    assert_eq!(run["version"], 2, "{run:#}");
    let shown = api.get("/v1/workflows/work").await.ok();
    assert_eq!(shown["source"], draft.as_str());
    // Done again it changes nothing.
    let again = update(api, "misbehave", version("1.1.0", false)).await.ok();
    assert_eq!(again["moves"], json!([]), "{again:#}");

    let third = update(api, "misbehave", version("1.2.0", true)).await.ok();
    assert_eq!(
        (&third["current"], &third["approved"], &third["more"]),
        (&json!(false), &Value::Null, &json!(["the host `*`"])),
        "{third:#}"
    );
    assert_eq!(third["moves"], json!([]));
    let run = start(api, "work", "eve").await;
    assert_eq!(api.completed(&run).await["version"], 2);
    let list = host.cli(["plugin", "list"]).await.ok();
    assert!(list.contains("1.2.0"), "{list}");
    let said = host.cli(["plugin", "grant", "misbehave"]).await.ok();
    assert!(
        said.contains("workflow work of main uses it, as version 3"),
        "{said}"
    );
    let run = start(api, "work", "joe").await;
    assert_eq!(api.completed(&run).await["version"], 3);

    // Back, and back again; there it ends.
    let said = host.cli(["plugin", "rollback", "misbehave"]).await.ok();
    assert!(
        said.contains("misbehave 1.1.0") && said.contains("is in use"),
        "{said}"
    );
    assert_eq!(live_version(api, "work").await, 4);
    let back = "/v1/plugins/misbehave/rollback";
    let answer = api.post(back, json!({})).await.ok();
    assert_eq!(answer["version"], "1.0.0", "{answer:#}");
    let refused = api.post(back, json!({})).await.refused(409, "conflict");
    assert!(
        refused["detail"].as_str().unwrap().contains("go back"),
        "{refused:#}"
    );
    let run = start(api, "work", "kim").await;
    api.completed(&run).await;

    // From a file, as an operator types it; the source is remembered, and may be left out.
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("misbehave.wasm");
    std::fs::write(&file, version("1.3.0", false)).unwrap();
    let path = file.display().to_string();
    let said = host
        .cli(["plugin", "update", "misbehave", &path])
        .await
        .ok();
    assert!(said.contains("misbehave 1.3.0"), "{said}");
    std::fs::write(&file, version("1.4.0", false)).unwrap();
    let said = host.cli(["plugin", "update", "misbehave"]).await.ok();
    assert!(said.contains("misbehave 1.4.0"), "{said}");
    let sheet = host.cli(["plugin", "show", "misbehave"]).await.ok();
    assert!(sheet.contains("misbehave.wasm"), "{sheet}");
}

#[tokio::test]
async fn what_an_update_would_break_stays_with_the_plugin_before() {
    let host = Host::start().await;
    let api = &host.api;
    install(api, version("1.0.0", false)).await.ok();
    api.post("/v1/plugins/misbehave/grant", json!({}))
        .await
        .ok();
    api.publish(&workflow("work", &json!({"do": "behave"})))
        .await;
    // The next one wants its settings to be a list.
    let odd = variant(
        &version("1.1.0", false),
        r#""settings":{"type":"object"}"#,
        r#""settings":{"type":"array" }"#,
    );
    let answer = update(api, "misbehave", odd).await.ok();
    let kept = &answer["moves"][0]["kept"];
    assert!(
        kept.as_str().is_some_and(|why| !why.is_empty()),
        "{answer:#}"
    );
    assert_eq!(live_version(api, "work").await, 1);
    let run = start(api, "work", "bob").await;
    api.completed(&run).await;
}

#[tokio::test]
async fn without_its_grant_a_plugin_is_not_called_and_its_runs_go_on_when_they_may_again() {
    let host = Host::start().await;
    let api = &host.api;
    install(api, misbehave()).await.ok();
    api.post("/v1/plugins/misbehave/grant", json!({}))
        .await
        .ok();
    api.publish(&workflow("work", &json!({"do": "behave"})))
        .await;
    api.publish(
        "name: other\ntrigger: {event: other.wanted}\nsteps:\n  \
         rest: {uses: wait@1, with: {for: 1s}}\n",
    )
    .await;
    let said = host.cli(["plugin", "revoke", "misbehave"]).await.ok();
    assert!(said.contains("the live workflow `work`"), "{said}");
    let run = start(api, "work", "bob").await;
    let parked = api
        .run_until(&run, "parked", |run| run["state"] == "needs-attention")
        .await;
    assert_eq!(parked["reason"], "plugin-missing", "{parked:#}");
    let timeline = json!(api.timeline(&run).await).to_string();
    assert!(timeline.contains("jackfield plugin grant"), "{timeline}");
    // Nobody else minds.
    let other = start(api, "other", "bob").await;
    api.completed(&other).await;
    api.delete("/v1/plugins/misbehave/grant")
        .await
        .refused(409, "conflict");

    host.cli(["plugin", "grant", "misbehave"]).await.ok();
    api.post(&format!("/v1/runs/{run}/retry"), json!({}))
        .await
        .ok();
    api.completed(&run).await;
}

#[tokio::test]
async fn what_was_taken_back_from_bytes_is_not_given_them_by_an_update() {
    let host = Host::start().await;
    let api = &host.api;
    let first = install(api, version("1.0.0", true)).await.ok();
    api.post("/v1/plugins/misbehave/grant", json!({}))
        .await
        .ok();
    let newer = update(api, "misbehave", version("1.1.0", true)).await.ok();
    assert_eq!(newer["current"], true, "{newer:#}");
    let digest = newer["digest"].as_str().unwrap();
    api.delete(&format!("/v1/plugins/{digest}/grant"))
        .await
        .ok();

    let again = update(api, "misbehave", version("1.1.0", true)).await.ok();
    assert_eq!(again["current"], false, "{again:#}");
    assert_eq!(again["approved"], Value::Null, "{again:#}");
    let first = first["digest"].as_str().unwrap();
    let before = api.get(&format!("/v1/plugins/{first}")).await.ok();
    assert_eq!(before["current"], true, "{before:#}");
    let granted = api
        .post(&format!("/v1/plugins/{digest}/grant"), json!({}))
        .await
        .ok();
    assert_eq!(granted["current"], true, "{granted:#}");
}

#[tokio::test]
async fn a_removal_by_force_parks_what_waits_and_loses_nothing_that_is_waited_for() {
    let host = Host::start().await;
    let api = &host.api;
    api.publish(
        "name: order\ntrigger: {event: order.placed}\nsteps:\n  \
         paid: {uses: wait@1, with: {event: {name: order.paid}, timeout: 2d}}\n",
    )
    .await;
    let mut runs = Vec::new();
    for contact in ["ann", "bob"] {
        let contact = format!("email:{contact}@example.com");
        let run = api.start("order.placed", Some(&contact), json!({})).await;
        api.waiting_at(&run, "paid").await;
        runs.push(run);
    }
    let needed = api
        .delete("/v1/plugins/wait")
        .await
        .refused(409, "conflict");
    let needed = needed.to_string();
    assert!(runs.iter().all(|run| needed.contains(run)), "{needed}");

    let said = host.cli(["plugin", "remove", "wait", "--force"]).await.ok();
    assert!(said.contains("2 waiting run(s) need attention"), "{said}");
    for run in &runs {
        let parked = api.run(run).await;
        assert_eq!(parked["state"], "needs-attention", "{parked:#}");
    }
    // What the first waits for comes while it is parked.
    api.event("order.paid", Some("email:ann@example.com"), json!({}))
        .await;
    let file = plugins().join("wait.wasm").display().to_string();
    host.cli(["plugin", "install", &file, "--grant"]).await.ok();
    for run in &runs {
        let path = format!("/v1/runs/{run}");
        let retry = async || {
            let answer = api.post(&format!("{path}/retry"), json!({})).await;
            answer.status < 300
        };
        // The first comes to its missing plugin in a burst of its own.
        for _ in 0..50 {
            if retry().await {
                break;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
    api.completed(&runs[0]).await;
    api.waiting_at(&runs[1], "paid").await;
    api.event("order.paid", Some("email:bob@example.com"), json!({}))
        .await;
    api.completed(&runs[1]).await;
}
