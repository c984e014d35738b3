//! Messages as JSON under the published schemas: what a step puts into the outbox, what a
//! connector gets to send, and what a provider's request said.
//!
//! Types that come in ignore fields that they do not know, so that a connector built today still
//! reads the messages of a later minor version.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::descriptor::DeliveryStatus;

/// What a message says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub enum Content {
    /// Plain text.
    Text {
        /// The text.
        text: String,
    },
    /// Files, with an optional text.
    Attachment {
        /// One to ten files.
        attachments: Vec<Attachment>,
        /// Beside the files.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        text: Option<String>,
    },
    /// A text with buttons.
    QuickReply {
        /// The text above the buttons.
        text: String,
        /// The buttons.
        replies: Vec<Reply>,
    },
    /// A place.
    Location {
        /// Degrees, north positive.
        latitude: f64,
        /// Degrees, east positive.
        longitude: f64,
        /// What is there.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        name: Option<String>,
        /// Where it is, for people.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        address: Option<String>,
    },
    /// A mail.
    Email(Email),
    /// A template that the provider keeps.
    Template {
        /// Its name or id at the provider.
        name: String,
        /// Its language.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        language: Option<String>,
        /// What is put in.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        variables: Option<Map<String, Value>>,
    },
    /// A payload that the connector understands.
    Custom {
        /// As it stands.
        payload: Value,
    },
}

impl Content {
    /// Plain text.
    pub fn text(text: impl Into<String>) -> Self {
        Content::Text { text: text.into() }
    }

    /// The type as the schemas name it.
    pub fn kind(&self) -> &'static str {
        match self {
            Content::Text { .. } => "text",
            Content::Attachment { .. } => "attachment",
            Content::QuickReply { .. } => "quick-reply",
            Content::Location { .. } => "location",
            Content::Email(_) => "email",
            Content::Template { .. } => "template",
            Content::Custom { .. } => "custom",
        }
    }
}

/// A mail's content. The channel's settings fill what is left out.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
#[allow(missing_docs, reason = "the names are those of mail headers")]
pub struct Email {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub html: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from_address: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reply_to: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub cc: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub bcc: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub attachments: Vec<Attachment>,
}

/// A file: an address to fetch it from, or its content.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", default)]
pub struct Attachment {
    /// Where the file is fetched from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// The file itself, in base64, instead of `url`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("contentEncoding" = "base64"))]
    pub content: Option<String>,
    /// What kind of file it is; left out: `file`, or what the content type says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<AttachmentKind>,
    /// The name that the contact sees.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file_name: Option<String>,
    /// The media type, such as `image/png`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content_type: Option<String>,
    /// A line under the file, where the channel shows one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub caption: Option<String>,
}

/// What an attachment is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[allow(missing_docs, reason = "the names say it")]
pub enum AttachmentKind {
    Image,
    Video,
    Audio,
    File,
}

impl AttachmentKind {
    /// By the media type; `file` for anything that is no image, video or audio.
    pub fn of(content_type: &str) -> Self {
        match content_type.split('/').next() {
            Some("image") => AttachmentKind::Image,
            Some("video") => AttachmentKind::Video,
            Some("audio") => AttachmentKind::Audio,
            _ => AttachmentKind::File,
        }
    }

    /// As the schemas name it.
    pub fn name(self) -> &'static str {
        match self {
            AttachmentKind::Image => "image",
            AttachmentKind::Video => "video",
            AttachmentKind::Audio => "audio",
            AttachmentKind::File => "file",
        }
    }
}

/// A button.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Reply {
    /// What the contact sees.
    pub title: String,
    /// What comes back when it is pressed; left out: the title.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payload: Option<String>,
}

/// A message as a step puts it into the outbox.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct OutgoingMessage {
    /// A channel's name or id, or `last-interacted`.
    pub channel: String,
    /// Addresses; empty: the contact's address on that channel.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub to: Vec<String>,
    /// The name or number shown as the sender, where the channel allows it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sender: Option<String>,
    /// What it says.
    pub content: Content,
    /// Adds the unsubscribe line.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unsubscribe: Option<Unsubscribe>,
    /// Which rules of consent it obeys.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub class: Option<Class>,
    /// What becomes of it where the channel is paused. Since 1.1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub when_paused: Option<WhenPaused>,
}

/// What becomes of a message whose channel is paused, or is paused because the provider refuses its
/// credentials.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum WhenPaused {
    /// It waits until the channel is active again.
    Wait,
    /// It fails.
    Fail,
}

/// The unsubscribe line of a message.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Unsubscribe {
    /// Stands before the link; `Unsubscribe here: ` when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
}

/// Which rules of consent a message obeys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Class {
    /// Obeys opt-outs.
    Transactional,
    /// Obeys opt-outs, quiet hours and frequency caps.
    Marketing,
    /// To one's own staff: obeys none.
    Internal,
}

