//! `/v1/calendars`: business hours by name.

use crate::http::app::App;
use crate::http::auth::Caller;
use crate::http::extract::{At, Json as Body, Params};
use crate::http::paging::{Page, PageParams};
use crate::http::problem::{Code, ErrorItem, Problem};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use jackfield_messaging::CalendarView;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list_calendars))
        .routes(routes!(get_calendar, put_calendar, delete_calendar))
}

/// Business hours by name.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
#[schema(as = Calendar)]
struct CalendarBody {
    /// Lower-case words with hyphens.
    name: String,
    /// For people.
    title: String,
    /// Ranges of times by weekday, `holidays`, `time-zone`.
    #[schema(value_type = Object)]
    hours: Value,
    /// Milliseconds since 1970.
    created_at: i64,
    /// Milliseconds since 1970.
    updated_at: i64,
}

impl From<CalendarView> for CalendarBody {
    fn from(view: CalendarView) -> Self {
        CalendarBody {
            name: view.name,
            title: view.title,
            hours: view.hours,
            created_at: view.created_at,
            updated_at: view.updated_at,
        }
    }
}

/// Lists the calendars of the workspace, by name.
#[utoipa::path(
    get, path = "/v1/calendars", tag = "workspaces",
    params(PageParams),
    responses((status = 200, description = "A page of calendars", body = Page<CalendarBody>)),
    security(("key" = ["workspaces:read"]))
)]
async fn list_calendars(
    State(app): State<App>,
    caller: Caller,
    Params(page): Params<PageParams>,
) -> Result<Json<Page<CalendarBody>>, Problem> {
    const LIST: &str = "calendars";
    let range = page.range(LIST)?;
    let all = app.messaging.calendars().all(&caller.workspace).await?;
    let page = Page::cut(all, &range, LIST, |calendar| calendar.name.clone());
    Ok(Json(page.map(CalendarBody::from)))
}

/// Shows a calendar.
#[utoipa::path(
    get, path = "/v1/calendars/{name}", tag = "workspaces",
    params(("name" = String, Path, description = "The calendar's name")),
    responses((status = 200, description = "The calendar", body = CalendarBody)),
    security(("key" = ["workspaces:read"]))
)]
async fn get_calendar(
    State(app): State<App>,
    caller: Caller,
    At(name): At<String>,
) -> Result<Json<CalendarBody>, Problem> {
    let calendars = app.messaging.calendars();
    Ok(Json(calendars.get(&caller.workspace, &name).await?.into()))
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct PutCalendar {
    /// For people; left out, a new calendar is titled by its name and another keeps its title.
    title: Option<String>,
    /// Ranges of times by weekday (`{"monday": ["09:00-12:00"]}`), `holidays`, `time-zone`; or
    /// `{"preset": "fr"}`, which is copied.
    #[schema(value_type = Object)]
    hours: Value,
}

/// Makes a calendar, or changes its hours, which count from now on.
#[utoipa::path(
    put, path = "/v1/calendars/{name}", tag = "workspaces",
    params(("name" = String, Path, description = "Lower-case words with hyphens")),
    request_body = PutCalendar,
    responses(
        (status = 200, description = "It was changed", body = CalendarBody),
        (status = 201, description = "It was made", body = CalendarBody)
    ),
    security(("key" = ["workspaces:admin"]))
)]
async fn put_calendar(
    State(app): State<App>,
    caller: Caller,
    At(name): At<String>,
    Body(body): Body<PutCalendar>,
) -> Result<(StatusCode, Json<CalendarBody>), Problem> {
    let calendars = app.messaging.calendars();
    let (view, made) = calendars
        .put(&caller.workspace, &name, body.title, &body.hours)
        .await?;
    let status = if made {
        StatusCode::CREATED
    } else {
        StatusCode::OK
    };
    Ok((status, Json(view.into())))
}

/// Deletes a calendar that no live workflow and no setting names.
#[utoipa::path(
    delete, path = "/v1/calendars/{name}", tag = "workspaces",
    params(("name" = String, Path, description = "The calendar's name")),
    responses((status = 204, description = "It is deleted")),
    security(("key" = ["workspaces:admin"]))
)]
async fn delete_calendar(
    State(app): State<App>,
    caller: Caller,
    At(name): At<String>,
) -> Result<StatusCode, Problem> {
    let workspace = &caller.workspace;
    let workflows = app.engine.workflows();
    let needed = workflows.with_calendar(workspace, &name).await?;
    if !needed.is_empty() {
        let detail = format!("Live workflows name the calendar `{name}`: publish them without it.");
        let items = needed.into_iter().map(|workflow| ErrorItem {
            message: format!("the workflow `{workflow}` names it"),
            ..ErrorItem::default()
        });
        return Err(Problem::new(Code::Conflict, detail).with_errors(items));
    }
    app.messaging.calendars().delete(workspace, &name).await?;
    Ok(StatusCode::NO_CONTENT)
}
