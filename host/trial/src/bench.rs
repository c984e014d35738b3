//! A component on the bench: opened once, then run with one case after another.

use crate::case::{Case, Event, Then, Wake};
use crate::matching::{self, short};
use crate::report::{Activation, Tried};
use crate::script::Listed;
use crate::shown;
use jackfield_egress::{Egress, Secret};
use jackfield_engine::document::{Problem, StepDescriptor};
use jackfield_engine::rehearsal::{Allowed, Rehearsal, Scene};
use jackfield_engine::schedule::Moment;
use jackfield_engine::{SecretUse, Template};
use jackfield_sandbox::wit::{self, Failure, Invocation, Outcome};
use jackfield_sandbox::{
    Activated, Allocation, DescribeError, Ended, Granted, Inspection, InstallError, Kind, Options,
    Plugin, Sandbox, SetupError, Usage,
};
use jiff::tz::TimeZone;
use serde_json::{Map, Value, json};
use std::collections::HashMap;
use std::path::Path;

/// The time of a case that says none.
const NOW: i64 = 1_767_258_000_000; // 2026-01-01T09:00:00Z
/// Activations at once: cases run one after another.
const PLACES: u32 = 4;

/// Why a file cannot be tried.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// This machine cannot run sandboxes.
    #[error(transparent)]
    Setup(#[from] SetupError),
    /// The component is none that could be installed.
    #[error(transparent)]
    Install(#[from] InstallError),
    /// It does not say what it is.
    #[error(transparent)]
    Describe(#[from] DescribeError),
    /// What it says is wrong.
    #[error("what the plugin's `describe` says is wrong: {0}")]
    Descriptor(String),
}

/// The way out, for recording.
#[derive(Clone)]
pub struct Outside {
    /// Sends what the grant allows.
    pub egress: Egress,
    /// The secrets that are put in.
    pub secrets: HashMap<String, Secret>,
}

/// A component that can be tried.
pub struct Bench {
    sandbox: Sandbox,
    egress: Egress,
    /// What the file is.
    pub inspection: Inspection,
    /// What it says of itself.
    pub descriptor: Value,
    /// Set for a step.
    pub step: Option<StepDescriptor>,
    /// What `describe` used.
    pub described: Usage,
    asked: Allowed,
}

impl Bench {
    /// Inspects, compiles and describes a component, as installing does. Compiled components are
    /// kept in `cache`; `egress` judges what it asks for.
    ///
    /// # Errors
    /// What installing would say.
    pub async fn open(wasm: Vec<u8>, cache: &Path, egress: Egress) -> Result<Bench, OpenError> {
        let sandbox = Sandbox::new(Options {
            max_activations: PLACES,
            allocation: Allocation::Auto,
            ..Options::new(cache)
        })?;
        let inspection = sandbox.install(wasm.into()).await?;
        let described = sandbox.describe(&inspection.digest).await?;
        let wrong = |error: String| OpenError::Descriptor(error);
        let descriptor: Value = serde_json::from_str(&described.json)
            .map_err(|error| wrong(format!("it is no JSON: {error}")))?;
        let step = match inspection.kind {
            Kind::Step => {
                let read = StepDescriptor::from_value(&descriptor);
                Some(read.map_err(|problems| wrong(joined(&problems)))?)
            }
            Kind::Connector => None,
        };
        Ok(Bench {
            asked: Allowed::asked(&inspection, &descriptor).map_err(wrong)?,
            sandbox,
            egress,
            inspection,
            descriptor,
            step,
            described: described.usage,
        })
    }

    /// Describes the component once more.
    ///
    /// # Errors
    /// As of [`Bench::open`].
    pub async fn describe(&self) -> Result<String, OpenError> {
        Ok(self.sandbox.describe(&self.inspection.digest).await?.json)
    }

    /// Runs a case. With an outside, calls that the case has no answer for are done for real.
    pub async fn run(&self, case: &Case, outside: Option<&Outside>) -> Tried {
        let mut tried = Tried {
            name: case.name.clone(),
            problems: Vec::new(),
            activations: Vec::new(),
        };
        let run = async {
            let trial = self.trial(case, outside).await?;
            match self.inspection.kind {
                Kind::Step => trial.step(&mut tried).await,
                Kind::Connector => trial.connector(&mut tried).await,
            }
        };
        if let Err(problem) = run.await {
            tried.problems.push(problem);
        }
        tried
    }

    /// The problems of settings under the plugin's schema.
    #[must_use]
    pub fn judge_settings(&self, settings: &Value) -> Option<String> {
        match &self.step {
            Some(step) => {
                let problems = step.check_settings(settings, false);
                (!problems.is_empty()).then(|| joined(&problems))
            }
            None => against(self.descriptor.get("settings")?, settings),
        }
    }

    async fn trial<'a>(
        &'a self,
        case: &'a Case,
        outside: Option<&'a Outside>,
    ) -> Result<Trial<'a>, String> {
        match (self.inspection.kind, case.of_connector()) {
            (Kind::Step, true) => return Err("the plugin is a step, the case a connector's".into()),
            (Kind::Connector, false) => {
                return Err("the plugin is a connector, the case a step's".into());
            }
            _ => {}
        }
        let mut allowed = self.asked.clone();
        let permissions = &mut allowed.permissions;
        for import in &case.deny {
            if !permissions.imports.remove(import) {
                return Err(format!("`deny`: the plugin does not import `{import}`"));
            }
        }
        permissions.hosts.extend(case.grant.hosts.iter().cloned());
        for (name, places) in &case.grant.secrets {
            permissions.secrets.insert(
                name.clone(),
                SecretUse {
                    places: places.clone(),
                    ..SecretUse::default()
                },
            );
        }
        if let Some(channel) = &case.channel {
            allowed.settings = channel.settings.clone();
        }
        let granted = Granted {
            interfaces: allowed.interfaces(),
            limits: allowed.limits(),
        };
        let digest = &self.inspection.digest;
        let plugin = self
            .sandbox
            .load(digest, &granted, || async {
                Err("it was installed".into())
            })
            .await
            .map_err(|error| error.to_string())?
            .lowered(&case.limits);
        Ok(Trial {
            bench: self,
            case,
            outside,
            allowed,
            plugin,
            scene: scene(case)?,
        })
    }
}

