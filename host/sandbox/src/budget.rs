//! Memory of all sandboxes together.
//!
//! The limit of one activation is not the machine's: a full pool of activations that all use what
//! they may would take far more memory than there is. Each has [`OWN`] for itself; what it takes
//! beyond comes out of one budget, and goes back when it ends. An activation that finds the budget
//! used up fails as one that may succeed later; nobody else feels it, and small ones never do.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Bytes that every activation may have whatever the others do: more than steps in Rust or C take.
pub(crate) const OWN: u64 = 16 << 20;

/// What is left of the budget, in bytes.
#[derive(Debug)]
pub(crate) struct Budget(AtomicU64);

impl Budget {
    pub(crate) fn new(bytes: u64) -> Arc<Budget> {
        Arc::new(Budget(AtomicU64::new(bytes)))
    }

    fn take(&self, bytes: u64) -> bool {
        let left = |left: u64| left.checked_sub(bytes);
        self.0
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, left)
            .is_ok()
    }
}

/// One activation's part of the budget. What it took is given back when this is dropped.
#[derive(Debug)]
pub(crate) struct Part {
    budget: Arc<Budget>,
    taken: u64,
}

impl Part {
    pub(crate) fn of(budget: &Arc<Budget>) -> Part {
        Part {
            budget: Arc::clone(budget),
            taken: 0,
        }
    }

    /// Whether the activation may have so many bytes altogether.
    pub(crate) fn allows(&mut self, total: u64) -> bool {
        let more = total.saturating_sub(OWN).saturating_sub(self.taken);
        if more > 0 && !self.budget.take(more) {
            return false;
        }
        self.taken += more;
        true
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        self.budget.0.fetch_add(self.taken, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn beyond_its_own_everybody_takes_from_one_budget_and_gives_it_back() {
        let budget = Budget::new(100);
        let (mut one, mut two) = (Part::of(&budget), Part::of(&budget));
        assert!(one.allows(OWN) && one.allows(OWN + 60) && one.allows(OWN + 50));
        assert!(two.allows(OWN) && !two.allows(OWN + 41) && two.allows(OWN + 40));
        drop(one);
        assert!(two.allows(OWN + 100) && !two.allows(OWN + 101));
        drop(two);
        assert_eq!(budget.0.load(Ordering::Relaxed), 100);
    }
}
