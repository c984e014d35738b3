//! Reads what starts a workflow and what ends its runs from outside.

use serde_json::Value;

use super::{Object, Reader};
use crate::document::{
    MAX_TRIGGERS, Problem, events,
    model::{Accounts, ExitOn, Once, Trigger},
    problem::{join, nearest, one_of, type_name},
    trigger::{self, OWN_KEYS, Own},
};
use crate::schedule::Duration;

/// The keys of every trigger.
const TRIGGER_KEYS: [&str; 5] = ["event", "accounts", "when", "calendar", "once-per-contact"];
const ACCOUNT_KEYS: [&str; 2] = ["only", "except"];

/// Most accounts in a scope.
const MAX_ACCOUNTS: usize = 1000;

impl Reader {
    pub(super) fn triggers(&mut self, object: &Object) -> Option<Vec<Trigger>> {
        match (object.get("trigger"), object.get("triggers")) {
            (Some(one), None) => Some(vec![self.trigger(one, "/trigger")?]),
            (None, Some(several)) => {
                let Some(items) = several.as_array().filter(|items| !items.is_empty()) else {
                    self.complain(
                        "type",
                        "/triggers",
                        "`triggers` is a list of at least one trigger; a single one is `trigger`",
                    );
                    return None;
                };
                if items.len() > MAX_TRIGGERS {
                    let message = format!("a workflow has at most {MAX_TRIGGERS} triggers");
                    self.complain("too-many", "/triggers", message);
                    return None;
                }
                let items: Vec<Option<Trigger>> = items
                    .iter()
                    .enumerate()
                    .map(|(index, item)| self.trigger(item, &join("/triggers", index)))
                    .collect();
                let items: Option<Vec<Trigger>> = items.into_iter().collect();
                self.one_of_each(items.as_deref().unwrap_or_default());
                items
            }
            (Some(_), Some(_)) => {
                self.complain(
                    "exclusive",
                    "/triggers",
                    "there is `trigger` and `triggers`: put all of them into `triggers`",
                );
                None
            }
            (None, None) => {
                self.complain(
                    "missing",
                    "",
                    "`trigger` is missing: name the event that starts the workflow, as in \
                     `trigger: {event: call.ended}`, or `{event: manual}`",
                );
                None
            }
        }
    }

    /// A workflow has one address and one form.
    fn one_of_each(&mut self, triggers: &[Trigger]) {
        for event in [trigger::WEBHOOK, trigger::SHORTCUT] {
            let mut places = (0..).zip(triggers).filter(|(_, one)| one.event == event);
            if let Some((second, _)) = places.nth(1) {
                let message = format!("a workflow has at most one trigger on `{event}`");
                self.complain("too-many", &join("/triggers", second), message);
            }
        }
    }

    fn trigger(&mut self, value: &Value, path: &str) -> Option<Trigger> {
        let keys: Vec<&str> = match value.as_object() {
            Some(_) => TRIGGER_KEYS
                .into_iter()
                .chain(OWN_KEYS.iter().map(|(key, _)| *key))
                .collect(),
            None => TRIGGER_KEYS.to_vec(),
        };
        let object = self.object(value, path, "a trigger", &keys)?;
        let event = match object.get("event") {
            None => {
                self.complain(
                    "missing",
                    path,
                    "`event` is missing: name what starts the workflow, such as `call.ended`",
                );
                None
            }
            Some(event) => self.event(event, &join(path, "event")),
        };
        let accounts = object.get("accounts").map_or(Some(Accounts::All), |value| {
            self.accounts(value, &join(path, "accounts"))
        });
        let when = self.condition(object, path);
        let once_per_contact = match object.get("once-per-contact") {
            None => Some(None),
            Some(Value::Bool(once)) => Some(once.then_some(Once::Ever)),
            Some(Value::String(text)) => match text.parse::<Duration>() {
                Ok(length) if length.as_millis() > 0 => Some(Some(Once::Within(length))),
                Ok(_) => {
                    let said =
                        "`once-per-contact` is `true`, or longer than nothing, such as `12h`";
                    self.complain("duration", &join(path, "once-per-contact"), said);
                    None
                }
                Err(error) => {
                    let said = format!("`once-per-contact` is true, false or a duration: {error}");
                    self.complain("duration", &join(path, "once-per-contact"), said);
                    None
                }
            },
            Some(other) => {
                let message = format!(
                    "`once-per-contact` is true, false or a duration such as `12h`, not {}",
                    type_name(other)
                );
                self.complain("type", &join(path, "once-per-contact"), message);
                None
            }
        };
        let own = match &event {
            Some(event) => self.own(event, object, accounts.as_ref(), path),
            None => None,
        };
        let when = match (&event, when) {
            (Some(event), Some(when)) => self.with_shorthand(event, object, path, when),
            (_, when) => when,
        };
        Some(Trigger {
            event: event?,
            accounts: accounts?,
            when: when?,
            once_per_contact: once_per_contact?,
            own: own?,
        })
    }

