//! The variables that a document names: does each have a namespace, and a name in it?
//!
//! An unknown namespace is an error, because nothing can ever stand there. An unknown name is a
//! warning, because events may bring more than is listed; a step that is not in the workflow is an
//! error again.

use std::collections::HashMap;

use serde_json::Value;

use super::{
    StepDescriptor,
    catalogue::Catalogue,
    events::{self, Namespace},
    model::Document,
    problem::{Problem, join, nearest, one_of},
};
use crate::{
    conditions::Condition,
    variables::{
        FILE, SNIPPET, Snippets, Template,
        snippet::{Part, named},
        templates_in,
    },
};

/// What variables can name in this document.
pub(super) struct References<'a> {
    namespaces: Vec<&'static Namespace>,
    steps: Vec<&'a str>,
    descriptors: &'a HashMap<&'a str, StepDescriptor>,
    contact_fields: Option<Vec<String>>,
    snippets: Option<Snippets>,
    files: Option<Vec<String>>,
}

impl<'a> References<'a> {
    pub(super) fn new(
        document: &'a Document,
        descriptors: &'a HashMap<&'a str, StepDescriptor>,
        catalogue: &dyn Catalogue,
    ) -> Self {
        let events = document
            .triggers
            .iter()
            .map(|trigger| trigger.event.as_str());
        Self {
            namespaces: events::namespaces(events).collect(),
            steps: document.steps.iter().map(|step| step.id.as_str()).collect(),
            descriptors,
            contact_fields: catalogue.contact_fields(),
            snippets: catalogue.snippets(),
            files: catalogue.files(),
        }
    }

    /// All texts of a step's settings.
    pub(super) fn settings(
        &self,
        settings: &Value,
        descriptor: Option<&StepDescriptor>,
        path: &str,
        problems: &mut Vec<Problem>,
    ) {
        let schema = descriptor.map_or(&Value::Null, |descriptor| &descriptor.settings);
        for (at, text) in templates_in(settings, schema) {
            self.text(text, &format!("{path}{at}"), problems);
        }
    }

    /// A condition's fields, and the texts that they are compared with.
    pub(super) fn condition(&self, condition: &Condition, path: &str, problems: &mut Vec<Problem>) {
        for (at, leaf) in condition.leaves() {
            let at = format!("{path}{at}");
            if leaf.field.starts_with("snippet.") {
                let message = format!(
                    "`{}`: a snippet is put into texts, a condition cannot ask for it",
                    leaf.field
                );
                let at = join(&at, "field");
                problems.push(Problem::error("snippet-in-condition", at, message));
                continue;
            }
            problems.extend(self.path(&leaf.field, &join(&at, "field")));
            if leaf.operator.takes_variables() {
                let at = join(&at, leaf.operator.name);
                for (below, text) in templates_in(&leaf.operand, &Value::Null) {
                    self.text(text, &format!("{at}{below}"), problems);
                }
            }
        }
    }

    fn text(&self, text: &str, path: &str, problems: &mut Vec<Problem>) {
        let template = Template::parse(text);
        for variable in template.variables() {
            match variable.path.split_once('.') {
                Some((SNIPPET, rest)) => self.snippet(rest, path, problems),
                _ => problems.extend(self.path(&variable.path, path)),
            }
        }
        for doubtful in template.doubtful() {
            let message = format!(
                "`{doubtful}` is not a variable and is sent as it is: write namespace and name, as \
                 in `${{contact.firstname}}`, or `$${}` if it is meant so",
                doubtful.trim_start_matches('$')
            );
            problems.push(Problem::warning("doubtful-variable", path, message));
        }
    }

