//! Reads `match`, `numbers`, `from`, `until` and `stop-after-match` of a trigger on
//! `message.received`.

use super::{Object, Reader};
use crate::conditions::Condition;
use crate::document::{
    problem::{join, one_of, type_name},
    trigger::{Keyword, Kind, Match, Own, RECEIVED_KEYS, Received},
};
use crate::schedule::Moment;
use jiff::tz::TimeZone;
use serde_json::{Value, json};

/// Most keywords of one kind.
const MOST: usize = 100;
/// Longest keyword, in characters.
const LONGEST: usize = 100;
/// Most patterns.
const MOST_PATTERNS: usize = 10;

impl Reader {
    pub(super) fn received(&mut self, object: &Object, path: &str) -> Option<Own> {
        if !RECEIVED_KEYS.iter().any(|key| object.contains_key(*key)) {
            return Some(Own::Nothing);
        }
        let before = self.problems.len();
        let keywords = object
            .get("match")
            .and_then(|value| self.keywords(value, &join(path, "match")));
        let numbers = self.numbers(object, path);
        let from = self.end(object, "from", path);
        let until = self.end(object, "until", path);
        if let (Some((_, from)), Some((_, until))) = (&from, &until)
            && from.compare(until, &TimeZone::UTC).is_gt()
        {
            self.complain(
                "range",
                &join(path, "until"),
                "the window ends before it begins",
            );
        }
        let stop_after_match = match object.get("stop-after-match") {
            Some(_) if !object.contains_key("match") => {
                let message = "`stop-after-match` stands only with `match`";
                self.complain("missing", &join(path, "stop-after-match"), message);
                true
            }
            None => true,
            Some(Value::Bool(stop)) => *stop,
            Some(other) => {
                let message = format!(
                    "`stop-after-match` is true or false, not {}",
                    type_name(other)
                );
                self.complain("type", &join(path, "stop-after-match"), message);
                true
            }
        };
        (self.problems.len() == before).then(|| {
            Own::Received(Box::new(Received {
                keywords,
                numbers,
                from: from.map(|(text, _)| text),
                until: until.map(|(text, _)| text),
                stop_after_match,
            }))
        })
    }

    fn keywords(&mut self, value: &Value, path: &str) -> Option<Match> {
        if value == "any" {
            return Some(Match::Any);
        }
        let names = Kind::ALL.map(|(name, _)| name);
        if !value.is_object() {
            let message = format!(
                "`match` is `any`, or a mapping with {}",
                one_of(names).replace(" or ", " and ")
            );
            self.complain("type", path, message);
            return None;
        }
        let object = self.object(value, path, "`match`", &names)?;
        if object.is_empty() {
            let message = format!("`match` names at least one of {}", one_of(names));
            self.complain("missing", path, message);
        }
        let mut kinds = Vec::new();
        for (name, kind) in Kind::ALL {
            if let Some(value) = object.get(name) {
                kinds.push((kind, self.of_kind(kind, value, &join(path, name))?));
            }
        }
        Some(Match::Kinds(kinds))
    }

    fn of_kind(&mut self, kind: Kind, value: &Value, path: &str) -> Option<Vec<Keyword>> {
        let (most, what) = match kind {
            Kind::Regex => (MOST_PATTERNS, "patterns"),
            _ => (MOST, "keywords"),
        };
        let Some(texts) = texts(value).filter(|texts| (1..=most).contains(&texts.len())) else {
            let message = format!("`{}` is a list of 1 to {most} {what}", kind.name());
            self.complain("type", path, message);
            return None;
        };
        let mut found = Vec::new();
        for text in texts {
            if kind == Kind::Regex {
                match Condition::parse(&json!({"field": "message.text", "matches": text})) {
                    Ok(condition) => found.push(Keyword::pattern(&text, condition)),
                    Err(problems) => {
                        for problem in problems {
                            self.complain(problem.code, path, problem.message);
                        }
                    }
                }
            } else if text.chars().count() > LONGEST {
                let message = format!("a keyword has at most {LONGEST} characters");
                self.complain("too-long", path, message);
            } else if let Some(keyword) = Keyword::of(&text) {
                found.push(keyword);
            } else {
                let message = format!("the keyword `{text}` has no letter and no digit");
                self.complain("keyword", path, message);
            }
        }
        Some(found)
    }

    fn numbers(&mut self, object: &Object, path: &str) -> Vec<String> {
        let Some(value) = object.get("numbers") else {
            return Vec::new();
        };
        let found = texts(value).filter(|texts| {
            (1..=MOST).contains(&texts.len()) && texts.iter().all(|text| !text.trim().is_empty())
        });
        found.unwrap_or_else(|| {
            let message = format!(
                "`numbers` is a list of 1 to {MOST} numbers, or names of channels, that receive"
            );
            self.complain("type", &join(path, "numbers"), message);
            Vec::new()
        })
    }

    fn end(&mut self, object: &Object, key: &str, path: &str) -> Option<(String, Moment)> {
        let value = object.get(key)?;
        let text = value
            .as_str()
            .map_or_else(|| value.to_string(), str::to_owned);
        match Moment::parse(&text, &TimeZone::UTC) {
            Ok(moment) => Some((text, moment)),
            Err(error) => {
                self.complain("date", &join(path, key), error.to_string());
                None
            }
        }
    }
}

/// One text or several; numbers are texts too.
fn texts(value: &Value) -> Option<Vec<String>> {
    let one = |value: &Value| match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    };
    match value {
        Value::Array(items) => items.iter().map(one).collect(),
        value => Some(vec![one(value)?]),
    }
}
