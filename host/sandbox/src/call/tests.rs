//! The vocabulary against the WIT: no function without a variant, no effect class that differs
//! from the doc comment; and the JSON form of calls and replies.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;

use super::*;
use crate::wit::email::{Accepted, Attachment, Mail, Server, Tls};

fn request(method: &str, idempotency_header: Option<&str>) -> HostCall {
    HostCall::HttpFetch {
        request: http::Request {
            method: method.to_owned(),
            url: "https://example.com/".to_owned(),
            headers: vec![("accept".to_owned(), "*/*".to_owned())],
            basic_auth: None,
            body: Some(vec![0xff, 0x00]),
            timeout: None,
            max_redirects: None,
            idempotency_header: idempotency_header.map(str::to_owned),
        },
    }
}

fn server() -> Server {
    Server {
        host: "mail.example.com".to_owned(),
        port: 465,
        tls: Tls::Implicit,
        auth: None,
        timeout: None,
    }
}

/// One of each.
fn every() -> Vec<HostCall> {
    let text = || "text".to_owned();
    vec![
        HostCall::ClockNow,
        HostCall::ClockParse { text: text() },
        HostCall::ClockDuration { text: text() },
        HostCall::ClockNextOpen {
            hours: text(),
            after: 1,
        },
        HostCall::RandomBytes { length: 1 },
        request("GET", None),
        HostCall::EmailSend {
            server: server(),
            mail: Box::new(Mail {
                from: text(),
                to: vec![text()],
                cc: vec![],
                bcc: vec![],
                reply_to: None,
                subject: text(),
                text: Some(text()),
                html: None,
                attachments: vec![Attachment {
                    name: text(),
                    content_type: text(),
                    content: vec![0xff],
                }],
                message_id: None,
                in_reply_to: None,
                references: vec![],
                headers: vec![],
            }),
        },
        HostCall::EmailCheck { server: server() },
        HostCall::CryptoHash {
            algorithm: crypto::Algorithm::Sha1,
            data: b"data".to_vec(),
        },
        HostCall::CryptoHmac {
            algorithm: crypto::Algorithm::Sha256,
            secret: text(),
            data: vec![1],
        },
        HostCall::CryptoVerify {
            algorithm: crypto::Algorithm::Sha512,
            secret: text(),
            data: vec![],
            signature: vec![0xfe],
        },
        HostCall::CryptoEqual {
            secret: text(),
            candidate: vec![],
        },
        HostCall::CryptoSign {
            algorithm: "rs256".to_owned(),
            secret: text(),
            data: vec![1],
        },
        HostCall::TemplatesRender {
            name: text(),
            values: None,
        },
        HostCall::ConditionsEvaluate { condition: text() },
        HostCall::VariablesGet { path: text() },
        HostCall::VariablesSet {
            name: text(),
            value: text(),
        },
        HostCall::ContactsGet,
        HostCall::ContactsUpdate {
            field: text(),
            operation: contacts::Operation::Append,
            value: text(),
        },
        HostCall::ContactsAddTags { tags: vec![text()] },
        HostCall::MessagesChannel { name: text() },
        HostCall::MessagesSend { message: text() },
        HostCall::ContactsRetag { change: text() },
        HostCall::ContactsOptOut { request: text() },
        HostCall::ConversationsGet,
        HostCall::ConversationsOpen,
        HostCall::ConversationsClose { note: Some(text()) },
        HostCall::ConversationsComment { text: text() },
        HostCall::ConversationsAssign { request: text() },
        HostCall::ConversationsLeaveQueue { id: text() },
        HostCall::ListsAdd { list: text() },
        HostCall::ListsRemove { list: text() },
        HostCall::TablesAppend {
            table: text(),
            row: text(),
        },
        HostCall::FilesRead { name: text() },
        HostCall::WorkflowsStart {
            workflow: text(),
            options: text(),
        },
    ]
}

/// The functions of `wit/imports.wit`, each with the doc comments that bear on its class: its own,
/// then its interface's.
fn functions() -> BTreeMap<String, [String; 2]> {
    let text = std::fs::read_to_string(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../wit/imports.wit"
    ))
    .unwrap();
    let mut functions = BTreeMap::new();
    let (mut interface, mut about, mut doc) = (String::new(), String::new(), String::new());
    for line in text.lines().map(str::trim) {
        if let Some(comment) = line.strip_prefix("///") {
            doc.push_str(comment);
        } else if let Some(rest) = line.strip_prefix("interface ") {
            interface = rest.trim_end_matches(" {").to_owned();
            about = std::mem::take(&mut doc);
        } else if !line.starts_with("@since(") {
            if let Some((name, _)) = line.split_once(": func(") {
                functions.insert(format!("{interface}.{name}"), [doc.clone(), about.clone()]);
            }
            doc.clear();
        }
    }
    functions
}

