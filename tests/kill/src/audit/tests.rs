//! The audit finds what it is there for: each test makes one thing wrong in a story that went well.

#![allow(clippy::unwrap_used)]

use super::*;
use serde_json::json;

const KEY: &str = "c0-0";
const PHONE: &str = "+33600000000";

fn told(kind: Kind) -> Told {
    Told {
        kind,
        key: KEY.to_owned(),
        contact: format!("phone:{PHONE}"),
        sent: 1_000,
        acknowledged: 1,
        unknown: 0,
        trouble: Vec::new(),
    }
}

fn entry(at: i64, kind: &str, step: &str, data: Value) -> Value {
    json!({"at": at, "kind": kind, "step": step, "data": data})
}

fn run(workflow: &str, mut entries: Vec<Value>) -> Run {
    entries.push(entry(9_000, "step-finished", "count", json!({})));
    Run {
        id: format!("run-{workflow}"),
        workflow: workflow.to_owned(),
        state: "completed".to_owned(),
        created_at: 1_010,
        entries,
    }
}

fn arrival(at: i64, key: Option<&str>) -> Arrival {
    Arrival {
        at,
        key: key.map(str::to_owned),
        body: json!({}),
    }
}

/// A large order in which everything went well.
fn order() -> Evidence {
    let finished = |step| {
        [
            entry(1_100, "call-started", step, json!({})),
            entry(1_200, "call-finished", step, json!({})),
            entry(1_201, "step-finished", step, json!({})),
        ]
    };
    let order = run("order", [finished("book"), finished("charge")].concat());
    let receipt = run("receipt", Vec::new());
    let message = json!({"status": "accepted"});
    Evidence {
        told: vec![told(Kind::Order { large: true })],
        runs: [(KEY.to_owned(), vec![order, receipt])].into(),
        messages: [(format!("receipt {KEY}"), vec![message])].into(),
        counts: [(PHONE.to_owned(), 2)].into(),
        arrivals: [
            (format!("keyed/{KEY}"), vec![arrival(1_150, Some("k"))]),
            (format!("once/{KEY}"), vec![arrival(1_150, None)]),
            (format!("receipt {KEY}"), vec![arrival(1_150, None)]),
        ]
        .into(),
        answered: Vec::new(),
        blows: vec![(1_160, 1_160)],
    }
}

/// A pause of a second in which everything went well.
fn pause() -> Evidence {
    let entries = vec![
        entry(1_020, "waiting", "rest", json!({"until": 2_015})),
        entry(2_020, "woken", "rest", json!({"by": "timer"})),
        entry(2_050, "call-finished", "tell", json!({})),
        entry(2_050, "step-finished", "tell", json!({})),
    ];
    let mut run = run("pause", entries);
    run.created_at = 1_005;
    Evidence {
        told: vec![told(Kind::Pause { seconds: 1 })],
        runs: [(KEY.to_owned(), vec![run])].into(),
        counts: [(PHONE.to_owned(), 1)].into(),
        arrivals: [(format!("put/{KEY}"), vec![arrival(2_040, None)])].into(),
        ..Evidence::default()
    }
}

/// Lost, repeated, uncertain, silent, early, out of order.
fn figures(evidence: &Evidence) -> [usize; 6] {
    let figures = judge(evidence).figures;
    [
        figures.lost,
        figures.repeated,
        figures.uncertain,
        figures.silent,
        figures.early,
        figures.out_of_order,
    ]
}

fn runs(evidence: &mut Evidence) -> &mut Vec<Run> {
    evidence.runs.get_mut(KEY).unwrap()
}

#[test]
fn what_went_well_has_no_finding() {
    for evidence in [order(), pause()] {
        let verdict = judge(&evidence);
        assert!(verdict.figures.is_good(), "{:?}", verdict.findings);
        assert_eq!(verdict.findings, Vec::<String>::new());
    }
}

