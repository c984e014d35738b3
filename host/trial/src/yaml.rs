//! JSON values as YAML that people like to read, for what is recorded.
//!
//! Texts are always quoted as in JSON, which every reader of YAML understands the same way.

use serde_json::Value;

/// The value as block YAML, indented by so many spaces, with a line break at its end.
pub(crate) fn block(value: &Value, indent: usize) -> String {
    let mut out = String::new();
    write(value, indent, &mut out);
    out
}

fn write(value: &Value, indent: usize, out: &mut String) {
    match value {
        Value::Object(entries) if !entries.is_empty() => {
            for (name, value) in entries {
                pad(indent, out);
                entry(name, value, indent, out);
            }
        }
        Value::Array(items) if !items.is_empty() => {
            for item in items {
                pad(indent, out);
                out.push_str("- ");
                match item {
                    Value::Object(entries) if !entries.is_empty() => {
                        for (place, (name, value)) in entries.iter().enumerate() {
                            if place > 0 {
                                pad(indent + 2, out);
                            }
                            entry(name, value, indent + 2, out);
                        }
                    }
                    item => line(item, out),
                }
            }
        }
        value => {
            pad(indent, out);
            line(value, out);
        }
    }
}

fn entry(name: &str, value: &Value, indent: usize, out: &mut String) {
    let plain = name
        .chars()
        .all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c))
        && name.starts_with(|c: char| c.is_ascii_alphabetic())
        && !["true", "false", "null", "yes", "no"].contains(&name);
    if plain {
        out.push_str(name);
    } else {
        out.push_str(&Value::from(name).to_string());
    }
    out.push(':');
    let nested = match value {
        Value::Object(entries) => !entries.is_empty(),
        Value::Array(items) => !items.is_empty(),
        _ => false,
    };
    if nested {
        out.push('\n');
        write(value, indent + 2, out);
    } else {
        out.push(' ');
        line(value, out);
    }
}

fn line(value: &Value, out: &mut String) {
    out.push_str(&value.to_string());
    out.push('\n');
}

fn pad(indent: usize, out: &mut String) {
    out.extend(std::iter::repeat_n(' ', indent));
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use jackfield_engine::document::source;
    use serde_json::json;

    #[test]
    fn what_is_written_reads_back_the_same() {
        let value = json!({
            "calls": [
                {"http.fetch": {"method": "GET", "headers": {"x-a": "b: c"}}, "answer": {"status": 200, "body": "a\n---\n# b"}},
                {"contacts.add-tags": ["yes", "1"]},
                [],
            ],
            "expect": {"done": {"output": {}, "branch": "success"}},
            "odd key: {": null,
        });
        let text = block(&value, 0);
        assert_eq!(source::read(&text).unwrap().0, value, "{text}");
        assert!(
            text.contains("  - contacts.add-tags:\n      - \"yes\"\n"),
            "{text}"
        );
    }
}
