//! Why an activation did not do what it was asked: constructors for each class, and the kinds of
//! send errors that the host acts on.
//!
//! The class decides what happens next, so each constructor's line says it. A refused host call
//! becomes a failure by `?`; the code and the message are kept, and what may have reached the other
//! side stays marked.

pub use crate::bindings::step::jackfield::plugin::types::{CallError, Failure, FailureClass};

impl Failure {
    fn of(class: FailureClass, code: impl Into<String>, message: impl Into<String>) -> Self {
        Failure {
            class,
            code: code.into(),
            message: message.into(),
            retry_after: None,
            maybe_sent: false,
        }
    }

    /// May succeed later: tried again with backoff.
    pub fn transient(code: impl Into<String>, message: impl Into<String>) -> Self {
        Failure::of(FailureClass::Transient, code, message)
    }

    /// Will not succeed: the failure branch is taken.
    pub fn permanent(code: impl Into<String>, message: impl Into<String>) -> Self {
        Failure::of(FailureClass::Permanent, code, message)
    }

    /// A setting is wrong: the failure branch is taken, and the operator is told which one.
    /// `setting` is a path such as `branches[2].when`.
    pub fn invalid_config(setting: &str, message: impl AsRef<str>) -> Self {
        let message = format!("setting `{setting}`: {}", message.as_ref());
        Failure::of(FailureClass::InvalidConfig, "invalid-config", message)
    }

    /// Something must be put right outside first (a credential, a grant, an account).
    pub fn blocked(code: impl Into<String>, message: impl Into<String>) -> Self {
        Failure::of(FailureClass::Blocked, code, message)
    }

    /// Not before so many milliseconds from now; only for transient failures.
    pub fn retry_after(mut self, milliseconds: Option<u64>) -> Self {
        self.retry_after = milliseconds;
        self
    }

    /// The request may have reached the other side: the host does not repeat it by itself.
    pub fn maybe_sent(mut self, maybe: bool) -> Self {
        self.maybe_sent = maybe;
        self
    }
}

/// A refused host call: `denied` and `secret-missing` wait for the operator, what may pass is
/// transient, the rest is permanent.
impl From<CallError> for Failure {
    fn from(error: CallError) -> Self {
        let class = match error.code.as_str() {
            "denied" | "secret-missing" => FailureClass::Blocked,
            _ if error.transient => FailureClass::Transient,
            _ => FailureClass::Permanent,
        };
        let message = match error.grant {
            Some(grant) => format!("{} (the grant `{grant}` would allow it)", error.message),
            None => error.message,
        };
        Failure::of(class, error.code, message).maybe_sent(error.maybe_sent)
    }
}

/// Why a connector's `send` did not send. The host acts on these codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SendError {
    /// The credentials are wrong, expired or revoked: the channel is paused.
    Auth,
    /// The messaging window is closed; only a template is allowed.
    OutsideWindow,
    /// The address is unknown or not on this platform.
    RecipientInvalid,
    /// The contact has opted out at the provider: the host records it.
    RecipientOptedOut,
    /// Too long, bad media, a template that does not match.
    ContentRejected,
    /// Too fast: the channel slows down, the message is tried again.
    RateLimited,
    /// No balance, or a monthly limit is used up.
    Quota,
    /// The provider refuses by its rules, or has blocked the account.
    Policy,
    /// May pass: tried again.
    Transient,
    /// The channel cannot send such a message.
    Unsupported,
    /// Anything else.
    Unknown,
}

impl SendError {
    /// The code as the contract names it.
    pub fn code(self) -> &'static str {
        match self {
            SendError::Auth => "auth",
            SendError::OutsideWindow => "outside-window",
            SendError::RecipientInvalid => "recipient-invalid",
            SendError::RecipientOptedOut => "recipient-opted-out",
            SendError::ContentRejected => "content-rejected",
            SendError::RateLimited => "rate-limited",
            SendError::Quota => "quota",
            SendError::Policy => "policy",
            SendError::Transient => "transient",
            SendError::Unsupported => "unsupported",
            SendError::Unknown => "unknown",
        }
    }

    /// The failure of this kind, with the class that belongs to it.
    pub fn failure(self, message: impl Into<String>) -> Failure {
        let class = match self {
            SendError::RateLimited | SendError::Transient => FailureClass::Transient,
            SendError::Auth | SendError::Quota | SendError::Policy => FailureClass::Blocked,
            _ => FailureClass::Permanent,
        };
        Failure::of(class, self.code(), message)
    }

    /// The failure of a request that got no answer from the provider.
    pub fn from_call(error: CallError) -> Failure {
        let kind = match error.code.as_str() {
            "secret-missing" => SendError::Auth,
            "too-large" => SendError::ContentRejected,
            _ if error.transient || error.maybe_sent => SendError::Transient,
            _ => return Failure::from(error),
        };
        let maybe_sent = error.maybe_sent;
        kind.failure(error.message).maybe_sent(maybe_sent)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(code: &str, transient: bool, maybe_sent: bool) -> CallError {
        CallError {
            code: code.into(),
            message: "m".into(),
            grant: None,
            transient,
            maybe_sent,
            detail: None,
        }
    }

    #[test]
    fn a_denied_call_is_blocked_and_names_the_grant() {
        let failure = Failure::from(CallError {
            grant: Some("https://a.example".into()),
            ..error("denied", false, false)
        });
        assert_eq!(failure.class, FailureClass::Blocked);
        assert!(failure.message.contains("https://a.example"));
    }

    #[test]
    fn what_may_have_been_sent_stays_marked() {
        let failure = SendError::from_call(error("timeout", true, true));
        assert_eq!(failure.code, "transient");
        assert!(failure.maybe_sent);
        assert!(!SendError::from_call(error("connect", true, false)).maybe_sent);
    }

    #[test]
    fn an_invalid_setting_is_named() {
        let failure = Failure::invalid_config("url", "must not be empty");
        assert_eq!(failure.class, FailureClass::InvalidConfig);
        assert_eq!(failure.message, "setting `url`: must not be empty");
    }
}
