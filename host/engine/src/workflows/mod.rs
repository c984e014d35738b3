//! Workflows: drafts, published versions, and which of them are live.
//!
//! A version never changes, and names the very plugins that its runs use. What is live is kept in
//! memory for each workspace, in the order in which matching workflows start (priority, then age),
//! because every event looks at it.
//!
//! `catalogue` is what a document may name, `moves` what a plugin's update changes, `hooks` the
//! addresses of the trigger `webhook`, `organisation` the workflows that an organisation has in
//! several workspaces.

mod calendars;
mod catalogue;
mod hooks;
mod moves;
mod organisation;

pub(crate) use calendars::named as calendars_in;
pub use hooks::{HookView, ShortcutView, WEBHOOK_PREFIX, WebhookView};
pub use moves::Move;
pub use organisation::{InWorkspace, OrganisationWorkflowView};

use crate::copies::Copies;
use crate::document::{Document, Own, Problem, Severity};
use crate::plugins::{Loaded, PluginError, Plugins};
use crate::prepared::Prepared;
use crate::variables;
use jackfield_store::records::{Schedule, Webhook, Workflow, WorkflowVersion};
use jackfield_store::{Commit, CommitError, Query, ReadError, SharedStore, StoreExt};
use serde::Serialize;
use serde_json::{Map, Value};
use std::collections::HashMap;
use std::sync::Arc;
use tokio::sync::watch;

/// At most so many workflows in a workspace.
pub const MAX_WORKFLOWS: usize = 150;
/// The priority of a workflow that names none.
const PRIORITY: i64 = 100;

/// A published version, ready to run.
#[derive(Debug)]
pub struct Version {
    /// The workspace.
    pub workspace: String,
    /// The workflow's name.
    pub workflow: String,
    /// From 1.
    pub version: i64,
    /// The document.
    pub document: Document,
    /// The plugin of each step, by the step's id.
    pub plugins: HashMap<String, Arc<Loaded>>,
    /// Why a step has none, by the step's id: its plugin was removed, or its grant taken back. Runs
    /// are started all the same, and wait for somebody where they come to it.
    pub(crate) unusable: HashMap<String, String>,
    /// One of those reasons may pass by itself, so this is not kept in memory.
    passing: bool,
    pub(crate) prepared: Prepared,
}

/// A workflow as lists show it.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct WorkflowView {
    /// Its name.
    pub name: String,
    /// `draft`, `published` or `stopped`.
    pub state: String,
    /// The newest published version.
    pub version: Option<i64>,
    /// Of several that match an event, lower starts first.
    pub priority: i64,
    /// The draft as its author wrote it.
    pub source: String,
    /// When it was made.
    pub created_at: i64,
    /// When it last changed.
    pub updated_at: i64,
    /// The organisation that it belongs to; none where it is the workspace's own.
    pub organisation: Option<String>,
}

