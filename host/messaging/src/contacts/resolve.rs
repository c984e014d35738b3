//! From an address to its contact, made if it is not there, exactly once.
//!
//! A new contact lives in the bucket of the address that it was first known by, so its row and its
//! identity are one commit, and of two messages that arrive together the second finds what the
//! first made. Further addresses have their identity in other buckets: they are claimed first and
//! then written into the contact. A claim whose contact does not exist is nobody's.

use super::address::Identity;
use super::document::Document;
use super::merge;
use crate::context::{Context, Home};
use crate::error::Result;
use crate::host::Guard;
use crate::tasks::Task;
use jackfield_store::records::{Contact, Identity as Row, Seen};
use jackfield_store::{Commit, CommitError, Is, Query, StoreExt, bucket_in};

/// Marks contacts whose identities do not agree with their fields yet.
pub(crate) const UNCLAIMED: &str = "identity-claim";

/// A contact under the lock of its bucket.
pub(crate) struct Locked {
    pub(crate) guard: Guard,
    pub(crate) document: Document,
    /// Whether it is not in the database yet.
    pub(crate) created: bool,
    identity: Option<Row>,
}

impl Locked {
    /// A commit that holds the contact and, where it is new, its identity.
    pub(crate) fn commit(&mut self, now: i64) -> Commit {
        let mut commit = Commit::of(self.guard.bucket());
        if let Some(identity) = &self.identity {
            commit.put(identity);
        }
        commit.put(self.document.finish(now));
        commit
    }
}

/// The contact that an identity belongs to.
pub(crate) async fn find(
    context: &Context,
    workspace: &str,
    identity: &Identity,
) -> Result<Option<Contact>> {
    match identity_row(context, workspace, identity).await? {
        Some(row) => merge::current(context, workspace, &row.contact).await,
        None => Ok(None),
    }
}

async fn identity_row(
    context: &Context,
    workspace: &str,
    identity: &Identity,
) -> Result<Option<Row>> {
    let bucket = bucket(context, workspace, identity);
    let key = [
        ("workspace", workspace),
        ("kind", &identity.kind),
        ("value", &identity.value),
    ];
    context.row(bucket, &key).await
}

fn bucket(context: &Context, workspace: &str, identity: &Identity) -> i32 {
    context.bucket_of(&[workspace, &identity.word()])
}

/// The contact of an identity under its lock, a new one where there is none.
pub(crate) async fn find_or_make(
    context: &Context,
    workspace: &str,
    identity: &Identity,
) -> Result<Locked> {
    loop {
        let before = identity_row(context, workspace, identity).await?;
        let known = match &before {
            Some(row) => merge::current(context, workspace, &row.contact).await?,
            None => None,
        };
        // Whoever absorbed it has its addresses, also those that are not put right yet.
        let id = known.as_ref().map(|row| row.id.clone());
        let id = id.or_else(|| before.as_ref().map(|row| row.contact.clone()));
        let home = id.as_deref().and_then(|id| bucket_in("ctc", id));
        let guard = context
            .lock(home.unwrap_or_else(|| bucket(context, workspace, identity)))
            .await?;
        // Between reading and locking somebody may have made it, or moved it.
        let now = identity_row(context, workspace, identity).await?;
        if now.as_ref().map(|row| &row.contact) != before.as_ref().map(|row| &row.contact) {
            continue;
        }
        let at = context.now();
        if let Some(row) = now {
            let id = id.unwrap_or(row.contact);
            let found = context.contact(workspace, &id).await?;
            if found.is_none() && known.is_some() {
                // Deleted or absorbed at this moment.
                continue;
            }
            let created = found.is_none();
            let document = match found {
                Some(row) => Document { row },
                // A claim whose contact was never written, or is gone: it is made now.
                None => Document::new(id, guard.bucket(), workspace, at),
            };
            return Ok(Locked {
                guard,
                document,
                created,
                identity: None,
            });
        }
        let id = context.new_id("ctc", guard.bucket());
        let identity = Row {
            bucket: guard.bucket(),
            workspace: workspace.to_owned(),
            kind: identity.kind.clone(),
            value: identity.value.clone(),
            contact: id.clone(),
            created_at: at,
        };
        let document = Document::new(id, guard.bucket(), workspace, at);
        return Ok(Locked {
            guard,
            document,
            created: true,
            identity: Some(identity),
        });
    }
}

/// A known contact under its lock.
pub(crate) async fn lock(context: &Context, workspace: &str, id: &str) -> Result<Option<Locked>> {
    let Some(bucket) = bucket_in("ctc", id) else {
        return Ok(None);
    };
    let guard = context.lock(bucket).await?;
    let row = context.contact(workspace, id).await?;
    Ok(row.map(|row| Locked {
        guard,
        document: Document { row },
        created: false,
        identity: None,
    }))
}

/// A new contact that is known by no address.
pub(crate) async fn make(context: &Context, workspace: &str) -> Result<Locked> {
    make_in(context, workspace, context.host.any_bucket()).await
}

/// The same in a bucket of the caller's choice.
pub(crate) async fn make_in(context: &Context, workspace: &str, bucket: i32) -> Result<Locked> {
    let guard = context.lock(bucket).await?;
    let id = context.new_id("ctc", bucket);
    let document = Document::new(id, bucket, workspace, context.now());
    Ok(Locked {
        guard,
        document,
        created: true,
        identity: None,
    })
}

