//! What triggers on some events say besides: data, with what it means.
//!
//! A trigger on most events is an event and conditions. Some events are made by the trigger itself (a
//! schedule's time), and such an event is *aimed*: it names the one trigger that it is for, so that it
//! starts nothing else.

mod schedule;

pub use schedule::Schedule;

use serde_json::{Map, Value};

/// The event of a trigger's own time.
pub const SCHEDULE: &str = "schedule";

/// What a trigger says besides, by its event.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Own {
    /// Nothing.
    #[default]
    Nothing,
    /// `schedule`.
    Schedule(Schedule),
}

/// The keys that only triggers on some events have, with those events.
pub(super) const OWN_KEYS: [(&str, &[&str]); 3] = [
    ("cron", &[SCHEDULE]),
    ("time-zone", &[SCHEDULE]),
    ("for", &[SCHEDULE]),
];

impl Own {
    /// Adds its keys to those of the trigger.
    pub(super) fn write(&self, out: &mut Map<String, Value>) {
        match self {
            Own::Nothing => {}
            Own::Schedule(schedule) => schedule.write(out),
        }
    }
}

/// Whether an event of this name is for one trigger alone.
#[must_use]
pub fn is_aimed(event: &str) -> bool {
    event == SCHEDULE
}

/// What an aimed event is about: the n-th trigger of a workflow.
#[must_use]
pub fn aim(workflow: &str, place: usize) -> String {
    format!("{workflow}/{place}")
}
