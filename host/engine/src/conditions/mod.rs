//! Conditions: the one evaluator that triggers, `when:`, branches and waits share.
//!
//! A condition is a mapping. A test names a field and one operator:
//! `{field: call.duration, less-than: 20}`; groups are `all: […]`, `any: […]` and `not: {…}`, nested
//! as needed. Beside the operator, `fold-accents: true` makes `é` and `e` the same.
//!
//! The rules:
//! - texts are compared after NFKC and full case folding, accents kept unless they are folded;
//! - numbers are compared as numbers only where both sides read as numbers; two texts are equal only
//!   as texts (so `+33…` is not `33…`, and `0123` not `123`);
//! - a field without a value (missing, or `null`) makes `is-not`, `not-contains`, `not-in`,
//!   `has-none-of`, `not-exists` and `is-empty` hold, and every other operator fail;
//! - dates without an offset are read in the workspace's time zone; a date alone means the whole day;
//! - operands may hold variables, but for patterns (`matches`), where `$` is an anchor.
//!
//! Operators are data: [`operators::OPERATORS`] says for each what it takes and what it does.
//! Everything is compiled when it is read, so evaluation cannot fail and takes time linear in its
//! input (patterns included: the `regex` crate never backtracks).

mod compare;
pub mod operators;
mod parse;
pub mod words;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value, json};

pub use crate::variables::Scope;
use crate::variables::{Template, Unset};
use operators::{Compiled, Operator, Test};

/// The name space of calendars: business hours that are named in operands.
pub const CALENDARS: &str = "calendars";
/// Where a scope has the contact's time zone.
const CONTACT_ZONE: &str = "contact.time_zone";
/// Most groups and tests in one condition.
pub const MAX_NODES: usize = 100;
/// Deepest nesting of groups.
pub const MAX_DEPTH: usize = 8;
/// Most items in one operand.
pub const MAX_ITEMS: usize = 1000;

/// A condition, read and compiled.
#[derive(Debug, Clone, PartialEq)]
pub enum Condition {
    /// Holds if every one holds.
    All(Vec<Condition>),
    /// Holds if one holds.
    Any(Vec<Condition>),
    /// Holds if the other does not.
    Not(Box<Condition>),
    /// A field, an operator, an operand.
    Test(Box<Leaf>),
}

/// A test of one field.
#[derive(Debug, Clone)]
pub struct Leaf {
    /// The path, such as `call.duration`.
    pub field: String,
    /// What it is compared by.
    pub operator: &'static Operator,
    /// What it is compared with, as written.
    pub operand: Value,
    /// Whether accents count.
    pub fold_accents: bool,
    compiled: Compiled,
}

/// Two tests are the same if they are written the same.
impl PartialEq for Leaf {
    fn eq(&self, other: &Self) -> bool {
        self.field == other.field
            && std::ptr::eq(self.operator, other.operator)
            && self.operand == other.operand
            && self.fold_accents == other.fold_accents
    }
}

/// What one test saw: for the timeline, which says why a trigger was not taken.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Explained {
    /// The path.
    pub field: String,
    /// The operator's name.
    pub operator: &'static str,
    /// The operand with its variables put in.
    pub expected: Value,
    /// The field's value; none where it has none.
    pub actual: Option<Value>,
    /// Whether the test held.
    pub held: bool,
}

impl Condition {
    /// Whether it holds.
    #[must_use]
    pub fn evaluate(&self, scope: &dyn Scope) -> bool {
        match self {
            Self::All(conditions) => conditions.iter().all(|c| c.evaluate(scope)),
            Self::Any(conditions) => conditions.iter().any(|c| c.evaluate(scope)),
            Self::Not(condition) => !condition.evaluate(scope),
            Self::Test(leaf) => leaf.evaluate(scope).held,
        }
    }

    /// What every test in it saw, in the order written, whether or not it decided anything.
    #[must_use]
    pub fn explain(&self, scope: &dyn Scope) -> Vec<Explained> {
        self.leaves()
            .into_iter()
            .map(|(_, leaf)| leaf.evaluate(scope))
            .collect()
    }

    /// The fields that it asks for, in the order written, repetitions included.
    #[must_use]
    pub fn fields(&self) -> Vec<&str> {
        self.leaves()
            .into_iter()
            .map(|(_, leaf)| leaf.field.as_str())
            .collect()
    }

