//! Segments: saved filters of contacts. Nobody is put on one; whoever fits is in it when it is asked.
//!
//! `filter` has what is asked of a contact, `walk` the way through all of them, and this file what the
//! API does. A request looks at a bounded number of contacts: a page may hold fewer than were wanted,
//! even none, and still have a next one.

mod filter;
mod walk;

pub(crate) use filter::Filter;
pub(crate) use walk::Walk;

use crate::context::Context;
use crate::error::{Error, Problem, Result};
use crate::page::{Page, limit};
use crate::secrets::is_slug;
use jackfield_store::records::Segment;
use jackfield_store::{Commit, Query, StoreExt};
use jiff::tz::TimeZone;
use serde::Deserialize;
use serde_json::{Map, Value};
use std::sync::{Arc, LazyLock};

/// The most segments of a workspace, those that ship with Jackfield not counted.
const MOST: usize = 500;
/// The longest title and description, in characters.
const LONGEST: usize = 500;
/// Contacts that one request looks at.
const LOOKED_AT: usize = 5_000;

/// Those that every workspace has.
static BUILT_IN: LazyLock<Vec<BuiltIn>> = LazyLock::new(|| {
    serde_json::from_str(include_str!("../../data/segments.json")).unwrap_or_default()
});

#[derive(Deserialize)]
struct BuiltIn {
    name: String,
    title: String,
    filter: Value,
}

/// A segment as the API shows it.
#[derive(Debug, Clone, PartialEq)]
pub struct SegmentView {
    /// Lower-case words with hyphens.
    pub name: String,
    /// For people.
    pub title: String,
    /// For people.
    pub description: Option<String>,
    /// A condition over `contact.…`.
    pub filter: Value,
    /// In which dates are read; the workspace's where left out.
    pub time_zone: Option<String>,
    /// It ships with Jackfield, and cannot be changed.
    pub built_in: bool,
    /// Milliseconds since 1970; none of one that ships with Jackfield.
    pub created_at: Option<i64>,
    /// Milliseconds since 1970; none of one that ships with Jackfield.
    pub updated_at: Option<i64>,
}

impl From<Segment> for SegmentView {
    fn from(row: Segment) -> SegmentView {
        SegmentView {
            name: row.name,
            title: row.title,
            description: row.description,
            filter: row.filter,
            time_zone: row.time_zone,
            built_in: false,
            created_at: Some(row.created_at),
            updated_at: Some(row.updated_at),
        }
    }
}

impl From<&BuiltIn> for SegmentView {
    fn from(one: &BuiltIn) -> SegmentView {
        SegmentView {
            name: one.name.clone(),
            title: one.title.clone(),
            description: None,
            filter: one.filter.clone(),
            time_zone: None,
            built_in: true,
            created_at: None,
            updated_at: None,
        }
    }
}

/// A segment as a caller defines it.
#[derive(Debug, Clone, Default)]
pub struct NewSegment {
    /// For people; the name where left out, and what it was where there is one.
    pub title: Option<String>,
    /// For people.
    pub description: Option<String>,
    /// A condition over `contact.…`.
    pub filter: Value,
    /// In which dates are read.
    pub time_zone: Option<String>,
}

/// Which contacts are meant.
#[derive(Debug, Clone)]
pub enum Meant {
    /// Those of a segment.
    Segment(String),
    /// Those for which a condition holds.
    Filter {
        /// The condition.
        filter: Value,
        /// In which dates are read.
        time_zone: Option<String>,
    },
}

/// How many contacts were found so far.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Count {
    /// Of those that this request looked at.
    pub count: u64,
    /// Where the next request goes on; none where all were looked at.
    pub next: Option<String>,
}

/// The segments of all workspaces.
#[derive(Clone)]
pub struct Segments {
    context: Arc<Context>,
}

impl Segments {
    pub(crate) fn new(context: Arc<Context>) -> Segments {
        Segments { context }
    }

