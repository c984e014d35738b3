//! `/v1/contact-fields`: custom fields of contacts.

use crate::http::app::App;
use crate::http::auth::Caller;
use crate::http::extract::{At, Json as Body, Params};
use crate::http::paging::{Page, PageParams};
use crate::http::problem::Problem;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use jackfield_messaging::{FieldKind, NewField};
use jackfield_store::records::ContactField;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list_contact_fields))
        .routes(routes!(put_contact_field, delete_contact_field))
}

/// A custom field of contacts.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
#[schema(as = ContactField)]
struct FieldBody {
    /// As in `$contact.city`.
    name: String,
    /// For people.
    title: String,
    /// `text`, `list`, `checkbox`, `email`, `number`, `url`, `date`, `time` or `phone`.
    kind: String,
    /// The values that a list allows.
    #[schema(value_type = Vec<String>)]
    options: Value,
    /// Milliseconds since 1970.
    created_at: i64,
}

impl From<ContactField> for FieldBody {
    fn from(row: ContactField) -> Self {
        FieldBody {
            name: row.name,
            title: row.title,
            kind: row.kind,
            options: row.options,
            created_at: row.created_at,
        }
    }
}

/// Lists the custom fields of contacts, by name.
#[utoipa::path(
    get, path = "/v1/contact-fields", tag = "contacts",
    params(PageParams),
    responses((status = 200, description = "A page of fields", body = Page<FieldBody>)),
    security(("key" = ["contacts:read"]))
)]
async fn list_contact_fields(
    State(app): State<App>,
    caller: Caller,
    Params(params): Params<PageParams>,
) -> Result<Json<Page<FieldBody>>, Problem> {
    const LIST: &str = "contact-fields";
    let range = params.range(LIST)?;
    let all = app.messaging.contacts().fields(&caller.workspace).await?;
    let page = Page::cut(all, &range, LIST, |row| row.name.clone());
    Ok(Json(page.map(FieldBody::from)))
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct PutField {
    /// For people, at most 50 characters; the name when nothing is said.
    #[schema(max_length = 50)]
    title: Option<String>,
    /// `text`, `list`, `checkbox`, `email`, `number`, `url`, `date`, `time` or `phone`. It cannot
    /// be changed later.
    #[schema(
        value_type = String,
        pattern = "^(text|list|checkbox|email|number|url|date|time|phone)$"
    )]
    kind: FieldKind,
    /// The values that a list allows.
    #[serde(default)]
    options: Vec<String>,
}

/// Makes a custom field, or changes its title and options.
#[utoipa::path(
    put, path = "/v1/contact-fields/{name}", tag = "contacts",
    params(("name" = String, Path, description = "Lower-case letters, digits and `_`")),
    request_body = PutField,
    responses((status = 200, description = "The field", body = FieldBody)),
    security(("key" = ["contacts:write"]))
)]
async fn put_contact_field(
    State(app): State<App>,
    caller: Caller,
    At(name): At<String>,
    Body(body): Body<PutField>,
) -> Result<Json<FieldBody>, Problem> {
    let field = NewField {
        name,
        title: body.title,
        kind: body.kind,
        options: body.options,
    };
    Ok(Json(
        app.messaging
            .contacts()
            .put_field(&caller.workspace, &field)
            .await?
            .into(),
    ))
}

/// Deletes a custom field. Values that contacts have stay where they are.
#[utoipa::path(
    delete, path = "/v1/contact-fields/{name}", tag = "contacts",
    params(("name" = String, Path, description = "The field's name")),
    responses((status = 204, description = "It is deleted")),
    security(("key" = ["contacts:write"]))
)]
async fn delete_contact_field(
    State(app): State<App>,
    caller: Caller,
    At(name): At<String>,
) -> Result<StatusCode, Problem> {
    app.messaging
        .contacts()
        .delete_field(&caller.workspace, &name)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}
