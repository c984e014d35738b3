//! The message for one channel: what a body says, in the form that the channel takes.

use jackfield_plugin::message::{Attachment, AttachmentKind, Content, Email, Reply};
use jackfield_plugin::messages::ChannelInfo;
use jackfield_plugin::templates::{self, Rendered};
use jackfield_plugin::{SendError, prelude::*};

use crate::settings::{Body, ProviderTemplate, QuickReply};

/// The longest text, in characters, after variables.
const LONGEST_TEXT: usize = 2_000;
/// The most files in a mail.
const MOST_MAIL_ATTACHMENTS: usize = 5;

/// The content of a message on this channel.
pub(crate) fn of(body: &Body, channel: &ChannelInfo) -> Result<Content, Failure> {
    let text = body.text.clone().filter(|text| !text.trim().is_empty());
    if let Some(length) = text
        .as_ref()
        .map(|text| text.chars().count())
        .filter(|length| *length > LONGEST_TEXT)
    {
        return Err(SendError::ContentRejected.failure(format!(
            "the text has {length} characters with its variables; at most {LONGEST_TEXT} are sent"
        )));
    }
    if channel.is_email() {
        return email(body, text).map(Content::Email);
    }
    if let Some(template) = body.provider_template.clone() {
        return Ok(self::template(template));
    }
    if let Some(payload) = body.custom.clone() {
        return Ok(Content::Custom { payload });
    }
    if let Some(place) = body.location.clone() {
        let (latitude, longitude, name, address) =
            (place.latitude, place.longitude, place.name, place.address);
        return Ok(Content::Location {
            latitude,
            longitude,
            name,
            address,
        });
    }
    let text = match text {
        Some(text) => Some(text),
        None => rendered(body)?
            .map(|rendered| rendered.text)
            .filter(|text| !text.trim().is_empty()),
    };
    if !body.media.is_empty() {
        return Ok(Content::Attachment {
            attachments: attachments(body),
            text,
        });
    }
    let Some(text) = text else {
        return Err(SendError::ContentRejected.failure(format!(
            "there is nothing to say on `{}`: the text is empty, and there is no file, template or place",
            channel.name
        )));
    };
    Ok(with_replies(text, &body.quick_replies, channel))
}

/// A template that the provider has approved.
pub(crate) fn template(template: ProviderTemplate) -> Content {
    let (name, language, variables) = (template.name, template.language, template.variables);
    Content::Template {
        name,
        language,
        variables,
    }
}

/// A mail: an empty subject is allowed, an empty mail is not.
fn email(body: &Body, text: Option<String>) -> Result<Email, Failure> {
    let rendered = rendered(body)?;
    let template = rendered.unwrap_or(Rendered {
        subject: None,
        html: String::new(),
        text: String::new(),
    });
    let filled = |text: String| Some(text).filter(|text| !text.trim().is_empty());
    let html = body
        .html
        .clone()
        .and_then(filled)
        .or_else(|| filled(template.html));
    let text = text.or_else(|| filled(template.text));
    if html.is_none() && text.is_none() && body.media.is_empty() {
        return Err(SendError::ContentRejected
            .failure("the mail is empty: it has no text, no template and no file"));
    }
    if body.media.len() > MOST_MAIL_ATTACHMENTS {
        return Err(SendError::ContentRejected.failure(format!(
            "the mail has {} attachments; at most {MOST_MAIL_ATTACHMENTS} are sent",
            body.media.len()
        )));
    }
    Ok(Email {
        subject: Some(
            body.subject
                .clone()
                .or(template.subject)
                .unwrap_or_default(),
        ),
        html,
        text,
        from_name: body.from_name.clone().and_then(filled),
        from_address: body.from_address.clone().and_then(filled),
        reply_to: body.reply_to.clone().and_then(filled),
        cc: body.cc.to_vec(),
        bcc: body.bcc.to_vec(),
        attachments: attachments(body),
    })
}

fn rendered(body: &Body) -> Result<Option<Rendered>, Failure> {
    let Some(name) = body.template.as_deref().filter(|name| !name.is_empty()) else {
        return Ok(None);
    };
    Ok(Some(templates::render(
        name,
        body.template_values.as_ref(),
    )?))
}

/// The files, each with its kind.
fn attachments(body: &Body) -> Vec<Attachment> {
    let with_kind = |attachment: &Attachment| {
        let kind = attachment
            .kind
            .or_else(|| attachment.content_type.as_deref().map(AttachmentKind::of));
        Attachment {
            kind,
            ..attachment.clone()
        }
    };
    body.media.iter().map(with_kind).collect()
}

/// A text with buttons, or with a numbered list where the channel has none or too few.
fn with_replies(text: String, replies: &[QuickReply], channel: &ChannelInfo) -> Content {
    let replies: Vec<Reply> = replies
        .iter()
        .map(|reply| match reply {
            QuickReply::Title(title) => Reply {
                title: title.clone(),
                payload: None,
            },
            QuickReply::Full { title, payload } => Reply {
                title: title.clone(),
                payload: payload.clone(),
            },
        })
        .collect();
    let fits = |replies: &[Reply]| {
        channel.quick_replies.is_some_and(|limits| {
            replies.len() <= limits.max
                && replies
                    .iter()
                    .all(|reply| reply.title.chars().count() <= limits.title_max)
        })
    };
    if replies.is_empty() {
        return Content::Text { text };
    }
    if fits(&replies) {
        return Content::QuickReply { text, replies };
    }
    let list = replies
        .iter()
        .enumerate()
        .map(|(index, reply)| format!("\n{}. {}", index + 1, reply.title));
    Content::Text {
        text: text + &list.collect::<String>(),
    }
}
