//! The entries of a timeline as lines of the tree.
//!
//! Entries are the engine's closed vocabulary (`kind`); one that this version does not know is
//! shown as it is.

use crate::cli::text::{self, Paint};
use crate::cli::tree::Node;
use jiff::tz::TimeZone;
use serde_json::Value;

/// One entry as a line of its own, with the step before it: for watching.
#[must_use]
pub fn watched(entry: &Value, zone: &TimeZone, paint: Paint) -> String {
    let time = instant(entry, "at").map_or(String::new(), |at| text::clock(at, zone));
    let step = text::line(word(entry, "step"), 40);
    let empty = Value::Null;
    let data = entry.get("data").unwrap_or(&empty);
    let node = match word(entry, "kind") {
        "call-started" => Node::new(format!(
            "{} {}",
            word(data, "name"),
            text::line(word(data, "summary"), 120)
        )),
        "call" => Node::new(format!("{}  {}", word(data, "name"), reply(data, paint))),
        "call-finished" => Node::new(format!("answered  {}", reply(data, paint))),
        _ => line(entry, zone, paint),
    };
    let note = if node.note.is_empty() {
        String::new()
    } else {
        paint.dim(&format!("  ({})", node.note))
    };
    format!("{}  {:<20}  {}{note}\n", paint.dim(&time), step, node.text)
}

pub(super) fn word<'a>(value: &'a Value, name: &str) -> &'a str {
    value.get(name).and_then(Value::as_str).unwrap_or_default()
}

pub(super) fn number(value: &Value, name: &str) -> u64 {
    value.get(name).and_then(Value::as_u64).unwrap_or_default()
}

pub(super) fn instant(value: &Value, name: &str) -> Option<i64> {
    value.get(name).and_then(Value::as_i64)
}

pub(super) fn events(data: &Value) -> String {
    let names: Vec<&str> = data
        .get("events")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    if names.is_empty() {
        "the time".to_owned()
    } else {
        text::line(&names.join(" or "), 160)
    }
}

/// The entries as nodes: those of one stay at a step under one node.
pub(super) fn nodes(entries: &[Value], zone: &TimeZone, paint: Paint) -> Vec<Node> {
    let mut nodes: Vec<Node> = Vec::new();
    let mut group: Option<Group> = None;
    for entry in entries {
        let step = word(entry, "step");
        // The run's own beginning and end name the step too at which it stood.
        let of_run = matches!(word(entry, "kind"), "run-started" | "run-finished");
        if step.is_empty() || of_run {
            nodes.extend(group.take().map(|group| group.close(paint)));
            nodes.push(line(entry, zone, paint));
            continue;
        }
        if group
            .as_ref()
            .is_some_and(|open| open.ended || open.step != step)
        {
            nodes.extend(group.take().map(|group| group.close(paint)));
        }
        group
            .get_or_insert_with(|| Group::open(step, instant(entry, "at"), paint))
            .add(entry, zone, paint);
    }
    nodes.extend(group.take().map(|group| group.close(paint)));
    nodes
}

/// One stay at a step.
struct Group {
    step: String,
    node: Node,
    ended: bool,
    /// Internal calls that were committed half-way: the activation's own list replaces them.
    half_way: Vec<Node>,
    external: Vec<External>,
}

/// An external call.
struct External {
    ordinal: u64,
    name: String,
    /// Where it stands under the node.
    place: usize,
    finished: bool,
}

impl Group {
    fn open(step: &str, at: Option<i64>, paint: Paint) -> Group {
        Group {
            step: step.to_owned(),
            node: Node::at(at, paint.bold(&text::line(step, 80))),
            ended: false,
            half_way: Vec::new(),
            external: Vec::new(),
        }
    }

    fn add(&mut self, entry: &Value, zone: &TimeZone, paint: Paint) {
        let empty = Value::Null;
        let data = entry.get("data").unwrap_or(&empty);
        let ordinal = number(data, "ordinal");
        match word(entry, "kind") {
            "call" => {
                let text = format!("{}  {}", word(data, "name"), reply(data, paint));
                self.half_way.push(Node::at(instant(entry, "at"), text));
            }
            "call-started" => {
                let text = format!(
                    "{} {}",
                    word(data, "name"),
                    text::line(word(data, "summary"), 120)
                );
                self.external.push(External {
                    ordinal,
                    name: word(data, "name").to_owned(),
                    place: self.node.below.len(),
                    finished: false,
                });
                self.node
                    .below
                    .push(Node::at(instant(entry, "at"), text.trim_end().to_owned()));
            }
            "call-finished" => {
                let found = self
                    .external
                    .iter_mut()
                    .rev()
                    .find(|call| call.ordinal == ordinal && !call.finished);
                if let Some(call) = found {
                    call.finished = true;
                    let node = &mut self.node.below[call.place];
                    node.text.push_str(&format!("  {}", reply(data, paint)));
                    node.note = text::duration_ms(i64::try_from(number(data, "ms")).unwrap_or(0));
                }
            }
            kind => {
                let mut node = line(entry, zone, paint);
                self.calls(data, &mut node, paint);
                self.node.below.push(node);
                self.ended |= matches!(kind, "step-finished" | "step-skipped")
                    || (kind == "step-failed" && instant(data, "retry-at").is_none());
            }
        }
    }

