//! Messages for the API: read, listed, sent, sent again, cancelled.

use crate::assignment::{Person, transfer};
use crate::contacts::address::{ContactRef, Identity};
use crate::contacts::document::Document;
use crate::contacts::{find_by, merge, resolve};
use crate::context::Context;
use crate::conversations::{API, human};
use crate::error::{Error, Problem, Result};
use crate::host::AcceptError;
use crate::message::{Entry, Past, Status};
use crate::outbox::Outbox;
use crate::outgoing::Outgoing;
use crate::page::{Page, cursor, limit, read_cursor};
use crate::status;
use crate::timers;
use crate::users::{self, UserView};
use jackfield_store::records::{Message, Seen, Timer};
use jackfield_store::{Commit, CommitError, Is, Query, Record, StoreExt, bucket_in};
use serde_json::Value;
use std::sync::Arc;

/// Which messages are listed.
#[derive(Debug, Clone, Default)]
pub struct ListMessages {
    /// Of a contact, by id.
    pub contact: Option<String>,
    /// Of a run.
    pub run: Option<String>,
    /// Of a channel, by name or id.
    pub channel: Option<String>,
    /// In this state.
    pub state: Option<String>,
    /// The cursor of the page before.
    pub after: Option<String>,
    /// 1 to 100; 50 where left out.
    pub limit: Option<usize>,
}

/// The messages of all workspaces.
#[derive(Clone)]
pub struct Messages {
    context: Arc<Context>,
    outbox: Outbox,
}

impl Messages {
    pub(crate) fn new(context: Arc<Context>, outbox: Outbox) -> Messages {
        Messages { context, outbox }
    }

    /// A message.
    ///
    /// # Errors
    /// `not-found`.
    pub async fn get(&self, workspace: &str, id: &str) -> Result<Value> {
        let message = self.find(workspace, id).await?;
        self.show(&message).await
    }

    /// Messages in and out, the newest first.
    ///
    /// # Errors
    /// `not-found` for an unknown channel; `invalid` for a cursor that is none.
    pub async fn list(&self, workspace: &str, which: &ListMessages) -> Result<Page<Value>> {
        let limit = limit(which.limit);
        let mut query = match (&which.contact, which.run.as_deref()) {
            (Some(contact), _) => {
                merge::rows_of(&merge::ids(&self.context, workspace, contact).await?)
            }
            (None, Some(run)) => bucket_in("run", run).map_or_else(Query::all, Query::of),
            (None, None) => Query::<Message>::all(),
        };
        query = query.equal("workspace", workspace).descending("created_at");
        for (column, value) in [("run", &which.run), ("state", &which.state)] {
            if let Some(value) = value {
                query = query.equal(column, value.as_str());
            }
        }
        if let Some(name) = &which.channel {
            let channel = self
                .context
                .channel(workspace, name)
                .await?
                .ok_or_else(|| {
                    Error::not_found("no-channel", format!("there is no channel `{name}`"))
                })?;
            query = query.equal("channel", channel.id);
        }
        let after = which.after.as_deref().map(|text| {
            read_cursor(text).ok_or_else(|| {
                Error::problems(
                    "invalid-cursor",
                    vec![Problem::new("after", "give `next` of the page before")],
                )
            })
        });
        let after = after.transpose()?;
        if let Some((at, _)) = after {
            query = query.filter("created_at", Is::AtMost, at);
        }
        // Rows of the same millisecond as the cursor come again and are dropped here; if there are
        // many of them, more is read until the page is full.
        let mut reach = limit + 1;
        let (mut rows, more) = loop {
            let mut rows = self
                .context
                .store()
                .find(query.clone().limit(reach as i64))
                .await?;
            let whole = rows.len() < reach;
            rows.sort_by(|one, other| {
                (other.created_at, &other.id).cmp(&(one.created_at, &one.id))
            });
            if let Some((at, id)) = after {
                rows.retain(|row| (row.created_at, row.id.as_str()) < (at, id));
            }
            // The last millisecond that was read may be cut through its middle.
            let cut = rows.last().map(|row| row.created_at);
            if !whole
                && rows
                    .iter()
                    .filter(|row| Some(row.created_at) != cut)
                    .count()
                    < limit
            {
                reach *= 2;
                continue;
            }
            let more = rows.len() > limit;
            break (rows, more);
        };
        rows.truncate(limit);
        let next = rows
            .last()
            .filter(|_| more)
            .map(|row| cursor(row.created_at, &row.id));
        let channels = self.context.channels(workspace).await?;
        let items: Result<Vec<Value>> = rows
            .into_iter()
            .map(|row| {
                let name = channels.iter().find(|one| one.id == row.channel);
                Ok(Entry::read(row)?.show(name.map(|one| one.name.as_str())))
            })
            .collect();
        Ok(Page {
            items: items?,
            next,
        })
    }

