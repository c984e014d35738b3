//! What a built mail holds: structure, scripts, threading, and no forged headers.
#![allow(clippy::unwrap_used)]

use std::time::SystemTime;

use proptest::prelude::*;

use super::*;

fn mail() -> Mail {
    Mail {
        from: "Ännchen <ann@example.com>".into(),
        to: vec!["Bob <bob@example.org>".into()],
        subject: "Grüße".into(),
        text: Some("Hallo ü".into()),
        date: Some(SystemTime::UNIX_EPOCH),
        ..Mail::default()
    }
}

fn built(change: impl FnOnce(&mut Mail)) -> Result<(Built, String), Error> {
    let mut mail = mail();
    change(&mut mail);
    let built = build(mail, &MailLimits::default())?;
    let text = String::from_utf8(built.text.clone()).unwrap();
    Ok((built, text))
}

fn code(change: impl FnOnce(&mut Mail)) -> &'static str {
    built(change).unwrap_err().code()
}

#[test]
fn a_simple_mail_is_ascii_with_encoded_words() {
    let (built, text) = built(|_| ()).unwrap();
    assert!(text.is_ascii(), "{text}");
    assert!(text.contains("From: =?utf-8?b?"), "{text}");
    assert!(text.contains("Subject: =?utf-8?b?R3LDvMOfZQ==?="), "{text}");
    assert!(
        text.contains("Date: Thu, 01 Jan 1970 00:00:00 +0000"),
        "{text}"
    );
    assert!(
        text.contains(&format!("Message-ID: <{}>", built.message_id)),
        "{text}"
    );
    assert!(built.message_id.ends_with("@example.com"));
    assert!(
        text.contains("Content-Type: text/plain; charset=utf-8"),
        "{text}"
    );
    assert_eq!(built.domain, "example.com");
}

#[test]
fn text_and_html_are_alternatives_and_files_go_behind() {
    let (_, text) = built(|mail| {
        mail.html = Some("<p>Hallo ü</p>".into());
        mail.attachments.push(Attachment {
            name: "Rechnung ä.pdf".into(),
            content_type: "application/pdf".into(),
            content: vec![0, 1, 255].into(),
        });
    })
    .unwrap();
    let mixed = text.find("multipart/mixed").unwrap();
    let alternative = text.find("multipart/alternative").unwrap();
    let plain = text.find("text/plain").unwrap();
    let html = text.find("text/html").unwrap();
    let file = text.find("application/pdf").unwrap();
    assert!(
        mixed < alternative && alternative < plain && plain < html && html < file,
        "{text}"
    );
    assert!(text.contains("AAH/"), "{text}");
    assert!(text.is_ascii(), "{text}");
}

#[test]
fn bcc_is_in_the_envelope_and_not_in_the_message() {
    let (built, text) = built(|mail| {
        mail.cc = vec!["c@example.org".into(), "bob@example.org".into()];
        mail.bcc = vec!["Hidden <hidden@example.org>".into()];
    })
    .unwrap();
    assert_eq!(
        built.recipients,
        ["bob@example.org", "c@example.org", "hidden@example.org"]
    );
    assert!(!text.to_lowercase().contains("hidden"), "{text}");
}

#[test]
fn threading_and_list_headers_are_written_as_given() {
    let link = format!("<https://example.com/u/{}>", "x".repeat(300));
    let (built, text) = built(|mail| {
        mail.message_id = Some("<made@example.com>".into());
        mail.in_reply_to = Some("one@example.org".into());
        mail.references = vec!["<zero@example.org>".into(), "one@example.org".into()];
        mail.reply_to = Some("reply+token@example.com".into());
        mail.headers = vec![
            ("List-Unsubscribe".into(), link.clone()),
            (
                "List-Unsubscribe-Post".into(),
                "List-Unsubscribe=One-Click".into(),
            ),
            ("Auto-Submitted".into(), "auto-generated".into()),
        ];
    })
    .unwrap();
    assert_eq!(built.message_id, "made@example.com");
    assert!(
        text.contains("Message-ID: <made@example.com>\r\n"),
        "{text}"
    );
    assert!(
        text.contains("In-Reply-To: <one@example.org>\r\n"),
        "{text}"
    );
    assert!(
        text.contains("References: <zero@example.org>\r\n <one@example.org>\r\n"),
        "{text}"
    );
    assert!(
        text.contains("Reply-To: reply+token@example.com\r\n"),
        "{text}"
    );
    assert!(
        text.contains("List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n"),
        "{text}"
    );
    assert!(
        text.contains("Auto-Submitted: auto-generated\r\n"),
        "{text}"
    );
    assert!(text.contains(&link), "{text}");
}

