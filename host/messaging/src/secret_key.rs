//! The operator's key, under which secrets are sealed and from which others are derived.
//!
//! 32 random bytes, kept in a file that only the host can read, as Base64. It is wiped when
//! dropped and never printed. Losing it loses every stored secret; nothing else.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use hmac::{Hmac, Mac};
use sha2::Sha256;
use std::fmt;
use std::path::Path;
use zeroize::{Zeroize, Zeroizing};

/// Bytes of a nonce of XChaCha20.
const NONCE: usize = 24;

/// Why a key cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The file cannot be read.
    #[error("the key file {path} cannot be read: {reason}; make one with `jackfield key generate`")]
    File {
        /// Where.
        path: String,
        /// Why.
        reason: String,
    },
    /// Not 32 bytes of Base64.
    #[error("the operator's key is not 32 bytes written as Base64")]
    Form,
}

/// What was sealed cannot be opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this was sealed with another key, or for another place: set the secret again")]
pub(crate) struct OpenError;

/// The operator's key.
#[derive(Clone)]
pub struct SecretKey(Zeroizing<[u8; 32]>);

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretKey(***)")
    }
}

impl SecretKey {
    /// A new random key.
    #[must_use]
    pub fn generate() -> SecretKey {
        SecretKey(Zeroizing::new(rand::random()))
    }

    /// From Base64 (white space around it does not count).
    ///
    /// # Errors
    /// Where it is not 32 bytes.
    pub fn from_base64(text: &str) -> Result<SecretKey, KeyError> {
        let bytes = Zeroizing::new(STANDARD.decode(text.trim()).map_err(|_| KeyError::Form)?);
        let key: [u8; 32] = bytes.as_slice().try_into().map_err(|_| KeyError::Form)?;
        Ok(SecretKey(Zeroizing::new(key)))
    }

    /// From a file that holds it as Base64.
    ///
    /// # Errors
    /// Where the file cannot be read or holds something else.
    pub fn from_file(path: &Path) -> Result<SecretKey, KeyError> {
        let text = std::fs::read_to_string(path)
            .map(Zeroizing::new)
            .map_err(|error| KeyError::File {
                path: path.display().to_string(),
                reason: error.to_string(),
            })?;
        SecretKey::from_base64(&text)
    }

    /// As Base64, to be written to a file.
    #[must_use]
    pub fn to_base64(&self) -> Zeroizing<String> {
        Zeroizing::new(STANDARD.encode(self.0.as_slice()))
    }

    /// Seals a value for one place: it opens there and nowhere else.
    #[must_use]
    #[expect(clippy::expect_used, reason = "encryption fails only past 256 GiB")]
    pub(crate) fn seal(&self, place: &[&str], value: &str) -> String {
        let nonce: [u8; NONCE] = rand::random();
        let sealed = self
            .cipher()
            .encrypt(
                &XNonce::from(nonce),
                Payload {
                    msg: value.as_bytes(),
                    aad: &aad(place),
                },
            )
            .expect("a secret is shorter than 256 GiB");
        let mut bytes = nonce.to_vec();
        bytes.extend(sealed);
        STANDARD.encode(bytes)
    }

    /// Opens what was sealed for this place.
    ///
    /// # Errors
    /// Where the key, the place or the bytes are others.
    pub(crate) fn open(
        &self,
        place: &[&str],
        sealed: &str,
    ) -> Result<Zeroizing<String>, OpenError> {
        let bytes = STANDARD.decode(sealed).map_err(|_| OpenError)?;
        let (nonce, sealed) = bytes.split_at_checked(NONCE).ok_or(OpenError)?;
        let nonce: [u8; NONCE] = nonce.try_into().map_err(|_| OpenError)?;
        let opened = self
            .cipher()
            .decrypt(
                &XNonce::from(nonce),
                Payload {
                    msg: sealed,
                    aad: &aad(place),
                },
            )
            .map_err(|_| OpenError)?;
        String::from_utf8(opened)
            .map(Zeroizing::new)
            .map_err(|error| {
                error.into_bytes().zeroize();
                OpenError
            })
    }

    /// Whether a secret of the database was sealed with this key.
    #[must_use]
    pub fn opens(&self, secret: &jackfield_store::records::Secret) -> bool {
        let place = [&secret.workspace, &secret.owner, &secret.name];
        self.open(&place.map(String::as_str), &secret.sealed)
            .is_ok()
    }

    /// What a database keeps of its key: a secret of no workspace, which this key alone opens.
    #[must_use]
    pub fn mark(&self, now: i64) -> jackfield_store::records::Secret {
        let place = ["*", "", "secret-key"];
        jackfield_store::records::Secret {
            workspace: place[0].to_owned(),
            owner: place[1].to_owned(),
            name: place[2].to_owned(),
            sealed: self.seal(&place, "jackfield"),
            updated_at: now,
        }
    }

    /// A key for another purpose, from which this one cannot be learnt (HMAC-SHA256).
    #[must_use]
    pub(crate) fn derive(&self, purpose: &str) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(mac(self.0.as_slice(), purpose.as_bytes()))
    }

    fn cipher(&self) -> XChaCha20Poly1305 {
        XChaCha20Poly1305::new((&*self.0).into())
    }
}

/// HMAC-SHA256.
#[expect(clippy::expect_used, reason = "HMAC takes keys of any length")]
pub(crate) fn mac(key: &[u8], data: &[u8]) -> [u8; 32] {
    let mut mac = <Hmac<Sha256> as hmac::KeyInit>::new_from_slice(key)
        .expect("HMAC takes keys of any length");
    mac.update(data);
    mac.finalize().into_bytes().into()
}

/// The place, so written that no two places are the same bytes: each word behind its length.
fn aad(place: &[&str]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for word in place {
        bytes.extend((word.len() as u64).to_be_bytes());
        bytes.extend(word.as_bytes());
    }
    bytes
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn what_is_sealed_opens_at_its_place_only() {
        let key = SecretKey::generate();
        let sealed = key.seal(&["w", "chn", "token"], "hunter2");
        assert_eq!(
            key.open(&["w", "chn", "token"], &sealed).unwrap().as_str(),
            "hunter2"
        );
        assert_eq!(key.open(&["w", "chnt", "oken"], &sealed), Err(OpenError));
        assert_eq!(
            SecretKey::generate().open(&["w", "chn", "token"], &sealed),
            Err(OpenError)
        );
        assert_eq!(key.open(&["w", "chn", "token"], "AAAA"), Err(OpenError));
        assert_ne!(
            sealed,
            key.seal(&["w", "chn", "token"], "hunter2"),
            "nonces are random"
        );
    }

    #[test]
    fn a_key_survives_its_file_and_does_not_print() {
        let key = SecretKey::generate();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        std::fs::write(&path, format!("{}\n", key.to_base64().as_str())).unwrap();
        assert_eq!(SecretKey::from_file(&path).unwrap().0, key.0);
        assert!(!format!("{key:?}").contains(key.to_base64().as_str()));
        assert!(SecretKey::from_base64("AAAA").is_err());
    }
}
