//! A message: what its row holds beside its columns, its states, and which may follow which.
//!
//! The highest status wins, whatever the order in which updates arrive: a `sent` after a
//! `delivered` says nothing new. What a person or the engine decided (`suppressed`, `cancelled`)
//! is not undone by a provider.

use crate::error::{Error, Result};
use jackfield_engine::NewEvent;
use jackfield_store::records::Message;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// How many states of a message are kept in its history.
const LONGEST_HISTORY: usize = 30;
/// How many tries are kept in detail.
const MOST_TRIES: usize = 5;

/// A message's state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Status {
    /// In the outbox.
    Queued,
    /// The intent is committed; the provider may have it.
    Sending,
    /// Nobody knows whether the provider has it.
    Uncertain,
    /// The provider has it.
    Accepted,
    /// It is on its way.
    Sent,
    /// It will not arrive.
    Failed,
    /// It arrived.
    Delivered,
    /// It was read.
    Read,
    /// A rule kept it from leaving.
    Suppressed,
    /// A person kept it from leaving.
    Cancelled,
    /// It came in.
    Received,
}

impl Status {
    /// As stored.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Status::Queued => "queued",
            Status::Sending => "sending",
            Status::Uncertain => "uncertain",
            Status::Accepted => "accepted",
            Status::Sent => "sent",
            Status::Failed => "failed",
            Status::Delivered => "delivered",
            Status::Read => "read",
            Status::Suppressed => "suppressed",
            Status::Cancelled => "cancelled",
            Status::Received => "received",
        }
    }

    pub(crate) fn named(name: &str) -> Option<Status> {
        serde_json::from_value(Value::String(name.to_owned())).ok()
    }

    /// Whether a message in state `self` may come into state `next`.
    pub(crate) fn leads_to(self, next: Status) -> bool {
        use Status::*;
        match next {
            // A retry, or a resend by a person.
            Queued => matches!(self, Sending | Uncertain | Failed | Suppressed | Cancelled),
            Sending => matches!(self, Queued | Sending),
            Uncertain => matches!(self, Queued | Sending),
            // In the order of the declaration: a higher status replaces every lower one; a message
            // that arrived after all is no longer failed.
            Accepted | Sent | Delivered | Read => {
                self < next && !matches!((self, next), (Failed, Accepted | Sent))
            }
            Failed => matches!(self, Queued | Sending | Uncertain | Accepted | Sent),
            Suppressed | Cancelled => matches!(self, Queued),
            Received => false,
        }
    }
}

/// What a message is for: which rules it obeys.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Class {
    /// Obeys opt-outs.
    #[default]
    Transactional,
    /// Obeys opt-outs, marketing hours and caps.
    Marketing,
    /// To one's own staff: obeys none.
    Internal,
}

/// That a message is to carry an unsubscribe link.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Unsubscribe {
    /// Stands before the link; the workspace's where left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) text: Option<String>,
}

/// Why a message is where it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Trouble {
    pub(crate) code: String,
    pub(crate) message: String,
}

impl Trouble {
    pub(crate) fn new(code: impl Into<String>, message: impl Into<String>) -> Trouble {
        let message: String = message.into().chars().take(1_000).collect();
        Trouble {
            code: code.into(),
            message,
        }
    }
}

/// A state that the message was in.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Past {
    pub(crate) state: String,
    pub(crate) at: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) reason: Option<String>,
}

/// The source of what a schedule sends to everybody on a list.
pub(crate) const BROADCAST: &str = "broadcast";

/// What the row's `data` holds.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub(crate) struct Data {
    /// Out: whom to. In: the address that was written to, if known.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) to: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) sender: Option<String>,
    pub(crate) content: Value,
    pub(crate) class: Class,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) unsubscribe: Option<Unsubscribe>,
    /// `user`, `workflow`, `broadcast`, `api`, `keyword`, `echo`, or `contact` for what came in.
    pub(crate) source: String,
    /// The mail address of the user who wrote it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) user: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) workflow: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) step: Option<String>,
    /// 0 for conversations, 1 for broadcasts.
    pub(crate) priority: u8,
    /// The order of messages that were accepted in the same millisecond.
    pub(crate) order: i64,
    /// Not before, milliseconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) due: Option<i64>,
    /// It does not wait for a channel that is paused.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(crate) fails_when_paused: bool,
    /// An external call that must not be repeated has started.
    pub(crate) once: bool,
    /// How often the provider said "too fast".
    pub(crate) throttled: u32,
    /// How often a person had it sent again after it had failed.
    pub(crate) resends: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) error: Option<Trouble>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) history: Vec<Past>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) tries: Vec<Value>,
    /// What the provider said beside.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) detail: Option<Value>,
    /// In: the payload of the button that was pressed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) payload: Option<String>,
    /// In: the provider's id of the message that this answers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) in_reply_to: Option<String>,
}

/// A row with its data read.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Entry {
    row: Message,
    pub(crate) data: Data,
}

impl std::ops::Deref for Entry {
    type Target = Message;
    fn deref(&self) -> &Message {
        &self.row
    }
}

impl Entry {
    pub(crate) fn read(row: Message) -> Result<Entry> {
        let data = Data::deserialize(&row.data).map_err(|error| {
            Error::unavailable(format!("the message {} cannot be read: {error}", row.id))
        })?;
        Ok(Entry { row, data })
    }

    pub(crate) fn new(row: Message, data: Data) -> Entry {
        Entry { row, data }
    }

