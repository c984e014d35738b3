//! The contract's JSON Schemas, as validators.

use crate::error::Problem;
use jsonschema::{PatternOptions, Validator};
use serde_json::{Value, json};
use std::sync::LazyLock;

/// How many problems of one value are told.
const MOST: usize = 20;

#[expect(
    clippy::expect_used,
    reason = "the schemas are part of the program and tested"
)]
fn compile(schema: &Value) -> Validator {
    jsonschema::validator_for(schema).expect("a published schema is a schema")
}

#[expect(
    clippy::expect_used,
    reason = "the schemas are part of the program and tested"
)]
fn parse(text: &str) -> Value {
    serde_json::from_str(text).expect("a published schema is JSON")
}

/// A message as a step puts it into the outbox.
pub(crate) static OUTGOING: LazyLock<Validator> = LazyLock::new(|| {
    compile(&parse(include_str!(
        "../../../wit/schemas/outgoing-message.schema.json"
    )))
});

/// One event of a provider's request.
pub(crate) static INBOUND_EVENT: LazyLock<Validator> = LazyLock::new(|| {
    let whole = parse(include_str!(
        "../../../wit/schemas/inbound-events.schema.json"
    ));
    let mut one = whole.get("items").cloned().unwrap_or_else(|| json!({}));
    one["$schema"] = whole.get("$schema").cloned().unwrap_or_default();
    one["$defs"] = whole.get("$defs").cloned().unwrap_or_default();
    compile(&one)
});

/// What is wrong with a value.
pub(crate) fn problems(validator: &Validator, value: &Value) -> Vec<Problem> {
    validator
        .iter_errors(value)
        .take(MOST)
        .map(|error| {
            let place = error.instance_path().to_string();
            let said: String = error.to_string().chars().take(300).collect();
            Problem::new(place.trim_start_matches('/'), said)
        })
        .collect()
}

/// What is wrong with a value under a schema that an author wrote; the schema itself may be wrong.
pub(crate) fn problems_under(schema: &Value, value: &Value) -> Vec<Problem> {
    let built = jsonschema::options()
        .offline()
        // Patterns that take linear time alone: the author of a schema is a stranger.
        .with_pattern_options(PatternOptions::regex())
        .build(schema);
    match built {
        Ok(validator) => problems(&validator, value),
        Err(error) => vec![Problem::new(
            "",
            format!("the connector's schema is wrong: {error}"),
        )],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_published_schemas_hold_what_they_should() {
        let text = json!({"channel": "a", "content": {"type": "text", "text": "hi"}});
        assert!(problems(&OUTGOING, &text).is_empty());
        let odd = json!({"channel": "a", "content": {"type": "text", "text": "hi"}, "chanel": 1});
        assert!(!problems(&OUTGOING, &odd).is_empty());
        let event = json!({"type": "status", "provider-id": "p", "status": "sent"});
        assert!(problems(&INBOUND_EVENT, &event).is_empty());
        assert!(!problems(&INBOUND_EVENT, &json!({"type": "status", "status": "gone"})).is_empty());
    }
}
