//! SHA-256 digests, as registries write them: `sha256:` and 64 hexadecimal digits.

use sha2::{Digest as _, Sha256};
use std::fmt;

/// The digest of some bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Digest([u8; 32]);

impl Digest {
    pub(crate) fn of(bytes: &[u8]) -> Digest {
        Digest(Sha256::digest(bytes).into())
    }

    /// Reads `sha256:…`; in small letters alone, as the OCI image specification wants it.
    pub(crate) fn parse(text: &str) -> Option<Digest> {
        let digits = text.strip_prefix("sha256:")?;
        if digits.len() != 64 || digits.bytes().any(|b| b.is_ascii_uppercase()) {
            return None;
        }
        let mut digest = [0; 32];
        hex::decode_to_slice(digits, &mut digest).ok()?;
        Some(Digest(digest))
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sha256:{}", hex::encode(self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_is_read_as_it_is_written_and_nothing_else_is() {
        let text = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(Digest::of(b"").to_string(), text);
        assert_eq!(Digest::parse(text), Some(Digest::of(b"")));
        for wrong in [
            "",
            "sha256:",
            "sha256:e3b0",
            &text[7..],
            &text.to_uppercase(),
        ] {
            assert_eq!(Digest::parse(wrong), None);
        }
    }
}
