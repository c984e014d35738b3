//! Why a sandbox cannot be set up, or a component not be installed, loaded or described.
//!
//! Split by who acts: [`SetupError`] is for whoever runs the host, the others for whoever installs
//! a plugin. What happens to a running activation is [`crate::Ended`].

use std::path::PathBuf;

use crate::ended::Ended;
use crate::inspect::InspectError;

/// No sandbox can be set up.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// The settings cannot be.
    #[error("{0}")]
    Options(String),
    /// The engine or its linker.
    #[error("the WebAssembly engine cannot be set up on this machine: {0:#}")]
    Engine(wasmtime::Error),
    /// The folder of compiled components.
    #[error(
        "the folder for compiled components, {path}, cannot be used ({source}); make it writable for the host's user, or choose another"
    )]
    Cache {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

/// A component cannot be installed or loaded.
#[derive(Debug, thiserror::Error)]
pub enum InstallError {
    /// It is no plugin for this host.
    #[error(transparent)]
    Inspect(#[from] InspectError),
    /// The compiler refused it.
    #[error(
        "the component cannot be compiled: {0}; it uses a feature of WebAssembly, or more of something, than this host allows"
    )]
    Compile(String),
    /// It has the right names, but other types behind them.
    #[error(
        "the component does not fit the contract: {0}; build it against the published `jackfield:plugin` package, unchanged"
    )]
    Contract(String),
    /// It needs more than any activation may have.
    #[error("the component needs {needs} {what}, and this host gives at most {most}")]
    DoesNotFit {
        /// Of what.
        what: &'static str,
        /// How much it needs.
        needs: u64,
        /// The most there is.
        most: u64,
    },
    /// The caller could not bring the component's bytes.
    #[error("the component {digest} cannot be read: {source}")]
    Fetch {
        /// Which.
        digest: String,
        /// Why.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The bytes are not those of the digest.
    #[error(
        "the bytes given for {expected} are those of {found}; the stored component was changed, install it again"
    )]
    OtherBytes {
        /// Asked for.
        expected: String,
        /// Given.
        found: String,
    },
}

/// A component has no descriptor to show.
#[derive(Debug, thiserror::Error)]
pub enum DescribeError {
    /// It is not installed.
    #[error(transparent)]
    Load(#[from] InstallError),
    /// It failed at it.
    #[error("`describe` ended early: {0}")]
    Ended(Ended),
}
