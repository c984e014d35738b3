//! Two contacts that are one person become one: the primary absorbs the other.
//!
//! Both may be at home in different buckets, with different hosts, and no commit touches two. So it
//! goes in steps, each a commit of its own, each of which can be done again:
//! 1. the primary's row notes whom it absorbs, with a mark that the next start goes on from;
//! 2. the other's row gives way to one that leads to the primary and holds what it left;
//! 3. the primary takes that in, and the note goes;
//! 4. the addresses are put right, as after any change of addresses.
//!
//! From the second on, the old id and every address of the other lead to the primary. Messages,
//! closed conversations, comments, decisions and runs stay where they are, under the old id: their
//! own ids name their bucket. They are read with the primary's (`ids`), and deleted with it.
//!
//! What must hold: a contact that absorbs another is not absorbed meanwhile, so two that are to absorb
//! each other are both refused.

use super::absorb::{self, Enrolled, Left, OnList};
use super::address::{ContactRef, Identity};
use super::document::{Document, MERGING};
use super::patch::Patch;
use super::resolve::{self, UNCLAIMED};
use super::{Contacts, find_by, no_contact, taken};
use crate::assignment;
use crate::context::{Context, Home};
use crate::conversations::API;
use crate::conversations::document::{Conversation, State};
use crate::error::{Error, ErrorKind, Problem, Result};
use crate::lists;
use crate::tasks::Task;
use crate::timers;
use jackfield_store::records::{
    Contact, Conversation as Talk, Enrolment, Identity as Row, ListMember, MergedContact, Seen,
    Timer,
};
use jackfield_store::{Commit, Is, Query, Record, StoreExt, bucket_in};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// Marks contacts that absorb another.
pub(crate) const MARK: &str = "contact-merge";
/// The reason of runs that end with their contact.
const ENDED: &str = "contact-merged";
/// How far an old id is followed.
const MOST_STEPS: usize = 1_000;

/// Whom a contact absorbs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Pending {
    from: String,
    /// What wins over both.
    fields: Value,
}

impl Pending {
    fn of(contact: &Document) -> Option<Pending> {
        Pending::deserialize(contact.get(MERGING)?).ok()
    }
}

/// What became of a contact that was to go.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "kebab-case")]
pub(crate) enum LetGo {
    /// It is gone, and left this.
    Gone { left: Box<Left> },
    /// There is none.
    Unknown,
    /// It absorbs another itself.
    Merging,
    /// Another contact has absorbed it.
    Absorbed { by: String },
}

impl Contacts {
    /// Has a contact absorb another (`from`). `fields` win over both, as in `update`. Answers with the
    /// contact. Asked again, it goes on where it was, and changes nothing where it is done.
    ///
    /// # Errors
    /// `not-found`; `invalid` for fields, and where both are the same; `conflict` where either is being
    /// merged, or `from` was absorbed by another.
    pub async fn merge(
        &self,
        workspace: &str,
        contact: &str,
        from: &str,
        fields: &Value,
    ) -> Result<Value> {
        let context = &*self.context;
        let primary = self.find(workspace, contact).await?;
        let id = primary.id.as_str();
        let pending = Pending {
            from: self.meant(workspace, from).await?,
            fields: fields.clone(),
        };
        let document = Document {
            row: primary.clone(),
        };
        let under_way = Pending::of(&document).is_some_and(|known| known.from == pending.from);
        if !under_way {
            if pending.from == id {
                let said = "is this contact itself: name the other one";
                return Err(Error::problems(
                    "same-contact",
                    vec![Problem::new("from", said)],
                ));
            }
            if let Some(by) = gone(context, workspace, &pending.from).await? {
                let by = current(context, workspace, &by.absorbed_by).await?;
                return match by {
                    Some(row) if row.id == id => self.show(Document { row }).await,
                    by => Err(absorbed(
                        &pending.from,
                        by.as_ref().map_or("", |row| &row.id),
                    )),
                };
            }
            if context.contact(workspace, &pending.from).await?.is_none() {
                return Err(no_contact(from));
            }
            let patch = Patch::read(context, workspace, fields).await?;
            for identity in patch.identities() {
                let other = resolve::find(context, workspace, &identity).await?;
                if let Some(other) =
                    other.filter(|other| other.id != id && other.id != pending.from)
                {
                    return Err(taken(&other.id));
                }
            }
            begin(context, workspace, id, &pending).await?;
        }
        drive(context, workspace, id).await?;
        let row = current(context, workspace, id).await?;
        let row = row.ok_or_else(|| no_contact(contact))?;
        self.show(Document { row }).await
    }

