//! Contacts: who messages go to and come from.
//!
//! `address` has the normal forms, `document` the contact and its changes, `value` the types of
//! fields, `resolve` how an address leads to exactly one contact, `fields` the definitions of
//! custom fields, `suggestions` who is probably the same person, `merge` how two become one, `absorb`
//! what the one then has of the other, `delete` the way out, and this file what the API does.

mod absorb;
pub(crate) mod address;
pub(crate) mod delete;
pub(crate) mod document;
mod fields;
pub(crate) mod merge;
pub(crate) mod patch;
pub(crate) mod resolve;
mod suggestions;
pub(crate) mod value;

pub use fields::NewField;
pub use suggestions::{Known, Suggestion};
pub use value::{FieldKind, Operation};

use crate::context::Context;
use crate::error::{Error, Problem, Result};
use crate::imports::Export;
use crate::page::{Page, limit};
use crate::segments::Meant;
use address::{ContactRef, Identity};
use document::{Document, clean_tags};
use jackfield_engine::NewEvent;
use jackfield_store::records::Contact;
use jackfield_store::{Is, Query, StoreExt};
use patch::Patch;
use resolve::Locked;
use serde_json::{Value, json};
use std::sync::Arc;

/// Which contacts are listed.
#[derive(Debug, Clone, Default)]
pub struct ListContacts {
    /// The beginning of a name (the first letter in either case), of a phone number (`+…`) or of a
    /// mail address (with `@`).
    pub search: Option<String>,
    /// The cursor of the page before.
    pub after: Option<String>,
    /// 1 to 100; 50 where left out.
    pub limit: Option<usize>,
}

/// The contacts of all workspaces.
#[derive(Clone)]
pub struct Contacts {
    context: Arc<Context>,
}

impl Contacts {
    pub(crate) fn new(context: Arc<Context>) -> Contacts {
        Contacts { context }
    }

    /// A contact by `id:…`, `phone:+33…`, `email:a@b` or `channel:<name>:<address>`.
    ///
    /// # Errors
    /// `not-found`; `invalid` where the reference is none.
    pub async fn get(&self, workspace: &str, contact: &str) -> Result<Value> {
        let row = self.find(workspace, contact).await?;
        self.show(Document { row }).await
    }

    /// The id of a contact.
    ///
    /// # Errors
    /// As of `get`.
    pub async fn id_of(&self, workspace: &str, contact: &str) -> Result<String> {
        Ok(self.find(workspace, contact).await?.id)
    }

    /// Makes a contact out of fields.
    ///
    /// # Errors
    /// `invalid` with each field that is wrong; `conflict` where phone or mail address belong to
    /// another contact.
    pub async fn create(&self, workspace: &str, fields: &Value) -> Result<Value> {
        let patch = Patch::read(&self.context, workspace, fields).await?;
        patch.refuse_taken(&self.context, None).await?;
        let locked = match patch.identities().into_iter().next() {
            Some(identity) => resolve::find_or_make(&self.context, workspace, &identity).await?,
            None => resolve::make(&self.context, workspace).await?,
        };
        if !locked.created {
            return Err(taken(&locked.document.row.id));
        }
        self.write(locked, patch).await
    }

    /// Changes a contact (JSON Merge Patch: null clears), or makes it where the reference is an
    /// address that nobody has. Answers with the contact and whether it was made.
    ///
    /// # Errors
    /// As of `create`; `not-found` for an unknown id.
    pub async fn upsert(
        &self,
        workspace: &str,
        contact: &str,
        fields: &Value,
    ) -> Result<(Value, bool)> {
        let reference = self.reference(workspace, contact).await?;
        let identity = match reference {
            ContactRef::Id(_) => {
                return Ok((self.update(workspace, contact, fields).await?, false));
            }
            ContactRef::Identity(identity) => identity,
            ContactRef::Channel { channel, address } => {
                let found = self.context.channel(workspace, &channel).await?;
                let channel = found.ok_or_else(|| no_channel(&channel))?;
                let connector = self.context.connector(&channel.digest).await?;
                let settings = self.context.settings(workspace).await?;
                let country = settings.default_country.as_deref();
                Identity::on_channel(
                    connector.descriptor.address(&channel.settings),
                    &channel.id,
                    &address,
                    country,
                )
            }
        };
        let mut patch = Patch::read(&self.context, workspace, fields).await?;
        let known = resolve::find(&self.context, workspace, &identity).await?;
        patch
            .refuse_taken(&self.context, known.as_ref().map(|row| row.id.as_str()))
            .await?;
        let locked = resolve::find_or_make(&self.context, workspace, &identity).await?;
        let created = locked.created;
        if created {
            patch.start_with(&identity);
        }
        Ok((self.write(locked, patch).await?, created))
    }

