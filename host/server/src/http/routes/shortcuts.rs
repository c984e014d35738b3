//! `/v1/shortcuts`: forms by which people start workflows about a contact.

use crate::http::app::App;
use crate::http::auth::Caller;
use crate::http::extract::{At, Json as Body, Params};
use crate::http::idempotency::RequestKey;
use crate::http::paging::{Page, PageParams};
use crate::http::problem::Problem;
use crate::http::views::AcceptedBody;
use axum::extract::State;
use axum::http::StatusCode;
use axum::{Extension, Json};
use jackfield_engine::document::trigger::{self, Input};
use jackfield_engine::{NewEvent, ShortcutView};
use jackfield_store::records::Seen;
use jackfield_store::{Commit, bucket_in};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list_shortcuts))
        .routes(routes!(run_shortcut))
}

/// A trigger on `shortcut` of a live workflow.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
#[schema(as = Shortcut)]
struct ShortcutBody {
    /// The workflow that it starts.
    workflow: String,
    /// For people.
    title: String,
    /// The name of an icon, or an emoji.
    icon: Option<String>,
    /// For people.
    description: Option<String>,
    /// What is filled in, in order.
    form: Vec<InputBody>,
}

/// A field of a form.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
#[schema(as = ShortcutField)]
struct InputBody {
    /// The run's variable that gets the value.
    variable: String,
    /// For people.
    label: String,
    /// `text`, `list`, `checkbox`, `number`, `date`, `time`, `phone`, `email` or `url`.
    #[serde(rename = "type")]
    kind: &'static str,
    /// Whether there must be a value.
    required: bool,
    /// What a list offers.
    options: Vec<String>,
}

impl From<Input> for InputBody {
    fn from(input: Input) -> Self {
        InputBody {
            variable: input.variable,
            label: input.label,
            kind: input.kind.name(),
            required: input.required,
            options: input.options,
        }
    }
}

impl From<ShortcutView> for ShortcutBody {
    fn from(
        ShortcutView {
            workflow, shortcut, ..
        }: ShortcutView,
    ) -> Self {
        ShortcutBody {
            workflow,
            title: shortcut.title,
            icon: shortcut.icon,
            description: shortcut.description,
            form: shortcut.form.into_iter().map(InputBody::from).collect(),
        }
    }
}

/// Lists the shortcuts of live workflows, by workflow.
#[utoipa::path(
    get, path = "/v1/shortcuts", tag = "workflows",
    params(PageParams),
    responses((status = 200, description = "A page of shortcuts", body = Page<ShortcutBody>)),
    security(("key" = ["workflows:read"]))
)]
async fn list_shortcuts(
    State(app): State<App>,
    caller: Caller,
    Params(page): Params<PageParams>,
) -> Result<Json<Page<ShortcutBody>>, Problem> {
    const LIST: &str = "shortcuts";
    let range = page.range(LIST)?;
    let workflows = app.engine.workflows();
    let all = workflows.shortcuts(&caller.workspace).await?;
    let page = Page::cut(all, &range, LIST, |one| one.workflow.clone());
    Ok(Json(page.map(ShortcutBody::from)))
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct RunShortcut {
    /// The contact: its id, `phone:+33...` or `email:...`.
    contact: String,
    /// What was filled in, by variable. Values are read by the type of their field; texts do for all.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    values: Option<Map<String, Value>>,
    /// Who filled it in: a user's id or mail address. `$shortcut.user` in the workflow.
    user: Option<String>,
}

/// Fills in the form of a live workflow, which starts it about a contact.
///
/// Each field that is wrong is named in `errors`, and nothing is done then. `skipped` says why the
/// workflow was not started all the same: the contact is blocked, or is in the workflow already.
#[utoipa::path(
    post, path = "/v1/shortcuts/{workflow}", tag = "workflows",
    params(("workflow" = String, Path, description = "The workflow's name")),
    request_body = RunShortcut,
    responses((status = 202, description = "The form is accepted", body = AcceptedBody)),
    security(("key" = ["runs:write"]))
)]
async fn run_shortcut(
    State(app): State<App>,
    caller: Caller,
    At(workflow): At<String>,
    key: Option<Extension<RequestKey>>,
    Body(body): Body<RunShortcut>,
) -> Result<(StatusCode, Json<AcceptedBody>), Problem> {
    let workspace = caller.workspace;
    let workflows = app.engine.workflows();
    let found = workflows.shortcut(&workspace, &workflow).await?;
    let form = found.ok_or_else(|| Problem::not_found("live shortcut", &workflow))?;
    app.engine.admit(&workspace, Some(&workflow))?;
    let contacts = app.messaging.contacts();
    let contact = contacts.id_of(&workspace, &body.contact).await?;
    let user = match &body.user {
        None => Value::Null,
        Some(user) => {
            let user = app.messaging.users().get(&workspace, user).await?;
            json!({"id": user.id, "name": user.name, "email": user.email})
        }
    };
    let shortcuts = app.messaging.shortcuts();
    let values = body.values.unwrap_or_default();
    let values = shortcuts.read(&workspace, &form.shortcut, &values).await?;
    let bucket = bucket_in("ctc", &contact)
        .ok_or_else(|| Problem::internal("a contact's id without its bucket"))?;
    let mut commit = Commit::of(bucket);
    if let Some(Extension(RequestKey(key))) = key {
        commit.insert(&Seen {
            bucket,
            workspace: workspace.clone(),
            scope: "api".to_owned(),
            key,
            at: app.now(),
        });
    }
    let event = NewEvent {
        workspace,
        name: trigger::SHORTCUT.to_owned(),
        contact: Some(contact.clone()),
        subject: Some(trigger::aim(&workflow, form.place)),
        data: json!({"shortcut": {"user": user, "values": values}}),
        source: "api".to_owned(),
    };
    let lock = app.engine.lock(bucket).await?;
    let accepted = app.engine.accept_if_room(&lock, vec![event], commit);
    let accepted = accepted.await?;
    drop(lock);
    let event = accepted.events.into_iter().next().unwrap_or_default();
    let body = AcceptedBody::of(event, Some(contact));
    Ok((StatusCode::ACCEPTED, Json(body)))
}
