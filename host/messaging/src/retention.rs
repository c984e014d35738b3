//! Retention: what messaging keeps no longer. The engine's share (runs, events, decisions) is its
//! own; the manner is the same: small batches, a commit of one bucket each, a pause after each.
//!
//! What must hold: a message that is on its way, or of which nobody knows whether it left, is never
//! removed; who opted out and who is whose contact are no history and stay for ever.

use crate::contacts::merge;
use crate::contacts::resolve::UNCLAIMED;
use crate::context::Context;
use crate::error::Result;
use crate::facade::Messaging;
use crate::imports;
use crate::subscriptions;
use futures::future::join_all;
use jackfield_store::records::{Inbound, Journal, Message, ProviderRef, Seen, Timer};
use jackfield_store::{Commit, CommitError, Is, Query, StoreExt, first_id};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// Rows that one batch removes.
const ROWS: i64 = 200;
/// The pause after a batch, in times of what the batch took.
const PAUSE: u32 = 3;
/// For how many milliseconds a provider's repetition is recognised, and a request that could not be
/// read is kept. Providers repeat for days at most.
const SEEN: i64 = 30 * 24 * 60 * 60 * 1_000;
/// Messages that nothing more is done with by itself.
const OVER: [&str; 8] = [
    "accepted",
    "sent",
    "delivered",
    "read",
    "failed",
    "suppressed",
    "cancelled",
    "received",
];

/// How long messages are kept.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Retention {
    /// Messages that are over, so many milliseconds after they were accepted. None: for ever.
    pub messages: Option<i64>,
}

/// What left.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Pruned {
    /// Messages, with what was noted of their dispatch.
    pub messages: u64,
    /// Marks by which repetitions are recognised.
    pub seen: u64,
    /// Requests that could not be read.
    pub inbound: u64,
    /// Rows of imports that are long over.
    pub imported: u64,
    /// Events that were delivered to subscriptions, or given up.
    pub deliveries: u64,
}

impl Messaging {
    /// Removes what is kept no longer, once through all buckets of this host.
    ///
    /// # Errors
    /// `unavailable`; what left before has left.
    pub async fn prune(&self, retention: &Retention) -> Result<Pruned> {
        let sweep = Sweep {
            context: &self.context,
        };
        let now = self.context.now();
        let mut pruned = Pruned::default();
        if let Some(age) = retention.messages {
            pruned.messages = sweep.messages(now.saturating_sub(age)).await?;
        }
        pruned.seen = sweep.seen(now.saturating_sub(SEEN)).await?;
        pruned.inbound = sweep.inbound(now.saturating_sub(SEEN)).await?;
        pruned.imported = imports::prune(&self.context).await?;
        pruned.deliveries = subscriptions::prune(&self.context).await?;
        for (kind, count) in [
            ("message", pruned.messages),
            ("seen", pruned.seen),
            ("inbound", pruned.inbound),
            ("imported", pruned.imported),
            ("delivery", pruned.deliveries),
        ] {
            metrics::counter!("jackfield_pruned_total", "kind" => kind).increment(count);
        }
        Ok(pruned)
    }
}

/// One way through the buckets.
struct Sweep<'a> {
    context: &'a Context,
}

