//! What a plugin says of itself: builders for `schemas/step-descriptor.schema.json` and
//! `schemas/connector-descriptor.schema.json`.
//!
//! The settings' JSON Schema is made from the Rust type, doc comments become the descriptions that
//! people read; nothing is written twice.

use schemars::{JsonSchema, Schema, generate::SchemaSettings};
use serde::Serialize;

/// The JSON Schema (2020-12) of a type, with everything in one place (no `$defs`).
pub(crate) fn schema<T: JsonSchema>() -> Schema {
    let settings =
        SchemaSettings::draft2020_12().with(|settings| settings.inline_subschemas = true);
    let mut schema = settings.into_generator().into_root_schema_for::<T>();
    schema.remove("title"); // the name of a Rust type
    schema
}

/// Where a list of steps shows one.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
#[allow(missing_docs, reason = "the names say it")]
pub enum Category {
    Messages,
    Contacts,
    Conversations,
    Logic,
    Integrations,
    Other,
}

/// What a plugin proposes for one activation; what is left out is the host's default.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Limits {
    /// Units of work.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fuel: Option<u64>,
    /// Bytes over all linear memories.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory: Option<u64>,
    /// Wall-clock milliseconds, host calls included.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deadline_ms: Option<u64>,
    /// Bytes from the host into the plugin.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bytes_in: Option<u64>,
    /// Bytes from the plugin to the host.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bytes_out: Option<u64>,
    /// Number of host calls.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host_calls: Option<u64>,
    /// Bytes of output and state.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output: Option<u64>,
}

/// Where a secret's value may be put by the host.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
#[allow(missing_docs, reason = "the names say it")]
pub enum Place {
    Header,
    BasicAuth,
    Query,
    Path,
    Body,
    SmtpAuth,
    Hmac,
    Sign,
}

/// A secret that the plugin uses by name; it never sees the value.
#[derive(Clone, Debug, Serialize)]
pub struct Secret {
    name: String,
    title: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    summary: Option<String>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    optional: bool,
    places: Vec<Place>,
}

impl Secret {
    /// A secret that must be there.
    pub fn new(name: &str, title: &str, places: &[Place]) -> Self {
        Secret {
            name: name.into(),
            title: title.into(),
            summary: None,
            optional: false,
            places: places.into(),
        }
    }

    /// Where to find it, for people.
    pub fn summary(mut self, summary: &str) -> Self {
        self.summary = Some(summary.into());
        self
    }

    /// The plugin works without it.
    pub fn optional(mut self) -> Self {
        self.optional = true;
        self
    }
}

#[derive(Clone, Debug, Serialize)]
struct Branch {
    name: String,
    title: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    otherwise: Option<String>,
}

#[derive(Clone, Debug, Serialize)]
struct FailureCode {
    code: String,
    title: String,
}

/// What a step says of itself. The settings' schema is added from [`Step::Settings`](crate::Step).
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct StepDescriptor {
    name: String,
    version: String,
    title: String,
    summary: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    icon: Option<String>,
    category: Category,
    pub(crate) settings: Option<Schema>,
    output: Schema,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    branches: Vec<Branch>,
    #[serde(skip_serializing_if = "Option::is_none")]
    branches_from: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    failures: Vec<FailureCode>,
    waits: bool,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    bounds_loops: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    hosts: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    secrets: Vec<Secret>,
    #[serde(skip_serializing_if = "Option::is_none")]
    limits: Option<Limits>,
}

impl StepDescriptor {
    /// Name and version are those of the crate: `env!("CARGO_PKG_NAME")`, `env!("CARGO_PKG_VERSION")`.
    pub fn new(name: &str, version: &str, title: &str, summary: &str) -> Self {
        StepDescriptor {
            name: name.into(),
            version: version.into(),
            title: title.into(),
            summary: summary.into(),
            icon: None,
            category: Category::Other,
            settings: None,
            output: schemars::json_schema!({"type": "object"}),
            branches: Vec::new(),
            branches_from: None,
            failures: Vec::new(),
            waits: false,
            bounds_loops: false,
            hosts: Vec::new(),
            secrets: Vec::new(),
            limits: None,
        }
    }

