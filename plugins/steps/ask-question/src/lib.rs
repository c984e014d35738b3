//! The step `ask-question`: asks the contact, waits for the answer, checks and saves it.
//!
//! One wait listens to two things: what becomes of the question, and what the contact writes. The
//! newest question gets the reply (`claim`); words that always win, such as STOP, are taken by the
//! host before they come here. A wrong answer is asked for again, each time with the whole timeout;
//! an answer in fragments is put together when `debounce` says so.
//!
//! `settings` is what an author sets, `question` the message, `answer` the nine kinds of answers,
//! `reply` what the contact wrote.

mod answer;
mod countries;
mod question;
mod reply;
mod settings;

use jackfield_plugin::{clock, contacts, prelude::*, variables};

use crate::answer::{Answer, Local};
use crate::reply::Reply;
use crate::settings::AnswerType;
pub use crate::settings::Settings;

/// The step; see the module.
#[derive(Debug)]
pub struct AskQuestion;

/// What a wait keeps.
#[derive(Debug, Serialize, Deserialize)]
pub struct State {
    /// The question that is on its way, or the last repetition of it.
    message: String,
    /// The channel that the answer must come from: its name and id; none is any.
    channel: Option<(String, String)>,
    /// How many times it was repeated.
    retries: u32,
    /// Until when an answer counts.
    deadline: u64,
    /// Parts of an answer that may go on.
    fragments: Vec<String>,
}

/// What later steps can read.
#[derive(Debug, Default, Serialize, JsonSchema)]
pub struct Output {
    /// The answer, as its kind is stored: a text, a number, a date `2026-12-01`, a phone number in
    /// E.164, `{latitude, longitude, label}`; the label of a choice. Null when there is none.
    answer: Value,
    /// What the contact wrote.
    text: String,
    /// Multiple choice: which option, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    index: Option<usize>,
    /// Multiple choice: the option's id, where it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    /// How many times the question was repeated.
    retries: u32,
    /// Why there is no answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

impl Step for AskQuestion {
    type Settings = Settings;
    type State = State;

    fn describe() -> StepDescriptor {
        StepDescriptor::new(
            env!("CARGO_PKG_NAME"),
            env!("CARGO_PKG_VERSION"),
            "Ask a question",
            "Asks the contact and waits for the answer: a text, a choice, a number, a date, a phone number, an \
             address, a rating or a place. Wrong answers are asked for again.",
        )
        .category(Category::Messages)
        .icon("❓")
        .output::<Output>()
        .failures(failures::MESSAGES)
        .failures(&[("invalid", "The contact's field does not take the answer")])
        .waits()
        .branch("timeout", "No answer in time", "end")
        .branch("invalid", "No valid answer after all retries", "failure")
        .branch("skipped", "The contact skipped the question", "next")
        .branch("message-failure", "The question could not be sent", "failure")
    }

    fn start(_run: &Invocation, settings: Settings) -> Result<Outcome<State>, Failure> {
        settings.check()?;
        ask(&settings, 0, None)
    }

