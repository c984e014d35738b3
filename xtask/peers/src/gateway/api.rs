//! The requests that the gateway answers: `Messages.json`, `Messages/{sid}.json`, the account (which
//! tells whether credentials are good) and `IncomingPhoneNumbers` (where a connector registers its
//! webhook).

use super::{Delivery, Shared, Sms, new_sid, refusal, segments, webhooks};
use axum::body::Bytes;
use axum::extract::{Path, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;
use url::form_urlencoded;

/// The longest text that one request may carry, in characters (error 21617).
const LONGEST_BODY: usize = 1600;

/// The most media of one message.
const MOST_MEDIA: usize = 10;

/// The gateway's routes, every one behind authentication.
pub(super) fn router(state: Arc<Shared>) -> Router {
    Router::new()
        .route("/2010-04-01/Accounts/{account}", get(account))
        .route(
            "/2010-04-01/Accounts/{account}/Messages.json",
            get(list).post(create),
        )
        .route(
            "/2010-04-01/Accounts/{account}/Messages/{message}",
            get(message),
        )
        .route(
            "/2010-04-01/Accounts/{account}/IncomingPhoneNumbers.json",
            get(numbers),
        )
        .route(
            "/2010-04-01/Accounts/{account}/IncomingPhoneNumbers/{number}",
            get(number).post(update_number),
        )
        .fallback(|| async { refusal::answer(20404, "", "") })
        .layer(middleware::from_fn_with_state(
            Arc::clone(&state),
            authenticate,
        ))
        .with_state(state)
}

async fn authenticate(State(state): State<Arc<Shared>>, request: Request, next: Next) -> Response {
    if !is_authentic(&state, request.headers()) {
        return refusal::answer(20003, "", "");
    }
    let prefix = "/2010-04-01/Accounts/";
    let rest = request
        .uri()
        .path()
        .strip_prefix(prefix)
        .unwrap_or_default();
    let account = rest.split(['/', '.']).next().unwrap_or_default();
    if account != state.account_sid {
        return refusal::answer(20404, "", "");
    }
    next.run(request).await
}

fn is_authentic(state: &Shared, headers: &HeaderMap) -> bool {
    let expected = STANDARD.encode(format!("{}:{}", state.account_sid, state.auth_token));
    headers
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok()?.strip_prefix("Basic "))
        .is_some_and(|given| given == expected)
}

async fn account(State(state): State<Arc<Shared>>) -> Json<Value> {
    let sid = &state.account_sid;
    Json(json!({
        "sid": sid, "friendly_name": "Loopback", "status": "active", "type": "Full",
        "uri": format!("/2010-04-01/Accounts/{sid}.json"),
    }))
}

async fn create(State(state): State<Arc<Shared>>, body: Bytes) -> Response {
    let parameters: Vec<(String, String)> = form_urlencoded::parse(&body).into_owned().collect();
    let (message, delivery) = match accept(&state, parameters) {
        Ok(accepted) => accepted,
        Err(refused) => return *refused,
    };
    state.messages.push(message.clone());
    let answer = (StatusCode::CREATED, Json(described(&state, &message))).into_response();
    tokio::spawn(async move { webhooks::progress(&state, &message, delivery).await });
    answer
}

/// Judges a request as Twilio does, the first fault deciding.
fn accept(
    state: &Shared,
    parameters: Vec<(String, String)>,
) -> Result<(Sms, Delivery), Box<Response>> {
    let first = |name: &str| {
        let found = parameters
            .iter()
            .find(|(other, value)| other == name && !value.is_empty());
        found.map(|(_, value)| value.clone())
    };
    let to = first("To").unwrap_or_default();
    let service = first("MessagingServiceSid");
    let from = first("From")
        .or_else(|| service.clone())
        .unwrap_or_default();
    let body = first("Body").unwrap_or_default();
    let media: Vec<String> = parameters
        .iter()
        .filter(|(name, _)| name == "MediaUrl")
        .map(|(_, value)| value.clone())
        .take(MOST_MEDIA)
        .collect();
    let refuse = |code| Err(Box::new(refusal::answer(code, &to, &from)));

    let mut desk = state.desk();
    if let Some(code) = desk.refuse_next.pop_front() {
        return refuse(code);
    }
    if to.is_empty() {
        return refuse(21604);
    }
    if from.is_empty() {
        return refuse(21603);
    }
    if let Some(code) = refusal::magic(&to, &from) {
        return refuse(code);
    }
    if !is_number(&to) {
        return refuse(21211);
    }
    if service.is_none() && !is_number(&from) && !is_sender_name(&from) {
        return refuse(21212);
    }
    if body.is_empty() && media.is_empty() && first("ContentSid").is_none() {
        return refuse(21602);
    }
    if body.chars().count() > LONGEST_BODY {
        return refuse(21617);
    }
    if desk.stopped.contains(&(from.clone(), to.clone())) {
        return refuse(21610);
    }
    let delivery = desk.deliveries.get(&to).copied().unwrap_or_default();
    let message = Sms {
        sid: new_sid(if media.is_empty() { "SM" } else { "MM" }),
        segments: segments::count(&body),
        status_callback: first("StatusCallback"),
        status: "queued".to_owned(),
        error_code: None,
        from,
        to,
        body,
        media,
        parameters,
    };
    Ok((message, delivery))
}

