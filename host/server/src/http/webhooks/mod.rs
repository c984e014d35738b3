//! Webhooks: requests to the address of a workflow, and what becomes of them.
//!
//! A request is judged where it arrives: the address, from where it comes, its signature, its body.
//! What is left is a *delivery*, which is carried out by whoever owns the contact's bucket. What
//! must hold: nothing that was not judged leaves this file; what was acknowledged is durable; a
//! delivery that is repeated, with the same key or after a take-over, starts nothing again.

mod body;
mod proof;

use super::app::App;
use super::extract::Raw;
use super::idempotency::{self, KEPT, REPLAYED};
use super::problem::{Code, ErrorItem, Problem};
use crate::listener::Peer;
use async_trait::async_trait;
use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use jackfield_engine::document::Webhook;
use jackfield_engine::document::trigger::{self, By, Identifier};
use jackfield_engine::{AskError, HookView, NewEvent, Worker};
use jackfield_messaging::ErrorKind;
use jackfield_sandbox::Account;
use jackfield_store::records::Idempotency;
use jackfield_store::{Commit, Query, StoreExt as _, bucket_in};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use std::time::Duration;

/// The kind of parcels that carry deliveries.
pub(crate) const WEBHOOK: &str = "webhook";

/// How long an owner is waited for: longer than a take-over.
const PATIENCE: Duration = Duration::from_secs(20);

/// A request that was found good.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Delivery {
    workspace: String,
    workflow: String,
    /// Which of the workflow's triggers.
    place: usize,
    contact: Option<Whom>,
    data: Value,
    key: Option<Key>,
}

/// Whom it is about.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Whom {
    /// `email:…`, `phone:…` or `id:…`.
    reference: String,
    create: bool,
}

/// What makes it known again.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Key {
    key: String,
    /// Of the body.
    fingerprint: String,
}

/// What became of it.
#[derive(Debug, Serialize, Deserialize)]
struct Taken {
    event_id: String,
    /// It was carried out before.
    again: bool,
}

/// Takes a request to the address of a workflow.
pub(super) async fn receive(
    app: &App,
    token: &str,
    method: &Method,
    headers: &HeaderMap,
    peer: Option<Peer>,
    raw: &Raw,
) -> Result<Response, Problem> {
    let nobody = || Problem::new(Code::NotFound, "There is no webhook at this address.");
    let hook = app.engine.workflows().by_token(token).await?;
    let hook = hook.ok_or_else(nobody)?;
    if method != Method::POST {
        let detail = "A webhook takes POST alone.";
        return Err(Problem::new(Code::MethodNotAllowed, detail).allow("POST"));
    }
    if !hook.webhook.allows(peer.map(|Peer(address)| address)) {
        return Err(Problem::new(
            Code::AddressNotAllowed,
            "The workflow takes no requests from this address (`allow-from`).",
        ));
    }
    if let Some(signature) = &hook.webhook.signature {
        proof::check(app, &hook.workspace, signature, headers, &raw.bytes).await?;
    }
    let body = body::read(raw)?;
    let key = idempotency::key_of(headers)?.map(|key| Key {
        key,
        fingerprint: hex::encode(Sha256::digest(&raw.bytes)),
    });
    let delivery = delivery(&hook, &body, key)?;
    let taken = match deliver(app, &delivery).await {
        Err(problem) => match problem.elsewhere() {
            Some(bucket) => ask(app, bucket, &delivery).await?,
            None => return Err(problem),
        },
        Ok(taken) => taken,
    };
    Ok(answer(&hook.webhook, &taken))
}

fn delivery(hook: &HookView, body: &Value, key: Option<Key>) -> Result<Delivery, Problem> {
    let webhook = &hook.webhook;
    let contact = match &webhook.contact {
        Some(contact) => Some(Whom {
            reference: reference(contact, body)?,
            create: webhook.create_contact,
        }),
        None => None,
    };
    Ok(Delivery {
        workspace: hook.workspace.clone(),
        workflow: hook.workflow.clone(),
        place: hook.place,
        contact,
        data: json!({"webhook": {"body": body, "variables": webhook.take(body)}}),
        key,
    })
}

