//! Problems: the one form in which the HTTP API refuses (RFC 9457, `application/problem+json`).
//!
//! A refusal says what was refused, why, and what would be accepted. Programs act on `code`, which
//! is one of the closed list below and never changes its meaning; people read `title`, `detail`
//! and `errors`. The list is a table, so that a code cannot be sent with two different statuses.
//!
//! What must hold: no problem carries internals (an internal error is logged with the request's id
//! and answered without them), and every answer of 400 or more under `/v1` is one of these.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The media type of a problem.
pub const CONTENT_TYPE: &str = "application/problem+json";

macro_rules! codes {
    ($( $(#[$doc:meta])* $name:ident $code:literal $status:literal $title:literal; )+) => {
        /// What is wrong, for programs.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Code { $( $(#[$doc])* $name, )+ }

        impl Code {
            /// Every code.
            pub const ALL: &'static [Code] = &[$(Code::$name),+];

            /// The stable word.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $( Code::$name => $code, )+ }
            }

            /// The HTTP status that goes with it.
            #[must_use]
            pub fn status(self) -> u16 {
                match self { $( Code::$name => $status, )+ }
            }

            /// A short sentence that is the same for every occurrence.
            #[must_use]
            pub fn title(self) -> &'static str {
                match self { $( Code::$name => $title, )+ }
            }
        }
    };
}

codes! {
    /// The body is not JSON.
    InvalidJson "invalid-json" 400 "The body is not valid JSON";
    /// The body, or a part of it that must be text, is not UTF-8.
    InvalidUtf8 "invalid-utf8" 400 "The text is not valid UTF-8";
    /// A parameter of path or query cannot be read.
    InvalidParameter "invalid-parameter" 400 "A parameter cannot be read";
    /// The cursor is not one that a list gave out.
    InvalidCursor "invalid-cursor" 400 "The cursor is not valid";
    /// A header cannot be read.
    InvalidHeader "invalid-header" 400 "A header cannot be read";
    /// The body broke off.
    IncompleteBody "incomplete-body" 400 "The body could not be read to its end";
    /// No key was given.
    Unauthenticated "unauthenticated" 401 "A key is needed";
    /// The key is not known, or not of the right form.
    InvalidKey "invalid-key" 401 "The key is not valid";
    /// The key has ended.
    ExpiredKey "expired-key" 401 "The key has expired";
    /// The key was taken back.
    RevokedKey "revoked-key" 401 "The key was revoked";
    /// The key lacks a scope.
    MissingScope "missing-scope" 403 "The key does not allow this";
    /// The key is of another workspace.
    OtherWorkspace "other-workspace" 403 "The key belongs to another workspace";
    /// The key is not one of this organisation.
    OtherOrganisation "other-organisation" 403 "The key does not open this organisation";
    /// Only an operator's key may do this.
    OperatorOnly "operator-only" 403 "Only an operator's key allows this";
    /// The signature of a webhook is missing or wrong.
    InvalidSignature "invalid-signature" 403 "The signature is not valid";
    /// The webhook takes nothing from the caller's address.
    AddressNotAllowed "address-not-allowed" 403 "The caller's address is not allowed";
    /// There is no such route.
    UnknownRoute "unknown-route" 404 "There is no such route";
    /// There is no such thing.
    NotFound "not-found" 404 "There is no such thing";
    /// The route does not take this method.
    MethodNotAllowed "method-not-allowed" 405 "The route does not take this method";
    /// Another thing stands in the way: a name that is taken, a state that does not allow it.
    Conflict "conflict" 409 "This is not possible in the present state";
    /// The first request with this idempotency key has not been answered yet.
    InProgress "in-progress" 409 "The first request with this idempotency key is still under way";
    /// The answer to the first request with this key held a secret and was not kept.
    AnswerNotKept "answer-not-kept" 409 "The answer to the first request was not kept";
    /// The body is too large.
    TooLarge "too-large" 413 "The body is too large";
    /// The body has a media type that the route does not take.
    UnsupportedMediaType "unsupported-media-type" 415 "The body's media type is not supported";
    /// The body is JSON, but not what the route takes.
    Invalid "invalid" 422 "The request is not valid";
    /// A document (a workflow, a template, settings) has errors: see `errors`.
    InvalidDocument "invalid-document" 422 "The document is not valid";
    /// Another request was sent with this idempotency key before.
    IdempotencyKeyReused "idempotency-key-reused" 422 "The idempotency key was used for another request";
    /// A provider, a plugin or a policy refused.
    Refused "refused" 422 "This was refused";
    /// Too many requests at once, or in too short a time.
    RateLimited "rate-limited" 429 "Too many requests";
    /// A defect.
    Internal "internal" 500 "Something went wrong inside Jackfield";
    /// A provider did not answer as expected.
    Provider "provider" 502 "The provider could not be reached or gave no usable answer";
    /// The host cannot do this at the moment.
    Unavailable "unavailable" 503 "This host cannot answer at the moment";
    /// The host has as many requests as it takes.
    Overloaded "overloaded" 503 "This host has as many requests under way as it takes";
    /// The request took longer than it may.
    Timeout "timeout" 504 "The request took too long";
}

