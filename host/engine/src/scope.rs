//! What variables and conditions of a run see: one name space over trigger, run and domain.
//!
//! First segment of a path → where it is looked up, in this order: the run's own (`vars`, `steps`,
//! `run`, `workflow`, `event`, `system`, `values`), the domain's (`contact`, `assignee`...), the
//! trigger's data. So a hostile event cannot shadow what the host says.

use crate::domain::View;
use crate::variables::{FILE, SNIPPET, Scope, Snippet, lookup};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::{Map, Value, json};

/// What is known where a condition or a template is evaluated.
pub(crate) struct RunScope<'a> {
    /// The domain's share.
    pub view: &'a View,
    /// The data of the event that the run, or the trigger, is about.
    pub trigger: &'a Value,
    /// The run's variables.
    pub vars: Option<&'a Map<String, Value>>,
    /// The outputs of its steps.
    pub outputs: Option<&'a Map<String, Value>>,
    /// `run` and `workflow`, as far as there are any.
    pub run: Option<RunNames<'a>>,
    /// What a template was given beside.
    pub values: Option<&'a Value>,
    /// The time.
    pub now: i64,
}

/// What `$run` and `$workflow` say.
#[derive(Clone, Copy)]
pub(crate) struct RunNames<'a> {
    pub id: &'a str,
    pub created_at: i64,
    pub workflow: &'a str,
    pub version: i64,
}

impl RunScope<'_> {
    fn root(&self, namespace: &str) -> Option<Value> {
        match namespace {
            "vars" => self.vars.map(|vars| Value::Object(vars.clone())),
            "steps" => self.outputs.map(|outputs| Value::Object(outputs.clone())),
            "values" => self.values.cloned(),
            "event" => Some(self.trigger.clone()),
            "run" => self
                .run
                .map(|run| json!({"id": run.id, "created_at": run.created_at})),
            "workflow" => self
                .run
                .map(|run| json!({"name": run.workflow, "version": run.version})),
            "system" => Some(self.system()),
            // Texts alone put them in, and no event stands in for one that is gone.
            SNIPPET => Some(Value::Null),
            _ => None,
        }
    }

    fn system(&self) -> Value {
        let zoned = timestamp(self.now).to_zoned(self.view.common.time_zone.clone());
        json!({
            "current_datetime": zoned.strftime("%Y-%m-%d %H:%M:%S").to_string(),
            "current_date": zoned.strftime("%Y-%m-%d").to_string(),
            "current_time": zoned.strftime("%H:%M:%S").to_string(),
            "time_zone": self.view.common.time_zone.iana_name().unwrap_or("UTC"),
        })
    }
}

/// The instant of so many milliseconds; what no calendar reaches becomes the epoch.
pub(crate) fn timestamp(milliseconds: i64) -> Timestamp {
    Timestamp::from_millisecond(milliseconds).unwrap_or(Timestamp::UNIX_EPOCH)
}

impl Scope for RunScope<'_> {
    fn get(&self, path: &str) -> Option<Value> {
        let (namespace, rest) = path.split_once('.').unwrap_or((path, ""));
        // The large ones are walked in place, without a copy of the whole.
        let found = match namespace {
            "vars" => self.vars.and_then(|vars| walk_map(vars, rest)),
            "steps" => self.outputs.and_then(|outputs| walk_map(outputs, rest)),
            "event" => walk(self.trigger, rest),
            // A file's name has full stops.
            FILE => return self.view.common.files.get(rest).cloned().map(Value::String),
            _ => None,
        };
        if let Some(found) = found {
            return present(found);
        }
        if let Some(root) = self.root(namespace) {
            return walk(&root, rest).and_then(present);
        }
        let domain = self.view.namespace(namespace);
        let root = domain.or_else(|| self.trigger.get(namespace))?;
        walk(root, rest).and_then(present)
    }

    fn snippet(&self, name: &str) -> Option<&Snippet> {
        self.view.common.snippets.get(name)
    }

    fn now(&self) -> Timestamp {
        timestamp(self.now)
    }

    fn time_zone(&self) -> &TimeZone {
        &self.view.common.time_zone
    }
}

/// `null` is no value.
fn present(value: &Value) -> Option<Value> {
    (!value.is_null()).then(|| value.clone())
}

/// The value at a path below a root; the root itself where the path is empty.
fn walk<'v>(root: &'v Value, path: &str) -> Option<&'v Value> {
    if path.is_empty() {
        Some(root)
    } else {
        lookup(root, path)
    }
}

fn walk_map<'v>(map: &'v Map<String, Value>, path: &str) -> Option<&'v Value> {
    let (name, rest) = path.split_once('.').unwrap_or((path, ""));
    walk(map.get(name)?, rest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::variables::Unset;
    use std::sync::Arc;

    #[test]
    fn a_path_is_looked_up_in_the_run_then_the_domain_then_the_trigger() {
        let view = View {
            namespaces: json!({"contact": {"firstname": "Ann"}})
                .as_object()
                .cloned()
                .unwrap_or_default(),
            common: Arc::default(),
            unset: Unset::Empty,
        };
        let trigger = json!({"call": {"duration": 3, "tags": ["a", {"b": 7}]}, "contact": {"firstname": "Eve"}, "snippet": {"hello": "x"}});
        let outputs = json!({"ask-name": {"answer": null, "n": 1}})
            .as_object()
            .cloned();
        let scope = RunScope {
            view: &view,
            trigger: &trigger,
            vars: None,
            outputs: outputs.as_ref(),
            run: None,
            values: None,
            now: 0,
        };
        assert_eq!(scope.get("contact.firstname"), Some(json!("Ann")));
        assert_eq!(scope.get("call.duration"), Some(json!(3)));
        assert_eq!(scope.get("call.tags.1.b"), Some(json!(7)));
        assert_eq!(scope.get("event.call.tags.0"), Some(json!("a")));
        assert_eq!(scope.get("steps.ask-name.n"), Some(json!(1)));
        assert_eq!(scope.get("steps.ask-name.answer"), None);
        assert_eq!(scope.get("system.current_date"), Some(json!("1970-01-01")));
        assert_eq!(scope.get("nothing.here"), None);
        // No event gives a snippet.
        assert_eq!(scope.get("snippet.hello"), None);
    }
}
