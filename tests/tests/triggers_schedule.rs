//! Schedules: once for each time, over restarts and changes of clocks, for nobody or for everybody on
//! a list; and as the API and the command line show them.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use jackfield_engine::{Clock as _, RunFilter, RunView};
use jackfield_store::Commit;
use jackfield_store::records::ContactList;
use jackfield_tests::{EVERYBODY, Host, Lab, PATIENCE, START};
use serde_json::json;
use std::collections::BTreeSet;

const HOUR: i64 = 3_600_000;
const STEPS: &str = "steps:\n  look: {uses: branch@1, with: {branches: [{name: it, when: {field: workflow.name, exists: true}}]}}\n";

async fn lab() -> Lab {
    Lab::open(&["wait", "branch"]).await
}

/// Publishes by the lab's clock.
async fn publish(lab: &Lab, name: &str, trigger: &str) {
    let yaml = format!("name: {name}\ntrigger: {trigger}\n{STEPS}");
    let workflows = lab.engine.workflows();
    workflows.put("main", &yaml, None, START).await.unwrap();
    let now = lab.clock.now();
    workflows.publish("main", name, now).await.unwrap();
}

async fn runs(lab: &Lab, workflow: &str) -> Vec<RunView> {
    let filter = RunFilter {
        workflow: Some(workflow.to_owned()),
        limit: 5_000,
        ..RunFilter::default()
    };
    lab.engine.runs().list("main", filter).await.unwrap()
}

