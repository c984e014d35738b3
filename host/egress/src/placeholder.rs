//! `{{secret:NAME}}`: finding the placeholders, and putting values in at the last moment.
//!
//! A value is put in so that it cannot break out of its place: percent-encoded in a URL, escaped in
//! a JSON or XML body, form-encoded in a form. Every value that was put in is remembered, so that
//! it can be scrubbed from what comes back.
//!
//! A body is different from the other places: it carries what contacts write, and a contact may
//! write `{{secret:x}}`. So a body is searched only for the names that the grant knows at all;
//! everything else in it is text. In the other places a malformed placeholder is an error.

use std::collections::BTreeMap;

use bytes::Bytes;
use percent_encoding::percent_encode;

use crate::scrub::{PATH, Scrubber, UNRESERVED, json_escaped};
use crate::target::Target;
use crate::{Error, Grant, Place, Secret, Secrets};

const OPEN: &[u8] = b"{{secret:";
const CLOSE: &[u8] = b"}}";
const LONGEST_NAME: usize = 128;

/// Whether the text can be the name of a secret: 1 to 128 letters, digits, `-`, `_`, `.`.
pub(crate) fn is_name(text: &str) -> bool {
    (1..=LONGEST_NAME).contains(&text.len())
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    Text(Bytes),
    Secret(String),
}

/// Bytes with placeholders in them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Template(Vec<Part>);

impl Template {
    /// Reads text that the plugin itself wrote; `where_` names it in the error.
    pub(crate) fn strict(text: &str, where_: &str) -> Result<Template, Error> {
        let template = Template::read(Bytes::copy_from_slice(text.as_bytes()), &|_| true);
        let broken = template
            .0
            .iter()
            .any(|part| matches!(part, Part::Text(text) if find(text, OPEN).is_some()));
        if broken {
            return Err(Error::invalid(format!(
                "{where_} holds a malformed placeholder; write `{{{{secret:NAME}}}}` with a name of \
                 letters, digits, `-`, `_`, `.`"
            )));
        }
        Ok(template)
    }

    /// Reads a body: a placeholder is one only if `known` says so of its name.
    pub(crate) fn body(bytes: Bytes, known: &dyn Fn(&str) -> bool) -> Template {
        Template::read(bytes, known)
    }

    fn read(bytes: Bytes, known: &dyn Fn(&str) -> bool) -> Template {
        let mut parts = Vec::new();
        let (mut text_from, mut at) = (0, 0);
        while let Some(open) = find(&bytes[at..], OPEN).map(|found| at + found) {
            let from = open + OPEN.len();
            // A name is short, so the search for its end is bounded.
            let window = &bytes[from..bytes.len().min(from + LONGEST_NAME + CLOSE.len())];
            let name = find(window, CLOSE)
                .and_then(|end| std::str::from_utf8(&window[..end]).ok())
                .filter(|name| is_name(name) && known(name));
            at = match name {
                None => from,
                Some(name) => {
                    if text_from < open {
                        parts.push(Part::Text(bytes.slice(text_from..open)));
                    }
                    parts.push(Part::Secret(name.to_owned()));
                    text_from = from + name.len() + CLOSE.len();
                    text_from
                }
            };
        }
        if text_from < bytes.len() {
            parts.push(Part::Text(bytes.slice(text_from..)));
        }
        Template(parts)
    }

    /// One placeholder alone.
    pub(crate) fn secret(name: &str) -> Template {
        Template(vec![Part::Secret(name.to_owned())])
    }

    pub(crate) fn parts(&self) -> &[Part] {
        &self.0
    }

    /// The names of the secrets in it.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(|part| match part {
            Part::Secret(name) => Some(name.as_str()),
            Part::Text(_) => None,
        })
    }

    pub(crate) fn has_secrets(&self) -> bool {
        self.names().next().is_some()
    }
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack
        .windows(needle.len())
        .position(|window| window == needle)
}

