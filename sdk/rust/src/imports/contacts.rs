//! The contact that the run is about.

use serde::Deserialize;
use serde_json::{Value, json};

use super::sys;
pub use crate::bindings::step::jackfield::plugin::contacts::Operation;
use crate::failure::CallError;

/// What a change of tags came to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Retagged {
    /// The tags that were not there yet.
    pub added: Vec<String>,
    /// The tags that were there.
    pub removed: Vec<String>,
}

/// The contact as it stands, with what this run has changed; none where the run has no contact.
pub fn get() -> Option<Value> {
    serde_json::from_str(&sys::contacts::get()?).ok()
}

/// Changes one field. Answers with the new value as the field's type stores it. Errors:
/// `not-found` (no contact, or no such field), `invalid`.
pub fn update(field: &str, operation: Operation, value: &Value) -> Result<Value, CallError> {
    super::json(&sys::contacts::update(
        field,
        operation,
        &value.to_string(),
    )?)
}

/// Adds tags to the contact. Errors: `not-found` (no contact), `invalid`.
pub fn add_tags(tags: &[String]) -> Result<(), CallError> {
    sys::contacts::add_tags(tags)
}

/// Adds and removes tags in one, and answers with what changed: a tag that is there already is not
/// added again, one that is not there not removed. Errors: `not-found` (no contact), `invalid`.
pub fn retag(add: &[String], remove: &[String]) -> Result<Retagged, CallError> {
    change_tags(&json!({"add": add, "remove": remove}))
}

/// As [`retag`], but raises no event `tag.updated`, so no workflow starts by it.
pub fn retag_silently(add: &[String], remove: &[String]) -> Result<Retagged, CallError> {
    change_tags(&json!({"add": add, "remove": remove, "silent": true}))
}

fn change_tags(change: &Value) -> Result<Retagged, CallError> {
    super::json(&sys::contacts::retag(&change.to_string())?)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::testing::Host;

    fn tags(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn tags_are_changed_in_one_and_the_answer_says_what_was_new() {
        let contact = json!({"id": "c1", "tags": ["lead", "fr"]});
        let host = Host::new().contact(contact).install();
        let changed = retag(&tags(&["vip", "fr"]), &tags(&["lead", "old"])).unwrap();
        assert_eq!(
            (changed.added, changed.removed),
            (tags(&["vip"]), tags(&["lead"]))
        );
        assert_eq!(get().unwrap()["tags"], json!(["fr", "vip"]));
        assert_eq!(retag_silently(&[], &[]).unwrap(), Retagged::default());
        assert_eq!(
            host.retags(),
            [
                json!({"add": ["vip", "fr"], "remove": ["lead", "old"]}),
                json!({"add": [], "remove": [], "silent": true}),
            ]
        );
    }

    #[test]
    fn added_tags_are_the_contacts() {
        let host = Host::new().contact(json!({"id": "c1"})).install();
        add_tags(&tags(&["vip"])).unwrap();
        assert_eq!(retag(&tags(&["vip"]), &[]).unwrap(), Retagged::default());
        assert_eq!(host.contact(), Some(json!({"id": "c1", "tags": ["vip"]})));
        assert_eq!(host.tags(), ["vip"]);
    }

    #[test]
    fn without_a_contact_there_is_nothing_to_tag() {
        let _host = Host::new().install();
        assert_eq!(retag(&[], &[]).unwrap_err().code, "not-found");
    }
}
