//! What need not be worked out again for every run of a version: settings that hold no variable, and
//! conditions that were asked before.
//!
//! What must hold: a text found here is the one that would have been made; how much is kept is
//! bounded, because plugins may make up conditions as they like.

use crate::conditions::Condition;
use crate::document::Document;
use crate::variables;
use serde_json::Value;
use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

/// So many conditions are kept.
const CONDITIONS: usize = 256;
/// The longest condition that is kept, in bytes.
const LONGEST: usize = 4 << 10;

/// Of one version of a workflow.
#[derive(Debug)]
pub(crate) struct Prepared {
    settings: HashMap<String, Box<str>>,
    conditions: RwLock<HashMap<Box<str>, Arc<Condition>>>,
}

impl Prepared {
    pub(crate) fn of(document: &Document) -> Prepared {
        let constant = document
            .steps
            .iter()
            .filter(|step| !variables::holds_variable(&step.with));
        Prepared {
            settings: constant
                .map(|step| (step.id.clone(), step.with.to_string().into()))
                .collect(),
            conditions: RwLock::default(),
        }
    }

    /// The settings of a step as JSON, where no variable is put into them.
    pub(crate) fn settings(&self, step: &str) -> Option<&str> {
        self.settings.get(step).map(AsRef::as_ref)
    }

    /// The condition that a text of JSON means.
    ///
    /// # Errors
    /// Why it means none.
    pub(crate) fn condition(&self, text: &str) -> Result<Arc<Condition>, String> {
        let held = self
            .conditions
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(condition) = held.get(text) {
            return Ok(condition.clone());
        }
        drop(held);
        let condition = Arc::new(parse(text)?);
        if text.len() <= LONGEST {
            let mut held = self
                .conditions
                .write()
                .unwrap_or_else(PoisonError::into_inner);
            if held.len() < CONDITIONS {
                held.insert(text.into(), condition.clone());
            }
        }
        Ok(condition)
    }
}

/// The condition that a text of JSON means.
pub(crate) fn parse(text: &str) -> Result<Condition, String> {
    let value: Value =
        serde_json::from_str(text).map_err(|error| format!("the condition is no JSON: {error}"))?;
    Condition::parse(&value).map_err(|problems| {
        let said: Vec<String> = problems.iter().map(ToString::to_string).collect();
        said.join("; ")
    })
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]
mod tests {
    use super::*;

    #[test]
    fn a_condition_is_read_once_and_how_many_are_kept_is_bounded() {
        let prepared = Prepared {
            settings: HashMap::new(),
            conditions: RwLock::default(),
        };
        let text = r#"{"field":"event.tier","is":"pro"}"#;
        let first = prepared.condition(text).unwrap();
        assert!(Arc::ptr_eq(&first, &prepared.condition(text).unwrap()));
        for number in 0..2 * CONDITIONS {
            let text = format!(r#"{{"field":"event.n","is":{number}}}"#);
            prepared.condition(&text).unwrap();
        }
        assert_eq!(prepared.conditions.read().unwrap().len(), CONDITIONS);
        assert!(prepared.condition("{").unwrap_err().contains("no JSON"));
        assert!(prepared.condition(r#"{"field":1}"#).is_err());
    }
}
