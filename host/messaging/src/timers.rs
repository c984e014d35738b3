//! The timer of a contact: one row, due at the earliest time at which something of the contact is.
//!
//! What must hold: whatever changes one of those times puts the timer into the same commit, so a
//! restart loses none; a timer that finds nothing due does no harm, and is set anew.

use crate::assignment::{self, place};
use crate::contacts::document::Document;
use crate::context::Context;
use crate::conversations::document::Conversation;
use crate::error::Result;
use jackfield_store::records::Timer;
use jackfield_store::{Commit, bucket_in};

/// Who acts when a time has come.
pub(crate) const TIMER: &str = "timer";

/// When something of the contact is due: its place in the queue becomes overdue, its conversation
/// comes back.
pub(crate) fn next(contact: &Document) -> Option<i64> {
    let queue = place::place(contact).and_then(|place| place.due());
    let talk = Conversation::of(contact).and_then(|known| known.due());
    queue.into_iter().chain(talk).min()
}

/// Puts the contact's timer into a commit, or takes it out. Answers with when it is due.
pub(crate) fn put(commit: &mut Commit, contact: &Document) -> Option<i64> {
    let due = next(contact);
    match due {
        Some(due) => {
            commit.put(&Timer {
                bucket: contact.row.bucket,
                id: contact.row.id.clone(),
                kind: "contact".to_owned(),
                due,
            });
        }
        None => {
            commit.delete::<Timer>([contact.row.id.clone().into()]);
        }
    }
    due
}

/// A contact's time has come: what is due is done.
pub(crate) async fn due(context: &Context, contact: &str) -> Result<()> {
    let Some(bucket) = bucket_in("ctc", contact) else {
        return Ok(());
    };
    let guard = context.lock(bucket).await?;
    let row = context.row(bucket, &[("id", contact)]).await?;
    let Some(row) = row else {
        return Ok(());
    };
    let mut document = Document { row };
    let now = context.now();
    let mut commit = Commit::of(bucket);
    let mut events = Vec::new();
    events.extend(place::overdue(&mut document, now));
    let is_back = Conversation::of(&document)
        .and_then(|known| known.due())
        .is_some_and(|due| due <= now);
    let mut standing = false;
    if is_back && let Some(woken) = Conversation::unsnooze(&mut document, TIMER, now) {
        let channels = context.channels(&document.row.workspace).await?;
        events.push(woken.event(&document, &channels, TIMER));
        commit.put(&woken.row(&document));
        // Whoever has the contact has one open contact more.
        standing = assignment::concerns(&document);
        if standing {
            assignment::mark(&mut commit, &document.row, now);
        }
    }
    if !events.is_empty() {
        commit.put(document.finish(now));
    }
    let due = put(&mut commit, &document);
    context.host.accept(&guard, events, commit).await?;
    drop(guard);
    if let Some(due) = due {
        context.host.wake(contact, due);
    }
    if standing {
        assignment::settle(context, &document.row.workspace, contact).await?;
    }
    Ok(())
}
