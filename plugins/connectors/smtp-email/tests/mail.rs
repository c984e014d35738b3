//! The connector `smtp-email` against the test host.
#![allow(clippy::unwrap_used, missing_docs)]

use jackfield_plugin::CallError;
use jackfield_plugin::email::{Accepted, Rejection, Tls};
use jackfield_plugin::prelude::*;
use jackfield_plugin::testing::{Host, Installed, Plugged, call_error, response};
use smtp_email::SmtpEmail;

fn channel() -> Plugged<SmtpEmail> {
    Plugged::new(json!({
        "host": "mail.example.com", "username": "u", "from-address": "hello@example.com",
        "from-name": "Example, Inc.", "reply-to": "answers@example.com",
    }))
}

fn accepted(message_id: Option<&str>) -> Accepted {
    Accepted {
        message_id: message_id.unwrap_or("made").into(),
        response: "250 queued".into(),
        rejected: Vec::new(),
    }
}

fn host() -> Installed {
    Host::new()
        .email(|mail| Ok(accepted(mail.message_id.as_deref())))
        .http(|_| Ok(response(200, &[("content-type", "image/png")], [1, 2, 3])))
        .install()
}

fn message(content: Value) -> Value {
    json!({"id": "message-1", "to": ["ann@example.org"], "content": content})
}

fn refused(error: CallError) -> Failure {
    let _host = Host::new().email(move |_| Err(error.clone())).install();
    channel()
        .send(message(json!({"type": "text", "text": "x"})))
        .unwrap_err()
}

#[test]
fn a_mail_has_its_parts_and_a_message_id_of_its_own() {
    let host = host();
    let receipt = channel()
        .send(message(
            json!({"type": "email", "subject": "Hi", "text": "Hello", "html": "<p>Hello</p>",
            "cc": ["c@example.org"], "bcc": ["b@example.org"]}),
        ))
        .unwrap();
    assert_eq!(
        (receipt.provider_id.as_str(), receipt.status.as_str()),
        ("message-1@example.com", "accepted")
    );
    let (server, mail) = host.mails().remove(0);
    assert_eq!(
        (server.host.as_str(), server.port, server.tls),
        ("mail.example.com", 587, Tls::Starttls)
    );
    assert_eq!(server.auth.unwrap().password, "{{secret:password}}");
    assert_eq!(mail.from, "\"Example, Inc.\" <hello@example.com>");
    assert_eq!(
        (mail.to, mail.cc, mail.bcc),
        (
            vec!["ann@example.org".into()],
            vec!["c@example.org".into()],
            vec!["b@example.org".into()]
        )
    );
    assert_eq!(
        (mail.subject.as_str(), mail.reply_to.as_deref()),
        ("Hi", Some("answers@example.com"))
    );
    assert_eq!(
        (mail.text.as_deref(), mail.html.as_deref()),
        (Some("Hello"), Some("<p>Hello</p>"))
    );
    assert!(mail.headers.is_empty());
}

#[test]
fn a_message_may_have_a_sender_of_its_own() {
    let host = host();
    let own = json!({"type": "email", "text": "x", "from-name": "Ann \"A\" Lee", "from-address": "ann@example.net",
        "reply-to": "r@example.net"});
    channel().send(message(own)).unwrap();
    let (_, mail) = host.mails().remove(0);
    assert_eq!(mail.from, "\"Ann \\\"A\\\" Lee\" <ann@example.net>");
    assert_eq!(
        (mail.reply_to.as_deref(), mail.message_id.as_deref()),
        (Some("r@example.net"), Some("message-1@example.net"))
    );
    assert_eq!(mail.subject, "");
}

#[test]
fn automated_bulk_mail_says_so_and_can_be_unsubscribed() {
    let host = host();
    let mut message = message(json!({"type": "text", "text": "x"}));
    message["automated"] = json!(true);
    message["unsubscribe-url"] = json!("https://example.com/u/1");
    message["thread"] = json!({"id": "t", "in-reply-to": "<a@x>", "references": ["<a@x>", "b@x"]});
    channel().send(message).unwrap();
    let (_, mail) = host.mails().remove(0);
    assert_eq!(
        mail.headers,
        [
            (
                "List-Unsubscribe".to_owned(),
                "<https://example.com/u/1>".to_owned()
            ),
            (
                "List-Unsubscribe-Post".to_owned(),
                "List-Unsubscribe=One-Click".to_owned()
            ),
            ("Auto-Submitted".to_owned(), "auto-generated".to_owned()),
        ]
    );
    assert_eq!(
        (mail.in_reply_to.as_deref(), mail.references),
        (Some("a@x"), vec!["a@x".into(), "b@x".into()])
    );
}

#[test]
fn attachments_are_fetched_or_decoded() {
    let host = host();
    let files = json!([
        {"url": "https://files.example/a/photo.png?x=1"},
        {"content": "aGk=", "file-name": "hi.txt", "content-type": "text/plain"},
    ]);
    channel()
        .send(message(
            json!({"type": "attachment", "attachments": files, "text": "look"}),
        ))
        .unwrap();
    let (_, mail) = host.mails().remove(0);
    let seen: Vec<_> = mail
        .attachments
        .iter()
        .map(|a| {
            (
                a.name.as_str(),
                a.content_type.as_str(),
                a.content.as_slice(),
            )
        })
        .collect();
    assert_eq!(
        seen,
        [
            ("photo.png", "image/png", [1, 2, 3].as_slice()),
            ("hi.txt", "text/plain", b"hi")
        ]
    );
}

