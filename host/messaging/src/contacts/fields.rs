//! Custom fields: what contacts of a workspace have beside the standard ones.

use super::Contacts;
use super::document::is_free;
use super::value::FieldKind;
use crate::error::{Error, Problem, Result};
use jackfield_store::Commit;
use jackfield_store::records::ContactField;
use serde::{Deserialize, Serialize};

/// The longest title, in characters.
const LONGEST: usize = 50;

/// A custom field as a caller defines it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewField {
    /// The slug, as in `$contact.city`: lower-case letters, digits and `_`.
    pub name: String,
    /// For people; the slug where left out.
    #[serde(default)]
    pub title: Option<String>,
    /// The type.
    pub kind: FieldKind,
    /// What a list may hold.
    #[serde(default)]
    pub options: Vec<String>,
}

impl NewField {
    fn problems(&self) -> Vec<Problem> {
        let mut found = Vec::new();
        let slug = self.name.len() <= 64
            && self.name.starts_with(|one: char| one.is_ascii_lowercase())
            && self
                .name
                .bytes()
                .all(|one| one.is_ascii_lowercase() || one.is_ascii_digit() || one == b'_');
        if !slug {
            found.push(Problem::new(
                "name",
                "lower-case letters, digits and `_`, such as `city`",
            ));
        } else if !is_free(&self.name) {
            let said = format!("`{}` is a standard field: choose another name", self.name);
            found.push(Problem::new("name", said));
        }
        if self
            .title
            .as_ref()
            .is_some_and(|title| title.chars().count() > LONGEST)
        {
            found.push(Problem::new("title", "at most 50 characters"));
        }
        if self.kind == FieldKind::List && self.options.is_empty() {
            found.push(Problem::new(
                "options",
                "a list needs the values that it may hold",
            ));
        }
        if self.kind != FieldKind::List && !self.options.is_empty() {
            found.push(Problem::new("options", "only a list has options"));
        }
        found
    }
}

impl Contacts {
    /// The custom fields of a workspace, by name.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn fields(&self, workspace: &str) -> Result<Vec<ContactField>> {
        Ok(self.context.fields(workspace).await?.to_vec())
    }

    /// Defines a custom field, or changes its title and options. Its type stays as it is: values
    /// are stored in it.
    ///
    /// # Errors
    /// `invalid`; `conflict` where it has another type.
    pub async fn put_field(&self, workspace: &str, field: &NewField) -> Result<ContactField> {
        let problems = field.problems();
        if !problems.is_empty() {
            return Err(Error::problems("invalid-field", problems));
        }
        let known = self.context.fields(workspace).await?;
        let old = known.iter().find(|one| one.name == field.name);
        if let Some(old) = old.filter(|old| old.kind != field.kind.name()) {
            return Err(Error::conflict(
                "field-type",
                format!(
                    "`{}` is a {} and stays one: delete it first, or choose another name",
                    old.name, old.kind
                ),
            ));
        }
        let row = ContactField {
            workspace: workspace.to_owned(),
            name: field.name.clone(),
            title: field.title.clone().unwrap_or_else(|| field.name.clone()),
            kind: field.kind.name().to_owned(),
            options: field.options.clone().into(),
            created_at: old.map_or_else(|| self.context.now(), |old| old.created_at),
        };
        let mut commit = Commit::control();
        commit.put(&row);
        self.context.store().commit(commit).await?;
        self.context.forget();
        Ok(row)
    }

    /// Removes the definition of a custom field. Values that contacts have stay where they are.
    ///
    /// # Errors
    /// `not-found`.
    pub async fn delete_field(&self, workspace: &str, name: &str) -> Result<()> {
        if !self
            .context
            .fields(workspace)
            .await?
            .iter()
            .any(|one| one.name == name)
        {
            let said = format!("there is no custom field `{name}`");
            return Err(Error::not_found("no-field", said));
        }
        let mut commit = Commit::control();
        commit.delete::<ContactField>([workspace.into(), name.into()]);
        self.context.store().commit(commit).await?;
        self.context.forget();
        Ok(())
    }
}
