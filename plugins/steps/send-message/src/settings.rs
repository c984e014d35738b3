//! What an author of a workflow sets.

use std::collections::BTreeMap;

use jackfield_plugin::message::{Attachment, Class, Unsubscribe, WhenPaused};
use jackfield_plugin::{clock, prelude::*};
use schemars::Schema;
use serde_json::Map;

/// The settings of the step.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(extend("unevaluatedProperties" = false, "anyOf" = [
    {"required": ["text"]}, {"required": ["media"]}, {"required": ["html"]}, {"required": ["template"]},
    {"required": ["provider-template"]}, {"required": ["location"]}, {"required": ["custom"]},
]))]
pub struct Settings {
    /// A channel's name, or `last-interacted`: the channel of the contact's last message.
    #[serde(default = "last_interacted")]
    #[schemars(extend("x-jackfield-ref" = "channel"))]
    pub(crate) channel: String,
    /// To whom, such as `$call.caller_number`; several addresses for a mail. Left out: to the contact.
    #[serde(default)]
    pub(crate) to: OneOrMany,
    /// The name or number shown as the sender, where the channel allows it.
    pub(crate) sender: Option<String>,
    #[serde(flatten)]
    pub(crate) body: Body,
    /// Other messages for some channels, by the channel's name. Where there is none, the message
    /// above is sent.
    #[serde(default)]
    pub(crate) responses: BTreeMap<String, Body>,
    /// Adds a line with an unsubscribe link; `{}` for the usual text.
    pub(crate) unsubscribe: Option<Unsubscribe>,
    /// Which rules of consent it obeys: `marketing` (opt-outs, quiet hours, caps), `transactional`
    /// (opt-outs), or `internal` (to one's own staff: none).
    pub(crate) class: Option<Class>,
    /// What to do where the channel is paused, or is paused because the provider refuses its keys:
    /// `wait` until it is active again, or `fail`: the channels of `fallback`, then the branch `failure`.
    pub(crate) when_paused: Option<WhenPaused>,
    /// Channels to try, in this order, when the message fails on `channel`. With `to` only those
    /// with the same kind of address are tried.
    #[serde(default)]
    #[schemars(length(max = 8))]
    pub(crate) fallback: Vec<ChannelName>,
    /// How far the message must be for a success.
    #[serde(default)]
    pub(crate) until: Until,
    /// How long to wait for that, such as `15m`; then the branch `timeout`. Left out: a day, or for
    /// `accepted` as long as it takes.
    pub(crate) within: Option<String>,
}

/// A channel's name.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(extend("x-jackfield-ref" = "channel"))]
pub(crate) struct ChannelName(pub(crate) String);

/// What one message says.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", default)]
#[schemars(extend("additionalProperties" = false))]
pub(crate) struct Body {
    /// The text, with variables; at most 2,000 characters.
    pub(crate) text: Option<String>,
    /// Files or images; at most five in a mail, ten elsewhere.
    #[schemars(length(max = 10), transform = files)]
    pub(crate) media: Vec<Attachment>,
    /// Buttons under the text; a numbered list where the channel has no buttons.
    #[schemars(length(max = 13))]
    pub(crate) quick_replies: Vec<QuickReply>,
    /// A place, where the channel has such messages.
    pub(crate) location: Option<Location>,
    /// A template of the workspace: the body of a mail, or the text elsewhere.
    #[schemars(extend("x-jackfield-ref" = "template"))]
    pub(crate) template: Option<String>,
    /// Values for the template, under the namespace `values`.
    pub(crate) template_values: Option<Map<String, Value>>,
    /// A template that the provider has approved, for channels with such templates.
    pub(crate) provider_template: Option<ProviderTemplate>,
    /// Such a template for when the channel's messaging window is closed: it is sent there instead,
    /// before another channel is tried.
    pub(crate) window_template: Option<ProviderTemplate>,
    /// A payload that the channel's connector understands, sent as it stands.
    pub(crate) custom: Option<Value>,
    /// Mail: the subject. Left out: the template's, or none.
    pub(crate) subject: Option<String>,
    /// Mail: the body as HTML.
    #[schemars(extend("contentMediaType" = "text/html"))]
    pub(crate) html: Option<String>,
    /// Mail: the name shown as the sender.
    pub(crate) from_name: Option<String>,
    /// Mail: the address shown as the sender.
    pub(crate) from_address: Option<String>,
    /// Mail: where answers go.
    pub(crate) reply_to: Option<String>,
    /// Mail: copies.
    pub(crate) cc: OneOrMany,
    /// Mail: copies that the others do not see.
    pub(crate) bcc: OneOrMany,
}

