//! HTTP requests: what goes in, what comes out, and the one client that sends.
//!
//! `plan` reads a request and refuses what is malformed; `exchange` judges, fills in secrets, sends,
//! follows redirects and reads the answer; `watched` and `failure` find out whether anything left.
//!
//! What must hold: spans and errors carry method, host and status, never the full URI, a header's
//! value or a body; every path out of [`run`] goes through the scrubber.

mod exchange;
mod failure;
mod plan;
mod url_template;
mod watched;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use crate::address::AllowList;
use crate::resolve::{ForReqwest, Resolver};
use crate::tls::Trust;
use crate::{Error, Options};

pub(crate) use exchange::{judge, run};

/// A request to send.
#[derive(Clone, Default)]
pub struct HttpRequest {
    /// `GET`, `HEAD`, `POST`, `PUT`, `PATCH`, `DELETE` or `OPTIONS`.
    pub method: String,
    /// `http` or `https`, without user name. Placeholders may stand in path and query.
    pub url: String,
    /// Without `Host`, `Content-Length` and the like, which are the host's. Placeholders may stand
    /// in the values.
    pub headers: Vec<(String, String)>,
    /// User name and password for HTTP Basic (RFC 7617). Placeholders may stand in both.
    pub basic_auth: Option<(String, String)>,
    /// The body. Placeholders may stand in it.
    pub body: Option<Bytes>,
    /// For the whole exchange with body and redirects; none is the host's default.
    pub timeout: Option<Duration>,
    /// How many redirects to follow; none is the host's default, 0 gives the redirect back.
    pub max_redirects: Option<u8>,
}

/// Prints no value that could be private.
impl fmt::Debug for HttpRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpRequest")
            .field("method", &self.method)
            .field("headers", &self.headers.len())
            .field("body_bytes", &self.body.as_ref().map(Bytes::len))
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}

/// An answer, scrubbed.
#[derive(Clone, PartialEq, Eq)]
pub struct HttpResponse {
    /// The status code.
    pub status: u16,
    /// In the order they came; values that are no UTF-8 have replacement characters.
    pub headers: Vec<(String, String)>,
    /// The whole body.
    pub body: Bytes,
    /// Where the answer came from, after redirects.
    pub url: String,
}

/// Prints no value that could be private.
impl fmt::Debug for HttpResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpResponse")
            .field("status", &self.status)
            .field("headers", &self.headers.len())
            .field("body_bytes", &self.body.len())
            .finish_non_exhaustive()
    }
}

/// A client whose connector gets judged addresses only. `port` is the one its address rules are
/// read for, 0 for "any port that no rule names".
pub(crate) fn client(
    options: &Options,
    trust: &Trust,
    resolver: Arc<dyn Resolver>,
    allow: Arc<AllowList>,
    port: u16,
) -> Result<reqwest::Client, Error> {
    reqwest::Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .referer(false)
        .retry(reqwest::retry::never())
        .dns_resolver(ForReqwest {
            resolver,
            allow,
            port,
        })
        .tls_backend_preconfigured(trust.for_http()?)
        .connect_timeout(options.http.connect_timeout)
        // As long as most servers keep an idle connection, so that few are found dead.
        .pool_idle_timeout(Duration::from_secs(60))
        .pool_max_idle_per_host(options.per_host_concurrency)
        .user_agent(&options.user_agent)
        .build()
        .map_err(|why| Error::Options {
            what: format!("the HTTP client cannot be built: {why}"),
        })
}
