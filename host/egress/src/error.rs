//! Why something did not leave, or nothing came back.
//!
//! Three questions matter to the caller and each has a method: may it be tried again
//! ([`Error::transient`]), may it have happened all the same ([`Error::maybe_sent`]), and what would
//! allow it ([`Error::grant`]). Nobody needs to read the text to decide; the text is for people, and
//! holds no secret: it is scrubbed before it leaves this crate.

use std::net::IpAddr;
use std::time::Duration;

use serde::Serialize;

use crate::mail::{Rejection, Stage};
use crate::scrub::Scrubber;

/// Why a request or a mail failed.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Error {
    /// The settings of the host itself are wrong; from [`crate::Egress::new`] alone.
    #[error("the egress settings are wrong: {what}")]
    Options {
        /// Which, and what would be right.
        what: String,
    },
    /// No grant covers it.
    #[error("{what} is not granted{}", hint(grant.as_deref()))]
    Denied {
        /// What was asked.
        what: String,
        /// The host rule or secret rule that would allow it; none where nothing can.
        grant: Option<String>,
    },
    /// The host leads to an address that must not be reached from here.
    #[error(
        "{host} leads to {address}, which is {reason}; if it is meant, add `{allow}` to the allowed \
         addresses of this server"
    )]
    AddressRefused {
        /// The host as it was asked for.
        host: String,
        /// The (first) address that was refused.
        address: IpAddr,
        /// What kind of address that is.
        reason: &'static str,
        /// The address rule that would allow it.
        allow: String,
    },
    /// The request would come to this server itself.
    #[error(
        "{host} is this server itself, and a request of it to itself could go round for ever; to start \
         another workflow, use the step `trigger-workflow`"
    )]
    OwnAddress {
        /// The host as it was asked for.
        host: String,
    },
    /// The request itself is wrong.
    #[error("{what}")]
    InvalidRequest {
        /// What is wrong, and what would be right.
        what: String,
    },
    /// A cap on bytes was passed.
    #[error("{what} is larger than {limit} bytes, which is the most that is allowed")]
    TooLarge {
        /// The request, the response, the attachments.
        what: &'static str,
        /// The cap, in bytes.
        limit: usize,
        /// True for a response.
        maybe_sent: bool,
    },
    /// The time for the whole exchange was over.
    #[error("no complete answer from {host} within {} ms", after.as_millis())]
    Timeout {
        /// Whom it was waiting for.
        host: String,
        /// The time that it had.
        after: Duration,
        /// Whether the connection stood already.
        maybe_sent: bool,
    },
    /// No connection: the name is unknown, the port closed, the host silent.
    #[error("no connection to {host}: {text}")]
    Connect {
        /// Whom to.
        host: String,
        /// Why.
        text: String,
    },
    /// No trust: certificate, name or protocol of TLS.
    #[error("no TLS with {host}: {text}")]
    Tls {
        /// Whom with.
        host: String,
        /// Why.
        text: String,
    },
    /// The connection stood, then broke, or the other side does not speak the protocol.
    #[error("the connection to {host} broke: {text}")]
    Broken {
        /// Whom to.
        host: String,
        /// How.
        text: String,
        /// Whether the request may have been taken.
        maybe_sent: bool,
    },
    /// There is no secret of that name.
    #[error("there is no secret `{name}` in this workspace; create it, or correct the name")]
    SecretMissing {
        /// The name in the placeholder.
        name: String,
    },
    /// The store of secrets could not be asked.
    #[error("the secret `{name}` cannot be read now: {text}")]
    Unavailable {
        /// The name in the placeholder.
        name: String,
        /// Why.
        text: String,
    },
    /// More redirects than allowed.
    #[error("more than {limit} redirects")]
    TooManyRedirects {
        /// How many were allowed.
        limit: u8,
    },
    /// Too many requests of this plugin, or to this host, were under way until the time was over.
    #[error("{what} has too many requests under way; none ended within {} ms", after.as_millis())]
    Busy {
        /// Which plugin or host.
        what: String,
        /// How long it waited.
        after: Duration,
    },
    /// The mail server refused.
    #[error("the mail server refused at {stage}: {code} {text}")]
    Smtp {
        /// Where in the conversation.
        stage: Stage,
        /// The reply code, such as 550.
        code: u16,
        /// The enhanced status code (RFC 3463), such as `5.1.1`.
        enhanced: Option<String>,
        /// What the server said.
        text: String,
        /// The recipients that were refused before, each with its own code.
        rejected: Vec<Rejection>,
    },
    /// The first request was answered by a redirect, and following it failed. The first request
    /// has been taken by its receiver.
    #[error("after a redirect: {0}")]
    Redirected(Box<Error>),
}

fn hint(grant: Option<&str>) -> String {
    match grant {
        Some(grant) => format!("; this would allow it: {grant}"),
        None => String::new(),
    }
}

