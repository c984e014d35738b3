//! Mail to a server over SMTP (RFC 5321): grant, address, conversation, verdict for each recipient.
//!
//! `message` builds the MIME text with lettre; `wire` reads and writes lines; `session` is the
//! conversation. The conversation is ours and not lettre's transport, for three reasons: the
//! connection must go to the address that was judged; each recipient's refusal must be told apart;
//! and it must be known whether a connection that broke did so before or after the final dot,
//! because only after it the server may have taken the mail.

mod message;
mod session;
mod wire;

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use tokio::net::TcpStream;
use tokio::time::Instant;
use tracing::{Instrument as _, Span, field};

use crate::options::timeout;
use crate::placeholder::{Escape, Filler, Template};
use crate::progress::{Progress, Waiting};
use crate::scrub::Scrubber;
use crate::target::Target;
use crate::{Caller, Error, Inner, Place, Secrets, meter, resolve};

use message::Built;
use session::{Login, Session};

const KIND: &str = "mail";

/// How a mail server is spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MailTls {
    /// TLS from the first byte (port 465).
    Implicit,
    /// STARTTLS, required (port 587).
    StartTls,
    /// No TLS. Refused together with credentials, but for loopback addresses.
    None,
}

/// A mail server and the credentials for it.
#[derive(Clone)]
pub struct MailServer {
    /// Name or address.
    pub host: String,
    /// The port; 465 and 587 are usual.
    pub port: u16,
    /// How it is spoken to.
    pub tls: MailTls,
    /// User name for AUTH PLAIN or LOGIN. Placeholders may stand in it.
    pub username: Option<String>,
    /// Password. Placeholders may stand in it.
    pub password: Option<String>,
    /// The name given in EHLO; none is the domain of the sender.
    pub hello_name: Option<String>,
    /// For the whole conversation; none is the host's default.
    pub timeout: Option<Duration>,
    /// Certificates (PEM) of authorities that this server's certificate may come from beside those
    /// of the operating system.
    pub authorities: Option<String>,
}

/// Prints no credentials.
impl fmt::Debug for MailServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MailServer")
            .field("host", &self.host)
            .field("port", &self.port)
            .field("tls", &self.tls)
            .finish_non_exhaustive()
    }
}

/// One mail. Addresses are mailboxes: `Ann <ann@example.com>` or `ann@example.com`.
#[derive(Clone, Debug, Default)]
pub struct Mail {
    /// The sender, of the header and of the envelope.
    pub from: String,
    /// Recipients that everybody sees.
    pub to: Vec<String>,
    /// Recipients of a copy.
    pub cc: Vec<String>,
    /// Recipients that nobody sees.
    pub bcc: Vec<String>,
    /// Where answers go.
    pub reply_to: Option<String>,
    /// The subject, in any script.
    pub subject: String,
    /// The text, for readers without HTML.
    pub text: Option<String>,
    /// The same as HTML.
    pub html: Option<String>,
    /// Files that go along.
    pub attachments: Vec<Attachment>,
    /// With or without angle brackets; none makes one, `<uuid@domain of the sender>`.
    pub message_id: Option<String>,
    /// The message that this one answers.
    pub in_reply_to: Option<String>,
    /// The messages of the thread, oldest first.
    pub references: Vec<String>,
    /// Further headers, such as `List-Unsubscribe` and `Auto-Submitted`.
    pub headers: Vec<(String, String)>,
    /// The `Date`; none is the time of sending.
    pub date: Option<SystemTime>,
}

/// A file in a mail.
#[derive(Clone, Debug)]
pub struct Attachment {
    /// The file's name, in any script.
    pub name: String,
    /// Such as `application/pdf`.
    pub content_type: String,
    /// Its bytes.
    pub content: Bytes,
}

/// A mail that a server has taken for at least one recipient.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct MailAccepted {
    /// Without angle brackets.
    pub message_id: String,
    /// The server's reply to the message, scrubbed.
    pub response: String,
    /// The recipients it was taken for.
    pub accepted: Vec<String>,
    /// The recipients that were refused.
    pub rejected: Vec<Rejection>,
}

/// A recipient that a server refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Rejection {
    /// The address.
    pub address: String,
    /// The reply code, such as 550.
    pub code: u16,
    /// The enhanced status code (RFC 3463), such as `5.1.1`.
    pub enhanced: Option<String>,
    /// What the server said.
    pub text: String,
}

/// Where in the conversation a server refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Stage {
    /// Its greeting.
    Connect,
    /// EHLO.
    Ehlo,
    /// STARTTLS.
    StartTls,
    /// AUTH: the credentials are wrong.
    Auth,
    /// MAIL FROM: the sender is not welcome.
    Mail,
    /// RCPT TO, for every recipient.
    Rcpt,
    /// DATA.
    Data,
    /// The message itself.
    Message,
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Stage::Connect => "the greeting",
            Stage::Ehlo => "EHLO",
            Stage::StartTls => "STARTTLS",
            Stage::Auth => "AUTH",
            Stage::Mail => "MAIL",
            Stage::Rcpt => "RCPT",
            Stage::Data => "DATA",
            Stage::Message => "the message",
        })
    }
}

/// Hands a mail to the server; without one, logs in and leaves, and what is accepted is nothing but
/// the server's last word.
pub(crate) async fn run(
    egress: &Inner,
    caller: &Caller,
    server: MailServer,
    mail: Option<Mail>,
    secrets: &dyn Secrets,
) -> Result<MailAccepted, Error> {
    let started = Instant::now();
    let span = tracing::debug_span!(
        "egress.mail",
        plugin = %caller.plugin,
        host = field::Empty,
        recipients = field::Empty,
        outcome = field::Empty,
    );
    let conversation = whole(egress, caller, server, mail, secrets).instrument(span.clone());
    let result = Box::pin(conversation).await;
    span.record(
        "outcome",
        result.as_ref().map_or_else(Error::code, |_| "ok"),
    );
    meter::ended(KIND, &result, started.elapsed());
    result
}

