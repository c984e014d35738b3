//! The trait of a connector, and the bridge between it and the contract's records.
//!
//! ```
//! use jackfield_plugin::descriptor::{Address, MessageType, Place, Secret};
//! use jackfield_plugin::message::{Content, Message};
//! use jackfield_plugin::{http::Request, prelude::*};
//!
//! /// Posts texts to a gateway.
//! struct Gateway;
//!
//! #[derive(Deserialize, JsonSchema)]
//! #[serde(rename_all = "kebab-case", deny_unknown_fields)]
//! #[schemars(crate = "jackfield_plugin::schemars")]
//! struct Settings {
//!     /// Where the gateway is.
//!     base_url: String,
//! }
//!
//! impl Connector for Gateway {
//!     type Settings = Settings;
//!
//!     fn describe() -> ConnectorDescriptor {
//!         let (name, version) = (env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"));
//!         ConnectorDescriptor::new(name, version, "Gateway", "Texts.", Address::Phone, &[MessageType::Text])
//!             .secret(Secret::new("token", "Token", &[Place::Header]))
//!             .host("{setting:base-url}")
//!     }
//!
//!     fn check(_channel: &Channel<Settings>) -> Result<Value, Failure> {
//!         Ok(json!({}))
//!     }
//!
//!     fn send(channel: &Channel<Settings>, message: Message, _key: &str) -> Result<Receipt, Failure> {
//!         let Content::Text { text } = &message.content else {
//!             return Err(SendError::Unsupported.failure("only texts"));
//!         };
//!         let response = Request::post(format!("{}/send", channel.settings.base_url))
//!             .header("authorization", "Bearer {{secret:token}}")
//!             .json(&json!({"to": message.recipient()?, "text": text}))
//!             .send()
//!             .map_err(SendError::from_call)?;
//!         match response.status {
//!             200..=299 => Ok(Receipt::accepted(response.text())),
//!             401 => Err(SendError::Auth.failure("the token is wrong")),
//!             status => Err(SendError::Unknown.failure(format!("the gateway answered {status}"))),
//!         }
//!     }
//! }
//!
//! jackfield_plugin::export_connector!(Gateway);
//!
//! use jackfield_plugin::testing::{Host, Plugged, response};
//! let _host = Host::new().http(|_| Ok(response(200, &[], "id-7"))).install();
//! let channel = Plugged::<Gateway>::new(json!({"base-url": "https://sms.example"}));
//! let message = json!({"id": "m", "to": ["+33612345678"], "content": {"type": "text", "text": "Hi"}});
//! assert_eq!(channel.send(message).unwrap().provider_id, "id-7");
//! ```

use std::marker::PhantomData;

use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::bindings::connector::exports::jackfield::plugin::connector as contract;
pub use crate::bindings::connector::exports::jackfield::plugin::connector::Request as WebhookRequest;
use crate::descriptor::{ConnectorDescriptor, schema};
use crate::failure::Failure;
use crate::message::{Inbound, Message};
use crate::settings;

/// A channel connector: speaks one provider's API in both directions.
pub trait Connector {
    /// A channel's settings; doc comments become the descriptions that people read.
    type Settings: DeserializeOwned + JsonSchema;

    /// What the connector says of itself; called once, at install.
    fn describe() -> ConnectorDescriptor;

    /// Are the settings and credentials good? Answers with details for people, such as
    /// `{"account": "..."}`. Must not send anything to a contact.
    fn check(channel: &Channel<Self::Settings>) -> Result<Value, Failure>;

    /// Registers the webhook, or says how to.
    fn connect(channel: &Channel<Self::Settings>, public_url: &str) -> Result<Connected, Failure> {
        let _ = (channel, public_url);
        Ok(Connected::by_hand(
            "Nothing comes in through this channel, so there is nothing to register.",
        ))
    }

    /// Sends one message. `idempotency_key` is the same for every try of it.
    fn send(
        channel: &Channel<Self::Settings>,
        message: Message,
        idempotency_key: &str,
    ) -> Result<Receipt, Failure>;

    /// Reads a provider's request: checks the signature first, then answers with what it said.
    fn receive(
        channel: &Channel<Self::Settings>,
        request: WebhookRequest,
    ) -> Result<Received, Failure> {
        let _ = (channel, request);
        Ok(Received::status(404).text("Nothing comes in through this channel."))
    }
}

/// A channel: a connector with its settings. Secrets are not in it; write `{{secret:NAME}}` where
/// the value belongs.
#[derive(Clone, Debug, Deserialize)]
pub struct Channel<S> {
    /// The channel's id.
    #[serde(default)]
    pub id: String,
    /// The channel's name.
    #[serde(default)]
    pub name: String,
    /// The connector's name.
    #[serde(default)]
    pub kind: String,
    /// Its settings.
    pub settings: S,
}

impl<S: DeserializeOwned> Channel<S> {
    fn parse(json: &str) -> Result<Self, Failure> {
        settings::parse_under("settings", json)
    }
}

/// What `connect` did.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Connected {
    /// Whether the webhook is registered now.
    pub registered: bool,
    /// For people: what was done, or what is left to do.
    pub instructions: String,
}

impl Connected {
    /// The webhook is registered.
    pub fn registered(instructions: impl Into<String>) -> Self {
        Connected {
            registered: true,
            instructions: instructions.into(),
        }
    }

