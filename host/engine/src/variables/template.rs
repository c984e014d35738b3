//! Texts with variables in them.
//!
//! - `$contact.firstname`: a namespace (lower case), then one or more names. A full stop that no
//!   letter follows is punctuation.
//! - `${contact.firstname|there}`: the same in braces, with what to write where there is no value.
//!   Names may hold hyphens, and `[0]` picks an item: `${steps.ask-name.answers[0]}`. The default
//!   is plain text without `}`; it also stands in for an empty text.
//! - `$$` is a dollar sign. A `$` that starts none of these is one too: `$5`.
//!
//! Reading cannot fail, so a text that people wrote to people is never refused for a dollar sign;
//! [`Template::doubtful`] tells what looks like a variable and is none.

use std::ops::Range;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Scope, as_text, snippet};

/// How many bytes a text may have when its variables are put in.
pub const MAX_OUTPUT: usize = 100 * 1024;

/// What a variable becomes that has no value and no default.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Unset {
    /// Nothing, with a warning on the run's timeline.
    #[default]
    Empty,
    /// Itself, as it was written, with a warning.
    Literal,
    /// An error: the step fails.
    Fail,
}

/// How values are written into a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Escape {
    /// As they are.
    None,
    /// For HTML text and quoted attributes: `&`, `<`, `>`, `"` and `'` as character references.
    Html,
    /// As a component of a URI (RFC 3986): everything but letters, digits, `-`, `.`, `_` and `~`
    /// is percent-encoded.
    UriComponent,
    /// For JSON: texts as the inside of a JSON string, other values as JSON.
    Json,
}

/// A variable in a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Variable {
    /// Namespace and names with full stops between them; an index is a name: `steps.ask.answers.0`.
    pub path: String,
    /// What to write where there is no value.
    pub default: Option<String>,
    /// As it was written.
    pub source: String,
}

impl Variable {
    /// The first name of the path.
    #[must_use]
    pub fn namespace(&self) -> &str {
        self.path.split('.').next().unwrap_or_default()
    }
}

/// One piece of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Piece {
    Text(String),
    Variable(Variable),
}

/// A text with variables, read.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Template {
    pub(super) pieces: Vec<Piece>,
    doubtful: Vec<String>,
}

/// Something on the way that did not stop it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Warning {
    /// Stable, lower-case with hyphens: `unset-variable`, `unsafe-url`, `unsafe-place`.
    pub code: &'static str,
    /// The variable's path, where it is about one.
    pub variable: String,
    /// For people.
    pub message: String,
}

/// A text with its values in.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Rendered {
    /// The text.
    pub text: String,
    /// What did not stop it.
    pub warnings: Vec<Warning>,
}

/// A text cannot be put together.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RenderError {
    /// A variable has no value, and the workspace or workflow says that this is a failure.
    #[error(
        "`${path}` has no value: give it one, write a default as in `${{{path}|default}}`, or let \
         `unset-variables` be `empty`"
    )]
    Unset {
        /// The variable's path.
        path: String,
    },
    /// The text grows past its bound.
    #[error("the text is longer than {limit} bytes with its variables put in: shorten it")]
    TooLong {
        /// The bound in bytes.
        limit: usize,
    },
}

impl Template {
    /// Reads a text. Every text is a template.
    #[must_use]
    pub fn parse(source: &str) -> Self {
        let mut template = Self::default();
        let mut text = String::new();
        let mut rest = source;
        while let Some(at) = rest.find('$') {
            text.push_str(&rest[..at]);
            rest = &rest[at..];
            if let Some(after) = rest.strip_prefix("$$") {
                text.push('$');
                rest = after;
            } else if let Some((variable, length)) = read_plain(rest).or_else(|| read_braces(rest))
            {
                if !text.is_empty() {
                    template.pieces.push(Piece::Text(std::mem::take(&mut text)));
                }
                template.pieces.push(Piece::Variable(variable));
                rest = &rest[length..];
            } else {
                if let Some(end) = rest.strip_prefix("${").and_then(|body| body.find('}')) {
                    template.doubtful.push(rest[..end + 3].to_owned());
                }
                text.push('$');
                rest = &rest[1..];
            }
        }
        text.push_str(rest);
        if !text.is_empty() {
            template.pieces.push(Piece::Text(text));
        }
        template
    }

