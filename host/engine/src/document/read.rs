//! From a JSON value to a [`Document`]: form, names and targets. All problems are told.

use serde_json::{Map, Value};

use super::{
    MAX_STEPS, MAX_TRIGGERS, Problem, events, is_name,
    model::{
        Accounts, DEFAULT_MAX_VISITS, Document, ExitOn, Goto, MAX_ATTEMPTS, MOST_MAX_VISITS, Retry,
        Step, Trigger, Uses,
    },
    problem::{any_error, join, nearest, one_of, type_name},
    source::{self, Marks},
    to_name,
};
use crate::{
    conditions::Condition,
    schedule::{Duration, LONGEST_WAIT},
    variables::Unset,
};

const KEYS: [&str; 9] = [
    "name", "title", "description", "trigger", "triggers", "exit-on", "unset-variables",
    "max-visits", "steps",
];
const TRIGGER_KEYS: [&str; 4] = ["event", "accounts", "when", "once-per-contact"];
const STEP_KEYS: [&str; 7] = ["title", "uses", "with", "when", "next", "branches", "retry"];
const RETRY_KEYS: [&str; 3] = ["attempts", "first", "max"];
const ACCOUNT_KEYS: [&str; 2] = ["only", "except"];

/// Longest title, in characters.
const MAX_TITLE: usize = 200;
/// Longest description, in characters.
const MAX_DESCRIPTION: usize = 5000;
/// Most accounts in a scope.
const MAX_ACCOUNTS: usize = 1000;

impl Document {
    /// Reads YAML or JSON text.
    ///
    /// # Errors
    /// Every problem that was found, with line and column.
    pub fn parse(source: &str) -> Result<Self, Vec<Problem>> {
        let (value, marks) = source::read(source)?;
        match Self::from_value(&value) {
            Ok(document) => Ok(Self { marks, ..document }),
            Err(mut problems) => {
                marks.locate(&mut problems);
                problems.sort_by_key(|problem| (problem.line, problem.column));
                Err(problems)
            }
        }
    }

    /// Reads a JSON value; problems then have pointers only.
    ///
    /// # Errors
    /// Every problem that was found.
    pub fn from_value(value: &Value) -> Result<Self, Vec<Problem>> {
        let mut reader = Reader { problems: Vec::new() };
        let document = reader.document(value);
        match document {
            Some(document) if !any_error(&reader.problems) => Ok(document),
            _ => Err(reader.problems),
        }
    }
}

struct Reader {
    problems: Vec<Problem>,
}

type Object = Map<String, Value>;

impl Reader {
    fn complain(&mut self, code: &'static str, path: &str, message: impl Into<String>) {
        self.problems.push(Problem::error(code, path, message));
    }

    fn suggest(
        &mut self,
        code: &'static str,
        path: &str,
        message: impl Into<String>,
        suggestion: Option<String>,
    ) {
        self.problems.push(Problem::error(code, path, message).suggest(suggestion));
    }

    fn document(&mut self, value: &Value) -> Option<Document> {
        let object = self.object(value, "", "a workflow", &KEYS)?;
        let name = self.name(object);
        let title = self.text(object, "", "title", MAX_TITLE);
        let description = self.text(object, "", "description", MAX_DESCRIPTION);
        let triggers = self.triggers(object);
        let exit_on = self.exit_on(object.get("exit-on"));
        let unset_variables = object.get("unset-variables").and_then(|value| {
            self.choice(
                value,
                "/unset-variables",
                &[("empty", Unset::Empty), ("literal", Unset::Literal), ("fail", Unset::Fail)],
            )
        });
        let max_visits = self
            .whole(object, "", "max-visits", 1, MOST_MAX_VISITS)
            .unwrap_or(DEFAULT_MAX_VISITS);
        let steps = self.steps(object.get("steps"));
        Some(Document {
            name: name?,
            title,
            description,
            triggers: triggers?,
            exit_on,
            unset_variables,
            max_visits,
            steps: steps?,
            marks: Marks::default(),
        })
    }

