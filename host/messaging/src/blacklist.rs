//! Blacklists: addresses from which nothing is taken (`inbound`), and to which nothing is sent
//! (`outbound`), each by itself or by how it begins or ends.
//!
//! A blacklist belongs to the workspace, a block to one contact. What must hold: a message from a
//! blacklisted address makes no contact and starts nothing, but a compliance word in it is heard; a
//! message to one is suppressed in the moment of sending, whoever wrote it, unless it is internal.

use crate::contacts::address;
use crate::context::Context;
use crate::error::{Error, Problem, Result};
use jackfield_store::records::BlacklistEntry;
use jackfield_store::{Commit, Query, StoreExt};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::sync::Arc;

/// The most entries of a workspace.
const MOST: usize = 10_000;
/// The most of them that are patterns: each is held against every address.
const MOST_PATTERNS: usize = 500;
/// The longest address, in bytes.
const LONGEST_ADDRESS: usize = 500;
/// Stands before an address that is neither number nor mail address: a sender's name, an id.
const ID: &str = "id:";
/// The longest note, in characters.
const LONGEST: usize = 500;

/// Which way is closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Direction {
    /// Nothing is taken from it.
    Inbound,
    /// Nothing is sent to it.
    Outbound,
    /// Neither.
    Both,
}

impl Direction {
    /// As stored.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Direction::Inbound => "inbound",
            Direction::Outbound => "outbound",
            Direction::Both => "both",
        }
    }

    fn named(name: &str) -> Direction {
        match name {
            "inbound" => Direction::Inbound,
            "outbound" => Direction::Outbound,
            _ => Direction::Both,
        }
    }

    fn closes(self, way: Direction) -> bool {
        self == Direction::Both || self == way
    }
}

/// The blacklist of a workspace, as it is asked.
#[derive(Debug, Default)]
pub(crate) struct Blacklist {
    exact: HashMap<String, Direction>,
    begins: Vec<(String, Direction)>,
    ends: Vec<(String, Direction)>,
}

impl Blacklist {
    pub(crate) fn of(rows: &[BlacklistEntry]) -> Blacklist {
        let mut list = Blacklist::default();
        for row in rows {
            let direction = Direction::named(&row.direction);
            if let Some(begin) = row.address.strip_suffix('*') {
                list.begins.push((begin.to_owned(), direction));
            } else if let Some(end) = row.address.strip_prefix('*') {
                list.ends.push((end.to_owned(), direction));
            } else {
                let address = row.address.strip_prefix(ID).unwrap_or(&row.address);
                list.exact.insert(address.to_owned(), direction);
            }
        }
        list
    }

    /// The entry that closes this way for an address, in its normal form.
    pub(crate) fn closes(&self, address: &str, way: Direction) -> Option<String> {
        let exact = self.exact.get(address);
        if exact.is_some_and(|direction| direction.closes(way)) {
            return Some(address.to_owned());
        }
        let begins = self.begins.iter();
        let mut begins =
            begins.filter(|(begin, direction)| direction.closes(way) && address.starts_with(begin));
        if let Some((begin, _)) = begins.next() {
            return Some(format!("{begin}*"));
        }
        let ends = self.ends.iter();
        let mut ends =
            ends.filter(|(end, direction)| direction.closes(way) && address.ends_with(end));
        ends.next().map(|(end, _)| format!("*{end}"))
    }
}

/// The blacklists of all workspaces.
#[derive(Clone)]
pub struct Blacklists {
    context: Arc<Context>,
}

impl Blacklists {
    pub(crate) fn new(context: Arc<Context>) -> Blacklists {
        Blacklists { context }
    }

    /// Every entry of a workspace, by address.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn all(&self, workspace: &str) -> Result<Vec<BlacklistEntry>> {
        rows(&self.context, workspace).await
    }

    /// An entry, by its address or pattern.
    ///
    /// # Errors
    /// `not-found`; `invalid` for what is no address.
    pub async fn get(&self, workspace: &str, address: &str) -> Result<BlacklistEntry> {
        let address = self.normal(workspace, address).await?;
        let rows = self.all(workspace).await?;
        let found = rows.into_iter().find(|row| row.address == address);
        found.ok_or_else(|| {
            let said = format!("`{address}` is not on the blacklist");
            Error::not_found("not-blacklisted", said)
        })
    }

    /// Puts an address or a pattern on the blacklist, or changes its entry. Answers whether it is new.
    ///
    /// # Errors
    /// `invalid`; `conflict` where the blacklist is full.
    pub async fn put(
        &self,
        workspace: &str,
        address: &str,
        direction: Direction,
        note: Option<String>,
    ) -> Result<(BlacklistEntry, bool)> {
        if note
            .as_ref()
            .is_some_and(|note| note.chars().count() > LONGEST)
        {
            let problem = Problem::new("note", format!("at most {LONGEST} characters"));
            return Err(Error::problems("invalid-entry", vec![problem]));
        }
        let address = self.normal(workspace, address).await?;
        let rows = self.all(workspace).await?;
        let old = rows.iter().find(|row| row.address == address);
        let is_pattern = |address: &str| address.contains('*');
        let patterns = rows.iter().filter(|row| is_pattern(&row.address)).count();
        if old.is_none() && rows.len() >= MOST {
            let said = format!("a blacklist has at most {MOST} entries: delete one first");
            return Err(Error::conflict("blacklist-full", said));
        }
        if old.is_none() && is_pattern(&address) && patterns >= MOST_PATTERNS {
            let said =
                format!("a blacklist has at most {MOST_PATTERNS} patterns: delete one first");
            return Err(Error::conflict("blacklist-full", said));
        }
        let row = BlacklistEntry {
            workspace: workspace.to_owned(),
            address,
            direction: direction.name().to_owned(),
            note: note.or_else(|| old.and_then(|old| old.note.clone())),
            created_at: old.map_or_else(|| self.context.now(), |old| old.created_at),
        };
        let mut commit = Commit::control();
        commit.put(&row);
        self.context.store().commit(commit).await?;
        self.context.forget();
        Ok((row, old.is_none()))
    }

    /// Takes an address or a pattern off the blacklist.
    ///
    /// # Errors
    /// `not-found`.
    pub async fn delete(&self, workspace: &str, address: &str) -> Result<()> {
        let row = self.get(workspace, address).await?;
        let mut commit = Commit::control();
        commit.delete::<BlacklistEntry>([row.workspace.into(), row.address.into()]);
        self.context.store().commit(commit).await?;
        self.context.forget();
        Ok(())
    }

    async fn normal(&self, workspace: &str, address: &str) -> Result<String> {
        let settings = self.context.settings(workspace).await?;
        normal(address, settings.default_country.as_deref())
            .map_err(|said| Error::problems("invalid-entry", vec![Problem::new("address", said)]))
    }
}

