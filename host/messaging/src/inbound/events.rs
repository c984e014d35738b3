//! Inbound events as connectors write them, read strictly: what the schema does not know is
//! refused, one event at a time.

use crate::error::{Error, Result};
use crate::message::{Status, Trouble};
use crate::schema::{self, INBOUND_EVENT};
use crate::status::Update;
use serde::Deserialize;
use serde_json::{Map, Value};

/// One thing that a provider said.
#[derive(Debug, Clone, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub(crate) enum InboundEvent {
    /// A contact wrote.
    Message(InboundMessage),
    /// Somebody of ours wrote by other means.
    Echo(InboundMessage),
    /// A message got somewhere.
    Status(InboundStatus),
    /// Anything else.
    Other(InboundOther),
}

/// A message, in or echoed.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct InboundMessage {
    pub(crate) provider_id: String,
    pub(crate) from: String,
    pub(crate) to: Option<String>,
    pub(crate) at: Option<i64>,
    pub(crate) content: Value,
    pub(crate) payload: Option<String>,
    pub(crate) in_reply_to: Option<String>,
    pub(crate) keyword: Option<String>,
    /// The advertisement that led to it.
    pub(crate) ad: Option<Value>,
    #[serde(default)]
    pub(crate) profile: Map<String, Value>,
}

/// A delivery update.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct InboundStatus {
    pub(crate) provider_id: Option<String>,
    pub(crate) message_id: Option<String>,
    pub(crate) status: Status,
    pub(crate) error: Option<InboundError>,
}

/// Why a message failed, as the provider says.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct InboundError {
    code: String,
    provider_code: Option<String>,
    message: String,
}

/// Something that is no message.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct InboundOther {
    pub(crate) name: String,
    pub(crate) provider_id: Option<String>,
    #[serde(default)]
    pub(crate) data: Value,
}

impl InboundEvent {
    /// Reads one event.
    pub(crate) fn read(value: &Value) -> Result<InboundEvent> {
        let problems = schema::problems(&INBOUND_EVENT, value);
        if !problems.is_empty() {
            return Err(Error::problems("invalid-events", problems));
        }
        InboundEvent::deserialize(value)
            .map_err(|error| Error::invalid("invalid-events", error.to_string()))
    }
}

impl InboundStatus {
    pub(crate) fn update(&self) -> Update {
        let error = self.error.as_ref().map(|error| {
            let code = error
                .provider_code
                .as_ref()
                .map(|code| format!(" ({code})"))
                .unwrap_or_default();
            Trouble::new(error.code.as_str(), format!("{}{code}", error.message))
        });
        Update {
            status: self.status,
            error,
        }
    }
}
