//! What happens to a message after it left: receipts and delivery updates, in whatever order.
//!
//! An update names a message by our own id, or by the provider's; which message that is stands in
//! a row of its own (`ProviderRef`), in the bucket of the provider's id. Updates that come before
//! that row knows the message are kept in it and taken up when it does.

use crate::context::{Context, Home};
use crate::error::Result;
use crate::message::{Entry, Status, Trouble};
use crate::opt_out::{self, Saying};
use crate::tasks::Task;
use jackfield_store::records::{Channel, Message, ProviderRef};
use jackfield_store::{Commit, bucket_in};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// How many updates are kept for a message that is not known yet.
const MOST_EARLY: usize = 20;

/// A provider's update.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Update {
    pub(crate) status: Status,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) error: Option<Trouble>,
}

/// The row of a message in the state that the database has.
pub(crate) async fn message(context: &Context, id: &str) -> Result<Option<Entry>> {
    let Some(bucket) = bucket_in("msg", id) else {
        return Ok(None);
    };
    let row: Option<Message> = context.row(bucket, &[("id", id)]).await?;
    row.map(Entry::read).transpose()
}

/// Brings a message forward. Answers whether anything changed.
pub(crate) async fn apply(
    context: &Context,
    channel: &Channel,
    id: &str,
    update: &Update,
) -> Result<bool> {
    let Some(bucket) = bucket_in("msg", id) else {
        return Ok(false);
    };
    let ask = || Task::Status {
        channel: channel.id.clone(),
        message: id.to_owned(),
        update: update.clone(),
    };
    let guard = match context.lock_or_ask(bucket, ask).await? {
        Home::Here(guard) => guard,
        Home::There(answer) => return Ok(answer == true),
    };
    let Some(mut entry) = message(context, id).await? else {
        return Ok(false);
    };
    if entry.channel != channel.id || entry.workspace != channel.workspace {
        tracing::warn!(
            message = id,
            channel = channel.id,
            "an update names a message of another channel: ignored"
        );
        return Ok(false);
    }
    let before = entry.status();
    let error = update.error.clone().or_else(|| {
        (update.status == Status::Failed)
            .then(|| Trouble::new("unknown", "the provider says that it was not delivered"))
    });
    if !entry.advance(update.status, context.now(), error) {
        return Ok(false);
    }
    let mut commit = Commit::of(bucket);
    commit.put(&entry.write());
    context
        .host
        .accept(&guard, entry.events(before, &channel.name), commit)
        .await?;
    drop(guard);
    if entry
        .data
        .error
        .as_ref()
        .is_some_and(|error| error.code == "recipient-opted-out")
    {
        provider_opt_out(context, channel, &entry).await?;
    }
    Ok(true)
}

/// The provider says that the recipient wants nothing more.
pub(crate) async fn provider_opt_out(
    context: &Context,
    channel: &Channel,
    entry: &Entry,
) -> Result<()> {
    // A provider knows its own senders only: whatever the workspace's scope, it is this channel.
    let saying = Saying {
        workspace: &entry.workspace,
        address: &entry.address,
        scope: &channel.id,
        source: "provider",
        text: Some(&entry.id),
    };
    opt_out::set(context, &saying).await.map(|_| ())
}

/// An update that names a message by the provider's id.
pub(crate) async fn apply_by_provider_id(
    context: &Context,
    channel: &Channel,
    provider_id: &str,
    update: &Update,
) -> Result<bool> {
    let bucket = context.bucket_of(&[&channel.id, provider_id]);
    let ask = || Task::ProviderStatus {
        channel: channel.id.clone(),
        provider_id: provider_id.to_owned(),
        update: update.clone(),
    };
    let guard = match context.lock_or_ask(bucket, ask).await? {
        Home::Here(guard) => guard,
        Home::There(answer) => return Ok(answer == true),
    };
    let key = [
        ("channel", channel.id.as_str()),
        ("provider_id", provider_id),
    ];
    let known: Option<ProviderRef> = context.row(bucket, &key).await?;
    if let Some(id) = known.as_ref().and_then(|row| row.message.clone()) {
        drop(guard);
        return apply(context, channel, &id, update).await;
    }
    let mut row = known.unwrap_or_else(|| reference(context, bucket, channel, provider_id, None));
    let mut early = early(&row);
    if early.len() < MOST_EARLY {
        early.push(update.clone());
        row.early = serde_json::to_value(early).unwrap_or_default();
        let mut commit = Commit::of(bucket);
        commit.put(&row);
        context.host.commit(&guard, commit).await?;
    }
    Ok(false)
}

