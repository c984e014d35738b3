//! What the kinds of match hear, whom numbers mean, and when a window is open.

#![allow(clippy::unwrap_used)]
use super::*;
use crate::document::{Document, Own};
use proptest::prelude::*;
use std::sync::LazyLock;

struct Message<'a>(&'a str);

impl Scope for Message<'_> {
    fn get(&self, path: &str) -> Option<Value> {
        (path == "message.text").then(|| self.0.into())
    }

    fn now(&self) -> Timestamp {
        Timestamp::UNIX_EPOCH
    }

    fn time_zone(&self) -> &TimeZone {
        static ZONE: LazyLock<TimeZone> = LazyLock::new(|| TimeZone::UTC);
        &ZONE
    }
}

fn read(trigger: &str) -> Received {
    let source = format!(
        "name: a\ntrigger: {{event: message.received, {trigger}}}\nsteps: {{b: {{uses: w@1}}}}"
    );
    let document = Document::parse(&source).unwrap_or_else(|problems| panic!("{problems:#?}"));
    match &document.triggers[0].own {
        Own::Received(received) => (**received).clone(),
        other => panic!("{other:?}"),
    }
}

fn heard(keywords: &str, text: &str) -> Option<String> {
    let received = read(&format!("match: {keywords}"));
    received.keywords.unwrap().heard(text, &Message(text))
}

#[test]
fn each_kind_hears_what_it_is_for() {
    for (keywords, said, others) in [
        (
            "{exact: [join]}",
            vec!["JOIN", " Join! 🎉"],
            vec!["join us", "joining", ""],
        ),
        ("{exact: arrêt}", vec!["ARRET", "Arrêt."], vec!["arrête"]),
        (
            "{starts-with: [book a]}",
            vec!["Book a table"],
            vec!["book another", "I book a table"],
        ),
        (
            "{contains-word: [stop, halt]}",
            vec!["please STOP", "halt!"],
            vec!["nonstop"],
        ),
        ("{contains: [stop]}", vec!["nonstop flights"], vec!["st op"]),
        (
            "{all-words: [red, wine]}",
            vec!["Wine, the red one"],
            vec!["red", "redwine"],
        ),
        (
            "{none-of: [no, nope]}",
            vec!["yes", "", "nobody"],
            vec!["oh no"],
        ),
        (
            "{contains-word: [pizza], none-of: [cancel]}",
            vec!["a pizza"],
            vec!["cancel pizza", "cancel"],
        ),
        (
            "{regex: \"^order [0-9]+$\"}",
            vec!["Order 12"],
            vec!["order", "my order 12"],
        ),
        ("any", vec!["anything", ""], vec![]),
    ] {
        for text in said {
            assert!(heard(keywords, text).is_some(), "{keywords}: {text}");
        }
        for text in others {
            assert_eq!(heard(keywords, text), None, "{keywords}: {text}");
        }
    }
    assert_eq!(heard("{exact: [Oui, Ja]}", "ja!").as_deref(), Some("Ja"));
}

#[test]
fn a_number_is_its_digits_and_a_name_is_a_channels() {
    let received = read("numbers: [\"+33 6 12\", 36179, main-sms]");
    for message in [
        json!({"to": "+33612", "channel": "other"}),
        json!({"to": "36179"}),
        json!({"channel": "main-sms"}),
    ] {
        assert!(received.is_for(&message), "{message}");
    }
    for message in [
        json!({"to": "+336123"}),
        json!({"to": "main-sms"}),
        json!({}),
    ] {
        assert!(!received.is_for(&message), "{message}");
    }
}

#[test]
fn a_window_is_open_at_both_ends_and_a_date_is_its_whole_day() {
    let zone = TimeZone::get("Europe/Paris").unwrap();
    let received = read("from: 2026-12-01 09:00, until: 2026-12-24");
    for (instant, open) in [
        ("2026-12-01T07:59:59Z", false),
        ("2026-12-01T08:00:00Z", true),
        ("2026-12-24T22:59:59Z", true),
        ("2026-12-24T23:00:00Z", false),
    ] {
        assert_eq!(
            received.is_open(instant.parse().unwrap(), &zone),
            open,
            "{instant}"
        );
    }
}

#[test]
fn workflows_conflict_where_keyword_number_and_window_meet() {
    let one = "match: {exact: [Join]}, numbers: [\"+331\"], until: 2026-12-10";
    for (other, conflict) in [
        ("match: {contains-word: [JOIN!]}", true),
        (
            "match: {exact: [join]}, numbers: [\"+33 1\", \"+332\"], from: 2026-12-10",
            true,
        ),
        ("match: {exact: [join]}, numbers: [\"+332\"]", false),
        ("match: {exact: [join]}, from: 2026-12-11", false),
        ("match: {exact: [leave]}", false),
        ("match: {none-of: [join]}", false),
        ("match: any", false),
        ("numbers: [\"+331\"]", false),
    ] {
        let (one, other) = (read(one), read(other));
        assert_eq!(one.conflict(&other).is_some(), conflict, "{other:?}");
        assert_eq!(other.conflict(&one).is_some(), conflict, "{other:?}");
    }
    assert!(read("match: any").conflict(&read("match: any")).is_some());
}

#[test]
fn what_cannot_be_heard_is_refused() {
    for (trigger, part) in [
        ("match: {}", "at least one of"),
        ("match: all", "`any`, or a mapping"),
        ("match: {exact: []}", "1 to 100 keywords"),
        ("match: {exact: [\"!?\"]}", "no letter and no digit"),
        ("match: {exact: [{a: b}]}", "1 to 100 keywords"),
        ("match: {regex: \"(\"}", "not a regular expression"),
        ("match: {exakt: [a]}", "(did you mean `exact`?)"),
        ("numbers: []", "1 to 100 numbers"),
        ("from: soon", "is not a date and time"),
        (
            "from: 2026-12-02, until: 2026-12-01",
            "ends before it begins",
        ),
        ("stop-after-match: false", "only with `match`"),
        ("match: any, stop-after-match: 1", "true or false"),
    ] {
        let source = format!(
            "name: a\ntrigger: {{event: message.received, {trigger}}}\nsteps: {{b: {{uses: w@1}}}}"
        );
        let problems = Document::parse(&source).unwrap_err();
        let told: Vec<String> = problems.iter().map(ToString::to_string).collect();
        assert!(
            told.iter().any(|one| one.contains(part)),
            "{trigger}: {told:#?}"
        );
    }
    let long = |length: usize| {
        let text = format!(
            "name: a\ntrigger: {{event: message.received, match: {{exact: [{}]}}}}\nsteps: {{b: {{uses: w@1}}}}",
            "k".repeat(length)
        );
        Document::parse(&text).is_ok()
    };
    assert!(long(100) && !long(101));
}

proptest! {
    #[test]
    fn a_keyword_is_heard_whatever_its_dress(
        word in "[a-z]{1,10}", before in "[ !?.🎉«]{0,4}", after in "[ !?.🎉»]{0,4}", upper in any::<bool>(),
    ) {
        let said = if upper { word.to_uppercase() } else { word.clone() };
        let said = format!("{before}{said}{after}");
        // A text, because YAML reads some words as no text.
        let hears = |kind: &str, said: &str| {
            heard(&format!("{{{kind}: [\"{word}\"]}}"), said).is_some()
        };
        for kind in ["exact", "starts-with", "contains-word", "contains", "all-words"] {
            prop_assert!(hears(kind, &said), "{} {}", kind, said);
        }
        prop_assert!(!hears("none-of", &said));
        let longer = format!("{said}x{word}x");
        prop_assert!(!hears("exact", &longer));
    }
}
