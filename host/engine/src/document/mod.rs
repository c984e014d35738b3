//! Workflow documents: what people write, YAML and JSON alike, and what is checked before it runs.
//!
//! Two stages, because they know different things. [`Document::parse`] needs the text alone: form,
//! names, conditions, targets. [`Document::check`] also needs the workspace, through [`Catalogue`]:
//! which plugins there are, what their settings look like, which channels and templates exist. Both
//! collect every [`Problem`] with line and column and what was probably meant; the command line, the
//! API and the console show the same list.
//!
//! What must hold: reading takes bounded time and memory whatever the text is ([`source`]); a
//! document that was parsed has no dangling target and no duplicate step; one that was checked
//! without errors has no unreachable step and no loop without a bound; writing a document as JSON
//! and reading it gives the same document.

pub mod catalogue;
mod check;
pub mod descriptor;
pub mod events;
pub(crate) mod fits;
mod graph;
pub mod model;
pub mod problem;
mod read;
mod references;
mod settings;
pub mod source;
pub mod trigger;
mod write;

pub use catalogue::{Catalogue, Published};
pub use descriptor::{Branch, FailureCode, Otherwise, StepDescriptor};
pub use events::MANUAL;
pub use graph::Target;
pub use model::{Accounts, Document, ExitOn, Goto, Once, Retry, Step, Trigger, Uses};
pub use problem::{Problem, Severity, any_error};
pub use trigger::{Own, Received, Schedule, Shortcut, Webhook};

/// The published JSON Schema (2020-12) of a workflow document.
pub const SCHEMA: &str = include_str!("../../schema/workflow.schema.json");

/// Most steps in a workflow.
pub const MAX_STEPS: usize = 100;
/// Most triggers of a workflow.
pub const MAX_TRIGGERS: usize = 10;
/// Longest name of a workflow, a step or a branch.
pub const MAX_NAME: usize = 64;

/// Whether a text is a name: lower-case words with hyphens between them, starting with a letter.
#[must_use]
pub fn is_name(text: &str) -> bool {
    text.len() <= MAX_NAME
        && text.starts_with(|c: char| c.is_ascii_lowercase())
        && text.split('-').all(|word| {
            !word.is_empty()
                && word
                    .bytes()
                    .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
        })
}

/// The nearest name to a text that is none: `Send SMS` → `send-sms`.
fn to_name(text: &str) -> Option<String> {
    let words: Vec<String> = text
        .split(|c: char| !c.is_ascii_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_ascii_lowercase)
        .collect();
    let name = words.join("-");
    is_name(&name).then_some(name)
}

#[cfg(test)]
mod tests;
