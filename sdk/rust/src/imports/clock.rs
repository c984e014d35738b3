//! The run's own clock. Times are milliseconds since 1970-01-01T00:00:00Z.

use serde_json::Value;

use super::sys;
use crate::failure::CallError;

/// The time now.
pub fn now() -> u64 {
    sys::clock::now()
}

/// The instant of a date and time as people write it; without an offset in the workspace's time
/// zone. Errors: `invalid`.
pub fn parse(text: &str) -> Result<u64, CallError> {
    sys::clock::parse(text)
}

/// The length in milliseconds of a duration such as `15m` or `1d12h`. Errors: `invalid`.
pub fn duration(text: &str) -> Result<u64, CallError> {
    sys::clock::duration(text)
}

/// The first instant, not before `after`, at which these business hours are open. Errors:
/// `invalid`; `not-found` when they are never open within 365 days.
pub fn next_open(hours: &Value, after: u64) -> Result<u64, CallError> {
    sys::clock::next_open(&hours.to_string(), after)
}
