//! What all runs of a workspace see alike, put together once and not for every step.
//!
//! What must hold: it is as new as the copies that it is made of (settings, calendars, snippets,
//! files): each of them is asked for every time, and what was put together is given again only where
//! all of them are the same pieces of memory.

use crate::calendars;
use crate::context::Context;
use crate::error::Result;
use crate::settings::Settings;
use jackfield_engine::Common;
use jackfield_store::records::Calendar;
use serde_json::{Map, json};
use std::sync::Arc;

/// What was put together, and of what.
#[derive(Clone)]
pub(crate) struct Made {
    settings: Arc<Settings>,
    calendars: Arc<Vec<Calendar>>,
    common: Arc<Common>,
}

impl Context {
    /// What all runs of the workspace see alike, and its settings.
    pub(crate) async fn common(&self, workspace: &str) -> Result<(Arc<Common>, Arc<Settings>)> {
        let settings = self.settings(workspace).await?;
        let calendars = self.calendars(workspace).await?;
        let snippets = self.snippets(workspace).await?;
        let files = self.files(workspace).await?;
        let same = |made: &Made| {
            Arc::ptr_eq(&made.settings, &settings)
                && Arc::ptr_eq(&made.calendars, &calendars)
                && Arc::ptr_eq(&made.common.snippets, &snippets)
                && Arc::ptr_eq(&made.common.files, &files)
        };
        if let Some(made) = self.commons.get(workspace, 0).filter(same) {
            return Ok((made.common, settings));
        }
        let mut namespaces = Map::new();
        namespaces.insert(
            "workspace".to_owned(),
            json!({
                "id": workspace,
                "default_country": settings.default_country,
                "date_format": settings.date_format,
            }),
        );
        if let Some(calendars) = calendars::shown(&calendars) {
            namespaces.insert("calendars".to_owned(), calendars);
        }
        let common = Arc::new(Common {
            namespaces,
            time_zone: settings.zone(),
            snippets,
            files,
        });
        let made = Made {
            settings: Arc::clone(&settings),
            calendars,
            common: Arc::clone(&common),
        };
        let ticket = self.commons.ticket();
        self.commons.put(workspace, made, i64::MAX, ticket);
        Ok((common, settings))
    }
}
