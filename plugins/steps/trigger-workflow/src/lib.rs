//! The step `trigger-workflow`: starts another workflow for the run's contact, and waits for its result
//! if it is told to.
//!
//! The other workflow needs the trigger `manual`. Without `wait-for-result` this run goes on at once,
//! beside the other.

use jackfield_plugin::workflows::Start;
use jackfield_plugin::{clock, prelude::*};
use std::collections::BTreeMap;

/// The step; see the module.
#[derive(Debug)]
pub struct TriggerWorkflow;

/// What the workflow's author sets.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Settings {
    /// The other workflow's name.
    #[schemars(length(min = 1, max = 64), extend("x-jackfield-ref" = "workflow"))]
    workflow: String,
    /// The step of it to begin at. Left out: the first.
    #[schemars(length(min = 1, max = 64))]
    start_at: Option<String>,
    /// Variables that it begins with, such as `{plan: $vars.plan}`; it reads them as `$vars.plan`.
    #[serde(default)]
    variables: BTreeMap<String, Value>,
    /// Wait until it is over, and read its variables.
    #[serde(default)]
    wait_for_result: bool,
    /// How long to wait, such as `2h`; then the branch `timeout`. At most, and left out, 365 days.
    timeout: Option<String>,
}

/// What later steps can read.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Output {
    /// The other run's id.
    run: String,
    /// How it ended, if it was waited for: `completed`, `failed` or `cancelled`.
    #[serde(skip_serializing_if = "Option::is_none")]
    state: Option<String>,
    /// Why it ended so.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    /// Its variables at its end.
    #[serde(skip_serializing_if = "Option::is_none")]
    variables: Option<Value>,
}

impl Step for TriggerWorkflow {
    type Settings = Settings;
    /// The other run's id.
    type State = String;

    fn describe() -> StepDescriptor {
        StepDescriptor::new(
            env!("CARGO_PKG_NAME"),
            env!("CARGO_PKG_VERSION"),
            "Trigger another workflow",
            "Starts another workflow for the contact, and waits for its result if it is told to.",
        )
        .category(Category::Logic)
        .icon("🔀")
        .output::<Output>()
        .failures(&[
            (
                "not-found",
                "There is no such workflow or step, or nobody else may start it",
            ),
            (
                "already-enrolled",
                "The contact is in that workflow already",
            ),
            ("loop-guard", "Ten workflows have started one another"),
            ("workflow-failed", "The other workflow did not complete"),
        ])
        .waits()
        .branch("timeout", "The other workflow did not end in time", "next")
    }

    fn start(_run: &Invocation, settings: Settings) -> Result<Outcome<String>, Failure> {
        if settings.timeout.is_some() && !settings.wait_for_result {
            return Err(Failure::invalid_config(
                "timeout",
                "belongs to `wait-for-result: true`",
            ));
        }
        let mut start = Start::of(settings.workflow);
        if let Some(step) = settings.start_at {
            start = start.from(step);
        }
        for (name, value) in settings.variables {
            start = start.variable(name, value);
        }
        let run = start.send()?;
        if !settings.wait_for_result {
            return Ok(Outcome::done().output(output(run)).into());
        }
        let ended = Subscription::to("run.ended").about(run.clone());
        let mut wait = Outcome::wait(run).on(ended);
        if let Some(timeout) = &settings.timeout {
            let length = clock::duration(timeout)
                .map_err(|error| Failure::invalid_config("timeout", error.message))?;
            wait = wait.until(clock::now() + length);
        }
        Ok(wait.into())
    }

    fn resume(
        _run: &Invocation,
        _settings: Settings,
        run: String,
        wake: Wake,
    ) -> Result<Outcome<String>, Failure> {
        let Wake::Event(event) = wake else {
            return Ok(Outcome::branch("timeout").output(output(run)).into());
        };
        let ended = &event.data["ended"];
        let text = |key: &str| ended[key].as_str().map(str::to_owned);
        let result = Output {
            state: text("state"),
            reason: text("reason"),
            variables: Some(ended["variables"].clone()),
            run,
        };
        match result.state.as_deref() {
            Some("completed") => Ok(Outcome::done().output(result).into()),
            state => Err(Failure::permanent(
                "workflow-failed",
                format!(
                    "the run {} ended as {}{}",
                    result.run,
                    state.unwrap_or("unknown"),
                    result
                        .reason
                        .map(|why| format!(": {why}"))
                        .unwrap_or_default(),
                ),
            )),
        }
    }
}

fn output(run: String) -> Output {
    Output {
        run,
        state: None,
        reason: None,
        variables: None,
    }
}

jackfield_plugin::export_step!(TriggerWorkflow);
