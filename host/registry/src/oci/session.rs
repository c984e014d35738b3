//! A conversation with one registry about one name in it.
//!
//! Knows whether the registry is spoken to in https, and what it wants to see of us. A request is
//! made without credentials first; a 401 says what the registry wants (RFC 9110, section 11.6.1):
//! the credentials themselves (Basic) or a token for them from a service that it names (Bearer, as in
//! the distribution project's "Token Authentication Specification"). A token that runs out during a
//! long upload is asked for again in the same way.
//!
//! What must hold: the authorization goes to the registry's own origin and nowhere else; credentials
//! go to it and to the token service alone, and to that in https wherever the registry is.

use super::credentials::{self, Credentials};
use crate::Error;
use crate::digest::Digest;
use crate::http::{Expected, Http, place};
use crate::options::Options;
use crate::progress::{Progress, Silent};
use crate::source::Reference;
use crate::text::clean;
use bytes::Bytes;
use http_auth::parser::ChallengeParser;
use oci_client::manifest::{
    IMAGE_MANIFEST_LIST_MEDIA_TYPE, IMAGE_MANIFEST_MEDIA_TYPE, OCI_IMAGE_INDEX_MEDIA_TYPE,
    OCI_IMAGE_MEDIA_TYPE,
};
use reqwest::header::{
    ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue, LOCATION, WWW_AUTHENTICATE,
};
use reqwest::{Method, RequestBuilder, Response, StatusCode};
use serde::Deserialize;
use url::Url;

/// The most bytes of a token service's answer; tokens have a few KiB.
const TOKEN: u64 = 64 * 1024;
/// The header in which a registry says the digest of what it gives or took.
const DIGEST: &str = "docker-content-digest";
/// Who asks, for token services.
const CLIENT: &str = "jackfield";

/// What is to be done with the name.
#[derive(Clone, Copy, Debug)]
pub(super) enum Actions {
    Pull,
    PullPush,
}

/// What the registry may see of us.
#[derive(Clone)]
enum Authorization {
    Nothing,
    Password(String, String),
    Token(HeaderValue),
}

/// How a registry wants to be asked.
#[derive(Debug, PartialEq, Eq)]
enum Challenge {
    Basic,
    Bearer {
        realm: String,
        service: Option<String>,
    },
}

/// The conversation.
pub(super) struct Session<'a> {
    http: &'a Http,
    options: &'a Options,
    reference: &'a Reference,
    actions: Actions,
    base: Url,
    authorization: Authorization,
    /// What to do about a refusal.
    advice: String,
}