#[test]
fn a_run_that_is_missing_is_lost_unless_its_client_gave_up() {
    let mut evidence = order();
    evidence.runs.clear();
    evidence.counts.clear();
    assert_eq!(figures(&evidence)[0], 2);
    evidence.told[0].acknowledged = 0;
    evidence.told[0].unknown = 1;
    assert_eq!(figures(&evidence), [0; 6]);
    evidence.runs = order().runs;
    evidence.counts.insert(PHONE.to_owned(), 1);
    runs(&mut evidence).pop();
    assert_eq!(figures(&evidence)[0], 1, "half of what one event starts");
}

#[test]
fn a_run_too_many_a_run_that_is_stuck_and_a_run_of_nobody_are_found() {
    let mut evidence = order();
    let again = runs(&mut evidence)[1].clone();
    runs(&mut evidence).push(again);
    evidence.counts.insert(PHONE.to_owned(), 3);
    assert_eq!(figures(&evidence), [0, 1, 0, 0, 0, 0]);
    let mut evidence = order();
    runs(&mut evidence)[1].state = "waiting".to_owned();
    assert_eq!(figures(&evidence)[0], 1);
    let mut evidence = order();
    let stray = runs(&mut evidence)[0].clone();
    evidence.runs.insert("nobody's".to_owned(), vec![stray]);
    assert_eq!(figures(&evidence)[1], 1);
}

#[test]
fn an_effect_that_happened_twice_or_never_is_found() {
    let mut evidence = order();
    evidence.counts.insert(PHONE.to_owned(), 3);
    assert_eq!(figures(&evidence), [0, 1, 0, 0, 0, 0]);
    evidence.counts.insert(PHONE.to_owned(), 1);
    assert_eq!(figures(&evidence), [1, 0, 0, 0, 0, 0]);
}

#[test]
fn a_call_with_a_key_may_arrive_again_only_with_it_after_a_kill_and_before_its_result() {
    let keyed = format!("keyed/{KEY}");
    let mut evidence = order();
    let arrivals = evidence.arrivals.get_mut(&keyed).unwrap();
    arrivals.push(arrival(1_190, Some("k")));
    assert_eq!(figures(&evidence), [0; 6]);
    evidence.blows.clear();
    assert_eq!(figures(&evidence)[1], 1, "nobody was killed");
    let mut evidence = order();
    let arrivals = evidence.arrivals.get_mut(&keyed).unwrap();
    arrivals.push(arrival(1_190, Some("another")));
    assert_eq!(figures(&evidence)[1], 1, "another key");
    let mut evidence = order();
    let arrivals = evidence.arrivals.get_mut(&keyed).unwrap();
    arrivals.push(arrival(1_300, Some("k")));
    assert_eq!(figures(&evidence)[1], 1, "after its result");
}

#[test]
fn a_call_without_a_key_is_made_once_and_never_silently() {
    let once = format!("once/{KEY}");
    let mut evidence = order();
    let arrivals = evidence.arrivals.get_mut(&once).unwrap();
    arrivals.push(arrival(1_190, None));
    assert_eq!(figures(&evidence)[1], 1);

    let mut evidence = order();
    let order_run = &mut runs(&mut evidence)[0];
    order_run
        .entries
        .retain(|entry| !(entry["step"] == "charge" && entry["kind"] != "call-started"));
    assert_eq!(figures(&evidence), [0, 0, 0, 1, 0, 0], "silent");
    let failed = json!({"failure": {"code": "uncertain"}});
    let failed = entry(1_400, "step-failed", "charge", failed);
    runs(&mut evidence)[0].entries.push(failed);
    assert_eq!(figures(&evidence), [0, 0, 1, 0, 0, 0], "it says so");
}

