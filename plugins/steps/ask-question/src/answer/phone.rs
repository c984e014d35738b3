//! Phone numbers into E.164 (`+33612345678`): by the number's own country code, or by a default
//! country with the rules of `countries`.
//!
//! It says whether a number can exist, not whether somebody answers it; a table of number ranges
//! would be a megabyte that ages every week.

use crate::countries::{self, Country};

pub(super) fn read(text: &str, country: Option<&str>) -> Result<String, String> {
    let country = country.and_then(countries::find);
    e164(text, country).ok_or_else(|| match country {
        Some(_) => "Please answer with a phone number.".into(),
        None => {
            "Please answer with a phone number with its country code, such as +33 6 12 34 56 78."
                .into()
        }
    })
}

fn e164(text: &str, country: Option<&Country>) -> Option<String> {
    let text = text.trim().trim_start_matches("tel:");
    let international = text.starts_with('+');
    // `+44 (0)20 ...`: the zero is dialled inside the country only.
    let text = if international {
        text.replace("(0)", "")
    } else {
        text.to_owned()
    };
    let marks = |character: char| {
        character.is_whitespace() || "-–.()/+\u{200e}\u{202a}\u{202c}".contains(character)
    };
    let digits: String = text.chars().filter(char::is_ascii_digit).collect();
    if text
        .chars()
        .any(|character| !character.is_ascii_digit() && !marks(character))
        || text.matches('+').count() > usize::from(international)
    {
        return None;
    }
    let number = if international {
        digits
    } else if let Some(rest) = digits.strip_prefix("00") {
        rest.to_owned()
    } else {
        let country = country?;
        match digits.strip_prefix("011") {
            Some(rest) if country.code == "1" => rest.to_owned(),
            _ => national(&digits, country)?,
        }
    };
    possible(&number).then(|| format!("+{number}"))
}

/// A number as it is dialled inside its country.
fn national(digits: &str, country: &Country) -> Option<String> {
    let number = match digits.strip_prefix(country.trunk) {
        Some(rest) if !country.trunk.is_empty() => rest,
        _ => digits,
    };
    (4..=13)
        .contains(&number.len())
        .then(|| format!("{}{number}", country.code))
}

/// Whether a number with its country code can exist (ITU-T E.164, and the North American plan).
fn possible(number: &str) -> bool {
    let Some(code) = countries::code_of(number) else {
        return false;
    };
    let rest = &number.as_bytes()[code.len()..];
    match code {
        "1" => {
            rest.len() == 10 && (b'2'..=b'9').contains(&rest[0]) && (b'2'..=b'9').contains(&rest[3])
        }
        "33" => rest.len() == 9 && rest[0] != b'0',
        _ => (7..=15).contains(&number.len()) && rest.len() >= 4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_become_e164() {
        for (text, country, expected) in [
            ("+33 6 12 34 56 78", None, "+33612345678"),
            ("0033612345678", None, "+33612345678"),
            ("06 12 34 56 78", Some("FR"), "+33612345678"),
            ("06.12.34.56.78", Some("FR"), "+33612345678"),
            ("+44 (0)20 7946 0958", None, "+442079460958"),
            ("020 7946 0958", Some("GB"), "+442079460958"),
            ("(415) 555-2671", Some("US"), "+14155552671"),
            ("1-415-555-2671", Some("CA"), "+14155552671"),
            ("011 33 612345678", Some("US"), "+33612345678"),
            ("06 698 12345", Some("IT"), "+390669812345"),
            ("612 345 678", Some("ES"), "+34612345678"),
            ("8 912 345-67-89", Some("RU"), "+79123456789"),
            ("06 20 123 4567", Some("HU"), "+36201234567"),
            ("tel:+60177872890", Some("FR"), "+60177872890"),
            ("017-787 2890", Some("MY"), "+60177872890"),
        ] {
            assert_eq!(read(text, country).as_deref(), Ok(expected), "{text}");
        }
    }

    #[test]
    fn impossible_numbers_are_refused() {
        for (text, country) in [
            ("", Some("FR")),
            ("call me", Some("FR")),
            ("0612345678", None),
            ("+33 6 12", None),
            ("+999 123 456 789", None),
            ("12345", Some("US")),
            ("(123) 555-2671", Some("US")),
            ("+33612345678+33612345678", None),
            ("06123456789", Some("FR")),
            ("+1234567890123456", None),
            ("0612345678 or 0712345678", Some("FR")),
        ] {
            assert!(read(text, country).is_err(), "{text}");
        }
    }
}
