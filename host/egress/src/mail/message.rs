//! From a [`Mail`] to the bytes of a message (RFC 5322, MIME), by lettre's builder.
//!
//! lettre encodes names, subjects and bodies; this module decides the structure and refuses what
//! could forge a header: line breaks anywhere in a header, and further headers under a name that
//! a field of its own is responsible for.

use lettre::message::header::{
    ContentType, Header, HeaderName, HeaderValue, InReplyTo, MessageId, References,
};
use lettre::message::{Attachment as Part, Mailbox, MessageBuilder, MultiPart, SinglePart};
use lettre::{Address, Message};
use uuid::Uuid;

use super::{Attachment, Mail};
use crate::{Error, MailLimits};

/// Headers that fields of [`Mail`] write, or that servers write.
const RESERVED: &[&str] = &[
    "bcc",
    "cc",
    "date",
    "dkim-signature",
    "from",
    "in-reply-to",
    "message-id",
    "mime-version",
    "received",
    "references",
    "reply-to",
    "return-path",
    "sender",
    "subject",
    "to",
];
const RESERVED_PREFIX: &str = "content-";
/// A line of a message must be shorter (RFC 5322, 2.1.1), and a word cannot be folded.
const LONGEST_WORD: usize = 900;

/// A mail ready to be handed over.
#[derive(Debug)]
pub(super) struct Built {
    /// Without angle brackets.
    pub(super) message_id: String,
    pub(super) sender: String,
    /// The domain of the sender.
    pub(super) domain: String,
    /// Each once, in the order of to, cc, bcc.
    pub(super) recipients: Vec<String>,
    /// Whether an address has letters beyond ASCII before its @ (RFC 6531).
    pub(super) needs_utf8: bool,
    pub(super) text: Vec<u8>,
}

pub(super) fn build(mail: Mail, limits: &MailLimits) -> Result<Built, Error> {
    check_size(&mail, limits)?;
    let from = mailbox(&mail.from, "from")?;
    let to = mailboxes(&mail.to, "to")?;
    let cc = mailboxes(&mail.cc, "cc")?;
    let bcc = mailboxes(&mail.bcc, "bcc")?;
    let mut recipients: Vec<String> = Vec::new();
    for one in to.iter().chain(&cc).chain(&bcc) {
        let address = one.email.to_string();
        if !recipients.contains(&address) {
            recipients.push(address);
        }
    }
    if recipients.is_empty() {
        return Err(Error::invalid("the mail has no recipient"));
    }
    if recipients.len() > limits.max_recipients {
        return Err(Error::invalid(format!(
            "the mail has {} recipients; at most {} can be given",
            recipients.len(),
            limits.max_recipients
        )));
    }
    let domain = from.email.domain().to_owned();
    let message_id = match &mail.message_id {
        Some(id) => bare_id(id, "message_id")?.to_owned(),
        None => format!("{}@{domain}", Uuid::new_v4()),
    };
    let sender = from.email.to_string();
    let needs_utf8 = std::iter::once(&sender)
        .chain(&recipients)
        .any(|address| !address.is_ascii());

    let mut builder = Message::builder().from(from);
    builder = to.into_iter().fold(builder, MessageBuilder::to);
    builder = cc.into_iter().fold(builder, MessageBuilder::cc);
    // Bcc serves the envelope alone: lettre takes it off the message.
    builder = bcc.into_iter().fold(builder, MessageBuilder::bcc);
    if let Some(reply_to) = &mail.reply_to {
        builder = builder.reply_to(mailbox(reply_to, "reply_to")?);
    }
    line(&mail.subject, "subject")?;
    builder = builder.subject(mail.subject.clone());
    builder = builder.raw_header(ids::<MessageId>(&format!("<{message_id}>")));
    if let Some(id) = &mail.in_reply_to {
        let id = bare_id(id, "in_reply_to")?;
        builder = builder.raw_header(ids::<InReplyTo>(&format!("<{id}>")));
    }
    if !mail.references.is_empty() {
        let references = mail
            .references
            .iter()
            .map(|id| Ok(format!("<{}>", bare_id(id, "references")?)))
            .collect::<Result<Vec<_>, Error>>()?;
        builder = builder.raw_header(ids::<References>(&references.join("\r\n ")));
    }
    builder = match mail.date {
        Some(date) => builder.date(date),
        None => builder.date_now(),
    };
    for (name, value) in &mail.headers {
        builder = builder.raw_header(extra_header(name, value)?);
    }
    let message = body(builder, mail)?;
    Ok(Built {
        message_id,
        sender,
        domain,
        recipients,
        needs_utf8,
        text: message.formatted(),
    })
}

/// text and html beside each other; attachments behind them.
fn body(builder: MessageBuilder, mail: Mail) -> Result<Message, Error> {
    let attachments = mail
        .attachments
        .iter()
        .map(attachment)
        .collect::<Result<Vec<_>, _>>()?;
    let message = match (mail.text, mail.html) {
        (None, None) if attachments.is_empty() => {
            return Err(Error::invalid(
                "the mail needs a text, an HTML body or an attachment",
            ));
        }
        (Some(text), Some(html)) => {
            let both = MultiPart::alternative_plain_html(text, html);
            if attachments.is_empty() {
                builder.multipart(both)
            } else {
                builder.multipart(join(MultiPart::mixed().multipart(both), attachments))
            }
        }
        (text, html) => {
            let single = match html {
                Some(html) => SinglePart::html(html),
                None => SinglePart::plain(text.unwrap_or_default()),
            };
            if attachments.is_empty() {
                builder.singlepart(single)
            } else {
                builder.multipart(join(MultiPart::mixed().singlepart(single), attachments))
            }
        }
    };
    message.map_err(|why| Error::invalid(format!("the mail cannot be built: {why}")))
}

