//! What a workflow document may name in a workspace: the steps that are installed, and what the
//! workspace has of channels, templates, fields, lists and the rest.
//!
//! Read anew whenever a document is checked: that is seldom, and a check must not be wrong.

use super::{Version, WorkflowError, Workflows};
use crate::document::{Catalogue, MANUAL, Own, Published, StepDescriptor};
use crate::plugins::version_key;
use crate::variables::{self, Snippets};
use jackfield_store::records::{
    Calendar, Channel, ContactField, ContactList, DataTable, File, Secret, Snippet, Team, Template,
};
use jackfield_store::{Query, ReadError, Record, StoreExt};
use std::collections::HashMap;
use std::sync::Arc;

impl Workflows {
    /// What a document may name in this workspace.
    pub(super) async fn catalogue(&self, workspace: &str) -> Result<Installed, WorkflowError> {
        let fields = self.rows::<ContactField>(workspace).await?.into_iter();
        let secrets = Query::<Secret>::all()
            .equal("workspace", workspace)
            .equal("owner", "");
        let secrets = self.store.find(secrets).await?;
        let live = self.live(workspace).await?;
        Ok(Installed {
            steps: self.plugins.steps().await?,
            channels: names(self.rows(workspace).await?, |row: Channel| row.name),
            templates: names(self.rows(workspace).await?, |row: Template| row.name),
            fields: fields.map(|field| (field.name, field.kind)).collect(),
            lists: names(self.rows(workspace).await?, |row: ContactList| row.name),
            tables: names(self.rows(workspace).await?, |row: DataTable| row.name),
            teams: names(self.rows(workspace).await?, |row: Team| row.name),
            snippets: variables::snippet::of_rows(self.rows::<Snippet>(workspace).await?),
            files: names(self.rows(workspace).await?, |row: File| row.name),
            secrets: names(secrets, |row| row.name),
            calendars: names(self.rows(workspace).await?, |row: Calendar| row.name),
            workflows: live.iter().map(|version| published(version)).collect(),
        })
    }

    /// All rows of a workspace in one table.
    async fn rows<R: Record>(&self, workspace: &str) -> Result<Vec<R>, ReadError> {
        let rows = Query::<R>::all().equal("workspace", workspace);
        self.store.find(rows).await
    }
}

fn names<R>(rows: Vec<R>, name: impl Fn(R) -> String) -> Vec<String> {
    rows.into_iter().map(name).collect()
}

fn published(version: &Version) -> Published {
    let triggers = &version.document.triggers;
    Published {
        name: version.workflow.clone(),
        manual: triggers.iter().any(|trigger| trigger.event == MANUAL),
        starts: version
            .document
            .starts(|step| version.plugins.get(step)?.step.as_ref()),
        hears: triggers
            .iter()
            .filter_map(|trigger| match &trigger.own {
                Own::Received(received) => Some((**received).clone()),
                _ => None,
            })
            .collect(),
    }
}

/// What a document may name in this workspace.
pub(super) struct Installed {
    steps: Vec<StepDescriptor>,
    channels: Vec<String>,
    templates: Vec<String>,
    /// With their types.
    fields: HashMap<String, String>,
    lists: Vec<String>,
    tables: Vec<String>,
    teams: Vec<String>,
    snippets: Snippets,
    files: Vec<String>,
    secrets: Vec<String>,
    calendars: Vec<String>,
    workflows: Vec<Published>,
}

impl Installed {
    /// Has this step stand for its name and major version.
    pub(super) fn put(&mut self, step: StepDescriptor) {
        self.steps
            .retain(|other| other.name != step.name || other.major() != step.major());
        self.steps.push(step);
    }
}

impl Catalogue for Installed {
    fn step(&self, name: &str, major: u64) -> Option<StepDescriptor> {
        self.steps
            .iter()
            .filter(|step| step.name == name && step.major() == Some(major))
            .max_by_key(|step| version_key(&step.version))
            .cloned()
    }

    fn step_names(&self) -> Vec<String> {
        self.steps.iter().map(StepDescriptor::reference).collect()
    }

    fn channels(&self) -> Option<Vec<String>> {
        Some(self.channels.clone())
    }

    fn templates(&self) -> Option<Vec<String>> {
        Some(self.templates.clone())
    }

    fn contact_fields(&self) -> Option<Vec<String>> {
        let mut names: Vec<String> = self.fields.keys().cloned().collect();
        names.sort_unstable();
        Some(names)
    }

    fn field_kinds(&self) -> Option<HashMap<String, String>> {
        Some(self.fields.clone())
    }

    fn lists(&self) -> Option<Vec<String>> {
        Some(self.lists.clone())
    }

    fn tables(&self) -> Option<Vec<String>> {
        Some(self.tables.clone())
    }

    fn teams(&self) -> Option<Vec<String>> {
        Some(self.teams.clone())
    }

    fn snippets(&self) -> Option<Snippets> {
        Some(Arc::clone(&self.snippets))
    }

    fn files(&self) -> Option<Vec<String>> {
        Some(self.files.clone())
    }

    fn calendars(&self) -> Option<Vec<String>> {
        Some(self.calendars.clone())
    }

    fn secrets(&self) -> Option<Vec<String>> {
        Some(self.secrets.clone())
    }

    fn workflows(&self) -> Option<Vec<Published>> {
        Some(self.workflows.clone())
    }
}
