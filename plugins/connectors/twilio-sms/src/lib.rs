//! The connector `twilio-sms`: SMS and MMS through Twilio's Messages API, in both directions.
//!
//! Twilio has no idempotency key for messages, so a send without an answer is `maybe-sent` and the
//! host does not repeat it. Every message carries its own id in the status callback's query, so that
//! an update finds its message even when it overtakes the answer.
//!
//! `send` speaks to the API, `codes` knows its errors, `signature` checks who calls, `inbound` reads
//! what they say.

mod codes;
mod inbound;
mod send;
mod signature;

use jackfield_plugin::descriptor::{
    Address, DeliveryStatus, Media, MessageType, Place, Secret, Unit,
};
use jackfield_plugin::http::Request;
use jackfield_plugin::message::Message;
use jackfield_plugin::prelude::*;
use jackfield_plugin::{SendError, form};

/// The connector; see the module.
#[derive(Debug)]
pub struct TwilioSms;

/// What an operator sets for a channel.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[schemars(extend("anyOf" = [{"required": ["from"]}, {"required": ["messaging-service-sid"]}]))]
pub struct Settings {
    /// The Account SID, `AC…`, from Twilio's console.
    #[schemars(regex(pattern = "^AC[0-9A-Za-z]{2,32}$"))]
    account_sid: String,
    /// The number that messages come from, such as `+15017122661`, a short code or a sender name.
    #[schemars(length(min = 1, max = 32))]
    from: Option<String>,
    /// A Messaging Service, `MG…`, that chooses the number, instead of `from`.
    #[schemars(regex(pattern = "^MG[0-9A-Za-z]{2,32}$"))]
    messaging_service_sid: Option<String>,
    /// An API key, `SK…`; its secret is `api-key-secret`. Left out: the auth token is used.
    #[schemars(regex(pattern = "^SK[0-9A-Za-z]{2,32}$"))]
    api_key_sid: Option<String>,
    /// Where Twilio's API is, for another region or for tests.
    #[serde(default = "api")]
    #[schemars(extend("format" = "uri"))]
    base_url: String,
}

fn api() -> String {
    "https://api.twilio.com".into()
}

impl Settings {
    /// A request to a resource of the account, such as `/Messages.json`; none is the account itself.
    fn request(&self, method: &str, resource: &str) -> Request {
        let base = self.base_url.trim_end_matches('/');
        let url = format!("{base}/2010-04-01/Accounts/{}{resource}", self.account_sid);
        let request = Request::new(method, url);
        match self.api_key() {
            Some(key) => request.basic_auth(key, "{{secret:api-key-secret}}"),
            None => request.basic_auth(&self.account_sid, "{{secret:auth-token}}"),
        }
    }

    fn api_key(&self) -> Option<&str> {
        self.api_key_sid.as_deref().filter(|key| !key.is_empty())
    }

    fn service(&self) -> Option<&str> {
        self.messaging_service_sid
            .as_deref()
            .filter(|sid| !sid.is_empty())
    }

    fn number(&self) -> Option<&str> {
        self.from.as_deref().filter(|from| !from.is_empty())
    }
}

impl Connector for TwilioSms {
    type Settings = Settings;

    fn describe() -> ConnectorDescriptor {
        ConnectorDescriptor::new(
            env!("CARGO_PKG_NAME"),
            env!("CARGO_PKG_VERSION"),
            "SMS (Twilio)",
            "SMS and MMS through Twilio, in both directions, with delivery updates and STOP, START and HELP.",
            Address::Phone,
            &[MessageType::Text, MessageType::Attachment, MessageType::Template],
        )
        .icon("📱")
        .secret(
            Secret::new("auth-token", "Auth token", &[Place::BasicAuth, Place::Hmac])
                .summary("From Twilio's console; it also proves that inbound requests are Twilio's."),
        )
        .secret(
            Secret::new("api-key-secret", "API key secret", &[Place::BasicAuth])
                .summary("Of the API key in the settings, if there is one.")
                .optional(),
        )
        .host("https://api.twilio.com")
        .host("{setting:base-url}")
        .text_limit(send::LONGEST_TEXT as u32, Unit::Characters)
        .media(Media { max_bytes: Some(5 * 1024 * 1024), max_count: Some(10), types: Vec::new() })
        .templates()
        .statuses(&[DeliveryStatus::Sent, DeliveryStatus::Delivered, DeliveryStatus::Read, DeliveryStatus::Failed])
        .inbound()
        .keywords()
    }

    fn check(channel: &Channel<Settings>) -> Result<Value, Failure> {
        let settings = &channel.settings;
        // An ordinary API key may not read the account, but it may list messages.
        if let Some(key) = settings.api_key() {
            get(settings, "/Messages.json?PageSize=1")?;
            return Ok(json!({"account": settings.account_sid, "api-key": key}));
        }
        let account = get(settings, ".json")?;
        let status = account["status"].as_str().unwrap_or("unknown");
        if status != "active" {
            return Err(
                SendError::Policy.failure(format!("the Twilio account is {status}, not active"))
            );
        }
        Ok(json!({"account": account["friendly_name"], "status": status, "type": account["type"]}))
    }

    fn connect(channel: &Channel<Settings>, public_url: &str) -> Result<Connected, Failure> {
        let settings = &channel.settings;
        if let Some(service) = settings.service() {
            return Ok(Connected::by_hand(format!(
                "In Twilio's console, under Messaging Service {service}, Integration, choose \"Send a webhook\" and set \
                 the request URL to {public_url} with HTTP POST."
            )));
        }
        let number = settings.number().unwrap_or_default();
        let query = form::encode([("PhoneNumber", number)]);
        let found = get(settings, &format!("/IncomingPhoneNumbers.json?{query}"))?;
        let Some(sid) = found["incoming_phone_numbers"][0]["sid"].as_str() else {
            return Ok(Connected::by_hand(format!(
                "The account has no number {number} that can be set up. If it is a short code or a sender name, set its \
                 webhook for incoming messages to {public_url} with HTTP POST in Twilio's console."
            )));
        };
        let response = settings
            .request("POST", &format!("/IncomingPhoneNumbers/{sid}.json"))
            .form(&[("SmsUrl", public_url), ("SmsMethod", "POST")])
            .send()
            .map_err(SendError::from_call)?;
        if !response.is_success() {
            return Err(codes::failure(&response));
        }
        Ok(Connected::registered(format!(
            "Messages to {number} now arrive at {public_url}."
        )))
    }

    fn send(
        channel: &Channel<Settings>,
        message: Message,
        _idempotency_key: &str,
    ) -> Result<Receipt, Failure> {
        send::send(&channel.settings, message)
    }

    fn receive(_channel: &Channel<Settings>, request: WebhookRequest) -> Result<Received, Failure> {
        if !signature::is_valid(&request)? {
            return Ok(Received::refused(
                "the request's X-Twilio-Signature does not match",
            ));
        }
        Ok(inbound::read(&request))
    }
}

/// Reads a resource of the account.
fn get(settings: &Settings, resource: &str) -> Result<Value, Failure> {
    let response = settings
        .request("GET", resource)
        .send()
        .map_err(SendError::from_call)?;
    if !response.is_success() {
        return Err(codes::failure(&response));
    }
    response.json().map_err(|error| {
        SendError::Unknown.failure(format!("Twilio's answer cannot be read: {error}"))
    })
}

jackfield_plugin::export_connector!(TwilioSms);
