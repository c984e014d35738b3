//! Secrets of a workspace and of its channels: set, listed by name, deleted, and looked up by
//! egress at the last moment. Nobody reads a value back.

use crate::context::Context;
use crate::error::{Error, Problem, Result};
use async_trait::async_trait;
use jackfield_egress::{Secret, Secrets as Lookup, SecretsError};
use jackfield_store::records::Secret as Row;
use jackfield_store::{Commit, Query, StoreExt};
use serde::Serialize;
use std::sync::Arc;

/// The longest value of a secret, in bytes.
const LONGEST: usize = 64 * 1024;

/// A secret as it is listed: never its value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SecretView {
    /// Its name.
    pub name: String,
    /// When it was last set, milliseconds since 1970.
    pub updated_at: i64,
}

/// The secrets of all workspaces.
#[derive(Clone)]
pub struct Secrets {
    context: Arc<Context>,
}

impl Secrets {
    pub(crate) fn new(context: Arc<Context>) -> Secrets {
        Secrets { context }
    }

    /// Sets a secret. `owner` is a channel's id, or empty for the workspace's own.
    ///
    /// # Errors
    /// `invalid` where name or value cannot be a secret's.
    pub async fn set(&self, workspace: &str, owner: &str, name: &str, value: &str) -> Result<()> {
        let mut problems = Vec::new();
        if !is_slug(name) {
            problems.push(Problem::new(
                "name",
                "a secret's name is lower-case words with hyphens, such as `auth-token`",
            ));
        }
        if value.is_empty() || value.len() > LONGEST {
            problems.push(Problem::new("value", "a secret has 1 to 65,536 bytes"));
        }
        if !problems.is_empty() {
            return Err(Error::problems("invalid-secret", problems));
        }
        let mut commit = Commit::control();
        commit.put(&Row {
            workspace: workspace.to_owned(),
            owner: owner.to_owned(),
            name: name.to_owned(),
            sealed: self.context.key.seal(&[workspace, owner, name], value),
            updated_at: self.context.now(),
        });
        self.context.store().commit(commit).await?;
        self.context.secrets.forget();
        Ok(())
    }

    /// The names that are set.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn list(&self, workspace: &str, owner: &str) -> Result<Vec<SecretView>> {
        let query = Query::<Row>::all()
            .equal("workspace", workspace)
            .equal("owner", owner)
            .ascending("name");
        let rows = self.context.store().find(query).await?;
        Ok(rows
            .into_iter()
            .map(|row| SecretView {
                name: row.name,
                updated_at: row.updated_at,
            })
            .collect())
    }

    /// Removes a secret.
    ///
    /// # Errors
    /// `not-found`.
    pub async fn delete(&self, workspace: &str, owner: &str, name: &str) -> Result<()> {
        if !self
            .list(workspace, owner)
            .await?
            .iter()
            .any(|one| one.name == name)
        {
            return Err(Error::not_found(
                "no-secret",
                format!("there is no secret `{name}`"),
            ));
        }
        let mut commit = Commit::control();
        commit.delete::<Row>([workspace.into(), owner.into(), name.into()]);
        self.context.store().commit(commit).await?;
        self.context.secrets.forget();
        Ok(())
    }

    /// Egress's view of one owner's secrets.
    pub(crate) fn of(&self, workspace: &str, owner: &str) -> Arc<dyn Lookup> {
        Arc::new(Owned {
            context: Arc::clone(&self.context),
            workspace: workspace.to_owned(),
            owner: owner.to_owned(),
        })
    }
}

/// Lower-case words with hyphens, at most 64 characters.
pub(crate) fn is_slug(text: &str) -> bool {
    text.len() <= 64
        && text.starts_with(|first: char| first.is_ascii_lowercase())
        && text.split('-').all(|word| {
            !word.is_empty()
                && word
                    .bytes()
                    .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
        })
}

struct Owned {
    context: Arc<Context>,
    workspace: String,
    owner: String,
}

#[async_trait]
impl Lookup for Owned {
    async fn resolve(&self, name: &str) -> Result<Option<Secret>, SecretsError> {
        let key = (self.workspace.clone(), self.owner.clone(), name.to_owned());
        if let Some(found) = self.context.secrets.get(&key, self.context.now()) {
            return Ok(found);
        }
        let ticket = self.context.secrets.ticket();
        let query = Query::<Row>::all()
            .equal("workspace", self.workspace.as_str())
            .equal("owner", self.owner.as_str())
            .equal("name", name);
        let secret = match self.context.store().first(query).await? {
            None => None,
            Some(row) => {
                let place = [self.workspace.as_str(), self.owner.as_str(), name];
                Some(Secret::new(
                    self.context.key.open(&place, &row.sealed)?.as_str(),
                ))
            }
        };
        self.context
            .secrets
            .put(key, secret.clone(), self.context.copy_until(), ticket);
        Ok(secret)
    }
}
