//! From an empty folder to a component: what a plugin's author needs, and no host.
//!
//! A project is a folder with a `jackfield.toml`. [`create`] makes one that builds as it is, with
//! the SDK and the contract of this version in it, so that nothing has to be fetched from anywhere
//! but the language's own registry. [`build`] makes the component and stamps it.
//!
//! What must hold: what is made here is never trusted by a host because of it; a host looks at every
//! component anew (`jackfield_sandbox::inspect`). Whatever is missing on the machine is named
//! together with how to get it.

pub mod component;
mod errors;
mod files;
pub mod languages;
mod project;
pub mod shell;
pub mod world;

pub use errors::{BuildError, NewError};
pub use project::{Built, Kind, Language, MANIFEST, New, Project, build, create};
