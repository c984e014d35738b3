//! Ends waits: by an event, by a timer, by a person.
//!
//! All of it happens under the bucket's lock, on the run as the database has it, so that of two
//! things that would end the same wait the first does and the second finds nothing to end.

use crate::domain::NewEvent;
use crate::engine::{BucketLock, Core};
use crate::events::{self, AcceptError, React};
use crate::room::InLine;
use crate::run::burst::BurstEnd;
use crate::run::child;
use crate::run::drive;
use crate::run::journal::Entry;
use crate::run::state::{Phase, State, Wake};
use jackfield_store::records::{Event, Journal, Run, Timer, Wait};
use jackfield_store::{Commit, CommitError, Query, ReadError, StoreExt};
use serde_json::Value;
use std::sync::Arc;

/// The run of this id as the database has it.
pub(crate) async fn load(core: &Core, id: &str) -> Result<Option<Run>, ReadError> {
    let Some(bucket) = jackfield_store::bucket_in("run", id) else {
        return Ok(None);
    };
    core.store
        .first(Query::<Run>::of(bucket).equal("id", id))
        .await
}

/// The state of a run.
pub(crate) fn state_of(run: &Run) -> Option<State> {
    serde_json::from_value(run.data.clone()).ok()
}

/// Whether a run waits: by its state, or parked in its wait. What it waits for ends such a wait too,
/// so nothing is missed until somebody has seen to it.
fn waits(run: &Run, state: &State) -> bool {
    let phase = state.at.as_ref().map(|at| &at.phase);
    match run.state.as_str() {
        "waiting" => true,
        "needs-attention" => matches!(phase, Some(Phase::Wait { .. } | Phase::Backoff { .. })),
        _ => false,
    }
}

/// Ends the wait of a run: it is to be resumed with `wake`. None when it does not wait.
pub(crate) async fn end_wait(
    core: &Core,
    id: &str,
    wake: Wake,
    commit: &mut Commit,
) -> Result<Option<Run>, AcceptError> {
    let Some(mut run) = load(core, id).await? else {
        return Ok(None);
    };
    let Some(mut state) = state_of(&run).filter(|state| waits(&run, state)) else {
        return Ok(None);
    };
    let (by, event, name) = match &wake {
        Wake::Timer => ("timer", None, None),
        Wake::Event { id, name, .. } => ("event", Some(id.clone()), Some(name.clone())),
    };
    let phase = match state.at.as_ref().map(|at| &at.phase) {
        Some(Phase::Wait { state, .. }) => Phase::Resume {
            state: state.clone(),
            wake,
        },
        _ => return Ok(None),
    };
    if let Some(at) = state.at.as_mut() {
        at.heard.clone_from(&event);
    }
    let entry = Entry::Woken {
        by: by.to_owned(),
        event,
        name,
    };
    set_going(core, &mut run, &mut state, phase, false, &entry, commit)?;
    Ok(Some(run))
}

/// Sets a waiting run going again at a phase.
fn set_going(
    core: &Core,
    run: &mut Run,
    state: &mut State,
    phase: Phase,
    another_try: bool,
    entry: &Entry,
    commit: &mut Commit,
) -> Result<(), AcceptError> {
    let now = core.now();
    let step = state.at.as_ref().map(|at| at.step.clone());
    // The timeline says so where the host was started again while the run waited.
    let recovered = core.is_from_before(run).then_some(Entry::Recovered {});
    for entry in recovered.iter().chain([entry]) {
        commit.put(&entry.record(run.bucket, &run.id, run.seq, step.as_deref(), now));
        run.seq += 1;
    }
    state.activations += 1;
    if let Some(at) = state.at.as_mut() {
        at.phase = phase;
        at.attempt = if another_try { at.attempt + 1 } else { 1 };
        at.journal_from = run.seq;
        at.invoked = None;
    }
    run.state = "running".to_owned();
    run.reason = None;
    run.ended_at = None;
    run.updated_at = now;
    run.data =
        serde_json::to_value(&*state).map_err(|error| AcceptError::Invalid(error.to_string()))?;
    commit.delete::<Wait>([Value::from(run.id.clone())]);
    commit.delete::<Timer>([Value::from(run.id.clone())]);
    commit.put(run);
    Ok(())
}

/// Something else got the reply that this run was waiting for too: said on its timeline.
pub(crate) async fn passed_over(
    core: &Core,
    id: &str,
    event: &Event,
    went_to: &str,
    commit: &mut Commit,
) -> Result<(), AcceptError> {
    let Some(mut run) = load(core, id).await? else {
        return Ok(());
    };
    let entry = Entry::Log {
        level: "warn".to_owned(),
        message: format!(
            "the event {} ({}) went to {went_to}; this one waits on",
            event.name, event.id
        ),
    };
    commit.put(&entry.record(run.bucket, &run.id, run.seq, run.step.as_deref(), event.at));
    run.seq += 1;
    commit.put(&run);
    Ok(())
}