    /// The ids under which things of a contact stand: its own, and those of the contacts that it
    /// absorbed.
    ///
    /// # Errors
    /// As of `get`.
    pub async fn ids_of(&self, workspace: &str, contact: &str) -> Result<Vec<String>> {
        let row = self.find(workspace, contact).await?;
        Ok(all_ids(&Document { row }))
    }

    /// The id that a reference names, also of one that is gone.
    async fn meant(&self, workspace: &str, reference: &str) -> Result<String> {
        let parsed = self.reference(workspace, reference).await;
        let parsed = parsed.map_err(|error| {
            let said = error.problems.into_iter().map(|one| one.message);
            let problems = said.map(|said| Problem::new("from", said)).collect();
            Error::problems("invalid-contact", problems)
        })?;
        match parsed {
            ContactRef::Id(id) => Ok(id),
            other => {
                let found = find_by(&self.context, workspace, &other).await?;
                Ok(found.ok_or_else(|| no_contact(reference))?.id)
            }
        }
    }
}

fn absorbed(from: &str, by: &str) -> Error {
    Error::conflict(
        "already-merged",
        format!("the contact {from} was merged into {by} already: name that one"),
    )
}

pub(super) fn under_way(contact: &str) -> Error {
    Error::conflict(
        "merging",
        format!("the contact {contact} is being merged with another: try again when that is done"),
    )
}

/// Refuses what cannot be done to a contact that absorbs another.
pub(crate) fn refuse_merging(contact: &Document) -> Result<()> {
    match Pending::of(contact) {
        Some(_) => Err(under_way(&contact.row.id)),
        None => Ok(()),
    }
}

fn all_ids(contact: &Document) -> Vec<String> {
    let mut ids = contact.merged();
    ids.insert(0, contact.row.id.clone());
    ids
}

/// The ids under which things of the contact of this id stand.
pub(crate) async fn ids(context: &Context, workspace: &str, id: &str) -> Result<Vec<String>> {
    let row = context.contact(workspace, id).await?;
    Ok(match row {
        Some(row) => all_ids(&Document { row }),
        None => vec![id.to_owned()],
    })
}

/// Rows that stand under these ids of one contact, in the buckets of those.
pub(crate) fn rows_of<R: Record>(ids: &[String]) -> Query<R> {
    let buckets = ids.iter().filter_map(|id| bucket_in("ctc", id));
    match ids {
        [one] => {
            let query = bucket_in("ctc", one).map_or_else(Query::all, Query::of);
            query.equal("contact", one.as_str())
        }
        _ => Query::all()
            .filter("bucket", Is::In, buckets.collect::<Vec<_>>())
            .filter("contact", Is::In, ids.to_vec()),
    }
}

/// What became of a contact that another has absorbed.
pub(crate) async fn gone(
    context: &Context,
    workspace: &str,
    id: &str,
) -> Result<Option<MergedContact>> {
    let Some(bucket) = bucket_in("ctc", id) else {
        return Ok(None);
    };
    let row: Option<MergedContact> = context.row(bucket, &[("id", id)]).await?;
    Ok(row.filter(|row| row.workspace == workspace))
}

/// The contact that an id means: the one that has it, or the one that absorbed that.
pub(crate) async fn current(
    context: &Context,
    workspace: &str,
    id: &str,
) -> Result<Option<Contact>> {
    let mut id = id.to_owned();
    for _ in 0..MOST_STEPS {
        if let Some(row) = context.contact(workspace, &id).await? {
            return Ok(Some(row));
        }
        match gone(context, workspace, &id).await? {
            Some(row) => id = row.absorbed_by,
            None => break,
        }
    }
    Ok(None)
}

/// Notes whom the primary absorbs.
async fn begin(context: &Context, workspace: &str, id: &str, pending: &Pending) -> Result<()> {
    let locked = resolve::lock(context, workspace, id).await?;
    let Some(mut locked) = locked else {
        // Another has absorbed it in this very moment.
        return Err(match gone(context, workspace, id).await? {
            Some(row) => absorbed(id, &row.absorbed_by),
            None => no_contact(id),
        });
    };
    if let Some(known) = Pending::of(&locked.document) {
        if known.from == pending.from {
            return Ok(());
        }
        return Err(under_way(id));
    }
    let now = context.now();
    let noted = serde_json::to_value(pending).ok();
    locked.document.put(MERGING, noted);
    let mut commit = locked.commit(now);
    commit.put(&Seen {
        bucket: locked.guard.bucket(),
        workspace: workspace.to_owned(),
        scope: MARK.to_owned(),
        key: id.to_owned(),
        at: now,
    });
    context.host.commit(&locked.guard, commit).await?;
    Ok(())
}