/// How a value is written at its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Escape {
    /// As it is.
    None,
    /// Inside a string of JSON.
    Json,
    /// In `application/x-www-form-urlencoded`.
    Form,
    /// In text or an attribute of XML.
    Xml,
    /// In a path segment. The colon stays, because some providers have it in their tokens.
    Path,
    /// In a query.
    Query,
}

impl Escape {
    /// What a body of this content type needs.
    pub(crate) fn for_content_type(content_type: &str) -> Escape {
        let essence = content_type
            .split(';')
            .next()
            .unwrap_or_default()
            .trim()
            .to_ascii_lowercase();
        match essence.as_str() {
            "application/x-www-form-urlencoded" => Escape::Form,
            json if json.ends_with("/json") || json.ends_with("+json") => Escape::Json,
            xml if xml.ends_with("/xml") || xml.ends_with("+xml") => Escape::Xml,
            _ => Escape::None,
        }
    }

    fn apply(self, value: &str) -> String {
        match self {
            Escape::None => value.to_owned(),
            Escape::Json => json_escaped(value),
            Escape::Form => url::form_urlencoded::byte_serialize(value.as_bytes()).collect(),
            Escape::Xml => value
                .replace('&', "&amp;")
                .replace('<', "&lt;")
                .replace('>', "&gt;")
                .replace('"', "&quot;")
                .replace('\'', "&apos;"),
            Escape::Path => percent_encode(value.as_bytes(), PATH).to_string(),
            Escape::Query => percent_encode(value.as_bytes(), UNRESERVED).to_string(),
        }
    }
}

/// Puts secrets in for one call of one plugin, and remembers which.
pub(crate) struct Filler<'a> {
    grant: &'a Grant,
    secrets: &'a dyn Secrets,
    used: BTreeMap<String, Secret>,
    /// Whole texts that are secret though they are no secret's value.
    extra: Vec<String>,
}

