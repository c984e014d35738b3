//! Times that come again, written as five fields: minute, hour, day of the month, month, weekday.
//!
//! The fields are those of POSIX `crontab` with what Vixie's cron made common: `*`, lists, ranges,
//! steps (`*/15`, `9-17/2`), names of months and weekdays, Sunday as 0 or 7. Where both days are
//! named, either of them is enough.
//!
//! Changes of clocks, as that cron has them: a time of the day that is named (`30 2 * * *`) comes
//! once on every day that it is for, after the gap where clocks skip it, the earlier of the two where
//! they go back. Where the hour is `*` or `*/n`, what counts is the time that passes: hours that are
//! skipped are left out, and hours that come twice count twice.
//!
//! What must hold: the time that follows another is later; one that was asked from any instant before
//! it is the same; an expression that was read has a next time.

use super::moment::instant_of;
use jiff::civil::{Date, Time};
use jiff::tz::{AmbiguousOffset, TimeZone};
use jiff::{Timestamp, ToSpan};
use std::fmt;
use std::str::FromStr;

/// How many days are looked at for the next time: 29 February may be eight years away.
const HORIZON: i32 = 366 * 9;

/// A time that comes again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cron {
    text: String,
    minutes: u64,
    hours: u32,
    /// The hour was `*` or `*/n`.
    every_hour: bool,
    days: u32,
    every_day: bool,
    months: u16,
    weekdays: u8,
    every_weekday: bool,
}

/// A text that is no such time.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CronError {
    /// Not five fields.
    #[error(
        "a schedule has five fields, minute, hour, day of the month, month and weekday, such as \
         `0 9 * * mon-fri`; this has {0}"
    )]
    Fields(usize),
    /// One of them cannot be read.
    #[error(
        "`{text}` is no {field}: write {least} to {most}, `*`, `*/2`, a range or a list{names}"
    )]
    Field {
        /// Which field.
        field: &'static str,
        /// What was written.
        text: String,
        /// Its least number.
        least: u8,
        /// Its greatest number.
        most: u8,
        /// Names that it also takes, as the end of a sentence.
        names: &'static str,
    },
    /// There is no such day.
    #[error("`{0}` never comes: none of these months has such a day")]
    Never(String),
}

/// A field: its name, its numbers, and the names of the first ones.
struct Field {
    name: &'static str,
    least: u8,
    most: u8,
    words: &'static [&'static str],
    hint: &'static str,
}

const MONTHS: [&str; 12] = [
    "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
];
const WEEKDAYS: [&str; 7] = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];

const fn numbers(name: &'static str, least: u8, most: u8) -> Field {
    Field {
        name,
        least,
        most,
        words: &[],
        hint: "",
    }
}

static FIELDS: [Field; 5] = [
    numbers("minute", 0, 59),
    numbers("hour", 0, 23),
    numbers("day of the month", 1, 31),
    Field {
        name: "month",
        least: 1,
        most: 12,
        words: &MONTHS,
        hint: "; `jan` to `dec` stand for numbers",
    },
    Field {
        name: "weekday",
        least: 0,
        most: 7,
        words: &WEEKDAYS,
        hint: "; `sun` to `sat` stand for numbers, 7 is Sunday too",
    },
];

impl Field {
    /// The numbers that a text means, as bits.
    fn read(&self, text: &str) -> Result<u64, CronError> {
        let mut bits = 0;
        for part in text.split(',') {
            bits |= self.part(part).ok_or_else(|| CronError::Field {
                field: self.name,
                text: text.chars().take(64).collect(),
                least: self.least,
                most: self.most,
                names: self.hint,
            })?;
        }
        Ok(bits)
    }

    fn part(&self, part: &str) -> Option<u64> {
        let (range, step) = match part.split_once('/') {
            Some((range, step)) => (range, Some(number(step)?)),
            None => (part, None),
        };
        let (from, to) = match range.split_once('-') {
            _ if range == "*" => (self.least, self.most),
            Some((from, to)) => {
                let (from, to) = (self.one(from)?, self.one(to)?);
                // A week may end with its Sunday: `fri-sun`.
                let sunday = self.most == 7 && to == 0 && from > 0;
                (from, if sunday { 7 } else { to })
            }
            // A step without a range would say nothing.
            None if step.is_some() => return None,
            None => (self.one(range)?, self.one(range)?),
        };
        let step = step.unwrap_or(1);
        if from > to || step == 0 || step > self.most {
            return None;
        }
        let bits = (from..=to).step_by(step.into());
        Some(bits.fold(0, |bits, number| bits | 1 << number))
    }

    fn one(&self, text: &str) -> Option<u8> {
        let word = self.words.iter().position(|word| *word == text);
        let named = word.and_then(|place| u8::try_from(place).ok());
        // Weekdays are counted from 0, months from 1.
        let named = named.map(|place| place + u8::from(self.least == 1));
        named
            .or_else(|| number(text))
            .filter(|number| (self.least..=self.most).contains(number))
    }
}

fn number(text: &str) -> Option<u8> {
    let plain = (1..=2).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    plain.then(|| text.parse().ok())?
}

