//! HTML as plain text: the alternative part of a mail.
//!
//! Not a renderer: blocks become paragraphs, items of a list get a dash, links show where they lead,
//! pictures their text. Linear in the length of the HTML, and every text is accepted.

/// Elements whose content no reader sees.
const HIDDEN: [&str; 6] = ["script", "style", "head", "title", "template", "noscript"];
/// Elements that stand on lines of their own.
const LINES: [&str; 14] = [
    "div", "section", "article", "header", "footer", "main", "tr", "li", "dt", "dd", "address",
    "form", "center", "body",
];
/// Elements with an empty line around them.
const PARAGRAPHS: [&str; 13] = [
    "p",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "ul",
    "ol",
    "dl",
    "table",
    "blockquote",
    "pre",
];

/// The plain text of an HTML document.
#[must_use]
pub fn html_to_text(html: &str) -> String {
    let mut text = Text::default();
    let mut rest = html;
    while let Some(at) = rest.find('<') {
        text.write(&rest[..at]);
        rest = &rest[at..];
        if let Some(comment) = rest.strip_prefix("<!--") {
            rest = comment.find("-->").map_or("", |end| &comment[end + 3..]);
            continue;
        }
        let Some(tag) = rest[1..]
            .chars()
            .next()
            .filter(|c| c.is_ascii_alphabetic() || "/!?".contains(*c))
        else {
            text.write("<");
            rest = &rest[1..];
            continue;
        };
        let Some(end) = end_of_tag(rest) else {
            rest = "";
            break;
        };
        let inside = &rest[1..end];
        rest = &rest[end + 1..];
        if tag == '!' || tag == '?' {
            continue;
        }
        let (closing, inside) = match inside.strip_prefix('/') {
            Some(inside) => (true, inside),
            None => (false, inside),
        };
        let name_end = inside
            .find(|c: char| c.is_ascii_whitespace() || c == '/')
            .unwrap_or(inside.len());
        let name = inside[..name_end].to_ascii_lowercase();
        if !closing && HIDDEN.contains(&name.as_str()) {
            rest = after_element(rest, &name);
            continue;
        }
        text.tag(&name, closing, &inside[name_end..]);
    }
    text.write(rest);
    text.finish()
}

/// Where the tag's `>` is; quotes may hold one that is none.
fn end_of_tag(html: &str) -> Option<usize> {
    let mut quote = None;
    for (at, byte) in html.bytes().enumerate() {
        match (quote, byte) {
            (None, b'>') => return Some(at),
            (None, b'"' | b'\'') if at > 0 && html.as_bytes()[at - 1] == b'=' => quote = Some(byte),
            (Some(open), byte) if open == byte => quote = None,
            _ => {}
        }
    }
    None
}

/// What follows the element's end tag; nothing where it has none.
fn after_element<'a>(html: &'a str, name: &str) -> &'a str {
    let mut rest = html;
    while let Some(at) = rest.find("</") {
        rest = &rest[at + 2..];
        if rest
            .get(..name.len())
            .is_some_and(|tag| tag.eq_ignore_ascii_case(name))
        {
            return rest.find('>').map_or("", |end| &rest[end + 1..]);
        }
    }
    ""
}

/// The value of an attribute, references decoded.
fn attribute(attributes: &str, wanted: &str) -> Option<String> {
    let mut rest = attributes;
    loop {
        rest = rest.trim_start_matches(|c: char| c.is_ascii_whitespace() || c == '/');
        if rest.is_empty() {
            return None;
        }
        let end = rest
            .char_indices()
            .skip(1)
            .find(|(_, c)| c.is_ascii_whitespace() || matches!(c, '=' | '/'))
            .map_or(rest.len(), |(at, _)| at);
        let name = &rest[..end];
        rest = rest[end..].trim_start();
        let mut value = "";
        if let Some(after) = rest.strip_prefix('=') {
            let after = after.trim_start();
            (value, rest) = match after.chars().next() {
                Some(quote @ ('"' | '\'')) => {
                    let body = &after[1..];
                    body.split_once(quote).unwrap_or((body, ""))
                }
                _ => after.split_at(
                    after
                        .find(|c: char| c.is_ascii_whitespace())
                        .unwrap_or(after.len()),
                ),
            };
        }
        if name.eq_ignore_ascii_case(wanted) {
            return Some(html_escape::decode_html_entities(value).trim().to_owned());
        }
    }
}

