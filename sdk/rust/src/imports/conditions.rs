//! The one evaluator of conditions that triggers, `when:` and waits use too.

use serde_json::Value;

use super::sys;
use crate::failure::CallError;

/// Whether a condition holds for the run, such as `{"field": "contact.city", "is": "Paris"}`.
/// Errors: `invalid`.
pub fn evaluate(condition: &Value) -> Result<bool, CallError> {
    sys::conditions::evaluate(&condition.to_string())
}