/// Contacts that are marked, with their workspaces: what a crash left over.
pub(crate) async fn marked(context: &Context, buckets: &[i32]) -> Result<Vec<(String, String)>> {
    let query = Query::<Seen>::all().equal("scope", MARK);
    let query = query.filter("bucket", Is::In, buckets.to_vec());
    let rows = context.store().find(query).await?;
    let who = rows.into_iter().map(|row| (row.workspace, row.key));
    Ok(who.collect())
}

/// Goes on with what a contact's row notes, to its end.
pub(crate) async fn drive(context: &Context, workspace: &str, id: &str) -> Result<()> {
    let Some(row) = context.contact(workspace, id).await? else {
        return Ok(());
    };
    if let Some(pending) = Pending::of(&Document { row }) {
        let refused = match let_go(context, workspace, &pending.from, id).await? {
            LetGo::Gone { left } => {
                take_in(context, workspace, id, &left, &pending).await?;
                None
            }
            LetGo::Unknown => Some(no_contact(&pending.from)),
            LetGo::Merging => Some(under_way(&pending.from)),
            LetGo::Absorbed { by } => Some(absorbed(&pending.from, &by)),
        };
        if let Some(refused) = refused {
            give_up(context, workspace, id, &pending).await?;
            return Err(refused);
        }
    }
    resolve::settle(context, workspace, id).await?;
    assignment::settle(context, workspace, id).await
}

/// The other is not to be had: the note goes, and all is as before.
async fn give_up(context: &Context, workspace: &str, id: &str, pending: &Pending) -> Result<()> {
    let Some(mut locked) = resolve::lock(context, workspace, id).await? else {
        return Ok(());
    };
    if Pending::of(&locked.document).as_ref() != Some(pending) {
        return Ok(());
    }
    locked.document.put(MERGING, None);
    let mut commit = locked.commit(context.now());
    commit.delete::<Seen>([workspace.into(), MARK.into(), id.into()]);
    context.host.commit(&locked.guard, commit).await?;
    Ok(())
}

/// The contact `id` gives way to a row that leads to `to`, where its bucket is at home.
pub(crate) async fn let_go(
    context: &Context,
    workspace: &str,
    id: &str,
    to: &str,
) -> Result<LetGo> {
    let Some(bucket) = bucket_in("ctc", id) else {
        return Ok(LetGo::Unknown);
    };
    let ask = || Task::LetGo {
        workspace: workspace.to_owned(),
        contact: id.to_owned(),
        to: to.to_owned(),
    };
    let guard = match context.lock_or_ask(bucket, ask).await? {
        Home::Here(guard) => guard,
        Home::There(answer) => {
            return LetGo::deserialize(answer)
                .map_err(|error| Error::unavailable(error.to_string()));
        }
    };
    let left = match gone(context, workspace, id).await? {
        Some(row) if row.absorbed_by == to => Left::deserialize(row.data)
            .map_err(|error| Error::unavailable(format!("what {id} left: {error}")))?,
        Some(row) => {
            return Ok(LetGo::Absorbed {
                by: row.absorbed_by,
            });
        }
        None => {
            let Some(row) = context.contact(workspace, id).await? else {
                return Ok(LetGo::Unknown);
            };
            let document = Document { row };
            if document.get(MERGING).is_some() {
                return Ok(LetGo::Merging);
            }
            let left = leave(context, &document).await?;
            let commit = farewell(&document, &left, to, context.now());
            context.host.commit(&guard, commit).await?;
            left
        }
    };
    drop(guard);
    let ended = context.host.end_runs(workspace, id, ENDED).await;
    ended.map_err(|error| Error::unavailable(error.to_string()))?;
    assignment::settle(context, workspace, id).await?;
    Ok(LetGo::Gone {
        left: Box::new(left),
    })
}

/// What a contact leaves behind.
async fn leave(context: &Context, contact: &Document) -> Result<Left> {
    let Contact {
        bucket,
        id,
        workspace,
        ..
    } = &contact.row;
    let identities = Query::<Row>::all()
        .equal("workspace", workspace.as_str())
        .equal("contact", id.as_str());
    let identities = context.store().find(identities).await?;
    let lists = Query::<ListMember>::of(*bucket)
        .equal("workspace", workspace.as_str())
        .equal("contact", id.as_str());
    let lists = context.store().find(lists).await?;
    let enrolments = Query::<Enrolment>::of(*bucket)
        .equal("workspace", workspace.as_str())
        .equal("contact", id.as_str());
    let enrolments = context.store().find(enrolments).await?;
    Ok(Left {
        id: id.clone(),
        data: contact.row.data.clone(),
        created_at: contact.row.created_at,
        identities: identities
            .into_iter()
            .map(|row| Identity {
                kind: row.kind,
                value: row.value,
            })
            .collect(),
        lists: lists
            .into_iter()
            .map(|row| OnList {
                list: row.list,
                source: row.source,
                at: row.at,
            })
            .collect(),
        enrolments: enrolments
            .into_iter()
            .map(|row| Enrolled {
                workflow: row.workflow,
                run: row.run,
                at: row.at,
            })
            .collect(),
    })
}

