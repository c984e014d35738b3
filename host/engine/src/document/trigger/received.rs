//! `event: message.received`: keywords, the number that received the message, and a window of time.
//!
//! Every kind of match that is named must hold; within a kind any of its keywords is enough (of
//! `all-words` all, of `none-of` none).

use crate::conditions::Condition;
use crate::conditions::words::{normal, words};
use crate::schedule::Moment;
use crate::variables::Scope;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::{Map, Value, json};

/// What is asked of a message beside the trigger's condition.
#[derive(Debug, Clone, PartialEq)]
pub struct Received {
    /// What its text must be; none for any message, keyword or not.
    pub keywords: Option<Match>,
    /// The numbers, or the names of the channels, that it must have come to; empty for all.
    pub numbers: Vec<String>,
    /// It must not have come before.
    pub from: Option<String>,
    /// Nor after.
    pub until: Option<String>,
    /// Where it starts a run, workflows with keywords that come later in line do not start.
    pub stop_after_match: bool,
}

/// What a text must be.
#[derive(Debug, Clone, PartialEq)]
pub enum Match {
    /// Anything.
    Any,
    /// As each of these says.
    Kinds(Vec<(Kind, Vec<Keyword>)>),
}

/// How a keyword is looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// It is the whole text.
    Exact,
    /// The text begins with it, as words.
    StartsWith,
    /// It is among the words.
    ContainsWord,
    /// It is a part of the text.
    Contains,
    /// All of them are among the words.
    AllWords,
    /// None of them is among the words.
    NoneOf,
    /// The pattern matches.
    Regex,
}

impl Kind {
    /// Every one, with its name in documents.
    pub const ALL: [(&'static str, Kind); 7] = [
        ("exact", Kind::Exact),
        ("starts-with", Kind::StartsWith),
        ("contains-word", Kind::ContainsWord),
        ("contains", Kind::Contains),
        ("all-words", Kind::AllWords),
        ("none-of", Kind::NoneOf),
        ("regex", Kind::Regex),
    ];

    /// Its name in documents.
    #[must_use]
    pub fn name(self) -> &'static str {
        let found = Self::ALL.iter().find(|(_, kind)| *kind == self);
        found.map_or("", |(name, _)| name)
    }
}

/// A keyword, and what is made of it once.
#[derive(Debug, Clone, PartialEq)]
pub struct Keyword {
    text: String,
    normal: String,
    words: Vec<String>,
    pattern: Option<Condition>,
}

impl Keyword {
    /// A word or several; none where it has no letter and no digit.
    #[must_use]
    pub fn of(text: &str) -> Option<Keyword> {
        let keyword = Keyword {
            text: text.to_owned(),
            normal: normal(text),
            words: words(text),
            pattern: None,
        };
        (!keyword.words.is_empty()).then_some(keyword)
    }

    /// A pattern of the text of a message.
    #[must_use]
    pub(in crate::document) fn pattern(text: &str, condition: Condition) -> Keyword {
        Keyword {
            text: text.to_owned(),
            normal: String::new(),
            words: Vec::new(),
            pattern: Some(condition),
        }
    }

    fn is_among(&self, said: &Said<'_>) -> bool {
        let length = self.words.len();
        length > 0 && said.words.windows(length).any(|part| part == self.words)
    }

    fn holds(&self, kind: Kind, said: &Said<'_>) -> bool {
        match kind {
            Kind::Exact => said.words == self.words,
            Kind::StartsWith => said.words.starts_with(&self.words),
            Kind::ContainsWord | Kind::AllWords | Kind::NoneOf => self.is_among(said),
            Kind::Contains => said.normal.contains(&self.normal),
            Kind::Regex => self
                .pattern
                .as_ref()
                .is_some_and(|pattern| pattern.evaluate(said.scope)),
        }
    }
}

/// A text, read once.
struct Said<'a> {
    normal: String,
    words: Vec<String>,
    scope: &'a dyn Scope,
}

impl Match {
    /// The first keyword that a text matches (empty where any text does); none where it is not as
    /// asked. `scope` has the message.
    #[must_use]
    pub fn heard(&self, text: &str, scope: &dyn Scope) -> Option<String> {
        let Match::Kinds(kinds) = self else {
            return Some(String::new());
        };
        let said = Said {
            normal: normal(text),
            words: words(text),
            scope,
        };
        let mut heard = String::new();
        for (kind, keywords) in kinds {
            let held: Vec<&Keyword> = keywords
                .iter()
                .filter(|one| one.holds(*kind, &said))
                .collect();
            let fits = match kind {
                Kind::NoneOf => held.is_empty(),
                Kind::AllWords => held.len() == keywords.len(),
                _ => !held.is_empty(),
            };
            if !fits {
                return None;
            }
            if let (Some(first), true) = (held.first(), heard.is_empty()) {
                heard.clone_from(&first.text);
            }
        }
        Some(heard)
    }

