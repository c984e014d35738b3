//! `/v1/files`: files of the workspace; `/files/{token}/{name}`: where the world fetches them.
//!
//! What must hold: what somebody uploaded never runs as a page of this host. Every answer with a
//! file's bytes forbids guessing its type and scripts in it, and only what browsers show as a picture
//! or play is shown by them; the rest is saved.

use crate::http::app::App;
use crate::http::auth::Caller;
use crate::http::extract::{At, Params, Raw};
use crate::http::paging::{Page, PageParams};
use crate::http::problem::{Code, Problem, ProblemBody};
use axum::Json;
use axum::body::Body as HttpBody;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures::stream;
use jackfield_engine::variables::names_file;
use jackfield_messaging::{Content, FileView};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list_files))
        .routes(routes!(get_file, put_file, delete_file))
        .routes(routes!(get_file_content))
        .routes(routes!(public_file))
}

/// A file.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
#[schema(as = File)]
struct FileBody {
    /// Such as `price-list.pdf`.
    name: String,
    /// Its media type.
    content_type: String,
    /// In bytes.
    size: i64,
    /// SHA-256 of its bytes, hexadecimal.
    digest: String,
    /// Where the world fetches it: whoever has this address has the file.
    url: String,
    /// Milliseconds since 1970.
    created_at: i64,
    /// Milliseconds since 1970.
    updated_at: i64,
}

impl From<FileView> for FileBody {
    fn from(view: FileView) -> Self {
        FileBody {
            name: view.name,
            content_type: view.content_type,
            size: view.size,
            digest: view.digest,
            url: view.url,
            created_at: view.created_at,
            updated_at: view.updated_at,
        }
    }
}

/// Lists the files, by name.
#[utoipa::path(
    get, path = "/v1/files", tag = "files",
    params(PageParams),
    responses((status = 200, description = "A page of files", body = Page<FileBody>)),
    security(("key" = ["files:read"]))
)]
async fn list_files(
    State(app): State<App>,
    caller: Caller,
    Params(page): Params<PageParams>,
) -> Result<Json<Page<FileBody>>, Problem> {
    const LIST: &str = "files";
    let range = page.range(LIST)?;
    let all = app.messaging.files().all(&caller.workspace).await?;
    let page = Page::cut(all, &range, LIST, |one| one.name.clone());
    Ok(Json(page.map(FileBody::from)))
}

/// Shows a file, without its bytes.
#[utoipa::path(
    get, path = "/v1/files/{name}", tag = "files",
    params(("name" = String, Path, description = "The file's name")),
    responses((status = 200, description = "The file", body = FileBody)),
    security(("key" = ["files:read"]))
)]
async fn get_file(
    State(app): State<App>,
    caller: Caller,
    At(name): At<String>,
) -> Result<Json<FileBody>, Problem> {
    let files = app.messaging.files();
    Ok(Json(files.get(&caller.workspace, &name).await?.into()))
}

/// Keeps a file, in the place of one that has its name. Its address on the web stays.
///
/// Any media type is taken that the bytes do not speak against; `application/octet-stream` has the
/// host find it.
#[utoipa::path(
    put, path = "/v1/files/{name}", tag = "files",
    params(("name" = String, Path, description = "At most 100 lower-case letters, digits, `-` and `_`, with full stops between, such as `price-list.pdf`")),
    request_body(content = String, content_type = "application/octet-stream", description = "The bytes, at most what `--max-file-bytes` says"),
    responses(
        (status = 200, description = "It was replaced", body = FileBody),
        (status = 201, description = "It is there", body = FileBody)
    ),
    security(("key" = ["files:write"]))
)]
async fn put_file(
    State(app): State<App>,
    caller: Caller,
    At(name): At<String>,
    raw: Raw,
) -> Result<(StatusCode, Json<FileBody>), Problem> {
    let files = app.messaging.files();
    let (file, made) = files
        .put(&caller.workspace, &name, raw.media.as_deref(), &raw.bytes)
        .await?;
    let status = if made {
        StatusCode::CREATED
    } else {
        StatusCode::OK
    };
    Ok((status, Json(file.into())))
}

