//! Settings against a plugin's JSON Schema, with messages for people.
//!
//! Schemas come from plugins, so they are not trusted to be kind: no reference to the outside is
//! followed, and patterns run in an engine that takes linear time.

use jsonschema::{
    Draft, PatternOptions, ValidationError, Validator,
    error::{TypeKind, ValidationErrorKind as Kind},
};
use serde_json::Value;

use super::problem::{Problem, join, nearest, one_of, type_name};
use crate::variables::Template;

/// Most problems that are told of one step's settings.
const MAX_PROBLEMS: usize = 50;

/// Compiles a schema.
///
/// # Errors
/// The schema is not valid under draft 2020-12, or refers to the outside.
pub(super) fn compile(schema: &Value) -> Result<Validator, String> {
    jsonschema::draft202012::meta::validate(schema)
        .map_err(|error| format!("{error} (at `{}`)", error.instance_path()))?;
    jsonschema::options()
        .with_draft(Draft::Draft202012)
        .offline()
        .should_validate_formats(true)
        .with_pattern_options(PatternOptions::regex())
        .build(schema)
        .map_err(|error| error.to_string())
}

/// Checks settings; pointers are relative to them.
pub(super) fn check(
    validator: &Validator,
    schema: &Value,
    settings: &Value,
    before_variables: bool,
) -> Vec<Problem> {
    let mut problems = Vec::new();
    for error in validator.iter_errors(settings) {
        tell(&error, schema, before_variables, &mut problems);
        if problems.len() >= MAX_PROBLEMS {
            break;
        }
    }
    problems
}

/// Whether the error may vanish when the variables are put in.
fn forgiven(error: &ValidationError<'_>) -> bool {
    let holds_variable = |value: &Value| {
        value
            .as_str()
            .is_some_and(|text| Template::parse(text).variables().next().is_some())
    };
    match error.kind() {
        Kind::AnyOf { context } | Kind::OneOfNotValid { context } => {
            holds_variable(error.instance())
                || context.iter().any(|errors| errors.iter().all(forgiven))
        }
        Kind::Contains | Kind::UniqueItems => error
            .instance()
            .as_array()
            .is_some_and(|items| items.iter().any(holds_variable)),
        _ => holds_variable(error.instance()),
    }
}

fn tell(
    error: &ValidationError<'_>,
    schema: &Value,
    before_variables: bool,
    problems: &mut Vec<Problem>,
) {
    if before_variables && forgiven(error) {
        return;
    }
    let path = error.instance_path().as_str().to_owned();
    let name = path.rsplit('/').next().filter(|name| !name.is_empty());
    let it = name.map_or_else(|| "the settings".to_owned(), |name| format!("`{name}`"));
    let written = || match error.instance().as_ref() {
        Value::String(text) => format!("`{}`", text.chars().take(64).collect::<String>()),
        value @ (Value::Number(_) | Value::Bool(_)) => format!("`{value}`"),
        value => type_name(value).to_owned(),
    };
    let say = |message: String| Problem::error("settings", path.clone(), message);
    match error.kind() {
        Kind::AdditionalProperties { unexpected } | Kind::UnevaluatedProperties { unexpected } => {
            let known = known_keys(error, schema);
            for key in unexpected {
                let message = match known.as_slice() {
                    [] => format!("`{key}` is not a setting here"),
                    _ => format!(
                        "`{key}` is not a setting here: known are {}",
                        one_of(known.iter().map(String::as_str)).replace(" or ", " and ")
                    ),
                };
                let near = nearest(key, known.iter().map(String::as_str));
                problems.push(
                    Problem::error("unknown-setting", join(&path, key), message).suggest(near),
                );
            }
        }
        Kind::Required { property } => {
            let key = property.as_str().unwrap_or_default();
            let where_ = name.map(|name| format!(" in `{name}`")).unwrap_or_default();
            problems.push(say(format!("the setting `{key}` is missing{where_}")));
        }
        Kind::Type { kind } => {
            let wanted = match kind {
                TypeKind::Single(wanted) => english(&wanted.to_string()),
                TypeKind::Multiple(wanted) => wanted
                    .iter()
                    .map(|wanted| english(&wanted.to_string()))
                    .collect::<Vec<_>>()
                    .join(" or "),
            };
            problems.push(say(format!("{it} must be {wanted}, not {}", written())));
        }
        Kind::Enum { options } => {
            let options: Vec<String> = options
                .as_array()
                .into_iter()
                .flatten()
                .map(crate::variables::as_text)
                .collect();
            let near = error
                .instance()
                .as_str()
                .and_then(|text| nearest(text, options.iter().map(String::as_str)));
            let message = format!(
                "{it} must be {}, not {}",
                one_of(options.iter().map(String::as_str)),
                written()
            );
            problems.push(say(message).suggest(near));
        }
        Kind::Constant { expected_value } => {
            problems.push(say(format!(
                "{it} must be `{expected_value}`, not {}",
                written()
            )));
        }
        Kind::Format { format } => {
            problems.push(say(format!(
                "{it} must be {}, not {}",
                english(format),
                written()
            )));
        }
        Kind::FalseSchema => problems.push(say(format!("{it} is not allowed here"))),
        // Of several alternatives the one that was nearly met is told: the fewest problems, and
        // those the deepest.
        Kind::AnyOf { context } | Kind::OneOfNotValid { context } => {
            let best = context
                .iter()
                .filter(|errors| !errors.is_empty())
                .min_by_key(|errors| {
                    let depth = errors
                        .iter()
                        .map(|e| e.instance_path().as_str().matches('/').count());
                    let wrong_type = errors.iter().any(|error| {
                        matches!(error.kind(), Kind::Type { .. } | Kind::Constant { .. })
                            && error.instance_path().as_str() == path
                    });
                    (wrong_type, errors.len(), std::cmp::Reverse(depth.max()))
                });
            match best {
                Some(errors) => {
                    for error in errors {
                        tell(error, schema, before_variables, problems);
                    }
                }
                None => problems.push(say(format!("{it} fits none of its forms"))),
            }
        }
        Kind::OneOfMultipleValid { .. } => {
            problems.push(say(format!(
                "{it} fits several forms at once: leave one of them"
            )));
        }
        _ => problems.push(say(format!("{it}: {error}"))),
    }
}

/// The keys that the schema knows where it found one that it does not.
fn known_keys(error: &ValidationError<'_>, schema: &Value) -> Vec<String> {
    let location = error.schema_path().as_str();
    let parent = location.rfind('/').map_or("", |end| &location[..end]);
    schema
        .pointer(parent)
        .and_then(|schema| schema.get("properties"))
        .and_then(Value::as_object)
        .map(|properties| properties.keys().cloned().collect())
        .unwrap_or_default()
}

/// A type or format of JSON Schema in words.
fn english(name: &str) -> String {
    match name {
        "string" => "a text",
        "number" => "a number",
        "integer" => "a whole number",
        "boolean" => "true or false",
        "array" => "a list",
        "object" => "a mapping",
        "null" => "empty",
        "email" => "a mail address",
        "uri" => "an address such as `https://example.com/`",
        "uri-reference" => "an address",
        "date-time" => "a time such as `2026-12-01T09:00:00Z`",
        "date" => "a date such as `2026-12-01`",
        "time" => "a time such as `09:00:00Z`",
        "uuid" => "a UUID",
        other => return format!("of the form `{other}`"),
    }
    .to_owned()
}
