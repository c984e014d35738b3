//! `/v1/workflows`: drafts, publishing, and which workflows are live.

use crate::http::app::App;
use crate::http::auth::Caller;
use crate::http::extract::{At, OptionalJson, Params, Raw, unsupported, utf8};
use crate::http::idempotency::Withhold;
use crate::http::paging::{Page, PageParams};
use crate::http::problem::{Code, ErrorItem, Problem};
use crate::http::views::{VersionBody, WorkflowBody, item};
use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use jackfield_engine::WebhookView;
use jackfield_engine::document::{Document, SCHEMA, any_error};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list_workflows))
        .routes(routes!(get_workflow, put_workflow, delete_workflow))
        .routes(routes!(publish_workflow))
        .routes(routes!(activate_workflow))
        .routes(routes!(deactivate_workflow))
        .routes(routes!(list_versions))
        .routes(routes!(get_version))
        .routes(routes!(get_webhook))
        .routes(routes!(rotate_webhook))
        .routes(routes!(validate_workflow))
        .routes(routes!(workflow_schema))
}

/// The document of a request: YAML or JSON, the same document.
pub(super) fn source(raw: &Raw) -> Result<&str, Problem> {
    const TAKEN: &[&str] = &[
        "application/yaml",
        "application/x-yaml",
        "text/yaml",
        "text/x-yaml",
        "text/plain",
        "application/json",
    ];
    match raw.media.as_deref() {
        Some(media) if TAKEN.contains(&media) => utf8(&raw.bytes),
        other => Err(unsupported(other, "application/yaml or application/json")),
    }
}

/// Refuses a document of another workflow than the path's.
pub(super) fn must_be_named(source: &str, name: &str) -> Result<(), Problem> {
    let Ok(document) = Document::parse(source) else {
        return Ok(());
    };
    if document.name == name {
        return Ok(());
    }
    let detail = format!(
        "The document is of the workflow `{}`, the path of `{name}`.",
        document.name
    );
    Err(Problem::new(Code::Invalid, detail).with_errors([ErrorItem {
        path: "/name".to_owned(),
        message: "must be the name in the path".to_owned(),
        suggestion: Some(name.to_owned()),
        ..ErrorItem::default()
    }]))
}

/// Lists the workflows of the workspace, by name.
#[utoipa::path(
    get, path = "/v1/workflows", tag = "workflows",
    params(PageParams),
    responses((status = 200, description = "A page of workflows", body = Page<WorkflowBody>)),
    security(("key" = ["workflows:read"]))
)]
async fn list_workflows(
    State(app): State<App>,
    caller: Caller,
    Params(page): Params<PageParams>,
) -> Result<Json<Page<WorkflowBody>>, Problem> {
    const LIST: &str = "workflows";
    let range = page.range(LIST)?;
    let all = app.engine.workflows().list(&caller.workspace).await?;
    let page = Page::cut(all, &range, LIST, |view| view.name.clone());
    Ok(Json(page.map(WorkflowBody::from)))
}

/// Shows a workflow and its draft.
#[utoipa::path(
    get, path = "/v1/workflows/{name}", tag = "workflows",
    params(("name" = String, Path, description = "The workflow's name")),
    responses((status = 200, description = "The workflow", body = WorkflowBody)),
    security(("key" = ["workflows:read"]))
)]
async fn get_workflow(
    State(app): State<App>,
    caller: Caller,
    At(name): At<String>,
) -> Result<Json<WorkflowBody>, Problem> {
    Ok(Json(
        app.engine
            .workflows()
            .get(&caller.workspace, &name)
            .await?
            .into(),
    ))
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct PutParams {
    /// Of several workflows that match an event, lower starts first; 100 when nothing is said.
    priority: Option<i64>,
}

/// Keeps a document as the draft of a workflow; `conflict` where it is the organisation's.
///
/// The draft may still name what does not exist yet; it must be a workflow document, and its
/// `name` must be that of the path. What is live does not change.
#[utoipa::path(
    put, path = "/v1/workflows/{name}", tag = "workflows",
    params(("name" = String, Path, description = "The workflow's name"), PutParams),
    request_body(
        description = "The document, YAML or JSON (schema: `/v1/schemas/workflow`)",
        content((String = "application/yaml"), (Object = "application/json"))
    ),
    responses((status = 200, description = "The draft is kept", body = WorkflowBody)),
    security(("key" = ["workflows:write"]))
)]
async fn put_workflow(
    State(app): State<App>,
    caller: Caller,
    At(name): At<String>,
    Params(params): Params<PutParams>,
    raw: Raw,
) -> Result<Json<WorkflowBody>, Problem> {
    let source = source(&raw)?;
    must_be_named(source, &name)?;
    let workflows = app.engine.workflows();
    let view = workflows
        .put(&caller.workspace, source, params.priority, app.now())
        .await?;
    Ok(Json(view.into()))
}

