//! `/v1/snippets`: texts that are kept once and put into others.

use crate::http::app::App;
use crate::http::auth::Caller;
use crate::http::extract::{At, Json as Body, Params};
use crate::http::paging::{Page, PageParams};
use crate::http::problem::{Code, Problem};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use jackfield_engine::variables::names_snippet;
use jackfield_messaging::{NewSnippet, SnippetView};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list_snippets))
        .routes(routes!(get_snippet, put_snippet, delete_snippet))
}

/// A snippet.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
#[schema(as = Snippet)]
struct SnippetBody {
    /// Lower-case words with hyphens.
    name: String,
    /// What it is about.
    topic: Option<String>,
    /// The text, with variables.
    text: String,
    /// Addresses on the web.
    attachments: Vec<String>,
    /// Milliseconds since 1970.
    created_at: i64,
    /// Milliseconds since 1970.
    updated_at: i64,
}

impl From<SnippetView> for SnippetBody {
    fn from(view: SnippetView) -> Self {
        SnippetBody {
            name: view.name,
            topic: view.topic,
            text: view.text,
            attachments: view.attachments,
            created_at: view.created_at,
            updated_at: view.updated_at,
        }
    }
}

/// Lists the snippets, by name.
#[utoipa::path(
    get, path = "/v1/snippets", tag = "snippets",
    params(PageParams),
    responses((status = 200, description = "A page of snippets", body = Page<SnippetBody>)),
    security(("key" = ["templates:read"]))
)]
async fn list_snippets(
    State(app): State<App>,
    caller: Caller,
    Params(page): Params<PageParams>,
) -> Result<Json<Page<SnippetBody>>, Problem> {
    const LIST: &str = "snippets";
    let range = page.range(LIST)?;
    let all = app.messaging.snippets().all(&caller.workspace).await?;
    let page = Page::cut(all, &range, LIST, |one| one.name.clone());
    Ok(Json(page.map(SnippetBody::from)))
}

/// Shows a snippet.
#[utoipa::path(
    get, path = "/v1/snippets/{name}", tag = "snippets",
    params(("name" = String, Path, description = "The snippet's name")),
    responses((status = 200, description = "The snippet", body = SnippetBody)),
    security(("key" = ["templates:read"]))
)]
async fn get_snippet(
    State(app): State<App>,
    caller: Caller,
    At(name): At<String>,
) -> Result<Json<SnippetBody>, Problem> {
    let snippets = app.messaging.snippets();
    Ok(Json(snippets.get(&caller.workspace, &name).await?.into()))
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct PutSnippet {
    /// What it is about, for people; at most 100 characters.
    topic: Option<String>,
    /// The text, with variables but no other snippets; at most 8,192 bytes.
    text: String,
    /// At most 10 addresses on the web.
    #[serde(default)]
    attachments: Vec<String>,
}

/// Makes or replaces a snippet. What puts it in has the new text from then on.
#[utoipa::path(
    put, path = "/v1/snippets/{name}", tag = "snippets",
    params(("name" = String, Path, description = "Lower-case words with hyphens")),
    request_body = PutSnippet,
    responses(
        (status = 200, description = "It was replaced", body = SnippetBody),
        (status = 201, description = "It was made", body = SnippetBody)
    ),
    security(("key" = ["templates:write"]))
)]
async fn put_snippet(
    State(app): State<App>,
    caller: Caller,
    At(name): At<String>,
    Body(body): Body<PutSnippet>,
) -> Result<(StatusCode, Json<SnippetBody>), Problem> {
    let new = NewSnippet {
        topic: body.topic,
        text: body.text,
        attachments: body.attachments,
    };
    let snippets = app.messaging.snippets();
    let (snippet, made) = snippets.put(&caller.workspace, &name, new).await?;
    let status = if made {
        StatusCode::CREATED
    } else {
        StatusCode::OK
    };
    Ok((status, Json(snippet.into())))
}

/// Deletes a snippet that no published workflow and no template puts in.
#[utoipa::path(
    delete, path = "/v1/snippets/{name}", tag = "snippets",
    params(("name" = String, Path, description = "The snippet's name")),
    responses((status = 204, description = "It is deleted")),
    security(("key" = ["templates:write"]))
)]
async fn delete_snippet(
    State(app): State<App>,
    caller: Caller,
    At(name): At<String>,
) -> Result<StatusCode, Problem> {
    let workflows = app.engine.workflows();
    let needing = workflows
        .with_text(&caller.workspace, |text| names_snippet(text, &name))
        .await?;
    if !needing.is_empty() {
        return Err(Problem::new(
            Code::Conflict,
            format!(
                "Published workflows put the snippet `{name}` in: {}. Publish them without it, or \
                 deactivate them, first.",
                needing.join(", ")
            ),
        ));
    }
    let snippets = app.messaging.snippets();
    snippets.delete(&caller.workspace, &name).await?;
    Ok(StatusCode::NO_CONTENT)
}
