//! `/v1/runs`: executions of workflows.

use super::stream;
use crate::http::app::App;
use crate::http::auth::Caller;
use crate::http::extract::{At, Json as Body, OptionalJson, Params};
use crate::http::idempotency::RequestKey;
use crate::http::paging::{Page, PageParams};
use crate::http::problem::{Code, Problem};
use crate::http::views::{AcceptedBody, EntryBody, RunBody};
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use jackfield_engine::{RunFilter, RunView, Started};
use serde::Deserialize;
use serde_json::{Value, json};
use std::time::Duration;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(start_run))
        .routes(routes!(list_runs))
        .routes(routes!(get_run))
        .routes(routes!(get_timeline))
        .routes(routes!(cancel_run))
        .routes(routes!(retry_run))
        .routes(routes!(signal_run))
}

/// The longest time that a request waits for a run.
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// How often a run is looked up of whose moves this host may not hear.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct StartRun {
    /// The contact: `id:...`, `phone:+33...` or `email:...`.
    contact: Option<String>,
    /// The data of the event that starts it.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    data: Option<Value>,
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct WaitParams {
    /// Waits so long for the run's end, such as `30s`; at most `60s`.
    wait: Option<String>,
}

/// Starts a run of a published workflow by hand, whatever its trigger.
///
/// The run is durable when this answers. With `wait` it answers when the run is over or needs
/// attention (200), or when the time is up (202, with the run as it stands).
#[utoipa::path(
    post, path = "/v1/workflows/{name}/runs", tag = "runs",
    params(("name" = String, Path, description = "The workflow's name"), WaitParams),
    request_body = Option<StartRun>,
    responses(
        (status = 200, description = "The run is over", body = RunBody),
        (status = 202, description = "The run is accepted", body = RunBody,
            headers(("Location" = String, description = "The run")))
    ),
    security(("key" = ["runs:write"]))
)]
async fn start_run(
    State(app): State<App>,
    caller: Caller,
    At(name): At<String>,
    Params(params): Params<WaitParams>,
    key: Option<Extension<RequestKey>>,
    OptionalJson(body): OptionalJson<StartRun>,
) -> Result<Response, Problem> {
    let key = key.as_ref().map(|Extension(key)| key.0.as_str());
    let wait = params.wait.as_deref().map(wait_time).transpose()?;
    let contact = match &body.contact {
        Some(contact) => Some(
            app.messaging
                .contacts()
                .id_of(&caller.workspace, contact)
                .await?,
        ),
        None => None,
    };
    let runs = app.engine.runs();
    let data = body.data.unwrap_or_else(|| json!({}));
    let (workspace, contact) = (&caller.workspace, contact.as_deref());
    let run = match wait {
        Some(wait) => {
            let started = runs
                .start_awaited(workspace, &name, contact, data, key)
                .await?;
            until_over(&app, workspace, started, wait).await?
        }
        None => runs.start(workspace, &name, contact, data, key).await?,
    };
    let status = if over(&run) {
        StatusCode::OK
    } else {
        StatusCode::ACCEPTED
    };
    let location = format!("/v1/runs/{}", run.id);
    Ok((
        status,
        [(header::LOCATION, location)],
        Json(RunBody::from(run)),
    )
        .into_response())
}

/// Reads `30s`, `500ms`, `1m` or a number of seconds.
fn wait_time(text: &str) -> Result<Duration, Problem> {
    let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let (number, unit) = text.split_at(digits);
    let milliseconds = match unit {
        "ms" => Some(1),
        "" | "s" => Some(1_000),
        "m" | "min" => Some(60_000),
        _ => None,
    };
    let time = milliseconds
        .and_then(|unit| number.parse::<u64>().ok()?.checked_mul(unit))
        .map(Duration::from_millis)
        .filter(|time| *time <= LONGEST_WAIT);
    time.ok_or_else(|| {
        Problem::new(
            Code::InvalidParameter,
            format!("wait must be a time of at most 60s, such as `30s`, not `{text}`."),
        )
    })
}

/// Whether nothing more happens in a run by itself.
pub(super) fn over(run: &RunView) -> bool {
    run.ended_at.is_some() || run.state == "needs-attention"
}

