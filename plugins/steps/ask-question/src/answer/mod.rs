//! The nine kinds of answers: what is valid, and how it is stored.
//!
//! Each reader answers with the value or with a sentence for the contact that says what would be
//! valid; that sentence is the retry text unless the author wrote one.

mod choice;
pub(crate) mod date;
mod email;
mod location;
mod number;
mod phone;
mod rating;
mod url;

use jackfield_plugin::prelude::*;
use unicode_normalization::{UnicodeNormalization, char::is_combining_mark};

use crate::reply::Reply;
use crate::settings::{AnswerType, Settings};

/// How people write where the contact or the workspace is.
#[derive(Debug, Default)]
pub(crate) struct Local {
    /// Of phone numbers without a country code: two letters in upper case.
    pub(crate) country: Option<String>,
    /// Of dates, such as `DD/MM/YYYY`.
    pub(crate) date_format: Option<String>,
}

/// A valid answer.
#[derive(Debug, PartialEq)]
pub(crate) struct Answer {
    /// For the output and a variable.
    pub(crate) value: Value,
    /// For a contact's field, which holds no objects.
    pub(crate) field_value: Value,
    /// Of a choice, from 1.
    pub(crate) index: Option<usize>,
    /// Of a choice.
    pub(crate) id: Option<String>,
}

impl From<Value> for Answer {
    fn from(value: Value) -> Self {
        Answer {
            field_value: value.clone(),
            value,
            index: None,
            id: None,
        }
    }
}

/// Reads a reply as the kind of answer that was asked for.
pub(crate) fn read(settings: &Settings, local: &Local, reply: &Reply) -> Result<Answer, String> {
    let text = reply.text.as_deref().unwrap_or_default().trim();
    let value = match settings.r#type {
        AnswerType::MultipleChoice => return choice::read(&settings.options, reply),
        AnswerType::Location => return location::read(reply),
        AnswerType::Text if text.is_empty() => return Err("Please answer with a text.".into()),
        AnswerType::Text => json!(text),
        AnswerType::Number => {
            number::read(text, settings.min, settings.max, settings.decimal_separator)?
        }
        AnswerType::Date => json!(date::read(text, local.date_format.as_deref())?),
        AnswerType::Phone => json!(phone::read(text, local.country.as_deref())?),
        AnswerType::Email => json!(email::read(text)?),
        AnswerType::Url => json!(url::read(text)?),
        AnswerType::Rating => json!(rating::read(text)?),
    };
    Ok(value.into())
}

/// A text without differences that people do not mean: case, accents, width, spaces and marks at
/// the edges. A text of marks alone (an emoji) stays as it is.
pub(crate) fn fold(text: &str) -> String {
    let plain: String = text
        .nfkd()
        .filter(|character| {
            !is_combining_mark(*character) && !matches!(character, '\u{fe0f}' | '\u{20e3}')
        })
        .flat_map(char::to_lowercase)
        .collect::<String>()
        .replace('ß', "ss")
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ");
    let trimmed = plain.trim_matches(|character: char| !character.is_alphanumeric());
    if trimmed.is_empty() {
        plain
    } else {
        trimmed.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::fold;

    #[test]
    fn case_accents_width_and_edges_make_no_difference() {
        assert_eq!(fold("  Été  CHAUD! "), fold("ete chaud"));
        assert_eq!(fold("ＹＥＳ"), "yes");
        assert_eq!(fold("Straße."), "strasse");
        assert_eq!(fold("👍"), "👍");
        assert_eq!(fold("2️⃣"), "2");
    }
}
