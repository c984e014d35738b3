//! Every type takes what fits it, and says what would fit where something does not.
#![allow(clippy::unwrap_used)]

use super::*;
use serde_json::json;

fn field(kind: FieldKind) -> FieldType {
    FieldType {
        kind,
        options: vec!["Gold".to_owned(), "Crème".to_owned()],
    }
}

#[test]
fn every_type_reads_text() {
    let table = [
        (FieldKind::Text, json!(12), json!("12")),
        (FieldKind::List, json!("creme"), json!("Crème")),
        (FieldKind::Checkbox, json!("Yes"), json!(true)),
        (FieldKind::Checkbox, json!(0), json!(false)),
        (FieldKind::Email, json!("A@B.Org"), json!("A@b.org")),
        (FieldKind::Number, json!("1 234,5"), json!(1234.5)),
        (FieldKind::Number, json!("-7"), json!(-7)),
        (
            FieldKind::Url,
            json!("example.com/a"),
            json!("https://example.com/a"),
        ),
        (FieldKind::Date, json!("2026-02-28"), json!("2026-02-28")),
        (FieldKind::Time, json!("09:30"), json!("09:30")),
        (FieldKind::Phone, json!("0612345678"), json!("+33612345678")),
    ];
    for (kind, written, stored) in table {
        assert_eq!(
            field(kind).convert(&written, Some("FR")),
            Ok(stored),
            "{kind:?} {written}"
        );
    }
}

#[test]
fn what_does_not_fit_is_refused_with_what_would() {
    let table = [
        (FieldKind::List, json!("Silver"), "Gold, Crème"),
        (FieldKind::Checkbox, json!("maybe"), "`true`"),
        (FieldKind::Email, json!("ann"), "ann@example.com"),
        (FieldKind::Number, json!("many"), "`12`"),
        (FieldKind::Url, json!("ftp://x.org"), "https://"),
        (FieldKind::Date, json!("2026-02-30"), "2026-12-31"),
        (FieldKind::Time, json!("25:00"), "09:30"),
        (FieldKind::Phone, json!("12"), "+33612345678"),
        (FieldKind::Text, json!({"a": 1}), "text"),
    ];
    for (kind, written, said) in table {
        let error = field(kind).convert(&written, None).unwrap_err();
        assert!(error.contains(said), "{kind:?} {written}: {error}");
    }
}

#[test]
fn operations_act_on_what_is_there() {
    let number = field(FieldKind::Number);
    let operate = |field: &FieldType, current: Option<Value>, operation, value: Value| {
        field.operate(current.as_ref(), operation, &value, None)
    };
    assert_eq!(
        operate(&number, None, Operation::Increment, json!(2)),
        Ok(Some(json!(2)))
    );
    assert_eq!(
        operate(&number, Some(json!(2)), Operation::Increment, json!("0.5")),
        Ok(Some(json!(2.5)))
    );
    assert_eq!(
        operate(&number, Some(json!(2)), Operation::Set, json!("")),
        Ok(None)
    );
    assert_eq!(
        operate(&number, Some(json!(2)), Operation::Clear, json!(9)),
        Ok(None)
    );
    let text = field(FieldKind::Text);
    assert_eq!(
        operate(&text, Some(json!("a")), Operation::Append, json!("b")),
        Ok(Some(json!("ab")))
    );
    assert!(operate(&text, None, Operation::Increment, json!(1)).is_err());
    let list = field(FieldKind::List);
    assert_eq!(
        operate(
            &list,
            Some(json!("Gold")),
            Operation::Append,
            json!("Crème")
        ),
        Ok(Some(json!(["Gold", "Crème"])))
    );
    assert!(operate(&number, None, Operation::Append, json!(1)).is_err());
}
