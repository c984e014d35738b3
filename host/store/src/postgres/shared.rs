//! What the parts of a host's store share: who it is, what it owns, what it has seen.

use super::open::Options;
use crate::ownership::Ownership;
use crate::store::Change;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicUsize, Ordering};
use tokio::sync::Notify;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

#[derive(Debug)]
pub(super) struct Shared {
    /// This host's id.
    pub(super) host: String,
    /// How many buckets the database has.
    pub(super) buckets: i32,
    pub(super) ownership: Arc<Ownership>,
    /// How many hosts lived when this one last looked.
    pub(super) living: AtomicUsize,
    /// Whether other hosts are told by NOTIFY.
    pub(super) notify: bool,
    /// Whether this host takes part.
    pub(super) joined: AtomicBool,
    /// Hosts or buckets have changed: look now.
    pub(super) look: Notify,
    /// The latest revision of the control records that this host has made or heard of.
    revision: AtomicI64,
    changes: UnboundedSender<Change>,
}

impl Shared {
    pub(super) fn new(
        host: String,
        buckets: i32,
        revision: i64,
        options: &Options,
    ) -> (Shared, UnboundedReceiver<Change>) {
        let (changes, receiver) = unbounded_channel();
        let shared = Shared {
            host,
            buckets,
            ownership: Arc::new(Ownership::leased(changes.clone())),
            living: AtomicUsize::new(1),
            notify: options.notify,
            joined: AtomicBool::new(!options.wait_to_join),
            look: Notify::new(),
            revision: AtomicI64::new(revision),
            changes,
        };
        (shared, receiver)
    }

    pub(super) fn tell(&self, change: Change) {
        // Nobody need listen.
        let _ = self.changes.send(change);
    }

    /// This host has made a revision. Another's stands between it and the latest that is known, if
    /// they do not follow each other.
    pub(super) fn made_revision(&self, revision: i64) {
        if self.revision.fetch_max(revision, Ordering::AcqRel) < revision - 1 {
            self.tell(Change::Control);
        }
    }

    /// The database, or another host, says that there is this revision.
    pub(super) fn saw_revision(&self, revision: i64) {
        if self.revision.fetch_max(revision, Ordering::AcqRel) < revision {
            self.tell(Change::Control);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_other_hosts_changed_is_told_and_ones_own_changes_are_not() {
        let options = Options::new("postgres://", "a");
        let (shared, mut changes) = Shared::new("a-1".into(), 8, 4, &options);
        let mut told = || changes.try_recv().is_ok();
        shared.made_revision(5);
        shared.saw_revision(5);
        assert!(!told());
        shared.saw_revision(6);
        assert!(told());
        shared.saw_revision(6);
        shared.made_revision(7);
        assert!(!told());
        // Another host made the eighth.
        shared.made_revision(9);
        assert!(told());
        assert!(!told());
    }
}
