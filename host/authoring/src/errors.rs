//! Why a project was not made, or a component not built. Every text says what would be right.

use crate::component::ComponentError;
use crate::shell::ShellError;
use std::io;
use std::path::PathBuf;

/// Why a project was not made.
#[derive(Debug, thiserror::Error)]
pub enum NewError {
    /// The name cannot be a plugin's.
    #[error(
        "`{0}` cannot be a plugin's name: write lower-case letters, digits and single hyphens, a \
         letter first, at most 64 characters, such as `crm-lookup`"
    )]
    Name(String),
    /// There is no such interface, or it is not for this kind of plugin.
    #[error("a {kind} cannot need `{need}`; it may need {offered}")]
    Need {
        /// What was asked for.
        need: String,
        /// `step` or `connector`.
        kind: &'static str,
        /// What there is.
        offered: String,
    },
    /// The folder is there and holds something.
    #[error("{0} is not empty; name a folder that is not there yet")]
    NotEmpty(PathBuf),
    /// A file could not be written.
    #[error("{path} cannot be written: {cause}")]
    Write {
        /// Which.
        path: PathBuf,
        /// Why.
        cause: io::Error,
    },
}

/// Why no component was built.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// There is no project.
    #[error(
        "{0} has no jackfield.toml, so it is no plugin's project; `jackfield plugin new NAME` makes one"
    )]
    NoProject(PathBuf),
    /// The manifest cannot be read.
    #[error("{path} cannot be read: {reason}")]
    Manifest {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The project's copy of the contract is not one.
    #[error(
        "{0} names no version of the contract; `jackfield plugin new` writes the folder jackfield/wit"
    )]
    Contract(PathBuf),
    /// Something that the build needs is not on this machine.
    #[error("{what} is missing on this machine: {found}\nTo get it: {get}")]
    Missing {
        /// What is.
        what: String,
        /// What was looked for, and what was found.
        found: String,
        /// What to type.
        get: String,
    },
    /// The compiler failed, and has said why.
    #[error("the plugin does not compile: {0}")]
    Compile(ShellError),
    /// The compiler left no module.
    #[error(
        "the build left no module at {0}; Cargo.toml wants `crate-type = [\"cdylib\", \"rlib\"]`"
    )]
    NoModule(PathBuf),
    /// The module is no plugin.
    #[error(transparent)]
    Component(#[from] ComponentError),
    /// It calls what the project does not say that it needs.
    #[error(
        "the plugin calls `{import}`, which `needs` in jackfield.toml does not name: add \"{import}\" \
         to it, so that whoever installs the plugin is asked for it on purpose, or leave the call out"
    )]
    Undeclared {
        /// The interface.
        import: String,
    },
    /// A file could not be read.
    #[error("{path} cannot be read: {cause}")]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        cause: io::Error,
    },
    /// A file could not be written.
    #[error("{path} cannot be written: {cause}")]
    Write {
        /// Which.
        path: PathBuf,
        /// Why.
        cause: io::Error,
    },
}
