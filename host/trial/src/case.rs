//! What a case is, and how it is read.
//!
//! A file holds one case, or several with a line `---` between them, as YAML or JSON. Unknown keys
//! are refused: a misspelt expectation would pass for ever.

use crate::body::{self, Body};
use jackfield_engine::document::source;
use jackfield_sandbox::PartialLimits;
use jackfield_sandbox::wit::connector::Request;
use serde::Deserialize;
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

/// One case.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Case {
    /// What is tried, for people.
    #[serde(default)]
    pub name: String,

    /// A step's settings, as they are when variables were put in.
    #[serde(default)]
    pub settings: Option<Value>,
    /// The n-th time that the run stands at the step.
    #[serde(default = "one")]
    pub visit: u32,
    /// The n-th try of this visit.
    #[serde(default = "one")]
    pub attempt: u32,

    /// A connector's channel.
    #[serde(default)]
    pub channel: Option<Channel>,
    /// Ask the connector whether the channel is good.
    #[serde(default)]
    pub check: Option<Nothing>,
    /// Have it register its webhook.
    #[serde(default)]
    pub connect: Option<Connect>,
    /// Have it send a message.
    #[serde(default)]
    pub send: Option<Send>,
    /// Have it read a provider's request.
    #[serde(default)]
    pub receive: Option<Receive>,

    /// The time: RFC 3339, or a date and time in `time-zone`.
    #[serde(default)]
    pub now: Option<String>,
    /// The workspace's; UTC where it is left out.
    #[serde(default)]
    pub time_zone: Option<String>,
    /// The data of the event that started the run.
    #[serde(default)]
    pub trigger: Option<Value>,
    /// The run's variables.
    #[serde(default)]
    pub variables: Map<String, Value>,
    /// The outputs of earlier steps, by id.
    #[serde(default)]
    pub steps: Map<String, Value>,
    /// The contact; the run has none where it is left out.
    #[serde(default)]
    pub contact: Option<Value>,
    /// The lists that the contact is on. Every list is there.
    #[serde(default)]
    pub lists: BTreeSet<String>,
    /// What `messages.channel` answers, by name.
    #[serde(default)]
    pub channels: BTreeMap<String, Value>,
    /// The workspace's templates, by name.
    #[serde(default)]
    pub templates: BTreeMap<String, Template>,
    /// Values of secrets, for signatures; one that is not named has its own name as its value.
    #[serde(default)]
    pub secrets: BTreeMap<String, String>,
    /// Random bytes are made from this text.
    #[serde(default)]
    pub random: String,
    /// What an operator approves beyond what the plugin asks for.
    #[serde(default)]
    pub grant: Grant,
    /// Imports that the operator does not approve.
    #[serde(default)]
    pub deny: BTreeSet<String>,
    /// Limits below those of the grant.
    #[serde(default)]
    pub limits: PartialLimits,

    /// The host calls that reach out or change something, in order, and what they are told. Where it
    /// is left out, calls that change something are not looked at, and none may reach out.
    #[serde(default)]
    pub calls: Option<Vec<Told>>,
    /// What is to come of it; where it is left out, the case is there to be recorded.
    #[serde(default)]
    pub expect: Option<Value>,
    /// What happens after a step has begun to wait.
    #[serde(default)]
    pub then: Vec<Then>,
}

/// A further activation of a step that waits.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Then {
    /// What ends the wait.
    pub wake: Wake,
    /// The time by then; where it is left out, a timer comes at the time that the step asked for,
    /// and an event at once.
    #[serde(default)]
    pub now: Option<String>,
    /// As in the case.
    #[serde(default)]
    pub calls: Option<Vec<Told>>,
    /// As in the case.
    #[serde(default)]
    pub expect: Option<Value>,
}

/// What ends a wait.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Wake {
    /// `timer`: the time has come.
    Timer,
    /// `{event: {name, data}}`: an event has come.
    Event(Event),
}

/// An event.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Event {
    /// Such as `message.received`.
    pub name: String,
    /// Its data.
    #[serde(default)]
    pub data: Value,
    /// Its id.
    #[serde(default = "event_id")]
    pub id: String,
}

/// A connector's channel.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Channel {
    /// Its settings.
    #[serde(default)]
    pub settings: Value,
    /// Its name.
    #[serde(default = "channel_name")]
    pub name: String,
}

/// `{}`.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Nothing {}

/// The arguments of `connect`.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Connect {
    /// Where the provider's requests are to go.
    pub public_url: String,
}

/// The arguments of `send`.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Send {
    /// JSON under `message.schema.json`.
    pub message: Value,
    /// The idempotency key.
    #[serde(default = "message_key")]
    pub key: String,
}

