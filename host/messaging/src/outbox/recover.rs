//! What an earlier life left: messages in `sending` of which nobody knows what became, provider's
//! ids that were not written yet, and everything that is still queued.

use super::Outbox;
use super::record::refer;
use crate::context::Context;
use crate::decisions;
use crate::error::Result;
use crate::message::{Entry, Status, Trouble};
use crate::status;
use jackfield_store::records::{Channel, Message};
use jackfield_store::{Commit, Is, Query, StoreExt, bucket_in};
use serde_json::json;
use std::collections::HashSet;

/// How far before the last thing that happened a provider's id may not have been written, in
/// milliseconds: it is written right after the receipt.
const JUST_NOW: i64 = 60_000;
/// How many queued messages are looked at for channels that are gone.
const SAMPLE: i64 = 10_000;

impl Outbox {
    /// Takes up what an earlier life, or another host, left in these buckets.
    ///
    /// # Errors
    /// `unavailable`.
    pub(crate) async fn recover(&self, buckets: &[i32]) -> Result<()> {
        let context = &*self.inner.context;
        for row in rows(context, buckets, "sending", i64::MAX).await? {
            resolve(context, &row.id).await?;
        }
        for state in ["accepted", "sent"] {
            self.refer_latest(buckets, state).await?;
        }
        let channels = context.store().find(Query::<Channel>::all()).await?;
        let mut waiting: HashSet<String> = channels.into_iter().map(|row| row.id).collect();
        // Messages of a channel that is gone are looked at too: they are refused.
        waiting.extend(
            rows(context, buckets, "queued", SAMPLE)
                .await?
                .into_iter()
                .map(|row| row.channel),
        );
        for channel in waiting {
            self.queue(&channel).must_refill();
        }
        Ok(())
    }

    /// Receipts of the last moments whose provider's id may not have been written.
    async fn refer_latest(&self, buckets: &[i32], state: &str) -> Result<()> {
        let context = &*self.inner.context;
        let newest = of(context, buckets)
            .equal("direction", "out")
            .equal("state", state)
            .descending("updated_at")
            .limit(1);
        let Some(newest) = context.store().find(newest).await?.pop() else {
            return Ok(());
        };
        let latest = of(context, buckets)
            .equal("direction", "out")
            .equal("state", state)
            .filter("updated_at", Is::AtLeast, newest.updated_at - JUST_NOW);
        for row in context.store().find(latest).await? {
            if let (Some(provider_id), Some(channel)) =
                (&row.provider_id, context.channel_by_id(&row.channel).await?)
            {
                // Not awaited: the id may be at home with a host that waits for this one.
                let context = self.inner.context.clone();
                let (provider_id, id) = (provider_id.clone(), row.id.clone());
                self.beside(async move { refer(&context, &channel, &provider_id, &id).await });
            }
        }
        Ok(())
    }
}

/// Messages of these buckets.
fn of(context: &Context, buckets: &[i32]) -> Query<Message> {
    let all = usize::try_from(context.store().buckets()).unwrap_or_default();
    if buckets.len() < all {
        Query::all().filter("bucket", Is::In, json!(buckets))
    } else {
        Query::all()
    }
}

async fn rows(context: &Context, buckets: &[i32], state: &str, limit: i64) -> Result<Vec<Message>> {
    let query = of(context, buckets)
        .equal("direction", "out")
        .equal("state", state)
        .limit(limit);
    Ok(context.store().find(query).await?)
}

/// A message that was being sent: again where that is safe, else uncertain.
async fn resolve(context: &Context, id: &str) -> Result<()> {
    let Some(bucket) = bucket_in("msg", id) else {
        return Ok(());
    };
    let guard = context.lock(bucket).await?;
    let Some(mut message) = status::message(context, id).await? else {
        return Ok(());
    };
    // One that this life is sending was begun since the rows were read.
    if message.status() != Status::Sending || context.deliveries.is_under_way(bucket, id) {
        return Ok(());
    }
    let channel = context.channel_by_id(&message.channel).await?;
    let safe = !message.data.once || repeatable(context, channel.as_ref()).await;
    let now = context.now();
    let before = message.status();
    let mut commit = Commit::of(bucket);
    if safe {
        message.advance(Status::Queued, now, None);
        message.data.due = None;
    } else {
        let trouble = Trouble::new(
            "uncertain",
            "the host ended while it was being sent, and nobody knows whether it was; send it \
             again if it did not arrive",
        );
        message.advance(Status::Uncertain, now, Some(trouble.clone()));
        commit.put(&decisions::not_sent(context, &message, &trouble));
    }
    commit.put(&Entry::write(&message));
    let name = channel.map(|channel| channel.name).unwrap_or_default();
    context
        .host
        .accept(&guard, message.events(before, &name), commit)
        .await?;
    Ok(())
}

async fn repeatable(context: &Context, channel: Option<&Channel>) -> bool {
    let Some(channel) = channel else { return false };
    if channel.uncertain == "resend" {
        return true;
    }
    let connector = context.connector(&channel.digest).await;
    connector.is_ok_and(|connector| connector.descriptor.idempotency)
}
