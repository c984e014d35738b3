//! What reading takes and refuses, and that writing a document and reading it gives the same.

#![allow(clippy::unwrap_used)]
use proptest::prelude::*;
use serde_json::{Value, json};

use super::{super::*, SAMPLES, parse};
use crate::{conditions::operators::OPERATORS, schedule::Duration, variables::Unset};

fn problems(source: &str) -> Vec<Problem> {
    Document::parse(source).unwrap_err()
}

#[test]
fn the_samples_are_read() {
    for (file, source) in SAMPLES {
        if let Err(problems) = Document::parse(source) {
            let told: Vec<String> = problems
                .iter()
                .map(|p| p.in_file(file).to_string())
                .collect();
            panic!("{}", told.join("\n"));
        }
    }
}

#[test]
fn the_examples_are_read() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/workflows");
    let files = std::fs::read_dir(folder)
        .unwrap()
        .map(|file| file.unwrap().path());
    for file in files.filter(|file| file.extension().is_some_and(|end| end == "yaml")) {
        let source = std::fs::read_to_string(&file).unwrap();
        if let Err(problems) = Document::parse(&source) {
            panic!("{}: {problems:#?}", file.display());
        }
    }
}

#[test]
fn everything_written_is_in_the_document() {
    let document = parse(SAMPLES[1].1);
    assert_eq!(
        document.title.as_deref(),
        Some("Survey after an answered call")
    );
    assert_eq!(document.triggers.len(), 2);
    assert_eq!(
        document.triggers[0].accounts,
        Accounts::Except(vec!["test".into(), "42".into()])
    );
    assert_eq!(document.triggers[0].once_per_contact, Some(Once::Ever));
    assert_eq!(document.triggers[1].once_per_contact, None);
    assert_eq!(
        document.exit_on,
        [ExitOn::ConversationClosed, ExitOn::OutgoingHumanMessage]
    );
    assert_eq!(document.unset_variables, Some(Unset::Fail));
    assert_eq!(document.max_visits, 50);
    let ask = document.first().unwrap();
    assert_eq!(
        (ask.id.as_str(), ask.uses.to_string().as_str()),
        ("ask", "ask-question@1")
    );
    assert_eq!(ask.branch("timeout"), Some(&Goto::End));
    assert_eq!(ask.branch("invalid"), Some(&Goto::Step("thank".into())));
    let retry = ask.retry.unwrap();
    assert_eq!((retry.attempts, retry.max), (5, Duration::from_secs(3600)));
    assert_eq!(document.step("thank").unwrap().next, Some(Goto::End));
    assert_eq!(parse(SAMPLES[5].1).max_visits, model::DEFAULT_MAX_VISITS);
    let newsletter = parse(SAMPLES[6].1);
    let Own::Schedule(schedule) = &newsletter.triggers[0].own else {
        panic!("{newsletter:?}");
    };
    assert_eq!(schedule.cron.to_string(), "0 9 * * mon-fri");
    assert_eq!(schedule.time_zone.as_deref(), Some("Europe/Paris"));
    assert_eq!(schedule.list.as_deref(), Some("readers"));
}

#[test]
fn accounts_are_in_scope_as_written() {
    let shop = || vec!["shop".to_owned()];
    assert!(Accounts::All.includes(&[]));
    assert!(Accounts::Only(shop()).includes(&["17", "shop"]));
    assert!(!Accounts::Only(shop()).includes(&["17"]));
    assert!(!Accounts::Only(shop()).includes(&[]));
    assert!(!Accounts::Except(shop()).includes(&["shop"]));
    assert!(Accounts::Except(shop()).includes(&[]));
}

#[test]
fn writing_and_reading_is_the_identity() {
    for (file, source) in SAMPLES {
        let document = parse(source);
        let json = serde_json::to_string(&document).unwrap();
        let again: Document = serde_json::from_str(&json).unwrap();
        assert_eq!(again, document, "{file}");
        assert_eq!(again.to_json().to_string(), json, "{file}: canonical");
        assert_eq!(parse(&json), document, "{file}: the JSON is a document too");
    }
}

