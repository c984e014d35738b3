//! The users of a workspace: who they are, whether they are there, how much they take.
//!
//! A user is found by id, mail address or name. Whether somebody is there may be said for a while
//! only: when it has passed, the user is offline.
//!
//! What must hold: a mail address is one user's; whoever has open contacts is not deleted.

use crate::assignment;
use crate::contacts::address;
use crate::context::Context;
use crate::error::{Error, Problem, Result};
use jackfield_engine::schedule::Duration;
use jackfield_store::records::{Team, User};
use jackfield_store::{Commit, Query, StoreExt};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// The most users of a workspace.
const MOST: usize = 1_000;
/// The longest name, in characters.
const LONGEST_NAME: usize = 200;
/// The most open contacts that can be said.
const MOST_OPEN: u32 = 100_000;

/// What a user may do.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Everything.
    Owner,
    /// Everything but the workspace itself.
    Manager,
    /// Talks to contacts.
    #[default]
    Agent,
}

/// Whether a user is there.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Presence {
    /// Takes contacts.
    Online,
    /// There, and on a break.
    Away,
    /// Not there.
    #[default]
    Offline,
}

impl Presence {
    /// As it is kept and shown.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Presence::Online => "online",
            Presence::Away => "away",
            Presence::Offline => "offline",
        }
    }

    fn named(name: &str) -> Presence {
        match name {
            "online" => Presence::Online,
            "away" => Presence::Away,
            _ => Presence::Offline,
        }
    }
}

impl Role {
    fn name(self) -> &'static str {
        match self {
            Role::Owner => "owner",
            Role::Manager => "manager",
            Role::Agent => "agent",
        }
    }

    fn named(name: &str) -> Role {
        match name {
            "owner" => Role::Owner,
            "manager" => Role::Manager,
            _ => Role::Agent,
        }
    }
}

/// What the row keeps beside its columns.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
struct More {
    max_open: Option<u32>,
    on_call: bool,
    until: Option<i64>,
}

/// A user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserView {
    /// Made by the host.
    pub id: String,
    /// Mail address, in lower case.
    pub email: String,
    /// For people.
    pub name: String,
    /// What the user may do.
    pub role: Role,
    /// Whether the user is there, now.
    pub presence: Presence,
    /// Until when that holds, if not for good. Milliseconds since 1970.
    pub until: Option<i64>,
    /// Whether the user is on a call.
    pub on_call: bool,
    /// How many open contacts the user takes from a queue at most.
    pub max_open: Option<u32>,
    /// Milliseconds since 1970.
    pub created_at: i64,
}

impl UserView {
    pub(crate) fn read(row: &User, now: i64) -> UserView {
        let more = More::deserialize(&row.data).unwrap_or_default();
        let over = more.until.is_some_and(|until| until <= now);
        UserView {
            id: row.id.clone(),
            email: row.email.clone(),
            name: row.name.clone(),
            role: Role::named(&row.role),
            presence: if over {
                Presence::Offline
            } else {
                Presence::named(&row.presence)
            },
            until: more.until.filter(|_| !over),
            on_call: more.on_call && !over,
            max_open: more.max_open,
            created_at: row.created_at,
        }
    }

    fn row(&self, workspace: &str) -> User {
        let more = More {
            max_open: self.max_open,
            on_call: self.on_call,
            until: self.until,
        };
        User {
            workspace: workspace.to_owned(),
            id: self.id.clone(),
            email: self.email.clone(),
            name: self.name.clone(),
            role: self.role.name().to_owned(),
            presence: self.presence.name().to_owned(),
            data: serde_json::to_value(more).unwrap_or_default(),
            created_at: self.created_at,
        }
    }
}

/// What is changed about a user: what is none stays.
#[derive(Debug, Clone, Default)]
pub struct UserPatch {
    /// Mail address.
    pub email: Option<String>,
    /// For people.
    pub name: Option<String>,
    /// What the user may do.
    pub role: Option<Role>,
    /// How many open contacts at most; `Some(None)` for no limit.
    pub max_open: Option<Option<u32>>,
}

