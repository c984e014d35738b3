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
use axum::http::{HeaderMap, StatusCode};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use jackfield_engine::{Offer, Permissions, PluginView, Role};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list_plugins, install_plugin))
        .routes(routes!(get_plugin, update_plugin, remove_plugin))
        .routes(routes!(grant_plugin, revoke_plugin))
        .routes(routes!(rollback_plugin))
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

/// The header that carries a signature: the text of a minisign signature file, as base64.
const SIGNATURE: &str = "jackfield-signature";
/// The longest name of a source, in bytes.
const MAX_SOURCE: usize = 1024;

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct InstallParams {
    /// Where the component came from, such as `oci://registry.example.com/step:1`: shown, and asked for
    /// a newer one by `jackfield plugin update`.
    source: Option<String>,
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(rename_all = "kebab-case")]
struct UpdateParams {
    /// As when it is installed.
    source: Option<String>,
    /// It may be signed by another publisher than the one before, or by none.
    #[serde(default)]
    new_publisher: bool,
}

fn offer(raw: Raw, headers: &HeaderMap, source: Option<String>) -> Result<Offer, Problem> {
    if let Some(source) = &source
        && (source.len() > MAX_SOURCE || source.chars().any(char::is_control))
    {
        return Err(Problem::new(
            Code::InvalidParameter,
            format!("`source` is at most {MAX_SOURCE} bytes of text on one line."),
        ));
    }
    let signature = match headers.get(SIGNATURE) {
        None => None,
        Some(value) => Some(
            STANDARD
                .decode(value.as_bytes())
                .ok()
                .and_then(|bytes| String::from_utf8(bytes).ok())
                .ok_or_else(|| {
                    Problem::new(
                        Code::InvalidHeader,
                        "`Jackfield-Signature` is the text of a minisign signature file as base64.",
                    )
                })?,
        ),
    };
    Ok(Offer {
        bytes: component(raw)?.to_vec(),
        source,
        signature,
    })
}

/// A workflow or a channel that used another digest of a plugin.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = PluginMove)]
struct MoveBody {
    /// `workflow` or `channel`.
    kind: &'static str,
    /// Its workspace.
    workspace: String,
    /// Its name.
    name: String,
    /// A workflow's version: the new one where it was moved.
    version: Option<i64>,
    /// Why it stays with the other digest; null where it was moved.
    kept: Option<String>,
}

/// A plugin, and what uses it from now on.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = PluginChange)]
struct ChangeBody {
    #[serde(flatten)]
    plugin: PluginBody,
    /// Every workflow and channel that used another digest of its name and major version: moved to
    /// this one, or kept where it would not fit. Runs under way stay on the digest they began with.
    moves: Vec<MoveBody>,
}

/// Has workflows and channels use the current plugin of its name and major version.
async fn rolled_out(app: &App, view: PluginView, moves: bool) -> Result<Json<ChangeBody>, Problem> {
    app.engine.plugins_changed();
    let mut moved = Vec::new();
    if moves && view.current {
        let workflows = app.engine.workflows();
        moved.extend(
            workflows
                .move_to(&view.digest, app.now())
                .await?
                .into_iter()
                .map(|one| MoveBody {
                    kind: "workflow",
                    workspace: one.workspace,
                    name: one.workflow,
                    version: Some(one.version),
                    kept: one.kept,
                }),
        );
        if view.kind == "connector" {
            let channels = app.messaging.channels().move_to(&view.digest).await?;
            moved.extend(channels.into_iter().map(|one| MoveBody {
                kind: "channel",
                workspace: one.workspace,
                name: one.channel,
                version: None,
                kept: one.kept,
            }));
        }
    }
    Ok(Json(ChangeBody {
        plugin: view.into(),
        moves: moved,
    }))
}

/// Installs a component: judges and compiles it, asks it what it is, and keeps it.
///
/// It is used once it is granted. Installing the same again changes nothing; a component whose name an
/// installed plugin has is refused, because newer bytes take its place by `PUT /v1/plugins/{plugin}`.
/// Needs an operator's key, because plugins are those of all workspaces.
#[utoipa::path(
    post, path = "/v1/plugins", tag = "plugins",
    params(
        InstallParams,
        ("jackfield-signature" = Option<String>, Header, description = "A minisign signature of the component: the text of its file as base64")
    ),
    request_body(content = String, content_type = "application/wasm", description = "The component, at most 64 MiB"),
    responses((status = 201, description = "It is installed", body = PluginBody)),
    security(("key" = ["plugins:admin"]))
)]
async fn install_plugin(
    State(app): State<App>,
    caller: Caller,
    Params(params): Params<InstallParams>,
    headers: HeaderMap,
    raw: Raw,
) -> Result<(StatusCode, Json<PluginBody>), Problem> {
    caller.must_be_operator("Installing a plugin")?;
    let offer = offer(raw, &headers, params.source)?;
    let plugins = app.engine.plugins();
    let view = plugins.install(offer, &Role::New, app.now()).await?;
    app.engine.plugins_changed();
    Ok((StatusCode::CREATED, Json(view.into())))
}