/// A run's timer is due, or its row says so.
pub(crate) async fn timer(core: &Arc<Core>, id: &str) {
    if let Err(error) = try_timer(core, id).await {
        if matches!(error, AcceptError::Elsewhere(_)) {
            // Its bucket's owner reads the same row.
            return;
        }
        tracing::warn!(run = %id, %error, "a timer could not be handled; it is tried again");
        core.timers.schedule(id, core.now() + 1_000);
    }
}

async fn try_timer(core: &Arc<Core>, id: &str) -> Result<(), AcceptError> {
    let Some(bucket) = jackfield_store::bucket_in("run", id) else {
        return Ok(());
    };
    let lock = core.lock(bucket).await?;
    let Some(mut run) = load(core, id).await? else {
        return Ok(());
    };
    let Some(mut state) = state_of(&run).filter(|state| waits(&run, state)) else {
        return Ok(());
    };
    let now = core.now();
    let mut commit = lock.tenure().commit();
    match state.at.as_ref().map(|at| at.phase.clone()) {
        Some(Phase::Wait { state: held, until }) if until <= now => {
            let phase = Phase::Resume {
                state: held,
                wake: Wake::Timer,
            };
            // What is accepted from now on is looked through before it waits again.
            if let Some(at) = state.at.as_mut() {
                at.heard = Some(core.new_id("evt", bucket));
            }
            let entry = Entry::Woken {
                by: "timer".to_owned(),
                event: None,
                name: None,
            };
            set_going(
                core,
                &mut run,
                &mut state,
                phase,
                false,
                &entry,
                &mut commit,
            )?;
        }
        Some(Phase::Backoff { until, then }) if until <= now => {
            let entry = Entry::Woken {
                by: "retry".to_owned(),
                event: None,
                name: None,
            };
            set_going(core, &mut run, &mut state, *then, true, &entry, &mut commit)?;
        }
        // Set anew since: its own timer will come.
        _ => return Ok(()),
    }
    go(core, run, commit).await
}

async fn go(core: &Arc<Core>, run: Run, commit: Commit) -> Result<(), AcceptError> {
    match core.store.commit(commit).await {
        Ok(()) => {
            core.moved(&run.id);
            drive::spawn(core, run, false);
            Ok(())
        }
        Err(CommitError::Fenced { .. }) => Ok(()),
        Err(error) => Err(AcceptError::Commit(error)),
    }
}

/// Has a failed or parked run go on from the step at which it stopped; false when it is neither.
pub(crate) async fn retry(core: &Arc<Core>, id: &str) -> Result<bool, AcceptError> {
    let Some(bucket) = jackfield_store::bucket_in("run", id) else {
        return Ok(false);
    };
    let lock = core.lock(bucket).await?;
    let Some(mut run) = load(core, id).await? else {
        return Ok(false);
    };
    if !matches!(run.state.as_str(), "failed" | "needs-attention") {
        return Ok(false);
    }
    let Some(mut state) = state_of(&run) else {
        return Ok(false);
    };
    if let Some(Phase::Wait { until, .. }) = state.at.as_ref().map(|at| &at.phase) {
        let until = *until;
        wait_on(core, &lock, run).await?;
        core.timers.schedule(id, until);
        return Ok(true);
    }
    let phase = match state.at.as_ref().map(|at| at.phase.clone()) {
        Some(phase @ (Phase::Start | Phase::Resume { .. } | Phase::Enter)) => phase,
        Some(Phase::Backoff { then, .. }) => *then,
        _ => return Ok(false),
    };
    state.since_wait = 0;
    // A new visit: its external calls are new ones, with keys of their own.
    if let Some(at) = state.at.as_mut() {
        at.visit += 1;
        state.visits.insert(at.step.clone(), at.visit);
    }
    let mut commit = lock.tenure().commit();
    set_going(
        core,
        &mut run,
        &mut state,
        phase,
        false,
        &Entry::Retried {},
        &mut commit,
    )?;
    go(core, run, commit).await?;
    Ok(true)
}

/// Has a run that was parked in its wait wait on. The rows of its wait are still there.
async fn wait_on(core: &Arc<Core>, lock: &BucketLock, mut run: Run) -> Result<(), AcceptError> {
    let mut commit = lock.tenure().commit();
    let (step, now) = (run.step.clone(), core.now());
    commit.put(&Entry::Retried {}.record(run.bucket, &run.id, run.seq, step.as_deref(), now));
    run.seq += 1;
    run.state = "waiting".to_owned();
    run.reason = None;
    run.updated_at = now;
    commit.put(&run);
    commit_and_tell(core, &run.id, commit).await
}

/// Parks a run in its wait: somebody must see to it, and what it waits for is still heard. False when
/// it does not wait.
pub(crate) async fn park_waiting(
    core: &Arc<Core>,
    id: &str,
    code: &str,
    message: &str,
) -> Result<bool, AcceptError> {
    let Some(bucket) = jackfield_store::bucket_in("run", id) else {
        return Ok(false);
    };
    let lock = core.lock(bucket).await?;
    let Some(run) = load(core, id).await? else {
        return Ok(false);
    };
    if run.state != "waiting" {
        return Ok(false);
    }
    let mut commit = lock.tenure().commit();
    parked(core, run, code, message.to_owned(), &mut commit);
    commit_and_tell(core, id, commit).await?;
    Ok(true)
}