    /// Changes a contact (JSON Merge Patch: null clears).
    ///
    /// # Errors
    /// `not-found`, `invalid`, `conflict` as of `create`.
    pub async fn update(&self, workspace: &str, contact: &str, fields: &Value) -> Result<Value> {
        let patch = Patch::read(&self.context, workspace, fields).await?;
        let locked = self.locked(workspace, contact, &patch).await?;
        self.write(locked, patch).await
    }

    /// Adds and removes tags.
    ///
    /// # Errors
    /// `not-found`, `invalid`.
    pub async fn retag(
        &self,
        workspace: &str,
        contact: &str,
        add: &[String],
        remove: &[String],
    ) -> Result<Value> {
        let tags = |tags| {
            clean_tags(tags)
                .map_err(|said| Error::problems("invalid-tag", vec![Problem::new("tags", said)]))
        };
        let patch = Patch::tags(workspace, tags(add)?, tags(remove)?);
        let locked = self.locked(workspace, contact, &patch).await?;
        self.write(locked, patch).await
    }

    /// Blocks a contact (nothing of it is accepted, nothing is sent to it), or unblocks it.
    ///
    /// # Errors
    /// `not-found`.
    pub async fn block(&self, workspace: &str, contact: &str, blocked: bool) -> Result<Value> {
        self.update(workspace, contact, &json!({"blocked": blocked}))
            .await
    }

