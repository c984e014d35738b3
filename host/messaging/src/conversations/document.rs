//! A conversation: how it is opened and closed, and how it is shown.
//!
//! The one that is not closed stands in the contact's own row, so that what a run sees of it needs
//! no further read; every one has a row of its own too, which is its history.
//!
//! What must hold: at most one conversation of a contact is not closed; both rows are written in the
//! same commit.

use super::note::Note;
use crate::assignment::Person;
use crate::contacts::document::{Document, instant};
use jackfield_engine::NewEvent;
use jackfield_store::records::{Channel, Conversation as Row};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

/// Where the contact's row keeps it.
pub(crate) const KEY: &str = "conversation";
/// How much of a first message is kept, in characters.
const LONGEST_FIRST_MESSAGE: usize = 500;

/// How a conversation stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum State {
    Open,
    Closed,
}

impl State {
    pub(crate) fn name(self) -> &'static str {
        match self {
            State::Open => "open",
            State::Closed => "closed",
        }
    }
}

/// A conversation. Times are milliseconds since 1970.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Conversation {
    pub(crate) id: String,
    pub(crate) state: State,
    /// Who opened it: `contact`, `user`, `workflow`, `api`...
    pub(crate) source: String,
    /// The channel's id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) channel: Option<String>,
    pub(crate) opened_at: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) first_message: Option<String>,
    /// Who had it last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) assignee: Option<Person>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) first_assigned_at: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) assigned_at: Option<i64>,
    /// How often it came to somebody.
    #[serde(default)]
    pub(crate) assignments: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) closed_at: Option<i64>,
    /// As `source`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) closed_by: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) category: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) summary: Option<String>,
}

/// How a conversation is opened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Opening {
    /// The id that it gets, if it is a new one.
    pub(crate) id: String,
    pub(crate) source: String,
    pub(crate) channel: Option<String>,
    pub(crate) first_message: Option<String>,
}

impl Conversation {
    /// The contact's newest conversation.
    pub(crate) fn of(contact: &Document) -> Option<Conversation> {
        Conversation::deserialize(contact.get(KEY)?).ok()
    }

    pub(crate) fn from_row(row: &Row) -> Option<Conversation> {
        Conversation::deserialize(&row.data).ok()
    }

    /// Whether a conversation with a contact is open.
    pub(crate) fn is_open(contact: &Document) -> bool {
        Conversation::of(contact).is_some_and(|known| known.state == State::Open)
    }

    /// Notes who has the open conversation now; none where that is nothing new.
    pub(crate) fn assigned(
        contact: &mut Document,
        to: Option<&Person>,
        now: i64,
    ) -> Option<Conversation> {
        let known = Conversation::of(contact).filter(|known| known.state == State::Open)?;
        if known.assignee.as_ref() == to {
            return None;
        }
        let noted = Conversation {
            assignee: to.cloned(),
            first_assigned_at: known.first_assigned_at.or(to.map(|_| now)),
            assigned_at: to.map(|_| now).or(known.assigned_at),
            assignments: known.assignments + u32::from(to.is_some()),
            ..known
        };
        noted.keep(contact);
        Some(noted)
    }

    /// Opens a conversation; none where one is open already.
    pub(crate) fn open(contact: &mut Document, opening: Opening, now: i64) -> Option<Conversation> {
        if Conversation::is_open(contact) {
            return None;
        }
        let opened = Conversation {
            id: opening.id,
            state: State::Open,
            source: opening.source,
            channel: opening.channel,
            opened_at: now,
            first_message: opening
                .first_message
                .map(|text| text.chars().take(LONGEST_FIRST_MESSAGE).collect()),
            assignee: None,
            first_assigned_at: None,
            assigned_at: None,
            assignments: 0,
            closed_at: None,
            closed_by: None,
            category: None,
            summary: None,
        };
        opened.keep(contact);
        Some(opened)
    }

    /// Closes the open conversation; none where none is open.
    pub(crate) fn close(
        contact: &mut Document,
        note: Note,
        by: &str,
        now: i64,
    ) -> Option<Conversation> {
        let known = Conversation::of(contact).filter(|known| known.state != State::Closed)?;
        let closed = Conversation {
            state: State::Closed,
            closed_at: Some(now),
            closed_by: Some(by.to_owned()),
            category: note.category,
            summary: note.summary,
            ..known
        };
        closed.keep(contact);
        Some(closed)
    }

    fn keep(&self, contact: &mut Document) {
        contact.put(KEY, serde_json::to_value(self).ok());
    }

    pub(crate) fn row(&self, contact: &Document) -> Row {
        Row {
            bucket: contact.row.bucket,
            id: self.id.clone(),
            workspace: contact.row.workspace.clone(),
            contact: contact.row.id.clone(),
            state: self.state.name().to_owned(),
            data: serde_json::to_value(self).unwrap_or_default(),
            opened_at: self.opened_at,
            closed_at: self.closed_at,
        }
    }

    /// As the API, variables, events and plugins see it.
    pub(crate) fn show(&self, channels: &[Channel]) -> Value {
        let mut shown = Map::new();
        shown.insert("id".to_owned(), self.id.as_str().into());
        shown.insert("state".to_owned(), self.state.name().into());
        shown.insert("source".to_owned(), self.source.as_str().into());
        if let Some(id) = &self.channel {
            let found = channels.iter().find(|one| one.id == *id);
            shown.insert(
                "channel".to_owned(),
                found.map_or(id.as_str(), |one| &one.name).into(),
            );
            shown.insert("channel_id".to_owned(), id.as_str().into());
        }
        shown.insert("opened_at".to_owned(), instant(Some(self.opened_at)));
        let texts = [
            ("first_message", &self.first_message),
            ("closed_by", &self.closed_by),
            ("category", &self.category),
            ("summary", &self.summary),
        ];
        for (key, text) in texts {
            if let Some(text) = text {
                shown.insert(key.to_owned(), text.as_str().into());
            }
        }
        if let Some(assignee) = &self.assignee {
            shown.insert("assignee".to_owned(), assignee.email.as_str().into());
        }
        let times = [
            ("first_assigned_at", self.first_assigned_at),
            ("assigned_at", self.assigned_at),
        ];
        for (key, at) in times.into_iter().filter(|(_, at)| at.is_some()) {
            shown.insert(key.to_owned(), instant(at));
        }
        if self.assignments > 0 {
            shown.insert("assignments".to_owned(), self.assignments.into());
        }
        if let Some(at) = self.closed_at {
            shown.insert("closed_at".to_owned(), instant(Some(at)));
            let seconds = at.saturating_sub(self.opened_at).max(0) / 1_000;
            shown.insert("resolution_time".to_owned(), seconds.into());
        }
        Value::Object(shown)
    }

    /// The event that it was opened or closed.
    pub(crate) fn event(&self, contact: &Document, channels: &[Channel], by: &str) -> NewEvent {
        let name = match self.state {
            State::Open => "conversation.opened",
            State::Closed => "conversation.closed",
        };
        contact.event(name, json!({"conversation": self.show(channels)}), by)
    }
}