impl FromStr for Cron {
    type Err = CronError;

    fn from_str(text: &str) -> Result<Self, CronError> {
        let text = text.to_ascii_lowercase();
        let parts: Vec<&str> = text.split_whitespace().collect();
        let [minute, hour, day, month, weekday] = parts.as_slice() else {
            return Err(CronError::Fields(parts.len()));
        };
        let read = |place: usize, text: &str| FIELDS[place].read(text);
        let weekdays = read(4, weekday)?;
        // Each is within its field's numbers.
        let cron = Cron {
            minutes: read(0, minute)?,
            hours: read(1, hour)? as u32,
            every_hour: hour.starts_with('*'),
            days: read(2, day)? as u32,
            every_day: day.starts_with('*'),
            months: read(3, month)? as u16,
            weekdays: ((weekdays | weekdays >> 7) & 0x7f) as u8,
            every_weekday: weekday.starts_with('*'),
            text: parts.join(" "),
        };
        if cron.every_weekday && !cron.has_a_day() {
            return Err(CronError::Never(cron.text));
        }
        Ok(cron)
    }
}

impl fmt::Display for Cron {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Cron {
    /// Whether one of its months has one of its days, by the longest February.
    fn has_a_day(&self) -> bool {
        const LENGTHS: [u32; 12] = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
        let first = self.days.trailing_zeros();
        (1..=12).any(|month| self.months & (1 << month) != 0 && first <= LENGTHS[month - 1])
    }

    fn is_for(&self, date: Date) -> bool {
        let bit = |bits: u32, number: i8| bits & (1 << number) != 0;
        let day = bit(self.days, date.day());
        let weekday = bit(self.weekdays.into(), date.weekday().to_sunday_zero_offset());
        let fits = match (self.every_day, self.every_weekday) {
            (false, false) => day || weekday,
            _ => day && weekday,
        };
        fits && bit(self.months.into(), date.month())
    }

    /// The times of a day, upwards.
    fn on(&self, date: Date, time_zone: &TimeZone) -> Vec<Timestamp> {
        if !self.is_for(date) {
            return Vec::new();
        }
        let hours = (0..24_i8).filter(|hour| self.hours & (1 << hour) != 0);
        let times = hours.flat_map(|hour| {
            let minutes = (0..60_i8).filter(|minute| self.minutes & (1 << minute) != 0);
            minutes.map(move |minute| (hour, minute))
        });
        let mut found = Vec::new();
        for (hour, minute) in times {
            let Ok(time) = Time::new(hour, minute, 0, 0) else {
                continue;
            };
            let civil = date.to_datetime(time);
            if !self.every_hour {
                found.extend(instant_of(civil, time_zone));
                continue;
            }
            match time_zone.to_ambiguous_timestamp(civil).offset() {
                AmbiguousOffset::Unambiguous { offset } => {
                    found.extend(offset.to_timestamp(civil));
                }
                AmbiguousOffset::Gap { .. } => {}
                AmbiguousOffset::Fold { before, after } => {
                    found.extend(before.to_timestamp(civil));
                    found.extend(after.to_timestamp(civil));
                }
            }
        }
        found.sort_unstable();
        found.dedup();
        found
    }

    /// The days from the one of an instant on. What a gap pushes beyond midnight belongs to the day
    /// before.
    fn days_from(start: Timestamp, time_zone: &TimeZone) -> impl Iterator<Item = Date> {
        let first = time_zone.to_datetime(start).date();
        let first = first.checked_sub(1.day()).unwrap_or(first);
        (0..HORIZON).map_while(move |days| first.checked_add(days.days()).ok())
    }

    /// The first time after an instant; none at the end of the calendar.
    #[must_use]
    pub fn after(&self, instant: Timestamp, time_zone: &TimeZone) -> Option<Timestamp> {
        Self::days_from(instant, time_zone).find_map(|date| {
            let times = self.on(date, time_zone);
            times.into_iter().find(|time| *time > instant)
        })
    }

    /// The latest time after `start` and not after `end`, if there is one, and how many there are
    /// before it, as far as `most`.
    #[must_use]
    pub fn latest(
        &self,
        start: Timestamp,
        end: Timestamp,
        time_zone: &TimeZone,
        most: usize,
    ) -> Option<(Timestamp, usize)> {
        let last = time_zone.to_datetime(end).date();
        let first = time_zone.to_datetime(start).date();
        let first = first.checked_sub(1.day()).unwrap_or(first);
        let (mut date, mut latest, mut count) = (last, None, 0);
        while date >= first && count <= most {
            let times = self.on(date, time_zone);
            let within = |time: &&Timestamp| **time > start && **time <= end;
            latest = latest.max(times.iter().filter(within).max().copied());
            count += times.iter().filter(within).count();
            let Ok(before) = date.checked_sub(1.day()) else {
                break;
            };
            date = before;
        }
        latest.map(|latest| (latest, (count - 1).min(most)))
    }
}

#[cfg(test)]
#[path = "cron_tests.rs"]
mod tests;
