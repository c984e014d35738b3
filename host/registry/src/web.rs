//! Components from web servers.

use crate::digest::Digest;
use crate::http::{Expected, Http};
use crate::options::Options;
use crate::progress::Progress;
use crate::source::Address;
use crate::{Error, Fetched, component, signature};
use reqwest::StatusCode;
use reqwest::header::CONTENT_TYPE;
use url::Url;

/// Gets the component, and the signature beside it where there is one.
pub(crate) async fn fetch(
    address: &Address,
    options: &Options,
    progress: &dyn Progress,
) -> Result<Fetched, Error> {
    let http = Http::new(options)?;
    let limits = http.limits();
    let what = address.url.to_string();
    let response = http
        .follow(&what, &address.url, |_, request| request)
        .await?;
    if response.status() != StatusCode::OK {
        return Err(http.refusal(&what, response, advice()).await);
    }
    let expected = Expected {
        what: &what,
        most: limits.bytes,
        exact: None,
    };
    let bytes = http.large(response, &expected, progress).await?;
    let digest = Digest::of(&bytes);
    if let Some(pin) = address.pin
        && pin != digest
    {
        return Err(Error::Digest {
            what,
            expected: pin.to_string(),
            found: digest.to_string(),
        });
    }
    component::check(&what, &bytes)?;
    Ok(Fetched {
        signature: beside(&http, &address.url).await?,
        bytes,
        source: address.to_string(),
        digest: digest.to_string(),
        manifest: None,
    })
}

/// `URL.minisig`. None where the server says 404, or answers with a page for people.
async fn beside(http: &Http, url: &Url) -> Result<Option<String>, Error> {
    let mut url = url.clone();
    url.set_path(&format!("{}{}", url.path(), signature::ENDING));
    let what = url.to_string();
    let response = http.follow(&what, &url, |_, request| request).await?;
    if matches!(response.status(), StatusCode::NOT_FOUND | StatusCode::GONE) {
        return Ok(None);
    }
    if response.status() != StatusCode::OK {
        return Err(http.refusal(&what, response, advice()).await);
    }
    let page = response
        .headers()
        .get(CONTENT_TYPE)
        .is_some_and(|kind| kind.as_bytes().starts_with(b"text/html"));
    if page {
        return Ok(None);
    }
    let most = http.limits().signature;
    let text = http.small(response, &what, most).await?;
    signature::read(&what, text, most).map(Some)
}

fn advice() -> String {
    "files are fetched without credentials; fetch it by other means and give the path".to_owned()
}
