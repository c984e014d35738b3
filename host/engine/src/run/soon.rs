//! The result of an external call on its way into the journal.
//!
//! It is committed after a few milliseconds, unless the run comes to its next commit before: then
//! that one takes it along, and two commits are one. What must hold: the lines are either taken
//! along or committed here, never both and never neither, also when the burst is dropped.

use crate::engine::Core;
use crate::run::burst::patient;
use crate::run::journal::{self, Line};
use crate::tenure::Tenure;
use jackfield_store::CommitError;
use jackfield_store::records::Run;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::task::JoinHandle;

/// How long a result waits for the run's next commit.
const DELAY: Duration = Duration::from_millis(5);

/// Lines that are committed soon.
pub(crate) struct Soon {
    lines: Arc<Mutex<Option<Vec<Line>>>>,
    now: Arc<Notify>,
    task: JoinHandle<Result<(), CommitError>>,
}

impl Soon {
    pub(crate) fn start(
        core: &Arc<Core>,
        tenure: &Arc<Tenure>,
        run: &Run,
        lines: Vec<Line>,
    ) -> Soon {
        let lines = Arc::new(Mutex::new(Some(lines)));
        let now = Arc::new(Notify::new());
        let task = core.tasks.spawn({
            let (core, lines, now) = (core.clone(), lines.clone(), now.clone());
            let (tenure, bucket, run) = (tenure.clone(), run.bucket, run.id.clone());
            async move {
                tokio::select! {
                    () = tokio::time::sleep(DELAY) => {}
                    () = now.notified() => {}
                }
                let Some(lines) = taken(&lines) else {
                    return Ok(());
                };
                let commit = || {
                    let mut commit = tenure.commit();
                    journal::add(&lines, bucket, &run, &mut commit);
                    Ok(commit)
                };
                patient(&core, commit).await
            }
        });
        Soon { lines, now, task }
    }

    /// Takes the lines along; none when they are under way.
    pub(crate) fn take(&self) -> Option<Vec<Line>> {
        let lines = taken(&self.lines)?;
        self.task.abort();
        Some(lines)
    }

    /// Commits the lines now, and waits for that.
    pub(crate) async fn settle(self) -> Result<(), CommitError> {
        self.now.notify_one();
        self.task
            .await
            .unwrap_or_else(|error| Err(CommitError::Unknown(error.to_string())))
    }
}

fn taken(lines: &Mutex<Option<Vec<Line>>>) -> Option<Vec<Line>> {
    lines.lock().unwrap_or_else(PoisonError::into_inner).take()
}
