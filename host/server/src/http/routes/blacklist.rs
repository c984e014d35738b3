//! `/v1/blacklist`: addresses from which nothing is taken, and to which nothing is sent.

use crate::http::app::App;
use crate::http::auth::Caller;
use crate::http::extract::{At, OptionalJson, Params};
use crate::http::paging::{Page, PageParams};
use crate::http::problem::Problem;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use jackfield_messaging::Direction;
use jackfield_store::records::BlacklistEntry;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list_blacklist))
        .routes(routes!(
            get_blacklisted,
            put_blacklisted,
            delete_blacklisted
        ))
}

/// An entry of the blacklist.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
#[schema(as = BlacklistEntry)]
struct EntryBody {
    /// An address in its normal form (`id:…` for one that is neither number nor mail address), or a
    /// pattern: `+33899*`, `*@spam.example`.
    address: String,
    /// `inbound` (nothing is taken from it), `outbound` (nothing is sent to it) or `both`.
    direction: String,
    /// For people.
    note: Option<String>,
    /// Milliseconds since 1970.
    created_at: i64,
}

impl From<BlacklistEntry> for EntryBody {
    fn from(row: BlacklistEntry) -> Self {
        EntryBody {
            address: row.address,
            direction: row.direction,
            note: row.note,
            created_at: row.created_at,
        }
    }
}

/// Lists the blacklist, by address.
#[utoipa::path(
    get, path = "/v1/blacklist", tag = "blacklist",
    params(PageParams),
    responses((status = 200, description = "A page of entries", body = Page<EntryBody>)),
    security(("key" = ["contacts:read"]))
)]
async fn list_blacklist(
    State(app): State<App>,
    caller: Caller,
    Params(page): Params<PageParams>,
) -> Result<Json<Page<EntryBody>>, Problem> {
    const LIST: &str = "blacklist";
    let range = page.range(LIST)?;
    let all = app.messaging.blacklists().all(&caller.workspace).await?;
    let page = Page::cut(all, &range, LIST, |row| row.address.clone());
    Ok(Json(page.map(EntryBody::from)))
}

/// Shows an entry.
#[utoipa::path(
    get, path = "/v1/blacklist/{address}", tag = "blacklist",
    params(("address" = String, Path, description = "The address or the pattern")),
    responses((status = 200, description = "The entry", body = EntryBody)),
    security(("key" = ["contacts:read"]))
)]
async fn get_blacklisted(
    State(app): State<App>,
    caller: Caller,
    At(address): At<String>,
) -> Result<Json<EntryBody>, Problem> {
    let blacklists = app.messaging.blacklists();
    let row = blacklists.get(&caller.workspace, &address).await?;
    Ok(Json(row.into()))
}

/// Which way is closed.
#[derive(Debug, Clone, Copy, Default, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
#[schema(as = BlacklistDirection)]
enum DirectionBody {
    /// Nothing is taken from it.
    Inbound,
    /// Nothing is sent to it.
    Outbound,
    /// Neither.
    #[default]
    Both,
}

#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct PutEntry {
    /// Which way is closed; both when nothing is said.
    #[serde(default)]
    #[schema(inline)]
    direction: DirectionBody,
    /// For people.
    note: Option<String>,
}

/// Puts an address or a pattern on the blacklist, or changes its entry.
#[utoipa::path(
    put, path = "/v1/blacklist/{address}", tag = "blacklist",
    params(("address" = String, Path, description = "A telephone number, a mail address, `id:...` for what is neither, or a pattern: `+33899*`, `*@spam.example`")),
    request_body = Option<PutEntry>,
    responses(
        (status = 200, description = "It was changed", body = EntryBody),
        (status = 201, description = "It is on the blacklist", body = EntryBody)
    ),
    security(("key" = ["contacts:write"]))
)]
async fn put_blacklisted(
    State(app): State<App>,
    caller: Caller,
    At(address): At<String>,
    OptionalJson(body): OptionalJson<PutEntry>,
) -> Result<(StatusCode, Json<EntryBody>), Problem> {
    let direction = match body.direction {
        DirectionBody::Inbound => Direction::Inbound,
        DirectionBody::Outbound => Direction::Outbound,
        DirectionBody::Both => Direction::Both,
    };
    let blacklists = app.messaging.blacklists();
    let (row, made) = blacklists
        .put(&caller.workspace, &address, direction, body.note)
        .await?;
    let status = if made {
        StatusCode::CREATED
    } else {
        StatusCode::OK
    };
    Ok((status, Json(row.into())))
}

/// Takes an address or a pattern off the blacklist.
#[utoipa::path(
    delete, path = "/v1/blacklist/{address}", tag = "blacklist",
    params(("address" = String, Path, description = "The address or the pattern")),
    responses((status = 204, description = "It is off the blacklist")),
    security(("key" = ["contacts:write"]))
)]
async fn delete_blacklisted(
    State(app): State<App>,
    caller: Caller,
    At(address): At<String>,
) -> Result<StatusCode, Problem> {
    let blacklists = app.messaging.blacklists();
    blacklists.delete(&caller.workspace, &address).await?;
    Ok(StatusCode::NO_CONTENT)
}
