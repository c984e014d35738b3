//! The signature that Twilio puts on every webhook request (header `X-Twilio-Signature`).
//!
//! From Twilio's "Webhooks security" document: the full URL as it was called, then each POST
//! parameter's name and value without anything between, in the order of the names' bytes; HMAC-SHA1
//! with the account's auth token; base64. Where a name repeats, its distinct values follow in order,
//! each after the name. The tests are the vectors of Twilio's own SDKs (`spec/validation.spec.js` of
//! twilio-node).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;
use std::collections::BTreeSet;

/// The signature of a request to `url` with the form `parameters`.
#[must_use]
#[expect(
    clippy::missing_panics_doc,
    reason = "it does not panic: see the reason below"
)]
pub fn sign(auth_token: &str, url: &str, parameters: &[(String, String)]) -> String {
    // A set of pairs: ordered by name, then by value, equal pairs once.
    let pairs: BTreeSet<(&str, &str)> = parameters
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    #[expect(
        clippy::expect_used,
        reason = "HMAC is defined for keys of every length"
    )]
    let mut mac = Hmac::<Sha1>::new_from_slice(auth_token.as_bytes()).expect("any key length");
    mac.update(url.as_bytes());
    for (name, value) in pairs {
        mac.update(name.as_bytes());
        mac.update(value.as_bytes());
    }
    STANDARD.encode(mac.finalize().into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN: &str = "12345";

    fn call() -> Vec<(String, String)> {
        [
            ("To", "+18005551212"),
            ("Digits", "1234"),
            ("CallSid", "CA1234567890ABCDE"),
            ("Caller", "+14158675309"),
            ("From", "+14158675309"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .to_vec()
    }

    #[test]
    fn twilios_own_vectors_hold() {
        let vectors = [
            (
                "https://mycompany.com/myapp.php?foo=1&bar=2",
                "RSOYDt4T1cUTdK1PDd93/VVr8B8=",
            ),
            (
                "https://mycompany.com:443/myapp.php?foo=1&bar=2",
                "kvajT1Ptam85bY51eRf/AJRuM3w=",
            ),
            (
                "http://mycompany.com:80/myapp.php?foo=1&bar=2",
                "0ZXoZLH/DfblKGATFgpif+LLRf4=",
            ),
            (
                "http://mycompany.com:1234/myapp.php?foo=1&bar=2",
                "Zmvh+3yNM1Phv2jhDCwEM3q5ebU=",
            ),
        ];
        for (url, signature) in vectors {
            assert_eq!(sign(TOKEN, url, &call()), signature, "{url}");
        }
    }

    #[test]
    fn distinct_values_of_one_name_are_signed_in_order() {
        let name = "MessagingBinding.Address".to_owned();
        let mut parameters = vec![
            (name.clone(), "+1415xxxxxxx".to_owned()),
            (name.clone(), "+1325xxxxxxx".to_owned()),
            (name, "+1415xxxxxxx".to_owned()),
        ];
        let url = "https://mycompany.com/myapp.php?foo=1&bar=2";
        assert_eq!(
            sign(TOKEN, url, &parameters),
            "83O6e2vORAoJHUNzJjDWN1jz+BA="
        );
        parameters.reverse();
        assert_eq!(
            sign(TOKEN, url, &parameters),
            "83O6e2vORAoJHUNzJjDWN1jz+BA="
        );
    }
}
