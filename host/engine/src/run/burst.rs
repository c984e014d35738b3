//! A burst: a run's steps executed one after another in memory, and its commits.
//!
//! A burst is committed when an external call is about to start, when its result is in, and when
//! the run waits or ends. Between commits everything is here: the state, the journal entries, the
//! effects of finished steps. If the host dies, it all happens again from the last commit, and the
//! same way, because what an activation was told before a half-way commit is in the journal.
//!
//! A result is committed within milliseconds, and together with what follows if that comes sooner:
//! most runs end, or call again, at once. A run whose caller waits for its end begins here too
//! (`run::opening`): its first commit is that of the burst.
//!
//! What must hold: effects go into the very commit that carries their step's outcome; after a
//! failed commit nothing in memory is trusted (`BurstEnd::Reload`), but that a database which does
//! not take writes at the moment is asked again.

use crate::document::trigger::SCHEDULE;
use crate::domain::{Actor, Effect, NewEvent};
use crate::engine::Core;
use crate::events::{self, React};
use crate::run::child;
use crate::run::journal::{self, Entry, Line};
use crate::run::opening::Opening;
use crate::run::soon::Soon;
use crate::run::state::State;
use crate::tenure::Tenure;
use crate::workflows::Version;
use jackfield_store::records::{Event, Run, Timer, Wait};
use jackfield_store::{Commit, CommitError, Is, Query, Record, StoreExt, Write};
use serde::Serialize;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// How long a database that takes no writes is left alone before it is asked again.
const PAUSES: [u64; 4] = [50, 250, 1_000, 5_000];

/// Why a burst stops short.
#[derive(Debug)]
pub(crate) enum BurstEnd {
    /// What is in memory is not to be trusted: load the run again and go on.
    Reload(String),
    /// The run is another host's now, or the engine stops.
    Leave,
}

/// What is to be committed beside journal and effects.
#[derive(Default)]
pub(crate) struct Turn {
    /// The run begins to wait for these events.
    pub waits: Vec<Wait>,
    /// It is woken at this time at the latest.
    pub timer: Option<i64>,
    /// The step waited before and has heard of this event: what was accepted after it is looked
    /// through first, because nobody waited when it was.
    pub heard: Option<String>,
    /// What it raises.
    pub events: Vec<NewEvent>,
}

/// A run in motion.
pub(crate) struct Burst {
    pub core: Arc<Core>,
    /// What is written after it is over is refused.
    pub tenure: Arc<Tenure>,
    /// The run; what its `data` stands for is `state`.
    pub run: Run,
    pub state: State,
    pub version: Arc<Version>,
    /// Ends the burst with the run cancelled.
    pub cancel: CancellationToken,
    /// The activation under way was begun before the host stopped: its calls are in the journal.
    pub recovered: bool,
    entries: Vec<Line>,
    effects: Vec<Effect>,
    result: Option<Soon>,
    opening: Option<Opening>,
    /// The trigger's data as JSON, once a step was told it.
    trigger: Option<String>,
}

impl Burst {
    pub(crate) fn new(
        core: Arc<Core>,
        tenure: Arc<Tenure>,
        run: Run,
        state: State,
        version: Arc<Version>,
        cancel: CancellationToken,
        recovered: bool,
    ) -> Burst {
        Burst {
            core,
            tenure,
            run,
            state,
            version,
            cancel,
            recovered,
            entries: Vec::new(),
            effects: Vec::new(),
            result: None,
            opening: None,
            trigger: None,
        }
    }

    /// The data of the event that started the run, as JSON. It may be large: whoever is done with it
    /// gives it back for the next step (`keep_trigger`).
    pub(crate) fn take_trigger(&mut self) -> String {
        let held = self.trigger.take();
        held.unwrap_or_else(|| self.state.trigger.to_string())
    }

    /// Keeps what `take_trigger` gave.
    pub(crate) fn keep_trigger(&mut self, trigger: String) {
        self.trigger = Some(trigger);
    }

    /// The burst in which a run begins: what it is started with is in its first commit.
    pub(crate) fn opened(mut self, opening: Opening) -> Burst {
        self.opening = Some(opening);
        self
    }

