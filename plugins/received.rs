//! The message that started a run: a source that the steps which answer or forward it share, as all
//! plugins share `build.rs`.
//!
//! It is what the event `message.received` brought, so a later message of the contact never takes
//! its place, however long the run has waited. Only the time comes from the contact.

#![allow(dead_code, reason = "each step uses a part of it")]

use jackfield_plugin::{prelude::*, variables};

/// The longest keyword, in characters.
const LONGEST_KEYWORD: usize = 64;

/// How a step fails that no message has started.
pub(crate) const NO_MESSAGE: (&str, &str) =
    ("no-message", "No message of a contact started the run");

/// The message that started the run.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Received {
    pub(crate) id: String,
    /// The name of the channel that it came in on.
    pub(crate) channel: String,
    pub(crate) channel_id: String,
    /// Who wrote: the address on that channel.
    pub(crate) address: String,
    /// The number or address that it was written to, where the event tells it.
    to: Option<String>,
    #[serde(rename = "type")]
    kind: Option<String>,
    text: Option<String>,
    /// What the trigger listened for and heard in it.
    keyword: Option<String>,
    content: Value,
}

impl Received {
    /// Of the run. Fails as `no-message` where no message started it.
    pub(crate) fn of(run: &Invocation) -> Result<Received, Failure> {
        let mut trigger = run.trigger()?;
        let message = trigger.get_mut("message").map(Value::take);
        // News of a message that was sent have a status; what was received has none.
        message
            .filter(|message| message["status"].is_null())
            .and_then(|message| serde_json::from_value::<Received>(message).ok())
            .filter(|message| !message.address.is_empty() && !message.channel_id.is_empty())
            .ok_or_else(|| {
                Failure::permanent(
                    NO_MESSAGE.0,
                    "no message of a contact started this run: the workflow needs the trigger `message.received`",
                )
            })
    }

    /// Where it was received: the number, where it is known, else the channel's name.
    pub(crate) fn receiver(&self) -> &str {
        self.number().unwrap_or(&self.channel)
    }

    /// The number or address that it was written to, where it is known.
    pub(crate) fn number(&self) -> Option<&str> {
        self.to.as_deref().filter(|to| !to.is_empty())
    }

    /// What it says; of a message without a text its kind and where its files are.
    pub(crate) fn words(&self) -> String {
        if let Some(text) = self.text.as_deref().filter(|text| !text.trim().is_empty()) {
            return text.to_owned();
        }
        let kind = self.kind.as_deref().unwrap_or("message");
        let files = self.content["attachments"].as_array();
        let urls = files
            .into_iter()
            .flatten()
            .filter_map(|file| file["url"].as_str());
        std::iter::once(format!("[{kind}]").as_str())
            .chain(urls)
            .collect::<Vec<_>>()
            .join(" ")
    }

    /// The text as it came, which may be empty.
    pub(crate) fn text(&self) -> &str {
        self.text.as_deref().unwrap_or_default()
    }

    /// The keyword that the author names, else the one that the trigger heard, else the first word of
    /// the text; on one line, and short.
    pub(crate) fn keyword(&self, named: Option<&str>) -> String {
        let named = named.or(self.keyword.as_deref());
        let named = named.map(str::trim).filter(|named| !named.is_empty());
        let first = || {
            let word = self.text().split_whitespace().next().unwrap_or_default();
            word.trim_matches(|one: char| !one.is_alphanumeric())
        };
        let keyword = named.unwrap_or_else(first);
        keyword
            .chars()
            .map(|one| if one.is_control() { ' ' } else { one })
            .take(LONGEST_KEYWORD)
            .collect()
    }

    /// When it came: the contact's last message; nothing where the run has no contact.
    pub(crate) fn at(&self) -> Option<String> {
        match variables::get("contact.last_incoming_at")? {
            Value::String(at) => Some(at),
            _ => None,
        }
    }
}
