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

/// Reads ahead and fires, until the engine stops.
pub(crate) async fn run(core: Arc<Core>) {
    let together = Arc::new(Semaphore::new(TOGETHER));
    // Everything due up to here is in memory or has fired; `more` rows are due before the horizon.
    let (mut read_until, mut more) = (i64::MIN, true);
    loop {
        let now = core.now();
        if core.timers.again.swap(false, Ordering::AcqRel) {
            (read_until, more) = (i64::MIN, true);
        }
        let drained = core.timers.next().is_none_or(|next| next > read_until);
        if if more {
            drained
        } else {
            read_until < now + HORIZON / 2
        } {
            // Rows whose firing is under way are gone before the next page is read.
            let Ok(all) = together
                .acquire_many(u32::try_from(TOGETHER).unwrap_or(1))
                .await
            else {
                return;
            };
            match read_ahead(&core, now + HORIZON).await {
                Ok(read) => (read_until, more) = read,
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
        // With more to read the page in memory comes first: its last timer wakes this loop.
        let read_again = if more {
            i64::MAX
        } else {
            read_until - HORIZON / 2
        };
        let next = core
            .timers
            .next()
            .unwrap_or(if more { core.now() } else { read_again })
            .min(read_again);
        tokio::select! {
            () = core.stopping.cancelled() => return,
            () = core.timers.changed.notified() => {}
            () = core.clock.sleep_until(next) => {}
        }
    }
}

/// Reads the timers that are due up to `until`, a page of them; answers up to when all of them are
/// in memory now, and whether there are more. Fired timers have no row any more, so the next page
/// begins where this one ended.
async fn read_ahead(core: &Core, until: i64) -> Result<(i64, bool), jackfield_store::ReadError> {
    let mut query = Query::<Timer>::all().filter("due", Is::AtMost, until);
    let owned = core.store.owned();
    if owned.len() < usize::try_from(core.store.buckets()).unwrap_or(0) {
        query = query.filter("bucket", Is::In, owned);
    }
    let rows = core.store.find(query.ascending("due").limit(PAGE)).await?;
    for row in &rows {
        core.timers.schedule(&row.id, row.due);
    }
    let full = i64::try_from(rows.len()).unwrap_or(0) == PAGE;
    Ok(match rows.last() {
        Some(last) if full => (last.due - 1, true),
        _ => (until, false),
    })
}

async fn fire(core: &Arc<Core>, id: &str) {
    metrics::counter!("jackfield_timers_fired_total").increment(1);
    if id.starts_with("run_") {
        wake::timer(core, id).await;
    } else if let Some(domain) = core.domain() {
        domain.message_due(id);
    }
}
