//! What a caller wants changed of a contact, read and checked before anything is locked.

use super::address::Identity;
use super::document::{Document, clean_tags, field_type};
use super::resolve;
use super::value::Operation;
use crate::context::Context;
use crate::error::{Error, Problem, Result};
use jackfield_engine::NewEvent;
use serde_json::Value;

/// Changes of one contact.
#[derive(Debug, Clone, Default)]
pub(crate) struct Patch {
    workspace: String,
    /// Fields with their new values, in the form of their types; null clears.
    fields: Vec<(String, Value)>,
    add: Vec<String>,
    remove: Vec<String>,
    /// The whole set of tags.
    tags: Option<Vec<String>>,
    blocked: Option<bool>,
}

impl Patch {
    fn of(workspace: &str) -> Patch {
        Patch {
            workspace: workspace.to_owned(),
            ..Patch::default()
        }
    }

    /// Tags that come and go, clean already.
    pub(crate) fn tags(workspace: &str, add: Vec<String>, remove: Vec<String>) -> Patch {
        Patch {
            add,
            remove,
            ..Patch::of(workspace)
        }
    }

    /// The same with tags that are added.
    #[must_use]
    pub(crate) fn with_tags(mut self, add: &[String]) -> Patch {
        self.add.extend_from_slice(add);
        self
    }

    /// Reads a merge patch.
    ///
    /// # Errors
    /// Every field that is unknown or does not fit.
    pub(crate) async fn read(context: &Context, workspace: &str, patch: &Value) -> Result<Patch> {
        let Value::Object(given) = patch else {
            return Err(Error::invalid(
                "invalid-contact",
                "a contact is a JSON object of fields",
            ));
        };
        let definitions = context.fields(workspace).await?;
        let settings = context.settings(workspace).await?;
        let country = settings.default_country.as_deref();
        let mut read = Patch::of(workspace);
        let mut problems = Vec::new();
        for (name, value) in given {
            match name.as_str() {
                "id" | "created_at" => {}
                "name" => read.name(value.as_str().unwrap_or_default(), given),
                "blocked" => match value.as_bool() {
                    Some(blocked) => read.blocked = Some(blocked),
                    None => problems.push(Problem::new("blocked", "`true` or `false`")),
                },
                "tags" => match tags(value) {
                    Ok(tags) => read.tags = Some(tags),
                    Err(said) => problems.push(Problem::new("tags", said)),
                },
                _ => {
                    let stored = field_type(name, &definitions)
                        .map_err(|error| error.message().to_owned())
                        .and_then(|kind| kind.operate(None, Operation::Set, value, country));
                    match stored {
                        Ok(stored) => read.fields.push((name.clone(), stored.unwrap_or_default())),
                        Err(said) => problems.push(Problem::new(name, said)),
                    }
                }
            }
        }
        if problems.is_empty() {
            Ok(read)
        } else {
            Err(Error::problems("invalid-contact", problems))
        }
    }

    /// A whole name goes into first and last name, where those are not given beside it.
    fn name(&mut self, name: &str, given: &serde_json::Map<String, Value>) {
        if given.contains_key("firstname") || given.contains_key("lastname") {
            return;
        }
        let (first, last) = name.trim().split_once(' ').unwrap_or((name.trim(), ""));
        self.fields.push(("firstname".to_owned(), first.into()));
        self.fields
            .push(("lastname".to_owned(), last.trim().into()));
    }

    /// The addresses that the contact is to have.
    pub(crate) fn identities(&self) -> Vec<Identity> {
        let value = |wanted: &str| {
            let found = self.fields.iter().find(|(name, _)| name == wanted);
            found
                .and_then(|(_, value)| value.as_str())
                .map(str::to_owned)
        };
        let mut all = Vec::new();
        all.extend(value("phone").map(Identity::phone));
        all.extend(value("email").map(Identity::email));
        all
    }

    /// A contact that is made for an address has that address, unless the patch says another.
    pub(crate) fn start_with(&mut self, identity: &Identity) {
        let field = identity.kind.as_str();
        if (field == "phone" || field == "email")
            && !self.fields.iter().any(|(name, _)| name == field)
        {
            self.fields
                .insert(0, (field.to_owned(), identity.value.clone().into()));
        }
    }

    pub(crate) fn touches_address(&self) -> bool {
        self.fields
            .iter()
            .any(|(name, _)| name == "phone" || name == "email")
    }

    pub(crate) fn touches_block(&self) -> bool {
        self.blocked.is_some()
    }

    /// Refuses an address that another contact has.
    pub(crate) async fn refuse_taken(&self, context: &Context, own: Option<&str>) -> Result<()> {
        for identity in self.identities() {
            let other = resolve::find(context, &self.workspace, &identity).await?;
            if let Some(other) = other.filter(|other| Some(other.id.as_str()) != own) {
                return Err(super::taken(&other.id));
            }
        }
        Ok(())
    }

    /// Makes the changes; answers with the events that they raise.
    pub(crate) async fn apply(
        &self,
        context: &Context,
        document: &mut Document,
    ) -> Result<Vec<NewEvent>> {
        let definitions = context.fields(&self.workspace).await?;
        let mut events = Vec::new();
        for (name, value) in &self.fields {
            let change = document
                .change(&definitions, None, name, Operation::Set, value)
                .map_err(|error| {
                    Error::problems("invalid-contact", vec![Problem::new(name, error.message())])
                })?;
            if let Some(change) = change {
                events.extend(document.changed(&change, "api"));
            }
        }
        let mut remove = self.remove.clone();
        let mut add = self.add.clone();
        if let Some(whole) = &self.tags {
            remove.extend(
                document
                    .tags()
                    .into_iter()
                    .filter(|tag| !whole.contains(tag)),
            );
            add.extend(whole.iter().cloned());
        }
        for (tag, added) in document.retag(&add, &remove) {
            events.push(document.tagged(&tag, added, "api"));
        }
        if let Some(blocked) = self.blocked {
            document.put("blocked", Some(blocked.into()));
        }
        Ok(events)
    }
}

fn tags(value: &Value) -> Result<Vec<String>, String> {
    let all = value.as_array().ok_or("a list of tags")?;
    let texts: Option<Vec<String>> = all
        .iter()
        .map(|tag| tag.as_str().map(str::to_owned))
        .collect();
    clean_tags(&texts.ok_or("every tag is a text")?)
}
