//! A request, read and checked, before any secret is known and before it waits for its turn.

use std::collections::BTreeSet;
use std::time::Duration;

use http::{HeaderName, Method, header};

use super::HttpRequest;
use super::url_template::UrlTemplate;
use crate::grant::METHODS;
use crate::options::timeout;
use crate::placeholder::{Escape, Template};
use crate::{Error, Grant, HttpLimits, Place};

/// Headers that frame a request or belong to one connection: the host writes them.
const FORBIDDEN: &[&str] = &[
    "connection",
    "content-length",
    "expect",
    "host",
    "http2-settings",
    "keep-alive",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];
const FORBIDDEN_PREFIX: &str = "proxy-";
/// A server that is sent more answers 431.
const MAX_HEADERS: usize = 100;

#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) method: Method,
    pub(crate) url: UrlTemplate,
    pub(crate) message: Message,
    pub(crate) timeout: Duration,
    pub(crate) max_redirects: u8,
}

/// What goes along with a request, and is cut down where a redirect leads elsewhere.
#[derive(Debug, Default)]
pub(crate) struct Message {
    pub(crate) headers: Vec<(HeaderName, Template)>,
    pub(crate) basic: Option<(Template, Template)>,
    pub(crate) body: Option<Template>,
    pub(crate) escape: Option<Escape>,
}

impl Plan {
    pub(crate) fn read(
        request: HttpRequest,
        limits: &HttpLimits,
        grant: &Grant,
    ) -> Result<Plan, Error> {
        let timeout = timeout(request.timeout, limits.default_timeout, limits.max_timeout)?;
        let max_redirects = request.max_redirects.unwrap_or(limits.max_redirects);
        if max_redirects > limits.max_redirects {
            return Err(Error::invalid(format!(
                "{max_redirects} redirects are asked for; at most {} are followed",
                limits.max_redirects
            )));
        }
        check_size(&request, limits.max_request_bytes)?;
        let method = METHODS
            .into_iter()
            .find(|method| method.eq_ignore_ascii_case(&request.method))
            .and_then(|method| method.parse().ok())
            .ok_or_else(|| {
                Error::invalid(format!("the method must be one of {}", METHODS.join(", ")))
            })?;
        let url = UrlTemplate::read(&request.url)?;
        let headers = read_headers(&request.headers)?;
        let basic = match request.basic_auth {
            None => None,
            Some(_)
                if headers
                    .iter()
                    .any(|(name, _)| name == header::AUTHORIZATION) =>
            {
                return Err(Error::invalid(
                    "give basic-auth or a header Authorization, not both",
                ));
            }
            Some((username, password)) => Some((
                Template::strict(&username, "the user name")?,
                Template::strict(&password, "the password")?,
            )),
        };
        let known: BTreeSet<&str> = grant
            .secrets
            .iter()
            .map(|rule| rule.name.as_str())
            .collect();
        let body = request
            .body
            .filter(|body| !body.is_empty())
            .map(|body| Template::body(body, &|name| known.contains(name)));
        let escape = request
            .headers
            .iter()
            .find(|(name, _)| name.eq_ignore_ascii_case("content-type"))
            .map(|(_, value)| Escape::for_content_type(value));
        let message = Message {
            headers,
            basic,
            body,
            escape,
        };
        Ok(Plan {
            method,
            url,
            message,
            timeout,
            max_redirects,
        })
    }
}

impl Message {
    /// A redirect turned the method into GET: what described the body goes with it.
    pub(crate) fn drop_body(&mut self) {
        self.body = None;
        self.headers
            .retain(|(name, _)| !name.as_str().starts_with("content-"));
    }

    /// A redirect leads to another origin: credentials stay behind, unless `may` says that the
    /// secrets in them are meant for that origin as well.
    pub(crate) fn leave_origin(&mut self, may: impl Fn(&Template, Place) -> bool) {
        self.headers.retain(|(name, value)| {
            if value.has_secrets() {
                may(value, Place::Header)
            } else {
                name != header::AUTHORIZATION && name != header::COOKIE
            }
        });
        let keep = |(username, password): &(Template, Template)| {
            (username.has_secrets() || password.has_secrets())
                && may(username, Place::BasicAuth)
                && may(password, Place::BasicAuth)
        };
        self.basic = self.basic.take().filter(keep);
    }
}

