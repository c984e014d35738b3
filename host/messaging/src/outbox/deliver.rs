//! One try to send one message: look, commit the intent, activate the connector, commit what came
//! of it.
//!
//! What must hold: before the first external call the message is committed as `sending`; a call
//! that must not be repeated is committed as such before it starts; whatever comes back is
//! committed before the next message of the same address is looked at.

use super::checks::{Case, Ruling};
use super::record::Recorder;
use super::verdict;
use crate::contacts::document::Document;
use crate::contacts::merge;
use crate::context::Context;
use crate::error::{Error, ErrorKind, Result};
use crate::files;
use crate::message::{Status, Trouble};
use crate::status;
use async_trait::async_trait;
use jackfield_engine::Intent;
use jackfield_store::records::Timer;
use jackfield_store::{Commit, bucket_in};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use uuid::Uuid;

/// What becomes of a message's place in the queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum After {
    /// It is done, one way or another.
    Done,
    /// It is looked at again at that instant.
    Again(i64),
    /// It is looked at again when the channel is active again.
    Paused,
    /// The provider says "too fast": nothing of this channel before that instant.
    SlowDown(i64),
}

/// How long the dispatcher waits after an error of its own, in milliseconds.
pub(crate) const PAUSE: i64 = 1_000;

/// Tries to send a message. Never fails: what cannot be done now is done again.
pub(crate) async fn deliver(context: &Arc<Context>, id: &str) -> After {
    // A message of another host's bucket is that host's to send.
    let bucket = bucket_in("msg", id).filter(|bucket| context.host.owns(*bucket));
    let Some(_under_way) = bucket.and_then(|bucket| context.deliveries.begin(bucket, id)) else {
        return After::Done;
    };
    match attempt(context, id).await {
        Ok(after) => after,
        Err(error) if matches!(error.kind, ErrorKind::Elsewhere { .. }) => After::Done,
        Err(error) => {
            tracing::warn!(message = id, %error, "the message could not be looked at; it is tried again");
            After::Again(context.now().saturating_add(PAUSE))
        }
    }
}

async fn attempt(context: &Arc<Context>, id: &str) -> Result<After> {
    let Some(message) = status::message(context, id).await? else {
        return Ok(After::Done);
    };
    if message.status() != Status::Queued {
        return Ok(After::Done);
    }
    let now = context.now();
    if let Some(due) = message.data.due.filter(|due| *due > now) {
        return Ok(After::Again(due));
    }
    let Some(channel) = context.channel_by_id(&message.channel).await? else {
        let recorder = Recorder::new(context, id, None);
        recorder
            .refused(&Trouble::new("no-channel", "the channel was deleted"))
            .await?;
        return Ok(After::Done);
    };
    let recorder = Recorder::new(context, id, Some(&channel));
    if channel.state != "active" {
        let reason = channel.reason.as_deref().unwrap_or("it is disabled");
        recorder
            .waits(
                &message,
                &format!(
                    "the channel `{}` is {}: {reason}",
                    channel.name, channel.state
                ),
            )
            .await?;
        return Ok(After::Paused);
    }
    let connector = context.connector(&channel.digest).await?;
    let settings = context.settings(&message.workspace).await?;
    let contact = match &message.contact {
        Some(contact) => merge::current(context, &message.workspace, contact)
            .await?
            .map(|row| Document { row }),
        None => None,
    };
    let case = Case {
        context,
        channel: &channel,
        connector: &connector,
        settings: &settings,
        message: &message,
        contact: contact.as_ref(),
    };
    let mut prepared = match case.rule().await? {
        Ruling::Go(prepared) => prepared,
        Ruling::Later(due, trouble) => {
            recorder.later(due, &trouble).await?;
            return Ok(After::Again(due));
        }
        Ruling::Refused(trouble) => {
            recorder.refused(&trouble).await?;
            return Ok(After::Done);
        }
    };
    if connector.descriptor.sends("email")
        && let Err(trouble) = files::inline(context, &message.workspace, &mut prepared).await?
    {
        recorder.refused(&trouble).await?;
        return Ok(After::Done);
    }
    let key = idempotency_key(id, message.data.resends);
    let once = Arc::new(AtomicBool::new(false));
    let intent = Commitment {
        context: Arc::clone(context),
        id: id.to_owned(),
        committed: false,
        once: Arc::clone(&once),
    };
    let sent = context
        .host
        .send(&channel, &prepared, &key, Box::new(intent))
        .await;
    let error = match sent.result {
        Ok(receipt) => {
            recorder.accepted(&receipt, &sent.trace).await;
            return Ok(After::Done);
        }
        Err(error) => error,
    };
    let repeatable = connector.descriptor.idempotency
        || channel.uncertain == "resend"
        || !once.load(Ordering::Acquire);
    if verdict::maybe_sent(&error) && !repeatable {
        recorder.uncertain(&error, &sent.trace).await;
        return Ok(After::Done);
    }
    Ok(recorder
        .failed(&error, &sent.trace, settings.dispatch.tries)
        .await)
}

/// The same for every try of a message; another one after a person had it sent again once it had
/// failed.
fn idempotency_key(id: &str, resends: u32) -> String {
    Uuid::new_v5(&Uuid::NAMESPACE_OID, format!("{id}/{resends}").as_bytes()).to_string()
}

/// Commits that a call is about to start.
struct Commitment {
    context: Arc<Context>,
    id: String,
    committed: bool,
    once: Arc<AtomicBool>,
}

impl Commitment {
    async fn commit(&mut self, once: bool) -> Result<()> {
        let gone = || Error::conflict("gone", "the message is no longer there");
        let bucket = bucket_in("msg", &self.id).ok_or_else(gone)?;
        let guard = self.context.lock(bucket).await?;
        let mut message = status::message(&self.context, &self.id)
            .await?
            .ok_or_else(gone)?;
        let expected = if self.committed {
            Status::Sending
        } else {
            Status::Queued
        };
        let now = self.context.now();
        if message.status() != expected || !message.advance(Status::Sending, now, None) {
            let said = format!("the message is {} by now", message.state);
            return Err(Error::conflict("not-queued", said));
        }
        if !self.committed {
            message.row().attempts += 1;
        }
        message.data.once = once;
        message.data.due = None;
        let mut commit = Commit::of(bucket);
        commit.delete::<Timer>([self.id.clone().into()]);
        commit.put(&message.write());
        self.context.host.commit(&guard, commit).await?;
        self.committed = true;
        Ok(())
    }
}

#[async_trait]
impl Intent for Commitment {
    async fn before(&mut self, _call: &str, once: bool) -> Result<(), String> {
        let known = self.once.load(Ordering::Acquire);
        if self.committed && (known || !once) {
            return Ok(());
        }
        self.commit(known || once)
            .await
            .map_err(|error| error.message)?;
        if once {
            self.once.store(true, Ordering::Release);
        }
        Ok(())
    }
}
