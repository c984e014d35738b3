//! What a plugin said, turned into the run's next place.
//!
//! Which way a run goes is decided by the workflow's document, and where that is silent by what
//! the step's descriptor says of the branch (`otherwise`).

use crate::document::{Retry, Target, fits};
use crate::run::burst::{Burst, BurstEnd, Turn};
use crate::run::child;
use crate::run::drive::begin;
use crate::run::journal::{Entry, Failure as Noted, Used, clipped};
use crate::run::state::{Phase, Wake};
use crate::schedule::{Duration, LONGEST_WAIT};
use crate::workflows::Version;
use jackfield_sandbox::wit::{Failure, FailureClass, Outcome, Subscription, Wait};
use jackfield_store::records::{Event, Wait as WaitRow};
use serde_json::{Value, json};

/// The most events that one wait may name.
const MAX_EVENTS: usize = 16;
/// The longest message of a failure that is kept.
const MAX_MESSAGE: usize = 1_000;

/// Whether the burst goes on.
pub(crate) enum Moved {
    /// At another place.
    On,
    /// The run waits or is over; that is committed.
    Rest,
}

/// The plugin answered.
pub(crate) async fn said(
    burst: &mut Burst,
    outcome: Outcome,
    used: Used,
) -> Result<Moved, BurstEnd> {
    let place = burst
        .state
        .at
        .as_ref()
        .map(|at| (at.step.clone(), at.visit));
    let Some((at, visit)) = place else {
        return Ok(Moved::Rest);
    };
    match outcome {
        Outcome::Done(done) => {
            let output = match done.output.as_deref().map(serde_json::from_str) {
                None => Value::Null,
                Some(Ok(output)) => output,
                Some(Err(error)) => {
                    return failed(
                        burst,
                        broken(format!("its output is no JSON: {error}")),
                        used,
                    )
                    .await;
                }
            };
            let finished = Entry::StepFinished {
                visit,
                branch: done.branch.unwrap_or_else(|| "success".to_owned()),
                output,
                used,
            };
            burst.note(&finished);
            // Taken back out of the entry: an output may be large.
            let Entry::StepFinished { branch, output, .. } = finished else {
                unreachable!("it was made so");
            };
            if !output.is_null() {
                burst.state.outputs.insert(at.clone(), output);
            }
            follow(burst, &at, &branch).await
        }
        Outcome::Goto(step) => {
            if burst.version.document.step(&step).is_none() {
                let message = format!("it wants to go to the step `{step}`, which is not there");
                return failed(
                    burst,
                    Failure {
                        code: "unknown-step".to_owned(),
                        ..broken(message)
                    },
                    used,
                )
                .await;
            }
            burst.note(&Entry::StepFinished {
                visit,
                branch: format!("goto {step}"),
                output: Value::Null,
                used,
            });
            burst.state.go(&step);
            Ok(Moved::On)
        }
        Outcome::End(reason) => {
            burst.note(&Entry::StepFinished {
                visit,
                branch: "end".to_owned(),
                output: Value::Null,
                used,
            });
            end(burst, "completed", Some(clipped(reason, MAX_MESSAGE))).await
        }
        Outcome::Wait(wait) => match subscriptions(burst, &wait) {
            Ok(waits) => rest(burst, visit, wait, waits, used).await,
            Err(failure) => failed(burst, failure, used).await,
        },
    }
}

/// The run waits.
async fn rest(
    burst: &mut Burst,
    visit: u32,
    wait: Wait,
    waits: Vec<WaitRow>,
    used: Used,
) -> Result<Moved, BurstEnd> {
    let longest = burst.core.now().saturating_add(millis(LONGEST_WAIT));
    let until = wait.until.map_or(longest, |until| {
        i64::try_from(until).unwrap_or(i64::MAX).min(longest)
    });
    burst.note(&Entry::Waiting {
        visit,
        until,
        events: waits
            .iter()
            .map(|wait| event_and_subject(&wait.topic))
            .collect(),
        used,
    });
    burst.state.since_wait = 0;
    if let Some(at) = burst.state.at.as_mut() {
        at.waits = at.waits.saturating_add(1);
    }
    pause(
        burst,
        Phase::Wait {
            state: wait.state,
            until,
        },
        waits,
        until,
    )
    .await
}