/// The users of all workspaces.
#[derive(Clone)]
pub struct Users {
    context: Arc<Context>,
}

impl Users {
    pub(crate) fn new(context: Arc<Context>) -> Users {
        Users { context }
    }

    /// Every user of a workspace, by mail address.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn all(&self, workspace: &str) -> Result<Vec<UserView>> {
        let now = self.context.now();
        let rows = self.context.users(workspace).await?;
        Ok(rows.iter().map(|row| UserView::read(row, now)).collect())
    }

    /// A user by id, mail address or name.
    ///
    /// # Errors
    /// `not-found`, which says which users there are.
    pub async fn get(&self, workspace: &str, user: &str) -> Result<UserView> {
        let row = find(&self.context, workspace, user).await?;
        Ok(UserView::read(&row, self.context.now()))
    }

    /// Makes a user, offline at first.
    ///
    /// # Errors
    /// `invalid`; `conflict` where the mail address is another's, or there are 1,000 users.
    pub async fn create(&self, workspace: &str, patch: UserPatch) -> Result<UserView> {
        let context = &*self.context;
        let known = context.fresh_users(workspace).await?;
        if known.len() >= MOST {
            return Err(Error::conflict(
                "too-many-users",
                format!("a workspace has at most {MOST} users: delete one first"),
            ));
        }
        let new = UserView {
            id: context.new_id("usr", 0),
            email: String::new(),
            name: String::new(),
            role: Role::Agent,
            presence: Presence::Offline,
            until: None,
            on_call: false,
            max_open: None,
            created_at: context.now(),
        };
        let user = changed(&known, new, patch)?;
        self.keep(workspace, &user).await?;
        Ok(user)
    }

    /// Changes a user.
    ///
    /// # Errors
    /// `not-found`, `invalid`, `conflict` as of `create`.
    pub async fn update(&self, workspace: &str, user: &str, patch: UserPatch) -> Result<UserView> {
        let context = &*self.context;
        let row = find(context, workspace, user).await?;
        let known = context.fresh_users(workspace).await?;
        let old = UserView::read(&row, context.now());
        let user = changed(&known, old, patch)?;
        self.keep(workspace, &user).await?;
        assignment::serve(&self.context, workspace).await?;
        Ok(user)
    }

    /// Says whether a user is there, for a while (such as `8h`) or for good, and whether on a call.
    ///
    /// # Errors
    /// `not-found`; `invalid` for a length that is none.
    pub async fn present(
        &self,
        workspace: &str,
        user: &str,
        presence: Presence,
        on_call: bool,
        length: Option<&str>,
    ) -> Result<UserView> {
        let context = &*self.context;
        let now = context.now();
        let until = length
            .map(str::parse::<Duration>)
            .transpose()
            .map_err(|error| {
                Error::problems(
                    "invalid-presence",
                    vec![Problem::new("for", error.to_string())],
                )
            })?;
        let until = until.map(|length| {
            let length = i64::try_from(length.as_millis()).unwrap_or(i64::MAX);
            now.saturating_add(length)
        });
        let row = find(context, workspace, user).await?;
        let user = UserView {
            presence,
            on_call,
            until,
            ..UserView::read(&row, now)
        };
        self.keep(workspace, &user).await?;
        assignment::serve(&self.context, workspace).await?;
        Ok(user)
    }

    /// Deletes a user, who leaves every team.
    ///
    /// # Errors
    /// `not-found`; `conflict` where the user has open contacts.
    pub async fn delete(&self, workspace: &str, user: &str) -> Result<()> {
        let context = &*self.context;
        let row = find(context, workspace, user).await?;
        let open = assignment::open_contacts(context, workspace, &row.id).await?;
        if open > 0 {
            return Err(Error::conflict(
                "has-contacts",
                format!(
                    "{} has {open} open contacts: assign them to somebody else, or close them, first",
                    row.email
                ),
            ));
        }
        let mut commit = Commit::control();
        let teams = Query::<Team>::all().equal("workspace", workspace);
        for mut team in context.store().find(teams).await? {
            let members = team.members.as_array_mut();
            let before = members.as_ref().map_or(0, |members| members.len());
            if let Some(members) = members {
                members.retain(|member| {
                    member.get("user").and_then(|id| id.as_str()) != Some(&row.id)
                });
                if members.len() < before {
                    commit.put(&team);
                }
            }
        }
        commit.delete::<User>([workspace.into(), row.id.into()]);
        context.store().commit(commit).await?;
        context.forget();
        Ok(())
    }

    async fn keep(&self, workspace: &str, user: &UserView) -> Result<()> {
        let mut commit = Commit::control();
        commit.put(&user.row(workspace));
        self.context.store().commit(commit).await?;
        self.context.forget();
        Ok(())
    }
}

