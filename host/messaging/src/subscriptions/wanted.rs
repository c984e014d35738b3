//! Which events a subscription means: their names, and filters by who caused them, by the type of
//! the message and by the contact's field.
//!
//! Names are Jackfield's own. Those by which other platforms call the same events are read too, and
//! kept as they were written; a delivery always says Jackfield's name.

use crate::error::Problem;
use jackfield_engine::document::events::EVENTS;
use jackfield_engine::document::problem::nearest;
use jackfield_store::records::Event;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Every event.
const ALL: &str = "*";
/// The longest name of an event.
const LONGEST_NAME: usize = 128;
/// The most entries in each list.
const MOST: usize = 100;
/// Where a message has gone from.
const STATUS: &str = "message.status";
const BY_HUMAN: &str = "message.sent-by-human";
const ECHO: &str = "echo";

/// The names of other platforms, and what they mean here.
pub(crate) const ALSO_CALLED: [(&str, &[&str]); 11] = [
    ("newIncomingMessage", &["message.received"]),
    ("newOutgoingMessage", &[STATUS, BY_HUMAN]),
    ("conversationOpened", &["conversation.opened"]),
    ("conversationClosed", &["conversation.closed"]),
    (
        "contactAssigneeUpdated",
        &["conversation.assigned", "conversation.unassigned"],
    ),
    ("contactTagUpdated", &["tag.updated"]),
    ("contactUpdated", &["contact.field-updated"]),
    ("newContact", &["contact.created"]),
    ("newComment", &["comment.added"]),
    ("lifecycleUpdated", &["lifecycle.updated"]),
    ("callEnded", &["call.ended"]),
];

/// Who can have caused an event.
pub(crate) const SOURCES: [&str; 16] = [
    "contact",
    "user",
    "workflow",
    "api",
    "bot",
    "broadcast",
    ECHO,
    "keyword",
    "link",
    "queue",
    "transfer",
    "timer",
    "auto-close",
    "import",
    "provider",
    "click-to-chat-ads",
];

/// First words of names that only the host gives.
const RESERVED: [&str; 10] = [
    "message.",
    "contact.",
    "tag.",
    "list.",
    "conversation.",
    "comment.",
    "queue.",
    "run.",
    "lifecycle.",
    "subscription.",
];

/// What a subscription wants. Empty filters let everything through.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub(crate) struct Wanted {
    pub(crate) events: Vec<String>,
    pub(crate) sources: Vec<String>,
    pub(crate) message_types: Vec<String>,
    pub(crate) fields: Vec<String>,
}

impl Wanted {
    /// Out of a row; nothing is wanted where it cannot be read.
    pub(crate) fn read(stored: &Value) -> Wanted {
        Wanted::deserialize(stored).unwrap_or_default()
    }

    /// What is wrong with it, by the names of the API.
    pub(crate) fn problems(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        if self.events.is_empty() {
            problems.push(Problem::new(
                "events",
                "name at least one event, or `*` for all of them",
            ));
        }
        let lists = [
            ("events", &self.events),
            ("sources", &self.sources),
            ("message-types", &self.message_types),
            ("fields", &self.fields),
        ];
        for (field, list) in lists {
            if list.len() > MOST {
                problems.push(Problem::new(field, format!("at most {MOST} entries")));
            }
        }
        for (place, name) in self.events.iter().enumerate() {
            if let Some(said) = wrong_event(name) {
                problems.push(Problem::new(format!("/events/{place}"), said));
            }
        }
        for (place, source) in self.sources.iter().enumerate() {
            if !SOURCES.contains(&source.as_str()) {
                let said = format!("`{source}` is none of {}", SOURCES.join(", "));
                problems.push(Problem::new(format!("/sources/{place}"), said));
            }
        }
        let words = [
            ("message-types", &self.message_types),
            ("fields", &self.fields),
        ];
        for (field, list) in words {
            for (place, word) in list.iter().enumerate() {
                if word.trim().is_empty() || word.len() > LONGEST_NAME {
                    let said = "a name of 1 to 128 characters, such as `text` or `email`";
                    problems.push(Problem::new(format!("/{field}/{place}"), said));
                }
            }
        }
        problems
    }

