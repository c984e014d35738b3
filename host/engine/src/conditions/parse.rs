//! Reads conditions. All problems are told, each with its JSON pointer.

use jiff::tz::TimeZone;
use regex::RegexBuilder;
use serde_json::{Map, Value};

use super::{
    CALENDARS, Condition, Leaf, MAX_DEPTH, MAX_ITEMS, MAX_NODES, compare,
    operators::{Compiled, OPERATORS, Operand, Operator, find},
};
use crate::{
    document::problem::{Problem, join, nearest, one_of, type_name},
    schedule::{BusinessHours, Duration, Moment},
    variables::Template,
};

/// Longest pattern, in bytes.
const MAX_PATTERN: usize = 1000;
/// Largest compiled pattern, in bytes: bounds such as `(a{1000}){1000}` fail, `\w{1,50}` passes.
const PATTERN_MEMORY: usize = 1024 * 1024;

const GROUPS: [&str; 3] = ["all", "any", "not"];

impl Condition {
    /// Reads a condition.
    ///
    /// # Errors
    /// Every problem, with pointers relative to the condition.
    pub fn parse(value: &Value) -> Result<Self, Vec<Problem>> {
        let mut reader = Reader {
            problems: Vec::new(),
            nodes: 0,
        };
        let condition = reader.condition(value, String::new(), 1);
        match condition {
            Some(condition) if reader.problems.is_empty() => Ok(condition),
            _ => Err(reader.problems),
        }
    }
}

struct Reader {
    problems: Vec<Problem>,
    nodes: usize,
}

impl Reader {
    fn complain(&mut self, path: &str, message: impl Into<String>) -> &mut Problem {
        let at = self.problems.len();
        self.problems
            .push(Problem::error("condition", path, message));
        &mut self.problems[at]
    }

    fn condition(&mut self, value: &Value, path: String, depth: usize) -> Option<Condition> {
        self.nodes += 1;
        if self.nodes == MAX_NODES + 1 {
            self.complain(
                &path,
                format!("a condition has at most {MAX_NODES} groups and tests"),
            );
        }
        if self.nodes > MAX_NODES {
            return None;
        }
        if depth > MAX_DEPTH {
            self.complain(&path, format!("groups are nested at most {MAX_DEPTH} deep"));
            return None;
        }
        let Some(object) = value.as_object() else {
            self.complain(
                &path,
                format!(
                    "a condition is a mapping such as `{{field: call.status, is: missed}}`, not {}",
                    type_name(value)
                ),
            );
            return None;
        };
        let group = object.keys().find(|key| GROUPS.contains(&key.as_str()));
        match group {
            Some(group) if object.len() == 1 => self.group(group, &object[group], &path, depth),
            Some(group) => {
                self.complain(
                    &path,
                    format!(
                        "`{group}` stands alone in its mapping: put the rest into a condition of its \
                         own and both into one `all: […]`"
                    ),
                );
                None
            }
            None => self.leaf(object, &path),
        }
    }

    fn group(&mut self, group: &str, value: &Value, path: &str, depth: usize) -> Option<Condition> {
        let path = join(path, group);
        if group == "not" {
            let inner = self.condition(value, path, depth + 1)?;
            return Some(Condition::Not(Box::new(inner)));
        }
        let Some(items) = value.as_array().filter(|items| !items.is_empty()) else {
            self.complain(
                &path,
                format!("`{group}` takes a list of at least one condition"),
            );
            return None;
        };
        let mut conditions = Vec::with_capacity(items.len().min(MAX_NODES));
        for (index, item) in items.iter().enumerate() {
            conditions.push(self.condition(item, join(&path, index), depth + 1));
            if self.nodes > MAX_NODES {
                return None;
            }
        }
        let conditions: Vec<Condition> = conditions.into_iter().collect::<Option<_>>()?;
        Some(if group == "all" {
            Condition::All(conditions)
        } else {
            Condition::Any(conditions)
        })
    }