/// Updates a plugin: newer bytes take its place.
///
/// If they ask for nothing that the plugin before did not ask for, they get its approval, and published
/// workflows and channels use them from now on; runs under way stay on the digest they began with.
/// Otherwise they wait for `POST /v1/plugins/{plugin}/grant`, and the one before goes on. Needs an
/// operator's key.
#[utoipa::path(
    put, path = "/v1/plugins/{plugin}", tag = "plugins",
    params(
        ("plugin" = String, Path, description = "The plugin's name"),
        UpdateParams,
        ("jackfield-signature" = Option<String>, Header, description = "A minisign signature of the component: the text of its file as base64")
    ),
    request_body(content = String, content_type = "application/wasm", description = "The component, at most 64 MiB"),
    responses((status = 200, description = "It is installed, and in use if `current`", body = ChangeBody)),
    security(("key" = ["plugins:admin"]))
)]
async fn update_plugin(
    State(app): State<App>,
    caller: Caller,
    At(plugin): At<String>,
    Params(params): Params<UpdateParams>,
    headers: HeaderMap,
    raw: Raw,
) -> Result<Json<ChangeBody>, Problem> {
    caller.must_be_operator("Updating a plugin")?;
    let offer = offer(raw, &headers, params.source)?;
    let role = Role::Update {
        of: plugin,
        new_publisher: params.new_publisher,
    };
    let plugins = app.engine.plugins();
    let view = plugins.install(offer, &role, app.now()).await?;
    rolled_out(&app, view, true).await
}

/// Goes back to the plugin that was current before.
///
/// Published workflows and channels use it from now on; runs under way stay on the digest they began
/// with. Needs an operator's key.
#[utoipa::path(
    post, path = "/v1/plugins/{plugin}/rollback", tag = "plugins",
    params(("plugin" = String, Path, description = "A name, or `name@major`")),
    responses((status = 200, description = "The plugin that is current now", body = ChangeBody)),
    security(("key" = ["plugins:admin"]))
)]
async fn rollback_plugin(
    State(app): State<App>,
    caller: Caller,
    At(plugin): At<String>,
) -> Result<Json<ChangeBody>, Problem> {
    caller.must_be_operator("Going back to an earlier plugin")?;
    let view = app.engine.plugins().rollback(&plugin, app.now()).await?;
    rolled_out(&app, view, true).await
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
/// host's ceiling. An update that waited for this is used from now on, as `PUT` says. Needs an
/// operator's key: what a plugin may do, it may do in every workspace.
#[utoipa::path(
    post, path = "/v1/plugins/{plugin}/grant", tag = "plugins",
    params(("plugin" = String, Path, description = "A name (its newest version), `name@major` or a digest")),
    request_body = Option<GrantPlugin>,
    responses((status = 200, description = "It is granted", body = ChangeBody)),
    security(("key" = ["plugins:admin"]))
)]
async fn grant_plugin(
    State(app): State<App>,
    caller: Caller,
    At(plugin): At<String>,
    OptionalJson(body): OptionalJson<GrantPlugin>,
) -> Result<Json<ChangeBody>, Problem> {
    caller.must_be_operator("What a plugin may do")?;
    let plugins = app.engine.plugins();
    let view = plugins.grant(&plugin, body.approve, app.now()).await?;
    let is_update = view.update_of.is_some();
    rolled_out(&app, view, is_update).await
}

/// A plugin whose grant was taken back.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
#[schema(as = PluginRevoked)]
struct RevokedBody {
    #[serde(flatten)]
    plugin: PluginBody,
    /// What uses it, in words: runs that come to a step of it need attention until it is granted again.
    needed_by: Vec<String>,
}

/// Takes back what was approved. The plugin is not called any more, whatever uses it. Needs an
/// operator's key.
#[utoipa::path(
    delete, path = "/v1/plugins/{plugin}/grant", tag = "plugins",
    params(("plugin" = String, Path, description = "A name (its current version), `name@major` or a digest")),
    responses((status = 200, description = "It is revoked", body = RevokedBody)),
    security(("key" = ["plugins:admin"]))
)]
async fn revoke_plugin(
    State(app): State<App>,
    caller: Caller,
    At(plugin): At<String>,
) -> Result<Json<RevokedBody>, Problem> {
    caller.must_be_operator("What a plugin may do")?;
    let (view, needs) = app.engine.plugins().revoke(&plugin).await?;
    app.engine.plugins_changed();
    Ok(Json(RevokedBody {
        plugin: view.into(),
        needed_by: needs.iter().map(ToString::to_string).collect(),
    }))
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct RemoveParams {
    /// Even while runs or channels need it.
    #[serde(default)]
    force: bool,
}

/// A plugin that was removed.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
#[schema(as = PluginRemoved)]
struct RemovedBody {
    /// The digest.
    digest: String,
    /// What needed it all the same, in words.
    needed_by: Vec<String>,
    /// How many waiting runs need attention now.
    parked: u64,
}

/// Removes a plugin. With `force` also one that is needed: runs that wait on it need attention, and go on
/// once it is installed and granted again and they are retried. Needs an operator's key.
#[utoipa::path(
    delete, path = "/v1/plugins/{plugin}", tag = "plugins",
    params(
        ("plugin" = String, Path, description = "A name (its newest version), `name@major` or a digest"),
        RemoveParams
    ),
    responses((status = 200, description = "It is removed", body = RemovedBody)),
    security(("key" = ["plugins:admin"]))
)]
async fn remove_plugin(
    State(app): State<App>,
    caller: Caller,
    At(plugin): At<String>,
    Params(params): Params<RemoveParams>,
) -> Result<Json<RemovedBody>, Problem> {
    caller.must_be_operator("Removing a plugin")?;
    let plugins = app.engine.plugins();
    let (digest, needs) = plugins.remove(&plugin, params.force, app.now()).await?;
    app.engine.plugins_changed();
    let message = format!("the plugin {digest} was removed by force: install and grant it again");
    let parked = if needs.is_empty() {
        0
    } else {
        app.engine.park_pinned(&digest, &message).await?
    };
    Ok(Json(RemovedBody {
        digest,
        needed_by: needs.iter().map(ToString::to_string).collect(),
        parked,
    }))
}
