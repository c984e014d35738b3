//! `/v1/webhook-subscriptions`: web servers that are told of events, and what was delivered to them.

use super::contacts::page as paged;
use crate::http::app::App;
use crate::http::auth::Caller;
use crate::http::extract::{At, Json as Body, Params};
use crate::http::idempotency::Withhold;
use crate::http::paging::{Page, PageParams};
use crate::http::problem::Problem;
use axum::extract::State;
use axum::http::StatusCode;
use axum::{Extension, Json};
use jackfield_messaging::{
    DeliveryView, ListDeliveries, NewSubscription, SubscriptionPatch, SubscriptionView, TryView,
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list_subscriptions, create_subscription))
        .routes(routes!(
            get_subscription,
            update_subscription,
            delete_subscription
        ))
        .routes(routes!(rotate_subscription))
        .routes(routes!(test_subscription))
        .routes(routes!(list_deliveries))
        .routes(routes!(get_delivery))
        .routes(routes!(redeliver_delivery))
        .routes(routes!(redeliver_dead))
}

/// A web server that is told of events.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
#[schema(as = Subscription)]
struct SubscriptionBody {
    /// Its id.
    id: String,
    /// Where deliveries go.
    url: String,
    /// For people.
    title: String,
    /// The events, as they were named.
    events: Vec<String>,
    /// Who must have caused them; empty for anybody.
    sources: Vec<String>,
    /// Of events about messages: of which types; empty for all.
    message_types: Vec<String>,
    /// Of changes of contacts: which fields; empty for all.
    fields: Vec<String>,
    /// `active`, `failing` (the last delivery did not arrive), `paused` (by hand) or `disabled` (it
    /// failed for too long, or wants nothing more).
    state: String,
    /// Why it is disabled.
    reason: Option<String>,
    /// Since when nothing arrives; milliseconds since 1970.
    failing_since: Option<i64>,
    /// Until when the secret before the last rotation signs as well; milliseconds since 1970.
    previous_secret_until: Option<i64>,
    /// Milliseconds since 1970.
    created_at: i64,
    /// Milliseconds since 1970.
    updated_at: i64,
}

impl From<SubscriptionView> for SubscriptionBody {
    fn from(view: SubscriptionView) -> Self {
        SubscriptionBody {
            id: view.id,
            url: view.url,
            title: view.title,
            events: view.events,
            sources: view.sources,
            message_types: view.message_types,
            fields: view.fields,
            state: view.state.to_owned(),
            reason: view.reason,
            failing_since: view.failing_since,
            previous_secret_until: view.previous_until,
            created_at: view.created_at,
            updated_at: view.updated_at,
        }
    }
}

/// A subscription with its signing secret.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
#[schema(as = SubscriptionWithSecret)]
struct SecretBody {
    /// The signing secret, `whsec_...`. It is shown this once.
    secret: String,
    #[serde(flatten)]
    about: SubscriptionBody,
}

