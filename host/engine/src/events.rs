//! Events: accepted in order, and what they set in motion.
//!
//! An event is accepted in one commit together with everything that follows from it at once: the
//! runs that it starts, the waits that it ends, and the reasons why a workflow was considered and
//! not started. So there is no event that was acknowledged and forgotten, and none that is handled
//! twice. All of it happens under the lock of the event's bucket, which is what keeps a contact's
//! events in order.

use crate::conditions::Condition;
use crate::document::trigger::{LIFECYCLE_UPDATED, RECEIVED, aim, is_aimed, variables_of};
use crate::document::{ExitOn, Once, Own, Received, Trigger};
use crate::domain::{DomainError, NewEvent, View};
use crate::engine::{BucketLock, Core, Engine};
use crate::plugins::UNFINISHED;
use crate::room::Busy;
use crate::run::drive;
use crate::run::journal::Entry;
use crate::run::opening;
use crate::run::state::{State, Wake};
use crate::run::wake;
use crate::scope::{RunScope, timestamp};
use crate::tenure::Elsewhere;
use crate::workflows::{Version, WorkflowError};
use jackfield_store::records::{Decision, Enrolment, Event, Run, Wait};
use jackfield_store::{Commit, CommitError, Is, Query, ReadError, StoreExt};
use serde::Serialize;
use serde_json::{Value, json};
use std::any::Any;
use std::collections::VecDeque;
use std::sync::Arc;

/// How many runs in a row may start one another by their effects.
pub(crate) const MAX_DEPTH: u32 = 10;
/// The largest event.
pub const MAX_EVENT: usize = 256 << 10;

/// What became of accepted events.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Accepted {
    /// In the order given.
    pub events: Vec<AcceptedEvent>,
}

/// What became of one event.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct AcceptedEvent {
    /// Its id.
    pub id: String,
    /// The runs that it started.
    pub runs: Vec<String>,
    /// The runs whose wait it ended.
    pub woken: Vec<String>,
    /// The workflows that name this event and were not started.
    pub skipped: Vec<Skipped>,
}

/// A workflow that was considered and not started.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Skipped {
    /// Its name.
    pub workflow: String,
    /// `account-scope`, `condition`, `once-per-contact`, `already-enrolled`, `blocked`, `no-contact`,
    /// `loop-guard`, `number`, `window`, `keywords`, `stop-after-match`, `cleared`.
    pub reason: String,
    /// What was looked at.
    pub detail: Value,
}