    /// The host calls that the activation lists, but for those that have lines of their own.
    fn calls(&mut self, data: &Value, node: &mut Node, paint: Paint) {
        let Some(calls) = data.pointer("/used/calls").and_then(Value::as_array) else {
            return;
        };
        self.half_way.clear();
        for call in calls {
            let name = word(call, "name");
            if self.external.iter().any(|external| external.name == name) {
                continue;
            }
            let summary = text::line(word(call, "summary"), 120);
            let result = word(call, "result");
            let result = if result == "ok" {
                paint.dim("ok")
            } else {
                paint.red(result)
            };
            let text = [name, &summary].join(" ");
            node.below.push(
                Node::new(format!("{}  {result}", text.trim_end()))
                    .note(text::micros(number(call, "us"))),
            );
        }
    }

    fn close(mut self, paint: Paint) -> Node {
        for call in self.external.iter().filter(|call| !call.finished) {
            let node = &mut self.node.below[call.place];
            node.text
                .push_str(&format!("  {}", paint.yellow("no result is known")));
        }
        self.node.below.append(&mut self.half_way);
        self.node
    }
}

/// What a host call was answered, in a word.
fn reply(data: &Value, paint: Paint) -> String {
    match word(data, "result") {
        "" => String::new(),
        "ok" => paint.dim("ok"),
        result => {
            let status = result
                .split(',')
                .next()
                .and_then(|word| word.parse::<u16>().ok());
            let shown = text::line(result, 160);
            // What is no status and no `ok` is a code and a message.
            match status {
                Some(200..400) => paint.green(&shown),
                Some(_) => paint.red(&shown),
                None if result.contains(": ") => paint.red(&shown),
                None => shown,
            }
        }
    }
}

/// What an activation used.
fn used(data: &Value) -> String {
    let Some(used) = data.get("used") else {
        return String::new();
    };
    if number(used, "us") == 0 && number(used, "fuel") == 0 {
        return String::new();
    }
    format!(
        "{}, {} fuel, {} in, {} out, {} memory",
        text::micros(number(used, "us")),
        text::count(number(used, "fuel")),
        text::bytes(number(used, "bytes-in")),
        text::bytes(number(used, "bytes-out")),
        text::bytes(number(used, "memory")),
    )
}

/// One entry as a line.
fn line(entry: &Value, zone: &TimeZone, paint: Paint) -> Node {
    let empty = Value::Null;
    let data = entry.get("data").unwrap_or(&empty);
    let text = match word(entry, "kind") {
        "run-started" => format!(
            "started by {} (version {})",
            text::line(word(data, "event"), 80),
            number(data, "version")
        ),
        "step-skipped" => format!("{}: its condition did not hold", paint.yellow("skipped")),
        "step-finished" => {
            format!(
                "done: {}",
                paint.state(&text::line(word(data, "branch"), 60))
            )
        }
        "step-failed" => return failed(entry, data, zone, paint),
        "waiting" => format!(
            "waits for {}{}",
            events(data),
            instant(data, "until").map_or(String::new(), |until| {
                format!(", until {} at the latest", text::date_time(until, zone))
            })
        ),
        "woken" => match (word(data, "by"), word(data, "name")) {
            ("timer", _) => "woken: the time had come".to_owned(),
            ("retry", _) => "tried again".to_owned(),
            (_, name) if !name.is_empty() => format!("woken by {}", text::line(name, 80)),
            (by, _) => format!("woken by {}", text::line(by, 80)),
        },
        "recovered" => paint.yellow("went on after the host had stopped"),
        "retried" => "a person had it go on from here".to_owned(),
        "log" => {
            let level = word(data, "level");
            let shown = match level {
                "error" => paint.red(level),
                "warn" => paint.yellow(level),
                _ => paint.dim(level),
            };
            format!("{shown}: {}", text::line(word(data, "message"), 300))
        }
        "run-finished" => {
            let reason = text::line(word(data, "reason"), 200);
            let state = paint.state(word(data, "state"));
            if reason.is_empty() {
                state
            } else {
                format!("{state}: {reason}")
            }
        }
        "needs-attention" => format!(
            "{}: {}: {}",
            paint.red("needs attention"),
            word(data, "code"),
            text::line(word(data, "message"), 400)
        ),
        other => {
            let data = if data.is_null() {
                String::new()
            } else {
                data.to_string()
            };
            format!("{} {}", text::line(other, 60), text::line(&data, 200))
                .trim_end()
                .to_owned()
        }
    };
    Node::at(instant(entry, "at"), text).note(used(data))
}

fn failed(entry: &Value, data: &Value, zone: &TimeZone, paint: Paint) -> Node {
    let failure = data.get("failure").cloned().unwrap_or_default();
    let attempt = number(data, "attempt");
    let text = format!(
        "{}{}: {} ({}): {}",
        paint.red("failed"),
        if attempt > 1 {
            format!(", try {attempt}")
        } else {
            String::new()
        },
        word(&failure, "code"),
        word(&failure, "class"),
        text::line(word(&failure, "message"), 400),
    );
    let node = Node::at(instant(entry, "at"), text).note(used(data));
    match instant(data, "retry-at") {
        Some(retry) => node.with(Node::new(format!(
            "tried again at {}",
            text::date_time(retry, zone)
        ))),
        None => node,
    }
}
