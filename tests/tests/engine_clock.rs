//! The engine with real plugins on a clock that stands still until it is moved: months of waiting
//! take no time, and nothing happens a millisecond before it is due.
//!
//! The engine, the sandbox and the embedded database are the real ones, and so are the built-in
//! `wait`, `branch` and `http-request`; only the layer above the engine is left out, for no step
//! here asks it anything.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use async_trait::async_trait;
use jackfield_egress::{Egress, NoSecrets, Secrets};
use jackfield_engine::{
    Accepted, Actor, Answer, Applied, Domain, DomainError, Effect, Engine, NewEvent, RunFilter,
    RunView, SecretOwner, SimulatedClock, Template, TimelineEntry, View, WorkflowError,
};
use jackfield_peers::Crm;
use jackfield_sandbox::{HostCall, Sandbox};
use jackfield_store::{Commit, SqliteStore, sqlite};
use jackfield_tests::{PATIENCE, plugins};
use serde_json::{Map, Value, json};
use std::any::Any;
use std::sync::Arc;

/// 2026-11-20T10:00:00Z.
const START: i64 = 1_795_168_800_000;
const MINUTE: i64 = 60_000;
const DAY: i64 = 24 * 60 * MINUTE;

/// A layer above the engine that knows contacts by their ids alone.
struct Nobody;

#[async_trait]
impl Domain for Nobody {
    async fn view(
        &self,
        _: &str,
        contact: Option<&str>,
        _: &[Effect],
    ) -> Result<View, DomainError> {
        let mut namespaces = Map::new();
        if let Some(id) = contact {
            namespaces.insert("contact".to_owned(), json!({"id": id}));
        }
        let unset = jackfield_engine::variables::Unset::Empty;
        Ok(View {
            namespaces,
            time_zone: jiff::tz::TimeZone::UTC,
            unset,
        })
    }

    async fn call(&self, _: &Actor, call: &HostCall, _: &[Effect]) -> Result<Answer, DomainError> {
        Err(DomainError::Invalid(format!(
            "no step of this test calls {}",
            call.name()
        )))
    }

    async fn apply(&self, _: &Actor, _: &[Effect], _: &mut Commit) -> Result<Applied, DomainError> {
        Ok(Applied::default())
    }

    fn committed(&self, _: Box<dyn Any + Send>) {}

    async fn template(&self, _: &str, _: &str) -> Result<Option<Template>, DomainError> {
        Ok(None)
    }

    fn secrets(&self, _: &str, _: SecretOwner<'_>) -> Arc<dyn Secrets> {
        Arc::new(NoSecrets)
    }

    fn message_due(&self, _: &str) {}

    async fn taken(&self, _: &[i32]) -> Result<(), DomainError> {
        Ok(())
    }

    async fn leave(&self, _: i32) {}

    fn lost(&self, _: i32) {}
}

struct Lab {
    engine: Engine,
    clock: SimulatedClock,
    data: tempfile::TempDir,
}

impl Lab {
    async fn open() -> Lab {
        let data = tempfile::tempdir().unwrap();
        let clock = SimulatedClock::at(START);
        let engine = engine(data.path(), &clock).await;
        for name in ["wait", "branch", "http-request"] {
            let file = plugins().join(format!("{name}.wasm"));
            let view = engine
                .plugins()
                .install(std::fs::read(file).unwrap(), START)
                .await
                .unwrap();
            engine.plugins().grant(&view.digest, None).await.unwrap();
        }
        engine.plugins_changed();
        engine.start().await.unwrap();
        Lab {
            engine,
            clock,
            data,
        }
    }

    /// Ends the engine in good order and begins another on the same database.
    async fn restart(self) -> Lab {
        let Lab {
            engine,
            clock,
            data,
        } = self;
        engine.stop().await;
        engine.store().close().await;
        drop(engine);
        let engine = self::engine(data.path(), &clock).await;
        engine.start().await.unwrap();
        Lab {
            engine,
            clock,
            data,
        }
    }

    async fn publish(&self, yaml: &str) -> Result<i64, WorkflowError> {
        let workflows = self.engine.workflows();
        let view = workflows.put("main", yaml, None, START).await?;
        Ok(workflows.publish("main", &view.name, START).await?.0)
    }

    /// A contact in the n-th bucket.
    fn contact(&self, n: i32) -> String {
        self.engine.new_id("ctc", n % self.engine.store().buckets())
    }

