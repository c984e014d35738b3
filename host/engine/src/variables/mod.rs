//! Variables: what stands as `$contact.firstname` in settings, conditions and templates.
//!
//! One syntax for the whole product ([`template`]), one way to look values up ([`Scope`]), and one
//! place where it is decided how a value enters a text: as it is, escaped for HTML, encoded for a
//! URL, or escaped for JSON ([`Escape`]). What decides is the JSON Schema of the setting
//! ([`substitute()`]), so that a plugin's author states it once and nobody escapes by hand.
//!
//! What must hold: a value is never read as a template again, an escaped value cannot leave its
//! place, and a text cannot grow past a bound.

mod annotations;
pub mod html;
pub mod scope;
pub mod snippet;
pub mod substitute;
pub mod template;
mod text;

pub use html::{html_to_text, render_html};
pub use scope::{Scope, ValueScope, lookup};
pub use snippet::{
    FILE, Files, SNIPPET, Snippet, Snippets, WithSnippets, names_file, names_snippet, snippets_in,
};
pub(crate) use substitute::holds_variable;
pub use substitute::{Substitution, substitute, templates_in};
pub(crate) use substitute::{noted_of, said_of};
pub use template::{Escape, MAX_OUTPUT, RenderError, Rendered, Template, Unset, Variable, Warning};
pub use text::as_text;

#[cfg(test)]
mod tests;