#[derive(Default)]
struct Text {
    out: String,
    /// Line ends that are due before the next word: 0 to 2.
    breaks: usize,
    /// A space is due before the next word.
    space: bool,
    /// Inside `pre`, how deep.
    verbatim: usize,
    /// Lists that are open: the number of the last item, none for those without numbers.
    lists: Vec<Option<usize>>,
    /// Where an open link leads, and where its text starts.
    link: Option<(String, usize)>,
}

impl Text {
    fn write(&mut self, raw: &str) {
        if raw.is_empty() {
            return;
        }
        let text = html_escape::decode_html_entities(raw);
        if self.verbatim > 0 {
            self.settle();
            self.out.push_str(&text);
            return;
        }
        // A no-break space keeps its place, as it does in a browser.
        let blank = |c: char| c.is_ascii_whitespace();
        for (index, word) in text.split(blank).enumerate() {
            self.space |= index > 0;
            if !word.is_empty() {
                self.settle();
                self.out.push_str(&word.replace('\u{a0}', " "));
            }
        }
    }

    /// Writes the line ends or the space that are due.
    fn settle(&mut self) {
        if self.out.is_empty() || self.breaks > 0 {
            if !self.out.is_empty() {
                let kept = self.out.trim_end_matches(' ').len();
                self.out.truncate(kept);
                let there = self.out.bytes().rev().take_while(|b| *b == b'\n').count();
                self.out
                    .extend(std::iter::repeat_n('\n', self.breaks.saturating_sub(there)));
            }
        } else if self.space && !self.out.ends_with([' ', '\n']) {
            self.out.push(' ');
        }
        self.breaks = 0;
        self.space = false;
    }

    fn lines(&mut self, breaks: usize) {
        self.breaks = self.breaks.max(breaks);
    }

    fn tag(&mut self, name: &str, closing: bool, attributes: &str) {
        match name {
            "br" => {
                self.settle();
                self.out.push('\n');
            }
            "hr" => {
                self.lines(2);
                self.settle();
                self.out.push_str("---");
                self.lines(2);
            }
            "img" => {
                if let Some(alt) = attribute(attributes, "alt") {
                    self.space = true;
                    self.write(&html_escape::encode_text(&alt));
                }
            }
            "a" if !closing => {
                let address = attribute(attributes, "href").unwrap_or_default();
                self.link = Some((address, self.out.len()));
            }
            "a" => self.end_link(),
            "td" | "th" => self.space = true,
            _ => {}
        }
        if LINES.contains(&name) {
            self.lines(1);
        }
        if PARAGRAPHS.contains(&name) {
            // A list inside a list needs no empty line.
            self.lines(
                if matches!(name, "ul" | "ol") && self.lists.len() > usize::from(closing) {
                    1
                } else {
                    2
                },
            );
        }
        match (name, closing) {
            ("ul", false) => self.lists.push(None),
            ("ol", false) => self.lists.push(Some(0)),
            ("ul" | "ol", true) => {
                self.lists.pop();
            }
            ("li", false) => self.item(),
            ("pre", false) => self.verbatim += 1,
            ("pre", true) => self.verbatim = self.verbatim.saturating_sub(1),
            _ => {}
        }
    }

    fn item(&mut self) {
        self.settle();
        let depth = self.lists.len().clamp(1, 8) - 1;
        self.out.extend(std::iter::repeat_n(' ', depth * 2));
        match self.lists.last_mut() {
            Some(Some(number)) => {
                *number += 1;
                let number = number.to_string();
                self.out.push_str(&number);
                self.out.push_str(". ");
            }
            _ => self.out.push_str("- "),
        }
    }

    /// Writes where the link leads, unless its text says so already.
    fn end_link(&mut self) {
        let Some((address, start)) = self.link.take() else {
            return;
        };
        let shown = self.out.get(start..).unwrap_or_default().trim();
        let bare = address
            .strip_prefix("mailto:")
            .or_else(|| address.strip_prefix("tel:"));
        if address.is_empty()
            || address.starts_with('#')
            || shown == address
            || bare.is_some_and(|bare| bare == shown)
        {
            return;
        }
        let text = if shown.is_empty() {
            address
        } else {
            format!("({address})")
        };
        self.space = true;
        self.settle();
        self.out.push_str(&text);
    }

    fn finish(self) -> String {
        let mut out = String::with_capacity(self.out.len());
        let mut empty = 0;
        for line in self.out.trim().lines() {
            let line = line.trim_end();
            empty = if line.is_empty() { empty + 1 } else { 0 };
            if empty < 2 {
                out.push_str(line);
                out.push('\n');
            }
        }
        out.truncate(out.trim_end().len());
        out
    }
}
