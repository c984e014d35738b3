//! From text to a JSON value that knows where it came from.
//!
//! One parser serves both forms: JSON is a subset of YAML 1.2. It works on the parser's events, not
//! on a finished tree, so that every bound holds while reading: size, depth, number of values.
//! Anchors and aliases are refused: a document of a few lines can stand for gigabytes with them,
//! and nobody needs them here. Duplicate keys are refused: one of the two would be lost silently.
//!
//! Two things are read as text although YAML's core schema calls them integers, because here they
//! are telephone numbers: digits after a `+`, and digits with a zero in front. An integer would
//! lose the sign and the zero.

use std::collections::HashMap;

use saphyr::{Scalar, ScalarStyle};
use saphyr_parser::{Event, Parser, Span};
use serde_json::{Map, Number, Value};

use super::problem::{Problem, join};

/// Largest document, in bytes.
pub const MAX_SIZE: usize = 1024 * 1024;
/// Deepest nesting of lists and mappings.
pub const MAX_DEPTH: usize = 32;
/// Most values (mappings, lists and scalars together) in one document.
pub const MAX_VALUES: usize = 50_000;

/// How a text begins that somebody has yet to write: what a template leaves to its reader.
pub const PLACE: &str = "FILL-IN";

/// Where the parts of a document stand in its text.
#[derive(Debug, Clone, Default)]
pub struct Marks {
    /// Line and column of each mapping entry's key and of each list's item, by JSON pointer.
    at: HashMap<String, (usize, usize)>,
    /// Texts that are to be filled in, by JSON pointer, with what they are to say.
    places: Vec<(String, String)>,
}

impl Marks {
    /// Texts that are to be filled in: their JSON pointers, and what they are to say.
    pub fn places(&self) -> impl Iterator<Item = (&str, &str)> {
        let places = self.places.iter();
        places.map(|(path, what)| (path.as_str(), what.as_str()))
    }

    /// Line and column (both from 1) of what the pointer names, or of the nearest thing around it.
    #[must_use]
    pub fn find(&self, path: &str) -> Option<(usize, usize)> {
        let mut path = path;
        loop {
            if let Some(mark) = self.at.get(path) {
                return Some(*mark);
            }
            path = &path[..path.rfind('/')?];
        }
    }

    /// Puts line and column into the problems that have none.
    pub fn locate(&self, problems: &mut [Problem]) {
        for problem in problems.iter_mut().filter(|problem| problem.line.is_none()) {
            if let Some((line, column)) = self.find(&problem.path) {
                problem.line = Some(line);
                problem.column = Some(column);
            }
        }
    }
}

/// A list or mapping that is still being read.
enum Open {
    List(Vec<Value>),
    Map {
        entries: Map<String, Value>,
        key: Option<String>,
    },
}

struct Level {
    open: Open,
    path: String,
}

struct Reading {
    levels: Vec<Level>,
    values: usize,
    root: Option<Value>,
    marks: Marks,
    problems: Vec<Problem>,
}

/// Reads YAML or JSON text.
///
/// # Errors
/// Every problem that was found; a syntax error ends the reading.
pub fn read(source: &str) -> Result<(Value, Marks), Vec<Problem>> {
    if source.len() > MAX_SIZE {
        return Err(vec![Problem::error(
            "too-large",
            "",
            format!(
                "the document has {} bytes; at most {MAX_SIZE} are read",
                source.len()
            ),
        )]);
    }
    let paired = pair_surrogates(source);
    let mut reading = Reading {
        levels: Vec::new(),
        values: 0,
        root: None,
        marks: Marks::default(),
        problems: Vec::new(),
    };
    let mut documents = 0;
    for event in Parser::new_from_str(paired.as_deref().unwrap_or(source)) {
        let (event, span) = match event {
            Ok(event) => event,
            Err(error) => {
                let mut problem = Problem::error(
                    "syntax",
                    "",
                    format!("this is not valid YAML: {}", error.info()),
                );
                problem.line = Some(error.marker().line());
                problem.column = Some(error.marker().col() + 1);
                reading.problems.push(problem);
                return Err(reading.problems);
            }
        };
        if matches!(event, Event::DocumentStart(_)) {
            documents += 1;
            if documents > 1 {
                reading.complain(
                    span,
                    "several-documents",
                    "one file holds one workflow: take out what follows `---`".to_owned(),
                );
                break;
            }
        }
        if !reading.take(event, span) {
            break;
        }
    }
    let Reading {
        root,
        marks,
        mut problems,
        ..
    } = reading;
    match root {
        Some(root) if problems.is_empty() => Ok((root, marks)),
        None if problems.is_empty() => Err(vec![Problem::error(
            "empty",
            "",
            "the document is empty: a workflow needs `name`, `trigger` and `steps`",
        )]),
        _ => {
            marks.locate(&mut problems);
            Err(problems)
        }
    }
}

