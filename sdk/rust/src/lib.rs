//! Write a Jackfield plugin in Rust.
//!
//! A plugin is a workflow step or a channel connector, compiled to one WebAssembly component. The
//! contract is `wit/` of the project; this crate makes it pleasant and adds nothing to it: a
//! [`Step`] or a [`Connector`] to implement, the imports as ordinary functions ([`http`],
//! [`messages`], ...), [`Failure`] and [`Outcome`] with their constructors, and a test host
//! (`testing`) so that a plugin is tested with `cargo test`.
//!
//! # A step
//!
//! ```
//! use jackfield_plugin::{prelude::*, contacts};
//!
//! /// Says hello.
//! struct Greet;
//!
//! #[derive(Deserialize, JsonSchema)]
//! #[serde(rename_all = "kebab-case", deny_unknown_fields)]
//! #[schemars(crate = "jackfield_plugin::schemars")]
//! struct Settings {
//!     /// Stands before the name.
//!     greeting: String,
//! }
//!
//! #[derive(Serialize, JsonSchema)]
//! #[schemars(crate = "jackfield_plugin::schemars")]
//! struct Output {
//!     /// The greeting with the contact's name.
//!     text: String,
//! }
//!
//! impl Step for Greet {
//!     type Settings = Settings;
//!     type State = ();
//!
//!     fn describe() -> StepDescriptor {
//!         StepDescriptor::new("greet", "1.0.0", "Greet", "Says hello to the contact.")
//!             .category(Category::Other)
//!             .output::<Output>()
//!     }
//!
//!     fn start(_run: &Invocation, settings: Settings) -> Result<Outcome, Failure> {
//!         let contact = contacts::get()
//!             .ok_or_else(|| Failure::permanent("not-found", "the run has no contact to greet"))?;
//!         let name = contact["firstname"].as_str().unwrap_or("there");
//!         Ok(Outcome::done().output(Output { text: format!("{} {name}", settings.greeting) }).into())
//!     }
//! }
//!
//! jackfield_plugin::export_step!(Greet);
//!
//! // The test host stands in for the real one.
//! use jackfield_plugin::testing::{Host, Run};
//! let _host = Host::new().contact(json!({"firstname": "Ann"})).install();
//! let outcome = Run::<Greet>::new(json!({"greeting": "Good morning"})).start().unwrap();
//! assert_eq!(outcome, Outcome::done().output(json!({"text": "Good morning Ann"})).into());
//! ```
//!
//! # Building
//!
//! `crate-type = ["cdylib", "rlib"]`, then `cargo build --release --target
//! wasm32-unknown-unknown`, and the core module is made a component with the `wit-component` crate
//! (or `wasm-tools component new`). In `.cargo/config.toml`, `rustflags = ["-Clink-arg=-zstack-size=65536"]`
//! keeps the memory of an activation small.
//!
//! What must hold: a component imports exactly the interfaces whose functions it calls; nothing in
//! this crate calls one by itself.

pub mod arena;
#[doc(hidden)]
pub mod bindings;
pub mod connector;
pub mod descriptor;
pub mod failure;
pub mod failures;
pub mod form;
mod imports;
pub mod message;
pub mod outcome;
pub mod settings;
pub mod step;
#[cfg(not(target_arch = "wasm32"))]
pub mod testing;

pub use imports::{
    clock, conditions, contacts, conversations, crypto, email, files, http, lists, log, messages,
    random, tables, templates, variables, workflows,
};

pub use connector::{
    Channel, Connected, Connector, ConnectorExport, Receipt, Received, WebhookRequest,
};
pub use descriptor::{Category, ConnectorDescriptor, StepDescriptor};
pub use failure::{CallError, Failure, FailureClass, SendError};
pub use outcome::{Done, Outcome, Subscription, Wait};
pub use step::{Event, Invocation, Step, StepExport, Wake};
pub use {schemars, serde, serde_json};

/// What almost every plugin uses.
pub mod prelude {
    pub use crate::failures;
    pub use crate::{
        Category, Channel, Connected, Connector, ConnectorDescriptor, Event, Failure, FailureClass,
        Invocation, Outcome, Receipt, Received, SendError, Step, StepDescriptor, Subscription,
        Wake, WebhookRequest,
    };
    pub use schemars::JsonSchema;
    pub use serde::{Deserialize, Serialize};
    pub use serde_json::{Value, json};
}

/// Stamps the version of the contract into the component, where the host reads it before it
/// compiles anything.
#[doc(hidden)]
#[macro_export]
macro_rules! contract_section {
    () => {
        #[used]
        #[unsafe(link_section = "jackfield:contract")]
        static CONTRACT: [u8; 5] = *b"1.1.0";
    };
}
