//! Numbers as people write them: `1234.5`, `1 234,5`, `1.234,50`, `1,234.50`, `-3`.

use jackfield_plugin::prelude::*;

use crate::settings::DecimalSeparator;

pub(super) fn read(
    text: &str,
    min: Option<f64>,
    max: Option<f64>,
    separator: Option<DecimalSeparator>,
) -> Result<Value, String> {
    let fits =
        |number: &f64| min.is_none_or(|min| *number >= min) && max.is_none_or(|max| *number <= max);
    let number = parse(text, separator)
        .filter(fits)
        .ok_or_else(|| match (min, max) {
            (Some(min), Some(max)) => format!("Please answer with a number from {min} to {max}."),
            (Some(min), None) => format!("Please answer with a number of at least {min}."),
            (None, Some(max)) => format!("Please answer with a number of at most {max}."),
            (None, None) => "Please answer with a number.".into(),
        })?;
    // A whole number is stored as one: 3, not 3.0. Up to 2^53 a float holds it exactly.
    let whole = number.fract() == 0.0 && number.abs() <= 9_007_199_254_740_992.0;
    Ok(if whole {
        json!(number as i64)
    } else {
        json!(number)
    })
}

fn parse(text: &str, separator: Option<DecimalSeparator>) -> Option<f64> {
    let compact: String = text
        .chars()
        .filter(|character| !character.is_whitespace() && !matches!(character, '\'' | '’' | '_'))
        .collect();
    let (sign, digits) = match compact.strip_prefix(['-', '−']) {
        Some(digits) => ("-", digits),
        None => ("", compact.strip_prefix('+').unwrap_or(&compact)),
    };
    let decimal = match separator {
        Some(DecimalSeparator::Dot) => Some('.'),
        Some(DecimalSeparator::Comma) => Some(','),
        None => guess(digits),
    };
    let (whole, fraction) = match decimal.and_then(|decimal| digits.rsplit_once(decimal)) {
        Some((whole, fraction)) => (whole, fraction),
        None => (digits, ""),
    };
    let group = whole
        .chars()
        .find(|character| matches!(character, '.' | ','));
    let whole = match group {
        Some(group) if grouped(whole, group) => whole.replace(group, ""),
        Some(_) => return None,
        None => whole.to_owned(),
    };
    let is_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.len() + fraction.len() == 0 || !is_digits(&whole) || !is_digits(fraction) {
        return None;
    }
    format!("{sign}{whole}.{fraction}0")
        .replace("-.", "-0.")
        .parse()
        .ok()
        .filter(|number: &f64| number.is_finite())
}

/// The decimal separator where nobody has said which: the last of two different ones; a single dot;
/// a single comma, but for `1,500`, which is more often a thousand and a half than one and a half.
fn guess(digits: &str) -> Option<char> {
    let count = |wanted: char| digits.matches(wanted).count();
    match (count('.'), count(',')) {
        (0, 0) => None,
        (0, 1) if grouped(digits, ',') => None,
        (1, 0) => Some('.'),
        (0, 1) => Some(','),
        (0, _) | (_, 0) => None,
        (_, 1) if digits.rfind(',') > digits.rfind('.') => Some(','),
        (1, _) => Some('.'),
        _ => None,
    }
}

/// Whether the separator stands between groups of three digits: `12,345,678`, not `0,500`.
fn grouped(whole: &str, separator: char) -> bool {
    let mut groups = whole.split(separator);
    let first = groups.next().unwrap_or_default();
    let mut rest = groups.peekable();
    (1..=3).contains(&first.len())
        && !first.starts_with('0')
        && rest.peek().is_some()
        && rest.all(|group| group.len() == 3)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_as_people_write_them() {
        for (text, expected) in [
            ("42", json!(42)),
            ("-3", json!(-3)),
            ("−3", json!(-3)),
            ("+7", json!(7)),
            ("3.5", json!(3.5)),
            ("3,5", json!(3.5)),
            (",5", json!(0.5)),
            ("-.5", json!(-0.5)),
            ("1 234,56", json!(1234.56)),
            ("1.234,56", json!(1234.56)),
            ("1,234.56", json!(1234.56)),
            ("1'234.5", json!(1234.5)),
            ("1,500", json!(1500)),
            ("0,500", json!(0.5)),
            ("1,234,567", json!(1_234_567)),
            ("1.234.567", json!(1_234_567)),
            ("1\u{202f}000", json!(1000)),
            ("2.0", json!(2)),
        ] {
            assert_eq!(read(text, None, None, None), Ok(expected), "{text}");
        }
        assert_eq!(
            read("1,500", None, None, Some(DecimalSeparator::Comma)),
            Ok(json!(1.5))
        );
        assert_eq!(
            read("1.500", None, None, Some(DecimalSeparator::Comma)),
            Ok(json!(1500))
        );
    }

    #[test]
    fn what_is_no_number_is_refused() {
        for text in [
            "", "many", "1e5", "0x10", "1,23,4", "12a", "1.2.3", "--1", ".", "NaN", "inf",
            "5 apples",
        ] {
            assert!(read(text, None, None, None).is_err(), "{text}");
        }
    }

    #[test]
    fn the_bounds_belong_to_the_range() {
        let read = |text| super::read(text, Some(1.0), Some(10.0), None);
        assert_eq!((read("1"), read("10")), (Ok(json!(1)), Ok(json!(10))));
        assert_eq!(
            read("0.9"),
            Err("Please answer with a number from 1 to 10.".into())
        );
        assert!(read("10,1").is_err());
    }
}
