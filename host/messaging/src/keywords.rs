//! Compliance words: STOP, START and HELP, in several languages, as data (`data/keywords.json`).
//!
//! A text is such a word only if it is that word and nothing else, after folding case, accents and
//! width and dropping punctuation and emoji at its edges: "Arrêt !" is ARRET, "please stop" is not
//! STOP. A provider that has recognised the word itself is believed.

use crate::settings::KeywordSettings;
pub(crate) use jackfield_engine::conditions::words::normal as fold;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::sync::LazyLock;

/// What a word asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Keyword {
    /// Nothing more, please.
    Stop,
    /// Again, please.
    Start,
    /// Who are you?
    Help,
}

/// The words of a language and their answers.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Pack {
    stop: Vec<String>,
    start: Vec<String>,
    help: Vec<String>,
    stop_text: String,
    start_text: String,
    help_text: String,
}

impl Pack {
    fn words(&self, keyword: Keyword) -> &[String] {
        match keyword {
            Keyword::Stop => &self.stop,
            Keyword::Start => &self.start,
            Keyword::Help => &self.help,
        }
    }

    fn text(&self, keyword: Keyword) -> &str {
        match keyword {
            Keyword::Stop => &self.stop_text,
            Keyword::Start => &self.start_text,
            Keyword::Help => &self.help_text,
        }
    }
}

static PACKS: LazyLock<BTreeMap<String, Pack>> = LazyLock::new(|| {
    serde_json::from_str(include_str!("../data/keywords.json")).unwrap_or_default()
});

/// The languages that there are packs of.
pub(crate) fn languages() -> impl Iterator<Item = &'static str> {
    PACKS.keys().map(String::as_str)
}

impl Keyword {
    /// As inbound events name it.
    pub(crate) fn named(name: &str) -> Option<Keyword> {
        match name {
            "stop" => Some(Keyword::Stop),
            "start" => Some(Keyword::Start),
            "help" => Some(Keyword::Help),
            _ => None,
        }
    }
}

/// What a text asks for, if it is a compliance word of the workspace.
pub(crate) fn recognise(text: &str, settings: &KeywordSettings) -> Option<Keyword> {
    if !settings.enabled {
        return None;
    }
    let text = fold(text);
    if text.is_empty() {
        return None;
    }
    if settings
        .more_stop_words
        .iter()
        .any(|word| fold(word) == text)
    {
        return Some(Keyword::Stop);
    }
    [Keyword::Stop, Keyword::Start, Keyword::Help]
        .into_iter()
        .find(|keyword| packs(settings).any(|(_, pack)| has(pack, *keyword, &text)))
}

/// The answer to a word: the workspace's own, or the pack's, in the contact's language where that
/// pack is on, else in the first language that has the word.
pub(crate) fn answer(
    keyword: Keyword,
    text: &str,
    language: Option<&str>,
    settings: &KeywordSettings,
) -> String {
    let own = match keyword {
        Keyword::Stop => &settings.stop_text,
        Keyword::Start => &settings.start_text,
        Keyword::Help => &settings.help_text,
    };
    if let Some(own) = own {
        return own.clone();
    }
    let text = fold(text);
    let spoken = language
        .and_then(|tag| tag.split(['-', '_']).next())
        .map(str::to_lowercase);
    packs(settings)
        .find(|(name, _)| Some(*name) == spoken.as_deref())
        .or_else(|| packs(settings).find(|(_, pack)| has(pack, keyword, &text)))
        .or_else(|| packs(settings).next())
        .map(|(_, pack)| pack.text(keyword).to_owned())
        .unwrap_or_default()
}

fn packs(settings: &KeywordSettings) -> impl Iterator<Item = (&'static str, &'static Pack)> {
    settings
        .languages
        .iter()
        .filter_map(|name| PACKS.get_key_value(name))
        .map(|(name, pack)| (name.as_str(), pack))
}

fn has(pack: &Pack, keyword: Keyword, folded: &str) -> bool {
    pack.words(keyword).iter().any(|word| fold(word) == folded)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_alone_is_recognised_whatever_its_dress() {
        let settings = KeywordSettings::default();
        for text in [
            "STOP",
            "stop.",
            " Stop! 🛑",
            "Arrêt",
            "ＳＴＯＰ",
            "stop  all",
            "opt-out",
            "Baja",
        ] {
            assert_eq!(recognise(text, &settings), Some(Keyword::Stop), "{text}");
        }
        assert_eq!(recognise("Unstop", &settings), Some(Keyword::Start));
        assert_eq!(recognise("hilfe?", &settings), Some(Keyword::Help));
        for text in [
            "please stop",
            "nonstop",
            "STOP PLEASE",
            "",
            "!!",
            "yes",
            "non merci",
        ] {
            assert_eq!(recognise(text, &settings), None, "{text}");
        }
    }

    #[test]
    fn a_workspace_adds_words_and_switches_packs_off() {
        let mut settings = KeywordSettings {
            languages: vec!["fr".to_owned()],
            more_stop_words: vec!["Non merci".to_owned()],
            ..KeywordSettings::default()
        };
        assert_eq!(recognise("NON MERCI", &settings), Some(Keyword::Stop));
        assert_eq!(recognise("unsubscribe", &settings), None);
        settings.enabled = false;
        assert_eq!(recognise("STOP", &settings), None);
    }

    #[test]
    fn the_answer_speaks_the_contacts_language() {
        let mut settings = KeywordSettings::default();
        assert!(answer(Keyword::Stop, "stop", Some("fr-FR"), &settings).starts_with("Vous"));
        assert!(answer(Keyword::Stop, "abmelden", None, &settings).starts_with("Sie"));
        assert!(answer(Keyword::Stop, "stop", Some("xx"), &settings).starts_with("You"));
        settings.stop_text = Some("Bye".to_owned());
        assert_eq!(answer(Keyword::Stop, "stop", None, &settings), "Bye");
    }
}