    /// Somebody has to register it by hand.
    pub fn by_hand(instructions: impl Into<String>) -> Self {
        Connected {
            registered: false,
            instructions: instructions.into(),
        }
    }
}

/// What the provider said of a message that it took.
#[derive(Clone, Debug, PartialEq)]
pub struct Receipt {
    /// The provider's id: delivery updates are matched with it.
    pub provider_id: String,
    /// `accepted`, `sent` or `delivered`.
    pub status: String,
    /// More for people and reports.
    pub detail: Option<Value>,
}

impl Receipt {
    /// The provider has accepted the message.
    pub fn accepted(provider_id: impl Into<String>) -> Self {
        Receipt {
            provider_id: provider_id.into(),
            status: "accepted".into(),
            detail: None,
        }
    }

    /// The provider says that it is further already: `sent` or `delivered`.
    pub fn status(mut self, status: &str) -> Self {
        self.status = status.into();
        self
    }

    /// Segments, price, rejected recipients.
    pub fn detail(mut self, detail: Value) -> Self {
        self.detail = Some(detail);
        self
    }
}

/// What to answer the provider, and what its request said.
#[derive(Clone, Debug, PartialEq)]
pub struct Received {
    /// The HTTP status of the answer.
    pub status: u16,
    /// The headers of the answer.
    pub headers: Vec<(String, String)>,
    /// The body of the answer.
    pub body: Vec<u8>,
    /// What the request said; at most 1,000.
    pub events: Vec<Inbound>,
}

impl Received {
    /// An answer without a body and without events.
    pub fn status(status: u16) -> Self {
        Received {
            status,
            headers: Vec::new(),
            body: Vec::new(),
            events: Vec::new(),
        }
    }

    /// The request could not be verified.
    pub fn refused(reason: &str) -> Self {
        Received::status(403).json(&json!({"error": {"message": reason}}))
    }

    /// With a body of this type.
    pub fn body(mut self, content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        self.headers
            .push(("content-type".into(), content_type.into()));
        self.body = body.into();
        self
    }

    /// With a text.
    pub fn text(self, text: &str) -> Self {
        self.body("text/plain; charset=utf-8", text)
    }

    /// With JSON.
    pub fn json(self, value: &Value) -> Self {
        self.body("application/json", value.to_string())
    }

    /// And this is what the request said.
    pub fn events(mut self, events: impl IntoIterator<Item = Inbound>) -> Self {
        self.events.extend(events);
        self
    }
}

impl WebhookRequest {
    /// A header's first value, by its name in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }

    /// The part of the URL after `?`, empty when there is none.
    pub fn query(&self) -> &str {
        let url = self.url.split('#').next().unwrap_or_default();
        url.split_once('?').map_or("", |(_, query)| query)
    }

    /// The values of a form-encoded body, in order.
    pub fn form(&self) -> Vec<(String, String)> {
        crate::form::parse(&self.body)
    }
}

/// The contract's `connector` on top of [`Connector`]; made by
/// [`export_connector!`](crate::export_connector).
#[derive(Debug)]
pub struct ConnectorExport<T>(PhantomData<T>);

impl<T: Connector> contract::Guest for ConnectorExport<T> {
    fn describe() -> String {
        let mut descriptor = T::describe();
        descriptor.settings = Some(schema::<T::Settings>());
        // A descriptor is texts and numbers; an empty text is refused by the host at install.
        serde_json::to_string(&descriptor).unwrap_or_default()
    }

    fn check(channel: String) -> Result<String, Failure> {
        T::check(&Channel::parse(&channel)?).map(|detail| detail.to_string())
    }

    fn connect(channel: String, public_url: String) -> Result<String, Failure> {
        let connected = T::connect(&Channel::parse(&channel)?, &public_url)?;
        Ok(
            json!({"registered": connected.registered, "instructions": connected.instructions})
                .to_string(),
        )
    }

    fn send(
        channel: String,
        message: String,
        idempotency_key: String,
    ) -> Result<contract::Receipt, Failure> {
        let channel = Channel::parse(&channel)?;
        let message: Message = settings::internal("the message", &message)?;
        let receipt = T::send(&channel, message, &idempotency_key)?;
        Ok(contract::Receipt {
            provider_id: receipt.provider_id,
            status: receipt.status,
            detail: receipt.detail.map(|detail| detail.to_string()),
        })
    }

    fn receive(channel: String, request: WebhookRequest) -> Result<contract::Received, Failure> {
        let received = T::receive(&Channel::parse(&channel)?, request)?;
        Ok(contract::Received {
            status: received.status,
            headers: received.headers,
            body: received.body,
            events: serde_json::to_string(&received.events).map_err(|error| {
                Failure::permanent("contract", format!("the events are no JSON: {error}"))
            })?,
        })
    }
}

/// Makes a component of a [`Connector`]: `jackfield_plugin::export_connector!(MyConnector);`
///
/// Does nothing on native targets, so that the same crate is tested with `cargo test`.
#[macro_export]
macro_rules! export_connector {
    ($connector:ty) => {
        #[cfg(target_arch = "wasm32")]
        #[allow(missing_docs, unreachable_pub, clippy::all)]
        mod __jackfield_export {
            use super::*;
            type Export = $crate::ConnectorExport<$connector>;
            $crate::bindings::connector::export_connector_component!(Export with_types_in $crate::bindings::connector);
            $crate::contract_section!();
        }
    };
}