/// Refuses unknown keys of a file: the type is the SDK's, which takes what later versions add.
fn files(schema: &mut Schema) {
    if let Some(file) = schema.get_mut("items").and_then(Value::as_object_mut) {
        file.insert("unevaluatedProperties".to_owned(), false.into());
    }
}

/// A text, or a list of texts.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(crate) enum OneOrMany {
    /// None.
    None(()),
    /// One, or several with commas between them.
    One(String),
    /// Several.
    Many(#[schemars(length(max = 50))] Vec<String>),
}

impl Default for OneOrMany {
    fn default() -> Self {
        OneOrMany::None(())
    }
}

impl OneOrMany {
    /// The texts that are not empty.
    pub(crate) fn to_vec(&self) -> Vec<String> {
        let texts: Vec<&str> = match self {
            OneOrMany::None(()) => Vec::new(),
            OneOrMany::One(text) if text.contains('"') => vec![text],
            OneOrMany::One(text) => text.split(',').collect(),
            OneOrMany::Many(texts) => texts.iter().map(String::as_str).collect(),
        };
        texts
            .iter()
            .map(|text| text.trim())
            .filter(|text| !text.is_empty())
            .map(str::to_owned)
            .collect()
    }
}

/// A button: its title, or title and payload.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(crate) enum QuickReply {
    /// The title.
    Title(String),
    /// With what comes back when it is pressed.
    Full {
        /// What the contact sees.
        title: String,
        /// What comes back.
        payload: Option<String>,
    },
}

/// A place.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Location {
    /// Degrees, north positive.
    #[schemars(range(min = -90.0, max = 90.0))]
    pub(crate) latitude: f64,
    /// Degrees, east positive.
    #[schemars(range(min = -180.0, max = 180.0))]
    pub(crate) longitude: f64,
    /// What is there.
    pub(crate) name: Option<String>,
    /// Where it is, for people.
    pub(crate) address: Option<String>,
}

/// A template that the provider has approved.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ProviderTemplate {
    /// Its name or id at the provider.
    pub(crate) name: String,
    /// Its language, such as `en_US`.
    pub(crate) language: Option<String>,
    /// What is put in, by the provider's names or numbers.
    pub(crate) variables: Option<Map<String, Value>>,
}

/// How far a message must be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Until {
    /// The provider has taken it.
    #[default]
    Accepted,
    /// The provider has sent it on.
    Sent,
    /// It is on the contact's device.
    Delivered,
    /// The contact has read it.
    Read,
}

impl Until {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Until::Accepted => "accepted",
            Until::Sent => "sent",
            Until::Delivered => "delivered",
            Until::Read => "read",
        }
    }
}

fn last_interacted() -> String {
    "last-interacted".into()
}

/// Milliseconds.
pub(crate) const DAY: u64 = 24 * 3_600_000;

/// A duration in the settings, in milliseconds.
pub(crate) fn duration(setting: &str, text: &str) -> Result<u64, Failure> {
    clock::duration(text).map_err(|error| Failure::invalid_config(setting, error.message))
}

impl Settings {
    /// What the schema cannot say, before anything is sent.
    pub(crate) fn check(&self) -> Result<(), Failure> {
        if let Some(within) = &self.within {
            duration("within", within)?;
        }
        let bodies = std::iter::once((String::new(), &self.body)).chain(
            self.responses
                .iter()
                .map(|(name, body)| (format!("responses.{name}."), body)),
        );
        for (prefix, body) in bodies {
            for (index, media) in body.media.iter().enumerate() {
                if media.url.is_some() == media.content.is_some() {
                    return Err(Failure::invalid_config(
                        &format!("{prefix}media[{index}]"),
                        "say either `url` or `content`",
                    ));
                }
            }
        }
        Ok(())
    }
}
