//! What a contact has of another that it absorbs: a pure union of two documents.
//!
//! What must hold: nothing that either had is lost, but for the second value of a field that can have
//! one; what the primary has stays; whatever keeps messages from one of them (a block, a word that
//! stopped them) keeps them from both.

use super::address::Identity;
use super::document::{BROADCAST, Document, MERGED, MERGING, OTHER_ADDRESSES};
use crate::assignment::place::{self, ASSIGNEE, QUEUE};
use crate::conversations::document::{self as conversation, Conversation, State};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// Who closes the conversation that is open with both.
pub(crate) const MERGE: &str = "merge";

/// A place on a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct OnList {
    pub(crate) list: String,
    pub(crate) source: String,
    pub(crate) at: i64,
}

/// That it was once enrolled in a workflow.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Enrolled {
    pub(crate) workflow: String,
    pub(crate) run: String,
    pub(crate) at: i64,
}

/// What an absorbed contact leaves behind, as it stood when it went.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Left {
    pub(crate) id: String,
    /// As its row had it.
    pub(crate) data: Value,
    pub(crate) created_at: i64,
    /// The addresses that led to it.
    pub(crate) identities: Vec<Identity>,
    pub(crate) lists: Vec<OnList>,
    pub(crate) enrolments: Vec<Enrolled>,
}

impl Left {
    fn get(&self, key: &str) -> Option<&Value> {
        self.data.get(key).filter(|value| !value.is_null())
    }

    fn time(&self, key: &str) -> i64 {
        self.get(key).and_then(Value::as_i64).unwrap_or(i64::MIN)
    }

    fn document(&self) -> Document {
        let mut document = Document::new(self.id.clone(), 0, "", self.created_at);
        document.row.data = self.data.clone();
        document
    }
}

/// What is not simply taken over where the primary has none.
const OWN: [&str; 19] = [
    "tags",
    "blocked",
    "addresses",
    "stopped",
    "last_channel",
    "last_incoming",
    "last_incoming_at",
    "last_incoming_channel",
    "last_outgoing",
    "last_outgoing_at",
    "last_outgoing_channel",
    "last_outgoing_source",
    BROADCAST,
    conversation::KEY,
    ASSIGNEE,
    QUEUE,
    MERGED,
    MERGING,
    OTHER_ADDRESSES,
];

/// Adds what the other left to the primary. Answers with the conversation that comes with it, if one
/// was not closed: it goes on with the primary, or ends where the primary has one already.
pub(crate) fn absorb(primary: &mut Document, left: &Left, now: i64) -> Option<Conversation> {
    fields(primary, left);
    primary.retag(&left.document().tags(), &[]);
    if left.get("blocked") == Some(&Value::Bool(true)) {
        primary.put("blocked", Some(true.into()));
    }
    stopped(primary, left);
    lasts(primary, left);
    addresses(primary, left);
    primary.row.created_at = primary.row.created_at.min(left.created_at);
    let mut merged = primary.merged();
    merged.extend(left.document().merged());
    merged.push(left.id.clone());
    primary.put(MERGED, Some(merged.into()));
    if primary.get(ASSIGNEE).is_none() && primary.get(QUEUE).is_none() {
        for key in [ASSIGNEE, QUEUE] {
            if let Some(value) = left.get(key) {
                primary.put(key, Some(value.clone()));
            }
        }
    }
    talk(primary, left, now)
}

fn fields(primary: &mut Document, left: &Left) {
    for (name, value) in left.data.as_object().into_iter().flatten() {
        let has = primary
            .get(name)
            .is_some_and(|own| !own.is_null() && own.as_str() != Some(""));
        if !OWN.contains(&name.as_str()) && !has {
            primary.put(name, Some(value.clone()));
        }
    }
}

fn stopped(primary: &mut Document, left: &Left) {
    let Some(Value::Array(theirs)) = left.get("stopped") else {
        return;
    };
    let own = primary.get("stopped").and_then(Value::as_array);
    let mut all = own.cloned().unwrap_or_default();
    for address in theirs {
        if !all.contains(address) {
            all.push(address.clone());
        }
    }
    primary.put("stopped", Some(all.into()));
}

