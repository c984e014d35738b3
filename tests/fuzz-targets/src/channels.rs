//! Addresses, contacts' fields, and messages in and out.

use crate::{json, parts, text};
use jackfield_messaging::{FieldKind, Operation, untrusted};
use serde_json::{Value, json};

/// Addresses: a normal form is its own normal form, so that one address stays one contact.
pub fn address(data: &[u8]) {
    let Some(text) = text(data) else { return };
    for country in [None, Some("FR"), Some("US"), Some("XX")] {
        if let Some(phone) = untrusted::phone(text, country) {
            assert_eq!(untrusted::phone(&phone, None).as_ref(), Some(&phone));
            assert!(phone.len() <= 16 && phone.starts_with('+'));
        }
        if let Err(said) = untrusted::contact_reference(text, country) {
            assert!(!said.is_empty());
        }
    }
    if let Some(email) = untrusted::email(text) {
        assert_eq!(untrusted::email(&email).as_ref(), Some(&email));
        assert!(!email.contains(['\r', '\n', '\0', ' ', '<', '>', ',']));
    }
    let _ = untrusted::is_keyword(text);
}

const KINDS: [FieldKind; 9] = [
    FieldKind::Text,
    FieldKind::List,
    FieldKind::Checkbox,
    FieldKind::Email,
    FieldKind::Number,
    FieldKind::Url,
    FieldKind::Date,
    FieldKind::Time,
    FieldKind::Phone,
];

/// The value of a contact's field, and what is done with it: what a field holds, it takes again.
pub fn field(data: &[u8]) {
    let Some(text) = text(data) else { return };
    let [value, other] = parts(text);
    let options = ["a".to_owned(), "b".to_owned()];
    // As JSON, and as the text that a variable in a setting would be.
    for (value, other) in [
        (json(value), json(other)),
        (Value::from(value), Value::from(other)),
    ] {
        for kind in KINDS {
            let set =
                |value: &Value| untrusted::field_value(kind, &options, Operation::Set, None, value);
            let Ok(Some(held)) = set(&value) else {
                continue;
            };
            let again = set(&held);
            assert_eq!(again, Ok(Some(held.clone())), "{kind:?}");
            for operation in [Operation::Append, Operation::Increment] {
                let change = untrusted::field_value(kind, &options, operation, Some(&held), &other);
                if let Ok(Some(changed)) = change {
                    assert!(set(&changed).is_ok(), "{kind:?} {changed}");
                }
            }
        }
    }
}

/// What a connector says that a provider said.
pub fn inbound(data: &[u8]) {
    let Some(text) = text(data) else { return };
    let value = json(text);
    for event in value.as_array().unwrap_or(&vec![value.clone()]) {
        if let Err(error) = untrusted::inbound_event(event) {
            assert!(!error.message.is_empty() || !error.problems.is_empty());
        }
    }
}

/// What a caller wants sent.
pub fn outgoing(data: &[u8]) {
    let Some(text) = text(data) else { return };
    let value = json(text);
    let whole = json!({"channel": "c", "content": value.clone()});
    for value in [value, whole] {
        if let Err(error) = untrusted::outgoing_message(&value) {
            assert!(!error.message.is_empty() || !error.problems.is_empty());
        }
    }
}
