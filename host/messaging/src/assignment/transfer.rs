//! A transfer: a contact that went from one user to another by hand, who has to attend to it in
//! time. Otherwise it returns to whoever transferred it, whatever that user has to do; where that
//! user is gone, to the head of the queue.
//!
//! What must hold: it stands with whoever has the contact, so it ends when the contact goes to
//! anybody else; and it is about one conversation, so it ends with that.

use super::place::{self, ASSIGNEE, Assignee, CHOICE, Place};
use super::request::{AssignRequest, MOST_PRIORITY, Person};
use crate::contacts::document::Document;
use crate::context::Context;
use crate::conversations::document::{Conversation, State};
use crate::error::Result;
use jackfield_engine::NewEvent;
use serde::{Deserialize, Serialize};

/// Who acts when the time is over.
const TRANSFER: &str = "transfer";

/// What is kept of a transfer that nobody attended to yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Transfer {
    from: Person,
    /// The team that this user was chosen from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    team: Option<String>,
    /// The conversation's id.
    conversation: String,
    /// When it returns.
    due: i64,
}

/// Notes that the contact went from `before` to whoever has it now.
pub(crate) fn begin(contact: &mut Document, before: Assignee, length: i64, now: i64) {
    let talk = Conversation::of(contact).filter(|known| known.state == State::Open);
    let (Some(now_with), Some(talk)) = (place::assignee(contact), talk) else {
        return;
    };
    if now_with.user.id == before.user.id {
        return;
    }
    let noted = Assignee {
        transfer: Some(Transfer {
            from: before.user,
            team: before.team,
            conversation: talk.id,
            due: now.saturating_add(length),
        }),
        ..now_with
    };
    contact.put(ASSIGNEE, serde_json::to_value(noted).ok());
}

/// Whoever got the contact attends to it. Answers whether that was awaited.
pub(crate) fn attended(contact: &mut Document) -> bool {
    let Some(known) = place::assignee(contact).filter(|known| known.transfer.is_some()) else {
        return false;
    };
    let noted = Assignee {
        transfer: None,
        ..known
    };
    contact.put(ASSIGNEE, serde_json::to_value(noted).ok());
    true
}

/// When the contact returns, if nobody attends to it.
pub(crate) fn due(contact: &Document) -> Option<i64> {
    pending(contact).map(|transfer| transfer.due)
}

fn pending(contact: &Document) -> Option<Transfer> {
    let transfer = place::assignee(contact)?.transfer?;
    let talk = Conversation::of(contact)?;
    let is_on = talk.state == State::Open && talk.id == transfer.conversation;
    is_on.then_some(transfer)
}

/// Gives a contact back whose time is over; no events where it is not.
pub(crate) async fn give_back(
    context: &Context,
    contact: &mut Document,
    now: i64,
) -> Result<Vec<NewEvent>> {
    let Some(transfer) = pending(contact).filter(|transfer| transfer.due <= now) else {
        return Ok(Vec::new());
    };
    let users = context.users(&contact.row.workspace).await?;
    let mut events = if users.iter().any(|user| user.id == transfer.from.id) {
        place::assign(contact, &transfer.from, transfer.team, TRANSFER, now)
    } else {
        let place = Place {
            id: context.new_id("plc", contact.row.bucket),
            scope: match &transfer.team {
                Some(team) => format!("team:{team}"),
                None => "workspace".to_owned(),
            },
            request: AssignRequest {
                workspace: transfer.team.is_none(),
                team: transfer.team,
                priority: Some(MOST_PRIORITY),
                ..AssignRequest::default()
            },
            since: now,
            overdue: false,
        };
        let mut events = place::unassign(contact, TRANSFER, now);
        events.extend(place::enqueue(contact, &place, TRANSFER, now));
        events
    };
    // Not by hand: runs that end when somebody assigns do not end by it.
    for event in &mut events {
        CHOICE.clone_into(&mut event.source);
    }
    Ok(events)
}