/// The arguments of `receive`.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Receive {
    /// `POST` where it is left out.
    #[serde(default = "post")]
    pub method: String,
    /// With the query.
    pub url: String,
    /// By name; written in lower case.
    #[serde(default)]
    pub headers: Map<String, Value>,
    /// The body as text.
    #[serde(default)]
    pub body: Option<String>,
    /// The body as JSON.
    #[serde(default)]
    pub json: Option<Value>,
    /// The body as the fields of a form.
    #[serde(default)]
    pub form: Option<Map<String, Value>>,
    /// The body as bytes.
    #[serde(default)]
    pub base64: Option<String>,
}

impl Receive {
    /// The request as the connector sees it.
    ///
    /// # Errors
    /// What is wrong with its body.
    pub(crate) fn request(&self) -> Result<Request, String> {
        let body = Body {
            body: self.body.clone(),
            json: self.json.clone(),
            form: self.form.clone(),
            base64: self.base64.clone(),
        };
        Ok(Request {
            method: self.method.clone(),
            url: self.url.clone(),
            headers: body::headers(&self.headers),
            body: body.bytes()?,
        })
    }
}

/// A template of the workspace.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Template {
    /// With variables.
    #[serde(default)]
    pub subject: Option<String>,
    /// HTML with variables.
    pub html: String,
    /// Text with variables.
    #[serde(default)]
    pub text: Option<String>,
}

/// What an operator approves beyond what was asked.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Grant {
    /// Hosts, such as `https://api.example.com`.
    #[serde(default)]
    pub hosts: BTreeSet<String>,
    /// Secrets, and the places where they may stand.
    #[serde(default)]
    pub secrets: BTreeMap<String, BTreeSet<String>>,
}

/// A host call that is to come, and what it is told: `{http.fetch: {...}, answer: {...}}` or
/// `{contacts.update: {...}, refuse: {code: invalid}}`.
#[derive(Debug, Clone, Deserialize)]
#[serde(try_from = "Map<String, Value>")]
pub struct Told {
    /// Such as `http.fetch`.
    pub name: String,
    /// What is looked at of its arguments.
    pub arguments: Value,
    /// What it is told.
    pub told: Option<Tell>,
}

/// What a call is told.
#[derive(Debug, Clone)]
pub enum Tell {
    /// This.
    Answer(Value),
    /// This error.
    Refuse(Refusal),
}

/// A host call's error.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Refusal {
    /// Stable: `timeout`, `invalid`.
    pub code: String,
    /// For people.
    #[serde(default)]
    pub message: String,
    /// The grant that would allow the call.
    #[serde(default)]
    pub grant: Option<String>,
    /// May succeed later.
    #[serde(default)]
    pub transient: bool,
    /// May have reached the other side.
    #[serde(default)]
    pub maybe_sent: bool,
    /// More for programs.
    #[serde(default)]
    pub detail: Option<Value>,
}

impl Refusal {
    /// With a code and nothing else.
    pub(crate) fn of(code: &str) -> Refusal {
        Refusal {
            code: code.to_owned(),
            message: String::new(),
            grant: None,
            transient: false,
            maybe_sent: false,
            detail: None,
        }
    }
}

impl TryFrom<Map<String, Value>> for Told {
    type Error = String;

    fn try_from(mut map: Map<String, Value>) -> Result<Told, String> {
        let answer = map.remove("answer");
        let refuse = map.remove("refuse");
        let told = match (answer, refuse) {
            (Some(_), Some(_)) => {
                return Err("a call is told `answer` or `refuse`, not both".into());
            }
            (Some(answer), None) => Some(Tell::Answer(answer)),
            (None, Some(refuse)) => Some(Tell::Refuse(
                serde_json::from_value(refuse).map_err(|error| format!("`refuse`: {error}"))?,
            )),
            (None, None) => None,
        };
        let mut rest = map.into_iter();
        match (rest.next(), rest.next()) {
            (Some((name, arguments)), None) => Ok(Told {
                name,
                arguments,
                told,
            }),
            _ => Err(
                "a call is written as its name with its arguments, such as `http.fetch: {...}`, \
                 with `answer` or `refuse` beside it"
                    .into(),
            ),
        }
    }
}

const fn one() -> u32 {
    1
}

fn event_id() -> String {
    "event".to_owned()
}

fn channel_name() -> String {
    "channel".to_owned()
}

fn message_key() -> String {
    "key".to_owned()
}

fn post() -> String {
    "POST".to_owned()
}

/// Why a file holds no cases.
#[derive(Debug, thiserror::Error)]
#[error("{file}:{reason}")]
pub struct CaseError {
    /// The file.
    pub file: String,
    /// Line, column and what is wrong, or the case and what is wrong with it.
    pub reason: String,
}