#[test]
fn a_message_is_there_once_or_uncertain() {
    let text = format!("receipt {KEY}");
    let mut evidence = order();
    evidence.messages.clear();
    assert_eq!(figures(&evidence)[0], 1);
    let mut evidence = order();
    let arrivals = evidence.arrivals.get_mut(&text).unwrap();
    arrivals.push(arrival(1_190, None));
    assert_eq!(figures(&evidence)[1], 1);
    let mut evidence = order();
    evidence.messages.get_mut(&text).unwrap()[0]["status"] = "uncertain".into();
    assert_eq!(figures(&evidence), [0, 0, 1, 0, 0, 0]);
    evidence.messages.get_mut(&text).unwrap()[0]["status"] = "queued".into();
    assert_eq!(figures(&evidence)[3], 1);
    let mut evidence = order();
    let states = [
        ("sending", 1_120),
        ("uncertain", 1_160),
        ("accepted", 1_200),
    ];
    let history = states.map(|(state, at)| json!({"state": state, "at": at}));
    evidence.messages.get_mut(&text).unwrap()[0]["history"] = json!(history);
    assert_eq!(figures(&evidence)[0], 1, "its sender was not dead");
    evidence.blows.push((1_130, 1_190));
    assert_eq!(figures(&evidence), [0, 0, 1, 0, 0, 0], "it was halted");
}

#[test]
fn a_timer_that_fires_early_is_found_by_the_hosts_clock_and_by_ours() {
    let mut evidence = pause();
    runs(&mut evidence)[0].entries[1]["at"] = 2_014.into();
    assert_eq!(figures(&evidence), [0, 0, 0, 0, 1, 0]);
    let mut evidence = pause();
    evidence.arrivals.get_mut(&format!("put/{KEY}")).unwrap()[0].at = 1_999;
    assert_eq!(figures(&evidence), [0, 0, 0, 0, 1, 0]);
    let mut evidence = pause();
    runs(&mut evidence)[0].entries[0]["data"]["until"] = 2_004.into();
    assert_eq!(figures(&evidence), [0, 0, 0, 0, 1, 0]);
}

#[test]
fn events_of_a_contact_that_changed_places_are_found() {
    let sequence = |times: [i64; 4]| {
        let runs = times.iter().enumerate().map(|(lane, at)| Run {
            id: format!("run-{at}"),
            created_at: *at,
            ..run(&format!("sequence-{lane}"), Vec::new())
        });
        Evidence {
            told: vec![told(Kind::Sequence)],
            runs: [(KEY.to_owned(), runs.collect())].into(),
            counts: [(PHONE.to_owned(), 4)].into(),
            ..Evidence::default()
        }
    };
    assert_eq!(figures(&sequence([1_010, 1_020, 1_030, 1_040])), [0; 6]);
    assert_eq!(figures(&sequence([1_010, 1_030, 1_020, 1_040]))[5], 1);
}

#[test]
fn a_wait_that_another_event_ended_or_that_ended_twice_is_found() {
    let cart = |lane: u32, wakes: usize| {
        let mut runs = Vec::new();
        for place in 0..LANES {
            let heard = if place == 0 { lane } else { place };
            let event = json!({"event": format!("evt-{place}")});
            let mut entries = vec![entry(i64::from(place), "woken", "paid", event)];
            if place == 0 {
                entries = vec![entries[0].clone(); wakes];
            }
            let output = json!({"output": {"event": {"data": {"lane": heard}}}});
            entries.push(entry(2_000, "step-finished", "paid", output));
            runs.push(run(&format!("cart-{place}"), entries));
        }
        Evidence {
            told: vec![told(Kind::Cart)],
            runs: [(KEY.to_owned(), runs)].into(),
            counts: [(PHONE.to_owned(), 4)].into(),
            ..Evidence::default()
        }
    };
    assert_eq!(figures(&cart(0, 1)), [0; 6]);
    assert_eq!(figures(&cart(3, 1))[0], 1);
    assert_eq!(figures(&cart(0, 0))[0], 1);
    assert_eq!(figures(&cart(0, 2))[1], 1);
}
