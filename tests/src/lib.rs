//! The harness of the end-to-end tests: the real program `jackfield`, and the other side of it.
//!
//! A test starts a [`Host`] (the binary on a free loopback port, with a data folder of its own),
//! speaks to it by [`Api`] or by the command line ([`Host::cli`]), and looks at what reached the
//! peers: those of `jackfield-peers` by way of an [`Office`], and [`Program`]s that others wrote
//! (Python and Node, set up under `target/peers`).
//!
//! What must hold: nothing here sleeps to be in time; who waits for something polls until a
//! deadline ([`until`]). A helper that cannot do its work panics with what it saw, because then the
//! test has failed. `cargo xtask test --only end-to-end` builds and brings all that is needed.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::missing_panics_doc,
    reason = "a harness of tests: what fails here fails the test, with a message"
)]

mod api;
mod chat;
mod cluster;
mod host;
mod lab;
mod office;
pub mod page;
mod place;
mod poll;
mod program;

pub use api::{Answer, Api};
pub use chat::{ANN, ANN_WHO, Chat, fill_in, template};
pub use cluster::Cluster;
pub use host::{Done, Host};
pub use lab::{Audience, DAY, EVERYBODY, Lab, START};
pub use office::{ACCOUNT_SID, AUTH_TOKEN, CALLER, OFFICE, Office, call, phone};
pub use place::{
    openapi, peer, plugins, program, program_on_a_limited_disk, program_with_faults, repository,
};
pub use poll::{PATIENCE, until};
pub use program::{Program, free_port};
