//! Retention as an operator sets it: a run that is over leaves by itself, into the archive.

use jackfield_tests::{Host, until};
use serde_json::{Value, json};

#[tokio::test]
async fn a_run_that_is_over_leaves_by_itself_and_stands_in_the_archive() {
    let place = tempfile::tempdir().unwrap();
    let archive = place.path().join("archive");
    let host = Host::start_with(&[
        "--retention-runs",
        "2s",
        "--retention-history",
        "2s",
        "--archive",
        archive.to_str().unwrap(),
    ])
    .await;
    let waits =
        "name: waits\ntrigger: {event: waits}\nsteps:\n  a: {uses: wait@1, with: {for: 1h}}\n";
    let short = "name: short\ntrigger: {event: short}\nsteps:\n  a: {uses: wait@1, with: {until: \"2020-01-01 00:00\"}}\n";
    host.api.publish(waits).await;
    host.api.publish(short).await;
    let stays = host.api.start("waits", None, json!({})).await;
    let leaves = host
        .api
        .start("short", Some("email:ann@example.com"), json!({"n": 1}))
        .await;
    let path = format!("/v1/runs/{leaves}");
    until("the run to leave", async || {
        (host.api.get(&path).await.status == 404).then_some(())
    })
    .await;
    host.api.get(&path).await.refused(404, "not-found");
    host.api.waiting_at(&stays, "a").await;
    let files: Vec<_> = std::fs::read_dir(&archive).unwrap().flatten().collect();
    assert_eq!(files.len(), 1, "{files:?}");
    let text = std::fs::read_to_string(files[0].path()).unwrap();
    let line: Value = serde_json::from_str(text.lines().next().unwrap()).unwrap();
    assert_eq!(line["run"]["id"], leaves.as_str());
    assert_eq!(line["run"]["state"], "completed");
    assert!(!line["journal"].as_array().unwrap().is_empty(), "{line:#}");
    until("the metric", async || {
        let metrics = host.api.get("/metrics").await.text;
        let counted = metrics.contains("jackfield_pruned_total{kind=\"run\"} 1");
        counted.then_some(())
    })
    .await;
}
