//! The one HTTP client: every request of this crate is made here, and every answer read here.
//!
//! What must hold: no answer is read beyond its cap, error pages included; nothing waits longer than
//! the limits; redirects are followed here and not by the library, so that each hop is judged like
//! the first request; nothing is decompressed, and nothing compressed is taken.
//!
//! This machine is reached straight, everything else through the proxies of the environment
//! (`HTTPS_PROXY`, `NO_PROXY`), as by other programs of the command line.

use crate::progress::{Progress, Under};
use crate::text::{chain, clean};
use crate::{Error, Limits, Options};
use bytes::Bytes;
use reqwest::header::{ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_LENGTH, LOCATION};
use reqwest::{Body, Client, Method, RequestBuilder, Response, StatusCode};
use std::error::Error as StdError;
use std::io::{self, Read as _};
use std::path::Path;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::time::{Instant, timeout};
use url::{Host, Url};

/// How many redirects are followed.
const REDIRECTS: usize = 5;
/// How much of an error page is read; a few hundred characters of it are shown.
const ERROR_PAGE: u64 = 16 * 1024;
/// How much of a file with root certificates is read; those of a whole system have 250 KiB.
const ROOTS: u64 = 4 * 1024 * 1024;
/// Bytes that are handed to the connection at a time.
const PIECE: usize = 64 * 1024;
/// How often is looked how much of an upload has left.
const TICK: Duration = Duration::from_millis(100);

/// The client.
pub(crate) struct Http {
    outside: Client,
    here: Client,
    insecure: bool,
    limits: Limits,
}

/// What is expected of a body.
pub(crate) struct Expected<'a> {
    /// What it is, for errors and progress.
    pub(crate) what: &'a str,
    /// The most bytes that are allowed.
    pub(crate) most: u64,
    /// The number of bytes where it was declared.
    pub(crate) exact: Option<u64>,
}

impl Http {
    pub(crate) fn new(options: &Options) -> Result<Http, Error> {
        let mut roots = Vec::new();
        for path in &options.trust {
            roots.extend(certificates(path)?);
        }
        let client = |here: bool| {
            let mut builder = Client::builder()
                .redirect(reqwest::redirect::Policy::none())
                .connect_timeout(options.limits.connect)
                .user_agent(concat!("jackfield/", env!("CARGO_PKG_VERSION")))
                .referer(false)
                .no_gzip()
                .no_brotli()
                .no_zstd()
                .no_deflate()
                .tls_certs_merge(roots.clone());
            if here {
                builder = builder.no_proxy();
            }
            builder.build().map_err(|why| Error::Options {
                what: format!("no HTTP client can be made: {}", chain(&why)),
            })
        };
        Ok(Http {
            outside: client(false)?,
            here: client(true)?,
            insecure: options.insecure,
            limits: options.limits,
        })
    }

    pub(crate) fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Whether plain HTTP may be spoken there.
    pub(crate) fn may_be_plain(&self, url: &Url) -> bool {
        self.insecure || is_here(url)
    }

    /// A request, if it may be made at all.
    pub(crate) fn request(&self, method: Method, url: &Url) -> Result<RequestBuilder, Error> {
        if url.scheme() != "https" && !self.may_be_plain(url) {
            return Err(Error::Insecure {
                url: format!("{}://{}", url.scheme(), place(url)),
            });
        }
        Ok(self
            .client(url)
            .request(method, url.clone())
            .header(ACCEPT_ENCODING, "identity"))
    }

    fn client(&self, url: &Url) -> &Client {
        if is_here(url) {
            &self.here
        } else {
            &self.outside
        }
    }

    /// Sends a request without a body worth mentioning, and waits for the head of its answer.
    pub(crate) async fn send(
        &self,
        what: &str,
        url: &Url,
        request: RequestBuilder,
    ) -> Result<Response, Error> {
        match timeout(self.limits.idle, request.send()).await {
            Ok(answer) => answer.map_err(|why| failure(what, url, why)),
            Err(_) => Err(self.stalled(what)),
        }
    }

