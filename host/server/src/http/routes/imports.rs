//! `/v1/imports`: contacts out of CSV files; and `/v1/contacts/export`, the way back.
//!
//! A file is uploaded, then its columns are mapped by a plan, with which it is reviewed (nothing is
//! changed) and started. Both go on in the background, whatever becomes of the caller or the host.

use crate::http::app::App;
use crate::http::auth::Caller;
use crate::http::extract::{At, Json as Body, Params, Raw, unsupported};
use crate::http::paging::{Page, PageParams, Range, cursor};
use crate::http::problem::{Code, Problem};
use axum::Json;
use axum::body::Body as HttpBody;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures::stream;
use jackfield_messaging::{ImportPlan, ImportView, Meant, Purpose, RowView, result_lines};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list_imports, upload_import))
        .routes(routes!(get_import, delete_import))
        .routes(routes!(review_import))
        .routes(routes!(start_import))
        .routes(routes!(cancel_import))
        .routes(routes!(list_import_rows))
        .routes(routes!(import_result))
        .routes(routes!(export_contacts))
}

/// What a file is for.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
#[schema(as = ImportPurpose)]
enum PurposeBody {
    /// Contacts that are there are changed, others made.
    Upsert,
    /// Contacts that are there are left alone, others made.
    Add,
    /// Contacts that are there are changed, others left out.
    Update,
    /// Every row makes a contact, whoever is there.
    AddAll,
}

/// How a file is read.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
#[schema(as = ImportPlan)]
struct PlanBody {
    /// What it is for.
    purpose: PurposeBody,
    /// From the name of a column to what it holds: a field, `name`, `id`, `tags` or `lists`. Columns
    /// that are left out are not read; left out whole: the columns that are named like fields.
    #[serde(default)]
    columns: Option<BTreeMap<String, String>>,
    /// Tags for every contact.
    #[serde(default)]
    tags: Vec<String>,
    /// Lists that every contact is put on.
    #[serde(default)]
    lists: Vec<String>,
    /// Whether what changes starts workflows, as it does by the API.
    #[serde(default)]
    trigger_workflows: bool,
}

impl From<PlanBody> for ImportPlan {
    fn from(body: PlanBody) -> ImportPlan {
        ImportPlan {
            purpose: match body.purpose {
                PurposeBody::Upsert => Purpose::Upsert,
                PurposeBody::Add => Purpose::Add,
                PurposeBody::Update => Purpose::Update,
                PurposeBody::AddAll => Purpose::AddAll,
            },
            columns: body.columns,
            tags: body.tags,
            lists: body.lists,
            trigger_workflows: body.trigger_workflows,
        }
    }
}

impl From<ImportPlan> for PlanBody {
    fn from(plan: ImportPlan) -> PlanBody {
        PlanBody {
            purpose: match plan.purpose {
                Purpose::Upsert => PurposeBody::Upsert,
                Purpose::Add => PurposeBody::Add,
                Purpose::Update => PurposeBody::Update,
                Purpose::AddAll => PurposeBody::AddAll,
            },
            columns: plan.columns,
            tags: plan.tags,
            lists: plan.lists,
            trigger_workflows: plan.trigger_workflows,
        }
    }
}

/// A file of contacts.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
#[schema(as = Import)]
struct ImportBody {
    /// Its id.
    id: String,
    /// The file's name, for people.
    name: Option<String>,
    /// `uploaded`, `reviewing`, `reviewed`, `running`, `cancelling`, `cancelled` or `completed`.
    state: &'static str,
    /// What stands between cells.
    delimiter: String,
    /// The file's columns.
    headers: Vec<String>,
    /// How many rows it has.
    rows: u64,
    /// How it is read; null until it was said.
    plan: Option<PlanBody>,
    /// Columns that are named like fields, as a plan has them where it leaves `columns` out.
    suggested: BTreeMap<String, String>,
    /// Rows that were looked at (`reviewing`, `reviewed`) or carried out.
    done: u64,
    /// Contacts that were made, or would be.
    added: u64,
    /// Contacts that were changed, or would be.
    updated: u64,
    /// Rows of contacts that are there, in a file that is only to add.
    skipped: u64,
    /// Rows that are wrong.
    failed: u64,
    /// Why it was stopped; null where it was not.
    reason: Option<String>,
    /// Milliseconds since 1970.
    created_at: i64,
    /// Milliseconds since 1970.
    updated_at: i64,
}

