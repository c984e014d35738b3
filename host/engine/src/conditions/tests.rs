//! Every operator holds and fails where its rule says so, and no input makes the evaluator panic.

#![allow(clippy::unwrap_used)]
use jiff::{Timestamp, tz::TimeZone};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::variables::ValueScope;

fn scope() -> ValueScope {
    ValueScope {
        values: json!({
            "call": {
                "status": "Missed", "duration": 12, "wait": "7.5", "caller": "+33612345678",
                "first_url": "https://a.example/Prix?utm_source=ads&utm_medium=CPC&x=#top",
                "start": "2026-12-01 09:30:00", "nothing": null,
            },
            "contact": {
                "city": "Évry", "tags": ["VIP", "fr"], "zip": "01234", "empty": " ", "list": [],
                "last": "2026-12-01T09:00:00Z", "limit": 10, "future": "2027-01-01",
            },
            "message": {"text": "  ARRÊT, s'il vous plaît!"},
        }),
        now: "2026-12-01T11:00:00Z".parse::<Timestamp>().unwrap(),
        time_zone: TimeZone::get("Europe/Paris").unwrap(),
    }
}

fn parse(value: Value) -> Condition {
    Condition::parse(&value).unwrap_or_else(|problems| panic!("{value}: {problems:?}"))
}

fn holds(value: Value) -> bool {
    parse(value).evaluate(&scope())
}

/// A test that holds and one that does not, for each operator.
#[test]
fn every_operator_does_what_it_says() {
    let cases = [
        ("is", "call.status", json!("missed"), json!("answered")),
        ("is", "call.duration", json!("12.0"), json!("012x")),
        (
            "is",
            "call.caller",
            json!("+33612345678"),
            json!("33612345678"),
        ),
        ("is", "contact.zip", json!("01234"), json!("1234")),
        ("is", "contact.tags", json!(["vip", "FR"]), json!(["fr"])),
        ("is", "contact.city", json!("évry"), json!("evry")),
        ("is-not", "call.status", json!("answered"), json!("MISSED")),
        ("greater-than", "call.duration", json!(11), json!(12)),
        ("greater-than", "call.wait", json!(7), json!("8")),
        (
            "greater-than",
            "call.duration",
            json!("$contact.limit"),
            json!("$contact.zip"),
        ),
        ("at-least", "call.duration", json!(12), json!(12.5)),
        ("less-than", "call.duration", json!(20), json!(12)),
        ("at-most", "call.duration", json!(12), json!(11)),
        ("between", "call.duration", json!([12, 20]), json!([13, 20])),
        (
            "between",
            "call.start",
            json!(["2026-12-01", "2026-12-01"]),
            json!(["2026-12-02", "2026-12-03"]),
        ),
        (
            "between",
            "contact.last",
            json!(["1h", "2h"]),
            json!(["3h", "4h"]),
        ),
        ("exists", "call.status", json!(true), json!(false)),
        ("exists", "call.none", json!(false), json!(true)),
        ("exists", "contact.tags", json!(true), json!(false)),
        ("exists", "contact.list", json!(false), json!(true)),
        ("not-exists", "contact.list", json!(true), json!(false)),
        ("not-exists", "call.nothing", json!(true), json!(false)),
        ("not-exists", "call.status", json!(false), json!(true)),
        (
            "contains",
            "call.first_url",
            json!("/prix"),
            json!("/tarif"),
        ),
        ("contains", "contact.tags", json!("vip"), json!("vi")),
        ("not-contains", "contact.tags", json!("old"), json!("Vip")),
        ("starts-with", "call.caller", json!("+336"), json!("06")),
        ("ends-with", "call.first_url", json!("#TOP"), json!("x")),
        (
            "in",
            "call.status",
            json!(["missed", "busy"]),
            json!(["busy"]),
        ),
        ("not-in", "call.status", json!(["busy"]), json!(["missed"])),
        (
            "matches",
            "call.caller",
            json!("^\\+33[67]\\d+$"),
            json!("^06"),
        ),
        ("matches", "call.status", json!("^mis"), json!("(?-i)^mis")),
        (
            "has-any-of",
            "contact.tags",
            json!(["x", "vip"]),
            json!(["x"]),
        ),
        (
            "has-all-of",
            "contact.tags",
            json!(["fr", "vip"]),
            json!(["fr", "x"]),
        ),
        (
            "has-none-of",
            "contact.tags",
            json!(["x"]),
            json!(["x", "fr"]),
        ),
        (
            "after",
            "call.start",
            json!("2026-12-01 09:00"),
            json!("2026-12-01"),
        ),
        (
            "after",
            "call.start",
            json!("2026-12-01T08:29:59Z"),
            json!("2026-12-01T08:30:00Z"),
        ),
        (
            "before",
            "call.start",
            json!("2026-12-02"),
            json!("2026-12-01"),
        ),
        (
            "before",
            "call.start",
            json!("$contact.future"),
            json!("$contact.last_none"),
        ),
        ("is-empty", "contact.empty", json!(true), json!(false)),
        ("is-empty", "contact.list", json!(true), json!(false)),
        ("is-empty", "contact.none", json!(true), json!(false)),
        ("is-empty", "contact.city", json!(false), json!(true)),
        (
            "has-query-parameter",
            "call.first_url",
            json!("utm_source"),
            json!("utm_campaign"),
        ),
        (
            "has-query-parameter",
            "call.first_url",
            json!({"name": "utm_medium", "value": "cpc"}),
            json!({"name": "utm_medium", "value": "mail"}),
        ),
        ("older-than", "contact.last", json!("1h"), json!("2h")),
        ("newer-than", "contact.last", json!("3h"), json!("2h")),
        (
            "newer-than",
            "contact.future",
            json!("1s"),
            json!("$contact.city"),
        ),
        (
            "within-hours",
            "call.start",
            json!({"tuesday": ["09:00-10:00"]}),
            json!({"tuesday": ["10:00-11:00"]}),
        ),
        (
            "outside-hours",
            "call.start",
            json!({"monday": ["00:00-24:00"]}),
            json!({"time-zone": "UTC", "tuesday": ["08:00-09:00"]}),
        ),
        (
            "is-keyword",
            "message.text",
            json!("arret s il vous plait"),
            json!(["arret"]),
        ),
        (
            "starts-with-word",
            "message.text",
            json!(["stop", "arret"]),
            json!("ar"),
        ),
        (
            "contains-word",
            "message.text",
            json!(["stop", "vous plait"]),
            json!("rret"),
        ),
        (
            "not-contains-word",
            "message.text",
            json!("plai"),
            json!("plait"),
        ),
    ];
    for (operator, field, yes, no) in &cases {
        for (operand, expected) in [(yes, true), (no, false)] {
            let test = json!({"field": field, (*operator): operand});
            assert_eq!(holds(test.clone()), expected, "{test}");
        }
    }
    for operator in &operators::OPERATORS {
        assert!(
            cases.iter().any(|case| case.0 == operator.name),
            "{} has no case",
            operator.name
        );
    }
}