    fn resume(
        run: &Invocation,
        settings: Settings,
        mut state: State,
        wake: Wake,
    ) -> Result<Outcome<State>, Failure> {
        let event = match wake {
            Wake::Timer if state.fragments.is_empty() => {
                return Ok(end("timeout", &state, "", "no answer in time"));
            }
            Wake::Timer => {
                let reply = Reply::from_text(state.fragments.join(" "));
                return judge(run, &settings, &state, &reply);
            }
            Wake::Event(event) => event,
        };
        let message = &event.data["message"];
        if event.name == "message.status" {
            return Ok(match message["status"].as_str() {
                Some(status @ ("failed" | "suppressed" | "uncertain")) => {
                    let reason = message["error"]["message"].as_str().unwrap_or(status);
                    end("message-failure", &state, "", reason)
                }
                // Good news about the question; the answer is still to come.
                _ => wait(&settings, state)?,
            });
        }
        let reply = Reply::from_message(message);
        if !reply.may_go_on() || settings.debounce()? == 0 {
            let mut text = std::mem::take(&mut state.fragments);
            text.extend(reply.text.clone());
            let reply = if reply.may_go_on() {
                Reply::from_text(text.join(" "))
            } else {
                reply
            };
            return judge(run, &settings, &state, &reply);
        }
        state.fragments.extend(reply.text);
        wait(&settings, state)
    }
}

/// Sends the question, or its repetition with what was wrong.
fn ask(settings: &Settings, retries: u32, wrong: Option<&str>) -> Result<Outcome<State>, Failure> {
    let (message, channel) = match question::send(settings, wrong) {
        Ok(sent) => sent,
        // What may pass is the engine's to try again; nothing has been sent.
        Err(failure) if failure.class == FailureClass::Transient => return Err(failure),
        Err(failure) => {
            let output = Output {
                retries,
                reason: Some(failure.message),
                ..Output::default()
            };
            return Ok(Outcome::branch("message-failure").output(output).into());
        }
    };
    let any_channel = settings.channel == "last-interacted";
    let deadline = clock::now() + settings.timeout()?;
    let channel = (!any_channel).then_some((channel.name, channel.id));
    wait(
        settings,
        State {
            message,
            channel,
            retries,
            deadline,
            fragments: Vec::new(),
        },
    )
}

/// Waits for the answer, for the rest of it, or for bad news about the question.
fn wait(settings: &Settings, state: State) -> Result<Outcome<State>, Failure> {
    let mut answer = Subscription::to("message.received").claim();
    if let Some((name, id)) = &state.channel {
        let is = |value: &str| json!({"field": "message.channel", "is": value});
        answer = answer.when(json!({"any": [is(name), is(id)]}));
    }
    let status = |value: &str| json!({"field": "message.status", "is": value});
    let bad_news = Subscription::to("message.status")
        .about(&state.message)
        .when(json!({"any": [status("failed"), status("suppressed"), status("uncertain")]}));
    let until = match state.fragments.is_empty() {
        true => state.deadline,
        false => clock::now() + settings.debounce()?,
    };
    let wait = Outcome::wait(state).until(until).on(answer);
    // Whoever answers has got the question.
    let wait = if wait.state.fragments.is_empty() {
        wait.on(bad_news)
    } else {
        wait
    };
    Ok(wait.into())
}

/// Decides what an answer comes to.
fn judge(
    run: &Invocation,
    settings: &Settings,
    state: &State,
    reply: &Reply,
) -> Result<Outcome<State>, Failure> {
    let local = local(run, settings)?;
    let text = reply.text.clone().unwrap_or_default();
    let answer = answer::read(settings, &local, reply);
    // An option that is called like a skip word is an answer.
    let is_choice = answer.as_ref().is_ok_and(|answer| answer.index.is_some());
    if !is_choice && settings.is_skip_word(&text) {
        return Ok(end("skipped", state, &text, "skipped"));
    }
    match answer {
        Ok(answer) => {
            save(settings, &answer)?;
            let Answer {
                value, index, id, ..
            } = answer;
            let output = Output {
                answer: value,
                text,
                index,
                id,
                retries: state.retries,
                reason: None,
            };
            Ok(Outcome::done().output(output).into())
        }
        Err(wrong) if state.retries < settings.max_retries => {
            ask(settings, state.retries + 1, Some(&wrong))
        }
        Err(wrong) => Ok(end("invalid", state, &text, &wrong)),
    }
}

/// Saves an answer where the settings say.
fn save(settings: &Settings, answer: &Answer) -> Result<(), Failure> {
    if let Some(field) = settings
        .save
        .field
        .as_deref()
        .filter(|field| !field.is_empty())
    {
        contacts::update(field, contacts::Operation::Set, &answer.field_value)?;
    }
    if let Some(name) = settings
        .save
        .variable
        .as_deref()
        .filter(|name| !name.is_empty())
    {
        variables::set(name, &answer.value)
            .map_err(|error| Failure::invalid_config("save.variable", error.message))?;
    }
    if let (true, Some(tag)) = (settings.save.tag, answer.value.as_str()) {
        contacts::add_tags(&[tag.to_owned()])?;
    }
    Ok(())
}

fn end(branch: &str, state: &State, text: &str, reason: &str) -> Outcome<State> {
    let (text, reason) = (text.to_owned(), Some(reason.to_owned()));
    let output = Output {
        text,
        reason,
        retries: state.retries,
        ..Output::default()
    };
    Outcome::branch(branch).output(output).into()
}

/// How people write here: as the settings say, else the contact, else the workspace.
fn local(run: &Invocation, settings: &Settings) -> Result<Local, Failure> {
    let set = |setting: &Option<String>| setting.clone().filter(|text| !text.is_empty());
    let of_workspace = |name: &str| {
        let value = variables::get(&format!("workspace.{name}"))?;
        value.as_str().map(str::to_owned)
    };
    let mut local = Local::default();
    match settings.r#type {
        AnswerType::Phone => {
            local.country = match set(&settings.default_country) {
                Some(country) => Some(country),
                None => {
                    let contact = run.contact()?;
                    let country = contact
                        .as_ref()
                        .and_then(|contact| contact["country"].as_str());
                    let known = country
                        .filter(|country| countries::find(&country.to_ascii_uppercase()).is_some());
                    known
                        .map(str::to_owned)
                        .or_else(|| of_workspace("default_country"))
                }
            };
            local
                .country
                .iter_mut()
                .for_each(|country| country.make_ascii_uppercase());
        }
        AnswerType::Date => {
            local.date_format = set(&settings.format).or_else(|| of_workspace("date_format"));
        }
        _ => {}
    }
    Ok(local)
}

jackfield_plugin::export_step!(AskQuestion);
