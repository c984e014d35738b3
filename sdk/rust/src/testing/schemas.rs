//! The published schemas, and the check that something is valid under one.

use serde_json::Value;

pub(super) const STEP_DESCRIPTOR: &str =
    include_str!("../../../../wit/schemas/step-descriptor.schema.json");
pub(super) const CONNECTOR_DESCRIPTOR: &str =
    include_str!("../../../../wit/schemas/connector-descriptor.schema.json");
pub(super) const OUTGOING_MESSAGE: &str =
    include_str!("../../../../wit/schemas/outgoing-message.schema.json");
pub(super) const MESSAGE: &str = include_str!("../../../../wit/schemas/message.schema.json");
pub(super) const INBOUND_EVENTS: &str =
    include_str!("../../../../wit/schemas/inbound-events.schema.json");

/// Ends the test when `value` is not valid under the schema.
pub(super) fn hold(what: &str, schema: &str, value: &Value) {
    let schema = match serde_json::from_str(schema) {
        Ok(schema) => schema,
        Err(error) => panic!("the schema of {what} is no JSON: {error}"),
    };
    if let Err(reason) = check(&schema, value) {
        panic!("{what} breaks its schema: {reason}\n{value:#}");
    }
}

/// The first mistake, with the place where it stands.
pub(super) fn check(schema: &Value, value: &Value) -> Result<(), String> {
    let validator = jsonschema::draft202012::options()
        .build(schema)
        .map_err(|error| format!("the schema itself is wrong: {error}"))?;
    match validator.iter_errors(value).next() {
        None => Ok(()),
        Some(error) => Err(format!("{}: {error}", error.instance_path())),
    }
}
