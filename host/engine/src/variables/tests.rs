//! Variables: syntax, defaults, escaping, types, and what a value may not do.

#![allow(clippy::unwrap_used)]
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

fn scope() -> ValueScope {
    ValueScope {
        values: json!({
            "contact": {"firstname": "Ann", "empty": "", "nothing": null, "tags": ["a", "b"], "city": "Aix en P."},
            "call": {"duration": 20, "missed": true, "url": "https://a.example/b?c=d", "n": "42"},
            "steps": {"ask-name": {"answers": [{"text": "x"}, {"text": "\"q\"\n"}]}},
        }),
        now: jiff::Timestamp::UNIX_EPOCH,
        time_zone: jiff::tz::TimeZone::UTC,
    }
}

fn text(template: &str) -> String {
    Template::parse(template)
        .render(&scope(), Escape::None, Unset::Empty)
        .unwrap()
        .text
}

#[test]
fn variables_become_their_values() {
    for (template, expected) in [
        ("Hi $contact.firstname.", "Hi Ann."),
        ("Hi $contact.firstname, you", "Hi Ann, you"),
        ("${contact.firstname}s", "Anns"),
        ("${ contact.firstname }", "Ann"),
        ("${contact.lastname|there}", "there"),
        ("${contact.empty|there}", "there"),
        ("${contact.lastname|}", ""),
        ("$contact.empty$contact.nothing", ""),
        ("${steps.ask-name.answers[0].text}", "x"),
        ("$call.duration s, $call.missed", "20 s, true"),
        ("$contact.tags", "a, b"),
        (
            "${steps.ask-name.answers}",
            "{\"text\":\"x\"}, {\"text\":\"\\\"q\\\"\\n\"}",
        ),
        (
            "$5, $$contact.firstname, $, $a, $$$$",
            "$5, $contact.firstname, $, $a, $$",
        ),
        (
            "${x} ${contact.} ${Contact.a} ${contact.a",
            "${x} ${contact.} ${Contact.a} ${contact.a",
        ),
        ("$$${contact.firstname}", "$Ann"),
    ] {
        assert_eq!(text(template), expected, "{template}");
    }
}

#[test]
fn what_looks_like_a_variable_and_is_none_is_told() {
    assert_eq!(
        Template::parse("${name} $5 ${a.b} $${x}").doubtful(),
        ["${name}"]
    );
}

#[test]
fn a_variable_without_a_value_does_what_the_workspace_says() {
    let template = Template::parse("Hi $contact.lastname!");
    let render = |unset| template.render(&scope(), Escape::None, unset);
    let empty = render(Unset::Empty).unwrap();
    assert_eq!(
        (empty.text.as_str(), empty.warnings[0].code),
        ("Hi !", "unset-variable")
    );
    assert_eq!(
        render(Unset::Literal).unwrap().text,
        "Hi $contact.lastname!"
    );
    let error = render(Unset::Fail).unwrap_err();
    assert_eq!(
        error,
        RenderError::Unset {
            path: "contact.lastname".into()
        }
    );
    assert!(
        error.to_string().contains("${contact.lastname|default}"),
        "{error}"
    );
}

#[test]
fn texts_cannot_explode() {
    let mut scope = scope();
    scope.values["contact"]["big"] = "x".repeat(10_000).into();
    let template = "$contact.big ".repeat(11);
    let error = Template::parse(&template)
        .render(&scope, Escape::None, Unset::Empty)
        .unwrap_err();
    assert_eq!(error, RenderError::TooLong { limit: MAX_OUTPUT });
    let many = Value::Array(vec!["$contact.big".into(); 120]);
    assert!(substitute(&many, &json!({}), &scope, Unset::Empty).is_err());
}

fn put(value: Value, schema: Value) -> Value {
    substitute(&value, &schema, &scope(), Unset::Empty)
        .unwrap()
        .value
}

#[test]
fn a_lone_variable_keeps_its_type_unless_text_is_wanted() {
    assert_eq!(put(json!("$call.duration"), json!({})), json!(20));
    assert_eq!(
        put(json!("$call.duration"), json!({"type": "integer"})),
        json!(20)
    );
    assert_eq!(
        put(json!("$call.duration"), json!({"type": "string"})),
        json!("20")
    );
    assert_eq!(put(json!("$call.n"), json!({"type": "integer"})), json!(42));
    assert_eq!(
        put(json!("$call.n"), json!({"type": ["integer", "string"]})),
        json!("42")
    );
    assert_eq!(
        put(json!("$contact.tags"), json!({"type": "array"})),
        json!(["a", "b"])
    );
    assert_eq!(
        put(json!("$contact.tags "), json!({"type": "array"})),
        json!("a, b ")
    );
    let either = json!({"anyOf": [{"type": "string"}, {"type": "integer"}]});
    assert_eq!(put(json!("$call.duration"), either), json!(20));
}

