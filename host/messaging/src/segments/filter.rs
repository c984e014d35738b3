//! A filter of contacts: a condition of the engine's one language over `contact.…`, checked before
//! it is kept.
//!
//! What must hold: whatever a filter names is there when it is checked (fields, lists, channels), so
//! that a typing error is not a segment that is always empty; `contact.created_at` alone is looked
//! up in the database, all else is asked of each contact.

use crate::contacts::document::names;
use crate::context::Context;
use crate::error::{Error, Problem, Result};
use crate::lists;
use jackfield_engine::conditions::{Condition, Leaf};
use jackfield_engine::document::problem::nearest;
use jackfield_engine::schedule::{Duration, Moment};
use jackfield_engine::variables::{Template, ValueScope};
use jackfield_store::first_id;
use jackfield_store::records::Channel;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::{Map, Value, json};

/// The namespace that filters test.
const CONTACT: &str = "contact";
/// A contact's row is written a moment after its id is made, or before.
const SLACK: i64 = 60_000;

/// A filter that can be asked.
#[derive(Debug, Clone)]
pub(crate) struct Filter {
    condition: Condition,
    zone: TimeZone,
}

impl Filter {
    /// Reads a filter and checks what it names.
    ///
    /// # Errors
    /// `invalid` with everything that is wrong.
    pub(crate) async fn read(
        context: &Context,
        workspace: &str,
        filter: &Value,
        time_zone: Option<&str>,
    ) -> Result<Filter> {
        let settings = context.settings(workspace).await?;
        let mut problems = Vec::new();
        let zone = match time_zone {
            None => settings.zone(),
            Some(name) => TimeZone::get(name).unwrap_or_else(|_| {
                let said = format!(
                    "`{name}` is no time zone: use a name of the IANA database such as \
                     `Europe/Paris`"
                );
                problems.push(Problem::new("time-zone", said));
                TimeZone::UTC
            }),
        };
        let condition = match Condition::parse(filter) {
            Ok(condition) => condition,
            Err(found) => {
                problems.extend(found.into_iter().map(|one| {
                    let meant = one.suggestion.as_ref();
                    let meant = meant.map(|meant| format!(" (did you mean `{meant}`?)"));
                    let said = format!("{}{}", one.message, meant.unwrap_or_default());
                    Problem::new(format!("filter{}", one.path), said)
                }));
                return Err(Error::problems("invalid-filter", problems));
            }
        };
        problems.extend(Names::of(context, workspace).await?.check(&condition));
        if problems.is_empty() {
            Ok(Filter { condition, zone })
        } else {
            Err(Error::problems("invalid-filter", problems))
        }
    }

    /// One that was checked when it was kept.
    ///
    /// # Errors
    /// `unavailable` where it is of another version of Jackfield.
    pub(crate) fn kept(filter: &Value, zone: TimeZone) -> Result<Filter> {
        let condition = Condition::parse(filter)
            .map_err(|_| Error::unavailable("the filter is of another version of Jackfield"))?;
        Ok(Filter { condition, zone })
    }

    /// Whether it asks on which lists a contact is.
    pub(crate) fn asks_lists(&self) -> bool {
        let fields = self.condition.fields();
        let asked = |field: &&str| root(field) == Some("lists");
        fields.iter().any(asked) || self.operands().any(|path| root(&path) == Some("lists"))
    }

    fn operands(&self) -> impl Iterator<Item = String> {
        let leaves = self.condition.leaves();
        let paths: Vec<String> = leaves
            .into_iter()
            .flat_map(|(_, leaf)| variables(&leaf.operand))
            .collect();
        paths.into_iter()
    }

    /// The id before which no contact is meant, where the filter asks for new ones alone. Contacts
    /// are never newer than their ids say (a merge keeps the earlier time).
    pub(crate) fn first(&self, now: i64) -> Option<String> {
        let bound = |condition: &Condition| match condition {
            Condition::Test(leaf) => since(leaf, now, &self.zone),
            _ => None,
        };
        let since = match &self.condition {
            Condition::All(all) => all.iter().filter_map(bound).max(),
            one => bound(one),
        };
        since.map(|at| first_id("ctc", at.saturating_sub(SLACK)))
    }

    /// Whether a contact, as it is shown, is meant.
    pub(crate) fn holds(&self, contact: &Map<String, Value>, now: i64) -> bool {
        let now = Timestamp::from_millisecond(now).unwrap_or_default();
        let scope = ValueScope {
            values: json!({CONTACT: contact}),
            now,
            time_zone: self.zone.clone(),
        };
        self.condition.evaluate(&scope)
    }
}

/// Since when a contact was made for which this test holds.
fn since(leaf: &Leaf, now: i64, zone: &TimeZone) -> Option<i64> {
    let operand = leaf.operand.as_str()?;
    if leaf.field != "contact.created_at" || operand.contains('$') {
        return None;
    }
    match leaf.operator.name {
        "newer-than" => {
            let age: Duration = operand.parse().ok()?;
            Some(now.saturating_sub(i64::try_from(age.as_millis()).ok()?))
        }
        "after" => {
            let moment = Moment::parse(operand, zone).ok()?;
            Some(moment.instant.as_millisecond())
        }
        _ => None,
    }
}

