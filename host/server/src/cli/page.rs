//! The pages of documentation of plugins, made from their `describe` and their imports, and of the
//! events that start workflows.
//!
//! Made, not written: what a plugin says of itself is what the host acts on, so it is what the page
//! says too. `jackfield plugin page NAME` prints it; the pages of the built-in plugins stand in
//! `docs/steps` and `docs/connectors`, and a test holds that they are what the plugins say.

use jackfield_engine::document::SCHEMA;
use jackfield_engine::document::events::Event;
use serde_json::Value;
use std::fmt::Write;

/// The page, in Markdown; with a workflow that uses it, if there is one at hand.
pub(crate) fn page(
    descriptor: &Value,
    kind: &str,
    imports: &[&str],
    example: Option<&str>,
) -> String {
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
        let uses = format!("uses: {name}@{major}");
        let example = example.map_or(uses.as_str(), str::trim_end);
        let _ = writeln!(page, "```yaml\n{example}\n```\n");
    }
    settings(&mut page, "Settings", &descriptor["settings"]);
    branches(&mut page, descriptor);
    failures(&mut page, descriptor);
    settings(&mut page, "Output", &descriptor["output"]);
    channel(&mut page, descriptor);
    permissions(&mut page, descriptor, imports);
    page.truncate(page.trim_end().len());
    page.push('\n');
    page
}

/// The page of an event that starts workflows, in Markdown: what a trigger on it may say, and what it
/// brings. Made of the table of events and of the schema of workflow documents.
pub(crate) fn trigger(event: &Event, example: Option<&str>) -> String {
    let mut page = format!("# {}\n\n{}.\n\n", event.name, event.title);
    if let Some(example) = example {
        let _ = writeln!(page, "```yaml\n{}\n```\n", example.trim_end());
    }
    let schema: Value = serde_json::from_str(SCHEMA).unwrap_or_default();
    let mut of_trigger = schema["$defs"]["trigger"].clone();
    if let Some(properties) = of_trigger["properties"].as_object_mut() {
        // What belongs to some events alone says so in its description.
        properties.retain(|_, property| {
            let said = property["description"].as_str().unwrap_or_default();
            !said.starts_with("On `") || said.contains(&format!("`{}`", event.name))
        });
    }
    let mut rows = Vec::new();
    rows_of(&schema, &of_trigger, "", DEPTH, &mut rows);
    table(&mut page, "Settings", &rows);
    let _ = writeln!(page, "## What it brings\n");
    if event.namespaces.is_empty() {
        page.push_str("Nothing of its own.\n\n");
    } else {
        page.push_str("| variable | type | |\n|---|---|---|\n");
        for namespace in event.namespaces {
            for field in namespace.fields {
                let kind = serde_json::to_value(field.kind).unwrap_or_default();
                let kind = kind.as_str().unwrap_or_default();
                let name = format!("{}.{}", namespace.name, field.name);
                let _ = writeln!(page, "| `${name}` | {kind} | {} |", cell(field.title));
            }
            if namespace.open {
                let name = namespace.name;
                let _ = writeln!(page, "| `${name}.…` | | whatever else was sent |");
            }
        }
        page.push('\n');
    }
    page.push_str("What is always there: [variables](../workflows.md#variables).\n");
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

/// How deep settings within settings are told.
const DEPTH: usize = 3;

fn settings(page: &mut String, heading: &str, schema: &Value) {
    let mut rows = Vec::new();
    rows_of(schema, schema, "", DEPTH, &mut rows);
    table(page, heading, &rows);
}

fn table(page: &mut String, heading: &str, rows: &[String]) {
    if rows.is_empty() {
        return;
    }
    let _ = writeln!(
        page,
        "## {heading}\n\n| name | type | limits | default | |\n|---|---|---|---|---|"
    );
    for row in rows {
        page.push_str(row);
    }
    page.push('\n');
}

/// A row for each property, and below it one for each of its own: `event`, `event.name`; of a list,
/// `media[].url`.
fn rows_of(root: &Value, schema: &Value, prefix: &str, depth: usize, rows: &mut Vec<String>) {
    let required: Vec<&str> = schema["required"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        let resolved = resolve(root, property);
        let default = match &property["default"] {
            Value::Null if required.contains(&name.as_str()) => "required".to_owned(),
            Value::Null => String::new(),
            value => format!("`{value}`"),
        };
        let description = property["description"]
            .as_str()
            .or_else(|| resolved["description"].as_str())
            .unwrap_or_default();
        let path = format!("{prefix}{name}");
        rows.push(format!(
            "| `{path}` | {} | {} | {} | {} |\n",
            cell(&kind_of(root, property)),
            cell(&limits_of(root, property)),
            cell(&default),
            cell(description)
        ));
        // Conditions have a page of their own, and no bottom.
        if depth > 1 && name != "when" {
            for (part, mark) in parts_of(root, property) {
                rows_of(root, part, &format!("{path}{mark}."), depth - 1, rows);
            }
        }
    }
}

/// The mappings that a property is or holds, each with the mark of a list where it is an item.
fn parts_of<'s>(root: &'s Value, property: &'s Value) -> Vec<(&'s Value, &'static str)> {
    let property = resolve(root, property);
    let mut parts = Vec::new();
    let alternatives = ["anyOf", "oneOf"]
        .iter()
        .find_map(|name| property[*name].as_array());
    for one in alternatives.into_iter().flatten() {
        parts.extend(parts_of(root, one));
    }
    if property["properties"].is_object() {
        parts.push((property, ""));
    }
    let items = resolve(root, &property["items"]);
    if items["properties"].is_object() {
        parts.push((items, "[]"));
    }
    parts
}

