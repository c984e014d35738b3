//! Where variables get their values, and what time it is for them.

use jiff::{Timestamp, tz::TimeZone};
use serde_json::Value;

use super::Snippet;

/// The values that a text, a condition or a template can see.
///
/// The clock is here because conditions compare with the time now; asking anything else would make
/// their answer depend on something that is not recorded.
pub trait Scope {
    /// The value at a path such as `contact.firstname` or `steps.ask.answers.0`. None and `null`
    /// both mean that there is no value.
    fn get(&self, path: &str) -> Option<Value>;

    /// The snippet of this name.
    fn snippet(&self, _name: &str) -> Option<&Snippet> {
        None
    }

    /// The time now.
    fn now(&self) -> Timestamp;

    /// The time zone in which dates without an offset are read: the workspace's.
    fn time_zone(&self) -> &TimeZone;
}

/// Looks a dotted path up in JSON; a number picks a list's item, counted from 0.
#[must_use]
pub fn lookup<'a>(root: &'a Value, path: &str) -> Option<&'a Value> {
    path.split('.').try_fold(root, |value, name| match value {
        Value::Object(entries) => entries.get(name),
        Value::Array(items) => name
            .parse::<usize>()
            .ok()
            .and_then(|index| items.get(index)),
        _ => None,
    })
}

/// A scope over one JSON object, a namespace under each of its keys.
#[derive(Debug, Clone)]
pub struct ValueScope {
    /// `{"contact": {…}, "call": {…}, …}`
    pub values: Value,
    /// The time now.
    pub now: Timestamp,
    /// The workspace's time zone.
    pub time_zone: TimeZone,
}

impl Scope for ValueScope {
    fn get(&self, path: &str) -> Option<Value> {
        lookup(&self.values, path)
            .filter(|value| !value.is_null())
            .cloned()
    }

    fn now(&self) -> Timestamp {
        self.now
    }

    fn time_zone(&self) -> &TimeZone {
        &self.time_zone
    }
}
