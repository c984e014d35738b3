//! What this host does when buckets change hands.
//!
//! Taken: what the bucket holds is taken up (queued and running runs go on from their last commit,
//! its timers are read, its tray is looked into, the domain takes up its own). Leaving: bursts
//! reach their next commit, the domain lets go, and the bucket is handed back for another host to
//! take at once. Lost: everything in memory of it is forgotten; commits that are still under way
//! are refused by their epoch. On a database that is this host's alone, every bucket is taken at
//! the start and nothing more happens.

use crate::engine::Core;
use crate::parcels;
use crate::room::{self, InLine};
use jackfield_sandbox::Account;
use jackfield_store::records::{Event, Run};
use jackfield_store::{Change, Is, Query, ReadError, StoreExt};
use serde_json::Value;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc::UnboundedReceiver;

/// The pause before a bucket that could not be read is read again.
const PAUSE: Duration = Duration::from_secs(1);
/// How long bursts of a bucket that is to leave may take to their next commit. An activation is
/// bounded by its deadline; what takes longer is cut off by the fence, as if this host had died.
const DRAIN: Duration = Duration::from_secs(20);
/// How many buckets are read together, so that a start asks the database little.
const TOGETHER: usize = 32;
/// How many runs are read at a time.
const PAGE: i64 = 2_000;

/// Takes up the buckets that this host owns already.
pub(crate) async fn start(
    core: &Arc<Core>,
    changes: &mut UnboundedReceiver<Change>,
) -> Result<(), ReadError> {
    let mut taken = Vec::new();
    while let Ok(change) = changes.try_recv() {
        match change {
            Change::Taken(bucket) => taken.push(bucket),
            other => {
                // What was taken before may be what leaves.
                take(core, &taken).await?;
                follow(core, other).await;
            }
        }
    }
    take(core, &taken).await?;
    core.timers.read_again();
    if let Some(domain) = core.domain() {
        domain
            .taken(&taken)
            .await
            .map_err(|error| ReadError::Unavailable(error.to_string()))?;
    }
    Ok(())
}

/// Follows what changes, until the store ends or the engine stops.
pub(crate) async fn run(core: Arc<Core>, mut changes: UnboundedReceiver<Change>) {
    loop {
        tokio::select! {
            () = core.stopping.cancelled() => return,
            change = changes.recv() => match change {
                None => return,
                Some(Change::Taken(first)) => {
                    // Buckets come in crowds: what concerns all of them is done once.
                    let mut taken = vec![first];
                    let mut next = None;
                    while let Ok(change) = changes.try_recv() {
                        match change {
                            Change::Taken(bucket) => taken.push(bucket),
                            other => {
                                next = Some(other);
                                break;
                            }
                        }
                    }
                    take_all(&core, taken).await;
                    if let Some(change) = next {
                        follow(&core, change).await;
                    }
                }
                Some(change) => follow(&core, change).await,
            }
        }
    }
}

async fn follow(core: &Arc<Core>, change: Change) {
    match change {
        Change::Taken(bucket) => take_all(core, vec![bucket]).await,
        Change::Leaving(bucket) => {
            let task = core.clone();
            core.tasks.spawn(async move { leave(&task, bucket).await });
        }
        Change::Lost(bucket) => {
            core.tenures.end(bucket);
            core.workflows.schedules.send_replace(());
            if let Some(domain) = core.domain() {
                domain.lost(bucket);
            }
        }
        Change::Knock(bucket) => {
            if core.tenures.of(bucket).is_ok() {
                let task = core.clone();
                core.tasks
                    .spawn(async move { parcels::look(&task, &[bucket]).await });
            }
        }
        Change::Control => core.forget_control(),
        Change::Notice(text) => match text.split_once(' ') {
            Some(("parcel", id)) => parcels::answered(core, id),
            _ => tracing::debug!(text, "a notice of an unknown kind"),
        },
    }
}

