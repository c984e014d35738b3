//! A clock that jumps either way, while the host runs and while it is down.

use jackfield_tests::{Host, phone, program_with_faults};
use serde_json::json;
use std::fs;

const MINUTE: i64 = 60_000;

/// A host whose clock can be put wrong while it runs.
struct Clocked {
    host: Host,
    folder: tempfile::TempDir,
}

impl Clocked {
    async fn start() -> Clocked {
        let folder = tempfile::tempdir().unwrap();
        let mut host = Host::start_program(&program_with_faults(), &[]).await;
        host.kill();
        let file = folder.path().join("ahead");
        host.set_environment("JACKFIELD_CLOCK", file.to_str());
        let clocked = Clocked { host, folder };
        clocked.set(0);
        clocked
    }

    /// The clock is so many milliseconds ahead of the machine's from now on.
    fn set(&self, ahead: i64) {
        let (file, next) = (
            self.folder.path().join("ahead"),
            self.folder.path().join("new"),
        );
        fs::write(&next, ahead.to_string()).unwrap();
        fs::rename(next, file).unwrap();
    }

    /// Starts a run that waits for so long.
    async fn wait(&self, length: &str, n: usize) -> String {
        let contact = format!("phone:{}", phone(n));
        let name = format!("wait-{length}");
        self.host
            .api
            .publish(&format!(
                "name: {name}\ntrigger: {{event: {name}.wanted}}\nsteps:\n  \
                 pause: {{uses: wait@1, with: {{for: {length}}}}}\n"
            ))
            .await;
        let event = format!("{name}.wanted");
        let run = self.host.api.start(&event, Some(&contact), json!({})).await;
        self.host.api.waiting_at(&run, "pause").await;
        run
    }

    /// When a completed run was to wake, and when it did, by the host's clock.
    async fn woken(&self, run: &str) -> (i64, i64) {
        self.host.api.completed(run).await;
        let timeline = self.host.api.timeline(run).await;
        let of = |kind: &str| timeline.iter().find(|entry| entry["kind"] == kind).unwrap();
        let until = of("waiting")["data"]["until"].as_i64().unwrap();
        (until, of("woken")["at"].as_i64().unwrap())
    }
}

#[tokio::test]
async fn a_clock_that_jumps_either_way_makes_no_timer_early_and_none_forgotten() {
    let mut clocked = Clocked::start().await;
    clocked.host.begin().await;
    let short = clocked.wait("2s", 0).await;
    let half_an_hour = clocked.wait("30m", 1).await;
    let three_hours = clocked.wait("3h", 2).await;

    // An hour back: what was due in seconds is due in an hour, and new waits are as long as asked.
    clocked.set(-60 * MINUTE);
    let fresh = clocked.wait("2s", 3).await;
    let (until, woken) = clocked.woken(&fresh).await;
    assert!(woken >= until, "{until} {woken}");
    let waits = clocked.host.api.run(&short).await;
    assert_eq!(
        waits["state"], "waiting",
        "it was due by the clock of before"
    );

    // An hour ahead: what is due by the host's clock wakes at once, and nothing else.
    clocked.set(60 * MINUTE);
    for run in [&short, &half_an_hour] {
        let (until, woken) = clocked.woken(run).await;
        assert!(woken >= until, "{until} {woken}");
    }
    let waits = clocked.host.api.run(&three_hours).await;
    assert_eq!(waits["state"], "waiting");

    // Right again, in the next life: what was begun in what is now the future goes on.
    let ahead = clocked.wait("1s", 4).await;
    clocked.host.kill();
    clocked.set(0);
    clocked.host.begin().await;
    let fresh = clocked.wait("2s", 5).await;
    let (until, woken) = clocked.woken(&fresh).await;
    assert!(woken >= until, "{until} {woken}");
    clocked.set(61 * MINUTE);
    let (until, woken) = clocked.woken(&ahead).await;
    assert!(woken >= until, "{until} {woken}");
}

#[tokio::test]
async fn a_clock_that_jumps_back_leaves_a_contacts_events_in_their_order() {
    let mut clocked = Clocked::start().await;
    clocked.host.begin().await;
    let api = &clocked.host.api;
    let who = Some("email:ann@example.com");
    let mut ids = Vec::new();
    for ahead in [0, 60 * MINUTE, 0, -60 * MINUTE] {
        clocked.set(ahead);
        let accepted = api.event("order.placed", who, json!({})).await;
        ids.push(accepted["id"].as_str().unwrap().to_owned());
    }
    assert!(ids.is_sorted(), "{ids:?}");
}
