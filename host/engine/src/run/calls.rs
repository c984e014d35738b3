//! The host calls of a run's activation: answered, journaled, and answered again after a crash.
//!
//! What an activation is told stays in memory until it makes an external call. Then everything it
//! was told so far is committed together with the intent; its result is committed when it is in.
//! If the host dies in between, the plugin is started again and told the same from the journal, up
//! to the call whose result is missing: one that may be done twice is done again with the same
//! key; one that may not ends the activation as `uncertain`.
//!
//! What must hold: an external call starts only after its intent is durable; an internal call
//! changes nothing by itself, its effects wait for the step's outcome.

use crate::calls::{external, local, refused};
use crate::domain::{Actor, DomainError, Effect, SecretOwner, View};
use crate::plugins::Loaded;
use crate::run::burst::{Burst, BurstEnd, Turn};
use crate::run::child;
use crate::run::journal::{CallTrace, Entry, clipped};
use crate::run::replay::{Earlier, earlier};
use crate::scope::{RunNames, RunScope};
use crate::templates;
use crate::variables::Scope;
use async_trait::async_trait;
use jackfield_sandbox::wit::{CallError, Failure, FailureClass, log};
use jackfield_sandbox::{Account, Effect as Class, HostCall, HostCalls, HostReply, Stop};
use serde_json::{Map, Value};
use std::sync::Arc;
use std::time::Instant;

/// The largest value of a variable.
const MAX_VARIABLE: usize = 64 << 10;
/// The most variables of a run.
pub(crate) const MAX_VARIABLES: usize = 200;
/// The longest log line that the timeline keeps.
const MAX_LINE: usize = 1_000;
/// How many host calls of an activation the timeline lists; the last of them says that there were
/// more.
const MAX_TRACES: usize = 200;

/// A call that the activation made, with what it was told.
struct Told {
    call: HostCall,
    reply: HostReply,
    effects: Vec<Effect>,
    /// It is in the journal.
    journaled: bool,
}

/// The calls of one activation. Owns the burst while the plugin runs.
pub(crate) struct RunCalls {
    pub burst: Box<Burst>,
    /// What the activation has asked to happen, in order.
    pub effects: Vec<Effect>,
    /// Variables that it has set, not yet the run's.
    pub vars: Map<String, Value>,
    /// For the timeline.
    pub traces: Vec<CallTrace>,
    /// Why the burst must end, if a commit failed.
    pub broken: Option<BurstEnd>,
    plugin: Arc<Loaded>,
    view: View,
    key: String,
    /// How many calls were answered.
    asked: usize,
    /// All of them, where the plugin can make external calls; if not, no commit will ask what was
    /// said, and nothing is remembered.
    told: Vec<Told>,
    reaches_out: bool,
    earlier: Vec<Earlier>,
    lines: Vec<Entry>,
}

impl RunCalls {
    /// For the activation that the burst is about to begin.
    pub(crate) async fn new(
        burst: Box<Burst>,
        plugin: Arc<Loaded>,
        view: View,
    ) -> Result<RunCalls, BurstEnd> {
        let at = burst.state.at.as_ref();
        // Not the attempt: a call that is made again has the same key.
        let key = match at {
            Some(at) => format!("{}/{}/{}/{}", burst.run.id, at.step, at.visit, at.waits),
            None => burst.run.id.clone(),
        };
        let earlier = earlier(&burst).await?;
        let reaches_out = plugin.reaches_out();
        Ok(RunCalls {
            effects: Vec::new(),
            vars: Map::new(),
            traces: Vec::new(),
            broken: None,
            asked: 0,
            told: Vec::new(),
            lines: Vec::new(),
            burst,
            plugin,
            view,
            key,
            earlier,
            reaches_out,
        })
    }

    /// The log lines go to the journal with the outcome.
    pub(crate) fn flush_lines(&mut self) {
        for line in std::mem::take(&mut self.lines) {
            self.burst.note(&line);
        }
    }

    /// What the run itself knows.
    fn known(&mut self, call: &HostCall) -> Option<HostReply> {
        Some(match call {
            HostCall::VariablesGet { path } => {
                let found = self.with_scope(None, |scope| scope.get(path));
                HostReply::Maybe(found.map(|value| value.to_string()))
            }
            HostCall::VariablesSet { name, value } => HostReply::Done(self.set(name, value)),
            HostCall::ConditionsEvaluate { condition } => {
                HostReply::Truth(self.evaluate(condition))
            }
            _ => return None,
        })
    }

