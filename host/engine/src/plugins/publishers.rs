//! Publishers: whose signatures an operator trusts.
//!
//! A signature is that of minisign (Ed25519 over the component's BLAKE2b hash), so authors sign with
//! its program or with ours, and anybody can check. What must hold: a signature that does not fit
//! its bytes is refused whoever made it; where only signed plugins are wanted, no way of installing
//! goes past [`Publishers::judge`].

use minisign_verify::{Error, PublicKey, Signature};
use std::fmt;
use std::str::FromStr;

/// The longest text of a signature, in bytes.
const MAX_SIGNATURE: usize = 4096;

/// Somebody whose signature is trusted: `NAME=KEY`, the key as minisign prints it.
#[derive(Clone)]
pub struct Publisher {
    name: String,
    key: PublicKey,
}

impl fmt::Debug for Publisher {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Publisher({})", self.name)
    }
}

impl FromStr for Publisher {
    type Err = String;

    fn from_str(text: &str) -> Result<Publisher, String> {
        let (name, key) = text.split_once('=').ok_or_else(|| {
            "write NAME=KEY: a name for the publisher, and the public key as minisign prints it"
                .to_owned()
        })?;
        if !crate::document::is_name(name) {
            return Err(format!(
                "`{name}` is no publisher's name: use lower-case words with hyphens"
            ));
        }
        let key = PublicKey::from_base64(key.trim()).map_err(|_| {
            "this is no public key of minisign: 56 characters that begin with `RW`".to_owned()
        })?;
        Ok(Publisher {
            name: name.to_owned(),
            key,
        })
    }
}

/// Why a plugin is not taken because of its signature.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// It is no signature.
    #[error("the signature is none of minisign: send the text of the file `.minisig`")]
    Unreadable,
    /// It was made for other bytes.
    #[error(
        "the signature of `{publisher}` is not one of this file: it was made for other bytes, or altered"
    )]
    OtherBytes {
        /// Whose key it names.
        publisher: String,
    },
    /// Only signed plugins are wanted.
    #[error(
        "this host takes signed plugins only (`--require-signed`), and this one {}; trusted publishers: {}",
        if *.signed { "is signed with a key that is not trusted" } else { "has no signature" },
        if .trusted.is_empty() { "none, `--publisher NAME=KEY` adds one".to_owned() } else { .trusted.join(", ") }
    )]
    Required {
        /// There is a signature, of somebody unknown.
        signed: bool,
        /// The names of those who are known.
        trusted: Vec<String>,
    },
}

/// Whom this host trusts.
#[derive(Debug, Clone, Default)]
pub struct Publishers {
    /// Their keys. A name may stand there several times, with the keys that it has had.
    pub trusted: Vec<Publisher>,
    /// Nothing is installed that none of them has signed.
    pub require_signed: bool,
}

impl Publishers {
    /// Who has signed these bytes; none where there is no signature, or one of somebody unknown.
    ///
    /// # Errors
    /// When the signature is none, or of other bytes; or there must be one that is trusted.
    pub(super) fn judge(
        &self,
        bytes: &[u8],
        signature: Option<&str>,
    ) -> Result<Option<String>, SignatureError> {
        let mut by = None;
        if let Some(text) = signature {
            if text.len() > MAX_SIGNATURE {
                return Err(SignatureError::Unreadable);
            }
            let signature = Signature::decode(text).map_err(|_| SignatureError::Unreadable)?;
            for publisher in &self.trusted {
                match publisher.key.verify(bytes, &signature, false) {
                    Ok(()) => by = Some(publisher.name.clone()),
                    Err(Error::UnexpectedKeyId) => {}
                    Err(_) => {
                        return Err(SignatureError::OtherBytes {
                            publisher: publisher.name.clone(),
                        });
                    }
                }
            }
        }
        if by.is_none() && self.require_signed {
            return Err(SignatureError::Required {
                signed: signature.is_some(),
                trusted: self.trusted.iter().map(|one| one.name.clone()).collect(),
            });
        }
        Ok(by)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use minisign::KeyPair;

    fn key() -> (KeyPair, String) {
        let pair = KeyPair::generate_unencrypted_keypair().unwrap();
        let public = pair.pk.to_base64();
        (pair, public)
    }

    fn sign(pair: &KeyPair, bytes: &[u8]) -> String {
        minisign::sign(None, &pair.sk, bytes, None, None)
            .unwrap()
            .into_string()
    }

    #[test]
    fn a_signature_counts_for_its_bytes_and_for_whom_the_operator_knows() {
        let (ann, ann_public) = key();
        let (bob, _) = key();
        let mut publishers = Publishers {
            trusted: vec![format!("ann={ann_public}").parse().unwrap()],
            require_signed: false,
        };
        let by_ann = sign(&ann, b"bytes");
        let by_bob = sign(&bob, b"bytes");
        assert_eq!(
            publishers.judge(b"bytes", Some(&by_ann)),
            Ok(Some("ann".to_owned()))
        );
        assert_eq!(publishers.judge(b"bytes", Some(&by_bob)), Ok(None));
        assert_eq!(publishers.judge(b"bytes", None), Ok(None));
        let other = Err(SignatureError::OtherBytes {
            publisher: "ann".to_owned(),
        });
        assert_eq!(publishers.judge(b"other", Some(&by_ann)), other);
        // The line that minisign trusts is part of what is signed.
        let altered = by_ann.replace("trusted comment: ", "trusted comment: not ");
        assert!(publishers.judge(b"bytes", Some(&altered)).is_err());
        assert_eq!(
            publishers.judge(b"bytes", Some("no signature")),
            Err(SignatureError::Unreadable)
        );

        publishers.require_signed = true;
        assert!(publishers.judge(b"bytes", Some(&by_ann)).is_ok());
        let refused = |signed| SignatureError::Required {
            signed,
            trusted: vec!["ann".to_owned()],
        };
        assert_eq!(
            publishers.judge(b"bytes", Some(&by_bob)),
            Err(refused(true))
        );
        assert_eq!(publishers.judge(b"bytes", None), Err(refused(false)));
    }

    #[test]
    fn a_publisher_is_a_name_and_a_key() {
        let (_, public) = key();
        assert!(format!("ann={public}").parse::<Publisher>().is_ok());
        for wrong in [public.as_str(), "ann=RWxyz", "Ann B=x", "ann="] {
            assert!(wrong.parse::<Publisher>().is_err(), "{wrong}");
        }
    }
}