fn check_size(request: &HttpRequest, limit: usize) -> Result<(), Error> {
    let headers: usize = request
        .headers
        .iter()
        .map(|(name, value)| name.len() + value.len() + 4)
        .sum();
    let body = request.body.as_ref().map_or(0, bytes::Bytes::len);
    if request.url.len() + headers + body > limit {
        return Err(Error::TooLarge {
            what: "the request",
            limit,
            maybe_sent: false,
        });
    }
    if request.headers.len() > MAX_HEADERS {
        return Err(Error::invalid(format!(
            "at most {MAX_HEADERS} headers can be sent"
        )));
    }
    Ok(())
}

fn read_headers(headers: &[(String, String)]) -> Result<Vec<(HeaderName, Template)>, Error> {
    headers
        .iter()
        .map(|(name, value)| {
            // The name is a plugin's own text; printed as a literal, it cannot break a log line.
            let header: HeaderName = name
                .parse()
                .map_err(|_| Error::invalid(format!("{name:?} is no name of a header")))?;
            if FORBIDDEN.contains(&header.as_str()) || header.as_str().starts_with(FORBIDDEN_PREFIX)
            {
                return Err(Error::invalid(format!(
                    "the header {header} is written by the host; leave it out"
                )));
            }
            let value = Template::strict(value, &format!("the header {header}"))?;
            Ok((header, value))
        })
        .collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn read(change: impl FnOnce(&mut HttpRequest)) -> Result<Plan, Error> {
        let mut request = HttpRequest {
            method: "get".into(),
            url: "https://a.example/".into(),
            ..HttpRequest::default()
        };
        change(&mut request);
        Plan::read(request, &HttpLimits::default(), &Grant::default())
    }

    fn code(change: impl FnOnce(&mut HttpRequest)) -> &'static str {
        read(change).unwrap_err().code()
    }

    #[test]
    fn headers_of_the_connection_are_refused_in_any_case() {
        for name in [
            "Host",
            "CONTENT-LENGTH",
            "transfer-encoding",
            "Connection",
            "Proxy-Authorization",
            "Upgrade",
            "TE",
        ] {
            let error = read(|r| r.headers.push((name.into(), "x".into()))).unwrap_err();
            assert!(error.to_string().contains("leave it out"), "{error}");
        }
        for name in ["", "a b", "a\r\nb", "a:b", ":authority", "é"] {
            assert_eq!(
                code(|r| r.headers.push((name.into(), "x".into()))),
                "invalid",
                "{name:?}"
            );
        }
    }

    #[test]
    fn limits_are_refused_with_what_is_allowed() {
        assert_eq!(
            code(|r| r.body = Some(vec![0; 11 << 20].into())),
            "too-large"
        );
        assert_eq!(
            code(|r| r.timeout = Some(Duration::from_secs(121))),
            "invalid"
        );
        assert_eq!(code(|r| r.timeout = Some(Duration::ZERO)), "invalid");
        assert_eq!(code(|r| r.max_redirects = Some(4)), "invalid");
        assert_eq!(
            code(|r| r.headers = vec![("a".into(), String::new()); 101]),
            "invalid"
        );
        let plan = read(|_| ()).unwrap();
        assert_eq!((plan.timeout.as_secs(), plan.max_redirects), (10, 3));
        assert_eq!(plan.method, Method::GET);
    }

    #[test]
    fn methods_that_open_tunnels_or_echo_are_refused() {
        for method in ["CONNECT", "TRACE", "", "GET / HTTP/1.1\r\nX:", "PROPFIND"] {
            assert_eq!(code(|r| r.method = method.into()), "invalid");
        }
    }

    #[test]
    fn two_ways_of_authorization_at_once_are_refused() {
        let error = code(|r| {
            r.headers.push(("authorization".into(), "x".into()));
            r.basic_auth = Some(("u".into(), "p".into()));
        });
        assert_eq!(error, "invalid");
    }

    #[test]
    fn plain_credentials_never_leave_the_origin() {
        let mut plan = read(|r| {
            r.headers = vec![
                ("Authorization".into(), "Bearer literal".into()),
                ("Cookie".into(), "a=b".into()),
                ("X-Key".into(), "{{secret:k}}".into()),
                ("Accept".into(), "x".into()),
            ];
        })
        .unwrap();
        plan.message.leave_origin(|_, _| false);
        let names: Vec<_> = plan
            .message
            .headers
            .iter()
            .map(|(name, _)| name.as_str())
            .collect();
        assert_eq!(names, ["accept"]);
        let mut plan = read(|r| r.basic_auth = Some(("u".into(), "p".into()))).unwrap();
        plan.message.leave_origin(|_, _| true);
        assert!(plan.message.basic.is_none());
    }
}