/// The bounds that a schema sets, for people.
fn limits_of(root: &Value, property: &Value) -> String {
    let schema = resolve(root, property);
    let between =
        |least: &str, most: &str, what: &str| match (schema[least].as_f64(), schema[most].as_f64())
        {
            (Some(least), Some(most)) if least == most => Some(format!("{least}{what}")),
            (Some(least), Some(most)) => Some(format!("{least} to {most}{what}")),
            (None, Some(most)) => Some(format!("at most {most}{what}")),
            (Some(1.0), None) if !what.is_empty() => Some("not empty".to_owned()),
            (Some(least), None) => Some(format!("at least {least}{what}")),
            _ => None,
        };
    let mut said: Vec<String> = [
        between("minimum", "maximum", ""),
        between("minLength", "maxLength", " characters"),
        between("minItems", "maxItems", " items"),
        between("minProperties", "maxProperties", " entries"),
    ]
    .into_iter()
    .flatten()
    .collect();
    if schema["items"].is_object() {
        let each = limits_of(root, &schema["items"]);
        if !each.is_empty() {
            said.push(format!("each {each}"));
        }
    }
    let alternatives = ["anyOf", "oneOf"]
        .iter()
        .find_map(|name| schema[*name].as_array());
    for one in alternatives.into_iter().flatten() {
        let more = limits_of(root, one);
        if !more.is_empty() && !said.contains(&more) {
            said.push(more);
        }
    }
    said.join(", ")
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

/// With which codes a step fails.
fn failures(page: &mut String, descriptor: &Value) {
    if descriptor["output"].is_null() {
        return;
    }
    let _ = writeln!(page, "## Failures\n");
    if let Some(own) = descriptor["failures"].as_array() {
        let _ = writeln!(page, "| code | what has happened |\n|---|---|");
        for failure in own {
            let title = cell(text(failure, "title"));
            let _ = writeln!(page, "| `{}` | {title} |", text(failure, "code"));
        }
        let _ = writeln!(page);
    }
    let _ = writeln!(
        page,
        "Every step can fail as [these](../workflows.md#failures) too.\n"
    );
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
                "for": {"type": "string", "maxLength": 9, "description": "How | long."},
                "many": {"type": ["array", "null"], "maxItems": 3, "items": {"type": "object", "properties": {
                    "size": {"type": "integer", "minimum": 1, "maximum": 5}}}},
                "event": {"anyOf": [{"$ref": "#/$defs/Event"}, {"type": "null"}]},
                "kind": {"$ref": "#/$defs/Kind", "default": "a"}},
                "$defs": {"Kind": {"enum": ["a", "b"], "description": "Which."},
                    "Event": {"type": "object", "required": ["name"], "properties": {"name": {"type": "string", "minLength": 1}}}}},
            "output": {}, "branches": [{"name": "timeout", "title": "Too late", "otherwise": "end"}],
        });
        let page = page(&descriptor, "step", &["clock"], None);
        for line in [
            "# wait",
            "uses: wait@1",
            "| `for` | text | at most 9 characters | required | How \\| long. |",
            "| `many` | list of mapping | at most 3 items |  |  |",
            "| `many[].size` | integer | 1 to 5 |  |  |",
            "| `event` | mapping |  |  |  |",
            "| `event.name` | text | not empty | required |  |",
            "| `kind` | `a` or `b` |  | `\"a\"` | Which. |",
            "| `timeout` | Too late | the run ends, completed |",
            "- imports: `clock`",
        ] {
            assert!(page.contains(line), "{line} is not in:\n{page}");
        }
    }
}
