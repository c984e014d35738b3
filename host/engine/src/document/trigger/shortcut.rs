//! `event: shortcut`: a button for people, with a form whose fields become the run's variables.

use serde_json::{Map, Value, json};

/// What people see and fill in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shortcut {
    /// For people.
    pub title: String,
    /// The name of an icon, or an emoji.
    pub icon: Option<String>,
    /// For people.
    pub description: Option<String>,
    /// What is asked, in order.
    pub form: Vec<Input>,
}

/// One field of a form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Input {
    /// The variable that gets the value.
    pub variable: String,
    /// For people.
    pub label: String,
    /// What kind of value.
    pub kind: InputKind,
    /// Whether there must be a value.
    pub required: bool,
    /// What a list offers; empty for all other kinds.
    pub options: Vec<String>,
}

/// The kinds of values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InputKind {
    /// Any text.
    Text,
    /// One of the options.
    List,
    /// Yes or no.
    Checkbox,
    /// A number.
    Number,
    /// A day.
    Date,
    /// A time of day.
    Time,
    /// A telephone number.
    Phone,
    /// A mail address.
    Email,
    /// A web address.
    Url,
}

impl InputKind {
    /// Every one, with its name in documents.
    pub const ALL: [(&'static str, InputKind); 9] = [
        ("text", InputKind::Text),
        ("list", InputKind::List),
        ("checkbox", InputKind::Checkbox),
        ("number", InputKind::Number),
        ("date", InputKind::Date),
        ("time", InputKind::Time),
        ("phone", InputKind::Phone),
        ("email", InputKind::Email),
        ("url", InputKind::Url),
    ];

    /// Its name in documents.
    #[must_use]
    pub fn name(self) -> &'static str {
        let named = Self::ALL.iter().find(|(_, kind)| *kind == self);
        named.map_or("text", |(name, _)| *name)
    }
}

impl Shortcut {
    pub(super) fn write(&self, out: &mut Map<String, Value>) {
        out.insert("title".into(), self.title.clone().into());
        if let Some(icon) = &self.icon {
            out.insert("icon".into(), icon.clone().into());
        }
        if let Some(description) = &self.description {
            out.insert("description".into(), description.clone().into());
        }
        if !self.form.is_empty() {
            let form: Vec<Value> = self.form.iter().map(Input::write).collect();
            out.insert("form".into(), form.into());
        }
    }
}

impl Input {
    fn write(&self) -> Value {
        let mut out = json!({
            "variable": self.variable, "label": self.label, "type": self.kind.name(),
        });
        if self.required {
            out["required"] = true.into();
        }
        if !self.options.is_empty() {
            out["options"] = json!(self.options);
        }
        out
    }
}
