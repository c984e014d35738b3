//! The run's variables. They live as long as the run.

use serde_json::Value;

use super::sys;
use crate::failure::CallError;

/// The value at a path, such as `contact.firstname` or `vars.answer`.
pub fn get(path: &str) -> Option<Value> {
    serde_json::from_str(&sys::variables::get(path)?).ok()
}

/// Sets `vars.<name>`; `null` removes it. Errors: `invalid`, `too-large`.
pub fn set(name: &str, value: &Value) -> Result<(), CallError> {
    sys::variables::set(name, &value.to_string())
}
