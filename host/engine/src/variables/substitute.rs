//! Puts variables into a step's settings.
//!
//! The settings' JSON Schema says how a text takes its values in:
//!
//! | the schema says | what happens |
//! |---|---|
//! | nothing in particular | values as text |
//! | a type other than text, and the text is exactly one variable | the value keeps its type; a text that reads as a number or as `true`/`false` becomes it where one is wanted |
//! | `type: string` | always text, also where the text is exactly one variable |
//! | `contentMediaType: text/html` | HTML with the values escaped ([`super::html`]) |
//! | `contentMediaType: application/json` | values escaped for JSON |
//! | `format: uri` or `uri-reference`, `x-jackfield-uri: true` | values percent-encoded, but for a variable at the very beginning |
//! | `x-jackfield-raw: true` | left alone, with everything below it |
//!
//! Keys are never touched, and a value that was put in is not read again.

use serde_json::{Map, Value};

use crate::document::problem::join;

use super::{
    Escape, RenderError, Scope, Template, Unset, Warning, annotations::Annotations,
    annotations::json_type, as_text, html, template::resolve,
};

/// How many bytes all texts of one step's settings may have together.
const MAX_TOTAL: usize = 1024 * 1024;

/// Settings with their variables put in.
#[derive(Debug, Clone, PartialEq)]
pub struct Substitution {
    /// The settings. They are still to be checked against the schema.
    pub value: Value,
    /// What did not stop it.
    pub warnings: Vec<Warning>,
}

/// Puts variables into every text of `value`, as `schema` says.
///
/// # Errors
/// A variable without a value where `unset` says so, or texts that grow past their bound
/// ([`super::MAX_OUTPUT`] for each, 1 MiB together).
pub fn substitute(
    value: &Value,
    schema: &Value,
    scope: &dyn Scope,
    unset: Unset,
) -> Result<Substitution, RenderError> {
    if !holds_variable(value) {
        // Most settings: nothing to look up, in them or in their schema.
        return Ok(Substitution {
            value: value.clone(),
            warnings: Vec::new(),
        });
    }
    let mut walk = Walk {
        scope,
        unset,
        warnings: Vec::new(),
        total: 0,
    };
    let value = walk.value(value, &Annotations::of(schema, value))?;
    Ok(Substitution {
        value,
        warnings: walk.warnings,
    })
}

/// Whether there is a text in it that may hold a variable.
pub(crate) fn holds_variable(value: &Value) -> bool {
    match value {
        Value::String(text) => text.contains('$'),
        Value::Array(items) => items.iter().any(holds_variable),
        Value::Object(entries) => entries.values().any(holds_variable),
        _ => false,
    }
}

struct Walk<'a> {
    scope: &'a dyn Scope,
    unset: Unset,
    warnings: Vec<Warning>,
    total: usize,
}

impl Walk<'_> {
    fn value(&mut self, value: &Value, says: &Annotations<'_>) -> Result<Value, RenderError> {
        if says.flag("x-jackfield-raw") {
            return Ok(value.clone());
        }
        Ok(match value {
            Value::String(text) if text.contains('$') => self.text(text, says)?,
            Value::Array(items) => {
                let items = items.iter().enumerate();
                let items = items.map(|(index, item)| self.value(item, &says.item(index, item)));
                Value::Array(items.collect::<Result<_, _>>()?)
            }
            Value::Object(entries) => {
                let mut out = Map::with_capacity(entries.len());
                for (key, value) in entries {
                    out.insert(key.clone(), self.value(value, &says.property(key, value))?);
                }
                Value::Object(out)
            }
            _ => value.clone(),
        })
    }

    fn text(&mut self, text: &str, says: &Annotations<'_>) -> Result<Value, RenderError> {
        let template = Template::parse(text);
        let media = says.get("contentMediaType").and_then(Value::as_str);
        if media.is_none()
            && let Some(variable) = template.lone()
        {
            let value = resolve(variable, self.scope, self.unset, &mut self.warnings)?;
            let says = says.with(&value);
            let value = fit(value, &says);
            self.count(match &value {
                Value::String(text) => text.len(),
                other => other.to_string().len(),
            })?;
            return Ok(value);
        }
        let rendered = match media {
            Some("text/html") => html::render(&template, self.scope, self.unset)?,
            Some("application/json") => template.render(self.scope, Escape::Json, self.unset)?,
            _ if is_uri(says) => template.render_uri(self.scope, self.unset)?,
            _ => template.render(self.scope, Escape::None, self.unset)?,
        };
        self.warnings.extend(rendered.warnings);
        self.count(rendered.text.len())?;
        Ok(Value::String(rendered.text))
    }

    fn count(&mut self, bytes: usize) -> Result<(), RenderError> {
        if bytes > super::MAX_OUTPUT {
            return Err(RenderError::TooLong {
                limit: super::MAX_OUTPUT,
            });
        }
        self.total += bytes;
        if self.total > MAX_TOTAL {
            return Err(RenderError::TooLong { limit: MAX_TOTAL });
        }
        Ok(())
    }
}

