//! The runs for people and programs: start, look, watch, cancel, retry.

use crate::domain::NewEvent;
use crate::engine::{Core, Engine};
use crate::events::{self, AcceptError};
use crate::room::{self, InLine};
use crate::run::drive::{self, Fresh};
use crate::run::journal::{self, Entry};
use crate::run::opening::{self, Started};
use crate::run::state::{Phase, State};
use crate::run::wake;
use crate::workflows::{Version, WorkflowError};
use jackfield_sandbox::Account;
use jackfield_store::records::{Event, Journal, Run, Seen};
use jackfield_store::{Commit, CommitError, Is, Query, ReadError, Record, StoreExt};
use serde::Serialize;
use serde_json::{Value, json};
use std::sync::Arc;
use tokio::sync::watch;

/// A run as the API shows it.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct RunView {
    /// Its id.
    pub id: String,
    /// The workflow's name.
    pub workflow: String,
    /// The version that it is pinned to.
    pub version: i64,
    /// `queued`, `running`, `waiting`, `completed`, `failed`, `cancelled`, `needs-attention`.
    pub state: String,
    /// The step at which it stands, or ended.
    pub step: Option<String>,
    /// Why it ended or needs attention.
    pub reason: Option<String>,
    /// The contact.
    pub contact: Option<String>,
    /// The event that started it.
    pub event: Option<String>,
    /// What it waits for.
    pub waiting: Option<Waiting>,
    /// The data of the event that started it.
    pub trigger: Value,
    /// What its steps have set.
    pub variables: Value,
    /// The outputs of its steps.
    pub outputs: Value,
    /// When it was accepted.
    pub created_at: i64,
    /// When it last moved.
    pub updated_at: i64,
    /// When it ended.
    pub ended_at: Option<i64>,
}

/// What a run waits for.
#[derive(Debug, Clone, Serialize)]
pub struct Waiting {
    /// `events`, or `retry` of a failed try.
    #[serde(rename = "for")]
    pub what: String,
    /// Until then at the latest.
    pub until: i64,
}

/// An entry of the timeline.
#[derive(Debug, Clone, Serialize)]
pub struct TimelineEntry {
    /// Its place.
    pub seq: i64,
    /// When.
    pub at: i64,
    /// What happened (`run::journal::Entry`).
    pub kind: String,
    /// At which step.
    pub step: Option<String>,
    /// What it says.
    pub data: Value,
}

/// Which runs.
#[derive(Debug, Clone, Default)]
pub struct RunFilter {
    /// Of this workflow.
    pub workflow: Option<String>,
    /// In this state.
    pub state: Option<String>,
    /// About one of these contacts; about any where there is none.
    pub contacts: Vec<String>,
    /// Older than this run.
    pub before: Option<String>,
    /// At most so many; newest first.
    pub limit: i64,
}

