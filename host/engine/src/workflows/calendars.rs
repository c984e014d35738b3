//! Which live workflows name a calendar: such a calendar is not deleted.

use super::{WorkflowError, Workflows};
use crate::conditions::CALENDARS;
use crate::variables::Template;
use serde_json::Value;

impl Workflows {
    /// The live workflows that name a calendar, in a condition or by a variable.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn with_calendar(
        &self,
        workspace: &str,
        calendar: &str,
    ) -> Result<Vec<String>, WorkflowError> {
        let live = self.live(workspace).await?;
        let naming = live
            .iter()
            .filter(|version| named(&version.document.to_json()).any(|name| name == calendar));
        Ok(naming.map(|version| version.workflow.clone()).collect())
    }
}

/// The calendars that a document, or a part of one, names.
pub(crate) fn named(part: &Value) -> impl Iterator<Item = String> {
    let mut found = Vec::new();
    collect(part, &mut found);
    found.into_iter()
}

fn collect(part: &Value, found: &mut Vec<String>) {
    match part {
        Value::Object(entries) => {
            for (key, value) in entries {
                match value {
                    Value::String(name)
                        if ["within-hours", "outside-hours"].contains(&key.as_str()) =>
                    {
                        found.push(name.clone());
                    }
                    Value::String(path) if key == "field" => found.extend(of_path(path)),
                    value => collect(value, found),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| collect(item, found)),
        Value::String(text) if text.contains('$') => {
            let template = Template::parse(text);
            let variables = template.variables();
            found.extend(variables.filter_map(|variable| of_path(&variable.path)));
        }
        _ => {}
    }
}

fn of_path(path: &str) -> Option<String> {
    let mut parts = path.split('.');
    let calendars = parts.next() == Some(CALENDARS);
    parts.next().filter(|_| calendars).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn calendars_are_named_in_conditions_and_by_variables() {
        let document = json!({
            "trigger": {"event": "a", "when": {"all": [
                {"field": "system.current_datetime", "within-hours": "office"},
                {"not": {"field": "event.at", "outside-hours": "night"}},
                {"field": "calendars.seen", "exists": true},
                {"field": "event.at", "within-hours": {"monday": ["09:00-10:00"]}}]}},
            "steps": {"look": {"uses": "date-time@1", "with": {
                "business-hours": "$calendars.shop", "text": "a ${calendars.late-shift} b, calendars.none"}}},
        });
        let mut names: Vec<String> = named(&document).collect();
        names.sort();
        assert_eq!(names, ["late-shift", "night", "office", "seen", "shop"]);
    }
}
