//! Content in the form that a channel takes: the unsubscribe line is added, what the channel cannot
//! show is degraded (quick replies to a numbered text, a text to a mail), and what is too long or
//! cannot be degraded is refused.

use crate::connectors::{Descriptor, TextLimit, TextUnit};
use crate::message::Trouble;
use serde_json::{Value, json};

/// The line that carries an unsubscribe link.
pub(crate) struct Link<'a> {
    /// Stands before the link.
    pub(crate) text: &'a str,
    /// The link.
    pub(crate) url: &'a str,
}

/// The content as it goes to the connector.
///
/// # Errors
/// `unsupported` or `content-rejected`, with what would be accepted.
pub(crate) fn prepare(
    descriptor: &Descriptor,
    content: &Value,
    link: Option<&Link<'_>>,
) -> Result<Value, Trouble> {
    let mut content = fit(descriptor, content)?;
    if let Some(link) = link {
        add(&mut content, link);
    }
    check_length(descriptor.text_limit, &content)?;
    Ok(content)
}

fn kind_of(content: &Value) -> &str {
    content
        .get("type")
        .and_then(Value::as_str)
        .unwrap_or_default()
}

fn text_of(content: &Value) -> &str {
    content
        .get("text")
        .and_then(Value::as_str)
        .unwrap_or_default()
}

fn fit(descriptor: &Descriptor, content: &Value) -> Result<Value, Trouble> {
    let kind = kind_of(content);
    if kind == "quick-reply" {
        let shown = descriptor.sends("quick-reply")
            && descriptor.quick_replies.is_none_or(|most| {
                let replies = content.get("replies").and_then(Value::as_array);
                let replies = replies.map_or(&[][..], Vec::as_slice);
                let short = |reply: &Value| {
                    let title = reply
                        .get("title")
                        .and_then(Value::as_str)
                        .unwrap_or_default();
                    title.chars().count() <= most.title_max
                };
                replies.len() <= most.max && replies.iter().all(short)
            });
        if shown {
            return Ok(content.clone());
        }
        return fit(
            descriptor,
            &json!({"type": "text", "text": numbered(content)}),
        );
    }
    if descriptor.sends(kind) {
        return Ok(content.clone());
    }
    match kind {
        "text" if descriptor.sends("email") => {
            Ok(json!({"type": "email", "subject": "", "text": text_of(content)}))
        }
        "attachment" if descriptor.sends("email") => Ok(json!({
            "type": "email", "subject": "", "text": text_of(content),
            "attachments": content.get("attachments"),
        })),
        _ => Err(Trouble::new(
            "unsupported",
            format!(
                "`{}` cannot send messages of type `{kind}`; it sends: {}",
                descriptor.name,
                descriptor.message_types.join(", ")
            ),
        )),
    }
}

/// Quick replies as people read them where there are no buttons.
fn numbered(content: &Value) -> String {
    let mut text = text_of(content).to_owned();
    let replies = content
        .get("replies")
        .and_then(Value::as_array)
        .into_iter()
        .flatten();
    for (place, reply) in replies.enumerate() {
        let title = reply
            .get("title")
            .and_then(Value::as_str)
            .unwrap_or_default();
        text.push_str(&format!("\n{}. {title}", place + 1));
    }
    text
}

fn add(content: &mut Value, link: &Link<'_>) {
    let plain = |text: &str| {
        let gap = if text.is_empty() { "" } else { "\n" };
        format!("{text}{gap}{}{}", link.text, link.url)
    };
    match kind_of(content) {
        "text" | "quick-reply" | "attachment" => {
            let text = plain(text_of(content));
            content["text"] = text.into();
        }
        "email" => {
            let html = content
                .get("html")
                .and_then(Value::as_str)
                .map(|html| with_footer(html, link));
            let text = text_of(content);
            if html.is_none() || !text.is_empty() {
                let text = plain(text);
                content["text"] = text.into();
            }
            if let Some(html) = html {
                content["html"] = html.into();
            }
        }
        // A template has its words approved beforehand, and a place has none.
        _ => {}
    }
}