#[test]
fn a_missing_value_makes_only_the_negative_operators_hold() {
    let holding = [
        "is-not",
        "not-contains",
        "not-in",
        "has-none-of",
        "not-exists",
        "is-empty",
        "not-contains-word",
    ];
    for operator in &operators::OPERATORS {
        let operand = sample(operator.operand);
        let test = json!({"field": "call.nothing", operator.name: operand});
        assert_eq!(
            holds(test),
            holding.contains(&operator.name),
            "{}",
            operator.name
        );
    }
}

fn sample(operand: operators::Operand) -> Value {
    use operators::Operand as O;
    match operand {
        O::Scalar | O::Any | O::Text | O::Pattern | O::QueryParameter => json!("x"),
        O::Number => json!(1),
        O::List => json!(["x"]),
        O::Range => json!([1, 2]),
        O::Moment => json!("2026-12-01"),
        O::Duration => json!("1h"),
        O::Hours => json!({}),
        O::Switch => json!(true),
    }
}

#[test]
fn two_missing_values_are_not_the_same() {
    assert!(!holds(json!({"field": "call.status", "is": "$call.none"})));
    assert!(holds(
        json!({"field": "call.status", "is-not": "$call.none"})
    ));
    assert!(!holds(
        json!({"field": "call.status", "contains": "$call.none"})
    ));
    assert!(!holds(
        json!({"field": "call.status", "in": ["$call.none"]})
    ));
    assert!(holds(
        json!({"field": "call.status", "is": "${call.none|missed}"})
    ));
}