impl<'a> Session<'a> {
    /// Finds out how the registry is spoken to: https, unless plain HTTP may be spoken there and
    /// https is not.
    pub(super) async fn open(
        http: &'a Http,
        reference: &'a Reference,
        actions: Actions,
        options: &'a Options,
    ) -> Result<Session<'a>, Error> {
        let url = |scheme: &str| {
            let text = format!("{scheme}://{}/v2/", reference.server());
            Url::parse(&text).map_err(|why| Error::Source {
                text: reference.to_string(),
                why: why.to_string(),
            })
        };
        let secure = url("https")?;
        let base = match http.may_be_plain(&secure) && !http.speaks_tls(&secure).await? {
            true => url("http")?,
            false => secure,
        };
        Ok(Session {
            http,
            options,
            reference,
            actions,
            base,
            authorization: Authorization::Nothing,
            advice: format!("log in with `docker login {}`", reference.host()),
        })
    }

    /// The manifest of a tag or digest, and the digest that the registry says it has.
    pub(super) async fn manifest(
        &mut self,
        what: &str,
        asked: &str,
    ) -> Result<(Vec<u8>, Option<Digest>), Error> {
        // Others than ours are accepted too, so that what is there can be told.
        let accept = [
            OCI_IMAGE_MEDIA_TYPE,
            OCI_IMAGE_INDEX_MEDIA_TYPE,
            IMAGE_MANIFEST_MEDIA_TYPE,
            IMAGE_MANIFEST_LIST_MEDIA_TYPE,
        ]
        .join(", ");
        let url = self.url(&format!("manifests/{asked}"))?;
        let response = self.get(what, &url, &accept).await?;
        let said = said_digest(&response);
        let most = self.http.limits().manifest;
        Ok((self.http.small(response, what, most).await?, said))
    }

    /// A blob, which may lie elsewhere.
    pub(super) async fn blob(
        &mut self,
        expected: &Expected<'_>,
        digest: Digest,
        progress: &dyn Progress,
    ) -> Result<Vec<u8>, Error> {
        let url = self.url(&format!("blobs/{digest}"))?;
        let response = self.get(expected.what, &url, "*/*").await?;
        self.http.large(response, expected, progress).await
    }

    /// Writes a blob, unless the registry has it.
    pub(super) async fn upload(
        &mut self,
        what: &str,
        bytes: Bytes,
        progress: &dyn Progress,
    ) -> Result<(), Error> {
        let digest = Digest::of(&bytes);
        let url = self.url(&format!("blobs/{digest}"))?;
        let call = Call::new(what, Method::HEAD, &url);
        let response = self.call(&call, progress).await?;
        match response.status() {
            status if status.is_success() => return Ok(()),
            // The registry need not say why it has none; whatever it is, the upload will tell.
            status if status.is_client_error() => {}
            _ => return Err(self.refusal(what, response).await),
        }

        let url = self.url("blobs/uploads/")?;
        let call = Call {
            body: Some((Bytes::new(), "application/octet-stream")),
            ..Call::new(what, Method::POST, &url)
        };
        let response = self.call(&call, &Silent).await?;
        if response.status() != StatusCode::ACCEPTED {
            return Err(self.refusal(what, response).await);
        }
        let mut url = self.location(what, &response)?;
        url.query_pairs_mut()
            .append_pair("digest", &digest.to_string());
        let call = Call {
            body: Some((bytes, "application/octet-stream")),
            ..Call::new(what, Method::PUT, &url)
        };
        let response = self.call(&call, progress).await?;
        match response.status().is_success() {
            true => Ok(()),
            false => Err(self.refusal(what, response).await),
        }
    }

    /// Writes a manifest under a tag, and gives the digest that the registry says it has.
    pub(super) async fn put_manifest(
        &mut self,
        what: &str,
        tag: &str,
        manifest: Bytes,
        progress: &dyn Progress,
    ) -> Result<Option<Digest>, Error> {
        let url = self.url(&format!("manifests/{tag}"))?;
        let call = Call {
            body: Some((manifest, OCI_IMAGE_MEDIA_TYPE)),
            ..Call::new(what, Method::PUT, &url)
        };
        let response = self.call(&call, progress).await?;
        match response.status().is_success() {
            true => Ok(said_digest(&response)),
            false => Err(self.refusal(what, response).await),
        }
    }

    /// An address under the name.
    fn url(&self, path: &str) -> Result<Url, Error> {
        self.base
            .join(&format!("{}/{path}", self.reference.name()))
            .map_err(|why| Error::Source {
                text: self.reference.to_string(),
                why: why.to_string(),
            })
    }

    /// Where a blob that was begun has to be written.
    fn location(&self, what: &str, response: &Response) -> Result<Url, Error> {
        let location = response
            .headers()
            .get(LOCATION)
            .and_then(|location| location.to_str().ok())
            .and_then(|location| response.url().join(location).ok())
            .filter(|location| matches!(location.scheme(), "http" | "https"))
            .ok_or_else(|| Error::Refused {
                what: what.to_owned(),
                status: response.status().as_u16(),
                said: "the registry does not say where to write to (no `Location`)".to_owned(),
            })?;
        if self.base.scheme() == "https" && location.scheme() != "https" {
            return Err(Error::Downgrade {
                what: what.to_owned(),
                host: place(&location),
            });
        }
        Ok(location)
    }

    async fn get(&mut self, what: &str, url: &Url, accept: &str) -> Result<Response, Error> {
        let mut asked = false;
        loop {
            let dress = |at: &Url, request: RequestBuilder| {
                self.authorized(at, request.header(ACCEPT, accept))
            };
            let response = self.http.follow(what, url, dress).await?;
            match response.status() {
                StatusCode::OK => return Ok(response),
                StatusCode::UNAUTHORIZED if !asked && self.is_ours(response.url()) => {
                    asked = true;
                    self.authorize(what, response).await?;
                }
                _ => return Err(self.refusal(what, response).await),
            }
        }
    }

    /// A request that follows no redirect. Its status is judged by the caller, but for a 401.
    async fn call(&mut self, call: &Call<'_>, progress: &dyn Progress) -> Result<Response, Error> {
        let mut asked = false;
        loop {
            let request = self.http.request(call.method.clone(), call.url)?;
            let request = self.authorized(call.url, request);
            let response = match &call.body {
                None => self.http.send(call.what, call.url, request).await?,
                Some((bytes, media_type)) => {
                    let request = request.header(CONTENT_TYPE, *media_type);
                    self.http
                        .upload(call.what, call.url, request, bytes.clone(), progress)
                        .await?
                }
            };
            if response.status() != StatusCode::UNAUTHORIZED || !self.is_ours(call.url) {
                return Ok(response);
            }
            if asked {
                return Err(self.refusal(call.what, response).await);
            }
            asked = true;
            self.authorize(call.what, response).await?;
        }
    }

    fn is_ours(&self, url: &Url) -> bool {
        url.origin() == self.base.origin()
    }

    fn authorized(&self, url: &Url, request: RequestBuilder) -> RequestBuilder {
        if !self.is_ours(url) {
            return request;
        }
        match &self.authorization {
            Authorization::Nothing => request,
            Authorization::Password(user, password) => request.basic_auth(user, Some(password)),
            Authorization::Token(token) => request.header(AUTHORIZATION, token.clone()),
        }
    }

    async fn refusal(&self, what: &str, response: Response) -> Error {
        self.http.refusal(what, response, self.advice.clone()).await
    }

    /// Does what a 401 asks for.
    async fn authorize(&mut self, what: &str, refused: Response) -> Result<(), Error> {
        let challenge = challenge(refused.headers());
        let host = self.reference.host();
        let credentials = credentials::find(host, self.options).await;
        match &credentials {
            Credentials::None => {}
            Credentials::Password(..) | Credentials::Identity(_) => {
                self.advice = format!(
                    "the credentials that `docker login {host}` left are not enough; ask for access, \
                     or log in again"
                );
            }
            Credentials::Unusable(why) => {
                self.advice = format!("{why}; mend that, or log in with `docker login {host}`");
            }
        }
        match (challenge, credentials) {
            (Some(Challenge::Bearer { realm, service }), credentials) => {
                self.authorization = self.token(&realm, service.as_deref(), credentials).await?;
                Ok(())
            }
            (Some(Challenge::Basic), Credentials::Password(user, password)) => {
                self.authorization = Authorization::Password(user, password);
                Ok(())
            }
            _ => Err(self.refusal(what, refused).await),
        }
    }

    /// Gets a token from the service that the registry names.
    async fn token(
        &self,
        realm: &str,
        service: Option<&str>,
        credentials: Credentials,
    ) -> Result<Authorization, Error> {
        let what = format!("a token for {}", self.reference);
        let wrong = |found: &str, right: &str| Error::Layout {
            what: what.clone(),
            found: found.to_owned(),
            right: right.to_owned(),
        };
        let mut url = Url::parse(realm)
            .ok()
            .filter(|url| matches!(url.scheme(), "http" | "https"))
            .ok_or_else(|| {
                wrong(
                    &format!("`{}` as the place to get it", clean(realm)),
                    "an https URL",
                )
            })?;
        if self.base.scheme() == "https" && url.scheme() != "https" {
            return Err(Error::Downgrade {
                what,
                host: place(&url),
            });
        }
        let actions = match self.actions {
            Actions::Pull => "pull",
            Actions::PullPush => "pull,push",
        };
        let scope = format!("repository:{}:{actions}", self.reference.name());
        let response = match credentials {
            Credentials::Identity(token) => {
                let mut form = vec![
                    ("grant_type", "refresh_token"),
                    ("client_id", CLIENT),
                    ("scope", &scope),
                    ("refresh_token", &token),
                ];
                form.extend(service.map(|service| ("service", service)));
                let request = self.http.request(Method::POST, &url)?.form(&form);
                self.http.send(&what, &url, request).await?
            }
            credentials => {
                {
                    let mut query = url.query_pairs_mut();
                    query.append_pair("scope", &scope);
                    if let Some(service) = service {
                        query.append_pair("service", service);
                    }
                }
                let mut request = self.http.request(Method::GET, &url)?;
                if let Credentials::Password(user, password) = credentials {
                    request = request.basic_auth(user, Some(password));
                }
                self.http.send(&what, &url, request).await?
            }
        };
        if response.status() != StatusCode::OK {
            return Err(self.refusal(&what, response).await);
        }
        /// Either name is in use.
        #[derive(Deserialize)]
        struct Answer {
            token: Option<String>,
            access_token: Option<String>,
        }
        let body = self.http.small(response, &what, TOKEN).await?;
        // What serde says is not shown: it may quote what it reads.
        serde_json::from_slice::<Answer>(&body)
            .ok()
            .and_then(|answer| answer.token.or(answer.access_token))
            .and_then(|token| HeaderValue::from_str(&format!("Bearer {token}")).ok())
            .map(|mut token| {
                token.set_sensitive(true);
                Authorization::Token(token)
            })
            .ok_or_else(|| wrong("an answer without one", "JSON with a `token`"))
    }
}

