//! The step `forward-to-mobile`: the message that started the run as a text to one's own people.
//!
//! Each number gets a message of its own, and one that fails holds up no other. What was forwarded
//! must never come in again and be forwarded again: `numbers` keeps the loop out.

mod numbers;
#[path = "../../../received.rs"]
mod received;
#[path = "../../../sent.rs"]
mod sent;

use jackfield_plugin::message::{Class, Content, OutgoingMessage};
use jackfield_plugin::{SendError, log, messages, prelude::*};

use crate::received::{NO_MESSAGE, Received};

/// The step; see the module.
#[derive(Debug)]
pub struct ForwardToMobile;

/// The longest text, in characters; a longer one is cut.
const LONGEST_TEXT: usize = 2_000;

/// What the workflow's author sets.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Settings {
    /// The channel that sends the texts.
    #[schemars(extend("x-jackfield-ref" = "channel"))]
    channel: String,
    /// To whom: one to ten phone numbers.
    #[schemars(length(min = 1, max = 10))]
    numbers: Vec<String>,
    /// Your own channels' numbers: nothing is forwarded to them, as it would come in again. The step
    /// knows the number that received the message only where the event tells it, so name them all.
    #[serde(default)]
    #[schemars(length(max = 50))]
    own_numbers: Vec<String>,
}

/// What later steps can read.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Output {
    /// What became of each number.
    forwarded: Vec<Forwarded>,
    /// The numbers that were left out, so that the message does not come back.
    skipped: Vec<String>,
}

/// One number.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Forwarded {
    /// The number.
    number: String,
    /// The message's id; null where none was made.
    message_id: Option<String>,
    /// `accepted`, `sent`, `delivered`, `read` or `failed`; null before that is known.
    status: Option<String>,
    /// Why it failed: its code.
    error: Option<String>,
}

/// What the step keeps until every message is taken or has failed.
#[derive(Debug, Deserialize, Serialize)]
pub struct State {
    forwarded: Vec<Forwarded>,
    skipped: Vec<String>,
}

impl Step for ForwardToMobile {
    type Settings = Settings;
    type State = State;

    fn describe() -> StepDescriptor {
        StepDescriptor::new(
            env!("CARGO_PKG_NAME"),
            env!("CARGO_PKG_VERSION"),
            "Forward to mobile",
            "Forwards the message that started the workflow to phone numbers, with the sender's number before the \
             text. Never to the sender or to your own numbers.",
        )
        .category(Category::Messages)
        .icon("📱")
        .output::<Output>()
        .failures(&[NO_MESSAGE])
        .failures(&[("loop-guard", "Every number is the sender's, or one of your own")])
        .failures(failures::MESSAGES)
        .waits()
        .branch("partly", "Some numbers did not get it", "next")
    }

    fn start(run: &Invocation, settings: Settings) -> Result<Outcome<State>, Failure> {
        let received = Received::of(run)?;
        let channel = messages::channel(&settings.channel)?;
        if channel.address_kind != "phone" {
            return Err(SendError::Unsupported.failure(format!(
                "`{}` does not send to phone numbers: name a channel that does",
                channel.name
            )));
        }
        let own = settings.own_numbers.iter().map(String::as_str);
        let guarded: Vec<&str> = std::iter::once(received.address.as_str())
            .chain(received.number())
            .chain(own)
            .filter(|number| !number.trim().is_empty())
            .collect();
        let (taken, skipped) = numbers::sort(&settings.numbers, &guarded);
        if !skipped.is_empty() {
            log::warn(&format!(
                "not forwarded to {}: it would come back",
                skipped.join(", ")
            ));
        }
        if taken.is_empty() {
            return Err(match skipped.is_empty() {
                true => Failure::invalid_config(
                    "numbers",
                    "no number is left once variables are put in",
                ),
                false => Failure::blocked(
                    "loop-guard",
                    "every number is the sender's or one of your own, so the message would come back",
                ),
            });
        }
        let text = text(&received);
        let mut first = None;
        let forwarded = taken.into_iter().map(|number| {
            let message = OutgoingMessage {
                to: vec![number.to_owned()],
                class: Some(Class::Internal),
                ..OutgoingMessage::new(&channel.id, Content::text(&text))
            };
            let mut one = Forwarded {
                number: number.to_owned(),
                ..Forwarded::default()
            };
            match messages::send(&message) {
                Ok(id) => one.message_id = Some(id),
                Err(error) => {
                    let failure = Failure::from(error);
                    one.fail(&failure);
                    first.get_or_insert(failure);
                }
            }
            one
        });
        let forwarded = forwarded.collect();
        go_on(State { forwarded, skipped }, first)
    }

    fn resume(
        _run: &Invocation,
        _settings: Settings,
        mut state: State,
        wake: Wake,
    ) -> Result<Outcome<State>, Failure> {
        let Wake::Event(event) = wake else {
            return go_on(state, None);
        };
        let message = &event.data["message"];
        let told = state.forwarded.iter_mut().find(|one| {
            one.status.is_none() && one.message_id.as_deref() == message["id"].as_str()
        });
        let mut last = None;
        if let (Some(one), Some(end)) = (told, sent::end(message)) {
            match end {
                Ok(status) => one.status = Some(status),
                Err(failure) => {
                    one.fail(&failure);
                    last = Some(failure);
                }
            }
        }
        go_on(state, last)
    }
}

impl Forwarded {
    fn fail(&mut self, failure: &Failure) {
        log::warn(&format!("`{}` failed: {}", self.number, failure.message));
        self.status = Some("failed".into());
        self.error = Some(failure.code.clone());
    }
}

/// The sender's number and the text, cut where it is too long.
fn text(received: &Received) -> String {
    let text = format!("{}: {}", received.address, received.words());
    if text.chars().count() <= LONGEST_TEXT {
        return text;
    }
    let mut text: String = text.chars().take(LONGEST_TEXT - 1).collect();
    text.push('…');
    text
}

/// Waits for the messages of which nothing is known; done once there are none. `failure` is why the
/// one failed that was told of last.
fn go_on(state: State, failure: Option<Failure>) -> Result<Outcome<State>, Failure> {
    let open = state.forwarded.iter().filter(|one| one.status.is_none());
    let news: Vec<Subscription> = open
        .filter_map(|one| one.message_id.as_deref())
        .map(sent::news)
        .collect();
    if !news.is_empty() {
        let wait = news
            .into_iter()
            .fold(Outcome::wait(state), |wait, news| wait.on(news));
        return Ok(wait.into());
    }
    let failed = state
        .forwarded
        .iter()
        .filter(|one| one.error.is_some())
        .count();
    let all = failed == state.forwarded.len();
    let State { forwarded, skipped } = state;
    let done = match (failure, failed) {
        (Some(failure), _) if all => return Err(failure),
        (_, 0) => Outcome::done(),
        _ => Outcome::branch("partly"),
    };
    Ok(done.output(Output { forwarded, skipped }).into())
}

jackfield_plugin::export_step!(ForwardToMobile);
