//! `/v1/contacts`: who is written to, and why one was not.
//!
//! A contact is named by `id:...` (or the id alone), `phone:+33...`, `email:...` or
//! `channel:<name>:<address>`, wherever one is asked for. Its JSON has its fields by the names that
//! variables use (`$contact.firstname`).

use crate::http::app::App;
use crate::http::auth::Caller;
use crate::http::extract::{At, Json as Body, Params};
use crate::http::json::hyphens;
use crate::http::paging::{Page, PageParams, Range, cursor};
use crate::http::problem::{Code, Problem};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use jackfield_messaging::{Known, ListContacts, ListDecisions, Meant, Page as Listed, Suggestion};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list_contacts, create_contact))
        .routes(routes!(
            get_contact,
            upsert_contact,
            update_contact,
            delete_contact
        ))
        .routes(routes!(tag_contact))
        .routes(routes!(block_contact))
        .routes(routes!(unblock_contact))
        .routes(routes!(list_decisions))
        .routes(routes!(list_merge_suggestions))
        .routes(routes!(merge_contacts))
}

/// A page as messaging gives it, with this API's cursor.
pub(super) fn page<T>(listed: Listed<T>, list: &str) -> Page<T> {
    Page {
        next: listed.next.map(|last| cursor(list, &last)),
        items: listed.items,
    }
}

/// The fields of a contact.
type Fields = Map<String, Value>;

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct ListContactsParams {
    /// The beginning of a name, of a telephone number (`+...`) or of a mail address (with `@`).
    search: Option<String>,
    /// Only those of a segment, by its name; not together with `search`.
    segment: Option<String>,
    #[serde(flatten)]
    #[param(ignore)]
    page: PageParams,
}

/// Lists contacts, newest first.
#[utoipa::path(
    get, path = "/v1/contacts", tag = "contacts",
    params(ListContactsParams, PageParams),
    responses((status = 200, description = "A page of contacts", body = Page<Object>)),
    security(("key" = ["contacts:read"]))
)]
async fn list_contacts(
    State(app): State<App>,
    caller: Caller,
    Params(params): Params<ListContactsParams>,
) -> Result<Json<Page<Value>>, Problem> {
    const LIST: &str = "contacts";
    let Range { limit, after } = params.page.range(LIST)?;
    if let Some(segment) = params.segment {
        if params.search.is_some() {
            return Err(Problem::new(
                Code::InvalidParameter,
                "`segment` and `search` do not go together: put the search into a filter.",
            ));
        }
        let listed = app
            .messaging
            .segments()
            .contacts(
                &caller.workspace,
                &Meant::Segment(segment),
                after.as_deref(),
                Some(limit),
            )
            .await?;
        return Ok(Json(page(listed, LIST)));
    }
    let which = ListContacts {
        search: params.search,
        after,
        limit: Some(limit),
    };
    let listed = app
        .messaging
        .contacts()
        .list(&caller.workspace, &which)
        .await?;
    Ok(Json(page(listed, LIST)))
}

/// Makes a contact out of fields.
#[utoipa::path(
    post, path = "/v1/contacts", tag = "contacts",
    request_body(content = Object, description = "Fields by name: `firstname`, `phone`, `email`, custom ones"),
    responses((status = 201, description = "The contact", body = Object)),
    security(("key" = ["contacts:write"]))
)]
async fn create_contact(
    State(app): State<App>,
    caller: Caller,
    Body(fields): Body<Fields>,
) -> Result<(StatusCode, Json<Value>), Problem> {
    let contacts = app.messaging.contacts();
    let contact = contacts
        .create(&caller.workspace, &Value::Object(fields))
        .await?;
    Ok((StatusCode::CREATED, Json(contact)))
}

/// Shows a contact.
#[utoipa::path(
    get, path = "/v1/contacts/{contact}", tag = "contacts",
    params(("contact" = String, Path, description = "`id:...`, `phone:+33...` or `email:...`")),
    responses((status = 200, description = "The contact", body = Object)),
    security(("key" = ["contacts:read"]))
)]
async fn get_contact(
    State(app): State<App>,
    caller: Caller,
    At(contact): At<String>,
) -> Result<Json<Value>, Problem> {
    Ok(Json(
        app.messaging
            .contacts()
            .get(&caller.workspace, &contact)
            .await?,
    ))
}