/// One case under way.
struct Trial<'a> {
    bench: &'a Bench,
    case: &'a Case,
    outside: Option<&'a Outside>,
    allowed: Allowed,
    plugin: Plugin,
    scene: Scene,
}

/// What is expected of one activation.
struct Wanted<'a> {
    calls: Option<&'a Vec<crate::case::Told>>,
    expect: Option<&'a Value>,
}

impl Trial<'_> {
    async fn step(mut self, tried: &mut Tried) -> Result<(), String> {
        let settings = self.case.settings.clone().unwrap_or_default();
        let wanted = Wanted {
            calls: self.case.calls.as_ref(),
            expect: self.case.expect.as_ref(),
        };
        let invocation = self.invocation(&settings);
        let activated = self.plugin.start(&invocation, self.calls(&wanted)).await;
        let mut outcome = self.judge_step(tried, "start", &wanted, activated)?;
        for then in &self.case.then {
            let Some(Outcome::Wait(wait)) = outcome else {
                return Err("`then` goes on after a wait, and the step does not wait".to_owned());
            };
            self.scene.now = self.time_of(then, wait.until)?;
            let wake = self.wake(then);
            let wanted = Wanted {
                calls: then.calls.as_ref(),
                expect: then.expect.as_ref(),
            };
            let invocation = self.invocation(&settings);
            let calls = self.calls(&wanted);
            let activated = self.plugin.resume(&invocation, &wait.state, &wake, calls);
            outcome = self.judge_step(tried, "resume", &wanted, activated.await)?;
        }
        let misfit = self.bench.judge_settings(&settings);
        let refused = tried
            .activations
            .last()
            .is_some_and(|it| it.came.pointer("/failure/class") == Some(&"invalid-config".into()));
        if let (Some(misfit), false) = (misfit, refused) {
            return Err(format!(
                "the case's settings do not fit the plugin's schema: {misfit}"
            ));
        }
        Ok(())
    }

    async fn connector(self, tried: &mut Tried) -> Result<(), String> {
        let case = self.case;
        let channel = case.channel.clone().unwrap_or_default();
        let settings = if channel.settings.is_null() {
            json!({})
        } else {
            channel.settings
        };
        let misfit = self.bench.judge_settings(&settings);
        let name = &self.allowed.plugin;
        let channel =
            json!({"id": "channel", "name": channel.name, "kind": name, "settings": settings})
                .to_string();
        let wanted = Wanted {
            calls: case.calls.as_ref(),
            expect: case.expect.as_ref(),
        };
        let calls = self.calls(&wanted);
        if case.check.is_some() {
            let activated = self.plugin.check(&channel, calls).await;
            self.judge(tried, "check", &wanted, activated, |it| shown::told(it))?;
        } else if let Some(connect) = &case.connect {
            let activated = self.plugin.connect(&channel, &connect.public_url, calls);
            self.judge(tried, "connect", &wanted, activated.await, |it| {
                shown::told(it)
            })?;
        } else if let Some(send) = &case.send {
            const SCHEMA: &str = include_str!("../../../wit/schemas/message.schema.json");
            if let Some(misfit) = against(&shown::parsed(SCHEMA), &send.message) {
                return Err(format!("the case's message is none: {misfit}"));
            }
            let message = send.message.to_string();
            let activated = self.plugin.send(&channel, &message, &send.key, calls).await;
            self.judge(tried, "send", &wanted, activated, shown::receipt)?;
        } else if let Some(receive) = &case.receive {
            const SCHEMA: &str = include_str!("../../../wit/schemas/inbound-events.schema.json");
            let request = receive.request()?;
            let activated = self.plugin.receive(&channel, &request, calls).await;
            let received = self.judge(tried, "receive", &wanted, activated, shown::received)?;
            if let Some(received) = received
                && let Some(misfit) =
                    against(&shown::parsed(SCHEMA), &shown::parsed(&received.events))
            {
                return Err(format!("the events do not fit the contract: {misfit}"));
            }
        }
        let refused = tried
            .activations
            .last()
            .is_some_and(|it| it.came.pointer("/failure/class") == Some(&"invalid-config".into()));
        if let (Some(misfit), false) = (misfit, refused) {
            return Err(format!(
                "the channel's settings do not fit the schema: {misfit}"
            ));
        }
        Ok(())
    }

    fn calls(&self, wanted: &Wanted<'_>) -> Rehearsal<Listed> {
        let outside = self
            .outside
            .cloned()
            .map(|outside| (outside, self.allowed.clone()));
        Rehearsal::new(
            self.scene.clone(),
            self.allowed.clone(),
            self.bench.egress.clone(),
            Listed::new(wanted.calls, outside),
        )
    }

    fn invocation(&self, settings: &Value) -> Invocation {
        Invocation {
            run_id: "run".to_owned(),
            workflow: "workflow".to_owned(),
            step_id: "step".to_owned(),
            visit: self.case.visit,
            attempt: self.case.attempt,
            settings: settings.to_string(),
            trigger: self.scene.trigger.to_string(),
            variables: json!({"vars": self.scene.vars, "steps": self.scene.outputs}).to_string(),
            contact: self.scene.contact.as_ref().map(Value::to_string),
        }
    }

    fn time_of(&self, then: &Then, until: Option<u64>) -> Result<i64, String> {
        if let Some(now) = &then.now {
            return instant(now, &self.scene.time_zone);
        }
        let until = until.and_then(|until| i64::try_from(until).ok());
        Ok(match (&then.wake, until) {
            (Wake::Timer, Some(until)) => until,
            _ => self.scene.now,
        })
    }

    fn wake(&self, then: &Then) -> wit::Wake {
        match &then.wake {
            Wake::Timer => wit::Wake::Timer,
            Wake::Event(Event { name, data, id }) => wit::Wake::Event(wit::Event {
                id: id.clone(),
                name: name.clone(),
                data: data.to_string(),
                at: self.scene.now.unsigned_abs(),
            }),
        }
    }

    fn judge_step(
        &mut self,
        tried: &mut Tried,
        function: &'static str,
        wanted: &Wanted<'_>,
        activated: Activated<Result<Outcome, Failure>, Rehearsal<Listed>>,
    ) -> Result<Option<Outcome>, String> {
        let after = activated.calls.scene.clone();
        let outcome = self.judge(tried, function, wanted, activated, shown::outcome)?;
        // What a failed activation did is not kept.
        if outcome.is_some() {
            self.scene = after;
        }
        if let (Some(Outcome::Done(done)), Some(step)) = (&outcome, &self.bench.step) {
            let branch = done.branch.as_deref().unwrap_or("success");
            let settings = self.case.settings.clone().unwrap_or_default();
            if step.otherwise(branch).is_none() && !step.branches_in(&settings).contains(&branch) {
                return Err(format!(
                    "it left by `{branch}`, which its descriptor does not have"
                ));
            }
            if let Some(output) = &done.output
                && let Some(misfit) = against(&step.output, &shown::parsed(output))
            {
                return Err(format!(
                    "its output does not fit the schema of the output: {misfit}"
                ));
            }
        }
        Ok(outcome)
    }

    /// Notes what came of an activation and holds it against what was wanted.
    fn judge<T>(
        &self,
        tried: &mut Tried,
        function: &'static str,
        wanted: &Wanted<'_>,
        activated: Activated<Result<T, Failure>, Rehearsal<Listed>>,
        show: impl FnOnce(&T) -> Value,
    ) -> Result<Option<T>, String> {
        let Activated {
            result,
            usage,
            calls,
        } = activated;
        let came = match &result {
            Ok(Ok(value)) => show(value),
            Ok(Err(failure)) => shown::failure(failure),
            Err(ended) => shown::ended(ended),
        };
        let listed = calls.asked.iter().filter(|asked| asked.scripted);
        tried.activations.push(Activation {
            function,
            came: came.clone(),
            calls: listed.map(shown::entry).collect(),
            log: calls.lines.iter().map(|(_, line)| line.clone()).collect(),
            usage,
        });
        if let Err(Ended::Stopped(stop)) = &result {
            return Err(stop.message().to_owned());
        }
        if let Some(left) = calls.script.left() {
            return Err(format!(
                "it came to {} without calling `{}` ({})",
                short(&came),
                left.name,
                short(&left.arguments)
            ));
        }
        match wanted.expect {
            Some(expect) => {
                if let Some(differs) = matching::outcome(expect, &came, &self.scene.time_zone) {
                    return Err(differs);
                }
            }
            None if self.outside.is_some() => {}
            None => {
                return Err(format!(
                    "the case expects nothing; it came to {}: write that under `expect`, or record \
                     it",
                    short(&came)
                ));
            }
        }
        Ok(result.ok().and_then(Result::ok))
    }
}

