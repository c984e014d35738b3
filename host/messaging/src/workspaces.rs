//! Workspaces: made by the operator, with their settings.

use crate::calendars;
use crate::context::Context;
use crate::error::{Error, Problem, Result};
use crate::secrets::is_slug;
use crate::settings::Settings;
use jackfield_store::records::{Workflow, Workspace};
use jackfield_store::{Commit, Query, StoreExt};
use serde_json::Value;
use std::sync::Arc;

/// All workspaces.
#[derive(Clone)]
pub struct Workspaces {
    context: Arc<Context>,
}

impl Workspaces {
    pub(crate) fn new(context: Arc<Context>) -> Workspaces {
        Workspaces { context }
    }

    /// Makes a workspace.
    ///
    /// # Errors
    /// `invalid`; `conflict` where there is one of that id.
    pub async fn create(
        &self,
        id: &str,
        organisation: &str,
        title: &str,
        settings: &Value,
    ) -> Result<Workspace> {
        if !is_slug(id) {
            let problem = Problem::new("id", "lower-case words with hyphens, such as `main`");
            return Err(Error::problems("invalid-workspace", vec![problem]));
        }
        let settings = checked(settings)?;
        if self.get(id).await?.is_some() {
            return Err(Error::conflict(
                "exists",
                format!("there is a workspace `{id}` already"),
            ));
        }
        let row = Workspace {
            id: id.to_owned(),
            organisation: organisation.to_owned(),
            title: title.to_owned(),
            settings,
            created_at: self.context.now(),
        };
        self.put(&row).await?;
        Ok(row)
    }

    /// A workspace.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn get(&self, id: &str) -> Result<Option<Workspace>> {
        Ok(self
            .context
            .store()
            .first(Query::<Workspace>::all().equal("id", id))
            .await?)
    }

    /// All workspaces, by id.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn list(&self) -> Result<Vec<Workspace>> {
        Ok(self
            .context
            .store()
            .find(Query::<Workspace>::all().ascending("id"))
            .await?)
    }

    /// The settings in force, defaults filled in.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn settings(&self, id: &str) -> Result<Settings> {
        Ok(Settings::clone(&*self.context.settings(id).await?))
    }

    /// Changes title and settings. Settings are merged (RFC 7396): what is not named stays, null
    /// takes back to the default.
    ///
    /// # Errors
    /// `not-found`, `invalid`.
    pub async fn update(
        &self,
        id: &str,
        title: Option<&str>,
        settings: Option<&Value>,
    ) -> Result<Workspace> {
        let mut row = self.context.workspace(id).await?;
        if let Some(title) = title {
            row.title = title.to_owned();
        }
        if let Some(patch) = settings {
            let mut merged = row.settings.clone();
            merge(&mut merged, patch);
            row.settings = checked(&merged)?;
            self.names_a_calendar(id, &row.settings).await?;
        }
        self.put(&row).await?;
        Ok(row)
    }

    /// Gives a workspace to another organisation: the keys of the one before open it no more, and
    /// its copies of that one's workflows are its own from now on.
    ///
    /// # Errors
    /// `not-found`.
    pub async fn give_to(&self, id: &str, organisation: &str) -> Result<Workspace> {
        let mut row = self.context.workspace(id).await?;
        if row.organisation == organisation {
            return Ok(row);
        }
        organisation.clone_into(&mut row.organisation);
        let mut commit = Commit::control();
        commit.put(&row);
        let copies = Query::<Workflow>::all().equal("workspace", id);
        for copy in self.context.store().find(copies).await? {
            if copy.organisation.is_some() {
                commit.put(&Workflow {
                    organisation: None,
                    ..copy
                });
            }
        }
        self.context.store().commit(commit).await?;
        self.context.forget();
        Ok(row)
    }

    /// Refuses marketing hours that are a calendar which is not there.
    async fn names_a_calendar(&self, id: &str, settings: &Value) -> Result<()> {
        let settings = Settings::parse(settings).unwrap_or_default();
        if let Some(name) = settings.marketing_calendar() {
            let all = self.context.calendars(id).await?;
            calendars::find(&all, name).map_err(|error| {
                let problem = Problem::new("marketing-hours", error.message);
                Error::problems("invalid-settings", vec![problem])
            })?;
        }
        Ok(())
    }

    async fn put(&self, row: &Workspace) -> Result<()> {
        let mut commit = Commit::control();
        commit.put(row);
        self.context.store().commit(commit).await?;
        self.context.forget();
        Ok(())
    }
}

/// Settings as they are stored: what the caller wrote, if it can be.
fn checked(settings: &Value) -> Result<Value> {
    let written = if settings.is_null() {
        Value::Object(serde_json::Map::new())
    } else {
        settings.clone()
    };
    Settings::parse(&written).map_err(|problems| Error::problems("invalid-settings", problems))?;
    Ok(written)
}

/// JSON Merge Patch (RFC 7396).
pub(crate) fn merge(target: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = Value::Object(serde_json::Map::new());
    }
    let Value::Object(target) = target else {
        return;
    };
    for (key, value) in patch {
        if value.is_null() {
            target.remove(key);
        } else {
            merge(target.entry(key.clone()).or_insert(Value::Null), value);
        }
    }
}