/// Makes an identity a contact's. Answers with the contact that has it already, if another does.
pub(crate) async fn claim(
    context: &Context,
    workspace: &str,
    identity: &Identity,
    contact: &str,
) -> Result<Option<String>> {
    let bucket = bucket(context, workspace, identity);
    let ask = || Task::Claim {
        workspace: workspace.to_owned(),
        identity: identity.clone(),
        contact: contact.to_owned(),
    };
    let guard = match context.lock_or_ask(bucket, ask).await? {
        Home::Here(guard) => guard,
        Home::There(answer) => return Ok(answer.as_str().map(str::to_owned)),
    };
    if let Some(row) = identity_row(context, workspace, identity).await? {
        if row.contact == contact {
            return Ok(None);
        }
        let other = merge::current(context, workspace, &row.contact).await?;
        if let Some(other) = other.filter(|other| other.id != contact) {
            return Ok(Some(other.id));
        }
    }
    let mut commit = Commit::of(bucket);
    commit.put(&Row {
        bucket,
        workspace: workspace.to_owned(),
        kind: identity.kind.clone(),
        value: identity.value.clone(),
        contact: contact.to_owned(),
        created_at: context.now(),
    });
    context.host.commit(&guard, commit).await?;
    Ok(None)
}

/// Takes an identity from a contact, if it has it.
pub(crate) async fn release(
    context: &Context,
    workspace: &str,
    identity: &Identity,
    contact: &str,
) -> Result<()> {
    let bucket = bucket(context, workspace, identity);
    let ask = || Task::Release {
        workspace: workspace.to_owned(),
        identity: identity.clone(),
        contact: contact.to_owned(),
    };
    let guard = match context.lock_or_ask(bucket, ask).await? {
        Home::Here(guard) => guard,
        Home::There(_) => return Ok(()),
    };
    let row = identity_row(context, workspace, identity).await?;
    if row.is_some_and(|row| row.contact == contact) {
        let mut commit = Commit::of(bucket);
        commit.delete::<Row>([
            workspace.into(),
            identity.kind.clone().into(),
            identity.value.clone().into(),
        ]);
        context.host.commit(&guard, commit).await?;
    }
    Ok(())
}

/// Notes in a commit that the contact's identities are still to be put right. What a step changes
/// is committed in one bucket; the identities live in others.
pub(crate) fn mark(commit: &mut Commit, contact: &Contact, now: i64) {
    commit.put(&Seen {
        bucket: contact.bucket,
        workspace: contact.workspace.clone(),
        scope: UNCLAIMED.to_owned(),
        key: contact.id.clone(),
        at: now,
    });
}

/// Contacts that are marked, with their workspaces: what a crash left over.
pub(crate) async fn marked(context: &Context, buckets: &[i32]) -> Result<Vec<(String, String)>> {
    let query = Query::<Seen>::all().equal("scope", UNCLAIMED);
    let query = query.filter("bucket", Is::In, buckets.to_vec());
    let rows = context.store().find(query).await?;
    Ok(rows
        .into_iter()
        .map(|row| (row.workspace, row.key))
        .collect())
}

/// Makes identities agree with a contact's phone and mail address. An address that another contact
/// has stays with that one.
pub(crate) async fn settle(context: &Context, workspace: &str, id: &str) -> Result<()> {
    let Some(bucket) = bucket_in("ctc", id) else {
        return Ok(());
    };
    loop {
        let Some(row) = context.contact(workspace, id).await? else {
            break;
        };
        let document = Document { row };
        let wanted: Vec<Identity> = document
            .identities()
            .into_iter()
            .filter(|one| one.kind == "phone" || one.kind == "email")
            .collect();
        for identity in &wanted {
            if let Some(other) = claim(context, workspace, identity, id).await? {
                tracing::info!(
                    contact = id,
                    other,
                    kind = identity.kind,
                    "the address belongs to another contact already"
                );
            }
        }
        for absorbed in document.merged() {
            let theirs = Query::<Row>::all()
                .equal("workspace", workspace)
                .equal("contact", absorbed);
            for row in context.store().find(theirs).await? {
                let identity = Identity {
                    kind: row.kind,
                    value: row.value,
                };
                claim(context, workspace, &identity, id).await?;
            }
        }
        let known = Query::<Row>::all()
            .equal("workspace", workspace)
            .equal("contact", id);
        for row in context.store().find(known).await? {
            let identity = Identity {
                kind: row.kind,
                value: row.value,
            };
            let of_field = identity.kind == "phone" || identity.kind == "email";
            let of_channel = document
                .identities()
                .iter()
                .any(|one| one.value == identity.value);
            if of_field && !wanted.contains(&identity) && !of_channel {
                release(context, workspace, &identity, id).await?;
            }
        }
        // Where the bucket has gone to another host meanwhile, that one finds the mark.
        let Ok(guard) = context.lock(bucket).await else {
            break;
        };
        let now = context.contact(workspace, id).await?;
        let unchanged = now
            .is_none_or(|now| now.phone == document.row.phone && now.email == document.row.email);
        if unchanged {
            unmark(context, &guard, workspace, id).await?;
            break;
        }
    }
    Ok(())
}

async fn unmark(
    context: &Context,
    guard: &Guard,
    workspace: &str,
    id: &str,
) -> Result<(), CommitError> {
    let mut commit = Commit::of(guard.bucket());
    commit.delete::<Seen>([workspace.into(), UNCLAIMED.into(), id.into()]);
    context.host.commit(guard, commit).await
}
