//! Workflows of an organisation: one document that is live in each of its workspaces that it is for.
//!
//! Each of these workspaces has a copy among its own workflows, with versions, runs, schedules and an
//! address of its own: events, contacts and channels never leave their workspace. A workspace can
//! stop its copy; everything else is changed here.
//!
//! What must hold: it changes in all workspaces or in none, in one commit, and in none where one of
//! them could not publish it; a workflow that is a workspace's own is never written over.

use super::{PRIORITY, WorkflowError, Workflows, is_error};
use crate::document::problem::nearest;
use crate::document::{Accounts, Document, Problem};
use jackfield_store::records::{OrganisationWorkflow, Workflow, Workspace};
use jackfield_store::{Commit, Query, ReadError, StoreExt};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;

/// A workflow of an organisation, as lists show it.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct OrganisationWorkflowView {
    /// Its name.
    pub name: String,
    /// `published` or `stopped`.
    pub state: String,
    /// Which workspaces it is for.
    pub scope: Accounts,
    /// Of several that match an event, lower starts first.
    pub priority: i64,
    /// The document as its author wrote it.
    pub source: String,
    /// When it was made.
    pub created_at: i64,
    /// When it last changed.
    pub updated_at: i64,
    /// Where it is, by the workspace's id.
    pub workspaces: Vec<InWorkspace>,
}

/// How a workspace has a workflow of its organisation.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct InWorkspace {
    /// The workspace.
    pub workspace: String,
    /// `published`; `stopped`; or `absent` where it is for the workspace, which could not publish it
    /// when it came to the organisation.
    pub state: String,
    /// The version of the copy.
    pub version: Option<i64>,
}

impl Workflows {
    /// Makes a document the organisation's and live in every workspace that it is for. A workspace
    /// that it is not for any more has its copy stopped. Done again, it changes nothing.
    ///
    /// # Errors
    /// `Problems`, of all workspaces, `Own`, `TooMany`; nothing was changed then.
    pub async fn put_for(
        &self,
        organisation: &str,
        source: &str,
        scope: Accounts,
        priority: Option<i64>,
        now: i64,
    ) -> Result<(OrganisationWorkflowView, Vec<Problem>), WorkflowError> {
        let document = Document::parse(source).map_err(WorkflowError::Problems)?;
        let _writing = self.writing.lock().await;
        let workspaces = self.workspaces_of(organisation).await?;
        let unknown = unknown(&scope, &workspaces);
        if !unknown.is_empty() {
            return Err(WorkflowError::Problems(unknown));
        }
        let old = self.of(organisation, &document.name).await?;
        let priority = priority.or(old.as_ref().map(|old| old.priority));
        let row = OrganisationWorkflow {
            organisation: organisation.to_owned(),
            name: document.name.clone(),
            state: "published".to_owned(),
            source: source.to_owned(),
            workspaces: serde_json::to_value(&scope).unwrap_or_default(),
            priority: priority.unwrap_or(PRIORITY),
            created_at: old.as_ref().map_or(now, |old| old.created_at),
            updated_at: now,
        };
        let (mut said, mut places) = (Said::default(), Vec::new());
        for workspace in &workspaces {
            let copy = self.record(workspace, &row.name).await?;
            let meant = scope.includes(&[workspace]);
            if meant {
                is_free(workspace, copy.as_ref(), &row)?;
                said.of(workspace, self.judge(workspace, &document).await?);
            }
            places.push((workspace, meant, copy));
        }
        let (errors, warnings) = said.all();
        if !errors.is_empty() {
            return Err(WorkflowError::Problems(errors));
        }
        let (mut commit, mut changed) = (Commit::control(), Vec::new());
        for (workspace, meant, copy) in places {
            if meant {
                let copied = self.copy(&mut commit, &row, &document, workspace, copy, now);
                if copied.await? {
                    changed.push(workspace);
                }
                continue;
            }
            let live = |copy: &Workflow| is_copy(copy, organisation) && copy.state == "published";
            if let Some(copy) = copy.filter(live) {
                self.switch(&mut commit, copy, false, now).await?;
                changed.push(workspace);
            }
        }
        commit.put(&row);
        self.store.commit(commit).await?;
        changed
            .into_iter()
            .for_each(|workspace| self.forget_live(workspace));
        Ok((self.shown(row).await?, warnings))
    }

