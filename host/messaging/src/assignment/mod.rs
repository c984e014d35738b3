//! Assignments: who has a contact, and the queue of those that wait for somebody.
//!
//! `request` has what may be asked, `place` what of it stands in the contact's row, `transfer` what
//! becomes of a contact that one user hands to another, `choose` the rules
//! by which one of several users is chosen, `ledger` where and when that is done, `calls` what steps
//! ask, `stats` how well the queues were attended, and this file what the API does.

pub(crate) mod calls;
mod choose;
mod ledger;
pub(crate) mod place;
pub(crate) mod request;
mod stats;
pub(crate) mod transfer;

pub(crate) use ledger::{
    Told, mark, marked, offered, open_contacts, recover, settle, take, tell, unmark,
};
pub use request::{AssignRequest, Person, Strategy};
pub use stats::{Attendance, QueueView};

use crate::contacts::document::{Document, instant};
use crate::contacts::resolve::Locked;
use crate::contacts::{Contacts, resolve};
use crate::context::Context;
use crate::conversations::API;
use crate::conversations::document::Conversation;
use crate::error::{Error, Result};
use crate::page::{Page, limit};
use crate::timers;
use crate::users;
use crate::users::UserView;
use jackfield_engine::NewEvent;
use ledger::Telling;
use place::Place;
use request::Plan;
use serde_json::{Value, json};
use std::sync::Arc;

/// Gives waiting contacts of a workspace to whoever is free.
pub(crate) async fn serve(context: &Context, workspace: &str) -> Result<()> {
    ledger::serve(context, workspace).await
}

/// The assignments of all workspaces.
#[derive(Clone)]
pub struct Assignments {
    context: Arc<Context>,
}

impl Assignments {
    pub(crate) fn new(context: Arc<Context>) -> Assignments {
        Assignments { context }
    }

    /// Gives a contact to a user or to nobody, or queues it for somebody of a team or the workspace.
    /// Answers with `{"assignee"}`, or `{"queued"}` where nobody is free yet.
    ///
    /// # Errors
    /// `not-found` (no contact, no such user or team), `invalid`, `no-members`, `queue-full`.
    pub async fn assign(
        &self,
        workspace: &str,
        contact: &str,
        request: AssignRequest,
    ) -> Result<Value> {
        let context = &*self.context;
        let id = self.lock(workspace, contact).await?.document.row.id;
        // Read without the contact's lock: the ledger is another bucket's.
        let plan = request.plan(context, workspace, &id).await?;
        let mut locked = self.lock(workspace, contact).await?;
        let place = locked.guard.bucket();
        let place = context.new_id("plc", place);
        let before = place::assignee(&locked.document);
        let events = change(context, &mut locked.document, &plan, &place, None, API);
        let settings = context.settings(workspace).await?;
        if let (Some(before), Some(length), Plan::User(_)) =
            (before, settings.transfer_time(), &plan)
        {
            transfer::begin(&mut locked.document, before, length, context.now());
        }
        let answer = self.finish(workspace, locked, events).await?;
        match plan {
            Plan::Full { team, most } => Err(full(team.as_deref(), most)),
            _ => Ok(answer),
        }
    }

    /// Gives a waiting contact to the user who takes it, whoever was to be chosen.
    ///
    /// # Errors
    /// `not-found` (no such user, or nobody waits at that place any more).
    pub async fn take(&self, workspace: &str, place: &str, user: &str) -> Result<Value> {
        let context = &*self.context;
        let row = users::find(context, workspace, user).await?;
        let user = Person::from(&UserView::read(&row, context.now()));
        if !take(context, workspace, place, &user).await? {
            return Err(gone(place));
        }
        Ok(json!({"assignee": user}))
    }

    /// Takes a contact out of the queue.
    ///
    /// # Errors
    /// `not-found` where nobody waits at that place any more.
    pub async fn leave(&self, workspace: &str, place: &str) -> Result<()> {
        let context = &*self.context;
        let waiting = ledger::waiting_at(context, workspace, place).await?;
        let row = waiting.ok_or_else(|| gone(place))?;
        let locked = resolve::lock(context, workspace, &row.contact).await?;
        let mut locked = locked.ok_or_else(|| gone(place))?;
        let now = context.now();
        let event = place::leave(&mut locked.document, place, API, now);
        let event = event.ok_or_else(|| gone(place))?;
        self.finish(workspace, locked, vec![event]).await?;
        Ok(())
    }

