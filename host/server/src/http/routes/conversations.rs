//! `/v1/conversations`, and the conversation and comments of a contact.

use super::contacts::page;
use crate::http::app::App;
use crate::http::auth::Caller;
use crate::http::extract::{At, Json as Body, OptionalJson, Params};
use crate::http::json::hyphens;
use crate::http::paging::{Page, PageParams, Range};
use crate::http::problem::Problem;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use jackfield_messaging::{ListConversations, Note, Snooze};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list_conversations))
        .routes(routes!(get_conversation))
        .routes(routes!(open_conversation))
        .routes(routes!(snooze_conversation))
        .routes(routes!(unsnooze_conversation))
        .routes(routes!(close_conversation))
        .routes(routes!(list_comments, add_comment))
}

/// How a conversation stands.
#[derive(Debug, Clone, Copy, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
enum ConversationState {
    Open,
    Snoozed,
    Closed,
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct ListConversationsParams {
    /// Only with this contact: `id:...`, `phone:+33...` or `email:...`.
    contact: Option<String>,
    /// Only those that stand so.
    #[param(inline)]
    state: Option<ConversationState>,
    #[serde(flatten)]
    #[param(ignore)]
    page: PageParams,
}

/// Lists conversations, newest first.
#[utoipa::path(
    get, path = "/v1/conversations", tag = "conversations",
    params(ListConversationsParams, PageParams),
    responses((status = 200, description = "A page of conversations: `id`, `state`, `source`, `opened-at`", body = Page<Object>)),
    security(("key" = ["contacts:read"]))
)]
async fn list_conversations(
    State(app): State<App>,
    caller: Caller,
    Params(params): Params<ListConversationsParams>,
) -> Result<Json<Page<Value>>, Problem> {
    const LIST: &str = "conversations";
    let Range { limit, after } = params.page.range(LIST)?;
    let contact = match &params.contact {
        None => None,
        Some(contact) => {
            let contacts = app.messaging.contacts();
            Some(contacts.id_of(&caller.workspace, contact).await?)
        }
    };
    let state = params.state.map(|state| match state {
        ConversationState::Open => "open".to_owned(),
        ConversationState::Snoozed => "snoozed".to_owned(),
        ConversationState::Closed => "closed".to_owned(),
    });
    let which = ListConversations {
        contact,
        state,
        after,
        limit: Some(limit),
    };
    let conversations = app.messaging.conversations();
    let listed = conversations.list(&caller.workspace, &which).await?;
    Ok(Json(page(listed, LIST).map(hyphens)))
}

/// Shows a conversation.
#[utoipa::path(
    get, path = "/v1/conversations/{id}", tag = "conversations",
    params(("id" = String, Path, description = "The conversation's id")),
    responses((status = 200, description = "The conversation", body = Object)),
    security(("key" = ["contacts:read"]))
)]
async fn get_conversation(
    State(app): State<App>,
    caller: Caller,
    At(id): At<String>,
) -> Result<Json<Value>, Problem> {
    let conversations = app.messaging.conversations();
    Ok(Json(hyphens(
        conversations.get(&caller.workspace, &id).await?,
    )))
}

/// Opens a conversation with a contact; one that is open already is left alone, one that is snoozed
/// is taken up again.
#[utoipa::path(
    post, path = "/v1/contacts/{contact}/conversation/open", tag = "conversations",
    params(("contact" = String, Path, description = "`id:...`, `phone:+33...` or `email:...`")),
    responses(
        (status = 200, description = "It was open already, or snoozed", body = Object),
        (status = 201, description = "It was opened", body = Object)
    ),
    security(("key" = ["contacts:write"]))
)]
async fn open_conversation(
    State(app): State<App>,
    caller: Caller,
    At(contact): At<String>,
) -> Result<(StatusCode, Json<Value>), Problem> {
    let conversations = app.messaging.conversations();
    let (conversation, is_new) = conversations.open(&caller.workspace, &contact).await?;
    let status = if is_new {
        StatusCode::CREATED
    } else {
        StatusCode::OK
    };
    Ok((status, Json(hyphens(conversation))))
}

/// How long a conversation is set aside: `for` or `until`.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct SnoozeConversation {
    /// A date and time, such as `2026-12-01 09:00`; without an offset it is of the workspace's time
    /// zone. At most 365 days away.
    until: Option<String>,
    /// A duration, such as `2h`; at most 365 days.
    #[serde(rename = "for")]
    length: Option<String>,
}

