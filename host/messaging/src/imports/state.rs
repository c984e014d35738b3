//! Where an import stands, and what its row keeps.

use super::plan::ImportPlan;
use super::row::Outcome;
use crate::error::{Error, Result};
use jackfield_store::records::Import;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Where an import stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    /// Its chunks are being written; a crash leaves it so for ever, and it is pruned.
    Uploading,
    /// It can be reviewed and started.
    Uploaded,
    /// Every row is looked at.
    Reviewing,
    /// Every row was looked at.
    Reviewed,
    /// Every row is carried out.
    Running,
    /// The chunk under way is finished.
    Cancelling,
    /// What was not carried out never will be.
    Cancelled,
    /// Every row was carried out.
    Completed,
}

const NAMES: [(State, &str); 8] = [
    (State::Uploading, "uploading"),
    (State::Uploaded, "uploaded"),
    (State::Reviewing, "reviewing"),
    (State::Reviewed, "reviewed"),
    (State::Running, "running"),
    (State::Cancelling, "cancelling"),
    (State::Cancelled, "cancelled"),
    (State::Completed, "completed"),
];

impl State {
    pub(crate) fn name(self) -> &'static str {
        let found = NAMES.iter().find(|(state, _)| *state == self);
        found.map_or("uploading", |(_, name)| name)
    }

    pub(crate) fn named(name: &str) -> State {
        let found = NAMES.iter().find(|(_, known)| *known == name);
        found.map_or(State::Uploading, |(state, _)| *state)
    }

    /// Whether somebody works on it.
    pub(crate) fn at_work(self) -> bool {
        matches!(self, State::Reviewing | State::Running | State::Cancelling)
    }
}

/// What became of rows, counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImportCounts {
    /// Contacts that were made, or would be.
    pub added: u64,
    /// Contacts that were changed, or would be.
    pub updated: u64,
    /// Rows of contacts that are there, in a file that is only to add.
    pub skipped: u64,
    /// Rows that are wrong.
    pub failed: u64,
}

impl ImportCounts {
    pub(crate) fn add(&mut self, outcome: Outcome) {
        match outcome {
            Outcome::Added => self.added += 1,
            Outcome::Updated => self.updated += 1,
            Outcome::Skipped => self.skipped += 1,
            Outcome::Failed => self.failed += 1,
        }
    }

    /// All of them.
    #[must_use]
    pub fn done(&self) -> u64 {
        self.added + self.updated + self.skipped + self.failed
    }
}

/// What the row of an import keeps as JSON.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Content {
    pub(crate) name: Option<String>,
    pub(crate) delimiter: char,
    pub(crate) headers: Vec<String>,
    pub(crate) rows: u64,
    pub(crate) plan: Option<ImportPlan>,
    /// The next chunk.
    pub(crate) at: i64,
    pub(crate) counts: ImportCounts,
    /// Why it was stopped.
    pub(crate) reason: Option<String>,
}

impl Content {
    pub(crate) fn read(import: &Import) -> Result<Content> {
        Content::deserialize(&import.data)
            .map_err(|error| Error::unavailable(format!("the import cannot be read: {error}")))
    }

    pub(crate) fn write(&self) -> Value {
        serde_json::to_value(self).unwrap_or_default()
    }
}
