//! `/v1/messages`: what was sent and received, and what became of it.

use super::contacts::page;
use crate::http::app::App;
use crate::http::auth::Caller;
use crate::http::extract::{At, Json as Body, Params};
use crate::http::idempotency::RequestKey;
use crate::http::json::hyphens;
use crate::http::paging::{Page, PageParams, Range};
use crate::http::problem::Problem;
use axum::extract::State;
use axum::http::StatusCode;
use axum::{Extension, Json};
use jackfield_messaging::ListMessages;
use serde::Deserialize;
use serde_json::{Map, Value};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list_messages, send_message))
        .routes(routes!(get_message))
        .routes(routes!(resend_message))
        .routes(routes!(cancel_message))
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct ListMessagesParams {
    /// Only of this contact: `id:...`, `phone:+33...` or `email:...`.
    contact: Option<String>,
    /// Only of this run.
    run: Option<String>,
    /// Only of this channel, by name or id.
    channel: Option<String>,
    /// Only with this status: `queued`, `sending`, `accepted`, `sent`, `delivered`, `read`,
    /// `failed`, `suppressed`, `uncertain`, `cancelled` or `received`.
    status: Option<String>,
    #[serde(flatten)]
    #[param(ignore)]
    page: PageParams,
}

/// Lists messages in and out, newest first.
#[utoipa::path(
    get, path = "/v1/messages", tag = "messages",
    params(ListMessagesParams, PageParams),
    responses((status = 200, description = "A page of messages", body = Page<Object>)),
    security(("key" = ["messages:read"]))
)]
async fn list_messages(
    State(app): State<App>,
    caller: Caller,
    Params(params): Params<ListMessagesParams>,
) -> Result<Json<Page<Value>>, Problem> {
    const LIST: &str = "messages";
    let Range { limit, after } = params.page.range(LIST)?;
    let contact = match &params.contact {
        Some(contact) => Some(
            app.messaging
                .contacts()
                .id_of(&caller.workspace, contact)
                .await?,
        ),
        None => None,
    };
    let which = ListMessages {
        contact,
        run: params.run,
        channel: params.channel,
        state: params.status,
        after,
        limit: Some(limit),
    };
    let listed = app
        .messaging
        .messages()
        .list(&caller.workspace, &which)
        .await?;
    Ok(Json(page(listed, LIST).map(hyphens)))
}

/// A message to be sent.
#[derive(Debug, Deserialize, ToSchema)]
struct SendMessage {
    /// Whom it is about: `id:...`, `phone:+33...` or `email:...`; an address that nobody has makes
    /// a contact.
    contact: Option<String>,
    /// The user who wrote it, by id, mail address or name: then it is a person's answer. Left out:
    /// a program's message.
    user: Option<String>,
    /// `channel` (name, id or `last-interacted`), `to`, `sender`, `content`, `unsubscribe`,
    /// `class`: as a step puts a message into the outbox.
    #[serde(flatten)]
    #[schema(value_type = Object)]
    message: Map<String, Value>,
}

/// Puts a message into the outbox. What becomes of it shows in its `status`.
#[utoipa::path(
    post, path = "/v1/messages", tag = "messages",
    request_body = SendMessage,
    responses((status = 202, description = "The message is accepted", body = Object)),
    security(("key" = ["messages:write"]))
)]
async fn send_message(
    State(app): State<App>,
    caller: Caller,
    key: Option<Extension<RequestKey>>,
    Body(body): Body<SendMessage>,
) -> Result<(StatusCode, Json<Value>), Problem> {
    let messages = app.messaging.messages();
    let message = Value::Object(body.message);
    let sent = messages
        .send(
            &caller.workspace,
            body.contact.as_deref(),
            body.user.as_deref(),
            &message,
            key.as_ref().map(|Extension(key)| key.0.as_str()),
        )
        .await?;
    Ok((StatusCode::ACCEPTED, Json(hyphens(sent))))
}

/// Shows a message and what became of it.
#[utoipa::path(
    get, path = "/v1/messages/{id}", tag = "messages",
    params(("id" = String, Path, description = "The message's id")),
    responses((status = 200, description = "The message", body = Object)),
    security(("key" = ["messages:read"]))
)]
async fn get_message(
    State(app): State<App>,
    caller: Caller,
    At(id): At<String>,
) -> Result<Json<Value>, Problem> {
    Ok(Json(hyphens(
        app.messaging.messages().get(&caller.workspace, &id).await?,
    )))
}

/// Sends a message again that failed, was suppressed or is uncertain. It may arrive twice.
#[utoipa::path(
    post, path = "/v1/messages/{id}/resend", tag = "messages",
    params(("id" = String, Path, description = "The message's id")),
    responses((status = 202, description = "It is queued again", body = Object)),
    security(("key" = ["messages:write"]))
)]
async fn resend_message(
    State(app): State<App>,
    caller: Caller,
    At(id): At<String>,
) -> Result<(StatusCode, Json<Value>), Problem> {
    let message = app
        .messaging
        .messages()
        .resend(&caller.workspace, &id)
        .await?;
    Ok((StatusCode::ACCEPTED, Json(hyphens(message))))
}

/// Keeps a queued message from leaving.
#[utoipa::path(
    post, path = "/v1/messages/{id}/cancel", tag = "messages",
    params(("id" = String, Path, description = "The message's id")),
    responses((status = 200, description = "The message", body = Object)),
    security(("key" = ["messages:write"]))
)]
async fn cancel_message(
    State(app): State<App>,
    caller: Caller,
    At(id): At<String>,
) -> Result<Json<Value>, Problem> {
    Ok(Json(hyphens(
        app.messaging
            .messages()
            .cancel(&caller.workspace, &id)
            .await?,
    )))
}
