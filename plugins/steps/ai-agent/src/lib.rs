//! The step `ai-agent`: a language model talks with the contact until an objective is met.
//!
//! One activation for each message of the contact: the model is asked, what it says is sent, and the run
//! waits. It answers questions from what it is given, or collects values. It can choose how the talk
//! ends, among the branches that the author allows, and hand in values, which are checked; it can do
//! nothing else. Turns and tokens are bounded.
//!
//! `settings` is what an author sets, `prompt` what the model is told, `model` the API, `tools` what it
//! may choose, `values` what is taken of what it collects, `text` what fits a channel.

mod model;
mod prompt;
mod settings;
mod text;
mod tools;
mod values;

use jackfield_plugin::descriptor::{Limits, Place, Secret};
use jackfield_plugin::message::{Content, OutgoingMessage};
use jackfield_plugin::{Done, clock, conversations, log, messages, prelude::*};
use serde_json::Map;

pub use crate::settings::Settings;
use crate::settings::{Objective, Tools};
use crate::tools::Choice;

/// How often the model is asked for one message of the contact: what it got wrong it is told.
const ROUNDS: usize = 3;
/// As much of a message of the contact is taken, in characters.
const LONGEST: usize = 4_000;
/// As much of the talk is kept, in characters; what is older is forgotten.
const REMEMBERED: usize = 40_000;
/// The wall-clock time of an activation that asks a slow model so often, in milliseconds.
const DEADLINE: u64 = 400_000;

/// The step; see the module.
#[derive(Debug)]
pub struct AiAgent;

/// What somebody said.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Line {
    /// The agent said it, not the contact.
    agent: bool,
    /// What.
    text: String,
}

/// What a wait keeps.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct State {
    /// What was said, oldest first.
    said: Vec<Line>,
    /// What was collected.
    values: Map<String, Value>,
    /// How many messages of the contact were answered.
    turns: u32,
    /// How many tokens were used.
    tokens: u64,
    /// The last message to the contact.
    message: String,
    /// The channel that answers must come from: its name and id; none is any.
    channel: Option<(String, String)>,
    /// Until when the contact may be silent.
    deadline: u64,
}

/// What later steps can read.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Output {
    /// What was collected, by name.
    values: Map<String, Value>,
    /// How many messages of the contact were answered.
    turns: u32,
    /// How many tokens were used.
    tokens: u64,
    /// What the contact wrote last.
    text: String,
    /// Why it ended otherwise than by `success`: the model's words, or `budget`, `turns`, `no-answer`,
    /// `not-sent`, `auth`, `quota`, or another code.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

impl Step for AiAgent {
    type Settings = Settings;
    type State = State;

    fn describe() -> StepDescriptor {
        StepDescriptor::new(
            env!("CARGO_PKG_NAME"),
            env!("CARGO_PKG_VERSION"),
            "AI agent",
            "A language model talks with the contact: it answers questions from texts and files of the \
             workspace, or collects what you want to know. Any server that speaks OpenAI's chat API will do.",
        )
        .category(Category::Integrations)
        .icon("🤖")
        .output::<Output>()
        .failures(failures::HTTP)
        .failures(failures::MESSAGES)
        .failures(&[
            ("no-text", "A file of its knowledge is no text"),
            ("too-large", "Its knowledge is more than it may have"),
            ("unreadable", "The server's answer is none of the chat API"),
            ("http-*", "The server answered another status than 2xx"),
        ])
        .waits()
        .branch("speak-to-human", "The contact wants a person", "next")
        .branch("unable-to-answer", "The agent does not know", "next")
        .branch("others", "Technical trouble, or the budget is used up", "failure")
        .branch("idle", "The contact was silent for too long", "end")
        .host("*")
        .secret(
            Secret::new("ai-key", "Key of the model's server", &[Place::Header])
                .summary("For models that need one")
                .optional(),
        )
        .limits(Limits {
            deadline_ms: Some(DEADLINE),
            ..Limits::default()
        })
    }

    fn start(run: &Invocation, settings: Settings) -> Result<Outcome<State>, Failure> {
        settings.check()?;
        let known = prompt::knowledge(&settings)?;
        let mut state = State::default();
        let trigger = run.trigger().unwrap_or_default();
        if trigger["message"].is_object() {
            hear(&mut state, &trigger["message"]);
        }
        if let Some(opening) = words(&settings.opening) {
            return tell(&settings, state, opening);
        }
        turn(run, &settings, &known, state)
    }

