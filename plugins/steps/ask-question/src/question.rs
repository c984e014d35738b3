//! The question as a message: with buttons where the channel has them, with a numbered list
//! otherwise, and with what would be valid when it is asked again.

use jackfield_plugin::message::{Content, OutgoingMessage, Reply};
use jackfield_plugin::messages::{self, ChannelInfo};
use jackfield_plugin::prelude::*;

use crate::settings::{AnswerType, Settings};

/// Sends the question; answers with the message's id and the channel. `wrong` says what was wrong
/// with the last answer.
pub(crate) fn send(
    settings: &Settings,
    wrong: Option<&str>,
) -> Result<(String, ChannelInfo), Failure> {
    let channel = messages::channel(&settings.channel)?;
    let text = match (
        wrong,
        settings
            .retry_text
            .as_deref()
            .filter(|text| !text.trim().is_empty()),
    ) {
        (None, _) => settings.text.clone(),
        (Some(_), Some(text)) => text.to_owned(),
        (Some(wrong), None) => wrong.to_owned(),
    };
    let message = OutgoingMessage::new(&channel.id, content(settings, text, &channel));
    Ok((messages::send(&message)?, channel))
}

fn content(settings: &Settings, text: String, channel: &ChannelInfo) -> Content {
    if settings.r#type != AnswerType::MultipleChoice {
        return Content::Text { text };
    }
    let options = &settings.options;
    let buttons = channel.quick_replies.is_some_and(|limits| {
        options.len() <= limits.max
            && options
                .iter()
                .all(|option| option.label().chars().count() <= limits.title_max)
    });
    if buttons {
        let replies = options.iter().enumerate().map(|(index, option)| Reply {
            title: option.label().to_owned(),
            payload: Some(payload(index, option.id())),
        });
        return Content::QuickReply {
            text,
            replies: replies.collect(),
        };
    }
    let list = options
        .iter()
        .enumerate()
        .map(|(index, option)| format!("\n{}. {}", index + 1, option.label()));
    Content::Text {
        text: text + &list.collect::<String>(),
    }
}

/// What a button sends back: the option's id, or which one it is.
pub(crate) fn payload(index: usize, id: Option<&str>) -> String {
    id.map_or_else(|| format!("option-{}", index + 1), str::to_owned)
}
