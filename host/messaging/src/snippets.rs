//! Snippets of a workspace: texts that are kept once and put into others, `${snippet.NAME}`.
//!
//! The engine reads them where a text is put together; here they are kept. What must hold: a snippet
//! puts no other in, and one that a template puts in stays. (That workflows need one is asked of
//! the engine by whoever deletes it.)

use crate::context::Context;
use crate::error::{Error, Problem, Result};
use crate::secrets::is_slug;
use jackfield_engine::variables::{Template, names_snippet, snippet, snippets_in};
use jackfield_store::records::{Snippet as Row, Template as TemplateRow};
use jackfield_store::{Commit, Query, StoreExt};
use serde::Serialize;
use serde_json::Value;
use std::sync::Arc;

/// The most snippets of a workspace.
const MOST: usize = 500;
/// The longest text, in bytes.
const LONGEST: usize = 8 * 1024;
/// The longest topic, in characters.
const LONGEST_TOPIC: usize = 100;
/// The most attachments of one.
const MOST_ATTACHMENTS: usize = 10;
/// The longest address of an attachment, in bytes.
const LONGEST_ADDRESS: usize = 2_048;

/// A snippet as the API shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SnippetView {
    /// Lower-case words with hyphens.
    pub name: String,
    /// What it is about.
    pub topic: Option<String>,
    /// With variables.
    pub text: String,
    /// Addresses on the web.
    pub attachments: Vec<String>,
    /// Milliseconds since 1970.
    pub created_at: i64,
    /// Milliseconds since 1970.
    pub updated_at: i64,
}

impl From<Row> for SnippetView {
    fn from(row: Row) -> SnippetView {
        let attachments = row.attachments.as_array().into_iter().flatten();
        let attachments = attachments.filter_map(Value::as_str).map(str::to_owned);
        SnippetView {
            attachments: attachments.collect(),
            name: row.name,
            topic: row.topic,
            text: row.text,
            created_at: row.created_at,
            updated_at: row.updated_at,
        }
    }
}

/// What a snippet is to be.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NewSnippet {
    /// What it is about, for people.
    pub topic: Option<String>,
    /// With variables.
    pub text: String,
    /// Addresses on the web.
    pub attachments: Vec<String>,
}

impl NewSnippet {
    fn problems(&self, name: &str) -> Vec<Problem> {
        let mut problems = Vec::new();
        if !is_slug(name) {
            problems.push(Problem::new(
                "name",
                "lower-case words with hyphens, such as `opening-hours`",
            ));
        }
        let long = |topic: &String| topic.chars().count() > LONGEST_TOPIC;
        if self.topic.as_ref().is_some_and(long) {
            let said = format!("at most {LONGEST_TOPIC} characters");
            problems.push(Problem::new("topic", said));
        }
        if self.text.trim().is_empty() || self.text.len() > LONGEST {
            problems.push(Problem::new("text", "1 to 8,192 bytes"));
        }
        if let Some(inner) = snippets_in(&self.text).first() {
            problems.push(Problem::new(
                "text",
                format!("a snippet puts no other one in: write out what `{inner}` says"),
            ));
        }
        if let Some(doubtful) = Template::parse(&self.text).doubtful().first() {
            problems.push(Problem::new(
                "text",
                format!(
                    "`{doubtful}` is no variable: write namespace and name, as in \
                     `${{contact.firstname}}`, or `$$` for a dollar sign"
                ),
            ));
        }
        if self.attachments.len() > MOST_ATTACHMENTS {
            let said = format!("at most {MOST_ATTACHMENTS}");
            problems.push(Problem::new("attachments", said));
        }
        for (index, address) in self.attachments.iter().enumerate() {
            let web = url::Url::parse(address)
                .is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
            if !web || address.len() > LONGEST_ADDRESS {
                problems.push(Problem::new(
                    format!("attachments/{index}"),
                    "an address on the web of at most 2,048 bytes, such as `https://example.com/map.pdf`",
                ));
            }
        }
        problems
    }
}

/// The snippets of all workspaces.
#[derive(Clone)]
pub struct Snippets {
    context: Arc<Context>,
}

impl Snippets {
    pub(crate) fn new(context: Arc<Context>) -> Snippets {
        Snippets { context }
    }