/// Changes fields of a contact (null clears one), or makes the contact where nobody has the
/// address yet.
#[utoipa::path(
    put, path = "/v1/contacts/{contact}", tag = "contacts",
    params(("contact" = String, Path, description = "`phone:+33...`, `email:...` or `id:...`")),
    request_body(content = Object, description = "Fields by name"),
    responses(
        (status = 200, description = "It was changed", body = Object),
        (status = 201, description = "It was made", body = Object)
    ),
    security(("key" = ["contacts:write"]))
)]
async fn upsert_contact(
    State(app): State<App>,
    caller: Caller,
    At(contact): At<String>,
    Body(fields): Body<Fields>,
) -> Result<(StatusCode, Json<Value>), Problem> {
    let contacts = app.messaging.contacts();
    let fields = Value::Object(fields);
    let (contact, made) = contacts
        .upsert(&caller.workspace, &contact, &fields)
        .await?;
    Ok((
        if made {
            StatusCode::CREATED
        } else {
            StatusCode::OK
        },
        Json(contact),
    ))
}

/// Changes fields of a contact; null clears one.
#[utoipa::path(
    patch, path = "/v1/contacts/{contact}", tag = "contacts",
    params(("contact" = String, Path, description = "`id:...`, `phone:+33...` or `email:...`")),
    request_body(content = Object, description = "Fields by name"),
    responses((status = 200, description = "The contact", body = Object)),
    security(("key" = ["contacts:write"]))
)]
async fn update_contact(
    State(app): State<App>,
    caller: Caller,
    At(contact): At<String>,
    Body(fields): Body<Fields>,
) -> Result<Json<Value>, Problem> {
    let contacts = app.messaging.contacts();
    Ok(Json(
        contacts
            .update(&caller.workspace, &contact, &Value::Object(fields))
            .await?,
    ))
}

/// Deletes a contact with its history, for good. Opt-outs of its addresses stay.
#[utoipa::path(
    delete, path = "/v1/contacts/{contact}", tag = "contacts",
    params(("contact" = String, Path, description = "`id:...`, `phone:+33...` or `email:...`")),
    responses((status = 204, description = "It is deleted")),
    security(("key" = ["contacts:write"]))
)]
async fn delete_contact(
    State(app): State<App>,
    caller: Caller,
    At(contact): At<String>,
) -> Result<StatusCode, Problem> {
    app.messaging
        .contacts()
        .delete(&caller.workspace, &contact)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct TagContact {
    /// Tags to add; those that it has already are left alone.
    #[serde(default)]
    add: Vec<String>,
    /// Tags to remove; those that it has not are left alone.
    #[serde(default)]
    remove: Vec<String>,
}

/// Adds and removes tags of a contact.
#[utoipa::path(
    post, path = "/v1/contacts/{contact}/tags", tag = "contacts",
    params(("contact" = String, Path, description = "`id:...`, `phone:+33...` or `email:...`")),
    request_body = TagContact,
    responses((status = 200, description = "The contact", body = Object)),
    security(("key" = ["contacts:write"]))
)]
async fn tag_contact(
    State(app): State<App>,
    caller: Caller,
    At(contact): At<String>,
    Body(body): Body<TagContact>,
) -> Result<Json<Value>, Problem> {
    let contacts = app.messaging.contacts();
    Ok(Json(
        contacts
            .retag(&caller.workspace, &contact, &body.add, &body.remove)
            .await?,
    ))
}

/// Blocks a contact: nothing of it is accepted, nothing is sent to it, nothing starts for it.
#[utoipa::path(
    post, path = "/v1/contacts/{contact}/block", tag = "contacts",
    params(("contact" = String, Path, description = "`id:...`, `phone:+33...` or `email:...`")),
    responses((status = 200, description = "The contact", body = Object)),
    security(("key" = ["contacts:write"]))
)]
async fn block_contact(
    State(app): State<App>,
    caller: Caller,
    At(contact): At<String>,
) -> Result<Json<Value>, Problem> {
    Ok(Json(
        app.messaging
            .contacts()
            .block(&caller.workspace, &contact, true)
            .await?,
    ))
}

