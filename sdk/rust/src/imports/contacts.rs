//! The contact that the run is about.

use serde_json::Value;

use super::{json, sys};
pub use crate::bindings::step::jackfield::plugin::contacts::Operation;
use crate::failure::CallError;

/// The contact as it stands, with what this run has changed; none where the run has no contact.
pub fn get() -> Option<Value> {
    serde_json::from_str(&sys::contacts::get()?).ok()
}

/// Changes one field. Answers with the new value as the field's type stores it. Errors:
/// `not-found` (no contact, or no such field), `invalid`.
pub fn update(field: &str, operation: Operation, value: &Value) -> Result<Value, CallError> {
    json(&sys::contacts::update(
        field,
        operation,
        &value.to_string(),
    )?)
}

/// Adds tags to the contact. Errors: `not-found` (no contact), `invalid`.
pub fn add_tags(tags: &[String]) -> Result<(), CallError> {
    sys::contacts::add_tags(tags)
}
