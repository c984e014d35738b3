//! The page of documentation of a plugin, made from its `describe` and its imports.
//!
//! Made, not written: what a plugin says of itself is what the host acts on, so it is what the page
//! says too. `jackfield plugin page FILE` prints it; the pages of the built-in plugins stand in
//! `docs/plugins`, and a test holds that they are what the plugins say.

use serde_json::Value;
use std::fmt::Write;

/// The page, in Markdown.
pub(crate) fn page(descriptor: &Value, kind: &str, imports: &[&str]) -> String {
    let mut page = String::new();
    let name = text(descriptor, "name");
    let icon = descriptor["icon"].as_str().unwrap_or_default();
    let _ = writeln!(page, "# {name}\n");
    let _ = writeln!(
        page,
        "{icon} **{}** ({kind}, version {})\n",
        text(descriptor, "title"),
        text(descriptor, "version")
    );
    let _ = writeln!(page, "{}\n", text(descriptor, "summary"));
    if kind == "step" {
        let major = text(descriptor, "version")
            .split('.')
            .next()
            .unwrap_or("1")
            .to_owned();
        let _ = writeln!(page, "```yaml\nuses: {name}@{major}\n```\n");
    }
    settings(&mut page, "Settings", &descriptor["settings"]);
    branches(&mut page, descriptor);
    settings(&mut page, "Output", &descriptor["output"]);
    channel(&mut page, descriptor);
    permissions(&mut page, descriptor, imports);
    page.truncate(page.trim_end().len());
    page.push('\n');
    page
}

fn text<'v>(value: &'v Value, name: &str) -> &'v str {
    value[name].as_str().unwrap_or_default()
}

/// One line of prose, safe inside a table.
fn cell(text: &str) -> String {
    text.split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
        .replace('|', "\\|")
}