fn with_footer(html: &str, link: &Link<'_>) -> String {
    let footer = format!(
        "<p>{}<a href=\"{url}\">{url}</a></p>",
        html_escape::encode_text(link.text),
        url = html_escape::encode_double_quoted_attribute(link.url),
    );
    match html.rfind("</body>") {
        Some(place) => format!("{}{footer}{}", &html[..place], &html[place..]),
        None => format!("{html}{footer}"),
    }
}

fn check_length(limit: Option<TextLimit>, content: &Value) -> Result<(), Trouble> {
    let Some(limit) = limit else { return Ok(()) };
    if kind_of(content) == "email" {
        return Ok(());
    }
    let text = text_of(content);
    let (length, unit) = match limit.unit {
        TextUnit::Characters => (text.chars().count(), "characters"),
        TextUnit::Bytes => (text.len(), "bytes"),
        TextUnit::Utf16 => (text.encode_utf16().count(), "UTF-16 units"),
    };
    if length <= limit.max {
        return Ok(());
    }
    let said = format!(
        "the text has {length} {unit}; the channel takes at most {}",
        limit.max
    );
    Err(Trouble::new("content-rejected", said))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn descriptor(more: Value) -> Descriptor {
        let mut whole = json!({
            "name": "fake", "settings": {}, "address": "phone", "message-types": ["text"],
        });
        crate::workspaces::merge(&mut whole, &more);
        serde_json::from_value(whole).unwrap()
    }

    #[test]
    fn quick_replies_become_a_numbered_text_where_there_are_no_buttons() {
        let content = json!({"type": "quick-reply", "text": "Well?",
            "replies": [{"title": "Yes"}, {"title": "No"}]});
        let plain = prepare(&descriptor(json!({})), &content, None).unwrap();
        assert_eq!(
            plain,
            json!({"type": "text", "text": "Well?\n1. Yes\n2. No"})
        );
        let buttons = descriptor(json!({"message-types": ["text", "quick-reply"],
            "quick-replies": {"max": 3, "title-max": 20}}));
        assert_eq!(prepare(&buttons, &content, None).unwrap(), content);
        let one = descriptor(json!({"message-types": ["text", "quick-reply"],
            "quick-replies": {"max": 1, "title-max": 20}}));
        assert_eq!(prepare(&one, &content, None).unwrap(), plain);
    }

    #[test]
    fn a_text_that_is_too_long_in_the_channels_own_unit_is_rejected() {
        let content = json!({"type": "text", "text": "😀😀"});
        for (unit, max, good) in [
            ("characters", 2, true),
            ("utf16", 3, false),
            ("bytes", 8, true),
            ("bytes", 7, false),
        ] {
            let limited = descriptor(json!({"text-limit": {"max": max, "unit": unit}}));
            let prepared = prepare(&limited, &content, None);
            assert_eq!(prepared.is_ok(), good, "{unit} {max}");
            if let Err(trouble) = prepared {
                assert_eq!(trouble.code, "content-rejected");
            }
        }
    }

    #[test]
    fn the_unsubscribe_line_is_added_to_texts_and_mails() {
        let link = Link {
            text: "Unsubscribe here: ",
            url: "https://x.org/u/t",
        };
        let text = prepare(
            &descriptor(json!({})),
            &json!({"type": "text", "text": "Hi"}),
            Some(&link),
        );
        assert_eq!(
            text.unwrap()["text"],
            "Hi\nUnsubscribe here: https://x.org/u/t"
        );
        let mail = descriptor(json!({"message-types": ["email"], "address": "email"}));
        let html = json!({"type": "email", "html": "<body><p>Hi</p></body>"});
        let mailed = prepare(&mail, &html, Some(&link)).unwrap();
        assert_eq!(
            mailed["html"],
            "<body><p>Hi</p><p>Unsubscribe here: <a href=\"https://x.org/u/t\">https://x.org/u/t</a></p></body>"
        );
        assert!(mailed.get("text").is_none(), "no text part is made up");
    }

    #[test]
    fn what_cannot_be_shown_is_refused_with_what_can() {
        let place = json!({"type": "location", "latitude": 1.0, "longitude": 2.0});
        let trouble = prepare(&descriptor(json!({})), &place, None).unwrap_err();
        assert_eq!(trouble.code, "unsupported");
        assert!(trouble.message.contains("it sends: text"));
    }
}
