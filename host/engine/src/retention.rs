//! Retention: runs that are over, and what was handled long ago, leave the database.
//!
//! Why here and not as one `DELETE`: it must never hold up the work. Rows go in small batches, each
//! a commit of one bucket like any other, with a pause after it in proportion to what it took. What
//! is not over is never touched, however old it is.
//!
//! What must hold: a run leaves only after its line is synced in the archive, where there is one; a
//! run that a person set going again between the two stays (its line in the archive is then of the
//! past, and a later one follows); only buckets that this host owns are looked at.

mod archive;

use crate::engine::{Core, Engine};
use archive::Archive;
use jackfield_store::records::{Decision, Event, Journal, Run, Timer, Wait};
use jackfield_store::{Commit, CommitError, Is, Query, ReadError, Record, StoreExt};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// So many rows are looked at, and leave, at a time.
const PAGE: i64 = 200;
/// The pause after a batch, in times of what the batch took: a quarter of the writer at most.
const PAUSE: u32 = 3;
/// Counts the rows that have left, by kind.
const PRUNED: &str = "jackfield_pruned_total";

/// How long what is over is kept. Nothing given: for ever.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Retention {
    /// Runs with their journal, so many milliseconds after their end.
    pub runs: Option<i64>,
    /// At most so many runs that are over; the oldest leave first.
    pub max_runs: Option<u64>,
    /// Handled events, and decisions (why something was not done), so many milliseconds.
    pub history: Option<i64>,
    /// The folder into which each run is written before it leaves, a file for each day.
    pub archive: Option<PathBuf>,
}

/// What left.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Pruned {
    /// Runs.
    pub runs: u64,
    /// Events.
    pub events: u64,
    /// Decisions.
    pub decisions: u64,
}

