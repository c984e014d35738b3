//! A contact: the row, its fields and tags, how it changes and how it is shown.
//!
//! The row's `data` is flat: standard fields, custom fields by slug, `tags`, and what Jackfield
//! itself notes (`addresses` by channel, last interactions in milliseconds). What is shown has
//! names for channels and RFC 3339 for times.

use super::address::Identity;
use super::value::{FieldKind, FieldType, Operation};
use crate::assignment::place;
use crate::conversations::document::{self as conversation, Conversation};
use crate::message::{Entry, text_of};
use jackfield_engine::NewEvent;
use jackfield_store::records::{Channel, Contact, ContactField};
use serde::Deserialize;
use serde_json::{Map, Value, json};

/// Fields that every contact has.
const STANDARD: [(&str, FieldKind); 9] = [
    ("firstname", FieldKind::Text),
    ("lastname", FieldKind::Text),
    ("phone", FieldKind::Phone),
    ("email", FieldKind::Email),
    ("language", FieldKind::Text),
    ("country", FieldKind::Text),
    ("time_zone", FieldKind::TimeZone),
    ("profile_pic", FieldKind::Url),
    ("lifecycle", FieldKind::Text),
];

/// Where the row keeps the broadcast that the contact had last.
pub(crate) const BROADCAST: &str = "last_broadcast";
/// Where the row keeps the ids of those that the contact absorbed.
pub(crate) const MERGED: &str = "merged";
/// Where it keeps whom it is about to absorb.
pub(crate) const MERGING: &str = "merging";
/// Where it keeps addresses that lead to it and stand in no field.
pub(crate) const OTHER_ADDRESSES: &str = "other_addresses";

/// What is nobody's business.
const HIDDEN: [&str; 3] = ["stopped", MERGING, BROADCAST];

/// Names that no custom field can have, beside the standard ones.
const RESERVED: [&str; 24] = [
    "assignee",
    "id",
    "name",
    "tags",
    "blocked",
    "addresses",
    "channels",
    "lists",
    "conversation",
    "created_at",
    "last_channel",
    "last_incoming",
    "last_incoming_at",
    "last_incoming_channel",
    "last_outgoing",
    "last_outgoing_at",
    "last_outgoing_channel",
    "last_outgoing_source",
    BROADCAST,
    MERGED,
    MERGING,
    OTHER_ADDRESSES,
    "queue",
    "stopped",
];

/// The most tags of a contact.
const MOST_TAGS: usize = 1_000;
/// How much of the text of the last message is kept for conditions, in characters.
const LAST_TEXT: usize = 1_000;
/// The longest tag, in characters.
const LONGEST_TAG: usize = 100;

/// Whether a custom field may have this name.
pub(crate) fn is_free(name: &str) -> bool {
    !RESERVED.contains(&name) && !STANDARD.iter().any(|(standard, _)| *standard == name)
}

/// What every contact has that can be asked for: standard fields, and what Jackfield notes.
pub(crate) fn names() -> impl Iterator<Item = &'static str> {
    writable().chain(RESERVED.into_iter().filter(|name| !HIDDEN.contains(name)))
}

/// Fields that every contact has and that can be written.
pub(crate) fn writable() -> impl Iterator<Item = &'static str> {
    STANDARD.iter().map(|(name, _)| *name)
}

/// Why a field was not changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum FieldError {
    /// There is no such field.
    Unknown(String),
    /// The value does not fit.
    Invalid(String),
}

impl FieldError {
    pub(crate) fn message(&self) -> &str {
        match self {
            FieldError::Unknown(message) | FieldError::Invalid(message) => message,
        }
    }
}

/// The type of a field, standard or custom.
pub(crate) fn field_type(name: &str, fields: &[ContactField]) -> Result<FieldType, FieldError> {
    if let Some((_, kind)) = STANDARD.iter().find(|(standard, _)| *standard == name) {
        return Ok(FieldType {
            kind: *kind,
            options: Vec::new(),
        });
    }
    if let Some(field) = fields.iter().find(|field| field.name == name) {
        let options = field.options.as_array().into_iter().flatten();
        return Ok(FieldType {
            kind: FieldKind::named(&field.kind).unwrap_or(FieldKind::Text),
            options: options
                .filter_map(Value::as_str)
                .map(str::to_owned)
                .collect(),
        });
    }
    if name == place::ASSIGNEE {
        return Err(FieldError::Unknown(
            "`assignee` is no field that is written: assign the contact, by the step `assign-to` or by `PUT /v1/contacts/{contact}/assignee`".to_owned(),
        ));
    }
    let standard = STANDARD.iter().map(|(name, _)| *name);
    let known: Vec<&str> = standard
        .chain(fields.iter().map(|field| field.name.as_str()))
        .collect();
    Err(FieldError::Unknown(format!(
        "contacts have no field `{name}`; there are: {}",
        known.join(", ")
    )))
}