    async fn event(&self, name: &str, contact: &str, data: Value) -> Accepted {
        let bucket = jackfield_store::bucket_in("ctc", contact).unwrap();
        let event = NewEvent {
            workspace: "main".to_owned(),
            name: name.to_owned(),
            contact: Some(contact.to_owned()),
            subject: None,
            data,
            source: "api".to_owned(),
        };
        let lock = self.engine.lock(bucket).await.unwrap();
        self.engine
            .accept(&lock, vec![event], Commit::of(bucket))
            .await
            .unwrap()
    }

    async fn start(&self, name: &str, contact: &str, data: Value) -> String {
        let accepted = self.event(name, contact, data).await;
        assert_eq!(accepted.events[0].runs.len(), 1, "{accepted:?}");
        accepted.events[0].runs[0].clone()
    }

    async fn run(&self, id: &str) -> RunView {
        self.engine.runs().get("main", id).await.unwrap()
    }

    async fn timeline(&self, id: &str) -> Vec<TimelineEntry> {
        self.engine.runs().timeline("main", id, -1).await.unwrap()
    }

    /// Waits until a run is as asked; it says itself when it has moved.
    async fn until(&self, id: &str, what: &str, holds: impl Fn(&RunView) -> bool) -> RunView {
        let mut moved = self.engine.runs().watch(id);
        let wait = async {
            loop {
                moved.mark_unchanged();
                let run = self.run(id).await;
                if holds(&run) {
                    return run;
                }
                moved.changed().await.unwrap();
            }
        };
        match tokio::time::timeout(PATIENCE, wait).await {
            Ok(run) => run,
            Err(_) => panic!("{id} is not {what}: {:#?}", self.timeline(id).await),
        }
    }

    async fn in_state(&self, id: &str, state: &str) -> RunView {
        self.until(id, state, |run| run.state == state).await
    }

    /// Lets everything that could happen now happen: another run goes all the way through, its
    /// timer included.
    async fn settle(&self) {
        let probe = "name: probe\ntrigger: {event: probe.wanted}\nsteps:\n  \
                     a: {uses: wait@1, with: {until: \"2020-01-01 00:00\"}}\n";
        self.publish(probe).await.unwrap();
        for n in 0..5 {
            let id = self
                .start("probe.wanted", &self.contact(n), json!({}))
                .await;
            self.in_state(&id, "completed").await;
        }
    }
}

async fn engine(data: &std::path::Path, clock: &SimulatedClock) -> Engine {
    use jackfield_engine::Clock as _;
    let now = clock.clone();
    let options = sqlite::Options::new(
        data.join("jackfield.db"),
        "test",
        Arc::new(move || now.now()),
    );
    let mut sandbox = jackfield_sandbox::Options::new(data.join("compiled"));
    sandbox.max_activations = 16;
    let egress = jackfield_egress::Options {
        allow_addresses: vec!["127.0.0.0/8".parse().unwrap()],
        ..jackfield_egress::Options::default()
    };
    let engine = Engine::new(jackfield_engine::Options {
        room: jackfield_engine::RoomOptions::default(),
        store: Arc::new(SqliteStore::open(options).await.unwrap()),
        clock: Arc::new(clock.clone()),
        sandbox: Sandbox::new(sandbox).unwrap(),
        egress: Egress::new(egress).unwrap(),
    });
    engine.attach(Arc::new(Nobody));
    engine
}

fn of_kind<'a>(timeline: &'a [TimelineEntry], kind: &str) -> Vec<&'a TimelineEntry> {
    timeline.iter().filter(|entry| entry.kind == kind).collect()
}

#[tokio::test]
async fn a_wait_of_300_days_ends_in_the_millisecond_when_it_is_due() {
    let lab = Lab::open().await;
    lab.publish(
        "name: long\ntrigger: {event: long.wanted}\nsteps:\n  \
         pause: {uses: wait@1, with: {for: 300d}}\n",
    )
    .await
    .unwrap();
    let run = lab.start("long.wanted", &lab.contact(1), json!({})).await;
    let waiting = lab.in_state(&run, "waiting").await;
    let due = START + 300 * DAY;
    assert_eq!(waiting.waiting.unwrap().until, due);
    // Weeks pass, and the last day, and all but a millisecond.
    for step in [100 * DAY, 100 * DAY, 99 * DAY, DAY - MINUTE, MINUTE - 1] {
        lab.clock.advance(step);
        lab.settle().await;
        assert_eq!(lab.run(&run).await.state, "waiting");
    }
    lab.clock.advance(1);
    let done = lab.in_state(&run, "completed").await;
    assert_eq!(done.ended_at, Some(due));
    let timeline = lab.timeline(&run).await;
    assert_eq!(of_kind(&timeline, "woken")[0].at, due);
}