/// Why rows could not leave. What left before has left.
#[derive(Debug, thiserror::Error)]
pub enum PruneError {
    /// The database cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The database takes no commit.
    #[error(transparent)]
    Commit(#[from] CommitError),
    /// The archive cannot be written: nothing leaves.
    #[error("{path} cannot be written ({source}); no run is removed until the archive can be")]
    Archive {
        /// Which file or folder.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

impl Engine {
    /// Removes what is kept no longer, once through all buckets of this host. Ends early when the
    /// engine stops.
    ///
    /// # Errors
    /// See [`PruneError`].
    pub async fn prune(&self, retention: &Retention) -> Result<Pruned, PruneError> {
        let sweep = Sweep {
            core: &self.core,
            archive: retention.archive.clone().map(Archive::new),
        };
        let mut pruned = Pruned::default();
        if let Some(age) = retention.runs {
            let before = self.core.now().saturating_sub(age);
            pruned.runs += sweep.runs_before(before).await?;
        }
        if let Some(most) = retention.max_runs {
            pruned.runs += sweep.runs_beyond(most).await?;
        }
        if let Some(age) = retention.history {
            let before = self.core.now().saturating_sub(age);
            pruned.events += sweep
                .rows("evt", before, |row: &Event| {
                    (row.state == "handled").then(|| row.id.clone())
                })
                .await?;
            pruned.decisions += sweep
                .rows("dec", before, |row: &Decision| Some(row.id.clone()))
                .await?;
        }
        Ok(pruned)
    }
}

/// A row whose id sorts by time.
trait Dated: Record {
    fn id(&self) -> &str;
}

impl Dated for Event {
    fn id(&self) -> &str {
        &self.id
    }
}

impl Dated for Decision {
    fn id(&self) -> &str {
        &self.id
    }
}

/// One way through the buckets.
struct Sweep<'a> {
    core: &'a Core,
    archive: Option<Archive>,
}

impl Sweep<'_> {
    fn stopping(&self) -> bool {
        self.core.stopping.is_cancelled()
    }

    /// Removes the runs that ended before an instant.
    async fn runs_before(&self, before: i64) -> Result<u64, PruneError> {
        self.runs(Some(before), u64::MAX).await
    }

    /// Removes this host's share of the runs that are over beyond `most`, its oldest.
    async fn runs_beyond(&self, most: u64) -> Result<u64, PruneError> {
        let over = |query: Query<Run>| query.filter("ended_at", Is::NotEqual, Value::Null);
        let count = async |query| {
            let count = self.core.store.total(over(query)).await?;
            Ok::<u64, ReadError>(u64::try_from(count).unwrap_or(0))
        };
        let all = count(Query::all()).await?;
        let excess = all.saturating_sub(most);
        if excess == 0 {
            return Ok(0);
        }
        let own = count(Query::all().filter("bucket", Is::In, self.core.store.owned())).await?;
        let share = (u128::from(own) * u128::from(excess)).div_ceil(u128::from(all.max(1)));
        self.runs(None, u64::try_from(share).unwrap_or(excess))
            .await
    }

    /// Removes runs that are over, in the order in which they ended, `most` of them at most.
    async fn runs(&self, before: Option<i64>, most: u64) -> Result<u64, PruneError> {
        let (mut count, mut after) = (0, i64::MIN);
        while count < most && !self.stopping() {
            let limit = i64::try_from(most - count).map_or(PAGE, |left| left.min(PAGE));
            let mut query = Query::<Run>::all()
                .filter("bucket", Is::In, self.core.store.owned())
                .filter("ended_at", Is::Greater, after);
            if let Some(before) = before {
                query = query.filter("ended_at", Is::Less, before);
            }
            let page = query.ascending("ended_at").limit(limit);
            let page = self.core.store.find(page).await?;
            let Some(last) = page.last().and_then(|run| run.ended_at) else {
                break;
            };
            let mut removed = 0;
            for (bucket, runs) in by_bucket(page, |run| run.bucket) {
                removed += self.remove(bucket, runs).await?;
            }
            count += removed;
            if removed == 0 {
                // None of them leaves now: on to those that ended later.
                after = last;
            }
        }
        Ok(count)
    }

    /// Archives and removes runs of a bucket; answers how many.
    async fn remove(&self, bucket: i32, runs: Vec<Run>) -> Result<u64, PruneError> {
        let start = Instant::now();
        let store = &self.core.store;
        let ids: Vec<&str> = runs.iter().map(|run| run.id.as_str()).collect();
        if let Some(archive) = &self.archive {
            let entries = Query::<Journal>::of(bucket).filter("run", Is::In, ids.clone());
            let rows = store.find(entries.ascending("seq")).await?;
            let journal = crate::run::journal::apart_all(rows)?;
            archive.write(&runs, journal, self.core.now()).await?;
        }
        // On its way to another host: that one sweeps it.
        let Ok(lock) = self.core.lock(bucket).await else {
            return Ok(0);
        };
        let now = Query::<Run>::of(bucket).filter("id", Is::In, ids);
        let mut commit = Commit::of(bucket);
        let mut count = 0;
        for run in store.find(now).await? {
            // One that was set going again meanwhile has moved on in its journal.
            if !runs
                .iter()
                .any(|seen| seen.id == run.id && seen.seq == run.seq && seen.state == run.state)
            {
                continue;
            }
            let key = || [Value::from(run.id.clone())];
            commit.delete::<Journal>(key());
            commit.delete::<Wait>(key());
            commit.delete::<Timer>(key());
            commit.delete::<Run>(key());
            count += 1;
        }
        let done = store.commit(lock.tenure().fence(commit)).await;
        drop(lock);
        pause(start).await;
        if !is_ours(done)? {
            return Ok(0);
        }
        metrics::counter!(PRUNED, "kind" => "run").increment(count);
        Ok(count)
    }

    /// Removes the rows that are older than an instant and of which `leaves` gives the id.
    async fn rows<R: Dated>(
        &self,
        kind: &str,
        before: i64,
        leaves: impl Fn(&R) -> Option<String>,
    ) -> Result<u64, PruneError> {
        let store = &self.core.store;
        let end = jackfield_store::first_id(kind, before);
        let (mut count, mut after) = (0, String::new());
        while !self.stopping() {
            let page: Vec<R> = store
                .find(
                    Query::all()
                        .filter("bucket", Is::In, store.owned())
                        .filter("id", Is::Greater, after.as_str())
                        .filter("id", Is::Less, end.as_str())
                        .ascending("id")
                        .limit(PAGE),
                )
                .await?;
            let Some(last) = page.last() else { break };
            last.id().clone_into(&mut after);
            let start = Instant::now();
            let commits = by_bucket(page, |row| row.bucket().unwrap_or_default())
                .into_iter()
                .map(|(bucket, rows)| {
                    let mut commit = Commit::of(bucket);
                    for id in rows.iter().filter_map(&leaves) {
                        commit.delete::<R>([Value::from(id)]);
                    }
                    let leave = u64::try_from(commit.writes.len()).unwrap_or(0);
                    // Without the lock: nothing that was handled is written again.
                    async move {
                        Ok::<u64, CommitError>(if is_ours(store.commit(commit).await)? {
                            leave
                        } else {
                            0
                        })
                    }
                });
            let left: u64 = futures::future::try_join_all(commits).await?.iter().sum();
            count += left;
            metrics::counter!(PRUNED, "kind" => R::TABLE.name).increment(left);
            pause(start).await;
        }
        Ok(count)
    }
}

/// The rows of each bucket, in their order.
fn by_bucket<R>(rows: Vec<R>, bucket: impl Fn(&R) -> i32) -> BTreeMap<i32, Vec<R>> {
    let mut groups: BTreeMap<i32, Vec<R>> = BTreeMap::new();
    for row in rows {
        groups.entry(bucket(&row)).or_default().push(row);
    }
    groups
}

/// Whether the bucket was still this host's.
fn is_ours(done: Result<(), CommitError>) -> Result<bool, CommitError> {
    match done {
        Err(CommitError::Fenced { .. }) => Ok(false),
        other => other.map(|()| true),
    }
}

/// Leaves the writer to the others for a while. Real time, whatever clock the engine is on.
async fn pause(start: Instant) {
    tokio::time::sleep(start.elapsed().min(Duration::from_secs(1)) * PAUSE).await;
}
