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
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// Runs that one commit removes, with their journal.
const RUNS: i64 = 50;
/// Single rows that one commit removes.
const ROWS: i64 = 500;
/// The pause after a batch, in times of what the batch took: a quarter of the writer at most.
const PAUSE: u32 = 3;
/// Counts the rows that have left, by kind.
const PRUNED: &str = "jackfield_pruned_total";
/// The states of runs that are over.
const OVER: [&str; 3] = ["completed", "failed", "cancelled"];

/// How long what is over is kept. Nothing given: for ever.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Retention {
    /// Runs with their journal, so many milliseconds after their end.
    pub runs: Option<i64>,
    /// At most so many runs that are over; each bucket gives its oldest.
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
        let mut count = 0;
        for bucket in self.core.store.owned() {
            let mut after = String::new();
            while !self.stopping() {
                let page = self.over(bucket, Some(before), &after, RUNS).await?;
                let Some(last) = page.last() else { break };
                after.clone_from(&last.id);
                count += self.remove(bucket, page).await?;
            }
        }
        Ok(count)
    }

    /// Removes the oldest runs of each bucket, in proportion, until at most `most` are left.
    async fn runs_beyond(&self, most: u64) -> Result<u64, PruneError> {
        let mut counts = Vec::new();
        for bucket in self.core.store.owned() {
            let query = Query::<Run>::of(bucket).filter("state", Is::In, OVER.to_vec());
            let count = self.core.store.total(query).await?;
            counts.push((bucket, u64::try_from(count).unwrap_or(0)));
        }
        let total: u64 = counts.iter().map(|(_, count)| count).sum();
        let excess = total.saturating_sub(most);
        let mut removed = 0;
        for (bucket, count) in counts {
            // What is rounded up here is one run a bucket at most.
            let share = (u128::from(count) * u128::from(excess)).div_ceil(u128::from(total.max(1)));
            let mut left = i64::try_from(share).unwrap_or(i64::MAX);
            let mut after = String::new();
            while left > 0 && removed < excess && !self.stopping() {
                let page = self.over(bucket, None, &after, left.min(RUNS)).await?;
                let Some(last) = page.last() else { break };
                after.clone_from(&last.id);
                left -= i64::try_from(page.len()).unwrap_or(left);
                removed += self.remove(bucket, page).await?;
            }
        }
        Ok(removed)
    }

    /// The oldest runs of a bucket that are over, after an id.
    async fn over(
        &self,
        bucket: i32,
        before: Option<i64>,
        after: &str,
        limit: i64,
    ) -> Result<Vec<Run>, ReadError> {
        let mut page = Vec::new();
        // A state at a time is one range of the index, in its order.
        for state in OVER {
            let mut query = Query::<Run>::of(bucket).equal("state", state);
            query = query.filter("id", Is::Greater, after);
            if let Some(before) = before {
                // A run ends after it began, so the id bounds what is looked at.
                query = query
                    .filter("id", Is::Less, jackfield_store::first_id("run", before))
                    .filter("ended_at", Is::Less, before);
            }
            let rows = self.core.store.find(query.ascending("id").limit(limit));
            page.extend(rows.await?);
        }
        page.sort_by(|one, other| one.id.cmp(&other.id));
        page.truncate(usize::try_from(limit).unwrap_or(0));
        Ok(page)
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
        let mut count = 0;
        for bucket in store.owned() {
            let mut after = String::new();
            while !self.stopping() {
                let start = Instant::now();
                let page: Vec<R> = store
                    .find(
                        Query::of(bucket)
                            .filter("id", Is::Greater, after.as_str())
                            .filter("id", Is::Less, end.as_str())
                            .ascending("id")
                            .limit(ROWS),
                    )
                    .await?;
                let Some(last) = page.last() else { break };
                last.id().clone_into(&mut after);
                let mut commit = Commit::of(bucket);
                for id in page.iter().filter_map(&leaves) {
                    commit.delete::<R>([Value::from(id)]);
                }
                let leave = u64::try_from(commit.writes.len()).unwrap_or(0);
                // Without the lock: nothing that was handled is written again.
                if !is_ours(store.commit(commit).await)? {
                    break;
                }
                count += leave;
                metrics::counter!(PRUNED, "kind" => R::TABLE.name).increment(leave);
                pause(start).await;
            }
        }
        Ok(count)
    }
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
