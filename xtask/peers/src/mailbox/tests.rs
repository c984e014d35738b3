//! The mailbox against lettre, which has its own idea of SMTP and MIME.
#![allow(clippy::unwrap_used)]

use super::*;
use lettre::message::{Attachment as Part, MultiPart, SinglePart, header::ContentType};
use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::{Error as SmtpError, response::Response};
use lettre::{AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor};

async fn send(mailbox: &Mailbox, password: &str, message: Message) -> Result<Response, SmtpError> {
    send_by(mailbox, password, Mechanism::Plain, message).await
}

async fn send_by(
    mailbox: &Mailbox,
    password: &str,
    mechanism: Mechanism,
    message: Message,
) -> Result<Response, SmtpError> {
    AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous("127.0.0.1")
        .port(mailbox.port)
        .credentials(Credentials::new(
            mailbox.username.clone(),
            password.to_owned(),
        ))
        .authentication(vec![mechanism])
        .build()
        .send(message)
        .await
}

fn message(to: &str) -> Message {
    Message::builder()
        .from("Jackfield <office@example.org>".parse().unwrap())
        .to(to.parse().unwrap())
        .subject("Verpasster Anruf – Grüße")
        .in_reply_to("<earlier@example.org>".to_owned())
        .multipart(
            MultiPart::mixed()
                .multipart(MultiPart::alternative_plain_html(
                    "Guten Tag\r\n.\r\n..zwei Punkte".to_owned(),
                    "<p>Guten Tag</p>".to_owned(),
                ))
                .singlepart(
                    Part::new("Übersicht.txt".to_owned())
                        .body(b"1;2;3".to_vec(), ContentType::TEXT_PLAIN),
                ),
        )
        .unwrap()
}

#[tokio::test]
async fn a_mail_comes_back_as_it_was_written() {
    let mailbox = Mailbox::start().await.unwrap();
    for mechanism in [Mechanism::Plain, Mechanism::Login] {
        let mail = message("Ann <ann@example.net>");
        send_by(&mailbox, &mailbox.password, mechanism, mail)
            .await
            .unwrap();
    }
    let mails = mailbox.mails().all();
    assert_eq!(mails.len(), 2);
    let mail = &mails[0];
    assert_eq!(mail.authenticated_as.as_deref(), Some("jackfield"));
    assert_eq!(mail.envelope_from, "office@example.org");
    assert_eq!(mail.envelope_to, ["ann@example.net"]);
    assert_eq!(mail.from, "Jackfield <office@example.org>");
    assert_eq!(mail.to, ["Ann <ann@example.net>"]);
    assert_eq!(mail.subject, "Verpasster Anruf – Grüße");
    assert_eq!(
        mail.text.as_deref().unwrap().trim_end(),
        "Guten Tag\r\n.\r\n..zwei Punkte"
    );
    assert_eq!(mail.html.as_deref().unwrap().trim_end(), "<p>Guten Tag</p>");
    assert_eq!(mail.header("in-reply-to"), Some("<earlier@example.org>"));
    assert_eq!(
        mail.attachments,
        [Attachment {
            name: Some("Übersicht.txt".to_owned()),
            content_type: Some("text/plain".to_owned()),
            bytes: b"1;2;3".to_vec(),
        }]
    );
}

#[tokio::test]
async fn a_mail_of_one_part_has_no_html() {
    let mailbox = Mailbox::start().await.unwrap();
    let mail = Message::builder()
        .from("office@example.org".parse().unwrap())
        .to("ann@example.net".parse().unwrap())
        .singlepart(SinglePart::plain("short".to_owned()))
        .unwrap();
    send(&mailbox, &mailbox.password, mail).await.unwrap();
    let mail = mailbox.mails().all().remove(0);
    assert_eq!(mail.text.as_deref().map(str::trim_end), Some("short"));
    assert_eq!(mail.html, None);
}

#[tokio::test]
async fn a_wrong_password_is_refused_with_535_and_nothing_is_taken() {
    let mailbox = Mailbox::start().await.unwrap();
    let error = send(&mailbox, "wrong", message("ann@example.net"))
        .await
        .unwrap_err();
    assert_eq!(error.status().unwrap().to_string(), "535");
    assert_eq!(mailbox.mails().count(), 0);
}

#[tokio::test]
async fn an_open_mailbox_takes_mail_from_anyone() {
    let mailbox = Mailbox::start_open().await.unwrap();
    let transport = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous("127.0.0.1")
        .port(mailbox.port)
        .build();
    transport.send(message("ann@example.net")).await.unwrap();
    assert_eq!(mailbox.mails().all()[0].authenticated_as, None);
}

#[tokio::test]
async fn a_refused_recipient_gets_the_reply_that_was_ordered() {
    let mailbox = Mailbox::start().await.unwrap();
    mailbox.refuse_recipient("Gone@example.net", Refusal::new(550, "5.1.1 User unknown"));
    mailbox.refuse_recipient_times("grey@example.net", Refusal::new(450, "4.2.1 Later"), 1);
    let password = mailbox.password.clone();
    let gone = send(&mailbox, &password, message("gone@example.net"))
        .await
        .unwrap_err();
    assert!(
        gone.is_permanent() && gone.to_string().contains("5.1.1"),
        "{gone}"
    );
    let grey = send(&mailbox, &password, message("grey@example.net"))
        .await
        .unwrap_err();
    assert!(grey.is_transient(), "{grey}");
    send(&mailbox, &password, message("grey@example.net"))
        .await
        .unwrap();
    assert_eq!(mailbox.mails().count(), 1);
}

#[tokio::test]
async fn a_mail_is_refused_at_its_end_or_its_reply_is_lost() {
    let mailbox = Mailbox::start().await.unwrap();
    let password = mailbox.password.clone();
    mailbox.refuse_next_mail(Refusal::new(554, "5.7.1 Policy"));
    let refused = send(&mailbox, &password, message("ann@example.net"))
        .await
        .unwrap_err();
    assert!(refused.is_permanent(), "{refused}");
    assert_eq!(mailbox.mails().count(), 0);
    mailbox.hang_up_after_next_mail();
    let lost = send(&mailbox, &password, message("ann@example.net"))
        .await
        .unwrap_err();
    assert!(lost.status().is_none(), "the sender cannot know: {lost}");
    assert_eq!(mailbox.mails().count(), 1);
}
