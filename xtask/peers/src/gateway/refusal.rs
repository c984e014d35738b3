//! Twilio's errors, as its API answers them: <https://www.twilio.com/docs/api/errors>.

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;

/// HTTP status and text of an error; `{to}` and `{from}` stand for the request's numbers.
const TABLE: &[(u32, u16, &str)] = &[
    (20003, 401, "Authenticate"),
    (20404, 404, "The requested resource was not found"),
    (20429, 429, "Too Many Requests"),
    (20500, 500, "Internal Server Error"),
    (20503, 503, "Service Unavailable"),
    (21211, 400, "Invalid 'To' Phone Number: {to}"),
    (
        21212,
        400,
        "The 'From' number {from} is not a valid phone number, shortcode, or alphanumeric sender ID.",
    ),
    (
        21408,
        400,
        "Permission to send an SMS has not been enabled for the region indicated by the 'To' number: {to}",
    ),
    (21602, 400, "Message body is required."),
    (21603, 400, "A 'From' phone number is required."),
    (21604, 400, "A 'To' phone number is required."),
    (
        21606,
        400,
        "The 'From' phone number provided ({from}) is not a valid message-capable Twilio phone number for this destination.",
    ),
    (21610, 400, "Attempt to send to unsubscribed recipient"),
    (
        21611,
        429,
        "This 'From' number has exceeded the maximum number of queued messages",
    ),
    (
        21612,
        400,
        "The 'To' phone number: {to}, is not currently reachable using the 'From' phone number: {from} via SMS.",
    ),
    (21614, 400, "To number: {to}, is not a mobile number"),
    (
        21617,
        400,
        "The concatenated message body exceeds the 1600 character limit",
    ),
];

/// The recipients that Twilio's test credentials refuse, and the error of each
/// (<https://www.twilio.com/docs/iam/test-credentials>).
const MAGIC_TO: &[(&str, u32)] = &[
    ("+15005550001", 21211),
    ("+15005550002", 21612),
    ("+15005550003", 21408),
    ("+15005550004", 21610),
    ("+15005550009", 21614),
];

/// The senders that Twilio's test credentials refuse.
const MAGIC_FROM: &[(&str, u32)] = &[
    ("+15005550001", 21212),
    ("+15005550007", 21606),
    ("+15005550008", 21611),
];

/// What one of the magic numbers is refused with.
pub(super) fn magic(to: &str, from: &str) -> Option<u32> {
    let find = |table: &[(&str, u32)], number: &str| {
        table
            .iter()
            .find(|(magic, _)| *magic == number)
            .map(|(_, code)| *code)
    };
    find(MAGIC_TO, to).or_else(|| find(MAGIC_FROM, from))
}

/// The answer with this error. A code that the table lacks is answered with HTTP 400.
pub(super) fn answer(code: u32, to: &str, from: &str) -> Response {
    let known = TABLE.iter().find(|(other, ..)| *other == code);
    let (status, text) = known.map_or((400, "Bad Request"), |(_, status, text)| (*status, *text));
    let body = json!({
        "code": code,
        "message": text.replace("{to}", to).replace("{from}", from),
        "more_info": format!("https://www.twilio.com/docs/errors/{code}"),
        "status": status,
    });
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_REQUEST);
    let mut response = (
        status,
        [(header::CONTENT_TYPE, "application/json")],
        body.to_string(),
    )
        .into_response();
    if status == StatusCode::UNAUTHORIZED {
        let scheme = header::HeaderValue::from_static("Basic realm=\"Twilio API\"");
        response
            .headers_mut()
            .insert(header::WWW_AUTHENTICATE, scheme);
    }
    response
}
