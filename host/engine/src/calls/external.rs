//! Calls that reach the outside: between the contract's types and egress.

use crate::calls::refused;
use jackfield_egress::{
    Attachment, Caller, Egress, Error, HttpRequest, Mail, MailServer, MailTls, Secrets,
};
use jackfield_sandbox::wit::{CallError, email, http};
use jackfield_sandbox::{HostCall, HostReply};
use std::time::Duration;
use uuid::Uuid;

/// The longest exchange that a plugin may ask for.
const MAX_TIMEOUT: u32 = 120_000;

/// Does an external call; none where the call is not one. `key` is the call's idempotency key.
pub(crate) async fn perform(
    call: &HostCall,
    key: &str,
    egress: &Egress,
    caller: &Caller,
    secrets: &dyn Secrets,
) -> Option<HostReply> {
    Some(match call {
        HostCall::HttpFetch { request } => {
            HostReply::Response(fetch(request, key, egress, caller, secrets).await)
        }
        HostCall::EmailSend { server, mail } => {
            HostReply::Accepted(send(server, mail, egress, caller, secrets).await)
        }
        HostCall::EmailCheck { server } => HostReply::Text(
            egress
                .email_check(caller, mail_server(server), secrets)
                .await
                .map_err(error),
        ),
        _ => return None,
    })
}

/// Why a call would not leave under this grant; none for one that would, or that does not leave.
pub(crate) async fn judge(
    call: &HostCall,
    egress: &Egress,
    caller: &Caller,
    secrets: &dyn Secrets,
) -> Option<CallError> {
    let judged = match call {
        HostCall::HttpFetch { request } => {
            let request = http_request(request, "key");
            egress.judge_http(caller, request, secrets).await
        }
        HostCall::EmailSend { server, .. } | HostCall::EmailCheck { server } => {
            egress.judge_email(caller, &mail_server(server))
        }
        _ => return None,
    };
    judged.err().map(error)
}

/// What an external call does, for people: no path, no query, nothing that could be a secret.
pub(crate) fn summary(call: &HostCall) -> String {
    match call {
        HostCall::HttpFetch { request } => {
            let host = url::Url::parse(&request.url)
                .ok()
                .map(|url| url.origin().ascii_serialization())
                .unwrap_or_else(|| "an address that cannot be read".to_owned());
            format!("{} {host}", request.method)
        }
        HostCall::EmailSend { server, .. } | HostCall::EmailCheck { server } => {
            format!("smtp://{}:{}", server.host, server.port)
        }
        HostCall::ContactsUpdate { field, .. } => field.clone(),
        HostCall::VariablesSet { name, .. } => name.clone(),
        HostCall::TemplatesRender { name, .. } | HostCall::MessagesChannel { name } => name.clone(),
        HostCall::ListsAdd { list } | HostCall::ListsRemove { list } => list.clone(),
        HostCall::TablesAppend { table, .. } => table.clone(),
        HostCall::FilesRead { name } => name.clone(),
        HostCall::WorkflowsStart { workflow, .. } => workflow.clone(),
        _ => String::new(),
    }
}

/// The idempotency key of a call, as a UUID: the same for every repetition of the same call.
pub(crate) fn key(words: &str) -> String {
    Uuid::new_v5(&Uuid::NAMESPACE_OID, words.as_bytes()).to_string()
}

fn http_request(request: &http::Request, key: &str) -> HttpRequest {
    let mut headers = request.headers.clone();
    if let Some(name) = &request.idempotency_header {
        headers.retain(|(held, _)| !held.eq_ignore_ascii_case(name));
        headers.push((name.clone(), key.to_owned()));
    }
    HttpRequest {
        method: request.method.clone(),
        url: request.url.clone(),
        headers,
        basic_auth: request
            .basic_auth
            .as_ref()
            .map(|auth| (auth.username.clone(), auth.password.clone())),
        body: request.body.clone().map(Into::into),
        timeout: request.timeout.map(timeout),
        max_redirects: request.max_redirects,
    }
}

async fn fetch(
    request: &http::Request,
    key: &str,
    egress: &Egress,
    caller: &Caller,
    secrets: &dyn Secrets,
) -> Result<http::Response, CallError> {
    let request = http_request(request, key);
    let response = egress.http(caller, request, secrets).await.map_err(error)?;
    Ok(http::Response {
        status: response.status,
        headers: response.headers,
        body: response.body.to_vec(),
        url: response.url,
    })
}

fn timeout(milliseconds: u32) -> Duration {
    Duration::from_millis(u64::from(milliseconds.min(MAX_TIMEOUT)))
}

fn mail_server(server: &email::Server) -> MailServer {
    MailServer {
        host: server.host.clone(),
        port: server.port,
        tls: match server.tls {
            email::Tls::Implicit => MailTls::Implicit,
            email::Tls::Starttls => MailTls::StartTls,
            email::Tls::None => MailTls::None,
        },
        username: server.auth.as_ref().map(|auth| auth.username.clone()),
        password: server.auth.as_ref().map(|auth| auth.password.clone()),
        timeout: server.timeout.map(timeout),
        hello_name: None,
        authorities: None,
    }
}

async fn send(
    server: &email::Server,
    mail: &email::Mail,
    egress: &Egress,
    caller: &Caller,
    secrets: &dyn Secrets,
) -> Result<email::Accepted, CallError> {
    let mail = mail.clone();
    let mail = Mail {
        from: mail.from,
        to: mail.to,
        cc: mail.cc,
        bcc: mail.bcc,
        reply_to: mail.reply_to,
        subject: mail.subject,
        text: mail.text,
        html: mail.html,
        attachments: mail
            .attachments
            .into_iter()
            .map(|attachment| Attachment {
                name: attachment.name,
                content_type: attachment.content_type,
                content: attachment.content.into(),
            })
            .collect(),
        message_id: mail.message_id,
        in_reply_to: mail.in_reply_to,
        references: mail.references,
        headers: mail.headers,
        date: None,
    };
    let accepted = egress
        .email(caller, mail_server(server), mail, secrets)
        .await
        .map_err(error)?;
    Ok(email::Accepted {
        message_id: accepted.message_id,
        response: accepted.response,
        rejected: accepted
            .rejected
            .into_iter()
            .map(|rejection| email::Rejection {
                address: rejection.address,
                code: rejection.code,
                enhanced: rejection.enhanced,
                text: rejection.text,
            })
            .collect(),
    })
}

fn error(error: Error) -> CallError {
    CallError {
        grant: error.grant(),
        transient: error.transient(),
        maybe_sent: error.maybe_sent(),
        detail: error.detail().map(|detail| detail.to_string()),
        ..refused(error.code(), error.to_string())
    }
}
