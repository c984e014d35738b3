//! The audit: each story against what happened.
//!
//! It looks at three witnesses, of whom none could cover up for another: the clients (what was
//! acknowledged), the outside world (what arrived), and the host's own record (what it says that it
//! did). What must hold is in the finding's words; `docs/reliability.md` says it for people.

use crate::clients::Told;
use crate::evidence::{Evidence, Run};
use crate::outside::Arrival;
use crate::story::{Kind, LANES};
use crate::verdict::Verdict;
use serde_json::Value;

/// Judges every story.
#[must_use]
pub fn judge(evidence: &Evidence) -> Verdict {
    let mut verdict = Verdict::default();
    verdict.figures.runs = evidence.runs.values().map(Vec::len).sum();
    verdict.figures.arrived = evidence.arrivals.values().map(Vec::len).sum();
    for told in &evidence.told {
        verdict.figures.acknowledged += told.acknowledged;
        verdict.figures.given_up += told.unknown;
        for trouble in &told.trouble {
            verdict.refused(trouble.clone());
        }
        let runs = evidence.runs.get(&told.key).map_or(&[][..], Vec::as_slice);
        judge_runs(evidence, told, runs, &mut verdict);
        judge_order(told, runs, &mut verdict);
        if told.kind == Kind::Message {
            let expected = told.acknowledged > 0;
            judge_message(
                evidence,
                &format!("message {}", told.key),
                expected,
                &mut verdict,
            );
        }
    }
    let known: std::collections::HashSet<&str> =
        evidence.told.iter().map(|told| told.key.as_str()).collect();
    for (key, runs) in &evidence.runs {
        if !known.contains(key.as_str()) {
            verdict.repeated(format!("{} runs of no story ({key:?})", runs.len()));
        }
    }
    verdict
}

/// Exactly the runs that there should be, each at its end, with every effect once.
fn judge_runs(evidence: &Evidence, told: &Told, runs: &[Run], verdict: &mut Verdict) {
    let expected = told.kind.runs();
    let all = told.unknown == 0;
    // One request starts all of them, but for a sequence: then it is none or all.
    let none_is_well = !all && (runs.is_empty() || told.kind == Kind::Sequence);
    for workflow in &expected {
        let count = runs.iter().filter(|run| run.workflow == *workflow).count();
        if !(count == 0 && none_is_well) {
            verdict.exactly_one(count, &format!("the run of {workflow} for {}", told.key));
        }
    }
    for run in runs {
        if !expected.contains(&run.workflow) {
            verdict.repeated(format!("{} of {} for {}", run.id, run.workflow, told.key));
        }
        if run.state != "completed" {
            let last = run.entries.last().unwrap_or(&Value::Null);
            let name = &run.workflow;
            verdict.lost(format!("{} of {name} is {}: {last}", run.id, run.state));
            continue;
        }
        judge_steps(evidence, told, run, verdict);
    }
    let (_, phone) = told.contact.split_once(':').unwrap_or_default();
    let counting = runs.iter().filter(|run| run.workflow != "start").count();
    let counted = evidence.counts.get(phone).copied().unwrap_or(0);
    let difference = counted - i64::try_from(counting).unwrap_or(i64::MAX);
    let what = format!("{phone} was counted {counted} times by {counting} runs");
    match difference {
        0 => {}
        less if less < 0 => verdict.lost(what),
        _ => verdict.repeated(what),
    }
}

/// The steps of one run that has completed.
fn judge_steps(evidence: &Evidence, told: &Told, run: &Run, verdict: &mut Verdict) {
    let key = &told.key;
    if run.workflow != "start" {
        let counts = run.at("count", "step-finished").count();
        verdict.exactly_one(counts, &format!("the step count of {}", run.id));
    }
    match (told.kind, run.workflow.as_str()) {
        (Kind::Order { large }, "order") => {
            if large {
                judge_safe(evidence, run, "book", &format!("keyed/{key}"), verdict);
            }
            judge_once(evidence, run, "charge", &format!("once/{key}"), verdict);
        }
        (Kind::Order { .. }, _) => {
            judge_message(evidence, &format!("receipt {key}"), true, verdict);
        }
        (Kind::Pause { seconds }, _) => {
            judge_safe(evidence, run, "tell", &format!("put/{key}"), verdict);
            judge_pause(evidence, told, run, seconds, verdict);
        }
        (Kind::Start, _) => judge_safe(evidence, run, "tell", &format!("put/{key}"), verdict),
        (Kind::Ask, _) => judge_answer(evidence, run, key, verdict),
        (Kind::Cart, _) => judge_wake(run, verdict),
        (Kind::Sequence | Kind::Message, _) => {}
    }
}

