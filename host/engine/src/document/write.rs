//! A document as JSON: the form in which it is stored, and what the API answers with.
//!
//! Canonical: keys in one order, defaults left out, so two documents that mean the same are written
//! the same. Steps keep their order, because it means something.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value, json};

use super::model::{Accounts, DEFAULT_MAX_VISITS, Document, Goto, Once, Step, Trigger};

impl Document {
    /// The canonical JSON form, which reads back as the same document.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let mut out = Map::new();
        out.insert("name".into(), self.name.clone().into());
        put(&mut out, "title", self.title.clone());
        put(&mut out, "description", self.description.clone());
        let triggers: Vec<Value> = self.triggers.iter().map(trigger).collect();
        match <[Value; 1]>::try_from(triggers) {
            Ok([only]) => out.insert("trigger".into(), only),
            Err(several) => out.insert("triggers".into(), several.into()),
        };
        if !self.exit_on.is_empty() {
            out.insert("exit-on".into(), json!(self.exit_on));
        }
        put(
            &mut out,
            "unset-variables",
            self.unset_variables.map(|unset| json!(unset)),
        );
        if self.max_visits != DEFAULT_MAX_VISITS {
            out.insert("max-visits".into(), self.max_visits.into());
        }
        let steps = self
            .steps
            .iter()
            .map(|step| (step.id.clone(), to_json(step)));
        out.insert("steps".into(), Value::Object(steps.collect()));
        Value::Object(out)
    }
}

fn put(out: &mut Map<String, Value>, key: &str, value: Option<impl Into<Value>>) {
    if let Some(value) = value {
        out.insert(key.to_owned(), value.into());
    }
}

fn trigger(trigger: &Trigger) -> Value {
    let mut out = Map::new();
    out.insert("event".into(), trigger.event.clone().into());
    trigger.own.write(&mut out);
    match &trigger.accounts {
        Accounts::All => {}
        Accounts::Only(names) => drop(out.insert("accounts".into(), json!({"only": names}))),
        Accounts::Except(names) => drop(out.insert("accounts".into(), json!({"except": names}))),
    }
    put(
        &mut out,
        "when",
        trigger.when.as_ref().map(|when| when.to_json()),
    );
    let once = trigger.once_per_contact.map(|once| match once {
        Once::Ever => Value::Bool(true),
        Once::Within(length) => json!(length),
    });
    put(&mut out, "once-per-contact", once);
    Value::Object(out)
}

fn to_json(step: &Step) -> Value {
    let mut out = Map::new();
    put(&mut out, "title", step.title.clone());
    out.insert("uses".into(), step.uses.to_string().into());
    if step.with.as_object().is_some_and(|with| !with.is_empty()) {
        out.insert("with".into(), step.with.clone());
    }
    put(
        &mut out,
        "when",
        step.when.as_ref().map(|when| when.to_json()),
    );
    put(&mut out, "next", step.next.as_ref().map(Goto::as_str));
    if !step.branches.is_empty() {
        let branches = step.branches.iter();
        let branches = branches.map(|(name, goto)| (name.clone(), goto.as_str().into()));
        out.insert("branches".into(), Value::Object(branches.collect()));
    }
    if let Some(retry) = step.retry {
        out.insert(
            "retry".into(),
            json!({"attempts": retry.attempts, "first": retry.first, "max": retry.max}),
        );
    }
    Value::Object(out)
}

/// Two documents are the same if they say the same, wherever it stands.
impl PartialEq for Document {
    fn eq(&self, other: &Self) -> bool {
        self.to_json() == other.to_json()
            && self
                .steps
                .iter()
                .map(|step| &step.id)
                .eq(other.steps.iter().map(|step| &step.id))
    }
}

impl Serialize for Document {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.to_json().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Document {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(deserializer)?;
        Self::from_value(&value).map_err(|problems| {
            let told: Vec<String> = problems.iter().map(ToString::to_string).collect();
            serde::de::Error::custom(told.join("; "))
        })
    }
}
