//! Copies in memory of what is read often and changes seldom.
//!
//! Why: who reads the database to make a copy may be overtaken by a change, and would then keep
//! what was true before it, for good: a workflow that was just published would start no run. So the
//! reader takes a ticket first, and a copy with a ticket from before a change is not kept.
//!
//! What must hold: writers change the database first and then forget; after that nothing that was
//! read before the change is found here.

use std::borrow::Borrow;
use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{PoisonError, RwLock};

/// Copies by key.
#[derive(Debug)]
pub(crate) struct Copies<K, V> {
    held: RwLock<Held<K, V>>,
}

#[derive(Debug)]
struct Held<K, V> {
    rows: HashMap<K, V>,
    changes: u64,
}

/// What is read with it is as new as this.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ticket(u64);

impl<K, V> Default for Copies<K, V> {
    fn default() -> Self {
        Copies {
            held: RwLock::new(Held {
                rows: HashMap::new(),
                changes: 0,
            }),
        }
    }
}

impl<K: Hash + Eq, V: Clone> Copies<K, V> {
    /// The copy, if there is one.
    pub(crate) fn get<Q: Hash + Eq + ?Sized>(&self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
    {
        let held = self.held.read().unwrap_or_else(PoisonError::into_inner);
        held.rows.get(key).cloned()
    }

    /// To be taken before the database is read.
    pub(crate) fn ticket(&self) -> Ticket {
        Ticket(
            self.held
                .read()
                .unwrap_or_else(PoisonError::into_inner)
                .changes,
        )
    }

    /// Keeps a copy, unless something has changed since its ticket was taken.
    pub(crate) fn put(&self, key: K, value: V, ticket: Ticket) {
        let mut held = self.held.write().unwrap_or_else(PoisonError::into_inner);
        if held.changes == ticket.0 {
            held.rows.insert(key, value);
        }
    }

    /// One thing was changed.
    pub(crate) fn forget<Q: Hash + Eq + ?Sized>(&self, key: &Q)
    where
        K: Borrow<Q>,
    {
        let mut held = self.held.write().unwrap_or_else(PoisonError::into_inner);
        held.changes += 1;
        held.rows.remove(key);
    }

    /// Anything may have been changed.
    pub(crate) fn forget_all(&self) {
        let mut held = self.held.write().unwrap_or_else(PoisonError::into_inner);
        held.changes += 1;
        held.rows.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_read_before_a_change_is_not_kept_after_it() {
        let copies: Copies<String, u32> = Copies::default();
        let ticket = copies.ticket();
        copies.forget("w");
        copies.put("w".to_owned(), 1, ticket);
        assert_eq!(copies.get("w"), None);
        copies.put("w".to_owned(), 2, copies.ticket());
        assert_eq!(copies.get("w"), Some(2));
        let ticket = copies.ticket();
        copies.forget_all();
        copies.put("w".to_owned(), 2, ticket);
        assert_eq!(copies.get("w"), None);
    }
}