/// A number in E.164, with the prefix of another channel or without.
fn is_number(text: &str) -> bool {
    let number = text.strip_prefix("whatsapp:").unwrap_or(text);
    number.strip_prefix('+').is_some_and(|digits| {
        (7..=15).contains(&digits.len())
            && digits.chars().all(|digit| digit.is_ascii_digit())
            && !digits.starts_with('0')
    })
}

/// A short code, or a sender's name: up to 11 letters, digits and spaces.
fn is_sender_name(text: &str) -> bool {
    (3..=11).contains(&text.len())
        && text
            .chars()
            .all(|character| character.is_ascii_alphanumeric() || character == ' ')
}

async fn message(
    State(state): State<Arc<Shared>>,
    Path((_, file)): Path<(String, String)>,
) -> Response {
    let sid = file.trim_end_matches(".json");
    match state
        .messages
        .all()
        .iter()
        .find(|message| message.sid == sid)
    {
        Some(message) => Json(described(&state, message)).into_response(),
        None => refusal::answer(20404, "", ""),
    }
}

async fn list(State(state): State<Arc<Shared>>) -> Json<Value> {
    let messages: Vec<Value> = state
        .messages
        .all()
        .iter()
        .rev()
        .map(|message| described(&state, message))
        .collect();
    Json(json!({"messages": messages, "page": 0, "page_size": 50, "next_page_uri": null}))
}

/// A message as the API shows it. Numbers of things are text, as Twilio has them.
fn described(state: &Shared, message: &Sms) -> Value {
    let uri = format!(
        "/2010-04-01/Accounts/{}/Messages/{}",
        state.account_sid, message.sid
    );
    let service = message
        .parameters
        .iter()
        .find(|(name, _)| name == "MessagingServiceSid");
    let now = webhooks::now();
    json!({
        "account_sid": state.account_sid,
        "api_version": "2010-04-01",
        "body": message.body,
        "date_created": now,
        "date_sent": if message.status == "queued" { Value::Null } else { Value::from(now.clone()) },
        "date_updated": now,
        "direction": "outbound-api",
        "error_code": message.error_code,
        "error_message": null,
        "from": message.from,
        "messaging_service_sid": service.map(|(_, sid)| sid),
        "num_media": message.media.len().to_string(),
        "num_segments": message.segments.to_string(),
        "price": null,
        "price_unit": "USD",
        "sid": message.sid,
        "status": message.status,
        "subresource_uris": {"media": format!("{uri}/Media.json")},
        "to": message.to,
        "uri": format!("{uri}.json"),
    })
}

async fn numbers(State(state): State<Arc<Shared>>, request: Request) -> Json<Value> {
    let query = request.uri().query().unwrap_or_default();
    let query: BTreeMap<String, String> = form_urlencoded::parse(query.as_bytes())
        .into_owned()
        .collect();
    let wanted = query.get("PhoneNumber");
    let found: Vec<Value> = state
        .desk()
        .numbers
        .iter()
        .filter(|(number, _)| wanted.is_none_or(|wanted| wanted == *number))
        .map(|(number, owned)| described_number(&state, number, owned))
        .collect();
    Json(
        json!({"incoming_phone_numbers": found, "page": 0, "page_size": 50, "next_page_uri": null}),
    )
}

async fn number(state: State<Arc<Shared>>, path: Path<(String, String)>) -> Response {
    update_number(state, path, Bytes::new()).await
}

async fn update_number(
    State(state): State<Arc<Shared>>,
    Path((_, file)): Path<(String, String)>,
    body: Bytes,
) -> Response {
    let sid = file.trim_end_matches(".json");
    let mut desk = state.desk();
    let Some((number, owned)) = desk.numbers.iter_mut().find(|(_, owned)| owned.sid == sid) else {
        return refusal::answer(20404, "", "");
    };
    for (name, value) in form_urlencoded::parse(&body) {
        if name == "SmsUrl" {
            owned.webhook = (!value.is_empty()).then(|| value.into_owned());
        }
    }
    Json(described_number(&state, number, owned)).into_response()
}

fn described_number(state: &Shared, number: &str, owned: &super::Number) -> Value {
    json!({
        "account_sid": state.account_sid,
        "capabilities": {"sms": true, "mms": true, "voice": false},
        "friendly_name": number,
        "phone_number": number,
        "sid": owned.sid,
        "sms_method": "POST",
        "sms_url": owned.webhook.clone().unwrap_or_default(),
        "uri": format!("/2010-04-01/Accounts/{}/IncomingPhoneNumbers/{}.json", state.account_sid, owned.sid),
    })
}