/// A call that may be made again with its key, as long as its result is not committed.
fn judge_safe(evidence: &Evidence, run: &Run, step: &str, what: &str, verdict: &mut Verdict) {
    let arrivals = arrivals(evidence, what);
    let done = run.at(step, "step-finished").count();
    verdict.exactly_one(done, &format!("the end of {step} of {}", run.id));
    if arrivals.is_empty() {
        verdict.lost(format!("{what}: {} is over and it did not arrive", run.id));
    }
    let finished = run.at(step, "call-finished").filter_map(at).max();
    for pair in arrivals.windows(2) {
        let (before, again) = (&pair[0], &pair[1]);
        if before.key != again.key || before.body != again.body {
            verdict.repeated(format!("{what}: again with another key or body"));
        }
        let blown = |(from, to): &(i64, i64)| *to >= before.at && *from <= again.at;
        if !evidence.blows.iter().any(blown) {
            verdict.repeated(format!(
                "{what}: again although no host was touched in between"
            ));
        }
        if finished.is_some_and(|finished| again.at > finished)
            && !halted_within(evidence, before.at, again.at)
        {
            verdict.repeated(format!("{what}: again after its result was committed"));
        }
    }
}

/// A call that must not be made again whatever happens.
fn judge_once(evidence: &Evidence, run: &Run, step: &str, what: &str, verdict: &mut Verdict) {
    let arrived = arrivals(evidence, what).len();
    if arrived > 1 {
        verdict.repeated(format!(
            "{what}: a call without a key arrived {arrived} times"
        ));
    }
    let finished = run.at(step, "call-finished").count();
    let failures: Vec<&Value> = run.at(step, "step-failed").collect();
    let uncertain = failures
        .iter()
        .any(|entry| entry["data"]["failure"]["code"] == "uncertain");
    match (finished > 0, uncertain) {
        (true, false) if arrived == 0 => {
            verdict.lost(format!("{what}: it has a result and did not arrive"));
        }
        (true, false) if failures.is_empty() => {}
        (false, true) => verdict.figures.uncertain += 1,
        (false, false) if arrived > 0 => {
            verdict.silent(format!("{what} arrived, and {} does not say so", run.id));
        }
        _ => verdict.lost(format!("{what}: {} says {failures:?}", run.id)),
    }
}

/// A message to a provider that honours no key.
fn judge_message(evidence: &Evidence, text: &str, expected: bool, verdict: &mut Verdict) {
    let rows = evidence.messages.get(text).map_or(&[][..], Vec::as_slice);
    if expected || !rows.is_empty() {
        verdict.exactly_one(rows.len(), &format!("the message {text:?}"));
    }
    let arrived = arrivals(evidence, text).len();
    if arrived > rows.len().max(1) {
        verdict.repeated(format!("{text:?} arrived {arrived} times"));
    }
    for row in rows {
        match row["status"].as_str().unwrap_or_default() {
            "accepted" | "sent" | "delivered" | "read" if arrived > 0 => {
                judge_history(evidence, text, row, verdict);
            }
            "uncertain" => verdict.figures.uncertain += 1,
            status if arrived == 0 => verdict.lost(format!("{text:?} is {status}, and not there")),
            status => verdict.silent(format!("{text:?} is there, and {status}")),
        }
    }
}

/// A message of which it is known after all that it left. The channel of the harness reports nothing
/// later, so its sender is alive and was called dead: rightly only if its host had been halted, or
/// cut off from the database.
fn judge_history(evidence: &Evidence, text: &str, row: &Value, verdict: &mut Verdict) {
    let history = row["history"].as_array().map_or(&[][..], Vec::as_slice);
    if !history.iter().any(|entry| entry["state"] == "uncertain") {
        return;
    }
    let sending = history.iter().rfind(|entry| entry["state"] == "sending");
    let (from, to) = (
        sending.and_then(at).unwrap_or_default(),
        history.last().and_then(at).unwrap_or_default(),
    );
    if halted_within(evidence, from, to) {
        verdict.figures.uncertain += 1;
    } else {
        let history = &row["history"];
        verdict.lost(format!(
            "{text:?} was called uncertain while it was being sent: {history}"
        ));
    }
}

/// Whether a host was halted, or without its database, and not killed, at some time between these:
/// then another may have taken over what it goes on with.
fn halted_within(evidence: &Evidence, from: i64, to: i64) -> bool {
    let mut blows = evidence.blows.iter();
    blows.any(|(began, ended)| began < ended && *ended >= from && *began <= to)
}

