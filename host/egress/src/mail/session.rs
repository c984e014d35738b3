//! The conversation with a mail server, from its greeting to its verdict.

use std::io;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::message::Built;
use super::wire::{Reply, Stream, Wire, transparent};
use super::{MailAccepted, MailTls, Rejection, Stage};
use crate::Error;
use crate::progress::Progress;
use crate::target::Target;
use crate::tls::handshake;

/// Credentials with their secrets in them.
pub(super) struct Login {
    pub(super) username: String,
    pub(super) password: String,
}

impl Login {
    /// What AUTH PLAIN sends; secret as a whole.
    pub(super) fn plain(&self) -> String {
        BASE64_STANDARD.encode(format!("\0{}\0{}", self.username, self.password))
    }
}

pub(super) struct Session<'a> {
    wire: Wire<Box<dyn Stream>>,
    target: &'a Target,
    /// The lines of the reply to EHLO behind the first, in upper case.
    features: Vec<String>,
}

impl<'a> Session<'a> {
    /// Greets, and begins TLS where it is wanted.
    pub(super) async fn open(
        stream: TcpStream,
        tls: MailTls,
        connector: &TlsConnector,
        target: &'a Target,
        hello: &str,
    ) -> Result<Session<'a>, Error> {
        let hello = hello_argument(hello)?;
        // The conversation goes back and forth in small pieces.
        stream
            .set_nodelay(true)
            .map_err(|why| broken(target, &why, false))?;
        let stream: Box<dyn Stream> = match tls {
            MailTls::None => Box::new(greeted(stream, target).await?),
            MailTls::Implicit => {
                let stream = begin_tls(connector, target, stream).await?;
                Box::new(greeted(stream, target).await?)
            }
            MailTls::StartTls => {
                let mut wire = Wire::new(greeted(stream, target).await?);
                let features = ehlo(&mut wire, target, &hello).await?;
                if !features.iter().any(|line| line == "STARTTLS") {
                    return Err(Error::Tls {
                        host: target.to_string(),
                        text: "the server offers no STARTTLS".into(),
                    });
                }
                let reply = wire.command("STARTTLS").await;
                expect(reply, Stage::StartTls, target)?;
                let stream = wire
                    .into_stream()
                    .map_err(|why| broken(target, &why, false))?;
                Box::new(begin_tls(connector, target, stream).await?)
            }
        };
        // What was said before TLS counts for nothing: EHLO again.
        let mut wire = Wire::new(stream);
        let features = ehlo(&mut wire, target, &hello).await?;
        Ok(Session {
            wire,
            target,
            features,
        })
    }

    fn supports(&self, keyword: &str) -> bool {
        self.features
            .iter()
            .any(|line| line.split_whitespace().next() == Some(keyword))
    }

    /// AUTH PLAIN, or LOGIN where only that is offered.
    pub(super) async fn login(&mut self, login: &Login) -> Result<(), Error> {
        let offered: Vec<&str> = self
            .features
            .iter()
            .filter_map(|line| {
                line.strip_prefix("AUTH")
                    .filter(|rest| rest.starts_with([' ', '=']))
            })
            .flat_map(|rest| rest[1..].split_whitespace())
            .collect();
        let mechanism = [Mechanism::Plain, Mechanism::Login]
            .into_iter()
            .find(|mechanism| offered.contains(&mechanism.to_string().as_str()))
            .ok_or_else(|| {
                let offers = if offered.is_empty() {
                    "none".into()
                } else {
                    offered.join(", ")
                };
                Error::invalid(format!(
                    "{} takes neither AUTH PLAIN nor AUTH LOGIN; it offers {offers}",
                    self.target
                ))
            })?;
        let credentials = Credentials::new(login.username.clone(), login.password.clone());
        if mechanism == Mechanism::Plain {
            return self
                .command(&format!("AUTH PLAIN {}", login.plain()), Stage::Auth)
                .await
                .map(drop);
        }
        let mut reply = self.command("AUTH LOGIN", Stage::Auth).await?;
        // User name, password, and no more questions.
        for _ in 0..2 {
            let answer = challenge(&reply)
                .and_then(|challenge| mechanism.response(&credentials, Some(&challenge)).ok())
                .ok_or_else(|| Error::Broken {
                    host: self.target.to_string(),
                    text: "it asks in AUTH LOGIN what cannot be understood".into(),
                    maybe_sent: false,
                })?;
            reply = self
                .command(&BASE64_STANDARD.encode(answer), Stage::Auth)
                .await?;
            if reply.code < 300 {
                return Ok(());
            }
        }
        Err(refused(&reply, Stage::Auth))
    }

    /// Says good-bye without a mail; the answer is the server's last word.
    pub(super) async fn leave(mut self) -> Result<MailAccepted, Error> {
        let reply = self.command("QUIT", Stage::Connect).await?;
        Ok(MailAccepted {
            message_id: String::new(),
            response: reply.text(),
            accepted: Vec::new(),
            rejected: Vec::new(),
        })
    }

    /// MAIL, RCPT for each recipient, DATA, the message.
    pub(super) async fn hand_over(
        mut self,
        mail: &Built,
        progress: &Progress,
    ) -> Result<MailAccepted, Error> {
        let result = self.transaction(mail, progress).await;
        if matches!(&result, Ok(_) | Err(Error::Smtp { .. })) {
            // Courtesy: the verdict stands already, so nobody waits for the answer.
            let _ = self.wire.write(b"QUIT\r\n").await;
        }
        result
    }

    async fn transaction(
        &mut self,
        mail: &Built,
        progress: &Progress,
    ) -> Result<MailAccepted, Error> {
        let from = self.mail_from(mail)?;
        self.command(&from, Stage::Mail).await?;
        let mut accepted = Vec::new();
        let mut rejected = Vec::new();
        for address in &mail.recipients {
            let reply = self.wire.command(&format!("RCPT TO:<{address}>")).await;
            let reply = reply.map_err(|why| broken(self.target, &why, false))?;
            if reply.positive() {
                accepted.push(address.clone());
            } else {
                rejected.push(rejection(address, &reply));
                // 421: the server is going away, the others need not be asked (RFC 5321, 3.8).
                if reply.code == 421 {
                    return Err(refused(&reply, Stage::Rcpt));
                }
            }
        }
        if accepted.is_empty() {
            return Err(all_refused(rejected));
        }
        let reply = match self.command("DATA", Stage::Data).await {
            Ok(reply) => reply,
            Err(error) => return Err(with_rejections(error, rejected)),
        };
        if reply.code != 354 {
            return Err(refused(&reply, Stage::Data));
        }
        let lost = |why: &io::Error, maybe_sent| broken(self.target, why, maybe_sent);
        let wire = &mut self.wire;
        // Without the final dot the server must throw away what it has.
        wire.write(&transparent(&mail.text))
            .await
            .map_err(|why| lost(&why, false))?;
        progress.mark_sent();
        wire.write(b".\r\n").await.map_err(|why| lost(&why, true))?;
        let reply = wire.reply().await.map_err(|why| lost(&why, true))?;
        if reply.code >= 300 {
            return Err(with_rejections(refused(&reply, Stage::Message), rejected));
        }
        Ok(MailAccepted {
            message_id: mail.message_id.clone(),
            response: reply.text(),
            accepted,
            rejected,
        })
    }

    fn mail_from(&self, mail: &Built) -> Result<String, Error> {
        let mut command = format!("MAIL FROM:<{}>", mail.sender);
        if self.supports("SIZE") {
            command.push_str(&format!(" SIZE={}", mail.text.len()));
        }
        if !mail.text.is_ascii() && self.supports("8BITMIME") {
            command.push_str(" BODY=8BITMIME");
        }
        if mail.needs_utf8 {
            if !self.supports("SMTPUTF8") {
                return Err(Error::invalid(format!(
                    "an address has letters beyond ASCII before its @, and {} does not take such \
                     addresses (SMTPUTF8)",
                    self.target
                )));
            }
            command.push_str(" SMTPUTF8");
        }
        Ok(command)
    }

    async fn command(&mut self, command: &str, stage: Stage) -> Result<Reply, Error> {
        let reply = self.wire.command(command).await;
        expect(reply, stage, self.target)
    }
}