/// A field before and after.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Change {
    pub(crate) field: String,
    pub(crate) old: Value,
    pub(crate) new: Value,
}

/// A contact that is being looked at or changed.
#[derive(Debug, Clone)]
pub(crate) struct Document {
    pub(crate) row: Contact,
}

impl Document {
    pub(crate) fn new(id: String, bucket: i32, workspace: &str, now: i64) -> Document {
        Document {
            row: Contact {
                bucket,
                id,
                workspace: workspace.to_owned(),
                name: None,
                phone: None,
                email: None,
                data: json!({}),
                revision: 0,
                created_at: now,
                updated_at: now,
            },
        }
    }

    pub(crate) fn get(&self, key: &str) -> Option<&Value> {
        self.row.data.get(key)
    }

    pub(crate) fn text(&self, key: &str) -> Option<&str> {
        self.get(key).and_then(Value::as_str)
    }

    pub(crate) fn data(&mut self) -> &mut Map<String, Value> {
        if !self.row.data.is_object() {
            self.row.data = Value::Object(Map::new());
        }
        match &mut self.row.data {
            Value::Object(data) => data,
            // Set to an object just above.
            _ => unreachable!("a contact's data is an object"),
        }
    }

    pub(crate) fn put(&mut self, key: &str, value: Option<Value>) {
        match value {
            Some(value) => self.data().insert(key.to_owned(), value),
            None => self.data().shift_remove(key),
        };
    }

    pub(crate) fn blocked(&self) -> bool {
        self.get("blocked")
            .and_then(Value::as_bool)
            .unwrap_or(false)
    }

    /// Changes one field; none where that changes nothing.
    pub(crate) fn change(
        &mut self,
        fields: &[ContactField],
        country: Option<&str>,
        name: &str,
        operation: Operation,
        value: &Value,
    ) -> Result<Option<Change>, FieldError> {
        let kind = field_type(name, fields)?;
        let old = self.get(name).cloned();
        let new = kind
            .operate(old.as_ref(), operation, value, country)
            .map_err(FieldError::Invalid)?;
        if old == new {
            return Ok(None);
        }
        if name == "phone" || name == "email" {
            self.forget_address(old.as_ref().and_then(Value::as_str));
        }
        self.put(name, new.clone());
        Ok(Some(Change {
            field: name.to_owned(),
            old: old.unwrap_or_default(),
            new: new.unwrap_or_default(),
        }))
    }

    /// An address that is no longer the contact's is not replied to.
    fn forget_address(&mut self, old: Option<&str>) {
        let Some(old) = old else { return };
        if let Some(Value::Object(addresses)) = self.data().get_mut("addresses") {
            addresses.retain(|_, known| known.get("address").and_then(Value::as_str) != Some(old));
        }
    }

    pub(crate) fn tags(&self) -> Vec<String> {
        let tags = self
            .get("tags")
            .and_then(Value::as_array)
            .into_iter()
            .flatten();
        tags.filter_map(Value::as_str).map(str::to_owned).collect()
    }

    /// Adds and removes tags; answers with what changed: the tag and whether it was added.
    pub(crate) fn retag(&mut self, add: &[String], remove: &[String]) -> Vec<(String, bool)> {
        let mut tags = self.tags();
        let mut changed = Vec::new();
        for tag in remove {
            if let Some(place) = tags.iter().position(|known| known == tag) {
                tags.remove(place);
                changed.push((tag.clone(), false));
            }
        }
        for tag in add {
            if !tags.contains(tag) && tags.len() < MOST_TAGS {
                tags.push(tag.clone());
                changed.push((tag.clone(), true));
            }
        }
        if !changed.is_empty() {
            self.put("tags", Some(tags.into()));
        }
        changed
    }

    /// The contact's address on a channel and when it last wrote there.
    pub(crate) fn address_on(&self, channel: &str) -> Option<(&str, Option<i64>)> {
        let known = self.get("addresses")?.get(channel)?;
        let at = known.get("last_incoming_at").and_then(Value::as_i64);
        Some((known.get("address")?.as_str()?, at))
    }

    pub(crate) fn note_address(&mut self, channel: &str, address: &str, incoming: Option<i64>) {
        let before = self.address_on(channel).and_then(|(_, at)| at);
        let mut addresses = self
            .get("addresses")
            .and_then(Value::as_object)
            .cloned()
            .unwrap_or_default();
        let mut known = json!({"address": address});
        if let Some(at) = incoming.max(before) {
            known["last_incoming_at"] = at.into();
        }
        addresses.insert(channel.to_owned(), known);
        self.put("addresses", Some(Value::Object(addresses)));
    }

