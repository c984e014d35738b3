//! What the operators do with a value that is there. The rules stand at the top of
//! [`crate::conditions`]; rows of [`super::operators::OPERATORS`] point here.

use std::cmp::Ordering;

use jiff::{Timestamp, tz::TimeZone};
use serde_json::Value;
use unicode_normalization::{UnicodeNormalization, char::is_combining_mark};

use super::operators::{Compiled, Test};
use super::words::words;
use crate::{
    schedule::{BusinessHours, Duration, Moment},
    variables::as_text,
};

pub(super) fn is(test: &Test<'_>) -> bool {
    equal(test.actual, test.expected, test.fold_accents)
}

pub(super) fn greater_than(test: &Test<'_>) -> bool {
    compare_numbers(test.actual, test.expected) == Some(Ordering::Greater)
}

pub(super) fn less_than(test: &Test<'_>) -> bool {
    compare_numbers(test.actual, test.expected) == Some(Ordering::Less)
}

pub(super) fn at_least(test: &Test<'_>) -> bool {
    compare_numbers(test.actual, test.expected).is_some_and(Ordering::is_ge)
}

pub(super) fn at_most(test: &Test<'_>) -> bool {
    compare_numbers(test.actual, test.expected).is_some_and(Ordering::is_le)
}

/// Numbers, dates, or two durations that a date lies back; both ends included.
pub(super) fn between(test: &Test<'_>) -> bool {
    let Some([low, high]) = test.expected.as_array().map(Vec::as_slice) else {
        return false;
    };
    if let (Some(from), Some(to)) = (
        compare_numbers(test.actual, low),
        compare_numbers(test.actual, high),
    ) {
        return from.is_ge() && to.is_le();
    }
    let Some(actual) = moment(test.actual, test.time_zone) else {
        return false;
    };
    if let (Some(shortest), Some(longest)) = (duration(low), duration(high)) {
        let age = age(&actual, test.now);
        return age >= i128::from(shortest.as_millis()) && age <= i128::from(longest.as_millis());
    }
    match (moment(low, test.time_zone), moment(high, test.time_zone)) {
        (Some(low), Some(high)) => {
            actual.compare(&low, test.time_zone).is_ge()
                && actual.compare(&high, test.time_zone).is_le()
        }
        _ => false,
    }
}

/// The operand of `exists`: a value is there. A list without items, such as the tags of a contact
/// that has none, is no value.
pub(super) fn switch(test: &Test<'_>) -> bool {
    let there = test.actual.as_array().is_none_or(|items| !items.is_empty());
    test.expected == &Value::Bool(there)
}

pub(super) fn is_empty(test: &Test<'_>) -> bool {
    let empty = match test.actual {
        Value::Null => true,
        Value::String(text) => text.trim().is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(entries) => entries.is_empty(),
        Value::Bool(_) | Value::Number(_) => false,
    };
    test.expected == &Value::Bool(empty)
}

/// In a text: a part of it. In a list: one of its items.
pub(super) fn contains(test: &Test<'_>) -> bool {
    if test.expected.is_null() {
        return false;
    }
    match test.actual {
        Value::Array(items) => items
            .iter()
            .any(|item| equal(item, test.expected, test.fold_accents)),
        _ => fold(test.actual, test).contains(&fold(test.expected, test)),
    }
}

pub(super) fn starts_with(test: &Test<'_>) -> bool {
    any_item(test, |item| {
        fold(item, test).starts_with(&fold(test.expected, test))
    })
}

pub(super) fn ends_with(test: &Test<'_>) -> bool {
    any_item(test, |item| {
        fold(item, test).ends_with(&fold(test.expected, test))
    })
}

/// The value is one of the list; of a list, one of its items is.
pub(super) fn is_in(test: &Test<'_>) -> bool {
    has_any_of(test)
}

pub(super) fn has_any_of(test: &Test<'_>) -> bool {
    let wanted = items(test.expected);
    items(test.actual).iter().any(|item| {
        wanted
            .iter()
            .any(|other| equal(item, other, test.fold_accents))
    })
}

pub(super) fn has_all_of(test: &Test<'_>) -> bool {
    let there = items(test.actual);
    items(test.expected).iter().all(|wanted| {
        there
            .iter()
            .any(|item| equal(item, wanted, test.fold_accents))
    })
}