/// One request.
struct Call<'a> {
    what: &'a str,
    method: Method,
    url: &'a Url,
    body: Option<(Bytes, &'static str)>,
}

impl<'a> Call<'a> {
    fn new(what: &'a str, method: Method, url: &'a Url) -> Call<'a> {
        Call {
            what,
            method,
            url,
            body: None,
        }
    }
}

/// What the registry wants, a token before a password.
fn challenge(headers: &HeaderMap) -> Option<Challenge> {
    let mut found = None;
    for value in headers.get_all(WWW_AUTHENTICATE) {
        let Ok(text) = value.to_str() else { continue };
        for challenge in ChallengeParser::new(text).flatten() {
            if challenge.scheme.eq_ignore_ascii_case("basic") {
                found.get_or_insert(Challenge::Basic);
            }
            if !challenge.scheme.eq_ignore_ascii_case("bearer") {
                continue;
            }
            let parameter = |name: &str| {
                let mut all = challenge.params.iter();
                all.find(|(found, _)| found.eq_ignore_ascii_case(name))
                    .map(|(_, value)| value.to_unescaped())
            };
            if let Some(realm) = parameter("realm") {
                let service = parameter("service");
                return Some(Challenge::Bearer { realm, service });
            }
        }
    }
    found
}

fn said_digest(response: &Response) -> Option<Digest> {
    Digest::parse(response.headers().get(DIGEST)?.to_str().ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(values: &[&'static str]) -> Option<Challenge> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(WWW_AUTHENTICATE, HeaderValue::from_static(value));
        }
        challenge(&headers)
    }

    #[test]
    fn a_token_is_preferred_wherever_it_stands() {
        let bearer = Some(Challenge::Bearer {
            realm: "https://auth.example.org/token".to_owned(),
            service: Some("registry".to_owned()),
        });
        let text = r#"Bearer realm="https://auth.example.org/token",service="registry""#;
        let other = r#"Digest nonce="x""#;
        assert_eq!(read(&[text]), bearer);
        assert_eq!(read(&[r#"Basic realm="r""#, other, text]), bearer);
        assert_eq!(read(&[r#"basic realm="r""#]), Some(Challenge::Basic));
        assert_eq!(read(&[r#"Bearer service="s""#]), None);
        assert_eq!(read(&["====", ""]), None);
        assert_eq!(read(&[]), None);
    }

    #[test]
    fn an_unclosed_quote_is_no_challenge() {
        assert_eq!(read(&[r#"Bearer realm="https://a"#]), None);
    }
}
