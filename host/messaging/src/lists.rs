//! Lists of contacts: named, and made before anybody is put on them.
//!
//! Who is on a list is a row in the contact's bucket, so that a run puts its contact there in its own
//! commit.

use crate::contacts::Contacts;
use crate::contacts::document::Document;
use crate::context::Context;
use crate::conversations::API;
use crate::domain::{Called, no_contact};
use crate::effects::Deed;
use crate::error::{Error, Problem, Result};
use crate::page::{Page, limit};
use crate::secrets::is_slug;
use jackfield_engine::{Actor, Effect, NewEvent};
use jackfield_store::records::{Contact, ContactList, ListMember};
use jackfield_store::{Commit, Is, Query, StoreExt};
use serde::Serialize;
use serde_json::{Value, json};
use std::sync::Arc;

/// The most lists of a workspace.
const MOST: usize = 1_000;
/// The longest title and description, in characters.
const LONGEST: usize = 500;
/// Rows that one commit removes.
const BATCH: i64 = 500;

/// A list as the API shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ListView {
    /// Lower-case words with hyphens.
    pub name: String,
    /// For people.
    pub title: String,
    /// For people.
    pub description: Option<String>,
    /// Milliseconds since 1970.
    pub created_at: i64,
}

impl From<ContactList> for ListView {
    fn from(row: ContactList) -> ListView {
        ListView {
            name: row.name,
            title: row.title,
            description: row.description,
            created_at: row.created_at,
        }
    }
}

/// The lists of all workspaces.
#[derive(Clone)]
pub struct Lists {
    context: Arc<Context>,
}

impl Lists {
    pub(crate) fn new(context: Arc<Context>) -> Lists {
        Lists { context }
    }

    /// Every list of a workspace, by name.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn all(&self, workspace: &str) -> Result<Vec<ListView>> {
        let rows = all(&self.context, workspace).await?;
        Ok(rows.into_iter().map(ListView::from).collect())
    }

    /// A list by its name.
    ///
    /// # Errors
    /// `not-found`, which says which lists there are.
    pub async fn get(&self, workspace: &str, name: &str) -> Result<ListView> {
        Ok(find(&self.context, workspace, name).await?.into())
    }

    /// Makes a list, or changes its title and description. Answers whether it was made.
    ///
    /// # Errors
    /// `invalid`; `conflict` where the workspace has 1,000 lists.
    pub async fn put(
        &self,
        workspace: &str,
        name: &str,
        title: Option<String>,
        description: Option<String>,
    ) -> Result<(ListView, bool)> {
        let mut problems = Vec::new();
        if !is_slug(name) {
            problems.push(Problem::new(
                "name",
                "lower-case words with hyphens, such as `spring-sale`",
            ));
        }
        for (field, text) in [("title", &title), ("description", &description)] {
            if text
                .as_ref()
                .is_some_and(|text| text.chars().count() > LONGEST)
            {
                problems.push(Problem::new(field, format!("at most {LONGEST} characters")));
            }
        }
        if !problems.is_empty() {
            return Err(Error::problems("invalid-list", problems));
        }
        let context = &*self.context;
        let known = all(context, workspace).await?;
        let old = known.iter().find(|one| one.name == name);
        if old.is_none() && known.len() >= MOST {
            return Err(Error::conflict(
                "too-many-lists",
                format!("a workspace has at most {MOST} lists: delete one first"),
            ));
        }
        let row = ContactList {
            workspace: workspace.to_owned(),
            name: name.to_owned(),
            id: old.map_or_else(|| context.new_id("lst", 0), |old| old.id.clone()),
            title: title
                .or_else(|| old.map(|old| old.title.clone()))
                .unwrap_or_else(|| name.to_owned()),
            description: description.or_else(|| old.and_then(|old| old.description.clone())),
            created_at: old.map_or_else(|| context.now(), |old| old.created_at),
        };
        let mut commit = Commit::control();
        commit.put(&row);
        context.store().commit(commit).await?;
        Ok((row.into(), old.is_none()))
    }

    /// Deletes a list; its contacts stay.
    ///
    /// # Errors
    /// `not-found`.
    pub async fn delete(&self, workspace: &str, name: &str) -> Result<()> {
        let context = &*self.context;
        let list = find(context, workspace, name).await?;
        // First the list, so that nobody is put on it any more.
        let mut commit = Commit::control();
        commit.delete::<ContactList>([workspace.into(), name.into()]);
        context.store().commit(commit).await?;
        for bucket in context.store().owned() {
            self.empty(&list, bucket).await?;
        }
        Ok(())
    }

    /// Takes everybody of a bucket off a list that is gone. What is left in other hosts' buckets names
    /// an id that no list has again.
    async fn empty(&self, list: &ContactList, bucket: i32) -> Result<()> {
        let context = &*self.context;
        loop {
            let query = Query::<ListMember>::of(bucket)
                .equal("workspace", list.workspace.as_str())
                .equal("list", list.id.as_str())
                .limit(BATCH);
            let rows = context.store().find(query).await?;
            if rows.is_empty() {
                return Ok(());
            }
            let guard = context.lock(bucket).await?;
            let mut commit = Commit::of(bucket);
            for row in rows {
                put(&mut commit, row, false);
            }
            context.host.commit(&guard, commit).await?;
        }
    }

    /// The contacts on a list.
    ///
    /// # Errors
    /// `not-found`.
    pub async fn members(
        &self,
        workspace: &str,
        name: &str,
        after: Option<&str>,
        wanted: Option<usize>,
    ) -> Result<Page<Value>> {
        let limit = limit(wanted);
        let rows = on(&self.context, workspace, name, after, limit as i64 + 1).await?;
        let page = Page::cut(rows, limit, |row| row.contact.clone());
        Ok(page.map(|row| json!({"contact": row.contact, "source": row.source, "at": row.at})))
    }

    /// Puts a contact on a list, or takes it off. Answers whether that changed anything.
    ///
    /// # Errors
    /// `not-found` (no such list, no such contact).
    pub async fn set(&self, workspace: &str, name: &str, contact: &str, on: bool) -> Result<bool> {
        let context = &*self.context;
        let list = find(context, workspace, name).await?;
        let locked = Contacts::new(Arc::clone(&self.context))
            .lock(workspace, contact)
            .await?;
        let row = &locked.document.row;
        if is_on(context, &list.id, row).await? == on {
            return Ok(false);
        }
        let mut commit = Commit::of(row.bucket);
        put(&mut commit, member(row, &list.id, API, context.now()), on);
        let event = updated(&locked.document, name, on, API);
        context
            .host
            .accept(&locked.guard, vec![event], commit)
            .await?;
        Ok(true)
    }
}