/// Why something could not be done with a workflow.
#[derive(Debug, thiserror::Error)]
pub enum WorkflowError {
    /// The document has errors; nothing was changed.
    #[error("the workflow document has {} error(s)", .0.len())]
    Problems(Vec<Problem>),
    /// There is none of this name.
    #[error("there is no workflow `{0}` in this workspace")]
    NotFound(String),
    /// It was never published.
    #[error("workflow `{0}` was never published: publish it first")]
    NotPublished(String),
    /// Too many.
    #[error("a workspace holds at most {MAX_WORKFLOWS} workflows; delete one first")]
    TooMany,
    /// A workspace does not change what is its organisation's.
    #[error("workflow `{name}` is one of the organisation `{organisation}`: change it there")]
    OfOrganisation {
        /// Its name.
        name: String,
        /// Whose it is.
        organisation: String,
    },
    /// An organisation does not change what is a workspace's own.
    #[error(
        "the workspace `{workspace}` has a workflow `{name}` of its own: delete it there, or leave \
         the workspace out"
    )]
    Own {
        /// Where.
        workspace: String,
        /// Its name.
        name: String,
    },
    /// An organisation has none of this name.
    #[error("the organisation `{organisation}` has no workflow `{name}`")]
    NotOfOrganisation {
        /// The organisation.
        organisation: String,
        /// The name.
        name: String,
    },
    /// It has no address of its own.
    #[error("workflow `{0}` has no trigger `webhook` in its published version")]
    NoWebhook(String),
    /// Runs need it.
    #[error("workflow `{name}` has {runs} unfinished run(s); stop it with abort first")]
    Needed {
        /// Its name.
        name: String,
        /// How many.
        runs: i64,
    },
    /// A plugin that it names cannot be used.
    #[error(transparent)]
    Plugin(#[from] PluginError),
    /// The database.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The database.
    #[error(transparent)]
    Commit(#[from] CommitError),
}

/// The live workflows of a workspace.
type Live = Arc<Vec<Arc<Version>>>;

/// The workflows.
pub struct Workflows {
    store: SharedStore,
    plugins: Arc<Plugins>,
    live: Copies<String, Live>,
    versions: Copies<(String, String, i64), Arc<Version>>,
    writing: tokio::sync::Mutex<()>,
    /// Told when schedules may have changed.
    pub(crate) schedules: watch::Sender<()>,
}

impl Workflows {
    pub(crate) fn new(store: SharedStore, plugins: Arc<Plugins>) -> Workflows {
        Workflows {
            store,
            plugins,
            live: Copies::default(),
            versions: Copies::default(),
            writing: tokio::sync::Mutex::default(),
            schedules: watch::Sender::new(()),
        }
    }

    /// Keeps a document as the draft of the workflow that it names. A draft may still name what
    /// does not exist; it must be a document.
    ///
    /// # Errors
    /// `Problems` when it is not a workflow document.
    pub async fn put(
        &self,
        workspace: &str,
        source: &str,
        priority: Option<i64>,
        now: i64,
    ) -> Result<WorkflowView, WorkflowError> {
        let document = Document::parse(source).map_err(WorkflowError::Problems)?;
        let _writing = self.writing.lock().await;
        let old = self.record(workspace, &document.name).await?;
        if let Some(old) = &old {
            is_own(old)?;
        }
        let record = self
            .drafted(workspace, &document.name, old, source, priority, now)
            .await?;
        self.save(&record).await?;
        Ok(view(record))
    }

    /// The record with this draft.
    async fn drafted(
        &self,
        workspace: &str,
        name: &str,
        old: Option<Workflow>,
        source: &str,
        priority: Option<i64>,
        now: i64,
    ) -> Result<Workflow, WorkflowError> {
        if let Some(old) = old {
            return Ok(Workflow {
                source: source.to_owned(),
                priority: priority.unwrap_or(old.priority),
                updated_at: now,
                ..old
            });
        }
        if self.list(workspace).await?.len() >= MAX_WORKFLOWS {
            return Err(WorkflowError::TooMany);
        }
        Ok(Workflow {
            workspace: workspace.to_owned(),
            name: name.to_owned(),
            state: "draft".to_owned(),
            source: source.to_owned(),
            version: None,
            priority: priority.unwrap_or(PRIORITY),
            created_at: now,
            updated_at: now,
            organisation: None,
        })
    }

    /// All that is wrong with a document, as publishing would say it.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn validate(
        &self,
        workspace: &str,
        source: &str,
    ) -> Result<Vec<Problem>, WorkflowError> {
        match Document::parse(source) {
            Err(problems) => Ok(problems),
            Ok(document) => self.judge(workspace, &document).await,
        }
    }

    /// All that is wrong with a document in this workspace.
    async fn judge(
        &self,
        workspace: &str,
        document: &Document,
    ) -> Result<Vec<Problem>, WorkflowError> {
        Ok(document.check(&self.catalogue(workspace).await?))
    }

    /// The warnings about a document that this workspace can publish.
    async fn fits(
        &self,
        workspace: &str,
        document: &Document,
    ) -> Result<Vec<Problem>, WorkflowError> {
        let problems = self.judge(workspace, document).await?;
        let (errors, warnings): (Vec<_>, Vec<_>) = problems.into_iter().partition(is_error);
        if errors.is_empty() {
            Ok(warnings)
        } else {
            Err(WorkflowError::Problems(errors))
        }
    }

    /// Publishes the draft as the next version and makes it live: new runs use it from now on,
    /// runs under way stay on theirs.
    ///
    /// # Errors
    /// `Problems`, with all that would have to be put right.
    pub async fn publish(
        &self,
        workspace: &str,
        name: &str,
        now: i64,
    ) -> Result<(i64, Vec<Problem>), WorkflowError> {
        let _writing = self.writing.lock().await;
        let record = self.existing(workspace, name).await?;
        is_own(&record)?;
        let document = Document::parse(&record.source).map_err(WorkflowError::Problems)?;
        let warnings = self.fits(workspace, &document).await?;
        let mut commit = Commit::control();
        let version = self.go_live(&mut commit, record, &document, now).await?;
        self.store.commit(commit).await?;
        self.forget_live(workspace);
        Ok((version, warnings))
    }

    /// Makes a checked document the next version of its workflow, and live.
    async fn go_live(
        &self,
        commit: &mut Commit,
        record: Workflow,
        document: &Document,
        now: i64,
    ) -> Result<i64, WorkflowError> {
        let (workspace, name) = (record.workspace.as_str(), record.name.as_str());
        let mut pins = Map::new();
        for step in &document.steps {
            if !pins.contains_key(&step.uses.to_string()) {
                let loaded = self
                    .plugins
                    .resolve(&step.uses.name, step.uses.major)
                    .await?;
                pins.insert(
                    step.uses.to_string(),
                    Value::from(loaded.record.digest.clone()),
                );
            }
        }
        let version = self.next_version(workspace, name).await?;
        let published = WorkflowVersion {
            workspace: workspace.to_owned(),
            workflow: name.to_owned(),
            version,
            source: record.source.clone(),
            document: serde_json::to_value(document).unwrap_or_default(),
            pins: Value::Object(pins),
            published_at: now,
        };
        self.schedule(commit, workspace, document, now).await?;
        self.give_address(commit, workspace, document, now).await?;
        commit.insert(&published).put(&Workflow {
            state: "published".to_owned(),
            version: Some(version),
            updated_at: now,
            ..record
        });
        Ok(version)
    }

    /// The number of a new version. Counted over all versions there ever were: a workflow that was
    /// deleted and made again goes on counting, because runs of its earlier versions may still be
    /// looked at.
    async fn next_version(&self, workspace: &str, name: &str) -> Result<i64, ReadError> {
        let newest: Option<WorkflowVersion> = self
            .store
            .first(
                Query::all()
                    .equal("workspace", workspace)
                    .equal("workflow", name)
                    .descending("version"),
            )
            .await?;
        Ok(newest.map_or(0, |newest| newest.version) + 1)
    }

    /// Makes a published workflow live again (`true`), or stops new runs (`false`).
    ///
    /// # Errors
    /// `NotFound`, `NotPublished`.
    pub async fn set_active(
        &self,
        workspace: &str,
        name: &str,
        active: bool,
        now: i64,
    ) -> Result<WorkflowView, WorkflowError> {
        let _writing = self.writing.lock().await;
        let record = self.existing(workspace, name).await?;
        let mut commit = Commit::control();
        let record = self.switch(&mut commit, record, active, now).await?;
        self.store.commit(commit).await?;
        self.forget_live(workspace);
        Ok(view(record))
    }

    async fn switch(
        &self,
        commit: &mut Commit,
        record: Workflow,
        active: bool,
        now: i64,
    ) -> Result<Workflow, WorkflowError> {
        let (workspace, name) = (record.workspace.as_str(), record.name.as_str());
        let Some(version) = record.version else {
            return Err(WorkflowError::NotPublished(name.to_owned()));
        };
        if active {
            let version = self.version(workspace, name, version).await?;
            self.schedule(commit, workspace, &version.document, now)
                .await?;
        } else {
            unschedule(commit, workspace, name);
        }
        let state = if active { "published" } else { "stopped" }.to_owned();
        let record = Workflow {
            state,
            updated_at: now,
            ..record
        };
        commit.put(&record);
        Ok(record)
    }

    /// Has the schedules of a workflow be those of this document. One that stays as it was keeps the
    /// times that are due but have not fired.
    async fn schedule(
        &self,
        commit: &mut Commit,
        workspace: &str,
        document: &Document,
        now: i64,
    ) -> Result<(), ReadError> {
        let query = Query::<Schedule>::all()
            .equal("workspace", workspace)
            .equal("workflow", document.name.as_str());
        let old = self.store.find(query).await?;
        unschedule(commit, workspace, &document.name);
        for (place, trigger) in (0_i64..).zip(&document.triggers) {
            let Own::Schedule(schedule) = &trigger.own else {
                continue;
            };
            let mut row = Schedule {
                workspace: workspace.to_owned(),
                workflow: document.name.clone(),
                place,
                cron: schedule.cron.to_string(),
                time_zone: schedule.time_zone.clone(),
                list: schedule.list.clone(),
                since: now,
            };
            let same = old.iter().find(|old| {
                let since = old.since;
                **old
                    == Schedule {
                        since,
                        ..row.clone()
                    }
            });
            row.since = same.map_or(now, |old| old.since);
            commit.put(&row);
        }
        Ok(())
    }

    /// Deletes a workflow. Its versions stay, for the runs that were made of them.
    ///
    /// # Errors
    /// `Needed` while it has unfinished runs.
    pub async fn delete(&self, workspace: &str, name: &str) -> Result<(), WorkflowError> {
        let _writing = self.writing.lock().await;
        is_own(&self.existing(workspace, name).await?)?;
        let mut commit = Commit::control();
        self.remove(&mut commit, workspace, name).await?;
        self.store.commit(commit).await?;
        self.forget_live(workspace);
        Ok(())
    }

    async fn remove(
        &self,
        commit: &mut Commit,
        workspace: &str,
        name: &str,
    ) -> Result<(), WorkflowError> {
        let runs = self
            .store
            .total(
                Query::<jackfield_store::records::Run>::all()
                    .equal("workspace", workspace)
                    .equal("workflow", name)
                    .filter(
                        "state",
                        jackfield_store::Is::In,
                        crate::plugins::UNFINISHED.to_vec(),
                    ),
            )
            .await?;
        if runs > 0 {
            return Err(WorkflowError::Needed {
                name: name.to_owned(),
                runs,
            });
        }
        let key = || [Value::from(workspace), Value::from(name)];
        commit.delete::<Workflow>(key());
        commit.delete::<Webhook>(key());
        unschedule(commit, workspace, name);
        Ok(())
    }

    /// All workflows of a workspace, by name.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn list(&self, workspace: &str) -> Result<Vec<WorkflowView>, WorkflowError> {
        let query = Query::<Workflow>::all()
            .equal("workspace", workspace)
            .ascending("name");
        Ok(self
            .store
            .find(query)
            .await?
            .into_iter()
            .map(view)
            .collect())
    }

    /// One workflow.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn get(&self, workspace: &str, name: &str) -> Result<WorkflowView, WorkflowError> {
        Ok(view(self.existing(workspace, name).await?))
    }

    /// The published versions, newest first.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn versions(
        &self,
        workspace: &str,
        name: &str,
    ) -> Result<Vec<WorkflowVersion>, WorkflowError> {
        self.existing(workspace, name).await?;
        let query = Query::<WorkflowVersion>::all()
            .equal("workspace", workspace)
            .equal("workflow", name)
            .descending("version");
        Ok(self.store.find(query).await?)
    }

    /// The names of the live workflows with such a text in them.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn with_text(
        &self,
        workspace: &str,
        is: impl Fn(&str) -> bool,
    ) -> Result<Vec<String>, WorkflowError> {
        let live = self.live(workspace).await?;
        let with = live.iter().filter(|version| {
            let document = serde_json::to_value(&version.document).unwrap_or_default();
            variables::snippet::any_text(&document, &is)
        });
        Ok(with.map(|version| version.workflow.clone()).collect())
    }

    /// The live workflows, in the order in which they start.
    pub(crate) async fn live(&self, workspace: &str) -> Result<Live, WorkflowError> {
        if let Some(live) = self.live.get(workspace) {
            return Ok(live);
        }
        let ticket = self.live.ticket();
        let mut records: Vec<Workflow> = self
            .store
            .find(
                Query::<Workflow>::all()
                    .equal("workspace", workspace)
                    .equal("state", "published"),
            )
            .await?;
        records.sort_by_key(|record| (record.priority, record.created_at));
        let mut live = Vec::with_capacity(records.len());
        for record in records {
            if let Some(version) = record.version {
                live.push(self.version(workspace, &record.name, version).await?);
            }
        }
        let whole = live.iter().all(|version| !version.passing);
        let live = Arc::new(live);
        if whole {
            self.live.put(workspace.to_owned(), live.clone(), ticket);
        }
        Ok(live)
    }

    /// A published version with its plugins loaded, as far as they can be.
    pub(crate) async fn version(
        &self,
        workspace: &str,
        workflow: &str,
        version: i64,
    ) -> Result<Arc<Version>, WorkflowError> {
        let key = (workspace.to_owned(), workflow.to_owned(), version);
        if let Some(found) = self.versions.get(&key) {
            return Ok(found);
        }
        let ticket = self.versions.ticket();
        let record: WorkflowVersion = self
            .store
            .first(
                Query::all()
                    .equal("workspace", workspace)
                    .equal("workflow", workflow)
                    .equal("version", version),
            )
            .await?
            .ok_or_else(|| WorkflowError::NotFound(format!("{workflow} version {version}")))?;
        // The source is read again, not the JSON: one reader of documents.
        let document = Document::parse(&record.source).map_err(WorkflowError::Problems)?;
        let (mut pinned, mut missing, mut passing) = (HashMap::new(), HashMap::new(), false);
        for (uses, digest) in record.pins.as_object().into_iter().flatten() {
            match self.plugins.load(digest.as_str().unwrap_or_default()).await {
                Ok(loaded) => drop(pinned.insert(uses.as_str(), loaded)),
                Err(PluginError::Read(error)) => return Err(error.into()),
                Err(error) => {
                    passing |= !matches!(
                        error,
                        PluginError::NotGranted { .. }
                            | PluginError::Removed { .. }
                            | PluginError::NotFound(_)
                    );
                    tracing::warn!(
                        workspace, workflow, version, plugin = uses, %error,
                        "a workflow has a step whose plugin cannot be used"
                    );
                    missing.insert(uses.as_str(), error.to_string());
                }
            }
        }
        let (mut plugins, mut unusable) = (HashMap::new(), HashMap::new());
        for step in &document.steps {
            let uses = step.uses.to_string();
            if let Some(loaded) = pinned.get(uses.as_str()) {
                plugins.insert(step.id.clone(), loaded.clone());
            } else if let Some(reason) = missing.get(uses.as_str()) {
                unusable.insert(step.id.clone(), reason.clone());
            }
        }
        let found = Arc::new(Version {
            workspace: workspace.to_owned(),
            workflow: workflow.to_owned(),
            version,
            prepared: Prepared::of(&document),
            document,
            plugins,
            unusable,
            passing,
        });
        if !passing {
            self.versions.put(key, found.clone(), ticket);
        }
        Ok(found)
    }

    fn forget_live(&self, workspace: &str) {
        self.live.forget(workspace);
        self.schedules.send_replace(());
    }

    /// Plugins were granted or removed, or another host has changed something: all of it is looked
    /// up afresh.
    pub(crate) fn forget_all(&self) {
        // In this order: what is live is made of versions.
        self.versions.forget_all();
        self.live.forget_all();
        self.schedules.send_replace(());
    }

    async fn record(&self, workspace: &str, name: &str) -> Result<Option<Workflow>, ReadError> {
        let query = Query::<Workflow>::all()
            .equal("workspace", workspace)
            .equal("name", name);
        self.store.first(query).await
    }

    async fn existing(&self, workspace: &str, name: &str) -> Result<Workflow, WorkflowError> {
        let found = self.record(workspace, name).await?;
        found.ok_or_else(|| WorkflowError::NotFound(name.to_owned()))
    }

    async fn save(&self, record: &Workflow) -> Result<(), CommitError> {
        let mut commit = Commit::control();
        commit.put(record);
        self.store.commit(commit).await
    }
}

fn is_error(problem: &Problem) -> bool {
    problem.severity == Severity::Error
}

/// Refuses what is an organisation's.
fn is_own(record: &Workflow) -> Result<(), WorkflowError> {
    match &record.organisation {
        None => Ok(()),
        Some(organisation) => Err(WorkflowError::OfOrganisation {
            name: record.name.clone(),
            organisation: organisation.clone(),
        }),
    }
}

/// Takes its schedules from a workflow.
fn unschedule(commit: &mut Commit, workspace: &str, workflow: &str) {
    commit.delete::<Schedule>([workspace.into(), workflow.into()]);
}

fn view(record: Workflow) -> WorkflowView {
    WorkflowView {
        name: record.name,
        state: record.state,
        version: record.version,
        priority: record.priority,
        source: record.source,
        created_at: record.created_at,
        updated_at: record.updated_at,
        organisation: record.organisation,
    }
}