    fn leaf(&mut self, object: &Map<String, Value>, path: &str) -> Option<Condition> {
        let before = self.problems.len();
        let field = self.field(object.get("field"), path);
        let fold_accents = match object.get("fold-accents") {
            None => false,
            Some(Value::Bool(fold)) => *fold,
            Some(other) => {
                let path = join(path, "fold-accents");
                self.complain(
                    &path,
                    format!("`fold-accents` is true or false, not {}", type_name(other)),
                );
                false
            }
        };
        let mut operators: Vec<(&'static Operator, &Value)> = Vec::new();
        for (key, value) in object {
            if matches!(key.as_str(), "field" | "fold-accents") {
                continue;
            }
            match find(key) {
                Some(operator) => operators.push((operator, value)),
                None => {
                    let known = OPERATORS.iter().map(|operator| operator.name);
                    let suggestion = alias(key).map(str::to_owned).or_else(|| {
                        nearest(key, known.chain(GROUPS).chain(["field", "fold-accents"]))
                    });
                    self.complain(&join(path, key), format!("`{key}` is not an operator"))
                        .suggestion = suggestion;
                }
            }
        }
        let (operator, operand) = match operators.as_slice() {
            [one] => *one,
            [] => {
                if self.problems.len() == before {
                    self.complain(
                        path,
                        "an operator is missing, such as `is`, `less-than` or `exists`",
                    );
                }
                return None;
            }
            [_, (second, _), ..] => {
                let names = one_of(operators.iter().map(|(operator, _)| operator.name));
                let path = join(path, second.name);
                self.complain(
                    &path,
                    format!("one test has one operator, not several of {names}: write `all: […]`"),
                );
                return None;
            }
        };
        let compiled = self.operand(operator, operand, &join(path, operator.name))?;
        (self.problems.len() == before).then_some(())?;
        Some(Condition::Test(Box::new(Leaf {
            field: field?,
            operator,
            operand: operand.clone(),
            fold_accents,
            compiled,
        })))
    }

    fn field(&mut self, value: Option<&Value>, path: &str) -> Option<String> {
        let Some(field) = value else {
            self.complain(
                path,
                "`field` is missing: name what is tested, such as `call.status`",
            );
            return None;
        };
        let path = join(path, "field");
        let Some(written) = field.as_str() else {
            self.complain(
                &path,
                format!(
                    "`field` is a text such as `call.status`, not {}",
                    type_name(field)
                ),
            );
            return None;
        };
        let read = crate::variables::template::read_path(written);
        if read.is_none() {
            let bare = written
                .trim()
                .trim_start_matches('$')
                .trim_matches(['{', '}']);
            let suggestion = crate::variables::template::read_path(bare);
            self.complain(
                &path,
                format!(
                    "`{written}` is not a field: write namespace and name, such as `call.status`"
                ),
            )
            .suggestion = suggestion;
        }
        read
    }

    fn operand(&mut self, operator: &Operator, value: &Value, path: &str) -> Option<Compiled> {
        let refuse = |reader: &mut Self, what: &str| {
            let name = operator.name;
            let written = match value {
                Value::String(text) => format!("`{}`", text.chars().take(64).collect::<String>()),
                Value::Number(_) | Value::Bool(_) => format!("`{value}`"),
                _ => type_name(value).to_owned(),
            };
            reader.complain(path, format!("`{name}` takes {what}, not {written}"));
            None
        };
        let scalar =
            |value: &Value| matches!(value, Value::String(_) | Value::Number(_) | Value::Bool(_));
        let list = |value: &Value| {
            value.as_array().is_some_and(|items| {
                !items.is_empty() && items.len() <= MAX_ITEMS && items.iter().all(scalar)
            })
        };
        let nothing = Some(Compiled::Nothing);
        match operator.operand {
            Operand::Scalar if scalar(value) => nothing,
            Operand::Scalar => refuse(self, "a text, a number, or true or false"),
            Operand::Any if scalar(value) || list(value) => nothing,
            Operand::Any => refuse(self, "a text, a number, true or false, or a list of them"),
            Operand::Number if kind(value).is_none_or(|kind| kind == Kind::Number) => nothing,
            Operand::Number if matches!(kind(value), Some(Kind::Duration)) => {
                refuse(self, "a number (call times are in seconds)")
            }
            Operand::Number => refuse(self, "a number"),
            Operand::Text if scalar(value) => nothing,
            Operand::Text => refuse(self, "a text"),
            // A variable may hold a whole list.
            Operand::List if list(value) || kind(value).is_none() => nothing,
            Operand::List => refuse(self, "a list of texts, numbers, true or false"),
            Operand::Range => match value.as_array().map(Vec::as_slice) {
                Some([low, high]) if same_kind(low, high) => nothing,
                _ => refuse(
                    self,
                    "a list of two numbers, two dates or two durations, such as `[10, 20]`",
                ),
            },
            Operand::Moment if kind(value).is_none_or(|kind| kind == Kind::Moment) => nothing,
            Operand::Moment => refuse(self, "a date such as `2026-12-01` or `2026-12-01 09:00`"),
            Operand::Duration => match value.as_str().map(str::parse::<Duration>) {
                Some(Ok(duration)) => Some(Compiled::Duration(duration)),
                _ if kind(value).is_none() => nothing,
                Some(Err(error)) => {
                    self.complain(path, error.to_string());
                    None
                }
                None => refuse(self, "a duration such as `30m`, `2h` or `1d`"),
            },
            Operand::Pattern => match value.as_str() {
                Some(pattern) => self.pattern(pattern, path),
                None => refuse(self, "a regular expression"),
            },
            Operand::QueryParameter => {
                let fits = match value {
                    Value::String(name) => !name.is_empty(),
                    Value::Object(entries) => {
                        entries.get("name").is_some_and(Value::is_string)
                            && entries.get("value").is_none_or(scalar)
                            && entries.keys().all(|key| key == "name" || key == "value")
                    }
                    _ => false,
                };
                if fits {
                    nothing
                } else {
                    refuse(
                        self,
                        "a name such as `utm_source`, or `{name: utm_source, value: ads}`",
                    )
                }
            }
            Operand::Hours if value.is_string() => {
                let name = value.as_str().unwrap_or_default();
                if crate::document::is_name(name) {
                    Some(Compiled::Calendar(format!("{CALENDARS}.{name}")))
                } else {
                    refuse(
                        self,
                        "business hours, or the name of a calendar such as `office`",
                    )
                }
            }
            Operand::Hours => match BusinessHours::parse(value) {
                Ok(hours) => Some(Compiled::Hours(hours)),
                Err(error) => {
                    self.complain(path, error.to_string());
                    None
                }
            },
            Operand::Switch if value.is_boolean() => nothing,
            Operand::Switch => refuse(self, "true or false"),
        }
    }

    fn pattern(&mut self, pattern: &str, path: &str) -> Option<Compiled> {
        if pattern.len() > MAX_PATTERN {
            self.complain(path, format!("a pattern has at most {MAX_PATTERN} bytes"));
            return None;
        }
        let built = RegexBuilder::new(pattern)
            .case_insensitive(true)
            .size_limit(PATTERN_MEMORY)
            .dfa_size_limit(PATTERN_MEMORY)
            .build();
        match built {
            Ok(regex) => Some(Compiled::Pattern(regex)),
            Err(regex::Error::CompiledTooBig(_)) => {
                self.complain(
                    path,
                    "this pattern repeats too much: use smaller numbers in `{…}`",
                );
                None
            }
            Err(error) => {
                // The library draws the pattern with a mark under it; its last line has the reason.
                let told = error.to_string();
                let reason = told
                    .lines()
                    .last()
                    .unwrap_or_default()
                    .trim_start_matches("error: ");
                self.complain(
                    path,
                    format!("`{pattern}` is not a regular expression: {}", reason.trim()),
                );
                None
            }
        }
    }
}

/// What an operand is, where that can be known before it runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Number,
    Moment,
    Duration,
    Other,
}

