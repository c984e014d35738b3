//! A workflow document in memory: what [`super::read`] makes of the text and [`super::write`] makes
//! JSON of again.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::source::Marks;
use super::trigger::Own;
use crate::{
    conditions::Condition,
    schedule::{Backoff, Duration},
    variables::Unset,
};

/// A workflow.
#[derive(Debug, Clone)]
pub struct Document {
    /// Lower-case words with hyphens; names the workflow in its workspace.
    pub name: String,
    /// For people.
    pub title: Option<String>,
    /// For people.
    pub description: Option<String>,
    /// What starts it: at least one.
    pub triggers: Vec<Trigger>,
    /// What ends a run from outside.
    pub exit_on: Vec<ExitOn>,
    /// What becomes of variables without a value; none leaves it to the workspace.
    pub unset_variables: Option<Unset>,
    /// How many visits a run may make without a wait before the loop guard stops it.
    pub max_visits: u32,
    /// In the order written: a step without `next` goes on to the following one.
    pub steps: Vec<Step>,
    pub(super) marks: Marks,
}

/// Visits without a wait, where the document does not say.
pub const DEFAULT_MAX_VISITS: u32 = 1000;
/// The most that a document may ask for.
pub const MOST_MAX_VISITS: u32 = 100_000;

/// Which events start a workflow.
#[derive(Debug, Clone, PartialEq)]
pub struct Trigger {
    /// The event's name; `manual` for workflows that only the API and other workflows start.
    pub event: String,
    /// Which accounts' events.
    pub accounts: Accounts,
    /// What must hold besides.
    pub when: Option<Condition>,
    /// For how long a contact that this workflow started is not started again; none where it may be at
    /// once.
    pub once_per_contact: Option<Once>,
    /// What triggers on this event say besides.
    pub own: Own,
}

/// For how long a workflow starts a contact once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Once {
    /// For ever.
    Ever,
    /// For so long after it was started last.
    Within(Duration),
}

/// The scope of accounts, by name or id.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Accounts {
    /// Every account.
    #[default]
    All,
    /// These.
    Only(Vec<String>),
    /// Every account but these.
    Except(Vec<String>),
}

impl Accounts {
    /// Whether an account, known by these names (its id, its name), is in the scope. An event that
    /// belongs to no account is, unless the accounts that are meant are named.
    #[must_use]
    pub fn includes(&self, account: &[&str]) -> bool {
        let named = |names: &[String]| names.iter().any(|name| account.contains(&name.as_str()));
        match self {
            Self::All => true,
            Self::Only(names) => named(names),
            Self::Except(names) => !named(names),
        }
    }
}

/// What ends a run from outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ExitOn {
    /// The contact's conversation is closed by hand.
    ConversationClosed,
    /// A person writes to the contact.
    OutgoingHumanMessage,
    /// The contact writes, and no step waits for it.
    IncomingMessage,
    /// A person assigns the conversation.
    ManualAssignment,
}

impl ExitOn {
    /// Every one, with its name in documents.
    pub const ALL: [(&'static str, Self); 4] = [
        ("conversation-closed", Self::ConversationClosed),
        ("outgoing-human-message", Self::OutgoingHumanMessage),
        ("incoming-message", Self::IncomingMessage),
        ("manual-assignment", Self::ManualAssignment),
    ];

    /// Its name in documents.
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::ALL
            .iter()
            .find(|(_, exit)| *exit == self)
            .map_or("", |(name, _)| name)
    }
}

/// One node of the graph: a plugin and its settings.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// Lower-case words with hyphens.
    pub id: String,
    /// For people.
    pub title: Option<String>,
    /// The plugin.
    pub uses: Uses,
    /// The plugin's settings: always an object.
    pub with: Value,
    /// Where it does not hold, the step is skipped.
    pub when: Option<Condition>,
    /// Where the run goes on; none for the following step in the document.
    pub next: Option<Goto>,
    /// Where it goes on from a branch, in the order written.
    pub branches: Vec<(String, Goto)>,
    /// How failures that may pass are tried again; none for the default.
    pub retry: Option<Retry>,
}

/// A plugin and its major version: `send-message@1`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Uses {
    /// The plugin's name.
    pub name: String,
    /// Its major version.
    pub major: u64,
}

impl std::fmt::Display for Uses {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}@{}", self.name, self.major)
    }
}

/// Where a run goes on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Goto {
    /// At the step of this id.
    Step(String),
    /// Nowhere: the run ends as completed.
    End,
}

impl Goto {
    /// As it is written: a step's id, or `end`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Step(id) => id,
            Self::End => "end",
        }
    }
}

/// How failures that may pass are tried again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retry {
    /// How often after the first try: 0 to 10.
    pub attempts: u32,
    /// The first pause; each one after is twice as long.
    pub first: Duration,
    /// The longest pause.
    pub max: Duration,
}

/// Most tries after the first.
pub const MAX_ATTEMPTS: u32 = 10;

impl Default for Retry {
    fn default() -> Self {
        let Backoff {
            attempts,
            first,
            max,
            ..
        } = Backoff::default();
        Self {
            attempts,
            first,
            max,
        }
    }
}

impl Retry {
    /// The pauses.
    #[must_use]
    pub fn backoff(self) -> Backoff {
        Backoff {
            attempts: self.attempts,
            first: self.first,
            max: self.max,
            ..Backoff::default()
        }
    }
}

impl Document {
    /// The step of this id.
    #[must_use]
    pub fn step(&self, id: &str) -> Option<&Step> {
        self.steps.iter().find(|step| step.id == id)
    }

    /// The step at which a run starts; a document that was read has one.
    #[must_use]
    pub fn first(&self) -> Option<&Step> {
        self.steps.first()
    }
}

impl Step {
    /// Where the document sends a branch, if it says so.
    #[must_use]
    pub fn branch(&self, name: &str) -> Option<&Goto> {
        self.branches
            .iter()
            .find(|(branch, _)| branch == name)
            .map(|(_, goto)| goto)
    }
}
