//! What was collected: a value is of its kind or it is not taken, whatever the model says.

use jackfield_plugin::{clock, contacts, prelude::*, variables};

use crate::settings::{Field, Kind};

/// The longest text, in characters.
const LONGEST: usize = 1_000;

/// The value as its kind is stored; or what would be right, for the model.
pub(crate) fn read(field: &Field, value: &Value) -> Result<Value, String> {
    let refuse = |wanted: &str| Err(format!("`{}` is to be {wanted}", field.name));
    let text = match value {
        Value::String(text) => text.trim().to_owned(),
        Value::Number(_) | Value::Bool(_) => value.to_string(),
        _ => return refuse("one value"),
    };
    if text.is_empty() || text.chars().count() > LONGEST {
        return refuse("a text of 1 to 1,000 characters");
    }
    match field.r#type {
        Kind::Text => Ok(json!(text)),
        Kind::Number => match text.parse::<f64>() {
            Ok(number) if number.is_finite() => Ok(whole(number)),
            _ => refuse("a number such as 12.5"),
        },
        Kind::Date => match clock::parse(&text) {
            Ok(_) if text.len() == 10 => Ok(json!(text)),
            _ => refuse("a date such as 2026-12-31"),
        },
        Kind::Email => match text.split_once('@') {
            Some((name, host)) if is_address(name, host) => {
                Ok(json!(format!("{name}@{}", host.to_ascii_lowercase())))
            }
            _ => refuse("a mail address"),
        },
        Kind::Phone => match phone(&text) {
            Some(phone) => Ok(json!(phone)),
            None => refuse("a phone number with its country code, such as +33612345678"),
        },
        Kind::Url => {
            let rest = ["https://", "http://"]
                .iter()
                .find_map(|scheme| text.strip_prefix(scheme));
            match rest {
                Some(rest) if rest.contains('.') && !text.contains(char::is_whitespace) => {
                    Ok(json!(text))
                }
                _ => refuse("a web address that begins with https://"),
            }
        }
        Kind::Boolean => match text.to_lowercase().as_str() {
            "true" | "yes" => Ok(json!(true)),
            "false" | "no" => Ok(json!(false)),
            _ => refuse("true or false"),
        },
        Kind::Choice => {
            let folded = text.to_lowercase();
            let mut options = field.options.iter();
            match options.find(|option| option.trim().to_lowercase() == folded) {
                Some(option) => Ok(json!(option)),
                None => refuse(&format!("one of: {}", field.options.join(", "))),
            }
        }
    }
}

/// Keeps a value: as a variable of the run, and on the contact where the author wants it.
pub(crate) fn keep(field: &Field, value: &Value) -> Result<(), String> {
    if let Some(name) = field.field.as_deref().filter(|name| !name.is_empty()) {
        contacts::update(name, contacts::Operation::Set, value)
            .map_err(|error| format!("`{}` was not taken: {}", field.name, error.message))?;
    }
    variables::set(&field.name, value)
        .map_err(|error| format!("`{}` was not taken: {}", field.name, error.message))
}

fn whole(number: f64) -> Value {
    if number.fract() == 0.0 && number.abs() < 9e15 {
        json!(number as i64)
    } else {
        json!(number)
    }
}

fn is_address(name: &str, host: &str) -> bool {
    let odd = |c: char| c.is_whitespace() || c == '@' || c == ',' || c == '<' || c == '>';
    let labels = host.split('.').all(|label| !label.is_empty());
    !name.is_empty()
        && name.len() + host.len() < 254
        && host.contains('.')
        && labels
        && !name.contains(odd)
        && !host.contains(odd)
}

fn phone(text: &str) -> Option<String> {
    let digits: String = text
        .strip_prefix('+')?
        .chars()
        .filter(|c| !" .-()/".contains(*c))
        .collect();
    let good = (7..=15).contains(&digits.len())
        && digits.bytes().all(|b| b.is_ascii_digit())
        && !digits.starts_with('0');
    good.then(|| format!("+{digits}"))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use jackfield_plugin::testing::Host;

    fn field(kind: &str) -> Field {
        let options = if kind == "choice" {
            json!(["Free", "Pro"])
        } else {
            json!([])
        };
        serde_json::from_value(json!({"name": "x", "type": kind, "options": options})).unwrap()
    }

    #[test]
    fn a_value_is_of_its_kind_or_it_is_not_taken() {
        let _host = Host::new().install();
        for (kind, value, taken) in [
            ("text", json!(" Ann "), Some(json!("Ann"))),
            ("text", json!(5), Some(json!("5"))),
            ("text", json!(""), None),
            (
                "text",
                json!("é".repeat(1_000)),
                Some(json!("é".repeat(1_000))),
            ),
            ("text", json!("é".repeat(1_001)), None),
            ("text", json!(["a"]), None),
            ("text", json!(null), None),
            ("number", json!("12.5"), Some(json!(12.5))),
            ("number", json!(7.0), Some(json!(7))),
            ("number", json!("many"), None),
            ("number", json!("inf"), None),
            ("date", json!("2026-12-31"), Some(json!("2026-12-31"))),
            ("date", json!("2026-13-31"), None),
            ("date", json!("2026-12-31T10:00"), None),
            (
                "email",
                json!("Ann@Example.COM"),
                Some(json!("Ann@example.com")),
            ),
            ("email", json!("ann"), None),
            ("email", json!("a b@example.com"), None),
            ("email", json!("ann@example"), None),
            ("email", json!("ann@example..com"), None),
            (
                "phone",
                json!("+33 6 12 34 56 78"),
                Some(json!("+33612345678")),
            ),
            ("phone", json!("0612345678"), None),
            ("phone", json!("+33 call me"), None),
            (
                "url",
                json!("https://example.com/a"),
                Some(json!("https://example.com/a")),
            ),
            ("url", json!("javascript:alert(1)"), None),
            ("boolean", json!(true), Some(json!(true))),
            ("boolean", json!("No"), Some(json!(false))),
            ("boolean", json!("perhaps"), None),
            ("choice", json!("pro"), Some(json!("Pro"))),
            ("choice", json!("gold"), None),
        ] {
            assert_eq!(read(&field(kind), &value).ok(), taken, "{kind}: {value}");
        }
    }
}