/// Why events were not accepted.
#[derive(Debug, thiserror::Error)]
pub enum AcceptError {
    /// The commit's `insert` says that this was accepted before (a provider's repetition).
    #[error("this was accepted before")]
    Repeated,
    /// The event cannot be taken as it is.
    #[error("{0}")]
    Invalid(String),
    /// Too much stands in line already; nothing was written.
    #[error(transparent)]
    Busy(#[from] Busy),
    /// The bucket is another host's.
    #[error(transparent)]
    Elsewhere(#[from] Elsewhere),
    /// A workflow cannot be loaded.
    #[error(transparent)]
    Workflow(#[from] WorkflowError),
    /// The domain cannot answer.
    #[error(transparent)]
    Domain(#[from] DomainError),
    /// The database.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The database.
    #[error(transparent)]
    Commit(CommitError),
}

/// What is to begin once the commit is durable.
#[derive(Default)]
pub(crate) struct React {
    accepted: Accepted,
    started: Vec<Run>,
    woken: Vec<Run>,
    /// The ids of those that are cancelled.
    cancelled: Vec<String>,
    /// What the domain follows the events up with.
    follow_ups: Vec<Box<dyn Any + Send + Sync>>,
}

impl React {
    /// A run begins with the commit.
    pub(crate) fn start(&mut self, run: Run) {
        self.started.push(run);
    }

    /// The commit is durable: the runs go on.
    pub(crate) fn go(core: &Arc<Core>, react: React) -> Accepted {
        if let Some(domain) = core.domain() {
            for follow_up in react.follow_ups {
                domain.committed(follow_up);
            }
        }
        for run in react.started.into_iter().chain(react.woken) {
            core.moved(&run.id);
            drive::spawn(core, run, false);
        }
        react.accepted
    }
}

impl Engine {
    /// Accepts events together with the domain's own writes, in one commit of the lock's bucket.
    /// Durable when it returns.
    ///
    /// # Errors
    /// `Repeated` when a row that the commit inserts exists already; nothing was written then.
    pub async fn accept(
        &self,
        lock: &BucketLock,
        events: Vec<NewEvent>,
        commit: Commit,
    ) -> Result<Accepted, AcceptError> {
        self.take(lock, events, commit, false).await
    }

    /// The same for events from outside, whose sender can be told to come again.
    ///
    /// # Errors
    /// `Busy` when one of them would start a workflow of which too many runs stand in line.
    pub async fn accept_if_room(
        &self,
        lock: &BucketLock,
        events: Vec<NewEvent>,
        commit: Commit,
    ) -> Result<Accepted, AcceptError> {
        self.take(lock, events, commit, true).await
    }

    /// The same for one event whose id was made before (`new_id` of the kind `evt`), so that the
    /// commit can name it.
    ///
    /// # Errors
    /// As of `accept_if_room`.
    pub async fn accept_as(
        &self,
        lock: &BucketLock,
        id: String,
        event: NewEvent,
        commit: Commit,
    ) -> Result<Accepted, AcceptError> {
        self.take_as(lock, Some(id), vec![event], commit, true)
            .await
    }

    async fn take(
        &self,
        lock: &BucketLock,
        events: Vec<NewEvent>,
        commit: Commit,
        if_room: bool,
    ) -> Result<Accepted, AcceptError> {
        self.take_as(lock, None, events, commit, if_room).await
    }

    async fn take_as(
        &self,
        lock: &BucketLock,
        first: Option<String>,
        events: Vec<NewEvent>,
        mut commit: Commit,
        if_room: bool,
    ) -> Result<Accepted, AcceptError> {
        let react = react_as(&self.core, lock, first, events, 0, &mut commit).await?;
        if if_room {
            for run in &react.started {
                self.admit(&run.workspace, Some(&run.workflow))?;
            }
        }
        self.core
            .store
            .commit(lock.tenure().fence(commit))
            .await
            .map_err(|error| match error {
                CommitError::Exists { .. } => AcceptError::Repeated,
                other => AcceptError::Commit(other),
            })?;
        metrics::counter!("jackfield_events_accepted_total")
            .increment(react.accepted.events.len() as u64);
        Ok(React::go(&self.core, react))
    }
}

/// What an event about something is matched by: the `topic` of the waits for it.
#[must_use]
pub fn topic(workspace: &str, event: &str, subject: &str) -> String {
    format!("{workspace}/{event}/{subject}")
}

/// Looks at triggers and waits, and adds what follows to the commit.
pub(crate) async fn react(
    core: &Arc<Core>,
    lock: &BucketLock,
    events: Vec<NewEvent>,
    depth: u32,
    commit: &mut Commit,
) -> Result<React, AcceptError> {
    react_as(core, lock, None, events, depth, commit).await
}

/// The same, with the id of the first event.
async fn react_as(
    core: &Arc<Core>,
    lock: &BucketLock,
    mut first: Option<String>,
    events: Vec<NewEvent>,
    depth: u32,
    commit: &mut Commit,
) -> Result<React, AcceptError> {
    let mut react = React::default();
    let mut events = VecDeque::from(events);
    while let Some(event) = events.pop_front() {
        let now = core.now();
        let row = Event {
            bucket: lock.bucket(),
            id: first
                .take()
                .unwrap_or_else(|| core.new_id("evt", lock.bucket())),
            workspace: event.workspace,
            name: event.name,
            contact: event.contact,
            subject: event.subject,
            data: event.data,
            source: event.source,
            state: "handled".to_owned(),
            at: now,
        };
        let mut outcome = AcceptedEvent {
            id: row.id.clone(),
            ..AcceptedEvent::default()
        };
        let mut keywords = Keywords::default();
        if row.name == RECEIVED {
            // Before questions: whoever says a keyword means it.
            keywords.turn = true;
            start_runs(
                core,
                &row,
                depth,
                &mut keywords,
                commit,
                &mut react,
                &mut outcome,
            )
            .await?;
            keywords.turn = false;
        }
        let heard = keywords.stopped.as_deref();
        wake_waits(core, &row, heard, commit, &mut react, &mut outcome).await?;
        events.extend(exit_runs(core, &row, commit, &mut react).await?);
        start_runs(
            core,
            &row,
            depth,
            &mut keywords,
            commit,
            &mut react,
            &mut outcome,
        )
        .await?;
        if let Some(domain) = core.domain() {
            react.follow_ups.extend(domain.follow(&row, commit).await?);
        }
        commit.put(&row);
        react.accepted.events.push(outcome);
    }
    Ok(react)
}

/// How triggers with keywords are gone through, which comes before all else that a message does.
#[derive(Default)]
struct Keywords {
    /// It is their turn; else that of all others.
    turn: bool,
    /// The workflow that was started by a keyword and lets no other do so.
    stopped: Option<String>,
    /// The workflows that were started by one.
    started: Vec<String>,
}

/// Ends the waits that the event matches; those of questions not where it was heard as a keyword
/// that stops there.
async fn wake_waits(
    core: &Arc<Core>,
    event: &Event,
    heard: Option<&str>,
    commit: &mut Commit,
    react: &mut React,
    outcome: &mut AcceptedEvent,
) -> Result<(), AcceptError> {
    let topics: Vec<Value> = [&event.contact, &event.subject]
        .into_iter()
        .flatten()
        .map(|subject| Value::from(topic(&event.workspace, &event.name, subject)))
        .collect();
    if topics.is_empty() {
        return Ok(());
    }
    let query = Query::<Wait>::of(event.bucket).filter("topic", Is::In, topics);
    let mut waits: Vec<Wait> = core.store.find(query).await?;
    if waits.is_empty() {
        return Ok(());
    }
    waits.retain(|wait| ends(event, wait));
    // The newest question gets the reply.
    let newest = waits
        .iter()
        .filter(|wait| wait.claim)
        .max_by(|a, b| (a.at, &a.run).cmp(&(b.at, &b.run)))
        .map(|wait| wait.run.clone());
    waits.sort_by(|a, b| (a.at, &a.run).cmp(&(b.at, &b.run)));
    let woken = react.woken.iter().map(|run| &run.id);
    let mut seen: Vec<String> = woken.chain(&react.cancelled).cloned().collect();
    for wait in waits {
        if seen.contains(&wait.run) {
            continue;
        }
        seen.push(wait.run.clone());
        if wait.claim && (heard.is_some() || newest.as_ref() != Some(&wait.run)) {
            let went_to = match heard {
                Some(workflow) => format!("the workflow `{workflow}`, which listens for it"),
                None => "a newer question to the same contact".to_owned(),
            };
            wake::passed_over(core, &wait.run, event, &went_to, commit).await?;
            continue;
        }
        let wake = Wake::Event {
            id: event.id.clone(),
            name: event.name.clone(),
            data: event.data.clone(),
            at: event.at,
        };
        if let Some(run) = wake::end_wait(core, &wait.run, wake, commit).await? {
            outcome.woken.push(run.id.clone());
            react.woken.push(run);
        }
    }
    Ok(())
}

/// Whether the event is one that the wait is for.
pub(crate) fn ends(event: &Event, wait: &Wait) -> bool {
    let about = [&event.contact, &event.subject];
    let named = about
        .into_iter()
        .flatten()
        .any(|subject| topic(&event.workspace, &event.name, subject) == wait.topic);
    if !named || wait.condition.is_null() {
        return named;
    }
    let view = View {
        namespaces: serde_json::Map::new(),
        common: Arc::default(),
        unset: crate::variables::Unset::Empty,
    };
    let scope = RunScope {
        view: &view,
        trigger: &event.data,
        vars: None,
        outputs: None,
        run: None,
        values: None,
        now: event.at,
    };
    Condition::parse(&wait.condition).is_ok_and(|condition| condition.evaluate(&scope))
}

/// Ends the contact's waiting runs of workflows that say so of this event (`exit-on`), but those
/// that the event itself has woken. Answers with the events that this raises.
async fn exit_runs(
    core: &Arc<Core>,
    event: &Event,
    commit: &mut Commit,
    react: &mut React,
) -> Result<Vec<NewEvent>, AcceptError> {
    let exit = match event.name.as_str() {
        "message.received" => ExitOn::IncomingMessage,
        // By hand: what a workflow closes is no reason for another to end.
        "conversation.closed" if event.source != "run" => ExitOn::ConversationClosed,
        "message.sent-by-human" => ExitOn::OutgoingHumanMessage,
        "conversation.assigned" if event.source != "run" && event.source != "queue" => {
            ExitOn::ManualAssignment
        }
        _ => return Ok(Vec::new()),
    };
    let live = core.workflows.live(&event.workspace).await?;
    let Some(contact) = event.contact.as_ref() else {
        return Ok(Vec::new());
    };
    if !live
        .iter()
        .any(|version| version.document.exit_on.contains(&exit))
    {
        return Ok(Vec::new());
    }
    let mut raised = Vec::new();
    let query = Query::<Run>::of(event.bucket)
        .equal("contact", contact.as_str())
        .equal("workspace", event.workspace.as_str())
        .equal("state", "waiting")
        .equal("ended_at", Value::Null);
    for run in core.store.find(query).await? {
        let version = core
            .workflows
            .version(&run.workspace, &run.workflow, run.version)
            .await?;
        let done =
            react.woken.iter().any(|woken| woken.id == run.id) || react.cancelled.contains(&run.id);
        if !done && version.document.exit_on.contains(&exit) {
            react.cancelled.push(run.id.clone());
            raised.extend(wake::cancelled(core, run, exit.name(), commit));
        }
    }
    Ok(raised)
}

/// Starts the workflows that the event triggers.
async fn start_runs(
    core: &Arc<Core>,
    event: &Event,
    depth: u32,
    keywords: &mut Keywords,
    commit: &mut Commit,
    react: &mut React,
    outcome: &mut AcceptedEvent,
) -> Result<(), AcceptError> {
    let live = core.workflows.live(&event.workspace).await?;
    let mut view = None;
    for version in live.iter() {
        if keywords.started.contains(&version.workflow) {
            continue;
        }
        let mut considered = None;
        let mut heard = None;
        let mut stops = false;
        let named = version.document.triggers.iter().enumerate();
        for (_, trigger) in named.filter(|(place, trigger)| {
            trigger.event == event.name
                && trigger.own.has_keywords() == keywords.turn
                && is_meant(event, &version.workflow, *place)
        }) {
            let seen = Seen {
                commit,
                react,
                view: &mut view,
                stopped: keywords.stopped.as_deref(),
                heard: &mut heard,
            };
            let refusal = consider(core, event, depth, version, trigger, seen).await?;
            considered = Some(refusal);
            if considered == Some(None) {
                stops = matches!(&trigger.own, Own::Received(own) if own.stop_after_match);
                break;
            }
        }
        match considered {
            None => {}
            Some(None) => {
                if keywords.turn {
                    keywords.started.push(version.workflow.clone());
                    let first = stops.then(|| version.workflow.clone());
                    keywords.stopped = keywords.stopped.take().or(first);
                }
                let tell = |_: &mut Run, state: &mut State| {
                    if let Some(brought) = variables_of(&event.name, &event.data) {
                        state.vars = brought.clone();
                    }
                    if let (Some(heard), Some(message)) = (
                        heard,
                        state
                            .trigger
                            .get_mut("message")
                            .and_then(Value::as_object_mut),
                    ) {
                        message.insert("keyword".to_owned(), heard.into());
                    }
                };
                let (run, _) = add_run(core, version, event, depth, tell, commit).await?;
                outcome.runs.push(run.id.clone());
                react.started.push(run);
            }
            Some(Some((reason, detail))) => {
                commit.put(&Decision {
                    bucket: event.bucket,
                    id: core.new_id("dec", event.bucket),
                    workspace: event.workspace.clone(),
                    contact: event.contact.clone(),
                    kind: "trigger".to_owned(),
                    subject: event.id.clone(),
                    workflow: Some(version.workflow.clone()),
                    reason: reason.to_owned(),
                    detail: detail.clone(),
                    at: event.at,
                });
                outcome.skipped.push(Skipped {
                    workflow: version.workflow.clone(),
                    reason: reason.to_owned(),
                    detail,
                });
            }
        }
    }
    Ok(())
}

/// Whether an event may start this trigger: some are for one alone.
fn is_meant(event: &Event, workflow: &str, place: usize) -> bool {
    !is_aimed(&event.name) || event.subject.as_ref() == Some(&aim(workflow, place))
}

/// What is known where triggers are considered.
struct Seen<'a> {
    /// What comes with the event.
    commit: &'a Commit,
    react: &'a React,
    /// Made for the first trigger that looks.
    view: &'a mut Option<View>,
    /// The workflow that started by a keyword and lets no other do so.
    stopped: Option<&'a str>,
    /// The keyword that the trigger has heard.
    heard: &'a mut Option<String>,
}

/// Whether a trigger is taken; if not, why.
async fn consider(
    core: &Arc<Core>,
    event: &Event,
    depth: u32,
    version: &Version,
    trigger: &Trigger,
    seen: Seen<'_>,
) -> Result<Option<(&'static str, Value)>, AcceptError> {
    let Seen {
        commit,
        react,
        view,
        stopped,
        heard,
    } = seen;
    if depth > MAX_DEPTH {
        return Ok(Some(("loop-guard", json!({"depth": depth}))));
    }
    let account = accounts_of(&event.data);
    if !trigger.accounts.includes(&account) {
        return Ok(Some(("account-scope", json!({"account": account}))));
    }
    if view.is_none() {
        let domain = core
            .domain()
            .ok_or_else(|| DomainError::Unavailable("the engine is not attached".to_owned()))?;
        *view = Some(
            domain
                .view(
                    &event.workspace,
                    event.contact.as_deref(),
                    &[],
                    Some(commit),
                )
                .await?,
        );
    }
    let Some(view) = view else { return Ok(None) };
    let blocked = view
        .namespaces
        .get("contact")
        .and_then(|contact| contact.get("blocked"))
        .and_then(Value::as_bool);
    if blocked == Some(true) {
        return Ok(Some(("blocked", Value::Null)));
    }
    if event.contact.is_some() && !view.namespaces.contains_key("contact") {
        // Deleted, or absorbed by another, meanwhile.
        return Ok(Some(("no-contact", Value::Null)));
    }
    let scope = RunScope {
        view,
        trigger: &event.data,
        vars: variables_of(&event.name, &event.data),
        outputs: None,
        run: None,
        values: None,
        now: event.at,
    };
    if let Own::Received(received) = &trigger.own {
        match listen(received, &scope, stopped) {
            Ok(keyword) => *heard = keyword,
            Err(refusal) => return Ok(Some(refusal)),
        }
    }
    if trigger.event == LIFECYCLE_UPDATED
        && trigger.own != Own::WhenCleared
        && event.data["lifecycle"]["new"].is_null()
    {
        return Ok(Some(("cleared", event.data["lifecycle"].clone())));
    }
    if let Some(condition) = &trigger.when
        && !condition.evaluate(&scope)
    {
        return Ok(Some(("condition", json!(condition.explain(&scope)))));
    }
    let Some(contact) = &event.contact else {
        return Ok(None);
    };
    let started_now = react
        .started
        .iter()
        .any(|run| run.workflow == version.workflow && run.contact.as_ref() == Some(contact));
    if started_now {
        return Ok(Some(("already-enrolled", Value::Null)));
    }
    let enrolled = enrolment(
        core,
        event.bucket,
        &event.workspace,
        &version.workflow,
        contact,
    );
    let Some(enrolled) = enrolled.await? else {
        return Ok(None);
    };
    let once = |at: i64| {
        let told = json!({"run": enrolled.run, "at": at});
        Ok(Some(("once-per-contact", told)))
    };
    if trigger.once_per_contact == Some(Once::Ever) {
        return once(enrolled.at);
    }
    // At most one run is active for a contact and a workflow, so it can only be the newest.
    let newest = wake::load(core, &enrolled.run).await?;
    if let (Some(Once::Within(length)), Some(newest)) = (trigger.once_per_contact, &newest) {
        let length = i64::try_from(length.as_millis()).unwrap_or(i64::MAX);
        if event.at < newest.created_at.saturating_add(length) {
            return once(newest.created_at);
        }
    }
    let active = newest.filter(|run| UNFINISHED.contains(&run.state.as_str()));
    Ok(active.map(|run| ("already-enrolled", json!({"run": run.id}))))
}

/// Whether a message is what a trigger listens for, and the keyword; if not, why.
fn listen(
    received: &Received,
    scope: &RunScope<'_>,
    stopped: Option<&str>,
) -> Result<Option<String>, (&'static str, Value)> {
    let message = &scope.trigger["message"];
    if !received.is_for(message) {
        let detail = json!({"to": message["to"], "channel": message["channel"]});
        return Err(("number", detail));
    }
    if !received.is_open(timestamp(scope.now), &scope.view.common.time_zone) {
        let detail = json!({"from": received.from, "until": received.until});
        return Err(("window", detail));
    }
    let Some(keywords) = &received.keywords else {
        return Ok(None);
    };
    let text = message["text"].as_str().unwrap_or_default();
    let Some(keyword) = keywords.heard(text, scope) else {
        return Err(("keywords", json!({"text": message["text"]})));
    };
    match stopped {
        Some(workflow) => Err((
            "stop-after-match",
            json!({"workflow": workflow, "keyword": keyword}),
        )),
        None => Ok(Some(keyword).filter(|keyword| !keyword.is_empty())),
    }
}

/// That the contact was once enrolled in the workflow.
pub(crate) async fn enrolment(
    core: &Core,
    bucket: i32,
    workspace: &str,
    workflow: &str,
    contact: &str,
) -> Result<Option<Enrolment>, ReadError> {
    let query = Query::<Enrolment>::of(bucket)
        .equal("workspace", workspace)
        .equal("workflow", workflow)
        .equal("contact", contact);
    core.store.first(query).await
}

/// The names of the account that an event is about: its id, its name, or the plain text.
fn accounts_of(data: &Value) -> Vec<&str> {
    let account = data.get("account");
    let named = |field: &str| {
        account
            .and_then(|account| account.get(field))
            .and_then(Value::as_str)
    };
    [account.and_then(Value::as_str), named("id"), named("name")]
        .into_iter()
        .flatten()
        .collect()
}

/// Adds a new run to the commit, and gives it with its state. `shape` makes it another than a run
/// that begins at its first step.
pub(crate) async fn add_run(
    core: &Core,
    version: &Version,
    event: &Event,
    depth: u32,
    shape: impl FnOnce(&mut Run, &mut State),
    commit: &mut Commit,
) -> Result<(Run, State), AcceptError> {
    let (mut run, mut state) = opening::new_run(core, version, event, depth);
    shape(&mut run, &mut state);
    run.data =
        serde_json::to_value(&state).map_err(|error| AcceptError::Invalid(error.to_string()))?;
    run.seq = 1;
    let entry = Entry::RunStarted {
        version: version.version,
        event: event.name.clone(),
    };
    commit.put(&entry.record(run.bucket, &run.id, 0, None, event.at));
    if let Some(contact) = &event.contact {
        let earlier = enrolment(
            core,
            event.bucket,
            &event.workspace,
            &version.workflow,
            contact,
        );
        let earlier = earlier.await?;
        commit.put(&Enrolment {
            bucket: event.bucket,
            workspace: event.workspace.clone(),
            workflow: version.workflow.clone(),
            contact: contact.clone(),
            run: run.id.clone(),
            at: earlier.map_or(event.at, |earlier| earlier.at),
        });
    }
    commit.put(&run);
    metrics::counter!("jackfield_runs_started_total").increment(1);
    Ok((run, state))
}
