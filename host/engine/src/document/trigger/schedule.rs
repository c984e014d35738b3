//! `event: schedule`: a time that comes again, for nobody or for everybody on a list.

use crate::schedule::Cron;
use serde_json::{Map, Value, json};

/// When a workflow is started by itself, and for whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schedule {
    /// The times.
    pub cron: Cron,
    /// Where they are read; none for the workspace's time zone.
    pub time_zone: Option<String>,
    /// The list whose contacts each get a run; none for one run without a contact.
    pub list: Option<String>,
}

impl Schedule {
    pub(super) fn write(&self, out: &mut Map<String, Value>) {
        out.insert("cron".into(), self.cron.to_string().into());
        if let Some(zone) = &self.time_zone {
            out.insert("time-zone".into(), zone.clone().into());
        }
        if let Some(list) = &self.list {
            out.insert("for".into(), json!({"list": list}));
        }
    }
}
