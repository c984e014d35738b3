//! `/v1/workspaces`: accounts and their settings.

use crate::http::app::App;
use crate::http::auth::{Caller, MAIN};
use crate::http::extract::{At, Json as Body, Params};
use crate::http::paging::{Page, PageParams};
use crate::http::problem::{Code, ErrorItem, Problem};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use jackfield_engine::document::problem::nearest;
use jackfield_store::records::Workspace;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list_workspaces, create_workspace))
        .routes(routes!(get_workspace, update_workspace))
}

/// A workspace.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
#[schema(as = Workspace)]
struct WorkspaceBody {
    /// Lower-case words with hyphens.
    id: String,
    /// The organisation that owns it.
    organisation: String,
    /// For people.
    title: String,
    /// The settings that were made.
    #[schema(value_type = Object)]
    settings: Value,
    /// The settings in force, defaults filled in.
    #[schema(value_type = Object)]
    effective: Value,
    /// Milliseconds since 1970.
    created_at: i64,
}

async fn body(app: &App, row: Workspace) -> Result<WorkspaceBody, Problem> {
    let effective = app.messaging.workspaces().settings(&row.id).await?;
    Ok(WorkspaceBody {
        id: row.id,
        organisation: row.organisation,
        title: row.title,
        settings: row.settings,
        effective: serde_json::to_value(effective).map_err(Problem::internal)?,
        created_at: row.created_at,
    })
}

/// Whether the key opens a workspace, whichever it acts in now.
fn opens(caller: &Caller, row: &Workspace) -> bool {
    match &caller.organisation {
        Some(organisation) => *organisation == row.organisation,
        None => caller.operator || caller.workspace == row.id,
    }
}

/// The workspace of this id, if the caller may see it.
async fn seen(app: &App, caller: &Caller, id: &str) -> Result<Workspace, Problem> {
    let found = app.messaging.workspaces().get(id).await?;
    let opened = match &found {
        Some(row) => opens(caller, row),
        // Only the operator may know that it is not there.
        None => caller.operator,
    };
    if !opened {
        return Err(Problem::new(
            Code::OtherWorkspace,
            format!(
                "The key `{}` does not open the workspace `{id}`.",
                caller.key
            ),
        ));
    }
    match found {
        Some(row) => Ok(row),
        None => Err(Problem::new(
            Code::NotFound,
            format!("There is no workspace `{id}`."),
        )),
    }
}

/// Lists the workspaces that the key opens.
#[utoipa::path(
    get, path = "/v1/workspaces", tag = "workspaces",
    params(PageParams),
    responses((status = 200, description = "A page of workspaces", body = Page<WorkspaceBody>)),
    security(("key" = ["workspaces:read"]))
)]
async fn list_workspaces(
    State(app): State<App>,
    caller: Caller,
    Params(page): Params<PageParams>,
) -> Result<Json<Page<WorkspaceBody>>, Problem> {
    const LIST: &str = "workspaces";
    let range = page.range(LIST)?;
    let mut all = app.messaging.workspaces().list().await?;
    all.retain(|row| opens(&caller, row));
    let page = Page::cut(all, &range, LIST, |row| row.id.clone());
    let mut items = Vec::with_capacity(page.items.len());
    for row in page.items {
        items.push(body(&app, row).await?);
    }
    Ok(Json(Page {
        items,
        next: page.next,
    }))
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct CreateWorkspace {
    /// Lower-case words with hyphens.
    id: String,
    /// For people; the id when nothing is said.
    title: Option<String>,
    /// The organisation that owns it; `main` when nothing is said.
    organisation: Option<String>,
    /// Its settings; the defaults when nothing is said.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    settings: Value,
}

/// Refuses an organisation that there is not.
async fn must_be_there(app: &App, organisation: &str) -> Result<(), Problem> {
    let all = app.messaging.organisations().list().await?;
    if all.iter().any(|row| row.id == organisation) {
        return Ok(());
    }
    let detail = format!("There is no organisation `{organisation}`; nothing was changed.");
    Err(Problem::new(Code::Invalid, detail).with_errors([ErrorItem {
        path: "/organisation".to_owned(),
        message: "make the organisation first".to_owned(),
        suggestion: nearest(organisation, all.iter().map(|row| row.id.as_str())),
        ..ErrorItem::default()
    }]))
}

/// Makes a workspace. Needs an operator's key.
#[utoipa::path(
    post, path = "/v1/workspaces", tag = "workspaces",
    request_body = CreateWorkspace,
    responses((status = 201, description = "It is made", body = WorkspaceBody)),
    security(("key" = ["workspaces:admin"]))
)]
async fn create_workspace(
    State(app): State<App>,
    caller: Caller,
    Body(new): Body<CreateWorkspace>,
) -> Result<(StatusCode, Json<WorkspaceBody>), Problem> {
    caller.must_be_operator("A new workspace")?;
    let title = new.title.as_deref().unwrap_or(&new.id);
    let organisation = new.organisation.as_deref().unwrap_or(MAIN);
    must_be_there(&app, organisation).await?;
    let row = app
        .messaging
        .workspaces()
        .create(&new.id, organisation, title, &new.settings)
        .await?;
    let workflows = app.engine.workflows();
    workflows.join(organisation, &row.id, app.now()).await?;
    Ok((StatusCode::CREATED, Json(body(&app, row).await?)))
}

/// Shows a workspace with its settings.
#[utoipa::path(
    get, path = "/v1/workspaces/{id}", tag = "workspaces",
    params(("id" = String, Path, description = "The workspace's id")),
    responses((status = 200, description = "The workspace", body = WorkspaceBody)),
    security(("key" = ["workspaces:read"]))
)]
async fn get_workspace(
    State(app): State<App>,
    caller: Caller,
    At(id): At<String>,
) -> Result<Json<WorkspaceBody>, Problem> {
    let row = seen(&app, &caller, &id).await?;
    Ok(Json(body(&app, row).await?))
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct UpdateWorkspace {
    /// For people.
    title: Option<String>,
    /// Settings to merge in (RFC 7396); null takes one back to its default.
    #[schema(value_type = Option<Object>)]
    settings: Option<Value>,
    /// The organisation that is to own it. Needs an operator's key.
    organisation: Option<String>,
}

/// Changes title, settings and owner of a workspace.
#[utoipa::path(
    patch, path = "/v1/workspaces/{id}", tag = "workspaces",
    params(("id" = String, Path, description = "The workspace's id")),
    request_body = UpdateWorkspace,
    responses((status = 200, description = "The workspace", body = WorkspaceBody)),
    security(("key" = ["workspaces:admin"]))
)]
async fn update_workspace(
    State(app): State<App>,
    caller: Caller,
    At(id): At<String>,
    Body(change): Body<UpdateWorkspace>,
) -> Result<Json<WorkspaceBody>, Problem> {
    seen(&app, &caller, &id).await?;
    if let Some(organisation) = &change.organisation {
        caller.must_be_operator("Who owns a workspace")?;
        must_be_there(&app, organisation).await?;
    }
    let workspaces = app.messaging.workspaces();
    let mut row = workspaces
        .update(&id, change.title.as_deref(), change.settings.as_ref())
        .await?;
    if let Some(organisation) = &change.organisation {
        row = workspaces.give_to(&id, organisation).await?;
        app.access.forget();
        let workflows = app.engine.workflows();
        workflows.join(organisation, &id, app.now()).await?;
    }
    Ok(Json(body(&app, row).await?))
}