/// The first name behind `contact.`.
fn root(path: &str) -> Option<&str> {
    let rest = path.strip_prefix(CONTACT)?.strip_prefix('.')?;
    rest.split('.').next()
}

/// The variables in an operand.
fn variables(operand: &Value) -> Vec<String> {
    match operand {
        Value::String(text) => {
            let template = Template::parse(text);
            template.variables().map(|one| one.path.clone()).collect()
        }
        Value::Array(items) => items.iter().flat_map(variables).collect(),
        Value::Object(entries) => entries.values().flat_map(variables).collect(),
        _ => Vec::new(),
    }
}

/// What a workspace has that filters can name.
struct Names {
    fields: Vec<String>,
    lists: Vec<String>,
    channels: Vec<String>,
}

impl Names {
    async fn of(context: &Context, workspace: &str) -> Result<Names> {
        let custom = context.fields(workspace).await?;
        let custom = custom.iter().map(|field| field.name.clone());
        let lists = lists::all(context, workspace).await?;
        let channels = context.channels(workspace).await?;
        Ok(Names {
            fields: names().map(str::to_owned).chain(custom).collect(),
            lists: lists.into_iter().map(|list| list.name).collect(),
            channels: channels
                .iter()
                .map(|one: &Channel| one.name.clone())
                .collect(),
        })
    }

    fn check(&self, condition: &Condition) -> Vec<Problem> {
        let mut problems = Vec::new();
        for (path, leaf) in condition.leaves() {
            let path = format!("filter{path}");
            problems.extend(self.field(&leaf.field, format!("{path}/field")));
            let operand = format!("{path}/{}", leaf.operator.name);
            if leaf.operator.takes_variables() {
                for variable in variables(&leaf.operand) {
                    problems.extend(self.field(&variable, operand.clone()));
                }
            }
            let known = match root(&leaf.field) {
                Some("lists") => Some(("list", &self.lists)),
                Some("channels" | "last_channel") => Some(("channel", &self.channels)),
                _ => None,
            };
            if let Some((what, known)) = known
                && NAMING.contains(&leaf.operator.name)
            {
                let unknown =
                    named(&leaf.operand).filter(|name| known.iter().all(|one| one != name));
                problems.extend(
                    unknown.map(|name| Problem::new(operand.clone(), missing(what, name, known))),
                );
            }
        }
        problems
    }

    fn field(&self, field: &str, path: String) -> Option<Problem> {
        if field.starts_with("system.") {
            return None;
        }
        let known = || self.fields.iter().map(String::as_str);
        let Some(name) = root(field) else {
            let meant = nearest(field, known());
            let meant = meant.map_or_else(String::new, |one| format!(", such as `contact.{one}`"));
            let said = format!("`{field}`: a filter tests what a contact has{meant}");
            return Some(Problem::new(path, said));
        };
        if known().any(|one| one == name) {
            return None;
        }
        Some(Problem::new(path, missing("field", name, &self.fields)))
    }
}

/// Operators whose operands are whole names.
const NAMING: [&str; 7] = [
    "is",
    "is-not",
    "in",
    "not-in",
    "has-any-of",
    "has-all-of",
    "has-none-of",
];

/// The names in an operand that hold no variable.
fn named(operand: &Value) -> impl Iterator<Item = &str> {
    let items = match operand {
        Value::Array(items) => items.as_slice(),
        one => std::slice::from_ref(one),
    };
    let texts = items.iter().filter_map(Value::as_str);
    texts.filter(|text| !text.contains('$'))
}

fn missing(what: &str, name: &str, known: &[String]) -> String {
    match nearest(name, known.iter().map(String::as_str)) {
        Some(meant) => format!("there is no {what} `{name}` (did you mean `{meant}`?)"),
        None => format!("there is no {what} `{name}` in this workspace"),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn filter(filter: Value) -> Filter {
        Filter::kept(&filter, TimeZone::UTC).unwrap()
    }

    #[test]
    fn only_what_asks_for_new_contacts_begins_late() {
        let now = 1_800_000_000_000;
        let day = 86_400_000;
        let week = json!({"field": "contact.created_at", "newer-than": "7d"});
        let day_and_week =
            json!({"all": [week, {"field": "contact.created_at", "newer-than": "1d"}]});
        let any = json!({"any": [week, {"field": "contact.country", "exists": true}]});
        let from = |since: i64| Some(first_id("ctc", since - SLACK));
        assert_eq!(filter(week.clone()).first(now), from(now - 7 * day));
        assert_eq!(filter(day_and_week).first(now), from(now - day));
        assert_eq!(filter(any).first(now), None);
        let not = json!({"not": week});
        assert_eq!(filter(not).first(now), None);
        let date = json!({"field": "contact.created_at", "after": "1970-01-02"});
        assert_eq!(filter(date).first(now), from(day));
    }

    #[test]
    fn a_filter_says_whether_it_needs_lists() {
        let lists = json!({"not": {"field": "contact.lists", "has-any-of": ["news"]}});
        assert!(filter(lists).asks_lists());
        assert!(!filter(json!({"field": "contact.tags", "has-any-of": ["lists"]})).asks_lists());
    }
}
