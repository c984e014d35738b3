//! What came of a message, committed: with the events that waiting runs hear, and the record of
//! why where it was not sent.
//!
//! Results of an external call are committed until they are in: the call is not repeated only
//! because the database was away for a moment.

use super::deliver::{After, PAUSE};
use super::verdict::{self, Verdict};
use crate::channels;
use crate::contacts::document::Document;
use crate::context::Context;
use crate::decisions;
use crate::error::{Error, ErrorKind, Result};
use crate::host::Receipt;
use crate::message::{self, Entry, Status, Trouble};
use crate::status;
use jackfield_engine::ConnectorError;
use jackfield_engine::schedule::{Backoff, Duration};
use jackfield_store::records::{Channel, Message, Timer};
use jackfield_store::{Commit, bucket_in};
use serde_json::Value;

/// How often a provider may say "too fast" before the message fails.
const MOST_THROTTLED: u32 = 50;

/// Records what comes of one message.
pub(crate) struct Recorder<'a> {
    context: &'a Context,
    id: &'a str,
    channel: Option<&'a Channel>,
}

/// What one recording changes.
struct Step<'s> {
    status: Status,
    trouble: Option<Trouble>,
    due: Option<i64>,
    /// How the try went, for the message's timeline.
    tried: Option<(&'s str, &'s Value)>,
    receipt: Option<&'s Receipt>,
    throttled: bool,
    decision: bool,
}

impl Step<'_> {
    fn to(status: Status) -> Self {
        Step {
            status,
            trouble: None,
            due: None,
            tried: None,
            receipt: None,
            throttled: false,
            decision: false,
        }
    }
}

impl<'a> Recorder<'a> {
    pub(crate) fn new(context: &'a Context, id: &'a str, channel: Option<&'a Channel>) -> Self {
        Recorder {
            context,
            id,
            channel,
        }
    }

    /// A rule keeps the message from leaving.
    pub(crate) async fn refused(&self, trouble: &Trouble) -> Result<()> {
        let step = Step {
            trouble: Some(trouble.clone()),
            decision: true,
            ..Step::to(Status::Suppressed)
        };
        self.write(&step).await.map(|_| ())
    }

    /// The message leaves later.
    pub(crate) async fn later(&self, due: i64, trouble: &Trouble) -> Result<()> {
        let step = Step {
            trouble: Some(trouble.clone()),
            due: Some(due),
            ..Step::to(Status::Queued)
        };
        self.write(&step).await.map(|_| ())
    }

    /// The message waits for its channel, or fails where it does not want to.
    pub(crate) async fn waits(&self, message: &Entry, why: &str) -> Result<()> {
        if message.data.fails_when_paused {
            let failed = Step {
                trouble: Some(Trouble::new("channel-paused", why)),
                decision: true,
                ..Step::to(Status::Failed)
            };
            return self.write(&failed).await.map(|_| ());
        }
        let trouble = Some(Trouble::new("channel-paused", why));
        self.write(&Step {
            trouble,
            ..Step::to(Status::Queued)
        })
        .await
        .map(|_| ())
    }

    /// The provider has it.
    pub(crate) async fn accepted(&self, receipt: &Receipt, trace: &Value) {
        let status = Status::named(&receipt.status)
            .filter(|status| matches!(status, Status::Sent | Status::Delivered))
            .unwrap_or(Status::Accepted);
        let step = Step {
            receipt: Some(receipt),
            tried: Some((status.name(), trace)),
            ..Step::to(status)
        };
        self.insist(&step).await;
        if let Some(channel) = self.channel.filter(|_| !receipt.provider_id.is_empty()) {
            refer(self.context, channel, &receipt.provider_id, self.id).await;
        }
    }

    /// Nobody knows whether the provider has it.
    pub(crate) async fn uncertain(&self, error: &ConnectorError, trace: &Value) {
        let trouble = Trouble::new(
            "uncertain",
            format!(
                "nobody knows whether it was sent ({error}); send it again if it did not arrive"
            ),
        );
        let step = Step {
            trouble: Some(trouble),
            tried: Some((verdict::code(error), trace)),
            decision: true,
            ..Step::to(Status::Uncertain)
        };
        self.insist(&step).await;
    }

