//! From a JSON value to a [`Document`]: form, names and targets. All problems are told.

mod received;
mod schedule;
mod short;
mod shortcut;
mod steps;
mod triggers;
mod webhook;

use serde_json::{Map, Value};

use super::{
    Problem, is_name,
    model::{DEFAULT_MAX_VISITS, Document, MOST_MAX_VISITS},
    problem::{any_error, join, nearest, one_of, type_name},
    source::{self, Marks},
    to_name,
};
use crate::{conditions::Condition, variables::Unset};

const KEYS: [&str; 9] = [
    "name",
    "title",
    "description",
    "trigger",
    "triggers",
    "exit-on",
    "unset-variables",
    "max-visits",
    "steps",
];

/// Longest title, in characters.
const MAX_TITLE: usize = 200;
/// Longest description, in characters.
const MAX_DESCRIPTION: usize = 5000;

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
        let mut reader = Reader {
            problems: Vec::new(),
        };
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
        self.problems
            .push(Problem::error(code, path, message).suggest(suggestion));
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
                &[
                    ("empty", Unset::Empty),
                    ("literal", Unset::Literal),
                    ("fail", Unset::Fail),
                ],
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
                self.complain(
                    "too-long",
                    &path,
                    format!("`{key}` has at most {limit} characters"),
                );
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
            let message =
                format!("`{key}` is a whole number from {least} to {most}, not `{value}`");
            self.complain("range", &join(path, key), message);
        }
        number
    }

    fn choice<T: Copy>(&mut self, value: &Value, path: &str, choices: &[(&str, T)]) -> Option<T> {
        let names = || choices.iter().map(|(name, _)| *name);
        let written = value.as_str().unwrap_or_default();
        let found = choices
            .iter()
            .find(|(name, _)| *name == written)
            .map(|(_, choice)| *choice);
        if found.is_none() {
            let shown = value
                .as_str()
                .map_or_else(|| type_name(value).to_owned(), |t| format!("`{t}`"));
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
            self.complain(
                "missing",
                "",
                "`name` is missing: name the workflow, as in `welcome-text`",
            );
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

    /// `Some(None)` where there is none, `None` where it cannot be read.
    #[expect(
        clippy::option_option,
        reason = "absent and broken are different things here"
    )]
    fn condition(&mut self, object: &Object, path: &str) -> Option<Option<Condition>> {
        let Some(value) = object.get("when") else {
            return Some(None);
        };
        match Condition::parse(value) {
            Ok(condition) => Some(Some(condition)),
            Err(problems) => {
                let path = join(path, "when");
                self.problems
                    .extend(problems.into_iter().map(|problem| problem.below(&path)));
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
    ALIASES
        .iter()
        .find(|(other, _)| *other == key)
        .map(|(_, name)| *name)
}