/// What [`Error::detail`] gives for a refusal of a mail server.
#[derive(Serialize)]
struct SmtpDetail<'a> {
    code: u16,
    enhanced: Option<&'a str>,
    stage: Stage,
    text: &'a str,
    rejected: &'a [Rejection],
}

impl Error {
    pub(crate) fn invalid(what: impl Into<String>) -> Error {
        Error::InvalidRequest { what: what.into() }
    }

    /// Stable, for programs.
    pub fn code(&self) -> &'static str {
        match self {
            Error::Options { .. } => "options",
            Error::Denied { .. } => "denied",
            Error::AddressRefused { .. } | Error::OwnAddress { .. } => "address-refused",
            Error::InvalidRequest { .. } => "invalid",
            Error::TooLarge { .. } => "too-large",
            Error::Timeout { .. } => "timeout",
            Error::Connect { .. } => "connect",
            Error::Tls { .. } => "tls",
            Error::Broken { .. } => "broken",
            Error::SecretMissing { .. } => "secret-missing",
            Error::Unavailable { .. } => "unavailable",
            Error::TooManyRedirects { .. } => "too-many-redirects",
            Error::Busy { .. } => "busy",
            Error::Smtp { .. } => "smtp",
            Error::Redirected(inner) => inner.code(),
        }
    }

    /// Whether the same request may succeed later.
    pub fn transient(&self) -> bool {
        match self {
            Error::Timeout { .. }
            | Error::Connect { .. }
            | Error::Broken { .. }
            | Error::Unavailable { .. }
            | Error::Busy { .. } => true,
            Error::Smtp { code, .. } => (400..500).contains(code),
            Error::Redirected(inner) => inner.transient(),
            Error::Options { .. }
            | Error::Denied { .. }
            | Error::AddressRefused { .. }
            | Error::OwnAddress { .. }
            | Error::InvalidRequest { .. }
            | Error::TooLarge { .. }
            | Error::Tls { .. }
            | Error::SecretMissing { .. }
            | Error::TooManyRedirects { .. } => false,
        }
    }

    /// Whether the request may have reached the other side, so that a repetition could act twice.
    pub fn maybe_sent(&self) -> bool {
        match self {
            Error::TooLarge { maybe_sent, .. }
            | Error::Timeout { maybe_sent, .. }
            | Error::Broken { maybe_sent, .. } => *maybe_sent,
            Error::TooManyRedirects { .. } | Error::Redirected(_) => true,
            Error::Options { .. }
            | Error::Denied { .. }
            | Error::AddressRefused { .. }
            | Error::OwnAddress { .. }
            | Error::InvalidRequest { .. }
            | Error::Connect { .. }
            | Error::Tls { .. }
            | Error::SecretMissing { .. }
            | Error::Unavailable { .. }
            | Error::Busy { .. }
            | Error::Smtp { .. } => false,
        }
    }

    /// The exact rule that would allow what was denied.
    pub fn grant(&self) -> Option<String> {
        match self {
            Error::Denied { grant, .. } => grant.clone(),
            Error::Redirected(inner) => inner.grant(),
            _ => None,
        }
    }

    /// More for programs: for a refusal of a mail server `{"code", "enhanced", "stage", "text",
    /// "rejected"}`.
    pub fn detail(&self) -> Option<serde_json::Value> {
        match self {
            Error::Smtp {
                stage,
                code,
                enhanced,
                text,
                rejected,
            } => {
                let detail = SmtpDetail {
                    code: *code,
                    enhanced: enhanced.as_deref(),
                    stage: *stage,
                    text,
                    rejected,
                };
                serde_json::to_value(detail).ok()
            }
            _ => None,
        }
    }

    /// The same error without secrets in its texts.
    pub(crate) fn scrubbed(mut self, scrubber: &Scrubber) -> Error {
        let clean = |text: &mut String| {
            if scrubber.finds(text.as_bytes()) {
                *text = scrubber.text(text).into_owned();
            }
        };
        match &mut self {
            Error::Options { what } | Error::InvalidRequest { what } => clean(what),
            Error::Denied { what, grant } => {
                clean(what);
                grant.iter_mut().for_each(clean);
            }
            Error::Connect { host, text }
            | Error::Tls { host, text }
            | Error::Broken { host, text, .. } => {
                clean(host);
                clean(text);
            }
            Error::AddressRefused { host, .. }
            | Error::OwnAddress { host }
            | Error::Timeout { host, .. } => clean(host),
            Error::Unavailable { text, .. } => clean(text),
            Error::Smtp { text, rejected, .. } => {
                clean(text);
                rejected
                    .iter_mut()
                    .for_each(|rejection| clean(&mut rejection.text));
            }
            Error::Redirected(inner) => {
                let owned = std::mem::replace(&mut **inner, Error::invalid(""));
                **inner = owned.scrubbed(scrubber);
            }
            Error::TooLarge { .. }
            | Error::SecretMissing { .. }
            | Error::TooManyRedirects { .. }
            | Error::Busy { .. } => {}
        }
        self
    }
}
