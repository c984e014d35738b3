//! Reads `cron`, `time-zone` and `for` of a trigger on `schedule`.

use super::{Object, Reader};
use crate::document::{
    is_name,
    problem::{join, type_name},
    to_name,
    trigger::Schedule,
};
use crate::schedule::Cron;
use jiff::tz::TimeZone;
use serde_json::Value;

impl Reader {
    pub(super) fn schedule(&mut self, object: &Object, path: &str) -> Option<Schedule> {
        let cron = self.cron(object, path);
        let time_zone = self.time_zone(object, path);
        let list = match object.get("for") {
            None => Some(None),
            Some(value) => self.list(value, &join(path, "for")).map(Some),
        };
        Some(Schedule {
            cron: cron?,
            time_zone: time_zone?,
            list: list?,
        })
    }

    fn cron(&mut self, object: &Object, path: &str) -> Option<Cron> {
        let Some(value) = object.get("cron") else {
            self.complain(
                "missing",
                path,
                "`cron` is missing: say when, as in `cron: \"0 9 * * mon-fri\"` (minute, hour, day \
                 of the month, month, weekday)",
            );
            return None;
        };
        let path = join(path, "cron");
        let Some(text) = value.as_str() else {
            let message = format!("`cron` is a text, not {}", type_name(value));
            self.complain("type", &path, message);
            return None;
        };
        match text.parse() {
            Ok(cron) => Some(cron),
            Err(error) => {
                self.complain("cron", &path, format!("{error}"));
                None
            }
        }
    }

    /// `Some(None)` where there is none, `None` where it cannot be read.
    #[expect(
        clippy::option_option,
        reason = "absent and broken are different things here"
    )]
    fn time_zone(&mut self, object: &Object, path: &str) -> Option<Option<String>> {
        let Some(value) = object.get("time-zone") else {
            return Some(None);
        };
        let name = value.as_str().unwrap_or_default();
        if TimeZone::get(name).is_err() {
            self.complain(
                "time-zone",
                &join(path, "time-zone"),
                "`time-zone` is a name of the IANA database, such as `Europe/Paris`",
            );
            return None;
        }
        Some(Some(name.to_owned()))
    }

    fn list(&mut self, value: &Value, path: &str) -> Option<String> {
        let object = self.object(value, path, "whom a schedule is for", &["list"])?;
        let name = object.get("list").and_then(Value::as_str);
        if let Some(name) = name.filter(|name| is_name(name)) {
            return Some(name.to_owned());
        }
        self.suggest(
            "name",
            path,
            "`for` names a list of contacts, as in `for: {list: newsletter}`",
            name.and_then(to_name),
        );
        None
    }
}
