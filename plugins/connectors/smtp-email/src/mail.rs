//! A message as a mail: addresses, bodies, attachments, threading and list headers.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jackfield_plugin::email::{Attachment, Mail};
use jackfield_plugin::http::Request;
use jackfield_plugin::message::{Attachment as Wanted, Content, Email, Message};
use jackfield_plugin::{SendError, prelude::*};

use crate::{MAX_BYTES, Settings};

/// The most attachments of a mail.
const MOST_ATTACHMENTS: usize = 5;

/// The mail of a message.
pub(crate) fn of(settings: &Settings, message: Message) -> Result<Mail, Failure> {
    let email = match message.content {
        Content::Email(email) => email,
        Content::Text { text } => Email {
            text: Some(text),
            ..Email::default()
        },
        Content::Attachment { attachments, text } => Email {
            text,
            attachments,
            ..Email::default()
        },
        other => {
            let why = format!(
                "mail has no messages of the type `{}`; send an `email` or a `text`",
                other.kind()
            );
            return Err(SendError::Unsupported.failure(why));
        }
    };
    let thread = message.thread.unwrap_or_default();
    let address = email
        .from_address
        .as_deref()
        .unwrap_or(&settings.from_address);
    // A name belongs to its address: another sender does not get the channel's name.
    let name = match (&email.from_name, &email.from_address) {
        (Some(name), _) => Some(name.as_str()),
        (None, None) => settings.from_name.as_deref(),
        (None, Some(_)) => None,
    };
    let from =
        mailbox(name, address).map_err(|reason| SendError::ContentRejected.failure(reason))?;

    let mut headers = Vec::new();
    if let Some(url) = &message.unsubscribe_url {
        headers.push(("List-Unsubscribe".into(), format!("<{url}>")));
        headers.push((
            "List-Unsubscribe-Post".into(),
            "List-Unsubscribe=One-Click".into(),
        ));
    }
    if message.automated {
        headers.push(("Auto-Submitted".into(), "auto-generated".into()));
    }
    Ok(Mail {
        from,
        to: message.to,
        cc: email.cc,
        bcc: email.bcc,
        reply_to: email
            .reply_to
            .or_else(|| settings.reply_to.clone())
            .filter(|address| !address.is_empty()),
        subject: email
            .subject
            .or_else(|| settings.subject.clone())
            .unwrap_or_default(),
        text: email.text,
        html: email.html,
        attachments: attachments(&email.attachments)?,
        // The same for every try, so that a receiver can drop the second of two.
        message_id: Some(format!("{}@{}", message.id, domain(address))),
        in_reply_to: thread.in_reply_to.as_deref().map(bare),
        references: thread.references.iter().map(|id| bare(id)).collect(),
        headers,
    })
}

/// An address with a name before it, as RFC 5322 writes them.
pub(crate) fn mailbox(name: Option<&str>, address: &str) -> Result<String, String> {
    let address = address.trim();
    let domain = domain(address);
    if domain.is_empty()
        || address.starts_with('@')
        || address.contains(|c: char| c.is_whitespace() || c.is_control())
    {
        return Err(format!("`{address}` is no mail address"));
    }
    let name = name.map(str::trim).filter(|name| !name.is_empty());
    let Some(name) = name else {
        return Ok(address.to_owned());
    };
    let plain = name
        .chars()
        .all(|c| c.is_alphanumeric() || c == ' ' || c == '-');
    if plain {
        return Ok(format!("{name} <{address}>"));
    }
    let quoted: String = name
        .chars()
        .filter(|c| !c.is_control())
        .flat_map(|c| {
            if matches!(c, '"' | '\\') {
                vec!['\\', c]
            } else {
                vec![c]
            }
        })
        .collect();
    Ok(format!("\"{quoted}\" <{address}>"))
}

fn domain(address: &str) -> &str {
    address.rsplit_once('@').map_or("", |(_, domain)| domain)
}

/// A message id without its angle brackets.
fn bare(id: &str) -> String {
    id.trim()
        .trim_start_matches('<')
        .trim_end_matches('>')
        .to_owned()
}

fn attachments(wanted: &[Wanted]) -> Result<Vec<Attachment>, Failure> {
    if wanted.len() > MOST_ATTACHMENTS {
        return Err(SendError::ContentRejected.failure(format!(
            "a mail has at most {MOST_ATTACHMENTS} attachments, not {}",
            wanted.len()
        )));
    }
    let mut total = 0;
    let mut attachments = Vec::with_capacity(wanted.len());
    for (index, one) in wanted.iter().enumerate() {
        let attachment = attachment(index, one)?;
        total += attachment.content.len() as u64;
        if total > MAX_BYTES {
            return Err(SendError::ContentRejected
                .failure("the attachments are larger than 25 MB together"));
        }
        attachments.push(attachment);
    }
    Ok(attachments)
}

fn attachment(index: usize, wanted: &Wanted) -> Result<Attachment, Failure> {
    let (content, served_type) = match (&wanted.content, &wanted.url) {
        (Some(content), _) => {
            let content = STANDARD.decode(content.trim()).map_err(|error| {
                SendError::ContentRejected
                    .failure(format!("attachment {} is no base64: {error}", index + 1))
            })?;
            (content, None)
        }
        (None, Some(url)) => fetched(url)?,
        (None, None) => {
            return Err(SendError::ContentRejected.failure(format!(
                "attachment {} has neither `url` nor `content`",
                index + 1
            )));
        }
    };
    let name = wanted
        .file_name
        .clone()
        .or_else(|| name_in(wanted.url.as_deref()?));
    let content_type = wanted.content_type.clone().or(served_type);
    Ok(Attachment {
        name: name.unwrap_or_else(|| format!("attachment-{}", index + 1)),
        content_type: content_type.unwrap_or_else(|| "application/octet-stream".into()),
        content,
    })
}

/// A file from its address, with the type that its server says.
fn fetched(url: &str) -> Result<(Vec<u8>, Option<String>), Failure> {
    // Nothing has been sent yet, so nothing of this is `maybe-sent`.
    let response = Request::get(url)
        .timeout(60_000)
        .send()
        .map_err(|error| SendError::from_call(error).maybe_sent(false))?;
    match response.status {
        200..=299 => {
            let content_type = response.header("content-type").map(str::to_owned);
            Ok((response.body, content_type))
        }
        429 | 500.. => Err(SendError::Transient.failure(format!(
            "an attachment's server answered {}",
            response.status
        ))),
        status => Err(SendError::ContentRejected.failure(format!(
            "an attachment cannot be fetched: its server answered {status}"
        ))),
    }
}

/// The last part of an address's path.
fn name_in(url: &str) -> Option<String> {
    let path = url.split(['?', '#']).next()?.split_once("://")?.1;
    let name = path.rsplit_once('/')?.1;
    Some(name.to_owned()).filter(|name| !name.is_empty())
}