impl From<ImportView> for ImportBody {
    fn from(view: ImportView) -> Self {
        ImportBody {
            id: view.id,
            name: view.name,
            state: view.state,
            delimiter: view.delimiter,
            headers: view.headers,
            rows: view.rows,
            plan: view.plan.map(PlanBody::from),
            suggested: view.suggested,
            done: view.counts.done(),
            added: view.counts.added,
            updated: view.counts.updated,
            skipped: view.counts.skipped,
            failed: view.counts.failed,
            reason: view.reason,
            created_at: view.created_at,
            updated_at: view.updated_at,
        }
    }
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct UploadParams {
    /// The file's name, for people.
    name: Option<String>,
    /// What stands between cells: `,`, `;`, `|` or `tab`. Left out, it is found.
    delimiter: Option<String>,
}

/// Uploads a file of contacts. Nothing is changed yet.
#[utoipa::path(
    post, path = "/v1/imports", tag = "imports",
    params(UploadParams),
    request_body(content = String, content_type = "text/csv", description = "UTF-8, with a header; less than 20 MiB, at most 200,000 rows"),
    responses((status = 201, description = "It is there, and was not started", body = ImportBody)),
    security(("key" = ["contacts:write"]))
)]
async fn upload_import(
    State(app): State<App>,
    caller: Caller,
    Params(params): Params<UploadParams>,
    raw: Raw,
) -> Result<(StatusCode, Json<ImportBody>), Problem> {
    if raw.media.as_deref() != Some("text/csv") {
        return Err(unsupported(raw.media.as_deref(), "text/csv"));
    }
    let (name, delimiter) = (params.name.as_deref(), params.delimiter.as_deref());
    let imports = app.messaging.imports();
    let view = imports
        .upload(&caller.workspace, name, delimiter, &raw.bytes)
        .await?;
    Ok((StatusCode::CREATED, Json(view.into())))
}

/// Lists the files of contacts, newest first.
#[utoipa::path(
    get, path = "/v1/imports", tag = "imports",
    params(PageParams),
    responses((status = 200, description = "A page of imports", body = Page<ImportBody>)),
    security(("key" = ["contacts:read"]))
)]
async fn list_imports(
    State(app): State<App>,
    caller: Caller,
    Params(params): Params<PageParams>,
) -> Result<Json<Page<ImportBody>>, Problem> {
    const LIST: &str = "imports";
    let Range { limit, after } = params.range(LIST)?;
    let imports = app.messaging.imports();
    let listed = imports
        .list(&caller.workspace, after.as_deref(), Some(limit))
        .await?;
    Ok(Json(
        super::contacts::page(listed, LIST).map(ImportBody::from),
    ))
}

/// Shows an import: where it stands, and how far it is.
#[utoipa::path(
    get, path = "/v1/imports/{id}", tag = "imports",
    params(("id" = String, Path, description = "The import's id")),
    responses((status = 200, description = "The import", body = ImportBody)),
    security(("key" = ["contacts:read"]))
)]
async fn get_import(
    State(app): State<App>,
    caller: Caller,
    At(id): At<String>,
) -> Result<Json<ImportBody>, Problem> {
    let imports = app.messaging.imports();
    Ok(Json(imports.get(&caller.workspace, &id).await?.into()))
}

