//! Mail against an SMTP server that others wrote (aiosmtpd), read by a parser that others wrote
//! (Python's `email`): what leaves arrives, is well formed, and every refusal of the server leads
//! where it should.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use jackfield_peers::Crm;
use jackfield_tests::{Host, Program, until};
use serde_json::{Value, json};

const USER: &str = "post";
const PASSWORD: &str = "a password for loopback";
const ANN: &str = "email:ann@example.com";

/// A host with a mail channel to an SMTP server.
struct Post {
    host: Host,
    server: Program,
}

impl Post {
    async fn open() -> Post {
        Post::open_with(PASSWORD).await
    }

    async fn open_with(password: &str) -> Post {
        let server = Program::python("smtpd.py", &[USER, PASSWORD]).await;
        let host = Host::start().await;
        let channel = json!({
            "name": "mail",
            "connector": "smtp-email@1",
            "settings": {
                "host": "127.0.0.1", "port": server.ready["port"], "tls": "none", "username": USER,
                "from-address": "hello@example.com", "from-name": "Büro “Zürich”, Café",
                "reply-to": "answers@example.com",
            },
            "secrets": {"password": password},
        });
        host.api.post("/v1/channels", channel).await.ok();
        Post { host, server }
    }

    /// Publishes a workflow of one mail with these settings, and starts it.
    async fn send(&self, settings: Value) -> String {
        let document = json!({
            "name": "mail",
            "trigger": {"event": "mail.wanted"},
            "steps": {"mail": {"uses": "send-message@1", "with": settings}},
        });
        let put = self.host.api.put("/v1/workflows/mail", document).await;
        put.ok();
        self.host
            .api
            .post("/v1/workflows/mail/publish", json!({}))
            .await
            .ok();
        self.host
            .api
            .start("mail.wanted", Some(ANN), json!({"user": {"name": "Ann"}}))
            .await
    }

    /// Starts it and waits for its mail to be taken; gives mail and message.
    async fn sent(&mut self, settings: Value) -> (Value, Value) {
        let run = self.send(settings).await;
        self.host.api.completed(&run).await;
        let message = self.host.api.messages(&run).await.remove(0);
        let arrived = self.arrived().await;
        (
            arrived["mails"]
                .as_array()
                .unwrap()
                .last()
                .expect("a mail")
                .clone(),
            message,
        )
    }

    /// Starts it and waits for its end, which must be a failure with this code.
    async fn failed(&self, settings: Value, code: &str) -> (String, Option<Value>) {
        let run = self.send(settings).await;
        let over = self.host.api.over(&run).await;
        assert_eq!(
            (&over["state"], &over["reason"]),
            (&json!("failed"), &json!(code)),
            "{over:#}"
        );
        let message = self.host.api.messages(&run).await.pop();
        (run, message)
    }

    async fn arrived(&mut self) -> Value {
        self.server.ask(json!({})).await
    }
}

fn part<'a>(mail: &'a Value, kind: &str) -> &'a Value {
    let mut parts = mail["parts"].as_array().unwrap().iter();
    parts
        .find(|part| part["type"] == kind)
        .unwrap_or_else(|| panic!("no {kind} in {mail:#}"))
}

