//! Reads the steps: ids, plugins, settings as they are, and where each goes on.

use serde_json::{Map, Value};

use super::{MAX_TITLE, Object, Reader};
use crate::{
    document::{
        MAX_STEPS, is_name,
        model::{Goto, MAX_ATTEMPTS, Retry, Step, Uses},
        problem::{join, nearest, type_name},
        to_name,
    },
    schedule::{Duration, LONGEST_WAIT},
};

const STEP_KEYS: [&str; 7] = ["title", "uses", "with", "when", "next", "branches", "retry"];
const RETRY_KEYS: [&str; 3] = ["attempts", "first", "max"];

impl Reader {
    pub(super) fn steps(&mut self, value: Option<&Value>) -> Option<Vec<Step>> {
        let object = match value {
            Some(Value::Object(object)) if !object.is_empty() => object,
            Some(Value::Array(_)) => {
                self.complain(
                    "type",
                    "/steps",
                    "`steps` is a mapping, not a list: give each step an id, as in \
                     `text-caller: {uses: send-message@1}`",
                );
                return None;
            }
            None => {
                self.complain(
                    "missing",
                    "",
                    "`steps` is missing: a workflow has at least one step",
                );
                return None;
            }
            Some(_) => {
                self.complain(
                    "type",
                    "/steps",
                    "`steps` is a mapping with at least one step, as in \
                     `text-caller: {uses: send-message@1}`",
                );
                return None;
            }
        };
        if object.len() > MAX_STEPS {
            let message = format!(
                "a workflow has at most {MAX_STEPS} steps, not {}",
                object.len()
            );
            self.complain("too-many", "/steps", message);
            return None;
        }
        let ids: Vec<&str> = object.keys().map(String::as_str).collect();
        let steps: Vec<Option<Step>> = object
            .iter()
            .map(|(id, value)| self.step(id, value, &ids))
            .collect();
        steps.into_iter().collect()
    }

    fn step(&mut self, id: &str, value: &Value, ids: &[&str]) -> Option<Step> {
        let path = join("/steps", id);
        if id == "end" {
            let message = "`end` is where a run ends, so no step can be called that";
            self.complain("name", &path, message);
        } else if !is_name(id) {
            let message = format!(
                "`{id}` is not a step's id: use lower-case words with hyphens, at most 64 characters"
            );
            self.suggest("name", &path, message, to_name(id));
        }
        let object = self.object(value, &path, "a step", &STEP_KEYS)?;
        let title = self.text(object, &path, "title", MAX_TITLE);
        let uses = self.uses(object, &path);
        let with = match object.get("with") {
            None | Some(Value::Null) => Value::Object(Map::new()),
            Some(with @ Value::Object(_)) => with.clone(),
            Some(other) => {
                let message = format!("`with` is a mapping of settings, not {}", type_name(other));
                self.complain("type", &join(&path, "with"), message);
                Value::Null
            }
        };
        let when = self.condition(object, &path);
        let next = object
            .get("next")
            .map(|next| self.goto(next, &join(&path, "next"), ids));
        let branches = self.branches(object, &path, ids);
        let retry = object
            .get("retry")
            .map(|retry| self.retry(retry, &join(&path, "retry")));
        Some(Step {
            id: id.to_owned(),
            title,
            uses: uses?,
            with,
            when: when?,
            next: match next {
                Some(next) => Some(next?),
                None => None,
            },
            branches: branches?,
            retry: match retry {
                Some(retry) => Some(retry?),
                None => None,
            },
        })
    }

    fn uses(&mut self, object: &Object, path: &str) -> Option<Uses> {
        let Some(value) = object.get("uses") else {
            let message = "`uses` is missing: name the step's plugin, as in `send-message@1`";
            self.complain("missing", path, message);
            return None;
        };
        let written = value.as_str().unwrap_or_default();
        let read = written.split_once('@').and_then(|(name, major)| {
            let digits = !major.is_empty() && major.bytes().all(|b| b.is_ascii_digit());
            let major = digits.then(|| major.parse().ok())??;
            is_name(name).then(|| Uses {
                name: name.to_owned(),
                major,
            })
        });
        if read.is_none() {
            let (name, version) = written.split_once('@').unwrap_or((written, "1"));
            let major = version
                .trim_start_matches('v')
                .split('.')
                .next()
                .unwrap_or_default();
            let major = if major.parse::<u64>().is_ok() {
                major
            } else {
                "1"
            };
            self.suggest(
                "uses",
                &join(path, "uses"),
                "`uses` names a plugin and its major version, as in `send-message@1`",
                to_name(name).map(|name| format!("{name}@{major}")),
            );
        }
        read
    }

    fn goto(&mut self, value: &Value, path: &str, ids: &[&str]) -> Option<Goto> {
        let Some(target) = value.as_str() else {
            let message = format!("this is a step's id or `end`, not {}", type_name(value));
            self.complain("type", path, message);
            return None;
        };
        if target == "end" {
            return Some(Goto::End);
        }
        if ids.contains(&target) {
            return Some(Goto::Step(target.to_owned()));
        }
        self.suggest(
            "dangling-target",
            path,
            format!("there is no step `{target}`"),
            nearest(target, ids.iter().copied().chain(["end"])),
        );
        None
    }

    fn branches(
        &mut self,
        object: &Object,
        path: &str,
        ids: &[&str],
    ) -> Option<Vec<(String, Goto)>> {
        let Some(value) = object.get("branches") else {
            return Some(Vec::new());
        };
        let path = join(path, "branches");
        let Some(entries) = value.as_object() else {
            self.complain(
                "type",
                &path,
                "`branches` maps branches to steps, as in `{failure: tell-agent, timeout: end}`",
            );
            return None;
        };
        let mut branches = Vec::with_capacity(entries.len());
        for (name, target) in entries {
            let path = join(&path, name);
            if !is_name(name) {
                let message =
                    format!("`{name}` is not a branch: use lower-case words with hyphens");
                self.suggest("name", &path, message, to_name(name));
            }
            branches.push(
                self.goto(target, &path, ids)
                    .map(|goto| (name.clone(), goto)),
            );
        }
        branches.into_iter().collect()
    }

    fn retry(&mut self, value: &Value, path: &str) -> Option<Retry> {
        let object = self.object(value, path, "`retry`", &RETRY_KEYS)?;
        let before = self.problems.len();
        let default = Retry::default();
        let attempts = self.whole(object, path, "attempts", 0, MAX_ATTEMPTS);
        let first = self.duration(object, path, "first");
        let max = self.duration(object, path, "max");
        let retry = Retry {
            attempts: attempts.unwrap_or(default.attempts),
            first: first.unwrap_or(default.first),
            max: max.unwrap_or(default.max.max(first.unwrap_or_default())),
        };
        if retry.max < retry.first {
            let message = format!(
                "the longest pause (`max: {}`) is shorter than the first one (`first: {}`)",
                retry.max, retry.first
            );
            self.complain("range", &join(path, "max"), message);
        }
        (self.problems.len() == before).then_some(retry)
    }

    pub(super) fn duration(&mut self, object: &Object, path: &str, key: &str) -> Option<Duration> {
        let value = object.get(key)?;
        let text = match value {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        match text.parse::<Duration>() {
            Ok(duration) if duration <= LONGEST_WAIT => Some(duration),
            Ok(_) => {
                let message = format!("`{key}` is at most {LONGEST_WAIT}");
                self.complain("duration", &join(path, key), message);
                None
            }
            Err(error) => {
                self.complain("duration", &join(path, key), error.to_string());
                None
            }
        }
    }
}
