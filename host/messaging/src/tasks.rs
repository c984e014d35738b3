//! What messaging has done where a bucket is at home: the small, whole pieces of work that one host
//! asks another for.
//!
//! A contact's address, an opt-out, a provider's id: each lives in the bucket of its own key, and
//! a request may reach any host. Whoever meets a bucket that is not its own asks its owner for the
//! task, which is the same function, called there. What must hold: a task done twice is as good as
//! done once; a task is asked for without a lock in hand.

use crate::assignment::{self, Person, Told, place::Place};
use crate::contacts::address::Identity;
use crate::contacts::{delete, merge, resolve};
use crate::context::Context;
use crate::error::{Error, ErrorKind, Result};
use crate::imports::{self, Planned};
use crate::inbound::{Inbound, InboundEvent};
use crate::opt_out::{self, Saying};
use crate::status::{self, Update};
use crate::subscriptions::{self, Dispatch};
use crate::tables;
use async_trait::async_trait;
use jackfield_engine::Worker;
use jackfield_store::records::Channel;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;

/// The kind of parcels that carry tasks.
pub const TASK: &str = "messaging";

/// How long an owner is waited for: longer than a take-over.
pub(crate) const PATIENCE: Duration = Duration::from_secs(15);

/// One piece of work. Channels are named by id.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "task", rename_all = "kebab-case")]
pub(crate) enum Task {
    /// Record an opt-out: whether it is new.
    OptOut {
        workspace: String,
        address: String,
        scope: String,
        source: String,
        text: Option<String>,
    },
    /// Take opt-outs back: whether there were any.
    OptIn {
        workspace: String,
        address: String,
        channel: Option<String>,
    },
    /// Make an address a contact's: the contact that has it already, or null.
    Claim {
        workspace: String,
        identity: Identity,
        contact: String,
    },
    /// Take an address from a contact.
    Release {
        workspace: String,
        identity: Identity,
        contact: String,
    },
    /// Bring a message forward: whether anything changed.
    Status {
        channel: String,
        message: String,
        update: Update,
    },
    /// The same, by the provider's id.
    ProviderStatus {
        channel: String,
        provider_id: String,
        update: Update,
    },
    /// Tell which message a provider's id means: the message that has the id beside, or null.
    Connect {
        channel: String,
        provider_id: String,
        message: String,
        takes_over: bool,
    },
    /// Remove an echo of our own message.
    ForgetEcho { message: String },
    /// Tell the ledger of assignments how a contact stands.
    Standing {
        workspace: String,
        contact: String,
        told: Told,
    },
    /// Give waiting contacts to whoever is free.
    Serve { workspace: String },
    /// Give a contact to a user, if it still waits there: how it stands then.
    Offer {
        workspace: String,
        contact: String,
        place: Box<Place>,
        user: Person,
    },
    /// Give a waiting contact to the user who takes it: whether it was still there.
    TakePlace {
        workspace: String,
        place: String,
        user: Person,
    },
    /// Have a contact give way to the one that absorbs it: what it left.
    LetGo {
        workspace: String,
        contact: String,
        to: String,
    },
    /// Remove what a contact left that another has absorbed.
    ForgetMerged { workspace: String, contact: String },
    /// Carry out a row of an import: what became of it.
    ImportRow { row: Box<Planned> },
    /// Deliver events once more: how many of them.
    Redeliver {
        workspace: String,
        subscription: String,
        deliveries: Vec<String>,
    },
    /// Remove the rows in a bucket of a table that is gone.
    EmptyTable {
        bucket: i32,
        workspace: String,
        table: String,
    },
    /// Take what a provider said.
    Take { channel: String, event: Value },
}

/// Does tasks that other hosts ask for.
pub(crate) struct Tasks {
    pub(crate) context: Arc<Context>,
    pub(crate) inbound: Inbound,
    pub(crate) dispatch: Dispatch,
}