/// Lists the subscriptions, the oldest first.
#[utoipa::path(
    get, path = "/v1/webhook-subscriptions", tag = "subscriptions",
    params(PageParams),
    responses((status = 200, description = "A page of subscriptions", body = Page<SubscriptionBody>)),
    security(("key" = ["subscriptions:read"]))
)]
async fn list_subscriptions(
    State(app): State<App>,
    caller: Caller,
    Params(page): Params<PageParams>,
) -> Result<Json<Page<SubscriptionBody>>, Problem> {
    const LIST: &str = "webhook-subscriptions";
    let range = page.range(LIST)?;
    let all = app.messaging.subscriptions().all(&caller.workspace).await?;
    let page = Page::cut(all, &range, LIST, |one| one.id.clone());
    Ok(Json(page.map(SubscriptionBody::from)))
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct CreateSubscription {
    /// Where deliveries go: `https://`, or `http://` for addresses that the operator allows.
    #[schema(max_length = 2000)]
    url: String,
    /// For people, at most 200 characters.
    title: Option<String>,
    /// The events: `message.received`, `order.paid`, `newIncomingMessage`... or `*` for all.
    #[schema(min_items = 1, max_items = 100)]
    events: Vec<String>,
    /// Only those caused by one of these: `contact`, `user`, `workflow`, `api`...
    #[serde(default)]
    #[schema(max_items = 100)]
    sources: Vec<String>,
    /// Of events about messages, only those of these types: `text`, `image`...
    #[serde(default)]
    #[schema(max_items = 100)]
    message_types: Vec<String>,
    /// Of `contact.field-updated`, only these fields.
    #[serde(default)]
    #[schema(max_items = 100)]
    fields: Vec<String>,
}

/// Makes a subscription. Its secret is in this answer and never shown again.
#[utoipa::path(
    post, path = "/v1/webhook-subscriptions", tag = "subscriptions",
    request_body = CreateSubscription,
    responses((status = 201, description = "It is made", body = SecretBody)),
    security(("key" = ["subscriptions:write"]))
)]
async fn create_subscription(
    State(app): State<App>,
    caller: Caller,
    Body(body): Body<CreateSubscription>,
) -> Result<(StatusCode, Extension<Withhold>, Json<SecretBody>), Problem> {
    let new = NewSubscription {
        url: body.url,
        title: body.title,
        events: body.events,
        sources: body.sources,
        message_types: body.message_types,
        fields: body.fields,
    };
    let subscriptions = app.messaging.subscriptions();
    let (view, secret) = subscriptions.create(&caller.workspace, new).await?;
    let body = SecretBody {
        secret,
        about: view.into(),
    };
    Ok((StatusCode::CREATED, Extension(Withhold), Json(body)))
}

/// Shows a subscription.
#[utoipa::path(
    get, path = "/v1/webhook-subscriptions/{id}", tag = "subscriptions",
    params(("id" = String, Path, description = "The subscription's id")),
    responses((status = 200, description = "The subscription", body = SubscriptionBody)),
    security(("key" = ["subscriptions:read"]))
)]
async fn get_subscription(
    State(app): State<App>,
    caller: Caller,
    At(id): At<String>,
) -> Result<Json<SubscriptionBody>, Problem> {
    let subscriptions = app.messaging.subscriptions();
    Ok(Json(
        subscriptions.get(&caller.workspace, &id).await?.into(),
    ))
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct UpdateSubscription {
    /// Where deliveries go, those that wait too.
    #[schema(max_length = 2000)]
    url: Option<String>,
    /// For people, at most 200 characters.
    title: Option<String>,
    /// The events.
    #[schema(min_items = 1, max_items = 100)]
    events: Option<Vec<String>>,
    /// Only those caused by one of these; empty for anybody.
    #[schema(max_items = 100)]
    sources: Option<Vec<String>>,
    /// Of events about messages, only those of these types; empty for all.
    #[schema(max_items = 100)]
    message_types: Option<Vec<String>>,
    /// Of `contact.field-updated`, only these fields; empty for all.
    #[schema(max_items = 100)]
    fields: Option<Vec<String>>,
    /// False pauses it: it is told of nothing that happens meanwhile. True goes on, also where its
    /// failures disabled it.
    enabled: Option<bool>,
}

/// Changes a subscription. What is not named stays.
#[utoipa::path(
    patch, path = "/v1/webhook-subscriptions/{id}", tag = "subscriptions",
    params(("id" = String, Path, description = "The subscription's id")),
    request_body = UpdateSubscription,
    responses((status = 200, description = "The subscription", body = SubscriptionBody)),
    security(("key" = ["subscriptions:write"]))
)]
async fn update_subscription(
    State(app): State<App>,
    caller: Caller,
    At(id): At<String>,
    Body(body): Body<UpdateSubscription>,
) -> Result<Json<SubscriptionBody>, Problem> {
    let patch = SubscriptionPatch {
        url: body.url,
        title: body.title,
        events: body.events,
        sources: body.sources,
        message_types: body.message_types,
        fields: body.fields,
        enabled: body.enabled,
    };
    let subscriptions = app.messaging.subscriptions();
    let view = subscriptions.update(&caller.workspace, &id, patch).await?;
    Ok(Json(view.into()))
}