    /// Has a workspace that came to an organisation have what that has for it, as far as the
    /// workspace can publish it; what it cannot is `absent`, and named in the log.
    ///
    /// # Errors
    /// When the database cannot be read or written.
    pub async fn join(
        &self,
        organisation: &str,
        workspace: &str,
        now: i64,
    ) -> Result<(), WorkflowError> {
        let _writing = self.writing.lock().await;
        for row in self.all_of(organisation).await? {
            if row.state != "published" || !scope(&row).includes(&[workspace]) {
                continue;
            }
            match self.join_one(&row, workspace, now).await {
                Ok(()) => {}
                Err(error @ (WorkflowError::Read(_) | WorkflowError::Commit(_))) => {
                    return Err(error);
                }
                Err(error) => tracing::warn!(
                    organisation, workspace, workflow = row.name, %error,
                    "a workspace cannot have a workflow of its organisation"
                ),
            }
        }
        Ok(())
    }

    async fn join_one(
        &self,
        row: &OrganisationWorkflow,
        workspace: &str,
        now: i64,
    ) -> Result<(), WorkflowError> {
        let document = Document::parse(&row.source).map_err(WorkflowError::Problems)?;
        let copy = self.record(workspace, &row.name).await?;
        is_free(workspace, copy.as_ref(), row)?;
        self.fits(workspace, &document).await?;
        let mut commit = Commit::control();
        if self
            .copy(&mut commit, row, &document, workspace, copy, now)
            .await?
        {
            self.store.commit(commit).await?;
            self.forget_live(workspace);
        }
        Ok(())
    }

    /// Adds a workspace's copy, of a document that fits there, to the commit; false where it is as
    /// it should be.
    async fn copy(
        &self,
        commit: &mut Commit,
        row: &OrganisationWorkflow,
        document: &Document,
        workspace: &str,
        old: Option<Workflow>,
        now: i64,
    ) -> Result<bool, WorkflowError> {
        if let Some(old) = &old {
            let same = (&old.source, old.priority) == (&row.source, row.priority);
            if same && old.state == "published" {
                return Ok(false);
            }
        }
        let priority = Some(row.priority);
        let record = self
            .drafted(workspace, &row.name, old, &row.source, priority, now)
            .await?;
        let record = Workflow {
            organisation: Some(row.organisation.clone()),
            ..record
        };
        self.go_live(commit, record, document, now).await?;
        Ok(true)
    }

    /// Has its copies start runs again (`true`), or no new ones (`false`).
    ///
    /// # Errors
    /// `NotOfOrganisation`.
    pub async fn set_active_for(
        &self,
        organisation: &str,
        name: &str,
        active: bool,
        now: i64,
    ) -> Result<OrganisationWorkflowView, WorkflowError> {
        let _writing = self.writing.lock().await;
        let old = self.existing_of(organisation, name).await?;
        let scope = scope(&old);
        let row = OrganisationWorkflow {
            state: if active { "published" } else { "stopped" }.to_owned(),
            updated_at: now,
            ..old
        };
        let mut commit = Commit::control();
        commit.put(&row);
        let copies = self.copies(organisation, name).await?;
        for copy in &copies {
            if !active || scope.includes(&[&copy.workspace]) {
                self.switch(&mut commit, copy.clone(), active, now).await?;
            }
        }
        self.store.commit(commit).await?;
        copies
            .iter()
            .for_each(|copy| self.forget_live(&copy.workspace));
        self.shown(row).await
    }

    /// Deletes it, with its copies.
    ///
    /// # Errors
    /// `NotOfOrganisation`; `Needed` while one of its workspaces has unfinished runs of it.
    pub async fn delete_for(&self, organisation: &str, name: &str) -> Result<(), WorkflowError> {
        let _writing = self.writing.lock().await;
        self.existing_of(organisation, name).await?;
        let mut commit = Commit::control();
        let copies = self.copies(organisation, name).await?;
        for copy in &copies {
            self.remove(&mut commit, &copy.workspace, name).await?;
        }
        commit.delete::<OrganisationWorkflow>([organisation.into(), name.into()]);
        self.store.commit(commit).await?;
        copies
            .iter()
            .for_each(|copy| self.forget_live(&copy.workspace));
        Ok(())
    }

