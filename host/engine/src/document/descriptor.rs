//! What a step plugin says about itself: the JSON that its `describe` returns.
//!
//! ```json
//! {
//!   "name": "send-message", "version": "1.2.0", "title": "Send a message", "summary": "…",
//!   "category": "messages", "icon": "send",
//!   "settings": {"type": "object", …}, "output": {"type": "object", …},
//!   "branches": [{"name": "timeout", "title": "No answer", "otherwise": "next"}],
//!   "branches-from": "/branches/*/name",
//!   "failures": [{"code": "no-address", "title": "The contact has no address there"}],
//!   "waits": true, "bounds-loops": false, "limits": {…}
//! }
//! ```
//!
//! `settings` and `output` are JSON Schemas (2020-12) without references to the outside. In the
//! settings `x-jackfield-ref` says that a text names a `channel`, a `template`, a `step` of the same
//! workflow or a `contact-field`, or that a value is a `condition`; `x-jackfield-raw`, `contentMediaType` and `format` say how
//! variables are put in ([`crate::variables::substitute()`]).
//!
//! A branch that the workflow does not map follows its `otherwise`. Every step has the branches
//! `success` (otherwise `next`) and `failure` (otherwise `fail`); naming one of them in `branches`
//! changes that. Keys that are not known here are ignored: a plugin made for a later host works.

use std::borrow::Cow;
use std::sync::{Arc, OnceLock};

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value};

use super::{
    is_name,
    problem::{Problem, nearest, type_name},
    settings,
};

/// A step plugin, as it describes itself.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct StepDescriptor {
    /// Lower-case words with hyphens.
    pub name: String,
    /// Semantic: `1.2.0`.
    pub version: String,
    /// For people, a few words.
    #[serde(default)]
    pub title: String,
    /// For people, a sentence.
    #[serde(default)]
    pub summary: String,
    /// Where the console lists it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub category: Option<String>,
    /// A name of the console's icons.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub icon: Option<String>,
    /// JSON Schema of the settings.
    #[serde(default = "any_object")]
    pub settings: Value,
    /// JSON Schema of the output.
    #[serde(default = "any_object")]
    pub output: Value,
    /// The fixed branches besides `success` and `failure`, or with another `otherwise` for them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub branches: Vec<Branch>,
    /// JSON pointer into the settings to further branches' names; `*` stands for every item of a
    /// list, or every key of a mapping where it comes last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub branches_from: Option<String>,
    /// The codes with which it takes `failure`, beside those that every step can have.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub failures: Vec<FailureCode>,
    /// The step can wait: a loop through it does not spin.
    #[serde(default, skip_serializing_if = "is_false")]
    pub waits: bool,
    /// The step itself ends a loop after a bounded number of visits.
    #[serde(default, skip_serializing_if = "is_false")]
    pub bounds_loops: bool,
    /// The limits that the plugin proposes; read where activations are limited.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub limits: Value,
    #[serde(skip)]
    validator: OnceLock<Arc<jsonschema::Validator>>,
}

/// Two descriptors are the same if they say the same.
impl PartialEq for StepDescriptor {
    fn eq(&self, other: &Self) -> bool {
        serde_json::to_value(self).ok() == serde_json::to_value(other).ok()
    }
}

/// A way out of a step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Branch {
    /// Lower-case words with hyphens.
    pub name: String,
    /// For people.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub title: String,
    /// What happens where the workflow does not map it.
    #[serde(default)]
    pub otherwise: Otherwise,
}

/// A reason for which a step fails.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FailureCode {
    /// Lower-case words with hyphens; `http-*` stands for all that begin so.
    pub code: String,
    /// What has happened, for people.
    pub title: String,
}

/// What an unmapped branch does.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Otherwise {
    /// The run goes on at the next step.
    #[default]
    Next,
    /// The run ends as completed.
    End,
    /// The run ends as failed.
    Fail,
    /// It does what this other branch does.
    Branch(String),
}

impl Serialize for Otherwise {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(match self {
            Self::Next => "next",
            Self::End => "end",
            Self::Fail => "fail",
            Self::Branch(name) => name,
        })
    }
}

impl<'de> Deserialize<'de> for Otherwise {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(match String::deserialize(deserializer)?.as_str() {
            "next" => Self::Next,
            "end" => Self::End,
            "fail" => Self::Fail,
            name => Self::Branch(name.to_owned()),
        })
    }
}