    /// The tests, each with its JSON pointer.
    #[must_use]
    pub fn leaves(&self) -> Vec<(String, &Leaf)> {
        let mut found = Vec::new();
        self.collect(String::new(), &mut found);
        found
    }

    fn collect<'a>(&'a self, path: String, found: &mut Vec<(String, &'a Leaf)>) {
        match self {
            Self::All(conditions) => {
                for (index, condition) in conditions.iter().enumerate() {
                    condition.collect(format!("{path}/all/{index}"), found);
                }
            }
            Self::Any(conditions) => {
                for (index, condition) in conditions.iter().enumerate() {
                    condition.collect(format!("{path}/any/{index}"), found);
                }
            }
            Self::Not(condition) => condition.collect(format!("{path}/not"), found),
            Self::Test(leaf) => found.push((path, leaf)),
        }
    }

    /// The JSON form, which reads back as the same condition.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let list = |conditions: &[Self]| conditions.iter().map(Self::to_json).collect::<Value>();
        match self {
            Self::All(conditions) => json!({"all": list(conditions)}),
            Self::Any(conditions) => json!({"any": list(conditions)}),
            Self::Not(condition) => json!({"not": condition.to_json()}),
            Self::Test(leaf) => {
                let mut object = Map::new();
                object.insert("field".to_owned(), leaf.field.clone().into());
                object.insert(leaf.operator.name.to_owned(), leaf.operand.clone());
                if leaf.fold_accents {
                    object.insert("fold-accents".to_owned(), true.into());
                }
                Value::Object(object)
            }
        }
    }
}

impl Leaf {
    fn evaluate(&self, scope: &dyn Scope) -> Explained {
        let actual = scope.get(&self.field).filter(|value| !value.is_null());
        let expected = self.expected(scope);
        let held = match &actual {
            None => self.operator.holds_for_missing(&expected),
            Some(actual) => {
                let zone = match self.compiled {
                    Compiled::Hours(_) | Compiled::Calendar(_) => scope.get(CONTACT_ZONE),
                    _ => None,
                };
                let test = Test {
                    actual,
                    expected: &expected,
                    compiled: &self.compiled,
                    fold_accents: self.fold_accents,
                    now: scope.now(),
                    time_zone: scope.time_zone(),
                    contact_zone: zone.as_ref().and_then(|zone| zone.as_str()),
                };
                (self.operator.holds)(&test) != self.operator.negated
            }
        };
        Explained {
            field: self.field.clone(),
            operator: self.operator.name,
            expected,
            actual,
            held,
        }
    }

    /// The operand with its variables put in. A variable without a value becomes `null`, which
    /// equals nothing, so that two missing values are not the same.
    fn expected(&self, scope: &dyn Scope) -> Value {
        if let Compiled::Calendar(path) = &self.compiled {
            // The hours of now: a calendar that is changed counts from then on.
            scope.get(path).unwrap_or_default()
        } else if self.operator.takes_variables() {
            put_in(&self.operand, scope)
        } else {
            self.operand.clone()
        }
    }
}

fn put_in(operand: &Value, scope: &dyn Scope) -> Value {
    match operand {
        Value::String(text) if text.contains('$') => {
            let template = Template::parse(text);
            if let Some(variable) = template.lone() {
                return scope
                    .get(&variable.path)
                    .filter(|value| !value.is_null())
                    .or_else(|| variable.default.clone().map(Value::String))
                    .unwrap_or(Value::Null);
            }
            template
                .render(scope, crate::variables::Escape::None, Unset::Empty)
                .map_or(Value::Null, |rendered| Value::String(rendered.text))
        }
        Value::Array(items) => items.iter().map(|item| put_in(item, scope)).collect(),
        Value::Object(entries) => Value::Object(
            entries
                .iter()
                .map(|(key, value)| (key.clone(), put_in(value, scope)))
                .collect(),
        ),
        _ => operand.clone(),
    }
}

impl Serialize for Condition {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.to_json().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Condition {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(deserializer)?;
        Self::parse(&value).map_err(|problems| {
            let told: Vec<String> = problems.iter().map(ToString::to_string).collect();
            serde::de::Error::custom(told.join("; "))
        })
    }
}

#[cfg(test)]
mod tests;
