//! The step `add-to-list`: puts the run's contact on a list.
//!
//! A contact that is on it already is no failure; a list that there is not is one.

use jackfield_plugin::{lists, prelude::*};

/// The step; see the module.
#[derive(Debug)]
pub struct AddToList;

/// What the workflow's author sets.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The list's name. It must be there before.
    #[schemars(length(min = 1, max = 64), extend("x-jackfield-ref" = "list"))]
    list: String,
}

/// What later steps can read.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Output {
    /// Whether the contact was not on the list yet.
    added: bool,
}

impl Step for AddToList {
    type Settings = Settings;
    type State = ();

    fn describe() -> StepDescriptor {
        StepDescriptor::new(
            env!("CARGO_PKG_NAME"),
            env!("CARGO_PKG_VERSION"),
            "Add to a list",
            "Puts the contact on a list.",
        )
        .category(Category::Contacts)
        .icon("➕")
        .output::<Output>()
        .failures(&[(
            "not-found",
            "The run has no contact, or there is no such list",
        )])
    }

    fn start(_run: &Invocation, settings: Settings) -> Result<Outcome, Failure> {
        let added = lists::add(&settings.list)?;
        Ok(Outcome::done().output(Output { added }).into())
    }
}

jackfield_plugin::export_step!(AddToList);
