//! Comments: what people and workflows note about a contact, never sent to it.

use crate::error::{Error, Result};
use jackfield_store::records::Comment;
use serde_json::{Value, json};

/// The longest comment, in characters.
const LONGEST: usize = 5_000;

/// The text as it is kept.
///
/// # Errors
/// `invalid` where it is empty, `too-large`.
pub(crate) fn checked(text: &str) -> Result<String> {
    let text = text.trim();
    if text.is_empty() {
        return Err(Error::invalid("invalid", "a comment has a text"));
    }
    if text.chars().count() > LONGEST {
        return Err(Error::invalid(
            "too-large",
            format!("a comment has at most {LONGEST} characters"),
        ));
    }
    Ok(text.to_owned())
}

/// Whom a text mentions: what follows an `@` that begins a word, up to the word's end. A mail
/// address is one word.
pub(crate) fn mentions(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut before = ' ';
    for (place, letter) in text.char_indices() {
        let begins = letter == '@' && !before.is_alphanumeric();
        before = letter;
        if !begins {
            continue;
        }
        let rest = &text[place + 1..];
        let end = rest
            .find(|letter: char| !(letter.is_alphanumeric() || "._%+-@".contains(letter)))
            .unwrap_or(rest.len());
        let name = rest[..end].trim_end_matches(['.', '-', '@', '_']);
        if !name.is_empty() && !found.iter().any(|known| known == name) {
            found.push(name.to_owned());
        }
    }
    found
}

pub(crate) fn show(row: &Comment) -> Value {
    json!({
        "id": row.id,
        "contact": row.contact,
        "conversation": row.conversation,
        "author": row.author,
        "text": row.text,
        "mentions": row.data.get("mentions").cloned().unwrap_or_else(|| json!([])),
        "workflow": row.data.get("workflow"),
        "run": row.data.get("run"),
        "at": row.at,
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_mention_is_an_address_or_a_name_and_no_part_of_a_mail_address() {
        let text = "@ann, see ann@shop.example; (@bob.lee@shop.example) and @zoé! @ann @";
        assert_eq!(
            mentions(text),
            ["ann", "bob.lee@shop.example", "zoé"].map(str::to_owned)
        );
    }

    #[test]
    fn a_comment_has_a_text_and_a_bound() {
        assert!(checked(" \n ").is_err());
        assert_eq!(checked(" x ").unwrap(), "x");
        assert!(checked(&"é".repeat(LONGEST)).is_ok());
        assert_eq!(
            checked(&"é".repeat(LONGEST + 1)).unwrap_err().code,
            "too-large"
        );
    }

    proptest! {
        #[test]
        fn no_text_is_too_strange_for_mentions(text in ".{0,200}") {
            for name in mentions(&text) {
                let said = text.contains(&format!("@{name}"));
                prop_assert!(said);
            }
        }
    }
}
