//! Whether what happened is what a case wants.
//!
//! What a case does not mention is not looked at, one level deep: an outcome's keys, a call's
//! arguments, single headers. A value that it does mention must be the same, whole.

use crate::case::Told;
use crate::shown;
use jackfield_engine::schedule::Moment;
use jackfield_sandbox::HostCall;
use jiff::tz::TimeZone;
use serde_json::{Map, Value, json};

/// What differs between a call and what was wanted; none if it is the one.
pub(crate) fn call(wanted: &Told, call: &HostCall) -> Option<String> {
    if wanted.name != call.name() {
        return Some(format!(
            "it called `{}` ({}) where the case has `{}`",
            call.name(),
            short(&shown::arguments(call)),
            wanted.name
        ));
    }
    let found = shown::arguments(call);
    let differs = |what: &str, wanted: &Value, found: &Value| {
        Some(format!(
            "`{}`{what} is {} where the case has {}",
            call.name(),
            short(found),
            short(wanted)
        ))
    };
    let (Value::Object(wanted), Value::Object(all), false) = (
        &wanted.arguments,
        &found,
        matches!(call, HostCall::MessagesSend { .. }),
    ) else {
        return if same(&wanted.arguments, &found) {
            None
        } else {
            differs("", &wanted.arguments, &found)
        };
    };
    for (name, wanted) in wanted {
        let other = shown::body_as(call, name);
        let found = other.as_ref().or_else(|| all.get(name));
        let found = found.unwrap_or(&Value::Null);
        let alike = match (name.as_str(), wanted, found) {
            ("headers", Value::Object(wanted), Value::Object(found)) => {
                within(&lower(wanted), found)
            }
            _ => same(wanted, found),
        };
        if !alike {
            return differs(&format!(", {name}:"), wanted, found);
        }
    }
    None
}

/// What differs between what came and what was wanted; none if nothing does.
pub(crate) fn outcome(wanted: &Value, found: &Value, time_zone: &TimeZone) -> Option<String> {
    let wanted = match full(wanted, time_zone) {
        Ok(wanted) => wanted,
        Err(reason) => return Some(reason),
    };
    let (Value::Object(want), Value::Object(have)) = (&wanted, found) else {
        return Some(format!("`expect` is an object, not {}", short(&wanted)));
    };
    let (Some((kind, want)), Some((came, have))) = (want.iter().next(), have.iter().next()) else {
        return Some("`expect` says nothing".to_owned());
    };
    if kind != came {
        return Some(format!(
            "it came to {} where the case expects `{kind}`",
            short(found)
        ));
    }
    let (Value::Object(want), Value::Object(all)) = (want, have) else {
        return (!same(want, have)).then(|| {
            format!(
                "`{kind}` is {} where the case expects {}",
                short(have),
                short(want)
            )
        });
    };
    if kind == "answer" && !want.is_empty() {
        return (!within(want, all) || want.len() != all.len()).then(|| {
            format!(
                "the answer is {} where the case expects {}",
                short(have),
                short(&Value::from(want.clone()))
            )
        });
    }
    for (name, want) in want {
        let have = all.get(name).unwrap_or(&Value::Null);
        let alike = match (name.as_str(), want, have) {
            ("headers", Value::Object(want), Value::Object(have)) => within(&lower(want), have),
            // A message is for people and may say more.
            ("message", Value::String(want), Value::String(have)) => have.contains(want.as_str()),
            ("events", Value::Array(want), Value::Array(have)) if kind == "wait" => {
                want.len() == have.len()
                    && want
                        .iter()
                        .zip(have)
                        .all(|(want, have)| match (want, have) {
                            (Value::Object(want), Value::Object(have)) => within(want, have),
                            _ => same(want, have),
                        })
            }
            _ => same(want, have),
        };
        if !alike {
            return Some(format!(
                "`{kind}`, {name}: is {} where the case expects {}",
                short(have),
                short(want)
            ));
        }
    }
    None
}

