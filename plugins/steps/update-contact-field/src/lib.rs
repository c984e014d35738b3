//! The step `update-contact-field`: one field of the run's contact, set, cleared, appended to or
//! incremented.
//!
//! The host knows the field's type and refuses what does not fit; the reason it gives is the one
//! that the run's timeline shows.

use jackfield_plugin::{contacts, prelude::*};

/// The step; see the module.
#[derive(Debug)]
pub struct UpdateContactField;

/// What the workflow's author sets.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// A standard field such as `firstname`, `email`, `language`, or the name of a custom field.
    #[schemars(length(min = 1, max = 64), extend("x-jackfield-ref" = "contact-field"))]
    field: String,
    /// The new value; variables are put in. Empty with `set`: the field is cleared.
    #[serde(default)]
    value: Value,
    /// What to do with the value.
    #[serde(default)]
    operation: Operation,
}

/// What to do with the value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Operation {
    /// Replaces the value.
    #[default]
    Set,
    /// Removes the value.
    Clear,
    /// Adds to the end of a text, or to a list.
    Append,
    /// Adds to a number; left out: 1.
    Increment,
}

/// What later steps can read.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Output {
    /// The field's name.
    field: String,
    /// The new value, as the field's type stores it; null when it was cleared.
    value: Value,
}

impl Step for UpdateContactField {
    type Settings = Settings;
    type State = ();

    fn describe() -> StepDescriptor {
        StepDescriptor::new(
            env!("CARGO_PKG_NAME"),
            env!("CARGO_PKG_VERSION"),
            "Update a contact field",
            "Sets, clears, appends to or increments one field of the contact, standard or custom.",
        )
        .category(Category::Contacts)
        .icon("📝")
        .output::<Output>()
        .failures(&[
            (
                "not-found",
                "The run has no contact, or there is no such field",
            ),
            ("type-mismatch", "The value does not fit the field's type"),
            ("empty-value", "There is nothing to append"),
        ])
    }

    fn start(_run: &Invocation, settings: Settings) -> Result<Outcome, Failure> {
        let Settings {
            field,
            value,
            operation,
        } = settings;
        let field = field.trim().to_owned();
        let empty = is_empty(&value);
        let (operation, value) = match operation {
            Operation::Clear => (contacts::Operation::Clear, Value::Null),
            Operation::Set if empty => (contacts::Operation::Clear, Value::Null),
            Operation::Set => (contacts::Operation::Set, value),
            Operation::Append if empty => {
                return Err(Failure::permanent(
                    "empty-value",
                    format!("there is nothing to append to `{field}`: the value is empty"),
                ));
            }
            Operation::Append => (contacts::Operation::Append, value),
            Operation::Increment if empty => (contacts::Operation::Increment, json!(1)),
            Operation::Increment => (contacts::Operation::Increment, number(&field, value)?),
        };
        let value = contacts::update(&field, operation, &value).map_err(|error| {
            match error.code.as_str() {
                "invalid" => Failure::permanent("type-mismatch", error.message),
                _ => Failure::from(error),
            }
        })?;
        Ok(Outcome::done().output(Output { field, value }).into())
    }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.trim().is_empty(),
        Value::Array(items) => items.is_empty(),
        _ => false,
    }
}

/// A number, also as the text that a variable was.
fn number(field: &str, value: Value) -> Result<Value, Failure> {
    let parsed = match &value {
        Value::Number(_) => return Ok(value),
        Value::String(text) => serde_json::from_str::<serde_json::Number>(text.trim()).ok(),
        _ => None,
    };
    parsed.map(Value::Number).ok_or_else(|| {
        Failure::permanent(
            "type-mismatch",
            format!("`{field}` can be incremented by a number, not by {value}"),
        )
    })
}

jackfield_plugin::export_step!(UpdateContactField);
