//! Signatures under private keys: `crypto.sign`.
//!
//! The key is a secret: it is read, used and dropped here, and no message says anything of it but what
//! it is not. One algorithm by now; another is another name, so the contract need not grow for it.

use crate::calls::refused;
use jackfield_egress::Secret;
use jackfield_sandbox::wit::CallError;
use ring::rand::SystemRandom;
use ring::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use rustls_pki_types::PrivateKeyDer;
use rustls_pki_types::pem::PemObject;
use serde::Deserialize;

/// RSASSA-PKCS1-v1_5 with SHA-256 (RFC 7518, section 3.3).
pub(crate) const RS256: &str = "rs256";

/// What a secret must be.
const WANTED: &str = "an RSA key of 2,048 to 4,096 bits in PEM (`-----BEGIN PRIVATE KEY-----`), or the \
     JSON key of a service account, which has it as `private_key`";

/// Whether there is an algorithm of this name. Told before the secret is looked at.
pub(crate) fn known(algorithm: &str) -> Result<(), CallError> {
    if algorithm == RS256 {
        return Ok(());
    }
    let said = format!("there is no algorithm `{algorithm}`; there is: {RS256}");
    Err(refused("invalid", said))
}

/// The signature of data under the key that a secret is.
pub(crate) fn sign(name: &str, secret: &Secret, data: &[u8]) -> Result<Vec<u8>, CallError> {
    let refuse = || refused("invalid", format!("the secret `{name}` is not {WANTED}"));
    let key = key(secret.expose()).ok_or_else(refuse)?;
    let mut signature = vec![0; key.public().modulus_len()];
    key.sign(
        &RSA_PKCS1_SHA256,
        &SystemRandom::new(),
        data,
        &mut signature,
    )
    .map_err(|_| refuse())?;
    Ok(signature)
}

fn key(text: &str) -> Option<RsaKeyPair> {
    /// Of a service account's key, the part that matters.
    #[derive(Deserialize)]
    struct Account {
        private_key: String,
    }
    let account: Option<Account> = serde_json::from_str(text).ok();
    let pem = account.as_ref().map_or(text, |one| &one.private_key);
    match PrivateKeyDer::from_pem_slice(pem.as_bytes()).ok()? {
        PrivateKeyDer::Pkcs8(der) => RsaKeyPair::from_pkcs8(der.secret_pkcs8_der()).ok(),
        PrivateKeyDer::Pkcs1(der) => RsaKeyPair::from_der(der.secret_pkcs1_der()).ok(),
        _ => None,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
    use aws_lc_rs::rsa::KeySize;
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    use serde_json::json;

    const SAID: &[u8] = b"header.claims";
    /// What stands before the key of PKCS #1 in one of PKCS #8 of 2,048 bits.
    const BEFORE: usize = 26;

    fn pem(label: &str, der: &[u8]) -> String {
        let text = STANDARD.encode(der);
        format!("-----BEGIN {label}-----\n{text}\n-----END {label}-----\n")
    }

    fn signed(text: &str) -> Result<Vec<u8>, CallError> {
        sign("google-key", &Secret::new(text), SAID)
    }

    #[test]
    fn a_signature_is_the_one_that_another_library_makes_whatever_dress_the_key_wears() {
        let pair = aws_lc_rs::rsa::KeyPair::generate(KeySize::Rsa2048).unwrap();
        let der: Pkcs8V1Der<'_> = pair.as_der().unwrap();
        let pkcs8 = pem("PRIVATE KEY", der.as_ref());
        let pkcs1 = pem("RSA PRIVATE KEY", &der.as_ref()[BEFORE..]);
        let account = json!({"type": "service_account", "private_key": pkcs8}).to_string();
        let mut wanted = vec![0; pair.public_modulus_len()];
        pair.sign(
            &aws_lc_rs::signature::RSA_PKCS1_SHA256,
            &aws_lc_rs::rand::SystemRandom::new(),
            SAID,
            &mut wanted,
        )
        .unwrap();
        for text in [&pkcs8, &pkcs1, &account] {
            assert_eq!(signed(text).unwrap(), wanted);
        }
    }

    #[test]
    fn what_is_no_key_is_refused_without_a_word_of_it() {
        let pair = aws_lc_rs::rsa::KeyPair::generate(KeySize::Rsa2048).unwrap();
        let der: Pkcs8V1Der<'_> = pair.as_der().unwrap();
        let torn = pem("PRIVATE KEY", &der.as_ref()[..500]);
        let elliptic = rcgen::KeyPair::generate().unwrap().serialize_pem();
        let empty = json!({"private_key": "sesame"}).to_string();
        for text in ["", "sesame", "{}", &torn, &elliptic, &empty] {
            let refusal = signed(text).unwrap_err();
            assert_eq!(refusal.code, "invalid");
            assert!(refusal.message.contains("`google-key`"));
            assert!(!refusal.message.contains("sesame"));
        }
    }

    #[test]
    fn there_is_one_algorithm() {
        known("rs256").unwrap();
        for other in ["RS256", "es256", ""] {
            assert_eq!(known(other).unwrap_err().code, "invalid", "{other}");
        }
    }
}
