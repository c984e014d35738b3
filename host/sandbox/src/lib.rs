//! Runs plugins: WebAssembly components under limits, each activation in a fresh sandbox.
//!
//! What it knows is wasmtime and the contract in `wit/`. It knows no database, no HTTP, no
//! workflow: whoever activates a plugin brings a [`HostCalls`], which answers what the plugin asks
//! (the engine journals there). What must hold here:
//!
//! - a plugin reaches nothing but its own memory and the functions that it was granted;
//! - every activation ends: each field of [`Limits`] is finite, and running into one is a typed
//!   [`Ended`], never a fault of the host;
//! - a fresh sandbox is cheap: resolved imports are kept, memory comes from a pool, and nothing is
//!   compiled, looked up by name or linked for an activation.
//!
//! In the order of use: [`Sandbox::install`] a component, ask it to [`Sandbox::describe`] itself,
//! [`Sandbox::load`] it with what was [`Granted`], and [`Plugin::start`] it.

pub mod wit;

mod budget;
mod cache;
mod call;
mod crossing;
mod describe;
mod ended;
mod engine;
mod errors;
mod imports;
mod inspect;
mod interface;
mod limits;
mod measure;
mod pace;
mod plugin;
mod sandbox;
mod shares;
mod state;
mod wasi;
mod wire;

pub use call::{Effect, HostCall, HostCalls, HostReply, Stop};
pub use describe::Described;
pub use ended::Ended;
pub use engine::Allocation;
pub use errors::{DescribeError, InstallError, SetupError};
pub use inspect::{
    CONTRACT, CONTRACT_SECTION, Import, InspectError, Inspection, Kind, Resources, digest, inspect,
};
pub use interface::{Interface, Interfaces, UnknownInterface};
pub use limits::{Limit, Limits, PartialLimits};
pub use plugin::{Activated, Plugin};
pub use sandbox::{Granted, Options, Sandbox};
pub use shares::{Account, Share, Shares};
pub use state::Usage;
