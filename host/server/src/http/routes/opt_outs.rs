//! `/v1/opt-outs`: who wants nothing more.

use crate::http::app::App;
use crate::http::auth::Caller;
use crate::http::extract::{Json as Body, Params};
use crate::http::paging::{Page, PageParams};
use crate::http::problem::{Code, Problem};
use axum::Json;
use axum::extract::State;
use jackfield_messaging::OptOutView;
use jackfield_store::records::OptOut;
use jackfield_store::{Is, Query, StoreExt};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list_opt_outs, add_opt_out))
        .routes(routes!(clear_opt_out))
}

/// An opt-out.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
#[schema(as = OptOut)]
struct OptOutBody {
    /// The address in its normal form.
    address: String,
    /// `account` for all senders, or a channel's id.
    scope: String,
    /// `keyword`, `link`, `provider`, `api` or `workflow`.
    source: String,
    /// The words that said so, the message that held the link, or the run with its step and call.
    text: Option<String>,
    /// Milliseconds since 1970.
    at: i64,
    /// When it was taken back, if so.
    cleared_at: Option<i64>,
}

impl From<OptOutView> for OptOutBody {
    fn from(view: OptOutView) -> Self {
        OptOutBody {
            address: view.address,
            scope: view.scope,
            source: view.source,
            text: view.text,
            at: view.at,
            cleared_at: view.cleared_at,
        }
    }
}

impl From<OptOut> for OptOutBody {
    fn from(row: OptOut) -> Self {
        OptOutBody {
            address: row.address,
            scope: row.scope,
            source: row.source,
            text: row.text,
            at: row.at,
            cleared_at: row.cleared_at,
        }
    }
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct ListOptOuts {
    /// Only of this address.
    address: Option<String>,
    #[serde(flatten)]
    #[param(ignore)]
    page: PageParams,
}

/// Lists opt-outs, by address, those taken back too: a record of who said what, when and where.
#[utoipa::path(
    get, path = "/v1/opt-outs", tag = "opt-outs",
    params(ListOptOuts, PageParams),
    responses((status = 200, description = "A page of opt-outs", body = Page<OptOutBody>)),
    security(("key" = ["contacts:read"]))
)]
async fn list_opt_outs(
    State(app): State<App>,
    caller: Caller,
    Params(params): Params<ListOptOuts>,
) -> Result<Json<Page<OptOutBody>>, Problem> {
    const LIST: &str = "opt-outs";
    let range = params.page.range(LIST)?;
    let key = |row: &OptOutBody| format!("{}\n{}", row.address, row.scope);
    if let Some(address) = &params.address {
        let all = app
            .messaging
            .opt_outs()
            .of(&caller.workspace, address)
            .await?;
        let mut all: Vec<OptOutBody> = all.into_iter().map(OptOutBody::from).collect();
        all.sort_by_key(key);
        return Ok(Json(Page::cut(all, &range, LIST, key)));
    }
    // The rows of an address are few (one for each channel), so a page begins at its address and
    // what was shown of it is left out.
    let store = app.engine.store();
    let rows = |is: Is, address: String| {
        Query::<OptOut>::all()
            .equal("workspace", caller.workspace.as_str())
            .filter("address", is, address)
            .ascending("address")
    };
    let limit = i64::try_from(range.limit).unwrap_or(0) + 1;
    let mut found: Vec<OptOut> = Vec::new();
    let begin = match range
        .after
        .as_deref()
        .and_then(|after| after.split_once('\n'))
    {
        None => String::new(),
        Some((address, _)) => {
            found.extend(store.find(rows(Is::Equal, address.to_owned())).await?);
            address.to_owned()
        }
    };
    let mut more = store.find(rows(Is::Greater, begin).limit(limit)).await?;
    if let Some(last) = more.last().map(|row| row.address.clone()) {
        // The last address whole: its rows may have been cut by the limit.
        more.retain(|row| row.address != last);
        more.extend(store.find(rows(Is::Equal, last)).await?);
    }
    found.extend(more);
    let mut all: Vec<OptOutBody> = found.into_iter().map(OptOutBody::from).collect();
    all.sort_by_key(key);
    Ok(Json(Page::cut(all, &range, LIST, key)))
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct OptOutOf {
    /// A telephone number, a mail address or an id.
    address: String,
    /// Only for this channel (name or id); for all senders of the workspace when nothing is said.
    channel: Option<String>,
}

/// What an opt-out came to.
#[derive(Debug, Serialize, ToSchema)]
struct Changed {
    /// Whether anything changed.
    changed: bool,
    /// The opt-outs of the address as they stand.
    items: Vec<OptOutBody>,
}

async fn changed(
    app: &App,
    workspace: &str,
    address: &str,
    changed: bool,
) -> Result<Json<Changed>, Problem> {
    let items = app.messaging.opt_outs().of(workspace, address).await?;
    Ok(Json(Changed {
        changed,
        items: items.into_iter().map(OptOutBody::from).collect(),
    }))
}

/// Notes that an address wants nothing more. Doing it again changes nothing.
#[utoipa::path(
    post, path = "/v1/opt-outs", tag = "opt-outs",
    request_body = OptOutOf,
    responses((status = 200, description = "The address gets nothing more", body = Changed)),
    security(("key" = ["contacts:write"]))
)]
async fn add_opt_out(
    State(app): State<App>,
    caller: Caller,
    Body(body): Body<OptOutOf>,
) -> Result<Json<Changed>, Problem> {
    let opt_outs = app.messaging.opt_outs();
    let new = opt_outs
        .set(&caller.workspace, &body.address, body.channel.as_deref())
        .await?;
    changed(&app, &caller.workspace, &body.address, new).await
}

/// Takes opt-outs of an address back. The record of them stays.
#[utoipa::path(
    post, path = "/v1/opt-outs/clear", tag = "opt-outs",
    request_body = OptOutOf,
    responses((status = 200, description = "The address may be written to", body = Changed)),
    security(("key" = ["contacts:write"]))
)]
async fn clear_opt_out(
    State(app): State<App>,
    caller: Caller,
    Body(body): Body<OptOutOf>,
) -> Result<Json<Changed>, Problem> {
    let opt_outs = app.messaging.opt_outs();
    let cleared = opt_outs
        .clear(&caller.workspace, &body.address, body.channel.as_deref())
        .await?;
    if !cleared {
        return Err(Problem::new(
            Code::NotFound,
            "The address has not opted out there, or it was taken back already.",
        ));
    }
    changed(&app, &caller.workspace, &body.address, true).await
}
