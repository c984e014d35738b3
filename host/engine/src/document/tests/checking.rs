//! What publishing finds: each problem with line, column and suggestion.

#![allow(clippy::unwrap_used)]
use std::collections::HashMap;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{super::*, SAMPLES, parse};
use crate::variables::{Snippet, Snippets};

struct Workspace;

fn descriptors() -> Vec<StepDescriptor> {
    let send = json!({
        "name": "send-message", "version": "1.4.2", "title": "Send a message", "waits": true,
        "settings": {
            "type": "object",
            "properties": {
                "channel": {"type": "string", "x-jackfield-ref": "channel"},
                "to": {"type": "string"},
                "text": {"type": "string", "maxLength": 2000},
                "subject": {"type": "string"},
                "template": {"type": "string", "x-jackfield-ref": "template"},
                "priority": {"enum": ["low", "high"]},
                "attempts": {"type": "integer", "minimum": 1},
                "unsubscribe": {"type": "object"},
            },
            "required": ["channel"],
            "additionalProperties": false,
        },
        "output": {"type": "object", "properties": {"message": {"type": "string"}}},
    });
    let wait = json!({
        "name": "wait", "version": "1.0.0", "waits": true,
        "settings": {"type": "object", "oneOf": [
            {"properties": {"for": {"type": "string"}}, "additionalProperties": false},
            {"properties": {"until": {"type": "string", "format": "date-time"}}, "required": ["until"], "additionalProperties": false},
        ]},
    });
    let ask = json!({
        "name": "ask-question", "version": "1.0.0", "waits": true,
        "branches": [
            {"name": "timeout", "title": "No answer", "otherwise": "end"},
            {"name": "invalid", "title": "Wrong answer", "otherwise": "failure"},
            {"name": "skipped", "title": "Skipped"},
        ],
        "settings": {"type": "object", "properties": {"text": {}, "type": {}, "save": {"type": "object", "properties": {
            "field": {"type": "string", "x-jackfield-ref": "contact-field", "x-jackfield-field-kinds": {
                "by": "/type", "default": "text", "kinds": {"text": ["text", "list"], "number": ["number"], "email": ["email", "text"]},
            }},
        }}}},
        "output": {"type": "object", "properties": {"answer": {}}},
    });
    let branch = json!({
        "name": "branch", "version": "1.0.0", "branches-from": "/branches/*/name",
        "branches": [{"name": "else", "title": "None of them"}],
        "settings": {"type": "object", "properties": {"branches": {"type": "array", "items": {
            "type": "object", "properties": {"name": {"type": "string"}, "when": {"x-jackfield-raw": true, "x-jackfield-ref": "condition", "x-jackfield-max-tests": 3}},
        }}}},
    });
    let jump = json!({
        "name": "jump-to", "version": "1.0.0", "bounds-loops": true,
        "settings": {"type": "object", "properties": {"step": {"type": "string", "x-jackfield-ref": "step"}}},
    });
    let http = json!({
        "name": "http-request", "version": "1.0.0",
        "settings": {"type": "object", "properties": {
            "method": {"enum": ["GET", "POST"]}, "url": {"type": "string", "format": "uri"},
            "timeout": {"anyOf": [{"type": "integer"}, {"type": "null"}]},
            "headers": {"type": "object", "additionalProperties": {"type": "string"}},
            "body": {"type": "string", "contentMediaType": "application/json"},
        }, "required": ["url"], "additionalProperties": false},
    });
    let set = json!({"name": "set", "version": "2.0.0"});
    [send, wait, ask, branch, jump, http, set]
        .iter()
        .map(|value| StepDescriptor::from_value(value).unwrap())
        .collect()
}

impl Catalogue for Workspace {
    fn step(&self, name: &str, major: u64) -> Option<StepDescriptor> {
        descriptors()
            .into_iter()
            .find(|step| step.name == name && step.major() == Some(major))
    }
    fn step_names(&self) -> Vec<String> {
        descriptors()
            .iter()
            .map(StepDescriptor::reference)
            .collect()
    }
    fn channels(&self) -> Option<Vec<String>> {
        Some(
            ["main-sms", "office-mail", "mail"]
                .map(str::to_owned)
                .to_vec(),
        )
    }
    fn templates(&self) -> Option<Vec<String>> {
        Some(["missed-call", "invoice"].map(str::to_owned).to_vec())
    }
    fn contact_fields(&self) -> Option<Vec<String>> {
        Some(vec!["city".to_owned(), "age".to_owned()])
    }
    fn snippets(&self) -> Option<Snippets> {
        let snippet = |text: &str| Snippet {
            text: text.to_owned(),
            attachments: vec!["https://example.com/map.pdf".to_owned()],
        };
        let all = [
            ("opening-hours", snippet("Dear $contact.firstname")),
            ("called", snippet("After $call.duration s")),
        ];
        let all = all.map(|(name, snippet)| (name.to_owned(), snippet));
        Some(Snippets::new(all.into_iter().collect()))
    }
    fn field_kinds(&self) -> Option<HashMap<String, String>> {
        let kinds = [("city", "text"), ("age", "number")];
        Some(HashMap::from(
            kinds.map(|(name, kind)| (name.to_owned(), kind.to_owned())),
        ))
    }
}

