//! HTML templates of a workspace, with a run's variables put in.

use crate::domain::Template;
use crate::variables::{self, Scope};
use serde_json::{Value, json};

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
}