/// Deletes a subscription. What waits for it is not delivered.
#[utoipa::path(
    delete, path = "/v1/webhook-subscriptions/{id}", tag = "subscriptions",
    params(("id" = String, Path, description = "The subscription's id")),
    responses((status = 204, description = "It is deleted")),
    security(("key" = ["subscriptions:write"]))
)]
async fn delete_subscription(
    State(app): State<App>,
    caller: Caller,
    At(id): At<String>,
) -> Result<StatusCode, Problem> {
    let subscriptions = app.messaging.subscriptions();
    subscriptions.delete(&caller.workspace, &id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Gives a subscription another secret. For 24 hours deliveries are signed with both.
#[utoipa::path(
    post, path = "/v1/webhook-subscriptions/{id}/rotate-secret", tag = "subscriptions",
    params(("id" = String, Path, description = "The subscription's id")),
    responses((status = 200, description = "The subscription with its new secret", body = SecretBody)),
    security(("key" = ["subscriptions:write"]))
)]
async fn rotate_subscription(
    State(app): State<App>,
    caller: Caller,
    At(id): At<String>,
) -> Result<(Extension<Withhold>, Json<SecretBody>), Problem> {
    let subscriptions = app.messaging.subscriptions();
    let (view, secret) = subscriptions.rotate(&caller.workspace, &id).await?;
    let body = SecretBody {
        secret,
        about: view.into(),
    };
    Ok((Extension(Withhold), Json(body)))
}

/// How a try to deliver went.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
#[schema(as = DeliveryTry)]
struct TryBody {
    /// Whether the receiver answered 2xx.
    delivered: bool,
    /// When it began; milliseconds since 1970.
    at: i64,
    /// How long it took, in milliseconds.
    took: u64,
    /// The HTTP status, if there was an answer.
    status: Option<u16>,
    /// Why it failed: a stable code such as `status`, `timeout`, `connect`, `address-refused`.
    code: Option<String>,
    /// Why it failed, for people.
    error: Option<String>,
    /// How the answer of a failed try begins.
    answer: Option<String>,
}

impl From<TryView> for TryBody {
    fn from(view: TryView) -> Self {
        TryBody {
            delivered: view.code.is_none(),
            at: view.at,
            took: view.took,
            status: view.status,
            code: view.code,
            error: view.error,
            answer: view.answer,
        }
    }
}

/// Sends the event `webhook.test` now, and says what came of it.
#[utoipa::path(
    post, path = "/v1/webhook-subscriptions/{id}/test", tag = "subscriptions",
    params(("id" = String, Path, description = "The subscription's id")),
    responses((status = 200, description = "What came of it", body = TryBody)),
    security(("key" = ["subscriptions:write"]))
)]
async fn test_subscription(
    State(app): State<App>,
    caller: Caller,
    At(id): At<String>,
) -> Result<Json<TryBody>, Problem> {
    let subscriptions = app.messaging.subscriptions();
    Ok(Json(
        subscriptions.test(&caller.workspace, &id).await?.into(),
    ))
}

/// An event on its way to a subscription, or there, or given up.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
#[schema(as = Delivery)]
struct DeliveryBody {
    /// Its id.
    id: String,
    /// The event's id: `webhook-id` of each try.
    event: String,
    /// The event's name.
    name: String,
    /// The contact that it is about.
    contact: Option<String>,
    /// `pending`, `delivered` or `dead`.
    state: String,
    /// How many tries there were.
    attempts: u32,
    /// When the next try is due; milliseconds since 1970.
    due: Option<i64>,
    /// The last tries, the newest last.
    tries: Vec<TryBody>,
    /// What is sent: JSON, letter by letter.
    body: String,
    /// Milliseconds since 1970.
    created_at: i64,
    /// Milliseconds since 1970.
    updated_at: i64,
}