/// Knows the plugins and nothing else.
struct Unknown;

impl Catalogue for Unknown {
    fn step(&self, name: &str, major: u64) -> Option<StepDescriptor> {
        Workspace.step(name, major)
    }
    fn step_names(&self) -> Vec<String> {
        Workspace.step_names()
    }
    fn channels(&self) -> Option<Vec<String>> {
        None
    }
    fn templates(&self) -> Option<Vec<String>> {
        None
    }
    fn contact_fields(&self) -> Option<Vec<String>> {
        None
    }
}

fn told(source: &str) -> Vec<String> {
    parse(source)
        .check(&Workspace)
        .iter()
        .map(|p| format!("{} {p}", p.code))
        .collect()
}

/// Steps below a trigger of `call.ended`: they start in line 4.
fn steps(steps: &str) -> String {
    format!("name: a\ntrigger: {{event: call.ended}}\nsteps:\n{steps}\n")
}

#[test]
fn the_samples_have_no_problems() {
    for (file, source) in SAMPLES {
        assert_eq!(told(source), Vec::<String>::new(), "{file}");
        assert_eq!(parse(source).check(&Unknown), [], "{file}");
    }
}

#[test]
fn a_branch_has_so_many_tests_and_no_more() {
    let test = "{field: call.duration, is: 1}";
    let branch = |when: &str| {
        told(&steps(&format!(
            "  b: {{uses: branch@1, with: {{branches: [{{name: x, when: {when}}}]}}, branches: {{x: end}}}}"
        )))
    };
    for fits in [
        test.to_owned(),
        format!("{{all: [{test}, {test}, {test}]}}"),
        format!("{{any: [{test}, {{not: {{all: [{test}, {test}]}}}}]}}"),
    ] {
        assert_eq!(branch(&fits), Vec::<String>::new(), "{fits}");
    }
    let many = branch(&format!(
        "{{any: [{test}, {{all: [{test}, {test}, {test}]}}]}}"
    ));
    assert!(
        many.len() == 1
            && many[0].starts_with("too-many-tests")
            && many[0].contains("this one has 4"),
        "{many:?}"
    );
}

#[test]
fn tries_are_as_many_as_the_setting_that_is_marked_for_it_asks_for() {
    let marked = json!({
        "name": "http-request", "version": "1.0.0",
        "settings": {"type": "object", "properties": {"retries": {"x-jackfield-retries": true}}},
    });
    let marked = StepDescriptor::from_value(&marked).unwrap();
    let attempts = |more: &str| {
        let document = parse(&steps(&format!("  b: {{uses: http-request@1, {more}}}")));
        fits::retry(&document.steps[0], Some(&marked)).attempts
    };
    assert_eq!(attempts("with: {}"), 3);
    assert_eq!(
        attempts("with: {retries: 0}"),
        3,
        "the plugin itself gives up"
    );
    assert_eq!(attempts("with: {retries: 5}"), 5);
    assert_eq!(attempts("with: {retries: 99}"), 10);
    assert_eq!(attempts("with: {retries: $vars.n}"), 10);
    assert_eq!(attempts("with: {retries: 5}, retry: {attempts: 1}"), 1);
    let document = parse(&steps("  b: {uses: set@2, with: {retries: 5}}"));
    assert_eq!(fits::retry(&document.steps[0], None).attempts, 3);
}