/// Anywhere in the text, after NFKC, case folded by the pattern itself.
pub(super) fn matches(test: &Test<'_>) -> bool {
    let Compiled::Pattern(pattern) = test.compiled else {
        return false;
    };
    any_item(test, |item| {
        let text: String = as_text(item).nfkc().collect();
        pattern.is_match(&if test.fold_accents {
            without_accents(&text)
        } else {
            text
        })
    })
}

pub(super) fn after(test: &Test<'_>) -> bool {
    compare_moments(test) == Some(Ordering::Greater)
}

pub(super) fn before(test: &Test<'_>) -> bool {
    compare_moments(test) == Some(Ordering::Less)
}

pub(super) fn older_than(test: &Test<'_>) -> bool {
    compare_age(test) == Some(Ordering::Greater)
}

pub(super) fn newer_than(test: &Test<'_>) -> bool {
    compare_age(test) == Some(Ordering::Less)
}

pub(super) fn within_hours(test: &Test<'_>) -> bool {
    hours_open(test) == Some(true)
}

pub(super) fn outside_hours(test: &Test<'_>) -> bool {
    hours_open(test) == Some(false)
}

pub(super) fn has_query_parameter(test: &Test<'_>) -> bool {
    let (name, value) = match test.expected {
        Value::Object(wanted) => (wanted.get("name"), wanted.get("value")),
        name => (Some(name), None),
    };
    let Some(name) = name.filter(|name| !name.is_null()).map(as_text) else {
        return false;
    };
    any_item(test, |item| {
        let address = as_text(item);
        let Some((_, query)) = address.split_once('?') else {
            return false;
        };
        let query = query.split('#').next().unwrap_or_default();
        url::form_urlencoded::parse(query.as_bytes()).any(|(key, found)| {
            key == name
                && value.is_none_or(|wanted| {
                    equal(
                        &Value::String(found.into_owned()),
                        wanted,
                        test.fold_accents,
                    )
                })
        })
    })
}

pub(super) fn is_keyword(test: &Test<'_>) -> bool {
    any_words(test, |said, wanted| said == wanted)
}

pub(super) fn starts_with_word(test: &Test<'_>) -> bool {
    any_words(test, |said, wanted| said.starts_with(wanted))
}

pub(super) fn contains_word(test: &Test<'_>) -> bool {
    any_words(test, |said, wanted| {
        said.windows(wanted.len()).any(|part| part == wanted)
    })
}

/// Whether the words of the value and those of one of the operand's items are as asked. Words are
/// runs of letters and digits, case and accents folded, so "ARRÊT!" is "arret" and "nonstop" does
/// not hold "stop".
fn any_words(test: &Test<'_>, holds: impl Fn(&[String], &[String]) -> bool) -> bool {
    let words = |value: &Value| words(&as_text(value));
    let wanted: Vec<Vec<String>> = items(test.expected).into_iter().map(words).collect();
    any_item(test, |item| {
        let said = words(item);
        wanted
            .iter()
            .any(|wanted| !wanted.is_empty() && holds(&said, wanted))
    })
}

/// Whether the value, or one item of it if it is a list, is as asked. An operand that is missing
/// never is.
fn any_item(test: &Test<'_>, holds: impl Fn(&Value) -> bool) -> bool {
    !test.expected.is_null() && items(test.actual).into_iter().any(holds)
}

fn items(value: &Value) -> Vec<&Value> {
    match value {
        Value::Null => Vec::new(),
        Value::Array(items) => items.iter().collect(),
        other => vec![other],
    }
}

fn equal(a: &Value, b: &Value, fold_accents: bool) -> bool {
    match (a, b) {
        (Value::Null, _) | (_, Value::Null) => false,
        (Value::Array(a), Value::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| equal(a, b, fold_accents))
        }
        (Value::Array(items), other) | (other, Value::Array(items)) => {
            items.len() == 1 && equal(&items[0], other, fold_accents)
        }
        (Value::Object(_), _) | (_, Value::Object(_)) => a == b,
        (Value::Number(_), _) | (_, Value::Number(_)) if compare_numbers(a, b).is_some() => {
            compare_numbers(a, b) == Some(Ordering::Equal)
        }
        _ => fold_text(&as_text(a), fold_accents) == fold_text(&as_text(b), fold_accents),
    }
}

