//! The conversations with the contact: at most one of them is open or snoozed at a time.

use serde::{Deserialize, Serialize};
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

/// Who gets the contact, and how one is chosen where several may.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[must_use = "nobody is assigned before `send`"]
pub struct Assign {
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    team: Option<String>,
    #[serde(skip_serializing_if = "is_false")]
    workspace: bool,
    #[serde(skip_serializing_if = "is_false")]
    nobody: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    by: Option<String>,
    #[serde(skip_serializing_if = "is_false")]
    only_online: bool,
    #[serde(skip_serializing_if = "is_false")]
    not_on_call: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    fewer_than: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    priority: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    service_level: Option<String>,
}

#[allow(clippy::trivially_copy_pass_by_ref)] // As serde asks.
fn is_false(is: &bool) -> bool {
    !is
}

impl Assign {
    /// To one user, by mail address, name or id.
    pub fn user(user: impl Into<String>) -> Self {
        Assign {
            user: Some(user.into()),
            ..Assign::default()
        }
    }

    /// To somebody of a team, by its name.
    pub fn team(team: impl Into<String>) -> Self {
        Assign {
            team: Some(team.into()),
            ..Assign::default()
        }
    }

    /// To somebody of the workspace.
    pub fn workspace() -> Self {
        Assign {
            workspace: true,
            ..Assign::default()
        }
    }

    /// To nobody: whoever has it, has it no more.
    pub fn nobody() -> Self {
        Assign {
            nobody: true,
            ..Assign::default()
        }
    }

    /// How one of a team or the workspace is chosen: `round-robin` where left out.
    pub fn by(mut self, strategy: impl Into<String>) -> Self {
        self.by = Some(strategy.into());
        self
    }

    /// Only users that are online.
    pub fn only_online(mut self, only: bool) -> Self {
        self.only_online = only;
        self
    }

    /// Only users that are not on a call.
    pub fn not_on_call(mut self, only: bool) -> Self {
        self.not_on_call = only;
        self
    }

    /// Only users with fewer open contacts than this.
    pub fn fewer_than(mut self, contacts: impl Into<Option<u32>>) -> Self {
        self.fewer_than = contacts.into();
        self
    }

    /// Before those with a lower priority, -100 to 100; 0 where left out.
    pub fn priority(mut self, priority: i32) -> Self {
        self.priority = Some(priority);
        self
    }

    /// With the event `queue.overdue` after so long in the queue, such as `60s`.
    pub fn service_level(mut self, length: impl Into<String>) -> Self {
        self.service_level = Some(length.into());
        self
    }

    /// Assigns. Errors: `not-found` (no contact, no such user or team), `no-members` (a team without
    /// users, a workspace without any), `invalid`.
    pub fn send(&self) -> Result<Assigned, CallError> {
        // Texts, numbers and switches.
        let request = serde_json::to_string(self).unwrap_or_default();
        json(&sys::conversations::assign(&request)?)
    }
}

/// What became of an assignment.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Assigned {
    /// This user has the contact; none where nobody was to have it.
    Assignee(Option<User>),
    /// Somebody is chosen when the outcome is committed. This is the place in the queue; who it is,
    /// arrives as the event `queue.finished` about it.
    Queued(String),
    /// As many wait as may, which is this many: the contact gets no place.
    Full(u32),
}

/// A user of the workspace.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, schemars::JsonSchema)]
pub struct User {
    /// The user's id.
    pub id: String,
    /// For people.
    pub name: String,
    /// The user's mail address.
    pub email: String,
}

/// Gives up a place in the queue that [`Assign::send`] answered with. Answers whether the contact was
/// still waiting in it: if not, it has somebody by now. Errors: `not-found` (no contact).
pub fn leave_queue(id: &str) -> Result<bool, CallError> {
    sys::conversations::leave_queue(id)
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
    fn an_assignment_is_a_user_nobody_or_a_place_in_the_queue() {
        let host = Host::new().contact(json!({})).install();
        let ann = Assign::user("ann@example.com").send().unwrap();
        let Assigned::Assignee(Some(user)) = ann else {
            panic!("no user: {ann:?}");
        };
        assert_eq!(user.email, "ann@example.com");
        let nobody = Assign::nobody().send().unwrap();
        assert_eq!(nobody, Assigned::Assignee(None));
        let sales = Assign::team("sales")
            .by("least-open")
            .only_online(true)
            .fewer_than(5);
        let place = Assigned::Queued("place-1".to_owned());
        assert_eq!(sales.send().unwrap(), place);
        assert_eq!(leave_queue("place-1"), Ok(true));
        assert_eq!(leave_queue("place-1"), Ok(false));
        assert_eq!(
            host.assigned()[2],
            json!({"team": "sales", "by": "least-open", "only-online": true, "fewer-than": 5})
        );
        assert_eq!(Assign::default().send().unwrap_err().code, "invalid");
    }

    #[test]
    fn without_a_contact_there_is_no_conversation() {
        let _host = Host::new().install();
        assert_eq!(get(), None);
        assert_eq!(open().unwrap_err().code, "not-found");
        assert_eq!(close(None).unwrap_err().code, "not-found");
        assert_eq!(comment("Hi").unwrap_err().code, "not-found");
        assert_eq!(Assign::nobody().send().unwrap_err().code, "not-found");
        assert_eq!(leave_queue("place-1").unwrap_err().code, "not-found");
    }
}
