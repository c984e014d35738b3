//! The contract's imports as ordinary functions, one module for each capability.
//!
//! A plugin asks for exactly the interfaces whose functions it calls: that list is what an operator
//! approves at install. Each function's effect class stands with it in `wit/imports.wit`.
//!
//! On wasm32 these are calls into the host. On native targets they go to the test host of
//! [`testing`](crate::testing).

pub mod clock;
pub mod conditions;
pub mod contacts;
pub mod conversations;
pub mod crypto;
pub mod email;
pub mod files;
pub mod http;
pub mod lists;
pub mod log;
pub mod messages;
pub mod random;
pub mod tables;
pub mod templates;
pub mod variables;
pub mod workflows;

#[cfg(target_arch = "wasm32")]
pub(crate) mod sys {
    //! Where the functions lead: into the host.
    pub(crate) use crate::bindings::connector::jackfield::plugin::email;
    pub(crate) use crate::bindings::step::jackfield::plugin::{
        clock, conditions, contacts, conversations, crypto, files, http, lists, log, messages,
        random, tables, templates, variables, workflows,
    };
}
#[cfg(not(target_arch = "wasm32"))]
pub(crate) use crate::testing::sys;

use serde::de::DeserializeOwned;

use crate::failure::CallError;

/// JSON from the host; what cannot be read is an answer too, not a panic.
fn json<T: DeserializeOwned>(text: &str) -> Result<T, CallError> {
    serde_json::from_str(text).map_err(|error| CallError {
        code: "contract".into(),
        message: format!("the host's answer cannot be read: {error}"),
        grant: None,
        transient: false,
        maybe_sent: false,
        detail: None,
    })
}
