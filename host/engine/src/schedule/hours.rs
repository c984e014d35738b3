//! Business hours: for each weekday the times at which somebody is there.
//!
//! JSON form: `{"time-zone"?: "Europe/Paris" | "contact", "monday": ["09:00-12:00", "14:00-18:00"], …,
//! "holidays"?: ["2026-12-25"]}`. A weekday that is not named is closed. A range that ends before
//! it starts goes over midnight (`22:00-06:00`), and `24:00` is the end of the day. A range belongs
//! to the day on which it starts: a holiday shuts the ranges that start on it, and what began on
//! the evening before runs on.
//!
//! `contact` as the time zone means that of whoever the hours are asked about, so that nobody is written
//! to at night; whoever asks says which that is ([`BusinessHours::of_contact`]).
//!
//! Changes of clocks: both ends of a range are civil times, read as in [`super::moment`].

use jiff::{
    Timestamp, ToSpan,
    civil::{Date, Time, Weekday},
    tz::TimeZone,
};
use serde_json::{Map, Value};

use super::moment::instant_of;
use crate::document::problem::nearest;

/// How far ahead [`BusinessHours::next_open`] looks, in days.
const HORIZON: i32 = 366;
/// Most ranges on one weekday.
const MAX_RANGES: usize = 24;
/// Most holidays.
const MAX_HOLIDAYS: usize = 1000;

/// What stands for the contact's time zone.
const CONTACT: &str = "contact";

const WEEKDAYS: [(&str, Weekday); 7] = [
    ("monday", Weekday::Monday),
    ("tuesday", Weekday::Tuesday),
    ("wednesday", Weekday::Wednesday),
    ("thursday", Weekday::Thursday),
    ("friday", Weekday::Friday),
    ("saturday", Weekday::Saturday),
    ("sunday", Weekday::Sunday),
];

/// When somebody is there.
#[derive(Debug, Clone, PartialEq)]
pub struct BusinessHours {
    time_zone: Option<String>,
    zone: Option<TimeZone>,
    /// Monday first.
    week: [Vec<Range>; 7],
    /// Sorted.
    holidays: Vec<Date>,
}

/// From the first minute to before the last; minutes of the day, the end up to the next midnight
/// but one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Range {
    from: u16,
    to: u16,
}

/// Business hours that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HoursError {
    /// Not a mapping.
    #[error(
        "business hours are a mapping of weekdays to lists of ranges, such as `monday: \
         [\"09:00-12:00\", \"14:00-18:00\"]`"
    )]
    NotAMapping,
    /// A key that is none of those known.
    #[error("`{key}` is not part of business hours: use `monday` to `sunday`, `time-zone` or `holidays`{}", .suggestion.as_ref().map(|s| format!(" (did you mean `{s}`?)")).unwrap_or_default())]
    UnknownKey {
        /// What was written.
        key: String,
        /// What was probably meant.
        suggestion: Option<String>,
    },
    /// A range that is none.
    #[error(
        "`{0}` is not a range of times: write `09:00-17:30`; `22:00-06:00` goes over midnight, `24:00` is the end of the day"
    )]
    Range(String),
    /// Two ranges of one day overlap.
    #[error("`{0}` overlaps with another range of the same day")]
    Overlap(String),
    /// Not a list where one belongs.
    #[error("`{0}` must be a list of texts")]
    NotAList(String),
    /// Not a time zone.
    #[error(
        "`{0}` is not a time zone: use a name of the IANA database such as `Europe/Paris`, or `contact` for that of the contact"
    )]
    TimeZone(String),
    /// Not a date.
    #[error("`{0}` is not a date: write `2026-12-25`")]
    Holiday(String),
    /// More than anybody needs.
    #[error("`{key}` has more than {limit} entries")]
    TooMany {
        /// Which list.
        key: String,
        /// How many are allowed.
        limit: usize,
    },
}

impl BusinessHours {
    /// Reads the JSON form.
    ///
    /// # Errors
    /// The first thing that is wrong with it.
    pub fn parse(value: &Value) -> Result<Self, HoursError> {
        let object = value.as_object().ok_or(HoursError::NotAMapping)?;
        let mut hours = Self {
            time_zone: None,
            zone: None,
            week: Default::default(),
            holidays: Vec::new(),
        };
        for (key, value) in object {
            match key.as_str() {
                "time-zone" => {
                    let name = value
                        .as_str()
                        .ok_or(HoursError::TimeZone(value.to_string()))?;
                    hours.time_zone = Some(name.to_owned());
                    if name != CONTACT {
                        let zone = TimeZone::get(name);
                        let zone = zone.map_err(|_| HoursError::TimeZone(name.to_owned()))?;
                        hours.zone = Some(zone);
                    }
                }
                "holidays" => {
                    for day in texts(key, value, MAX_HOLIDAYS)? {
                        let date = (day.len() == 10).then(|| day.parse().ok()).flatten();
                        hours
                            .holidays
                            .push(date.ok_or(HoursError::Holiday(day.to_owned()))?);
                    }
                    hours.holidays.sort_unstable();
                    hours.holidays.dedup();
                }
                _ => {
                    let Some(index) = WEEKDAYS.iter().position(|(name, _)| name == key) else {
                        let known = WEEKDAYS.iter().map(|(name, _)| *name);
                        return Err(HoursError::UnknownKey {
                            key: key.clone(),
                            suggestion: nearest(key, known.chain(["time-zone", "holidays"])),
                        });
                    };
                    hours.week[index] = ranges(texts(key, value, MAX_RANGES)?)?;
                }
            }
        }
        Ok(hours)
    }

