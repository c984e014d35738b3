//! Random workflows, random events, restarts, cancellations and jumps of the clock: no run is lost,
//! stuck without a due time or run twice, and every run ends in a documented state.
//!
//! What must hold, whatever was drawn:
//! - an event names every active workflow that listens to it once: as started, or with a reason;
//! - every run that was started is there, and nothing else is;
//! - who waits has a due time, and nothing wakes before it;
//! - a contact is never in a workflow twice at a time, nor again where it may be there once;
//! - each finished visit of a step that calls out has called out once, and the other way round;
//! - once time has gone by, every run is over.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use jackfield_engine::{Clock, RunFilter, RunView, TimelineEntry};
use jackfield_peers::Crm;
use jackfield_tests::{DAY, Lab, PATIENCE};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

const MINUTE: i64 = 60_000;
/// Cases of a run in CI; `JACKFIELD_RANDOM_CASES` asks for more.
const CASES: u32 = 12;
/// Why a workflow that listens was not started (docs/workflows.md).
const REASONS: [&str; 3] = ["condition", "once-per-contact", "already-enrolled"];
const OVER: [&str; 3] = ["completed", "failed", "cancelled"];

/// One step; targets are places in the list, and one past the end is `end`.
#[derive(Clone, Debug)]
enum Step {
    /// Waits so many minutes.
    Pause(i64),
    /// Waits for an event, for so many minutes at most; then goes there.
    Await(usize, i64, usize),
    /// Goes there where the event's number is so.
    Branch(u8, usize),
    /// Jumps there, so many times.
    Jump(usize, u8),
    /// Calls out.
    Call,
    /// Is skipped where the event's number is so.
    Sometimes(u8),
}

#[derive(Clone, Debug)]
struct Workflow {
    event: usize,
    number: Option<u8>,
    once: bool,
    steps: Vec<Step>,
}

#[derive(Clone, Debug)]
enum Action {
    Event {
        name: usize,
        contact: i32,
        number: u8,
    },
    Advance(i64),
    Restart,
    Cancel(usize),
    Publish(usize),
    Activate(usize, bool),
}

fn step() -> impl Strategy<Value = Step> {
    let minutes = prop_oneof![1..60_i64, 60..3_000_i64, 10_000..100_000_i64];
    prop_oneof![
        minutes.clone().prop_map(Step::Pause),
        (0..3_usize, minutes, 1..7_usize).prop_map(|(name, most, to)| Step::Await(name, most, to)),
        (0..3_u8, 1..7_usize).prop_map(|(number, to)| Step::Branch(number, to)),
        (0..7_usize, 1..4_u8).prop_map(|(to, most)| Step::Jump(to, most)),
        Just(Step::Call),
        (0..3_u8).prop_map(Step::Sometimes),
    ]
}

fn workflow() -> impl Strategy<Value = Workflow> {
    let number = prop_oneof![3 => Just(None), 1 => (0..3_u8).prop_map(Some)];
    let steps = prop::collection::vec(step(), 1..7);
    (0..2_usize, number, prop::bool::weighted(0.2), steps).prop_map(
        |(event, number, once, steps)| Workflow {
            event,
            number,
            once,
            steps,
        },
    )
}

fn action() -> impl Strategy<Value = Action> {
    prop_oneof![
        8 => (0..2_usize, 0..3_i32, 0..3_u8)
            .prop_map(|(name, contact, number)| Action::Event { name, contact, number }),
        4 => prop_oneof![1..MINUTE, MINUTE..DAY, DAY..20 * DAY].prop_map(Action::Advance),
        1 => Just(Action::Restart),
        1 => (0..50_usize).prop_map(Action::Cancel),
        1 => (0..3_usize).prop_map(Action::Publish),
        1 => (0..3_usize, any::<bool>()).prop_map(|(which, on)| Action::Activate(which, on)),
    ]
}

fn event_name(n: usize) -> String {
    format!("random.event{n}")
}

