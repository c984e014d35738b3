//! Runs that a step of another run starts (`workflows.start`), and how their end is told.
//!
//! The start is an effect like any other: journaled where the activation is committed half-way, and
//! done in the commit of the step's outcome. The child is of the same contact, so of the same bucket.
//!
//! What must hold: whoever was told a run's id hears of its end, as the event `run.ended` about that
//! id. So a start that was answered begins, also where the workflow was stopped meanwhile, and a run
//! that is cancelled tells of it like any other.

use crate::calls::refused;
use crate::document::{MANUAL, is_name};
use crate::domain::{Actor, Effect, NewEvent};
use crate::engine::{BucketLock, Core};
use crate::events::{self, AcceptError, MAX_DEPTH, React};
use crate::plugins::UNFINISHED;
use crate::run::calls::{MAX_VARIABLES, variable};
use crate::run::state::State;
use crate::run::wake;
use crate::workflows::{Version, WorkflowError};
use jackfield_sandbox::wit::CallError;
use jackfield_store::records::{Event, Run};
use jackfield_store::{Commit, ReadError};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use std::sync::Arc;

/// The event that a run which was started by another is over.
pub(crate) const ENDED: &str = "run.ended";

/// A run that is to begin with the outcome of a step.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "do", rename = "start-run")]
pub(crate) struct Start {
    run: String,
    workflow: String,
    version: i64,
    /// The step that it begins at; none for the first.
    from: Option<String>,
    variables: Map<String, Value>,
    /// What its trigger brings.
    data: Value,
}

/// What `workflows.start` is given beside the name.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Options {
    from: Option<String>,
    variables: Map<String, Value>,
    data: Option<Map<String, Value>>,
}

/// Those of the effects that are the domain's.
pub(crate) fn of_domain<'a>(effects: impl IntoIterator<Item = &'a Effect>) -> Vec<Effect> {
    let effects = effects.into_iter();
    effects
        .filter(|effect| !is_start(effect))
        .cloned()
        .collect()
}

fn is_start(effect: &Effect) -> bool {
    effect.0.get("do").and_then(Value::as_str) == Some("start-run")
}

/// Answers `workflows.start`: the id of the run, and the effect that starts it; or why not.
pub(crate) async fn start(
    core: &Arc<Core>,
    actor: &Actor,
    depth: u32,
    workflow: &str,
    options: &str,
    pending: &[Effect],
) -> Result<Result<(String, Effect), CallError>, AcceptError> {
    let options: Options = match serde_json::from_str(options) {
        Ok(options) => options,
        Err(error) => {
            let wanted = r#"{"from"?: "step-id", "variables"?: {...}, "data"?: {...}}"#;
            return Ok(Err(refused(
                "invalid",
                format!("the options of a start are {wanted}: {error}"),
            )));
        }
    };
    for (place, (name, value)) in options.variables.iter().enumerate() {
        if let Err(error) = variable(name, &value.to_string(), place < MAX_VARIABLES) {
            return Ok(Err(error));
        }
    }
    let version = match startable(core, &actor.workspace, workflow, options.from.as_deref()).await?
    {
        Ok(version) => version,
        Err(error) => return Ok(Err(error)),
    };
    if depth >= MAX_DEPTH {
        return Ok(Err(refused(
            "loop-guard",
            format!("{MAX_DEPTH} workflows have started one another"),
        )));
    }
    let pending = pending.iter().filter(|effect| is_start(effect));
    let starts_it = pending
        .filter_map(|effect| Start::deserialize(&effect.0).ok())
        .any(|start| start.workflow == version.workflow && actor.contact.is_some());
    if starts_it || active(core, actor, &version.workflow).await?.is_some() {
        return Ok(Err(refused(
            "already-enrolled",
            format!("the contact is in the workflow `{workflow}` already"),
        )));
    }
    let start = Start {
        run: core.new_id("run", actor.bucket),
        workflow: version.workflow.clone(),
        version: version.version,
        from: options.from,
        variables: options.variables,
        data: options.data.map(Value::Object).unwrap_or_else(|| json!({})),
    };
    let effect = serde_json::to_value(&start).unwrap_or_default();
    Ok(Ok((start.run, Effect(effect))))
}