    /// The JSON form, which reads back as the same hours.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let mut object = Map::new();
        if let Some(zone) = &self.time_zone {
            object.insert("time-zone".to_owned(), zone.clone().into());
        }
        for ((name, _), ranges) in WEEKDAYS.iter().zip(&self.week) {
            if !ranges.is_empty() {
                let ranges: Vec<String> = ranges.iter().map(Range::to_string).collect();
                object.insert((*name).to_owned(), ranges.into());
            }
        }
        if !self.holidays.is_empty() {
            let days: Vec<String> = self.holidays.iter().map(Date::to_string).collect();
            object.insert("holidays".to_owned(), days.into());
        }
        Value::Object(object)
    }

    /// The same hours about a contact: where they are in the contact's time zone, they are in this one
    /// from now on. The contact may have none, or one that is not known: `time_zone` of
    /// [`BusinessHours::is_open`] counts then.
    #[must_use]
    pub fn of_contact(mut self, zone: Option<&str>) -> Self {
        if self.is_of_contact() {
            self.zone = zone.and_then(|zone| TimeZone::get(zone).ok());
        }
        self
    }

    /// Whether they are in the contact's time zone.
    #[must_use]
    pub fn is_of_contact(&self) -> bool {
        self.time_zone.as_deref() == Some(CONTACT)
    }

    /// Whether somebody is there. `time_zone` is used where the hours name none of their own.
    #[must_use]
    pub fn is_open(&self, at: Timestamp, time_zone: &TimeZone) -> bool {
        let zone = self.zone.as_ref().unwrap_or(time_zone);
        let today = zone.to_datetime(at).date();
        [today.yesterday().ok(), Some(today)]
            .into_iter()
            .flatten()
            .flat_map(|day| self.spans(day, zone))
            .any(|(from, to)| from <= at && at < to)
    }

    /// The first instant, not before `at`, at which somebody is there; none where that is more than
    /// a year away. `time_zone` is used where the hours name none of their own.
    #[must_use]
    pub fn next_open(&self, at: Timestamp, time_zone: &TimeZone) -> Option<Timestamp> {
        let zone = self.zone.as_ref().unwrap_or(time_zone);
        let today = zone.to_datetime(at).date();
        // From yesterday, for a range that went over midnight. Ranges start later on later days,
        // so the first day that has one decides.
        (-1..=HORIZON)
            .filter_map(|days| today.checked_add(days.days()).ok())
            .find_map(|day| {
                self.spans(day, zone)
                    .filter(|(_, to)| *to > at)
                    .map(|(from, _)| from.max(at))
                    .min()
            })
    }

    /// The ranges that start on this day, as instants. A range that a change of clocks has swallowed
    /// is left out.
    fn spans<'a>(
        &'a self,
        day: Date,
        zone: &'a TimeZone,
    ) -> impl Iterator<Item = (Timestamp, Timestamp)> + 'a {
        let closed = self.holidays.binary_search(&day).is_ok();
        let index = WEEKDAYS
            .iter()
            .position(|(_, weekday)| *weekday == day.weekday())
            .unwrap_or(0);
        let ranges: &[Range] = if closed { &[] } else { &self.week[index] };
        ranges.iter().filter_map(move |range| {
            let at = |minutes: u16| {
                let date = day.checked_add(i64::from(minutes / 1440).days()).ok()?;
                let minutes = minutes % 1440;
                let time = Time::new((minutes / 60) as i8, (minutes % 60) as i8, 0, 0).ok()?;
                instant_of(date.to_datetime(time), zone)
            };
            let (from, to) = (at(range.from)?, at(range.to)?);
            (from < to).then_some((from, to))
        })
    }
}

