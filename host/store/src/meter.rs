//! The store's metrics: names, descriptions and the calls that record them.

use crate::commit::CommitError;
use std::time::Duration;

const COMMITS: &str = "jackfield_store_commits_total";
const COMMIT_SECONDS: &str = "jackfield_store_commit_seconds";
const BATCH: &str = "jackfield_store_batch_commits";
const QUEUE: &str = "jackfield_store_queue_commits";

/// Says what the metrics mean.
pub(crate) fn describe() {
    metrics::describe_counter!(COMMITS, "Commits, by outcome");
    metrics::describe_histogram!(
        COMMIT_SECONDS,
        metrics::Unit::Seconds,
        "From handing in a commit to its answer"
    );
    metrics::describe_histogram!(BATCH, "Commits in one transaction");
    metrics::describe_gauge!(QUEUE, "Commits that wait for the writer");
}

/// A commit was answered.
pub(crate) fn answered(outcome: Result<&(), &CommitError>, time: Duration) {
    let outcome = match outcome {
        Ok(&()) => "committed",
        Err(CommitError::Exists { .. }) => "exists",
        Err(CommitError::Fenced { .. }) => "fenced",
        Err(CommitError::Unavailable(_)) => "unavailable",
        Err(CommitError::Unknown(_)) => "unknown",
        Err(CommitError::Invalid(_)) => "invalid",
    };
    metrics::counter!(COMMITS, "outcome" => outcome).increment(1);
    metrics::histogram!(COMMIT_SECONDS).record(time.as_secs_f64());
}

/// A transaction with so many commits became durable.
#[expect(clippy::cast_precision_loss, reason = "a batch is small")]
pub(crate) fn batch(commits: usize) {
    metrics::histogram!(BATCH).record(commits as f64);
}

/// So many commits wait for the writer.
#[expect(clippy::cast_precision_loss, reason = "the queue is bounded")]
pub(crate) fn queue(commits: usize) {
    metrics::gauge!(QUEUE).set(commits as f64);
}
