//! Extractors whose every rejection is a problem.
//!
//! axum's own extractors answer in plain text, and their limit on bodies is one for all routes.
//! These read the body under the limit of the route, and say where in it something is wrong.

use super::json::Strict;
use super::problem::{Code, ErrorItem, Problem};
use axum::body::Body as HttpBody;
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use axum::http::request::Parts;
use bytes::Bytes;
use jackfield_engine::document::problem::join;
use serde::de::DeserializeOwned;

/// The longest body of an ordinary request, in bytes.
pub const BODY_LIMIT: usize = 1024 * 1024;

/// The longest body of a plugin upload, in bytes: a plugin written in Python is about 18 MB.
pub const PLUGIN_LIMIT: usize = 64 * 1024 * 1024;

/// The longest body that a route takes.
#[must_use]
pub fn body_limit(path: &str) -> usize {
    let plugin = path.strip_prefix("/v1/plugins");
    if path == "/v1/validate/plugin" || plugin.is_some_and(|rest| !rest.ends_with("/grant")) {
        PLUGIN_LIMIT
    } else if path.starts_with("/v1/files/") {
        jackfield_messaging::LARGEST_FILE
    } else if path == "/v1/imports" {
        jackfield_messaging::LARGEST_IMPORT
    } else {
        BODY_LIMIT
    }
}

/// Reads a body to its end, or refuses it as too large.
///
/// # Errors
/// `too-large` over the limit, `incomplete-body` when the sender broke off.
pub async fn read_body(
    body: HttpBody,
    announced: Option<u64>,
    limit: usize,
) -> Result<Bytes, Problem> {
    let too_large = || {
        Problem::new(
            Code::TooLarge,
            format!("The body may have at most {limit} bytes here."),
        )
    };
    if announced.is_some_and(|length| length > limit as u64) {
        return Err(too_large());
    }
    match axum::body::to_bytes(body, limit).await {
        Ok(bytes) => Ok(bytes),
        Err(error) if is_length_error(&error) => Err(too_large()),
        Err(_) => Err(Problem::new(
            Code::IncompleteBody,
            "The connection broke before the whole body had arrived. Send the request again.",
        )),
    }
}

fn is_length_error(error: &axum::Error) -> bool {
    let mut source: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(current) = source {
        if current.is::<http_body_util::LengthLimitError>() {
            return true;
        }
        source = current.source();
    }
    false
}

fn announced(parts: &axum::http::HeaderMap) -> Option<u64> {
    parts.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// The media type of a body without its parameters, in lower case.
pub(crate) fn media_type(headers: &axum::http::HeaderMap) -> Option<String> {
    let value = headers.get(CONTENT_TYPE)?.to_str().ok()?;
    Some(
        value
            .split(';')
            .next()
            .unwrap_or_default()
            .trim()
            .to_ascii_lowercase(),
    )
}

/// A JSON body.
#[derive(Debug)]
pub struct Json<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Json<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        let media = media_type(request.headers());
        if !media.as_deref().is_some_and(is_json) {
            return Err(unsupported(media.as_deref(), "application/json"));
        }
        let limit = body_limit(request.uri().path());
        let length = announced(request.headers());
        let bytes = read_body(request.into_body(), length, limit).await?;
        from_json(&bytes).map(Json)
    }
}

/// A JSON body that may be left out or null: then it is `T::default()`.
#[derive(Debug)]
pub struct OptionalJson<T>(pub T);

impl<T: DeserializeOwned + Default, S: Send + Sync> FromRequest<S> for OptionalJson<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        let media = media_type(request.headers());
        let limit = body_limit(request.uri().path());
        let length = announced(request.headers());
        let bytes = read_body(request.into_body(), length, limit).await?;
        if bytes.is_empty() {
            return Ok(OptionalJson(T::default()));
        }
        if !media.as_deref().is_some_and(is_json) {
            return Err(unsupported(media.as_deref(), "application/json"));
        }
        from_json::<Option<T>>(&bytes).map(|body| OptionalJson(body.unwrap_or_default()))
    }
}

