//! Organisations: who owns workspaces. Made by the operator.
//!
//! A key of an organisation opens each of its workspaces and no other: in the database it stands in
//! the place of a workspace's id, with a mark that no workspace's id has (`key_place`).
//!
//! What must hold: an organisation with workspaces is not deleted; keys of one that was deleted open
//! nothing, whoever takes its id later.

use crate::context::Context;
use crate::error::{Error, Problem, Result};
use crate::secrets::is_slug;
use jackfield_store::records::{ApiKey, Organisation, OrganisationWorkflow, Workspace};
use jackfield_store::{Commit, Query, StoreExt};
use std::sync::Arc;

/// What stands before an organisation's id where a key has its workspace.
const MARK: char = '@';
/// The longest title, in characters.
const LONGEST_TITLE: usize = 200;

/// What a key of an organisation has in the place of a workspace's id.
#[must_use]
pub fn key_place(organisation: &str) -> String {
    format!("{MARK}{organisation}")
}

/// The organisation that a key is of, by what it has in the place of a workspace's id.
#[must_use]
pub fn of_key_place(place: &str) -> Option<&str> {
    place.strip_prefix(MARK)
}

/// All organisations.
#[derive(Clone)]
pub struct Organisations {
    context: Arc<Context>,
}

impl Organisations {
    pub(crate) fn new(context: Arc<Context>) -> Organisations {
        Organisations { context }
    }

    /// Makes an organisation.
    ///
    /// # Errors
    /// `invalid`; `conflict` where there is one of that id.
    pub async fn create(&self, id: &str, title: Option<&str>) -> Result<Organisation> {
        let mut problems = Vec::new();
        if !is_slug(id) {
            problems.push(Problem::new(
                "id",
                "lower-case words with hyphens, such as `acme`, at most 64 characters",
            ));
        }
        let title = title.unwrap_or(id);
        problems.extend(wrong_title(title));
        if !problems.is_empty() {
            return Err(Error::problems("invalid-organisation", problems));
        }
        let row = Organisation {
            id: id.to_owned(),
            title: title.to_owned(),
            created_at: self.context.now(),
        };
        let mut commit = Commit::control();
        commit.insert(&row);
        match self.context.store().commit(commit).await {
            Err(jackfield_store::CommitError::Exists { .. }) => Err(Error::conflict(
                "exists",
                format!("there is an organisation `{id}` already"),
            )),
            other => Ok(other.map(|()| row)?),
        }
    }

    /// An organisation.
    ///
    /// # Errors
    /// `not-found`.
    pub async fn get(&self, id: &str) -> Result<Organisation> {
        let query = Query::<Organisation>::all().equal("id", id);
        let row = self.context.store().first(query).await?;
        row.ok_or_else(|| {
            Error::not_found(
                "no-organisation",
                format!("there is no organisation `{id}`"),
            )
        })
    }

    /// All organisations, by id.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn list(&self) -> Result<Vec<Organisation>> {
        let query = Query::<Organisation>::all().ascending("id");
        Ok(self.context.store().find(query).await?)
    }

    /// The workspaces of an organisation, by id.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn workspaces(&self, id: &str) -> Result<Vec<Workspace>> {
        let query = Query::<Workspace>::all()
            .equal("organisation", id)
            .ascending("id");
        Ok(self.context.store().find(query).await?)
    }

    /// Gives an organisation another title.
    ///
    /// # Errors
    /// `not-found`, `invalid`.
    pub async fn update(&self, id: &str, title: Option<&str>) -> Result<Organisation> {
        let mut row = self.get(id).await?;
        if let Some(title) = title {
            if let Some(problem) = wrong_title(title) {
                return Err(Error::problems("invalid-organisation", vec![problem]));
            }
            row.title = title.to_owned();
            let mut commit = Commit::control();
            commit.put(&row);
            self.context.store().commit(commit).await?;
        }
        Ok(row)
    }

    /// Deletes an organisation that has no workspace any more. Its keys end, its workflows go.
    ///
    /// # Errors
    /// `not-found`; `conflict` while it has workspaces.
    pub async fn delete(&self, id: &str) -> Result<()> {
        self.get(id).await?;
        let workspaces = self.workspaces(id).await?;
        if let Some(first) = workspaces.first() {
            return Err(Error::conflict(
                "has-workspaces",
                format!(
                    "the organisation `{id}` has {} workspace(s), such as `{}`: move them to another \
                     organisation first",
                    workspaces.len(),
                    first.id
                ),
            ));
        }
        let query = Query::<ApiKey>::all().equal("workspace", key_place(id));
        let now = self.context.now();
        let mut commit = Commit::control();
        commit.delete::<Organisation>([id.into()]);
        commit.delete::<OrganisationWorkflow>([id.into()]);
        for key in self.context.store().find(query).await? {
            let revoked_at = key.revoked_at.or(Some(now));
            commit.put(&ApiKey { revoked_at, ..key });
        }
        self.context.store().commit(commit).await?;
        Ok(())
    }
}

fn wrong_title(title: &str) -> Option<Problem> {
    let good = (1..=LONGEST_TITLE).contains(&title.trim().chars().count());
    (!good).then(|| Problem::new("title", format!("1 to {LONGEST_TITLE} characters")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_place_of_a_key_is_no_workspace() {
        let place = key_place("acme");
        assert!(!is_slug(&place));
        assert_eq!(of_key_place(&place), Some("acme"));
        assert_eq!(of_key_place("acme"), None);
        assert_eq!(of_key_place("*"), None);
    }
}