/// One thing that is wrong with a request or a document.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ErrorItem {
    /// A stable code, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// Where: a JSON pointer (RFC 6901) into the body or document, or a parameter's name.
    #[serde(default)]
    pub path: String,
    /// The line of the document, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<usize>,
    /// The column, from 1, in characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub column: Option<usize>,
    /// What is wrong and what would be right.
    pub message: String,
    /// What was probably meant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suggestion: Option<String>,
    /// `error` or `warning`, where both occur.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub severity: Option<String>,
}

/// A refusal.
#[derive(Debug, Clone)]
pub struct Problem {
    code: Code,
    detail: String,
    errors: Vec<ErrorItem>,
    retry_after: Option<u64>,
    allow: Option<String>,
    elsewhere: Option<i32>,
}

/// How a problem looks in JSON.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
#[schema(as = Problem)]
pub struct ProblemBody {
    /// `urn:jackfield:problem:` and the code.
    #[serde(rename = "type")]
    pub kind: String,
    /// A short sentence that is the same for every occurrence.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// What was refused, why, and what would be accepted.
    pub detail: String,
    /// A stable word for programs.
    pub code: String,
    /// What is wrong, item by item.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<ErrorItem>,
    /// The request's id, as in the header `X-Request-Id` and in the log.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
}

impl Problem {
    /// A problem with a detail for people.
    pub fn new(code: Code, detail: impl Into<String>) -> Problem {
        Problem {
            code,
            detail: detail.into(),
            errors: Vec::new(),
            retry_after: None,
            allow: None,
            elsewhere: None,
        }
    }

    /// Nothing was done: the bucket is another host's, to which the request is handed on.
    #[must_use]
    pub fn of_bucket(bucket: i32) -> Problem {
        let problem = Problem::new(
            Code::Unavailable,
            "What this concerns is moving to another host. Nothing was changed; send it again.",
        );
        Problem {
            elsewhere: Some(bucket),
            ..problem.retry_after(1)
        }
    }

    /// The bucket of another host that the request concerns.
    #[must_use]
    pub fn elsewhere(&self) -> Option<i32> {
        self.elsewhere
    }

    /// There is no such thing.
    pub fn not_found(what: &str, name: &str) -> Problem {
        Problem::new(
            Code::NotFound,
            format!("There is no {what} `{name}` in this workspace."),
        )
    }

    /// A defect: `cause` goes to the log, not to the caller.
    pub fn internal(cause: impl std::fmt::Display) -> Problem {
        tracing::error!(cause = %cause, "a request failed inside");
        Problem::new(
            Code::Internal,
            "The request could not be carried out. The log of the host has the reason under the \
             request's id.",
        )
    }

    /// The database or another part of the host does not answer: `cause` goes to the log.
    pub fn unavailable(cause: impl std::fmt::Display) -> Problem {
        tracing::warn!(cause = %cause, "a request could not be answered at the moment");
        Problem::new(
            Code::Unavailable,
            "The database cannot be used at the moment. Nothing was changed; try again later.",
        )
        .retry_after(1)
    }

    /// With items.
    #[must_use]
    pub fn with_errors(mut self, errors: impl IntoIterator<Item = ErrorItem>) -> Problem {
        self.errors.extend(errors);
        self
    }

    /// With a header `Retry-After`, in seconds.
    #[must_use]
    pub fn retry_after(mut self, seconds: u64) -> Problem {
        self.retry_after = Some(seconds);
        self
    }

