//! One row of an import: whose it is, and what it changes.
//!
//! What a row has done is a row of its own in the very commit that changes the contact, in the
//! contact's bucket. So a row that is carried out again, after a crash or by another host, finds what
//! it did, and nothing is done twice.

use super::plan::{Purpose, Row};
use crate::contacts::address::Identity;
use crate::contacts::merge;
use crate::contacts::patch::Patch;
use crate::contacts::resolve::{self, Locked};
use crate::context::Context;
use crate::error::{Error, ErrorKind, Result};
use crate::host::AcceptError;
use crate::lists;
use crate::tasks::Task;
use jackfield_engine::NewEvent;
use jackfield_store::records::{Contact, ImportRow};
use jackfield_store::{CommitError, Query, StoreExt};
use phonenumber::country;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// Who acts, in events and on lists.
pub(crate) const IMPORT: &str = "import";

/// What became of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Outcome {
    Added,
    Updated,
    /// The contact is there, and the file is only to add.
    Skipped,
    Failed,
}

impl Outcome {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Outcome::Added => "added",
            Outcome::Updated => "updated",
            Outcome::Skipped => "skipped",
            Outcome::Failed => "failed",
        }
    }

    pub(crate) fn named(name: &str) -> Outcome {
        match name {
            "added" => Outcome::Added,
            "updated" => Outcome::Updated,
            "skipped" => Outcome::Skipped,
            _ => Outcome::Failed,
        }
    }
}

/// What became of a row, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Done {
    pub(crate) outcome: Outcome,
    pub(crate) contact: Option<String>,
    pub(crate) code: Option<String>,
    pub(crate) message: Option<String>,
}

impl Done {
    pub(crate) fn failed(code: &str, message: impl Into<String>) -> Done {
        Done {
            outcome: Outcome::Failed,
            contact: None,
            code: Some(code.to_owned()),
            message: Some(message.into()),
        }
    }

    fn skipped(contact: &str) -> Done {
        Done {
            outcome: Outcome::Skipped,
            contact: None,
            code: Some("exists".to_owned()),
            message: Some(format!("it is the contact {contact} already")),
        }
    }

    fn of(contact: &str, made: bool) -> Done {
        Done {
            outcome: if made {
                Outcome::Added
            } else {
                Outcome::Updated
            },
            contact: Some(contact.to_owned()),
            code: None,
            message: None,
        }
    }

    pub(crate) fn read(row: &ImportRow) -> Done {
        Done {
            outcome: Outcome::named(&row.outcome),
            contact: row.contact.clone(),
            code: row.code.clone(),
            message: row.message.clone(),
        }
    }

    /// Its record, in a bucket.
    pub(crate) fn record(&self, bucket: i32, import: &str, pass: i64, line: i64) -> ImportRow {
        ImportRow {
            bucket,
            import: import.to_owned(),
            pass,
            line,
            contact: self.contact.clone(),
            outcome: self.outcome.name().to_owned(),
            code: self.code.clone(),
            message: self.message.clone(),
        }
    }
}

/// Whom a row means.
enum Whom {
    Known(Contact),
    New(Option<Identity>),
    Nobody(Done),
}

/// Carries a row out, where its contact's bucket is at home.
pub(crate) async fn perform(context: &Context, row: &Row) -> Result<Done> {
    match here(context, row).await {
        Err(Error {
            kind: ErrorKind::Elsewhere { bucket },
            ..
        }) => {
            let task = Task::ImportRow {
                row: Box::new(row.clone()),
            };
            let answer = context.ask(bucket, &task).await?;
            Done::deserialize(answer).map_err(|error| Error::unavailable(error.to_string()))
        }
        done => done,
    }
}

/// Carries a row out on this host.
///
/// # Errors
/// `Elsewhere`, before anything was done; `unavailable`.
pub(crate) async fn here(context: &Context, row: &Row) -> Result<Done> {
    let patch = match patch(context, row).await? {
        Ok(patch) => patch,
        Err(refused) => return Ok(refused),
    };
    loop {
        let locked = match whom(context, row, &patch).await? {
            Whom::Nobody(done) => return Ok(done),
            Whom::Known(contact) => {
                match resolve::lock(context, &row.workspace, &contact.id).await? {
                    Some(locked) => locked,
                    // Deleted at this moment.
                    None => continue,
                }
            }
            Whom::New(Some(identity)) => {
                let made = resolve::find_or_make(context, &row.workspace, &identity).await?;
                if !made.created {
                    continue;
                }
                made
            }
            Whom::New(None) => {
                let line = row.line.to_string();
                let bucket = context.bucket_of(&[&row.workspace, &row.import, &line]);
                resolve::make_in(context, &row.workspace, bucket).await?
            }
        };
        return write(context, row, patch, locked).await;
    }
}

/// What a row would do, without doing it.
pub(crate) async fn look(context: &Context, row: &Row) -> Result<Done> {
    let patch = match patch(context, row).await? {
        Ok(patch) => patch,
        Err(refused) => return Ok(refused),
    };
    Ok(match whom(context, row, &patch).await? {
        Whom::Nobody(done) => done,
        Whom::Known(contact) => Done::of(&contact.id, false),
        Whom::New(_) => Done {
            contact: None,
            ..Done::of("", true)
        },
    })
}

