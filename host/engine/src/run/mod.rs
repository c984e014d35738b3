//! Runs: how they move.
//!
//! `drive` moves a run through its steps in bursts; `burst` is what a burst holds and how it is
//! committed; `calls` answers the host calls of its activations and journals them; `outcome` turns
//! what a plugin said into the run's next place; `wake` ends waits; `opening` begins runs that
//! somebody waits for, `child` those that a step of another starts; `state` and `journal` are what
//! is kept.

pub(crate) mod burst;
pub(crate) mod calls;
pub(crate) mod child;
pub(crate) mod drive;
pub mod journal;
pub(crate) mod opening;
pub(crate) mod outcome;
pub(crate) mod replay;
pub(crate) mod soon;
pub mod state;
pub(crate) mod wake;

pub(crate) use calls::is_variable;
