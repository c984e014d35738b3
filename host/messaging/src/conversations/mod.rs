//! Conversations: stretches of talk with a contact, what they are closed with, and what is noted
//! beside them.
//!
//! `document` has the conversation itself, `note` the closing notes, `snooze` until when one is set
//! aside, `human` what people of ours write, `comment` the comments, `calls` what steps ask, and this file what the API does.

pub(crate) mod calls;
pub(crate) mod comment;
pub(crate) mod document;
pub(crate) mod human;
pub(crate) mod note;
mod snooze;

pub use note::Note;
pub use snooze::Snooze;

use crate::assignment::{self, place, transfer};
use crate::contacts::document::Document;
use crate::contacts::{Contacts, merge, resolve};
use crate::context::Context;
use crate::error::{Error, Problem, Result};
use crate::page::{Page, limit};
use crate::timers;
use document::{Conversation, Opening};
use jackfield_engine::NewEvent;
use jackfield_store::records::{Comment, Conversation as Row};
use jackfield_store::{Commit, Is, Query, StoreExt, bucket_in};
use note::Closer;
use serde_json::{Value, json};
use std::sync::Arc;

/// Who acts through the API.
pub(crate) const API: &str = "api";

/// Which conversations are listed.
#[derive(Debug, Clone, Default)]
pub struct ListConversations {
    /// Those with a contact, by id.
    pub contact: Option<String>,
    /// `open`, `snoozed` or `closed`.
    pub state: Option<String>,
    /// The cursor of the page before.
    pub after: Option<String>,
    /// 1 to 100; 50 where left out.
    pub limit: Option<usize>,
}

/// The conversations of all workspaces.
#[derive(Clone)]
pub struct Conversations {
    context: Arc<Context>,
}

impl Conversations {
    pub(crate) fn new(context: Arc<Context>) -> Conversations {
        Conversations { context }
    }

    /// A conversation by its id.
    ///
    /// # Errors
    /// `not-found`.
    pub async fn get(&self, workspace: &str, id: &str) -> Result<Value> {
        let row = match bucket_in("cnv", id) {
            Some(bucket) => self.context.row::<Row>(bucket, &[("id", id)]).await?,
            None => None,
        };
        let row = match row {
            Some(row) => Some(row),
            // One that went on with the contact that absorbed its own.
            None => {
                let elsewhere = Query::<Row>::all().equal("workspace", workspace);
                self.context
                    .store()
                    .first(elsewhere.equal("id", id))
                    .await?
            }
        };
        let row = row.filter(|row| row.workspace == workspace);
        let row = row.ok_or_else(|| {
            Error::not_found(
                "no-conversation",
                format!("there is no conversation `{id}` in this workspace"),
            )
        })?;
        self.show(&row).await
    }