    /// Where a list of steps shows it.
    pub fn category(mut self, category: Category) -> Self {
        self.category = category;
        self
    }

    /// One emoji, or the name of an icon.
    pub fn icon(mut self, icon: &str) -> Self {
        self.icon = Some(icon.into());
        self
    }

    /// The type of the output, on every branch.
    pub fn output<T: JsonSchema>(mut self) -> Self {
        self.output = schema::<T>();
        self
    }

    /// A branch beside `success` and `failure`. `otherwise` says where a run goes in a workflow
    /// that does not name it: `next`, `end`, `fail`, or another branch.
    pub fn branch(mut self, name: &str, title: &str, otherwise: &str) -> Self {
        self.branches.push(Branch {
            name: name.into(),
            title: title.into(),
            otherwise: Some(otherwise.into()),
        });
        self
    }

    /// Where in the settings the names of more branches stand, such as `/branches/*/name`.
    pub fn branches_from(mut self, pointer: &str) -> Self {
        self.branches_from = Some(pointer.into());
        self
    }

    /// Codes with which the step takes `failure`, each with what has happened; `http-*` stands for all
    /// that begin so. What every step can have (`invalid-config`, `denied`, ...) is left out, and
    /// [`failures`](crate::failures) has those of imports. Added to those that are there already; of a
    /// code that is, the title counts that came first.
    pub fn failures(mut self, codes: &[(&str, &str)]) -> Self {
        for (code, title) in codes {
            if !self.failures.iter().any(|known| known.code == *code) {
                self.failures.push(FailureCode {
                    code: (*code).to_owned(),
                    title: (*title).to_owned(),
                });
            }
        }
        self
    }

    /// The step can wait.
    pub fn waits(mut self) -> Self {
        self.waits = true;
        self
    }

    /// The step itself ends a loop through it, after a bounded number of visits.
    pub fn bounds_loops(mut self) -> Self {
        self.bounds_loops = true;
        self
    }

    /// What it must reach, such as `https://api.example.com`, or `*`.
    pub fn host(mut self, host: &str) -> Self {
        self.hosts.push(host.into());
        self
    }

    /// A secret that it uses.
    pub fn secret(mut self, secret: Secret) -> Self {
        self.secrets.push(secret);
        self
    }

    /// What one activation needs.
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = Some(limits);
        self
    }
}

/// What the addresses of a channel are.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
#[allow(missing_docs, reason = "the names say it")]
pub enum Address {
    Phone,
    Email,
    Id,
}

/// A kind of message content; see [`Content`](crate::message::Content).
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
#[allow(missing_docs, reason = "the names say it")]
pub enum MessageType {
    Text,
    Attachment,
    QuickReply,
    Location,
    Email,
    Template,
    Custom,
}

/// What the length of a text is counted in.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
#[allow(missing_docs, reason = "the names say it")]
pub enum Unit {
    Characters,
    Bytes,
    Utf16,
}

#[derive(Clone, Copy, Debug, Serialize)]
struct TextLimit {
    max: u32,
    unit: Unit,
}

#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
struct QuickReplies {
    max: u32,
    title_max: u32,
}

/// What attachments a channel takes.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Media {
    /// Bytes of all attachments of a message.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_bytes: Option<u64>,
    /// Attachments in one message.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_count: Option<u32>,
    /// Media types such as `image/png` or `image/*`; empty: any.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub types: Vec<String>,
}

/// A delivery update that a provider sends after it took a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
#[allow(missing_docs, reason = "the names say it")]
pub enum DeliveryStatus {
    Sent,
    Delivered,
    Read,
    Failed,
}

