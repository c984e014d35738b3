//! `run show`: a run so that an operator understands it without a log.
//!
//! It reads what the API gives (the run, its timeline, its messages) and draws one tree: a node for
//! each stay at a step, under it what happened there in order, under that the host calls with what
//! they took. Entries are the engine's closed vocabulary (`kind`); one that this version does not
//! know is shown as it is, so that a newer host can be looked at with an older command.

mod entries;

pub use entries::watched;

use super::text::{self, Paint};
use super::tree::draw;
use entries::{events, instant, nodes, word};
use jiff::tz::TimeZone;
use serde_json::Value;

/// What is drawn.
#[derive(Debug, Clone, Copy)]
pub struct Sheet<'a> {
    /// As `GET /v1/runs/{id}`.
    pub run: &'a Value,
    /// The items of `GET /v1/runs/{id}/timeline`.
    pub entries: &'a [Value],
    /// The items of `GET /v1/messages?run={id}`.
    pub messages: &'a [Value],
    /// The present time in milliseconds, for "for 3 h now".
    pub now: i64,
}

/// Draws a run.
#[must_use]
pub fn render(sheet: &Sheet<'_>, zone: &TimeZone, paint: Paint) -> String {
    let mut out = head(sheet, zone, paint);
    out.push('\n');
    let nodes = nodes(sheet.entries, zone, paint);
    if nodes.is_empty() {
        out.push_str("Nothing has happened yet.\n");
    } else {
        out.push_str(&draw(&nodes, zone, paint));
    }
    if !sheet.messages.is_empty() {
        out.push_str(&format!("\n{}\n", paint.bold("Messages")));
        for message in sheet.messages {
            out.push_str(&message_lines(message, zone, paint));
        }
    }
    out
}

fn head(sheet: &Sheet<'_>, zone: &TimeZone, paint: Paint) -> String {
    let run = sheet.run;
    let state = word(run, "state");
    let mut out = format!("{}  {}\n", paint.bold(word(run, "id")), paint.state(state));
    let mut row = |name: &str, value: String| {
        if !value.is_empty() {
            out.push_str(&format!("  {}{value}\n", paint.dim(&format!("{name:<10}"))));
        }
    };
    let version = run.get("version").and_then(Value::as_i64);
    row(
        "workflow",
        format!(
            "{}{}",
            word(run, "workflow"),
            version.map_or(String::new(), |version| format!(", version {version}"))
        ),
    );
    row("contact", text::line(word(run, "contact"), 80));
    let created = instant(run, "created-at");
    let ended = instant(run, "ended-at");
    if let Some(created) = created {
        let took = text::duration_ms(ended.unwrap_or(sheet.now) - created);
        let took = if ended.is_some() {
            format!("took {took}")
        } else {
            format!("{took} ago")
        };
        row(
            "started",
            format!("{} ({took})", text::date_time(created, zone)),
        );
    }
    if matches!(state, "failed" | "needs-attention" | "cancelled") {
        row("why", why(sheet));
    }
    if state == "waiting" {
        row("waits", waits(sheet, zone));
    }
    out
}

/// Why the run is where it is: its reason, and the message of the last entry that has one.
fn why(sheet: &Sheet<'_>) -> String {
    let reason = text::line(word(sheet.run, "reason"), 200);
    let told = sheet.entries.iter().rev().find_map(|entry| {
        let data = entry.get("data")?;
        match word(entry, "kind") {
            "step-failed" => {
                let failure = data.get("failure")?;
                Some(format!(
                    "step {}: {}: {}",
                    word(entry, "step"),
                    word(failure, "code"),
                    word(failure, "message")
                ))
            }
            "needs-attention" => Some(format!("{}: {}", word(data, "code"), word(data, "message"))),
            _ => None,
        }
    });
    match told {
        Some(told) if word(sheet.run, "state") != "cancelled" => {
            let told = text::line(&told, 400);
            if reason.is_empty() || told.contains(&reason) {
                told
            } else {
                format!("{reason}; {told}")
            }
        }
        _ => reason,
    }
}

/// What the run waits for, and until when.
fn waits(sheet: &Sheet<'_>, zone: &TimeZone) -> String {
    let last = sheet.entries.iter().rev().find_map(|entry| {
        let data = entry.get("data")?;
        let (until, what) = match word(entry, "kind") {
            "waiting" => (instant(data, "until"), events(data)),
            "step-failed" => (Some(instant(data, "retry-at")?), "the next try".to_owned()),
            _ => return None,
        };
        Some((word(entry, "step").to_owned(), until, what))
    });
    let Some((step, until, what)) = last else {
        return String::new();
    };
    let until = until.map_or(String::new(), |until| {
        format!(
            ", until {} at the latest (in {})",
            text::date_time(until, zone),
            text::duration_ms(until - sheet.now)
        )
    });
    format!("at {step} for {what}{until}")
}

/// A message with what became of it.
fn message_lines(message: &Value, zone: &TimeZone, paint: Paint) -> String {
    let reason = text::line(word(message, "reason"), 120);
    let mut out = format!(
        "  {}  {} by {}: {}{}\n",
        word(message, "id"),
        if word(message, "direction") == "in" {
            format!("from {}", text::line(word(message, "address"), 80))
        } else {
            format!("to {}", text::line(word(message, "address"), 80))
        },
        text::line(word(message, "channel"), 64),
        paint.state(word(message, "status")),
        if reason.is_empty() {
            String::new()
        } else {
            format!(" ({reason})")
        },
    );
    let history: Vec<String> = message
        .get("history")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(|step| {
            let state = step.get("state")?.as_str()?;
            Some(format!(
                "{state} {}",
                text::clock(instant(step, "at")?, zone)
            ))
        })
        .collect();
    if !history.is_empty() {
        out.push_str(&format!("    {}\n", paint.dim(&history.join(" · "))));
    }
    out
}

#[cfg(test)]
mod tests;
