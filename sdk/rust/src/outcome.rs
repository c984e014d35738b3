//! How a step ends an activation: done, waiting, going elsewhere, or ending the run.
//!
//! ```
//! use jackfield_plugin::{Outcome, Subscription};
//!
//! let done: Outcome<()> = Outcome::done().output(serde_json::json!({"answer": 42})).into();
//! let branch: Outcome<()> = Outcome::branch("timeout").into();
//! let wait: Outcome<String> = Outcome::wait("the state I want back".to_owned())
//!     .until(1_800_000_000_000)
//!     .on(Subscription::to("message.status").about("message-1"))
//!     .into();
//! ```

use serde::Serialize;
use serde_json::Value;

use crate::bindings::step::exports::jackfield::plugin::step as contract;
use crate::failure::Failure;

/// What comes of an activation. `S` is the state of a wait.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome<S = ()> {
    /// The run goes on with a branch of this step.
    Done(Done),
    /// The run waits, and comes back to `resume`.
    Wait(Wait<S>),
    /// The run goes on at the step with this id.
    Goto(String),
    /// The run ends as completed, with a reason for people.
    End(String),
}

impl Outcome<()> {
    /// Done, by the branch `success`.
    pub fn done() -> Done {
        Done::default()
    }

    /// Done, by a branch.
    pub fn branch(name: impl Into<String>) -> Done {
        Done {
            branch: Some(name.into()),
            output: None,
        }
    }
}

impl<S> Outcome<S> {
    /// Wait, and give this state back on `resume`.
    pub fn wait(state: S) -> Wait<S> {
        Wait {
            until: None,
            events: Vec::new(),
            state,
        }
    }
}

/// The step is done.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Done {
    /// None is `success`.
    pub branch: Option<String>,
    /// Under the output schema of `describe`.
    pub output: Option<Value>,
}

impl Done {
    /// What later steps read as `steps.<id>.<name>`.
    pub fn output(mut self, output: impl Serialize) -> Self {
        // Serialising a plain data type fails only for maps without text keys, which no output
        // schema allows; such an output is left out and found by the author's first test.
        self.output = serde_json::to_value(output).ok();
        self
    }
}

impl<S> From<Done> for Outcome<S> {
    fn from(done: Done) -> Self {
        Outcome::Done(done)
    }
}

/// The step waits for a time, for events, or for the first of both.
#[derive(Clone, Debug, PartialEq)]
pub struct Wait<S> {
    /// Milliseconds since 1970; none is 365 days ahead.
    pub until: Option<u64>,
    /// The first of these ends the wait; at most 16.
    pub events: Vec<Subscription>,
    /// Given back on `resume`.
    pub state: S,
}

impl<S> Wait<S> {
    /// Woken at this time (milliseconds since 1970) at the latest.
    pub fn until(mut self, timestamp: impl Into<Option<u64>>) -> Self {
        self.until = timestamp.into();
        self
    }

    /// Woken by such an event.
    pub fn on(mut self, subscription: Subscription) -> Self {
        self.events.push(subscription);
        self
    }
}

impl<S> From<Wait<S>> for Outcome<S> {
    fn from(wait: Wait<S>) -> Self {
        Outcome::Wait(wait)
    }
}

/// An event that ends a wait.
#[derive(Clone, Debug, PartialEq)]
pub struct Subscription {
    /// The event's name.
    pub event: String,
    /// What it must be about; none is the run's contact.
    pub subject: Option<String>,
    /// A condition on the event's data.
    pub when: Option<Value>,
    /// Of several waits that claim the same event only the newest is woken.
    pub claim: bool,
}

impl Subscription {
    /// To an event about the run's contact.
    pub fn to(event: impl Into<String>) -> Self {
        Subscription {
            event: event.into(),
            subject: None,
            when: None,
            claim: false,
        }
    }

    /// About this (a message's id, a run's id) instead of the run's contact.
    pub fn about(mut self, subject: impl Into<String>) -> Self {
        self.subject = Some(subject.into());
        self
    }

    /// Only when this condition holds for the event's data.
    pub fn when(mut self, condition: Value) -> Self {
        self.when = Some(condition);
        self
    }

    /// Takes the event from older waits that claim it too.
    pub fn claim(mut self) -> Self {
        self.claim = true;
        self
    }
}

impl<S: Serialize> Outcome<S> {
    /// The outcome as the contract has it.
    pub(crate) fn into_contract(self) -> Result<contract::Outcome, Failure> {
        Ok(match self {
            Outcome::Done(done) => contract::Outcome::Done(contract::Done {
                branch: done.branch,
                output: done.output.map(|output| output.to_string()),
            }),
            Outcome::Wait(wait) => contract::Outcome::Wait(contract::Wait {
                until: wait.until,
                events: wait
                    .events
                    .into_iter()
                    .map(contract::Subscription::from)
                    .collect(),
                state: serde_json::to_string(&wait.state).map_err(|error| {
                    Failure::permanent("state", format!("the state is no JSON: {error}"))
                })?,
            }),
            Outcome::Goto(step) => contract::Outcome::Goto(step),
            Outcome::End(reason) => contract::Outcome::End(reason),
        })
    }
}

impl From<Subscription> for contract::Subscription {
    fn from(subscription: Subscription) -> Self {
        contract::Subscription {
            event: subscription.event,
            subject: subscription.subject,
            when: subscription.when.map(|when| when.to_string()),
            claim: subscription.claim,
        }
    }
}
