//! The workspace's other workflows.
//!
//! A step that wants to know what came of the run that it started waits for the event `run.ended`
//! about its id:
//!
//! ```no_run
//! use jackfield_plugin::workflows::Start;
//! use jackfield_plugin::{Failure, Outcome, Subscription};
//!
//! # fn start() -> Result<Outcome<String>, Failure> {
//! let run = Start::of("onboarding").variable("plan", "pro").send()?;
//! Ok(Outcome::wait(run.clone()).on(Subscription::to("run.ended").about(run)).into())
//! # }
//! ```

use serde::Serialize;
use serde_json::{Map, Value};

use super::sys;
use crate::failure::CallError;

/// Starts a workflow that has the trigger `manual`, from its beginning, for the contact of this run;
/// [`Start`] can say more. Answers with the run's id. It begins when the outcome is committed.
/// Errors: `not-found` (no such workflow or step, or it has no trigger `manual`), `invalid`,
/// `already-enrolled` (the contact is in it already), `loop-guard` (ten workflows have started one
/// another).
pub fn start(workflow: &str) -> Result<String, CallError> {
    Start::of(workflow).send()
}

/// A start of a workflow, with what it is given.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[must_use = "nothing starts before `send`"]
pub struct Start {
    #[serde(skip)]
    workflow: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    from: Option<String>,
    #[serde(skip_serializing_if = "Map::is_empty")]
    variables: Map<String, Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<Value>,
}

impl Start {
    /// Of the workflow with this name.
    pub fn of(workflow: impl Into<String>) -> Self {
        Start {
            workflow: workflow.into(),
            from: None,
            variables: Map::new(),
            data: None,
        }
    }

    /// At the step with this id, instead of the first.
    pub fn from(mut self, step: impl Into<String>) -> Self {
        self.from = Some(step.into());
        self
    }

    /// With the variable `vars.<name>`.
    pub fn variable(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        self.variables.insert(name.into(), value.into());
        self
    }

    /// With what its trigger brings, an object.
    pub fn data(mut self, data: Value) -> Self {
        self.data = Some(data);
        self
    }

    /// Starts it. Answers and errors as of [`start`].
    pub fn send(&self) -> Result<String, CallError> {
        // Texts and JSON values; an empty text is refused by the host.
        let options = serde_json::to_string(self).unwrap_or_default();
        sys::workflows::start(&self.workflow, &options)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::testing::{Host, call_error};
    use serde_json::json;

    #[test]
    fn a_workflow_starts_with_what_it_is_given() {
        let host = Host::new().contact(json!({})).install();
        assert_eq!(start("plain").unwrap(), "run-1");
        let more = Start::of("onboarding")
            .from("welcome")
            .variable("plan", "pro")
            .variable("seats", 5)
            .data(json!({"order": {"id": 7}}));
        assert_eq!(more.send().unwrap(), "run-2");
        let options = json!({"from": "welcome", "variables": {"plan": "pro", "seats": 5},
                             "data": {"order": {"id": 7}}});
        assert_eq!(
            host.started(),
            [
                ("plain".to_owned(), json!({})),
                ("onboarding".to_owned(), options)
            ]
        );
    }

    #[test]
    fn what_the_test_refuses_has_not_started() {
        let host = Host::new()
            .contact(json!({}))
            .start(|(workflow, _)| match workflow.as_str() {
                "onboarding" => Err(call_error("already-enrolled", "the contact is in it")),
                _ => Ok(()),
            })
            .install();
        assert_eq!(start("onboarding").unwrap_err().code, "already-enrolled");
        assert_eq!(start("other").unwrap(), "run-1");
        assert_eq!(host.started(), [("other".to_owned(), json!({}))]);
    }
}