/// The last messages are the later ones of both.
fn lasts(primary: &mut Document, left: &Left) {
    let time = |primary: &Document, key: &str| {
        let own = primary.get(key).and_then(Value::as_i64);
        own.unwrap_or(i64::MIN)
    };
    let spoke = ["last_incoming_at", "last_outgoing_at"];
    let own = spoke.map(|key| time(primary, key)).into_iter().max();
    let theirs = spoke.map(|key| left.time(key)).into_iter().max();
    let none = primary.get("last_channel").is_none();
    if (theirs > own || none)
        && let Some(channel) = left.get("last_channel")
    {
        primary.put("last_channel", Some(channel.clone()));
    }
    for (at, keys) in [
        (
            "last_incoming_at",
            &["last_incoming", "last_incoming_channel"][..],
        ),
        (
            "last_outgoing_at",
            &[
                "last_outgoing",
                "last_outgoing_channel",
                "last_outgoing_source",
                BROADCAST,
            ],
        ),
    ] {
        if left.time(at) > time(primary, at) {
            primary.put(at, left.get(at).cloned());
            for key in keys {
                primary.put(key, left.get(key).cloned());
            }
        }
    }
}

/// An address that has no place of its own in the primary is kept beside the others.
fn addresses(primary: &mut Document, left: &Left) {
    let own = primary.get("addresses").and_then(Value::as_object);
    let mut all: Map<String, Value> = own.cloned().unwrap_or_default();
    for (channel, theirs) in left
        .get("addresses")
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
    {
        let Some(known) = all.get_mut(channel) else {
            all.insert(channel.clone(), theirs.clone());
            continue;
        };
        let at = |one: &Value| one.get("last_incoming_at").and_then(Value::as_i64);
        if known.get("address") == theirs.get("address") && at(theirs) > at(known) {
            known["last_incoming_at"] = theirs["last_incoming_at"].clone();
        }
    }
    if !all.is_empty() {
        primary.put("addresses", Some(Value::Object(all)));
    }
    let theirs = left.document().other_addresses();
    primary.keep_addresses(left.identities.iter().cloned().chain(theirs));
}