    fn path(&self, variable: &str, at: &str) -> Option<Problem> {
        let mut names = variable.split('.');
        let (first, second, third) = (names.next()?, names.next()?, names.next());
        if first == "steps" {
            return self.step(second, third, at);
        }
        if first == FILE {
            let (_, name) = variable.split_once('.')?;
            let files = self.files.as_ref()?;
            if files.iter().any(|known| known == name) {
                return None;
            }
            let near = nearest(name, files.iter().map(String::as_str));
            let near = near.map(|known| format!("${{file.{known}}}"));
            let message = format!("there is no file `{name}`");
            return Some(Problem::error("unknown-file", at, message).suggest(near));
        }
        let known = || self.namespaces.iter().map(|namespace| namespace.name);
        let same: Vec<&Namespace> = self
            .namespaces
            .iter()
            .copied()
            .filter(|namespace| namespace.name == first)
            .collect();
        if same.is_empty() {
            let elsewhere = events::EVENTS
                .iter()
                .filter(|event| {
                    event
                        .namespaces
                        .iter()
                        .any(|namespace| namespace.name == first)
                })
                .map(|event| event.name);
            let elsewhere: Vec<&str> = elsewhere.collect();
            let message = if elsewhere.is_empty() {
                format!(
                    "`${variable}`: there is no namespace `{first}`; there are {}",
                    all(known())
                )
            } else {
                format!(
                    "`${variable}`: `{first}` comes with {} only, and no trigger names that event",
                    one_of(elsewhere)
                )
            };
            let near = nearest(first, known())
                .map(|namespace| format!("{namespace}{}", &variable[first.len()..]));
            return Some(Problem::error("unknown-namespace", at, message).suggest(near));
        }
        let mut fields: Vec<&str> = same
            .iter()
            .flat_map(|namespace| namespace.fields)
            .map(|field| field.name)
            .collect();
        let mut open = same.iter().any(|namespace| namespace.open);
        if first == "contact"
            && let Some(custom) = &self.contact_fields
        {
            fields.extend(custom.iter().map(String::as_str));
            open = false;
        }
        if open || fields.contains(&second) {
            return None;
        }
        let near = nearest(second, fields.iter().copied());
        let near = near.map(|name| format!("{first}.{name}{}", third_on(variable)));
        let message = format!("`${variable}`: `{first}` has no `{second}`");
        Some(Problem::warning("unknown-variable", at, message).suggest(near))
    }

    /// What stands after `snippet.`: is there such a one, and can all of its own variables have
    /// values here?
    fn snippet(&self, rest: &str, at: &str, problems: &mut Vec<Problem>) {
        let Some(all) = &self.snippets else { return };
        let (name, part) = named(rest);
        let Some(found) = all.get(name) else {
            let names = || all.keys().map(String::as_str);
            // `$snippet.opening-hours` ends at the hyphen.
            let longer = names().find(|known| {
                known
                    .strip_prefix(name)
                    .is_some_and(|rest| rest.starts_with('-'))
            });
            let message = match longer {
                Some(known) => format!(
                    "there is no snippet `{name}`: a name with hyphens stands in braces, as in \
                     `${{snippet.{known}}}`"
                ),
                None => format!("there is no snippet `{name}`"),
            };
            let near = longer
                .map(str::to_owned)
                .or_else(|| nearest(name, names()))
                .map(|known| format!("${{snippet.{known}}}"));
            problems.push(Problem::error("unknown-snippet", at, message).suggest(near));
            return;
        };
        match part {
            Some(Part::Text) => {
                for variable in Template::parse(&found.text).variables() {
                    let inner = self.path(&variable.path, at).map(|mut problem| {
                        problem.message = format!("in the snippet `{name}`, {}", problem.message);
                        problem
                    });
                    problems.extend(inner);
                }
            }
            Some(Part::Attachment(index)) if index < found.attachments.len() => {}
            Some(Part::Attachment(_)) => {
                let message = format!(
                    "the snippet `{name}` has {} attachment(s), counted from 0",
                    found.attachments.len()
                );
                problems.push(Problem::error("unknown-attachment", at, message));
            }
            None => {
                let message = format!(
                    "`${{snippet.{rest}}}`: a snippet has a text, `${{snippet.{name}}}`, and \
                     attachments, `${{snippet.{name}.attachments[0]}}`"
                );
                problems.push(Problem::error("unknown-variable", at, message));
            }
        }
    }

    fn step(&self, id: &str, name: Option<&str>, at: &str) -> Option<Problem> {
        if !self.steps.contains(&id) {
            let near = nearest(id, self.steps.iter().copied());
            let message = format!("there is no step `{id}` whose output could be used");
            let near = near.map(|step| {
                name.map_or_else(
                    || format!("steps.{step}"),
                    |name| format!("steps.{step}.{name}"),
                )
            });
            return Some(Problem::error("unknown-step", at, message).suggest(near));
        }
        let (name, descriptor) = (name?, self.descriptors.get(id)?);
        let properties = descriptor.output.get("properties")?.as_object()?;
        let open = descriptor
            .output
            .get("additionalProperties")
            .is_some_and(|more| more != &Value::Bool(false));
        // Of a step that failed, the engine gives `error`.
        if open || name == "error" || properties.contains_key(name) {
            return None;
        }
        let near = nearest(name, properties.keys().map(String::as_str));
        let message = format!(
            "the step `{id}` (`{}`) gives no `{name}`",
            descriptor.reference()
        );
        let near = near.map(|name| format!("steps.{id}.{name}"));
        Some(Problem::warning("unknown-output", at, message).suggest(near))
    }
}

/// What of a path follows its second name, full stop included.
fn third_on(variable: &str) -> &str {
    variable
        .match_indices('.')
        .nth(1)
        .map_or("", |(at, _)| &variable[at..])
}

fn all<'a>(names: impl Iterator<Item = &'a str>) -> String {
    one_of(names).replace(" or ", " and ")
}