#[tokio::test]
async fn a_wait_outlives_the_engine_and_what_fell_due_meanwhile_ends_at_once() {
    let lab = Lab::open().await;
    let yaml = "name: long\ntrigger: {event: long.wanted}\nsteps:\n  \
                pause: {uses: wait@1, with: {for: \"$event.days.count\"}}\n";
    lab.publish(yaml).await.unwrap();
    let due = lab
        .start(
            "long.wanted",
            &lab.contact(1),
            json!({"days": {"count": "10d"}}),
        )
        .await;
    let later = lab
        .start(
            "long.wanted",
            &lab.contact(2),
            json!({"days": {"count": "30d"}}),
        )
        .await;
    for run in [&due, &later] {
        lab.in_state(run, "waiting").await;
    }
    lab.clock.advance(20 * DAY);
    // Whether it fired before the engine was stopped or after: once.
    let lab = lab.restart().await;
    lab.in_state(&due, "completed").await;
    assert_eq!(lab.run(&later).await.state, "waiting");
    assert_eq!(of_kind(&lab.timeline(&due).await, "woken").len(), 1);
    lab.clock.advance(10 * DAY);
    let done = lab.in_state(&later, "completed").await;
    assert_eq!(done.ended_at, Some(START + 30 * DAY));
}

#[tokio::test]
async fn tries_are_apart_by_growing_pauses_and_end() {
    let lab = Lab::open().await;
    let crm = Crm::start().await.unwrap();
    lab.publish(&format!(
        "name: ask\ntrigger: {{event: ask.wanted}}\nsteps:\n  ask:\n    uses: http-request@1\n    \
         with: {{method: POST, url: \"{}/x\", body: {{}}, retries: 5}}\n    \
         retry: {{attempts: 4, first: 2s, max: 10s}}\n",
        crm.url
    ))
    .await
    .unwrap();
    for _ in 0..20 {
        crm.answer_next(jackfield_peers::Answer::new(503, json!({})));
    }
    let run = lab.start("ask.wanted", &lab.contact(1), json!({})).await;
    let mut pauses = Vec::new();
    for _ in 0..4 {
        let waiting = lab.in_state(&run, "waiting").await.waiting.unwrap();
        assert_eq!(waiting.what, "retry");
        let now = jackfield_engine::Clock::now(&lab.clock);
        let pause = waiting.until - now;
        pauses.push(pause);
        // Not a millisecond early.
        let tried = crm.requests().count();
        lab.clock.advance(pause - 1);
        lab.settle().await;
        assert_eq!(
            (lab.run(&run).await.state.as_str(), crm.requests().count()),
            ("waiting", tried)
        );
        lab.clock.advance(1);
        crm.requests().at_least(tried + 1, PATIENCE).await.unwrap();
        lab.until(&run, "past the try", |run| {
            run.state == "failed"
                || run
                    .waiting
                    .as_ref()
                    .is_some_and(|w| w.until > waiting.until)
        })
        .await;
    }
    // 2, 4 and 8 seconds, then the longest; half of each is random.
    for (pause, full) in pauses.iter().zip([2_000, 4_000, 8_000, 10_000]) {
        assert!((full / 2..=full).contains(pause), "{pauses:?}");
    }
    let failed = lab.in_state(&run, "failed").await;
    assert_eq!(failed.reason.as_deref(), Some("http-503"));
    let requests = crm.requests().all();
    assert_eq!(requests.len(), 5, "the first try and four more");
    assert!(
        requests
            .iter()
            .all(|one| one.idempotency_key == requests[0].idempotency_key)
    );
    assert!(requests[0].idempotency_key.is_some());
}