    /// What only triggers on this event say.
    fn own(
        &mut self,
        event: &str,
        object: &Object,
        accounts: Option<&Accounts>,
        path: &str,
    ) -> Option<Own> {
        for (key, events) in OWN_KEYS {
            if object.contains_key(key) && !events.contains(&event) {
                let message = format!(
                    "`{key}` is a key of triggers on {} only",
                    one_of(events.iter().copied())
                );
                self.complain("unknown-key", &join(path, key), message);
            }
        }
        if trigger::is_aimed(event) && accounts.is_some_and(|accounts| *accounts != Accounts::All) {
            self.complain(
                "accounts",
                &join(path, "accounts"),
                format!("a {event} is of no account: leave `accounts` out"),
            );
        }
        match event {
            trigger::SCHEDULE => self.schedule(object, path).map(Own::Schedule),
            trigger::WEBHOOK => {
                let webhook = self.webhook(object, path)?;
                Some(Own::Webhook(Box::new(webhook)))
            }
            trigger::LIFECYCLE_UPDATED => Some(match self.switch(object, path, "when-cleared") {
                true => Own::WhenCleared,
                false => Own::Nothing,
            }),
            trigger::SHORTCUT => self.shortcut(object, path).map(Own::Shortcut),
            trigger::RECEIVED => self.received(object, path),
            _ => Some(Own::Nothing),
        }
    }

    fn event(&mut self, value: &Value, path: &str) -> Option<String> {
        let name = value.as_str().unwrap_or_default();
        if events::is_event_name(name) {
            // A name of our own that differs by a letter is a slip, not a custom event.
            let near = events::EVENTS
                .iter()
                .find(|event| event.name != name && strsim::levenshtein(event.name, name) <= 2);
            if let (Some(near), None) = (near, events::find(name)) {
                self.problems.push(
                    Problem::warning(
                        "custom-event",
                        path,
                        format!(
                            "`{name}` is no event of Jackfield's own; it is taken as a custom one"
                        ),
                    )
                    .suggest(Some(near.name.to_owned())),
                );
            }
            return Some(name.to_owned());
        }
        let known = events::EVENTS.iter().map(|event| event.name);
        self.suggest(
            "event",
            path,
            "an event's name is lower-case words with full stops and hyphens, such as `call.ended`",
            nearest(name, known),
        );
        None
    }

    fn accounts(&mut self, value: &Value, path: &str) -> Option<Accounts> {
        if let Some(text) = value.as_str() {
            if text == "all" {
                return Some(Accounts::All);
            }
            let message =
                format!("`accounts` is `all`, `{{only: [{text}]}}` or `{{except: [{text}]}}`");
            self.complain("accounts", path, message);
            return None;
        }
        let object = self.object(value, path, "a scope of accounts", &ACCOUNT_KEYS)?;
        let (key, list) = match (object.get("only"), object.get("except")) {
            (Some(list), None) => ("only", list),
            (None, Some(list)) => ("except", list),
            _ => {
                self.complain("accounts", path, "`accounts` has either `only` or `except`");
                return None;
            }
        };
        let names: Option<Vec<String>> = list.as_array().and_then(|items| {
            let fits = !items.is_empty() && items.len() <= MAX_ACCOUNTS;
            let name = |item: &Value| match item {
                Value::String(name) => Some(name.clone()),
                Value::Number(id) => Some(id.to_string()),
                _ => None,
            };
            fits.then(|| items.iter().map(name).collect::<Option<_>>())?
        });
        let Some(names) = names else {
            let message = format!("`{key}` is a list of 1 to {MAX_ACCOUNTS} accounts");
            self.complain("accounts", &join(path, key), message);
            return None;
        };
        Some(if key == "only" {
            Accounts::Only(names)
        } else {
            Accounts::Except(names)
        })
    }

    pub(super) fn exit_on(&mut self, value: Option<&Value>) -> Vec<ExitOn> {
        let Some(value) = value else {
            return Vec::new();
        };
        let Some(items) = value.as_array() else {
            let names = one_of(ExitOn::ALL.iter().map(|(name, _)| *name));
            self.complain(
                "type",
                "/exit-on",
                format!("`exit-on` is a list of {names}"),
            );
            return Vec::new();
        };
        let mut found = Vec::new();
        for (index, item) in items.iter().enumerate().take(ExitOn::ALL.len() * 2) {
            if let Some(exit) = self.choice(item, &join("/exit-on", index), &ExitOn::ALL)
                && !found.contains(&exit)
            {
                found.push(exit);
            }
        }
        found
    }
}
