//! Dies on purpose, at one commit that the environment names: what recovery is tested with.
//!
//! `JACKFIELD_FAULT=before-commit:N` ends the process before its N-th transaction is handed to the
//! database, `after-commit:N` when it is durable and nobody has been told. Both leave what a power
//! failure at that instant leaves to the next start. What must hold: the module is compiled with
//! the feature `faults` alone, which no released program has; a fault that cannot be read ends the
//! process at its first commit, so that a test with a mistake in it does not pass.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

/// What the environment asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    None,
    Before(u64),
    After(u64),
}

/// Transactions that were begun in this process.
static BEGUN: AtomicU64 = AtomicU64::new(0);
/// Transactions of this process that are durable.
static DURABLE: AtomicU64 = AtomicU64::new(0);

/// A transaction is about to be handed to the database.
pub(crate) fn before_commit() {
    let count = BEGUN.fetch_add(1, Ordering::SeqCst) + 1;
    die_if(asked() == Fault::Before(count));
}

/// A transaction is durable; those who wait for it have not been told.
pub(crate) fn after_commit() {
    let count = DURABLE.fetch_add(1, Ordering::SeqCst) + 1;
    die_if(asked() == Fault::After(count));
}

fn asked() -> Fault {
    static FAULT: OnceLock<Fault> = OnceLock::new();
    *FAULT.get_or_init(|| read(std::env::var("JACKFIELD_FAULT").ok().as_deref()))
}

/// An unreadable fault is one at the first commit.
fn read(text: Option<&str>) -> Fault {
    let Some(text) = text else { return Fault::None };
    match text.split_once(':').map(|(kind, n)| (kind, n.parse())) {
        Some(("before-commit", Ok(n))) => Fault::Before(n),
        Some(("after-commit", Ok(n))) => Fault::After(n),
        _ => Fault::Before(1),
    }
}

/// As a power failure: no destructor runs and nothing is flushed.
fn die_if(now: bool) {
    if now {
        std::process::abort();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_names_its_side_and_its_commit() {
        assert_eq!(read(None), Fault::None);
        assert_eq!(read(Some("before-commit:7")), Fault::Before(7));
        assert_eq!(read(Some("after-commit:1")), Fault::After(1));
        assert_eq!(read(Some("after-comit:1")), Fault::Before(1));
    }
}
