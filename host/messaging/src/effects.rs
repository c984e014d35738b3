//! What a step changes, as data: journaled by the engine, applied with the step's outcome.
//!
//! An effect says what is to be done, not what comes of it: two steps that each add 1 to a field
//! add 2, whatever either of them saw. Until it is applied it is laid over the contact that the
//! run sees.

use crate::assignment::{self, place, request::Plan};
use crate::contacts::document::{Change, Document};
use crate::contacts::{Operation, resolve};
use crate::context::Context;
use crate::conversations::document::{Conversation, Opening};
use crate::conversations::{self, Note, comment};
use crate::error::{Error, Result};
use crate::lists;
use crate::message::Entry;
use crate::tables;
use crate::timers;
use jackfield_engine::{Actor, Applied, Effect, NewEvent};
use jackfield_store::records::{Comment, Contact, Conversation as Talk, DataRow, Message};
use jackfield_store::{Commit, Record, Write};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// Who acts, in events and records of what a step does.
pub(crate) const RUN: &str = "run";
/// The same in conversations and messages.
pub(crate) const WORKFLOW: &str = "workflow";

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
        #[serde(default)]
        add: Vec<String>,
        /// Which are removed.
        #[serde(default)]
        remove: Vec<String>,
        /// No event is raised.
        #[serde(default)]
        silent: bool,
    },
    /// A conversation is opened.
    Open {
        /// With whom.
        contact: String,
        /// How.
        opening: Opening,
    },
    /// The conversation is closed.
    Close {
        /// With whom.
        contact: String,
        /// Checked already.
        note: Note,
    },
    /// A comment.
    Comment {
        /// About whom.
        contact: String,
        /// Its id.
        id: String,
        /// Checked already.
        text: String,
    },
    /// The contact is given to a user or to nobody, or queued.
    Assign {
        /// Whose.
        contact: String,
        /// Checked already.
        plan: Plan,
        /// The place in the queue, where it is queued.
        place: String,
        /// What takes turns.
        step: String,
    },
    /// A place in the queue is given up.
    Leave {
        /// Whose.
        contact: String,
        /// Which.
        place: String,
    },
    /// A contact's place on a list.
    List {
        /// Whose.
        contact: String,
        /// The list's name.
        name: String,
        /// The list's id.
        list: String,
        /// On it, or off it.
        on: bool,
    },
    /// A row into a table.
    Append {
        /// The contact that it goes with, if the run has one.
        contact: Option<String>,
        /// The table's name.
        name: String,
        /// The table's id.
        table: String,
        /// The row's id.
        id: String,
        /// Checked already: text by column.
        cells: Value,
    },
    /// It is told that the contact wants nothing more, or wants it again: the record is there.
    OptOut {
        /// Whose.
        contact: String,
        /// What the event carries.
        data: Value,
        /// It wants them again.
        again: bool,
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

    pub(crate) fn read(effect: &Effect) -> Result<Deed> {
        Deed::deserialize(&effect.0).map_err(|error| {
            Error::invalid(
                "invalid-effect",
                format!("an effect cannot be read: {error}"),
            )
        })
    }

    fn contact(&self) -> Option<&str> {
        match self {
            Deed::Field { contact, .. }
            | Deed::Tags { contact, .. }
            | Deed::Open { contact, .. }
            | Deed::Close { contact, .. }
            | Deed::Comment { contact, .. }
            | Deed::Assign { contact, .. }
            | Deed::Leave { contact, .. }
            | Deed::List { contact, .. }
            | Deed::OptOut { contact, .. } => Some(contact),
            // A row of a table is no part of the contact.
            Deed::Append { .. } | Deed::Send { .. } => None,
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
    /// Contacts of which the ledger of assignments is to be told: workspace and id.
    pub(crate) reassigned: Vec<(String, String)>,
    /// Timers of contacts: id and when.
    pub(crate) timers: Vec<(String, i64)>,
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
            Deed::Append {
                contact,
                name,
                table,
                id,
                cells,
            } => {
                if let Some(who) = contact
                    && pending_contact(context, actor, who, commit)
                        .await?
                        .is_none()
                {
                    // Deleted meanwhile, and with it what is known of it.
                    continue;
                }
                if tables::is_there(context, &actor.workspace, name, table).await? {
                    commit.insert(&DataRow {
                        bucket: actor.bucket,
                        id: id.clone(),
                        workspace: actor.workspace.clone(),
                        in_table: table.clone(),
                        contact: contact.clone(),
                        cells: cells.clone(),
                        at: now,
                    });
                }
            }
            _ => {
                let Some(contact) = deed.contact() else {
                    continue;
                };
                let Some(mut document) = pending_contact(context, actor, contact, commit).await?
                else {
                    // Deleted meanwhile: there is nothing to change any more.
                    continue;
                };
                let concerned = assignment::concerns(&document);
                let timed = timers::next(&document);
                let done = perform(context, &mut document, &deed).await?;
                if done.changed {
                    replace(commit, &mut document, now);
                }
                if timers::next(&document) != timed {
                    let mut own = Commit::of(document.row.bucket);
                    let due = timers::put(&mut own, &document);
                    follow_up
                        .timers
                        .extend(due.map(|due| (contact.to_owned(), due)));
                    once(commit, own);
                }
                let talks = done.conversation.is_some() || done.queue;
                if talks && (concerned || assignment::concerns(&document)) {
                    let mut own = Commit::of(document.row.bucket);
                    assignment::mark(&mut own, &document.row, now);
                    once(commit, own);
                    let who = (actor.workspace.clone(), contact.to_owned());
                    if !follow_up.reassigned.contains(&who) {
                        follow_up.reassigned.push(who);
                    }
                }
                if done.readdressed {
                    resolve::mark(commit, &document.row, now);
                    let who = (actor.workspace.clone(), contact.to_owned());
                    if !follow_up.readdressed.contains(&who) {
                        follow_up.readdressed.push(who);
                    }
                }
                if let Some(conversation) = done.conversation {
                    commit.writes.retain(|write| !writes(write, &conversation));
                    commit.put(&conversation);
                }
                events.extend(done.events);
                events.extend(beside(context, actor, &document, &deed, commit).await?);
            }
        }
    }
    Ok(Applied {
        events,
        follow_up: Some(Box::new(follow_up)),
    })
}

