//! Lengths of time such as `30s`, `2h` or `1d12h`.
//!
//! A day is 24 hours and a week is 7 days, whatever the clocks do: a duration is a length, not a
//! date. Months and years have no fixed length and are refused. Whole milliseconds, never negative.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A length of time in whole milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Duration(u64);

/// A text is not a duration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DurationError {
    /// Nothing was written.
    #[error("a duration is missing: write a number and a unit, such as `30s`, `15m`, `2h` or `1d`")]
    Empty,
    /// A number has no unit.
    #[error(
        "`{0}` has no unit: write `{0}s` for seconds, `{0}m` for minutes, `{0}h` for hours or `{0}d` for days"
    )]
    NoUnit(String),
    /// The unit is none of those known.
    #[error(
        "`{0}` is not a unit of time: use `ms`, `s`, `m`, `h`, `d` or `w` (minutes are `m`; months and years have no fixed length)"
    )]
    Unit(String),
    /// Two parts of the same unit, or a smaller unit before a larger one.
    #[error("`{0}`: write each unit once, the largest first, such as `1d12h`")]
    Order(String),
    /// Anything else.
    #[error(
        "`{0}` is not a duration: write a number and a unit, such as `30s`, `15m`, `2h`, `1d`, `1d12h` or `PT30S`"
    )]
    Malformed(String),
    /// More than can be counted.
    #[error("`{0}` is too long to count")]
    TooLong(String),
}

/// Unit, other spellings, milliseconds; the largest first.
const UNITS: [(&str, &[&str], u64); 6] = [
    ("w", &["week", "weeks"], 7 * 24 * 60 * 60 * 1000),
    ("d", &["day", "days"], 24 * 60 * 60 * 1000),
    ("h", &["hour", "hours"], 60 * 60 * 1000),
    ("m", &["min", "minute", "minutes"], 60 * 1000),
    ("s", &["sec", "second", "seconds"], 1000),
    ("ms", &["millisecond", "milliseconds"], 1),
];

impl Duration {
    /// So many milliseconds.
    #[must_use]
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis)
    }

    /// So many seconds.
    #[must_use]
    pub const fn from_secs(seconds: u64) -> Self {
        Self(seconds.saturating_mul(1000))
    }

    /// The length in milliseconds.
    #[must_use]
    pub const fn as_millis(self) -> u64 {
        self.0
    }

    /// The same length as the standard library has it.
    #[must_use]
    pub const fn to_std(self) -> std::time::Duration {
        std::time::Duration::from_millis(self.0)
    }

    /// The instant so much later; the last representable one where that is past the end of time.
    #[must_use]
    pub fn after(self, start: jiff::Timestamp) -> jiff::Timestamp {
        start
            .checked_add(self.to_std())
            .unwrap_or(jiff::Timestamp::MAX)
    }
}

impl FromStr for Duration {
    type Err = DurationError;

    fn from_str(text: &str) -> Result<Self, DurationError> {
        let text = text.trim();
        if text.len() > 64 {
            return Err(DurationError::TooLong(text.chars().take(64).collect()));
        }
        if text.starts_with(['P', 'p']) {
            return iso(text);
        }
        parts(
            text,
            text.chars()
                .filter(|c| !c.is_whitespace())
                .collect::<String>()
                .as_str(),
            &UNITS,
        )
    }
}

/// ISO 8601: `P[n]W`, `P[n]DT[n]H[n]M[n]S`.
fn iso(text: &str) -> Result<Duration, DurationError> {
    let malformed = || DurationError::Malformed(text.to_owned());
    let lower = text.to_ascii_lowercase();
    let body = lower.strip_prefix('p').ok_or_else(malformed)?;
    let (date, time) = match body.split_once('t') {
        Some((_, "")) => return Err(malformed()),
        Some(halves) => halves,
        None if body.is_empty() => return Err(malformed()),
        None => (body, ""),
    };
    let read = |half: &str, units: &[(&str, &[&str], u64)]| {
        if half.is_empty() {
            Ok(Duration::default())
        } else {
            parts(text, half, units)
        }
    };
    // In the date half `m` would be months, which have no fixed length.
    let date = read(date, &UNITS[..2])?;
    let time = read(time, &UNITS[2..5])?;
    date.0
        .checked_add(time.0)
        .map(Duration)
        .ok_or_else(|| DurationError::TooLong(text.to_owned()))
}

