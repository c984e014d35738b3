//! `/v1/channels`: a connector with its settings and secrets.

use crate::http::app::App;
use crate::http::auth::Caller;
use crate::http::extract::{At, Json as Body, OptionalJson, Params};
use crate::http::json::{hyphens, merge};
use crate::http::paging::{Page, PageParams};
use crate::http::problem::Problem;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use jackfield_messaging::{ChannelPatch, NewChannel};
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list_channels, create_channel))
        .routes(routes!(get_channel, update_channel, delete_channel))
        .routes(routes!(test_channel))
        .routes(routes!(connect_channel))
        .routes(routes!(pause_channel))
        .routes(routes!(disable_channel))
        .routes(routes!(resume_channel))
}

/// The id of a channel that is named by name or id.
pub(super) async fn id_of(app: &App, caller: &Caller, channel: &str) -> Result<String, Problem> {
    let found = app
        .messaging
        .channels()
        .get(&caller.workspace, channel)
        .await?;
    match found.get("id").and_then(Value::as_str) {
        Some(id) => Ok(id.to_owned()),
        None => Err(Problem::internal("a channel without an id")),
    }
}

/// Lists the channels of the workspace, by name.
#[utoipa::path(
    get, path = "/v1/channels", tag = "channels",
    params(PageParams),
    responses((status = 200, description = "A page of channels", body = Page<Object>)),
    security(("key" = ["channels:read"]))
)]
async fn list_channels(
    State(app): State<App>,
    caller: Caller,
    Params(params): Params<PageParams>,
) -> Result<Json<Page<Value>>, Problem> {
    const LIST: &str = "channels";
    let range = params.range(LIST)?;
    let all = app.messaging.channels().list(&caller.workspace).await?;
    let name = |row: &Value| {
        row.get("name")
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned()
    };
    Ok(Json(Page::cut(all, &range, LIST, name).map(hyphens)))
}

/// A new channel. It does not print its secrets.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct CreateChannel {
    /// Lower-case words with hyphens, unique in the workspace.
    name: String,
    /// The connector, such as `twilio-sms@1`.
    connector: String,
    /// Under the connector's schema.
    #[schema(value_type = Option<Object>)]
    settings: Option<Value>,
    /// Values by the names that the connector declares; they cannot be read back.
    #[serde(default)]
    secrets: BTreeMap<String, String>,
    /// `fail` or `resend`: what becomes of a message of which nobody knows whether it left; `fail`
    /// when nothing is said.
    uncertain: Option<String>,
}

/// Makes a channel.
#[utoipa::path(
    post, path = "/v1/channels", tag = "channels",
    request_body = CreateChannel,
    responses((status = 201, description = "The channel", body = Object)),
    security(("key" = ["channels:write"]))
)]
async fn create_channel(
    State(app): State<App>,
    caller: Caller,
    Body(body): Body<CreateChannel>,
) -> Result<(StatusCode, Json<Value>), Problem> {
    let new = NewChannel {
        name: body.name,
        connector: body.connector,
        settings: body.settings.unwrap_or_else(|| json!({})),
        secrets: body.secrets,
        uncertain: body.uncertain.unwrap_or_else(|| "fail".to_owned()),
    };
    let channel = app
        .messaging
        .channels()
        .create(&caller.workspace, &new)
        .await?;
    Ok((StatusCode::CREATED, Json(hyphens(channel))))
}

/// Shows a channel: its settings, which secrets are set, and the address of its webhook.
#[utoipa::path(
    get, path = "/v1/channels/{channel}", tag = "channels",
    params(("channel" = String, Path, description = "The channel's name or id")),
    responses((status = 200, description = "The channel", body = Object)),
    security(("key" = ["channels:read"]))
)]
async fn get_channel(
    State(app): State<App>,
    caller: Caller,
    At(channel): At<String>,
) -> Result<Json<Value>, Problem> {
    let found = app
        .messaging
        .channels()
        .get(&caller.workspace, &channel)
        .await?;
    Ok(Json(hyphens(found)))
}

/// Changes of a channel. It does not print its secrets.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct UpdateChannel {
    /// Another name.
    name: Option<String>,
    /// The connector's newest version, or another major version of it.
    connector: Option<String>,
    /// Settings to merge in (RFC 7396); null removes one.
    #[schema(value_type = Option<Object>)]
    settings: Option<Value>,
    /// Secrets to set.
    #[serde(default)]
    secrets: BTreeMap<String, String>,
    /// `fail` or `resend`.
    uncertain: Option<String>,
}

