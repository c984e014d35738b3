//! What the layers below refuse, as problems.

use super::problem::{Code, ErrorItem, Problem};
use super::views::item;
use jackfield_engine::{AcceptError, Elsewhere, PluginError, RunError, WorkflowError};
use jackfield_messaging::{Error as MessagingError, ErrorKind};

impl From<WorkflowError> for Problem {
    fn from(error: WorkflowError) -> Problem {
        let said = sentence(&error.to_string());
        match error {
            WorkflowError::Problems(problems) => {
                let count = problems.len();
                let detail =
                    format!("The workflow document has {count} error(s); nothing was changed.");
                Problem::new(Code::InvalidDocument, detail).with_errors(problems.iter().map(item))
            }
            WorkflowError::NotFound(_)
            | WorkflowError::NotOfOrganisation { .. }
            | WorkflowError::NoWebhook(_) => Problem::new(Code::NotFound, said),
            WorkflowError::NotPublished(_)
            | WorkflowError::TooMany
            | WorkflowError::OfOrganisation { .. }
            | WorkflowError::Own { .. }
            | WorkflowError::Needed { .. } => Problem::new(Code::Conflict, said),
            WorkflowError::Plugin(error) => error.into(),
            WorkflowError::Read(error) => error.into(),
            WorkflowError::Commit(error) => error.into(),
        }
    }
}

impl From<PluginError> for Problem {
    fn from(error: PluginError) -> Problem {
        let said = sentence(&error.to_string());
        match error {
            PluginError::NotFound(_) => Problem::new(Code::NotFound, said),
            PluginError::Approval(_) => Problem::new(Code::Invalid, said),
            PluginError::Needed { needs, .. } => {
                let items = needs.iter().map(|need| ErrorItem {
                    code: Some(need.code().to_owned()),
                    message: sentence(&need.to_string()),
                    ..ErrorItem::default()
                });
                Problem::new(Code::Conflict, said).with_errors(items)
            }
            PluginError::NotGranted { .. }
            | PluginError::NameTaken { .. }
            | PluginError::OtherPublisher { .. }
            | PluginError::NothingBefore(_)
            | PluginError::Removed { .. } => Problem::new(Code::Conflict, said),
            PluginError::Read(error) => error.into(),
            PluginError::Commit(error) => error.into(),
            // The component or its descriptor is not one that this host takes.
            _ => Problem::new(Code::Refused, said),
        }
    }
}

impl From<RunError> for Problem {
    fn from(error: RunError) -> Problem {
        match error {
            RunError::NotFound(id) => Problem::not_found("run", &id),
            RunError::State(said) => Problem::new(Code::Conflict, sentence(&said)),
            RunError::Workflow(error) => error.into(),
            RunError::Accept(error) => error.into(),
            RunError::Read(error) => error.into(),
        }
    }
}

impl From<Elsewhere> for Problem {
    fn from(elsewhere: Elsewhere) -> Problem {
        Problem::of_bucket(elsewhere.bucket)
    }
}

impl From<AcceptError> for Problem {
    fn from(error: AcceptError) -> Problem {
        match error {
            AcceptError::Repeated => Problem::new(
                Code::AnswerNotKept,
                "The first request with this idempotency key was carried out before the host \
                 stopped; what it answered is not known. Nothing was done twice.",
            ),
            AcceptError::Busy(busy) => busy.into(),
            AcceptError::Invalid(said) => Problem::new(Code::Invalid, sentence(&said)),
            AcceptError::Elsewhere(elsewhere) => elsewhere.into(),
            AcceptError::Workflow(error) => error.into(),
            AcceptError::Domain(error) => Problem::unavailable(error),
            AcceptError::Read(error) => error.into(),
            AcceptError::Commit(error) => error.into(),
        }
    }
}

impl From<MessagingError> for Problem {
    fn from(error: MessagingError) -> Problem {
        let code = match error.kind {
            ErrorKind::NotFound => Code::NotFound,
            ErrorKind::Invalid => Code::Invalid,
            ErrorKind::Conflict if error.code == "repeated" => {
                return AcceptError::Repeated.into();
            }
            ErrorKind::Conflict => Code::Conflict,
            ErrorKind::Unavailable => return Problem::unavailable(error),
            ErrorKind::Elsewhere { bucket } => return Problem::of_bucket(bucket),
        };
        let items = error.problems.iter().map(|one| ErrorItem {
            code: Some(error.code.to_owned()),
            path: if one.field.is_empty() || one.field.starts_with('/') {
                one.field.clone()
            } else {
                format!("/{}", one.field)
            },
            message: one.message.clone(),
            ..ErrorItem::default()
        });
        let items: Vec<ErrorItem> = items.collect();
        Problem::new(code, sentence(&error.message)).with_errors(items)
    }
}

/// An error's text as a sentence.
fn sentence(text: &str) -> String {
    let mut chars = text.chars();
    let mut sentence: String = match chars.next() {
        Some(first) => first.to_uppercase().chain(chars).collect(),
        None => return String::new(),
    };
    if !sentence.ends_with(['.', '!', '?', '`']) {
        sentence.push('.');
    }
    sentence
}

#[cfg(test)]
mod tests {
    use super::*;
    use jackfield_engine::document::Document;

    #[test]
    fn a_wrong_document_is_refused_with_line_and_column() {
        let problems = Document::parse("name: x\nsteps: 7\n")
            .map(|_| ())
            .err()
            .unwrap_or_default();
        assert!(!problems.is_empty());
        let body = Problem::from(WorkflowError::Problems(problems)).body(None);
        assert_eq!((body.status, body.code.as_str()), (422, "invalid-document"));
        assert!(
            body.errors
                .iter()
                .any(|item| item.line.is_some() && item.column.is_some())
        );
    }

    #[test]
    fn an_error_reads_as_a_sentence() {
        assert_eq!(sentence("there is none"), "There is none.");
        assert_eq!(sentence("what now?"), "What now?");
        assert_eq!(sentence(""), "");
    }
}