impl Reading {
    /// Takes one event in; `false` ends the reading.
    fn take(&mut self, event: Event<'_>, span: Span) -> bool {
        match event {
            Event::Alias(_) => self.refuse_alias(span),
            Event::Scalar(text, style, anchor, tag) => {
                if anchor != 0 {
                    return self.refuse_alias(span);
                }
                if let Some(Level {
                    open:
                        Open::Map {
                            key: key @ None, ..
                        },
                    ..
                }) = self.levels.last_mut()
                {
                    *key = Some(text.into_owned());
                    return self.mark_key(span);
                }
                let value = if style == ScalarStyle::Plain && tag.is_none() && is_telephone(&text) {
                    Value::String(text.into_owned())
                } else {
                    match Scalar::parse_from_cow_and_metadata(text, style, tag.as_ref()) {
                        Some(scalar) => match json(scalar) {
                            Some(value) => value,
                            None => return self.refuse_number(span),
                        },
                        None => return self.refuse_tag(span),
                    }
                };
                self.put(value, span)
            }
            Event::SequenceStart(anchor, tag) => {
                self.open(anchor, tag.is_some(), span, Open::List(Vec::new()))
            }
            Event::MappingStart(anchor, tag) => self.open(
                anchor,
                tag.is_some(),
                span,
                Open::Map {
                    entries: Map::new(),
                    key: None,
                },
            ),
            Event::SequenceEnd | Event::MappingEnd => {
                let Some(level) = self.levels.pop() else {
                    return false;
                };
                let value = match level.open {
                    Open::List(items) => Value::Array(items),
                    Open::Map { entries, .. } => Value::Object(entries),
                };
                self.attach(value);
                true
            }
            Event::Nothing
            | Event::StreamStart
            | Event::StreamEnd
            | Event::DocumentStart(_)
            | Event::DocumentEnd => true,
        }
    }

    fn open(&mut self, anchor: usize, tagged: bool, span: Span, open: Open) -> bool {
        if anchor != 0 {
            return self.refuse_alias(span);
        }
        if tagged {
            return self.refuse_tag(span);
        }
        if matches!(
            self.levels.last(),
            Some(Level {
                open: Open::Map { key: None, .. },
                ..
            })
        ) {
            self.complain(
                span,
                "key-not-text",
                "a key must be a text, not a list or a mapping; a text that starts with `{` or \
                 `[` stands in quotes"
                    .to_owned(),
            );
            return false;
        }
        if self.levels.len() >= MAX_DEPTH {
            self.complain(
                span,
                "too-deep",
                format!("the document is nested deeper than {MAX_DEPTH} levels"),
            );
            return false;
        }
        let Some(path) = self.count(span) else {
            return false;
        };
        self.levels.push(Level { open, path });
        true
    }

    fn put(&mut self, value: Value, span: Span) -> bool {
        let Some(path) = self.count(span) else {
            return false;
        };
        if let Some(rest) = value.as_str().and_then(|text| text.strip_prefix(PLACE))
            && (rest.is_empty() || rest.starts_with(' '))
        {
            self.marks.places.push((path, rest.trim().to_owned()));
        }
        self.attach(value);
        true
    }

