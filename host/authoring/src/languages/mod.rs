//! The languages of plugins: for each the files of a new project, and the way to a component.
//!
//! What must hold: a chain fetches nothing by itself; what it needs and does not find is
//! [`BuildError::Missing`], with what to type. A component imports what the project's `needs` name
//! and nothing else of the contract.

pub mod c;
pub mod js;
pub mod python;
pub mod rust;

use crate::errors::BuildError;
use crate::project::{Kind, Language, Project};
use include_dir::Dir;

/// What one language brings.
pub(crate) struct Chain {
    /// What new steps and connectors have alike.
    pub(crate) common: Dir<'static>,
    /// What a new step has beside it.
    pub(crate) step: Dir<'static>,
    /// What a new connector has beside it.
    pub(crate) connector: Dir<'static>,
    /// What comes with this program, by its place in the project: the SDK.
    pub(crate) sdk: &'static [(&'static str, Source)],
    /// How an author runs the project's own tests, in its folder.
    pub(crate) tests: &'static str,
    /// Builds a project.
    pub(crate) build: fn(&Project) -> Result<Made, BuildError>,
}

/// Files that are written as they are.
pub(crate) enum Source {
    /// All of a folder.
    Folder(Dir<'static>),
    /// One file.
    File(&'static [u8]),
}

/// What a tool-chain makes.
pub(crate) enum Made {
    /// A core module that carries its interface.
    Module(Vec<u8>),
    /// A component, without the stamp.
    Component(Vec<u8>),
}

impl Chain {
    /// The template of a kind.
    pub(crate) fn templates(&self, kind: Kind) -> [&Dir<'static>; 2] {
        match kind {
            Kind::Step => [&self.common, &self.step],
            Kind::Connector => [&self.common, &self.connector],
        }
    }
}

impl Language {
    pub(crate) fn chain(self) -> &'static Chain {
        match self {
            Language::Rust => &rust::CHAIN,
            Language::C => &c::CHAIN,
            Language::Python => &python::CHAIN,
            Language::Js => &js::CHAIN,
        }
    }

    /// How an author runs the tests of a project, in its folder.
    #[must_use]
    pub fn tests(self) -> &'static str {
        self.chain().tests
    }
}
