//! One message out: `POST /2010-04-01/Accounts/{AC…}/Messages.json`.

use jackfield_plugin::message::{Content, Message};
use jackfield_plugin::{SendError, prelude::*};

use crate::{Settings, codes};

/// Characters of a body; more is refused by Twilio (21617).
pub(crate) const LONGEST_TEXT: usize = 1_600;
/// Files of one message.
const MOST_MEDIA: usize = 10;

/// Twilio's answer.
#[derive(Deserialize)]
struct Taken {
    sid: String,
    #[serde(default)]
    status: String,
    #[serde(default)]
    error_code: Option<u64>,
    #[serde(default)]
    error_message: Option<String>,
    #[serde(default)]
    num_segments: Option<String>,
    #[serde(default)]
    price: Option<Value>,
    #[serde(default)]
    price_unit: Option<String>,
}

/// Sends a message.
pub(crate) fn send(settings: &Settings, message: Message) -> Result<Receipt, Failure> {
    let mut fields: Vec<(&str, String)> = vec![("To", message.recipient()?.to_owned())];
    fields.push(sender(settings, message.sender.as_deref())?);
    fields.extend(content(&message.content)?);
    if let Some(url) = &message.status_url {
        fields.push(("StatusCallback", with_message_id(url, &message.id)));
    }
    let pairs: Vec<(&str, &str)> = fields
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .collect();
    let response = settings
        .request("POST", "/Messages.json")
        .form(&pairs)
        .send()
        .map_err(SendError::from_call)?;
    if !response.is_success() {
        return Err(codes::failure(&response));
    }
    let taken: Taken = response.json().map_err(|error| {
        SendError::Unknown
            .failure(format!("Twilio's answer cannot be read: {error}"))
            .maybe_sent(true)
    })?;
    let status = match taken.status.as_str() {
        "failed" | "undelivered" | "canceled" => {
            return Err(codes::failed_at_once(
                taken.error_code,
                taken.error_message.as_deref(),
            ));
        }
        "sent" => "sent",
        "delivered" | "read" => "delivered",
        _ => "accepted",
    };
    let segments = taken
        .num_segments
        .as_deref()
        .and_then(|segments| segments.parse::<u32>().ok());
    Ok(Receipt::accepted(taken.sid).status(status).detail(json!({
        "segments": segments, "price": taken.price, "currency": taken.price_unit,
    })))
}

/// The message's own sender, else the Messaging Service, else the channel's number.
fn sender(settings: &Settings, own: Option<&str>) -> Result<(&'static str, String), Failure> {
    let own = own.filter(|sender| !sender.is_empty());
    match (own, settings.service(), settings.number()) {
        (Some(own), _, _) => Ok(("From", own.to_owned())),
        (None, Some(service), _) => Ok(("MessagingServiceSid", service.to_owned())),
        (None, None, Some(number)) => Ok(("From", number.to_owned())),
        (None, None, None) => Err(Failure::invalid_config(
            "from",
            "set `from` or `messaging-service-sid`",
        )),
    }
}

fn content(content: &Content) -> Result<Vec<(&'static str, String)>, Failure> {
    match content {
        Content::Text { text } => Ok(vec![("Body", body(text)?)]),
        Content::Attachment { attachments, text } => {
            if attachments.len() > MOST_MEDIA {
                let why = format!(
                    "a message has at most {MOST_MEDIA} files, not {}",
                    attachments.len()
                );
                return Err(SendError::ContentRejected.failure(why));
            }
            let text = text
                .as_deref()
                .or_else(|| attachments.iter().find_map(|file| file.caption.as_deref()));
            let mut fields = Vec::new();
            if let Some(text) = text.filter(|text| !text.is_empty()) {
                fields.push(("Body", body(text)?));
            }
            for file in attachments {
                let Some(url) = &file.url else {
                    return Err(SendError::Unsupported
                        .failure("Twilio fetches files from a public address: give `url` instead of `content`"));
                };
                fields.push(("MediaUrl", url.clone()));
            }
            Ok(fields)
        }
        Content::Template {
            name, variables, ..
        } => {
            let mut fields = vec![("ContentSid", name.clone())];
            if let Some(variables) = variables {
                // Twilio takes texts alone as values.
                let texts: serde_json::Map<String, Value> = variables
                    .iter()
                    .map(|(name, value)| {
                        (
                            name.clone(),
                            json!(
                                value
                                    .as_str()
                                    .map_or_else(|| value.to_string(), str::to_owned)
                            ),
                        )
                    })
                    .collect();
                fields.push(("ContentVariables", Value::Object(texts).to_string()));
            }
            Ok(fields)
        }
        other => {
            let why = format!(
                "SMS has no messages of the type `{}`; send a `text` or an `attachment`",
                other.kind()
            );
            Err(SendError::Unsupported.failure(why))
        }
    }
}

fn body(text: &str) -> Result<String, Failure> {
    let length = text.chars().count();
    if length > LONGEST_TEXT {
        let why = format!(
            "the text has {length} characters; at most {LONGEST_TEXT} are sent in one message"
        );
        return Err(SendError::ContentRejected.failure(why));
    }
    Ok(text.to_owned())
}

/// The status callback with our own id, which comes back in its query.
fn with_message_id(url: &str, id: &str) -> String {
    let id = jackfield_plugin::form::encode([("message", id)]);
    let joint = if url.contains('?') { '&' } else { '?' };
    format!("{url}{joint}{id}")
}