#[test]
fn headers_cannot_be_forged() {
    for evil in ["x\r\nBcc: evil@example.org", "x\ny", "x\ry", "x\0y"] {
        assert_eq!(code(|mail| mail.subject = evil.into()), "invalid");
        assert_eq!(
            code(|mail| mail.from = format!("{evil} <a@b.example>")),
            "invalid"
        );
        assert_eq!(code(|mail| mail.to = vec![evil.into()]), "invalid");
        assert_eq!(code(|mail| mail.reply_to = Some(evil.into())), "invalid");
        assert_eq!(code(|mail| mail.message_id = Some(evil.into())), "invalid");
        assert_eq!(code(|mail| mail.in_reply_to = Some(evil.into())), "invalid");
        assert_eq!(code(|mail| mail.references = vec![evil.into()]), "invalid");
        assert_eq!(
            code(|mail| mail.headers = vec![("X-A".into(), evil.into())]),
            "invalid"
        );
        assert_eq!(
            code(|mail| mail.headers = vec![(evil.into(), "x".into())]),
            "invalid"
        );
        let file = |name: &str, content_type: &str| Attachment {
            name: name.into(),
            content_type: content_type.into(),
            content: "x".into(),
        };
        assert_eq!(
            code(|mail| mail.attachments = vec![file(evil, "text/plain")]),
            "invalid"
        );
        assert_eq!(
            code(|mail| mail.attachments = vec![file("a", evil)]),
            "invalid"
        );
    }
    for name in [
        "From",
        "TO",
        "Bcc",
        "content-type",
        "Message-ID",
        "Subject",
        "Received",
        "a:b",
        "",
    ] {
        assert_eq!(
            code(|mail| mail.headers = vec![(name.into(), "x".into())]),
            "invalid",
            "{name}"
        );
    }
}

#[test]
fn what_cannot_be_sent_is_refused() {
    assert_eq!(code(|mail| mail.to.clear()), "invalid");
    assert_eq!(code(|mail| mail.text = None), "invalid");
    assert_eq!(code(|mail| mail.to = vec!["nobody".into()]), "invalid");
    assert_eq!(
        code(|mail| mail.to = vec!["a@b.example>, <c@d.example".into()]),
        "invalid"
    );
    assert_eq!(
        code(|mail| mail.to = (0..101).map(|n| format!("a{n}@b.example")).collect()),
        "invalid"
    );
    let big = |bytes| Attachment {
        name: "a".into(),
        content_type: "text/plain".into(),
        content: vec![0; bytes].into(),
    };
    assert_eq!(
        code(|mail| mail.attachments = vec![big(13 << 20), big(13 << 20)]),
        "too-large"
    );
}

#[test]
fn domains_become_ascii_and_local_parts_ask_for_utf8() {
    let (mail, text) = built(|mail| mail.to = vec!["Bob <bob@bücher.example>".into()]).unwrap();
    assert_eq!(mail.recipients, ["bob@xn--bcher-kva.example"]);
    assert!(!mail.needs_utf8);
    assert!(text.is_ascii());
    let (mail, _) = built(|mail| mail.to = vec!["bücher@example.org".into()]).unwrap();
    assert!(mail.needs_utf8);
}

proptest! {
    #[test]
    fn no_field_adds_a_line_to_the_head(
        name in "\\PC{0,20}", subject in "\\PC{0,80}", value in "\\PC{0,80}",
    ) {
        let result = built(|mail| {
            mail.to = vec![format!("{name} <bob@example.org>")];
            mail.subject = subject;
            mail.headers = vec![("X-Extra".into(), value)];
        });
        if let Ok((_, text)) = result {
            let head = text.split("\r\n\r\n").next().unwrap();
            for line in head.split("\r\n") {
                let known = ["From: ", "To: ", "Subject: ", "Subject:", "Message-ID: ", "Date: ", "X-Extra: ", "X-Extra:",
                    "MIME-Version: ", "Content-Type: ", "Content-Transfer-Encoding: ", " "];
                prop_assert!(known.iter().any(|start| line.starts_with(start)), "{:?}", line);
            }
        }
    }
}
