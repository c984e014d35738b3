//! Parks the runs that wait on a plugin which is no longer there: they need attention.
//!
//! A run is parked by the owner of its bucket; another host is asked by a parcel. What must hold:
//! parking loses nothing. A parked run still hears what it waits for, and goes on (`retry`) once the
//! plugin is installed and granted again. A run in a burst comes to the missing plugin by itself.

use crate::engine::{Core, Engine};
use crate::events::AcceptError;
use crate::parcels::Worker;
use crate::run::wake;
use crate::runs::RunError;
use async_trait::async_trait;
use jackfield_store::records::Run;
use jackfield_store::{Is, Query, StoreExt};
use serde_json::{Value, json};
use std::sync::{Arc, Weak};
use std::time::Duration;

/// The kind of parcels that ask for it.
const PARK: &str = "park";
/// Why a run was parked, for programs.
const CODE: &str = "plugin-missing";
/// How many runs are read at a time.
const PAGE: i64 = 500;
/// How long another host is waited for.
const PATIENCE: Duration = Duration::from_secs(15);

impl Engine {
    /// Parks every waiting run that is pinned to this plugin; answers how many.
    ///
    /// # Errors
    /// When the database cannot be read or written. What was parked stays so.
    pub async fn park_pinned(&self, digest: &str, message: &str) -> Result<u64, RunError> {
        let core = &self.core;
        let mut parked = 0;
        for version in core.plugins.pinned_to(digest).await? {
            let mut last = String::new();
            loop {
                let query = Query::<Run>::all()
                    .equal("workspace", version.workspace.as_str())
                    .equal("workflow", version.workflow.as_str())
                    .equal("version", version.version)
                    .equal("state", "waiting")
                    .filter("id", Is::Greater, last.as_str())
                    .ascending("id")
                    .limit(PAGE);
                let page = core.store.find(query).await?;
                let Some(end) = page.last() else { break };
                last.clone_from(&end.id);
                for run in page {
                    parked += u64::from(self.park(&run, message).await?);
                }
            }
        }
        Ok(parked)
    }

    async fn park(&self, run: &Run, message: &str) -> Result<bool, RunError> {
        match wake::park_waiting(&self.core, &run.id, CODE, message).await {
            Err(AcceptError::Elsewhere(_)) => {
                let body = json!({"run": run.id, "message": message});
                let answer = self.ask(run.bucket, PARK, body, PATIENCE).await;
                answer
                    .map(|answer| answer == true)
                    .map_err(|error| RunError::State(error.to_string()))
            }
            parked => Ok(parked?),
        }
    }

    /// Has this host park what others ask for.
    pub(crate) fn employ_parking(&self) {
        self.employ(PARK, Arc::new(Parking(Arc::downgrade(&self.core))));
    }
}

/// Weak: the core holds its workers.
struct Parking(Weak<Core>);

#[async_trait]
impl Worker for Parking {
    async fn work(&self, body: Value) -> Option<Value> {
        let core = self.0.upgrade()?;
        let text = |name: &str| body[name].as_str().unwrap_or_default().to_owned();
        match wake::park_waiting(&core, &text("run"), CODE, &text("message")).await {
            Ok(parked) => Some(parked.into()),
            Err(AcceptError::Elsewhere(_)) => None,
            Err(error) => {
                tracing::warn!(run = text("run"), %error, "a run could not be parked");
                Some(false.into())
            }
        }
    }
}
