//! Twilio's error codes (<https://www.twilio.com/docs/api/errors>) as kinds of send errors.

use jackfield_plugin::http::Response;
use jackfield_plugin::message::StatusError;
use jackfield_plugin::{SendError, clock, prelude::*};

/// Sorted by code.
const CODES: &[(u32, SendError)] = &[
    (14107, SendError::RateLimited),       // message rate limit
    (20003, SendError::Auth),              // authenticate
    (20429, SendError::RateLimited),       // too many requests
    (21211, SendError::RecipientInvalid),  // invalid To
    (21408, SendError::Policy),            // region not enabled
    (21602, SendError::ContentRejected),   // no body
    (21603, SendError::Policy),            // no From
    (21606, SendError::Policy),            // From is not ours or cannot send this
    (21610, SendError::RecipientOptedOut), // STOP
    (21611, SendError::RateLimited),       // queue full
    (21612, SendError::RecipientInvalid),  // no route from this number
    (21614, SendError::RecipientInvalid),  // not a mobile number
    (21617, SendError::ContentRejected),   // longer than 1,600 characters
    (21619, SendError::ContentRejected),   // no body and no media
    (21620, SendError::ContentRejected),   // bad media address
    (21623, SendError::ContentRejected),   // too many media
    (21656, SendError::ContentRejected),   // bad content variables
    (21659, SendError::Policy),            // From is no number of this account
    (30001, SendError::Transient),         // queue overflow
    (30002, SendError::Policy),            // account suspended
    (30003, SendError::Transient),         // handset unreachable
    (30004, SendError::Policy),            // blocked
    (30005, SendError::RecipientInvalid),  // unknown handset
    (30006, SendError::RecipientInvalid),  // landline
    (30007, SendError::Policy),            // carrier filter
    (30008, SendError::Transient),         // unknown error at the carrier
    (30034, SendError::Policy),            // number not registered (A2P 10DLC)
    (63001, SendError::Auth),
    (63003, SendError::RecipientInvalid),
    (63012, SendError::Transient),
    (63013, SendError::Policy),
    (63014, SendError::RecipientOptedOut),
    (63016, SendError::OutsideWindow),
    (63018, SendError::RateLimited),
    (63024, SendError::RecipientInvalid),
    (63033, SendError::RecipientOptedOut),
];

/// The kind of an error code.
fn kind(code: u32) -> Option<SendError> {
    CODES
        .iter()
        .find(|(known, _)| *known == code)
        .map(|(_, kind)| *kind)
}

/// An answer other than 2xx: `{"code", "message", "status", ...}`, or whatever a proxy says.
pub(crate) fn failure(response: &Response) -> Failure {
    let body: Value = response.json().unwrap_or_default();
    let code = body["code"]
        .as_u64()
        .and_then(|code| u32::try_from(code).ok());
    let by_status = match response.status {
        401 => SendError::Auth,
        429 => SendError::RateLimited,
        500.. => SendError::Transient,
        _ => SendError::Unknown,
    };
    // 429 and 5xx pass by themselves, whatever else is said.
    let kind = match (code.and_then(kind), by_status) {
        (_, SendError::RateLimited | SendError::Transient) | (None, _) => by_status,
        (Some(kind), _) => kind,
    };
    let said = body["message"].as_str().unwrap_or("no reason given");
    let message = match code {
        Some(code) => format!("Twilio answered {code}: {said}"),
        None => format!("Twilio answered HTTP {}: {said}", response.status),
    };
    kind.failure(message)
        .retry_after(
            response
                .retry_after(clock::now())
                .filter(|_| kind == SendError::RateLimited),
        )
        // A gateway that gave up waiting does not know whether the message was taken.
        .maybe_sent(response.status == 504)
}

/// The error of a status update, or of a message that was taken and failed at once.
pub(crate) fn status_error(code: Option<&str>, message: Option<&str>) -> StatusError {
    let kind = code
        .and_then(|code| code.parse().ok())
        .and_then(kind)
        .unwrap_or(SendError::Unknown);
    let message = match (message, code) {
        (Some(message), _) if !message.is_empty() => message.to_owned(),
        (_, Some(code)) => {
            format!("Twilio's error {code}; see https://www.twilio.com/docs/api/errors/{code}")
        }
        (_, None) => "Twilio gave no reason".into(),
    };
    StatusError {
        code: kind.code().into(),
        provider_code: code.map(str::to_owned),
        message,
    }
}

/// The failure of a message that Twilio took and failed at once.
pub(crate) fn failed_at_once(code: Option<u64>, message: Option<&str>) -> Failure {
    let kind = code
        .and_then(|code| u32::try_from(code).ok())
        .and_then(kind)
        .unwrap_or(SendError::Unknown);
    kind.failure(message.map_or_else(|| "Twilio failed the message at once".into(), str::to_owned))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted() {
        assert!(CODES.windows(2).all(|pair| pair[0].0 < pair[1].0));
    }
}