    /// The workflows of an organisation, by name.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn list_for(
        &self,
        organisation: &str,
    ) -> Result<Vec<OrganisationWorkflowView>, WorkflowError> {
        let mut views = Vec::new();
        for row in self.all_of(organisation).await? {
            views.push(self.shown(row).await?);
        }
        Ok(views)
    }

    /// One workflow of an organisation.
    ///
    /// # Errors
    /// `NotOfOrganisation`.
    pub async fn get_for(
        &self,
        organisation: &str,
        name: &str,
    ) -> Result<OrganisationWorkflowView, WorkflowError> {
        self.shown(self.existing_of(organisation, name).await?)
            .await
    }

    async fn shown(
        &self,
        row: OrganisationWorkflow,
    ) -> Result<OrganisationWorkflowView, WorkflowError> {
        let scope = scope(&row);
        let copies = self.copies(&row.organisation, &row.name).await?;
        let mut copies: HashMap<String, Workflow> = copies
            .into_iter()
            .map(|copy| (copy.workspace.clone(), copy))
            .collect();
        let mut workspaces = Vec::new();
        for workspace in self.workspaces_of(&row.organisation).await? {
            let copy = copies.remove(&workspace);
            if copy.is_none() && !scope.includes(&[&workspace]) {
                continue;
            }
            let (state, version) = copy.map_or(("absent".to_owned(), None), |copy| {
                (copy.state, copy.version)
            });
            workspaces.push(InWorkspace {
                workspace,
                state,
                version,
            });
        }
        Ok(OrganisationWorkflowView {
            name: row.name,
            state: row.state,
            scope,
            priority: row.priority,
            source: row.source,
            created_at: row.created_at,
            updated_at: row.updated_at,
            workspaces,
        })
    }

    async fn workspaces_of(&self, organisation: &str) -> Result<Vec<String>, ReadError> {
        let query = Query::<Workspace>::all()
            .equal("organisation", organisation)
            .ascending("id");
        let rows = self.store.find(query).await?;
        Ok(rows.into_iter().map(|row| row.id).collect())
    }

    async fn all_of(&self, organisation: &str) -> Result<Vec<OrganisationWorkflow>, ReadError> {
        let query = Query::<OrganisationWorkflow>::all()
            .equal("organisation", organisation)
            .ascending("name");
        self.store.find(query).await
    }

    async fn of(
        &self,
        organisation: &str,
        name: &str,
    ) -> Result<Option<OrganisationWorkflow>, ReadError> {
        let query = Query::<OrganisationWorkflow>::all()
            .equal("organisation", organisation)
            .equal("name", name);
        self.store.first(query).await
    }

    async fn existing_of(
        &self,
        organisation: &str,
        name: &str,
    ) -> Result<OrganisationWorkflow, WorkflowError> {
        let found = self.of(organisation, name).await?;
        found.ok_or_else(|| WorkflowError::NotOfOrganisation {
            organisation: organisation.to_owned(),
            name: name.to_owned(),
        })
    }

    /// The copies of a workflow, by workspace.
    async fn copies(&self, organisation: &str, name: &str) -> Result<Vec<Workflow>, ReadError> {
        let query = Query::<Workflow>::all()
            .equal("organisation", organisation)
            .equal("name", name)
            .ascending("workspace");
        self.store.find(query).await
    }
}

fn is_copy(record: &Workflow, organisation: &str) -> bool {
    record.organisation.as_deref() == Some(organisation)
}

/// Refuses to write over what is a workspace's own.
fn is_free(
    workspace: &str,
    copy: Option<&Workflow>,
    row: &OrganisationWorkflow,
) -> Result<(), WorkflowError> {
    if copy.is_none_or(|copy| is_copy(copy, &row.organisation)) {
        return Ok(());
    }
    Err(WorkflowError::Own {
        workspace: workspace.to_owned(),
        name: row.name.clone(),
    })
}

/// Which workspaces it is for; none where the row cannot be read.
fn scope(row: &OrganisationWorkflow) -> Accounts {
    Accounts::deserialize(&row.workspaces).unwrap_or(Accounts::Only(Vec::new()))
}

/// The names in a scope that are no workspace of the organisation.
fn unknown(scope: &Accounts, workspaces: &[String]) -> Vec<Problem> {
    let (key, names) = match scope {
        Accounts::All => return Vec::new(),
        Accounts::Only(names) => ("only", names),
        Accounts::Except(names) => ("except", names),
    };
    names
        .iter()
        .filter(|name| !workspaces.contains(name))
        .map(|name| {
            let said = format!("`{name}` is no workspace of the organisation");
            Problem::error("unknown-workspace", key, said)
                .suggest(nearest(name, workspaces.iter().map(String::as_str)))
        })
        .collect()
}

/// What the workspaces say of a document: each problem once, with where it was met.
#[derive(Default)]
struct Said {
    asked: usize,
    found: Vec<(Problem, Vec<String>)>,
}

impl Said {
    fn of(&mut self, workspace: &str, problems: Vec<Problem>) {
        self.asked += 1;
        for problem in problems {
            match self.found.iter_mut().find(|(known, _)| *known == problem) {
                Some((_, places)) => places.push(workspace.to_owned()),
                None => self.found.push((problem, vec![workspace.to_owned()])),
            }
        }
    }

    /// Errors and warnings. Those that not every workspace has name the ones that do.
    fn all(self) -> (Vec<Problem>, Vec<Problem>) {
        let asked = self.asked;
        let named = self.found.into_iter().map(|(mut problem, places)| {
            if places.len() < asked {
                let place = format!("in {}: ", places.join(", "));
                problem.message.insert_str(0, &place);
            }
            problem
        });
        named.partition(is_error)
    }
}