fn is_json(media: &str) -> bool {
    media == "application/json" || (media.starts_with("application/") && media.ends_with("+json"))
}

pub(crate) fn unsupported(got: Option<&str>, wanted: &str) -> Problem {
    let got = match got {
        Some(got) => format!("The body is `{got}`"),
        None => "The request has no Content-Type".to_owned(),
    };
    Problem::new(
        Code::UnsupportedMediaType,
        format!("{got}; this route takes {wanted}."),
    )
}

/// Reads a body of JSON, and says where it is wrong.
///
/// # Errors
/// `invalid-utf8`, `invalid-json` for what is no JSON, `invalid` for what has another form.
pub fn from_json<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    let text = utf8(bytes)?;
    if text.trim_start().starts_with('[') {
        return Err(Problem::new(
            Code::Invalid,
            "The body is a list; every route takes an object, `{...}`.",
        ));
    }
    let judged = |(error, path): (serde_json::Error, String)| match error.classify() {
        serde_json::error::Category::Data => json_problem(Code::Invalid, &error, path),
        _ => json_problem(Code::InvalidJson, &error, path),
    };
    located::<Strict>(text).map_err(judged)?;
    // It is JSON, then; what is wrong now is its form, whatever serde_json calls it.
    located(text).map_err(|(error, path)| json_problem(Code::Invalid, &error, path))
}

/// Reads JSON; an error comes with the JSON pointer of its place, which
/// is looked for only where there is one.
fn located<T: DeserializeOwned>(text: &str) -> Result<T, (serde_json::Error, String)> {
    if let Ok(value) = serde_json::from_str(text) {
        return Ok(value);
    }
    let mut reader = serde_json::Deserializer::from_str(text);
    let value = serde_path_to_error::deserialize(&mut reader).map_err(|error| {
        let path = pointer(error.path());
        (error.into_inner(), path)
    })?;
    reader.end().map_err(|error| (error, String::new()))?;
    Ok(value)
}

fn json_problem(code: Code, error: &serde_json::Error, path: String) -> Problem {
    let detail = match code {
        Code::Invalid => "The body does not have the form that this route takes.",
        _ => "The body cannot be read as JSON (RFC 8259).",
    };
    // serde_json repeats the place at the end of its message; here it has fields of its own.
    let message = error.to_string();
    let place = format!(" at line {} column {}", error.line(), error.column());
    let message = message.strip_suffix(&place).unwrap_or(&message).to_owned();
    Problem::new(code, detail).with_errors([ErrorItem {
        path,
        line: Some(error.line()),
        column: Some(error.column().max(1)),
        message,
        ..ErrorItem::default()
    }])
}

/// The JSON pointer of a path.
fn pointer(path: &serde_path_to_error::Path) -> String {
    use serde_path_to_error::Segment;
    path.iter()
        .fold(String::new(), |above, segment| match segment {
            Segment::Seq { index } => join(&above, index),
            Segment::Map { key } => join(&above, key),
            Segment::Enum { .. } | Segment::Unknown => above,
        })
}

/// Reads bytes as text.
///
/// # Errors
/// `invalid-utf8` with the place of the first wrong byte.
pub fn utf8(bytes: &[u8]) -> Result<&str, Problem> {
    std::str::from_utf8(bytes).map_err(|error| {
        Problem::new(
            Code::InvalidUtf8,
            format!(
                "Byte {} of the body begins no UTF-8 character.",
                error.valid_up_to()
            ),
        )
    })
}

/// A raw body with its media type (lower case, without parameters).
#[derive(Debug)]
pub struct Raw {
    /// The media type, if one was given.
    pub media: Option<String>,
    /// The bytes.
    pub bytes: Bytes,
}

