//! Moves workflows from one digest of a plugin to another of the same name and major version.
//!
//! What must hold: a version never changes, so each workflow gets a new one, of the very document
//! that is live (not of its draft), with one pin changed; runs under way stay on theirs. A workflow
//! that would not fit the other plugin stays where it is, and says why.

use super::{WorkflowError, Workflows};
use crate::document::{Document, Problem, Severity, StepDescriptor};
use crate::plugins::Loaded;
use jackfield_store::records::{Workflow, WorkflowVersion};
use jackfield_store::{Commit, Query, StoreExt};
use serde::Serialize;
use serde_json::Value;

/// What became of a workflow that used another digest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Move {
    /// The workspace.
    pub workspace: String,
    /// The workflow's name.
    pub workflow: String,
    /// The version that it has now.
    pub version: i64,
    /// Why it stays with the other digest, if it does.
    pub kept: Option<String>,
}

impl Workflows {
    /// Has every published workflow of every workspace that is pinned to another digest of this
    /// step's name and major version use this one. Done again, it changes nothing.
    ///
    /// # Errors
    /// When the plugin cannot be used, or the database not be read or written.
    pub async fn move_to(&self, digest: &str, now: i64) -> Result<Vec<Move>, WorkflowError> {
        let loaded = self.plugins.load(digest).await?;
        let Some(step) = &loaded.step else {
            return Ok(Vec::new());
        };
        let _writing = self.writing.lock().await;
        let mut moves = Vec::new();
        for record in self.store.find(Query::<Workflow>::all()).await? {
            let Some(version) = record.version else {
                continue;
            };
            let published: Option<WorkflowVersion> = self
                .store
                .first(
                    Query::all()
                        .equal("workspace", record.workspace.as_str())
                        .equal("workflow", record.name.as_str())
                        .equal("version", version),
                )
                .await?;
            let Some(published) = published else {
                continue;
            };
            let pinned = published.pins.get(step.reference()).and_then(Value::as_str);
            let Some(pinned) = pinned.filter(|pinned| *pinned != digest) else {
                continue;
            };
            let old = self.plugins.load(pinned).await.ok();
            let kept = self
                .misfits(&published, old.as_deref(), step)
                .await?
                .first()
                .map(|problem| problem.message.clone());
            let mut moved = Move {
                workspace: record.workspace.clone(),
                workflow: record.name.clone(),
                version,
                kept,
            };
            if moved.kept.is_none() {
                moved.version = self.repin(record, published, step, digest, now).await?;
            }
            moves.push(moved);
        }
        Ok(moves)
    }

    /// The errors that a document has with the new descriptor and had not with the old one.
    async fn misfits(
        &self,
        published: &WorkflowVersion,
        old: Option<&Loaded>,
        new: &StepDescriptor,
    ) -> Result<Vec<Problem>, WorkflowError> {
        let document = match Document::parse(&published.source) {
            Ok(document) => document,
            // It stays, and the others are moved.
            Err(problems) => return Ok(problems),
        };
        let mut catalogue = self.catalogue(&published.workspace).await?;
        let mut errors_with = |step: &StepDescriptor| -> Vec<Problem> {
            catalogue.put(step.clone());
            let problems = document.check(&catalogue).into_iter();
            problems
                .filter(|problem| problem.severity == Severity::Error)
                .collect()
        };
        let before = match old.and_then(|old| old.step.as_ref()) {
            Some(old) => errors_with(old),
            None => Vec::new(),
        };
        let mut errors = errors_with(new);
        errors.retain(|error| {
            !before
                .iter()
                .any(|other| other.path == error.path && other.message == error.message)
        });
        Ok(errors)
    }

    async fn repin(
        &self,
        record: Workflow,
        published: WorkflowVersion,
        step: &StepDescriptor,
        digest: &str,
        now: i64,
    ) -> Result<i64, WorkflowError> {
        let version = self.next_version(&record.workspace, &record.name).await?;
        let mut pins = published.pins.clone();
        pins[step.reference()] = Value::from(digest);
        let workspace = record.workspace.clone();
        let mut commit = Commit::control();
        commit
            .insert(&WorkflowVersion {
                version,
                pins,
                published_at: now,
                ..published
            })
            .put(&Workflow {
                version: Some(version),
                updated_at: now,
                ..record
            });
        self.store.commit(commit).await?;
        self.forget_live(&workspace);
        Ok(version)
    }
}
