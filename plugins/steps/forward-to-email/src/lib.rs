//! The step `forward-to-email`: the message that started the run as a mail to one's own people.

#[path = "../../../received.rs"]
mod received;
#[path = "../../../sent.rs"]
mod sent;

use jackfield_plugin::message::{Class, Content, Email, OutgoingMessage};
use jackfield_plugin::{SendError, messages, prelude::*};

use crate::received::{NO_MESSAGE, Received};

/// The step; see the module.
#[derive(Debug)]
pub struct ForwardToEmail;

/// What the workflow's author sets.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Settings {
    /// The channel that sends the mail.
    #[schemars(extend("x-jackfield-ref" = "channel"))]
    channel: String,
    /// To whom: one to ten mail addresses. All are on one mail.
    #[schemars(length(min = 1, max = 10))]
    addresses: Vec<String>,
    /// The keyword in the subject. Left out: the one that the trigger heard, else the first word.
    keyword: Option<String>,
}

/// What later steps can read.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Output {
    /// The mail's id.
    message_id: String,
    /// How far it is: `accepted`, `sent`, `delivered` or `read`.
    status: String,
}

/// What the step keeps until the mail is taken.
#[derive(Debug, Deserialize, Serialize)]
pub struct State {
    message: String,
}

impl Step for ForwardToEmail {
    type Settings = Settings;
    type State = State;

    fn describe() -> StepDescriptor {
        StepDescriptor::new(
            env!("CARGO_PKG_NAME"),
            env!("CARGO_PKG_VERSION"),
            "Forward to email",
            "Forwards the message that started the workflow as a mail: who wrote, when, and what. The subject has the \
             number that received it, or the channel's name where the number is not known, and the keyword.",
        )
        .category(Category::Messages)
        .icon("📧")
        .output::<Output>()
        .failures(&[NO_MESSAGE])
        .failures(failures::MESSAGES)
        .waits()
    }

    fn start(run: &Invocation, settings: Settings) -> Result<Outcome<State>, Failure> {
        let received = Received::of(run)?;
        let channel = messages::channel(&settings.channel)?;
        if !channel.is_email() {
            return Err(SendError::Unsupported.failure(format!(
                "`{}` sends no mails: name an e-mail channel",
                channel.name
            )));
        }
        let message = messages::send(&OutgoingMessage {
            to: addresses(&settings.addresses)?,
            class: Some(Class::Internal),
            ..OutgoingMessage::new(
                channel.id,
                Content::Email(mail(&received, settings.keyword.as_deref())),
            )
        })?;
        Ok(wait(State { message }))
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
        let message_id = state.message;
        let output = Output { message_id, status };
        Ok(Outcome::done().output(output).into())
    }
}

/// The addresses without blanks and repetitions.
fn addresses(addresses: &[String]) -> Result<Vec<String>, Failure> {
    let mut to: Vec<String> = Vec::new();
    for address in addresses.iter().map(|address| address.trim()) {
        if !address.is_empty() && !to.iter().any(|one| one.eq_ignore_ascii_case(address)) {
            to.push(address.to_owned());
        }
    }
    match to.is_empty() {
        true => Err(Failure::invalid_config(
            "addresses",
            "no address is left once variables are put in",
        )),
        false => Ok(to),
    }
}

fn mail(received: &Received, keyword: Option<&str>) -> Email {
    let receiver = received.receiver();
    let subject = match received.keyword(keyword).as_str() {
        "" => receiver.to_owned(),
        keyword => format!("{receiver}: {keyword}"),
    };
    let at = received
        .at()
        .map(|at| format!("Received: {at}\n"))
        .unwrap_or_default();
    let text = format!(
        "From: {}\nTo: {receiver}\n{at}\n{}\n",
        received.address,
        received.words()
    );
    Email {
        subject: Some(subject),
        text: Some(text),
        ..Email::default()
    }
}

fn wait(state: State) -> Outcome<State> {
    let news = sent::news(&state.message);
    Outcome::wait(state).on(news).into()
}

jackfield_plugin::export_step!(ForwardToEmail);