    /// Adds the first entry of a run, which is of no step.
    pub(crate) fn note_start(&mut self, entry: &Entry) {
        let line = Line::of(entry, self.run.seq, None, self.core.now());
        self.run.seq += 1;
        self.entries.push(line);
    }

    /// Adds an entry to the journal, to be committed with the rest.
    pub(crate) fn note(&mut self, entry: &Entry) {
        let at = self.state.at.as_ref().map(|at| at.step.as_str());
        let step = at.or(self.run.step.as_deref());
        let now = self.core.now();
        let line = Line::of(entry, self.run.seq, step, now);
        self.run.seq += 1;
        self.entries.push(line);
    }

    /// Adds the effects of a step that is done.
    pub(crate) fn finish(&mut self, effects: Vec<Effect>) {
        self.effects.extend(effects);
    }

    /// The effects of finished steps that are not committed yet.
    pub(crate) fn effects(&self) -> &[Effect] {
        &self.effects
    }

    /// Those of them that are the domain's, with others after them.
    pub(crate) fn pending(&self, more: &[Effect]) -> Vec<Effect> {
        child::of_domain(self.effects.iter().chain(more))
    }

    /// On whose behalf the run acts.
    pub(crate) fn actor(&self, call_key: String) -> Actor {
        Actor {
            workspace: self.run.workspace.clone(),
            bucket: self.run.bucket,
            contact: self.run.contact.clone(),
            run: self.run.id.clone(),
            workflow: self.run.workflow.clone(),
            step: self
                .state
                .at
                .as_ref()
                .map(|at| at.step.clone())
                .unwrap_or_default(),
            broadcast: self.state.event.name == SCHEDULE && self.run.contact.is_some(),
            call_key,
        }
    }

    /// Commits a journal entry without waiting for it: the next `commit` takes it along, or waits
    /// for it where it is under way.
    pub(crate) async fn commit_soon(&mut self, entry: &Entry) -> Result<(), BurstEnd> {
        self.settle().await?;
        self.note(entry);
        let lines = std::mem::take(&mut self.entries);
        self.result = Some(Soon::start(&self.core, &self.tenure, &self.run, lines));
        Ok(())
    }

    /// Has what was to be committed soon committed, and waits for it.
    async fn settle(&mut self) -> Result<(), BurstEnd> {
        match self.result.take() {
            Some(result) => result.settle().await.map_err(|error| end_of(&error)),
            None => Ok(()),
        }
    }

    /// Takes along what was to be committed soon, if it is not under way yet.
    async fn take_along(&mut self) -> Result<(), BurstEnd> {
        if let Some(mut lines) = self.result.as_ref().and_then(Soon::take) {
            self.result = None;
            lines.append(&mut self.entries);
            self.entries = lines;
        }
        self.settle().await
    }

    /// Commits everything. When it returns `Ok(None)`, it is durable.
    ///
    /// With an event, nothing was committed: it was accepted while the run did not wait for it, and
    /// ends the wait before it has begun.
    pub(crate) async fn commit(&mut self, turn: Turn) -> Result<Option<Event>, BurstEnd> {
        // With effects, or where events are looked through, the commit may come to nothing: a
        // result must not be lost with it.
        if self.effects.is_empty() && turn.events.is_empty() && turn.heard.is_none() {
            self.take_along().await?;
        } else {
            self.settle().await?;
        }
        let now = self.core.now();
        self.run.updated_at = now;
        self.run.step = self
            .state
            .at
            .as_ref()
            .map(|at| at.step.clone())
            .or(self.run.step.take());
        if let Some(missed) = self.commit_turn(&turn).await? {
            return Ok(Some(missed));
        }
        self.entries.clear();
        self.effects.clear();
        if let Some(due) = turn.timer {
            self.core.timers.schedule(&self.run.id, due);
        }
        self.core.moved(&self.run.id);
        if let Some(opening) = &mut self.opening {
            opening.committed(&self.run, &mut self.state);
        }
        Ok(None)
    }

