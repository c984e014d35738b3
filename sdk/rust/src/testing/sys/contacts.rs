//! The import `contacts`: the contact that the test gave, whose tags change.

use serde::Deserialize;
use serde_json::{Value, json};

use super::{CallError, invalid, some_contact, value};
use crate::contacts::Operation;
use crate::testing::host::with;

pub(crate) fn get() -> Option<String> {
    with(|host| host.contact.as_ref().map(ToString::to_string))
}

pub(crate) fn update(field: &str, operation: Operation, json: &str) -> Result<String, CallError> {
    let change = (
        field.to_owned(),
        format!("{operation:?}").to_lowercase(),
        value(json)?,
    );
    let change = (change.0, change.1.replace("operation::", ""), change.2);
    with(|host| {
        some_contact(host)?;
        let answer = (host.update)(&change).map(|value| value.to_string());
        host.record.updates.push(change);
        answer
    })
}

pub(crate) fn add_tags(tags: &[String]) -> Result<(), CallError> {
    with(|host| {
        change(some_contact(host)?, tags, &[]);
        host.record.tags.extend_from_slice(tags);
        Ok(())
    })
}

/// `add`, `remove` and `silent`.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Change {
    add: Vec<String>,
    remove: Vec<String>,
    #[serde(rename = "silent")]
    _silent: bool,
}

pub(crate) fn retag(json: &str) -> Result<String, CallError> {
    let said = value(json)?;
    let asked = Change::deserialize(&said).map_err(|error| invalid(&error.to_string()))?;
    with(|host| {
        let (added, removed) = change(some_contact(host)?, &asked.add, &asked.remove);
        host.record.retags.push(said);
        Ok(json!({"added": added, "removed": removed}).to_string())
    })
}

/// `scope`, `channel` and `in`.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Consent {
    scope: crate::contacts::Scope,
    #[serde(rename = "channel")]
    _channel: Option<String>,
    #[serde(rename = "in")]
    again: bool,
}

pub(crate) fn opt_out(json: &str) -> Result<String, CallError> {
    let said = value(json)?;
    let asked = Consent::deserialize(&said).map_err(|error| invalid(&error.to_string()))?;
    with(|host| {
        let contact = some_contact(host)?;
        let address = contact["phone"].as_str().unwrap_or_default().to_owned();
        let changed = host.record.opted_out == asked.again;
        host.record.opted_out = !asked.again;
        host.record.opt_outs.push(said);
        Ok(json!({"address": address, "scope": asked.scope, "changed": changed}).to_string())
    })
}

/// Takes tags off a contact and puts others on it; what was added, and what was removed.
fn change(contact: &mut Value, add: &[String], remove: &[String]) -> (Vec<String>, Vec<String>) {
    let mut tags = contact["tags"].as_array().cloned().unwrap_or_default();
    let (mut added, mut removed) = (Vec::new(), Vec::new());
    for tag in remove {
        if let Some(place) = tags.iter().position(|known| known == tag) {
            tags.remove(place);
            removed.push(tag.clone());
        }
    }
    for tag in add {
        if !tags.iter().any(|known| known == tag) {
            tags.push(tag.as_str().into());
            added.push(tag.clone());
        }
    }
    if !(added.is_empty() && removed.is_empty()) {
        contact["tags"] = tags.into();
    }
    (added, removed)
}