/// An address or a pattern in the form in which addresses are compared.
fn normal(text: &str, country: Option<&str>) -> std::result::Result<String, String> {
    let text = text.trim();
    if text.is_empty() || text.len() > LONGEST_ADDRESS {
        return Err(format!("an address has 1 to {LONGEST_ADDRESS} bytes"));
    }
    if let Some(id) = text.strip_prefix(ID) {
        let id = id.trim();
        if id.is_empty() || id.contains('*') {
            return Err("write what stands behind `id:` whole, such as `id:INFO`".to_owned());
        }
        return Ok(format!("{ID}{id}"));
    }
    if text.contains('*') {
        return pattern(text).ok_or_else(|| {
            format!(
                "`{text}` is no pattern: write how a number begins (`+33899*`), or how a mail address \
                 ends (`*@spam.example`)"
            )
        });
    }
    if text.contains('@') {
        return address::email(text)
            .ok_or_else(|| format!("`{text}` is no mail address: {}", address::EMAIL));
    }
    address::phone(text, country).ok_or_else(|| {
        format!(
            "`{text}` is no phone number: {}; an address that is neither number nor mail address is \
             `id:…`",
            address::PHONE
        )
    })
}

/// A pattern: one `*`, at the end of digits or before what a mail address ends with.
fn pattern(text: &str) -> Option<String> {
    if let Some(end) = text.strip_prefix('*') {
        let good = end.len() > 1 && !end.contains('*') && end.starts_with(['@', '.']);
        return good.then(|| format!("*{}", end.to_lowercase()));
    }
    let begin = text.strip_suffix('*')?.strip_prefix('+')?;
    let digits: String = begin
        .chars()
        .filter(|one| !matches!(one, ' ' | '-' | '.' | '(' | ')'))
        .collect();
    let good = (1..=15).contains(&digits.len()) && digits.bytes().all(|one| one.is_ascii_digit());
    good.then(|| format!("+{digits}*"))
}

async fn rows(context: &Context, workspace: &str) -> Result<Vec<BlacklistEntry>> {
    let query = Query::<BlacklistEntry>::all()
        .equal("workspace", workspace)
        .ascending("address");
    Ok(context.store().find(query).await?)
}

/// The blacklist of a workspace, out of the database.
pub(crate) async fn load(context: &Context, workspace: &str) -> Result<Blacklist> {
    Ok(Blacklist::of(&rows(context, workspace).await?))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn list(entries: &[(&str, Direction)]) -> Blacklist {
        let rows: Vec<BlacklistEntry> = entries
            .iter()
            .map(|(address, direction)| BlacklistEntry {
                workspace: "main".to_owned(),
                address: normal(address, Some("FR")).unwrap(),
                direction: direction.name().to_owned(),
                note: None,
                created_at: 0,
            })
            .collect();
        Blacklist::of(&rows)
    }

    #[test]
    fn an_entry_closes_its_way_alone() {
        let list = list(&[
            ("06 12 34 56 78", Direction::Both),
            ("+33 899*", Direction::Inbound),
            ("*@Spam.Example", Direction::Inbound),
            ("bob@example.com", Direction::Outbound),
            ("id:INFO", Direction::Inbound),
        ]);
        for (address, inbound, outbound) in [
            ("+33612345678", true, true),
            ("+33612345679", false, false),
            ("+33899123456", true, false),
            ("ann@spam.example", true, false),
            ("ann@spam.example.org", false, false),
            ("bob@example.com", false, true),
            ("INFO", true, false),
        ] {
            let closed = |way| list.closes(address, way).is_some();
            assert_eq!(closed(Direction::Inbound), inbound, "{address}");
            assert_eq!(closed(Direction::Outbound), outbound, "{address}");
        }
        let said = list.closes("+33899123456", Direction::Inbound);
        assert_eq!(said.as_deref(), Some("+33899*"));
    }

    #[test]
    fn what_is_no_address_and_no_pattern_is_refused() {
        for text in [
            "",
            " ",
            "*",
            "**",
            "a*b",
            "*a*",
            "+33",
            "ann@",
            "+12ab",
            "INFO",
            "0612345678",
            "+*",
            "*@",
            "06*",
            "*12",
            "id:",
            "id:a*",
            "+33*6*",
        ] {
            assert!(normal(text, None).is_err(), "{text}");
        }
        let id = |length: usize| format!("id:{}", "a".repeat(length - 3));
        assert!(normal(&id(LONGEST_ADDRESS), None).is_ok());
        assert!(normal(&id(LONGEST_ADDRESS + 1), None).is_err());
    }
}