/// The conversation with its deadline; whatever comes out of it has been scrubbed.
async fn whole(
    egress: &Inner,
    caller: &Caller,
    server: MailServer,
    mail: Option<Mail>,
    secrets: &dyn Secrets,
) -> Result<MailAccepted, Error> {
    let limits = &egress.options.mail;
    let after = timeout(server.timeout, limits.default_timeout, limits.max_timeout)?;
    let target = Target::smtp(&server.host, server.port)?;
    Span::current().record("host", field::display(&target));
    caller.grant.check_smtp(&target)?;
    let built = mail.map(|mail| message::build(mail, limits)).transpose()?;
    Span::current().record(
        "recipients",
        built.as_ref().map_or(0, |built| built.recipients.len()),
    );

    let mut filler = Filler::new(&caller.grant, secrets);
    let progress = Arc::new(Progress::default());
    let work = converse(
        egress,
        caller,
        &server,
        &target,
        built.as_ref(),
        &mut filler,
        &progress,
    );
    let result = match tokio::time::timeout(after, work).await {
        Ok(result) => result,
        Err(_) => Err(match progress.waiting() {
            Waiting::Plugin => Error::Busy {
                what: format!("the plugin {}", caller.plugin),
                after,
            },
            Waiting::Host => Error::Busy {
                what: format!("the host {target}"),
                after,
            },
            Waiting::Nothing => Error::Timeout {
                host: target.to_string(),
                after,
                maybe_sent: progress.sent(),
            },
        }),
    };
    let scrubber = filler.scrubber();
    result
        .map(|accepted| scrubbed(accepted, &scrubber))
        .map_err(|error| error.scrubbed(&scrubber))
}

fn scrubbed(mut accepted: MailAccepted, scrubber: &Scrubber) -> MailAccepted {
    accepted.response = scrubber.text(&accepted.response).into_owned();
    for rejection in &mut accepted.rejected {
        rejection.text = scrubber.text(&rejection.text).into_owned();
    }
    accepted
}

async fn converse(
    egress: &Inner,
    caller: &Caller,
    server: &MailServer,
    target: &Target,
    built: Option<&Built>,
    filler: &mut Filler<'_>,
    progress: &Arc<Progress>,
) -> Result<MailAccepted, Error> {
    let _turn = progress
        .wait(Waiting::Plugin, egress.plugins.take(&caller.plugin))
        .await;
    let _turn_at_host = progress
        .wait(Waiting::Host, egress.hosts.take(&target.to_string()))
        .await;
    let login = login(server, target, filler).await?;
    let connector = egress.trust.for_mail(server.authorities.as_deref())?;
    let stream = connect(
        egress,
        target,
        login.is_some() && server.tls == MailTls::None,
    )
    .await?;
    let own = built.map_or("localhost", |built| built.domain.as_str());
    let hello = server.hello_name.as_deref().unwrap_or(own);
    let mut session = Session::open(stream, server.tls, &connector, target, hello).await?;
    if let Some(login) = &login {
        session.login(login).await?;
    }
    match built {
        None => session.leave().await,
        Some(built) => {
            meter::sent(KIND, built.text.len());
            session.hand_over(built, progress).await
        }
    }
}

/// The credentials with their secrets put in.
async fn login(
    server: &MailServer,
    target: &Target,
    filler: &mut Filler<'_>,
) -> Result<Option<Login>, Error> {
    let (username, password) = match (&server.username, &server.password) {
        (None, None) => return Ok(None),
        (Some(username), Some(password)) => (username, password),
        _ => return Err(Error::invalid("give user name and password, or neither")),
    };
    let username = Template::strict(username, "the user name")?;
    let password = Template::strict(password, "the password")?;
    let (place, plain) = (Place::SmtpAuth, Escape::None);
    let login = Login {
        username: filler.fill_text(&username, place, plain, target).await?,
        password: filler.fill_text(&password, place, plain, target).await?,
    };
    if username.has_secrets() || password.has_secrets() {
        filler.hide(login.plain());
    }
    Ok(Some(login))
}

/// Connects to the first judged address that answers. `private` says that credentials would go
/// over the connection unencrypted, which is for loopback alone.
async fn connect(egress: &Inner, target: &Target, private: bool) -> Result<TcpStream, Error> {
    let addresses = match target.address() {
        Some(address) => {
            let address = (address, target.port()).into();
            egress
                .allow
                .check(address)
                .map_err(|refusal| resolve::refused(refusal, target))?;
            vec![address]
        }
        None => {
            let name = target.bare_host();
            resolve::checked(
                egress.resolver.as_ref(),
                &egress.allow,
                &name,
                target.port(),
            )
            .await
            .map_err(|failure| failure.into_error(target))?
        }
    };
    if private && !addresses.iter().all(|address| address.ip().is_loopback()) {
        return Err(Error::invalid(format!(
            "credentials would go to {target} unencrypted; set tls to starttls or implicit"
        )));
    }
    let mut text = "the name has no address".to_owned();
    for address in addresses {
        let limit = egress.options.mail.connect_timeout;
        match tokio::time::timeout(limit, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => return Ok(stream),
            Ok(Err(why)) => text = why.to_string(),
            Err(_) => text = "it takes too long".to_owned(),
        }
    }
    Err(Error::Connect {
        host: target.to_string(),
        text,
    })
}