fn texts<'a>(key: &str, value: &'a Value, limit: usize) -> Result<Vec<&'a str>, HoursError> {
    let items = value
        .as_array()
        .ok_or_else(|| HoursError::NotAList(key.to_owned()))?;
    if items.len() > limit {
        return Err(HoursError::TooMany {
            key: key.to_owned(),
            limit,
        });
    }
    items
        .iter()
        .map(|item| {
            item.as_str()
                .ok_or_else(|| HoursError::NotAList(key.to_owned()))
        })
        .collect()
}

fn ranges(texts: Vec<&str>) -> Result<Vec<Range>, HoursError> {
    let mut ranges = Vec::with_capacity(texts.len());
    for text in texts {
        let range = Range::parse(text).ok_or_else(|| HoursError::Range(text.to_owned()))?;
        if ranges
            .iter()
            .any(|other: &Range| other.from < range.to && range.from < other.to)
        {
            return Err(HoursError::Overlap(text.to_owned()));
        }
        ranges.push(range);
    }
    ranges.sort_unstable_by_key(|range| range.from);
    Ok(ranges)
}

impl Range {
    fn parse(text: &str) -> Option<Self> {
        let minutes = |text: &str| -> Option<u16> {
            let (hours, minutes) = text.trim().split_once(':')?;
            let number = |digits: &str| -> Option<u16> {
                let fits = (1..=2).contains(&digits.len());
                (fits && digits.bytes().all(|b| b.is_ascii_digit())).then(|| digits.parse().ok())?
            };
            let (hours, minutes) = (number(hours)?, number(minutes)?);
            ((hours < 24 && minutes < 60) || (hours == 24 && minutes == 0))
                .then_some(hours * 60 + minutes)
        };
        let (from, to) = text.split_once('-')?;
        let (from, to) = (minutes(from)?, minutes(to)?);
        if from == to || from == 1440 {
            return None;
        }
        Some(Self {
            from,
            to: if to < from { to + 1440 } else { to },
        })
    }
}

impl std::fmt::Display for Range {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let to = if self.to > 1440 {
            self.to - 1440
        } else {
            self.to
        };
        write!(
            f,
            "{:02}:{:02}-{:02}:{:02}",
            self.from / 60,
            self.from % 60,
            to / 60,
            to % 60
        )
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn office() -> BusinessHours {
        BusinessHours::parse(&json!({
            "time-zone": "Europe/Paris",
            "monday": ["09:00-12:00", "14:00-18:00"],
            "tuesday": ["09:00-12:00"],
            "friday": ["22:00-06:00"],
            "sunday": ["01:30-02:30", "12:00-24:00"],
            "holidays": ["2026-12-25", "2026-12-28"],
        }))
        .unwrap()
    }

    fn at(text: &str) -> Timestamp {
        super::super::Moment::parse(text, &TimeZone::get("Europe/Paris").unwrap())
            .unwrap()
            .instant
    }

    fn next(text: &str) -> Timestamp {
        office().next_open(at(text), &TimeZone::UTC).unwrap()
    }

    #[test]
    fn ranges_are_open_at_their_start_and_closed_at_their_end() {
        let open = |text| office().is_open(at(text), &TimeZone::UTC);
        // 2026-12-07 is a Monday.
        assert!(!open("2026-12-07 08:59:59"));
        assert!(open("2026-12-07 09:00"));
        assert!(open("2026-12-07 11:59:59"));
        assert!(!open("2026-12-07 12:00"));
        assert!(open("2026-12-07 14:00"));
        assert!(!open("2026-12-09 10:00"), "Wednesday is closed");
    }

    #[test]
    fn a_range_over_midnight_belongs_to_the_day_it_starts_on() {
        let open = |text| office().is_open(at(text), &TimeZone::UTC);
        assert!(open("2026-12-04 23:00"), "Friday evening");
        assert!(open("2026-12-05 05:59"), "Saturday morning");
        assert!(!open("2026-12-05 06:00"));
        assert!(
            !open("2026-12-04 05:00"),
            "Friday morning belongs to Thursday"
        );
        assert!(!open("2026-12-26 05:00"), "Friday 25 is a holiday");
        assert_eq!(next("2026-12-05 01:00"), at("2026-12-05 01:00"));
    }

    #[test]
    fn the_next_opening_skips_closed_days_and_holidays() {
        assert_eq!(next("2026-12-07 10:00"), at("2026-12-07 10:00"), "open now");
        assert_eq!(next("2026-12-07 12:30"), at("2026-12-07 14:00"));
        assert_eq!(next("2026-12-08 12:00"), at("2026-12-11 22:00"));
        assert_eq!(next("2026-12-27 12:30"), at("2026-12-27 12:30"));
        assert_eq!(
            next("2026-12-28 09:00"),
            at("2026-12-29 09:00"),
            "Monday 28 is a holiday"
        );
    }

    #[test]
    fn hours_that_are_never_open_have_no_next_opening() {
        let never = BusinessHours::parse(&json!({})).unwrap();
        assert_eq!(
            never.next_open(at("2026-12-07 10:00"), &TimeZone::UTC),
            None
        );
    }

