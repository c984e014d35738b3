//! What a run remembers between its commits: the `data` of its row.
//!
//! Everything that a run needs to go on after a crash is here and in its journal, and nothing
//! else is: a waiting run is one row. The form is the engine's own, but it is kept for as long as
//! a run waits (up to a year), so fields are only added, with a default.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// The state of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct State {
    /// The data of the event that started the run.
    pub trigger: Value,
    /// That event.
    pub event: EventRef,
    /// What `variables.set` has set.
    #[serde(default)]
    pub vars: Map<String, Value>,
    /// The outputs of the steps, by step.
    #[serde(default)]
    pub outputs: Map<String, Value>,
    /// How often the run stood at each step.
    #[serde(default)]
    pub visits: BTreeMap<String, u32>,
    /// Visits since the run last waited, for the loop guard.
    #[serde(default)]
    pub since_wait: u32,
    /// How many runs in a row started one another by their effects.
    #[serde(default)]
    pub depth: u32,
    /// It was started by a step of another run, which may wait for its end.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub child: bool,
    /// Activations so far.
    #[serde(default)]
    pub activations: u64,
    /// Where the run stands; none once it is over.
    pub at: Option<Position>,
}

/// An event by name.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EventRef {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// When it was accepted.
    pub at: i64,
}

/// Where a run stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Position {
    /// The step.
    pub step: String,
    /// The n-th visit to it.
    pub visit: u32,
    /// The n-th try of this visit.
    pub attempt: u32,
    /// How often this visit has waited: what is called after a wait is called for the first time.
    #[serde(default)]
    pub waits: u32,
    /// What comes next there.
    pub phase: Phase,
    /// Where in the journal the calls of the activation under way begin.
    #[serde(default)]
    pub journal_from: i64,
    /// The newest event that this visit has heard of: when the step waits again, what was accepted
    /// after it is looked through first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub heard: Option<String>,
    /// What the activation under way was invoked with, where it may be committed half-way: taken up
    /// again it must be told the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub invoked: Option<Invoked>,
}

/// The part of an invocation that changes with time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Invoked {
    /// JSON.
    pub settings: String,
    /// JSON.
    pub variables: String,
    /// JSON.
    pub contact: Option<String>,
}

/// What comes next at a step.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "phase", rename_all = "kebab-case")]
pub enum Phase {
    /// The run has just come here: `when:` is still to be looked at.
    Enter,
    /// The plugin is to be started.
    Start,
    /// The plugin is to be resumed.
    Resume {
        /// What it wanted back.
        state: String,
        /// What ended its wait.
        wake: Wake,
    },
    /// The plugin waits.
    Wait {
        /// What it wants back.
        state: String,
        /// Until then at the latest.
        until: i64,
    },
    /// A failed try is to be repeated.
    Backoff {
        /// Not before.
        until: i64,
        /// What is to be repeated: `Start` or `Resume`.
        then: Box<Phase>,
    },
}

/// What ended a wait.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "by", rename_all = "kebab-case")]
pub enum Wake {
    /// The time had come.
    Timer,
    /// An event.
    Event {
        /// Its id.
        id: String,
        /// Its name.
        name: String,
        /// Its data.
        data: Value,
        /// When it was accepted.
        at: i64,
    },
}

impl State {
    /// The state of a run that is about to enter its first step.
    #[must_use]
    pub fn new(event: EventRef, trigger: Value, first_step: &str, depth: u32) -> State {
        let mut state = State {
            trigger,
            event,
            vars: Map::new(),
            outputs: Map::new(),
            visits: BTreeMap::new(),
            since_wait: 0,
            depth,
            child: false,
            activations: 0,
            at: None,
        };
        state.go(first_step);
        state
    }

    /// Moves the run to a step.
    pub fn go(&mut self, step: &str) {
        let visit = self
            .visits
            .get(step)
            .copied()
            .unwrap_or(0)
            .saturating_add(1);
        self.at = Some(Position {
            step: step.to_owned(),
            visit,
            attempt: 1,
            waits: 0,
            phase: Phase::Enter,
            journal_from: 0,
            heard: None,
            invoked: None,
        });
    }
}
