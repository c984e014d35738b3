//! `/v1/plugins`: the plugins of the whole host.

use crate::http::app::App;
use crate::http::auth::Caller;
use crate::http::extract::{At, OptionalJson, Params, Raw, unsupported};
use crate::http::json::object;
use crate::http::paging::{Page, PageParams};
use crate::http::problem::{Code, Problem};
use crate::http::views::PluginBody;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use bytes::Bytes;
use jackfield_engine::Permissions;
use serde::Deserialize;
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list_plugins, install_plugin))
        .routes(routes!(get_plugin, remove_plugin))
        .routes(routes!(grant_plugin))
        .routes(routes!(validate_plugin))
}

/// The component of a request.
fn component(raw: Raw) -> Result<Bytes, Problem> {
    match raw.media.as_deref() {
        Some("application/wasm" | "application/octet-stream") => {}
        other => return Err(unsupported(other, "application/wasm")),
    }
    if !raw.bytes.starts_with(b"\0asm") {
        return Err(Problem::new(
            Code::Refused,
            "The body is no WebAssembly component: it does not begin with `\\0asm`.",
        ));
    }
    Ok(raw.bytes)
}

/// Lists the installed plugins, by name and digest.
#[utoipa::path(
    get, path = "/v1/plugins", tag = "plugins",
    params(PageParams),
    responses((status = 200, description = "A page of plugins", body = Page<PluginBody>)),
    security(("key" = ["plugins:read"]))
)]
async fn list_plugins(
    State(app): State<App>,
    Params(page): Params<PageParams>,
) -> Result<Json<Page<PluginBody>>, Problem> {
    const LIST: &str = "plugins";
    let range = page.range(LIST)?;
    let key = |plugin: &PluginBody| format!("{} {}", plugin.name, plugin.digest);
    let mut all: Vec<PluginBody> = app
        .engine
        .plugins()
        .list()
        .await?
        .into_iter()
        .map(PluginBody::from)
        .collect();
    all.sort_by_key(key);
    Ok(Json(Page::cut(all, &range, LIST, key)))
}

/// Installs a component: compiles it, asks it what it is, and keeps it.
///
/// It is used once it is granted. Installing the same again changes nothing. Needs an operator's key,
/// because plugins are those of all workspaces.
#[utoipa::path(
    post, path = "/v1/plugins", tag = "plugins",
    request_body(content = String, content_type = "application/wasm", description = "The component, at most 64 MiB"),
    responses((status = 201, description = "It is installed", body = PluginBody)),
    security(("key" = ["plugins:admin"]))
)]
async fn install_plugin(
    State(app): State<App>,
    caller: Caller,
    raw: Raw,
) -> Result<(StatusCode, Json<PluginBody>), Problem> {
    caller.must_be_operator("Installing a plugin")?;
    let bytes = component(raw)?;
    let view = app
        .engine
        .plugins()
        .install(bytes.to_vec(), app.now())
        .await?;
    Ok((StatusCode::CREATED, Json(view.into())))
}

/// Says what a component is and asks for, without installing or running it.
#[utoipa::path(
    post, path = "/v1/validate/plugin", tag = "plugins",
    request_body(content = String, content_type = "application/wasm", description = "The component, at most 64 MiB"),
    responses((status = 200, description = "Kind, digest, contract version, imports", body = Object)),
    security(("key" = ["plugins:read"]))
)]
async fn validate_plugin(State(app): State<App>, raw: Raw) -> Result<Json<Value>, Problem> {
    let bytes = component(raw)?;
    let inspection = app.engine.plugins().inspect(bytes.to_vec()).await?;
    serde_json::to_value(&inspection)
        .map(Json)
        .map_err(Problem::internal)
}

/// Shows a plugin: what it asks for and what it may do.
#[utoipa::path(
    get, path = "/v1/plugins/{plugin}", tag = "plugins",
    params(("plugin" = String, Path, description = "A name (its newest version), `name@major` or a digest")),
    responses((status = 200, description = "The plugin", body = PluginBody)),
    security(("key" = ["plugins:read"]))
)]
async fn get_plugin(
    State(app): State<App>,
    At(plugin): At<String>,
) -> Result<Json<PluginBody>, Problem> {
    Ok(Json(app.engine.plugins().get(&plugin).await?.into()))
}

#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct GrantPlugin {
    /// What is approved: `imports`, `hosts`, `secrets`, `limits`; left out: all that it asks for.
    #[serde(default, deserialize_with = "object")]
    #[schema(value_type = Option<Object>)]
    approve: Option<Permissions>,
}

/// Approves what a plugin may do. It gets what it asks for, as far as it is approved, within the
/// host's ceiling. Needs an operator's key: what a plugin may do, it may do in every workspace.
#[utoipa::path(
    post, path = "/v1/plugins/{plugin}/grant", tag = "plugins",
    params(("plugin" = String, Path, description = "A name (its newest version), `name@major` or a digest")),
    request_body = Option<GrantPlugin>,
    responses((status = 200, description = "It is granted", body = PluginBody)),
    security(("key" = ["plugins:admin"]))
)]
async fn grant_plugin(
    State(app): State<App>,
    caller: Caller,
    At(plugin): At<String>,
    OptionalJson(body): OptionalJson<GrantPlugin>,
) -> Result<Json<PluginBody>, Problem> {
    caller.must_be_operator("What a plugin may do")?;
    let view = app.engine.plugins().grant(&plugin, body.approve).await?;
    app.engine.plugins_changed();
    Ok(Json(view.into()))
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct RemoveParams {
    /// Even while runs or channels need it.
    #[serde(default)]
    force: bool,
}

/// Removes a plugin. Its bytes stay while a run is pinned to it. Needs an operator's key.
#[utoipa::path(
    delete, path = "/v1/plugins/{plugin}", tag = "plugins",
    params(
        ("plugin" = String, Path, description = "A name (its newest version), `name@major` or a digest"),
        RemoveParams
    ),
    responses((status = 204, description = "It is removed")),
    security(("key" = ["plugins:admin"]))
)]
async fn remove_plugin(
    State(app): State<App>,
    caller: Caller,
    At(plugin): At<String>,
    Params(params): Params<RemoveParams>,
) -> Result<StatusCode, Problem> {
    caller.must_be_operator("Removing a plugin")?;
    app.engine
        .plugins()
        .remove(&plugin, params.force, app.now())
        .await?;
    app.engine.plugins_changed();
    Ok(StatusCode::NO_CONTENT)
}
