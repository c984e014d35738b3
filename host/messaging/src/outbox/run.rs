//! The task of one channel: takes messages out of its lanes, no faster than the provider likes and
//! no more at a time than allowed, and starts a delivery for each.

use super::deliver::{After, PAUSE, deliver};
use super::lanes::{Item, Lanes};
use crate::context::Context;
use crate::error::Result;
use crate::message::Entry;
use jackfield_store::records::Message;
use jackfield_store::{Is, Query, StoreExt};
use serde_json::json;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// How often a paused channel is looked at, in milliseconds: another host may have resumed it.
const LOOK_AGAIN: i64 = 30_000;
/// The slowest that "too fast" makes a channel: so many times its own pace.
const SLOWEST: f64 = 64.0;
/// The pace of a channel without a rate when it is slowed down, in milliseconds a message.
const PACE: f64 = 50.0;

/// How a channel goes.
struct Pace {
    under_way: usize,
    /// Not before, milliseconds since 1970; fractions add up.
    next: f64,
    /// 1 for the channel's own pace.
    slow: f64,
    paused: bool,
    /// Counts how often the channel may have become active: a delivery that began before and says
    /// "paused" speaks of the past.
    looks: u64,
}

/// A channel's queue, shared by its task and those who put messages in.
pub(crate) struct Queue {
    context: Arc<Context>,
    channel: String,
    lanes: Mutex<Lanes>,
    pace: Mutex<Pace>,
    changed: Notify,
}

fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Queue {
    pub(crate) fn new(context: Arc<Context>, channel: String) -> Queue {
        let lanes = Lanes::new(context.options.queue_in_memory);
        let pace = Pace {
            under_way: 0,
            next: 0.0,
            slow: 1.0,
            paused: false,
            looks: 0,
        };
        Queue {
            context,
            channel,
            lanes: Mutex::new(lanes),
            pace: Mutex::new(pace),
            changed: Notify::new(),
        }
    }

    pub(crate) fn push(&self, item: Item) {
        held(&self.lanes).push(item);
        self.changed.notify_one();
    }

    /// A message is due.
    pub(crate) fn due(&self, item: Item) {
        let mut lanes = held(&self.lanes);
        lanes.unpark(&item);
        lanes.push(item);
        drop(lanes);
        self.changed.notify_one();
    }

    /// The database has messages that are not here.
    pub(crate) fn must_refill(&self) {
        held(&self.lanes).must_refill();
        self.changed.notify_one();
    }

    /// The channel may be active again.
    pub(crate) fn look(&self) {
        let mut pace = held(&self.pace);
        pace.paused = false;
        pace.looks += 1;
        drop(pace);
        self.changed.notify_one();
    }

    pub(crate) fn under_way(&self) -> usize {
        held(&self.pace).under_way
    }

    pub(crate) fn len(&self) -> usize {
        held(&self.lanes).len()
    }

    /// Runs until stopped. What is under way then comes to its end.
    pub(crate) async fn run(self: Arc<Self>, stop: CancellationToken, tasks: TaskTracker) {
        let clock = Arc::clone(self.context.host.clock());
        while !stop.is_cancelled() {
            let wake = match self.turn(&tasks).await {
                Ok(wake) => wake,
                Err(error) => {
                    tracing::warn!(channel = self.channel, %error, "the channel's queue waits for the database");
                    Some(self.context.now().saturating_add(PAUSE))
                }
            };
            let sleep = async {
                match wake {
                    Some(at) => clock.sleep_until(at).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = self.changed.notified() => {}
                () = sleep => {}
                () = stop.cancelled() => {}
            }
        }
    }

    /// Starts what can be started; answers when to look again if nothing happens before.
    async fn turn(self: &Arc<Self>, tasks: &TaskTracker) -> Result<Option<i64>> {
        if held(&self.lanes).wants_refill() {
            self.refill().await?;
        }
        let now = self.context.now();
        let channel = self.context.channel_by_id(&self.channel).await?;
        let settings = match &channel {
            Some(channel) => Some(self.context.settings(&channel.workspace).await?),
            None => None,
        };
        let limits = channel.as_ref().and_then(|channel| {
            settings
                .as_ref()
                .and_then(|settings| settings.dispatch.channels.get(&channel.name))
        });
        let own = match &channel {
            Some(channel) => {
                self.context
                    .connector(&channel.digest)
                    .await?
                    .descriptor
                    .rate
            }
            None => None,
        };
        // Each host sends what is in its own buckets: all of them together keep the channel's pace.
        let hosts = self.context.store().living().max(1);
        let rate = limits.and_then(|limits| limits.rate).or(own);
        let rate = rate.map(|rate| rate / hosts as f64);
        let most = limits
            .and_then(|limits| limits.concurrency)
            .unwrap_or(self.context.options.concurrency)
            .div_ceil(hosts);
        loop {
            {
                let mut pace = held(&self.pace);
                // Another host may have resumed it; what is queued for one that is gone is refused.
                pace.paused &= channel
                    .as_ref()
                    .is_some_and(|channel| channel.state != "active");
                if pace.paused {
                    return Ok(Some(now.saturating_add(LOOK_AGAIN)));
                }
                if pace.under_way >= most.max(1) {
                    return Ok(None);
                }
                if pace.next > now as f64 {
                    let due = held(&self.lanes)
                        .has_ready()
                        .then_some(pace.next.ceil() as i64);
                    return Ok(due.into_iter().chain(held(&self.lanes).next_due()).min());
                }
                let Some((key, item)) = held(&self.lanes).take(now) else {
                    return Ok(held(&self.lanes).next_due());
                };
                let slowed = (pace.slow > 1.0).then_some(PACE);
                if let Some(gap) = rate.map(|rate| 1_000.0 / rate).or(slowed) {
                    pace.next = pace.next.max(now as f64) + gap * pace.slow;
                }
                pace.under_way += 1;
                let looks = pace.looks;
                drop(pace);
                let queue = Arc::clone(self);
                tasks.spawn(async move {
                    let after = deliver(&queue.context, &item.id).await;
                    queue.finished(&key, after, looks);
                });
            }
        }
    }

    fn finished(&self, key: &super::lanes::Key, after: After, looks: u64) {
        let mut pace = held(&self.pace);
        let mut lanes = held(&self.lanes);
        pace.under_way -= 1;
        match after {
            After::Done => {
                pace.slow = (pace.slow * 0.9).max(1.0);
                lanes.done(key);
            }
            After::Again(due) => lanes.park(key, due),
            After::Paused => {
                pace.paused = pace.looks == looks;
                lanes.park(key, i64::MIN);
            }
            After::SlowDown(due) => {
                pace.slow = (pace.slow * 2.0).min(SLOWEST);
                pace.next = pace.next.max(due as f64);
                lanes.park(key, due);
            }
        }
        drop(lanes);
        drop(pace);
        self.changed.notify_one();
    }

    /// Reads what waits in the database, in the order accepted.
    async fn refill(&self) -> Result<()> {
        // More than can be here, so that some of it is new.
        let most = self.context.options.queue_in_memory * 2 + 1_000;
        let store = self.context.store();
        let mut query = Query::<Message>::all()
            .equal("channel", self.channel.as_str())
            .equal("direction", "out")
            .equal("state", "queued")
            .ascending("created_at")
            .limit(most as i64);
        let owned = store.owned();
        if owned.len() < usize::try_from(store.buckets()).unwrap_or_default() {
            query = query.filter("bucket", Is::In, json!(owned));
        }
        let left_out = held(&self.lanes).left_out();
        let rows = store.find(query).await?;
        let whole = rows.len() < most;
        let mut entries: Vec<Entry> = rows.into_iter().map(Entry::read).collect::<Result<_>>()?;
        entries.sort_by_key(|entry| (entry.created_at, entry.data.order));
        let items = entries.iter().map(item).collect();
        held(&self.lanes).refill(items, whole, left_out);
        Ok(())
    }
}

/// A message's place in the queue.
pub(crate) fn item(message: &Entry) -> Item {
    Item {
        id: message.id.clone(),
        address: message.address.clone(),
        priority: message.data.priority,
        due: message.data.due,
    }
}
