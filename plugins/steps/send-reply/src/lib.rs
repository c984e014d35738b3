//! The step `send-reply`: a text to whoever wrote the message that started the run, on the channel
//! that it came in on.

#[path = "../../../received.rs"]
mod received;
#[path = "../../../sent.rs"]
mod sent;

use jackfield_plugin::message::{Class, Content, Email, OutgoingMessage};
use jackfield_plugin::{SendError, messages, prelude::*};

use crate::received::{NO_MESSAGE, Received};

/// The step; see the module.
#[derive(Debug)]
pub struct SendReply;

/// The longest text, in characters, after variables.
const LONGEST_TEXT: usize = 2_000;

/// What the workflow's author sets.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Settings {
    /// The text, with variables; at most 2,000 characters.
    #[schemars(length(min = 1))]
    text: String,
}

/// What later steps can read.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Output {
    /// The reply's id.
    message_id: String,
    /// The name of the channel that it went out on.
    channel: String,
    /// How far it is: `accepted`, `sent`, `delivered` or `read`.
    status: String,
}

/// What the step keeps until the provider has taken the reply.
#[derive(Debug, Deserialize, Serialize)]
pub struct State {
    message: String,
    channel: String,
}

impl Step for SendReply {
    type Settings = Settings;
    type State = State;

    fn describe() -> StepDescriptor {
        StepDescriptor::new(
            env!("CARGO_PKG_NAME"),
            env!("CARGO_PKG_VERSION"),
            "Send a reply",
            "Answers the message that started the workflow: a text to its sender, on the channel that it came in on. \
             Whoever has opted out gets none.",
        )
        .category(Category::Messages)
        .icon("↩️")
        .output::<Output>()
        .failures(&[NO_MESSAGE])
        .failures(failures::MESSAGES)
        .waits()
    }

    fn start(run: &Invocation, settings: Settings) -> Result<Outcome<State>, Failure> {
        let received = Received::of(run)?;
        let text = settings.text;
        let length = text.chars().count();
        if text.trim().is_empty() {
            return Err(SendError::ContentRejected
                .failure("the text is empty once its variables are put in"));
        }
        if length > LONGEST_TEXT {
            return Err(SendError::ContentRejected.failure(format!(
                "the text has {length} characters with its variables; at most {LONGEST_TEXT} are sent"
            )));
        }
        let channel = messages::channel(&received.channel_id)?;
        let content = match channel.is_email() {
            false => Content::Text { text },
            true => Content::Email(Email {
                subject: Some("Re: your message".into()),
                text: Some(text),
                ..Email::default()
            }),
        };
        let message = messages::send(&OutgoingMessage {
            to: vec![received.address],
            class: Some(Class::Transactional),
            ..OutgoingMessage::new(channel.id, content)
        })?;
        let channel = channel.name;
        Ok(wait(State { message, channel }))
    }

    fn resume(
        _run: &Invocation,
        _settings: Settings,
        state: State,
        wake: Wake,
    ) -> Result<Outcome<State>, Failure> {
        let Wake::Event(event) = wake else {
            return Ok(wait(state));
        };
        let Some(status) = sent::end(&event.data["message"]).transpose()? else {
            return Ok(wait(state));
        };
        let output = Output {
            message_id: state.message,
            channel: state.channel,
            status,
        };
        Ok(Outcome::done().output(output).into())
    }
}

fn wait(state: State) -> Outcome<State> {
    let news = sent::news(&state.message);
    Outcome::wait(state).on(news).into()
}

jackfield_plugin::export_step!(SendReply);
