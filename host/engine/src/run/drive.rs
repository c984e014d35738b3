//! Moves a run: loads it, executes its steps one after another, until it waits or ends.
//!
//! One task for each burst, which holds its place (`room`) until the run rests. A burst that must not
//! trust its memory any more (`BurstEnd::Reload`) begins again from the run's last commit, after a
//! pause.

use crate::conditions::Condition;
use crate::document::Step;
use crate::domain::View;
use crate::engine::Core;
use crate::plugins::Loaded;
use crate::room::{self, InLine};
use crate::run::burst::{Burst, BurstEnd, Turn};
use crate::run::calls::RunCalls;
use crate::run::journal::{Entry, Used};
use crate::run::opening::Opening;
use crate::run::outcome::{self, Moved};
use crate::run::state::{Invoked, Phase, State, Wake};
use crate::run::wake;
use crate::scope::{RunNames, RunScope};
use crate::tenure::Tenure;
use crate::variables;
use crate::workflows::{Version, WorkflowError};
use jackfield_sandbox::wit::{Event, Failure, FailureClass, Invocation, Wake as WitWake};
use jackfield_sandbox::{Activated, Ended, Share, Stop, Usage};
use jackfield_store::ReadError;
use jackfield_store::records::Run;
use serde::Serialize;
use serde_json::{Map, Value, json};
use std::sync::Arc;
use std::time::Duration;

/// The pause before a burst begins again.
const PAUSE: Duration = Duration::from_secs(1);

/// What the task that drives a run knows of it.
enum Known {
    /// All: it has just been made.
    Fresh(Box<(Run, Fresh)>),
    /// Its row.
    Row(Box<Run>),
    /// Its id: the row is read.
    Id,
}

/// Has a task drive the run, as soon as there is room for it. `recovered` says that an earlier life
/// of the host may have begun the activation at which the run stands.
pub(crate) fn spawn(core: &Arc<Core>, run: Run, recovered: bool) {
    // In another host's bucket it is taken up there.
    if let Ok(tenure) = core.tenures.of(run.bucket) {
        spawn_in(core, tenure, run, recovered);
    }
}

/// The same within a tenure. One that is ending takes no more: the next owner takes the run up.
fn spawn_in(core: &Arc<Core>, tenure: Arc<Tenure>, run: Run, recovered: bool) {
    if !tenure.takes_bursts() {
        return;
    }
    let account = room::account(&run);
    match core.room.enter(&account, room::weight(&run.data)) {
        Some(place) => {
            let id = run.id.clone();
            task(
                core,
                tenure,
                id,
                Known::Row(Box::new(run)),
                recovered,
                place,
            );
        }
        None => room::line_up(core, account, InLine::new(&tenure, &run, recovered)),
    }
}

/// Has a task drive a run that stood in line.
pub(crate) fn spawn_next(core: &Arc<Core>, run: InLine, place: Share) {
    let InLine {
        tenure,
        id,
        recovered,
        ..
    } = run;
    task(core, tenure, id.into(), Known::Id, recovered, place);
}

fn task(
    core: &Arc<Core>,
    tenure: Arc<Tenure>,
    id: String,
    known: Known,
    recovered: bool,
    place: Share,
) {
    if tenure.takes_bursts() {
        let bursts = tenure.bursts.clone();
        // Boxed: what is spawned is moved several times.
        let driving = Box::pin(drive(core.clone(), tenure, id, known, recovered, place));
        core.tasks.spawn(bursts.track_future(driving));
    }
}

/// Has a task drive a run that has just been made, and somebody told of it.
pub(crate) fn begin_run(core: &Arc<Core>, run: Run, fresh: Fresh, place: Share) {
    if let Ok(tenure) = core.tenures.of(run.bucket) {
        let id = run.id.clone();
        let known = Known::Fresh(Box::new((run, fresh)));
        task(core, tenure, id, known, false, place);
    }
}

/// What is known of a run that has just been made, beside its row.
pub(crate) struct Fresh {
    pub state: State,
    pub version: Arc<Version>,
    pub opening: Opening,
}