fn fold(value: &Value, test: &Test<'_>) -> String {
    fold_text(&as_text(value), test.fold_accents)
}

/// NFKC and full case folding; NFKC again, because folding may undo it.
pub(super) fn fold_text(text: &str, fold_accents: bool) -> String {
    if text.is_ascii() {
        // All of the above leaves ASCII as it is, but for its capitals.
        return text.to_ascii_lowercase();
    }
    let normal: String = text.nfkc().collect();
    let folded: String = caseless::default_case_fold_str(&normal).nfkc().collect();
    if fold_accents {
        without_accents(&folded)
    } else {
        folded
    }
}

pub(super) fn without_accents(text: &str) -> String {
    text.nfkd().filter(|c| !is_combining_mark(*c)).collect()
}

/// Compares as numbers; none where one of the two does not read as a number.
fn compare_numbers(a: &Value, b: &Value) -> Option<Ordering> {
    let (a, b) = (number(a)?, number(b)?);
    match (a, b) {
        (Number::Whole(a), Number::Whole(b)) => Some(a.cmp(&b)),
        (a, b) => a.float().partial_cmp(&b.float()),
    }
}

#[derive(Clone, Copy)]
enum Number {
    Whole(i128),
    Float(f64),
}

impl Number {
    fn float(self) -> f64 {
        match self {
            Self::Whole(value) => value as f64,
            Self::Float(value) => value,
        }
    }
}

fn number(value: &Value) -> Option<Number> {
    match value {
        Value::Number(number) => number
            .as_i64()
            .map(i128::from)
            .or_else(|| number.as_u64().map(i128::from))
            .map(Number::Whole)
            .or_else(|| number.as_f64().map(Number::Float)),
        Value::String(text) => read_number(text),
        _ => None,
    }
}

fn read_number(text: &str) -> Option<Number> {
    let text = text.trim();
    if text.len() > 64
        || !text
            .bytes()
            .all(|b| b.is_ascii_digit() || b"+-.eE".contains(&b))
    {
        return None;
    }
    let whole = text.parse().ok().map(Number::Whole);
    whole.or_else(|| {
        text.parse()
            .ok()
            .filter(|n: &f64| n.is_finite())
            .map(Number::Float)
    })
}

/// Whether a text reads as a number.
pub(super) fn is_number(text: &str) -> bool {
    read_number(text).is_some()
}

/// A text that is a date, or a number of milliseconds since 1970.
fn moment(value: &Value, time_zone: &TimeZone) -> Option<Moment> {
    match value {
        Value::String(text) => Moment::parse(text, time_zone).ok(),
        Value::Number(number) => {
            let instant = Timestamp::from_millisecond(number.as_i64()?).ok()?;
            Some(Moment { instant, day: None })
        }
        _ => None,
    }
}

fn duration(value: &Value) -> Option<Duration> {
    value.as_str()?.parse().ok()
}

fn compare_moments(test: &Test<'_>) -> Option<Ordering> {
    let actual = moment(test.actual, test.time_zone)?;
    Some(actual.compare(&moment(test.expected, test.time_zone)?, test.time_zone))
}

/// How long ago, in milliseconds; negative for the future.
fn age(moment: &Moment, now: Timestamp) -> i128 {
    i128::from(now.as_millisecond()) - i128::from(moment.instant.as_millisecond())
}

fn compare_age(test: &Test<'_>) -> Option<Ordering> {
    let length = match test.compiled {
        Compiled::Duration(length) => *length,
        _ => duration(test.expected)?,
    };
    let actual = moment(test.actual, test.time_zone)?;
    Some(age(&actual, test.now).cmp(&i128::from(length.as_millis())))
}

fn hours_open(test: &Test<'_>) -> Option<bool> {
    let own;
    let hours = match test.compiled {
        Compiled::Hours(hours) if !hours.is_of_contact() => hours,
        Compiled::Hours(hours) => {
            own = hours.clone().of_contact(test.contact_zone);
            &own
        }
        // One that is not there is neither open nor closed.
        Compiled::Calendar(_) => {
            let named = BusinessHours::parse(test.expected).ok()?;
            own = named.of_contact(test.contact_zone);
            &own
        }
        _ => return None,
    };
    Some(hours.is_open(moment(test.actual, test.time_zone)?.instant, test.time_zone))
}
