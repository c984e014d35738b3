//! Values of fields: ten types, how texts become them, and the four operations.
//!
//! Workflows hand values over as text (variables are put into texts), so every type reads text.
//! What does not fit is refused with what would.

use super::address;
use jackfield_sandbox::wit::contacts;
use jiff::civil::{Date, Time};
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use serde_json::{Number, Value};
use url::Url;

/// The longest text, in characters.
const LONGEST: usize = 10_000;

/// The type of a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FieldKind {
    /// Any text.
    Text,
    /// One or several of a fixed set.
    List,
    /// Yes or no.
    Checkbox,
    /// A mail address.
    Email,
    /// A number.
    Number,
    /// `http` or `https`.
    Url,
    /// A day.
    Date,
    /// A time of day.
    Time,
    /// E.164.
    Phone,
    /// A name of the IANA database.
    TimeZone,
}

impl FieldKind {
    /// As stored.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            FieldKind::Text => "text",
            FieldKind::List => "list",
            FieldKind::Checkbox => "checkbox",
            FieldKind::Email => "email",
            FieldKind::Number => "number",
            FieldKind::Url => "url",
            FieldKind::Date => "date",
            FieldKind::Time => "time",
            FieldKind::Phone => "phone",
            FieldKind::TimeZone => "time-zone",
        }
    }

    /// From its name.
    #[must_use]
    pub fn named(name: &str) -> Option<FieldKind> {
        serde_json::from_value(Value::String(name.to_owned())).ok()
    }
}

/// What is done with a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Operation {
    /// Replaces the value; an empty text removes it.
    Set,
    /// Removes the value.
    Clear,
    /// Adds to the end of a text, or to a list.
    Append,
    /// Adds to a number.
    Increment,
}

impl From<contacts::Operation> for Operation {
    fn from(operation: contacts::Operation) -> Operation {
        match operation {
            contacts::Operation::Set => Operation::Set,
            contacts::Operation::Clear => Operation::Clear,
            contacts::Operation::Append => Operation::Append,
            contacts::Operation::Increment => Operation::Increment,
        }
    }
}

/// A field: its type and, for a list, what it may hold.
#[derive(Debug, Clone)]
pub(crate) struct FieldType {
    pub(crate) kind: FieldKind,
    pub(crate) options: Vec<String>,
}

impl FieldType {
    /// The new value of a field; none where it has none then.
    ///
    /// # Errors
    /// What would fit.
    pub(crate) fn operate(
        &self,
        current: Option<&Value>,
        operation: Operation,
        value: &Value,
        country: Option<&str>,
    ) -> Result<Option<Value>, String> {
        let empty = value.is_null() || value.as_str().is_some_and(|text| text.trim().is_empty());
        match operation {
            Operation::Clear => Ok(None),
            Operation::Set if empty => Ok(None),
            Operation::Set => self.convert(value, country).map(Some),
            Operation::Append => self.append(current, value, country).map(Some),
            Operation::Increment => {
                if self.kind != FieldKind::Number {
                    return Err(format!(
                        "only a number can be incremented, this is a {}",
                        self.kind.name()
                    ));
                }
                let zero = Value::from(0);
                add(current.unwrap_or(&zero), &self.convert(value, country)?).map(Some)
            }
        }
    }

    fn append(
        &self,
        current: Option<&Value>,
        value: &Value,
        country: Option<&str>,
    ) -> Result<Value, String> {
        match self.kind {
            FieldKind::Text => {
                let mut text = current
                    .and_then(Value::as_str)
                    .unwrap_or_default()
                    .to_owned();
                text.push_str(&plain(value)?);
                self.convert(&Value::String(text), country)
            }
            FieldKind::List => {
                let mut all = as_list(current);
                for one in as_list(Some(&self.convert(value, country)?)) {
                    if !all.contains(&one) {
                        all.push(one);
                    }
                }
                Ok(Value::Array(all))
            }
            other => Err(format!(
                "only texts and lists can be appended to, this is a {}",
                other.name()
            )),
        }
    }

