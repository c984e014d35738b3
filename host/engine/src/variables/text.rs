//! A value as text.

use serde_json::Value;

/// How a value reads inside a text: numbers in decimal, booleans as `true` and `false`, a list's
/// items with a comma and a space between them, a mapping (and whatever is nested in a list) as
/// JSON, nothing for `null`.
#[must_use]
pub fn as_text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Array(items) => {
            let items: Vec<String> = items
                .iter()
                .map(|item| match item {
                    Value::Array(_) | Value::Object(_) => item.to_string(),
                    _ => as_text(item),
                })
                .collect();
            items.join(", ")
        }
        Value::Bool(_) | Value::Number(_) | Value::Object(_) => value.to_string(),
    }
}