/// Deletes a workflow that has no unfinished runs.
#[utoipa::path(
    delete, path = "/v1/workflows/{name}", tag = "workflows",
    params(("name" = String, Path, description = "The workflow's name")),
    responses((status = 204, description = "It is deleted")),
    security(("key" = ["workflows:write"]))
)]
async fn delete_workflow(
    State(app): State<App>,
    caller: Caller,
    At(name): At<String>,
) -> Result<StatusCode, Problem> {
    app.engine
        .workflows()
        .delete(&caller.workspace, &name)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// What publishing came to.
#[derive(Debug, Serialize, ToSchema)]
struct Published {
    /// The new version.
    version: i64,
    /// What is allowed, but was probably not meant.
    warnings: Vec<ErrorItem>,
}

/// Publishes the draft as the next version and makes it live.
///
/// New runs use it from now on; runs under way stay on their version and on the very plugins that
/// it was published with.
#[utoipa::path(
    post, path = "/v1/workflows/{name}/publish", tag = "workflows",
    params(("name" = String, Path, description = "The workflow's name")),
    responses((status = 200, description = "It is live", body = Published)),
    security(("key" = ["workflows:write"]))
)]
async fn publish_workflow(
    State(app): State<App>,
    caller: Caller,
    At(name): At<String>,
) -> Result<Json<Published>, Problem> {
    let workflows = app.engine.workflows();
    let (version, warnings) = workflows
        .publish(&caller.workspace, &name, app.now())
        .await?;
    Ok(Json(Published {
        version,
        warnings: warnings.iter().map(item).collect(),
    }))
}

/// Lets a published workflow start runs again.
#[utoipa::path(
    post, path = "/v1/workflows/{name}/activate", tag = "workflows",
    params(("name" = String, Path, description = "The workflow's name")),
    responses((status = 200, description = "It is live", body = WorkflowBody)),
    security(("key" = ["workflows:write"]))
)]
async fn activate_workflow(
    State(app): State<App>,
    caller: Caller,
    At(name): At<String>,
) -> Result<Json<WorkflowBody>, Problem> {
    let workflows = app.engine.workflows();
    Ok(Json(
        workflows
            .set_active(&caller.workspace, &name, true, app.now())
            .await?
            .into(),
    ))
}

#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Deactivate {
    /// Cancels the runs under way; otherwise they go on to their end.
    #[serde(default)]
    abort: bool,
}

/// A workflow that was stopped.
#[derive(Debug, Serialize, ToSchema)]
struct Deactivated {
    /// The workflow.
    workflow: WorkflowBody,
    /// How many runs were cancelled.
    aborted: u64,
}

/// Stops new runs of a workflow; with `abort`, cancels those under way too.
#[utoipa::path(
    post, path = "/v1/workflows/{name}/deactivate", tag = "workflows",
    params(("name" = String, Path, description = "The workflow's name")),
    request_body = Option<Deactivate>,
    responses((status = 200, description = "It starts no new runs", body = Deactivated)),
    security(("key" = ["workflows:write"]))
)]
async fn deactivate_workflow(
    State(app): State<App>,
    caller: Caller,
    At(name): At<String>,
    OptionalJson(body): OptionalJson<Deactivate>,
) -> Result<Json<Deactivated>, Problem> {
    let workflows = app.engine.workflows();
    let view = workflows
        .set_active(&caller.workspace, &name, false, app.now())
        .await?;
    let aborted = if body.abort {
        app.engine
            .runs()
            .cancel_all(&caller.workspace, &name)
            .await?
    } else {
        0
    };
    Ok(Json(Deactivated {
        workflow: view.into(),
        aborted,
    }))
}

/// Lists the published versions of a workflow, newest first.
#[utoipa::path(
    get, path = "/v1/workflows/{name}/versions", tag = "workflows",
    params(("name" = String, Path, description = "The workflow's name"), PageParams),
    responses((status = 200, description = "A page of versions", body = Page<VersionBody>)),
    security(("key" = ["workflows:read"]))
)]
async fn list_versions(
    State(app): State<App>,
    caller: Caller,
    At(name): At<String>,
    Params(page): Params<PageParams>,
) -> Result<Json<Page<VersionBody>>, Problem> {
    const LIST: &str = "versions";
    let range = page.range(LIST)?;
    let before = range.after_number()?;
    let mut all = app
        .engine
        .workflows()
        .versions(&caller.workspace, &name)
        .await?;
    all.retain(|row| before.is_none_or(|before| row.version < before));
    let page = Page::of(all, &range, LIST, |row| row.version.to_string());
    Ok(Json(page.map(VersionBody::from)))
}