/// What a connector says of itself. The settings' schema is added from
/// [`Connector::Settings`](crate::Connector).
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct ConnectorDescriptor {
    name: String,
    version: String,
    title: String,
    summary: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    icon: Option<String>,
    pub(crate) settings: Option<Schema>,
    secrets: Vec<Secret>,
    hosts: Vec<String>,
    address: Address,
    #[serde(skip_serializing_if = "Option::is_none")]
    address_from: Option<String>,
    message_types: Vec<MessageType>,
    #[serde(skip_serializing_if = "Option::is_none")]
    text_limit: Option<TextLimit>,
    #[serde(skip_serializing_if = "Option::is_none")]
    media: Option<Media>,
    #[serde(skip_serializing_if = "Option::is_none")]
    window: Option<u64>,
    templates: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    quick_replies: Option<QuickReplies>,
    idempotency: bool,
    statuses: Vec<DeliveryStatus>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rate: Option<f64>,
    inbound: bool,
    keywords: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    limits: Option<Limits>,
}

impl ConnectorDescriptor {
    /// Name and version are those of the crate: `env!("CARGO_PKG_NAME")`, `env!("CARGO_PKG_VERSION")`.
    pub fn new(
        name: &str,
        version: &str,
        title: &str,
        summary: &str,
        address: Address,
        message_types: &[MessageType],
    ) -> Self {
        ConnectorDescriptor {
            name: name.into(),
            version: version.into(),
            title: title.into(),
            summary: summary.into(),
            icon: None,
            settings: None,
            secrets: Vec::new(),
            hosts: Vec::new(),
            address,
            address_from: None,
            message_types: message_types.into(),
            text_limit: None,
            media: None,
            window: None,
            templates: false,
            quick_replies: None,
            idempotency: false,
            statuses: Vec::new(),
            rate: None,
            inbound: false,
            keywords: false,
            limits: None,
        }
    }

    /// One emoji, or the name of an icon.
    pub fn icon(mut self, icon: &str) -> Self {
        self.icon = Some(icon.into());
        self
    }

    /// A secret that it uses.
    pub fn secret(mut self, secret: Secret) -> Self {
        self.secrets.push(secret);
        self
    }

    /// What it must reach; `{setting:NAME}` stands for a channel setting.
    pub fn host(mut self, host: &str) -> Self {
        self.hosts.push(host.into());
        self
    }

    /// The channel setting that says what addresses are: `phone`, `email`, or anything else for ids.
    pub fn address_from(mut self, setting: &str) -> Self {
        self.address_from = Some(setting.into());
        self
    }

    /// The longest text.
    pub fn text_limit(mut self, max: u32, unit: Unit) -> Self {
        self.text_limit = Some(TextLimit { max, unit });
        self
    }

    /// What attachments it takes.
    pub fn media(mut self, media: Media) -> Self {
        self.media = Some(media);
        self
    }

    /// Seconds after the contact's last message in which free messages are allowed.
    pub fn window(mut self, seconds: u64) -> Self {
        self.window = Some(seconds);
        self
    }

    /// The provider has templates of its own.
    pub fn templates(mut self) -> Self {
        self.templates = true;
        self
    }

    /// The provider has quick replies: how many, and how long a title may be.
    pub fn quick_replies(mut self, max: u32, title_max: u32) -> Self {
        self.quick_replies = Some(QuickReplies { max, title_max });
        self
    }

    /// The provider honours the idempotency key of `send`.
    pub fn idempotency(mut self) -> Self {
        self.idempotency = true;
        self
    }

    /// The delivery updates that the provider sends.
    pub fn statuses(mut self, statuses: &[DeliveryStatus]) -> Self {
        self.statuses = statuses.into();
        self
    }

    /// Messages a second that the provider takes.
    pub fn rate(mut self, rate: f64) -> Self {
        self.rate = Some(rate);
        self
    }

    /// Messages come in through this connector.
    pub fn inbound(mut self) -> Self {
        self.inbound = true;
        self
    }

    /// STOP, START and HELP in inbound messages opt out and in.
    pub fn keywords(mut self) -> Self {
        self.keywords = true;
        self
    }

    /// What one activation needs.
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = Some(limits);
        self
    }
}
