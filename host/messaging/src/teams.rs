//! Teams: users that are assigned to as one, each with a place in the order and a penalty.

use crate::assignment;
use crate::context::Context;
use crate::error::{Error, Problem, Result};
use crate::secrets::is_slug;
use crate::users;
use jackfield_store::Commit;
use jackfield_store::records::Team;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// The most teams of a workspace.
const MOST: usize = 200;
/// The longest title, in characters.
const LONGEST_TITLE: usize = 200;
/// The highest limit of a queue.
pub(crate) const MOST_WAITING: u32 = 100_000;
/// The highest penalty.
pub(crate) const MOST_PENALTY: u32 = 100;

/// A user's place in a team.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// The user: by id as kept and shown, by id, mail address or name as given.
    pub user: String,
    /// The place in the order that `linear` follows; lower goes first.
    #[serde(default)]
    pub position: i64,
    /// 0 to 100: the higher, the less `weighted-random` chooses the user.
    #[serde(default)]
    pub penalty: u32,
}

/// A team.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TeamView {
    /// Lower-case words with hyphens.
    pub name: String,
    /// For people.
    pub title: String,
    /// Its users.
    pub members: Vec<Member>,
    /// So many contacts may wait for it; 0 for any number.
    pub max_waiting: u32,
    /// Milliseconds since 1970.
    pub created_at: i64,
}

impl TeamView {
    pub(crate) fn read(row: &Team) -> TeamView {
        TeamView {
            name: row.name.clone(),
            title: row.title.clone(),
            members: Vec::deserialize(&row.members).unwrap_or_default(),
            max_waiting: row.max_waiting.and_then(|n| n.try_into().ok()).unwrap_or(0),
            created_at: row.created_at,
        }
    }
}

/// The teams of all workspaces.
#[derive(Clone)]
pub struct Teams {
    context: Arc<Context>,
}

impl Teams {
    pub(crate) fn new(context: Arc<Context>) -> Teams {
        Teams { context }
    }

    /// Every team of a workspace, by name.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn all(&self, workspace: &str) -> Result<Vec<TeamView>> {
        let rows = self.context.teams(workspace).await?;
        Ok(rows.iter().map(TeamView::read).collect())
    }

    /// A team by its name.
    ///
    /// # Errors
    /// `not-found`, which says which teams there are.
    pub async fn get(&self, workspace: &str, name: &str) -> Result<TeamView> {
        find(&self.context, workspace, name).await
    }

    /// Makes a team, or changes it: what is none stays. Answers whether it was made.
    ///
    /// # Errors
    /// `invalid`; `conflict` where the workspace has 200 teams.
    pub async fn put(
        &self,
        workspace: &str,
        name: &str,
        title: Option<String>,
        members: Option<Vec<Member>>,
        max_waiting: Option<u32>,
    ) -> Result<(TeamView, bool)> {
        let context = &*self.context;
        let mut problems = Vec::new();
        if !is_slug(name) {
            problems.push(Problem::new(
                "name",
                "lower-case words with hyphens, such as `sales`",
            ));
        }
        let long = |title: &String| title.chars().count() > LONGEST_TITLE;
        if title.as_ref().is_some_and(long) {
            let said = format!("at most {LONGEST_TITLE} characters");
            problems.push(Problem::new("title", said));
        }
        if max_waiting.is_some_and(|most| most > MOST_WAITING) {
            let said = format!("0 to {MOST_WAITING}; 0 for any number");
            problems.push(Problem::new("max-waiting", said));
        }
        let members = match members {
            Some(members) => Some(self.checked(workspace, members, &mut problems).await?),
            None => None,
        };
        if !problems.is_empty() {
            return Err(Error::problems("invalid-team", problems));
        }
        let known = context.teams(workspace).await?;
        let old = known.iter().find(|one| one.name == name);
        if old.is_none() && known.len() >= MOST {
            return Err(Error::conflict(
                "too-many-teams",
                format!("a workspace has at most {MOST} teams: delete one first"),
            ));
        }
        let row = Team {
            workspace: workspace.to_owned(),
            name: name.to_owned(),
            title: title
                .or_else(|| old.map(|old| old.title.clone()))
                .unwrap_or_else(|| name.to_owned()),
            members: match (members, old) {
                (Some(members), _) => serde_json::to_value(members).unwrap_or_default(),
                (None, Some(old)) => old.members.clone(),
                (None, None) => serde_json::json!([]),
            },
            created_at: old.map_or_else(|| context.now(), |old| old.created_at),
            max_waiting: max_waiting
                .map(i64::from)
                .or_else(|| old.and_then(|old| old.max_waiting)),
        };
        let mut commit = Commit::control();
        commit.put(&row);
        context.store().commit(commit).await?;
        context.forget();
        assignment::serve(&self.context, workspace).await?;
        Ok((TeamView::read(&row), old.is_none()))
    }

    /// Members as they are kept: by id, each once.
    async fn checked(
        &self,
        workspace: &str,
        members: Vec<Member>,
        problems: &mut Vec<Problem>,
    ) -> Result<Vec<Member>> {
        let mut kept: Vec<Member> = Vec::with_capacity(members.len());
        for (place, member) in members.into_iter().enumerate() {
            let field = format!("members/{place}");
            if member.penalty > MOST_PENALTY {
                let said = format!("a penalty is 0 to {MOST_PENALTY}");
                problems.push(Problem::new(format!("{field}/penalty"), said));
            }
            match users::find(&self.context, workspace, &member.user).await {
                Ok(user) if kept.iter().any(|one| one.user == user.id) => {
                    let said = format!("`{}` is there already", member.user);
                    problems.push(Problem::new(format!("{field}/user"), said));
                }
                Ok(user) => kept.push(Member {
                    user: user.id,
                    ..member
                }),
                Err(error) if error.is_unavailable() => return Err(error),
                Err(error) => {
                    problems.push(Problem::new(format!("{field}/user"), error.message));
                }
            }
        }
        Ok(kept)
    }

    /// Deletes a team; its users stay.
    ///
    /// # Errors
    /// `not-found`.
    pub async fn delete(&self, workspace: &str, name: &str) -> Result<()> {
        let context = &*self.context;
        let team = find(context, workspace, name).await?;
        let mut commit = Commit::control();
        commit.delete::<Team>([workspace.into(), team.name.into()]);
        context.store().commit(commit).await?;
        context.forget();
        Ok(())
    }
}

/// A team by its name.
///
/// # Errors
/// `not-found`, which says which teams there are.
pub(crate) async fn find(context: &Context, workspace: &str, name: &str) -> Result<TeamView> {
    let all = context.teams(workspace).await?;
    if let Some(found) = all.iter().find(|one| one.name == name) {
        return Ok(TeamView::read(found));
    }
    let names: Vec<&str> = all.iter().take(20).map(|one| one.name.as_str()).collect();
    let there = if names.is_empty() {
        "there is none yet".to_owned()
    } else {
        format!("there are: {}", names.join(", "))
    };
    Err(Error::not_found(
        "not-found",
        format!("there is no team `{name}`; {there}"),
    ))
}