/// Deletes a file that no published workflow, template or snippet names. Its address is dead.
#[utoipa::path(
    delete, path = "/v1/files/{name}", tag = "files",
    params(("name" = String, Path, description = "The file's name")),
    responses((status = 204, description = "It is deleted")),
    security(("key" = ["files:write"]))
)]
async fn delete_file(
    State(app): State<App>,
    caller: Caller,
    At(name): At<String>,
) -> Result<StatusCode, Problem> {
    let workflows = app.engine.workflows();
    let needing = workflows
        .with_text(&caller.workspace, |text| names_file(text, &name))
        .await?;
    if !needing.is_empty() {
        return Err(Problem::new(
            Code::Conflict,
            format!(
                "Published workflows name the file `{name}`: {}. Publish them without it, or \
                 deactivate them, first.",
                needing.join(", ")
            ),
        ));
    }
    let files = app.messaging.files();
    files.delete(&caller.workspace, &name).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Gives the bytes of a file.
#[utoipa::path(
    get, path = "/v1/files/{name}/content", tag = "files",
    params(("name" = String, Path, description = "The file's name")),
    responses((status = 200, description = "The bytes", body = String, content_type = "application/octet-stream")),
    security(("key" = ["files:read"]))
)]
async fn get_file_content(
    State(app): State<App>,
    caller: Caller,
    At(name): At<String>,
) -> Result<Response, Problem> {
    let files = app.messaging.files();
    let content = files.content(&caller.workspace, &name).await?;
    Ok(bytes(content, None))
}

/// Gives the bytes of a file to whoever has its address.
#[utoipa::path(
    get, path = "/files/{token}/{name}", tag = "files",
    params(
        ("token" = String, Path, description = "What cannot be guessed of the address"),
        ("name" = String, Path, description = "The file's name")
    ),
    responses(
        (status = 200, description = "The bytes", body = String, content_type = "application/octet-stream"),
        (status = 304, description = "They are those of `If-None-Match`"),
        (status = 400, description = "The path cannot be read", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "There is no file at this address", body = ProblemBody, content_type = "application/problem+json")
    )
)]
async fn public_file(
    State(app): State<App>,
    At((token, name)): At<(String, String)>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let found = app.messaging.files().at(&token, &name).await?;
    let content = found.ok_or_else(|| {
        Problem::new(
            Code::NotFound,
            "There is no file at this address.".to_owned(),
        )
    })?;
    let known = headers.get(header::IF_NONE_MATCH);
    Ok(bytes(content, known.and_then(|known| known.to_str().ok())))
}

/// Whether browsers may show it: what holds no script.
fn is_shown(media: &str) -> bool {
    let media = media.split(';').next().unwrap_or_default();
    media != "image/svg+xml"
        && ["image/", "audio/", "video/"]
            .iter()
            .any(|kind| media.starts_with(kind))
}

/// A file's bytes as they come, or that they are those which the caller has.
fn bytes(content: Content, known: Option<&str>) -> Response {
    let file = &content.file;
    let tag = format!("\"{}\"", file.digest);
    let shown = if is_shown(&file.content_type) {
        "inline"
    } else {
        "attachment"
    };
    let headers = [
        (header::ETAG, tag.clone()),
        (header::CACHE_CONTROL, "no-cache".to_owned()),
        (
            header::CONTENT_SECURITY_POLICY,
            "default-src 'none'; sandbox; frame-ancestors 'none'".to_owned(),
        ),
    ];
    let same = known.is_some_and(|known| {
        let mut tags = known.split(',').map(str::trim);
        tags.any(|one| one == "*" || one.trim_start_matches("W/") == tag)
    });
    if same {
        return (StatusCode::NOT_MODIFIED, headers).into_response();
    }
    let more = [
        (header::CONTENT_TYPE, file.content_type.clone()),
        (header::CONTENT_LENGTH, file.size.to_string()),
        (
            header::CONTENT_DISPOSITION,
            format!("{shown}; filename=\"{}\"", file.name),
        ),
    ];
    let pieces = stream::try_unfold(content, |mut content| async move {
        let bytes = content.next().await?;
        Ok::<_, jackfield_messaging::Error>(bytes.map(|bytes| (Bytes::from(bytes), content)))
    });
    (headers, more, HttpBody::from_stream(pieces)).into_response()
}
