//! Why an activation ended without the plugin's own answer.
//!
//! A plugin that traps, runs into a limit or is stopped harms nobody but its own activation. Here
//! is the typed reason, with a stable code for programs and a sentence for people. Nothing is
//! decided on the text of an error, with one exception that is explained at [`classify`].

use wasmtime::{PoolConcurrencyLimitError, Trap};
use wasmtime_wasi::I32Exit;

use crate::call::Stop;
use crate::inspect::Kind;
use crate::limits::{Limit, Limits};
use crate::wit::{Failure, FailureClass};

/// The reason.
#[derive(Clone, Debug, PartialEq)]
pub enum Ended {
    /// A limit was reached.
    Limit {
        /// Which.
        limit: Limit,
        /// Its value, in its unit.
        value: u64,
    },
    /// The plugin called itself too deeply.
    StackOverflow,
    /// The plugin did something that WebAssembly forbids; `unreachable` is what a panic and an
    /// abort become.
    Trap {
        /// Stable: `unreachable`, `memory-out-of-bounds` and the like.
        kind: &'static str,
        /// For people.
        message: String,
    },
    /// The plugin ended itself with an exit code (WASI).
    Exit {
        /// The code that it gave.
        code: i32,
    },
    /// A value that crossed the boundary was malformed: text that is not UTF-8, a pointer outside
    /// of the memory.
    InvalidValue {
        /// For people.
        message: String,
    },
    /// The plugin is not of the kind that has this function.
    WrongKind {
        /// What it is.
        is: Kind,
        /// The function that was asked for.
        function: &'static str,
    },
    /// The host ended it in the middle of a call.
    Stopped(Stop),
    /// The host's own code failed under the activation. The activation is lost, the host is not.
    HostPanic,
    /// The host answered a call with a reply of another call's type.
    HostBug {
        /// For the operator.
        message: String,
    },
    /// There was no room for a sandbox (address space, memory). May succeed later.
    Unavailable {
        /// For the operator.
        message: String,
    },
}

impl Ended {
    /// Stable, lower-case, hyphens.
    pub fn code(&self) -> &str {
        match self {
            Ended::Limit { limit, .. } => limit.code(),
            Ended::StackOverflow => "stack-overflow",
            Ended::Trap { .. } => "trap",
            Ended::Exit { .. } => "exit",
            Ended::InvalidValue { .. } => "invalid-value",
            Ended::WrongKind { .. } => "wrong-kind",
            Ended::Stopped(stop) => stop.code(),
            Ended::HostPanic => "host-panic",
            Ended::HostBug { .. } => "host-bug",
            Ended::Unavailable { .. } => "sandbox-unavailable",
        }
    }

    /// The same reason from a closed set, for metrics: a [`Stop`] may carry any code.
    pub fn label(&self) -> &'static str {
        match self {
            Ended::Limit { limit, .. } => limit.code(),
            Ended::StackOverflow => "stack-overflow",
            Ended::Trap { .. } => "trap",
            Ended::Exit { .. } => "exit",
            Ended::InvalidValue { .. } => "invalid-value",
            Ended::WrongKind { .. } => "wrong-kind",
            Ended::Stopped(_) => "stopped",
            Ended::HostPanic => "host-panic",
            Ended::HostBug { .. } => "host-bug",
            Ended::Unavailable { .. } => "sandbox-unavailable",
        }
    }

    /// Whether the same activation may succeed later, without anybody changing anything.
    pub fn transient(&self) -> bool {
        match self {
            Ended::Limit { limit, .. } => matches!(limit, Limit::Deadline),
            Ended::Stopped(Stop::Failed(failure)) => failure.class == FailureClass::Transient,
            Ended::HostPanic | Ended::Unavailable { .. } => true,
            _ => false,
        }
    }

    /// The failure that a run's timeline shows and that decides what happens next.
    pub fn failure(&self) -> Failure {
        if let Ended::Stopped(Stop::Failed(failure)) = self {
            return failure.clone();
        }
        Failure {
            class: if self.transient() {
                FailureClass::Transient
            } else {
                FailureClass::Permanent
            },
            code: self.code().to_owned(),
            message: self.to_string(),
            retry_after: None,
            maybe_sent: false,
        }
    }
}

