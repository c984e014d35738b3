//! No secret and nothing private stands in spans and logs, even at the most talkative level.
//!
//! Alone in its binary, because it sets the subscriber of the whole process: libraries log from
//! tasks of their own.
#![allow(clippy::unwrap_used, missing_docs)]

mod support;

use std::io::Write;
use std::sync::{Arc, Mutex};

use axum::Router;
use jackfield_egress::{HttpRequest, Mail, MailServer, MailTls};
use support::*;

#[derive(Clone, Default)]
struct Buffer(Arc<Mutex<Vec<u8>>>);

impl Write for Buffer {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn spans_and_logs_carry_method_host_and_status_and_nothing_private() {
    let log = Buffer::default();
    let writer = log.clone();
    tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_span_events(tracing_subscriber::fmt::format::FmtSpan::FULL)
        .with_ansi(false)
        .with_writer(move || writer.clone())
        .init();

    let server = serve(Router::new().fallback(|| async { "answer-body" })).await;
    let caller = caller(
        &["*", "smtp://*:*"],
        &["secret t in header,basic-auth,query,path,body,smtp-auth"],
    );
    let values = secrets(&[("t", "the-very-secret")]);
    let request = HttpRequest {
        method: "POST".into(),
        url: format!(
            "http://{server}/private-path/{{{{secret:t}}}}?private-query={{{{secret:t}}}}"
        ),
        headers: vec![
            ("X-Key".into(), "{{secret:t}}".into()),
            ("Cookie".into(), "private-cookie".into()),
        ],
        basic_auth: Some(("user".into(), "{{secret:t}}".into())),
        body: Some("private-body {{secret:t}}".into()),
        ..HttpRequest::default()
    };
    open().http(&caller, request, &values).await.unwrap();

    let (peer, _) = smtp(|command| match command.split(' ').next().unwrap() {
        "<greeting>" => "220 x\r\n",
        "EHLO" => "250-x\r\n250 AUTH PLAIN\r\n",
        "AUTH" => "235 in\r\n",
        "DATA" => "354 go\r\n",
        _ => "250 ok\r\n",
    })
    .await;
    let mail_server = MailServer {
        host: "127.0.0.1".into(),
        port: peer.port(),
        tls: MailTls::None,
        username: Some("private-user".into()),
        password: Some("{{secret:t}}".into()),
        hello_name: None,
        timeout: None,
        authorities: None,
    };
    let mail = Mail {
        from: "private-sender@example.com".into(),
        to: vec!["private-recipient@example.org".into()],
        subject: "private-subject".into(),
        text: Some("private-text".into()),
        ..Mail::default()
    };
    open()
        .email(&caller, mail_server, mail, &values)
        .await
        .unwrap();

    let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    for said in [
        "egress.http",
        "method=\"POST\"",
        &format!("host=http://{server}"),
        "status=200",
        "outcome=\"ok\"",
        "egress.mail",
        "recipients=1",
    ] {
        assert!(log.contains(said), "{said} is missing in {log}");
    }
    // `private` alone stands in names of our own; with a hyphen it is the test's.
    for hidden in [
        "the-very-secret",
        "private-",
        "dXNlcjp0aGUtdmVyeS1zZWNyZXQ",
        "answer-body",
    ] {
        let line = log.lines().find(|line| line.contains(hidden));
        assert!(line.is_none(), "{hidden} stands in: {line:?}");
    }
}
