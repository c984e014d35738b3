//! The step `remove-from-list`: takes the run's contact off a list.
//!
//! A contact that is not on it is no failure; a list that there is not is one.

use jackfield_plugin::{lists, prelude::*};

/// The step; see the module.
#[derive(Debug)]
pub struct RemoveFromList;

/// What the workflow's author sets.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The list's name.
    #[schemars(length(min = 1, max = 64), extend("x-jackfield-ref" = "list"))]
    list: String,
}

/// What later steps can read.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Output {
    /// Whether the contact was on the list.
    removed: bool,
}

impl Step for RemoveFromList {
    type Settings = Settings;
    type State = ();

    fn describe() -> StepDescriptor {
        StepDescriptor::new(
            env!("CARGO_PKG_NAME"),
            env!("CARGO_PKG_VERSION"),
            "Remove from a list",
            "Takes the contact off a list.",
        )
        .category(Category::Contacts)
        .icon("➖")
        .output::<Output>()
        .failures(&[(
            "not-found",
            "The run has no contact, or there is no such list",
        )])
    }

    fn start(_run: &Invocation, settings: Settings) -> Result<Outcome, Failure> {
        let removed = lists::remove(&settings.list)?;
        Ok(Outcome::done().output(Output { removed }).into())
    }
}

jackfield_plugin::export_step!(RemoveFromList);
