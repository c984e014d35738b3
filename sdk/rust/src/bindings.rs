//! The contract's own types and functions, made from `wit/` by `wit-bindgen`.
//!
//! Two worlds, one set of types: the connector's world borrows every interface that the step's
//! world has already. The `component-type` sections name all imports of both worlds; those that a
//! plugin does not call are left out of its component, so the import list stays the truth.
//!
//! Nothing here is meant to be used directly, but by the macros
//! [`export_step!`](crate::export_step) and [`export_connector!`](crate::export_connector).

/// The world of steps.
#[allow(
    missing_docs,
    unreachable_pub,
    unsafe_op_in_unsafe_fn,
    rust_2018_idioms,
    clippy::all
)]
pub mod step {
    wit_bindgen::generate!({
        path: "../../wit",
        world: "jackfield:plugin/step-plugin",
        pub_export_macro: true,
        export_macro_name: "export_step_component",
        default_bindings_module: "jackfield_plugin::bindings::step",
        additional_derives: [PartialEq],
        generate_all,
    });
}

/// The world of connectors.
#[allow(
    missing_docs,
    unreachable_pub,
    unsafe_op_in_unsafe_fn,
    rust_2018_idioms,
    clippy::all
)]
pub mod connector {
    wit_bindgen::generate!({
        path: "../../wit",
        world: "jackfield:plugin/connector-plugin",
        pub_export_macro: true,
        export_macro_name: "export_connector_component",
        default_bindings_module: "jackfield_plugin::bindings::connector",
        additional_derives: [PartialEq],
        with: {
            "jackfield:plugin/types@1.1.0": crate::bindings::step::jackfield::plugin::types,
            "jackfield:plugin/log@1.1.0": crate::bindings::step::jackfield::plugin::log,
            "jackfield:plugin/clock@1.1.0": crate::bindings::step::jackfield::plugin::clock,
            "jackfield:plugin/random@1.1.0": crate::bindings::step::jackfield::plugin::random,
            "jackfield:plugin/http@1.1.0": crate::bindings::step::jackfield::plugin::http,
            "jackfield:plugin/crypto@1.1.0": crate::bindings::step::jackfield::plugin::crypto,
        },
        generate_all,
    });
}