impl Sweep<'_> {
    async fn messages(&self, before: i64) -> Result<u64> {
        let end = first_id("msg", before);
        let mut count = 0;
        for bucket in self.context.store().owned() {
            let mut after = String::new();
            loop {
                let start = Instant::now();
                let page: Vec<Message> = self
                    .context
                    .store()
                    .find(
                        Query::of(bucket)
                            .filter("id", Is::Greater, after.as_str())
                            .filter("id", Is::Less, end.as_str())
                            .ascending("id")
                            .limit(ROWS),
                    )
                    .await?;
                let Some(last) = page.last() else { break };
                after.clone_from(&last.id);
                count += self.remove(bucket, page).await?;
                pause(start).await;
            }
        }
        Ok(count)
    }

    /// Removes those messages of a bucket that are over.
    async fn remove(&self, bucket: i32, mut page: Vec<Message>) -> Result<u64> {
        page.retain(|message| OVER.contains(&message.state.as_str()));
        if page.is_empty() {
            return Ok(0);
        }
        let ids: Vec<&str> = page.iter().map(|message| message.id.as_str()).collect();
        // On its way to another host: that one sweeps it.
        let Ok(guard) = self.context.lock(bucket).await else {
            return Ok(0);
        };
        let query = Query::<Message>::of(bucket).filter("id", Is::In, ids);
        let mut rows = self.context.store().find(query).await?;
        // A person may have had one sent again.
        rows.retain(|message| OVER.contains(&message.state.as_str()));
        let mut commit = Commit::of(bucket);
        for message in &rows {
            let key = || [Value::from(message.id.clone())];
            commit.delete::<Journal>(key());
            commit.delete::<Timer>(key());
            commit.delete::<Message>(key());
        }
        self.context.host.commit(&guard, commit).await?;
        drop(guard);
        self.forget_references(&rows).await?;
        Ok(u64::try_from(rows.len()).unwrap_or(0))
    }

    /// Removes the providers' ids of messages that are gone. One in a bucket of another host stays:
    /// a later update of it finds no message, and nothing comes of it.
    async fn forget_references(&self, messages: &[Message]) -> Result<()> {
        let owned = self.context.store().owned();
        let mut commits = BTreeMap::new();
        for message in messages {
            let Some(id) = &message.provider_id else {
                continue;
            };
            let bucket = self.context.bucket_of(&[&message.channel, id]);
            if owned.binary_search(&bucket).is_ok() {
                let commit = commits.entry(bucket).or_insert_with(|| Commit::of(bucket));
                let key = [message.channel.clone().into(), id.clone().into()];
                commit.delete::<ProviderRef>(key);
            }
        }
        self.commit_all(commits).await
    }

    async fn seen(&self, before: i64) -> Result<u64> {
        let store = self.context.store();
        let mut count = 0;
        loop {
            let start = Instant::now();
            let mut query = Query::<Seen>::all()
                .filter("at", Is::Less, before)
                // No mark of a repetition but of work that is to be done.
                .filter("scope", Is::NotEqual, UNCLAIMED)
                .filter("scope", Is::NotEqual, merge::MARK);
            let owned = store.owned();
            if owned.len() < usize::try_from(store.buckets()).unwrap_or_default() {
                query = query.filter("bucket", Is::In, json!(owned));
            }
            let rows = store.find(query.ascending("at").limit(ROWS)).await?;
            if rows.is_empty() {
                return Ok(count);
            }
            count += u64::try_from(rows.len()).unwrap_or(0);
            let mut commits = BTreeMap::new();
            for row in rows {
                let commit = commits
                    .entry(row.bucket)
                    .or_insert_with(|| Commit::of(row.bucket));
                commit.delete::<Seen>([row.workspace.into(), row.scope.into(), row.key.into()]);
            }
            self.commit_all(commits).await?;
            pause(start).await;
        }
    }

    async fn inbound(&self, before: i64) -> Result<u64> {
        let store = self.context.store();
        let end = first_id("inb", before);
        let mut count = 0;
        for bucket in store.owned() {
            loop {
                let start = Instant::now();
                let page: Vec<Inbound> = store
                    .find(
                        Query::of(bucket)
                            .filter("id", Is::Less, end.as_str())
                            .ascending("id")
                            .limit(ROWS),
                    )
                    .await?;
                if page.is_empty() {
                    break;
                }
                count += u64::try_from(page.len()).unwrap_or(0);
                let mut commit = Commit::of(bucket);
                for row in page {
                    commit.delete::<Inbound>([row.id.into()]);
                }
                store.commit(commit).await?;
                pause(start).await;
            }
        }
        Ok(count)
    }

    /// Commits of several buckets: handed in together, they are written together.
    async fn commit_all(&self, commits: BTreeMap<i32, Commit>) -> Result<()> {
        let store = self.context.store();
        let done = join_all(commits.into_values().map(|commit| store.commit(commit)));
        for outcome in done.await {
            match outcome {
                Err(CommitError::Fenced { .. }) => {}
                other => other?,
            }
        }
        Ok(())
    }
}

/// Leaves the writer to the others for a while. Real time, whatever clock the host is on.
async fn pause(start: Instant) {
    tokio::time::sleep(start.elapsed().min(Duration::from_secs(1)) * PAUSE).await;
}
