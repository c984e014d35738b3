//! The connector `smtp-email`: mail out through any SMTP server.
//!
//! `mail` makes the mail of a message, `reply` makes a failure of what a server said. Mail does not
//! come in through this connector: an inbox is another protocol and another plugin.

mod mail;
mod reply;

use jackfield_plugin::descriptor::{Address, Limits, Media, MessageType, Place, Secret};
use jackfield_plugin::email::{self, Credentials, Server, Tls};
use jackfield_plugin::message::Message;
use jackfield_plugin::prelude::*;

/// The connector; see the module.
#[derive(Debug)]
pub struct SmtpEmail;

/// What an operator sets for a channel.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Settings {
    /// The mail server, such as `smtp.example.com`.
    #[schemars(length(min = 1, max = 253))]
    host: String,
    /// Its port: 587 with `starttls`, usually 465 with `implicit`.
    #[serde(default = "submission")]
    #[schemars(range(min = 1))]
    port: u16,
    /// How the connection is protected.
    #[serde(default)]
    tls: Security,
    /// The user name; left out: without logging in. The password is the secret `password`.
    username: Option<String>,
    /// The sender's address, such as `hello@example.com`.
    #[schemars(length(min = 3, max = 254))]
    from_address: String,
    /// The sender's name.
    from_name: Option<String>,
    /// Where answers go; left out: to the sender.
    reply_to: Option<String>,
    /// The subject of messages that have none, such as a question of a workflow.
    subject: Option<String>,
}

/// How a connection is protected.
#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Security {
    /// STARTTLS, required (port 587).
    #[default]
    Starttls,
    /// TLS from the first byte (port 465).
    Implicit,
    /// None: for a server on this machine alone.
    None,
}

fn submission() -> u16 {
    587
}

/// What servers take, mail and attachments together.
const MAX_BYTES: u64 = 25 * 1024 * 1024;

impl Settings {
    fn server(&self) -> Server {
        let auth = self
            .username
            .as_deref()
            .filter(|username| !username.is_empty())
            .map(|username| Credentials {
                username: username.to_owned(),
                password: "{{secret:password}}".into(),
            });
        Server {
            host: self.host.clone(),
            port: self.port,
            tls: match self.tls {
                Security::Starttls => Tls::Starttls,
                Security::Implicit => Tls::Implicit,
                Security::None => Tls::None,
            },
            auth,
            timeout: None,
        }
    }
}

impl Connector for SmtpEmail {
    type Settings = Settings;

    fn describe() -> ConnectorDescriptor {
        ConnectorDescriptor::new(
            env!("CARGO_PKG_NAME"),
            env!("CARGO_PKG_VERSION"),
            "E-mail (SMTP)",
            "Sends mail through any SMTP server: text and HTML, attachments, threads, one-click unsubscribe.",
            Address::Email,
            &[MessageType::Email, MessageType::Text, MessageType::Attachment],
        )
        .icon("✉️")
        .secret(
            Secret::new("password", "Password", &[Place::SmtpAuth])
                .summary("The password of the mail server, or an app password.")
                .optional(),
        )
        .host("smtp://{setting:host}:{setting:port}")
        .host("smtp://{setting:host}")
        // Attachments are fetched from wherever the message says; addresses inside the operator's
        // network stay refused.
        .host("GET *")
        .media(Media { max_bytes: Some(MAX_BYTES), max_count: Some(5), types: Vec::new() })
        .limits(Limits {
            memory: Some(192 * 1024 * 1024),
            fuel: Some(4_000_000_000),
            deadline_ms: Some(180_000),
            bytes_in: Some(80 * 1024 * 1024),
            bytes_out: Some(40 * 1024 * 1024),
            ..Limits::default()
        })
    }

    fn check(channel: &Channel<Settings>) -> Result<Value, Failure> {
        let settings = &channel.settings;
        mail::mailbox(None, &settings.from_address)
            .map_err(|reason| Failure::invalid_config("from-address", reason))?;
        let greeting = email::check(&settings.server()).map_err(reply::failure)?;
        Ok(json!({
            "account": settings.username.as_deref().unwrap_or("without logging in"),
            "server": format!("{}:{}", settings.host, settings.port),
            "greeting": greeting,
        }))
    }

    fn send(
        channel: &Channel<Settings>,
        message: Message,
        _idempotency_key: &str,
    ) -> Result<Receipt, Failure> {
        let mail = mail::of(&channel.settings, message)?;
        let accepted = email::send(&channel.settings.server(), &mail).map_err(reply::failure)?;
        let rejected: Vec<Value> = accepted
            .rejected
            .iter()
            .map(|one| json!({"address": one.address, "code": one.code, "enhanced": one.enhanced, "text": one.text}))
            .collect();
        let mut detail = json!({"response": accepted.response});
        if !rejected.is_empty() {
            detail["rejected"] = json!(rejected);
        }
        Ok(Receipt::accepted(accepted.message_id).detail(detail))
    }
}

jackfield_plugin::export_connector!(SmtpEmail);
