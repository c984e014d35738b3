//! A phone gateway that speaks Twilio's Messages API, written from Twilio's documents.
//!
//! What it does as Twilio does: Basic authentication, form bodies, `201` with the message, errors as
//! `{code, message, more_info, status}`, segments counted for billing, status callbacks
//! (queued → sent → delivered) and inbound webhooks, both signed; STOP and START kept by the gateway
//! (a stopped number is refused with 21610); the magic numbers of Twilio's test credentials
//! (`+15005550001` is invalid, `+15005550009` no mobile, …). `api` is what it answers, `webhooks`
//! what it sends, `refusal` its table of errors.
//!
//! What it does that Twilio does not: a callback that nobody answers is tried again for a while, so
//! that a host may be restarted in the middle of a test.

mod api;
mod refusal;
mod segments;
mod webhooks;

use crate::{Error, Record, Server};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
pub use webhooks::{Callback, Inbound, Reply, Signing};

/// A phone gateway on loopback. Stops when it is dropped.
#[derive(Debug)]
pub struct Gateway {
    /// `http://127.0.0.1:PORT`, in the place of `https://api.twilio.com`.
    pub url: String,
    state: Arc<Shared>,
    _server: Server,
}

/// A message that was accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sms {
    /// `SM` and 32 hexadecimal digits.
    pub sid: String,
    /// The sender, a number or a sender's name.
    pub from: String,
    /// The recipient's number.
    pub to: String,
    /// The text.
    pub body: String,
    /// The addresses of its media.
    pub media: Vec<String>,
    /// Where status callbacks go.
    pub status_callback: Option<String>,
    /// `queued`, `sent`, `delivered`, `undelivered` or `failed`: the newest.
    pub status: String,
    /// The error that goes with `undelivered` and `failed`.
    pub error_code: Option<u32>,
    /// How many segments it is billed as.
    pub segments: usize,
    /// Every parameter as it was posted.
    pub parameters: Vec<(String, String)>,
}

/// What becomes of messages to a number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Delivery {
    /// queued → sent → delivered.
    #[default]
    Delivered,
    /// queued → sent → undelivered, with this error code.
    Undelivered(u32),
    /// queued → failed, with this error code.
    Failed(u32),
    /// Nothing by itself: the test sends each callback with [`Gateway::call_back`].
    Held,
}

#[derive(Debug)]
struct Shared {
    account_sid: String,
    auth_token: String,
    client: reqwest::Client,
    messages: Record<Sms>,
    callbacks: Record<Callback>,
    desk: Mutex<Desk>,
}

/// What the gateway was told, besides messages.
#[derive(Debug, Default)]
struct Desk {
    /// The account's own numbers and the webhook of each.
    numbers: BTreeMap<String, Number>,
    /// (own number, contact's number) that said STOP.
    stopped: BTreeSet<(String, String)>,
    deliveries: BTreeMap<String, Delivery>,
    /// Errors to answer the next requests with.
    refuse_next: VecDeque<u32>,
}

#[derive(Clone, Debug)]
struct Number {
    sid: String,
    webhook: Option<String>,
}

impl Shared {
    fn desk(&self) -> MutexGuard<'_, Desk> {
        // A panic of another task while it held the lock leaves collections that are whole.
        self.desk.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Gateway {
    /// Starts on a free port, for one account. A real account SID is `AC` and 32 hexadecimal digits.
    ///
    /// # Errors
    /// [`Error::Listen`].
    pub async fn start(account_sid: &str, auth_token: &str) -> Result<Self, Error> {
        let state = Arc::new(Shared {
            account_sid: account_sid.to_owned(),
            auth_token: auth_token.to_owned(),
            client: webhooks::client(),
            messages: Record::default(),
            callbacks: Record::default(),
            desk: Mutex::default(),
        });
        let (server, url) = crate::serve(api::router(Arc::clone(&state))).await?;
        Ok(Self {
            url,
            state,
            _server: server,
        })
    }

    /// Every accepted message, each with its newest status.
    #[must_use]
    pub fn messages(&self) -> Record<Sms> {
        self.state.messages.clone()
    }

    /// Every status callback that was sent, with the host's answer.
    #[must_use]
    pub fn callbacks(&self) -> Record<Callback> {
        self.state.callbacks.clone()
    }

    /// Makes `number` one of the account's own, with the address that its inbound messages go to.
    /// The same can be done through the API (`IncomingPhoneNumbers`), once the number is owned.
    pub fn set_webhook(&self, number: &str, url: &str) {
        self.own(number);
        if let Some(number) = self.state.desk().numbers.get_mut(number) {
            number.webhook = Some(url.to_owned());
        }
    }

    /// Makes `number` one of the account's own, without a webhook.
    pub fn own(&self, number: &str) {
        let new = || Number {
            sid: new_sid("PN"),
            webhook: None,
        };
        self.state
            .desk()
            .numbers
            .entry(number.to_owned())
            .or_insert_with(new);
    }

    /// The webhook that `number` has.
    #[must_use]
    pub fn webhook(&self, number: &str) -> Option<String> {
        self.state.desk().numbers.get(number)?.webhook.clone()
    }

    /// Decides what becomes of messages to `number` from now on.
    pub fn set_delivery(&self, number: &str, delivery: Delivery) {
        self.state
            .desk()
            .deliveries
            .insert(number.to_owned(), delivery);
    }

    /// Answers the next request to send with this error code of Twilio's, once; calls queue up.
    /// `20429` is HTTP 429, `20500` and `20503` are HTTP 500 and 503, the others HTTP 400.
    pub fn refuse_next(&self, code: u32) {
        self.state.desk().refuse_next.push_back(code);
    }

    /// The contact `from` writes `body` to the account's number `to`: posts a signed inbound webhook
    /// and gives the host's answer.
    ///
    /// # Errors
    /// [`Error::NoWebhook`], [`Error::Webhook`].
    pub async fn reply(&self, from: &str, to: &str, body: &str) -> Result<Reply, Error> {
        self.deliver(&Inbound::text(from, to, body)).await
    }

    /// Posts an inbound webhook with all its choices: media, a repeated sid, a wrong signature.
    ///
    /// # Errors
    /// As [`reply`](Self::reply).
    pub async fn deliver(&self, inbound: &Inbound) -> Result<Reply, Error> {
        webhooks::deliver(&self.state, inbound).await
    }

    /// Sends the status callback `status` for the message `sid`, once and now: for callbacks that
    /// are late, doubled or out of order. Does nothing for a message without `StatusCallback`.
    pub async fn call_back(&self, sid: &str, status: &str, error_code: Option<u32>) {
        let all = self.state.messages.all();
        if let Some(message) = all.iter().find(|message| message.sid == sid) {
            webhooks::call_back(&self.state, message, status, error_code).await;
        }
    }
}

/// A new identifier as Twilio makes them: two letters and 32 hexadecimal digits.
fn new_sid(prefix: &str) -> String {
    format!("{prefix}{}", uuid::Uuid::new_v4().simple())
}

#[cfg(test)]
mod tests;