async fn pause(
    burst: &mut Burst,
    phase: Phase,
    waits: Vec<WaitRow>,
    until: i64,
) -> Result<Moved, BurstEnd> {
    let mut heard = None;
    if let Some(at) = burst.state.at.as_mut() {
        at.phase = phase;
        at.invoked = None;
        heard = at.heard.clone().filter(|_| !waits.is_empty());
    }
    burst.run.state = "waiting".to_owned();
    let turn = Turn {
        waits,
        timer: Some(until),
        heard,
        ..Turn::default()
    };
    match burst.commit(turn).await? {
        None => Ok(Moved::Rest),
        Some(missed) => {
            burst.run.state = "running".to_owned();
            hear(burst, missed);
            Ok(Moved::On)
        }
    }
}

/// The wait has ended before it began: by an event that was accepted while the run was moving.
fn hear(burst: &mut Burst, event: Event) {
    let state = match burst.state.at.as_mut() {
        Some(at) => {
            at.heard = Some(event.id.clone());
            match &at.phase {
                Phase::Wait { state, .. } => state.clone(),
                _ => return,
            }
        }
        None => return,
    };
    burst.note(&Entry::Woken {
        by: "event".to_owned(),
        event: Some(event.id.clone()),
        name: Some(event.name.clone()),
    });
    let wake = Wake::Event {
        id: event.id,
        name: event.name,
        data: event.data,
        at: event.at,
    };
    begin(burst, Phase::Resume { state, wake });
}

/// `workspace/event/subject` as people read it.
fn event_and_subject(topic: &str) -> String {
    topic
        .split_once('/')
        .map_or(topic, |(_, rest)| rest)
        .replacen('/', " ", 1)
}

fn subscriptions(burst: &Burst, wait: &Wait) -> Result<Vec<WaitRow>, Failure> {
    if wait.events.len() > MAX_EVENTS {
        return Err(broken(format!("a wait names at most {MAX_EVENTS} events")));
    }
    let mut rows = Vec::with_capacity(wait.events.len());
    for (place, subscription) in wait.events.iter().enumerate() {
        rows.push(row(burst, place, subscription)?);
    }
    Ok(rows)
}

fn row(burst: &Burst, place: usize, wanted: &Subscription) -> Result<WaitRow, Failure> {
    let run = &burst.run;
    let subject = wanted
        .subject
        .clone()
        .or_else(|| run.contact.clone())
        .ok_or_else(|| {
            broken(format!(
                "it waits for `{}` of the run's contact, but the run has no contact",
                wanted.event
            ))
        })?;
    let condition = match wanted.when.as_deref() {
        None => Value::Null,
        Some(text) => {
            let value: Value = serde_json::from_str(text)
                .map_err(|error| broken(format!("its condition is no JSON: {error}")))?;
            crate::conditions::Condition::parse(&value).map_err(|problems| {
                let said: Vec<String> = problems.iter().map(ToString::to_string).collect();
                broken(format!("its condition: {}", said.join("; ")))
            })?;
            value
        }
    };
    Ok(WaitRow {
        bucket: run.bucket,
        run: run.id.clone(),
        seq: i64::try_from(place).unwrap_or(i64::MAX),
        topic: crate::events::topic(&run.workspace, &wanted.event, &subject),
        claim: wanted.claim,
        condition,
        at: burst.core.now(),
    })
}

/// The plugin failed, or was ended.
pub(crate) async fn failed(
    burst: &mut Burst,
    failure: Failure,
    used: Used,
) -> Result<Moved, BurstEnd> {
    let Some(at) = burst.state.at.clone() else {
        return Ok(Moved::Rest);
    };
    let version = burst.version.clone();
    let plugin = version.plugins.get(&at.step);
    let descriptor = plugin.and_then(|plugin| plugin.step.as_ref());
    let step = version.document.step(&at.step);
    let retry = step.map_or_else(Retry::default, |step| fits::retry(step, descriptor));
    let retry = retry.backoff();
    let noted = Noted {
        class: class_name(failure.class).to_owned(),
        code: failure.code.clone(),
        message: clipped(failure.message, MAX_MESSAGE),
    };
    if failure.class == FailureClass::Transient && !failure.maybe_sent {
        let delay = retry.delay(
            at.attempt,
            rand::random(),
            failure.retry_after.map(Duration::from_millis),
        );
        if let Some(delay) = delay {
            let until = burst
                .core
                .now()
                .saturating_add(millis(delay.min(LONGEST_WAIT)));
            burst.note(&Entry::StepFailed {
                visit: at.visit,
                attempt: at.attempt,
                failure: noted,
                retry_at: Some(until),
                used,
            });
            let then = Box::new(at.phase);
            return pause(burst, Phase::Backoff { until, then }, Vec::new(), until).await;
        }
    }
    metrics::counter!("jackfield_steps_failed_total", "class" => class_name(failure.class))
        .increment(1);
    burst.note(&Entry::StepFailed {
        visit: at.visit,
        attempt: at.attempt,
        failure: noted.clone(),
        retry_at: None,
        used,
    });
    let output = json!({"error": noted});
    burst.state.outputs.insert(at.step.clone(), output);
    burst.run.reason = Some(failure.code);
    follow(burst, &at.step, "failure").await
}