    /// The variables, in order.
    pub fn variables(&self) -> impl Iterator<Item = &Variable> {
        self.pieces.iter().filter_map(|piece| match piece {
            Piece::Variable(variable) => Some(variable),
            Piece::Text(_) => None,
        })
    }

    /// What is written like a variable in braces but is none, such as `${name}`.
    #[must_use]
    pub fn doubtful(&self) -> &[String] {
        &self.doubtful
    }

    /// The variable, where the text is exactly one.
    #[must_use]
    pub fn lone(&self) -> Option<&Variable> {
        match self.pieces.as_slice() {
            [Piece::Variable(variable)] => Some(variable),
            _ => None,
        }
    }

    /// Puts the values in; at most [`MAX_OUTPUT`] bytes.
    ///
    /// # Errors
    /// A variable without a value where `unset` says so, or too long a text.
    pub fn render(
        &self,
        scope: &dyn Scope,
        escape: Escape,
        unset: Unset,
    ) -> Result<Rendered, RenderError> {
        self.render_within(scope, unset, MAX_OUTPUT, |_, _| escape)
    }

    /// As [`Self::render`], for a URL: what stands at the very beginning is taken as it is (a whole
    /// URL in a variable), everything after is encoded as a URI component.
    ///
    /// # Errors
    /// As [`Self::render`].
    pub fn render_uri(&self, scope: &dyn Scope, unset: Unset) -> Result<Rendered, RenderError> {
        self.render_within(scope, unset, MAX_OUTPUT, |index, _| {
            if index == 0 {
                Escape::None
            } else {
                Escape::UriComponent
            }
        })
    }

    /// Puts the values in, escaped as `escape` says for the piece's index and its variable.
    ///
    /// # Errors
    /// As [`Self::render`], with a bound of `limit` bytes.
    pub fn render_within(
        &self,
        scope: &dyn Scope,
        unset: Unset,
        limit: usize,
        escape: impl Fn(usize, &Variable) -> Escape,
    ) -> Result<Rendered, RenderError> {
        let mut out = Rendered::default();
        // What the author wrote, as ranges of the text.
        let mut written: Vec<Range<usize>> = Vec::new();
        for (index, piece) in self.pieces.iter().enumerate() {
            match piece {
                Piece::Text(text) => {
                    let start = out.text.len();
                    out.text.push_str(text);
                    match written.last_mut() {
                        Some(last) if last.end == start => last.end = out.text.len(),
                        _ => written.push(start..out.text.len()),
                    }
                }
                Piece::Variable(variable) => {
                    let value = resolve(variable, scope, unset, &mut out.warnings)?;
                    out.text.push_str(&escaped(&value, escape(index, variable)));
                }
            }
            if out.text.len() > limit {
                return Err(RenderError::TooLong { limit });
            }
        }
        take_apart(&mut out.text, &written);
        Ok(out)
    }
}

/// How a placeholder for a secret begins.
const PLACEHOLDER: &str = "{{secret:";
/// The same, meaning nothing.
const APART: &str = "{ {secret:";

/// Values that stand side by side, or beside the author's text, may make up a placeholder between
/// them: it is taken apart as well.
fn take_apart(text: &mut String, written: &[Range<usize>]) {
    let made = text.match_indices(PLACEHOLDER).map(|(start, _)| start);
    let by_author = |start: usize| {
        let end = start + PLACEHOLDER.len();
        written
            .iter()
            .any(|range| range.start <= start && end <= range.end)
    };
    let made: Vec<usize> = made.filter(|start| !by_author(*start)).collect();
    for start in made.into_iter().rev() {
        text.replace_range(start..start + PLACEHOLDER.len(), APART);
    }
}

/// A placeholder for a secret means something only where an author wrote it. In a value, which a
/// contact may have written, it is taken apart, so that nobody can have a secret put into a text.
fn without_placeholders(value: Value) -> Value {
    match value {
        Value::String(text) if text.contains(PLACEHOLDER) => {
            Value::String(text.replace(PLACEHOLDER, APART))
        }
        Value::Array(items) => items.into_iter().map(without_placeholders).collect(),
        Value::Object(entries) => Value::Object(
            entries
                .into_iter()
                .map(|(name, value)| {
                    (
                        name.replace(PLACEHOLDER, APART),
                        without_placeholders(value),
                    )
                })
                .collect(),
        ),
        value => value,
    }
}