/// Whom a body is about.
fn reference(contact: &Identifier, body: &Value) -> Result<String, Problem> {
    let found = contact.path.find(body);
    let text = match found {
        Some(Value::String(text)) if !text.trim().is_empty() => Some(text.trim().to_owned()),
        Some(Value::Number(number)) if contact.by != By::Email => Some(number.to_string()),
        _ => None,
    };
    let Some(text) = text else {
        let wanted = match contact.by {
            By::Id => "the id of a contact",
            By::Email => "a mail address",
            By::Phone => "a telephone number",
        };
        let message = format!("there must be {wanted} at `{}`", contact.path);
        return Err(invalid([message]));
    };
    Ok(format!("{}:{text}", contact.by.name()))
}

/// The body is not what the workflow takes.
fn invalid(messages: impl IntoIterator<Item = String>) -> Problem {
    let detail = "The request is not what the workflow takes; nothing was changed.";
    let items = messages.into_iter().map(|message| ErrorItem {
        message,
        ..ErrorItem::default()
    });
    Problem::new(Code::Invalid, detail).with_errors(items)
}

/// Carries a delivery out where its bucket is at home.
async fn deliver(app: &App, delivery: &Delivery) -> Result<Taken, Problem> {
    let workspace = delivery.workspace.as_str();
    // Before a contact is made.
    app.engine.admit(workspace, None)?;
    let contact = match &delivery.contact {
        Some(whom) => Some(resolve(app, workspace, whom).await?),
        None => None,
    };
    let bucket = match (&contact, &delivery.key) {
        (Some(contact), _) => bucket_in("ctc", contact)
            .ok_or_else(|| Problem::internal("a contact's id without its bucket"))?,
        // A repetition is to find what the first time wrote.
        (None, Some(Key { key, .. })) => {
            app.engine.bucket_of(&[workspace, &delivery.workflow, key])
        }
        (None, None) => app.engine.any_bucket(),
    };
    let lock = app.engine.lock(bucket).await?;
    let id = app.engine.new_id("evt", bucket);
    let mut commit = Commit::of(bucket);
    if let Some(key) = &delivery.key {
        let row = Idempotency {
            bucket,
            workspace: workspace.to_owned(),
            // A space, which no key of the API has.
            key: format!("webhook {} {}", delivery.workflow, key.key),
            fingerprint: key.fingerprint.clone(),
            answer: json!({"event_id": id}),
            at: app.now(),
        };
        if let Some(event_id) = known(app, &row).await? {
            return Ok(Taken {
                event_id,
                again: true,
            });
        }
        commit.put(&row);
    }
    let event = NewEvent {
        workspace: workspace.to_owned(),
        name: trigger::WEBHOOK.to_owned(),
        contact,
        subject: Some(trigger::aim(&delivery.workflow, delivery.place)),
        data: delivery.data.clone(),
        source: "webhook".to_owned(),
    };
    app.engine
        .accept_as(&lock, id.clone(), event, commit)
        .await?;
    drop(lock);
    Ok(Taken {
        event_id: id,
        again: false,
    })
}

/// The event that a request with this key made before, if it did within a day.
async fn known(app: &App, row: &Idempotency) -> Result<Option<String>, Problem> {
    let query = Query::<Idempotency>::of(row.bucket)
        .equal("workspace", row.workspace.as_str())
        .equal("key", row.key.as_str());
    let found = app.engine.store().first(query).await?;
    let Some(found) = found.filter(|found| found.at + KEPT > row.at) else {
        return Ok(None);
    };
    if found.fingerprint != row.fingerprint {
        return Err(Problem::new(
            Code::IdempotencyKeyReused,
            "This Idempotency-Key was sent with another body before. Use a new key for it.",
        ));
    }
    let id = found.answer["event_id"].as_str();
    Ok(id.map(str::to_owned))
}