    pub(crate) fn row(&mut self) -> &mut Message {
        &mut self.row
    }

    /// The row as it is to be written.
    pub(crate) fn write(&self) -> Message {
        let mut row = self.row.clone();
        row.data = serde_json::to_value(&self.data).unwrap_or_default();
        row
    }

    pub(crate) fn status(&self) -> Status {
        Status::named(&self.row.state).unwrap_or(Status::Failed)
    }

    /// Brings the message into another state, if that may follow.
    pub(crate) fn advance(&mut self, next: Status, at: i64, trouble: Option<Trouble>) -> bool {
        if !self.status().leads_to(next) {
            return false;
        }
        next.name().clone_into(&mut self.row.state);
        self.row.reason = trouble.as_ref().map(|trouble| trouble.code.clone());
        self.row.updated_at = at;
        if self.data.history.len() >= LONGEST_HISTORY {
            // The first says when it was accepted: that one stays.
            self.data.history.remove(1);
        }
        let reason = self.row.reason.clone();
        self.data.history.push(Past {
            state: next.name().to_owned(),
            at,
            reason,
        });
        self.data.error = trouble;
        true
    }

    /// Notes how a try went.
    pub(crate) fn tried(&mut self, at: i64, outcome: &str, trace: &Value) {
        if self.data.tries.len() >= MOST_TRIES {
            self.data.tries.remove(0);
        }
        self.data
            .tries
            .push(json!({"at": at, "outcome": outcome, "trace": trace}));
    }

    /// The events that tell of the way from `before` to the state now. `accepted` is always told,
    /// even where the provider said more at once: steps wait for it.
    pub(crate) fn events(&self, before: Status, channel: &str) -> Vec<NewEvent> {
        let now = self.status();
        if now == before || matches!(now, Status::Queued | Status::Sending) {
            return Vec::new();
        }
        let beyond = matches!(now, Status::Sent | Status::Delivered | Status::Read);
        let skipped = beyond && before < Status::Uncertain;
        let told = skipped.then_some(Status::Accepted).into_iter().chain([now]);
        let mut events: Vec<NewEvent> = told.map(|status| self.event(status, channel)).collect();
        if now == Status::Failed {
            // For whoever wants to hear of failures alone.
            events.push(NewEvent {
                name: "message.failed".to_owned(),
                ..self.event(now, channel)
            });
        }
        events
    }

    fn event(&self, status: Status, channel: &str) -> NewEvent {
        NewEvent {
            workspace: self.row.workspace.clone(),
            name: "message.status".to_owned(),
            contact: self.row.contact.clone(),
            subject: Some(self.row.id.clone()),
            data: json!({"message": {
                "id": self.row.id,
                "status": status.name(),
                "type": self.data.content.get("type"),
                "source": self.data.source,
                "channel": channel,
                "channel_id": self.row.channel,
                "address": self.row.address,
                "provider_id": self.row.provider_id,
                "reason": self.row.reason,
                "error": self.data.error,
                "workflow": self.data.workflow,
                "run": self.row.run,
            }}),
            source: self.row.channel.clone(),
        }
    }

    /// As the API shows it.
    pub(crate) fn show(&self, channel: Option<&str>) -> Value {
        json!({
            "id": self.row.id,
            "direction": self.row.direction,
            "status": self.row.state,
            "reason": self.row.reason,
            "error": self.data.error,
            "channel": channel,
            "channel_id": self.row.channel,
            "contact": self.row.contact,
            "run": self.row.run,
            "workflow": self.data.workflow,
            "step": self.data.step,
            "address": self.row.address,
            "to": self.data.to,
            "sender": self.data.sender,
            "content": self.data.content,
            "payload": self.data.payload,
            "in_reply_to": self.data.in_reply_to,
            "class": self.data.class,
            "source": self.data.source,
            "user": self.data.user,
            "provider_id": self.row.provider_id,
            "attempts": self.row.attempts,
            "due": self.data.due,
            "detail": self.data.detail,
            "history": self.data.history,
            "tries": self.data.tries,
            "created_at": self.row.created_at,
            "updated_at": self.row.updated_at,
        })
    }
}

/// The text of a content, as far as it has one: what lists and conditions look at.
pub(crate) fn text_of(content: &Value) -> Option<&str> {
    let text = content
        .get("text")
        .or_else(|| content.get("subject"))
        .and_then(Value::as_str);
    text.filter(|text| !text.is_empty()).or_else(|| {
        content
            .pointer("/attachments/0/caption")
            .and_then(Value::as_str)
    })
}

#[cfg(test)]
mod tests {
    use super::Status::*;

    #[test]
    fn the_highest_status_wins_and_decisions_stay() {
        for (before, next) in [
            (Sending, Accepted),
            (Accepted, Delivered),
            (Sent, Read),
            (Uncertain, Delivered),
            (Queued, Sent),
            (Accepted, Failed),
            (Failed, Delivered),
            (Uncertain, Failed),
        ] {
            assert!(before.leads_to(next), "{before:?} → {next:?}");
        }
        for (before, next) in [
            (Delivered, Sent),
            (Read, Delivered),
            (Delivered, Failed),
            (Failed, Sent),
            (Failed, Accepted),
            (Suppressed, Delivered),
            (Cancelled, Sent),
            (Accepted, Queued),
            (Delivered, Delivered),
            (Sent, Cancelled),
            (Received, Sent),
        ] {
            assert!(!before.leads_to(next), "{before:?} → {next:?}");
        }
    }
}