async fn drive(
    core: Arc<Core>,
    tenure: Arc<Tenure>,
    id: String,
    known: Known,
    mut recovered: bool,
    _place: Share,
) {
    let (generation, cancel) = core.driving(&id);
    let mut known = Some(known);
    while !tenure.over.is_cancelled() {
        let opened = match known.take().unwrap_or(Known::Id) {
            Known::Fresh(made) => Ok(first(&core, &tenure, *made, cancel.clone())),
            Known::Row(run) => open(&core, &tenure, *run, cancel.clone(), recovered).await,
            Known::Id => match unfinished(&core, &id).await {
                Ok(Some(run)) => open(&core, &tenure, run, cancel.clone(), recovered).await,
                Ok(None) => break,
                // Nothing is lost: it is queued or running in the database, and the next start
                // finds it. Until then it is asked for again.
                Err(error) => Err(BurstEnd::Reload(error.to_string())),
            },
        };
        let end = match opened {
            Ok(burst) => Box::pin(advance(Box::new(burst))).await,
            Err(end) => Err(end),
        };
        match end {
            Ok(()) | Err(BurstEnd::Leave) => break,
            Err(BurstEnd::Reload(reason)) => {
                tracing::warn!(run = %id, %reason, "the run is loaded again");
                metrics::counter!("jackfield_bursts_reloaded_total").increment(1);
            }
        }
        recovered = true;
        tokio::select! {
            () = tenure.over.cancelled() => break,
            () = tokio::time::sleep(PAUSE) => {}
        }
    }
    core.driven(&id, generation);
}

/// The row of a run that is to be driven; none when there is nothing to do any more.
async fn unfinished(core: &Core, id: &str) -> Result<Option<Run>, ReadError> {
    let run = wake::load(core, id).await?;
    Ok(run.filter(|run| matches!(run.state.as_str(), "queued" | "running")))
}

/// The first burst of a run.
fn first(
    core: &Arc<Core>,
    tenure: &Arc<Tenure>,
    (mut run, fresh): (Run, Fresh),
    cancel: tokio_util::sync::CancellationToken,
) -> Burst {
    run.state = "running".to_owned();
    let begins = fresh.opening.event().map(|event| Entry::RunStarted {
        version: fresh.version.version,
        event: event.name.clone(),
    });
    let burst = Burst::new(
        core.clone(),
        tenure.clone(),
        run,
        fresh.state,
        fresh.version,
        cancel,
        false,
    );
    let mut burst = burst.opened(fresh.opening);
    if let Some(begins) = begins {
        burst.note_start(&begins);
    }
    burst
}

async fn open(
    core: &Arc<Core>,
    tenure: &Arc<Tenure>,
    mut run: Run,
    cancel: tokio_util::sync::CancellationToken,
    recovered: bool,
) -> Result<Burst, BurstEnd> {
    let state: State = serde_json::from_value(run.data.clone())
        .map_err(|error| BurstEnd::Reload(format!("its state cannot be read: {error}")))?;
    let loaded = core
        .workflows
        .version(&run.workspace, &run.workflow, run.version)
        .await;
    let version = match loaded {
        Ok(version) => version,
        Err(WorkflowError::Read(error)) => return Err(BurstEnd::Reload(error.to_string())),
        Err(error) => {
            // A person has to bring the version or its plugin back; trying again would not.
            wake::park(core, run, "version-missing", error.to_string()).await?;
            return Err(BurstEnd::Leave);
        }
    };
    if recovered {
        run.seq = wake::next_seq(core, &run)
            .await
            .map_err(|error| BurstEnd::Reload(error.to_string()))?;
    }
    let resumed = recovered && run.state == "running";
    run.state = "running".to_owned();
    let mut burst = Burst::new(
        core.clone(),
        tenure.clone(),
        run,
        state,
        version,
        cancel,
        recovered,
    );
    if resumed {
        burst.note(&Entry::Recovered {});
    }
    Ok(burst)
}

/// Executes steps until the run waits or is over.
async fn advance(mut burst: Box<Burst>) -> Result<(), BurstEnd> {
    loop {
        if burst.cancel.is_cancelled() {
            return outcome::cancel(&mut burst, "cancelled").await;
        }
        let Some(at) = burst.state.at.as_ref() else {
            return Ok(());
        };
        let moved = match &at.phase {
            Phase::Wait { .. } | Phase::Backoff { .. } => return Ok(()),
            _ if burst.tenure.over.is_cancelled() => {
                // Between two steps: the next start, or the next owner, goes on from here.
                burst.commit(Turn::default()).await?;
                return Err(BurstEnd::Leave);
            }
            Phase::Enter => enter(&mut burst).await?,
            Phase::Start | Phase::Resume { .. } => {
                let (back, moved) = activate(burst).await?;
                burst = back;
                moved
            }
        };
        match moved {
            Moved::On => {}
            Moved::Rest => return late_cancel(&burst).await,
        }
        burst.recovered = false;
    }
}

/// The run rests. If it was to be cancelled in the meantime and has begun to wait instead, its wait
/// is ended.
async fn late_cancel(burst: &Burst) -> Result<(), BurstEnd> {
    if burst.cancel.is_cancelled() && burst.run.state == "waiting" {
        wake::cancel(&burst.core, &burst.run.id, "cancelled")
            .await
            .map_err(|error| BurstEnd::Reload(error.to_string()))?;
    }
    Ok(())
}

