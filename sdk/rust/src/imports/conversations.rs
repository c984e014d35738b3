//! The conversations with the contact: at most one of them is open or snoozed at a time.

use serde::Serialize;
use serde_json::Value;

use super::{json, sys};
use crate::failure::CallError;

/// What a conversation is closed with.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Note {
    /// One of the workspace's categories, where it has any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub category: Option<String>,
    /// For people; at most 2,000 characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub summary: Option<String>,
}

impl Note {
    /// A note without anything.
    pub fn new() -> Self {
        Note::default()
    }

    /// With a category.
    pub fn category(mut self, category: impl Into<String>) -> Self {
        self.category = Some(category.into());
        self
    }

    /// With a summary.
    pub fn summary(mut self, summary: impl Into<String>) -> Self {
        self.summary = Some(summary.into());
        self
    }
}

/// The conversation that is open or snoozed, else the last one, as it stands with what this run has
/// changed: `{"id", "state", "source", "opened_at", ...}`; none where there never was one.
pub fn get() -> Option<Value> {
    serde_json::from_str(&sys::conversations::get()?).ok()
}

/// Opens a conversation. One that is open already is left alone, one that is snoozed is open again.
/// Answers with it as [`get`] does. Errors: `not-found` (no contact).
pub fn open() -> Result<Value, CallError> {
    json(&sys::conversations::open()?)
}

/// Closes the conversation, with a note or without. Answers with it as [`get`] does; none where none
/// was open, and then nothing happens. Errors: `not-found` (no contact), `invalid` (no such
/// category, a note that the workspace wants and does not get, a summary that is too long).
pub fn close(note: Option<&Note>) -> Result<Option<Value>, CallError> {
    let note = note.and_then(|note| serde_json::to_string(note).ok());
    json(&sys::conversations::close(note.as_deref())?)
}

/// Adds a comment to the conversation that is open or was last, for people of the workspace: it is
/// never sent to the contact. Users are mentioned by `@` and their mail address or name. Answers
/// with the comment's id. Errors: `not-found` (no contact), `invalid` (an empty text), `too-large`
/// (more than 5,000 characters).
pub fn comment(text: &str) -> Result<String, CallError> {
    sys::conversations::comment(text)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::testing::Host;
    use serde_json::json;

    #[test]
    fn a_conversation_is_opened_once_and_closed_with_its_note() {
        let host = Host::new().contact(json!({})).install();
        assert_eq!(get(), None);
        assert_eq!(close(None).unwrap(), None);
        let opened = open().unwrap();
        assert_eq!(
            opened,
            json!({"id": "conversation-1", "state": "open", "source": "workflow",
                   "opened_at": "2026-01-01T00:00:00Z"})
        );
        assert_eq!(open().unwrap(), opened);
        host.advance(86_400_500);
        let closed = close(Some(&Note::new().category("solved").summary("Paid."))).unwrap();
        assert_eq!(
            closed,
            Some(
                json!({"id": "conversation-1", "state": "closed", "source": "workflow",
                       "opened_at": "2026-01-01T00:00:00Z", "category": "solved",
                       "summary": "Paid.", "closed_at": "2026-01-02T00:00:00.500Z",
                       "closed_by": "workflow"})
            )
        );
        assert_eq!((get(), host.conversation()), (closed.clone(), closed));
        assert_eq!(close(None).unwrap(), None);
        assert_eq!(open().unwrap()["id"], "conversation-2");
    }

    #[test]
    fn a_snoozed_conversation_is_open_again() {
        let _host = Host::new()
            .contact(json!({}))
            .conversation(json!({"id": "k", "state": "snoozed", "source": "contact"}))
            .install();
        assert_eq!(
            open().unwrap(),
            json!({"id": "k", "state": "open", "source": "contact"})
        );
        assert_eq!(close(None).unwrap().unwrap()["state"], "closed");
    }

    #[test]
    fn comments_are_kept_and_have_bounds() {
        let host = Host::new().contact(json!({})).install();
        assert_eq!(comment("@ann: see above").unwrap(), "comment-1");
        assert_eq!(comment(" ").unwrap_err().code, "invalid");
        assert_eq!(comment(&"é".repeat(5_001)).unwrap_err().code, "too-large");
        assert_eq!(host.comments(), ["@ann: see above"]);
        open().unwrap();
        let note = Note::new().summary("é".repeat(2_001));
        assert_eq!(close(Some(&note)).unwrap_err().code, "invalid");
    }

    #[test]
    fn without_a_contact_there_is_no_conversation() {
        let _host = Host::new().install();
        assert_eq!(get(), None);
        assert_eq!(open().unwrap_err().code, "not-found");
        assert_eq!(close(None).unwrap_err().code, "not-found");
        assert_eq!(comment("Hi").unwrap_err().code, "not-found");
    }
}
