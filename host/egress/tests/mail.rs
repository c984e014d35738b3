//! Mail against a scripted server: verdicts for each recipient, credentials, TLS, and what is
//! known when a connection breaks.
#![allow(clippy::unwrap_used, missing_docs)]

mod support;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use jackfield_egress::{
    Caller, Egress, Error, Mail, MailAccepted, MailServer, MailTls, NoSecrets, Options, Stage,
};
use support::*;

const PASSWORD: &str = "pass w0rd é";

fn server(port: u16) -> MailServer {
    MailServer {
        host: "127.0.0.1".into(),
        port,
        tls: MailTls::None,
        username: None,
        password: None,
        hello_name: None,
        timeout: None,
        authorities: None,
    }
}

fn with_login(server: MailServer) -> MailServer {
    MailServer {
        username: Some("ann@example.com".into()),
        password: Some("{{secret:smtp}}".into()),
        ..server
    }
}

fn mail(to: &[&str]) -> Mail {
    Mail {
        from: "Ann <ann@example.com>".into(),
        to: to.iter().map(|to| (*to).to_owned()).collect(),
        subject: "Hello".into(),
        text: Some(".dotted\r\n.\r\nlast".into()),
        ..Mail::default()
    }
}

fn mailer() -> Caller {
    caller(&["smtp://*:*"], &["secret smtp in smtp-auth"])
}

async fn send(egress: &Egress, server: MailServer, mail: Mail) -> Result<MailAccepted, Error> {
    egress
        .email(&mailer(), server, mail, &secrets(&[("smtp", PASSWORD)]))
        .await
}

