//! Until when a conversation is set aside: a length of time, or a date and time.
//!
//! What must hold: the time is later than now, and no later than the longest wait there is.

use crate::error::{Error, Problem, Result};
use jackfield_engine::schedule::{Duration, LONGEST_WAIT, Moment};
use jiff::Timestamp;
use jiff::tz::TimeZone;

/// How long a conversation is set aside. One of the two is given.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Snooze {
    /// A date and time; one without an offset is of the workspace's time zone.
    pub until: Option<String>,
    /// A duration, such as `2h`.
    pub length: Option<String>,
}

impl Snooze {
    /// The time, in milliseconds since 1970.
    ///
    /// # Errors
    /// `invalid` with what would be right.
    pub(crate) fn until(&self, now: i64, zone: &TimeZone) -> Result<i64> {
        let refuse =
            |field: &str, said: String| Error::problems("invalid", vec![Problem::new(field, said)]);
        let (field, until) = match (&self.until, &self.length) {
            (Some(text), None) => {
                let moment = Moment::parse(text, zone);
                let moment = moment.map_err(|error| refuse("until", error.to_string()))?;
                ("until", moment.instant)
            }
            (None, Some(text)) => {
                let length = text.parse::<Duration>();
                let length = length.map_err(|error| refuse("for", error.to_string()))?;
                let start = Timestamp::from_millisecond(now).unwrap_or(Timestamp::MAX);
                ("for", length.after(start))
            }
            _ => {
                let said = "say either `for`, such as `2h`, or `until`, such as `2026-12-01 09:00`";
                return Err(refuse("until", said.to_owned()));
            }
        };
        let until = until.as_millisecond();
        let longest = i64::try_from(LONGEST_WAIT.as_millis()).unwrap_or(i64::MAX);
        if until <= now {
            let said = "this is not later than now".to_owned();
            return Err(refuse(field, said));
        }
        if until.saturating_sub(now) > longest {
            let said = "a conversation is set aside for 365 days at most".to_owned();
            return Err(refuse(field, said));
        }
        Ok(until)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    /// 2026-11-20T12:00:00Z
    const NOON: i64 = 1_795_176_000_000;

    fn read(until: Option<&str>, length: Option<&str>) -> std::result::Result<i64, String> {
        let snooze = Snooze {
            until: until.map(str::to_owned),
            length: length.map(str::to_owned),
        };
        let zone = TimeZone::fixed(jiff::tz::offset(1));
        snooze
            .until(NOON, &zone)
            .map_err(|error| format!("{error:?}"))
    }

    #[test]
    fn a_time_is_later_than_now_and_within_a_year() {
        assert_eq!(read(None, Some("1ms")), Ok(NOON + 1));
        assert_eq!(read(None, Some("365d")), Ok(NOON + 365 * 86_400_000));
        // In the workspace's time zone.
        assert_eq!(read(Some("2026-11-20 13:01"), None), Ok(NOON + 60_000));
        assert_eq!(read(Some("2026-11-20T12:00:01Z"), None), Ok(NOON + 1_000));
        for (until, length, part) in [
            (None, Some("0s"), "not later"),
            (Some("2026-11-20 13:00"), None, "not later"),
            (None, Some("365d1ms"), "365 days at most"),
            (Some("2027-11-21"), None, "365 days at most"),
            (None, Some("soon"), "is not a duration"),
            (Some("soon"), None, "is not a date"),
            (None, None, "either"),
            (Some("2026-12-01"), Some("2h"), "either"),
        ] {
            let said = read(until, length).unwrap_err();
            assert!(said.contains(part), "{until:?} {length:?}: {said}");
        }
    }
}
