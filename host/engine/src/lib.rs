//! The engine: workflows, and the durable runs of them.
//!
//! It owns the graph. A run is pinned to a version of its workflow and to the digests of its
//! plugins; it advances in bursts, is committed before whatever the outside sees, and after a crash goes on
//! from its last commit without repeating what was done. What a contact or a message is, it does
//! not know: it asks through `Domain`, which the layer above implements. Below it are the sandbox
//! (runs components), egress (the way out) and the store (records).
//!
//! Where to start: `document` says what a workflow is, `events` what an event sets in motion,
//! `run::drive` how a run moves, `run::calls` how a host call is answered and journaled. What is
//! pure stands apart and can be read alone: `document`, `conditions`, `variables`, `schedule`.

mod calls;
mod cancel;
pub mod clock;
pub mod conditions;
mod connector;
mod copies;
pub mod document;
mod domain;
mod engine;
mod events;
mod hosts;
mod parcels;
mod park;
mod permissions;
mod plugins;
mod prepared;
pub mod rehearsal;
mod retention;
mod room;
pub mod run;
mod runs;
pub mod schedule;
mod schedules;
mod scope;
mod templates;
mod tenure;
mod timers;
pub mod variables;
mod workflows;

pub use clock::{Clock, SharedClock, SimulatedClock, SystemClock};
pub use connector::{Connector, ConnectorError, Intent, Sent};
pub use domain::{
    Actor, Answer, Applied, Common, Domain, DomainError, Effect, NewEvent, SecretOwner, Template,
    View,
};
pub use engine::{BucketLock, Engine, Options};
pub use events::{AcceptError, Accepted, AcceptedEvent, MAX_EVENT, Skipped, topic};
pub use parcels::{AskError, Worker};
pub use permissions::{Permissions, SecretUse};
pub use plugins::{
    Need, Offer, PluginError, PluginView, Plugins, Publisher, Publishers, Role, SignatureError,
    current_of,
};
pub use retention::{PruneError, Pruned, Retention};
pub use room::{Busy, RoomOptions};
pub use run::opening::Started;
pub use runs::{RunError, RunFilter, RunView, Runs, TimelineEntry, Waiting};
pub use schedules::ScheduleView;
pub use tenure::Elsewhere;
pub use workflows::{
    HookView, InWorkspace, MAX_WORKFLOWS, Move, OrganisationWorkflowView, ShortcutView, Version,
    WEBHOOK_PREFIX, WebhookView, WorkflowError, WorkflowView, Workflows,
};
