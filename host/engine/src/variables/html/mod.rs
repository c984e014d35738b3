//! HTML with variables in it: mail templates.
//!
//! Escaping alone is not enough in HTML: what is harmless in a paragraph is a script in an `href`.
//! So the template's own text is followed through the states of an HTML tokenizer, and a value is
//! written as the place asks:
//!
//! | place | a value is |
//! |---|---|
//! | text, an ordinary attribute | escaped; an attribute without quotes gets them |
//! | the beginning of an address (`href`, `src`, …) | escaped |
//! | further on in an address | percent-encoded as a URI component |
//! | `script`, `style`, a comment, an `on…` or `style` attribute, a name | left out, with a warning |
//!
//! An address whose scheme is not one of [`SCHEMES`] is replaced by `#`, with a warning, whether it
//! came from a value or stood in the template. Values never change the tokenizer's state, so a
//! value cannot leave its place.
//!
//! Conditional comments (`<!--[if mso]>`) count as what is in them, because Outlook reads it.

mod plain;

use serde_json::Value;

pub use plain::html_to_text;

use super::{
    Escape, RenderError, Rendered, Scope, Template, Unset, Warning, as_text,
    template::{MAX_OUTPUT, Piece, escape_html, escaped, resolve},
};

/// The schemes that an address may have; one without a scheme is fine too. `data:` is allowed for
/// images that are not SVG.
pub const SCHEMES: [&str; 6] = ["http", "https", "mailto", "tel", "sms", "cid"];

/// Attributes that hold an address.
const ADDRESSES: [&str; 11] = [
    "href",
    "src",
    "action",
    "formaction",
    "background",
    "poster",
    "cite",
    "data",
    "longdesc",
    "xlink:href",
    "ping",
];

/// Attributes that hold code or a whole document, besides those that start with `on`.
const CODE: [&str; 2] = ["style", "srcdoc"];

/// Puts the values into an HTML template; at most [`MAX_OUTPUT`] bytes.
///
/// # Errors
/// A variable without a value where `unset` says so, or too long a text.
pub fn render_html(
    template: &str,
    scope: &dyn Scope,
    unset: Unset,
) -> Result<Rendered, RenderError> {
    render(&Template::parse(template), scope, unset)
}

/// As [`render_html`], for a template that was read already.
pub(super) fn render(
    template: &Template,
    scope: &dyn Scope,
    unset: Unset,
) -> Result<Rendered, RenderError> {
    let mut writer = Writer::default();
    for piece in &template.pieces {
        match piece {
            Piece::Text(text) => text.chars().for_each(|c| writer.literal(c)),
            Piece::Variable(variable) => {
                let value = resolve(variable, scope, unset, &mut writer.warnings)?;
                writer.value(&value, &variable.path);
            }
        }
        if writer.out.len() + writer.held.len() > MAX_OUTPUT {
            return Err(RenderError::TooLong { limit: MAX_OUTPUT });
        }
    }
    writer.end_of_attribute();
    Ok(Rendered {
        text: writer.out,
        warnings: writer.warnings,
    })
}

/// Where in the HTML the writer stands: the states of the HTML standard's tokenizer, those that
/// matter for what may be put in.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Place {
    #[default]
    Text,
    /// After `<`.
    TagOpen,
    TagName,
    /// After `<!`, not yet known what it is.
    Declaration,
    /// `<!doctype`, `<?`, `<![endif]-->` and the like: up to the next `>`.
    Bogus,
    Comment,
    /// Between attributes.
    Tag,
    AttributeName,
    /// After `=`.
    BeforeAttribute,
    /// In a value; its quote, if it has one.
    Attribute(Option<char>),
    /// Inside `script` or `style`.
    Code,
}

#[derive(Debug, Default)]
struct Writer {
    out: String,
    place: Place,
    /// The name of the tag, with a slash in front for an end tag; lower case.
    tag: String,
    /// The name of the attribute; lower case.
    attribute: String,
    /// The attribute's value so far, as HTML: judged as a whole when it ends.
    held: String,
    /// Whether a variable stands in the attribute's value.
    filled: bool,
    /// The last characters, lower case: to see the end of a comment or a script.
    tail: String,
    warnings: Vec<Warning>,
}