    /// A value as this type stores it.
    ///
    /// # Errors
    /// What would fit.
    pub(crate) fn convert(&self, value: &Value, country: Option<&str>) -> Result<Value, String> {
        match self.kind {
            FieldKind::Text => {
                let text = plain(value)?;
                if text.chars().count() > LONGEST {
                    return Err("a text has at most 10,000 characters".to_owned());
                }
                Ok(Value::String(text))
            }
            FieldKind::List => match value {
                Value::Array(all) => {
                    let all: Result<Vec<Value>, String> =
                        all.iter().map(|one| self.option(one)).collect();
                    all.map(Value::Array)
                }
                one => self.option(one),
            },
            FieldKind::Checkbox => checkbox(value),
            FieldKind::Email => address::email(&plain(value)?)
                .map(Value::String)
                .ok_or_else(|| format!("{} is no mail address: {}", shown(value), address::EMAIL)),
            FieldKind::Phone => address::phone(&plain(value)?, country)
                .map(Value::String)
                .ok_or_else(|| format!("{} is no phone number: {}", shown(value), address::PHONE)),
            FieldKind::Number => number(value),
            FieldKind::Url => web(&plain(value)?)
                .ok_or_else(|| format!("{} is no web address: write `https://…`", shown(value))),
            FieldKind::Date => plain(value)?
                .trim()
                .parse::<Date>()
                .map(|date| Value::String(date.to_string()))
                .map_err(|_| format!("{} is no date: write it as `2026-12-31`", shown(value))),
            FieldKind::Time => time(&plain(value)?)
                .ok_or_else(|| format!("{} is no time of day: write it as `09:30`", shown(value))),
            FieldKind::TimeZone => zone(&plain(value)?).ok_or_else(|| {
                format!(
                    "{} is no time zone: write it as `Europe/Paris`",
                    shown(value)
                )
            }),
        }
    }

    fn option(&self, value: &Value) -> Result<Value, String> {
        let text = plain(value)?;
        let wanted = crate::keywords::fold(&text);
        self.options
            .iter()
            .find(|option| **option == text)
            .or_else(|| {
                self.options
                    .iter()
                    .find(|option| crate::keywords::fold(option) == wanted)
            })
            .map(|option| Value::String(option.clone()))
            .ok_or_else(|| format!("{} is none of: {}", shown(value), self.options.join(", ")))
    }
}

fn zone(text: &str) -> Option<Value> {
    let zone = TimeZone::get(text.trim()).ok()?;
    zone.iana_name().map(Value::from)
}

fn as_list(value: Option<&Value>) -> Vec<Value> {
    match value {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::Array(all)) => all.clone(),
        Some(one) => vec![one.clone()],
    }
}

fn plain(value: &Value) -> Result<String, String> {
    match value {
        Value::String(text) => Ok(text.clone()),
        Value::Number(number) => Ok(number.to_string()),
        Value::Bool(truth) => Ok(truth.to_string()),
        Value::Null => Ok(String::new()),
        Value::Array(_) | Value::Object(_) => {
            Err("a text is wanted, not a list or a mapping".to_owned())
        }
    }
}

fn shown(value: &Value) -> String {
    let text: String = plain(value)
        .unwrap_or_else(|_| value.to_string())
        .chars()
        .take(100)
        .collect();
    format!("`{text}`")
}

fn checkbox(value: &Value) -> Result<Value, String> {
    const YES: [&str; 4] = ["true", "yes", "1", "on"];
    const NO: [&str; 4] = ["false", "no", "0", "off"];
    let text = plain(value)?.trim().to_lowercase();
    if YES.contains(&text.as_str()) {
        Ok(Value::Bool(true))
    } else if NO.contains(&text.as_str()) {
        Ok(Value::Bool(false))
    } else {
        Err(format!("{} is neither `true` nor `false`", shown(value)))
    }
}

/// A number; a decimal comma is read where there is no point.
fn number(value: &Value) -> Result<Value, String> {
    if value.is_number() {
        return Ok(value.clone());
    }
    let text: String = plain(value)?
        .chars()
        .filter(|one| !matches!(one, ' ' | '\u{a0}' | '\u{202f}'))
        .collect();
    let text = if text.contains('.') {
        text
    } else {
        text.replacen(',', ".", 1)
    };
    if let Ok(whole) = text.parse::<i64>() {
        return Ok(Value::from(whole));
    }
    text.parse::<f64>()
        .ok()
        .and_then(Number::from_f64)
        .map(Value::Number)
        .ok_or_else(|| format!("{} is no number: write it as `12` or `12.5`", shown(value)))
}

fn add(one: &Value, other: &Value) -> Result<Value, String> {
    if let (Some(one), Some(other)) = (one.as_i64(), other.as_i64())
        && let Some(sum) = one.checked_add(other)
    {
        return Ok(Value::from(sum));
    }
    let sum = one
        .as_f64()
        .zip(other.as_f64())
        .and_then(|(one, other)| Number::from_f64(one + other));
    sum.map(Value::Number)
        .ok_or_else(|| "the sum is past what can be counted".to_owned())
}

fn web(text: &str) -> Option<Value> {
    let text = text.trim();
    let full = if text.contains("://") {
        text.to_owned()
    } else {
        format!("https://{text}")
    };
    let url = Url::parse(&full).ok()?;
    let host = url.host_str()?;
    let good =
        matches!(url.scheme(), "http" | "https") && (host.contains('.') || text.contains("://"));
    good.then(|| Value::String(url.to_string()))
}

fn time(text: &str) -> Option<Value> {
    let time: Time = text.trim().parse().ok()?;
    let form = if time.second() == 0 {
        "%H:%M"
    } else {
        "%H:%M:%S"
    };
    Some(Value::String(time.strftime(form).to_string()))
}

#[cfg(test)]
#[path = "value_tests.rs"]
mod tests;
