//! The journal: the ordered record of a run, and what its timeline shows.
//!
//! It serves two readers. After a crash the engine reads the calls of the activation that was
//! under way, and answers a plugin that is started again from them instead of calling again. An
//! operator reads all of it to understand a run without a log. Hence one closed vocabulary, whose
//! doc lines say what each entry means; data of an entry is bounded, and holds no secret.

use crate::domain::Effect;
use jackfield_sandbox::HostReply;
use jackfield_store::records::Journal;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// One entry.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(
    tag = "kind",
    content = "data",
    rename_all = "kebab-case",
    rename_all_fields = "kebab-case"
)]
pub enum Entry {
    /// The run was accepted.
    RunStarted {
        /// Which version.
        version: i64,
        /// The name of the event that started it.
        event: String,
    },
    /// The step's `when:` did not hold: the run went on to the next step.
    StepSkipped {
        /// What was looked at.
        why: Value,
    },
    /// A host call of an activation that was committed half-way, with its answer.
    Call {
        /// Which activation of the run, from 1.
        activation: u64,
        /// Which call of the activation, from 0.
        ordinal: u32,
        /// Such as `clock.now`.
        name: String,
        /// Digest of name and arguments.
        fingerprint: String,
        /// What the plugin was told.
        reply: HostReply,
        /// What is to happen with the outcome.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        effects: Vec<Effect>,
    },
    /// An external call is about to start.
    CallStarted {
        /// Which activation of the run.
        activation: u64,
        /// Which call of the activation.
        ordinal: u32,
        /// Such as `http.fetch`.
        name: String,
        /// Digest of name and arguments.
        fingerprint: String,
        /// Must not be repeated when its result is not known.
        once: bool,
        /// What for people: method and host.
        summary: String,
    },
    /// The result of an external call is in.
    CallFinished {
        /// Which activation of the run.
        activation: u64,
        /// Which call of the activation.
        ordinal: u32,
        /// What the plugin was told.
        reply: HostReply,
        /// How long it took.
        ms: u64,
    },
    /// The step is done; the run went along this branch.
    StepFinished {
        /// The n-th visit to this step.
        visit: u32,
        /// The branch.
        branch: String,
        /// What later steps read.
        #[serde(default, skip_serializing_if = "Value::is_null")]
        output: Value,
        /// What the activation used.
        used: Used,
    },
    /// The step failed.
    StepFailed {
        /// The n-th visit to this step.
        visit: u32,
        /// The n-th try.
        attempt: u32,
        /// Why.
        failure: Failure,
        /// When it is tried again; none: the failure branch was taken, or the run failed.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        retry_at: Option<i64>,
        /// What the activation used.
        used: Used,
    },
    /// The run waits at this step.
    Waiting {
        /// The n-th visit to this step.
        visit: u32,
        /// Until then at the latest.
        until: i64,
        /// The names and subjects of the events that end it.
        events: Vec<String>,
        /// What the activation used.
        used: Used,
    },
    /// The wait has ended.
    Woken {
        /// `timer`, `event` or `retry`.
        by: String,
        /// The event, if it was one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        event: Option<String>,
        /// The event's name.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        name: Option<String>,
    },
    /// The run went on after the host had stopped in the middle of it.
    Recovered {},
    /// A line that a plugin wrote, or a warning of the engine.
    Log {
        /// `debug`, `info`, `warn` or `error`.
        level: String,
        /// The line.
        message: String,
    },
    /// The run is over.
    RunFinished {
        /// `completed`, `failed` or `cancelled`.
        state: String,
        /// A stable code, or a reason for people.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    },
    /// The run is parked: a person must decide.
    NeedsAttention {
        /// A stable code.
        code: String,
        /// What was found, and what can be done.
        message: String,
    },
    /// A person had the run go on from the step at which it had stopped.
    Retried {},
}

/// What an activation used.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Used {
    /// Units of work.
    pub fuel: u64,
    /// Microseconds, host calls included.
    pub us: u64,
    /// Bytes into the plugin.
    pub bytes_in: u64,
    /// Bytes out of the plugin.
    pub bytes_out: u64,
    /// The most memory that it had.
    pub memory: u64,
    /// Its host calls in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub calls: Vec<CallTrace>,
}

/// One host call for the timeline.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct CallTrace {
    /// Such as `http.fetch`.
    pub name: String,
    /// For people: method and host, the field's name.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub summary: String,
    /// Microseconds.
    pub us: u64,
    /// `ok`, or the code of the error that the plugin was told.
    pub result: String,
}

/// A failure as the timeline keeps it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Failure {
    /// `transient`, `permanent`, `invalid-config` or `blocked`.
    pub class: String,
    /// A stable code.
    pub code: String,
    /// For people.
    pub message: String,
}

impl Entry {
    /// The row of this entry.
    #[must_use]
    pub fn record(&self, bucket: i32, run: &str, seq: i64, step: Option<&str>, at: i64) -> Journal {
        let (kind, data) = match serde_json::to_value(self) {
            Ok(Value::Object(mut entry)) => (
                entry
                    .get("kind")
                    .and_then(Value::as_str)
                    .unwrap_or_default()
                    .to_owned(),
                entry.remove("data").unwrap_or(Value::Null),
            ),
            _ => ("log".to_owned(), Value::Null),
        };
        Journal {
            bucket,
            run: run.to_owned(),
            seq,
            kind,
            step: step.map(str::to_owned),
            data,
            at,
        }
    }

    /// The entry of a row; none for one of a later version of Jackfield.
    #[must_use]
    pub fn of(row: &Journal) -> Option<Entry> {
        let whole = serde_json::json!({ "kind": row.kind, "data": row.data });
        serde_json::from_value(whole).ok()
    }
}
