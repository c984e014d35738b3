//! The step `update-contact-tag`: adds tags to the run's contact, or takes tags away.
//!
//! A tag that is there already, or not there, is no failure: what changed stands in the output.

use jackfield_plugin::{contacts, prelude::*};

/// The step; see the module.
#[derive(Debug)]
pub struct UpdateContactTag;

/// What the workflow's author sets.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Whether the tags are added or removed.
    #[serde(default)]
    action: Action,
    /// The tags; variables are put in. A tag that nobody had before is new.
    #[schemars(length(min = 1, max = 50), inner(length(min = 1, max = 100)))]
    tags: Vec<String>,
    /// No workflow is started by this change.
    #[serde(default)]
    silent: bool,
}

/// Whether the tags are added or removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Action {
    /// The contact has them afterwards.
    #[default]
    Add,
    /// The contact does not have them afterwards.
    Remove,
}

/// What later steps can read.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Output {
    /// The tags that the contact did not have.
    added: Vec<String>,
    /// The tags that the contact had.
    removed: Vec<String>,
}

impl Step for UpdateContactTag {
    type Settings = Settings;
    type State = ();

    fn describe() -> StepDescriptor {
        StepDescriptor::new(
            env!("CARGO_PKG_NAME"),
            env!("CARGO_PKG_VERSION"),
            "Update contact tags",
            "Adds tags to the contact, or takes tags away.",
        )
        .category(Category::Contacts)
        .icon("🏷️")
        .output::<Output>()
        .failures(&[
            ("not-found", "The run has no contact"),
            (
                "invalid",
                "A tag is longer than it may be, or the contact has as many as it may",
            ),
        ])
    }

    fn start(_run: &Invocation, settings: Settings) -> Result<Outcome, Failure> {
        let (add, remove) = match settings.action {
            Action::Add => (settings.tags, Vec::new()),
            Action::Remove => (Vec::new(), settings.tags),
        };
        let changed = if settings.silent {
            contacts::retag_silently(&add, &remove)?
        } else {
            contacts::retag(&add, &remove)?
        };
        let output = Output {
            added: changed.added,
            removed: changed.removed,
        };
        Ok(Outcome::done().output(output).into())
    }
}

jackfield_plugin::export_step!(UpdateContactTag);