    /// After how many seconds the caller may come again, where that is known.
    #[must_use]
    pub fn wait(&self) -> Option<u64> {
        self.retry_after
    }

    /// With a header `Allow`.
    #[must_use]
    pub fn allow(mut self, methods: impl Into<String>) -> Problem {
        self.allow = Some(methods.into());
        self
    }

    /// What is wrong, for programs.
    #[must_use]
    pub fn code(&self) -> Code {
        self.code
    }

    /// The JSON form.
    #[must_use]
    pub fn body(&self, request_id: Option<&str>) -> ProblemBody {
        ProblemBody {
            kind: format!("urn:jackfield:problem:{}", self.code.as_str()),
            title: self.code.title().to_owned(),
            status: self.code.status(),
            detail: self.detail.clone(),
            code: self.code.as_str().to_owned(),
            errors: self.errors.clone(),
            request_id: request_id.map(str::to_owned),
        }
    }

    /// The answer, with the request's id in it.
    #[must_use]
    pub fn respond(&self, request_id: Option<&str>) -> Response {
        let status =
            StatusCode::from_u16(self.code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let body = serde_json::to_vec(&self.body(request_id)).unwrap_or_default();
        let mut response = (status, body).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(CONTENT_TYPE));
        if let Some(seconds) = self.retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if self.code.status() == 401 {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if let Some(allow) = self.allow.as_deref().and_then(|allow| allow.parse().ok()) {
            headers.insert(header::ALLOW, allow);
        }
        response
    }
}

/// The problem travels along as an extension, so that the outermost layer can put the request's
/// id into the body.
impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = self.respond(None);
        response.extensions_mut().insert(self);
        response
    }
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.code.as_str(), self.detail)
    }
}

impl std::error::Error for Problem {}

impl From<jackfield_store::ReadError> for Problem {
    fn from(error: jackfield_store::ReadError) -> Problem {
        match error {
            jackfield_store::ReadError::Unavailable(_) => Problem::unavailable(error),
            jackfield_store::ReadError::Corrupt { .. } => Problem::internal(error),
        }
    }
}

impl From<jackfield_store::CommitError> for Problem {
    fn from(error: jackfield_store::CommitError) -> Problem {
        use jackfield_store::CommitError;
        match &error {
            CommitError::Exists { table } => Problem::new(
                Code::Conflict,
                format!(
                    "There is a {} with this name already.",
                    table.replace('_', " ")
                ),
            ),
            CommitError::Fenced { bucket } => Problem::of_bucket(*bucket),
            CommitError::Unavailable(_) => Problem::unavailable(error),
            CommitError::Unknown(_) => {
                tracing::warn!(cause = %error, "a commit's outcome is not known");
                Problem::new(
                    Code::Unavailable,
                    "The database connection broke; nobody knows whether the change was made. \
                     Look before you send it again, or send it with an Idempotency-Key.",
                )
                .retry_after(1)
            }
            CommitError::Invalid(_) => Problem::internal(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_code_is_one_word_and_refuses() {
        let words: BTreeSet<_> = Code::ALL.iter().map(|code| code.as_str()).collect();
        assert_eq!(words.len(), Code::ALL.len());
        for code in Code::ALL {
            assert!(code.status() >= 400, "{code:?}");
            assert!(
                code.as_str()
                    .bytes()
                    .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-'),
                "{code:?}"
            );
        }
    }

    #[test]
    fn a_problem_is_problem_json_with_the_request_id() {
        let problem = Problem::not_found("workflow", "greet");
        let response = problem.respond(Some("req_1"));
        assert_eq!(response.status(), 404);
        assert_eq!(
            response.headers()["content-type"],
            "application/problem+json"
        );
        let body = problem.body(Some("req_1"));
        assert_eq!(body.kind, "urn:jackfield:problem:not-found");
        assert_eq!(body.request_id.as_deref(), Some("req_1"));
    }

    #[test]
    fn an_internal_problem_does_not_tell_its_cause() {
        let body = Problem::internal("SELECT secret FROM secret").body(None);
        assert!(!body.detail.contains("SELECT"));
    }

    #[test]
    fn a_refused_key_asks_for_a_bearer_key() {
        let response = Problem::new(Code::InvalidKey, "no").into_response();
        assert_eq!(response.headers()["www-authenticate"], "Bearer");
    }
}
