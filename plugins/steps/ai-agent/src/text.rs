//! Texts that fit: a message to its channel, a talk into a comment.

use jackfield_plugin::prelude::*;

use crate::Line;

/// The longest comment, in characters.
const COMMENT: usize = 5_000;

/// The text, as much of it as fits: it ends with a sentence, else with a word.
pub(crate) fn fitting(text: &str, longest: usize, limit: Option<&Value>) -> String {
    let most = limit.and_then(|limit| limit["max"].as_u64());
    let most = most.map_or(usize::MAX, |most| {
        usize::try_from(most).unwrap_or(usize::MAX)
    });
    let unit = limit
        .and_then(|limit| limit["unit"].as_str())
        .unwrap_or("characters");
    let size = |letter: char| match unit {
        "bytes" => letter.len_utf8(),
        "utf16" => letter.len_utf16(),
        _ => 1,
    };
    let text = text.trim();
    let (mut letters, mut used, mut end) = (0, 0, text.len());
    for (place, letter) in text.char_indices() {
        letters += 1;
        used += size(letter);
        if letters > longest || used > most {
            end = place;
            break;
        }
    }
    if end == text.len() {
        return text.to_owned();
    }
    let kept = &text[..end];
    let sentence = kept.rfind(['.', '!', '?', '\n']).map(|place| place + 1);
    let word = kept.rfind(char::is_whitespace);
    let cut = sentence
        .filter(|place| *place > end / 2)
        .or(word.filter(|place| *place > 0));
    kept[..cut.unwrap_or(end)].trim_end().to_owned()
}

/// A talk for people of the workspace; where it is too long, its end. Nobody is mentioned by it.
pub(crate) fn transcript(branch: &str, reason: Option<&str>, said: &[Line]) -> String {
    let reason = reason.filter(|reason| !reason.is_empty());
    let reason = reason
        .map(|reason| format!(" ({reason})"))
        .unwrap_or_default();
    let head = quiet(&format!("AI agent, {branch}{reason}\n"));
    let lines = said.iter().map(|line| {
        let who = if line.agent { "Agent" } else { "Contact" };
        format!("{who}: {}", line.text)
    });
    let talk = quiet(&lines.collect::<Vec<_>>().join("\n"));
    let room = COMMENT.saturating_sub(head.chars().count() + 2);
    let long = talk.chars().count();
    if long <= room {
        return head + &talk;
    }
    let kept: String = talk.chars().skip(long - room).collect();
    format!("{head}…\n{kept}")
}

/// Without words that begin with `@`: the contact is not to call users.
fn quiet(text: &str) -> String {
    let (mut out, mut before) = (String::new(), ' ');
    for letter in text.chars() {
        out.push(letter);
        if letter == '@' && !before.is_alphanumeric() {
            out.push(' ');
        }
        before = letter;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_cut_after_a_sentence_else_after_a_word_else_where_it_must() {
        let cut = |text: &str, most: usize| fitting(text, most, None);
        assert_eq!(cut(" Hello. ", 6), "Hello.");
        assert_eq!(cut("Hello you. And more", 12), "Hello you.");
        assert_eq!(cut("No. Hello and more", 12), "No. Hello");
        assert_eq!(cut("abcdefgh", 5), "abcde");
        assert_eq!(cut("ééééé", 5), "ééééé");
    }

    #[test]
    fn a_channel_counts_as_it_does() {
        let limit = |max: u32, unit: &str| json!({"max": max, "unit": unit});
        assert_eq!(fitting("ééé", 10, Some(&limit(4, "bytes"))), "éé");
        assert_eq!(fitting("😀😀", 10, Some(&limit(3, "utf16"))), "😀");
        assert_eq!(fitting("😀😀", 10, Some(&limit(2, "characters"))), "😀😀");
        assert_eq!(fitting("abc", 2, Some(&limit(9, "characters"))), "ab");
    }

    #[test]
    fn a_transcript_fits_a_comment_and_mentions_nobody() {
        let line = |agent: bool, text: &str| Line {
            agent,
            text: text.to_owned(),
        };
        let talk = [
            line(false, "@bob hi, I am ann@example.com"),
            line(true, "Hello"),
        ];
        assert_eq!(
            transcript("idle", Some("silence"), &talk),
            "AI agent, idle (silence)\nContact: @ bob hi, I am ann@example.com\nAgent: Hello"
        );
        let long = transcript(
            "success",
            None,
            &[line(true, &"é@ ".repeat(3_000)), line(false, "end")],
        );
        assert!(long.chars().count() <= COMMENT);
        assert!(long.ends_with("Contact: end"));
    }
}
