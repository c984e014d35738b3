//! A mailbox behind an SMTP server with AUTH (PLAIN and LOGIN), RFC 5321.
//!
//! The protocol is the crate `mailin`'s, the reading of mails `mail-parser`'s: neither is what
//! Jackfield sends with, so a mail that comes back right here was understood by strangers. There is
//! no TLS: the server is for loopback. A recipient, or the next mail, can be refused with any reply,
//! and the connection can be lost after the mail was taken and before it is said so.

mod mail;
mod session;

use crate::{Error, Record, Server};
pub use mail::{Attachment, Mail};
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A mailbox on loopback that takes mail for every address. Stops when it is dropped.
#[derive(Debug)]
pub struct Mailbox {
    /// The SMTP port of 127.0.0.1.
    pub port: u16,
    /// The user name that AUTH asks for.
    pub username: String,
    /// The password that AUTH asks for.
    pub password: String,
    state: Arc<Shared>,
    _server: Server,
}

/// An SMTP reply that refuses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// 4yz: try again later; 5yz: never.
    pub code: u16,
    /// The text, beginning with the enhanced code (RFC 3463): `5.1.1 User unknown`.
    pub text: String,
}

impl Refusal {
    /// A refusal with a code and a text.
    #[must_use]
    pub fn new(code: u16, text: &str) -> Self {
        Self {
            code,
            text: text.to_owned(),
        }
    }
}

#[derive(Debug, Default)]
struct Shared {
    /// User name and password; nothing where mail is taken from anyone.
    login: Option<(String, String)>,
    mails: Record<Mail>,
    orders: Mutex<Orders>,
}

/// What the server was told to do wrong.
#[derive(Debug, Default)]
struct Orders {
    /// By recipient in lower case: the refusal, and how often it is still given.
    recipients: BTreeMap<String, (Refusal, u32)>,
    /// Answers to the ends of the next mails.
    next: VecDeque<Ending>,
}

#[derive(Clone, Debug)]
enum Ending {
    Refuse(Refusal),
    /// The mail is kept, and the connection closed without a word.
    HangUp,
}

impl Shared {
    fn orders(&self) -> MutexGuard<'_, Orders> {
        // A panic of another task while it held the lock leaves collections that are whole.
        self.orders.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Mailbox {
    /// Starts on a free port. Mail is taken after AUTH with [`username`](Self::username) and
    /// [`password`](Self::password).
    ///
    /// # Errors
    /// [`Error::Listen`].
    pub async fn start() -> Result<Self, Error> {
        Self::start_with(Some(("jackfield", "a password for loopback"))).await
    }

    /// Starts on a free port without AUTH: mail is taken from anyone.
    ///
    /// # Errors
    /// [`Error::Listen`].
    pub async fn start_open() -> Result<Self, Error> {
        Self::start_with(None).await
    }

    async fn start_with(login: Option<(&str, &str)>) -> Result<Self, Error> {
        let login = login.map(|(user, password)| (user.to_owned(), password.to_owned()));
        let (username, password) = login.clone().unwrap_or_default();
        let state = Arc::new(Shared {
            login,
            ..Shared::default()
        });
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await?;
        let port = listener.local_addr()?.port();
        let task = tokio::spawn(session::serve(listener, Arc::clone(&state)));
        Ok(Self {
            port,
            username,
            password,
            state,
            _server: Server(task),
        })
    }

    /// Every mail that was taken, oldest first.
    #[must_use]
    pub fn mails(&self) -> Record<Mail> {
        self.state.mails.clone()
    }

    /// Refuses the recipient `address` from now on.
    pub fn refuse_recipient(&self, address: &str, refusal: Refusal) {
        self.refuse_recipient_times(address, refusal, u32::MAX);
    }

    /// Refuses the recipient `address` so often, and takes its mail afterwards (greylisting).
    pub fn refuse_recipient_times(&self, address: &str, refusal: Refusal, times: u32) {
        let address = address.to_ascii_lowercase();
        self.state
            .orders()
            .recipients
            .insert(address, (refusal, times));
    }

    /// Refuses the next mail at its end, when all of it was sent. Calls queue up.
    /// The connection is closed after the reply.
    pub fn refuse_next_mail(&self, refusal: Refusal) {
        self.state.orders().next.push_back(Ending::Refuse(refusal));
    }

    /// Takes the next mail, and loses the connection before the reply: the sender cannot know.
    pub fn hang_up_after_next_mail(&self) {
        self.state.orders().next.push_back(Ending::HangUp);
    }
}

#[cfg(test)]
mod tests;
