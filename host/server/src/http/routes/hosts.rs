//! `/v1/hosts`: who shares the work.

use crate::http::app::App;
use crate::http::auth::Caller;
use crate::http::problem::Problem;
use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list_hosts))
}

/// A host of the database.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
#[schema(as = Host)]
struct HostBody {
    /// Its id, new at every start where several hosts share a database.
    id: String,
    /// How many of the database's buckets it owns: its share of the work.
    buckets: usize,
    /// How long it still counts as living if it does not say so again, in milliseconds; null where
    /// a host is alone by nature (SQLite).
    lease_ms: Option<i64>,
    /// Whether it is the one that answers.
    this: bool,
}

/// The living hosts.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
#[schema(as = Hosts)]
struct HostsBody {
    /// The hosts, by id.
    items: Vec<HostBody>,
    /// How many buckets the database has.
    buckets: i32,
}

/// Lists the living hosts of the database and how many buckets each owns.
#[utoipa::path(
    get, path = "/v1/hosts", tag = "hosts",
    responses((status = 200, description = "The hosts", body = HostsBody)),
    security(("key" = ["hosts:read"]))
)]
async fn list_hosts(State(app): State<App>, caller: Caller) -> Result<Json<HostsBody>, Problem> {
    caller.must_be_operator("The list of hosts")?;
    let own = app.engine.store().host().to_owned();
    let mut items: Vec<HostBody> = app
        .engine
        .hosts()
        .await?
        .into_iter()
        .map(|host| HostBody {
            this: host.id == own,
            id: host.id,
            buckets: host.buckets,
            lease_ms: host.lease_ms,
        })
        .collect();
    items.sort_by(|one, other| one.id.cmp(&other.id));
    Ok(Json(HostsBody {
        items,
        buckets: app.engine.store().buckets(),
    }))
}
