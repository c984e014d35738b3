//! The server: the HTTP API, webhooks and unsubscribe pages of a host, and the command line.
//!
//! It owns no rules of its own beyond who may call what: workflows, runs and plugins are the
//! engine's, contacts, channels and messages are messaging's. `serve` puts a host together and can
//! be used in-process; `http` is the API; `cli` are the commands, which speak that API.

pub mod cli;
mod database;
#[cfg(feature = "faults")]
mod faults;
pub mod http;
mod listener;
mod load;
mod options;
mod retention;
mod serve;
mod signals;
mod start;
mod stop;
mod systemd;
mod telemetry;

pub use cli::client::OPERATOR_KEY;
pub use database::{DatabaseOptions, DatabaseUrl, OpenError};
pub use load::LoadOptions;
pub use options::{DATABASE, DEFAULT_DATA, DEFAULT_GRACE, DEFAULT_LISTEN, LogFormat, Options};
pub use retention::{Keep, RetentionOptions};
pub use serve::{Host, ServeError, serve};
pub use start::StartError;
pub use stop::Left;
pub use telemetry::TelemetryError;
