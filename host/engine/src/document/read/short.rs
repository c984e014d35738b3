//! Reads the settings of a trigger that are a shorter spelling of its `when`: which field, which
//! tags, which stages, from where, at which hours. They become tests that are joined with `when`, so there is one
//! language of conditions and nothing else to evaluate.

use super::{Object, Reader};
use crate::conditions::Condition;
use crate::document::{
    is_name,
    problem::{join, one_of, type_name},
    trigger::{
        BROADCAST_REPLIED, CLICK_TO_CHAT, CONVERSATION_CLOSED, CONVERSATION_OPENED, FIELD_UPDATED,
        LIFECYCLE_UPDATED, TAG_UPDATED,
    },
};
use crate::schedule::BusinessHours;
use serde_json::{Map, Value, json};

/// Most texts in a list.
const MOST: usize = 100;
/// Longest of them, in characters.
const LONGEST: usize = 200;
/// By what a conversation is opened.
const OPENED_BY: [&str; 5] = ["contact", "user", "workflow", "api", "click-to-chat-ads"];
/// By what a conversation is closed.
const CLOSED_BY: [&str; 3] = ["user", "workflow", "api"];

impl Reader {
    /// The trigger's `when` with the tests that its settings stand for. None where one of them
    /// cannot be read.
    #[expect(
        clippy::option_option,
        reason = "absent and broken are different things here"
    )]
    pub(super) fn with_shorthand(
        &mut self,
        event: &str,
        object: &Object,
        path: &str,
        when: Option<Condition>,
    ) -> Option<Option<Condition>> {
        let before = self.problems.len();
        let mut tests = match event {
            FIELD_UPDATED => self.of_field(object, path),
            LIFECYCLE_UPDATED => self.of_lifecycle(object, path),
            TAG_UPDATED => self.of_tag(object, path),
            CONVERSATION_OPENED => self.of_source(object, path, "source", &OPENED_BY),
            CONVERSATION_CLOSED => self.of_closing(object, path),
            CLICK_TO_CHAT => self.one_of_list(object, path, "ads", "ad.id"),
            BROADCAST_REPLIED => self.one_of_list(object, path, "broadcasts", "broadcast.workflow"),
            _ => Vec::new(),
        };
        tests.extend(self.of_calendar(object, path));
        if self.problems.len() > before {
            return None;
        }
        if tests.is_empty() {
            return Some(when);
        }
        // One group where the author wrote one too: it is read like that again.
        match when.map(|when| when.to_json()) {
            Some(Value::Object(mut all)) if all.len() == 1 && all.contains_key("all") => {
                match all.remove("all") {
                    Some(Value::Array(items)) => tests.extend(items),
                    other => tests.extend(other),
                }
            }
            other => tests.extend(other),
        }
        let whole = match <[Value; 1]>::try_from(tests) {
            Ok([only]) => only,
            Err(several) => json!({"all": several}),
        };
        match Condition::parse(&whole) {
            Ok(condition) => Some(Some(condition)),
            Err(problems) => {
                // Alone each of them is right: together they are too many, or too deep.
                for problem in problems {
                    self.complain(problem.code, &join(path, "when"), problem.message);
                }
                None
            }
        }
    }

    /// Business hours within which the trigger starts.
    fn of_calendar(&mut self, object: &Object, path: &str) -> Option<Value> {
        let hours = object.get("calendar")?;
        let path = join(path, "calendar");
        if hours.as_str().is_some_and(is_name) {
            let field = "system.current_datetime";
            return Some(json!({"field": field, "within-hours": hours}));
        }
        match BusinessHours::parse(hours) {
            Ok(hours) => {
                let field = "system.current_datetime";
                Some(json!({"field": field, "within-hours": hours.to_json()}))
            }
            Err(error) => {
                self.complain("hours", &path, error.to_string());
                None
            }
        }
    }

    fn of_field(&mut self, object: &Object, path: &str) -> Vec<Value> {
        let mut tests = Vec::new();
        if object.contains_key("field") {
            match self.text(object, path, "field", LONGEST).as_deref() {
                Some("") => {
                    let message = "`field` is the name of a field, such as `city`";
                    self.complain("name", &join(path, "field"), message);
                }
                Some(field) => tests.push(json!({"field": "field.name", "is": field})),
                None => {}
            }
        }
        for key in ["old", "new"] {
            let Some(test) = object.get(key) else {
                continue;
            };
            tests.extend(self.test_of(test, &format!("field.{key}"), &join(path, key)));
        }
        tests
    }

    /// `{is: Paris}` about a field.
    fn test_of(&mut self, value: &Value, field: &str, path: &str) -> Option<Value> {
        let Some(object) = value.as_object().filter(|it| !it.contains_key("field")) else {
            let message = "this is an operator with its operand, as in `{is: Paris}`";
            self.complain("type", path, message);
            return None;
        };
        let mut test = Map::new();
        test.insert("field".to_owned(), field.into());
        test.extend(object.clone());
        let test = Value::Object(test);
        match Condition::parse(&test) {
            Ok(_) => Some(test),
            Err(problems) => {
                let problems = problems.into_iter().map(|problem| problem.below(path));
                self.problems.extend(problems);
                None
            }
        }
    }

    fn of_lifecycle(&mut self, object: &Object, path: &str) -> Vec<Value> {
        let mut tests = self.one_of_list(object, path, "from", "lifecycle.old");
        let to = self.one_of_list(object, path, "to", "lifecycle.new");
        let cleared = json!({"field": "lifecycle.new", "not-exists": true});
        // Whether it may be cleared at all is the trigger's own, for it is no test of a value.
        if !to.is_empty() && object.get("when-cleared") == Some(&Value::Bool(true)) {
            let either: Vec<Value> = to.into_iter().chain([cleared]).collect();
            tests.push(json!({"any": either}));
        } else {
            tests.extend(to);
        }
        tests
    }

    fn of_tag(&mut self, object: &Object, path: &str) -> Vec<Value> {
        let mut tests = self.one_of_list(object, path, "tags", "tag.name");
        if let Some(action) = object.get("action") {
            let actions = [("added", "added"), ("removed", "removed")];
            let action = self.choice(action, &join(path, "action"), &actions);
            tests.extend(action.map(|action| json!({"field": "tag.action", "is": action})));
        }
        tests
    }

    fn of_closing(&mut self, object: &Object, path: &str) -> Vec<Value> {
        let mut tests = self.of_source(object, path, "closed_by", &CLOSED_BY);
        let Some(value) = object.get("category") else {
            return tests;
        };
        let path = join(path, "category");
        let keys = ["has-any-of", "has-none-of"];
        let Some(category) = self.object(value, &path, "`category`", &keys) else {
            return tests;
        };
        if category.len() != 1 {
            let message = "`category` is `{has-any-of: […]}` or `{has-none-of: […]}`";
            self.complain("exclusive", &path, message);
        }
        for (key, operator) in [("has-any-of", "in"), ("has-none-of", "not-in")] {
            if let Some(list) = category.get(key) {
                let texts = self.texts(list, &join(&path, key), key);
                let field = "event.conversation.category";
                tests.extend(texts.map(|texts| json!({"field": field, operator: texts})));
            }
        }
        tests
    }

    /// `source: {is: contact}` or `{is-not: workflow}`, about a value of the conversation.
    fn of_source(&mut self, object: &Object, path: &str, name: &str, known: &[&str]) -> Vec<Value> {
        let Some(value) = object.get("source") else {
            return Vec::new();
        };
        let path = join(path, "source");
        let Some(source) = self.object(value, &path, "`source`", &["is", "is-not"]) else {
            return Vec::new();
        };
        if source.len() != 1 {
            let message = "`source` is `{is: …}` or `{is-not: …}`";
            self.complain("exclusive", &path, message);
        }
        let mut tests = Vec::new();
        for key in ["is", "is-not"] {
            let Some(value) = source.get(key) else {
                continue;
            };
            let text = value.as_str().unwrap_or_default();
            if !known.contains(&text) {
                let shown = match value {
                    Value::String(text) => format!("`{text}`"),
                    other => type_name(other).to_owned(),
                };
                let message = format!("this is {}, not {shown}", one_of(known.iter().copied()));
                self.complain("choice", &join(&path, key), message);
                continue;
            }
            let field = format!("event.conversation.{name}");
            tests.push(json!({"field": field, key: text}));
        }
        tests
    }

    /// A list of which a value must be one.
    fn one_of_list(&mut self, object: &Object, path: &str, key: &str, field: &str) -> Vec<Value> {
        let Some(value) = object.get(key) else {
            return Vec::new();
        };
        let texts = self.texts(value, &join(path, key), key);
        let test = texts.map(|texts| json!({"field": field, "in": texts}));
        test.into_iter().collect()
    }

    /// Texts, at least one.
    fn texts(&mut self, value: &Value, path: &str, key: &str) -> Option<Vec<String>> {
        let text = |item: &Value| match item {
            Value::String(text) => Some(text.clone()),
            Value::Number(number) => Some(number.to_string()),
            _ => None,
        };
        let items = value.as_array().map(Vec::as_slice).unwrap_or_default();
        let texts: Option<Vec<String>> = items.iter().map(text).collect();
        let fits = |texts: &Vec<String>| {
            (1..=MOST).contains(&texts.len())
                && texts
                    .iter()
                    .all(|text| !text.trim().is_empty() && text.chars().count() <= LONGEST)
        };
        let texts = texts.filter(fits);
        if texts.is_none() {
            let message =
                format!("`{key}` is a list of 1 to {MOST} texts of at most {LONGEST} characters");
            self.complain("type", path, message);
        }
        texts
    }
}
