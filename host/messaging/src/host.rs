//! What messaging asks of the engine: the database, time, locks of buckets, the acceptance of
//! events, and activations of connectors.
//!
//! Why a trait of its own: messaging is then tried whole against the real database and a scripted
//! provider, without a sandbox or a run in sight. The engine's handle implements it in a few lines.
//!
//! What must hold: rows of a bucket that are read and then written are so under its lock; nobody
//! waits for a second lock while holding one.

use async_trait::async_trait;
use jackfield_egress::Egress;
use jackfield_engine::{
    AskError, ConnectorError, Elsewhere, Intent, NewEvent, RunError, SharedClock,
};
use jackfield_store::records::Channel;
use jackfield_store::{Commit, CommitError, SharedStore};
use serde_json::Value;
use std::any::Any;

/// The lock of a bucket, held while this lives.
pub struct Guard {
    bucket: i32,
    lock: Box<dyn Any + Send + Sync>,
}

impl Guard {
    /// Wraps the engine's own lock.
    pub fn new<L: Any + Send + Sync>(bucket: i32, lock: L) -> Guard {
        Guard {
            bucket,
            lock: Box::new(lock),
        }
    }

    /// The bucket that is locked.
    #[must_use]
    pub fn bucket(&self) -> i32 {
        self.bucket
    }

    /// The engine's own lock again.
    #[must_use]
    pub fn lock<L: Any>(&self) -> Option<&L> {
        self.lock.downcast_ref()
    }
}

/// Why events were not accepted.
#[derive(Debug, Clone, thiserror::Error)]
pub enum AcceptError {
    /// A `Seen` row of the commit exists already: it was all done before.
    #[error("this was handled already")]
    Repeated,
    /// The bucket is another host's.
    #[error(transparent)]
    Elsewhere(#[from] Elsewhere),
    /// The commit was refused.
    #[error(transparent)]
    Commit(#[from] CommitError),
    /// The events cannot be taken as they are, now or later.
    #[error("{0}")]
    Invalid(String),
    /// Triggers or waits could not be looked at; nothing was written.
    #[error("{0}")]
    Unavailable(String),
}

/// What the provider said of a message that it took.
#[derive(Debug, Clone, PartialEq)]
pub struct Receipt {
    /// The provider's id.
    pub provider_id: String,
    /// `accepted`, `sent` or `delivered`.
    pub status: String,
    /// More for people.
    pub detail: Option<Value>,
}

/// How a try to send ended.
#[derive(Debug, Clone)]
pub struct Sent {
    /// The receipt, or why there is none.
    pub result: Result<Receipt, ConnectorError>,
    /// Fuel, time and calls, for the message's timeline. Null where there is nothing to tell.
    pub trace: Value,
}

/// A provider's request.
#[derive(Debug, Clone, PartialEq)]
pub struct InboundRequest {
    /// Such as `POST`.
    pub method: String,
    /// The full public address with the query.
    pub url: String,
    /// In the order received, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The raw bytes.
    pub body: Vec<u8>,
}

/// What a connector read out of a request, and what to answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Received {
    /// HTTP status for the provider.
    pub status: u16,
    /// HTTP headers for the provider.
    pub headers: Vec<(String, String)>,
    /// Body for the provider.
    pub body: Vec<u8>,
    /// JSON under the schema of inbound events.
    pub events: Value,
}

/// The engine, as messaging needs it.
#[async_trait]
pub trait Host: Send + Sync + 'static {
    /// The database.
    fn store(&self) -> &SharedStore;

    /// The time.
    fn clock(&self) -> &SharedClock;

    /// The lock of a bucket. Not re-entrant.
    ///
    /// # Errors
    /// When the bucket is another host's.
    async fn lock(&self, bucket: i32) -> Result<Guard, Elsewhere>;

    /// Whether a bucket is this host's.
    fn owns(&self, bucket: i32) -> bool;

    /// A bucket of this host, for what belongs to none by itself.
    fn any_bucket(&self) -> i32;

    /// Hastens a timer of messaging whose row was written: `Domain::due` is called with the id, not
    /// before `due`.
    fn wake(&self, id: &str, due: i64);

    /// Has the owner of a bucket do a task of messaging. Not while a lock is held.
    ///
    /// # Errors
    /// When nobody answers in time.
    async fn ask(&self, bucket: i32, task: Value) -> Result<Value, AskError>;

    /// Ends the runs of a contact that are not over, where they are at home.
    ///
    /// # Errors
    /// When not all could be ended.
    async fn end_runs(&self, workspace: &str, contact: &str, reason: &str) -> Result<(), RunError>;

    /// Whether what providers send for a workspace is taken at the moment; if not, seconds after
    /// which it may be sent again.
    fn admits(&self, workspace: &str) -> Result<(), u64>;

    /// The way out for what messaging itself sends over HTTP; none where nothing leaves.
    fn egress(&self) -> Option<&Egress> {
        None
    }

    /// Accepts events together with the domain's own writes in one commit of the locked bucket.
    ///
    /// # Errors
    /// See [`AcceptError`]; nothing was written, but for `CommitError::Unknown`.
    async fn accept(
        &self,
        lock: &Guard,
        events: Vec<NewEvent>,
        commit: Commit,
    ) -> Result<(), AcceptError>;

    /// Commits rows of the locked bucket without events.
    ///
    /// # Errors
    /// As of the store.
    async fn commit(&self, lock: &Guard, commit: Commit) -> Result<(), CommitError>;

    /// Are the channel's settings and credentials good?
    ///
    /// # Errors
    /// As the connector says.
    async fn check(&self, channel: &Channel) -> Result<Value, ConnectorError>;

    /// Registers the webhook at the provider.
    ///
    /// # Errors
    /// As the connector says.
    async fn connect(&self, channel: &Channel, public_url: &str) -> Result<Value, ConnectorError>;

    /// Sends one message. `intent` is asked before each external call.
    async fn send(
        &self,
        channel: &Channel,
        message: &Value,
        idempotency_key: &str,
        intent: Box<dyn Intent>,
    ) -> Sent;

    /// Reads a provider's request.
    ///
    /// # Errors
    /// As the connector says.
    async fn receive(
        &self,
        channel: &Channel,
        request: InboundRequest,
    ) -> Result<Received, ConnectorError>;
}
