//! What the schema of a step's settings says beside JSON Schema: which types of contacts' fields take
//! what a step puts into them, how many tests a condition may have, and how often a step wants to be
//! tried again.
//!
//! `x-jackfield-field-kinds` beside `x-jackfield-ref: contact-field` is
//! `{"by": "/type", "default": "text", "kinds": {"number": ["number", "text"], …}}`: the setting at
//! `by` (or `default` where it is left out) chooses the list of types. What depends on a variable, or
//! on a field that is not known, is left to the run. `x-jackfield-max-tests` beside
//! `x-jackfield-ref: condition` is a number; groups are not counted.
//! `x-jackfield-retries: true` marks the setting by which an author says how often failures that may
//! pass are tried again: the plugin counts them, and the engine lets it have as many.

use std::collections::HashMap;

use serde_json::Value;

use super::{
    StepDescriptor,
    catalogue::Catalogue,
    events::{self, FieldType},
    model::{MAX_ATTEMPTS, Retry, Step},
    problem::{Problem, one_of},
};
use crate::{conditions::Condition, variables::noted_of};

/// Fields that do not take what the step puts into them.
pub(super) fn field_kinds(
    step: &Step,
    descriptor: &StepDescriptor,
    catalogue: &dyn Catalogue,
    with: &str,
    problems: &mut Vec<Problem>,
) {
    let noted = noted_of(&step.with, &descriptor.settings, "x-jackfield-field-kinds");
    if noted.is_empty() {
        return;
    }
    let custom = catalogue.field_kinds().unwrap_or_default();
    for (at, part, rule) in noted {
        let Some((field, kind)) = part
            .as_str()
            .and_then(|field| Some((field, kind_of(field, &custom)?)))
        else {
            continue;
        };
        let by = rule["by"].as_str().and_then(|by| step.with.pointer(by));
        let by = by.unwrap_or(&rule["default"]).as_str().unwrap_or_default();
        let Some(allowed) = rule["kinds"].get(by).and_then(Value::as_array) else {
            continue;
        };
        let allowed: Vec<&str> = allowed.iter().filter_map(Value::as_str).collect();
        if !allowed.contains(&kind) {
            let message = format!(
                "the field `{field}` is of the type `{kind}`, which takes no `{by}`: choose a field of \
                 the type {}",
                one_of(allowed.iter().copied())
            );
            problems.push(Problem::error("field-type", format!("{with}{at}"), message));
        }
    }
}

/// A condition with more tests than the step takes.
pub(super) fn tests(condition: &Condition, most: u64, path: &str, problems: &mut Vec<Problem>) {
    let tests = condition.leaves().len();
    if u64::try_from(tests).is_ok_and(|tests| tests > most) {
        let message = format!(
            "a condition has at most {most} tests here, in all its groups; this one has {tests}"
        );
        problems.push(Problem::error("too-many-tests", path, message));
    }
}

/// How failures of a step that may pass are tried again: as the document says, else as the usual, with
/// as many tries as the plugin's own setting asks for.
pub(crate) fn retry(step: &Step, descriptor: Option<&StepDescriptor>) -> Retry {
    if let Some(retry) = step.retry {
        return retry;
    }
    let usual = Retry::default();
    let noted = descriptor
        .map(|descriptor| noted_of(&step.with, &descriptor.settings, "x-jackfield-retries"));
    let asked = noted
        .into_iter()
        .flatten()
        .find(|(.., marked)| **marked == true);
    let asked = asked.map(|(_, part, _)| {
        // What a variable says is the plugin's to count.
        let number = part.as_u64().map(u32::try_from);
        number.and_then(Result::ok).unwrap_or(MAX_ATTEMPTS)
    });
    Retry {
        attempts: asked.map_or(usual.attempts, |asked| {
            asked.clamp(usual.attempts, MAX_ATTEMPTS)
        }),
        ..usual
    }
}

/// The type of a field as definitions of fields name it.
fn kind_of<'a>(field: &str, custom: &'a HashMap<String, String>) -> Option<&'a str> {
    let standard = events::contact_field(field).map(|field| match field.kind {
        FieldType::Phone => "phone",
        FieldType::Email => "email",
        FieldType::Url => "url",
        _ => "text",
    });
    standard.or_else(|| custom.get(field).map(String::as_str))
}
