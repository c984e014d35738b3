//! The step `send-message`: one message to the contact, or to anybody, on one channel.
//!
//! It puts the message into the outbox, waits for what becomes of it, and ends when the message is
//! as far as `until` asks. Everything about the sending itself (consent, windows, rates, retries)
//! is the host's; so a message that the host gave up is never tried again by this step, but as the
//! template for a closed window, and on the next channel of `fallback`.
//!
//! `settings` is what an author sets, `content` makes the message of it.

mod content;
mod settings;

use jackfield_plugin::message::{Content, OutgoingMessage};
use jackfield_plugin::messages::{self, ChannelInfo};
use jackfield_plugin::{SendError, clock, log, prelude::*};

pub use crate::settings::Settings;
use crate::settings::{Body, Until};

/// Why a message cannot go out on a channel that takes free messages for some time after the
/// contact's last one only: the host's reason and the provider's error are called the same.
const WINDOW_CLOSED: &str = "outside-window";

/// The step; see the module.
#[derive(Debug)]
pub struct SendMessage;

/// What a wait keeps.
#[derive(Debug, Serialize, Deserialize)]
pub struct State {
    /// The message that is on its way.
    message: String,
    /// The name of its channel.
    channel: String,
    /// Which of the channels it is: 0 is `channel`, 1 the first of `fallback`.
    tried: usize,
    /// It is the template for a closed window.
    #[serde(default)]
    template: bool,
    /// How far the message is.
    status: String,
    /// Until when it is waited for.
    deadline: Option<u64>,
}

/// What later steps can read.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Output {
    /// The message's id.
    message_id: String,
    /// The name of the channel that it went out on.
    channel: String,
    /// How far it is: `accepted`, `sent`, `delivered` or `read`.
    status: String,
}

impl Step for SendMessage {
    type Settings = Settings;
    type State = State;

    fn describe() -> StepDescriptor {
        StepDescriptor::new(
            env!("CARGO_PKG_NAME"),
            env!("CARGO_PKG_VERSION"),
            "Send a message",
            "Sends a text, files, a mail or a template to the contact or to anybody else, on one channel, with other \
             words for other channels and other channels to fall back to.",
        )
        .category(Category::Messages)
        .icon("💬")
        .output::<Output>()
        .failures(failures::MESSAGES)
        .failures(&[
            ("too-large", "The message is larger than it may be"),
            ("unset-variable", "A template's variable has no value, in workspaces that say so"),
        ])
        .waits()
        .branch("timeout", "The message was not as far as asked in time", "next")
    }

    fn start(_run: &Invocation, settings: Settings) -> Result<Outcome<State>, Failure> {
        settings.check()?;
        send(&settings, 0)
    }

    fn resume(
        _run: &Invocation,
        settings: Settings,
        state: State,
        wake: Wake,
    ) -> Result<Outcome<State>, Failure> {
        let Wake::Event(event) = wake else {
            return Ok(Outcome::branch("timeout").output(output(state)).into());
        };
        let message = &event.data["message"];
        let status = message["status"].as_str().unwrap_or_default();
        match status {
            "suppressed" if reason(message) != Some(WINDOW_CLOSED) => Err(failure(status, message)),
            // The host suppresses where it knows that the window is closed, else the provider tells.
            "failed" | "suppressed" => {
                let failure = failure(status, message);
                if failure.code == WINDOW_CLOSED && !state.template {
                    match send_template(&settings, &state) {
                        Ok(Some(wait)) => return Ok(wait),
                        Ok(None) => {}
                        Err(refused) if refused.class == FailureClass::Permanent => {
                            log::warn(&format!("no template was sent: {}", refused.message));
                        }
                        Err(refused) => return Err(refused),
                    }
                }
                if state.tried < settings.fallback.len() {
                    log::warn(&format!(
                        "`{}` failed ({}); trying the next channel",
                        state.channel, failure.message
                    ));
                    return send(&settings, state.tried + 1);
                }
                Err(failure)
            }
            "uncertain" => Err(failure(status, message).maybe_sent(true)),
            status => {
                // Updates come twice and out of order: the highest counts.
                let highest = if rank(status) > rank(&state.status) {
                    status
                } else {
                    state.status.as_str()
                };
                let state = State {
                    status: highest.to_owned(),
                    ..state
                };
                if rank(&state.status) >= rank(settings.until.name()) {
                    return Ok(Outcome::done().output(output(state)).into());
                }
                Ok(wait(state))
            }
        }
    }
}

/// Sends on the n-th channel, or on the first after it that takes the message.
fn send(settings: &Settings, from: usize) -> Result<Outcome<State>, Failure> {
    let channels = channels(settings);
    let mut tried = from;
    loop {
        match put(settings, channels[0], channels[tried]) {
            Ok((message, channel)) => return waiting(settings, message, channel, tried, false),
            Err(failure)
                if failure.class == FailureClass::Permanent && tried + 1 < channels.len() =>
            {
                log::warn(&format!(
                    "`{}` cannot send this ({}); trying the next channel",
                    channels[tried], failure.message
                ));
                tried += 1;
            }
            Err(failure) => return Err(failure),
        }
    }
}