    /// The send failed: what that means is in the table of verdicts.
    pub(crate) async fn failed(&self, error: &ConnectorError, trace: &Value, tries: u32) -> After {
        let code = verdict::code(error);
        let trouble = Trouble::new(code, error.to_string());
        let now = self.context.now();
        let attempts = match status::message(self.context, self.id).await {
            Ok(Some(message)) => message,
            Ok(None) => return After::Done,
            Err(_) => return After::Again(now.saturating_add(PAUSE)),
        };
        let tried = Some((code, trace));
        let failed = Step {
            trouble: Some(trouble.clone()),
            tried,
            decision: true,
            ..Step::to(Status::Failed)
        };
        let verdict = verdict::verdict(error);
        let throttled = attempts.data.throttled;
        // Tries that the provider turned away for being too fast do not count.
        let attempt = u32::try_from(attempts.attempts)
            .unwrap_or(u32::MAX)
            .saturating_sub(throttled);
        let wish = verdict::retry_after(error);
        let due = match verdict {
            Verdict::Retry => pause(attempt.max(1), tries.saturating_sub(1), wish),
            Verdict::SlowDown if throttled < MOST_THROTTLED => {
                pause(throttled + 1, MOST_THROTTLED, Some(wish.unwrap_or(1_000)))
            }
            Verdict::Wait => pause(1, 1, Some(30_000)),
            Verdict::SlowDown | Verdict::Pause | Verdict::OptOut | Verdict::Fail => None,
        }
        .map(|pause| now.saturating_add(pause));
        match verdict {
            Verdict::Pause => {
                let Some(channel) = self.channel else {
                    return After::Done;
                };
                channels::pause(self.context, channel, &error.to_string()).await;
                if attempts.data.fails_when_paused {
                    self.insist(&failed).await;
                    return After::Paused;
                }
                self.insist(&Step {
                    trouble: Some(trouble),
                    tried,
                    ..Step::to(Status::Queued)
                })
                .await;
                After::Paused
            }
            Verdict::OptOut => {
                self.insist(&failed).await;
                if let (Some(channel), Ok(Some(message))) =
                    (self.channel, status::message(self.context, self.id).await)
                    && let Err(error) =
                        status::provider_opt_out(self.context, channel, &message).await
                {
                    tracing::warn!(message = self.id, %error, "the opt-out could not be noted");
                }
                After::Done
            }
            Verdict::Retry | Verdict::SlowDown | Verdict::Wait => match due {
                None => {
                    self.insist(&failed).await;
                    After::Done
                }
                Some(due) => {
                    let throttled = verdict == Verdict::SlowDown;
                    let step = Step {
                        trouble: Some(trouble),
                        due: Some(due),
                        tried,
                        throttled,
                        ..Step::to(Status::Queued)
                    };
                    self.insist(&step).await;
                    if throttled {
                        After::SlowDown(due)
                    } else {
                        After::Again(due)
                    }
                }
            },
            Verdict::Fail => {
                self.insist(&failed).await;
                After::Done
            }
        }
    }

    /// Writes until it is written, or the message is another host's.
    async fn insist(&self, step: &Step<'_>) {
        loop {
            match self.write(step).await {
                Ok(_) => return,
                Err(error) if error.kind == ErrorKind::Unavailable => {
                    tracing::warn!(message = self.id, %error, "what came of a message could not be written; again");
                    let again = self.context.now().saturating_add(PAUSE);
                    self.context.host.clock().sleep_until(again).await;
                }
                Err(error) if matches!(error.kind, ErrorKind::Elsewhere { .. }) => {
                    tracing::warn!(
                        message = self.id,
                        "the message's bucket was lost while it was being sent; its owner resolves it"
                    );
                    return;
                }
                Err(error) => {
                    tracing::error!(message = self.id, %error, "what came of a message cannot be written");
                    return;
                }
            }
        }
    }

