//! `/v1/events`: what happened, from outside.

use crate::http::app::App;
use crate::http::auth::Caller;
use crate::http::extract::Json as Body;
use crate::http::idempotency::RequestKey;
use crate::http::problem::{Code, ErrorItem, Problem};
use crate::http::views::AcceptedBody;
use axum::extract::State;
use axum::http::StatusCode;
use axum::{Extension, Json};
use jackfield_engine::NewEvent;
use jackfield_store::records::Seen;
use jackfield_store::{Commit, bucket_in};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::collections::HashMap;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(send_event))
}

/// The longest name of an event.
const LONGEST_NAME: usize = 128;

/// Events that only the host itself raises: a caller cannot pretend that a provider said something.
const RESERVED: &[&str] = &[
    "message.",
    "contact.",
    "tag.",
    "list.",
    "conversation.",
    "comment.",
    "broadcast.",
    "queue.",
    "run.",
    "lifecycle.",
];

/// Events that a trigger makes for itself.
const OWN: &[&str] = &["schedule", "webhook", "shortcut", "click-to-chat"];

/// The contact of an event.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(untagged)]
enum EventContact {
    /// `phone:+33...` or `email:...` (an address that nobody has makes a contact), or an id.
    Reference(String),
    /// Fields, with `phone`, `email` or `id` among them: the contact is made or changed first.
    Fields(HashMap<String, Value>),
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct SendEvent {
    /// Lower-case words with full stops, such as `call.ended`.
    #[schema(max_length = 128, pattern = r"^[a-z0-9_-]+(\.[a-z0-9_-]+)*$")]
    name: String,
    /// The contact that it is about.
    contact: Option<EventContact>,
    /// Its data, an object; steps read it as `$...`, conditions by path.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    data: Option<Map<String, Value>>,
    /// The account that it happened in, for workflows with a scope of accounts: `data.account`.
    account: Option<String>,
}

/// Accepts an event: starts the workflows that it triggers and ends the waits that it matches.
///
/// All of it is durable when this answers. `skipped` says which workflows name the event and were
/// not started, and why. While too many runs of the workspace, or of a workflow that the event
/// starts, wait to begin, it is refused with 429 and nothing is done.
#[utoipa::path(
    post, path = "/v1/events", tag = "events",
    request_body = SendEvent,
    responses((status = 202, description = "The event is accepted", body = AcceptedBody)),
    security(("key" = ["events:write"]))
)]
async fn send_event(
    State(app): State<App>,
    caller: Caller,
    key: Option<Extension<RequestKey>>,
    Body(body): Body<SendEvent>,
) -> Result<(StatusCode, Json<AcceptedBody>), Problem> {
    check_name(&body.name)?;
    // Before a contact is made. Another host may have asked, so it is not enough that this one's
    // layers let the request in.
    app.engine.admit(&caller.workspace, None)?;
    if let Some(prefix) = RESERVED
        .iter()
        .find(|prefix| body.name.starts_with(**prefix))
    {
        return Err(invalid(
            "/name",
            format!("names that begin with `{prefix}` are the host's own; choose another"),
        ));
    }
    if OWN.contains(&body.name.as_str()) {
        return Err(invalid(
            "/name",
            format!(
                "`{}` is what triggers raise by themselves; choose another",
                body.name
            ),
        ));
    }
    let mut data = body.data.unwrap_or_default();
    if let Some(account) = body.account {
        if data.contains_key("account") {
            return Err(invalid(
                "/account",
                "is given in `data` already; give it once".to_owned(),
            ));
        }
        data.insert("account".to_owned(), account.into());
    }
    let contact = match body.contact {
        None => None,
        Some(contact) => Some(resolve(&app, &caller.workspace, contact).await?),
    };
    let bucket = match contact
        .as_deref()
        .and_then(|contact| bucket_in("ctc", contact))
    {
        Some(bucket) => bucket,
        // Without a contact, what is sent with one key goes to one bucket, so that its repetition
        // is seen there.
        None => match &key {
            Some(Extension(key)) => app.engine.bucket_of(&[&caller.workspace, &key.0]),
            None => app.engine.any_bucket(),
        },
    };
    let mut commit = Commit::of(bucket);
    if let Some(Extension(RequestKey(key))) = key {
        commit.insert(&Seen {
            bucket,
            workspace: caller.workspace.clone(),
            scope: "api".to_owned(),
            key,
            at: app.now(),
        });
    }
    let event = NewEvent {
        workspace: caller.workspace,
        name: body.name,
        contact: contact.clone(),
        subject: None,
        data: Value::Object(data),
        source: "api".to_owned(),
    };
    let lock = app.engine.lock(bucket).await?;
    let accepted = app
        .engine
        .accept_if_room(&lock, vec![event], commit)
        .await?;
    drop(lock);
    let event = accepted.events.into_iter().next().unwrap_or_default();
    Ok((StatusCode::ACCEPTED, Json(AcceptedBody::of(event, contact))))
}

