//! Takes secrets out of what comes back.
//!
//! A server may echo what it was sent, in its body, a header, a redirect or an error, and in
//! another dress: base64, percent-encoding, hex, JSON or HTML escapes. All dresses of all secrets
//! go into one Aho-Corasick automaton, so a scrub is one pass over the bytes whatever their
//! number. Base64 is looked for at all three alignments, so that a secret in the middle of a longer
//! encoded text (`user:secret`, an encoded body) is found too, in whatever escapes it stood there.
//! Tricks that cost a server one line (reversed, each letter as an escape) are looked for as well.
//!
//! What it cannot do: a server that encrypts, compresses or takes a secret apart gets it past
//! this. The defence against such a server is that only granted hosts ever see the secret.
//!
//! Every non-empty secret is scrubbed, however short; a secret of a few letters makes answers hard
//! to read, which is the right way round.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use aho_corasick::{AhoCorasick, MatchKind};
use base64::Engine as _;
use base64::alphabet;
use base64::engine::{GeneralPurpose, GeneralPurposeConfig};
use bytes::Bytes;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::Secret;

/// What stands where a secret stood.
pub const MASK: &str = "***";

/// A partial base64 form shorter than this is not looked for: it would hit by chance.
const SHORTEST_PARTIAL: usize = 6;

/// Finds secrets and puts `***` in their place. Cheap to clone. The journal and the logs use it as
/// well as this crate.
#[derive(Clone, Default)]
pub struct Scrubber(Find);

#[derive(Clone, Default)]
enum Find {
    #[default]
    Nothing,
    These(Arc<AhoCorasick>),
    /// The automaton could not be built; rather mask all than let a secret pass.
    Everything,
}

impl Scrubber {
    /// A scrubber for these secrets.
    pub fn new<'a>(secrets: impl IntoIterator<Item = &'a Secret>) -> Scrubber {
        Scrubber::with_extra(secrets, [])
    }

    /// With further texts that are secret as they stand (a whole `Authorization` value).
    pub(crate) fn with_extra<'a, 'b>(
        secrets: impl IntoIterator<Item = &'a Secret>,
        extra: impl IntoIterator<Item = &'b str>,
    ) -> Scrubber {
        let mut texts: BTreeSet<String> = extra.into_iter().map(str::to_owned).collect();
        let mut forms = BTreeSet::new();
        for secret in secrets {
            add_texts(secret.expose(), &mut texts);
            add_tricks(secret.expose(), &mut forms);
        }
        texts.remove("");
        forms.remove("");
        for text in texts {
            add_encoded(&text, &mut forms);
            forms.insert(text);
        }
        if forms.is_empty() {
            return Scrubber(Find::Nothing);
        }
        // Leftmost-longest: where one form is the beginning of another, the whole goes. Building
        // fails only for more bytes of secrets than 31 bits of automaton states can hold.
        match AhoCorasick::builder()
            .match_kind(MatchKind::LeftmostLongest)
            .build(forms)
        {
            Ok(automaton) => Scrubber(Find::These(Arc::new(automaton))),
            Err(_) => Scrubber(Find::Everything),
        }
    }

    /// Whether there is nothing to look for.
    pub fn is_empty(&self) -> bool {
        matches!(self.0, Find::Nothing)
    }

    /// Whether the bytes hold a secret.
    pub fn finds(&self, bytes: impl AsRef<[u8]>) -> bool {
        match &self.0 {
            Find::Nothing => false,
            Find::These(automaton) => automaton.is_match(bytes.as_ref()),
            Find::Everything => true,
        }
    }

    /// The text without secrets.
    pub fn text<'a>(&self, text: &'a str) -> Cow<'a, str> {
        match &self.0 {
            Find::Everything => Cow::Borrowed(MASK),
            Find::These(automaton) if automaton.is_match(text) => {
                let mut clean = String::with_capacity(text.len());
                automaton.replace_all_with(text, &mut clean, |_, _, clean| {
                    clean.push_str(MASK);
                    true
                });
                Cow::Owned(clean)
            }
            _ => Cow::Borrowed(text),
        }
    }

    /// The bytes without secrets.
    pub fn bytes(&self, bytes: Bytes) -> Bytes {
        match &self.0 {
            Find::Everything => Bytes::from_static(MASK.as_bytes()),
            Find::These(automaton) if automaton.is_match(&bytes[..]) => {
                let mut clean = Vec::with_capacity(bytes.len());
                automaton.replace_all_with_bytes(&bytes, &mut clean, |_, _, clean| {
                    clean.extend_from_slice(MASK.as_bytes());
                    true
                });
                clean.into()
            }
            _ => bytes,
        }
    }
}

impl fmt::Debug for Scrubber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "Scrubber({})",
            if self.is_empty() { "nothing" } else { MASK }
        )
    }
}

