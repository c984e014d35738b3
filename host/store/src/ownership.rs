//! Which buckets this host owns, and under which epoch: the host's own view of the fence.
//!
//! What must hold: a commit is fenced by the epoch that is known here when it is handed in; a bucket
//! whose fence failed is forgotten, so that nothing more is tried on it until it is taken again.

use std::collections::BTreeMap;
use std::sync::{PoisonError, RwLock};

/// The buckets of this host.
#[derive(Debug, Default)]
pub(crate) struct Ownership {
    epochs: RwLock<BTreeMap<i32, i64>>,
}

impl Ownership {
    /// These buckets, each with its epoch.
    pub(crate) fn of(epochs: BTreeMap<i32, i64>) -> Ownership {
        Ownership {
            epochs: RwLock::new(epochs),
        }
    }

    /// The epoch under which this host owns the bucket, if it does.
    pub(crate) fn epoch(&self, bucket: i32) -> Option<i64> {
        self.epochs
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .get(&bucket)
            .copied()
    }

    /// The buckets that this host owns, upwards.
    pub(crate) fn buckets(&self) -> Vec<i32> {
        self.epochs
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .keys()
            .copied()
            .collect()
    }

    /// Forgets a bucket whose fence failed under this epoch. Taken again meanwhile, it stays.
    pub(crate) fn forget(&self, bucket: i32, epoch: i64) {
        let mut epochs = self.epochs.write().unwrap_or_else(PoisonError::into_inner);
        if epochs.get(&bucket) == Some(&epoch) {
            epochs.remove(&bucket);
            tracing::warn!(bucket, epoch, "another host has taken the bucket");
        }
    }
}
