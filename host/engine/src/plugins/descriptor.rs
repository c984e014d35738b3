//! Whether what a plugin says of itself can be taken, before it is kept.
//!
//! What must hold: a descriptor comes from a stranger, and much of it is shown to people and
//! compiled into validators, so its size, its texts and its schemas are bounded here, at the one
//! place that every way of installing goes through. What a later minor version of the contract may
//! add is let through: keys that are not known are ignored.

use crate::plugins::PluginError;
use jackfield_sandbox::Kind;
use jsonschema::error::ValidationErrorKind;
use serde_json::Value;
use std::collections::HashMap;

/// The longest descriptor, in bytes of JSON.
const MAX_BYTES: usize = 256 * 1024;
/// How much a schema of it may amount to, in objects, with every reference followed.
const MAX_SCHEMA: u64 = 10_000;
/// How many problems are told, and how long each may be.
const TOLD: (usize, usize) = (8, 300);

/// Reads and judges what `describe` returned.
pub(super) fn read(kind: Kind, json: &str) -> Result<Value, PluginError> {
    if json.len() > MAX_BYTES {
        return Err(PluginError::Descriptor(format!(
            "it has {} bytes; at most {MAX_BYTES} are taken",
            json.len()
        )));
    }
    let descriptor: Value = serde_json::from_str(json)
        .map_err(|error| PluginError::Descriptor(format!("it is not JSON: {error}")))?;
    let mut wrong = against_contract(kind, &descriptor);
    for name in ["settings", "output"] {
        if let Some(schema) = descriptor.get(name)
            && let Err(error) = bounded(schema)
        {
            wrong.push(format!("`{name}` {error}"));
        }
    }
    if wrong.is_empty() {
        return Ok(descriptor);
    }
    let more = wrong.len().saturating_sub(TOLD.0);
    wrong.truncate(TOLD.0);
    let mut told: Vec<String> = wrong.iter().map(|one| plain(one)).collect();
    if more > 0 {
        told.push(format!("and {more} more"));
    }
    Err(PluginError::Descriptor(told.join("; ")))
}

/// What the contract's schema says against it.
fn against_contract(kind: Kind, descriptor: &Value) -> Vec<String> {
    const STEP: &str = include_str!("../../../../wit/schemas/step-descriptor.schema.json");
    const CONNECTOR: &str =
        include_str!("../../../../wit/schemas/connector-descriptor.schema.json");
    let schema = match kind {
        Kind::Step => STEP,
        Kind::Connector => CONNECTOR,
    };
    let built = serde_json::from_str(schema)
        .map_err(|error| error.to_string())
        .and_then(|schema| {
            jsonschema::options()
                .with_draft(jsonschema::Draft::Draft202012)
                .with_pattern_options(jsonschema::PatternOptions::regex())
                .offline()
                .build(&schema)
                .map_err(|error| error.to_string())
        });
    let validator = match built {
        Ok(validator) => validator,
        Err(error) => return vec![error],
    };
    validator
        .iter_errors(descriptor)
        .filter(|error| {
            !matches!(
                error.kind(),
                ValidationErrorKind::AdditionalProperties { .. }
            )
        })
        .take(TOLD.0 + 1)
        .map(|error| {
            let place = error.instance_path().to_string();
            let shown = error.masked();
            format!("`{place}`: {shown}")
        })
        .collect()
}

/// A stranger's words in a message: without control characters, and not long.
fn plain(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .take(TOLD.1)
        .collect()
}

/// Whether validating by a schema has an end that is near: references lead to places of its own and
/// not in circles, and all together it is not large.
fn bounded(schema: &Value) -> Result<(), String> {
    let mut walk = Walk {
        root: schema,
        known: HashMap::new(),
    };
    let size = walk.size(schema, true)?;
    if size > MAX_SCHEMA {
        return Err(format!(
            "is too large a schema: with its references followed it amounts to {size} objects, at \
             most {MAX_SCHEMA} are taken"
        ));
    }
    Ok(())
}

struct Walk<'a> {
    root: &'a Value,
    /// By reference; none while it is being measured.
    known: HashMap<&'a str, Option<u64>>,
}