/// Deletes an import that is not under way, with its report. Contacts stay.
#[utoipa::path(
    delete, path = "/v1/imports/{id}", tag = "imports",
    params(("id" = String, Path, description = "The import's id")),
    responses((status = 204, description = "It is deleted")),
    security(("key" = ["contacts:write"]))
)]
async fn delete_import(
    State(app): State<App>,
    caller: Caller,
    At(id): At<String>,
) -> Result<StatusCode, Problem> {
    app.messaging
        .imports()
        .delete(&caller.workspace, &id)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Looks at every row of a file, in the background, and changes nothing.
#[utoipa::path(
    post, path = "/v1/imports/{id}/review", tag = "imports",
    params(("id" = String, Path, description = "The import's id")),
    request_body = PlanBody,
    responses((status = 202, description = "It is being reviewed", body = ImportBody)),
    security(("key" = ["contacts:write"]))
)]
async fn review_import(
    State(app): State<App>,
    caller: Caller,
    At(id): At<String>,
    Body(plan): Body<PlanBody>,
) -> Result<(StatusCode, Json<ImportBody>), Problem> {
    let imports = app.messaging.imports();
    let view = imports.review(&caller.workspace, &id, &plan.into()).await?;
    Ok((StatusCode::ACCEPTED, Json(view.into())))
}

/// Carries every row of a file out, in the background.
#[utoipa::path(
    post, path = "/v1/imports/{id}/start", tag = "imports",
    params(("id" = String, Path, description = "The import's id")),
    request_body = PlanBody,
    responses((status = 202, description = "It is under way", body = ImportBody)),
    security(("key" = ["contacts:write"]))
)]
async fn start_import(
    State(app): State<App>,
    caller: Caller,
    At(id): At<String>,
    Body(plan): Body<PlanBody>,
) -> Result<(StatusCode, Json<ImportBody>), Problem> {
    let imports = app.messaging.imports();
    let view = imports.start(&caller.workspace, &id, &plan.into()).await?;
    Ok((StatusCode::ACCEPTED, Json(view.into())))
}

/// Ends a review or an import under way. What was carried out stays.
#[utoipa::path(
    post, path = "/v1/imports/{id}/cancel", tag = "imports",
    params(("id" = String, Path, description = "The import's id")),
    responses((status = 202, description = "It ends after the rows under way", body = ImportBody)),
    security(("key" = ["contacts:write"]))
)]
async fn cancel_import(
    State(app): State<App>,
    caller: Caller,
    At(id): At<String>,
) -> Result<(StatusCode, Json<ImportBody>), Problem> {
    let imports = app.messaging.imports();
    let view = imports.cancel(&caller.workspace, &id).await?;
    Ok((StatusCode::ACCEPTED, Json(view.into())))
}

/// What became of a row.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ImportRow)]
struct RowBody {
    /// The line of the file that it begins on.
    line: i64,
    /// `added`, `updated`, `skipped` or `failed`.
    outcome: String,
    /// The contact that was made or changed.
    contact: Option<String>,
    /// Why not: a stable code.
    code: Option<String>,
    /// Why not, for people.
    message: Option<String>,
}

impl From<RowView> for RowBody {
    fn from(view: RowView) -> Self {
        RowBody {
            line: view.line,
            outcome: view.outcome,
            contact: view.contact,
            code: view.code,
            message: view.message,
        }
    }
}

/// Of which rows.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
enum OnlyOutcome {
    Added,
    Updated,
    Skipped,
    Failed,
}

impl OnlyOutcome {
    fn name(self) -> &'static str {
        match self {
            OnlyOutcome::Added => "added",
            OnlyOutcome::Updated => "updated",
            OnlyOutcome::Skipped => "skipped",
            OnlyOutcome::Failed => "failed",
        }
    }
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct RowsParams {
    /// Only rows of this outcome.
    #[param(inline)]
    outcome: Option<OnlyOutcome>,
    #[serde(flatten)]
    #[param(ignore)]
    page: PageParams,
}

