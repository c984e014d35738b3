//! The timer of a contact: one row, due at the earliest time at which something of the contact is.
//!
//! What must hold: whatever changes one of those times puts the timer into the same commit, so a
//! restart loses none; a timer that finds nothing due does no harm, and is set anew.

use crate::assignment::{self, place, transfer};
use crate::contacts::document::Document;
use crate::context::Context;
use crate::conversations::Note;
use crate::conversations::document::Conversation;
use crate::error::Result;
use jackfield_engine::NewEvent;
use jackfield_store::records::Timer;
use jackfield_store::{Commit, bucket_in};

/// Who acts when a time has come.
pub(crate) const TIMER: &str = "timer";
/// Who closes a conversation in which nothing happens any more.
pub(crate) const AUTO_CLOSE: &str = "auto-close";

/// When something of the contact is due: its place in the queue becomes overdue, its conversation
/// comes back, or is closed by itself, it returns to whoever transferred it.
pub(crate) fn next(contact: &Document) -> Option<i64> {
    let queue = place::place(contact).and_then(|place| place.due());
    let talk = Conversation::of(contact).and_then(|known| known.due());
    let transfer = transfer::due(contact);
    queue.into_iter().chain(talk).chain(transfer).min()
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
    let returned = transfer::give_back(context, &mut document, now).await?;
    let mut standing = !returned.is_empty();
    if standing {
        let assignee = place::assignee(&document).map(|known| known.user);
        if let Some(talk) = Conversation::assigned(&mut document, assignee.as_ref(), now) {
            commit.put(&talk.row(&document));
        }
    }
    events.extend(returned);
    let mut changed = !events.is_empty();
    // What returned is looked at anew by the next timer.
    if !standing && let Some(talk) = talk(context, &mut document, now).await? {
        changed = true;
        commit.put(&talk.conversation.row(&document));
        if let Some(by) = talk.by {
            let channels = context.channels(&document.row.workspace).await?;
            // Whoever has the contact has one open contact more, or less.
            standing = assignment::concerns(&document);
            events.push(talk.conversation.event(&document, &channels, by));
            events.extend(talk.left);
        }
    }
    if standing {
        assignment::mark(&mut commit, &document.row, now);
    }
    if changed {
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

/// What came of a conversation whose time has come.
struct Talk {
    conversation: Conversation,
    /// Who acted; none where nothing is told.
    by: Option<&'static str>,
    /// The contact's place in the queue ended by it.
    left: Option<NewEvent>,
}

/// Takes up what was set aside until now, or closes what nobody has written in for so long.
async fn talk(context: &Context, document: &mut Document, now: i64) -> Result<Option<Talk>> {
    let due = Conversation::of(document).and_then(|known| known.due());
    if due.is_none_or(|due| due > now) {
        return Ok(None);
    }
    if let Some(conversation) = Conversation::unsnooze(document, TIMER, now) {
        return Ok(Some(Talk {
            conversation,
            by: Some(TIMER),
            left: None,
        }));
    }
    let settings = context.settings(&document.row.workspace).await?;
    if settings.auto_close.is_none() {
        // Switched off meanwhile.
        return Ok(Conversation::stays(document).map(|conversation| Talk {
            conversation,
            by: None,
            left: None,
        }));
    }
    let closed = Conversation::close(document, Note::default(), AUTO_CLOSE, now);
    Ok(closed.map(|conversation| Talk {
        conversation,
        by: Some(AUTO_CLOSE),
        left: place::end(document, place::End::Closed, None, AUTO_CLOSE, now),
    }))
}
