//! `/v1/lists`: lists of contacts, and who is on them.

use super::contacts::page as paged;
use crate::http::app::App;
use crate::http::auth::Caller;
use crate::http::extract::{At, Json as Body, OptionalJson, Params};
use crate::http::paging::{Page, PageParams, Range};
use crate::http::problem::Problem;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use jackfield_messaging::ListView;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list_lists))
        .routes(routes!(get_list, put_list, delete_list))
        .routes(routes!(list_members, add_member))
        .routes(routes!(remove_member))
}

/// A list of contacts.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
#[schema(as = List)]
struct ListBody {
    /// Lower-case words with hyphens.
    name: String,
    /// For people.
    title: String,
    /// For people.
    description: Option<String>,
    /// Milliseconds since 1970.
    created_at: i64,
}

impl From<ListView> for ListBody {
    fn from(view: ListView) -> Self {
        ListBody {
            name: view.name,
            title: view.title,
            description: view.description,
            created_at: view.created_at,
        }
    }
}

/// Lists the lists, by name.
#[utoipa::path(
    get, path = "/v1/lists", tag = "lists",
    params(PageParams),
    responses((status = 200, description = "A page of lists", body = Page<ListBody>)),
    security(("key" = ["contacts:read"]))
)]
async fn list_lists(
    State(app): State<App>,
    caller: Caller,
    Params(page): Params<PageParams>,
) -> Result<Json<Page<ListBody>>, Problem> {
    const LIST: &str = "lists";
    let range = page.range(LIST)?;
    let all = app.messaging.lists().all(&caller.workspace).await?;
    let page = Page::cut(all, &range, LIST, |list| list.name.clone());
    Ok(Json(page.map(ListBody::from)))
}

/// Shows a list.
#[utoipa::path(
    get, path = "/v1/lists/{name}", tag = "lists",
    params(("name" = String, Path, description = "The list's name")),
    responses((status = 200, description = "The list", body = ListBody)),
    security(("key" = ["contacts:read"]))
)]
async fn get_list(
    State(app): State<App>,
    caller: Caller,
    At(name): At<String>,
) -> Result<Json<ListBody>, Problem> {
    let lists = app.messaging.lists();
    Ok(Json(lists.get(&caller.workspace, &name).await?.into()))
}

#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct PutList {
    /// For people; left out, a new list is titled by its name and another keeps its title.
    title: Option<String>,
    /// For people.
    description: Option<String>,
}

/// Makes a list, or changes its title and description.
#[utoipa::path(
    put, path = "/v1/lists/{name}", tag = "lists",
    params(("name" = String, Path, description = "Lower-case words with hyphens")),
    request_body = Option<PutList>,
    responses(
        (status = 200, description = "It was changed", body = ListBody),
        (status = 201, description = "It was made", body = ListBody)
    ),
    security(("key" = ["contacts:write"]))
)]
async fn put_list(
    State(app): State<App>,
    caller: Caller,
    At(name): At<String>,
    OptionalJson(body): OptionalJson<PutList>,
) -> Result<(StatusCode, Json<ListBody>), Problem> {
    let lists = app.messaging.lists();
    let (list, made) = lists
        .put(&caller.workspace, &name, body.title, body.description)
        .await?;
    let status = if made {
        StatusCode::CREATED
    } else {
        StatusCode::OK
    };
    Ok((status, Json(list.into())))
}

/// Deletes a list. Its contacts stay.
#[utoipa::path(
    delete, path = "/v1/lists/{name}", tag = "lists",
    params(("name" = String, Path, description = "The list's name")),
    responses((status = 204, description = "It is deleted")),
    security(("key" = ["contacts:write"]))
)]
async fn delete_list(
    State(app): State<App>,
    caller: Caller,
    At(name): At<String>,
) -> Result<StatusCode, Problem> {
    let lists = app.messaging.lists();
    lists.delete(&caller.workspace, &name).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Lists who is on a list.
#[utoipa::path(
    get, path = "/v1/lists/{name}/contacts", tag = "lists",
    params(("name" = String, Path, description = "The list's name"), PageParams),
    responses((status = 200, description = "A page of `{contact, source, at}`", body = Page<Object>)),
    security(("key" = ["contacts:read"]))
)]
async fn list_members(
    State(app): State<App>,
    caller: Caller,
    At(name): At<String>,
    Params(params): Params<PageParams>,
) -> Result<Json<Page<Value>>, Problem> {
    const LIST: &str = "members";
    let Range { limit, after } = params.range(LIST)?;
    let lists = app.messaging.lists();
    let listed = lists
        .members(&caller.workspace, &name, after.as_deref(), Some(limit))
        .await?;
    Ok(Json(paged(listed, LIST)))
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct AddMember {
    /// `id:...`, `phone:+33...` or `email:...`.
    contact: String,
}

/// Whether something changed.
#[derive(Debug, Serialize, ToSchema)]
struct Changed {
    /// False where the contact was on the list (or off it) already.
    changed: bool,
}

/// Puts a contact on a list.
#[utoipa::path(
    post, path = "/v1/lists/{name}/contacts", tag = "lists",
    params(("name" = String, Path, description = "The list's name")),
    request_body = AddMember,
    responses((status = 200, description = "It is on the list", body = Changed)),
    security(("key" = ["contacts:write"]))
)]
async fn add_member(
    State(app): State<App>,
    caller: Caller,
    At(name): At<String>,
    Body(body): Body<AddMember>,
) -> Result<Json<Changed>, Problem> {
    let lists = app.messaging.lists();
    let changed = lists
        .set(&caller.workspace, &name, &body.contact, true)
        .await?;
    Ok(Json(Changed { changed }))
}

/// Takes a contact off a list.
#[utoipa::path(
    delete, path = "/v1/lists/{name}/contacts/{contact}", tag = "lists",
    params(
        ("name" = String, Path, description = "The list's name"),
        ("contact" = String, Path, description = "`id:...`, `phone:+33...` or `email:...`")
    ),
    responses((status = 200, description = "It is off the list", body = Changed)),
    security(("key" = ["contacts:write"]))
)]
async fn remove_member(
    State(app): State<App>,
    caller: Caller,
    At((name, contact)): At<(String, String)>,
) -> Result<Json<Changed>, Problem> {
    let lists = app.messaging.lists();
    let changed = lists.set(&caller.workspace, &name, &contact, false).await?;
    Ok(Json(Changed { changed }))
}