#[tokio::test]
async fn a_loop_with_a_wait_goes_round_and_one_that_does_not_rest_is_stopped() {
    let lab = Lab::open().await;
    // A wait that is over at once does not pause: publishing cannot see it, the guard does.
    lab.publish(
        "name: spin\ntrigger: {event: spin.wanted}\nmax-visits: 20\nsteps:\n  \
         a: {uses: wait@1, with: {until: \"2020-01-01 00:00\"}}\n  \
         b:\n    uses: branch@1\n    with: {branches: [{name: again, when: {field: event.go.on, is: true}}]}\n    \
         branches: {again: a, else: end}\n",
    )
    .await
    .unwrap();
    let run = lab
        .start("spin.wanted", &lab.contact(1), json!({"go": {"on": true}}))
        .await;
    let failed = lab.in_state(&run, "failed").await;
    assert_eq!(failed.reason.as_deref(), Some("loop-guard"));
    let visits = of_kind(&lab.timeline(&run).await, "step-finished").len();
    assert_eq!(visits, 20);
    // The host goes on as before, and the loop can end by itself.
    let run = lab
        .start("spin.wanted", &lab.contact(2), json!({"go": {"on": false}}))
        .await;
    lab.in_state(&run, "completed").await;

    // With a real pause in it, a loop may go round for as long as it likes.
    lab.publish(
        "name: round\ntrigger: {event: round.wanted}\nmax-visits: 5\nsteps:\n  \
         a: {uses: wait@1, with: {for: 1d}}\n  \
         b:\n    uses: branch@1\n    with: {branches: [{name: again, when: {field: event.go.on, is: true}}]}\n    \
         branches: {again: a, else: end}\n",
    )
    .await
    .unwrap();
    let run = lab
        .start("round.wanted", &lab.contact(3), json!({"go": {"on": true}}))
        .await;
    for day in 1..=8 {
        let due = START + day * DAY;
        lab.until(&run, "waiting for the next day", |run| {
            run.waiting
                .as_ref()
                .is_some_and(|waiting| waiting.until == due)
        })
        .await;
        lab.clock.advance(DAY);
    }
    let due = START + 9 * DAY;
    lab.until(&run, "waiting after eight days", |run| {
        run.waiting
            .as_ref()
            .is_some_and(|waiting| waiting.until == due)
    })
    .await;
    // Steps that go round without any pause are not published at all.
    let refused = lab
        .publish(
            "name: endless\ntrigger: {event: a.b}\nsteps:\n  a:\n    uses: branch@1\n    \
             with: {branches: [{name: x, when: {field: event.go.on, is: true}}]}\n    \
             branches: {x: a, else: a}\n",
        )
        .await;
    assert!(
        matches!(refused, Err(WorkflowError::Problems(_))),
        "{refused:?}"
    );
}

#[tokio::test]
async fn events_of_many_contacts_at_once_start_each_its_run_and_one_contact_only_one() {
    let lab = Arc::new(Lab::open().await);
    lab.publish(
        "name: greet\ntrigger: {event: greet.wanted}\nsteps:\n  \
         pause: {uses: wait@1, with: {event: {name: go.on}, timeout: 10d}}\n",
    )
    .await
    .unwrap();
    let contacts: Vec<String> = (0..50).map(|n| lab.contact(n)).collect();
    let mut tasks = Vec::new();
    for contact in &contacts {
        // Three times the same event for each, all at the same time.
        for _ in 0..3 {
            let (lab, contact) = (Arc::clone(&lab), contact.clone());
            tasks.push(tokio::spawn(async move {
                let accepted = lab.event("greet.wanted", &contact, json!({})).await;
                accepted.events[0].runs.len()
            }));
        }
    }
    let mut started = 0;
    for task in tasks {
        started += task.await.unwrap();
    }
    assert_eq!(started, contacts.len());
    let filter = RunFilter {
        limit: 1_000,
        ..RunFilter::default()
    };
    let runs = lab.engine.runs().list("main", filter).await.unwrap();
    assert_eq!(runs.len(), contacts.len());
    for run in &runs {
        lab.in_state(&run.id, "waiting").await;
    }
    // The event and the timer at the same time: one of them ends the wait, and only once.
    lab.clock.advance(10 * DAY);
    let mut woken = 0;
    for contact in &contacts {
        woken += lab.event("go.on", contact, json!({})).await.events[0]
            .woken
            .len();
    }
    for run in &runs {
        lab.in_state(&run.id, "completed").await;
        let timeline = lab.timeline(&run.id).await;
        assert_eq!(of_kind(&timeline, "woken").len(), 1);
        assert_eq!(of_kind(&timeline, "run-finished").len(), 1);
    }
    assert!(woken <= contacts.len());
}