impl std::fmt::Display for Ended {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Ended::Limit { limit, value } => f.write_str(&limit.sentence(*value)),
            Ended::StackOverflow => f.write_str(
                "the plugin called itself too deeply and used up its stack; look for a recursion \
                 without an end, or use a loop",
            ),
            Ended::Trap { message, .. } => write!(
                f,
                "the plugin crashed ({message}); its log lines, if it wrote any, say more"
            ),
            Ended::Exit { code } => write!(
                f,
                "the plugin ended itself with exit code {code}; it should return an outcome or a \
                 failure"
            ),
            Ended::InvalidValue { message } => write!(
                f,
                "the plugin passed a malformed value to the host ({message}); text must be UTF-8 \
                 and pointers must lie inside of its memory"
            ),
            Ended::WrongKind { is, function } => write!(
                f,
                "`{function}` was asked of a {is} plugin, which has no such function"
            ),
            Ended::Stopped(stop) => f.write_str(stop.message()),
            Ended::HostPanic => f.write_str(
                "the host failed while it served this plugin; the host's log says where, and the \
                 activation may be tried again",
            ),
            Ended::HostBug { message } => write!(
                f,
                "the host gave this plugin an answer of the wrong type ({message}); this is a \
                 fault of the host, please report it"
            ),
            Ended::Unavailable { message } => write!(
                f,
                "the host has no room for a sandbox ({message}); it may have later, and \
                 `max-activations` bounds how many there are at once"
            ),
        }
    }
}

impl std::error::Error for Ended {}

/// What an error of wasmtime means. `refused` is the limit on memory or tables that the limiter
/// last enforced: most plugins abort when they get no memory, and a bare `unreachable` would not
/// help anybody.
pub(crate) fn classify(error: &wasmtime::Error, limits: &Limits, refused: Option<Limit>) -> Ended {
    let limit = |limit| Ended::Limit {
        limit,
        value: limits.get(limit),
    };
    if let Some(trap) = error.downcast_ref::<Trap>() {
        return match (trap, refused) {
            (Trap::OutOfFuel, _) => limit(Limit::Fuel),
            (Trap::StackOverflow, _) => Ended::StackOverflow,
            (
                Trap::UnreachableCodeReached | Trap::MemoryOutOfBounds | Trap::TableOutOfBounds,
                Some(refused),
            ) => limit(refused),
            (trap, _) => Ended::Trap {
                kind: kind(*trap),
                message: trap.to_string(),
            },
        };
    }
    if let Some(exit) = error.downcast_ref::<I32Exit>() {
        return Ended::Exit { code: exit.0 };
    }
    if error.is::<PoolConcurrencyLimitError>() || error.is::<std::io::Error>() {
        return Ended::Unavailable {
            message: error.to_string(),
        };
    }
    // wasmtime refuses to copy more than the limit out of a plugin before our code sees the value,
    // with an error whose type is private. Its name is all there is to go by; were it to change,
    // the activation would still end, as an invalid value, and the hostile tests would fail.
    if format!("{:?}", error.root_cause()).contains("HostcallFuelExhausted") {
        return limit(Limit::BytesOut);
    }
    match refused {
        // Instantiation fails with a plain error when the initial memory or table is refused.
        Some(refused) => limit(refused),
        None => Ended::InvalidValue {
            message: error.root_cause().to_string(),
        },
    }
}

/// Names for the traps that plugins hit; the others are rare enough to share one.
fn kind(trap: Trap) -> &'static str {
    match trap {
        Trap::UnreachableCodeReached => "unreachable",
        Trap::MemoryOutOfBounds => "memory-out-of-bounds",
        Trap::TableOutOfBounds => "table-out-of-bounds",
        Trap::IndirectCallToNull => "indirect-call-to-null",
        Trap::BadSignature => "bad-signature",
        Trap::IntegerOverflow => "integer-overflow",
        Trap::IntegerDivisionByZero => "division-by-zero",
        Trap::BadConversionToInteger => "bad-conversion",
        Trap::CannotEnterComponent => "cannot-enter",
        Trap::CannotLeaveComponent => "cannot-leave",
        Trap::StringOutOfBounds | Trap::ListOutOfBounds | Trap::UnalignedPointer => "bad-pointer",
        Trap::InvalidChar | Trap::InvalidDiscriminant => "bad-value",
        _ => "other",
    }
}
