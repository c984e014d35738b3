//! HTML templates of a workspace: kept here, rendered by the engine.

use crate::context::Context;
use crate::error::{Error, Problem, Result};
use crate::secrets::is_slug;
use jackfield_store::records::Template as Row;
use jackfield_store::{Commit, Query, StoreExt};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// The longest source, in bytes.
const LONGEST: usize = 512 * 1024;

/// A template's sources, with variables such as `$contact.firstname`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TemplateSource {
    /// For mails.
    #[serde(default)]
    pub subject: Option<String>,
    /// HTML.
    pub html: String,
    /// Plain text; none is made from the HTML.
    #[serde(default)]
    pub text: Option<String>,
}

/// The templates of all workspaces.
#[derive(Clone)]
pub struct Templates {
    context: Arc<Context>,
}

impl Templates {
    pub(crate) fn new(context: Arc<Context>) -> Templates {
        Templates { context }
    }

    /// Makes or replaces a template.
    ///
    /// # Errors
    /// `invalid`.
    pub async fn put(&self, workspace: &str, name: &str, source: TemplateSource) -> Result<Row> {
        let mut problems = Vec::new();
        if !is_slug(name) {
            problems.push(Problem::new(
                "name",
                "a template's name is lower-case words with hyphens",
            ));
        }
        let parts = [
            ("html", Some(&source.html)),
            ("text", source.text.as_ref()),
            ("subject", source.subject.as_ref()),
        ];
        for (field, text) in parts {
            if text.is_some_and(|text| text.len() > LONGEST) {
                problems.push(Problem::new(field, "at most 524,288 bytes"));
            }
        }
        if !problems.is_empty() {
            return Err(Error::problems("invalid-template", problems));
        }
        let row = Row {
            workspace: workspace.to_owned(),
            name: name.to_owned(),
            subject: source.subject,
            html: source.html,
            text: source.text,
            updated_at: self.context.now(),
        };
        let mut commit = Commit::control();
        commit.put(&row);
        self.context.store().commit(commit).await?;
        Ok(row)
    }

    /// A template.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn get(&self, workspace: &str, name: &str) -> Result<Option<Row>> {
        let query = Query::<Row>::all()
            .equal("workspace", workspace)
            .equal("name", name);
        Ok(self.context.store().first(query).await?)
    }

    /// All templates, by name.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn list(&self, workspace: &str) -> Result<Vec<Row>> {
        let query = Query::<Row>::all()
            .equal("workspace", workspace)
            .ascending("name");
        Ok(self.context.store().find(query).await?)
    }

    /// Removes a template.
    ///
    /// # Errors
    /// `not-found`.
    pub async fn delete(&self, workspace: &str, name: &str) -> Result<()> {
        if self.get(workspace, name).await?.is_none() {
            return Err(Error::not_found(
                "no-template",
                format!("there is no template `{name}`"),
            ));
        }
        let mut commit = Commit::control();
        commit.delete::<Row>([workspace.into(), name.into()]);
        self.context.store().commit(commit).await?;
        Ok(())
    }
}