    /// Sends bytes, and waits for the head of the answer. What has been handed to the connection
    /// counts as moved.
    pub(crate) async fn upload(
        &self,
        what: &str,
        url: &Url,
        request: RequestBuilder,
        bytes: Bytes,
        progress: &dyn Progress,
    ) -> Result<Response, Error> {
        let total = bytes.len() as u64;
        let moved = Arc::new(AtomicU64::new(0));
        let counter = Arc::clone(&moved);
        let pieces = futures::stream::iter((0..bytes.len()).step_by(PIECE).map(move |start| {
            let piece = bytes.slice(start..bytes.len().min(start + PIECE));
            counter.fetch_add(piece.len() as u64, Ordering::Relaxed);
            Ok::<_, io::Error>(piece)
        }));
        let request = request
            .header(CONTENT_LENGTH, total)
            .body(Body::wrap_stream(pieces));
        let shown = Under::begin(progress, what, Some(total));
        let mut sending = pin!(request.send());
        let mut seen = 0;
        let mut since = Instant::now();
        loop {
            let answer = timeout(TICK.min(self.limits.idle), &mut sending).await;
            let now = moved.load(Ordering::Relaxed);
            if now > seen {
                shown.advance(now - seen);
                seen = now;
                since = Instant::now();
            }
            match answer {
                Ok(answer) => return answer.map_err(|why| failure(what, url, why)),
                Err(_) if since.elapsed() >= self.limits.idle => return Err(self.stalled(what)),
                Err(_) => {}
            }
        }
    }

    /// Gets what is there, through redirects. `dress` adds to the request of each hop what that
    /// address may see.
    pub(crate) async fn follow(
        &self,
        what: &str,
        url: &Url,
        dress: impl Fn(&Url, RequestBuilder) -> RequestBuilder,
    ) -> Result<Response, Error> {
        let mut at = url.clone();
        for _ in 0..=REDIRECTS {
            let request = dress(&at, self.request(Method::GET, &at)?);
            let response = self.send(what, &at, request).await?;
            let Some(next) = redirect(&response) else {
                return Ok(response);
            };
            if at.scheme() == "https" && next.scheme() == "http" {
                return Err(Error::Downgrade {
                    what: what.to_owned(),
                    host: place(&next),
                });
            }
            at = next;
        }
        Err(Error::Redirects {
            what: what.to_owned(),
            most: REDIRECTS,
        })
    }

    /// Whether TLS is spoken there. A certificate that cannot be trusted is an error: there is TLS.
    pub(crate) async fn speaks_tls(&self, url: &Url) -> Result<bool, Error> {
        let request = self.client(url).get(url.clone()).send();
        match timeout(self.limits.connect, request).await {
            Ok(Ok(_)) => Ok(true),
            Ok(Err(why)) => match cause::<rustls::Error>(&why) {
                Some(rustls::Error::InvalidCertificate(_)) => Err(failure("", url, why)),
                _ => Ok(false),
            },
            Err(_) => Ok(false),
        }
    }

    /// Reads a body of a few bytes.
    pub(crate) async fn small(
        &self,
        response: Response,
        what: &str,
        most: u64,
    ) -> Result<Vec<u8>, Error> {
        let expected = Expected {
            what,
            most,
            exact: None,
        };
        self.body(response, &expected, &mut |_| {}).await
    }

    /// Reads a body that is worth a bar.
    pub(crate) async fn large(
        &self,
        response: Response,
        expected: &Expected<'_>,
        progress: &dyn Progress,
    ) -> Result<Vec<u8>, Error> {
        let total = expected.exact.or(response.content_length());
        let shown = Under::begin(progress, expected.what, total);
        self.body(response, expected, &mut |count| shown.advance(count))
            .await
    }

    async fn body(
        &self,
        mut response: Response,
        expected: &Expected<'_>,
        moved: &mut (dyn FnMut(u64) + Send),
    ) -> Result<Vec<u8>, Error> {
        let what = expected.what;
        not_encoded(what, &response)?;
        if let Some(declared) = response.content_length() {
            expected.judge(declared, &format!("{declared} are sent"))?;
        }
        let url = response.url().clone();
        let mut bytes = Vec::new();
        loop {
            let chunk = match timeout(self.limits.idle, response.chunk()).await {
                Ok(chunk) => chunk.map_err(|why| failure(what, &url, why))?,
                Err(_) => return Err(self.stalled(what)),
            };
            let Some(chunk) = chunk else { break };
            let length = (bytes.len() as u64).saturating_add(chunk.len() as u64);
            expected.at_most(length)?;
            bytes.extend_from_slice(&chunk);
            moved(chunk.len() as u64);
        }
        let length = bytes.len() as u64;
        expected.judge(length, &format!("{length} came"))?;
        Ok(bytes)
    }

    /// The error for an answer that is not the one asked for, with what its page says.
    pub(crate) async fn refusal(&self, what: &str, response: Response, advice: String) -> Error {
        let status = response.status();
        let what = what.to_owned();
        let said = self.said(response).await;
        match status {
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Error::Denied {
                what,
                status: status.as_u16(),
                said,
                advice,
            },
            StatusCode::NOT_FOUND | StatusCode::GONE => Error::NotFound { what, said },
            _ => Error::Refused {
                what,
                status: status.as_u16(),
                said,
            },
        }
    }