/// Refuses what is no name of an event.
pub(super) fn check_name(name: &str) -> Result<(), Problem> {
    let good = (1..=LONGEST_NAME).contains(&name.len())
        && name.split('.').all(|word| {
            !word.is_empty()
                && word.bytes().all(|byte| {
                    byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_".contains(&byte)
                })
        });
    if good {
        return Ok(());
    }
    Err(invalid(
        "/name",
        "an event's name is lower-case words with full stops between them, such as `call.ended`"
            .to_owned(),
    ))
}

fn invalid(path: &str, message: String) -> Problem {
    Problem::new(
        Code::Invalid,
        "The event cannot be accepted; nothing was changed.",
    )
    .with_errors([ErrorItem {
        path: path.to_owned(),
        message,
        ..ErrorItem::default()
    }])
}

/// The id of the contact that is meant, made or changed where the caller says so.
async fn resolve(app: &App, workspace: &str, contact: EventContact) -> Result<String, Problem> {
    let contacts = app.messaging.contacts();
    let (reference, fields) = match contact {
        EventContact::Reference(text) => {
            // An event about somebody who is known changes nothing of the contact.
            match contacts.id_of(workspace, &text).await {
                Ok(id) => return Ok(id),
                Err(error) if error.kind != jackfield_messaging::ErrorKind::NotFound => {
                    return Err(error.into());
                }
                Err(_) => (text, json!({})),
            }
        }
        EventContact::Fields(fields) => {
            let mut fields: Map<String, Value> = fields.into_iter().collect();
            (reference(&mut fields)?, Value::Object(fields))
        }
    };
    let (contact, _) = contacts.upsert(workspace, &reference, &fields).await?;
    match contact.get("id").and_then(Value::as_str) {
        Some(id) => Ok(id.to_owned()),
        None => Err(Problem::internal("a contact without an id")),
    }
}

/// By which field the contact is found: its id, its telephone number or its mail address.
fn reference(fields: &mut Map<String, Value>) -> Result<String, Problem> {
    if let Some(Value::String(id)) = fields.remove("id") {
        return Ok(format!("id:{id}"));
    }
    for kind in ["phone", "email"] {
        if let Some(Value::String(value)) = fields.get(kind) {
            return Ok(format!("{kind}:{value}"));
        }
    }
    Err(invalid(
        "/contact",
        "must have `id`, `phone` or `email`".to_owned(),
    ))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn an_events_name_is_words_with_full_stops() {
        for name in ["call.ended", "order-paid", "a.b_c.d2"] {
            check_name(name).unwrap();
        }
        for name in [
            "",
            ".",
            "call..ended",
            "Call.Ended",
            "call ended",
            "é",
            &"a".repeat(129),
        ] {
            assert_eq!(
                check_name(name).unwrap_err().code(),
                Code::Invalid,
                "{name}"
            );
        }
    }

    #[test]
    fn a_contact_is_found_by_id_before_phone_before_email() {
        let mut fields = Map::from_iter([
            ("email".to_owned(), json!("a@b.example")),
            ("phone".to_owned(), json!("+33612345678")),
        ]);
        assert_eq!(reference(&mut fields).unwrap(), "phone:+33612345678");
        fields.insert("id".to_owned(), json!("ctc_1"));
        assert_eq!(reference(&mut fields).unwrap(), "id:ctc_1");
        assert!(!fields.contains_key("id"));
        assert!(reference(&mut Map::new()).is_err());
    }
}
