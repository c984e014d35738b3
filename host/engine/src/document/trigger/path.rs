//! A place in a JSON value, `$.customer.emails[0]`: where a trigger finds what it takes out of a
//! request's body.

use serde_json::Value;
use std::fmt::{self, Display};
use std::str::FromStr;

/// Longest path, in characters.
const LONGEST: usize = 200;

/// One step down.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    /// Into a mapping.
    Key(String),
    /// Into a list, from 0.
    Index(usize),
}

/// A path that leads to one place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Path {
    text: String,
    parts: Vec<Part>,
}

/// What a path looks like.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "a path begins with `$` and goes down by `.name`, `['any name']` and `[0]`, as in \
     `$.customer.emails[0]`; it has at most {LONGEST} characters"
)]
pub struct PathError;

impl Path {
    /// What stands there.
    #[must_use]
    pub fn find<'a>(&self, value: &'a Value) -> Option<&'a Value> {
        self.parts.iter().try_fold(value, |value, part| match part {
            Part::Key(key) => value.get(key),
            Part::Index(index) => value.get(index),
        })
    }
}

impl FromStr for Path {
    type Err = PathError;

    fn from_str(text: &str) -> Result<Path, PathError> {
        let mut rest = text.strip_prefix('$').ok_or(PathError)?;
        if text.chars().count() > LONGEST || rest.is_empty() {
            return Err(PathError);
        }
        let mut parts = Vec::new();
        while !rest.is_empty() {
            let (part, after) = part(rest).ok_or(PathError)?;
            parts.push(part);
            rest = after;
        }
        Ok(Path {
            text: text.to_owned(),
            parts,
        })
    }
}

/// The first part of a text, and what follows it.
fn part(text: &str) -> Option<(Part, &str)> {
    if let Some(name) = text.strip_prefix('.') {
        let end = name.find(['.', '[']).unwrap_or(name.len());
        let (name, after) = name.split_at(end);
        let good = !name.is_empty() && !name.contains([']', '\'', '"', '*', ' ']);
        return good.then(|| (Part::Key(name.to_owned()), after));
    }
    let inside = text.strip_prefix('[')?;
    for quote in ['\'', '"'] {
        if let Some(quoted) = inside.strip_prefix(quote) {
            let (name, after) = quoted.split_once(quote)?;
            return Some((Part::Key(name.to_owned()), after.strip_prefix(']')?));
        }
    }
    let (index, after) = inside.split_once(']')?;
    let digits = !index.is_empty() && index.bytes().all(|byte| byte.is_ascii_digit());
    let index = digits.then(|| index.parse().ok())??;
    Some((Part::Index(index), after))
}

impl Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    #[test]
    fn a_path_leads_to_one_place() {
        let value = json!({"a": {"b c": [{"d-e": 1}, 2]}, "user[mail]": "x", "": 3});
        for (path, found) in [
            ("$.a['b c'][0].d-e", Some(json!(1))),
            ("$['a'][\"b c\"][1]", Some(json!(2))),
            ("$['user[mail]']", Some(json!("x"))),
            ("$['']", Some(json!(3))),
            ("$.a.b", None),
            ("$.a['b c'].d-e", None),
            ("$.a['b c'][2]", None),
            ("$[0]", None),
        ] {
            let read: Path = path.parse().unwrap();
            assert_eq!(read.find(&value), found.as_ref(), "{path}");
            assert_eq!(read.to_string(), path);
        }
    }

    #[test]
    fn what_is_no_path_is_refused() {
        let long = format!("$.{}", "a".repeat(LONGEST - 1));
        assert!(
            format!("$.{}", "a".repeat(LONGEST - 2))
                .parse::<Path>()
                .is_ok()
        );
        for path in [
            "",
            "$",
            "a.b",
            "$a",
            "$.",
            "$..a",
            "$.a.",
            "$.a[",
            "$.a[]",
            "$.a[-1]",
            "$.a[*]",
            "$.*",
            "$.a b",
            "$['a]",
            "$['a'",
            "$.a[1]b",
            "$[99999999999999999999999]",
            &long,
        ] {
            assert_eq!(path.parse::<Path>(), Err(PathError), "{path}");
        }
    }

    proptest! {
        #[test]
        fn no_text_breaks_it(text in "\\$?[.\\[\\]'\"a0 é]{0,40}") {
            if let Ok(path) = text.parse::<Path>() {
                prop_assert_eq!(path.to_string(), text);
                let _ = path.find(&json!({"a": [1]}));
            }
        }

        #[test]
        fn every_key_has_a_path(key in "[^']{0,50}") {
            let path: Path = format!("$['{key}']").parse().unwrap();
            let value = json!({key: 7});
            prop_assert_eq!(path.find(&value), Some(&json!(7)));
        }
    }
}