    /// What the run does not know itself.
    async fn answer(&mut self, call: &HostCall, ordinal: u32) -> Result<HostReply, Stop> {
        let core = self.burst.core.clone();
        let domain = core
            .domain()
            .ok_or_else(|| abandoned("the engine is not attached"))?;
        let secrets = domain.secrets(&self.burst.run.workspace, SecretOwner::Workspace);
        let env = local::Env {
            clock: core.clock.as_ref(),
            time_zone: &self.view.common.time_zone,
            contact_zone: self.view.contact_zone(),
            permissions: &self.plugin.permissions,
            secrets: secrets.as_ref(),
        };
        if let Some(reply) = local::answer(call, &env).await {
            return Ok(reply);
        }
        Ok(match call {
            HostCall::TemplatesRender { name, values } => {
                HostReply::Text(self.render(name, values.as_deref()).await?)
            }
            HostCall::WorkflowsStart { workflow, options } => {
                HostReply::Text(self.start(ordinal, workflow, options).await?)
            }
            _ => {
                let actor = self.actor(ordinal);
                let pending = self.burst.pending(&self.effects);
                let answer = domain.call(&actor, call, &pending).await.map_err(stop)?;
                if !answer.effects.is_empty() {
                    self.effects.extend(answer.effects);
                    self.refresh_view().await?;
                }
                answer.reply
            }
        })
    }

    /// An external call: intent, act, result.
    async fn reach_out(
        &mut self,
        call: &HostCall,
        ordinal: u32,
        again: bool,
        summary: &str,
    ) -> Result<HostReply, Stop> {
        let core = self.burst.core.clone();
        let domain = core
            .domain()
            .ok_or_else(|| abandoned("the engine is not attached"))?;
        let caller = match self.plugin.caller(None) {
            Ok(caller) => caller.on_behalf_of(&self.burst.run.workspace),
            Err(reason) => return Ok(call.refusal(refused("denied", reason))),
        };
        if !again {
            self.commit_intent(call, ordinal, summary).await?;
            // The commit may have been acknowledged late: whoever has lost the bucket calls nobody.
            if !self.burst.tenure.holds(core.store.as_ref()) {
                self.broken = Some(BurstEnd::Leave);
                return Err(abandoned("the bucket is another host's by now"));
            }
        }
        let secrets = domain.secrets(&self.burst.run.workspace, SecretOwner::Workspace);
        let key = external::key(&format!("{}/{ordinal}", self.key));
        let started = Instant::now();
        let reply = tokio::select! {
            reply = external::perform(call, &key, &core.egress, &caller, secrets.as_ref()) => reply,
            () = self.burst.cancel.cancelled() => {
                return Err(Stop::Cancelled { message: "the run was cancelled".to_owned() });
            }
        };
        let reply = reply.ok_or_else(|| abandoned("no such external call"))?;
        let ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
        let activation = self.burst.state.activations;
        let entry = Entry::CallFinished {
            activation,
            ordinal,
            reply: reply.clone(),
            ms,
        };
        if let Err(end) = self.burst.commit_soon(&entry).await {
            self.broken = Some(end);
            return Err(abandoned("the result could not be committed"));
        }
        Ok(reply)
    }

    /// Commits what the activation was told so far, and what it is about to do.
    async fn commit_intent(
        &mut self,
        call: &HostCall,
        ordinal: u32,
        summary: &str,
    ) -> Result<(), Stop> {
        self.flush_lines();
        let activation = self.burst.state.activations;
        for (place, told) in self.told.iter_mut().enumerate() {
            if !std::mem::replace(&mut told.journaled, true) {
                self.burst.note(&Entry::Call {
                    activation,
                    ordinal: u32::try_from(place).unwrap_or(u32::MAX),
                    name: told.call.name().to_owned(),
                    fingerprint: told.call.fingerprint(),
                    reply: told.reply.clone(),
                    effects: told.effects.clone(),
                });
            }
        }
        self.burst.note(&Entry::CallStarted {
            activation,
            ordinal,
            name: call.name().to_owned(),
            fingerprint: call.fingerprint(),
            once: call.effect() == Class::ExternalOnce,
            summary: summary.to_owned(),
        });
        if let Err(end) = self.burst.commit(Turn::default()).await {
            self.broken = Some(end);
            return Err(abandoned("the intent could not be committed"));
        }
        Ok(())
    }

    fn actor(&self, ordinal: u32) -> Actor {
        self.burst.actor(format!("{}/{ordinal}", self.key))
    }