async fn begin_tls(
    connector: &TlsConnector,
    target: &Target,
    stream: TcpStream,
) -> Result<tokio_rustls::client::TlsStream<TcpStream>, Error> {
    handshake(connector, target.host(), stream)
        .await
        .map_err(|why| Error::Tls {
            host: target.to_string(),
            text: why.to_string(),
        })
}

/// Reads the greeting. Nothing may follow it before we speak, so the stream can be taken on.
async fn greeted<S: Stream>(stream: S, target: &Target) -> Result<S, Error> {
    let mut wire = Wire::new(stream);
    let reply = wire.reply().await;
    expect(reply, Stage::Connect, target)?;
    wire.into_stream()
        .map_err(|why| broken(target, &why, false))
}

async fn ehlo<S: Stream>(
    wire: &mut Wire<S>,
    target: &Target,
    hello: &str,
) -> Result<Vec<String>, Error> {
    let reply = wire.command(&format!("EHLO {hello}")).await;
    let reply = expect(reply, Stage::Ehlo, target)?;
    Ok(reply
        .lines
        .iter()
        .skip(1)
        .map(|line| line.trim().to_ascii_uppercase())
        .collect())
}

/// A name as EHLO takes it: a domain, or an address in brackets.
fn hello_argument(name: &str) -> Result<String, Error> {
    if let Some(inside) = name
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
        && !inside.is_empty()
        && inside
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b':'))
    {
        return Ok(name.to_owned());
    }
    crate::target::parse_host(name).map(|host| match host {
        url::Host::Domain(name) => name,
        url::Host::Ipv4(address) => format!("[{address}]"),
        url::Host::Ipv6(address) => format!("[IPv6:{address}]"),
    })
}