    #[test]
    fn a_range_in_the_gap_starts_after_it() {
        // On Sunday 29 March 2026 clocks skip 02:00-03:00, and with it the end of 01:30-02:30.
        assert_eq!(next("2026-03-29 01:45"), at("2026-03-29 01:45"));
        let open = |text: &str| office().is_open(text.parse().unwrap(), &TimeZone::UTC);
        assert!(open("2026-03-29T00:59:59Z"));
        assert!(!open("2026-03-29T01:00:00Z"));
        let lost = BusinessHours::parse(&json!({"sunday": ["02:10-02:50"]})).unwrap();
        let paris = TimeZone::get("Europe/Paris").unwrap();
        assert_eq!(
            lost.next_open(at("2026-03-29 00:00"), &paris),
            Some(at("2026-04-05 02:10"))
        );
    }

    #[test]
    fn hours_of_the_contact_stand_in_its_zone_and_else_in_the_given_one() {
        let read = || {
            let hours = json!({"time-zone": "contact", "friday": ["09:00-12:00"]});
            let hours = BusinessHours::parse(&hours).unwrap();
            assert_eq!(BusinessHours::parse(&hours.to_json()).unwrap(), hours);
            hours
        };
        // 09:30 in Paris, 03:30 in New York.
        let at: Timestamp = "2026-11-20T08:30:00Z".parse().unwrap();
        let paris = TimeZone::get("Europe/Paris").unwrap();
        let open = |zone: Option<&str>| read().of_contact(zone).is_open(at, &paris);
        assert!(open(Some("Europe/Berlin")));
        assert!(!open(Some("America/New_York")));
        assert!(open(None));
        assert!(open(Some("Nowhere/Town")));
        let next = read().of_contact(Some("America/New_York"));
        let next = next.next_open(at, &paris).unwrap();
        assert_eq!(next.to_string(), "2026-11-20T14:00:00Z");
        // Hours of a place stay there.
        let fixed = json!({"time-zone": "Europe/Paris", "friday": ["09:00-12:00"]});
        let fixed = BusinessHours::parse(&fixed).unwrap();
        assert!(
            fixed
                .of_contact(Some("America/New_York"))
                .is_open(at, &TimeZone::UTC)
        );
    }

    #[test]
    fn without_a_zone_of_their_own_hours_stand_in_the_given_one() {
        let hours = BusinessHours::parse(&json!({"monday": ["09:00-10:00"]})).unwrap();
        let noon: Timestamp = "2026-12-07T09:30:00Z".parse().unwrap();
        assert!(hours.is_open(noon, &TimeZone::UTC));
        assert!(!hours.is_open(noon, &TimeZone::get("Europe/Paris").unwrap()));
    }

    #[test]
    fn a_refusal_says_what_would_be_right() {
        for (value, part) in [
            (json!([]), "weekdays"),
            (json!({"mondy": []}), "did you mean `monday`"),
            (json!({"monday": ["9-17"]}), "09:00-17:30"),
            (json!({"monday": ["09:00-09:00"]}), "09:00-17:30"),
            (json!({"monday": ["09:00-25:00"]}), "09:00-17:30"),
            (
                json!({"monday": ["09:00-12:00", "11:00-13:00"]}),
                "overlaps",
            ),
            (json!({"monday": "09:00-12:00"}), "list"),
            (json!({"time-zone": "Paris"}), "IANA"),
            (json!({"holidays": ["25.12."]}), "2026-12-25"),
        ] {
            let error = BusinessHours::parse(&value).unwrap_err().to_string();
            assert!(error.contains(part), "{value}: {error}");
        }
    }

    #[test]
    fn writing_and_reading_is_the_identity() {
        assert_eq!(BusinessHours::parse(&office().to_json()).unwrap(), office());
    }

    proptest! {
        #[test]
        fn the_next_opening_is_open_and_never_before_now(seconds in 1_700_000_000_i64..1_900_000_000) {
            let now = Timestamp::from_second(seconds).unwrap();
            let hours = office();
            let next = hours.next_open(now, &TimeZone::UTC).unwrap();
            prop_assert!(next >= now);
            prop_assert!(hours.is_open(next, &TimeZone::UTC));
            prop_assert_eq!(next == now, hours.is_open(now, &TimeZone::UTC));
        }

        #[test]
        fn the_next_opening_is_monotone(seconds in 1_700_000_000_i64..1_900_000_000, step in 0_i64..1_000_000) {
            let next = |s| office().next_open(Timestamp::from_second(s).unwrap(), &TimeZone::UTC);
            prop_assert!(next(seconds) <= next(seconds + step));
        }
    }
}