/// RFC 3986, unreserved: what every encoder leaves as it is.
pub(crate) const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');
/// What we leave in a path: providers have colons in tokens that stand there.
pub(crate) const PATH: &AsciiSet = &UNRESERVED.remove(b':');
/// What `encodeURIComponent` encodes.
const COMPONENT: &AsciiSet = &UNRESERVED
    .remove(b'!')
    .remove(b'\'')
    .remove(b'(')
    .remove(b')')
    .remove(b'*');
/// What path encoders leave: `pchar` of RFC 3986.
const PCHAR: &AsciiSet = &COMPONENT
    .remove(b':')
    .remove(b'@')
    .remove(b'$')
    .remove(b'&')
    .remove(b'+')
    .remove(b',')
    .remove(b';')
    .remove(b'=');

/// The value as text formats write it.
fn add_texts(value: &str, texts: &mut BTreeSet<String>) {
    let mut add = |text: String| texts.insert(text);
    add(value.to_owned());
    for set in [NON_ALPHANUMERIC, UNRESERVED, PATH, COMPONENT, PCHAR] {
        let encoded = utf8_percent_encode(value, set).to_string();
        add(lower_hex(&encoded));
        add(encoded.replace("%20", "+"));
        add(encoded);
    }
    add(url::form_urlencoded::byte_serialize(value.as_bytes()).collect());
    let json = json_escaped(value);
    add(json.replace('/', "\\/"));
    add(json);
    for apostrophe in ["&#39;", "&#x27;", "&apos;", "'"] {
        let html = value
            .replace('&', "&amp;")
            .replace('<', "&lt;")
            .replace('>', "&gt;");
        add(html.replace('\'', apostrophe));
        add(html.replace('"', "&quot;").replace('\'', apostrophe));
        add(html.replace('"', "&#34;").replace('\'', apostrophe));
    }
}

/// What no encoder writes by itself, and anybody can who means to: backwards, and with an escape
/// for every letter where none needs one.
fn add_tricks(value: &str, forms: &mut BTreeSet<String>) {
    let units = |write: fn(u16) -> String| value.encode_utf16().map(write).collect::<String>();
    let chars = |write: fn(u32) -> String| {
        let codes = value.chars().map(u32::from);
        codes.map(write).collect::<String>()
    };
    let bytes = |write: fn(u8) -> String| value.bytes().map(write).collect::<String>();
    forms.extend([
        value.chars().rev().collect(),
        // As the name of a header, or of a host in a redirect.
        value.to_lowercase(),
        value.to_uppercase(),
        units(|unit| format!("\\u{unit:04x}")),
        units(|unit| format!("\\u{unit:04X}")),
        chars(|code| format!("&#{code};")),
        chars(|code| format!("&#x{code:x};")),
        chars(|code| format!("&#x{code:X};")),
        bytes(|byte| format!("%{byte:02x}")),
        bytes(|byte| format!("%{byte:02X}")),
        bytes(|byte| format!("\\x{byte:02x}")),
    ]);
    for apart in [" ", ":", "-"] {
        let pairs: Vec<String> = value.bytes().map(|byte| format!("{byte:02x}")).collect();
        forms.insert(pairs.join(apart));
        forms.insert(pairs.join(apart).to_ascii_uppercase());
    }
}

/// Any of these texts when it is part of something that was encoded as a whole: a server that
/// shows a request's body in base64, say.
fn add_encoded(text: &str, forms: &mut BTreeSet<String>) {
    forms.insert(hex::encode(text));
    forms.insert(hex::encode_upper(text));
    for alphabet in [&alphabet::STANDARD, &alphabet::URL_SAFE] {
        for padding in [true, false] {
            let config = GeneralPurposeConfig::new().with_encode_padding(padding);
            forms.insert(GeneralPurpose::new(alphabet, config).encode(text));
        }
        for offset in 0..3 {
            let partial = base64_inside(text.as_bytes(), offset, alphabet);
            if partial.len() >= SHORTEST_PARTIAL {
                forms.insert(partial);
            }
        }
    }
}

/// The characters that the value determines alone when it stands in base64 behind `offset` bytes
/// (mod 3) of something else.
fn base64_inside(value: &[u8], offset: usize, alphabet: &alphabet::Alphabet) -> String {
    let mut padded = vec![0; offset];
    padded.extend_from_slice(value);
    let config = GeneralPurposeConfig::new().with_encode_padding(false);
    let encoded = GeneralPurpose::new(alphabet, config).encode(&padded);
    let first = (offset * 8).div_ceil(6);
    let end = padded.len() * 8 / 6;
    encoded.get(first..end).unwrap_or_default().to_owned()
}

/// As it stands between the quotes of a JSON string.
pub(crate) fn json_escaped(value: &str) -> String {
    let quoted = serde_json::Value::from(value).to_string();
    quoted[1..quoted.len() - 1].to_owned()
}