    /// A mapping without keys that are not known.
    fn object<'a>(
        &mut self,
        value: &'a Value,
        path: &str,
        what: &str,
        keys: &[&str],
    ) -> Option<&'a Object> {
        let Some(object) = value.as_object() else {
            self.complain(
                "type",
                path,
                format!(
                    "{what} is a mapping with {}, not {}",
                    one_of(keys.iter().copied()).replace(" or ", " and "),
                    type_name(value)
                ),
            );
            return None;
        };
        for key in object.keys() {
            if !keys.contains(&key.as_str()) {
                let suggestion = key_alias(key)
                    .filter(|alias| keys.contains(alias))
                    .map(str::to_owned)
                    .or_else(|| nearest(key, keys.iter().copied()));
                self.suggest(
                    "unknown-key",
                    &join(path, key),
                    format!("`{key}` is not a key of {what}"),
                    suggestion,
                );
            }
        }
        Some(object)
    }

    fn text(&mut self, object: &Object, path: &str, key: &str, limit: usize) -> Option<String> {
        let value = object.get(key)?;
        let path = join(path, key);
        match value.as_str() {
            Some(text) if text.chars().count() <= limit => Some(text.to_owned()),
            Some(_) => {
                self.complain("too-long", &path, format!("`{key}` has at most {limit} characters"));
                None
            }
            None => {
                let message = format!("`{key}` is a text, not {}", type_name(value));
                self.complain("type", &path, message);
                None
            }
        }
    }

    fn whole(
        &mut self,
        object: &Object,
        path: &str,
        key: &str,
        least: u32,
        most: u32,
    ) -> Option<u32> {
        let value = object.get(key)?;
        let number = value.as_u64().and_then(|number| u32::try_from(number).ok());
        let number = number.filter(|number| (least..=most).contains(number));
        if number.is_none() {
            let message = format!("`{key}` is a whole number from {least} to {most}, not `{value}`");
            self.complain("range", &join(path, key), message);
        }
        number
    }

    fn choice<T: Copy>(&mut self, value: &Value, path: &str, choices: &[(&str, T)]) -> Option<T> {
        let names = || choices.iter().map(|(name, _)| *name);
        let written = value.as_str().unwrap_or_default();
        let found = choices.iter().find(|(name, _)| *name == written).map(|(_, choice)| *choice);
        if found.is_none() {
            let shown = value.as_str().map_or_else(|| type_name(value).to_owned(), |t| format!("`{t}`"));
            self.suggest(
                "choice",
                path,
                format!("this is {}, not {shown}", one_of(names())),
                nearest(written, names()),
            );
        }
        found
    }

    fn name(&mut self, object: &Object) -> Option<String> {
        let Some(value) = object.get("name") else {
            self.complain("missing", "", "`name` is missing: name the workflow, as in `welcome-text`");
            return None;
        };
        let name = value.as_str().unwrap_or_default();
        if !is_name(name) {
            self.suggest(
                "name",
                "/name",
                "`name` is lower-case words with hyphens, at most 64 characters",
                to_name(name),
            );
            return None;
        }
        Some(name.to_owned())
    }

    fn triggers(&mut self, object: &Object) -> Option<Vec<Trigger>> {
        match (object.get("trigger"), object.get("triggers")) {
            (Some(one), None) => Some(vec![self.trigger(one, "/trigger")?]),
            (None, Some(several)) => {
                let Some(items) = several.as_array().filter(|items| !items.is_empty()) else {
                    self.complain(
                        "type",
                        "/triggers",
                        "`triggers` is a list of at least one trigger; a single one is `trigger`",
                    );
                    return None;
                };
                if items.len() > MAX_TRIGGERS {
                    let message = format!("a workflow has at most {MAX_TRIGGERS} triggers");
                    self.complain("too-many", "/triggers", message);
                    return None;
                }
                let items: Vec<Option<Trigger>> = items
                    .iter()
                    .enumerate()
                    .map(|(index, item)| self.trigger(item, &join("/triggers", index)))
                    .collect();
                items.into_iter().collect()
            }
            (Some(_), Some(_)) => {
                self.complain(
                    "exclusive",
                    "/triggers",
                    "there is `trigger` and `triggers`: put all of them into `triggers`",
                );
                None
            }
            (None, None) => {
                self.complain(
                    "missing",
                    "",
                    "`trigger` is missing: name the event that starts the workflow, as in \
                     `trigger: {event: call.ended}`, or `{event: manual}`",
                );
                None
            }
        }
    }

    fn trigger(&mut self, value: &Value, path: &str) -> Option<Trigger> {
        let object = self.object(value, path, "a trigger", &TRIGGER_KEYS)?;
        let event = match object.get("event") {
            None => {
                self.complain(
                    "missing",
                    path,
                    "`event` is missing: name what starts the workflow, such as `call.ended`",
                );
                None
            }
            Some(event) => self.event(event, &join(path, "event")),
        };
        let accounts = object
            .get("accounts")
            .map_or(Some(Accounts::All), |value| self.accounts(value, &join(path, "accounts")));
        let when = self.condition(object, path);
        let once_per_contact = match object.get("once-per-contact") {
            None => Some(false),
            Some(Value::Bool(once)) => Some(*once),
            Some(other) => {
                let message = format!("`once-per-contact` is true or false, not {}", type_name(other));
                self.complain("type", &join(path, "once-per-contact"), message);
                None
            }
        };
        Some(Trigger {
            event: event?,
            accounts: accounts?,
            when: when?,
            once_per_contact: once_per_contact?,
        })
    }

    fn event(&mut self, value: &Value, path: &str) -> Option<String> {
        let name = value.as_str().unwrap_or_default();
        if events::is_event_name(name) {
            // A name of our own that differs by a letter is a slip, not a custom event.
            let near = events::EVENTS
                .iter()
                .find(|event| event.name != name && strsim::levenshtein(event.name, name) <= 2);
            if let (Some(near), None) = (near, events::find(name)) {
                self.problems.push(
                    Problem::warning(
                        "custom-event",
                        path,
                        format!("`{name}` is no event of Jackfield's own; it is taken as a custom one"),
                    )
                    .suggest(Some(near.name.to_owned())),
                );
            }
            return Some(name.to_owned());
        }
        let known = events::EVENTS.iter().map(|event| event.name);
        self.suggest(
            "event",
            path,
            "an event's name is lower-case words with full stops and hyphens, such as `call.ended`",
            nearest(name, known),
        );
        None
    }

    fn accounts(&mut self, value: &Value, path: &str) -> Option<Accounts> {
        if let Some(text) = value.as_str() {
            if text == "all" {
                return Some(Accounts::All);
            }
            let message =
                format!("`accounts` is `all`, `{{only: [{text}]}}` or `{{except: [{text}]}}`");
            self.complain("accounts", path, message);
            return None;
        }
        let object = self.object(value, path, "a scope of accounts", &ACCOUNT_KEYS)?;
        let (key, list) = match (object.get("only"), object.get("except")) {
            (Some(list), None) => ("only", list),
            (None, Some(list)) => ("except", list),
            _ => {
                self.complain("accounts", path, "`accounts` has either `only` or `except`");
                return None;
            }
        };
        let names: Option<Vec<String>> = list.as_array().and_then(|items| {
            let fits = !items.is_empty() && items.len() <= MAX_ACCOUNTS;
            let name = |item: &Value| match item {
                Value::String(name) => Some(name.clone()),
                Value::Number(id) => Some(id.to_string()),
                _ => None,
            };
            fits.then(|| items.iter().map(name).collect::<Option<_>>())?
        });
        let Some(names) = names else {
            let message = format!("`{key}` is a list of 1 to {MAX_ACCOUNTS} accounts");
            self.complain("accounts", &join(path, key), message);
            return None;
        };
        Some(if key == "only" { Accounts::Only(names) } else { Accounts::Except(names) })
    }

    /// `Some(None)` where there is none, `None` where it cannot be read.
    #[expect(clippy::option_option, reason = "absent and broken are different things here")]
    fn condition(&mut self, object: &Object, path: &str) -> Option<Option<Condition>> {
        let Some(value) = object.get("when") else { return Some(None) };
        match Condition::parse(value) {
            Ok(condition) => Some(Some(condition)),
            Err(problems) => {
                let path = join(path, "when");
                self.problems.extend(problems.into_iter().map(|problem| problem.below(&path)));
                None
            }
        }
    }

    fn exit_on(&mut self, value: Option<&Value>) -> Vec<ExitOn> {
        let Some(value) = value else { return Vec::new() };
        let Some(items) = value.as_array() else {
            let names = one_of(ExitOn::ALL.iter().map(|(name, _)| *name));
            self.complain("type", "/exit-on", format!("`exit-on` is a list of {names}"));
            return Vec::new();
        };
        let mut found = Vec::new();
        for (index, item) in items.iter().enumerate().take(ExitOn::ALL.len() * 2) {
            if let Some(exit) = self.choice(item, &join("/exit-on", index), &ExitOn::ALL)
                && !found.contains(&exit)
            {
                found.push(exit);
            }
        }
        found
    }

    fn steps(&mut self, value: Option<&Value>) -> Option<Vec<Step>> {
        let object = match value {
            Some(Value::Object(object)) if !object.is_empty() => object,
            Some(Value::Array(_)) => {
                self.complain(
                    "type",
                    "/steps",
                    "`steps` is a mapping, not a list: give each step an id, as in \
                     `text-caller: {uses: send-message@1}`",
                );
                return None;
            }
            None => {
                self.complain("missing", "", "`steps` is missing: a workflow has at least one step");
                return None;
            }
            Some(_) => {
                self.complain(
                    "type",
                    "/steps",
                    "`steps` is a mapping with at least one step, as in \
                     `text-caller: {uses: send-message@1}`",
                );
                return None;
            }
        };
        if object.len() > MAX_STEPS {
            let message = format!("a workflow has at most {MAX_STEPS} steps, not {}", object.len());
            self.complain("too-many", "/steps", message);
            return None;
        }
        let ids: Vec<&str> = object.keys().map(String::as_str).collect();
        let steps: Vec<Option<Step>> =
            object.iter().map(|(id, value)| self.step(id, value, &ids)).collect();
        steps.into_iter().collect()
    }

    fn step(&mut self, id: &str, value: &Value, ids: &[&str]) -> Option<Step> {
        let path = join("/steps", id);
        if id == "end" {
            let message = "`end` is where a run ends, so no step can be called that";
            self.complain("name", &path, message);
        } else if !is_name(id) {
            let message = format!(
                "`{id}` is not a step's id: use lower-case words with hyphens, at most 64 characters"
            );
            self.suggest("name", &path, message, to_name(id));
        }
        let object = self.object(value, &path, "a step", &STEP_KEYS)?;
        let title = self.text(object, &path, "title", MAX_TITLE);
        let uses = self.uses(object, &path);
        let with = match object.get("with") {
            None | Some(Value::Null) => Value::Object(Map::new()),
            Some(with @ Value::Object(_)) => with.clone(),
            Some(other) => {
                let message = format!("`with` is a mapping of settings, not {}", type_name(other));
                self.complain("type", &join(&path, "with"), message);
                Value::Null
            }
        };
        let when = self.condition(object, &path);
        let next = object.get("next").map(|next| self.goto(next, &join(&path, "next"), ids));
        let branches = self.branches(object, &path, ids);
        let retry = object.get("retry").map(|retry| self.retry(retry, &join(&path, "retry")));
        Some(Step {
            id: id.to_owned(),
            title,
            uses: uses?,
            with,
            when: when?,
            next: match next {
                Some(next) => Some(next?),
                None => None,
            },
            branches: branches?,
            retry: match retry {
                Some(retry) => Some(retry?),
                None => None,
            },
        })
    }

    fn uses(&mut self, object: &Object, path: &str) -> Option<Uses> {
        let Some(value) = object.get("uses") else {
            let message = "`uses` is missing: name the step's plugin, as in `send-message@1`";
            self.complain("missing", path, message);
            return None;
        };
        let written = value.as_str().unwrap_or_default();
        let read = written.split_once('@').and_then(|(name, major)| {
            let digits = !major.is_empty() && major.bytes().all(|b| b.is_ascii_digit());
            let major = digits.then(|| major.parse().ok())??;
            is_name(name).then(|| Uses { name: name.to_owned(), major })
        });
        if read.is_none() {
            let (name, version) = written.split_once('@').unwrap_or((written, "1"));
            let major = version.trim_start_matches('v').split('.').next().unwrap_or_default();
            let major = if major.parse::<u64>().is_ok() { major } else { "1" };
            self.suggest(
                "uses",
                &join(path, "uses"),
                "`uses` names a plugin and its major version, as in `send-message@1`",
                to_name(name).map(|name| format!("{name}@{major}")),
            );
        }
        read
    }

    fn goto(&mut self, value: &Value, path: &str, ids: &[&str]) -> Option<Goto> {
        let Some(target) = value.as_str() else {
            let message = format!("this is a step's id or `end`, not {}", type_name(value));
            self.complain("type", path, message);
            return None;
        };
        if target == "end" {
            return Some(Goto::End);
        }
        if ids.contains(&target) {
            return Some(Goto::Step(target.to_owned()));
        }
        self.suggest(
            "dangling-target",
            path,
            format!("there is no step `{target}`"),
            nearest(target, ids.iter().copied().chain(["end"])),
        );
        None
    }

    fn branches(
        &mut self,
        object: &Object,
        path: &str,
        ids: &[&str],
    ) -> Option<Vec<(String, Goto)>> {
        let Some(value) = object.get("branches") else { return Some(Vec::new()) };
        let path = join(path, "branches");
        let Some(entries) = value.as_object() else {
            self.complain(
                "type",
                &path,
                "`branches` maps branches to steps, as in `{failure: tell-agent, timeout: end}`",
            );
            return None;
        };
        let mut branches = Vec::with_capacity(entries.len());
        for (name, target) in entries {
            let path = join(&path, name);
            if !is_name(name) {
                let message = format!("`{name}` is not a branch: use lower-case words with hyphens");
                self.suggest("name", &path, message, to_name(name));
            }
            branches.push(self.goto(target, &path, ids).map(|goto| (name.clone(), goto)));
        }
        branches.into_iter().collect()
    }

    fn retry(&mut self, value: &Value, path: &str) -> Option<Retry> {
        let object = self.object(value, path, "`retry`", &RETRY_KEYS)?;
        let before = self.problems.len();
        let default = Retry::default();
        let attempts = self.whole(object, path, "attempts", 0, MAX_ATTEMPTS);
        let first = self.duration(object, path, "first");
        let max = self.duration(object, path, "max");
        let retry = Retry {
            attempts: attempts.unwrap_or(default.attempts),
            first: first.unwrap_or(default.first),
            max: max.unwrap_or(default.max.max(first.unwrap_or_default())),
        };
        if retry.max < retry.first {
            let message = format!(
                "the longest pause (`max: {}`) is shorter than the first one (`first: {}`)",
                retry.max, retry.first
            );
            self.complain("range", &join(path, "max"), message);
        }
        (self.problems.len() == before).then_some(retry)
    }

    fn duration(&mut self, object: &Object, path: &str, key: &str) -> Option<Duration> {
        let value = object.get(key)?;
        let text = match value {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        match text.parse::<Duration>() {
            Ok(duration) if duration <= LONGEST_WAIT => Some(duration),
            Ok(_) => {
                let message = format!("`{key}` is at most {LONGEST_WAIT}");
                self.complain("duration", &join(path, key), message);
                None
            }
            Err(error) => {
                self.complain("duration", &join(path, key), error.to_string());
                None
            }
        }
    }
}

/// Words that people know from elsewhere.
fn key_alias(key: &str) -> Option<&'static str> {
    const ALIASES: [(&str, &str); 14] = [
        ("on", "trigger"),
        ("settings", "with"),
        ("config", "with"),
        ("params", "with"),
        ("inputs", "with"),
        ("if", "when"),
        ("condition", "when"),
        ("conditions", "when"),
        ("step", "uses"),
        ("type", "uses"),
        ("plugin", "uses"),
        ("goto", "next"),
        ("then", "next"),
        ("retries", "retry"),
    ];
    ALIASES.iter().find(|(other, _)| *other == key).map(|(_, name)| *name)
}
