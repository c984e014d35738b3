//! How numbers, times and states read: the small change of every table and tree.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use std::io::IsTerminal as _;

/// Colours, or none of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Paint {
    /// Whether escape sequences are written.
    pub on: bool,
}

impl Paint {
    /// No colours.
    pub const OFF: Paint = Paint { on: false };

    /// Colours if standard output is a terminal and `NO_COLOR` is not set.
    #[must_use]
    pub fn for_stdout() -> Paint {
        let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        Paint {
            on: !refused && std::io::stdout().is_terminal(),
        }
    }

    fn wrap(self, code: &str, text: &str) -> String {
        if self.on && !text.is_empty() {
            format!("\x1b[{code}m{text}\x1b[0m")
        } else {
            text.to_owned()
        }
    }

    /// For what stands out.
    #[must_use]
    pub fn bold(self, text: &str) -> String {
        self.wrap("1", text)
    }

    /// For what stands back.
    #[must_use]
    pub fn dim(self, text: &str) -> String {
        self.wrap("2", text)
    }

    /// For what went wrong.
    #[must_use]
    pub fn red(self, text: &str) -> String {
        self.wrap("31", text)
    }

    /// For what went well.
    #[must_use]
    pub fn green(self, text: &str) -> String {
        self.wrap("32", text)
    }

    /// For what is under way or wants attention.
    #[must_use]
    pub fn yellow(self, text: &str) -> String {
        self.wrap("33", text)
    }

    /// A state in the colour of what it means.
    #[must_use]
    pub fn state(self, state: &str) -> String {
        match state {
            "completed" | "active" | "published" | "delivered" | "read" | "accepted" | "sent"
            | "approved" | "ok" | "success" => self.green(state),
            "failed" | "uncertain" | "needs-attention" | "revoked" | "expired" => self.red(state),
            "waiting" | "running" | "queued" | "sending" | "paused" | "suppressed" | "stopped"
            | "cancelled" | "draft" | "asks" => self.yellow(state),
            other => other.to_owned(),
        }
    }
}

/// An instant with its date: `2026-11-20 14:02:11`.
#[must_use]
pub fn date_time(ms: i64, zone: &TimeZone) -> String {
    match Timestamp::from_millisecond(ms) {
        Ok(at) => at
            .to_zoned(zone.clone())
            .strftime("%Y-%m-%d %H:%M:%S")
            .to_string(),
        Err(_) => "?".to_owned(),
    }
}

/// The date of an instant: `2026-11-20`.
#[must_use]
pub fn date(ms: i64, zone: &TimeZone) -> String {
    date_time(ms, zone).chars().take(10).collect()
}

/// The time of day of an instant: `14:02:11.123`.
#[must_use]
pub fn clock(ms: i64, zone: &TimeZone) -> String {
    match Timestamp::from_millisecond(ms) {
        Ok(at) => {
            let zoned = at.to_zoned(zone.clone());
            format!("{}.{:03}", zoned.strftime("%H:%M:%S"), ms.rem_euclid(1000))
        }
        Err(_) => "?".to_owned(),
    }
}

/// A length of time in the two largest units: `1 d 2 h`, `3.2 s`, `140 ms`.
#[must_use]
pub fn duration_ms(ms: i64) -> String {
    let ms = ms.max(0);
    let (seconds, minutes, hours, days) =
        (ms / 1_000, ms / 60_000, ms / 3_600_000, ms / 86_400_000);
    let two = |large: i64, name: &str, small: i64, rest: &str| {
        if small == 0 {
            format!("{large} {name}")
        } else {
            format!("{large} {name} {small} {rest}")
        }
    };
    match () {
        () if days > 0 => two(days, "d", hours % 24, "h"),
        () if hours > 0 => two(hours, "h", minutes % 60, "min"),
        () if minutes > 0 => two(minutes, "min", seconds % 60, "s"),
        () if seconds > 0 => format!("{}.{} s", seconds, ms % 1_000 / 100),
        () => format!("{ms} ms"),
    }
}

/// Microseconds: `12 µs`, `1.2 ms`, `3.4 s`.
#[must_use]
pub fn micros(us: u64) -> String {
    match us {
        0..1_000 => format!("{us} µs"),
        1_000..1_000_000 => tenths(us, 1_000, "ms"),
        _ => tenths(us, 1_000_000, "s"),
    }
}

/// A count: `812`, `152 k`, `1.3 M`.
#[must_use]
pub fn count(number: u64) -> String {
    match number {
        0..1_000 => number.to_string(),
        1_000..1_000_000 => tenths(number, 1_000, "k"),
        1_000_000..1_000_000_000 => tenths(number, 1_000_000, "M"),
        _ => tenths(number, 1_000_000_000, "G"),
    }
}

/// Bytes: `310 B`, `2.1 kB`, `18.0 MB`.
#[must_use]
pub fn bytes(number: u64) -> String {
    match number {
        0..1_000 => format!("{number} B"),
        1_000..1_000_000 => tenths(number, 1_000, "kB"),
        1_000_000..1_000_000_000 => tenths(number, 1_000_000, "MB"),
        _ => tenths(number, 1_000_000_000, "GB"),
    }
}

/// One digit after the point below a hundred, none above.
fn tenths(number: u64, unit: u64, name: &str) -> String {
    if number / unit >= 100 {
        format!("{} {name}", number / unit)
    } else {
        format!("{}.{} {name}", number / unit, number % unit * 10 / unit)
    }
}

/// Text on one line, at most so many characters. Control characters become spaces: what comes from
/// outside must not steer the terminal.
#[must_use]
pub fn line(text: &str, most: usize) -> String {
    let mut clean: String = text
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect::<String>()
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ");
    if clean.chars().count() > most {
        clean = clean.chars().take(most.saturating_sub(1)).collect();
        clean.push('…');
    }
    clean
}

/// Text of several lines without other control characters.
#[must_use]
pub fn safe(text: &str) -> String {
    text.chars()
        .filter(|c| *c == '\n' || *c == '\t' || !c.is_control())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_with_their_unit() {
        assert_eq!(
            (micros(12), micros(1_250), micros(3_400_000)),
            ("12 µs".into(), "1.2 ms".into(), "3.4 s".into())
        );
        assert_eq!(
            (count(812), count(152_345), count(1_350_000)),
            ("812".into(), "152 k".into(), "1.3 M".into())
        );
        assert_eq!(
            (bytes(310), bytes(2_150)),
            ("310 B".into(), "2.1 kB".into())
        );
    }

    #[test]
    fn durations_read_in_their_two_largest_units() {
        for (ms, text) in [
            (140, "140 ms"),
            (3_250, "3.2 s"),
            (61_000, "1 min 1 s"),
            (3_600_000, "1 h"),
            (93_600_000, "1 d 2 h"),
            (-5, "0 ms"),
        ] {
            assert_eq!(duration_ms(ms), text);
        }
    }

    #[test]
    fn what_comes_from_outside_cannot_steer_the_terminal() {
        assert_eq!(line("a\x1b[31m\nb", 20), "a [31m b");
        assert_eq!(safe("a\x1b[31m\nb"), "a[31m\nb");
        assert_eq!(line("abcdef", 4), "abc…");
    }

    #[test]
    fn colours_are_only_written_when_wanted() {
        assert_eq!(Paint::OFF.state("failed"), "failed");
        assert_eq!(Paint { on: true }.red("x"), "\x1b[31mx\x1b[0m");
    }
}
