//! What the id of a contact may be.

use crate::IdType;

/// The longest id of one's own.
const LONGEST: usize = 50;

/// Why an id is not valid; none when it is.
pub(crate) fn wrong(id_type: IdType, id: &str) -> Option<String> {
    let valid = match id_type {
        IdType::Phone => id.strip_prefix('+').is_some_and(|digits| {
            (7..=15).contains(&digits.len())
                && !digits.starts_with('0')
                && digits.bytes().all(|b| b.is_ascii_digit())
        }),
        IdType::Custom => {
            (1..=LONGEST).contains(&id.len())
                && id
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || b"_=+/@,-".contains(&b))
        }
    };
    let expected = match id_type {
        IdType::Phone => "a phone number such as +60177872890",
        IdType::Custom => "1 to 50 letters, digits and _ = + / @ , -",
    };
    (!valid).then(|| format!("the contact's id must be {expected}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_a_phone_number_or_a_short_text() {
        for id in ["+60177872890", "+1234567"] {
            assert_eq!(wrong(IdType::Phone, id), None);
        }
        for id in [
            "60177872890",
            "+0123456789",
            "+12a4567",
            "",
            "+123",
            "+1234567890123456",
        ] {
            assert!(wrong(IdType::Phone, id).is_some(), "{id}");
        }
        assert_eq!(wrong(IdType::Custom, "user_1=+/@,-Z"), None);
        for id in ["", "a b", "é", "a.b", &"x".repeat(51)] {
            assert!(wrong(IdType::Custom, id).is_some(), "{id}");
        }
    }
}