/// What came of a deed.
#[derive(Default)]
struct Done {
    /// The contact's row is another.
    changed: bool,
    /// An address changed.
    readdressed: bool,
    /// The conversation's row is another.
    conversation: Option<Talk>,
    /// Who has the contact, or the place where it waits, is another.
    queue: bool,
    events: Vec<NewEvent>,
}

/// Does one deed to a contact: what of it shows in the contact's own row.
async fn perform(context: &Context, document: &mut Document, deed: &Deed) -> Result<Done> {
    let mut done = Done::default();
    match deed {
        Deed::Send { .. }
        | Deed::Append { .. }
        | Deed::Comment { .. }
        | Deed::List { .. }
        | Deed::OptOut { .. } => {}
        Deed::Tags {
            add,
            remove,
            silent,
            ..
        } => {
            let changed = document.retag(add, remove);
            done.changed = !changed.is_empty();
            if !silent {
                let events = changed
                    .iter()
                    .map(|(tag, added)| document.tagged(tag, *added, RUN));
                done.events.extend(events);
            }
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
            if let Some(change) = change {
                done.changed = true;
                done.readdressed = change.field == "phone" || change.field == "email";
                done.events.extend(document.changed(&change, RUN));
            }
        }
        Deed::Open { opening, .. } => {
            let opened = conversations::open(document, opening.clone(), context.now());
            talked(context, document, opened, &mut done).await?;
        }
        Deed::Assign {
            plan, place, step, ..
        } => {
            let now = context.now();
            let mut events =
                assignment::change(context, document, plan, place, Some(step), WORKFLOW);
            for event in &mut events {
                RUN.clone_into(&mut event.source);
            }
            done.changed = !events.is_empty();
            done.queue = done.changed;
            done.events.extend(events);
            let assignee = place::assignee(document).map(|known| known.user);
            let talk = Conversation::assigned(document, assignee.as_ref(), now);
            done.conversation = talk.map(|talk| talk.row(document));
        }
        Deed::Leave { place, .. } => {
            let left = place::leave(document, place, RUN, context.now());
            done.changed = left.is_some();
            done.queue = done.changed;
            done.events.extend(left);
        }
        Deed::Close { note, .. } => {
            let now = context.now();
            let closed = Conversation::close(document, note.clone(), WORKFLOW, now);
            let ended = closed.is_some();
            talked(context, document, closed, &mut done).await?;
            if ended {
                let left = place::end(document, place::End::Closed, None, RUN, now);
                done.events.extend(left);
            }
        }
    }
    Ok(done)
}