fn talk(primary: &mut Document, left: &Left, now: i64) -> Option<Conversation> {
    let theirs = left.get(conversation::KEY)?;
    let theirs = Conversation::deserialize(theirs).ok()?;
    let own = Conversation::of(primary);
    if theirs.state == State::Closed {
        if own.is_none_or(|own| own.state == State::Closed && own.opened_at < theirs.opened_at) {
            theirs.keep(primary);
        }
        return None;
    }
    if own.is_some_and(|own| own.state != State::Closed) {
        return Some(Conversation {
            state: State::Closed,
            closes_at: None,
            snoozed_until: None,
            closed_at: Some(now),
            closed_by: Some(MERGE.to_owned()),
            ..theirs
        });
    }
    theirs.keep(primary);
    let assignee = place::assignee(primary).map(|known| known.user);
    Some(Conversation::assigned(primary, assignee.as_ref(), now).unwrap_or(theirs))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn contact(id: &str, at: i64, data: Value) -> Document {
        let mut document = Document::new(id.to_owned(), 0, "main", at);
        document.row.data = data;
        document
    }

    fn left(id: &str, at: i64, data: Value) -> Left {
        Left {
            id: id.to_owned(),
            identities: contact(id, at, data.clone()).identities(),
            data,
            created_at: at,
            lists: Vec::new(),
            enrolments: Vec::new(),
        }
    }

    #[test]
    fn what_the_primary_has_stays_and_what_it_lacks_is_filled() {
        let mut ann = contact(
            "ctc_a",
            20,
            json!({"firstname": "Ann", "city": "", "phone": "+331", "tags": ["a", "b"],
                "addresses": {"chn_1": {"address": "+331", "last_incoming_at": 5}},
                "last_incoming": "old", "last_incoming_at": 5, "last_channel": "chn_1"}),
        );
        let other = left(
            "ctc_b",
            10,
            json!({"firstname": "Anna", "lastname": "Lee", "city": "Lyon", "phone": "+332",
                "email": "ann@x.org", "tags": ["b", "c"], "blocked": true, "stopped": ["+332"],
                "addresses": {"chn_1": {"address": "+332", "last_incoming_at": 9},
                    "chn_2": {"address": "u7"}},
                "last_incoming": "new", "last_incoming_at": 9, "last_channel": "chn_2",
                "merged": ["ctc_c"]}),
        );
        assert!(absorb(&mut ann, &other, 30).is_none());
        for (key, value) in [
            ("firstname", json!("Ann")),
            ("lastname", json!("Lee")),
            ("city", json!("Lyon")),
            ("phone", json!("+331")),
            ("email", json!("ann@x.org")),
            ("tags", json!(["a", "b", "c"])),
            ("blocked", json!(true)),
            ("stopped", json!(["+332"])),
            ("last_incoming", json!("new")),
            ("last_channel", json!("chn_2")),
            ("merged", json!(["ctc_c", "ctc_b"])),
        ] {
            assert_eq!(ann.get(key), Some(&value), "{key}");
        }
        assert_eq!(ann.row.created_at, 10);
        assert_eq!(ann.address_on("chn_1"), Some(("+331", Some(5))));
        assert_eq!(ann.address_on("chn_2"), Some(("u7", None)));
        // Nobody who writes to the other's number finds a stranger.
        let number = Identity::phone("+332");
        assert!(ann.other_addresses().contains(&number));
        assert!(ann.identities().contains(&number));
    }

    fn talking(id: &str, state: &str, at: i64) -> Value {
        json!({"conversation": {"id": id, "state": state, "source": "contact", "opened_at": at}})
    }

    #[test]
    fn at_most_one_conversation_is_open_afterwards() {
        let mut quiet = contact("ctc_a", 1, json!({}));
        let goes_on = absorb(
            &mut quiet,
            &left("ctc_b", 1, talking("cnv_b", "open", 5)),
            9,
        );
        assert_eq!(goes_on.unwrap().state, State::Open);
        assert_eq!(Conversation::of(&quiet).unwrap().id, "cnv_b");

        let mut busy = contact("ctc_a", 1, talking("cnv_a", "snoozed", 3));
        let ended = absorb(&mut busy, &left("ctc_b", 1, talking("cnv_b", "open", 5)), 9).unwrap();
        assert_eq!((ended.state, ended.closed_at), (State::Closed, Some(9)));
        assert_eq!(ended.closed_by.as_deref(), Some(MERGE));
        assert_eq!(Conversation::of(&busy).unwrap().id, "cnv_a");

        let mut over = contact("ctc_a", 1, talking("cnv_a", "closed", 3));
        assert!(
            absorb(
                &mut over,
                &left("ctc_b", 1, talking("cnv_b", "closed", 5)),
                9
            )
            .is_none()
        );
        assert_eq!(Conversation::of(&over).unwrap().id, "cnv_b");
    }

    fn any_contact() -> impl Strategy<Value = Value> {
        let text = || proptest::option::of("[a-c]{0,2}");
        let tags = proptest::collection::vec("[a-e]", 0..4);
        let number = proptest::option::of("\\+33[1-4]");
        (text(), text(), tags, number, any::<bool>()).prop_map(
            |(first, city, tags, phone, blocked)| {
                let mut data = json!({"tags": tags, "blocked": blocked});
                for (name, value) in [("firstname", first), ("city", city), ("phone", phone)] {
                    if let Some(value) = value {
                        data[name] = value.into();
                    }
                }
                data
            },
        )
    }

    proptest! {
        #[test]
        fn nothing_is_lost_whichever_is_the_primary(
            one in any_contact(), other in any_contact(), at in 0..9_i64, then in 0..9_i64,
        ) {
            let before = contact("ctc_a", at, one);
            let mut after = before.clone();
            let left = left("ctc_b", then, other);
            absorb(&mut after, &left, 10);
            let gone = left.document();
            for tag in before.tags().iter().chain(&gone.tags()) {
                prop_assert!(after.tags().contains(tag));
            }
            for identity in before.identities().iter().chain(&gone.identities()) {
                prop_assert!(after.identities().contains(identity));
            }
            for name in ["firstname", "city", "phone"] {
                let own = before.text(name).filter(|text| !text.is_empty());
                let expected = own.or(gone.text(name)).or(before.text(name));
                prop_assert_eq!(after.text(name), expected);
            }
            prop_assert_eq!(after.blocked(), before.blocked() || gone.blocked());
            prop_assert_eq!(after.row.created_at, at.min(then));
        }
    }
}
