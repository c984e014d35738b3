//! What authors of workflows write: documents, conditions, settings of steps.

use crate::{json, parts, plugins, text};
use jackfield_engine::conditions::Condition;
use jackfield_engine::document::{Catalogue, Document, Problem, StepDescriptor, any_error, source};
use jackfield_engine::variables::{Unset, ValueScope, substitute, templates_in};
use jiff::{Timestamp, tz::TimeZone};
use serde_json::{Value, json};

/// A workspace with the built-in steps, a channel, a template and a field.
struct Workspace;

impl Catalogue for Workspace {
    fn step(&self, name: &str, major: u64) -> Option<StepDescriptor> {
        let found = plugins::steps().iter().find(|step| step.name == name)?;
        (found.major() == Some(major)).then(|| found.clone())
    }

    fn step_names(&self) -> Vec<String> {
        plugins::steps()
            .iter()
            .map(StepDescriptor::reference)
            .collect()
    }

    fn channels(&self) -> Option<Vec<String>> {
        Some(vec!["main-sms".to_owned()])
    }

    fn templates(&self) -> Option<Vec<String>> {
        Some(vec!["missed-call".to_owned()])
    }

    fn contact_fields(&self) -> Option<Vec<String>> {
        Some(vec!["preferred_time".to_owned()])
    }
}

/// What values are looked up in.
pub(crate) fn scope(values: Value) -> ValueScope {
    ValueScope {
        values,
        now: Timestamp::UNIX_EPOCH,
        time_zone: TimeZone::UTC,
    }
}

/// Problems tell where they are and what would be right.
fn told(problems: &[Problem]) {
    assert!(any_error(problems), "refused without a reason");
    for problem in problems {
        assert!(!problem.message.is_empty() && !problem.code.is_empty());
        assert!(
            problem.path.is_empty() || problem.path.starts_with('/'),
            "{problem:?}"
        );
    }
}

/// A workflow document, YAML or JSON: read or refused with reasons; what was read is checked, and
/// written as JSON it is the same document.
pub fn document(data: &[u8]) {
    let Some(text) = text(data) else { return };
    if let Ok((value, _)) = source::read(text) {
        // What came in as YAML can be told as JSON, which is read as the same value.
        let (again, _) = source::read(&value.to_string()).expect("what was read is JSON");
        assert_eq!(value, again);
    }
    let document = match Document::parse(text) {
        Ok(document) => document,
        Err(problems) => return told(&problems),
    };
    for problem in document.check(&Workspace) {
        assert!(!problem.message.is_empty());
    }
    let written = document.to_json();
    let again = Document::from_value(&written).unwrap_or_else(|problems| {
        panic!("what was written is not read: {problems:?}\n{written:#}")
    });
    assert_eq!(again.to_json(), written);
    assert_eq!(again.steps, document.steps);
    assert_eq!(again.triggers, document.triggers);
}

/// A condition, and the values that it looks at: it holds or not, its opposite the other way round,
/// and written as JSON it is the same condition.
pub fn condition(data: &[u8]) {
    let Some(text) = text(data) else { return };
    let [condition, values] = parts(text);
    let condition = match Condition::parse(&json(condition)) {
        Ok(condition) => condition,
        Err(problems) => return told(&problems),
    };
    let scope = scope(json(values));
    let holds = condition.evaluate(&scope);
    let told = condition.explain(&scope);
    assert_eq!(told.len(), condition.leaves().len());
    let written = condition.to_json();
    let again = Condition::parse(&written).expect("what was written is read");
    assert_eq!(again, condition);
    assert_eq!(again.evaluate(&scope), holds);
    if let Ok(not) = Condition::parse(&json!({"not": written})) {
        assert_ne!(not.evaluate(&scope), holds);
    }
}

/// Settings of each step: variables are put in as the schema says, and what comes out is checked.
pub fn settings(data: &[u8]) {
    let Some(text) = text(data) else { return };
    let [settings, values] = parts(text);
    let (settings, scope) = (json(settings), scope(json(values)));
    for step in plugins::steps() {
        drop(step.check_settings(&settings, true));
        drop(step.branches_in(&settings));
        drop(templates_in(&settings, &step.settings));
        if let Ok(done) = substitute(&settings, &step.settings, &scope, Unset::Empty) {
            drop(step.check_settings(&done.value, false));
        }
    }
}