#[test]
fn a_field_takes_only_what_its_type_takes() {
    let ask = |with: &str| {
        told(&steps(&format!(
            "  b: {{uses: ask-question@1, with: {{{with}}}}}"
        )))
    };
    for fits in [
        "save: {field: city}",
        "save: {field: city}, type: email",
        "save: {field: age}, type: number",
        "save: {field: email}, type: email",
        "save: {field: firstname}",
        // Not known before the run, or of a type that the rule does not speak of.
        "save: {field: $vars.which}",
        "save: {field: age}, type: $vars.type",
        "save: {field: age}, type: date",
        "type: number",
    ] {
        assert_eq!(ask(fits), Vec::<String>::new(), "{fits}");
    }
    assert_eq!(
        ask("save: {field: age}"),
        [
            "field-type 4:43: the field `age` is of the type `number`, which takes no `text`: choose a field \
             of the type `text` or `list`"
        ]
    );
    assert!(ask("save: {field: firstname}, type: number")[0].starts_with("field-type"));
    // What the host keeps itself is no field that something is put into.
    assert!(ask("save: {field: tags}")[0].starts_with("unknown-field"));
}

#[test]
fn every_problem_is_told_with_its_place() {
    for (text, expected) in [
        (
            "  b: {uses: send-mesage@1}",
            "unknown-plugin 4:7: there is no step plugin `send-mesage@1` (did you mean `send-message@1`?)",
        ),
        (
            "  b: {uses: set@1}",
            "unknown-plugin 4:7: `set` is not installed in version 1; installed is `set@2` (did you mean `set@2`?)",
        ),
        (
            "  b:\n    uses: send-message@1\n    with:\n      chanel: main-sms",
            "unknown-setting 7:7: `chanel` is not a setting here: known are `channel`, `to`, `text`, `subject`, `template`, `priority`, `attempts` and `unsubscribe` (did you mean `channel`?)",
        ),
        (
            "  b: {uses: send-message@1}",
            "settings 4:3: the setting `channel` is missing",
        ),
        (
            "  b: {uses: send-message@1, with: {channel: main-sms, attempts: many}}",
            "settings 4:55: `attempts` must be a whole number, not `many`",
        ),
        (
            "  b: {uses: send-message@1, with: {channel: main-sms, priority: hihg}}",
            "settings 4:55: `priority` must be `low` or `high`, not `hihg` (did you mean `high`?)",
        ),
        (
            "  b: {uses: send-message@1, with: {channel: main-smss}}",
            "unknown-channel 4:36: there is no channel `main-smss`; there is `main-sms`, `office-mail` and `mail` (did you mean `main-sms`?)",
        ),
        (
            "  b: {uses: send-message@1, with: {channel: mail, template: invoic}}",
            "unknown-template 4:51: there is no template `invoic`; there is `missed-call` and `invoice` (did you mean `invoice`?)",
        ),
        (
            "  b: {uses: send-message@1, with: {channel: mail, text: \"$snippet.opening-hours\"}}",
            "unknown-snippet 4:51: there is no snippet `opening`: a name with hyphens stands in braces, as in `${snippet.opening-hours}` (did you mean `${snippet.opening-hours}`?)",
        ),
        (
            "  b: {uses: send-message@1, with: {channel: mail, text: \"${snippet.opening-hours.attachments[1]}\"}}",
            "unknown-attachment 4:51: the snippet `opening-hours` has 1 attachment(s), counted from 0",
        ),
        (
            "  b: {uses: send-message@1, when: {field: snippet.called, is: x}, with: {channel: mail, text: x}}",
            "snippet-in-condition 4:36: `snippet.called`: a snippet is put into texts, a condition cannot ask for it",
        ),
        (
            "  b: {uses: http-request@1, with: {url: not an address}}",
            "settings 4:36: `url` must be an address such as `https://example.com/`, not `not an address`",
        ),
        (
            "  b: {uses: wait@1, with: {until: soon}}",
            "settings 4:28: `until` must be a time such as `2026-12-01T09:00:00Z`, not `soon`",
        ),
        (
            "  b: {uses: jump-to@1, with: {step: c}}\n  cc: {uses: set@2}",
            "dangling-target 4:31: there is no step `c`; there is `b` and `cc`",
        ),
        (
            "  b: {uses: ask-question@1, branches: {timout: end}}",
            "unknown-branch 4:40: `ask-question@1` has no branch `timout`; it has `timeout`, `invalid`, `skipped`, `success` and `failure` (did you mean `timeout`?)",
        ),
        (
            "  b: {uses: branch@1, with: {branches: [{name: vip}]}}",
            "unmapped-branch 4:23: warning: the branch `vip` goes nowhere of its own",
        ),
        (
            "  b: {uses: branch@1, with: {branches: [{name: V I P}]}}",
            "name 4:23: `V I P` is not a branch: use lower-case words with hyphens (did you mean `v-i-p`?)",
        ),
        (
            "  b:\n    uses: branch@1\n    with:\n      branches: [{name: x, when: {field: call.status, iss: a}}]",
            "condition 7:55: `iss` is not an operator (did you mean `is`?)",
        ),
        (
            "  b:\n    uses: branch@1\n    with:\n      branches: [{name: x, when: {field: cal.status, is: a}}]",
            "unknown-namespace 7:35: `$cal.status`",
        ),
        (
            "  b: {uses: set@2, next: end}\n  c: {uses: set@2}",
            "unreachable-step 5:3: no run reaches the step `c`",
        ),
        (
            "  b: {uses: set@2}\n  c: {uses: http-request@1, with: {url: \"https://a.b/\"}, next: b}",
            "endless-loop 4:3: the steps `b` → `c` → `b` can go round for ever",
        ),
        (
            "  b: {uses: set@2, branches: {failure: b}}",
            "endless-loop 4:3: the steps `b` → `b`",
        ),
        (
            "  b: {uses: set@2, with: {x: Hi $contcat.firstname}}",
            "unknown-namespace 4:27: `$contcat.firstname`: there is no namespace `contcat`",
        ),
        (
            "  b: {uses: set@2, with: {x: $contcat.firstname}}",
            "(did you mean `contact.firstname`?)",
        ),
        (
            "  b: {uses: set@2, with: {x: $message.text}}",
            "`message` comes with `message.received`, `click-to-chat`, `broadcast.replied`, `message.sent-by-human`, `message.status` or `message.failed` only, and no trigger names that event",
        ),
        (
            "  b: {uses: set@2, with: {x: [$call.duratoin]}}",
            "unknown-variable 4:31: warning: `$call.duratoin`: `call` has no `duratoin` (did you mean `call.duration`?)",
        ),
        (
            "  b: {uses: set@2, with: {x: $contact.town}}",
            "unknown-variable 4:27: warning: `$contact.town`: `contact` has no `town`",
        ),
        (
            "  b: {uses: set@2, with: {x: \"${steps.c.answer}\"}}",
            "unknown-step 4:27: there is no step `c` whose output could be used",
        ),
        (
            "  b: {uses: ask-question@1}\n  c: {uses: set@2, with: {x: $steps.b.anwser}}",
            "unknown-output 5:27: warning: the step `b` (`ask-question@1`) gives no `anwser` (did you mean `steps.b.answer`?)",
        ),
        (
            "  b: {uses: set@2, with: {x: \"Hi ${name}\"}}",
            "doubtful-variable 4:27: warning: `${name}` is not a variable",
        ),
        (
            "  b: {uses: set@2, when: {field: contat.city, is: a}}",
            "unknown-namespace 4:27: `$contat.city`",
        ),
        (
            "  b: {uses: set@2, when: {field: contact.city, is: $vras.city}}",
            "unknown-namespace 4:48: `$vras.city`",
        ),
    ] {
        let told = told(&steps(text));
        assert!(
            told.iter().any(|told| told.contains(expected)),
            "{text}\n{told:#?}"
        );
    }
}

