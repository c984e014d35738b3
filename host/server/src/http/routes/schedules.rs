//! `/v1/schedules`: when live workflows start by themselves.

use crate::http::app::App;
use crate::http::auth::Caller;
use crate::http::extract::Params;
use crate::http::paging::{Page, PageParams};
use crate::http::problem::Problem;
use axum::Json;
use axum::extract::State;
use jackfield_engine::ScheduleView;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list_schedules))
}

/// A trigger on `schedule` of a live workflow.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
#[schema(as = Schedule)]
struct ScheduleBody {
    /// The workflow's name.
    workflow: String,
    /// Which of the workflow's triggers, from 0.
    trigger: i64,
    /// Minute, hour, day of the month, month, weekday.
    cron: String,
    /// Where the times are read.
    time_zone: String,
    /// The list whose contacts get a run each.
    list: Option<String>,
    /// The next time, in milliseconds since 1970.
    next_due: Option<i64>,
    /// The last time for which it fired, in milliseconds since 1970.
    last_due: Option<i64>,
    /// Whether contacts of the list still wait for their run of that time.
    firing: bool,
    /// How many contacts have got one.
    contacts: Option<i64>,
}

impl From<ScheduleView> for ScheduleBody {
    fn from(view: ScheduleView) -> Self {
        ScheduleBody {
            workflow: view.workflow,
            trigger: view.place,
            cron: view.cron,
            time_zone: view.time_zone,
            list: view.list,
            next_due: view.next_due,
            last_due: view.last_due,
            firing: view.firing,
            contacts: view.contacts,
        }
    }
}

/// Lists the schedules of live workflows, by workflow.
#[utoipa::path(
    get, path = "/v1/schedules", tag = "workflows",
    params(PageParams),
    responses((status = 200, description = "A page of schedules", body = Page<ScheduleBody>)),
    security(("key" = ["workflows:read"]))
)]
async fn list_schedules(
    State(app): State<App>,
    caller: Caller,
    Params(page): Params<PageParams>,
) -> Result<Json<Page<ScheduleBody>>, Problem> {
    const LIST: &str = "schedules";
    let range = page.range(LIST)?;
    let all = app.engine.schedules(&caller.workspace).await?;
    // They are sorted by both; a space stands before all that names have, and ten triggers are one
    // digit each.
    let page = Page::cut(all, &range, LIST, |one| {
        format!("{} {}", one.workflow, one.place)
    });
    Ok(Json(page.map(ScheduleBody::from)))
}