impl Writer {
    /// Takes in a character of the template itself.
    fn literal(&mut self, c: char) {
        match self.place {
            Place::Attribute(quote) => {
                let ends = match quote {
                    Some(quote) => c == quote,
                    None => c.is_ascii_whitespace() || c == '>',
                };
                if !ends {
                    self.held.push(c);
                    return;
                }
                self.end_of_attribute();
                self.out.push(c);
                self.place = Place::Tag;
                if c == '>' && quote.is_none() {
                    self.end_of_tag();
                }
                return;
            }
            Place::BeforeAttribute if !c.is_ascii_whitespace() && c != '>' => {
                self.start_attribute(matches!(c, '"' | '\'').then_some(c));
                if matches!(c, '"' | '\'') {
                    self.out.push(c);
                } else {
                    self.held.push(c);
                }
                return;
            }
            _ => self.out.push(c),
        }
        self.place = match (self.place, c) {
            (Place::Text, '<') => {
                self.tag.clear();
                Place::TagOpen
            }
            (Place::Text, _) => Place::Text,
            (Place::TagOpen, '!') => {
                self.tail.clear();
                Place::Declaration
            }
            (Place::TagOpen, '?') => Place::Bogus,
            (Place::TagOpen, '/') if self.tag.is_empty() => {
                self.tag.push('/');
                Place::TagOpen
            }
            (Place::TagOpen, c) if c.is_ascii_alphabetic() => {
                self.tag.push(c.to_ascii_lowercase());
                Place::TagName
            }
            (Place::TagOpen, '<') => {
                self.tag.clear();
                Place::TagOpen
            }
            // `</` before anything but a letter starts a comment up to `>`; `<` alone is text.
            (Place::TagOpen, '>') => Place::Text,
            (Place::TagOpen, _) if self.tag == "/" => Place::Bogus,
            (Place::TagOpen, _) => Place::Text,
            (Place::Declaration, c) => {
                self.tail.push(c.to_ascii_lowercase());
                if "--[if".starts_with(&self.tail) && self.tail != "--[if" {
                    Place::Declaration
                } else if self.tail == "--[if" || !self.tail.starts_with("--") {
                    if c == '>' { Place::Text } else { Place::Bogus }
                } else {
                    Place::Comment
                }
            }
            (Place::Bogus, '>') => Place::Text,
            (Place::Bogus, _) => Place::Bogus,
            (Place::Comment, c) => {
                self.remember(c, 3);
                if self.tail.ends_with("-->") {
                    Place::Text
                } else {
                    Place::Comment
                }
            }
            (Place::TagName | Place::Tag | Place::AttributeName | Place::BeforeAttribute, '>') => {
                self.end_of_tag();
                self.place
            }
            (Place::TagName, c) if c.is_ascii_whitespace() || c == '/' => Place::Tag,
            (Place::TagName, c) => {
                self.tag.push(c.to_ascii_lowercase());
                Place::TagName
            }
            (Place::Tag, '=') if !self.attribute.is_empty() => Place::BeforeAttribute,
            (Place::Tag, c) if c.is_ascii_whitespace() || c == '/' => Place::Tag,
            (Place::Tag, c) => {
                self.attribute.clear();
                self.attribute.push(c.to_ascii_lowercase());
                Place::AttributeName
            }
            (Place::AttributeName, '=') => Place::BeforeAttribute,
            (Place::AttributeName, c) if c.is_ascii_whitespace() || c == '/' => Place::Tag,
            (Place::AttributeName, c) => {
                self.attribute.push(c.to_ascii_lowercase());
                Place::AttributeName
            }
            (Place::BeforeAttribute, _) => Place::BeforeAttribute,
            (Place::Code, c) => {
                self.remember(c, 8);
                let ends = self.tail.ends_with(if self.tag == "style" {
                    "</style"
                } else {
                    "</script"
                });
                if ends {
                    self.tag.insert(0, '/');
                    Place::TagName
                } else {
                    Place::Code
                }
            }
            (Place::Attribute(_), _) => self.place,
        };
    }

