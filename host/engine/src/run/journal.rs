//! The journal: the ordered record of a run, and what its timeline shows.
//!
//! It serves two readers. After a crash the engine reads the calls of the activation that was
//! under way, and answers a plugin that is started again from them instead of calling again. An
//! operator reads all of it to understand a run without a log. Hence one closed vocabulary, whose
//! doc lines say what each entry means; data of an entry is bounded, and holds no secret.
//!
//! Entries that are committed together are one row (`Pack`): what a row costs in the database is
//! mostly its key and its place in an index, not its bytes. `lines` takes rows apart again, so that
//! readers see entries and never rows.

use crate::domain::Effect;
use jackfield_sandbox::{HostCall, HostReply};
use jackfield_store::records::Journal;
use jackfield_store::{Commit, Query, ReadError, Record, SharedStore, StoreExt, Write};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::borrow::Cow;
use std::fmt::Write as _;
use std::time::Instant;

/// The kind of a row that holds several entries.
const PACK: &str = "entries";
/// The most characters of what a call was about: the plugin chooses them.
const MAX_SUMMARY: usize = 200;
/// Bytes of a usual entry.
const LINE: usize = 512;

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
    pub name: Cow<'static, str>,
    /// For people: method and host, the field's name.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub summary: String,
    /// Microseconds.
    pub us: u64,
    /// `ok`, or the code of the error that the plugin was told.
    pub result: Cow<'static, str>,
}

impl CallTrace {
    /// A call that was answered. `summary` says what it was about (`external::summary`).
    pub(crate) fn of(
        call: &HostCall,
        reply: &HostReply,
        summary: String,
        started: Instant,
    ) -> CallTrace {
        let result = match reply {
            HostReply::Response(Ok(response)) => response.status.to_string().into(),
            reply => reply
                .error()
                .map_or("ok".into(), |error| error.code.clone().into()),
        };
        CallTrace {
            name: call.name().into(),
            summary: clipped(summary, MAX_SUMMARY),
            us: u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX),
            result,
        }
    }
}

/// So many characters of a text at most.
pub(crate) fn clipped(mut text: String, most: usize) -> String {
    if let Some((end, _)) = text.char_indices().nth(most) {
        text.truncate(end);
    }
    text
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

    /// The entry of a line; none for one of a later version of Jackfield.
    #[must_use]
    pub fn of(row: &Journal) -> Option<Entry> {
        let whole = serde_json::json!({ "kind": row.kind, "data": row.data });
        serde_json::from_value(whole).ok()
    }
}

/// An entry with its place, written out once.
#[derive(Debug)]
pub(crate) struct Line {
    seq: i64,
    at: i64,
    text: String,
}

impl Line {
    pub(crate) fn of(entry: &Entry, seq: i64, step: Option<&str>, at: i64) -> Line {
        #[derive(Serialize)]
        struct Form<'a> {
            seq: i64,
            at: i64,
            step: Option<&'a str>,
            entry: &'a Entry,
        }
        let form = Form {
            seq,
            at,
            step,
            entry,
        };
        let mut text = Vec::with_capacity(LINE);
        // An entry is plain text, numbers and JSON: it can always be written, and JSON is UTF-8.
        let _ = serde_json::to_writer(&mut text, &form);
        let text = String::from_utf8(text).unwrap_or_default();
        Line { seq, at, text }
    }
}

/// A line as it is read.
#[derive(Deserialize)]
struct Packed {
    seq: i64,
    at: i64,
    step: Option<String>,
    entry: Kinded,
}

#[derive(Deserialize)]
struct Kinded {
    kind: String,
    #[serde(default)]
    data: Value,
}