#[test]
fn accents_count_unless_they_are_folded() {
    assert!(!holds(json!({"field": "contact.city", "contains": "evr"})));
    assert!(holds(
        json!({"field": "contact.city", "contains": "evr", "fold-accents": true})
    ));
    assert!(holds(
        json!({"field": "contact.city", "is": "EVRY", "fold-accents": true})
    ));
    assert!(
        holds(json!({"field": "contact.city", "is": "E\u{301}vry"})),
        "NFKC"
    );
    assert!(holds(
        json!({"field": "contact.city", "matches": "^evry$", "fold-accents": true})
    ));
}

#[test]
fn groups_combine() {
    let missed = json!({"field": "call.status", "is": "missed"});
    let long = json!({"field": "call.duration", "greater-than": 60});
    assert!(holds(json!({"any": [long, missed]})));
    assert!(!holds(json!({"all": [long, missed]})));
    assert!(holds(json!({"all": [missed, {"not": long}]})));
    assert!(holds(json!({"not": {"all": [long, {"any": [missed]}]}})));
}

#[test]
fn an_explanation_shows_what_every_test_saw() {
    let condition = parse(json!({"any": [
        {"field": "call.status", "is": "missed"},
        {"not": {"field": "call.none", "greater-than": "$contact.limit"}},
    ]}));
    let explained = condition.explain(&scope());
    assert_eq!(
        serde_json::to_value(&explained).unwrap(),
        json!([
            {"field": "call.status", "operator": "is", "expected": "missed", "actual": "Missed", "held": true},
            {"field": "call.none", "operator": "greater-than", "expected": 10, "actual": null, "held": false},
        ])
    );
    assert_eq!(condition.fields(), ["call.status", "call.none"]);
    assert_eq!(condition.leaves()[1].0, "/any/1/not");
}

#[test]
fn a_refusal_says_where_and_what_would_be_right() {
    for (value, path, part) in [
        (json!("x"), "", "a mapping such as"),
        (json!({}), "", "`field` is missing"),
        (
            json!({"field": "call.status"}),
            "",
            "an operator is missing",
        ),
        (
            json!({"field": "call.status", "iss": 1}),
            "/iss",
            "(did you mean `is`?)",
        ),
        (
            json!({"field": "call.status", "regex": "a"}),
            "/regex",
            "(did you mean `matches`?)",
        ),
        (
            json!({"field": "$call.status", "is": 1}),
            "/field",
            "(did you mean `call.status`?)",
        ),
        (
            json!({"field": "status", "is": 1}),
            "/field",
            "namespace and name",
        ),
        (json!({"field": 1, "is": 1}), "/field", "is a text"),
        (
            json!({"field": "a.b", "is": 1, "is-not": 2}),
            "/is-not",
            "one operator",
        ),
        (json!({"field": "a.b", "is": {}}), "/is", "not a mapping"),
        (
            json!({"field": "a.b", "less-than": "soon"}),
            "/less-than",
            "takes a number, not `soon`",
        ),
        (
            json!({"field": "a.b", "less-than": "2m"}),
            "/less-than",
            "in seconds",
        ),
        (
            json!({"field": "a.b", "between": [1]}),
            "/between",
            "[10, 20]",
        ),
        (
            json!({"field": "a.b", "between": [1, "2h"]}),
            "/between",
            "[10, 20]",
        ),
        (json!({"field": "a.b", "in": []}), "/in", "a list"),
        (
            json!({"field": "a.b", "after": "soon"}),
            "/after",
            "2026-12-01",
        ),
        (
            json!({"field": "a.b", "older-than": "30"}),
            "/older-than",
            "`30s` for seconds",
        ),
        (
            json!({"field": "a.b", "matches": "("}),
            "/matches",
            "unclosed group",
        ),
        (
            json!({"field": "a.b", "matches": "((a{1000}){1000}){1000}"}),
            "/matches",
            "repeats too much",
        ),
        (
            json!({"field": "a.b", "exists": 1}),
            "/exists",
            "true or false",
        ),
        (
            json!({"field": "a.b", "within-hours": {"mon": []}}),
            "/within-hours",
            "monday",
        ),
        (
            json!({"field": "a.b", "is": 1, "fold-accents": 1}),
            "/fold-accents",
            "true or false",
        ),
        (json!({"all": []}), "/all", "at least one"),
        (json!({"all": [], "field": "a.b"}), "", "stands alone"),
        (
            json!({"any": [{"not": 3}]}),
            "/any/0/not",
            "a mapping such as",
        ),
    ] {
        let problems = Condition::parse(&value).unwrap_err();
        assert_eq!(problems[0].path, path, "{value}");
        assert!(
            problems[0].to_string().contains(part),
            "{value}: {}",
            problems[0]
        );
    }
}

