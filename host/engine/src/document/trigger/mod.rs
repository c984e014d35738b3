//! What triggers on some events say besides: data, with what it means.
//!
//! A trigger on most events is an event and conditions. Some events are made by the trigger itself (a
//! schedule's time, a request to its address, its form), and such an event is *aimed*: it names the one trigger that it is for, so that it
//! starts nothing else.

mod path;
mod received;
mod schedule;
mod shortcut;
mod webhook;

pub use path::{Path, PathError};
pub use received::{Keyword, Kind, Match, Received};
pub use schedule::Schedule;
pub use shortcut::{Input, InputKind, Shortcut};
pub use webhook::{By, Encoding, Identifier, Reply, Signature, Stamp, Webhook};

use serde_json::{Map, Value};

/// The event of a trigger's own time.
pub const SCHEDULE: &str = "schedule";
/// The event that a contact has written.
pub const RECEIVED: &str = "message.received";

/// The event that a request has come to the workflow's own address.
pub const WEBHOOK: &str = "webhook";
/// The event that somebody has filled in the workflow's form.
pub const SHORTCUT: &str = "shortcut";

/// The event that a field of a contact has changed.
pub const FIELD_UPDATED: &str = "contact.field-updated";
/// The event that a contact came to another stage of its life cycle.
pub const LIFECYCLE_UPDATED: &str = "lifecycle.updated";
/// The event that a tag was added or taken away.
pub const TAG_UPDATED: &str = "tag.updated";
/// The event that a conversation was opened.
pub const CONVERSATION_OPENED: &str = "conversation.opened";
/// The event that a conversation was closed.
pub const CONVERSATION_CLOSED: &str = "conversation.closed";
/// The event that a contact has written because of an advertisement.
pub const CLICK_TO_CHAT: &str = "click-to-chat";
/// The event that a contact has answered a broadcast.
pub const BROADCAST_REPLIED: &str = "broadcast.replied";

/// What a trigger says besides, by its event.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Own {
    /// Nothing.
    #[default]
    Nothing,
    /// `schedule`.
    Schedule(Schedule),
    /// `message.received`.
    Received(Box<Received>),
    /// `webhook`.
    Webhook(Box<Webhook>),
    /// `shortcut`.
    Shortcut(Shortcut),
    /// `lifecycle.updated`: it starts runs of contacts too that are in no stage any more.
    WhenCleared,
}

/// The keys that only triggers on some events have, with those events.
pub(super) const OWN_KEYS: [(&str, &[&str]); 29] = [
    ("cron", &[SCHEDULE]),
    ("time-zone", &[SCHEDULE]),
    ("for", &[SCHEDULE]),
    ("match", &[RECEIVED]),
    ("numbers", &[RECEIVED]),
    ("from", &[RECEIVED, LIFECYCLE_UPDATED]),
    ("until", &[RECEIVED]),
    ("stop-after-match", &[RECEIVED]),
    ("contact", &[WEBHOOK]),
    ("create-contact", &[WEBHOOK]),
    ("variables", &[WEBHOOK]),
    ("signature", &[WEBHOOK]),
    ("allow-from", &[WEBHOOK]),
    ("reply", &[WEBHOOK]),
    ("title", &[SHORTCUT]),
    ("icon", &[SHORTCUT]),
    ("description", &[SHORTCUT]),
    ("form", &[SHORTCUT]),
    ("field", &[FIELD_UPDATED]),
    ("old", &[FIELD_UPDATED]),
    ("new", &[FIELD_UPDATED]),
    ("to", &[LIFECYCLE_UPDATED]),
    ("when-cleared", &[LIFECYCLE_UPDATED]),
    ("tags", &[TAG_UPDATED]),
    ("action", &[TAG_UPDATED]),
    ("source", &[CONVERSATION_OPENED, CONVERSATION_CLOSED]),
    ("category", &[CONVERSATION_CLOSED]),
    ("ads", &[CLICK_TO_CHAT]),
    ("broadcasts", &[BROADCAST_REPLIED]),
];

/// Those of `message.received`.
pub(super) const RECEIVED_KEYS: [&str; 5] =
    ["match", "numbers", "from", "until", "stop-after-match"];

impl Own {
    /// Adds its keys to those of the trigger.
    pub(super) fn write(&self, out: &mut Map<String, Value>) {
        match self {
            Own::Nothing => {}
            Own::Schedule(schedule) => schedule.write(out),
            Own::Received(received) => received.write(out),
            Own::Webhook(webhook) => webhook.write(out),
            Own::Shortcut(shortcut) => shortcut.write(out),
            Own::WhenCleared => drop(out.insert("when-cleared".into(), true.into())),
        }
    }
}

impl Own {
    /// Whether it listens for keywords.
    #[must_use]
    pub fn has_keywords(&self) -> bool {
        matches!(self, Own::Received(received) if received.keywords.is_some())
    }
}

/// Whether an event of this name is for one trigger alone.
#[must_use]
pub fn is_aimed(event: &str) -> bool {
    [SCHEDULE, WEBHOOK, SHORTCUT].contains(&event)
}

/// The variables that an event gives the run which it starts.
#[must_use]
pub fn variables_of<'a>(event: &str, data: &'a Value) -> Option<&'a Map<String, Value>> {
    let place = match event {
        WEBHOOK => "/webhook/variables",
        SHORTCUT => "/shortcut/values",
        _ => return None,
    };
    data.pointer(place).and_then(Value::as_object)
}

/// What an aimed event is about: the n-th trigger of a workflow.
#[must_use]
pub fn aim(workflow: &str, place: usize) -> String {
    format!("{workflow}/{place}")
}
