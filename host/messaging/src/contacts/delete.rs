//! Deleting a contact: it and its history go, irreversibly. What stays is what the law wants kept
//! (opt-outs, by address) and the runs, which are the workflows' own record.

use super::address::Identity;
use super::document::Document;
use super::{Contacts, merge, no_contact, resolve};
use crate::assignment;
use crate::context::{Context, Home};
use crate::error::Result;
use crate::tasks::Task;
use jackfield_store::records::{
    Comment, Contact, Conversation, DataRow, Decision, Delivery, Enrolment, Event, Identity as Row,
    ImportRow, ListMember, MergedContact, Message, Seen, Timer,
};
use jackfield_store::{Commit, Query, StoreExt, bucket_in};

/// Rows that one commit removes.
const BATCH: i64 = 500;

impl Contacts {
    /// Deletes a contact with its messages, conversations, comments, events and their
    /// deliveries, decisions, enrolments, places on lists and rows in tables, and with all that
    /// contacts left that it absorbed.
    ///
    /// # Errors
    /// `not-found`; `conflict` while it absorbs another.
    pub async fn delete(&self, workspace: &str, contact: &str) -> Result<()> {
        let context = &*self.context;
        let row = self.find(workspace, contact).await?;
        let (bucket, id) = (row.bucket, row.id.as_str());
        // Before anything is done: it is done whole where its bucket is at home.
        drop(context.lock(bucket).await?);
        let document = Document { row: row.clone() };
        merge::refuse_merging(&document)?;
        // First the addresses, so that nobody finds it any more.
        release_all(context, workspace, id).await?;
        for absorbed in document.merged() {
            release_all(context, workspace, &absorbed).await?;
            forget(context, workspace, &absorbed).await?;
        }
        loop {
            let guard = context.lock(bucket).await?;
            let Some(now) = context.contact(workspace, id).await? else {
                return Err(no_contact(contact));
            };
            let now = Document { row: now };
            merge::refuse_merging(&now)?;
            if now.merged() != document.merged() {
                // It absorbed another meanwhile: whoever asks is to know of that.
                return Err(merge::under_way(id));
            }
            let mut commit = history(context, bucket, workspace, id).await?;
            let last = commit.is_empty();
            if last {
                commit.delete::<Contact>([id.into()]);
                commit.delete::<Timer>([id.into()]);
                // Told below; a crash before that leaves the mark, and the next start tells it.
                assignment::mark(&mut commit, &row, context.now());
                commit.delete::<Seen>([workspace.into(), resolve::UNCLAIMED.into(), id.into()]);
            }
            context.host.commit(&guard, commit).await?;
            drop(guard);
            if last {
                return assignment::settle(context, workspace, id).await;
            }
        }
    }
}

/// Takes every address from a contact.
async fn release_all(context: &Context, workspace: &str, id: &str) -> Result<()> {
    let known = Query::<Row>::all()
        .equal("workspace", workspace)
        .equal("contact", id);
    for row in context.store().find(known).await? {
        let identity = Identity {
            kind: row.kind,
            value: row.value,
        };
        resolve::release(context, workspace, &identity, id).await?;
    }
    Ok(())
}

/// Removes what stands under the id of a contact that another has absorbed, where it is at home, and
/// at last that its id leads there.
pub(crate) async fn forget(context: &Context, workspace: &str, id: &str) -> Result<()> {
    let Some(bucket) = bucket_in("ctc", id) else {
        return Ok(());
    };
    loop {
        let ask = || Task::ForgetMerged {
            workspace: workspace.to_owned(),
            contact: id.to_owned(),
        };
        let guard = match context.lock_or_ask(bucket, ask).await? {
            Home::Here(guard) => guard,
            Home::There(_) => return Ok(()),
        };
        if merge::gone(context, workspace, id).await?.is_none() {
            return Ok(());
        }
        let mut commit = history(context, bucket, workspace, id).await?;
        let last = commit.is_empty();
        if last {
            commit.delete::<MergedContact>([id.into()]);
        }
        context.host.commit(&guard, commit).await?;
        if last {
            return Ok(());
        }
    }
}

/// A commit that removes some of what stands under a contact's id; an empty one where nothing does.
async fn history(context: &Context, bucket: i32, workspace: &str, id: &str) -> Result<Commit> {
    let mut commit = Commit::of(bucket);
    let messages = Query::<Message>::of(bucket)
        .equal("contact", id)
        .limit(BATCH);
    for row in context.store().find(messages).await? {
        commit.delete::<Message>([row.id.clone().into()]);
    }
    let events = Query::<Event>::of(bucket)
        .equal("contact", id)
        .equal("state", "handled");
    for row in context.store().find(events.limit(BATCH)).await? {
        commit.delete::<Event>([row.id.into()]);
    }
    let decisions = Query::<Decision>::of(bucket)
        .equal("contact", id)
        .limit(BATCH);
    for row in context.store().find(decisions).await? {
        commit.delete::<Decision>([row.id.into()]);
    }
    let enrolments = Query::<Enrolment>::of(bucket)
        .equal("contact", id)
        .limit(BATCH);
    for row in context.store().find(enrolments).await? {
        commit.delete::<Enrolment>([workspace.into(), row.workflow.into(), id.into()]);
    }
    let conversations = Query::<Conversation>::of(bucket).equal("contact", id);
    for row in context.store().find(conversations.limit(BATCH)).await? {
        commit.delete::<Conversation>([row.id.into()]);
    }
    let comments = Query::<Comment>::of(bucket).equal("contact", id);
    for row in context.store().find(comments.limit(BATCH)).await? {
        commit.delete::<Comment>([row.id.into()]);
    }
    let members = Query::<ListMember>::of(bucket)
        .equal("workspace", workspace)
        .equal("contact", id);
    for row in context.store().find(members.limit(BATCH)).await? {
        commit.delete::<ListMember>([workspace.into(), row.list.into(), id.into()]);
    }
    let imported = Query::<ImportRow>::of(bucket).equal("contact", id);
    for row in context.store().find(imported.limit(BATCH)).await? {
        commit.delete::<ImportRow>([row.import.into(), row.pass.into(), row.line.into()]);
    }
    let written = Query::<DataRow>::of(bucket).equal("contact", id);
    for row in context.store().find(written.limit(BATCH)).await? {
        commit.delete::<DataRow>([row.id.into()]);
    }
    let deliveries = Query::<Delivery>::of(bucket).equal("contact", id);
    for row in context.store().find(deliveries.limit(BATCH)).await? {
        commit.delete::<Timer>([row.id.clone().into()]);
        commit.delete::<Delivery>([row.id.into()]);
    }
    Ok(commit)
}
