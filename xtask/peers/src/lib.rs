//! The other side of Jackfield's channels, on loopback: a [`Mailbox`] (an SMTP server with AUTH), a
//! phone [`Gateway`] (Twilio's Messages API, with signed status callbacks and inbound webhooks) and
//! a [`Crm`] (an HTTP service that records what it is told).
//!
//! The demo and the end-to-end tests use the same three. They are servers written from the
//! providers' documents and RFCs, not from our connectors: they know nothing of Jackfield, and
//! nothing of Jackfield knows of them. Each listens on a free port of 127.0.0.1, keeps what it was
//! told in a [`Record`], can be told to refuse or to fail, and stops when it is dropped.
//!
//! Nothing here sleeps to be in time: who wants to see a message waits for it ([`Record::until`]).

mod crm;
mod gateway;
mod mailbox;
mod record;
mod twilio_signature;

pub use crm::{Answer, Crm, Request};
pub use gateway::{Callback, Delivery, Gateway, Inbound, Reply, Signing, Sms};
pub use mailbox::{Attachment, Mail, Mailbox, Refusal};
pub use record::{Record, TooLate};
pub use twilio_signature::sign as twilio_sign;

use std::io;

/// Why a peer could not start or could not speak to the host.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No free port of 127.0.0.1 could be listened on.
    #[error("no port of 127.0.0.1 can be listened on: {0}; is loopback up?")]
    Listen(#[from] io::Error),
    /// The gateway was asked to deliver an inbound message to a number that has no webhook.
    #[error("{number} has no webhook; register one with the API or `Gateway::set_webhook`")]
    NoWebhook {
        /// The number that was written to.
        number: String,
    },
    /// The host did not answer a webhook request.
    #[error("the webhook {url} did not answer: {source}; is the host running?")]
    Webhook {
        /// The webhook's address.
        url: String,
        /// What went wrong on the way.
        source: reqwest::Error,
    },
}

/// Ends a server's task with its handle.
#[derive(Debug)]
struct Server(tokio::task::JoinHandle<()>);

impl Drop for Server {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Serves `router` on a free loopback port; gives the server and its `http://127.0.0.1:PORT`.
async fn serve(router: axum::Router) -> Result<(Server, String), Error> {
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await?;
    let url = format!("http://{}", listener.local_addr()?);
    let task = tokio::spawn(async move {
        // Ends only when the listener fails, and then there is nobody left to tell.
        let _ = axum::serve(listener, router).await;
    });
    Ok((Server(task), url))
}
