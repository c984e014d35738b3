//! The plan of a transaction: the writes of many commits, merged into few statements of many rows.
//!
//! Why stages: within a stage all deletes come first, then all inserts, then all puts, each table
//! once. That is also the order within a commit, so commits that touch different rows share a
//! stage. A commit that would write a row which an earlier one of the same stage has written, or
//! remove it, opens a new stage: whoever came first is applied first.
//!
//! What must hold: applying the plan leaves the same rows as applying its commits one by one.

use crate::commit::{Commit, CommitError, Notice, Write};
use crate::row;
use crate::table::Table;
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Bound;

/// So many stages at most: each adds statements, and what does not fit is the next transaction's.
const STAGES: usize = 8;

/// What a statement does. The order is the order within a commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Act {
    /// Removes the rows whose first key columns have the values; so many columns.
    Delete(usize),
    /// Adds rows that must be new.
    Insert,
    /// Adds or replaces rows.
    Put,
}

/// One write of a member, with its key read.
#[derive(Debug)]
pub(crate) struct Change {
    pub(crate) act: Act,
    pub(crate) table: &'static Table,
    /// The row's key; of a delete, what the keys of its rows begin with (`row.rs`).
    pub(crate) key: String,
    /// The row's JSON form; of a delete, the array of values.
    pub(crate) row: String,
}

/// A commit, checked and ready to be merged.
#[derive(Debug, Default)]
pub(crate) struct Member {
    /// The bucket, owned or not; none for control records.
    pub(crate) bucket: Option<i32>,
    /// The bucket, and the epoch under which this host owns it.
    pub(crate) fence: Option<(i32, i64)>,
    /// Deletes, then inserts, then puts; no two of the latter of one row.
    pub(crate) changes: Vec<Change>,
    /// Bytes to keep under a digest.
    pub(crate) blob: Option<(String, Vec<u8>)>,
    /// Who is told when it is durable.
    pub(crate) notices: Vec<Notice>,
}

impl Member {
    /// Reads the keys of a commit's rows and brings its writes into their order.
    ///
    /// # Errors
    /// `Invalid` if a row is not what its table holds.
    pub(crate) fn of(commit: Commit, fence: Option<(i32, i64)>) -> Result<Member, CommitError> {
        let mut changes = Vec::with_capacity(commit.writes.len());
        for write in commit.writes {
            let change = change(write).map_err(CommitError::Invalid)?;
            check(&change, commit.bucket).map_err(CommitError::Invalid)?;
            changes.push(change);
        }
        changes.sort_by_key(|change| match change.act {
            Act::Delete(_) => 0,
            Act::Insert => 1,
            Act::Put => 2,
        });
        without_repetition(&mut changes).map_err(CommitError::Invalid)?;
        Ok(Member {
            bucket: commit.bucket,
            fence,
            changes,
            blob: None,
            notices: commit.notices,
        })
    }

    /// How much memory it takes, roughly.
    pub(crate) fn bytes(&self) -> usize {
        let rows = self
            .changes
            .iter()
            .map(|change| change.row.len() + 64)
            .sum::<usize>();
        rows + self.blob.as_ref().map_or(0, |(_, bytes)| bytes.len())
    }
}

fn change(write: Write) -> Result<Change, String> {
    Ok(match write {
        Write::Insert { table, row } => {
            let row = row::without_nul(row);
            Change {
                act: Act::Insert,
                table,
                key: row::key_of(table, &row)?,
                row,
            }
        }
        Write::Put { table, .. } if table.append_only => {
            return Err(format!("rows of `{}` are only ever added", table.name));
        }
        Write::Put { table, row } => {
            let row = row::without_nul(row);
            Change {
                act: Act::Put,
                table,
                key: row::key_of(table, &row)?,
                row,
            }
        }
        Write::Delete { table, key } => Change {
            act: Act::Delete(key.len()),
            table,
            key: row::without_nul(row::prefix_of(table, &key)?),
            row: row::without_nul(serde_json::Value::from(key).to_string()),
        },
    })
}

/// A commit touches one bucket: the first column of every bucketed key says which.
fn check(change: &Change, bucket: Option<i32>) -> Result<(), String> {
    let fits = match bucket {
        _ if !change.table.bucketed => true,
        Some(bucket) => change
            .key
            .split_once(',')
            .is_some_and(|(first, _)| first.parse() == Ok(bucket)),
        None => false,
    };
    if fits {
        return Ok(());
    }
    Err(format!(
        "a commit touches one bucket; a row of `{}` is of another",
        change.table.name
    ))
}