impl<S: Send + Sync> FromRequest<S> for Raw {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        let media = media_type(request.headers());
        let limit = body_limit(request.uri().path());
        let length = announced(request.headers());
        Ok(Raw {
            media,
            bytes: read_body(request.into_body(), length, limit).await?,
        })
    }
}

/// Not every database can look for NUL, and nothing that is kept has one.
fn without_nul(what: &str, text: &str) -> Result<(), Problem> {
    if text.contains("%00") {
        return Err(Problem::new(
            Code::InvalidParameter,
            format!("The {what} contains the character NUL (`%00`), which nothing is named by."),
        ));
    }
    Ok(())
}

/// Parameters of the path.
#[derive(Debug)]
pub struct At<T>(pub T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for At<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        without_nul("path", parts.uri.path())?;
        match axum::extract::Path::<T>::from_request_parts(parts, state).await {
            Ok(axum::extract::Path(value)) => Ok(At(value)),
            Err(rejection) => Err(Problem::new(
                Code::InvalidParameter,
                format!("The path cannot be read: {}.", rejection.body_text()),
            )),
        }
    }
}

/// Parameters of the query.
#[derive(Debug)]
pub struct Params<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Params<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        without_nul("query", parts.uri.query().unwrap_or_default())?;
        match axum::extract::Query::<T>::from_request_parts(parts, state).await {
            Ok(axum::extract::Query(value)) => Ok(Params(value)),
            Err(rejection) => Err(Problem::new(
                Code::InvalidParameter,
                format!("The query cannot be read: {}.", rejection.body_text()),
            )),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use serde::Deserialize;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Order {
        #[expect(dead_code, reason = "only its reading matters")]
        lines: Vec<Line>,
    }

    #[derive(Debug, Deserialize)]
    struct Line {
        #[expect(dead_code, reason = "only its reading matters")]
        count: u32,
    }

    #[test]
    fn a_wrong_type_is_named_by_place() {
        let problem = from_json::<Order>(b"{\"lines\": [{\"count\": 1},\n {\"count\": \"two\"}]}");
        let body = problem.unwrap_err().body(None);
        assert_eq!(body.code, "invalid");
        assert_eq!(body.errors[0].path, "/lines/1/count");
        assert_eq!(body.errors[0].line, Some(2));
        assert!(body.errors[0].message.contains("expected u32"));
        assert!(!body.errors[0].message.contains("line"));
    }

    #[test]
    fn broken_json_is_named_by_line_and_column() {
        let body = from_json::<Order>(b"{\"lines\": [}")
            .unwrap_err()
            .body(None);
        assert_eq!((body.code.as_str(), body.status), ("invalid-json", 400));
        assert_eq!(body.errors[0].column, Some(12));
    }

    #[test]
    fn a_list_a_name_that_is_there_twice_and_nul_are_refused() {
        for body in [
            &b" [[]]"[..],
            b"{\"lines\": [], \"lines\": []}",
            b"{\"lines\": [\"\\u0000\"]}",
        ] {
            let body = from_json::<Order>(body).unwrap_err().body(None);
            assert_eq!((body.code.as_str(), body.status), ("invalid", 422));
        }
    }

    #[test]
    fn what_follows_the_json_is_refused() {
        let body = from_json::<Order>(b"{\"lines\": []} x")
            .unwrap_err()
            .body(None);
        assert_eq!(body.code, "invalid-json");
    }

    #[test]
    fn an_unknown_field_is_refused_with_the_known_ones() {
        let body = from_json::<Order>(b"{\"line\": []}")
            .unwrap_err()
            .body(None);
        assert!(
            body.errors[0].message.contains("`lines`"),
            "{:?}",
            body.errors
        );
    }

    #[test]
    fn bytes_that_are_no_text_are_named_by_place() {
        let body = from_json::<Order>(b"{\"a\": \"\xff\"}")
            .unwrap_err()
            .body(None);
        assert_eq!(body.code, "invalid-utf8");
        assert!(body.detail.contains("Byte 7"));
    }
}
