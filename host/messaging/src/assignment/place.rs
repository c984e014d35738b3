//! What of an assignment stands in the contact's own row: who has the contact, and the place in the
//! queue where it waits for somebody.
//!
//! What must hold: the contact's row decides. Whoever is chosen gets the contact only if it still
//! stands at the place that it was chosen for, under the lock of the contact's bucket. A contact has
//! at most one place; a place ends once, with the event `queue.finished` about its id.

use super::request::{AssignRequest, Person};
use super::transfer::Transfer;
use crate::contacts::document::{Document, instant};
use crate::conversations::document::Conversation;
use jackfield_engine::NewEvent;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// Where the contact's row keeps who has it.
pub(crate) const ASSIGNEE: &str = "assignee";
/// Where it keeps the place in the queue.
pub(crate) const QUEUE: &str = "queue";
/// Who acts when somebody is chosen from the queue.
pub(crate) const CHOICE: &str = "queue";

/// Who has a contact.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Assignee {
    #[serde(flatten)]
    pub(crate) user: Person,
    /// The team that the user was chosen from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) team: Option<String>,
    /// Since when.
    pub(crate) at: i64,
    /// From whom it came by hand, while that is not attended to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) transfer: Option<Transfer>,
}

/// A place in the queue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Place {
    pub(crate) id: String,
    pub(crate) request: AssignRequest,
    /// What takes turns: the step, or the team.
    pub(crate) scope: String,
    pub(crate) since: i64,
    /// The service level was missed, and that was told.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) overdue: bool,
}

impl Place {
    fn shown(&self) -> Value {
        let mut shown = json!({"id": self.id, "since": instant(Some(self.since))});
        if let Some(team) = &self.request.team {
            shown["team"] = team.as_str().into();
        }
        if let Some(priority) = self.request.priority {
            shown["priority"] = priority.into();
        }
        shown
    }

    /// When it becomes overdue, if it does.
    pub(crate) fn due(&self) -> Option<i64> {
        let length = self.request.service_level().filter(|_| !self.overdue)?;
        Some(self.since.saturating_add(length))
    }
}

/// How a place ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    Assigned,
    Left,
    Replaced,
    Closed,
}

impl End {
    fn name(self) -> &'static str {
        match self {
            End::Assigned => "assigned",
            End::Left => "left",
            End::Replaced => "replaced",
            End::Closed => "closed",
        }
    }
}

/// What the ledger knows of a contact.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Standing {
    /// Nobody has it, or it is not open.
    Free,
    /// Open, and with this user since then.
    Assigned { user: String, at: i64 },
    /// Waits.
    Queued(Place),
}

/// Who has the contact.
pub(crate) fn assignee(contact: &Document) -> Option<Assignee> {
    Assignee::deserialize(contact.get(ASSIGNEE)?).ok()
}

/// The contact's place in the queue.
pub(crate) fn place(contact: &Document) -> Option<Place> {
    Place::deserialize(contact.get(QUEUE)?).ok()
}

/// How the contact stands, for the ledger.
pub(crate) fn standing(contact: &Document) -> Standing {
    if let Some(place) = place(contact) {
        return Standing::Queued(place);
    }
    match assignee(contact) {
        Some(known) if Conversation::is_open(contact) => Standing::Assigned {
            user: known.user.id,
            at: known.at,
        },
        _ => Standing::Free,
    }
}

/// As the API and variables show a place.
pub(crate) fn show(contact: &Document) -> Option<Value> {
    place(contact).map(|place| place.shown())
}

/// Gives the contact to a user. A place in the queue ends by it.
pub(crate) fn assign(
    contact: &mut Document,
    user: &Person,
    team: Option<String>,
    by: &str,
    now: i64,
) -> Vec<NewEvent> {
    let before = assignee(contact);
    let after = Assignee {
        user: user.clone(),
        team: team.clone(),
        at: now,
        transfer: None,
    };
    contact.put(ASSIGNEE, serde_json::to_value(&after).ok());
    let mut events = Vec::new();
    if before.as_ref().map(|known| &known.user.id) != Some(&user.id) {
        let mut told = json!({"assignee": user, "by": by});
        if let Some(team) = team {
            told["team"] = team.into();
        }
        if let Some(before) = before {
            told["previous"] = json!(before.user);
        }
        let data = json!({"assignment": told});
        events.push(contact.event("conversation.assigned", data, by));
    }
    events.extend(end(contact, End::Assigned, Some(user), by, now));
    events
}

/// Takes the contact from whoever has it, and from the queue.
pub(crate) fn unassign(contact: &mut Document, by: &str, now: i64) -> Vec<NewEvent> {
    let mut events = Vec::new();
    if let Some(before) = assignee(contact) {
        contact.put(ASSIGNEE, None);
        let data = json!({"assignment": {"previous": before.user, "by": by}});
        events.push(contact.event("conversation.unassigned", data, by));
    }
    events.extend(end(contact, End::Left, None, by, now));
    events
}

/// Puts the contact into the queue; a place that it has already is given up for the new one.
pub(crate) fn enqueue(contact: &mut Document, place: &Place, by: &str, now: i64) -> Vec<NewEvent> {
    let mut events = Vec::new();
    events.extend(end(contact, End::Replaced, None, by, now));
    contact.put(QUEUE, serde_json::to_value(place).ok());
    let mut event = contact.event("queue.entered", json!({"queue": place.shown()}), by);
    event.subject = Some(place.id.clone());
    events.push(event);
    events
}