/// No timer fires early, by the host's clock and by ours.
fn judge_pause(evidence: &Evidence, told: &Told, run: &Run, seconds: u32, verdict: &mut Verdict) {
    let (name, length) = (&run.id, i64::from(seconds) * 1_000);
    let until = run
        .at("rest", "waiting")
        .filter_map(|entry| entry["data"]["until"].as_i64())
        .max();
    let woken: Vec<i64> = run.at("rest", "woken").filter_map(at).collect();
    verdict.exactly_one(woken.len(), &format!("the wake of {name}"));
    let (Some(until), Some(woken)) = (until, woken.first()) else {
        return verdict.lost(format!("{name} did not wait"));
    };
    if until < run.created_at + length || *woken < until {
        let began = run.created_at;
        verdict.early(format!(
            "{name}: {seconds} s from {began}, until {until}, woken {woken}"
        ));
    }
    let first = arrivals(evidence, &format!("put/{}", told.key)).first();
    if let Some(first) = first.filter(|first| first.at < told.sent + length) {
        let after = first.at - told.sent;
        verdict.early(format!(
            "{name}: called {after} ms after its event, not {length}"
        ));
    }
}

/// The wait of a cart's run is ended by the event that is for it, once.
fn judge_wake(run: &Run, verdict: &mut Verdict) {
    let wakes = run.at("paid", "woken").count();
    verdict.exactly_one(
        wakes,
        &format!("the payment of {} ({})", run.workflow, run.id),
    );
    let lane = run
        .at("paid", "step-finished")
        .find_map(|entry| entry["data"]["output"]["event"]["data"]["lane"].as_u64());
    let mine = run
        .workflow
        .rsplit('-')
        .next()
        .and_then(|lane| lane.parse().ok());
    if lane != mine {
        verdict.lost(format!(
            "{} was woken by the event of lane {lane:?}",
            run.id
        ));
    }
}

/// The question is asked once and its answer heard once.
fn judge_answer(evidence: &Evidence, run: &Run, key: &str, verdict: &mut Verdict) {
    judge_message(evidence, &format!("ask {key}"), true, verdict);
    if evidence.answered.iter().any(|answered| answered == key) {
        let text = format!("answer {key}");
        let received = evidence.messages.get(&text).map_or(0, Vec::len);
        verdict.exactly_one(received, &format!("the received {text:?}"));
    }
    let answers = run
        .at("ask", "step-finished")
        .filter(|entry| entry["data"]["branch"] == "success")
        .count();
    if answers > 0 {
        verdict.exactly_one(answers, &format!("the answer of {}", run.id));
        judge_safe(evidence, run, "tell", &format!("keyed/{key}"), verdict);
        let wrong = |arrival: &&Arrival| arrival.body["answer"] != format!("answer {key}");
        if let Some(arrival) = arrivals(evidence, &format!("keyed/{key}"))
            .iter()
            .find(wrong)
        {
            verdict.lost(format!("{} heard {}", run.id, arrival.body));
        }
    } else if !was_uncertain(evidence, &format!("ask {key}")) {
        verdict.lost(format!("{} ended without its answer", run.id));
    }
}

/// Whether the run was told that nobody knows whether its message left.
fn was_uncertain(evidence: &Evidence, text: &str) -> bool {
    let rows = evidence.messages.get(text).into_iter().flatten();
    rows.filter_map(|row| row["history"].as_array())
        .flatten()
        .any(|entry| entry["state"] == "uncertain")
}

/// A contact's events are handled in the order in which they were accepted.
fn judge_order(told: &Told, runs: &[Run], verdict: &mut Verdict) {
    let name = match told.kind {
        Kind::Cart => "cart",
        Kind::Sequence => "sequence",
        _ => return,
    };
    let mut last: Option<(i64, String)> = None;
    for lane in 0..LANES {
        let workflow = format!("{name}-{lane}");
        let Some(run) = runs.iter().find(|run| run.workflow == workflow) else {
            continue;
        };
        let handled = match told.kind {
            Kind::Sequence => Some((run.created_at, run.id.clone())),
            _ => run.at("paid", "woken").next().and_then(|woken| {
                let event = woken["data"]["event"].as_str().unwrap_or_default();
                Some((at(woken)?, event.to_owned()))
            }),
        };
        let (Some(handled), before) = (handled, &last) else {
            continue;
        };
        if let Some(before) = before
            && (handled.0 < before.0 || handled.1 <= before.1)
        {
            verdict.out_of_order(format!(
                "{workflow} of {}: {handled:?} after {before:?}",
                told.key
            ));
        }
        last = Some(handled);
    }
}

fn arrivals<'a>(evidence: &'a Evidence, what: &str) -> &'a [Arrival] {
    evidence.arrivals.get(what).map_or(&[], Vec::as_slice)
}

/// When an entry was written.
fn at(entry: &Value) -> Option<i64> {
    entry["at"].as_i64()
}

#[cfg(test)]
mod tests;
