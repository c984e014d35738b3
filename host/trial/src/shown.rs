//! Host calls, answers and outcomes as people read and write them in a case.

use crate::body::{Body, form, shown_headers};
use crate::case::{Refusal, Tell};
use jackfield_engine::rehearsal::Asked;
use jackfield_sandbox::wit::connector::{Receipt, Received};
use jackfield_sandbox::wit::{
    CallError, Failure, FailureClass, Outcome, Subscription, contacts, email, http,
};
use jackfield_sandbox::{Ended, HostCall, HostReply};
use serde::Deserialize;
use serde_json::{Map, Value, json};

/// The arguments of a call.
pub(crate) fn arguments(call: &HostCall) -> Value {
    match call {
        HostCall::HttpFetch { request } => request_of(request),
        HostCall::EmailSend { server, mail } => {
            json!({"server": server_of(server), "mail": mail_of(mail)})
        }
        HostCall::EmailCheck { server } => json!({"server": server_of(server)}),
        HostCall::VariablesSet { name, value } => json!({"name": name, "value": parsed(value)}),
        HostCall::ContactsUpdate {
            field,
            operation,
            value,
        } => json!({
            "field": field,
            "operation": match operation {
                contacts::Operation::Set => "set",
                contacts::Operation::Clear => "clear",
                contacts::Operation::Append => "append",
                contacts::Operation::Increment => "increment",
            },
            "value": parsed(value),
        }),
        HostCall::ContactsAddTags { tags } => json!(tags),
        HostCall::MessagesSend { message } => parsed(message),
        HostCall::ContactsRetag { change } => parsed(change),
        HostCall::ContactsOptOut { request } => parsed(request),
        HostCall::ConversationsClose { note } => parsed(note.as_deref().unwrap_or("null")),
        HostCall::ConversationsComment { text } => json!(text),
        HostCall::ConversationsAssign { request } => parsed(request),
        HostCall::ConversationsLeaveQueue { id } => json!(id),
        HostCall::ListsAdd { list } | HostCall::ListsRemove { list } => json!(list),
        HostCall::FilesRead { name } => json!(name),
        HostCall::TablesAppend { table, row } => json!({"table": table, "row": parsed(row)}),
        HostCall::WorkflowsStart { workflow, options } => {
            json!({"workflow": workflow, "options": parsed(options)})
        }
        // What is not listed is shown as the timeline has it.
        call => match serde_json::to_value(call) {
            Ok(Value::Object(map)) => map.into_iter().next().map(|(_, it)| it).unwrap_or_default(),
            _ => Value::Null,
        },
    }
}

/// The forms in which a case may want a request's body.
pub(crate) fn body_as(call: &HostCall, wanted: &str) -> Option<Value> {
    let HostCall::HttpFetch { request } = call else {
        return None;
    };
    let bytes = request.body.as_deref().unwrap_or_default();
    match wanted {
        "json" => serde_json::from_slice(bytes).ok(),
        "form" => Some(form(bytes).into()),
        "body" => std::str::from_utf8(bytes).ok().map(Value::from),
        _ => None,
    }
}

fn request_of(request: &http::Request) -> Value {
    let mut map = Map::new();
    map.insert("method".to_owned(), request.method.as_str().into());
    map.insert("url".to_owned(), request.url.as_str().into());
    if !request.headers.is_empty() {
        map.insert("headers".to_owned(), shown_headers(&request.headers).into());
    }
    if let Some(auth) = &request.basic_auth {
        map.insert(
            "basic-auth".to_owned(),
            json!({"username": auth.username, "password": auth.password}),
        );
    }
    if let Some(body) = &request.body {
        map.extend(Body::of(body));
    }
    some(&mut map, "timeout", request.timeout);
    some(&mut map, "max-redirects", request.max_redirects);
    some(
        &mut map,
        "idempotency-header",
        request.idempotency_header.as_deref(),
    );
    map.into()
}

fn server_of(server: &email::Server) -> Value {
    let mut map = Map::new();
    map.insert("host".to_owned(), server.host.as_str().into());
    map.insert("port".to_owned(), server.port.into());
    let tls = match server.tls {
        email::Tls::Implicit => "implicit",
        email::Tls::Starttls => "starttls",
        email::Tls::None => "none",
    };
    map.insert("tls".to_owned(), tls.into());
    if let Some(auth) = &server.auth {
        map.insert(
            "auth".to_owned(),
            json!({"username": auth.username, "password": auth.password}),
        );
    }
    some(&mut map, "timeout", server.timeout);
    map.into()
}

