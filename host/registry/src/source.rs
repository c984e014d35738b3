//! Where a component comes from, read from text.
//!
//! Three kinds, told apart by how the text begins: `http://` and `https://`, `oci://`, and everything
//! without a scheme, which is a path. What must hold: the text that [`Source`] shows names the same
//! place when it is read again; a place never carries a password, because it is kept and shown.

use crate::Error;
use crate::digest::Digest;
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use url::Url;

/// Where a component comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// A file of this machine.
    File(PathBuf),
    /// A file of a web server.
    Url(Address),
    /// An artefact of an OCI registry.
    Oci(Reference),
}

/// An `http` or `https` URL, with the digest that is expected there where one is given
/// (`https://example.org/a.wasm#sha256:…`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    pub(crate) url: Url,
    pub(crate) pin: Option<Digest>,
}

/// A place in an OCI registry: `oci://host[:port]/name[:tag][@sha256:…]`. Without tag and digest it
/// is the tag `latest`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference {
    place: oci_client::Reference,
    /// As it was written.
    text: String,
    pin: Option<Digest>,
}

impl FromStr for Source {
    type Err = Error;

    fn from_str(text: &str) -> Result<Source, Error> {
        let wrong = |why: &str| Err(refusal(text, why));
        if text.is_empty() {
            return wrong("it is empty; give a path, an http(s):// URL or oci://HOST/NAME");
        }
        if text.contains(|c: char| c.is_control()) {
            return wrong("it has control characters in it");
        }
        match scheme(text).as_deref() {
            Some("http" | "https") => address(text).map(Source::Url),
            Some("oci") => text.parse().map(Source::Oci),
            Some("file") => wrong("give the path alone"),
            Some(_) => wrong("give a path, an http(s):// URL or oci://HOST/NAME"),
            None => Ok(Source::File(PathBuf::from(text))),
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Source::File(path) => path.display().fmt(f),
            Source::Url(address) => address.fmt(f),
            Source::Oci(reference) => reference.fmt(f),
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.pin {
            Some(pin) => write!(f, "{}#{pin}", self.url),
            None => self.url.fmt(f),
        }
    }
}

impl FromStr for Reference {
    type Err = Error;

