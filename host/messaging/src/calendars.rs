//! Named calendars: business hours that a workspace keeps once and names wherever hours are wanted.
//!
//! Conditions and settings of steps see them as `calendars.NAME`, marketing hours by
//! `{"calendar": NAME}`. What must hold: what is kept can be read as business hours, and a calendar
//! that is named in the settings of its workspace stays.

use crate::context::Context;
use crate::error::{Error, Problem, Result};
use crate::secrets::is_slug;
use crate::settings::calendar_of;
use jackfield_store::Commit;
use jackfield_store::records::Calendar;
use serde_json::{Map, Value};
use std::sync::Arc;

/// The most calendars of a workspace.
const MOST: usize = 100;
/// The longest title, in characters.
const LONGEST_TITLE: usize = 200;

/// A calendar.
#[derive(Debug, Clone, PartialEq)]
pub struct CalendarView {
    /// Lower-case words with hyphens.
    pub name: String,
    /// For people.
    pub title: String,
    /// Business hours.
    pub hours: Value,
    /// Milliseconds since 1970.
    pub created_at: i64,
    /// Milliseconds since 1970.
    pub updated_at: i64,
}

impl CalendarView {
    fn read(row: &Calendar) -> CalendarView {
        CalendarView {
            name: row.name.clone(),
            title: row.title.clone(),
            hours: row.hours.clone(),
            created_at: row.created_at,
            updated_at: row.updated_at,
        }
    }
}

/// What runs see: the hours by name; none where there are none.
pub(crate) fn shown(all: &[Calendar]) -> Option<Value> {
    let hours = |one: &Calendar| (one.name.clone(), one.hours.clone());
    (!all.is_empty()).then(|| Value::Object(all.iter().map(hours).collect::<Map<_, _>>()))
}

/// The calendars of all workspaces.
#[derive(Clone)]
pub struct Calendars {
    context: Arc<Context>,
}

impl Calendars {
    pub(crate) fn new(context: Arc<Context>) -> Calendars {
        Calendars { context }
    }

    /// Every calendar of a workspace, by name.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn all(&self, workspace: &str) -> Result<Vec<CalendarView>> {
        let rows = self.context.calendars(workspace).await?;
        Ok(rows.iter().map(CalendarView::read).collect())
    }

    /// A calendar by its name.
    ///
    /// # Errors
    /// `not-found`, which says which calendars there are.
    pub async fn get(&self, workspace: &str, name: &str) -> Result<CalendarView> {
        let all = self.context.calendars(workspace).await?;
        find(&all, name).map(CalendarView::read)
    }

    /// Makes a calendar, or changes its hours: they count from now on. A `preset` is copied. Answers
    /// whether it was made.
    ///
    /// # Errors
    /// `invalid`; `conflict` where the workspace has 100 calendars.
    pub async fn put(
        &self,
        workspace: &str,
        name: &str,
        title: Option<String>,
        hours: &Value,
    ) -> Result<(CalendarView, bool)> {
        let context = &*self.context;
        let mut problems = Vec::new();
        if !is_slug(name) {
            let said = "lower-case words with hyphens, such as `office`";
            problems.push(Problem::new("name", said));
        }
        if title
            .as_ref()
            .is_some_and(|title| title.chars().count() > LONGEST_TITLE)
        {
            let said = format!("at most {LONGEST_TITLE} characters");
            problems.push(Problem::new("title", said));
        }
        let hours = match calendar_of(hours) {
            Ok(hours) => hours.to_json(),
            Err(said) => {
                problems.push(Problem::new("hours", said));
                Value::Null
            }
        };
        if !problems.is_empty() {
            return Err(Error::problems("invalid-calendar", problems));
        }
        let known = context.calendars(workspace).await?;
        let old = known.iter().find(|one| one.name == name);
        if old.is_none() && known.len() >= MOST {
            return Err(Error::conflict(
                "too-many-calendars",
                format!("a workspace has at most {MOST} calendars: delete one first"),
            ));
        }
        let now = context.now();
        let row = Calendar {
            workspace: workspace.to_owned(),
            name: name.to_owned(),
            title: title
                .or_else(|| old.map(|old| old.title.clone()))
                .unwrap_or_else(|| name.to_owned()),
            hours,
            created_at: old.map_or(now, |old| old.created_at),
            updated_at: now,
        };
        let mut commit = Commit::control();
        commit.put(&row);
        context.store().commit(commit).await?;
        context.forget();
        Ok((CalendarView::read(&row), old.is_none()))
    }

    /// Deletes a calendar. Whether workflows name it is for the caller to ask.
    ///
    /// # Errors
    /// `not-found`; `conflict` where the marketing hours are this calendar.
    pub async fn delete(&self, workspace: &str, name: &str) -> Result<()> {
        let context = &*self.context;
        let all = context.calendars(workspace).await?;
        let name = find(&all, name)?.name.clone();
        let settings = context.settings(workspace).await?;
        if settings.marketing_calendar() == Some(name.as_str()) {
            return Err(Error::conflict(
                "calendar-in-use",
                format!("the workspace's `marketing-hours` are the calendar `{name}`"),
            ));
        }
        let mut commit = Commit::control();
        commit.delete::<Calendar>([workspace.into(), name.into()]);
        context.store().commit(commit).await?;
        context.forget();
        Ok(())
    }
}

/// A calendar by its name.
///
/// # Errors
/// `not-found`, which says which calendars there are.
pub(crate) fn find<'a>(all: &'a [Calendar], name: &str) -> Result<&'a Calendar> {
    if let Some(found) = all.iter().find(|one| one.name == name) {
        return Ok(found);
    }
    let names: Vec<&str> = all.iter().take(20).map(|one| one.name.as_str()).collect();
    let there = if names.is_empty() {
        "there is none yet".to_owned()
    } else {
        format!("there are: {}", names.join(", "))
    };
    let said = format!("there is no calendar `{name}`; {there}");
    Err(Error::not_found("not-found", said))
}