    /// The view shows what the activation has changed.
    async fn refresh_view(&mut self) -> Result<(), Stop> {
        let core = self.burst.core.clone();
        let Some(domain) = core.domain() else {
            return Ok(());
        };
        let pending = self.burst.pending(&self.effects);
        let run = &self.burst.run;
        self.view = domain
            .view(&run.workspace, run.contact.as_deref(), &pending, None)
            .await
            .map_err(stop)?;
        Ok(())
    }

    fn with_scope<T>(&self, values: Option<&Value>, act: impl FnOnce(&RunScope<'_>) -> T) -> T {
        let merged;
        let state = &self.burst.state;
        let vars = if self.vars.is_empty() {
            &state.vars
        } else {
            merged = merge(&state.vars, &self.vars);
            &merged
        };
        act(&RunScope {
            view: &self.view,
            trigger: &state.trigger,
            vars: Some(vars),
            outputs: Some(&state.outputs),
            run: Some(RunNames {
                id: &self.burst.run.id,
                created_at: self.burst.run.created_at,
                workflow: &self.burst.run.workflow,
                version: self.burst.run.version,
            }),
            values,
            now: self.burst.core.now(),
        })
    }

    fn set(&mut self, name: &str, value: &str) -> Result<(), CallError> {
        let held = self.burst.state.vars.len() + self.vars.len();
        let room = held < MAX_VARIABLES || self.burst.state.vars.contains_key(name);
        let value = variable(name, value, room)?;
        self.vars.insert(name.to_owned(), value);
        Ok(())
    }

    fn evaluate(&self, condition: &str) -> Result<bool, CallError> {
        let condition = self
            .burst
            .version
            .prepared
            .condition(condition)
            .map_err(|reason| refused("invalid", reason))?;
        Ok(self.with_scope(None, |scope| condition.evaluate(scope)))
    }

    /// Has another workflow start with the outcome of this step.
    async fn start(
        &mut self,
        ordinal: u32,
        workflow: &str,
        options: &str,
    ) -> Result<Result<String, CallError>, Stop> {
        let core = self.burst.core.clone();
        let actor = self.actor(ordinal);
        let pending: Vec<Effect> = self
            .burst
            .effects()
            .iter()
            .chain(&self.effects)
            .cloned()
            .collect();
        let depth = self.burst.state.depth;
        let started = child::start(&core, &actor, depth, workflow, options, &pending)
            .await
            .map_err(|error| abandoned(&error.to_string()))?;
        Ok(started.map(|(run, effect)| {
            self.effects.push(effect);
            run
        }))
    }

    async fn render(
        &self,
        name: &str,
        values: Option<&str>,
    ) -> Result<Result<String, CallError>, Stop> {
        let values = match templates::values(values) {
            Ok(values) => values,
            Err(error) => return Ok(Err(error)),
        };
        let core = self.burst.core.clone();
        let domain = core
            .domain()
            .ok_or_else(|| abandoned("the engine is not attached"))?;
        let found = domain
            .template(&self.burst.run.workspace, name)
            .await
            .map_err(stop)?;
        let Some(template) = found else {
            return Ok(Err(templates::missing(name)));
        };
        let unset = self.view.unset;
        Ok(self.with_scope(values.as_ref(), |scope| template.answer(scope, unset)))
    }
}

#[async_trait]
impl HostCalls for RunCalls {
    async fn call(&mut self, call: HostCall) -> Result<HostReply, Stop> {
        let ordinal = u32::try_from(self.asked).unwrap_or(u32::MAX);
        let started = Instant::now();
        let summary = external::summary(&call);
        let class = call.effect();
        let outside = matches!(class, Class::ExternalSafe | Class::ExternalOnce);
        let mut again = false;
        if let Some(earlier) = self.earlier.get(self.asked) {
            let (Earlier::Answered { fingerprint, .. } | Earlier::Started { fingerprint, .. }) =
                earlier;
            if *fingerprint != call.fingerprint() {
                return Err(Stop::NeedsAttention {
                    message: format!(
                        "after the host had stopped, the plugin asked `{}` (call {ordinal}) \
                         otherwise than the journal says",
                        call.name()
                    ),
                });
            }
            match earlier {
                Earlier::Answered { reply, effects, .. } => {
                    let (reply, effects) = (reply.clone(), effects.clone());
                    if let HostCall::VariablesSet { name, value } = &call {
                        let _ = self.set(name, value);
                    }
                    if !effects.is_empty() {
                        self.effects.extend(effects.iter().cloned());
                        self.refresh_view().await?;
                    }
                    self.trace(&call, &reply, summary, started);
                    self.remember(call, &reply, effects, true);
                    return Ok(reply);
                }
                Earlier::Started { once: true, .. } => return Err(Stop::Failed(uncertain(&call))),
                Earlier::Started { once: false, .. } => again = true,
            }
        }
        let before = self.effects.len();
        let reply = if outside {
            Box::pin(self.reach_out(&call, ordinal, again, &summary)).await?
        } else if let Some(reply) = self.known(&call) {
            reply
        } else {
            // Boxed like the other: most calls are answered above, and would carry their room about.
            Box::pin(self.answer(&call, ordinal)).await?
        };
        self.trace(&call, &reply, summary, started);
        let effects = self.effects[before..].to_vec();
        self.remember(call, &reply, effects, outside);
        Ok(reply)
    }