/// Tells which message a provider's id means, and takes up what came before. Done again, it
/// changes nothing. Answers with the message that has the id beside, if there is one: the receipt
/// of our own message takes it over from an echo, an echo never from anybody.
pub(crate) async fn connect(
    context: &Context,
    channel: &Channel,
    provider_id: &str,
    id: &str,
    takes_over: bool,
) -> Result<Option<String>> {
    let bucket = context.bucket_of(&[&channel.id, provider_id]);
    let key = [
        ("channel", channel.id.as_str()),
        ("provider_id", provider_id),
    ];
    let mut done = 0;
    loop {
        // The updates go before the row forgets them: to apply one twice changes nothing.
        let ask = || Task::Connect {
            channel: channel.id.clone(),
            provider_id: provider_id.to_owned(),
            message: id.to_owned(),
            takes_over,
        };
        let guard = match context.lock_or_ask(bucket, ask).await? {
            Home::Here(guard) => guard,
            Home::There(answer) => return Ok(answer.as_str().map(str::to_owned)),
        };
        let known: Option<ProviderRef> = context.row(bucket, &key).await?;
        let other = known.as_ref().and_then(|row| row.message.clone());
        if other.as_deref() == Some(id) {
            return Ok(None);
        }
        if other.is_some() && !takes_over {
            return Ok(other);
        }
        let kept = known.as_ref().map(early).unwrap_or_default();
        if kept.len() <= done {
            let mut commit = Commit::of(bucket);
            commit.put(&reference(context, bucket, channel, provider_id, Some(id)));
            context.host.commit(&guard, commit).await?;
            return Ok(other);
        }
        drop(guard);
        for update in &kept[done..] {
            apply(context, channel, id, update).await?;
        }
        done = kept.len();
    }
}

/// The message that a provider's id means.
pub(crate) async fn find(
    context: &Context,
    channel: &Channel,
    provider_id: &str,
) -> Result<Option<String>> {
    let bucket = context.bucket_of(&[&channel.id, provider_id]);
    let key = [
        ("channel", channel.id.as_str()),
        ("provider_id", provider_id),
    ];
    let known: Option<ProviderRef> = context.row(bucket, &key).await?;
    Ok(known.and_then(|row| row.message))
}

/// Removes what was taken for a message of somebody else and was our own, come back.
pub(crate) async fn forget_echo(context: &Context, echo: &str) -> Result<()> {
    let Some(bucket) = bucket_in("msg", echo) else {
        return Ok(());
    };
    let ask = || Task::ForgetEcho {
        message: echo.to_owned(),
    };
    let guard = match context.lock_or_ask(bucket, ask).await? {
        Home::Here(guard) => guard,
        Home::There(_) => return Ok(()),
    };
    let is_echo = message(context, echo)
        .await?
        .is_some_and(|one| one.data.source == "echo");
    if is_echo {
        let mut commit = Commit::of(bucket);
        commit.delete::<Message>([echo.into()]);
        context.host.commit(&guard, commit).await?;
    }
    Ok(())
}

fn reference(
    context: &Context,
    bucket: i32,
    channel: &Channel,
    provider_id: &str,
    message: Option<&str>,
) -> ProviderRef {
    ProviderRef {
        bucket,
        channel: channel.id.clone(),
        provider_id: provider_id.to_owned(),
        message: message.map(str::to_owned),
        early: Value::Array(Vec::new()),
        created_at: context.now(),
    }
}

fn early(row: &ProviderRef) -> Vec<Update> {
    Vec::deserialize(&row.early).unwrap_or_default()
}