    /// Commits; a database that takes no writes at the moment is asked again, but for a run that
    /// is not accepted yet: its caller is told.
    async fn store(&mut self, turn: &Turn) -> Result<(), BurstEnd> {
        let base = || self.base(turn);
        if self.opening.as_ref().and_then(Opening::event).is_none() {
            let stored = patient(&self.core, base).await;
            return stored.map_err(|error| end_of(&error));
        }
        let stored = match base() {
            Ok(commit) => self.core.store.commit(commit).await,
            Err(error) => Err(error),
        };
        stored.map_err(|error| match &mut self.opening {
            Some(opening) => opening.refused(error),
            None => end_of(&error),
        })
    }

    /// Under the bucket's lock where something is read that the commit rests on.
    async fn commit_turn(&mut self, turn: &Turn) -> Result<Option<Event>, BurstEnd> {
        if !self.effects.is_empty() || !turn.events.is_empty() {
            // Boxed: most commits have none, and would carry its room about.
            return Box::pin(self.commit_effects(turn)).await;
        }
        let core = self.core.clone();
        let _lock = match &turn.heard {
            None => None,
            Some(heard) => {
                let lock = core.lock_in(&self.tenure).await;
                if let Some(missed) = self.missed(heard, turn).await? {
                    return Ok(Some(missed));
                }
                Some(lock)
            }
        };
        self.store(turn).await?;
        Ok(None)
    }

    /// The first event after `heard` that one of the waits is for.
    async fn missed(&self, heard: &str, turn: &Turn) -> Result<Option<Event>, BurstEnd> {
        let query = Query::<Event>::of(self.run.bucket)
            .filter("id", Is::Greater, heard)
            .equal("workspace", self.run.workspace.as_str())
            .ascending("id");
        let found = self.core.store.find(query).await;
        let events = found.map_err(|error| BurstEnd::Reload(error.to_string()))?;
        Ok(events
            .into_iter()
            .find(|event| turn.waits.iter().any(|wait| events::ends(event, wait))))
    }

    /// The rows of the run itself.
    fn base(&self, turn: &Turn) -> Result<Commit, CommitError> {
        let mut commit = self.tenure.commit();
        journal::add(&self.entries, self.run.bucket, &self.run.id, &mut commit);
        let table = Run::TABLE;
        let row = row(&self.run, &self.state);
        let row = row.map_err(|error| CommitError::Invalid(error.to_string()))?;
        match self.opening.as_ref().and_then(Opening::event) {
            Some(event) => {
                commit.writes.push(Write::Insert { table, row });
                commit.insert(event);
            }
            None => commit.writes.push(Write::Put { table, row }),
        }
        for wait in &turn.waits {
            commit.put(wait);
        }
        if let Some(due) = turn.timer {
            commit.put(&Timer {
                bucket: self.run.bucket,
                id: self.run.id.clone(),
                kind: "run".to_owned(),
                due,
            });
        }
        Ok(commit)
    }

    /// The same with effects: under the bucket's lock, because the domain reads what it changes.
    async fn commit_effects(&mut self, turn: &Turn) -> Result<Option<Event>, BurstEnd> {
        let core = self.core.clone();
        let Some(domain) = core.domain().cloned() else {
            return Err(BurstEnd::Leave);
        };
        let actor = self.actor(String::new());
        for pause in PAUSES
            .iter()
            .copied()
            .chain(std::iter::repeat(PAUSES[PAUSES.len() - 1]))
        {
            let lock = core.lock_in(&self.tenure).await;
            if let Some(heard) = &turn.heard
                && let Some(missed) = self.missed(heard, turn).await?
            {
                return Ok(Some(missed));
            }
            let mut commit = self.base(turn).map_err(|error| end_of(&error))?;
            let applied = domain
                .apply(&actor, &self.pending(&[]), &mut commit)
                .await
                .map_err(|error| BurstEnd::Reload(error.to_string()))?;
            let depth = self.state.depth + 1;
            let mut raised = applied.events;
            raised.extend(turn.events.iter().cloned());
            let reload = |error: events::AcceptError| BurstEnd::Reload(error.to_string());
            let mut reaction = events::react(&core, &lock, raised, depth, &mut commit)
                .await
                .map_err(reload)?;
            let effects = &self.effects;
            child::begin(
                &core,
                &lock,
                &actor,
                depth,
                effects,
                &mut commit,
                &mut reaction,
            )
            .await
            .map_err(reload)?;
            match core.store.commit(commit).await {
                Ok(()) => {
                    drop(lock);
                    if let Some(follow_up) = applied.follow_up {
                        domain.committed(follow_up);
                    }
                    React::go(&core, reaction);
                    return Ok(None);
                }
                Err(error) => {
                    drop(lock);
                    if let Some(opening) = &mut self.opening
                        && opening.event().is_some()
                    {
                        return Err(opening.refused(error));
                    }
                    match error {
                        CommitError::Unavailable(reason) => {
                            wait_for_database(&core, &reason, pause).await?;
                        }
                        error => return Err(end_of(&error)),
                    }
                }
            }
        }
        Err(BurstEnd::Leave)
    }
}