fn join(mixed: MultiPart, attachments: Vec<SinglePart>) -> MultiPart {
    attachments.into_iter().fold(mixed, MultiPart::singlepart)
}

fn attachment(attachment: &Attachment) -> Result<SinglePart, Error> {
    line(&attachment.name, "the name of an attachment")?;
    line(&attachment.content_type, "the type of an attachment")?;
    let content_type = ContentType::parse(&attachment.content_type).map_err(|_| {
        Error::invalid(format!(
            "{:?} is no type of content",
            attachment.content_type
        ))
    })?;
    Ok(Part::new(attachment.name.clone()).body(attachment.content.to_vec(), content_type))
}

fn check_size(mail: &Mail, limits: &MailLimits) -> Result<(), Error> {
    let attachments: usize = mail.attachments.iter().map(|one| one.content.len()).sum();
    let too_large = |what, limit| {
        Err(Error::TooLarge {
            what,
            limit,
            maybe_sent: false,
        })
    };
    if attachments > limits.max_attachment_bytes {
        return too_large(
            "the attachments of the mail together",
            limits.max_attachment_bytes,
        );
    }
    let text = mail.subject.len()
        + mail.text.as_ref().map_or(0, String::len)
        + mail.html.as_ref().map_or(0, String::len)
        + mail.references.iter().map(String::len).sum::<usize>()
        + mail
            .headers
            .iter()
            .map(|(name, value)| name.len() + value.len())
            .sum::<usize>();
    if text > limits.max_text_bytes {
        return too_large("the text of the mail", limits.max_text_bytes);
    }
    Ok(())
}

fn mailboxes(texts: &[String], field: &str) -> Result<Vec<Mailbox>, Error> {
    texts.iter().map(|text| mailbox(text, field)).collect()
}

/// Reads a mailbox; the domain becomes ASCII (IDNA), so that every server can take it.
fn mailbox(text: &str, field: &str) -> Result<Mailbox, Error> {
    line(text, field)?;
    let wrong = || {
        Error::invalid(format!(
            "{field}: {text:?} is no mailbox; write `Ann <ann@example.com>` or `ann@example.com`"
        ))
    };
    let read: Mailbox = text.parse().map_err(|_| wrong())?;
    let domain = read.email.domain();
    let email = if domain.is_ascii() {
        read.email
    } else {
        let url::Host::Domain(ascii) = crate::target::parse_host(domain)? else {
            return Err(wrong());
        };
        Address::new(read.email.user(), ascii).map_err(|_| wrong())?
    };
    Ok(Mailbox::new(read.name, email))
}

/// Identifiers are written as they are: an encoder must not touch them.
fn ids<H: Header>(value: &str) -> HeaderValue {
    HeaderValue::dangerous_new_pre_encoded(H::name(), value.to_owned(), value.to_owned())
}

/// `<id@domain>` or `id@domain`, as `id@domain`.
fn bare_id<'a>(id: &'a str, field: &str) -> Result<&'a str, Error> {
    let bare = id.trim();
    let bare = bare
        .strip_prefix('<')
        .and_then(|rest| rest.strip_suffix('>'))
        .unwrap_or(bare);
    let fits = (1..=LONGEST_WORD).contains(&bare.len())
        && bare
            .bytes()
            .all(|b| b.is_ascii_graphic() && b != b'<' && b != b'>');
    if fits {
        Ok(bare)
    } else {
        Err(Error::invalid(format!(
            "{field}: {id:?} is no message id such as `name@example.com`"
        )))
    }
}

fn extra_header(name: &str, value: &str) -> Result<HeaderValue, Error> {
    let lower = name.to_ascii_lowercase();
    let token = !name.is_empty() && name.bytes().all(|b| b.is_ascii_graphic() && b != b':');
    if !token {
        return Err(Error::invalid(format!("{name:?} is no name of a header")));
    }
    if RESERVED.contains(&lower.as_str()) || lower.starts_with(RESERVED_PREFIX) {
        return Err(Error::invalid(format!(
            "the header {name} cannot be added; it has a field of its own, or is the server's"
        )));
    }
    line(value, name)?;
    if value.split(' ').any(|word| word.len() > LONGEST_WORD) {
        return Err(Error::invalid(format!(
            "the header {name} holds too long a word"
        )));
    }
    let header = HeaderName::new_from_ascii(name.to_owned())
        .map_err(|_| Error::invalid(format!("{name:?} is no name of a header")))?;
    Ok(HeaderValue::new(header, value.to_owned()))
}

/// Refuses what could end a header and begin another.
fn line(text: &str, field: &str) -> Result<(), Error> {
    if text.chars().any(char::is_control) {
        return Err(Error::invalid(format!(
            "{field} holds a line break or another control character"
        )));
    }
    Ok(())
}

#[cfg(test)]
#[path = "message_tests.rs"]
mod tests;
