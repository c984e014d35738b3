//! The step `open-conversation`: opens a conversation with the run's contact.
//!
//! One that is open already is left alone, which is no failure.

use jackfield_plugin::{conversations, prelude::*};

/// The step; see the module.
#[derive(Debug)]
pub struct OpenConversation;

/// There is nothing to set.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Settings {}

/// What later steps can read.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Output {
    /// Whether it was opened by this step; false where one was open already.
    opened: bool,
    /// The conversation's id.
    conversation: String,
}

impl Step for OpenConversation {
    type Settings = Settings;
    type State = ();

    fn describe() -> StepDescriptor {
        StepDescriptor::new(
            env!("CARGO_PKG_NAME"),
            env!("CARGO_PKG_VERSION"),
            "Open a conversation",
            "Opens a conversation with the contact; one that is open already is left alone.",
        )
        .category(Category::Conversations)
        .icon("💬")
        .output::<Output>()
        .failures(&[("not-found", "The run has no contact")])
    }

    fn start(_run: &Invocation, _settings: Settings) -> Result<Outcome, Failure> {
        let before = conversations::get();
        let now = conversations::open()?;
        let id = |conversation: &Value| {
            let id = conversation["id"].as_str().unwrap_or_default();
            id.to_owned()
        };
        let was_open =
            before.is_some_and(|before| before["state"] == "open" && before["id"] == now["id"]);
        let output = Output {
            opened: !was_open,
            conversation: id(&now),
        };
        Ok(Outcome::done().output(output).into())
    }
}

jackfield_plugin::export_step!(OpenConversation);
