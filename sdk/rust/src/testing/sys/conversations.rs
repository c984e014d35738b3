//! The import `conversations`: one conversation, as the test gave it or as the plugin opened it.

use serde_json::{Value, json};

use super::{CallError, invalid, some_contact, value};
use crate::testing::host::{call_error, with};

pub(crate) fn get() -> Option<String> {
    with(|host| host.conversation.as_ref().map(ToString::to_string))
}

pub(crate) fn open() -> Result<String, CallError> {
    with(|host| {
        some_contact(host)?;
        match &mut host.conversation {
            Some(known) if known["state"] == "open" => {}
            Some(known) if known["state"] == "snoozed" => known["state"] = "open".into(),
            _ => {
                host.record.opened += 1;
                host.conversation = Some(json!({
                    "id": format!("conversation-{}", host.record.opened),
                    "state": "open",
                    "source": "workflow",
                    "opened_at": instant(host.now),
                }));
            }
        }
        Ok(json!(host.conversation).to_string())
    })
}

pub(crate) fn close(note: Option<&str>) -> Result<String, CallError> {
    let note = note.map(value).transpose()?.unwrap_or_default();
    with(|host| {
        some_contact(host)?;
        let open = |known: &&mut Value| known["state"] != "closed";
        let Some(known) = host.conversation.as_mut().filter(open) else {
            return Ok("null".into());
        };
        if note["summary"].as_str().unwrap_or_default().chars().count() > 2_000 {
            return Err(invalid("a summary has at most 2,000 characters"));
        }
        known["state"] = "closed".into();
        known["closed_at"] = instant(host.now).into();
        known["closed_by"] = "workflow".into();
        for part in ["category", "summary"] {
            if note[part].is_string() {
                known[part] = note[part].clone();
            }
        }
        Ok(known.to_string())
    })
}

pub(crate) fn comment(text: &str) -> Result<String, CallError> {
    with(|host| {
        some_contact(host)?;
        if text.trim().is_empty() {
            return Err(invalid("a comment has a text"));
        }
        if text.chars().count() > 5_000 {
            let said = "a comment has at most 5,000 characters";
            return Err(call_error("too-large", said));
        }
        host.record.comments.push(text.to_owned());
        Ok(format!("comment-{}", host.record.comments.len()))
    })
}

pub(crate) fn assign(request: &str) -> Result<String, CallError> {
    let request = value(request)?;
    with(|host| {
        some_contact(host)?;
        let named = ["user", "team", "workspace", "nobody"];
        let named: Vec<&str> = named
            .into_iter()
            .filter(|key| !request[key].is_null())
            .collect();
        let answer = match named.as_slice() {
            ["user"] => {
                let user = &request["user"];
                json!({"assignee": {"id": user, "name": user, "email": user}})
            }
            ["nobody"] => json!({"assignee": null}),
            ["team" | "workspace"] => {
                host.record.queued += 1;
                let place = format!("place-{}", host.record.queued);
                host.record.places.push(place.clone());
                json!({"queued": place})
            }
            _ => {
                return Err(invalid(
                    "name one of `user`, `team`, `workspace` and `nobody`",
                ));
            }
        };
        host.record.assigned.push(request);
        Ok(answer.to_string())
    })
}

pub(crate) fn leave_queue(id: &str) -> Result<bool, CallError> {
    with(|host| {
        some_contact(host)?;
        let places = &mut host.record.places;
        let held = places.len();
        places.retain(|place| place != id);
        Ok(places.len() < held)
    })
}

/// RFC 3339 of milliseconds since 1970.
fn instant(at: u64) -> String {
    let (seconds, millis) = (at / 1_000, at % 1_000);
    let (days, second) = (seconds / 86_400, seconds % 86_400);
    // The civil date of a day: years counted from March, in eras of 400 years.
    let days = days + 719_468;
    let (era, day) = (days / 146_097, days % 146_097);
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let year = era * 400 + year + u64::from(month >= 10);
    let month = if month < 10 { month + 3 } else { month - 9 };
    let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
    let fraction = match millis {
        0 => String::new(),
        millis => format!(".{millis:03}"),
    };
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}{fraction}Z")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instant_is_read_back_as_it_was() {
        // Every 31st day of 1970 to 2149, at another second of the day each time.
        for at in (0..180 * 365).step_by(31).map(|day| day * 86_401_000) {
            assert_eq!(super::super::clock::parse(&instant(at)), Ok(at));
        }
        assert_eq!(instant(951_782_399_007), "2000-02-28T23:59:59.007Z");
    }
}