#[test]
fn places_of_a_template_are_to_be_filled_in_and_nothing_else_is_told_of_them() {
    let source = steps(
        "  a: {uses: send-message@1, with: {channel: FILL-IN the channel, text: FILL-INS are none}}\n  \
         b: {uses: ask-question@1, with: {text: FILL-IN}}",
    );
    assert_eq!(
        told(&source),
        [
            "fill-in 4:36: this is yet to be filled in: the channel",
            "fill-in 5:36: this is yet to be filled in",
        ]
    );
}

#[test]
fn what_is_right_is_not_complained_about() {
    for text in [
        "  b: {uses: send-message@1, with: {channel: $vars.channel, attempts: $vars.n, priority: \"$vars.p\"}}",
        "  b: {uses: send-message@1, with: {channel: last-interacted}}",
        "  b: {uses: http-request@1, with: {url: $event.url, timeout: $vars.n}}",
        "  b: {uses: wait@1, with: {until: $call.end}}",
        "  b: {uses: set@2, with: {x: \"$5 and $contact.city, $$contcat.x\"}}",
        "  b: {uses: jump-to@1, with: {step: d}, next: end}\n  d: {uses: set@2, next: b}",
        "  b: {uses: set@2}\n  c: {uses: wait@1, next: b}",
        "  b: {uses: branch@1, with: {branches: [{name: x, when: {field: vars.x, matches: ^a$b.c}}]}, branches: {x: end}}",
        "  b: {uses: set@2, when: {field: vars.x, matches: ^a$b.c}}",
    ] {
        assert_eq!(told(&steps(text)), Vec::<String>::new(), "{text}");
    }
}