    /// The contact has written: what conditions about its last incoming message look at.
    pub(crate) fn note_incoming(&mut self, channel: &str, content: &Value, now: i64) {
        self.put("last_channel", Some(channel.into()));
        self.put("last_incoming", last_text(content));
        self.put("last_incoming_at", Some(now.into()));
        self.put("last_incoming_channel", Some(channel.into()));
    }

    /// The contact was written to. `source` is the message's: `workflow`, `api`, `user`,
    /// `broadcast`; what a person wrote by other means (`echo`) counts as a user's, and the host's own
    /// answers (`keyword`) as a bot's.
    pub(crate) fn note_outgoing(&mut self, channel: &str, content: &Value, source: &str, now: i64) {
        let source = match source {
            "echo" => "user",
            "keyword" => "bot",
            other => other,
        };
        self.put("last_channel", Some(channel.into()));
        self.put("last_outgoing", last_text(content));
        self.put("last_outgoing_at", Some(now.into()));
        self.put("last_outgoing_channel", Some(channel.into()));
        self.put("last_outgoing_source", Some(source.into()));
        // One that is answered stays: what its run sends from then on is no broadcast.
        if !self.get(BROADCAST).is_some_and(is_answered) {
            self.put(BROADCAST, None);
        }
    }

    /// The contact was written to by a broadcast: what an answer to it is told with.
    pub(crate) fn note_broadcast(&mut self, message: &Entry, now: i64) {
        let sent = json!({
            "message_id": message.id,
            "run": message.run,
            "workflow": message.data.workflow,
            "channel_id": message.channel,
            "text": last_text(&message.data.content),
            "sent_at": now,
        });
        self.put(BROADCAST, Some(sent));
    }

    /// The contact has written. Tells which broadcast that answers: its last message, if it is one.
    pub(crate) fn answer_broadcast(&mut self, channels: &[Channel]) -> Option<Value> {
        let sent = self.get(BROADCAST).filter(|sent| !is_answered(sent))?;
        let mut kept = sent.clone();
        let mut told = sent.clone();
        kept["answered"] = true.into();
        self.put(BROADCAST, Some(kept));
        let on = told["channel_id"].as_str().unwrap_or_default();
        told["channel"] = name_of(channels, on).into();
        told["sent_at"] = instant(told["sent_at"].as_i64());
        Some(told)
    }

    /// Whether the contact has answered what this run sent.
    pub(crate) fn has_answered(&self, run: &str) -> bool {
        let sent = self.get(BROADCAST).filter(|sent| is_answered(sent));
        sent.is_some_and(|sent| sent["run"] == run)
    }

    /// What the contact is found by.
    pub(crate) fn identities(&self) -> Vec<Identity> {
        let mut all = Vec::new();
        all.extend(self.text("phone").map(Identity::phone));
        all.extend(self.text("email").map(Identity::email));
        let addresses = self
            .get("addresses")
            .and_then(Value::as_object)
            .into_iter()
            .flatten();
        for (channel, known) in addresses {
            if let Some(value) = known.get("address").and_then(Value::as_str) {
                all.push(Identity {
                    kind: format!("channel:{channel}"),
                    value: value.to_owned(),
                });
            }
        }
        all.extend(self.other_addresses());
        all
    }

    /// Addresses that lead to it and stand in no field: those of contacts that it absorbed.
    pub(crate) fn other_addresses(&self) -> Vec<Identity> {
        let all = self.get(OTHER_ADDRESSES).and_then(Value::as_array);
        all.into_iter()
            .flatten()
            .filter_map(|one| Identity::deserialize(one).ok())
            .collect()
    }

    /// Keeps addresses that stand in no field, so that they still lead to it.
    pub(crate) fn keep_addresses(&mut self, all: impl IntoIterator<Item = Identity>) {
        let mut known = self.identities();
        let mut others = self.other_addresses();
        for identity in all {
            if !known.contains(&identity) {
                known.push(identity.clone());
                others.push(identity);
            }
        }
        if !others.is_empty() {
            self.put(OTHER_ADDRESSES, serde_json::to_value(others).ok());
        }
    }

    /// The ids of those that it absorbed.
    pub(crate) fn merged(&self) -> Vec<String> {
        let all = self.get(MERGED).and_then(Value::as_array);
        let all = all.into_iter().flatten().filter_map(Value::as_str);
        all.map(str::to_owned).collect()
    }

    /// Makes the row's columns agree with its data, and counts the change.
    pub(crate) fn finish(&mut self, now: i64) -> &Contact {
        let full = [self.text("firstname"), self.text("lastname")];
        let name = full.into_iter().flatten().collect::<Vec<_>>().join(" ");
        self.row.name = (!name.is_empty()).then_some(name);
        self.row.phone = self.text("phone").map(str::to_owned);
        self.row.email = self.text("email").map(str::to_owned);
        self.row.revision += 1;
        self.row.updated_at = now;
        &self.row
    }

