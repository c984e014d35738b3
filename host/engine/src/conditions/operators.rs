//! The operators, as a table: name, what it takes, what it does.
//!
//! The parser checks operands by this table, the evaluator runs by it, the published schema and the
//! documentation are checked against it. An operator more is a row more.

use jiff::{Timestamp, tz::TimeZone};
use regex::Regex;
use serde_json::Value;

use super::compare;
use crate::schedule::{BusinessHours, Duration};

/// What an operator takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operand {
    /// A text, a number, or `true` or `false`.
    Scalar,
    /// A scalar or a list of scalars.
    Any,
    /// A number.
    Number,
    /// A text.
    Text,
    /// A list of scalars with at least one item.
    List,
    /// Two numbers, two dates or two durations.
    Range,
    /// A date, with or without a time.
    Moment,
    /// A duration such as `2h`.
    Duration,
    /// A regular expression.
    Pattern,
    /// A name, or `{name, value}`.
    QueryParameter,
    /// Business hours, as in [`BusinessHours`], or the name of a calendar.
    Hours,
    /// `true` or `false`: whether it is to hold.
    Switch,
}

/// An operator.
#[derive(Debug)]
pub struct Operator {
    /// The key in a condition.
    pub name: &'static str,
    /// For people: `{field} … {operand}`.
    pub title: &'static str,
    /// What it takes.
    pub operand: Operand,
    /// It holds exactly where `holds` does not.
    pub negated: bool,
    /// What it asks of a value that is there.
    pub(super) holds: fn(&Test<'_>) -> bool,
    /// Whether it holds for a value that is missing; where the operand is a switch, when that is
    /// `true`.
    pub for_missing: bool,
}

impl Operator {
    /// Whether variables are put into its operand.
    #[must_use]
    pub fn takes_variables(&self) -> bool {
        !matches!(
            self.operand,
            Operand::Pattern | Operand::Hours | Operand::Switch
        )
    }

    /// Whether it holds for a value that is missing.
    pub(super) fn holds_for_missing(&self, expected: &Value) -> bool {
        match (self.operand, expected) {
            (Operand::Switch, Value::Bool(wanted)) => *wanted == self.for_missing,
            _ => self.for_missing,
        }
    }
}

/// What an operator looks at.
#[derive(Debug)]
pub(super) struct Test<'a> {
    pub(super) actual: &'a Value,
    pub(super) expected: &'a Value,
    pub(super) compiled: &'a Compiled,
    pub(super) fold_accents: bool,
    pub(super) now: Timestamp,
    pub(super) time_zone: &'a TimeZone,
    /// Where hours are asked about: the contact's time zone.
    pub(super) contact_zone: Option<&'a str>,
}

/// What was made of an operand when it was read.
#[derive(Debug, Clone)]
pub(super) enum Compiled {
    Nothing,
    Pattern(Regex),
    Duration(Duration),
    Hours(BusinessHours),
    /// The path at which the scope has the hours.
    Calendar(String),
}

const fn row(
    name: &'static str,
    title: &'static str,
    operand: Operand,
    holds: fn(&Test<'_>) -> bool,
) -> Operator {
    Operator {
        name,
        title,
        operand,
        negated: false,
        holds,
        for_missing: false,
    }
}

/// The opposite of another row: it also holds for what is missing.
const fn not(
    name: &'static str,
    title: &'static str,
    operand: Operand,
    holds: fn(&Test<'_>) -> bool,
) -> Operator {
    Operator {
        name,
        title,
        operand,
        negated: true,
        holds,
        for_missing: true,
    }
}

/// Every operator.
pub static OPERATORS: [Operator; 31] = [
    row("is", "is", Operand::Any, compare::is),
    not("is-not", "is not", Operand::Any, compare::is),
    row(
        "greater-than",
        "is greater than",
        Operand::Number,
        compare::greater_than,
    ),
    row(
        "at-least",
        "is at least",
        Operand::Number,
        compare::at_least,
    ),
    row(
        "less-than",
        "is less than",
        Operand::Number,
        compare::less_than,
    ),
    row("at-most", "is at most", Operand::Number, compare::at_most),
    row(
        "between",
        "is between (both included)",
        Operand::Range,
        compare::between,
    ),
    row("exists", "has a value", Operand::Switch, compare::switch),
    not(
        "not-exists",
        "has no value",
        Operand::Switch,
        compare::switch,
    ),
    row("contains", "contains", Operand::Scalar, compare::contains),
    not(
        "not-contains",
        "does not contain",
        Operand::Scalar,
        compare::contains,
    ),
    row(
        "starts-with",
        "starts with",
        Operand::Text,
        compare::starts_with,
    ),
    row("ends-with", "ends with", Operand::Text, compare::ends_with),
    row("in", "is one of", Operand::List, compare::is_in),
    not("not-in", "is none of", Operand::List, compare::is_in),
    row(
        "matches",
        "matches the pattern",
        Operand::Pattern,
        compare::matches,
    ),
    row(
        "has-any-of",
        "has any of",
        Operand::List,
        compare::has_any_of,
    ),
    row(
        "has-all-of",
        "has all of",
        Operand::List,
        compare::has_all_of,
    ),
    not(
        "has-none-of",
        "has none of",
        Operand::List,
        compare::has_any_of,
    ),
    row("after", "is after", Operand::Moment, compare::after),
    row("before", "is before", Operand::Moment, compare::before),
    Operator {
        for_missing: true,
        ..row("is-empty", "is empty", Operand::Switch, compare::is_empty)
    },
    row(
        "has-query-parameter",
        "has the query parameter",
        Operand::QueryParameter,
        compare::has_query_parameter,
    ),
    row(
        "older-than",
        "is longer ago than",
        Operand::Duration,
        compare::older_than,
    ),
    row(
        "newer-than",
        "is less long ago than",
        Operand::Duration,
        compare::newer_than,
    ),
    row(
        "within-hours",
        "is within the hours",
        Operand::Hours,
        compare::within_hours,
    ),
    row(
        "outside-hours",
        "is outside the hours",
        Operand::Hours,
        compare::outside_hours,
    ),
    row(
        "is-keyword",
        "is the keyword",
        Operand::Any,
        compare::is_keyword,
    ),
    row(
        "starts-with-word",
        "starts with the word",
        Operand::Any,
        compare::starts_with_word,
    ),
    row(
        "contains-word",
        "contains the word",
        Operand::Any,
        compare::contains_word,
    ),
    not(
        "not-contains-word",
        "does not contain the word",
        Operand::Any,
        compare::contains_word,
    ),
];

/// The operator of that name.
#[must_use]
pub fn find(name: &str) -> Option<&'static Operator> {
    OPERATORS.iter().find(|operator| operator.name == name)
}
