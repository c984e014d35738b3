//! Faults put where a kill at a random instant seldom falls: at every commit of the main job, on
//! both sides of it; a file that cannot grow; a database that another program holds.
//!
//! The host of the first tests is a build with the feature `faults`, which ends itself at the commit
//! that `JACKFIELD_FAULT` names. What must hold is the same as of any crash: what was acknowledged
//! goes on, nothing is done twice, and what nobody can know is said.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use jackfield_peers::Inbound;
use jackfield_tests::{
    Host, OFFICE, Office, PATIENCE, call, phone, program, program_with_faults, until,
};
use reqwest::Method;
use rustix::process::{Pid, Resource, Rlimit, prlimit};
use serde_json::{Value, json};
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::time::{Duration, Instant};

/// The variable that names the commit.
const FAULT: &str = "JACKFIELD_FAULT";

/// One telling of the main job, with a host that may die at any moment of it.
struct Telling<'a> {
    office: &'a mut Office,
    number: String,
    agent: String,
    fault: String,
    /// The host has died and was started again.
    died: bool,
}

impl Telling<'_> {
    /// Starts the host again where it has died, without the fault.
    async fn revive(&mut self) {
        let host = &mut self.office.host;
        if host.process().is_none() {
            assert!(!self.died, "{}: it died twice\n{}", self.fault, host.log());
            self.died = true;
            host.set_environment(FAULT, None);
            host.begin().await;
        }
    }

    /// Looks until there is something to see, with whichever life of the host.
    async fn until<T>(&mut self, what: &str, mut look: impl AsyncFnMut(&Office) -> Option<T>) -> T {
        let began = Instant::now();
        loop {
            self.revive().await;
            if let Some(seen) = look(self.office).await {
                return seen;
            }
            let patient = began.elapsed() < PATIENCE;
            assert!(
                patient,
                "{}: waited for {what}\n{}",
                self.fault,
                self.office.host.log()
            );
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// The event, repeated with its key until it is acknowledged.
    async fn ring(&mut self) {
        let mut data = call();
        data["call"]["caller_number"] = self.number.clone().into();
        data["agent"]["email"] = self.agent.clone().into();
        let contact = format!("phone:{}", self.number);
        let body = json!({"name": "call.ended", "contact": contact, "data": data});
        let key = format!("ring-{}", self.number);
        self.until("the event's acknowledgement", async |office| {
            let request = office.api().request(Method::POST, "/v1/events");
            let request = request.header("Idempotency-Key", &key).json(&body);
            acknowledged(request).await
        })
        .await;
    }

    /// The caller's only run.
    async fn run(&mut self) -> Option<Value> {
        let path = format!("/v1/runs?contact=phone:%2B{}", &self.number[1..]);
        let page = self.until("the list of runs", async |office| get(office, &path).await);
        let page = page.await;
        let runs = page["items"].as_array().unwrap();
        assert!(runs.len() <= 1, "{}: {page:#}", self.fault);
        runs.first().cloned()
    }

    /// Answers the question, unless the run ends without having asked it.
    async fn answer(&mut self) {
        let number = self.number.clone();
        let asked = loop {
            let run = self.run().await.expect("the event was acknowledged");
            if seen(self.office, &number, "call you back?") > 0 {
                break true;
            }
            if is_over(&run) {
                break false;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        };
        if asked {
            let mut inbound = Inbound::text(&number, OFFICE, "2");
            inbound.sid = Some(format!("SM{:0>32}", &number[1..]));
            self.until("the answer to be taken", async |office| {
                let reply = office.gateway.deliver(&inbound).await.ok()?;
                (reply.status == 200).then_some(())
            })
            .await;
        }
    }

    /// The end of the run and of all its messages.
    async fn end(&mut self) -> (Value, Vec<Value>) {
        loop {
            let run = self.run().await.expect("the event was acknowledged");
            if is_over(&run) {
                let id = run["id"].as_str().unwrap();
                let path = format!("/v1/messages?limit=100&run={id}");
                let page = self.until("the messages", async |office| get(office, &path).await);
                let messages = page.await["items"].as_array().unwrap().clone();
                let moving = |one: &Value| one["status"] == "queued" || one["status"] == "sending";
                if !messages.iter().any(moving) {
                    return (run, messages);
                }
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

/// The number of messages to this number with these words.
fn seen(office: &Office, number: &str, words: &str) -> usize {
    let all = office.gateway.messages().all();
    all.iter()
        .filter(|sms| sms.to == number && sms.body.contains(words))
        .count()
}

fn is_over(run: &Value) -> bool {
    matches!(
        run["state"].as_str(),
        Some("completed" | "failed" | "cancelled" | "needs-attention")
    )
}

/// The body of an answer; none when there was no answer, or not yet.
async fn get(office: &Office, path: &str) -> Option<Value> {
    let answer = office.api().request(Method::GET, path).send().await.ok()?;
    answer.status().is_success().then_some(())?;
    answer.json().await.ok()
}

/// Whether a request with a key is known to be done.
async fn acknowledged(request: reqwest::RequestBuilder) -> Option<()> {
    let answer = request.timeout(Duration::from_secs(10)).send().await.ok()?;
    let status = answer.status();
    let body: Value = answer.json().await.ok()?;
    match body["code"].as_str() {
        _ if status.is_success() => Some(()),
        // Done before, by the life that died with the answer.
        Some("answer-not-kept") => Some(()),
        Some("in-progress") => None,
        _ if status.is_server_error() => None,
        _ => panic!("{status} {body:#}"),
    }
}

/// Tells the main job with a fault at the n-th commit; false when it ended without reaching it.
async fn tell(office: &mut Office, n: usize, fault: String) -> bool {
    office.host.kill();
    office.host.set_environment(FAULT, Some(&fault));
    // It may die while it starts, too.
    office.host.try_begin().await;
    let mut telling = Telling {
        number: phone(n),
        agent: format!("agent-{n}@example.com"),
        office,
        fault,
        died: false,
    };
    telling.ring().await;
    telling.answer().await;
    let (run, messages) = telling.end().await;
    let Telling {
        number,
        agent,
        fault,
        died,
        ..
    } = telling;
    let mails = office.mailbox.mails().all();
    let mails = mails.iter().filter(|mail| mail.to.contains(&agent)).count();
    let notes = office.crm.requests().all();
    let notes: Vec<_> = notes
        .iter()
        .filter(|one| one.json["phone"] == number)
        .collect();
    let arrived = [
        seen(office, &number, "Sorry we missed"),
        seen(office, &number, "call you back?"),
        mails,
    ];
    let story = format!("{fault}: {arrived:?} {notes:?}\n{run:#}\n{messages:#?}");
    assert!(arrived.iter().all(|count| *count <= 1), "twice: {story}");
    // What was uncertain may have become certain by the provider's report, later.
    let was_uncertain = |message: &&Value| {
        let mut history = message["history"].as_array().into_iter().flatten();
        history.any(|entry| entry["state"] == "uncertain")
    };
    let uncertain = messages.iter().filter(was_uncertain).count();
    let keys: std::collections::HashSet<_> = notes
        .iter()
        .map(|one| one.idempotency_key.clone())
        .collect();
    assert!(keys.len() <= 1, "another key: {story}");
    match run["state"].as_str() {
        Some("completed") => {
            assert_eq!(keys.len(), 1, "the CRM was not told: {story}");
            let missing = 3 - arrived.iter().sum::<usize>();
            assert!(missing <= uncertain, "lost: {story}");
        }
        Some("failed") => assert!(uncertain > 0, "it failed without a reason: {story}"),
        _ => panic!("{story}"),
    }
    assert!(died || uncertain == 0, "{story}");
    died
}

/// The main job with a fault at the first commit, the second, and so on, until it ends before.
async fn at_every_commit(side: &str) {
    let mut office =
        Office::open_with(Host::start_program(&program_with_faults(), &[]).await).await;
    let example = office.example();
    let quick = example.replace("within: 2m", "within: 4s");
    assert_ne!(example, quick);
    office.api().publish(&quick).await;
    let mut commits = 0;
    while tell(&mut office, commits, format!("{side}:{}", commits + 1)).await {
        commits += 1;
    }
    // It would be fewer if the host took no notice of the variable.
    assert!(commits >= 15, "the main job ended after {commits} commits");
    println!("{side}: the host died at each of {commits} commits");
}

#[tokio::test]
async fn a_host_that_dies_before_any_commit_of_the_main_job_loses_and_repeats_nothing() {
    at_every_commit("before-commit").await;
}

#[tokio::test]
async fn a_host_that_dies_after_any_commit_of_the_main_job_loses_and_repeats_nothing() {
    at_every_commit("after-commit").await;
}

/// Publishes a workflow that waits for a moment and counts the contact.
async fn publish_count(host: &Host) {
    let field = json!({"kind": "number"});
    host.api.put("/v1/contact-fields/visits", field).await.ok();
    host.api
        .publish(
            "name: count\ntrigger: {event: count.wanted}\nsteps:\n  \
             pause: {uses: wait@1, with: {for: 1s}}\n  \
             count:\n    uses: update-contact-field@1\n    \
             with: {field: visits, operation: increment, value: 1}\n",
        )
        .await;
}

/// Sends so many events, each about a contact of its own, repeated until they are acknowledged.
/// `troubled` is called when one was not acknowledged at once.
async fn send_counts(host: &Host, from: usize, count: usize, troubled: impl Fn()) {
    for n in from..from + count {
        let contact = format!("phone:{}", phone(n));
        let body = json!({"name": "count.wanted", "contact": contact, "data": {"n": n}});
        until("the acknowledgement", async || {
            let request = host.api.request(Method::POST, "/v1/events");
            let request = request.header("Idempotency-Key", format!("count-{n}"));
            let done = acknowledged(request.json(&body)).await;
            if done.is_none() {
                troubled();
            }
            done
        })
        .await;
    }
}

/// Each contact was counted once, by one run.
async fn counted_once(host: &Host, count: usize) {
    until("every run to be over", async || {
        let runs = host.api.all("/v1/runs?limit=100").await;
        runs.iter().all(is_over).then_some(())
    })
    .await;
    let runs = host.api.all("/v1/runs?limit=100").await;
    assert_eq!(runs.len(), count);
    assert!(
        runs.iter().all(|run| run["state"] == "completed"),
        "{runs:#?}"
    );
    for n in 0..count {
        let path = format!("/v1/contacts/phone:%2B{}", &phone(n)[1..]);
        let contact = host.api.get(&path).await.ok();
        assert_eq!(contact["visits"].as_f64(), Some(1.0), "{contact:#}");
    }
}

/// A file that cannot grow is what a full disk is to a program. (`host/store/tests` does the same
/// with SQLite's own limit, which is told apart as `SQLITE_FULL`.)
#[tokio::test]
async fn a_disk_on_which_nothing_can_be_written_delays_and_loses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let wrapper = folder.path().join("jackfield");
    // The signal that comes with the limit would end the process; a full disk sends none.
    let script = format!(
        "#!/bin/sh\ntrap '' XFSZ\nexec {} \"$@\"\n",
        program().display()
    );
    fs::write(&wrapper, script).unwrap();
    fs::set_permissions(&wrapper, fs::Permissions::from_mode(0o755)).unwrap();
    let mut host = Host::start_program(&wrapper, &[]).await;
    publish_count(&host).await;
    send_counts(&host, 0, 10, || {}).await;
    let process = host.process().expect("it runs");
    let process = Pid::from_raw(i32::try_from(process).unwrap());
    let limit = |current| {
        let limit = Rlimit {
            current,
            maximum: None,
        };
        prlimit(process, Resource::Fsize, limit).expect("the limit can be set");
    };
    limit(Some(4_096));
    let refused = std::cell::Cell::new(0);
    let began = Instant::now();
    send_counts(&host, 10, 10, || {
        refused.set(refused.get() + 1);
        // Somebody makes room.
        if began.elapsed() > Duration::from_secs(3) {
            limit(None);
        }
    })
    .await;
    assert!(refused.get() > 0, "the limit was not felt");
    assert!(host.process().is_some(), "it ended:\n{}", host.log());
    counted_once(&host, 20).await;
    host.restart().await;
    counted_once(&host, 20).await;
}

/// `sqlite3` in an operator's hands, or a backup that holds the database for too long.
#[tokio::test]
async fn a_database_that_another_program_holds_for_seconds_delays_and_loses_nothing() {
    use sqlx::{Connection as _, Executor as _};
    let mut host = Host::start().await;
    publish_count(&host).await;
    send_counts(&host, 0, 10, || {}).await;
    let url = format!("sqlite://{}", host.data().join("jackfield.db").display());
    let mut other = sqlx::SqliteConnection::connect(&url).await.unwrap();
    other.execute("BEGIN IMMEDIATE").await.unwrap();
    let held = tokio::spawn(async move {
        // Longer than the host waits for a lock within a commit.
        tokio::time::sleep(Duration::from_secs(12)).await;
        other.execute("ROLLBACK").await.unwrap();
        other.close().await.unwrap();
    });
    let began = Instant::now();
    send_counts(&host, 10, 10, || {}).await;
    assert!(
        began.elapsed() > Duration::from_secs(11),
        "the lock was not felt"
    );
    held.await.unwrap();
    assert!(host.process().is_some(), "it ended:\n{}", host.log());
    counted_once(&host, 20).await;
}

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