    fn resume(
        run: &Invocation,
        settings: Settings,
        mut state: State,
        wake: Wake,
    ) -> Result<Outcome<State>, Failure> {
        let Wake::Event(event) = wake else {
            return Ok(end(&settings, "idle", state, Some("no answer in time")));
        };
        let message = &event.data["message"];
        if event.name == "message.status" {
            return Ok(match message["status"].as_str() {
                Some("failed" | "suppressed" | "uncertain") => {
                    let said = message["error"]["message"].as_str();
                    log::warn(&format!(
                        "the contact was not reached: {}",
                        said.unwrap_or("no reason")
                    ));
                    end(&settings, "others", state, Some("not-sent"))
                }
                // Good news; the answer is still to come.
                _ => wait(state),
            });
        }
        if state.turns >= settings.max_turns {
            hear(&mut state, message);
            return Ok(end(&settings, "others", state, Some("turns")));
        }
        hear(&mut state, message);
        state.turns += 1;
        let known = prompt::knowledge(&settings)?;
        turn(run, &settings, &known, state)
    }
}

/// Asks the model, and does what it chooses.
fn turn(
    run: &Invocation,
    settings: &Settings,
    known: &str,
    mut state: State,
) -> Result<Outcome<State>, Failure> {
    let offer = match settings.tools {
        Tools::Calls => tools::offer(settings),
        Tools::Json => Vec::new(),
    };
    let mut notes: Vec<String> = Vec::new();
    let mut last = String::new();
    for _ in 0..ROUNDS {
        let left = settings.max_tokens.saturating_sub(state.tokens);
        if left == 0 {
            return Ok(end(settings, "others", state, Some("budget")));
        }
        let asked = prompt::messages(settings, known, &state.values, &state.said, &notes);
        let said = match model::ask(settings, &asked, &offer, left) {
            Ok(said) => said,
            // What may pass is the engine's to try again; nothing has been sent.
            Err(failure)
                if failure.class == FailureClass::Transient
                    && run.attempt() <= settings.retries =>
            {
                return Err(failure);
            }
            Err(failure) => {
                log::warn(&failure.message);
                return Ok(end(settings, "others", state, Some(&failure.code)));
            }
        };
        state.tokens += said.tokens;
        let (choices, spoken) = tools::read(settings, &said);
        if !spoken.is_empty() {
            last.clone_from(&spoken);
        }
        notes.clear();
        let mut branch = None;
        for choice in choices {
            match choice {
                Choice::Finish => match missing(settings, &state) {
                    None => branch = Some(("success", None)),
                    Some(missing) => notes.push(format!("these are required still: {missing}")),
                },
                Choice::SpeakToHuman(reason) => branch = Some(("speak-to-human", Some(reason))),
                Choice::UnableToAnswer(reason) => {
                    branch = Some(("unable-to-answer", Some(reason)));
                }
                Choice::Save(found) => save(settings, &mut state, found, &mut notes),
                Choice::Wrong(what) => notes.push(what),
            }
        }
        if branch.is_none() && has_all(settings, &state) {
            branch = Some(("success", None));
        }
        if let Some((branch, reason)) = branch {
            let closing = words(&settings.closing).filter(|_| branch == "success");
            let closing = closing.unwrap_or(&spoken).to_owned();
            if !closing.is_empty() {
                if let Err(failure) = say(settings, &mut state, &closing) {
                    if failure.class == FailureClass::Transient {
                        return Err(failure);
                    }
                    log::warn(&format!(
                        "the last words were not sent: {}",
                        failure.message
                    ));
                }
            }
            return Ok(end(settings, branch, state, reason.as_deref()));
        }
        if notes.is_empty() && !spoken.is_empty() {
            return tell(settings, state, &spoken);
        }
        if notes.is_empty() {
            notes.push("the contact was told nothing".to_owned());
        }
    }
    if last.is_empty() {
        return Ok(end(settings, "others", state, Some("no-answer")));
    }
    tell(settings, state, &last)
}

/// Takes what fits; what does not, the model is told.
fn save(
    settings: &Settings,
    state: &mut State,
    found: Map<String, Value>,
    notes: &mut Vec<String>,
) {
    for (name, value) in found {
        if value.is_null() {
            continue;
        }
        let Some(field) = settings.collect.iter().find(|field| field.name == name) else {
            notes.push(format!("`{name}` is not wanted"));
            continue;
        };
        let taken = values::read(field, &value);
        let taken = taken.and_then(|value| values::keep(field, &value).map(|()| value));
        match taken {
            Ok(value) => {
                state.values.insert(name, value);
            }
            Err(wrong) => notes.push(wrong),
        }
    }
}

