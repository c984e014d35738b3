//! Tries plugins out without a host: the cases that an author wrote, in the sandbox of production.
//!
//! A case says what an activation finds (settings, trigger, contact, time...), what its host calls
//! are told, and what is to come of it. It is run in the same sandbox, under the same limits, grants
//! and contract as in a workflow; only the world around is the case's ([`jackfield_engine::rehearsal`]).
//!
//! In the order of use: [`case::read`] a file, [`Bench::open`] a component, [`Bench::run`] each case.
//! [`check`] holds a component against what every plugin must keep, with its cases as the material.
//!
//! What must hold: a case that passes once passes always (nothing in it depends on the machine, the
//! hour or chance); nothing leaves this machine unless recording was asked for.

mod bench;
mod body;
pub mod case;
pub mod check;
mod matching;
pub mod report;
mod script;
mod shown;
mod yaml;

pub use bench::{Bench, OpenError, Outside};
pub use case::{Case, CaseError};
pub use report::{Activation, Tried};