impl<'a> Walk<'a> {
    fn size(&mut self, value: &'a Value, top: bool) -> Result<u64, String> {
        match value {
            Value::Array(items) => {
                let mut sum = 0_u64;
                for item in items {
                    sum = sum.saturating_add(self.size(item, false)?);
                }
                Ok(sum)
            }
            Value::Object(entries) => {
                let mut sum = 1_u64;
                for (key, value) in entries {
                    let size = match (key.as_str(), value) {
                        ("$ref", Value::String(reference)) => self.referred(reference)?,
                        ("$dynamicRef" | "$recursiveRef", Value::String(_)) => {
                            return Err(format!("holds `{key}`, which is not taken: write `$ref`"));
                        }
                        ("$id", Value::String(_)) if !top => {
                            return Err(
                                "holds an `$id` below its top, which is not taken".to_owned()
                            );
                        }
                        _ => self.size(value, false)?,
                    };
                    sum = sum.saturating_add(size);
                }
                Ok(sum)
            }
            _ => Ok(0),
        }
    }

    fn referred(&mut self, reference: &'a str) -> Result<u64, String> {
        match self.known.get(reference) {
            Some(Some(size)) => return Ok(*size),
            Some(None) => {
                return Err(format!("refers to itself in a circle, at `{reference}`"));
            }
            None => {}
        }
        let target = reference
            .strip_prefix('#')
            .and_then(|pointer| self.root.pointer(pointer))
            .ok_or_else(|| {
                format!("refers to `{reference}`: only to places of its own, as `#/$defs/NAME`")
            })?;
        self.known.insert(reference, None);
        let size = self.size(target, false)?;
        self.known.insert(reference, Some(size));
        Ok(size)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use serde_json::json;

    fn step(more: &Value) -> String {
        let mut descriptor = json!({
            "name": "a", "version": "1.0.0", "title": "A", "summary": "Does a.",
            "category": "other", "settings": {"type": "object"}, "output": {"type": "object"},
        });
        for (key, value) in more.as_object().unwrap() {
            descriptor[key] = value.clone();
        }
        descriptor.to_string()
    }

    fn refused(more: &Value) -> String {
        let found = read(Kind::Step, &step(more));
        found.unwrap_err().to_string()
    }

    #[test]
    fn a_good_descriptor_is_taken_and_what_a_later_contract_adds_is_ignored() {
        assert!(read(Kind::Step, &step(&json!({}))).is_ok());
        assert!(read(Kind::Step, &step(&json!({"later": {"on": true}}))).is_ok());
        let defs = json!({"settings": {
            "type": "object",
            "$defs": {"text": {"type": "string"}},
            "properties": {"a": {"$ref": "#/$defs/text"}, "$ref": {"type": "string"}},
        }});
        assert!(read(Kind::Step, &step(&defs)).is_ok());
    }

    #[test]
    fn bombs_are_told_apart_and_refused_in_few_words() {
        let icon = "x".repeat(1000);
        let said = refused(&json!({"icon": icon}));
        assert!(said.contains("/icon") && said.len() < 1000, "{said}");
        let large = "x".repeat(MAX_BYTES);
        assert!(refused(&json!({"summary": large})).contains("bytes"));
        let branches: Vec<Value> = (0..200).map(|n| json!({"name": format!("b{n}")})).collect();
        assert!(refused(&json!({"branches": branches})).contains("/branches"));
        for title in ["two\nlines", "\u{1b}[31mred", "\u{202e}drawkcab", "nul\0"] {
            let said = refused(&json!({"title": title}));
            assert!(said.contains("/title"), "{said}");
            assert!(!said.chars().any(char::is_control), "{said:?}");
        }
        assert!(refused(&json!({"name": "a\u{7}b"})).contains("/name"));

        let circle = json!({"settings": {"$ref": "#"}});
        assert!(refused(&circle).contains("circle"));
        let outside = json!({"settings": {"$ref": "https://example.com/s.json"}});
        assert!(refused(&outside).contains("only to places of its own"));
        let mut defs = serde_json::Map::new();
        for n in 0..40 {
            let next = format!("#/$defs/d{}", n + 1);
            defs.insert(
                format!("d{n}"),
                json!({"allOf": [{"$ref": next}, {"$ref": next}]}),
            );
        }
        defs.insert("d40".to_owned(), json!({"type": "string"}));
        let doubling = json!({"settings": {"$defs": defs, "$ref": "#/$defs/d0"}});
        assert!(refused(&doubling).contains("too large a schema"));
    }
}
