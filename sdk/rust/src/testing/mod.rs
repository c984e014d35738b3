//! A host for tests: the imports lead here on native targets.
//!
//! Everything that crosses the boundary is held against the published schemas, so that a plugin
//! that passes its tests speaks the contract: descriptors, settings, outputs, outgoing messages and
//! inbound events. What breaks a schema ends the test with a panic that says where.
//!
//! One host for each thread, installed by [`Host::install`] and taken away when the guard drops.

mod host;
mod plugin;
mod schemas;
pub(crate) mod sys;

pub use host::{Host, Installed, call_error, response};
pub use plugin::{Plugged, Run, describe_connector, describe_step, event};