    /// Whether it wants this event.
    pub(crate) fn includes(&self, event: &Event) -> bool {
        self.names(event) && self.is_from(event) && self.has_type(event) && self.has_field(event)
    }

    fn names(&self, event: &Event) -> bool {
        self.events.iter().any(|name| {
            if name == ALL || *name == event.name {
                return true;
            }
            let meant = ALSO_CALLED.iter().find(|(other, _)| other == name);
            meant.is_some_and(|(_, names)| {
                names.contains(&event.name.as_str()) && is_outgoing_once(event)
            })
        })
    }

    fn is_from(&self, event: &Event) -> bool {
        if self.sources.is_empty() {
            return true;
        }
        let source = source_of(event);
        self.sources.iter().any(|one| one == source)
    }

    fn has_type(&self, event: &Event) -> bool {
        if self.message_types.is_empty() {
            return true;
        }
        match event.data.pointer("/message/type").and_then(Value::as_str) {
            Some(kind) => self.message_types.iter().any(|one| one == kind),
            // Of another kind than messages.
            None => true,
        }
    }

    fn has_field(&self, event: &Event) -> bool {
        if self.fields.is_empty() || event.name != "contact.field-updated" {
            return true;
        }
        let name = event.data.pointer("/field/name").and_then(Value::as_str);
        name.is_some_and(|name| self.fields.iter().any(|one| one == name))
    }
}

/// Of the events that `newOutgoingMessage` means, each message is told once: where its provider has
/// taken it, or where it was written outside Jackfield.
fn is_outgoing_once(event: &Event) -> bool {
    let message = |field: &str| event.data["message"][field].as_str();
    match event.name.as_str() {
        STATUS => message("status") == Some("accepted"),
        BY_HUMAN => message("source") == Some(ECHO),
        _ => true,
    }
}

/// Who caused an event, in the words of `SOURCES` as far as they go.
pub(crate) fn source_of(event: &Event) -> &str {
    let said = |pointer: &str| event.data.pointer(pointer).and_then(Value::as_str);
    let own = match event.name.as_str() {
        "message.received" | "click-to-chat" | "broadcast.replied" => Some("contact"),
        STATUS | "message.failed" | BY_HUMAN => said("/message/source"),
        "conversation.opened" => said("/conversation/source"),
        "conversation.closed" => said("/conversation/closed_by"),
        "contact.opted-out" | "contact.opted-in" => said("/opt_out/source"),
        _ => None,
    };
    match own.unwrap_or(&event.source) {
        "run" => "workflow",
        // A channel: what its provider sent on behalf of a contact.
        source if source.starts_with("chn_") => "contact",
        source => source,
    }
}

