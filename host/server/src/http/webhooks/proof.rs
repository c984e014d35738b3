//! That whoever sent a request knows the secret: its signature, and when it was made.
//!
//! What must hold: signatures are compared in the same time whatever differs; a request whose
//! secret is missing is refused, never let through; no refusal says more than what was looked for.

use crate::http::app::App;
use crate::http::problem::{Code, Problem};
use axum::http::HeaderMap;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use jackfield_engine::document::trigger::{Encoding, Signature, Stamp};
use jackfield_engine::{Domain, SecretOwner};
use sha2::Sha256;

/// From here on a number of a timestamp is milliseconds: in seconds it would be the year 5138.
const MILLISECONDS: u64 = 100_000_000_000;

/// Refuses a request that is not signed as the workflow asks.
pub(super) async fn check(
    app: &App,
    workspace: &str,
    signature: &Signature,
    headers: &HeaderMap,
    body: &[u8],
) -> Result<(), Problem> {
    let secrets = Domain::secrets(&app.messaging, workspace, SecretOwner::Workspace);
    let secret = secrets.resolve(&signature.secret).await;
    let Some(secret) = secret.map_err(Problem::unavailable)? else {
        let cause = format!(
            "a webhook of workspace `{workspace}` needs the secret `{}`",
            signature.secret
        );
        return Err(Problem::unavailable(cause));
    };
    judge(
        signature,
        secret.expose().as_bytes(),
        headers,
        body,
        app.now(),
    )
}

fn judge(
    signature: &Signature,
    secret: &[u8],
    headers: &HeaderMap,
    body: &[u8],
    now: i64,
) -> Result<(), Problem> {
    let said = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let timestamp = match &signature.timestamp {
        Some(stamp) => {
            let text = said(&stamp.header).ok_or_else(|| missing(&stamp.header))?;
            in_time(stamp, text.trim(), now)?;
            text.trim()
        }
        None => "",
    };
    let text = said(&signature.header).ok_or_else(|| missing(&signature.header))?;
    let bytes = text
        .trim()
        .strip_prefix(signature.prefix.as_str())
        .and_then(|text| match signature.encoding {
            Encoding::Hex => hex::decode(text).ok(),
            Encoding::Base64 => STANDARD.decode(text).ok(),
        });
    // A key of any length is taken.
    let mut mac = Hmac::<Sha256>::new_from_slice(secret).map_err(Problem::internal)?;
    mac.update(&signature.message(timestamp, body));
    let good = bytes.is_some_and(|bytes| mac.verify_slice(&bytes).is_ok());
    if good {
        return Ok(());
    }
    Err(refused(format!(
        "`{}` is not the signature of this body under the secret that both sides share.",
        signature.header
    )))
}

fn in_time(stamp: &Stamp, text: &str, now: i64) -> Result<(), Problem> {
    let at = match text.parse::<i64>() {
        Ok(number) if number.unsigned_abs() >= MILLISECONDS => Some(number),
        Ok(seconds) => Some(seconds * 1000),
        Err(_) => text
            .parse::<jiff::Timestamp>()
            .ok()
            .map(jiff::Timestamp::as_millisecond),
    };
    let window = stamp.window.as_millis();
    if at.is_some_and(|at| now.abs_diff(at) <= window) {
        return Ok(());
    }
    Err(refused(format!(
        "`{}` is no time within {} of now: seconds or milliseconds since 1970, or RFC 3339.",
        stamp.header, stamp.window
    )))
}

fn missing(header: &str) -> Problem {
    refused(format!("The request has no header `{header}`."))
}

fn refused(detail: String) -> Problem {
    Problem::new(Code::InvalidSignature, detail)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use jackfield_engine::schedule::Duration;

    const NOW: i64 = 1_795_000_000_000;
    const SECRET: &[u8] = b"It's a Secret to Everybody";

    fn signature() -> Signature {
        Signature {
            secret: "s".to_owned(),
            header: "x-hub-signature-256".to_owned(),
            prefix: "sha256=".to_owned(),
            encoding: Encoding::Hex,
            signed: Signature::BODY.to_owned(),
            timestamp: None,
        }
    }

    fn headers(all: &[(&'static str, &str)]) -> HeaderMap {
        let all = all.iter();
        all.map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()))
            .collect()
    }

    #[test]
    fn a_signature_as_github_documents_it_is_good() {
        // The example of https://docs.github.com/webhooks/using-webhooks/validating-webhook-deliveries
        let good = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
        let sent = |value: &str| headers(&[("x-hub-signature-256", value)]);
        let judge = |value: &str, secret: &[u8], body: &[u8]| {
            judge(&signature(), secret, &sent(value), body, NOW).is_ok()
        };
        let body = b"Hello, World!";
        assert!(judge(good, SECRET, body));
        assert!(judge(&format!(" {good} "), SECRET, body));
        assert!(!judge(good, b"another", body));
        assert!(!judge(good, SECRET, b"Hello, World"));
        assert!(!judge(&good[..70], SECRET, body));
        assert!(!judge(good.trim_start_matches("sha256="), SECRET, body));
        assert!(!judge("sha256=", SECRET, body));
        assert!(!judge("sha256=zz", SECRET, body));
        let none = HeaderMap::new();
        assert!(super::judge(&signature(), SECRET, &none, body, NOW).is_err());
    }

    #[test]
    fn a_signed_time_counts_within_its_window() {
        let signature = Signature {
            header: "sig".to_owned(),
            prefix: String::new(),
            encoding: Encoding::Base64,
            signed: "v0:{timestamp}:{body}".to_owned(),
            timestamp: Some(Stamp {
                header: "at".to_owned(),
                window: Duration::from_secs(300),
            }),
            ..signature()
        };
        let judge = |at: &str, signed_at: &str| {
            let mut mac = Hmac::<Sha256>::new_from_slice(SECRET).unwrap();
            mac.update(format!("v0:{signed_at}:body").as_bytes());
            let sig = STANDARD.encode(mac.finalize().into_bytes());
            let sent = headers(&[("sig", &sig), ("at", at)]);
            super::judge(&signature, SECRET, &sent, b"body", NOW).is_ok()
        };
        let now = (NOW / 1000).to_string();
        assert!(judge(&now, &now));
        assert!(!judge(&now, "1"), "another time was signed");
        for (away, good) in [(-300, true), (300, true), (-301, false), (301, false)] {
            let at = (NOW / 1000 + away).to_string();
            assert_eq!(judge(&at, &at), good, "{away}");
        }
        let milliseconds = (NOW - 300_000).to_string();
        assert!(judge(&milliseconds, &milliseconds));
        let text = jiff::Timestamp::from_millisecond(NOW).unwrap().to_string();
        assert!(judge(&text, &text));
        for at in ["", "soon", "9223372036854775807", "-9223372036854775808"] {
            assert!(!judge(at, at), "{at}");
        }
    }
}
