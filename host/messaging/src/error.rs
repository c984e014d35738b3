//! One error type for whoever calls messaging: what kind it is, a stable code, a text for people.
//!
//! Kinds are cut by what a caller can do, and map to HTTP answers one to one: not found (404),
//! invalid (422, with the fields that are wrong), conflict (409), unavailable (503); what is
//! another host's to do (`Elsewhere`) is handed on before anybody outside sees it.

use crate::host::AcceptError;
use jackfield_engine::{AskError, Elsewhere};
use jackfield_store::{CommitError, ReadError};
use serde::Serialize;

/// What a caller can do about an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ErrorKind {
    /// There is no such thing.
    NotFound,
    /// The request is wrong; the same request will fail again.
    Invalid,
    /// The request is right but does not fit what is there.
    Conflict,
    /// The same request may succeed later.
    Unavailable,
    /// It concerns a bucket of another host, which is to be asked. Nothing was done here.
    Elsewhere {
        /// Which bucket.
        bucket: i32,
    },
}

/// One thing that is wrong with a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// Where: a field's name or a JSON pointer.
    pub field: String,
    /// What is wrong and what would be right.
    pub message: String,
}

impl Problem {
    /// A problem of a field.
    pub fn new(field: impl Into<String>, message: impl Into<String>) -> Problem {
        Problem {
            field: field.into(),
            message: message.into(),
        }
    }
}

/// Why messaging did not do what it was asked.
#[derive(Debug, Clone, thiserror::Error, Serialize)]
#[error("{message}")]
pub struct Error {
    /// What the caller can do.
    pub kind: ErrorKind,
    /// Stable, lower-case, hyphens.
    pub code: &'static str,
    /// For people; holds no secret.
    pub message: String,
    /// With `Invalid`: every field that is wrong.
    pub problems: Vec<Problem>,
}

impl Error {
    fn new(kind: ErrorKind, code: &'static str, message: impl Into<String>) -> Error {
        Error {
            kind,
            code,
            message: message.into(),
            problems: Vec::new(),
        }
    }

    /// There is no such thing.
    pub fn not_found(code: &'static str, message: impl Into<String>) -> Error {
        Error::new(ErrorKind::NotFound, code, message)
    }

    /// The request is wrong as a whole.
    pub fn invalid(code: &'static str, message: impl Into<String>) -> Error {
        Error::new(ErrorKind::Invalid, code, message)
    }

    /// Fields of the request are wrong. The text says them all.
    pub fn problems(code: &'static str, problems: Vec<Problem>) -> Error {
        let said: Vec<String> = problems
            .iter()
            .map(|one| match one.field.as_str() {
                // Of the request as a whole.
                "" => one.message.clone(),
                field => format!("`{field}`: {}", one.message),
            })
            .collect();
        Error {
            kind: ErrorKind::Invalid,
            code,
            message: said.join("; "),
            problems,
        }
    }

    /// The request does not fit what is there.
    pub fn conflict(code: &'static str, message: impl Into<String>) -> Error {
        Error::new(ErrorKind::Conflict, code, message)
    }

    /// Whether the same may succeed later, here or at another host.
    pub(crate) fn is_unavailable(&self) -> bool {
        matches!(
            self.kind,
            ErrorKind::Unavailable | ErrorKind::Elsewhere { .. }
        )
    }

    /// May succeed later.
    pub fn unavailable(message: impl Into<String>) -> Error {
        Error::new(ErrorKind::Unavailable, "unavailable", message)
    }
}

impl From<Elsewhere> for Error {
    fn from(elsewhere: Elsewhere) -> Error {
        let bucket = elsewhere.bucket;
        let kind = ErrorKind::Elsewhere { bucket };
        Error::new(kind, "elsewhere", elsewhere.to_string())
    }
}

impl From<AskError> for Error {
    fn from(error: AskError) -> Error {
        Error::unavailable(error.to_string())
    }
}

impl From<ReadError> for Error {
    fn from(error: ReadError) -> Error {
        Error::unavailable(error.to_string())
    }
}

impl From<CommitError> for Error {
    fn from(error: CommitError) -> Error {
        match error {
            CommitError::Exists { .. } => Error::conflict(
                "exists",
                "it was made by somebody else at the same moment: try again",
            ),
            CommitError::Invalid(_)
            | CommitError::Fenced { .. }
            | CommitError::Unavailable(_)
            | CommitError::Unknown(_) => Error::unavailable(error.to_string()),
        }
    }
}

impl From<AcceptError> for Error {
    fn from(error: AcceptError) -> Error {
        match error {
            AcceptError::Repeated => Error::conflict(
                "repeated",
                "this was handled already: nothing more is to be done",
            ),
            AcceptError::Commit(error) => error.into(),
            AcceptError::Elsewhere(elsewhere) => elsewhere.into(),
            AcceptError::Invalid(message) => Error::invalid("invalid-event", message),
            AcceptError::Unavailable(message) => Error::unavailable(message),
        }
    }
}

/// What everything here answers.
pub type Result<T, E = Error> = std::result::Result<T, E>;