/// The row of a run in this state.
fn row(run: &Run, state: &State) -> serde_json::Result<String> {
    #[derive(Serialize)]
    struct Row<'a> {
        bucket: i32,
        id: &'a str,
        workspace: &'a str,
        workflow: &'a str,
        version: i64,
        state: &'a str,
        contact: Option<&'a str>,
        event: Option<&'a str>,
        step: Option<&'a str>,
        reason: Option<&'a str>,
        data: &'a State,
        seq: i64,
        created_at: i64,
        updated_at: i64,
        ended_at: Option<i64>,
    }
    serde_json::to_string(&Row {
        bucket: run.bucket,
        id: &run.id,
        workspace: &run.workspace,
        workflow: &run.workflow,
        version: run.version,
        state: &run.state,
        contact: run.contact.as_deref(),
        event: run.event.as_deref(),
        step: run.step.as_deref(),
        reason: run.reason.as_deref(),
        data: state,
        seq: run.seq,
        created_at: run.created_at,
        updated_at: run.updated_at,
        ended_at: run.ended_at,
    })
}

/// Commits; a database that takes no writes at the moment is asked again, with the commit made anew:
/// that is seldom, and to keep a second copy of each for it is not.
pub(super) async fn patient(
    core: &Core,
    commit: impl Fn() -> Result<Commit, CommitError>,
) -> Result<(), CommitError> {
    for pause in PAUSES
        .iter()
        .copied()
        .chain(std::iter::repeat(PAUSES[PAUSES.len() - 1]))
    {
        match core.store.commit(commit()?).await {
            Err(CommitError::Unavailable(reason)) => {
                if wait_for_database(core, &reason, pause).await.is_err() {
                    return Err(CommitError::Unavailable(reason));
                }
            }
            other => return other,
        }
    }
    Ok(())
}

async fn wait_for_database(core: &Core, reason: &str, pause: u64) -> Result<(), BurstEnd> {
    tracing::warn!(%reason, "the database takes no writes; asking again");
    tokio::select! {
        () = core.stopping.cancelled() => Err(BurstEnd::Leave),
        () = tokio::time::sleep(Duration::from_millis(pause)) => Ok(()),
    }
}

pub(super) fn end_of(error: &CommitError) -> BurstEnd {
    match error {
        CommitError::Fenced { .. } | CommitError::Unavailable(_) => BurstEnd::Leave,
        other => BurstEnd::Reload(other.to_string()),
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]
mod tests {
    use super::*;
    use crate::run::state::EventRef;
    use serde_json::json;

    #[test]
    fn the_row_of_a_run_has_every_column() {
        let event = EventRef {
            id: "evt_1".to_owned(),
            name: "manual".to_owned(),
            at: 3,
        };
        let state = State::new(event, json!({"b": 1, "a": [true]}), "ask", 2);
        let run = Run {
            bucket: 4,
            id: "run_1".to_owned(),
            workspace: "main".to_owned(),
            workflow: "welcome".to_owned(),
            version: 7,
            state: "running".to_owned(),
            contact: Some("ctc_1".to_owned()),
            event: Some("evt_1".to_owned()),
            step: Some("ask".to_owned()),
            reason: None,
            data: serde_json::to_value(&state).unwrap(),
            seq: 5,
            created_at: 1,
            updated_at: 2,
            ended_at: Some(3),
        };
        assert_eq!(
            row(&run, &state).unwrap(),
            serde_json::to_string(&run).unwrap()
        );
    }
}
