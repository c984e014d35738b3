//! Snippets: texts of the workspace that stand in other texts as `${snippet.NAME}`.
//!
//! A snippet is read when it is put in, so it may hold variables of its own, which get the values
//! that are there at that moment. What must hold: a snippet puts no other snippet in, so that none
//! can stand in itself, and it brings no placeholder of a secret into the text around it.

use super::{Escape, RenderError, Scope, Template, Unset, Warning};
use jackfield_store::records::Snippet as Row;
use jiff::{Timestamp, tz::TimeZone};
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The namespace of snippets.
pub const SNIPPET: &str = "snippet";

/// The namespace of files: `${file.NAME}` is a file's address on the web. What follows is the whole
/// name, full stops and all.
pub const FILE: &str = "file";

/// The addresses of a workspace's files, by name.
pub type Files = Arc<BTreeMap<String, String>>;

/// A text that is kept once and put into others.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Snippet {
    /// With variables.
    pub text: String,
    /// Addresses on the web, in order.
    pub attachments: Vec<String>,
}

/// The snippets of a workspace, by name.
pub type Snippets = Arc<BTreeMap<String, Snippet>>;

/// What the database has of a workspace's snippets.
#[must_use]
pub fn of_rows(rows: Vec<Row>) -> Snippets {
    let all = rows.into_iter().map(|row| {
        let attachments = row.attachments.as_array().into_iter().flatten();
        let attachments = attachments.filter_map(Value::as_str).map(str::to_owned);
        let snippet = Snippet {
            attachments: attachments.collect(),
            text: row.text,
        };
        (row.name, snippet)
    });
    Arc::new(all.collect())
}

/// What a variable names of a snippet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    /// Its text: `snippet.NAME` and `snippet.NAME.text`.
    Text,
    /// Its n-th attachment, from 0: `snippet.NAME.attachments[0]`.
    Attachment(usize),
}

/// The name and the part of what stands after `snippet.`; no part where there is no such one.
pub(crate) fn named(rest: &str) -> (&str, Option<Part>) {
    let (name, part) = rest.split_once('.').unwrap_or((rest, "text"));
    let part = match part.split_once('.') {
        None if part == "text" => Some(Part::Text),
        Some(("attachments", index)) => index.parse().ok().map(Part::Attachment),
        _ => None,
    };
    (name, part)
}

/// What a path below `snippet` stands for, its own variables put in. None where the path is of
/// another namespace, or there is no such snippet.
pub(super) fn value(
    path: &str,
    scope: &dyn Scope,
    unset: Unset,
    warnings: &mut Vec<Warning>,
) -> Result<Option<Value>, RenderError> {
    let Some(rest) = path
        .strip_prefix(SNIPPET)
        .and_then(|rest| rest.strip_prefix('.'))
    else {
        return Ok(None);
    };
    let (name, part) = named(rest);
    let (Some(found), Some(part)) = (scope.snippet(name), part) else {
        return Ok(None);
    };
    match part {
        Part::Attachment(index) => Ok(found.attachments.get(index).cloned().map(Value::String)),
        Part::Text => {
            let template = Template::parse(&found.text);
            let rendered = template.render(&Alone(scope), Escape::None, unset)?;
            warnings.extend(rendered.warnings);
            Ok(Some(Value::String(rendered.text)))
        }
    }
}

/// A scope without its snippets.
struct Alone<'a>(&'a dyn Scope);

impl Scope for Alone<'_> {
    fn get(&self, path: &str) -> Option<Value> {
        self.0.get(path)
    }

    fn now(&self) -> Timestamp {
        self.0.now()
    }

    fn time_zone(&self) -> &TimeZone {
        self.0.time_zone()
    }
}

/// A scope with the snippets and files of a workspace.
pub struct WithSnippets<'a> {
    /// Everything else.
    pub scope: &'a dyn Scope,
    /// The snippets.
    pub snippets: Snippets,
    /// The files.
    pub files: Files,
}

impl Scope for WithSnippets<'_> {
    fn get(&self, path: &str) -> Option<Value> {
        match path.split_once('.') {
            Some((FILE, name)) => self.files.get(name).cloned().map(Value::String),
            _ => self.scope.get(path),
        }
    }

    fn snippet(&self, name: &str) -> Option<&Snippet> {
        self.snippets.get(name)
    }

    fn now(&self) -> Timestamp {
        self.scope.now()
    }

    fn time_zone(&self) -> &TimeZone {
        self.scope.time_zone()
    }
}

/// Whether a text puts this snippet in.
#[must_use]
pub fn names_snippet(text: &str, name: &str) -> bool {
    snippets_in(text).iter().any(|known| known == name)
}

/// Whether a text puts the address of this file in.
#[must_use]
pub fn names_file(text: &str, name: &str) -> bool {
    let template = Template::parse(text);
    let mut paths = template.variables().map(|variable| &variable.path);
    paths.any(|path| path.split_once('.') == Some((FILE, name)))
}

/// The snippets that a text puts in.
#[must_use]
pub fn snippets_in(text: &str) -> Vec<String> {
    let template = Template::parse(text);
    let rests = template
        .variables()
        .filter_map(|variable| match variable.path.split_once('.') {
            Some((SNIPPET, rest)) => Some(named(rest).0.to_owned()),
            _ => None,
        });
    rests.collect()
}

