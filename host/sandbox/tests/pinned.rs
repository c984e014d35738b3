//! Components that were built once against the contract 1.0 and are never built again: whatever this
//! host speaks by now, they are installed, say what they are, and do what they did.
//!
//! They lie in `fixtures/contract-1.0`, with their sources and the contract of that day. Between
//! them they call every function of it, and answer by every outcome. If one of these tests fails,
//! the contract has changed within its major version: mend the host, not the fixture.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use common::{NOW, invocation, load, sandbox};
use jackfield_sandbox::wit::connector::Request;
use jackfield_sandbox::wit::log::Level;
use jackfield_sandbox::wit::{
    Done, Event, FailureClass, Outcome, Subscription, Wait, Wake, email, http,
};
use jackfield_sandbox::{
    Granted, HostCall, HostCalls, HostReply, Interfaces, Kind, Limits, Plugin, Stop, digest,
};

/// A host that answers everything.
#[derive(Debug, Default)]
struct Yes {
    asked: Vec<HostCall>,
    lines: Vec<(Level, String)>,
}

#[async_trait]
impl HostCalls for Yes {
    async fn call(&mut self, call: HostCall) -> Result<HostReply, Stop> {
        let said = |text: &str| HostReply::Text(Ok(text.to_owned()));
        let reply = match &call {
            HostCall::ClockNow => HostReply::Timestamp(NOW),
            HostCall::ClockParse { .. } | HostCall::ClockNextOpen { .. } => {
                HostReply::Number(Ok(NOW + 1))
            }
            HostCall::ClockDuration { .. } => HostReply::Number(Ok(7_200_000)),
            HostCall::RandomBytes { length } => HostReply::Bytes(vec![7; *length as usize]),
            HostCall::HttpFetch { request } => HostReply::Response(Ok(http::Response {
                status: 200,
                headers: vec![("content-type".to_owned(), "text/plain".to_owned())],
                body: request.body.clone().unwrap_or_default(),
                url: request.url.clone(),
            })),
            HostCall::EmailSend { mail, .. } => HostReply::Accepted(Ok(email::Accepted {
                message_id: "1@example.com".to_owned(),
                response: "250 ok".to_owned(),
                rejected: vec![email::Rejection {
                    address: mail.to[0].clone(),
                    code: 550,
                    enhanced: Some("5.1.1".to_owned()),
                    text: "nobody".to_owned(),
                }],
            })),
            HostCall::EmailCheck { .. } => said("mail.example.com"),
            HostCall::CryptoHash { .. } => HostReply::Bytes(vec![0; 32]),
            HostCall::CryptoHmac { .. } => HostReply::Digest(Ok(vec![0; 32])),
            HostCall::CryptoVerify { .. } | HostCall::ConditionsEvaluate { .. } => {
                HostReply::Truth(Ok(true))
            }
            HostCall::CryptoEqual { candidate, .. } => {
                HostReply::Truth(Ok(candidate == b"the token"))
            }
            HostCall::TemplatesRender { .. } => said(r#"{"text":"Hello"}"#),
            HostCall::VariablesGet { .. } => HostReply::Maybe(Some("6".to_owned())),
            HostCall::VariablesSet { .. } | HostCall::ContactsAddTags { .. } => {
                HostReply::Done(Ok(()))
            }
            HostCall::ContactsGet => HostReply::Maybe(Some(r#"{"firstname":"Ann"}"#.to_owned())),
            HostCall::ContactsUpdate { value, .. } => said(value),
            HostCall::MessagesChannel { .. } => said(r#"{"id":"chn_1","name":"main"}"#),
            HostCall::MessagesSend { .. } => said("msg_1"),
            later => panic!("1.0 had no `{}`", later.name()),
        };
        self.asked.push(call);
        Ok(reply)
    }

    fn log(&mut self, level: Level, message: String) {
        self.lines.push((level, message));
    }
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/contract-1.0")
}

/// A pinned component. Its bytes are those that the folder's README names.
fn pinned(name: &str) -> Arc<[u8]> {
    let bytes = std::fs::read(folder().join(name)).unwrap();
    let readme = std::fs::read_to_string(folder().join("README.md")).unwrap();
    let of = digest(&bytes);
    let hex = of.trim_start_matches("sha256:");
    assert!(
        readme.contains(&format!("| `{name}` | `{hex}` |")),
        "{name} is not the file that its README names: {hex}"
    );
    bytes.into()
}

/// Installs it as a host does, and asks what it is.
async fn installed(name: &str, kind: Kind) -> Plugin {
    let wasm = pinned(name);
    let inspection = sandbox().install(Arc::clone(&wasm)).await.unwrap();
    assert_eq!(inspection.kind, kind);
    assert_eq!(inspection.contract.unwrap().to_string(), "1.0.0");
    let described = sandbox().describe(&inspection.digest).await.unwrap();
    let descriptor: serde_json::Value = serde_json::from_str(&described.json).unwrap();
    assert_eq!(descriptor["version"], "1.0.0");
    assert_eq!(descriptor["name"], format!("pinned-{kind}"));
    assert_eq!(
        described.log,
        [(Level::Info, "describing".to_owned())],
        "{name}"
    );
    let granted = Granted {
        interfaces: Interfaces::of(kind),
        limits: Limits::default(),
    };
    load(&sandbox(), &wasm, &granted).await
}

fn names(calls: &[HostCall]) -> Vec<&'static str> {
    calls.iter().map(HostCall::name).collect()
}

#[tokio::test]
async fn a_step_of_1_0_calls_what_it_called_and_is_told_what_it_was_told() {
    let step = installed("step.wasm", Kind::Step).await;
    let started = step.start(&invocation("{}"), Yes::default()).await;
    assert_eq!(
        names(&started.calls.asked),
        [
            "clock.now",
            "clock.parse",
            "clock.duration",
            "clock.next-open",
            "random.bytes",
            "http.fetch",
            "crypto.hash",
            "crypto.hash",
            "crypto.hash",
            "crypto.hash",
            "crypto.hash",
            "crypto.hmac",
            "crypto.verify",
            "crypto.equal",
            "templates.render",
            "conditions.evaluate",
            "variables.get",
            "variables.set",
            "contacts.get",
            "contacts.update",
            "contacts.update",
            "contacts.update",
            "contacts.update",
            "contacts.add-tags",
            "messages.channel",
            "messages.send",
        ]
    );
    let levels: Vec<Level> = started
        .calls
        .lines
        .iter()
        .map(|(level, _)| *level)
        .collect();
    assert_eq!(
        levels,
        [Level::Debug, Level::Info, Level::Warn, Level::Error]
    );
    let Ok(Ok(Outcome::Wait(Wait {
        until,
        events,
        state,
    }))) = started.result
    else {
        panic!("it waits: {:?}", started.result)
    };
    assert_eq!(until, Some(NOW + 1_000));
    assert_eq!(
        events,
        [Subscription {
            event: "go".to_owned(),
            subject: None,
            when: Some(r#"{"field": "event.yes", "is": true}"#.to_owned()),
            claim: true,
        }]
    );

    let event = Wake::Event(Event {
        id: "evt_1".to_owned(),
        name: "go".to_owned(),
        data: r#"{"yes":true}"#.to_owned(),
        at: NOW + 5,
    });
    for (wake, branch, woken) in [
        (Wake::Timer, None, r#""woken":null}"#.to_owned()),
        (
            event,
            Some("woken"),
            format!(r#""woken":"go","at":{},"data":{{"yes":true}}}}"#, NOW + 5),
        ),
    ] {
        let resumed = step
            .resume(&invocation("{}"), &state, &wake, Yes::default())
            .await;
        let Ok(Ok(Outcome::Done(Done {
            branch: left_by,
            output,
        }))) = resumed.result
        else {
            panic!("it is done: {:?}", resumed.result)
        };
        assert_eq!(left_by.as_deref(), branch);
        assert_eq!(output.unwrap(), format!("{{{state},{woken}"));
    }
    let told = format!(
        r#""run":"run-1","visit":1,"attempt":1,"clock.now":{NOW},"clock.parse":{},"clock.duration":7200000,"clock.next-open":{},"random.bytes":4,"http.fetch":[200,5],"crypto.hash":[32, 32, 32, 32, 32],"crypto.hmac":32,"crypto.verify":true,"crypto.equal":false,"templates.render":{{"text":"Hello"}},"conditions.evaluate":true,"variables.get":6,"variables.set":true,"contacts.get":{{"firstname":"Ann"}},"contacts.update.set":"Ann","contacts.update.clear":null,"contacts.update.append":"a","contacts.update.increment":1,"contacts.add-tags":true,"messages.channel":{{"id":"chn_1","name":"main"}},"messages.send":"msg_1""#,
        NOW + 1,
        NOW + 1
    );
    assert_eq!(state, told);
}

#[tokio::test]
async fn a_step_of_1_0_answers_by_every_outcome() {
    let step = installed("step.wasm", Kind::Step).await;
    let goto = step
        .start(&invocation(r#"{"do": "goto"}"#), Yes::default())
        .await;
    assert_eq!(
        goto.result.unwrap().unwrap(),
        Outcome::Goto("another".to_owned())
    );
    let end = step
        .start(&invocation(r#"{"do": "end"}"#), Yes::default())
        .await;
    assert_eq!(
        end.result.unwrap().unwrap(),
        Outcome::End("as asked".to_owned())
    );
    let fail = step
        .start(&invocation(r#"{"do": "fail"}"#), Yes::default())
        .await;
    let failure = fail.result.unwrap().unwrap_err();
    assert_eq!(failure.class, FailureClass::Transient);
    assert_eq!(
        (failure.code.as_str(), failure.retry_after),
        ("on-purpose", Some(1_000))
    );
    assert!(failure.maybe_sent);
}

#[tokio::test]
async fn what_a_step_of_1_0_was_not_granted_is_denied_as_it_was() {
    let step = installed("step.wasm", Kind::Step).await;
    let nothing = Granted {
        interfaces: Interfaces::NONE,
        limits: Limits::default(),
    };
    let step = sandbox().loaded(step.digest(), &nothing).unwrap();
    let started = step.start(&invocation("{}"), Yes::default()).await;
    let Ok(Ok(Outcome::Wait(wait))) = started.result else {
        panic!("it waits: {:?}", started.result)
    };
    for denied in [
        "http.fetch",
        "crypto.hmac",
        "templates.render",
        "conditions.evaluate",
        "variables.set",
        "contacts.add-tags",
        "messages.send",
    ] {
        let told = format!(r#""{denied}":"denied""#);
        assert!(wait.state.contains(&told), "{denied}: {}", wait.state);
    }
    assert!(wait.state.contains(r#""contacts.get":null"#));
}

#[tokio::test]
async fn a_connector_of_1_0_checks_connects_sends_and_receives() {
    let connector = installed("connector.wasm", Kind::Connector).await;
    let channel = r#"{"id": "chn_1", "name": "main", "kind": "pinned-connector", "settings": {}}"#;

    let check = connector.check(channel, Yes::default()).await;
    assert_eq!(
        names(&check.calls.asked),
        [
            "clock.now",
            "clock.parse",
            "clock.duration",
            "clock.next-open",
            "random.bytes",
            "http.fetch",
            "email.check",
            "crypto.hash",
            "crypto.hmac",
            "crypto.verify",
            "crypto.equal",
        ]
    );
    assert_eq!(
        check.result.unwrap().unwrap(),
        format!(
            r#"{{"clock.now":{NOW},"clock.parse":{},"clock.duration":7200000,"clock.next-open":{},"random.bytes":4,"http.fetch":200,"email.check":"mail.example.com","crypto.hash":32,"crypto.hmac":32,"crypto.verify":true,"crypto.equal":false}}"#,
            NOW + 1,
            NOW + 1
        )
    );

    let url = "https://jackfield.example/hooks/chn_1";
    let connect = connector.connect(channel, url, Yes::default()).await;
    assert_eq!(
        connect.result.unwrap().unwrap(),
        format!(r#"{{"registered": false, "instructions": "{url}"}}"#)
    );

    let send = connector
        .send(channel, r#"{"id": "m"}"#, "key-1", Yes::default())
        .await;
    let receipt = send.result.unwrap().unwrap();
    assert_eq!(
        (
            receipt.provider_id.as_str(),
            receipt.status.as_str(),
            receipt.detail.as_deref()
        ),
        ("key-1", "sent", Some(r#"{"rejected": 1}"#))
    );
    let HostCall::EmailSend { server, mail } = &send.calls.asked[0] else {
        panic!("it sends a mail: {:?}", send.calls.asked)
    };
    assert_eq!((server.port, server.tls), (587, email::Tls::Starttls));
    assert_eq!(mail.text.as_deref(), Some(r#"{"id": "m"}"#));
    assert_eq!(mail.attachments.len(), 1);

    for (token, status, events) in [("the token", 200, 1), ("another", 401, 0)] {
        let request = Request {
            method: "POST".to_owned(),
            url: url.to_owned(),
            headers: vec![("signature".to_owned(), token.to_owned())],
            body: b"Hi".to_vec(),
        };
        let received = connector.receive(channel, &request, Yes::default()).await;
        let received = received.result.unwrap().unwrap();
        let of: Vec<serde_json::Value> = serde_json::from_str(&received.events).unwrap();
        assert_eq!((received.status, of.len()), (status, events));
    }
}