fn challenge(reply: &Reply) -> Option<String> {
    if reply.code != 334 {
        return None;
    }
    String::from_utf8(BASE64_STANDARD.decode(reply.text().trim()).ok()?).ok()
}

fn expect(reply: io::Result<Reply>, stage: Stage, target: &Target) -> Result<Reply, Error> {
    let reply = reply.map_err(|why| broken(target, &why, false))?;
    if reply.positive() {
        Ok(reply)
    } else {
        Err(refused(&reply, stage))
    }
}

fn broken(target: &Target, why: &io::Error, maybe_sent: bool) -> Error {
    Error::Broken {
        host: target.to_string(),
        text: why.to_string(),
        maybe_sent,
    }
}

fn refused(reply: &Reply, stage: Stage) -> Error {
    Error::Smtp {
        stage,
        code: reply.code,
        enhanced: reply.enhanced(),
        text: reply.text(),
        rejected: Vec::new(),
    }
}

fn rejection(address: &str, reply: &Reply) -> Rejection {
    Rejection {
        address: address.to_owned(),
        code: reply.code,
        enhanced: reply.enhanced(),
        text: reply.text(),
    }
}

/// Nobody was taken. The code is that of a refusal that may pass, if there is one, so that the mail
/// is tried again as long as one recipient can still get it.
fn all_refused(rejected: Vec<Rejection>) -> Error {
    let speaks = rejected
        .iter()
        .find(|one| one.code < 500)
        .or(rejected.first());
    Error::Smtp {
        stage: Stage::Rcpt,
        code: speaks.map_or(550, |one| one.code),
        enhanced: speaks.and_then(|one| one.enhanced.clone()),
        text: speaks.map(|one| one.text.clone()).unwrap_or_default(),
        rejected,
    }
}

fn with_rejections(mut error: Error, before: Vec<Rejection>) -> Error {
    if let Error::Smtp { rejected, .. } = &mut error {
        *rejected = before;
    }
    error
}
