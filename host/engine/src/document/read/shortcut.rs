//! Reads `title`, `icon`, `description` and `form` of a trigger on `shortcut`.

use super::{MAX_DESCRIPTION, MAX_TITLE, Object, Reader};
use crate::document::{
    problem::{join, type_name},
    trigger::{Input, InputKind, Shortcut},
};
use serde_json::Value;

/// Most fields of a form.
const MOST_INPUTS: usize = 50;
/// Most options of a list.
const MOST_OPTIONS: usize = 100;
/// Longest label, option, or name of an icon, in characters.
const LONGEST: usize = 100;

const INPUT_KEYS: [&str; 5] = ["variable", "label", "type", "required", "options"];

impl Reader {
    pub(super) fn shortcut(&mut self, object: &Object, path: &str) -> Option<Shortcut> {
        let before = self.problems.len();
        let title = self.text(object, path, "title", MAX_TITLE);
        if !object.contains_key("title") || title.as_deref().is_some_and(is_blank) {
            let message = "`title` is missing: what people see, as in `title: Call back`";
            self.complain("missing", path, message);
        }
        let icon = self.text(object, path, "icon", LONGEST);
        let description = self.text(object, path, "description", MAX_DESCRIPTION);
        let form = self.form(object, path);
        (self.problems.len() == before).then(|| Shortcut {
            title: title.unwrap_or_default(),
            icon,
            description,
            form,
        })
    }

    fn form(&mut self, object: &Object, path: &str) -> Vec<Input> {
        let Some(value) = object.get("form") else {
            return Vec::new();
        };
        let path = join(path, "form");
        let Some(items) = value.as_array() else {
            let message = format!("`form` is a list of fields, not {}", type_name(value));
            self.complain("type", &path, message);
            return Vec::new();
        };
        if items.len() > MOST_INPUTS {
            let message = format!("a form has at most {MOST_INPUTS} fields");
            self.complain("too-many", &path, message);
            return Vec::new();
        }
        let mut form: Vec<Input> = Vec::new();
        for (index, item) in items.iter().enumerate() {
            let at = join(&path, index);
            let Some(input) = self.input(item, &at) else {
                continue;
            };
            if form.iter().any(|other| other.variable == input.variable) {
                let message = format!("two fields are called `{}`", input.variable);
                self.complain("duplicate", &join(&at, "variable"), message);
            }
            form.push(input);
        }
        form
    }

    fn input(&mut self, value: &Value, path: &str) -> Option<Input> {
        let object = self.object(value, path, "a field of a form", &INPUT_KEYS)?;
        let variable = match object.get("variable") {
            Some(name) => {
                let name = name.as_str().unwrap_or_default();
                let good = self.variable_name(name, &join(path, "variable"));
                good.then(|| name.to_owned())
            }
            None => {
                let message = "`variable` is missing: the variable that gets the value";
                self.complain("missing", path, message);
                None
            }
        };
        let kind = match object.get("type") {
            Some(kind) => self.choice(kind, &join(path, "type"), &InputKind::ALL),
            None => Some(InputKind::Text),
        };
        let label = self.text(object, path, "label", LONGEST);
        let required = self.switch(object, path, "required");
        let options = self.options(object, kind, path);
        let variable = variable?;
        Some(Input {
            label: label
                .filter(|label| !is_blank(label))
                .unwrap_or_else(|| variable.clone()),
            variable,
            kind: kind?,
            required,
            options,
        })
    }

    fn options(&mut self, object: &Object, kind: Option<InputKind>, path: &str) -> Vec<String> {
        let at = join(path, "options");
        let list = kind == Some(InputKind::List);
        let Some(value) = object.get("options") else {
            if list {
                let message = "`options` is missing: what the list offers";
                self.complain("missing", path, message);
            }
            return Vec::new();
        };
        if !list {
            if kind.is_some() {
                self.complain("options", &at, "only a field of type `list` has `options`");
            }
            return Vec::new();
        }
        let text = |item: &Value| match item {
            Value::String(text) => Some(text.clone()),
            Value::Number(number) => Some(number.to_string()),
            _ => None,
        };
        let items = value.as_array().map(Vec::as_slice).unwrap_or_default();
        let texts: Option<Vec<String>> = items.iter().map(text).collect();
        let fits = |texts: &Vec<String>| {
            (1..=MOST_OPTIONS).contains(&texts.len())
                && texts
                    .iter()
                    .all(|text| !is_blank(text) && text.chars().count() <= LONGEST)
        };
        let Some(texts) = texts.filter(fits) else {
            let message = format!(
                "`options` is a list of 1 to {MOST_OPTIONS} texts of at most {LONGEST} characters"
            );
            self.complain("type", &at, message);
            return Vec::new();
        };
        for (index, text) in texts.iter().enumerate() {
            if texts[..index].contains(text) {
                let message = format!("`{text}` stands in the list twice");
                self.complain("duplicate", &join(&at, index), message);
            }
        }
        texts
    }
}

fn is_blank(text: &str) -> bool {
    text.trim().is_empty()
}
