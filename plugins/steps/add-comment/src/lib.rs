//! The step `add-comment`: notes something about the run's contact, for people of the workspace.
//!
//! It is never sent to the contact.

use jackfield_plugin::{conversations, prelude::*};

/// The step; see the module.
#[derive(Debug)]
pub struct AddComment;

/// What the workflow's author sets.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The comment; variables are put in. Users are mentioned by `@` and their mail address or name.
    #[schemars(length(min = 1, max = 5_000))]
    text: String,
}

/// What later steps can read.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Output {
    /// The comment's id.
    comment: String,
}

impl Step for AddComment {
    type Settings = Settings;
    type State = ();

    fn describe() -> StepDescriptor {
        StepDescriptor::new(
            env!("CARGO_PKG_NAME"),
            env!("CARGO_PKG_VERSION"),
            "Add a comment",
            "Notes something about the contact for people of the workspace; it is never sent.",
        )
        .category(Category::Conversations)
        .icon("📌")
        .output::<Output>()
        .failures(&[
            ("not-found", "The run has no contact"),
            ("invalid", "The comment is empty"),
            ("too-large", "The comment has more than 5,000 characters"),
        ])
    }

    fn start(_run: &Invocation, settings: Settings) -> Result<Outcome, Failure> {
        let comment = conversations::comment(&settings.text)?;
        Ok(Outcome::done().output(Output { comment }).into())
    }
}

jackfield_plugin::export_step!(AddComment);
