//! Contacts that are probably one person: pairs that have the same telephone number or mail address.
//!
//! An address leads to one contact, whoever has it in a field: a file that adds everybody (`add-all`)
//! and a step that writes a field make contacts with an address that stays with another. Such a
//! contact is the first of a pair, and the one to which the address leads the second, so a pair is
//! found by one look at each contact, and every pair once.
//!
//! What must hold: a request looks at a bounded number of contacts.

use super::address::Identity;
use super::document::Document;
use super::{Contacts, resolve};
use crate::error::Result;
use crate::page::{Page, limit};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use jackfield_store::records::Contact;
use jackfield_store::{Is, Query, StoreExt};
use serde::Serialize;

/// Contacts that a request looks at.
const MOST_LOOKED_AT: usize = 500;
/// Contacts that are read at a time.
const BATCH: usize = 100;
/// Addresses that are looked up at the same time.
const TOGETHER: usize = 8;

/// Somebody, in few words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Known {
    /// The contact's id.
    pub id: String,
    /// First and last name.
    pub name: Option<String>,
    /// Telephone number.
    pub phone: Option<String>,
    /// Mail address.
    pub email: Option<String>,
}

impl From<Contact> for Known {
    fn from(row: Contact) -> Known {
        Known {
            id: row.id,
            name: row.name,
            phone: row.phone,
            email: row.email,
        }
    }
}

/// Two contacts that are probably one person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Suggestion {
    /// The one to which the address leads.
    pub contact: Known,
    /// The one that has it in a field only.
    pub duplicate: Known,
    /// What they have in common: `phone`, `email`.
    pub shared: Vec<String>,
}

impl Contacts {
    /// Pairs that are probably one person, those with the newest duplicate first. A page may hold
    /// fewer than were asked for, and still have a next.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn merge_suggestions(
        &self,
        workspace: &str,
        after: Option<&str>,
        wanted: Option<usize>,
    ) -> Result<Page<Suggestion>> {
        let most = limit(wanted);
        let mut after = after.map(str::to_owned);
        let mut items = Vec::new();
        let mut looked_at = 0;
        while looked_at < MOST_LOOKED_AT {
            let mut query = Query::<Contact>::all()
                .equal("workspace", workspace)
                .descending("id")
                .limit(BATCH as i64);
            if let Some(after) = &after {
                query = query.filter("id", Is::Less, after.as_str());
            }
            let rows = self.context.store().find(query).await?;
            let last = rows.len() < BATCH;
            looked_at += rows.len();
            let looks = stream::iter(rows).map(|row| self.pairs(workspace, row));
            let mut looks = std::pin::pin!(looks.buffered(TOGETHER));
            while let Some((id, pairs)) = looks.try_next().await? {
                // Both pairs of a contact stand on one page, so that the cursor can go by contacts.
                if items.len() + pairs.len() > most && !items.is_empty() {
                    return Ok(Page { items, next: after });
                }
                items.extend(pairs);
                after = Some(id);
            }
            if last {
                return Ok(Page { items, next: None });
            }
        }
        Ok(Page { items, next: after })
    }

    /// Those to whom the addresses of a contact lead, if not to itself; at most two.
    async fn pairs(&self, workspace: &str, row: Contact) -> Result<(String, Vec<Suggestion>)> {
        let id = row.id.clone();
        let addresses = [
            row.phone
                .as_deref()
                .map(|phone| (Identity::phone(phone), "phone")),
            row.email
                .as_deref()
                .map(|email| (Identity::email(email), "email")),
        ];
        let mut pairs: Vec<Suggestion> = Vec::new();
        for (identity, field) in addresses.into_iter().flatten() {
            let found = resolve::find(&self.context, workspace, &identity).await?;
            let Some(other) = found.filter(|other| other.id != id) else {
                continue;
            };
            // What it was known by once, and is no more, is not shared.
            let other = Document { row: other };
            let has = other.identities();
            if !has.iter().any(|one| one.value == identity.value) {
                continue;
            }
            let same = pairs.iter_mut().find(|one| one.contact.id == other.row.id);
            match same {
                Some(pair) => pair.shared.push(field.to_owned()),
                None => pairs.push(Suggestion {
                    contact: other.row.into(),
                    duplicate: row.clone().into(),
                    shared: vec![field.to_owned()],
                }),
            }
        }
        Ok((id, pairs))
    }
}