/// The run has come to a step: loop guard, `when:`.
async fn enter(burst: &mut Burst) -> Result<Moved, BurstEnd> {
    let Some(at) = &burst.state.at else {
        return Ok(Moved::Rest);
    };
    let version = burst.version.clone();
    let Some(step) = version.document.step(&at.step) else {
        let step = at.step.clone();
        return outcome::attention(
            burst,
            "unknown-step",
            format!(
                "version {} of the workflow has no step `{step}`",
                version.version
            ),
        )
        .await;
    };
    let visit = at.visit;
    burst.state.since_wait += 1;
    burst.state.visits.insert(step.id.clone(), visit);
    if burst.state.since_wait > version.document.max_visits {
        return outcome::fail(burst, "loop-guard").await;
    }
    if let Some(condition) = &step.when
        && !holds(burst, condition).await?
    {
        burst.note(&Entry::StepSkipped {
            why: json!(condition),
        });
        return outcome::go_on(burst, &step.id).await;
    }
    begin(burst, Phase::Start);
    Ok(Moved::On)
}

/// Gets the run ready for an activation.
pub(crate) fn begin(burst: &mut Burst, phase: Phase) {
    burst.state.activations += 1;
    let seq = burst.run.seq;
    if let Some(at) = burst.state.at.as_mut() {
        at.phase = phase;
        at.journal_from = seq;
        at.invoked = None;
    }
}

async fn view(burst: &Burst) -> Result<View, BurstEnd> {
    let domain = burst.core.domain().ok_or(BurstEnd::Leave)?;
    let run = &burst.run;
    let mut view = domain
        .view(
            &run.workspace,
            run.contact.as_deref(),
            &burst.pending(&[]),
            None,
        )
        .await
        .map_err(|error| BurstEnd::Reload(error.to_string()))?;
    if let Some(unset) = burst.version.document.unset_variables {
        view.unset = unset;
    }
    Ok(view)
}

fn scope<'a>(burst: &'a Burst, view: &'a View) -> RunScope<'a> {
    RunScope {
        view,
        trigger: &burst.state.trigger,
        vars: Some(&burst.state.vars),
        outputs: Some(&burst.state.outputs),
        run: Some(RunNames {
            id: &burst.run.id,
            created_at: burst.run.created_at,
            workflow: &burst.run.workflow,
            version: burst.run.version,
        }),
        values: None,
        now: burst.core.now(),
    }
}

async fn holds(burst: &Burst, condition: &Condition) -> Result<bool, BurstEnd> {
    let view = view(burst).await?;
    Ok(condition.evaluate(&scope(burst, &view)))
}

/// One activation of the step's plugin, and what follows from it.
///
/// Boxed, because the plugin's calls own the burst meanwhile, and it is handed to and fro.
async fn activate(mut burst: Box<Burst>) -> Result<(Box<Burst>, Moved), BurstEnd> {
    let version = burst.version.clone();
    let Some(at) = burst.state.at.clone() else {
        return Ok((burst, Moved::Rest));
    };
    let loaded = version
        .document
        .step(&at.step)
        .and_then(|step| Some((step, version.plugins.get(&step.id)?)));
    let Some((step, plugin)) = loaded.map(|(step, plugin)| (step, plugin.clone())) else {
        let message = outcome::missing(&version, &at.step);
        let moved = outcome::attention(&mut burst, "plugin-missing", message).await?;
        return Ok((burst, moved));
    };
    let view = view(&burst).await?;
    let invoked = match at.invoked.clone() {
        Some(invoked) => invoked,
        None => match invoke(&mut burst, &view, step, &plugin) {
            Ok(invoked) => invoked,
            Err(failure) => {
                let used = Used::default();
                let moved = outcome::failed(&mut burst, failure, used).await?;
                return Ok((burst, moved));
            }
        },
    };
    if plugin.reaches_out()
        && let Some(at) = burst.state.at.as_mut()
    {
        at.invoked = Some(invoked.clone());
    }
    let invocation = Invocation {
        run_id: burst.run.id.clone(),
        workflow: burst.run.workflow.clone(),
        step_id: at.step.clone(),
        visit: at.visit,
        attempt: at.attempt,
        settings: invoked.settings,
        trigger: burst.take_trigger(),
        variables: invoked.variables,
        contact: invoked.contact,
    };
    let calls = RunCalls::new(burst, plugin.clone(), view).await?;
    let activated = match &at.phase {
        Phase::Resume { state, wake } => {
            plugin
                .component
                .resume(&invocation, state, &wit_wake(wake), calls)
                .await
        }
        _ => plugin.component.start(&invocation, calls).await,
    };
    let Activated {
        result,
        usage,
        mut calls,
    } = activated;
    calls.burst.keep_trigger(invocation.trigger);
    if let Some(end) = calls.broken.take() {
        return Err(end);
    }
    calls.flush_lines();
    let used = used(&usage, std::mem::take(&mut calls.traces));
    let effects = std::mem::take(&mut calls.effects);
    let moved = match result {
        Ok(Ok(said)) => {
            calls.keep_vars();
            let burst = &mut calls.burst;
            burst.finish(effects);
            outcome::said(burst, said, used).await?
        }
        Ok(Err(failure)) => outcome::failed(&mut calls.burst, failure, used).await?,
        Err(Ended::Stopped(Stop::Abandoned { message })) => return Err(BurstEnd::Reload(message)),
        Err(Ended::Stopped(Stop::Cancelled { .. })) => {
            outcome::cancel(&mut calls.burst, "cancelled").await?;
            Moved::Rest
        }
        Err(Ended::Stopped(Stop::NeedsAttention { message })) => {
            outcome::attention(&mut calls.burst, "journal-mismatch", message).await?
        }
        Err(ended) => outcome::failed(&mut calls.burst, ended.failure(), used).await?,
    };
    Ok((calls.burst, moved))
}