/// Shows a published version.
#[utoipa::path(
    get, path = "/v1/workflows/{name}/versions/{version}", tag = "workflows",
    params(
        ("name" = String, Path, description = "The workflow's name"),
        ("version" = i64, Path, description = "From 1")
    ),
    responses((status = 200, description = "The version", body = VersionBody)),
    security(("key" = ["workflows:read"]))
)]
async fn get_version(
    State(app): State<App>,
    caller: Caller,
    At((name, version)): At<(String, i64)>,
) -> Result<Json<VersionBody>, Problem> {
    let all = app
        .engine
        .workflows()
        .versions(&caller.workspace, &name)
        .await?;
    let found = all.into_iter().find(|row| row.version == version);
    match found {
        Some(row) => Ok(Json(row.into())),
        None => Err(Problem::not_found(
            "version of this workflow",
            &version.to_string(),
        )),
    }
}

/// The address of a workflow. Whoever has it can start the workflow.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
struct WebhookBody {
    /// The workflow's name.
    workflow: String,
    /// Where requests are sent.
    url: String,
    /// Whether they are taken there now: not while the workflow is stopped.
    live: bool,
    /// Since when the workflow has it, in milliseconds since 1970.
    created_at: i64,
}

impl WebhookBody {
    fn of(app: &App, workflow: String, view: WebhookView) -> WebhookBody {
        WebhookBody {
            workflow,
            url: format!("{}/hooks/{}", app.public_url, view.token),
            live: view.live,
            created_at: view.created_at,
        }
    }
}

/// Shows the address of a workflow with the trigger `webhook`. It needs the scope to change
/// workflows, because the address starts them.
#[utoipa::path(
    get, path = "/v1/workflows/{name}/webhook", tag = "workflows",
    params(("name" = String, Path, description = "The workflow's name")),
    responses((status = 200, description = "The address", body = WebhookBody)),
    security(("key" = ["workflows:write"]))
)]
async fn get_webhook(
    State(app): State<App>,
    caller: Caller,
    At(name): At<String>,
) -> Result<Json<WebhookBody>, Problem> {
    let workflows = app.engine.workflows();
    let view = workflows.webhook(&caller.workspace, &name).await?;
    Ok(Json(WebhookBody::of(&app, name, view)))
}

/// Gives a workflow with the trigger `webhook` another address. The one before ends at once.
#[utoipa::path(
    post, path = "/v1/workflows/{name}/webhook/rotate", tag = "workflows",
    params(("name" = String, Path, description = "The workflow's name")),
    responses((status = 200, description = "The new address", body = WebhookBody)),
    security(("key" = ["workflows:write"]))
)]
async fn rotate_webhook(
    State(app): State<App>,
    caller: Caller,
    At(name): At<String>,
) -> Result<Response, Problem> {
    let workflows = app.engine.workflows();
    let view = workflows
        .rotate_webhook(&caller.workspace, &name, app.now())
        .await?;
    let mut response = Json(WebhookBody::of(&app, name, view)).into_response();
    response.extensions_mut().insert(Withhold);
    Ok(response)
}

/// What a document would come to.
#[derive(Debug, Serialize, ToSchema)]
struct Validation {
    /// Whether it could be published.
    valid: bool,
    /// Errors and warnings with line and column.
    problems: Vec<ErrorItem>,
}

/// Says all that is wrong with a workflow document, as publishing it would.
#[utoipa::path(
    post, path = "/v1/validate/workflow", tag = "workflows",
    request_body(
        description = "The document, YAML or JSON",
        content((String = "application/yaml"), (Object = "application/json"))
    ),
    responses((status = 200, description = "What was found", body = Validation)),
    security(("key" = ["workflows:read"]))
)]
async fn validate_workflow(
    State(app): State<App>,
    caller: Caller,
    raw: Raw,
) -> Result<Json<Validation>, Problem> {
    let problems = app
        .engine
        .workflows()
        .validate(&caller.workspace, source(&raw)?)
        .await?;
    Ok(Json(Validation {
        valid: !any_error(&problems),
        problems: problems.iter().map(item).collect(),
    }))
}

/// The JSON Schema (2020-12) of workflow documents.
#[utoipa::path(
    get, path = "/v1/schemas/workflow", tag = "workflows",
    responses((status = 200, description = "The schema", body = Object, content_type = "application/schema+json")),
    security(())
)]
async fn workflow_schema() -> impl IntoResponse {
    (
        [
            (header::CONTENT_TYPE, "application/schema+json"),
            (header::CACHE_CONTROL, "public, max-age=3600"),
        ],
        SCHEMA,
    )
}
