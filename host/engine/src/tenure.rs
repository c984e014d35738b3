//! Tenures: this host's time as the owner of a bucket.
//!
//! Why: on a database that several hosts share, a bucket comes and goes, and may come back. What
//! was read in one tenure must not be written in the next, so locks and bursts hold on to the
//! tenure in which they began, and every commit of theirs names its epoch. A tenure that is ending
//! takes no new bursts and lets those under way reach their next commit.
//!
//! What must hold: nothing is read in order to be written without a tenure; when a tenure is over,
//! nothing of it is written any more.

use jackfield_store::{Commit, Store};
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// The bucket is another host's, or on its way to one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("bucket {bucket} belongs to another host")]
pub struct Elsewhere {
    /// Which bucket.
    pub bucket: i32,
}

/// One tenure.
#[derive(Debug)]
pub(crate) struct Tenure {
    pub bucket: i32,
    epoch: i64,
    /// Milliseconds since 1970: what was touched before was so by an earlier life or another host.
    pub since: i64,
    /// Bursts end at their next commit.
    pub over: CancellationToken,
    /// The bursts.
    pub bursts: TaskTracker,
    leaving: AtomicBool,
}

impl Tenure {
    /// A commit of the bucket that is refused once this tenure is over.
    pub(crate) fn commit(&self) -> Commit {
        self.fence(Commit::of(self.bucket))
    }

    /// The same commit, refused once this tenure is over.
    pub(crate) fn fence(&self, mut commit: Commit) -> Commit {
        commit.epoch = Some(self.epoch);
        commit
    }

    /// Whether the store still has the bucket as this tenure's.
    pub(crate) fn holds(&self, store: &dyn Store) -> bool {
        store.epoch(self.bucket) == Some(self.epoch)
    }

    /// Whether bursts may still begin.
    pub(crate) fn takes_bursts(&self) -> bool {
        !self.leaving.load(Ordering::Acquire) && !self.over.is_cancelled()
    }

    /// No new bursts; those under way reach their next commit. Returns when they have.
    pub(crate) async fn drain(&self) {
        self.leaving.store(true, Ordering::Release);
        self.over.cancel();
        self.bursts.close();
        self.bursts.wait().await;
    }
}

/// The buckets of this host.
#[derive(Debug, Default)]
pub(crate) struct Tenures {
    current: RwLock<HashMap<i32, Arc<Tenure>>>,
}

impl Tenures {
    /// The tenure of a bucket, if it is this host's.
    pub(crate) fn of(&self, bucket: i32) -> Result<Arc<Tenure>, Elsewhere> {
        let current = self.current.read().unwrap_or_else(PoisonError::into_inner);
        current.get(&bucket).cloned().ok_or(Elsewhere { bucket })
    }

    /// Begins a tenure; an earlier one of the same bucket is over.
    pub(crate) fn begin(
        &self,
        bucket: i32,
        epoch: i64,
        since: i64,
        stopping: &CancellationToken,
    ) -> Arc<Tenure> {
        let tenure = Arc::new(Tenure {
            bucket,
            epoch,
            since,
            over: stopping.child_token(),
            bursts: TaskTracker::new(),
            leaving: AtomicBool::new(false),
        });
        let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(earlier) = current.insert(bucket, tenure.clone()) {
            earlier.over.cancel();
        }
        tenure
    }

    /// Ends the tenure of a bucket. Bursts under way find out at their next commit.
    pub(crate) fn end(&self, bucket: i32) -> Option<Arc<Tenure>> {
        let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
        let ended = current.remove(&bucket)?;
        ended.over.cancel();
        Some(ended)
    }

    /// Any bucket of this host, for what belongs to none by itself.
    pub(crate) fn any(&self) -> Option<i32> {
        let current = self.current.read().unwrap_or_else(PoisonError::into_inner);
        if current.is_empty() {
            return None;
        }
        let place = rand::random_range(0..current.len());
        current.keys().nth(place).copied()
    }

    /// How many buckets are this host's.
    pub(crate) fn len(&self) -> usize {
        self.current
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .len()
    }
}