#[test]
fn all_problems_are_told() {
    let problems =
        Condition::parse(&json!({"all": [{"field": "x", "foo": 1}, {"is": 2}, 3]})).unwrap_err();
    let paths: Vec<&str> = problems
        .iter()
        .map(|problem| problem.path.as_str())
        .collect();
    assert_eq!(paths, ["/all/0/field", "/all/0/foo", "/all/1", "/all/2"]);
}

#[test]
fn size_and_depth_are_bounded() {
    let leaf = json!({"field": "a.b", "is": 1});
    let wide = |n: usize| json!({"all": vec![leaf.clone(); n]});
    assert!(Condition::parse(&wide(MAX_NODES - 1)).is_ok());
    assert_eq!(Condition::parse(&wide(100_000)).unwrap_err().len(), 1);
    let deep = |n: usize| (1..n).fold(leaf.clone(), |inner, _| json!({"not": inner}));
    assert!(Condition::parse(&deep(MAX_DEPTH)).is_ok());
    assert!(Condition::parse(&deep(MAX_DEPTH + 1)).is_err());
}

fn any_leaf() -> impl Strategy<Value = Value> {
    let fields = [
        "call.status",
        "call.duration",
        "contact.tags",
        "call.nothing",
        "call.start",
        "contact.list",
    ];
    (
        prop::sample::select(fields.to_vec()),
        0..operators::OPERATORS.len(),
        any::<bool>(),
    )
        .prop_map(|(field, index, fold)| {
            let operator = &operators::OPERATORS[index];
            let mut leaf = json!({"field": field, operator.name: sample(operator.operand)});
            if fold {
                leaf["fold-accents"] = json!(true);
            }
            leaf
        })
}

fn any_condition() -> impl Strategy<Value = Value> {
    any_leaf().prop_recursive(3, 20, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 1..3).prop_map(|c| json!({"all": c})),
            prop::collection::vec(inner.clone(), 1..3).prop_map(|c| json!({"any": c})),
            inner.prop_map(|c| json!({"not": c})),
        ]
    })
}