/// Tells that a contact finds no place, because as many wait as may; `id` is the place that it would
/// have had.
pub(crate) fn refuse(
    contact: &Document,
    id: &str,
    team: Option<&str>,
    most: u32,
    by: &str,
) -> NewEvent {
    let mut told = json!({"id": id, "max_waiting": most});
    if let Some(team) = team {
        told["team"] = team.into();
    }
    let mut event = contact.event("queue.full", json!({"queue": told}), by);
    event.subject = Some(id.to_owned());
    event
}

/// Gives up a place, if the contact still stands there.
pub(crate) fn leave(contact: &mut Document, id: &str, by: &str, now: i64) -> Option<NewEvent> {
    place(contact).filter(|place| place.id == id)?;
    end(contact, End::Left, None, by, now)
}

/// Ends the contact's place, if it has one.
pub(crate) fn end(
    contact: &mut Document,
    how: End,
    user: Option<&Person>,
    by: &str,
    now: i64,
) -> Option<NewEvent> {
    let place = place(contact)?;
    contact.put(QUEUE, None);
    let mut told = place.shown();
    told["outcome"] = how.name().into();
    told["waited"] = (now.saturating_sub(place.since).max(0) / 1_000).into();
    if let Some(user) = user {
        told["assignee"] = json!(user);
    }
    let mut event = contact.event("queue.finished", json!({"queue": told}), by);
    event.subject = Some(place.id);
    Some(event)
}

/// Notes that the place is overdue; none where it is not, or was noted before.
pub(crate) fn overdue(contact: &mut Document, now: i64) -> Option<NewEvent> {
    let mut place = place(contact)?;
    place.due().filter(|due| *due <= now)?;
    place.overdue = true;
    contact.put(QUEUE, serde_json::to_value(&place).ok());
    let mut told = place.shown();
    told["waited"] = (now.saturating_sub(place.since).max(0) / 1_000).into();
    let mut event = contact.event("queue.overdue", json!({"queue": told}), CHOICE);
    event.subject = Some(place.id);
    Some(event)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn contact() -> Document {
        Document::new("ctc_1".to_owned(), 0, "main", 0)
    }

    fn ann() -> Person {
        Person {
            id: "usr_1".to_owned(),
            name: "Ann".to_owned(),
            email: "ann@example.com".to_owned(),
        }
    }

    fn waiting(id: &str) -> Place {
        Place {
            id: id.to_owned(),
            request: AssignRequest {
                team: Some("sales".to_owned()),
                service_level: Some("60s".to_owned()),
                ..AssignRequest::default()
            },
            scope: "team:sales".to_owned(),
            since: 1_000,
            overdue: false,
        }
    }

    fn names(events: &[NewEvent]) -> Vec<&str> {
        events.iter().map(|event| event.name.as_str()).collect()
    }

    #[test]
    fn a_place_ends_once_and_says_how() {
        let mut contact = contact();
        let entered = enqueue(&mut contact, &waiting("a"), "api", 1_000);
        assert_eq!(names(&entered), ["queue.entered"]);
        let again = enqueue(&mut contact, &waiting("b"), "api", 3_000);
        assert_eq!(names(&again), ["queue.finished", "queue.entered"]);
        assert_eq!(again[0].subject.as_deref(), Some("a"));
        assert_eq!(again[0].data["queue"]["outcome"], "replaced");
        let assigned = assign(&mut contact, &ann(), None, "queue", 5_500);
        assert_eq!(
            names(&assigned),
            ["conversation.assigned", "queue.finished"]
        );
        assert_eq!(assigned[1].data["queue"]["waited"], 4);
        assert_eq!(assigned[1].data["queue"]["assignee"]["name"], "Ann");
        assert!(leave(&mut contact, "b", "api", 6_000).is_none());
        // The same user again is no event.
        assert!(assign(&mut contact, &ann(), None, "api", 7_000).is_empty());
        let gone = unassign(&mut contact, "api", 8_000);
        assert_eq!(names(&gone), ["conversation.unassigned"]);
        assert!(unassign(&mut contact, "api", 9_000).is_empty());
    }

    #[test]
    fn only_an_open_contact_counts_for_its_user() {
        let mut contact = contact();
        assign(&mut contact, &ann(), None, "api", 0);
        assert_eq!(standing(&contact), Standing::Free);
        contact.put(
            "conversation",
            Some(json!({"id": "c", "state": "open", "source": "api", "opened_at": 0})),
        );
        assert!(matches!(standing(&contact), Standing::Assigned { user, .. } if user == "usr_1"));
        enqueue(&mut contact, &waiting("a"), "api", 0);
        assert!(matches!(standing(&contact), Standing::Queued(_)));
    }

    #[test]
    fn a_place_is_overdue_once() {
        let mut contact = contact();
        assert!(overdue(&mut contact, i64::MAX).is_none());
        enqueue(&mut contact, &waiting("a"), "api", 1_000);
        assert!(overdue(&mut contact, 60_999).is_none());
        assert_eq!(
            overdue(&mut contact, 61_000).unwrap().data["queue"]["waited"],
            60
        );
        assert!(overdue(&mut contact, 62_000).is_none());
    }
}