/// The run when it is over, or as it stands when the time is up.
async fn until_over(
    app: &App,
    workspace: &str,
    mut started: Started,
    wait: Duration,
) -> Result<RunView, Problem> {
    let runs = app.engine.runs();
    let end = tokio::time::Instant::now() + wait;
    // Most runs end in their first burst: then nothing need be read.
    tokio::select! {
        rested = started.rested() => {
            if let Some(run) = rested?.filter(over) {
                return Ok(run);
            }
        }
        () = tokio::time::sleep_until(end) => {}
        () = app.stopping.cancelled() => {}
    }
    started.accepted().await?;
    let mut moved = runs.watch(&started.id);
    loop {
        moved.mark_unchanged();
        let run = runs.get(workspace, &started.id).await?;
        if over(&run) {
            return Ok(run);
        }
        tokio::select! {
            () = tokio::time::sleep_until(end) => return Ok(run),
            () = app.stopping.cancelled() => return Ok(run),
            // Another host may drive it by now.
            () = tokio::time::sleep(LOOK_AGAIN) => {}
            changed = moved.changed() => if changed.is_err() { return Ok(run) },
        }
    }
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct ListRuns {
    /// Only of this workflow.
    workflow: Option<String>,
    /// Only in this state.
    state: Option<String>,
    /// Only about this contact: `id:...`, `phone:+33...` or `email:...`.
    contact: Option<String>,
    #[serde(flatten)]
    #[param(ignore)]
    page: PageParams,
}

/// Lists runs, newest first.
#[utoipa::path(
    get, path = "/v1/runs", tag = "runs",
    params(ListRuns, PageParams),
    responses((status = 200, description = "A page of runs", body = Page<RunBody>)),
    security(("key" = ["runs:read"]))
)]
async fn list_runs(
    State(app): State<App>,
    caller: Caller,
    Params(params): Params<ListRuns>,
) -> Result<Json<Page<RunBody>>, Problem> {
    const LIST: &str = "runs";
    let range = params.page.range(LIST)?;
    let contacts = match &params.contact {
        Some(contact) => {
            let contacts = app.messaging.contacts();
            contacts.ids_of(&caller.workspace, contact).await?
        }
        None => Vec::new(),
    };
    let filter = RunFilter {
        workflow: params.workflow,
        state: params.state,
        contacts,
        before: range.after.clone(),
        limit: i64::try_from(range.limit).unwrap_or(0) + 1,
    };
    let rows = app.engine.runs().list(&caller.workspace, filter).await?;
    let page = Page::of(rows, &range, LIST, |run| run.id.clone());
    Ok(Json(page.map(RunBody::from)))
}

/// Shows a run.
#[utoipa::path(
    get, path = "/v1/runs/{id}", tag = "runs",
    params(("id" = String, Path, description = "The run's id")),
    responses((status = 200, description = "The run", body = RunBody)),
    security(("key" = ["runs:read"]))
)]
async fn get_run(
    State(app): State<App>,
    caller: Caller,
    At(id): At<String>,
) -> Result<Json<RunBody>, Problem> {
    Ok(Json(
        app.engine.runs().get(&caller.workspace, &id).await?.into(),
    ))
}

/// The timeline of a run: what happened, in order.
///
/// With `Accept: text/event-stream` it is a stream of server-sent events: each entry is an event
/// whose id is `seq`, whose name is `kind` and whose data is the entry; `Last-Event-ID` goes on
/// after an entry; the event `end` comes when the run is over.
#[utoipa::path(
    get, path = "/v1/runs/{id}/timeline", tag = "runs",
    params(
        ("id" = String, Path, description = "The run's id"),
        ("Last-Event-ID" = Option<i64>, Header, description = "For streams: goes on after this entry"),
        PageParams
    ),
    responses((
        status = 200, description = "A page of entries, or a stream of them",
        content((Page<EntryBody> = "application/json"), (String = "text/event-stream"))
    )),
    security(("key" = ["runs:read"]))
)]
async fn get_timeline(
    State(app): State<App>,
    caller: Caller,
    At(id): At<String>,
    Params(page): Params<PageParams>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let last = stream::last_event(&headers)?;
    let accept = headers
        .get(header::ACCEPT)
        .and_then(|value| value.to_str().ok());
    if accept.is_some_and(|accept| accept.contains("text/event-stream")) {
        return stream::timeline(app, caller, id, last).await;
    }
    const LIST: &str = "timeline";
    let range = page.range(LIST)?;
    let after = range.after_number()?.unwrap_or(-1);
    let entries = app
        .engine
        .runs()
        .timeline(&caller.workspace, &id, after)
        .await?;
    let page = Page::of(entries, &range, LIST, |entry| entry.seq.to_string());
    Ok(Json(page.map(EntryBody::from)).into_response())
}