/// A variable's value, its default, or what `unset` says.
pub(super) fn resolve(
    variable: &Variable,
    scope: &dyn Scope,
    unset: Unset,
    warnings: &mut Vec<Warning>,
) -> Result<Value, RenderError> {
    let value = match snippet::value(&variable.path, scope, unset, warnings)? {
        Some(value) => Some(value),
        None => scope.get(&variable.path).filter(|value| !value.is_null()),
    };
    let value = match (value, &variable.default) {
        (Some(Value::String(text)), Some(_)) if text.is_empty() => None,
        (value, _) => value,
    };
    if let Some(value) = value {
        return Ok(without_placeholders(value));
    }
    if let Some(default) = &variable.default {
        return Ok(Value::String(default.clone()));
    }
    let becomes = match unset {
        Unset::Fail => {
            return Err(RenderError::Unset {
                path: variable.path.clone(),
            });
        }
        Unset::Empty => String::new(),
        Unset::Literal => variable.source.clone(),
    };
    warnings.push(Warning {
        code: "unset-variable",
        variable: variable.path.clone(),
        message: format!(
            "`{}` has no value and was {}",
            variable.source,
            if unset == Unset::Empty {
                "left empty"
            } else {
                "written out as it is"
            }
        ),
    });
    Ok(Value::String(becomes))
}

/// RFC 3986, section 2.3: the unreserved characters stay.
const COMPONENT: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// A value as text, escaped.
pub(super) fn escaped(value: &Value, escape: Escape) -> String {
    match escape {
        Escape::None => as_text(value),
        Escape::Html => escape_html(&as_text(value)),
        Escape::UriComponent => utf8_percent_encode(&as_text(value), COMPONENT).to_string(),
        Escape::Json => match value {
            Value::String(text) => {
                let quoted = Value::String(text.clone()).to_string();
                quoted[1..quoted.len() - 1].to_owned()
            }
            _ => value.to_string(),
        },
    }
}

/// `&`, `<`, `>`, `"` and `'` as character references: safe in text and in quoted attributes.
pub(super) fn escape_html(text: &str) -> String {
    html_escape::encode_quoted_attribute(text)
        .into_owned()
        .replace('>', "&gt;")
}

/// `$namespace.name`; the variable and how many bytes it takes.
fn read_plain(source: &str) -> Option<(Variable, usize)> {
    let body = source.strip_prefix('$')?;
    if !body.starts_with(|c: char| c.is_ascii_lowercase() || c == '_') {
        return None;
    }
    let word = |text: &str| {
        text.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_'))
            .unwrap_or(text.len())
    };
    let mut end = word(body);
    let namespace = end;
    while let Some(after) = body[end..].strip_prefix('.') {
        match word(after) {
            0 => break,
            length => end += 1 + length,
        }
    }
    (end > namespace).then(|| {
        let variable = Variable {
            path: body[..end].to_owned(),
            default: None,
            source: source[..=end].to_owned(),
        };
        (variable, end + 1)
    })
}

/// `${namespace.name[0]|default}`; the variable and how many bytes it takes.
fn read_braces(source: &str) -> Option<(Variable, usize)> {
    let body = source.strip_prefix("${")?;
    let end = body.find('}')?;
    let (written, default) = match body[..end].split_once('|') {
        Some((path, default)) => (path, Some(default.to_owned())),
        None => (&body[..end], None),
    };
    let path = read_path(written.trim())?;
    let length = end + 3;
    Some((
        Variable {
            path,
            default,
            source: source[..length].to_owned(),
        },
        length,
    ))
}

/// A path with indexes in brackets as one with full stops only.
pub(crate) fn read_path(written: &str) -> Option<String> {
    if !written.starts_with(|c: char| c.is_ascii_lowercase() || c == '_') {
        return None;
    }
    let word = |text: &str| {
        text.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == '-'))
            .unwrap_or(text.len())
    };
    let first = word(written);
    let mut path = written[..first].to_owned();
    let mut rest = &written[first..];
    while !rest.is_empty() {
        let name = if let Some(after) = rest.strip_prefix('.') {
            let (name, tail) = after.split_at(word(after));
            rest = tail;
            name
        } else {
            let (index, tail) = rest.strip_prefix('[')?.split_once(']')?;
            if !index.bytes().all(|b| b.is_ascii_digit()) {
                return None;
            }
            rest = tail;
            index
        };
        if name.is_empty() {
            return None;
        }
        path.push('.');
        path.push_str(name);
    }
    path.contains('.').then_some(path)
}
