//! `/v1/contacts/{contact}/assignee`, `/v1/queue` and `/v1/queues`: who has a contact, who waits for
//! somebody, and how well that is attended to.

use super::contacts::page as paged;
use crate::http::app::App;
use crate::http::auth::Caller;
use crate::http::extract::{At, Json as Body, Params};
use crate::http::paging::{Page, PageParams, Range};
use crate::http::problem::Problem;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use jackfield_messaging::{AssignRequest, Attendance, QueueView, Strategy};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(assign_contact))
        .routes(routes!(list_queue))
        .routes(routes!(list_queues))
        .routes(routes!(take_place))
        .routes(routes!(leave_place))
}

/// How one of several users is chosen.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
enum AssignStrategy {
    /// In turns; whoever is skipped keeps the place.
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

impl From<AssignStrategy> for Strategy {
    fn from(strategy: AssignStrategy) -> Strategy {
        match strategy {
            AssignStrategy::RoundRobin => Strategy::RoundRobin,
            AssignStrategy::LeastOpen => Strategy::LeastOpen,
            AssignStrategy::LeastRecent => Strategy::LeastRecent,
            AssignStrategy::FewestCompleted => Strategy::FewestCompleted,
            AssignStrategy::Linear => Strategy::Linear,
            AssignStrategy::Random => Strategy::Random,
            AssignStrategy::WeightedRandom => Strategy::WeightedRandom,
            AssignStrategy::RingAll => Strategy::RingAll,
        }
    }
}

/// Who is to have a contact: exactly one of `user`, `team`, `workspace` and `nobody`.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct AssignContact {
    /// This user, by id, mail address or name.
    user: Option<String>,
    /// Somebody of this team.
    team: Option<String>,
    /// Somebody of the workspace.
    #[serde(default)]
    workspace: bool,
    /// Nobody.
    #[serde(default)]
    nobody: bool,
    /// How one of a team or the workspace is chosen; `round-robin` where it is left out.
    by: Option<AssignStrategy>,
    /// Only users that are online.
    #[serde(default)]
    only_online: bool,
    /// Only users that are not on a call.
    #[serde(default)]
    not_on_call: bool,
    /// Only users with fewer open contacts, 1 to 100,000.
    fewer_than: Option<u32>,
    /// -100 to 100, higher first; 0 where it is left out.
    priority: Option<i32>,
    /// After so long in the queue, such as `60s`, the event `queue.overdue` is raised.
    service_level: Option<String>,
}

/// Gives a contact to a user or to nobody, or to somebody of a team or the workspace: at once, or as
/// soon as somebody is free.
#[utoipa::path(
    put, path = "/v1/contacts/{contact}/assignee", tag = "assignments",
    params(("contact" = String, Path, description = "`id:...`, `phone:+33...` or `email:...`")),
    request_body = AssignContact,
    responses((status = 200, description = "`{\"assignee\": {\"id\", \"name\", \"email\"} or null}`, or `{\"queued\": \"the place's id\"}`", body = Object),
        (status = 409, description = "`queue-full`: as many wait as may")),
    security(("key" = ["contacts:write"]))
)]
async fn assign_contact(
    State(app): State<App>,
    caller: Caller,
    At(contact): At<String>,
    Body(body): Body<AssignContact>,
) -> Result<Json<Value>, Problem> {
    let request = AssignRequest {
        user: body.user,
        team: body.team,
        workspace: body.workspace,
        nobody: body.nobody,
        by: body.by.map(Strategy::from),
        only_online: body.only_online,
        not_on_call: body.not_on_call,
        fewer_than: body.fewer_than,
        priority: body.priority,
        service_level: body.service_level,
    };
    let assignments = app.messaging.assignments();
    let answer = assignments
        .assign(&caller.workspace, &contact, request)
        .await?;
    Ok(Json(answer))
}

/// Lists the contacts that wait for somebody, in the order in which they are served.
#[utoipa::path(
    get, path = "/v1/queue", tag = "assignments",
    params(PageParams),
    responses((status = 200, description = "A page of places: `id`, `contact`, `since`, `request`", body = Page<Object>)),
    security(("key" = ["contacts:read"]))
)]
async fn list_queue(
    State(app): State<App>,
    caller: Caller,
    Params(params): Params<PageParams>,
) -> Result<Json<Page<Value>>, Problem> {
    const LIST: &str = "queue";
    let Range { limit, after } = params.range(LIST)?;
    let assignments = app.messaging.assignments();
    let listed = assignments
        .queue(&caller.workspace, after.as_deref(), Some(limit))
        .await?;
    Ok(Json(paged(listed, LIST)))
}

