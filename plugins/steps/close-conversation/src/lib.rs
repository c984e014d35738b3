//! The step `close-conversation`: closes the conversation with the run's contact, with a closing note
//! or without.
//!
//! Where none is open nothing happens, which is no failure. Which categories there are, and whether
//! a note is mandatory for workflows, the workspace says.

use jackfield_plugin::conversations::{self, Note};
use jackfield_plugin::prelude::*;

/// The step; see the module.
#[derive(Debug)]
pub struct CloseConversation;

/// What the workflow's author sets.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The closing note's category: one of the workspace's, where it has any.
    #[schemars(length(max = 100))]
    category: Option<String>,
    /// The closing note's summary, at most 2,000 characters once variables are put in.
    #[schemars(length(max = 2_000))]
    summary: Option<String>,
}

/// What later steps can read.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Output {
    /// Whether it was closed by this step; false where none was open.
    closed: bool,
    /// The conversation's id, if one was closed.
    conversation: Option<String>,
    /// How long it was open, in seconds, if one was closed.
    resolution_time: Option<u64>,
}

impl Step for CloseConversation {
    type Settings = Settings;
    type State = ();

    fn describe() -> StepDescriptor {
        StepDescriptor::new(
            env!("CARGO_PKG_NAME"),
            env!("CARGO_PKG_VERSION"),
            "Close the conversation",
            "Closes the conversation with the contact, with a closing note or without.",
        )
        .category(Category::Conversations)
        .icon("✅")
        .output::<Output>()
        .failures(&[
            ("not-found", "The run has no contact"),
            (
                "invalid-note",
                "The closing note is not as the workspace wants it",
            ),
        ])
    }

    fn start(_run: &Invocation, settings: Settings) -> Result<Outcome, Failure> {
        let note = Note {
            category: settings.category,
            summary: settings.summary,
        };
        let closed =
            conversations::close(Some(&note)).map_err(|error| match error.code.as_str() {
                "invalid" => Failure::permanent("invalid-note", error.message),
                _ => Failure::from(error),
            })?;
        let output = Output {
            closed: closed.is_some(),
            conversation: closed
                .as_ref()
                .and_then(|closed| closed["id"].as_str().map(str::to_owned)),
            resolution_time: closed.and_then(|closed| closed["resolution_time"].as_u64()),
        };
        Ok(Outcome::done().output(output).into())
    }
}

jackfield_plugin::export_step!(CloseConversation);