/// What is wrong with the name of an event.
fn wrong_event(name: &str) -> Option<String> {
    let own = || {
        let others = ALSO_CALLED.iter().map(|(other, _)| *other);
        EVENTS.iter().map(|event| event.name).chain(others)
    };
    if name == ALL || own().any(|known| known == name) {
        return None;
    }
    let is_custom = (1..=LONGEST_NAME).contains(&name.len())
        && name.split('.').all(|word| {
            !word.is_empty()
                && word.bytes().all(|byte| {
                    byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_".contains(&byte)
                })
        })
        && !RESERVED.iter().any(|reserved| name.starts_with(reserved));
    if is_custom {
        return None;
    }
    let meant = nearest(name, own())
        .map(|near| format!("; did you mean `{near}`?"))
        .unwrap_or_default();
    Some(format!(
        "there is no event `{name}`{meant} A custom event is words of lower-case letters, digits and \
         hyphens with full stops between them, such as `order.paid`"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn event(name: &str, source: &str, data: Value) -> Event {
        Event {
            bucket: 0,
            id: "evt_1".to_owned(),
            workspace: "main".to_owned(),
            name: name.to_owned(),
            contact: None,
            subject: None,
            data,
            source: source.to_owned(),
            state: "handled".to_owned(),
            at: 0,
        }
    }

    fn wanted(events: &[&str]) -> Wanted {
        Wanted {
            events: events.iter().map(|&name| name.to_owned()).collect(),
            ..Wanted::default()
        }
    }

    #[test]
    fn names_of_other_platforms_mean_ours() {
        for (other, names) in ALSO_CALLED {
            for name in names {
                let data = json!({"message": {"status": "accepted", "source": "echo"}});
                assert!(
                    wanted(&[other]).includes(&event(name, "api", data.clone())),
                    "{other}"
                );
                assert!(EVENTS.iter().any(|event| event.name == *name), "{name}");
            }
            assert!(!wanted(&[other]).includes(&event("order.paid", "api", json!({}))));
        }
        assert!(wanted(&["*"]).includes(&event("order.paid", "api", json!({}))));
    }

    #[test]
    fn an_outgoing_message_is_told_once() {
        let out = wanted(&["newOutgoingMessage"]);
        let status = |status: &str| {
            let data = json!({"message": {"status": status, "source": "workflow"}});
            event(STATUS, "chn_1", data)
        };
        assert!(out.includes(&status("accepted")));
        assert!(!out.includes(&status("delivered")));
        let human = |source: &str| event(BY_HUMAN, "user", json!({"message": {"source": source}}));
        assert!(out.includes(&human("echo")) && !out.includes(&human("user")));
        assert!(wanted(&[STATUS]).includes(&status("delivered")));
    }

    #[test]
    fn filters_are_by_source_type_and_field() {
        let message = event(
            "message.received",
            "chn_1",
            json!({"message": {"type": "image"}}),
        );
        let mut want = wanted(&["*"]);
        want.message_types = vec!["text".to_owned()];
        assert!(!want.includes(&message));
        want.message_types.push("image".to_owned());
        want.sources = vec!["contact".to_owned()];
        assert!(want.includes(&message));
        want.sources = vec!["workflow".to_owned()];
        assert!(!want.includes(&message));
        assert!(want.includes(&event("tag.updated", "run", json!({}))));
        let field = |name: &str| {
            event(
                "contact.field-updated",
                "run",
                json!({"field": {"name": name}}),
            )
        };
        want.fields = vec!["email".to_owned()];
        assert!(want.includes(&field("email")) && !want.includes(&field("city")));
    }

    #[test]
    fn wrong_names_are_refused_with_what_would_be_right() {
        for good in ["*", "call.ended", "callEnded", "order.paid", "signup"] {
            assert_eq!(wrong_event(good), None, "{good}");
        }
        for bad in [
            "",
            "message.recieved",
            "newIncomingMesage",
            "Order Paid",
            "a..b",
            "contact.x",
        ] {
            assert!(wrong_event(bad).is_some(), "{bad}");
        }
        assert!(
            wrong_event("newIncomingMesage")
                .is_some_and(|said| said.contains("newIncomingMessage"))
        );
        assert_eq!(wrong_event(&"a".repeat(LONGEST_NAME)), None);
        assert!(wrong_event(&"a".repeat(LONGEST_NAME + 1)).is_some());
        assert_eq!(Wanted::default().problems().len(), 1, "no event");
        let mut many = wanted(&["*"]);
        many.fields = vec!["a".to_owned(); MOST];
        assert!(many.problems().is_empty());
        many.fields.push("a".to_owned());
        many.sources = vec!["nobody".to_owned()];
        assert_eq!(many.problems().len(), 2);
    }

    proptest! {
        #[test]
        fn a_filter_only_takes_away(name in "[a-z]{1,8}(\\.[a-z]{1,8})?", source in "[a-z_]{1,8}") {
            let event = event(&name, &source, json!({}));
            let mut want = wanted(&["*"]);
            prop_assert!(want.includes(&event));
            want.sources = vec!["contact".to_owned()];
            prop_assert_eq!(want.includes(&event), source_of(&event) == "contact");
            prop_assert!(!wanted(&[]).includes(&event));
        }
    }
}
