//! Dates: `2026-12-31`, or as the author's format says; stored as `YYYY-MM-DD`.

/// Day, month and year.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Part {
    Day,
    Month,
    Year,
}

/// The order of the parts in a format such as `DD/MM/YYYY`, `D.M.YY` or `YYYY-MM-DD`; none when it
/// is no format.
pub(crate) fn order(format: &str) -> Option<[Part; 3]> {
    let mut parts = Vec::new();
    let groups = format.split(|character: char| !character.is_alphanumeric());
    for group in groups.filter(|group| !group.is_empty()) {
        let part = match group.to_ascii_uppercase().as_str() {
            "D" | "DD" => Part::Day,
            "M" | "MM" => Part::Month,
            "YY" | "YYYY" => Part::Year,
            _ => return None,
        };
        if parts.contains(&part) {
            return None;
        }
        parts.push(part);
    }
    parts.try_into().ok()
}

pub(super) fn read(text: &str, format: Option<&str>) -> Result<String, String> {
    let numbers: Vec<&str> = text
        .split(|character: char| !character.is_ascii_digit())
        .filter(|part| !part.is_empty())
        .collect();
    let date = (|| {
        if text.chars().any(char::is_alphabetic) {
            return None;
        }
        let numbers: [&str; 3] = numbers.try_into().ok()?;
        let iso = [Part::Year, Part::Month, Part::Day];
        // A year of four digits in front is never anything else.
        let order = if numbers[0].len() == 4 {
            iso
        } else {
            format.and_then(order)?
        };
        let (mut day, mut month, mut year) = (0, 0, 0);
        for (part, digits) in order.into_iter().zip(numbers) {
            let number: u32 = digits.parse().ok()?;
            match (part, digits.len()) {
                (Part::Day, 1..=2) => day = number,
                (Part::Month, 1..=2) => month = number,
                (Part::Year, 4) => year = number,
                // Two digits: the hundred years from 1950.
                (Part::Year, 2) => {
                    year = if number < 50 {
                        2000 + number
                    } else {
                        1900 + number
                    }
                }
                _ => return None,
            }
        }
        let possible =
            (1..=12).contains(&month) && (1..=days(year, month)).contains(&day) && year > 0;
        possible.then(|| format!("{year:04}-{month:02}-{day:02}"))
    })();
    date.ok_or_else(|| format!("Please answer with a date, such as {}.", example(format)))
}

fn days(year: u32, month: u32) -> u32 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// The last day of 2026 in the author's format.
fn example(format: Option<&str>) -> String {
    let mut example = String::new();
    let mut last = ' ';
    for character in format
        .unwrap_or("YYYY-MM-DD")
        .chars()
        .map(|character| character.to_ascii_uppercase())
    {
        match character {
            repeated if repeated == last => {}
            'D' => example.push_str("31"),
            'M' => example.push_str("12"),
            'Y' => example.push_str("2026"),
            other => example.push(other),
        }
        last = character;
    }
    example
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn iso_is_always_valid_and_the_format_beside_it() {
        for (text, format, expected) in [
            ("2026-12-31", None, "2026-12-31"),
            ("2026/1/5", None, "2026-01-05"),
            ("31/12/2026", Some("DD/MM/YYYY"), "2026-12-31"),
            ("5.1.26", Some("D.M.YY"), "2026-01-05"),
            ("12-31-1999", Some("MM/DD/YYYY"), "1999-12-31"),
            ("2026-12-31", Some("DD/MM/YYYY"), "2026-12-31"),
            ("29/02/2024", Some("DD/MM/YYYY"), "2024-02-29"),
        ] {
            assert_eq!(read(text, format).as_deref(), Ok(expected), "{text}");
        }
    }

    #[test]
    fn impossible_dates_are_refused_with_an_example() {
        for (text, format) in [
            ("2026-02-30", None),
            ("2025-02-29", None),
            ("1900-02-29", None),
            ("2026-13-01", None),
            ("2026-00-10", None),
            ("31/12/2026", None),
            ("tomorrow", None),
            ("2026-12", None),
            ("31/04/2026", Some("DD/MM/YYYY")),
            ("1 2 3 4", Some("DD/MM/YYYY")),
            ("2026-12-31T10:00", None),
            ("", None),
        ] {
            assert!(read(text, format).is_err(), "{text}");
        }
        assert_eq!(
            read("x", Some("DD.MM.YYYY")),
            Err("Please answer with a date, such as 31.12.2026.".into())
        );
    }

    #[test]
    fn a_format_has_each_part_once() {
        assert_eq!(
            order("DD/MM/YYYY"),
            Some([Part::Day, Part::Month, Part::Year])
        );
        assert_eq!(order("yyyy-mm-dd"), order("YYYY. M. D."));
        for format in [
            "DD/MM",
            "DD/DD/YYYY",
            "hello",
            "",
            "DD/MM/YYYY/MM",
            "DDMMYYYY",
            "DDD/MM/YYYY",
            "DD/MM/YYY",
        ] {
            assert_eq!(order(format), None, "{format}");
        }
    }
}
