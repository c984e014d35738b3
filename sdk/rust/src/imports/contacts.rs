//! The contact that the run is about.

use serde::{Deserialize, Serialize};
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

/// How far an opt-out reaches.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Scope {
    /// Nobody of the workspace sends to the address any more.
    #[default]
    Account,
    /// Nothing is sent over this channel.
    Sender,
}

/// What an opt-out came to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct OptedOut {
    /// The contact's address of which it was said.
    pub address: String,
    /// How far it reaches.
    pub scope: Scope,
    /// Whether it is new.
    pub changed: bool,
}

/// Records that the contact wants nothing more on the address that it has on this channel; on that
/// of its last message where none is named. Errors: `not-found` (no contact, or no such channel),
/// `no-channel`, `no-address`.
pub fn opt_out(scope: Scope, channel: Option<&str>) -> Result<OptedOut, CallError> {
    super::json(&sys::contacts::opt_out(
        &consent(scope, channel, false).to_string(),
    )?)
}

/// Takes opt-outs back, as [`opt_out`] records them: all of the address, or with [`Scope::Sender`]
/// those that hold messages of the channel back.
pub fn opt_in(scope: Scope, channel: Option<&str>) -> Result<OptedOut, CallError> {
    super::json(&sys::contacts::opt_out(
        &consent(scope, channel, true).to_string(),
    )?)
}

fn consent(scope: Scope, channel: Option<&str>, again: bool) -> Value {
    let mut request = json!({"scope": scope});
    if let Some(channel) = channel {
        request["channel"] = channel.into();
    }
    if again {
        request["in"] = true.into();
    }
    request
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
    fn an_opt_out_is_recorded_once_and_taken_back() {
        let contact = json!({"id": "c1", "phone": "+33600000001"});
        let host = Host::new().contact(contact).install();
        let out = opt_out(Scope::Account, None).unwrap();
        assert_eq!((out.address.as_str(), out.changed), ("+33600000001", true));
        assert!(!opt_out(Scope::Sender, Some("chat")).unwrap().changed);
        assert!(opt_in(Scope::Account, None).unwrap().changed);
        assert_eq!(
            host.opt_outs(),
            [
                json!({"scope": "account"}),
                json!({"scope": "sender", "channel": "chat"}),
                json!({"scope": "account", "in": true}),
            ]
        );
    }

    #[test]
    fn without_a_contact_nobody_opts_out() {
        let _host = Host::new().install();
        let error = opt_out(Scope::Account, None).unwrap_err();
        assert_eq!(error.code, "not-found");
    }

    #[test]
    fn without_a_contact_there_is_nothing_to_tag() {
        let _host = Host::new().install();
        assert_eq!(retag(&[], &[]).unwrap_err().code, "not-found");
    }
}