/// Cancels a run that no task drives; false when it is over already.
pub(crate) async fn cancel(core: &Arc<Core>, id: &str, reason: &str) -> Result<bool, AcceptError> {
    let Some(bucket) = jackfield_store::bucket_in("run", id) else {
        return Ok(false);
    };
    let lock = core.lock(bucket).await?;
    let Some(run) = load(core, id).await? else {
        return Ok(false);
    };
    if !matches!(run.state.as_str(), "waiting" | "needs-attention") {
        return Ok(false);
    }
    commit_cancelled(core, &lock, run, reason).await?;
    Ok(true)
}

/// Cancels a run that was taken out of its line, so that nobody drives it.
pub(crate) async fn cancel_idle(
    core: &Arc<Core>,
    in_line: &InLine,
    reason: &str,
) -> Result<(), AcceptError> {
    let lock = core.lock_in(&in_line.tenure).await;
    let run = load(core, &in_line.id).await?;
    let Some(mut run) = run.filter(|run| run.ended_at.is_none()) else {
        return Ok(());
    };
    run.seq = next_seq(core, &run).await?;
    commit_cancelled(core, &lock, run, reason).await
}

async fn commit_cancelled(
    core: &Arc<Core>,
    lock: &BucketLock,
    run: Run,
    reason: &str,
) -> Result<(), AcceptError> {
    let id = run.id.clone();
    let mut commit = lock.tenure().commit();
    let raised = cancelled(core, run, reason, &mut commit);
    let reaction = events::react(core, lock, raised.into_iter().collect(), 0, &mut commit).await?;
    commit_and_tell(core, &id, commit).await?;
    React::go(core, reaction);
    Ok(())
}

async fn commit_and_tell(core: &Core, id: &str, commit: Commit) -> Result<(), AcceptError> {
    core.store
        .commit(commit)
        .await
        .map_err(AcceptError::Commit)?;
    core.moved(id);
    Ok(())
}

/// Parks a run that cannot be loaded: a person must decide.
pub(crate) async fn park(
    core: &Core,
    mut run: Run,
    code: &str,
    message: String,
) -> Result<(), BurstEnd> {
    let reload = |error: &dyn std::fmt::Display| BurstEnd::Reload(error.to_string());
    run.seq = next_seq(core, &run).await.map_err(|error| reload(&error))?;
    let Ok(tenure) = core.tenures.of(run.bucket) else {
        return Err(BurstEnd::Leave);
    };
    let (id, mut commit) = (run.id.clone(), tenure.commit());
    parked(core, run, code, message, &mut commit);
    core.store
        .commit(commit)
        .await
        .map_err(|error| reload(&error))?;
    core.moved(&id);
    Ok(())
}

/// Adds to the commit that a run needs attention.
fn parked(core: &Core, mut run: Run, code: &str, message: String, commit: &mut Commit) {
    let entry = Entry::NeedsAttention {
        code: code.to_owned(),
        message,
    };
    let now = core.now();
    commit.put(&entry.record(run.bucket, &run.id, run.seq, run.step.as_deref(), now));
    run.seq += 1;
    run.state = "needs-attention".to_owned();
    run.reason = Some(code.to_owned());
    run.updated_at = now;
    commit.put(&run);
}

/// The place of a run's next journal entry. Entries of a result that was committed alone are not
/// counted in the row.
pub(crate) async fn next_seq(core: &Core, run: &Run) -> Result<i64, ReadError> {
    let query = Query::<Journal>::of(run.bucket)
        .equal("run", run.id.as_str())
        .descending("seq");
    let last = core.store.first(query).await?;
    Ok(run.seq.max(last.map_or(0, |entry| entry.seq + 1)))
}

/// Adds to the commit that a run which no task drives is cancelled. Answers with the event that this
/// raises, if anybody may wait for it.
pub(crate) fn cancelled(
    core: &Core,
    mut run: Run,
    reason: &str,
    commit: &mut Commit,
) -> Option<NewEvent> {
    let now = core.now();
    let entry = Entry::RunFinished {
        state: "cancelled".to_owned(),
        reason: Some(reason.to_owned()),
    };
    commit.put(&entry.record(run.bucket, &run.id, run.seq, run.step.as_deref(), now));
    run.seq += 1;
    run.state = "cancelled".to_owned();
    run.reason = Some(reason.to_owned());
    run.ended_at = Some(now);
    run.updated_at = now;
    commit.delete::<Wait>([Value::from(run.id.clone())]);
    commit.delete::<Timer>([Value::from(run.id.clone())]);
    commit.put(&run);
    metrics::counter!("jackfield_runs_ended_total", "state" => "cancelled").increment(1);
    let state = state_of(&run)?;
    child::ended(&run, &state)
}