fn is_uri(says: &Annotations<'_>) -> bool {
    says.flag("x-jackfield-uri")
        || matches!(
            says.get("format").and_then(Value::as_str),
            Some("uri" | "uri-reference")
        )
}

/// A value in the type that the schema wants, where there is exactly one way to it.
fn fit(value: Value, says: &Annotations<'_>) -> Value {
    if says.allows(json_type(&value)) {
        return value;
    }
    if let Value::String(text) = &value {
        let read = serde_json::from_str::<Value>(text.trim()).ok();
        if let Some(read @ (Value::Number(_) | Value::Bool(_))) = read
            && says.allows(json_type(&read))
        {
            return read;
        }
    }
    if says.allows("string") {
        Value::String(as_text(&value))
    } else {
        value
    }
}

/// Every text of `value` in which variables are put in, with its JSON pointer: what is raw is left
/// out. For checks before anything runs.
#[must_use]
pub fn templates_in<'a>(value: &'a Value, schema: &Value) -> Vec<(String, &'a str)> {
    let mut found = Vec::new();
    visit(
        value,
        &Annotations::of(schema, value),
        String::new(),
        &mut |path, part, says| {
            if let Value::String(text) = part
                && !says.flag("x-jackfield-raw")
            {
                found.push((path.to_owned(), text.as_str()));
            }
            !says.flag("x-jackfield-raw")
        },
    );
    found
}

/// Every part of `value`, texts and others, of which the schema says something under `keyword`: its
/// JSON pointer, the part, and what is said, where that is a text. What is raw counts too.
pub(crate) fn said_of<'a, 's>(
    value: &'a Value,
    schema: &'s Value,
    keyword: &str,
) -> Vec<(String, &'a Value, &'s str)> {
    let noted = noted_of(value, schema, keyword).into_iter();
    noted
        .filter_map(|(path, part, said)| Some((path, part, said.as_str()?)))
        .collect()
}

/// As [`said_of`], whatever is said.
pub(crate) fn noted_of<'a, 's>(
    value: &'a Value,
    schema: &'s Value,
    keyword: &str,
) -> Vec<(String, &'a Value, &'s Value)> {
    let mut found = Vec::new();
    visit(
        value,
        &Annotations::of(schema, value),
        String::new(),
        &mut |path, part, says| {
            if let Some(said) = says.get(keyword) {
                found.push((path.to_owned(), part, said));
            }
            true
        },
    );
    found
}

/// Shows every part of a value, the whole before its parts; `see` answers whether to go on below.
fn visit<'a, 's>(
    value: &'a Value,
    says: &Annotations<'s>,
    path: String,
    see: &mut dyn FnMut(&str, &'a Value, &Annotations<'s>) -> bool,
) {
    if !see(&path, value, says) {
        return;
    }
    match value {
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                visit(item, &says.item(index, item), join(&path, index), see);
            }
        }
        Value::Object(entries) => {
            for (key, value) in entries {
                visit(value, &says.property(key, value), join(&path, key), see);
            }
        }
        _ => {}
    }
}