impl<'a> Filler<'a> {
    pub(crate) fn new(grant: &'a Grant, secrets: &'a dyn Secrets) -> Filler<'a> {
        Filler {
            grant,
            secrets,
            used: BTreeMap::new(),
            extra: Vec::new(),
        }
    }

    /// The value of a secret, if the grant allows it there.
    pub(crate) async fn value(
        &mut self,
        name: &str,
        place: Place,
        target: &Target,
    ) -> Result<&Secret, Error> {
        self.grant.check_secret(name, place, target)?;
        if !self.used.contains_key(name) {
            let secret = self
                .secrets
                .resolve(name)
                .await
                .map_err(|why| Error::Unavailable {
                    name: name.to_owned(),
                    text: why.to_string(),
                })?
                .ok_or_else(|| Error::SecretMissing {
                    name: name.to_owned(),
                })?;
            self.used.insert(name.to_owned(), secret);
        }
        self.used.get(name).ok_or_else(|| Error::SecretMissing {
            name: name.to_owned(),
        })
    }

    /// The template with values in it.
    pub(crate) async fn fill(
        &mut self,
        template: &Template,
        place: Place,
        escape: Escape,
        target: &Target,
    ) -> Result<Bytes, Error> {
        if let [Part::Text(only)] = template.parts() {
            return Ok(only.clone());
        }
        let mut out = Vec::new();
        for part in template.parts() {
            match part {
                Part::Text(text) => out.extend_from_slice(text),
                Part::Secret(name) => {
                    let value = self.value(name, place, target).await?;
                    out.extend_from_slice(escape.apply(value.expose()).as_bytes());
                }
            }
        }
        Ok(out.into())
    }

    /// The template as text. Templates of text stay text, because names and values are text.
    pub(crate) async fn fill_text(
        &mut self,
        template: &Template,
        place: Place,
        escape: Escape,
        target: &Target,
    ) -> Result<String, Error> {
        let bytes = self.fill(template, place, escape, target).await?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// Whether the grant lets every secret of the template stand there.
    pub(crate) fn may_fill(&self, template: &Template, place: Place, target: &Target) -> bool {
        template
            .names()
            .all(|name| self.grant.check_secret(name, place, target).is_ok())
    }

    /// Marks a text as secret that was made from one.
    pub(crate) fn hide(&mut self, text: String) {
        self.extra.push(text);
    }

    /// A scrubber for everything that was put in.
    pub(crate) fn scrubber(&self) -> Scrubber {
        Scrubber::with_extra(self.used.values(), self.extra.iter().map(String::as_str))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn text(text: &str) -> Part {
        Part::Text(Bytes::copy_from_slice(text.as_bytes()))
    }

    #[test]
    fn placeholders_are_found_wherever_they_stand() {
        let template = Template::strict("{{secret:a}}-{{secret:b.c}}{{secret:a}} x", "it").unwrap();
        let expected = [
            Part::Secret("a".into()),
            text("-"),
            Part::Secret("b.c".into()),
            Part::Secret("a".into()),
            text(" x"),
        ];
        assert_eq!(template.parts(), expected);
        assert!(
            !Template::strict("{{secret}} {{name}}", "it")
                .unwrap()
                .has_secrets()
        );
    }

    #[test]
    fn malformed_placeholders_are_errors_outside_of_bodies() {
        for bad in [
            "{{secret:}}",
            "{{secret:a",
            "{{secret:a b}}",
            "{{secret:{{secret:a}}",
        ] {
            assert!(Template::strict(bad, "it").is_err(), "{bad}");
        }
    }

    #[test]
    fn in_a_body_only_known_names_are_placeholders() {
        let body = Bytes::from_static(b"\xff{{secret:x}} {{secret:known}} {{secret:");
        let template = Template::body(body, &|name| name == "known");
        assert_eq!(template.names().collect::<Vec<_>>(), ["known"]);
        assert_eq!(template.parts().len(), 3);
    }

    #[test]
    fn values_cannot_break_out_of_their_place() {
        let value = "a\"b&c=d/e?f#g<h> 'i':j\\";
        assert_eq!(Escape::Json.apply(value), "a\\\"b&c=d/e?f#g<h> 'i':j\\\\");
        assert_eq!(Escape::Form.apply("a b&c"), "a+b%26c");
        assert_eq!(Escape::Path.apply("12:a/b?c#d%"), "12:a%2Fb%3Fc%23d%25");
        assert_eq!(Escape::Query.apply("a&b=c d"), "a%26b%3Dc%20d");
        assert!(!Escape::Xml.apply(value).contains(['<', '>', '"', '\'']));
        assert_eq!(
            Escape::for_content_type("Application/JSON; charset=utf-8"),
            Escape::Json
        );
        assert_eq!(Escape::for_content_type("text/plain"), Escape::None);
        assert_eq!(
            Escape::for_content_type("application/soap+xml"),
            Escape::Xml
        );
    }

    proptest! {
        #[test]
        fn a_body_without_known_names_is_left_alone(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let body = Bytes::from(bytes);
            let template = Template::body(body.clone(), &|_| false);
            let whole = match template.parts() { [] => Bytes::new(), [Part::Text(text)] => text.clone(), _ => panic!() };
            prop_assert_eq!(whole, body);
        }

        #[test]
        fn text_and_names_come_back_in_order(words in proptest::collection::vec("[a-z{}:]{0,6}", 1..6)) {
            let joined = words.join("{{secret:n}}");
            let template = Template::read(Bytes::from(joined.clone()), &|_| true);
            let back: Vec<u8> = template.parts().iter().flat_map(|part| match part {
                Part::Text(text) => text.to_vec(),
                Part::Secret(name) => format!("{{{{secret:{name}}}}}").into_bytes(),
            }).collect();
            prop_assert_eq!(back, joined.into_bytes());
        }
    }
}
