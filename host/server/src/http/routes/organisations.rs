//! `/v1/organisations`: who owns workspaces.

use crate::http::app::App;
use crate::http::auth::Caller;
use crate::http::extract::{At, Json as Body, Params};
use crate::http::paging::{Page, PageParams};
use crate::http::problem::{Code, Problem};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use jackfield_store::records::Organisation;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list_organisations, create_organisation))
        .routes(routes!(
            get_organisation,
            update_organisation,
            delete_organisation
        ))
}

/// An organisation.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
#[schema(as = Organisation)]
struct OrganisationBody {
    /// Lower-case words with hyphens.
    id: String,
    /// For people.
    title: String,
    /// The ids of its workspaces.
    workspaces: Vec<String>,
    /// Milliseconds since 1970.
    created_at: i64,
}

async fn body(app: &App, row: Organisation) -> Result<OrganisationBody, Problem> {
    let workspaces = app.messaging.organisations().workspaces(&row.id).await?;
    Ok(OrganisationBody {
        id: row.id,
        title: row.title,
        workspaces: workspaces.into_iter().map(|row| row.id).collect(),
        created_at: row.created_at,
    })
}

/// Refuses all but an operator's key and one of the organisation itself.
pub(super) fn must_be_of(caller: &Caller, id: &str) -> Result<(), Problem> {
    if caller.operator || caller.organisation.as_deref() == Some(id) {
        return Ok(());
    }
    Err(Problem::new(
        Code::OtherOrganisation,
        format!(
            "The key `{}` is not one of the organisation `{id}`.",
            caller.key
        ),
    ))
}

/// Lists the organisations that the key opens: all of them for an operator's, its own for one of an
/// organisation, none for one of a workspace.
#[utoipa::path(
    get, path = "/v1/organisations", tag = "organisations",
    params(PageParams),
    responses((status = 200, description = "A page of organisations", body = Page<OrganisationBody>)),
    security(("key" = ["workspaces:read"]))
)]
async fn list_organisations(
    State(app): State<App>,
    caller: Caller,
    Params(page): Params<PageParams>,
) -> Result<Json<Page<OrganisationBody>>, Problem> {
    const LIST: &str = "organisations";
    let range = page.range(LIST)?;
    let mut all = app.messaging.organisations().list().await?;
    all.retain(|row| must_be_of(&caller, &row.id).is_ok());
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
struct CreateOrganisation {
    /// Lower-case words with hyphens.
    id: String,
    /// For people, at most 200 characters; the id when nothing is said.
    title: Option<String>,
}

/// Makes an organisation. Needs an operator's key.
#[utoipa::path(
    post, path = "/v1/organisations", tag = "organisations",
    request_body = CreateOrganisation,
    responses((status = 201, description = "It is made", body = OrganisationBody)),
    security(("key" = ["workspaces:admin"]))
)]
async fn create_organisation(
    State(app): State<App>,
    caller: Caller,
    Body(new): Body<CreateOrganisation>,
) -> Result<(StatusCode, Json<OrganisationBody>), Problem> {
    caller.must_be_operator("A new organisation")?;
    let organisations = app.messaging.organisations();
    let row = organisations.create(&new.id, new.title.as_deref()).await?;
    Ok((StatusCode::CREATED, Json(body(&app, row).await?)))
}

/// Shows an organisation with its workspaces.
#[utoipa::path(
    get, path = "/v1/organisations/{id}", tag = "organisations",
    params(("id" = String, Path, description = "The organisation's id")),
    responses((status = 200, description = "The organisation", body = OrganisationBody)),
    security(("key" = ["workspaces:read"]))
)]
async fn get_organisation(
    State(app): State<App>,
    caller: Caller,
    At(id): At<String>,
) -> Result<Json<OrganisationBody>, Problem> {
    must_be_of(&caller, &id)?;
    let row = app.messaging.organisations().get(&id).await?;
    Ok(Json(body(&app, row).await?))
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct UpdateOrganisation {
    /// For people, at most 200 characters.
    title: Option<String>,
}

/// Gives an organisation another title.
#[utoipa::path(
    patch, path = "/v1/organisations/{id}", tag = "organisations",
    params(("id" = String, Path, description = "The organisation's id")),
    request_body = UpdateOrganisation,
    responses((status = 200, description = "The organisation", body = OrganisationBody)),
    security(("key" = ["workspaces:admin"]))
)]
async fn update_organisation(
    State(app): State<App>,
    caller: Caller,
    At(id): At<String>,
    Body(change): Body<UpdateOrganisation>,
) -> Result<Json<OrganisationBody>, Problem> {
    must_be_of(&caller, &id)?;
    let organisations = app.messaging.organisations();
    let row = organisations.update(&id, change.title.as_deref()).await?;
    Ok(Json(body(&app, row).await?))
}

/// Deletes an organisation that has no workspace any more; its keys end, its workflows go. Needs an operator's key.
#[utoipa::path(
    delete, path = "/v1/organisations/{id}", tag = "organisations",
    params(("id" = String, Path, description = "The organisation's id")),
    responses((status = 204, description = "It is deleted")),
    security(("key" = ["workspaces:admin"]))
)]
async fn delete_organisation(
    State(app): State<App>,
    caller: Caller,
    At(id): At<String>,
) -> Result<StatusCode, Problem> {
    caller.must_be_operator("Deleting an organisation")?;
    app.messaging.organisations().delete(&id).await?;
    app.access.forget();
    Ok(StatusCode::NO_CONTENT)
}