    /// Who waits, in the order in which they are served.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn queue(
        &self,
        workspace: &str,
        after: Option<&str>,
        wanted: Option<usize>,
    ) -> Result<Page<Value>> {
        let limit = limit(wanted);
        let after = after.and_then(|after| after.parse().ok());
        let rows = ledger::waiting(&self.context, workspace, after, limit as i64 + 1).await?;
        let page = Page::cut(rows, limit, |row| row.rank.to_string());
        Ok(page.map(|row| {
            let request = row.data.get("request").cloned().unwrap_or_default();
            json!({
                "id": row.place,
                "contact": row.contact,
                "since": instant(Some(row.at)),
                "request": request,
            })
        }))
    }

    /// How many wait in each queue, and how well it was attended to.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn queues(&self, workspace: &str) -> Result<Vec<QueueView>> {
        stats::all(&self.context, workspace).await
    }

    async fn lock(&self, workspace: &str, contact: &str) -> Result<Locked> {
        Contacts::new(Arc::clone(&self.context))
            .lock(workspace, contact)
            .await
    }

    /// Writes a contact whose assignment changed, has the ledger told, and answers with how it stands.
    async fn finish(
        &self,
        workspace: &str,
        mut locked: Locked,
        events: Vec<NewEvent>,
    ) -> Result<Value> {
        let context = &*self.context;
        let id = locked.document.row.id.clone();
        if !events.is_empty() {
            keep(context, &mut locked, events, Telling::Later).await?;
            drop(locked);
            settle(context, workspace, &id).await?;
        } else {
            drop(locked);
        }
        let row = context.contact(workspace, &id).await?;
        let document = row.map(|row| Document { row });
        let document = document.as_ref();
        Ok(match document.and_then(place::place) {
            Some(place) => json!({"queued": place.id}),
            None => {
                let assignee = document.and_then(place::assignee);
                json!({"assignee": assignee.map(|known| known.user)})
            }
        })
    }
}

fn gone(place: &str) -> Error {
    Error::not_found(
        "not-waiting",
        format!("no contact waits at `{place}` any more: it has somebody, or was taken out"),
    )
}

fn full(team: Option<&str>, most: u32) -> Error {
    let queue = match team {
        Some(team) => format!("the queue of the team `{team}`"),
        None => "the queue of this workspace".to_owned(),
    };
    Error::conflict(
        "queue-full",
        format!("{queue} is full: {most} wait already, and no more may (`max-waiting`)"),
    )
}

/// Changes a contact as a plan says. `step` is what takes turns; the team or the workspace where none.
pub(crate) fn change(
    context: &Context,
    contact: &mut Document,
    plan: &Plan,
    place: &str,
    step: Option<&str>,
    by: &str,
) -> Vec<NewEvent> {
    let now = context.now();
    match plan {
        Plan::User(user) => place::assign(contact, user, None, by, now),
        Plan::Nobody => place::unassign(contact, by, now),
        Plan::Full { team, most } => {
            vec![place::refuse(contact, place, team.as_deref(), *most, by)]
        }
        Plan::Queue(request) => {
            let scope = match (step, &request.team) {
                (Some(step), _) => format!("step:{step}"),
                (None, Some(team)) => format!("team:{team}"),
                (None, None) => "workspace".to_owned(),
            };
            let place = Place {
                id: place.to_owned(),
                request: request.clone(),
                scope,
                since: now,
                overdue: false,
            };
            place::enqueue(contact, &place, by, now)
        }
    }
}

/// Writes a locked contact whose assignment changed, with its conversation and its events.
async fn keep(
    context: &Context,
    locked: &mut Locked,
    events: Vec<NewEvent>,
    telling: Telling,
) -> Result<()> {
    let now = context.now();
    let assignee = place::assignee(&locked.document).map(|known| known.user);
    let talk = Conversation::assigned(&mut locked.document, assignee.as_ref(), now);
    let mut commit = locked.commit(now);
    if let Some(talk) = talk {
        commit.put(&talk.row(&locked.document));
    }
    if telling == Telling::Later {
        mark(&mut commit, &locked.document.row, now);
    } else {
        unmark(
            &mut commit,
            &locked.document.row.workspace,
            &locked.document.row.id,
        );
    }
    let due = timers::put(&mut commit, &locked.document);
    context.host.accept(&locked.guard, events, commit).await?;
    if let Some(due) = due {
        context.host.wake(&locked.document.row.id, due);
    }
    Ok(())
}

/// Whether it matters to the ledger how the contact's conversation stands.
pub(crate) fn concerns(contact: &Document) -> bool {
    contact.get(place::ASSIGNEE).is_some() || contact.get(place::QUEUE).is_some()
}