/// Lists what became of the rows, by line. Of a review, those that are wrong or would be skipped.
#[utoipa::path(
    get, path = "/v1/imports/{id}/rows", tag = "imports",
    params(("id" = String, Path, description = "The import's id"), RowsParams, PageParams),
    responses((status = 200, description = "A page of rows", body = Page<RowBody>)),
    security(("key" = ["contacts:read"]))
)]
async fn list_import_rows(
    State(app): State<App>,
    caller: Caller,
    At(id): At<String>,
    Params(params): Params<RowsParams>,
) -> Result<Json<Page<RowBody>>, Problem> {
    const LIST: &str = "import-rows";
    let range = params.page.range(LIST)?;
    let only = params.outcome.map(OnlyOutcome::name);
    let after = range.after_number()?;
    let imports = app.messaging.imports();
    let listed = imports
        .rows(&caller.workspace, &id, only, after, range.limit)
        .await?;
    Ok(Json(Page {
        next: listed.next.map(|last| cursor(LIST, &last)),
        items: listed.items.into_iter().map(RowBody::from).collect(),
    }))
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct ResultParams {
    /// Only rows of this outcome.
    #[param(inline)]
    outcome: Option<OnlyOutcome>,
}

/// Rows that the report reads at a time.
const REPORT: usize = 500;

/// Downloads what became of the rows: `line,outcome,contact,code,message`.
#[utoipa::path(
    get, path = "/v1/imports/{id}/result", tag = "imports",
    params(("id" = String, Path, description = "The import's id"), ResultParams),
    responses((status = 200, description = "The report", body = String, content_type = "text/csv")),
    security(("key" = ["contacts:read"]))
)]
async fn import_result(
    State(app): State<App>,
    caller: Caller,
    At(id): At<String>,
    Params(params): Params<ResultParams>,
) -> Result<Response, Problem> {
    let only = params.outcome.map(OnlyOutcome::name);
    let imports = app.messaging.imports();
    let workspace = caller.workspace.clone();
    // Before the first byte, so that what is wrong is a problem.
    let first = imports.rows(&workspace, &id, only, None, REPORT).await?;
    let name = format!("{id}.csv");
    let begun = (Some(first), true);
    let lines = stream::try_unfold(begun, move |(page, header)| {
        let (imports, workspace, id) = (imports.clone(), workspace.clone(), id.clone());
        async move {
            let Some(page) = page else { return Ok(None) };
            let bytes = result_lines(&page.items, header)?;
            let after = page.next.and_then(|next| next.parse().ok());
            let next = match after {
                None => None,
                Some(after) => Some(
                    imports
                        .rows(&workspace, &id, only, Some(after), REPORT)
                        .await?,
                ),
            };
            Ok::<_, jackfield_messaging::Error>(Some((Bytes::from(bytes), (next, false))))
        }
    });
    Ok(csv(HttpBody::from_stream(lines), &name))
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct ExportParams {
    /// Only the contacts of a segment.
    segment: Option<String>,
    /// Which columns, with commas between; all where left out.
    columns: Option<String>,
}

/// Downloads contacts as CSV, newest first. What a spreadsheet would take for a formula has an
/// apostrophe in front, which an import takes away again.
#[utoipa::path(
    get, path = "/v1/contacts/export", tag = "contacts",
    params(ExportParams),
    responses((status = 200, description = "The contacts", body = String, content_type = "text/csv")),
    security(("key" = ["contacts:read"]))
)]
async fn export_contacts(
    State(app): State<App>,
    caller: Caller,
    Params(params): Params<ExportParams>,
) -> Result<Response, Problem> {
    let meant = params.segment.map(Meant::Segment);
    let columns: Option<Vec<String>> = params.columns.map(|columns| {
        columns
            .split(',')
            .map(|one| one.trim().to_owned())
            .collect()
    });
    if columns.as_ref().is_some_and(|all| all.len() > 500) {
        let said = "An export has at most 500 columns.";
        return Err(Problem::new(Code::InvalidParameter, said));
    }
    let contacts = app.messaging.contacts();
    let export = contacts
        .export(&caller.workspace, meant.as_ref(), columns.as_deref())
        .await?;
    let lines = stream::try_unfold(export, |mut export| async move {
        let bytes = export.next().await?;
        Ok::<_, jackfield_messaging::Error>(bytes.map(|bytes| (Bytes::from(bytes), export)))
    });
    Ok(csv(HttpBody::from_stream(lines), "contacts.csv"))
}

fn csv(body: HttpBody, name: &str) -> Response {
    let headers = [
        (header::CONTENT_TYPE, "text/csv; charset=utf-8".to_owned()),
        (
            header::CONTENT_DISPOSITION,
            format!("attachment; filename=\"{name}\""),
        ),
    ];
    (headers, body).into_response()
}
