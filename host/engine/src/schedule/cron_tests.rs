//! What an expression means, when clocks change above all.

#![allow(clippy::unwrap_used)]
use super::*;
use proptest::prelude::*;

fn paris() -> TimeZone {
    TimeZone::get("Europe/Paris").unwrap()
}

fn cron(text: &str) -> Cron {
    text.parse().unwrap()
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// The next times after an instant, in Paris.
fn next(text: &str, after: &str, count: usize) -> Vec<String> {
    let (cron, mut now) = (cron(text), at(after));
    let mut found = Vec::new();
    for _ in 0..count {
        now = cron.after(now, &paris()).unwrap();
        found.push(now.to_string());
    }
    found
}

#[test]
fn fields_are_numbers_names_lists_ranges_and_steps() {
    for (text, after, expected) in [
        ("0 9 * * *", "2026-12-01T08:00:00Z", "2026-12-02T08:00:00Z"),
        (
            "0 9 * * *",
            "2026-12-01T07:59:59.999Z",
            "2026-12-01T08:00:00Z",
        ),
        (
            "*/15 * * * *",
            "2026-12-01T08:00:00Z",
            "2026-12-01T08:15:00Z",
        ),
        // Tuesday; the next working day but one is a Thursday.
        (
            "0 9 * * thu",
            "2026-12-01T08:00:00Z",
            "2026-12-03T08:00:00Z",
        ),
        ("0 9 * * 7", "2026-12-01T08:00:00Z", "2026-12-06T08:00:00Z"),
        (
            "0 9 * * SAT-SUN",
            "2026-12-05T08:00:00Z",
            "2026-12-06T08:00:00Z",
        ),
        (
            "0 9,17 * * *",
            "2026-12-01T08:00:00Z",
            "2026-12-01T16:00:00Z",
        ),
        (
            "0 9-17/4 * * *",
            "2026-12-01T08:00:00Z",
            "2026-12-01T12:00:00Z",
        ),
        (
            "0 0 1 jan *",
            "2026-12-01T08:00:00Z",
            "2026-12-31T23:00:00Z",
        ),
        ("0 0 29 2 *", "2026-12-01T08:00:00Z", "2028-02-28T23:00:00Z"),
        // Either day is enough where both are named: Friday the 4th comes before the 13th.
        (
            "0 0 13 * fri",
            "2026-12-01T08:00:00Z",
            "2026-12-03T23:00:00Z",
        ),
        (
            "0 0 */2 * fri",
            "2026-12-04T08:00:00Z",
            "2026-12-10T23:00:00Z",
        ),
    ] {
        assert_eq!(next(text, after, 1), [expected], "{text}");
    }
}

#[test]
fn what_is_no_schedule_is_refused_with_what_would_be_right() {
    for (text, part) in [
        ("", "this has 0"),
        ("0 9 * *", "this has 4"),
        ("0 0 9 * * *", "this has 6"),
        ("@daily", "five fields"),
        ("60 * * * *", "`60` is no minute"),
        ("-1 * * * *", "is no minute"),
        ("* 24 * * *", "0 to 23"),
        ("* * 0 * *", "1 to 31"),
        ("* * 32 * *", "1 to 31"),
        ("* * * 13 *", "`jan` to `dec`"),
        ("* * * * 8", "7 is Sunday"),
        ("* * * * mo", "`sun` to `sat`"),
        ("*/0 * * * *", "is no minute"),
        ("*/60 * * * *", "is no minute"),
        ("5/15 * * * *", "is no minute"),
        ("30-10 * * * *", "is no minute"),
        ("1,,2 * * * *", "is no minute"),
        ("1.5 * * * *", "is no minute"),
        ("001 * * * *", "is no minute"),
        ("0 0 L * *", "is no day of the month"),
        ("0 0 30 2 *", "never comes"),
        ("0 0 31 apr,jun *", "never comes"),
    ] {
        let error = text.parse::<Cron>().unwrap_err().to_string();
        assert!(error.contains(part), "{text}: {error}");
    }
    // A weekday saves it.
    assert!("0 0 30 2 mon".parse::<Cron>().is_ok());
}

#[test]
fn a_named_time_that_clocks_skip_comes_after_the_gap_and_once() {
    // Paris, 29 March 2026: 02:00 becomes 03:00 (01:00 UTC).
    assert_eq!(
        next("30 2 * * *", "2026-03-28T02:00:00Z", 2),
        ["2026-03-29T01:00:00Z", "2026-03-30T00:30:00Z"]
    );
    assert_eq!(
        next("0,30 2-3 * * *", "2026-03-29T00:00:00Z", 3),
        [
            "2026-03-29T01:00:00Z",
            "2026-03-29T01:30:00Z",
            "2026-03-30T00:00:00Z"
        ]
    );
}

#[test]
fn a_named_time_that_comes_twice_is_the_earlier_one() {
    // Paris, 25 October 2026: 03:00 becomes 02:00 (01:00 UTC).
    assert_eq!(
        next("30 2 * * *", "2026-10-24T12:00:00Z", 2),
        ["2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"]
    );
}

#[test]
fn every_hour_is_every_hour_that_passes() {
    assert_eq!(
        next("0 * * * *", "2026-03-29T00:00:00Z", 2),
        ["2026-03-29T01:00:00Z", "2026-03-29T02:00:00Z"]
    );
    assert_eq!(
        next("30 * * * *", "2026-10-25T00:00:00Z", 3),
        [
            "2026-10-25T00:30:00Z",
            "2026-10-25T01:30:00Z",
            "2026-10-25T02:30:00Z"
        ]
    );
}

#[test]
fn a_day_that_a_zone_left_out_is_made_up_for_after_it() {
    // Samoa went from 29 to 31 December 2011.
    let zone = TimeZone::get("Pacific/Apia").unwrap();
    let first = cron("0 12 * * *").after(at("2011-12-29T22:00:00Z"), &zone);
    assert_eq!(first, Some(at("2011-12-30T10:00:00Z")));
    let second = cron("0 12 * * *").after(first.unwrap(), &zone);
    assert_eq!(second, Some(at("2011-12-30T22:00:00Z")));
}

#[test]
fn of_times_that_were_missed_the_latest_is_told_and_the_others_counted() {
    let (cron, zone) = (cron("0 9 * * *"), paris());
    let start = at("2026-12-01T08:00:00Z");
    let latest = |end: &str, most| cron.latest(start, at(end), &zone, most);
    assert_eq!(latest("2026-12-02T07:59:59Z", 1_000), None);
    assert_eq!(
        latest("2026-12-02T08:00:00Z", 1_000),
        Some((at("2026-12-02T08:00:00Z"), 0))
    );
    assert_eq!(
        latest("2026-12-11T20:00:00Z", 1_000),
        Some((at("2026-12-11T08:00:00Z"), 9))
    );
    assert_eq!(
        latest("2026-12-11T20:00:00Z", 3),
        Some((at("2026-12-11T08:00:00Z"), 3))
    );
}

fn fields() -> impl Strategy<Value = String> {
    let minute = prop_oneof!["\\*", "\\*/(5|7|30)", "[1-5]?[0-9]", "0,30", "10-40/3"];
    let hour = prop_oneof!["\\*", "\\*/[2-9]", "1?[0-9]", "2,3", "1-4", "22-23"];
    let day = prop_oneof![4 => Just("*".to_owned()), 1 => "[1-9]|1[0-9]|2[0-8]"];
    let month = prop_oneof![4 => Just("*".to_owned()), 1 => "3|10|mar-apr|oct"];
    let weekday = prop_oneof![4 => Just("*".to_owned()), 1 => "sun|mon-fri|6,7"];
    (minute, hour, day, month, weekday).prop_map(|(a, b, c, d, e)| format!("{a} {b} {c} {d} {e}"))
}

const ZONES: [&str; 5] = [
    "Europe/Paris",
    "America/New_York",
    "Australia/Lord_Howe",
    "Asia/Kathmandu",
    "UTC",
];

proptest! {
    #[test]
    fn any_text_is_read_or_refused(text in "\\PC{0,40}|[0-9*/, -]{0,30}") {
        let _ = text.parse::<Cron>();
    }

    #[test]
    fn the_next_time_is_later_and_the_same_from_wherever_it_is_asked(
        text in fields(), zone in prop::sample::select(ZONES.to_vec()),
        start in 1_700_000_000_i64..1_900_000_000, part in 0.0..1.0_f64,
    ) {
        let (cron, zone) = (cron(&text), TimeZone::get(zone).unwrap());
        let start = Timestamp::from_second(start).unwrap();
        let next = cron.after(start, &zone).unwrap();
        prop_assert!(next > start);
        let between = start.as_second() + ((next.as_second() - start.as_second() - 1) as f64 * part) as i64;
        prop_assert_eq!(cron.after(Timestamp::from_second(between).unwrap(), &zone), Some(next));
        prop_assert_eq!(cron.latest(start, next, &zone, 10), Some((next, 0)));
        let just_before = next - 1.millisecond();
        prop_assert_eq!(cron.latest(start, just_before, &zone, 10), None);
        prop_assert_eq!(cron.to_string().parse::<Cron>().unwrap(), cron);
    }

    #[test]
    fn without_changes_of_clocks_it_is_what_every_minute_says(
        text in fields(), start in 29_000_000_i64..31_000_000,
    ) {
        let cron = cron(&text);
        let start = Timestamp::from_second(start * 60).unwrap();
        let next = cron.after(start, &TimeZone::UTC).unwrap();
        let minutes = (1..20_000).map(|minute| start + minute.minutes());
        let first = minutes.into_iter().find(|instant| {
            let civil = TimeZone::UTC.to_datetime(*instant);
            cron.is_for(civil.date())
                && cron.hours & (1 << civil.hour()) != 0
                && cron.minutes & (1 << civil.minute()) != 0
        });
        prop_assert!(first.is_none_or(|first| first == next));
    }
}