async fn take_all(core: &Arc<Core>, buckets: Vec<i32>) {
    tracing::info!(buckets = buckets.len(), "buckets are taken over");
    while let Err(error) = take(core, &buckets).await {
        tracing::warn!(%error, "new buckets cannot be read; again in a second");
        tokio::select! {
            () = core.stopping.cancelled() => return,
            () = tokio::time::sleep(PAUSE) => {}
        }
    }
    core.timers.read_again();
    core.workflows.schedules.send_replace(());
    let Some(domain) = core.domain() else { return };
    while let Err(error) = domain.taken(&buckets).await {
        tracing::warn!(%error, "messages of new buckets cannot be taken up; again in a second");
        tokio::select! {
            () = core.stopping.cancelled() => return,
            () = tokio::time::sleep(PAUSE) => {}
        }
    }
}

/// Takes up what buckets hold, and is as good when it is done again after an error.
async fn take(core: &Arc<Core>, buckets: &[i32]) -> Result<(), ReadError> {
    // Whoever had them before may have had a clock that is ahead of ours.
    let latest = Query::<Event>::all().descending("id").limit(1);
    for event in core.store.find(latest).await? {
        jackfield_store::observe(&event.id);
    }
    for buckets in buckets.chunks(TOGETHER) {
        let ours: Vec<(i32, i64)> = buckets
            .iter()
            .filter_map(|bucket| Some((*bucket, core.store.epoch(*bucket)?)))
            .filter(|(bucket, _)| {
                // Under the same epoch it was taken up already.
                let tenure = core.tenures.of(*bucket);
                !tenure.is_ok_and(|tenure| tenure.holds(&*core.store))
            })
            .collect();
        let buckets: Vec<i32> = ours.iter().map(|(bucket, _)| *bucket).collect();
        // Nobody starts anything here before the tenure begins, so these are all there are.
        let mut open = unfinished(core, &buckets).await?;
        for (bucket, epoch) in ours {
            let tenure = core
                .tenures
                .begin(bucket, epoch, core.now(), &core.stopping);
            for (account, id, weight) in open.remove(&bucket).unwrap_or_default() {
                room::line_up(core, account, InLine::recovered(&tenure, id, weight));
            }
        }
        parcels::look(core, &buckets).await;
    }
    Ok(())
}

/// What is kept of a run that is to be driven and stands in line: on whose behalf, id, weight.
type Open = (Account, Box<str>, usize);

/// The runs of these buckets that are to be driven, by bucket.
async fn unfinished(core: &Core, buckets: &[i32]) -> Result<HashMap<i32, Vec<Open>>, ReadError> {
    let mut open: HashMap<i32, Vec<Open>> = HashMap::new();
    let mut last = String::new();
    loop {
        let page = Query::<Run>::all()
            .filter("bucket", Is::In, buckets)
            .filter("state", Is::In, vec!["queued", "running"])
            .equal("ended_at", Value::Null)
            .filter("id", Is::Greater, last.as_str())
            .ascending("id")
            .limit(PAGE);
        let page = core.store.find(page).await?;
        let Some(end) = page.last() else { break };
        last.clone_from(&end.id);
        for run in &page {
            let weight = room::weight(&run.data);
            let of_bucket = open.entry(run.bucket).or_default();
            of_bucket.push((room::account(run), run.id.as_str().into(), weight));
        }
        if i64::try_from(page.len()).unwrap_or(0) < PAGE {
            break;
        }
    }
    Ok(open)
}

async fn leave(core: &Arc<Core>, bucket: i32) {
    let Ok(tenure) = core.tenures.of(bucket) else {
        return;
    };
    let drained = async {
        tenure.drain().await;
        if let Some(domain) = core.domain() {
            domain.leave(bucket).await;
        }
    };
    if tokio::time::timeout(DRAIN, drained).await.is_err() {
        tracing::warn!(bucket, "the bucket is handed over with work under way");
    }
    core.tenures.end(bucket);
    core.workflows.schedules.send_replace(());
    // Whoever holds the lock finishes; whoever waits for it finds the tenure ended.
    let _last = core.raw_lock(bucket).await;
    if let Some(domain) = core.domain() {
        domain.lost(bucket);
    }
    if let Err(error) = core.store.release(bucket).await {
        tracing::warn!(bucket, %error, "the bucket could not be handed back; its lease ends");
    }
}
