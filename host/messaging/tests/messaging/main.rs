//! Messaging as a whole: on the real database, with a clock that is moved by hand and a scripted
//! provider. No sandbox and no run is needed for any of it.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod auto_close;
mod contacts;
mod inbound;
mod outbox;
mod retention;
mod snooze;
mod subscriptions;
mod support;
mod tables;
mod transfer;
mod unsubscribe;