    /// Writes a variable's value as the place asks.
    fn value(&mut self, value: &Value, path: &str) {
        match self.place {
            Place::Text => self.out.push_str(&escape_html(&as_text(value))),
            Place::BeforeAttribute => {
                self.start_attribute(None);
                self.value(value, path);
            }
            Place::Attribute(_) if self.is_code() => self.leave_out(path),
            Place::Attribute(_) => {
                self.filled = true;
                let further = ADDRESSES.contains(&self.attribute.as_str())
                    && !self.held.trim_ascii().is_empty();
                let escape = if further {
                    Escape::UriComponent
                } else {
                    Escape::Html
                };
                self.held.push_str(&escaped(value, escape));
            }
            _ => self.leave_out(path),
        }
    }

    fn is_code(&self) -> bool {
        self.attribute.starts_with("on") || CODE.contains(&self.attribute.as_str())
    }

    fn leave_out(&mut self, path: &str) {
        self.warnings.push(Warning {
            code: "unsafe-place",
            variable: path.to_owned(),
            message: format!(
                "`${path}` stands in a script, a style, a comment or a name, where no value can be \
                 made safe, and was left out: move it into text or an ordinary attribute"
            ),
        });
    }

    fn start_attribute(&mut self, quote: Option<char>) {
        self.held.clear();
        self.filled = false;
        self.place = Place::Attribute(quote);
    }

    /// Writes the value that was held back, or `#` for an address that is not safe.
    fn end_of_attribute(&mut self) {
        let Place::Attribute(quote) = self.place else {
            return;
        };
        let mut held = std::mem::take(&mut self.held);
        if ADDRESSES.contains(&self.attribute.as_str()) {
            let address = html_escape::decode_html_entities(&held).into_owned();
            if let Some(scheme) = unsafe_scheme(&address) {
                self.warnings.push(Warning {
                    code: "unsafe-url",
                    variable: String::new(),
                    message: format!(
                        "an address with the scheme `{scheme}` stood in `{}` and was replaced by `#`: \
                         allowed are {}",
                        self.attribute,
                        SCHEMES.join(", ")
                    ),
                });
                held = "#".to_owned();
            }
        }
        if quote.is_none() && self.filled {
            self.out.push('"');
            self.out.push_str(&held.replace('"', "&quot;"));
            self.out.push('"');
        } else {
            self.out.push_str(&held);
        }
        self.attribute.clear();
        self.filled = false;
    }

    fn end_of_tag(&mut self) {
        self.attribute.clear();
        self.tail.clear();
        self.place = if matches!(self.tag.as_str(), "script" | "style") {
            Place::Code
        } else {
            Place::Text
        };
    }

    fn remember(&mut self, c: char, length: usize) {
        self.tail.push(c.to_ascii_lowercase());
        while self.tail.chars().count() > length {
            self.tail.remove(0);
        }
    }
}

/// The scheme of an address, where it is one that must not stand in a mail. Browsers pass over
/// white space and control characters in front, and over tabs and line ends anywhere.
fn unsafe_scheme(address: &str) -> Option<String> {
    let address: String = address
        .trim_start_matches(|c: char| c <= ' ')
        .chars()
        .filter(|c| !matches!(c, '\t' | '\n' | '\r'))
        .collect();
    let end = address.find([':', '/', '?', '#'])?;
    if !address[end..].starts_with(':') {
        return None;
    }
    let scheme = address[..end].to_ascii_lowercase();
    let image = || {
        let rest = address[end + 1..].to_ascii_lowercase();
        rest.starts_with("image/") && !rest.starts_with("image/svg")
    };
    let safe = SCHEMES.contains(&scheme.as_str()) || (scheme == "data" && image());
    (!safe).then_some(scheme)
}

#[cfg(test)]
mod tests;