async fn patch(context: &Context, row: &Row) -> Result<std::result::Result<Patch, Done>> {
    let mut fields = row.fields.clone();
    let settings = context.settings(&row.workspace).await?;
    if let Some(Value::String(written)) = fields.get("phone") {
        let phone = with_plus(written);
        fields.insert("phone".to_owned(), phone.into());
    }
    match Patch::read(context, &row.workspace, &Value::Object(fields)).await {
        Ok(patch) => Ok(Ok(patch.with_tags(&row.tags))),
        Err(error) if error.kind == ErrorKind::Invalid => {
            let mut said = error.message;
            if settings.default_country.is_none() && said.contains("phone number") {
                said.push_str(" (the file's numbers need their country code)");
            }
            Ok(Err(Done::failed("invalid-value", said)))
        }
        Err(error) => Err(error),
    }
}

/// A number with a country code and no plus is taken as international; spreadsheets lose the plus.
fn with_plus(written: &str) -> String {
    let plain = written.trim();
    let digits: String = plain.chars().filter(char::is_ascii_digit).collect();
    if plain.starts_with(['+', '0']) || digits.len() < 8 {
        return plain.to_owned();
    }
    let full = format!("+{digits}");
    let none: Option<country::Id> = None;
    match phonenumber::parse(none, &full) {
        Ok(number) if number.is_valid() => full,
        _ => plain.to_owned(),
    }
}

async fn whom(context: &Context, row: &Row, patch: &Patch) -> Result<Whom> {
    let workspace = row.workspace.as_str();
    let identities = patch.identities();
    if row.purpose != Purpose::AddAll {
        let mut known: Vec<Contact> = Vec::new();
        if let Some(id) = &row.id {
            match merge::current(context, workspace, id).await? {
                Some(contact) => known.push(contact),
                None => {
                    let said = format!("there is no contact `{id}` in this workspace");
                    return Ok(Whom::Nobody(Done::failed("not-found", said)));
                }
            }
        }
        for identity in &identities {
            if let Some(contact) = resolve::find(context, workspace, identity).await?
                && known.iter().all(|one| one.id != contact.id)
            {
                known.push(contact);
            }
        }
        if row.id.is_none() && identities.is_empty() {
            let said =
                "the row has neither phone nor mail address nor id: nobody knows whose it is";
            return Ok(Whom::Nobody(Done::failed("no-identifier", said)));
        }
        if known.len() > 1 {
            let ids: Vec<&str> = known.iter().map(|one| one.id.as_str()).collect();
            let said = format!(
                "its addresses belong to several contacts ({}): merge them first",
                ids.join(", ")
            );
            return Ok(Whom::Nobody(Done::failed("address-taken", said)));
        }
        if let Some(contact) = known.pop() {
            return Ok(match row.purpose {
                Purpose::Add => Whom::Nobody(Done::skipped(&contact.id)),
                _ => Whom::Known(contact),
            });
        }
        if row.purpose == Purpose::Update {
            let said = "nobody has this phone or mail address, and the file is only to update";
            return Ok(Whom::Nobody(Done::failed("not-found", said)));
        }
    }
    let named = ["firstname", "name"];
    if !named.iter().any(|name| row.fields.contains_key(*name)) {
        let said = "a new contact needs a first name";
        return Ok(Whom::Nobody(Done::failed("no-firstname", said)));
    }
    let add_all = row.purpose == Purpose::AddAll;
    Ok(Whom::New(
        identities.into_iter().next().filter(|_| !add_all),
    ))
}

async fn write(context: &Context, row: &Row, patch: Patch, mut locked: Locked) -> Result<Done> {
    let bucket = locked.guard.bucket();
    if let Some(done) = already(context, row, bucket).await? {
        return Ok(done);
    }
    let now = context.now();
    let mut events: Vec<NewEvent> = patch.apply(context, &mut locked.document).await?;
    let id = locked.document.row.id.clone();
    let done = Done::of(&id, locked.created);
    if locked.created {
        let channels = context.channels(&row.workspace).await?;
        let shown = locked.document.show(&channels);
        let made = locked
            .document
            .event("contact.created", json!({"contact": shown}), IMPORT);
        events.insert(0, made);
    }
    let mut commit = locked.commit(now);
    for (list, name) in &row.lists {
        if !lists::is_on(context, list, &locked.document.row).await? {
            let member = lists::member(&locked.document.row, list, IMPORT, now);
            lists::put(&mut commit, member, true);
            events.push(lists::updated(&locked.document, name, true, IMPORT));
        }
    }
    if !row.triggers {
        events.clear();
    }
    commit.insert(&done.record(bucket, &row.import, row.pass, row.line));
    let readdressed = patch.touches_address();
    if readdressed {
        resolve::mark(&mut commit, &locked.document.row, now);
    }
    match context.host.accept(&locked.guard, events, commit).await {
        Ok(()) => {}
        // Carried out by somebody else meanwhile.
        Err(AcceptError::Repeated | AcceptError::Commit(CommitError::Exists { .. })) => {
            let found = already(context, row, bucket).await?;
            return found.ok_or_else(|| Error::unavailable("the row is being carried out"));
        }
        Err(error) => return Err(error.into()),
    }
    drop(locked);
    if readdressed {
        resolve::settle(context, &row.workspace, &id).await?;
    }
    Ok(done)
}

async fn already(context: &Context, row: &Row, bucket: i32) -> Result<Option<Done>> {
    let query = Query::<ImportRow>::of(bucket)
        .equal("import", row.import.as_str())
        .equal("pass", row.pass)
        .equal("line", row.line);
    let found = context.store().first(query).await?;
    Ok(found.as_ref().map(Done::read))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_with_its_country_code_may_have_lost_its_plus() {
        for (written, read) in [
            ("33612345678", "+33612345678"),
            ("33 6 12 34 56 78", "+33612345678"),
            ("+33612345678", "+33612345678"),
            ("0612345678", "0612345678"),
            ("0033612345678", "0033612345678"),
            ("12", "12"),
        ] {
            assert_eq!(with_plus(written), read);
        }
    }
}