fn any_json() -> impl Strategy<Value = Value> {
    let key = prop::sample::select(
        [
            "all",
            "any",
            "not",
            "field",
            "is",
            "between",
            "matches",
            "in",
            "older-than",
            "x",
            "within-hours",
            "has-query-parameter",
            "exists",
        ]
        .to_vec(),
    );
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "\\PC{0,12}|[a-z.$]{0,10}".prop_map(Value::from),
        Just(json!("call.status")),
    ];
    leaf.prop_recursive(5, 40, 4, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((key.clone(), inner), 0..4).prop_map(|entries| Value::Object(
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
    fn writing_and_reading_is_the_identity(value in any_condition()) {
        let condition = parse(value.clone());
        prop_assert_eq!(condition.to_json(), value);
        let text = serde_json::to_string(&condition).unwrap();
        prop_assert_eq!(serde_json::from_str::<Condition>(&text).unwrap(), condition);
    }

    #[test]
    fn not_is_the_negation(value in any_condition()) {
        let inner = holds(value.clone());
        prop_assert_eq!(holds(json!({"not": value})), !inner);
    }

    #[test]
    fn negative_operators_are_the_negation(value in "[a-z0-9 ]{0,4}|vip|missed|12", leaf in any_leaf()) {
        for (positive, negative) in [
            ("is", "is-not"), ("contains", "not-contains"), ("contains-word", "not-contains-word"),
        ] {
            let with = |name: &str| json!({"field": leaf["field"], name: value});
            prop_assert_ne!(holds(with(positive)), holds(with(negative)));
        }
        for (positive, negative) in [("in", "not-in"), ("has-any-of", "has-none-of")] {
            let with = |name: &str| json!({"field": leaf["field"], name: [value]});
            prop_assert_ne!(holds(with(positive)), holds(with(negative)));
        }
    }

    /// A value that is missing decides by the operator alone, whatever it is compared with.
    #[test]
    fn what_is_missing_holds_for_the_negative_operators_alone(leaf in any_leaf()) {
        let mut leaf = leaf;
        let condition = parse(leaf.clone());
        let operator = condition.leaves()[0].1.operator;
        leaf["field"] = json!("contact.never_there");
        let negative = [
            "is-not", "not-in", "not-contains", "has-none-of", "not-contains-word", "not-exists", "is-empty",
        ];
        let holds_for_missing = match (operator.operand, &leaf[operator.name]) {
            (operators::Operand::Switch, wanted) => *wanted == json!(negative.contains(&operator.name)),
            _ => negative.contains(&operator.name),
        };
        prop_assert_eq!(holds(leaf), holds_for_missing);
    }

    /// Case and width make no difference to any comparison of texts.
    #[test]
    fn case_and_width_make_no_difference(text in "[a-zàéîöüñß0-9 ]{1,12}") {
        let scope = ValueScope { values: json!({"call": {"text": text}}), ..scope() };
        let wide: String = text
            .to_uppercase()
            .chars()
            .map(|one| match one {
                'A'..='Z' | '0'..='9' => char::from_u32(one as u32 - 0x21 + 0xff01).unwrap(),
                other => other,
            })
            .collect();
        for operator in ["is", "contains", "starts-with", "ends-with"] {
            let held = parse(json!({"field": "call.text", operator: wide})).evaluate(&scope);
            prop_assert!(held, "{} {} {}", text, operator, wide);
        }
    }

    /// Of two numbers exactly one of less, equal and greater holds, whether they are written as
    /// numbers or as texts; what is no number is neither less nor greater.
    #[test]
    fn numbers_are_ordered_and_texts_are_not(a in -1_000_000_i64..1_000_000, b in -1_000_000_i64..1_000_000, word in "[a-z]{1,6}") {
        for actual in [json!(a), json!(a.to_string())] {
            let scope = ValueScope { values: json!({"call": {"n": actual}}), ..scope() };
            let is = |operator: &str| parse(json!({"field": "call.n", operator: b})).evaluate(&scope);
            let held = [is("less-than"), is("is"), is("greater-than")];
            prop_assert_eq!(held.iter().filter(|held| **held).count(), 1);
            prop_assert_eq!(is("at-least"), !is("less-than"));
            prop_assert_eq!(is("at-most"), !is("greater-than"));
            let between = parse(json!({"field": "call.n", "between": [a.min(b), a.max(b)]}));
            prop_assert!(between.evaluate(&scope));
        }
        let scope = ValueScope { values: json!({"call": {"n": word}}), ..scope() };
        for operator in ["less-than", "at-most", "greater-than", "at-least"] {
            let held = parse(json!({"field": "call.n", operator: b})).evaluate(&scope);
            prop_assert!(!held);
        }
    }

    /// Longer ago, less long ago and exactly so long ago exclude one another, and agree with dates.
    #[test]
    fn ages_are_ordered_and_agree_with_dates(ago in 0_i64..10_000_000, length in 1_i64..10_000_000) {
        let now = scope().now;
        let at = Timestamp::from_millisecond(now.as_millisecond() - ago).unwrap();
        let scope = ValueScope { values: json!({"contact": {"at": at.to_string()}}), ..scope() };
        let test = |operator: &str, operand: Value| parse(json!({"field": "contact.at", operator: operand})).evaluate(&scope);
        let (older, newer) = (test("older-than", json!(format!("{length}ms"))), test("newer-than", json!(format!("{length}ms"))));
        prop_assert_eq!((older, newer), (ago > length, ago < length));
        let then = Timestamp::from_millisecond(now.as_millisecond() - length).unwrap().to_string();
        prop_assert_eq!((test("before", json!(then)), test("after", json!(then))), (older, newer));
        prop_assert_eq!(test("between", json!(["0ms", format!("{length}ms")])), !older);
    }

    #[test]
    fn any_json_is_read_or_refused(value in any_json(), values in any_json()) {
        if let Ok(condition) = Condition::parse(&value) {
            let scope = ValueScope { values, ..scope() };
            let _ = condition.evaluate(&scope);
            let _ = condition.explain(&scope);
        }
    }

    #[test]
    fn any_values_can_be_asked(condition in any_condition(), status in any_json(), tags in any_json()) {
        let values = json!({"call": {"status": status, "start": status}, "contact": {"tags": tags}});
        let _ = parse(condition).evaluate(&ValueScope { values, ..scope() });
    }
}
