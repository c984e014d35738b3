//! The contract's types, made from `wit/` by `bindgen!`.
//!
//! Two worlds, one set of types: the connector's world borrows every interface that the step's
//! world has already. Imports are `async` because the host answers from databases and networks,
//! and `trappable` because the host may end an activation in the middle of any call
//! ([`crate::Stop`]), even of one whose signature has no error.

#[allow(
    missing_docs,
    unreachable_pub,
    clippy::all,
    reason = "made by bindgen!, documented in wit/"
)]
mod step_world {
    wasmtime::component::bindgen!({
        path: "../../wit",
        world: "step-plugin",
        imports: { default: async | trappable },
        exports: { default: async },
        additional_derives: [serde::Serialize, serde::Deserialize, PartialEq],
    });
}

#[allow(
    missing_docs,
    unreachable_pub,
    clippy::all,
    reason = "made by bindgen!, documented in wit/"
)]
mod connector_world {
    wasmtime::component::bindgen!({
        path: "../../wit",
        world: "connector-plugin",
        imports: { default: async | trappable },
        exports: { default: async },
        additional_derives: [serde::Serialize, serde::Deserialize, PartialEq],
        with: {
            "jackfield:plugin/types": super::step_world::jackfield::plugin::types,
            "jackfield:plugin/log": super::step_world::jackfield::plugin::log,
            "jackfield:plugin/clock": super::step_world::jackfield::plugin::clock,
            "jackfield:plugin/random": super::step_world::jackfield::plugin::random,
            "jackfield:plugin/http": super::step_world::jackfield::plugin::http,
            "jackfield:plugin/crypto": super::step_world::jackfield::plugin::crypto,
        },
    });
}

pub use connector_world::exports::jackfield::plugin::connector;
pub use connector_world::jackfield::plugin::email;
pub use step_world::exports::jackfield::plugin::step;
pub use step_world::jackfield::plugin::{
    clock, conditions, contacts, conversations, crypto, files, http, lists, log, messages, random,
    tables, templates, types, variables, workflows,
};

pub use step::{Done, Event, Invocation, Outcome, Subscription, Wait, Wake};
pub use types::{CallError, Failure, FailureClass};

pub(crate) use connector_world::ConnectorPluginPre;
pub(crate) use step_world::StepPluginPre;
