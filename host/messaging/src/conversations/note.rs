//! Closing notes: the category and the summary that a conversation is closed with, and what the
//! workspace wants of them.

use crate::error::{Error, Problem, Result};
use crate::settings::{ClosingNotes, NoteMode};
use serde::{Deserialize, Serialize};

/// The longest summary, in characters.
const LONGEST_SUMMARY: usize = 2_000;
/// The longest category, in characters.
pub(crate) const LONGEST_CATEGORY: usize = 100;

/// What a conversation is closed with.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Note {
    /// One of the workspace's categories, where it has any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub category: Option<String>,
    /// For people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub summary: Option<String>,
}

/// Who closes: what is mandatory for people is so for automation where the workspace says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Closer {
    Person,
    Automation,
}

impl Note {
    /// The note in the form that is kept: empty texts are none.
    ///
    /// # Errors
    /// `invalid` with each part that is wrong or missing.
    pub(crate) fn checked(self, wanted: &ClosingNotes, closer: Closer) -> Result<Note> {
        let filled = |text: Option<String>| {
            let text = text?.trim().to_owned();
            (!text.is_empty()).then_some(text)
        };
        let note = Note {
            category: filled(self.category),
            summary: filled(self.summary),
        };
        let mut problems = Vec::new();
        if let Some(category) = &note.category {
            let known = wanted.categories.iter().any(|one| one.name == *category);
            if !wanted.categories.is_empty() && !known {
                let names: Vec<&str> = wanted
                    .categories
                    .iter()
                    .map(|one| one.name.as_str())
                    .collect();
                problems.push(Problem::new(
                    "category",
                    format!(
                        "there is no category `{category}`; there are: {}",
                        names.join(", ")
                    ),
                ));
            } else if category.chars().count() > LONGEST_CATEGORY {
                problems.push(Problem::new(
                    "category",
                    format!("at most {LONGEST_CATEGORY} characters"),
                ));
            }
        }
        if let Some(summary) = &note.summary
            && summary.chars().count() > LONGEST_SUMMARY
        {
            problems.push(Problem::new(
                "summary",
                format!("at most {LONGEST_SUMMARY} characters"),
            ));
        }
        if wanted.mode == NoteMode::Disabled && note != Note::default() {
            problems.push(Problem::new(
                "category",
                "this workspace closes conversations without notes",
            ));
        }
        if closer == Closer::Person || wanted.apply_to_automation {
            let mandatory = [
                (
                    "category",
                    &note.category,
                    matches!(
                        wanted.mode,
                        NoteMode::Category | NoteMode::CategoryAndSummary
                    ),
                ),
                (
                    "summary",
                    &note.summary,
                    wanted.mode == NoteMode::CategoryAndSummary,
                ),
            ];
            for (part, value, mandatory) in mandatory {
                if mandatory && value.is_none() {
                    problems.push(Problem::new(
                        part,
                        format!("this workspace wants a {part} when a conversation is closed"),
                    ));
                }
            }
        }
        if problems.is_empty() {
            Ok(note)
        } else {
            Err(Error::problems("invalid", problems))
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::settings::NoteCategory;

    fn wanted(mode: NoteMode) -> ClosingNotes {
        ClosingNotes {
            mode,
            categories: vec![NoteCategory {
                name: "solved".to_owned(),
                description: None,
            }],
            apply_to_automation: false,
        }
    }

    fn note(category: &str, summary: &str) -> Note {
        Note {
            category: Some(category.to_owned()),
            summary: Some(summary.to_owned()),
        }
    }

    #[test]
    fn people_give_what_the_mode_wants_and_automation_where_it_is_told_to() {
        for (mode, empty, category_alone) in [
            (NoteMode::Optional, true, true),
            (NoteMode::Category, false, true),
            (NoteMode::CategoryAndSummary, false, false),
            (NoteMode::Disabled, true, false),
        ] {
            let mut wanted = wanted(mode);
            let closed =
                |note: Note, wanted: &ClosingNotes, closer| note.checked(wanted, closer).is_ok();
            assert_eq!(
                closed(note(" ", ""), &wanted, Closer::Person),
                empty,
                "{mode:?}"
            );
            assert_eq!(
                closed(note("solved", ""), &wanted, Closer::Person),
                category_alone,
                "{mode:?}"
            );
            assert!(closed(Note::default(), &wanted, Closer::Automation));
            wanted.apply_to_automation = true;
            assert_eq!(
                closed(Note::default(), &wanted, Closer::Automation),
                empty,
                "{mode:?}"
            );
        }
    }

    #[test]
    fn a_category_is_one_of_the_workspaces_and_a_summary_has_a_bound() {
        let mut wanted = wanted(NoteMode::Optional);
        let said = note("lost", "")
            .checked(&wanted, Closer::Person)
            .unwrap_err();
        assert!(said.to_string().contains("there are: solved"), "{said}");
        let long = "s".repeat(LONGEST_SUMMARY);
        assert!(
            note("solved", &long)
                .checked(&wanted, Closer::Person)
                .is_ok()
        );
        let longer = note("solved", &format!("{long}s"));
        assert!(longer.checked(&wanted, Closer::Person).is_err());
        wanted.categories.clear();
        assert!(note("lost", "").checked(&wanted, Closer::Person).is_ok());
    }
}