fn any_object() -> Value {
    serde_json::json!({"type": "object"})
}

/// A token of a JSON pointer as the key that it means (RFC 6901).
fn unescaped(token: &str) -> Cow<'_, str> {
    if token.contains('~') {
        Cow::Owned(token.replace("~1", "/").replace("~0", "~"))
    } else {
        Cow::Borrowed(token)
    }
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde calls it with a reference"
)]
fn is_false(value: &bool) -> bool {
    !value
}

impl StepDescriptor {
    /// Reads what `describe` returned.
    ///
    /// # Errors
    /// Every problem, with JSON pointers into the descriptor.
    pub fn parse(json: &str) -> Result<Self, Vec<Problem>> {
        let value: Value = serde_json::from_str(json).map_err(|error| {
            vec![Problem::error(
                "descriptor",
                "",
                format!("`describe` must return JSON: {error}"),
            )]
        })?;
        Self::from_value(&value)
    }

    /// As [`Self::parse`], from JSON that was read already.
    ///
    /// # Errors
    /// As [`Self::parse`].
    pub fn from_value(value: &Value) -> Result<Self, Vec<Problem>> {
        let mut problems = Vec::new();
        if !value.is_object() {
            let message = format!("a descriptor is an object, not {}", type_name(value));
            return Err(vec![Problem::error("descriptor", "", message)]);
        }
        let descriptor: Self = serde_json::from_value(value.clone()).map_err(|error| {
            vec![Problem::error(
                "descriptor",
                "",
                format!("the descriptor does not fit: {error}"),
            )]
        })?;
        descriptor.judge(&mut problems);
        if problems.is_empty() {
            Ok(descriptor)
        } else {
            Err(problems)
        }
    }

    fn judge(&self, problems: &mut Vec<Problem>) {
        let mut complain = |path: String, message: String| {
            problems.push(Problem::error("descriptor", path, message));
        };
        if !is_name(&self.name) {
            complain(
                "/name".into(),
                format!(
                    "`{}` is not a name: use lower-case words with hyphens",
                    self.name
                ),
            );
        }
        if self.major().is_none() {
            complain(
                "/version".into(),
                format!(
                    "`{}` is not a version: write three numbers, as in `1.2.0`",
                    self.version
                ),
            );
        }
        for (key, schema) in [("settings", &self.settings), ("output", &self.output)] {
            if let Err(error) = settings::compile(schema) {
                complain(
                    format!("/{key}"),
                    format!("not a JSON Schema (2020-12): {error}"),
                );
            }
        }
        if let Some(pointer) = &self.branches_from
            && (!pointer.starts_with('/') || pointer.len() > 256)
        {
            complain(
                "/branches-from".into(),
                format!("`{pointer}` is not a JSON pointer such as `/branches/*/name`"),
            );
        }
        for (index, failure) in self.failures.iter().enumerate() {
            let code = failure.code.as_str();
            let path = format!("/failures/{index}/code");
            if !is_name(code.strip_suffix("-*").unwrap_or(code)) {
                let said =
                    "is no code: use lower-case words with hyphens, `http-*` for all that begin so";
                complain(path, format!("`{code}` {said}"));
            } else if self.failures[..index]
                .iter()
                .any(|other| other.code == code)
            {
                complain(path, format!("`{code}` stands there twice"));
            }
        }
        for (index, branch) in self.branches.iter().enumerate() {
            let path = format!("/branches/{index}");
            if !is_name(&branch.name) || matches!(branch.name.as_str(), "next" | "end" | "fail") {
                complain(
                    format!("{path}/name"),
                    format!(
                        "`{}` is not a branch's name: use lower-case words with hyphens, not \
                         `next`, `end` or `fail`",
                        branch.name
                    ),
                );
            }
            if self.branches[..index]
                .iter()
                .any(|other| other.name == branch.name)
            {
                complain(
                    format!("{path}/name"),
                    format!("`{}` stands there twice", branch.name),
                );
            }
            if let Err(error) = self.resolve(&branch.name) {
                complain(format!("{path}/otherwise"), error);
            }
        }
    }

