//! What is asked of an assignment: who is to have the contact, and how one is chosen where several
//! may. The same words for steps, the API and the command line.

use super::ledger;
use crate::context::Context;
use crate::error::{Error, Problem, Result};
use crate::teams;
use crate::users::{self, UserView};
use jackfield_engine::schedule::Duration;
use serde::{Deserialize, Serialize};

/// How many contacts a request may set as a bound.
const MOST_OPEN: u32 = 100_000;
/// Priorities are between this and its negative.
pub(super) const MOST_PRIORITY: i32 = 100;

/// How one of several users is chosen.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Strategy {
    /// In turns; whoever is skipped keeps the place.
    #[default]
    RoundRobin,
    /// The fewest open contacts.
    LeastOpen,
    /// The longest without a new contact.
    LeastRecent,
    /// The fewest closed contacts.
    FewestCompleted,
    /// The first in the team's order.
    Linear,
    /// Anybody.
    Random,
    /// Anybody, the less the higher the penalty.
    WeightedRandom,
    /// Nobody is chosen: whoever takes it first.
    RingAll,
}

/// What is asked. Exactly one of `user`, `team`, `workspace` and `nobody`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct AssignRequest {
    /// This user, by id, mail address or name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// Somebody of this team.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub team: Option<String>,
    /// Somebody of the workspace.
    pub workspace: bool,
    /// Nobody.
    pub nobody: bool,
    /// How one is chosen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub by: Option<Strategy>,
    /// Only users that are online.
    pub only_online: bool,
    /// Only users that are not on a call.
    pub not_on_call: bool,
    /// Only users with fewer open contacts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fewer_than: Option<u32>,
    /// -100 to 100, higher first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub priority: Option<i32>,
    /// After so long in the queue, such as `60s`, the event `queue.overdue` is raised.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service_level: Option<String>,
}

/// A user as contacts, events and answers name one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Person {
    /// The user's id.
    pub id: String,
    /// For people.
    pub name: String,
    /// Mail address.
    pub email: String,
}

impl From<&UserView> for Person {
    fn from(user: &UserView) -> Person {
        Person {
            id: user.id.clone(),
            name: user.name.clone(),
            email: user.email.clone(),
        }
    }
}

/// A request of which everything is there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Plan {
    /// This user, at once.
    User(Person),
    /// Nobody, at once.
    Nobody,
    /// Somebody, through the queue.
    Queue(AssignRequest),
    /// Nobody more may wait: so many do already.
    Full {
        /// The team; none for the workspace's own queue.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        team: Option<String>,
        /// The queue's limit.
        most: u32,
    },
}

impl AssignRequest {
    /// Checks the request against itself and the workspace.
    ///
    /// # Errors
    /// `invalid` with each part that is wrong; `not-found` for the user or team; `no-members` where
    /// there is nobody to choose from.
    pub(crate) async fn plan(
        self,
        context: &Context,
        workspace: &str,
        contact: &str,
    ) -> Result<Plan> {
        let problems = self.problems();
        if !problems.is_empty() {
            return Err(Error::problems("invalid", problems));
        }
        if self.nobody {
            return Ok(Plan::Nobody);
        }
        if let Some(user) = &self.user {
            let row = users::find(context, workspace, user).await?;
            let user = UserView::read(&row, context.now());
            return Ok(Plan::User(Person::from(&user)));
        }
        let (empty, most, whom) = match &self.team {
            Some(name) => {
                let team = teams::find(context, workspace, name).await?;
                let whom = format!("the team `{name}`");
                (team.members.is_empty(), team.max_waiting, whom)
            }
            None => {
                let users = context.users(workspace).await?;
                let most = context.settings(workspace).await?.max_waiting;
                (users.is_empty(), most, "this workspace".to_owned())
            }
        };
        if empty {
            return Err(Error::invalid(
                "no-members",
                format!("{whom} has no users: nobody can be assigned"),
            ));
        }
        let team = self.team.clone();
        if most > 0 && ledger::is_full(context, workspace, team.as_deref(), most, contact).await? {
            return Ok(Plan::Full { team, most });
        }
        Ok(Plan::Queue(self))
    }

