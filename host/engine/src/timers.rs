//! Timers: rows with a due time, of which memory holds only the near ones.
//!
//! Why: a million waiting runs must cost their rows and nothing else. Rows due within the horizon
//! are read ahead; a timer that is set nearer than that goes straight into memory. A timer never
//! fires early, because firing asks the clock; late ones fire at once. A timer in memory is a
//! hint: the row decides, under the bucket's lock, so one that was set anew or taken back does
//! nothing.

use crate::engine::Core;
use crate::run::wake;
use jackfield_store::records::Timer;
use jackfield_store::{Is, Query, StoreExt};
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use tokio::sync::{Notify, Semaphore};

/// How far ahead timers are kept in memory.
const HORIZON: i64 = 60_000;
/// How many rows are read at a time.
const PAGE: i64 = 5_000;
/// How many due timers are looked at together: their commits are merged.
const TOGETHER: usize = 512;

/// The near timers.
#[derive(Default)]
pub(crate) struct Timers {
    near: Mutex<BTreeSet<(i64, String)>>,
    changed: Notify,
    /// Buckets came: what was read ahead is not all there is.
    again: AtomicBool,
}

impl Timers {
    /// A timer's row was written.
    pub(crate) fn schedule(&self, id: &str, due: i64) {
        let first = self.near.lock().is_ok_and(|mut near| {
            near.insert((due, id.to_owned()));
            near.first().is_some_and(|(first, _)| *first == due)
        });
        if first {
            self.changed.notify_one();
        }
    }

    /// Rows of more buckets are this host's: they are all read again.
    pub(crate) fn read_again(&self) {
        self.again.store(true, Ordering::Release);
        self.changed.notify_one();
    }

    fn next(&self) -> Option<i64> {
        self.near.lock().ok()?.first().map(|(due, _)| *due)
    }

    fn take_due(&self, now: i64) -> Vec<String> {
        let Ok(mut near) = self.near.lock() else {
            return Vec::new();
        };
        let mut due = Vec::new();
        while due.len() < TOGETHER
            && let Some((first, _)) = near.first()
            && *first <= now
            && let Some((_, id)) = near.pop_first()
        {
            due.push(id);
        }
        due
    }
}

/// How far the rows have been read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Ahead {
    /// Every row due before is in memory or has fired, and those due then as well, but for `more`.
    until: i64,
    /// A page was full: rows due at `until` or later are still to be read.
    more: bool,
}

impl Ahead {
    const NOTHING: Ahead = Ahead {
        until: i64::MIN,
        more: true,
    };

    /// What a page says that was asked for up to `until`. Fired timers have no row any more, so the
    /// next page begins where this one ended.
    fn of(page: &[Timer], until: i64) -> Ahead {
        let full = i64::try_from(page.len()).is_ok_and(|rows| rows >= PAGE);
        match page.last() {
            Some(last) if full => Ahead {
                until: last.due,
                more: true,
            },
            _ => Ahead { until, more: false },
        }
    }

    /// Whether it is time to read: the page has fired and more follow, or its end comes near.
    /// `first` is the next timer in memory, which may have been set for later than the page.
    fn is_used_up(self, first: Option<i64>, now: i64) -> bool {
        if self.more {
            first.is_none_or(|first| first > self.until)
        } else {
            self.until < now + HORIZON / 2
        }
    }

    /// When to look again.
    fn next(self, first: Option<i64>) -> i64 {
        let first = first.unwrap_or(i64::MAX);
        if self.more {
            first
        } else {
            first.min(self.until - HORIZON / 2)
        }
    }
}

/// Reads ahead and fires, until the engine stops.
pub(crate) async fn run(core: Arc<Core>) {
    let together = Arc::new(Semaphore::new(TOGETHER));
    let mut ahead = Ahead::NOTHING;
    loop {
        let now = core.now();
        if core.timers.again.swap(false, Ordering::AcqRel) {
            ahead = Ahead::NOTHING;
        }
        if ahead.is_used_up(core.timers.next(), now) {
            // Rows whose firing is under way are gone before the next page is read.
            let Ok(all) = together
                .acquire_many(u32::try_from(TOGETHER).unwrap_or(1))
                .await
            else {
                return;
            };
            match read_ahead(&core, now + HORIZON).await {
                Ok(read) => ahead = read,
                Err(error) => {
                    tracing::warn!(%error, "timers cannot be read; trying again in a second");
                    core.clock.sleep_until(now + 1_000).await;
                }
            }
            drop(all);
        }
        for id in core.timers.take_due(core.now()) {
            let Ok(permit) = together.clone().acquire_owned().await else {
                return;
            };
            let task = core.clone();
            core.tasks.spawn(async move {
                fire(&task, &id).await;
                drop(permit);
            });
        }
        let first = core.timers.next();
        let next = if ahead.more && ahead.is_used_up(first, core.now()) {
            core.now()
        } else {
            ahead.next(first)
        };
        tokio::select! {
            () = core.stopping.cancelled() => return,
            () = core.timers.changed.notified() => {}
            () = core.clock.sleep_until(next) => {}
        }
    }
}

/// Reads the timers that are due up to `until`, a page of them.
async fn read_ahead(core: &Core, until: i64) -> Result<Ahead, jackfield_store::ReadError> {
    let mut query = Query::<Timer>::all().filter("due", Is::AtMost, until);
    let owned = core.store.owned();
    if owned.len() < usize::try_from(core.store.buckets()).unwrap_or(0) {
        query = query.filter("bucket", Is::In, owned);
    }
    let rows = core.store.find(query.ascending("due").limit(PAGE)).await?;
    for row in &rows {
        core.timers.schedule(&row.id, row.due);
    }
    Ok(Ahead::of(&rows, until))
}

async fn fire(core: &Arc<Core>, id: &str) {
    metrics::counter!("jackfield_timers_fired_total").increment(1);
    if id.starts_with("run_") {
        wake::timer(core, id).await;
    } else if let Some(domain) = core.domain() {
        domain.due(id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(rows: i64, due: impl Fn(i64) -> i64) -> Vec<Timer> {
        let row = |number| Timer {
            bucket: 0,
            id: format!("run_{number}"),
            kind: "run".to_owned(),
            due: due(number),
        };
        (0..rows).map(row).collect()
    }

    #[test]
    fn the_next_page_is_read_when_the_last_of_one_has_fired_whatever_is_set_for_later() {
        let ahead = Ahead::of(&page(PAGE, |number| number), 60_000);
        assert!(!ahead.is_used_up(Some(PAGE - 1), 10_000));
        assert!(ahead.is_used_up(Some(40_000), 10_000));
        assert!(ahead.is_used_up(None, 10_000));
    }

    #[test]
    fn a_page_that_is_due_at_one_instant_is_read_once() {
        let ahead = Ahead::of(&page(PAGE, |_| 5_000), 60_000);
        assert!(!ahead.is_used_up(Some(5_000), 0));
        assert!(!ahead.is_used_up(Some(300), 0));
        assert_eq!(ahead.next(Some(300)), 300);
    }

    #[test]
    fn with_all_rows_read_the_horizon_is_followed() {
        let ahead = Ahead::of(&page(3, |number| number), 60_000);
        assert!(!ahead.is_used_up(None, 0));
        assert_eq!(ahead.next(None), 30_000);
        assert_eq!(ahead.next(Some(7)), 7);
        assert!(ahead.is_used_up(Some(70_000), 30_001));
    }
}
