//! `/v1/organisations/{id}/workflows`: one document, live in each of the organisation's workspaces
//! that it is for.

use super::organisations::must_be_of;
use super::workflows::{must_be_named, source};
use crate::http::app::App;
use crate::http::auth::Caller;
use crate::http::extract::{At, OptionalJson, Params, Raw};
use crate::http::paging::{Page, PageParams};
use crate::http::problem::{Code, ErrorItem, Problem};
use crate::http::views::item;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use jackfield_engine::document::Accounts;
use jackfield_engine::{InWorkspace, OrganisationWorkflowView};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list_organisation_workflows))
        .routes(routes!(
            get_organisation_workflow,
            put_organisation_workflow,
            delete_organisation_workflow
        ))
        .routes(routes!(activate_organisation_workflow))
        .routes(routes!(deactivate_organisation_workflow))
}

/// A workflow of an organisation.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
#[schema(as = OrganisationWorkflow)]
struct WorkflowBody {
    /// Lower-case words with hyphens.
    name: String,
    /// `published` or `stopped`.
    state: String,
    /// The only workspaces that it is for; none where it is not for some only.
    #[serde(skip_serializing_if = "Option::is_none")]
    only: Option<Vec<String>>,
    /// The workspaces that it is not for; none where it is for some only, or for all.
    #[serde(skip_serializing_if = "Option::is_none")]
    except: Option<Vec<String>>,
    /// Of several workflows that match an event, lower starts first.
    priority: i64,
    /// The document as its author wrote it, YAML or JSON.
    source: String,
    /// Where it is, by the workspace's id.
    workspaces: Vec<PlaceBody>,
    /// Milliseconds since 1970.
    created_at: i64,
    /// Milliseconds since 1970.
    updated_at: i64,
}

/// How a workspace has it.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
#[schema(as = OrganisationWorkflowPlace)]
struct PlaceBody {
    /// The workspace.
    workspace: String,
    /// `published`; `stopped`; or `absent`: the workspace came to the organisation later, and could
    /// not publish it then. Putting the document again says why, or mends it.
    state: String,
    /// The version of the workspace's copy.
    version: Option<i64>,
}

impl From<InWorkspace> for PlaceBody {
    fn from(place: InWorkspace) -> PlaceBody {
        PlaceBody {
            workspace: place.workspace,
            state: place.state,
            version: place.version,
        }
    }
}

impl From<OrganisationWorkflowView> for WorkflowBody {
    fn from(view: OrganisationWorkflowView) -> WorkflowBody {
        let (only, except) = match view.scope {
            Accounts::All => (None, None),
            Accounts::Only(names) => (Some(names), None),
            Accounts::Except(names) => (None, Some(names)),
        };
        WorkflowBody {
            name: view.name,
            state: view.state,
            only,
            except,
            priority: view.priority,
            source: view.source,
            workspaces: view.workspaces.into_iter().map(PlaceBody::from).collect(),
            created_at: view.created_at,
            updated_at: view.updated_at,
        }
    }
}

/// Lists the workflows of an organisation, by name.
#[utoipa::path(
    get, path = "/v1/organisations/{id}/workflows", tag = "organisations",
    params(("id" = String, Path, description = "The organisation's id"), PageParams),
    responses((status = 200, description = "A page of workflows", body = Page<WorkflowBody>)),
    security(("key" = ["workflows:read"]))
)]
async fn list_organisation_workflows(
    State(app): State<App>,
    caller: Caller,
    At(id): At<String>,
    Params(page): Params<PageParams>,
) -> Result<Json<Page<WorkflowBody>>, Problem> {
    const LIST: &str = "organisation-workflows";
    let range = page.range(LIST)?;
    must_be_there(&app, &caller, &id).await?;
    let all = app.engine.workflows().list_for(&id).await?;
    let page = Page::cut(all, &range, LIST, |view| view.name.clone());
    Ok(Json(page.map(WorkflowBody::from)))
}