    async fn write(&self, step: &Step<'_>) -> Result<()> {
        let gone = || Error::not_found("no-message", "the message is gone");
        let context = self.context;
        let bucket = bucket_in("msg", self.id).ok_or_else(gone)?;
        let guard = context.lock(bucket).await?;
        let mut message = status::message(context, self.id).await?.ok_or_else(gone)?;
        let now = context.now();
        let before = message.status();
        if step.status == Status::Queued && !matches!(before, Status::Queued | Status::Sending) {
            // It was cancelled, or came to an end, meanwhile: only a person has it sent again.
            return Ok(());
        }
        let mut commit = Commit::of(bucket);
        let row: &mut Message = message.row();
        if let Some(receipt) = step.receipt {
            row.provider_id = Some(receipt.provider_id.clone()).filter(|id| !id.is_empty());
            message.data.detail = receipt.detail.clone();
        }
        if let Some((outcome, trace)) = step.tried {
            message.tried(now, outcome, trace);
        }
        message.data.throttled += u32::from(step.throttled);
        let stays = before == Status::Queued && step.status == Status::Queued;
        if stays {
            // Nothing happened to it but that it waits: the reason is shown.
            message.row().reason = step.trouble.as_ref().map(|trouble| trouble.code.clone());
            message.data.error = step.trouble.clone();
        } else if !message.advance(step.status, now, step.trouble.clone()) && step.receipt.is_none()
        {
            return Ok(());
        }
        message.data.due = step.due;
        match step.due {
            Some(due) => commit.put(&Timer {
                bucket,
                id: self.id.to_owned(),
                kind: "message".to_owned(),
                due,
            }),
            None => commit.delete::<Timer>([self.id.into()]),
        };
        if let Some(trouble) = step.trouble.as_ref().filter(|_| step.decision) {
            commit.put(&decisions::not_sent(context, &message, trouble));
        }
        if step.receipt.is_some() {
            self.note_contact(&message, &mut commit, now).await?;
        }
        commit.put(&message.write());
        let name = self.channel.map_or("", |channel| channel.name.as_str());
        context
            .host
            .accept(&guard, message.events(before, name), commit)
            .await?;
        Ok(())
    }

    /// The contact's last outgoing message.
    async fn note_contact(&self, message: &Entry, commit: &mut Commit, now: i64) -> Result<()> {
        let Some(id) = &message.contact else {
            return Ok(());
        };
        let Some(row) = self.context.contact(&message.workspace, id).await? else {
            return Ok(());
        };
        let mut document = Document { row };
        let data = &message.data;
        document.note_outgoing(&message.channel, &data.content, &data.source, now);
        if data.source == message::BROADCAST {
            document.note_broadcast(message, now);
        }
        document.note_address(&message.channel, &message.address, None);
        commit.put(document.finish(now));
        Ok(())
    }
}

/// Tells which message a provider's id means, until that is written.
pub(crate) async fn refer(context: &Context, channel: &Channel, provider_id: &str, id: &str) {
    loop {
        match status::connect(context, channel, provider_id, id, true).await {
            Ok(None) => return,
            Ok(Some(echo)) => {
                if let Err(error) = status::forget_echo(context, &echo).await {
                    tracing::warn!(message = id, %error, "an echo of our own message stays beside it");
                }
                return;
            }
            Err(error) if error.kind == ErrorKind::Unavailable => {
                let again = context.now().saturating_add(PAUSE);
                context.host.clock().sleep_until(again).await;
            }
            Err(error) => {
                tracing::error!(message = id, %error, "the provider's id of a message cannot be written");
                return;
            }
        }
    }
}

fn pause(attempt: u32, retries: u32, retry_after: Option<u64>) -> Option<i64> {
    let backoff = Backoff {
        attempts: retries,
        ..Backoff::default()
    };
    let wish = retry_after.map(Duration::from_millis);
    let pause = backoff.delay(attempt, rand::random::<f64>(), wish)?;
    Some(i64::try_from(pause.as_millis()).unwrap_or(i64::MAX))
}