/// Puts the message for one channel into the outbox.
fn put(settings: &Settings, first: &str, name: &str) -> Result<(String, ChannelInfo), Failure> {
    let channel = messages::channel(name)?;
    let content = content::of(body(settings, &channel), &channel)?;
    put_content(settings, first, name, channel, content)
}

/// Sends the template for a closed window on the channel that the message was tried on, if that
/// channel has templates and the author gave one.
fn send_template(settings: &Settings, state: &State) -> Result<Option<Outcome<State>>, Failure> {
    let channels = channels(settings);
    // By its name: the contact's last channel may be another by now.
    let channel = messages::channel(&state.channel)?;
    let template = body(settings, &channel).window_template.clone();
    let Some(template) = template.filter(|_| channel.templates) else {
        return Ok(None);
    };
    log::info(&format!(
        "the messaging window of `{}` is closed; sending the template `{}`",
        channel.name, template.name
    ));
    let content = content::template(template);
    let name = channels[state.tried];
    let (message, channel) = put_content(settings, channels[0], name, channel, content)?;
    waiting(settings, message, channel, state.tried, true).map(Some)
}

/// The channels in the order in which they are tried.
fn channels(settings: &Settings) -> Vec<&str> {
    let fallback = settings.fallback.iter().map(|channel| channel.0.as_str());
    std::iter::once(settings.channel.as_str())
        .chain(fallback)
        .collect()
}

/// What is said on a channel: its response, if there is one.
fn body<'a>(settings: &'a Settings, channel: &ChannelInfo) -> &'a Body {
    let mut responses = settings.responses.iter();
    responses
        .find(|(name, _)| channel.is_called(name))
        .map_or(&settings.body, |(_, response)| response)
}

fn put_content(
    settings: &Settings,
    first: &str,
    name: &str,
    channel: ChannelInfo,
    content: Content,
) -> Result<(String, ChannelInfo), Failure> {
    let to = settings.to.to_vec();
    if !to.is_empty() && name != first {
        // An address belongs to one kind of channel, and a message to somebody else must never go
        // to the contact instead.
        let kind = messages::channel(first)?.address_kind;
        if kind != channel.address_kind {
            return Err(SendError::Unsupported.failure(format!(
                "`to` is an address for `{first}` ({kind}), not for `{name}` ({})",
                channel.address_kind
            )));
        }
    }
    let message = OutgoingMessage {
        channel: channel.id.clone(),
        to,
        sender: settings
            .sender
            .clone()
            .filter(|sender| name == first && !sender.is_empty()),
        content,
        unsubscribe: settings.unsubscribe.clone(),
        class: settings.class,
        when_paused: settings.when_paused,
    };
    Ok((messages::send(&message)?, channel))
}

/// A message is in the outbox: what becomes of it is waited for.
fn waiting(
    settings: &Settings,
    message: String,
    channel: ChannelInfo,
    tried: usize,
    template: bool,
) -> Result<Outcome<State>, Failure> {
    let deadline = match (&settings.within, settings.until) {
        (Some(within), _) => Some(clock::now() + settings::duration("within", within)?),
        (None, Until::Accepted) => None,
        (None, _) => Some(clock::now() + settings::DAY),
    };
    Ok(wait(State {
        message,
        channel: channel.name,
        tried,
        template,
        status: "queued".to_owned(),
        deadline,
    }))
}

fn wait(state: State) -> Outcome<State> {
    let subscription = Subscription::to("message.status").about(&state.message);
    let deadline = state.deadline;
    Outcome::wait(state).until(deadline).on(subscription).into()
}

fn output(state: State) -> Output {
    Output {
        message_id: state.message,
        channel: state.channel,
        status: state.status,
    }
}

/// How far a status is.
fn rank(status: &str) -> u8 {
    match status {
        "accepted" => 1,
        "sent" => 2,
        "delivered" => 3,
        "read" => 4,
        _ => 0,
    }
}

/// Why the host suppressed a message.
fn reason(message: &Value) -> Option<&str> {
    message["reason"].as_str()
}

/// The end of a message as a failure: with the host's code, and never transient, because the host
/// has done its own retries.
fn failure(status: &str, message: &Value) -> Failure {
    let said = message["error"]["message"].as_str();
    let code = message["error"]["code"].as_str();
    let window = reason(message).filter(|reason| *reason == WINDOW_CLOSED);
    let code = code.or(window).unwrap_or(status);
    let said = said.or(reason(message));
    let message = said.map_or_else(|| format!("the message is {status}"), str::to_owned);
    match code {
        "auth" | "quota" | "policy" => Failure::blocked(code, message),
        code => Failure::permanent(code, message),
    }
}

jackfield_plugin::export_step!(SendMessage);
