//! One message out: `POST {webhook-url}` with `{"channelId", "contactId", "message"}`, answered with
//! 2xx and `{"mId"}`, or with `{"error": {"message"}}`.

use jackfield_plugin::crypto::{self, Algorithm};
use jackfield_plugin::http::{Request, Response};
use jackfield_plugin::message::{Attachment, AttachmentKind, Content, Message};
use jackfield_plugin::{SendError, clock, prelude::*};

use crate::{Settings, TOKEN, contact_id};

pub(crate) fn send(settings: &Settings, message: Message) -> Result<Receipt, Failure> {
    let contact = message.recipient()?;
    if let Some(wrong) = contact_id::wrong(settings.id_type, contact) {
        return Err(SendError::RecipientInvalid.failure(wrong));
    }
    let body = json!({
        "channelId": settings.channel_id,
        "contactId": contact,
        "message": content(&message.content)?,
    })
    .to_string();
    let mut request = Request::post(&settings.webhook_url);
    if settings.authentication.bearer() {
        request = request.header("authorization", format!("Bearer {{{{secret:{TOKEN}}}}}"));
    }
    if settings.authentication.signature() {
        let timestamp = (clock::now() / 1_000).to_string();
        let signed = format!("{timestamp}.{body}");
        let signature = crypto::hmac(Algorithm::Sha256, TOKEN, signed.as_bytes())
            .map_err(SendError::from_call)?;
        request = request
            .header("x-timestamp", timestamp)
            .header("x-signature", format!("sha256={}", hex::encode(signature)));
    }
    let response = request
        .body(Some("application/json"), body)
        .send()
        .map_err(SendError::from_call)?;
    if !response.is_success() {
        return Err(refused(&response));
    }
    let answer: Value = response.json().unwrap_or_default();
    let id = match &answer["mId"] {
        Value::String(id) if !id.is_empty() => id.clone(),
        Value::Number(id) => id.to_string(),
        // Taken without an id: our own is what updates can name.
        _ => message.id,
    };
    Ok(Receipt::accepted(id))
}

fn content(content: &Content) -> Result<Value, Failure> {
    Ok(match content {
        Content::Text { text } => json!({"type": "text", "text": text}),
        Content::Attachment { attachments, text } => match attachments.as_slice() {
            [one] => json!({"type": "attachment", "attachment": attachment(one, text.as_deref())?}),
            several => {
                let why = format!(
                    "a message on this channel has one file, not {}",
                    several.len()
                );
                return Err(SendError::ContentRejected.failure(why));
            }
        },
        Content::QuickReply { text, replies } => {
            let titles: Vec<&str> = replies.iter().map(|reply| reply.title.as_str()).collect();
            json!({"type": "quick_reply", "title": text, "replies": titles})
        }
        Content::Location {
            latitude,
            longitude,
            name,
            address,
        } => {
            let mut location =
                json!({"type": "location", "latitude": latitude, "longitude": longitude});
            for (key, value) in [("name", name), ("address", address)] {
                if let Some(value) = value {
                    location[key] = json!(value);
                }
            }
            location
        }
        Content::Custom { payload } => payload.clone(),
        other => {
            let why = format!(
                "this channel has no messages of the type `{}`",
                other.kind()
            );
            return Err(SendError::Unsupported.failure(why));
        }
    })
}

fn attachment(file: &Attachment, text: Option<&str>) -> Result<Value, Failure> {
    let Some(url) = &file.url else {
        return Err(SendError::Unsupported
            .failure("files go out by their address: give `url` instead of `content`"));
    };
    let by_type = file.content_type.as_deref().map(AttachmentKind::of);
    let kind = file.kind.or(by_type).unwrap_or(AttachmentKind::File);
    let mut attachment = json!({"type": kind.name(), "url": url});
    let description = text.or(file.caption.as_deref());
    for (key, value) in [
        ("mimeType", file.content_type.as_deref()),
        ("fileName", file.file_name.as_deref()),
        ("description", description),
    ] {
        if let Some(value) = value {
            attachment[key] = json!(value);
        }
    }
    Ok(attachment)
}

/// An answer other than 2xx. The API's own reason is kept; its status says what it means.
fn refused(response: &Response) -> Failure {
    let body: Value = response.json().unwrap_or_default();
    let kind = match response.status {
        401 | 403 => SendError::Auth,
        413 => SendError::ContentRejected,
        429 => SendError::RateLimited,
        500.. => SendError::Transient,
        _ => SendError::Unknown,
    };
    let said = body["error"]["message"]
        .as_str()
        .unwrap_or("no reason given");
    kind.failure(format!(
        "the channel's server answered {}: {said}",
        response.status
    ))
    .retry_after(
        response
            .retry_after(clock::now())
            .filter(|_| kind == SendError::RateLimited),
    )
    // A gateway that gave up waiting does not know whether the message was taken.
    .maybe_sent(response.status == 504)
}
