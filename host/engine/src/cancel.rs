//! Cancels runs: those that wait, those that stand in line, those in a burst.
//!
//! What must hold: a run in line is taken out of it first, so that nobody drives it, and is put back
//! if it could not be cancelled, also when whoever asked has given up.

use crate::domain::DomainError;
use crate::events::AcceptError;
use crate::plugins::UNFINISHED;
use crate::room::{self, InLine};
use crate::run::wake;
use crate::runs::{RunError, Runs};
use futures::future::join_all;
use jackfield_sandbox::Account;
use jackfield_store::records::Run;
use jackfield_store::{Is, Query, StoreExt, bucket_in};
use serde_json::Value;

/// How many in line are cancelled together: their commits are merged.
const TOGETHER: usize = 256;
/// The reason that is noted where a workflow is stopped with all its runs.
const STOPPED: &str = "workflow stopped";

impl Runs {
    /// Cancels a run, at once where it waits or stands in line, at its next commit where it is in a
    /// burst.
    ///
    /// # Errors
    /// `State` when it is over already.
    pub async fn cancel(&self, workspace: &str, id: &str, reason: &str) -> Result<(), RunError> {
        loop {
            let run = self.record(workspace, id).await?;
            if run.ended_at.is_some() {
                return Err(RunError::State(format!(
                    "run {id} is over: it {}",
                    run.state
                )));
            }
            if wake::cancel(&self.core, id, reason).await? {
                return Ok(());
            }
            let account = room::account(&run);
            if let Some(in_line) = self.core.room.withdraw(&account, id) {
                return self.cancel_in_line(&account, vec![in_line], reason).await;
            }
            if self.core.cancel_driver(id) {
                return Ok(());
            }
            tokio::task::yield_now().await;
        }
    }

    /// Cancels all runs of a workflow that are not over; answers how many.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn cancel_all(&self, workspace: &str, workflow: &str) -> Result<u64, RunError> {
        let mut cancelled = self.cancel_line(workspace, workflow).await?;
        let mut last = String::new();
        loop {
            let page: Vec<Run> = self
                .core
                .store
                .find(
                    Query::<Run>::all()
                        .equal("workspace", workspace)
                        .equal("workflow", workflow)
                        .filter("state", Is::In, UNFINISHED.to_vec())
                        .filter("id", Is::Greater, last.as_str())
                        .ascending("id")
                        .limit(500),
                )
                .await?;
            let Some(end) = page.last() else {
                return Ok(cancelled);
            };
            last.clone_from(&end.id);
            for run in page {
                match self.cancel(workspace, &run.id, STOPPED).await {
                    Ok(()) => cancelled += 1,
                    Err(RunError::State(_)) => {}
                    Err(error) => return Err(error),
                }
            }
        }
    }

    /// Cancels all runs of a contact that are not over; answers how many.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn cancel_of(
        &self,
        workspace: &str,
        contact: &str,
        reason: &str,
    ) -> Result<u64, RunError> {
        let Some(bucket) = bucket_in("ctc", contact) else {
            return Ok(0);
        };
        let open = Query::<Run>::of(bucket)
            .equal("workspace", workspace)
            .equal("contact", contact)
            .filter("state", Is::In, UNFINISHED.to_vec())
            .equal("ended_at", Value::Null);
        let mut cancelled = 0;
        for run in self.core.store.find(open).await? {
            match self.cancel(workspace, &run.id, reason).await {
                Ok(()) => cancelled += 1,
                // Over by itself meanwhile.
                Err(RunError::State(_)) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(cancelled)
    }

    /// Cancels all of a workflow that stand in line; answers how many.
    async fn cancel_line(&self, workspace: &str, workflow: &str) -> Result<u64, RunError> {
        let account = Account::new(workspace, workflow);
        let mut cancelled = 0;
        loop {
            let line = self.core.room.withdraw_some(&account, TOGETHER);
            if line.is_empty() {
                return Ok(cancelled);
            }
            let many = line.len();
            self.cancel_in_line(&account, line, STOPPED).await?;
            cancelled += u64::try_from(many).unwrap_or(0);
        }
    }

    /// Cancels runs that were taken out of their line.
    async fn cancel_in_line(
        &self,
        account: &Account,
        line: Vec<InLine>,
        reason: &str,
    ) -> Result<(), RunError> {
        let (core, account, reason) = (self.core.clone(), account.clone(), reason.to_owned());
        let cancelling = async move {
            let each = line.into_iter().map(async |in_line| {
                let cancelled = wake::cancel_idle(&core, &in_line, &reason).await;
                if cancelled.is_err() {
                    room::line_up(&core, account.clone(), in_line);
                }
                cancelled
            });
            join_all(each).await.into_iter().collect()
        };
        // In a task of its own: it is not left half-way.
        let cancelled: Result<(), AcceptError> =
            self.core.tasks.spawn(cancelling).await.unwrap_or_else(|_| {
                let stopped = "the host ended before the run was cancelled";
                Err(DomainError::Unavailable(stopped.to_owned()).into())
            });
        Ok(cancelled?)
    }
}
