//! A host stops: in good order, and within a bound.
//!
//! At once: readiness says no, and new requests are turned away with a problem that says so; they
//! are still listened to, so that nobody meets a broken connection. Meanwhile requests under way
//! are answered (those that wait for a run with the run as it stands), runs come to their next
//! commit, messages that are with a provider get its answer. Then the connections and the database
//! are closed.
//!
//! What must hold: whatever is left when the bound is reached is in the database as its last commit
//! has it, and the next start goes on from there.

use crate::serve::Host;
use std::time::Duration;
use tokio::time::{Instant, timeout, timeout_at};

/// Connections get so long to take their last answers.
const FAREWELL: Duration = Duration::from_secs(1);

/// The database gets so long to end the transaction that is under way.
const CLOSE: Duration = Duration::from_secs(5);

/// What was still under way when a host had stopped. The next start takes it up.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Left {
    /// Requests without an answer.
    pub requests: usize,
    /// Runs that had not come to their next commit.
    pub runs: usize,
    /// Messages that a provider had not answered.
    pub messages: usize,
}

impl Left {
    /// Whether everything came to its end.
    #[must_use]
    pub fn is_nothing(&self) -> bool {
        *self == Left::default()
    }
}

impl Host {
    /// Stops within the options' `shutdown_grace`, and says what was left.
    pub async fn stop(self) -> Left {
        let start = Instant::now();
        let end = start + self.grace;
        let app = &self.app;
        app.stopping.cancel();
        app.under_way.close();
        app.tasks.close();
        let requests = async {
            let done = timeout_at(end, async {
                app.under_way.wait().await;
                app.tasks.wait().await;
            });
            let _ = done.await;
            tracing::debug!(ms = start.elapsed().as_millis(), "requests are answered");
        };
        let messages = async {
            let _ = timeout_at(end, app.messaging.stop()).await;
            tracing::debug!(ms = start.elapsed().as_millis(), "messaging stopped");
        };
        let runs = async {
            let _ = timeout_at(end, app.engine.stop()).await;
            tracing::debug!(ms = start.elapsed().as_millis(), "the engine stopped");
        };
        tokio::join!(requests, messages, runs);
        let left = Left {
            requests: app.under_way.len().max(app.tasks.len()),
            runs: app.engine.bursts(),
            messages: app.messaging.under_way(),
        };
        self.closing.cancel();
        if timeout(FAREWELL, self.serving).await.is_err() {
            tracing::debug!("some connections did not take their last answer");
        }
        for task in &self.tending {
            task.abort();
        }
        if timeout(CLOSE, app.engine.store().close()).await.is_err() {
            tracing::warn!("the database did not close in time; nothing is lost by that");
        }
        tell(left, start.elapsed());
        left
    }
}

fn tell(left: Left, took: Duration) {
    let ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
    if left.is_nothing() {
        tracing::info!(ms, "the host has stopped; nothing was left under way");
    } else {
        tracing::warn!(
            ms,
            requests = left.requests,
            runs = left.runs,
            messages = left.messages,
            "the host has stopped before all was done; the next start goes on with it"
        );
    }
}
