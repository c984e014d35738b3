//! The connector `custom-channel`: any channel, by a small HTTP API of one's own.
//!
//! The API is that of respond.io's custom channel: one POST out for each message, one webhook in for
//! messages, echoes and delivery updates, the same bearer token in both directions. Beside the
//! token, or instead of it, requests can be signed: `X-Signature: sha256=` and the HMAC-SHA256,
//! under the token, of `X-Timestamp`, a dot and the body.
//!
//! `outbound` and `inbound` are the two directions, `contact_id` says what an id may be.

mod contact_id;
mod inbound;
mod outbound;

use jackfield_plugin::descriptor::{Address, DeliveryStatus, Media, MessageType, Place, Secret};
use jackfield_plugin::message::Message;
use jackfield_plugin::prelude::*;

/// The connector; see the module.
#[derive(Debug)]
pub struct CustomChannel;

/// What an operator sets for a channel.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Settings {
    /// Where messages are posted to, such as `https://chat.example.com/message`.
    #[schemars(extend("format" = "uri"), regex(pattern = "^https?://."), length(max = 2048))]
    webhook_url: String,
    /// The channel's id in requests of both directions.
    #[schemars(length(min = 1, max = 128))]
    channel_id: String,
    /// What identifies a contact: a phone number such as `+60177872890`, or an id of your own.
    #[serde(default)]
    id_type: IdType,
    /// How both sides prove who they are.
    #[serde(default)]
    authentication: Authentication,
}

/// What identifies a contact.
#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum IdType {
    /// A phone number in E.164.
    #[default]
    Phone,
    /// At most 50 letters, digits and `_ = + / @ , -`.
    Custom,
}

/// How both sides prove who they are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Authentication {
    /// `Authorization: Bearer` with the token.
    #[default]
    Bearer,
    /// `X-Timestamp` and `X-Signature`; the token itself never travels.
    Signature,
    /// Both.
    Both,
}

impl Authentication {
    fn bearer(self) -> bool {
        self != Authentication::Signature
    }

    fn signature(self) -> bool {
        self != Authentication::Bearer
    }
}

/// The name of the token's secret.
const TOKEN: &str = "api-token";

impl Connector for CustomChannel {
    type Settings = Settings;

    fn describe() -> ConnectorDescriptor {
        ConnectorDescriptor::new(
            env!("CARGO_PKG_NAME"),
            env!("CARGO_PKG_VERSION"),
            "Custom channel",
            "Any channel that you speak to with a small HTTP API of your own, compatible with respond.io's custom \
             channel.",
            Address::Phone,
            &[
                MessageType::Text,
                MessageType::Attachment,
                MessageType::QuickReply,
                MessageType::Location,
                MessageType::Custom,
            ],
        )
        .icon("🔌")
        .address_from("id-type")
        .secret(
            Secret::new(TOKEN, "API token", &[Place::Header, Place::Hmac])
                .summary("A long random text that your server and Jackfield share."),
        )
        .host("{setting:webhook-url}")
        .media(Media { max_count: Some(1), ..Media::default() })
        .quick_replies(10, 20)
        .statuses(&[DeliveryStatus::Sent, DeliveryStatus::Delivered, DeliveryStatus::Read, DeliveryStatus::Failed])
        .inbound()
        .keywords()
    }

    fn check(channel: &Channel<Settings>) -> Result<Value, Failure> {
        let settings = &channel.settings;
        let url = settings.webhook_url.as_str();
        let host = url
            .strip_prefix("https://")
            .or_else(|| url.strip_prefix("http://"))
            .unwrap_or_default();
        if host
            .split(['/', '?', '#'])
            .next()
            .unwrap_or_default()
            .is_empty()
        {
            return Err(Failure::invalid_config(
                "webhook-url",
                "must be an address such as https://chat.example.com/message",
            ));
        }
        if settings.channel_id.trim().is_empty() {
            return Err(Failure::invalid_config("channel-id", "must not be empty"));
        }
        // Sending is the only request that the API knows, and a test must not send.
        Ok(json!({
            "account": settings.channel_id,
            "checked": "the settings",
            "note": "this API has no request that checks the token without sending a message; send one to be sure",
        }))
    }

    fn connect(channel: &Channel<Settings>, public_url: &str) -> Result<Connected, Failure> {
        let settings = &channel.settings;
        let proof = match settings.authentication {
            Authentication::Bearer => "`Authorization: Bearer` and the API token",
            Authentication::Signature => "`X-Timestamp` and `X-Signature`",
            Authentication::Both => {
                "`Authorization: Bearer` and the API token, `X-Timestamp` and `X-Signature`"
            }
        };
        Ok(Connected::by_hand(format!(
            "Let your server POST its events to {public_url}, with {proof}: {{\"channelId\": \"{}\", \"contactId\": \
             \"...\", \"events\": [...]}}.",
            settings.channel_id
        )))
    }

    fn send(
        channel: &Channel<Settings>,
        message: Message,
        _idempotency_key: &str,
    ) -> Result<Receipt, Failure> {
        outbound::send(&channel.settings, message)
    }

    fn receive(channel: &Channel<Settings>, request: WebhookRequest) -> Result<Received, Failure> {
        inbound::receive(&channel.settings, &request)
    }
}

jackfield_plugin::export_connector!(CustomChannel);
