//! Deliveries under way, by bucket: so that a bucket can go to another host between two of them,
//! and so that what is being sent now is not taken for what an earlier life left.
//!
//! What must hold: a bucket that is to leave begins no delivery any more; when `drain` returns,
//! none is under way; a message is here before it is committed as `sending`, and until what came
//! of it is committed.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;

#[derive(Debug, Default)]
struct Counts {
    under_way: HashMap<i32, HashSet<String>>,
    leaving: HashSet<i32>,
}

/// The deliveries of this host.
#[derive(Debug, Default)]
pub(crate) struct Deliveries {
    counts: Mutex<Counts>,
    ended: Notify,
}

/// A delivery under way, until it is dropped.
pub(crate) struct UnderWay<'a> {
    all: &'a Deliveries,
    bucket: i32,
    message: &'a str,
}

impl Deliveries {
    fn counts(&self) -> MutexGuard<'_, Counts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A delivery begins; none while the bucket is on its way to another host.
    pub(crate) fn begin<'a>(&'a self, bucket: i32, message: &'a str) -> Option<UnderWay<'a>> {
        let mut counts = self.counts();
        if counts.leaving.contains(&bucket) {
            return None;
        }
        let of_bucket = counts.under_way.entry(bucket).or_default();
        of_bucket.insert(message.to_owned());
        Some(UnderWay {
            all: self,
            bucket,
            message,
        })
    }

    /// Whether a message is being sent by this life of the host.
    pub(crate) fn is_under_way(&self, bucket: i32, message: &str) -> bool {
        let counts = self.counts();
        let of_bucket = counts.under_way.get(&bucket);
        of_bucket.is_some_and(|of_bucket| of_bucket.contains(message))
    }

    /// No more deliveries of the bucket; returns when those under way have ended.
    pub(crate) async fn drain(&self, bucket: i32) {
        self.counts().leaving.insert(bucket);
        loop {
            let mut ended = std::pin::pin!(self.ended.notified());
            ended.as_mut().enable();
            if !self.counts().under_way.contains_key(&bucket) {
                return;
            }
            ended.await;
        }
    }

    /// The bucket is gone; if it comes back, it may begin deliveries again.
    pub(crate) fn lost(&self, bucket: i32) {
        self.counts().leaving.remove(&bucket);
    }
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        let mut counts = self.all.counts();
        if let Some(of_bucket) = counts.under_way.get_mut(&self.bucket) {
            of_bucket.remove(self.message);
            if of_bucket.is_empty() {
                counts.under_way.remove(&self.bucket);
                self.all.ended.notify_waiters();
            }
        }
    }
}