impl From<DeliveryView> for DeliveryBody {
    fn from(view: DeliveryView) -> Self {
        DeliveryBody {
            id: view.id,
            event: view.event,
            name: view.name,
            contact: view.contact,
            state: view.state,
            attempts: view.attempts,
            due: view.due,
            tries: view.tries.into_iter().map(TryBody::from).collect(),
            body: view.body,
            created_at: view.created_at,
            updated_at: view.updated_at,
        }
    }
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct DeliveryParams {
    /// Only those in this state: `pending`, `delivered` or `dead`.
    state: Option<String>,
    #[serde(flatten)]
    #[param(ignore)]
    page: PageParams,
}

/// Lists what was, is or could not be delivered to a subscription, the newest first.
#[utoipa::path(
    get, path = "/v1/webhook-subscriptions/{id}/deliveries", tag = "subscriptions",
    params(("id" = String, Path, description = "The subscription's id"), DeliveryParams, PageParams),
    responses((status = 200, description = "A page of deliveries", body = Page<DeliveryBody>)),
    security(("key" = ["subscriptions:read"]))
)]
async fn list_deliveries(
    State(app): State<App>,
    caller: Caller,
    At(id): At<String>,
    Params(params): Params<DeliveryParams>,
) -> Result<Json<Page<DeliveryBody>>, Problem> {
    const LIST: &str = "deliveries";
    let range = params.page.range(LIST)?;
    let list = ListDeliveries {
        state: params.state,
        limit: Some(range.limit),
        after: range.after,
    };
    let subscriptions = app.messaging.subscriptions();
    let page = subscriptions
        .deliveries(&caller.workspace, &id, &list)
        .await?;
    Ok(Json(paged(page, LIST).map(DeliveryBody::from)))
}

/// Shows a delivery with its tries.
#[utoipa::path(
    get, path = "/v1/webhook-subscriptions/{id}/deliveries/{delivery}", tag = "subscriptions",
    params(
        ("id" = String, Path, description = "The subscription's id"),
        ("delivery" = String, Path, description = "The delivery's id")
    ),
    responses((status = 200, description = "The delivery", body = DeliveryBody)),
    security(("key" = ["subscriptions:read"]))
)]
async fn get_delivery(
    State(app): State<App>,
    caller: Caller,
    At((id, delivery)): At<(String, String)>,
) -> Result<Json<DeliveryBody>, Problem> {
    let subscriptions = app.messaging.subscriptions();
    let view = subscriptions
        .delivery(&caller.workspace, &id, &delivery)
        .await?;
    Ok(Json(view.into()))
}

/// Delivers an event once more, in whatever state its delivery is.
#[utoipa::path(
    post, path = "/v1/webhook-subscriptions/{id}/deliveries/{delivery}/redeliver",
    tag = "subscriptions",
    params(
        ("id" = String, Path, description = "The subscription's id"),
        ("delivery" = String, Path, description = "The delivery's id")
    ),
    responses((status = 202, description = "It is tried now", body = DeliveryBody)),
    security(("key" = ["subscriptions:write"]))
)]
async fn redeliver_delivery(
    State(app): State<App>,
    caller: Caller,
    At((id, delivery)): At<(String, String)>,
) -> Result<(StatusCode, Json<DeliveryBody>), Problem> {
    let subscriptions = app.messaging.subscriptions();
    let view = subscriptions
        .redeliver(&caller.workspace, &id, &delivery)
        .await?;
    Ok((StatusCode::ACCEPTED, Json(view.into())))
}

/// How many deliveries are tried once more.
#[derive(Debug, Serialize, ToSchema)]
struct Redelivered {
    /// How many.
    redelivered: usize,
    /// Whether more of them are dead: ask again.
    more: bool,
}

/// Delivers once more what was given up, the oldest first, at most 1,000 in a request.
#[utoipa::path(
    post, path = "/v1/webhook-subscriptions/{id}/redeliver", tag = "subscriptions",
    params(("id" = String, Path, description = "The subscription's id")),
    responses((status = 202, description = "They are tried now", body = Redelivered)),
    security(("key" = ["subscriptions:write"]))
)]
async fn redeliver_dead(
    State(app): State<App>,
    caller: Caller,
    At(id): At<String>,
) -> Result<(StatusCode, Json<Redelivered>), Problem> {
    let subscriptions = app.messaging.subscriptions();
    let (redelivered, more) = subscriptions.redeliver_dead(&caller.workspace, &id).await?;
    Ok((
        StatusCode::ACCEPTED,
        Json(Redelivered { redelivered, more }),
    ))
}
