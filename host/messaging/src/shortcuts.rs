//! What people fill in to start workflows: each value read by the type of its field, as values of
//! contacts' fields are.

use crate::contacts::FieldKind;
use crate::contacts::value::FieldType;
use crate::context::Context;
use crate::error::{Error, Problem, Result};
use jackfield_engine::document::Shortcut;
use jackfield_engine::document::trigger::{Input, InputKind};
use serde_json::{Map, Value};
use std::sync::Arc;

/// The forms of all workspaces.
#[derive(Clone)]
pub struct Shortcuts {
    context: Arc<Context>,
}

impl Shortcuts {
    pub(crate) fn new(context: Arc<Context>) -> Shortcuts {
        Shortcuts { context }
    }

    /// What was filled in, by variable. A field without a value has none.
    ///
    /// # Errors
    /// `invalid` with each field that is wrong, missing or not of the form.
    pub async fn read(
        &self,
        workspace: &str,
        shortcut: &Shortcut,
        values: &Map<String, Value>,
    ) -> Result<Map<String, Value>> {
        let settings = self.context.settings(workspace).await?;
        let read = read(shortcut, values, settings.default_country.as_deref());
        read.map_err(|problems| Error::problems("invalid-values", problems))
    }
}

fn read(
    shortcut: &Shortcut,
    values: &Map<String, Value>,
    country: Option<&str>,
) -> std::result::Result<Map<String, Value>, Vec<Problem>> {
    let mut found = Map::new();
    let mut problems = Vec::new();
    let at = |variable: &str| format!("/values/{variable}");
    let names = || shortcut.form.iter().map(|input| input.variable.as_str());
    for name in values
        .keys()
        .filter(|name| !names().any(|one| one == *name))
    {
        let known: Vec<&str> = names().collect();
        let message = match known.as_slice() {
            [] => "the form has no fields".to_owned(),
            known => format!("the form has no such field; it has {}", known.join(", ")),
        };
        problems.push(Problem::new(at(name), message));
    }
    for input in &shortcut.form {
        let value = values.get(&input.variable).unwrap_or(&Value::Null);
        let empty = value.is_null()
            || value.as_str().is_some_and(|text| text.trim().is_empty())
            || value.as_array().is_some_and(Vec::is_empty);
        if empty {
            if input.required {
                let message = format!("`{}` must have a value", input.label);
                problems.push(Problem::new(at(&input.variable), message));
            }
            continue;
        }
        match kind(input).convert(value, country) {
            Ok(value) => drop(found.insert(input.variable.clone(), value)),
            Err(said) => problems.push(Problem::new(at(&input.variable), said)),
        }
    }
    if problems.is_empty() {
        Ok(found)
    } else {
        Err(problems)
    }
}

fn kind(input: &Input) -> FieldType {
    FieldType {
        kind: match input.kind {
            InputKind::Text => FieldKind::Text,
            InputKind::List => FieldKind::List,
            InputKind::Checkbox => FieldKind::Checkbox,
            InputKind::Number => FieldKind::Number,
            InputKind::Date => FieldKind::Date,
            InputKind::Time => FieldKind::Time,
            InputKind::Phone => FieldKind::Phone,
            InputKind::Email => FieldKind::Email,
            InputKind::Url => FieldKind::Url,
        },
        options: input.options.clone(),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn form() -> Shortcut {
        let form = InputKind::ALL.into_iter().map(|(name, kind)| Input {
            variable: name.to_owned(),
            label: name.to_uppercase(),
            kind,
            required: matches!(kind, InputKind::Text | InputKind::Checkbox),
            options: match kind {
                InputKind::List => vec!["Free".to_owned(), "Pro".to_owned()],
                _ => Vec::new(),
            },
        });
        Shortcut {
            title: "All".to_owned(),
            icon: None,
            description: None,
            form: form.collect(),
        }
    }

    fn filled(values: Value) -> std::result::Result<Value, Vec<String>> {
        let read = read(&form(), values.as_object().unwrap(), Some("FR"));
        let fields = |problems: Vec<Problem>| problems.into_iter().map(|one| one.field).collect();
        read.map(Value::Object).map_err(fields)
    }

    #[test]
    fn each_value_is_read_by_its_type() {
        let values = json!({
            "text": "hi", "list": "pro", "checkbox": "yes", "number": "12,5", "date": "2026-12-31",
            "time": "09:30:00", "phone": "06 12 34 56 78", "email": "Ann@Example.com", "url": "a.example",
        });
        let wanted = json!({
            "text": "hi", "list": "Pro", "checkbox": true, "number": 12.5, "date": "2026-12-31",
            "time": "09:30", "phone": "+33612345678", "email": "Ann@example.com", "url": "https://a.example/",
        });
        assert_eq!(filled(values).unwrap(), wanted);
    }

    #[test]
    fn every_field_that_is_wrong_is_named() {
        let values = json!({
            "text": " ", "list": "Gold", "number": "a", "date": "31/12/2026", "time": "25:00",
            "phone": "12", "email": "ann", "url": "ftp://a.example", "other": 1,
        });
        let wrong = filled(values).unwrap_err();
        let wanted = [
            "other", "text", "list", "checkbox", "number", "date", "time", "phone", "email", "url",
        ];
        assert_eq!(wrong, wanted.map(|name| format!("/values/{name}")));
        // What need not be there may be empty.
        let read =
            filled(json!({"text": "a", "checkbox": false, "list": [], "date": "", "url": null}));
        assert_eq!(read.unwrap(), json!({"text": "a", "checkbox": false}));
    }

    proptest! {
        #[test]
        fn what_is_read_reads_the_same_again(text in ".{1,30}", number in any::<i32>(), yes in any::<bool>()) {
            prop_assume!(!text.trim().is_empty());
            let values = json!({"text": text, "number": number, "checkbox": yes, "list": "free"});
            let once = filled(values).unwrap();
            prop_assert_eq!(filled(once.clone()).unwrap(), once);
        }
    }
}