/// Changes a channel. A paused one whose settings or secrets change sends again.
#[utoipa::path(
    patch, path = "/v1/channels/{channel}", tag = "channels",
    params(("channel" = String, Path, description = "The channel's name or id")),
    request_body = UpdateChannel,
    responses((status = 200, description = "The channel", body = Object)),
    security(("key" = ["channels:write"]))
)]
async fn update_channel(
    State(app): State<App>,
    caller: Caller,
    At(channel): At<String>,
    Body(body): Body<UpdateChannel>,
) -> Result<Json<Value>, Problem> {
    let channels = app.messaging.channels();
    let settings = match body.settings {
        None => None,
        Some(change) => {
            let found = channels.get(&caller.workspace, &channel).await?;
            let mut settings = found.get("settings").cloned().unwrap_or_else(|| json!({}));
            merge(&mut settings, change);
            Some(settings)
        }
    };
    let patch = ChannelPatch {
        name: body.name,
        connector: body.connector,
        settings,
        secrets: body.secrets,
        uncertain: body.uncertain,
    };
    Ok(Json(hyphens(
        channels.update(&caller.workspace, &channel, &patch).await?,
    )))
}

/// Deletes a channel with its secrets. What is queued for it fails.
#[utoipa::path(
    delete, path = "/v1/channels/{channel}", tag = "channels",
    params(("channel" = String, Path, description = "The channel's name or id")),
    responses((status = 204, description = "It is deleted")),
    security(("key" = ["channels:write"]))
)]
async fn delete_channel(
    State(app): State<App>,
    caller: Caller,
    At(channel): At<String>,
) -> Result<StatusCode, Problem> {
    app.messaging
        .channels()
        .delete(&caller.workspace, &channel)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Asks the provider whether settings and credentials are good.
///
/// The answer is 200 in both cases: `ok`, with `detail`, or with `code` and `message`.
#[utoipa::path(
    post, path = "/v1/channels/{channel}/test", tag = "channels",
    params(("channel" = String, Path, description = "The channel's name or id")),
    responses((status = 200, description = "What the connector found", body = Object)),
    security(("key" = ["channels:write"]))
)]
async fn test_channel(
    State(app): State<App>,
    caller: Caller,
    At(channel): At<String>,
) -> Result<Json<Value>, Problem> {
    Ok(Json(
        app.messaging
            .channels()
            .test(&caller.workspace, &channel)
            .await?,
    ))
}

/// Registers the webhook at the provider, where it has an API for that. Answers as `test`.
#[utoipa::path(
    post, path = "/v1/channels/{channel}/connect", tag = "channels",
    params(("channel" = String, Path, description = "The channel's name or id")),
    responses((status = 200, description = "What the connector did", body = Object)),
    security(("key" = ["channels:write"]))
)]
async fn connect_channel(
    State(app): State<App>,
    caller: Caller,
    At(channel): At<String>,
) -> Result<Json<Value>, Problem> {
    Ok(Json(
        app.messaging
            .channels()
            .connect(&caller.workspace, &channel)
            .await?,
    ))
}

#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct PauseChannel {
    /// Why, for people.
    reason: Option<String>,
}

impl PauseChannel {
    fn reason_or(&self, otherwise: &str) -> String {
        let reason = self.reason.as_deref().unwrap_or(otherwise);
        reason.chars().take(500).collect()
    }
}

/// Keeps a channel from sending; what is queued waits.
#[utoipa::path(
    post, path = "/v1/channels/{channel}/pause", tag = "channels",
    params(("channel" = String, Path, description = "The channel's name or id")),
    request_body = Option<PauseChannel>,
    responses((status = 200, description = "The channel", body = Object)),
    security(("key" = ["channels:write"]))
)]
async fn pause_channel(
    State(app): State<App>,
    caller: Caller,
    At(channel): At<String>,
    OptionalJson(body): OptionalJson<PauseChannel>,
) -> Result<Json<Value>, Problem> {
    let reason = body.reason_or("paused by hand");
    let channels = app.messaging.channels();
    Ok(Json(hyphens(
        channels.pause(&caller.workspace, &channel, &reason).await?,
    )))
}

/// Disables a channel: what is queued waits, and nothing comes in. Its webhook answers 404.
#[utoipa::path(
    post, path = "/v1/channels/{channel}/disable", tag = "channels",
    params(("channel" = String, Path, description = "The channel's name or id")),
    request_body = Option<PauseChannel>,
    responses((status = 200, description = "The channel", body = Object)),
    security(("key" = ["channels:write"]))
)]
async fn disable_channel(
    State(app): State<App>,
    caller: Caller,
    At(channel): At<String>,
    OptionalJson(body): OptionalJson<PauseChannel>,
) -> Result<Json<Value>, Problem> {
    let reason = body.reason_or("disabled by hand");
    let channels = app.messaging.channels();
    Ok(Json(hyphens(
        channels
            .disable(&caller.workspace, &channel, &reason)
            .await?,
    )))
}

/// Lets a channel that was paused or disabled send and hear again.
#[utoipa::path(
    post, path = "/v1/channels/{channel}/resume", tag = "channels",
    params(("channel" = String, Path, description = "The channel's name or id")),
    responses((status = 200, description = "The channel", body = Object)),
    security(("key" = ["channels:write"]))
)]
async fn resume_channel(
    State(app): State<App>,
    caller: Caller,
    At(channel): At<String>,
) -> Result<Json<Value>, Problem> {
    Ok(Json(hyphens(
        app.messaging
            .channels()
            .resume(&caller.workspace, &channel)
            .await?,
    )))
}
