//! `/v1/tables`: tables that workflows add rows to, and their download.

use crate::http::app::App;
use crate::http::auth::Caller;
use crate::http::extract::{At, Json as Body, Params};
use crate::http::paging::{Page, PageParams};
use crate::http::problem::Problem;
use axum::Json;
use axum::body::Body as HttpBody;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures::stream;
use jackfield_messaging::TableView;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list_tables))
        .routes(routes!(get_table, put_table, delete_table))
        .routes(routes!(export_table))
}

/// A table that workflows add rows to.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
#[schema(as = Table)]
struct TableBody {
    /// Lower-case words with hyphens.
    name: String,
    /// For people.
    title: String,
    /// Their names, in order.
    columns: Vec<String>,
    /// Milliseconds since 1970.
    created_at: i64,
}

impl From<TableView> for TableBody {
    fn from(view: TableView) -> Self {
        TableBody {
            name: view.name,
            title: view.title,
            columns: view.columns,
            created_at: view.created_at,
        }
    }
}

/// Lists the tables, by name.
#[utoipa::path(
    get, path = "/v1/tables", tag = "tables",
    params(PageParams),
    responses((status = 200, description = "A page of tables", body = Page<TableBody>)),
    security(("key" = ["contacts:read"]))
)]
async fn list_tables(
    State(app): State<App>,
    caller: Caller,
    Params(page): Params<PageParams>,
) -> Result<Json<Page<TableBody>>, Problem> {
    const LIST: &str = "tables";
    let range = page.range(LIST)?;
    let all = app.messaging.tables().all(&caller.workspace).await?;
    let page = Page::cut(all, &range, LIST, |table| table.name.clone());
    Ok(Json(page.map(TableBody::from)))
}

/// Shows a table.
#[utoipa::path(
    get, path = "/v1/tables/{name}", tag = "tables",
    params(("name" = String, Path, description = "The table's name")),
    responses((status = 200, description = "The table", body = TableBody)),
    security(("key" = ["contacts:read"]))
)]
async fn get_table(
    State(app): State<App>,
    caller: Caller,
    At(name): At<String>,
) -> Result<Json<TableBody>, Problem> {
    let tables = app.messaging.tables();
    Ok(Json(tables.get(&caller.workspace, &name).await?.into()))
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct PutTable {
    /// For people; left out, a new table is titled by its name and another keeps its title.
    title: Option<String>,
    /// 1 to 50 names, in order. They stay as they were made.
    columns: Vec<String>,
}

/// Makes a table, or changes its title.
#[utoipa::path(
    put, path = "/v1/tables/{name}", tag = "tables",
    params(("name" = String, Path, description = "Lower-case words with hyphens")),
    request_body = PutTable,
    responses(
        (status = 200, description = "It was changed", body = TableBody),
        (status = 201, description = "It was made", body = TableBody)
    ),
    security(("key" = ["contacts:write"]))
)]
async fn put_table(
    State(app): State<App>,
    caller: Caller,
    At(name): At<String>,
    Body(body): Body<PutTable>,
) -> Result<(StatusCode, Json<TableBody>), Problem> {
    let tables = app.messaging.tables();
    let (table, made) = tables
        .put(&caller.workspace, &name, body.title, body.columns)
        .await?;
    let status = if made {
        StatusCode::CREATED
    } else {
        StatusCode::OK
    };
    Ok((status, Json(table.into())))
}

/// Deletes a table with its rows.
#[utoipa::path(
    delete, path = "/v1/tables/{name}", tag = "tables",
    params(("name" = String, Path, description = "The table's name")),
    responses((status = 204, description = "It is deleted")),
    security(("key" = ["contacts:write"]))
)]
async fn delete_table(
    State(app): State<App>,
    caller: Caller,
    At(name): At<String>,
) -> Result<StatusCode, Problem> {
    let tables = app.messaging.tables();
    tables.delete(&caller.workspace, &name).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Downloads the rows of a table as CSV, the oldest first. What a spreadsheet would take for a formula
/// has an apostrophe in front.
#[utoipa::path(
    get, path = "/v1/tables/{name}/export", tag = "tables",
    params(("name" = String, Path, description = "The table's name")),
    responses((status = 200, description = "The rows", body = String, content_type = "text/csv")),
    security(("key" = ["contacts:read"]))
)]
async fn export_table(
    State(app): State<App>,
    caller: Caller,
    At(name): At<String>,
) -> Result<Response, Problem> {
    let tables = app.messaging.tables();
    let export = tables.export(&caller.workspace, &name).await?;
    let lines = stream::try_unfold(export, |mut export| async move {
        let bytes = export.next().await?;
        Ok::<_, jackfield_messaging::Error>(bytes.map(|bytes| (Bytes::from(bytes), export)))
    });
    let headers = [
        (header::CONTENT_TYPE, "text/csv; charset=utf-8".to_owned()),
        (
            header::CONTENT_DISPOSITION,
            format!("attachment; filename=\"{name}.csv\""),
        ),
    ];
    Ok((headers, HttpBody::from_stream(lines)).into_response())
}