    /// Contacts, the newest first.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn list(&self, workspace: &str, which: &ListContacts) -> Result<Page<Value>> {
        let limit = limit(which.limit);
        let mut query = Query::<Contact>::all()
            .equal("workspace", workspace)
            .descending("id");
        if let Some(after) = &which.after {
            query = query.filter("id", Is::Less, after.as_str());
        }
        let query = query.limit(limit as i64 + 1);
        let rows = match which
            .search
            .as_deref()
            .map(str::trim)
            .filter(|text| !text.is_empty())
        {
            None => self.context.store().find(query).await?,
            Some(text) if text.starts_with('+') => {
                let plain: String = text.chars().filter(|one| !one.is_whitespace()).collect();
                self.context
                    .store()
                    .find(query.filter("phone", Is::Prefix, plain))
                    .await?
            }
            Some(text) if text.contains('@') => {
                self.context
                    .store()
                    .find(query.filter("email", Is::Prefix, text))
                    .await?
            }
            Some(text) => {
                let mut rows = Vec::new();
                for spelling in spellings(text) {
                    let query = query.clone().filter("name", Is::Prefix, spelling);
                    rows.extend(self.context.store().find(query).await?);
                }
                rows.sort_by(|one: &Contact, other| other.id.cmp(&one.id));
                rows.dedup_by(|one, other| one.id == other.id);
                rows
            }
        };
        let page = Page::cut(rows, limit, |row| row.id.clone());
        let channels = self.context.channels(workspace).await?;
        Ok(page.map(|row| Value::Object(Document { row }.show(&channels))))
    }

    /// Contacts as CSV, all or those that are meant, with these columns.
    ///
    /// # Errors
    /// `not-found` for a segment, `invalid` for a column.
    pub async fn export(
        &self,
        workspace: &str,
        meant: Option<&Meant>,
        columns: Option<&[String]>,
    ) -> Result<Export> {
        Export::new(&self.context, workspace, meant, columns).await
    }

    /// A contact under the lock of its bucket.
    ///
    /// # Errors
    /// As of `get`.
    pub(crate) async fn lock(&self, workspace: &str, contact: &str) -> Result<Locked> {
        let row = self.find(workspace, contact).await?;
        let locked = resolve::lock(&self.context, workspace, &row.id).await?;
        locked.ok_or_else(|| no_contact(contact))
    }

    async fn locked(&self, workspace: &str, contact: &str, patch: &Patch) -> Result<Locked> {
        let row = self.find(workspace, contact).await?;
        patch.refuse_taken(&self.context, Some(&row.id)).await?;
        let locked = resolve::lock(&self.context, workspace, &row.id).await?;
        locked.ok_or_else(|| no_contact(contact))
    }

    /// Writes a patch to a locked contact, with its events, in one commit.
    async fn write(&self, mut locked: Locked, patch: Patch) -> Result<Value> {
        let context = &*self.context;
        let mut events: Vec<NewEvent> = patch.apply(context, &mut locked.document).await?;
        let workspace = locked.document.row.workspace.clone();
        let shown = self.show(locked.document.clone()).await?;
        if locked.created {
            events.insert(
                0,
                locked
                    .document
                    .event("contact.created", json!({"contact": shown}), "api"),
            );
        }
        if events.is_empty() && !locked.created && !patch.touches_block() {
            return Ok(shown);
        }
        let now = context.now();
        let mut commit = locked.commit(now);
        let readdressed = patch.touches_address();
        if readdressed {
            resolve::mark(&mut commit, &locked.document.row, now);
        }
        context.host.accept(&locked.guard, events, commit).await?;
        let Locked {
            guard, document, ..
        } = locked;
        drop(guard);
        if readdressed {
            resolve::settle(context, &workspace, &document.row.id).await?;
        }
        self.show(document).await
    }

    async fn show(&self, document: Document) -> Result<Value> {
        let channels = self.context.channels(&document.row.workspace).await?;
        Ok(Value::Object(document.show(&channels)))
    }

    async fn reference(&self, workspace: &str, contact: &str) -> Result<ContactRef> {
        let settings = self.context.settings(workspace).await?;
        ContactRef::parse(contact, settings.default_country.as_deref())
            .map_err(|said| Error::problems("invalid-contact", vec![Problem::new("contact", said)]))
    }

    pub(crate) async fn find(&self, workspace: &str, contact: &str) -> Result<Contact> {
        let reference = self.reference(workspace, contact).await?;
        find_by(&self.context, workspace, &reference)
            .await?
            .ok_or_else(|| no_contact(contact))
    }
}

/// The contact that a reference means.
pub(crate) async fn find_by(
    context: &Context,
    workspace: &str,
    reference: &ContactRef,
) -> Result<Option<Contact>> {
    match reference {
        ContactRef::Id(id) => merge::current(context, workspace, id).await,
        ContactRef::Identity(identity) => resolve::find(context, workspace, identity).await,
        ContactRef::Channel { channel, address } => {
            let Some(channel) = context.channel(workspace, channel).await? else {
                return Err(no_channel(channel));
            };
            let connector = context.connector(&channel.digest).await?;
            let settings = context.settings(workspace).await?;
            let identity = Identity::on_channel(
                connector.descriptor.address(&channel.settings),
                &channel.id,
                address,
                settings.default_country.as_deref(),
            );
            resolve::find(context, workspace, &identity).await
        }
    }
}

/// A name as written, and with its first letter in the other case.
fn spellings(text: &str) -> Vec<String> {
    let mut letters = text.chars();
    let first = letters.next().unwrap_or_default();
    let rest = letters.as_str();
    let mut all = vec![
        text.to_owned(),
        first.to_uppercase().chain(rest.chars()).collect::<String>(),
    ];
    all.push(first.to_lowercase().chain(rest.chars()).collect());
    all.dedup();
    all
}

fn no_contact(contact: &str) -> Error {
    Error::not_found(
        "no-contact",
        format!("there is no contact `{contact}` in this workspace"),
    )
}

fn no_channel(channel: &str) -> Error {
    Error::not_found(
        "no-channel",
        format!("there is no channel `{channel}` in this workspace"),
    )
}

fn taken(contact: &str) -> Error {
    Error::conflict(
        "address-taken",
        format!(
            "this address belongs to the contact {contact} already: change that one, or merge the two"
        ),
    )
}
