//! The queues of deliveries, one for every subscription, over the lanes of the outbox.
//!
//! What must hold: each delivery has a lane of its own, so one that fails keeps no other waiting;
//! the number in memory is bounded, the rest is read from the database when there is room again;
//! what waits for its next try is a row and a timer, and nothing in memory.

use super::DELIVERY;
use super::deliver::{After, PAUSE, deliver};
use super::record::PENDING;
use crate::context::Context;
use crate::error::Result;
use crate::outbox::Outbox;
use crate::outbox::lanes::{Item, Key, Lanes};
use jackfield_store::records::{Delivery, Subscription};
use jackfield_store::{Is, Query, StoreExt, bucket_in};
use serde_json::{Value, json};
use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;

/// Deliveries of a subscription under way at once, on each host.
const CONCURRENCY: usize = 4;
/// Deliveries of a subscription that wait on a host before new ones are put among the dead.
const MOST_PENDING: i64 = 100_000;
/// How many rows are looked at for the subscriptions that they are of.
const SAMPLE: i64 = 10_000;

/// The deliveries of an event that was committed.
#[derive(Debug, Default)]
pub(crate) struct Followed(Vec<(String, String)>);

impl Followed {
    pub(crate) fn add(&mut self, subscription: &str, delivery: &str) {
        self.0.push((subscription.to_owned(), delivery.to_owned()));
    }
}

/// All queues.
#[derive(Clone)]
pub(crate) struct Dispatch {
    inner: Arc<Inner>,
}

struct Inner {
    context: Arc<Context>,
    outbox: Outbox,
    queues: Mutex<HashMap<String, Arc<Queue>>>,
}

impl Dispatch {
    /// Whatever runs beside the outbox ends with it; so do these queues.
    pub(crate) fn new(context: Arc<Context>, outbox: Outbox) -> Dispatch {
        Dispatch {
            inner: Arc::new(Inner {
                context,
                outbox,
                queues: Mutex::new(HashMap::new()),
            }),
        }
    }

    /// The commit is durable: its deliveries go out.
    pub(crate) fn go(&self, followed: Followed) {
        for (subscription, delivery) in followed.0 {
            self.put(&subscription, &delivery);
        }
    }

    /// A delivery is to be tried now.
    pub(crate) fn put(&self, subscription: &str, delivery: &str) {
        let queue = self.queue(subscription);
        held(&queue.lanes).push(item(delivery));
        queue.changed.notify_one();
    }

    /// A delivery's time has come.
    pub(crate) fn due(&self, id: &str) {
        let (dispatch, id) = (self.clone(), id.to_owned());
        self.inner.outbox.beside(async move {
            let Some(bucket) = bucket_in(DELIVERY, &id) else {
                return;
            };
            let context = &dispatch.inner.context;
            match context.row::<Delivery>(bucket, &[("id", &id)]).await {
                Ok(Some(row)) => dispatch.put(&row.subscription, &id),
                Ok(None) => {}
                Err(error) => {
                    tracing::warn!(delivery = id, %error, "tried again with the next timers");
                    context.host.wake(&id, context.now().saturating_add(PAUSE));
                }
            }
        });
    }

    /// Whether so many wait for a subscription that no more are taken.
    pub(crate) fn is_full(&self, subscription: &str) -> bool {
        let queues = held(&self.inner.queues);
        let queue = queues.get(subscription);
        queue.is_some_and(|queue| queue.full.load(Ordering::Relaxed))
    }

    /// Takes up what these buckets hold.
    ///
    /// # Errors
    /// `unavailable`.
    pub(crate) async fn recover(&self, buckets: &[i32]) -> Result<()> {
        let store = self.inner.context.store();
        let mut query = Query::<Delivery>::all()
            .equal("done_at", Value::Null)
            .limit(SAMPLE);
        if buckets.len() < usize::try_from(store.buckets()).unwrap_or_default() {
            query = query.filter("bucket", Is::In, json!(buckets));
        }
        let rows = store.find(query).await?;
        let whole = i64::try_from(rows.len()).unwrap_or(SAMPLE) < SAMPLE;
        let mut waiting: HashSet<String> = rows.into_iter().map(|row| row.subscription).collect();
        if !whole {
            let all = store.find(Query::<Subscription>::all()).await?;
            waiting.extend(all.into_iter().map(|row| row.id));
        }
        for subscription in waiting {
            let queue = self.queue(&subscription);
            held(&queue.lanes).must_refill();
            queue.changed.notify_one();
        }
        Ok(())
    }