    /// As the API, variables and plugins see it.
    pub(crate) fn show(&self, channels: &[Channel]) -> Map<String, Value> {
        let name_of = |id: &str| name_of(channels, id).to_owned();
        let mut shown = Map::new();
        shown.insert("id".to_owned(), self.row.id.clone().into());
        let full = [self.text("firstname"), self.text("lastname")];
        let name = full.into_iter().flatten().collect::<Vec<_>>().join(" ");
        if !name.is_empty() {
            shown.insert("name".to_owned(), name.into());
        }
        for (key, value) in self.row.data.as_object().into_iter().flatten() {
            let value = match key.as_str() {
                hidden if HIDDEN.contains(&hidden) => continue,
                conversation::KEY => Conversation::of(self)
                    .map(|one| one.show(channels))
                    .unwrap_or_default(),
                place::ASSIGNEE => value.get("email").cloned().unwrap_or_default(),
                place::QUEUE => place::show(self).unwrap_or_default(),
                "last_channel" | "last_incoming_channel" | "last_outgoing_channel" => {
                    value.as_str().map(name_of).into()
                }
                "addresses" => addresses(value, name_of),
                "last_incoming_at" | "last_outgoing_at" => instant(value.as_i64()),
                _ => value.clone(),
            };
            shown.insert(key.clone(), value);
        }
        shown.entry("tags").or_insert_with(|| json!([]));
        shown.entry("blocked").or_insert(Value::Bool(false));
        shown.insert("created_at".to_owned(), instant(Some(self.row.created_at)));
        shown
    }

    /// The events that a field changed: of the stage of the life cycle there are two.
    pub(crate) fn changed(&self, change: &Change, source: &str) -> Vec<NewEvent> {
        let field = json!({"name": change.field, "old": change.old, "new": change.new});
        let mut events = vec![self.event("contact.field-updated", json!({"field": field}), source)];
        if change.field == "lifecycle" {
            let lifecycle = json!({"old": change.old, "new": change.new});
            let data = json!({"lifecycle": lifecycle});
            events.push(self.event("lifecycle.updated", data, source));
        }
        events
    }

    /// The event that a tag came or went.
    pub(crate) fn tagged(&self, tag: &str, added: bool, source: &str) -> NewEvent {
        let action = if added { "added" } else { "removed" };
        self.event(
            "tag.updated",
            json!({"tag": {"name": tag, "action": action}}),
            source,
        )
    }

    /// An event about this contact.
    pub(crate) fn event(&self, name: &str, data: Value, source: &str) -> NewEvent {
        NewEvent {
            workspace: self.row.workspace.clone(),
            name: name.to_owned(),
            contact: Some(self.row.id.clone()),
            subject: None,
            data,
            source: source.to_owned(),
        }
    }
}

/// The text of a message, cut; none where it has none.
fn last_text(content: &Value) -> Option<Value> {
    let text: String = text_of(content)?.chars().take(LAST_TEXT).collect();
    Some(text.into())
}

fn is_answered(broadcast: &Value) -> bool {
    broadcast["answered"] == true
}

/// The name of a channel; its id where there is none any more.
fn name_of<'a>(channels: &'a [Channel], id: &'a str) -> &'a str {
    let found = channels.iter().find(|one| one.id == id);
    found.map_or(id, |one| one.name.as_str())
}

fn addresses(value: &Value, name_of: impl Fn(&str) -> String) -> Value {
    let all = value.as_object().into_iter().flatten();
    all.map(|(channel, known)| {
        json!({
            "channel": name_of(channel),
            "channel_id": channel,
            "address": known.get("address"),
            "last_incoming_at": instant(known.get("last_incoming_at").and_then(Value::as_i64)),
        })
    })
    .collect()
}

/// Milliseconds as RFC 3339.
pub(crate) fn instant(at: Option<i64>) -> Value {
    at.and_then(|at| jiff::Timestamp::from_millisecond(at).ok())
        .map_or(Value::Null, |at| Value::String(at.to_string()))
}

/// Tags in the form that they are kept in.
///
/// # Errors
/// What would be right.
pub(crate) fn clean_tags(tags: &[String]) -> Result<Vec<String>, String> {
    tags.iter()
        .map(|tag| {
            let tag = tag.trim();
            if tag.is_empty() || tag.chars().count() > LONGEST_TAG {
                return Err(format!(
                    "`{tag}` is no tag: a tag has 1 to {LONGEST_TAG} characters"
                ));
            }
            Ok(tag.to_owned())
        })
        .collect()
}