    /// The major version; none where the version is not semantic.
    #[must_use]
    pub fn major(&self) -> Option<u64> {
        let core = self.version.split(['-', '+']).next()?;
        let numbers: Vec<u64> = core
            .split('.')
            .map(|part| part.parse().ok())
            .collect::<Option<_>>()?;
        (numbers.len() == 3).then(|| numbers[0])
    }

    /// How workflows name it: `send-message@1`.
    #[must_use]
    pub fn reference(&self) -> String {
        format!("{}@{}", self.name, self.major().unwrap_or_default())
    }

    /// What a fixed branch does where the workflow does not map it; none for a branch that is not
    /// fixed.
    #[must_use]
    pub fn otherwise(&self, branch: &str) -> Option<Otherwise> {
        let fixed = self.branches.iter().find(|other| other.name == branch);
        fixed
            .map(|branch| branch.otherwise.clone())
            .or(match branch {
                "success" => Some(Otherwise::Next),
                "failure" => Some(Otherwise::Fail),
                _ => None,
            })
    }

    /// Follows `otherwise` from branch to branch; the error says why there is no end to it.
    fn resolve(&self, branch: &str) -> Result<(), String> {
        let mut name = branch.to_owned();
        for _ in 0..=self.branches.len() + 2 {
            match self.otherwise(&name) {
                None => {
                    let known = self.fixed_branches();
                    let near = nearest(&name, known.iter().map(String::as_str));
                    let near = near
                        .map(|n| format!(" (did you mean `{n}`?)"))
                        .unwrap_or_default();
                    return Err(format!(
                        "`{name}` is none of `next`, `end`, `fail` and the other branches{near}"
                    ));
                }
                Some(Otherwise::Branch(next)) => name = next,
                Some(_) => return Ok(()),
            }
        }
        Err(format!(
            "the `otherwise` of `{branch}` goes round in a circle"
        ))
    }

    /// The names of the fixed branches, `success` and `failure` included.
    #[must_use]
    pub fn fixed_branches(&self) -> Vec<String> {
        let mut names: Vec<String> = self
            .branches
            .iter()
            .map(|branch| branch.name.clone())
            .collect();
        for implicit in ["success", "failure"] {
            if !names.iter().any(|name| name == implicit) {
                names.push(implicit.to_owned());
            }
        }
        names
    }

    /// The names of the branches that come from these settings, in order.
    #[must_use]
    pub fn branches_in<'s>(&self, settings: &'s Value) -> Vec<&'s str> {
        let Some(pointer) = &self.branches_from else {
            return Vec::new();
        };
        let mut found = vec![settings];
        let mut tokens = pointer.split('/').skip(1).peekable();
        while let Some(token) = tokens.next() {
            let last = tokens.peek().is_none();
            if token == "*" && last && found.iter().all(|value| value.is_object()) {
                let maps = found.into_iter().filter_map(Value::as_object);
                return maps.flat_map(Map::keys).map(String::as_str).collect();
            }
            let key = unescaped(token);
            found = found.into_iter().fold(Vec::new(), |mut below, value| {
                match (token, value) {
                    ("*", Value::Array(items)) => below.extend(items),
                    ("*", Value::Object(entries)) => below.extend(entries.values()),
                    (_, Value::Object(entries)) => below.extend(entries.get(&*key)),
                    (_, Value::Array(items)) => {
                        let place = key.parse::<usize>();
                        below.extend(place.ok().and_then(|place| items.get(place)));
                    }
                    _ => {}
                }
                below
            });
        }
        found.into_iter().filter_map(Value::as_str).collect()
    }

    /// Checks settings against the schema. `before_variables`: variables are not put in yet, so a
    /// text that holds one is accepted wherever its value could fit.
    #[must_use]
    pub fn check_settings(&self, settings: &Value, before_variables: bool) -> Vec<Problem> {
        if self.validator.get().is_none() {
            match settings::compile(&self.settings) {
                // Another thread may have been faster: its validator is as good.
                Ok(validator) => drop(self.validator.set(Arc::new(validator))),
                Err(error) => {
                    let message =
                        format!("the settings' schema of `{}` is broken: {error}", self.name);
                    return vec![Problem::error("schema", "", message)];
                }
            }
        }
        self.validator.get().map_or_else(Vec::new, |validator| {
            settings::check(validator, &self.settings, settings, before_variables)
        })
    }
}