#[test]
fn the_published_schema_and_the_reader_agree() {
    let schema: Value = serde_json::from_str(SCHEMA).unwrap();
    let validator = settings::compile(&schema).unwrap();
    for (file, source) in SAMPLES {
        let (value, _) = source::read(source).unwrap();
        let errors: Vec<String> = validator
            .iter_errors(&value)
            .map(|e| format!("{e} at {}", e.instance_path()))
            .collect();
        assert!(errors.is_empty(), "{file}: {errors:?}");
        assert!(
            validator.is_valid(&parse(source).to_json()),
            "{file}: canonical form"
        );
    }
    for (source, part) in REFUSED {
        let Ok((value, _)) = source::read(source) else {
            continue;
        };
        // What a schema cannot say: names of other parts of the document.
        if !part.contains("there is no step") && !part.contains("shorter than") {
            assert!(!validator.is_valid(&value), "{source}");
        }
    }
}

#[test]
fn the_published_schema_knows_every_operator() {
    let schema: Value = serde_json::from_str(SCHEMA).unwrap();
    let known = schema["$defs"]["test"]["properties"].as_object().unwrap();
    let operators: Vec<&str> = OPERATORS.iter().map(|operator| operator.name).collect();
    let written: Vec<&str> = known
        .keys()
        .map(String::as_str)
        .filter(|k| !["field", "fold-accents"].contains(k))
        .collect();
    assert_eq!(written, operators);
    for operator in &OPERATORS {
        assert_eq!(known[operator.name]["title"], operator.title);
    }
    assert_eq!(
        schema["$defs"]["test"]["oneOf"].as_array().unwrap().len(),
        operators.len()
    );
}