    fn log(&mut self, level: log::Level, message: String) {
        let level = match level {
            log::Level::Debug => "debug",
            log::Level::Info => "info",
            log::Level::Warn => "warn",
            log::Level::Error => "error",
        };
        tracing::debug!(run = %self.burst.run.id, level, "{message}");
        let message = clipped(message, MAX_LINE);
        self.lines.push(Entry::Log {
            level: level.to_owned(),
            message,
        });
    }

    fn denied(&mut self, call: &HostCall) {
        let summary = external::summary(call);
        self.trace(call, &call.denied(), summary, Instant::now());
    }

    fn account(&self) -> Account {
        Account {
            workspace: self.burst.run.workspace.as_str().into(),
            workflow: self.burst.run.workflow.as_str().into(),
        }
    }
}

impl RunCalls {
    fn remember(
        &mut self,
        call: HostCall,
        reply: &HostReply,
        effects: Vec<Effect>,
        journaled: bool,
    ) {
        self.asked += 1;
        if self.reaches_out {
            self.told.push(Told {
                call,
                reply: reply.clone(),
                effects,
                journaled,
            });
        }
    }

    fn trace(&mut self, call: &HostCall, reply: &HostReply, summary: String, started: Instant) {
        if self.traces.len() >= MAX_TRACES {
            if let Some(last) = self.traces.last_mut() {
                "and further ones, which are not listed".clone_into(&mut last.summary);
            }
            return;
        }
        self.traces
            .push(CallTrace::of(call, reply, summary, started));
    }
}

/// Whether a run can have a variable of this name.
pub(crate) fn is_variable(name: &str) -> bool {
    name.len() <= 64
        && name.starts_with(|c: char| c.is_ascii_lowercase())
        && name
            .chars()
            .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
}

/// The value that a plugin sets a variable to. `room`: the run may have one more, or has this one.
pub(crate) fn variable(name: &str, value: &str, room: bool) -> Result<Value, CallError> {
    if !is_variable(name) {
        return Err(refused(
            "invalid",
            format!(
                "`{name}` is no name of a variable: write lower-case letters, digits and `_`, a letter first, at most 64"
            ),
        ));
    }
    if value.len() > MAX_VARIABLE {
        return Err(refused(
            "too-large",
            "the value of a variable is at most 64 KiB of JSON",
        ));
    }
    if !room {
        return Err(refused(
            "too-large",
            format!("a run has at most {MAX_VARIABLES} variables"),
        ));
    }
    serde_json::from_str(value)
        .map_err(|error| refused("invalid", format!("the value is no JSON: {error}")))
}

/// Variables with others over them; `null` removes one.
pub(crate) fn merge(vars: &Map<String, Value>, over: &Map<String, Value>) -> Map<String, Value> {
    let mut merged = vars.clone();
    for (name, value) in over {
        if value.is_null() {
            merged.remove(name);
        } else {
            merged.insert(name.clone(), value.clone());
        }
    }
    merged
}

impl RunCalls {
    /// Makes what the activation has set the run's.
    pub(crate) fn keep_vars(&mut self) {
        if !self.vars.is_empty() {
            self.burst.state.vars = merge(&self.burst.state.vars, &self.vars);
        }
    }
}

fn uncertain(call: &HostCall) -> Failure {
    Failure {
        class: FailureClass::Permanent,
        code: "uncertain".to_owned(),
        message: format!(
            "the host stopped while `{}` ({}) was under way, so nobody knows whether it was done; \
             it was not repeated",
            call.name(),
            external::summary(call)
        ),
        retry_after: None,
        maybe_sent: true,
    }
}

fn abandoned(message: &str) -> Stop {
    Stop::Abandoned {
        message: message.to_owned(),
    }
}

fn stop(error: DomainError) -> Stop {
    Stop::Abandoned {
        message: error.to_string(),
    }
}
