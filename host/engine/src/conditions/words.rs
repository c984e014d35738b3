//! Texts as people mean them: the one reading of words for conditions, the keywords of triggers and
//! compliance words.
//!
//! Case, width and accents do not count, nor does what is no letter or digit at the edges: "Arrêt ! 🛑"
//! is "arret".

use super::compare::{fold_text, without_accents};

/// A text with case, accents and width folded, spaces collapsed, edges without punctuation and emoji.
#[must_use]
pub fn normal(text: &str) -> String {
    let plain = without_accents(&fold_text(text, true));
    let trimmed = plain.trim_matches(|one: char| !one.is_alphanumeric());
    trimmed.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The words of a text, folded: runs of letters and digits, so that "nonstop" has no "stop".
#[must_use]
pub fn words(text: &str) -> Vec<String> {
    without_accents(&fold_text(text, true))
        .split(|one: char| !one.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_owned)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn dress_does_not_count() {
        for text in ["STOP", " stop.", "Stop! 🛑", "ＳＴＯＰ", "«stop»"] {
            assert_eq!(normal(text), "stop", "{text}");
            assert_eq!(words(text), ["stop"], "{text}");
        }
        assert_eq!(normal("Arrêt"), "arret");
        assert_eq!(normal("  happy \n birthday!"), "happy birthday");
        assert_eq!(normal("opt-out"), "opt-out");
        assert_eq!(words("opt-out, nonstop"), ["opt", "out", "nonstop"]);
        assert_eq!((normal("?!"), words("🛑").len()), (String::new(), 0));
    }

    proptest! {
        #[test]
        fn what_is_normal_stays_as_it_is(text in "\\PC{0,40}") {
            let once = normal(&text);
            prop_assert_eq!(normal(&once), once.clone());
            prop_assert_eq!(words(&once), words(&text));
        }
    }
}
