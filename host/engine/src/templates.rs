//! HTML templates of a workspace, with a run's variables put in.

use crate::calls::refused;
use crate::domain::Template;
use crate::variables::{self, Scope};
use jackfield_sandbox::wit::CallError;
use serde_json::{Value, json};

/// The values that a plugin gives along with a template.
pub(crate) fn values(text: Option<&str>) -> Result<Option<Value>, CallError> {
    text.map(serde_json::from_str)
        .transpose()
        .map_err(|error| refused("invalid", format!("the values are no JSON: {error}")))
}

/// There is no template of this name.
pub(crate) fn missing(name: &str) -> CallError {
    refused("not-found", format!("there is no template `{name}`"))
}

impl Template {
    /// `{"subject"?, "html", "text"}` with the variables put in, escaped where they land in HTML.
    ///
    /// # Errors
    /// As of `variables`.
    pub fn render(
        &self,
        scope: &dyn Scope,
        unset: variables::Unset,
    ) -> Result<Value, variables::RenderError> {
        let plain = |source: &str| {
            variables::Template::parse(source)
                .render(scope, variables::Escape::None, unset)
                .map(|rendered| rendered.text)
        };
        let html = variables::render_html(&self.html, scope, unset)?.text;
        let text = match &self.text {
            Some(text) => plain(text)?,
            None => variables::html_to_text(&html),
        };
        let mut rendered = json!({"html": html, "text": text});
        if let Some(subject) = &self.subject {
            rendered["subject"] = Value::from(plain(subject)?);
        }
        Ok(rendered)
    }

    /// `render` as the answer to a plugin.
    pub(crate) fn answer(
        &self,
        scope: &dyn Scope,
        unset: variables::Unset,
    ) -> Result<String, CallError> {
        let rendered = self.render(scope, unset).map_err(|error| {
            let code = match error {
                variables::RenderError::Unset { .. } => "unset-variable",
                variables::RenderError::TooLong { .. } => "too-large",
            };
            refused(code, error.to_string())
        })?;
        Ok(rendered.to_string())
    }
}
