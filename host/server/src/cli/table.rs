//! Lists as tables: a column is a title, where its value lies in the JSON, and how it reads.

use super::text::{self, Paint};
use comfy_table::{ContentArrangement, Table, presets};
use jiff::tz::TimeZone;
use serde_json::Value;

/// How a value reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum As {
    /// As it is.
    Text,
    /// A state, coloured.
    State,
    /// Milliseconds since 1970.
    Time,
    /// A number of bytes.
    Bytes,
    /// A list of words.
    Words,
    /// Yes where there is something, no where there is nothing.
    Whether,
}

/// A column: its title, a JSON pointer, how the value reads.
pub type Column = (&'static str, &'static str, As);

/// Prints what the host answered: JSON as it is, or the table for people.
pub fn list(json: bool, items: &[Value], columns: &[Column], none: &str) {
    if json {
        print_json(&Value::from(items.to_vec()));
    } else if items.is_empty() {
        println!("{none}");
    } else {
        println!(
            "{}",
            table(items, columns, &TimeZone::system(), Paint::for_stdout())
        );
    }
}

/// Prints one thing: JSON as it is, or a line for each of its values.
pub fn one(json: bool, item: &Value, columns: &[Column]) {
    if json {
        print_json(item);
    } else {
        print!(
            "{}",
            sheet(item, columns, &TimeZone::system(), Paint::for_stdout())
        );
    }
}

/// Prints JSON.
pub fn print_json(value: &Value) {
    println!(
        "{}",
        serde_json::to_string_pretty(value).unwrap_or_default()
    );
}

/// Prints a sentence for people, or JSON for programs.
pub fn say(json: bool, answer: &Value, sentence: &str) {
    if json {
        print_json(answer);
    } else {
        println!("{sentence}");
    }
}

/// A table.
#[must_use]
pub fn table(items: &[Value], columns: &[Column], zone: &TimeZone, paint: Paint) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    if paint.on {
        table.set_content_arrangement(ContentArrangement::Dynamic);
    } else {
        table.force_no_tty();
    }
    table.set_header(columns.iter().map(|(title, _, _)| title.to_uppercase()));
    for item in items {
        table.add_row(
            columns
                .iter()
                .map(|(_, place, how)| cell(item, place, *how, zone, paint)),
        );
    }
    // Columns have a space on either side; the table begins at the edge all the same.
    table
        .lines()
        .map(|line| {
            line.trim_end()
                .strip_prefix(' ')
                .unwrap_or(line.trim_end())
                .to_owned()
        })
        .collect::<Vec<_>>()
        .join("\n")
}

/// A line for each value.
#[must_use]
pub fn sheet(item: &Value, columns: &[Column], zone: &TimeZone, paint: Paint) -> String {
    let width = columns
        .iter()
        .map(|(title, _, _)| title.chars().count())
        .max()
        .unwrap_or(0);
    let mut out = String::new();
    for (title, place, how) in columns {
        let value = cell(item, place, *how, zone, paint);
        if !value.is_empty() {
            out.push_str(&format!(
                "{}  {value}\n",
                paint.dim(&format!("{title:<width$}"))
            ));
        }
    }
    out
}

fn cell(item: &Value, place: &str, how: As, zone: &TimeZone, paint: Paint) -> String {
    let Some(value) = item.pointer(place) else {
        return String::new();
    };
    match (how, value) {
        (As::Whether, Value::Null | Value::Bool(false)) => "no".to_owned(),
        (As::Whether, _) => "yes".to_owned(),
        (_, Value::Null) => String::new(),
        (As::Time, value) => value
            .as_i64()
            .map_or(String::new(), |at| text::date_time(at, zone)),
        (As::Bytes, value) => value.as_u64().map_or(String::new(), text::bytes),
        (As::State, Value::String(state)) => paint.state(state),
        (As::Words, Value::Array(words)) => {
            let words: Vec<String> = words.iter().map(plain).collect();
            text::line(&words.join(", "), 120)
        }
        (As::Words, Value::Object(words)) => {
            let words: Vec<&str> = words.keys().map(String::as_str).collect();
            text::line(&words.join(", "), 120)
        }
        (_, value) => text::line(&plain(value), 200),
    }
}

fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const COLUMNS: &[Column] = &[
        ("name", "/name", As::Text),
        ("state", "/state", As::State),
        ("changed", "/updated-at", As::Time),
        ("size", "/size", As::Bytes),
    ];

    #[test]
    fn a_list_is_a_table_without_borders() {
        let items = [
            json!({"name": "greet", "state": "published", "updated-at": 0, "size": 2_100}),
            json!({"name": "a", "state": "draft", "updated-at": null, "size": 5}),
        ];
        let text = table(&items, COLUMNS, &TimeZone::UTC, Paint::OFF);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 3, "{text}");
        assert!(lines[0].starts_with("NAME"), "{text}");
        assert!(
            lines[1].contains("1970-01-01 00:00:00") && lines[1].ends_with("2.1 kB"),
            "{text}"
        );
        assert_eq!(lines[1].find("published"), lines[2].find("draft"), "{text}");
    }

    #[test]
    fn one_thing_is_a_sheet_without_what_is_not_there() {
        let text = sheet(&json!({"name": "a"}), COLUMNS, &TimeZone::UTC, Paint::OFF);
        assert_eq!(text, "name     a\n");
    }
}
