//! What a mail server said, as a failure: reply codes (RFC 5321) and enhanced codes (RFC 3463).
//!
//! The enhanced code says more and is looked at first; the tables are read from top to bottom.

use jackfield_plugin::{CallError, SendError, prelude::*};

/// Enhanced codes by how they begin.
const BY_ENHANCED: &[(&str, SendError)] = &[
    ("5.1.8", SendError::Policy), // the sender's address, not the recipient's
    ("5.1.7", SendError::Policy),
    ("5.1.", SendError::RecipientInvalid),
    ("5.2.1", SendError::RecipientInvalid), // mailbox disabled
    ("5.2.2", SendError::Quota),            // mailbox full
    ("5.2.3", SendError::ContentRejected),  // too large for the mailbox
    ("5.3.4", SendError::ContentRejected),  // too large for the server
    ("5.6.", SendError::ContentRejected),
    ("5.7.0", SendError::Policy),
    ("5.7.8", SendError::Auth),
    ("5.7.9", SendError::Auth),
    ("5.7.", SendError::Policy),
    ("4.7.", SendError::RateLimited),
];

/// Reply codes.
const BY_CODE: &[(u16, SendError)] = &[
    (530, SendError::Auth),
    (534, SendError::Auth),
    (535, SendError::Auth),
    (538, SendError::Auth),
    (550, SendError::RecipientInvalid),
    (551, SendError::RecipientInvalid),
    (553, SendError::RecipientInvalid),
    (552, SendError::Quota),
    (554, SendError::Policy),
];

/// The failure of a refused call.
pub(crate) fn failure(error: CallError) -> Failure {
    if error.code != "smtp" {
        return SendError::from_call(error);
    }
    let detail: Value = error
        .detail
        .as_deref()
        .and_then(|detail| serde_json::from_str(detail).ok())
        .unwrap_or_default();
    let code = detail["code"]
        .as_u64()
        .and_then(|code| u16::try_from(code).ok())
        .unwrap_or_default();
    let kind = kind(
        code,
        detail["enhanced"].as_str(),
        detail["stage"].as_str().unwrap_or_default(),
    );
    let text = detail["text"].as_str().unwrap_or(&error.message);
    kind.failure(format!("the mail server answered {code}: {text}"))
        .maybe_sent(error.maybe_sent)
}

fn kind(code: u16, enhanced: Option<&str>, stage: &str) -> SendError {
    // 530 and 535 are about logging in, whatever the enhanced code adds.
    if matches!(code, 530 | 534 | 535 | 538) || (stage == "auth" && code >= 500) {
        return SendError::Auth;
    }
    let by_enhanced = enhanced.and_then(|enhanced| {
        BY_ENHANCED
            .iter()
            .find(|(start, _)| enhanced.starts_with(start))
    });
    if let Some((_, kind)) = by_enhanced {
        return *kind;
    }
    if (400..500).contains(&code) {
        return SendError::Transient;
    }
    let by_code = BY_CODE
        .iter()
        .find(|(known, _)| *known == code)
        .map(|(_, kind)| *kind);
    match (by_code, stage) {
        (Some(kind), _) => kind,
        (None, "rcpt") => SendError::RecipientInvalid,
        (None, "data") => SendError::ContentRejected,
        _ => SendError::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replies_are_mapped_by_their_codes() {
        use SendError::*;
        for (code, enhanced, stage, expected) in [
            (421, None, "mail", Transient),
            (450, Some("4.2.0"), "rcpt", Transient),
            (451, Some("4.7.1"), "rcpt", RateLimited),
            (452, None, "data", Transient),
            (530, Some("5.7.0"), "mail", Auth),
            (534, None, "auth", Auth),
            (535, Some("5.7.8"), "auth", Auth),
            (454, Some("4.7.0"), "auth", RateLimited),
            (550, Some("5.1.1"), "rcpt", RecipientInvalid),
            (550, None, "rcpt", RecipientInvalid),
            (550, Some("5.7.1"), "data", Policy),
            (551, None, "rcpt", RecipientInvalid),
            (553, Some("5.1.3"), "rcpt", RecipientInvalid),
            (552, Some("5.3.4"), "data", ContentRejected),
            (552, None, "data", Quota),
            (554, Some("5.7.26"), "data", Policy),
            (554, None, "data", Policy),
            (501, None, "rcpt", RecipientInvalid),
            (500, None, "hello", Unknown),
        ] {
            assert_eq!(
                kind(code, enhanced, stage),
                expected,
                "{code} {enhanced:?} {stage}"
            );
        }
    }
}