impl OutgoingMessage {
    /// To the contact of the run.
    pub fn new(channel: impl Into<String>, content: Content) -> Self {
        OutgoingMessage {
            channel: channel.into(),
            to: Vec::new(),
            sender: None,
            content,
            unsubscribe: None,
            class: None,
            when_paused: None,
        }
    }
}

/// A message as a connector gets it to send.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Message {
    /// Jackfield's own id.
    pub id: String,
    /// At least one address.
    pub to: Vec<String>,
    /// The name or number shown as the sender.
    #[serde(default)]
    pub sender: Option<String>,
    /// What it says.
    pub content: Content,
    /// The public address at which the provider may report on this message.
    #[serde(default)]
    pub status_url: Option<String>,
    /// One-click unsubscribe (RFC 8058).
    #[serde(default)]
    pub unsubscribe_url: Option<String>,
    /// Sent by a workflow, not by a person.
    #[serde(default)]
    pub automated: bool,
    /// Earlier messages of the same thread.
    #[serde(default)]
    pub thread: Option<Thread>,
}

impl Message {
    /// The only recipient, for a channel that sends to one at a time.
    pub fn recipient(&self) -> Result<&str, crate::Failure> {
        match self.to.as_slice() {
            [one] => Ok(one),
            several => Err(crate::SendError::Unsupported.failure(format!(
                "a message on this channel goes to one recipient, not to {}",
                several.len()
            ))),
        }
    }
}

/// Earlier provider ids of the same thread.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
pub struct Thread {
    /// The thread's own id.
    pub id: Option<String>,
    /// The message that this one answers or follows.
    pub in_reply_to: Option<String>,
    /// All of them, oldest first.
    pub references: Vec<String>,
}

/// Something that a provider's request said.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub enum Inbound {
    /// A contact wrote.
    Message(InboundMessage),
    /// Somebody wrote to a contact outside of Jackfield.
    Echo(InboundMessage),
    /// What became of a message.
    #[serde(rename_all = "kebab-case")]
    Status {
        /// The provider's id of the message.
        #[serde(skip_serializing_if = "Option::is_none")]
        provider_id: Option<String>,
        /// Our own id, where the provider echoes it.
        #[serde(skip_serializing_if = "Option::is_none")]
        message_id: Option<String>,
        /// How far it is.
        status: DeliveryStatus,
        /// Milliseconds since 1970.
        #[serde(skip_serializing_if = "Option::is_none")]
        at: Option<u64>,
        /// Why it failed.
        #[serde(skip_serializing_if = "Option::is_none")]
        error: Option<StatusError>,
    },
    /// Anything else that a workflow may want to know.
    #[serde(rename_all = "kebab-case")]
    Other {
        /// A custom event's name.
        name: String,
        /// The provider's id, if it has one: a repeated one is dropped.
        #[serde(skip_serializing_if = "Option::is_none")]
        provider_id: Option<String>,
        /// Its data.
        data: Value,
    },
}

/// A message that came in.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct InboundMessage {
    /// The provider's id: a repeated one is dropped.
    pub provider_id: String,
    /// The other side's address (for an echo: the contact it went to).
    pub from: String,
    /// Our own address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
    /// Milliseconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at: Option<u64>,
    /// What it says.
    pub content: Content,
    /// Of the button that the contact pressed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub payload: Option<String>,
    /// The provider's id of the message that it answers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub in_reply_to: Option<String>,
    /// Where the provider itself has recognised STOP, START or HELP.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub keyword: Option<Keyword>,
    /// The advertisement that led to the message.
    /// @since 1.1
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ad: Option<Ad>,
    /// What the provider knows of the contact.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub profile: Option<Profile>,
    /// The request as it came, for those who need more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub raw: Option<Map<String, Value>>,
}

impl InboundMessage {
    /// A message with what it must have.
    pub fn new(provider_id: impl Into<String>, from: impl Into<String>, content: Content) -> Self {
        InboundMessage {
            provider_id: provider_id.into(),
            from: from.into(),
            to: None,
            at: None,
            content,
            payload: None,
            in_reply_to: None,
            keyword: None,
            ad: None,
            profile: None,
            raw: None,
        }
    }
}

/// A word of consent that the provider has recognised.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[allow(missing_docs, reason = "the names say it")]
pub enum Keyword {
    Stop,
    Start,
    Help,
}

/// An advertisement.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Ad {
    /// The provider's id of it.
    pub id: String,
    /// What it says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// Where it stood, such as `facebook`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// Its address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
}

/// What a provider knows of a contact.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[allow(missing_docs, reason = "the names are those of a contact's fields")]
pub struct Profile {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub firstname: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lastname: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phone: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub country: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub profile_pic: Option<String>,
}

/// Why a message failed after the provider took it.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct StatusError {
    /// One of the codes of [`SendError`](crate::SendError).
    pub code: String,
    /// The provider's own code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provider_code: Option<String>,
    /// For people.
    pub message: String,
}