    /// Conversations, the newest first.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn list(&self, workspace: &str, which: &ListConversations) -> Result<Page<Value>> {
        let limit = limit(which.limit);
        let mut query = match &which.contact {
            Some(id) => merge::rows_of(&merge::ids(&self.context, workspace, id).await?),
            None => Query::<Row>::all(),
        };
        query = query.equal("workspace", workspace).descending("id");
        if let Some(state) = &which.state {
            query = query.equal("state", state.as_str());
        }
        if let Some(after) = &which.after {
            query = query.filter("id", Is::Less, after.as_str());
        }
        let query = query.limit(limit as i64 + 1);
        let rows = self.context.store().find(query).await?;
        let Page { items: rows, next } = Page::cut(rows, limit, |row| row.id.clone());
        let mut items = Vec::with_capacity(rows.len());
        for row in &rows {
            items.push(self.show(row).await?);
        }
        Ok(Page { items, next })
    }

    /// Opens a conversation with a contact; one that is set aside is taken up again. Answers with
    /// the one that is open, and whether it is new.
    ///
    /// # Errors
    /// `not-found` (no contact).
    pub async fn open(&self, workspace: &str, contact: &str) -> Result<(Value, bool)> {
        let context = &*self.context;
        let settings = context.settings(workspace).await?;
        let mut locked = self.lock(workspace, contact).await?;
        let opening = Opening {
            id: context.new_id("cnv", locked.guard.bucket()),
            source: API.to_owned(),
            channel: None,
            first_message: None,
            auto_close: settings.auto_close.is_some(),
        };
        let opened = open(&mut locked.document, opening, context.now());
        let is_new = opened
            .as_ref()
            .is_some_and(|one| one.unsnoozed_at.is_none());
        let current = Conversation::of(&locked.document);
        if let Some(opened) = &opened {
            self.keep(locked, opened, None).await?;
        }
        Ok((self.shown(workspace, contact, current).await?, is_new))
    }

    /// Closes the conversation with a contact, with a note.
    ///
    /// # Errors
    /// `not-found` (no contact), `invalid` for the note, `conflict` where no conversation is open.
    pub async fn close(&self, workspace: &str, contact: &str, note: Note) -> Result<Value> {
        let context = &*self.context;
        let settings = context.settings(workspace).await?;
        let note = note.checked(&settings.closing_notes, Closer::Person)?;
        let mut locked = self.lock(workspace, contact).await?;
        let now = context.now();
        let closed = Conversation::close(&mut locked.document, note, API, now);
        let closed = closed.ok_or_else(|| {
            Error::conflict(
                "no-open-conversation",
                format!("no conversation with `{contact}` is open"),
            )
        })?;
        let left = place::end(&mut locked.document, place::End::Closed, None, API, now);
        self.keep(locked, &closed, left).await?;
        self.shown(workspace, contact, Some(closed)).await
    }

    /// Sets the conversation with a contact aside until a time, or until the contact writes. One
    /// that is set aside already gets the new time.
    ///
    /// # Errors
    /// `not-found` (no contact), `invalid` for the time, `conflict` where no conversation is open.
    pub async fn snooze(&self, workspace: &str, contact: &str, snooze: &Snooze) -> Result<Value> {
        let context = &*self.context;
        let settings = context.settings(workspace).await?;
        let until = snooze.until(context.now(), &settings.zone())?;
        let mut locked = self.lock(workspace, contact).await?;
        let snoozed = Conversation::snooze(&mut locked.document, until);
        let snoozed = snoozed.ok_or_else(|| {
            Error::conflict(
                "no-open-conversation",
                format!("no conversation with `{contact}` is open"),
            )
        })?;
        transfer::attended(&mut locked.document);
        self.keep(locked, &snoozed, None).await?;
        self.shown(workspace, contact, Some(snoozed)).await
    }

    /// Takes up again the conversation with a contact that is set aside.
    ///
    /// # Errors
    /// `not-found` (no contact), `conflict` where none is.
    pub async fn unsnooze(&self, workspace: &str, contact: &str) -> Result<Value> {
        let mut locked = self.lock(workspace, contact).await?;
        let woken = Conversation::unsnooze(&mut locked.document, API, self.context.now());
        let woken = woken.ok_or_else(|| {
            Error::conflict(
                "no-snoozed-conversation",
                format!("no conversation with `{contact}` is snoozed"),
            )
        })?;
        self.keep(locked, &woken, None).await?;
        self.shown(workspace, contact, Some(woken)).await
    }

    /// Adds a comment about a contact.
    ///
    /// # Errors
    /// `not-found` (no contact), `invalid` for the text.
    pub async fn comment(&self, workspace: &str, contact: &str, text: &str) -> Result<Value> {
        let text = comment::checked(text).map_err(|error| {
            Error::problems("invalid", vec![Problem::new("text", error.message)])
        })?;
        let context = &*self.context;
        let locked = self.lock(workspace, contact).await?;
        let row = Comment {
            bucket: locked.guard.bucket(),
            id: context.new_id("cmt", locked.guard.bucket()),
            workspace: workspace.to_owned(),
            contact: locked.document.row.id.clone(),
            conversation: Conversation::of(&locked.document).map(|one| one.id),
            author: API.to_owned(),
            data: json!({"mentions": comment::mentions(&text)}),
            text,
            at: context.now(),
        };
        let shown = comment::show(&row);
        let event = locked
            .document
            .event("comment.added", json!({"comment": shown}), API);
        let mut commit = Commit::of(row.bucket);
        commit.put(&row);
        context
            .host
            .accept(&locked.guard, vec![event], commit)
            .await?;
        Ok(shown)
    }

    /// The comments about a contact, the newest first.
    ///
    /// # Errors
    /// `not-found` (no contact).
    pub async fn comments(
        &self,
        workspace: &str,
        contact: &str,
        after: Option<&str>,
        wanted: Option<usize>,
    ) -> Result<Page<Value>> {
        let row = Contacts::new(Arc::clone(&self.context))
            .find(workspace, contact)
            .await?;
        let limit = limit(wanted);
        let ids = merge::ids(&self.context, workspace, &row.id).await?;
        let mut query = merge::rows_of::<Comment>(&ids)
            .equal("workspace", workspace)
            .descending("id");
        if let Some(after) = after {
            query = query.filter("id", Is::Less, after);
        }
        let query = query.limit(limit as i64 + 1);
        let rows = self.context.store().find(query).await?;
        let page = Page::cut(rows, limit, |row| row.id.clone());
        Ok(page.map(|row| comment::show(&row)))
    }

    async fn lock(&self, workspace: &str, contact: &str) -> Result<resolve::Locked> {
        Contacts::new(Arc::clone(&self.context))
            .lock(workspace, contact)
            .await
    }

    /// Writes the contact with its changed conversation, and tells of it.
    async fn keep(
        &self,
        mut locked: resolve::Locked,
        changed: &Conversation,
        left: Option<NewEvent>,
    ) -> Result<()> {
        let context = &*self.context;
        let channels = context.channels(&locked.document.row.workspace).await?;
        // Whether the ledger of assignments has to know of it.
        let standing = left.is_some() || assignment::concerns(&locked.document);
        let mut events = vec![changed.event(&locked.document, &channels, API)];
        events.extend(left);
        let mut commit = locked.commit(context.now());
        commit.put(&changed.row(&locked.document));
        if standing {
            assignment::mark(&mut commit, &locked.document.row, context.now());
        }
        let due = timers::put(&mut commit, &locked.document);
        context.host.accept(&locked.guard, events, commit).await?;
        let resolve::Locked {
            guard, document, ..
        } = locked;
        drop(guard);
        if let Some(due) = due {
            context.host.wake(&document.row.id, due);
        }
        if standing {
            let row = document.row;
            assignment::settle(context, &row.workspace, &row.id).await?;
        }
        Ok(())
    }

    async fn shown(
        &self,
        workspace: &str,
        contact: &str,
        conversation: Option<Conversation>,
    ) -> Result<Value> {
        let channels = self.context.channels(workspace).await?;
        let shown = conversation.map(|one| one.show(&channels));
        shown.ok_or_else(|| {
            Error::not_found(
                "no-conversation",
                format!("there never was a conversation with `{contact}`"),
            )
        })
    }

    async fn show(&self, row: &Row) -> Result<Value> {
        let channels = self.context.channels(&row.workspace).await?;
        let conversation = Conversation::from_row(row).ok_or_else(|| {
            Error::unavailable(format!("the conversation {} cannot be read", row.id))
        })?;
        let mut shown = conversation.show(&channels);
        if let Some(shown) = shown.as_object_mut() {
            shown.insert("contact".to_owned(), row.contact.as_str().into());
        }
        Ok(shown)
    }
}

/// Opens a conversation, with whoever has the contact, or takes up again the one that is set aside;
/// none where one is open already.
pub(crate) fn open(contact: &mut Document, opening: Opening, now: i64) -> Option<Conversation> {
    if let Some(woken) = Conversation::unsnooze(contact, &opening.source, now) {
        return Some(woken);
    }
    let opened = Conversation::open(contact, opening, now)?;
    let assignee = place::assignee(contact).map(|known| known.user);
    Some(Conversation::assigned(contact, assignee.as_ref(), now).unwrap_or(opened))
}
