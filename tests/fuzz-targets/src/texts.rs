//! Texts with variables, HTML, and time as people write it.

use crate::workflows::scope;
use crate::{json, parts, text};
use jackfield_engine::schedule::{BusinessHours, Duration, Moment};
use jackfield_engine::variables::{Escape, MAX_OUTPUT, Template, Unset, html_to_text, render_html};
use jiff::{Timestamp, tz::TimeZone};

/// A text with variables, and the values: whatever is put in, no escape is undone and no text grows
/// without bound.
pub fn template(data: &[u8]) {
    let Some(text) = text(data) else { return };
    let [source, values] = parts(text);
    let scope = scope(json(values));
    let template = Template::parse(source);
    for unset in [Unset::Empty, Unset::Literal, Unset::Fail] {
        for escape in [
            Escape::None,
            Escape::Html,
            Escape::UriComponent,
            Escape::Json,
        ] {
            let Ok(rendered) = template.render(&scope, escape, unset) else {
                continue;
            };
            assert!(rendered.text.len() <= MAX_OUTPUT);
            // Only a value can have brought in what the template itself does not have.
            if escape == Escape::Html && unset == Unset::Empty {
                for mark in ['<', '>', '"', '\''] {
                    assert!(source.contains(mark) || !rendered.text.contains(mark));
                }
            }
        }
        let _ = template.render_uri(&scope, unset);
        if let Ok(html) = render_html(source, &scope, unset) {
            assert!(html.text.len() <= MAX_OUTPUT);
            // Unless the template opens a tag, nothing that is put in can.
            if !source.contains('<') && unset == Unset::Empty {
                assert!(!html.text.contains('<'), "{}", html.text);
            }
        }
    }
}

/// HTML as text: not longer than a bound, and without what only a terminal understands.
pub fn html(data: &[u8]) {
    let Some(text) = text(data) else { return };
    let plain = html_to_text(text);
    // A list item, a link's address and a paragraph's empty line are a few characters each.
    assert!(plain.len() <= 16 + text.len() * 8, "{plain}");
}

/// Durations, moments and opening hours: what is read is written back the same, and nothing opens
/// before it was asked for.
pub fn schedule(data: &[u8]) {
    let Some(text) = text(data) else { return };
    let [duration, moment, hours] = parts(text);
    if let Ok(duration) = duration.parse::<Duration>() {
        let again: Duration = duration.to_string().parse().expect("what was written");
        assert_eq!(again, duration);
        assert!(duration.after(Timestamp::UNIX_EPOCH) >= Timestamp::UNIX_EPOCH);
    }
    let paris = TimeZone::get("Europe/Paris").unwrap_or(TimeZone::UTC);
    if let Ok(moment) = Moment::parse(moment, &paris) {
        assert!(moment.compare(&moment, &paris).is_eq());
    }
    if let Ok(hours) = BusinessHours::parse(&json(hours)) {
        let again = BusinessHours::parse(&hours.to_json()).expect("what was written");
        assert_eq!(again.to_json(), hours.to_json());
        for second in [0, 1_767_225_600, 1_774_746_000, 253_402_000_000] {
            let Ok(at) = Timestamp::from_second(second) else {
                continue;
            };
            match hours.next_open(at, &paris) {
                Some(open) => assert!(open >= at && hours.is_open(open, &paris)),
                None => assert!(!hours.is_open(at, &paris)),
            }
        }
    }
}