/// The live version of a workflow that others may start, at a step that it has.
async fn startable(
    core: &Arc<Core>,
    workspace: &str,
    workflow: &str,
    from: Option<&str>,
) -> Result<Result<Arc<Version>, CallError>, WorkflowError> {
    let live = core.workflows.live(workspace).await?;
    let manual = |version: &&Arc<Version>| {
        let triggers = &version.document.triggers;
        triggers.iter().any(|trigger| trigger.event == MANUAL)
    };
    let found = live.iter().find(|version| version.workflow == workflow);
    let Some(version) = found.filter(manual) else {
        let names: Vec<&str> = live
            .iter()
            .filter(manual)
            .take(20)
            .map(|version| version.workflow.as_str())
            .collect();
        let there = if names.is_empty() {
            "no published workflow has it".to_owned()
        } else {
            format!("these have: {}", names.join(", "))
        };
        let name = if is_name(workflow) { workflow } else { "..." };
        return Ok(Err(refused(
            "not-found",
            format!("there is no published workflow `{name}` with the trigger `manual`; {there}"),
        )));
    };
    if let Some(from) = from
        && version.document.step(from).is_none()
    {
        let steps = &version.document.steps;
        let ids: Vec<&str> = steps.iter().map(|step| step.id.as_str()).collect();
        return Ok(Err(refused(
            "not-found",
            format!(
                "the workflow `{workflow}` has no step `{from}`; it has {}",
                ids.join(", ")
            ),
        )));
    }
    Ok(Ok(Arc::clone(version)))
}

/// The contact's run of a workflow that is not over.
async fn active(core: &Core, actor: &Actor, workflow: &str) -> Result<Option<String>, ReadError> {
    let Some(contact) = &actor.contact else {
        return Ok(None);
    };
    let enrolled =
        events::enrolment(core, actor.bucket, &actor.workspace, workflow, contact).await?;
    let Some(enrolled) = enrolled else {
        return Ok(None);
    };
    let newest = wake::load(core, &enrolled.run).await?;
    let active = newest.filter(|run| UNFINISHED.contains(&run.state.as_str()));
    Ok(active.map(|run| run.id))
}

/// Adds to the commit of a step's outcome the runs that it starts. Answers with those that go on when
/// it is durable.
pub(crate) async fn begin(
    core: &Arc<Core>,
    lock: &BucketLock,
    actor: &Actor,
    depth: u32,
    effects: &[Effect],
    commit: &mut Commit,
    react: &mut React,
) -> Result<(), AcceptError> {
    let starts = effects.iter().filter(|effect| is_start(effect));
    for start in starts.filter_map(|effect| Start::deserialize(&effect.0).ok()) {
        let version = core
            .workflows
            .version(&actor.workspace, &start.workflow, start.version)
            .await?;
        let event = Event {
            bucket: lock.bucket(),
            id: core.new_id("evt", lock.bucket()),
            workspace: actor.workspace.clone(),
            name: MANUAL.to_owned(),
            contact: actor.contact.clone(),
            subject: None,
            data: start.data.clone(),
            source: "run".to_owned(),
            state: "handled".to_owned(),
            at: core.now(),
        };
        commit.put(&event);
        let shape = |run: &mut Run, state: &mut State| start.shape(run, state);
        let run = events::add_run(core, &version, &event, depth, shape, commit)
            .await?
            .0;
        react.start(run);
    }
    Ok(())
}

impl Start {
    /// Makes a new run what was asked for.
    fn shape(&self, run: &mut Run, state: &mut State) {
        run.id.clone_from(&self.run);
        state.vars.clone_from(&self.variables);
        state.child = true;
        if let Some(from) = &self.from {
            state.visits.clear();
            state.go(from);
            run.step = Some(from.clone());
        }
    }
}

/// The event that a run is over, if it was started by another.
pub(crate) fn ended(run: &Run, state: &State) -> Option<NewEvent> {
    state.child.then(|| NewEvent {
        workspace: run.workspace.clone(),
        name: ENDED.to_owned(),
        contact: run.contact.clone(),
        subject: Some(run.id.clone()),
        data: json!({"ended": {
            "id": run.id, "workflow": run.workflow, "state": run.state,
            "reason": run.reason, "variables": state.vars,
        }}),
        source: "run".to_owned(),
    })
}