/// Whether any text in a value is such a one.
pub(crate) fn any_text(value: &Value, is: &dyn Fn(&str) -> bool) -> bool {
    match value {
        Value::String(text) => is(text),
        Value::Array(items) => items.iter().any(|item| any_text(item, is)),
        Value::Object(entries) => entries.values().any(|item| any_text(item, is)),
        _ => false,
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]
mod tests {
    use super::*;
    use crate::variables::{ValueScope, render_html};
    use proptest::prelude::*;
    use serde_json::json;

    fn read(text: &str, snippet: &str, unset: Unset) -> Result<(String, usize), RenderError> {
        let scope = ValueScope {
            values: json!({"contact": {"firstname": "Ann $contact.city", "odd": "${snippet.hello}"}}),
            now: Timestamp::UNIX_EPOCH,
            time_zone: TimeZone::UTC,
        };
        let one = Snippet {
            text: snippet.to_owned(),
            attachments: vec!["https://example.com/a.pdf".to_owned()],
        };
        let scope = WithSnippets {
            scope: &scope,
            snippets: Arc::new(BTreeMap::from([("hello".to_owned(), one)])),
            files: Arc::new(BTreeMap::from([(
                "a-b.pdf".to_owned(),
                "https://x.org/1".to_owned(),
            )])),
        };
        let rendered = Template::parse(text).render(&scope, Escape::None, unset)?;
        Ok((rendered.text, rendered.warnings.len()))
    }

    #[test]
    fn a_snippet_gets_the_values_of_the_text_that_it_stands_in() {
        let said = read(
            "-${snippet.hello}-",
            "Hi $contact.firstname, $$5",
            Unset::Fail,
        );
        // A value is not read again.
        assert_eq!(said.unwrap().0, "-Hi Ann $contact.city, $5-");
        let said = read("$snippet.hello.text", "x", Unset::Fail).unwrap();
        assert_eq!(said.0, "x");
        let file = read("${snippet.hello.attachments[0]}", "x", Unset::Fail).unwrap();
        assert_eq!(file.0, "https://example.com/a.pdf");
    }

    #[test]
    fn a_files_name_may_have_full_stops() {
        let said = read("<${file.a-b.pdf}>", "x", Unset::Fail).unwrap();
        assert_eq!(said.0, "<https://x.org/1>");
        let inside = read("$snippet.hello", "see ${file.a-b.pdf}", Unset::Fail).unwrap();
        assert_eq!(inside.0, "see https://x.org/1");
        assert!(read("${file.a-b}", "x", Unset::Fail).is_err());
        assert!(names_file("a ${file.a-b.pdf|none}", "a-b.pdf"));
        assert!(!names_file("a ${file.a-b.pdf}", "a-b"));
    }

    #[test]
    fn what_is_not_there_is_unset() {
        for text in [
            "${snippet.gone}",
            "${snippet.hello.attachments[1]}",
            "${snippet.hello.attachments}",
            "${snippet.hello.nothing}",
        ] {
            assert_eq!(read(text, "x", Unset::Empty).unwrap(), (String::new(), 1));
            assert!(read(text, "x", Unset::Fail).is_err(), "{text}");
        }
        assert_eq!(
            read("${snippet.gone|none}", "x", Unset::Fail).unwrap().0,
            "none"
        );
        // What a snippet lacks is told as well.
        let said = read("${snippet.hello}", "Hi $contact.lastname!", Unset::Empty);
        assert_eq!(said.unwrap(), ("Hi !".to_owned(), 1));
        assert!(read("${snippet.hello}", "$contact.lastname", Unset::Fail).is_err());
    }

    #[test]
    fn a_snippet_stands_in_no_snippet_and_brings_no_secret() {
        let inside = "a ${snippet.hello|none} b";
        assert_eq!(
            read("${snippet.hello}", inside, Unset::Fail).unwrap().0,
            "a none b"
        );
        let odd = read("${snippet.hello}", "$contact.odd", Unset::Fail).unwrap();
        assert_eq!(odd.0, "${snippet.hello}");
        let secret = read("${snippet.hello}", "{{secret:crm}}", Unset::Fail).unwrap();
        assert_eq!(secret.0, "{ {secret:crm}}");
    }

    #[test]
    fn in_html_a_snippet_is_text() {
        let scope = ValueScope {
            values: json!({}),
            now: Timestamp::UNIX_EPOCH,
            time_zone: TimeZone::UTC,
        };
        let text = "<b>1 & 2".to_owned();
        let one = Snippet {
            text,
            attachments: Vec::new(),
        };
        let scope = WithSnippets {
            scope: &scope,
            snippets: Arc::new(BTreeMap::from([("x".to_owned(), one)])),
            files: Files::default(),
        };
        let html = render_html("<p>$snippet.x</p>", &scope, Unset::Fail).unwrap();
        assert_eq!(html.text, "<p>&lt;b&gt;1 &amp; 2</p>");
    }

    proptest! {
        #[test]
        fn whatever_a_snippet_holds_it_is_read_once(snippet in ".{0,200}", text in ".{0,100}") {
            let whole = format!("{text}${{snippet.hello}}");
            let (said, _) = read(&whole, &snippet, Unset::Empty).unwrap();
            prop_assert!(said.len() <= whole.len() + snippet.len() * 20);
            prop_assert!(!said.contains("{{secret:") || text.contains("{{secret:"));
        }

        #[test]
        fn the_names_in_a_text_are_those_that_it_is_said_to_name(name in "[a-z]{1,8}(-[a-z0-9]{1,4})?") {
            let text = format!("a ${{snippet.{name}}} b ${{snippet.{name}.attachments[2]|c}}");
            prop_assert!(names_snippet(&text, &name));
            prop_assert_eq!(snippets_in(&text), vec![name.clone(), name]);
        }
    }
}
