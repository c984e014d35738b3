//! What becomes of deliveries that are over: sent once more when a person wants it, and removed
//! when they are old.

use super::DELIVERY;
use super::dispatch::Dispatch;
use super::record::{DELIVERED, Data, PENDING};
use crate::context::Context;
use crate::error::Result;
use jackfield_store::records::{Delivery, Timer};
use jackfield_store::{Commit, Is, Query, StoreExt, bucket_in, first_id};
use std::collections::BTreeMap;

/// Rows that one batch removes.
const BATCH: i64 = 200;
const DAY: i64 = 24 * 60 * 60 * 1_000;
/// How long deliveries are kept that arrived, in milliseconds.
const DELIVERED_KEPT: i64 = 7 * DAY;
/// How long those are kept that were given up.
const DEAD_KEPT: i64 = 30 * DAY;

/// Has deliveries that are over tried once more, all of one bucket of this host. Answers with how
/// many; those of another workspace or subscription are not there.
///
/// # Errors
/// `elsewhere` where the bucket is another host's; `unavailable`.
pub(crate) async fn redeliver(
    context: &Context,
    dispatch: &Dispatch,
    workspace: &str,
    subscription: &str,
    ids: &[String],
) -> Result<usize> {
    let Some(bucket) = ids.first().and_then(|id| bucket_in(DELIVERY, id)) else {
        return Ok(0);
    };
    let guard = context.lock(bucket).await?;
    let query = Query::<Delivery>::of(bucket)
        .equal("workspace", workspace)
        .equal("subscription", subscription)
        .filter("id", Is::In, ids.to_vec());
    let now = context.now();
    let mut commit = Commit::of(bucket);
    let mut again = Vec::new();
    for mut row in context.store().find(query).await? {
        if row.state != PENDING {
            let mut data = Data::read(&row);
            data.attempts = 0;
            row.data = data.write();
            row.done_at = None;
        }
        PENDING.clone_into(&mut row.state);
        row.due = now;
        row.updated_at = now;
        commit.put(&row);
        again.push(row.id);
    }
    if again.is_empty() {
        return Ok(0);
    }
    context.host.commit(&guard, commit).await?;
    drop(guard);
    for id in &again {
        dispatch.put(subscription, id);
    }
    Ok(again.len())
}

/// The same deliveries by bucket.
pub(crate) fn by_bucket(rows: Vec<Delivery>) -> BTreeMap<i32, Vec<String>> {
    let mut all: BTreeMap<i32, Vec<String>> = BTreeMap::new();
    for row in rows {
        all.entry(row.bucket).or_default().push(row.id);
    }
    all
}

/// Removes deliveries that are over for so long, once through the buckets of this host.
///
/// # Errors
/// `unavailable`.
pub(crate) async fn prune(context: &Context) -> Result<u64> {
    let now = context.now();
    let delivered = now.saturating_sub(DELIVERED_KEPT);
    let dead = now.saturating_sub(DEAD_KEPT);
    let end = first_id(DELIVERY, delivered);
    let mut count = 0;
    for bucket in context.store().owned() {
        let mut after = String::new();
        loop {
            let page = Query::<Delivery>::of(bucket)
                .filter("id", Is::Greater, after.as_str())
                .filter("id", Is::Less, end.as_str())
                .ascending("id")
                .limit(BATCH);
            let page = context.store().find(page).await?;
            let Some(last) = page.last() else { break };
            after.clone_from(&last.id);
            let old: Vec<String> = page
                .into_iter()
                .filter(|row| {
                    let kept = if row.state == DELIVERED {
                        delivered
                    } else {
                        dead
                    };
                    row.done_at.is_some_and(|done| done < kept)
                })
                .map(|row| row.id)
                .collect();
            if old.is_empty() {
                continue;
            }
            // On its way to another host: that one sweeps it.
            let Ok(guard) = context.lock(bucket).await else {
                break;
            };
            // A person may have had one sent once more meanwhile.
            let still = Query::<Delivery>::of(bucket)
                .filter("id", Is::In, old)
                .filter("state", Is::NotEqual, PENDING);
            let mut commit = Commit::of(bucket);
            for row in context.store().find(still).await? {
                count += 1;
                commit.delete::<Timer>([row.id.clone().into()]);
                commit.delete::<Delivery>([row.id.into()]);
            }
            context.host.commit(&guard, commit).await?;
        }
    }
    Ok(count)
}
