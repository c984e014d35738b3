//! How host calls and replies look as JSON, where the plain derivation would not do.
//!
//! Byte strings decide the shape: as a list of numbers a body would take four times its size in
//! the journal and be unreadable on a timeline. So they are text where they are UTF-8 (nearly
//! always), and `{"base64": "..."}` where they are not. Both forms read back to the same bytes.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::wit::{CallError, email, http};

/// A byte string, borrowed for writing.
struct Shown<'a>(&'a [u8]);

impl Serialize for Shown<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Coded {
            base64: String,
        }
        match std::str::from_utf8(self.0) {
            Ok(text) => serializer.serialize_str(text),
            Err(_) => Coded {
                base64: STANDARD.encode(self.0),
            }
            .serialize(serializer),
        }
    }
}

/// A byte string, owned after reading.
struct Read(Vec<u8>);

impl<'de> Deserialize<'de> for Read {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Either {
            Text(String),
            Coded { base64: String },
        }
        Ok(Read(match Either::deserialize(deserializer)? {
            Either::Text(text) => text.into_bytes(),
            Either::Coded { base64 } => STANDARD.decode(base64).map_err(de::Error::custom)?,
        }))
    }
}

/// For `Vec<u8>`.
pub(crate) mod bytes {
    use super::*;

    pub(crate) fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        Shown(bytes).serialize(serializer)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<Vec<u8>, D::Error> {
        Read::deserialize(d).map(|read| read.0)
    }
}

/// For `Option<Vec<u8>>`.
mod bytes_option {
    use super::*;

    pub(super) fn serialize<S: Serializer>(
        bytes: &Option<Vec<u8>>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        bytes.as_deref().map(Shown).serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        d: D,
    ) -> Result<Option<Vec<u8>>, D::Error> {
        Ok(Option::<Read>::deserialize(d)?.map(|read| read.0))
    }
}

/// For `Result<Vec<u8>, CallError>`.
pub(crate) mod bytes_result {
    use super::*;

    pub(crate) fn serialize<S: Serializer>(
        result: &Result<Vec<u8>, CallError>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        result
            .as_ref()
            .map(|bytes| Shown(bytes))
            .serialize(serializer)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        d: D,
    ) -> Result<Result<Vec<u8>, CallError>, D::Error> {
        Ok(Result::<Read, CallError>::deserialize(d)?.map(|read| read.0))
    }
}

/// The shape of an HTTP request.
#[derive(Serialize, Deserialize)]
#[serde(remote = "http::Request", rename_all = "kebab-case")]
pub(crate) struct RequestDef {
    method: String,
    url: String,
    headers: Vec<(String, String)>,
    basic_auth: Option<http::Credentials>,
    #[serde(with = "bytes_option")]
    body: Option<Vec<u8>>,
    timeout: Option<u32>,
    max_redirects: Option<u8>,
    idempotency_header: Option<String>,
}

/// The shape of an HTTP response.
#[derive(Serialize, Deserialize)]
#[serde(remote = "http::Response", rename_all = "kebab-case")]
struct ResponseDef {
    status: u16,
    headers: Vec<(String, String)>,
    #[serde(with = "bytes")]
    body: Vec<u8>,
    url: String,
}

/// For `Result<http::Response, CallError>`.
pub(crate) mod response {
    use super::*;

    #[derive(Serialize)]
    struct Shown<'a>(#[serde(with = "ResponseDef")] &'a http::Response);

    #[derive(Deserialize)]
    struct Read(#[serde(with = "ResponseDef")] http::Response);

    pub(crate) fn serialize<S: Serializer>(
        result: &Result<http::Response, CallError>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        result.as_ref().map(Shown).serialize(serializer)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        d: D,
    ) -> Result<Result<http::Response, CallError>, D::Error> {
        Ok(Result::<Read, CallError>::deserialize(d)?.map(|read| read.0))
    }
}

/// The shape of an attachment.
#[derive(Serialize, Deserialize)]
#[serde(remote = "email::Attachment", rename_all = "kebab-case")]
struct AttachmentDef {
    name: String,
    content_type: String,
    #[serde(with = "bytes")]
    content: Vec<u8>,
}

/// For the attachments of a mail.
mod attachments {
    use super::*;

    #[derive(Serialize)]
    struct Shown<'a>(#[serde(with = "AttachmentDef")] &'a email::Attachment);

    #[derive(Deserialize)]
    struct Read(#[serde(with = "AttachmentDef")] email::Attachment);

    pub(super) fn serialize<S: Serializer>(
        attachments: &[email::Attachment],
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(attachments.iter().map(Shown))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        d: D,
    ) -> Result<Vec<email::Attachment>, D::Error> {
        Ok(Vec::<Read>::deserialize(d)?
            .into_iter()
            .map(|read| read.0)
            .collect())
    }
}

/// The shape of a mail.
#[derive(Serialize, Deserialize)]
#[serde(remote = "email::Mail", rename_all = "kebab-case")]
struct MailDef {
    from: String,
    to: Vec<String>,
    cc: Vec<String>,
    bcc: Vec<String>,
    reply_to: Option<String>,
    subject: String,
    text: Option<String>,
    html: Option<String>,
    #[serde(with = "attachments")]
    attachments: Vec<email::Attachment>,
    message_id: Option<String>,
    in_reply_to: Option<String>,
    references: Vec<String>,
    headers: Vec<(String, String)>,
}

/// For a boxed mail.
pub(crate) mod mail {
    use super::*;

    pub(crate) fn serialize<S: Serializer>(
        mail: &email::Mail,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        MailDef::serialize(mail, serializer)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        d: D,
    ) -> Result<Box<email::Mail>, D::Error> {
        MailDef::deserialize(d).map(Box::new)
    }
}