    fn queue(&self, subscription: &str) -> Arc<Queue> {
        let mut queues = held(&self.inner.queues);
        if let Some(queue) = queues.get(subscription) {
            return Arc::clone(queue);
        }
        let queue = Arc::new(Queue {
            context: Arc::clone(&self.inner.context),
            outbox: self.inner.outbox.clone(),
            subscription: subscription.to_owned(),
            lanes: Mutex::new(Lanes::new(self.inner.context.options.queue_in_memory)),
            under_way: AtomicUsize::new(0),
            full: AtomicBool::new(false),
            changed: Notify::new(),
        });
        queues.insert(subscription.to_owned(), Arc::clone(&queue));
        if !self.inner.outbox.stopping().is_cancelled() {
            self.inner.outbox.beside(Arc::clone(&queue).run());
        }
        queue
    }
}

fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A lane of its own for each delivery.
fn item(delivery: &str) -> Item {
    Item {
        id: delivery.to_owned(),
        address: delivery.to_owned(),
        priority: 0,
        due: None,
    }
}

/// The queue of one subscription.
struct Queue {
    context: Arc<Context>,
    outbox: Outbox,
    subscription: String,
    lanes: Mutex<Lanes>,
    under_way: AtomicUsize,
    full: AtomicBool,
    changed: Notify,
}

impl Queue {
    /// Runs until the host stops. What is under way then comes to its end.
    async fn run(self: Arc<Self>) {
        let stop = self.outbox.stopping();
        let clock = Arc::clone(self.context.host.clock());
        while !stop.is_cancelled() {
            let wake = match self.turn().await {
                Ok(wake) => wake,
                Err(error) => {
                    tracing::warn!(subscription = self.subscription, %error, "its queue waits for the database");
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
    async fn turn(self: &Arc<Self>) -> Result<Option<i64>> {
        let wants_refill = held(&self.lanes).wants_refill();
        if wants_refill {
            self.refill().await?;
        }
        loop {
            if self.under_way.load(Ordering::Acquire) >= CONCURRENCY {
                return Ok(None);
            }
            let (taken, next) = {
                let mut lanes = held(&self.lanes);
                (lanes.take(self.context.now()), lanes.next_due())
            };
            let Some((key, item)) = taken else {
                return Ok(next);
            };
            self.under_way.fetch_add(1, Ordering::AcqRel);
            let queue = Arc::clone(self);
            self.outbox.beside(async move {
                let after = deliver(&queue.context, &item.id).await;
                queue.finished(&key, after);
            });
        }
    }

    fn finished(&self, key: &Key, after: After) {
        match after {
            After::Done => held(&self.lanes).done(key),
            After::Again(due) => held(&self.lanes).park(key, due),
        }
        self.under_way.fetch_sub(1, Ordering::AcqRel);
        self.changed.notify_one();
    }

    /// Reads what waits in the database, in the order accepted; what is due later has a timer.
    async fn refill(&self) -> Result<()> {
        let most = self.context.options.queue_in_memory * 2 + 1_000;
        let left_out = held(&self.lanes).left_out();
        let waiting = self.waiting();
        let due = waiting
            .clone()
            .filter("due", Is::AtMost, self.context.now())
            .ascending("id")
            .limit(most as i64);
        let store = self.context.store();
        let rows = store.find(due).await?;
        let whole = rows.len() < most;
        let full = !whole && store.total(waiting).await? >= MOST_PENDING;
        self.full.store(full, Ordering::Relaxed);
        let items = rows.iter().map(|row| item(&row.id)).collect();
        held(&self.lanes).refill(items, whole, left_out);
        Ok(())
    }

    fn waiting(&self) -> Query<Delivery> {
        let store = self.context.store();
        let query = Query::<Delivery>::all()
            .equal("subscription", self.subscription.as_str())
            .equal("state", PENDING)
            .equal("done_at", Value::Null);
        let owned = store.owned();
        if owned.len() < usize::try_from(store.buckets()).unwrap_or_default() {
            query.filter("bucket", Is::In, json!(owned))
        } else {
            query
        }
    }
}
