//! What a step changes, as data: journaled by the engine, applied with the step's outcome.
//!
//! An effect says what is to be done, not what comes of it: two steps that each add 1 to a field
//! add 2, whatever either of them saw. Until it is applied it is laid over the contact that the
//! run sees.

use crate::contacts::document::{Change, Document};
use crate::contacts::{Operation, resolve};
use crate::context::Context;
use crate::error::{Error, Result};
use crate::message::Entry;
use jackfield_engine::{Actor, Applied, Effect, NewEvent};
use jackfield_store::records::{Contact, Message};
use jackfield_store::{Commit, Record, Write};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Something that is to be done when the outcome is committed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "kebab-case")]
pub(crate) enum Deed {
    /// A field of a contact.
    Field {
        /// Whose.
        contact: String,
        /// Which.
        field: String,
        /// How.
        operation: Operation,
        /// With what.
        value: Value,
    },
    /// Tags of a contact.
    Tags {
        /// Whose.
        contact: String,
        /// Which are added.
        add: Vec<String>,
    },
    /// A message into the outbox.
    Send {
        /// Its row, but for the time.
        message: Box<Message>,
    },
}

impl Deed {
    pub(crate) fn effect(&self) -> Effect {
        Effect(serde_json::to_value(self).unwrap_or_default())
    }

    fn read(effect: &Effect) -> Result<Deed> {
        Deed::deserialize(&effect.0).map_err(|error| {
            Error::invalid(
                "invalid-effect",
                format!("an effect cannot be read: {error}"),
            )
        })
    }

    fn contact(&self) -> Option<&str> {
        match self {
            Deed::Field { contact, .. } | Deed::Tags { contact, .. } => Some(contact),
            Deed::Send { .. } => None,
        }
    }
}

/// What is to happen after the commit.
#[derive(Debug, Default)]
pub(crate) struct FollowUp {
    /// Messages that are in the outbox now.
    pub(crate) messages: Vec<Entry>,
    /// Contacts whose addresses changed: workspace and id.
    pub(crate) readdressed: Vec<(String, String)>,
}

/// The contact as it will be when what is pending is applied.
pub(crate) async fn overlay(
    context: &Context,
    workspace: &str,
    contact: Option<&str>,
    pending: &[Effect],
) -> Result<Option<Document>> {
    let Some(id) = contact else { return Ok(None) };
    let Some(row) = context.contact(workspace, id).await? else {
        return Ok(None);
    };
    let mut document = Document { row };
    for effect in pending {
        let deed = Deed::read(effect)?;
        if deed.contact() == Some(id) {
            perform(context, &mut document, &deed).await?;
        }
    }
    Ok(Some(document))
}

/// Puts effects into the commit of a step's outcome.
pub(crate) async fn apply(
    context: &Context,
    actor: &Actor,
    effects: &[Effect],
    commit: &mut Commit,
) -> Result<Applied> {
    let now = context.now();
    let mut events = Vec::new();
    let mut follow_up = FollowUp::default();
    for effect in effects {
        let deed = Deed::read(effect)?;
        match &deed {
            Deed::Send { message } => {
                let mut message = Entry::read(Message::clone(message))?;
                message.row().created_at = now;
                message.row().updated_at = now;
                message.data.order = context.next_order();
                commit.insert(&message.write());
                follow_up.messages.push(message);
            }
            Deed::Field { contact, .. } | Deed::Tags { contact, .. } => {
                let Some(mut document) = pending_contact(context, actor, contact, commit).await?
                else {
                    // Deleted meanwhile: there is nothing to change any more.
                    continue;
                };
                let (changed, readdressed) = perform(context, &mut document, &deed).await?;
                if changed.is_empty() {
                    continue;
                }
                replace(commit, &mut document, now);
                if readdressed {
                    resolve::mark(commit, &document.row, now);
                    let who = (actor.workspace.clone(), contact.clone());
                    if !follow_up.readdressed.contains(&who) {
                        follow_up.readdressed.push(who);
                    }
                }
                events.extend(changed);
            }
        }
    }
    Ok(Applied {
        events,
        follow_up: Some(Box::new(follow_up)),
    })
}

/// Does one deed to a contact; answers with the events and whether an address changed.
async fn perform(
    context: &Context,
    document: &mut Document,
    deed: &Deed,
) -> Result<(Vec<NewEvent>, bool)> {
    match deed {
        Deed::Send { .. } => Ok((Vec::new(), false)),
        Deed::Tags { add, .. } => {
            let changed = document.retag(add, &[]);
            let events = changed
                .iter()
                .map(|(tag, added)| document.tagged(tag, *added, "run"));
            Ok((events.collect(), false))
        }
        Deed::Field {
            field,
            operation,
            value,
            ..
        } => {
            let workspace = document.row.workspace.clone();
            let fields = context.fields(&workspace).await?;
            let settings = context.settings(&workspace).await?;
            let country = settings.default_country.as_deref();
            // It was checked when it was asked for. If the field's definition was removed since,
            // or a sum is past what can be counted by now, the value stays as it is.
            let change: Option<Change> = document
                .change(&fields, country, field, *operation, value)
                .unwrap_or_default();
            let Some(change) = change else {
                return Ok((Vec::new(), false));
            };
            let readdressed = change.field == "phone" || change.field == "email";
            Ok((vec![document.changed(&change, "run")], readdressed))
        }
    }
}

/// The contact as the commit has it so far, else as the database has it.
async fn pending_contact(
    context: &Context,
    actor: &Actor,
    id: &str,
    commit: &Commit,
) -> Result<Option<Document>> {
    let pending = commit
        .writes
        .iter()
        .rev()
        .find_map(|write| contact_in(write, id));
    let row = match pending {
        Some(row) => Some(row),
        None => context.contact(&actor.workspace, id).await?,
    };
    match row {
        Some(row) if Some(row.bucket) != commit.bucket => Err(Error::invalid(
            "invalid-effect",
            format!("the contact {id} is not of the bucket of this commit"),
        )),
        row => Ok(row.map(|row| Document { row })),
    }
}

fn contact_in(write: &Write, id: &str) -> Option<Contact> {
    match write {
        Write::Put { table, row } | Write::Insert { table, row }
            if table.name == Contact::TABLE.name =>
        {
            serde_json::from_str::<Contact>(row)
                .ok()
                .filter(|contact| contact.id == id)
        }
        _ => None,
    }
}

/// One row is written once in a commit: the last word counts.
fn replace(commit: &mut Commit, document: &mut Document, now: i64) {
    commit
        .writes
        .retain(|write| contact_in(write, &document.row.id).is_none());
    commit.put(document.finish(now));
}