#[test]
fn every_function_of_the_contract_is_in_the_vocabulary_and_nothing_else() {
    let mut names: Vec<_> = every().iter().map(HostCall::name).collect();
    names.push("log.write");
    names.sort_unstable();
    let functions = functions();
    let expected: Vec<_> = functions.keys().map(String::as_str).collect();
    assert_eq!(names, expected);
}

#[test]
fn effect_classes_are_those_of_the_doc_comments() {
    let functions = functions();
    for call in every() {
        if matches!(call, HostCall::HttpFetch { .. }) {
            continue;
        }
        let stated = functions[call.name()]
            .iter()
            .find_map(|doc| {
                [
                    ("Local.", Effect::Local),
                    ("Internal", Effect::Internal),
                    ("External-safe", Effect::ExternalSafe),
                    ("External-once", Effect::ExternalOnce),
                ]
                .into_iter()
                .find(|(word, _)| doc.contains(word))
            })
            .map_or(Effect::Local, |(_, effect)| effect);
        assert_eq!(call.effect(), stated, "{}", call.name());
    }
}

#[test]
fn an_http_request_is_safe_by_its_method_or_by_its_idempotency_key() {
    for method in ["GET", "HEAD", "PUT", "DELETE", "OPTIONS"] {
        assert_eq!(request(method, None).effect(), Effect::ExternalSafe);
    }
    for method in ["POST", "PATCH", "get", ""] {
        assert_eq!(request(method, None).effect(), Effect::ExternalOnce);
    }
    assert_eq!(
        request("POST", Some("Idempotency-Key")).effect(),
        Effect::ExternalSafe
    );
}

#[test]
fn calls_and_replies_survive_the_journal() {
    for call in every() {
        let json = serde_json::to_string(&call).unwrap();
        let back: HostCall = serde_json::from_str(&json).unwrap();
        assert_eq!(back, call, "{json}");
        assert_eq!(back.fingerprint(), call.fingerprint());
        assert!(json.contains(call.name()), "{json}");
    }
    let error = CallError {
        code: "denied".to_owned(),
        message: String::new(),
        grant: None,
        transient: false,
        maybe_sent: false,
        detail: None,
    };
    let mut replies: Vec<_> = every()
        .iter()
        .map(|call| call.refusal(error.clone()))
        .collect();
    replies.extend([
        HostReply::Bytes(vec![0xff]),
        HostReply::Digest(Ok(b"text".to_vec())),
        HostReply::Response(Ok(http::Response {
            status: 204,
            headers: vec![],
            body: vec![0, 0xfe],
            url: String::new(),
        })),
        HostReply::Accepted(Ok(Accepted {
            message_id: String::new(),
            response: String::new(),
            rejected: vec![],
        })),
        HostReply::Done(Ok(())),
        HostReply::Maybe(Some("1".to_owned())),
    ]);
    for reply in replies {
        let json = serde_json::to_string(&reply).unwrap();
        assert_eq!(
            serde_json::from_str::<HostReply>(&json).unwrap(),
            reply,
            "{json}"
        );
    }
}

#[test]
fn bytes_are_text_where_they_can_be() {
    let json = serde_json::to_value(HostReply::Bytes(b"hello".to_vec())).unwrap();
    assert_eq!(json, serde_json::json!({"bytes": "hello"}));
    let json = serde_json::to_value(HostReply::Bytes(vec![0xff])).unwrap();
    assert_eq!(json, serde_json::json!({"bytes": {"base64": "/w=="}}));
}

#[test]
fn other_arguments_have_another_fingerprint() {
    assert_ne!(
        request("GET", None).fingerprint(),
        request("PUT", None).fingerprint()
    );
    assert_eq!(HostCall::ClockNow.fingerprint().len(), 64);
}

#[test]
fn a_denial_names_the_grant() {
    let denied = request("GET", None).denied();
    let error = denied.error().unwrap();
    assert_eq!(
        (error.code.as_str(), error.grant.as_deref()),
        ("denied", Some("import http"))
    );
}