/// A case, and where it stands in its file.
#[derive(Debug, Clone)]
pub struct Found {
    /// The case.
    pub case: Case,
    /// The bytes of its text.
    pub place: Range<usize>,
}

/// Reads the cases of a file. A case without a name gets the file's, with its number where there are
/// several.
///
/// # Errors
/// The first thing that is wrong, with its place.
pub fn read(file: &str, text: &str) -> Result<Vec<Found>, CaseError> {
    let mut found = Vec::new();
    let parts = parts(text);
    let several = parts.len() > 1;
    for place in parts {
        let part = &text[place.clone()];
        let before = text[..place.start].lines().count();
        let wrong = |line: usize, reason: String| CaseError {
            file: file.to_owned(),
            reason: format!("{line}: {reason}"),
        };
        let (value, _) = source::read(part).map_err(|problems| {
            let Some(first) = problems.first() else {
                return wrong(before + 1, "it cannot be read".to_owned());
            };
            wrong(before + first.line.unwrap_or(1), first.message.clone())
        })?;
        let mut case: Case =
            serde_json::from_value(value).map_err(|error| wrong(before + 1, error.to_string()))?;
        if case.name.is_empty() {
            let stem = file.rsplit(['/', '\\']).next().unwrap_or(file);
            let stem = stem.rsplit_once('.').map_or(stem, |(stem, _)| stem);
            case.name = if several {
                format!("{stem} {}", found.len() + 1)
            } else {
                stem.to_owned()
            };
        }
        case.judge().map_err(|reason| wrong(before + 1, reason))?;
        found.push(Found { case, place });
    }
    Ok(found)
}

/// The documents of a file: what stands between lines of `---`, but for empty ones.
fn parts(text: &str) -> Vec<Range<usize>> {
    let mut parts = Vec::new();
    let mut start = 0;
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        let end = at + line.len();
        if line.trim_end() == "---" {
            parts.push(start..at);
            start = end;
        }
        at = end;
    }
    parts.push(start..at);
    parts.retain(|part| {
        text[part.clone()]
            .lines()
            .any(|line| !line.trim().is_empty() && !line.trim_start().starts_with('#'))
    });
    parts
}

impl Case {
    /// Whether it is about a connector.
    #[must_use]
    pub fn of_connector(&self) -> bool {
        self.acts() > 0
    }

    fn acts(&self) -> usize {
        [
            self.check.is_some(),
            self.connect.is_some(),
            self.send.is_some(),
            self.receive.is_some(),
        ]
        .into_iter()
        .filter(|it| *it)
        .count()
    }

    /// What serde cannot say.
    fn judge(&self) -> Result<(), String> {
        match (self.settings.is_some(), self.acts()) {
            (true, 0) if self.channel.is_some() => {
                Err("`channel` is for connectors; a step has `settings`".to_owned())
            }
            (true, 0) | (false, 1) => Ok(()),
            (false, 0) => Err(
                "a case has `settings` (of a step), or one of `check`, `connect`, `send` and \
                 `receive` (of a connector)"
                    .to_owned(),
            ),
            (true, _) => {
                Err("a connector's settings stand in `channel: {settings: {...}}`".to_owned())
            }
            (false, _) => {
                Err("a case has one of `check`, `connect`, `send` and `receive`".to_owned())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_file_holds_several_cases_and_each_knows_its_place() {
        let text = "# greetings\n---\nsettings: {a: 1}\nexpect: {done: {}}\n---\nname: second\nsettings: {}\n";
        let found = read("cases/greet.yaml", text).unwrap();
        assert_eq!(found.len(), 2);
        assert_eq!(found[0].case.name, "greet 1");
        assert_eq!(found[1].case.name, "second");
        assert_eq!(
            &text[found[1].place.clone()],
            "name: second\nsettings: {}\n"
        );
    }

    #[test]
    fn what_is_wrong_is_said_with_its_line() {
        for (text, said) in [
            (
                "settings: {}\nexpected: {}\n",
                "a.yaml:1: unknown field `expected`",
            ),
            ("settings: {}\n---\nsettings: [\n", "a.yaml:"),
            ("expect: {}\n", "a case has `settings`"),
            ("send: {message: {}}\ncheck: {}\n", "one of `check`"),
            (
                "settings: {}\ncalls: [{http.fetch: {}, answer: {}, refuse: {code: x}}]\n",
                "not both",
            ),
            (
                "settings: {}\ncalls: [{a: {}, b: {}}]\n",
                "its name with its arguments",
            ),
        ] {
            let error = read("a.yaml", text).unwrap_err().to_string();
            assert!(error.contains(said), "{text}: {error}");
        }
    }
}