#[test]
fn what_is_not_known_is_not_checked() {
    let text = steps(
        "  b: {uses: send-message@1, with: {channel: any, template: any, text: $contact.any}}",
    );
    assert_eq!(parse(&text).check(&Unknown), []);
}

#[test]
fn a_stored_document_has_the_same_problems_without_lines() {
    let text = steps("  b: {uses: send-mesage@1, with: {x: $y.z}}");
    let document = parse(&text);
    let stored: Document = serde_json::from_value(document.to_json()).unwrap();
    let without = |problems: Vec<Problem>| -> Vec<Problem> {
        problems
            .into_iter()
            .map(|problem| Problem {
                line: None,
                column: None,
                ..problem
            })
            .collect()
    };
    assert_eq!(
        stored.check(&Workspace),
        without(document.check(&Workspace))
    );
}

#[test]
fn branches_lead_where_the_document_or_the_plugin_says() {
    let document = parse(&steps(
        "  ask: {uses: ask-question@1, branches: {skipped: end, failure: sorry}}\n  \
           route: {uses: branch@1, with: {branches: [{name: x}]}, next: sorry}\n  sorry: {uses: set@2}",
    ));
    let of = |name: &str| {
        descriptors()
            .into_iter()
            .find(|step| step.name == name)
            .unwrap()
    };
    let step = |id: &str| Target::Step(id.to_owned());
    let ask = |branch: &str| document.target("ask", branch, &of("ask-question"));
    assert_eq!(ask("success"), step("route"), "the following step");
    assert_eq!(ask("skipped"), Target::End, "mapped");
    assert_eq!(ask("timeout"), Target::End, "its otherwise");
    assert_eq!(ask("invalid"), step("sorry"), "what failure does");
    assert_eq!(ask("unheard-of"), Target::Fail);
    let route = |branch: &str| document.target("route", branch, &of("branch"));
    assert_eq!(
        route("x"),
        step("sorry"),
        "from the settings, not mapped: next"
    );
    assert_eq!(route("else"), step("sorry"));
    assert_eq!(route("failure"), Target::Fail);
    assert_eq!(
        document.target("sorry", "success", &of("set")),
        Target::End,
        "the last one"
    );
    assert_eq!(
        document.target("nowhere", "success", &of("set")),
        Target::Fail
    );
    assert_eq!(document.following("ask"), step("route"));
    assert_eq!(document.following("sorry"), Target::End);
}

#[test]
fn a_descriptor_is_judged() {
    for (value, path, part) in [
        (json!([]), "", "is an object"),
        (json!({"version": "1.0.0"}), "", "name"),
        (
            json!({"name": "A", "version": "1.0.0"}),
            "/name",
            "lower-case",
        ),
        (
            json!({"name": "a", "version": "1"}),
            "/version",
            "three numbers",
        ),
        (
            json!({"name": "a", "version": "1.0.0", "settings": {"type": "txt"}}),
            "/settings",
            "not a JSON Schema",
        ),
        (
            json!({"name": "a", "version": "1.0.0", "settings": {"$ref": "https://example.com/s"}}),
            "/settings",
            "not a JSON Schema",
        ),
        (
            json!({"name": "a", "version": "1.0.0", "output": {"pattern": "("}}),
            "/output",
            "not a JSON Schema",
        ),
        (
            json!({"name": "a", "version": "1.0.0", "branches": [{"name": "end"}]}),
            "/branches/0/name",
            "not `next`",
        ),
        (
            json!({"name": "a", "version": "1.0.0", "branches": [{"name": "x"}, {"name": "x"}]}),
            "/branches/1/name",
            "twice",
        ),
        (
            json!({"name": "a", "version": "1.0.0", "branches": [{"name": "x", "otherwise": "failur"}]}),
            "/branches/0/otherwise",
            "did you mean `failure`",
        ),
        (
            json!({"name": "a", "version": "1.0.0", "branches": [{"name": "x", "otherwise": "y"}, {"name": "y", "otherwise": "x"}]}),
            "/branches/0/otherwise",
            "circle",
        ),
        (
            json!({"name": "a", "version": "1.0.0", "failures": [{"code": "http-*", "title": "x"}, {"code": "No Way", "title": "x"}]}),
            "/failures/1/code",
            "is no code",
        ),
        (
            json!({"name": "a", "version": "1.0.0", "failures": [{"code": "x", "title": "x"}, {"code": "x", "title": "y"}]}),
            "/failures/1/code",
            "twice",
        ),
        (
            json!({"name": "a", "version": "1.0.0", "branches-from": "branches"}),
            "/branches-from",
            "JSON pointer",
        ),
    ] {
        let problems = StepDescriptor::from_value(&value).unwrap_err();
        assert_eq!(problems[0].path, path, "{value}: {problems:?}");
        assert!(problems[0].message.contains(part), "{value}: {problems:?}");
    }
    assert_eq!(
        StepDescriptor::parse("{").unwrap_err()[0].code,
        "descriptor"
    );
    let later = json!({"name": "a", "version": "1.0.0", "unheard-of": 1, "hosts": ["*"]});
    let read = StepDescriptor::parse(&later.to_string()).unwrap();
    assert_eq!(
        (read.reference().as_str(), read.fixed_branches().as_slice()),
        (
            "a@1",
            ["success".to_owned(), "failure".to_owned()].as_slice()
        )
    );
}

