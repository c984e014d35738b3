//! What comes in beside messages of contacts: echoes of what somebody of ours wrote by other means,
//! and events of a provider's own.

use super::Inbound;
use super::events::{InboundMessage, InboundOther};
use super::message::{identity, received};
use crate::contacts::resolve;
use crate::conversations::human;
use crate::error::{Error, Result};
use crate::host::AcceptError;
use crate::message::Status;
use crate::status;
use crate::timers;
use jackfield_engine::NewEvent;
use jackfield_store::Commit;
use jackfield_store::records::{Channel, Seen};
use serde_json::json;

impl Inbound {
    /// What somebody of ours wrote by other means (the provider's own app).
    pub(super) async fn echo(&self, channel: &Channel, message: InboundMessage) -> Result<()> {
        let context = &*self.context;
        if status::find(context, channel, &message.provider_id)
            .await?
            .is_some()
        {
            // Our own message, come back.
            return Ok(());
        }
        let connector = context.connector(&channel.digest).await?;
        let settings = context.settings(&channel.workspace).await?;
        let identity = identity(&connector, channel, &message.from, &settings);
        let mut locked = resolve::find_or_make(context, &channel.workspace, &identity).await?;
        let bucket = locked.guard.bucket();
        let now = context.now();
        let document = &mut locked.document;
        document.note_outgoing(&channel.id, &message.content, "echo", now);
        document.note_address(&channel.id, &identity.value, None);
        let mut entry = received(
            context.new_id("msg", bucket),
            channel,
            &identity,
            document,
            &message,
            now,
        );
        entry.data.source = "echo".to_owned();
        entry.data.to = vec![identity.value.clone()];
        let row = entry.row();
        row.direction = "out".to_owned();
        row.state = Status::Sent.name().to_owned();
        let id = row.id.clone();
        let (talk, wrote) = human::wrote(context, &mut locked.document, &entry, None, now).await?;
        let mut commit = locked.commit(now);
        let mut due = None;
        if let Some(talk) = talk {
            commit.put(&talk.row(&locked.document));
            due = timers::put(&mut commit, &locked.document);
        }
        commit.insert(&Seen {
            bucket,
            workspace: channel.workspace.clone(),
            scope: channel.id.clone(),
            key: message.provider_id.clone(),
            at: now,
        });
        commit.insert(&entry.write());
        match context
            .host
            .accept(&locked.guard, vec![wrote], commit)
            .await
        {
            Ok(()) => {}
            Err(AcceptError::Repeated) => return Ok(()),
            Err(error) => return Err(error.into()),
        }
        if let Some(due) = due {
            context.host.wake(&locked.document.row.id, due);
        }
        drop(locked);
        // Its receipt may have come while the echo was written.
        if status::connect(context, channel, &message.provider_id, &id, false)
            .await?
            .is_some()
        {
            status::forget_echo(context, &id).await?;
        }
        Ok(())
    }

    /// Something that is no message: an event under the channel's name for it.
    pub(super) async fn other(&self, channel: &Channel, other: InboundOther) -> Result<()> {
        let context = &*self.context;
        // A repetition must find what the first time wrote; what cannot repeat is done here.
        let bucket = match &other.provider_id {
            Some(key) => context.bucket_of(&[&channel.id, key]),
            None => context.host.any_bucket(),
        };
        let guard = context.lock(bucket).await?;
        let event = NewEvent {
            workspace: channel.workspace.clone(),
            name: format!("channel.{}", other.name),
            contact: None,
            subject: Some(context.new_id("evt", bucket)),
            data: json!({"channel": {"id": channel.id, "name": channel.name}, "data": other.data}),
            source: channel.id.clone(),
        };
        let mut commit = Commit::of(bucket);
        if let Some(key) = other.provider_id {
            commit.insert(&Seen {
                bucket,
                workspace: channel.workspace.clone(),
                scope: channel.id.clone(),
                key,
                at: context.now(),
            });
        }
        match context.host.accept(&guard, vec![event], commit).await {
            Ok(()) | Err(AcceptError::Repeated) => Ok(()),
            Err(error) => Err(Error::from(error)),
        }
    }
}