    /// What an error page says: the messages of a registry's error envelope, the beginning of a
    /// text, or the meaning of the status. Whatever goes wrong on the way is not worth a word.
    pub(crate) async fn said(&self, mut response: Response) -> String {
        let meaning = response
            .status()
            .canonical_reason()
            .unwrap_or("no reason is given")
            .to_owned();
        if not_encoded("", &response).is_err() {
            return meaning;
        }
        let mut page = Vec::new();
        while (page.len() as u64) < ERROR_PAGE {
            match timeout(self.limits.idle, response.chunk()).await {
                Ok(Ok(Some(chunk))) => {
                    let room = ERROR_PAGE as usize - page.len();
                    page.extend_from_slice(&chunk[..chunk.len().min(room)]);
                }
                _ => break,
            }
        }
        let said = match serde_json::from_slice::<oci_client::errors::OciEnvelope>(&page) {
            Ok(envelope) => {
                let messages = envelope.errors.into_iter().map(|error| error.message);
                clean(&messages.collect::<Vec<_>>().join("; "))
            }
            Err(_) => clean(&String::from_utf8_lossy(&page)),
        };
        let html = said.starts_with('<');
        match said {
            _ if html => format!("{meaning} (an HTML page)"),
            said if said.is_empty() => meaning,
            said => said,
        }
    }

    fn stalled(&self, what: &str) -> Error {
        Error::Stalled {
            what: what.to_owned(),
            after: self.limits.idle,
        }
    }
}

impl Expected<'_> {
    /// Refuses more than is allowed or was declared.
    fn at_most(&self, length: u64) -> Result<(), Error> {
        match self.exact {
            Some(declared) if length > declared => Err(self.length(declared, "more come")),
            _ if length > self.most => Err(Error::TooLarge {
                what: self.what.to_owned(),
                most: self.most,
            }),
            _ => Ok(()),
        }
    }

    /// Refuses any other length than the one that was declared, or more than is allowed.
    fn judge(&self, length: u64, found: &str) -> Result<(), Error> {
        match self.exact {
            Some(declared) if length != declared => Err(self.length(declared, found)),
            _ => self.at_most(length),
        }
    }

    fn length(&self, declared: u64, found: &str) -> Error {
        Error::Length {
            what: self.what.to_owned(),
            declared,
            found: found.to_owned(),
        }
    }
}

/// `host:port`, the port where it is not the usual one.
pub(crate) fn place(url: &Url) -> String {
    let host = clean(url.host_str().unwrap_or_default());
    match url.port() {
        Some(port) => format!("{host}:{port}"),
        None => host,
    }
}

/// Whether the address is this machine, by its name alone.
fn is_here(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

/// Where a redirect leads; none if the answer is none that can be followed.
fn redirect(response: &Response) -> Option<Url> {
    if !matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308) {
        return None;
    }
    let location = response.headers().get(LOCATION)?.to_str().ok()?;
    let next = response.url().join(location).ok()?;
    matches!(next.scheme(), "http" | "https").then_some(next)
}

fn not_encoded(what: &str, response: &Response) -> Result<(), Error> {
    match response.headers().get(CONTENT_ENCODING) {
        None => Ok(()),
        Some(encoding) if encoding.as_bytes().eq_ignore_ascii_case(b"identity") => Ok(()),
        Some(encoding) => Err(Error::Encoded {
            what: what.to_owned(),
            encoding: clean(&String::from_utf8_lossy(encoding.as_bytes())),
        }),
    }
}

fn certificates(path: &Path) -> Result<Vec<reqwest::Certificate>, Error> {
    let wrong = |why: String| Error::Options {
        what: format!(
            "{} cannot be trusted: {why}; it has to be a file with certificates in PEM",
            path.display()
        ),
    };
    let mut pem = Vec::new();
    std::fs::File::open(path)
        .and_then(|file| file.take(ROOTS).read_to_end(&mut pem))
        .map_err(|why| wrong(why.to_string()))?;
    match reqwest::Certificate::from_pem_bundle(&pem) {
        Ok(found) if found.is_empty() => Err(wrong("there is no certificate in it".to_owned())),
        Ok(found) => Ok(found),
        Err(why) => Err(wrong(chain(&why))),
    }
}

fn failure(what: &str, url: &Url, error: reqwest::Error) -> Error {
    let error = error.without_url();
    let host = place(url);
    if let Some(tls) = cause::<rustls::Error>(&error)
        && error.is_connect()
    {
        return Error::Tls {
            host,
            why: clean(&tls.to_string()),
        };
    }
    if error.is_connect() {
        let why = if error.is_timeout() {
            "it takes too long".to_owned()
        } else {
            chain(&error)
        };
        return Error::Unreachable { host, why };
    }
    Error::Broken {
        what: what.to_owned(),
        why: chain(&error),
    }
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
