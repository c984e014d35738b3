//! What a host answers about plugins, in words for people.
//!
//! What must hold: what a plugin says of itself is a stranger's, so every part of it goes through
//! [`text::line`].

use crate::cli::text;
use serde_json::{Value, json};

/// What an update or a way back came to, in words.
pub(super) fn change(answer: &Value) -> String {
    let word =
        |name: &str, most: usize| text::line(answer[name].as_str().unwrap_or_default(), most);
    let (name, version, digest) = (word("name", 80), word("version", 40), word("digest", 19));
    if answer["current"] == true {
        return format!("{name} {version} ({digest}) is in use\n{}", moves(answer));
    }
    let more: Vec<String> = answer["more"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .map(|one| format!("  {}\n", text::line(one, 120)))
        .collect();
    let full = word("digest", 80);
    let why = if more.is_empty() {
        "it has no grant of its own".to_owned()
    } else {
        format!("it asks for more than the one before:\n{}", more.concat())
    };
    format!(
        "{name} {version} is installed and waits; the one before goes on, because {}\n\
         `jackfield plugin grant {full}` approves it.\n",
        why.trim_end()
    )
}

/// What was moved to a plugin, and what was not.
pub(super) fn moves(answer: &Value) -> String {
    let mut out = String::new();
    for one in answer["moves"].as_array().into_iter().flatten() {
        let word = |name: &str| text::line(one[name].as_str().unwrap_or_default(), 120);
        let who = format!("{} {} of {}", word("kind"), word("name"), word("workspace"));
        match (one["kept"].as_str(), one["version"].as_i64()) {
            (Some(why), _) => {
                let why = text::line(why, 200);
                out.push_str(&format!("  {who} stays with the one before: {why}\n"));
            }
            (None, Some(version)) => {
                out.push_str(&format!("  {who} uses it, as version {version}\n"));
            }
            (None, None) => out.push_str(&format!("  {who} uses it\n")),
        }
    }
    out
}

/// What needs a plugin that is gone.
pub(super) fn needed(answer: &Value) -> String {
    let needs = answer["needed-by"].as_array().into_iter().flatten();
    needs
        .filter_map(Value::as_str)
        .map(|one| format!("  {}\n", text::line(one, 400)))
        .collect::<Vec<_>>()
        .concat()
}

/// A row for each import, host, secret and limit that is asked for, approved or granted beyond what
/// every plugin gets.
pub(super) fn side_by_side(plugin: &Value) -> Vec<Value> {
    let mut rows = Vec::new();
    for (what, word) in [
        ("imports", "may call"),
        ("hosts", "may reach"),
        ("secrets", "may use the secret"),
        ("limits", "limit"),
    ] {
        let entries = |which: &str| -> Vec<(String, String)> {
            let line = |name: &str| text::line(name, 120);
            match &plugin[which][what] {
                Value::Array(names) => names
                    .iter()
                    .filter_map(Value::as_str)
                    .map(|name| (line(name), "yes".to_owned()))
                    .collect(),
                Value::Object(named) => named
                    .iter()
                    .filter(|(_, value)| !value.is_null())
                    .map(|(name, value)| {
                        let shown = match value {
                            Value::Number(number) => number.to_string(),
                            _ => "yes".to_owned(),
                        };
                        (line(name), shown)
                    })
                    .collect(),
                _ => Vec::new(),
            }
        };
        let (asked, approved, granted) =
            (entries("asked"), entries("approved"), entries("granted"));
        let mut names: Vec<&String> = asked
            .iter()
            .chain(&approved)
            .map(|(name, _)| name)
            .collect();
        names.sort();
        names.dedup();
        for name in names {
            let shown = |entries: &[(String, String)]| {
                let found = entries.iter().find(|(other, _)| other == name);
                found.map_or_else(|| "no".to_owned(), |(_, shown)| shown.clone())
            };
            rows.push(json!({
                "what": format!("{word} {name}"),
                "asked": shown(&asked), "approved": shown(&approved), "granted": shown(&granted),
            }));
        }
    }
    rows
}

/// What a plugin asks for beside what it was granted, in plain words.
pub(super) fn permissions(plugin: &Value) -> String {
    let words = |which: &str, what: &str| -> Vec<String> {
        let found = plugin
            .get(which)
            .and_then(|permissions| permissions.get(what));
        match found {
            Some(Value::Array(list)) => list
                .iter()
                .filter_map(|it| it.as_str().map(str::to_owned))
                .collect(),
            Some(Value::Object(map)) => map
                .iter()
                .filter(|(_, value)| !value.is_null())
                .map(|(name, value)| match value {
                    Value::Number(number) => format!("{name} {number}"),
                    _ => name.clone(),
                })
                .collect(),
            _ => Vec::new(),
        }
    };
    let granted = plugin
        .get("approved")
        .is_some_and(|approved| !approved.is_null());
    let mut out = String::new();
    for (what, title) in [
        ("imports", "may call"),
        ("hosts", "may reach"),
        ("secrets", "may use the secrets"),
        ("limits", "wants the limits"),
    ] {
        let asked = words("asked", what);
        let approved = words("approved", what);
        let mut all = asked.clone();
        all.extend(approved.iter().filter(|one| !asked.contains(one)).cloned());
        if all.is_empty() {
            continue;
        }
        let marked: Vec<String> = all
            .iter()
            .map(|one| {
                let one_line = text::line(one, 120);
                if granted && !approved.contains(one) {
                    format!("{one_line} (not granted)")
                } else {
                    one_line
                }
            })
            .collect();
        out.push_str(&format!("  {title}: {}\n", marked.join(", ")));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_approved_and_granted_stands_side_by_side() {
        let plugin = json!({
            "asked": {"imports": ["http"], "limits": {"memory": 2_000}},
            "approved": {"imports": [], "hosts": ["https://a.example"], "limits": {"memory": 3_000}},
            "granted": {
                "imports": [], "hosts": ["https://a.example"], "limits": {"memory": 2_500, "fuel": 1},
            },
        });
        let rows = side_by_side(&plugin);
        let shown: Vec<String> = rows
            .iter()
            .map(|row| {
                let word = |name: &str| row[name].as_str().unwrap_or_default().to_owned();
                let words = ["what", "asked", "approved", "granted"].map(word);
                words.join(" | ")
            })
            .collect();
        assert_eq!(
            shown,
            [
                "may call http | yes | no | no",
                "may reach https://a.example | no | yes | yes",
                "limit memory | 2000 | 3000 | 2500",
            ]
        );
    }

    #[test]
    fn permissions_say_in_plain_words_what_is_granted_and_what_not() {
        let plugin = json!({
            "asked": {"imports": ["http", "log"], "hosts": ["https://a.example"], "limits": {"fuel": 5, "memory": null}},
            "approved": {"imports": ["log"], "hosts": ["https://a.example", "https://b.example"], "limits": {"fuel": 5}},
        });
        assert_eq!(
            permissions(&plugin),
            "  may call: http (not granted), log\n  may reach: https://a.example, https://b.example\n  \
             wants the limits: fuel 5\n"
        );
    }
}