#[test]
fn branches_come_from_the_settings() {
    let with = |pointer: &str| {
        StepDescriptor::from_value(
            &json!({"name": "a", "version": "1.0.0", "branches-from": pointer}),
        )
        .unwrap()
    };
    let settings = json!({"list": [{"name": "x"}, {"name": "y"}, {}], "map": {"p": 1, "q": 2}, "plain": ["z"]});
    assert_eq!(with("/list/*/name").branches_in(&settings), ["x", "y"]);
    assert_eq!(with("/map/*").branches_in(&settings), ["p", "q"]);
    assert_eq!(with("/plain/*").branches_in(&settings), ["z"]);
    assert_eq!(with("/nothing/*").branches_in(&settings), [""; 0]);
}

#[test]
fn settings_are_strict_once_their_variables_are_in() {
    let send = descriptors().remove(0);
    let settings = json!({"channel": "x", "attempts": "$vars.n"});
    assert_eq!(send.check_settings(&settings, true), []);
    assert_eq!(send.check_settings(&settings, false)[0].path, "/attempts");
}

/// A graph of steps that neither wait nor bound loops, and `wait` steps between them.
fn graph() -> impl Strategy<Value = Vec<(bool, Option<usize>, Option<usize>)>> {
    let target = || prop::option::of(0_usize..12);
    prop::collection::vec((any::<bool>(), target(), target()), 1..12)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn a_document_without_errors_neither_spins_nor_has_dead_steps(graph in graph()) {
        let mut steps = serde_json::Map::new();
        for (index, (waits, next, failure)) in graph.iter().enumerate() {
            let mut step = json!({"uses": if *waits { "wait@1" } else { "set@2" }});
            let name = |target: &usize| Value::from(if *target < graph.len() { format!("s{target}") } else { "end".into() });
            if let Some(next) = next {
                step["next"] = name(next);
            }
            if let Some(failure) = failure {
                step["branches"] = json!({"failure": name(failure)});
            }
            steps.insert(format!("s{index}"), step);
        }
        let document = Document::from_value(&json!({"name": "a", "trigger": {"event": "manual"}, "steps": steps})).unwrap();
        let fine = !any_error(&document.check(&Workspace));
        // The same question asked the slow way: walk every path without a wait.
        let on = |id: &str| -> Vec<String> {
            let step = document.step(id).unwrap();
            let descriptor = Workspace.step(&step.uses.name, step.uses.major).unwrap();
            ["success", "failure"].iter().filter_map(|branch| match document.target(id, branch, &descriptor) {
                Target::Step(id) => Some(id),
                _ => None,
            }).collect()
        };
        let mut reached = vec!["s0".to_owned()];
        let mut at = 0;
        while at < reached.len() {
            for next in on(&reached[at]) {
                if !reached.contains(&next) { reached.push(next); }
            }
            at += 1;
        }
        let mut spins = false;
        for start in document.steps.iter().filter(|step| step.uses.name == "set") {
            let mut seen: Vec<String> = Vec::new();
            let mut queue = on(&start.id);
            while let Some(id) = queue.pop() {
                spins |= id == start.id;
                if document.step(&id).unwrap().uses.name == "set" && !seen.contains(&id) {
                    queue.extend(on(&id));
                    seen.push(id);
                }
            }
        }
        prop_assert_eq!(fine, reached.len() == document.steps.len() && !spins);
    }
}
