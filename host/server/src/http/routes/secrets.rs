//! `/v1/secrets` and `/v1/channels/{channel}/secrets`: set, listed by name, deleted. Never read.

use crate::http::app::App;
use crate::http::auth::Caller;
use crate::http::extract::{At, Json as Body, Params};
use crate::http::paging::{Page, PageParams};
use crate::http::problem::Problem;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use jackfield_messaging::SecretView;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list_secrets))
        .routes(routes!(put_secret, delete_secret))
        .routes(routes!(list_channel_secrets))
        .routes(routes!(put_channel_secret, delete_channel_secret))
}

/// A secret as it is listed: never its value.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
#[schema(as = Secret)]
struct SecretBody {
    /// Its name.
    name: String,
    /// When it was last set; milliseconds since 1970.
    updated_at: i64,
}

impl From<SecretView> for SecretBody {
    fn from(view: SecretView) -> Self {
        SecretBody {
            name: view.name,
            updated_at: view.updated_at,
        }
    }
}

/// A secret's value. It does not print.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct PutSecret {
    /// The value, at most 65,536 bytes; it cannot be read back.
    #[schema(min_length = 1, max_length = 65_536)]
    value: String,
}

/// The workspace's own secrets.
const OWN: &str = "";

async fn list(
    app: &App,
    caller: &Caller,
    owner: &str,
    page: &PageParams,
) -> Result<Json<Page<SecretBody>>, Problem> {
    const LIST: &str = "secrets";
    let range = page.range(LIST)?;
    let all = app
        .messaging
        .secrets()
        .list(&caller.workspace, owner)
        .await?;
    let page = Page::cut(all, &range, LIST, |view| view.name.clone());
    Ok(Json(page.map(SecretBody::from)))
}

/// Lists the names of the workspace's secrets, which steps may use where they are granted.
#[utoipa::path(
    get, path = "/v1/secrets", tag = "secrets",
    params(PageParams),
    responses((status = 200, description = "A page of names", body = Page<SecretBody>)),
    security(("key" = ["secrets:read"]))
)]
async fn list_secrets(
    State(app): State<App>,
    caller: Caller,
    Params(page): Params<PageParams>,
) -> Result<Json<Page<SecretBody>>, Problem> {
    list(&app, &caller, OWN, &page).await
}

/// Sets a secret of the workspace.
#[utoipa::path(
    put, path = "/v1/secrets/{name}", tag = "secrets",
    params(("name" = String, Path, description = "The secret's name")),
    request_body = PutSecret,
    responses((status = 204, description = "It is set")),
    security(("key" = ["secrets:write"]))
)]
async fn put_secret(
    State(app): State<App>,
    caller: Caller,
    At(name): At<String>,
    Body(body): Body<PutSecret>,
) -> Result<StatusCode, Problem> {
    app.messaging
        .secrets()
        .set(&caller.workspace, OWN, &name, &body.value)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Deletes a secret of the workspace.
#[utoipa::path(
    delete, path = "/v1/secrets/{name}", tag = "secrets",
    params(("name" = String, Path, description = "The secret's name")),
    responses((status = 204, description = "It is deleted")),
    security(("key" = ["secrets:write"]))
)]
async fn delete_secret(
    State(app): State<App>,
    caller: Caller,
    At(name): At<String>,
) -> Result<StatusCode, Problem> {
    app.messaging
        .secrets()
        .delete(&caller.workspace, OWN, &name)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Lists the names of a channel's secrets.
#[utoipa::path(
    get, path = "/v1/channels/{channel}/secrets", tag = "channels",
    params(("channel" = String, Path, description = "The channel's name or id"), PageParams),
    responses((status = 200, description = "A page of names", body = Page<SecretBody>)),
    security(("key" = ["secrets:read"]))
)]
async fn list_channel_secrets(
    State(app): State<App>,
    caller: Caller,
    At(channel): At<String>,
    Params(page): Params<PageParams>,
) -> Result<Json<Page<SecretBody>>, Problem> {
    let owner = super::channels::id_of(&app, &caller, &channel).await?;
    list(&app, &caller, &owner, &page).await
}

/// Sets a secret of a channel.
#[utoipa::path(
    put, path = "/v1/channels/{channel}/secrets/{name}", tag = "channels",
    params(
        ("channel" = String, Path, description = "The channel's name or id"),
        ("name" = String, Path, description = "The secret's name")
    ),
    request_body = PutSecret,
    responses((status = 204, description = "It is set")),
    security(("key" = ["secrets:write"]))
)]
async fn put_channel_secret(
    State(app): State<App>,
    caller: Caller,
    At((channel, name)): At<(String, String)>,
    Body(body): Body<PutSecret>,
) -> Result<StatusCode, Problem> {
    let owner = super::channels::id_of(&app, &caller, &channel).await?;
    app.messaging
        .secrets()
        .set(&caller.workspace, &owner, &name, &body.value)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Deletes a secret of a channel.
#[utoipa::path(
    delete, path = "/v1/channels/{channel}/secrets/{name}", tag = "channels",
    params(
        ("channel" = String, Path, description = "The channel's name or id"),
        ("name" = String, Path, description = "The secret's name")
    ),
    responses((status = 204, description = "It is deleted")),
    security(("key" = ["secrets:write"]))
)]
async fn delete_channel_secret(
    State(app): State<App>,
    caller: Caller,
    At((channel, name)): At<(String, String)>,
) -> Result<StatusCode, Problem> {
    let owner = super::channels::id_of(&app, &caller, &channel).await?;
    app.messaging
        .secrets()
        .delete(&caller.workspace, &owner, &name)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}
