//! Which numbers a message is forwarded to, so that it never comes back.

/// The numbers to forward to and those that are skipped: whoever is in `guarded`. Repetitions and
/// blanks are left out.
pub(crate) fn sort<'a>(numbers: &'a [String], guarded: &[&str]) -> (Vec<&'a str>, Vec<String>) {
    let mut taken: Vec<&str> = Vec::new();
    let mut skipped = Vec::new();
    for number in numbers.iter().map(|number| number.trim()) {
        if number.is_empty() || taken.iter().any(|one| same(one, number)) {
            continue;
        }
        match guarded.iter().any(|one| same(one, number)) {
            true => skipped.push(number.to_owned()),
            false => taken.push(number),
        }
    }
    (taken, skipped)
}

/// Whether two spellings may be one number: `+33 6 12 34 56 78`, `0033612345678`, `06 12 34 56 78`.
/// A number without its country is compared by its end, so it is rather one too many than a loop.
fn same(one: &str, other: &str) -> bool {
    const NATIONAL: usize = 7;
    let (one, other) = (digits(one), digits(other));
    let (long, short) = match one.0.len() >= other.0.len() {
        true => (one, other),
        false => (other, one),
    };
    if long.1 && short.1 || short.0.len() < NATIONAL {
        return long.0 == short.0;
    }
    long.0.ends_with(&short.0)
}

/// The digits, and whether they begin with the country.
fn digits(number: &str) -> (String, bool) {
    let digits: String = number.chars().filter(char::is_ascii_digit).collect();
    if number.trim_start().starts_with('+') {
        return (digits, true);
    }
    match digits.strip_prefix("00") {
        Some(rest) => (rest.to_owned(), true),
        None => (
            digits.strip_prefix('0').unwrap_or(&digits).to_owned(),
            false,
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_one_number_are_the_same() {
        for one in [
            "+33612345678",
            "0033 6 12 34 56 78",
            "06.12.34.56.78",
            "33612345678",
        ] {
            for other in ["+33 6 12 34 56 78", "0612345678"] {
                assert!(same(one, other), "{one} {other}");
                assert!(same(other, one), "{other} {one}");
            }
        }
    }

    #[test]
    fn other_numbers_are_not() {
        for (one, other) in [
            ("+33612345678", "+33612345679"),
            ("+33612345678", "+3312345678"),
            ("+33612345678", "+612345678"),
            ("36180", "+33600036180"),
            ("0612345678", "0712345678"),
        ] {
            assert!(!same(one, other), "{one} {other}");
        }
        assert!(same("36180", "36180"));
    }

    #[test]
    fn guarded_ones_are_skipped_and_repetitions_left_out() {
        let numbers = ["+33612345678", "", "06 12 34 56 78", "+33700000000"].map(String::from);
        let (taken, skipped) = sort(&numbers, &["0700000000"]);
        assert_eq!(taken, ["+33612345678"]);
        assert_eq!(skipped, ["+33700000000"]);
    }
}