/// What is required and not there.
fn missing(settings: &Settings, state: &State) -> Option<String> {
    let required = settings.collect.iter().filter(|field| !field.optional);
    let missing = required.filter(|field| !state.values.contains_key(&field.name));
    let names: Vec<&str> = missing.map(|field| field.name.as_str()).collect();
    (!names.is_empty()).then(|| names.join(", "))
}

fn has_all(settings: &Settings, state: &State) -> bool {
    let mut all = settings.collect.iter();
    settings.objective == Objective::Collect && all.all(|one| state.values.contains_key(&one.name))
}

/// Takes down what the contact wrote.
fn hear(state: &mut State, message: &Value) {
    let content = &message["content"];
    let text = [&message["text"], &content["text"]];
    let text = text.iter().find_map(|text| text.as_str()).map(str::trim);
    let text = match text.filter(|text| !text.is_empty()) {
        Some(text) => text.chars().take(LONGEST).collect(),
        None => "(The contact sent something that is no text.)".to_owned(),
    };
    state.said.push(Line { agent: false, text });
    let size = |said: &[Line]| {
        said.iter()
            .map(|line| line.text.chars().count())
            .sum::<usize>()
    };
    while size(&state.said) > REMEMBERED && state.said.len() > 1 {
        state.said.remove(0);
    }
}

/// Says something and waits for the answer.
fn tell(settings: &Settings, mut state: State, words: &str) -> Result<Outcome<State>, Failure> {
    match say(settings, &mut state, words) {
        Ok(()) => Ok(wait(state)),
        // What may pass is the engine's to try again; nothing has been sent.
        Err(failure) if failure.class == FailureClass::Transient => Err(failure),
        Err(failure) => {
            log::warn(&failure.message);
            Ok(end(settings, "others", state, Some("not-sent")))
        }
    }
}

fn say(settings: &Settings, state: &mut State, words: &str) -> Result<(), Failure> {
    let channel = messages::channel(&settings.channel)?;
    let text = text::fitting(words, settings.max_length, channel.text_limit.as_ref());
    let message = OutgoingMessage::new(&channel.id, Content::text(&text));
    state.message = messages::send(&message)?;
    state.said.push(Line { agent: true, text });
    let any = settings.channel == "last-interacted";
    state.channel = (!any).then_some((channel.name, channel.id));
    state.deadline = clock::now() + settings.idle()?;
    Ok(())
}

/// Waits for what the contact writes, or for bad news about what was sent.
fn wait(state: State) -> Outcome<State> {
    let mut answer = Subscription::to("message.received").claim();
    if let Some((name, id)) = &state.channel {
        let is = |value: &str| json!({"field": "message.channel", "is": value});
        answer = answer.when(json!({"any": [is(name), is(id)]}));
    }
    let status = |value: &str| json!({"field": "message.status", "is": value});
    let bad_news = Subscription::to("message.status")
        .about(&state.message)
        .when(json!({"any": [status("failed"), status("suppressed"), status("uncertain")]}));
    let deadline = state.deadline;
    Outcome::wait(state)
        .until(deadline)
        .on(answer)
        .on(bad_news)
        .into()
}

fn end(settings: &Settings, branch: &str, state: State, reason: Option<&str>) -> Outcome<State> {
    if settings.transcript && !state.said.is_empty() {
        let comment = text::transcript(branch, reason, &state.said);
        if let Err(error) = conversations::comment(&comment) {
            log::warn(&format!(
                "the talk did not become a comment: {}",
                error.message
            ));
        }
    }
    let heard = state.said.iter().rev().find(|line| !line.agent);
    let output = Output {
        text: heard.map(|line| line.text.clone()).unwrap_or_default(),
        values: state.values,
        turns: state.turns,
        tokens: state.tokens,
        reason: reason
            .filter(|reason| !reason.is_empty())
            .map(str::to_owned),
    };
    let done = match branch {
        "success" => Outcome::done(),
        branch => Outcome::branch(branch),
    };
    Done::output(done, output).into()
}

fn words(setting: &Option<String>) -> Option<&str> {
    setting
        .as_deref()
        .map(str::trim)
        .filter(|text| !text.is_empty())
}

jackfield_plugin::export_step!(AiAgent);