fn mail_of(mail: &email::Mail) -> Value {
    let mut map = Map::new();
    map.insert("from".to_owned(), mail.from.as_str().into());
    for (name, list) in [
        ("to", &mail.to),
        ("cc", &mail.cc),
        ("bcc", &mail.bcc),
        ("references", &mail.references),
    ] {
        if !list.is_empty() {
            map.insert(name.to_owned(), json!(list));
        }
    }
    map.insert("subject".to_owned(), mail.subject.as_str().into());
    some(&mut map, "reply-to", mail.reply_to.as_deref());
    some(&mut map, "text", mail.text.as_deref());
    some(&mut map, "html", mail.html.as_deref());
    some(&mut map, "message-id", mail.message_id.as_deref());
    some(&mut map, "in-reply-to", mail.in_reply_to.as_deref());
    if !mail.headers.is_empty() {
        map.insert("headers".to_owned(), shown_headers(&mail.headers).into());
    }
    if !mail.attachments.is_empty() {
        let attachments = mail.attachments.iter().map(|attachment| {
            let mut map = Body::of(&attachment.content);
            map.insert("name".to_owned(), attachment.name.as_str().into());
            map.insert(
                "content-type".to_owned(),
                attachment.content_type.as_str().into(),
            );
            Value::from(map)
        });
        map.insert("attachments".to_owned(), attachments.collect());
    }
    map.into()
}

/// A call with what it was told, as a case has it.
pub(crate) fn entry(asked: &Asked) -> Value {
    let mut map = Map::new();
    map.insert(asked.call.name().to_owned(), arguments(&asked.call));
    if let Some(error) = asked.reply.error() {
        map.insert("refuse".to_owned(), refusal(error));
    } else if let Some(answer) = answer(&asked.reply) {
        map.insert("answer".to_owned(), answer);
    }
    map.into()
}

fn refusal(error: &CallError) -> Value {
    let mut map = Map::new();
    map.insert("code".to_owned(), error.code.as_str().into());
    map.insert("message".to_owned(), error.message.as_str().into());
    some(&mut map, "grant", error.grant.as_deref());
    for (name, value) in [
        ("transient", error.transient),
        ("maybe-sent", error.maybe_sent),
    ] {
        if value {
            map.insert(name.to_owned(), true.into());
        }
    }
    some(&mut map, "detail", error.detail.as_deref().map(parsed));
    map.into()
}

/// What an answer says; none where there is nothing to say.
fn answer(reply: &HostReply) -> Option<Value> {
    match reply {
        HostReply::Response(Ok(response)) => {
            let mut map = Map::new();
            map.insert("status".to_owned(), response.status.into());
            if !response.headers.is_empty() {
                map.insert(
                    "headers".to_owned(),
                    shown_headers(&response.headers).into(),
                );
            }
            map.extend(Body::of(&response.body));
            Some(map.into())
        }
        HostReply::Accepted(Ok(accepted)) => Some(json!({
            "message-id": accepted.message_id,
            "response": accepted.response,
            "rejected": accepted.rejected.iter().map(|it| json!({
                "address": it.address, "code": it.code, "enhanced": it.enhanced, "text": it.text,
            })).collect::<Vec<_>>(),
        })),
        HostReply::Text(Ok(text)) => Some(parsed(text)),
        _ => None,
    }
}

/// The reply of a call that a case says.
///
/// # Errors
/// What is wrong with what the case says.
pub(crate) fn reply(call: &HostCall, tell: &Tell) -> Result<HostReply, String> {
    #[derive(Deserialize)]
    #[serde(rename_all = "kebab-case")]
    struct Response {
        #[serde(default = "ok")]
        status: u16,
        #[serde(default)]
        headers: Map<String, Value>,
        #[serde(default)]
        url: Option<String>,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "kebab-case")]
    struct Accepted {
        #[serde(default)]
        message_id: String,
        #[serde(default)]
        response: String,
        #[serde(default)]
        rejected: Vec<Rejected>,
    }
    #[derive(Deserialize)]
    struct Rejected {
        address: String,
        code: u16,
        #[serde(default)]
        enhanced: Option<String>,
        #[serde(default)]
        text: String,
    }
    fn ok() -> u16 {
        200
    }
    fn read<T: serde::de::DeserializeOwned>(value: &Value) -> Result<T, String> {
        serde_json::from_value(value.clone()).map_err(|error| format!("`answer`: {error}"))
    }
    let answer = match tell {
        Tell::Answer(answer) => answer,
        Tell::Refuse(refusal) => return Ok(call.refusal(error(refusal))),
    };
    Ok(match call {
        HostCall::HttpFetch { request } => {
            let response: Response = read(answer)?;
            let body: Body = read(answer)?;
            let mut headers = crate::body::headers(&response.headers);
            if body.json.is_some() && !headers.iter().any(|(name, _)| name == "content-type") {
                headers.push(("content-type".to_owned(), "application/json".to_owned()));
            }
            HostReply::Response(Ok(http::Response {
                status: response.status,
                headers,
                body: body.bytes()?,
                url: response.url.unwrap_or_else(|| request.url.clone()),
            }))
        }
        HostCall::FilesRead { .. } => {
            let text: String = read(answer)?;
            HostReply::Digest(Ok(text.into_bytes()))
        }
        HostCall::EmailSend { .. } => {
            let accepted: Accepted = read(answer)?;
            HostReply::Accepted(Ok(email::Accepted {
                message_id: accepted.message_id,
                response: accepted.response,
                rejected: accepted
                    .rejected
                    .into_iter()
                    .map(|it| email::Rejection {
                        address: it.address,
                        code: it.code,
                        enhanced: it.enhanced,
                        text: it.text,
                    })
                    .collect(),
            }))
        }
        HostCall::EmailCheck { .. } | HostCall::MessagesSend { .. } => {
            let text = answer.as_str().ok_or("`answer` is a text here")?;
            HostReply::Text(Ok(text.to_owned()))
        }
        HostCall::ContactsUpdate { .. } | HostCall::ConversationsAssign { .. } => {
            HostReply::Text(Ok(answer.to_string()))
        }
        call => return Err(format!("`{}` is told nothing but `refuse`", call.name())),
    })
}