/// Documents with one thing wrong, and a part of what is said about it.
const REFUSED: [(&str, &str); 90] = [
    (
        "name: a\ntrigger: {event: schedule}\nsteps: {b: {uses: w@1}}",
        "2:1: `cron` is missing",
    ),
    (
        "name: a\ntrigger: {event: call.ended, cron: 0 9 * * *}\nsteps: {b: {uses: w@1}}",
        "`cron` is a key of triggers on `schedule` only",
    ),
    (
        "name: a\ntrigger: {event: schedule, cron: 0 9 * * *, accounts: {only: [b]}}\nsteps: {b: {uses: w@1}}",
        "a schedule is of no account",
    ),
    (
        "name: a\ntrigger: {event: schedule, cron: 0 9 * * *, for: {list: My List}}\nsteps: {b: {uses: w@1}}",
        "(did you mean `my-list`?)",
    ),
    (
        "name: a\ntrigger: {event: webhook, accounts: {only: [b]}}\nsteps: {b: {uses: w@1}}",
        "a webhook is of no account",
    ),
    (
        "name: a\ntrigger: {event: webhook, contact: email}\nsteps: {b: {uses: w@1}}",
        "the contact of a webhook is a mapping",
    ),
    (
        "name: a\ntrigger: {event: webhook, contact: {by: name, path: $.a}}\nsteps: {b: {uses: w@1}}",
        "`id`, `email` or `phone`",
    ),
    (
        "name: a\ntrigger: {event: webhook, contact: {by: email, path: a.b}}\nsteps: {b: {uses: w@1}}",
        "a path begins with `$`",
    ),
    (
        "name: a\ntrigger: {event: webhook, contact: {by: email}}\nsteps: {b: {uses: w@1}}",
        "`path` is missing",
    ),
    (
        "name: a\ntrigger: {event: webhook, contact: {path: $.a}}\nsteps: {b: {uses: w@1}}",
        "`by` is missing",
    ),
    (
        "name: a\ntrigger: {event: webhook, create-contact: true}\nsteps: {b: {uses: w@1}}",
        "needs `contact`",
    ),
    (
        "name: a\ntrigger: {event: webhook, variables: {}}\nsteps: {b: {uses: w@1}}",
        "`variables` is a mapping",
    ),
    (
        "name: a\ntrigger: {event: webhook, variables: {Order: $.a}}\nsteps: {b: {uses: w@1}}",
        "`Order` is no name of a variable",
    ),
    (
        "name: a\ntrigger: {event: webhook, variables: {v0: $.a, v1: $.a, v2: $.a, v3: $.a, v4: $.a, v5: $.a, v6: $.a, v7: $.a, v8: $.a, v9: $.a, v10: $.a}}\nsteps: {b: {uses: w@1}}",
        "at most 10 variables",
    ),
    (
        "name: a\ntrigger: {event: webhook, signature: {header: h}}\nsteps: {b: {uses: w@1}}",
        "`secret` is missing",
    ),
    (
        "name: a\ntrigger: {event: webhook, signature: {secret: s}}\nsteps: {b: {uses: w@1}}",
        "`header` is missing",
    ),
    (
        "name: a\ntrigger: {event: webhook, signature: {secret: s, header: \"a b\"}}\nsteps: {b: {uses: w@1}}",
        "`header` is the name of a header",
    ),
    (
        "name: a\ntrigger: {event: webhook, signature: {secret: s, header: h, encoding: octal}}\nsteps: {b: {uses: w@1}}",
        "`hex` or `base64`",
    ),
    (
        "name: a\ntrigger: {event: webhook, signature: {secret: s, header: h, signed: \"body\"}}\nsteps: {b: {uses: w@1}}",
        "holds `{body}` once",
    ),
    (
        "name: a\ntrigger: {event: webhook, signature: {secret: s, header: h, signed: \"{timestamp}{body}\"}}\nsteps: {b: {uses: w@1}}",
        "go together",
    ),
    (
        "name: a\ntrigger: {event: webhook, signature: {secret: s, header: h, timestamp-header: t, signed: \"{body}\"}}\nsteps: {b: {uses: w@1}}",
        "go together",
    ),
    (
        "name: a\ntrigger: {event: webhook, signature: {secret: s, header: h, window: 5m}}\nsteps: {b: {uses: w@1}}",
        "only with `timestamp-header`",
    ),
    (
        "name: a\ntrigger: {event: webhook, allow-from: []}\nsteps: {b: {uses: w@1}}",
        "a list of 1 to 100 networks",
    ),
    (
        "name: a\ntrigger: {event: webhook, allow-from: [example.com]}\nsteps: {b: {uses: w@1}}",
        "an address or a network",
    ),
    (
        "name: a\ntrigger: {event: webhook, reply: {status: 302}}\nsteps: {b: {uses: w@1}}",
        "a whole number from 200 to 299",
    ),
    (
        "name: a\ntrigger: {event: webhook, reply: {content-type: xml}}\nsteps: {b: {uses: w@1}}",
        "`content-type` is a media type",
    ),
    (
        "name: a\ntrigger: {event: shortcut}\nsteps: {b: {uses: w@1}}",
        "`title` is missing",
    ),
    (
        "name: a\ntrigger: {event: manual, form: []}\nsteps: {b: {uses: w@1}}",
        "triggers on `shortcut` only",
    ),
    (
        "name: a\ntrigger: {event: shortcut, title: T, form: [{}]}\nsteps: {b: {uses: w@1}}",
        "`variable` is missing",
    ),
    (
        "name: a\ntrigger: {event: shortcut, title: T, form: [{variable: A}]}\nsteps: {b: {uses: w@1}}",
        "`A` is no name of a variable",
    ),
    (
        "name: a\ntrigger: {event: shortcut, title: T, form: [{variable: a, type: colour}]}\nsteps: {b: {uses: w@1}}",
        "not `colour`",
    ),
    (
        "name: a\ntrigger: {event: shortcut, title: T, form: [{variable: a, type: list}]}\nsteps: {b: {uses: w@1}}",
        "`options` is missing",
    ),
    (
        "name: a\ntrigger: {event: shortcut, title: T, form: [{variable: a, options: [x]}]}\nsteps: {b: {uses: w@1}}",
        "only a field of type `list`",
    ),
    (
        "name: a\ntrigger: {event: shortcut, title: T, form: [{variable: a, type: list, options: [x, x]}]}\nsteps: {b: {uses: w@1}}",
        "stands in the list twice",
    ),
    (
        "name: a\ntrigger: {event: contact.field-updated, field: 1}\nsteps: {b: {uses: w@1}}",
        "`field` is a text",
    ),
    (
        "name: a\ntrigger: {event: contact.field-updated, field: \"\"}\nsteps: {b: {uses: w@1}}",
        "the name of a field",
    ),
    (
        "name: a\ntrigger: {event: contact.field-updated, new: Paris}\nsteps: {b: {uses: w@1}}",
        "an operator with its operand",
    ),
    (
        "name: a\ntrigger: {event: contact.field-updated, new: {equals: Paris}}\nsteps: {b: {uses: w@1}}",
        "`equals`",
    ),
    (
        "name: a\ntrigger: {event: contact.field-updated, new: {field: a, is: b}}\nsteps: {b: {uses: w@1}}",
        "an operator with its operand",
    ),
    (
        "name: a\ntrigger: {event: lifecycle.updated, to: lead}\nsteps: {b: {uses: w@1}}",
        "`to` is a list of 1 to 100 texts",
    ),
    (
        "name: a\ntrigger: {event: lifecycle.updated, from: []}\nsteps: {b: {uses: w@1}}",
        "`from` is a list of 1 to 100 texts",
    ),
    (
        "name: a\ntrigger: {event: lifecycle.updated, when-cleared: maybe}\nsteps: {b: {uses: w@1}}",
        "`when-cleared` is true or false",
    ),
    (
        "name: a\ntrigger: {event: tag.updated, action: changed}\nsteps: {b: {uses: w@1}}",
        "`added` or `removed`",
    ),
    (
        "name: a\ntrigger: {event: tag.updated, tags: []}\nsteps: {b: {uses: w@1}}",
        "`tags` is a list",
    ),
    (
        "name: a\ntrigger: {event: conversation.opened, source: contact}\nsteps: {b: {uses: w@1}}",
        "`source` is a mapping",
    ),
    (
        "name: a\ntrigger: {event: conversation.opened, source: {is: zapier}}\nsteps: {b: {uses: w@1}}",
        "not `zapier`",
    ),
    (
        "name: a\ntrigger: {event: conversation.opened, source: {is: contact, is-not: api}}\nsteps: {b: {uses: w@1}}",
        "`{is: …}` or `{is-not: …}`",
    ),
    (
        "name: a\ntrigger: {event: conversation.closed, source: {is: contact}}\nsteps: {b: {uses: w@1}}",
        "not `contact`",
    ),
    (
        "name: a\ntrigger: {event: conversation.closed, category: {has-any-of: []}}\nsteps: {b: {uses: w@1}}",
        "`has-any-of` is a list",
    ),
    (
        "name: a\ntrigger: {event: conversation.closed, category: {}}\nsteps: {b: {uses: w@1}}",
        "`{has-any-of: […]}`",
    ),
    (
        "name: a\ntrigger: {event: click-to-chat, ads: 7}\nsteps: {b: {uses: w@1}}",
        "`ads` is a list",
    ),
    (
        "name: a\ntrigger: {event: broadcast.replied, broadcasts: offers}\nsteps: {b: {uses: w@1}}",
        "`broadcasts` is a list",
    ),
    (
        "name: a\ntrigger: {event: call.ended, calendar: {monday: [9]}}\nsteps: {b: {uses: w@1}}",
        "`monday` must be a list of texts",
    ),
    (
        "name: a\ntrigger: {event: call.ended, calendar: Office Hours}\nsteps: {b: {uses: w@1}}",
        "business hours are a mapping",
    ),
    (
        "name: a\ntrigger: {event: manual, tags: [a]}\nsteps: {b: {uses: w@1}}",
        "triggers on `tag.updated` only",
    ),
    ("[]", "a workflow is a mapping"),
    (
        "trigger: {event: manual}\nsteps: {b: {uses: w@1}}",
        "`name` is missing",
    ),
    (
        "name: Missed Call\ntrigger: {event: manual}\nsteps: {b: {uses: w@1}}",
        "1:1: `name` is lower-case words with hyphens, at most 64 characters (did you mean `missed-call`?)",
    ),
    ("name: a\nsteps: {b: {uses: w@1}}", "`trigger` is missing"),
    ("name: a\ntrigger: {event: manual}", "`steps` is missing"),
    (
        "name: a\ntrigger: {event: manual}\nsteps: {}",
        "at least one step",
    ),
    (
        "name: a\ntrigger: {event: manual}\nsteps: [{uses: w@1}]",
        "not a list: give each step an id",
    ),
    (
        "name: a\ntrigger: {event: manual}\ntriggers: [{event: manual}]\nsteps: {b: {uses: w@1}}",
        "put all of them into `triggers`",
    ),
    (
        "name: a\ntriggers: []\nsteps: {b: {uses: w@1}}",
        "at least one trigger",
    ),
    (
        "name: a\ntrigger: {}\nsteps: {b: {uses: w@1}}",
        "2:1: `event` is missing",
    ),
    (
        "name: a\ntrigger: {event: Call Ended}\nsteps: {b: {uses: w@1}}",
        "(did you mean `call.ended`?)",
    ),
    (
        "name: a\ntrigger: {event: manual, acounts: all}\nsteps: {b: {uses: w@1}}",
        "2:26: `acounts` is not a key of a trigger (did you mean `accounts`?)",
    ),
    (
        "name: a\ntrigger: {event: manual, accounts: shop}\nsteps: {b: {uses: w@1}}",
        "{only: [shop]}",
    ),
    (
        "name: a\ntrigger: {event: manual, accounts: {only: []}}\nsteps: {b: {uses: w@1}}",
        "1 to 1000 accounts",
    ),
    (
        "name: a\ntrigger: {event: manual, once-per-contact: yes}\nsteps: {b: {uses: w@1}}",
        "true, false or a duration: `yes` is not",
    ),
    (
        "name: a\ntrigger: {event: manual, once-per-contact: 0s}\nsteps: {b: {uses: w@1}}",
        "longer than nothing",
    ),
    (
        "name: a\ntrigger: {event: manual, once-per-contact: 12}\nsteps: {b: {uses: w@1}}",
        "not a number",
    ),
    (
        "name: a\ntrigger:\n  event: call.ended\n  when: {all: [{field: call.status, iss: missed}]}\nsteps: {b: {uses: w@1}}",
        "4:37: `iss` is not an operator (did you mean `is`?)",
    ),
    (
        "name: a\ntrigger: {event: manual}\nexit-on: [conversation-close]\nsteps: {b: {uses: w@1}}",
        "(did you mean `conversation-closed`?)",
    ),
    (
        "name: a\ntrigger: {event: manual}\nunset-variables: none\nsteps: {b: {uses: w@1}}",
        "`empty`, `literal` or `fail`",
    ),
    (
        "name: a\ntrigger: {event: manual}\nmax-visits: 0\nsteps: {b: {uses: w@1}}",
        "from 1 to 100000",
    ),
    (
        "name: a\ntrigger: {event: manual}\nsteps: {end: {uses: w@1}}",
        "no step can be called that",
    ),
    (
        "name: a\ntrigger: {event: manual}\nsteps: {Step_One: {uses: w@1}}",
        "(did you mean `step-one`?)",
    ),
    (
        "name: a\ntrigger: {event: manual}\nsteps:\n  b: {user: w@1}",
        "4:7: `user` is not a key of a step (did you mean `uses`?)",
    ),
    (
        "name: a\ntrigger: {event: manual}\nsteps:\n  b: {uses: w@1, settings: {}}",
        "(did you mean `with`?)",
    ),
    (
        "name: a\ntrigger: {event: manual}\nsteps: {b: {uses: send message}}",
        "(did you mean `send-message@1`?)",
    ),
    (
        "name: a\ntrigger: {event: manual}\nsteps: {b: {uses: send-message@v2.1}}",
        "(did you mean `send-message@2`?)",
    ),
    (
        "name: a\ntrigger: {event: manual}\nsteps: {b: {uses: w@1, with: []}}",
        "`with` is a mapping of settings",
    ),
    (
        "name: a\ntrigger: {event: manual}\nsteps:\n  say-hello: {uses: w@1}\n  b:\n    uses: w@1\n    next: say-helo",
        "7:5: there is no step `say-helo` (did you mean `say-hello`?)",
    ),
    (
        "name: a\ntrigger: {event: manual}\nsteps: {b: {uses: w@1, branches: {failure: c}}}",
        "there is no step `c`",
    ),
    (
        "name: a\ntrigger: {event: manual}\nsteps: {b: {uses: w@1, branches: [c]}}",
        "maps branches to steps",
    ),
    (
        "name: a\ntrigger: {event: manual}\nsteps: {b: {uses: w@1, retry: {attempts: 11}}}",
        "from 0 to 10",
    ),
    (
        "name: a\ntrigger: {event: manual}\nsteps: {b: {uses: w@1, retry: {first: 30}}}",
        "`30s` for seconds",
    ),
    (
        "name: a\ntrigger: {event: manual}\nsteps: {b: {uses: w@1, retry: {first: 1h, max: 1m}}}",
        "shorter than",
    ),
    (
        "name: a\nname: b\ntrigger: {event: manual}\nsteps: {b: {uses: w@1}}",
        "2:1: `name` stands here twice, first in line 1",
    ),
];

