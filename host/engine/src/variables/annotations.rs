//! What a JSON Schema says of one place in a value: its types and its annotations.
//!
//! A validator answers whether a value is valid; here the question is the other one, which parts of
//! the schema speak of a value that may still hold variables. So: `$ref` within the schema,
//! `properties`, `additionalProperties`, `prefixItems`, `items`, `allOf`, `then` and `else`, and of
//! `anyOf` and `oneOf` the first alternative that fits the value's type (and its constants and
//! required keys, where it is a mapping).

use serde_json::Value;

/// How many schemas may speak of one place: a bound for schemas that refer in circles.
const MAX_VIEWS: usize = 64;

/// The schemas that speak of one place.
#[derive(Debug, Clone)]
pub(crate) struct Annotations<'a> {
    root: &'a Value,
    /// Before references and alternatives were followed.
    start: Vec<&'a Value>,
    views: Vec<&'a Value>,
}

impl<'a> Annotations<'a> {
    /// For the whole value.
    pub(crate) fn of(schema: &'a Value, value: &Value) -> Self {
        Self::new(schema, vec![schema], value)
    }

    fn new(root: &'a Value, start: Vec<&'a Value>, value: &Value) -> Self {
        let views = expand(root, start.clone(), value);
        Self { root, start, views }
    }

    /// For the same place with another value in it: another alternative may fit that.
    pub(crate) fn with(&self, value: &Value) -> Self {
        Self::new(self.root, self.start.clone(), value)
    }

    /// For the value under a key.
    pub(crate) fn property(&self, key: &str, value: &Value) -> Self {
        let found = self
            .views
            .iter()
            .filter_map(|schema| {
                schema
                    .get("properties")
                    .and_then(|properties| properties.get(key))
                    .or_else(|| schema.get("additionalProperties"))
            })
            .collect();
        Self::new(self.root, found, value)
    }

    /// For an item of a list.
    pub(crate) fn item(&self, index: usize, value: &Value) -> Self {
        let found = self
            .views
            .iter()
            .filter_map(|schema| {
                schema
                    .get("prefixItems")
                    .and_then(|items| items.get(index))
                    .or_else(|| schema.get("items"))
            })
            .collect();
        Self::new(self.root, found, value)
    }

    /// What the schemas say under a keyword, the first that says something.
    pub(crate) fn get(&self, keyword: &str) -> Option<&'a Value> {
        self.views.iter().find_map(|schema| schema.get(keyword))
    }

    /// Whether a keyword is `true` here.
    pub(crate) fn flag(&self, keyword: &str) -> bool {
        self.get(keyword) == Some(&Value::Bool(true))
    }

    /// Whether a value of this JSON type may stand here (`integer` counts as `number`). A schema
    /// that names no type allows all.
    pub(crate) fn allows(&self, type_name: &str) -> bool {
        self.views.iter().all(|schema| allows(schema, type_name))
    }
}

/// The name of a value's JSON type.
pub(crate) fn json_type(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

fn allows(schema: &Value, type_name: &str) -> bool {
    let is = |name: &str| name == type_name || (name == "integer" && type_name == "number");
    match schema.get("type") {
        Some(Value::String(name)) => is(name),
        Some(Value::Array(names)) => names.iter().filter_map(Value::as_str).any(is),
        _ => match (
            schema.get("const"),
            schema.get("enum").and_then(Value::as_array),
        ) {
            (Some(constant), _) => json_type(constant) == type_name,
            (None, Some(options)) => options.iter().any(|option| json_type(option) == type_name),
            (None, None) => true,
        },
    }
}

fn expand<'a>(root: &'a Value, start: Vec<&'a Value>, value: &Value) -> Vec<&'a Value> {
    let mut views: Vec<&'a Value> = Vec::new();
    let mut queue: std::collections::VecDeque<&'a Value> = start.into();
    while let Some(schema) = queue.pop_front() {
        if views.len() >= MAX_VIEWS || views.iter().any(|seen| std::ptr::eq(*seen, schema)) {
            continue;
        }
        views.push(schema);
        queue.extend(
            schema
                .get("$ref")
                .and_then(Value::as_str)
                .and_then(|r| refer(root, r)),
        );
        for keyword in ["then", "else"] {
            queue.extend(schema.get(keyword));
        }
        if let Some(all) = schema.get("allOf").and_then(Value::as_array) {
            queue.extend(all);
        }
        for keyword in ["anyOf", "oneOf"] {
            if let Some(alternatives) = schema.get(keyword).and_then(Value::as_array) {
                queue.extend(
                    alternatives
                        .iter()
                        .find(|schema| fits(root, schema, value, 0))
                        .or_else(|| alternatives.iter().find(|s| allows_type(root, s, value))),
                );
            }
        }
    }
    views
}

fn refer<'a>(root: &'a Value, reference: &str) -> Option<&'a Value> {
    let pointer = reference.strip_prefix('#')?;
    let pointer = percent_encoding::percent_decode_str(pointer)
        .decode_utf8()
        .ok()?;
    root.pointer(&pointer)
}

fn follow<'a>(root: &'a Value, schema: &'a Value) -> &'a Value {
    schema
        .get("$ref")
        .and_then(Value::as_str)
        .and_then(|r| refer(root, r))
        .unwrap_or(schema)
}

fn allows_type(root: &Value, schema: &Value, value: &Value) -> bool {
    allows(follow(root, schema), json_type(value))
}

/// Whether an alternative fits: by its type, and a mapping's constants, required and known keys.
fn fits(root: &Value, schema: &Value, value: &Value, depth: usize) -> bool {
    let schema = follow(root, schema);
    if !allows(schema, json_type(value)) {
        return false;
    }
    if schema
        .get("const")
        .is_some_and(|constant| constant != value)
    {
        return false;
    }
    let Value::Object(entries) = value else {
        return true;
    };
    let required = schema.get("required").and_then(Value::as_array);
    if !required
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .all(|k| entries.contains_key(k))
    {
        return false;
    }
    let properties = schema.get("properties").and_then(Value::as_object);
    let closed = schema.get("additionalProperties") == Some(&Value::Bool(false));
    entries.iter().all(
        |(key, value)| match properties.and_then(|known| known.get(key)) {
            Some(schema) => {
                let schema = follow(root, schema);
                depth > 3 || schema.get("const").is_none_or(|constant| constant == value)
            }
            None => !closed,
        },
    )
}