/// Puts the settings together as they stand now.
fn invoke(
    burst: &mut Burst,
    view: &View,
    step: &Step,
    plugin: &Loaded,
) -> Result<Invoked, Failure> {
    let version = burst.version.clone();
    let settings = match version.prepared.settings(&step.id) {
        Some(settings) => settings.to_owned(),
        None => settings(burst, view, &step.with, plugin)?,
    };
    let contact = view
        .namespaces
        .get("contact")
        .filter(|contact| !contact.is_null());
    Ok(Invoked {
        settings,
        variables: variables_of(&burst.state),
        contact: contact.map(ToString::to_string),
    })
}

/// The settings with their variables put in, as JSON.
fn settings(
    burst: &mut Burst,
    view: &View,
    with: &Value,
    plugin: &Loaded,
) -> Result<String, Failure> {
    let schema = plugin
        .step
        .as_ref()
        .map_or(&Value::Null, |step| &step.settings);
    let substituted = variables::substitute(with, schema, &scope(burst, view), view.unset)
        .map_err(|error| {
            let code = match &error {
                variables::RenderError::Unset { .. } => "unset-variable",
                variables::RenderError::TooLong { .. } => "too-large",
            };
            invalid(code, error.to_string())
        })?;
    // What was published was checked; what variables have made of it is checked here.
    if let Some(step) = &plugin.step
        && substituted.value != *with
        && let Some(problem) = step.check_settings(&substituted.value, false).first()
    {
        return Err(invalid(
            "invalid-settings",
            format!("{}: {}", problem.path, problem.message),
        ));
    }
    for warning in &substituted.warnings {
        burst.note(&Entry::Log {
            level: "warn".to_owned(),
            message: warning.message.clone(),
        });
    }
    Ok(substituted.value.to_string())
}

/// The run's variables as the plugin is told them.
fn variables_of(state: &State) -> String {
    #[derive(Serialize)]
    struct Variables<'a> {
        vars: &'a Map<String, Value>,
        steps: &'a Map<String, Value>,
    }
    // What was read from JSON can be written as JSON.
    serde_json::to_string(&Variables {
        vars: &state.vars,
        steps: &state.outputs,
    })
    .unwrap_or_default()
}

/// The settings cannot be used.
fn invalid(code: &str, message: String) -> Failure {
    Failure {
        class: FailureClass::InvalidConfig,
        code: code.to_owned(),
        message,
        retry_after: None,
        maybe_sent: false,
    }
}

fn wit_wake(wake: &Wake) -> WitWake {
    match wake {
        Wake::Timer => WitWake::Timer,
        Wake::Event { id, name, data, at } => WitWake::Event(Event {
            id: id.clone(),
            name: name.clone(),
            data: data.to_string(),
            at: at.unsigned_abs(),
        }),
    }
}

fn used(usage: &Usage, calls: Vec<crate::run::journal::CallTrace>) -> Used {
    Used {
        fuel: usage.fuel,
        us: u64::try_from(usage.duration.as_micros()).unwrap_or(u64::MAX),
        bytes_in: usage.bytes_in,
        bytes_out: usage.bytes_out,
        memory: usage.memory_peak,
        calls,
    }
}