    /// Sends a message: under the schema of outgoing messages. `contact` names whom it is about
    /// (`id:…`, `phone:…`, `email:…`, `channel:…`); an address that nobody has gets a contact. With
    /// neither `contact` nor a known `to`, it goes to the address alone. What was sent with a key
    /// is not sent with it again. `user` is whoever wrote it, by id, mail address or name: it is then
    /// a person's answer, else a program's.
    ///
    /// # Errors
    /// `repeated` for a key that was used; `invalid`, `not-found`, `no-channel`, `no-address`, `too-large`.
    pub async fn send(
        &self,
        workspace: &str,
        contact: Option<&str>,
        user: Option<&str>,
        message: &Value,
        key: Option<&str>,
    ) -> Result<Value> {
        let context = &*self.context;
        let user = match user {
            Some(user) => {
                let row = users::find(context, workspace, user).await?;
                Some(Person::from(&UserView::read(&row, context.now())))
            }
            None => None,
        };
        let size = message.to_string().len();
        let outgoing = Outgoing::read(message, size)?;
        let known = match contact {
            Some(reference) => Some(self.contact(workspace, reference).await?),
            None => None,
        };
        let draft = outgoing.draft(context, workspace, known.as_ref()).await?;
        let address = draft.data.to.first().cloned().unwrap_or_default();
        let known = match known {
            Some(known) => Some(known).filter(|_| draft.to_contact),
            // An address that belongs to a contact is a message to that contact.
            None => {
                let connector = context.connector(&draft.channel.digest).await?;
                let identity = Identity::on_channel(
                    connector.descriptor.address(&draft.channel.settings),
                    &draft.channel.id,
                    &address,
                    None,
                );
                resolve::find(context, workspace, &identity)
                    .await?
                    .map(|row| Document { row })
            }
        };
        let bucket = match &known {
            Some(known) => known.row.bucket,
            None => context.bucket_of(&[workspace, &address]),
        };
        let now = context.now();
        let mut data = draft.data;
        data.source = if user.is_some() { human::USER } else { API }.to_owned();
        data.user = user.as_ref().map(|user| user.email.clone());
        data.history.push(Past {
            state: Status::Queued.name().to_owned(),
            at: now,
            reason: None,
        });
        let row = Message {
            bucket,
            id: context.new_id("msg", bucket),
            workspace: workspace.to_owned(),
            channel: draft.channel.id,
            direction: "out".to_owned(),
            contact: known.map(|known| known.row.id),
            run: None,
            address,
            state: Status::Queued.name().to_owned(),
            reason: None,
            provider_id: None,
            data: Value::Null,
            attempts: 0,
            created_at: now,
            updated_at: now,
        };
        let entry = Entry::new(row, data);
        let guard = context.lock(bucket).await?;
        let mut commit = Commit::of(bucket);
        let mut events = Vec::new();
        let mut due = None;
        if let (Some(user), Some(contact)) = (&user, &entry.contact)
            && let Some(row) = context.contact(workspace, contact).await?
        {
            let mut document = Document { row };
            let (talk, wrote) =
                human::wrote(context, &mut document, &entry, Some(user), now).await?;
            events.push(wrote);
            // Whoever writes attends to it.
            let attended = transfer::attended(&mut document);
            if talk.is_some() || attended {
                due = timers::put(&mut commit, &document);
                commit.put(document.finish(now));
            }
            if let Some(talk) = talk {
                commit.put(&talk.row(&document));
            }
        }
        commit.insert(&entry.write());
        if let Some(key) = key {
            commit.insert(&Seen {
                bucket,
                workspace: workspace.to_owned(),
                scope: "api".to_owned(),
                key: key.to_owned(),
                at: now,
            });
        }
        if events.is_empty() {
            match context.host.commit(&guard, commit).await {
                Err(CommitError::Exists { table }) if table == Seen::TABLE.name => {
                    return Err(AcceptError::Repeated.into());
                }
                other => other?,
            }
        } else {
            context.host.accept(&guard, events, commit).await?;
        }
        drop(guard);
        if let (Some(due), Some(contact)) = (due, &entry.contact) {
            context.host.wake(contact, due);
        }
        self.outbox.put(&entry);
        self.show(&entry).await
    }

