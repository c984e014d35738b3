//! `/hooks/{channel}`: what providers send, and webhooks of workflows; and `/v1/inbound-failures`: what of it could not be
//! read.
//!
//! A provider signs the address that it was told, so the address is put together from the public
//! address of this host and the path and query as they came, never from the header `Host`, which
//! the sender chooses.

use super::contacts::page;
use crate::http::app::App;
use crate::http::auth::Caller;
use crate::http::extract::{At, Params, Raw};
use crate::http::json::hyphens;
use crate::http::paging::{Page, PageParams, Range};
use crate::http::problem::Problem;
use crate::http::webhooks;
use crate::listener::Peer;
use axum::body::Body;
use axum::extract::{OriginalUri, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use jackfield_engine::WEBHOOK_PREFIX;
use jackfield_messaging::ListInbound;
use serde::Deserialize;
use serde_json::Value;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(receive_hook))
        .routes(routes!(list_inbound_failures))
        .routes(routes!(replay_inbound_failure))
}

/// A provider's request. The channel's connector verifies and reads it, and says what is answered.
///
/// A POST to the address of a workflow with the trigger `webhook` starts its runs: it is answered
/// 202 with `event_id`, or as the workflow says.
#[utoipa::path(
    method(get, post, put, patch, delete), path = "/hooks/{channel}", tag = "providers",
    params(("channel" = String, Path, description = "The channel's id, or the token of a workflow's webhook")),
    responses((status = "default", description = "What the connector, or the workflow, answers"))
)]
async fn receive_hook(
    State(app): State<App>,
    At(channel): At<String>,
    method: Method,
    OriginalUri(uri): OriginalUri,
    headers: HeaderMap,
    peer: Option<Extension<Peer>>,
    raw: Raw,
) -> Response {
    if channel.starts_with(WEBHOOK_PREFIX) {
        let peer = peer.map(|Extension(peer)| peer);
        let taken = webhooks::receive(&app, &channel, &method, &headers, peer, &raw);
        return taken.await.into_response();
    }
    let target = uri.path_and_query().map_or("/", |whole| whole.as_str());
    let url = format!("{}{target}", app.public_url);
    let headers = headers
        .iter()
        .map(|(name, value)| (name.as_str().to_owned(), text(value)))
        .collect();
    let answer = app
        .messaging
        .inbound()
        .receive(&channel, method.as_str(), &url, headers, raw.bytes.to_vec())
        .await;
    let status = StatusCode::from_u16(answer.status)
        .ok()
        .filter(|status| status.as_u16() >= 200)
        .unwrap_or(StatusCode::BAD_GATEWAY);
    let mut response = Response::new(Body::from(answer.body));
    *response.status_mut() = status;
    for (name, value) in answer.headers {
        if let (Ok(name), Ok(value)) = (
            name.parse::<HeaderName>(),
            HeaderValue::from_bytes(value.as_bytes()),
        ) && !OWN.contains(&name)
        {
            response.headers_mut().append(name, value);
        }
    }
    response
}

/// Headers that the host sets itself, whatever a connector says: the framing of the answer, and
/// what would act on a browser in the name of this host.
const OWN: &[HeaderName] = &[
    header::CONTENT_LENGTH,
    header::TRANSFER_ENCODING,
    header::CONNECTION,
    header::UPGRADE,
    header::SET_COOKIE,
    header::STRICT_TRANSPORT_SECURITY,
    header::ACCESS_CONTROL_ALLOW_ORIGIN,
    header::CONTENT_SECURITY_POLICY,
    header::X_CONTENT_TYPE_OPTIONS,
    header::X_FRAME_OPTIONS,
];

/// A header's value as text; bytes that are no UTF-8 are read as ISO 8859-1, so that none is lost.
fn text(value: &HeaderValue) -> String {
    match std::str::from_utf8(value.as_bytes()) {
        Ok(text) => text.to_owned(),
        Err(_) => value
            .as_bytes()
            .iter()
            .map(|byte| char::from(*byte))
            .collect(),
    }
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct ListInboundParams {
    /// Only of this channel, by name or id.
    channel: Option<String>,
    /// Only in this state: `failed` or `replayed`.
    state: Option<String>,
    #[serde(flatten)]
    #[param(ignore)]
    page: PageParams,
}

/// Lists providers' requests that could not be read, newest first, without their bodies.
#[utoipa::path(
    get, path = "/v1/inbound-failures", tag = "channels",
    params(ListInboundParams, PageParams),
    responses((status = 200, description = "A page of requests", body = Page<Object>)),
    security(("key" = ["channels:read"]))
)]
async fn list_inbound_failures(
    State(app): State<App>,
    caller: Caller,
    Params(params): Params<ListInboundParams>,
) -> Result<Json<Page<Value>>, Problem> {
    const LIST: &str = "inbound-failures";
    let Range { limit, after } = params.page.range(LIST)?;
    let which = ListInbound {
        channel: params.channel,
        state: params.state,
        after,
        limit: Some(limit),
    };
    let listed = app
        .messaging
        .inbound()
        .list(&caller.workspace, &which)
        .await?;
    Ok(Json(page(listed, LIST).map(hyphens)))
}

/// Has the connector read a request again, after it or its settings were mended. What was handled
/// before is not handled twice.
#[utoipa::path(
    post, path = "/v1/inbound-failures/{id}/replay", tag = "channels",
    params(("id" = String, Path, description = "The request's id")),
    responses((status = 204, description = "It was read")),
    security(("key" = ["channels:write"]))
)]
async fn replay_inbound_failure(
    State(app): State<App>,
    caller: Caller,
    At(id): At<String>,
) -> Result<Response, Problem> {
    app.messaging
        .inbound()
        .replay(&caller.workspace, &id)
        .await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn no_byte_of_a_header_is_lost() {
        assert_eq!(text(&HeaderValue::from_bytes("é".as_bytes()).unwrap()), "é");
        assert_eq!(text(&HeaderValue::from_bytes(b"\xe9!").unwrap()), "é!");
    }
}