/// Why a step has no plugin.
pub(crate) fn missing(version: &Version, step: &str) -> String {
    version.unusable.get(step).map_or_else(
        || format!("the plugin of step `{step}` is not installed any more"),
        |reason| format!("the plugin of step `{step}` cannot be used: {reason}"),
    )
}

/// Goes along a branch.
async fn follow(burst: &mut Burst, step: &str, branch: &str) -> Result<Moved, BurstEnd> {
    let version = burst.version.clone();
    let plugin = version.plugins.get(step);
    let descriptor = plugin.and_then(|plugin| plugin.step.as_ref());
    let Some(descriptor) = descriptor else {
        return attention(burst, "plugin-missing", missing(&version, step)).await;
    };
    match version.document.target(step, branch, descriptor) {
        Target::Step(next) => {
            burst.state.go(&next);
            burst.run.reason = None;
            Ok(Moved::On)
        }
        Target::End => {
            let reason = (branch != "success").then(|| branch.to_owned());
            end(burst, "completed", reason).await
        }
        Target::Fail => {
            let code = burst
                .run
                .reason
                .clone()
                .unwrap_or_else(|| branch.to_owned());
            fail(burst, &code).await
        }
    }
}

/// Goes on to the step that follows, as after `success`.
pub(crate) async fn go_on(burst: &mut Burst, step: &str) -> Result<Moved, BurstEnd> {
    match burst.version.document.following(step) {
        Target::Step(next) => {
            burst.state.go(&next);
            Ok(Moved::On)
        }
        _ => end(burst, "completed", None).await,
    }
}

/// The run fails. It stands where it failed, so that it can be retried from there.
pub(crate) async fn fail(burst: &mut Burst, code: &str) -> Result<Moved, BurstEnd> {
    end(burst, "failed", Some(code.to_owned())).await
}

/// The run is cancelled.
pub(crate) async fn cancel(burst: &mut Burst, reason: &str) -> Result<(), BurstEnd> {
    end(burst, "cancelled", Some(reason.to_owned()))
        .await
        .map(|_| ())
}

async fn end(
    burst: &mut Burst,
    state: &'static str,
    reason: Option<String>,
) -> Result<Moved, BurstEnd> {
    burst.note(&Entry::RunFinished {
        state: state.to_owned(),
        reason: reason.clone(),
    });
    burst.run.step = burst.state.at.as_ref().map(|at| at.step.clone());
    if state == "failed" {
        // Kept, so that a retry begins at the step that failed, afresh.
        begin(burst, Phase::Start);
    } else {
        burst.state.at = None;
    }
    burst.run.state = state.to_owned();
    burst.run.reason = reason;
    burst.run.ended_at = Some(burst.core.now());
    let turn = Turn {
        events: child::ended(&burst.run, &burst.state).into_iter().collect(),
        ..Turn::default()
    };
    burst.commit(turn).await?;
    metrics::counter!("jackfield_runs_ended_total", "state" => state).increment(1);
    Ok(Moved::Rest)
}

/// The run is parked until a person decides.
pub(crate) async fn attention(
    burst: &mut Burst,
    code: &str,
    message: String,
) -> Result<Moved, BurstEnd> {
    burst.note(&Entry::NeedsAttention {
        code: code.to_owned(),
        message,
    });
    burst.run.state = "needs-attention".to_owned();
    burst.run.reason = Some(code.to_owned());
    burst.commit(Turn::default()).await?;
    metrics::counter!("jackfield_runs_needing_attention_total").increment(1);
    Ok(Moved::Rest)
}

/// The plugin did not keep to the contract.
fn broken(message: String) -> Failure {
    Failure {
        class: FailureClass::Permanent,
        code: "invalid-outcome".to_owned(),
        message: format!("the plugin's outcome cannot be used: {message}"),
        retry_after: None,
        maybe_sent: false,
    }
}

fn class_name(class: FailureClass) -> &'static str {
    match class {
        FailureClass::Transient => "transient",
        FailureClass::Permanent => "permanent",
        FailureClass::InvalidConfig => "invalid-config",
        FailureClass::Blocked => "blocked",
    }
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}
