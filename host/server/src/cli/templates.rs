//! The templates of workflows: whole documents to begin with, which say where something of one's own
//! goes in. They are part of the program, so that a first workflow needs neither host nor network.
//!
//! What must hold: every one of them reads as a document; a place that is to be filled in begins
//! with `FILL-IN` and is all that keeps it from being published where the built-in plugins are.
//! `tests/tests/workflow_templates.rs` publishes each.

use super::exit::Failure;
use jackfield_engine::document::{Document, is_name};

macro_rules! templates {
    ($($name:literal),* $(,)?) => {
        const ALL: &[(&str, &str)] = &[
            $(($name, include_str!(concat!("../../templates/", $name, ".yaml")))),*
        ];
    };
}

templates![
    "ads-routing",
    "assign-least-open",
    "assign-round-robin",
    "assign-round-robin-online",
    "away-message",
    "broadcast-response",
    "chat-menu",
    "collect-contact-details",
    "collect-with-ai",
    "csat-to-sheet",
    "issue-escalation",
    "keyword-to-list",
    "language-routing",
    "missed-call-text-back",
    "sales-call-report",
    "survey-after-call",
    "unassign-after-close",
    "unsubscribe",
    "welcome-ask-email",
    "welcome-message",
];

/// The names of all templates, in order.
pub(crate) fn names() -> impl Iterator<Item = &'static str> {
    ALL.iter().map(|(name, _)| *name)
}

/// Each template's name, and what it is for.
pub(crate) fn list() -> impl Iterator<Item = (&'static str, String)> {
    ALL.iter().map(|(name, source)| {
        let document = Document::parse(source).ok();
        let title = document.and_then(|document| document.title);
        (*name, title.unwrap_or_default())
    })
}

/// A template's document, under a name of its own if one is given.
///
/// # Errors
/// `Usage` for a name that no workflow can have, or no template has.
pub(crate) fn document(template: &str, name: Option<&str>) -> Result<String, Failure> {
    let found = ALL.iter().find(|(known, _)| *known == template);
    let (known, source) =
        found.ok_or_else(|| Failure::Usage(format!("there is no template `{template}`")))?;
    let Some(name) = name else {
        return Ok((*source).to_owned());
    };
    if !is_name(name) {
        let said = "a workflow's name is lower-case words with hyphens, at most 64 characters";
        return Err(Failure::Usage(format!("`{name}`: {said}")));
    }
    Ok(source.replacen(&format!("name: {known}\n"), &format!("name: {name}\n"), 1))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn every_template_reads_as_a_document_of_its_name_and_says_what_it_is_for() {
        for (name, source) in ALL {
            let document =
                Document::parse(source).unwrap_or_else(|found| panic!("{name}: {found:#?}"));
            assert_eq!(document.name, *name);
            assert!(document.title.is_some(), "{name} has no title");
            assert!(source.starts_with("# "), "{name} does not say what it does");
        }
        let sorted: Vec<&str> = names().collect();
        assert!(sorted.is_sorted(), "{sorted:?}");
    }

    #[test]
    fn a_template_takes_another_name() {
        let named = document("away-message", Some("closed-now")).unwrap();
        assert_eq!(Document::parse(&named).unwrap().name, "closed-now");
        assert!(document("away-message", Some("Closed now")).is_err());
        assert!(document("away", None).is_err());
    }
}
