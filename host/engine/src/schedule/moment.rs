//! Dates and times as people write them, and the instants that they stand for.
//!
//! Written forms: RFC 3339 with an offset (`2026-12-01T09:00:00Z`), a local date and time
//! (`2026-12-01 09:00`, seconds optional, `T` instead of the space allowed), or a date alone. What
//! has no offset stands in the time zone that is given, usually the workspace's, or in the one that
//! stands behind it in brackets (`2026-12-01 09:00[Europe/Paris]`).
//!
//! When clocks go forward, a time that they skip means the first instant after the gap. When clocks
//! go back, a time that occurs twice means the earlier one.

use std::cmp::Ordering;

use jiff::{
    Timestamp,
    civil::{Date, DateTime},
    tz::{AmbiguousOffset, TimeZone},
};

/// A point in time, or a whole day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Moment {
    /// The instant; of a whole day its first one.
    pub instant: Timestamp,
    /// Set where only a date was written.
    pub day: Option<Date>,
}

/// A text is not a date or time.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not a date and time: write `2026-12-01 09:00`, `2026-12-01` or \
     `2026-12-01T09:00:00Z`"
)]
pub struct MomentError(pub String);

impl Moment {
    /// Reads a date, a local date and time, or RFC 3339.
    ///
    /// # Errors
    /// The text is none of these, or there is no such day.
    pub fn parse(text: &str, time_zone: &TimeZone) -> Result<Self, MomentError> {
        let error = || MomentError(text.chars().take(64).collect());
        let text = text.trim();
        if let Some((plain, zone)) = text.strip_suffix(']').and_then(|text| text.split_once('[')) {
            let zone = TimeZone::get(zone).map_err(|_| error())?;
            return Self::parse(plain, &zone).map_err(|_| error());
        }
        // The lightest check that this is a date at all; what follows is the library's to judge,
        // but it also takes forms (`20261201`, offsets without colons) that a number could have.
        let bytes = text.as_bytes();
        if bytes.len() < 10 || bytes.len() > 64 || bytes[4] != b'-' || bytes[7] != b'-' {
            return Err(error());
        }
        if let Ok(instant) = text.parse::<Timestamp>() {
            return Ok(Self { instant, day: None });
        }
        if bytes.len() == 10 {
            let day = text.parse::<Date>().map_err(|_| error())?;
            let instant = instant_of(day.to_datetime(jiff::civil::Time::midnight()), time_zone)
                .ok_or_else(error)?;
            return Ok(Self {
                instant,
                day: Some(day),
            });
        }
        // An offset that is not well-formed must not be passed over.
        if !bytes[10..]
            .iter()
            .all(|b| b.is_ascii_digit() || b" Tt:.".contains(b))
        {
            return Err(error());
        }
        let civil = text.parse::<DateTime>().map_err(|_| error())?;
        let instant = instant_of(civil, time_zone).ok_or_else(error)?;
        Ok(Self { instant, day: None })
    }

    /// Compares in time. Where one of the two is a whole day, days are compared, as they are in the
    /// time zone: nothing on 1 December is after 1 December.
    #[must_use]
    pub fn compare(&self, other: &Self, time_zone: &TimeZone) -> Ordering {
        if self.day.is_none() && other.day.is_none() {
            return self.instant.cmp(&other.instant);
        }
        let day = |moment: &Self| {
            moment
                .day
                .unwrap_or_else(|| time_zone.to_datetime(moment.instant).date())
        };
        day(self).cmp(&day(other))
    }
}

