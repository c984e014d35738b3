//! A burst: a run's steps executed one after another in memory, and its commits.
//!
//! A burst is committed when an external call is about to start, when its result is in, and when
//! the run waits or ends. Between commits everything is here: the state, the journal entries, the
//! effects of finished steps. If the host dies, it all happens again from the last commit, and the
//! same way, because what an activation was told before a half-way commit is in the journal.
//!
//! What must hold: effects go into the very commit that carries their step's outcome; after a
//! failed commit nothing in memory is trusted (`BurstEnd::Reload`), but that a database which does
//! not take writes at the moment is asked again.

use crate::domain::{Actor, Effect};
use crate::engine::Core;
use crate::events::{self, React};
use crate::run::journal::Entry;
use crate::run::state::State;
use crate::workflows::Version;
use jackfield_store::records::{Event, Journal, Run, Timer, Wait};
use jackfield_store::{Commit, CommitError, Is, Query, StoreExt};
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinHandle;
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
}

/// A run in motion.
pub(crate) struct Burst {
    pub core: Arc<Core>,
    pub run: Run,
    pub state: State,
    pub version: Arc<Version>,
    /// Ends the burst with the run cancelled.
    pub cancel: CancellationToken,
    /// The activation under way was begun before the host stopped: its calls are in the journal.
    pub recovered: bool,
    entries: Vec<Journal>,
    effects: Vec<Effect>,
    result: Option<JoinHandle<Result<(), CommitError>>>,
}

impl Burst {
    pub(crate) fn new(
        core: Arc<Core>,
        run: Run,
        state: State,
        version: Arc<Version>,
        cancel: CancellationToken,
        recovered: bool,
    ) -> Burst {
        Burst {
            core,
            run,
            state,
            version,
            cancel,
            recovered,
            entries: Vec::new(),
            effects: Vec::new(),
            result: None,
        }
    }

    /// Adds an entry to the journal, to be committed with the rest.
    pub(crate) fn note(&mut self, entry: &Entry) {
        let step = self
            .state
            .at
            .as_ref()
            .map(|at| at.step.clone())
            .or(self.run.step.clone());
        let row = entry.record(
            self.run.bucket,
            &self.run.id,
            self.run.seq,
            step.as_deref(),
            self.core.now(),
        );
        self.run.seq += 1;
        self.entries.push(row);
    }

    /// Adds the effects of a step that is done.
    pub(crate) fn finish(&mut self, effects: Vec<Effect>) {
        self.effects.extend(effects);
    }

    /// The effects of finished steps that are not committed yet.
    pub(crate) fn effects(&self) -> &[Effect] {
        &self.effects
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
            call_key,
        }
    }

    /// Commits a journal entry without waiting for it: the next `commit` does.
    pub(crate) async fn commit_soon(&mut self, entry: &Entry) -> Result<(), BurstEnd> {
        self.settle().await?;
        self.note(entry);
        let mut commit = Commit::of(self.run.bucket);
        for row in self.entries.drain(..) {
            commit.insert(&row);
        }
        let core = self.core.clone();
        self.result = Some(tokio::spawn(async move { patient(&core, commit).await }));
        Ok(())
    }

    /// Waits for the commit under way.
    async fn settle(&mut self) -> Result<(), BurstEnd> {
        let Some(result) = self.result.take() else {
            return Ok(());
        };
        match result.await {
            Ok(result) => result.map_err(|error| end_of(&error)),
            Err(error) => Err(BurstEnd::Reload(error.to_string())),
        }
    }

    /// Commits everything. When it returns `Ok(None)`, it is durable.
    ///
    /// With an event, nothing was committed: it was accepted while the run did not wait for it, and
    /// ends the wait before it has begun.
    pub(crate) async fn commit(&mut self, turn: Turn) -> Result<Option<Event>, BurstEnd> {
        self.settle().await?;
        let now = self.core.now();
        self.run.updated_at = now;
        self.run.step = self
            .state
            .at
            .as_ref()
            .map(|at| at.step.clone())
            .or(self.run.step.take());
        self.run.data = serde_json::to_value(&self.state)
            .map_err(|error| BurstEnd::Reload(error.to_string()))?;
        if let Some(missed) = self.commit_turn(&turn).await? {
            return Ok(Some(missed));
        }
        self.entries.clear();
        self.effects.clear();
        if let Some(due) = turn.timer {
            self.core.timers.schedule(&self.run.id, due);
        }
        self.core.moved(&self.run.id);
        Ok(None)
    }

    /// Under the bucket's lock where something is read that the commit rests on.
    async fn commit_turn(&mut self, turn: &Turn) -> Result<Option<Event>, BurstEnd> {
        if !self.effects.is_empty() {
            return self.commit_effects(turn).await;
        }
        let core = self.core.clone();
        let _lock = match &turn.heard {
            None => None,
            Some(heard) => {
                let lock = core.lock(self.run.bucket).await;
                if let Some(missed) = self.missed(heard, turn).await? {
                    return Ok(Some(missed));
                }
                Some(lock)
            }
        };
        patient(&core, self.base(turn))
            .await
            .map_err(|error| end_of(&error))?;
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
    fn base(&self, turn: &Turn) -> Commit {
        let mut commit = Commit::of(self.run.bucket);
        for row in &self.entries {
            commit.insert(row);
        }
        commit.put(&self.run);
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
        commit
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
            let lock = core.lock(self.run.bucket).await;
            if let Some(heard) = &turn.heard
                && let Some(missed) = self.missed(heard, turn).await?
            {
                return Ok(Some(missed));
            }
            let mut commit = self.base(turn);
            let applied = domain
                .apply(&actor, &self.effects, &mut commit)
                .await
                .map_err(|error| BurstEnd::Reload(error.to_string()))?;
            let depth = self.state.depth + 1;
            let reaction = events::react(&core, &lock, applied.events, depth, &mut commit)
                .await
                .map_err(|error| BurstEnd::Reload(error.to_string()))?;
            match core.store.commit(commit).await {
                Ok(()) => {
                    drop(lock);
                    if let Some(follow_up) = applied.follow_up {
                        domain.committed(follow_up);
                    }
                    React::go(&core, reaction);
                    return Ok(None);
                }
                Err(CommitError::Unavailable(reason)) => {
                    drop(lock);
                    wait_for_database(&core, &reason, pause).await?;
                }
                Err(error) => return Err(end_of(&error)),
            }
        }
        Err(BurstEnd::Leave)
    }
}

/// Commits; a database that takes no writes at the moment is asked again.
async fn patient(core: &Core, commit: Commit) -> Result<(), CommitError> {
    for pause in PAUSES
        .iter()
        .copied()
        .chain(std::iter::repeat(PAUSES[PAUSES.len() - 1]))
    {
        match core.store.commit(commit.clone()).await {
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

fn end_of(error: &CommitError) -> BurstEnd {
    match error {
        CommitError::Fenced { .. } | CommitError::Unavailable(_) => BurstEnd::Leave,
        other => BurstEnd::Reload(other.to_string()),
    }
}
