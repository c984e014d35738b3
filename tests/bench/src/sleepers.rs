//! Runs that wait: made through the API, and multiplied in the database.
//!
//! Two workflows, half of the runs each: one waits for a time, one for an event with a timeout. The
//! first thousand are made as anybody makes them. For more, the host is stopped and every row that
//! such a run has (run, event, journal, timer, wait) is copied with ids of its own, through the
//! store that the host itself writes with: a million runs through the API would take an hour. What
//! must hold: a copy differs from a run that came through the API in nothing but its ids, its
//! bucket, what it waits for and until when; the buckets get equally many.

use crate::host::Host;
use anyhow::{Context, Result, ensure};
use futures::{StreamExt as _, TryStreamExt as _};
use jackfield_store::records::{Event, Journal, Run, Timer, Wait};
use jackfield_store::{
    Commit, Is, Query, Record, SqliteStore, Store as _, StoreExt as _, new_id, sqlite,
};
use serde_json::json;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The workflows by name.
const WORKFLOWS: [(&str, &str); 2] = [
    (
        "later",
        "name: later
trigger: {event: manual}
steps:
  hold: {uses: wait@1, with: {for: 30d}}
  then: {uses: branch@1, with: {branches: [{name: one, when: {field: event.order, exists: true}}]}}
",
    ),
    (
        "awaited",
        "name: awaited
trigger: {event: manual}
steps:
  hold: {uses: wait@1, with: {event: {name: order.paid, subject: '${event.order}'}, timeout: 30d}}
  then: {uses: branch@1, with: {branches: [{name: one, when: {field: event.order, exists: true}}]}}
",
    ),
];
/// How many requests are under way when runs are made through the API.
const REQUESTS: usize = 16;
/// How long a host may take until no run is under way.
const SETTLING: Duration = Duration::from_secs(60);
/// How many copies are one commit, and how many commits are under way.
const BATCH: usize = 64;
const COMMITS: usize = 64;

/// Milliseconds since 1970.
#[must_use]
pub fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| i64::try_from(since.as_millis()).unwrap_or(0))
}

/// What a run waits for, of the same length for every number.
fn order(number: u32) -> String {
    format!("order-{number:08}")
}

/// Publishes the workflows and starts so many runs through the API; all of them wait when this
/// returns.
///
/// # Errors
/// When the host refuses it.
pub async fn begin(host: &Host, count: u32) -> Result<()> {
    for (name, document) in WORKFLOWS {
        host.publish(name, document.to_owned()).await?;
    }
    futures::stream::iter(0..count)
        .map(|number| async move {
            let (name, _) = WORKFLOWS[number as usize % WORKFLOWS.len()];
            let body = json!({"data": {"order": order(number)}});
            host.post(&format!("/v1/workflows/{name}/runs"), &body)
                .await
        })
        .buffer_unordered(REQUESTS)
        .try_for_each(|_| async { Ok(()) })
        .await?;
    settled(host).await
}

