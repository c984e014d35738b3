//! A mail as a reader sees it, and as it came over the wire.

use mail_parser::{Address, MessageParser, MimeHeaders, PartType};

/// A mail that was taken.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mail {
    /// The envelope's sender (`MAIL FROM`).
    pub envelope_from: String,
    /// The envelope's recipients (`RCPT TO`), those that were refused left out.
    pub envelope_to: Vec<String>,
    /// The user that the sender authenticated as.
    pub authenticated_as: Option<String>,
    /// The header `From`: `Name <address>`, or the address alone.
    pub from: String,
    /// The header `To`, one entry for each address.
    pub to: Vec<String>,
    /// The subject, decoded.
    pub subject: String,
    /// The plain text, decoded, where the mail has such a part.
    pub text: Option<String>,
    /// The HTML, decoded, where the mail has such a part.
    pub html: Option<String>,
    /// The attachments, in order.
    pub attachments: Vec<Attachment>,
    /// Every header in order, its value with folded lines joined but otherwise as it was sent.
    pub headers: Vec<(String, String)>,
    /// The whole mail as it was sent, lines ended by CRLF.
    pub raw: Vec<u8>,
}

/// An attachment, decoded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attachment {
    /// The file name, decoded.
    pub name: Option<String>,
    /// The content type (`image/png`).
    pub content_type: Option<String>,
    /// The content.
    pub bytes: Vec<u8>,
}

impl Mail {
    /// The first header of that name, whatever its case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self
            .headers
            .iter()
            .find(|(other, _)| other.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    pub(super) fn read(
        envelope_from: &str,
        envelope_to: &[String],
        authenticated_as: Option<String>,
        raw: Vec<u8>,
    ) -> Self {
        let envelope = Self {
            envelope_from: envelope_from.to_owned(),
            envelope_to: envelope_to.to_vec(),
            authenticated_as,
            ..Self::default()
        };
        let mail = match MessageParser::default().parse(&raw) {
            // Not a mail at all: a test can still look at what was sent.
            None => envelope,
            Some(message) => Self {
                from: addresses(message.from())
                    .into_iter()
                    .next()
                    .unwrap_or_default(),
                to: addresses(message.to()),
                subject: message.subject().unwrap_or_default().to_owned(),
                text: message.text_bodies().find_map(|part| match &part.body {
                    PartType::Text(text) => Some(text.to_string()),
                    _ => None,
                }),
                html: message.html_bodies().find_map(|part| match &part.body {
                    PartType::Html(html) => Some(html.to_string()),
                    _ => None,
                }),
                attachments: message.attachments().map(attachment).collect(),
                headers: message
                    .headers_raw()
                    .map(|(name, value)| (name.to_owned(), unfolded(value)))
                    .collect(),
                ..envelope
            },
        };
        Self { raw, ..mail }
    }
}

fn attachment(part: &mail_parser::MessagePart<'_>) -> Attachment {
    let content_type = part.content_type().map(|kind| match kind.subtype() {
        Some(subtype) => format!("{}/{subtype}", kind.ctype()),
        None => kind.ctype().to_owned(),
    });
    Attachment {
        name: part.attachment_name().map(str::to_owned),
        content_type,
        bytes: part.contents().to_vec(),
    }
}

fn addresses(header: Option<&Address<'_>>) -> Vec<String> {
    let shown = |address: &mail_parser::Addr<'_>| {
        let mailbox = address.address().unwrap_or_default();
        match address.name() {
            Some(name) => format!("{name} <{mailbox}>"),
            None => mailbox.to_owned(),
        }
    };
    header
        .map(|list| list.iter().map(shown).collect())
        .unwrap_or_default()
}

/// A header's value without the line breaks of folding (RFC 5322, 2.2.3).
fn unfolded(value: &str) -> String {
    value.replace("\r\n", "").trim().to_owned()
}
