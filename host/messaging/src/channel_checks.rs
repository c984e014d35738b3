//! What is looked at before a channel is saved: its name, its settings under the connector's schema,
//! and its secrets under the names that the connector declares.

use crate::connectors::Connector;
use crate::error::Problem;
use crate::schema;
use crate::secrets::is_slug;
use serde_json::Value;
use std::collections::BTreeMap;

pub(crate) fn check_name(name: &str, problems: &mut Vec<Problem>) {
    if !is_slug(name) || name == "last-interacted" {
        let said = "lower-case words with hyphens, such as `main-sms` (`last-interacted` is taken)";
        problems.push(Problem::new("name", said));
    }
}

pub(crate) fn check_uncertain(uncertain: &str, problems: &mut Vec<Problem>) {
    if !matches!(uncertain, "fail" | "resend") {
        problems.push(Problem::new("uncertain", "`fail` or `resend`"));
    }
}

pub(crate) fn check_settings(connector: &Connector, settings: &Value, problems: &mut Vec<Problem>) {
    let found = schema::problems_under(&connector.descriptor.settings, settings);
    problems.extend(found.into_iter().map(|one| {
        Problem {
            field: format!("settings/{}", one.field)
                .trim_end_matches('/')
                .to_owned(),
            ..one
        }
    }));
}

pub(crate) fn check_names(
    connector: &Connector,
    given: &BTreeMap<String, String>,
    problems: &mut Vec<Problem>,
) {
    let known: Vec<&str> = connector
        .descriptor
        .secrets
        .iter()
        .map(|secret| secret.name.as_str())
        .collect();
    for name in given.keys().filter(|name| !known.contains(&name.as_str())) {
        let said = format!(
            "the connector has no such secret; it has: {}",
            known.join(", ")
        );
        problems.push(Problem::new(format!("secrets/{name}"), said));
    }
}

pub(crate) fn check_secrets(
    connector: &Connector,
    given: &BTreeMap<String, String>,
    problems: &mut Vec<Problem>,
) {
    check_names(connector, given, problems);
    for secret in connector
        .descriptor
        .secrets
        .iter()
        .filter(|secret| !secret.optional)
    {
        if given.get(&secret.name).is_none_or(String::is_empty) {
            let said = format!("the connector needs it ({})", secret.title);
            problems.push(Problem::new(format!("secrets/{}", secret.name), said));
        }
    }
}