/// The world of a case.
fn scene(case: &Case) -> Result<Scene, String> {
    let time_zone = match &case.time_zone {
        None => TimeZone::UTC,
        Some(name) => {
            TimeZone::get(name).map_err(|_| format!("`time-zone`: there is no `{name}`"))?
        }
    };
    let now = match &case.now {
        None => NOW,
        Some(now) => instant(now, &time_zone)?,
    };
    let templates = case.templates.iter().map(|(name, template)| {
        let template = Template {
            subject: template.subject.clone(),
            html: template.html.clone(),
            text: template.text.clone(),
        };
        (name.clone(), template)
    });
    Ok(Scene {
        now,
        time_zone,
        trigger: case.trigger.clone().unwrap_or_else(|| Map::new().into()),
        vars: case.variables.clone(),
        outputs: case.steps.clone(),
        contact: case.contact.clone(),
        channels: case.channels.clone(),
        templates: templates.collect(),
        secrets: case.secrets.clone(),
        random: case.random.clone(),
        drawn: 0,
        sent: 0,
        comments: 0,
        started: 0,
        rows: 0,
        queued: None,
        lists: case.lists.iter().cloned().collect(),
    })
}

fn instant(text: &str, time_zone: &TimeZone) -> Result<i64, String> {
    let moment = Moment::parse(text, time_zone).map_err(|error| format!("`now`: {error}"))?;
    Ok(moment.instant.as_millisecond())
}

/// What is wrong with a value under a schema; none where nothing is, or the schema is broken.
pub(crate) fn against(schema: &Value, value: &Value) -> Option<String> {
    let validator = validator(schema)?;
    let error = validator.iter_errors(value).next()?;
    let at = error.instance_path().to_string();
    Some(if at.is_empty() {
        error.to_string()
    } else {
        format!("{at}: {error}")
    })
}

/// A schema from a plugin: nothing outside of it is looked up, and patterns take linear time.
pub(crate) fn validator(schema: &Value) -> Option<jsonschema::Validator> {
    jsonschema::options()
        .with_draft(jsonschema::Draft::Draft202012)
        .offline()
        .with_pattern_options(jsonschema::PatternOptions::regex())
        .build(schema)
        .ok()
}

fn joined(problems: &[Problem]) -> String {
    let said: Vec<String> = problems.iter().map(ToString::to_string).collect();
    said.join("; ")
}
