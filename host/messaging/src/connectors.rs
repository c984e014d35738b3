//! Connectors as messaging sees them: the descriptor's rules, and which installed plugin a name
//! such as `twilio-sms@1` means.

use crate::context::Context;
use crate::error::{Error, Result};
use jackfield_engine::current_of;
use jackfield_store::records::Plugin;
use jackfield_store::{Query, StoreExt};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// What addresses of a connector are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum AddressKind {
    /// E.164, where it can be read so.
    Phone,
    /// A mailbox.
    Email,
    /// Something that means somebody on that channel only.
    Id,
}

/// How the length of a text is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum TextUnit {
    /// Unicode scalar values.
    Characters,
    /// Bytes of UTF-8.
    Bytes,
    /// Code units of UTF-16.
    Utf16,
}

/// The longest text of a connector.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct TextLimit {
    pub(crate) max: usize,
    pub(crate) unit: TextUnit,
}

/// How a connector shows quick replies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct QuickReplies {
    pub(crate) max: usize,
    pub(crate) title_max: usize,
}

/// A secret that a connector names.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct SecretSpec {
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) title: String,
    #[serde(default)]
    pub(crate) optional: bool,
}

/// The part of a descriptor that messaging acts on.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct Descriptor {
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) title: String,
    pub(crate) settings: Value,
    #[serde(default)]
    pub(crate) secrets: Vec<SecretSpec>,
    address: AddressKind,
    /// The channel setting that says it instead.
    #[serde(default)]
    address_from: Option<String>,
    pub(crate) message_types: Vec<String>,
    #[serde(default)]
    pub(crate) text_limit: Option<TextLimit>,
    #[serde(default)]
    pub(crate) window: Option<i64>,
    #[serde(default)]
    pub(crate) templates: bool,
    #[serde(default)]
    pub(crate) quick_replies: Option<QuickReplies>,
    #[serde(default)]
    pub(crate) idempotency: bool,
    #[serde(default)]
    pub(crate) rate: Option<f64>,
    #[serde(default)]
    pub(crate) inbound: bool,
    #[serde(default)]
    pub(crate) keywords: bool,
}

impl Descriptor {
    /// Whether messages of this type can be sent as they are.
    pub(crate) fn sends(&self, kind: &str) -> bool {
        self.message_types.iter().any(|one| one == kind)
    }

    /// What addresses are on a channel with these settings.
    pub(crate) fn address(&self, settings: &Value) -> AddressKind {
        let Some(name) = self.address_from.as_deref() else {
            return self.address;
        };
        let default = &self.settings["properties"][name]["default"];
        match settings.get(name).unwrap_or(default).as_str() {
            Some("phone") => AddressKind::Phone,
            Some("email") => AddressKind::Email,
            Some(_) => AddressKind::Id,
            None => self.address,
        }
    }

    /// What `messages.channel` shows of it, beside the channel's own.
    pub(crate) fn show(&self, settings: &Value) -> Value {
        json!({
            "kind": self.name,
            "address-kind": self.address(settings),
            "message-types": self.message_types,
            "text-limit": self.text_limit,
            "quick-replies": self.quick_replies,
            "window": self.window,
            "templates": self.templates,
            "inbound": self.inbound,
        })
    }
}

/// An installed connector.
#[derive(Debug, Clone)]
pub(crate) struct Connector {
    pub(crate) digest: String,
    /// `twilio-sms@1`.
    pub(crate) reference: String,
    pub(crate) descriptor: Descriptor,
}

impl Connector {
    pub(crate) fn read(row: &Plugin) -> Result<Connector> {
        let descriptor = Descriptor::deserialize(&row.descriptor).map_err(|error| {
            Error::unavailable(format!(
                "the descriptor of the connector `{}` cannot be read: {error}",
                row.name
            ))
        })?;
        Ok(Connector {
            digest: row.digest.clone(),
            reference: format!("{}@{}", row.name, numbers(&row.version)[0]),
            descriptor,
        })
    }
}

/// The numbers of a semantic version.
fn numbers(version: &str) -> [u64; 3] {
    let mut parts = version
        .split(['.', '-', '+'])
        .map(|part| part.parse().unwrap_or(0));
    [(); 3].map(|()| parts.next().unwrap_or(0))
}

/// The current connector that `name` or `name@major` means.
pub(crate) async fn find(context: &Context, reference: &str) -> Result<Connector> {
    let (name, major) = match reference.split_once('@') {
        Some((name, major)) => (name, Some(major)),
        None => (reference, None),
    };
    let query = Query::<Plugin>::all().equal("kind", "connector");
    let installed: Vec<Plugin> = context
        .store()
        .find(query)
        .await?
        .into_iter()
        .filter(|one| one.removed_at.is_none())
        .collect();
    let newest = current_of(installed.iter(), name, major);
    if let Some(row) = newest {
        return Connector::read(row);
    }
    if let Some(waiting) = installed.iter().find(|one| one.name == name) {
        return Err(Error::conflict(
            "not-granted",
            format!(
                "the connector `{name}` {} is installed, but no version that fits `{reference}` is \
                 approved: grant it with `jackfield plugin grant {name}`",
                waiting.version
            ),
        ));
    }
    let mut names: Vec<&str> = installed.iter().map(|one| one.name.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    Err(Error::not_found(
        "no-connector",
        format!(
            "there is no connector `{reference}`; installed are: {}",
            if names.is_empty() {
                "none".to_owned()
            } else {
                names.join(", ")
            }
        ),
    ))
}