/// A conversation was opened or closed, if it was.
async fn talked(
    context: &Context,
    document: &Document,
    changed: Option<Conversation>,
    done: &mut Done,
) -> Result<()> {
    if let Some(conversation) = changed {
        let channels = context.channels(&document.row.workspace).await?;
        done.changed = true;
        done.conversation = Some(conversation.row(document));
        done.events
            .push(conversation.event(document, &channels, RUN));
    }
    Ok(())
}

/// Does what of a deed stands beside the contact's row; answers with the events.
async fn beside(
    context: &Context,
    actor: &Actor,
    document: &Document,
    deed: &Deed,
    commit: &mut Commit,
) -> Result<Vec<NewEvent>> {
    let now = context.now();
    match deed {
        Deed::Comment { id, text, .. } => {
            let row = Comment {
                bucket: document.row.bucket,
                id: id.clone(),
                workspace: document.row.workspace.clone(),
                contact: document.row.id.clone(),
                conversation: Conversation::of(document).map(|one| one.id),
                author: WORKFLOW.to_owned(),
                text: text.clone(),
                data: json!({
                    "mentions": comment::mentions(text),
                    "workflow": actor.workflow,
                    "run": actor.run,
                }),
                at: now,
            };
            commit.put(&row);
            let data = json!({"comment": comment::show(&row)});
            Ok(vec![document.event("comment.added", data, RUN)])
        }
        Deed::OptOut { data, again, .. } => {
            let name = if *again {
                "contact.opted-in"
            } else {
                "contact.opted-out"
            };
            let data = json!({"opt_out": data});
            Ok(vec![document.event(name, data, RUN)])
        }
        Deed::List { name, list, on, .. } => {
            let row = lists::member(&document.row, list, WORKFLOW, now);
            // An earlier step of this very commit may have had the last word.
            let pending = commit.writes.iter().rfind(|write| writes(write, &row));
            let is = match pending {
                Some(write) => !matches!(write, Write::Delete { .. }),
                None => lists::is_on(context, list, &document.row).await?,
            };
            if is == *on {
                return Ok(Vec::new());
            }
            commit.writes.retain(|write| !writes(write, &row));
            lists::put(commit, row, *on);
            Ok(vec![lists::updated(document, name, *on, RUN)])
        }
        _ => Ok(Vec::new()),
    }
}

/// Adds writes to a commit, each in place of one of the same row that is there already.
fn once(commit: &mut Commit, own: Commit) {
    for write in own.writes {
        commit.writes.retain(|other| !same_row(other, &write));
        commit.writes.push(write);
    }
}

/// Whether two writes are of the same row.
fn same_row(one: &Write, other: &Write) -> bool {
    if one.table().name != other.table().name {
        return false;
    }
    let key = |write: &Write| match write {
        Write::Put { table, row } | Write::Insert { table, row } => {
            let row: Value = serde_json::from_str(row).unwrap_or_default();
            let columns = table.key.iter();
            columns
                .map(|column| row.get(column).cloned().unwrap_or_default())
                .collect::<Vec<_>>()
        }
        Write::Delete { key, .. } => key.clone(),
    };
    key(one) == key(other)
}

/// Whether a write is of the row of this record.
fn writes<R: Record>(write: &Write, record: &R) -> bool {
    let mut own = record.bucket().map_or_else(Commit::control, Commit::of);
    own.put(record);
    own.writes.iter().any(|own| same_row(write, own))
}

/// The contact as the commit has it so far, else as the database has it.
async fn pending_contact(
    context: &Context,
    actor: &Actor,
    id: &str,
    commit: &Commit,
) -> Result<Option<Document>> {
    let row = match written(commit, id) {
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

/// A contact as a commit has it.
pub(crate) fn written(commit: &Commit, id: &str) -> Option<Contact> {
    let mut writes = commit.writes.iter().rev();
    writes.find_map(|write| contact_in(write, id))
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