/// `%2F` as `%2f`.
fn lower_hex(encoded: &str) -> String {
    let mut out = String::with_capacity(encoded.len());
    let mut hex_left = 0;
    for c in encoded.chars() {
        if hex_left > 0 {
            hex_left -= 1;
            out.push(c.to_ascii_lowercase());
        } else {
            hex_left = if c == '%' { 2 } else { 0 };
            out.push(c);
        }
    }
    out
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
    use proptest::prelude::*;

    use super::*;

    const VALUE: &str = "s3cr/et+v&l\"ue 'x'<é>?=";

    fn scrubber() -> Scrubber {
        Scrubber::new([&Secret::new(VALUE), &Secret::new("second-secret")])
    }

    #[test]
    fn every_dress_is_found() {
        let query = url::form_urlencoded::Serializer::new(String::new())
            .append_pair("k", VALUE)
            .finish();
        for dressed in [
            VALUE.to_owned(),
            format!("user:{VALUE}!"),
            query,
            utf8_percent_encode(VALUE, NON_ALPHANUMERIC).to_string(),
            utf8_percent_encode(VALUE, UNRESERVED)
                .to_string()
                .to_ascii_lowercase(),
            serde_json::json!({ "a": VALUE }).to_string(),
            BASE64_STANDARD.encode(VALUE),
            BASE64_URL_SAFE_NO_PAD.encode(VALUE),
            hex::encode(VALUE),
            "s3cr/et+v&amp;l&quot;ue &#39;x&#39;&lt;é&gt;?=".to_owned(),
            "s3cr\\/et+v&l\\\"ue 'x'<é>?=".to_owned(),
        ] {
            let clean = scrubber().text(&dressed).into_owned();
            assert!(clean.contains(MASK), "{dressed} -> {clean}");
            assert!(!clean.contains("s3cr"), "{clean}");
        }
    }

    #[test]
    fn tricks_of_one_line_are_found() {
        let scrubber = Scrubber::new([&Secret::new("Tôk7")]);
        for trick in [
            "7kôT",
            "tôk7",
            "TÔK7",
            "\\u0054\\u00f4\\u006b\\u0037",
            "&#84;&#244;&#107;&#55;",
            "&#x54;&#xF4;&#x6B;&#x37;",
            "%54%c3%b4%6b%37",
            "\\x54\\xc3\\xb4\\x6b\\x37",
            "54 c3 b4 6b 37",
            "54:C3:B4:6B:37",
        ] {
            assert_eq!(scrubber.text(&format!("<{trick}>")), "<***>", "{trick}");
        }
    }

    #[test]
    fn basic_credentials_are_found_at_every_alignment() {
        for user in ["", "a", "ab", "abc", "abcd"] {
            let header = format!(
                "Basic {}",
                BASE64_STANDARD.encode(format!("{user}:second-secret"))
            );
            assert!(scrubber().text(&header).contains(MASK), "{header}");
        }
    }

    #[test]
    fn what_holds_no_secret_stays_as_it_is() {
        let body = Bytes::from_static(b"\xff\x00 nothing here");
        assert_eq!(scrubber().bytes(body.clone()), body);
        assert!(matches!(scrubber().text("second secret"), Cow::Borrowed(_)));
        assert!(Scrubber::default().is_empty());
        assert!(Scrubber::new([&Secret::new("")]).is_empty());
    }

    #[test]
    fn bytes_that_are_no_text_are_scrubbed_too() {
        let body = Bytes::from(b"\xff\xfesecond-secret\x00".to_vec());
        assert_eq!(scrubber().bytes(body).as_ref(), b"\xff\xfe***\x00");
    }

    #[test]
    fn a_scrubber_does_not_print_its_secrets() {
        assert_eq!(format!("{:?}", scrubber()), "Scrubber(***)");
    }

    proptest! {
        #[test]
        fn no_secret_survives_in_any_text(
            value in "\\PC{4,24}", before in "\\PC{0,12}", after in "\\PC{0,12}",
        ) {
            prop_assume!(!MASK.contains(&value) && !value.contains('*'));
            let scrubber = Scrubber::new([&Secret::new(value.clone())]);
            let clean = scrubber.text(&format!("{before}{value}{after}")).into_owned();
            prop_assert!(!clean.contains(&value));
        }

        #[test]
        fn no_secret_survives_inside_base64(
            value in "[!-~]{9,30}", before in "[!-~]{0,7}", after in "[!-~]{0,7}",
        ) {
            let encoded = BASE64_STANDARD.encode(format!("{before}{value}{after}"));
            let scrubber = Scrubber::new([&Secret::new(value)]);
            prop_assert!(scrubber.finds(&encoded));
        }
    }
}