/// Adds lines to the commit that makes them durable: several entries as one row. Its place is that
/// of its last entry: whoever looks for what follows an entry finds every row that holds some of it.
pub(crate) fn add(lines: &[Line], bucket: i32, run: &str, commit: &mut Commit) {
    let Some(last) = lines.last() else { return };
    let length: usize = lines.iter().map(|line| line.text.len() + 1).sum();
    let mut row = String::with_capacity(length + 160);
    // The lines are JSON already; an id is letters, digits and `_`.
    let _ = write!(
        row,
        r#"{{"bucket":{bucket},"run":"{run}","seq":{},"kind":"{PACK}","step":null,"at":{},"data":["#,
        last.seq, last.at
    );
    for (place, line) in lines.iter().enumerate() {
        if place > 0 {
            row.push(',');
        }
        row.push_str(&line.text);
    }
    row.push_str("]}");
    commit.writes.push(Write::Insert {
        table: Journal::TABLE,
        row,
    });
}

/// The entries of a run from this place on, each as a row of its own.
pub(crate) async fn lines(
    store: &SharedStore,
    bucket: i32,
    run: &str,
    from: i64,
) -> Result<Vec<Journal>, ReadError> {
    let query = Query::<Journal>::of(bucket)
        .equal("run", run)
        .filter("seq", jackfield_store::Is::AtLeast, from)
        .ascending("seq");
    let mut lines = apart_all(store.find(query).await?)?;
    lines.retain(|line| line.seq >= from);
    Ok(lines)
}

/// Rows taken apart: each entry as a row of its own, in the order of the rows.
pub(crate) fn apart_all(rows: Vec<Journal>) -> Result<Vec<Journal>, ReadError> {
    let mut lines = Vec::with_capacity(rows.len());
    for row in rows {
        lines.extend(apart(row)?);
    }
    Ok(lines)
}

fn apart(row: Journal) -> Result<Vec<Journal>, ReadError> {
    if row.kind != PACK {
        return Ok(vec![row]);
    }
    let packed: Vec<Packed> =
        serde_json::from_value(row.data).map_err(|error| ReadError::Corrupt {
            table: Journal::TABLE.name,
            reason: error.to_string(),
        })?;
    let line = |packed: Packed| Journal {
        bucket: row.bucket,
        run: row.run.clone(),
        seq: packed.seq,
        kind: packed.entry.kind,
        step: packed.step,
        data: packed.entry.data,
        at: packed.at,
    };
    Ok(packed.into_iter().map(line).collect())
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]
mod tests {
    use super::*;

    #[test]
    fn what_was_packed_is_taken_apart_as_it_was_noted() {
        let entries = [
            Entry::RunStarted {
                version: 2,
                event: "call.ended".to_owned(),
            },
            Entry::Log {
                level: "warn".to_owned(),
                message: "a \"quoted\"\nline".to_owned(),
            },
            Entry::Recovered {},
        ];
        let steps = [None, Some("ask"), Some("tell")];
        let lines: Vec<Line> = entries
            .iter()
            .zip(steps)
            .zip(4..)
            .map(|((entry, step), seq)| Line::of(entry, seq, step, 100 + seq))
            .collect();
        let mut commit = Commit::of(7);
        add(&lines, 7, "run_1", &mut commit);
        let [jackfield_store::Write::Insert { row, .. }] = commit.writes.as_slice() else {
            panic!("one row is inserted: {:?}", commit.writes);
        };
        let row: Journal = serde_json::from_str(row).unwrap();
        assert_eq!((row.seq, row.at), (6, 106));
        let found = apart(row).unwrap();
        let expected: Vec<Journal> = entries
            .iter()
            .zip(steps)
            .zip(4..)
            .map(|((entry, step), seq)| entry.record(7, "run_1", seq, step, 100 + seq))
            .collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn a_row_with_one_entry_is_taken_as_it_is() {
        let row = Entry::Retried {}.record(1, "run_1", 3, Some("ask"), 9);
        assert_eq!(apart(row.clone()).unwrap(), vec![row]);
    }

    #[test]
    fn nothing_noted_is_no_row() {
        let mut commit = Commit::of(1);
        add(&[], 1, "run_1", &mut commit);
        assert!(commit.is_empty());
    }
}
