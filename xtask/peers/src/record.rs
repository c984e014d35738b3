//! What a peer was told, in order, and waiting for more of it.

use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// An ordered record that grows while it is read. Cheap to clone; clones share what they hold.
#[derive(Debug)]
pub struct Record<T> {
    entries: Arc<watch::Sender<Vec<T>>>,
}

impl<T> Clone for Record<T> {
    fn clone(&self) -> Self {
        Self {
            entries: Arc::clone(&self.entries),
        }
    }
}

impl<T> Default for Record<T> {
    fn default() -> Self {
        Self {
            entries: Arc::new(watch::Sender::new(Vec::new())),
        }
    }
}

/// What was waited for did not come in time.
#[derive(Debug, thiserror::Error)]
#[error("waited {waited:?} for {what}; {count} came instead:\n{present}")]
pub struct TooLate {
    what: String,
    waited: Duration,
    count: usize,
    present: String,
}

impl<T: Clone + std::fmt::Debug> Record<T> {
    /// Everything so far, oldest first.
    #[must_use]
    pub fn all(&self) -> Vec<T> {
        self.entries.borrow().clone()
    }

    /// How many there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.entries.borrow().len()
    }

    /// Waits until `holds` is true of everything so far, and gives that.
    /// `what` says in words what is waited for, for the error.
    ///
    /// # Errors
    /// [`TooLate`] when it was not true within `patience`; it shows what is there.
    pub async fn until(
        &self,
        what: &str,
        patience: Duration,
        mut holds: impl FnMut(&[T]) -> bool,
    ) -> Result<Vec<T>, TooLate> {
        let mut entries = self.entries.subscribe();
        let waited = tokio::time::timeout(patience, entries.wait_for(|all| holds(all))).await;
        // The sender lives as long as `self`, so that waiting cannot end without an answer.
        if let Ok(Ok(all)) = waited {
            return Ok(all.clone());
        }
        let present = self.all();
        Err(TooLate {
            what: what.to_owned(),
            waited: patience,
            count: present.len(),
            present: present.iter().map(|entry| format!("{entry:?}\n")).collect(),
        })
    }

    /// Waits until there are at least `count`, and gives everything so far.
    ///
    /// # Errors
    /// As [`until`](Self::until).
    pub async fn at_least(&self, count: usize, patience: Duration) -> Result<Vec<T>, TooLate> {
        self.until(&format!("{count} or more"), patience, |all| {
            all.len() >= count
        })
        .await
    }
}

impl<T> Record<T> {
    pub(crate) fn push(&self, entry: T) {
        self.entries.send_modify(|all| all.push(entry));
    }

    /// Changes entries in place, waking those who wait.
    pub(crate) fn change(&self, change: impl FnOnce(&mut Vec<T>)) {
        self.entries.send_modify(change);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[tokio::test]
    async fn waiting_ends_when_the_entry_comes() {
        let record = Record::default();
        let writer = record.clone();
        let waiting =
            tokio::spawn(async move { record.at_least(2, Duration::from_secs(20)).await.unwrap() });
        writer.push("one");
        writer.push("two");
        assert_eq!(waiting.await.unwrap(), ["one", "two"]);
    }

    #[tokio::test]
    async fn what_came_instead_is_shown() {
        let record = Record::default();
        record.push("something else");
        let error = record
            .until("the reply", Duration::ZERO, |all| all.contains(&"reply"))
            .await
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("the reply") && error.contains("something else"),
            "{error}"
        );
    }
}
