//! Time as people write it: durations, dates, business hours, and pauses between tries.
//!
//! Pure functions: the time now is always a parameter. All instants are `jiff::Timestamp`; civil
//! times (what a clock on a wall shows) become instants in [`moment`] alone, so there is one answer
//! to what a change of clocks does to them.
//!
//! What must hold: nothing here yields a time before the one that it was asked from, and the same
//! input always yields the same output.

pub mod backoff;
pub mod cron;
pub mod duration;
pub mod hours;
pub mod moment;

pub use backoff::Backoff;
pub use cron::{Cron, CronError};
pub use duration::{Duration, DurationError};
pub use hours::{BusinessHours, HoursError};
pub use moment::{Moment, MomentError, instant_of};

/// The longest wait: 365 days.
pub const LONGEST_WAIT: Duration = Duration::from_millis(365 * 24 * 60 * 60 * 1000);