/// Waits until no run is under way.
///
/// # Errors
/// When there is one after a minute.
pub async fn settled(host: &Host) -> Result<()> {
    let began = std::time::Instant::now();
    while under_way(host).await? {
        ensure!(began.elapsed() < SETTLING, "the runs do not come to rest");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    Ok(())
}

async fn under_way(host: &Host) -> Result<bool> {
    for state in ["queued", "running"] {
        let page = host.get(&format!("/v1/runs?state={state}&limit=1")).await?;
        let items = page["items"].as_array().context("no list of runs")?;
        if !items.is_empty() {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Opens the database of a host that is stopped.
///
/// # Errors
/// When it cannot be opened.
async fn open(data: &Path) -> Result<SqliteStore> {
    let mut options = sqlite::Options::new(data.join("jackfield.db"), "host", Arc::new(now));
    options.check_up_to = 0;
    Ok(SqliteStore::open(options).await?)
}

/// A run that waits, with all of its rows.
struct Original {
    run: Run,
    event: Event,
    journal: Vec<Journal>,
    timer: Timer,
    waits: Vec<Wait>,
}

impl Original {
    async fn load(store: &SqliteStore, run: Run) -> Result<Original> {
        let (bucket, id) = (run.bucket, run.id.as_str());
        let event = run.event.clone().context("a run without its event")?;
        let event = Query::of(bucket).equal("id", event);
        let timer = Query::of(bucket).equal("id", id);
        let journal = Query::of(bucket).equal("run", id).ascending("seq");
        let waits = Query::of(bucket).equal("run", id).ascending("seq");
        Ok(Original {
            event: store.first(event).await?.context("an event is missing")?,
            timer: store.first(timer).await?.context("a timer is missing")?,
            journal: store.find(journal).await?,
            waits: store.find(waits).await?,
            run,
        })
    }

    /// Adds a copy of every row to a commit.
    fn copy(&self, number: u32, due: i64, bucket: i32, commit: &mut Commit) -> Result<()> {
        let at = self.run.created_at;
        let awaited = self.event.data["order"].as_str().unwrap_or_default();
        let changes = [
            (self.run.id.clone(), new_id("run", bucket, at)),
            (self.event.id.clone(), new_id("evt", bucket, at)),
            (awaited.to_owned(), order(number)),
            (self.timer.due.to_string(), due.to_string()),
        ];
        let timer: Timer = changed(&self.timer, &changes)?;
        commit.insert(&Timer { bucket, ..timer });
        let run: Run = changed(&self.run, &changes)?;
        commit.insert(&Run { bucket, ..run });
        let event: Event = changed(&self.event, &changes)?;
        commit.insert(&Event { bucket, ..event });
        for row in &self.journal {
            let row: Journal = changed(row, &changes)?;
            commit.insert(&Journal { bucket, ..row });
        }
        for row in &self.waits {
            let row: Wait = changed(row, &changes)?;
            commit.insert(&Wait { bucket, ..row });
        }
        Ok(())
    }
}

/// The row with these texts in place of those.
fn changed<R: Record>(row: &R, changes: &[(String, String)]) -> Result<R> {
    let mut text = serde_json::to_string(row)?;
    for (from, to) in changes {
        text = text.replace(from, to);
    }
    Ok(serde_json::from_str(&text)?)
}

/// Copies waiting runs of a host that is stopped: one copy for each of the numbers, due at
/// `due(number)`. `begun` is how many came through the API.
///
/// # Errors
/// When the database cannot be used.
pub async fn multiply(
    data: &Path,
    begun: u32,
    copies: std::ops::Range<u32>,
    due: impl Fn(u32) -> i64,
) -> Result<()> {
    let store = open(data).await?;
    let oldest = Query::<Run>::all().filter("state", Is::Equal, "waiting");
    let oldest = oldest.ascending("id").limit(i64::from(begun));
    let mut originals = Vec::new();
    for run in store.find(oldest).await? {
        originals.push(Original::load(&store, run).await?);
    }
    ensure!(!originals.is_empty(), "no run waits that could be copied");
    let buckets = store.buckets();
    let commits = futures::stream::iter((0..buckets).flat_map(|bucket| {
        let numbers = copies.clone().skip(bucket.unsigned_abs() as usize);
        let numbers: Vec<u32> = numbers.step_by(buckets.unsigned_abs() as usize).collect();
        let batches = numbers.chunks(BATCH).map(<[u32]>::to_vec);
        batches
            .map(move |batch| (bucket, batch))
            .collect::<Vec<_>>()
    }));
    commits
        .map(|(bucket, batch)| {
            let mut commit = Commit::of(bucket);
            let made = batch
                .into_iter()
                .enumerate()
                .try_for_each(|(place, number)| {
                    // Shifted by the place, or an even bucket would get but one kind of run.
                    let original = (number as usize + place) % originals.len();
                    originals[original].copy(begun + number, due(number), bucket, &mut commit)
                });
            let store = &store;
            async move {
                made?;
                anyhow::Ok(store.commit(commit).await?)
            }
        })
        .buffer_unordered(COMMITS)
        .try_for_each(|()| async { Ok(()) })
        .await?;
    store.close().await;
    Ok(())
}

/// What became of runs that waited.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Audit {
    /// They went on to their end.
    pub completed: u32,
    /// They wait still.
    pub waiting: u32,
    /// Neither.
    pub other: u32,
    /// They ended before the time.
    pub early: u32,
    /// When the last one ended, in milliseconds since 1970.
    pub last: i64,
}

/// Looks through all runs that waited, of a host that is stopped; none should have ended before
/// `due`.
///
/// # Errors
/// When the database cannot be read.
pub async fn audit(data: &Path, due: i64) -> Result<Audit> {
    let store = open(data).await?;
    let names: Vec<&str> = WORKFLOWS.iter().map(|(name, _)| *name).collect();
    let mut audit = Audit::default();
    for bucket in 0..store.buckets() {
        let query = Query::<Run>::of(bucket).filter("workflow", Is::In, names.clone());
        for run in store.find(query).await? {
            match (run.state.as_str(), run.ended_at) {
                ("completed", Some(ended)) => {
                    audit.completed += 1;
                    audit.early += u32::from(ended < due);
                    audit.last = audit.last.max(ended);
                }
                ("waiting", _) => audit.waiting += 1,
                _ => audit.other += 1,
            }
        }
    }
    store.close().await;
    Ok(audit)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]
mod tests {
    use super::*;

    #[test]
    fn a_copy_differs_in_its_ids_and_in_what_it_waits_for() {
        let timer = Timer {
            bucket: 3,
            id: "run_a".to_owned(),
            kind: "run".to_owned(),
            due: 1_000,
        };
        let changes = [
            ("run_a".to_owned(), "run_b".to_owned()),
            ("1000".to_owned(), "2000".to_owned()),
        ];
        let copy: Timer = changed(&timer, &changes).unwrap();
        assert_eq!((copy.id.as_str(), copy.due), ("run_b", 2_000));
        assert_eq!((copy.bucket, copy.kind.as_str()), (3, "run"));
    }
}
