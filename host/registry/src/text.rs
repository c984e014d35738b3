//! Text of strangers, made fit to be shown.
//!
//! A registry chooses what its errors, names and headers say, and a person reads them in a terminal.
//! What must hold: what went through [`clean`] cannot move the cursor, hide or reorder other text,
//! and is short.

use std::error::Error;

/// The most characters of a stranger's text that are shown.
const MOST: usize = 300;

/// On one line, without control characters, and cut.
pub(crate) fn clean(text: &str) -> String {
    let mut out = String::new();
    let mut count = 0;
    for word in text.split(|c: char| c.is_whitespace() || c.is_control()) {
        let mut word = word.chars().filter(|&c| !reorders(c)).peekable();
        if word.peek().is_none() {
            continue;
        }
        if !out.is_empty() {
            out.push(' ');
            count += 1;
        }
        for c in word {
            if count >= MOST {
                out.push('…');
                return out;
            }
            out.push(c);
            count += 1;
        }
    }
    out
}

/// Characters that are invisible or change the direction of what stands around them.
fn reorders(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

/// An error with what lies under it, outermost first, each said once.
pub(crate) fn chain(error: &dyn Error) -> String {
    let mut said: Vec<String> = Vec::new();
    let mut next = Some(error);
    while let Some(error) = next {
        let text = error.to_string();
        if !said.iter().any(|before| before.contains(&text)) {
            said.push(text);
        }
        next = error.source();
    }
    clean(&said.join(": "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_moves_the_cursor_or_turns_the_text_around_is_gone() {
        assert_eq!(
            clean("a\u{1b}[2J b\r\n\n c\u{202e}d\u{7}\u{9b}e \u{200b} f"),
            "a [2J b cd e f"
        );
    }

    #[test]
    fn a_long_text_is_cut_at_a_character() {
        let cut = clean(&"é".repeat(10_000));
        assert_eq!(cut.chars().count(), MOST + 1);
        assert!(cut.ends_with('…'));
        assert!(clean(&"ab ".repeat(10_000)).chars().count() <= MOST + 1);
    }
}