#[test]
fn attachments_that_cannot_be_had_are_refused_before_anything_is_sent() {
    let file = |file: Value| message(json!({"type": "attachment", "attachments": [file]}));
    let host = Host::new().http(|_| Ok(response(404, &[], ""))).install();
    assert_eq!(
        channel()
            .send(file(json!({"url": "https://x.example/a"})))
            .unwrap_err()
            .code,
        "content-rejected"
    );
    assert_eq!(
        channel()
            .send(file(json!({"content": "???"})))
            .unwrap_err()
            .code,
        "content-rejected"
    );
    assert!(host.mails().is_empty());
    let _host = Host::new()
        .http(|_| Err(call_error("timeout", "slow")))
        .install();
    let failure = channel()
        .send(file(json!({"url": "https://x.example/a"})))
        .unwrap_err();
    assert_eq!(
        (failure.code.as_str(), failure.maybe_sent),
        ("transient", false)
    );
    let big = vec![0u8; 26 * 1024 * 1024];
    let _host = Host::new()
        .http(move |_| Ok(response(200, &[], big.clone())))
        .install();
    let failure = channel()
        .send(file(json!({"url": "https://x.example/a"})))
        .unwrap_err();
    assert_eq!(failure.code, "content-rejected");
}

#[test]
fn rejected_recipients_are_reported() {
    let _host = Host::new()
        .email(|_| {
            let rejection = Rejection {
                address: "bob@example.org".into(),
                code: 550,
                enhanced: Some("5.1.1".into()),
                text: "unknown".into(),
            };
            Ok(Accepted {
                rejected: vec![rejection],
                ..accepted(None)
            })
        })
        .install();
    let receipt = channel()
        .send(message(json!({"type": "text", "text": "x"})))
        .unwrap();
    assert_eq!(
        receipt.detail.unwrap()["rejected"][0]["address"],
        "bob@example.org"
    );
}

#[test]
fn a_refusal_of_the_server_has_its_kind() {
    let smtp = |detail: Value| CallError {
        detail: Some(detail.to_string()),
        ..call_error("smtp", "refused")
    };
    let failure = refused(smtp(
        json!({"code": 535, "enhanced": "5.7.8", "stage": "auth", "text": "bad credentials"}),
    ));
    assert_eq!(
        (failure.code.as_str(), failure.class),
        ("auth", FailureClass::Blocked)
    );
    assert!(failure.message.contains("bad credentials"));
    let failure = refused(smtp(
        json!({"code": 550, "enhanced": "5.1.1", "stage": "rcpt", "text": "unknown"}),
    ));
    assert_eq!(
        (failure.code.as_str(), failure.class),
        ("recipient-invalid", FailureClass::Permanent)
    );
    let failure = refused(smtp(
        json!({"code": 451, "enhanced": null, "stage": "data", "text": "later"}),
    ));
    assert_eq!(
        (failure.code.as_str(), failure.class),
        ("transient", FailureClass::Transient)
    );
}

#[test]
fn a_connection_that_broke_after_the_mail_may_have_sent_it() {
    assert!(refused(call_error("broken", "gone")).maybe_sent);
    assert!(!refused(call_error("connect", "refused")).maybe_sent);
    assert_eq!(
        refused(call_error("secret-missing", "no password")).code,
        "auth"
    );
}

#[test]
fn check_logs_in_and_sends_nothing() {
    let host = Host::new()
        .email_check(|_| Ok("220 mail.example.com".into()))
        .install();
    let detail = channel().check().unwrap();
    assert_eq!(
        (&detail["account"], &detail["server"]),
        (&json!("u"), &json!("mail.example.com:587"))
    );
    assert!(host.mails().is_empty());
    let _host = Host::new().install();
    let wrong = Plugged::<SmtpEmail>::new(json!({"host": "h", "from-address": "nobody"}));
    assert!(wrong.check().unwrap_err().message.contains("from-address"));
}

#[test]
fn nothing_comes_in() {
    let _host = Host::new().install();
    let request = WebhookRequest {
        method: "POST".into(),
        url: "https://j.example/hooks/x".into(),
        headers: Vec::new(),
        body: Vec::new(),
    };
    let (received, events) = channel().receive(request).unwrap();
    assert_eq!((received.status, events.len()), (404, 0));
    assert_eq!(
        channel().connect("https://j.example/hooks/x").unwrap()["registered"],
        false
    );
}

#[test]
fn other_kinds_of_messages_are_unsupported() {
    let _host = host();
    let failure = channel()
        .send(message(
            json!({"type": "location", "latitude": 1.0, "longitude": 2.0}),
        ))
        .unwrap_err();
    assert_eq!(failure.code, "unsupported");
}
