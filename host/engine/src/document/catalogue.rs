//! What a workspace has that a document may name.

use std::collections::HashMap;

use super::{Received, StepDescriptor};
use crate::variables::Snippets;

/// What there is in the workspace for which a document is checked.
///
/// `None` from a list means that it is not known (a file checked without a server): what depends on
/// it is not checked then.
pub trait Catalogue {
    /// The step plugin of this name and major version; the newest where several are installed.
    fn step(&self, name: &str, major: u64) -> Option<StepDescriptor>;

    /// All step plugins as `name@major`.
    fn step_names(&self) -> Vec<String>;

    /// The names of the channels.
    fn channels(&self) -> Option<Vec<String>>;

    /// The names of the templates.
    fn templates(&self) -> Option<Vec<String>>;

    /// The slugs of the contacts' custom fields.
    fn contact_fields(&self) -> Option<Vec<String>>;

    /// The types of the contacts' custom fields by their slugs: `number`, `date` and so on.
    fn field_kinds(&self) -> Option<HashMap<String, String>> {
        None
    }

    /// The names of the lists of contacts.
    fn lists(&self) -> Option<Vec<String>> {
        None
    }

    /// The names of the tables.
    fn tables(&self) -> Option<Vec<String>> {
        None
    }

    /// The names of the teams of users.
    fn teams(&self) -> Option<Vec<String>> {
        None
    }

    /// The snippets by their names.
    fn snippets(&self) -> Option<Snippets> {
        None
    }

    /// The names of the files.
    fn files(&self) -> Option<Vec<String>> {
        None
    }

    /// The names of the calendars.
    fn calendars(&self) -> Option<Vec<String>> {
        None
    }

    /// The names of the workspace's secrets.
    fn secrets(&self) -> Option<Vec<String>> {
        None
    }

    /// The published workflows.
    fn workflows(&self) -> Option<Vec<Published>> {
        None
    }
}

/// A published workflow, as far as others name it.
#[derive(Debug, Clone, PartialEq)]
pub struct Published {
    /// Its name.
    pub name: String,
    /// Whether others may start it.
    pub manual: bool,
    /// The workflows that its steps start.
    pub starts: Vec<String>,
    /// What it listens for in messages.
    pub hears: Vec<Received>,
}
