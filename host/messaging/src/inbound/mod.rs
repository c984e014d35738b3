//! What comes in: a provider's request goes to the channel's connector, what it says is committed,
//! and only then is the provider answered.
//!
//! A request that the connector cannot read (it traps, it fails, it says something that the
//! contract does not know) is kept for replay and answered with 200: it is ours now, and providers
//! that keep getting errors switch webhooks off. If it cannot be kept either, or too many runs of the
//! workspace stand in line already, the answer is 503 and the provider repeats. So nothing that was answered with success is lost. Repetitions are
//! dropped by the provider's message id, so a replay of a request that was half handled is safe.

pub(crate) mod events;
mod hear;
mod keep;
mod message;
mod other;

pub use keep::ListInbound;

use crate::context::Context;
use crate::error::{Error, ErrorKind, Result};
use crate::host::{InboundRequest, Received};
use crate::outbox::Outbox;
use crate::status;
use crate::tasks::Task;
pub(crate) use events::InboundEvent;
use jackfield_store::records::Channel;
use serde_json::{Value, json};
use std::sync::Arc;

/// The answer to a provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpAnswer {
    /// HTTP status.
    pub status: u16,
    /// HTTP headers.
    pub headers: Vec<(String, String)>,
    /// Body.
    pub body: Vec<u8>,
}

impl HttpAnswer {
    fn plain(status: u16, text: &str) -> HttpAnswer {
        HttpAnswer {
            status,
            headers: vec![(
                "content-type".to_owned(),
                "text/plain; charset=utf-8".to_owned(),
            )],
            body: text.as_bytes().to_vec(),
        }
    }
}

/// The way in of all channels.
#[derive(Clone)]
pub struct Inbound {
    context: Arc<Context>,
    outbox: Outbox,
}

impl Inbound {
    pub(crate) fn new(context: Arc<Context>, outbox: Outbox) -> Inbound {
        Inbound { context, outbox }
    }

    /// Handles a provider's request. `url` is the full public address with the query, as the
    /// provider was told it; header names in lower case.
    pub async fn receive(
        &self,
        channel: &str,
        method: &str,
        url: &str,
        headers: Vec<(String, String)>,
        body: Vec<u8>,
    ) -> HttpAnswer {
        let most = self.context.options.inbound_body;
        if body.len() > most {
            return HttpAnswer::plain(413, &format!("at most {most} bytes are taken"));
        }
        let found = match self.context.channel_by_id(channel).await {
            Ok(found) => found.filter(|found| found.state != "disabled"),
            Err(error) => return busy(&error),
        };
        let Some(channel) = found else {
            return HttpAnswer::plain(404, "there is no such channel, or it is disabled");
        };
        if let Err(seconds) = self.context.host.admits(&channel.workspace) {
            metrics::counter!("jackfield_inbound_refused_total").increment(1);
            return later(seconds);
        }
        let request = InboundRequest {
            method: method.to_owned(),
            url: url.to_owned(),
            headers,
            body,
        };
        metrics::counter!("jackfield_inbound_requests_total").increment(1);
        match self.handle(&channel, &request).await {
            Ok(received) => HttpAnswer {
                status: received.status,
                headers: received.headers,
                body: received.body,
            },
            Err(Unread::Away(error)) => busy(&error),
            Err(Unread::Wrong { why, answer }) => {
                tracing::warn!(channel = channel.name, %why, "a provider's request is kept for replay");
                metrics::counter!("jackfield_inbound_kept_total").increment(1);
                match self.keep(&channel, &request, &why).await {
                    Ok(()) => answer.unwrap_or_else(|| HttpAnswer::plain(200, "kept")),
                    Err(error) => busy(&error),
                }
            }
        }
    }

    /// Activates the connector and commits what it says.
    async fn handle(
        &self,
        channel: &Channel,
        request: &InboundRequest,
    ) -> Result<Received, Unread> {
        let received = self
            .context
            .host
            .receive(channel, request.clone())
            .await
            .map_err(|error| {
                let why =
                    json!({"code": crate::outbox::code(&error), "message": error.to_string()});
                Unread::Wrong { why, answer: None }
            })?;
        let Value::Array(said) = &received.events else {
            let why = json!({"code": "invalid-events", "message": "the events are not a list"});
            return Err(Unread::Wrong { why, answer: None });
        };
        let mut wrong = Vec::new();
        for (place, event) in said.iter().enumerate() {
            let handled = self.take_anywhere(channel, event).await;
            match handled {
                Ok(()) => {}
                Err(error) if error.kind == ErrorKind::Unavailable => {
                    return Err(Unread::Away(error));
                }
                Err(error) => wrong.push(json!({"event": place, "message": error.message})),
            }
        }
        if wrong.is_empty() {
            return Ok(received);
        }
        // One bad event does not spoil the others; the provider hears what the connector says.
        let why = json!({"code": "invalid-events", "message": "some events cannot be read", "events": wrong});
        let answer = HttpAnswer {
            status: received.status,
            headers: received.headers,
            body: received.body,
        };
        Err(Unread::Wrong {
            why,
            answer: Some(answer),
        })
    }

    /// Takes an event here, or has the host take it to which its contact belongs.
    async fn take_anywhere(&self, channel: &Channel, event: &Value) -> Result<()> {
        match self.take(channel, InboundEvent::read(event)?).await {
            Err(Error {
                kind: ErrorKind::Elsewhere { bucket },
                ..
            }) => {
                let task = Task::Take {
                    channel: channel.id.clone(),
                    event: event.clone(),
                };
                self.context.ask(bucket, &task).await.map(|_| ())
            }
            other => other,
        }
    }

    /// Takes an event; done again, it changes nothing.
    pub(crate) async fn take(&self, channel: &Channel, event: InboundEvent) -> Result<()> {
        let context = &*self.context;
        match event {
            InboundEvent::Message(message) => self.message(channel, message).await,
            InboundEvent::Echo(message) => self.echo(channel, message).await,
            InboundEvent::Status(update) => {
                let what = update.update();
                match (&update.message_id, &update.provider_id) {
                    (Some(id), _) if status::message(context, id).await?.is_some() => {
                        status::apply(context, channel, id, &what).await?;
                    }
                    (_, Some(provider_id)) => {
                        status::apply_by_provider_id(context, channel, provider_id, &what).await?;
                    }
                    _ => {
                        tracing::debug!(
                            channel = channel.name,
                            "an update names no message of ours: ignored"
                        );
                    }
                }
                Ok(())
            }
            InboundEvent::Other(other) => self.other(channel, other).await,
        }
    }
}

/// Why a request was not handled.
enum Unread {
    /// The connector or what it says is wrong: kept for replay.
    Wrong {
        /// For people.
        why: Value,
        /// What the connector wants the provider to hear.
        answer: Option<HttpAnswer>,
    },
    /// The database is away: the provider repeats.
    Away(Error),
}

fn busy(error: &Error) -> HttpAnswer {
    tracing::warn!(%error, "a provider's request cannot be taken now");
    later(5)
}

/// An answer that has the provider send its request again. 503, because there are providers that
/// repeat after no 4xx, 429 included.
fn later(seconds: u64) -> HttpAnswer {
    let mut answer = HttpAnswer::plain(503, "try again in a moment");
    answer
        .headers
        .push(("retry-after".to_owned(), seconds.to_string()));
    answer
}
