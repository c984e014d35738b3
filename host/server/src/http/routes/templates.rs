//! `/v1/templates`: HTML templates of the workspace.

use crate::http::app::App;
use crate::http::auth::Caller;
use crate::http::extract::{At, Json as Body, OptionalJson, Params};
use crate::http::paging::{Page, PageParams};
use crate::http::problem::{Code, Problem};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use jackfield_engine::variables::{
    Escape, Rendered, Template as Source, Unset, ValueScope, Warning, WithSnippets, html_to_text,
    render_html,
};
use jackfield_messaging::TemplateSource;
use jackfield_store::records::Template;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list_templates))
        .routes(routes!(get_template, put_template, delete_template))
        .routes(routes!(preview_template))
}

/// A template.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
#[schema(as = Template)]
struct TemplateBody {
    /// Lower-case words with hyphens.
    name: String,
    /// For mails, with variables.
    subject: Option<String>,
    /// HTML with variables.
    html: String,
    /// Plain text with variables; where it is left out, mails get the text of the HTML.
    text: Option<String>,
    /// Milliseconds since 1970.
    updated_at: i64,
}

impl From<Template> for TemplateBody {
    fn from(row: Template) -> Self {
        TemplateBody {
            name: row.name,
            subject: row.subject,
            html: row.html,
            text: row.text,
            updated_at: row.updated_at,
        }
    }
}

/// Lists the templates, by name.
#[utoipa::path(
    get, path = "/v1/templates", tag = "templates",
    params(PageParams),
    responses((status = 200, description = "A page of templates", body = Page<TemplateBody>)),
    security(("key" = ["templates:read"]))
)]
async fn list_templates(
    State(app): State<App>,
    caller: Caller,
    Params(page): Params<PageParams>,
) -> Result<Json<Page<TemplateBody>>, Problem> {
    const LIST: &str = "templates";
    let range = page.range(LIST)?;
    let all = app.messaging.templates().list(&caller.workspace).await?;
    let page = Page::cut(all, &range, LIST, |row| row.name.clone());
    Ok(Json(page.map(TemplateBody::from)))
}

async fn find(app: &App, caller: &Caller, name: &str) -> Result<Template, Problem> {
    let found = app
        .messaging
        .templates()
        .get(&caller.workspace, name)
        .await?;
    found.ok_or_else(|| Problem::not_found("template", name))
}

/// Shows a template.
#[utoipa::path(
    get, path = "/v1/templates/{name}", tag = "templates",
    params(("name" = String, Path, description = "The template's name")),
    responses((status = 200, description = "The template", body = TemplateBody)),
    security(("key" = ["templates:read"]))
)]
async fn get_template(
    State(app): State<App>,
    caller: Caller,
    At(name): At<String>,
) -> Result<Json<TemplateBody>, Problem> {
    Ok(Json(find(&app, &caller, &name).await?.into()))
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct PutTemplate {
    /// For mails, with variables.
    subject: Option<String>,
    /// HTML with variables.
    html: String,
    /// Plain text with variables.
    text: Option<String>,
}

/// Makes or replaces a template.
#[utoipa::path(
    put, path = "/v1/templates/{name}", tag = "templates",
    params(("name" = String, Path, description = "The template's name")),
    request_body = PutTemplate,
    responses((status = 200, description = "The template", body = TemplateBody)),
    security(("key" = ["templates:write"]))
)]
async fn put_template(
    State(app): State<App>,
    caller: Caller,
    At(name): At<String>,
    Body(body): Body<PutTemplate>,
) -> Result<Json<TemplateBody>, Problem> {
    let source = TemplateSource {
        subject: body.subject,
        html: body.html,
        text: body.text,
    };
    Ok(Json(
        app.messaging
            .templates()
            .put(&caller.workspace, &name, source)
            .await?
            .into(),
    ))
}

/// Deletes a template.
#[utoipa::path(
    delete, path = "/v1/templates/{name}", tag = "templates",
    params(("name" = String, Path, description = "The template's name")),
    responses((status = 204, description = "It is deleted")),
    security(("key" = ["templates:write"]))
)]
async fn delete_template(
    State(app): State<App>,
    caller: Caller,
    At(name): At<String>,
) -> Result<StatusCode, Problem> {
    app.messaging
        .templates()
        .delete(&caller.workspace, &name)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct PreviewTemplate {
    /// The contact whose fields are put in: `id:...`, `phone:+33...` or `email:...`.
    contact: Option<String>,
    /// Other values, by namespace: `{"call": {"duration": 12}}`.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    values: Option<Map<String, Value>>,
}

/// A template with values put in.
#[derive(Debug, Serialize, ToSchema)]
struct Preview {
    /// The subject, where the template has one.
    subject: Option<String>,
    /// The HTML.
    html: String,
    /// The plain text.
    text: String,
    /// Variables that have no value, and values that were not put where they would do harm.
    #[schema(value_type = Vec<Object>)]
    warnings: Vec<Warning>,
}

/// Shows a template with values put in. Nothing is sent.
#[utoipa::path(
    post, path = "/v1/templates/{name}/preview", tag = "templates",
    params(("name" = String, Path, description = "The template's name")),
    request_body = Option<PreviewTemplate>,
    responses((status = 200, description = "How it would read", body = Preview)),
    security(("key" = ["templates:read"]))
)]
async fn preview_template(
    State(app): State<App>,
    caller: Caller,
    At(name): At<String>,
    OptionalJson(body): OptionalJson<PreviewTemplate>,
) -> Result<Json<Preview>, Problem> {
    let template = find(&app, &caller, &name).await?;
    let mut values = body.values.unwrap_or_default();
    if let Some(contact) = &body.contact {
        let contact = app
            .messaging
            .contacts()
            .get(&caller.workspace, contact)
            .await?;
        values.insert("contact".to_owned(), contact);
    }
    let settings = app
        .messaging
        .workspaces()
        .settings(&caller.workspace)
        .await?;
    let now = jiff::Timestamp::from_millisecond(app.now()).map_err(Problem::internal)?;
    let snippets = app.messaging.snippets();
    let snippets = snippets.in_texts(&caller.workspace).await?;
    let files = app.messaging.files().in_texts(&caller.workspace).await?;
    let values = ValueScope {
        values: Value::Object(values),
        now,
        time_zone: settings.zone(),
    };
    let scope = WithSnippets {
        scope: &values,
        snippets,
        files,
    };
    // Whatever the workspace does about unset variables, a preview shows the rest.
    let unset = Unset::Literal;
    let refused = |error: jackfield_engine::variables::RenderError| {
        Problem::new(
            Code::Invalid,
            format!("The template cannot be put together: {error}."),
        )
    };
    let mut warnings = Vec::new();
    let mut take = |rendered: Rendered| {
        for warning in rendered.warnings {
            if !warnings.contains(&warning) {
                warnings.push(warning);
            }
        }
        rendered.text
    };
    let plain = |source: &str| Source::parse(source).render(&scope, Escape::None, unset);
    let subject = template
        .subject
        .as_deref()
        .map(plain)
        .transpose()
        .map_err(refused)?;
    let subject = subject.map(&mut take);
    let html = take(render_html(&template.html, &scope, unset).map_err(refused)?);
    let text = match &template.text {
        Some(text) => take(plain(text).map_err(refused)?),
        None => html_to_text(&html),
    };
    Ok(Json(Preview {
        subject,
        html,
        text,
        warnings,
    }))
}