fn parts(
    text: &str,
    mut rest: &str,
    units: &[(&str, &[&str], u64)],
) -> Result<Duration, DurationError> {
    if rest.is_empty() {
        return Err(DurationError::Empty);
    }
    let mut total = 0_u64;
    let mut next_unit = 0;
    while !rest.is_empty() {
        let digits = rest
            .find(|c: char| !c.is_ascii_digit())
            .unwrap_or(rest.len());
        let (number, tail) = rest.split_at(digits);
        if number.is_empty() {
            return Err(DurationError::Malformed(text.to_owned()));
        }
        let letters = tail
            .find(|c: char| !c.is_alphabetic())
            .unwrap_or(tail.len());
        let (unit, tail) = tail.split_at(letters);
        if unit.is_empty() {
            return Err(if tail.is_empty() {
                DurationError::NoUnit(number.to_owned())
            } else {
                DurationError::Malformed(text.to_owned())
            });
        }
        let lower = unit.to_lowercase();
        let Some(index) = units
            .iter()
            .position(|(name, others, _)| *name == lower || others.contains(&lower.as_str()))
        else {
            return Err(DurationError::Unit(unit.to_owned()));
        };
        if index < next_unit {
            return Err(DurationError::Order(text.to_owned()));
        }
        next_unit = index + 1;
        total = number
            .parse::<u64>()
            .ok()
            .and_then(|count| count.checked_mul(units[index].2))
            .and_then(|length| length.checked_add(total))
            .ok_or_else(|| DurationError::TooLong(text.to_owned()))?;
        rest = tail;
    }
    Ok(Duration(total))
}

/// The shortest form that reads back as the same length: `1d12h`, `0s`.
impl fmt::Display for Duration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 == 0 {
            return f.write_str("0s");
        }
        let mut rest = self.0;
        for (unit, _, length) in UNITS {
            // Weeks only where nothing else is left: `10d` says more than `1w3d`.
            if unit == "w" && !rest.is_multiple_of(length) {
                continue;
            }
            if rest >= length {
                write!(f, "{}{unit}", rest / length)?;
                rest %= length;
            }
        }
        Ok(())
    }
}

impl Serialize for Duration {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Duration {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;

    use super::*;

    fn millis(text: &str) -> u64 {
        text.parse::<Duration>().unwrap().as_millis()
    }

    #[test]
    fn durations_are_read_as_people_write_them() {
        for (text, expected) in [
            ("30s", 30_000),
            ("15m", 900_000),
            ("2h", 7_200_000),
            ("1d", 86_400_000),
            ("1w", 604_800_000),
            ("1d12h", 129_600_000),
            ("1d 12h", 129_600_000),
            ("250ms", 250),
            ("90 minutes", 5_400_000),
            ("PT30S", 30_000),
            ("P1DT12H", 129_600_000),
            ("P2W", 1_209_600_000),
            ("0s", 0),
        ] {
            assert_eq!(millis(text), expected, "{text}");
        }
    }

    #[test]
    fn a_refusal_says_what_would_be_right() {
        for (text, part) in [
            ("", "missing"),
            ("30", "`30s` for seconds"),
            ("3 months", "months and years"),
            ("12h1d", "the largest first"),
            ("1h1h", "each unit once"),
            ("soon", "such as `30s`"),
            ("-5m", "such as `30s`"),
            ("1.5h", "such as `30s`"),
            ("P1M", "not a unit"),
            ("PT", "such as"),
            ("99999999999999999999d", "too long"),
        ] {
            let error = text.parse::<Duration>().unwrap_err().to_string();
            assert!(error.contains(part), "{text}: {error}");
        }
    }

    #[test]
    fn the_shortest_form_is_written() {
        for (text, canonical) in [
            ("36h", "1d12h"),
            ("14d", "2w"),
            ("10d", "10d"),
            ("90s", "1m30s"),
            ("1500ms", "1s500ms"),
        ] {
            assert_eq!(text.parse::<Duration>().unwrap().to_string(), canonical);
        }
    }

    proptest! {
        #[test]
        fn writing_and_reading_is_the_identity(millis in 0_u64..=u64::MAX) {
            let duration = Duration::from_millis(millis);
            prop_assert_eq!(duration.to_string().parse::<Duration>().unwrap(), duration);
        }

        #[test]
        fn any_text_is_read_or_refused(text in "\\PC{0,80}") {
            let _ = text.parse::<Duration>();
        }

        #[test]
        fn later_is_never_earlier(millis in any::<u64>(), start in -1_000_000_000_i64..4_000_000_000) {
            let start = jiff::Timestamp::from_second(start).unwrap();
            prop_assert!(Duration::from_millis(millis).after(start) >= start);
        }
    }
}
