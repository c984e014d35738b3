//! `event: webhook`: a web address of the workflow's own, and what it takes out of a request.
//!
//! What must hold: what is said here is enough to judge a request and to answer it; the address
//! itself is no part of the document, so that it stays the same from version to version.

use super::path::Path;
use crate::schedule::Duration;
use ipnet::IpNet;
use serde_json::{Map, Value, json};
use std::net::IpAddr;

/// What a workflow takes at its address.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Webhook {
    /// Whom a request is about; none for runs without a contact.
    pub contact: Option<Identifier>,
    /// A contact that is not known is made.
    pub create_contact: bool,
    /// The run's variables, with where each stands in the body.
    pub variables: Vec<(String, Path)>,
    /// How a request proves who sent it.
    pub signature: Option<Signature>,
    /// From where requests may come; empty for anywhere.
    pub allow_from: Vec<IpNet>,
    /// What is answered to an accepted request.
    pub reply: Option<Reply>,
}

/// By what a contact is found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identifier {
    /// What kind of identifier.
    pub by: By,
    /// Where it stands in the body.
    pub path: Path,
}

/// The kinds of identifiers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    /// The contact's id.
    Id,
    /// Its mail address.
    Email,
    /// Its telephone number.
    Phone,
}

impl By {
    /// Every one, with its name in documents.
    pub const ALL: [(&'static str, By); 3] =
        [("id", By::Id), ("email", By::Email), ("phone", By::Phone)];

    /// Its name in documents, and before the colon of a reference to a contact.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            By::Id => "id",
            By::Email => "email",
            By::Phone => "phone",
        }
    }
}

/// A proof that whoever sent a request knows a secret: HMAC with SHA-256.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signature {
    /// The name of the workspace's secret.
    pub secret: String,
    /// The header that carries it, in lower case.
    pub header: String,
    /// What stands in the header before it, such as `sha256=`.
    pub prefix: String,
    /// How its bytes are written.
    pub encoding: Encoding,
    /// What is signed: a text with `{body}` and, where there is one, `{timestamp}`.
    pub signed: String,
    /// The time at which it was signed.
    pub timestamp: Option<Stamp>,
}

/// How bytes are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// Hexadecimal digits.
    Hex,
    /// Base64.
    Base64,
}

impl Encoding {
    /// Every one, with its name in documents.
    pub const ALL: [(&'static str, Encoding); 2] =
        [("hex", Encoding::Hex), ("base64", Encoding::Base64)];
}

/// When a request was signed, and how long that counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stamp {
    /// The header that says it, in lower case.
    pub header: String,
    /// So far it may lie from now, in either direction.
    pub window: Duration,
}

/// What is answered to an accepted request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// 200 to 299.
    pub status: u16,
    /// Of the text.
    pub content_type: String,
    /// The text.
    pub body: String,
}

impl Webhook {
    /// Whether a request may come from there.
    #[must_use]
    pub fn allows(&self, from: Option<IpAddr>) -> bool {
        let inside = |from: IpAddr| {
            let from = from.to_canonical();
            self.allow_from.iter().any(|net| net.contains(&from))
        };
        self.allow_from.is_empty() || from.is_some_and(inside)
    }

    /// The variables that a body gives. What is not there, or is null, stays unset.
    #[must_use]
    pub fn take(&self, body: &Value) -> Map<String, Value> {
        let found = self.variables.iter().filter_map(|(name, path)| {
            let value = path.find(body).filter(|value| !value.is_null())?;
            Some((name.clone(), value.clone()))
        });
        found.collect()
    }

    pub(super) fn write(&self, out: &mut Map<String, Value>) {
        if let Some(contact) = &self.contact {
            let value = json!({"by": contact.by.name(), "path": contact.path.to_string()});
            out.insert("contact".into(), value);
        }
        if self.create_contact {
            out.insert("create-contact".into(), true.into());
        }
        if !self.variables.is_empty() {
            let all = self.variables.iter();
            let all = all.map(|(name, path)| (name.clone(), path.to_string().into()));
            out.insert("variables".into(), Value::Object(all.collect()));
        }
        if let Some(signature) = &self.signature {
            out.insert("signature".into(), signature.write());
        }
        if !self.allow_from.is_empty() {
            let all: Vec<String> = self.allow_from.iter().map(ToString::to_string).collect();
            out.insert("allow-from".into(), json!(all));
        }
        if let Some(reply) = &self.reply {
            let value = json!({
                "status": reply.status, "content-type": reply.content_type, "body": reply.body,
            });
            out.insert("reply".into(), value);
        }
    }
}

impl Signature {
    /// What is signed of a request that says no time.
    pub const BODY: &str = "{body}";
    /// What is signed of one that does.
    pub const STAMPED: &str = "{timestamp}.{body}";

    /// What a request's signature is made over.
    #[must_use]
    pub fn message(&self, timestamp: &str, body: &[u8]) -> Vec<u8> {
        // `{body}` stands in it once, which is checked when it is read.
        let (before, after) = self.signed.split_once(Self::BODY).unwrap_or_default();
        let put = |text: &str| text.replace("{timestamp}", timestamp).into_bytes();
        let mut message = put(before);
        message.extend_from_slice(body);
        message.extend(put(after));
        message
    }

    fn write(&self) -> Value {
        let mut out = Map::new();
        out.insert("secret".into(), self.secret.clone().into());
        out.insert("header".into(), self.header.clone().into());
        if !self.prefix.is_empty() {
            out.insert("prefix".into(), self.prefix.clone().into());
        }
        if self.encoding == Encoding::Base64 {
            out.insert("encoding".into(), "base64".into());
        }
        out.insert("signed".into(), self.signed.clone().into());
        if let Some(stamp) = &self.timestamp {
            out.insert("timestamp-header".into(), stamp.header.clone().into());
            out.insert("window".into(), stamp.window.to_string().into());
        }
        Value::Object(out)
    }
}
