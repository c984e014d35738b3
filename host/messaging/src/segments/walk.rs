//! Going through a workspace's contacts, newest first, in batches: what searching, counting and
//! export have in common.
//!
//! What must hold: memory holds one batch, whatever the workspace has; a walk that goes on from where
//! another stopped sees every contact once, but for those that came meanwhile.

use super::filter::Filter;
use crate::contacts::document::Document;
use crate::context::Context;
use crate::error::Result;
use crate::lists;
use jackfield_store::records::{Channel, Contact, ListMember};
use jackfield_store::{Is, Query, StoreExt};
use serde_json::{Map, Value};
use std::collections::HashMap;
use std::sync::Arc;

/// Contacts that are read at a time.
const BATCH: usize = 250;

/// A way through the contacts.
pub(crate) struct Walk {
    context: Arc<Context>,
    workspace: String,
    filter: Option<Filter>,
    channels: Arc<Vec<Channel>>,
    /// Names by id; none where nobody asks for lists.
    lists: Option<HashMap<String, String>>,
    after: Option<String>,
    first: Option<String>,
    over: bool,
}

impl Walk {
    /// Over the contacts that a filter means, from behind `after`. With their lists where those are
    /// wanted, or the filter asks for them.
    pub(crate) async fn new(
        context: &Arc<Context>,
        workspace: &str,
        filter: Option<Filter>,
        after: Option<String>,
        with_lists: bool,
    ) -> Result<Walk> {
        let asked = with_lists || filter.as_ref().is_some_and(Filter::asks_lists);
        let lists = if asked {
            let all = lists::all(context, workspace).await?;
            Some(all.into_iter().map(|list| (list.id, list.name)).collect())
        } else {
            None
        };
        Ok(Walk {
            context: Arc::clone(context),
            workspace: workspace.to_owned(),
            channels: context.channels(workspace).await?,
            lists,
            first: filter.as_ref().and_then(|one| one.first(context.now())),
            filter,
            after,
            over: false,
        })
    }

    /// Behind which contact it stands: where another goes on.
    pub(crate) fn place(&self) -> Option<String> {
        self.after.clone()
    }

    /// Those of the next batch that are meant, as they are shown, and how many were looked at; none
    /// after the last.
    pub(crate) async fn next(&mut self) -> Result<Option<(Vec<Map<String, Value>>, usize)>> {
        if self.over {
            return Ok(None);
        }
        let mut query = Query::<Contact>::all()
            .equal("workspace", self.workspace.as_str())
            .descending("id")
            .limit(BATCH as i64);
        if let Some(after) = &self.after {
            query = query.filter("id", Is::Less, after.as_str());
        }
        if let Some(first) = &self.first {
            query = query.filter("id", Is::AtLeast, first.as_str());
        }
        let rows = self.context.store().find(query).await?;
        self.over = rows.len() < BATCH;
        let Some(last) = rows.last() else {
            return Ok(None);
        };
        self.after = Some(last.id.clone());
        let looked_at = rows.len();
        let mut on = self.memberships(&rows).await?;
        let now = self.context.now();
        let mut meant = Vec::new();
        for row in rows {
            let lists = on.as_mut().map(|on| on.remove(&row.id).unwrap_or_default());
            let shown = shown(Document { row }, &self.channels, lists);
            if self
                .filter
                .as_ref()
                .is_none_or(|filter| filter.holds(&shown, now))
            {
                meant.push(shown);
            }
        }
        Ok(Some((meant, looked_at)))
    }

    /// The names of the lists of each contact, where they are asked for.
    async fn memberships(&self, rows: &[Contact]) -> Result<Option<HashMap<String, Vec<String>>>> {
        let (Some(lists), Some(newest), Some(oldest)) = (&self.lists, rows.first(), rows.last())
        else {
            return Ok(None);
        };
        // A batch is every contact of the workspace between its first and its last.
        let query = Query::<ListMember>::all()
            .equal("workspace", self.workspace.as_str())
            .filter("contact", Is::AtLeast, oldest.id.as_str())
            .filter("contact", Is::AtMost, newest.id.as_str());
        let mut on: HashMap<String, Vec<String>> = HashMap::new();
        for member in self.context.store().find(query).await? {
            if let Some(name) = lists.get(&member.list) {
                on.entry(member.contact).or_default().push(name.clone());
            }
        }
        for names in on.values_mut() {
            names.sort_unstable();
        }
        Ok(Some(on))
    }
}

/// A contact as a filter sees it: as it is shown, with the names of its channels and lists.
fn shown(
    document: Document,
    channels: &[Channel],
    lists: Option<Vec<String>>,
) -> Map<String, Value> {
    let mut shown = document.show(channels);
    let addresses = shown.get("addresses").and_then(Value::as_array);
    let names: Vec<Value> = addresses
        .into_iter()
        .flatten()
        .filter_map(|one| one.get("channel").cloned())
        .collect();
    shown.insert("channels".to_owned(), names.into());
    if let Some(lists) = lists {
        shown.insert("lists".to_owned(), lists.into());
    }
    shown
}
