//! What a failed send means, as a table: by the connector's code, else by the failure's class.

use jackfield_engine::ConnectorError;
use jackfield_sandbox::wit::FailureClass;

/// What the dispatcher does about a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Tried again with backoff, a few times.
    Retry,
    /// The channel is too fast: it is slowed down and the message tried again.
    SlowDown,
    /// The channel's credentials are not good: it is paused, the message waits.
    Pause,
    /// The recipient wants nothing more: noted, and failed.
    OptOut,
    /// It will not succeed.
    Fail,
    /// The connector cannot be activated: the message waits until it can.
    Wait,
}

/// The codes of a connector's `send` (`wit/types.wit`).
const CODES: [(&str, Verdict); 11] = [
    ("auth", Verdict::Pause),
    ("outside-window", Verdict::Fail),
    ("recipient-invalid", Verdict::Fail),
    ("recipient-opted-out", Verdict::OptOut),
    ("content-rejected", Verdict::Fail),
    ("rate-limited", Verdict::SlowDown),
    ("quota", Verdict::Fail),
    ("policy", Verdict::Fail),
    ("transient", Verdict::Retry),
    ("unsupported", Verdict::Fail),
    ("unknown", Verdict::Fail),
];

/// The verdict on a failure.
pub(crate) fn verdict(error: &ConnectorError) -> Verdict {
    match error {
        ConnectorError::Failure(failure) => {
            let known = CODES.iter().find(|(code, _)| *code == failure.code);
            match (known, failure.class) {
                // A connector that says "unknown" may still know that it will pass.
                (Some(("unknown", _)) | None, FailureClass::Transient) => Verdict::Retry,
                (Some((_, verdict)), _) => *verdict,
                (None, _) => Verdict::Fail,
            }
        }
        ConnectorError::Ended {
            transient: true, ..
        } => Verdict::Retry,
        ConnectorError::Ended {
            transient: false, ..
        } => Verdict::Fail,
        ConnectorError::Unusable(_) | ConnectorError::Stopped(_) => Verdict::Wait,
    }
}

/// Whether the message may have reached the provider.
pub(crate) fn maybe_sent(error: &ConnectorError) -> bool {
    match error {
        ConnectorError::Failure(failure) => failure.maybe_sent,
        ConnectorError::Ended { maybe_sent, .. } => *maybe_sent,
        ConnectorError::Unusable(_) | ConnectorError::Stopped(_) => false,
    }
}

/// The failure's stable code.
pub(crate) fn code(error: &ConnectorError) -> &str {
    match error {
        ConnectorError::Failure(failure) => &failure.code,
        ConnectorError::Ended { code, .. } => code,
        ConnectorError::Unusable(_) => "connector-unusable",
        ConnectorError::Stopped(_) => "stopped",
    }
}

/// Not before so many milliseconds.
pub(crate) fn retry_after(error: &ConnectorError) -> Option<u64> {
    match error {
        ConnectorError::Failure(failure) => failure.retry_after,
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jackfield_sandbox::wit::Failure;

    fn failure(class: FailureClass, code: &str) -> ConnectorError {
        ConnectorError::Failure(Failure {
            class,
            code: code.to_owned(),
            message: String::new(),
            retry_after: None,
            maybe_sent: false,
        })
    }

    #[test]
    fn the_code_decides_before_the_class() {
        let table = [
            (FailureClass::Transient, "transient", Verdict::Retry),
            (FailureClass::Transient, "rate-limited", Verdict::SlowDown),
            (FailureClass::Blocked, "auth", Verdict::Pause),
            (FailureClass::Transient, "auth", Verdict::Pause),
            (
                FailureClass::Permanent,
                "recipient-opted-out",
                Verdict::OptOut,
            ),
            (FailureClass::Transient, "quota", Verdict::Fail),
            (FailureClass::Transient, "something-new", Verdict::Retry),
            (FailureClass::Transient, "unknown", Verdict::Retry),
            (FailureClass::Permanent, "something-new", Verdict::Fail),
        ];
        for (class, code, wanted) in table {
            assert_eq!(verdict(&failure(class, code)), wanted, "{code}");
        }
    }
}