    /// Sends a message again that failed, was suppressed or is uncertain. An operator's decision:
    /// it may arrive twice.
    ///
    /// # Errors
    /// `not-found`; `conflict` for a message in another state.
    pub async fn resend(&self, workspace: &str, id: &str) -> Result<Value> {
        let states = [
            Status::Failed,
            Status::Suppressed,
            Status::Uncertain,
            Status::Cancelled,
        ];
        self.change(workspace, id, &states, Status::Queued).await
    }

    /// Keeps a queued message from leaving.
    ///
    /// # Errors
    /// `not-found`; `conflict` for a message that left already.
    pub async fn cancel(&self, workspace: &str, id: &str) -> Result<Value> {
        self.change(workspace, id, &[Status::Queued], Status::Cancelled)
            .await
    }

    async fn change(
        &self,
        workspace: &str,
        id: &str,
        from: &[Status],
        to: Status,
    ) -> Result<Value> {
        let context = &*self.context;
        let found = self.find(workspace, id).await?;
        let guard = context.lock(found.bucket).await?;
        let mut message = self.find(workspace, id).await?;
        let before = message.status();
        if message.direction != "out" || !from.contains(&before) {
            let names: Vec<&str> = from.iter().map(|status| status.name()).collect();
            return Err(Error::conflict(
                "message-state",
                format!(
                    "the message is {}; this can be done to one that is {}",
                    message.state,
                    names.join(" or ")
                ),
            ));
        }
        if before == Status::Failed {
            // A provider that honours the key would answer with the old failure.
            message.data.resends += 1;
        }
        message.advance(to, context.now(), None);
        message.data.due = None;
        message.data.once = false;
        message.data.throttled = 0;
        message.row().attempts = 0;
        let channel = context.channel_by_id(&message.channel).await?;
        let name = channel.map(|channel| channel.name).unwrap_or_default();
        let mut commit = Commit::of(message.bucket);
        commit.delete::<Timer>([id.into()]);
        commit.put(&message.write());
        context
            .host
            .accept(&guard, message.events(before, &name), commit)
            .await?;
        drop(guard);
        self.outbox.due(id);
        self.show(&message).await
    }

    async fn find(&self, workspace: &str, id: &str) -> Result<Entry> {
        let found = status::message(&self.context, id).await?;
        found
            .filter(|message| message.workspace == workspace)
            .ok_or_else(|| {
                Error::not_found(
                    "no-message",
                    format!("there is no message `{id}` in this workspace"),
                )
            })
    }

    async fn show(&self, message: &Entry) -> Result<Value> {
        let channel = self
            .context
            .channel(&message.workspace, &message.channel)
            .await?;
        Ok(message.show(channel.as_ref().map(|channel| channel.name.as_str())))
    }

    /// The contact that a reference means; an address that nobody has gets one.
    async fn contact(&self, workspace: &str, reference: &str) -> Result<Document> {
        let context = &*self.context;
        let settings = context.settings(workspace).await?;
        let parsed =
            ContactRef::parse(reference, settings.default_country.as_deref()).map_err(|said| {
                Error::problems("invalid-contact", vec![Problem::new("contact", said)])
            })?;
        if let Some(row) = find_by(context, workspace, &parsed).await? {
            return Ok(Document { row });
        }
        match &parsed {
            ContactRef::Identity(identity) => {
                let fields = serde_json::json!({});
                let contacts = crate::contacts::Contacts::new(Arc::clone(&self.context));
                contacts.upsert(workspace, reference, &fields).await?;
                let row = resolve::find(context, workspace, identity).await?;
                row.map(|row| Document { row })
            }
            ContactRef::Id(_) | ContactRef::Channel { .. } => None,
        }
        .ok_or_else(|| Error::not_found("no-contact", format!("there is no contact `{reference}`")))
    }
}
