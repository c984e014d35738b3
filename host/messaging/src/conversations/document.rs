//! A conversation: how it is opened, snoozed and closed, and how it is shown.
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
    /// Set aside until a time, or until the contact writes.
    Snoozed,
    Closed,
}

impl State {
    pub(crate) fn name(self) -> &'static str {
        match self {
            State::Open => "open",
            State::Snoozed => "snoozed",
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
    /// When one of ours first answered, and the mail address; messages of workflows do not count.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) first_response_at: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) first_response_by: Option<String>,
    /// Whether it may be closed by itself: that was so in the workspace when it was opened.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) auto_close: bool,
    /// When it is closed by itself, if nothing happens until then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) closes_at: Option<i64>,
    /// Until when it is set aside; none where it is not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) snoozed_until: Option<i64>,
    /// When it was last taken up again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) unsnoozed_at: Option<i64>,
    /// Who took it up: as `source`, or `timer`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) unsnoozed_by: Option<String>,
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
    /// Whether it may be closed by itself.
    #[serde(default)]
    pub(crate) auto_close: bool,
}

impl Conversation {
    /// The contact's newest conversation.
    pub(crate) fn of(contact: &Document) -> Option<Conversation> {
        Conversation::deserialize(contact.get(KEY)?).ok()
    }

    pub(crate) fn from_row(row: &Row) -> Option<Conversation> {
        Conversation::deserialize(&row.data).ok()
    }

    /// Whether a conversation with a contact is open: not closed, and not set aside.
    pub(crate) fn is_open(contact: &Document) -> bool {
        Conversation::of(contact).is_some_and(|known| known.state == State::Open)
    }

    /// Whether a conversation with a contact is set aside.
    pub(crate) fn is_snoozed(contact: &Document) -> bool {
        Conversation::of(contact).is_some_and(|known| known.state == State::Snoozed)
    }

    /// When it comes back by itself, where it is set aside; when it is closed by itself, where it
    /// is open.
    pub(crate) fn due(&self) -> Option<i64> {
        match self.state {
            State::Open => self.closes_at,
            State::Snoozed => self.snoozed_until,
            State::Closed => None,
        }
    }

    /// Notes that one of ours has written: the first one answers, and each one sets anew when an
    /// open conversation is closed by itself. None where that is nothing new.
    pub(crate) fn answered(
        contact: &mut Document,
        by: Option<&str>,
        closes_after: Option<i64>,
        now: i64,
    ) -> Option<Conversation> {
        let known = Conversation::of(contact).filter(|known| known.state != State::Closed)?;
        let mut noted = known.clone();
        if noted.first_response_at.is_none() {
            noted.first_response_at = Some(now);
            noted.first_response_by = by.map(str::to_owned);
        }
        noted.closes_at = closes_after
            .filter(|_| noted.auto_close && noted.state == State::Open)
            .map(|length| now.saturating_add(length));
        if noted == known {
            return None;
        }
        noted.keep(contact);
        Some(noted)
    }

    /// It is not closed by itself any more: the contact has written, say. None where it was not to
    /// be.
    pub(crate) fn stays(contact: &mut Document) -> Option<Conversation> {
        let known = Conversation::of(contact).filter(|known| known.closes_at.is_some())?;
        let noted = Conversation {
            closes_at: None,
            ..known
        };
        noted.keep(contact);
        Some(noted)
    }

