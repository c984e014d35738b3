//! The step `assign-to`: gives the run's contact to a user, to somebody of a team or of the workspace,
//! or to nobody.
//!
//! Where somebody is chosen and nobody is free, the contact waits in the queue, and the run with it,
//! until somebody is or the timeout is over.

use jackfield_plugin::conversations::{self, Assign, Assigned, User};
use jackfield_plugin::{clock, prelude::*};

/// The step; see the module.
#[derive(Debug)]
pub struct AssignTo;

/// The longest wait, and the one where none is set: seven days.
const LONGEST: u64 = 7 * 24 * 60 * 60 * 1_000;

/// How one of several users is chosen.
#[derive(Debug, Clone, Copy, Default, Deserialize, Serialize, JsonSchema)]
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
    /// Anybody, the less the higher the penalty in the team.
    WeightedRandom,
    /// Nobody is chosen: whoever takes it first.
    RingAll,
}

/// What the workflow's author sets: exactly one of `user`, `team`, `workspace` and `nobody`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Settings {
    /// This user: mail address, name or id.
    #[schemars(length(min = 1, max = 320))]
    user: Option<String>,
    /// Somebody of this team.
    #[schemars(length(min = 1, max = 64), extend("x-jackfield-ref" = "team"))]
    team: Option<String>,
    /// Somebody of the workspace.
    #[serde(default)]
    workspace: bool,
    /// Nobody: whoever has the contact, has it no more.
    #[serde(default)]
    nobody: bool,
    /// With a team or the workspace: how one is chosen.
    #[serde(default)]
    by: Strategy,
    /// With a team or the workspace: only users that are online.
    #[serde(default)]
    only_online: bool,
    /// With a team or the workspace: only users that are not on a call.
    #[serde(default)]
    not_on_call: bool,
    /// With a team or the workspace: only users with fewer open contacts than this.
    #[schemars(range(min = 1, max = 100_000))]
    fewer_than: Option<u32>,
    /// With a team or the workspace: who is served first where several wait, higher first.
    #[serde(default)]
    #[schemars(range(min = -100, max = 100))]
    priority: i32,
    /// With a team or the workspace: after so long in the queue the event `queue.overdue` is raised,
    /// such as `60s`.
    service_level: Option<String>,
    /// With a team or the workspace: how long to wait for somebody, such as `2h`; then the branch
    /// `timeout`. At most, and left out, 7 days.
    timeout: Option<String>,
}

/// What later steps can read.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Output {
    /// Who has the contact; null for nobody.
    assignee: Option<User>,
    /// How long the contact waited, in seconds.
    waited: u64,
}

/// What the step keeps while the contact waits.
#[derive(Debug, Deserialize, Serialize)]
pub struct State {
    place: String,
    since: u64,
}

impl Step for AssignTo {
    type Settings = Settings;
    type State = State;

    fn describe() -> StepDescriptor {
        StepDescriptor::new(
            env!("CARGO_PKG_NAME"),
            env!("CARGO_PKG_VERSION"),
            "Assign to",
            "Gives the contact to a user, to somebody of a team or the workspace, or to nobody.",
        )
        .category(Category::Conversations)
        .icon("🙋")
        .output::<Output>()
        .failures(&[
            (
                "not-found",
                "The run has no contact, or there is no such user or team",
            ),
            ("no-members", "The team or the workspace has no users"),
            ("not-assigned", "The contact left the queue without anybody"),
        ])
        .waits()
        .branch("timeout", "Nobody was free in time", "end")
        .branch("full", "As many wait in the queue as may", "end")
    }

    fn start(_run: &Invocation, settings: Settings) -> Result<Outcome<State>, Failure> {
        let timeout = match &settings.timeout {
            None => LONGEST,
            Some(text) => clock::duration(text)
                .ok()
                .filter(|length| (1..=LONGEST).contains(length))
                .ok_or_else(|| Failure::invalid_config("timeout", "a duration up to `7d`"))?,
        };
        let assigned = settings.request()?.send().map_err(|error| {
            let config = error.code == "invalid";
            match config {
                true => Failure::invalid_config("", error.message),
                false => Failure::from(error),
            }
        })?;
        let place = match assigned {
            Assigned::Assignee(assignee) => {
                let output = Output {
                    assignee,
                    waited: 0,
                };
                return Ok(Outcome::done().output(output).into());
            }
            Assigned::Full(_) => {
                let output = Output {
                    assignee: None,
                    waited: 0,
                };
                return Ok(Outcome::branch("full").output(output).into());
            }
            Assigned::Queued(place) => place,
        };
        let since = clock::now();
        let finished = Subscription::to("queue.finished").about(place.clone());
        let state = State { place, since };
        Ok(Outcome::wait(state)
            .on(finished)
            .until(since + timeout)
            .into())
    }

    fn resume(
        _run: &Invocation,
        _settings: Settings,
        state: State,
        wake: Wake,
    ) -> Result<Outcome<State>, Failure> {
        let waited = clock::now().saturating_sub(state.since) / 1_000;
        let Wake::Event(event) = wake else {
            // Somebody may have been chosen in this very moment: then there is no more place to leave.
            if conversations::leave_queue(&state.place)? {
                let assignee = None;
                let output = Output { assignee, waited };
                return Ok(Outcome::branch("timeout").output(output).into());
            }
            let finished = Subscription::to("queue.finished").about(state.place.clone());
            return Ok(Outcome::wait(state).on(finished).into());
        };
        let queue = &event.data["queue"];
        let assignee: Option<User> = serde_json::from_value(queue["assignee"].clone()).ok();
        match assignee {
            Some(user) => {
                let assignee = Some(user);
                let output = Output { assignee, waited };
                Ok(Outcome::done().output(output).into())
            }
            None => Err(Failure::permanent(
                "not-assigned",
                format!(
                    "the contact does not wait any more: {}",
                    queue["outcome"].as_str().unwrap_or("its place has ended")
                ),
            )),
        }
    }
}

impl Settings {
    /// What is asked of the host, which says what is wrong with it.
    fn request(&self) -> Result<Assign, Failure> {
        let request = match (&self.user, &self.team, self.workspace, self.nobody) {
            (Some(user), None, false, false) => return Ok(Assign::user(user)),
            (None, None, false, true) => return Ok(Assign::nobody()),
            (None, Some(team), false, false) => Assign::team(team),
            (None, None, true, false) => Assign::workspace(),
            _ => {
                return Err(Failure::invalid_config(
                    "",
                    "name one of `user`, `team`, `workspace` and `nobody`",
                ));
            }
        };
        // The strategy's name is the text that it is written as.
        let by = serde_json::to_value(self.by).unwrap_or_default();
        let mut request = request
            .by(by.as_str().unwrap_or_default())
            .only_online(self.only_online)
            .not_on_call(self.not_on_call)
            .fewer_than(self.fewer_than)
            .priority(self.priority);
        if let Some(length) = &self.service_level {
            request = request.service_level(length);
        }
        Ok(request)
    }
}

jackfield_plugin::export_step!(AssignTo);