/// The event that a contact came on a list or went off it.
pub(crate) fn updated(contact: &Document, list: &str, on: bool, source: &str) -> NewEvent {
    let action = if on { "added" } else { "removed" };
    let data = json!({"list": {"name": list, "action": action}});
    contact.event("list.updated", data, source)
}

/// The row of a contact on a list of this id.
pub(crate) fn member(contact: &Contact, list: &str, source: &str, at: i64) -> ListMember {
    ListMember {
        bucket: contact.bucket,
        workspace: contact.workspace.clone(),
        list: list.to_owned(),
        contact: contact.id.clone(),
        source: source.to_owned(),
        at,
    }
}

/// Adds to a commit that somebody is on a list, or is not.
pub(crate) fn put(commit: &mut Commit, row: ListMember, on: bool) {
    if on {
        commit.put(&row);
    } else {
        commit.delete::<ListMember>([row.workspace.into(), row.list.into(), row.contact.into()]);
    }
}

pub(crate) async fn all(context: &Context, workspace: &str) -> Result<Vec<ContactList>> {
    let query = Query::<ContactList>::all()
        .equal("workspace", workspace)
        .ascending("name");
    Ok(context.store().find(query).await?)
}

/// A list by its name.
///
/// # Errors
/// `not-found`, which says which lists there are.
pub(crate) async fn find(context: &Context, workspace: &str, name: &str) -> Result<ContactList> {
    let query = Query::<ContactList>::all()
        .equal("workspace", workspace)
        .equal("name", name);
    if let Some(row) = context.store().first(query).await? {
        return Ok(row);
    }
    let all = all(context, workspace).await?;
    let names: Vec<&str> = all.iter().take(20).map(|one| one.name.as_str()).collect();
    let there = if names.is_empty() {
        "there is none yet".to_owned()
    } else {
        format!("there are: {}", names.join(", "))
    };
    Err(Error::not_found(
        "not-found",
        format!("there is no list `{name}`; {there}"),
    ))
}

/// Who is on a list of this name, by id.
async fn on(
    context: &Context,
    workspace: &str,
    name: &str,
    after: Option<&str>,
    most: i64,
) -> Result<Vec<ListMember>> {
    let list = find(context, workspace, name).await?;
    let mut query = Query::<ListMember>::all()
        .equal("workspace", workspace)
        .equal("list", list.id)
        .ascending("contact");
    if let Some(after) = after {
        query = query.filter("contact", Is::Greater, after);
    }
    Ok(context.store().find(query.limit(most)).await?)
}

/// The ids of the contacts on a list of this name, upwards from `after`.
///
/// # Errors
/// `not-found`, which says which lists there are.
pub(crate) async fn contacts_on(
    context: &Context,
    workspace: &str,
    name: &str,
    after: Option<&str>,
    most: i64,
) -> Result<Vec<String>> {
    let rows = on(context, workspace, name, after, most).await?;
    Ok(rows.into_iter().map(|row| row.contact).collect())
}

/// Whether a contact is on the list of this id.
pub(crate) async fn is_on(context: &Context, list: &str, contact: &Contact) -> Result<bool> {
    let key = [
        ("workspace", contact.workspace.as_str()),
        ("list", list),
        ("contact", &contact.id),
    ];
    let row: Option<ListMember> = context.row(contact.bucket, &key).await?;
    Ok(row.is_some())
}

/// Answers a call of `lists`: whether it changes anything, and the effect that does.
pub(crate) async fn answer(
    context: &Context,
    actor: &Actor,
    contact: Option<Document>,
    name: &str,
    on: bool,
    pending: &[Effect],
) -> Result<Called<bool>> {
    let Some(contact) = contact else {
        return Ok(Err(no_contact()));
    };
    let list = find(context, &actor.workspace, name).await?;
    let mut is = is_on(context, &list.id, &contact.row).await?;
    for effect in pending {
        if let Deed::List {
            contact: who,
            list: other,
            on,
            ..
        } = Deed::read(effect)?
            && who == contact.row.id
            && other == list.id
        {
            is = on;
        }
    }
    let deed = Deed::List {
        contact: contact.row.id,
        name: list.name,
        list: list.id,
        on,
    };
    let changes = is != on;
    Ok(Ok((
        changes,
        changes.then(|| deed.effect()).into_iter().collect(),
    )))
}