    fn to_json(&self) -> Value {
        let Match::Kinds(kinds) = self else {
            return "any".into();
        };
        let kinds = kinds.iter().map(|(kind, keywords)| {
            let texts: Vec<&str> = keywords.iter().map(|one| one.text.as_str()).collect();
            (kind.name().to_owned(), json!(texts))
        });
        Value::Object(kinds.collect())
    }

    /// Its keywords that start something, with those of another that are the same.
    fn shared(&self, other: &Match) -> Option<String> {
        let (Match::Kinds(ours), Match::Kinds(theirs)) = (self, other) else {
            let both = matches!((self, other), (Match::Any, Match::Any));
            return both.then(|| "any message".to_owned());
        };
        let positive = |kinds: &'_ [(Kind, Vec<Keyword>)]| -> Vec<Keyword> {
            let kinds = kinds
                .iter()
                .filter(|(kind, _)| !matches!(kind, Kind::NoneOf | Kind::AllWords | Kind::Regex));
            kinds.flat_map(|(_, keywords)| keywords.clone()).collect()
        };
        let theirs = positive(theirs);
        let ours = positive(ours).into_iter();
        let mut same = ours.filter(|one| theirs.iter().any(|other| other.words == one.words));
        same.next().map(|one| format!("`{}`", one.text))
    }
}

impl Received {
    /// Whether the message came to one of the numbers.
    #[must_use]
    pub fn is_for(&self, message: &Value) -> bool {
        let named = |field: &str| message.get(field).and_then(Value::as_str);
        let to = named("to").map(digits).filter(|to| !to.is_empty());
        self.numbers.is_empty()
            || self.numbers.iter().any(|number| {
                named("channel") == Some(number.as_str()) || to.as_ref() == Some(&digits(number))
            })
    }

    /// Whether the window is open.
    #[must_use]
    pub fn is_open(&self, now: Timestamp, time_zone: &TimeZone) -> bool {
        let now = Moment {
            instant: now,
            day: None,
        };
        let compare = |text: &Option<String>| {
            let end = Moment::parse(text.as_deref()?, time_zone).ok()?;
            Some(now.compare(&end, time_zone))
        };
        compare(&self.from).is_none_or(std::cmp::Ordering::is_ge)
            && compare(&self.until).is_none_or(std::cmp::Ordering::is_le)
    }

    /// The keyword by which this and another workflow would both start: same number, overlapping
    /// windows.
    #[must_use]
    pub fn conflict(&self, other: &Received) -> Option<String> {
        let shared = self.keywords.as_ref()?.shared(other.keywords.as_ref()?)?;
        let numbers = self.numbers.is_empty()
            || other.numbers.is_empty()
            || self.numbers.iter().any(|one| {
                let same = |two: &String| {
                    one == two || (!digits(one).is_empty() && digits(one) == digits(two))
                };
                other.numbers.iter().any(same)
            });
        let begins_in_time = |one: &Received, two: &Received| match (&one.from, &two.until) {
            (Some(from), Some(until)) => {
                let read = |text: &str| Moment::parse(text, &TimeZone::UTC).ok();
                let both = read(from).zip(read(until));
                both.is_none_or(|(from, until)| from.compare(&until, &TimeZone::UTC).is_le())
            }
            _ => true,
        };
        (numbers && begins_in_time(self, other) && begins_in_time(other, self)).then_some(shared)
    }

    pub(super) fn write(&self, out: &mut Map<String, Value>) {
        if let Some(keywords) = &self.keywords {
            out.insert("match".into(), keywords.to_json());
        }
        if !self.numbers.is_empty() {
            out.insert("numbers".into(), json!(self.numbers));
        }
        for (key, end) in [("from", &self.from), ("until", &self.until)] {
            if let Some(end) = end {
                out.insert(key.into(), end.clone().into());
            }
        }
        if !self.stop_after_match {
            out.insert("stop-after-match".into(), false.into());
        }
    }
}

/// The digits of a number; nothing of what is a name.
fn digits(number: &str) -> String {
    let number = number.trim();
    let is_number = number.starts_with(|first: char| first == '+' || first.is_ascii_digit());
    let digits = number.chars().filter(char::is_ascii_digit);
    if is_number {
        digits.collect()
    } else {
        String::new()
    }
}

#[cfg(test)]
#[path = "received_tests.rs"]
mod tests;