/// A user as a patch leaves it, if that is right.
fn changed(known: &[User], old: UserView, patch: UserPatch) -> Result<UserView> {
    let mut problems = Vec::new();
    let email = match patch.email.as_deref() {
        None if old.email.is_empty() => {
            problems.push(Problem::new("email", address::EMAIL));
            String::new()
        }
        None => old.email,
        Some(text) => match address::email(text.trim()) {
            Some(email) => email.to_lowercase(),
            None => {
                problems.push(Problem::new("email", address::EMAIL));
                String::new()
            }
        },
    };
    let name = match patch.name {
        None if old.name.is_empty() => email.clone(),
        None => old.name,
        Some(name) => name.trim().to_owned(),
    };
    if problems.is_empty() && (name.is_empty() || name.chars().count() > LONGEST_NAME) {
        let said = format!("1 to {LONGEST_NAME} characters");
        problems.push(Problem::new("name", said));
    }
    let max_open = patch.max_open.unwrap_or(old.max_open);
    if max_open.is_some_and(|most| most == 0 || most > MOST_OPEN) {
        problems.push(Problem::new(
            "max-open",
            format!("1 to {MOST_OPEN}, or null for no limit"),
        ));
    }
    if !problems.is_empty() {
        return Err(Error::problems("invalid-user", problems));
    }
    if known
        .iter()
        .any(|one| one.email == email && one.id != old.id)
    {
        return Err(Error::conflict(
            "exists",
            format!("there is a user `{email}` already"),
        ));
    }
    Ok(UserView {
        email,
        name,
        role: patch.role.unwrap_or(old.role),
        max_open,
        ..old
    })
}

/// A user by id, mail address or name.
///
/// # Errors
/// `not-found`, which says which users there are; `invalid` for a name that several have.
pub(crate) async fn find(context: &Context, workspace: &str, user: &str) -> Result<User> {
    let all = context.users(workspace).await?;
    let exact = all
        .iter()
        .find(|one| one.id == user || one.email.eq_ignore_ascii_case(user.trim()));
    if let Some(found) = exact {
        return Ok(found.clone());
    }
    let wanted = user.trim().to_lowercase();
    let mut named = all.iter().filter(|one| one.name.to_lowercase() == wanted);
    match (named.next(), named.next()) {
        (Some(found), None) => Ok(found.clone()),
        (Some(_), Some(_)) => Err(Error::invalid(
            "ambiguous-user",
            format!("several users are called `{user}`: name one by mail address"),
        )),
        (None, _) => {
            let names: Vec<&str> = all.iter().take(20).map(|one| one.email.as_str()).collect();
            let there = if names.is_empty() {
                "there is none yet".to_owned()
            } else {
                format!("there are: {}", names.join(", "))
            };
            Err(Error::not_found(
                "not-found",
                format!("there is no user `{user}`; {there}"),
            ))
        }
    }
}