/// Sets the conversation with a contact aside until a time, or until the contact writes.
#[utoipa::path(
    post, path = "/v1/contacts/{contact}/conversation/snooze", tag = "conversations",
    params(("contact" = String, Path, description = "`id:...`, `phone:+33...` or `email:...`")),
    request_body = SnoozeConversation,
    responses((status = 200, description = "The conversation", body = Object)),
    security(("key" = ["contacts:write"]))
)]
async fn snooze_conversation(
    State(app): State<App>,
    caller: Caller,
    At(contact): At<String>,
    Body(body): Body<SnoozeConversation>,
) -> Result<Json<Value>, Problem> {
    let snooze = Snooze {
        until: body.until,
        length: body.length,
    };
    let conversations = app.messaging.conversations();
    Ok(Json(hyphens(
        conversations
            .snooze(&caller.workspace, &contact, &snooze)
            .await?,
    )))
}

/// Takes up again the conversation with a contact that is snoozed.
#[utoipa::path(
    post, path = "/v1/contacts/{contact}/conversation/unsnooze", tag = "conversations",
    params(("contact" = String, Path, description = "`id:...`, `phone:+33...` or `email:...`")),
    responses((status = 200, description = "The conversation", body = Object)),
    security(("key" = ["contacts:write"]))
)]
async fn unsnooze_conversation(
    State(app): State<App>,
    caller: Caller,
    At(contact): At<String>,
) -> Result<Json<Value>, Problem> {
    let conversations = app.messaging.conversations();
    Ok(Json(hyphens(
        conversations.unsnooze(&caller.workspace, &contact).await?,
    )))
}

/// A closing note. What the workspace wants of it is in its settings (`closing-notes`).
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct CloseConversation {
    /// One of the workspace's categories; any text of at most 100 characters where it has none.
    category: Option<String>,
    /// At most 2,000 characters.
    summary: Option<String>,
}

/// Closes the conversation with a contact.
#[utoipa::path(
    post, path = "/v1/contacts/{contact}/conversation/close", tag = "conversations",
    params(("contact" = String, Path, description = "`id:...`, `phone:+33...` or `email:...`")),
    request_body = Option<CloseConversation>,
    responses((status = 200, description = "The conversation", body = Object)),
    security(("key" = ["contacts:write"]))
)]
async fn close_conversation(
    State(app): State<App>,
    caller: Caller,
    At(contact): At<String>,
    OptionalJson(body): OptionalJson<CloseConversation>,
) -> Result<Json<Value>, Problem> {
    let note = Note {
        category: body.category,
        summary: body.summary,
    };
    let conversations = app.messaging.conversations();
    Ok(Json(hyphens(
        conversations
            .close(&caller.workspace, &contact, note)
            .await?,
    )))
}

/// Lists what was noted about a contact, newest first.
#[utoipa::path(
    get, path = "/v1/contacts/{contact}/comments", tag = "conversations",
    params(
        ("contact" = String, Path, description = "`id:...`, `phone:+33...` or `email:...`"),
        PageParams
    ),
    responses((status = 200, description = "A page of comments: `author`, `text`, `mentions`", body = Page<Object>)),
    security(("key" = ["contacts:read"]))
)]
async fn list_comments(
    State(app): State<App>,
    caller: Caller,
    At(contact): At<String>,
    Params(params): Params<PageParams>,
) -> Result<Json<Page<Value>>, Problem> {
    const LIST: &str = "comments";
    let Range { limit, after } = params.range(LIST)?;
    let conversations = app.messaging.conversations();
    let listed = conversations
        .comments(&caller.workspace, &contact, after.as_deref(), Some(limit))
        .await?;
    Ok(Json(page(listed, LIST)))
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct AddComment {
    /// At most 5,000 characters. Users are mentioned by `@` and their mail address or name.
    text: String,
}

/// Notes something about a contact. It is never sent to the contact.
#[utoipa::path(
    post, path = "/v1/contacts/{contact}/comments", tag = "conversations",
    params(("contact" = String, Path, description = "`id:...`, `phone:+33...` or `email:...`")),
    request_body = AddComment,
    responses((status = 201, description = "The comment", body = Object)),
    security(("key" = ["contacts:write"]))
)]
async fn add_comment(
    State(app): State<App>,
    caller: Caller,
    At(contact): At<String>,
    Body(body): Body<AddComment>,
) -> Result<(StatusCode, Json<Value>), Problem> {
    let conversations = app.messaging.conversations();
    let comment = conversations
        .comment(&caller.workspace, &contact, &body.text)
        .await?;
    Ok((StatusCode::CREATED, Json(comment)))
}
