//! Paths into a JSON answer: `$.phone`, `$.addresses[0].city`, `$['a key'].b`, `$[-1].id`.
//!
//! The part of JSONPath (RFC 9535) that names exactly one value; filters and wildcards are refused
//! with a reason rather than read as something else.

use serde_json::Value;

/// One step of a path.
#[derive(Debug, PartialEq)]
pub(crate) enum Segment {
    Key(String),
    /// Negative ones count from the end.
    Index(i64),
}

/// Reads a path. `$` alone is the whole answer; a path without `$` starts at it.
pub(crate) fn parse(text: &str) -> Result<Vec<Segment>, String> {
    let text = text.trim();
    let mut rest = text.strip_prefix('$').unwrap_or(text);
    let mut segments = Vec::new();
    let bad = |why: &str| format!("`{text}` is no path such as `$.addresses[0].city`: {why}");
    if text.is_empty() {
        return Err(bad("it is empty"));
    }
    if rest.len() == text.len() && !rest.starts_with('[') {
        let (key, after) = key(rest);
        segments.push(Segment::Key(key.to_owned()));
        rest = after;
    }
    while !rest.is_empty() {
        if let Some(after) = rest.strip_prefix('.') {
            let (key, after) = key(after);
            if key.is_empty() || key == "*" {
                return Err(bad("a name must follow every dot"));
            }
            segments.push(Segment::Key(key.to_owned()));
            rest = after;
        } else if let Some(after) = rest.strip_prefix('[') {
            let (inside, after) = match after.chars().next() {
                // A quoted key may hold a bracket.
                Some(quote @ ('\'' | '"')) => after[1..]
                    .split_once(quote)
                    .and_then(|(inside, after)| {
                        Some((Segment::Key(inside.to_owned()), after.strip_prefix(']')?))
                    })
                    .ok_or_else(|| bad("a bracket with a key ends with a quote and `]`"))?,
                _ => {
                    let (inside, after) = after
                        .split_once(']')
                        .ok_or_else(|| bad("a bracket is not closed"))?;
                    let index = inside
                        .trim()
                        .parse()
                        .map_err(|_| bad("a bracket holds a number or a quoted key"))?;
                    (Segment::Index(index), after)
                }
            };
            segments.push(inside);
            rest = after;
        } else {
            return Err(bad("a dot or a bracket is missing"));
        }
    }
    Ok(segments)
}

fn key(text: &str) -> (&str, &str) {
    text.split_at(text.find(['.', '[']).unwrap_or(text.len()))
}

/// The value at a path.
pub(crate) fn find<'a>(value: &'a Value, path: &[Segment]) -> Option<&'a Value> {
    path.iter().try_fold(value, |value, segment| match segment {
        Segment::Key(key) => value.get(key),
        Segment::Index(index) => {
            let items = value.as_array()?;
            let index = if *index < 0 {
                items.len() as i64 + index
            } else {
                *index
            };
            items.get(usize::try_from(index).ok()?)
        }
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn keys_and_indexes_are_followed() {
        let value = json!({"a": {"b": [10, {"c d": "x"}]}, "e.f": 1, "list": [[1, 2], [3]]});
        let at = |path: &str| find(&value, &parse(path).unwrap()).cloned();
        assert_eq!(at("$.a.b[0]"), Some(json!(10)));
        assert_eq!(at("a.b[1]['c d']"), Some(json!("x")));
        assert_eq!(at("$[\"e.f\"]"), Some(json!(1)));
        assert_eq!(at("$.list[-1][0]"), Some(json!(3)));
        assert_eq!(at("$"), Some(value.clone()));
        assert_eq!(at("$.a.x.y"), None);
        assert_eq!(at("$.list[7]"), None);
        assert_eq!(at("$.list[-7]"), None);
    }

    #[test]
    fn what_is_no_path_is_refused() {
        for path in [
            "", "$.", "$..a", "$.a[", "$.a[x]", "$.*", "$a", "$['a]", "$.a[*]", "$['a'",
        ] {
            assert!(parse(path).is_err(), "{path}");
        }
    }
}
