//! What the engine asks of the layer above it: contacts, messages, templates, secrets.
//!
//! The engine knows that a run is about a contact and that some host calls act on the domain; it
//! does not know what a contact or a message is. `Domain` is that gap, and `messaging` fills it.
//!
//! What must hold: `call` changes nothing. It answers, and says what is to happen as effects. The
//! engine hands the effects back to `apply` inside the commit that carries the step's outcome, so
//! each happens exactly once, or not at all.

use async_trait::async_trait;
use jackfield_egress::Secrets;
use jackfield_sandbox::{HostCall, HostReply};
use jackfield_store::Commit;
use jackfield_store::records::Event;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::any::Any;
use std::sync::Arc;

/// On whose behalf something is done.
#[derive(Debug, Clone)]
pub struct Actor {
    /// The workspace.
    pub workspace: String,
    /// The bucket of the run.
    pub bucket: i32,
    /// The contact that the run is about.
    pub contact: Option<String>,
    /// The run.
    pub run: String,
    /// The workflow's name.
    pub workflow: String,
    /// The step.
    pub step: String,
    /// The run is one of many, which a schedule started for everybody on a list.
    pub broadcast: bool,
    /// Distinguishes the host calls of a run: the same for every repetition of the same call.
    pub call_key: String,
}

/// Something that the domain is to do when the outcome is committed. Opaque to the engine, which
/// journals it where an activation is committed half-way.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Effect(pub Value);

/// The domain's answer to a host call.
#[derive(Debug)]
pub struct Answer {
    /// What the plugin sees.
    pub reply: HostReply,
    /// What is to happen with the outcome.
    pub effects: Vec<Effect>,
}

/// What variables and conditions of a run can see of the domain.
#[derive(Debug, Clone)]
pub struct View {
    /// What belongs to the contact, by namespace: `contact`, `assignee`, `channel`...
    pub namespaces: Map<String, Value>,
    /// What all of the workspace see alike.
    pub common: Arc<Common>,
    /// What a variable without a value becomes.
    pub unset: crate::variables::Unset,
}

/// What all of a workspace see alike.
#[derive(Debug, Clone)]
pub struct Common {
    /// By namespace: `workspace`, `calendars`.
    pub namespaces: Map<String, Value>,
    /// The workspace's time zone.
    pub time_zone: TimeZone,
    /// The texts that others put in.
    pub snippets: crate::variables::Snippets,
    /// The addresses of files.
    pub files: crate::variables::Files,
}

impl Default for Common {
    /// That of a workspace in which nothing was set.
    fn default() -> Common {
        Common {
            namespaces: Map::new(),
            time_zone: TimeZone::UTC,
            snippets: crate::variables::Snippets::default(),
            files: crate::variables::Files::default(),
        }
    }
}

impl View {
    /// What stands in a namespace. The contact's come first.
    #[must_use]
    pub fn namespace(&self, name: &str) -> Option<&Value> {
        let own = self.namespaces.get(name);
        own.or_else(|| self.common.namespaces.get(name))
    }

    /// The time zone of the contact, where there is one and it is known.
    #[must_use]
    pub fn contact_zone(&self) -> Option<&str> {
        self.namespaces.get("contact")?.get("time_zone")?.as_str()
    }
}

/// An event that is about to be accepted.
#[derive(Debug, Clone, PartialEq)]
pub struct NewEvent {
    /// The workspace.
    pub workspace: String,
    /// Such as `call.ended`.
    pub name: String,
    /// The contact that it is about, by id.
    pub contact: Option<String>,
    /// What it is about beside a contact: a message's id.
    pub subject: Option<String>,
    /// Its data.
    pub data: Value,
    /// `api`, a channel's id, `run`.
    pub source: String,
}

/// What `apply` leaves for after the commit.
#[derive(Default)]
pub struct Applied {
    /// Events that the effects raised. They are accepted in the same commit.
    pub events: Vec<NewEvent>,
    /// The domain's own follow-up, given back by `committed`.
    pub follow_up: Option<Box<dyn Any + Send>>,
}

/// Why the domain could not answer.
#[derive(Debug, thiserror::Error, Clone)]
pub enum DomainError {
    /// May succeed later: the burst is tried again from its last commit.
    #[error("{0}")]
    Unavailable(String),
    /// A defect.
    #[error("{0}")]
    Invalid(String),
}

/// The layer above the engine.
#[async_trait]
pub trait Domain: Send + Sync + 'static {
    /// What a run of this workspace and contact can see. `pending` are effects of the running
    /// activation and of earlier steps of the burst that are not committed yet, `commit` is one that
    /// is being put together: the view shows the contact as if they were committed.
    async fn view(
        &self,
        workspace: &str,
        contact: Option<&str>,
        pending: &[Effect],
        commit: Option<&Commit>,
    ) -> Result<View, DomainError>;

    /// Answers a host call about a contact: of the interfaces `contacts`, `conversations`, `lists` and
    /// `messages`.
    async fn call(
        &self,
        actor: &Actor,
        call: &HostCall,
        pending: &[Effect],
    ) -> Result<Answer, DomainError>;

    /// Puts effects into a commit. Called under the lock of the commit's bucket.
    async fn apply(
        &self,
        actor: &Actor,
        effects: &[Effect],
        commit: &mut Commit,
    ) -> Result<Applied, DomainError>;

    /// The ids of the contacts on a list of this name, upwards from `after`, at most `most`.
    async fn contacts_on(
        &self,
        workspace: &str,
        list: &str,
        after: Option<&str>,
        most: i64,
    ) -> Result<Vec<String>, DomainError>;

    /// Puts what else follows from an event into the commit that accepts it, under the lock of its
    /// bucket. What it answers is given to `committed`. Called for every event: where nothing
    /// follows, it costs next to nothing.
    async fn follow(
        &self,
        _event: &Event,
        _commit: &mut Commit,
    ) -> Result<Option<Box<dyn Any + Send + Sync>>, DomainError> {
        Ok(None)
    }

    /// The commit is durable. Must not block.
    fn committed(&self, follow_up: Box<dyn Any + Send>);

    /// A template's sources.
    async fn template(&self, workspace: &str, name: &str) -> Result<Option<Template>, DomainError>;

    /// The secrets that a plugin may name: the workspace's own, or a channel's.
    fn secrets(&self, workspace: &str, owner: SecretOwner<'_>) -> Arc<dyn Secrets>;

    /// The timer of something of the domain's is due: of a message (a retry, a scheduled send), of a
    /// contact (in a queue for too long), of a delivery (a retry). Must not block.
    fn due(&self, id: &str);

    /// These buckets are this host's now: what they hold is taken up.
    async fn taken(&self, buckets: &[i32]) -> Result<(), DomainError>;

    /// The bucket is to go to another host: begins nothing new of it and returns when what is
    /// under way is committed.
    async fn leave(&self, bucket: i32);

    /// The bucket is another host's: everything of it is forgotten. Must not block.
    fn lost(&self, bucket: i32);
}

/// Whose secrets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SecretOwner<'a> {
    /// The workspace's: for steps.
    Workspace,
    /// A channel's, by id: for its connector.
    Channel(&'a str),
}

/// The sources of an HTML template.
#[derive(Debug, Clone, PartialEq)]
pub struct Template {
    /// With variables.
    pub subject: Option<String>,
    /// HTML with variables.
    pub html: String,
    /// Text with variables; none is made from the HTML.
    pub text: Option<String>,
}