/// The document, in which every way leads forward but for jumps.
fn document(n: usize, workflow: &Workflow, crm: &str) -> String {
    let many = workflow.steps.len();
    let id = |n: usize| {
        if n >= many {
            "end".to_owned()
        } else {
            format!("s{n}")
        }
    };
    let mut steps = serde_json::Map::new();
    for (at, step) in workflow.steps.iter().enumerate() {
        let ahead = |to: usize| id((at + to).min(many));
        let step = match step {
            Step::Pause(minutes) => {
                json!({"uses": "wait@1", "with": {"for": format!("{minutes}m")}})
            }
            Step::Await(name, minutes, to) => json!({
                "uses": "wait@1",
                "with": {"event": {"name": event_name(*name)}, "timeout": format!("{minutes}m")},
                "branches": {"timeout": ahead(*to)},
            }),
            Step::Branch(number, to) => json!({
                "uses": "branch@1",
                "with": {"branches": [{"name": "there", "when": {"field": "event.number", "is": number}}]},
                "branches": {"there": ahead(*to)},
            }),
            Step::Jump(to, most) => {
                json!({"uses": "jump-to@1", "with": {"step": format!("s{}", to % many), "max-jumps": most}})
            }
            Step::Call => json!({
                "uses": "http-request@1",
                "with": {"method": "POST", "url": format!("{crm}/visit"), "body": {"run": "$run.id", "step": format!("s{at}")}},
            }),
            Step::Sometimes(number) => json!({
                "uses": "http-request@1",
                "when": {"field": "event.number", "is-not": number},
                "with": {"method": "POST", "url": format!("{crm}/visit"), "body": {"run": "$run.id", "step": format!("s{at}")}},
            }),
        };
        steps.insert(format!("s{at}"), step);
    }
    let mut trigger =
        json!({"event": event_name(workflow.event), "once-per-contact": workflow.once});
    if let Some(number) = workflow.number {
        trigger["when"] = json!({"field": "event.number", "is": number});
    }
    json!({"name": format!("random-{n}"), "trigger": trigger, "steps": steps}).to_string()
}

async fn all_runs(lab: &Lab) -> Vec<RunView> {
    let filter = RunFilter {
        limit: 1_000,
        ..RunFilter::default()
    };
    lab.engine.runs().list("main", filter).await.unwrap()
}