/// Takes a block back.
#[utoipa::path(
    post, path = "/v1/contacts/{contact}/unblock", tag = "contacts",
    params(("contact" = String, Path, description = "`id:...`, `phone:+33...` or `email:...`")),
    responses((status = 200, description = "The contact", body = Object)),
    security(("key" = ["contacts:write"]))
)]
async fn unblock_contact(
    State(app): State<App>,
    caller: Caller,
    At(contact): At<String>,
) -> Result<Json<Value>, Problem> {
    Ok(Json(
        app.messaging
            .contacts()
            .block(&caller.workspace, &contact, false)
            .await?,
    ))
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct ListDecisionsParams {
    /// Only of this workflow.
    workflow: Option<String>,
    /// Only about this message or event, by id.
    subject: Option<String>,
    #[serde(flatten)]
    #[param(ignore)]
    page: PageParams,
}

/// Says why a contact was not written to, or a workflow not started for it, newest first.
#[utoipa::path(
    get, path = "/v1/contacts/{contact}/decisions", tag = "contacts",
    params(
        ("contact" = String, Path, description = "`id:...`, `phone:+33...` or `email:...`"),
        ListDecisionsParams,
        PageParams
    ),
    responses((status = 200, description = "A page of decisions: `kind`, `reason`, `detail`", body = Page<Object>)),
    security(("key" = ["contacts:read"]))
)]
async fn list_decisions(
    State(app): State<App>,
    caller: Caller,
    At(contact): At<String>,
    Params(params): Params<ListDecisionsParams>,
) -> Result<Json<Page<Value>>, Problem> {
    const LIST: &str = "decisions";
    let Range { limit, after } = params.page.range(LIST)?;
    let which = ListDecisions {
        contact: Some(
            app.messaging
                .contacts()
                .id_of(&caller.workspace, &contact)
                .await?,
        ),
        subject: params.subject,
        workflow: params.workflow,
        after,
        limit: Some(limit),
    };
    let listed = app
        .messaging
        .decisions()
        .list(&caller.workspace, &which)
        .await?;
    Ok(Json(page(listed, LIST).map(hyphens)))
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct MergeContacts {
    /// The contact that is absorbed: `id:...`, `phone:+33...` or `email:...`.
    from: String,
    /// Fields that win over both, as in a change of the contact.
    #[serde(default)]
    #[schema(value_type = Object)]
    fields: Map<String, Value>,
}

/// Makes two contacts one: this one absorbs the other.
///
/// The contact keeps its id and what it has; of the other it gets what it lacks: fields, tags, lists,
/// addresses, messages, conversations, comments. Runs of the other end. Its id leads to the contact
/// from now on. Asked again, it changes nothing.
#[utoipa::path(
    post, path = "/v1/contacts/{contact}/merge", tag = "contacts",
    params(("contact" = String, Path, description = "`id:...`, `phone:+33...` or `email:...`")),
    request_body = MergeContacts,
    responses((status = 200, description = "The contact", body = Object)),
    security(("key" = ["contacts:write"]))
)]
async fn merge_contacts(
    State(app): State<App>,
    caller: Caller,
    At(contact): At<String>,
    Body(body): Body<MergeContacts>,
) -> Result<Json<Value>, Problem> {
    let contacts = app.messaging.contacts();
    let fields = Value::Object(body.fields);
    let merged = contacts.merge(&caller.workspace, &contact, &body.from, &fields);
    Ok(Json(merged.await?))
}

/// Somebody, in few words.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = KnownContact)]
struct KnownBody {
    /// The contact's id.
    id: String,
    /// First and last name.
    name: Option<String>,
    /// Telephone number.
    phone: Option<String>,
    /// Mail address.
    email: Option<String>,
}

impl From<Known> for KnownBody {
    fn from(known: Known) -> Self {
        KnownBody {
            id: known.id,
            name: known.name,
            phone: known.phone,
            email: known.email,
        }
    }
}

/// Two contacts that are probably one person.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = MergeSuggestion)]
struct SuggestionBody {
    /// The one to which the address leads.
    contact: KnownBody,
    /// The one that has it in a field only.
    duplicate: KnownBody,
    /// What they have in common: `phone`, `email`.
    shared: Vec<String>,
}

impl From<Suggestion> for SuggestionBody {
    fn from(pair: Suggestion) -> Self {
        SuggestionBody {
            contact: pair.contact.into(),
            duplicate: pair.duplicate.into(),
            shared: pair.shared,
        }
    }
}

/// Lists pairs of contacts that are probably one person: they have the same telephone number or mail
/// address. The newest duplicates come first.
///
/// A request looks at some hundreds of contacts: a page may hold fewer pairs than were asked for, and
/// still have a `next`.
#[utoipa::path(
    get, path = "/v1/contacts/merge-suggestions", tag = "contacts",
    params(PageParams),
    responses((status = 200, description = "A page of pairs", body = Page<SuggestionBody>)),
    security(("key" = ["contacts:read"]))
)]
async fn list_merge_suggestions(
    State(app): State<App>,
    caller: Caller,
    Params(params): Params<PageParams>,
) -> Result<Json<Page<SuggestionBody>>, Problem> {
    const LIST: &str = "merge-suggestions";
    let Range { limit, after } = params.range(LIST)?;
    let contacts = app.messaging.contacts();
    let listed = contacts
        .merge_suggestions(&caller.workspace, after.as_deref(), Some(limit))
        .await?;
    Ok(Json(page(listed, LIST).map(SuggestionBody::from)))
}
