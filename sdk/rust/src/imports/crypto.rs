//! Digests and signatures. Secrets are named, never seen.

use super::sys;
pub use crate::bindings::step::jackfield::plugin::crypto::Algorithm;
use crate::failure::CallError;

/// The digest of data.
pub fn hash(algorithm: Algorithm, data: &[u8]) -> Vec<u8> {
    sys::crypto::hash(algorithm, data)
}

/// The HMAC of data under a secret.
pub fn hmac(algorithm: Algorithm, secret: &str, data: &[u8]) -> Result<Vec<u8>, CallError> {
    sys::crypto::hmac(algorithm, secret, data)
}

/// Whether `signature` is that HMAC, in constant time.
pub fn verify(
    algorithm: Algorithm,
    secret: &str,
    data: &[u8],
    signature: &[u8],
) -> Result<bool, CallError> {
    sys::crypto::verify(algorithm, secret, data, signature)
}

/// The signature of data under a private key, such as `rs256`: the secret is the key in PEM, or the JSON
/// key of a Google service account. Errors: `denied` (it needs the place `sign`), `secret-missing`,
/// `invalid` (no such algorithm, no such key).
pub fn sign(algorithm: &str, secret: &str, data: &[u8]) -> Result<Vec<u8>, CallError> {
    sys::crypto::sign(algorithm, secret, data)
}

/// Whether `candidate` is the secret itself, in constant time.
pub fn equal(secret: &str, candidate: &[u8]) -> Result<bool, CallError> {
    sys::crypto::equal(secret, candidate)
}
