//! Why a command failed, and the exit code that says so.
//!
//! | code | meaning |
//! |---|---|
//! | 0 | done |
//! | 1 | failed: the host or this machine could not do it |
//! | 2 | the command line is wrong (clap) |
//! | 3 | there is no such thing |
//! | 4 | refused: not valid, not allowed, or not in the present state |
//! | 5 | the host cannot be reached |
//! | 6 | of `doctor`: nothing is bad, something is worth a look |

use super::text::{self, Paint};
use crate::http::problem::ProblemBody;
use std::process::ExitCode;

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// This machine could not do it.
    #[error("{0}")]
    Failed(String),
    /// A value on the command line cannot be used.
    #[error("{0}")]
    Usage(String),
    /// The host refused.
    #[error("{}", .0.detail)]
    Problem(Box<ProblemBody>),
    /// A document is not valid; what is wrong was printed.
    #[error("{0}")]
    Invalid(String),
    /// The host cannot be reached.
    #[error("{0}")]
    Unreachable(String),
}

impl Failure {
    /// The exit code.
    #[must_use]
    pub fn code(&self) -> u8 {
        match self {
            Failure::Failed(_) => 1,
            Failure::Usage(_) => 2,
            Failure::Invalid(_) => 4,
            Failure::Unreachable(_) => 5,
            Failure::Problem(problem) => match problem.status {
                404 => 3,
                400..=499 if problem.status != 429 => 4,
                _ => 1,
            },
        }
    }

    /// Tells it on standard error and gives the exit code.
    pub fn report(&self, json: bool) -> ExitCode {
        match self {
            Failure::Problem(problem) if json => {
                eprintln!(
                    "{}",
                    serde_json::to_string_pretty(problem).unwrap_or_default()
                );
            }
            other => eprint!("{}", other.for_people()),
        }
        ExitCode::from(self.code())
    }

    /// The failure with its items, line by line.
    #[must_use]
    pub fn for_people(&self) -> String {
        let mut out = format!("error: {}\n", text::safe(&self.to_string()));
        if let Failure::Problem(problem) = self {
            for item in &problem.errors {
                out.push_str(&format!("  {}\n", item_line(item, None)));
            }
            if problem.status >= 500
                && let Some(id) = &problem.request_id
            {
                out.push_str(&format!("  request {}\n", text::line(id, 80)));
            }
        }
        out
    }
}

/// An item as compilers print it: `file:line:column: message (did you mean ...?)`.
#[must_use]
pub fn item_line(item: &crate::http::problem::ErrorItem, file: Option<&str>) -> String {
    let mut out = String::new();
    if let Some(file) = file {
        out.push_str(&format!("{file}:"));
    }
    match (item.line, item.column) {
        (Some(line), Some(column)) => out.push_str(&format!("{line}:{column}: ")),
        _ if !item.path.is_empty() => out.push_str(&format!("{}: ", text::line(&item.path, 200))),
        _ if file.is_some() => out.push(' '),
        _ => {}
    }
    if item.severity.as_deref() == Some("warning") {
        out.push_str(&format!("{}: ", Paint::OFF.yellow("warning")));
    }
    out.push_str(&text::line(&item.message, 1_000));
    if let Some(suggestion) = &item.suggestion {
        out.push_str(&format!(
            " (did you mean `{}`?)",
            text::line(suggestion, 200)
        ));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::problem::{Code, ErrorItem, Problem};

    fn of(code: Code) -> Failure {
        Failure::Problem(Box::new(Problem::new(code, "x").body(None)))
    }

    #[test]
    fn the_exit_code_says_what_kind_of_failure_it_is() {
        assert_eq!(of(Code::NotFound).code(), 3);
        assert_eq!(of(Code::InvalidDocument).code(), 4);
        assert_eq!(of(Code::MissingScope).code(), 4);
        assert_eq!(of(Code::Internal).code(), 1);
        assert_eq!(of(Code::RateLimited).code(), 1);
        assert_eq!(Failure::Unreachable(String::new()).code(), 5);
    }

    #[test]
    fn an_item_reads_like_a_compilers_message() {
        let item = ErrorItem {
            path: "/steps/a".into(),
            line: Some(3),
            column: Some(7),
            message: "there is no step `b`".into(),
            suggestion: Some("bb".into()),
            ..ErrorItem::default()
        };
        assert_eq!(
            item_line(&item, Some("greet.yaml")),
            "greet.yaml:3:7: there is no step `b` (did you mean `bb`?)"
        );
        let whole = ErrorItem {
            message: "empty".into(),
            ..ErrorItem::default()
        };
        assert_eq!(item_line(&whole, Some("greet.yaml")), "greet.yaml: empty");
        assert_eq!(item_line(&whole, None), "empty");
    }
}