    fn problems(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        let named = [
            self.user.is_some(),
            self.team.is_some(),
            self.workspace,
            self.nobody,
        ];
        if named.iter().filter(|is| **is).count() != 1 {
            problems.push(Problem::new(
                "",
                "name one of `user`, `team`, `workspace` and `nobody`",
            ));
        }
        let chooses = self.team.is_some() || self.workspace;
        let options = [
            ("by", self.by.is_some()),
            ("only-online", self.only_online),
            ("not-on-call", self.not_on_call),
            ("fewer-than", self.fewer_than.is_some()),
            ("priority", self.priority.is_some()),
            ("service-level", self.service_level.is_some()),
        ];
        for (field, is) in options {
            if is && !chooses {
                let said = "belongs to `team` or `workspace`, where one is chosen";
                problems.push(Problem::new(field, said));
            }
        }
        if self.fewer_than.is_some_and(|n| n == 0 || n > MOST_OPEN) {
            let said = format!("1 to {MOST_OPEN}");
            problems.push(Problem::new("fewer-than", said));
        }
        let near = -MOST_PRIORITY..=MOST_PRIORITY;
        if self.priority.is_some_and(|it| !near.contains(&it)) {
            let said = format!("-{MOST_PRIORITY} to {MOST_PRIORITY}");
            problems.push(Problem::new("priority", said));
        }
        if let Some(text) = &self.service_level
            && let Err(error) = text.parse::<Duration>()
        {
            problems.push(Problem::new("service-level", error.to_string()));
        }
        problems
    }

    /// After how many milliseconds in the queue somebody is told.
    pub(crate) fn service_level(&self) -> Option<i64> {
        let length = self.service_level.as_deref()?.parse::<Duration>().ok()?;
        i64::try_from(length.as_millis()).ok()
    }

    /// Where a contact stands in the queue that came at `since`: lower goes first.
    pub(crate) fn rank(&self, since: i64) -> i64 {
        /// More milliseconds than there will be for three thousand years.
        const AGE: i64 = 100_000_000_000_000;
        let priority = self
            .priority
            .unwrap_or(0)
            .clamp(-MOST_PRIORITY, MOST_PRIORITY);
        i64::from(MOST_PRIORITY - priority) * AGE + since
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrong(request: &AssignRequest) -> Vec<String> {
        let problems = request.problems();
        problems.into_iter().map(|one| one.field).collect()
    }

    #[test]
    fn exactly_one_is_named_and_choices_belong_to_several() {
        let team = AssignRequest {
            team: Some("sales".to_owned()),
            fewer_than: Some(1),
            priority: Some(-100),
            service_level: Some("60s".to_owned()),
            ..AssignRequest::default()
        };
        assert!(wrong(&team).is_empty());
        assert_eq!(wrong(&AssignRequest::default()), [""]);
        let both = AssignRequest {
            nobody: true,
            ..team.clone()
        };
        assert_eq!(wrong(&both), [""]);
        let user = AssignRequest {
            user: Some("ann".to_owned()),
            team: None,
            ..team.clone()
        };
        assert_eq!(wrong(&user), ["fewer-than", "priority", "service-level"]);
        let bounds = AssignRequest {
            fewer_than: Some(0),
            priority: Some(101),
            service_level: Some("soon".to_owned()),
            ..team
        };
        assert_eq!(wrong(&bounds), ["fewer-than", "priority", "service-level"]);
        let lowest = AssignRequest {
            workspace: true,
            priority: Some(i32::MIN),
            ..AssignRequest::default()
        };
        assert_eq!(wrong(&lowest), ["priority"]);
    }

    #[test]
    fn higher_priorities_go_first_and_then_who_came_first() {
        let of = |priority| AssignRequest {
            priority: Some(priority),
            ..AssignRequest::default()
        };
        let (early, late) = (1_700_000_000_000, 1_900_000_000_000);
        assert!(of(1).rank(late) < of(0).rank(early));
        assert!(of(0).rank(early) < of(0).rank(late));
        assert!(of(100).rank(late) < of(-100).rank(early));
    }
}