/// How places of a queue ended.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
#[schema(as = QueueAttendance)]
struct AttendanceBody {
    /// Somebody came within the service level.
    attended: i64,
    /// Somebody came later.
    attended_late: i64,
    /// It ended without anybody, within the service level.
    abandoned: i64,
    /// It ended without anybody, later.
    abandoned_late: i64,
    /// How long they waited on average, in seconds; null where none ended.
    average_wait: Option<f64>,
    /// The part that was attended to in time, 0 to 1, of all but `abandoned`; null where there is none.
    service_level: Option<f64>,
}

impl From<Attendance> for AttendanceBody {
    fn from(counted: Attendance) -> Self {
        let all =
            counted.attended + counted.attended_late + counted.abandoned + counted.abandoned_late;
        AttendanceBody {
            attended: counted.attended,
            attended_late: counted.attended_late,
            abandoned: counted.abandoned,
            abandoned_late: counted.abandoned_late,
            average_wait: (all > 0).then(|| counted.waited as f64 / 1_000.0 / all as f64),
            service_level: counted.service_level(),
        }
    }
}

/// A queue: of a team, or of the workspace.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
#[schema(as = Queue)]
struct QueueBody {
    /// The team; null for the workspace's own queue.
    team: Option<String>,
    /// How many wait.
    waiting: i64,
    /// How many may; 0 for any number.
    max_waiting: u32,
    /// In this quarter of an hour and the one before it.
    now: AttendanceBody,
    /// Since midnight, by the workspace's time zone.
    today: AttendanceBody,
    /// Ever.
    all: AttendanceBody,
}

impl From<QueueView> for QueueBody {
    fn from(view: QueueView) -> Self {
        QueueBody {
            team: view.team,
            waiting: view.waiting,
            max_waiting: view.max_waiting,
            now: view.now.into(),
            today: view.today.into(),
            all: view.all.into(),
        }
    }
}

/// Lists the queues, the workspace's own first: how many wait, and how well they were attended to.
///
/// A place without a service level of its own is attended to in time within 60 seconds.
#[utoipa::path(
    get, path = "/v1/queues", tag = "assignments",
    params(PageParams),
    responses((status = 200, description = "A page of queues", body = Page<QueueBody>)),
    security(("key" = ["contacts:read"]))
)]
async fn list_queues(
    State(app): State<App>,
    caller: Caller,
    Params(page): Params<PageParams>,
) -> Result<Json<Page<QueueBody>>, Problem> {
    const LIST: &str = "queues";
    let range = page.range(LIST)?;
    let all = app
        .messaging
        .assignments()
        .queues(&caller.workspace)
        .await?;
    // The workspace's own has no name, and stands before all that have one.
    let page = Page::cut(all, &range, LIST, |queue| {
        queue.team.clone().unwrap_or_default()
    });
    Ok(Json(page.map(QueueBody::from)))
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct TakePlace {
    /// Who takes it: id, mail address or name.
    user: String,
}

/// Gives a waiting contact to the user who takes it, whoever was to be chosen.
#[utoipa::path(
    post, path = "/v1/queue/{id}/take", tag = "assignments",
    params(("id" = String, Path, description = "The place's id")),
    request_body = TakePlace,
    responses((status = 200, description = "`{\"assignee\": {\"id\", \"name\", \"email\"}}`", body = Object)),
    security(("key" = ["contacts:write"]))
)]
async fn take_place(
    State(app): State<App>,
    caller: Caller,
    At(id): At<String>,
    Body(body): Body<TakePlace>,
) -> Result<Json<Value>, Problem> {
    let assignments = app.messaging.assignments();
    let answer = assignments.take(&caller.workspace, &id, &body.user).await?;
    Ok(Json(answer))
}

/// Takes a contact out of the queue.
#[utoipa::path(
    delete, path = "/v1/queue/{id}", tag = "assignments",
    params(("id" = String, Path, description = "The place's id")),
    responses((status = 204, description = "It waits no more")),
    security(("key" = ["contacts:write"]))
)]
async fn leave_place(
    State(app): State<App>,
    caller: Caller,
    At(id): At<String>,
) -> Result<StatusCode, Problem> {
    let assignments = app.messaging.assignments();
    assignments.leave(&caller.workspace, &id).await?;
    Ok(StatusCode::NO_CONTENT)
}
