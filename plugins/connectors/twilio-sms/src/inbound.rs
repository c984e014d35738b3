//! What Twilio says: a message that came in, or what became of one that went out.
//!
//! A body that some carriers hand over in base64 is passed on as it came: a text cannot be told
//! from base64 with certainty, and a guess would spoil somebody's message.

use std::collections::BTreeMap;

use jackfield_plugin::descriptor::DeliveryStatus;
use jackfield_plugin::message::{
    Attachment, AttachmentKind, Content, Inbound, InboundMessage, Keyword, Profile,
};
use jackfield_plugin::{form, prelude::*};

use crate::codes;

/// The most files of one message.
const MOST_MEDIA: usize = 10;

type Fields = BTreeMap<String, String>;

/// Reads a verified request. What it does not know is answered like everything else, so that Twilio
/// does not send it again.
pub(crate) fn read(request: &WebhookRequest) -> Received {
    let query = form::parse(request.query().as_bytes());
    let ours = query
        .iter()
        .find(|(name, _)| name == "message")
        .map(|(_, id)| id.clone());
    let fields: Fields = if request.method == "POST" {
        request.form()
    } else {
        query
    }
    .into_iter()
    .collect();
    let event = if fields.contains_key("MessageStatus") {
        status(&fields, ours)
    } else {
        message(&fields)
    };
    Received::status(200)
        .body("text/xml", "<Response/>")
        .events(event)
}

fn filled<'a>(fields: &'a Fields, name: &str) -> Option<&'a str> {
    fields
        .get(name)
        .map(String::as_str)
        .filter(|value| !value.is_empty())
}

fn status(fields: &Fields, ours: Option<String>) -> Option<Inbound> {
    let status = match filled(fields, "MessageStatus")? {
        "sent" | "partially_delivered" => DeliveryStatus::Sent,
        "delivered" => DeliveryStatus::Delivered,
        "read" => DeliveryStatus::Read,
        "failed" | "undelivered" | "canceled" => DeliveryStatus::Failed,
        // accepted, scheduled, queued, sending: what the answer to the send has said already.
        _ => return None,
    };
    let provider_id = filled(fields, "MessageSid").or(filled(fields, "SmsSid"));
    let error = (status == DeliveryStatus::Failed)
        .then(|| codes::status_error(filled(fields, "ErrorCode"), filled(fields, "ErrorMessage")));
    Some(Inbound::Status {
        provider_id: provider_id.map(str::to_owned),
        message_id: ours,
        status,
        at: None,
        error,
    })
}

fn message(fields: &Fields) -> Option<Inbound> {
    let sid = filled(fields, "MessageSid")
        .or(filled(fields, "SmsMessageSid"))
        .or(filled(fields, "SmsSid"))?;
    let from = filled(fields, "From")?;
    let mut message = InboundMessage::new(sid, from, content(fields));
    message.to = filled(fields, "To").map(str::to_owned);
    message.payload = filled(fields, "ButtonPayload")
        .or(filled(fields, "ListId"))
        .map(str::to_owned);
    message.in_reply_to = filled(fields, "OriginalRepliedMessageSid").map(str::to_owned);
    message.keyword = match filled(fields, "OptOutType") {
        Some("STOP") => Some(Keyword::Stop),
        Some("START") => Some(Keyword::Start),
        Some("HELP") => Some(Keyword::Help),
        _ => None,
    };
    let country = filled(fields, "FromCountry").map(str::to_owned);
    let name = filled(fields, "ProfileName").map(str::to_owned);
    if country.is_some() || name.is_some() {
        message.profile = Some(Profile {
            country,
            name,
            ..Profile::default()
        });
    }
    message.raw = Some(
        fields
            .iter()
            .map(|(name, value)| (name.clone(), json!(value)))
            .collect(),
    );
    Some(Inbound::Message(message))
}

fn content(fields: &Fields) -> Content {
    let text = fields.get("Body").cloned().unwrap_or_default();
    let count = filled(fields, "NumMedia")
        .and_then(|count| count.parse::<usize>().ok())
        .unwrap_or(0);
    let attachments: Vec<Attachment> = (0..count.min(MOST_MEDIA))
        .filter_map(|index| {
            let content_type =
                filled(fields, &format!("MediaContentType{index}")).map(str::to_owned);
            Some(Attachment {
                url: Some(filled(fields, &format!("MediaUrl{index}"))?.to_owned()),
                kind: Some(
                    content_type
                        .as_deref()
                        .map_or(AttachmentKind::File, AttachmentKind::of),
                ),
                content_type,
                ..Attachment::default()
            })
        })
        .collect();
    let number = |name: &str| filled(fields, name).and_then(|value| value.parse::<f64>().ok());
    match (number("Latitude"), number("Longitude")) {
        _ if !attachments.is_empty() => Content::Attachment {
            attachments,
            text: Some(text).filter(|text| !text.is_empty()),
        },
        (Some(latitude), Some(longitude)) => Content::Location {
            latitude,
            longitude,
            name: filled(fields, "Label").map(str::to_owned),
            address: filled(fields, "Address").map(str::to_owned),
        },
        _ => Content::Text { text },
    }
}