#[test]
fn the_schema_says_how_values_enter_a_text() {
    let schema = json!({
        "properties": {
            "html": {"type": "string", "contentMediaType": "text/html"},
            "url": {"$ref": "#/$defs/url"},
            "raw": {"x-jackfield-raw": true},
            "json": {"type": "string", "contentMediaType": "application/json"},
            "list": {"type": "array", "items": {"anyOf": [
                {"type": "object", "properties": {"kind": {"const": "link"}, "to": {"$ref": "#/$defs/url"}}, "required": ["kind"]},
                {"type": "object", "properties": {"kind": {"const": "text"}, "to": {"type": "string"}}},
            ]}},
        },
        "additionalProperties": {"format": "uri-reference"},
        "$defs": {"url": {"type": "string", "format": "uri"}},
    });
    let value = json!({
        "html": "<b>$contact.city&</b>",
        "url": "https://x.example/$contact.city?u=$call.url",
        "raw": {"deep": ["$contact.city"]},
        "json": "{\"a\": \"${steps.ask-name.answers[1].text}\", \"b\": $contact.tags}",
        "list": [{"kind": "link", "to": "$call.url/$contact.city"}, {"kind": "text", "to": "a $contact.city"}],
        "other": "/$contact.city",
    });
    assert_eq!(
        put(value, schema),
        json!({
            "html": "<b>Aix en P.&</b>",
            "url": "https://x.example/Aix%20en%20P.?u=https%3A%2F%2Fa.example%2Fb%3Fc%3Dd",
            "raw": {"deep": ["$contact.city"]},
            "json": "{\"a\": \"\\\"q\\\"\\n\", \"b\": [\"a\",\"b\"]}",
            "list": [
                {"kind": "link", "to": "https://a.example/b?c=d/Aix%20en%20P."},
                {"kind": "text", "to": "a Aix en P."},
            ],
            "other": "/Aix%20en%20P.",
        })
    );
}

#[test]
fn a_schema_that_refers_in_circles_ends() {
    let schema = json!({"$ref": "#/$defs/a", "$defs": {"a": {"anyOf": [{"$ref": "#/$defs/a"}], "items": {"$ref": "#"}}}});
    assert_eq!(
        put(json!(["$call.duration", ["$call.n"]]), schema),
        json!([20, ["42"]])
    );
}

#[test]
fn raw_texts_hold_no_templates() {
    let schema = json!({"properties": {"raw": {"x-jackfield-raw": true}}});
    let value = json!({"raw": "$a.b", "x": ["$c.d"]});
    assert_eq!(templates_in(&value, &schema), [("/x/0".to_owned(), "$c.d")]);
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        "[a-z${}.| ]{0,20}".prop_map(Value::from),
        Just(json!("$call.duration")),
    ];
    leaf.prop_recursive(4, 32, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec(
                (
                    prop::sample::select(vec![
                        "type",
                        "properties",
                        "items",
                        "anyOf",
                        "oneOf",
                        "$ref",
                        "a",
                        "allOf"
                    ]),
                    inner
                ),
                0..4
            )
            .prop_map(|entries| Value::Object(
                entries
                    .into_iter()
                    .map(|(k, v)| (k.to_owned(), v))
                    .collect()
            )),
        ]
    })
}

proptest! {
    #[test]
    fn a_text_without_dollars_is_itself(source in "[^$]{0,80}") {
        prop_assert_eq!(text(&source), source);
    }

    #[test]
    fn doubled_dollars_make_every_text_literal(source in "\\PC{0,80}") {
        prop_assert_eq!(text(&source.replace('$', "$$")), source);
    }

    #[test]
    fn any_text_is_rendered(source in "[${}a-z.|\\[\\]0-9 \\-]{0,60}|\\PC{0,60}") {
        let template = Template::parse(&source);
        for escape in [Escape::None, Escape::Html, Escape::UriComponent, Escape::Json] {
            template.render(&scope(), escape, Unset::Literal).unwrap();
        }
    }

    #[test]
    fn unset_literal_gives_back_what_was_written(source in "(\\$u\\.v|\\$\\{u\\.v-w\\[0\\]\\}|[a-z ]){0,10}") {
        let rendered = Template::parse(&source).render(&scope(), Escape::None, Unset::Literal).unwrap();
        prop_assert_eq!(rendered.text, source);
    }

    #[test]
    fn any_settings_under_any_schema_are_taken(value in any_json(), schema in any_json()) {
        let _ = substitute(&value, &schema, &scope(), Unset::Empty);
        let _ = templates_in(&value, &schema);
    }
}

#[test]
fn values_side_by_side_cannot_name_a_secret() {
    let scope = ValueScope {
        values: serde_json::json!({"contact": {"first": "{{sec", "last": "ret:key}}", "tail": "{secret:key}}"}}),
        now: jiff::Timestamp::UNIX_EPOCH,
        time_zone: jiff::tz::TimeZone::UTC,
    };
    for text in [
        "${contact.first}${contact.last}",
        "a {${contact.tail} b",
        "${contact.first}ret:key}}",
    ] {
        let template = Template::parse(text).render(&scope, Escape::None, Unset::Fail);
        let rendered = template.unwrap().text;
        assert!(rendered.contains("{ {secret:key}}"), "{text}: {rendered}");
        assert!(!rendered.contains("{{secret:"), "{text}: {rendered}");
    }
    let author = "Bearer {{secret:key}} ${contact.last}";
    let rendered = Template::parse(author).render(&scope, Escape::None, Unset::Fail);
    assert_eq!(rendered.unwrap().text, "Bearer {{secret:key}} ret:key}}");
}

#[test]
fn a_value_cannot_name_a_secret() {
    let scope = ValueScope {
        values: serde_json::json!({"contact": {
            "name": "{{secret:key}}", "list": ["{{secret:key}}"], "map": {"{{secret:a}}": 1}
        }}),
        now: jiff::Timestamp::UNIX_EPOCH,
        time_zone: jiff::tz::TimeZone::UTC,
    };
    for path in ["name", "list", "map"] {
        let settings = serde_json::json!({"lone": format!("$contact.{path}"), "in": format!("a $contact.{path}")});
        let put = substitute(&settings, &serde_json::json!({}), &scope, Unset::Fail).unwrap();
        assert!(
            !put.value.to_string().contains("{{secret:"),
            "{}",
            put.value
        );
    }
    let author = serde_json::json!({"header": "Bearer {{secret:key}}"});
    let put = substitute(&author, &serde_json::json!({}), &scope, Unset::Fail).unwrap();
    assert_eq!(put.value, author);
}
