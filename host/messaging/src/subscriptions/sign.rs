//! Signatures of deliveries, by Standard Webhooks: HMAC-SHA256 over id, time and body.
//!
//! A secret is `whsec_` and the key in Base64. Each stands among the secrets of its subscription
//! (`secrets.rs`), sealed; it is shown when it is made and never again.

use crate::secret_key::mac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// What a secret begins with.
const PREFIX: &str = "whsec_";
/// The name of the secret that signs, among those that its subscription owns.
pub(crate) const SECRET: &str = "signing-secret";
/// The name of the one before the last rotation.
pub(crate) const PREVIOUS: &str = "previous-signing-secret";

/// A new secret of 32 random bytes.
pub(crate) fn mint() -> String {
    let key: [u8; 32] = rand::random();
    format!("{PREFIX}{}", STANDARD.encode(key))
}

/// The signature of a delivery; none where the secret is not one.
pub(crate) fn signature(secret: &str, id: &str, timestamp: i64, body: &str) -> Option<String> {
    let key = STANDARD.decode(secret.strip_prefix(PREFIX)?).ok()?;
    let signed = mac(&key, format!("{id}.{timestamp}.{body}").as_bytes());
    Some(format!("v1,{}", STANDARD.encode(signed)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_the_standard_is_signed_as_there() {
        let signed = signature(
            "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
            "msg_p5jXN8AQM9LWM0D4loKWxJek",
            1_614_265_330,
            r#"{"test": 2432232314}"#,
        );
        assert_eq!(
            signed.as_deref(),
            Some("v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=")
        );
    }

    #[test]
    fn a_secret_is_long_random_and_of_its_form() {
        let (one, other) = (mint(), mint());
        assert_ne!(one, other);
        assert!(signature(&one, "a", 1, "b").is_some());
        assert_ne!(signature(&one, "a", 1, "b"), signature(&other, "a", 1, "b"));
        assert_eq!(signature("MfKQ", "a", 1, "b"), None);
        assert_eq!(signature("whsec_!", "a", 1, "b"), None);
    }
}