    /// Every snippet of a workspace, by name.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn all(&self, workspace: &str) -> Result<Vec<SnippetView>> {
        let rows = rows(&self.context, workspace).await?;
        Ok(rows.into_iter().map(SnippetView::from).collect())
    }

    /// A snippet by its name.
    ///
    /// # Errors
    /// `not-found`.
    pub async fn get(&self, workspace: &str, name: &str) -> Result<SnippetView> {
        let query = Query::<Row>::all()
            .equal("workspace", workspace)
            .equal("name", name);
        let row = self.context.store().first(query).await?;
        let row = row.ok_or_else(|| {
            Error::not_found("no-snippet", format!("there is no snippet `{name}`"))
        })?;
        Ok(row.into())
    }

    /// What variables see of a workspace's snippets.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn in_texts(&self, workspace: &str) -> Result<jackfield_engine::variables::Snippets> {
        self.context.snippets(workspace).await
    }

    /// Makes or replaces a snippet. Answers whether it was made.
    ///
    /// # Errors
    /// `invalid`; `conflict` where the workspace has 500 snippets.
    pub async fn put(
        &self,
        workspace: &str,
        name: &str,
        new: NewSnippet,
    ) -> Result<(SnippetView, bool)> {
        let problems = new.problems(name);
        if !problems.is_empty() {
            return Err(Error::problems("invalid-snippet", problems));
        }
        let context = &*self.context;
        let known = rows(context, workspace).await?;
        let old = known.iter().find(|one| one.name == name);
        if old.is_none() && known.len() >= MOST {
            return Err(Error::conflict(
                "too-many-snippets",
                format!("a workspace has at most {MOST} snippets: delete one first"),
            ));
        }
        let now = context.now();
        let row = Row {
            workspace: workspace.to_owned(),
            name: name.to_owned(),
            topic: new.topic,
            text: new.text,
            attachments: new.attachments.into(),
            created_at: old.map_or(now, |old| old.created_at),
            updated_at: now,
        };
        let mut commit = Commit::control();
        commit.put(&row);
        context.store().commit(commit).await?;
        context.forget();
        Ok((row.into(), old.is_none()))
    }

    /// Deletes a snippet.
    ///
    /// # Errors
    /// `not-found`; `conflict` where a template puts it in.
    pub async fn delete(&self, workspace: &str, name: &str) -> Result<()> {
        self.get(workspace, name).await?;
        let context = &*self.context;
        let query = Query::<TemplateRow>::all()
            .equal("workspace", workspace)
            .ascending("name");
        let templates = context.store().find(query).await?;
        let needs = templates.iter().find(|one| {
            let texts = [Some(&one.html), one.subject.as_ref(), one.text.as_ref()];
            let mut texts = texts.into_iter().flatten();
            texts.any(|text| names_snippet(text, name))
        });
        if let Some(template) = needs {
            return Err(Error::conflict(
                "snippet-in-use",
                format!(
                    "the template `{}` puts the snippet `{name}` in: change it first",
                    template.name
                ),
            ));
        }
        let mut commit = Commit::control();
        commit.delete::<Row>([workspace.into(), name.into()]);
        context.store().commit(commit).await?;
        context.forget();
        Ok(())
    }
}

/// The snippets as the database has them now.
pub(crate) async fn rows(context: &Context, workspace: &str) -> Result<Vec<Row>> {
    let query = Query::<Row>::all()
        .equal("workspace", workspace)
        .ascending("name");
    Ok(context.store().find(query).await?)
}

impl Context {
    /// What variables see of a workspace's snippets.
    pub(crate) async fn snippets(
        &self,
        workspace: &str,
    ) -> Result<jackfield_engine::variables::Snippets> {
        if let Some(found) = self.snippets.get(workspace, self.now()) {
            return Ok(found);
        }
        let ticket = self.snippets.ticket();
        let all = snippet::of_rows(rows(self, workspace).await?);
        self.snippets
            .put(workspace, Arc::clone(&all), self.copy_until(), ticket);
        Ok(all)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrong(name: &str, change: impl FnOnce(&mut NewSnippet)) -> Vec<String> {
        let mut new = NewSnippet {
            topic: Some("Hours".to_owned()),
            text: "We are open, $contact.firstname".to_owned(),
            attachments: vec!["https://example.com/map.pdf".to_owned()],
        };
        change(&mut new);
        let problems = new.problems(name).into_iter();
        problems.map(|problem| problem.field).collect()
    }

    #[test]
    fn limits_are_kept_at_below_and_above() {
        let none: [&str; 0] = [];
        assert_eq!(wrong("opening-hours", |_| ()), none);
        assert_eq!(wrong("Hours", |_| ()), ["name"]);
        assert_eq!(wrong("a", |new| new.text = "x".repeat(LONGEST)), none);
        assert_eq!(
            wrong("a", |new| new.text = "x".repeat(LONGEST + 1)),
            ["text"]
        );
        assert_eq!(wrong("a", |new| new.text = " \n".to_owned()), ["text"]);
        let topic = |length: usize| wrong("a", |new| new.topic = Some("é".repeat(length)));
        assert_eq!(topic(LONGEST_TOPIC), none);
        assert_eq!(topic(LONGEST_TOPIC + 1), ["topic"]);
        let files = |count: usize| {
            let file = "https://example.com/map.pdf".to_owned();
            wrong("a", |new| new.attachments = vec![file; count])
        };
        assert_eq!(files(MOST_ATTACHMENTS), none);
        assert_eq!(files(MOST_ATTACHMENTS + 1), ["attachments"]);
        let address = |length: usize| {
            let start = "https://example.com/";
            let address = start.to_owned() + &"x".repeat(length - start.len());
            wrong("a", |new| new.attachments = vec![address])
        };
        assert_eq!(address(LONGEST_ADDRESS), none);
        assert_eq!(address(LONGEST_ADDRESS + 1), ["attachments/0"]);
    }

    #[test]
    fn what_no_snippet_can_hold_is_refused() {
        let text = |text: &str| wrong("a", |new| new.text = text.to_owned());
        assert_eq!(text("a ${snippet.b} c"), ["text"]);
        assert_eq!(text("a $snippet.b"), ["text"]);
        assert_eq!(text("a ${name} c"), ["text"]);
        assert!(text("a $$snippet.b, $5").is_empty());
        for address in [
            "map.pdf",
            "ftp://example.com/a",
            "javascript:alert(1)",
            "https://",
            "",
        ] {
            let found = wrong("a", |new| new.attachments = vec![address.to_owned()]);
            assert_eq!(found, ["attachments/0"], "{address}");
        }
    }
}