#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct CancelRun {
    /// Why, for the timeline.
    reason: Option<String>,
}

/// Cancels a run: at once where it waits, at its next commit where it is in a burst.
#[utoipa::path(
    post, path = "/v1/runs/{id}/cancel", tag = "runs",
    params(("id" = String, Path, description = "The run's id")),
    request_body = Option<CancelRun>,
    responses((status = 200, description = "The run as it stands", body = RunBody)),
    security(("key" = ["runs:write"]))
)]
async fn cancel_run(
    State(app): State<App>,
    caller: Caller,
    At(id): At<String>,
    OptionalJson(body): OptionalJson<CancelRun>,
) -> Result<Json<RunBody>, Problem> {
    let reason: String = body
        .reason
        .as_deref()
        .unwrap_or("cancelled by hand")
        .chars()
        .take(500)
        .collect();
    let runs = app.engine.runs();
    runs.cancel(&caller.workspace, &id, &reason).await?;
    Ok(Json(runs.get(&caller.workspace, &id).await?.into()))
}

/// Lets a failed or parked run go on from the step at which it stopped.
#[utoipa::path(
    post, path = "/v1/runs/{id}/retry", tag = "runs",
    params(("id" = String, Path, description = "The run's id")),
    responses((status = 200, description = "The run as it stands", body = RunBody)),
    security(("key" = ["runs:write"]))
)]
async fn retry_run(
    State(app): State<App>,
    caller: Caller,
    At(id): At<String>,
) -> Result<Json<RunBody>, Problem> {
    let runs = app.engine.runs();
    runs.retry(&caller.workspace, &id).await?;
    Ok(Json(runs.get(&caller.workspace, &id).await?.into()))
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Signal {
    /// The event's name.
    name: String,
    /// The event's data.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    data: Option<Value>,
}

/// Sends an event to one run: ends a wait of it that is about the run itself.
#[utoipa::path(
    post, path = "/v1/runs/{id}/events", tag = "runs",
    params(("id" = String, Path, description = "The run's id")),
    request_body = Signal,
    responses((status = 202, description = "The event is accepted", body = AcceptedBody)),
    security(("key" = ["runs:write"]))
)]
async fn signal_run(
    State(app): State<App>,
    caller: Caller,
    At(id): At<String>,
    Body(body): Body<Signal>,
) -> Result<(StatusCode, Json<AcceptedBody>), Problem> {
    super::events::check_name(&body.name)?;
    let data = body.data.unwrap_or_else(|| json!({}));
    let accepted = app
        .engine
        .signal(&caller.workspace, &id, &body.name, data)
        .await?;
    let event = accepted.events.into_iter().next().unwrap_or_default();
    Ok((StatusCode::ACCEPTED, Json(AcceptedBody::of(event, None))))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_is_a_time_of_at_most_a_minute() {
        assert_eq!(wait_time("30s").unwrap(), Duration::from_secs(30));
        assert_eq!(wait_time("500ms").unwrap(), Duration::from_millis(500));
        assert_eq!(wait_time("1m").unwrap(), Duration::from_secs(60));
        assert_eq!(wait_time("5").unwrap(), Duration::from_secs(5));
        for text in ["61s", "2m", "", "s", "1h", "-1s", "99999999999999999999s"] {
            assert_eq!(
                wait_time(text).unwrap_err().code(),
                Code::InvalidParameter,
                "{text}"
            );
        }
    }
}