fn settings(page: &mut String, heading: &str, schema: &Value) {
    let Some(properties) = schema["properties"]
        .as_object()
        .filter(|all| !all.is_empty())
    else {
        return;
    };
    let required: Vec<&str> = schema["required"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    let _ = writeln!(
        page,
        "## {heading}\n\n| name | type | default | |\n|---|---|---|---|"
    );
    for (name, property) in properties {
        let resolved = resolve(schema, property);
        let default = match &property["default"] {
            Value::Null if required.contains(&name.as_str()) => "required".to_owned(),
            Value::Null => String::new(),
            value => format!("`{value}`"),
        };
        let description = property["description"]
            .as_str()
            .or_else(|| resolved["description"].as_str())
            .unwrap_or_default();
        let _ = writeln!(
            page,
            "| `{name}` | {} | {} | {} |",
            cell(&kind_of(schema, property)),
            cell(&default),
            cell(description)
        );
    }
    page.push('\n');
}

fn resolve<'s>(schema: &'s Value, property: &'s Value) -> &'s Value {
    property["$ref"]
        .as_str()
        .and_then(|pointer| schema.pointer(pointer.strip_prefix('#')?))
        .unwrap_or(property)
}

/// A type as people write it: `text`, `list of text`, one of some words.
fn kind_of(schema: &Value, property: &Value) -> String {
    let property = resolve(schema, property);
    for alternatives in ["enum", "oneOf", "anyOf"] {
        let Some(list) = property[alternatives].as_array() else {
            continue;
        };
        let mut said: Vec<String> = list
            .iter()
            .filter(|one| one["type"] != "null")
            .map(|one| match one {
                Value::String(word) => format!("`{word}`"),
                Value::Object(inner) => match inner.get("const") {
                    Some(word) => format!("`{}`", word.as_str().unwrap_or_default()),
                    None => kind_of(schema, one),
                },
                other => format!("`{other}`"),
            })
            .filter(|word| !word.is_empty())
            .collect();
        said.dedup();
        return said.join(" or ");
    }
    let types: Vec<&str> = match &property["type"] {
        Value::String(one) => vec![one],
        Value::Array(several) => several.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    let said: Vec<String> = types
        .into_iter()
        .filter(|one| *one != "null")
        .map(|one| match one {
            "string" => "text".to_owned(),
            "array" => match kind_of(schema, &property["items"]) {
                items if items.is_empty() => "list".to_owned(),
                items => format!("list of {items}"),
            },
            "object" => "mapping".to_owned(),
            "boolean" => "yes or no".to_owned(),
            other => other.to_owned(),
        })
        .collect();
    said.join(" or ")
}

fn branches(page: &mut String, descriptor: &Value) {
    if descriptor["output"].is_null() {
        return;
    }
    let _ = writeln!(
        page,
        "## Branches\n\n| branch | taken when | without it |\n|---|---|---|"
    );
    let _ = writeln!(
        page,
        "| `success` | the step did what it should | the next step |"
    );
    for branch in descriptor["branches"].as_array().into_iter().flatten() {
        let otherwise = match branch["otherwise"].as_str().unwrap_or("next") {
            "next" => "the next step".to_owned(),
            "end" => "the run ends, completed".to_owned(),
            "fail" => "the run fails".to_owned(),
            other => format!("as `{other}`"),
        };
        let _ = writeln!(
            page,
            "| `{}` | {} | {otherwise} |",
            text(branch, "name"),
            cell(text(branch, "title"))
        );
    }
    if let Some(from) = descriptor["branches-from"].as_str() {
        let _ = writeln!(
            page,
            "| from the settings (`{from}`) | its condition holds | the next step |"
        );
    }
    let _ = writeln!(page, "| `failure` | the step failed | the run fails |\n");
}

/// What a connector says of its channel.
fn channel(page: &mut String, descriptor: &Value) {
    let Some(types) = descriptor["message-types"].as_array() else {
        return;
    };
    let list = |values: &[Value]| {
        values
            .iter()
            .filter_map(Value::as_str)
            .collect::<Vec<_>>()
            .join(", ")
    };
    let _ = writeln!(page, "## The channel\n\n| | |\n|---|---|");
    let from = descriptor["address-from"]
        .as_str()
        .map_or_else(String::new, |setting| {
            format!(", or as the setting `{setting}` says")
        });
    let _ = writeln!(
        page,
        "| addresses are | {}{from} |",
        text(descriptor, "address")
    );
    let _ = writeln!(page, "| messages | {} |", list(types));
    if let Some(max) = descriptor["text-limit"]["max"].as_u64() {
        let _ = writeln!(
            page,
            "| longest text | {max} {} |",
            text(&descriptor["text-limit"], "unit")
        );
    }
    if let Some(bytes) = descriptor["media"]["max-bytes"].as_u64() {
        let _ = writeln!(page, "| largest attachment | {bytes} bytes |");
    }
    if let Some(count) = descriptor["media"]["max-count"].as_u64() {
        let _ = writeln!(page, "| attachments | {count} at most |");
    }
    let window = descriptor["window"]
        .as_u64()
        .map_or("always".to_owned(), |seconds| {
            format!("{} hours after the contact wrote", seconds / 3600)
        });
    let _ = writeln!(page, "| free messages | {window} |");
    let statuses = descriptor["statuses"]
        .as_array()
        .map(|all| list(all))
        .unwrap_or_default();
    if !statuses.is_empty() {
        let _ = writeln!(page, "| reports | {statuses} |");
    }
    for (name, said) in [
        ("inbound", "takes inbound messages"),
        ("keywords", "obeys STOP, START and HELP"),
        ("idempotency", "the provider honours the idempotency key"),
    ] {
        let yes = if descriptor[name] == true {
            "yes"
        } else {
            "no"
        };
        let _ = writeln!(page, "| {said} | {yes} |");
    }
    page.push('\n');
}

fn permissions(page: &mut String, descriptor: &Value, imports: &[&str]) {
    let _ = writeln!(page, "## What it asks for\n");
    let named: Vec<String> = imports.iter().map(|import| format!("`{import}`")).collect();
    let _ = writeln!(page, "- imports: {}", named.join(", "));
    let hosts: Vec<String> = descriptor["hosts"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .map(|host| format!("`{host}`"))
        .collect();
    if !hosts.is_empty() {
        let _ = writeln!(page, "- hosts: {}", hosts.join(", "));
    }
    for secret in descriptor["secrets"].as_array().into_iter().flatten() {
        let places: Vec<&str> = secret["places"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect();
        let optional = if secret["optional"] == true {
            ", optional"
        } else {
            ""
        };
        let _ = writeln!(
            page,
            "- secret `{}`: {} (goes into {}{optional})",
            text(secret, "name"),
            cell(text(secret, "title")),
            places.join(", ")
        );
    }
    for (name, value) in descriptor["limits"].as_object().into_iter().flatten() {
        let _ = writeln!(page, "- limit {name}: {value}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_page_says_what_the_descriptor_says() {
        let descriptor = json!({
            "name": "wait", "version": "1.0.0", "title": "Wait", "summary": "Waits.",
            "settings": {"type": "object", "required": ["for"], "properties": {
                "for": {"type": "string", "description": "How | long."},
                "kind": {"$ref": "#/$defs/Kind", "default": "a"}},
                "$defs": {"Kind": {"enum": ["a", "b"], "description": "Which."}}},
            "output": {}, "branches": [{"name": "timeout", "title": "Too late", "otherwise": "end"}],
        });
        let page = page(&descriptor, "step", &["clock"]);
        for line in [
            "# wait",
            "uses: wait@1",
            "| `for` | text | required | How \\| long. |",
            "| `kind` | `a` or `b` | `\"a\"` | Which. |",
            "| `timeout` | Too late | the run ends, completed |",
            "- imports: `clock`",
        ] {
            assert!(page.contains(line), "{line} is not in:\n{page}");
        }
    }
}