/// An agreeable server, but for what the test says.
fn but(say: impl Fn(&str) -> Option<&'static str>) -> impl Fn(&str) -> &'static str {
    move |command| {
        if let Some(answer) = say(command) {
            return answer;
        }
        match command.split([' ', ':']).next().unwrap() {
            "<greeting>" => "220 mail.example ESMTP\r\n",
            "EHLO" => {
                "250-mail.example\r\n250-SIZE 1000000\r\n250-AUTH PLAIN LOGIN\r\n250 8BITMIME\r\n"
            }
            "AUTH" => "235 2.7.0 welcome\r\n",
            "DATA" => "354 go on\r\n",
            "<message>" => "250 2.0.0 queued as 42\r\n",
            "QUIT" => "221 bye\r\n",
            _ => "250 2.1.0 ok\r\n",
        }
    }
}

#[tokio::test]
async fn a_mail_is_handed_over_and_the_verdict_of_each_recipient_known() {
    let (peer, heard) = smtp(but(|command| match command {
        "RCPT TO:<gone@example.org>" => Some("550-5.1.1 no\r\n550 5.1.1 such user\r\n"),
        "RCPT TO:<later@example.org>" => Some("450 4.2.1 try later\r\n"),
        _ => None,
    }))
    .await;
    let mut mail = mail(&["Bob <bob@example.org>", "gone@example.org"]);
    mail.bcc = vec!["later@example.org".into()];
    mail.message_id = Some("id-1@example.com".into());
    let accepted = send(&open(), server(peer.port()), mail).await.unwrap();
    assert_eq!(accepted.message_id, "id-1@example.com");
    assert_eq!(accepted.response, "2.0.0 queued as 42");
    assert_eq!(accepted.accepted, ["bob@example.org"]);
    let rejected: Vec<_> = accepted
        .rejected
        .iter()
        .map(|one| (one.address.as_str(), one.code, one.enhanced.as_deref()))
        .collect();
    assert_eq!(
        rejected,
        [
            ("gone@example.org", 550, Some("5.1.1")),
            ("later@example.org", 450, Some("4.2.1"))
        ]
    );
    let heard = heard.lock().unwrap();
    assert_eq!(heard[0], "EHLO example.com");
    assert!(
        heard[1].starts_with("MAIL FROM:<ann@example.com> SIZE="),
        "{heard:?}"
    );
    assert!(
        heard.contains(&"Message-ID: <id-1@example.com>".to_owned()),
        "{heard:?}"
    );
    let tail: Vec<&str> = heard.iter().map(String::as_str).rev().take(6).collect();
    assert!(
        tail.contains(&"..dotted") || heard.contains(&"..dotted".to_owned()),
        "{heard:?}"
    );
    assert_eq!(
        heard.iter().filter(|line| *line == ".").count(),
        1,
        "{heard:?}"
    );
}

#[tokio::test]
async fn refusals_say_where_and_whether_they_may_pass() {
    for (command, answer, stage, code, transient) in [
        (
            "<greeting>",
            "554 5.7.1 go away\r\n",
            Stage::Connect,
            554,
            false,
        ),
        ("EHLO example.com", "502 no\r\n", Stage::Ehlo, 502, false),
        (
            "MAIL",
            "530 5.7.0 authenticate first\r\n",
            Stage::Mail,
            530,
            false,
        ),
        ("RCPT", "550 5.1.1 unknown\r\n", Stage::Rcpt, 550, false),
        ("RCPT", "451 4.7.1 greylisted\r\n", Stage::Rcpt, 451, true),
        ("RCPT", "421 4.3.2 closing\r\n", Stage::Rcpt, 421, true),
        ("DATA", "451 4.3.0 later\r\n", Stage::Data, 451, true),
        (
            "<message>",
            "552 5.3.4 too big\r\n",
            Stage::Message,
            552,
            false,
        ),
        ("<message>", "452 4.3.1 full\r\n", Stage::Message, 452, true),
    ] {
        let (peer, _) = smtp(but(move |heard| {
            heard.starts_with(command).then_some(answer)
        }))
        .await;
        let error = send(&open(), server(peer.port()), mail(&["bob@example.org"]))
            .await
            .unwrap_err();
        let Error::Smtp {
            stage: was,
            code: with,
            enhanced,
            text,
            ..
        } = &error
        else {
            panic!("{error}")
        };
        assert_eq!((*was, *with), (stage, code), "{error}");
        assert_eq!(
            (error.transient(), error.maybe_sent(), error.code()),
            (transient, false, "smtp")
        );
        assert!(answer.contains(text.as_str()), "{text}");
        assert_eq!(enhanced.is_some(), answer.contains('.'));
    }
}

#[tokio::test]
async fn a_refusal_has_its_detail_for_programs() {
    let (peer, _) = smtp(but(|heard| match heard {
        "RCPT TO:<a@example.org>" => Some("550 5.1.1 unknown\r\n"),
        "RCPT TO:<b@example.org>" => Some("450 4.2.1 later\r\n"),
        _ => None,
    }))
    .await;
    let mail = mail(&["a@example.org", "b@example.org"]);
    let error = send(&open(), server(peer.port()), mail).await.unwrap_err();
    let detail = error.detail().unwrap();
    assert_eq!(detail["code"], 450);
    assert_eq!(detail["stage"], "rcpt");
    assert_eq!(detail["rejected"][0]["address"], "a@example.org");
    assert_eq!(detail["rejected"][1]["enhanced"], "4.2.1");
    assert!(error.transient(), "one recipient can still get it");
}

#[tokio::test]
async fn only_behind_the_final_dot_a_broken_connection_may_have_sent() {
    for (command, maybe_sent) in [
        ("<greeting>", false),
        ("EHLO", false),
        ("MAIL", false),
        ("RCPT", false),
        ("DATA", false),
        ("<message>", true),
    ] {
        let (peer, _) = smtp(but(move |heard| heard.starts_with(command).then_some(""))).await;
        let error = send(&open(), server(peer.port()), mail(&["bob@example.org"]))
            .await
            .unwrap_err();
        assert_eq!(
            (error.code(), error.maybe_sent(), error.transient()),
            ("broken", maybe_sent, true),
            "{command}"
        );
    }
}

#[tokio::test]
async fn a_server_that_falls_silent_is_left_in_time() {
    // A reply that is not finished keeps the other side waiting.
    for (command, maybe_sent) in [("EHLO", false), ("<message>", true)] {
        let (peer, _) = smtp(but(move |heard| {
            heard.starts_with(command).then_some("250-")
        }))
        .await;
        let server = MailServer {
            timeout: Some(SHORT),
            ..server(peer.port())
        };
        let error = send(&open(), server, mail(&["bob@example.org"]))
            .await
            .unwrap_err();
        assert_eq!(
            (error.code(), error.maybe_sent()),
            ("timeout", maybe_sent),
            "{command}"
        );
    }
}

#[tokio::test]
async fn credentials_are_put_in_by_plain_or_login() {
    let (peer, heard) = smtp(but(|_| None)).await;
    send(
        &open(),
        with_login(server(peer.port())),
        mail(&["bob@example.org"]),
    )
    .await
    .unwrap();
    let plain = BASE64_STANDARD.encode(format!("\0ann@example.com\0{PASSWORD}"));
    assert!(
        heard
            .lock()
            .unwrap()
            .contains(&format!("AUTH PLAIN {plain}"))
    );

    let name = BASE64_STANDARD.encode("ann@example.com");
    let password = BASE64_STANDARD.encode(PASSWORD);
    let (expected_name, expected_password) = (name.clone(), password.clone());
    let (peer, heard) = smtp_with(
        move |command| match command {
            "EHLO example.com" => "250-x\r\n250 auth login\r\n".into(),
            "AUTH LOGIN" => "334 VXNlcm5hbWU6\r\n".into(),
            line if line == expected_name => "334 UGFzc3dvcmQ6\r\n".into(),
            line if line == expected_password => "235 in\r\n".into(),
            other => but(|_| None)(other).into(),
        },
        None,
    )
    .await;
    send(
        &open(),
        with_login(server(peer.port())),
        mail(&["bob@example.org"]),
    )
    .await
    .unwrap();
    let heard = heard.lock().unwrap();
    assert!(
        heard.contains(&name) && heard.contains(&password),
        "{heard:?}"
    );
}

#[tokio::test]
async fn wrong_credentials_are_an_auth_refusal_without_the_credentials() {
    let echo = BASE64_STANDARD.encode(format!("\0ann@example.com\0{PASSWORD}"));
    let (peer, _) = smtp_with(
        move |command| match command {
            line if line.starts_with("AUTH") => format!("535 5.7.8 no: {echo} {PASSWORD}\r\n"),
            other => but(|_| None)(other).into(),
        },
        None,
    )
    .await;
    let error = send(
        &open(),
        with_login(server(peer.port())),
        mail(&["bob@example.org"]),
    )
    .await
    .unwrap_err();
    let Error::Smtp {
        stage: Stage::Auth,
        code: 535,
        enhanced,
        text,
        ..
    } = &error
    else {
        panic!("{error}")
    };
    assert_eq!(
        (enhanced.as_deref(), text.as_str()),
        (Some("5.7.8"), "5.7.8 no: *** ***")
    );
}

#[tokio::test]
async fn credentials_do_not_go_unencrypted_beyond_loopback() {
    let names = Answers::new(&[("mail.example", &[&["10.1.2.3"]])]);
    let options = Options {
        allow_addresses: rules(&["10.0.0.0/8"]),
        ..Options::default()
    };
    let egress = Egress::with_resolver(options, names).unwrap();
    let server = MailServer {
        host: "mail.example".into(),
        ..with_login(server(25))
    };
    let error = send(&egress, server, mail(&["bob@example.org"]))
        .await
        .unwrap_err();
    assert_eq!(error.code(), "invalid");
    assert!(error.to_string().contains("starttls"), "{error}");
}

#[tokio::test]
async fn servers_without_auth_and_starttls_are_not_used_without() {
    let (peer, heard) = smtp(but(|command| {
        command.starts_with("EHLO").then_some("250 x\r\n")
    }))
    .await;
    let error = send(
        &open(),
        with_login(server(peer.port())),
        mail(&["bob@example.org"]),
    )
    .await
    .unwrap_err();
    assert_eq!(error.code(), "invalid");
    let server = MailServer {
        tls: MailTls::StartTls,
        ..server(peer.port())
    };
    let error = send(&open(), server, mail(&["bob@example.org"]))
        .await
        .unwrap_err();
    assert_eq!((error.code(), error.maybe_sent()), ("tls", false));
    assert!(
        !heard
            .lock()
            .unwrap()
            .iter()
            .any(|line| line.starts_with("MAIL"))
    );
}

#[tokio::test]
async fn tls_is_checked_against_the_name_in_both_ways() {
    let authority = authority(&["mail.example"]);
    let names = || {
        Answers::new(&[
            ("mail.example", &[&["127.0.0.1"]]),
            ("other.example", &[&["127.0.0.1"]]),
        ])
    };
    let egress = Egress::with_resolver(open_options(), names()).unwrap();
    for (tls, implicit) in [(MailTls::Implicit, true), (MailTls::StartTls, false)] {
        let answers = but(|command| match command {
            "EHLO example.com" => Some("250-x\r\n250-AUTH PLAIN\r\n250 STARTTLS\r\n"),
            "STARTTLS" => Some("220 go\r\n"),
            _ => None,
        });
        let tls_of_peer = Some((authority.acceptor.clone(), implicit));
        let (peer, heard) = smtp_with(move |command| answers(command).into(), tls_of_peer).await;
        let server = |host: &str, authorities: Option<String>| MailServer {
            host: host.into(),
            tls,
            authorities,
            ..with_login(server(peer.port()))
        };
        let pem = Some(authority.pem.clone());
        send(
            &egress,
            server("mail.example", pem.clone()),
            mail(&["bob@example.org"]),
        )
        .await
        .unwrap();
        assert!(
            heard
                .lock()
                .unwrap()
                .iter()
                .any(|line| line.starts_with("AUTH PLAIN"))
        );
        for wrong in [server("other.example", pem), server("mail.example", None)] {
            let error = send(&egress, wrong, mail(&["bob@example.org"]))
                .await
                .unwrap_err();
            assert_eq!(
                (error.code(), error.maybe_sent()),
                ("tls", false),
                "{error}"
            );
        }
    }
}

#[tokio::test]
async fn plain_text_that_was_slipped_in_before_tls_ends_the_conversation() {
    let authority = authority(&["mail.example"]);
    let answers = but(|command| match command {
        "EHLO example.com" => Some("250-x\r\n250 STARTTLS\r\n"),
        "STARTTLS" => Some("220 go\r\n250 injected\r\n"),
        _ => None,
    });
    let (peer, _) = smtp_with(
        move |command| answers(command).into(),
        Some((authority.acceptor, false)),
    )
    .await;
    let names = Answers::new(&[("mail.example", &[&["127.0.0.1"]])]);
    let egress = Egress::with_resolver(open_options(), names).unwrap();
    let server = MailServer {
        host: "mail.example".into(),
        tls: MailTls::StartTls,
        authorities: Some(authority.pem),
        ..server(peer.port())
    };
    let error = send(&egress, server, mail(&["bob@example.org"]))
        .await
        .unwrap_err();
    assert_eq!(
        (error.code(), error.maybe_sent()),
        ("broken", false),
        "{error}"
    );
}

#[tokio::test]
async fn grant_address_and_secret_are_judged_for_mail_too() {
    let (peer, heard) = smtp(but(|_| None)).await;
    let server = || with_login(server(peer.port()));
    let to = || mail(&["bob@example.org"]);
    let error = open()
        .email(&anywhere(), server(), to(), &NoSecrets)
        .await
        .unwrap_err();
    assert_eq!(
        error.grant().unwrap(),
        format!("smtp://127.0.0.1:{}", peer.port())
    );
    let error = send(&Egress::new(Options::default()).unwrap(), server(), to())
        .await
        .unwrap_err();
    assert_eq!(error.code(), "address-refused");
    let named = MailServer {
        host: "localhost".into(),
        ..server()
    };
    let error = send(&Egress::new(Options::default()).unwrap(), named, to())
        .await
        .unwrap_err();
    assert_eq!(error.code(), "address-refused");
    let without = caller(&["smtp://*:*"], &["secret smtp in header"]);
    let error = open()
        .email(&without, server(), to(), &secrets(&[("smtp", PASSWORD)]))
        .await
        .unwrap_err();
    assert_eq!(
        error.grant().unwrap(),
        format!(
            "secret smtp in smtp-auth to smtp://127.0.0.1:{}",
            peer.port()
        )
    );
    assert!(heard.lock().unwrap().is_empty());
}

#[tokio::test]
async fn addresses_beyond_ascii_need_a_server_that_takes_them() {
    let (peer, _) = smtp(but(|_| None)).await;
    let error = send(&open(), server(peer.port()), mail(&["bücher@example.org"]))
        .await
        .unwrap_err();
    assert_eq!(error.code(), "invalid");
    let (peer, heard) = smtp(but(|c| {
        c.starts_with("EHLO")
            .then_some("250-x\r\n250-8BITMIME\r\n250 SMTPUTF8\r\n")
    }))
    .await;
    send(&open(), server(peer.port()), mail(&["bücher@example.org"]))
        .await
        .unwrap();
    let heard = heard.lock().unwrap();
    assert!(heard[1].ends_with("SMTPUTF8"), "{heard:?}");
    assert_eq!(heard[2], "RCPT TO:<bücher@example.org>");
}