async fn resolve(app: &App, workspace: &str, whom: &Whom) -> Result<String, Problem> {
    let contacts = app.messaging.contacts();
    let error = match contacts.id_of(workspace, &whom.reference).await {
        Ok(id) => return Ok(id),
        Err(error) => error,
    };
    if error.kind != ErrorKind::NotFound {
        return Err(error.into());
    }
    if !whom.create {
        let detail = format!(
            "There is no contact `{}`, and the workflow makes none (`create-contact`).",
            whom.reference
        );
        return Err(Problem::new(Code::NotFound, detail));
    }
    let (contact, _) = contacts
        .upsert(workspace, &whom.reference, &json!({}))
        .await?;
    match contact.get("id").and_then(Value::as_str) {
        Some(id) => Ok(id.to_owned()),
        None => Err(Problem::internal("a contact without an id")),
    }
}

/// What the sender is answered.
fn answer(webhook: &Webhook, taken: &Taken) -> Response {
    let mut response = match &webhook.reply {
        Some(reply) => {
            let mut response = Response::new(Body::from(reply.body.clone()));
            *response.status_mut() = StatusCode::from_u16(reply.status).unwrap_or(StatusCode::OK);
            if let Ok(kind) = HeaderValue::from_str(&reply.content_type) {
                response.headers_mut().insert(header::CONTENT_TYPE, kind);
            }
            response
        }
        None => {
            let body = axum::Json(json!({"event_id": taken.event_id}));
            (StatusCode::ACCEPTED, body).into_response()
        }
    };
    if taken.again {
        let replayed = HeaderValue::from_static("true");
        response.headers_mut().insert(REPLAYED, replayed);
    }
    response
}

/// Has the owner of a bucket carry a delivery out.
async fn ask(app: &App, bucket: i32, delivery: &Delivery) -> Result<Taken, Problem> {
    let mut delivery = delivery.clone();
    // A parcel may be done twice, so it always has a key.
    delivery.key.get_or_insert_with(|| Key {
        key: format!("forwarded {}", uuid::Uuid::now_v7().simple()),
        fingerprint: String::new(),
    });
    let parcel = serde_json::to_value(delivery).map_err(Problem::internal)?;
    let answer = match app.engine.ask(bucket, WEBHOOK, parcel, PATIENCE).await {
        Ok(answer) => answer,
        Err(AskError::NoAnswer { .. }) => {
            let detail = "The host that has this contact does not answer. What the request starts \
                          may still start: send it again with an Idempotency-Key.";
            return Err(Problem::new(Code::Unavailable, detail).retry_after(5));
        }
        Err(AskError::Read(error)) => return Err(error.into()),
        Err(AskError::Commit(error)) => return Err(error.into()),
    };
    match serde_json::from_value(answer).map_err(Problem::internal)? {
        Answered::Taken(taken) => Ok(taken),
        Answered::Refused {
            code,
            detail,
            errors,
            retry,
        } => {
            let code = Code::ALL.iter().find(|one| one.as_str() == code);
            let code = code.copied().unwrap_or(Code::Internal);
            let problem = Problem::new(code, detail).with_errors(errors);
            Err(match retry {
                Some(seconds) => problem.retry_after(seconds),
                None => problem,
            })
        }
    }
}

/// What an owner answers.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Answered {
    Taken(Taken),
    Refused {
        code: String,
        detail: String,
        errors: Vec<ErrorItem>,
        retry: Option<u64>,
    },
}

/// Carries out deliveries that other hosts hand on.
pub(crate) struct Deliveries(pub(crate) App);

#[async_trait]
impl Worker for Deliveries {
    fn account(&self, body: &Value) -> Account {
        let word = |name: &str| body[name].as_str().unwrap_or("/");
        Account::new(word("workspace"), word("workflow"))
    }

    async fn work(&self, body: Value) -> Option<Value> {
        let done = match serde_json::from_value::<Delivery>(body) {
            Ok(delivery) => deliver(&self.0, &delivery).await,
            // A host of another version.
            Err(error) => Err(Problem::internal(error)),
        };
        let answered = match done {
            Ok(taken) => Answered::Taken(taken),
            Err(problem) if problem.elsewhere().is_some() => return None,
            Err(problem) => {
                let body = problem.body(None);
                Answered::Refused {
                    code: body.code,
                    detail: body.detail,
                    errors: body.errors,
                    retry: problem.wait(),
                }
            }
        };
        serde_json::to_value(answered).ok()
    }
}
