//! How well queues are attended to: how many of their places ended with somebody, within the service
//! level or later.
//!
//! The ledger counts a place when it hears how it ended, in the commit that writes it down, so that
//! each is counted once. What must hold: what was replaced by another assignment is counted where it
//! ends; what found a full queue never had a place.

use super::ledger::home;
use super::place::{Place, Standing};
use crate::context::Context;
use crate::error::Result;
use jackfield_store::records::{Assignment, QueueSlot};
use jackfield_store::{Commit, Is, Query, StoreExt};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::Deserialize;
use std::collections::BTreeMap;

/// A quarter of an hour, in milliseconds.
const SLOT: i64 = 15 * 60 * 1_000;
/// The service level of a place that has none of its own: a minute.
const USUAL: i64 = 60 * 1_000;

/// How places ended.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Attendance {
    /// Somebody came within the service level.
    pub attended: i64,
    /// Somebody came later.
    pub attended_late: i64,
    /// It ended without anybody, within the service level.
    pub abandoned: i64,
    /// It ended without anybody, later.
    pub abandoned_late: i64,
    /// How long they waited, together, in milliseconds.
    pub waited: i64,
}

impl Attendance {
    /// The part that was attended to in time, 0 to 1, of all but those that gave up early; none where
    /// there was nothing.
    #[must_use]
    pub fn service_level(&self) -> Option<f64> {
        let all = self.attended + self.attended_late + self.abandoned_late;
        (all > 0).then(|| self.attended as f64 / all as f64)
    }

    fn add(&mut self, slot: &QueueSlot) {
        self.attended += slot.attended;
        self.attended_late += slot.attended_late;
        self.abandoned += slot.abandoned;
        self.abandoned_late += slot.abandoned_late;
        self.waited += slot.waited;
    }
}

/// A queue.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct QueueView {
    /// The team; none for the workspace's own.
    pub team: Option<String>,
    /// How many wait.
    pub waiting: i64,
    /// How many may; 0 for any number.
    pub max_waiting: u32,
    /// In this quarter of an hour and the one before it: the last 15 minutes, and up to 15 more.
    pub now: Attendance,
    /// Since midnight, by the workspace's time zone.
    pub today: Attendance,
    /// Ever.
    pub all: Attendance,
}

/// Counts a place that has ended by what the ledger is told.
pub(super) async fn count(
    context: &Context,
    commit: &mut Commit,
    row: &Assignment,
    standing: &Standing,
) -> Result<()> {
    let Some(queue) = row.queue.clone() else {
        return Ok(());
    };
    let Ok(place) = Place::deserialize(&row.data) else {
        return Ok(());
    };
    let (end, attended) = match standing {
        Standing::Queued(_) => return Ok(()),
        Standing::Assigned { at, .. } => (*at, true),
        Standing::Free => (context.now(), false),
    };
    let waited = end.saturating_sub(place.since).max(0);
    let in_time = waited <= place.request.service_level().unwrap_or(USUAL);
    let at = end - end.rem_euclid(SLOT);
    let slot = Query::<QueueSlot>::of(row.bucket)
        .equal("workspace", row.workspace.as_str())
        .equal("queue", queue.as_str())
        .equal("at", at);
    let slot = context.store().first(slot).await?;
    let mut slot = slot.unwrap_or_else(|| QueueSlot {
        bucket: row.bucket,
        workspace: row.workspace.clone(),
        queue,
        at,
        attended: 0,
        attended_late: 0,
        abandoned: 0,
        abandoned_late: 0,
        waited: 0,
    });
    *match (attended, in_time) {
        (true, true) => &mut slot.attended,
        (true, false) => &mut slot.attended_late,
        (false, true) => &mut slot.abandoned,
        (false, false) => &mut slot.abandoned_late,
    } += 1;
    slot.waited = slot.waited.saturating_add(waited);
    commit.put(&slot);
    Ok(())
}

/// Every queue of a workspace: its own, and each team's.
pub(super) async fn all(context: &Context, workspace: &str) -> Result<Vec<QueueView>> {
    let settings = context.settings(workspace).await?;
    let mut queues = BTreeMap::from([(String::new(), settings.max_waiting)]);
    for team in context.teams(workspace).await?.iter() {
        let most = crate::teams::TeamView::read(team).max_waiting;
        queues.insert(team.name.clone(), most);
    }
    let bucket = home(context, workspace);
    let now = context.now();
    let midnight = midnight(now, &settings.time_zone);
    let mut views = Vec::with_capacity(queues.len());
    for (queue, max_waiting) in queues {
        let waiting = Query::<Assignment>::of(bucket)
            .equal("workspace", workspace)
            .equal("queue", queue.as_str())
            .filter("place", Is::NotEqual, serde_json::Value::Null);
        let slots = Query::<QueueSlot>::of(bucket)
            .equal("workspace", workspace)
            .equal("queue", queue.as_str());
        let mut view = QueueView {
            waiting: context.store().total(waiting).await?,
            max_waiting,
            ..QueueView::default()
        };
        for slot in context.store().find(slots).await? {
            view.all.add(&slot);
            if slot.at >= midnight {
                view.today.add(&slot);
            }
            if slot.at > now - 2 * SLOT {
                view.now.add(&slot);
            }
        }
        view.team = Some(queue).filter(|name| !name.is_empty());
        views.push(view);
    }
    Ok(views)
}

/// When the day began, by a time zone. Quarters that began before it count as the day before.
fn midnight(now: i64, zone: &str) -> i64 {
    let zone = TimeZone::get(zone).unwrap_or(TimeZone::UTC);
    Timestamp::from_millisecond(now)
        .ok()
        .and_then(|now| now.to_zoned(zone).start_of_day().ok())
        .map_or(now, |day| day.timestamp().as_millisecond())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn who_gives_up_early_does_not_count_against_the_service_level() {
        let none = Attendance::default();
        assert_eq!(none.service_level(), None);
        let some = Attendance {
            attended: 3,
            attended_late: 1,
            abandoned: 9,
            abandoned_late: 1,
            waited: 0,
        };
        assert_eq!(some.service_level(), Some(0.6));
    }

    #[test]
    fn a_day_begins_at_midnight_where_the_workspace_is() {
        let noon = "2026-03-29T12:00:00Z".parse::<Timestamp>().unwrap();
        let day = midnight(noon.as_millisecond(), "Europe/Paris");
        let wanted = "2026-03-28T23:00:00Z".parse::<Timestamp>().unwrap();
        assert_eq!(day, wanted.as_millisecond());
    }
}
