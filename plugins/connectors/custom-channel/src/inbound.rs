//! What the other side says: messages, echoes of messages sent elsewhere, delivery updates.
//!
//! One bad event does not spoil the others, and an unknown kind is not an error: the sender may be
//! newer than this connector.

use jackfield_plugin::crypto::{self, Algorithm};
use jackfield_plugin::descriptor::DeliveryStatus;
use jackfield_plugin::message::{
    Attachment, AttachmentKind, Content, Inbound, InboundMessage, Profile, StatusError,
};
use jackfield_plugin::{SendError, clock, log, prelude::*};

use crate::{Settings, TOKEN, contact_id};

/// How old a signed request may be, and how far a clock may be ahead, in milliseconds.
const TOLERANCE: u64 = 5 * 60_000;
/// The most events of one request.
const MOST_EVENTS: usize = 1_000;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Batch {
    channel_id: Option<String>,
    #[serde(default)]
    contact_id: String,
    #[serde(default)]
    events: Vec<Value>,
    #[serde(default)]
    contact: Option<Contact>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Contact {
    first_name: Option<String>,
    last_name: Option<String>,
    profile_pic: Option<String>,
    country_code: Option<String>,
    email: Option<String>,
    phone: Option<String>,
    language: Option<String>,
}

impl Contact {
    fn profile(self) -> Profile {
        Profile {
            firstname: self.first_name,
            lastname: self.last_name,
            name: None,
            email: self.email,
            phone: self.phone,
            language: self.language,
            country: self.country_code,
            profile_pic: self.profile_pic,
        }
    }
}

pub(crate) fn receive(settings: &Settings, request: &WebhookRequest) -> Result<Received, Failure> {
    if request.method != "POST" {
        return Ok(error(405, "events come by POST"));
    }
    if !is_authentic(settings, request)? {
        return Ok(error(
            401,
            "the token or the signature is wrong or missing, or the timestamp is older than five minutes",
        ));
    }
    let batch: Batch = match serde_json::from_slice(&request.body) {
        Ok(batch) => batch,
        Err(reason) => return Ok(error(400, &format!("the body cannot be read: {reason}"))),
    };
    if batch
        .channel_id
        .as_deref()
        .is_some_and(|id| id != settings.channel_id)
    {
        return Ok(error(404, "there is no such channelId here"));
    }
    if let Some(wrong) = contact_id::wrong(settings.id_type, &batch.contact_id) {
        return Ok(error(422, &wrong));
    }
    if batch.events.len() > MOST_EVENTS {
        return Ok(error(413, "at most 1,000 events in one request"));
    }
    let profile = batch.contact.map(Contact::profile);
    let mut events = Vec::new();
    for (index, event) in batch.events.iter().enumerate() {
        match read(event, &batch.contact_id, profile.as_ref()) {
            Ok(Some(event)) => events.push(event),
            Ok(None) => {}
            Err(reason) => log::warn(&format!("event {index} was left out: {reason}")),
        }
    }
    Ok(Received::status(200)
        .json(&json!({"accepted": events.len()}))
        .events(events))
}

fn error(status: u16, reason: &str) -> Received {
    Received::status(status).json(&json!({"error": {"message": reason}}))
}

/// Whether the request proves what the settings ask for.
fn is_authentic(settings: &Settings, request: &WebhookRequest) -> Result<bool, Failure> {
    if settings.authentication.bearer() {
        let token = request.header("authorization").and_then(|value| {
            let (scheme, token) = value.split_once(' ')?;
            scheme
                .eq_ignore_ascii_case("bearer")
                .then_some(token.trim())
        });
        let Some(token) = token else { return Ok(false) };
        if !crypto::equal(TOKEN, token.as_bytes())? {
            return Ok(false);
        }
    }
    if settings.authentication.signature() {
        let signature = request
            .header("x-signature")
            .and_then(|value| value.trim().strip_prefix("sha256="));
        let signature = signature.and_then(|signature| hex::decode(signature).ok());
        let (Some(signature), Some(timestamp)) = (signature, request.header("x-timestamp")) else {
            return Ok(false);
        };
        let Some(at) = milliseconds(&json!(timestamp.trim().parse::<u64>().ok())) else {
            return Ok(false);
        };
        if clock::now().abs_diff(at) > TOLERANCE {
            return Ok(false);
        }
        let mut signed = format!("{timestamp}.").into_bytes();
        signed.extend_from_slice(&request.body);
        if !crypto::verify(Algorithm::Sha256, TOKEN, &signed, &signature)? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// A time in milliseconds, also where it was written in seconds.
fn milliseconds(value: &Value) -> Option<u64> {
    let number = value.as_u64()?;
    Some(if number < 100_000_000_000 {
        number * 1_000
    } else {
        number
    })
}

fn read(
    event: &Value,
    contact: &str,
    profile: Option<&Profile>,
) -> Result<Option<Inbound>, String> {
    let id = match &event["mId"] {
        Value::String(id) if !id.is_empty() => id.clone(),
        Value::Number(id) => id.to_string(),
        _ => return Err("it has no `mId`".into()),
    };
    let at = milliseconds(&event["timestamp"]);
    let message = |profile: Option<Profile>| -> Result<InboundMessage, String> {
        let message = &event["message"];
        let payload = message["payload"].as_str().map(str::to_owned);
        Ok(InboundMessage {
            at,
            payload,
            profile,
            ..InboundMessage::new(id.clone(), contact, content(message)?)
        })
    };
    Ok(match event["type"].as_str() {
        Some("message") => Some(Inbound::Message(message(profile.cloned())?)),
        Some("message_echo") => Some(Inbound::Echo(message(None)?)),
        Some("message_status") => {
            let status = match event["status"]["value"]
                .as_str()
                .or(event["status"].as_str())
            {
                Some("sent") => DeliveryStatus::Sent,
                Some("delivered") => DeliveryStatus::Delivered,
                Some("read") => DeliveryStatus::Read,
                Some("failed") => DeliveryStatus::Failed,
                other => {
                    return Err(format!(
                        "its status {other:?} is none of sent, delivered, read, failed"
                    ));
                }
            };
            let error = (status == DeliveryStatus::Failed).then(|| StatusError {
                code: SendError::Unknown.code().into(),
                provider_code: None,
                message: event["status"]["message"]
                    .as_str()
                    .unwrap_or("no reason given")
                    .to_owned(),
            });
            Some(Inbound::Status {
                provider_id: Some(id),
                message_id: None,
                status,
                at,
                error,
            })
        }
        _ => None,
    })
}

fn content(message: &Value) -> Result<Content, String> {
    let text = |value: &Value| {
        value
            .as_str()
            .filter(|text| !text.is_empty())
            .map(str::to_owned)
    };
    Ok(match message["type"].as_str() {
        Some("text") => Content::text(
            message["text"]
                .as_str()
                .ok_or("its message has no `text`")?,
        ),
        // A pressed button is what it says.
        Some("quick_reply") => Content::text(
            text(&message["text"])
                .or(text(&message["title"]))
                .ok_or("its message has no `title`")?,
        ),
        Some("attachment") => {
            let file = &message["attachment"];
            let content_type = text(&file["mimeType"]);
            let kind = match file["type"].as_str() {
                Some("image") => AttachmentKind::Image,
                Some("video") => AttachmentKind::Video,
                Some("audio") => AttachmentKind::Audio,
                _ => content_type
                    .as_deref()
                    .map_or(AttachmentKind::File, AttachmentKind::of),
            };
            Content::Attachment {
                attachments: vec![Attachment {
                    url: Some(text(&file["url"]).ok_or("its attachment has no `url`")?),
                    content: None,
                    kind: Some(kind),
                    file_name: text(&file["fileName"]),
                    content_type,
                    caption: None,
                }],
                text: text(&file["description"]),
            }
        }
        Some("location") => {
            let degrees = |name: &str| {
                message[name]
                    .as_f64()
                    .ok_or(format!("its location has no `{name}`"))
            };
            Content::Location {
                latitude: degrees("latitude")?,
                longitude: degrees("longitude")?,
                name: text(&message["name"]),
                address: text(&message["address"]),
            }
        }
        Some(_) => Content::Custom {
            payload: message.clone(),
        },
        None => return Err("its message has no `type`".into()),
    })
}