#[test]
fn a_refusal_says_where_and_what_would_be_right() {
    for (source, part) in REFUSED {
        let problems = problems(source);
        let told: Vec<String> = problems.iter().map(ToString::to_string).collect();
        assert!(
            told.iter().any(|told| told.contains(part)),
            "{source}\n{told:#?}"
        );
        assert!(
            problems
                .iter()
                .all(|p| p.line.is_some() || p.path.is_empty()),
            "{told:#?}"
        );
    }
}

#[test]
fn all_problems_are_told_in_the_order_of_the_text() {
    let found = problems(
        "name: A\ntrigger: {event: call.ended, when: {field: x}}\nsteps:\n  b: {uses: w, nxt: c}\n  c: {}\n",
    );
    let codes: Vec<&str> = found.iter().map(|problem| problem.code).collect();
    assert_eq!(
        codes,
        ["name", "condition", "uses", "unknown-key", "missing"]
    );
    assert_eq!(
        found[3].in_file("a.yaml").to_string(),
        "a.yaml:4:16: `nxt` is not a key of a step (did you mean `next`?)"
    );
    assert_eq!(
        serde_json::to_value(&found[3]).unwrap(),
        json!({"code": "unknown-key", "message": "`nxt` is not a key of a step", "suggestion": "next",
               "path": "/steps/b/nxt", "line": 4, "column": 16, "severity": "error"})
    );
}