/// None where a variable stands in it.
fn kind(value: &Value) -> Option<Kind> {
    Some(match value {
        Value::Number(_) => Kind::Number,
        Value::String(text) if Template::parse(text).variables().next().is_some() => return None,
        Value::String(text) if compare::is_number(text) => Kind::Number,
        Value::String(text) if Moment::parse(text, &TimeZone::UTC).is_ok() => Kind::Moment,
        Value::String(text) if text.parse::<Duration>().is_ok() => Kind::Duration,
        _ => Kind::Other,
    })
}

fn same_kind(low: &Value, high: &Value) -> bool {
    match (kind(low), kind(high)) {
        (Some(Kind::Other), _) | (_, Some(Kind::Other)) => false,
        (Some(low), Some(high)) => low == high,
        _ => true,
    }
}

/// Words that people know from elsewhere.
fn alias(key: &str) -> Option<&'static str> {
    const ALIASES: [(&str, &[&str]); 16] = [
        ("is", &["equals", "equal", "eq", "==", "=", "is-equal-to"]),
        (
            "is-not",
            &[
                "not-equals",
                "not-equal",
                "ne",
                "neq",
                "!=",
                "is-not-equal-to",
            ],
        ),
        (
            "greater-than",
            &["gt", ">", "more-than", "above", "is-greater-than"],
        ),
        ("at-least", &["gte", ">=", "ge", "greater-or-equal"]),
        (
            "less-than",
            &["lt", "<", "fewer-than", "below", "is-less-than"],
        ),
        ("at-most", &["lte", "<=", "le", "less-or-equal"]),
        ("between", &["is-between", "range"]),
        ("exists", &["is-set", "present", "has-value"]),
        (
            "not-exists",
            &["does-not-exist", "is-not-set", "missing", "absent"],
        ),
        ("contains", &["includes", "has"]),
        ("not-contains", &["does-not-contain", "excludes"]),
        ("in", &["one-of", "any-of", "is-in", "in-list"]),
        ("not-in", &["none-of", "is-not-in"]),
        ("matches", &["regex", "pattern", "matches-regex"]),
        ("starts-with", &["begins-with", "prefix"]),
        ("ends-with", &["suffix"]),
    ];
    ALIASES
        .iter()
        .find(|(_, others)| others.contains(&key))
        .map(|(name, _)| *name)
}
