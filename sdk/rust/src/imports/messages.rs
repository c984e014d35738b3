//! Messages to contacts and others, through the workspace's channels.

use serde::Deserialize;
use serde_json::Value;

use super::{json, sys};
use crate::failure::CallError;
use crate::message::OutgoingMessage;

/// A channel, with what a step may want to know of it.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
pub struct ChannelInfo {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its connector's name.
    pub kind: String,
    /// `phone`, `email` or `id`.
    pub address_kind: String,
    /// How many buttons a message may have, and how long a title may be; none: no buttons.
    pub quick_replies: Option<QuickReplies>,
    /// The provider has templates of its own.
    pub templates: bool,
    /// As the connector's descriptor has it.
    pub text_limit: Option<Value>,
}

impl ChannelInfo {
    /// Whether its messages are mails.
    pub fn is_email(&self) -> bool {
        self.address_kind == "email"
    }

    /// Whether this is the channel of that name or id.
    pub fn is_called(&self, name: &str) -> bool {
        self.name == name || self.id == name
    }
}

/// The limits of a channel's buttons.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct QuickReplies {
    /// How many.
    pub max: usize,
    /// How many characters in a title.
    pub title_max: usize,
}

/// The channel that a name stands for; `last-interacted` is the channel of the contact's last
/// message. Errors: `not-found`; `no-channel` for `last-interacted` where the contact has none.
pub fn channel(name: &str) -> Result<ChannelInfo, CallError> {
    json(&sys::messages::channel(name)?)
}

/// Puts a message into the outbox and answers with its id. What becomes of it arrives as events
/// `message.status` about that id. Errors: `invalid`, `not-found`, `too-large`, `no-channel` as of
/// `channel`; `no-address` where `to` is left out and the contact cannot be reached on the channel.
pub fn send(message: &OutgoingMessage) -> Result<String, CallError> {
    // A message is texts, numbers and JSON values; an empty text is refused by the host.
    sys::messages::send(&serde_json::to_string(message).unwrap_or_default())
}