#[test]
fn the_number_of_steps_is_bounded() {
    let steps = |n: usize| {
        let steps: Vec<String> = (0..n).map(|i| format!("  s{i}: {{uses: w@1}}")).collect();
        format!(
            "name: a\ntrigger: {{event: manual}}\nsteps:\n{}\n",
            steps.join("\n")
        )
    };
    assert_eq!(parse(&steps(MAX_STEPS)).steps.len(), MAX_STEPS);
    assert_eq!(problems(&steps(MAX_STEPS + 1))[0].code, "too-many");
}

#[test]
fn names_are_lower_case_words() {
    for name in ["a", "send-message", "step-2", "a1-b2"] {
        assert!(is_name(name), "{name}");
    }
    for name in [
        "",
        "-a",
        "a-",
        "a--b",
        "A",
        "1a",
        "a_b",
        "é",
        &"a".repeat(65),
    ] {
        assert!(!is_name(name), "{name}");
    }
}

#[test]
fn every_event_can_be_named_and_every_field_is_a_variable() {
    for event in &events::EVENTS {
        assert!(events::is_event_name(event.name));
    }
    let call = events::find("call.ended").unwrap().namespaces;
    assert!(call[0].fields.len() >= 25);
    for namespace in events::namespaces(events::EVENTS.iter().map(|event| event.name)) {
        for field in namespace.fields {
            let text = format!("${}.{}", namespace.name, field.name);
            let template = crate::variables::Template::parse(&text);
            assert_eq!(template.lone().unwrap().source, text);
        }
    }
    assert!(events::is_event_name("shop.order-paid") && events::is_event_name("paid"));
    assert!(!events::is_event_name("Shop") && !events::is_event_name("a..b"));
}