/// Why something could not be done with a run.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// There is none of this id in the workspace.
    #[error("there is no run `{0}` in this workspace")]
    NotFound(String),
    /// Its state does not allow that.
    #[error("{0}")]
    State(String),
    /// The workflow cannot be started.
    #[error(transparent)]
    Workflow(#[from] WorkflowError),
    /// The event could not be accepted.
    #[error(transparent)]
    Accept(#[from] AcceptError),
    /// The database.
    #[error(transparent)]
    Read(#[from] ReadError),
}

/// The runs.
#[derive(Clone)]
pub struct Runs {
    pub(crate) core: Arc<Core>,
}

impl Runs {
    pub(crate) fn new(core: Arc<Core>) -> Runs {
        Runs { core }
    }

    /// Starts a run of a published workflow by hand, whatever its trigger. Durable when it returns.
    /// What was started with a key is not started with it again.
    ///
    /// # Errors
    /// When there is no such workflow, or it is not live; `Repeated` for a key that was used.
    pub async fn start(
        &self,
        workspace: &str,
        workflow: &str,
        contact: Option<&str>,
        data: Value,
        key: Option<&str>,
    ) -> Result<RunView, RunError> {
        let version = self.live(workspace, workflow).await?;
        let (run, state) = self.accept(&version, contact, data, key).await?;
        let shown = view_of(run.clone(), Some(state.clone()));
        let (opening, _) = opening::opening(&run.id, None);
        let fresh = Fresh {
            state,
            version,
            opening,
        };
        self.begin_accepted(run, fresh);
        Ok(shown)
    }

    /// The same for a caller who waits for the run's end. What it returns tells when the run is
    /// durable, which is not so yet.
    ///
    /// # Errors
    /// As of `start`.
    pub async fn start_awaited(
        &self,
        workspace: &str,
        workflow: &str,
        contact: Option<&str>,
        data: Value,
        key: Option<&str>,
    ) -> Result<Started, RunError> {
        let version = self.live(workspace, workflow).await?;
        let place = if contact.is_some() || key.is_some() {
            None
        } else {
            let account = Account::new(workspace, workflow);
            self.core.room.enter(&account, room::weight(&data))
        };
        let Some(place) = place else {
            // Whether it may begin is looked up and committed under the bucket's lock; or it is to
            // stand in line, which is for what is committed.
            let (run, state) = self.accept(&version, contact, data, key).await?;
            let (opening, started) = opening::opening(&run.id, None);
            let fresh = Fresh {
                state,
                version,
                opening,
            };
            self.begin_accepted(run, fresh);
            return Ok(started);
        };
        let event = self.manual(workspace, self.core.any_bucket(), None, data);
        let (run, state) = opening::new_run(&self.core, &version, &event, 0);
        let (opening, started) = opening::opening(&run.id, Some(event));
        let fresh = Fresh {
            state,
            version,
            opening,
        };
        drive::begin_run(&self.core, run, fresh, place);
        Ok(started)
    }

    /// Begins a run that is committed, or has it stand in line: then whoever waits for it looks it
    /// up.
    fn begin_accepted(&self, run: Run, fresh: Fresh) {
        let account = room::account(&run);
        if let Some(place) = self.core.room.enter(&account, room::weight(&run.data)) {
            drive::begin_run(&self.core, run, fresh, place);
        } else if let Ok(tenure) = self.core.tenures.of(run.bucket) {
            room::line_up(&self.core, account, InLine::new(&tenure, &run, false));
        }
    }

    async fn live(&self, workspace: &str, workflow: &str) -> Result<Arc<Version>, RunError> {
        let workflows = &self.core.workflows;
        let live = workflows.live(workspace).await?;
        if let Some(version) = live.iter().find(|version| version.workflow == workflow) {
            return Ok(version.clone());
        }
        let found = workflows.get(workspace, workflow).await?;
        Err(match found.state.as_str() {
            "stopped" => RunError::State(format!(
                "workflow `{workflow}` is stopped; activate it first"
            )),
            _ => WorkflowError::NotPublished(workflow.to_owned()).into(),
        })
    }

    fn manual(&self, workspace: &str, bucket: i32, contact: Option<&str>, data: Value) -> Event {
        Event {
            bucket,
            id: self.core.new_id("evt", bucket),
            workspace: workspace.to_owned(),
            name: "manual".to_owned(),
            contact: contact.map(str::to_owned),
            subject: None,
            data,
            source: "api".to_owned(),
            state: "handled".to_owned(),
            at: self.core.now(),
        }
    }

    /// Commits a run that has not begun, and the event that starts it.
    async fn accept(
        &self,
        version: &Version,
        contact: Option<&str>,
        data: Value,
        key: Option<&str>,
    ) -> Result<(Run, State), RunError> {
        let core = &self.core;
        let bucket = match (contact, key) {
            (Some(contact), _) => jackfield_store::bucket_in("ctc", contact)
                .ok_or_else(|| RunError::State(format!("`{contact}` is no id of a contact")))?,
            // A repetition must find what the first time wrote.
            (None, Some(key)) => {
                jackfield_store::bucket_of(core.store.buckets(), &[&version.workspace, key])
            }
            (None, None) => core.any_bucket(),
        };
        let lock = core.lock(bucket).await.map_err(AcceptError::from)?;
        core.room
            .admit(&version.workspace, Some(&version.workflow))
            .map_err(AcceptError::from)?;
        let event = self.manual(&version.workspace, bucket, contact, data);
        if let Some(contact) = contact
            && let Some(enrolled) =
                events::enrolment(core, bucket, &version.workspace, &version.workflow, contact)
                    .await?
            && let Some(run) = wake::load(core, &enrolled.run).await?
            && crate::plugins::UNFINISHED.contains(&run.state.as_str())
        {
            return Err(RunError::State(format!(
                "the contact is in this workflow already (run {})",
                run.id
            )));
        }
        let mut commit = lock.tenure().commit();
        if let Some(key) = key {
            commit.insert(&Seen {
                bucket,
                workspace: version.workspace.clone(),
                scope: "api".to_owned(),
                key: key.to_owned(),
                at: event.at,
            });
        }
        let (run, state) =
            events::add_run(core, version, &event, 0, |_, _| {}, &mut commit).await?;
        commit.put(&event);
        core.store
            .commit(commit)
            .await
            .map_err(|error| match error {
                CommitError::Exists { table } if table == Seen::TABLE.name => AcceptError::Repeated,
                other => AcceptError::Commit(other),
            })?;
        drop(lock);
        Ok((run, state))
    }

    /// One run.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn get(&self, workspace: &str, id: &str) -> Result<RunView, RunError> {
        Ok(view(self.record(workspace, id).await?))
    }

    /// Runs, newest first.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn list(&self, workspace: &str, filter: RunFilter) -> Result<Vec<RunView>, RunError> {
        let mut query = Query::<Run>::all().equal("workspace", workspace);
        for (column, wanted) in [("workflow", filter.workflow), ("state", filter.state)] {
            if let Some(wanted) = wanted {
                query = query.equal(column, wanted);
            }
        }
        match filter.contacts.as_slice() {
            [] => {}
            [one] => query = query.equal("contact", one.as_str()),
            many => query = query.filter("contact", Is::In, many.to_vec()),
        }
        if let Some(before) = filter.before {
            query = query.filter("id", Is::Less, before);
        }
        let runs = self
            .core
            .store
            .find(query.descending("id").limit(filter.limit))
            .await?;
        Ok(runs.into_iter().map(view).collect())
    }

    /// The timeline of a run after an entry (-1 for all of it).
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn timeline(
        &self,
        workspace: &str,
        id: &str,
        after: i64,
    ) -> Result<Vec<TimelineEntry>, RunError> {
        let run = self.record(workspace, id).await?;
        let from = after.saturating_add(1);
        let rows = journal::lines(&self.core.store, run.bucket, id, from).await?;
        Ok(rows
            .into_iter()
            .map(|row| TimelineEntry {
                seq: row.seq,
                at: row.at,
                data: bounded(&row),
                kind: row.kind,
                step: row.step,
            })
            .collect())
    }

    /// Tells when a run moves.
    #[must_use]
    pub fn watch(&self, id: &str) -> watch::Receiver<u64> {
        self.core.watch(id)
    }

    /// Has a failed or parked run go on from the step at which it stopped.
    ///
    /// # Errors
    /// `State` when it is neither.
    pub async fn retry(&self, workspace: &str, id: &str) -> Result<(), RunError> {
        let run = self.record(workspace, id).await?;
        if wake::retry(&self.core, id).await? {
            return Ok(());
        }
        Err(RunError::State(format!(
            "run {id} is {}; only failed runs and those that need attention can be retried",
            run.state
        )))
    }

    pub(crate) async fn record(&self, workspace: &str, id: &str) -> Result<Run, RunError> {
        let run = wake::load(&self.core, id).await?;
        run.filter(|run| run.workspace == workspace)
            .ok_or_else(|| RunError::NotFound(id.to_owned()))
    }
}

