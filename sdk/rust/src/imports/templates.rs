//! The workspace's templates.

use serde::Deserialize;
use serde_json::{Map, Value};

use super::{json, sys};
use crate::failure::CallError;

/// A template with the run's variables put in.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Rendered {
    /// Of templates that have one.
    #[serde(default)]
    pub subject: Option<String>,
    /// The HTML form.
    #[serde(default)]
    pub html: String,
    /// The plain text form.
    #[serde(default)]
    pub text: String,
}

/// Puts the run's variables into a template. `values` stands under the namespace `values`. Errors:
/// `not-found`, `invalid`, `unset-variable`.
pub fn render(name: &str, values: Option<&Map<String, Value>>) -> Result<Rendered, CallError> {
    let values = values.and_then(|values| serde_json::to_string(values).ok());
    json(&sys::templates::render(name, values.as_deref())?)
}
