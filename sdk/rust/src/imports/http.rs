//! HTTP requests to the outside, under the plugin's grant.
//!
//! ```no_run
//! use jackfield_plugin::http::Request;
//!
//! let response = Request::get("https://api.example.com/v1/me")
//!     .header("authorization", "Bearer {{secret:token}}")
//!     .send()?;
//! if response.is_success() {
//!     let me: serde_json::Value = response.json().unwrap_or_default();
//! }
//! # Ok::<(), jackfield_plugin::Failure>(())
//! ```

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::sys;
pub use crate::bindings::step::jackfield::plugin::http::{Credentials, Request, Response};
use crate::failure::CallError;

impl Request {
    /// A request with this method.
    pub fn new(method: &str, url: impl Into<String>) -> Self {
        Request {
            method: method.into(),
            url: url.into(),
            headers: Vec::new(),
            basic_auth: None,
            body: None,
            timeout: None,
            max_redirects: None,
            idempotency_header: None,
        }
    }

    /// A GET request.
    pub fn get(url: impl Into<String>) -> Self {
        Request::new("GET", url)
    }

    /// A POST request.
    pub fn post(url: impl Into<String>) -> Self {
        Request::new("POST", url)
    }

    /// With a header. `{{secret:NAME}}` may stand in the value.
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// With HTTP Basic. `{{secret:NAME}}` may stand in both.
    pub fn basic_auth(mut self, username: impl Into<String>, password: impl Into<String>) -> Self {
        self.basic_auth = Some(Credentials {
            username: username.into(),
            password: password.into(),
        });
        self
    }

    /// With a body of this type; none leaves the type to the headers.
    pub fn body(mut self, content_type: Option<&str>, body: impl Into<Vec<u8>>) -> Self {
        self.body = Some(body.into());
        match content_type {
            Some(content_type) => self.header("content-type", content_type),
            None => self,
        }
    }

    /// With a JSON body. A value that is no JSON (a map without text keys) is sent as `null`.
    pub fn json(self, value: &impl Serialize) -> Self {
        let body = serde_json::to_vec(value).unwrap_or_else(|_| b"null".to_vec());
        self.body(Some("application/json"), body)
    }

    /// With a form-encoded body.
    pub fn form(self, pairs: &[(&str, &str)]) -> Self {
        let body = crate::form::encode(pairs.iter().copied());
        self.body(Some("application/x-www-form-urlencoded"), body)
    }

    /// Milliseconds for the whole exchange; 10,000 when left out, at most 120,000.
    pub fn timeout(mut self, milliseconds: u32) -> Self {
        self.timeout = Some(milliseconds);
        self
    }

    /// How many redirects to follow; 3 when left out, at most 3.
    pub fn max_redirects(mut self, redirects: u8) -> Self {
        self.max_redirects = Some(redirects);
        self
    }

    /// The receiver honours an idempotency key in this header: the host puts it there, and may
    /// then repeat the request after a crash.
    pub fn idempotency_header(mut self, name: impl Into<String>) -> Self {
        self.idempotency_header = Some(name.into());
        self
    }

    /// Does the request. An answer of any status is a response.
    pub fn send(self) -> Result<Response, CallError> {
        sys::http::fetch(&self)
    }
}

impl Response {
    /// 200 to 299.
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// A header's first value; names in any case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    /// The body as JSON.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, serde_json::Error> {
        serde_json::from_slice(&self.body)
    }

    /// The body as text, with replacement characters for what is no UTF-8.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The wait that `Retry-After` asks for, in milliseconds from `now`: seconds or a date
    /// (RFC 9110, section 10.2.3).
    pub fn retry_after(&self, now: u64) -> Option<u64> {
        let value = self.header("retry-after")?.trim();
        if let Ok(seconds) = value.parse::<u64>() {
            return seconds.checked_mul(1_000);
        }
        let at = httpdate::parse_http_date(value).ok()?;
        let at = at.duration_since(std::time::UNIX_EPOCH).ok()?;
        Some((at.as_millis() as u64).saturating_sub(now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let response = |value: &str| Response {
            status: 429,
            headers: vec![("Retry-After".into(), value.into())],
            body: Vec::new(),
            url: String::new(),
        };
        assert_eq!(response("120").retry_after(0), Some(120_000));
        let date = "Wed, 21 Oct 2015 07:28:00 GMT";
        assert_eq!(response(date).retry_after(1_445_412_470_000), Some(10_000));
        assert_eq!(response(date).retry_after(1_745_412_470_000), Some(0));
        assert_eq!(response("soon").retry_after(0), None);
    }
}