    /// Counts one value more and answers with its pointer.
    fn count(&mut self, span: Span) -> Option<String> {
        self.values += 1;
        if self.values > MAX_VALUES {
            self.complain(
                span,
                "too-many-values",
                format!("the document has more than {MAX_VALUES} values"),
            );
            return None;
        }
        let Some(level) = self.levels.last() else {
            self.marks.at.insert(String::new(), place(span));
            return Some(String::new());
        };
        let path = match &level.open {
            Open::List(items) => {
                let path = join(&level.path, items.len());
                self.marks.at.insert(path.clone(), place(span));
                path
            }
            Open::Map { key, .. } => join(&level.path, key.as_deref().unwrap_or_default()),
        };
        Some(path)
    }

    fn attach(&mut self, value: Value) {
        match self.levels.last_mut().map(|level| &mut level.open) {
            Some(Open::List(items)) => items.push(value),
            Some(Open::Map { entries, key }) => {
                if let Some(key) = key.take() {
                    entries.entry(key).or_insert(value);
                }
            }
            None => self.root = Some(value),
        }
    }

    /// Notes where a key stands; a key that was there before is a problem.
    fn mark_key(&mut self, span: Span) -> bool {
        let Some(Level {
            open: Open::Map {
                entries,
                key: Some(key),
            },
            path,
        }) = self.levels.last()
        else {
            return true;
        };
        let pointer = join(path, key);
        if entries.contains_key(key) {
            let first = self.marks.at.get(&pointer).map_or(0, |mark| mark.0);
            let message = format!("`{key}` stands here twice, first in line {first}");
            self.complain(span, "duplicate-key", message);
            if let Some(problem) = self.problems.last_mut() {
                problem.path = pointer;
            }
        } else {
            self.marks.at.insert(pointer, place(span));
        }
        true
    }

    fn refuse_alias(&mut self, span: Span) -> bool {
        self.complain(
            span,
            "alias",
            "anchors and aliases (`&name`, `*name`) are not allowed: write the value out, or put a \
             text that starts with `&` or `*` in quotes"
                .to_owned(),
        );
        false
    }

    fn refuse_tag(&mut self, span: Span) -> bool {
        self.complain(
            span,
            "tag",
            "this tag is not allowed or does not fit its value: leave the `!…` away, or put a text \
             that starts with `!` in quotes"
                .to_owned(),
        );
        false
    }

    fn refuse_number(&mut self, span: Span) -> bool {
        self.complain(
            span,
            "number",
            "infinity and NaN have no JSON form: write a finite number, or a text in quotes"
                .to_owned(),
        );
        false
    }

    fn complain(&mut self, span: Span, code: &'static str, message: String) {
        let (line, column) = place(span);
        let path = self
            .levels
            .last()
            .map(|level| level.path.clone())
            .unwrap_or_default();
        let mut problem = Problem::error(code, path, message);
        problem.line = Some(line);
        problem.column = Some(column);
        self.problems.push(problem);
    }
}

fn place(span: Span) -> (usize, usize) {
    (span.start.line(), span.start.col() + 1)
}

/// Digits after a plus sign, or after a zero: see the top of this file.
fn is_telephone(text: &str) -> bool {
    let digits = text
        .strip_prefix('+')
        .or_else(|| (text.len() > 1 && text.starts_with('0')).then_some(text));
    digits.is_some_and(|digits| !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()))
}

fn json(scalar: Scalar<'_>) -> Option<Value> {
    Some(match scalar {
        Scalar::Null => Value::Null,
        Scalar::Boolean(value) => Value::Bool(value),
        Scalar::Integer(value) => Value::Number(value.into()),
        Scalar::FloatingPoint(value) => Value::Number(Number::from_f64(value.into_inner())?),
        Scalar::String(text) => Value::String(text.into_owned()),
    })
}

