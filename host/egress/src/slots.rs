//! How many exchanges are under way, for each plugin and each host.
//!
//! Waiting is fair (in order of arrival) and counts against the caller's time. An entry lives as
//! long as somebody holds or awaits a slot, so the map does not grow with names that were seen once.
//! A plugin's slot is always taken before a host's, and a host's is given back before another
//! host's is taken, so nobody waits in a circle.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Slots by key.
#[derive(Debug)]
pub(crate) struct Slots {
    size: usize,
    semaphores: Mutex<HashMap<String, Arc<Semaphore>>>,
}

impl Slots {
    pub(crate) fn new(size: usize) -> Arc<Slots> {
        let size = size.min(Semaphore::MAX_PERMITS);
        Arc::new(Slots {
            size,
            semaphores: Mutex::default(),
        })
    }

    /// Waits for a slot and holds it until the guard is dropped.
    pub(crate) async fn take(self: &Arc<Slots>, key: &str) -> Slot {
        let semaphore = self
            .semaphores
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .entry(key.to_owned())
            .or_insert_with(|| Arc::new(Semaphore::new(self.size)))
            .clone();
        let mut slot = Slot {
            slots: self.clone(),
            key: key.to_owned(),
            permit: None,
            semaphore: None,
        };
        // The guard exists before the wait, so that a wait which is given up is cleared away too.
        slot.semaphore = Some(semaphore.clone());
        slot.permit = semaphore.acquire_owned().await.ok();
        slot
    }

    #[cfg(test)]
    fn keys(&self) -> usize {
        self.semaphores
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .len()
    }
}

/// One exchange under way.
#[derive(Debug)]
pub(crate) struct Slot {
    slots: Arc<Slots>,
    key: String,
    /// None while waiting. Semaphores here are never closed.
    permit: Option<OwnedSemaphorePermit>,
    semaphore: Option<Arc<Semaphore>>,
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut map = self
            .slots
            .semaphores
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        self.permit = None;
        self.semaphore = None;
        // Clones are handed out under this lock alone: one left is the map's own.
        if map
            .get(&self.key)
            .is_some_and(|semaphore| Arc::strong_count(semaphore) == 1)
        {
            map.remove(&self.key);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::Future as _;
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    use super::*;

    #[tokio::test]
    async fn a_full_key_makes_others_wait_and_leaves_nothing_behind() {
        let slots = Slots::new(1);
        let first = slots.take("a").await;
        let other_key = slots.take("b").await;
        {
            let mut waiting = pin!(slots.take("a"));
            let mut context = Context::from_waker(Waker::noop());
            assert!(waiting.as_mut().poll(&mut context).is_pending());
            drop(first);
            assert!(matches!(
                waiting.as_mut().poll(&mut context),
                Poll::Ready(_)
            ));
        }
        drop(other_key);
        assert_eq!(slots.keys(), 0);
    }

    #[tokio::test]
    async fn a_wait_that_is_given_up_leaves_nothing_behind() {
        let slots = Slots::new(1);
        let held = slots.take("a").await;
        {
            let mut waiting = pin!(slots.take("a"));
            assert!(
                waiting
                    .as_mut()
                    .poll(&mut Context::from_waker(Waker::noop()))
                    .is_pending()
            );
        }
        drop(held);
        assert_eq!(slots.keys(), 0);
    }
}