/// The commit in which a contact gives way.
fn farewell(contact: &Document, left: &Left, to: &str, now: i64) -> Commit {
    let row = &contact.row;
    let (id, workspace) = (row.id.as_str(), row.workspace.as_str());
    let mut commit = Commit::of(row.bucket);
    commit.put(&MergedContact {
        bucket: row.bucket,
        id: row.id.clone(),
        workspace: row.workspace.clone(),
        absorbed_by: to.to_owned(),
        data: serde_json::to_value(left).unwrap_or_default(),
        at: now,
    });
    commit.delete::<Contact>([id.into()]);
    commit.delete::<Timer>([id.into()]);
    commit.delete::<Seen>([workspace.into(), UNCLAIMED.into(), id.into()]);
    for on in &left.lists {
        commit.delete::<ListMember>([workspace.into(), on.list.as_str().into(), id.into()]);
    }
    // It goes on, or ends, with the primary.
    if let Some(talk) = Conversation::of(contact).filter(|known| known.state != State::Closed) {
        commit.delete::<Talk>([talk.id.into()]);
    }
    assignment::mark(&mut commit, row, now);
    commit
}

/// The primary takes in what the other left, and what was wanted besides.
async fn take_in(
    context: &Context,
    workspace: &str,
    id: &str,
    left: &Left,
    pending: &Pending,
) -> Result<()> {
    let patch = match Patch::read(context, workspace, &pending.fields).await {
        // A field that was deleted meanwhile: nobody can have it any more.
        Err(error) if error.kind == ErrorKind::Invalid => Patch::default(),
        read => read?,
    };
    let channels = context.channels(workspace).await?;
    let Some(mut locked) = resolve::lock(context, workspace, id).await? else {
        return Ok(());
    };
    if Pending::of(&locked.document).as_ref() != Some(pending) {
        return Ok(());
    }
    let now = context.now();
    let document = &mut locked.document;
    let talk = absorb::absorb(document, left, now);
    document.put(MERGING, None);
    let known = document.identities();
    patch.apply(context, document).await?;
    let fields = ["phone", "email"];
    document.keep_addresses(
        known
            .into_iter()
            .filter(|one| fields.contains(&one.kind.as_str())),
    );
    let mut commit = locked.commit(now);
    let row = &locked.document.row;
    commit.delete::<Seen>([workspace.into(), MARK.into(), id.into()]);
    resolve::mark(&mut commit, row, now);
    assignment::mark(&mut commit, row, now);
    if let Some(talk) = talk {
        commit.put(&talk.row(&locked.document));
    }
    for on in &left.lists {
        if !lists::is_on(context, &on.list, row).await? {
            commit.put(&ListMember {
                at: on.at,
                ..lists::member(row, &on.list, &on.source, now)
            });
        }
    }
    let own = Query::<Enrolment>::of(row.bucket)
        .equal("workspace", workspace)
        .equal("contact", id);
    let own = context.store().find(own).await?;
    for theirs in &left.enrolments {
        if own.iter().all(|own| own.workflow != theirs.workflow) {
            commit.put(&Enrolment {
                bucket: row.bucket,
                workspace: workspace.to_owned(),
                workflow: theirs.workflow.clone(),
                contact: id.to_owned(),
                run: theirs.run.clone(),
                at: theirs.at,
            });
        }
    }
    let due = timers::put(&mut commit, &locked.document);
    let mut merged = json!({"id": left.id});
    let names = ["firstname", "lastname"].map(|key| left.data.get(key).and_then(Value::as_str));
    let name = names.into_iter().flatten().collect::<Vec<_>>().join(" ");
    if !name.is_empty() {
        merged["name"] = name.into();
    }
    for key in fields {
        if let Some(value) = left.data.get(key) {
            merged[key] = value.clone();
        }
    }
    let shown = locked.document.show(&channels);
    let data = json!({"merged": merged, "contact": shown});
    let event = locked.document.event("contact.merged", data, API);
    context
        .host
        .accept(&locked.guard, vec![event], commit)
        .await?;
    if let Some(due) = due {
        context.host.wake(id, due);
    }
    Ok(())
}
