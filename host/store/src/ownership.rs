//! Which buckets this host owns, and under which epoch: the host's own view of the fence.
//!
//! What must hold: a commit is fenced by the epoch that is known here when it is handed in; a bucket
//! whose fence failed is forgotten, so that nothing more is tried on it until it is taken again;
//! where hosts share a database, nothing is owned after the lease has lapsed by this host's own
//! clock, whether or not anybody has noticed. Every change is told in the order in which it happens.

use crate::commit::{Commit, CommitError};
use crate::store::Change;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::{Duration, Instant};
use tokio::sync::mpsc::UnboundedSender;

/// The buckets of this host.
#[derive(Debug)]
pub(crate) struct Ownership {
    epochs: RwLock<BTreeMap<i32, i64>>,
    changes: Option<UnboundedSender<Change>>,
    /// From when the lease is counted.
    start: Instant,
    /// When it lapses, in microseconds after `start`.
    until: AtomicU64,
}

impl Ownership {
    /// These buckets, each with its epoch, for as long as the process lives.
    pub(crate) fn of(epochs: BTreeMap<i32, i64>) -> Ownership {
        Ownership {
            epochs: RwLock::new(epochs),
            changes: None,
            start: Instant::now(),
            until: AtomicU64::new(u64::MAX),
        }
    }

    /// No bucket yet, and no lease: `lease_until` begins it. Whoever listens hears of every change.
    pub(crate) fn leased(changes: UnboundedSender<Change>) -> Ownership {
        Ownership {
            changes: Some(changes),
            until: AtomicU64::new(0),
            ..Ownership::of(BTreeMap::new())
        }
    }

    /// The lease holds until then.
    pub(crate) fn lease_until(&self, end: Instant) {
        let micros = end.saturating_duration_since(self.start).as_micros();
        let micros = u64::try_from(micros).unwrap_or(u64::MAX - 1);
        self.until.store(micros, Ordering::Release);
    }

    /// How long the lease holds; none once it has lapsed.
    pub(crate) fn lease_left(&self) -> Option<Duration> {
        let until = self.until.load(Ordering::Acquire);
        let now = u64::try_from(self.start.elapsed().as_micros()).unwrap_or(u64::MAX);
        (now < until).then(|| Duration::from_micros(until - now))
    }

    /// The epoch under which this host owns the bucket, if it does.
    pub(crate) fn epoch(&self, bucket: i32) -> Option<i64> {
        self.lease_left()?;
        self.read().get(&bucket).copied()
    }

    /// The fence of a commit: its bucket, and the epoch that must hold.
    ///
    /// # Errors
    /// `Fenced` when the bucket is not this host's, or not under the epoch that the commit names,
    /// and the commit writes what only an owner may write.
    pub(crate) fn fence(&self, commit: &Commit) -> Result<Option<(i32, i64)>, CommitError> {
        let Some(bucket) = commit.bucket else {
            return Ok(None);
        };
        match self.epoch(bucket) {
            Some(epoch) if commit.epoch.is_none_or(|expected| expected == epoch) => {
                Ok(Some((bucket, epoch)))
            }
            _ if commit.is_shared() => Ok(None),
            _ => Err(CommitError::Fenced { bucket }),
        }
    }

    /// The buckets that this host owns, upwards.
    pub(crate) fn buckets(&self) -> Vec<i32> {
        match self.lease_left() {
            Some(_) => self.read().keys().copied().collect(),
            None => Vec::new(),
        }
    }

    /// The buckets and their epochs, whether or not the lease holds.
    pub(crate) fn epochs(&self) -> BTreeMap<i32, i64> {
        self.read().clone()
    }

    /// The bucket is this host's now.
    pub(crate) fn take(&self, bucket: i32, epoch: i64) {
        self.write().insert(bucket, epoch);
        self.tell(Change::Taken(bucket));
    }

    /// Forgets a bucket whose fence failed under this epoch. Taken again meanwhile, it stays.
    pub(crate) fn forget(&self, bucket: i32, epoch: i64) {
        let mut epochs = self.write();
        if epochs.get(&bucket) == Some(&epoch) {
            epochs.remove(&bucket);
            self.tell(Change::Lost(bucket));
            tracing::warn!(bucket, epoch, "another host has taken the bucket");
        }
    }

    /// Forgets a bucket that this host gives back, and returns its epoch.
    pub(crate) fn give(&self, bucket: i32) -> Option<i64> {
        self.write().remove(&bucket)
    }

    /// Forgets every bucket, and says how many there were.
    pub(crate) fn drop_all(&self) -> usize {
        let dropped = std::mem::take(&mut *self.write());
        for bucket in dropped.keys() {
            self.tell(Change::Lost(*bucket));
        }
        dropped.len()
    }

    fn tell(&self, change: Change) {
        if let Some(changes) = &self.changes {
            // Nobody need listen.
            let _ = changes.send(change);
        }
    }

    fn read(&self) -> RwLockReadGuard<'_, BTreeMap<i32, i64>> {
        self.epochs.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, BTreeMap<i32, i64>> {
        self.epochs.write().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_owned_before_the_lease_begins_nor_after_it_has_lapsed() {
        let (sender, mut changes) = tokio::sync::mpsc::unbounded_channel();
        let ownership = Ownership::leased(sender);
        ownership.take(7, 3);
        assert_eq!((ownership.epoch(7), ownership.buckets()), (None, vec![]));
        ownership.lease_until(Instant::now() + Duration::from_secs(60));
        assert_eq!(
            (ownership.epoch(7), ownership.buckets()),
            (Some(3), vec![7])
        );
        ownership.lease_until(Instant::now());
        assert_eq!((ownership.epoch(7), ownership.buckets()), (None, vec![]));
        assert_eq!(ownership.drop_all(), 1);
        assert_eq!(changes.try_recv(), Ok(Change::Taken(7)));
        assert_eq!(changes.try_recv(), Ok(Change::Lost(7)));
        assert!(changes.try_recv().is_err());
    }

    #[test]
    fn a_bucket_that_was_taken_again_is_not_forgotten_for_an_old_fence() {
        let ownership = Ownership::of(BTreeMap::from([(7, 3)]));
        ownership.take(7, 4);
        ownership.forget(7, 3);
        assert_eq!(ownership.epoch(7), Some(4));
        ownership.forget(7, 4);
        assert_eq!(ownership.epoch(7), None);
    }
}