/// Waits until a workflow has so many runs: the newest first.
async fn until(lab: &Lab, workflow: &str, count: usize) -> Vec<RunView> {
    let wait = async {
        loop {
            let runs = runs(lab, workflow).await;
            if runs.len() >= count {
                return runs;
            }
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    };
    let runs = tokio::time::timeout(PATIENCE, wait).await;
    let runs = runs.expect("the schedule fires");
    assert_eq!(runs.len(), count);
    runs
}

fn due(run: &RunView) -> &str {
    run.trigger["schedule"]["due"].as_str().unwrap()
}

#[tokio::test]
async fn a_schedule_fires_once_for_each_time_and_not_a_millisecond_before() {
    let lab = lab().await;
    // It is 10:00 UTC, 11:00 in Paris.
    publish(
        &lab,
        "noon",
        "{event: schedule, cron: \"0 12 * * *\", time-zone: Europe/Paris}",
    )
    .await;
    publish(&lab, "other", "{event: schedule, cron: \"0 12 1 1 *\"}").await;
    lab.clock.advance(HOUR - 1);
    lab.settle().await;
    assert!(runs(&lab, "noon").await.is_empty());
    lab.clock.advance(1);
    let first = until(&lab, "noon", 1).await;
    assert_eq!(due(&first[0]), "2026-11-20T12:00:00+01:00");
    assert_eq!(first[0].trigger["schedule"]["missed"], 0);
    assert_eq!(
        (first[0].contact.as_ref(), first[0].created_at),
        (None, START + HOUR)
    );
    lab.clock.advance(24 * HOUR - 1);
    lab.settle().await;
    assert_eq!(runs(&lab, "noon").await.len(), 1);
    let shown = lab.engine.schedules("main").await.unwrap();
    assert_eq!(shown[0].last_due, Some(START + HOUR));
    assert_eq!(shown[0].next_due, Some(START + 25 * HOUR));
    assert!(lab.engine.schedules("another").await.unwrap().is_empty());
    lab.clock.advance(1);
    until(&lab, "noon", 2).await;
    assert!(
        runs(&lab, "other").await.is_empty(),
        "each starts its own workflow"
    );
}

#[tokio::test]
async fn over_a_change_of_clocks_it_keeps_to_the_time_on_the_wall() {
    let lab = lab().await;
    // Paris, 28 March 2027: 02:00 becomes 03:00.
    let before: jiff::Timestamp = "2027-03-27T12:00:00Z".parse().unwrap();
    lab.clock.set(before.as_millisecond());
    publish(
        &lab,
        "early",
        "{event: schedule, cron: \"30 2 * * *\", time-zone: Europe/Paris}",
    )
    .await;
    lab.clock.advance(13 * HOUR - 1);
    lab.settle().await;
    assert!(runs(&lab, "early").await.is_empty());
    lab.clock.advance(1);
    let skipped = until(&lab, "early", 1).await;
    assert_eq!(due(&skipped[0]), "2027-03-28T03:00:00+02:00");
    lab.clock.advance(23 * HOUR + HOUR / 2 - 1);
    lab.settle().await;
    assert_eq!(runs(&lab, "early").await.len(), 1);
    lab.clock.advance(1);
    let next = until(&lab, "early", 2).await;
    assert_eq!(due(&next[0]), "2027-03-29T02:30:00+02:00");
}

#[tokio::test]
async fn of_times_that_nobody_was_up_for_the_latest_fires_and_says_how_many_there_were() {
    let lab = lab().await;
    publish(&lab, "hourly", "{event: schedule, cron: \"0 * * * *\"}").await;
    lab.clock.advance(HOUR);
    until(&lab, "hourly", 1).await;
    lab.engine.stop().await;
    lab.clock.advance(5 * HOUR + HOUR / 2);
    let lab = lab.restart().await;
    let made_up = until(&lab, "hourly", 2).await;
    assert_eq!(due(&made_up[0]), "2026-11-20T16:00:00+00:00");
    assert_eq!(made_up[0].trigger["schedule"]["missed"], 4);
    // And nothing twice.
    let lab = lab.restart().await;
    lab.settle().await;
    assert_eq!(runs(&lab, "hourly").await.len(), 2);
    lab.clock.advance(HOUR / 2);
    let next = until(&lab, "hourly", 3).await;
    assert_eq!(next[0].trigger["schedule"]["missed"], 0);
}

#[tokio::test]
async fn a_stopped_workflow_has_no_schedule_and_is_not_made_up_for() {
    let lab = lab().await;
    let hourly = "{event: schedule, cron: \"0 * * * *\"}";
    publish(&lab, "hourly", hourly).await;
    lab.clock.advance(HOUR);
    until(&lab, "hourly", 1).await;
    let workflows = lab.engine.workflows();
    workflows
        .set_active("main", "hourly", false, lab.clock.now())
        .await
        .unwrap();
    assert!(lab.engine.schedules("main").await.unwrap().is_empty());
    lab.clock.advance(3 * HOUR + 1);
    lab.settle().await;
    workflows
        .set_active("main", "hourly", true, lab.clock.now())
        .await
        .unwrap();
    lab.settle().await;
    assert_eq!(runs(&lab, "hourly").await.len(), 1);
    // What is published again with the same time goes on from where it was.
    publish(&lab, "hourly", hourly).await;
    lab.clock.advance(HOUR);
    for run in until(&lab, "hourly", 2).await {
        // One that is under way would need its workflow.
        lab.in_state(&run.id, "completed").await;
    }
    workflows.delete("main", "hourly").await.unwrap();
    lab.clock.advance(2 * HOUR);
    lab.settle().await;
    assert_eq!(runs(&lab, "hourly").await.len(), 2);
}

async fn make_list(lab: &Lab) {
    let mut commit = Commit::control();
    commit.put(&ContactList {
        workspace: "main".to_owned(),
        name: EVERYBODY.to_owned(),
        id: "lst_1".to_owned(),
        title: "Everybody".to_owned(),
        description: None,
        created_at: START,
    });
    lab.engine.store().commit(commit).await.unwrap();
}

#[tokio::test]
async fn everybody_on_a_list_gets_one_run_for_each_time_also_where_the_host_ends_in_between() {
    let lab = lab().await;
    make_list(&lab).await;
    // More than a page.
    let everybody: BTreeSet<String> = (0..520).map(|n| lab.contact(n)).collect();
    *lab.audience.contacts.lock().unwrap() = everybody.iter().cloned().collect();
    publish(
        &lab,
        "news",
        "{event: schedule, cron: \"0 12 * * *\", for: {list: everybody}}",
    )
    .await;
    lab.clock.advance(2 * HOUR);
    // The second page is not told before the host ends.
    lab.audience.pages.add_permits(1);
    until(&lab, "news", 500).await;
    let lab = lab.restart().await;
    assert!(lab.engine.schedules("main").await.unwrap()[0].firing);
    lab.audience.pages.add_permits(2);
    let runs = until(&lab, "news", 520).await;
    let reached: BTreeSet<String> = runs.iter().filter_map(|run| run.contact.clone()).collect();
    assert_eq!(reached, everybody);
    assert!(
        runs.iter()
            .all(|run| due(run) == "2026-11-20T12:00:00+00:00")
    );
    // The next time has everybody again, and who is new.
    lab.audience.contacts.lock().unwrap().push(lab.contact(7));
    lab.audience.pages.add_permits(2);
    lab.clock.advance(24 * HOUR);
    until(&lab, "news", 520 + 521).await;
    let shown = &lab.engine.schedules("main").await.unwrap()[0];
    assert_eq!(shown.list.as_deref(), Some("everybody"));
}

#[tokio::test]
async fn what_is_wrong_with_a_schedule_is_said_when_it_is_published() {
    let host = Host::start().await;
    let api = &host.api;
    for (trigger, part) in [
        ("{event: schedule}", "`cron` is missing"),
        ("{event: schedule, cron: \"0 9 * *\"}", "five fields"),
        ("{event: schedule, cron: \"0 25 * * *\"}", "`25` is no hour"),
        ("{event: schedule, cron: \"0 0 30 2 *\"}", "never comes"),
        ("{event: schedule, cron: 5}", "`cron` is a text"),
        (
            "{event: schedule, cron: \"0 9 * * *\", time-zone: Paris}",
            "IANA",
        ),
        (
            "{event: schedule, cron: \"0 9 * * *\", for: news}",
            "a mapping with `list`",
        ),
        (
            "{event: schedule, cron: \"0 9 * * *\", for: {list: News}}",
            "names a list",
        ),
        (
            "{event: schedule, cron: \"0 9 * * *\", accounts: {only: [a]}}",
            "of no account",
        ),
        (
            "{event: call.ended, cron: \"0 9 * * *\"}",
            "triggers on `schedule` only",
        ),
    ] {
        let yaml = format!("name: s\ntrigger: {trigger}\n{STEPS}");
        let said = api
            .put_workflow(&yaml)
            .await
            .refused(422, "invalid-document");
        assert!(said.to_string().contains(part), "{trigger}: {said:#}");
    }
    let news = format!(
        "name: news\ntrigger: {{event: schedule, cron: \"0 9 * * mon-fri\", for: {{list: newss}}}}\n{STEPS}"
    );
    api.put_workflow(&news).await.ok();
    api.put("/v1/lists/news", json!({})).await.ok();
    let publish = "/v1/workflows/news/publish";
    let said = api
        .post(publish, json!({}))
        .await
        .refused(422, "invalid-document");
    assert_eq!(said["errors"][0]["code"], "unknown-list", "{said:#}");
    assert_eq!(said["errors"][0]["suggestion"], "news");
    api.put_workflow(&news.replace("newss", "news")).await.ok();
    api.post(publish, json!({})).await.ok();

    let shown = api.all("/v1/schedules").await;
    assert_eq!(shown.len(), 1);
    assert_eq!(shown[0]["cron"], "0 9 * * mon-fri");
    assert_eq!(shown[0]["list"], "news");
    assert_eq!(shown[0]["last-due"], json!(null));
    assert!(shown[0]["next-due"].as_i64().is_some());
    let table = host.cli(["schedule", "list"]).await.ok();
    assert!(
        table.contains("mon-fri") && table.contains("news"),
        "{table}"
    );
    api.post("/v1/workspaces", json!({"id": "lyon"})).await.ok();
    let lyon = api.in_workspace("lyon");
    assert!(lyon.all("/v1/schedules").await.is_empty());
    // Nobody else makes it fire.
    api.post("/v1/events", json!({"name": "schedule"}))
        .await
        .refused(422, "invalid");
}
