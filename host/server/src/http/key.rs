//! Bearer keys: `jf_<id>_<secret>`.
//!
//! The id is public (lists, logs); the secret is 256 random bits, shown once. What is kept is its
//! SHA-256: against a secret of that size there is nothing to guess, so a slow hash would only cost
//! each request time. Comparison takes the same time whatever differs.

use jackfield_store::records::ApiKey;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// A key as its holder has it. Does not print its secret.
#[derive(Clone, PartialEq, Eq)]
pub struct Key {
    /// The public part.
    pub id: String,
    secret: String,
}

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "jf_{}_***", self.id)
    }
}

impl Key {
    /// A new key.
    pub fn mint(random: &mut impl rand::CryptoRng) -> Key {
        let mut bytes = [0u8; 40];
        random.fill_bytes(&mut bytes);
        let (id, secret) = bytes.split_at(8);
        Key {
            id: hex::encode(id),
            secret: hex::encode(secret),
        }
    }

    /// Reads a key; none if it does not have the form of one.
    #[must_use]
    pub fn parse(text: &str) -> Option<Key> {
        let (id, secret) = text.trim().strip_prefix("jf_")?.split_once('_')?;
        let word = |text: &str| text.bytes().all(|byte| byte.is_ascii_alphanumeric());
        let fits = (1..=64).contains(&id.len()) && (16..=256).contains(&secret.len());
        (fits && word(id) && word(secret)).then(|| Key {
            id: id.to_owned(),
            secret: secret.to_owned(),
        })
    }

    /// The whole key in text, to be shown to its holder once.
    #[must_use]
    pub fn reveal(&self) -> String {
        format!("jf_{}_{}", self.id, self.secret)
    }

    /// What is kept of the secret.
    #[must_use]
    pub fn hash(&self) -> String {
        hex::encode(Sha256::digest(self.secret.as_bytes()))
    }

    /// Whether this is the key of the record. Takes the same time whatever differs.
    #[must_use]
    pub fn fits(&self, record: &ApiKey) -> bool {
        self.hash().as_bytes().ct_eq(record.hash.as_bytes()).into()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_minted_key_reads_back_and_no_two_are_the_same() {
        let key = Key::mint(&mut rand::rng());
        assert_eq!(Key::parse(&key.reveal()).unwrap(), key);
        assert_ne!(Key::mint(&mut rand::rng()).reveal(), key.reveal());
    }

    #[test]
    fn a_key_does_not_print_its_secret() {
        let key = Key::mint(&mut rand::rng());
        assert!(!format!("{key:?}").contains(&key.secret));
    }

    #[test]
    fn what_is_no_key_is_not_read() {
        for text in [
            "",
            "jf_",
            "jf_a",
            "jf_a_b",
            "sk_a_0123456789abcdef",
            "jf_a b_0123456789abcdef",
        ] {
            assert!(Key::parse(text).is_none(), "{text}");
        }
    }
}