#[tokio::test]
async fn a_mail_arrives_with_both_bodies_and_the_headers_that_it_should_have() {
    let mut post = Post::open().await;
    let tested = post
        .host
        .api
        .post("/v1/channels/mail/test", json!({}))
        .await
        .ok();
    assert_eq!(tested["ok"], true, "{tested:#}");
    let (mail, message) = post
        .sent(json!({
            "channel": "mail",
            "subject": "Zwölf Grüße für ${event.user.name} – €",
            "html": "<p>Grüße, <b>$event.user.name</b> &amp; Co. €</p>",
            "text": "Grüße, $event.user.name & Co. €",
            "cc": "copy@example.com",
            "bcc": ["hidden@example.com"],
            "unsubscribe": {},
        }))
        .await;
    assert_eq!(mail["defects"], json!([]), "{mail:#}");
    assert_eq!(mail["type"], "multipart/alternative");
    assert_eq!(
        mail["tree"],
        json!(["multipart/alternative", "text/plain", "text/html"])
    );
    assert_eq!(mail["subject"], "Zwölf Grüße für Ann – €");
    let from = json!([{"name": "Büro “Zürich”, Café", "address": "hello@example.com"}]);
    assert_eq!(mail["from"], from);
    assert_eq!(
        mail["to"],
        json!([{"name": "", "address": "ann@example.com"}])
    );
    assert_eq!(mail["cc"][0]["address"], "copy@example.com");
    assert_eq!(mail["reply-to"][0]["address"], "answers@example.com");
    let mut recipients: Vec<&str> = mail["recipients"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(Value::as_str)
        .collect();
    recipients.sort_unstable();
    assert_eq!(
        recipients,
        ["ann@example.com", "copy@example.com", "hidden@example.com"]
    );
    assert!(
        !mail["raw"].as_str().unwrap().contains("hidden@"),
        "the blind copy is named"
    );
    assert_eq!(mail["sender"], "hello@example.com");

    let text = part(&mail, "text/plain");
    assert!(
        text["text"]
            .as_str()
            .unwrap()
            .contains("Grüße, Ann & Co. €"),
        "{text:#}"
    );
    let html = part(&mail, "text/html");
    assert!(
        html["text"]
            .as_str()
            .unwrap()
            .contains("<b>Ann</b> &amp; Co."),
        "{html:#}"
    );
    for body in [text, html] {
        assert_eq!(
            (&body["charset"], &body["defects"]),
            (&json!("utf-8"), &json!([]))
        );
        assert!(
            body["text"].as_str().unwrap().contains("/u/"),
            "no unsubscribe link: {body:#}"
        );
    }
    let headers = &mail["headers"];
    let link = headers["list-unsubscribe"]
        .as_str()
        .expect("List-Unsubscribe");
    assert!(
        link.starts_with('<') && link.ends_with('>') && link.contains("/u/"),
        "{link}"
    );
    assert_eq!(
        headers["list-unsubscribe-post"],
        "List-Unsubscribe=One-Click"
    );
    assert_eq!(headers["auto-submitted"], "auto-generated");
    assert_eq!(headers["mime-version"], "1.0");
    assert!(headers["date"].is_string() && headers["message-id"].is_string());
    for name in [
        "from",
        "to",
        "subject",
        "date",
        "message-id",
        "mime-version",
    ] {
        let count = mail["names"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|n| **n == name)
            .count();
        assert_eq!(count, 1, "{name}");
    }
    // The Message-ID is what the message is known by.
    let id = message["provider-id"].as_str().unwrap();
    assert!(
        headers["message-id"].as_str().unwrap().contains(id),
        "{id} {headers:#}"
    );

    // The one click of the header works.
    let click = post
        .host
        .api
        .without_key()
        .request(reqwest::Method::POST, link.trim_matches(['<', '>']))
        .form(&[("List-Unsubscribe", "One-Click")]);
    assert_eq!(post.host.api.send(click).await.status, 200);
    let (_, message) = post
        .failed(json!({"channel": "mail", "text": "More"}), "opted-out")
        .await;
    assert_eq!(message.unwrap()["status"], "suppressed");
    let arrived = post.arrived().await;
    assert_eq!(arrived["mails"].as_array().unwrap().len(), 1);
    assert_eq!(arrived["logins"]["bad"], 0);
}

#[tokio::test]
async fn five_attachments_arrive_whole_and_six_are_refused() {
    let mut post = Post::open().await;
    let crm = Crm::start().await.unwrap();
    // "file N\0", so that it is no text.
    let contents = [
        "ZmlsZSAwAA==",
        "ZmlsZSAxAA==",
        "ZmlsZSAyAA==",
        "ZmlsZSAzAA==",
    ];
    let own = |n: usize| {
        json!({
            "content": contents[n],
            "file-name": format!("Übersicht {n}.bin"),
            "content-type": "application/octet-stream",
        })
    };
    let fetched = json!({"url": format!("{}/report.json", crm.url)});
    let five = json!([own(0), own(1), own(2), own(3), fetched]);
    let (mail, _) = post
        .sent(json!({"channel": "mail", "subject": "Files", "text": "Here", "media": five}))
        .await;
    assert_eq!(mail["type"], "multipart/mixed", "{mail:#}");
    assert_eq!(mail["defects"], json!([]));
    let parts = mail["parts"].as_array().unwrap();
    let files: Vec<&Value> = parts
        .iter()
        .filter(|part| part["disposition"] == "attachment")
        .collect();
    assert_eq!(files.len(), 5, "{mail:#}");
    for (n, file) in files[..4].iter().enumerate() {
        assert_eq!(file["name"], format!("Übersicht {n}.bin"));
        assert_eq!(file["base64"], own(n)["content"]);
    }
    assert_eq!(
        (&files[4]["name"], &files[4]["type"]),
        (&json!("report.json"), &json!("application/json"))
    );
    assert_eq!(crm.requests().count(), 1);

    let six = json!([own(0), own(1), own(2), own(3), own(0), own(1)]);
    let settings = json!({"channel": "mail", "text": "Here", "media": six});
    let (_, message) = post.failed(settings, "content-rejected").await;
    assert!(message.is_none(), "it never came into the outbox");
    assert_eq!(post.arrived().await["mails"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn mails_of_one_workflow_to_one_contact_are_one_thread() {
    let mut post = Post::open().await;
    let mut mails = Vec::new();
    for n in 1..=3 {
        let settings = json!({"channel": "mail", "subject": format!("Part {n}"), "text": "Hello"});
        mails.push(post.sent(settings).await.0);
    }
    let header = |n: usize, name: &str| mails[n]["headers"][name].as_str().map(str::to_owned);
    let id = |n: usize| header(n, "message-id").unwrap();
    assert_eq!(
        (header(0, "in-reply-to"), header(0, "references")),
        (None, None)
    );
    assert_eq!(header(1, "in-reply-to"), Some(id(0)));
    assert_eq!(header(1, "references"), Some(id(0)));
    assert_eq!(header(2, "in-reply-to"), Some(id(1)));
    let references = header(2, "references").unwrap();
    assert_eq!(
        references.split_whitespace().collect::<Vec<_>>(),
        [id(0), id(1)]
    );
}

#[tokio::test]
async fn a_recipient_who_is_busy_is_tried_again_and_the_mail_arrives_once() {
    let mut post = Post::open().await;
    let (mail, message) = post
        .sent(json!({"channel": "mail", "to": "grey@example.com", "text": "Hello"}))
        .await;
    assert_eq!(mail["recipients"], json!(["grey@example.com"]));
    assert_eq!(message["attempts"], 2, "{message:#}");
    let arrived = post.arrived().await;
    assert_eq!(arrived["mails"].as_array().unwrap().len(), 1);
    assert_eq!(arrived["tried"]["grey@example.com"], 2);
}

#[tokio::test]
async fn a_recipient_who_stays_busy_fails_after_the_last_try() {
    let mut post = Post::open().await;
    let settings = json!({"channel": "mail", "to": "busy@example.com", "text": "Hello"});
    let (_, message) = post.failed(settings, "transient").await;
    let message = message.unwrap();
    assert_eq!(
        (&message["status"], &message["attempts"]),
        (&json!("failed"), &json!(3))
    );
    assert!(
        message["error"]["message"]
            .as_str()
            .unwrap()
            .contains("450"),
        "{message:#}"
    );
    assert_eq!(post.arrived().await["tried"]["busy@example.com"], 3);
}

#[tokio::test]
async fn a_recipient_who_does_not_exist_fails_at_once() {
    let mut post = Post::open().await;
    let settings = json!({"channel": "mail", "to": "nobody@example.com", "text": "Hello"});
    let (run, message) = post.failed(settings, "recipient-invalid").await;
    let message = message.unwrap();
    assert_eq!(
        (&message["status"], &message["attempts"]),
        (&json!("failed"), &json!(1))
    );
    assert!(
        message["error"]["message"]
            .as_str()
            .unwrap()
            .contains("550"),
        "{message:#}"
    );
    let shown = post.host.cli(["run", "show", &run]).await.ok();
    assert!(shown.contains("no such user"), "{shown}");
    assert_eq!(post.arrived().await["tried"]["nobody@example.com"], 1);
}

#[tokio::test]
async fn one_bad_recipient_does_not_keep_the_mail_from_the_others() {
    let mut post = Post::open().await;
    let to = json!(["bob@example.com", "nobody@example.com"]);
    let (mail, message) = post
        .sent(json!({"channel": "mail", "to": to, "text": "Hello"}))
        .await;
    assert_eq!(mail["recipients"], json!(["bob@example.com"]));
    let rejected = &message["detail"]["rejected"][0];
    assert_eq!(
        (&rejected["address"], &rejected["code"]),
        (&json!("nobody@example.com"), &json!(550)),
        "{message:#}"
    );
}

#[tokio::test]
async fn content_that_the_server_refuses_fails_at_once() {
    let mut post = Post::open().await;
    let settings = json!({"channel": "mail", "subject": "REFUSE this", "text": "Hello"});
    let (_, message) = post.failed(settings, "content-rejected").await;
    let message = message.unwrap();
    assert!(
        message["error"]["message"]
            .as_str()
            .unwrap()
            .contains("554"),
        "{message:#}"
    );
    assert_eq!(message["attempts"], 1);
    assert_eq!(post.arrived().await["mails"], json!([]));
}

#[tokio::test]
async fn keys_that_expired_take_the_branch_failure_where_the_author_wants_it() {
    let mut post = Post::open_with("not the password").await;
    let settings = || json!({"channel": "mail", "text": "Hello", "when-paused": "fail"});
    // The first learns it from the server, the second is not tried at all.
    for code in ["auth", "channel-paused"] {
        let run = post.send(settings()).await;
        let over = post.host.api.over(&run).await;
        let timeline = json!(post.host.api.timeline(&run).await).to_string();
        assert_eq!(over["state"], "failed", "{over:#}");
        assert!(
            timeline.contains(&format!("\"{code}\"")),
            "{code}: {timeline}"
        );
        let channel = post.host.api.get("/v1/channels/mail").await.ok();
        assert_eq!(channel["state"], "paused", "{channel:#}");
    }
    let arrived = post.arrived().await;
    assert_eq!(arrived["mails"], json!([]));
}

#[tokio::test]
async fn a_wrong_password_pauses_the_channel_and_the_right_one_sends_what_waits() {
    let mut post = Post::open_with("not the password").await;
    let tested = post
        .host
        .api
        .post("/v1/channels/mail/test", json!({}))
        .await
        .ok();
    assert_eq!(
        (&tested["ok"], &tested["code"]),
        (&json!(false), &json!("auth")),
        "{tested:#}"
    );
    let run = post.send(json!({"channel": "mail", "text": "Hello"})).await;
    let channel = until("the channel to be paused", async || {
        let channel = post.host.api.get("/v1/channels/mail").await.ok();
        (channel["state"] == "paused").then_some(channel)
    })
    .await;
    assert!(
        channel["reason"].as_str().unwrap().contains("535"),
        "{channel:#}"
    );
    let message = post.host.api.messages(&run).await.remove(0);
    assert_eq!(message["status"], "queued", "{message:#}");
    assert_eq!(post.host.api.run(&run).await["state"], "waiting");
    let doctor = post.host.cli(["doctor"]).await;
    assert!(doctor.out.contains("mail is paused"), "{}", doctor.out);

    // It outlives a restart, and nothing is tried meanwhile.
    post.host.restart().await;
    let bad = post.arrived().await["logins"]["bad"].clone();
    assert_eq!(
        post.host.api.get("/v1/channels/mail").await.ok()["state"],
        "paused"
    );

    let secret = json!({"value": PASSWORD});
    let put = post
        .host
        .api
        .put("/v1/channels/mail/secrets/password", secret)
        .await;
    assert_eq!(put.status, 204, "{}", put.text);
    post.host
        .api
        .post("/v1/channels/mail/resume", json!({}))
        .await
        .ok();
    post.host.api.completed(&run).await;
    let arrived = post.arrived().await;
    assert_eq!(arrived["mails"].as_array().unwrap().len(), 1);
    assert_eq!(arrived["logins"]["bad"], bad);
    // The password is nowhere to be read.
    for text in [
        post.host.log(),
        post.host.api.get("/v1/channels/mail").await.text,
    ] {
        assert!(!text.contains(PASSWORD) && !text.contains("not the password"));
    }
}