    fn from_str(text: &str) -> Result<Reference, Error> {
        const FORM: &str = "the form is oci://HOST[:PORT]/NAME[:TAG][@sha256:…]";
        let wrong = |why: String| refusal(text, &why);
        let rest = match scheme(text).as_deref() {
            Some("oci") => &text["oci://".len()..],
            _ => return Err(wrong(FORM.to_owned())),
        };
        let (host, name) = rest.split_once('/').unwrap_or((rest, ""));
        if let Some((_, host)) = host.rsplit_once('@') {
            // What stands before is not shown: it is a password.
            return Err(refusal(
                &format!("oci://…@{host}"),
                "no user or password stands in a source; use `docker login HOST`",
            ));
        }
        if host.is_empty() || name.is_empty() {
            return Err(wrong(format!("host or name is missing; {FORM}")));
        }
        let place: oci_client::Reference = rest
            .parse()
            .map_err(|why| wrong(format!("{why}; {FORM}, names being in small letters")))?;
        // `acme/steps` would be taken for a name on Docker's own registry.
        if place.registry() != host {
            return Err(wrong(format!(
                "`{host}` is not a registry's host, which has a dot or a port or is `localhost`; {FORM}"
            )));
        }
        let pin = match place.digest().map(Digest::parse) {
            Some(None) => {
                return Err(wrong(
                    "a digest is `sha256:` and 64 digits of 0-9 and a-f".to_owned(),
                ));
            }
            Some(pin) => pin,
            None => None,
        };
        Ok(Reference {
            place,
            text: format!("oci://{rest}"),
            pin,
        })
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Reference {
    /// The host, with its port where one is given: what `docker login` takes.
    #[must_use]
    pub fn host(&self) -> &str {
        self.place.registry()
    }

    /// The host that requests go to; Docker's own registry has another one than its name says.
    pub(crate) fn server(&self) -> &str {
        self.place.resolve_registry()
    }

    /// The name within the registry.
    pub(crate) fn name(&self) -> &str {
        self.place.repository()
    }

    /// The tag, where one is given or meant.
    pub(crate) fn tag(&self) -> Option<&str> {
        self.place.tag()
    }

    /// The digest of the manifest, where one is given.
    pub(crate) fn pin(&self) -> Option<Digest> {
        self.pin
    }

    /// What a manifest is asked for by: the digest before the tag.
    pub(crate) fn asked(&self) -> String {
        match (self.pin, self.tag()) {
            (Some(pin), _) => pin.to_string(),
            (None, tag) => tag.unwrap_or("latest").to_owned(),
        }
    }

    /// The same place, held to a manifest.
    pub(crate) fn pinned(&self, digest: Digest) -> String {
        let tag = self.tag().unwrap_or("latest");
        format!("oci://{}/{}:{tag}@{digest}", self.host(), self.name())
    }
}

/// `https` of `HTTPS://…`; none of what has no scheme.
fn scheme(text: &str) -> Option<String> {
    let (scheme, _) = text.split_once("://")?;
    let begins = scheme.starts_with(|c: char| c.is_ascii_alphabetic());
    let named = scheme
        .chars()
        .all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c));
    (begins && named).then(|| scheme.to_ascii_lowercase())
}

fn address(text: &str) -> Result<Address, Error> {
    let mut url = Url::parse(text).map_err(|why| refusal(text, &why.to_string()))?;
    if !url.username().is_empty() || url.password().is_some() {
        // Not shown: it is a password.
        let _ = url.set_username("…").and(url.set_password(None));
        return Err(refusal(
            url.as_str(),
            "no user or password stands in a source, which is kept and shown",
        ));
    }
    let pin = match url.fragment() {
        None => None,
        Some(fragment) => {
            let digest = fragment.replacen("sha256=", "sha256:", 1);
            let pin = Digest::parse(&digest).ok_or_else(|| {
                let why = "after `#` stands the digest that is expected, `sha256:` and 64 digits of \
                           0-9 and a-f";
                refusal(text, why)
            })?;
            Some(pin)
        }
    };
    url.set_fragment(None);
    Ok(Address { url, pin })
}

fn refusal(text: &str, why: &str) -> Error {
    Error::Source {
        text: crate::text::clean(text),
        why: why.to_owned(),
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]
mod tests {
    use super::*;

    const PIN: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    fn read(text: &str) -> Source {
        text.parse().unwrap()
    }

    fn why(text: &str) -> String {
        text.parse::<Source>().unwrap_err().to_string()
    }

    #[test]
    fn what_is_shown_is_what_was_read() {
        for text in [
            "step.wasm",
            "./a b/step.wasm",
            "/x:1/step.wasm",
            "https://example.org/a.wasm",
            "http://127.0.0.1:8080/a.wasm?version=2",
            &format!("https://example.org/a.wasm#{PIN}"),
            "oci://ghcr.io/acme/steps/greet",
            "oci://ghcr.io/acme/greet:1.2.0",
            "oci://localhost/greet",
            "oci://127.0.0.1:5000/greet:latest",
            "oci://docker.io/acme/greet",
            &format!("oci://ghcr.io/acme/greet@{PIN}"),
            &format!("oci://ghcr.io/acme/greet:1.2@{PIN}"),
        ] {
            assert_eq!(read(text).to_string(), text);
        }
    }

    #[test]
    fn the_kind_is_told_by_the_beginning() {
        assert!(matches!(read("oci"), Source::File(_)));
        assert!(matches!(read("HTTPS://example.org/a"), Source::Url(_)));
        assert!(matches!(read("OCI://ghcr.io/a/b"), Source::Oci(_)));
    }

    #[test]
    fn the_digest_of_a_url_may_be_written_with_an_equals_sign() {
        let text = format!("https://example.org/a#{}", PIN.replace(':', "="));
        assert_eq!(
            read(&text).to_string(),
            format!("https://example.org/a#{PIN}")
        );
    }

    #[test]
    fn a_reference_without_tag_and_digest_means_latest() {
        let parts = |text: &str| {
            let reference: Reference = text.parse().unwrap();
            let asked = reference.asked();
            (
                reference.host().to_owned(),
                reference.name().to_owned(),
                asked,
            )
        };
        let owned = |a: &str, b: &str, c: &str| (a.to_owned(), b.to_owned(), c.to_owned());
        assert_eq!(
            parts("oci://ghcr.io/acme/greet"),
            owned("ghcr.io", "acme/greet", "latest")
        );
        assert_eq!(
            parts(&format!("oci://localhost:5000/greet:1@{PIN}")),
            owned("localhost:5000", "greet", PIN)
        );
    }

    #[test]
    fn what_is_no_source_is_refused_with_what_would_be_right() {
        for (text, says) in [
            ("", "give a path"),
            (
                "ftp://example.org/a",
                "give a path, an http(s):// URL or oci://",
            ),
            ("file:///a.wasm", "give the path alone"),
            ("oci://", "host or name is missing"),
            ("oci://ghcr.io", "host or name is missing"),
            ("oci://ghcr.io/", "host or name is missing"),
            ("oci://acme/greet", "`acme` is not a registry's host"),
            ("oci://ghcr.io/Acme/Greet", "small letters"),
            ("oci://ghcr.io/acme/greet@sha256:12", "invalid"),
            ("oci://ghcr.io/acme/greet@sha512:12", "invalid"),
            ("oci://me:word@ghcr.io/greet", "docker login"),
            ("https://example.org/a#sha256:12", "64 digits"),
            ("https://example.org/a#section", "64 digits"),
            ("https://", "empty host"),
            ("a\nb", "control characters"),
        ] {
            let found = why(text);
            assert!(found.contains(says), "{text:?}: {found}");
        }
        let long = format!("oci://ghcr.io/a@sha512:{}", "0".repeat(128));
        assert!(why(&long).contains("a digest is `sha256:`"));
    }

    #[test]
    fn a_password_is_refused_and_not_shown() {
        let found = why("https://me:secret@example.org/a");
        assert!(found.contains("no user or password"), "{found}");
        assert!(!found.contains("secret"), "{found}");
        let found = why("oci://me:secret@ghcr.io/greet");
        assert!(!found.contains("secret"), "{found}");
    }
}