impl Tasks {
    async fn perform(&self, task: Task) -> Result<Value> {
        let context = &*self.context;
        Ok(match task {
            Task::OptOut {
                workspace,
                address,
                scope,
                source,
                text,
            } => {
                let saying = Saying {
                    workspace: &workspace,
                    address: &address,
                    scope: &scope,
                    source: &source,
                    text: text.as_deref(),
                };
                opt_out::set(context, &saying).await?.into()
            }
            Task::OptIn {
                workspace,
                address,
                channel,
            } => opt_out::clear(context, &workspace, &address, channel.as_deref())
                .await?
                .into(),
            Task::Claim {
                workspace,
                identity,
                contact,
            } => resolve::claim(context, &workspace, &identity, &contact)
                .await?
                .into(),
            Task::Release {
                workspace,
                identity,
                contact,
            } => {
                resolve::release(context, &workspace, &identity, &contact).await?;
                Value::Null
            }
            Task::Status {
                channel,
                message,
                update,
            } => {
                let channel = self.channel(&channel).await?;
                status::apply(context, &channel, &message, &update)
                    .await?
                    .into()
            }
            Task::ProviderStatus {
                channel,
                provider_id,
                update,
            } => {
                let channel = self.channel(&channel).await?;
                status::apply_by_provider_id(context, &channel, &provider_id, &update)
                    .await?
                    .into()
            }
            Task::Connect {
                channel,
                provider_id,
                message,
                takes_over,
            } => {
                let channel = self.channel(&channel).await?;
                status::connect(context, &channel, &provider_id, &message, takes_over)
                    .await?
                    .into()
            }
            Task::ForgetEcho { message } => {
                status::forget_echo(context, &message).await?;
                Value::Null
            }
            Task::Standing {
                workspace,
                contact,
                told,
            } => {
                assignment::tell(context, &workspace, &contact, told).await?;
                Value::Null
            }
            Task::Serve { workspace } => {
                assignment::serve(context, &workspace).await?;
                Value::Null
            }
            Task::Offer {
                workspace,
                contact,
                place,
                user,
            } => {
                let told =
                    assignment::offered(context, &workspace, &contact, &place, &user).await?;
                serde_json::to_value(told).unwrap_or_default()
            }
            Task::TakePlace {
                workspace,
                place,
                user,
            } => assignment::take(context, &workspace, &place, &user)
                .await?
                .into(),
            Task::LetGo {
                workspace,
                contact,
                to,
            } => {
                let gone = merge::let_go(context, &workspace, &contact, &to).await?;
                serde_json::to_value(gone).unwrap_or_default()
            }
            Task::ForgetMerged { workspace, contact } => {
                delete::forget(context, &workspace, &contact).await?;
                Value::Null
            }
            Task::ImportRow { row } => {
                let done = imports::row::here(context, &row).await?;
                serde_json::to_value(done).unwrap_or_default()
            }
            Task::Redeliver {
                workspace,
                subscription,
                deliveries,
            } => subscriptions::redeliver(
                context,
                &self.dispatch,
                &workspace,
                &subscription,
                &deliveries,
            )
            .await?
            .into(),
            Task::EmptyTable {
                bucket,
                workspace,
                table,
            } => {
                let guard = context.lock(bucket).await?;
                tables::empty(context, &guard, bucket, &workspace, &table).await?;
                Value::Null
            }
            Task::Take { channel, event } => {
                let channel = self.channel(&channel).await?;
                let event = InboundEvent::read(&event)?;
                self.inbound.take(&channel, event).await?;
                Value::Null
            }
        })
    }

    async fn channel(&self, id: &str) -> Result<Channel> {
        let found = self.context.channel_by_id(id).await?;
        found.ok_or_else(|| Error::not_found("no-channel", format!("there is no channel `{id}`")))
    }
}

#[async_trait]
impl Worker for Tasks {
    async fn work(&self, body: Value) -> Option<Value> {
        let task = match Task::deserialize(body) {
            Ok(task) => task,
            Err(error) => {
                // A host of another version asks for what this one does not know.
                return Some(json!({"error": {"kind": "invalid", "message": error.to_string()}}));
            }
        };
        match self.perform(task).await {
            Ok(answer) => Some(json!({"ok": answer})),
            Err(error) => {
                let kind = match error.kind {
                    // The bucket has gone on, or the database is away: it stays in the tray.
                    ErrorKind::Elsewhere { .. } => return None,
                    ErrorKind::Unavailable => "unavailable",
                    ErrorKind::NotFound => "not-found",
                    ErrorKind::Invalid => "invalid",
                    ErrorKind::Conflict => "conflict",
                };
                Some(json!({"error": {"kind": kind, "message": error.message}}))
            }
        }
    }
}

/// What an owner answered.
pub(crate) fn read_answer(mut answer: Value) -> Result<Value> {
    if let Some(done) = answer.get_mut("ok") {
        return Ok(done.take());
    }
    let said = |field: &str| {
        let text = answer.pointer(field).and_then(Value::as_str);
        text.unwrap_or("the owner's answer cannot be read")
            .to_owned()
    };
    let message = said("/error/message");
    Err(match said("/error/kind").as_str() {
        "not-found" => Error::not_found("not-found", message),
        "invalid" => Error::invalid("invalid", message),
        "conflict" => Error::conflict("conflict", message),
        _ => Error::unavailable(message),
    })
}
