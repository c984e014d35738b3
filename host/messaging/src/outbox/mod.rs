//! The outbox: everything that goes out goes through here, whoever sent it.
//!
//! A message is a row in state `queued`, committed with whatever decided to send it. Each channel
//! has a queue in memory (`lanes`) and a task (`run`) that delivers (`deliver`): the rules of the
//! moment (`checks`), the connector's activation, what its failure means (`verdict`), and the
//! commit of what came of it (`record`). `recover` takes up what an earlier life left.

mod checks;
mod deliver;
mod deliveries;
pub(crate) mod lanes;
mod record;
mod recover;
mod run;
mod verdict;

pub(crate) use deliveries::Deliveries;
pub(crate) use verdict::code;

use crate::context::Context;
use crate::message::Entry;
use crate::status;
use run::{Queue, item};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// The queues of all channels.
#[derive(Clone)]
pub(crate) struct Outbox {
    inner: Arc<Inner>,
}

struct Inner {
    context: Arc<Context>,
    queues: Mutex<HashMap<String, Arc<Queue>>>,
    tasks: TaskTracker,
    stop: CancellationToken,
}

impl Outbox {
    pub(crate) fn new(context: Arc<Context>) -> Outbox {
        Outbox {
            inner: Arc::new(Inner {
                context,
                queues: Mutex::new(HashMap::new()),
                tasks: TaskTracker::new(),
                stop: CancellationToken::new(),
            }),
        }
    }

    /// The message is committed as `queued`: it goes out.
    pub(crate) fn put(&self, message: &Entry) {
        self.queue(&message.channel).push(item(message));
    }

    /// A message's time has come, or a person changed something about it.
    pub(crate) fn due(&self, id: &str) {
        let (outbox, id) = (self.clone(), id.to_owned());
        self.inner.tasks.spawn(async move {
            match status::message(&outbox.inner.context, &id).await {
                Ok(Some(message)) => outbox.queue(&message.channel).due(item(&message)),
                Ok(None) => {}
                // Its lane wakes by itself; this only hastens it.
                Err(error) => tracing::debug!(message = id, %error, "not hastened"),
            }
        });
    }

    /// A channel may be active again.
    pub(crate) fn look(&self, channel: &str) {
        self.queue(channel).look();
    }

    /// How many messages of a channel wait in memory.
    pub(crate) fn waiting(&self, channel: &str) -> usize {
        self.queue(channel).len()
    }

    /// How many messages of all channels are with their provider.
    pub(crate) fn under_way(&self) -> usize {
        let queues = self
            .inner
            .queues
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        queues.values().map(|queue| queue.under_way()).sum()
    }

    /// Runs something beside, until it ends or the host does.
    pub(crate) fn beside(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.inner.tasks.spawn(task);
    }

    /// Says when what runs beside is to end.
    pub(crate) fn stopping(&self) -> CancellationToken {
        self.inner.stop.clone()
    }

    /// Stops taking messages, and waits for what is under way.
    pub(crate) async fn stop(&self) {
        self.inner.stop.cancel();
        self.inner.tasks.close();
        self.inner.tasks.wait().await;
    }

    fn queue(&self, channel: &str) -> Arc<Queue> {
        let mut queues = self
            .inner
            .queues
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(queue) = queues.get(channel) {
            return Arc::clone(queue);
        }
        let queue = Arc::new(Queue::new(
            Arc::clone(&self.inner.context),
            channel.to_owned(),
        ));
        queues.insert(channel.to_owned(), Arc::clone(&queue));
        if !self.inner.stop.is_cancelled() {
            let (stop, tasks) = (self.inner.stop.clone(), self.inner.tasks.clone());
            self.inner.tasks.spawn(Arc::clone(&queue).run(stop, tasks));
        }
        queue
    }
}