/// The instant of a civil time; see the top of this file for gaps and folds. None outside the years
/// that can be represented.
#[must_use]
pub fn instant_of(civil: DateTime, time_zone: &TimeZone) -> Option<Timestamp> {
    let ambiguous = time_zone.to_ambiguous_timestamp(civil);
    match ambiguous.offset() {
        AmbiguousOffset::Gap { after, .. } => {
            // Read with the later offset the skipped time lies before the change of clocks, so the
            // next change is the one that skipped it.
            let before_change = after.to_timestamp(civil).ok()?;
            time_zone
                .following(before_change)
                .next()
                .map(|change| change.timestamp())
        }
        AmbiguousOffset::Unambiguous { .. } | AmbiguousOffset::Fold { .. } => {
            ambiguous.compatible().ok()
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;

    use super::*;

    fn paris() -> TimeZone {
        TimeZone::get("Europe/Paris").unwrap()
    }

    fn instant(text: &str) -> String {
        Moment::parse(text, &paris()).unwrap().instant.to_string()
    }

    #[test]
    fn local_times_stand_in_the_time_zone() {
        assert_eq!(instant("2026-12-01 09:00"), "2026-12-01T08:00:00Z");
        assert_eq!(instant("2026-07-01T09:00:30"), "2026-07-01T07:00:30Z");
        assert_eq!(instant("2026-12-01"), "2026-11-30T23:00:00Z");
        assert_eq!(
            instant("2026-12-01 09:00[Asia/Tokyo]"),
            "2026-12-01T00:00:00Z"
        );
        assert_eq!(instant("2026-12-01[Asia/Tokyo]"), "2026-11-30T15:00:00Z");
        assert_eq!(
            instant("2026-12-01T09:00:00Z[Asia/Tokyo]"),
            "2026-12-01T09:00:00Z"
        );
        for wrong in [
            "2026-12-01[Mars/Base]",
            "2026-12-01[]",
            "2026-12-01[[Asia/Tokyo]]",
            "[Asia/Tokyo]",
        ] {
            assert!(Moment::parse(wrong, &paris()).is_err(), "{wrong}");
        }
        assert_eq!(instant("2026-12-01T09:00:00Z"), "2026-12-01T09:00:00Z");
        assert_eq!(instant("2026-12-01 09:00:00-05:00"), "2026-12-01T14:00:00Z");
    }

    #[test]
    fn a_skipped_time_is_the_first_after_the_gap() {
        // Clocks in Paris go from 02:00 to 03:00 on 29 March 2026.
        for skipped in [
            "2026-03-29 02:00",
            "2026-03-29 02:30",
            "2026-03-29 02:59:59",
        ] {
            assert_eq!(instant(skipped), "2026-03-29T01:00:00Z", "{skipped}");
        }
        assert_eq!(instant("2026-03-29 03:00"), "2026-03-29T01:00:00Z");
        assert_eq!(instant("2026-03-29 01:59"), "2026-03-29T00:59:00Z");
    }

    #[test]
    fn a_repeated_time_is_the_earlier_one() {
        // Clocks in Paris go from 03:00 back to 02:00 on 25 October 2026.
        assert_eq!(instant("2026-10-25 02:30"), "2026-10-25T00:30:00Z");
    }

    #[test]
    fn what_is_no_date_is_refused() {
        for text in [
            "",
            "tomorrow",
            "2026-13-01",
            "2026-02-30",
            "20261201",
            "09:00",
            "1/12/2026",
        ] {
            let error = Moment::parse(text, &paris()).unwrap_err().to_string();
            assert!(error.contains("2026-12-01 09:00"), "{error}");
        }
        assert!(Moment::parse("2026-12-01T09:00:00+0", &paris()).is_err());
    }

    #[test]
    fn days_compare_as_days() {
        let read = |text| Moment::parse(text, &paris()).unwrap();
        let day = read("2026-12-01");
        assert_eq!(
            read("2026-12-01 18:00").compare(&day, &paris()),
            Ordering::Equal
        );
        // 23:30 UTC is the next day in Paris.
        assert_eq!(
            read("2026-12-01T23:30:00Z").compare(&day, &paris()),
            Ordering::Greater
        );
        assert_eq!(
            read("2026-11-30 23:59").compare(&day, &paris()),
            Ordering::Less
        );
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "\\PC{0,40}|[0-9T:Z.+ -]{0,30}") {
            let _ = Moment::parse(&text, &paris());
        }

        #[test]
        fn later_civil_times_are_never_earlier_instants(
            start in 0_i64..4_000_000_000, step in 0_i64..200_000,
            zone in prop::sample::select(vec!["Europe/Paris", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "UTC"]),
        ) {
            let zone = TimeZone::get(zone).unwrap();
            let civil = |seconds| TimeZone::UTC.to_datetime(Timestamp::from_second(seconds).unwrap());
            let (a, b) = (instant_of(civil(start), &zone).unwrap(), instant_of(civil(start + step), &zone).unwrap());
            prop_assert!(a <= b);
        }
    }
}