/// Waits until nothing moves any more at the clock's time; gives the runs.
async fn at_rest(lab: &Lab) -> Vec<RunView> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let runs = all_runs(lab).await;
        let now = lab.clock.now();
        let rests = |run: &RunView| match run.state.as_str() {
            "waiting" => run
                .waiting
                .as_ref()
                .is_some_and(|waiting| waiting.until > now),
            state => OVER.contains(&state),
        };
        let Some(restless) = runs.iter().find(|run| !rests(run)) else {
            return runs;
        };
        if Instant::now() > deadline {
            let timeline = lab.timeline(&restless.id).await;
            panic!("at {now} this run is stuck: {restless:#?}\n{timeline:#?}");
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

/// A run that was started, and for whom.
#[derive(Debug)]
struct Started {
    workflow: String,
    contact: String,
}

/// Plays a case; how many runs there were.
async fn play(workflows: &[Workflow], actions: &[Action]) -> usize {
    let crm = Crm::start().await.unwrap();
    let mut lab = Lab::open(&["wait", "branch", "jump-to", "http-request"]).await;
    let mut active: BTreeMap<usize, bool> = BTreeMap::new();
    for (n, workflow) in workflows.iter().enumerate() {
        // What cannot be published (a jump back without a pause, a step that is not reached) is no
        // workflow.
        if lab.publish(&document(n, workflow, &crm.url)).await.is_ok() {
            active.insert(n, true);
        }
    }
    let contacts: Vec<String> = (0..3).map(|n| lab.contact(n)).collect();
    let mut started: HashMap<String, Started> = HashMap::new();
    let mut order: Vec<String> = Vec::new();
    for action in actions {
        match action {
            Action::Event {
                name,
                contact,
                number,
            } => {
                let who = &contacts[usize::try_from(*contact).unwrap()];
                let accepted = lab
                    .event(&event_name(*name), who, json!({"number": number}))
                    .await;
                let event = &accepted.events[0];
                let mut told: Vec<String> = Vec::new();
                for id in &event.runs {
                    let run = lab.run(id).await;
                    told.push(run.workflow.clone());
                    order.push(id.clone());
                    let one = Started {
                        workflow: run.workflow,
                        contact: who.clone(),
                    };
                    assert!(
                        started.insert(id.clone(), one).is_none(),
                        "{id} started twice"
                    );
                }
                for skipped in &event.skipped {
                    assert!(REASONS.contains(&skipped.reason.as_str()), "{skipped:?}");
                    told.push(skipped.workflow.clone());
                }
                told.sort();
                let listen = active
                    .iter()
                    .filter(|(n, on)| **on && workflows[**n].event == *name);
                let listen: Vec<String> = listen.map(|(n, _)| format!("random-{n}")).collect();
                assert_eq!(told, listen, "{accepted:#?}");
                assert!(
                    event.woken.iter().all(|id| started.contains_key(id)),
                    "{event:?}"
                );
            }
            Action::Advance(by) => {
                lab.clock.advance(*by);
            }
            Action::Restart => lab = lab.restart().await,
            Action::Cancel(which) => {
                if let Some(id) = order.get(which % order.len().max(1)) {
                    // It may be over.
                    let _ = lab.engine.runs().cancel("main", id, "by chance").await;
                }
            }
            Action::Publish(which) => {
                if active.contains_key(which) {
                    lab.publish(&document(*which, &workflows[*which], &crm.url))
                        .await
                        .unwrap();
                    active.insert(*which, true);
                }
            }
            Action::Activate(which, on) => {
                if let Some(is) = active.get_mut(which) {
                    let name = format!("random-{which}");
                    let now = lab.clock.now();
                    lab.engine
                        .workflows()
                        .set_active("main", &name, *on, now)
                        .await
                        .unwrap();
                    *is = *on;
                }
            }
        }
    }
    // Time goes by, from one due time to the next.
    let mut rounds = 0;
    loop {
        let runs = at_rest(&lab).await;
        let due = runs
            .iter()
            .filter_map(|run| run.waiting.as_ref())
            .map(|waiting| waiting.until);
        let Some(due) = due.min() else { break };
        lab.clock.advance(due - lab.clock.now());
        rounds += 1;
        assert!(rounds < 1_000, "time goes by and nothing ends: {runs:#?}");
    }
    audit(&lab, workflows, &started, &crm).await;
    lab.engine.stop().await;
    started.len()
}

/// Looks at every run once all are over.
async fn audit(lab: &Lab, workflows: &[Workflow], started: &HashMap<String, Started>, crm: &Crm) {
    let runs = all_runs(lab).await;
    let there: BTreeSet<&str> = runs.iter().map(|run| run.id.as_str()).collect();
    let expected: BTreeSet<&str> = started.keys().map(String::as_str).collect();
    assert_eq!(
        there, expected,
        "runs that are there, and that were started"
    );

    let mut visits: HashMap<(String, String), usize> = HashMap::new();
    for request in crm.requests().all() {
        assert!(!request.repeat, "{request:?}");
        let text = |name: &str| request.json[name].as_str().unwrap().to_owned();
        *visits.entry((text("run"), text("step"))).or_default() += 1;
    }
    let mut spans: HashMap<(&str, &str), Vec<(i64, i64)>> = HashMap::new();
    for run in &runs {
        assert!(OVER.contains(&run.state.as_str()), "{run:#?}");
        let one = &started[&run.id];
        assert_eq!(
            (run.workflow.as_str(), run.contact.as_deref()),
            (one.workflow.as_str(), Some(one.contact.as_str()))
        );
        let spans = spans.entry((&one.workflow, &one.contact)).or_default();
        spans.push((run.created_at, run.ended_at.unwrap()));
        let timeline = lab.timeline(&run.id).await;
        check_timeline(run, &timeline);
        let n: usize = run.workflow.trim_start_matches("random-").parse().unwrap();
        for (at, step) in workflows[n].steps.iter().enumerate() {
            if matches!(step, Step::Call | Step::Sometimes(_)) {
                let id = format!("s{at}");
                let finished = of(&timeline, "step-finished");
                let finished = finished
                    .filter(|entry| entry.step.as_deref() == Some(&id))
                    .count();
                let called = visits.remove(&(run.id.clone(), id)).unwrap_or_default();
                // Who is cancelled in the middle of a call has called, and is not done with it.
                let most = finished + usize::from(run.state == "cancelled");
                assert!(
                    (finished..=most).contains(&called),
                    "{called} of {finished}: {timeline:#?}"
                );
            }
        }
    }
    assert!(visits.is_empty(), "calls of nobody: {visits:?}");
    for ((workflow, contact), mut spans) in spans {
        spans.sort_unstable();
        let apart = spans.windows(2).all(|two| two[0].1 <= two[1].0);
        assert!(
            apart,
            "{contact} was in {workflow} twice at a time: {spans:?}"
        );
        let n: usize = workflow.trim_start_matches("random-").parse().unwrap();
        assert!(
            !workflows[n].once || spans.len() == 1,
            "{contact} was in {workflow} again"
        );
    }
}

fn of<'a>(timeline: &'a [TimelineEntry], kind: &'a str) -> impl Iterator<Item = &'a TimelineEntry> {
    timeline.iter().filter(move |entry| entry.kind == kind)
}

/// One end, no visit twice, each wait woken once at most and not before its time.
fn check_timeline(run: &RunView, timeline: &[TimelineEntry]) {
    assert_eq!(of(timeline, "run-started").count(), 1, "{timeline:#?}");
    assert_eq!(of(timeline, "run-finished").count(), 1, "{timeline:#?}");
    assert_eq!(timeline.last().unwrap().data["state"], run.state.as_str());
    let places: BTreeSet<i64> = timeline.iter().map(|entry| entry.seq).collect();
    assert_eq!(places.len(), timeline.len());
    let mut done: BTreeSet<(&Option<String>, u64)> = BTreeSet::new();
    let mut due: Option<i64> = None;
    for entry in timeline {
        match entry.kind.as_str() {
            "step-finished" => {
                let visit = (&entry.step, entry.data["visit"].as_u64().unwrap());
                assert!(
                    done.insert(visit),
                    "a visit that is done twice: {timeline:#?}"
                );
            }
            "waiting" => due = entry.data["until"].as_i64(),
            "woken" => {
                let due = due.take().expect("only who waits is woken");
                let early = entry.data["by"] == "timer" && entry.at < due;
                assert!(!early, "woken before {due}: {timeline:#?}");
            }
            _ => {}
        }
    }
}

#[test]
fn no_run_is_lost_stuck_or_run_twice_whatever_happens() {
    let asked = std::env::var("JACKFIELD_RANDOM_CASES");
    let config = Config {
        cases: asked
            .ok()
            .and_then(|text| text.parse().ok())
            .unwrap_or(CASES),
        max_shrink_iters: 200,
        failure_persistence: None,
        ..Config::default()
    };
    let case = (
        prop::collection::vec(workflow(), 1..4),
        prop::collection::vec(action(), 1..30),
    );
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    let cases = config.cases;
    let runs = AtomicUsize::new(0);
    TestRunner::new(config)
        .run(&case, |(workflows, actions)| {
            let many = runtime.block_on(play(&workflows, &actions));
            runs.fetch_add(many, Ordering::Relaxed);
            Ok(())
        })
        .unwrap_or_else(|error| panic!("{error}"));
    let runs = runs.into_inner();
    println!("{cases} cases, {runs} runs");
    assert!(runs > cases as usize, "hardly anything was started: {runs}");
}
