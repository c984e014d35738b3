//! The client commands, one file for each thing of the API.

pub(super) mod channel;
pub(super) mod contact;
pub(super) mod contact_field;
pub(super) mod contact_list;
pub(super) mod conversation;
mod dev;
pub(super) mod event;
pub(super) mod host;
pub(super) mod inbound;
pub(super) mod key;
pub(super) mod message;
pub(super) mod opt_out;
pub(super) mod plugin;
mod plugin_words;
mod project;
mod publish;
pub(super) mod queue;
pub(super) mod ready;
pub(super) mod run;
pub(super) mod schedule;
pub(super) mod secret;
pub(super) mod team;
pub(super) mod template;
mod trial;
pub(super) mod user;
pub(super) mod workflow;
pub(super) mod workspace;
