//! From reqwest's errors to ours.
//!
//! reqwest wraps what happened in several layers; the cause is found by type, walking down the
//! sources. Its own text begins with the URL, which is taken off first.

use std::error::Error as StdError;
use std::io;

use crate::Error;
use crate::resolve::Failure;
use crate::target::Target;

/// Why a request got no answer. `sent` says whether anything may have left.
pub(crate) fn of_request(error: reqwest::Error, target: &Target, sent: bool) -> Error {
    let error = error.without_url();
    if let Some(failure) = cause::<Failure>(&error) {
        return match failure {
            Failure::Refused(refusal) => crate::resolve::refused(*refusal, target),
            other => Error::Connect {
                host: target.to_string(),
                text: other.to_string(),
            },
        };
    }
    let host = target.to_string();
    if let Some(tls) = cause::<rustls::Error>(&error) {
        if error.is_connect() {
            return Error::Tls {
                host,
                text: tls.to_string(),
            };
        }
        return Error::Broken {
            host,
            text: tls.to_string(),
            maybe_sent: sent,
        };
    }
    if error.is_connect() {
        let text = if error.is_timeout() {
            "it takes too long".to_owned()
        } else {
            deepest(&error)
        };
        return Error::Connect { host, text };
    }
    if error.is_builder() {
        return Error::invalid(format!("the request cannot be built: {}", deepest(&error)));
    }
    Error::Broken {
        host,
        text: deepest(&error),
        maybe_sent: sent,
    }
}

/// The text of the innermost cause: the one that says what happened.
fn deepest(error: &(dyn StdError + 'static)) -> String {
    let mut at = error;
    while let Some(source) = at.source() {
        at = source;
    }
    at.to_string()
}

/// The first cause of a type. An `io::Error` that carries another error shows only that error's
/// sources, so it is opened as well.
fn cause<'a, T: StdError + 'static>(error: &'a (dyn StdError + 'static)) -> Option<&'a T> {
    let mut at = Some(error);
    while let Some(error) = at {
        if let Some(found) = error.downcast_ref::<T>() {
            return Some(found);
        }
        let inside = error
            .downcast_ref::<io::Error>()
            .and_then(io::Error::get_ref);
        at = match inside {
            Some(inside) => Some(inside),
            None => error.source(),
        };
    }
    None
}