fn error(refusal: &Refusal) -> CallError {
    CallError {
        code: refusal.code.clone(),
        message: if refusal.message.is_empty() {
            format!("the case says {}", refusal.code)
        } else {
            refusal.message.clone()
        },
        grant: refusal.grant.clone(),
        transient: refusal.transient,
        maybe_sent: refusal.maybe_sent,
        detail: refusal.detail.as_ref().map(Value::to_string),
    }
}

/// What a step said.
pub(crate) fn outcome(outcome: &Outcome) -> Value {
    match outcome {
        Outcome::Done(done) => {
            let mut map = Map::new();
            let branch = done.branch.as_deref().unwrap_or("success");
            map.insert("branch".to_owned(), branch.into());
            some(&mut map, "output", done.output.as_deref().map(parsed));
            json!({"done": map})
        }
        Outcome::Wait(wait) => {
            let mut map = Map::new();
            some(&mut map, "until", wait.until.map(time));
            if !wait.events.is_empty() {
                map.insert("events".to_owned(), wait.events.iter().map(event).collect());
            }
            map.insert("state".to_owned(), parsed(&wait.state));
            json!({"wait": map})
        }
        Outcome::Goto(step) => json!({"goto": step}),
        Outcome::End(reason) => json!({"end": reason}),
    }
}

fn event(subscription: &Subscription) -> Value {
    let mut map = Map::new();
    map.insert("event".to_owned(), subscription.event.as_str().into());
    some(&mut map, "subject", subscription.subject.as_deref());
    some(&mut map, "when", subscription.when.as_deref().map(parsed));
    if subscription.claim {
        map.insert("claim".to_owned(), true.into());
    }
    map.into()
}

/// Why there is no outcome, by the plugin's own word.
pub(crate) fn failure(failure: &Failure) -> Value {
    let class = match failure.class {
        FailureClass::Transient => "transient",
        FailureClass::Permanent => "permanent",
        FailureClass::InvalidConfig => "invalid-config",
        FailureClass::Blocked => "blocked",
    };
    let mut map = Map::new();
    map.insert("class".to_owned(), class.into());
    map.insert("code".to_owned(), failure.code.as_str().into());
    map.insert("message".to_owned(), failure.message.as_str().into());
    some(&mut map, "retry-after", failure.retry_after);
    if failure.maybe_sent {
        map.insert("maybe-sent".to_owned(), true.into());
    }
    json!({"failure": map})
}

/// Why there is no outcome: the activation was ended.
pub(crate) fn ended(ended: &Ended) -> Value {
    json!({"ended": {"code": ended.code(), "message": ended.failure().message}})
}

/// What a connector's `check` and `connect` said.
pub(crate) fn told(text: &str) -> Value {
    json!({"answer": parsed(text)})
}

/// What a provider said of a message.
pub(crate) fn receipt(receipt: &Receipt) -> Value {
    let mut map = Map::new();
    map.insert(
        "provider-id".to_owned(),
        receipt.provider_id.as_str().into(),
    );
    map.insert("status".to_owned(), receipt.status.as_str().into());
    some(&mut map, "detail", receipt.detail.as_deref().map(parsed));
    json!({"receipt": map})
}

/// What a provider's request said, and the answer to it.
pub(crate) fn received(received: &Received) -> Value {
    let mut map = Map::new();
    map.insert("status".to_owned(), received.status.into());
    if !received.headers.is_empty() {
        map.insert(
            "headers".to_owned(),
            shown_headers(&received.headers).into(),
        );
    }
    map.extend(Body::of(&received.body));
    map.insert("events".to_owned(), parsed(&received.events));
    json!({"received": map})
}

/// Milliseconds since 1970 as RFC 3339.
pub(crate) fn time(milliseconds: u64) -> Value {
    let instant = i64::try_from(milliseconds)
        .ok()
        .and_then(|it| jiff::Timestamp::from_millisecond(it).ok());
    instant.map_or_else(|| milliseconds.into(), |it| it.to_string().into())
}

/// JSON text as its value; what is none stays a text, so that it can be seen.
pub(crate) fn parsed(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|_| text.into())
}

fn some<T: Into<Value>>(map: &mut Map<String, Value>, name: &str, value: Option<T>) {
    if let Some(value) = value {
        map.insert(name.to_owned(), value.into());
    }
}