/// Shows a workflow of an organisation, and where it is.
#[utoipa::path(
    get, path = "/v1/organisations/{id}/workflows/{name}", tag = "organisations",
    params(
        ("id" = String, Path, description = "The organisation's id"),
        ("name" = String, Path, description = "The workflow's name")
    ),
    responses((status = 200, description = "The workflow", body = WorkflowBody)),
    security(("key" = ["workflows:read"]))
)]
async fn get_organisation_workflow(
    State(app): State<App>,
    caller: Caller,
    At((id, name)): At<(String, String)>,
) -> Result<Json<WorkflowBody>, Problem> {
    must_be_there(&app, &caller, &id).await?;
    Ok(Json(
        app.engine.workflows().get_for(&id, &name).await?.into(),
    ))
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct PutParams {
    /// The only workspaces that it is for, with commas between. All, when neither this nor `except`
    /// is said; those that come later too.
    only: Option<String>,
    /// The workspaces that it is not for, with commas between.
    except: Option<String>,
    /// Of several workflows that match an event, lower starts first; 100 when nothing is said.
    priority: Option<i64>,
}

/// What putting a workflow of an organisation came to.
#[derive(Debug, Serialize, ToSchema)]
struct Put {
    /// The workflow.
    workflow: WorkflowBody,
    /// What is allowed, but was probably not meant.
    warnings: Vec<ErrorItem>,
}

/// Makes a document the organisation's, and live in every workspace that it is for.
///
/// Each of them has a copy of its own, which it can stop and cannot change. It is live in all of
/// them or, where one cannot publish it, changed in none. A workspace that it is not for any more
/// has its copy stopped. A workspace that comes to the organisation later gets it then.
#[utoipa::path(
    put, path = "/v1/organisations/{id}/workflows/{name}", tag = "organisations",
    params(
        ("id" = String, Path, description = "The organisation's id"),
        ("name" = String, Path, description = "The workflow's name"),
        PutParams
    ),
    request_body(
        description = "The document, YAML or JSON (schema: `/v1/schemas/workflow`)",
        content((String = "application/yaml"), (Object = "application/json"))
    ),
    responses((status = 200, description = "It is live", body = Put)),
    security(("key" = ["workflows:write"]))
)]
async fn put_organisation_workflow(
    State(app): State<App>,
    caller: Caller,
    At((id, name)): At<(String, String)>,
    Params(params): Params<PutParams>,
    raw: Raw,
) -> Result<Json<Put>, Problem> {
    let source = source(&raw)?;
    must_be_there(&app, &caller, &id).await?;
    must_be_named(source, &name)?;
    let names = |list: &str| list.split(',').map(|name| name.trim().to_owned()).collect();
    let scope = match (&params.only, &params.except) {
        (None, None) => Accounts::All,
        (Some(only), None) => Accounts::Only(names(only)),
        (None, Some(except)) => Accounts::Except(names(except)),
        (Some(_), Some(_)) => {
            let detail =
                "A workflow is for some workspaces `only`, or for all `except` some: not both.";
            return Err(Problem::new(Code::Invalid, detail));
        }
    };
    let workflows = app.engine.workflows();
    let (view, warnings) = workflows
        .put_for(&id, source, scope, params.priority, app.now())
        .await?;
    Ok(Json(Put {
        workflow: view.into(),
        warnings: warnings.iter().map(item).collect(),
    }))
}

/// Deletes a workflow of an organisation, with its copies. Refused while one has unfinished runs.
#[utoipa::path(
    delete, path = "/v1/organisations/{id}/workflows/{name}", tag = "organisations",
    params(
        ("id" = String, Path, description = "The organisation's id"),
        ("name" = String, Path, description = "The workflow's name")
    ),
    responses((status = 204, description = "It is deleted")),
    security(("key" = ["workflows:write"]))
)]
async fn delete_organisation_workflow(
    State(app): State<App>,
    caller: Caller,
    At((id, name)): At<(String, String)>,
) -> Result<StatusCode, Problem> {
    must_be_there(&app, &caller, &id).await?;
    app.engine.workflows().delete_for(&id, &name).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Lets every copy of a workflow start runs again.
#[utoipa::path(
    post, path = "/v1/organisations/{id}/workflows/{name}/activate", tag = "organisations",
    params(
        ("id" = String, Path, description = "The organisation's id"),
        ("name" = String, Path, description = "The workflow's name")
    ),
    responses((status = 200, description = "It is live", body = WorkflowBody)),
    security(("key" = ["workflows:write"]))
)]
async fn activate_organisation_workflow(
    State(app): State<App>,
    caller: Caller,
    At((id, name)): At<(String, String)>,
) -> Result<Json<WorkflowBody>, Problem> {
    must_be_there(&app, &caller, &id).await?;
    let workflows = app.engine.workflows();
    let view = workflows.set_active_for(&id, &name, true, app.now());
    Ok(Json(view.await?.into()))
}

#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = DeactivateOrganisationWorkflow)]
struct Deactivate {
    /// Cancels the runs under way; otherwise they go on to their end.
    #[serde(default)]
    abort: bool,
}

/// A workflow that was stopped.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = DeactivatedOrganisationWorkflow)]
struct Deactivated {
    /// The workflow.
    workflow: WorkflowBody,
    /// How many runs were cancelled.
    aborted: u64,
}

/// Stops new runs of every copy of a workflow; with `abort`, cancels those under way too.
#[utoipa::path(
    post, path = "/v1/organisations/{id}/workflows/{name}/deactivate", tag = "organisations",
    params(
        ("id" = String, Path, description = "The organisation's id"),
        ("name" = String, Path, description = "The workflow's name")
    ),
    request_body = Option<Deactivate>,
    responses((status = 200, description = "It starts no new runs", body = Deactivated)),
    security(("key" = ["workflows:write"]))
)]
async fn deactivate_organisation_workflow(
    State(app): State<App>,
    caller: Caller,
    At((id, name)): At<(String, String)>,
    OptionalJson(body): OptionalJson<Deactivate>,
) -> Result<Json<Deactivated>, Problem> {
    must_be_there(&app, &caller, &id).await?;
    let workflows = app.engine.workflows();
    let view = workflows
        .set_active_for(&id, &name, false, app.now())
        .await?;
    let mut aborted = 0;
    if body.abort {
        for place in view
            .workspaces
            .iter()
            .filter(|place| place.version.is_some())
        {
            aborted += app
                .engine
                .runs()
                .cancel_all(&place.workspace, &name)
                .await?;
        }
    }
    Ok(Json(Deactivated {
        workflow: view.into(),
        aborted,
    }))
}

/// Refuses who is not of the organisation, and an organisation that there is not.
async fn must_be_there(app: &App, caller: &Caller, id: &str) -> Result<(), Problem> {
    must_be_of(caller, id)?;
    app.messaging.organisations().get(id).await?;
    Ok(())
}