impl Engine {
    /// Sends an event to one run: a wait of it that names the run as its subject is ended.
    ///
    /// # Errors
    /// `NotFound`; what `accept` says.
    pub async fn signal(
        &self,
        workspace: &str,
        run: &str,
        name: &str,
        data: Value,
    ) -> Result<events::Accepted, RunError> {
        let record = self.runs().record(workspace, run).await?;
        let lock = self.lock(record.bucket).await.map_err(AcceptError::from)?;
        let event = NewEvent {
            workspace: workspace.to_owned(),
            name: name.to_owned(),
            contact: record.contact.clone(),
            subject: Some(run.to_owned()),
            data,
            source: "api".to_owned(),
        };
        Ok(self
            .accept(&lock, vec![event], Commit::of(record.bucket))
            .await?)
    }
}

fn view(mut run: Run) -> RunView {
    let state = serde_json::from_value(run.data.take()).ok();
    view_of(run, state)
}

/// A run in this state.
pub(crate) fn view_of(run: Run, state: Option<State>) -> RunView {
    let waiting = state
        .as_ref()
        .filter(|_| run.state == "waiting")
        .and_then(|state| match state.at.as_ref().map(|at| &at.phase) {
            Some(Phase::Wait { until, .. }) => Some(Waiting {
                what: "events".to_owned(),
                until: *until,
            }),
            Some(Phase::Backoff { until, .. }) => Some(Waiting {
                what: "retry".to_owned(),
                until: *until,
            }),
            _ => None,
        });
    let (trigger, variables, outputs) = state.map_or_else(
        || (Value::Null, json!({}), json!({})),
        |state| {
            (
                state.trigger,
                Value::Object(state.vars),
                Value::Object(state.outputs),
            )
        },
    );
    RunView {
        id: run.id,
        workflow: run.workflow,
        version: run.version,
        state: run.state,
        step: run.step,
        reason: run.reason,
        contact: run.contact,
        event: run.event,
        waiting,
        trigger,
        variables,
        outputs,
        created_at: run.created_at,
        updated_at: run.updated_at,
        ended_at: run.ended_at,
    }
}

/// The entry's data without the bytes that only a replay needs.
fn bounded(row: &Journal) -> Value {
    let Some(entry) = Entry::of(row) else {
        return row.data.clone();
    };
    match entry {
        Entry::Call {
            ordinal,
            name,
            reply,
            ..
        } => json!({
            "ordinal": ordinal,
            "name": name,
            "result": result_of(&reply),
        }),
        Entry::CallFinished {
            ordinal, reply, ms, ..
        } => json!({
            "ordinal": ordinal,
            "ms": ms,
            "result": result_of(&reply),
        }),
        _ => row.data.clone(),
    }
}

fn result_of(reply: &jackfield_sandbox::HostReply) -> String {
    use jackfield_sandbox::HostReply;
    match (reply, reply.error()) {
        (_, Some(error)) => format!("{}: {}", error.code, error.message),
        (HostReply::Response(Ok(response)), _) => {
            format!("{}, {} bytes", response.status, response.body.len())
        }
        (HostReply::Accepted(Ok(accepted)), _) => accepted.response.clone(),
        _ => "ok".to_owned(),
    }
}