    /// Every segment of a workspace, by name.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn all(&self, workspace: &str) -> Result<Vec<SegmentView>> {
        let mut all: Vec<SegmentView> = BUILT_IN.iter().map(SegmentView::from).collect();
        all.extend(self.rows(workspace).await?.into_iter().map(Into::into));
        all.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(all)
    }

    async fn rows(&self, workspace: &str) -> Result<Vec<Segment>> {
        let query = Query::<Segment>::all()
            .equal("workspace", workspace)
            .ascending("name");
        Ok(self.context.store().find(query).await?)
    }

    /// A segment by its name.
    ///
    /// # Errors
    /// `not-found`, which says which segments there are.
    pub async fn get(&self, workspace: &str, name: &str) -> Result<SegmentView> {
        let all = self.all(workspace).await?;
        if let Some(found) = all.iter().find(|one| one.name == name) {
            return Ok(found.clone());
        }
        let names: Vec<&str> = all.iter().take(20).map(|one| one.name.as_str()).collect();
        let said = format!(
            "there is no segment `{name}`; there are: {}",
            names.join(", ")
        );
        Err(Error::not_found("no-segment", said))
    }

    /// Makes a segment, or replaces its filter. Answers whether it was made.
    ///
    /// # Errors
    /// `invalid` with everything that is wrong; `conflict` for one that ships with Jackfield, and
    /// where the workspace has 500.
    pub async fn put(
        &self,
        workspace: &str,
        name: &str,
        new: NewSegment,
    ) -> Result<(SegmentView, bool)> {
        let context = &*self.context;
        let mut problems = Vec::new();
        if !is_slug(name) {
            problems.push(Problem::new(
                "name",
                "lower-case words with hyphens, such as `big-spenders`",
            ));
        }
        for (field, text) in [("title", &new.title), ("description", &new.description)] {
            let long = |text: &String| text.chars().count() > LONGEST;
            if text.as_ref().is_some_and(long) {
                problems.push(Problem::new(field, format!("at most {LONGEST} characters")));
            }
        }
        let zone = new.time_zone.as_deref();
        if let Err(error) = Filter::read(context, workspace, &new.filter, zone).await {
            if error.problems.is_empty() {
                return Err(error);
            }
            problems.extend(error.problems);
        }
        if !problems.is_empty() {
            return Err(Error::problems("invalid-segment", problems));
        }
        refuse_built_in(name)?;
        let known = self.rows(workspace).await?;
        let old = known.iter().find(|one| one.name == name);
        if old.is_none() && known.len() >= MOST {
            return Err(Error::conflict(
                "too-many-segments",
                format!("a workspace has at most {MOST} segments: delete one first"),
            ));
        }
        let now = context.now();
        let row = Segment {
            workspace: workspace.to_owned(),
            name: name.to_owned(),
            title: new
                .title
                .or_else(|| old.map(|old| old.title.clone()))
                .unwrap_or_else(|| name.to_owned()),
            description: new
                .description
                .or_else(|| old.and_then(|old| old.description.clone())),
            filter: new.filter,
            time_zone: new.time_zone,
            created_at: old.map_or(now, |old| old.created_at),
            updated_at: now,
        };
        let made = old.is_none();
        let mut commit = Commit::control();
        commit.put(&row);
        context.store().commit(commit).await?;
        Ok((row.into(), made))
    }

    /// Deletes a segment. Its contacts stay.
    ///
    /// # Errors
    /// `not-found`; `conflict` for one that ships with Jackfield.
    pub async fn delete(&self, workspace: &str, name: &str) -> Result<()> {
        refuse_built_in(name)?;
        self.get(workspace, name).await?;
        let mut commit = Commit::control();
        commit.delete::<Segment>([workspace.into(), name.into()]);
        self.context.store().commit(commit).await?;
        Ok(())
    }

    /// A page of the contacts that are meant, the newest first. A request looks at some thousands of
    /// contacts; what it did not come to is in the next page.
    ///
    /// # Errors
    /// `not-found` for a segment, `invalid` for a filter.
    pub async fn contacts(
        &self,
        workspace: &str,
        meant: &Meant,
        after: Option<&str>,
        wanted: Option<usize>,
    ) -> Result<Page<Value>> {
        let limit = limit(wanted);
        let mut walk = self.walk(workspace, Some(meant), after, false).await?;
        let mut found: Vec<Map<String, Value>> = Vec::new();
        let mut seen = 0;
        let mut next = None;
        while let Some((meant, looked_at)) = walk.next().await? {
            found.extend(meant);
            seen += looked_at;
            next = walk.place();
            if found.len() > limit || seen >= LOOKED_AT {
                break;
            }
            next = None;
        }
        if found.len() > limit {
            found.truncate(limit);
            let last = found.last().and_then(|last| last.get("id"));
            next = last.and_then(Value::as_str).map(str::to_owned);
        }
        let items = found.into_iter().map(Value::Object).collect();
        Ok(Page { items, next })
    }

    /// How many contacts are meant, of the next thousands that are looked at.
    ///
    /// # Errors
    /// As of `contacts`.
    pub async fn count(
        &self,
        workspace: &str,
        meant: &Meant,
        after: Option<&str>,
    ) -> Result<Count> {
        let mut walk = self.walk(workspace, Some(meant), after, false).await?;
        let (mut count, mut seen) = (0, 0);
        while let Some((meant, looked_at)) = walk.next().await? {
            count += meant.len() as u64;
            seen += looked_at;
            if seen >= LOOKED_AT {
                let next = walk.place();
                return Ok(Count { count, next });
            }
        }
        Ok(Count { count, next: None })
    }

    /// A way through the contacts that are meant, all where nothing is said.
    pub(crate) async fn walk(
        &self,
        workspace: &str,
        meant: Option<&Meant>,
        after: Option<&str>,
        with_lists: bool,
    ) -> Result<Walk> {
        let context = &self.context;
        let filter = match meant {
            None => None,
            Some(Meant::Segment(name)) => {
                let segment = self.get(workspace, name).await?;
                let zone = match &segment.time_zone {
                    Some(name) => TimeZone::get(name).unwrap_or(TimeZone::UTC),
                    None => context.settings(workspace).await?.zone(),
                };
                Some(Filter::kept(&segment.filter, zone)?)
            }
            Some(Meant::Filter { filter, time_zone }) => {
                Some(Filter::read(context, workspace, filter, time_zone.as_deref()).await?)
            }
        };
        let after = after.map(str::to_owned);
        Walk::new(context, workspace, filter, after, with_lists).await
    }
}

fn refuse_built_in(name: &str) -> Result<()> {
    if BUILT_IN.iter().all(|one| one.name != name) {
        return Ok(());
    }
    let said = format!("`{name}` ships with Jackfield: give yours another name");
    Err(Error::conflict("built-in", said))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn every_segment_that_ships_can_be_asked() {
        assert_eq!(BUILT_IN.len(), 5);
        for one in BUILT_IN.iter() {
            Filter::kept(&one.filter, TimeZone::UTC).unwrap();
            assert!(is_slug(&one.name));
        }
    }
}