/// Of several puts of one row the last counts; two inserts of one row are a defect.
fn without_repetition(changes: &mut Vec<Change>) -> Result<(), String> {
    if changes.len() < 2 {
        return Ok(());
    }
    let mut last: BTreeMap<(Act, &'static str, &str), usize> = BTreeMap::new();
    let mut drop = BTreeSet::new();
    for (place, change) in changes.iter().enumerate() {
        let name = (change.act, change.table.name, change.key.as_str());
        if let Some(earlier) = last.insert(name, place) {
            if change.act == Act::Insert {
                return Err(format!("it adds one row to `{}` twice", change.table.name));
            }
            drop.insert(earlier);
        }
    }
    let mut place = 0;
    changes.retain(|_| {
        place += 1;
        !drop.contains(&(place - 1))
    });
    Ok(())
}

/// The rows of one statement.
#[derive(Debug)]
pub(crate) struct Group {
    pub(crate) act: Act,
    pub(crate) table: &'static Table,
    /// A JSON array of the rows' JSON forms.
    pub(crate) rows: String,
}

/// The writes of commits, merged.
#[derive(Debug, Default)]
pub(crate) struct Plan {
    /// The buckets that are touched, each with the epoch that must hold.
    pub(crate) fences: BTreeMap<i32, i64>,
    /// What is written, in this order.
    pub(crate) stages: Vec<Vec<Group>>,
    /// Whether it is all the same in which order: no two groups touch one row.
    pub(crate) unordered: bool,
    /// Bytes to keep, each with its digest.
    pub(crate) blobs: Vec<(String, Vec<u8>)>,
    /// Who is told, each with the bucket that its commit is of and does not own.
    pub(crate) notices: Vec<(Option<i32>, Notice)>,
    /// How many of the members it holds: the first so many.
    pub(crate) members: usize,
}

impl Plan {
    /// Merges as many of the members as go into one transaction, the first at least.
    pub(crate) fn of<'a>(members: impl IntoIterator<Item = &'a Member>) -> Plan {
        let mut plan = Plan::default();
        let mut stage = Stage::default();
        for member in members {
            if stage.forbids(member) {
                if plan.stages.len() + 1 == STAGES {
                    break;
                }
                plan.stages.push(std::mem::take(&mut stage).close());
            }
            stage.add(member);
            plan.fences.extend(member.fence);
            plan.blobs.extend(member.blob.clone());
            let asked = member.bucket.filter(|_| member.fence.is_none());
            let notices = member.notices.iter().cloned();
            plan.notices.extend(notices.map(|notice| (asked, notice)));
            plan.members += 1;
        }
        plan.unordered = plan.stages.is_empty() && stage.is_unordered();
        plan.stages.push(stage.close());
        plan
    }

    /// Whether control records change.
    pub(crate) fn is_control(&self) -> bool {
        self.stages
            .iter()
            .flatten()
            .any(|group| !group.table.bucketed)
    }
}

#[derive(Default)]
struct Stage<'a> {
    /// The keys that are written, by table.
    written: HashMap<&'static str, BTreeSet<&'a str>>,
    /// What the keys begin with that are removed, each with its table.
    removed: Vec<(&'static str, &'a str)>,
    /// A row is both inserted and put.
    twice: bool,
    groups: BTreeMap<(u8, &'static str, usize), Group>,
}

impl<'a> Stage<'a> {
    fn forbids(&self, member: &Member) -> bool {
        member.changes.iter().any(|change| {
            let Some(keys) = self.written.get(change.table.name) else {
                return false;
            };
            match change.act {
                Act::Delete(_) => begins(keys, &change.key).is_some(),
                Act::Insert | Act::Put => keys.contains(change.key.as_str()),
            }
        })
    }

    fn add(&mut self, member: &'a Member) {
        for change in &member.changes {
            let name = change.table.name;
            let place = match change.act {
                Act::Delete(columns) => (0, name, columns),
                Act::Insert => (1, name, 0),
                Act::Put => (2, name, 0),
            };
            if place.0 > 0 {
                let keys = self.written.entry(name).or_default();
                self.twice |= !keys.insert(&change.key);
            } else {
                self.removed.push((name, &change.key));
            }
            match self.groups.entry(place) {
                Entry::Vacant(entry) => {
                    let rows = format!("[{}", change.row);
                    entry.insert(Group {
                        act: change.act,
                        table: change.table,
                        rows,
                    });
                }
                Entry::Occupied(mut entry) => {
                    let rows = &mut entry.get_mut().rows;
                    rows.push(',');
                    rows.push_str(&change.row);
                }
            }
        }
    }

    fn is_unordered(&self) -> bool {
        let written = |(table, prefix): &(&str, &str)| {
            let keys = self.written.get(table);
            keys.is_some_and(|keys| begins(keys, prefix).is_some())
        };
        !self.twice && !self.removed.iter().any(written)
    }

    fn close(self) -> Vec<Group> {
        let mut groups: Vec<Group> = self.groups.into_values().collect();
        for group in &mut groups {
            group.rows.push(']');
        }
        groups
    }
}

/// The first of the keys that begins so.
fn begins<'k>(keys: &BTreeSet<&'k str>, prefix: &str) -> Option<&'k str> {
    keys.range::<str, _>((Bound::Included(prefix), Bound::Unbounded))
        .next()
        .copied()
        .filter(|key| key.starts_with(prefix))
}

/// The keys of rows, by table: what is there already of what members want to insert.
pub(crate) type Keys = HashMap<&'static str, BTreeSet<String>>;

/// Which members insert a row that is there already, where `present` says what was there before the
/// first of them: the members are gone through in order, each that is refused leaves no trace.
pub(crate) fn refused<'a>(
    members: impl IntoIterator<Item = &'a Member>,
    mut present: Keys,
) -> Vec<Option<&'static str>> {
    members
        .into_iter()
        .map(|member| {
            let deletes = |change: &Change| {
                member.changes.iter().any(|other| {
                    matches!(other.act, Act::Delete(_))
                        && std::ptr::eq(other.table, change.table)
                        && change.key.starts_with(&other.key)
                })
            };
            let taken = member.changes.iter().find(|change| {
                change.act == Act::Insert
                    && present
                        .get(change.table.name)
                        .is_some_and(|keys| keys.contains(change.key.as_str()))
                    && !deletes(change)
            });
            if taken.is_none() {
                follow(&mut present, member);
            }
            taken.map(|change| change.table.name)
        })
        .collect()
}

fn follow(present: &mut Keys, member: &Member) {
    for change in &member.changes {
        let keys = present.entry(change.table.name).or_default();
        if matches!(change.act, Act::Delete(_)) {
            keys.retain(|key| !key.starts_with(&change.key));
        } else {
            keys.insert(change.key.clone());
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]
mod tests;