/// A sample with some of its text put elsewhere.
fn mangled() -> impl Strategy<Value = String> {
    (
        0..SAMPLES.len(),
        any::<prop::sample::Index>(),
        any::<prop::sample::Index>(),
        "\\PC{0,6}|[{}\\[\\]:,\n &*!-]{0,4}",
    )
        .prop_map(|(sample, from, to, put)| {
            let text: Vec<char> = SAMPLES[sample].1.chars().collect();
            let (a, b) = (from.index(text.len()), to.index(text.len()));
            let (a, b) = (a.min(b), a.max(b).min(a.min(b) + 40));
            text[..a]
                .iter()
                .copied()
                .chain(put.chars())
                .chain(text[b..].iter().copied())
                .collect()
        })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn any_text_is_read_or_refused(source in "\\PC{0,300}") {
        prop_assert!(Document::parse(&source).is_err());
    }

    #[test]
    fn a_mangled_document_is_read_or_refused(source in mangled()) {
        match Document::parse(&source) {
            Ok(document) => {
                let json = serde_json::to_string(&document).unwrap();
                prop_assert_eq!(serde_json::from_str::<Document>(&json).unwrap(), document);
            }
            Err(problems) => prop_assert!(any_error(&problems)),
        }
    }
}

#[test]
fn a_workflow_has_one_address_and_one_form_and_a_contact_is_not_made_by_an_id() {
    // What a schema cannot say.
    for (source, part) in [
        (
            "name: a\ntriggers: [{event: webhook}, {event: manual}, {event: webhook}]\nsteps: {b: {uses: w@1}}",
            "at most one trigger on `webhook`",
        ),
        (
            "name: a\ntrigger: {event: webhook, create-contact: true, contact: {by: id, path: $.a}}\nsteps: {b: {uses: w@1}}",
            "not by an id",
        ),
        (
            "name: a\ntrigger: {event: shortcut, title: T, form: [{variable: a}, {variable: a}]}\nsteps: {b: {uses: w@1}}",
            "two fields are called `a`",
        ),
        (
            "name: a\ntrigger: {event: webhook, signature: {secret: s, header: h, timestamp-header: t, window: 25h}}\nsteps: {b: {uses: w@1}}",
            "`window` is from 1s to 1d",
        ),
    ] {
        let problems = Document::parse(source).unwrap_err();
        let said: Vec<String> = problems.iter().map(|one| one.message.clone()).collect();
        assert!(
            said.iter().any(|one| one.contains(part)),
            "{source}: {said:?}"
        );
    }
}