/// JSON writes a character beyond the basic plane as two `\u` escapes, which YAML does not know as
/// one: they are put together before the parser sees them. None where there is nothing to do.
fn pair_surrogates(source: &str) -> Option<String> {
    if !source.trim_start().starts_with('{') || !source.contains("\\u") {
        return None;
    }
    let unit = |at: usize| -> Option<u16> {
        let hex = source.get(at..at + 6)?.strip_prefix("\\u")?;
        u16::from_str_radix(hex, 16).ok()
    };
    let mut out = String::with_capacity(source.len());
    let mut rest = 0;
    let mut at = 0;
    while let Some(found) = source[at..].find('\\') {
        at += found;
        if let (Some(high @ 0xD800..=0xDBFF), Some(low @ 0xDC00..=0xDFFF)) =
            (unit(at), unit(at + 6))
        {
            out.push_str(&source[rest..at]);
            out.extend(char::decode_utf16([high, low]).filter_map(Result::ok));
            at += 12;
            rest = at;
        } else {
            // The backslash and what it escapes, which may be another backslash.
            at += 1;
            at += source[at..].chars().next().map_or(0, char::len_utf8);
        }
    }
    out.push_str(&source[rest..]);
    Some(out)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn code(source: &str) -> &'static str {
        read(source).unwrap_err()[0].code
    }

    #[test]
    fn yaml_and_json_say_the_same() {
        let yaml = read("a: 1\nb: [x, {c: true}]\nd: null\ne: 1.5\n")
            .unwrap()
            .0;
        let json =
            read("{\n\t\"a\": 1,\n\t\"b\": [\"x\", {\"c\": true}], \"d\": null, \"e\": 1.5}");
        assert_eq!(
            yaml,
            json!({"a": 1, "b": ["x", {"c": true}], "d": null, "e": 1.5})
        );
        assert_eq!(json.unwrap().0, yaml);
    }

    #[test]
    fn marks_name_keys_and_items() {
        let (_, marks) = read("a:\n  b: 1\n  c:\n    - x\n    - y: 2\n").unwrap();
        assert_eq!(marks.find("/a/b"), Some((2, 3)));
        assert_eq!(marks.find("/a/c/1"), Some((5, 7)));
        assert_eq!(marks.find("/a/c/1/y/deeper"), Some((5, 7)));
        assert_eq!(marks.find("/nowhere"), Some((1, 1)));
    }

    #[test]
    fn anchors_aliases_tags_and_duplicates_are_refused() {
        assert_eq!(code("a: &x 1\nb: *x"), "alias");
        assert_eq!(code("a: &x [1]"), "alias");
        assert_eq!(code("a: !thing 1\nb: !!int x"), "tag");
        let problems = read("a: 1\nb: 2\na: 3\nb: 4").unwrap_err();
        assert_eq!(problems.len(), 2, "every duplicate is told");
        assert_eq!(
            (problems[0].code, problems[0].line),
            ("duplicate-key", Some(3))
        );
    }

    #[test]
    fn bounds_hold_while_reading() {
        assert_eq!(code(&"x".repeat(MAX_SIZE + 1)), "too-large");
        let deep = |levels| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
        assert!(read(&deep(MAX_DEPTH)).is_ok());
        assert_eq!(code(&deep(MAX_DEPTH + 1)), "too-deep");
        assert!(read(&"[".repeat(MAX_SIZE)).is_err(), "and soon");
        assert!(read(&"{a: ".repeat(MAX_SIZE / 4)).is_err(), "and soon");
        assert!(read(&"- ".repeat(MAX_SIZE / 2)).is_err(), "and soon");
        assert_eq!(
            code(&format!("[{}]", "1,".repeat(MAX_VALUES + 1))),
            "too-many-values"
        );
        assert_eq!(code("a: 1\n---\nb: 2"), "several-documents");
        assert_eq!(code("# nothing"), "empty");
        assert_eq!(code("a: .nan"), "number");
        assert_eq!(code("{[a]: 1}"), "key-not-text");
    }

    #[test]
    fn telephone_numbers_stay_texts() {
        let (value, _) =
            read("a: +33612345678\nb: 0612345678\nc: 12\nd: -1\ne: 0\nf: 0.5").unwrap();
        assert_eq!(
            value,
            json!({"a": "+33612345678", "b": "0612345678", "c": 12, "d": -1, "e": 0, "f": 0.5})
        );
    }

    #[test]
    fn json_surrogate_pairs_are_one_character() {
        let (value, _) = read(r#"{"a": "\ud83d\ude00 \\ud83d \u00e9 \/"}"#).unwrap();
        assert_eq!(value, json!({"a": "😀 \\ud83d é /"}));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(300))]
        #[test]
        fn any_text_is_read_or_refused(source in "\\PC{0,200}|[\\[\\]{}:,&*!|>'\"\\-\\n a-c0-9\\\\u]{0,120}") {
            let _ = read(&source);
        }
    }
}
