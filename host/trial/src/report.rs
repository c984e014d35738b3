//! What came of a case.

use crate::yaml;
use jackfield_sandbox::Usage;
use serde::Serialize;
use serde_json::{Map, Value};

/// A case that was run.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Tried {
    /// The case's name.
    pub name: String,
    /// What differs from what it expects; empty when it passed.
    pub problems: Vec<String>,
    /// Its activations.
    pub activations: Vec<Activation>,
}

/// One call into the plugin.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Activation {
    /// `start`, `resume`, `send`...
    pub function: &'static str,
    /// What it came to, as `expect` has it.
    pub came: Value,
    /// The calls that reached out or changed something, as `calls` has them.
    pub calls: Vec<Value>,
    /// What it logged.
    pub log: Vec<String>,
    /// What it used.
    pub usage: Usage,
}

impl Tried {
    /// Whether it went as the case expects.
    #[must_use]
    pub fn passed(&self) -> bool {
        self.problems.is_empty()
    }

    /// The branch by which a step was left, if it was.
    #[must_use]
    pub fn branch(&self) -> Option<&str> {
        let came = &self.activations.last()?.came;
        if came.get("failure").is_some() {
            return Some("failure");
        }
        came.pointer("/done/branch")?.as_str()
    }

    /// Whether two runs of a case did the same.
    #[must_use]
    pub fn same(&self, other: &Tried) -> bool {
        let shape = |tried: &Tried| -> Vec<(Value, Vec<Value>)> {
            let of = tried.activations.iter();
            of.map(|it| (it.came.clone(), it.calls.clone())).collect()
        };
        shape(self) == shape(other)
    }

    /// What a case that was recorded has to be given: the keys that it lacks, as YAML.
    #[must_use]
    pub fn recorded(&self, with_calls: bool) -> String {
        let Some(first) = self.activations.first() else {
            return String::new();
        };
        let mut map = Map::new();
        if with_calls && !first.calls.is_empty() {
            map.insert("calls".to_owned(), first.calls.clone().into());
        }
        map.insert("expect".to_owned(), first.came.clone());
        yaml::block(&map.into(), 0)
    }
}