#[test]
fn settings_in_short_are_conditions() {
    for (trigger, when) in [
        (
            "contact.field-updated, field: city, new: {is: Paris}",
            json!({"all": [{"field": "field.name", "is": "city"}, {"field": "field.new", "is": "Paris"}]}),
        ),
        (
            "contact.field-updated, field: city, when: {field: field.old, exists: true}",
            json!({"all": [{"field": "field.name", "is": "city"}, {"field": "field.old", "exists": true}]}),
        ),
        (
            "tag.updated, tags: [vip, 7], action: added, when: {all: [{field: contact.city, is: Nice}]}",
            json!({"all": [{"field": "tag.name", "in": ["vip", "7"]}, {"field": "tag.action", "is": "added"},
                {"field": "contact.city", "is": "Nice"}]}),
        ),
        (
            "lifecycle.updated, to: [customer], from: [lead]",
            json!({"all": [{"field": "lifecycle.old", "in": ["lead"]}, {"field": "lifecycle.new", "in": ["customer"]}]}),
        ),
        (
            "lifecycle.updated, to: [customer], when-cleared: true",
            json!({"any": [{"field": "lifecycle.new", "in": ["customer"]}, {"field": "lifecycle.new", "not-exists": true}]}),
        ),
        (
            "conversation.opened, source: {is-not: workflow}",
            json!({"field": "event.conversation.source", "is-not": "workflow"}),
        ),
        (
            "conversation.closed, category: {has-none-of: [spam]}, source: {is: user}",
            json!({"all": [{"field": "event.conversation.closed_by", "is": "user"},
                {"field": "event.conversation.category", "not-in": ["spam"]}]}),
        ),
        (
            "call.ended, calendar: {monday: [\"09:00-12:00\"], time-zone: Europe/Paris}",
            json!({"field": "system.current_datetime",
                "within-hours": {"time-zone": "Europe/Paris", "monday": ["09:00-12:00"]}}),
        ),
        (
            "call.ended, calendar: office",
            json!({"field": "system.current_datetime", "within-hours": "office"}),
        ),
        (
            "click-to-chat, ads: [a1]",
            json!({"field": "ad.id", "in": ["a1"]}),
        ),
        (
            "broadcast.replied, broadcasts: [offers]",
            json!({"field": "broadcast.workflow", "in": ["offers"]}),
        ),
    ] {
        let source = format!("name: a\ntrigger: {{event: {trigger}}}\nsteps: {{b: {{uses: w@1}}}}");
        let document = parse(&source);
        let read = document.triggers[0].when.as_ref().unwrap().to_json();
        assert_eq!(read, when, "{trigger}");
        let again = Document::from_value(&document.to_json()).unwrap();
        assert_eq!(again.triggers, document.triggers, "{trigger}");
    }
    let document = parse("name: a\ntrigger: {event: lifecycle.updated}\nsteps: {b: {uses: w@1}}");
    assert_eq!(document.triggers[0].when, None);
}
