//! What the operator sets for the whole host.
//!
//! Every number is finite. The defaults for HTTP are those of the product's HTTP step (10 s, at
//! most 120 s, 1 MiB, 3 redirects); the mail server gets longer because it may check a message
//! before it answers the final dot.

use std::time::Duration;

use crate::{AddressRule, Error};

/// Settings of [`crate::Egress`]. They do not change while it runs.
#[derive(Clone, Debug)]
pub struct Options {
    /// Addresses that are not global and may be reached all the same.
    pub allow_addresses: Vec<AddressRule>,
    /// Where this server itself is reached: no request is sent there, since what it starts could ask
    /// again for ever.
    pub own: Vec<url::Url>,
    /// Limits of HTTP requests.
    pub http: HttpLimits,
    /// Limits of mail.
    pub mail: MailLimits,
    /// Requests and mails under way to one scheme, host and port; further ones wait.
    pub per_host_concurrency: usize,
    /// Requests and mails under way for one plugin; further ones wait.
    pub per_plugin_concurrency: usize,
    /// The `User-Agent` where the plugin gives none.
    pub user_agent: String,
    /// Certificates (PEM) of authorities that are trusted beside those of the operating system.
    pub extra_authorities: Vec<String>,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            allow_addresses: Vec::new(),
            own: Vec::new(),
            http: HttpLimits::default(),
            mail: MailLimits::default(),
            // A provider's own rate is the dispatcher's concern; these two only keep one plugin or
            // one silent host from taking every socket.
            per_host_concurrency: 64,
            per_plugin_concurrency: 128,
            user_agent: concat!("Jackfield/", env!("CARGO_PKG_VERSION")).to_owned(),
            extra_authorities: Vec::new(),
        }
    }
}

/// Limits of HTTP requests.
#[derive(Clone, Copy, Debug)]
pub struct HttpLimits {
    /// For name, TCP and TLS together; it counts against the whole exchange too.
    pub connect_timeout: Duration,
    /// For the whole exchange with body and redirects, where the request says nothing.
    pub default_timeout: Duration,
    /// The most that a request may ask for.
    pub max_timeout: Duration,
    /// Bytes of status line, headers and body of the response.
    pub max_response_bytes: usize,
    /// Bytes of URL, headers and body of the request.
    pub max_request_bytes: usize,
    /// Redirects that are followed, where the request says nothing, and the most it may ask for.
    pub max_redirects: u8,
}

impl Default for HttpLimits {
    fn default() -> HttpLimits {
        HttpLimits {
            connect_timeout: Duration::from_secs(5),
            default_timeout: Duration::from_secs(10),
            max_timeout: Duration::from_secs(120),
            max_response_bytes: 1 << 20,
            // As much as a plugin's call may carry over its boundary, with room.
            max_request_bytes: 10 << 20,
            max_redirects: 3,
        }
    }
}

/// Limits of mail.
#[derive(Clone, Copy, Debug)]
pub struct MailLimits {
    /// For each address that is tried.
    pub connect_timeout: Duration,
    /// For the whole conversation, where the request says nothing.
    pub default_timeout: Duration,
    /// The most that a request may ask for.
    pub max_timeout: Duration,
    /// Bytes of all attachments together, before encoding.
    pub max_attachment_bytes: usize,
    /// Bytes of subject, text, HTML and headers together.
    pub max_text_bytes: usize,
    /// Recipients of one mail; RFC 5321 asks servers to take 100.
    pub max_recipients: usize,
}

impl Default for MailLimits {
    fn default() -> MailLimits {
        MailLimits {
            connect_timeout: Duration::from_secs(10),
            default_timeout: Duration::from_secs(30),
            max_timeout: Duration::from_secs(120),
            max_attachment_bytes: 25 << 20,
            max_text_bytes: 5 << 20,
            max_recipients: 100,
        }
    }
}

impl Options {
    /// Finds settings that cannot work.
    pub(crate) fn validate(&self) -> Result<(), Error> {
        let zero = |name: &str| Error::Options {
            what: format!("`{name}` must be more than 0"),
        };
        let numbers = [
            ("per_host_concurrency", self.per_host_concurrency),
            ("per_plugin_concurrency", self.per_plugin_concurrency),
            ("http.max_response_bytes", self.http.max_response_bytes),
            ("http.max_request_bytes", self.http.max_request_bytes),
            ("mail.max_text_bytes", self.mail.max_text_bytes),
            ("mail.max_recipients", self.mail.max_recipients),
        ];
        if let Some((name, _)) = numbers.iter().find(|(_, number)| *number == 0) {
            return Err(zero(name));
        }
        let times = [
            ("http.connect_timeout", self.http.connect_timeout),
            ("http.default_timeout", self.http.default_timeout),
            ("http.max_timeout", self.http.max_timeout),
            ("mail.connect_timeout", self.mail.connect_timeout),
            ("mail.default_timeout", self.mail.default_timeout),
            ("mail.max_timeout", self.mail.max_timeout),
        ];
        if let Some((name, _)) = times.iter().find(|(_, time)| time.is_zero()) {
            return Err(zero(name));
        }
        Ok(())
    }
}

/// The time that a call has: what it asks for, or the default; never more than the most.
pub(crate) fn timeout(
    asked: Option<Duration>,
    default: Duration,
    most: Duration,
) -> Result<Duration, Error> {
    match asked {
        None => Ok(default.min(most)),
        Some(asked) if asked.is_zero() || asked > most => Err(Error::invalid(format!(
            "the timeout is {} ms; it must be from 1 to {} ms",
            asked.as_millis(),
            most.as_millis()
        ))),
        Some(asked) => Ok(asked),
    }
}