    /// Notes who has the conversation that is not closed now; none where that is nothing new.
    pub(crate) fn assigned(
        contact: &mut Document,
        to: Option<&Person>,
        now: i64,
    ) -> Option<Conversation> {
        let known = Conversation::of(contact).filter(|known| known.state != State::Closed)?;
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

    /// Opens a conversation; none where one is not closed.
    pub(crate) fn open(contact: &mut Document, opening: Opening, now: i64) -> Option<Conversation> {
        if Conversation::of(contact).is_some_and(|known| known.state != State::Closed) {
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
            first_response_at: None,
            first_response_by: None,
            auto_close: opening.auto_close,
            closes_at: None,
            snoozed_until: None,
            unsnoozed_at: None,
            unsnoozed_by: None,
            closed_at: None,
            closed_by: None,
            category: None,
            summary: None,
        };
        opened.keep(contact);
        Some(opened)
    }

    /// Sets the conversation aside until then; none where none is open or set aside.
    pub(crate) fn snooze(contact: &mut Document, until: i64) -> Option<Conversation> {
        let known = Conversation::of(contact).filter(|known| known.state != State::Closed)?;
        let snoozed = Conversation {
            state: State::Snoozed,
            // Whoever sets it aside wants it back.
            closes_at: None,
            snoozed_until: Some(until),
            ..known
        };
        snoozed.keep(contact);
        Some(snoozed)
    }

    /// Takes up again what is set aside; none where nothing is.
    pub(crate) fn unsnooze(contact: &mut Document, by: &str, now: i64) -> Option<Conversation> {
        let known = Conversation::of(contact).filter(|known| known.state == State::Snoozed)?;
        let woken = Conversation {
            state: State::Open,
            snoozed_until: None,
            unsnoozed_at: Some(now),
            unsnoozed_by: Some(by.to_owned()),
            ..known
        };
        woken.keep(contact);
        Some(woken)
    }

    /// Closes the conversation that is not closed; none where there is none.
    pub(crate) fn close(
        contact: &mut Document,
        note: Note,
        by: &str,
        now: i64,
    ) -> Option<Conversation> {
        let known = Conversation::of(contact).filter(|known| known.state != State::Closed)?;
        let closed = Conversation {
            state: State::Closed,
            closes_at: None,
            snoozed_until: None,
            closed_at: Some(now),
            closed_by: Some(by.to_owned()),
            category: note.category,
            summary: note.summary,
            ..known
        };
        closed.keep(contact);
        Some(closed)
    }

    pub(crate) fn keep(&self, contact: &mut Document) {
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
            ("first_response_by", &self.first_response_by),
            ("unsnoozed_by", &self.unsnoozed_by),
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
            ("first_response_at", self.first_response_at),
            ("closes_at", self.closes_at),
            ("snoozed_until", self.snoozed_until),
            ("unsnoozed_at", self.unsnoozed_at),
        ];
        for (key, at) in times.into_iter().filter(|(_, at)| at.is_some()) {
            shown.insert(key.to_owned(), instant(at));
        }
        if let Some(at) = self.first_response_at {
            let seconds = at.saturating_sub(self.opened_at).max(0) / 1_000;
            shown.insert("first_response_time".to_owned(), seconds.into());
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

    /// The event that it has come to stand as it does.
    pub(crate) fn event(&self, contact: &Document, channels: &[Channel], by: &str) -> NewEvent {
        let name = match self.state {
            // One that was taken up again was opened long before.
            State::Open if self.unsnoozed_at.is_some() => "conversation.unsnoozed",
            State::Open => "conversation.opened",
            State::Snoozed => "conversation.snoozed",
            State::Closed => "conversation.closed",
        };
        contact.event(name, json!({"conversation": self.show(channels)}), by)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn contact() -> Document {
        Document::new("ctc_1".to_owned(), 0, "main", 0)
    }

    fn open(contact: &mut Document) -> Option<Conversation> {
        let opening = Opening {
            id: "cnv_1".to_owned(),
            source: "api".to_owned(),
            channel: None,
            first_message: None,
            auto_close: true,
        };
        Conversation::open(contact, opening, 1_000)
    }

    fn told(contact: &Document) -> String {
        let conversation = Conversation::of(contact).unwrap();
        conversation.event(contact, &[], "api").name
    }

    #[test]
    fn a_person_answers_once_and_each_message_sets_the_closing_anew() {
        let mut contact = contact();
        assert!(Conversation::answered(&mut contact, None, Some(100), 1).is_none());
        open(&mut contact).unwrap();
        let first = Conversation::answered(&mut contact, Some("ann@x.org"), Some(100), 3_500);
        assert_eq!(first.unwrap().due(), Some(3_600));
        let second = Conversation::answered(&mut contact, Some("bo@x.org"), Some(100), 9_000);
        let shown = second.clone().unwrap().show(&[]);
        assert_eq!(second.unwrap().due(), Some(9_100));
        assert_eq!(shown["first_response_time"], 2);
        assert_eq!(shown["first_response_by"], "ann@x.org");
        assert_eq!(Conversation::stays(&mut contact).unwrap().due(), None);
        assert!(Conversation::stays(&mut contact).is_none());
        // Switched off meanwhile: nothing new.
        assert!(Conversation::answered(&mut contact, None, None, 9_500).is_none());
        Conversation::answered(&mut contact, None, Some(100), 9_600).unwrap();
        let snoozed = Conversation::snooze(&mut contact, 20_000).unwrap();
        assert_eq!((snoozed.due(), snoozed.closes_at), (Some(20_000), None));
        assert!(Conversation::answered(&mut contact, None, Some(100), 9_700).is_none());
        assert_eq!(
            Conversation::unsnooze(&mut contact, "timer", 20_000)
                .unwrap()
                .due(),
            None
        );
    }

    #[test]
    fn what_was_opened_before_it_was_switched_on_is_not_closed_by_itself() {
        let mut contact = contact();
        let opened = Conversation {
            auto_close: false,
            ..open(&mut contact).unwrap()
        };
        opened.keep(&mut contact);
        let answered = Conversation::answered(&mut contact, None, Some(100), 2_000).unwrap();
        assert_eq!(answered.due(), None);
    }

    #[test]
    fn what_is_set_aside_comes_back_or_is_closed_and_is_no_other_meanwhile() {
        let mut contact = contact();
        assert!(Conversation::snooze(&mut contact, 9_000).is_none());
        open(&mut contact).unwrap();
        assert_eq!(told(&contact), "conversation.opened");
        assert!(Conversation::unsnooze(&mut contact, "api", 2_000).is_none());
        let snoozed = Conversation::snooze(&mut contact, 9_000).unwrap();
        assert_eq!(snoozed.due(), Some(9_000));
        assert_eq!(told(&contact), "conversation.snoozed");
        assert!(!Conversation::is_open(&contact) && Conversation::is_snoozed(&contact));
        assert!(open(&mut contact).is_none());
        // Again, for longer.
        assert_eq!(
            Conversation::snooze(&mut contact, 10_000).unwrap().due(),
            Some(10_000)
        );
        let woken = Conversation::unsnooze(&mut contact, "timer", 10_000).unwrap();
        assert_eq!((woken.due(), woken.snoozed_until), (None, None));
        assert_eq!(told(&contact), "conversation.unsnoozed");
        assert_eq!(woken.show(&[])["unsnoozed_by"], "timer");
        Conversation::snooze(&mut contact, 20_000).unwrap();
        let closed = Conversation::close(&mut contact, Note::default(), "api", 11_000).unwrap();
        assert_eq!((closed.due(), closed.snoozed_until), (None, None));
        assert_eq!(told(&contact), "conversation.closed");
        assert!(Conversation::snooze(&mut contact, 30_000).is_none());
    }
}