/// An expectation with what goes without saying.
fn full(wanted: &Value, time_zone: &TimeZone) -> Result<Value, String> {
    const KINDS: [&str; 9] = [
        "done", "wait", "goto", "end", "failure", "ended", "answer", "receipt", "received",
    ];
    let mut wanted = match wanted {
        // `expect: done`
        Value::String(kind) => json!({kind.as_str(): {}}),
        wanted => wanted.clone(),
    };
    let kinds: Vec<&str> = wanted
        .as_object()
        .into_iter()
        .flat_map(Map::keys)
        .map(String::as_str)
        .collect();
    match kinds[..] {
        [kind] if KINDS.contains(&kind) => {}
        _ => return Err(format!("`expect` has one of {}", KINDS.join(", "))),
    }
    if let Some(done) = wanted.get_mut("done").and_then(Value::as_object_mut) {
        done.entry("branch").or_insert_with(|| "success".into());
    }
    if let Some(until) = wanted.pointer_mut("/wait/until")
        && let Some(text) = until.as_str()
    {
        let moment = Moment::parse(text, time_zone).map_err(|error| error.to_string())?;
        *until = moment.instant.to_string().into();
    }
    Ok(wanted)
}

/// Whether all that is wanted is there.
fn within(wanted: &Map<String, Value>, found: &Map<String, Value>) -> bool {
    wanted
        .iter()
        .all(|(name, value)| found.get(name).is_some_and(|found| same(value, found)))
}

/// Whether two values are the same, 1 and 1.0 too: which of the two is written is the language's.
fn same(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Number(one), Value::Number(other)) => {
            one == other || one.as_f64() == other.as_f64()
        }
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| same(one, other))
        }
        (Value::Object(one), Value::Object(other)) => {
            one.len() == other.len() && within(one, other)
        }
        _ => one == other,
    }
}

fn lower(headers: &Map<String, Value>) -> Map<String, Value> {
    crate::body::shown_headers(&crate::body::headers(headers))
}

/// A value on one line, cut where it goes on and on.
pub(crate) fn short(value: &Value) -> String {
    const MOST: usize = 400;
    let text = value.to_string();
    match text.char_indices().nth(MOST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_expectation_does_not_mention_is_not_looked_at() {
        let found = json!({"done": {"branch": "success", "output": {"text": "Hi"}}});
        let differs = |wanted: Value| outcome(&wanted, &found, &TimeZone::UTC);
        assert_eq!(differs(json!("done")), None);
        assert_eq!(differs(json!({"done": {"output": {"text": "Hi"}}})), None);
        for (wanted, said) in [
            (
                json!({"done": {"branch": "other"}}),
                "branch: is \"success\"",
            ),
            (
                json!({"done": {"output": {}}}),
                "output: is {\"text\":\"Hi\"}",
            ),
            (json!({"wait": {}}), "expects `wait`"),
            (json!({"dune": {}}), "one of done, wait"),
        ] {
            let reason = differs(wanted).unwrap_or_default();
            assert!(reason.contains(said), "{reason}");
        }
        let failure = json!({"failure": {"class": "permanent", "code": "a", "message": "no such channel `x`"}});
        let wanted = json!({"failure": {"code": "a", "message": "no such channel"}});
        assert_eq!(outcome(&wanted, &failure, &TimeZone::UTC), None);
    }

    #[test]
    fn a_number_is_the_same_however_its_language_writes_it() {
        assert!(same(&json!({"a": [0, 2]}), &json!({"a": [0.0, 2.0]})));
        assert!(!same(&json!(0), &json!(0.5)) && !same(&json!(1), &json!("1")));
        assert!(!same(&json!(u64::MAX), &json!(1)));
    }

    #[test]
    fn a_time_may_be_written_as_people_do() {
        let found = json!({"wait": {"until": "2026-12-01T08:00:00Z", "state": null}});
        let zone = TimeZone::get("Europe/Paris").unwrap_or(TimeZone::UTC);
        let wanted = json!({"wait": {"until": "2026-12-01 09:00"}});
        assert_eq!(outcome(&wanted, &found, &zone), None);
    }
}
