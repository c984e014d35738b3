//! Host calls answered: what every activation has, be it of a step or of a connector.
//!
//! `local` answers what nothing leaves for (clock, randomness, signatures, templates, conditions);
//! `external` does what reaches the outside. Journaling, and what only a run has, stands above
//! them in `run/calls.rs`; a connector's activations use them directly (`connector.rs`).

pub(crate) mod external;
pub(crate) mod local;
mod signing;

use jackfield_sandbox::wit::CallError;

/// An error for the plugin that may not succeed later.
pub(crate) fn refused(code: &str, message: impl Into<String>) -> CallError {
    CallError {
        code: code.to_owned(),
        message: message.into(),
        grant: None,
        transient: false,
        maybe_sent: false,
        detail: None,
    }
}

/// An error for the plugin that may succeed later.
pub(crate) fn unavailable(message: impl Into<String>) -> CallError {
    CallError {
        transient: true,
        ..refused("unavailable", message)
    }
}
