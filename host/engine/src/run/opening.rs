//! A run that begins while its caller waits for it.
//!
//! Such a run is not committed as queued first: it begins in memory, and the first commit of its
//! burst (before its first external call, or when it waits or ends) accepts it, with the event that
//! started it. What must hold: the caller is answered after that commit and not before; a run that
//! could not be committed was never there, and nothing of it was seen outside.

use crate::engine::Core;
use crate::events::AcceptError;
use crate::run::burst::{BurstEnd, end_of};
use crate::run::state::{EventRef, State};
use crate::runs::{RunError, RunView, view_of};
use crate::workflows::Version;
use jackfield_store::CommitError;
use jackfield_store::records::{Event, Run};
use serde_json::Value;
use std::collections::BTreeMap;
use tokio::sync::oneshot;

/// The burst's end: what is still to be committed of the beginning, and who is told.
pub(crate) struct Opening {
    event: Option<Event>,
    accepted: Option<oneshot::Sender<Result<(), CommitError>>>,
    rests: Option<oneshot::Sender<RunView>>,
}

/// The caller's end.
pub struct Started {
    /// The run's id.
    pub id: String,
    accepted: Option<oneshot::Receiver<Result<(), CommitError>>>,
    rests: Option<oneshot::Receiver<RunView>>,
}

/// Both ends. With an event the run is not accepted yet; without, it was committed before.
pub(crate) fn opening(id: &str, event: Option<Event>) -> (Opening, Started) {
    let (rests, resting) = oneshot::channel();
    let (accept, accepted) = event.is_some().then(oneshot::channel).unzip();
    let opening = Opening {
        event,
        accepted: accept,
        rests: Some(rests),
    };
    let started = Started {
        id: id.to_owned(),
        accepted,
        rests: Some(resting),
    };
    (opening, started)
}

impl Opening {
    /// The event that is still to be committed: the run is not accepted before.
    pub(crate) fn event(&self) -> Option<&Event> {
        self.event.as_ref()
    }

    /// A commit of the run is durable. Where it rests, its burst is over, and what it remembers is
    /// the caller's.
    pub(crate) fn committed(&mut self, run: &Run, state: &mut State) {
        if self.event.take().is_some() {
            metrics::counter!("jackfield_runs_started_total").increment(1);
        }
        // Whoever has gone away need not be told.
        if let Some(accepted) = self.accepted.take() {
            let _ = accepted.send(Ok(()));
        }
        if run.state != "running"
            && let Some(rests) = self.rests.take()
        {
            let state = State {
                trigger: state.trigger.take(),
                event: state.event.clone(),
                vars: std::mem::take(&mut state.vars),
                outputs: std::mem::take(&mut state.outputs),
                visits: BTreeMap::new(),
                at: state.at.clone(),
                ..*state
            };
            let _ = rests.send(view_of(run.clone(), Some(state)));
        }
    }

    /// The first commit was not taken: the run never was, unless nobody knows.
    pub(crate) fn refused(&mut self, error: CommitError) -> BurstEnd {
        let end = match &error {
            CommitError::Unknown(_) => end_of(&error),
            _ => BurstEnd::Leave,
        };
        if let Some(accepted) = self.accepted.take() {
            let _ = accepted.send(Err(error));
        }
        end
    }
}

impl Started {
    /// Waits until the run is durable.
    ///
    /// # Errors
    /// When the database did not take it: then there is no such run.
    pub async fn accepted(&mut self) -> Result<(), RunError> {
        let Some(accepted) = self.accepted.as_mut() else {
            return Ok(());
        };
        let answer = accepted.await.unwrap_or_else(|_| {
            let reason = "the run could not begin; the host's log says why";
            Err(CommitError::Unavailable(reason.to_owned()))
        });
        self.accepted = None;
        answer.map_err(|error| AcceptError::Commit(error).into())
    }

    /// Waits until the run waits, is over or needs attention for the first time, and answers how it
    /// stands then; none when that is not known here: look the run up.
    ///
    /// # Errors
    /// As of `accepted`.
    pub async fn rested(&mut self) -> Result<Option<RunView>, RunError> {
        let Some(rests) = self.rests.as_mut() else {
            return Ok(None);
        };
        let rested = rests.await.ok();
        self.rests = None;
        self.accepted().await?;
        Ok(rested)
    }
}

/// A run of this version that the event starts, not yet at its first step.
pub(crate) fn new_run(core: &Core, version: &Version, event: &Event, depth: u32) -> (Run, State) {
    let first = version.document.first().map_or("", |step| step.id.as_str());
    let reference = EventRef {
        id: event.id.clone(),
        name: event.name.clone(),
        at: event.at,
    };
    let run = Run {
        bucket: event.bucket,
        id: core.new_id("run", event.bucket),
        workspace: event.workspace.clone(),
        workflow: version.workflow.clone(),
        version: version.version,
        state: "queued".to_owned(),
        contact: event.contact.clone(),
        event: Some(event.id.clone()),
        step: Some(first.to_owned()),
        reason: None,
        data: Value::Null,
        seq: 0,
        created_at: event.at,
        updated_at: event.at,
        ended_at: None,
    };
    let state = State::new(reference, event.data.clone(), first, depth);
    (run, state)
}
